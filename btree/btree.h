/*
 * B+trees over the pager. Two kinds share the machinery:
 *
 *   row tree   signed 64-bit rowid -> payload of 0..QR_PAYLOAD_MAX bytes
 *   key tree   byte string of 0..QR_KEY_MAX(page size) bytes -> the same
 *
 * A tree is named by its root page, whose number only vacuum changes: a root split
 * moves the root's content into two new children. Large payloads continue on
 * overflow pages. The number of entries is kept in the root. Leaves have no
 * sibling links: cursors keep the path. btree_format.h has the node layouts.
 *
 * Every function enters and leaves the view's operation itself. One thread at a
 * time a view. A modifying function that fails for any reason but its documented
 * result dooms the transaction.
 */
#ifndef QR_BTREE_H
#define QR_BTREE_H

#include "pager/page_format.h"
#include "pager/pager.h"

#define QR_PAYLOAD_MAX ((size_t)1 << 30)

/* Longest key of a key tree, so that a node holds at least four. */
#define QR_KEY_MAX(page_size) ((page_size) / 4 - 32)

enum qr_tree_kind { QR_TREE_ROWS = 0, QR_TREE_KEYS = 1 };

/* Where the last put appended: while nothing else changes in the view, the next append goes there
 * without a descent. Zeroed to begin with; for one tree of one transaction. */
struct qr_tree_edge {
    uint64_t changes; /* of the view, after that put */
    uint32_t leaf;    /* the last one of the tree; 0 when not known */
};

struct qr_tree {
    struct qr_view *view;
    uint32_t root;
    uint32_t id; /* stamped into every page of the tree; 1..2^32-1 */
    enum qr_tree_kind kind;
    struct qr_tree_edge *edge; /* borrowed; NULL: appends are found like any put */
};

/* A key of either kind: rows use `rowid`, key trees `bytes` and `size`. */
struct qr_tree_key {
    int64_t rowid;
    const void *bytes;
    size_t size;
};

/* Bytes that a result borrows. `data` stays valid until the next call on the same qr_tree_reader or
 * cursor, or a change through the view's transaction. */
struct qr_slice {
    const uint8_t *data;
    size_t size;
};

/* Creates an empty tree and returns its root page; `tree->root` is set. `at` 0 allocates the root;
 * otherwise that page (already the transaction's) becomes it: the catalog's page 1. */
quire_status qr_tree_create(struct qr_txn *txn, enum qr_tree_kind kind, uint32_t id, uint32_t at,
                            struct qr_tree *tree, quire_error *err);

/* Frees every page of the tree, the root too. */
quire_status qr_tree_drop(const struct qr_tree *tree, quire_error *err);
/* Frees every page but the root, which becomes an empty leaf. */
quire_status qr_tree_clear(const struct qr_tree *tree, quire_error *err);

quire_status qr_tree_count(const struct qr_tree *tree, uint64_t *entries, quire_error *err);

/* About how many entries have from <= key < to (NULL: from the first, to the end): exact where they
 * lie in one leaf or two neighbours, else from the fan-out on the way. Reads two pages a level. */
quire_status qr_tree_estimate(const struct qr_tree *tree, const struct qr_tree_key *from,
                              const struct qr_tree_key *to, uint64_t *entries, quire_error *err);

enum qr_put_mode {
    QR_PUT_INSERT,  /* leave an existing entry alone */
    QR_PUT_REPLACE, /* change only an existing entry */
    QR_PUT_UPSERT
};

/* *existed says whether the key was there: with INSERT true means nothing was done, with REPLACE
 * false does. LIMIT when key or payload is too long: nothing is done, the transaction goes on. Key
 * and payload must not lie in pages of the view: copy what a reader or cursor gave. */
quire_status qr_tree_put(const struct qr_tree *tree, const struct qr_tree_key *key,
                         const void *payload, size_t size, enum qr_put_mode mode, bool *existed,
                         quire_error *err);

