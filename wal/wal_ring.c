/*
 * The ring of segments: reading it, finding room, growing, freeing, shrinking.
 *
 * A segment is FREE or LIVE on disk. A FREE header names the newest generation
 * that was retired when it was written: everything up to that one is dead,
 * whatever other headers say, so a release that is cut off by a crash counts as
 * a whole as soon as one of its headers is durable.
 *
 * Invariants:
 *   - Generations are given out in steps of one, each header only after all of
 *     the generation before is synced.
 *   - One FREE segment, the witness, is never used: the newest retired
 *     generation can always be read from the ring, and the oldest live one is
 *     the next. So a lost segment is noticed wherever it was.
 *   - The free segment with the oldest header is used first; the witness is
 *     the one that remains.
 *   - No byte of a segment's frames is overwritten before a FREE header with
 *     another salt is durable in its place.
 *   - A segment joins the ring only after its zeros and its header are synced.
 *
 * Concurrency: `resizing` admits one thread at a time to the file's length;
 * everything else is short work under the mutex around I/O without it.
 */
#include <stdlib.h>
#include <string.h>

#include "wal/wal_internal.h"

#define ZERO_BLOCK 4096U
#define ZERO_BATCH 256U

static const uint8_t zero_block[ZERO_BLOCK];

static quire_status write_zeros(struct qr_file *file, uint64_t offset, uint64_t size,
                                quire_error *err)
{
    while (size > 0) {
        struct qr_iovec buffers[ZERO_BATCH];
        size_t count = 0;
        uint64_t batch = 0;
        while (count < ZERO_BATCH && batch < size) {
            uint64_t left = size - batch;
            buffers[count].base = zero_block;
            buffers[count].size = left < ZERO_BLOCK ? (size_t)left : ZERO_BLOCK;
            batch += buffers[count].size;
            count++;
        }
        QR_TRY(file->methods->write(file, buffers, count, offset, err));
        offset += batch;
        size -= batch;
    }
    return QUIRE_OK;
}

quire_status qr_wal_salt(struct qr_wal *wal, uint32_t old, uint32_t *salt, quire_error *err)
{
    uint32_t value = 0;
    QR_TRY(wal->layer->methods->random(wal->layer, &value, sizeof value, err));
    while (value == 0 || value == old) {
        value++;
    }
    *salt = value;
    return QUIRE_OK;
}

quire_status qr_wal_write_free_header(struct qr_wal *wal, struct qr_file *file,
                                      struct qr_segment *segment, uint64_t retired, uint32_t *salt,
                                      quire_error *err)
{
    struct qr_segment_header header = {.generation = retired};
    uint8_t bytes[QR_SEGMENT_HEADER_SIZE];
    QR_TRY(qr_wal_salt(wal, segment->salt, &header.salt, err));
    if (QR_MUTANT(REUSE_SALT) && segment->salt != 0) {
        header.salt = segment->salt;
    }
    qr_segment_header_encode(&header, QR_SEGMENT_FREE, wal->seed, bytes);
    QR_TRY(qr_file_write_one(file, bytes, sizeof bytes,
                             qr_segment_offset(&wal->geometry, segment->number), err));
    *salt = header.salt;
    return QUIRE_OK;
}

quire_status qr_wal_poison(struct qr_wal *wal, quire_status status)
{
    qr_mutex_lock(&wal->mutex);
    wal->poisoned = true;
    qr_mutex_unlock(&wal->mutex);
    return status;
}

quire_status qr_wal_ring_check_writable(struct qr_wal *wal, quire_error *err)
{
    if (wal->read_only) {
        return qr_fail_at(err, QUIRE_READ_ONLY, wal->path, QUIRE_NO_PAGE, 0,
                          "the log is open for reading only");
    }
    qr_mutex_lock(&wal->mutex);
    bool poisoned = wal->poisoned;
    qr_mutex_unlock(&wal->mutex);
    if (poisoned) {
        return qr_fail_at(err, QUIRE_POISONED, wal->path, QUIRE_NO_PAGE, 0,
                          "an earlier sync of the log failed; close and reopen the database");
    }
    return QUIRE_OK;
}

