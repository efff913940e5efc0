/*
 * The log as an object: creation, opening, closing, figures.
 *
 * Creation writes the log header last, after the ring behind it has been
 * synced: a file whose header is zeros or missing was never used, unless its
 * segments say otherwise, and opening reports the first as LOG_MISSING and the
 * second as damage.
 *
 * Opening reads headers only. The appender, the checkpointer and the writer
 * each sync through a handle of their own, because the system reports a failed
 * write-back once a handle: with one shared handle the first to sync could take
 * the report of another's lost bytes.
 */
#include <string.h>

#include "wal/wal_internal.h"

#define SEGMENTS_DEFAULT  4U
#define SEGMENTS_LEAST    3U /* the witness, the active one, one to go on with */
#define BYTES_MAX_DEFAULT (UINT64_C(64) << 20)

static uint8_t log2_of(uint32_t value)
{
    uint8_t shift = 0;
    while (value > 1) {
        value >>= 1;
        shift++;
    }
    return shift;
}

/* What is true of a file without a usable header: it was never used, or it was and is damaged. */
static quire_status judge_headless(struct qr_file *file, const struct qr_wal_options *options,
                                   uint64_t size, quire_error *err)
{
    uint64_t seed = qr_database_seed(options->database_id);
    for (uint64_t offset = QR_LOG_SEGMENTS_BEGIN; offset < size; offset += QR_LOG_SEGMENTS_BEGIN) {
        uint8_t bytes[QR_SEGMENT_HEADER_SIZE];
        size_t got = 0;
        QR_TRY(file->methods->read(file, bytes, sizeof bytes, offset, &got, err));
        struct qr_segment_header header;
        if (got == sizeof bytes &&
            qr_segment_header_decode(bytes, seed, &header) == QR_SEGMENT_HEADER_LIVE) {
            return qr_fail_at(err, QUIRE_CORRUPT, options->path, QUIRE_NO_PAGE, offset,
                              "the header of the log is gone but a segment in use follows; restore "
                              "the log from a copy, or salvage the database");
        }
    }
    return qr_fail_at(err, QUIRE_LOG_MISSING, options->path, QUIRE_NO_PAGE, 0,
                      "the log is empty: its creation was never finished");
}

static quire_status fail_header(enum qr_log_header_fault fault, const char *path, quire_error *err)
{
    switch (fault) {
    case QR_LOG_HEADER_BAD_MAGIC:
        return qr_fail_at(err, QUIRE_CORRUPT, path, QUIRE_NO_PAGE, QR_LOG_MAGIC,
                          "the file is not a write-ahead log: wrong magic number");
    case QR_LOG_HEADER_BAD_CHECKSUM:
        return qr_fail_at(err, QUIRE_CORRUPT, path, QUIRE_NO_PAGE, QR_LOG_CHECKSUM,
                          "the header of the log is damaged: its checksum does not match");
    case QR_LOG_HEADER_BAD_VERSION:
        return qr_fail_at(err, QUIRE_FORMAT_VERSION, path, QUIRE_NO_PAGE, QR_LOG_VERSION,
                          "the log was written by a newer version of Quire; open it with that one");
    case QR_LOG_HEADER_BAD_SIZES:
        return qr_fail_at(err, QUIRE_CORRUPT, path, QUIRE_NO_PAGE, QR_LOG_PAGE_SHIFT,
                          "the header of the log names an impossible page or segment size");
    case QR_LOG_HEADER_OK:
    case QR_LOG_HEADER_ZERO:
        break;
    }
    return qr_fail(err, QUIRE_INTERNAL, "a sound log header was reported as damaged");
}

/* Reads and checks the log header. `options` may be NULL: then nothing is compared, and a header
 * that was never written is LOG_MISSING without a look at the segments. */
