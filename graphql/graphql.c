/*
 * Requests: text in, response out.
 *
 *   parse -> validate -> prepare (operation, variables) -> select -> run -> write
 *
 * A query runs on one read transaction. A mutation is first prepared on a read
 * transaction as well, so that a request that is wrong never takes the writer
 * lock; it is prepared again under the lock, because the schema may have moved.
 *
 * Whatever goes wrong for reasons of the request, or with one of its fields,
 * becomes part of the response. A status is returned only when there can be no
 * response: no memory, a response that not even holds its error, or a commit
 * whose outcome is unknown. The response is whole before a mutation commits.
 */
#include "quire/graphql.h"

#include "graphql/execute.h"
#include "graphql/explain.h"
#include "graphql/json_read.h"
#include "graphql/mutate.h"
#include "graphql/schema_store.h"
#include "graphql/validate.h"

#define TOKENS_MAX_DEFAULT   100000u
#define DEPTH_MAX_DEFAULT    200u
#define FIELDS_MAX           1000000u
#define MEMORY_MAX_DEFAULT   (UINT64_C(1) << 30)
#define RESPONSE_MAX_DEFAULT (UINT64_C(1) << 30)
/* What a request may take beyond its limit to tell that it reached it. */
#define MEMORY_FOR_ERRORS ((size_t)64 * 1024)

/* One request on its way. */
struct run {
    const quire_graphql_request *request;
    const quire_allocator *allocator;
    quire_txn *txn;
    struct qr_arena arena;
    struct qr_gql_report report;
    struct qr_api_use schema;
    struct qr_gql_request prepared;
    struct qr_select *set;
    struct qr_json_writer writer;
    struct qr_explain explain;
    struct qr_watch watch;
    bool executed; /* "data" is part of the response */
    quire_error *err;
};

static uint64_t or_default(uint64_t value, uint64_t fallback)
{
    return value == 0 ? fallback : value;
}

/* ---- preparing ---- */

static void run_open(struct run *run, const quire_allocator *allocator,
                     const quire_graphql_request *request, quire_error *err)
{
    const quire_graphql_limits *limits = &request->limits;
    *run = (struct run){.request = request, .allocator = allocator, .err = err};
    qr_watch_init(&run->watch, request->interrupt, request->progress, request->progress_context,
                  limits->time_ms_max);
    qr_arena_init(&run->arena, allocator,
                  (size_t)or_default(limits->memory_bytes_max, MEMORY_MAX_DEFAULT));
    qr_gql_report_init(&run->report, &run->arena, 0, err);
    qr_json_writer_init(&run->writer, allocator,
                        (size_t)or_default(limits->response_bytes_max, RESPONSE_MAX_DEFAULT), err);
}

static void run_close(struct run *run)
{
    qr_api_release(&run->schema);
    qr_json_writer_free(&run->writer);
    qr_arena_free(&run->arena);
}

static quire_status read_variables(struct run *run, struct qr_gql_value *variables)
{
    const char *text = run->request->variables;
    size_t size;

    *variables = (struct qr_gql_value){.kind = QR_GQL_VALUE_OBJECT};
    if (text == NULL) {
        return QUIRE_OK;
    }
    size = run->request->variables_size == 0 ? strlen(text) : run->request->variables_size;
    QR_TRY(qr_json_read(&run->arena, text, size, 0, variables, run->err));
    if (variables->kind == QR_GQL_VALUE_NULL) {
        *variables = (struct qr_gql_value){.kind = QR_GQL_VALUE_OBJECT};
    }
    return variables->kind == QR_GQL_VALUE_OBJECT
               ? QUIRE_OK
               : qr_fail(run->err, QUIRE_DATA, "The variables must be a JSON object.");
}

