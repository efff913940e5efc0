/*
 * Hash indexes: stored key -> set of rowids, by linear hashing on pages of the
 * database (hash_format.h). Equality only.
 *
 * A lookup reads the directory and one bucket. Growth splits one bucket at a
 * time; nothing is rebuilt, neither at growth nor at open. All pages are reached
 * through a view, so a snapshot sees the directory and buckets of its moment.
 * More than QR_HASH_INLINE_MAX rowids of one key live in a tree of their own,
 * so that duplicates cost a logarithm each.
 *
 * One thread at a time a view. Every number read is checked before it is used:
 * damage is CORRUPT. A change that fails half way leaves the transaction fit
 * only for rollback; the caller dooms it.
 */
#ifndef QR_INDEX_HASH_H
#define QR_INDEX_HASH_H

#include "engine/hash_format.h"
#include "engine/index.h"

struct qr_hash {
    struct qr_view *view;
    uint32_t page_size;
    uint32_t root;
    uint32_t id; /* tree id of all its pages */
    uint8_t secret[16];
};

/* A key as stored. */
struct qr_hash_key {
    const uint8_t *bytes;
    uint32_t size;
    bool is_cut;
};

struct qr_hash qr_hash_of(const quire_txn *txn, const struct qr_object *object);
struct qr_hash qr_hash_of_view(struct qr_view *view, const struct qr_object *object);
struct qr_hash_key qr_hash_key_of(struct qr_index_key *key);

quire_status qr_hash_make(struct qr_txn *txn, uint32_t id, uint32_t *root, quire_error *err);
quire_status qr_hash_discard(const struct qr_hash *hash, quire_error *err);
quire_status qr_hash_count(const struct qr_hash *hash, uint64_t *entries, quire_error *err);

quire_status qr_hash_insert(const struct qr_hash *hash, const struct qr_hash_key *key,
                            int64_t rowid, quire_error *err);
/* CORRUPT when the entry is not there. */
quire_status qr_hash_delete(const struct qr_hash *hash, const struct qr_hash_key *key,
                            int64_t rowid, quire_error *err);

/* The rowids of one key: few, in ascending order, or the root of a tree of them. */
struct qr_hash_match {
    int64_t rowids[QR_HASH_INLINE_MAX];
    uint32_t count;
    uint32_t posting_root; /* 0 when the rowids are in the array */
};
quire_status qr_hash_find(const struct qr_hash *hash, const struct qr_hash_key *key,
                          struct qr_hash_match *match, quire_error *err);

/* How many rowids a tree of them has. */
quire_status qr_hash_posting_count(const struct qr_hash *hash, uint32_t root, uint64_t *rowids,
                                   quire_error *err);

quire_status qr_hash_contains(const struct qr_hash *hash, const struct qr_hash_key *key,
                              int64_t rowid, bool *found, quire_error *err);

/* A walk over a match, ascending or descending. Free with close, also after a failed open. */
struct qr_hash_rowids {
    struct qr_hash_match match;
    struct qr_tree_cursor *cursor; /* over the posting tree; else NULL */
    uint32_t next;
    bool reverse;
};
quire_status qr_hash_rowids_open(struct qr_hash_rowids *rowids, const struct qr_hash *hash,
                                 const struct qr_hash_match *match, bool reverse, quire_error *err);
quire_status qr_hash_rowids_next(struct qr_hash_rowids *rowids, int64_t *rowid, bool *valid,
                                 quire_error *err);
/* After changes: goes over to what the key matches now, and on behind `last`; NULL: from the first.
 */
quire_status qr_hash_rowids_follow(struct qr_hash_rowids *rowids, const struct qr_hash *hash,
                                   const struct qr_hash_match *match, const int64_t *last,
                                   quire_error *err);
void qr_hash_rowids_close(struct qr_hash_rowids *rowids);

/* ---- Moving pages ---- */

/* Moves a directory or bucket page to the lowest free page below it; *to 0, and nothing done, when
 * there is none. When it is the root, the index is found at *to from then on. */
quire_status qr_hash_move_page(const struct qr_hash *hash, uint32_t page_number, uint32_t *to,
                               quire_error *err);
/* The tree of a key's rowids has another root now. */
quire_status qr_hash_set_posting(const struct qr_hash *hash, const struct qr_hash_key *key,
                                 uint32_t root, quire_error *err);

/* ---- Walking the whole index: for inspection and for discarding ---- */

/* A page of the index is about to be read; false keeps the walk out of it. `type` is the expected
 * page type. */
typedef bool (*qr_hash_page)(void *context, uint32_t page_number, uint8_t type);
/* One cell: its bucket, key, and rowid or the root of its rowids. Bytes are borrowed for the
 * call. */
struct qr_hash_cell {
    uint32_t page;   /* that holds it */
    uint32_t bucket; /* in whose chain it was found */
    uint64_t hash;
    struct qr_hash_key key;
    bool is_posting;
    int64_t rowid;
    uint32_t posting_root;
};
typedef quire_status (*qr_hash_visit)(void *context, const struct qr_hash_cell *cell,
                                      quire_error *err);
/* Visits all pages and cells, directory first. Either callback may be NULL. Posting trees are not
 * descended into. */
quire_status qr_hash_walk(const struct qr_hash *hash, qr_hash_page page, qr_hash_visit visit,
                          void *context, quire_error *err);

#endif
