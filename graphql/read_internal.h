/*
 * What reading leaves for writing: see read.h.
 */
#ifndef QR_GRAPHQL_READ_INTERNAL_H
#define QR_GRAPHQL_READ_INTERNAL_H

#include "graphql/group.h"
#include "graphql/read.h"
#include "graphql/summary.h"

/* What one field of a connection needs beyond the connection's own rows. */
struct qr_part {
    struct qr_rows rows;         /* the connection's, or narrowed */
    struct qr_page *pages;       /* by parent */
    struct qr_node *node;        /* `items` */
    struct qr_node **edge_nodes; /* `edges`: by field of the edge */
    uint32_t *numbers;           /* `aggregate`, `totalCount`: of the measures; NULL: the page's
                                  * rows are all rows */
    struct qr_groups *groups;    /* `groupBy` */
};

struct qr_connection {
    const struct qr_model_type *type;
    struct qr_order order; /* makes cursors */
    struct qr_rows rows;   /* of all parents */
    struct qr_page *pages; /* by parent */
    struct qr_part *parts; /* by field of the connection */
    struct qr_measures measures;
    quire_value *values; /* by parent and measure */
};

/* Where a field with fields below it leads. */
struct qr_branch {
    size_t *links;        /* single relation: by row, index in node->rows + 1; 0: none */
    struct qr_node *node; /* single relation */
    struct qr_connection *connection;
    struct qr_resolved *resolved;
};

/* Reads of a root connection all but the rows of its page, which *query is for. */
quire_status qr_read_apart(struct qr_reader *reader, const struct qr_select_field *field,
                           struct qr_query *query, struct qr_connection **out);
/* What hangs below `rows` of such a connection in its field number `number`, `items` or `edges`.
 * *out is a connection of these rows alone. */
quire_status qr_read_piece(struct qr_reader *reader, const struct qr_select_field *field,
                           const struct qr_connection *connection, uint32_t number,
                           const struct qr_rows *rows, struct qr_connection **out);

/* Writes one field of a connection, key and all; and only the elements of `items` or `edges`. */
quire_status qr_write_member(struct qr_reader *reader, const struct qr_connection *connection,
                             const struct qr_select *set, uint32_t number, size_t parent,
                             struct qr_json_writer *writer);
quire_status qr_write_elements(struct qr_reader *reader, const struct qr_connection *connection,
                               const struct qr_select *set, uint32_t number, size_t parent,
                               struct qr_json_writer *writer);

#endif
