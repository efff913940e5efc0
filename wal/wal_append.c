/*
 * Appending: groups of frames into the active segment, one vectored write a
 * segment, the bytes taken straight from the caller's pages.
 *
 * Order that recovery relies on:
 *   - A segment's header goes out with its first frames, after everything in
 *     earlier segments has been synced, be it in the middle of a group. So at
 *     most the newest generation can be incomplete.
 *   - The mark "synced before" is set on a group's first frame only, and only
 *     when it is true.
 *   - A rewound group leaves frames in the file that would still check out
 *     one by one. Before the next frame is written, segments that the group had
 *     begun get FREE headers with fresh salts, the headers of the other frames
 *     are zeroed, and that is synced ("settling").
 *
 * Concurrency: one thread at a time; it alone moves `at` and `group`, and
 * publishes what others look at under the mutex.
 *
 * Failure: a failed write leaves the group open and failed; a failed sync
 * poisons the log.
 */
#include "wal/wal_internal.h"

/* Frames in one write. More would be split by the system anyway. */
#define BATCH_FRAMES 1024U

struct qr_wal_batch {
    uint32_t capacity; /* frames */
    struct qr_iovec *buffers;
    uint8_t (*headers)[QR_FRAME_HEADER_SIZE];
    uint8_t segment_header[QR_SEGMENT_HEADER_SIZE];
};

/* A segment header and two buffers a frame. */
static size_t batch_buffers(uint32_t capacity)
{
    return 1 + 2 * (size_t)capacity;
}

quire_status qr_wal_batch_create(struct qr_wal *wal, quire_error *err)
{
    struct qr_wal_batch *batch = qr_alloc_zero(wal->allocator, sizeof *batch, err);
    if (batch == NULL) {
        return QUIRE_NO_MEMORY;
    }
    wal->batch = batch;
    batch->capacity = wal->geometry.frames < BATCH_FRAMES ? wal->geometry.frames : BATCH_FRAMES;
    batch->buffers =
        qr_alloc(wal->allocator, batch_buffers(batch->capacity) * sizeof *batch->buffers, err);
    if (batch->buffers == NULL) {
        return QUIRE_NO_MEMORY;
    }
    batch->headers = qr_alloc(wal->allocator, batch->capacity * sizeof *batch->headers, err);
    return batch->headers != NULL ? QUIRE_OK : QUIRE_NO_MEMORY;
}

void qr_wal_batch_destroy(struct qr_wal *wal)
{
    struct qr_wal_batch *batch = wal->batch;
    if (batch != NULL) {
        qr_free(wal->allocator, batch->buffers,
                batch_buffers(batch->capacity) * sizeof *batch->buffers);
        qr_free(wal->allocator, batch->headers, batch->capacity * sizeof *batch->headers);
        qr_free(wal->allocator, batch, sizeof *batch);
        wal->batch = NULL;
    }
}

quire_status qr_wal_sync(struct qr_wal *wal, quire_error *err)
{
    QR_TRY(qr_wal_ring_check_writable(wal, err));
    quire_status status = wal->file->methods->sync(wal->file, err);
    if (status != QUIRE_OK) {
        return qr_wal_poison(wal, status);
    }
    wal->dirty = false;
    qr_mutex_lock(&wal->mutex);
    wal->groups_synced = wal->groups_written;
    wal->syncs++;
    qr_mutex_unlock(&wal->mutex);
    return QUIRE_OK;
}

quire_status qr_wal_sync_ahead(struct qr_wal *wal, quire_error *err)
{
    QR_TRY(qr_wal_ring_check_writable(wal, err));
    quire_status status = wal->release_file->methods->sync(wal->release_file, err);
    return status == QUIRE_OK ? QUIRE_OK : qr_wal_poison(wal, status);
}

/* ---- Settling ---- */

static quire_status zero_leftovers(struct qr_wal *wal, quire_error *err)
{
    static const uint8_t zeros[QR_FRAME_HEADER_SIZE];
    const struct qr_wal_scrub *scrub = &wal->scrub;
    for (uint32_t i = scrub->from; scrub->segment != NULL && i < scrub->to; i++) {
        QR_TRY(qr_file_write_one(wal->file, zeros, sizeof zeros,
                                 qr_frame_offset(&wal->geometry, scrub->segment->number, i), err));
    }
    return QUIRE_OK;
}

