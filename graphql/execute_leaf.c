/*
 * Leaves: results coerced to scalars and enums, and values as JSON text.
 *
 * What a service may convert is the language's choice of what it must refuse:
 * a number for a String, an integral number for an Int, a whole number for an
 * ID are taken; whatever would lose meaning is an error.
 */
#include "graphql/execute.h"

#include <math.h>
#include <stdlib.h>

struct leaf {
    struct qr_arena *arena;
    const struct qr_gql_type *type;
    const struct qr_gql_value *value;
    struct qr_json_writer *out;
    const char **problem;
    quire_error *err;
};

static quire_status refuse(const struct leaf *leaf, const char *what)
{
    *leaf->problem = qr_gql_format(leaf->arena, leaf->err, "%s: %s", what,
                                   qr_gql_value_inspect(leaf->arena, leaf->value));
    return *leaf->problem ? QUIRE_OK : QUIRE_NO_MEMORY;
}

static bool is_number(const struct qr_gql_value *value)
{
    return value->kind == QR_GQL_VALUE_INT || value->kind == QR_GQL_VALUE_FLOAT;
}

/* The number that a value stands for: itself, a truth value, a numeric text. */
static bool to_number(const struct leaf *leaf, double *number)
{
    const struct qr_gql_value *value = leaf->value;
    if (is_number(value)) {
        *number = value->number;
        return isfinite(*number);
    }
    if (value->kind == QR_GQL_VALUE_BOOL) {
        *number = value->boolean ? 1 : 0;
        return true;
    }
    if (value->kind != QR_GQL_VALUE_STRING || value->text.size == 0 || value->text.size > 64) {
        return false;
    }
    for (size_t i = 0; i < value->text.size; i++) {
        if (!strchr("0123456789+-.eE", value->text.data[i]) || !value->text.data[i]) {
            return false;
        }
    }
    char text[65];
    memcpy(text, value->text.data, value->text.size);
    text[value->text.size] = '\0';
    char *end;
    *number = strtod(text, &end);
    return *end == '\0' && isfinite(*number);
}

static quire_status write_int(const struct leaf *leaf)
{
    double number;
    if (!to_number(leaf, &number) || number < floor(number) || number > floor(number)) {
        return refuse(leaf, "Int cannot represent non-integer value");
    }
    if (number < INT32_MIN || number > INT32_MAX) {
        return refuse(leaf, "Int cannot represent non 32-bit signed integer value");
    }
    qr_json_put_int(leaf->out, (int64_t)number);
    return QUIRE_OK;
}

static quire_status write_float(const struct leaf *leaf)
{
    double number;
    if (!to_number(leaf, &number)) {
        return refuse(leaf, "Float cannot represent non numeric value");
    }
    qr_json_put_double(leaf->out, number);
    return QUIRE_OK;
}

static void put_number_string(const struct leaf *leaf)
{
    char text[QR_JSON_DOUBLE_SIZE];
    const struct qr_gql_value *value = leaf->value;
    if (value->kind == QR_GQL_VALUE_INT && value->text.data) {
        qr_json_put_string(leaf->out, value->text.data, value->text.size);
    } else {
        qr_json_put_string(leaf->out, text, qr_json_format_double(value->number, text));
    }
}

static quire_status write_string(const struct leaf *leaf)
{
    const struct qr_gql_value *value = leaf->value;
    if (value->kind == QR_GQL_VALUE_STRING || value->kind == QR_GQL_VALUE_ENUM) {
        qr_json_put_string(leaf->out, value->text.data, value->text.size);
    } else if (value->kind == QR_GQL_VALUE_BOOL) {
        qr_json_put_string(leaf->out, value->boolean ? "true" : "false", value->boolean ? 4 : 5);
    } else if (is_number(value) && isfinite(value->number)) {
        put_number_string(leaf);
    } else {
        return refuse(leaf, "String cannot represent value");
    }
    return QUIRE_OK;
}

static quire_status write_boolean(const struct leaf *leaf)
{
    const struct qr_gql_value *value = leaf->value;
    if (value->kind == QR_GQL_VALUE_BOOL) {
        qr_json_put_bool(leaf->out, value->boolean);
    } else if (is_number(value) && isfinite(value->number)) {
        qr_json_put_bool(leaf->out, value->number < 0 || value->number > 0);
    } else {
        return refuse(leaf, "Boolean cannot represent a non boolean value");
    }
    return QUIRE_OK;
}

