/*
 * The server's stream of its status: server-sent events, read with fetch, since EventSource cannot
 * send a token.
 */

/* Events as they come: {event, data}. */
async function* events(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
        const { value, done } = await reader.read();
        if (done) {
            return;
        }
        text += value;
        const parts = text.split('\n\n');
        text = parts.pop();
        for (const part of parts) {
            /* What other line ends than \n stand in a line belong to it: JSON may have them. */
            const fields = part.split('\n').map((line) => /^(\w+): ?(.*)$/s.exec(line) ?? []);
            const find = (name) => fields.filter((field) => field[1] === name).map((f) => f[2]);
            yield { event: find('event')[0], data: find('data').join('\n') };
        }
    }
}

export class Refused extends Error {
    constructor(status, message) {
        super(message);
        this.status = status;
    }
}

function headersOf(token) {
    return token ? { authorization: `Bearer ${token}` } : {};
}

async function request(path, options) {
    const response = await fetch(path, { credentials: 'omit', ...options });
    if (!response.ok) {
        const answer = await response.json().catch(() => ({}));
        throw new Refused(response.status, answer.error ?? response.statusText);
    }
    return response;
}

/* Calls `show` with each status until the stream ends; throws when it breaks or is refused. */
export async function follow(token, show) {
    const response = await request('/admin/status', {
        headers: { ...headersOf(token), accept: 'text/event-stream' },
    });
    for await (const { event, data } of events(response.body)) {
        if (event === 'status') {
            show(JSON.parse(data));
        }
    }
}

/* What tables and indexes take. */
export async function measure(token) {
    const response = await request('/admin/sizes', {
        method: 'POST',
        headers: { ...headersOf(token), 'content-type': 'application/json' },
        body: '{}',
    });
    return (await response.json()).objects;
}
