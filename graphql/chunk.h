/*
 * The rows of a query in chunks: so many at a time that what reading and
 * writing them takes is bounded, however many there are.
 *
 * Where the access path gives the order, rows are read as chunks are asked for.
 * Where they have to be sorted, all of them are kept at once, and only what
 * hangs below them comes in chunks. One thread.
 */
#ifndef QR_GRAPHQL_CHUNK_H
#define QR_GRAPHQL_CHUNK_H

#include "graphql/query.h"

/* Rows of a chunk at most. */
#define QR_CHUNK_ROWS 256u

struct qr_chunks;

/* Begins; the query is borrowed. Owned by the caller, also after a failure (NULL then). */
quire_status qr_chunks_open(struct qr_reader *reader, const struct qr_query *query,
                            struct qr_chunks **out);

/*
 * Gives the next rows, none at the end. From then to the next call, the
 * reader's arena is one of the chunk's, which that call resets: rows and all
 * that is read for them live so long.
 */
quire_status qr_chunks_next(struct qr_chunks *chunks, struct qr_rows *rows);

/* Gives the reader its own arena back. NULL is a no-op. */
void qr_chunks_close(struct qr_chunks *chunks);

#endif
