/*
 * Creation of a database, and recovery of one that was not closed.
 *
 * Creation writes pages 1 and 2, syncs, writes page 0, syncs file and
 * directory, and only then creates the log. A crash before page 0 leaves a file
 * without a header and without a log, which is created again; one after it
 * leaves a clean database without a log, which gets one.
 *
 * Recovery first makes the log's accepted frames durable in the log itself,
 * adds images of the pages that it has only changes of (complete.c), then
 * applies all images in order to the database file, syncs it and empties the
 * log. A frame is applied when the page is unreadable or not newer than the
 * frame. A crash during recovery leaves the log as it was, so it can be
 * repeated. Numbers go on 2^20 above the largest seen: those that were given to
 * commits that did not survive are never given again.
 *
 * A read-only opening changes nothing: the log's frames are put over the
 * database in memory, and stay there.
 *
 * Runs alone, before any other thread knows the pager.
 */
#include "base/bits.h"
#include "pager/pager_internal.h"

#define SEQUENCE_SKIP (UINT64_C(1) << 20)

/* ---- The header page ---- */

void qr_header_stamp(uint8_t *page, const struct qr_header_numbers *numbers)
{
    uint32_t flags = qr_load32(page + QR_HEADER_FLAGS) & ~QR_HEADER_FLAG_CLEAN;
    qr_store32(page + QR_HEADER_FLAGS, flags | (numbers->clean ? QR_HEADER_FLAG_CLEAN : 0));
    qr_store64(page + QR_HEADER_SEQUENCE, numbers->sequence);
    qr_store32(page + QR_HEADER_PAGES, numbers->pages);
    qr_store32(page + QR_HEADER_FREE_PAGES, numbers->free_pages);
    qr_store64(page + QR_HEADER_BOOT, numbers->boot);
}

static void header_encode(const struct qr_pager *pager, uint8_t *page)
{
    qr_page_init(page, pager->page_size, QR_PAGE_NUMBER_HEADER, QR_PAGE_TYPE_HEADER, 0);
    memcpy(page + QR_HEADER_MAGIC, QR_HEADER_MAGIC_BYTES, QR_HEADER_MAGIC_SIZE);
    qr_store32(page + QR_HEADER_FORMAT, QR_HEADER_FORMAT_NOW);
    qr_store32(page + QR_HEADER_READER_FORMAT, QR_HEADER_FORMAT_NOW);
    qr_store32(page + QR_HEADER_PAGE_SIZE, pager->page_size);
    memcpy(page + QR_HEADER_ID, pager->id, sizeof pager->id);
    qr_store32(page + QR_HEADER_CATALOG_ROOT, QR_PAGE_NUMBER_CATALOG);
    qr_store32(page + QR_HEADER_FREE_MAP_FIRST, QR_PAGE_NUMBER_FREE_MAP);
    qr_store64(page + QR_HEADER_CREATED, (uint64_t)qr_clock_wall_ns());
    qr_store64(page + QR_PAGE_LSN, 1);
    qr_header_stamp(page, &(struct qr_header_numbers){.sequence = 1, .pages = 3, .clean = true});
}

static bool is_page_size(uint32_t size)
{
    return size >= QR_PAGE_SIZE_MIN && size <= QR_PAGE_SIZE_MAX && (size & (size - 1)) == 0;
}

static quire_status fail_foreign(const struct qr_pager *pager, quire_error *err)
{
    return qr_fail_at(err, QUIRE_NOT_A_DATABASE, pager->path, QUIRE_NO_PAGE, 0,
                      "%s is not a Quire database; check the path.", pager->path);
}

/* What can be said of the first KiB alone. */
static quire_status check_start(const struct qr_pager *pager, const uint8_t *start, size_t size,
                                quire_error *err)
{
    if (size < QR_PAGE_SIZE_MIN ||
        memcmp(start + QR_HEADER_MAGIC, QR_HEADER_MAGIC_BYTES, QR_HEADER_MAGIC_SIZE) != 0) {
        return fail_foreign(pager, err);
    }
    if (qr_load32(start + QR_HEADER_READER_FORMAT) > QR_HEADER_FORMAT_NOW) {
        return qr_fail_at(err, QUIRE_FORMAT_VERSION, pager->path, 0, QR_HEADER_READER_FORMAT,
                          "%s is written in format %lu and this library reads up to %u; use a "
                          "newer version.",
                          pager->path, (unsigned long)qr_load32(start + QR_HEADER_FORMAT),
                          QR_HEADER_FORMAT_NOW);
    }
    return QUIRE_OK;
}