static quire_status read_header(struct qr_file *file, const char *path,
                                const struct qr_wal_options *options, struct qr_log_header *header,
                                quire_error *err)
{
    uint64_t size = 0;
    QR_TRY(file->methods->size(file, &size, err));
    uint8_t bytes[QR_LOG_HEADER_SIZE] = {0};
    size_t got = 0;
    QR_TRY(file->methods->read(file, bytes, sizeof bytes, 0, &got, err));
    memset(bytes + got, 0, sizeof bytes - got);
    enum qr_log_header_fault fault = qr_log_header_decode(bytes, header);
    if (fault == QR_LOG_HEADER_ZERO) {
        if (options == NULL) {
            return qr_fail_at(err, QUIRE_LOG_MISSING, path, QUIRE_NO_PAGE, 0,
                              "the log is empty: its creation was never finished");
        }
        return judge_headless(file, options, size, err);
    }
    if (got < sizeof bytes) {
        return qr_fail_at(err, QUIRE_CORRUPT, path, QUIRE_NO_PAGE, got,
                          "the log was cut off within its header");
    }
    return fault == QR_LOG_HEADER_OK ? QUIRE_OK : fail_header(fault, path, err);
}

static quire_status check_belongs(const struct qr_log_header *header,
                                  const struct qr_wal_options *options, quire_error *err)
{
    if (memcmp(header->database_id, options->database_id, QR_DATABASE_ID_SIZE) != 0) {
        return qr_fail_at(err, QUIRE_LOG_MISMATCH, options->path, QUIRE_NO_PAGE, QR_LOG_DATABASE_ID,
                          "the log belongs to another database; put the right one beside the "
                          "database file");
    }
    uint32_t page_size = UINT32_C(1) << header->page_shift;
    if (page_size != options->page_size) {
        return qr_fail_at(err, QUIRE_LOG_MISMATCH, options->path, QUIRE_NO_PAGE, QR_LOG_PAGE_SHIFT,
                          "the log has pages of %u bytes, the database of %u", (unsigned)page_size,
                          (unsigned)options->page_size);
    }
    return QUIRE_OK;
}

static void close_file(struct qr_file *file)
{
    if (file != NULL) {
        file->methods->close(file);
    }
}

static quire_status open_files(struct qr_wal *wal, quire_error *err)
{
    const struct qr_file_layer_methods *layer = wal->layer->methods;
    unsigned flags = wal->read_only ? QR_OPEN_READ : QR_OPEN_WRITE;
    QR_TRY(layer->open(wal->layer, wal->path, flags, &wal->file, err));
    if (!wal->read_only) {
        QR_TRY(layer->open(wal->layer, wal->path, flags, &wal->release_file, err));
        QR_TRY(layer->open(wal->layer, wal->path, flags, &wal->growth_file, err));
    }
    return QUIRE_OK;
}

static uint32_t ring_bound(const struct qr_wal_options *options, uint32_t segment_bytes)
{
    uint64_t bytes = options->bytes_max != 0 ? options->bytes_max : BYTES_MAX_DEFAULT;
    uint64_t segments =
        bytes > QR_LOG_SEGMENTS_BEGIN ? (bytes - QR_LOG_SEGMENTS_BEGIN) / segment_bytes : 0;
    if (segments < SEGMENTS_LEAST) {
        segments = SEGMENTS_LEAST;
    }
    return segments > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)segments;
}

static quire_status open_inside(struct qr_wal *wal, const struct qr_wal_options *options,
                                quire_error *err)
{
    QR_TRY(open_files(wal, err));
    struct qr_log_header header;
    QR_TRY(read_header(wal->file, wal->path, options, &header, err));
    QR_TRY(check_belongs(&header, options, err));
    wal->geometry = qr_log_header_geometry(&header);
    wal->database_lsn = options->database_lsn;
    wal->segments_max = ring_bound(options, wal->geometry.segment_bytes);
    if (!wal->read_only) {
        QR_TRY(qr_wal_batch_create(wal, err));
    }
    return qr_wal_ring_load(wal, err);
}

