/*
 * Inspection of an open database, on one snapshot: every page by itself, then
 * who owns it. inspect_catalog.c walks the owners in between.
 *
 * Two bitmaps of pages are all that grows with the file: what the free map
 * calls free, and what an owner was found for. Each page must be in exactly
 * one. Structures are only read once their walk has found them sound, so
 * nothing follows a damaged number.
 */
#include <string.h>

#include "engine/inspect_internal.h"

/* ---- Begin and end ---- */

quire_status qr_inspection_begin(struct qr_inspection *inspection, quire_db *db,
                                 quire_report *report, quire_error *err)
{
    *inspection = (struct qr_inspection){.report = report,
                                         .allocator = qr_db_allocator(db),
                                         .db = db,
                                         .page_size = qr_pager_page_size(qr_db_pager(db)),
                                         .file_bytes = UINT64_MAX};
    QR_TRY(quire_begin(db, QUIRE_READ, &inspection->txn, err));
    inspection->view = qr_txn_pages(inspection->txn);
    inspection->pages = qr_view_page_count(inspection->view);
    inspection->bitmap_size = inspection->pages / 8 + 1;
    inspection->owned = qr_alloc_zero(inspection->allocator, inspection->bitmap_size, err);
    inspection->free = qr_alloc_zero(inspection->allocator, inspection->bitmap_size, err);
    return inspection->owned != NULL && inspection->free != NULL ? QUIRE_OK : QUIRE_NO_MEMORY;
}

void qr_inspection_end(struct qr_inspection *inspection)
{
    qr_free(inspection->allocator, inspection->owned, inspection->bitmap_size);
    qr_free(inspection->allocator, inspection->free, inspection->bitmap_size);
    quire_rollback(inspection->txn);
}

/* ---- The free map ---- */

/* Takes over the bits of one map page. */
static void take_map(struct qr_inspection *inspection, const uint8_t *page, uint32_t region,
                     uint64_t *marked)
{
    uint32_t bits = qr_free_map_bits(inspection->page_size);
    uint32_t map_page = qr_free_map_page(inspection->page_size, region);
    bool beyond = false;
    for (uint32_t bit = 0; bit < bits; bit++) {
        uint64_t number = (uint64_t)region * bits + bit;
        if ((page[QR_PAGE_HEADER_SIZE + bit / 8] >> (bit % 8) & 1) == 0) {
            continue;
        }
        ++*marked;
        if (number < inspection->pages) {
            qr_bit_set(inspection->free, (uint32_t)number);
        } else if (!beyond) {
            beyond = true;
            qr_report_issue(inspection->report, QR_INSPECT_FREE_MAP_RANGE, map_page,
                            (uint64_t)map_page * inspection->page_size + QR_PAGE_HEADER_SIZE +
                                bit / 8,
                            NULL, "page %llu is marked free; the database has %u pages",
                            (unsigned long long)number, inspection->pages);
        }
    }
}

/* Header and map pages belong to no tree. */
static void take_fixed(struct qr_inspection *inspection, uint32_t page_number)
{
    if (qr_bit_get(inspection->free, page_number)) {
        qr_report_issue(inspection->report, QR_INSPECT_PAGE_FREE_BUT_USED, page_number,
                        (uint64_t)page_number * inspection->page_size, NULL, NULL);
    }
    qr_bit_set(inspection->owned, page_number);
}

static quire_status read_map_page(struct qr_inspection *inspection, uint32_t region,
                                  uint64_t *marked, bool *complete, quire_error *err)
{
    const uint8_t *page;
    uint32_t number = qr_free_map_page(inspection->page_size, region);
    qr_view_enter(inspection->view);
    quire_status status = qr_view_page(inspection->view, number, &page, err);
    if (status == QUIRE_OK && qr_page_type(page) == QR_PAGE_TYPE_FREE_MAP) {
        take_map(inspection, page, region, marked);
    } else if (status == QUIRE_OK || status == QUIRE_CORRUPT) {
        /* The pages' own check names it. */
        inspection->hidden = true;
        *complete = false;
        status = QUIRE_OK;
    }
    qr_view_leave(inspection->view);
    return status;
}

/* The header's count is as old as the header page: it tells only if that is of this state. */
static quire_status check_free_count(struct qr_inspection *inspection, uint64_t marked,
                                     quire_error *err)
{
    const uint8_t *header;
    qr_view_enter(inspection->view);
    quire_status status = qr_view_page(inspection->view, QR_PAGE_NUMBER_HEADER, &header, err);
    if (status == QUIRE_OK &&
        qr_load64(header + QR_HEADER_SEQUENCE) == qr_view_sequence(inspection->view) &&
        qr_load32(header + QR_HEADER_FREE_PAGES) != marked) {
        qr_report_issue(inspection->report, QR_INSPECT_FREE_MAP_COUNT, QR_PAGE_NUMBER_HEADER,
                        QR_HEADER_FREE_PAGES, NULL,
                        "the header counts %u free pages, the free map marks %llu",
                        qr_load32(header + QR_HEADER_FREE_PAGES), (unsigned long long)marked);
    }
    qr_view_leave(inspection->view);
    return status == QUIRE_CORRUPT ? QUIRE_OK : status;
}

