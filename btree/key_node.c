/*
 * Nodes of key trees: the prefix that all keys of the node share stands once,
 * the next four bytes of each key in an array searched by counting, the rest in
 * the heap; see btree_format.h for the layout and node.h for the contract.
 *
 * A key outside the prefix sorts before or after all others, so shortening the
 * prefix concerns inserts at either end only.
 */
#include "base/simd.h"
#include "btree/key_leaf.h"

/* ---- Layout ---- */

static inline uint32_t children_of(const uint8_t *page)
{
    return qr_key_heads(page) + QR_KEY_HEAD * qr_node_capacity(page);
}

static inline uint32_t slot_size(bool leaf)
{
    return leaf ? QR_KEY_LEAF_SLOT : QR_KEY_INNER_SLOT;
}

static inline uint32_t head_of(const uint8_t *suffix, size_t size)
{
    uint8_t bytes[QR_KEY_HEAD] = {0};
    if (size >= QR_KEY_HEAD) {
        return qr_load32_be(suffix);
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] = suffix[i];
    }
    return qr_load32_be(bytes);
}

static bool key_header(const uint8_t *page, uint32_t page_size, struct qr_flaw *flaw)
{
    uint32_t count = qr_node_count(page);
    if (count > qr_node_capacity(page)) {
        return qr_flaw_set(flaw, "TREE_CELL_BOUNDS", QR_PAGE_COUNT,
                           "more entries than the node's capacity");
    }
    if (qr_node_prefix(page) > QR_KEY_MAX(page_size)) {
        return qr_flaw_set(flaw, "TREE_CELL_BOUNDS", QR_NODE_PREFIX, "prefix longer than any key");
    }
    uint32_t heap = qr_node_heap(page);
    if (qr_key_offsets(page) + 2U * count > heap || heap > page_size) {
        return qr_flaw_set(flaw, "TREE_CELL_BOUNDS", QR_PAGE_B,
                           "arrays and heap do not fit the page");
    }
    return true;
}

/* ---- Cells ---- */

static bool read_cell(const uint8_t *page, uint32_t page_size, unsigned i, struct qr_key_cell *cell,
                      struct qr_item *item, struct qr_flaw *flaw)
{
    struct qr_key_layout layout = qr_key_layout(page, page_size);
    return qr_key_read_cell(page, &layout, i, cell, item, flaw);
}

static bool key_get(const uint8_t *page, uint32_t page_size, unsigned i, uint8_t *key_buffer,
                    struct qr_item *item, struct qr_flaw *flaw)
{
    struct qr_key_cell cell;
    if (!read_cell(page, page_size, i, &cell, item, flaw)) {
        return false;
    }
    bool leaf = qr_node_is_leaf(page);
    uint32_t prefix = qr_node_prefix(page);
    item->rowid = 0;
    item->key = key_buffer;
    item->key_size = prefix + cell.suffix_size;
    item->child = leaf ? 0 : qr_load32(page + children_of(page) + 4U * (i + 1));
    if (key_buffer != NULL) {
        uint32_t in_head = cell.suffix_size < QR_KEY_HEAD ? cell.suffix_size : QR_KEY_HEAD;
        memcpy(key_buffer, page + QR_NODE_BODY, prefix);
        memcpy(key_buffer + prefix, page + qr_key_heads(page) + QR_KEY_HEAD * i, in_head);
        memcpy(key_buffer + prefix + in_head, cell.rest, qr_key_rest(cell.suffix_size));
    }
    return true;
}

/* ---- Search ---- */

int qr_key_compare(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    size_t size = a_size < b_size ? a_size : b_size;
    int order = size == 0 ? 0 : memcmp(a, b, size);
    return order != 0 ? order : a_size < b_size ? -1 : a_size > b_size;
}

static size_t common_prefix(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    size_t size = a_size < b_size ? a_size : b_size;
    size_t i = 0;
    while (i + 8 <= size && memcmp(a + i, b + i, 8) == 0) {
        i += 8;
    }
    while (i < size && a[i] == b[i]) {
        i++;
    }
    return i;
}