static struct qr_segment *newest_abandoned(struct qr_wal *wal, uint64_t *released)
{
    struct qr_segment *newest = NULL;
    qr_mutex_lock(&wal->mutex);
    for (uint32_t i = 0; i < wal->count; i++) {
        struct qr_segment *segment = wal->segments[i];
        if (segment->state == QR_SEGMENT_STATE_ABANDONED &&
            (newest == NULL || segment->generation > newest->generation)) {
            newest = segment;
        }
    }
    *released = wal->released;
    qr_mutex_unlock(&wal->mutex);
    return newest;
}

/* Gives the segments that a rewound group had begun FREE headers, which name the newest retired
 * generation, since their own will be given out again. One by one from the newest: a generation
 * must not outlive the one before it. */
static quire_status free_abandoned(struct qr_wal *wal, quire_error *err)
{
    uint64_t released = 0;
    struct qr_segment *segment;
    while ((segment = newest_abandoned(wal, &released)) != NULL) {
        uint32_t salt = 0;
        QR_TRY(qr_wal_write_free_header(wal, wal->file, segment, released, &salt, err));
        QR_TRY(qr_wal_sync(wal, err));
        qr_mutex_lock(&wal->mutex);
        segment->salt = salt;
        segment->generation = released;
        segment->state = QR_SEGMENT_STATE_FREE;
        qr_mutex_unlock(&wal->mutex);
    }
    return QUIRE_OK;
}

/* FREE headers may have been read from a cache that the disk never got, when the sync that should
 * have made them durable failed: they are written again, unchanged, before a new generation builds
 * on them. */
static quire_status prove_free(struct qr_wal *wal, quire_error *err)
{
    for (uint32_t i = 0; i < wal->count; i++) {
        const struct qr_segment *segment = wal->segments[i];
        if (segment->state != QR_SEGMENT_STATE_FREE) {
            continue;
        }
        struct qr_segment_header header = {.generation = segment->generation,
                                           .salt = segment->salt};
        uint8_t bytes[QR_SEGMENT_HEADER_SIZE];
        qr_segment_header_encode(&header, QR_SEGMENT_FREE, wal->seed, bytes);
        QR_TRY(qr_file_write_one(wal->file, bytes, sizeof bytes,
                                 qr_segment_offset(&wal->geometry, segment->number), err));
    }
    QR_TRY(qr_wal_sync(wal, err));
    wal->unproven = false;
    return QUIRE_OK;
}

/* The abandoned segments go first: their headers count the frames that are zeroed then. */
static quire_status settle(struct qr_wal *wal, quire_error *err)
{
    if (wal->unproven) {
        QR_TRY(prove_free(wal, err));
    }
    if (!wal->scrub.needed) {
        return QUIRE_OK;
    }
    QR_TRY(free_abandoned(wal, err));
    QR_TRY(zero_leftovers(wal, err));
    QR_TRY(qr_wal_sync(wal, err));
    wal->scrub = (struct qr_wal_scrub){0};
    return QUIRE_OK;
}

/* ---- Groups ---- */

static void begin_group(struct qr_wal *wal, bool synced_before)
{
    qr_mutex_lock(&wal->mutex);
    wal->group = (struct qr_wal_group){
        .open = true,
        .mark_pending = synced_before && wal->groups_synced == wal->groups_written,
        .start_generation = wal->generation,
        .start_newest_frames = wal->newest_frames,
        .start = wal->at,
    };
    qr_mutex_unlock(&wal->mutex);
}

static void end_group(struct qr_wal *wal)
{
    struct qr_segment *full = wal->at.index == wal->geometry.frames ? wal->at.segment : NULL;
    wal->group.open = false;
    if (full != NULL) {
        wal->at.segment = NULL;
    }
    qr_mutex_lock(&wal->mutex);
    wal->groups_written++;
    if (full != NULL) {
        wal->active = NULL;
    }
    qr_mutex_unlock(&wal->mutex);
}

