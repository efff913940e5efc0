/*
 * Hash indexes: lookups, insertion and deletion. hash_directory.c finds and
 * splits buckets, hash_bucket.c works inside their pages.
 */
#include "engine/index_hash.h"

#include <string.h>

#include "base/hash.h"
#include "engine/hash_internal.h"

struct qr_hash qr_hash_of(const quire_txn *txn, const struct qr_object *object)
{
    return qr_hash_of_view(txn->view, object);
}

struct qr_hash qr_hash_of_view(struct qr_view *view, const struct qr_object *object)
{
    struct qr_hash hash = {.view = view,
                           .page_size = qr_pager_page_size(qr_view_pager(view)),
                           .root = object->root,
                           .id = object->id};
    memcpy(hash.secret, object->hash_key, sizeof hash.secret);
    return hash;
}

struct qr_hash_key qr_hash_key_of(struct qr_index_key *key)
{
    const struct qr_key *stored = qr_index_key_stored(key);
    return (struct qr_hash_key){
        .bytes = stored->bytes, .size = (uint32_t)stored->size, .is_cut = key->is_cut};
}

/* A key whose tree holds no more rowids than this gets cells again. */
#define FEW (QR_HASH_INLINE_MAX / 4U * 3U)

static struct qr_tree posting_tree(const struct qr_hash *hash, uint32_t root)
{
    return (struct qr_tree){.view = hash->view, .root = root, .id = hash->id, .kind = QR_TREE_ROWS};
}

/* ---- Searching a chain ---- */

/* Calls for each page of a bucket: chain.page is set; moves on until it returns false. */
quire_status qr_chain_next(const struct qr_hash *hash, struct qr_chain *chain, bool *valid,
                           quire_error *err)
{
    uint32_t number =
        chain->bytes == NULL ? chain->first : qr_load32(chain->bytes + QR_BUCKET_LINK);
    *valid = number != 0;
    if (number == 0) {
        return QUIRE_OK;
    }
    if (chain->pages++ >= qr_view_page_count(hash->view)) {
        return qr_hash_damaged(hash, number, "the chain of a bucket is a ring", err);
    }
    chain->previous = chain->bytes == NULL ? 0 : chain->number;
    chain->number = number;
    QR_TRY(qr_hash_page_get(hash, number, QR_PAGE_TYPE_HASH_BUCKET, &chain->bytes, err));
    if (!qr_bucket_sound(chain->bytes, hash->page_size)) {
        return qr_hash_damaged(hash, number, "the header of a bucket", err);
    }
    return QUIRE_OK;
}

/* What a chain holds of one key. */
struct search {
    struct qr_hash_match match;
    uint32_t room_page; /* first page with room for the cell, 0 = none */
};

static quire_status search_page(const struct qr_hash *hash, const struct qr_chain *chain,
                                uint16_t tag, const struct qr_hash_key *key, struct search *search,
                                quire_error *err)
{
    struct qr_hash_match *match = &search->match;
    uint32_t probe = 0;
    while (true) {
        struct qr_cell cell;
        uint32_t slot;
        if (!qr_bucket_find(chain->bytes, hash->page_size, tag, key, &probe, &slot, &cell)) {
            return qr_hash_damaged(hash, chain->number, "a cell", err);
        }
        if (slot == UINT32_MAX) {
            return QUIRE_OK;
        }
        if (cell.is_posting) {
            match->posting_root = cell.posting_root;
            continue;
        }
        if (match->count == QR_HASH_INLINE_MAX) {
            return qr_hash_damaged(hash, chain->number, "a key has too many cells", err);
        }
        match->rowids[match->count++] = cell.rowid;
    }
}

/* cell_size 0: no room is looked for. */
static quire_status search_chain(const struct qr_hash *hash, uint32_t first, uint16_t tag,
                                 const struct qr_hash_key *key, uint32_t cell_size,
                                 struct search *search, quire_error *err)
{
    struct qr_chain chain = {.first = first};
    *search = (struct search){.room_page = 0};
    while (true) {
        bool valid;
        QR_TRY(qr_chain_next(hash, &chain, &valid, err));
        if (!valid) {
            return QUIRE_OK;
        }
        QR_TRY(search_page(hash, &chain, tag, key, search, err));
        if (search->room_page == 0 && cell_size > 0 &&
            qr_bucket_has_room(chain.bytes, hash->page_size, cell_size)) {
            search->room_page = chain.number;
        }
    }
}

