/*
 * Making a damaged database readable.
 *
 * Most damage does not keep a database from being opened for reading: what
 * fails is the page that is damaged. When header or log do, a working copy is
 * made: every page of the file that verifies, sealed for a new identity, then
 * the committed frames of the log if that can be read, then a new header that
 * says the copy is complete. Pages that do not verify stay zero, which no
 * checksum matches.
 *
 * The identity, which seeds the checksums, is taken from the header page as far
 * as that is readable, or from the log; whichever makes most pages verify. When
 * neither does, pages are taken by their structure alone: they must carry their
 * own number and a known type.
 */
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "engine/salvage.h"
#include "pager/page_format.h"
#include "wal/wal.h"
#include "wal/wal_pack.h"

/* Pages looked at to tell whether an identity is the right one. */
#define PROBE_PAGES 256U

struct rebuild {
    const struct qr_maintenance_place *place;
    const char *path;
    struct qr_file *from, *to;
    uint8_t *page; /* of the largest size */
    uint32_t page_size;
    uint8_t id[16];
    bool sealed; /* the identity is known: checksums tell */
    uint8_t new_id[16];
    uint32_t pages;
    uint64_t lsn_max;
    bool log_used;
};

static bool is_page_size(uint32_t size)
{
    return size >= QR_PAGE_SIZE_MIN && size <= QR_PAGE_SIZE_MAX && (size & (size - 1)) == 0;
}

/* ---- Pages of the damaged file ---- */

static bool page_holds(const struct rebuild *b, uint32_t number)
{
    const uint8_t *page = b->page;
    if (qr_page_number(page) != number || page[QR_PAGE_TYPE] > QR_PAGE_TYPE_HASH_BUCKET) {
        return false;
    }
    if (!b->sealed) {
        return page[QR_PAGE_TYPE] > QR_PAGE_TYPE_HEADER;
    }
    return qr_load64(page + QR_PAGE_CHECKSUM) ==
           qr_hash64(page + QR_PAGE_LSN, b->page_size - QR_PAGE_LSN, qr_load64(b->id) ^ number);
}

/* Reads a page; *whole says whether it is one, and holds. An unreadable sector is damage. */
static quire_status read_page(const struct rebuild *b, uint32_t number, bool *whole,
                              quire_error *err)
{
    size_t got = 0;
    quire_status status = b->from->methods->read(b->from, b->page, b->page_size,
                                                 (uint64_t)number * b->page_size, &got, err);
    *whole = status == QUIRE_OK && got == b->page_size && page_holds(b, number);
    return status == QUIRE_IO ? QUIRE_OK : status;
}

static quire_status count_pages(struct rebuild *b, uint64_t *pages, quire_error *err)
{
    uint64_t size;
    QR_TRY(b->from->methods->size(b->from, &size, err));
    *pages = (size + b->page_size - 1) / b->page_size;
    if (*pages > UINT32_MAX - 1) {
        *pages = UINT32_MAX - 1;
    }
    return QUIRE_OK;
}

/* ---- Identity ---- */

struct candidate {
    uint32_t page_size;
    uint8_t id[16];
    bool sealed;
    uint32_t score; /* pages that verify */
};

/* Looks at the first pages under a candidate, and keeps it when it is better than the best. */
static quire_status try_candidate(struct rebuild *b, struct candidate candidate,
                                  struct candidate *best, quire_error *err)
{
    uint64_t pages;
    b->page_size = candidate.page_size;
    b->sealed = candidate.sealed;
    memcpy(b->id, candidate.id, sizeof b->id);
    QR_TRY(count_pages(b, &pages, err));
    for (uint32_t i = 1; i < pages && i < PROBE_PAGES; i++) {
        bool whole;
        QR_TRY(read_page(b, i, &whole, err));
        candidate.score += whole;
    }
    if (candidate.score > best->score) {
        *best = candidate;
    }
    return QUIRE_OK;
}

