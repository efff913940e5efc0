/*
 * Requests on their way: see run.h.
 */
#include "graphql/run.h"

#include "base/clock.h"
#include "graphql/auth.h"
#include "graphql/cost.h"
#include "graphql/execute.h"
#include "graphql/mutate.h"
#include "graphql/resolve.h"
#include "graphql/stream.h"
#include "graphql/trigger.h"

#define TOKENS_MAX_DEFAULT   100000u
#define DEPTH_MAX_DEFAULT    200u
#define MEMORY_MAX_DEFAULT   (UINT64_C(1) << 30)
#define RESPONSE_MAX_DEFAULT (UINT64_C(1) << 30)
/* What a request may take beyond its limit to tell that it reached it. */
#define MEMORY_FOR_ERRORS ((size_t)64 * 1024)

static uint64_t or_default(uint64_t value, uint64_t fallback)
{
    return value == 0 ? fallback : value;
}

/* ---- preparing ---- */

static void open_report(struct qr_run *run)
{
    qr_gql_report_init(&run->report, &run->arena, 0, run->err);
    run->report.no_suggestions = run->request->no_introspection;
}

static void open_memory(struct qr_run *run)
{
    const quire_graphql_limits *limits = &run->request->limits;
    qr_arena_init(&run->arena, run->allocator,
                  (size_t)or_default(limits->memory_bytes_max, MEMORY_MAX_DEFAULT));
    open_report(run);
    qr_json_writer_init(&run->writer, run->allocator,
                        (size_t)or_default(limits->response_bytes_max, RESPONSE_MAX_DEFAULT),
                        run->err);
    run->writer.write = run->write;
    run->writer.write_context = run->write_context;
    run->explain.arena = &run->arena;
}

void qr_run_open(struct qr_run *run, const quire_allocator *allocator,
                 const quire_graphql_request *request, quire_error *err)
{
    *run = (struct qr_run){.request = request,
                           .allocator = allocator,
                           .began_ns = qr_clock_monotonic_ns(),
                           .err = err};
    qr_watch_init(&run->watch, request->interrupt, request->progress, request->progress_context,
                  request->limits.time_ms_max);
    open_memory(run);
}

void qr_run_let_go(struct qr_run *run)
{
    qr_program_release(run->program);
    run->program = NULL;
    qr_api_release(&run->schema);
}

void qr_run_close(struct qr_run *run)
{
    qr_run_let_go(run);
    qr_json_writer_free(&run->writer);
    qr_arena_free(&run->arena);
}

void qr_run_restart(struct qr_run *run)
{
    struct qr_run again = {.request = run->request,
                           .allocator = run->allocator,
                           .watch = run->watch,
                           .began_ns = run->began_ns,
                           .admitted = run->admitted,
                           .write = run->write,
                           .write_context = run->write_context,
                           .err = run->err};
    qr_run_close(run);
    *run = again;
    open_memory(run);
}

struct qr_program_key qr_run_key(const quire_graphql_request *request)
{
    const quire_graphql_limits *limits = &request->limits;
    size_t size = request->document_size;
    struct qr_program_key key = {
        .tokens_max = (uint32_t)or_default(limits->tokens_max, TOKENS_MAX_DEFAULT),
        .depth_max = (uint32_t)or_default(limits->depth_max, DEPTH_MAX_DEFAULT),
        .shape = {.aliases_max = limits->aliases_max,
                  .root_fields_max = limits->root_fields_max,
                  .directives_max = limits->directives_max,
                  .variables_max = limits->variables_max},
        .no_introspection = request->no_introspection,
        .sharpgraph = (request->compat & QUIRE_COMPAT_SHARPGRAPH) != 0};

    key.text.data = request->document;
    key.text.size = size == 0 ? strlen(request->document) : size;
    if (request->operation_name != NULL) {
        key.operation = qr_gql_str_of(request->operation_name);
    }
    return key;
}

static quire_status find_program(struct qr_run *run)
{
    const struct qr_api_use *use = &run->schema;
    if (run->request->prepared != NULL) {
        return qr_prepared_program(run->request->prepared, use, &run->arena, &run->report,
                                   &run->program, run->err);
    }
    struct qr_program_key key = qr_run_key(run->request);
    return qr_program_get(use->programs, run->allocator, use->api->schema, &key, &run->arena,
                          &run->report, &run->program, run->err);
}

