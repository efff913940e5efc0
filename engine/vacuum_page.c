/*
 * Moving one page of the database, whatever it is: finding who names it, and
 * entering its new number there. Type and tree id in the page's header lead to
 * its object; what follows is the B+tree's or the hash index's business. Where
 * a root moves, the number is in the catalog, or in the cell of a hash index.
 *
 * Pages of large values, and of the trees of rowids in a hash index, do not tell
 * which entry they belong to. A survey of the whole tree or index does.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/index_hash.h"
#include "engine/maintenance.h"
#include "engine/vacuum_internal.h"

/* ---- Owners ---- */

void qr_page_owners_init(struct qr_page_owners *owners, const quire_allocator *allocator)
{
    *owners = (struct qr_page_owners){.allocator = allocator};
    qr_arena_init(&owners->arena, allocator, 0);
}

void qr_page_owners_free(struct qr_page_owners *owners)
{
    qr_free(owners->allocator, owners->owner, owners->capacity * sizeof *owners->owner);
    qr_arena_free(&owners->arena);
}

static int compare_pages(const void *a, const void *b)
{
    const struct qr_page_owner *left = a;
    const struct qr_page_owner *right = b;
    return (left->page > right->page) - (left->page < right->page);
}

static const struct qr_page_owner *find_owner(const struct qr_page_owners *owners, uint32_t page,
                                              uint32_t tree_id)
{
    struct qr_page_owner wanted = {.page = page};
    const struct qr_page_owner *owner =
        owners->count == 0
            ? NULL
            : bsearch(&wanted, owners->owner, owners->count, sizeof wanted, compare_pages);
    return owner != NULL && owner->tree_id == tree_id ? owner : NULL;
}

struct survey {
    struct qr_page_owners *owners;
    struct qr_view *view;
    uint32_t tree_id, from;
    struct qr_page_owner posting; /* the key whose tree of rowids is looked at */
};

quire_status qr_page_owners_add(struct qr_page_owners *owners, struct qr_page_owner owner,
                                quire_error *err)
{
    QR_TRY(qr_grow(owners->allocator, &owners->owner, &owners->capacity, owners->count + 1,
                   sizeof *owners->owner, err));
    const struct qr_page_owner *last =
        owners->count == 0 ? NULL : &owners->owner[owners->count - 1];
    const struct qr_tree_key *key = &owner.key;
    if (key->bytes != NULL && last != NULL && last->tree_id == owner.tree_id &&
        last->key.size == key->size && memcmp(last->key.bytes, key->bytes, key->size) == 0) {
        owner.key.bytes = last->key.bytes;
    } else if (key->bytes != NULL) {
        owner.key.bytes = qr_arena_copy(&owners->arena, key->bytes, key->size, err);
        if (owner.key.bytes == NULL) {
            return QUIRE_NO_MEMORY;
        }
    }
    owners->owner[owners->count++] = owner;
    return QUIRE_OK;
}

static quire_status note_overflow(void *context, uint32_t page, const struct qr_tree_key *key,
                                  quire_error *err)
{
    const struct survey *survey = context;
    struct qr_page_owner owner = {.page = page, .tree_id = survey->tree_id, .key = *key};
    return qr_page_owners_add(survey->owners, owner, err);
}

static quire_status note_node(void *context, uint32_t page, quire_error *err)
{
    const struct survey *survey = context;
    struct qr_page_owner owner = survey->posting;
    owner.page = page;
    return page < survey->from ? QUIRE_OK : qr_page_owners_add(survey->owners, owner, err);
}

static quire_status survey_cell(void *context, const struct qr_hash_cell *cell, quire_error *err)
{
    struct survey *survey = context;
    if (!cell->is_posting) {
        return QUIRE_OK;
    }
    struct qr_tree tree = {.view = survey->view,
                           .root = cell->posting_root,
                           .id = survey->tree_id,
                           .kind = QR_TREE_ROWS};
    survey->posting =
        (struct qr_page_owner){.tree_id = survey->tree_id,
                               .key = {.bytes = cell->key.bytes, .size = cell->key.size},
                               .is_cut = cell->key.is_cut};
    return qr_tree_each_node(&tree, note_node, survey, err);
}