/* Order of a suffix with the same head against that of entry i. */
static bool compare_rest(const uint8_t *page, uint32_t page_size, unsigned i, const uint8_t *suffix,
                         size_t size, int *order, struct qr_flaw *flaw)
{
    struct qr_key_cell cell;
    struct qr_item item;
    if (!read_cell(page, page_size, i, &cell, &item, flaw)) {
        return false;
    }
    size_t a = qr_key_rest(size);
    size_t b = qr_key_rest(cell.suffix_size);
    size_t both = a < b ? a : b;
    int result = both == 0 ? 0 : memcmp(suffix + QR_KEY_HEAD, cell.rest, both);
    *order = result != 0 ? result : size < cell.suffix_size ? -1 : size > cell.suffix_size;
    return true;
}

/* Heads at most that are left to the counting kernel. */
#define COUNTED_HEADS 64U

static bool key_search(const uint8_t *page, uint32_t page_size, const struct qr_tree_key *key,
                       unsigned *index, bool *exact, struct qr_flaw *flaw)
{
    unsigned count = qr_node_count(page);
    uint32_t prefix = qr_node_prefix(page);
    const uint8_t *bytes = key->bytes;
    *exact = false;
    if (prefix != 0) {
        size_t both = key->size < prefix ? key->size : prefix;
        int order = both == 0 ? 0 : memcmp(bytes, page + QR_NODE_BODY, both);
        if (order != 0 || key->size < prefix) {
            *index = order > 0 ? count : 0;
            return true;
        }
        bytes += prefix;
    }
    size_t size = key->size - prefix;
    const struct qr_simd *simd = qr_simd();
    const uint8_t *heads = page + qr_key_heads(page);
    uint32_t head = head_of(bytes, size);
    unsigned low = 0;
    unsigned high = count;
    if (count == 0 || head > qr_load32_be(heads + QR_KEY_HEAD * (count - 1))) {
        *index = count; /* appends end here */
        return true;
    }
    while (high - low > COUNTED_HEADS) {
        unsigned middle = low + (high - low) / 2;
        uint32_t at = qr_load32_be(heads + QR_KEY_HEAD * middle);
        if (at < head) {
            low = middle + 1;
        } else if (at > head) {
            high = middle;
        } else {
            break;
        }
    }
    const uint8_t *window = heads + QR_KEY_HEAD * low;
    high = low + (unsigned)simd->count_less_equal_u32be(window, high - low, head);
    low += (unsigned)simd->count_less_u32be(window, high - low, head);
    while (low < high && !*exact) {
        unsigned middle = low + (high - low) / 2;
        int order;
        if (!compare_rest(page, page_size, middle, bytes, size, &order, flaw)) {
            return false;
        }
        if (order > 0) {
            low = middle + 1;
        } else if (order < 0) {
            high = middle;
        } else {
            low = middle;
            *exact = true;
        }
    }
    *index = low;
    return true;
}

static bool key_search_child(const uint8_t *page, uint32_t page_size, const struct qr_tree_key *key,
                             unsigned *index, struct qr_flaw *flaw)
{
    bool exact;
    if (!key_search(page, page_size, key, index, &exact, flaw)) {
        return false;
    }
    *index += exact;
    return true;
}

static uint32_t key_child(const uint8_t *page, unsigned i)
{
    return qr_load32(page + children_of(page) + 4U * i);
}

static void key_set_child(uint8_t *page, unsigned i, uint32_t child)
{
    qr_store32(page + children_of(page) + 4U * i, child);
}

/* ---- Changes ---- */

static void put_cell(uint8_t *page, uint32_t offset, bool leaf, const uint8_t *suffix,
                     size_t suffix_size, const struct qr_item *item)
{
    uint8_t *p = page + offset;
    uint32_t rest = qr_key_rest(suffix_size);
    /* The body first: it may be part of the cell that stood here. */
    if (leaf && item->body_size != 0) {
        memmove(p + QR_KEY_LEAF_HEADER + rest, item->body, item->body_size);
    }
    qr_store16(p, (uint16_t)suffix_size);
    p += 2;
    if (leaf) {
        qr_store16(p, (uint16_t)(item->body_size | (item->overflow ? QR_CELL_OVERFLOW : 0)));
        p += 2;
    }
    if (rest != 0) {
        memcpy(p, suffix + QR_KEY_HEAD, rest);
    }
}

