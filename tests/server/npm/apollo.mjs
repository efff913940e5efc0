// apollo.mjs QUIRE SCRATCH: what programs do with Apollo Client.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql,
} from '@apollo/client';
import { BatchHttpLink } from '@apollo/client/link/batch-http';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination } from '@apollo/client/utilities';
import { createClient as createWsClient } from 'graphql-ws';
import WebSocket from 'ws';
import { Heard, Server, authors, check, finish, noting } from './served.mjs';

globalThis.WebSocket ??= WebSocket; // GraphQLWsLink tells errors by it
const [quire, scratch] = process.argv.slice(2);
const server = await new Server(quire, scratch).start();
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

function connect({ link, cache, fetch: fetchFn } = {}) {
  return new ApolloClient({
    link: link ?? new HttpLink({ uri: server.url, fetch: fetchFn }),
    cache: cache ?? new InMemoryCache(),
  });
}

/* A client over a WebSocket, that comes back at once when it is cut off. */
function connectSocket(on = {}) {
  const socket = createWsClient({
    url: server.socket,
    webSocketImpl: WebSocket,
    retryAttempts: 1000,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, 20)),
    shouldRetry: () => true,
    on,
  });
  return { socket, client: connect({ link: new GraphQLWsLink(socket) }) };
}

const byId = gql`query Author($id: ID!) { author(id: $id) { id name born } }`;
const all = gql`query All { authors { items { id name } } }`;

await check('queries take variables, and hits of the cache make no request', async () => {
  const requests = [];
  const client = connect({ fetch: noting(requests) });
  for (let i = 0; i < 3; i++) {
    const { data } = await client.query({ query: byId, variables: { id: 'a10' } });
    assert.deepEqual(data.author, { __typename: 'Author', ...authors[0] });
  }
  const missing = await client.query({ query: byId, variables: { id: 'none' } });
  assert.equal(missing.data.author, null);
  assert.equal(requests.length, 2);
  assert.equal(requests[0].body.operationName, 'Author');
});

await check('rows are normalised by __typename and id, so that mutations reach every query', async () => {
  const client = connect();
  const names = new Heard();
  client.watchQuery({ query: all }).subscribe(({ data, dataState }) => {
    if (dataState === 'complete') names.push(data.authors.items.find((one) => one.id === 'a12').name);
  });
  await names.until(1);
  const { data } = await client.mutate({
    mutation: gql`mutation { updateAuthor(id: "a12", input: { name: "Renamed" }) { id name } }`,
  });
  assert.equal(data.updateAuthor.name, 'Renamed');
  assert.deepEqual([...(await names.until(2))], ['Author 12', 'Renamed']);
  const cached = client.cache.extract();
  assert.equal(cached['Author:a12'].name, 'Renamed');
  assert.equal(cached['Author:a11'].name, 'Author 11');
  await client.mutate({
    mutation: gql`mutation { updateAuthor(id: "a12", input: { name: "Author 12" }) { id name } }`,
  });
  client.stop();
});

await check('a mutation that creates a row, and a query that is asked again', async () => {
  const client = connect();
  await client.query({ query: all });
  await client.mutate({
    mutation: gql`mutation($input: AuthorInput!) { createAuthor(input: $input) { id name } }`,
    variables: { input: { id: 'new', name: 'New' } },
  });
  const { data } = await client.query({ query: all, fetchPolicy: 'network-only' });
  assert.equal(data.authors.items.length, authors.length + 1);
  await server.remove('new');
});

await check('errors of a document, of a field, and of variables', async () => {
  const client = connect();
  const wrong = await client.query({ query: gql`{ nothing }` }).catch((error) => error);
  assert.ok(CombinedGraphQLErrors.is(wrong), String(wrong));
  assert.match(wrong.message, /Cannot query field "nothing" on type "Query"/);
  const mutation = gql`mutation { createAuthor(input: { id: "a10", name: "x" }) { id } }`;
  const twice = await client.mutate({ mutation }).catch((error) => error);
  assert.ok(CombinedGraphQLErrors.is(twice), String(twice));
  assert.equal(twice.errors[0].extensions.code, 'UNIQUE');
  assert.deepEqual(twice.errors[0].path, ['createAuthor']);
  const { error } = await client.query({ query: byId, variables: {}, errorPolicy: 'all' });
  assert.match(error.message, /Variable "\$id" has invalid value/);
});

await check('persisted queries: by hash, and with the document when the hash is unknown', async () => {
  const requests = [];
  const http = new HttpLink({ uri: server.url, fetch: noting(requests) });
  const client = connect({ link: new PersistedQueryLink({ sha256 }).concat(http) });
  const query = gql`query Persisted($id: ID!) { author(id: $id) { id born } }`;
  for (const id of ['a10', 'a11', 'a12']) {
    const { data } = await client.query({ query, variables: { id } });
    assert.equal(data.author.id, id);
  }
  assert.deepEqual(requests.map(({ body }) => body.query !== undefined), [false, true, false, false]);
  const { persistedQuery } = requests[0].body.extensions;
  assert.equal(persistedQuery.sha256Hash, sha256(requests[1].body.query));
});