/* ---- Lookup ---- */

static quire_status find_inside(const struct qr_hash *hash, const struct qr_hash_key *key,
                                struct qr_hash_match *match, quire_error *err)
{
    struct qr_directory directory;
    struct search search;
    uint32_t first;
    uint64_t code = qr_siphash13(hash->secret, key->bytes, key->size);
    QR_TRY(qr_directory_read(hash, &directory, err));
    QR_TRY(
        qr_directory_find(hash, &directory, qr_hash_bucket(code, directory.buckets), &first, err));
    QR_TRY(search_chain(hash, first, qr_hash_tag(code), key, 0, &search, err));
    *match = search.match;
    if (match->count > 0 && match->posting_root != 0) {
        return qr_hash_damaged(hash, first, "a key has cells and a tree", err);
    }
    return QUIRE_OK;
}

static void sort_rowids(int64_t *rowids, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        int64_t rowid = rowids[i];
        uint32_t at = i;
        for (; at > 0 && rowids[at - 1] > rowid; at--) {
            rowids[at] = rowids[at - 1];
        }
        rowids[at] = rowid;
    }
}

quire_status qr_hash_find(const struct qr_hash *hash, const struct qr_hash_key *key,
                          struct qr_hash_match *match, quire_error *err)
{
    qr_view_enter(hash->view);
    quire_status status = find_inside(hash, key, match, err);
    qr_view_leave(hash->view);
    if (status == QUIRE_OK) {
        sort_rowids(match->rowids, match->count);
    }
    return status;
}

static bool holds(const struct qr_hash_match *match, int64_t rowid)
{
    for (uint32_t i = 0; i < match->count; i++) {
        if (match->rowids[i] == rowid) {
            return true;
        }
    }
    return false;
}

quire_status qr_hash_posting_count(const struct qr_hash *hash, uint32_t root, uint64_t *rowids,
                                   quire_error *err)
{
    struct qr_tree tree = posting_tree(hash, root);
    return qr_tree_count(&tree, rowids, err);
}

quire_status qr_hash_contains(const struct qr_hash *hash, const struct qr_hash_key *key,
                              int64_t rowid, bool *found, quire_error *err)
{
    struct qr_hash_match match;
    QR_TRY(qr_hash_find(hash, key, &match, err));
    if (match.posting_root == 0) {
        *found = holds(&match, rowid);
        return QUIRE_OK;
    }
    struct qr_tree tree = posting_tree(hash, match.posting_root);
    struct qr_tree_key wanted = {.rowid = rowid};
    struct qr_tree_reader reader;
    struct qr_slice payload;
    QR_TRY(qr_tree_reader_init(&reader, &tree, err));
    quire_status status = qr_tree_find(&reader, &wanted, &payload, found, err);
    qr_tree_reader_free(&reader);
    return status;
}

quire_status qr_hash_rowids_open(struct qr_hash_rowids *rowids, const struct qr_hash *hash,
                                 const struct qr_hash_match *match, bool reverse, quire_error *err)
{
    *rowids = (struct qr_hash_rowids){.match = *match, .reverse = reverse};
    if (match->posting_root == 0) {
        return QUIRE_OK;
    }
    struct qr_tree tree = posting_tree(hash, match->posting_root);
    return qr_tree_cursor_open(&tree, &rowids->cursor, err);
}

quire_status qr_hash_rowids_next(struct qr_hash_rowids *rowids, int64_t *rowid, bool *valid,
                                 quire_error *err)
{
    if (rowids->cursor == NULL) {
        uint32_t at = rowids->next++;
        *valid = at < rowids->match.count;
        if (*valid) {
            *rowid = rowids->match.rowids[rowids->reverse ? rowids->match.count - 1 - at : at];
        } else {
            rowids->next = rowids->match.count;
        }
        return QUIRE_OK;
    }
    struct qr_tree_key key;
    if (rowids->next == 0) {
        rowids->next = 1;
        QR_TRY(rowids->reverse ? qr_tree_cursor_last(rowids->cursor, valid, err)
                               : qr_tree_cursor_first(rowids->cursor, valid, err));
    } else {
        QR_TRY(rowids->reverse ? qr_tree_cursor_previous(rowids->cursor, valid, err)
                               : qr_tree_cursor_next(rowids->cursor, valid, err));
    }
    if (*valid) {
        QR_TRY(qr_tree_cursor_key(rowids->cursor, &key, err));
        *rowid = key.rowid;
    }
    return QUIRE_OK;
}

