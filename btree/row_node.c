/*
 * Nodes of row trees: 64-bit keys in one array, searched by counting; see
 * btree_format.h for the layout and node.h for the contract.
 */
#include "base/simd.h"
#include "btree/row_leaf.h"

/* ---- Layout ---- */

static inline uint32_t inner_keys(uint32_t capacity)
{
    return QR_NODE_BODY + 8U * (capacity / QR_HINT_STRIDE);
}

static inline uint32_t inner_children(uint32_t capacity)
{
    return inner_keys(capacity) + 8U * capacity;
}

static inline void store_key(uint8_t *p, int64_t key)
{
    uint64_t bits;
    memcpy(&bits, &key, sizeof bits);
    qr_store64(p, bits);
}

static inline const uint8_t *key_array(const uint8_t *page)
{
    return page + (qr_node_is_leaf(page) ? QR_NODE_BODY : inner_keys(qr_node_capacity(page)));
}

static bool row_header(const uint8_t *page, uint32_t page_size, struct qr_flaw *flaw)
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
#define COUNTED_KEYS 64U

static inline unsigned count_less(const uint8_t *keys, unsigned count, int64_t x)
{
    unsigned low = 0;
    while (count > COUNTED_KEYS) {
        unsigned half = count / 2;
        low = qr_row_load_key(keys + 8U * (low + half - 1)) < x ? low + half : low;
        count -= half;
    }
    return low + (unsigned)qr_simd()->count_less_i64(keys + 8U * low, count, x);
}

static bool row_search(const uint8_t *page, uint32_t page_size, const struct qr_tree_key *key,
                       unsigned *index, bool *exact, struct qr_flaw *flaw)
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
    int64_t last = qr_row_load_key(keys + 8U * (count - 1));
    if (x > last) { /* appends end here */
        *index = count;
        return true;
    }
    /* Rowids without gaps: the distance from the first is the index. */
    uint64_t first = qr_load64(keys);
    uint64_t distance = (uint64_t)x - first;
    if ((uint64_t)last - first == count - 1 && distance < count &&
        qr_row_load_key(keys + 8U * distance) == x) {
        *index = (unsigned)distance;
        *exact = true;
        return true;
    }
    unsigned i = count_less(keys, count, x);
    *index = i;
    *exact = i < count && qr_row_load_key(keys + 8U * i) == x;
    return true;
}

