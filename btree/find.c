/*
 * Descents from the root, and point reads: find and count. Reads take
 * no lock and touch one page a level; what they return is pinned or copied into
 * the reader. Damage is CORRUPT; a descent is bounded by QR_TREE_DEPTH_MAX.
 */
#include "btree/search.h"

quire_status qr_tree_too_deep(const struct qr_tree *tree, uint32_t page_number, quire_error *err)
{
    struct qr_flaw flaw;
    qr_flaw_set(&flaw, "TREE_DEPTH", QR_PAGE_TYPE, "more levels than a tree can have");
    return qr_tree_damaged(tree, page_number, &flaw, err);
}

quire_status qr_tree_bad_child(const struct qr_tree *tree, uint32_t page_number, quire_error *err)
{
    struct qr_flaw flaw;
    qr_flaw_set(&flaw, "TREE_CHILD", QR_NODE_BODY, "impossible child page number");
    return qr_tree_damaged(tree, page_number, &flaw, err);
}

quire_status qr_tree_descend(const struct qr_tree *tree, const struct qr_tree_key *key,
                             struct qr_path *path, const uint8_t **leaf, quire_error *err)
{
    uint32_t page_size = qr_tree_page_size(tree);
    uint32_t page_number = tree->root;
    struct qr_flaw flaw;
    for (unsigned depth = 0; depth < QR_TREE_DEPTH_MAX; depth++) {
        const uint8_t *page;
        QR_TRY(qr_view_page(tree->view, page_number, &page, err));
        if (!qr_tree_node_sound(tree, page, page_size, &flaw)) {
            return qr_tree_damaged(tree, page_number, &flaw, err);
        }
        struct qr_path_step *step = &path->step[depth];
        unsigned index;
        step->page = page_number;
        step->count = (uint16_t)qr_node_count(page);
        if (qr_node_is_leaf(page)) {
            if (!qr_search_leaf(tree, page, page_size, key, &index, &path->exact, &flaw)) {
                return qr_tree_damaged(tree, page_number, &flaw, err);
            }
            step->index = (uint16_t)index;
            path->depth = depth + 1;
            *leaf = page;
            return QUIRE_OK;
        }
        uint32_t child;
        if (!qr_search_child(tree, page, page_size, key, &index, &child, &flaw)) {
            return qr_tree_damaged(tree, page_number, &flaw, err);
        }
        qr_search_touch(tree, page, index, child, key, page_size);
        step->index = (uint16_t)index;
        QR_TRY(qr_tree_check_child(tree, page_number, child, err));
        page_number = child;
    }
    return qr_tree_too_deep(tree, page_number, err);
}

quire_status qr_tree_descend_edge(const struct qr_tree *tree, uint32_t page_number, bool last,
                                  struct qr_path *path, const uint8_t **leaf, quire_error *err)
{
    const struct qr_node_ops *ops = qr_node_ops(tree->kind);
    while (path->depth < QR_TREE_DEPTH_MAX) {
        const uint8_t *page;
        QR_TRY(qr_tree_node(tree, page_number, &page, err));
        struct qr_path_step *step = &path->step[path->depth++];
        step->page = page_number;
        step->count = (uint16_t)qr_node_count(page);
        step->index = last ? step->count : 0;
        if (qr_node_is_leaf(page)) {
            step->index = (uint16_t)(step->index - (last && step->count != 0));
            *leaf = page;
            return QUIRE_OK;
        }
        uint32_t child = ops->child(page, step->index);
        QR_TRY(qr_tree_check_child(tree, page_number, child, err));
        page_number = child;
    }
    return qr_tree_too_deep(tree, page_number, err);
}

quire_status qr_tree_count(const struct qr_tree *tree, uint64_t *entries, quire_error *err)
{
    const uint8_t *page;
    QR_TRY(qr_tree_settle(tree, err));
    qr_view_enter(tree->view);
    quire_status status = qr_tree_node(tree, tree->root, &page, err);
    if (status == QUIRE_OK) {
        *entries = qr_load64(page + QR_NODE_ENTRIES);
    }
    qr_view_leave(tree->view);
    return status;
}

/* ---- Readers ---- */

quire_status qr_tree_reader_init(struct qr_tree_reader *reader, const struct qr_tree *tree,
                                 quire_error *err)
{
    *reader = (struct qr_tree_reader){.tree = *tree};
    return qr_pin_create(tree->view, &reader->pin, err);
}

void qr_tree_reader_free(struct qr_tree_reader *reader)
{
    if (reader->pin != NULL) {
        qr_pin_destroy(reader->pin);
        reader->pin = NULL;
    }
    if (reader->buffer != NULL) {
        qr_free(qr_tree_allocator(&reader->tree), reader->buffer, reader->buffer_size);
        reader->buffer = NULL;
        reader->buffer_size = 0;
    }
}

quire_status qr_tree_reader_overflow(struct qr_tree_reader *reader, uint32_t leaf,
                                     const struct qr_overflow *overflow, struct qr_slice *payload,
                                     quire_error *err)
{
    QR_TRY(qr_overflow_read(&reader->tree, leaf, overflow, &reader->buffer, &reader->buffer_size,
                            err));
    payload->data = reader->buffer;
    payload->size = (size_t)overflow->size;
    return QUIRE_OK;
}

quire_status qr_tree_find(struct qr_tree_reader *reader, const struct qr_tree_key *key,
                          struct qr_slice *payload, bool *found, quire_error *err)
{
    const struct qr_tree *tree = &reader->tree;
    struct qr_path path;
    struct qr_flaw flaw;
    struct qr_item item = {0};
    struct qr_overflow overflow = {0, 0};
    const uint8_t *leaf = NULL;
    uint32_t leaf_number = 0;
    path.exact = false;
    payload->data = NULL;
    payload->size = 0;
    *found = false;
    QR_TRY(qr_tree_settle(tree, err));
    qr_view_enter(tree->view);
    quire_status status = qr_tree_descend(tree, key, &path, &leaf, err);
    if (status == QUIRE_OK && path.exact) {
        const struct qr_path_step *step = &path.step[path.depth - 1];
        leaf_number = step->page;
        if (!qr_search_payload(tree, leaf, qr_tree_page_size(tree), step->index, &item, &flaw)) {
            status = qr_tree_damaged(tree, leaf_number, &flaw, err);
        } else if (item.overflow) {
            overflow = qr_overflow_load(item.body);
        } else {
            qr_pin_set(reader->pin, leaf);
        }
    }
    qr_view_leave(tree->view);
    if (status != QUIRE_OK || !path.exact) {
        return status;
    }
    if (item.overflow) {
        QR_TRY(qr_tree_reader_overflow(reader, leaf_number, &overflow, payload, err));
    } else {
        payload->data = item.body;
        payload->size = item.body_size;
    }
    *found = true;
    return QUIRE_OK;
}