static quire_status check_slicing(struct qr_run *run)
{
    const struct qr_select_field *field =
        run->schema.api->model->has_slicing_rules ? qr_cost_find_unsliced(run->set) : NULL;
    if (field == NULL) {
        return QUIRE_OK;
    }
    struct qr_gql_pos pos = qr_select_pos(field);
    (void)qr_gql_report_add(&run->report, &pos,
                            "The field \"%.*s\" takes exactly one of its slicing arguments.",
                            QR_GQL_FMT(field->selected->field->name));
    return qr_gql_report_outcome(&run->report, QUIRE_QUERY, run->err);
}

/* What the operation costs, against what it may: NULL, or the problem that it is too much. */
static struct qr_gql_problem *refuse_cost(struct qr_run *run)
{
    const quire_graphql_request *request = run->request;
    unsigned long long most = request->limits.cost_max;
    if (most != 0 && run->cost > most) {
        return qr_gql_report_add(&run->report, &run->prepared.operation->pos,
                                 "The operation costs %llu, more than the limit cost_max of %llu "
                                 "allows; ask for fewer rows with first or take.",
                                 (unsigned long long)run->cost, most);
    }
    if (request->admit != NULL && !run->admitted) {
        run->admitted = request->admit(request->admit_context, run->cost);
        return run->admitted
                   ? NULL
                   : qr_gql_report_add(&run->report, &run->prepared.operation->pos,
                                       "The operation costs %llu, more than the caller may have "
                                       "now.",
                                       (unsigned long long)run->cost);
    }
    return NULL;
}

static quire_status check_cost(struct qr_run *run)
{
    const quire_graphql_request *request = run->request;
    if (request->limits.cost_max == 0 && !request->cost && request->admit == NULL) {
        return QUIRE_OK;
    }
    run->cost = qr_cost_of(run->set);
    struct qr_gql_problem *problem = refuse_cost(run);
    if (problem != NULL) {
        problem->code = qr_gql_str_of("LIMIT");
    }
    return qr_gql_report_outcome(&run->report, QUIRE_QUERY, run->err);
}

quire_status qr_run_prepare(struct qr_run *run)
{
    struct qr_gql_value variables;

    QR_TRY(qr_api_acquire(run->txn, &run->schema, run->err));
    QR_TRY(find_program(run));
    QR_TRY(qr_watch_look(&run->watch, 0, run->err));
    QR_TRY(qr_run_variables(run->request, &run->arena, &variables, run->err));
    QR_TRY(qr_program_prepare(run->program, &variables, &run->arena, &run->report, &run->prepared,
                              &run->set, run->err));
    QR_TRY(check_slicing(run));
    QR_TRY(check_cost(run));
    QR_TRY(qr_auth_open(run->schema.api, run->request, &run->arena, &run->auth, run->err));
    return qr_auth_check_selection(run->auth, run->set, &run->report, run->err);
}

/* ---- errors ---- */

const char *qr_run_code(quire_status status)
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
    case QUIRE_FORBIDDEN:
    case QUIRE_UNAUTHENTICATED:
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

static void note_failure(struct qr_run *run, quire_status status)
{
    if (run->failure == QUIRE_OK) {
        run->failure = status;
    }
}

quire_status qr_run_report(struct qr_run *run, quire_status status,
                           const struct qr_select_field *field, const struct qr_store *store)
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
    note_failure(run, status);
    run->arena.bytes_max += MEMORY_FOR_ERRORS;
    struct qr_gql_problem *problem =
        qr_gql_report_add(&run->report, field != NULL ? &pos : NULL, "%s", message);
    if (problem == NULL) {
        return QUIRE_NO_MEMORY;
    }
    problem->code =
        qr_gql_str_of(store != NULL && store->code != NULL ? store->code : qr_run_code(status));
    if (store != NULL) {
        problem->coordinate = store->coordinate;
        problem->input_path = store->place;
    }
    if (field != NULL) {
        struct qr_gql_path *path = qr_arena_alloc_zero(&run->arena, sizeof *path, NULL);
        if (path == NULL) {
            return QUIRE_NO_MEMORY;
        }
        path->key = field->selected->name;
        problem->path = path;
    }
    return QUIRE_OK;
}

