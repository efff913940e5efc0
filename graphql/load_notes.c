/*
 * What a load has to remember of references that wait: records, appended and
 * later read back in the same order. Up to a bound they are kept in memory,
 * beyond it they move to a temporary file, a whole buffer at a time.
 */
#include "graphql/load.h"

#include "base/bytes.h"
#include "engine/engine.h"

/* Before each record: its size. */
#define FRAME_BYTES ((size_t)4)

void qr_load_notes_init(struct qr_load_notes *notes, quire_db *db)
{
    *notes = (struct qr_load_notes){.db = db};
}

void qr_load_notes_free(struct qr_load_notes *notes)
{
    if (notes->file != NULL) {
        notes->file->methods->close(notes->file);
    }
    if (notes->bytes != NULL) {
        qr_free(qr_db_allocator(notes->db), notes->bytes, notes->capacity);
    }
    qr_load_notes_init(notes, notes->db);
}

static quire_status spill(struct qr_load_notes *notes, quire_error *err)
{
    if (notes->file == NULL) {
        QR_TRY(qr_db_open_temporary(notes->db, &notes->file, err));
    }
    QR_TRY(qr_file_write_one(notes->file, notes->bytes, notes->size, notes->written, err));
    notes->written += notes->size;
    notes->size = 0;
    return QUIRE_OK;
}

quire_status qr_load_notes_add(struct qr_load_notes *notes, const quire_value *values,
                               uint32_t count, quire_error *err)
{
    size_t size = quire_record_size(values, count);
    size_t needed = FRAME_BYTES + size;
    if (size > UINT32_MAX) {
        return qr_fail(err, QUIRE_LIMIT, "A key that is referred to takes %zu bytes.", size);
    }
    if (notes->size > 0 && notes->size + needed > QR_LOAD_NOTES_BYTES) {
        QR_TRY(spill(notes, err));
    }
    QR_TRY(qr_grow(qr_db_allocator(notes->db), &notes->bytes, &notes->capacity,
                   notes->size + needed, 1, err));
    qr_store32(notes->bytes + notes->size, (uint32_t)size);
    quire_record_encode(values, count, notes->bytes + notes->size + FRAME_BYTES);
    notes->size += needed;
    return QUIRE_OK;
}

quire_status qr_load_notes_rewind(struct qr_load_notes *notes, quire_error *err)
{
    notes->at = 0;
    notes->read = 0;
    return notes->file == NULL ? QUIRE_OK : spill(notes, err);
}

/* Makes `needed` bytes from notes->at on be in the buffer, if there are as many. */
static quire_status fill(struct qr_load_notes *notes, size_t needed, bool *enough, quire_error *err)
{
    size_t left = notes->size - notes->at;
    *enough = left >= needed;
    if (*enough || notes->read == notes->written) {
        return QUIRE_OK;
    }
    size_t room = needed < QR_LOAD_NOTES_BYTES ? QR_LOAD_NOTES_BYTES : needed;
    if (left > 0) {
        memmove(notes->bytes, notes->bytes + notes->at, left);
    }
    notes->at = 0;
    notes->size = left;
    QR_TRY(qr_grow(qr_db_allocator(notes->db), &notes->bytes, &notes->capacity, room, 1, err));
    uint64_t rest = notes->written - notes->read;
    size_t part = rest < room - left ? (size_t)rest : room - left;
    QR_TRY(qr_file_read_all(notes->file, notes->bytes + left, part, notes->read,
                            "the temporary file of a load", err));
    notes->read += part;
    notes->size += part;
    *enough = notes->size >= needed;
    return QUIRE_OK;
}

quire_status qr_load_notes_next(struct qr_load_notes *notes, const void **record, size_t *size,
                                bool *found, quire_error *err)
{
    QR_TRY(fill(notes, FRAME_BYTES, found, err));
    if (!*found) {
        return QUIRE_OK;
    }
    *size = qr_load32(notes->bytes + notes->at);
    QR_TRY(fill(notes, FRAME_BYTES + *size, found, err));
    *record = notes->bytes + notes->at + FRAME_BYTES;
    notes->at += FRAME_BYTES + *size;
    return QUIRE_OK;
}
