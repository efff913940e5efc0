/*
 * Calling resolvers: see resolve.h and quire/resolver.h.
 *
 * Parents go to the function in batches. Whatever it does with the interface
 * ends as a value or as a fault of some parent; failures that it does not pass
 * on are remembered here.
 */
#include "graphql/resolve.h"

#include <math.h>
#include <stdio.h>

#include "catalog/record.h"
#include "graphql/auth.h"
#include "graphql/execute.h"
#include "graphql/explain.h"
#include "graphql/json_read.h"
#include "graphql/resolver.h"
#include "graphql/run.h"
#include "graphql/scalar.h"
#include "quire/resolver.h"

#define CODE_BYTES_MAX 100u

static const struct qr_gql_value null_value = {.kind = QR_GQL_VALUE_NULL};

struct call {
    quire_resolver_call shown; /* first: what the function sees */
    struct qr_reader *reader;
    const struct qr_model_resolver *resolver;
    struct qr_resolved *out;
    size_t first, count;  /* the parents of this batch */
    quire_status failure; /* the first that ends the request */
    quire_error detail;
};

static struct call *call_of(quire_resolver_call *shown)
{
    return (struct call *)(void *)shown;
}

/* ---- what goes wrong with a value ---- */

/* Remembers that there was no memory, as call->detail says, whatever the function makes of it. */
static quire_status note(struct call *call)
{
    call->failure = qr_gql_memory_status(&call->detail);
    return call->failure;
}

static quire_status set_fault(struct call *call, size_t index, const char *code,
                              const char *message)
{
    struct qr_resolved *out = call->out;
    struct qr_arena *arena = call->reader->arena;
    if (out->faults == NULL) {
        out->faults = qr_arena_alloc_zero(arena, sizeof *out->faults * out->count, &call->detail);
        if (out->faults == NULL) {
            return note(call);
        }
    }
    out->faults[call->first + index] = (struct qr_resolve_fault){message, code};
    return QUIRE_OK;
}

/* A text of the program's in the arena; one that is no UTF-8 is replaced. */
static const char *keep_text(struct call *call, const char *text, size_t size_max)
{
    size_t size = strlen(text);
    if (!qr_gql_utf8_valid(text, size)) {
        return "(a text that is not UTF-8)";
    }
    struct qr_gql_str cut = qr_gql_str_cut((struct qr_gql_str){text, size}, size_max);
    return qr_gql_format(call->reader->arena, &call->detail, "%.*s", QR_GQL_FMT(cut));
}

static quire_status refuse(struct call *call, size_t index, const char *code, const char *message)
{
    const char *kept = keep_text(call, message, QR_GQL_MESSAGE_BYTES_MAX);
    const char *kept_code = code == NULL ? NULL : keep_text(call, code, CODE_BYTES_MAX);
    if (kept == NULL || (code != NULL && kept_code == NULL)) {
        return note(call);
    }
    return set_fault(call, index, kept_code, kept);
}

/* Makes a failed gift the fault of its parent. */
static quire_status reject(struct call *call, size_t index, const quire_error *why,
                           quire_error *err)
{
    if (why->status == QUIRE_NO_MEMORY || why->status == QUIRE_LIMIT) {
        call->detail = *why;
        (void)note(call);
    } else {
        char text[QR_GQL_MESSAGE_BYTES_MAX];
        (void)snprintf(text, sizeof text, "The resolver of %s gave no value: %s",
                       call->resolver->coordinate, why->message);
        QR_TRY(refuse(call, index, NULL, text));
    }
    if (err != NULL) {
        *err = *why;
    }
    return why->status;
}

static quire_status check_index(quire_resolver_call *shown, size_t index, const void *given,
                                quire_error *err)
{
    if (shown == NULL || given == NULL || index >= call_of(shown)->count) {
        return qr_fail(err, QUIRE_MISUSE,
                       "A resolver gives values to the parents of its call, and to no others.");
    }
    return QUIRE_OK;
}

static quire_status set_value(struct call *call, size_t index, const struct qr_gql_value *value)
{
    struct qr_gql_value *kept = qr_arena_alloc(call->reader->arena, sizeof *kept, &call->detail);
    if (kept == NULL) {
        return note(call);
    }
    *kept = *value;
    call->out->values[call->first + index] = kept;
    if (call->out->faults != NULL) {
        call->out->faults[call->first + index] = (struct qr_resolve_fault){0};
    }
    return QUIRE_OK;
}

