/*
 * Deleting entries, merging nodes, collapsing the root.
 *
 * A node that becomes empty is freed at once. One that falls under half a page
 * merges with a neighbour under the same parent when both then take at most
 * seven eighths, so any two neighbours of a thinned-out tree fill most of a
 * page, at every level. Nothing is borrowed: an inner node may be left with a
 * single child until a neighbour has room. Failures doom the transaction.
 */
#include "btree/btree_internal.h"

struct erase {
    const struct qr_tree *tree;
    const struct qr_node_ops *ops;
    struct qr_txn *txn;
    uint32_t page_size;
    struct qr_path path;
};

/* Pulls the only child of the root up into it, as often as there is only one. */
static quire_status collapse_root(const struct erase *erase, quire_error *err)
{
    const struct qr_tree *tree = erase->tree;
    uint8_t *root;
    QR_TRY(qr_txn_page_write(erase->txn, tree->root, &root, err));
    for (unsigned i = 0; i < QR_TREE_DEPTH_MAX; i++) {
        if (qr_node_is_leaf(root) || qr_node_count(root) != 0) {
            return QUIRE_OK;
        }
        uint32_t child = erase->ops->child(root, 0);
        const uint8_t *page;
        QR_TRY(qr_tree_node(tree, child, &page, err));
        root[QR_PAGE_TYPE] = page[QR_PAGE_TYPE];
        memcpy(root + QR_PAGE_COUNT, page + QR_PAGE_COUNT, QR_PAGE_TREE - QR_PAGE_COUNT);
        memcpy(root + QR_NODE_DEAD, page + QR_NODE_DEAD, erase->page_size - QR_NODE_DEAD);
        QR_TRY(qr_txn_page_free(erase->txn, child, err));
    }
    return QUIRE_OK;
}

/* Takes child `index` out of an inner node that has another. */
static quire_status remove_child(const struct erase *erase, uint32_t page_number, uint8_t *page,
                                 unsigned index, quire_error *err)
{
    struct qr_flaw flaw;
    if (index == 0) {
        erase->ops->set_child(page, 0, erase->ops->child(page, 1));
        index = 1;
    }
    if (!erase->ops->remove(page, erase->page_size, index - 1, &flaw)) {
        return qr_tree_damaged(erase->tree, page_number, &flaw, err);
    }
    return QUIRE_OK;
}

quire_status qr_tree_read_pair(const struct qr_tree *tree, struct qr_pair *pair, quire_error *err)
{
    const struct qr_node_ops *ops = qr_node_ops(tree->kind);
    QR_TRY(qr_tree_node(tree, pair->parent_number, &pair->parent, err));
    pair->left_number = ops->child(pair->parent, pair->index);
    pair->right_number = ops->child(pair->parent, pair->index + 1);
    QR_TRY(qr_tree_node(tree, pair->left_number, &pair->left, err));
    QR_TRY(qr_tree_node(tree, pair->right_number, &pair->right, err));
    if (pair->left[QR_PAGE_TYPE] != pair->right[QR_PAGE_TYPE] ||
        pair->left_number == pair->right_number) {
        struct qr_flaw flaw;
        qr_flaw_set(&flaw, "TREE_DEPTH", QR_PAGE_TYPE, "neighbours of different types");
        return qr_tree_damaged(tree, pair->right_number, &flaw, err);
    }
    return QUIRE_OK;
}

/* Writes the entries of both, between those of inner nodes the separator from the parent, to the
 * left page if they take at most `limit` bytes. */
static quire_status join_pair(const struct erase *erase, const struct qr_pair *pair, uint32_t limit,
                              struct qr_scratch *scratch, bool *joined, quire_error *err)
{
    const struct qr_tree *tree = erase->tree;
    const struct qr_node_ops *ops = erase->ops;
    uint8_t type = pair->left[QR_PAGE_TYPE];
    bool inner = type == ops->inner_type;
    uint32_t first_child = inner ? ops->child(pair->left, 0) : 0;
    struct qr_item down;
    struct qr_flaw flaw;
    uint32_t size;
    uint8_t *page;
    *joined = false;
    qr_node_copy(scratch->page[0], pair->left, erase->page_size);
    qr_node_copy(scratch->page[1], pair->right, erase->page_size);
    if (!ops->get(pair->parent, erase->page_size, pair->index, scratch->separator[0], &down,
                  &flaw)) {
        return qr_tree_damaged(tree, pair->parent_number, &flaw, err);
    }
    down.child = inner ? ops->child(pair->right, 0) : 0;
    struct qr_sequence sequence = {.left = scratch->page[0],
                                   .left_end = qr_node_count(pair->left),
                                   .item = inner ? &down : NULL,
                                   .right = scratch->page[1],
                                   .right_end = qr_node_count(pair->right)};
    unsigned count = qr_sequence_count(&sequence);
    if (!ops->measure(&sequence, erase->page_size, type, 0, count, scratch->keys, &size, &flaw)) {
        return qr_tree_damaged(tree, pair->left_number, &flaw, err);
    }
    if (size > limit) {
        return QUIRE_OK;
    }
    QR_TRY(qr_txn_page_write(erase->txn, pair->left_number, &page, err));
    if (!ops->build(page, erase->page_size, type, &sequence, 0, count, first_child, scratch->keys,
                    &flaw)) {
        return qr_tree_damaged(tree, pair->left_number, &flaw, err);
    }
    *joined = true;
    return QUIRE_OK;
}

