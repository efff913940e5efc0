/*
 * Prepared documents: see quire/prepared.h.
 *
 * A prepared document holds the program of the schema that it was run under
 * last, and that schema, so that its pointer says whether the program still
 * fits. The mutex is held to look at the two and to exchange them.
 */
#include "quire/prepared.h"

#include "graphql/run.h"

struct quire_prepared {
    const quire_allocator *allocator;
    quire_db *db;
    struct qr_arena arena; /* the key's texts */
    struct qr_program_key key;
    struct qr_mutex mutex;
    struct qr_attachment *attachment; /* of `program`; both are held, or NULL */
    struct qr_program *program;
};

/* Lets later runs begin with `program`. */
static void remember(quire_prepared *prepared, const struct qr_api_use *use,
                     struct qr_program *program)
{
    struct qr_attachment *attachment =
        use->attachment == NULL ? NULL
                                : qr_attachment_acquire(prepared->db, use->attachment->cookie);
    if (attachment == NULL || attachment != use->attachment) {
        qr_attachment_release(prepared->db, attachment);
        return;
    }
    qr_program_hold(program);
    qr_mutex_lock(&prepared->mutex);
    struct qr_attachment *old_attachment = prepared->attachment;
    struct qr_program *old_program = prepared->program;
    prepared->attachment = attachment;
    prepared->program = program;
    qr_mutex_unlock(&prepared->mutex);
    qr_program_release(old_program);
    qr_attachment_release(prepared->db, old_attachment);
}

quire_status qr_prepared_program(quire_prepared *prepared, const struct qr_api_use *use,
                                 struct qr_arena *scratch, struct qr_gql_report *report,
                                 struct qr_program **out, quire_error *err)
{
    qr_mutex_lock(&prepared->mutex);
    bool fits = prepared->attachment != NULL && prepared->attachment == use->attachment;
    if (fits) {
        *out = prepared->program;
        qr_program_hold(*out);
    }
    qr_mutex_unlock(&prepared->mutex);
    if (fits) {
        return QUIRE_OK;
    }
    struct qr_program_key key = prepared->key;
    QR_TRY(qr_program_get(use->programs, prepared->allocator, use->api->schema, &key, scratch,
                          report, out, err));
    remember(prepared, use, *out);
    return QUIRE_OK;
}

static quire_status copy_key(quire_prepared *prepared, const quire_graphql_request *request,
                             quire_error *err)
{
    struct qr_program_key *key = &prepared->key;
    *key = qr_run_key(request);
    key->text.data = qr_arena_copy(&prepared->arena, key->text.data, key->text.size, err);
    if (key->text.data == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (key->operation.data != NULL) {
        key->operation.data =
            qr_arena_copy(&prepared->arena, key->operation.data, key->operation.size, err);
    }
    return request->operation_name == NULL || key->operation.data != NULL ? QUIRE_OK
                                                                          : QUIRE_NO_MEMORY;
}

/* Makes the program for the schema of now, so that a wrong document is told at once. */
static quire_status check(quire_prepared *prepared, const quire_graphql_request *request,
                          quire_error *err)
{
    struct qr_run run;
    quire_status status;

    qr_run_open(&run, prepared->allocator, request, err);
    status = quire_begin(prepared->db, QUIRE_READ, &run.txn, err);
    if (status == QUIRE_OK) {
        status = qr_api_acquire(run.txn, &run.schema, err);
        if (status == QUIRE_OK) {
            status = qr_prepared_program(prepared, &run.schema, &run.arena, &run.report,
                                         &run.program, err);
        }
        qr_run_let_go(&run);
        quire_rollback(run.txn);
    }
    qr_run_close(&run);
    return status;
}

quire_status quire_prepare(quire_db *db, const quire_graphql_request *request, quire_prepared **out,
                           quire_error *err)
{
    quire_error local = QUIRE_ERROR_INIT;
    quire_prepared *prepared;
    quire_status status;

    if (db == NULL || out == NULL || request == NULL || request->size != sizeof *request ||
        request->document == NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_prepare needs a database, QUIRE_GRAPHQL_REQUEST_INIT, a document, "
                       "and an output.");
    }
    *out = NULL;
    err = err != NULL ? err : &local;
    prepared = qr_alloc_zero(qr_db_allocator(db), sizeof *prepared, err);
    if (prepared == NULL) {
        return QUIRE_NO_MEMORY;
    }
    prepared->allocator = qr_db_allocator(db);
    prepared->db = db;
    qr_arena_init(&prepared->arena, prepared->allocator, 0);
    status = qr_mutex_init(&prepared->mutex, QR_RANK_LEAF, err);
    if (status != QUIRE_OK) {
        qr_free(prepared->allocator, prepared, sizeof *prepared);
        return status;
    }
    status = copy_key(prepared, request, err);
    if (status == QUIRE_OK) {
        status = check(prepared, request, err);
    }
    if (status != QUIRE_OK) {
        quire_prepared_free(prepared);
        return status;
    }
    *out = prepared;
    return QUIRE_OK;
}

void quire_prepared_free(quire_prepared *prepared)
{
    if (prepared == NULL) {
        return;
    }
    qr_program_release(prepared->program);
    qr_attachment_release(prepared->db, prepared->attachment);
    qr_mutex_destroy(&prepared->mutex);
    qr_arena_free(&prepared->arena);
    qr_free(prepared->allocator, prepared, sizeof *prepared);
}

quire_status quire_graphql_get_stats(quire_db *db, quire_graphql_stats *stats, quire_error *err)
{
    struct qr_program_cache_stats programs = {0};
    struct qr_api_use use = {0};
    quire_txn *txn;

    if (db == NULL || stats == NULL || stats->size != sizeof *stats) {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_graphql_get_stats needs a database and QUIRE_GRAPHQL_STATS_INIT.");
    }
    QR_TRY(quire_begin(db, QUIRE_READ, &txn, err));
    quire_status status = qr_api_acquire(txn, &use, err);
    if (status == QUIRE_OK && use.programs != NULL) {
        qr_program_cache_get_stats(use.programs, &programs);
    }
    qr_api_release(&use);
    quire_rollback(txn);
    *stats = (quire_graphql_stats){.size = sizeof *stats,
                                   .programs = programs.programs,
                                   .program_bytes = programs.bytes,
                                   .program_hits = programs.hits,
                                   .program_misses = programs.misses,
                                   .program_evictions = programs.evictions};
    return status;
}