static void take_page_size(struct qr_pager *pager, uint32_t page_size)
{
    pager->page_size = page_size;
    pager->page_shift = 0;
    while ((UINT32_C(1) << pager->page_shift) < page_size) {
        pager->page_shift++;
    }
}

static quire_status decode_header(struct qr_pager *pager, const uint8_t *page,
                                  struct qr_file_header *header, quire_error *err)
{
    QR_TRY(qr_page_verify(pager, QR_PAGE_NUMBER_HEADER, page, err));
    if (qr_page_type(page) != QR_PAGE_TYPE_HEADER ||
        qr_load32(page + QR_HEADER_CATALOG_ROOT) != QR_PAGE_NUMBER_CATALOG ||
        qr_load32(page + QR_HEADER_FREE_MAP_FIRST) != QR_PAGE_NUMBER_FREE_MAP ||
        qr_load32(page + QR_HEADER_PAGES) < 3 ||
        qr_load32(page + QR_HEADER_FREE_PAGES) > qr_load32(page + QR_HEADER_PAGES)) {
        return qr_fail_at(err, QUIRE_CORRUPT, pager->path, 0, 0,
                          "The header page of %s contradicts itself; restore it from a backup.",
                          pager->path);
    }
    memcpy(header->id, page + QR_HEADER_ID, sizeof header->id);
    header->page_size = qr_load32(page + QR_HEADER_PAGE_SIZE);
    header->pages = qr_load32(page + QR_HEADER_PAGES);
    header->free_pages = qr_load32(page + QR_HEADER_FREE_PAGES);
    header->flags = qr_load32(page + QR_HEADER_FLAGS);
    header->sequence = qr_load64(page + QR_HEADER_SEQUENCE);
    header->boot = qr_load64(page + QR_HEADER_BOOT);
    return QUIRE_OK;
}

