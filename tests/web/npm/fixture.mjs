/*
 * What the tests of the pages share: a server of their own, a browser that is watched, and cases
 * that are counted.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { chromium } from 'playwright-core';

export const [quire, scratch, browserPath] = process.argv.slice(2);

const schema = `
"What <img src=x onerror=harmed=1> wrote **books**"
type Author { id: ID! @id  name: String! @index  books: [Book!]! }
type Book { id: ID! @id  title: String!  author: Author! }
type Odd @map(name: "<img src=x onerror=harmed=1>") { id: ID! @id  text: String @index }
`;
const data = {
    Author: [
        { id: 'a1', name: 'Austen' },
        { id: 'a2', name: '<script>harmed=1</script>' },
    ],
    Book: Array.from({ length: 3000 }, (_, i) => ({ id: `b${i}`, title: `title ${i}`, author: 'a1' })),
};

/* Starts a server over a new database; its name is hostile as well. */
export async function serve(...options) {
    const folder = mkdtempSync(join(scratch, 'server-'));
    const file = (name) => join(folder, name);
    const database = file('<img src=x onerror=harmed=1>.quire');
    writeFileSync(file('schema.graphql'), schema);
    writeFileSync(file('data.json'), JSON.stringify(data));
    writeFileSync(file('tokens'), 'administrator-administrator admin <b>root</b>\n', { mode: 0o600 });
    const loaded = spawnSync(
        quire,
        ['load', database, '--schema', file('schema.graphql'), '--data', file('data.json')],
        { encoding: 'utf8' }
    );
    if (loaded.status !== 0) {
        throw new Error(`load failed: ${loaded.stderr}`);
    }
    const tokens = options.includes('--tokens') ? ['--token-file', file('tokens')] : [];
    const others = options.filter((option) => option !== '--tokens');
    const child = spawn(quire, ['serve', database, '--port', '0', ...tokens, ...others], {
        stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    const [line] = await Promise.race([
        new Promise((resolve) =>
            createInterface(child.stdout).once('line', (text) => resolve([text]))
        ),
        ended.then((code) => {
            throw new Error(`the server ended with ${code}`);
        }),
    ]);
    return {
        url: new URL('/', line.split(' at ').at(-1)).href,
        end: () => {
            child.kill();
            return ended;
        },
    };
}

/* Runs a request as another client. */
export async function ask(server, request, headers) {
    const response = await fetch(new URL('graphql', server.url), {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(request),
    });
    return response.json();
}

/* A number of /metrics. */
export async function metric(server, name) {
    const text = await (await fetch(new URL('metrics', server.url))).text();
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)[1]);
}

let context;

export async function openBrowser() {
    mkdirSync(scratch, { recursive: true });
    context = await chromium.launchPersistentContext(mkdtempSync(join(scratch, 'profile-')), {
        executablePath: browserPath,
        headless: true,
        viewport: { width: 1280, height: 900 },
        args: [
            '--no-sandbox',
            '--disable-gpu',
            '--disable-quic',
            '--no-first-run',
            '--disable-background-networking',
            '--disable-component-update',
            '--disable-sync',
        ],
    });
    context.setDefaultTimeout(20_000);
}

export async function closeBrowser() {
    await context?.close();
}

/* Opens a page. `faults` gets what it must not do: ask other servers, violate its policy, fail. */
export async function open(url) {
    const page = await context.newPage();
    const faults = [];
    const origin = new URL(url).origin;
    page.on('request', (request) => {
        const { protocol, origin: other } = new URL(request.url());
        if (other !== origin && protocol !== 'data:' && protocol !== 'blob:') {
            faults.push(`asks ${request.url()}`);
        }
    });
    page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') {
            faults.push(`console: ${message.text()}`);
        }
    });
    page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
    await page.goto(url);
    return { page, faults };
}

/* Waits until `read` gives what `holds` is content with. */
export async function until(what, read, holds = Boolean) {
    const end = Date.now() + 20_000;
    for (;;) {
        const value = await read();
        if (holds(value)) {
            return value;
        }
        if (Date.now() > end) {
            throw new Error(`${what}: ${JSON.stringify(value)}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

export function equal(actual, wanted, what) {
    if (JSON.stringify(actual) !== JSON.stringify(wanted)) {
        throw new Error(`${what}: ${JSON.stringify(actual)}, not ${JSON.stringify(wanted)}`);
    }
}

const results = { passed: 0, failed: 0 };

export async function test(name, run) {
    try {
        await run();
        results.passed++;
        console.log(`ok      ${name}`);
    } catch (error) {
        results.failed++;
        console.log(`FAILED  ${name}: ${error.message.split('\n')[0]}`);
    }
}

/* Prints the counts, and ends. */
export function finish() {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
    console.log(`${results.passed} passed, ${results.failed} failed, 0 skipped`);
    process.exit(results.failed === 0 ? 0 : 1);
}
