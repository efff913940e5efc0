/*
 * The record encoding: how a row becomes bytes (docs/file-format.md, "Records").
 *
 *   varint column count | varint serial type a column | bodies in column order
 *
 *   serial type  0     null                  no body
 *                1, 2  false, true           no body
 *                3, 4  the integers 0, 1     no body
 *                5..12 integer               1..8 bytes, little-endian two's complement, minimal
 *                13    float                 8 bytes, little-endian IEEE 754
 *                14,15 never written
 *                16+3n text of n bytes; 17+3n blob; 18+3n list (itself a record)
 *
 * Decoders trust nothing: counts, sizes and serial types are checked against
 * the size of the record before a byte is read, and damage is CORRUPT. Pure
 * functions: any thread, no memory.
 */
#include <string.h>

#include "base/bits.h"
#include "base/bytes.h"
#include "catalog/record.h"

enum {
    SERIAL_NULL = 0,
    SERIAL_FALSE = 1,
    SERIAL_TRUE = 2,
    SERIAL_ZERO = 3,
    SERIAL_ONE = 4,
    SERIAL_INT_1 = 5, /* an integer of one byte; 12 is one of eight */
    SERIAL_FLOAT = 13,
    SERIAL_SIZED = 16 /* text, blob, list alternate from here */
};

/* ---- Encoding ---- */

static unsigned integer_width(int64_t value)
{
    uint64_t magnitude = value < 0 ? ~(uint64_t)value : (uint64_t)value;
    unsigned width = 1;
    for (magnitude >>= 7; magnitude != 0; magnitude >>= 8) {
        width++;
    }
    return width;
}

static uint64_t serial_type(const quire_value *value)
{
    switch (value->type) {
    case QUIRE_NULL:
        return SERIAL_NULL;
    case QUIRE_BOOL:
        return value->as.boolean ? SERIAL_TRUE : SERIAL_FALSE;
    case QUIRE_INT:
        if (value->as.integer == 0 || value->as.integer == 1) {
            return value->as.integer == 0 ? SERIAL_ZERO : SERIAL_ONE;
        }
        return SERIAL_INT_1 - 1 + integer_width(value->as.integer);
    case QUIRE_FLOAT:
        return SERIAL_FLOAT;
    case QUIRE_TEXT:
    case QUIRE_BLOB:
    case QUIRE_LIST:
        return SERIAL_SIZED + 3 * (uint64_t)value->size + (uint64_t)(value->type - QUIRE_TEXT);
    }
    return SERIAL_NULL;
}

static inline uint64_t body_size(uint64_t serial)
{
    static const uint8_t sizes[SERIAL_SIZED] = {0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8};
    return serial >= SERIAL_SIZED ? (serial - SERIAL_SIZED) / 3 : sizes[serial];
}

size_t quire_record_size(const quire_value *values, uint32_t count)
{
    size_t size = qr_varint_size(count);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t serial = serial_type(&values[i]);
        size += qr_varint_size(serial) + (size_t)body_size(serial);
    }
    return size;
}

static size_t put_body(const quire_value *value, uint64_t serial, uint8_t *out)
{
    size_t size = (size_t)body_size(serial);
    if (serial >= SERIAL_SIZED) {
        if (size > 0) {
            memcpy(out, value->as.bytes, size);
        }
    } else if (size > 0) {
        uint8_t bytes[8];
        uint64_t bits;
        memcpy(&bits, &value->as, sizeof bits);
        qr_store64(bytes, bits);
        memcpy(out, bytes, size);
    }
    return size;
}

size_t quire_record_encode(const quire_value *values, uint32_t count, void *out)
{
    uint8_t *p = out;
    p += qr_varint_put(p, count);
    for (uint32_t i = 0; i < count; i++) {
        p += qr_varint_put(p, serial_type(&values[i]));
    }
    for (uint32_t i = 0; i < count; i++) {
        p += put_body(&values[i], serial_type(&values[i]), p);
    }
    return (size_t)(p - (uint8_t *)out);
}

/* ---- Decoding ---- */

static quire_status damaged(quire_error *err, const char *what)
{
    (void)qr_fail(err, QUIRE_CORRUPT, "A stored record is damaged: %s.", what);
    return QUIRE_CORRUPT; /* said here, so that the compiler knows it is no success */
}

#define LAST_BYTES UINT64_C(0x8080808080808080)

/* Where a header of so many serial types ends that begins at `p`: behind as many bytes without
 * continuation bit. NULL when it is cut short. */