/* ---- Segments in memory ---- */

static void free_segment(struct qr_wal *wal, struct qr_segment *segment)
{
    if (segment != NULL) {
        qr_free(wal->allocator, segment->page_numbers,
                wal->geometry.frames * sizeof *segment->page_numbers);
        qr_free(wal->allocator, segment, sizeof *segment);
    }
}

static struct qr_segment *create_segment(struct qr_wal *wal, uint32_t number, quire_error *err)
{
    struct qr_segment *segment = qr_alloc_zero(wal->allocator, sizeof *segment, err);
    if (segment == NULL) {
        return NULL;
    }
    segment->number = number;
    if (!wal->read_only) {
        segment->page_numbers =
            qr_alloc(wal->allocator, wal->geometry.frames * sizeof *segment->page_numbers, err);
        if (segment->page_numbers == NULL) {
            free_segment(wal, segment);
            return NULL;
        }
    }
    return segment;
}

static void free_segments_from(struct qr_wal *wal, uint32_t first)
{
    while (wal->count > first) {
        free_segment(wal, wal->segments[--wal->count]);
    }
}

void qr_wal_ring_free(struct qr_wal *wal)
{
    free_segments_from(wal, 0);
    qr_free(wal->allocator, wal->segments, wal->capacity * sizeof(struct qr_segment *));
    wal->segments = NULL;
    wal->capacity = 0;
}

void qr_wal_ring_drop_last(struct qr_wal *wal)
{
    free_segments_from(wal, wal->count - 1);
    wal->short_segment = UINT32_MAX;
}

/* ---- Reading ---- */

/* Another process may be writing the header while it is read: a bad one is read again. */
#define READ_ATTEMPTS 16

static quire_status read_segment_header(struct qr_wal *wal, uint64_t offset,
                                        enum qr_segment_header_kind *kind,
                                        struct qr_segment_header *header, size_t *got,
                                        quire_error *err)
{
    uint8_t bytes[QR_SEGMENT_HEADER_SIZE] = {0};
    for (int attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
        QR_TRY(wal->file->methods->read(wal->file, bytes, sizeof bytes, offset, got, err));
        memset(bytes + *got, 0, sizeof bytes - *got);
        *kind = qr_segment_header_decode(bytes, wal->seed, header);
        if (*kind == QR_SEGMENT_HEADER_UNUSED) {
            /* A segment joins the ring as zeros: bytes under a header of zeros lost it. */
            bool zero = false;
            QR_TRY(qr_segment_is_zero(wal->file, &wal->geometry, offset, &zero, err));
            *kind = zero ? QR_SEGMENT_HEADER_UNUSED : QR_SEGMENT_HEADER_BAD;
        }
        bool bad = *kind == QR_SEGMENT_HEADER_BAD || *kind == QR_SEGMENT_HEADER_TORN;
        if (!bad || !wal->read_only) {
            break;
        }
    }
    return QUIRE_OK;
}

