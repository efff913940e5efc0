/*
 * The directory of a hash index: from bucket number to page number, growth by
 * splitting, contraction by merging, and the walk over everything.
 *
 * A split empties the chain of the bucket that shares the new one's low bits
 * and deals its cells out again, which also packs them. The directory gains one
 * number; when the tree of numbers is full its root moves down a level, so the
 * root's page number does not change. A merge is the way back: the cells of the
 * last bucket go to the one that it was split from, both packed anew.
 */
#include <string.h>

#include "base/hash.h"
#include "engine/hash_internal.h"

quire_status qr_hash_page_get(const struct qr_hash *hash, uint32_t page_number, uint8_t type,
                              const uint8_t **page, quire_error *err)
{
    if (page_number == 0 || page_number >= qr_view_page_count(hash->view)) {
        return qr_hash_damaged(hash, page_number, "a page number is out of range", err);
    }
    QR_TRY(qr_view_page(hash->view, page_number, page, err));
    if (qr_page_type(*page) != type || qr_page_tree(*page) != hash->id) {
        return qr_hash_damaged(hash, page_number, "the page is not of this index", err);
    }
    return QUIRE_OK;
}

/* ---- Counters ---- */

static uint64_t capacity_at(const struct qr_hash *hash, unsigned depth)
{
    return UINT64_C(1) << (qr_hash_fanout_log2(hash->page_size) * (depth + 1));
}

quire_status qr_directory_read(const struct qr_hash *hash, struct qr_directory *directory,
                               quire_error *err)
{
    const uint8_t *root;
    QR_TRY(qr_hash_page_get(hash, hash->root, QR_PAGE_TYPE_HASH_DIRECTORY, &root, err));
    *directory = (struct qr_directory){.entries = qr_load64(root + QR_HASH_ENTRIES),
                                       .cells = qr_load64(root + QR_HASH_CELLS),
                                       .cell_bytes = qr_load64(root + QR_HASH_CELL_BYTES),
                                       .buckets = qr_load32(root + QR_HASH_BUCKETS),
                                       .depth = root[QR_HASH_DEPTH]};
    if (directory->depth > QR_HASH_DEPTH_MAX || directory->buckets == 0 ||
        directory->buckets > UINT32_MAX / 2 ||
        directory->buckets > capacity_at(hash, directory->depth)) {
        return qr_hash_damaged(hash, hash->root, "the counters of the directory", err);
    }
    return QUIRE_OK;
}

quire_status qr_directory_write(const struct qr_hash *hash, const struct qr_directory *directory,
                                quire_error *err)
{
    uint8_t *root;
    QR_TRY(qr_txn_page_write(qr_view_txn(hash->view), hash->root, &root, err));
    qr_store64(root + QR_HASH_ENTRIES, directory->entries);
    qr_store64(root + QR_HASH_CELLS, directory->cells);
    qr_store64(root + QR_HASH_CELL_BYTES, directory->cell_bytes);
    qr_store32(root + QR_HASH_BUCKETS, directory->buckets);
    root[QR_HASH_DEPTH] = directory->depth;
    return QUIRE_OK;
}

quire_status qr_hash_count(const struct qr_hash *hash, uint64_t *entries, quire_error *err)
{
    struct qr_directory directory;
    qr_view_enter(hash->view);
    quire_status status = qr_directory_read(hash, &directory, err);
    qr_view_leave(hash->view);
    *entries = status == QUIRE_OK ? directory.entries : 0;
    return status;
}

bool qr_directory_is_loaded(const struct qr_hash *hash, const struct qr_directory *directory)
{
    uint64_t slots = qr_bucket_slots(hash->page_size);
    uint64_t bytes = hash->page_size - qr_bucket_heap(hash->page_size);
    return directory->cells * 10 > directory->buckets * slots * 7 ||
           directory->cell_bytes * 10 > directory->buckets * bytes * 7;
}