static inline const uint8_t *header_end(const uint8_t *p, const uint8_t *end, uint64_t columns)
{
    if (columns - 1 < 8 && end - p >= 8) {
        uint64_t last = ~qr_load64(p) & LAST_BYTES;
        for (uint64_t left = columns - 1; left > 0; left--) {
            last &= last - 1;
        }
        if (last != 0) {
            return p + qr_lowest_bit(last) / 8 + 1;
        }
    }
    for (; columns > 0; p++) {
        if (p == end) {
            return NULL;
        }
        columns -= *p < 0x80;
    }
    return p;
}

static inline quire_status open_walk(struct qr_record_walk *walk, const void *record, size_t size,
                                     quire_error *err)
{
    uint64_t columns;
    size_t used = qr_varint_get(record, size, &columns);
    if (used == 0 || columns > size - used) {
        return damaged(err, "its column count is malformed");
    }
    walk->serial = (const uint8_t *)record + used;
    walk->end = (const uint8_t *)record + size;
    walk->columns = columns;
    walk->next = 0;
    walk->bodies = walk->body = header_end(walk->serial, walk->end, columns);
    return walk->bodies != NULL ? QUIRE_OK : damaged(err, "its header is cut short");
}

quire_status qr_record_walk_open(struct qr_record_walk *walk, const void *record, size_t size,
                                 quire_error *err)
{
    return open_walk(walk, record, size, err);
}

/* Takes the serial type of column `next`, which the header has; `size` is that of its body. */
static inline quire_status walk_serial(struct qr_record_walk *walk, uint64_t *serial,
                                       uint64_t *size, quire_error *err)
{
    size_t used = 1;
    *serial = *walk->serial;
    if (*serial >= 0x80) {
        used = qr_varint_get(walk->serial, (size_t)(walk->bodies - walk->serial), serial);
    }
    if (used == 0 || *serial == 14 || *serial == 15) {
        return damaged(err, "it has a malformed serial type");
    }
    *size = body_size(*serial);
    if (*size > (uint64_t)(walk->end - walk->body)) {
        return damaged(err, "a column is longer than the record");
    }
    walk->serial += used;
    walk->next++;
    return QUIRE_OK;
}