static quire_status load_segment(struct qr_wal *wal, uint32_t number, bool whole, quire_error *err)
{
    uint64_t offset = qr_segment_offset(&wal->geometry, number);
    enum qr_segment_header_kind kind;
    struct qr_segment_header header;
    size_t got = 0;
    QR_TRY(read_segment_header(wal, offset, &kind, &header, &got, err));
    if (!whole && (got < QR_SEGMENT_HEADER_SIZE || kind == QR_SEGMENT_HEADER_UNUSED ||
                   kind == QR_SEGMENT_HEADER_FREE)) {
        return QUIRE_OK; /* growth that a crash cut off */
    }
    if (kind == QR_SEGMENT_HEADER_BAD) {
        return qr_fail_at(err, QUIRE_CORRUPT, wal->path, QUIRE_NO_PAGE, offset,
                          "the header of log segment %u is damaged; restore the log from a copy, "
                          "or salvage the database",
                          (unsigned)number);
    }
    QR_TRY(qr_grow(wal->allocator, &wal->segments, &wal->capacity, (size_t)number + 1,
                   sizeof(struct qr_segment *), err));
    struct qr_segment *segment = create_segment(wal, number, err);
    if (segment == NULL) {
        return QUIRE_NO_MEMORY;
    }
    segment->generation = header.generation;
    segment->salt = header.salt;
    segment->prev_frames = header.prev_frames;
    segment->checksum = header.checksum;
    segment->state = QR_SEGMENT_STATE_UNUSED;
    if (kind == QR_SEGMENT_HEADER_FREE) {
        segment->state = QR_SEGMENT_STATE_FREE;
    } else if (kind == QR_SEGMENT_HEADER_LIVE) {
        segment->state = QR_SEGMENT_STATE_LIVE;
    } else if (kind == QR_SEGMENT_HEADER_TORN) {
        segment->state = QR_SEGMENT_STATE_TORN;
        segment->generation = 0;
    }
    wal->segments[wal->count++] = segment;
    return QUIRE_OK;
}

quire_status qr_wal_ring_load(struct qr_wal *wal, quire_error *err)
{
    free_segments_from(wal, 0);
    wal->generation = 0;
    wal->released = 0;
    wal->short_segment = UINT32_MAX;
    QR_TRY(wal->file->methods->size(wal->file, &wal->file_bytes, err));
    uint64_t bytes =
        wal->file_bytes > QR_LOG_SEGMENTS_BEGIN ? wal->file_bytes - QR_LOG_SEGMENTS_BEGIN : 0;
    uint64_t whole = bytes / wal->geometry.segment_bytes;
    if (whole >= UINT32_MAX / 2) {
        return qr_fail_at(err, QUIRE_CORRUPT, wal->path, QUIRE_NO_PAGE, wal->file_bytes,
                          "the log is longer than a log can be");
    }
    for (uint32_t i = 0; i < whole; i++) {
        QR_TRY(load_segment(wal, i, true, err));
    }
    if (bytes % wal->geometry.segment_bytes != 0) {
        QR_TRY(load_segment(wal, (uint32_t)whole, false, err));
        wal->short_segment = wal->count > whole ? (uint32_t)whole : UINT32_MAX;
    }
    wal->ready = true;
    for (uint32_t i = 0; i < wal->count; i++) {
        const struct qr_segment *segment = wal->segments[i];
        if (segment->state == QR_SEGMENT_STATE_FREE && segment->generation > wal->released) {
            wal->released = segment->generation;
        }
        if (segment->generation > wal->generation) {
            wal->generation = segment->generation;
        }
        wal->ready = wal->ready && segment->state == QR_SEGMENT_STATE_FREE;
    }
    wal->unproven = wal->ready && wal->count > 0;
    return QUIRE_OK;
}

quire_status qr_wal_ring_still(struct qr_wal *wal, struct qr_segment *const *live, uint32_t count,
                               bool *still, quire_error *err)
{
    *still = true;
    for (uint32_t i = 0; i < count && *still; i++) {
        enum qr_segment_header_kind kind;
        struct qr_segment_header header;
        size_t got = 0;
        QR_TRY(read_segment_header(wal, qr_segment_offset(&wal->geometry, live[i]->number), &kind,
                                   &header, &got, err));
        *still = kind == QR_SEGMENT_HEADER_LIVE && header.checksum == live[i]->checksum;
    }
    return QUIRE_OK;
}

static int compare_generation(const void *a, const void *b)
{
    const struct qr_segment *const *x = a;
    const struct qr_segment *const *y = b;
    uint64_t left = (*x)->generation;
    uint64_t right = (*y)->generation;
    return (left > right) - (left < right);
}

