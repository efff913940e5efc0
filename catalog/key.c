/*
 * The order-preserving key encoding (docs/file-format.md, "Index keys").
 *
 *   05                    null
 *   08, 09                false, true
 *   14 +- n, n bytes      integer: n = bytes of the magnitude, 0..8, big-endian; the bytes of a
 *                         negative one are complemented
 *   20, 8 bytes           float, big-endian: sign bit flipped if >= 0, else all bits; NaN = zeroes
 *   30, bytes, 00 00      text; a 00 inside is written 00 FF
 *   31, bytes, 00 00      blob, likewise
 *
 * A descending column is the complement of all its bytes. The two-byte end
 * keeps that order exact even when the element is the last of its key: the
 * complement of a longer value must sort before that of its prefix.
 *
 * Decoders trust nothing. Pure functions over the caller's buffers.
 */
#include "catalog/key.h"

#include <math.h>
#include <string.h>

#include "base/bits.h"
#include "base/bytes.h"

enum {
    TAG_NULL = 0x05,
    TAG_FALSE = 0x08,
    TAG_TRUE = 0x09,
    TAG_INT = QR_KEY_ZERO, /* 0C..1C by sign and width */
    TAG_FLOAT = 0x20,
    TAG_TEXT = 0x30,
    TAG_BLOB = 0x31
};

#define SIGN_BIT (UINT64_C(1) << 63)

void qr_key_free(struct qr_key *key)
{
    qr_free(key->allocator, key->bytes, key->capacity);
    key->bytes = NULL;
    key->size = key->capacity = 0;
}

void qr_key_clear(struct qr_key *key)
{
    key->size = 0;
}

static quire_status reserve(struct qr_key *key, size_t more, quire_error *err)
{
    if (more <= key->capacity - key->size) {
        return QUIRE_OK;
    }
    if (more > SIZE_MAX - key->size) {
        return qr_fail_memory(err, more);
    }
    return qr_grow(key->allocator, &key->bytes, &key->capacity, key->size + more, 1, err);
}

quire_status qr_key_append_bytes(struct qr_key *key, const void *bytes, size_t size,
                                 quire_error *err)
{
    QR_TRY(reserve(key, size, err));
    if (size > 0) {
        memcpy(key->bytes + key->size, bytes, size);
    }
    key->size += size;
    return QUIRE_OK;
}

/* ---- Encoding ---- */

/* Takes nine bytes of room whatever it uses. */
static size_t put_integer(uint8_t *out, int64_t value)
{
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    unsigned width = magnitude == 0 ? 0 : qr_highest_bit(magnitude) / 8 + 1;
    uint64_t bits = value < 0 ? ~magnitude : magnitude;
    out[0] = (uint8_t)(value < 0 ? TAG_INT - width : TAG_INT + width);
    qr_store64_be(out + 1, width == 0 ? 0 : bits << (64 - 8 * width));
    return 1 + width;
}

static size_t put_float(uint8_t *out, double value)
{
    uint64_t bits = 0;
    if (!isnan(value)) {
        value = value == 0 ? 0 : value;
        memcpy(&bits, &value, sizeof bits);
        bits = bits & SIGN_BIT ? ~bits : bits | SIGN_BIT;
    }
    out[0] = TAG_FLOAT;
    qr_store64_be(out + 1, bits);
    return 9;
}

static quire_status append_bytes(struct qr_key *key, const quire_value *value, quire_error *err)
{
    const uint8_t *from = value->as.bytes;
    size_t left = value->size;
    QR_TRY(reserve(key, left + 3, err));
    key->bytes[key->size++] = value->type == QUIRE_TEXT ? TAG_TEXT : TAG_BLOB;
    while (left > 0) {
        const uint8_t *zero = memchr(from, 0, left);
        size_t run = zero == NULL ? left : (size_t)(zero - from) + 1;
        QR_TRY(qr_key_append_bytes(key, from, run, err));
        if (zero != NULL) {
            QR_TRY(qr_key_append_bytes(key, "\xFF", 1, err));
        }
        from += run;
        left -= run;
    }
    return qr_key_append_bytes(key, "\0", 2, err);
}

static quire_status append_value(struct qr_key *key, const quire_value *value, quire_error *err)
{
    QR_TRY(reserve(key, 9, err));
    uint8_t *out = key->bytes + key->size;
    switch (value->type) {
    case QUIRE_NULL:
        out[0] = TAG_NULL;
        key->size++;
        return QUIRE_OK;
    case QUIRE_BOOL:
        out[0] = value->as.boolean ? TAG_TRUE : TAG_FALSE;
        key->size++;
        return QUIRE_OK;
    case QUIRE_INT:
        key->size += put_integer(out, value->as.integer);
        return QUIRE_OK;
    case QUIRE_FLOAT:
        key->size += put_float(out, value->as.real);
        return QUIRE_OK;
    case QUIRE_TEXT:
    case QUIRE_BLOB:
        return append_bytes(key, value, err);
    case QUIRE_LIST:
        break;
    }
    return qr_fail(err, QUIRE_TYPE, "A value of type %d cannot be part of an index key.",
                   (int)value->type);
}

