/*
 * The order-preserving key encoding: a sequence of values becomes bytes whose
 * memcmp order is the values' order, column by column (docs/file-format.md,
 * "Index keys"). Every element is self-delimiting; a descending column is the
 * complement of all its bytes.
 */
#ifndef QR_KEY_H
#define QR_KEY_H

#include <string.h>

#include "base/bits.h"
#include "base/bytes.h"
#include "base/memory.h"
#include "quire/value.h"

/* Bytes that qr_key_append_rowid adds at most. */
#define QR_KEY_ROWID_MAX 9U

/* A growing buffer of one key. Zero-initialise with the allocator set; free with qr_key_free. */
struct qr_key {
    const quire_allocator *allocator;
    uint8_t *bytes;
    size_t size;
    size_t capacity;
};

void qr_key_free(struct qr_key *key);
void qr_key_clear(struct qr_key *key);

/* Appends one value. LIST is refused with TYPE. NaN orders before all other floats; -0 equals 0. */
quire_status qr_key_append(struct qr_key *key, const quire_value *value, bool descending,
                           quire_error *err);

/* What qr_key_append of a value begins with: the first eight bytes, most significant first, as far
 * as *known goes; behind that 0. */
uint64_t qr_key_head(const quire_value *value, bool descending, uint64_t *known);

/* Appends a rowid, ascending, so that equal keys order by it. */
quire_status qr_key_append_rowid(struct qr_key *key, int64_t rowid, quire_error *err);

/* Appends bytes as they are: an encoded key, or a part of one. */
quire_status qr_key_append_bytes(struct qr_key *key, const void *bytes, size_t size,
                                 quire_error *err);

/* Moves *offset behind the element there. CORRUPT when malformed. */
quire_status qr_key_skip(const uint8_t *bytes, size_t size, size_t *offset, bool descending,
                         quire_error *err);

/* Decodes the element at *offset and moves *offset behind it. TEXT and BLOB are decoded into
 * `arena`. CORRUPT when malformed. */
quire_status qr_key_decode(const uint8_t *bytes, size_t size, size_t *offset, bool descending,
                           struct qr_arena *arena, quire_value *value, quire_error *err);

/* Decodes a rowid written by qr_key_append_rowid. */
quire_status qr_key_decode_rowid(const uint8_t *bytes, size_t size, size_t *offset, int64_t *rowid,
                                 quire_error *err);

/* Turns `key` into the least byte string greater than every string that has it as prefix; *none is
 * true when there is none (all bytes 0xFF). For upper bounds of prefix ranges. */
void qr_key_successor(struct qr_key *key, bool *none);

/* ---- Rowids from the end ---- */

#define QR_KEY_ZERO 0x14U /* the byte of a rowid of 0; more and less by the bytes that follow */

/* The high bit of each byte of x that is zero. */
static inline uint64_t qr_key_zero_bytes(uint64_t x)
{
    uint64_t low = UINT64_C(0x7F7F7F7F7F7F7F7F);
    return ~(((x & low) + low) | x | low);
}

/* Decodes the rowid that a key ends in, without going through what is before it; *offset is where
 * it begins. False when more than one could end there, or none of up to seven bytes that is not
 * negative: then the key has to be read from its beginning. */
static inline bool qr_key_rowid_at_end(const uint8_t *bytes, size_t size, size_t *offset,
                                       int64_t *rowid)
{
    /* First bytes of rowids that end there, by the bytes that follow them: 7 to 0. */
    const uint64_t positive = UINT64_C(0x1B1A191817161514);
    const uint64_t negative = UINT64_C(0x0D0E0F1011121314);
    uint64_t end = 0;
    bool longest = false; /* one of eight could */
    if (size > 8) {
        uint8_t first = bytes[size - 9];
        longest = first == QR_KEY_ZERO + 8 || first == QR_KEY_ZERO - 8;
        end = qr_load64_be(bytes + size - 8);
    } else {
        for (size_t i = 0; i < size; i++) {
            end = end << 8 | bytes[i];
        }
    }
    uint64_t found = qr_key_zero_bytes(end ^ positive);
    uint64_t other = qr_key_zero_bytes(end ^ negative) & ~found;
    if (found == 0 || other != 0 || (found & (found - 1)) != 0 || longest) {
        return false;
    }
    unsigned width = qr_lowest_bit(found) / 8;
    uint64_t magnitude = end & ((found >> 7) - 1);
    if (width > 0 && magnitude >> (8 * (width - 1)) == 0) {
        return false; /* longer than need be: damage */
    }
    *offset = size - 1 - width;
    memcpy(rowid, &magnitude, sizeof *rowid);
    return true;
}

#endif
