/*
 * Rows from the entries of an index alone: where these tell every column that a
 * connection needs, its rows are not read. A row then has a record that is made
 * of its entry, with null for what nobody looks at.
 */
#ifndef QR_GRAPHQL_COVER_H
#define QR_GRAPHQL_COVER_H

#include "graphql/query.h"

/* Sets query->columns to what the selection `set` of a root connection, its order and `distinct`
 * read of a row; leaves it when that is all columns. Before the path is chosen. */
quire_status qr_cover_find(struct qr_reader *reader, const struct qr_select *set,
                           struct qr_query *query);

#endif