void qr_wal_rewind(struct qr_wal *wal)
{
    struct qr_wal_group *group = &wal->group;
    if (!group->open) {
        return;
    }
    group->open = false;
    group->failed = false;
    wal->at = group->start;
    wal->newest_frames = group->start_newest_frames;
    struct qr_segment *begun_in = group->start.segment;

    qr_mutex_lock(&wal->mutex);
    if (begun_in != NULL) {
        begun_in->frames = group->start.index;
        begun_in->last_group = wal->groups_written;
        if (begun_in->touched > group->start.index) {
            wal->scrub.segment = begun_in;
            wal->scrub.from = group->start.index;
            wal->scrub.to = begun_in->touched;
            wal->scrub.needed = true;
        }
    }
    for (uint32_t i = 0; i < wal->count; i++) {
        struct qr_segment *segment = wal->segments[i];
        if (segment->state == QR_SEGMENT_STATE_LIVE &&
            segment->generation > group->start_generation) {
            segment->state = QR_SEGMENT_STATE_ABANDONED;
            segment->frames = 0;
            wal->scrub.needed = true;
        }
    }
    wal->active = begun_in;
    wal->generation = group->start_generation;
    wal->frames_written -= group->frames;
    wal->reserved += group->frames;
    qr_mutex_unlock(&wal->mutex);
    group->frames = 0;
}

/* ---- Frames ---- */

/* Moves to a fresh segment. Its header goes out with the first frames. */
static quire_status next_segment(struct qr_wal *wal, quire_error *err)
{
    if (wal->dirty && !QR_MUTANT(NO_SEGMENT_SYNC)) {
        QR_TRY(qr_wal_sync(wal, err));
    }
    struct qr_segment *segment = NULL;
    QR_TRY(qr_wal_take_segment(wal, &segment, err));
    struct qr_segment_header header = {
        .generation = segment->generation,
        .salt = segment->salt,
        .prev_frames = wal->newest_frames,
    };
    qr_segment_header_encode(&header, QR_SEGMENT_LIVE, wal->seed, wal->batch->segment_header);
    wal->newest_frames = 0;
    wal->at = (struct qr_wal_position){.segment = segment, .index = 0, .chain = header.checksum};
    return QUIRE_OK;
}

/* Lays out `count` frames from the current position; returns the checksum of the last. */
static uint64_t build_batch(struct qr_wal *wal, const struct qr_wal_page *pages, uint32_t count,
                            uint32_t last_commit, size_t *buffers)
{
    struct qr_wal_batch *batch = wal->batch;
    uint64_t chain = wal->at.chain;
    size_t n = 0;
    if (wal->at.index == 0) {
        batch->buffers[n++] =
            (struct qr_iovec){batch->segment_header, sizeof batch->segment_header};
    }
    for (uint32_t i = 0; i < count; i++) {
        struct qr_frame frame = {
            .page_number = pages[i].page_number,
            .commit_pages = i + 1 == count ? last_commit : 0,
            .salt = wal->at.segment->salt,
            .index = wal->at.index + i,
            .synced_before = i == 0 && wal->group.mark_pending,
        };
        chain = qr_frame_encode(&frame, pages[i].page, chain, batch->headers[i]);
        batch->buffers[n++] = (struct qr_iovec){batch->headers[i], QR_FRAME_HEADER_SIZE};
        batch->buffers[n++] = (struct qr_iovec){pages[i].page, wal->geometry.page_size};
    }
    *buffers = n;
    return chain;
}

static void publish_batch(struct qr_wal *wal, const struct qr_wal_page *pages, uint32_t count)
{
    struct qr_segment *segment = wal->at.segment;
    qr_mutex_lock(&wal->mutex);
    for (uint32_t i = 0; i < count; i++) {
        segment->page_numbers[segment->frames + i] = pages[i].page_number;
    }
    segment->frames += count;
    segment->last_group = wal->groups_written + 1;
    wal->frames_written += count;
    wal->reserved -= count < wal->reserved ? count : wal->reserved;
    qr_mutex_unlock(&wal->mutex);
}

/* Writes as many frames as fit in one write to the active segment. `last_commit` goes into the last
 * of all `count` frames. */