static quire_status try_sizes(struct rebuild *b, struct candidate candidate, struct candidate *best,
                              quire_error *err)
{
    for (uint32_t size = QR_PAGE_SIZE_MIN; size <= QR_PAGE_SIZE_MAX; size *= 2) {
        candidate.page_size = size;
        QR_TRY(try_candidate(b, candidate, best, err));
    }
    return QUIRE_OK;
}

static quire_status identify(struct rebuild *b, const char *log_path, quire_error *err)
{
    struct candidate best = {.score = 0};
    struct candidate header = {.sealed = true};
    struct candidate log = {.sealed = true};
    struct candidate none = {.sealed = false};
    uint8_t start[QR_HEADER_END] = {0};
    size_t got = 0;
    if (b->from->methods->read(b->from, start, sizeof start, 0, &got, NULL) == QUIRE_OK) {
        memcpy(header.id, start + QR_HEADER_ID, sizeof header.id);
        QR_TRY(try_sizes(b, header, &best, err));
    }
    struct qr_file_layer *layer = b->place->layer;
    if (qr_wal_identify(layer, log_path, log.id, &log.page_size, NULL) == QUIRE_OK &&
        is_page_size(log.page_size)) {
        QR_TRY(try_candidate(b, log, &best, err));
    }
    if (best.score == 0) {
        QR_TRY(try_sizes(b, none, &best, err));
    }
    if (best.score == 0) {
        return qr_fail_at(err, QUIRE_NOT_A_DATABASE, b->path, QUIRE_NO_PAGE, 0,
                          "Nothing in %s looks like a page of a Quire database.", b->path);
    }
    b->page_size = best.page_size;
    b->sealed = best.sealed;
    memcpy(b->id, best.id, sizeof b->id);
    return QUIRE_OK;
}

/* ---- The working copy ---- */

static quire_status write_page(struct rebuild *b, uint32_t number, uint8_t *page, quire_error *err)
{
    uint64_t lsn = qr_page_lsn(page);
    b->lsn_max = lsn > b->lsn_max ? lsn : b->lsn_max;
    b->pages = number >= b->pages ? number + 1 : b->pages;
    qr_image_seal(page, b->page_size, number, qr_load64(b->new_id));
    return qr_file_write_one(b->to, page, b->page_size, (uint64_t)number * b->page_size, err);
}

static quire_status copy_pages(struct rebuild *b, quire_error *err)
{
    uint64_t pages;
    QR_TRY(count_pages(b, &pages, err));
    b->pages = pages < 3 ? 3 : (uint32_t)pages;
    for (uint32_t i = 1; i < pages; i++) {
        bool whole;
        QR_TRY(read_page(b, i, &whole, err));
        if (whole) {
            QR_TRY(write_page(b, i, b->page, err));
        }
    }
    return QUIRE_OK;
}

/* Reads a page of the copy; *whole says whether there is one. */
static quire_status read_copied(struct rebuild *b, uint32_t number, bool *whole, quire_error *err)
{
    size_t got = 0;
    QR_TRY(b->to->methods->read(b->to, b->page, b->page_size, (uint64_t)number * b->page_size, &got,
                                err));
    *whole = got == b->page_size && qr_load64(b->page + QR_PAGE_CHECKSUM) ==
                                        qr_hash64(b->page + QR_PAGE_LSN, b->page_size - QR_PAGE_LSN,
                                                  qr_load64(b->new_id) ^ number);
    return QUIRE_OK;
}

/* Applies changes to pages of the copy; one that is not there, or is another version, stays as it
 * is. */
static quire_status copy_changes(struct rebuild *b, const uint8_t *pack, quire_error *err)
{
    struct qr_pack_record record;
    uint32_t at = 0;
    while (qr_pack_next(pack, b->page_size, &at, &record)) {
        bool whole;
        QR_TRY(read_copied(b, record.page_number, &whole, err));
        if (whole && qr_pack_apply(&record, b->page) == QR_PACK_APPLIED) {
            QR_TRY(write_page(b, record.page_number, b->page, err));
        }
    }
    return QUIRE_OK;
}

