/*
 * Versions of rows: see version.h.
 */
#include "graphql/version.h"

#include "base/hash.h"

static bool has_hidden(const struct qr_model_type *type)
{
    for (uint32_t i = 0; i < type->column_count; i++) {
        if (!qr_model_can_read(type->columns[i])) {
            return true;
        }
    }
    return false;
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
        if (qr_model_can_read(type->columns[i])) {
            QR_TRY(quire_record_column(row->record, row->size, i, &values[i], reader->err));
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

    if (has_hidden(type)) {
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