static void free_wal(struct qr_wal *wal)
{
    qr_wal_ring_free(wal);
    qr_wal_batch_destroy(wal);
    close_file(wal->growth_file);
    close_file(wal->release_file);
    close_file(wal->file);
    qr_free(wal->allocator, wal->path, wal->path_size);
    qr_free(wal->allocator, wal, sizeof *wal);
}

quire_status qr_wal_open(const struct qr_wal_options *options, bool read_only, struct qr_wal **out,
                         quire_error *err)
{
    *out = NULL;
    struct qr_wal *wal = qr_alloc_zero(options->allocator, sizeof *wal, err);
    if (wal == NULL) {
        return QUIRE_NO_MEMORY;
    }
    wal->allocator = options->allocator;
    wal->layer = options->layer;
    wal->read_only = read_only;
    wal->seed = qr_database_seed(options->database_id);
    wal->path_size = strlen(options->path) + 1;
    wal->path = qr_alloc(options->allocator, wal->path_size, err);
    quire_status status = QUIRE_NO_MEMORY;
    if (wal->path == NULL) {
        goto fail;
    }
    memcpy(wal->path, options->path, wal->path_size);
    QR_TRY_GOTO(status, qr_mutex_init(&wal->mutex, QR_RANK_SEGMENT, err), fail);
    QR_TRY_GOTO(status, qr_cond_init(&wal->resized, err), fail_mutex);
    QR_TRY_GOTO(status, open_inside(wal, options, err), fail_cond);
    *out = wal;
    return QUIRE_OK;

fail_cond:
    qr_cond_destroy(&wal->resized);
fail_mutex:
    qr_mutex_destroy(&wal->mutex);
fail:
    free_wal(wal);
    return status;
}

void qr_wal_close(struct qr_wal *wal)
{
    if (wal == NULL) {
        return;
    }
    qr_cond_destroy(&wal->resized);
    qr_mutex_destroy(&wal->mutex);
    free_wal(wal);
}

static quire_status write_new_ring(struct qr_file_layer *layer, struct qr_file *file,
                                   const struct qr_log_header *log, uint32_t segments,
                                   quire_error *err)
{
    struct qr_log_geometry geometry = qr_log_header_geometry(log);
    uint64_t seed = qr_database_seed(log->database_id);
    QR_TRY(qr_wal_extend(file, 0, qr_segment_offset(&geometry, segments), err));
    for (uint32_t i = 0; i < segments; i++) {
        struct qr_segment_header header = {0};
        uint8_t bytes[QR_SEGMENT_HEADER_SIZE];
        QR_TRY(layer->methods->random(layer, &header.salt, sizeof header.salt, err));
        header.salt += header.salt == 0;
        qr_segment_header_encode(&header, QR_SEGMENT_FREE, seed, bytes);
        QR_TRY(qr_file_write_one(file, bytes, sizeof bytes, qr_segment_offset(&geometry, i), err));
    }
    QR_TRY(file->methods->sync(file, err));
    uint8_t bytes[QR_LOG_HEADER_SIZE];
    qr_log_header_encode(log, bytes);
    QR_TRY(qr_file_write_one(file, bytes, sizeof bytes, 0, err));
    return file->methods->sync(file, err);
}

quire_status qr_wal_check_sizes(uint32_t page_size, uint32_t segment_bytes, quire_error *err)
{
    segment_bytes = segment_bytes != 0 ? segment_bytes : QR_WAL_SEGMENT_DEFAULT;
    uint8_t page_shift = log2_of(page_size);
    uint8_t segment_shift = log2_of(segment_bytes);
    bool powers = page_size == UINT32_C(1) << page_shift && segment_bytes == UINT32_C(1)
                                                                                 << segment_shift;
    bool sizes = page_shift >= QR_LOG_PAGE_SHIFT_MIN && page_shift <= QR_LOG_PAGE_SHIFT_MAX &&
                 segment_shift >= QR_LOG_SEGMENT_SHIFT_MIN &&
                 segment_shift <= QR_LOG_SEGMENT_SHIFT_MAX &&
                 qr_log_geometry(page_size, segment_bytes).frames > 0;
    if (!powers || !sizes) {
        return qr_fail(err, QUIRE_MISUSE,
                       "log segments of %u bytes do not hold pages of %u bytes: both must be "
                       "powers of two, a segment at least 4096 bytes and larger than a page",
                       (unsigned)segment_bytes, (unsigned)page_size);
    }
    return QUIRE_OK;
}

