/*
 * CSV input (RFC 4180): a streaming reader that pushes the events of the JSON
 * text which says the same: an array with an object for each record, whose keys
 * are the cells of the header and whose values are strings. A cell without
 * anything in it, not even quotes, is null.
 *
 * Records end with CRLF or LF; lines without anything in them are skipped, and
 * so is a byte order mark at the start. Quotes within quotes are doubled. Text
 * is UTF-8. Memory: one record and the header.
 */
#ifndef QR_GRAPHQL_CSV_READ_H
#define QR_GRAPHQL_CSV_READ_H

#include "graphql/json_read.h"

/* One text being read. One thread at a time. */
struct qr_csv_reader;

/* `context` and the allocator are borrowed. *out is owned until destroy. */
quire_status qr_csv_reader_create(const quire_allocator *allocator, qr_json_handler handler,
                                  void *context, struct qr_csv_reader **out, quire_error *err);

/*
 * Reads the next bytes of the text, cut anywhere. Errors: SYNTAX (quotes where
 * none can be, not UTF-8), DATA (a record of more or fewer cells than the
 * header, a name that the header has twice or that is empty), LIMIT (a record
 * of more than 1 GiB), NO_MEMORY, or what the handler returned; all but
 * NO_MEMORY with line and column. After a failure every further call fails with
 * MISUSE.
 */
quire_status qr_csv_reader_feed(struct qr_csv_reader *reader, const void *bytes, size_t size,
                                quire_error *err);

/* Ends the text. SYNTAX when it stops inside quotes, DATA when it has no header. */
quire_status qr_csv_reader_finish(struct qr_csv_reader *reader, quire_error *err);

/* Where the cell of the current event begins, from 1, columns in code points. In a handler only. */
void qr_csv_reader_position(const struct qr_csv_reader *reader, uint32_t *line, uint32_t *column);

void qr_csv_reader_destroy(struct qr_csv_reader *reader); /* NULL ok */

#endif