quire_status qr_wal_ring_order(struct qr_wal *wal, struct qr_segment ***live, uint32_t *count,
                               quire_error *err)
{
    *live = NULL;
    *count = 0;
    uint32_t found = 0;
    bool witness = false;
    for (uint32_t i = 0; i < wal->count; i++) {
        const struct qr_segment *segment = wal->segments[i];
        witness = witness || segment->state == QR_SEGMENT_STATE_FREE;
        found += segment->state == QR_SEGMENT_STATE_LIVE && segment->generation > wal->released;
    }
    if (found == 0) {
        return QUIRE_OK;
    }
    struct qr_segment **order = qr_alloc(wal->allocator, found * sizeof *order, err);
    if (order == NULL) {
        return QUIRE_NO_MEMORY;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < wal->count; i++) {
        struct qr_segment *segment = wal->segments[i];
        if (segment->state == QR_SEGMENT_STATE_LIVE && segment->generation > wal->released) {
            order[n++] = segment;
        }
    }
    qsort(order, n, sizeof *order, compare_generation);
    /* Without a witness nothing tells whether older segments are missing, unless the log never
     * turned over. */
    uint64_t expected = witness ? wal->released + 1 : 1;
    for (uint32_t i = 0; i < n; i++, expected++) {
        if (order[i]->generation != expected) {
            uint64_t offset = qr_segment_offset(&wal->geometry, order[i]->number);
            unsigned long long is = order[i]->generation;
            qr_free(wal->allocator, order, found * sizeof *order);
            return qr_fail_at(err, QUIRE_CORRUPT, wal->path, QUIRE_NO_PAGE, offset,
                              "log segments are missing: generation %llu stands where %llu is due; "
                              "restore the log from a copy, or salvage the database",
                              is, (unsigned long long)expected);
        }
    }
    *live = order;
    *count = n;
    return QUIRE_OK;
}

/* ---- Room ---- */

static uint32_t free_segments(const struct qr_wal *wal)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < wal->count; i++) {
        enum qr_segment_state state = wal->segments[i]->state;
        count += state == QR_SEGMENT_STATE_FREE || state == QR_SEGMENT_STATE_ABANDONED;
    }
    return count;
}

/* Frames that can be appended without adding segments; the witness counts for nothing. */
static uint64_t room_frames(const struct qr_wal *wal)
{
    uint32_t available = free_segments(wal);
    uint64_t room = available > 0 ? (uint64_t)(available - 1) * wal->geometry.frames : 0;
    if (wal->active != NULL) {
        room += wal->geometry.frames - wal->active->frames;
    }
    return room;
}

quire_status qr_wal_extend(struct qr_file *file, uint64_t from, uint64_t to, quire_error *err)
{
    QR_TRY(file->methods->truncate(file, to, err));
    QR_TRY(file->methods->sync(file, err));
    return write_zeros(file, from, to - from, err);
}

/* Writes `added` segments of zeros with FREE headers behind the ring and syncs them. */
static quire_status write_added(struct qr_wal *wal, struct qr_segment **added, uint32_t count,
                                uint64_t released, quire_error *err)
{
    struct qr_file *file = wal->growth_file;
    uint64_t begin = qr_segment_offset(&wal->geometry, added[0]->number);
    uint64_t end = begin + (uint64_t)count * wal->geometry.segment_bytes;
    QR_TRY(qr_wal_extend(file, begin, end, err));
    for (uint32_t i = 0; i < count; i++) {
        QR_TRY(qr_wal_write_free_header(wal, file, added[i], released, &added[i]->salt, err));
        added[i]->generation = released;
        added[i]->state = QR_SEGMENT_STATE_FREE;
    }
    return file->methods->sync(file, err);
}