bool qr_directory_is_sparse(const struct qr_hash *hash, const struct qr_directory *directory)
{
    uint64_t slots = qr_bucket_slots(hash->page_size);
    uint64_t bytes = hash->page_size - qr_bucket_heap(hash->page_size);
    return directory->buckets > 1 && directory->cells * 20 < directory->buckets * slots * 7 &&
           directory->cell_bytes * 20 < directory->buckets * bytes * 7;
}

/* ---- Numbers ---- */

size_t qr_directory_offset(const struct qr_hash *hash, uint32_t bucket, unsigned level)
{
    unsigned bits = qr_hash_fanout_log2(hash->page_size);
    uint64_t index = ((uint64_t)bucket >> (bits * level)) & ((UINT64_C(1) << bits) - 1);
    return QR_HASH_NUMBERS + 4 * (size_t)index;
}

quire_status qr_directory_find(const struct qr_hash *hash, const struct qr_directory *directory,
                               uint32_t bucket, uint32_t *page_number, quire_error *err)
{
    uint32_t number = hash->root;
    for (unsigned level = directory->depth + 1U; level-- > 0;) {
        const uint8_t *page;
        QR_TRY(qr_hash_page_get(hash, number, QR_PAGE_TYPE_HASH_DIRECTORY, &page, err));
        number = qr_load32(page + qr_directory_offset(hash, bucket, level));
    }
    *page_number = number;
    return QUIRE_OK;
}

/* Moves the root's numbers down into a page of their own. */
static quire_status deepen(const struct qr_hash *hash, struct qr_directory *directory,
                           quire_error *err)
{
    struct qr_txn *txn = qr_view_txn(hash->view);
    size_t size = (size_t)4 << qr_hash_fanout_log2(hash->page_size);
    uint32_t number;
    uint8_t *child;
    uint8_t *root;
    QR_TRY(qr_txn_page_alloc(txn, QR_PAGE_TYPE_HASH_DIRECTORY, hash->id, hash->root, &number,
                             &child, err));
    QR_TRY(qr_txn_page_write(txn, hash->root, &root, err));
    memcpy(child + QR_HASH_NUMBERS, root + QR_HASH_NUMBERS, size);
    memset(root + QR_HASH_NUMBERS, 0, size);
    qr_store32(root + QR_HASH_NUMBERS, number);
    root[QR_HASH_DEPTH] = ++directory->depth;
    return QUIRE_OK;
}

/* Enters the page of the bucket that is next after the present ones. */
static quire_status append_number(const struct qr_hash *hash, struct qr_directory *directory,
                                  uint32_t page_number, quire_error *err)
{
    struct qr_txn *txn = qr_view_txn(hash->view);
    uint32_t bucket = directory->buckets;
    uint32_t number = hash->root;
    if (bucket == capacity_at(hash, directory->depth)) {
        QR_TRY(deepen(hash, directory, err));
    }
    for (unsigned level = directory->depth; level > 0; level--) {
        uint8_t *page;
        size_t offset = qr_directory_offset(hash, bucket, level);
        QR_TRY(qr_txn_page_write(txn, number, &page, err));
        uint32_t below = qr_load32(page + offset);
        if (below == 0) {
            uint8_t *fresh;
            QR_TRY(qr_txn_page_alloc(txn, QR_PAGE_TYPE_HASH_DIRECTORY, hash->id, number, &below,
                                     &fresh, err));
            qr_store32(page + offset, below);
        }
        number = below;
    }
    uint8_t *leaf;
    QR_TRY(qr_txn_page_write(txn, number, &leaf, err));
    qr_store32(leaf + qr_directory_offset(hash, bucket, 0), page_number);
    directory->buckets++;
    return QUIRE_OK;
}

/* Frees the pages between the directory's root and the number of the last bucket that hold nothing
 * but that, and the root's only child. */