/* ---- values of the program's ---- */

/* One of Quire's own scalars as it is stored, in the form that it has in JSON. */
static quire_status from_stored(struct call *call, const struct qr_scalar *own,
                                const quire_value *value, struct qr_gql_value *out,
                                quire_error *err)
{
    struct qr_json_writer writer;
    quire_status status;
    qr_json_writer_init(&writer, call->reader->arena->allocator, 0, err);
    if (!own->write(value, &writer)) {
        status = qr_fail(err, QUIRE_TYPE, "it is no stored %s.", own->name);
    } else {
        status = writer.status;
    }
    if (status == QUIRE_OK) {
        status = qr_json_read(call->reader->arena, writer.bytes, writer.size, 0, out, err);
    }
    qr_json_writer_free(&writer);
    return status;
}

static quire_status from_float(struct call *call, double real, struct qr_gql_value *out,
                               quire_error *err)
{
    char text[QR_JSON_DOUBLE_SIZE];
    if (!isfinite(real)) {
        return qr_fail(err, QUIRE_TYPE, "a number must be finite.");
    }
    size_t size = qr_json_format_double(real, text);
    const char *kept = qr_arena_copy(call->reader->arena, text, size, err);
    if (kept == NULL) {
        return qr_gql_memory_status(err);
    }
    *out = qr_gql_value_number((struct qr_gql_str){kept, size}, true);
    return QUIRE_OK;
}

/* What the values of a declared type are made of: a table's type is given by keys. */
static const struct qr_scalar *own_scalar(const struct call *call, const struct qr_gql_type *type)
{
    const struct qr_model_type *rows = call->resolver->rows;
    return rows == NULL ? qr_scalar_of_type(type) : qr_scalar_of_kind(rows->key->scalar);
}

static quire_status from_value(struct call *call, const struct qr_gql_type *type,
                               const quire_value *value, struct qr_gql_value *out,
                               quire_error *err);

static quire_status from_list(struct call *call, const struct qr_gql_type *type,
                              const quire_value *value, struct qr_gql_value *out, quire_error *err)
{
    struct qr_record_walk walk;
    QR_TRY(qr_record_walk_open(&walk, value->as.bytes, value->size, err));
    *out = (struct qr_gql_value){.kind = QR_GQL_VALUE_LIST};
    out->items = qr_arena_alloc(call->reader->arena, sizeof *out->items * (walk.columns + 1), err);
    if (out->items == NULL) {
        return qr_gql_memory_status(err);
    }
    while (walk.next < walk.columns) {
        quire_value element;
        QR_TRY(qr_record_walk_next(&walk, &element, err));
        QR_TRY(from_value(call, type, &element, &out->items[out->count], err));
        out->count++;
    }
    return QUIRE_OK;
}

/* Recursion follows the lists of the declared type. */
static quire_status from_value(struct call *call, const struct qr_gql_type *type,
                               const quire_value *value, struct qr_gql_value *out, quire_error *err)
{
    struct qr_arena *arena = call->reader->arena;
    type = qr_gql_type_nullable(type);
    *out = null_value;
    if (value->type == QUIRE_NULL) {
        return QUIRE_OK;
    }
    if (value->type == QUIRE_LIST) {
        return type->kind == QR_GQL_LIST
                   ? from_list(call, type->inner, value, out, err)
                   : qr_fail(err, QUIRE_TYPE, "a list is more than its type has.");
    }
    const struct qr_scalar *own = own_scalar(call, qr_gql_type_named(type));
    if (own != NULL && own->stored == value->type && value->type != QUIRE_TEXT) {
        return from_stored(call, own, value, out, err);
    }
    switch (value->type) {
    case QUIRE_BOOL:
        *out = (struct qr_gql_value){.kind = QR_GQL_VALUE_BOOL, .boolean = value->as.boolean};
        return QUIRE_OK;
    case QUIRE_INT:
        return qr_gql_value_int(arena, value->as.integer, out, err);
    case QUIRE_FLOAT:
        return from_float(call, value->as.real, out, err);
    case QUIRE_TEXT: {
        const char *kept = qr_arena_copy(arena, value->as.bytes, value->size, err);
        *out = (struct qr_gql_value){.kind = QR_GQL_VALUE_STRING, .text = {kept, value->size}};
        return kept == NULL ? qr_gql_memory_status(err) : QUIRE_OK;
    }
    case QUIRE_NULL:
    case QUIRE_BLOB:
    case QUIRE_LIST:
        break;
    }
    return qr_fail(err, QUIRE_TYPE, "bytes are no value of its type.");
}

