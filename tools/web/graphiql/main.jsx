/*
 * GraphiQL for this server. Requests go to /graphql of the page's own origin, with the headers that
 * the user types: they are kept in memory alone, so that no token stays behind in the browser.
 */
import './monaco.js';

import { ToolbarButton } from '@graphiql/react';
import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import { useMemo, useState } from 'react';
import { createRoot } from 'react-dom/client';

import { makeFetcher } from './fetcher.js';
import './page.css';
import { storage } from './storage.js';

const welcome = `# Ctrl+Space completes.
# Ctrl+Enter runs.
# The book shows the schema.

# Where a token is asked for,
# give it under Headers:
# {"Authorization": "Bearer ..."}
# and load the schema again.

{
  __typename
}
`;

function Page() {
    const [explain, setExplain] = useState(false);
    const fetcher = useMemo(() => makeFetcher(explain), [explain]);
    return (
        <GraphiQL
            fetcher={fetcher}
            storage={storage}
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
            <GraphiQL.Toolbar>
                {({ prettify, merge, copy }) => (
                    <>
                        {prettify}
                        {merge}
                        {copy}
                        <ToolbarButton
                            label="Explain: access paths in the response's extensions"
                            aria-pressed={explain}
                            className="quire-explain"
                            onClick={() => setExplain(!explain)}
                        >
                            EXP
                        </ToolbarButton>
                    </>
                )}
            </GraphiQL.Toolbar>
        </GraphiQL>
    );
}

createRoot(document.getElementById('graphiql')).render(<Page />);
