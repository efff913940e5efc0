/*
 * Makes rows (rows.h).
 */
#include "fuzz/rows.h"

#define ROWS 5U /* odd: twice a row's number visits all rows */

/* A value that tells the row, so that unique columns are. */
static void put_scalar(struct qr_gql_buffer *b, const struct qr_model_field *field, unsigned row)
{
    switch (field->scalar) {
    case QR_MODEL_INT:
    case QR_MODEL_BIGINT:
        qr_gql_buffer_format(b, "%u", row);
        break;
    case QR_MODEL_FLOAT:
    case QR_MODEL_DECIMAL:
        qr_gql_buffer_format(b, "%u.5", row);
        break;
    case QR_MODEL_BOOLEAN:
        qr_gql_buffer_text(b, row % 2 == 0 ? "true" : "false");
        break;
    case QR_MODEL_ENUM: {
        struct qr_gql_str value = field->named->values[row % field->named->value_count].name;
        qr_gql_buffer_format(b, "\"%.*s\"", QR_GQL_FMT(value));
        break;
    }
    case QR_MODEL_CUSTOM:
    case QR_MODEL_JSON:
        qr_gql_buffer_format(b, "{\"a\": [%u, null, 1e3]}", row);
        break;
    case QR_MODEL_DATETIME:
        qr_gql_buffer_format(b, "\"2024-02-1%uT10:00:00.5+01:00\"", row);
        break;
    case QR_MODEL_DATE:
        qr_gql_buffer_format(b, "\"2024-02-1%u\"", row);
        break;
    case QR_MODEL_TIME:
        qr_gql_buffer_format(b, "\"10:00:0%u\"", row);
        break;
    case QR_MODEL_DURATION:
        qr_gql_buffer_format(b, "\"P1DT%uH\"", row);
        break;
    case QR_MODEL_UUID:
        qr_gql_buffer_format(b, "\"00000000-0000-4000-8000-00000000000%u\"", row);
        break;
    case QR_MODEL_BYTES:
        qr_gql_buffer_format(b, "\"AAE%u\"", row);
        break;
    case QR_MODEL_ID:
    case QR_MODEL_STRING:
        qr_gql_buffer_format(b, "\"k%u\"", row);
        break;
    }
}

static void put_value(struct qr_gql_buffer *b, const struct qr_model_field *field, unsigned row)
{
    if (field->role == QR_MODEL_REFERENCE) {
        put_value(b, field->target->key, row * 2 % ROWS);
        return;
    }
    const char *close = "";
    if (field->list || field->role == QR_MODEL_LINKS) {
        qr_gql_buffer_char(b, '[');
        close = "]";
    }
    if (field->role == QR_MODEL_LINKS) {
        put_value(b, field->target->key, row);
        qr_gql_buffer_char(b, ',');
        put_value(b, field->target->key, (row + 1) % ROWS);
    } else {
        put_scalar(b, field, row);
    }
    qr_gql_buffer_text(b, close);
}

static bool is_given(const struct qr_model_field *field, unsigned row, bool sparse)
{
    bool stored = field->role == QR_MODEL_COLUMN || field->role == QR_MODEL_REFERENCE ||
                  (field->role == QR_MODEL_LINKS && field->link_owner);
    if (!stored || field->generator >= QR_MODEL_CREATED_AT) {
        return false;
    }
    return field == field->owner->key || (field->required && !qr_model_has_default(field)) ||
           (!sparse && (row + field->index) % 3 != 0);
}

static void put_row(struct qr_gql_buffer *b, const struct qr_model_type *type, unsigned row,
                    bool sparse)
{
    const char *separator = "";
    qr_gql_buffer_char(b, '{');
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct qr_model_field *field = &type->fields[i];
        if (is_given(field, row, sparse)) {
            qr_gql_buffer_format(b, "%s\"%.*s\": ", separator, QR_GQL_FMT(field->name));
            put_value(b, field, row);
            separator = ", ";
        }
    }
    qr_gql_buffer_text(b, "}");
}

quire_status fuzz_rows(const struct qr_model *model, bool sparse, struct qr_arena *arena,
                       struct qr_gql_str *json, quire_error *err)
{
    struct qr_gql_buffer b;
    qr_gql_buffer_init(&b, arena, err);
    qr_gql_buffer_char(&b, '{');
    for (uint32_t t = 0; t < model->type_count; t++) {
        const struct qr_model_type *type = &model->types[t];
        qr_gql_buffer_format(&b, "%s\"%.*s\": [", t == 0 ? "" : ", ", QR_GQL_FMT(type->name));
        for (unsigned row = 0; row < ROWS; row++) {
            qr_gql_buffer_text(&b, row == 0 ? "" : ",\n");
            put_row(&b, type, row, sparse);
        }
        qr_gql_buffer_char(&b, ']');
    }
    qr_gql_buffer_char(&b, '}');
    return qr_gql_buffer_finish(&b, json);
}
