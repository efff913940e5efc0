// urql.mjs QUIRE SCRATCH: what programs do with urql.
import assert from 'node:assert/strict';
import { cacheExchange, Client, CombinedError, fetchExchange, gql, subscriptionExchange } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import { pipe, subscribe } from 'wonka';
import WebSocket from 'ws';
import { Heard, Server, authors, check, finish, noting } from './served.mjs';

const [quire, scratch] = process.argv.slice(2);
const server = await new Server(quire, scratch).start();

function connect(exchanges = [cacheExchange, fetchExchange], options = {}) {
  return new Client({ url: server.url, preferGetMethod: false, exchanges, ...options });
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 20));

/* Ways of subscribing: each gives a client of urql's and what ends it. */
const transports = {
  'graphql-ws': () => {
    const socket = createWsClient({
      url: server.socket,
      webSocketImpl: WebSocket,
      retryAttempts: 1000,
      retryWait: soon,
      shouldRetry: () => true,
    });
    const forward = ({ query, variables }) => ({
      subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
    });
    const client = connect([cacheExchange, fetchExchange, subscriptionExchange({ forwardSubscription: forward })]);
    return { client, dispose: () => socket.dispose() };
  },
  'graphql-sse': () => {
    const stream = createSseClient({ url: server.url, retryAttempts: 1000, retry: soon });
    const forward = ({ query, variables }) => ({
      subscribe: (sink) => ({ unsubscribe: stream.subscribe({ query, variables }, sink) }),
    });
    const client = connect([cacheExchange, fetchExchange, subscriptionExchange({ forwardSubscription: forward })]);
    return { client, dispose: () => stream.dispose() };
  },
  'its own fetch': () => ({
    client: connect([cacheExchange, fetchExchange], { fetchSubscriptions: true }),
    dispose: () => {},
  }),
};

const byId = gql`query Author($id: ID!) { author(id: $id) { id name born } }`;

await check('queries take variables, and come from the cache the second time', async () => {
  const requests = [];
  const client = connect(undefined, { fetch: noting(requests) });
  for (let i = 0; i < 2; i++) {
    const { data, error } = await client.query(byId, { id: 'a10' }).toPromise();
    assert.equal(error, undefined);
    assert.deepEqual(data.author, { ...authors[0], __typename: 'Author' });
  }
  assert.equal(requests.length, 1);
});

await check('a mutation makes queries of the same type run again', async () => {
  const client = connect();
  const names = new Heard();
  const { unsubscribe } = pipe(
    client.query(byId, { id: 'a11' }),
    subscribe(({ data, stale }) => stale || names.push(data.author.name)),
  );
  await names.until(1);
  const rename = gql`mutation($name: String!) { updateAuthor(id: "a11", input: { name: $name }) { id name } }`;
  assert.equal((await client.mutation(rename, { name: 'New' }).toPromise()).data.updateAuthor.name, 'New');
  assert.deepEqual([...(await names.until(2))], ['Author 11', 'New']);
  unsubscribe();
  await client.mutation(rename, { name: 'Author 11' }).toPromise();
});

await check('errors of a document and of a field', async () => {
  const client = connect();
  const wrong = await client.query(gql`{ nothing }`, {}).toPromise();
  assert.ok(wrong.error instanceof CombinedError);
  assert.match(wrong.error.graphQLErrors[0].message, /Cannot query field "nothing" on type "Query"/);
  const twice = await client.mutation(gql`mutation { createAuthor(input: { id: "a10", name: "x" }) { id } }`, {}).toPromise();
  assert.equal(twice.error.graphQLErrors[0].extensions.code, 'UNIQUE');
  assert.deepEqual(twice.error.graphQLErrors[0].path, ['createAuthor']);
});