static uint32_t cell_size(bool leaf, size_t suffix_size, const struct qr_item *item)
{
    return leaf ? QR_KEY_LEAF_HEADER + qr_key_rest(suffix_size) + (uint32_t)item->body_size
                : QR_KEY_INNER_HEADER + qr_key_rest(suffix_size);
}

/* Moves the arrays behind the heads so that they have `grown` slots. */
static void grow_arrays(uint8_t *page, uint32_t grown)
{
    unsigned count = qr_node_count(page);
    uint32_t old_children = children_of(page);
    uint32_t old_offsets = qr_key_offsets(page);
    qr_node_set_capacity(page, grown);
    memmove(page + qr_key_offsets(page), page + old_offsets, 2U * count);
    if (!qr_node_is_leaf(page)) {
        memmove(page + children_of(page), page + old_children, 4U * (count + 1));
    }
}

static bool key_insert(uint8_t *page, uint32_t page_size, unsigned i, const struct qr_item *item)
{
    (void)page_size;
    bool leaf = qr_node_is_leaf(page);
    uint32_t prefix = qr_node_prefix(page);
    if (item->key_size < prefix ||
        (prefix != 0 && memcmp(item->key, page + QR_NODE_BODY, prefix) != 0)) {
        return false;
    }
    const uint8_t *suffix = prefix == 0 ? item->key : item->key + prefix;
    size_t suffix_size = item->key_size - prefix;
    uint32_t cell = cell_size(leaf, suffix_size, item);
    unsigned count = qr_node_count(page);
    uint32_t capacity = qr_node_capacity(page);
    uint32_t heap = qr_node_heap(page);
    uint32_t gap = heap - qr_key_offsets(page) - 2U * count;
    uint32_t grown = capacity;
    uint32_t slot_bytes = slot_size(leaf) - 2U;
    if (count == capacity) {
        uint32_t step = gap / (cell + slot_size(leaf));
        grown += step == 0 ? 1 : step > 16 ? 16 : step;
    }
    if (slot_bytes * (grown - capacity) + 2U + cell > gap) {
        return false;
    }
    if (grown != capacity) {
        grow_arrays(page, grown);
    }
    uint8_t *head = page + qr_key_heads(page) + QR_KEY_HEAD * i;
    uint8_t *slot = page + qr_key_offsets(page) + 2U * i;
    memmove(head + QR_KEY_HEAD, head, QR_KEY_HEAD * (count - i));
    memmove(slot + 2, slot, 2U * (count - i));
    heap -= cell;
    put_cell(page, heap, leaf, suffix, suffix_size, item);
    qr_store32_be(head, head_of(suffix, suffix_size));
    qr_store16(slot, (uint16_t)heap);
    if (!leaf) {
        uint8_t *child = page + children_of(page) + 4U * (i + 1);
        memmove(child + 4, child, 4U * (count - i));
        qr_store32(child, item->child);
    }
    qr_node_set_heap(page, heap);
    qr_node_set_count(page, count + 1);
    return true;
}

static bool key_remove(uint8_t *page, uint32_t page_size, unsigned i, struct qr_flaw *flaw)
{
    struct qr_key_cell cell;
    struct qr_item item;
    if (!read_cell(page, page_size, i, &cell, &item, flaw)) {
        return false;
    }
    unsigned count = qr_node_count(page);
    unsigned after = count - i - 1;
    if (cell.offset == qr_node_heap(page)) {
        qr_node_set_heap(page, cell.offset + cell.size);
    } else {
        qr_node_set_dead(page, qr_node_dead(page) + cell.size);
    }
    uint8_t *head = page + qr_key_heads(page) + QR_KEY_HEAD * i;
    uint8_t *slot = page + qr_key_offsets(page) + 2U * i;
    memmove(head, head + QR_KEY_HEAD, QR_KEY_HEAD * after);
    memmove(slot, slot + 2, 2U * after);
    if (!qr_node_is_leaf(page)) {
        uint8_t *child = page + children_of(page) + 4U * (i + 1);
        memmove(child, child + 4, 4U * after);
    }
    qr_node_set_count(page, count - 1);
    return true;
}

