/*
 * The log under its three threads at once, beside a reader with a handle of its
 * own: a writer reserves, a flush leader appends and syncs, a checkpointer
 * seals and releases, an observer opens the log for reading and scans it over
 * and over. A plain program, so that it can run under ThreadSanitizer.
 *
 * What must hold: room is found for every group, the observer only ever sees
 * whole groups in order, and at the end nothing that was not released is gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/thread.h"
#include "wal/wal.h"
#include "wal/wal_format.h"

#define PAGE    1024U
#define SEGMENT 8192U
#define GROUPS  4000U

struct stress {
    struct qr_file_layer *layer;
    struct qr_wal *wal;
    struct qr_mutex mutex;
    struct qr_cond changed;
    /* Guarded by the mutex. */
    uint64_t reserved, appended; /* groups */
    uint64_t sealed_at;          /* newest group when the last seal was made */
    bool seal_wanted;
    bool done;
    uint64_t scans, too_old;
};

static void expect(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "stress_wal: %s\n", what);
        abort();
    }
}

static void ok(quire_status status, const quire_error *error)
{
    if (status != QUIRE_OK) {
        fprintf(stderr, "stress_wal: %s: %s\n", quire_status_name(status), error->message);
        abort();
    }
}

static struct qr_wal_options options_of(struct qr_file_layer *layer)
{
    struct qr_wal_options options = {.layer = layer,
                                     .allocator = qr_allocator_default(),
                                     .path = "stress-wal",
                                     .page_size = PAGE,
                                     .segment_bytes = SEGMENT,
                                     .bytes_max = 4096 + 6 * SEGMENT};
    memset(options.database_id, 7, sizeof options.database_id);
    return options;
}

static uint32_t length_of(uint64_t group)
{
    return group % 97 == 0 ? 60 : 1 + (uint32_t)(group % 5);
}

static void build_page(uint8_t *page, uint32_t number, uint64_t lsn)
{
    uint64_t seed = UINT64_C(0x0707070707070707);
    memset(page, (int)(lsn & 0xFF), PAGE);
    qr_store64(page + QR_WAL_PAGE_LSN, lsn);
    qr_store64(page, qr_hash64(page + 8, PAGE - 8, number == 0 ? 0 : seed ^ number));
}

static void run_writer(void *context)
{
    struct stress *s = context;
    for (uint64_t group = 1; group <= GROUPS; group++) {
        enum qr_wal_room room = QR_WAL_ROOM_WAIT;
        quire_error error = QUIRE_ERROR_INIT;
        for (;;) {
            ok(qr_wal_reserve(s->wal, length_of(group), &room, &error), &error);
            if (room == QR_WAL_ROOM_READY) {
                break;
            }
            qr_yield();
        }
        qr_mutex_lock(&s->mutex);
        s->reserved = group;
        qr_cond_broadcast(&s->changed);
        while (s->reserved > s->appended + 3) {
            qr_cond_wait(&s->changed, &s->mutex);
        }
        qr_mutex_unlock(&s->mutex);
    }
}

static void append_one(struct stress *s, uint64_t group, uint8_t *bytes)
{
    quire_error error = QUIRE_ERROR_INIT;
    struct qr_wal_page pages[64];
    uint32_t length = length_of(group);
    for (uint32_t i = 0; i < length; i++) {
        pages[i] = (struct qr_wal_page){i, bytes + (size_t)i * PAGE};
        build_page(bytes + (size_t)i * PAGE, i, group);
    }
    if (group % 53 == 0) { /* given up and made again */
        ok(qr_wal_append(s->wal, pages, length, 0, true, &error), &error);
        qr_wal_rewind(s->wal);
    }
    ok(qr_wal_append(s->wal, pages, length, 100, true, &error), &error);
    if (group % 3 != 0) {
        ok(qr_wal_sync(s->wal, &error), &error);
    }
}

