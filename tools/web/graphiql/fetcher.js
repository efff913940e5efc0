/*
 * How GraphiQL asks: a POST for queries and mutations, server-sent events for subscriptions. Both
 * carry the headers that the user typed, which WebSockets of a page could not.
 */
import { parse } from 'graphql';
import { createClient } from 'graphql-sse';

const url = new URL('/graphql', location.href).href;

/* Whether the operation that is to run is a subscription. GraphiQL's own view of the document lags
 * behind what is typed: it is not relied on. */
function isSubscription(query, operationName) {
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
    if (isSubscription(query, operationName)) {
        return createClient({ url, headers, credentials: 'omit', retryAttempts: 0 }).iterate(
            request
        );
    }
    return ask(request, headers);
}