/* The object that owns pages under an id; *found false when there is none. */
static quire_status find_tree(struct qr_view *view, uint32_t id, struct qr_arena *arena,
                              struct qr_object **object, bool *found, quire_error *err)
{
    static const char name[] = "catalog";
    if (id != QR_CATALOG_TREE_ID) {
        return qr_catalog_find_id(view, id, arena, object, found, err);
    }
    *found = true;
    *object = qr_arena_alloc(arena, sizeof **object, err);
    if (*object == NULL) {
        return QUIRE_NO_MEMORY;
    }
    **object = (struct qr_object){
        .kind = QR_OBJECT_KEYS, .id = id, .name = name, .root = QR_PAGE_NUMBER_CATALOG};
    return QUIRE_OK;
}

static void forget_tree(struct qr_page_owners *owners, uint32_t tree_id)
{
    size_t left = 0;
    for (size_t i = 0; i < owners->count; i++) {
        if (owners->owner[i].tree_id != tree_id) {
            owners->owner[left++] = owners->owner[i];
        }
    }
    owners->count = left;
    if (left == 0) {
        qr_arena_reset(&owners->arena);
    }
}

static quire_status survey_object(struct survey *survey, const struct qr_object *object,
                                  quire_error *err)
{
    if (qr_object_is_hash(object)) {
        struct qr_hash hash = qr_hash_of_view(survey->view, object);
        return qr_hash_walk(&hash, NULL, survey_cell, survey, err);
    }
    struct qr_tree tree = qr_object_tree(object, survey->view);
    return qr_object_is_tree(object)
               ? qr_tree_each_overflow(&tree, survey->from, note_overflow, survey, err)
               : QUIRE_OK;
}

quire_status qr_page_owners_survey(struct qr_page_owners *owners, quire_txn *txn, uint32_t tree_id,
                                   uint32_t from, quire_error *err)
{
    struct survey survey = {
        .owners = owners, .view = qr_txn_pages(txn), .tree_id = tree_id, .from = from};
    struct qr_object *object;
    struct qr_arena arena;
    bool found = false;
    forget_tree(owners, tree_id);
    qr_arena_init(&arena, owners->allocator, 0);
    quire_status status = find_tree(survey.view, tree_id, &arena, &object, &found, err);
    if (status == QUIRE_OK && found) {
        qr_view_scanning(survey.view, true);
        status = survey_object(&survey, object, err);
        qr_view_scanning(survey.view, false);
    }
    qr_arena_free(&arena);
    if (owners->count > 1) {
        qsort(owners->owner, owners->count, sizeof *owners->owner, compare_pages);
    }
    return status;
}

/* ---- Moving ---- */

struct move {
    quire_txn *txn;
    const struct qr_page_owners *owners;
    struct qr_object *object;
    uint32_t page, count;
    uint32_t moved, unknown;
};

static quire_status fail_ownerless(const struct move *move, quire_error *err)
{
    const struct qr_pager *pager = qr_db_pager(move->txn->db);
    return qr_fail_at(err, QUIRE_CORRUPT, qr_pager_path(pager), move->page,
                      (uint64_t)move->page * qr_pager_page_size(pager),
                      "Page %lu of %s is in use, but nothing can be found that refers to it; "
                      "inspect the database.",
                      (unsigned long)move->page, qr_pager_path(pager));
}

/* The object's root is another page now. */
static quire_status set_root(const struct move *move, uint32_t root, quire_error *err)
{
    move->object->root = root;
    QR_TRY(qr_catalog_update(move->txn->txn, move->object, err));
    return qr_schema_changed(move->txn, err);
}

static quire_status moved_to(struct move *move, uint32_t to, quire_error *err)
{
    move->moved = to == 0 ? 0 : 1;
    return to != 0 && move->page == move->object->root ? set_root(move, to, err) : QUIRE_OK;
}

static quire_status move_node(struct move *move, quire_error *err)
{
    struct qr_tree tree = qr_object_tree(move->object, move->txn->view);
    uint32_t to;
    bool found;
    QR_TRY(qr_tree_move_node(&tree, move->page, &to, &found, err));
    return found ? moved_to(move, to, err) : fail_ownerless(move, err);
}