quire_status quire_resolver_give(quire_resolver_call *shown, size_t index, const quire_value *value,
                                 quire_error *err)
{
    quire_error why = QUIRE_ERROR_INIT;
    struct qr_gql_value given;
    QR_TRY(check_index(shown, index, value, err));
    struct call *call = call_of(shown);
    quire_status status =
        qr_value_valid(value)
            ? from_value(call, call->resolver->definition->type, value, &given, &why)
            : qr_fail(&why, QUIRE_TYPE, "it is not well formed.");
    return status == QUIRE_OK ? set_value(call, index, &given) : reject(call, index, &why, err);
}

quire_status quire_resolver_give_json(quire_resolver_call *shown, size_t index, const char *json,
                                      size_t size, quire_error *err)
{
    quire_error why = QUIRE_ERROR_INIT;
    struct qr_gql_value given;
    QR_TRY(check_index(shown, index, json, err));
    struct call *call = call_of(shown);
    quire_status status = qr_json_read(call->reader->arena, json, size, 0, &given, &why);
    return status == QUIRE_OK ? set_value(call, index, &given) : reject(call, index, &why, err);
}

quire_status quire_resolver_refuse(quire_resolver_call *shown, size_t index, const char *code,
                                   const char *message, quire_error *err)
{
    QR_TRY(check_index(shown, index, message, err));
    quire_status status = refuse(call_of(shown), index, code, message);
    return status == QUIRE_OK ? QUIRE_OK
                              : qr_fail(err, status, "%s", call_of(shown)->detail.message);
}

quire_status quire_resolver_each(quire_resolver_call *shown, quire_resolver_one_callback one,
                                 void *context, quire_error *err)
{
    if (shown == NULL || one == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_resolver_each needs a call and a function.");
    }
    struct call *call = call_of(shown);
    for (size_t i = 0; i < call->count; i++) {
        quire_error why = QUIRE_ERROR_INIT;
        quire_status status = one(context, shown, i, &why);
        if (status == QUIRE_NO_MEMORY || status == QUIRE_INTERRUPTED || status == QUIRE_TIMEOUT) {
            return qr_fail(err, status, "%s", why.message);
        }
        if (status != QUIRE_OK) {
            QR_TRY(refuse(call, i, qr_run_code(status),
                          why.message[0] != '\0' ? why.message : quire_status_message(status)));
        }
    }
    return QUIRE_OK;
}

/* A value as JSON in the arena, NUL-terminated. */
static quire_status print_value(struct qr_arena *arena, const struct qr_gql_value *value,
                                struct qr_gql_str *out, quire_error *err)
{
    struct qr_json_writer writer;
    char *text = NULL;
    qr_json_writer_init(&writer, arena->allocator, 0, err);
    qr_gql_value_write(&writer, value);
    QR_TRY(qr_json_writer_finish(&writer, &text, &out->size));
    out->data = qr_arena_copy(arena, text, out->size + 1, err); /* with its NUL */
    quire_free(text);
    return out->data == NULL ? qr_gql_memory_status(err) : QUIRE_OK;
}

