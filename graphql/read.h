/*
 * Reading what an operation selects, a level at a time, and writing it as JSON.
 *
 * A node is the rows of one level together with what their selected relations
 * lead to: the rows of the next level, read for all of this level's rows at
 * once. The whole tree is read before anything is written, so that a failure
 * leaves no half response.
 */
#ifndef QR_GRAPHQL_READ_H
#define QR_GRAPHQL_READ_H

#include "graphql/json_write.h"
#include "graphql/query.h"

struct qr_branch;
struct qr_resolved;

struct qr_node {
    const struct qr_select *set;
    const struct qr_model_type *type;
    const struct qr_row *rows;
    size_t count;
    struct qr_branch *branches; /* by field of the set */
    uint32_t *columns;          /* that the set shows, ascending */
    uint32_t column_count;
    quire_value *values; /* of the row being written, by column */
};

/* The result of one root field of a query. */
struct qr_root {
    const struct qr_select_field *field;
    struct qr_node *node;         /* ONE, ANY; NULL or count 0: no such row */
    struct qr_branch *branch;     /* MANY */
    struct qr_node **change;      /* CHANGES; by field of its set */
    struct qr_resolved *resolved; /* RESOLVED */
};

/* Reads what hangs below rows that are already there. */
quire_status qr_read_rows(struct qr_reader *reader, const struct qr_model_type *type,
                          const struct qr_select *set, const struct qr_row *rows, size_t count,
                          struct qr_node **out);

/* Reads rows by their rowids (0: none) and what hangs below them for `field`; each is read once.
 * links[i] is the index of rowids[i] in (*out)->rows + 1; 0: there is no such row. */
quire_status qr_read_targets(struct qr_reader *reader, const struct qr_select_field *field,
                             const struct qr_model_type *type, const int64_t *rowids, size_t count,
                             size_t *links, struct qr_node **out);

/* Reads a root field of a query. */
quire_status qr_read_root(struct qr_reader *reader, const struct qr_select_field *field,
                          struct qr_root *out);

/* Writes the value of a root field. */
quire_status qr_write_root(struct qr_reader *reader, const struct qr_root *root,
                           struct qr_json_writer *writer);

/* Writes row `index` of a node as an object. */
quire_status qr_write_row(struct qr_reader *reader, const struct qr_node *node, size_t index,
                          struct qr_json_writer *writer);

#endif