/* Merges children index and index+1 of the node at `level` if the result leaves room to grow. */
static quire_status merge_pair(const struct erase *erase, unsigned level, unsigned index,
                               bool *merged, quire_error *err)
{
    uint32_t limit = erase->page_size - erase->page_size / 8;
    struct qr_pair pair = {.parent_number = erase->path.step[level].page, .index = index};
    struct qr_scratch scratch;
    uint8_t *parent;
    *merged = false;
    QR_TRY(qr_tree_read_pair(erase->tree, &pair, err));
    if (erase->ops->used(pair.left, erase->page_size) +
            erase->ops->used(pair.right, erase->page_size) - QR_NODE_BODY >
        limit) {
        return QUIRE_OK;
    }
    QR_TRY(qr_scratch_init(&scratch, erase->tree, err));
    quire_status status = join_pair(erase, &pair, limit, &scratch, merged, err);
    qr_scratch_free(&scratch);
    if (status != QUIRE_OK || !*merged) {
        return status;
    }
    QR_TRY(qr_txn_page_free(erase->txn, pair.right_number, err));
    QR_TRY(qr_txn_page_write(erase->txn, pair.parent_number, &parent, err));
    return remove_child(erase, pair.parent_number, parent, index + 1, err);
}

/* Merges the child that the path takes at `level` with a neighbour. */
static quire_status merge_child(const struct erase *erase, unsigned level, bool *merged,
                                quire_error *err)
{
    const struct qr_path_step *step = &erase->path.step[level];
    *merged = false;
    if (step->index > 0) {
        QR_TRY(merge_pair(erase, level, step->index - 1U, merged, err));
    }
    if (!*merged && step->index < step->count) {
        QR_TRY(merge_pair(erase, level, step->index, merged, err));
    }
    return QUIRE_OK;
}

/* Frees the emptied node at `level` and takes it out of its parent, and so on up while that leaves
 * nothing. *level becomes that of the lowest node that lost a child. */
static quire_status free_empty(const struct erase *erase, unsigned *level, quire_error *err)
{
    const struct qr_path *path = &erase->path;
    uint8_t *parent;
    for (;;) {
        QR_TRY(qr_txn_page_free(erase->txn, path->step[*level].page, err));
        --*level;
        const struct qr_path_step *step = &path->step[*level];
        QR_TRY(qr_txn_page_write(erase->txn, step->page, &parent, err));
        if (qr_node_count(parent) != 0) {
            return remove_child(erase, step->page, parent, step->index, err);
        }
        if (*level == 0) {
            uint64_t entries = qr_load64(parent + QR_NODE_ENTRIES);
            qr_node_make_empty(erase->tree, parent);
            qr_store64(parent + QR_NODE_ENTRIES, entries);
            return QUIRE_OK;
        }
    }
}

/* Restores the shape of the tree after the leaf of the path lost an entry. */
static quire_status rebalance(const struct erase *erase, const uint8_t *leaf, quire_error *err)
{
    unsigned level = erase->path.depth - 1;
    const uint8_t *page = leaf;
    if (level > 0 && qr_node_count(leaf) == 0) {
        QR_TRY(free_empty(erase, &level, err));
        QR_TRY(qr_view_page(erase->tree->view, erase->path.step[level].page, &page, err));
    }
    bool merged = true;
    while (level > 0 && merged && erase->ops->used(page, erase->page_size) < erase->page_size / 2) {
        level--;
        QR_TRY(merge_child(erase, level, &merged, err));
        QR_TRY(qr_view_page(erase->tree->view, erase->path.step[level].page, &page, err));
    }
    return level == 0 && erase->path.depth > 1 ? collapse_root(erase, err) : QUIRE_OK;
}

