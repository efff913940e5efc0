/*
 * What `extensions.explain` reports: for each query for rows that a request
 * ran, its access path and what it read.
 */
#ifndef QR_GRAPHQL_EXPLAIN_H
#define QR_GRAPHQL_EXPLAIN_H

#include "graphql/json_write.h"
#include "graphql/query.h"

struct qr_explain_entry {
    struct qr_explain_entry *next;
    struct qr_gql_str parent, field; /* of the schema, such as "Query" and "countries" */
    const char *access;
    const char *index; /* NULL: none */
    const char *order;
    bool filtered;
    uint64_t rows_read, rows_returned;
    double estimate; /* of the candidates, by the planner; 0: none was made */
    uint64_t took_ns;
};

struct qr_explain {
    struct qr_explain_entry *first, *last;
    struct qr_arena *arena;          /* lives as long as the request */
    struct qr_gql_str parent, field; /* being executed ... */
    uint64_t began_ns;               /* ... since then */
};

/* Adds what a run did, to an entry of the same field and path if there is one: a field of many
 * chunks of rows has one entry; no-op when the reader has no explain. */
quire_status qr_explain_query(struct qr_reader *reader, const struct qr_query *query,
                              uint64_t rows_read, uint64_t rows_returned);
/* The same for reads that need no query: one row by key, rows by reference. */
quire_status qr_explain_lookup(struct qr_reader *reader, const char *access, const char *index,
                               uint64_t rows_read, uint64_t rows_returned);

/* Sets the field that the next reads are for. */
quire_status qr_explain_field(struct qr_reader *reader, const struct qr_gql_type *parent,
                              struct qr_gql_str field);

/* Writes the list. */
void qr_explain_write(const struct qr_explain *explain, struct qr_json_writer *writer);

#endif
