/*
 * Headers and frames of the log as bytes, and the reader that streams frames
 * from the file. The first half is pure; the reader fails with IO only: what
 * is wrong with bytes is a result here, which callers judge.
 */
#include <string.h>

#include "base/hash.h"
#include "wal/wal_internal.h"
#include "wal/wal_pack.h"

/* Enough to keep a disk busy, small beside any cache. */
#define READER_BYTES (UINT32_C(256) << 10)

static bool all_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

void qr_log_header_encode(const struct qr_log_header *header, uint8_t out[QR_LOG_HEADER_SIZE])
{
    qr_store32(out + QR_LOG_MAGIC, QR_LOG_MAGIC_VALUE);
    out[QR_LOG_VERSION] = header->version;
    out[QR_LOG_PAGE_SHIFT] = header->page_shift;
    out[QR_LOG_SEGMENT_SHIFT] = header->segment_shift;
    out[QR_LOG_FLAGS] = header->flags;
    memcpy(out + QR_LOG_DATABASE_ID, header->database_id, QR_DATABASE_ID_SIZE);
    qr_store64(out + QR_LOG_CHECKSUM, qr_hash64(out, QR_LOG_CHECKSUM, 0));
}

enum qr_log_header_fault qr_log_header_decode(const uint8_t in[QR_LOG_HEADER_SIZE],
                                              struct qr_log_header *header)
{
    header->version = in[QR_LOG_VERSION];
    header->page_shift = in[QR_LOG_PAGE_SHIFT];
    header->segment_shift = in[QR_LOG_SEGMENT_SHIFT];
    header->flags = in[QR_LOG_FLAGS];
    memcpy(header->database_id, in + QR_LOG_DATABASE_ID, QR_DATABASE_ID_SIZE);
    if (all_zero(in, QR_LOG_HEADER_SIZE)) {
        return QR_LOG_HEADER_ZERO;
    }
    if (qr_load32(in + QR_LOG_MAGIC) != QR_LOG_MAGIC_VALUE) {
        return QR_LOG_HEADER_BAD_MAGIC;
    }
    if (qr_load64(in + QR_LOG_CHECKSUM) != qr_hash64(in, QR_LOG_CHECKSUM, 0)) {
        return QR_LOG_HEADER_BAD_CHECKSUM;
    }
    if (header->version != QR_LOG_VERSION_VALUE || header->flags != 0) {
        return QR_LOG_HEADER_BAD_VERSION;
    }
    if (header->page_shift < QR_LOG_PAGE_SHIFT_MIN || header->page_shift > QR_LOG_PAGE_SHIFT_MAX ||
        header->segment_shift < QR_LOG_SEGMENT_SHIFT_MIN ||
        header->segment_shift > QR_LOG_SEGMENT_SHIFT_MAX ||
        qr_log_header_geometry(header).frames == 0) {
        return QR_LOG_HEADER_BAD_SIZES;
    }
    return QR_LOG_HEADER_OK;
}

struct qr_log_geometry qr_log_header_geometry(const struct qr_log_header *header)
{
    return qr_log_geometry(UINT32_C(1) << header->page_shift, UINT32_C(1) << header->segment_shift);
}

void qr_segment_header_encode(struct qr_segment_header *header, enum qr_segment_disk_state state,
                              uint64_t seed, uint8_t out[QR_SEGMENT_HEADER_SIZE])
{
    qr_store32(out + QR_SEGMENT_MAGIC, QR_SEGMENT_MAGIC_VALUE);
    qr_store16(out + QR_SEGMENT_VERSION, QR_SEGMENT_VERSION_VALUE);
    qr_store16(out + QR_SEGMENT_STATE, (uint16_t)state);
    qr_store64(out + QR_SEGMENT_GENERATION, header->generation);
    qr_store32(out + QR_SEGMENT_SALT, header->salt);
    qr_store32(out + QR_SEGMENT_PREV_FRAMES, header->prev_frames);
    header->checksum = qr_hash64(out, QR_SEGMENT_CHECKSUM, seed);
    qr_store64(out + QR_SEGMENT_CHECKSUM, header->checksum);
}