/* Adds segments at the end. The caller has set `resizing` and does not hold the mutex. */
static quire_status grow_ring(struct qr_wal *wal, uint32_t add, quire_error *err)
{
    qr_mutex_lock(&wal->mutex);
    uint32_t first = wal->count;
    uint64_t released = wal->released;
    quire_status status = qr_grow(wal->allocator, &wal->segments, &wal->capacity,
                                  (size_t)first + add, sizeof(struct qr_segment *), err);
    qr_mutex_unlock(&wal->mutex);
    QR_TRY(status);

    size_t bytes = add * sizeof(struct qr_segment *);
    struct qr_segment **added = qr_alloc_zero(wal->allocator, bytes, err);
    if (added == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < add && status == QUIRE_OK; i++) {
        added[i] = create_segment(wal, first + i, err);
        status = added[i] != NULL ? QUIRE_OK : QUIRE_NO_MEMORY;
    }
    if (status == QUIRE_OK) {
        status = write_added(wal, added, add, released, err);
        if (status != QUIRE_OK) {
            /* The space goes back; if that fails too, the next growth writes over it. */
            quire_error ignored = QUIRE_ERROR_INIT;
            (void)wal->growth_file->methods->truncate(
                wal->growth_file, qr_segment_offset(&wal->geometry, first), &ignored);
        }
    }
    qr_mutex_lock(&wal->mutex);
    for (uint32_t i = 0; i < add; i++) {
        if (status == QUIRE_OK) {
            wal->segments[wal->count++] = added[i];
        } else {
            free_segment(wal, added[i]);
        }
    }
    wal->file_bytes = qr_segment_offset(&wal->geometry, wal->count);
    wal->syncs++;
    qr_mutex_unlock(&wal->mutex);
    qr_free(wal->allocator, added, bytes);
    return status;
}

/* Waits for its turn at the file's length. Mutex held before and after. */
static void begin_resize(struct qr_wal *wal)
{
    while (wal->resizing) {
        qr_cond_wait(&wal->resized, &wal->mutex);
    }
    wal->resizing = true;
}

static void end_resize(struct qr_wal *wal)
{
    wal->resizing = false;
    qr_cond_broadcast(&wal->resized);
}

/* Segments to add before `frames` more fit; 0 when they fit now. */
static uint64_t missing_segments(const struct qr_wal *wal, uint64_t frames)
{
    uint64_t wanted = wal->reserved + frames;
    uint64_t room = room_frames(wal);
    if (wanted <= room) {
        return 0;
    }
    uint64_t missing = (wanted - room - 1) / wal->geometry.frames + 1;
    return missing + (free_segments(wal) == 0 ? 1 : 0);
}

static quire_status fail_not_ready(struct qr_wal *wal, quire_error *err)
{
    return qr_fail_at(err, QUIRE_MISUSE, wal->path, QUIRE_NO_PAGE, 0,
                      "the log holds frames of an earlier run; recover and reset it first");
}

/* `may_wait`: rather than beyond bytes_max the ring does not grow. */
static quire_status reserve(struct qr_wal *wal, uint64_t frames, bool may_wait,
                            enum qr_wal_room *room, quire_error *err)
{
    *room = QR_WAL_ROOM_WAIT;
    QR_TRY(qr_wal_ring_check_writable(wal, err));
    if (frames > (uint64_t)UINT32_MAX * 16) {
        return qr_fail_at(err, QUIRE_LIMIT, wal->path, QUIRE_NO_PAGE, 0,
                          "a group of %llu frames is more than a log can hold",
                          (unsigned long long)frames);
    }
    quire_status status = QUIRE_OK;
    qr_mutex_lock(&wal->mutex);
    if (!wal->ready) {
        qr_mutex_unlock(&wal->mutex);
        return fail_not_ready(wal, err);
    }
    uint64_t missing;
    while (status == QUIRE_OK && (missing = missing_segments(wal, frames)) > 0) {
        if (may_wait && wal->count + missing > wal->segments_max) {
            break;
        }
        if (wal->resizing) {
            qr_cond_wait(&wal->resized, &wal->mutex);
            continue;
        }
        begin_resize(wal);
        qr_mutex_unlock(&wal->mutex);
        status = missing < UINT32_MAX / 2 - wal->count
                     ? grow_ring(wal, (uint32_t)missing, err)
                     : qr_fail(err, QUIRE_LIMIT, "the log cannot grow that far");
        qr_mutex_lock(&wal->mutex);
        end_resize(wal);
    }
    if (status == QUIRE_OK && missing == 0) {
        wal->reserved += frames;
        *room = QR_WAL_ROOM_READY;
    }
    qr_mutex_unlock(&wal->mutex);
    return status;
}