/* Everything that can be done without reading rows. */
static quire_status prepare(struct run *run)
{
    const quire_graphql_limits *limits = &run->request->limits;
    struct qr_gql_parse_options parse = {
        .tokens_max = (uint32_t)or_default(limits->tokens_max, TOKENS_MAX_DEFAULT),
        .depth_max = (uint32_t)or_default(limits->depth_max, DEPTH_MAX_DEFAULT)};
    struct qr_select_limits select = {.depth_max = parse.depth_max, .fields_max = FIELDS_MAX};
    struct qr_gql_str name = {NULL, 0};
    struct qr_gql_document *document;
    struct qr_gql_value variables;
    size_t size = run->request->document_size;

    if (run->request->operation_name != NULL) {
        name = qr_gql_str_of(run->request->operation_name);
    }
    QR_TRY(qr_api_acquire(run->txn, &run->schema, run->err));
    QR_TRY(qr_gql_parse(&run->arena, run->request->document,
                        size == 0 ? strlen(run->request->document) : size, &parse, &run->report,
                        &document, run->err));
    QR_TRY(qr_watch_look(&run->watch, 0, run->err));
    QR_TRY(qr_gql_validate(run->schema.api->schema, document, NULL, &run->arena, &run->report,
                           run->err));
    QR_TRY(qr_watch_look(&run->watch, 0, run->err));
    QR_TRY(read_variables(run, &variables));
    QR_TRY(qr_gql_request_prepare(run->schema.api->schema, document, name, &variables, &run->arena,
                                  &run->report, &run->prepared, run->err));
    return qr_select_build(&run->prepared, &select, &run->report, &run->set, run->err);
}

static enum qr_gql_operation operation_of(const struct run *run)
{
    return run->prepared.operation->operation;
}

/* ---- errors ---- */

/* What clients are told a status is. */
static const char *code_of(quire_status status)
{
    switch (status) {
    case QUIRE_QUERY:
    case QUIRE_DATA:
    case QUIRE_TYPE:
    case QUIRE_SYNTAX:
        return "BAD_INPUT";
    case QUIRE_OK:
    case QUIRE_MISUSE:
    case QUIRE_NOT_SUPPORTED:
    case QUIRE_EXISTS:
    case QUIRE_UNKNOWN_NAME:
    case QUIRE_READ_ONLY:
    case QUIRE_TXN_DOOMED:
    case QUIRE_UNIQUE:
    case QUIRE_NOT_NULL:
    case QUIRE_FOREIGN_KEY:
    case QUIRE_CHECK:
    case QUIRE_BUSY:
    case QUIRE_LOCKED:
    case QUIRE_SNAPSHOT_TOO_OLD:
    case QUIRE_INTERRUPTED:
    case QUIRE_TIMEOUT:
    case QUIRE_RESUME_TOO_OLD:
    case QUIRE_IO:
    case QUIRE_NO_SPACE:
    case QUIRE_NO_FILE:
    case QUIRE_PERMISSION:
    case QUIRE_COMMIT_UNKNOWN:
    case QUIRE_POISONED:
    case QUIRE_NOT_A_DATABASE:
    case QUIRE_CORRUPT:
    case QUIRE_LOG_MISMATCH:
    case QUIRE_LOG_MISSING:
    case QUIRE_FORMAT_VERSION:
    case QUIRE_NO_MEMORY:
    case QUIRE_LIMIT:
    case QUIRE_SCHEMA:
    case QUIRE_INTERNAL:
        break;
    }
    return quire_status_name(status) + sizeof "QUIRE_" - 1;
}

/* Turns a failure into an error of the response, at a field or of the request (NULL). Fails with
 * NO_MEMORY when that is what the failure was, or when there is none to tell it. */
