/*
 * Entries that a statement has inserted into a leaf with room, so that going
 * back to the statement can take them out again one by one: cheaper than a copy
 * of leaf and root for each row. Nobody but the statement's end needs it, so a
 * tree looks as if the entry had never been there, but for the order of bytes
 * in the leaf.
 */
#include "btree/btree_internal.h"

struct inserted {
    uint32_t root, id;
    enum qr_tree_kind kind;
    int64_t rowid;
};

static quire_status remove_entry(const struct qr_tree *tree, const struct qr_tree_key *key,
                                 quire_error *err)
{
    struct qr_txn *txn = qr_view_txn(tree->view);
    struct qr_path path;
    struct qr_flaw flaw;
    const uint8_t *at;
    uint8_t *leaf;
    uint8_t *root;
    QR_TRY(qr_tree_descend(tree, key, &path, &at, err));
    const struct qr_path_step *step = &path.step[path.depth - 1];
    if (!path.exact) {
        qr_flaw_set(&flaw, "TREE_KEY_ORDER", QR_NODE_BODY, "an entry of this statement is gone");
        return qr_tree_damaged(tree, step->page, &flaw, err);
    }
    QR_TRY(qr_txn_page_touch(txn, step->page, &leaf, err));
    QR_TRY(qr_txn_page_touch(txn, tree->root, &root, err));
    if (!qr_node_ops(tree->kind)->remove(leaf, qr_tree_page_size(tree), step->index, &flaw)) {
        return qr_tree_damaged(tree, step->page, &flaw, err);
    }
    qr_store64(root + QR_NODE_ENTRIES, qr_load64(root + QR_NODE_ENTRIES) - 1);
    return QUIRE_OK;
}

static quire_status take_back(struct qr_txn *txn, const struct qr_undo_parts *parts,
                              quire_error *err)
{
    struct inserted inserted;
    memcpy(&inserted, parts->what, sizeof inserted);
    struct qr_tree tree = {
        .view = qr_txn_view(txn), .root = inserted.root, .id = inserted.id, .kind = inserted.kind};
    struct qr_tree_key key = {
        .rowid = inserted.rowid, .bytes = parts->more, .size = parts->more_size};
    qr_view_enter(tree.view);
    quire_status status = remove_entry(&tree, &key, err);
    qr_view_leave(tree.view);
    return status;
}

quire_status qr_tree_insert_noted(const struct qr_tree *tree, uint32_t leaf_number, unsigned index,
                                  const struct qr_item *item, bool *done, quire_error *err)
{
    struct qr_txn *txn = qr_view_txn(tree->view);
    struct inserted inserted = {tree->root, tree->id, tree->kind, item->rowid};
    struct qr_undo_parts parts = {.what = &inserted,
                                  .more = item->key,
                                  .what_size = sizeof inserted,
                                  .more_size = item->key_size};
    uint8_t *leaf;
    uint8_t *root;
    *done = false;
    if (!qr_txn_may_note(txn)) {
        return QUIRE_OK;
    }
    QR_TRY(qr_txn_page_touch(txn, leaf_number, &leaf, err));
    QR_TRY(qr_txn_page_touch(txn, tree->root, &root, err));
    if (!qr_txn_note_undo(txn, take_back, &parts)) {
        return QUIRE_OK;
    }
    if (!qr_node_ops(tree->kind)->insert(leaf, qr_tree_page_size(tree), index, item)) {
        qr_txn_unnote_undo(txn);
        return QUIRE_OK;
    }
    qr_store64(root + QR_NODE_ENTRIES, qr_load64(root + QR_NODE_ENTRIES) + 1);
    *done = true;
    return QUIRE_OK;
}