for (const prefer of [false, 'force']) {
  await check(`persisted queries ${prefer ? 'by GET' : 'by POST'}`, async () => {
    const requests = [];
    const exchanges = [persistedExchange({ preferGetForPersistedQueries: prefer }), fetchExchange];
    const client = connect(exchanges, { fetch: noting(requests), requestPolicy: 'network-only' });
    const query = gql`query Persisted${prefer ? 'ByGet' : ''}($id: ID!) { author(id: $id) { id } }`;
    for (const id of ['a10', 'a11', 'a12']) {
      const { data, error } = await client.query(query, { id }).toPromise();
      assert.equal(error, undefined, String(error));
      assert.equal(data.author.id, id);
    }
    assert.equal(requests.length, 4);
    assert.equal(requests[0].method, prefer ? 'GET' : 'POST');
    const sent = ({ body, url }) => body?.query !== undefined || url.searchParams.get('query') !== null;
    assert.deepEqual(requests.map(sent), [false, true, false, false]);
  });
}

await check('queries by GET', async () => {
  const requests = [];
  const client = connect(undefined, { fetch: noting(requests), preferGetMethod: 'force' });
  assert.equal((await client.query(byId, { id: 'a13' }).toPromise()).data.author.id, 'a13');
  assert.equal(requests[0].method, 'GET');
});

for (const [name, open] of Object.entries(transports)) {
  await check(`subscriptions over ${name}`, async () => {
    const { client, dispose } = open();
    const changes = new Heard();
    const counts = new Heard();
    const query = gql`subscription { authorChanged { operation node { id } previous { id } } }`;
    const first = pipe(
      client.subscription(query, {}),
      subscribe(({ data, error }) => changes.push(error ?? data.authorChanged)),
    );
    const second = pipe(
      client.subscription(gql`subscription { authors { totalCount } }`, {}),
      subscribe(({ data, error }) => counts.push(error ?? data.authors.totalCount)),
    );
    await counts.until(1);
    await server.hearBegin(changes);
    for (let i = 0; i < 10; i++) await server.create(`s${i}`);
    await changes.until(10);
    assert.deepEqual(changes.map(({ node }) => node.id), Array.from({ length: 10 }, (_, i) => `s${i}`));
    while (counts.at(-1) !== authors.length + 10) await counts.until(counts.length + 1);
    for (let i = 0; i < 10; i++) await server.remove(`s${i}`);
    first.unsubscribe();
    second.unsubscribe();
    const errors = new Heard();
    pipe(
      client.subscription(gql`subscription { nothing }`, {}),
      subscribe(({ error }) => error && errors.push(error)),
    );
    const [{ graphQLErrors }] = await errors.until(1);
    assert.match(graphQLErrors[0].message, /Cannot query field "nothing" on type "Subscription"/);
    await dispose();
  });

  if (name === 'its own fetch') continue; // it does not come back by itself
  await check(`subscriptions over ${name} go on when the server was killed and is back`, async () => {
    const { client, dispose } = open();
    const counts = new Heard();
    const { unsubscribe } = pipe(
      client.subscription(gql`subscription { authors { totalCount } }`, {}),
      subscribe(({ data }) => data && counts.push(data.authors.totalCount)),
    );
    await counts.until(1);
    for (let round = 1; round <= 2; round++) {
      await server.kill();
      await server.start();
      await server.create(`k${round}`);
      while (counts.at(-1) !== authors.length + round) await counts.until(counts.length + 1);
    }
    for (let round = 1; round <= 2; round++) await server.remove(`k${round}`);
    unsubscribe();
    await dispose();
  });
}

await check('requests fail while the server is away, and go on when it is back', async () => {
  const client = connect([fetchExchange]);
  assert.equal((await client.query(byId, { id: 'a20' }).toPromise()).data.author.id, 'a20');
  await server.kill();
  assert.ok((await client.query(byId, { id: 'a20' }).toPromise()).error.networkError);
  await server.start();
  assert.equal((await client.query(byId, { id: 'a20' }).toPromise()).data.author.id, 'a20');
});

await server.stop();
finish();
