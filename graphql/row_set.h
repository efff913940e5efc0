/*
 * Sets of rows that are found by several ways at once: the union of what each
 * alternative of a condition finds, or the rows that a relation leads to from
 * the rows at its other end. Made as a whole before its first row is read; the
 * rowids ascend. One thread.
 */
#ifndef QR_GRAPHQL_ROW_SET_H
#define QR_GRAPHQL_ROW_SET_H

#include "graphql/query.h"

struct qr_row_set;

/* The rowids of a planned set, found at the first call; they live as long as the request. */
quire_status qr_row_set_rowids(struct qr_row_set *set, const int64_t **rowids, size_t *count);

#endif
