/*
 * The status page: shows what GET /admin/status streams. The token is kept for this tab alone.
 */
import { bytes, count, duration, rate } from './admin.format.js';
import { Refused, follow, measure } from './admin.stream.js';
import { Card, keep, make, makeRow, setText, showList } from './admin.view.js';

const find = (id) => document.getElementById(id);
const retryMs = 2000;
const tokenName = 'quire-token';

let token = sessionStorage.getItem(tokenName) ?? '';
let last = null; /* the status before this one */
let shown = null; /* the one that is shown */
let sizes = new Map(); /* "kind name" -> bytes, once measured */

/* ---- Cards ---- */

const cards = Object.fromEntries(
    [
        ['requests', 'Requests a second'],
        ['commits', 'Commits a second'],
        ['connections', 'Connections'],
        ['cache', 'Cache'],
        ['log', 'Log in use'],
        ['readers', 'Snapshots'],
    ].map(([name, title]) => [name, new Card(title)])
);
find('cards').append(...Object.values(cards).map((card) => card.element));

const sum = (numbers) => Object.values(numbers).reduce((total, number) => total + number, 0);

/* How much a counter has grown a second. */
function growth(status, counter) {
    const ms = last ? status.server.upMs - last.server.upMs : 0;
    return ms > 0 ? Math.max(0, ((counter(status) - counter(last)) * 1000) / ms) : 0;
}

function showCards(status) {
    const { server, database, cache, log } = status;
    const requests = growth(status, (s) => sum(s.requests));
    const commits = growth(status, (s) => s.database.commits);
    const live = log.framesLive * database.pageSize;
    const used = cache.frames * database.pageSize;
    cards.requests.show(requests, rate(requests), `${count(sum(status.requests))} in all`);
    cards.commits.show(commits, rate(commits), `${count(database.commits)} since the start`);
    cards.connections.show(
        server.connections,
        count(server.connections),
        `${count(server.subscriptions)} subscriptions`
    );
    cards.cache.show(used, bytes(used), `of ${bytes(cache.framesMax * database.pageSize)}`);
    cards.log.show(live, bytes(live), `${count(log.framesLive)} frames to copy`);
    cards.readers.show(
        database.readers,
        count(database.readers),
        database.readers > 0 ? `oldest ${duration(log.oldestReaderMs)}` : 'none open'
    );
}

/* ---- Tables and indexes ---- */

const sizeOf = (kind, name) => (sizes.has(`${kind} ${name}`) ? sizes.get(`${kind} ${name}`) : null);
const sizeText = (size) => (size === null ? '–' : bytes(size));

function showTables(status) {
    keep(
        document.querySelector('#tables tbody'),
        status.tables,
        (table) => table.name,
        () => makeRow(['', 'number', 'number', 'number', 'number']),
        (row, table) => {
            const texts = [
                table.name,
                count(table.rows),
                count(table.columns),
                count(table.indexes.length),
                sizeText(sizeOf('table', table.name)),
            ];
            texts.forEach((text, i) => setText(row.children[i], text));
        }
    );
}

function describe(index) {
    const included = index.included.length > 0 ? ` including ${index.included.join(', ')}` : '';
    return `${index.columns.join(', ')}${included}${index.where ? ` where ${index.where}` : ''}`;
}

function showTags(cell, index) {
    const tags = [index.kind];
    if (index.unique) {
        tags.push('unique');
    }
    if (index.automatic) {
        tags.push('automatic');
    }
    keep(
        cell,
        tags,
        (tag) => tag,
        (tag) => make('span', { class: 'tag' }, tag)
    );
}

function showIndexes(status) {
    keep(
        document.querySelector('#indexes tbody'),
        status.tables.flatMap((table) => table.indexes.map((index) => ({ ...index, table }))),
        (index) => index.name,
        () => makeRow(['', '', '', '', 'number', 'number']),
        (row, index) => {
            const cells = row.children;
            setText(cells[0], index.name);
            setText(cells[1], index.table.name);
            setText(cells[2], describe(index));
            showTags(cells[3], index);
            setText(cells[4], index.uses === undefined ? '–' : count(index.uses));
            setText(cells[5], sizeText(sizeOf('index', index.name)));
        }
    );
}

/* ---- Slow requests ---- */

/* A plan: a row a field. */
function makePlan(plan) {
    const columns = [...new Set(plan.flatMap(Object.keys))];
    const text = (value) =>
        typeof value === 'string' ? value : JSON.stringify(value ?? null).replace(/^null$/, '–');
    const kind = (name) =>
        plan.some((step) => typeof step[name] === 'number') ? { class: 'number' } : {};
    const title = (name) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    return make(
        'div',
        { class: 'scroll' },
        make(
            'table',
            null,
            make(
                'thead',
                null,
                make(
                    'tr',
                    null,
                    ...columns.map((name) => make('th', { scope: 'col', ...kind(name) }, title(name)))
                )
            ),
            make(
                'tbody',
                null,
                ...plan.map((step) =>
                    make('tr', null, ...columns.map((name) => make('td', kind(name), text(step[name]))))
                )
            )
        )
    );
}

