/*
 * Groups: the rows of a connection put together by what they have in their
 * keys, with aggregates of each group.
 *
 * Where an index tells keys and aggregates in the keys' order, the groups come
 * out of it one after the other and only one is being made at a time; else they
 * are collected in a table, bounded by the memory limit of the request.
 */
#ifndef QR_GRAPHQL_GROUP_H
#define QR_GRAPHQL_GROUP_H

#include "graphql/aggregate.h"
#include "graphql/json_write.h"
#include "graphql/query.h"

struct qr_groups;

/* Compiles the arguments of a `groupBy` field, and makes the groups of the rows that type, relation
 * and filter of `query` select, for each parent. QUERY with a message fit for the client; LIMIT
 * when the groups take too much memory. */
quire_status qr_groups_read(struct qr_reader *reader, const struct qr_select_field *field,
                            const struct qr_query *query, const struct qr_row *parents,
                            size_t parent_count, struct qr_groups **out);

/* Writes a parent's groups as a list of objects. */
quire_status qr_groups_write(struct qr_reader *reader, const struct qr_groups *groups,
                             const struct qr_select *set, size_t parent,
                             struct qr_json_writer *writer);

#endif
