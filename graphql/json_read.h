/*
 * JSON input: a streaming reader that pushes events, and a whole text read
 * into a tree. Numbers keep their digits as text. Strings are checked UTF-8
 * and may hold NUL. All other code meets JSON text only through this file; the
 * parser underneath is libyajl.
 *
 * Objects must not name one key twice: the tree reader refuses it (DATA). The
 * streaming reader leaves that to its handler, who alone knows what it keeps.
 */
#ifndef QR_GRAPHQL_JSON_READ_H
#define QR_GRAPHQL_JSON_READ_H

#include <stdbool.h>

#include "base/memory.h"
#include "graphql/value.h"

enum qr_json_event {
    QR_JSON_NULL,
    QR_JSON_FALSE,
    QR_JSON_TRUE,
    QR_JSON_NUMBER, /* text: the digits as written */
    QR_JSON_STRING, /* text: the decoded string */
    QR_JSON_KEY,    /* text: the decoded key; its value follows */
    QR_JSON_ARRAY_BEGIN,
    QR_JSON_ARRAY_END,
    QR_JSON_OBJECT_BEGIN,
    QR_JSON_OBJECT_END
};

/*
 * Receives one event. `text` is borrowed for the call, not NUL-terminated, and
 * NULL for events without text. A status other than OK stops the reader, which
 * then returns it; a handler that reports no line gets the event's position
 * filled in.
 */
typedef quire_status (*qr_json_handler)(void *context, enum qr_json_event event, const char *text,
                                        size_t size, quire_error *err);

struct qr_json_options {
    uint32_t depth_max; /* nesting of arrays and objects; 0 = QR_JSON_DEPTH_MAX */
    bool many;          /* a sequence of values, white space between, instead of exactly one */
};

#define QR_JSON_DEPTH_MAX 200

/* One text being read. One thread at a time. */
struct qr_json_reader;

/* `context` and the allocator are borrowed. *out is owned until destroy. */
quire_status qr_json_reader_create(const quire_allocator *allocator,
                                   const struct qr_json_options *options, qr_json_handler handler,
                                   void *context, struct qr_json_reader **out, quire_error *err);

/*
 * Reads the next bytes of the text, cut anywhere. Errors: SYNTAX (not JSON, not
 * UTF-8, an unpaired surrogate escape), LIMIT (depth), NO_MEMORY, or what the
 * handler returned; all with line and column. After a failure every further
 * call fails with MISUSE.
 */
quire_status qr_json_reader_feed(struct qr_json_reader *reader, const void *bytes, size_t size,
                                 quire_error *err);

/* Ends the text. SYNTAX when it stops inside a value or held none (unless `many`). */
quire_status qr_json_reader_finish(struct qr_json_reader *reader, quire_error *err);

/* Feeds and ends a text that is all there, at less cost. */
quire_status qr_json_reader_whole(struct qr_json_reader *reader, const void *bytes, size_t size,
                                  quire_error *err);

/* Where the current event's token starts, from 1, columns in code points. In a handler only. */
void qr_json_reader_position(struct qr_json_reader *reader, uint32_t *line, uint32_t *column);

void qr_json_reader_destroy(struct qr_json_reader *reader);

/*
 * Reads one whole text into a value in `arena`; strings are copied, numbers
 * are INT or FLOAT by how they are written. Errors as of feed, DATA for a key
 * that an object names twice, and LIMIT of the arena.
 */
quire_status qr_json_read(struct qr_arena *arena, const void *bytes, size_t size,
                          uint32_t depth_max, struct qr_gql_value *out, quire_error *err);

#endif
