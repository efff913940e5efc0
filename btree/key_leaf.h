/*
 * Cells of key nodes, inline, and entries of key leaves as a walk reads them:
 * one after another, from a leaf whose layout is known and into a buffer that
 * has the leaf's prefix already. The layout is in btree_format.h; the page has
 * passed the header check of qr_key_node_ops. Pure functions; what is wrong
 * comes back as a struct qr_flaw.
 */
#ifndef QR_BTREE_KEY_LEAF_H
#define QR_BTREE_KEY_LEAF_H

#include "btree/node.h"

/* ---- Layout ---- */

static inline uint32_t qr_key_heads(const uint8_t *page)
{
    return QR_NODE_BODY + ((qr_node_prefix(page) + 3U) & ~3U);
}

static inline uint32_t qr_key_offsets(const uint8_t *page)
{
    uint32_t capacity = qr_node_capacity(page);
    uint32_t children = qr_node_is_leaf(page) ? 0 : 4U * (capacity + 1);
    return qr_key_heads(page) + QR_KEY_HEAD * capacity + children;
}

/* Bytes of a suffix that the heap holds. */
static inline uint32_t qr_key_rest(size_t suffix)
{
    return suffix > QR_KEY_HEAD ? (uint32_t)(suffix - QR_KEY_HEAD) : 0;
}

/* ---- Cells ---- */

struct qr_key_cell {
    uint32_t offset;      /* of the cell in the page */
    uint32_t size;        /* of the whole cell */
    uint32_t suffix_size; /* with the head */
    const uint8_t *rest;  /* suffix from its fifth byte */
};

/* What all cells of a node have in common. */
struct qr_key_layout {
    uint32_t page_size;
    uint32_t prefix;  /* bytes */
    uint32_t heads;   /* where they begin in the page */
    uint32_t offsets; /* likewise */
    uint32_t heap;
    uint32_t header; /* bytes of a cell before its suffix */
};

static inline struct qr_key_layout qr_key_layout(const uint8_t *page, uint32_t page_size)
{
    return (struct qr_key_layout){.page_size = page_size,
                                  .prefix = qr_node_prefix(page),
                                  .heads = qr_key_heads(page),
                                  .offsets = qr_key_offsets(page),
                                  .heap = qr_node_heap(page),
                                  .header = qr_node_is_leaf(page) ? QR_KEY_LEAF_HEADER
                                                                  : QR_KEY_INNER_HEADER};
}

/* Reads cell i, and sets body, body_size and overflow of the item. */
static inline bool qr_key_read_cell(const uint8_t *page, const struct qr_key_layout *layout,
                                    unsigned i, struct qr_key_cell *cell, struct qr_item *item,
                                    struct qr_flaw *flaw)
{
    uint32_t slot = layout->offsets + 2U * i;
    uint32_t offset = qr_load16(page + slot);
    if (offset < layout->heap || offset + layout->header > layout->page_size) {
        return qr_flaw_set(flaw, "TREE_CELL_BOUNDS", slot, "cell offset outside the heap");
    }
    uint32_t suffix = qr_load16(page + offset);
    if (suffix + layout->prefix > QR_KEY_MAX(layout->page_size)) {
        return qr_flaw_set(flaw, "TREE_CELL_BOUNDS", offset, "key longer than the limit");
    }
    uint32_t rest = qr_key_rest(suffix);
    uint32_t body = layout->header == QR_KEY_LEAF_HEADER ? qr_load16(page + offset + 2) : 0;
    item->overflow = (body & QR_CELL_OVERFLOW) != 0;
    body &= QR_CELL_SIZE;
    if (offset + layout->header + rest + body > layout->page_size) {
        return qr_flaw_set(flaw, "TREE_CELL_BOUNDS", offset, "cell beyond the end of the page");
    }
    if (item->overflow && body != QR_OVERFLOW_BODY) {
        return qr_flaw_set(flaw, "TREE_OVERFLOW", offset, "overflow cell of a wrong size");
    }
    cell->offset = offset;
    cell->size = layout->header + rest + body;
    cell->suffix_size = suffix;
    cell->rest = page + offset + layout->header;
    item->body = cell->rest + rest;
    item->body_size = body;
    return true;
}

/* ---- Entries of a leaf ---- */

/* Entry i of a leaf. The buffer begins with the leaf's prefix and receives the rest of the key; up
 * to QR_KEY_HEAD bytes behind the key may be overwritten. */
static inline bool qr_key_leaf_entry(const uint8_t *page, const struct qr_key_layout *layout,
                                     unsigned i, uint8_t *key_buffer, struct qr_item *item,
                                     struct qr_flaw *flaw)
{
    struct qr_key_cell cell;
    if (!qr_key_read_cell(page, layout, i, &cell, item, flaw)) {
        return false;
    }
    uint8_t *suffix = key_buffer + layout->prefix;
    memcpy(suffix, page + layout->heads + QR_KEY_HEAD * i, QR_KEY_HEAD);
    if (cell.suffix_size > QR_KEY_HEAD) {
        memcpy(suffix + QR_KEY_HEAD, cell.rest, cell.suffix_size - QR_KEY_HEAD);
    }
    item->key = key_buffer;
    item->key_size = layout->prefix + cell.suffix_size;
    return true;
}

#endif
