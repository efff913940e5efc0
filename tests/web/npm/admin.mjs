/*
 * The status page: what it shows, that it does so live, and that names stay names.
 */
import { ask, equal, open, serve, test, until } from './fixture.mjs';

const hostile = '<img src=x onerror=harmed=1>';
/* Twenty searches of 3,000 rows take longer than a millisecond. The line separator is one to some
 * who read lines, not to events. */
const slowly = `query Slowly { ${Array.from(
    { length: 20 },
    (_, i) => `f${i}: books(where: {title: {contains: "</code>${hostile}\u2028${i}"}}) { totalCount }`
).join(' ')} }`;

const live = (page) => page.locator('#state[data-state="live"]').waitFor();
const cells = (page, table, name) =>
    page.locator(`#${table} tbody tr`).filter({ has: page.getByText(name, { exact: true }) });

async function testShown() {
    const server = await serve('--slow-ms', '1');
    const { page, faults } = await open(`${server.url}admin`);

    await test('admin: shows tables and indexes', async () => {
        await live(page);
        const books = await cells(page, 'tables', 'Book').first().locator('th, td').allTextContents();
        equal(books.slice(0, 3), ['Book', '3,000', '3'], 'the table');
        const index = cells(page, 'indexes', 'Author.name').first();
        equal(
            await index.locator('th, td').allTextContents(),
            ['Author.name', 'Author', 'name', 'B-tree', '–', '–'],
            'the index'
        );
        equal(await page.locator('#log dt').count(), 9, 'numbers of the log');
    });

    await test('admin: shows rows as they come', async () => {
        await ask(server, { query: 'mutation { createAuthor(input: {id: "n", name: "n"}) { id } }' });
        const rows = cells(page, 'tables', 'Author').first().locator('td').first();
        await until('three authors', () => rows.textContent(), (text) => text === '3');
    });

    await test('admin: shows a slow request with its plan, live', async () => {
        equal(await page.locator('#slow details').count(), 0, 'slow requests before');
        const answer = await ask(server, { query: slowly, operationName: 'Slowly' });
        equal(answer.errors, undefined, 'errors');
        const slow = page.locator('#slow details').first();
        await slow.waitFor();
        await slow.locator('summary').click();
        equal(await slow.locator('pre').textContent(), slowly, 'the document');
        equal(await slow.locator('tbody tr').count(), 20, 'fields of the plan');
        await ask(server, { query: slowly, operationName: 'Slowly' });
        await until('another', () => page.locator('#slow details').count(), (count) => count > 1);
        equal(await page.locator('#slow details[open]').count(), 1, 'what was opened stays open');
    });

    await test('admin: measures sizes', async () => {
        await page.locator('#measure').click();
        const size = cells(page, 'tables', 'Book').first().locator('td').last();
        await until('a size', () => size.textContent(), (text) => /^[\d.]+ KiB$/.test(text));
        const index = cells(page, 'indexes', 'Author.id').first().locator('td').last();
        await until('a size', () => index.textContent(), (text) => /^[\d.]+ [KM]iB$/.test(text));
    });

    await test('admin: shows hostile names as text', async () => {
        equal(await page.locator('#name').textContent(), `${hostile}.quire`, 'the database');
        equal(await cells(page, 'tables', hostile).count(), 1, 'the table');
        equal(await page.evaluate(() => window.harmed ?? 0), 0, 'harm');
        equal(await page.locator('img[onerror]').count(), 0, 'markup');
    });

    await test('admin: cannot turn text into markup', async () => {
        const outcome = await page.evaluate(() => {
            try {
                document.createElement('p').innerHTML = '<b>bold</b>';
                return 'done';
            } catch (error) {
                return error.name;
            }
        });
        equal(outcome, 'TypeError', 'innerHTML');
        /* That attempt is told, and counts as ours. */
        const others = faults.filter((fault) => !/TrustedHTML/.test(fault));
        equal(others, [], 'faults');
    });

    await test('admin: tells when the server is gone', async () => {
        equal(await server.end(), 0, 'the exit code');
        await page.locator('#state[data-state="lost"]').waitFor();
    });
    await page.close();
}

async function testToken() {
    const server = await serve('--tokens', '--slow-ms', '1');
    const { page } = await open(`${server.url}admin`);
    const token = 'administrator-administrator';

    await test('admin: asks for a token until it is one', async () => {
        await page.locator('#credentials').fill('wrong-wrong-wrong-wrong');
        await page.locator('#token button').click();
        await page.locator('#state').getByText('Token needed').waitFor();
        await page.locator('#credentials').fill(token);
        await page.locator('#token button').click();
        await live(page);
        equal(await page.locator('#token').isVisible(), false, 'the form');
    });

    await test('admin: keeps the token for the tab alone', async () => {
        await page.reload();
        await live(page);
        const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, document.cookie]));
        equal(kept.includes(token), false, 'the token is kept');
        const { page: other } = await open(`${server.url}admin`);
        await other.locator('#credentials').waitFor();
        await other.close();
    });

    await test('admin: shows who asked as text', async () => {
        await ask(server, { query: slowly }, { authorization: `Bearer ${token}` });
        const slow = page.locator('#slow details').first();
        await slow.locator('summary').click();
        await slow.getByText('by <b>root</b>').waitFor();
    });
    await page.close();
    await server.end();
}

export async function testAdmin() {
    await testShown();
    await testToken();
}
