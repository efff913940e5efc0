/*
 * What @default(expr: "autoincrement()") counts: for each such column the
 * largest number it ever had, kept in a tree of its own, so that a new number
 * needs no look at the rows (docs/file-format.md, "Numbers that count").
 *
 * It is written in the transaction that gives a number away: numbers that are
 * rolled back are given again, deleted ones never. One thread, the reader's.
 */
#ifndef QR_GRAPHQL_SEQUENCE_H
#define QR_GRAPHQL_SEQUENCE_H

#include "graphql/reader.h"

/* Makes the tree if there is none. */
quire_status qr_sequence_prepare(quire_txn *txn, quire_error *err);

/* The number after the largest. LIMIT when the type of the field has none. */
quire_status qr_sequence_next(struct qr_reader *reader, const struct qr_model_field *field,
                              int64_t *number);

/* The largest number so far; 0: none. */
quire_status qr_sequence_largest(struct qr_reader *reader, const struct qr_model_field *field,
                                 int64_t *number);

/* Gives a column of another table what one has counted up to, when the table is written anew. No-op
 * when it has counted nothing. */
quire_status qr_sequence_move(quire_txn *txn, const quire_table *from, uint32_t from_column,
                              const quire_table *to, uint32_t to_column, quire_error *err);

/* Takes note of a number that was not counted: later ones are above it. */
quire_status qr_sequence_raise(struct qr_reader *reader, const struct qr_model_field *field,
                               int64_t number);

#endif