/* An entry to be stored. */
struct qr_tree_entry {
    struct qr_tree_key key;
    const void *payload;
    size_t size;
};

/* Appends entries in ascending order of their keys, all above the keys in the tree: pages get full
 * and inner nodes grow at the right edge. Checked before the first is written: MISUSE when the
 * entries are not in order, UNIQUE when the first is not above the tree's last, LIMIT as for put;
 * then nothing is done and the transaction goes on. */
quire_status qr_tree_append(const struct qr_tree *tree, const struct qr_tree_entry *entries,
                            size_t count, quire_error *err);

quire_status qr_tree_delete(const struct qr_tree *tree, const struct qr_tree_key *key,
                            bool *existed, quire_error *err);

/* Deletes the entries with from <= key < to; NULL leaves an end open. Subtrees that lie wholly in
 * the range are freed without a search in them. *deleted counts the entries. */
quire_status qr_tree_delete_range(const struct qr_tree *tree, const struct qr_tree_key *from,
                                  const struct qr_tree_key *to, uint64_t *deleted,
                                  quire_error *err);

/*
 * A reader holds what find returns: a pin, and a buffer for payloads that span
 * pages. Initialise with zeroes plus the tree; free with qr_tree_reader_free.
 */
struct qr_tree_reader {
    struct qr_tree tree;
    struct qr_pin *pin;
    uint8_t *buffer;
    size_t buffer_size;
};

quire_status qr_tree_reader_init(struct qr_tree_reader *reader, const struct qr_tree *tree,
                                 quire_error *err);
void qr_tree_reader_free(struct qr_tree_reader *reader);

/* Finds an entry; *found false leaves *payload empty. */
quire_status qr_tree_find(struct qr_tree_reader *reader, const struct qr_tree_key *key,
                          struct qr_slice *payload, bool *found, quire_error *err);

/* Finds many rowids, or keys, 64 at a time: these go down the tree together, looking at each page
 * once. `visit` gets the index in the array, in order of the keys within the 64; the payload is
 * borrowed for the call, which must not change the view. Missing ones are not visited. A failure of
 * `visit` ends the search and is returned. */
typedef quire_status (*qr_tree_visit)(void *context, size_t index, struct qr_slice payload,
                                      quire_error *err);
quire_status qr_tree_find_many(struct qr_tree_reader *reader, const int64_t *rowids, size_t count,
                               qr_tree_visit visit, void *context, quire_error *err);
/* The same, but told of in the order of `rowids` and many at a time: payloads[i] is that of number
 * first + i, its data NULL where there is none. The payloads stand in their pages. */
typedef quire_status (*qr_tree_visit_run)(void *context, size_t first,
                                          const struct qr_slice *payloads, size_t count,
                                          quire_error *err);
quire_status qr_tree_find_runs(struct qr_tree_reader *reader, const int64_t *rowids, size_t count,
                               qr_tree_visit_run visit, void *context, quire_error *err);
quire_status qr_tree_find_many_keys(struct qr_tree_reader *reader, const struct qr_slice *keys,
                                    size_t count, qr_tree_visit visit, void *context,
                                    quire_error *err);

/* ---- Payloads in pieces ---- */

/* The size of a payload; reads nothing of it. */
quire_status qr_tree_value_size(const struct qr_tree *tree, const struct qr_tree_key *key,
                                uint64_t *size, bool *found, quire_error *err);
/* Copies up to `size` bytes from `offset` on; *got is less at the end of the payload. */
quire_status qr_tree_value_read(const struct qr_tree *tree, const struct qr_tree_key *key,
                                uint64_t offset, void *buffer, size_t size, size_t *got,
                                bool *found, quire_error *err);
/* Overwrites bytes of a payload in place. MISUSE when they do not lie within it: then nothing is
 * done. */
quire_status qr_tree_value_write(const struct qr_tree *tree, const struct qr_tree_key *key,
                                 uint64_t offset, const void *bytes, size_t size, bool *found,
                                 quire_error *err);
