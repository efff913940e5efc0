/*
 * Triggers of the schema: see trigger.h. model_triggers.c reads them.
 */
#include "graphql/trigger.h"

#include <stdarg.h>
#include <stdio.h>

#include "graphql/column.h"
#include "graphql/parser.h"
#include "graphql/run.h"
#include "graphql/validate.h"

/* ---- binding ---- */

struct binder {
    struct qr_api *api;
    const struct qr_model_type *type;
    struct qr_model_trigger *trigger;
    struct qr_arena *scratch;
    struct qr_gql_report *report;
    quire_error *err;
};

/* Adds a problem at the mutation's place. */
static void QR_PRINTF(2, 3) problem(const struct binder *b, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    qr_gql_report_add(b->report, &b->trigger->pos, "@trigger(mutation:) of %s: %s", b->type->table,
                      text);
}

/* The field that a variable's name says, without its prefix; *key when it is a reference's key. */
static const struct qr_model_field *find_field(const struct qr_model_type *type,
                                               struct qr_gql_str name)
{
    const struct qr_model_field *field = qr_model_find_field(type, name);
    if (field != NULL && field->role == QR_MODEL_COLUMN) {
        return field;
    }
    for (uint32_t i = 0; i < type->column_count; i++) {
        if (type->columns[i]->role == QR_MODEL_REFERENCE &&
            qr_gql_str_is(name, type->columns[i]->key_name)) {
            return type->columns[i];
        }
    }
    return NULL;
}

/* Whether a variable of this type can take what the field has. */
static bool takes(const struct binder *b, const struct qr_trigger_variable *variable,
                  const struct qr_gql_ast_type *type)
{
    const struct qr_model_field *field = variable->field;
    const struct qr_model_field *value =
        field->role == QR_MODEL_REFERENCE ? field->target->key : field;
    unsigned without = variable->old ? QR_TRIGGER_CREATE : QR_TRIGGER_DELETE;
    if (type->kind == QR_GQL_AST_NON_NULL) {
        if (!field->required || (b->trigger->events & without) != 0) {
            return false;
        }
        type = type->inner;
    }
    if ((type->kind == QR_GQL_AST_LIST_OF) != value->list) {
        return false;
    }
    if (value->list) {
        type = type->inner;
        if (type->kind == QR_GQL_AST_NON_NULL && !value->element_required) {
            return false;
        }
        type = type->kind == QR_GQL_AST_NON_NULL ? type->inner : type;
    }
    struct qr_gql_str wanted = value->named != NULL ? value->named->name : qr_gql_str_of("ID");
    return type->kind == QR_GQL_AST_NAMED && qr_gql_str_equal(type->name.text, wanted);
}

static void bind_variable(const struct binder *b, const struct qr_gql_ast_member *declared)
{
    struct qr_gql_str name = declared->name.text;
    struct qr_trigger_variable *variable = &b->trigger->variables[b->trigger->variable_count];
    bool prefixed =
        name.size > 4 && (memcmp(name.data, "new_", 4) == 0 || memcmp(name.data, "old_", 4) == 0);
    *variable = (struct qr_trigger_variable){.name = name, .old = name.data[0] == 'o'};
    if (prefixed) {
        variable->field = find_field(b->type, (struct qr_gql_str){name.data + 4, name.size - 4});
    }
    if (variable->field == NULL) {
        problem(b,
                "the variable $%.*s is neither $new_ nor $old_ with the name of a stored field of "
                "%s behind it.",
                QR_GQL_FMT(name), b->type->table);
    } else if (!takes(b, variable, declared->type)) {
        problem(b,
                "the variable $%.*s must have the type of the field, and be nullable where there "
                "may be no value.",
                QR_GQL_FMT(name));
    } else {
        b->trigger->variable_count++;
    }
}