static void run_leader(void *context)
{
    struct stress *s = context;
    uint8_t *bytes = malloc(64 * PAGE);
    expect(bytes != NULL, "out of memory");
    for (uint64_t group = 1; group <= GROUPS; group++) {
        /* Segments with unsynced groups are not released: idle time is the time to sync. */
        qr_mutex_lock(&s->mutex);
        bool idle = s->reserved < group;
        qr_mutex_unlock(&s->mutex);
        if (idle) {
            quire_error error = QUIRE_ERROR_INIT;
            ok(qr_wal_sync(s->wal, &error), &error);
        }
        qr_mutex_lock(&s->mutex);
        while (s->reserved < group) {
            qr_cond_wait(&s->changed, &s->mutex);
        }
        bool seal = s->seal_wanted;
        s->seal_wanted = false;
        qr_mutex_unlock(&s->mutex);
        append_one(s, group, bytes);
        if (seal) {
            qr_wal_seal(s->wal);
        }
        qr_mutex_lock(&s->mutex);
        s->appended = group;
        qr_cond_broadcast(&s->changed);
        qr_mutex_unlock(&s->mutex);
    }
    free(bytes);
    qr_mutex_lock(&s->mutex);
    s->done = true;
    qr_mutex_unlock(&s->mutex);
}

static bool finished(struct stress *s)
{
    qr_mutex_lock(&s->mutex);
    bool done = s->done;
    s->seal_wanted = true;
    qr_mutex_unlock(&s->mutex);
    return done;
}

static void run_checkpointer(void *context)
{
    struct stress *s = context;
    while (!finished(s)) {
        uint32_t *numbers = NULL;
        size_t count = 0;
        uint64_t generation = 0;
        quire_error error = QUIRE_ERROR_INIT;
        ok(qr_wal_sealed_pages(s->wal, &numbers, &count, &generation, &error), &error);
        expect((count > 0) == (generation > 0), "pages without a generation");
        qr_free(qr_allocator_default(), numbers, count * sizeof *numbers);
        ok(qr_wal_release(s->wal, generation, &error), &error);
        qr_yield();
    }
}

struct seen {
    uint64_t last;
    uint32_t next;
};

static quire_status visit(void *context, const struct qr_wal_frame *frame, quire_error *err)
{
    (void)err;
    struct seen *seen = context;
    uint64_t lsn = qr_load64(frame->page + QR_WAL_PAGE_LSN);
    if (seen->last == 0) {
        /* A generation may begin within a group, once the one before is released. */
        seen->last = lsn;
        seen->next = frame->page_number;
    }
    if (lsn == seen->last + 1) {
        expect(seen->next == length_of(seen->last), "a group was cut");
        seen->last = lsn;
        seen->next = 0;
    }
    expect(lsn == seen->last && frame->page_number == seen->next, "a frame is missing");
    seen->next++;
    return QUIRE_OK;
}

static void run_observer(void *context)
{
    struct stress *s = context;
    struct qr_wal_options options = options_of(s->layer);
    do {
        struct qr_wal *wal = NULL;
        quire_error error = QUIRE_ERROR_INIT;
        ok(qr_wal_open(&options, true, &wal, &error), &error);
        struct seen seen = {0};
        struct qr_wal_scan_result result;
        quire_status status = qr_wal_scan(wal, visit, &seen, &result, &error);
        if (status == QUIRE_SNAPSHOT_TOO_OLD) {
            s->too_old++;
        } else {
            ok(status, &error);
            expect(seen.last == result.last_lsn, "the newest group is not the last seen");
        }
        s->scans++;
        qr_wal_close(wal);
    } while (!finished(s));
}

int main(void)
{
    static struct stress s;
    quire_error error = QUIRE_ERROR_INIT;
    ok(qr_file_layer_memory_create(qr_allocator_default(), &s.layer, &error), &error);
    ok(qr_mutex_init(&s.mutex, QR_RANK_GROUP, &error), &error);
    ok(qr_cond_init(&s.changed, &error), &error);
    struct qr_wal_options options = options_of(s.layer);
    ok(qr_wal_create(&options, &s.wal, &error), &error);

    static struct qr_thread threads[4];
    void (*const roles[4])(void *) = {run_writer, run_leader, run_checkpointer, run_observer};
    for (size_t i = 0; i < 4; i++) {
        ok(qr_thread_start(&threads[i], roles[i], &s, &error), &error);
    }
    for (size_t i = 0; i < 4; i++) {
        qr_thread_join(&threads[i]);
    }
    struct qr_wal_stats stats;
    qr_wal_get_stats(s.wal, &stats);
    expect(stats.groups_written == GROUPS, "a group is missing");
    qr_wal_close(s.wal);
    printf("stress_wal: %llu frames, %u segments, %llu scans, %llu too old\n",
           (unsigned long long)stats.frames_written, (unsigned)stats.segments,
           (unsigned long long)s.scans, (unsigned long long)s.too_old);
    qr_cond_destroy(&s.changed);
    qr_mutex_destroy(&s.mutex);
    qr_file_layer_memory_destroy(s.layer);
    return 0;
}
