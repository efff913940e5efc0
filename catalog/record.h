/*
 * Records, the part that is not public: decoding columns in one pass,
 * and the checks that a value must pass before it may be stored.
 */
#ifndef QR_RECORD_H
#define QR_RECORD_H

#include "base/error.h"
#include "quire/value.h"

/* Lists within lists that a record may hold; deeper ones are refused. */
#define QR_LIST_DEPTH_MAX 16

/* Decodes the first `count` columns; columns past the stored ones are null. The values borrow from
 * `record`. */
quire_status qr_record_decode(const void *record, size_t size, quire_value *values, uint32_t count,
                              quire_error *err);

/* A walk over the columns of one record, which it borrows; `columns` and `next` may be read. */
struct qr_record_walk {
    const uint8_t *serial; /* of the next column */
    const uint8_t *bodies; /* end of the header */
    const uint8_t *body;   /* of the next column */
    const uint8_t *end;
    uint64_t columns;
    uint64_t next; /* column number */
};

/* Stands before column 0. */
quire_status qr_record_walk_open(struct qr_record_walk *walk, const void *record, size_t size,
                                 quire_error *err);
/* Decodes column `next`, which must be below `columns`, and moves on. The value borrows from the
 * record. */
quire_status qr_record_walk_next(struct qr_record_walk *walk, quire_value *value, quire_error *err);

/* Decodes `count` chosen columns, given in any order, into values[0..count). Fast when they
 * ascend: the header is then walked once. A column past the stored ones is null. */
quire_status qr_record_pick(const void *record, size_t size, const uint32_t *columns,
                            uint32_t count, quire_value *values, quire_error *err);
/* The same of columns that ascend, each into values[column]. */
quire_status qr_record_place(const void *record, size_t size, const uint32_t *columns,
                             uint32_t count, quire_value *values, quire_error *err);

/* Whether a value is well formed: TEXT is UTF-8, LIST is a record whose lists are not nested too
 * deep, the type is one of quire_type. */
bool qr_value_valid(const quire_value *value);

/* Whether the bytes are UTF-8 (no surrogates, no overlong forms). */
bool qr_utf8_valid(const void *bytes, size_t size);

/* "INT", "TEXT" ...; for messages. */
const char *qr_type_name(quire_type type);

#endif
