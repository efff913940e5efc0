/*
 * Entries of row leaves, inline: what point reads and scans do once a row. The
 * layout is in btree_format.h; the page has passed the header check of
 * qr_row_node_ops. Pure functions; what is wrong comes back as a struct qr_flaw.
 */
#ifndef QR_BTREE_ROW_LEAF_H
#define QR_BTREE_ROW_LEAF_H

#include "base/simd.h"
#include "btree/node.h"

/* Where the offsets of a leaf begin. */
static inline uint32_t qr_row_leaf_offsets(uint32_t capacity)
{
    return QR_NODE_BODY + 8U * capacity;
}

static inline int64_t qr_row_load_key(const uint8_t *p)
{
    uint64_t bits = qr_load64(p);
    int64_t key;
    memcpy(&key, &bits, sizeof key);
    return key;
}

static inline int64_t qr_row_leaf_key(const uint8_t *page, unsigned i)
{
    return qr_row_load_key(page + QR_NODE_BODY + 8U * i);
}

/* Sets body, body_size and overflow of entry i. */
static inline bool qr_row_leaf_cell(const uint8_t *page, uint32_t page_size, unsigned i,
                                    struct qr_item *item, struct qr_flaw *flaw)
{
    uint32_t slot = qr_row_leaf_offsets(qr_node_capacity(page)) + 2U * i;
    uint32_t offset = qr_load16(page + slot);
    if (offset < qr_node_heap(page) || offset + QR_ROW_CELL_HEADER > page_size) {
        return qr_flaw_set(flaw, "TREE_CELL_BOUNDS", slot, "cell offset outside the heap");
    }
    uint32_t size = qr_load16(page + offset);
    item->overflow = (size & QR_CELL_OVERFLOW) != 0;
    size &= QR_CELL_SIZE;
    if (offset + QR_ROW_CELL_HEADER + size > page_size) {
        return qr_flaw_set(flaw, "TREE_CELL_BOUNDS", offset, "cell beyond the end of the page");
    }
    if (item->overflow && size != QR_OVERFLOW_BODY) {
        return qr_flaw_set(flaw, "TREE_OVERFLOW", offset, "overflow cell of a wrong size");
    }
    item->body = page + offset + QR_ROW_CELL_HEADER;
    item->body_size = size;
    return true;
}

#endif