function makeSlow(slow) {
    const who = [
        slow.caller && `by ${slow.caller}`,
        slow.operation && `operation ${slow.operation}`,
        `request ${slow.request}`,
    ];
    const time = new Date(slow.time).toLocaleTimeString();
    return make(
        'details',
        null,
        make(
            'summary',
            null,
            make('b', null, duration(slow.ms)),
            make('time', { datetime: slow.time }, time),
            make('code', null, slow.document.replace(/\s+/g, ' ').trim())
        ),
        make('p', { class: 'quiet' }, who.filter(Boolean).join(', ')),
        make('pre', { tabindex: '0' }, slow.document),
        Array.isArray(slow.plan) ? makePlan(slow.plan) : make('p', { class: 'quiet' }, 'No plan.')
    );
}

function showSlow(status) {
    const { slow, server } = status;
    setText(
        find('slow-note'),
        server.slowMs === 0
            ? 'Not looked for: --slow-ms is 0.'
            : `${count(server.slow)} took ${duration(server.slowMs)} or longer` +
                  (server.slow > slow.length ? `; the last ${count(slow.length)}:` : '.')
    );
    keep(find('slow'), slow, (one) => `${one.time} ${one.request}`, makeSlow);
}

/* ---- Lists ---- */

function showLists(status) {
    const { server, database, cache, log, requests } = status;
    showList(find('cache'), [
        ['Pages in memory', count(cache.frames)],
        ['Changed, to be written', count(cache.dirty)],
        ['Old versions for snapshots', count(cache.versions)],
        ['Pages read from disk', count(cache.misses)],
        ['Pages dropped', count(cache.evictions)],
        ['Pages spilled', count(cache.spills)],
        ['Documents ready', count(server.documents)],
        ['Requests that found them', count(server.documentHits)],
    ]);
    showList(find('log'), [
        ['Database', bytes(database.pages * database.pageSize)],
        ['Of it free', bytes(database.pagesFree * database.pageSize)],
        ['Log file', bytes(log.bytes)],
        ['Segments, free', `${count(log.segments)}, ${count(log.segmentsFree)}`],
        ['Frames written', count(log.frames)],
        ['Syncs', count(log.syncs)],
        ['Checkpoints', count(log.checkpoints)],
        ['Oldest snapshot', log.oldestReaderMs > 0 ? duration(log.oldestReaderMs) : 'none'],
        ['Snapshots expired', count(log.readersExpired)],
    ]);
    showList(find('clients'), [
        ['Connections now', count(server.connections)],
        ['Connections ever', count(server.connectionsTotal)],
        ['Requests now', count(server.requests)],
        ['Subscriptions', count(server.subscriptions)],
        ['WebSockets', count(server.websockets)],
        ['Reads waiting', count(server.readsWaiting)],
        ['Mutations waiting', count(server.writesWaiting)],
        ['Loads, backups waiting', count(server.loadsWaiting)],
        ['Commits being synced', count(server.commitsWaiting)],
    ]);
    showList(find('requests'), [
        ...Object.entries(requests).map(([outcome, number]) => [
            outcome[0].toUpperCase() + outcome.slice(1),
            count(number),
        ]),
        ['Received', bytes(server.bytesIn)],
        ['Sent', bytes(server.bytesOut)],
    ]);
}

/* ---- The stream ---- */

function setState(state, text) {
    find('state').dataset.state = state;
    setText(find('state'), text);
}

function show(status) {
    last = shown;
    shown = status;
    setState('live', 'Live');
    find('token').hidden = true;
    find('graphiql').hidden = !status.graphiql;
    document.title = `${status.name}: status`;
    setText(find('name'), status.name);
    setText(find('about'), `Quire ${status.version}, up ${duration(status.server.upMs)}`);
    showCards(status);
    showTables(status);
    showIndexes(status);
    showSlow(status);
    showLists(status);
}

/* Asks for a token, and waits for it. */
function askForToken() {
    const form = find('token');
    form.hidden = false;
    setState('lost', 'Token needed');
    find('credentials').focus();
    return new Promise((resolve) => {
        form.onsubmit = (event) => {
            event.preventDefault();
            token = find('credentials').value.trim();
            find('credentials').value = '';
            sessionStorage.setItem(tokenName, token);
            resolve();
        };
    });
}

async function run() {
    for (;;) {
        try {
            await follow(token, show);
            setState('lost', 'Disconnected');
        } catch (error) {
            if (error instanceof Refused && (error.status === 401 || error.status === 403)) {
                if (error.status === 403 && !token) {
                    setState('lost', error.message);
                    return;
                }
                await askForToken();
                continue;
            }
            setState('lost', 'Disconnected');
        }
        shown = null; /* counters begin anew when the server does */
        await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
}

find('measure').addEventListener('click', async () => {
    const button = find('measure');
    button.disabled = true;
    try {
        const objects = await measure(token);
        sizes = new Map(
            objects.map(({ kind, name, bytes: size }) => [
                `${kind === 'hash' ? 'index' : kind} ${name}`,
                size,
            ])
        );
        setText(find('sizes-note'), `Sizes as of ${new Date().toLocaleTimeString()}.`);
        if (shown) {
            showTables(shown);
            showIndexes(shown);
        }
    } catch (error) {
        setText(find('sizes-note'), error.message);
    }
    button.disabled = false;
});

run();
