/*
 * Requests: the public calls.
 *
 * A query runs on one read transaction. A mutation is first prepared on a read
 * transaction as well, so that a request that is wrong never takes the writer
 * lock; under the lock it is prepared again if the schema has moved.
 *
 * A status is returned only when there can be no response: no memory, a
 * response that not even holds its error, or a commit whose outcome is unknown.
 * The response is whole before a mutation commits.
 */
#include "quire/graphql.h"

#include "graphql/run.h"

/* Hands the response over. */
static quire_status deliver(struct qr_run *run, char **response, size_t *size, bool *has_errors)
{
    if (has_errors != NULL) {
        *has_errors = run->report.count > 0;
    }
    return qr_json_writer_finish(&run->writer, response, size);
}

/* ---- the public calls ---- */

static quire_status check_request(const quire_graphql_request *request, bool has_outputs,
                                  quire_error *err)
{
    if (request == NULL || request->size != sizeof *request ||
        (request->document == NULL) == (request->prepared == NULL) || !has_outputs) {
        return qr_fail(err, QUIRE_MISUSE,
                       "A request needs QUIRE_GRAPHQL_REQUEST_INIT, a document or a prepared one, "
                       "a database or transaction, and outputs.");
    }
    if (request->errors != NULL) {
        *request->errors = NULL;
    }
    if (request->outcome != NULL) {
        *request->outcome = (quire_graphql_outcome){.operation = QUIRE_OPERATION_NONE};
    }
    return QUIRE_OK;
}

/* Prepares on a snapshot and runs there what only reads; *mutation says that the request has to be
 * run as one instead, for which it stays prepared. */
static quire_status run_on_snapshot(struct qr_run *run, quire_db *db, bool *mutation)
{
    quire_status status = quire_begin(db, QUIRE_READ, &run->txn, run->err);

    *mutation = false;
    if (status != QUIRE_OK) {
        QR_TRY(qr_run_report_preparation(run, status));
        return qr_run_complete(run);
    }
    status = qr_run_prepare(run);
    if (status != QUIRE_OK) {
        status = qr_run_report_preparation(run, status);
    } else if (qr_run_operation(run) == QR_GQL_MUTATION && run->request->queries_only) {
        status = qr_fail(run->err, QUIRE_READ_ONLY, "The request may not change anything.");
        status = qr_run_report_preparation(run, status);
    } else if (qr_run_operation(run) == QR_GQL_MUTATION) {
        *mutation = true;
    } else {
        status = qr_run_execute(run);
    }
    if (status == QUIRE_OK && !*mutation) {
        status = qr_run_complete(run);
    }
    if (!*mutation) {
        qr_run_let_go(run);
    }
    quire_rollback(run->txn);
    return status;
}

/* Whether a transaction has the schema that the run was prepared for. */
static bool is_prepared_for(const struct qr_run *run, quire_txn *txn)
{
    const struct qr_attachment *attachment = run->schema.attachment;
    uint64_t cookie;
    bool committed;
    return attachment != NULL && qr_txn_schema_cookie(txn, &cookie, &committed, NULL) == QUIRE_OK &&
           committed && attachment->cookie == cookie;
}

/* Runs a prepared mutation in a transaction of its own, which commits if nothing failed. Failures
 * of begin and commit are part of the response, but for an unknown outcome. */
static quire_status run_in_own_txn(struct qr_run *run, quire_db *db)
{
    quire_txn *txn = NULL;
    quire_status status = qr_watch_begin_write(&run->watch, db, &txn, run->err);
    bool prepared = status == QUIRE_OK && is_prepared_for(run, txn);

    if (!prepared) {
        qr_run_restart(run);
    }
    run->txn = txn;
    if (status != QUIRE_OK) {
        QR_TRY(qr_run_report_preparation(run, status));
        return qr_run_complete(run);
    }
    status = prepared ? qr_watch_look(&run->watch, 0, run->err) : qr_run_prepare(run);
    status = status == QUIRE_OK ? qr_run_execute(run) : qr_run_report_preparation(run, status);
    if (status == QUIRE_OK) {
        status = qr_run_complete(run);
    }
    if (status != QUIRE_OK || run->report.count > 0) {
        quire_rollback(run->txn);
        return status;
    }
    status = quire_commit(run->txn, run->err);
    if (status == QUIRE_OK || status == QUIRE_COMMIT_UNKNOWN) {
        return status;
    }
    run->explain.first = NULL;
    QR_TRY(qr_run_report(run, status, NULL, NULL));
    return qr_run_complete(run);
}

static quire_status run_request(struct qr_run *run, quire_db *db)
{
    bool mutation;
    QR_TRY(run_on_snapshot(run, db, &mutation));
    return mutation ? run_in_own_txn(run, db) : QUIRE_OK;
}

quire_status quire_graphql(quire_db *db, const quire_graphql_request *request, char **response,
                           size_t *response_size, bool *has_errors, quire_error *err)
{
    quire_error local;
    struct qr_run run;
    quire_status status;

    QR_TRY(check_request(request, db != NULL && response != NULL && response_size != NULL, err));
    *response = NULL;
    *response_size = 0;
    qr_run_open(&run, qr_db_allocator(db), request, qr_error_or(err, &local));
    status = run_request(&run, db);
    if (status == QUIRE_OK) {
        status = deliver(&run, response, response_size, has_errors);
    }
    qr_run_close(&run);
    return status;
}

quire_status quire_graphql_stream(quire_db *db, const quire_graphql_request *request,
                                  quire_write_fn write, void *context, bool *has_errors,
                                  quire_error *err)
{
    quire_error local;
    struct qr_run run;
    quire_status status;

    QR_TRY(check_request(request, db != NULL && write != NULL, err));
    qr_run_open(&run, qr_db_allocator(db), request, qr_error_or(err, &local));
    run.write = run.writer.write = write;
    run.write_context = run.writer.write_context = context;
    status = run_request(&run, db);
    if (status == QUIRE_OK) {
        qr_json_writer_flush(&run.writer, 0);
        status = run.writer.status;
    }
    if (has_errors != NULL) {
        *has_errors = run.report.count > 0;
    }
    qr_run_close(&run);
    return status;
}

quire_status quire_graphql_in(quire_txn *txn, const quire_graphql_request *request, char **response,
                              size_t *response_size, bool *has_errors, quire_error *err)
{
    quire_error local;
    struct qr_run run;
    quire_status status;

    QR_TRY(check_request(request, txn != NULL && response != NULL && response_size != NULL, err));
    *response = NULL;
    *response_size = 0;
    qr_run_open(&run, qr_db_allocator(qr_txn_database(txn)), request, qr_error_or(err, &local));
    run.txn = txn;
    status = qr_run_prepare(&run);
    if (status == QUIRE_OK && qr_run_operation(&run) == QR_GQL_MUTATION && !qr_txn_writes(txn)) {
        status = qr_fail(run.err, QUIRE_READ_ONLY, "A mutation needs a write transaction.");
    }
    status = status == QUIRE_OK ? qr_run_execute(&run) : qr_run_report_preparation(&run, status);
    if (status == QUIRE_OK) {
        status = qr_run_complete(&run);
    }
    if (run.executed && qr_run_operation(&run) == QR_GQL_MUTATION &&
        (status != QUIRE_OK || run.report.count > 0)) {
        qr_txn_give_up(txn);
    }
    if (status == QUIRE_OK) {
        status = deliver(&run, response, response_size, has_errors);
    }
    qr_run_close(&run);
    return status;
}
