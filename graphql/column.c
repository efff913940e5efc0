/*
 * Conversion of single values: see column.h.
 */
#include "graphql/column.h"

#include "catalog/record.h"
#include "graphql/execute.h"
#include "graphql/scalar.h"

/* Custom scalars and JSON are kept as JSON text. */
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

/* One of Quire's own scalars. */
static quire_status own_from_value(const struct qr_scalar *scalar, const struct qr_gql_value *value,
                                   struct qr_arena *arena, quire_value *out, quire_error *err)
{
    bool fits;
    if (scalar->read == NULL) {
        return custom_from_value(value, arena, out, err);
    }
    QR_TRY(scalar->read(value->text, arena, out, &fits, err));
    return fits ? QUIRE_OK
                : qr_fail(err, QUIRE_DATA, "\"%.*s\" does not fit: %s.",
                          QR_GQL_FMT(qr_gql_str_cut(value->text, 60)), scalar->form);
}

static quire_status scalar_from_value(const struct qr_model_field *field,
                                      const struct qr_gql_value *value, struct qr_arena *arena,
                                      quire_value *out, quire_error *err)
{
    const struct qr_scalar *own = qr_scalar_of_kind(field->scalar);
    if (own != NULL) {
        return own_from_value(own, value, arena, out, err);
    }
    if (field->scalar == QR_MODEL_CUSTOM) {
        return custom_from_value(value, arena, out, err);
    }
    if (field->scalar == QR_MODEL_INT) {
        *out = quire_int(value->integer);
    } else if (field->scalar == QR_MODEL_FLOAT) {
        *out = quire_float(value->number);
    } else if (field->scalar == QR_MODEL_BOOLEAN) {
        *out = quire_bool(value->boolean);
    } else {
        *out = quire_text_n(value->text.data, value->text.size);
    }
    return QUIRE_OK;
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

static inline quire_status scalar_to_json(const struct qr_model_field *field,
                                          const quire_value *value, struct qr_json_writer *writer,
                                          quire_error *err)
{
    const struct qr_scalar *own;
    if (value->type == QUIRE_NULL) {
        qr_json_put_null(writer);
        return QUIRE_OK;
    }
    switch (field->scalar) {
    case QR_MODEL_ID:
    case QR_MODEL_STRING:
    case QR_MODEL_ENUM:
        if (value->type == QUIRE_TEXT) {
            qr_json_put_string(writer, value->as.bytes, value->size);
            return QUIRE_OK;
        }
        break;
    case QR_MODEL_INT:
        if (value->type == QUIRE_INT) {
            qr_json_put_int(writer, value->as.integer);
            return QUIRE_OK;
        }
        break;
    case QR_MODEL_FLOAT:
        if (value->type == QUIRE_FLOAT) {
            qr_json_put_double(writer, value->as.real);
            return QUIRE_OK;
        }
        break;
    case QR_MODEL_BOOLEAN:
        if (value->type == QUIRE_BOOL) {
            qr_json_put_bool(writer, value->as.boolean);
            return QUIRE_OK;
        }
        break;
    case QR_MODEL_CUSTOM:
        if (value->type == QUIRE_TEXT) {
            qr_json_put_raw(writer, value->as.bytes, value->size);
            return QUIRE_OK;
        }
        break;
    case QR_MODEL_BIGINT:
    case QR_MODEL_DECIMAL:
    case QR_MODEL_DATETIME:
    case QR_MODEL_DATE:
    case QR_MODEL_TIME:
    case QR_MODEL_DURATION:
    case QR_MODEL_UUID:
    case QR_MODEL_JSON:
    case QR_MODEL_BYTES:
        own = qr_scalar_of_kind(field->scalar);
        if (value->type == own->stored && own->write(value, writer)) {
            return QUIRE_OK;
        }
        break;
    }
    return wrong_type(field, err);
}

quire_status qr_column_list_to_json(const struct qr_model_field *field, const quire_value *list,
                                    struct qr_json_writer *writer, quire_error *err)
{
    struct qr_record_walk walk;
    uint32_t count;
    if (list->type != QUIRE_LIST) {
        return wrong_type(field, err);
    }
    QR_TRY(quire_record_check(list->as.bytes, list->size, &count, err));
    QR_TRY(qr_record_walk_open(&walk, list->as.bytes, list->size, err));
    qr_json_begin_array(writer);
    while (walk.next < walk.columns) {
        quire_value element;
        QR_TRY(qr_record_walk_next(&walk, &element, err));
        QR_TRY(scalar_to_json(field, &element, writer, err));
    }
    qr_json_end_array(writer);
    return QUIRE_OK;
}

quire_status qr_column_to_json(const struct qr_model_field *field, const quire_value *value,
                               struct qr_json_writer *writer, quire_error *err)
{
    return field->list && value->type != QUIRE_NULL
               ? qr_column_list_to_json(field, value, writer, err)
               : scalar_to_json(field, value, writer, err);
}

quire_status qr_column_show(const struct qr_model_field *field, const quire_value *value,
                            struct qr_arena *arena, struct qr_gql_str *out, quire_error *err)
{
    struct qr_json_writer writer;
    *out = (struct qr_gql_str){"", 0};
    qr_json_writer_init(&writer, arena->allocator, 0, err);
    bool fits = qr_column_to_json(field, value, &writer, NULL) == QUIRE_OK;
    quire_status status = writer.status;
    if (fits && status == QUIRE_OK) {
        struct qr_gql_str text = {writer.bytes, writer.size};
        if (text.size >= 2 && text.data[0] == '"') {
            text = (struct qr_gql_str){text.data + 1, text.size - 2};
        }
        text = qr_gql_str_cut(text, 60);
        const char *copy = qr_arena_copy(arena, text.data, text.size, err);
        status = copy == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
        *out = copy == NULL ? *out : (struct qr_gql_str){copy, text.size};
    }
    qr_json_writer_free(&writer);
    return status;
}