quire_status qr_wal_reserve(struct qr_wal *wal, uint64_t frames, enum qr_wal_room *room,
                            quire_error *err)
{
    /* Such a group fits into the full-grown ring beside a partly filled segment and the witness:
     * waiting for releases is enough. A larger one has to stretch the ring. */
    bool may_wait = frames <= (uint64_t)(wal->segments_max - 2) * wal->geometry.frames;
    return reserve(wal, frames, may_wait, room, err);
}

quire_status qr_wal_reserve_beyond(struct qr_wal *wal, uint64_t frames, quire_error *err)
{
    enum qr_wal_room room;
    return reserve(wal, frames, false, &room, err);
}

void qr_wal_unreserve(struct qr_wal *wal, uint64_t frames)
{
    qr_mutex_lock(&wal->mutex);
    wal->reserved -= frames < wal->reserved ? frames : wal->reserved;
    qr_mutex_unlock(&wal->mutex);
}

static struct qr_segment *oldest_free(const struct qr_wal *wal)
{
    struct qr_segment *oldest = NULL;
    for (uint32_t i = 0; i < wal->count; i++) {
        struct qr_segment *segment = wal->segments[i];
        if (segment->state == QR_SEGMENT_STATE_FREE &&
            (oldest == NULL || segment->generation < oldest->generation ||
             QR_MUTANT(EARLY_REUSE))) {
            oldest = segment;
        }
    }
    return oldest;
}

quire_status qr_wal_take_segment(struct qr_wal *wal, struct qr_segment **out, quire_error *err)
{
    *out = NULL;
    quire_status status = QUIRE_OK;
    qr_mutex_lock(&wal->mutex);
    uint32_t available;
    while (status == QUIRE_OK && (available = free_segments(wal)) < 2) {
        begin_resize(wal);
        qr_mutex_unlock(&wal->mutex);
        status = grow_ring(wal, 2 - available, err);
        qr_mutex_lock(&wal->mutex);
        end_resize(wal);
    }
    if (status == QUIRE_OK) {
        struct qr_segment *segment = oldest_free(wal);
        segment->state = QR_SEGMENT_STATE_LIVE;
        segment->generation = ++wal->generation;
        segment->frames = 0;
        segment->touched = 0;
        segment->last_group = wal->groups_written + 1;
        wal->active = segment;
        *out = segment;
    }
    qr_mutex_unlock(&wal->mutex);
    return status;
}

/* ---- Sealing and release ---- */

void qr_wal_seal(struct qr_wal *wal)
{
    QR_ASSERT(!wal->group.open);
    if (wal->group.open || wal->at.segment == NULL || wal->at.index == 0) {
        return;
    }
    wal->at.segment = NULL;
    qr_mutex_lock(&wal->mutex);
    wal->active = NULL;
    qr_mutex_unlock(&wal->mutex);
}

/* Sealed, and every group with a frame in it synced. */
static bool can_release(const struct qr_wal *wal, const struct qr_segment *segment)
{
    return segment->state == QR_SEGMENT_STATE_LIVE && segment != wal->active &&
           segment->last_group <= wal->groups_synced;
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x;
    uint32_t y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static size_t sort_unique(uint32_t *numbers, size_t count)
{
    qsort(numbers, count, sizeof *numbers, compare_u32);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || numbers[i] != numbers[kept - 1]) {
            numbers[kept++] = numbers[i];
        }
    }
    return kept;
}

