/*
 * Typed tables and their secondary indexes.
 */
#ifndef QUIRE_TABLE_H
#define QUIRE_TABLE_H

#include "quire/tree.h"
#include "quire/value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct quire_column {
    const char *name; /* 1..255 bytes of UTF-8 */
    quire_type type;  /* BOOL, INT, FLOAT, TEXT, BLOB or LIST */
    bool not_null;
} quire_column;

/* Creates a table of 1..4,096 columns. Names and columns are copied. Errors: EXISTS, MISUSE. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_table_create(quire_txn *txn, const char *name,
                                                           const quire_column *columns,
                                                           uint32_t count, quire_error *err);

/* Appends nullable columns to a table; no row is rewritten: old rows read null there. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_table_add_columns(quire_txn *txn, const char *name,
                                                                const quire_column *columns,
                                                                uint32_t count, quire_error *err);

/* Give a table, one of its columns or an index another name; no row and no entry is touched. What
 * was opened under a table's old name must be opened again. Errors: UNKNOWN_NAME, EXISTS, MISUSE (a
 * bad name; a column that an expression of an index uses, or of a table with views: expressions
 * name columns). */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_table_rename(quire_txn *txn, const char *name,
                                                           const char *new_name, quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_table_rename_column(quire_txn *txn, const char *name,
                                                                  const char *column,
                                                                  const char *new_column,
                                                                  quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_index_rename(quire_txn *txn, const char *name,
                                                           const char *new_name, quire_error *err);

/* Lets a column hold nulls that could not. Errors: UNKNOWN_NAME. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_table_allow_null(quire_txn *txn, const char *name,
                                                               const char *column,
                                                               quire_error *err);

/* Drops a table with its indexes and triggers. Errors: UNKNOWN_NAME, MISUSE (it has views). */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_table_drop(quire_txn *txn, const char *name,
                                                         quire_error *err);

/*
 * Names. Tables, trees of both kinds, views and indexes share one space: no two
 * of them have the same name. Triggers have a space of their own. Names are
 * compared byte by byte: "Users" and "users" are two names, and so are two
 * spellings of one text in different Unicode forms. The columns of a table are
 * named by the same rule.
 */

typedef enum quire_index_kind { QUIRE_INDEX_BTREE = 0, QUIRE_INDEX_HASH = 1 } quire_index_kind;

typedef struct quire_index_column {
    const char *name;       /* a column of the table, not LIST; NULL: an expression */
    bool descending;        /* B-tree only */
    const char *collation;  /* how text compares (quire/collation.h); NULL: by its bytes */
    const char *expression; /* over the row's columns (docs/expressions.md), such as
                               "lower(email)", instead of a name; not LIST */
} quire_index_column;

typedef struct quire_index_def {
    const char *name; /* unique in the database */
    quire_index_kind kind;
    bool unique; /* rows with a null in the key are exempt, as in SQL */
    const quire_index_column *columns;
    uint32_t column_count; /* 1..16 */
    /* Names of columns whose values are stored in the entries, to be read from them alone
     * (quire_index_cursor_column). B-tree only; 0..64, each once, of any type. */
    const char *const *included;
    uint32_t included_count;
    /* Only rows for which this expression of type BOOL is true have an entry (and must be unique);
     * NULL: all rows. */
    const char *where;
} quire_index_def;

/* Creates an index and fills it from the table's rows. Errors: EXISTS, UNKNOWN_NAME (also of a
 * collation that is not registered, or in an expression), UNIQUE (the message names the rows),
 * SYNTAX, TYPE, MISUSE. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_index_create(quire_txn *txn, const char *table,
                                                           const quire_index_def *def,
                                                           quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_index_drop(quire_txn *txn, const char *name,
                                                         quire_error *err);

/* A table as its transaction sees it; one thread at a time; close before the transaction ends. */
typedef struct quire_table quire_table;

QUIRE_API QUIRE_MUST_CHECK quire_status quire_table_open(quire_txn *txn, const char *name,
                                                         quire_table **out, quire_error *err);
QUIRE_API void quire_table_close(quire_table *table);

/* Definition of the open table; names are borrowed until the table is closed. After a schema change
 * in the same transaction these show the old definition until the next call on the table that
 * returns a status. */
QUIRE_API uint32_t quire_table_column_count(const quire_table *table);
QUIRE_API const quire_column *quire_table_column(const quire_table *table, uint32_t column);
/* Index of a column, or -1. */
QUIRE_API int quire_table_find_column(const quire_table *table, const char *name);
QUIRE_API uint32_t quire_table_index_count(const quire_table *table);
/* Definition of the index-th index; borrowed until the table is closed. */
QUIRE_API const quire_index_def *quire_table_index(const quire_table *table, uint32_t index);

/*
 * Inserts a row of `count` values, one a column in order (missing ones are
 * null), and all index entries. *rowid 0 asks for a new one, one above the
 * largest; the rowid used is written back. A row that fails, whatever the
 * failure, leaves no trace, and the transaction goes on; the same holds for
 * update and delete.
 * Errors: UNIQUE (message names index and values), NOT_NULL, TYPE, LIMIT.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_table_insert(quire_table *table, int64_t *rowid,
                                                           const quire_value *values,
                                                           uint32_t count, quire_error *err);

/* Replaces the values of a row, keeping its rowid; only index entries whose key changed are
 * touched. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_table_update(quire_table *table, int64_t rowid,
                                                           const quire_value *values,
                                                           uint32_t count, bool *found,
                                                           quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_table_delete(quire_table *table, int64_t rowid,
                                                           bool *found, quire_error *err);

/* The encoded record of a row (quire_record_column reads it); borrowed until the next call on the
 * table or any change through its transaction. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_table_get(quire_table *table, int64_t rowid,
                                                        const void **record, size_t *size,
                                                        bool *found, quire_error *err);

/* Told of a row of quire_table_get_many: the place of its rowid in the array, and its record,
 * borrowed for the call. It must not change the database through the transaction (MISUSE). */
typedef quire_status (*quire_row_callback)(void *context, size_t index, const void *record,
                                           size_t size, quire_error *err);

/* Reads many rows, as quire_tree_find_many does: in any order, quickest when the rowids ascend;
 * rows that do not exist are left out. A status other than OK from the callback ends the reading
 * and is returned. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_table_get_many(quire_table *table,
                                                             const int64_t *rowids, size_t count,
                                                             quire_row_callback each, void *context,
                                                             quire_error *err);

QUIRE_API QUIRE_MUST_CHECK quire_status quire_table_row_count(quire_table *table, uint64_t *rows,
                                                              quire_error *err);

/* A cursor over the rows in rowid order; quire_cursor_row yields the records. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_table_cursor(quire_table *table, quire_cursor **out,
                                                           quire_error *err);

/* Told of a table: its name, borrowed for the call, and how many rows it has. */
typedef quire_status (*quire_table_callback)(void *context, const char *name, uint64_t rows,
                                             quire_error *err);

/* Tells of every table, in the order of their names. A status other than OK from the callback ends
 * it and is returned. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_each_table(quire_txn *txn, quire_table_callback each,
                                                         void *context, quire_error *err);

/* A walk over part of an index, yielding rowids. */
typedef struct quire_index_cursor quire_index_cursor;

/*
 * Which entries to visit. `prefix` fixes the first prefix_count columns to
 * values; `lower` and `upper`, when not NULL, bound the next column, whichever
 * way that column is ordered. A hash index takes exactly its full key as
 * prefix. Values have their column's type or are null. In prefix position null
 * matches null; as a bound null is the least value, so `lower` null and
 * exclusive leaves out the rows that have none. `starts_with`, instead of bounds,
 * takes the texts or blobs of the next column that begin with it.
 */
typedef struct quire_index_range {
    const quire_value *prefix;
    uint32_t prefix_count;
    const quire_value *lower;
    const quire_value *upper;
    bool lower_exclusive;
    bool upper_exclusive;
    bool reverse; /* visit in descending index order */
    const quire_value *starts_with;
} quire_index_range;

/* Opens a cursor before the first entry of the range, which is copied; NULL means everything
 * (B-tree only). Owned until close. Errors: MISUSE, TYPE. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_index_cursor_open(quire_table *table, uint32_t index,
                                                                const quire_index_range *range,
                                                                quire_index_cursor **out,
                                                                quire_error *err);

/* Moves to the next entry; *valid false at the end. Entries of equal key come in rowid order, in a
 * reverse walk in descending rowid order. Rows may be changed during a walk: it never yields a row
 * twice for one key, and may or may not see entries that are added or removed ahead of it. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_index_cursor_next(quire_index_cursor *cursor,
                                                                int64_t *rowid, bool *valid,
                                                                quire_error *err);
QUIRE_API void quire_index_cursor_close(quire_index_cursor *cursor);

/* Whether the entries of an index tell a column's value: included columns, and columns of the key
 * whose element gives back the very value (so not floats, nor text under a collation). */
QUIRE_API bool quire_table_index_covers(const quire_table *table, uint32_t index, uint32_t column);

/*
 * Reads a column of the row that the cursor yielded last, from its entry: no
 * row is read. TEXT, BLOB and LIST are borrowed until the next call on the
 * cursor or a change through its transaction.
 *   column   its number in the table; one that the index covers
 * Errors: MISUSE when the index does not cover the column, the cursor stands on
 * no entry, or the entry was removed since.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_index_cursor_column(quire_index_cursor *cursor,
                                                                  uint32_t column,
                                                                  quire_value *value,
                                                                  quire_error *err);

#ifdef __cplusplus
}
#endif

#endif
