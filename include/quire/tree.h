/*
 * The low-level surface: named trees of bytes keyed by a signed 64-bit rowid.
 */
#ifndef QUIRE_TREE_H
#define QUIRE_TREE_H

#include "quire/transaction.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A tree as its transaction sees it. One thread at a time, the transaction's. Must be closed before
 * the transaction ends. */
typedef struct quire_tree quire_tree;

/* A position in a tree. Changing the tree through the same transaction is allowed: the cursor then
 * stands at the same rowid, or before the next one if its row is gone. */
typedef struct quire_cursor quire_cursor;

/* The largest payload of one row, in bytes. */
#define QUIRE_PAYLOAD_MAX ((size_t)1 << 30)

/* Creates an empty tree. Names are 1..255 bytes of UTF-8, shared with tables. Errors: EXISTS,
 * MISUSE (read transaction, bad name), NO_SPACE, NO_MEMORY, IO, CORRUPT. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_tree_create(quire_txn *txn, const char *name,
                                                          quire_error *err);

/* Drops a tree and frees its pages. Errors: UNKNOWN_NAME, MISUSE. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_tree_drop(quire_txn *txn, const char *name,
                                                        quire_error *err);

/* Opens a tree, or the tree behind a table, by name. A table's tree opened this way is read-only:
 * writing past its indexes is refused with MISUSE. `*out` is owned until quire_tree_close. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_tree_open(quire_txn *txn, const char *name,
                                                        quire_tree **out, quire_error *err);
QUIRE_API void quire_tree_close(quire_tree *tree);

/* A row to be stored; the payload is borrowed for the call. */
typedef struct quire_tree_row {
    int64_t rowid;
    const void *payload;
    size_t size;
} quire_tree_row;

/* Finds a row. *found says whether it is there; *payload is borrowed until the next call on the
 * tree, or any change made through its transaction. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_tree_find(quire_tree *tree, int64_t rowid,
                                                        const void **payload, size_t *size,
                                                        bool *found, quire_error *err);

/* Inserts a row; QUIRE_UNIQUE if the rowid exists. Here, in put and in replace the payload may be
 * one that this tree or a cursor of it has lent. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_tree_insert(quire_tree *tree, int64_t rowid,
                                                          const void *payload, size_t size,
                                                          quire_error *err);

/* Inserts or replaces a row. *replaced may be NULL: then nothing has to be read for it, and rows in
 * no order that do not fit in the cache are put much quicker (quire_txn_set_ingest_buffer). */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_tree_put(quire_tree *tree, int64_t rowid,
                                                       const void *payload, size_t size,
                                                       bool *replaced, quire_error *err);

/* Replaces a row if it exists; *found may be NULL. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_tree_replace(quire_tree *tree, int64_t rowid,
                                                           const void *payload, size_t size,
                                                           bool *found, quire_error *err);

/* Deletes a row if it exists; *found may be NULL. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_tree_delete(quire_tree *tree, int64_t rowid,
                                                          bool *found, quire_error *err);

/* The size of a row's payload, without reading it. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_tree_size(quire_tree *tree, int64_t rowid,
                                                        uint64_t *size, bool *found,
                                                        quire_error *err);

/* Copies up to `size` bytes of a payload from `offset` on into a buffer of the caller; *got is how
 * many there were. Only the pages of this part are read. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_tree_read_part(quire_tree *tree, int64_t rowid,
                                                             uint64_t offset, void *buffer,
                                                             size_t size, size_t *got, bool *found,
                                                             quire_error *err);

/* Overwrites a part of a payload in place; only the pages of this part are written. MISUSE when the
 * part does not lie within the payload: nothing is done. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_tree_write_part(quire_tree *tree, int64_t rowid,
                                                              uint64_t offset, const void *bytes,
                                                              size_t size, bool *found,
                                                              quire_error *err);

/* Inserts or replaces a row with a payload of `size` zeroes, to be filled with
 * quire_tree_write_part: a large value is so written without being held in memory. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_tree_reserve(quire_tree *tree, int64_t rowid,
                                                           size_t size, bool *replaced,
                                                           quire_error *err);

/* Deletes the rows from `first` to `last`, both included; *deleted, which may be NULL, counts them.
 * Pages that lie wholly in the range are freed without a search for each row. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_tree_delete_range(quire_tree *tree, int64_t first,
                                                                int64_t last, uint64_t *deleted,
                                                                quire_error *err);

/* Appends rows in ascending order of their rowids, all above the largest rowid in the tree: the
 * quickest way to load. Refused as a whole with MISUSE when they are not in order, UNIQUE when the
 * first is not above the tree's largest, LIMIT when a payload is too long. Payloads must not be
 * borrowed from a tree or cursor of the same transaction: copy those first. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_tree_append_many(quire_tree *tree,
                                                               const quire_tree_row *rows,
                                                               size_t count, quire_error *err);

/* Finds many rows, 64 rowids at a time, which go down the tree together: a page is looked at once
 * for all of them that lie below it, and what comes next is asked for ahead. `visit` gets the index
 * of the rowid in the array and the payload, borrowed for the call, which must not change the tree;
 * missing rows are not visited. Among 64 rowids the visits are in ascending order; rowids that
 * ascend in all are quickest. A status of `visit` other than OK ends the search and is returned. */
typedef quire_status (*quire_tree_visit)(void *context, size_t index, const void *payload,
                                         size_t size);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_tree_find_many(quire_tree *tree,
                                                             const int64_t *rowids, size_t count,
                                                             quire_tree_visit visit, void *context,
                                                             quire_error *err);

/* The number of rows; reads no rows. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_tree_count(quire_tree *tree, uint64_t *rows,
                                                         quire_error *err);

/* Opens a cursor that stands before the first row. Owned until quire_cursor_close. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_cursor_open(quire_tree *tree, quire_cursor **out,
                                                          quire_error *err);
QUIRE_API void quire_cursor_close(quire_cursor *cursor);

/* Moves to the first row with rowid >= the argument (seek), the first, last, next, previous row.
 * *valid says whether there is one; when there is not, the cursor stands at that end. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_cursor_seek(quire_cursor *cursor, int64_t rowid,
                                                          bool *valid, quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_cursor_first(quire_cursor *cursor, bool *valid,
                                                           quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_cursor_last(quire_cursor *cursor, bool *valid,
                                                          quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_cursor_next(quire_cursor *cursor, bool *valid,
                                                          quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_cursor_previous(quire_cursor *cursor, bool *valid,
                                                              quire_error *err);

/* The current row. *payload is borrowed until the next call on the cursor, or any change made
 * through its transaction. MISUSE when the cursor stands on no row. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_cursor_row(quire_cursor *cursor, int64_t *rowid,
                                                         const void **payload, size_t *size,
                                                         quire_error *err);

#ifdef __cplusplus
}
#endif

#endif