static quire_status report_failure(struct run *run, quire_status status,
                                   const struct qr_select_field *field,
                                   const struct qr_store *store)
{
    struct qr_gql_pos pos = field != NULL ? qr_select_pos(field) : (struct qr_gql_pos){0, 0, 0};
    const char *message =
        run->err->message[0] != '\0' ? run->err->message : quire_status_message(status);

    if (status == QUIRE_NO_MEMORY) {
        status = qr_gql_memory_status(run->err); /* an arena that is full says so in err alone */
    }
    if (status == QUIRE_NO_MEMORY) {
        return status;
    }
    run->arena.bytes_max += MEMORY_FOR_ERRORS;
    struct qr_gql_problem *problem =
        qr_gql_report_add(&run->report, field != NULL ? &pos : NULL, "%s", message);
    if (problem == NULL) {
        return QUIRE_NO_MEMORY;
    }
    problem->code =
        qr_gql_str_of(store != NULL && store->code != NULL ? store->code : code_of(status));
    if (store != NULL) {
        problem->coordinate = store->coordinate;
        problem->input_path = store->place;
    }
    if (field != NULL) {
        struct qr_gql_path *path = qr_arena_alloc_zero(&run->arena, sizeof *path, NULL);
        if (path != NULL) {
            path->key = field->selected->name;
            problem->path = path;
        }
    }
    return QUIRE_OK;
}

/* A failed preparation; its problems may be in the report already. */
static quire_status report_preparation(struct run *run, quire_status status)
{
    return run->report.count > 0 && status != QUIRE_NO_MEMORY
               ? QUIRE_OK
               : report_failure(run, status, NULL, NULL);
}

/* ---- running ---- */

static void put_name(struct run *run, const struct qr_select_field *field)
{
    qr_json_put_key(&run->writer, field->selected->name.data, field->selected->name.size);
}

/* __typename, __schema and __type of the root. */
static quire_status write_meta(struct run *run, const struct qr_select_field *field)
{
    struct qr_gql_source source = qr_gql_introspection_source(run->schema.api->schema);
    struct qr_gql_execution execution = {
        .request = &run->prepared, .source = &source, .out = &run->writer, .report = &run->report};
    struct qr_gql_item root = {.kind = QR_GQL_ITEM_OBJECT};
    bool raised;
    return qr_gql_execute_field(&execution, &root, field->selected, &raised, run->err);
}

static quire_status run_query(struct run *run, struct qr_reader *reader,
                              const struct qr_select_field **failed)
{
    struct qr_root *roots =
        qr_arena_alloc_zero(&run->arena, sizeof *roots * (run->set->count + 1), run->err);
    if (roots == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < run->set->count; i++) {
        *failed = &run->set->fields[i];
        if ((*failed)->api != NULL) {
            QR_TRY(qr_read_root(reader, *failed, &roots[i]));
        }
    }
    qr_json_begin_object(&run->writer);
    for (uint32_t i = 0; i < run->set->count; i++) {
        *failed = &run->set->fields[i];
        if ((*failed)->api == NULL) {
            QR_TRY(write_meta(run, *failed));
            continue;
        }
        put_name(run, *failed);
        QR_TRY(qr_write_root(reader, &roots[i], &run->writer));
    }
    qr_json_end_object(&run->writer);
    return run->writer.status;
}

static quire_status run_mutation(struct run *run, struct qr_store *store,
                                 const struct qr_select_field **failed)
{
    qr_json_begin_object(&run->writer);
    for (uint32_t i = 0; i < run->set->count; i++) {
        struct qr_mutation mutation;
        *failed = &run->set->fields[i];
        if ((*failed)->api == NULL) {
            QR_TRY(write_meta(run, *failed));
            continue;
        }
        QR_TRY(qr_mutate(store, *failed, &mutation));
        put_name(run, *failed);
        QR_TRY(qr_mutation_write(store->reader, &mutation, &run->writer));
    }
    qr_json_end_object(&run->writer);
    return run->writer.status;
}

/* Runs the prepared operation and writes "data". A failure of a field becomes an error of the
 * response. */