/* Has the cursor's next step lead behind a rowid, whether it is there or not. */
static quire_status stand_at(struct qr_tree_cursor *cursor, int64_t rowid, bool reverse,
                             quire_error *err)
{
    struct qr_tree_key key = {.rowid = rowid};
    bool valid;
    QR_TRY(qr_tree_cursor_seek(cursor, &key, &valid, err));
    if (!valid || reverse) {
        return QUIRE_OK;
    }
    QR_TRY(qr_tree_cursor_key(cursor, &key, err));
    return key.rowid == rowid ? QUIRE_OK : qr_tree_cursor_previous(cursor, &valid, err);
}

quire_status qr_hash_rowids_follow(struct qr_hash_rowids *rowids, const struct qr_hash *hash,
                                   const struct qr_hash_match *match, const int64_t *last,
                                   quire_error *err)
{
    bool reverse = rowids->reverse;
    if (match->posting_root != 0 && match->posting_root == rowids->match.posting_root) {
        return QUIRE_OK; /* the cursor finds its place again by itself */
    }
    qr_hash_rowids_close(rowids);
    QR_TRY(qr_hash_rowids_open(rowids, hash, match, reverse, err));
    if (last == NULL) {
        return QUIRE_OK;
    }
    if (rowids->cursor != NULL) {
        rowids->next = 1;
        return stand_at(rowids->cursor, *last, reverse, err);
    }
    uint32_t below = 0;
    while (below < match->count && match->rowids[below] < *last) {
        below++;
    }
    bool there = below < match->count && match->rowids[below] == *last;
    rowids->next = reverse ? match->count - below : below + there;
    return QUIRE_OK;
}

void qr_hash_rowids_close(struct qr_hash_rowids *rowids)
{
    if (rowids->cursor != NULL) {
        qr_tree_cursor_close(rowids->cursor);
        rowids->cursor = NULL;
    }
}

/* ---- Insertion ---- */

quire_status qr_chain_add(const struct qr_hash *hash, struct qr_directory *directory,
                          uint32_t page_number, const struct qr_cell *cell, quire_error *err)
{
    const quire_allocator *allocator = qr_pager_allocator(qr_view_pager(hash->view));
    uint32_t size = qr_cell_size(cell);
    uint8_t *scratch = NULL;
    uint8_t *page;
    QR_TRY(qr_txn_page_write(qr_view_txn(hash->view), page_number, &page, err));
    if (qr_bucket_is_tight(page, hash->page_size, size)) {
        scratch = qr_alloc(allocator, hash->page_size, err);
        if (scratch == NULL) {
            return QUIRE_NO_MEMORY;
        }
    }
    bool sound = qr_bucket_add(page, hash->page_size, cell, scratch);
    qr_free(allocator, scratch, hash->page_size);
    if (!sound) {
        return qr_hash_damaged(hash, page_number, "its cells", err);
    }
    directory->cells++;
    directory->cell_bytes += size;
    return QUIRE_OK;
}

quire_status qr_chain_extend(const struct qr_hash *hash, uint32_t first, uint32_t *page_number,
                             quire_error *err)
{
    struct qr_txn *txn = qr_view_txn(hash->view);
    uint8_t *page;
    uint8_t *head;
    QR_TRY(
        qr_txn_page_alloc(txn, QR_PAGE_TYPE_HASH_BUCKET, hash->id, first, page_number, &page, err));
    QR_TRY(qr_txn_page_write(txn, first, &head, err));
    qr_bucket_init(page, hash->page_size, qr_load32(head + QR_BUCKET_NUMBER), true);
    qr_store32(page + QR_BUCKET_LINK, qr_load32(head + QR_BUCKET_LINK));
    qr_store32(head + QR_BUCKET_LINK, *page_number);
    return QUIRE_OK;
}

