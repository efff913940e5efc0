/*
 * What the files of this room share above single nodes: checked page access,
 * the path of a descent, scratch memory, overflow values, the walk over all
 * pages.
 */
#ifndef QR_BTREE_INTERNAL_H
#define QR_BTREE_INTERNAL_H

#include "btree/ingest.h"
#include "btree/row_search.h"

static inline uint32_t qr_tree_page_size(const struct qr_tree *tree)
{
    return UINT32_C(1) << tree->view->page_shift;
}

static inline const quire_allocator *qr_tree_allocator(const struct qr_tree *tree)
{
    return qr_pager_allocator(qr_view_pager(tree->view));
}

/* Reports CORRUPT for a flaw of a page. */
quire_status qr_tree_damaged(const struct qr_tree *tree, uint32_t page_number,
                             const struct qr_flaw *flaw, quire_error *err);

/* Reads a page, which must be a node of the tree with a sound header. Inside an operation. */
quire_status qr_tree_node(const struct qr_tree *tree, uint32_t page_number, const uint8_t **page,
                          quire_error *err);

/* Whether a page is a node of the tree with a sound header; what qr_tree_node checks. */
static inline bool qr_tree_node_sound(const struct qr_tree *tree, const uint8_t *page,
                                      uint32_t page_size, struct qr_flaw *flaw)
{
    bool rows = tree->kind == QR_TREE_ROWS;
    uint8_t type = page[QR_PAGE_TYPE];
    if (type != (rows ? QR_PAGE_TYPE_ROW_LEAF : QR_PAGE_TYPE_KEY_LEAF) &&
        type != (rows ? QR_PAGE_TYPE_ROW_INNER : QR_PAGE_TYPE_KEY_INNER)) {
        return qr_flaw_set(flaw, "TREE_PAGE_TYPE", QR_PAGE_TYPE, "not a node of this kind of tree");
    }
    if (qr_page_tree(page) != tree->id) {
        return qr_flaw_set(flaw, "TREE_ID", QR_PAGE_TREE, "the page belongs to another tree");
    }
    return rows ? qr_row_header(page, page_size, flaw)
                : qr_key_node_ops.header(page, page_size, flaw);
}

/* Reports CORRUPT for an inner node that points to a page which no tree can have. */
quire_status qr_tree_bad_child(const struct qr_tree *tree, uint32_t page_number, quire_error *err);

/* Inner nodes point below themselves to ordinary pages only: CORRUPT names the node,
 * page_number. */
static inline quire_status qr_tree_check_child(const struct qr_tree *tree, uint32_t page_number,
                                               uint32_t child, quire_error *err)
{
    return child > QR_PAGE_NUMBER_FREE_MAP ? QUIRE_OK : qr_tree_bad_child(tree, page_number, err);
}

struct qr_overflow;

/* Reports CORRUPT for a node that leads to more levels than a tree can have, or to leaves at
 * different ones. */
quire_status qr_tree_too_deep(const struct qr_tree *tree, uint32_t page_number, quire_error *err);

/* Reads an overflow payload of a leaf into the reader's buffer. Enters the view itself. */
quire_status qr_tree_reader_overflow(struct qr_tree_reader *reader, uint32_t leaf,
                                     const struct qr_overflow *overflow, struct qr_slice *payload,
                                     quire_error *err);

/* The transaction behind the tree's view, with the tree's entries all in its pages; READ_ONLY or
 * TXN_DOOMED when it cannot be changed. */
quire_status qr_tree_writable(const struct qr_tree *tree, struct qr_txn **txn, quire_error *err);

/* Adds to the number of entries in the root, modulo 2^64. Inside an operation. */
quire_status qr_tree_add_to_count(const struct qr_tree *tree, int64_t change, quire_error *err);

/* LIMIT when key or payload is too long. */
quire_status qr_tree_check_size(const struct qr_tree *tree, const struct qr_tree_key *key,
                                size_t size, quire_error *err);

/* Whether the payload goes to overflow pages. */
bool qr_tree_needs_overflow(const struct qr_tree *tree, const struct qr_tree_key *key, size_t size);

/* Makes a writable page an empty leaf of the tree. */
void qr_node_make_empty(const struct qr_tree *tree, uint8_t *root);

/* ---- Paths ---- */

struct qr_path_step {
    uint32_t page;
    uint16_t index; /* child taken; in the leaf the entry */
    uint16_t count; /* entries of the node */
};

/* The way from the root, step 0, to a leaf, step depth-1. Holds numbers only, so it outlives an
 * operation; stale once the tree changes. */
struct qr_path {
    unsigned depth;
    bool exact; /* the entry has the key sought */
    struct qr_path_step step[QR_TREE_DEPTH_MAX];
};

/* Descends to the first entry >= key of the leaf that holds it; the index may equal the leaf's
 * count. Inside an operation. */
quire_status qr_tree_descend(const struct qr_tree *tree, const struct qr_tree_key *key,
                             struct qr_path *path, const uint8_t **leaf, quire_error *err);

/* Extends a path of `depth` steps from page_number down to a leaf by the first or last children;
 * the leaf's index is its first or last entry. */
quire_status qr_tree_descend_edge(const struct qr_tree *tree, uint32_t page_number, bool last,
                                  struct qr_path *path, const uint8_t **leaf, quire_error *err);

