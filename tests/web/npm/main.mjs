/*
 * main.mjs QUIRE SCRATCH CHROMIUM
 */
import { testAdmin } from './admin.mjs';
import { closeBrowser, finish, openBrowser, test } from './fixture.mjs';
import { testGraphiql } from './graphiql.mjs';

await openBrowser();
for (const run of [testAdmin, testGraphiql]) {
    try {
        await run();
    } catch (error) {
        await test(run.name, () => {
            throw error;
        });
    }
}
await closeBrowser();
finish();