static quire_status add_cell(const struct qr_hash *hash, struct qr_directory *directory,
                             uint32_t first, uint32_t room_page, const struct qr_cell *cell,
                             quire_error *err)
{
    if (room_page == 0) {
        QR_TRY(qr_chain_extend(hash, first, &room_page, err));
    }
    return qr_chain_add(hash, directory, room_page, cell, err);
}

/* Removes every cell of a key from a chain. */
static quire_status remove_cells(const struct qr_hash *hash, struct qr_directory *directory,
                                 uint32_t first, uint16_t tag, const struct qr_hash_key *key,
                                 quire_error *err)
{
    struct qr_chain chain = {.first = first};
    while (true) {
        bool valid;
        uint32_t slot = 0;
        QR_TRY(qr_chain_next(hash, &chain, &valid, err));
        if (!valid) {
            return QUIRE_OK;
        }
        while (true) {
            struct qr_cell cell;
            uint32_t probe = 0;
            uint8_t *page;
            if (!qr_bucket_find(chain.bytes, hash->page_size, tag, key, &probe, &slot, &cell)) {
                return qr_hash_damaged(hash, chain.number, "a cell", err);
            }
            if (slot == UINT32_MAX) {
                break;
            }
            directory->cells--;
            directory->cell_bytes -= qr_cell_size(&cell);
            QR_TRY(qr_txn_page_write(qr_view_txn(hash->view), chain.number, &page, err));
            qr_bucket_remove(page, hash->page_size, slot);
            chain.bytes = page;
        }
    }
}

static quire_status put_posting(const struct qr_tree *tree, int64_t rowid, quire_error *err)
{
    struct qr_tree_key key = {.rowid = rowid};
    bool existed;
    QR_TRY(qr_tree_put(tree, &key, NULL, 0, QR_PUT_INSERT, &existed, err));
    if (existed) {
        return qr_fail(err, QUIRE_CORRUPT,
                       "Hash index %u is damaged: it has an entry for row %lld, which is new.",
                       tree->id, (long long)rowid);
    }
    return QUIRE_OK;
}

/* Moves the rowids of a key that has become frequent to a tree. */
static quire_status move_to_tree(const struct qr_hash *hash, struct qr_directory *directory,
                                 uint32_t first, const struct qr_cell *cell,
                                 const struct qr_hash_match *match, quire_error *err)
{
    struct qr_tree tree;
    struct search search;
    QR_TRY(qr_tree_create(qr_view_txn(hash->view), QR_TREE_ROWS, hash->id, 0, &tree, err));
    for (uint32_t i = 0; i < match->count; i++) {
        QR_TRY(put_posting(&tree, match->rowids[i], err));
    }
    QR_TRY(put_posting(&tree, cell->rowid, err));
    QR_TRY(remove_cells(hash, directory, first, cell->tag, &cell->key, err));
    struct qr_cell posting = *cell;
    posting.is_posting = true;
    posting.posting_root = tree.root;
    QR_TRY(search_chain(hash, first, cell->tag, &cell->key, qr_cell_size(&posting), &search, err));
    return add_cell(hash, directory, first, search.room_page, &posting, err);
}

static quire_status insert_inside(const struct qr_hash *hash, const struct qr_hash_key *key,
                                  int64_t rowid, quire_error *err)
{
    struct qr_directory directory;
    struct search search;
    uint32_t first;
    uint64_t code = qr_siphash13(hash->secret, key->bytes, key->size);
    struct qr_cell cell = {.tag = qr_hash_tag(code), .key = *key, .rowid = rowid};
    QR_TRY(qr_directory_read(hash, &directory, err));
    QR_TRY(
        qr_directory_find(hash, &directory, qr_hash_bucket(code, directory.buckets), &first, err));
    QR_TRY(search_chain(hash, first, cell.tag, key, qr_cell_size(&cell), &search, err));
    if (holds(&search.match, rowid)) {
        return qr_hash_damaged(hash, first, "it has an entry for a row that is new", err);
    }
    if (search.match.posting_root != 0) {
        struct qr_tree tree = posting_tree(hash, search.match.posting_root);
        QR_TRY(put_posting(&tree, rowid, err));
    } else if (search.match.count == QR_HASH_INLINE_MAX) {
        QR_TRY(move_to_tree(hash, &directory, first, &cell, &search.match, err));
    } else {
        QR_TRY(add_cell(hash, &directory, first, search.room_page, &cell, err));
    }
    directory.entries++;
    if (qr_directory_is_loaded(hash, &directory)) {
        QR_TRY(qr_directory_split(hash, &directory, err));
    }
    return qr_directory_write(hash, &directory, err);
}

