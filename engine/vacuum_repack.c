/*
 * The first part of a vacuum: filling the nodes of every tree from their right
 * neighbours (btree/repack.c), tree by tree, in transactions of bounded size.
 * The pages that this frees are then given back like any other free pages.
 *
 * What there is to do is listed once, in a snapshot. By the time its turn comes
 * a tree may be gone: then it is passed over. The catalog is left as it is.
 */
#include "engine/index_hash.h"
#include "engine/maintenance.h"
#include "engine/vacuum_internal.h"

void qr_repacking_init(struct qr_repacking *repacking, const quire_allocator *allocator)
{
    *repacking = (struct qr_repacking){.next = 0};
    qr_page_owners_init(&repacking->trees, allocator);
}

void qr_repacking_free(struct qr_repacking *repacking)
{
    qr_page_owners_free(&repacking->trees);
}

/* ---- The list ---- */

struct listing {
    struct qr_repacking *repacking;
    struct qr_view *view;
    uint32_t id; /* of the hash index */
};

/* Lists the tree of rowids of a frequent key, unless it is a single page. */
static quire_status list_posting(void *context, const struct qr_hash_cell *cell, quire_error *err)
{
    const struct listing *listing = context;
    const uint8_t *page;
    if (!cell->is_posting) {
        return QUIRE_OK;
    }
    qr_view_enter(listing->view);
    quire_status status = qr_view_page(listing->view, cell->posting_root, &page, err);
    bool is_leaf = status == QUIRE_OK && page[QR_PAGE_TYPE] == QR_PAGE_TYPE_ROW_LEAF;
    qr_view_leave(listing->view);
    if (status != QUIRE_OK || is_leaf) {
        return status;
    }
    struct qr_page_owner tree = {.page = cell->posting_root,
                                 .tree_id = listing->id,
                                 .key = {.bytes = cell->key.bytes, .size = cell->key.size},
                                 .is_cut = cell->key.is_cut};
    return qr_page_owners_add(&listing->repacking->trees, tree, err);
}

static quire_status list_object(void *context, struct qr_object *object, quire_error *err)
{
    struct listing *listing = context;
    if (qr_object_is_tree(object)) {
        struct qr_page_owner tree = {.tree_id = object->id};
        return qr_page_owners_add(&listing->repacking->trees, tree, err);
    }
    if (object->kind != QR_OBJECT_INDEX) {
        return QUIRE_OK;
    }
    struct qr_hash hash = qr_hash_of_view(listing->view, object);
    listing->id = object->id;
    return qr_hash_walk(&hash, NULL, list_posting, listing, err);
}

quire_status qr_repacking_list(struct qr_repacking *repacking, quire_txn *txn, quire_error *err)
{
    static const enum qr_object_kind kinds[] = {QR_OBJECT_TREE, QR_OBJECT_TABLE, QR_OBJECT_INDEX,
                                                QR_OBJECT_KEYS};
    struct listing listing = {.repacking = repacking, .view = qr_txn_pages(txn)};
    struct qr_arena arena;
    quire_status status = QUIRE_OK;
    qr_arena_init(&arena, repacking->trees.allocator, 0);
    qr_view_scanning(listing.view, true);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && status == QUIRE_OK; i++) {
        status = qr_catalog_each(listing.view, kinds[i], 0, &arena, list_object, &listing, err);
    }
    qr_view_scanning(listing.view, false);
    qr_arena_free(&arena);
    return status;
}

/* ---- A step ---- */

/* The tree of rowids of a key. *found false: it has none any more. */
static quire_status find_posting(quire_txn *txn, const struct qr_object *object,
                                 const struct qr_page_owner *listed, struct qr_tree *tree,
                                 bool *found, quire_error *err)
{
    struct qr_hash hash = qr_hash_of(txn, object);
    struct qr_hash_key key = {
        .bytes = listed->key.bytes, .size = (uint32_t)listed->key.size, .is_cut = listed->is_cut};
    struct qr_hash_match match;
    QR_TRY(qr_hash_find(&hash, &key, &match, err));
    *found = match.posting_root != 0;
    *tree = (struct qr_tree){
        .view = txn->view, .root = match.posting_root, .id = hash.id, .kind = QR_TREE_ROWS};
    return QUIRE_OK;
}

/* The tree that was listed, as it is now. */
static quire_status find_tree(quire_txn *txn, const struct qr_page_owner *listed,
                              struct qr_tree *tree, bool *found, quire_error *err)
{
    struct qr_object *object;
    struct qr_arena arena;
    qr_arena_init(&arena, &txn->db->allocator, 0);
    quire_status status =
        qr_catalog_find_id(txn->view, listed->tree_id, &arena, &object, found, err);
    if (status == QUIRE_OK && *found) {
        if (listed->page == 0) {
            *tree = qr_object_tree(object, txn->view);
        } else {
            status = find_posting(txn, object, listed, tree, found, err);
        }
    }
    qr_arena_free(&arena);
    return status;
}

/* Goes on with the next tree of the list: all of it, when it is short. */
static quire_status repack_next(quire_txn *txn, struct qr_repacking *repacking, uint32_t pages,
                                bool *done, quire_error *err)
{
    struct qr_tree_repack *tree_repack = &repacking->tree;
    struct qr_tree tree;
    bool found = false;
    *done = true;
    QR_TRY(find_tree(txn, &repacking->trees.owner[repacking->next], &tree, &found, err));
    if (found) {
        uint64_t rewritten = tree_repack->rewritten;
        uint64_t emptied = tree_repack->emptied;
        qr_view_scanning(txn->view, true);
        quire_status status = qr_tree_repack(&tree, pages, tree_repack, done, err);
        qr_view_scanning(txn->view, false);
        repacking->rewritten += tree_repack->rewritten - rewritten;
        repacking->emptied += tree_repack->emptied - emptied;
        QR_TRY(status);
    }
    if (*done) {
        *tree_repack = (struct qr_tree_repack){.looked = 0};
        repacking->next++;
    }
    return QUIRE_OK;
}

quire_status qr_repacking_step(struct qr_repacking *repacking, quire_txn *txn, uint32_t pages,
                               quire_error *err)
{
    uint64_t end = repacking->rewritten + pages;
    bool done = true;
    for (uint32_t trees = 0; trees < pages && done && repacking->rewritten < end &&
                             repacking->next < repacking->trees.count;
         trees++) {
        uint32_t left = (uint32_t)(end - repacking->rewritten);
        QR_TRY(repack_next(txn, repacking, left, &done, err));
    }
    return QUIRE_OK;
}