/* `room` is what may be read from `body` on. */
static inline int64_t load_integer(const uint8_t *body, size_t width, size_t room)
{
    uint64_t bits = 0;
    uint64_t sign = UINT64_C(1) << (8 * width - 1);
    if (room >= 8) {
        bits = qr_load64(body) & (sign | (sign - 1));
    } else {
        for (size_t i = width; i-- > 0;) {
            bits = bits << 8 | body[i];
        }
    }
    bits = (bits ^ sign) - sign;
    int64_t value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline quire_value load_value(uint64_t serial, uint64_t size, const uint8_t *body,
                                     size_t room)
{
    if (serial >= SERIAL_SIZED) {
        quire_type type = (quire_type)(QUIRE_TEXT + (int)(serial - SERIAL_SIZED - 3 * size));
        return (quire_value){.type = type, .size = (uint32_t)size, .as.bytes = body};
    }
    switch (serial) {
    case SERIAL_NULL:
        return (quire_value){.type = QUIRE_NULL};
    case SERIAL_FALSE:
    case SERIAL_TRUE:
        return (quire_value){.type = QUIRE_BOOL, .as.boolean = serial == SERIAL_TRUE};
    case SERIAL_ZERO:
    case SERIAL_ONE:
        return (quire_value){.type = QUIRE_INT, .as.integer = serial == SERIAL_ONE};
    case SERIAL_FLOAT: {
        uint64_t bits = qr_load64(body);
        double real;
        memcpy(&real, &bits, sizeof real);
        return (quire_value){.type = QUIRE_FLOAT, .as.real = real};
    }
    default:
        return (quire_value){.type = QUIRE_INT,
                             .as.integer = load_integer(body, (size_t)size, room)};
    }
}

static inline quire_status walk_next(struct qr_record_walk *walk, quire_value *value,
                                     quire_error *err)
{
    uint64_t serial;
    uint64_t size;
    QR_TRY(walk_serial(walk, &serial, &size, err));
    if (size > UINT32_MAX) {
        return damaged(err, "a column is longer than a value can be");
    }
    *value = load_value(serial, size, walk->body, (size_t)(walk->end - walk->body));
    walk->body += size;
    return QUIRE_OK;
}

quire_status qr_record_walk_next(struct qr_record_walk *walk, quire_value *value, quire_error *err)
{
    return walk_next(walk, value, err);
}

static inline quire_status walk_to(struct qr_record_walk *walk, uint64_t column, quire_error *err)
{
    while (walk->next < column) {
        uint64_t serial;
        uint64_t size;
        QR_TRY(walk_serial(walk, &serial, &size, err));
        walk->body += size;
    }
    return QUIRE_OK;
}

quire_status qr_record_decode(const void *record, size_t size, quire_value *values, uint32_t count,
                              quire_error *err)
{
    struct qr_record_walk walk;
    QR_TRY(open_walk(&walk, record, size, err));
    for (uint32_t i = 0; i < count; i++) {
        if (i < walk.columns) {
            QR_TRY(walk_next(&walk, &values[i], err));
        } else {
            values[i] = quire_null();
        }
    }
    return QUIRE_OK;
}

/* The value of a column at or behind the walk; past the stored ones it is null. */
static inline quire_status take_column(struct qr_record_walk *walk, uint32_t column,
                                       quire_value *value, quire_error *err)
{
    if (column >= walk->columns) {
        *value = (quire_value){.type = QUIRE_NULL};
        return QUIRE_OK;
    }
    QR_TRY(walk_to(walk, column, err));
    return walk_next(walk, value, err);
}

quire_status qr_record_pick(const void *record, size_t size, const uint32_t *columns,
                            uint32_t count, quire_value *values, quire_error *err)
{
    struct qr_record_walk start;
    QR_TRY(open_walk(&start, record, size, err));
    struct qr_record_walk walk = start;
    for (uint32_t i = 0; i < count; i++) {
        if (columns[i] < walk.next) {
            walk = start;
        }
        QR_TRY(take_column(&walk, columns[i], &values[i], err));
    }
    return QUIRE_OK;
}

quire_status qr_record_place(const void *record, size_t size, const uint32_t *columns,
                             uint32_t count, quire_value *values, quire_error *err)
{
    struct qr_record_walk walk;
    QR_TRY(open_walk(&walk, record, size, err));
    for (uint32_t i = 0; i < count; i++) {
        QR_TRY(take_column(&walk, columns[i], &values[columns[i]], err));
    }
    return QUIRE_OK;
}

quire_status quire_record_column(const void *record, size_t size, uint32_t column,
                                 quire_value *value, quire_error *err)
{
    struct qr_record_walk walk;
    QR_TRY(open_walk(&walk, record, size, err));
    return take_column(&walk, column, value, err);
}

/* ---- Checking ---- */

static quire_status check(const void *record, size_t size, unsigned depth, uint32_t *columns,
                          quire_error *err)
{
    struct qr_record_walk walk;
    QR_TRY(qr_record_walk_open(&walk, record, size, err));
    if (walk.columns > UINT32_MAX) {
        return damaged(err, "its column count is too large");
    }
    while (walk.next < walk.columns) {
        const uint8_t *at = walk.serial;
        quire_value value = quire_null();
        QR_TRY(qr_record_walk_next(&walk, &value, err));
        uint64_t serial = 0;
        (void)qr_varint_get(at, (size_t)(walk.bodies - at), &serial);
        if (serial_type(&value) != serial) {
            return damaged(err, "an integer is not in its shortest form");
        }
        if (value.type == QUIRE_TEXT && !qr_utf8_valid(value.as.bytes, value.size)) {
            return damaged(err, "a text is not UTF-8");
        }
        if (value.type == QUIRE_LIST) {
            uint32_t elements;
            if (depth == QR_LIST_DEPTH_MAX) {
                return damaged(err, "lists are nested too deep");
            }
            QR_TRY(check(value.as.bytes, value.size, depth + 1, &elements, err));
        }
    }
    if (walk.body != walk.end) {
        return damaged(err, "bytes follow its last column");
    }
    *columns = (uint32_t)walk.columns;
    return QUIRE_OK;
}

quire_status quire_record_check(const void *record, size_t size, uint32_t *columns,
                                quire_error *err)
{
    return check(record, size, 0, columns, err);
}

bool qr_value_valid(const quire_value *value)
{
    uint32_t elements;
    switch (value->type) {
    case QUIRE_NULL:
    case QUIRE_BOOL:
    case QUIRE_INT:
    case QUIRE_FLOAT:
    case QUIRE_BLOB:
        return true;
    case QUIRE_TEXT:
        return qr_utf8_valid(value->as.bytes, value->size);
    case QUIRE_LIST:
        return check(value->as.bytes, value->size, 1, &elements, NULL) == QUIRE_OK;
    }
    return false;
}