quire_status qr_run_report_preparation(struct qr_run *run, quire_status status)
{
    if (run->report.count > 0 && status != QUIRE_NO_MEMORY) {
        note_failure(run, status);
        return QUIRE_OK;
    }
    return qr_run_report(run, status, NULL, NULL);
}

/* ---- running ---- */

static void put_name(struct qr_run *run, const struct qr_select_field *field)
{
    qr_json_put_key(&run->writer, field->selected->name.data, field->selected->name.size);
}

/* __typename, __schema and __type of the root. */
static quire_status write_meta(struct qr_run *run, struct qr_reader *reader,
                               const struct qr_select_field *field)
{
    struct qr_gql_source source = qr_gql_introspection_source(run->schema.api->schema);
    struct qr_gql_execution execution = {
        .request = &run->prepared, .source = &source, .out = &run->writer, .report = &run->report};
    struct qr_gql_item root = {.kind = QR_GQL_ITEM_OBJECT};
    bool raised = false;
    quire_status status =
        qr_gql_execute_field(&execution, &root, field->selected, &raised, run->err);
    reader->raised = reader->raised || raised;
    return status;
}

/* Whether a field's rows are written while they are read: not where an error could make null what
 * is written already. */
static bool streams(const struct qr_run *run, const struct qr_select_field *field)
{
    return run->writer.write != NULL && !run->set->resolves && qr_stream_applies(field);
}

static quire_status run_query(struct qr_run *run, struct qr_reader *reader,
                              const struct qr_select_field **failed)
{
    struct qr_root *roots =
        qr_arena_alloc_zero(&run->arena, sizeof *roots * (run->set->count + 1), run->err);
    if (roots == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < run->set->count; i++) {
        *failed = &run->set->fields[i];
        if ((*failed)->api != NULL && !streams(run, *failed)) {
            QR_TRY(qr_read_root(reader, *failed, &roots[i]));
        }
    }
    qr_json_begin_object(&run->writer);
    for (uint32_t i = 0; i < run->set->count && !reader->raised; i++) {
        *failed = &run->set->fields[i];
        if ((*failed)->api == NULL) {
            QR_TRY(write_meta(run, reader, *failed));
            continue;
        }
        put_name(run, *failed);
        QR_TRY(streams(run, *failed) ? qr_stream_root(reader, *failed, &run->writer)
                                     : qr_write_root(reader, &roots[i], &run->writer));
    }
    qr_json_end_object(&run->writer);
    run->partial = !reader->raised;
    return run->writer.status;
}

/* A field of Mutation that the program does. */
static quire_status run_resolved(struct qr_run *run, struct qr_store *store,
                                 const struct qr_select_field *field)
{
    struct qr_root root;
    qr_store_begin_field(store);
    QR_TRY(qr_read_root(store->reader, field, &root));
    put_name(run, field);
    return qr_write_root(store->reader, &root, &run->writer);
}

/* What depends on the schema alone is found once. */
static quire_status run_constant(struct qr_run *run, struct qr_reader *reader,
                                 const struct qr_select_field **failed)
{
    const struct qr_program_answer *answer = qr_program_answer(run->program);
    size_t begin = run->writer.size;

    if (answer != NULL) {
        qr_json_put_raw(&run->writer, answer->bytes, answer->size);
        return run->writer.status;
    }
    QR_TRY(run_query(run, reader, failed));
    if (run->report.count == 0 && run->schema.programs != NULL) {
        qr_program_cache_keep_answer(run->schema.programs, run->program, run->writer.bytes + begin,
                                     run->writer.size - begin);
    }
    return QUIRE_OK;
}