quire_status qr_hash_insert(const struct qr_hash *hash, const struct qr_hash_key *key,
                            int64_t rowid, quire_error *err)
{
    qr_view_enter(hash->view);
    quire_status status = insert_inside(hash, key, rowid, err);
    qr_view_leave(hash->view);
    return status;
}

/* ---- Deletion ---- */

/* Finds the cell of a key that stands for this rowid: its own, or the one with the tree. */
static quire_status find_cell(const struct qr_hash *hash, struct qr_chain *chain, uint16_t tag,
                              const struct qr_hash_key *key, int64_t rowid, uint32_t *slot,
                              struct qr_cell *cell, quire_error *err)
{
    while (true) {
        bool valid;
        uint32_t probe = 0;
        QR_TRY(qr_chain_next(hash, chain, &valid, err));
        if (!valid) {
            return qr_hash_damaged(hash, chain->first, "the entry of a row is missing", err);
        }
        do {
            if (!qr_bucket_find(chain->bytes, hash->page_size, tag, key, &probe, slot, cell)) {
                return qr_hash_damaged(hash, chain->number, "a cell", err);
            }
            if (*slot != UINT32_MAX && (cell->is_posting || cell->rowid == rowid)) {
                return QUIRE_OK;
            }
        } while (*slot != UINT32_MAX);
    }
}

/* Removes a cell, and its page if that is empty then and not the first of its bucket. */
static quire_status remove_cell(const struct qr_hash *hash, struct qr_directory *directory,
                                const struct qr_chain *chain, uint32_t slot,
                                const struct qr_cell *cell, quire_error *err)
{
    struct qr_txn *txn = qr_view_txn(hash->view);
    uint32_t size = qr_cell_size(cell);
    uint8_t *page;
    uint8_t *previous;
    QR_TRY(qr_txn_page_write(txn, chain->number, &page, err));
    qr_bucket_remove(page, hash->page_size, slot);
    directory->cells--;
    directory->cell_bytes -= size;
    if (chain->previous == 0 || qr_page_count(page) > 0) {
        return QUIRE_OK;
    }
    QR_TRY(qr_txn_page_write(txn, chain->previous, &previous, err));
    qr_store32(previous + QR_BUCKET_LINK, qr_load32(page + QR_BUCKET_LINK));
    return qr_txn_page_free(txn, chain->number, err);
}

/* Reads the rowids of a tree that has `count`. */
static quire_status read_postings(const struct qr_hash *hash, const struct qr_tree *tree,
                                  int64_t *rowids, uint64_t count, quire_error *err)
{
    struct qr_tree_cursor *cursor;
    struct qr_tree_key key;
    bool valid;
    QR_TRY(qr_tree_cursor_open(tree, &cursor, err));
    quire_status status = qr_tree_cursor_first(cursor, &valid, err);
    for (uint64_t i = 0; i < count && status == QUIRE_OK; i++) {
        status = valid ? qr_tree_cursor_key(cursor, &key, err)
                       : qr_hash_damaged(hash, tree->root, "a count of rowids", err);
        if (status == QUIRE_OK) {
            rowids[i] = key.rowid;
            status = qr_tree_cursor_next(cursor, &valid, err);
        }
    }
    qr_tree_cursor_close(cursor);
    return status;
}