static quire_status read_free_map(struct qr_inspection *inspection, quire_error *err)
{
    uint64_t marked = 0;
    bool complete = true;
    uint32_t bits = qr_free_map_bits(inspection->page_size);
    take_fixed(inspection, QR_PAGE_NUMBER_HEADER);
    for (uint64_t at = QR_PAGE_NUMBER_FREE_MAP; at < inspection->pages; at += bits) {
        QR_TRY(read_map_page(inspection, (uint32_t)(at / bits), &marked, &complete, err));
        take_fixed(inspection, (uint32_t)at);
    }
    return complete ? check_free_count(inspection, marked, err) : QUIRE_OK;
}

/* ---- Pages by themselves ---- */

static void judge_page(struct qr_inspection *inspection, uint32_t number, const uint8_t *page,
                       uint64_t newest, uint64_t *types)
{
    uint32_t size = inspection->page_size;
    uint64_t offset = (uint64_t)number * size;
    quire_report *report = inspection->report;
    bool free_page = qr_bit_get(inspection->free, number);
    bool verified =
        qr_page_sum(page, size, number, inspection->id) == qr_load64(page + QR_PAGE_CHECKSUM);
    if (free_page && !verified) {
        if (!qr_page_is_zero(page, size)) {
            qr_report_issue(report, QR_INSPECT_PAGE_FREE_DAMAGED, number, offset, NULL, NULL);
        }
    } else if (!verified && offset + size > inspection->file_bytes) {
        qr_report_issue(report, QR_INSPECT_PAGE_MISSING, number, offset, NULL, NULL);
    } else if (!verified) {
        qr_report_issue(report, QR_INSPECT_PAGE_CHECKSUM, number, offset, NULL, NULL);
    } else if (!qr_page_check(report, page, size, number)) {
        return;
    } else if (qr_page_lsn(page) > newest) {
        qr_report_issue(report, QR_INSPECT_PAGE_LSN, number, offset + QR_PAGE_LSN, NULL,
                        "page %u carries commit %llu; the newest is %llu", number,
                        (unsigned long long)qr_page_lsn(page), (unsigned long long)newest);
    }
    if (!free_page && page[QR_PAGE_TYPE] < QR_PAGE_TYPES) {
        types[page[QR_PAGE_TYPE]]++;
    }
}

static quire_status check_pages(struct qr_inspection *inspection, uint8_t *page, uint64_t *types,
                                uint64_t *free_pages, quire_error *err)
{
    for (uint32_t number = 0; number < inspection->pages; number++) {
        QR_TRY(qr_view_page_raw(inspection->view, number, page, err));
        quire_stats stats = {.size = sizeof stats};
        uint64_t newest = qr_view_sequence(inspection->view);
        if (qr_page_lsn(page) > newest) { /* of an image that did not verify: ask again */
            QR_TRY(quire_get_stats(inspection->db, &stats, err));
            newest = stats.commit_sequence;
        }
        judge_page(inspection, number, page, newest, types);
        *free_pages += qr_bit_get(inspection->free, number);
    }
    return QUIRE_OK;
}

static void add_facts(struct qr_inspection *inspection, const uint64_t *types, uint64_t free_pages)
{
    quire_report *report = inspection->report;
    qr_fact_number(report, "pageSize", inspection->page_size);
    qr_fact_number(report, "pages", inspection->pages);
    qr_fact_number(report, "freePages", free_pages);
    qr_fact_number(report, "sequence", qr_view_sequence(inspection->view));
    if (inspection->file_bytes != UINT64_MAX) {
        qr_fact_number(report, "fileBytes", inspection->file_bytes);
    }
    qr_fact_open(report, "pagesByType");
    for (unsigned type = 0; type < QR_PAGE_TYPES; type++) {
        qr_fact_number(report, qr_page_type_name(type), types[type]);
    }
    qr_fact_close(report);
}

/* A clean file is as long as its header says. Otherwise pages that are in the log alone may lie
 * behind its end. */
static void check_length(struct qr_inspection *inspection)
{
    uint64_t bytes = (uint64_t)inspection->pages * inspection->page_size;
    if (inspection->file_pages > inspection->file_bytes / inspection->page_size) {
        qr_report_issue(inspection->report, QR_INSPECT_HEADER_PAGES, QR_PAGE_NUMBER_HEADER,
                        QR_HEADER_PAGES, NULL, "the header counts %u pages, the file has %llu",
                        inspection->file_pages,
                        (unsigned long long)(inspection->file_bytes / inspection->page_size));
    }
    if (inspection->file_bytes_before > bytes) {
        qr_report_issue(inspection->report, QR_INSPECT_FILE_TRAILING, QUIRE_NO_PAGE, bytes, NULL,
                        "%llu bytes follow the last page",
                        (unsigned long long)(inspection->file_bytes_before - bytes));
    }
}

