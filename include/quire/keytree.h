/*
 * The low-level surface: named trees of byte strings keyed by byte strings, in
 * the order of unsigned bytes, a shorter key before its continuations.
 */
#ifndef QUIRE_KEYTREE_H
#define QUIRE_KEYTREE_H

#include "quire/transaction.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A key tree as its transaction sees it. One thread at a time, the transaction's. Must be closed
 * before the transaction ends. */
typedef struct quire_keytree quire_keytree;

/* A position in a key tree. Changing the tree through the same transaction is allowed: the cursor
 * then stands at the same key, or before the next one if its entry is gone. */
typedef struct quire_keycursor quire_keycursor;

/* Creates an empty key tree. Names are 1..255 bytes of UTF-8, shared with trees and tables. Errors:
 * EXISTS, MISUSE (read transaction, bad name), NO_SPACE, NO_MEMORY, IO, CORRUPT. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_keytree_create(quire_txn *txn, const char *name,
                                                             quire_error *err);

/* Drops a key tree and frees its pages. Errors: UNKNOWN_NAME, MISUSE. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_keytree_drop(quire_txn *txn, const char *name,
                                                           quire_error *err);

/* Opens a key tree by name. `*out` is owned until quire_keytree_close. Errors: UNKNOWN_NAME, also
 * when the name is that of a tree or table. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_keytree_open(quire_txn *txn, const char *name,
                                                           quire_keytree **out, quire_error *err);
QUIRE_API void quire_keytree_close(quire_keytree *tree);

/* The longest key in bytes: a quarter of the page size less 32. 0 for a dead handle. */
QUIRE_API size_t quire_keytree_key_max(const quire_keytree *tree);

/* Finds an entry. *found says whether it is there; *value is borrowed until the next call on the
 * tree, or any change made through its transaction. A value that fits its page is not copied. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_keytree_get(quire_keytree *tree, const void *key,
                                                          size_t key_size, const void **value,
                                                          size_t *value_size, bool *found,
                                                          quire_error *err);

/* A key to be found; its bytes are borrowed for the call. */
typedef struct quire_key {
    const void *bytes;
    size_t size;
} quire_key;

/* Finds many entries, as quire_tree_find_many finds rows: 64 keys at a time, which go down the tree
 * together. `visit` gets the index of the key in the array and the value, borrowed for the call,
 * which must not change the tree; missing keys are not visited. A status of `visit` other than OK
 * ends the search and is returned. */
typedef quire_status (*quire_keytree_visit)(void *context, size_t index, const void *value,
                                            size_t value_size);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_keytree_get_many(quire_keytree *tree,
                                                               const quire_key *keys, size_t count,
                                                               quire_keytree_visit visit,
                                                               void *context, quire_error *err);

/* Inserts an entry; QUIRE_UNIQUE if the key exists. LIMIT when key or value is too long. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_keytree_insert(quire_keytree *tree, const void *key,
                                                             size_t key_size, const void *value,
                                                             size_t value_size, quire_error *err);

/* Inserts or replaces an entry. *replaced may be NULL: then nothing has to be read for it, and keys
 * in no order that do not fit in the cache are put much quicker (quire_txn_set_ingest_buffer). */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_keytree_put(quire_keytree *tree, const void *key,
                                                          size_t key_size, const void *value,
                                                          size_t value_size, bool *replaced,
                                                          quire_error *err);

/* Deletes an entry if it exists; *found may be NULL. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_keytree_delete(quire_keytree *tree, const void *key,
                                                             size_t key_size, bool *found,
                                                             quire_error *err);

/* Deletes the entries with from <= key < to; NULL leaves an end open. *deleted, which may be NULL,
 * counts them. Pages that lie wholly in the range are freed without a search for each entry. */
QUIRE_API QUIRE_MUST_CHECK quire_status
quire_keytree_delete_range(quire_keytree *tree, const void *from, size_t from_size, const void *to,
                           size_t to_size, uint64_t *deleted, quire_error *err);

/* The number of entries; reads none of them. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_keytree_count(quire_keytree *tree, uint64_t *entries,
                                                            quire_error *err);

/* Opens a cursor that stands before the first entry. Owned until quire_keycursor_close. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_keycursor_open(quire_keytree *tree,
                                                             quire_keycursor **out,
                                                             quire_error *err);
QUIRE_API void quire_keycursor_close(quire_keycursor *cursor);

/* Confines the cursor to the keys that begin with these bytes, which are copied, and puts it
 * before the first of them; size 0 lifts the confinement. Until then every move stays among
 * them: first and last are theirs, and beyond them is the end. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_keycursor_prefix(quire_keycursor *cursor,
                                                               const void *prefix, size_t size,
                                                               quire_error *err);

/* Moves to the first entry with a key >= the argument (seek), the last one with a key <= it
 * (seek_last), the first, last, next, previous entry. *valid says whether there is one; when there
 * is not, the cursor stands at that end. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_keycursor_seek(quire_keycursor *cursor,
                                                             const void *key, size_t key_size,
                                                             bool *valid, quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_keycursor_seek_last(quire_keycursor *cursor,
                                                                  const void *key, size_t key_size,
                                                                  bool *valid, quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_keycursor_first(quire_keycursor *cursor, bool *valid,
                                                              quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_keycursor_last(quire_keycursor *cursor, bool *valid,
                                                             quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_keycursor_next(quire_keycursor *cursor, bool *valid,
                                                             quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_keycursor_previous(quire_keycursor *cursor,
                                                                 bool *valid, quire_error *err);

/* The current entry. Key and value are borrowed until the next call on the cursor, or any change
 * made through its transaction. MISUSE when the cursor stands on no entry. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_keycursor_entry(quire_keycursor *cursor,
                                                              const void **key, size_t *key_size,
                                                              const void **value,
                                                              size_t *value_size, quire_error *err);

#ifdef __cplusplus
}
#endif

#endif
