/*
 * The walk over all nodes of a tree, children before parents, and what is made
 * of it: drop, clear, statistics. Each step is an operation of its own on a
 * copy of the page, so that the visitor may free what it is shown. A damaged
 * tree ends the walk as CORRUPT: it is bounded by depth and by the number of
 * pages in the database.
 */
#include "btree/btree_internal.h"

struct walk_level {
    uint32_t page;
    uint32_t next; /* child to visit next */
};

static quire_status walk_damaged(const struct qr_tree *tree, uint32_t page, const char *what,
                                 quire_error *err)
{
    struct qr_flaw flaw;
    qr_flaw_set(&flaw, "TREE_CHILD", QR_NODE_BODY, what);
    return qr_tree_damaged(tree, page, &flaw, err);
}

/* Copies a node. */
static quire_status copy_node(const struct qr_tree *tree, uint32_t page_number, uint8_t *copy,
                              quire_error *err)
{
    const uint8_t *page;
    qr_view_enter(tree->view);
    quire_status status = qr_tree_node(tree, page_number, &page, err);
    if (status == QUIRE_OK) {
        memcpy(copy, page, qr_tree_page_size(tree));
    }
    qr_view_leave(tree->view);
    return status;
}

static quire_status walk_nodes(const struct qr_tree *tree, uint8_t *copy, qr_tree_visit_node visit,
                               void *context, quire_error *err)
{
    const struct qr_node_ops *ops = qr_node_ops(tree->kind);
    struct walk_level level[QR_TREE_DEPTH_MAX];
    uint32_t pages_left = qr_view_page_count(tree->view);
    unsigned depth = 1;
    level[0] = (struct walk_level){tree->root, 0};
    while (depth > 0) {
        struct walk_level *at = &level[depth - 1];
        QR_TRY(copy_node(tree, at->page, copy, err));
        if (qr_node_is_leaf(copy) || at->next > qr_node_count(copy)) {
            if (pages_left-- == 0) {
                return walk_damaged(tree, at->page, "more nodes than pages", err);
            }
            QR_TRY(visit(context, at->page, depth - 1, copy, err));
            depth--;
            continue;
        }
        uint32_t child = ops->child(copy, at->next++);
        if (depth == QR_TREE_DEPTH_MAX || child <= QR_PAGE_NUMBER_FREE_MAP) {
            return walk_damaged(tree, at->page, "impossible child or too many levels", err);
        }
        level[depth++] = (struct walk_level){child, 0};
    }
    return QUIRE_OK;
}

