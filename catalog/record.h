/*
 * Records, the part that is not public: decoding several columns in one pass,
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

/* Decodes `count` chosen columns, given in any order, into values[0..count). Fast when they ascend:
 * the header is then walked once. */
quire_status qr_record_pick(const void *record, size_t size, const uint32_t *columns,
                            uint32_t count, quire_value *values, quire_error *err);

/* Whether a value is well formed: TEXT is UTF-8, LIST is a record whose lists are not nested too
 * deep, the type is one of quire_type. */
bool qr_value_valid(const quire_value *value);

/* Whether the bytes are UTF-8 (no surrogates, no overlong forms). */
bool qr_utf8_valid(const void *bytes, size_t size);

/* "INT", "TEXT" ...; for messages. */
const char *qr_type_name(quire_type type);

#endif