static quire_status remove_last_number(const struct qr_hash *hash, struct qr_directory *directory,
                                       quire_error *err)
{
    struct qr_txn *txn = qr_view_txn(hash->view);
    size_t size = (size_t)4 << qr_hash_fanout_log2(hash->page_size);
    uint32_t bucket = --directory->buckets;
    uint32_t number = hash->root;
    bool emptied = false;
    for (unsigned level = directory->depth + 1U; level-- > 0;) {
        uint8_t *page;
        size_t offset = qr_directory_offset(hash, bucket, level);
        QR_TRY(qr_txn_page_write(txn, number, &page, err));
        uint32_t below = qr_load32(page + offset);
        if (emptied) {
            QR_TRY(qr_txn_page_free(txn, number, err));
        } else if (level == 0 || bucket % capacity_at(hash, level - 1) == 0) {
            qr_store32(page + offset, 0);
            emptied = true;
        }
        number = below;
    }
    while (directory->depth > 0 && directory->buckets <= capacity_at(hash, directory->depth - 1U)) {
        const uint8_t *child;
        uint8_t *root;
        QR_TRY(qr_txn_page_write(txn, hash->root, &root, err));
        number = qr_load32(root + QR_HASH_NUMBERS);
        QR_TRY(qr_hash_page_get(hash, number, QR_PAGE_TYPE_HASH_DIRECTORY, &child, err));
        memcpy(root + QR_HASH_NUMBERS, child + QR_HASH_NUMBERS, size);
        root[QR_HASH_DEPTH] = --directory->depth;
        QR_TRY(qr_txn_page_free(txn, number, err));
    }
    return QUIRE_OK;
}

/* ---- Splitting and merging ---- */

/* Copies of the pages of a chain. */
struct chain_copy {
    struct qr_arena arena;
    struct page_copy *first;
};

struct page_copy {
    struct page_copy *next;
    uint32_t number;
    uint8_t *bytes;
};

static quire_status copy_chain(const struct qr_hash *hash, uint32_t first, struct chain_copy *copy,
                               quire_error *err)
{
    struct qr_chain chain = {.first = first};
    while (true) {
        bool valid;
        QR_TRY(qr_chain_next(hash, &chain, &valid, err));
        if (!valid) {
            return QUIRE_OK;
        }
        struct page_copy *page = qr_arena_alloc(&copy->arena, sizeof *page, err);
        if (page == NULL) {
            return QUIRE_NO_MEMORY;
        }
        page->number = chain.number;
        page->bytes = (uint8_t *)qr_arena_copy(&copy->arena, chain.bytes, hash->page_size, err);
        if (page->bytes == NULL) {
            return QUIRE_NO_MEMORY;
        }
        page->next = copy->first;
        copy->first = page;
    }
}

/* Adds a cell to the first page of a chain with room for it. */
static quire_status deal_cell(const struct qr_hash *hash, struct qr_directory *directory,
                              uint32_t first, const struct qr_cell *cell, quire_error *err)
{
    struct qr_chain chain = {.first = first};
    uint32_t room = 0;
    while (room == 0) {
        bool valid;
        QR_TRY(qr_chain_next(hash, &chain, &valid, err));
        if (!valid) {
            QR_TRY(qr_chain_extend(hash, first, &room, err));
        } else if (qr_bucket_has_room(chain.bytes, hash->page_size, qr_cell_size(cell))) {
            room = chain.number;
        }
    }
    return qr_chain_add(hash, directory, room, cell, err);
}

static quire_status deal_page(const struct qr_hash *hash, struct qr_directory *directory,
                              const struct page_copy *page, uint32_t source, uint32_t source_page,
                              uint32_t new_page, quire_error *err)
{
    for (uint32_t slot = 0; slot < qr_bucket_slots(hash->page_size); slot++) {
        struct qr_cell cell;
        if (qr_load32(page->bytes + QR_BUCKET_SLOTS + 4 * (size_t)slot) == 0) {
            continue;
        }
        if (!qr_bucket_cell(page->bytes, hash->page_size, slot, &cell)) {
            return qr_hash_damaged(hash, page->number, "a cell", err);
        }
        uint64_t code = qr_siphash13(hash->secret, cell.key.bytes, cell.key.size);
        uint32_t bucket = qr_hash_bucket(code, directory->buckets);
        bool moves = new_page != source_page && bucket == directory->buckets - 1;
        if ((!moves && bucket != source) || cell.tag != qr_hash_tag(code)) {
            return qr_hash_damaged(hash, page->number, "a cell is in the wrong bucket", err);
        }
        QR_TRY(deal_cell(hash, directory, moves ? new_page : source_page, &cell, err));
    }
    return QUIRE_OK;
}

