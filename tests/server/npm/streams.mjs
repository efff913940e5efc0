// streams.mjs URL: subscribes with the client of graphql-sse.
import assert from 'node:assert/strict';
import { createClient } from 'graphql-sse';

const [url] = process.argv.slice(2);
let passed = 0;

async function check(name, run) {
  const client = createClient({ url, retryAttempts: 0 });
  try {
    await run(client);
    passed++;
  } catch (failure) {
    console.log(`FAILED: ${name}: ${failure.stack ?? JSON.stringify(failure)}`);
    process.exitCode = 1;
  } finally {
    client.dispose();
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

await check('a query is one result', async (client) => {
  const results = [];
  for await (const result of client.iterate({ query: '{ authors { totalCount } }' })) {
    results.push(result);
  }
  assert.deepEqual(results, [{ data: { authors: { totalCount: 1 } } }]);
});

await check('variables and names of operations', async (client) => {
  const query = 'query A { __typename } query B($id: ID!) { author(id: $id) { name } }';
  for await (const result of client.iterate({ query, operationName: 'B', variables: { id: 'a1' } })) {
    assert.deepEqual(result, { data: { author: { name: 'Austen' } } });
  }
});

await check('errors of a document are a result', async (client) => {
  const results = [];
  for await (const result of client.iterate({ query: 'subscription { nothing }' })) {
    results.push(result);
  }
  assert.equal(results.length, 1);
  assert.match(results[0].errors[0].message, /Cannot query field "nothing"/);
});

await check('a live query follows mutations', async (client) => {
  const counts = [];
  for await (const { data } of client.iterate({ query: 'subscription { authors { totalCount } }' })) {
    counts.push(data.authors.totalCount);
    if (counts.length === 3) break;
    await create(`live${counts.length}`);
  }
  assert.deepEqual(counts, [1, 2, 3]);
});

await check('changes, to several subscribers, each in order', async (client) => {
  const query = 'subscription { authorChanged { operation node { id } } }';
  const all = [];
  const begun = [];
  for (let i = 0; i < 5; i++) {
    let connected;
    begun.push(new Promise((resolve) => (connected = resolve)));
    const fetchFn = async (...request) => {
      const response = await fetch(...request);
      connected(); // its headers come when the subscription has begun
      return response;
    };
    const one = createClient({ url, retryAttempts: 0, fetchFn });
    all.push((async () => {
      const ids = [];
      for await (const { data } of one.iterate({ query })) {
        ids.push(data.authorChanged.node.id);
        if (ids.length === 10) break;
      }
      one.dispose();
      return ids;
    })());
  }
  await Promise.all(begun);
  const wanted = [];
  for (let i = 0; i < 10; i++) {
    await create(`c${i}`);
    wanted.push(`c${i}`);
  }
  for (const ids of await Promise.all(all)) assert.deepEqual(ids, wanted);
});

console.log(`${passed} passed, ${process.exitCode ? 1 : 0} failed, 0 skipped`);