quire_status qr_header_read(struct qr_pager *pager, struct qr_file_header *header, quire_error *err)
{
    size_t got = 0;
    uint8_t *page = qr_alloc_zero(pager->allocator, QR_PAGE_SIZE_MAX, err);
    if (page == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status =
        pager->file->methods->read(pager->file, page, QR_PAGE_SIZE_MAX, 0, &got, err);
    if (status == QUIRE_OK) {
        status = check_start(pager, page, got, err);
    }
    if (status == QUIRE_OK) {
        uint32_t page_size = qr_load32(page + QR_HEADER_PAGE_SIZE);
        if (!is_page_size(page_size) || got < page_size) {
            status = qr_fail_at(err, QUIRE_CORRUPT, pager->path, 0, 0,
                                "The header page of %s is damaged or cut off; restore it from a "
                                "backup.",
                                pager->path);
        } else {
            take_page_size(pager, page_size);
            status = decode_header(pager, page, header, err);
        }
    }
    qr_free(pager->allocator, page, QR_PAGE_SIZE_MAX);
    return status;
}

/* Whether the machine has been stopped since the file was written without syncs. */
static quire_status check_boot(const struct qr_pager *pager, const struct qr_file_header *header,
                               quire_error *err)
{
    if (header->boot == 0 || header->boot == pager->layer->methods->boot(pager->layer)) {
        return QUIRE_OK;
    }
    return qr_fail_at(
        err, QUIRE_CORRUPT, pager->path, 0, QR_HEADER_BOOT,
        "%s was in use with durability OFF when the machine stopped, and nobody knows "
        "what of it has reached the disk; restore it from a backup, or save what can "
        "be read with quire recover.",
        pager->path);
}

/* ---- Creation ---- */

static struct qr_wal_options wal_options(const struct qr_pager *pager)
{
    struct qr_wal_options options = {
        .layer = pager->layer,
        .allocator = pager->allocator,
        .path = pager->wal_path,
        .page_size = pager->page_size,
        .segment_bytes = pager->options.wal_segment_bytes,
        .bytes_max = pager->options.wal_bytes_max,
    };
    memcpy(options.database_id, pager->id, sizeof options.database_id);
    return options;
}

static quire_status write_image(struct qr_pager *pager, uint32_t page_number, uint8_t *page,
                                quire_error *err)
{
    qr_store64(page + QR_PAGE_LSN, 1);
    qr_page_seal(pager, page_number, page);
    return qr_file_write_one(pager->file, page, pager->page_size,
                             (uint64_t)page_number << pager->page_shift, err);
}

static quire_status write_new(struct qr_pager *pager, uint8_t *page, quire_error *err)
{
    QR_TRY(pager->file->methods->truncate(pager->file, 0, err));
    qr_page_init(page, pager->page_size, QR_PAGE_NUMBER_CATALOG, QR_PAGE_TYPE_NONE, 0);
    QR_TRY(write_image(pager, QR_PAGE_NUMBER_CATALOG, page, err));
    qr_page_init(page, pager->page_size, QR_PAGE_NUMBER_FREE_MAP, QR_PAGE_TYPE_FREE_MAP, 0);
    QR_TRY(write_image(pager, QR_PAGE_NUMBER_FREE_MAP, page, err));
    QR_TRY(qr_database_sync(pager, err));
    header_encode(pager, page);
    QR_TRY(write_image(pager, QR_PAGE_NUMBER_HEADER, page, err));
    QR_TRY(qr_database_sync(pager, err));
    if (QR_MUTANT(NO_DIRECTORY_SYNC)) {
        return QUIRE_OK;
    }
    return pager->layer->methods->sync_directory(pager->layer, pager->path, err);
}

quire_status qr_database_create(struct qr_pager *pager, struct qr_file_header *header,
                                quire_error *err)
{
    bool exists = false;
    QR_TRY(pager->layer->methods->exists(pager->layer, pager->wal_path, &exists, err));
    if (exists) {
        return qr_fail_at(err, QUIRE_LOG_MISMATCH, pager->wal_path, QUIRE_NO_PAGE, 0,
                          "A log %s lies beside %s, which is new and empty; move the log away, or "
                          "restore the database that it belongs to.",
                          pager->wal_path, pager->path);
    }
    take_page_size(pager, pager->options.page_size);
    QR_TRY(pager->layer->methods->random(pager->layer, pager->id, sizeof pager->id, err));
    pager->seed = qr_load64(pager->id);
    uint8_t *page = qr_alloc(pager->allocator, pager->page_size, err);
    if (page == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status = write_new(pager, page, err);
    qr_free(pager->allocator, page, pager->page_size);
    QR_TRY(status);
    *header = (struct qr_file_header){
        .page_size = pager->page_size, .pages = 3, .flags = QR_HEADER_FLAG_CLEAN, .sequence = 1};
    memcpy(header->id, pager->id, sizeof header->id);
    struct qr_wal_options options = wal_options(pager);
    return qr_wal_create(&options, &pager->wal, err);
}

/* ---- Redo ---- */

struct redo {
    struct qr_pager *pager;
    uint8_t *page;
    uint64_t applied;
};

/* Page 0 keeps its word about what is synced: it is taken back when all of the file is. */
static quire_status redo_header(struct redo *redo, const uint8_t *page, quire_error *err)
{
    struct qr_pager *pager = redo->pager;
    uint64_t boot = qr_load64(redo->page + QR_HEADER_BOOT);
    memcpy(redo->page, page, pager->page_size);
    qr_store64(redo->page + QR_HEADER_BOOT, boot);
    qr_page_seal(pager, QR_PAGE_NUMBER_HEADER, redo->page);
    return qr_file_write_one(pager->file, redo->page, pager->page_size, 0, err);
}

static quire_status redo_frame(void *context, const struct qr_wal_frame *frame, quire_error *err)
{
    struct redo *redo = context;
    struct qr_pager *pager = redo->pager;
    if (frame->page_number == QR_WAL_PACK) {
        return QUIRE_OK; /* images of its pages follow */
    }
    uint64_t offset = (uint64_t)frame->page_number << pager->page_shift;
    size_t got = 0;
    if (qr_page_verify(pager, frame->page_number, frame->page, NULL) != QUIRE_OK) {
        return qr_fail_at(err, QUIRE_CORRUPT, pager->wal_path, frame->page_number, frame->offset,
                          "The log %s holds at offset %llu a page that is not of this database; "
                          "keep both files and restore from a backup.",
                          pager->wal_path, (unsigned long long)frame->offset);
    }
    QR_TRY(
        pager->file->methods->read(pager->file, redo->page, pager->page_size, offset, &got, err));
    bool readable = got == pager->page_size &&
                    qr_page_verify(pager, frame->page_number, redo->page, NULL) == QUIRE_OK;
    uint64_t newer = QR_MUTANT(STRICT_REDO) ? 0 : 1;
    if (readable && qr_page_lsn(redo->page) >= qr_page_lsn(frame->page) + newer) {
        return QUIRE_OK;
    }
    redo->applied++;
    if (readable && frame->page_number == QR_PAGE_NUMBER_HEADER) {
        return redo_header(redo, frame->page, err);
    }
    return qr_file_write_one(pager->file, frame->page, pager->page_size, offset, err);
}

static quire_status redo_log(struct qr_pager *pager, quire_error *err)
{
    struct qr_wal_scan_result result;
    struct redo redo = {.pager = pager};
    redo.page = qr_alloc(pager->allocator, pager->page_size, err);
    if (redo.page == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status = qr_wal_scan(pager->wal, redo_frame, &redo, &result, err);
    qr_free(pager->allocator, redo.page, pager->page_size);
    QR_TRY(status);
    QR_TRY(qr_file_resize(pager, result.pages, false, err));
    return QR_MUTANT(NO_REDO_SYNC) ? QUIRE_OK : qr_database_sync(pager, err);
}

/* Free pages of the database, counted on the map pages. */
static quire_status count_free(struct qr_pager *pager, uint8_t *page, uint32_t pages,
                               uint32_t *free_pages, quire_error *err)
{
    uint32_t bits = qr_free_map_bits(pager->page_size);
    *free_pages = 0;
    for (uint64_t at = QR_PAGE_NUMBER_FREE_MAP; at < pages; at += bits) {
        QR_TRY(qr_page_read(pager, (uint32_t)at, page, err));
        for (uint32_t i = QR_PAGE_HEADER_SIZE; i < pager->page_size; i += 8) {
            *free_pages += qr_bit_count(qr_load64(page + i));
        }
    }
    return QUIRE_OK;
}

/* Brings the numbers of page 0 up to the log's last group. The log has a frame of page 0, so that a
 * torn write is repaired by the next recovery. */
static quire_status rewrite_header(struct qr_pager *pager, struct qr_file_header *header,
                                   const struct qr_wal_scan_result *result, quire_error *err)
{
    uint8_t *page = qr_alloc(pager->allocator, pager->page_size, err);
    if (page == NULL) {
        return QUIRE_NO_MEMORY;
    }
    header->pages = QR_MUTANT(OLD_PAGE_COUNT) ? header->pages : result->pages;
    header->sequence = result->last_lsn > header->sequence ? result->last_lsn : header->sequence;
    quire_status status = count_free(pager, page, header->pages, &header->free_pages, err);
    if (status == QUIRE_OK) {
        status = qr_page_read(pager, QR_PAGE_NUMBER_HEADER, page, err);
    }
    if (status == QUIRE_OK) {
        qr_header_stamp(page, &(struct qr_header_numbers){.sequence = header->sequence,
                                                          .pages = header->pages,
                                                          .free_pages = header->free_pages});
        header->boot = 0;
        qr_store64(page + QR_PAGE_LSN, header->sequence);
        qr_page_seal(pager, QR_PAGE_NUMBER_HEADER, page);
        header->flags &= ~QR_HEADER_FLAG_CLEAN;
        status = qr_file_write_one(pager->file, page, pager->page_size, 0, err);
    }
    if (status == QUIRE_OK && !QR_MUTANT(NO_REDO_SYNC)) {
        status = qr_database_sync(pager, err);
    }
    qr_free(pager->allocator, page, pager->page_size);
    return status;
}

quire_status qr_recover_fail_short(const struct qr_pager *pager, uint64_t in_file, uint32_t pages,
                                   uint32_t lost, quire_error *err)
{
    return qr_fail_at(
        err, QUIRE_CORRUPT, pager->path, lost, (uint64_t)lost << pager->page_shift,
        "%s has been cut short: it ends behind %llu of its %lu pages, and page %lu is "
        "neither in it nor in its log. Nothing was changed; keep both files and "
        "restore from a backup, or save what can be read with quire recover.",
        pager->path, (unsigned long long)in_file, (unsigned long)pages, (unsigned long)lost);
}

/* The log has nothing that the file lacks. */
static quire_status check_length(struct qr_pager *pager, uint32_t pages, quire_error *err)
{
    uint64_t in_file = 0;
    QR_TRY(qr_file_pages(pager, &in_file, err));
    return in_file >= pages ? QUIRE_OK
                            : qr_recover_fail_short(pager, in_file, pages, (uint32_t)in_file, err);
}

/* The log has segments in use. */
static quire_status recover_log(struct qr_pager *pager, const struct qr_wal_options *options,
                                struct qr_file_header *header, quire_error *err)
{
    struct qr_wal_scan_result result;
    QR_TRY(qr_wal_scan(pager->wal, NULL, NULL, &result, err));
    if (result.frames > 0) {
        QR_TRY(qr_log_complete(pager, options, &result, err));
        if (!QR_MUTANT(NO_HARDENING)) {
            QR_TRY(qr_wal_harden(pager->wal, err));
        }
        QR_TRY(redo_log(pager, err));
        QR_TRY(qr_header_read(pager, header, err));
        QR_TRY(check_boot(pager, header, err));
        QR_TRY(rewrite_header(pager, header, &result, err));
    } else {
        QR_TRY(check_length(pager, header->pages, err));
    }
    return qr_wal_reset(pager->wal, err);
}

/* ---- Opening the log ---- */

static quire_status fail_log_missing(const struct qr_pager *pager, quire_error *err)
{
    return qr_fail_at(err, QUIRE_LOG_MISSING, pager->wal_path, QUIRE_NO_PAGE, 0,
                      "%s was not closed cleanly and its log %s is missing: the newest commits "
                      "are in the log. Put it back, or restore from a backup.",
                      pager->path, pager->wal_path);
}

/* A database that was closed cleanly, or never written, is complete without a log. */
static quire_status create_log(struct qr_pager *pager, const struct qr_file_header *header,
                               bool exists, quire_error *err)
{
    struct qr_wal_options options = wal_options(pager);
    if ((header->flags & QR_HEADER_FLAG_CLEAN) == 0) {
        return fail_log_missing(pager, err);
    }
    QR_TRY(check_length(pager, header->pages, err));
    if (exists) {
        QR_TRY(pager->layer->methods->remove(pager->layer, pager->wal_path, err));
    }
    return qr_wal_create(&options, &pager->wal, err);
}

/* When page 0 does not verify but is a header page, the log says whose it is and may hold an intact
 * image of it. */
static quire_status identify_by_log(struct qr_pager *pager, struct qr_file_header *header,
                                    quire_error *err)
{
    uint8_t start[QR_PAGE_SIZE_MIN];
    size_t got = 0;
    uint32_t page_size = 0;
    QR_TRY(pager->file->methods->read(pager->file, start, sizeof start, 0, &got, err));
    QR_TRY(check_start(pager, start, got, err));
    QR_TRY(qr_wal_identify(pager->layer, pager->wal_path, header->id, &page_size, err));
    if (!is_page_size(page_size) || memcmp(header->id, start + QR_HEADER_ID, 16) != 0) {
        return qr_fail_at(err, QUIRE_LOG_MISMATCH, pager->wal_path, QUIRE_NO_PAGE, 0,
                          "The log %s belongs to another database than %s; put the right one "
                          "beside it.",
                          pager->wal_path, pager->path);
    }
    take_page_size(pager, page_size);
    return QUIRE_OK;
}

/* Reads the header, with the log's help when it is damaged. */
quire_status qr_recover_identify(struct qr_pager *pager, struct qr_file_header *header,
                                 quire_error *err)
{
    quire_error error = QUIRE_ERROR_INIT;
    bool exists = false;
    *header = (struct qr_file_header){0};
    quire_status status = qr_header_read(pager, header, &error);
    if (status == QUIRE_CORRUPT && !pager->read_only) {
        QR_TRY(pager->layer->methods->exists(pager->layer, pager->wal_path, &exists, err));
        if (exists && identify_by_log(pager, header, NULL) == QUIRE_OK) {
            status = QUIRE_OK;
            header->sequence = 0;
        }
    }
    if (status != QUIRE_OK) {
        if (err != NULL) {
            *err = error;
        }
        return status;
    }
    memcpy(pager->id, header->id, sizeof pager->id);
    pager->seed = qr_load64(pager->id);
    return check_boot(pager, header, err);
}

/* The program stopped that wrote without syncs, and nothing was left in its log: what it wrote is
 * made durable, and then page 0 says no more that it is not. */
static quire_status settle_boot(struct qr_pager *pager, struct qr_file_header *header,
                                quire_error *err)
{
    if (!QR_MUTANT(NO_SETTLE_SYNC)) {
        QR_TRY(qr_wal_sync(pager->wal, err)); /* what was released stays released */
    }
    QR_TRY(qr_database_sync(pager, err));
    uint8_t *page = qr_alloc(pager->allocator, pager->page_size, err);
    if (page == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status = qr_page_read(pager, QR_PAGE_NUMBER_HEADER, page, err);
    if (status == QUIRE_OK) {
        qr_store64(page + QR_HEADER_BOOT, 0);
        qr_page_seal(pager, QR_PAGE_NUMBER_HEADER, page);
        status = qr_file_write_one(pager->file, page, pager->page_size, 0, err);
    }
    qr_free(pager->allocator, page, pager->page_size);
    QR_TRY(status);
    header->boot = 0;
    return qr_database_sync(pager, err);
}

quire_status qr_recover(struct qr_pager *pager, struct qr_file_header *header, quire_error *err)
{
    struct qr_wal_options options = wal_options(pager);
    options.database_lsn = header->sequence;
    struct qr_wal_stats stats;
    quire_error error = QUIRE_ERROR_INIT;
    quire_status status = qr_wal_open(&options, false, &pager->wal, &error);
    if (status == QUIRE_NO_FILE || status == QUIRE_LOG_MISSING) {
        return create_log(pager, header, status == QUIRE_LOG_MISSING, err);
    }
    if (status != QUIRE_OK) {
        if (err != NULL) {
            *err = error;
        }
        return status;
    }
    qr_wal_get_stats(pager->wal, &stats);
    bool clean = (header->flags & QR_HEADER_FLAG_CLEAN) != 0;
    if (!clean && stats.segments == 0) {
        return qr_fail_at(err, QUIRE_CORRUPT, pager->wal_path, QUIRE_NO_PAGE, stats.file_bytes,
                          "%s was not closed cleanly and its log %s is cut short; put the whole "
                          "log back, or restore from a backup.",
                          pager->path, pager->wal_path);
    }
    if (stats.segments_free < stats.segments) {
        QR_TRY(recover_log(pager, &options, header, err));
        clean = false;
    } else {
        QR_TRY(check_length(pager, header->pages, err));
    }
    if (header->pages == 0) { /* identified by the log, which could not repair it */
        return qr_header_read(pager, header, err);
    }
    if (header->boot != 0) {
        QR_TRY(settle_boot(pager, header, err));
    }
    if (!clean) {
        header->sequence += SEQUENCE_SKIP;
    }
    return QUIRE_OK;
}

/* ---- Read-only ---- */

struct overlay {
    struct qr_pager *pager;
    size_t due;      /* pages that cannot be told before an image of them is met */
    quire_error why; /* the last of them */
};

/* The frame that a page has in the overlay. It begins with what the file holds, which may be newer
 * than anything in the log; a page that does not verify there, because its writing was cut off or
 * goes on, has the number 0. */
static quire_status overlay_page(struct qr_pager *pager, uint32_t page_number, uint32_t *frame,
                                 quire_error *err)
{
    struct qr_cache *cache = &pager->cache;
    QR_TRY(qr_cache_cover(pager, page_number + 1, err));
    *frame = qr_chain_head(pager, page_number);
    if (*frame != QR_REF_NONE) {
        return QUIRE_OK;
    }
    QR_TRY(qr_frame_alloc(pager, frame, err));
    uint8_t *page = qr_frame_bytes(pager, *frame);
    struct qr_version *version = &cache->frame[*frame];
    version->page_number = page_number;
    version->state = QR_VERSION_NEWEST;
    cache->frames_overlaid++;
    atomic_store_explicit(&cache->table[page_number], *frame, memory_order_relaxed);
    quire_error error = QUIRE_ERROR_INIT;
    quire_status status = qr_page_read(pager, page_number, page, &error);
    if (status == QUIRE_CORRUPT) {
        qr_store64(page + QR_PAGE_LSN, 0);
    } else if (status != QUIRE_OK && err != NULL) {
        *err = error;
    }
    version->seq = qr_page_lsn(page);
    return status == QUIRE_CORRUPT ? QUIRE_OK : status;
}

/* A change that does not apply to the page at hand belongs to one that the file has lost, or never
 * had: an image of the page follows in the log, since it was there before the file was written.
 * Until it is met the page is marked as one that is due. */
static quire_status overlay_change(struct overlay *overlay, const struct qr_pack_record *record,
                                   quire_error *err)
{
    struct qr_pager *pager = overlay->pager;
    uint32_t at = QR_REF_NONE;
    QR_TRY(overlay_page(pager, record->page_number, &at, err));
    struct qr_version *version = &pager->cache.frame[at];
    uint8_t *page = qr_frame_bytes(pager, at);
    if (version->image == QR_IMAGE_DUE) {
        return QUIRE_OK;
    }
    if (qr_log_apply(pager, record, page, &overlay->why) != QUIRE_OK) {
        version->image = QR_IMAGE_DUE;
        overlay->due++;
    }
    version->seq = qr_page_lsn(page);
    return QUIRE_OK;
}

static quire_status overlay_frame(void *context, const struct qr_wal_frame *frame, quire_error *err)
{
    struct overlay *overlay = context;
    struct qr_pager *pager = overlay->pager;
    uint32_t at = QR_REF_NONE;
    if (frame->page_number == QR_WAL_PACK) {
        struct qr_pack_record record;
        uint32_t next = 0;
        while (qr_pack_next(frame->page, pager->page_size, &next, &record)) {
            QR_TRY(overlay_change(overlay, &record, err));
        }
        return QUIRE_OK;
    }
    QR_TRY(qr_page_verify(pager, frame->page_number, frame->page, err));
    QR_TRY(overlay_page(pager, frame->page_number, &at, err));
    struct qr_version *version = &pager->cache.frame[at];
    overlay->due -= version->image == QR_IMAGE_DUE;
    version->image = 0;
    if (version->seq <= qr_page_lsn(frame->page)) {
        version->seq = qr_page_lsn(frame->page);
        memcpy(qr_frame_bytes(pager, at), frame->page, pager->page_size);
    }
    return QUIRE_OK;
}

static void drop_overlay(struct qr_pager *pager)
{
    struct qr_cache *cache = &pager->cache;
    qr_mutex_lock(&cache->lock);
    for (uint32_t f = 1; f <= cache->frames_high; f++) {
        if (cache->frame[f].state == QR_VERSION_NEWEST) {
            atomic_store_explicit(&cache->table[cache->frame[f].page_number], QR_REF_NONE,
                                  memory_order_relaxed);
            qr_frame_free(pager, f);
        }
    }
    cache->frames_overlaid = 0;
    qr_mutex_unlock(&cache->lock);
}

/* A number of pages that neither file nor log can bear out is damage: each map page at which the
 * database has arrived is in one of them. */
static quire_status check_pages(struct qr_pager *pager, uint32_t pages, uint32_t page_max,
                                quire_error *err)
{
    uint64_t in_file = 0;
    QR_TRY(qr_file_pages(pager, &in_file, err));
    uint64_t last = in_file > (uint64_t)page_max + 1 ? in_file - 1 : page_max;
    uint64_t bits = qr_free_map_bits(pager->page_size);
    uint64_t next_map =
        last < QR_PAGE_NUMBER_FREE_MAP
            ? QR_PAGE_NUMBER_FREE_MAP
            : (last - QR_PAGE_NUMBER_FREE_MAP) / bits * bits + bits + QR_PAGE_NUMBER_FREE_MAP;
    if (pages > next_map) {
        return qr_fail_at(
            err, QUIRE_CORRUPT, pager->path, 0, QR_HEADER_PAGES,
            "%s is said to have %lu pages, of which most are neither in it nor in its "
            "log; keep both files and restore from a backup, or save what can be "
            "read with quire recover.",
            pager->path, (unsigned long)pages);
    }
    return QUIRE_OK;
}

static quire_status overlay_log(struct qr_pager *pager, struct qr_file_header *header,
                                quire_error *err)
{
    struct qr_wal_options options = wal_options(pager);
    options.database_lsn = header->sequence;
    struct overlay overlay = {.pager = pager};
    struct qr_wal_scan_result result;
    struct qr_wal *wal = NULL;
    quire_error error = QUIRE_ERROR_INIT;
    quire_status status = qr_wal_open(&options, true, &wal, &error);
    if (status == QUIRE_NO_FILE || status == QUIRE_LOG_MISSING) {
        return (header->flags & QR_HEADER_FLAG_CLEAN) != 0
                   ? check_pages(pager, header->pages, 0, err)
                   : fail_log_missing(pager, err);
    }
    if (status == QUIRE_OK) {
        status = qr_wal_scan(wal, overlay_frame, &overlay, &result, &error);
    }
    if (status == QUIRE_OK) {
        status = check_pages(pager, result.frames > 0 ? result.pages : header->pages,
                             result.page_max, &error);
    }
    if (status == QUIRE_OK && overlay.due > 0) {
        status = QUIRE_CORRUPT;
        error = overlay.why;
    }
    qr_wal_close(wal);
    if (status != QUIRE_OK) {
        if (err != NULL) {
            *err = error;
        }
        return status;
    }
    if (result.frames > 0) {
        header->pages = result.pages;
        header->sequence = result.last_lsn > header->sequence ? result.last_lsn : header->sequence;
    }
    return QUIRE_OK;
}

quire_status qr_recover_read_only(struct qr_pager *pager, struct qr_file_header *header,
                                  quire_error *err)
{
    quire_status status = QUIRE_OK;
    for (int tries = 0; tries < 16; tries++) {
        struct qr_file_header after;
        uint64_t before = header->sequence;
        status = overlay_log(pager, header, err);
        if (status == QUIRE_OK) {
            status = qr_header_read(pager, &after, err);
        }
        /* Another process may have emptied the log between the two reads: then begin again. */
        if (status == QUIRE_OK && after.sequence == before) {
            return QUIRE_OK;
        }
        if (status != QUIRE_OK && status != QUIRE_CORRUPT && status != QUIRE_SNAPSHOT_TOO_OLD) {
            return status;
        }
        drop_overlay(pager);
        if (status == QUIRE_OK) {
            *header = after;
        }
        qr_yield();
    }
    return status != QUIRE_OK ? status
                              : qr_fail(err, QUIRE_SNAPSHOT_TOO_OLD,
                                        "%s is being checkpointed too fast to be read from "
                                        "another process; try again.",
                                        pager->path);
}