static quire_status empty_chain(const struct qr_hash *hash, struct qr_directory *directory,
                                const struct chain_copy *copy, uint32_t first, uint32_t bucket,
                                quire_error *err)
{
    struct qr_txn *txn = qr_view_txn(hash->view);
    for (const struct page_copy *page = copy->first; page != NULL; page = page->next) {
        uint32_t cells = qr_page_count(page->bytes);
        uint32_t used = hash->page_size - qr_load16(page->bytes + QR_PAGE_A);
        directory->cells -= cells;
        directory->cell_bytes -= used - qr_load16(page->bytes + QR_PAGE_B);
        if (page->number != first) {
            QR_TRY(qr_txn_page_free(txn, page->number, err));
        }
    }
    uint8_t *bytes;
    QR_TRY(qr_txn_page_write(txn, first, &bytes, err));
    qr_bucket_init(bytes, hash->page_size, bucket, false);
    return QUIRE_OK;
}

static quire_status split_chain(const struct qr_hash *hash, struct qr_directory *directory,
                                struct chain_copy *copy, quire_error *err)
{
    uint32_t bucket = directory->buckets;
    uint32_t source = bucket - (UINT32_C(1) << qr_highest_bit(bucket));
    uint32_t source_page;
    uint32_t new_page;
    uint8_t *bytes;
    QR_TRY(qr_directory_find(hash, directory, source, &source_page, err));
    QR_TRY(copy_chain(hash, source_page, copy, err));
    QR_TRY(qr_txn_page_alloc(qr_view_txn(hash->view), QR_PAGE_TYPE_HASH_BUCKET, hash->id,
                             source_page, &new_page, &bytes, err));
    qr_bucket_init(bytes, hash->page_size, bucket, false);
    QR_TRY(append_number(hash, directory, new_page, err));
    QR_TRY(empty_chain(hash, directory, copy, source_page, source, err));
    for (const struct page_copy *page = copy->first; page != NULL; page = page->next) {
        QR_TRY(deal_page(hash, directory, page, source, source_page, new_page, err));
    }
    return QUIRE_OK;
}

quire_status qr_directory_split(const struct qr_hash *hash, struct qr_directory *directory,
                                quire_error *err)
{
    if (directory->buckets >= UINT32_MAX / 2 ||
        directory->buckets == capacity_at(hash, QR_HASH_DEPTH_MAX)) {
        return QUIRE_OK; /* as large as it gets: chains grow from here on */
    }
    struct chain_copy copy = {.first = NULL};
    qr_arena_init(&copy.arena, qr_pager_allocator(qr_view_pager(hash->view)), 0);
    quire_status status = split_chain(hash, directory, &copy, err);
    qr_arena_free(&copy.arena);
    return status;
}

static quire_status merge_chain(const struct qr_hash *hash, struct qr_directory *directory,
                                struct chain_copy *copy, quire_error *err)
{
    uint32_t bucket = directory->buckets - 1;
    uint32_t target = bucket - (UINT32_C(1) << qr_highest_bit(bucket));
    uint32_t bucket_page;
    uint32_t target_page;
    QR_TRY(qr_directory_find(hash, directory, bucket, &bucket_page, err));
    QR_TRY(qr_directory_find(hash, directory, target, &target_page, err));
    QR_TRY(copy_chain(hash, bucket_page, copy, err));
    QR_TRY(copy_chain(hash, target_page, copy, err));
    QR_TRY(remove_last_number(hash, directory, err));
    QR_TRY(empty_chain(hash, directory, copy, target_page, target, err));
    for (const struct page_copy *page = copy->first; page != NULL; page = page->next) {
        QR_TRY(deal_page(hash, directory, page, target, target_page, target_page, err));
    }
    return QUIRE_OK;
}