quire_status qr_key_append(struct qr_key *key, const quire_value *value, bool descending,
                           quire_error *err)
{
    size_t start = key->size;
    quire_status status = append_value(key, value, err);
    if (status != QUIRE_OK) {
        key->size = start;
        return status;
    }
    for (size_t i = start; descending && i < key->size; i++) {
        key->bytes[i] = (uint8_t)~key->bytes[i];
    }
    return QUIRE_OK;
}

uint64_t qr_key_head(const quire_value *value, bool descending, uint64_t *known)
{
    uint8_t bytes[9] = {0};
    size_t size = 1;
    const uint8_t *zero;
    switch (value->type) {
    case QUIRE_NULL:
        bytes[0] = TAG_NULL;
        break;
    case QUIRE_BOOL:
        bytes[0] = value->as.boolean ? TAG_TRUE : TAG_FALSE;
        break;
    case QUIRE_INT:
        size = put_integer(bytes, value->as.integer);
        break;
    case QUIRE_FLOAT:
        size = put_float(bytes, value->as.real);
        break;
    case QUIRE_TEXT:
    case QUIRE_BLOB:
        bytes[0] = value->type == QUIRE_TEXT ? TAG_TEXT : TAG_BLOB;
        size = value->size < 7 ? value->size : 7;
        if (size > 0) {
            memcpy(bytes + 1, value->as.bytes, size);
        }
        zero = memchr(bytes + 1, 0, size);
        size = 1 + (zero == NULL ? size : (size_t)(zero - bytes) - 1);
        break;
    case QUIRE_LIST:
        size = 0;
        break;
    }
    *known = size == 0 ? 0 : UINT64_MAX << (size < 8 ? 64 - 8 * size : 0);
    uint64_t head = qr_load64_be(bytes);
    return (descending ? ~head : head) & *known;
}

quire_status qr_key_append_rowid(struct qr_key *key, int64_t rowid, quire_error *err)
{
    QR_TRY(reserve(key, QR_KEY_ROWID_MAX, err));
    key->size += put_integer(key->bytes + key->size, rowid);
    return QUIRE_OK;
}

void qr_key_successor(struct qr_key *key, bool *none)
{
    while (key->size > 0 && key->bytes[key->size - 1] == 0xFF) {
        key->size--;
    }
    *none = key->size == 0;
    if (key->size > 0) {
        key->bytes[key->size - 1]++;
    }
}

/* ---- Decoding ---- */

static quire_status damaged(quire_error *err)
{
    return qr_fail(err, QUIRE_CORRUPT, "An index key is damaged: an element is malformed or cut.");
}

static bool get_integer(const uint8_t *p, size_t size, uint8_t flip, int64_t *value)
{
    uint8_t tag = p[0] ^ flip;
    bool negative = tag < TAG_INT;
    unsigned width = negative ? TAG_INT - (unsigned)tag : (unsigned)tag - TAG_INT;
    if (width >= size) {
        return false;
    }
    uint8_t invert = negative ? (uint8_t)~flip : flip;
    uint64_t magnitude = 0;
    for (unsigned i = 1; i <= width; i++) {
        magnitude = magnitude << 8 | (uint8_t)(p[i] ^ invert);
    }
    uint64_t limit = negative ? SIGN_BIT : SIGN_BIT - 1;
    bool minimal = width == 0 || (magnitude >> (8 * (width - 1))) != 0;
    if (magnitude > limit || !minimal) {
        return false;
    }
    uint64_t bits = negative ? 0 - magnitude : magnitude;
    memcpy(value, &bits, sizeof *value);
    return true;
}

static bool get_float(const uint8_t *p, size_t size, uint8_t flip, double *value)
{
    if (size < 9) {
        return false;
    }
    uint64_t bits = qr_load64_be(p + 1) ^ (flip ? UINT64_MAX : 0);
    if (bits == 0) {
        *value = (double)NAN;
        return true;
    }
    bits = bits & SIGN_BIT ? bits & ~SIGN_BIT : ~bits;
    memcpy(value, &bits, sizeof *value);
    return true;
}