/* Moves the rowids of a key that has become rare back to cells of its own. */
static quire_status move_to_cells(const struct qr_hash *hash, struct qr_directory *directory,
                                  uint32_t first, const struct qr_cell *posting,
                                  const struct qr_hash_key *key, quire_error *err)
{
    struct qr_tree tree = posting_tree(hash, posting->posting_root);
    struct qr_cell cell = {.tag = posting->tag, .key = *key};
    int64_t rowids[FEW];
    QR_TRY(read_postings(hash, &tree, rowids, FEW, err));
    QR_TRY(qr_tree_drop(&tree, err));
    QR_TRY(remove_cells(hash, directory, first, cell.tag, key, err));
    for (uint32_t i = 0; i < FEW; i++) {
        struct search search;
        cell.rowid = rowids[i];
        QR_TRY(search_chain(hash, first, cell.tag, key, qr_cell_size(&cell), &search, err));
        QR_TRY(add_cell(hash, directory, first, search.room_page, &cell, err));
    }
    return QUIRE_OK;
}

/* Deletes a rowid from a key's tree; *left is how many remain. */
static quire_status delete_posting(const struct qr_hash *hash, uint32_t root, int64_t rowid,
                                   uint64_t *left, quire_error *err)
{
    struct qr_tree tree = posting_tree(hash, root);
    struct qr_tree_key key = {.rowid = rowid};
    bool existed;
    QR_TRY(qr_tree_delete(&tree, &key, &existed, err));
    if (!existed) {
        return qr_hash_damaged(hash, root, "the entry of a row is missing", err);
    }
    QR_TRY(qr_tree_count(&tree, left, err));
    return *left == 0 ? qr_tree_drop(&tree, err) : QUIRE_OK;
}

static quire_status delete_inside(const struct qr_hash *hash, const struct qr_hash_key *key,
                                  int64_t rowid, quire_error *err)
{
    struct qr_directory directory;
    struct qr_chain chain = {.first = 0};
    struct qr_cell cell;
    uint32_t slot;
    uint64_t left = 0;
    uint64_t code = qr_siphash13(hash->secret, key->bytes, key->size);
    QR_TRY(qr_directory_read(hash, &directory, err));
    QR_TRY(qr_directory_find(hash, &directory, qr_hash_bucket(code, directory.buckets),
                             &chain.first, err));
    QR_TRY(find_cell(hash, &chain, qr_hash_tag(code), key, rowid, &slot, &cell, err));
    if (cell.is_posting) {
        QR_TRY(delete_posting(hash, cell.posting_root, rowid, &left, err));
    }
    if (left == 0) {
        QR_TRY(remove_cell(hash, &directory, &chain, slot, &cell, err));
    } else if (left == FEW) {
        QR_TRY(move_to_cells(hash, &directory, chain.first, &cell, key, err));
    }
    directory.entries--;
    if (qr_directory_is_sparse(hash, &directory)) {
        QR_TRY(qr_directory_merge(hash, &directory, err));
    }
    return qr_directory_write(hash, &directory, err);
}

quire_status qr_hash_delete(const struct qr_hash *hash, const struct qr_hash_key *key,
                            int64_t rowid, quire_error *err)
{
    qr_view_enter(hash->view);
    quire_status status = delete_inside(hash, key, rowid, err);
    qr_view_leave(hash->view);
    return status;
}

/* ---- Moving ---- */

static quire_status set_posting_inside(const struct qr_hash *hash, const struct qr_hash_key *key,
                                       uint32_t root, quire_error *err)
{
    struct qr_directory directory;
    struct search search;
    uint32_t first;
    uint64_t code = qr_siphash13(hash->secret, key->bytes, key->size);
    struct qr_cell cell = {
        .tag = qr_hash_tag(code), .key = *key, .is_posting = true, .posting_root = root};
    QR_TRY(qr_directory_read(hash, &directory, err));
    QR_TRY(
        qr_directory_find(hash, &directory, qr_hash_bucket(code, directory.buckets), &first, err));
    QR_TRY(remove_cells(hash, &directory, first, cell.tag, key, err));
    QR_TRY(search_chain(hash, first, cell.tag, key, qr_cell_size(&cell), &search, err));
    QR_TRY(add_cell(hash, &directory, first, search.room_page, &cell, err));
    return qr_directory_write(hash, &directory, err);
}

quire_status qr_hash_set_posting(const struct qr_hash *hash, const struct qr_hash_key *key,
                                 uint32_t root, quire_error *err)
{
    qr_view_enter(hash->view);
    quire_status status = set_posting_inside(hash, key, root, err);
    qr_view_leave(hash->view);
    return status;
}