/* The first error ends it, since nothing will have happened. */
static quire_status run_mutation(struct qr_run *run, struct qr_store *store,
                                 const struct qr_select_field **failed)
{
    qr_json_begin_object(&run->writer);
    for (uint32_t i = 0; i < run->set->count && run->report.count == 0; i++) {
        struct qr_mutation mutation;
        *failed = &run->set->fields[i];
        if ((*failed)->api == NULL) {
            QR_TRY(write_meta(run, store->reader, *failed));
            continue;
        }
        if ((*failed)->api->kind == QR_API_RESOLVED) {
            QR_TRY(run_resolved(run, store, *failed));
            continue;
        }
        QR_TRY(qr_mutate(store, *failed, &mutation));
        QR_TRY(qr_triggers_run(store));
        put_name(run, *failed);
        QR_TRY(qr_mutation_write(store->reader, &mutation, &run->writer));
    }
    qr_json_end_object(&run->writer);
    return run->writer.status;
}

/* Whether what is read is written down. */
static bool explains(const struct qr_run *run)
{
    return run->request->explain ||
           (run->request->plan_after_ms > 0 && run->request->outcome != NULL);
}

static quire_status run_event(struct qr_run *run, struct qr_reader *reader,
                              const struct qr_select_field **failed)
{
    *failed = &run->set->fields[0];
    QR_TRY(qr_live_begin(run->live, reader, run->set));
    if (qr_live_is_silent(run->live)) {
        return QUIRE_OK;
    }
    QR_TRY(run_query(run, reader, failed));
    return qr_live_end(run->live, reader, run->set);
}

static quire_status run_operation(struct qr_run *run, struct qr_store *store,
                                  const struct qr_select_field **failed)
{
    if (run->live != NULL) {
        return run_event(run, store->reader, failed);
    }
    switch (qr_run_operation(run)) {
    case QR_GQL_MUTATION:
        return run_mutation(run, store, failed);
    case QR_GQL_SUBSCRIPTION: /* is not run without */
    case QR_GQL_QUERY:
    default:
        return run->program->constant ? run_constant(run, store->reader, failed)
                                      : run_query(run, store->reader, failed);
    }
}

/* What a request for the program, or for a caller, reads with. */
static quire_status open_reader(struct qr_run *run, struct qr_reader *reader)
{
    QR_TRY(qr_reader_init(reader, run->txn, run->schema.api, &run->arena, run->err));
    reader->watch = &run->watch;
    reader->auth = run->auth;
    reader->request = run->request;
    reader->report = &run->report;
    reader->advisor = run->request->advisor;
    reader->explain = explains(run) ? &run->explain : NULL;
    return QUIRE_OK;
}

quire_status qr_run_check_changes(struct qr_run *run)
{
    const struct qr_select_field *field = &run->set->fields[0];
    struct qr_change_match match;
    struct qr_reader reader;
    if (field->api == NULL || field->api->kind != QR_API_CHANGES) {
        return QUIRE_OK;
    }
    quire_status status = open_reader(run, &reader);
    status = status == QUIRE_OK ? qr_change_match_compile(&reader, field, &match) : status;
    qr_reader_close(&reader);
    if (status != QUIRE_OK) {
        QR_TRY(qr_run_report(run, status, field, NULL));
    }
    return status;
}

/* Runs the operation and writes "data". */
static quire_status execute(struct qr_run *run)
{
    struct qr_reader reader;
    struct qr_store store = {.reader = &reader, .fires = true, .trigger_depth = run->trigger_depth};
    const struct qr_select_field *failed = NULL;
    bool mutation = qr_run_operation(run) == QR_GQL_MUTATION;
    quire_status status = open_reader(run, &reader);

    run->executed = true;
    if (status == QUIRE_OK) {
        qr_json_begin_object(&run->writer);
        qr_json_put_key(&run->writer, "data", 4);
        status = run_operation(run, &store, &failed);
        run->trigger_failed = store.trigger_failed;
    }
    qr_reader_close(&reader);
    if (status == QUIRE_OK) {
        failed = NULL;
        status = qr_watch_look(&run->watch, reader.rows_read, run->err);
    }
    run->partial = run->partial && status == QUIRE_OK;
    return status == QUIRE_OK || run->writer.flushed
               ? status
               : qr_run_report(run, status, failed, mutation ? &store : NULL);
}

bool qr_run_is_followed(const struct qr_run *run)
{
    const struct qr_gql_ast_directive *directive = run->prepared.operation->directives;
    while (directive != NULL && !qr_gql_str_is(directive->name.text, "live")) {
        directive = directive->next;
    }
    return qr_run_operation(run) == QR_GQL_SUBSCRIPTION || directive != NULL;
}

