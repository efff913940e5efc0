/* Monaco's workers, as files of this server. */
const workers = { json: '/web/json.worker.js', graphql: '/web/graphql.worker.js' };

globalThis.MonacoEnvironment = {
    getWorker(_id, label) {
        return new Worker(workers[label] ?? '/web/editor.worker.js', { type: 'module' });
    },
};
