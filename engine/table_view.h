/*
 * Views within the engine: definitions (view_definition.c), the way to their
 * rows (view_path.c), handles and cursors (view.c). `qr_view` is the pager's
 * word, so these are table views.
 */
#ifndef QR_TABLE_VIEW_H
#define QR_TABLE_VIEW_H

#include "engine/engine_internal.h"
#include "engine/expression.h"

#define QR_VIEW_ORDER_MAX 16U
#define QR_VIEW_SORT_MAX  ((size_t)64 << 20) /* bytes that a sort may take */

/* A view compiled against its table, which it borrows. Immutable. */
struct qr_table_view {
    struct qr_expression *filter; /* NULL: all rows */
    quire_column *columns;
    struct qr_expression **values; /* one a column */
    uint32_t *picked; /* if every value is a column of the table, their numbers; else NULL */
    uint32_t column_count;
    uint32_t *order; /* column numbers of the table */
    bool *descending;
    uint32_t order_count;
    quire_view_def names; /* the same for the user */
};

/* Compiles what the catalog keeps of a view, in the arena. CORRUPT when it is malformed or does not
 * fit the table. */
quire_status qr_table_view_decode(const struct qr_object *object, const struct qr_object *table,
                                  struct qr_arena *arena, struct qr_table_view **out,
                                  quire_error *err);

/* Finds a view and its table by the view's name; UNKNOWN_NAME. In the arena. */
quire_status qr_table_view_find(quire_txn *txn, const char *name, struct qr_arena *arena,
                                struct qr_object **object, struct qr_object **table,
                                quire_error *err);

/* Refuses the dropping of a table that has views. */
quire_status qr_table_views_refuse_drop(quire_txn *txn, const struct qr_object *table,
                                        quire_error *err);

/* How a cursor comes to the rows. */
struct qr_view_path {
    const struct qr_index_def *index; /* NULL: all rows of the table */
    uint32_t number;                  /* of the index */
    bool sorts;                       /* the rows do not come in the view's order */
    quire_value prefix[QR_INDEX_COLUMNS_MAX];
    quire_value lower, upper, starts_with;
    quire_index_range range; /* refers to the values above: a path is not copied */
};

void qr_table_view_path(const struct qr_table_view *view, const struct qr_table_def *table,
                        struct qr_view_path *path);

#endif
