/*
 * Views: named selections of a table's rows, stored as expressions
 * (docs/expressions.md) and read like a table.
 */
#ifndef QUIRE_VIEW_H
#define QUIRE_VIEW_H

#include "quire/table.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct quire_view_field {
    const char *name;       /* 1..255 bytes of UTF-8, unique in the view */
    const char *expression; /* over the table's columns; NULL: the column of that name */
} quire_view_field;

typedef struct quire_view_order {
    const char *column; /* of the table, not LIST */
    bool descending;
} quire_view_order;

typedef struct quire_view_def {
    const char *name;   /* shares its space with tables, trees and indexes */
    const char *table;  /* a table, not a view */
    const char *filter; /* an expression of type BOOL: rows for which it is true; NULL: all */
    const quire_view_field *columns;
    uint32_t column_count; /* 0: the table's columns, those added later among them */
    const quire_view_order *order;
    uint32_t order_count; /* 0..16; 0: no order is promised */
} quire_view_def;

/* Creates a view. Errors: EXISTS, UNKNOWN_NAME (table, column, function), SYNTAX, TYPE, LIMIT,
 * MISUSE. A table with views cannot be dropped. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_view_create(quire_txn *txn, const quire_view_def *def,
                                                          quire_error *err);
/* Errors: UNKNOWN_NAME. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_view_drop(quire_txn *txn, const char *name,
                                                        quire_error *err);

/* A view as its transaction sees it, and the table behind it; one thread at a time; close before
 * the transaction ends. After a schema change in the transaction it follows its table. */
typedef struct quire_view quire_view;

QUIRE_API QUIRE_MUST_CHECK quire_status quire_view_open(quire_txn *txn, const char *name,
                                                        quire_view **out, quire_error *err);
/* After its cursors. NULL is a no-op. */
QUIRE_API void quire_view_close(quire_view *view);

/* Definition of the open view; borrowed until the next call that returns a status. `not_null` says
 * that no value can be null. */
QUIRE_API uint32_t quire_view_column_count(const quire_view *view);
QUIRE_API const quire_column *quire_view_column(const quire_view *view, uint32_t column);
/* As it was created, with expressions in their canonical form and none left out. */
QUIRE_API const quire_view_def *quire_view_definition(const quire_view *view);
/* The index that a cursor would walk, or NULL when it reads the whole table; *sorts says whether it
 * would sort the rows. Errors: as for a cursor. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_view_path(quire_view *view,
                                                        const quire_index_def **index, bool *sorts,
                                                        quire_error *err);

/* The row of the view made from the table's row of this rowid, one value a column; borrowed until
 * the next call on the view or a cursor of it, or any change through the transaction. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_view_get(quire_view *view, int64_t rowid,
                                                       const quire_value **values, bool *found,
                                                       quire_error *err);

/* Told of a view; the definition is borrowed for the call. */
typedef quire_status (*quire_view_callback)(void *context, const quire_view_def *def,
                                            quire_error *err);

/* Tells of every view, in the order of their names. A status other than OK from the callback ends
 * it and is returned. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_each_view(quire_txn *txn, quire_view_callback each,
                                                        void *context, quire_error *err);

/* Counts the rows, by reading them. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_view_count(quire_view *view, uint64_t *rows,
                                                         quire_error *err);

/*
 * A walk over the rows in the view's order; rows that are equal in it come in no
 * promised order. The order comes from a B-tree index over the order's columns,
 * behind columns that the filter sets equal to constants. Where there is none,
 * the first move sorts: it keeps the order's values and the rowid of each row in
 * memory, and fails with LIMIT when these take more than 64 MiB.
 *
 * Rows may be changed during a walk: it yields each as it is when the walk gets
 * to it, if it then belongs to the view, may or may not see rows that are added,
 * and meets a row again whose key in the index walked is moved ahead of it. After
 * a schema change in the transaction the walk must begin again.
 */
typedef struct quire_view_cursor quire_view_cursor;

QUIRE_API QUIRE_MUST_CHECK quire_status quire_view_cursor_open(quire_view *view,
                                                               quire_view_cursor **out,
                                                               quire_error *err);
QUIRE_API void quire_view_cursor_close(quire_view_cursor *cursor);
/* Moves to the first row, or the next one, which is the first for a new cursor; *valid false when
 * there is none. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_view_cursor_first(quire_view_cursor *cursor,
                                                                bool *valid, quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_view_cursor_next(quire_view_cursor *cursor,
                                                               bool *valid, quire_error *err);
/* The row under the cursor: the rowid of the table's row, and the values, borrowed as those of
 * quire_view_get. MISUSE unless the cursor's last move was valid and neither the view nor another
 * cursor of it has read a row since. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_view_cursor_row(const quire_view_cursor *cursor,
                                                              int64_t *rowid,
                                                              const quire_value **values,
                                                              quire_error *err);

#ifdef __cplusplus
}
#endif

#endif
