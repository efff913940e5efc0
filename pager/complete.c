/*
 * Recovery of packs. Pages are written to the database file only from whole
 * images in the log, so that a write that is cut off can be made again. Where
 * the log's last word on a page is a change in a pack, recovery works out the
 * page and adds an image of it to the log, all of them as one group, before
 * anything is redone. If it is cut off itself, the next one finds the group and
 * has nothing to add, or does not and begins again: the database file has not
 * been touched in between.
 *
 * The page is the last image in the log or what the database file holds,
 * whichever is newer, with the changes behind it applied in order. A change
 * knows the version it belongs to by its sequence number: any other is damage.
 *
 * A file that was not closed may be shorter than its database: then the log has
 * images of the pages behind its end, but for free ones, which nobody wrote. Any
 * other page has been lost, and nothing is recovered over a file that was cut.
 *
 * Memory: that of wal_index.h. Runs alone.
 */
#include "pager/pager_internal.h"
#include "wal/wal_format.h"
#include "wal/wal_index.h"

struct completion {
    struct qr_pager *pager;
    struct qr_file *log;
    struct qr_log_index index;
    uint64_t in_file; /* whole pages of the database file */
    uint32_t pages;   /* of the database */
    size_t due;       /* pages to add */
    uint8_t *bytes;   /* of a record: a page's size */
};

quire_status qr_log_apply(struct qr_pager *pager, const struct qr_pack_record *record,
                          uint8_t *page, quire_error *err)
{
    switch (qr_pack_apply(record, page)) {
    case QR_PACK_APPLIED:
        qr_page_seal(pager, record->page_number, page);
        break;
    case QR_PACK_NEWER:
        break;
    case QR_PACK_OTHER_BASE:
        return qr_fail_at(err, QUIRE_CORRUPT, pager->wal_path, record->page_number, 0,
                          "The log %s holds a change of page %lu from commit %llu, yet what it "
                          "changes is of commit %llu; keep both files and restore from a backup.",
                          pager->wal_path, (unsigned long)record->page_number,
                          (unsigned long long)record->base_lsn,
                          (unsigned long long)qr_page_lsn(page));
    }
    return QUIRE_OK;
}

/* ---- What the log has of each page ---- */

static quire_status note_frame(void *context, const struct qr_wal_frame *frame, quire_error *err)
{
    struct completion *c = context;
    return qr_log_index_add(&c->index, frame->page_number, frame->page, c->pager->page_size,
                            frame->offset + QR_FRAME_HEADER_SIZE, err);
}

/* Whether the log's last word on the page of the entries up to `end` is a change. Nobody needs what
 * is beyond the end of the database. */
static bool is_due(const struct completion *c, size_t end)
{
    const struct qr_log_entry *last = &c->index.entries[end - 1];
    return last->size != 0 && last->page_number < c->pages;
}

/* ---- Pages ---- */

static quire_status read_image(struct completion *c, const struct qr_log_entry *entry,
                               uint8_t *page, quire_error *err)
{
    struct qr_pager *pager = c->pager;
    QR_TRY(qr_file_read_all(c->log, page, pager->page_size, entry->offset, pager->wal_path, err));
    return qr_page_verify(pager, entry->page_number, page, err);
}

static quire_status apply_entry(struct completion *c, const struct qr_log_entry *entry,
                                uint8_t *page, quire_error *err)
{
    struct qr_pager *pager = c->pager;
    struct qr_pack_record record;
    QR_TRY(qr_file_read_all(c->log, c->bytes, entry->size, entry->offset, pager->wal_path, err));
    if (!qr_pack_record_decode(c->bytes, entry->size, pager->page_size, &record) ||
        record.page_number != entry->page_number) {
        return qr_fail_at(err, QUIRE_CORRUPT, pager->wal_path, entry->page_number, entry->offset,
                          "a change in the log changed between two reads; check the device");
    }
    return qr_log_apply(pager, &record, page, err);
}

/* Works out the page of the entries [at, end). */
static quire_status build_page(struct completion *c, size_t at, size_t end, uint8_t *page,
                               quire_error *err)
{
    const struct qr_log_entry *entries = c->index.entries;
    bool image = entries[at].size == 0;
    quire_status status = qr_page_read(c->pager, entries[at].page_number, page, image ? NULL : err);
    if (image) {
        uint64_t lsn = status == QUIRE_OK ? qr_page_lsn(page) : 0;
        QR_TRY(read_image(c, &entries[at], page, err));
        status = lsn <= qr_page_lsn(page)
                     ? QUIRE_OK
                     : qr_page_read(c->pager, entries[at].page_number, page, err);
        at++;
    }
    QR_TRY(status);
    for (; at < end; at++) {
        QR_TRY(apply_entry(c, &entries[at], page, err));
    }
    return QUIRE_OK;
}

