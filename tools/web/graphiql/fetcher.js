/*
 * How GraphiQL asks: a POST for queries and mutations, server-sent events for subscriptions. Both
 * carry the headers that the user typed, which WebSockets of a page could not.
 */
import { parse } from 'graphql';
import { createClient } from 'graphql-sse';

const url = new URL('/graphql', location.href).href;

/* Whether the operation that is to run is answered by a stream. GraphiQL's own view of the document
 * lags behind what is typed: it is not relied on. */
function isStream(query, operationName) {
    let document;
    try {
        document = parse(query);
    } catch {
        return false; /* the server says why */
    }
    const operations = document.definitions.filter(({ kind }) => kind === 'OperationDefinition');
    const chosen = operations.find(
        (operation) => !operationName || operation.name?.value === operationName
    );
    const live = chosen?.directives.some((directive) => directive.name.value === 'live');
    return chosen?.operation === 'subscription' || live;
}

async function ask(request, headers) {
    const response = await fetch(url, {
        method: 'POST',
        headers: {
            ...headers,
            'content-type': 'application/json',
            accept: 'application/graphql-response+json, application/json',
        },
        body: JSON.stringify(request),
        credentials: 'omit',
    });
    return response.json();
}

/* `explain` asks for access paths and rows read, in the response's extensions. */
export const makeFetcher =
    (explain) =>
    ({ query, operationName, variables }, options) => {
        const headers = options?.headers ?? {};
        const request = { query, operationName: operationName ?? undefined, variables };
        if (isStream(query, operationName)) {
            return createClient({ url, headers, credentials: 'omit', retryAttempts: 0 }).iterate(
                request
            );
        }
        /* What GraphiQL asks by itself has this name. */
        const plain = !explain || operationName === 'IntrospectionQuery';
        return ask(plain ? request : { ...request, extensions: { explain: true } }, headers);
    };
