/*
 * Putting entries that are in order: one descent finds the leaf of the first
 * and the separator that ends it, and all that follow below the separator go to
 * the same leaf. The first one that finds no room there splits it and ends the
 * leaf's part. Entries that replace others or go to overflow pages are put one
 * by one. A failure dooms the transaction.
 */
#include "btree/btree_internal.h"

struct filling {
    const struct qr_tree *tree;
    const struct qr_node_ops *ops;
    struct qr_txn *txn;
    uint32_t page_size;
    struct qr_path path;
    bool bounded; /* the leaf is not the tree's last: */
    struct qr_tree_key bound;
    uint8_t bound_bytes[QR_KEY_MAX(QR_PAGE_SIZE_MAX)];
};

/* Notes the separator right of the path: the least key beyond the leaf. Inside an operation. */
static quire_status find_bound(struct filling *filling, quire_error *err)
{
    const struct qr_path *path = &filling->path;
    unsigned level = path->depth - 1;
    while (level > 0 && path->step[level - 1].index == path->step[level - 1].count) {
        level--;
    }
    filling->bounded = level > 0;
    if (!filling->bounded) {
        return QUIRE_OK;
    }
    const struct qr_path_step *step = &path->step[level - 1];
    const uint8_t *page;
    struct qr_item item;
    struct qr_flaw flaw;
    QR_TRY(qr_tree_node(filling->tree, step->page, &page, err));
    if (!filling->ops->get(page, filling->page_size, step->index, filling->bound_bytes, &item,
                           &flaw)) {
        return qr_tree_damaged(filling->tree, step->page, &flaw, err);
    }
    filling->bound = (struct qr_tree_key){
        .rowid = item.rowid, .bytes = filling->bound_bytes, .size = item.key_size};
    return QUIRE_OK;
}

static bool in_leaf(const struct filling *filling, const struct qr_tree_key *key)
{
    const struct qr_tree_key *bound = &filling->bound;
    if (!filling->bounded) {
        return true;
    }
    return filling->tree->kind == QR_TREE_ROWS
               ? key->rowid < bound->rowid
               : qr_key_compare(key->bytes, key->size, bound->bytes, bound->size) < 0;
}

static struct qr_item item_of(const struct filling *filling, const struct qr_tree_entry *entry)
{
    return (struct qr_item){.rowid = entry->key.rowid,
                            .key = entry->key.bytes,
                            .key_size = filling->tree->kind == QR_TREE_KEYS ? entry->key.size : 0,
                            .body = entry->payload,
                            .body_size = entry->size};
}

/* Inserts entries at the path as long as they are new, belong to its leaf and find room, and one
 * that finds none. The first does belong to it. */
static quire_status insert_entries(struct filling *filling, const struct qr_tree_entry *entries,
                                   size_t count, size_t *done, quire_error *err)
{
    const struct qr_tree *tree = filling->tree;
    struct qr_path_step *step = &filling->path.step[filling->path.depth - 1];
    unsigned index = step->index;
    bool exact = false;
    struct qr_flaw flaw;
    uint8_t *leaf;
    QR_TRY(qr_txn_page_write(filling->txn, step->page, &leaf, err));
    for (size_t i = 0; i < count && in_leaf(filling, &entries[i].key); i++) {
        struct qr_item item = item_of(filling, &entries[i]);
        if (i > 0 && !filling->ops->search(leaf, filling->page_size, &entries[i].key, &index,
                                           &exact, &flaw)) {
            return qr_tree_damaged(tree, step->page, &flaw, err);
        }
        if (exact || qr_tree_needs_overflow(tree, &entries[i].key, entries[i].size)) {
            break;
        }
        *done = i + 1;
        if (!filling->ops->insert(leaf, filling->page_size, index, &item)) {
            step->index = (uint16_t)index;
            QR_TRY(qr_tree_insert_item(tree, &filling->path, leaf, &item, err));
            break;
        }
    }
    return qr_tree_add_to_count(tree, (int64_t)*done, err);
}

/* Puts entries from the first on into its leaf; *done 0: that one is not for this way. */
static quire_status fill_leaf(struct filling *filling, const struct qr_tree_entry *entries,
                              size_t count, size_t *done, quire_error *err)
{
    const struct qr_tree *tree = filling->tree;
    const uint8_t *leaf;
    *done = 0;
    if (qr_tree_needs_overflow(tree, &entries->key, entries->size)) {
        return QUIRE_OK;
    }
    qr_view_enter(tree->view);
    quire_status status = qr_tree_descend(tree, &entries->key, &filling->path, &leaf, err);
    if (status == QUIRE_OK && !filling->path.exact) {
        status = find_bound(filling, err);
        if (status == QUIRE_OK) {
            status = insert_entries(filling, entries, count, done, err);
        }
    }
    qr_view_leave(tree->view);
    return status;
}

static quire_status put_alone(const struct qr_tree *tree, const struct qr_tree_entry *entry,
                              enum qr_put_mode mode, quire_error *err)
{
    bool existed;
    QR_TRY(qr_tree_put(tree, &entry->key, entry->payload, entry->size, mode, &existed, err));
    if (existed && mode == QR_PUT_INSERT) {
        struct qr_flaw flaw;
        qr_flaw_set(&flaw, "TREE_KEY_ORDER", QR_NODE_BODY, "a new entry of its tree is there");
        return qr_tree_damaged(tree, tree->root, &flaw, err);
    }
    return QUIRE_OK;
}

quire_status qr_tree_put_run(const struct qr_tree *tree, const struct qr_tree_entry *entries,
                             size_t count, enum qr_put_mode mode, uint64_t *leaves,
                             quire_error *err)
{
    struct filling filling; /* path and bound are large and need no clearing */
    quire_status status = QUIRE_OK;
    filling.tree = tree;
    filling.ops = qr_node_ops(tree->kind);
    filling.page_size = qr_tree_page_size(tree);
    QR_TRY(qr_tree_writable(tree, &filling.txn, err));
    for (size_t at = 0; at < count && status == QUIRE_OK; ++*leaves) {
        size_t done;
        status = fill_leaf(&filling, entries + at, count - at, &done, err);
        if (status == QUIRE_OK && done == 0) {
            status = put_alone(tree, &entries[at], mode, err);
            done = 1;
        }
        at += done;
    }
    if (status != QUIRE_OK) {
        qr_txn_doom(filling.txn);
    }
    return status;
}
