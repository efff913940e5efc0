/*
 * GraphiQL as a person uses it.
 */
import { ask, equal, metric, open, serve, test, until } from './fixture.mjs';

/* The text of an editor; Monaco's spaces are no-break spaces. */
const textOf = async (page, selector) =>
    ((await page.locator(`${selector} .view-lines`).textContent()) ?? '').replaceAll('\u00a0', ' ');

async function write(page, selector, text) {
    await page.locator(`${selector} textarea.inputarea`).first().focus();
    await page.keyboard.press('Control+A');
    await page.keyboard.press('Delete');
    await page.keyboard.insertText(text);
}

const runButton = (page) => page.locator('.graphiql-execute-button');

async function shows(page, text) {
    await until(`a response with ${text}`, () => textOf(page, '.result-window'), (response) =>
        response.includes(text)
    );
}

async function openSchema(page) {
    const docs = page.getByLabel(/Show Documentation Explorer/);
    if (await docs.count()) {
        await docs.click();
    }
    await page.locator('.graphiql-doc-explorer').waitFor();
}

async function testUse() {
    const server = await serve();
    const { page, faults } = await open(server.url);

    await test('graphiql: loads', async () => {
        await page.locator('.graphiql-query-editor .view-lines').waitFor();
        equal(await page.title(), 'Quire: GraphiQL', 'the title');
    });

    await test('graphiql: shows the schema', async () => {
        await openSchema(page);
        await page.locator('.graphiql-doc-explorer').getByText('Query', { exact: true }).click();
        const explorer = page.locator('.graphiql-doc-explorer');
        await explorer.getByText('authors', { exact: true }).waitFor();
        await explorer.getByText('AuthorConnection').first().click();
        await explorer.getByText('totalCount', { exact: true }).waitFor();
    });

    await test('graphiql: runs a query with variables', async () => {
        await write(
            page,
            '.graphiql-query-editor',
            'query ($name: String) { authors(where: {name: {equals: $name}}) { items { id name } } }'
        );
        await write(page, '.graphiql-editor-tool', '{"name": "Austen"}');
        await runButton(page).click();
        await shows(page, '"name": "Austen"');
    });

    await test('graphiql: shows an error', async () => {
        await write(page, '.graphiql-query-editor', '{ authors { nothing } }');
        await runButton(page).click();
        await shows(page, 'Cannot query field');
    });

    await test('graphiql: shows markup that is stored as text', async () => {
        await write(page, '.graphiql-query-editor', '{ author(id: "a2") { name } }');
        await runButton(page).click();
        await shows(page, '<script>harmed=1</script>');
    });

    await test('graphiql: follows a subscription, and leaves it', async () => {
        await write(
            page,
            '.graphiql-query-editor',
            'subscription { authorChanged { operation node { name } } }'
        );
        await runButton(page).click();
        const open = () => metric(server, 'quire_subscriptions_open');
        await until('the subscription', open, (number) => number === 1);
        for (const name of ['Burney', 'Carroll']) {
            await ask(server, { query: `mutation { createAuthor(input: {id: "${name}", name: "${name}"}) { id } }` });
            await shows(page, `"name": "${name}"`);
        }
        await runButton(page).click(); /* it stops now */
        await until('its end', open, (number) => number === 0);
    });

    await test('graphiql: asks nobody else, violates nothing, does no harm', async () => {
        /* The query that was meant to fail is a response of status 400, which Chromium tells. */
        const others = faults.filter((fault) => !/status of 400/.test(fault));
        equal(others, [], 'faults');
        equal(await page.evaluate(() => window.harmed ?? 0), 0, 'harm');
    });

    await page.close();
    equal(await server.end(), 0, 'the exit code');
}

async function testDescription() {
    const server = await serve();
    const { page } = await open(server.url);
    await test('graphiql: runs nothing that a description says', async () => {
        await openSchema(page);
        const explorer = page.locator('.graphiql-doc-explorer');
        await explorer.getByText('Query', { exact: true }).click();
        await explorer.getByText('Author', { exact: true }).first().click();
        await explorer.getByText('wrote').first().waitFor();
        equal(await explorer.locator('img').count(), 0, 'pictures');
        equal(await page.evaluate(() => window.harmed ?? 0), 0, 'harm');
    });
    await page.close();
    await server.end();
}

async function testToken() {
    const server = await serve('--tokens');
    const { page } = await open(server.url);
    const token = 'administrator-administrator';
    await test('graphiql: sends the headers that are typed, and keeps them nowhere', async () => {
        await page.locator('.graphiql-query-editor .view-lines').waitFor();
        await write(page, '.graphiql-query-editor', '{ authors { totalCount } }');
        await runButton(page).click();
        await shows(page, 'UNAUTHENTICATED');
        await page.getByText('Headers', { exact: true }).click();
        await write(
            page,
            '.graphiql-editor-tool > :not(.hidden)',
            JSON.stringify({ Authorization: `Bearer ${token}` })
        );
        await runButton(page).click();
        await shows(page, '"totalCount": 2');
        await page.getByLabel('Re-fetch GraphQL schema').click();
        await openSchema(page);
        await page.locator('.graphiql-doc-explorer').getByText('Query', { exact: true }).waitFor();
        await page.getByLabel(/^Explain/).click();
        await runButton(page).click();
        await shows(page, '"access": ');
        /* What is run is in the history, once its tab has been stored. */
        const stored = (key) => page.evaluate((name) => localStorage.getItem(name), key);
        const hasBooks = (text) => text?.includes('books');
        await write(page, '.graphiql-query-editor', '{ books { totalCount } }');
        await until('the tab', () => stored('graphiql:tabState'), hasBooks);
        await runButton(page).click();
        await shows(page, '"totalCount": 3000');
        await until('the history', () => stored('graphiql:queries'), hasBooks);
        const kept = await page.evaluate(() =>
            JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])
        );
        equal(kept.includes(token), false, 'the token is kept');
    });
    await page.close();
    await server.end();
}

export async function testGraphiql() {
    await testUse();
    await testDescription();
    await testToken();
}