static quire_status bind_operation(const struct binder *b,
                                   const struct qr_gql_ast_definition *operation)
{
    struct qr_arena *arena = b->api->model->arena;
    size_t count = 0;
    if (operation == NULL || operation->operation != QR_GQL_MUTATION) {
        problem(b, "it must be one mutation.");
        return QUIRE_OK;
    }
    for (const struct qr_gql_ast_member *m = operation->members; m != NULL; m = m->next) {
        count++;
    }
    b->trigger->variables =
        qr_arena_alloc_zero(arena, sizeof *b->trigger->variables * (count + 1), b->err);
    if (b->trigger->variables == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (const struct qr_gql_ast_member *m = operation->members; m != NULL; m = m->next) {
        bind_variable(b, m);
    }
    return QUIRE_OK;
}

/* Parses and validates the document; *operation is its only one, or NULL. */
static quire_status check_document(const struct binder *b,
                                   const struct qr_gql_ast_definition **operation)
{
    struct qr_gql_report problems;
    struct qr_gql_document *document;
    struct qr_gql_str text = b->trigger->mutation;
    *operation = NULL;
    qr_gql_report_init(&problems, b->scratch, 0, b->err);
    quire_status status =
        qr_gql_parse(b->scratch, text.data, text.size, NULL, &problems, &document, b->err);
    if (status == QUIRE_OK) {
        status = qr_gql_validate(b->api->schema, document, NULL, b->scratch, &problems, b->err);
    }
    if (status == QUIRE_SYNTAX || status == QUIRE_QUERY) {
        problem(b, "%.*s", QR_GQL_FMT(problems.first->message));
        return QUIRE_OK;
    }
    QR_TRY(status);
    unsigned count = 0;
    for (const struct qr_gql_ast_definition *d = document->first; d != NULL; d = d->next) {
        if (d->kind == QR_GQL_AST_OPERATION) {
            *operation = d;
            count++;
        }
    }
    if (count != 1) {
        *operation = NULL;
    }
    return QUIRE_OK;
}

quire_status qr_triggers_bind(struct qr_api *api, struct qr_gql_report *report, quire_error *err)
{
    struct qr_arena scratch;
    struct binder b = {.api = api, .scratch = &scratch, .report = report, .err = err};
    quire_status status = QUIRE_OK;
    qr_arena_init(&scratch, api->model->arena->allocator, 0);
    for (uint32_t i = 0; status == QUIRE_OK && i < api->model->type_count; i++) {
        b.type = &api->model->types[i];
        for (b.trigger = b.type->triggers; status == QUIRE_OK && b.trigger != NULL;
             b.trigger = b.trigger->next) {
            const struct qr_gql_ast_definition *operation;
            uint32_t before = report->count;
            status = check_document(&b, &operation);
            if (status == QUIRE_OK && report->count == before) {
                status = bind_operation(&b, operation);
            }
            qr_arena_reset(&scratch);
        }
    }
    qr_arena_free(&scratch);
    QR_TRY(status);
    return qr_gql_report_outcome(report, QUIRE_SCHEMA, err);
}

/* ---- running ---- */

/* Writes the value of a variable; `keyed`: of references the values are keys. */
static quire_status put_value(struct qr_store *store, const struct qr_trigger_variable *variable,
                              const quire_value *values, bool keyed, struct qr_json_writer *writer)
{
    struct qr_reader *reader = store->reader;
    const struct qr_model_field *field = variable->field;
    struct qr_row row;
    quire_value key;
    bool found = false;
    if (values == NULL) {
        qr_json_put_null(writer);
        return QUIRE_OK;
    }
    const quire_value *value = &values[field->column];
    if (field->role == QR_MODEL_COLUMN) {
        return qr_column_to_json(field, value, writer, reader->err);
    }
    if (keyed && value->type != QUIRE_NULL) {
        return qr_column_to_json(field->target->key, value, writer, reader->err);
    }
    if (value->type == QUIRE_INT) {
        QR_TRY(qr_reader_row(reader, field->target, value->as.integer, &row, &found));
    }
    if (!found) {
        qr_json_put_null(writer);
        return QUIRE_OK;
    }
    QR_TRY(qr_reader_column(reader, &row, field->target->key, &key));
    return qr_column_to_json(field->target->key, &key, writer, reader->err);
}

/* The variables of a trigger's run, as JSON in the reader's arena; `keyed`: of the old references
 * the values are keys. */
static quire_status write_variables(struct qr_store *store, const struct qr_model_trigger *trigger,
                                    const quire_value *old_values, const quire_value *new_values,
                                    bool keyed, const char **variables)
{
    struct qr_arena *arena = store->reader->arena;
    struct qr_json_writer writer;
    char *text = NULL;
    size_t size = 0;
    quire_status status = QUIRE_OK;
    qr_json_writer_init(&writer, arena->allocator, 0, store->reader->err);
    qr_json_begin_object(&writer);
    for (uint32_t i = 0; status == QUIRE_OK && i < trigger->variable_count; i++) {
        const struct qr_trigger_variable *variable = &trigger->variables[i];
        qr_json_put_key(&writer, variable->name.data, variable->name.size);
        status = put_value(store, variable, variable->old ? old_values : new_values,
                           keyed && variable->old, &writer);
    }
    qr_json_end_object(&writer);
    if (status == QUIRE_OK) {
        status = qr_json_writer_finish(&writer, &text, &size);
    }
    if (status == QUIRE_OK) {
        *variables = qr_arena_copy(arena, text, size + 1, store->reader->err); /* with its NUL */
        status = *variables == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
    }
    quire_free(text);
    qr_json_writer_free(&writer);
    return status;
}

/* Makes the first problem of a trigger's run the failure of the change. */
static quire_status pass_on(struct qr_store *store, const struct qr_trigger_call *call,
                            const struct qr_run *run)
{
    const struct qr_gql_problem *first = run->report.first;
    const char *code = NULL;
    if (first->code.data != NULL) {
        code = qr_gql_format(store->reader->arena, store->reader->err, "%.*s",
                             QR_GQL_FMT(first->code));
        if (code == NULL) {
            return QUIRE_NO_MEMORY;
        }
    }
    store->trigger_failed = true;
    if (run->trigger_failed) { /* which says of what */
        return qr_store_fail(store, QUIRE_CHECK, code, NULL, "%.*s", QR_GQL_FMT(first->message));
    }
    return qr_store_fail(store, QUIRE_CHECK, code, NULL, "A trigger of %s failed: %.*s",
                         call->type->table, QR_GQL_FMT(first->message));
}

static quire_status run_call(struct qr_store *store, const struct qr_trigger_call *call)
{
    struct qr_reader *reader = store->reader;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_db *db = qr_txn_database(reader->txn);
    struct qr_run run;
    if (store->trigger_depth == qr_db_trigger_depth_max(db)) {
        store->trigger_failed = true;
        return qr_store_fail(store, QUIRE_LIMIT, NULL, NULL,
                             "Triggers have run triggers %u deep, now of %s; see "
                             "quire_options.trigger_depth_max.",
                             store->trigger_depth, call->type->table);
    }
    request.document = call->trigger->mutation.data;
    request.document_size = call->trigger->mutation.size;
    request.variables = call->variables;
    qr_run_open(&run, reader->arena->allocator, &request, reader->err);
    run.txn = reader->txn;
    run.trigger_depth = store->trigger_depth + 1;
    if (reader->watch != NULL) {
        run.watch = *reader->watch; /* what stops the request stops its triggers */
    }
    quire_status status = qr_run_prepare(&run);
    status = status == QUIRE_OK ? qr_run_execute(&run) : qr_run_report_preparation(&run, status);
    store->has_deleted = true; /* for all that is known here */
    if (status == QUIRE_OK && run.report.count > 0) {
        status = pass_on(store, call, &run);
    }
    qr_run_close(&run);
    return status;
}

/* Runs the triggers of a change that are before it, or those after one that was deferred. */
static quire_status run_all(struct qr_store *store, const struct qr_model_type *type, bool before,
                            enum qr_trigger_event event, const quire_value *old_values,
                            const quire_value *new_values)
{
    for (const struct qr_model_trigger *t = type->triggers; t != NULL; t = t->next) {
        struct qr_trigger_call call = {.type = type, .trigger = t};
        if (t->before == before && (t->events & (unsigned)event) != 0) {
            QR_TRY(write_variables(store, t, old_values, new_values, !before, &call.variables));
            QR_TRY(run_call(store, &call));
        }
    }
    return QUIRE_OK;
}

quire_status qr_triggers_before(struct qr_store *store, const struct qr_model_type *type,
                                enum qr_trigger_event event, const quire_value *old_values,
                                const quire_value *new_values)
{
    return qr_store_fires(store, type, event)
               ? run_all(store, type, true, event, old_values, new_values)
               : QUIRE_OK;
}

quire_status qr_triggers_fire(struct qr_store *store, const struct qr_model_type *type,
                              enum qr_trigger_event event, const quire_value *old_values,
                              const quire_value *new_values)
{
    return run_all(store, type, false, event, old_values, new_values);
}

quire_status qr_triggers_after(struct qr_store *store, const struct qr_model_type *type,
                               enum qr_trigger_event event, int64_t rowid,
                               const quire_value *old_values, const quire_value *new_values)
{
    if (!qr_store_fires(store, type, event)) {
        return QUIRE_OK;
    }
    if (store->defer != NULL) {
        return store->defer(store->defer_context, type, event, rowid, old_values);
    }
    for (const struct qr_model_trigger *t = type->triggers; t != NULL; t = t->next) {
        if (t->before || (t->events & (unsigned)event) == 0) {
            continue;
        }
        struct qr_trigger_call *call =
            qr_arena_alloc(store->reader->arena, sizeof *call, store->reader->err);
        if (call == NULL) {
            return QUIRE_NO_MEMORY;
        }
        *call = (struct qr_trigger_call){.type = type, .trigger = t};
        QR_TRY(write_variables(store, t, old_values, new_values, false, &call->variables));
        *(store->last_call == NULL ? &store->calls : &store->last_call->next) = call;
        store->last_call = call;
    }
    return QUIRE_OK;
}

quire_status qr_triggers_run(struct qr_store *store)
{
    while (store->calls != NULL) {
        const struct qr_trigger_call *call = store->calls;
        store->calls = call->next;
        store->last_call = store->calls == NULL ? NULL : store->last_call;
        QR_TRY(run_call(store, call));
    }
    return QUIRE_OK;
}