static quire_status write_id(const struct leaf *leaf)
{
    const struct qr_gql_value *value = leaf->value;
    if (value->kind == QR_GQL_VALUE_STRING) {
        qr_json_put_string(leaf->out, value->text.data, value->text.size);
    } else if (value->kind == QR_GQL_VALUE_INT ||
               (value->kind == QR_GQL_VALUE_FLOAT && isfinite(value->number) &&
                value->number <= floor(value->number))) {
        put_number_string(leaf);
    } else {
        return refuse(leaf, "ID cannot represent value");
    }
    return QUIRE_OK;
}

static quire_status write_enum(const struct leaf *leaf)
{
    const struct qr_gql_value *value = leaf->value;
    bool text = value->kind == QR_GQL_VALUE_STRING || value->kind == QR_GQL_VALUE_ENUM;
    if (text && qr_gql_type_enum_value(leaf->type, value->text)) {
        qr_json_put_string(leaf->out, value->text.data, value->text.size);
        return QUIRE_OK;
    }
    const char *what = qr_gql_format(leaf->arena, leaf->err, "Enum \"%.*s\" cannot represent value",
                                     QR_GQL_FMT(leaf->type->name));
    return what ? refuse(leaf, what) : QUIRE_NO_MEMORY;
}

static quire_status write_custom(const struct leaf *leaf)
{
    const struct qr_gql_scalar *coercion = leaf->type->coercion;
    struct qr_gql_value value = *leaf->value;
    if (coercion && coercion->coerce_output) {
        const char *reason = NULL;
        QR_TRY(coercion->coerce_output(leaf->type, leaf->arena, &value, &reason, leaf->err));
        if (reason) {
            *leaf->problem = qr_gql_format(leaf->arena, leaf->err,
                                           "Expected value of type \"%.*s\", found %s; %s",
                                           QR_GQL_FMT(leaf->type->name),
                                           qr_gql_value_inspect(leaf->arena, leaf->value), reason);
            return *leaf->problem ? QUIRE_OK : QUIRE_NO_MEMORY;
        }
    }
    qr_gql_value_write(leaf->out, &value);
    return QUIRE_OK;
}

quire_status qr_gql_leaf_write(struct qr_arena *arena, const struct qr_gql_type *type,
                               const struct qr_gql_value *value, struct qr_json_writer *out,
                               const char **problem, quire_error *err)
{
    struct leaf leaf = {arena, type, value, out, problem, err};
    if (type->kind == QR_GQL_ENUM) {
        return write_enum(&leaf);
    }
    switch (type->scalar) {
    case QR_GQL_INT:
        return write_int(&leaf);
    case QR_GQL_FLOAT:
        return write_float(&leaf);
    case QR_GQL_STRING:
        return write_string(&leaf);
    case QR_GQL_BOOLEAN:
        return write_boolean(&leaf);
    case QR_GQL_ID:
        return write_id(&leaf);
    case QR_GQL_CUSTOM:
        break;
    }
    return write_custom(&leaf);
}

/* The digits as written are JSON already, but for what only GraphQL or a host writes. */
static void write_number(struct qr_json_writer *out, const struct qr_gql_value *value)
{
    if (value->text.data) {
        qr_json_put_raw(out, value->text.data, value->text.size);
    } else if (value->kind == QR_GQL_VALUE_INT && value->in_int64) {
        qr_json_put_int(out, value->integer);
    } else {
        qr_json_put_double(out, value->number);
    }
}

void qr_gql_value_write(struct qr_json_writer *out, const struct qr_gql_value *value)
{
    switch (value->kind) {
    case QR_GQL_VALUE_NULL:
        qr_json_put_null(out);
        break;
    case QR_GQL_VALUE_BOOL:
        qr_json_put_bool(out, value->boolean);
        break;
    case QR_GQL_VALUE_INT:
    case QR_GQL_VALUE_FLOAT:
        write_number(out, value);
        break;
    case QR_GQL_VALUE_STRING:
    case QR_GQL_VALUE_ENUM:
        qr_json_put_string(out, value->text.data, value->text.size);
        break;
    case QR_GQL_VALUE_LIST:
        qr_json_begin_array(out);
        for (uint32_t i = 0; i < value->count; i++) {
            qr_gql_value_write(out, &value->items[i]);
        }
        qr_json_end_array(out);
        break;
    case QR_GQL_VALUE_OBJECT:
        qr_json_begin_object(out);
        for (uint32_t i = 0; i < value->count; i++) {
            qr_json_put_key(out, value->members[i].name.data, value->members[i].name.size);
            qr_gql_value_write(out, &value->members[i].value);
        }
        qr_json_end_object(out);
        break;
    }
}
