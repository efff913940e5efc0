/*
 * Conversion of single values: see column.h.
 */
#include "graphql/column.h"

#include "graphql/execute.h"

bool qr_column_parse_int64(struct qr_gql_str text, int64_t *out)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    size_t i = negative ? 1 : 0;
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t value = 0;

    if (i == text.size) {
        return false;
    }
    for (; i < text.size; i++) {
        unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';
        if (digit > 9 || value > (limit - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

static quire_status bigint_input(const struct qr_gql_type *type, struct qr_arena *arena,
                                 struct qr_gql_value *value, const char **problem, quire_error *err)
{
    (void)type;
    if ((value->kind == QR_GQL_VALUE_INT || value->kind == QR_GQL_VALUE_STRING) &&
        qr_column_parse_int64(value->text, &value->integer)) {
        return qr_gql_value_int(arena, value->integer, value, err);
    }
    *problem = "a BigInt is an integer of 64 bits, as a number or a string of its digits";
    return QUIRE_OK;
}

const struct qr_gql_scalar qr_column_bigint = {.coerce_input = bigint_input};

/* A custom scalar is kept as JSON text. */
static quire_status custom_from_value(const struct qr_gql_value *value, struct qr_arena *arena,
                                      quire_value *out, quire_error *err)
{
    struct qr_json_writer writer;
    char *text;
    size_t size;

    qr_json_writer_init(&writer, arena->allocator, 0, err);
    qr_gql_value_write(&writer, value);
    QR_TRY(qr_json_writer_finish(&writer, &text, &size));
    char *copy = qr_arena_copy(arena, text, size, err);
    quire_free(text);
    if (copy == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *out = quire_text_n(copy, size);
    return QUIRE_OK;
}

static quire_status scalar_from_value(const struct qr_model_field *field,
                                      const struct qr_gql_value *value, struct qr_arena *arena,
                                      quire_value *out, quire_error *err)
{
    switch (field->scalar) {
    case QR_MODEL_ID:
    case QR_MODEL_STRING:
    case QR_MODEL_ENUM:
        *out = quire_text_n(value->text.data, value->text.size);
        return QUIRE_OK;
    case QR_MODEL_INT:
        *out = quire_int(value->integer);
        return QUIRE_OK;
    case QR_MODEL_BIGINT: {
        int64_t integer;
        if (!qr_column_parse_int64(value->text, &integer)) {
            return qr_fail(err, QUIRE_DATA, "%.*s is not a 64-bit integer.",
                           (int)(value->text.size < 40 ? value->text.size : 40), value->text.data);
        }
        *out = quire_int(integer);
        return QUIRE_OK;
    }
    case QR_MODEL_FLOAT:
        *out = quire_float(value->number);
        return QUIRE_OK;
    case QR_MODEL_BOOLEAN:
        *out = quire_bool(value->boolean);
        return QUIRE_OK;
    case QR_MODEL_CUSTOM:
        return custom_from_value(value, arena, out, err);
    }
    return qr_fail(err, QUIRE_INTERNAL, "A field has an unknown kind.");
}

quire_status qr_column_list(const quire_value *elements, uint32_t count, struct qr_arena *arena,
                            quire_value *out, quire_error *err)
{
    size_t size = quire_record_size(elements, count);
    if (size > UINT32_MAX) {
        return qr_fail(err, QUIRE_LIMIT, "A list takes %zu bytes; a value has at most 4 GiB.",
                       size);
    }
    void *bytes = qr_arena_alloc(arena, size, err);
    if (bytes == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_record_encode(elements, count, bytes);
    *out = (quire_value){.type = QUIRE_LIST, .size = (uint32_t)size, .as.bytes = bytes};
    return QUIRE_OK;
}

quire_status qr_column_from_value(const struct qr_model_field *field, bool element,
                                  const struct qr_gql_value *value, struct qr_arena *arena,
                                  quire_value *out, quire_error *err)
{
    if (value->kind == QR_GQL_VALUE_NULL) {
        *out = quire_null();
        return QUIRE_OK;
    }
    if (!field->list || element) {
        return scalar_from_value(field, value, arena, out, err);
    }
    quire_value *elements = qr_arena_alloc(arena, sizeof *elements * (value->count + 1), err);
    if (elements == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        QR_TRY(qr_column_from_value(field, true, &value->items[i], arena, &elements[i], err));
    }
    return qr_column_list(elements, value->count, arena, out, err);
}

static quire_status wrong_type(const struct qr_model_field *field, quire_error *err)
{
    return qr_fail(err, QUIRE_CORRUPT,
                   "A row of %s holds a value in column %s that its type does not allow; run "
                   "'quire inspect'.",
                   field->owner->table, field->column_name);
}

static quire_status scalar_to_json(const struct qr_model_field *field, const quire_value *value,
                                   struct qr_json_writer *writer, quire_error *err)
{
    if (value->type == QUIRE_NULL) {
        qr_json_put_null(writer);
        return QUIRE_OK;
    }
    if (value->type != qr_model_scalar_type(field->scalar)) {
        return wrong_type(field, err);
    }
    switch (field->scalar) {
    case QR_MODEL_ID:
    case QR_MODEL_STRING:
    case QR_MODEL_ENUM:
        qr_json_put_string(writer, value->as.bytes, value->size);
        break;
    case QR_MODEL_INT:
        qr_json_put_int(writer, value->as.integer);
        break;
    case QR_MODEL_BIGINT: {
        char digits[24];
        size_t size = 0;
        uint64_t magnitude =
            value->as.integer < 0 ? 0 - (uint64_t)value->as.integer : (uint64_t)value->as.integer;
        do {
            digits[sizeof digits - ++size] = (char)('0' + magnitude % 10);
            magnitude /= 10;
        } while (magnitude > 0);
        if (value->as.integer < 0) {
            digits[sizeof digits - ++size] = '-';
        }
        qr_json_put_string(writer, digits + sizeof digits - size, size);
        break;
    }
    case QR_MODEL_FLOAT:
        qr_json_put_double(writer, value->as.real);
        break;
    case QR_MODEL_BOOLEAN:
        qr_json_put_bool(writer, value->as.boolean);
        break;
    case QR_MODEL_CUSTOM:
        qr_json_put_raw(writer, value->as.bytes, value->size);
        break;
    }
    return QUIRE_OK;
}

quire_status qr_column_to_json(const struct qr_model_field *field, const quire_value *value,
                               struct qr_json_writer *writer, quire_error *err)
{
    uint32_t count;
    if (!field->list || value->type == QUIRE_NULL) {
        return scalar_to_json(field, value, writer, err);
    }
    if (value->type != QUIRE_LIST) {
        return wrong_type(field, err);
    }
    QR_TRY(quire_record_check(value->as.bytes, value->size, &count, err));
    qr_json_begin_array(writer);
    for (uint32_t i = 0; i < count; i++) {
        quire_value element;
        QR_TRY(quire_record_column(value->as.bytes, value->size, i, &element, err));
        QR_TRY(scalar_to_json(field, &element, writer, err));
    }
    qr_json_end_array(writer);
    return QUIRE_OK;
}