bool quire_resolver_argument(quire_resolver_call *shown, const char *name, quire_value *value)
{
    const struct qr_gql_value *given = shown == NULL || name == NULL || value == NULL
                                           ? NULL
                                           : qr_select_argument(call_of(shown)->out->field, name);
    if (given == NULL) {
        return false;
    }
    *value = quire_null();
    switch (given->kind) {
    case QR_GQL_VALUE_NULL:
        return true;
    case QR_GQL_VALUE_BOOL:
        *value = quire_bool(given->boolean);
        return true;
    case QR_GQL_VALUE_FLOAT:
        *value = quire_float(given->number);
        return true;
    case QR_GQL_VALUE_INT:
        *value = given->in_int64 ? quire_int(given->integer)
                                 : quire_text_n(given->text.data, given->text.size);
        return true;
    case QR_GQL_VALUE_STRING:
    case QR_GQL_VALUE_ENUM:
        *value = quire_text_n(given->text.data, given->text.size);
        return true;
    case QR_GQL_VALUE_LIST:
    case QR_GQL_VALUE_OBJECT:
        break;
    }
    struct call *call = call_of(shown);
    struct qr_gql_str text;
    if (print_value(call->reader->arena, given, &text, &call->detail) != QUIRE_OK) {
        (void)note(call);
        return false;
    }
    *value = quire_text_n(text.data, text.size);
    return true;
}

bool quire_resolver_is_stopped(quire_resolver_call *shown)
{
    struct call *call = shown == NULL ? NULL : call_of(shown);
    if (call == NULL || call->reader->watch == NULL) {
        return false;
    }
    quire_status status =
        qr_watch_look(call->reader->watch, call->reader->rows_read, &call->detail);
    call->failure = call->failure == QUIRE_OK ? status : call->failure;
    return status != QUIRE_OK;
}

/* ---- the call ---- */

quire_status quire_resolver_function(quire_db *db, const char *coordinate,
                                     quire_resolver_callback callback, void *context,
                                     quire_error *err)
{
    const char *dot = coordinate == NULL ? NULL : strchr(coordinate, '.');
    if (db == NULL || dot == NULL || dot == coordinate || dot[1] == '\0') {
        return qr_fail(err, QUIRE_MISUSE,
                       "quire_resolver_function needs a database and a field, like "
                       "\"User.avatarUrl\".");
    }
    return qr_db_set_resolver(db, coordinate, (qr_callback)callback, context, err);
}

/* Makes a failure of the function that of every parent which has no value. */
static quire_status fail_rest(struct call *call, const char *code, const char *message)
{
    const char *kept = keep_text(call, message, QR_GQL_MESSAGE_BYTES_MAX);
    if (kept == NULL) {
        return note(call);
    }
    for (size_t i = 0; i < call->count; i++) {
        size_t at = call->first + i;
        bool failed = call->out->faults != NULL && call->out->faults[at].message != NULL;
        if (!failed && call->out->values[at] == NULL) {
            QR_TRY(set_fault(call, i, code, kept));
        }
    }
    return QUIRE_OK;
}

static quire_status invoke(struct call *call, bool writes)
{
    quire_error *err = call->reader->err;
    quire_error why = QUIRE_ERROR_INIT;
    quire_txn *txn = call->reader->txn;
    struct qr_txn_call within;
    void *context = NULL;
    quire_resolver_callback callback = (quire_resolver_callback)qr_db_find_resolver(
        qr_txn_database(txn), call->resolver->coordinate, &context);

    if (callback == NULL) {
        return fail_rest(call, NULL, "The program has registered no resolver for this field.");
    }
    QR_TRY(qr_txn_call_begin(txn, &within, writes, err));
    quire_status status = callback(context, &call->shown, &why);
    qr_txn_call_end(txn, &within);
    if (call->failure != QUIRE_OK) {
        return qr_fail(err, call->failure, "%s", call->detail.message);
    }
    if (status == QUIRE_NO_MEMORY || status == QUIRE_INTERRUPTED || status == QUIRE_TIMEOUT) {
        return qr_fail(err, status, "%s",
                       why.message[0] != '\0' ? why.message : quire_status_message(status));
    }
    if (qr_txn_given_up(txn)) {
        return qr_fail(err, QUIRE_TXN_DOOMED,
                       "The resolver of %s left the transaction half done: %s",
                       call->resolver->coordinate, why.message);
    }
    if (status != QUIRE_OK) {
        QR_TRY(fail_rest(call, qr_run_code(status),
                         why.message[0] != '\0' ? why.message : quire_status_message(status)));
    }
    return call->failure == QUIRE_OK ? QUIRE_OK
                                     : qr_fail(err, call->failure, "%s", call->detail.message);
}

/* What the function requires of a row. A reference to a row that rules hide from the caller is
 * null, unless the field's own rules say who gets what is made of it. */