/* Whether the operation is another call's: a query with @live runs once where it can. */
static bool is_apart(const struct qr_run *run)
{
    return qr_run_operation(run) == QR_GQL_SUBSCRIPTION ||
           (run->request->live_apart && qr_run_is_followed(run));
}

quire_status qr_run_execute(struct qr_run *run)
{
    if (is_apart(run) && run->live == NULL) {
        return qr_run_report(
            run, qr_fail(run->err, QUIRE_NOT_SUPPORTED, "Subscriptions need a subscription call."),
            NULL, NULL);
    }
    return execute(run);
}

/* ---- the response ---- */

/* Ends the response: {"data": ..., "extensions": ...}, or {"errors": [...], "data": null, ...}
 * where what was written of "data" is forgotten, or {"data": ..., "errors": [...], ...}. */
static quire_status write_response(struct qr_run *run)
{
    const struct qr_json_mark beginning = {0};
    struct qr_json_writer *writer = &run->writer;

    bool partial = run->partial && run->report.count > 0;

    if (partial) {
        qr_json_put_key(writer, "errors", 6);
        qr_gql_report_write(writer, &run->report);
    } else if (run->report.count > 0 && writer->flushed) {
        return qr_gql_report_outcome(&run->report, QUIRE_QUERY, run->err);
    }
    if (run->report.count > 0 && !partial) {
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
    bool explained = run->explain.first != NULL && run->request->explain;
    if (explained || run->request->cost) {
        qr_json_put_key(writer, "extensions", 10);
        qr_json_begin_object(writer);
        if (run->request->cost) {
            qr_json_put_key(writer, "cost", 4);
            qr_json_put_uint(writer, run->cost);
        }
        if (explained) {
            qr_json_put_key(writer, "explain", 7);
            qr_explain_write(&run->explain, writer);
        }
        qr_json_end_object(writer);
    }
    qr_json_end_object(writer);
    return writer->status;
}

/* Tells the plan of a request that took long. Without memory for it there is none. */
static void write_plan(struct qr_run *run, quire_graphql_outcome *outcome)
{
    uint64_t took_ms = (qr_clock_monotonic_ns() - run->began_ns) / QR_NS_PER_MS;
    struct qr_json_writer writer;

    if (run->request->plan_after_ms == 0 || took_ms < run->request->plan_after_ms) {
        return;
    }
    qr_json_writer_init(&writer, run->allocator, 0, NULL);
    qr_explain_write(&run->explain, &writer);
    (void)qr_json_writer_finish(&writer, &outcome->plan, &outcome->plan_size);
}

static void write_outcome(struct qr_run *run)
{
    static const quire_operation operations[] = {[QR_GQL_QUERY] = QUIRE_OPERATION_QUERY,
                                                 [QR_GQL_MUTATION] = QUIRE_OPERATION_MUTATION,
                                                 [QR_GQL_SUBSCRIPTION] =
                                                     QUIRE_OPERATION_SUBSCRIPTION};
    quire_graphql_outcome *outcome = run->request->outcome;

    if (outcome == NULL) {
        return;
    }
    quire_free(outcome->plan);
    *outcome = (quire_graphql_outcome){.executed = run->executed, .status = run->failure};
    if (run->failure == QUIRE_OK && run->report.count > 0) {
        outcome->status = QUIRE_QUERY; /* of a field that the program gives */
    }
    if (run->prepared.operation != NULL) {
        outcome->operation =
            operations[is_apart(run) ? QR_GQL_SUBSCRIPTION : qr_run_operation(run)];
    }
    write_plan(run, outcome);
}

quire_status qr_run_complete(struct qr_run *run)
{
    quire_status status = write_response(run);
    if (status == QUIRE_LIMIT && !run->writer.flushed) {
        run->explain.first = NULL;
        if (run->partial) {
            open_report(run);
        }
        if (run->report.count == 0) {
            QR_TRY(qr_run_report(run, status, NULL, NULL));
        }
        run->partial = false;
        status = write_response(run);
    }
    write_outcome(run);
    return status == QUIRE_OK ? qr_run_give_errors(run) : status;
}
