/*
 * JSON output: an append-only buffer that grows up to a limit and becomes the
 * host's buffer without a copy.
 *
 * The first failure (memory, limit) is kept and makes every later call do
 * nothing, so that writing code needs no checks; it may look at `status` to
 * stop early and asks qr_json_writer_finish at the end. The caller keeps keys
 * and brackets balanced; commas are put in by the writer. A mark taken with
 * qr_json_writer_mark can be returned to, which is how a value already written
 * becomes null. One thread at a time.
 */
#ifndef QR_GRAPHQL_JSON_WRITE_H
#define QR_GRAPHQL_JSON_WRITE_H

#include <stdbool.h>

#include "base/memory.h"

struct qr_json_writer {
    const quire_allocator *allocator;
    char *bytes; /* a host buffer */
    size_t size, capacity;
    size_t bytes_max;    /* 0 = unbounded */
    bool comma;          /* the next value or key needs one before it */
    quire_status status; /* of the first failure */
    quire_error *err;    /* borrowed, filled with that failure; may be NULL */
    /* Where flushed text goes; write NULL: all of it is kept. */
    bool (*write)(void *context, const char *bytes, size_t size);
    void *write_context;
    bool flushed; /* some of the text is gone: nothing before it can be returned to */
};

struct qr_json_mark {
    size_t size;
    bool comma;
};

void qr_json_writer_init(struct qr_json_writer *writer, const quire_allocator *allocator,
                         size_t bytes_max, quire_error *err);
/* Hands what there is to `write`, if it is at least `least` bytes; a writer without one keeps it.
 * INTERRUPTED when that returns false. */
void qr_json_writer_flush(struct qr_json_writer *writer, size_t least);

/* Frees what was written. */
void qr_json_writer_free(struct qr_json_writer *writer);

/* Hands over the text, NUL-terminated behind its `*size` bytes: released with quire_free. The
 * writer is empty afterwards. On failure frees everything and gives the first failure's status. */
quire_status qr_json_writer_finish(struct qr_json_writer *writer, char **bytes, size_t *size);

void qr_json_put_null(struct qr_json_writer *writer);
void qr_json_put_bool(struct qr_json_writer *writer, bool value);
void qr_json_put_int(struct qr_json_writer *writer, int64_t value);
void qr_json_put_uint(struct qr_json_writer *writer, uint64_t value);
/* The shortest text that reads back as the same double; null when it is not finite. */
void qr_json_put_double(struct qr_json_writer *writer, double value);
/* UTF-8 text, escaped where JSON demands it. */
void qr_json_put_string(struct qr_json_writer *writer, const char *text, size_t size);
/* JSON text as it is, such as a number's digits: one whole value. */
void qr_json_put_raw(struct qr_json_writer *writer, const char *text, size_t size);
void qr_json_put_key(struct qr_json_writer *writer, const char *key, size_t size);
/* A key that is a name of the GraphQL language: nothing in it needs an escape. */
void qr_json_put_name(struct qr_json_writer *writer, const char *name, size_t size);
void qr_json_begin_object(struct qr_json_writer *writer);
void qr_json_end_object(struct qr_json_writer *writer);
void qr_json_begin_array(struct qr_json_writer *writer);
void qr_json_end_array(struct qr_json_writer *writer);

struct qr_json_mark qr_json_writer_mark(const struct qr_json_writer *writer);
/* Forgets everything written since the mark. */
void qr_json_writer_rewind(struct qr_json_writer *writer, struct qr_json_mark mark);

/* Room for the text of any double, with a NUL. */
#define QR_JSON_DOUBLE_SIZE 32

/* Writes the shortest text of a finite double as JSON, without regard to the locale; returns its
 * length. Integral values below 1e21 have neither point nor exponent. */
size_t qr_json_format_double(double value, char out[QR_JSON_DOUBLE_SIZE]);

/* Writes one byte of a string as JSON writes it inside quotes; returns the length, 1 to 6. */
size_t qr_json_escape(char byte, char out[8]);

#endif