quire_status qr_wal_sealed_pages(struct qr_wal *wal, uint32_t **page_numbers, size_t *count,
                                 uint64_t *generation, quire_error *err)
{
    *page_numbers = NULL;
    *count = 0;
    *generation = 0;
    size_t total = 0; /* packs included */
    uint64_t newest = 0;
    qr_mutex_lock(&wal->mutex);
    for (uint32_t i = 0; wal->ready && i < wal->count; i++) {
        const struct qr_segment *segment = wal->segments[i];
        if (can_release(wal, segment)) {
            total += segment->frames;
            newest = segment->generation > newest ? segment->generation : newest;
        }
    }
    qr_mutex_unlock(&wal->mutex);
    if (total == 0) {
        return QUIRE_OK;
    }
    uint32_t *numbers = qr_alloc(wal->allocator, total * sizeof *numbers, err);
    if (numbers == NULL) {
        return QUIRE_NO_MEMORY;
    }
    /* Only this thread frees segments, so those counted above are still there. */
    size_t n = 0;
    qr_mutex_lock(&wal->mutex);
    for (uint32_t i = 0; i < wal->count; i++) {
        const struct qr_segment *segment = wal->segments[i];
        if (can_release(wal, segment) && segment->generation <= newest) {
            for (uint32_t f = 0; f < segment->frames; f++) {
                numbers[n] = segment->page_numbers[f];
                n += segment->page_numbers[f] != QR_FRAME_PACK;
            }
        }
    }
    qr_mutex_unlock(&wal->mutex);
    QR_ASSERT(n <= total);
    *generation = newest;
    size_t kept = sort_unique(numbers, n);
    if (kept == 0) {
        qr_free(wal->allocator, numbers, total * sizeof *numbers);
        return QUIRE_OK;
    }
    uint32_t *fitted =
        qr_realloc(wal->allocator, numbers, total * sizeof *numbers, kept * sizeof *numbers, err);
    if (fitted == NULL) {
        qr_free(wal->allocator, numbers, total * sizeof *numbers);
        *generation = 0;
        return QUIRE_NO_MEMORY;
    }
    *page_numbers = fitted;
    *count = kept;
    return QUIRE_OK;
}

static uint64_t used_bytes(const struct qr_wal *wal, const struct qr_segment *segment)
{
    return QR_SEGMENT_HEADER_SIZE + (uint64_t)segment->frames * wal->geometry.frame_bytes;
}

bool qr_wal_next_sealed(struct qr_wal *wal, uint64_t *generation, uint64_t *size, uint32_t *frames)
{
    const struct qr_segment *next = NULL;
    qr_mutex_lock(&wal->mutex);
    for (uint32_t i = 0; wal->ready && i < wal->count; i++) {
        const struct qr_segment *segment = wal->segments[i];
        if (can_release(wal, segment) && segment->generation > *generation &&
            (next == NULL || segment->generation < next->generation)) {
            next = segment;
        }
    }
    if (next != NULL) {
        *generation = next->generation;
        *size = used_bytes(wal, next);
        *frames = next->frames;
    }
    qr_mutex_unlock(&wal->mutex);
    return next != NULL;
}

quire_status qr_wal_read_sealed(struct qr_wal *wal, uint64_t generation, uint64_t offset,
                                void *buffer, size_t size, quire_error *err)
{
    const struct qr_segment *found = NULL;
    uint64_t used = 0;
    qr_mutex_lock(&wal->mutex);
    for (uint32_t i = 0; i < wal->count; i++) {
        const struct qr_segment *segment = wal->segments[i];
        if (can_release(wal, segment) && segment->generation == generation) {
            found = segment;
            used = used_bytes(wal, segment);
        }
    }
    qr_mutex_unlock(&wal->mutex);
    if (found == NULL || offset > used || size > used - offset) {
        return qr_fail(err, QUIRE_MISUSE, "Log segment %llu has %llu bytes, none at %llu.",
                       (unsigned long long)generation, (unsigned long long)used,
                       (unsigned long long)(offset + size));
    }
    return qr_file_read_all(wal->release_file, buffer, size,
                            qr_segment_offset(&wal->geometry, found->number) + offset, wal->path,
                            err);
}

/* Marks what can be freed up to `generation`; returns the newest, or 0 for none. */
static uint64_t begin_release(struct qr_wal *wal, uint64_t generation)
{
    uint64_t newest = 0;
    for (uint32_t i = 0; i < wal->count; i++) {
        struct qr_segment *segment = wal->segments[i];
        if (segment->generation <= generation && can_release(wal, segment)) {
            segment->state = QR_SEGMENT_STATE_RELEASING;
            newest = segment->generation > newest ? segment->generation : newest;
        }
    }
    return newest;
}

