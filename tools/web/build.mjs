/*
 * build.mjs PACKAGES OUT
 *
 * Bundles GraphiQL and all that it uses, from the node_modules of PACKAGES, into OUT: files that the
 * server sends as they are, compressed where that helps, and the licences of what is in them. Names
 * with a dash have a hash of the content in them.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const [packages, out] = process.argv.slice(2).map((path) => resolve(path));
const here = dirname(fileURLToPath(import.meta.url));
const modules = join(packages, 'node_modules');
const esbuild = createRequire(join(packages, 'package.json'))('esbuild');
const small = 2048; /* bytes that are not worth compressing */

async function bundle() {
    const result = await esbuild.build({
        entryPoints: {
            graphiql: join(here, 'graphiql/main.jsx'),
            'editor.worker': join(modules, 'monaco-editor/esm/vs/editor/editor.worker.js'),
            'json.worker': join(modules, 'monaco-editor/esm/vs/language/json/json.worker.js'),
            'graphql.worker': join(modules, 'monaco-graphql/esm/graphql.worker.js'),
        },
        nodePaths: [modules],
        outdir: out,
        bundle: true,
        splitting: true,
        format: 'esm',
        minify: true,
        jsx: 'automatic',
        target: 'es2022',
        legalComments: 'none',
        define: { 'process.env.NODE_ENV': '"production"' },
        loader: { '.ttf': 'file' },
        publicPath: '/web',
        chunkNames: 'chunk-[hash]',
        assetNames: '[name]-[hash]',
        metafile: true,
        logLevel: 'warning',
    });
    return Object.keys(result.metafile.inputs);
}

/* The folder of the package that a file is in. */
function packageOf(file) {
    const inside = relative(modules, resolve(file)).split('node_modules/');
    const names = inside.map((path) => path.split('/').slice(0, path[0] === '@' ? 2 : 1).join('/'));
    const above = inside.slice(0, -1).map((path) => `${path}node_modules/`);
    return join(modules, ...above, names.at(-1));
}

/* What the licences ask for: name, version and licence of each package, and its text. */
function licences(files) {
    const used = files.filter((file) => !relative(modules, resolve(file)).startsWith('..'));
    const texts = [...new Set(used.map(packageOf))].sort().map((folder) => {
        const { name, version, license } = JSON.parse(
            readFileSync(join(folder, 'package.json'), 'utf8')
        );
        const text = readdirSync(folder)
            .filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
            .map((file) => readFileSync(join(folder, file), 'utf8').trim());
        return [`${name} ${version} (${license})`, ...text].join('\n\n');
    });
    return `What the page at / is made of.\n\n${texts.join(`\n\n${'-'.repeat(72)}\n\n`)}\n`;
}

const inputs = await bundle();
writeFileSync(join(out, 'licences.txt'), licences(inputs));
writeFileSync(join(out, 'graphiql.html'), readFileSync(join(here, 'graphiql/index.html')));
for (const name of readdirSync(out)) {
    const bytes = readFileSync(join(out, name));
    const shorter = gzipSync(bytes, { level: 9 });
    if (bytes.length > small && shorter.length < bytes.length) {
        writeFileSync(join(out, `${name}.gz`), shorter);
        rmSync(join(out, name));
    }
}