/* ---- Whole nodes ---- */

/* The prefix that all keys of entries [from, to) share. */
static bool sequence_prefix(const struct qr_sequence *sequence, uint32_t page_size, unsigned from,
                            unsigned to, uint8_t *key_buffer, uint32_t *prefix,
                            struct qr_flaw *flaw)
{
    struct qr_item first;
    struct qr_item last;
    *prefix = 0;
    if (from == to) {
        return true;
    }
    if (!qr_sequence_get(&qr_key_node_ops, sequence, page_size, from, key_buffer, &first, flaw) ||
        !qr_sequence_get(&qr_key_node_ops, sequence, page_size, to - 1,
                         key_buffer + QR_KEY_MAX(page_size), &last, flaw)) {
        return false;
    }
    *prefix = (uint32_t)common_prefix(first.key, first.key_size, last.key, last.key_size);
    return true;
}

/*
 * Bytes of a compact node, and the prefix that makes it so. The longest common
 * prefix may cost up to 7 bytes more than a shorter one when suffixes end
 * within their heads; taking the cheaper of it and the left source's prefix
 * keeps a node that fit before fitting.
 */
static bool plan_node(const struct qr_sequence *sequence, uint32_t page_size, bool leaf,
                      unsigned from, unsigned to, uint8_t *key_buffer, uint32_t *prefix,
                      uint32_t *size, struct qr_flaw *flaw)
{
    uint32_t longest;
    if (!sequence_prefix(sequence, page_size, from, to, key_buffer, &longest, flaw)) {
        return false;
    }
    uint32_t other = qr_node_prefix(sequence->left);
    other = other < longest ? other : longest;
    uint32_t fixed = QR_NODE_BODY + (leaf ? 0 : 4U) + (to - from) * slot_size(leaf);
    uint32_t with_longest = fixed + ((longest + 3U) & ~3U);
    uint32_t with_other = fixed + ((other + 3U) & ~3U);
    for (unsigned i = from; i < to; i++) {
        struct qr_item item;
        if (!qr_sequence_get(&qr_key_node_ops, sequence, page_size, i, NULL, &item, flaw)) {
            return false;
        }
        if (item.key_size < longest) {
            return qr_flaw_set(flaw, "TREE_KEY_ORDER", QR_NODE_BODY,
                               "a key between two others lacks their common prefix");
        }
        with_longest += cell_size(leaf, item.key_size - longest, &item);
        with_other += cell_size(leaf, item.key_size - other, &item);
    }
    *prefix = with_longest <= with_other ? longest : other;
    *size = with_longest <= with_other ? with_longest : with_other;
    return true;
}

static bool key_measure(const struct qr_sequence *sequence, uint32_t page_size, uint8_t type,
                        unsigned from, unsigned to, uint8_t *key_buffer, uint32_t *size,
                        struct qr_flaw *flaw)
{
    uint32_t prefix;
    return plan_node(sequence, page_size, type == QR_PAGE_TYPE_KEY_LEAF, from, to, key_buffer,
                     &prefix, size, flaw);
}

static uint32_t key_used(const uint8_t *page, uint32_t page_size)
{
    uint32_t heap = page_size - qr_node_heap(page);
    uint32_t dead = qr_node_dead(page);
    bool leaf = qr_node_is_leaf(page);
    return qr_key_heads(page) + (leaf ? 0 : 4U) + slot_size(leaf) * qr_node_count(page) +
           (heap > dead ? heap - dead : 0);
}