static quire_status write_batch(struct qr_wal *wal, const struct qr_wal_page *pages, size_t count,
                                uint32_t last_commit, uint32_t *written, quire_error *err)
{
    struct qr_segment *segment = wal->at.segment;
    uint32_t n = wal->geometry.frames - wal->at.index;
    n = n > wal->batch->capacity ? wal->batch->capacity : n;
    n = count < n ? (uint32_t)count : n;

    size_t buffers = 0;
    uint64_t chain = build_batch(wal, pages, n, n == count ? last_commit : 0, &buffers);
    uint64_t offset = wal->at.index == 0
                          ? qr_segment_offset(&wal->geometry, segment->number)
                          : qr_frame_offset(&wal->geometry, segment->number, wal->at.index);
    if (segment->touched < wal->at.index + n) {
        segment->touched = wal->at.index + n;
    }
    wal->dirty = true;
    QR_TRY(wal->file->methods->write(wal->file, wal->batch->buffers, buffers, offset, err));
    publish_batch(wal, pages, n);
    wal->at.index += n;
    wal->at.chain = chain;
    wal->newest_frames = wal->at.index;
    wal->group.frames += n;
    wal->group.mark_pending = false;
    *written = n;
    return QUIRE_OK;
}

static quire_status append_frames(struct qr_wal *wal, const struct qr_wal_page *pages, size_t count,
                                  uint32_t commit_pages, quire_error *err)
{
    size_t done = 0;
    while (done < count) {
        if (wal->at.segment == NULL || wal->at.index == wal->geometry.frames) {
            QR_TRY(next_segment(wal, err));
        }
        uint32_t written = 0;
        QR_TRY(write_batch(wal, pages + done, count - done, commit_pages, &written, err));
        done += written;
    }
    return QUIRE_OK;
}

static quire_status check_append(struct qr_wal *wal, const struct qr_wal_page *pages, size_t count,
                                 uint32_t commit_pages, quire_error *err)
{
    QR_TRY(qr_wal_ring_check_writable(wal, err));
    if (!wal->ready) {
        return qr_fail_at(err, QUIRE_MISUSE, wal->path, QUIRE_NO_PAGE, 0,
                          "the log holds frames of an earlier run; recover and reset it first");
    }
    if (wal->group.failed) {
        return qr_fail_at(err, QUIRE_MISUSE, wal->path, QUIRE_NO_PAGE, 0,
                          "an append to this group failed; rewind it first");
    }
    if (count == 0 && commit_pages != 0) {
        return qr_fail_at(err, QUIRE_MISUSE, wal->path, QUIRE_NO_PAGE, 0,
                          "a commit mark needs a frame to stand in");
    }
    for (size_t i = 0; i < count; i++) {
        if (pages[i].page_number >= QR_FRAME_PAGE_NUMBER_END &&
            pages[i].page_number != QR_FRAME_PACK) {
            return qr_fail_at(err, QUIRE_LIMIT, wal->path, pages[i].page_number, 0,
                              "page number %u is beyond what a frame can name",
                              (unsigned)pages[i].page_number);
        }
    }
    return QUIRE_OK;
}

uint64_t qr_wal_next_generation(struct qr_wal *wal)
{
    bool fits = wal->at.segment != NULL && wal->at.index < wal->geometry.frames;
    qr_mutex_lock(&wal->mutex);
    uint64_t generation = fits ? wal->at.segment->generation : wal->generation + 1;
    qr_mutex_unlock(&wal->mutex);
    return generation;
}

quire_status qr_wal_append(struct qr_wal *wal, const struct qr_wal_page *pages, size_t count,
                           uint32_t commit_pages, bool synced_before, quire_error *err)
{
    QR_TRY(check_append(wal, pages, count, commit_pages, err));
    if (count == 0) {
        return QUIRE_OK;
    }
    if (!wal->group.open) {
        QR_TRY(settle(wal, err));
        begin_group(wal, synced_before);
    }
    quire_status status = append_frames(wal, pages, count, commit_pages, err);
    if (status != QUIRE_OK) {
        wal->group.failed = true;
        return status;
    }
    if (commit_pages != 0) {
        end_group(wal);
    }
    return QUIRE_OK;
}
