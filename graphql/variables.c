/*
 * The variables that come with a request, as one object: those of its JSON text
 * and, behind them, those that are bound. Of equal names the last one counts.
 */
#include <math.h>

#include "catalog/record.h"
#include "graphql/json_read.h"
#include "graphql/run.h"

static quire_status from_value(struct qr_arena *arena, const quire_value *value,
                               struct qr_gql_value *out, quire_error *err);

/* A record's values, one level after the other as they nest; lists hold scalars. */
static quire_status from_list(struct qr_arena *arena, const quire_value *value,
                              struct qr_gql_value *out, quire_error *err)
{
    struct qr_record_walk walk;
    uint32_t count;
    QR_TRY(quire_record_check(value->as.bytes, value->size, &count, err));
    out->kind = QR_GQL_VALUE_LIST;
    out->count = count;
    out->items = qr_arena_alloc_zero(arena, sizeof *out->items * ((size_t)count + 1), err);
    if (out->items == NULL) {
        return qr_gql_memory_status(err);
    }
    QR_TRY(qr_record_walk_open(&walk, value->as.bytes, value->size, err));
    for (uint32_t i = 0; i < count; i++) {
        quire_value item;
        QR_TRY(qr_record_walk_next(&walk, &item, err));
        if (item.type == QUIRE_LIST) {
            return qr_fail(err, QUIRE_DATA, "A list that is bound to a variable holds a list.");
        }
        QR_TRY(from_value(arena, &item, &out->items[i], err));
    }
    return QUIRE_OK;
}

static quire_status from_float(struct qr_arena *arena, double number, struct qr_gql_value *out,
                               quire_error *err)
{
    char *text = qr_arena_alloc(arena, QR_JSON_DOUBLE_SIZE, err);
    if (text == NULL) {
        return qr_gql_memory_status(err);
    }
    if (!isfinite(number)) {
        return qr_fail(err, QUIRE_DATA, "A number that is bound to a variable is not finite.");
    }
    struct qr_gql_str digits = {text, qr_json_format_double(number, text)};
    *out = qr_gql_value_number(digits, true);
    return QUIRE_OK;
}

static quire_status from_value(struct qr_arena *arena, const quire_value *value,
                               struct qr_gql_value *out, quire_error *err)
{
    *out = (struct qr_gql_value){.kind = QR_GQL_VALUE_NULL};
    switch (value->type) {
    case QUIRE_NULL:
        return QUIRE_OK;
    case QUIRE_BOOL:
        out->kind = QR_GQL_VALUE_BOOL;
        out->boolean = value->as.boolean;
        return QUIRE_OK;
    case QUIRE_INT:
        return qr_gql_value_int(arena, value->as.integer, out, err);
    case QUIRE_FLOAT:
        return from_float(arena, value->as.real, out, err);
    case QUIRE_TEXT:
        if (!qr_utf8_valid(value->as.bytes, value->size)) {
            return qr_fail(err, QUIRE_DATA, "A text that is bound to a variable is not UTF-8.");
        }
        out->kind = QR_GQL_VALUE_STRING;
        out->text = (struct qr_gql_str){value->as.bytes, value->size};
        return QUIRE_OK;
    case QUIRE_LIST:
        return from_list(arena, value, out, err);
    case QUIRE_BLOB:
        break;
    }
    return qr_fail(err, QUIRE_DATA,
                   "A blob cannot be bound to a variable; bind the text that its scalar has.");
}

static quire_status read_json(struct qr_arena *arena, const char *text, size_t size,
                              struct qr_gql_value *out, quire_error *err)
{
    return qr_json_read(arena, text, size == 0 ? strlen(text) : size, 0, out, err);
}

/* Appends what is bound. */
static quire_status bind(const quire_graphql_request *request, struct qr_arena *arena,
                         struct qr_gql_value *object, quire_error *err)
{
    size_t given = object->count;
    struct qr_gql_value_member *members =
        qr_arena_alloc(arena, sizeof *members * (given + request->bound_count), err);

    if (members == NULL) {
        return qr_gql_memory_status(err);
    }
    if (given > 0) {
        memcpy(members, object->members, sizeof *members * given);
    }
    for (uint32_t i = 0; i < request->bound_count; i++) {
        const quire_variable *variable = &request->bound[i];
        struct qr_gql_value_member *member = &members[given + i];
        if (variable->name == NULL) {
            return qr_fail(err, QUIRE_MISUSE, "A variable of the request has no name.");
        }
        member->name = qr_gql_str_of(variable->name);
        QR_TRY(variable->json != NULL ? read_json(arena, variable->json, 0, &member->value, err)
                                      : from_value(arena, &variable->value, &member->value, err));
    }
    object->members = members;
    object->count += request->bound_count;
    return QUIRE_OK;
}

quire_status qr_run_variables(const quire_graphql_request *request, struct qr_arena *arena,
                              struct qr_gql_value *out, quire_error *err)
{
    *out = (struct qr_gql_value){.kind = QR_GQL_VALUE_OBJECT};
    if (request->variables != NULL) {
        QR_TRY(read_json(arena, request->variables, request->variables_size, out, err));
    }
    if (out->kind == QR_GQL_VALUE_NULL) {
        *out = (struct qr_gql_value){.kind = QR_GQL_VALUE_OBJECT};
    }
    if (out->kind != QR_GQL_VALUE_OBJECT) {
        return qr_fail(err, QUIRE_DATA, "The variables must be a JSON object.");
    }
    return request->bound_count == 0 ? QUIRE_OK : bind(request, arena, out, err);
}