static quire_status read_required(const struct call *call, const struct qr_row *row,
                                  const struct qr_model_field *field, quire_value *value)
{
    bool found = true;
    QR_TRY(qr_reader_column(call->reader, row, field, value));
    if (field->role == QR_MODEL_REFERENCE && value->type == QUIRE_INT &&
        call->resolver->rules == NULL) {
        QR_TRY(qr_auth_see(call->reader, field->target, value->as.integer, &found));
    }
    *value = found ? *value : quire_null();
    return QUIRE_OK;
}

/* Gives the function what it requires of the rows from call->first on. */
static quire_status show_rows(struct call *call, const struct qr_row *rows)
{
    struct qr_reader *reader = call->reader;
    const struct qr_model_resolver *resolver = call->resolver;
    uint32_t width = resolver->required_count;
    quire_value *values =
        qr_arena_alloc(&reader->scratch, sizeof *values * (call->count * width + 1), reader->err);
    int64_t *rowids =
        qr_arena_alloc(&reader->scratch, sizeof *rowids * (call->count + 1), reader->err);

    if (values == NULL || rowids == NULL) {
        return qr_gql_memory_status(reader->err);
    }
    for (size_t i = 0; i < call->count; i++) {
        const struct qr_row *row = &rows[call->first + i];
        rowids[i] = row->rowid;
        for (uint32_t f = 0; f < width; f++) {
            QR_TRY(read_required(call, row, resolver->required[f], &values[i * width + f]));
        }
    }
    call->shown.values = values;
    call->shown.value_count = width;
    call->shown.rowids = rowids;
    return QUIRE_OK;
}

static quire_status run_batches(struct call *call, const struct qr_row *rows, size_t count)
{
    struct qr_reader *reader = call->reader;
    const struct qr_gql_type *root = call->out->field->selected->parent;
    bool writes = root == reader->api->schema->roots[QR_GQL_MUTATION];

    for (call->first = 0; call->first < count; call->first += call->count) {
        size_t left = count - call->first;
        call->count = left < QUIRE_RESOLVER_PARENTS_MAX ? left : QUIRE_RESOLVER_PARENTS_MAX;
        call->shown.count = call->count;
        if (rows != NULL) {
            QR_TRY(show_rows(call, rows));
        }
        QR_TRY(invoke(call, writes));
        qr_arena_reset(&reader->scratch);
        QR_TRY(reader->watch == NULL
                   ? QUIRE_OK
                   : qr_watch_look(reader->watch, reader->rows_read, reader->err));
    }
    return QUIRE_OK;
}

quire_status qr_resolve(struct qr_reader *reader, const struct qr_select_field *field,
                        const struct qr_row *rows, size_t count, struct qr_resolved **out)
{
    const struct qr_model_resolver *resolver = field->api->resolver;
    struct qr_resolved *resolved =
        qr_arena_alloc_zero(reader->arena, sizeof *resolved, reader->err);
    struct call *call = qr_arena_alloc_zero(reader->arena, sizeof *call, reader->err);
    struct qr_gql_str arguments;

    if (resolved == NULL || call == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *resolved = (struct qr_resolved){.field = field, .count = count};
    resolved->values =
        qr_arena_alloc_zero(reader->arena, sizeof *resolved->values * (count + 1), reader->err);
    if (resolved->values == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(print_value(reader->arena, &field->selected->arguments, &arguments, reader->err));
    *call = (struct call){.shown = {.coordinate = resolver->coordinate,
                                    .txn = reader->txn,
                                    .arguments = arguments.data,
                                    .arguments_size = arguments.size},
                          .reader = reader,
                          .resolver = resolver,
                          .out = resolved,
                          .detail = QUIRE_ERROR_INIT};
    if (reader->request != NULL && reader->request->claims != NULL) {
        call->shown.claims = reader->request->claims;
        call->shown.claims_size = reader->request->claims_size != 0
                                      ? reader->request->claims_size
                                      : strlen(reader->request->claims);
    }
    QR_TRY(run_batches(call, rows, count));
    QR_TRY(qr_explain_field(reader, field->selected->parent, field->selected->field->name));
    QR_TRY(qr_explain_lookup(reader, "resolver", resolver->coordinate, 0, count));
    *out = resolved;
    return qr_resolved_read(reader, resolved);
}