static bool key_build(uint8_t *page, uint32_t page_size, uint8_t type,
                      const struct qr_sequence *sequence, unsigned from, unsigned to,
                      uint32_t first_child, uint8_t *key_buffer, struct qr_flaw *flaw)
{
    bool leaf = type == QR_PAGE_TYPE_KEY_LEAF;
    unsigned count = to - from;
    uint32_t prefix;
    uint32_t size;
    if (!plan_node(sequence, page_size, leaf, from, to, key_buffer, &prefix, &size, flaw)) {
        return false;
    }
    page[QR_PAGE_TYPE] = type;
    qr_node_set_count(page, count);
    qr_node_set_capacity(page, count);
    qr_node_set_dead(page, 0);
    qr_node_set_prefix(page, prefix);
    memset(page + QR_NODE_BODY, 0, (prefix + 3U) & ~3U);
    uint8_t *heads = page + qr_key_heads(page);
    uint8_t *slots = page + qr_key_offsets(page);
    uint32_t heap = page_size;
    for (unsigned i = 0; i < count; i++) {
        struct qr_item item;
        if (!qr_sequence_get(&qr_key_node_ops, sequence, page_size, from + i, key_buffer, &item,
                             flaw)) {
            return false;
        }
        if (i == 0 && prefix != 0) {
            memcpy(page + QR_NODE_BODY, item.key, prefix);
        }
        const uint8_t *suffix = item.key_size == 0 ? item.key : item.key + prefix;
        size_t suffix_size = item.key_size - prefix;
        heap -= cell_size(leaf, suffix_size, &item);
        put_cell(page, heap, leaf, suffix, suffix_size, &item);
        qr_store32_be(heads + QR_KEY_HEAD * i, head_of(suffix, suffix_size));
        qr_store16(slots + 2U * i, (uint16_t)heap);
        if (!leaf) {
            key_set_child(page, i + 1, item.child);
        }
    }
    qr_node_set_heap(page, heap);
    if (!leaf) {
        key_set_child(page, 0, first_child);
    }
    QR_ASSERT(key_used(page, page_size) == size);
    return true;
}

/* Order of entries i-1 and i, whose cells are readable, by their suffixes. */
static bool ascending(const uint8_t *page, unsigned i, const struct qr_key_cell *before,
                      const struct qr_key_cell *cell)
{
    const uint8_t *heads = page + qr_key_heads(page);
    uint32_t a = qr_load32_be(heads + QR_KEY_HEAD * (i - 1));
    uint32_t b = qr_load32_be(heads + QR_KEY_HEAD * i);
    if (a != b) {
        return a < b;
    }
    int order = qr_key_compare(before->rest, qr_key_rest(before->suffix_size), cell->rest,
                               qr_key_rest(cell->suffix_size));
    return order < 0 || (order == 0 && before->suffix_size < cell->suffix_size);
}

static void key_verify(const uint8_t *page, uint32_t page_size, uint8_t *marks,
                       void (*found)(void *context, const struct qr_flaw *flaw), void *context)
{
    unsigned count = qr_node_count(page);
    struct qr_flaw flaw;
    struct qr_key_cell before = {0};
    bool have_before = false;
    memset(marks, 0, page_size);
    for (unsigned i = 0; i < count; i++) {
        struct qr_key_cell cell;
        struct qr_item item;
        if (!read_cell(page, page_size, i, &cell, &item, &flaw)) {
            found(context, &flaw);
            have_before = false;
            continue;
        }
        uint32_t at = qr_key_heads(page) + QR_KEY_HEAD * i;
        if (have_before && !ascending(page, i, &before, &cell)) {
            qr_flaw_set(&flaw, "TREE_KEY_ORDER", at, "keys not in ascending order");
            found(context, &flaw);
        }
        if (cell.suffix_size < QR_KEY_HEAD &&
            head_of(page + at, cell.suffix_size) != qr_load32_be(page + at)) {
            qr_flaw_set(&flaw, "TREE_KEY_ORDER", at, "head of a short key is not zero-padded");
            found(context, &flaw);
        }
        if (qr_node_mark(marks, cell.offset, cell.size)) {
            qr_flaw_set(&flaw, "TREE_CELL_OVERLAP", cell.offset, "cells overlap");
            found(context, &flaw);
        }
        before = cell;
        have_before = true;
    }
}

const struct qr_node_ops qr_key_node_ops = {
    .leaf_type = QR_PAGE_TYPE_KEY_LEAF,
    .inner_type = QR_PAGE_TYPE_KEY_INNER,
    .header = key_header,
    .search = key_search,
    .search_child = key_search_child,
    .get = key_get,
    .insert = key_insert,
    .remove = key_remove,
    .measure = key_measure,
    .build = key_build,
    .used = key_used,
    .child = key_child,
    .set_child = key_set_child,
    .verify = key_verify,
};