quire_status qr_tree_remove_children(const struct qr_tree *tree, uint32_t page_number,
                                     unsigned begin, unsigned end, quire_error *err)
{
    struct erase erase = {.tree = tree,
                          .ops = qr_node_ops(tree->kind),
                          .txn = qr_view_txn(tree->view),
                          .page_size = qr_tree_page_size(tree)};
    uint8_t *page;
    QR_TRY(qr_txn_page_write(erase.txn, page_number, &page, err));
    while (end > begin) {
        QR_TRY(remove_child(&erase, page_number, page, --end, err));
    }
    return QUIRE_OK;
}

quire_status qr_tree_collapse_root(const struct qr_tree *tree, quire_error *err)
{
    struct erase erase = {.tree = tree,
                          .ops = qr_node_ops(tree->kind),
                          .txn = qr_view_txn(tree->view),
                          .page_size = qr_tree_page_size(tree)};
    return collapse_root(&erase, err);
}

/* Merges the lowest node of the path that is thin and finds room at a neighbour. */
static quire_status merge_one(const struct erase *erase, bool *merged, quire_error *err)
{
    *merged = false;
    for (unsigned level = erase->path.depth - 1; level > 0 && !*merged; level--) {
        const uint8_t *page;
        QR_TRY(qr_tree_node(erase->tree, erase->path.step[level].page, &page, err));
        if (erase->ops->used(page, erase->page_size) < erase->page_size / 2) {
            QR_TRY(merge_child(erase, level - 1, merged, err));
        }
    }
    return QUIRE_OK;
}

quire_status qr_tree_merge_around(const struct qr_tree *tree, const struct qr_tree_key *key,
                                  quire_error *err)
{
    struct erase erase = {.tree = tree,
                          .ops = qr_node_ops(tree->kind),
                          .txn = qr_view_txn(tree->view),
                          .page_size = qr_tree_page_size(tree)};
    const uint8_t *leaf;
    bool merged = true;
    quire_status status = QUIRE_OK;
    while (merged && status == QUIRE_OK) {
        qr_view_enter(tree->view);
        status = qr_tree_descend(tree, key, &erase.path, &leaf, err);
        if (status == QUIRE_OK) {
            status = merge_one(&erase, &merged, err);
        }
        if (status == QUIRE_OK && erase.path.depth > 1) {
            status = collapse_root(&erase, err);
        }
        qr_view_leave(tree->view);
    }
    return status;
}

static quire_status delete_found(const struct erase *erase, struct qr_overflow *overflow,
                                 quire_error *err)
{
    const struct qr_path_step *step = &erase->path.step[erase->path.depth - 1];
    struct qr_item item;
    struct qr_flaw flaw;
    uint8_t *leaf;
    QR_TRY(qr_txn_page_write(erase->txn, step->page, &leaf, err));
    if (!erase->ops->get(leaf, erase->page_size, step->index, NULL, &item, &flaw)) {
        return qr_tree_damaged(erase->tree, step->page, &flaw, err);
    }
    if (item.overflow) {
        *overflow = qr_overflow_load(item.body);
    }
    if (!erase->ops->remove(leaf, erase->page_size, step->index, &flaw)) {
        return qr_tree_damaged(erase->tree, step->page, &flaw, err);
    }
    QR_TRY(qr_tree_add_to_count(erase->tree, -1, err));
    return rebalance(erase, leaf, err);
}

quire_status qr_tree_delete(const struct qr_tree *tree, const struct qr_tree_key *key,
                            bool *existed, quire_error *err)
{
    struct erase erase = {
        .tree = tree, .ops = qr_node_ops(tree->kind), .page_size = qr_tree_page_size(tree)};
    struct qr_overflow overflow = {0, 0};
    const uint8_t *leaf;
    *existed = false;
    QR_TRY(qr_tree_writable(tree, &erase.txn, err));
    erase.tree = tree;
    erase.ops = qr_node_ops(tree->kind);
    erase.page_size = qr_tree_page_size(tree);
    qr_view_enter(tree->view);
    quire_status status = qr_tree_descend(tree, key, &erase.path, &leaf, err);
    bool found = status == QUIRE_OK && erase.path.exact;
    if (found) {
        status = delete_found(&erase, &overflow, err);
    }
    qr_view_leave(tree->view);
    if (status == QUIRE_OK && overflow.size != 0) {
        status = qr_overflow_free(tree, erase.path.step[erase.path.depth - 1].page, &overflow, err);
    }
    if (status != QUIRE_OK) {
        qr_txn_doom(erase.txn);
        return status;
    }
    *existed = found;
    return QUIRE_OK;
}