quire_status qr_wal_create(const struct qr_wal_options *options, struct qr_wal **out,
                           quire_error *err)
{
    *out = NULL;
    uint32_t segment_bytes =
        options->segment_bytes != 0 ? options->segment_bytes : QR_WAL_SEGMENT_DEFAULT;
    uint32_t segments = options->segments_min != 0 ? options->segments_min : SEGMENTS_DEFAULT;
    segments = segments < SEGMENTS_LEAST ? SEGMENTS_LEAST : segments;
    QR_TRY(qr_wal_check_sizes(options->page_size, segment_bytes, err));

    struct qr_log_header header = {.version = QR_LOG_VERSION_VALUE,
                                   .page_shift = log2_of(options->page_size),
                                   .segment_shift = log2_of(segment_bytes)};
    memcpy(header.database_id, options->database_id, QR_DATABASE_ID_SIZE);

    const struct qr_file_layer_methods *layer = options->layer->methods;
    struct qr_file *file = NULL;
    QR_TRY(layer->open(options->layer, options->path,
                       QR_OPEN_WRITE | QR_OPEN_CREATE | QR_OPEN_EXCLUSIVE, &file, err));
    quire_status status = write_new_ring(options->layer, file, &header, segments, err);
    close_file(file);
    if (status == QUIRE_OK) {
        status = QR_MUTANT(NO_DIRECTORY_SYNC)
                     ? QUIRE_OK
                     : layer->sync_directory(options->layer, options->path, err);
    }
    if (status == QUIRE_OK) {
        status = qr_wal_open(options, false, out, err);
    }
    if (status != QUIRE_OK) {
        /* The first failure is the one to report. */
        quire_error ignored = QUIRE_ERROR_INIT;
        (void)layer->remove(options->layer, options->path, &ignored);
    }
    return status;
}

quire_status qr_wal_identify(struct qr_file_layer *layer, const char *path, uint8_t database_id[16],
                             uint32_t *page_size, quire_error *err)
{
    struct qr_file *file = NULL;
    struct qr_log_header header;
    memset(database_id, 0, QR_DATABASE_ID_SIZE);
    *page_size = 0;
    QR_TRY(layer->methods->open(layer, path, QR_OPEN_READ, &file, err));
    quire_status status = read_header(file, path, NULL, &header, err);
    close_file(file);
    if (status == QUIRE_OK) {
        memcpy(database_id, header.database_id, QR_DATABASE_ID_SIZE);
        *page_size = UINT32_C(1) << header.page_shift;
    }
    return status;
}

void qr_wal_get_stats(struct qr_wal *wal, struct qr_wal_stats *stats)
{
    memset(stats, 0, sizeof *stats);
    qr_mutex_lock(&wal->mutex);
    stats->file_bytes = wal->file_bytes;
    stats->frames_written = wal->frames_written;
    stats->groups_written = wal->groups_written;
    stats->syncs = wal->syncs;
    stats->frames_reserved = wal->reserved;
    stats->frames_max = (uint64_t)wal->segments_max * wal->geometry.frames;
    stats->segments = wal->count;
    stats->segments_max = wal->segments_max;
    stats->generation = wal->generation;
    for (uint32_t i = 0; i < wal->count; i++) {
        const struct qr_segment *segment = wal->segments[i];
        bool live =
            segment->state == QR_SEGMENT_STATE_LIVE || segment->state == QR_SEGMENT_STATE_RELEASING;
        stats->frames_live += live ? segment->frames : 0;
        stats->segments_sealed += live && segment != wal->active;
        stats->segments_free += segment->state == QR_SEGMENT_STATE_FREE;
    }
    qr_mutex_unlock(&wal->mutex);
}