quire_status qr_directory_merge(const struct qr_hash *hash, struct qr_directory *directory,
                                quire_error *err)
{
    struct chain_copy copy = {.first = NULL};
    qr_arena_init(&copy.arena, qr_pager_allocator(qr_view_pager(hash->view)), 0);
    quire_status status = merge_chain(hash, directory, &copy, err);
    qr_arena_free(&copy.arena);
    return status;
}

/* ---- Making, walking, discarding ---- */

quire_status qr_hash_make(struct qr_txn *txn, uint32_t id, uint32_t *root, quire_error *err)
{
    struct qr_view *view = qr_txn_view(txn);
    uint32_t page_size = qr_pager_page_size(qr_view_pager(view));
    uint32_t bucket;
    uint8_t *page;
    qr_view_enter(view);
    quire_status status =
        qr_txn_page_alloc(txn, QR_PAGE_TYPE_HASH_DIRECTORY, id, 0, root, &page, err);
    if (status == QUIRE_OK) {
        uint8_t *directory = page;
        status = qr_txn_page_alloc(txn, QR_PAGE_TYPE_HASH_BUCKET, id, *root, &bucket, &page, err);
        if (status == QUIRE_OK) {
            qr_bucket_init(page, page_size, 0, false);
            qr_store32(directory + QR_HASH_BUCKETS, 1);
            qr_store32(directory + QR_HASH_NUMBERS, bucket);
        }
    }
    qr_view_leave(view);
    return status;
}

static quire_status walk_page(const struct qr_hash *hash, const struct qr_chain *chain,
                              uint32_t bucket, qr_hash_visit visit, void *context, quire_error *err)
{
    for (uint32_t slot = 0; visit != NULL && slot < qr_bucket_slots(hash->page_size); slot++) {
        struct qr_cell cell;
        if (qr_load32(chain->bytes + QR_BUCKET_SLOTS + 4 * (size_t)slot) == 0) {
            continue;
        }
        if (!qr_bucket_cell(chain->bytes, hash->page_size, slot, &cell)) {
            return qr_hash_damaged(hash, chain->number, "a cell", err);
        }
        struct qr_hash_cell found = {.page = chain->number,
                                     .bucket = bucket,
                                     .hash =
                                         qr_siphash13(hash->secret, cell.key.bytes, cell.key.size),
                                     .key = cell.key,
                                     .is_posting = cell.is_posting,
                                     .rowid = cell.rowid,
                                     .posting_root = cell.posting_root};
        QR_TRY(visit(context, &found, err));
    }
    return QUIRE_OK;
}

/* Tells of the directory pages that are met for the first time on the way to a bucket. */
static quire_status walk_directory(const struct qr_hash *hash, const struct qr_directory *directory,
                                   uint32_t bucket, qr_hash_page page, void *context,
                                   uint32_t *first, bool *enter, quire_error *err)
{
    unsigned bits = qr_hash_fanout_log2(hash->page_size);
    uint32_t number = hash->root;
    *enter = true;
    for (unsigned level = directory->depth + 1U; level-- > 0 && *enter;) {
        const uint8_t *bytes;
        uint64_t span = UINT64_C(1) << (bits * (level + 1));
        if (page != NULL && bucket % span == 0) {
            *enter = page(context, number, QR_PAGE_TYPE_HASH_DIRECTORY);
        }
        if (*enter) {
            QR_TRY(qr_hash_page_get(hash, number, QR_PAGE_TYPE_HASH_DIRECTORY, &bytes, err));
            number = qr_load32(bytes + qr_directory_offset(hash, bucket, level));
        }
    }
    *first = number;
    return QUIRE_OK;
}

