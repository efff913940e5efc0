/*
 * Nodes of row trees: 64-bit keys in one array, searched by counting; see
 * btree_format.h for the layout and node.h for the contract. Reading is inline,
 * in row_leaf.h and row_search.h.
 */
#include "btree/row_search.h"

static inline void store_key(uint8_t *p, int64_t key)
{
    uint64_t bits;
    memcpy(&bits, &key, sizeof bits);
    qr_store64(p, bits);
}

static inline const uint8_t *key_array(const uint8_t *page)
{
    return page +
           (qr_node_is_leaf(page) ? QR_NODE_BODY : qr_row_inner_keys(qr_node_capacity(page)));
}

/* ---- Entries ---- */

static void inner_set_child(uint8_t *page, unsigned i, uint32_t child)
{
    qr_store32(page + qr_row_inner_children(qr_node_capacity(page)) + 4U * i, child);
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
    item->child = qr_row_child(page, i + 1);
    return true;
}

/* Hints from the block of key i on, after keys changed from there. */
static void refresh_hints(uint8_t *page, unsigned i)
{
    const uint8_t *keys = page + qr_row_inner_keys(qr_node_capacity(page));
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
    uint8_t *key = page + qr_row_inner_keys(capacity) + 8U * i;
    uint8_t *child = page + qr_row_inner_children(capacity) + 4U * (i + 1);
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
        uint8_t *key = page + qr_row_inner_keys(capacity) + 8U * i;
        uint8_t *child = page + qr_row_inner_children(capacity) + 4U * (i + 1);
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
    uint8_t *keys = page + (leaf ? QR_NODE_BODY : qr_row_inner_keys(capacity));
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
    .header = qr_row_header,
    .search = qr_row_search,
    .search_child = qr_row_search_child,
    .get = row_get,
    .insert = row_insert,
    .remove = row_remove,
    .measure = row_measure,
    .build = row_build,
    .used = row_used,
    .child = qr_row_child,
    .set_child = inner_set_child,
    .verify = row_verify,
};