static quire_status copy_frame(void *context, const struct qr_wal_frame *frame, quire_error *err)
{
    struct rebuild *b = context;
    uint32_t number = frame->page_number;
    bool whole;
    if (number == QR_WAL_PACK) {
        return copy_changes(b, frame->page, err);
    }
    QR_TRY(read_copied(b, number, &whole, err));
    bool newer = whole && qr_page_lsn(b->page) > qr_page_lsn(frame->page);
    memcpy(b->page, frame->page, b->page_size);
    if (newer || number == QR_PAGE_NUMBER_HEADER || !page_holds(b, number)) {
        return QUIRE_OK;
    }
    return write_page(b, number, b->page, err);
}

/* A log that cannot be read is given up: the file alone is better than nothing. */
static quire_status copy_log(struct rebuild *b, const char *log_path, quire_error *err)
{
    struct qr_wal_options options = {.layer = b->place->layer,
                                     .allocator = b->place->allocator,
                                     .path = log_path,
                                     .page_size = b->page_size};
    struct qr_wal_scan_result result;
    struct qr_wal *wal = NULL;
    if (!b->sealed) {
        return QUIRE_OK;
    }
    memcpy(options.database_id, b->id, sizeof options.database_id);
    quire_status status = qr_wal_open(&options, true, &wal, NULL);
    if (status == QUIRE_OK) {
        status = qr_wal_scan(wal, copy_frame, b, &result, err);
    }
    qr_wal_close(wal);
    b->log_used = status == QUIRE_OK;
    return status == QUIRE_NO_SPACE || status == QUIRE_NO_MEMORY ? status : QUIRE_OK;
}

static quire_status write_header(struct rebuild *b, quire_error *err)
{
    uint8_t *page = b->page;
    qr_image_blank(page, b->page_size, QR_PAGE_NUMBER_HEADER);
    page[QR_PAGE_TYPE] = QR_PAGE_TYPE_HEADER;
    memcpy(page + QR_HEADER_MAGIC, QR_HEADER_MAGIC_BYTES, QR_HEADER_MAGIC_SIZE);
    qr_store32(page + QR_HEADER_FORMAT, QR_HEADER_FORMAT_NOW);
    qr_store32(page + QR_HEADER_READER_FORMAT, QR_HEADER_FORMAT_NOW);
    qr_store32(page + QR_HEADER_PAGE_SIZE, b->page_size);
    qr_store32(page + QR_HEADER_FLAGS, QR_HEADER_FLAG_CLEAN);
    memcpy(page + QR_HEADER_ID, b->new_id, sizeof b->new_id);
    qr_store64(page + QR_HEADER_SEQUENCE, b->lsn_max + 1);
    qr_store32(page + QR_HEADER_PAGES, b->pages);
    qr_store32(page + QR_HEADER_CATALOG_ROOT, QR_PAGE_NUMBER_CATALOG);
    qr_store32(page + QR_HEADER_FREE_MAP_FIRST, QR_PAGE_NUMBER_FREE_MAP);
    qr_store64(page + QR_HEADER_CREATED, (uint64_t)qr_clock_wall_ns());
    qr_store64(page + QR_PAGE_LSN, b->lsn_max + 1);
    qr_image_seal(page, b->page_size, QR_PAGE_NUMBER_HEADER, 0);
    QR_TRY(qr_file_write_one(b->to, page, b->page_size, 0, err));
    return b->to->methods->truncate(b->to, (uint64_t)b->pages * b->page_size, err);
}