quire_status qr_tree_walk(const struct qr_tree *tree, qr_tree_visit_node visit, void *context,
                          quire_error *err)
{
    uint32_t page_size = qr_tree_page_size(tree);
    const quire_allocator *allocator = qr_tree_allocator(tree);
    QR_TRY(qr_tree_settle(tree, err));
    uint8_t *copy = qr_alloc(allocator, page_size, err);
    if (copy == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status = walk_nodes(tree, copy, visit, context, err);
    qr_free(allocator, copy, page_size);
    return status;
}

/* ---- Drop and clear ---- */

struct dropping {
    const struct qr_tree *tree;
    struct qr_txn *txn;
    bool keep_root;
    uint64_t entries;
};

static quire_status drop_node(void *context, uint32_t page_number, unsigned level,
                              const uint8_t *page, quire_error *err)
{
    struct dropping *dropping = context;
    const struct qr_tree *tree = dropping->tree;
    uint32_t page_size = qr_tree_page_size(tree);
    unsigned count = qr_node_is_leaf(page) ? qr_node_count(page) : 0;
    dropping->entries += count;
    for (unsigned i = 0; i < count; i++) {
        struct qr_item item;
        struct qr_flaw flaw;
        if (!qr_node_ops(tree->kind)->get(page, page_size, i, NULL, &item, &flaw)) {
            return qr_tree_damaged(tree, page_number, &flaw, err);
        }
        if (item.overflow) {
            struct qr_overflow overflow = qr_overflow_load(item.body);
            QR_TRY(qr_overflow_free(tree, page_number, &overflow, err));
        }
    }
    if (level == 0 && dropping->keep_root) {
        return QUIRE_OK;
    }
    qr_view_enter(tree->view);
    quire_status status = qr_txn_page_free(dropping->txn, page_number, err);
    qr_view_leave(tree->view);
    return status;
}

static quire_status empty_root(const struct qr_tree *tree, struct qr_txn *txn, quire_error *err)
{
    uint8_t *root;
    qr_view_enter(tree->view);
    quire_status status = qr_txn_page_write(txn, tree->root, &root, err);
    if (status == QUIRE_OK) {
        qr_node_make_empty(tree, root);
    }
    qr_view_leave(tree->view);
    return status;
}

static quire_status drop_pages(const struct qr_tree *tree, bool keep_root, quire_error *err)
{
    struct dropping dropping = {.tree = tree, .keep_root = keep_root};
    QR_TRY(qr_tree_writable(tree, &dropping.txn, err));
    quire_status status = qr_tree_walk(tree, drop_node, &dropping, err);
    if (status == QUIRE_OK && keep_root) {
        status = empty_root(tree, dropping.txn, err);
    }
    if (status != QUIRE_OK) {
        qr_txn_doom(dropping.txn);
    }
    return status;
}

quire_status qr_tree_drop(const struct qr_tree *tree, quire_error *err)
{
    return drop_pages(tree, false, err);
}

quire_status qr_tree_clear(const struct qr_tree *tree, quire_error *err)
{
    return drop_pages(tree, true, err);
}

quire_status qr_tree_drop_below(const struct qr_tree *tree, uint32_t page_number, uint64_t *entries,
                                quire_error *err)
{
    struct qr_tree part = *tree;
    struct dropping dropping = {.tree = tree, .txn = qr_view_txn(tree->view)};
    part.root = page_number;
    QR_TRY(qr_tree_walk(&part, drop_node, &dropping, err));
    *entries += dropping.entries;
    return QUIRE_OK;
}

/* ---- Statistics ---- */

struct counting {
    const struct qr_tree *tree;
    struct qr_tree_stats *stats;
};

static quire_status count_overflow(void *context, uint32_t page, bool index, quire_error *err)
{
    struct qr_tree_stats *stats = context;
    (void)page;
    (void)index;
    (void)err;
    stats->overflow_pages++;
    return QUIRE_OK;
}

static quire_status count_node(void *context, uint32_t page_number, unsigned level,
                               const uint8_t *page, quire_error *err)
{
    const struct counting *counting = context;
    const struct qr_tree *tree = counting->tree;
    struct qr_tree_stats *stats = counting->stats;
    const struct qr_node_ops *ops = qr_node_ops(tree->kind);
    uint32_t page_size = qr_tree_page_size(tree);
    stats->depth = level + 1 > stats->depth ? level + 1 : stats->depth;
    if (level == 0) {
        stats->entries = qr_load64(page + QR_NODE_ENTRIES);
    }
    if (!qr_node_is_leaf(page)) {
        stats->inner_pages++;
        stats->inner_bytes += ops->used(page, page_size);
        return QUIRE_OK;
    }
    stats->leaf_pages++;
    stats->leaf_bytes += ops->used(page, page_size);
    for (unsigned i = 0; i < qr_node_count(page); i++) {
        struct qr_item item;
        struct qr_flaw flaw;
        if (!ops->get(page, page_size, i, NULL, &item, &flaw)) {
            return qr_tree_damaged(tree, page_number, &flaw, err);
        }
        if (item.overflow) {
            struct qr_overflow overflow = qr_overflow_load(item.body);
            stats->overflow_bytes += overflow.size;
            QR_TRY(qr_overflow_walk(tree, page_number, &overflow, count_overflow, stats, err));
        }
    }
    return QUIRE_OK;
}

quire_status qr_tree_get_stats(const struct qr_tree *tree, struct qr_tree_stats *stats,
                               quire_error *err)
{
    struct counting counting = {tree, stats};
    memset(stats, 0, sizeof *stats);
    return qr_tree_walk(tree, count_node, &counting, err);
}