static quire_status move_overflow(struct move *move, quire_error *err)
{
    struct qr_tree tree = qr_object_tree(move->object, move->txn->view);
    const struct qr_page_owner *owner = find_owner(move->owners, move->page, tree.id);
    bool found = false;
    if (owner != NULL) {
        QR_TRY(qr_tree_move_overflow(&tree, &owner->key, move->page, move->count, &move->moved,
                                     &found, err));
    }
    move->unknown = found ? 0 : tree.id;
    return QUIRE_OK;
}

static quire_status move_hash_page(struct move *move, quire_error *err)
{
    struct qr_hash hash = qr_hash_of(move->txn, move->object);
    uint32_t to;
    QR_TRY(qr_hash_move_page(&hash, move->page, &to, err));
    return moved_to(move, to, err);
}

/* A node of the tree of rowids that a key has in a hash index. */
static quire_status move_posting(struct move *move, quire_error *err)
{
    struct qr_hash hash = qr_hash_of(move->txn, move->object);
    const struct qr_page_owner *owner = find_owner(move->owners, move->page, hash.id);
    struct qr_hash_match match;
    uint32_t to;
    bool found;
    move->unknown = hash.id;
    if (owner == NULL) {
        return QUIRE_OK;
    }
    struct qr_hash_key key = {
        .bytes = owner->key.bytes, .size = (uint32_t)owner->key.size, .is_cut = owner->is_cut};
    QR_TRY(qr_hash_find(&hash, &key, &match, err));
    if (match.posting_root == 0) {
        return QUIRE_OK;
    }
    struct qr_tree tree = {
        .view = move->txn->view, .root = match.posting_root, .id = hash.id, .kind = QR_TREE_ROWS};
    QR_TRY(qr_tree_move_node(&tree, move->page, &to, &found, err));
    move->unknown = found ? 0 : hash.id;
    move->moved = to == 0 ? 0 : 1;
    return to != 0 && move->page == tree.root ? qr_hash_set_posting(&hash, &key, to, err)
                                              : QUIRE_OK;
}

/* ---- Any page ---- */

static quire_status dispatch(struct move *move, uint8_t type, quire_error *err)
{
    bool is_tree = qr_object_is_tree(move->object);
    bool is_hash = qr_object_is_hash(move->object);
    switch (type) {
    case QR_PAGE_TYPE_ROW_LEAF:
    case QR_PAGE_TYPE_ROW_INNER:
    case QR_PAGE_TYPE_KEY_LEAF:
    case QR_PAGE_TYPE_KEY_INNER:
        return is_tree   ? move_node(move, err)
               : is_hash ? move_posting(move, err)
                         : fail_ownerless(move, err);
    case QR_PAGE_TYPE_OVERFLOW_INDEX:
    case QR_PAGE_TYPE_OVERFLOW_DATA:
        return is_tree ? move_overflow(move, err) : fail_ownerless(move, err);
    case QR_PAGE_TYPE_HASH_DIRECTORY:
    case QR_PAGE_TYPE_HASH_BUCKET:
        return is_hash ? move_hash_page(move, err) : fail_ownerless(move, err);
    default:
        return fail_ownerless(move, err);
    }
}

quire_status qr_vacuum_page(quire_txn *txn, const struct qr_page_owners *owners, uint32_t page,
                            uint32_t count, uint32_t *moved, uint32_t *unknown, quire_error *err)
{
    struct move move = {.txn = txn, .owners = owners, .page = page, .count = count};
    struct qr_arena arena;
    const uint8_t *bytes;
    uint32_t tree_id = 0;
    uint8_t type = QR_PAGE_TYPE_NONE;
    bool found = false;
    *moved = *unknown = 0;
    qr_view_enter(txn->view);
    quire_status status = qr_view_page(txn->view, page, &bytes, err);
    if (status == QUIRE_OK) {
        tree_id = qr_page_tree(bytes);
        type = bytes[QR_PAGE_TYPE];
    }
    qr_view_leave(txn->view);
    QR_TRY(status);
    qr_arena_init(&arena, &txn->db->allocator, 0);
    status = find_tree(txn->view, tree_id, &arena, &move.object, &found, err);
    if (status == QUIRE_OK) {
        status = found ? dispatch(&move, type, err) : fail_ownerless(&move, err);
    }
    qr_arena_free(&arena);
    *moved = move.moved;
    *unknown = move.unknown;
    return status;
}
