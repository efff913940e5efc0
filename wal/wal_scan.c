/*
 * The scan: which frames of a log count.
 *
 * Live generations are read in order. A frame is good when its salt, index,
 * page checksum and chained checksum agree; the accepted prefix ends at the
 * last commit mark before the first bad frame. What follows decides what the
 * bad frame is:
 *   - In a generation that has a successor it is damage: the successor's header
 *     was written only after all of the generation had been synced, and says
 *     how many frames there were.
 *   - In the newest generation it is the torn end of the log, unless a frame
 *     behind it stands by itself (salt, index, page) and carries the mark
 *     "everything before me was synced". The chain is not asked of that frame:
 *     what broke it may be the damage.
 *   - A FREE segment that holds such a frame under its next salt has lost its
 *     LIVE header after a sync: damage as well.
 *   - A segment whose header is torn was begun by a write that failed, and holds
 *     what it held before, all of it in the database file. A frame in it that is
 *     newer than that and than the accepted prefix says otherwise: damage.
 *
 * Read-only logs may be written meanwhile by their owner. A verdict of damage
 * then counts only once a second look at the ring and the frames gives the same
 * one, and a sound prefix only if its segments still have the same headers after
 * it was read; a frame that goes away between the passes is SNAPSHOT_TOO_OLD.
 *
 * Memory: one reader's buffer and one pointer a live segment, whatever the size
 * of the log.
 */
#include "wal/wal_internal.h"

#define LOOKS_MAX 8

/* One pass over the live generations. */
struct scan {
    struct qr_wal *wal;
    struct qr_frame_reader *reader;
    struct qr_segment **live;
    uint32_t live_count;
    struct qr_wal_scan_result result; /* of the accepted prefix */
    uint32_t end_segment, end_index;  /* where it ends: index into live, frame */
    uint64_t pending_frames, pending_packs, pending_lsn;
    uint32_t newest_accepted; /* frames of it in the newest generation */
    uint64_t damage_offset;   /* where the last CORRUPT verdict pointed */
};

static quire_status fail_damage(struct scan *scan, const struct qr_segment *segment, uint32_t index,
                                const char *why, quire_error *err)
{
    const struct qr_wal *wal = scan->wal;
    scan->damage_offset = qr_frame_offset(&wal->geometry, segment->number, index);
    return qr_fail_at(err, QUIRE_CORRUPT, wal->path, QUIRE_NO_PAGE, scan->damage_offset,
                      "frame %u of log generation %llu is damaged: %s; restore the log from a "
                      "copy, or salvage the database",
                      (unsigned)index, (unsigned long long)segment->generation, why);
}

/* Whether a frame at `from` or later, in the segment, proves that everything before it was
 * synced. */
static quire_status find_synced_mark(struct scan *scan, const struct qr_segment *segment,
                                     uint32_t from, bool *found, quire_error *err)
{
    const struct qr_wal *wal = scan->wal;
    *found = false;
    for (uint32_t i = from; i < wal->geometry.frames && !*found; i++) {
        const uint8_t *bytes = NULL;
        QR_TRY(qr_frame_reader_get(scan->reader, segment->number, i, &bytes, err));
        if (bytes == NULL) {
            break;
        }
        struct qr_frame frame;
        qr_frame_decode(bytes, &frame);
        bool alone =
            qr_frame_check_alone(bytes, &wal->geometry, wal->seed, segment->salt, i) == QR_FRAME_OK;
        scan->result.torn = scan->result.torn || alone;
        *found = alone && frame.synced_before;
    }
    return QUIRE_OK;
}

static void accept(struct scan *scan, uint32_t order, const struct qr_frame *frame,
                   const uint8_t *page)
{
    uint64_t lsn = qr_load64(page + QR_WAL_PAGE_LSN);
    bool pack = frame->page_number == QR_FRAME_PACK;
    scan->pending_frames++;
    scan->pending_packs += pack;
    if (!pack && frame->page_number > scan->result.page_max) {
        scan->result.page_max = frame->page_number;
    }
    scan->pending_lsn = lsn > scan->pending_lsn ? lsn : scan->pending_lsn;
    if (frame->commit_pages == 0) {
        return;
    }
    struct qr_wal_scan_result *result = &scan->result;
    result->groups++;
    result->frames += scan->pending_frames;
    result->packs += scan->pending_packs;
    result->pages = frame->commit_pages;
    result->last_lsn = scan->pending_lsn > result->last_lsn ? scan->pending_lsn : result->last_lsn;
    scan->pending_frames = 0;
    scan->pending_packs = 0;
    scan->pending_lsn = 0;
    scan->end_segment = order;
    scan->end_index = frame->index + 1;
    if (order + 1 == scan->live_count) {
        scan->newest_accepted = scan->end_index;
    }
}