enum qr_segment_header_kind qr_segment_header_decode(const uint8_t in[QR_SEGMENT_HEADER_SIZE],
                                                     uint64_t seed,
                                                     struct qr_segment_header *header)
{
    header->generation = qr_load64(in + QR_SEGMENT_GENERATION);
    header->salt = qr_load32(in + QR_SEGMENT_SALT);
    header->prev_frames = qr_load32(in + QR_SEGMENT_PREV_FRAMES);
    header->checksum = qr_load64(in + QR_SEGMENT_CHECKSUM);
    if (all_zero(in, QR_SEGMENT_HEADER_SIZE)) {
        return QR_SEGMENT_HEADER_UNUSED;
    }
    if (qr_load32(in + QR_SEGMENT_MAGIC) != QR_SEGMENT_MAGIC_VALUE ||
        qr_load16(in + QR_SEGMENT_VERSION) != QR_SEGMENT_VERSION_VALUE) {
        return QR_SEGMENT_HEADER_BAD;
    }
    if (header->checksum != qr_hash64(in, QR_SEGMENT_CHECKSUM, seed)) {
        return QR_SEGMENT_HEADER_TORN;
    }
    switch (qr_load16(in + QR_SEGMENT_STATE)) {
    case QR_SEGMENT_FREE:
        return QR_SEGMENT_HEADER_FREE;
    case QR_SEGMENT_LIVE:
        return QR_SEGMENT_HEADER_LIVE;
    default:
        return QR_SEGMENT_HEADER_BAD;
    }
}

quire_status qr_segment_is_zero(struct qr_file *file, const struct qr_log_geometry *geometry,
                                uint64_t offset, bool *zero, quire_error *err)
{
    uint8_t block[4096];
    uint64_t end = offset + geometry->segment_bytes;
    *zero = true;
    for (; offset < end && *zero; offset += sizeof block) {
        size_t got = 0;
        QR_TRY(file->methods->read(file, block, sizeof block, offset, &got, err));
        *zero = all_zero(block, got);
        if (got < sizeof block) {
            break;
        }
    }
    return QUIRE_OK;
}

/* The page's checksum stands for the page, so that a frame costs one hash of 24 bytes. */
static uint64_t frame_checksum(const uint8_t header[QR_FRAME_HEADER_SIZE], const uint8_t *page,
                               uint64_t chain)
{
    uint8_t bytes[QR_FRAME_CHECKSUM + 8];
    memcpy(bytes, header, QR_FRAME_CHECKSUM);
    memcpy(bytes + QR_FRAME_CHECKSUM, page + QR_WAL_PAGE_CHECKSUM, 8);
    if (QR_MUTANT(UNCHAINED)) {
        chain = 0;
    }
    return qr_hash64(bytes, sizeof bytes, chain);
}

uint64_t qr_frame_encode(const struct qr_frame *frame, const uint8_t *page, uint64_t chain,
                         uint8_t out[QR_FRAME_HEADER_SIZE])
{
    uint32_t index = frame->index | (frame->synced_before ? QR_FRAME_SYNCED_BEFORE : 0);
    qr_store32(out + QR_FRAME_PAGE_NUMBER, frame->page_number);
    qr_store32(out + QR_FRAME_COMMIT, frame->commit_pages);
    qr_store32(out + QR_FRAME_SALT, frame->salt);
    qr_store32(out + QR_FRAME_INDEX, index);
    uint64_t checksum = frame_checksum(out, page, chain);
    qr_store64(out + QR_FRAME_CHECKSUM, checksum);
    return checksum;
}

void qr_frame_decode(const uint8_t in[QR_FRAME_HEADER_SIZE], struct qr_frame *frame)
{
    uint32_t index = qr_load32(in + QR_FRAME_INDEX);
    frame->page_number = qr_load32(in + QR_FRAME_PAGE_NUMBER);
    frame->commit_pages = qr_load32(in + QR_FRAME_COMMIT);
    frame->salt = qr_load32(in + QR_FRAME_SALT);
    frame->index = index & ~QR_FRAME_SYNCED_BEFORE;
    frame->synced_before = (index & QR_FRAME_SYNCED_BEFORE) != 0;
    frame->checksum = qr_load64(in + QR_FRAME_CHECKSUM);
}

static bool page_valid(const uint8_t *page, const struct qr_log_geometry *geometry, uint64_t seed,
                       uint32_t page_number)
{
    /* The header page must be checkable before the id is known. */
    uint64_t page_seed = page_number == 0 ? 0 : seed ^ page_number;
    return qr_load64(page + QR_WAL_PAGE_CHECKSUM) ==
           qr_hash64(page + 8, geometry->page_size - 8, page_seed);
}

