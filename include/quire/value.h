/*
 * Values and the record encoding: how a row becomes bytes.
 */
#ifndef QUIRE_VALUE_H
#define QUIRE_VALUE_H

#include <stdbool.h>

#include "quire/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum quire_type {
    QUIRE_NULL = 0,
    QUIRE_BOOL = 1,
    QUIRE_INT = 2,   /* signed 64-bit */
    QUIRE_FLOAT = 3, /* IEEE 754 binary64 */
    QUIRE_TEXT = 4,  /* UTF-8, may contain NUL, length-counted */
    QUIRE_BLOB = 5,  /* bytes */
    QUIRE_LIST = 6   /* an encoded record whose columns are the elements */
} quire_type;

/*
 * One value. For TEXT, BLOB and LIST `bytes` is borrowed: from the caller in
 * arguments; in results until the next call on the object it came from.
 */
typedef struct quire_value {
    quire_type type;
    uint32_t size; /* bytes of TEXT, BLOB, LIST; else 0 */
    union {
        bool boolean;
        int64_t integer;
        double real;
        const void *bytes;
    } as;
} quire_value;

QUIRE_API quire_value quire_null(void);
QUIRE_API quire_value quire_bool(bool value);
QUIRE_API quire_value quire_int(int64_t value);
QUIRE_API quire_value quire_float(double value);
/* text and blob borrow `bytes`; quire_text takes the length with strlen. */
QUIRE_API quire_value quire_text(const char *text);
QUIRE_API quire_value quire_text_n(const char *text, size_t size);
QUIRE_API quire_value quire_blob(const void *bytes, size_t size);

/*
 * Records: a varint column count, one varint serial type a column, then the
 * bodies (docs/file-format.md). Decoding column k reads the header only.
 */

/* Bytes that quire_record_encode will write. Any thread. */
QUIRE_API size_t quire_record_size(const quire_value *values, uint32_t count);

/* Encodes into `out`, which has room for quire_record_size bytes; returns the bytes written. */
QUIRE_API size_t quire_record_encode(const quire_value *values, uint32_t count, void *out);

/* Checks the whole record and counts its columns. CORRUPT when it is not a record of exactly
 * `size` bytes. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_record_check(const void *record, size_t size,
                                                           uint32_t *columns, quire_error *err);

/*
 * Decodes one column without touching the other bodies. A column past the
 * stored ones is null: that is how added columns appear in old rows. The value
 * borrows from `record`.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_record_column(const void *record, size_t size,
                                                            uint32_t column, quire_value *value,
                                                            quire_error *err);

/*
 * Orders two values: null first, then by type, then by value (numbers as
 * numbers; text, blobs and lists bytewise). Returns <0, 0, >0. Any thread.
 */
QUIRE_API int quire_value_compare(const quire_value *a, const quire_value *b);

#ifdef __cplusplus
}
#endif

#endif