/* Reads one generation up to its end or its first bad frame: *stop. */
static quire_status read_generation(struct scan *scan, uint32_t order, uint32_t frames,
                                    uint32_t *stop, quire_error *err)
{
    const struct qr_wal *wal = scan->wal;
    const struct qr_segment *segment = scan->live[order];
    uint64_t chain = segment->checksum;
    uint32_t i = 0;
    for (; i < frames; i++) {
        const uint8_t *bytes = NULL;
        QR_TRY(qr_frame_reader_get(scan->reader, segment->number, i, &bytes, err));
        if (bytes == NULL || qr_frame_check(bytes, &wal->geometry, wal->seed, segment->salt, i,
                                            chain) != QR_FRAME_OK) {
            if (QR_MUTANT(PAST_BAD_FRAME) && bytes != NULL) {
                continue;
            }
            break;
        }
        struct qr_frame frame;
        qr_frame_decode(bytes, &frame);
        chain = frame.checksum;
        accept(scan, order, &frame, bytes + QR_FRAME_HEADER_SIZE);
    }
    *stop = i;
    return QUIRE_OK;
}

/* A slot with the segment's salt was written to. */
static quire_status note_torn(struct scan *scan, const struct qr_segment *segment, uint32_t index,
                              quire_error *err)
{
    const uint8_t *bytes = NULL;
    QR_TRY(qr_frame_reader_get(scan->reader, segment->number, index, &bytes, err));
    if (bytes != NULL && qr_load32(bytes + QR_FRAME_SALT) == segment->salt) {
        scan->result.torn = true;
    }
    return QUIRE_OK;
}

static quire_status find_end(struct scan *scan, quire_error *err)
{
    const struct qr_wal *wal = scan->wal;
    for (uint32_t order = 0; order < scan->live_count; order++) {
        const struct qr_segment *segment = scan->live[order];
        bool newest = order + 1 == scan->live_count;
        uint32_t frames = newest ? wal->geometry.frames : scan->live[order + 1]->prev_frames;
        uint32_t stop = 0;
        if (frames > wal->geometry.frames) {
            return fail_damage(scan, segment, wal->geometry.frames,
                               "the next generation counts more frames than fit", err);
        }
        QR_TRY(read_generation(scan, order, frames, &stop, err));
        if (!newest && stop < frames) {
            return fail_damage(scan, segment, stop, "a later generation follows it", err);
        }
        if (newest && stop < frames) {
            bool synced = false;
            QR_TRY(note_torn(scan, segment, stop, err));
            /* The bad frame's own mark proves nothing: it speaks of what is before it. */
            QR_TRY(find_synced_mark(scan, segment, stop + 1, &synced, err));
            if (synced) {
                return fail_damage(scan, segment, stop, "a later frame proves that it was synced",
                                   err);
            }
        }
    }
    scan->result.torn = scan->result.torn || scan->pending_frames > 0;
    return QUIRE_OK;
}

/* A free segment's first frame may carry its salt when a crash lost the header that was written
 * together with it; a later synced group may not. */
static quire_status check_free_segments(struct scan *scan, quire_error *err)
{
    const struct qr_wal *wal = scan->wal;
    for (uint32_t i = 0; i < wal->count; i++) {
        const struct qr_segment *segment = wal->segments[i];
        if (segment->state != QR_SEGMENT_STATE_FREE) {
            continue;
        }
        size_t got = 0;
        uint8_t header[QR_FRAME_HEADER_SIZE];
        QR_TRY(wal->file->methods->read(wal->file, header, sizeof header,
                                        qr_frame_offset(&wal->geometry, segment->number, 0), &got,
                                        err));
        if (got < sizeof header || qr_load32(header + QR_FRAME_SALT) != segment->salt) {
            continue;
        }
        bool torn = scan->result.torn;
        bool synced = false;
        QR_TRY(find_synced_mark(scan, segment, 1, &synced, err));
        scan->result.torn = torn;
        if (synced) {
            return fail_damage(scan, segment, 0, "its segment was in use but its header is old",
                               err);
        }
    }
    return QUIRE_OK;
}