/* A sound header that asks for a newer library is believed. */
static quire_status check_format(const struct rebuild *b, quire_error *err)
{
    size_t got = 0;
    const uint8_t *page = b->page;
    if (b->from->methods->read(b->from, b->page, b->page_size, 0, &got, NULL) == QUIRE_OK &&
        got == b->page_size && qr_load32(page + QR_HEADER_READER_FORMAT) > QR_HEADER_FORMAT_NOW &&
        qr_load64(page + QR_PAGE_CHECKSUM) ==
            qr_hash64(page + QR_PAGE_LSN, b->page_size - QR_PAGE_LSN, 0)) {
        return qr_fail_at(err, QUIRE_FORMAT_VERSION, b->path, 0, QR_HEADER_READER_FORMAT,
                          "%s is written in a format that this library cannot read; use a newer "
                          "version.",
                          b->path);
    }
    return QUIRE_OK;
}

static quire_status build(struct rebuild *b, const char *log_path, quire_error *err)
{
    struct qr_file_layer *layer = b->place->layer;
    QR_TRY(layer->methods->random(layer, b->new_id, sizeof b->new_id, err));
    QR_TRY(identify(b, log_path, err));
    QR_TRY(check_format(b, err));
    QR_TRY(copy_pages(b, err));
    QR_TRY(copy_log(b, log_path, err));
    return write_header(b, err);
}

static quire_status build_copy(const struct qr_maintenance_place *place, const char *damaged,
                               const char *log_path, const char *work_path, bool *log_used,
                               quire_error *err)
{
    struct qr_file_layer *layer = place->layer;
    struct rebuild b = {.place = place, .path = damaged};
    quire_status status;
    b.page = qr_alloc(place->allocator, QR_PAGE_SIZE_MAX, err);
    if (b.page == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY_GOTO(status, layer->methods->open(layer, damaged, QR_OPEN_READ, &b.from, err), no_from);
    QR_TRY_GOTO(status,
                layer->methods->open(layer, work_path, QR_OPEN_WRITE | QR_OPEN_CREATE, &b.to, err),
                no_to);
    QR_TRY_GOTO(status, b.to->methods->truncate(b.to, 0, err), done);
    status = build(&b, log_path, err);
    *log_used = b.log_used;
done:
    b.to->methods->close(b.to);
no_to:
    b.from->methods->close(b.from);
no_from:
    qr_free(place->allocator, b.page, QR_PAGE_SIZE_MAX);
    return status;
}

/* ---- The source ---- */

static bool is_damage(quire_status status)
{
    return status == QUIRE_CORRUPT || status == QUIRE_NOT_A_DATABASE ||
           status == QUIRE_LOG_MISMATCH || status == QUIRE_LOG_MISSING ||
           status == QUIRE_SNAPSHOT_TOO_OLD || status == QUIRE_FORMAT_VERSION || status == QUIRE_IO;
}

quire_status qr_salvage_source_open(struct qr_salvage_source *source,
                                    const struct qr_maintenance_place *place, const char *damaged,
                                    const char *work_path, quire_error *err)
{
    *source = (struct qr_salvage_source){.log_used = true};
    quire_status status = qr_maintenance_open_source(place, damaged, &source->db, err);
    if (!is_damage(status)) {
        return status;
    }
    char *log_path = qr_path_join(place, damaged, "-wal", err);
    source->work_path = qr_path_join(place, work_path, "", err);
    status = log_path == NULL || source->work_path == NULL
                 ? QUIRE_NO_MEMORY
                 : build_copy(place, damaged, log_path, work_path, &source->log_used, err);
    qr_path_free(place, log_path);
    QR_TRY(status);
    return qr_maintenance_open(place, work_path, QUIRE_OPEN_READ_ONLY, 0, &source->db, err);
}

void qr_salvage_source_close(struct qr_salvage_source *source,
                             const struct qr_maintenance_place *place)
{
    (void)quire_close(source->db, NULL);
    if (source->work_path != NULL) {
        (void)place->layer->methods->remove(place->layer, source->work_path, NULL);
    }
    qr_path_free(place, source->work_path);
    *source = (struct qr_salvage_source){.db = NULL};
}