static quire_status read_header(struct qr_inspection *inspection, uint8_t *page, quire_error *err)
{
    QR_TRY(qr_view_page_raw(inspection->view, QR_PAGE_NUMBER_HEADER, page, err));
    memcpy(inspection->id, page + QR_HEADER_ID, sizeof inspection->id);
    qr_fact_open(inspection->report, "header");
    qr_page_describe_header(inspection->report, page);
    qr_fact_close(inspection->report);
    check_length(inspection);
    return QUIRE_OK;
}

quire_status qr_inspection_pages(struct qr_inspection *inspection, quire_error *err)
{
    uint64_t types[QR_PAGE_TYPES] = {0};
    uint64_t free_pages = 0;
    uint8_t *page = qr_alloc(inspection->allocator, inspection->page_size, err);
    if (page == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status = read_header(inspection, page, err);
    if (status == QUIRE_OK) {
        status = read_free_map(inspection, err);
    }
    if (status == QUIRE_OK) {
        qr_view_scanning(inspection->view, true);
        status = check_pages(inspection, page, types, &free_pages, err);
        qr_view_scanning(inspection->view, false);
    }
    if (status == QUIRE_OK) {
        add_facts(inspection, types, free_pages);
    }
    qr_free(inspection->allocator, page, inspection->page_size);
    return status;
}

/* ---- Owners ---- */

bool qr_inspection_take(void *context, uint32_t page_number, uint32_t tree_id)
{
    struct qr_inspection *inspection = context;
    (void)tree_id;
    if (page_number >= inspection->pages) {
        return true; /* whoever reads it says that there is no such page */
    }
    if (qr_bit_get(inspection->owned, page_number)) {
        return false;
    }
    if (qr_bit_get(inspection->free, page_number)) {
        qr_report_issue(inspection->report, QR_INSPECT_PAGE_FREE_BUT_USED, page_number,
                        (uint64_t)page_number * inspection->page_size, inspection->object, NULL);
    }
    qr_bit_set(inspection->owned, page_number);
    return true;
}

static void on_tree_issue(void *context, const char *code, uint32_t page, uint32_t offset,
                          const char *message)
{
    struct qr_inspection *inspection = context;
    uint64_t at = page == QUIRE_NO_PAGE ? 0 : (uint64_t)page * inspection->page_size + offset;
    inspection->flaws++;
    inspection->hidden = true;
    qr_report_named(inspection->report, code, page, at, inspection->object, message);
}

struct qr_tree qr_inspection_tree_of(const struct qr_inspection *inspection, uint32_t root,
                                     uint32_t id, enum qr_tree_kind kind)
{
    return (struct qr_tree){.view = inspection->view, .root = root, .id = id, .kind = kind};
}

quire_status qr_inspection_tree(struct qr_inspection *inspection, const struct qr_tree *tree,
                                const char *object, bool *sound, quire_error *err)
{
    inspection->object = object;
    inspection->flaws = 0;
    quire_status status = qr_tree_check(tree, on_tree_issue, qr_inspection_take, inspection, err);
    *sound = status == QUIRE_OK && inspection->flaws == 0;
    return status;
}

bool qr_inspection_root(struct qr_inspection *inspection, const struct qr_object *object)
{
    if (object->root > QR_PAGE_NUMBER_FREE_MAP && object->root < inspection->pages &&
        !qr_page_is_map(inspection->page_size, object->root)) {
        return true;
    }
    inspection->hidden = true;
    qr_report_issue(inspection->report, QR_INSPECT_CATALOG_ROOT, object->root, 0, object->name,
                    "the root of \"%s\" would be page %u", object->name, object->root);
    return false;
}

quire_status qr_inspection_owners(struct qr_inspection *inspection, quire_error *err)
{
    uint64_t count = 0;
    uint32_t first = 0;
    (void)err;
    for (uint32_t number = 0; number < inspection->pages; number++) {
        if (qr_bit_get(inspection->owned, number) || qr_bit_get(inspection->free, number)) {
            continue;
        }
        first = count++ == 0 ? number : first;
        if (!inspection->hidden) {
            qr_report_issue(inspection->report, QR_INSPECT_PAGE_ORPHAN, number,
                            (uint64_t)number * inspection->page_size, NULL, NULL);
        }
    }
    if (inspection->hidden && count > 0) {
        qr_report_issue(inspection->report, QR_INSPECT_PAGE_UNREACHED, first,
                        (uint64_t)first * inspection->page_size, NULL,
                        "the damage hides whose pages %llu are, page %u the first",
                        (unsigned long long)count, first);
    }
    return QUIRE_OK;
}