static quire_status check_torn_segments(struct scan *scan, quire_error *err)
{
    const struct qr_wal *wal = scan->wal;
    uint64_t known = scan->result.last_lsn;
    known = wal->database_lsn > known ? wal->database_lsn : known;
    for (uint32_t s = 0; s < wal->count; s++) {
        const struct qr_segment *segment = wal->segments[s];
        bool torn = segment->state == QR_SEGMENT_STATE_TORN;
        scan->result.torn = scan->result.torn || torn;
        for (uint32_t i = 0; torn && i < wal->geometry.frames; i++) {
            const uint8_t *bytes = NULL;
            QR_TRY(qr_frame_reader_get(scan->reader, segment->number, i, &bytes, err));
            if (bytes == NULL) {
                break;
            }
            if (qr_frame_lsn(bytes, &wal->geometry, wal->seed) > known) {
                scan->damage_offset = qr_segment_offset(&wal->geometry, segment->number);
                return qr_fail_at(err, QUIRE_CORRUPT, wal->path, QUIRE_NO_PAGE, scan->damage_offset,
                                  "the header of log segment %u is damaged and its frame %u is "
                                  "needed; restore the log from a copy, or salvage the database",
                                  (unsigned)segment->number, (unsigned)i);
            }
        }
    }
    return QUIRE_OK;
}

static void begin_look(struct scan *scan)
{
    scan->result = (struct qr_wal_scan_result){0};
    scan->end_segment = 0;
    scan->end_index = 0;
    scan->pending_frames = 0;
    scan->pending_packs = 0;
    scan->pending_lsn = 0;
    scan->newest_accepted = 0;
    scan->damage_offset = UINT64_MAX;
    qr_frame_reader_drop(scan->reader);
}

static void free_order(struct scan *scan)
{
    qr_free(scan->wal->allocator, scan->live, scan->live_count * sizeof *scan->live);
    scan->live = NULL;
    scan->live_count = 0;
}

static quire_status look_once(struct scan *scan, quire_error *err)
{
    begin_look(scan);
    free_order(scan);
    if (scan->wal->read_only) {
        QR_TRY(qr_wal_ring_load(scan->wal, err));
    }
    QR_TRY(qr_wal_ring_order(scan->wal, &scan->live, &scan->live_count, err));
    QR_TRY(find_end(scan, err));
    QR_TRY(check_free_segments(scan, err));
    return check_torn_segments(scan, err);
}

/* A fingerprint of the ring: generations and salts only ever move on. */
static uint64_t ring_print(const struct qr_wal *wal)
{
    uint64_t print = wal->count;
    for (uint32_t i = 0; i < wal->count; i++) {
        const struct qr_segment *segment = wal->segments[i];
        print = print * UINT64_C(0x9E3779B97F4A7C15) + segment->generation;
        print = print * UINT64_C(0x9E3779B97F4A7C15) + segment->salt;
        print = print * UINT64_C(0x9E3779B97F4A7C15) + (uint64_t)segment->state;
    }
    return print;
}

static quire_status fail_recycled(const struct qr_wal *wal, quire_error *err)
{
    return qr_fail_at(err, QUIRE_SNAPSHOT_TOO_OLD, wal->path, QUIRE_NO_PAGE, 0,
                      "the log was recycled while it was read; try again");
}

/* The first pass beside a writer. A sound prefix counts when its segments were not recycled while
 * they were read, damage when two passes in a row see the same. */