static bool row_search_child(const uint8_t *page, uint32_t page_size, const struct qr_tree_key *key,
                             unsigned *index, struct qr_flaw *flaw)
{
    (void)page_size;
    (void)flaw;
    unsigned count = qr_node_count(page);
    const uint8_t *keys = page + inner_keys(qr_node_capacity(page));
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

/* ---- Entries ---- */

static inline uint32_t inner_child(const uint8_t *page, unsigned i)
{
    return qr_load32(page + inner_children(qr_node_capacity(page)) + 4U * i);
}

static void inner_set_child(uint8_t *page, unsigned i, uint32_t child)
{
    qr_store32(page + inner_children(qr_node_capacity(page)) + 4U * i, child);
}

static bool row_get(const uint8_t *page, uint32_t page_size, unsigned i, uint8_t *key_buffer,
                    struct qr_item *item, struct qr_flaw *flaw)
{
    (void)key_buffer;
    item->rowid = qr_row_load_key(key_array(page) + 8U * i);
    item->key = NULL;
    item->key_size = 0;
    if (qr_node_is_leaf(page)) {
        item->child = 0;
        return qr_row_leaf_cell(page, page_size, i, item, flaw);
    }
    item->body = NULL;
    item->body_size = 0;
    item->overflow = false;
    item->child = inner_child(page, i + 1);
    return true;
}

/* Hints from the block of key i on, after keys changed from there. */
static void refresh_hints(uint8_t *page, unsigned i)
{
    const uint8_t *keys = page + inner_keys(qr_node_capacity(page));
    unsigned blocks = qr_node_count(page) / QR_HINT_STRIDE;
    for (unsigned j = i / QR_HINT_STRIDE; j < blocks; j++) {
        memcpy(page + QR_NODE_BODY + 8U * j, keys + 8U * (QR_HINT_STRIDE * (j + 1) - 1), 8);
    }
}

static bool insert_inner(uint8_t *page, unsigned i, const struct qr_item *item)
{
    uint32_t capacity = qr_node_capacity(page);
    unsigned count = qr_node_count(page);
    if (count == capacity) {
        return false;
    }
    uint8_t *key = page + inner_keys(capacity) + 8U * i;
    uint8_t *child = page + inner_children(capacity) + 4U * (i + 1);
    memmove(key + 8, key, 8U * (count - i));
    memmove(child + 4, child, 4U * (count - i));
    store_key(key, item->rowid);
    qr_store32(child, item->child);
    qr_node_set_count(page, count + 1);
    refresh_hints(page, i);
    return true;
}

static void put_cell(uint8_t *page, uint32_t offset, const struct qr_item *item)
{
    uint32_t size = (uint32_t)item->body_size | (item->overflow ? QR_CELL_OVERFLOW : 0);
    /* The body first: it may be part of the cell that stood here. */
    if (item->body_size != 0) {
        memmove(page + offset + QR_ROW_CELL_HEADER, item->body, item->body_size);
    }
    qr_store16(page + offset, (uint16_t)size);
}

static bool insert_leaf(uint8_t *page, unsigned i, const struct qr_item *item)
{
    unsigned count = qr_node_count(page);
    uint32_t capacity = qr_node_capacity(page);
    uint32_t heap = qr_node_heap(page);
    uint32_t cell = QR_ROW_CELL_HEADER + (uint32_t)item->body_size;
    uint32_t end = qr_row_leaf_offsets(capacity) + 2U * count;
    uint32_t gap = heap - end;
    uint32_t grown = capacity;
    if (count == capacity) {
        /* As many slots as cells like this one will fill, so that full leaves waste none. */
        uint32_t step = gap / (cell + QR_ROW_SLOT);
        grown += step == 0 ? 1 : step > 16 ? 16 : step;
    }
    if (8U * (grown - capacity) + 2U + cell > gap) {
        return false;
    }
    if (grown != capacity) {
        memmove(page + qr_row_leaf_offsets(grown), page + qr_row_leaf_offsets(capacity),
                2U * count);
        qr_node_set_capacity(page, grown);
    }
    uint8_t *key = page + QR_NODE_BODY + 8U * i;
    uint8_t *slot = page + qr_row_leaf_offsets(grown) + 2U * i;
    memmove(key + 8, key, 8U * (count - i));
    memmove(slot + 2, slot, 2U * (count - i));
    heap -= cell;
    put_cell(page, heap, item);
    store_key(key, item->rowid);
    qr_store16(slot, (uint16_t)heap);
    qr_node_set_heap(page, heap);
    qr_node_set_count(page, count + 1);
    return true;
}

static bool row_insert(uint8_t *page, uint32_t page_size, unsigned i, const struct qr_item *item)
{
    (void)page_size;
    return qr_node_is_leaf(page) ? insert_leaf(page, i, item) : insert_inner(page, i, item);
}

static bool row_remove(uint8_t *page, uint32_t page_size, unsigned i, struct qr_flaw *flaw)
{
    uint32_t capacity = qr_node_capacity(page);
    unsigned count = qr_node_count(page);
    unsigned after = count - i - 1;
    if (qr_node_is_leaf(page)) {
        struct qr_item item;
        if (!qr_row_leaf_cell(page, page_size, i, &item, flaw)) {
            return false;
        }
        uint32_t cell = QR_ROW_CELL_HEADER + (uint32_t)item.body_size;
        uint32_t offset = (uint32_t)(item.body - page) - QR_ROW_CELL_HEADER;
        if (offset == qr_node_heap(page)) {
            qr_node_set_heap(page, offset + cell);
        } else {
            qr_node_set_dead(page, qr_node_dead(page) + cell);
        }
        uint8_t *key = page + QR_NODE_BODY + 8U * i;
        uint8_t *slot = page + qr_row_leaf_offsets(capacity) + 2U * i;
        memmove(key, key + 8, 8U * after);
        memmove(slot, slot + 2, 2U * after);
        qr_node_set_count(page, count - 1);
    } else {
        uint8_t *key = page + inner_keys(capacity) + 8U * i;
        uint8_t *child = page + inner_children(capacity) + 4U * (i + 1);
        memmove(key, key + 8, 8U * after);
        memmove(child, child + 4, 4U * after);
        qr_node_set_count(page, count - 1);
        refresh_hints(page, i);
    }
    return true;
}

/* ---- Whole nodes ---- */

static bool row_measure(const struct qr_sequence *sequence, uint32_t page_size, uint8_t type,
                        unsigned from, unsigned to, uint8_t *key_buffer, uint32_t *size,
                        struct qr_flaw *flaw)
{
    uint32_t count = to - from;
    if (type == QR_PAGE_TYPE_ROW_INNER) {
        /* In proportion to the capacity: full at page_size, over it from one more on. */
        uint32_t capacity = QR_ROW_INNER_CAPACITY(page_size);
        *size = count <= capacity ? QR_NODE_BODY + (page_size - QR_NODE_BODY) * count / capacity
                                  : page_size + 1;
        return true;
    }
    uint32_t sum = QR_NODE_BODY;
    for (unsigned i = from; i < to; i++) {
        struct qr_item item;
        if (!qr_sequence_get(&qr_row_node_ops, sequence, page_size, i, key_buffer, &item, flaw)) {
            return false;
        }
        sum += QR_ROW_SLOT + QR_ROW_CELL_HEADER + (uint32_t)item.body_size;
    }
    *size = sum;
    return true;
}

static bool row_build(uint8_t *page, uint32_t page_size, uint8_t type,
                      const struct qr_sequence *sequence, unsigned from, unsigned to,
                      uint32_t first_child, uint8_t *key_buffer, struct qr_flaw *flaw)
{
    bool leaf = type == QR_PAGE_TYPE_ROW_LEAF;
    uint32_t count = to - from;
    uint32_t capacity = leaf ? count : QR_ROW_INNER_CAPACITY(page_size);
    page[QR_PAGE_TYPE] = type;
    qr_node_set_capacity(page, capacity);
    qr_node_set_count(page, count);
    qr_node_set_dead(page, 0);
    qr_node_set_prefix(page, 0);
    uint8_t *keys = page + (leaf ? QR_NODE_BODY : inner_keys(capacity));
    uint32_t heap = page_size;
    for (unsigned i = 0; i < count; i++) {
        struct qr_item item;
        if (!qr_sequence_get(&qr_row_node_ops, sequence, page_size, from + i, key_buffer, &item,
                             flaw)) {
            return false;
        }
        store_key(keys + 8U * i, item.rowid);
        if (leaf) {
            heap -= QR_ROW_CELL_HEADER + (uint32_t)item.body_size;
            put_cell(page, heap, &item);
            qr_store16(page + qr_row_leaf_offsets(capacity) + 2U * i, (uint16_t)heap);
        } else {
            inner_set_child(page, i + 1, item.child);
        }
    }
    QR_ASSERT(!leaf || (heap <= page_size && heap >= qr_row_leaf_offsets(capacity) + 2U * count));
    qr_node_set_heap(page, leaf ? heap : 0);
    if (!leaf) {
        inner_set_child(page, 0, first_child);
        refresh_hints(page, 0);
    }
    return true;
}

static uint32_t row_used(const uint8_t *page, uint32_t page_size)
{
    uint32_t count = qr_node_count(page);
    if (!qr_node_is_leaf(page)) {
        return QR_NODE_BODY + (page_size - QR_NODE_BODY) * count / QR_ROW_INNER_CAPACITY(page_size);
    }
    uint32_t heap = page_size - qr_node_heap(page);
    uint32_t dead = qr_node_dead(page);
    return QR_NODE_BODY + QR_ROW_SLOT * count + (heap > dead ? heap - dead : 0);
}

static void row_verify(const uint8_t *page, uint32_t page_size, uint8_t *marks,
                       void (*found)(void *context, const struct qr_flaw *flaw), void *context)
{
    const uint8_t *keys = key_array(page);
    unsigned count = qr_node_count(page);
    struct qr_flaw flaw;
    memset(marks, 0, page_size);
    for (unsigned i = 0; i < count; i++) {
        size_t at = (size_t)(keys - page) + 8U * i;
        if (i > 0 && qr_row_load_key(keys + 8U * (i - 1)) >= qr_row_load_key(keys + 8U * i)) {
            qr_flaw_set(&flaw, "TREE_KEY_ORDER", at, "keys not in ascending order");
            found(context, &flaw);
        }
        struct qr_item item;
        if (!row_get(page, page_size, i, NULL, &item, &flaw)) {
            found(context, &flaw);
        } else if (item.body != NULL) {
            size_t begin = (size_t)(item.body - page) - QR_ROW_CELL_HEADER;
            if (qr_node_mark(marks, begin, QR_ROW_CELL_HEADER + item.body_size)) {
                qr_flaw_set(&flaw, "TREE_CELL_OVERLAP", begin, "cells overlap");
                found(context, &flaw);
            }
        }
    }
    unsigned blocks = qr_node_is_leaf(page) ? 0 : count / QR_HINT_STRIDE;
    for (unsigned j = 0; j < blocks; j++) {
        size_t at = QR_NODE_BODY + 8U * j;
        if (memcmp(page + at, keys + 8U * (QR_HINT_STRIDE * (j + 1) - 1), 8) != 0) {
            qr_flaw_set(&flaw, "TREE_HINT", at, "hint differs from the separator it samples");
            found(context, &flaw);
        }
    }
}

const struct qr_node_ops qr_row_node_ops = {
    .leaf_type = QR_PAGE_TYPE_ROW_LEAF,
    .inner_type = QR_PAGE_TYPE_ROW_INNER,
    .header = row_header,
    .search = row_search,
    .search_child = row_search_child,
    .get = row_get,
    .insert = row_insert,
    .remove = row_remove,
    .measure = row_measure,
    .build = row_build,
    .used = row_used,
    .child = inner_child,
    .set_child = inner_set_child,
    .verify = row_verify,
};
