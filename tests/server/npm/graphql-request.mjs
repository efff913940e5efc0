// graphql-request.mjs QUIRE SCRATCH: what programs do with graphql-request.
import assert from 'node:assert/strict';
import { ClientError, GraphQLClient, batchRequests, gql, rawRequest, request } from 'graphql-request';
import { Server, authors, check, finish, noting } from './served.mjs';

const [quire, scratch] = process.argv.slice(2);
const server = await new Server(quire, scratch).start();
const byId = gql`query Author($id: ID!) { author(id: $id) { id name born } }`;

await check('a request is its data', async () => {
  assert.deepEqual(await request(server.url, byId, { id: 'a10' }), { author: authors[0] });
  assert.deepEqual(await request({ url: server.url, document: byId, variables: { id: 'none' } }), { author: null });
});

await check('operations are chosen by their name', async () => {
  const requests = [];
  const client = new GraphQLClient(server.url, { fetch: noting(requests) });
  assert.deepEqual(await client.request(byId, { id: 'a11' }), { author: authors[1] });
  assert.equal(requests[0].body.operationName, 'Author');
});

await check('mutations, with inputs as variables', async () => {
  const client = new GraphQLClient(server.url);
  const create = gql`mutation($input: AuthorInput!) { createAuthor(input: $input) { id born } }`;
  const { createAuthor } = await client.request(create, { input: { id: 'r', name: 'R', born: 1980 } });
  assert.deepEqual(createAuthor, { id: 'r', born: 1980 });
  await server.remove('r');
});

await check('errors are thrown with the response, or given with the data', async () => {
  /* It reads no body of a status other than 200: application/json has that for what is not valid. */
  const headers = { accept: 'application/json' };
  const refused = await request(server.url, gql`{ nothing }`).catch((error) => error);
  assert.ok(refused instanceof ClientError, String(refused));
  assert.equal(refused.response.status, 400);
  const wrong = await request(server.url, gql`{ nothing }`, {}, headers).catch((error) => error);
  assert.match(wrong.response.errors[0].message, /Cannot query field "nothing" on type "Query"/);
  const again = gql`mutation { createAuthor(input: { id: "a10", name: "x" }) { id } }`;
  const twice = await request(server.url, again).catch((error) => error);
  assert.equal(twice.response.errors[0].extensions.code, 'UNIQUE');
  const missing = await request(server.url, byId, {}, headers).catch((error) => error);
  assert.match(missing.response.errors[0].message, /Variable "\$id"/);
  const client = new GraphQLClient(server.url, { errorPolicy: 'all' });
  const { errors } = await client.rawRequest(again);
  assert.equal(errors[0].extensions.code, 'UNIQUE');
});

await check('a raw request has headers and status', async () => {
  const client = new GraphQLClient(server.url, { headers: { 'x-request-id': 'mine' } });
  const { data, status, headers } = await client.rawRequest(byId, { id: 'a12' });
  assert.deepEqual([data.author.id, status, headers.get('x-request-id')], ['a12', 200, 'mine']);
  assert.equal((await rawRequest(server.url, byId, { id: 'a13' })).data.author.id, 'a13');
});

await check('queries by GET', async () => {
  const requests = [];
  const client = new GraphQLClient(server.url, { method: 'GET', fetch: noting(requests) });
  assert.deepEqual(await client.request(byId, { id: 'a14' }), { author: authors[4] });
  assert.equal(requests[0].method, 'GET');
});

await check('batches are refused', async () => {
  const both = [{ document: byId, variables: { id: 'a10' } }, { document: byId, variables: { id: 'a11' } }];
  const refused = await batchRequests(server.url, both).catch((error) => error);
  assert.ok(refused instanceof ClientError, 'a batch was answered');
  assert.equal(refused.response.status, 400);
});

await check('a request that is given up leaves the server as it was', async () => {
  const control = new AbortController();
  const pending = request({ url: server.url, document: byId, variables: { id: 'a10' }, signal: control.signal });
  control.abort();
  await assert.rejects(pending);
  assert.deepEqual(await request(server.url, byId, { id: 'a10' }), { author: authors[0] });
});

await check('many requests at once', async () => {
  const client = new GraphQLClient(server.url);
  const answers = await Promise.all(authors.flatMap(({ id }) => [1, 2, 3, 4].map(() => client.request(byId, { id }))));
  assert.deepEqual(answers.map(({ author }) => author), authors.flatMap((one) => [one, one, one, one]));
});

await check('requests fail while the server is away, and go on when it is back', async () => {
  const client = new GraphQLClient(server.url);
  await client.request(byId, { id: 'a10' });
  await server.kill();
  await assert.rejects(client.request(byId, { id: 'a10' }));
  await server.start();
  assert.deepEqual(await client.request(byId, { id: 'a10' }), { author: authors[0] });
});

await server.stop();
finish();