await check('persisted queries by GET, and mutations by POST', async () => {
  const requests = [];
  const http = new HttpLink({ uri: server.url, fetch: noting(requests) });
  const link = new PersistedQueryLink({ sha256, useGETForHashedQueries: true }).concat(http);
  const client = connect({ link });
  const query = gql`query ByGet($id: ID!) { author(id: $id) { id name } }`;
  for (const id of ['a10', 'a11']) {
    const { data } = await client.query({ query, variables: { id } });
    assert.equal(data.author.id, id);
  }
  assert.deepEqual(requests.map(({ method }) => method), ['GET', 'POST', 'GET']);
  const mutation = gql`mutation { updateAuthor(id: "a10", input: { born: 1900 }) { id } }`;
  const { data } = await client.mutate({ mutation });
  assert.equal(data.updateAuthor.id, 'a10');
  assert.ok(requests.slice(3).every(({ method }) => method === 'POST'));
});

await check('queries by GET without hashes', async () => {
  const requests = [];
  const link = new HttpLink({ uri: server.url, useGETForQueries: true, fetch: noting(requests) });
  const { data } = await connect({ link }).query({ query: byId, variables: { id: 'a20' } });
  assert.equal(data.author.id, 'a20');
  assert.equal(requests[0].method, 'GET');
});

await check('batches are refused', async () => {
  const client = connect({ link: new BatchHttpLink({ uri: server.url, batchMax: 2 }) });
  const both = await Promise.allSettled(['a10', 'a11'].map((id) => client.query({ query: byId, variables: { id } })));
  assert.deepEqual(both.map(({ status }) => status), ['rejected', 'rejected']);
});

await check('connections page through relayStylePagination, every row once', async () => {
  const cache = new InMemoryCache({
    typePolicies: { Query: { fields: { authors: relayStylePagination(['orderBy']) } } },
  });
  const client = connect({ cache });
  const query = gql`query Page($after: String) {
    authors(first: 7, after: $after, orderBy: { born: DESC }) {
      edges { cursor node { id } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }`;
  const watched = client.watchQuery({ query });
  watched.subscribe(() => {});
  await client.query({ query });
  let { authors: page } = client.readQuery({ query });
  let more = 0;
  for (; page.pageInfo.hasNextPage; more++) {
    await watched.fetchMore({ variables: { after: page.pageInfo.endCursor } });
    page = client.readQuery({ query }).authors;
  }
  assert.equal(more, 3);
  assert.deepEqual(page.edges.map(({ node }) => node.id), authors.map(({ id }) => id).reverse());
  client.stop();
});

await check('subscriptions: changes, and a live query that feeds the cache', async () => {
  const { client, socket } = connectSocket();
  const changes = new Heard();
  const counts = new Heard();
  client.subscribe({
    query: gql`subscription { authorChanged { operation node { id name } previous { id } } }`,
  }).subscribe(({ data }) => changes.push(data.authorChanged));
  client.subscribe({ query: gql`subscription { authors { totalCount } }` })
    .subscribe(({ data }) => counts.push(data.authors.totalCount));
  await counts.until(1);
  assert.equal(counts[0], authors.length);
  await server.hearBegin(changes);
  await server.create('s1');
  while (counts.at(-1) !== authors.length + 1) await counts.until(counts.length + 1);
  await server.remove('s1');
  while (counts.at(-1) !== authors.length) await counts.until(counts.length + 1);
  await changes.until(2);
  assert.deepEqual(changes.map(({ operation }) => operation), ['CREATE', 'DELETE']);
  assert.deepEqual(changes[0].node, { __typename: 'Author', id: 's1', name: 'n' });
  const wrong = await new Promise((resolve) => {
    client.subscribe({ query: gql`subscription { nothing }` })
      .subscribe({ next: ({ error }) => resolve(error), error: resolve });
  });
  assert.match(wrong.message, /Cannot query field "nothing" on type "Subscription"/);
  client.stop();
  await socket.dispose();
});

await check('subscriptions go on when the server was killed and is back', async () => {
  const connected = new Heard();
  const { client, socket } = connectSocket({ connected: () => connected.push(true) });
  const results = new Heard();
  client.subscribe({ query: gql`subscription { authors { totalCount } }` })
    .subscribe(({ data }) => results.push(data.authors.totalCount));
  await results.until(1);
  for (let round = 1; round <= 3; round++) {
    await server.kill();
    await server.start();
    await connected.until(1 + round);
    await server.create(`k${round}`);
    while (results.at(-1) !== authors.length + round) await results.until(results.length + 1);
  }
  const { data } = await connect().query({ query: all });
  assert.equal(data.authors.items.length, authors.length + 3);
  for (let round = 1; round <= 3; round++) await server.remove(`k${round}`);
  client.stop();
  await socket.dispose();
});

await check('requests fail while the server is away, and go on when it is back', async () => {
  const client = connect();
  const query = { query: byId, variables: { id: 'a30' }, fetchPolicy: 'network-only' };
  await client.query(query);
  await server.kill();
  await assert.rejects(client.query(query));
  await server.start();
  assert.equal((await client.query(query)).data.author.id, 'a30');
});

await server.stop();
finish();