/* Size of the element at p, tag and end included, and of its content; 0 when malformed. */
static size_t bytes_extent(const uint8_t *p, size_t size, uint8_t flip, size_t *content)
{
    size_t escapes = 0;
    for (size_t at = 1; at < size;) {
        const uint8_t *zero = memchr(p + at, flip, size - at);
        if (zero == NULL || (size_t)(zero - p) + 1 == size) {
            return 0;
        }
        uint8_t next = zero[1] ^ flip;
        at = (size_t)(zero - p) + 2;
        if (next == 0) {
            *content = at - 3 - escapes;
            return at;
        }
        if (next != 0xFF) {
            return 0;
        }
        escapes++;
    }
    return 0;
}

static quire_status get_bytes(const uint8_t *p, size_t extent, size_t content, uint8_t flip,
                              struct qr_arena *arena, quire_value *value, quire_error *err)
{
    if (content > UINT32_MAX) {
        return damaged(err);
    }
    uint8_t *out = qr_arena_alloc(arena, content, err);
    if (out == NULL) {
        return arena->bytes_max != 0 ? QUIRE_LIMIT : QUIRE_NO_MEMORY;
    }
    size_t size = 0;
    for (size_t at = 1; at < extent - 2; at++) {
        out[size++] = p[at] ^ flip;
        at += p[at] == flip; /* the FF of an escape */
    }
    value->type = (p[0] ^ flip) == TAG_TEXT ? QUIRE_TEXT : QUIRE_BLOB;
    value->size = (uint32_t)content;
    value->as.bytes = out;
    return QUIRE_OK;
}

/* Size of the element at p without decoding it, and for texts the size of its content; 0 when
 * malformed. */
static size_t element_extent(const uint8_t *p, size_t size, uint8_t flip, size_t *content)
{
    if (size == 0) {
        return 0;
    }
    uint8_t tag = p[0] ^ flip;
    size_t extent = 0;
    if (tag == TAG_NULL || tag == TAG_FALSE || tag == TAG_TRUE) {
        extent = 1;
    } else if (tag >= TAG_INT - 8 && tag <= TAG_INT + 8) {
        extent = 1 + (size_t)(tag < TAG_INT ? TAG_INT - tag : tag - TAG_INT);
    } else if (tag == TAG_FLOAT) {
        extent = 9;
    } else if (tag == TAG_TEXT || tag == TAG_BLOB) {
        return bytes_extent(p, size, flip, content);
    }
    return extent <= size ? extent : 0;
}

quire_status qr_key_skip(const uint8_t *bytes, size_t size, size_t *offset, bool descending,
                         quire_error *err)
{
    size_t content;
    size_t extent = *offset > size ? 0
                                   : element_extent(bytes + *offset, size - *offset,
                                                    descending ? 0xFF : 0, &content);
    *offset += extent;
    return extent == 0 ? damaged(err) : QUIRE_OK;
}

quire_status qr_key_decode(const uint8_t *bytes, size_t size, size_t *offset, bool descending,
                           struct qr_arena *arena, quire_value *value, quire_error *err)
{
    uint8_t flip = descending ? 0xFF : 0;
    size_t content = 0;
    if (*offset >= size) {
        return damaged(err);
    }
    const uint8_t *p = bytes + *offset;
    size_t extent = element_extent(p, size - *offset, flip, &content);
    uint8_t tag = p[0] ^ flip;
    bool sound = extent != 0;
    *value = quire_null();
    if (!sound) {
        return damaged(err);
    }
    if (tag == TAG_FALSE || tag == TAG_TRUE) {
        *value = quire_bool(tag == TAG_TRUE);
    } else if (tag == TAG_TEXT || tag == TAG_BLOB) {
        QR_TRY(get_bytes(p, extent, content, flip, arena, value, err));
    } else if (tag == TAG_FLOAT) {
        value->type = QUIRE_FLOAT;
        sound = get_float(p, extent, flip, &value->as.real);
    } else if (tag != TAG_NULL) {
        value->type = QUIRE_INT;
        sound = get_integer(p, extent, flip, &value->as.integer);
    }
    *offset += extent;
    return sound ? QUIRE_OK : damaged(err);
}

quire_status qr_key_decode_rowid(const uint8_t *bytes, size_t size, size_t *offset, int64_t *rowid,
                                 quire_error *err)
{
    if (*offset >= size) {
        return damaged(err);
    }
    const uint8_t *p = bytes + *offset;
    if (p[0] < TAG_INT - 8 || p[0] > TAG_INT + 8 || !get_integer(p, size - *offset, 0, rowid)) {
        return damaged(err);
    }
    *offset += 1 + (size_t)(p[0] < TAG_INT ? TAG_INT - p[0] : p[0] - TAG_INT);
    return QUIRE_OK;
}
