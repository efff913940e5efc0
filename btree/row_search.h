/*
 * Searching the nodes of row trees, inline: what every descent does once a
 * level. The layout is in btree_format.h, the contract in node.h. Pure
 * functions; what is wrong comes back as a struct qr_flaw.
 */
#ifndef QR_BTREE_ROW_SEARCH_H
#define QR_BTREE_ROW_SEARCH_H

#include "btree/row_leaf.h"

/* ---- Layout of inner nodes ---- */

static inline uint32_t qr_row_inner_keys(uint32_t capacity)
{
    return QR_NODE_BODY + 8U * (capacity / QR_HINT_STRIDE);
}

static inline uint32_t qr_row_inner_children(uint32_t capacity)
{
    return qr_row_inner_keys(capacity) + 8U * capacity;
}

static inline uint32_t qr_row_child(const uint8_t *page, unsigned i)
{
    return qr_load32(page + qr_row_inner_children(qr_node_capacity(page)) + 4U * i);
}

static inline int64_t qr_row_separator(const uint8_t *page, unsigned i)
{
    return qr_row_load_key(page + qr_row_inner_keys(qr_node_capacity(page)) + 8U * i);
}

/* ---- Header ---- */

static inline bool qr_row_header(const uint8_t *page, uint32_t page_size, struct qr_flaw *flaw)
{
    uint32_t count = qr_node_count(page);
    uint32_t capacity = qr_node_capacity(page);
    if (count > capacity) {
        return qr_flaw_set(flaw, "TREE_CELL_BOUNDS", QR_PAGE_COUNT,
                           "more entries than the node's capacity");
    }
    if (qr_node_is_leaf(page)) {
        uint32_t heap = qr_node_heap(page);
        if (qr_row_leaf_offsets(capacity) + 2U * count > heap || heap > page_size) {
            return qr_flaw_set(flaw, "TREE_CELL_BOUNDS", QR_PAGE_B,
                               "arrays and heap do not fit the page");
        }
    } else if (QR_ROW_INNER_SIZE(capacity) > page_size) {
        return qr_flaw_set(flaw, "TREE_CELL_BOUNDS", QR_PAGE_A, "capacity beyond the page");
    }
    return true;
}

/* ---- Search ---- */

/* Keys at most that are left to the counting kernel. */
#define QR_ROW_COUNTED_KEYS 64U

static inline unsigned qr_row_count_less(const uint8_t *keys, unsigned count, int64_t x)
{
    unsigned low = 0;
    while (count > QR_ROW_COUNTED_KEYS) {
        unsigned half = count / 2;
        low = qr_row_load_key(keys + 8U * (low + half - 1)) < x ? low + half : low;
        count -= half;
    }
    return low + (unsigned)qr_simd()->count_less_i64(keys + 8U * low, count, x);
}

static inline bool qr_row_search(const uint8_t *page, uint32_t page_size,
                                 const struct qr_tree_key *key, unsigned *index, bool *exact,
                                 struct qr_flaw *flaw)
{
    (void)page_size;
    (void)flaw;
    const uint8_t *keys = page + QR_NODE_BODY;
    unsigned count = qr_node_count(page);
    int64_t x = key->rowid;
    *exact = false;
    *index = 0;
    if (count == 0) {
        return true;
    }
    /* Rowids without gaps: the distance from the first is the index. */
    uint64_t distance = (uint64_t)x - qr_load64(keys);
    if (distance < count && qr_row_load_key(keys + 8U * distance) == x) {
        *index = (unsigned)distance;
        *exact = true;
        return true;
    }
    if (x > qr_row_load_key(keys + 8U * (count - 1))) { /* appends end here */
        *index = count;
        return true;
    }
    unsigned i = qr_row_count_less(keys, count, x);
    *index = i;
    *exact = i < count && qr_row_load_key(keys + 8U * i) == x;
    return true;
}

static inline bool qr_row_search_child(const uint8_t *page, uint32_t page_size,
                                       const struct qr_tree_key *key, unsigned *index,
                                       struct qr_flaw *flaw)
{
    (void)page_size;
    (void)flaw;
    unsigned count = qr_node_count(page);
    const uint8_t *keys = page + qr_row_inner_keys(qr_node_capacity(page));
    int64_t x = key->rowid;
    if (count == 0 || x >= qr_row_load_key(keys + 8U * (count - 1))) {
        *index = count;
        return true;
    }
    const struct qr_simd *simd = qr_simd();
    unsigned blocks = count / QR_HINT_STRIDE;
    const uint8_t *hints = page + QR_NODE_BODY;
    unsigned block = (unsigned)simd->count_less_equal_i64(hints, blocks, x);
    unsigned begin = block * QR_HINT_STRIDE;
    unsigned size = count - begin < QR_HINT_STRIDE ? count - begin : QR_HINT_STRIDE;
    *index = begin + (unsigned)simd->count_less_equal_i64(keys + 8U * begin, size, x);
    return true;
}

/* ---- Looking ahead ---- */

/*
 * Asks for the lines of a leaf that a search for x will touch, all at once: the
 * header, and where key, offset and cell stand if rows are alike and were
 * stored in order. The two separators beside the leaf, x between them, say how
 * far into the leaf that is. A guess: when it is wrong, nothing but a few lines
 * is wasted.
 */
static inline void qr_row_touch_leaf(const uint8_t *parent, unsigned index, int64_t x,
                                     const uint8_t *leaf, uint32_t page_size)
{
    /* Predicted, hence not waited for. */
    if (!qr_node_is_leaf(leaf) || index == 0 || index >= qr_node_count(parent)) {
        return;
    }
    const uint8_t *separator =
        parent + qr_row_inner_keys(qr_node_capacity(parent)) + 8U * (index - 1);
    uint64_t low = qr_load64(separator);
    uint64_t span = qr_load64(separator + 8) - low;
    uint64_t distance = (uint64_t)x - low;
    uint32_t room = page_size - QR_NODE_BODY;
    if (distance >= span) {
        return; /* damage, which the search will find */
    }
    uint32_t rows = room / 128;
    uint32_t at;
    if (span <= room / 16) {
        rows = (uint32_t)span;
        at = (uint32_t)distance;
    } else {
        at = (uint32_t)((double)(int64_t)(distance >> 1) / (double)(int64_t)(span >> 1) * rows);
        at = at < rows ? at : rows - 1;
    }
    uint32_t arrays = QR_NODE_BODY + QR_ROW_SLOT * rows;
    uint32_t cell = page_size - (page_size - arrays) / rows * (at + 1);
    qr_touch(leaf + QR_NODE_BODY + 8U * at);
    qr_touch(leaf + QR_NODE_BODY + 8U * rows + 2U * at);
    qr_touch(leaf + cell);
    qr_touch(leaf + (cell + 64 < page_size ? cell + 64 : cell));
}

#endif