static quire_status walk_bucket(const struct qr_hash *hash, const struct qr_directory *directory,
                                uint32_t bucket, qr_hash_page page, qr_hash_visit visit,
                                void *context, quire_error *err)
{
    struct qr_chain chain = {.first = 0};
    bool valid = true;
    QR_TRY(walk_directory(hash, directory, bucket, page, context, &chain.first, &valid, err));
    while (valid) {
        QR_TRY(qr_chain_next(hash, &chain, &valid, err));
        if (valid && page != NULL) {
            valid = page(context, chain.number, QR_PAGE_TYPE_HASH_BUCKET);
        }
        if (valid) {
            QR_TRY(walk_page(hash, &chain, bucket, visit, context, err));
        }
    }
    return QUIRE_OK;
}

quire_status qr_hash_walk(const struct qr_hash *hash, qr_hash_page page, qr_hash_visit visit,
                          void *context, quire_error *err)
{
    struct qr_directory directory;
    qr_view_enter(hash->view);
    quire_status status = qr_directory_read(hash, &directory, err);
    qr_view_leave(hash->view);
    for (uint32_t bucket = 0; status == QUIRE_OK && bucket < directory.buckets; bucket++) {
        qr_view_enter(hash->view);
        status = walk_bucket(hash, &directory, bucket, page, visit, context, err);
        qr_view_leave(hash->view);
    }
    return status;
}

/* The pages and trees of an index that is about to go. */
struct inventory {
    const quire_allocator *allocator;
    uint32_t *pages;
    size_t page_count, page_capacity;
    uint32_t *trees;
    size_t tree_count, tree_capacity;
    quire_status status;
};

static bool note_page(void *context, uint32_t page_number, uint8_t type)
{
    struct inventory *inventory = context;
    (void)type;
    if (inventory->status == QUIRE_OK) {
        inventory->status =
            qr_grow(inventory->allocator, &inventory->pages, &inventory->page_capacity,
                    inventory->page_count + 1, sizeof *inventory->pages, NULL);
    }
    if (inventory->status != QUIRE_OK) {
        return false;
    }
    inventory->pages[inventory->page_count++] = page_number;
    return true;
}

static quire_status note_tree(void *context, const struct qr_hash_cell *cell, quire_error *err)
{
    struct inventory *inventory = context;
    if (cell->is_posting) {
        QR_TRY(qr_grow(inventory->allocator, &inventory->trees, &inventory->tree_capacity,
                       inventory->tree_count + 1, sizeof *inventory->trees, err));
        inventory->trees[inventory->tree_count++] = cell->posting_root;
    }
    return QUIRE_OK;
}

static quire_status discard_inventory(const struct qr_hash *hash, const struct inventory *inventory,
                                      quire_error *err)
{
    for (size_t i = 0; i < inventory->tree_count; i++) {
        struct qr_tree tree = {
            .view = hash->view, .root = inventory->trees[i], .id = hash->id, .kind = QR_TREE_ROWS};
        QR_TRY(qr_tree_drop(&tree, err));
    }
    for (size_t i = 0; i < inventory->page_count; i++) {
        QR_TRY(qr_txn_page_free(qr_view_txn(hash->view), inventory->pages[i], err));
    }
    return QUIRE_OK;
}

quire_status qr_hash_discard(const struct qr_hash *hash, quire_error *err)
{
    struct inventory inventory = {.allocator = qr_pager_allocator(qr_view_pager(hash->view))};
    quire_status status = qr_hash_walk(hash, note_page, note_tree, &inventory, err);
    if (status == QUIRE_OK && inventory.status != QUIRE_OK) {
        status = qr_fail_memory(err, inventory.page_count * sizeof *inventory.pages);
    }
    if (status == QUIRE_OK) {
        status = discard_inventory(hash, &inventory, err);
    }
    qr_free(inventory.allocator, inventory.pages,
            inventory.page_capacity * sizeof *inventory.pages);
    qr_free(inventory.allocator, inventory.trees,
            inventory.tree_capacity * sizeof *inventory.trees);
    return status;
}