/* Puts an item into the leaf at the end of the path, before the entry that the path names,
 * splitting as far up as needed. The path is stale afterwards. Inside an operation. */
quire_status qr_tree_insert_item(const struct qr_tree *tree, const struct qr_path *path,
                                 uint8_t *leaf, const struct qr_item *item, quire_error *err);

/* Within a statement: puts an item into a leaf that has room for it and counts it, with no copy of
 * the pages; *done false: nothing was done. Inside an operation. */
quire_status qr_tree_insert_noted(const struct qr_tree *tree, uint32_t leaf_number, unsigned index,
                                  const struct qr_item *item, bool *done, quire_error *err);

/* Takes children [begin, end) out of an inner node that has others. Inside an operation. */
quire_status qr_tree_remove_children(const struct qr_tree *tree, uint32_t page_number,
                                     unsigned begin, unsigned end, quire_error *err);

/* Pulls the only child of the root up into it, as often as there is only one. Inside an
 * operation. */
quire_status qr_tree_collapse_root(const struct qr_tree *tree, quire_error *err);

/* Two neighbouring children of one node. */
struct qr_pair {
    uint32_t parent_number;
    unsigned index; /* of the left child */
    const uint8_t *parent;
    uint32_t left_number, right_number;
    const uint8_t *left, *right;
};

/* Reads them; parent_number and index are given, and both children exist. Inside an operation. */
quire_status qr_tree_read_pair(const struct qr_tree *tree, struct qr_pair *pair, quire_error *err);

/* Merges thin nodes on the way to a key with their neighbours, and lowers the root, until nothing
 * more fits. Enters the view itself. */
quire_status qr_tree_merge_around(const struct qr_tree *tree, const struct qr_tree_key *key,
                                  quire_error *err);

/* Frees a node and everything below it, and adds the number of its entries to *entries. Whoever
 * refers to it is left alone. Enters the view itself. */
quire_status qr_tree_drop_below(const struct qr_tree *tree, uint32_t page_number, uint64_t *entries,
                                quire_error *err);

/* ---- Scratch ---- */

/* Copies of two pages and, for key trees, buffers for keys. */
struct qr_scratch {
    const quire_allocator *allocator;
    uint8_t *memory;
    size_t size;
    uint8_t *page[2];
    uint8_t *keys;         /* two keys; NULL in row trees */
    uint8_t *separator[2]; /* one key each; NULL in row trees */
};

quire_status qr_scratch_init(struct qr_scratch *scratch, const struct qr_tree *tree,
                             quire_error *err);
void qr_scratch_free(struct qr_scratch *scratch);

/* ---- Overflow values ---- */

struct qr_overflow {
    uint64_t size;
    uint32_t first;
};

static inline struct qr_overflow qr_overflow_load(const uint8_t *body)
{
    struct qr_overflow overflow = {qr_load64(body + QR_OVERFLOW_SIZE),
                                   qr_load32(body + QR_OVERFLOW_FIRST)};
    return overflow;
}

/* Writes a payload, NULL for zeroes, to new pages. Enters the view itself, for a bounded number of
 * pages at a time: call it outside an operation. */
quire_status qr_overflow_write(const struct qr_tree *tree, const uint8_t *payload, size_t size,
                               struct qr_overflow *overflow, quire_error *err);

/* Reads a payload into *buffer, growing it. Enters the view itself. */
quire_status qr_overflow_read(const struct qr_tree *tree, uint32_t leaf,
                              const struct qr_overflow *overflow, uint8_t **buffer,
                              size_t *buffer_size, quire_error *err);

/* Reads or overwrites `size` bytes from `offset` on, which must lie within the payload. Both enter
 * the view themselves. */
quire_status qr_overflow_read_part(const struct qr_tree *tree, uint32_t leaf,
                                   const struct qr_overflow *overflow, uint64_t offset, void *out,
                                   size_t size, quire_error *err);
quire_status qr_overflow_write_part(const struct qr_tree *tree, uint32_t leaf,
                                    const struct qr_overflow *overflow, uint64_t offset,
                                    const void *bytes, size_t size, quire_error *err);

/* Frees the pages of a payload. Enters the view itself. */
quire_status qr_overflow_free(const struct qr_tree *tree, uint32_t leaf,
                              const struct qr_overflow *overflow, quire_error *err);

/* Tells of every page of a payload; `index` marks index pages. Stops at the first failure. */
typedef quire_status (*qr_overflow_visit)(void *context, uint32_t page, bool index,
                                          quire_error *err);
quire_status qr_overflow_walk(const struct qr_tree *tree, uint32_t leaf,
                              const struct qr_overflow *overflow, qr_overflow_visit visit,
                              void *context, quire_error *err);

/* ---- Walk ---- */

/*
 * Visits every node after its children. `page` is valid for the call; the visitor may free the page
 * and the overflow values of its entries, and is called outside an operation when it does: it gets
 * a copy.
 */
typedef quire_status (*qr_tree_visit_node)(void *context, uint32_t page_number, unsigned level,
                                           const uint8_t *page, quire_error *err);
quire_status qr_tree_walk(const struct qr_tree *tree, qr_tree_visit_node visit, void *context,
                          quire_error *err);

#endif
