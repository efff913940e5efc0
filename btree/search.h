/*
 * What a read does with a node, inline, whichever kind of tree it is in: rows
 * directly, keys through their operations. Between a parent and its children it
 * also asks for the lines that come next.
 */
#ifndef QR_BTREE_SEARCH_H
#define QR_BTREE_SEARCH_H

#include "btree/btree_internal.h"

/* Index of the first entry of a leaf >= key, *exact when equal. */
static inline bool qr_search_leaf(const struct qr_tree *tree, const uint8_t *page,
                                  uint32_t page_size, const struct qr_tree_key *key,
                                  unsigned *index, bool *exact, struct qr_flaw *flaw)
{
    return tree->kind == QR_TREE_ROWS
               ? qr_row_search(page, page_size, key, index, exact, flaw)
               : qr_key_node_ops.search(page, page_size, key, index, exact, flaw);
}

/* The child of an inner node that holds key, and its index. */
static inline bool qr_search_child(const struct qr_tree *tree, const uint8_t *page,
                                   uint32_t page_size, const struct qr_tree_key *key,
                                   unsigned *index, uint32_t *child, struct qr_flaw *flaw)
{
    if (tree->kind == QR_TREE_ROWS) {
        (void)qr_row_search_child(page, page_size, key, index, flaw);
        *child = qr_row_child(page, *index);
        return true;
    }
    if (!qr_key_node_ops.search_child(page, page_size, key, index, flaw)) {
        return false;
    }
    *child = qr_key_node_ops.child(page, *index);
    return true;
}

/* Payload of entry i of a leaf. */
static inline bool qr_search_payload(const struct qr_tree *tree, const uint8_t *page,
                                     uint32_t page_size, unsigned i, struct qr_item *item,
                                     struct qr_flaw *flaw)
{
    return tree->kind == QR_TREE_ROWS ? qr_row_leaf_cell(page, page_size, i, item, flaw)
                                      : qr_key_node_ops.get(page, page_size, i, NULL, item, flaw);
}

/* Bytes of a key node that a search is likely to touch: header, prefix, heads. */
#define QR_SEARCH_KEY_LINES 5U

/* Asks for the lines of a child that a search for key will touch, if it is in the cache. */
static inline void qr_search_touch(const struct qr_tree *tree, const uint8_t *parent,
                                   unsigned index, uint32_t child, const struct qr_tree_key *key,
                                   uint32_t page_size)
{
    const uint8_t *page = qr_view_peek(tree->view, child);
    if (page == NULL) {
        return;
    }
    if (tree->kind == QR_TREE_ROWS) {
        qr_row_touch_leaf(parent, index, key->rowid, page, page_size);
        return;
    }
    qr_touch(page + QR_PAGE_LSN);
    for (unsigned i = 1; i < QR_SEARCH_KEY_LINES; i++) {
        qr_touch(page + 64U * i);
    }
}

#endif