static quire_status write_release(struct qr_wal *wal, uint64_t newest, quire_error *err)
{
    struct qr_file *file = wal->release_file;
    for (uint32_t i = 0;; i++) {
        qr_mutex_lock(&wal->mutex);
        struct qr_segment *segment = i < wal->count ? wal->segments[i] : NULL;
        bool mine = segment != NULL && segment->state == QR_SEGMENT_STATE_RELEASING;
        qr_mutex_unlock(&wal->mutex);
        if (segment == NULL) {
            break;
        }
        if (mine) {
            QR_TRY(qr_wal_write_free_header(wal, file, segment, newest, &segment->salt, err));
        }
    }
    if (QR_MUTANT(EARLY_REUSE)) {
        return QUIRE_OK;
    }
    quire_status status = file->methods->sync(file, err);
    return status == QUIRE_OK ? QUIRE_OK : qr_wal_poison(wal, status);
}

quire_status qr_wal_release(struct qr_wal *wal, uint64_t generation, quire_error *err)
{
    QR_TRY(qr_wal_ring_check_writable(wal, err));
    qr_mutex_lock(&wal->mutex);
    uint64_t newest = wal->ready ? begin_release(wal, generation) : 0;
    qr_mutex_unlock(&wal->mutex);
    if (newest == 0) {
        return QUIRE_OK;
    }
    quire_status status = write_release(wal, newest, err);
    qr_mutex_lock(&wal->mutex);
    for (uint32_t i = 0; i < wal->count; i++) {
        struct qr_segment *segment = wal->segments[i];
        if (segment->state != QR_SEGMENT_STATE_RELEASING) {
            continue;
        }
        segment->state = status == QUIRE_OK ? QR_SEGMENT_STATE_FREE : QR_SEGMENT_STATE_LIVE;
        if (status == QUIRE_OK) {
            segment->generation = newest;
            segment->frames = 0;
        }
    }
    if (status == QUIRE_OK) {
        wal->released = newest;
        wal->syncs++;
    }
    qr_mutex_unlock(&wal->mutex);
    if (status == QUIRE_OK) {
        qr_wal_shrink(wal, wal->release_file);
    }
    return status;
}

/* The number of segments that may remain: free ones go from the end, but never below segments_max,
 * nor reserved room, nor the last header that names the newest retired generation. */
static uint32_t shrunk_count(struct qr_wal *wal)
{
    uint32_t count = wal->count;
    uint64_t room = room_frames(wal);
    while (count > wal->segments_max && wal->segments[count - 1]->state == QR_SEGMENT_STATE_FREE &&
           room >= wal->reserved + wal->geometry.frames) {
        room -= wal->geometry.frames;
        count--;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct qr_segment *segment = wal->segments[i];
        if (segment->state == QR_SEGMENT_STATE_FREE && segment->generation == wal->released) {
            return count;
        }
    }
    return wal->count;
}

void qr_wal_shrink(struct qr_wal *wal, struct qr_file *file)
{
    qr_mutex_lock(&wal->mutex);
    if (wal->resizing || shrunk_count(wal) == wal->count) {
        qr_mutex_unlock(&wal->mutex);
        return;
    }
    begin_resize(wal);
    free_segments_from(wal, shrunk_count(wal));
    wal->file_bytes = qr_segment_offset(&wal->geometry, wal->count);
    uint64_t bytes = wal->file_bytes;
    qr_mutex_unlock(&wal->mutex);
    /* A file that stays long is harmless: the next growth writes over the rest. */
    quire_error ignored = QUIRE_ERROR_INIT;
    (void)file->methods->truncate(file, bytes, &ignored);
    qr_mutex_lock(&wal->mutex);
    end_resize(wal);
    qr_mutex_unlock(&wal->mutex);
}
