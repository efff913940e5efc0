/*
 * GraphiQL for this server. Requests go to /graphql of the page's own origin, with the headers that
 * the user types: they are kept in memory alone, so that no token stays behind in the browser.
 */
import './monaco.js';

import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import { createRoot } from 'react-dom/client';

import { fetcher } from './fetcher.js';
import './page.css';

const welcome = `# Ctrl+Space completes, Ctrl+Enter runs. The book at the left is the schema.
# With tokens: {"Authorization": "Bearer ..."} under Headers, then reload the schema.

{
  __schema {
    queryType {
      fields {
        name
        description
      }
    }
  }
}
`;

createRoot(document.getElementById('graphiql')).render(
    <GraphiQL
        fetcher={fetcher}
        defaultQuery={welcome}
        shouldPersistHeaders={false}
        showPersistHeadersSettings={false}
        defaultEditorToolsVisibility="variables"
    >
        <GraphiQL.Logo>
            <a className="quire-logo" href="/admin">
                Quire
            </a>
        </GraphiQL.Logo>
    </GraphiQL>
);