static quire_status execute(struct run *run)
{
    struct qr_reader reader;
    struct qr_store store = {.reader = &reader};
    const struct qr_select_field *failed = NULL;
    bool mutation = operation_of(run) == QR_GQL_MUTATION;
    quire_status status = qr_reader_init(&reader, run->txn, run->schema.api, &run->arena, run->err);

    run->executed = true;
    if (status == QUIRE_OK) {
        reader.watch = &run->watch;
        reader.explain = run->request->explain ? &run->explain : NULL;
        qr_json_begin_object(&run->writer);
        qr_json_put_key(&run->writer, "data", 4);
        status = mutation ? run_mutation(run, &store, &failed) : run_query(run, &reader, &failed);
    }
    qr_reader_close(&reader);
    if (status == QUIRE_OK) {
        failed = NULL;
        status = qr_watch_look(&run->watch, reader.rows_read, run->err);
    }
    return status == QUIRE_OK ? QUIRE_OK
                              : report_failure(run, status, failed, mutation ? &store : NULL);
}

/* Runs what is prepared on the transaction at hand. */
static quire_status run_here(struct run *run)
{
    if (operation_of(run) == QR_GQL_SUBSCRIPTION) {
        return report_failure(
            run, qr_fail(run->err, QUIRE_NOT_SUPPORTED, "Subscriptions need a subscription call."),
            NULL, NULL);
    }
    return execute(run);
}

/* ---- the response ---- */

/* Ends the response: {"data": ..., "extensions": ...}, or {"errors": [...], "data": null, ...}.
 * Where there are errors they stand first, and what was written of "data" is forgotten. */
static quire_status write_response(struct run *run)
{
    const struct qr_json_mark beginning = {0};
    struct qr_json_writer *writer = &run->writer;

    if (run->report.count > 0) {
        writer->status = QUIRE_OK; /* a response that is too long makes room for its error */
        qr_json_writer_rewind(writer, beginning);
        qr_json_begin_object(writer);
        qr_json_put_key(writer, "errors", 6);
        qr_gql_report_write(writer, &run->report);
        if (run->executed) {
            qr_json_put_key(writer, "data", 4);
            qr_json_put_null(writer);
        }
    }
    if (run->explain.first != NULL) {
        qr_json_put_key(writer, "extensions", 10);
        qr_json_begin_object(writer);
        qr_json_put_key(writer, "explain", 7);
        qr_explain_write(&run->explain, writer);
        qr_json_end_object(writer);
    }
    qr_json_end_object(writer);
    return writer->status;
}

/* Ends the response while the transaction is still open: explain borrows names from its schema, and
 * a mutation whose outcome cannot be told must not commit. */
static quire_status complete(struct run *run)
{
    quire_status status = write_response(run);
    if (status != QUIRE_LIMIT) {
        return status;
    }
    run->explain.first = NULL;
    if (run->report.count == 0) {
        QR_TRY(report_failure(run, status, NULL, NULL));
    }
    return write_response(run);
}

/* Hands the response over. */
static quire_status deliver(struct run *run, char **response, size_t *size, bool *has_errors)
{
    if (has_errors != NULL) {
        *has_errors = run->report.count > 0;
    }
    return qr_json_writer_finish(&run->writer, response, size);
}

/* ---- the public calls ---- */

static quire_status check_request(const quire_graphql_request *request, char **response,
                                  size_t *size, quire_error *err)
{
    if (request == NULL || request->size != sizeof *request || request->document == NULL ||
        response == NULL || size == NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "A request needs QUIRE_GRAPHQL_REQUEST_INIT, a document, and outputs.");
    }
    *response = NULL;
    *size = 0;
    return QUIRE_OK;
}

/* Prepares on a snapshot and runs there what only reads; *mutation says that the request has to be
 * run as one instead. */
