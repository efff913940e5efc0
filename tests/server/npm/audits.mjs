// audits.mjs URL: runs the server audits of graphql-http; anything but "ok" fails.
import { auditServer } from 'graphql-http';

const [url] = process.argv.slice(2);
const results = await auditServer({ url });
let failed = 0;
for (const result of results) {
  if (result.status !== 'ok') {
    failed++;
    console.log(`${result.status} ${result.id} ${result.name}: ${result.reason}`);
  }
}
console.log(`${results.length - failed} passed, ${failed} failed, 0 skipped`);
process.exit(failed === 0 && results.length > 0 ? 0 : 1);
