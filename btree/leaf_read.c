/*
 * Reading one leaf by its page number, past the inner nodes: for salvage from
 * trees whose inner nodes cannot be read. The leaf is copied first, so that the
 * visitor may use other views meanwhile; each entry stands or falls alone.
 */
#include "btree/btree_internal.h"

struct leaf_read {
    const struct qr_tree *tree;
    uint32_t number;
    uint8_t *page; /* copy */
    uint8_t *key;  /* QR_KEY_MAX bytes, key trees */
    uint8_t *buffer;
    size_t buffer_size;
    qr_tree_visit_leaf visit;
    void *context;
};

static quire_status read_entry(struct leaf_read *read, unsigned i, quire_error *err)
{
    const struct qr_tree *tree = read->tree;
    struct qr_item item = {0};
    struct qr_flaw flaw;
    if (!qr_node_ops(tree->kind)
             ->get(read->page, qr_tree_page_size(tree), i, read->key, &item, &flaw)) {
        return read->visit(read->context, NULL, NULL, err);
    }
    struct qr_tree_key key = {.rowid = item.rowid, .bytes = item.key, .size = item.key_size};
    struct qr_slice payload = {item.body, item.body_size};
    if (item.overflow) {
        struct qr_overflow overflow = qr_overflow_load(item.body);
        quire_error error = QUIRE_ERROR_INIT;
        quire_status status = qr_overflow_read(tree, read->number, &overflow, &read->buffer,
                                               &read->buffer_size, &error);
        if (status == QUIRE_CORRUPT) {
            return read->visit(read->context, &key, NULL, err);
        }
        if (status != QUIRE_OK) {
            return qr_fail(err, status, "%s", error.message);
        }
        payload = (struct qr_slice){read->buffer, (size_t)overflow.size};
    }
    return read->visit(read->context, &key, &payload, err);
}

static quire_status copy_leaf(const struct leaf_read *read, quire_error *err)
{
    const uint8_t *page;
    qr_view_enter(read->tree->view);
    quire_status status = qr_tree_node(read->tree, read->number, &page, err);
    if (status == QUIRE_OK) {
        memcpy(read->page, page, qr_tree_page_size(read->tree));
    }
    qr_view_leave(read->tree->view);
    return status;
}

quire_status qr_tree_read_leaf(const struct qr_tree *tree, uint32_t leaf, qr_tree_visit_leaf visit,
                               void *context, quire_error *err)
{
    const quire_allocator *allocator = qr_tree_allocator(tree);
    uint32_t page_size = qr_tree_page_size(tree);
    size_t size = page_size + (size_t)QR_KEY_MAX(page_size);
    struct leaf_read read = {.tree = tree, .number = leaf, .visit = visit, .context = context};
    read.page = qr_alloc(allocator, size, err);
    if (read.page == NULL) {
        return QUIRE_NO_MEMORY;
    }
    read.key = read.page + page_size;
    quire_status status = copy_leaf(&read, err);
    unsigned count =
        status == QUIRE_OK && qr_node_is_leaf(read.page) ? qr_node_count(read.page) : 0;
    for (unsigned i = 0; i < count && status == QUIRE_OK; i++) {
        status = read_entry(&read, i, err);
    }
    qr_free(allocator, read.buffer, read.buffer_size);
    qr_free(allocator, read.page, size);
    return status;
}
