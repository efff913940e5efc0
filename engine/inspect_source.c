/*
 * Pages as they lie in the files, for databases that cannot be opened: the
 * header page judged field by field, the log's accepted frames laid over the
 * file, every page checked by itself. Nothing here goes through the pager.
 *
 * When the header page is damaged, page size and id are taken from the log if
 * it is readable. A candidate id counts when a page verifies under it.
 *
 * Memory: one page and the index of the log (wal_index.h).
 */
#include "base/hash.h"
#include "engine/inspect_internal.h"
#include "wal/wal.h"
#include "wal/wal_format.h"
#include "wal/wal_inspect.h"
#include "wal/wal_pack.h"

#include <stdlib.h>
#include <string.h>

char *qr_log_path(const quire_allocator *allocator, const char *path, size_t *size,
                  quire_error *err)
{
    size_t length = strlen(path);
    *size = length + sizeof "-wal";
    char *log = qr_alloc(allocator, *size, err);
    if (log != NULL) {
        memcpy(log, path, length);
        memcpy(log + length, "-wal", sizeof "-wal");
    }
    return log;
}

quire_status qr_source_open(struct qr_source *source, const struct qr_inspect_place *place,
                            quire_error *err)
{
    *source = (struct qr_source){.place = *place, .logged = {.allocator = place->allocator}};
    source->log_path = qr_log_path(place->allocator, place->path, &source->log_path_size, err);
    if (source->log_path == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(
        place->layer->methods->open(place->layer, place->path, QR_OPEN_READ, &source->file, err));
    return source->file->methods->size(source->file, &source->file_bytes, err);
}

void qr_source_close(struct qr_source *source)
{
    if (source->file != NULL) {
        source->file->methods->close(source->file);
    }
    if (source->log != NULL) {
        source->log->methods->close(source->log);
    }
    qr_log_index_free(&source->logged);
    qr_free(source->place.allocator, source->log_path, source->log_path_size);
}

/* ---- Header ---- */

static bool is_page_size(uint32_t size)
{
    return size >= QR_PAGE_SIZE_MIN && size <= QR_PAGE_SIZE_MAX && (size & (size - 1)) == 0;
}

/* The first flaw of the header page. `got` bytes of it are there. */
static bool header_flaw(const uint8_t *page, size_t got, enum qr_inspect_code *code,
                        uint32_t *offset)
{
    uint32_t page_size = qr_load32(page + QR_HEADER_PAGE_SIZE);
    *offset = 0;
    *code = QR_INSPECT_HEADER_SHORT;
    if (got < QR_PAGE_SIZE_MIN) {
        *offset = (uint32_t)got;
        return true;
    }
    *code = QR_INSPECT_HEADER_MAGIC;
    *offset = QR_HEADER_MAGIC;
    if (memcmp(page + QR_HEADER_MAGIC, QR_HEADER_MAGIC_BYTES, QR_HEADER_MAGIC_SIZE) != 0) {
        return true;
    }
    /* A flipped bit in a number is damage; the number is believed only under a sound checksum. */
    *code = QR_INSPECT_HEADER_PAGE_SIZE;
    *offset = QR_HEADER_PAGE_SIZE;
    if (!is_page_size(page_size)) {
        return true;
    }
    *code = QR_INSPECT_HEADER_SHORT;
    *offset = (uint32_t)got;
    if (got < page_size) {
        return true;
    }
    static const uint8_t no_id[16] = {0};
    *code = QR_INSPECT_HEADER_CHECKSUM;
    *offset = QR_PAGE_CHECKSUM;
    if (qr_page_sum(page, page_size, 0, no_id) != qr_load64(page + QR_PAGE_CHECKSUM)) {
        return true;
    }
    *code = QR_INSPECT_HEADER_FORMAT;
    *offset = QR_HEADER_READER_FORMAT;
    if (qr_load32(page + QR_HEADER_READER_FORMAT) > QR_HEADER_FORMAT_NOW) {
        return true;
    }
    *code = QR_INSPECT_HEADER_FIELDS;
    *offset = QR_HEADER_PAGES;
    return qr_page_number(page) != QR_PAGE_NUMBER_HEADER ||
           qr_page_type(page) != QR_PAGE_TYPE_HEADER ||
           qr_load32(page + QR_HEADER_CATALOG_ROOT) != QR_PAGE_NUMBER_CATALOG ||
           qr_load32(page + QR_HEADER_FREE_MAP_FIRST) != QR_PAGE_NUMBER_FREE_MAP ||
           qr_load32(page + QR_HEADER_PAGES) < 3 ||
           qr_load32(page + QR_HEADER_FREE_PAGES) > qr_load32(page + QR_HEADER_PAGES);
}

static void take_header(struct qr_source *source, const uint8_t *page)
{
    source->page_size = qr_load32(page + QR_HEADER_PAGE_SIZE);
    source->pages = qr_load32(page + QR_HEADER_PAGES);
    source->sequence = qr_load64(page + QR_HEADER_SEQUENCE);
    source->header_sequence = source->sequence;
    source->clean = (page[QR_HEADER_FLAGS] & QR_HEADER_FLAG_CLEAN) != 0;
    memcpy(source->id, page + QR_HEADER_ID, sizeof source->id);
}

/* Reads the start of the file into a buffer of QR_PAGE_SIZE_MAX bytes. */
static quire_status read_start(struct qr_source *source, uint8_t **page, size_t *got,
                               quire_error *err)
{
    *page = qr_alloc_zero(source->place.allocator, QR_PAGE_SIZE_MAX, err);
    if (*page == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status =
        source->file->methods->read(source->file, *page, QR_PAGE_SIZE_MAX, 0, got, err);
    if (status != QUIRE_OK) {
        qr_free(source->place.allocator, *page, QR_PAGE_SIZE_MAX);
    }
    return status;
}

quire_status qr_source_peek(struct qr_source *source, bool *sound, quire_error *err)
{
    enum qr_inspect_code code;
    uint32_t offset;
    uint8_t *page;
    size_t got;
    *sound = false;
    QR_TRY(read_start(source, &page, &got, err));
    if (!header_flaw(page, got, &code, &offset)) {
        take_header(source, page);
        *sound = true;
    }
    qr_free(source->place.allocator, page, QR_PAGE_SIZE_MAX);
    return QUIRE_OK;
}

/* ---- Log ---- */

/* What a walk over the log tells. */
struct log_walk {
    struct qr_source *source;
    struct qr_wal_inspect_header header;
    bool has_header;
    struct qr_wal_inspect_issue worst; /* first error */
    char message[200];
};

static quire_status note_header(void *context, const struct qr_wal_inspect_header *header,
                                quire_error *err)
{
    struct log_walk *walk = context;
    (void)err;
    walk->header = *header;
    walk->has_header = true;
    return QUIRE_OK;
}

static quire_status note_frame(void *context, const struct qr_wal_inspect_frame *frame,
                               quire_error *err)
{
    struct log_walk *walk = context;
    struct qr_source *source = walk->source;
    if (!frame->accepted) {
        return QUIRE_OK;
    }
    return qr_log_index_add(&source->logged, frame->page_number, frame->page,
                            walk->header.page_size, frame->offset + QR_FRAME_HEADER_SIZE, err);
}

static quire_status note_issue(void *context, const struct qr_wal_inspect_issue *issue,
                               quire_error *err)
{
    struct log_walk *walk = context;
    (void)err;
    if (issue->severity == QUIRE_SEVERITY_ERROR && walk->message[0] == '\0') {
        size_t size = strlen(issue->message);
        size = size < sizeof walk->message ? size : sizeof walk->message - 1;
        walk->worst = *issue;
        memcpy(walk->message, issue->message, size);
        walk->message[size] = '\0';
    }
    return QUIRE_OK;
}

static quire_status walk_log(struct qr_source *source, struct log_walk *walk,
                             struct qr_wal_inspect_result *result, bool *exists, quire_error *err)
{
    const struct qr_inspect_place *place = &source->place;
    struct qr_wal_inspect_options options = {.layer = place->layer,
                                             .allocator = place->allocator,
                                             .path = source->log_path,
                                             .database_lsn = source->header_sequence};
    struct qr_wal_inspect_sink sink = {
        .context = walk, .header = note_header, .frame = note_frame, .issue = note_issue};
    QR_TRY(place->layer->methods->exists(place->layer, source->log_path, exists, err));
    if (!*exists) {
        return QUIRE_OK;
    }
    QR_TRY(qr_wal_inspect(&options, &sink, result, err));
    qr_log_index_finish(&source->logged);
    for (size_t at = 0; at < source->logged.count; at = qr_log_index_end(&source->logged, at)) {
        source->logged_pages++;
    }
    if (source->logged_pages == 0) {
        return QUIRE_OK;
    }
    return place->layer->methods->open(place->layer, source->log_path, QR_OPEN_READ, &source->log,
                                       err);
}

/* ---- Putting both together ---- */

static quire_status verify_under(struct qr_source *source, const uint8_t id[16], uint8_t *page,
                                 bool *verified, quire_error *err)
{
    *verified = false;
    for (uint32_t number = 1; number <= 64 && !*verified; number++) {
        size_t got = 0;
        QR_TRY(qr_source_page(source, number, page, &got, err));
        if (got < source->page_size) {
            break;
        }
        *verified =
            qr_page_sum(page, source->page_size, number, id) == qr_load64(page + QR_PAGE_CHECKSUM);
    }
    return QUIRE_OK;
}

/* The header page is damaged: finds out what it cannot be asked. `page` is a buffer for pages. */
static quire_status take_log_word(struct qr_source *source, const struct log_walk *walk,
                                  uint8_t *page, quire_error *err)
{
    uint8_t own[16];
    bool verified;
    memcpy(own, page + QR_HEADER_ID, sizeof own);
    uint32_t own_size = qr_load32(page + QR_HEADER_PAGE_SIZE);
    source->page_size = walk->has_header         ? walk->header.page_size
                        : is_page_size(own_size) ? own_size
                                                 : 0;
    if (source->page_size == 0) {
        return QUIRE_OK;
    }
    memcpy(source->id, own, sizeof own);
    QR_TRY(verify_under(source, own, page, &verified, err));
    if (!verified && walk->has_header) {
        memcpy(source->id, walk->header.database_id, sizeof source->id);
        QR_TRY(verify_under(source, source->id, page, &verified, err));
    }
    source->pages = (uint32_t)(source->file_bytes / source->page_size);
    source->sequence = UINT64_MAX;
    if (!verified) {
        source->page_size = 0; /* nothing would be told but that every page is damaged */
    }
    return QUIRE_OK;
}

static void judge_log(struct qr_source *source, quire_report *report, struct log_walk *walk,
                      bool exists, bool header_sound)
{
    if (report == NULL) {
        return;
    }
    if (!exists) {
        if (header_sound && !source->clean) {
            qr_report_issue(report, QR_INSPECT_LOG_MISSING, QUIRE_NO_PAGE, 0, NULL, NULL);
        }
        return;
    }
    if (header_sound && walk->has_header &&
        (memcmp(walk->header.database_id, source->id, sizeof source->id) != 0 ||
         walk->header.page_size != source->page_size)) {
        qr_report_issue(report, QR_INSPECT_LOG_FOREIGN, QUIRE_NO_PAGE, 0, NULL, NULL);
    } else if (walk->message[0] != '\0') {
        qr_report_issue(report, QR_INSPECT_LOG_DAMAGED, QUIRE_NO_PAGE, walk->worst.offset, NULL,
                        "the log is damaged: %s, %s", qr_wal_issue_name(walk->worst.code),
                        walk->message);
    }
}

static void forget_log(struct qr_source *source)
{
    if (source->log != NULL) {
        source->log->methods->close(source->log);
        source->log = NULL;
    }
    source->logged.count = 0;
    source->logged_pages = 0;
}

static quire_status identify(struct qr_source *source, quire_report *report, uint8_t *page,
                             size_t got, quire_error *err)
{
    struct log_walk walk = {.source = source};
    struct qr_wal_inspect_result result = {0};
    enum qr_inspect_code code;
    uint32_t offset;
    bool exists = false;
    bool sound = !header_flaw(page, got, &code, &offset);
    if (sound) {
        take_header(source, page);
    }
    QR_TRY(walk_log(source, &walk, &result, &exists, err));
    if (!exists && qr_page_is_zero(page, QR_PAGE_SIZE_MAX) &&
        source->file_bytes <= 3 * (uint64_t)QR_PAGE_SIZE_MAX) {
        code = QR_INSPECT_HEADER_UNBORN;
    }
    if (!sound && report != NULL) {
        qr_report_issue(report, code, QR_PAGE_NUMBER_HEADER, offset, NULL, NULL);
    }
    uint64_t boot = qr_load64(page + QR_HEADER_BOOT);
    struct qr_file_layer *layer = source->place.layer;
    if (sound && report != NULL && boot != 0 && boot != layer->methods->boot(layer)) {
        qr_report_issue(report, QR_INSPECT_HEADER_UNSYNCED, QR_PAGE_NUMBER_HEADER, QR_HEADER_BOOT,
                        NULL, NULL);
    }
    if (sound && report != NULL && source->clean &&
        source->pages > source->file_bytes / source->page_size) {
        qr_report_issue(report, QR_INSPECT_HEADER_PAGES, QR_PAGE_NUMBER_HEADER, QR_HEADER_PAGES,
                        NULL, "the header counts %u pages, the file has %llu", source->pages,
                        (unsigned long long)(source->file_bytes / source->page_size));
    }
    judge_log(source, report, &walk, exists, sound);
    bool foreign = sound && walk.has_header &&
                   (memcmp(walk.header.database_id, source->id, sizeof source->id) != 0 ||
                    walk.header.page_size != source->page_size);
    if (foreign) {
        forget_log(source);
    } else if (!sound) {
        QR_TRY(take_log_word(source, &walk, page, err));
    }
    if (source->logged_pages > 0 && result.pages > 0) {
        source->pages = result.pages;
        source->sequence = result.last_lsn > source->sequence ? result.last_lsn : source->sequence;
    }
    return QUIRE_OK;
}

quire_status qr_source_identify(struct qr_source *source, quire_report *report, quire_error *err)
{
    uint8_t *page;
    size_t got;
    QR_TRY(read_start(source, &page, &got, err));
    quire_status status = identify(source, report, page, got, err);
    qr_free(source->place.allocator, page, QR_PAGE_SIZE_MAX);
    return status;
}

/* ---- Pages ---- */

/* Applies a change from the log to a page. One that does not fit, or whose base is damaged, is left
 * out: the page is then judged as it is. */
static quire_status apply_change(struct qr_source *source, const struct qr_log_entry *entry,
                                 uint8_t *page, quire_error *err)
{
    const quire_allocator *allocator = source->place.allocator;
    struct qr_pack_record record;
    size_t got = 0;
    uint64_t sum = qr_page_sum(page, source->page_size, entry->page_number, source->id);
    if (sum != qr_load64(page + QR_PAGE_CHECKSUM)) {
        return QUIRE_OK;
    }
    uint8_t *bytes = qr_alloc(allocator, entry->size, err);
    if (bytes == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status =
        source->log->methods->read(source->log, bytes, entry->size, entry->offset, &got, err);
    if (status == QUIRE_OK && qr_pack_record_decode(bytes, got, source->page_size, &record) &&
        record.page_number == entry->page_number &&
        qr_pack_apply(&record, page) == QR_PACK_APPLIED) {
        qr_store64(page + QR_PAGE_CHECKSUM,
                   qr_page_sum(page, source->page_size, entry->page_number, source->id));
    }
    qr_free(allocator, bytes, entry->size);
    return status;
}

static bool verifies(const struct qr_source *source, uint32_t page_number, const uint8_t *page)
{
    uint32_t size = source->page_size;
    return qr_page_sum(page, size, page_number, source->id) == qr_load64(page + QR_PAGE_CHECKSUM);
}

/* Reads the image in the log instead, unless the file's page is newer. */
static quire_status take_image(struct qr_source *source, const struct qr_log_entry *entry,
                               uint8_t *page, size_t *got, quire_error *err)
{
    uint32_t size = source->page_size;
    bool newer = *got == size && verifies(source, entry->page_number, page);
    uint8_t lsn[8];
    size_t read = 0;
    QR_TRY(source->log->methods->read(source->log, lsn, sizeof lsn, entry->offset + QR_PAGE_LSN,
                                      &read, err));
    if (newer && read == sizeof lsn && qr_page_lsn(page) > qr_load64(lsn)) {
        return QUIRE_OK;
    }
    QR_TRY(source->log->methods->read(source->log, page, size, entry->offset, got, err));
    memset(page + *got, 0, size - *got);
    return QUIRE_OK;
}

quire_status qr_source_page(struct qr_source *source, uint32_t page_number, uint8_t *page,
                            size_t *got, quire_error *err)
{
    size_t at;
    size_t end = qr_log_index_find(&source->logged, page_number, &at);
    const struct qr_log_entry *entries = source->logged.entries;
    uint64_t offset = (uint64_t)page_number * source->page_size;
    QR_TRY(source->file->methods->read(source->file, page, source->page_size, offset, got, err));
    memset(page + *got, 0, source->page_size - *got);
    if (at < end && entries[at].size == 0) {
        QR_TRY(take_image(source, &entries[at++], page, got, err));
    }
    for (; at < end && *got == source->page_size; at++) {
        QR_TRY(apply_change(source, &entries[at], page, err));
    }
    return QUIRE_OK;
}

/* Whether the free map, as far as it is sound, says that the page is free. */
static quire_status is_free(struct qr_source *source, uint32_t page_number, uint8_t *map,
                            uint32_t *map_at, bool *free_page, quire_error *err)
{
    uint32_t bits = qr_free_map_bits(source->page_size);
    uint32_t at = qr_free_map_page(source->page_size, page_number / bits);
    uint32_t bit = page_number % bits;
    if (*map_at != at) {
        size_t got = 0;
        QR_TRY(qr_source_page(source, at, map, &got, err));
        if (at >= source->pages || qr_page_type(map) != QR_PAGE_TYPE_FREE_MAP ||
            qr_page_sum(map, source->page_size, at, source->id) !=
                qr_load64(map + QR_PAGE_CHECKSUM)) {
            memset(map, 0, source->page_size);
        }
        *map_at = at;
    }
    *free_page = (map[QR_PAGE_HEADER_SIZE + bit / 8] >> (bit % 8) & 1) != 0;
    return QUIRE_OK;
}

static void judge_page(struct qr_source *source, quire_report *report, uint32_t page_number,
                       const uint8_t *page, size_t got, bool free_page)
{
    uint32_t size = source->page_size;
    uint64_t offset = (uint64_t)page_number * size;
    bool verified = got == size && qr_page_sum(page, size, page_number, source->id) ==
                                       qr_load64(page + QR_PAGE_CHECKSUM);
    if (free_page && !verified) {
        if (!qr_page_is_zero(page, size)) {
            qr_report_issue(report, QR_INSPECT_PAGE_FREE_DAMAGED, page_number, offset, NULL, NULL);
        }
    } else if (got < size) {
        qr_report_issue(report, QR_INSPECT_PAGE_MISSING, page_number, offset, NULL, NULL);
    } else if (!verified) {
        qr_report_issue(report, QR_INSPECT_PAGE_CHECKSUM, page_number, offset, NULL, NULL);
    } else if (qr_page_check(report, page, size, page_number) &&
               qr_page_lsn(page) > source->sequence) {
        qr_report_issue(report, QR_INSPECT_PAGE_LSN, page_number, offset + QR_PAGE_LSN, NULL,
                        "page %u carries commit %llu; the newest is %llu", page_number,
                        (unsigned long long)qr_page_lsn(page),
                        (unsigned long long)source->sequence);
    }
}

static quire_status check_pages(struct qr_source *source, quire_report *report, uint8_t *page,
                                uint8_t *map, quire_error *err)
{
    uint32_t map_at = 0;
    uint64_t end = source->file_bytes / source->page_size + 1;
    if (source->logged.count > 0 &&
        source->logged.entries[source->logged.count - 1].page_number >= end) {
        end = (uint64_t)source->logged.entries[source->logged.count - 1].page_number + 1;
    }
    for (uint32_t number = 1; number < source->pages; number++) {
        size_t got = 0;
        bool free_page = false;
        QR_TRY(is_free(source, number, map, &map_at, &free_page, err));
        QR_TRY(qr_source_page(source, number, page, &got, err));
        judge_page(source, report, number, page, got, free_page);
        if (number >= end) {
            break; /* all that follow are missing too */
        }
    }
    return QUIRE_OK;
}

quire_status qr_source_check_pages(struct qr_source *source, quire_report *report, quire_error *err)
{
    if (source->page_size == 0) {
        return QUIRE_OK;
    }
    size_t size = 2 * (size_t)source->page_size;
    uint8_t *buffer = qr_alloc(source->place.allocator, size, err);
    if (buffer == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status = check_pages(source, report, buffer, buffer + source->page_size, err);
    qr_free(source->place.allocator, buffer, size);
    return status;
}
