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
};

#endif
