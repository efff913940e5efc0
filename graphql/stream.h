/*
 * Root fields written while they are read: see quire/stream.h.
 */
#ifndef QR_GRAPHQL_STREAM_H
#define QR_GRAPHQL_STREAM_H

#include "graphql/json_write.h"
#include "graphql/query.h"

/* Whether a root field's rows can be written before all of them are read. */
bool qr_stream_applies(const struct qr_select_field *field);

/* Reads and writes the value of such a field. The writer is flushed between rows. */
quire_status qr_stream_root(struct qr_reader *reader, const struct qr_select_field *field,
                            struct qr_json_writer *writer);

#endif
