/*
 * Text that grows: what replies, log lines and metrics are put together in.
 *
 * A failed allocation is remembered: everything after it does nothing, and
 * `failed` says so at the end. One thread at a time.
 */
#ifndef QUIRE_SERVER_BUFFER_H
#define QUIRE_SERVER_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *bytes; /* owned; not NUL-terminated */
    size_t size, capacity;
    bool failed;
};

void buffer_free(struct buffer *buffer);

/* Makes room for `size` more bytes; false when there is no memory. */
bool buffer_reserve(struct buffer *buffer, size_t size);

void buffer_put(struct buffer *buffer, const void *bytes, size_t size);
void buffer_puts(struct buffer *buffer, const char *text);
/* Drops so many of the first bytes, no more than there are. What is behind them is moved. */
void buffer_drop(struct buffer *buffer, size_t size);

/* At most 1,023 bytes a call. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void buffer_printf(struct buffer *buffer, const char *format, ...);

/*
 * A JSON string of UTF-8 text, with its quotes. Control characters, U+007F and
 * what is not UTF-8 are escaped or replaced, so that the result is safe in a
 * line of a log. _cut takes at most `max` bytes of the text.
 */
void buffer_put_json(struct buffer *buffer, const char *text, size_t size);
void buffer_put_json_cut(struct buffer *buffer, const char *text, size_t size, size_t max);

#endif
