/*
 * How GraphiQL asks: a POST for queries and mutations, server-sent events for subscriptions. Both
 * carry the headers that the user typed, which WebSockets of a page could not.
 */
import { createClient } from 'graphql-sse';

const url = new URL('/graphql', location.href).href;

/* Whether the operation that is to run is a subscription. */
function isSubscription(documentAST, operationName) {
    const operations = (documentAST?.definitions ?? []).filter(
        (definition) => definition.kind === 'OperationDefinition'
    );
    const chosen = operations.find(
        (operation) => !operationName || operation.name?.value === operationName
    );
    return chosen?.operation === 'subscription';
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

export function fetcher({ query, operationName, variables }, options) {
    const request = { query, operationName: operationName ?? undefined, variables };
    const headers = options?.headers ?? {};
    if (isSubscription(options?.documentAST, operationName)) {
        return createClient({ url, headers, credentials: 'omit', retryAttempts: 0 }).iterate(
            request
        );
    }
    return ask(request, headers);
}