/* Appends the pages that are due, as one group. It is synced when the log is hardened again. */
static quire_status append_pages(struct completion *c, quire_error *err)
{
    struct qr_pager *pager = c->pager;
    struct qr_wal_page batch[QR_STAGING_PAGES];
    size_t count = 0;
    size_t left = c->due;
    for (size_t at = 0; at < c->index.count && left > 0;) {
        size_t end = qr_log_index_end(&c->index, at);
        if (is_due(c, end)) {
            uint8_t *page = pager->commit.staging + (count << pager->page_shift);
            QR_TRY(build_page(c, at, end, page, err));
            batch[count++] = (struct qr_wal_page){c->index.entries[at].page_number, page};
            left--;
        }
        if (count == QR_STAGING_PAGES || left == 0) {
            QR_TRY(qr_wal_append(pager->wal, batch, count, left == 0 ? c->pages : 0, true, err));
            count = 0;
        }
        at = end;
    }
    return QUIRE_OK;
}

/* ---- Lost pages ---- */

/* A page as file and log together have it. */
static quire_status newest_page(struct completion *c, uint32_t page_number, uint8_t *page,
                                quire_error *err)
{
    size_t at;
    size_t end = qr_log_index_find(&c->index, page_number, &at);
    return at < end ? build_page(c, at, end, page, err)
                    : qr_page_read(c->pager, page_number, page, err);
}

static bool has_image(const struct completion *c, uint32_t page_number)
{
    size_t at;
    size_t end = qr_log_index_find(&c->index, page_number, &at);
    return at < end && c->index.entries[at].size == 0;
}

/* Looks for a page behind the file's end that is in use and that the log has no image of. Takes no
 * longer than log and free map are large: a page that is not in the one is marked in the other. */
static quire_status check_end(struct completion *c, quire_error *err)
{
    struct qr_pager *pager = c->pager;
    uint8_t *map = pager->commit.staging;
    uint32_t bits = qr_free_map_bits(pager->page_size);
    uint64_t region = UINT64_MAX; /* that `map` is of */
    for (uint64_t p = c->in_file; p < c->pages; p++) {
        uint32_t bit = (uint32_t)(p % bits);
        uint32_t map_page = qr_free_map_page(pager->page_size, (uint32_t)(p / bits));
        if (has_image(c, (uint32_t)p)) {
            continue;
        }
        if (region != p / bits && (map_page < c->in_file || has_image(c, map_page))) {
            QR_TRY(newest_page(c, map_page, map, err));
            region = p / bits;
        }
        if (region != p / bits || (map[QR_PAGE_HEADER_SIZE + bit / 8] >> (bit % 8) & 1) == 0) {
            return qr_recover_fail_short(pager, c->in_file, c->pages, (uint32_t)p, err);
        }
    }
    return QUIRE_OK;
}

/* ---- Recovery ---- */

static quire_status complete(struct completion *c, quire_error *err)
{
    struct qr_pager *pager = c->pager;
    struct qr_wal_scan_result result;
    QR_TRY(qr_wal_scan(pager->wal, note_frame, c, &result, err));
    qr_log_index_finish(&c->index);
    for (size_t at = 0; at < c->index.count; at = qr_log_index_end(&c->index, at)) {
        c->due += is_due(c, qr_log_index_end(&c->index, at));
    }
    c->bytes = qr_alloc(pager->allocator, pager->page_size, err);
    if (c->bytes == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(pager->layer->methods->open(pager->layer, pager->wal_path, QR_OPEN_READ, &c->log, err));
    QR_TRY(check_end(c, err));
    if (c->due == 0) {
        return QUIRE_OK;
    }
    QR_TRY(qr_wal_harden(pager->wal, err));
    QR_TRY(qr_wal_resume(pager->wal, err));
    QR_TRY(qr_wal_reserve_beyond(pager->wal, c->due, err));
    return append_pages(c, err);
}

quire_status qr_log_complete(struct qr_pager *pager, const struct qr_wal_options *options,
                             struct qr_wal_scan_result *found, quire_error *err)
{
    uint64_t in_file = 0;
    QR_TRY(qr_file_pages(pager, &in_file, err));
    if (found->packs == 0 && in_file >= found->pages) {
        return QUIRE_OK;
    }
    struct completion c = {.pager = pager,
                           .in_file = in_file,
                           .pages = found->pages,
                           .index = {.allocator = pager->allocator}};
    quire_status status = complete(&c, err);
    if (c.log != NULL) {
        c.log->methods->close(c.log);
    }
    qr_free(pager->allocator, c.bytes, c.bytes != NULL ? pager->page_size : 0);
    qr_log_index_free(&c.index);
    QR_TRY(status);
    qr_wal_close(pager->wal);
    pager->wal = NULL;
    QR_TRY(qr_wal_open(options, false, &pager->wal, err));
    return qr_wal_scan(pager->wal, NULL, NULL, found, err);
}
