/*
 * A hash index by itself: its pages taken, each bucket and cell at its place,
 * the trees of rowids sound, the counters right. The walk ends at the first
 * page that cannot be made sense of.
 */
#include "engine/hash_internal.h"
#include "engine/inspect_internal.h"

struct hash_walk {
    struct qr_inspection *inspection;
    const struct qr_object *index;
    struct qr_hash hash;
    struct qr_directory directory; /* as stored */
    uint64_t entries, cells, cell_bytes;
    uint64_t buckets; /* begun */
    uint64_t flaws;
};

static void complain(struct hash_walk *walk, enum qr_inspect_code code, uint32_t page,
                     const char *message)
{
    walk->flaws++;
    qr_report_issue(walk->inspection->report, code, page, (uint64_t)page * walk->hash.page_size,
                    walk->index->name, "%s", message);
}

/* A bucket's first page must bear the number that is due, its further pages the same. */
static void check_bucket_page(struct hash_walk *walk, uint32_t page_number)
{
    const uint8_t *page;
    if (qr_view_page(walk->hash.view, page_number, &page, NULL) != QUIRE_OK) {
        return; /* the walk meets it too */
    }
    bool further = (page[QR_PAGE_FLAGS] & QR_BUCKET_OVERFLOW) != 0;
    uint32_t number = qr_load32(page + QR_BUCKET_NUMBER);
    walk->buckets += !further;
    if (walk->buckets == 0 || number != walk->buckets - 1) {
        complain(walk, QR_INSPECT_HASH_BUCKET, page_number,
                 "the page does not belong to the bucket that it was reached from");
    }
}

static bool on_page(void *context, uint32_t page_number, uint8_t type)
{
    struct hash_walk *walk = context;
    if (!qr_inspection_take(walk->inspection, page_number, walk->index->id)) {
        walk->inspection->hidden = true;
        complain(walk, QR_INSPECT_PAGE_OWNED_TWICE, page_number,
                 "the page is in use at another place too");
        return false;
    }
    if (type == QR_PAGE_TYPE_HASH_BUCKET) {
        check_bucket_page(walk, page_number);
    }
    return true;
}

static quire_status check_posting(struct hash_walk *walk, const struct qr_hash_cell *cell,
                                  quire_error *err)
{
    struct qr_tree tree =
        qr_inspection_tree_of(walk->inspection, cell->posting_root, walk->index->id, QR_TREE_ROWS);
    uint64_t entries = 0;
    bool sound;
    if (cell->posting_root <= QR_PAGE_NUMBER_FREE_MAP ||
        cell->posting_root >= walk->inspection->pages) {
        complain(walk, QR_INSPECT_HASH_DAMAGED, cell->page,
                 "the root of a key's rowids is impossible");
        return QUIRE_OK;
    }
    QR_TRY(qr_inspection_tree(walk->inspection, &tree, walk->index->name, &sound, err));
    if (!sound) {
        walk->flaws++;
        return QUIRE_OK;
    }
    QR_TRY(qr_tree_count(&tree, &entries, err));
    walk->entries += entries;
    return QUIRE_OK;
}

static quire_status on_cell(void *context, const struct qr_hash_cell *cell, quire_error *err)
{
    struct hash_walk *walk = context;
    struct qr_cell stored = {.is_posting = cell->is_posting,
                             .key = cell->key,
                             .rowid = cell->rowid,
                             .posting_root = cell->posting_root};
    walk->cells++;
    walk->cell_bytes += qr_cell_size(&stored);
    if (qr_hash_bucket(cell->hash, walk->directory.buckets) != cell->bucket) {
        complain(walk, QR_INSPECT_HASH_BUCKET, cell->page,
                 "a cell is in a bucket that its key does not belong to");
    }
    if (cell->is_posting) {
        return check_posting(walk, cell, err);
    }
    walk->entries++;
    return QUIRE_OK;
}

static quire_status read_directory(struct hash_walk *walk, quire_error *err)
{
    qr_view_enter(walk->hash.view);
    quire_status status = qr_directory_read(&walk->hash, &walk->directory, err);
    qr_view_leave(walk->hash.view);
    return status;
}

static quire_status walk_index(struct hash_walk *walk, quire_error *err)
{
    QR_TRY(read_directory(walk, err));
    return qr_hash_walk(&walk->hash, on_page, on_cell, walk, err);
}

quire_status qr_inspection_hash(struct qr_inspection *inspection, const struct qr_object *index,
                                bool *sound, uint64_t *entries, quire_error *err)
{
    struct hash_walk walk = {
        .inspection = inspection, .index = index, .hash = qr_hash_of(inspection->txn, index)};
    quire_error detail = QUIRE_ERROR_INIT;
    inspection->object = index->name;
    quire_status status = walk_index(&walk, &detail);
    if (status == QUIRE_CORRUPT) {
        uint32_t page = detail.page == QUIRE_NO_PAGE ? index->root : detail.page;
        inspection->hidden = true;
        complain(&walk, QR_INSPECT_HASH_DAMAGED, page, detail.message);
    } else if (status != QUIRE_OK) {
        if (err != NULL) {
            *err = detail;
        }
        return status;
    }
    if (walk.flaws == 0 &&
        (walk.entries != walk.directory.entries || walk.cells != walk.directory.cells ||
         walk.cell_bytes != walk.directory.cell_bytes)) {
        complain(&walk, QR_INSPECT_HASH_COUNT, index->root,
                 "the counters in the directory differ from what the buckets hold");
    }
    *sound = walk.flaws == 0;
    *entries = walk.entries;
    return QUIRE_OK;
}