static quire_status look_beside_writer(struct scan *scan, quire_error *err)
{
    uint64_t print = 0;
    uint64_t offset = 0;
    bool suspected = false;
    for (int i = 0; i < LOOKS_MAX; i++) {
        quire_status status = look_once(scan, err);
        if (status == QUIRE_OK) {
            bool still = false;
            QR_TRY(qr_wal_ring_still(scan->wal, scan->live, scan->live_count, &still, err));
            if (still) {
                return QUIRE_OK;
            }
            suspected = false;
        } else if (status != QUIRE_CORRUPT ||
                   (suspected && print == ring_print(scan->wal) && offset == scan->damage_offset)) {
            return status;
        } else {
            suspected = true;
            print = ring_print(scan->wal);
            offset = scan->damage_offset;
        }
    }
    return fail_recycled(scan->wal, err);
}

static quire_status fail_moved(const struct qr_wal *wal, uint64_t offset, quire_error *err)
{
    if (wal->read_only) {
        return fail_recycled(wal, err);
    }
    return qr_fail_at(err, QUIRE_CORRUPT, wal->path, QUIRE_NO_PAGE, offset,
                      "a frame of the log changed between two reads; check the device");
}

/* Walks `frames` accepted frames of one generation with `visit`, checking them again. */
static quire_status visit_generation(struct scan *scan, const struct qr_segment *segment,
                                     uint32_t frames, qr_wal_visit visit, void *context,
                                     quire_error *err)
{
    const struct qr_wal *wal = scan->wal;
    uint64_t chain = segment->checksum;
    for (uint32_t i = 0; i < frames; i++) {
        const uint8_t *bytes = NULL;
        uint64_t offset = qr_frame_offset(&wal->geometry, segment->number, i);
        QR_TRY(qr_frame_reader_get(scan->reader, segment->number, i, &bytes, err));
        if (bytes == NULL || qr_frame_check(bytes, &wal->geometry, wal->seed, segment->salt, i,
                                            chain) != QR_FRAME_OK) {
            if (QR_MUTANT(PAST_BAD_FRAME)) {
                continue;
            }
            return fail_moved(wal, offset, err);
        }
        struct qr_frame frame;
        qr_frame_decode(bytes, &frame);
        chain = frame.checksum;
        struct qr_wal_frame delivered = {
            .page_number = frame.page_number,
            .commit_pages = frame.commit_pages,
            .generation = segment->generation,
            .index = i,
            .offset = offset,
            .page = bytes + QR_FRAME_HEADER_SIZE,
        };
        QR_TRY(visit(context, &delivered, err));
    }
    return QUIRE_OK;
}

static quire_status visit_all(struct scan *scan, qr_wal_visit visit, void *context,
                              quire_error *err)
{
    if (visit == NULL || scan->result.frames == 0) {
        return QUIRE_OK;
    }
    for (uint32_t order = 0; order <= scan->end_segment; order++) {
        uint32_t frames =
            order == scan->end_segment ? scan->end_index : scan->live[order + 1]->prev_frames;
        QR_TRY(visit_generation(scan, scan->live[order], frames, visit, context, err));
    }
    return QUIRE_OK;
}

quire_status qr_wal_scan(struct qr_wal *wal, qr_wal_visit visit, void *context,
                         struct qr_wal_scan_result *result, quire_error *err)
{
    *result = (struct qr_wal_scan_result){0};
    if (wal->frames_written > 0) {
        return qr_fail_at(err, QUIRE_MISUSE, wal->path, QUIRE_NO_PAGE, 0,
                          "the log has been appended to; scan it before");
    }
    struct qr_frame_reader reader;
    QR_TRY(qr_frame_reader_init(&reader, wal->file, wal->allocator, &wal->geometry, err));
    struct scan scan = {.wal = wal, .reader = &reader};
    quire_status status = wal->read_only ? look_beside_writer(&scan, err) : look_once(&scan, err);
    if (status == QUIRE_OK) {
        status = visit_all(&scan, visit, context, err);
    }
    if (status == QUIRE_OK) {
        *result = scan.result;
        wal->scanned = true;
        wal->newest_accepted = scan.newest_accepted;
        wal->accepted_generation =
            scan.result.frames > 0 ? scan.live[scan.end_segment]->generation : 0;
        wal->accepted_frames = scan.end_index;
    }
    free_order(&scan);
    qr_frame_reader_free(&reader);
    return status;
}
