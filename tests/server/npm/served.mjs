// served.mjs: what scripts of clients share: a server of their own, and checks that are counted.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const schema = `
type Author { id: ID! @id  name: String! @index  born: Int  books: [Book!]! }
type Book { id: ID! @id  title: String! @index  author: Author! }
`;

/* Authors a10 .. a34, so that their ids are in order as texts too. */
export const authors = Array.from({ length: 25 }, (_, i) => ({
  id: `a${10 + i}`,
  name: `Author ${10 + i}`,
  born: 1900 + i,
}));

export class Server {
  constructor(quire, scratch, options = []) {
    const directory = mkdtempSync(join(scratch, 'served-'));
    this.quire = quire;
    this.options = options;
    this.database = join(directory, 'served.quire');
    this.port = 0;
    const files = { 'schema.graphql': schema, 'data.json': JSON.stringify({ Author: authors }) };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    execFileSync(quire, [
      'load', this.database,
      '--schema', join(directory, 'schema.graphql'), '--data', join(directory, 'data.json'),
    ]);
  }

  /* A restart listens where the first start did. */
  async start() {
    const command = ['serve', this.database, '--port', String(this.port), ...this.options];
    this.child = spawn(this.quire, command, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
    const [line] = await Promise.race([
      new Promise((resolve) => {
        createInterface({ input: this.child.stdout }).once('line', (first) => resolve([first]));
      }),
      this.ended.then((code) => assert.fail(`the server ended with status ${code}`)),
    ]);
    this.url = line.split(' at ').pop();
    this.port = Number(new URL(this.url).port);
    this.socket = this.url.replace('http', 'ws');
    return this;
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  async stop() {
    this.child.kill('SIGTERM');
    assert.equal(await this.ended, 0);
  }

  /* A request without any client; its data. */
  async ask(query, variables) {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const result = await response.json();
    assert.equal(result.errors, undefined, JSON.stringify(result));
    return result.data;
  }

  create(id) {
    return this.ask('mutation($id: ID!) { createAuthor(input: { id: $id, name: "n" }) { id } }', { id });
  }

  /* Makes rows until the list has heard of one: a WebSocket does not tell when a subscription of
     changes has begun. Then empties it. */
  async hearBegin(heard) {
    for (let i = 0; heard.length === 0; i++) {
      await this.create(`begin${i}`);
      await this.remove(`begin${i}`);
    }
    await this.create('begun');
    await this.remove('begun');
    while (heard.at(-1).previous?.id !== 'begun') await heard.until(heard.length + 1);
    heard.length = 0;
  }

  remove(id) {
    return this.ask('mutation($id: ID!) { deleteAuthor(id: $id) { id } }', { id });
  }
}

/* A fetch that notes what goes out: method, URL, headers, and the body as JSON. */
export function noting(requests) {
  return async (url, options = {}) => {
    const body = options.body ? JSON.parse(options.body) : undefined;
    requests.push({ method: options.method ?? 'GET', url: new URL(url), headers: options.headers, body });
    return fetch(url, options);
  };
}

/* A list that can be waited for: push adds, and until(n) waits until there are n. */
export class Heard extends Array {
  static get [Symbol.species]() {
    return Array;
  }

  push(...items) {
    super.push(...items);
    this.woken?.();
    return this.length;
  }

  async until(count) {
    while (this.length < count) await new Promise((resolve) => (this.woken = resolve));
    return this;
  }
}

let passed = 0;
let failed = 0;

/* Runs a check; one that takes half a minute has failed. */
export async function check(name, run) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('it takes too long')), 30000);
  });
  try {
    await Promise.race([run(), late]);
    passed++;
  } catch (failure) {
    failed++;
    console.log(`FAILED: ${name}: ${failure.stack ?? JSON.stringify(failure)}`);
  } finally {
    clearTimeout(timer);
  }
}

export function finish() {
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  process.exit(failed === 0 ? 0 : 1);
}
