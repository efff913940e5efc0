/*
 * Folds: all rows that a query selects, one after the other, without keeping
 * them. Where the entries of the path's index tell what is asked for, no row is
 * read; else only the columns that are asked for are decoded.
 *
 * A fold can be run again and again, also while another one calls its visitor:
 * that is how the rows at the other end of a relation are counted for each row
 * of a filter. One thread.
 */
#ifndef QR_GRAPHQL_FOLD_H
#define QR_GRAPHQL_FOLD_H

#include "graphql/walk.h"

struct qr_fold;

/*
 * Told of a row: which parent's it is, and the values of the columns that the
 * query names, by column number. Borrowed for the call. *done ends the run, not
 * only this parent's part.
 */
typedef quire_status (*qr_fold_visit)(void *context, size_t parent, const struct qr_row *row,
                                      const quire_value *values, bool *done);

/* A query for the rows of another one, for folds that read `columns` (by number); unplanned. */
struct qr_query qr_fold_query(const struct qr_query *query, const bool *columns);

/* Makes a fold over a planned query whose `columns` are set, both borrowed. It is closed with the
 * reader. */
quire_status qr_fold_open(struct qr_reader *reader, const struct qr_query *query,
                          struct qr_fold **out);

/* Visits the rows of each parent in turn, parents in ascending order of their rowids; without a
 * relation `parents` is NULL and the count 1. Rows of one parent come in the path's order. */
quire_status qr_fold_run(struct qr_fold *fold, const struct qr_row *parents, size_t parent_count,
                         qr_fold_visit visit, void *context);

#endif