enum qr_frame_fault qr_frame_check_alone(const uint8_t *in, const struct qr_log_geometry *geometry,
                                         uint64_t seed, uint32_t salt, uint32_t index)
{
    struct qr_frame frame;
    qr_frame_decode(in, &frame);
    if (frame.salt != salt) {
        return QR_FRAME_BAD_SALT;
    }
    if (frame.index != index) {
        return QR_FRAME_BAD_INDEX;
    }
    bool pack = frame.page_number == QR_FRAME_PACK;
    if (frame.page_number >= QR_FRAME_PAGE_NUMBER_END && !pack) {
        return QR_FRAME_BAD_PAGE_NUMBER;
    }
    const uint8_t *page = in + QR_FRAME_HEADER_SIZE;
    if (!page_valid(page, geometry, seed, frame.page_number) ||
        (pack && !qr_pack_is_sound(page, geometry->page_size))) {
        return QR_FRAME_BAD_PAGE;
    }
    return QR_FRAME_OK;
}

uint64_t qr_frame_lsn(const uint8_t *in, const struct qr_log_geometry *geometry, uint64_t seed)
{
    struct qr_frame frame;
    qr_frame_decode(in, &frame);
    bool whole = qr_frame_check_alone(in, geometry, seed, frame.salt, frame.index) == QR_FRAME_OK;
    return whole ? qr_load64(in + QR_FRAME_HEADER_SIZE + QR_WAL_PAGE_LSN) : 0;
}

enum qr_frame_fault qr_frame_check(const uint8_t *in, const struct qr_log_geometry *geometry,
                                   uint64_t seed, uint32_t salt, uint32_t index, uint64_t chain)
{
    enum qr_frame_fault fault = qr_frame_check_alone(in, geometry, seed, salt, index);
    if (fault == QR_FRAME_OK && !QR_MUTANT(PAST_BAD_FRAME) &&
        qr_load64(in + QR_FRAME_CHECKSUM) != frame_checksum(in, in + QR_FRAME_HEADER_SIZE, chain)) {
        return QR_FRAME_BAD_CHECKSUM;
    }
    return fault;
}

quire_status qr_frame_reader_init(struct qr_frame_reader *reader, struct qr_file *file,
                                  const quire_allocator *allocator,
                                  const struct qr_log_geometry *geometry, quire_error *err)
{
    uint32_t frames = READER_BYTES / geometry->frame_bytes;
    if (frames > geometry->frames) {
        frames = geometry->frames;
    }
    *reader = (struct qr_frame_reader){
        .file = file, .allocator = allocator, .geometry = *geometry, .buffer_frames = frames};
    reader->buffer = qr_alloc(allocator, (size_t)frames * geometry->frame_bytes, err);
    return reader->buffer != NULL ? QUIRE_OK : QUIRE_NO_MEMORY;
}

void qr_frame_reader_free(struct qr_frame_reader *reader)
{
    qr_free(reader->allocator, reader->buffer,
            (size_t)reader->buffer_frames * reader->geometry.frame_bytes);
    reader->buffer = NULL;
}

void qr_frame_reader_drop(struct qr_frame_reader *reader)
{
    reader->count = 0;
}

quire_status qr_frame_reader_get(struct qr_frame_reader *reader, uint32_t segment, uint32_t index,
                                 const uint8_t **frame, quire_error *err)
{
    const struct qr_log_geometry *g = &reader->geometry;
    *frame = NULL;
    if (index >= g->frames) {
        return QUIRE_OK;
    }
    bool buffered = segment == reader->segment && index >= reader->first &&
                    index - reader->first < reader->count;
    if (!buffered) {
        uint32_t frames = g->frames - index;
        if (frames > reader->buffer_frames) {
            frames = reader->buffer_frames;
        }
        size_t got = 0;
        reader->count = 0;
        QR_TRY(reader->file->methods->read(reader->file, reader->buffer,
                                           (size_t)frames * g->frame_bytes,
                                           qr_frame_offset(g, segment, index), &got, err));
        reader->segment = segment;
        reader->first = index;
        reader->count = (uint32_t)(got / g->frame_bytes);
    }
    if (index - reader->first < reader->count) {
        *frame = reader->buffer + (size_t)(index - reader->first) * g->frame_bytes;
    }
    return QUIRE_OK;
}