static quire_status run_on_snapshot(struct run *run, quire_db *db, bool *mutation)
{
    quire_status status = quire_begin(db, QUIRE_READ, &run->txn, run->err);

    *mutation = false;
    if (status != QUIRE_OK) {
        QR_TRY(report_preparation(run, status));
        return complete(run);
    }
    status = prepare(run);
    if (status != QUIRE_OK) {
        status = report_preparation(run, status);
    } else if (operation_of(run) == QR_GQL_MUTATION) {
        *mutation = true;
    } else {
        status = run_here(run);
    }
    if (status == QUIRE_OK && !*mutation) {
        status = complete(run);
    }
    qr_api_release(&run->schema);
    quire_rollback(run->txn);
    return status;
}

/* Runs a mutation in a transaction of its own, which commits if nothing failed. Failures of begin
 * and commit are part of the response, but for an unknown outcome. */
static quire_status run_in_own_txn(struct run *run, quire_db *db)
{
    quire_status status = qr_watch_begin_write(&run->watch, db, &run->txn, run->err);

    if (status != QUIRE_OK) {
        QR_TRY(report_preparation(run, status));
        return complete(run);
    }
    status = prepare(run);
    status = status == QUIRE_OK ? run_here(run) : report_preparation(run, status);
    if (status == QUIRE_OK) {
        status = complete(run);
    }
    qr_api_release(&run->schema);
    if (status != QUIRE_OK || run->report.count > 0) {
        quire_rollback(run->txn);
        return status;
    }
    status = quire_commit(run->txn, run->err);
    if (status == QUIRE_OK || status == QUIRE_COMMIT_UNKNOWN) {
        return status;
    }
    run->explain.first = NULL;
    QR_TRY(report_failure(run, status, NULL, NULL));
    return complete(run);
}

quire_status quire_graphql(quire_db *db, const quire_graphql_request *request, char **response,
                           size_t *response_size, bool *has_errors, quire_error *err)
{
    quire_error local = QUIRE_ERROR_INIT;
    struct run run;
    quire_status status;
    bool mutation;

    QR_TRY(check_request(request, response, response_size, err));
    if (db == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_graphql needs a database.");
    }
    run_open(&run, qr_db_allocator(db), request, err != NULL ? err : &local);
    status = run_on_snapshot(&run, db, &mutation);
    if (status == QUIRE_OK && mutation) {
        struct qr_watch watch = run.watch;
        run_close(&run);
        run_open(&run, qr_db_allocator(db), request, err != NULL ? err : &local);
        run.watch = watch; /* one deadline for both */
        status = run_in_own_txn(&run, db);
    }
    if (status == QUIRE_OK) {
        status = deliver(&run, response, response_size, has_errors);
    }
    run_close(&run);
    return status;
}

quire_status quire_graphql_in(quire_txn *txn, const quire_graphql_request *request, char **response,
                              size_t *response_size, bool *has_errors, quire_error *err)
{
    quire_error local = QUIRE_ERROR_INIT;
    struct run run;
    quire_status status;

    QR_TRY(check_request(request, response, response_size, err));
    if (txn == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_graphql_in needs a transaction.");
    }
    run_open(&run, qr_db_allocator(qr_txn_database(txn)), request, err != NULL ? err : &local);
    run.txn = txn;
    status = prepare(&run);
    if (status == QUIRE_OK && operation_of(&run) == QR_GQL_MUTATION && !qr_txn_writes(txn)) {
        status = qr_fail(run.err, QUIRE_READ_ONLY, "A mutation needs a write transaction.");
    }
    status = status == QUIRE_OK ? run_here(&run) : report_preparation(&run, status);
    if (status == QUIRE_OK) {
        status = complete(&run);
    }
    if (run.executed && operation_of(&run) == QR_GQL_MUTATION &&
        (status != QUIRE_OK || run.report.count > 0)) {
        qr_txn_give_up(txn);
    }
    if (status == QUIRE_OK) {
        status = deliver(&run, response, response_size, has_errors);
    }
    run_close(&run);
    return status;
}