/* Puts a payload of zeroes, to be overwritten piece by piece. */
quire_status qr_tree_reserve(const struct qr_tree *tree, const struct qr_tree_key *key, size_t size,
                             bool *existed, quire_error *err);

/* ---- Cursors ---- */

struct qr_tree_cursor;

quire_status qr_tree_cursor_open(const struct qr_tree *tree, struct qr_tree_cursor **out,
                                 quire_error *err);
void qr_tree_cursor_close(struct qr_tree_cursor *cursor);

/* All moves set *valid; when false the cursor stands past that end, and the opposite move returns
 * to the last or first entry. After changes to the tree the cursor finds its key again. When that
 * entry is gone it stands between its neighbours: next and previous go to them, key and payload
 * are refused with MISUSE. A new cursor stands before the first entry. */
quire_status qr_tree_cursor_first(struct qr_tree_cursor *cursor, bool *valid, quire_error *err);
quire_status qr_tree_cursor_last(struct qr_tree_cursor *cursor, bool *valid, quire_error *err);
/* First entry with key >= the given one. */
quire_status qr_tree_cursor_seek(struct qr_tree_cursor *cursor, const struct qr_tree_key *key,
                                 bool *valid, quire_error *err);
/* Last entry with key <= the given one. */
quire_status qr_tree_cursor_seek_last(struct qr_tree_cursor *cursor, const struct qr_tree_key *key,
                                      bool *valid, quire_error *err);
quire_status qr_tree_cursor_next(struct qr_tree_cursor *cursor, bool *valid, quire_error *err);
quire_status qr_tree_cursor_previous(struct qr_tree_cursor *cursor, bool *valid, quire_error *err);
/* Whether the entry that the cursor stood on is still there; where it is not, the next move goes on
 * from its place. */
quire_status qr_tree_cursor_holds(struct qr_tree_cursor *cursor, bool *holds, quire_error *err);
/* The current entry. Key and payload are borrowed until the next call on the cursor or a change. */
quire_status qr_tree_cursor_key(struct qr_tree_cursor *cursor, struct qr_tree_key *key,
                                quire_error *err);
quire_status qr_tree_cursor_payload(struct qr_tree_cursor *cursor, struct qr_slice *payload,
                                    quire_error *err);
/* Both at once: the quick way through many rows. */
quire_status qr_tree_cursor_entry(struct qr_tree_cursor *cursor, struct qr_tree_key *key,
                                  struct qr_slice *payload, quire_error *err);
/* The leaf that the cursor stands in, for reports; 0 when it stands on no entry. */
uint32_t qr_tree_cursor_page(const struct qr_tree_cursor *cursor);

/* ---- Statistics ---- */

/* What a tree takes. Bytes used count headers and live entries; overflow_bytes counts payload. */
struct qr_tree_stats {
    uint64_t entries;
    unsigned depth; /* levels, the root included */
    uint64_t leaf_pages, inner_pages, overflow_pages;
    uint64_t leaf_bytes, inner_bytes, overflow_bytes;
};

/* Reads every node of the tree: fill is leaf_bytes / (leaf_pages * page size). */
quire_status qr_tree_get_stats(const struct qr_tree *tree, struct qr_tree_stats *stats,
                               quire_error *err);

/* ---- Moving pages ---- */

/* Moves a node to the lowest free page below it; *to 0, and nothing done, when there is none. When
 * it is the root, the tree is found at *to from then on: the caller enters that wherever the old
 * number is kept. *found false, and nothing done: the tree does not lead to the page, which has to
 * be a node with the tree's id. */
quire_status qr_tree_move_node(const struct qr_tree *tree, uint32_t page, uint32_t *to, bool *found,
                               quire_error *err);

