/*
 * Versions of rows: see version.h.
 */
#include "graphql/version.h"

#include "base/hash.h"
#include "graphql/auth.h"

static bool can_read(const struct qr_reader *reader, const struct qr_model_field *field)
{
    return qr_model_can_read(field) && qr_auth_can_read(reader->auth, field);
}

/* Whether the caller may read less of some row than is in it. */
static bool has_hidden(const struct qr_reader *reader, const struct qr_model_type *type)
{
    for (uint32_t i = 0; i < type->column_count; i++) {
        const struct qr_model_field *field = type->columns[i];
        bool refers = reader->auth != NULL && field->role == QR_MODEL_REFERENCE &&
                      field->target->rules != NULL;
        if (refers || !can_read(reader, field)) {
            return true;
        }
    }
    return false;
}

/* A reference to a row that rules hide is null. */
static quire_status hide_reference(struct qr_reader *reader, const struct qr_model_field *field,
                                   quire_value *value)
{
    bool found = field->role == QR_MODEL_REFERENCE && value->type == QUIRE_INT;
    if (!found) {
        return QUIRE_OK;
    }
    QR_TRY(qr_auth_see(reader, field->target, value->as.integer, &found));
    *value = found ? *value : quire_null();
    return QUIRE_OK;
}

/* The record with null in the columns that clients cannot read, in the scratch arena. */
static quire_status hide(struct qr_reader *reader, const struct qr_model_type *type,
                         struct qr_row *row)
{
    quire_value *values =
        qr_arena_alloc(&reader->scratch, sizeof *values * type->column_count, reader->err);
    if (values == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < type->column_count; i++) {
        values[i] = quire_null();
        if (can_read(reader, type->columns[i])) {
            QR_TRY(quire_record_column(row->record, row->size, i, &values[i], reader->err));
            QR_TRY(hide_reference(reader, type->columns[i], &values[i]));
        }
    }
    row->size = quire_record_size(values, type->column_count);
    uint8_t *record = qr_arena_alloc(&reader->scratch, row->size, reader->err);
    if (record == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_record_encode(values, type->column_count, record);
    row->record = record;
    return QUIRE_OK;
}

quire_status qr_version_make(struct qr_reader *reader, const struct qr_model_type *type,
                             const struct qr_row *row, char text[QR_VERSION_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    struct qr_row seen = *row;

    if (has_hidden(reader, type)) {
        QR_TRY(hide(reader, type, &seen));
    }
    struct qr_hash128 hash = qr_hash128(seen.record, seen.size, (uint64_t)row->rowid);
    for (unsigned i = 0; i < QR_VERSION_SIZE; i++) {
        uint64_t half = i < QR_VERSION_SIZE / 2 ? hash.high : hash.low;
        text[i] = digits[half >> (60 - 4 * (i % (QR_VERSION_SIZE / 2))) & 15];
    }
    qr_arena_reset(&reader->scratch);
    return QUIRE_OK;
}
