/*
 * Texts of the GraphQL language: counted slices and an append-only buffer.
 *
 * A slice borrows its bytes (of a source text or an arena) and is not
 * NUL-terminated. A buffer grows inside an arena and remembers the first
 * failure, so that a printer appends without checking and asks once at the end.
 */
#ifndef QR_GRAPHQL_TEXT_H
#define QR_GRAPHQL_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

/* The status of an arena's failed allocation, which `err` has been told: NO_MEMORY, or LIMIT
 * when the arena may not grow. */
static inline quire_status qr_gql_memory_status(const quire_error *err)
{
    return err != NULL && err->status == QUIRE_LIMIT ? QUIRE_LIMIT : QUIRE_NO_MEMORY;
}

/* A borrowed text. data NULL means "absent", which differs from empty. */
struct qr_gql_str {
    const char *data;
    size_t size;
};

/* Arguments for "%.*s". */
#define QR_GQL_FMT(str) (int)(str).size, (str).data

static inline bool qr_gql_str_equal(struct qr_gql_str a, struct qr_gql_str b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline struct qr_gql_str qr_gql_str_of(const char *text)
{
    struct qr_gql_str str = {text, strlen(text)};
    return str;
}

static inline bool qr_gql_str_is(struct qr_gql_str str, const char *text)
{
    return qr_gql_str_equal(str, qr_gql_str_of(text));
}

/* Byte-wise order, a prefix first; the sign as memcmp gives it. */
int qr_gql_str_compare(struct qr_gql_str a, struct qr_gql_str b);

/* The text, or as many whole characters of it as fit in `size_max` bytes: for messages. */
struct qr_gql_str qr_gql_str_cut(struct qr_gql_str str, size_t size_max);

/* Whether `str` begins with "__", which the language reserves. */
static inline bool qr_gql_str_is_reserved(struct qr_gql_str str)
{
    return str.size >= 2 && str.data[0] == '_' && str.data[1] == '_';
}

/* Values shown in messages are cut at this size. */
#define QR_GQL_SHOWN_BYTES_MAX 1024u

/* A text being built. Zero-initialise through qr_gql_buffer_init. */
struct qr_gql_buffer {
    struct qr_arena *arena;
    char *data; /* NUL-terminated after qr_gql_buffer_finish */
    size_t size, capacity;
    size_t size_max;     /* what goes beyond it is cut off; 0: no limit */
    quire_status status; /* of the first append that failed */
    quire_error *err;    /* borrowed; filled with that failure */
};

void qr_gql_buffer_init(struct qr_gql_buffer *buffer, struct qr_arena *arena, quire_error *err);
void qr_gql_buffer_bytes(struct qr_gql_buffer *buffer, const char *bytes, size_t size);
void qr_gql_buffer_char(struct qr_gql_buffer *buffer, char byte);
void qr_gql_buffer_format(struct qr_gql_buffer *buffer, const char *format, ...) QR_PRINTF(2, 3);
void qr_gql_buffer_format_list(struct qr_gql_buffer *buffer, const char *format, va_list arguments)
    QR_PRINTF(2, 0);
/* Appends a code point as UTF-8. */
void qr_gql_buffer_code_point(struct qr_gql_buffer *buffer, uint32_t code_point);

static inline void qr_gql_buffer_text(struct qr_gql_buffer *buffer, const char *text)
{
    qr_gql_buffer_bytes(buffer, text, strlen(text));
}

static inline void qr_gql_buffer_str(struct qr_gql_buffer *buffer, struct qr_gql_str str)
{
    qr_gql_buffer_bytes(buffer, str.data, str.size);
}

/* Whether whatever is appended would be cut off: loops over what is shown end there. */
static inline bool qr_gql_buffer_full(const struct qr_gql_buffer *buffer)
{
    return buffer->size_max != 0 && buffer->size == buffer->size_max;
}

/* Terminates the text and gives it (owned by the arena), or the first failure. */
quire_status qr_gql_buffer_finish(struct qr_gql_buffer *buffer, struct qr_gql_str *out);

/* Writes a code point (a Unicode scalar value) as UTF-8 and returns its size. */
size_t qr_gql_utf8_encode(uint32_t code_point, char bytes[4]);
/* Reads a code point and returns its size, or 0 when the bytes are not UTF-8. */
size_t qr_gql_utf8_decode(const char *bytes, size_t size, uint32_t *code_point);
bool qr_gql_utf8_valid(const char *bytes, size_t size);

/* Formats into the arena; NULL after reporting. The text is NUL-terminated. */
char *qr_gql_format(struct qr_arena *arena, quire_error *err, const char *format, ...)
    QR_PRINTF(3, 4);

#endif