/* Moves a page of a payload that spans pages, and with it up to count - 1 before it in the same
 * run, to the lowest free pages; *moved tells how many, 0 when none is free below. *found false,
 * and nothing done: the entry does not have that page, as the last of a run. */
quire_status qr_tree_move_overflow(const struct qr_tree *tree, const struct qr_tree_key *key,
                                   uint32_t page, uint32_t count, uint32_t *moved, bool *found,
                                   quire_error *err);

/* Tells of every node of the tree. */
typedef quire_status (*qr_tree_visit_page)(void *context, uint32_t page, quire_error *err);
quire_status qr_tree_each_node(const struct qr_tree *tree, qr_tree_visit_page visit, void *context,
                               quire_error *err);

/* Tells for every page from `from` on that holds a part of a payload whose it is. Reads every node,
 * and of payloads the pages that list their pages. The key is borrowed for the call. */
typedef quire_status (*qr_tree_visit_overflow)(void *context, uint32_t page,
                                               const struct qr_tree_key *key, quire_error *err);
quire_status qr_tree_each_overflow(const struct qr_tree *tree, uint32_t from,
                                   qr_tree_visit_overflow visit, void *context, quire_error *err);

/* ---- Repacking ---- */

/* How far a tree has been repacked. Zeroed to begin with; a failure or a rollback leaves it fit to
 * go on with. */
struct qr_tree_repack {
    uint64_t looked;    /* nodes looked at, in all */
    uint64_t rewritten; /* nodes that entries were moved into or out of, in all */
    uint64_t emptied;   /* nodes freed since none of their entries remained, in all */
    /* The rest is the function's own. */
    unsigned pass, level; /* children of nodes of this level are being filled */
    bool inside;          /* ... and those below `key` are done with */
    uint64_t emptied_before;
    struct qr_tree_key key; /* its bytes are those that follow */
    uint8_t bytes[QR_KEY_MAX(QR_PAGE_SIZE_MAX)];
};

/*
 * Fills nodes from their right neighbours where that empties some, level by
 * level and from left to right, about `pages` of them: then returns with *done
 * false, and the next call, in this transaction or another, goes on. Other
 * changes to the tree may come between. Nodes that would take about as many
 * pages as before are only read, 16 for each page that may be rewritten.
 */
quire_status qr_tree_repack(const struct qr_tree *tree, uint32_t pages,
                            struct qr_tree_repack *repack, bool *done, quire_error *err);

/* ---- Salvage ---- */

/* One entry of a leaf; `payload` NULL: it cannot be read; `key` NULL: nor can the key. Borrowed for
 * the call, which may use any view. */
typedef quire_status (*qr_tree_visit_leaf)(void *context, const struct qr_tree_key *key,
                                           const struct qr_slice *payload, quire_error *err);
/* Visits the entries of one leaf of the tree, wherever the tree's inner nodes lead; the root is not
 * looked at. CORRUPT when the page is no sound node of the tree. */
quire_status qr_tree_read_leaf(const struct qr_tree *tree, uint32_t leaf, qr_tree_visit_leaf visit,
                               void *context, quire_error *err);

/* ---- Checking ---- */

/* One finding of a tree check; code is a stable upper-case name such as "TREE_KEY_ORDER". */
typedef void (*qr_tree_issue)(void *context, const char *code, uint32_t page, uint32_t offset,
                              const char *message);
/* Told of every page that the tree owns, once each; returns false when the page was already owned
 * (the walk then does not descend into it). */
typedef bool (*qr_tree_owns)(void *context, uint32_t page, uint32_t tree_id);

/* Walks the whole tree and reports what is wrong: unreadable pages, types, tree ids, cell bounds
 * and overlap, key order, separators against child key ranges, uniform depth, overflow runs, the
 * entry count. Never follows a number it has not checked; depth bounded. Fails only for IO or
 * memory. */
quire_status qr_tree_check(const struct qr_tree *tree, qr_tree_issue issue, qr_tree_owns owns,
                           void *context, quire_error *err);

#endif
