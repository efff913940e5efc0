/*
 * Appending many entries in order. The last leaf stays in hand from entry to
 * entry; when it is full a new one begins, and its separator goes up the right
 * edge, so the tree grows full pages from the bottom up. The number of entries
 * is written once an operation. Failures after the first change doom the
 * transaction.
 */
#include "btree/btree_internal.h"

/* Entries of one operation. */
#define ENTRIES_AT_ONCE 256U

struct append {
    const struct qr_tree *tree;
    const struct qr_node_ops *ops;
    struct qr_txn *txn;
    uint32_t page_size;
    struct qr_path path; /* the right edge; its last index is the end of the leaf */
    uint8_t *leaf;
};

/* Takes the last leaf in hand. */
static quire_status take_edge(struct append *append, quire_error *err)
{
    struct qr_path *path = &append->path;
    const uint8_t *leaf;
    path->depth = 0;
    QR_TRY(qr_tree_descend_edge(append->tree, append->tree->root, true, path, &leaf, err));
    struct qr_path_step *step = &path->step[path->depth - 1];
    step->index = step->count;
    return qr_txn_page_write(append->txn, step->page, &append->leaf, err);
}

static quire_status append_item(struct append *append, const struct qr_item *item, quire_error *err)
{
    struct qr_path_step *step = &append->path.step[append->path.depth - 1];
    unsigned count = qr_node_count(append->leaf);
    if (append->ops->insert(append->leaf, append->page_size, count, item)) {
        return QUIRE_OK;
    }
    step->index = step->count = (uint16_t)count;
    QR_TRY(qr_tree_insert_item(append->tree, &append->path, append->leaf, item, err));
    return take_edge(append, err);
}

/* Appends entries up to the first one that goes to overflow pages. Inside an operation. */
static quire_status append_some(struct append *append, const struct qr_tree_entry *entries,
                                size_t count, size_t *done, quire_error *err)
{
    const struct qr_tree *tree = append->tree;
    QR_TRY(take_edge(append, err));
    size_t i = 0;
    for (; i < count && i < ENTRIES_AT_ONCE; i++) {
        const struct qr_tree_entry *entry = &entries[i];
        if (qr_tree_needs_overflow(tree, &entry->key, entry->size)) {
            break;
        }
        struct qr_item item = {.rowid = entry->key.rowid,
                               .key = entry->key.bytes,
                               .key_size = tree->kind == QR_TREE_KEYS ? entry->key.size : 0,
                               .body = entry->payload,
                               .body_size = entry->size};
        QR_TRY(append_item(append, &item, err));
    }
    *done += i;
    return qr_tree_add_to_count(tree, (int64_t)i, err);
}

static quire_status append_all(struct append *append, const struct qr_tree_entry *entries,
                               size_t count, quire_error *err)
{
    const struct qr_tree *tree = append->tree;
    for (size_t done = 0; done < count;) {
        const struct qr_tree_entry *entry = &entries[done];
        if (qr_tree_needs_overflow(tree, &entry->key, entry->size)) {
            bool existed;
            QR_TRY(qr_tree_put(tree, &entry->key, entry->payload, entry->size, QR_PUT_INSERT,
                               &existed, err));
            done++;
            continue;
        }
        qr_view_enter(tree->view);
        quire_status status = append_some(append, entry, count - done, &done, err);
        qr_view_leave(tree->view);
        QR_TRY(status);
    }
    return QUIRE_OK;
}

static bool in_order(const struct qr_tree *tree, const struct qr_tree_key *a,
                     const struct qr_tree_key *b)
{
    return tree->kind == QR_TREE_ROWS ? a->rowid < b->rowid
                                      : qr_key_compare(a->bytes, a->size, b->bytes, b->size) < 0;
}

static quire_status check_entries(const struct qr_tree *tree, const struct qr_tree_entry *entries,
                                  size_t count, quire_error *err)
{
    for (size_t i = 0; i < count; i++) {
        QR_TRY(qr_tree_check_size(tree, &entries[i].key, entries[i].size, err));
        if (i > 0 && !in_order(tree, &entries[i - 1].key, &entries[i].key)) {
            return qr_fail(err, QUIRE_MISUSE,
                           "the entries to append are not in ascending order: number %zu is not "
                           "above the one before",
                           i);
        }
    }
    return QUIRE_OK;
}

/* Whether the key is above all keys of the tree. */
static quire_status is_above(const struct qr_tree *tree, const struct qr_tree_key *key, bool *above,
                             quire_error *err)
{
    struct qr_path path;
    const uint8_t *leaf;
    *above = false;
    qr_view_enter(tree->view);
    quire_status status = qr_tree_descend(tree, key, &path, &leaf, err);
    qr_view_leave(tree->view);
    QR_TRY(status);
    for (unsigned i = 0; i < path.depth; i++) {
        if (path.step[i].index != path.step[i].count) {
            return QUIRE_OK;
        }
    }
    *above = true;
    return QUIRE_OK;
}

quire_status qr_tree_append(const struct qr_tree *tree, const struct qr_tree_entry *entries,
                            size_t count, quire_error *err)
{
    struct append append; /* the path is large and needs no clearing */
    bool above = true;
    append.tree = tree;
    append.ops = qr_node_ops(tree->kind);
    append.page_size = qr_tree_page_size(tree);
    QR_TRY(qr_tree_writable(tree, &append.txn, err));
    QR_TRY(check_entries(tree, entries, count, err));
    quire_status status = count == 0 ? QUIRE_OK : is_above(tree, &entries[0].key, &above, err);
    if (status == QUIRE_OK && !above) {
        return qr_fail(err, QUIRE_UNIQUE,
                       "the first entry to append is not above the last one of tree %lu",
                       (unsigned long)tree->id);
    }
    if (status == QUIRE_OK) {
        status = append_all(&append, entries, count, err);
    }
    if (status != QUIRE_OK) {
        qr_txn_doom(append.txn);
    }
    return status;
}
