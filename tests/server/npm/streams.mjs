// streams.mjs URL: subscribes with the clients of graphql-sse and graphql-ws.
import assert from 'node:assert/strict';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url] = process.argv.slice(2);
let passed = 0;

/* Clients of one protocol each: `begun` is called when a request has reached the server. */
const createSse = (singleConnection) => (begun = () => {}) => {
  return createSseClient({
    url,
    singleConnection,
    retryAttempts: 0,
    fetchFn: async (target, options) => {
      const response = await fetch(target, options);
      if (!singleConnection || options.method === 'POST') begun();
      return response;
    },
  });
};
const protocols = {
  sse: createSse(false),
  'single connection of sse': createSse(true),
  ws: () => createWsClient({ url: url.replace('http', 'ws'), retryAttempts: 0, webSocketImpl: WebSocket }),
};
let failed = 0;

async function check(name, run) {
  for (const [protocol, create] of Object.entries(protocols)) {
    try {
      await run(create, protocol);
      passed++;
    } catch (failure) {
      failed++;
      console.log(`FAILED: ${name} (${protocol}): ${failure.stack ?? JSON.stringify(failure)}`);
    }
  }
}

async function mutate(query) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  const result = await response.json();
  assert.equal(result.errors, undefined, JSON.stringify(result));
}

const create = (id) => mutate(`mutation { createAuthor(input: { id: "${id}", name: "n" }) { id } }`);

const remove = (id) => mutate(`mutation { deleteAuthor(id: "${id}") { id } }`);

async function results(client, payload) {
  const all = [];
  for await (const result of client.iterate(payload)) all.push(result);
  await client.dispose();
  return all;
}

await check('a query is one result', async (connect) => {
  assert.deepEqual(await results(connect(), { query: '{ authors { totalCount } }' }), [
    { data: { authors: { totalCount: 1 } } },
  ]);
});

await check('variables and names of operations', async (connect) => {
  const query = 'query A { __typename } query B($id: ID!) { author(id: $id) { name } }';
  assert.deepEqual(
    await results(connect(), { query, operationName: 'B', variables: { id: 'a1' } }),
    [{ data: { author: { name: 'Austen' } } }],
  );
});

await check('mutations', async (connect) => {
  const query = 'mutation { createAuthor(input: { id: "m", name: "n" }) { id } }';
  assert.deepEqual(await results(connect(), { query }), [{ data: { createAuthor: { id: 'm' } } }]);
  const [again] = await results(connect(), { query });
  assert.equal(again.errors[0].extensions.code, 'UNIQUE');
  await remove('m');
});

await check('errors of a document', async (connect, protocol) => {
  const wrong = results(connect(), { query: 'subscription { nothing }' });
  if (protocol === 'single connection of sse') { // which gives the body of no other status than 202
    assert.equal((await wrong.catch((error) => error)).response.status, 400);
    return;
  }
  const errors = protocol === 'ws' ? await wrong.catch((all) => all) : (await wrong)[0].errors;
  assert.match(errors[0].message, /Cannot query field "nothing"/);
});

await check('a live query follows mutations', async (connect) => {
  const counts = [];
  const client = connect();
  for await (const { data } of client.iterate({ query: 'subscription { authors { totalCount } }' })) {
    counts.push(data.authors.totalCount);
    if (counts.length === 3) break;
    await create(`live${counts.length}`);
  }
  assert.deepEqual(counts, [1, 2, 3]);
  await client.dispose();
  await remove('live1');
  await remove('live2');
});

await check('changes, to several subscribers, each in order', async (connect, protocol) => {
  const query = 'subscription { authorChanged(operations: [CREATE]) { node { id } } }';
  const all = [];
  const begun = [];
  for (let i = 0; i < 5; i++) {
    const client = connect(() => connected());
    let connected;
    begun.push(new Promise((resolve) => (connected = resolve)));
    all.push((async () => {
      const ids = [];
      for await (const { data } of client.iterate({ query })) {
        if (data.authorChanged.node.id.startsWith('begin')) {
          connected();
          continue;
        }
        ids.push(data.authorChanged.node.id);
        if (ids.length === 10) break;
      }
      await client.dispose();
      return ids;
    })());
  }
  // A WebSocket does not tell when a subscription has begun: rows are made until each has seen one.
  let waiting = true;
  const started = Promise.all(begun).then(() => (waiting = false));
  for (let i = 0; waiting && protocol === 'ws'; i++) {
    await create(`begin${i}`);
    await remove(`begin${i}`);
  }
  await started;
  const wanted = [];
  for (let i = 0; i < 10; i++) {
    await create(`c${i}`);
    wanted.push(`c${i}`);
  }
  for (const ids of await Promise.all(all)) assert.deepEqual(ids, wanted);
  for (const id of wanted) await remove(id);
});

await check('many requests on one connection', async (connect) => {
  const client = connect();
  const query = 'query($id: ID!) { author(id: $id) { id } }';
  const one = async (i) => {
    for await (const { data } of client.iterate({ query, variables: { id: i % 2 ? 'a1' : 'x' } })) {
      assert.deepEqual(data.author, i % 2 ? { id: 'a1' } : null);
    }
  };
  await Promise.all(Array.from({ length: 80 }, (_, i) => one(i)));
  await client.dispose();
});

console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exit(failed === 0 ? 0 : 1);
