/*
 * What recovery writes to the log itself.
 *
 * Hardening comes first. A log whose last sync failed may be read from cached
 * pages that never reached the disk and that the system no longer regards as
 * dirty; were the database redone from them and the machine to fail half way,
 * the log that is needed to finish would be gone. Writing the bytes again makes
 * them dirty again. Only the newest generation can be in that state: the header
 * of a generation is written after a successful sync of all before.
 *
 * Then the log may be resumed: the frames that recovery itself adds begin a
 * generation of their own. The accepted frames before it are counted in its
 * header, so that what follows them in their segment is not read; segments
 * without any are freed before, like those of a group that was given up.
 *
 * Reset comes last and makes every segment FREE. All the headers name the newest
 * generation as retired, so any one of them that a crash lets through empties
 * the log.
 *
 * All are run alone, before the log takes appends.
 */
#include "wal/wal_internal.h"

static quire_status fail_changed(const struct qr_wal *wal, uint64_t offset, quire_error *err)
{
    return qr_fail_at(err, QUIRE_CORRUPT, wal->path, QUIRE_NO_PAGE, offset,
                      "a frame of the log changed between two reads; check the device");
}

/* Writes the header and the accepted frames of the newest generation over themselves. */
static quire_status rewrite(struct qr_wal *wal, const struct qr_segment *segment,
                            struct qr_frame_reader *reader, quire_error *err)
{
    struct qr_segment_header header = {.generation = segment->generation,
                                       .salt = segment->salt,
                                       .prev_frames = segment->prev_frames};
    uint8_t bytes[QR_SEGMENT_HEADER_SIZE];
    qr_segment_header_encode(&header, QR_SEGMENT_LIVE, wal->seed, bytes);
    QR_TRY(qr_file_write_one(wal->file, bytes, sizeof bytes,
                             qr_segment_offset(&wal->geometry, segment->number), err));
    uint64_t chain = segment->checksum;
    for (uint32_t i = 0; i < wal->newest_accepted; i++) {
        uint64_t offset = qr_frame_offset(&wal->geometry, segment->number, i);
        const uint8_t *frame = NULL;
        QR_TRY(qr_frame_reader_get(reader, segment->number, i, &frame, err));
        if (frame == NULL || qr_frame_check(frame, &wal->geometry, wal->seed, segment->salt, i,
                                            chain) != QR_FRAME_OK) {
            if (QR_MUTANT(PAST_BAD_FRAME)) {
                continue;
            }
            return fail_changed(wal, offset, err);
        }
        chain = qr_load64(frame + QR_FRAME_CHECKSUM);
        QR_TRY(qr_file_write_one(wal->file, frame, wal->geometry.frame_bytes, offset, err));
    }
    return QUIRE_OK;
}

quire_status qr_wal_harden(struct qr_wal *wal, quire_error *err)
{
    QR_TRY(qr_wal_ring_check_writable(wal, err));
    if (!wal->scanned) {
        return qr_fail_at(err, QUIRE_MISUSE, wal->path, QUIRE_NO_PAGE, 0,
                          "the log has not been scanned");
    }
    struct qr_segment **live = NULL;
    uint32_t count = 0;
    QR_TRY(qr_wal_ring_order(wal, &live, &count, err));
    if (count == 0) {
        return QUIRE_OK;
    }
    const struct qr_segment *newest = live[count - 1];
    qr_free(wal->allocator, live, count * sizeof *live);

    struct qr_frame_reader reader;
    QR_TRY(qr_frame_reader_init(&reader, wal->file, wal->allocator, &wal->geometry, err));
    quire_status status = rewrite(wal, newest, &reader, err);
    qr_frame_reader_free(&reader);
    return status == QUIRE_OK ? qr_wal_sync(wal, err) : status;
}

quire_status qr_wal_resume(struct qr_wal *wal, quire_error *err)
{
    QR_TRY(qr_wal_ring_check_writable(wal, err));
    if (!wal->scanned || wal->accepted_generation == 0 || wal->frames_written > 0) {
        return qr_fail_at(err, QUIRE_MISUSE, wal->path, QUIRE_NO_PAGE, 0,
                          "the log was not scanned, or holds nothing to go on from");
    }
    qr_mutex_lock(&wal->mutex);
    for (uint32_t i = 0; i < wal->count; i++) {
        struct qr_segment *segment = wal->segments[i];
        if (segment->state == QR_SEGMENT_STATE_LIVE &&
            segment->generation > wal->accepted_generation) {
            segment->state = QR_SEGMENT_STATE_ABANDONED;
            wal->scrub.needed = true;
        }
    }
    wal->generation = wal->accepted_generation;
    wal->newest_frames = wal->accepted_frames;
    wal->ready = true;
    wal->unproven = true;
    qr_mutex_unlock(&wal->mutex);
    return QUIRE_OK;
}

/* Forgets a segment that the file ends in and cuts the file to whole ones. */
static quire_status drop_short_segment(struct qr_wal *wal, quire_error *err)
{
    uint64_t bytes = qr_segment_offset(&wal->geometry, wal->count);
    if (wal->file_bytes == bytes) {
        return QUIRE_OK;
    }
    QR_TRY(wal->file->methods->truncate(wal->file, bytes, err));
    wal->file_bytes = bytes;
    quire_status status = wal->file->methods->sync(wal->file, err);
    return status == QUIRE_OK ? QUIRE_OK : qr_wal_poison(wal, status);
}

quire_status qr_wal_reset(struct qr_wal *wal, quire_error *err)
{
    QR_TRY(qr_wal_ring_check_writable(wal, err));
    if (wal->frames_written > 0) {
        return qr_fail_at(err, QUIRE_MISUSE, wal->path, QUIRE_NO_PAGE, 0,
                          "the log has been appended to; release its segments instead");
    }
    for (uint32_t i = 0; i < wal->count && !wal->scanned; i++) {
        if (wal->segments[i]->state == QR_SEGMENT_STATE_TORN) {
            return qr_fail_at(err, QUIRE_MISUSE, wal->path, QUIRE_NO_PAGE, 0,
                              "the log has not been scanned");
        }
    }
    uint32_t whole = wal->short_segment == UINT32_MAX ? wal->count : wal->count - 1;
    for (uint32_t i = 0; i < whole; i++) {
        struct qr_segment *segment = wal->segments[i];
        QR_TRY(qr_wal_write_free_header(wal, wal->file, segment, wal->generation, &segment->salt,
                                        err));
    }
    QR_TRY(qr_wal_sync(wal, err));
    if (wal->short_segment != UINT32_MAX) {
        qr_wal_ring_drop_last(wal);
    }
    QR_TRY(drop_short_segment(wal, err));
    qr_mutex_lock(&wal->mutex);
    for (uint32_t i = 0; i < wal->count; i++) {
        wal->segments[i]->state = QR_SEGMENT_STATE_FREE;
        wal->segments[i]->generation = wal->generation;
    }
    wal->released = wal->generation;
    wal->ready = true;
    wal->unproven = false;
    qr_mutex_unlock(&wal->mutex);
    qr_wal_shrink(wal, wal->file);
    return QUIRE_OK;
}
