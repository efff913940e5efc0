/*
 * Power cuts and failing calls. A history of commits runs over a layer that
 * takes crash images before every change of the disk; each image must open and
 * hold exactly the state after some commit: in full durability one between the
 * last acknowledged and the last attempted.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "pager_fixture.h"
#include "wal/wal.h"
#include "wal/wal_pack.h"

enum { COMMITS_MAX = 64, IMAGES_MAX = 4000 };

struct image {
    struct qr_file_layer *layer;
    unsigned acked, attempted;
};

struct history {
    struct faulty_layer *faulty;
    struct model *states; /* after each commit */
    _Atomic unsigned acked, attempted;
    struct image *images;
    _Atomic unsigned image_count;
    _Atomic unsigned calls;
    unsigned sample;  /* one image in so many calls */
    unsigned changes; /* of a commit, at most */
    uint64_t log_bytes;
};

static void take_image(void *context, const struct faulty_record *record)
{
    struct history *history = context;
    (void)record;
    unsigned call = atomic_fetch_add(&history->calls, 1);
    if (call % history->sample != 0) {
        return;
    }
    unsigned index = atomic_fetch_add(&history->image_count, 1);
    if (index >= IMAGES_MAX) {
        return;
    }
    static const enum faulty_survival survivals[] = {FAULTY_LOSE_ALL, FAULTY_KEEP_ALL,
                                                     FAULTY_KEEP_RANDOM, FAULTY_KEEP_RANDOM};
    struct faulty_cut cut = {.survival = survivals[index % 4],
                             .tear = index % 4 == 3 ? FAULTY_TEAR_RANDOM : FAULTY_TEAR_NONE,
                             .garbage = index % 4 == 3,
                             .names_ordered = index % 8 < 4,
                             .seed = call};
    struct image *image = &history->images[index];
    image->acked = atomic_load(&history->acked);
    image->layer = faulty_layer_power_cut(history->faulty, &cut);
    image->attempted = atomic_load(&history->attempted);
}

static void history_init(struct history *history, unsigned sample)
{
    *history = (struct history){.sample = sample, .changes = 12, .log_bytes = 256 << 10};
    history->faulty = faulty_layer_create();
    history->states = calloc(COMMITS_MAX + 1, sizeof *history->states);
    history->images = calloc(IMAGES_MAX, sizeof *history->images);
    cr_assert(history->states != NULL && history->images != NULL);
}

/* Large commits beside a small log: new pages go straight to the database file. */
static void history_direct(struct history *history)
{
    history->changes = 80;
    history->log_bytes = 32 << 10;
}

static void history_destroy(struct history *history)
{
    faulty_layer_destroy(history->faulty);
    free(history->states);
    free(history->images);
}

/* Commit k changes random pages and writes k into page 3. Stops at the first failure. */
static quire_status run_commits(struct history *history, struct qr_pager *pager, unsigned from,
                                unsigned to, uint64_t seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    for (unsigned k = from; k <= to; k++) {
        struct model *model = &history->states[k];
        struct qr_txn *txn = NULL;
        quire_status status = qr_txn_begin(pager, 1000, &txn, NULL);
        if (status != QUIRE_OK) {
            return status;
        }
        *model = history->states[k - 1];
        if (k == 1) {
            cr_assert_eq(fixture_alloc(txn, 1), 3);
        } else {
            fixture_write(txn, 3, k);
        }
        for (uint64_t n = prng_below(&prng, history->changes); n > 0; n--) {
            model_change(model, txn, &prng, 5 * history->changes);
        }
        atomic_store(&history->attempted, k);
        status = qr_txn_commit(txn, NULL);
        if (status != QUIRE_OK) {
            return status;
        }
        atomic_store(&history->acked, k);
        if (prng_one_in(&prng, 12)) {
            status = qr_pager_checkpoint(pager, NULL);
            if (status != QUIRE_OK) {
                return status;
            }
        }
    }
    return QUIRE_OK;
}

/* Opens what a crash left and compares. Returns the commit it holds. */
static unsigned verify_layer(struct history *history, struct qr_file_layer *layer, unsigned low,
                             unsigned high, unsigned index)
{
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = NULL;
    quire_error err = QUIRE_ERROR_INIT;
    quire_status status = qr_pager_open(&options, &pager, &err);
    cr_assert_eq(status, QUIRE_OK, "image %u: %s: %s", index, quire_status_name(status),
                 err.message);
    struct qr_view *view = fixture_snapshot(pager);
    unsigned k = qr_view_page_count(view) <= 3 ? 0 : (unsigned)fixture_read(view, 3);
    cr_assert(k >= low && k <= high, "image %u holds commit %u, not %u to %u", index, k, low, high);
    model_check(&history->states[k], view);
    qr_snapshot_close(view);
    struct qr_txn *txn = fixture_begin(pager);
    uint32_t more = fixture_alloc(txn, 4711);
    fixture_commit(txn);
    fixture_close(pager);
    pager = fixture_open(&options);
    view = fixture_snapshot(pager);
    cr_assert_eq(fixture_read(view, more), 4711);
    qr_snapshot_close(view);
    fixture_close(pager);
    return k;
}

static void verify_images(struct history *history, bool full)
{
    unsigned count = atomic_load(&history->image_count);
    count = count < IMAGES_MAX ? count : IMAGES_MAX;
    for (unsigned i = 0; i < count; i++) {
        struct image *image = &history->images[i];
        verify_layer(history, image->layer, full ? image->acked : 0, image->attempted, i);
        qr_file_layer_memory_destroy(image->layer);
    }
    cr_assert_gt(count, 100);
}

static void crash_everywhere(quire_durability durability, unsigned sample, uint64_t seed,
                             bool direct)
{
    struct history history;
    history_init(&history, sample);
    if (direct) {
        history_direct(&history);
    }
    struct qr_pager_options options = fixture_options(faulty_layer_files(history.faulty));
    options.wal_bytes_max = history.log_bytes;
    options.durability = durability;
    options.sync_interval_ms = 1;
    faulty_layer_observe(history.faulty, FAULTY_CHANGES, take_image, &history);
    struct qr_pager *pager = fixture_open(&options);
    cr_assert_eq(run_commits(&history, pager, 1, 30, seed), QUIRE_OK);
    fixture_close(pager);
    pager = fixture_open(&options);
    cr_assert_eq(run_commits(&history, pager, 31, 45, seed + 1), QUIRE_OK);
    cr_assert_eq(fixture_stats(pager).pages_direct > 0, direct);
    fixture_close(pager);
    faulty_layer_observe(history.faulty, 0, NULL, NULL);
    verify_images(&history, durability == QUIRE_DURABILITY_FULL);
    history_destroy(&history);
}

Test(pager_crash, every_call__leaves_an_acknowledged_state_in_full_durability)
{
    crash_everywhere(QUIRE_DURABILITY_FULL, 1, 11, false);
}

Test(pager_crash, every_call__leaves_some_committed_state_in_normal_durability)
{
    crash_everywhere(QUIRE_DURABILITY_NORMAL, 1, 12, false);
}

Test(pager_crash, every_call__leaves_some_committed_state_without_syncs)
{
    crash_everywhere(QUIRE_DURABILITY_OFF, 1, 13, false);
}

Test(pager_crash, every_call__leaves_a_committed_state_with_direct_writes)
{
    crash_everywhere(QUIRE_DURABILITY_FULL, 1, 14, true);
    crash_everywhere(QUIRE_DURABILITY_NORMAL, 1, 15, true);
    crash_everywhere(QUIRE_DURABILITY_OFF, 1, 16, true);
}

/* Pages 3 to `pages` - 1 hold their numbers. */
static void expect_pages(struct qr_file_layer *layer, uint32_t pages, unsigned index)
{
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_view *view = fixture_snapshot(pager);
    cr_assert_geq(qr_view_page_count(view), pages, "image %u has only %u pages", index,
                  qr_view_page_count(view));
    for (uint32_t page = 3; page < pages; page++) {
        cr_assert_eq(fixture_read(view, page), page, "image %u, page %u", index, page);
    }
    qr_snapshot_close(view);
    fixture_close(pager);
}

static void commit_pages(struct history *history, struct qr_pager *pager, uint32_t from,
                         uint32_t to)
{
    struct qr_txn *txn = fixture_begin(pager);
    for (uint32_t page = from; page < to; page++) {
        cr_assert_eq(fixture_alloc(txn, page), page);
    }
    fixture_commit(txn);
    atomic_store(&history->acked, to);
}

/* The last page is the one from which a transaction writes to the database file; it does so at the
 * beginning of its next operation, which is the commit's. */
Test(pager_crash, pages_written_at_the_beginning_of_the_commit__are_durable_with_it)
{
    enum { ALLOCATED = 352, FIRST = 3 };
    struct faulty_layer *faulty = faulty_layer_create();
    struct qr_pager_options options = fixture_options(faulty_layer_files(faulty));
    options.cache_bytes = 1 << 20; /* nothing leaves it */
    options.wal_bytes_max = 4 * ALLOCATED * options.page_size;
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    for (uint32_t page = FIRST; page < FIRST + ALLOCATED; page++) {
        cr_assert_eq(fixture_alloc(txn, page), page);
    }
    cr_assert_eq(fixture_stats(pager).pages_direct, 0);
    fixture_commit(txn);
    cr_assert_gt(fixture_stats(pager).pages_direct, 0);
    struct faulty_cut cut = {.survival = FAULTY_LOSE_ALL};
    struct qr_file_layer *after = faulty_layer_power_cut(faulty, &cut);
    expect_pages(after, FIRST + ALLOCATED, 0);
    qr_file_layer_memory_destroy(after);
    fixture_close(pager);
    faulty_layer_destroy(faulty);
}

struct intruder {
    struct qr_pager *pager;
    atomic_bool armed;
};

/* Has a checkpoint run before the first write to the database file. */
static void checkpoint_before_write(void *context, const struct faulty_record *record)
{
    struct intruder *intruder = context;
    if (strstr(record->path, "-wal") == NULL && strstr(record->path, "test.quire") != NULL &&
        atomic_exchange(&intruder->armed, false)) {
        cr_assert_eq(qr_pager_checkpoint(intruder->pager, NULL), QUIRE_OK);
    }
}

/* Pages that were freed and allocated again cannot be written before the commit, since a checkpoint
 * is going to write what they held. It does so while the commit writes the others. From then on
 * they could be written too, and the transaction has more pages in memory than its share. */
Test(pager_crash, pages_that_a_checkpoint_lets_go_during_the_commit__are_durable_with_it)
{
    enum { USED = 60, ALLOCATED = 405, FIRST = 3 };
    struct faulty_layer *faulty = faulty_layer_create();
    struct qr_pager_options options = fixture_options(faulty_layer_files(faulty));
    options.cache_bytes = 1 << 20; /* of its frames a transaction may have 384 */
    options.wal_bytes_max = 400 << 10;
    struct intruder intruder = {.pager = fixture_open(&options)};
    struct qr_txn *txn = fixture_begin(intruder.pager);
    for (uint32_t page = FIRST; page < FIRST + USED; page++) {
        cr_assert_eq(fixture_alloc(txn, 1000 + page), page);
    }
    fixture_commit(txn);
    txn = fixture_begin(intruder.pager);
    for (uint32_t page = FIRST; page < FIRST + USED; page++) {
        cr_assert_eq(qr_txn_page_free(txn, page, NULL), QUIRE_OK);
    }
    fixture_commit(txn);
    txn = fixture_begin(intruder.pager);
    for (uint32_t page = FIRST; page < FIRST + ALLOCATED; page++) {
        cr_assert_eq(fixture_alloc(txn, page), page);
    }
    cr_assert_eq(fixture_stats(intruder.pager).checkpoints, 0);
    faulty_layer_observe(faulty, FAULTY_SET(FAULTY_WRITE), checkpoint_before_write, &intruder);
    atomic_store(&intruder.armed, true);
    fixture_commit(txn);
    cr_assert_eq(fixture_stats(intruder.pager).checkpoints, 1);
    faulty_layer_observe(faulty, 0, NULL, NULL);
    struct faulty_cut cut = {.survival = FAULTY_LOSE_ALL};
    struct qr_file_layer *after = faulty_layer_power_cut(faulty, &cut);
    expect_pages(after, FIRST + ALLOCATED, 0);
    cr_assert_eq(fixture_stats(intruder.pager).pages_direct, ALLOCATED - USED);
    qr_file_layer_memory_destroy(after);
    fixture_close(intruder.pager);
    faulty_layer_destroy(faulty);
}

/* With a hook that wants to see every change, all pages go through the log. */
static quire_status see_segment(void *context, const quire_segment *segment, quire_error *err)
{
    (void)context;
    (void)segment;
    (void)err;
    return QUIRE_OK;
}

/* The commits fill the log to its last frame, so that a checkpoint finds no room for the header
 * page that should end it: the log must not be emptied before it has been framed. */
Test(pager_crash, checkpoint_of_a_full_log__leaves_a_header_that_knows_all_pages)
{
    enum { FRAMES = 3 * 15, FIRST = 4, ALL = FIRST + FRAMES - 2 };
    struct history history;
    history_init(&history, 1);
    struct qr_pager_options options = fixture_options(faulty_layer_files(history.faulty));
    options.cache_bytes = 1 << 20;
    options.wal_bytes_max = 1;
    options.hooks.segment_sealed = see_segment;
    struct qr_pager *pager = fixture_open(&options);
    commit_pages(&history, pager, 3, FIRST);
    cr_assert_eq(fixture_stats(pager).log_frames, 2);
    faulty_layer_observe(history.faulty, FAULTY_CHANGES, take_image, &history);
    commit_pages(&history, pager, FIRST, ALL);
    cr_assert_eq(qr_pager_checkpoint(pager, NULL), QUIRE_OK);
    cr_assert_geq(fixture_stats(pager).log_frames, FRAMES);
    fixture_close(pager);
    faulty_layer_observe(history.faulty, 0, NULL, NULL);
    for (unsigned i = 0; i < atomic_load(&history.image_count); i++) {
        struct image *image = &history.images[i];
        expect_pages(image->layer, image->acked, i);
        qr_file_layer_memory_destroy(image->layer);
    }
    history_destroy(&history);
}

/* ---- The order of frames in a group ---- */

struct stopper {
    atomic_bool armed, stopped;
};

/* Stops whoever writes to the log until it is disarmed. */
static void stop_log_write(void *context, const struct faulty_record *record)
{
    struct stopper *stopper = context;
    if (strstr(record->path, "-wal") == NULL) {
        return;
    }
    while (atomic_load(&stopper->armed)) {
        atomic_store(&stopper->stopped, true);
        sched_yield();
    }
}

static void commit_values(struct qr_pager *pager, uint32_t from, uint32_t to, uint64_t value,
                          struct qr_ticket *ticket)
{
    struct qr_txn *txn = fixture_begin(pager);
    for (uint32_t page = from; page < to; page++) {
        fixture_write(txn, page, value);
    }
    cr_assert_eq(qr_txn_commit_async(txn, ticket, NULL), QUIRE_OK);
}

struct group_order {
    uint64_t largest; /* of the group so far */
    unsigned groups, several;
};

static quire_status check_order(void *context, const struct qr_wal_frame *frame, quire_error *err)
{
    struct group_order *order = context;
    struct qr_pack_record record;
    uint64_t lsn = qr_page_lsn(frame->page);
    uint32_t at = 0;
    (void)err;
    while (frame->page_number == QR_WAL_PACK && qr_pack_next(frame->page, 1024, &at, &record)) {
        order->several += record.lsn != lsn;
    }
    order->several += order->largest != 0 && lsn != order->largest;
    order->largest = lsn > order->largest ? lsn : order->largest;
    if (frame->commit_pages != 0) {
        cr_assert_eq(lsn, order->largest, "a group ends with an older page");
        order->largest = 0;
        order->groups++;
    }
    return QUIRE_OK;
}

static void scan_log(struct qr_file_layer *layer, struct group_order *order)
{
    struct qr_wal_options options = {
        .layer = layer, .allocator = qr_allocator_default(), .path = FIXTURE_WAL_PATH};
    struct qr_wal_scan_result result;
    struct qr_wal *wal = NULL;
    cr_assert_eq(
        qr_wal_identify(layer, options.path, options.database_id, &options.page_size, NULL),
        QUIRE_OK);
    cr_assert_eq(qr_wal_open(&options, true, &wal, NULL), QUIRE_OK);
    cr_assert_eq(qr_wal_scan(wal, check_order, order, &result, NULL), QUIRE_OK);
    qr_wal_close(wal);
}

/* Segments are released while a later one holds the end of their group: its newest page must tell
 * the number of the group. */
Test(pager_crash, group_of_several_commits__ends_with_a_page_of_the_newest)
{
    struct stopper stopper = {false};
    struct faulty_layer *faulty = faulty_layer_create();
    struct qr_pager_options options = fixture_options(faulty_layer_files(faulty));
    struct qr_ticket tickets[3] = {{.next = NULL}};
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    for (uint32_t page = 3; page < 10; page++) {
        cr_assert_eq(fixture_alloc(txn, page), page);
    }
    fixture_commit(txn);
    faulty_layer_observe(faulty, FAULTY_SET(FAULTY_WRITE), stop_log_write, &stopper);
    atomic_store(&stopper.armed, true);
    commit_values(pager, 3, 4, 100, &tickets[0]);
    while (!atomic_load(&stopper.stopped)) {
        sched_yield();
    }
    commit_values(pager, 4, 10, 101, &tickets[1]);
    commit_values(pager, 4, 5, 102, &tickets[2]);
    atomic_store(&stopper.armed, false);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(qr_ticket_wait(pager, &tickets[i], NULL), QUIRE_OK);
    }
    faulty_layer_observe(faulty, 0, NULL, NULL);
    struct faulty_cut cut = {.survival = FAULTY_LOSE_ALL};
    struct qr_file_layer *after = faulty_layer_power_cut(faulty, &cut);
    struct group_order order = {0};
    scan_log(after, &order);
    cr_assert_eq(order.groups, 3);
    cr_assert_geq(order.several, 1);
    qr_file_layer_memory_destroy(after);
    fixture_close(pager);
    faulty_layer_destroy(faulty);
}

/* ---- A file that is changed behind the pager's back ---- */

/* Gives a page in the file a number of the future, with a checksum that holds. */
static void forge_lsn(struct qr_file_layer *layer, uint32_t page_number)
{
    uint8_t page[1024];
    uint8_t id[16];
    size_t got = 0;
    struct qr_file *file = NULL;
    uint64_t offset = (uint64_t)page_number * sizeof page;
    cr_assert_eq(layer->methods->open(layer, FIXTURE_PATH, QR_OPEN_WRITE, &file, NULL), QUIRE_OK);
    cr_assert_eq(file->methods->read(file, id, sizeof id, QR_HEADER_ID, &got, NULL), QUIRE_OK);
    cr_assert_eq(file->methods->read(file, page, sizeof page, offset, &got, NULL), QUIRE_OK);
    qr_store64(page + QR_PAGE_LSN, UINT64_C(1) << 40);
    qr_store64(page + QR_PAGE_CHECKSUM, qr_hash64(page + QR_PAGE_LSN, sizeof page - QR_PAGE_LSN,
                                                  qr_load64(id) ^ page_number));
    cr_assert_eq(qr_file_write_one(file, page, sizeof page, offset, NULL), QUIRE_OK);
    file->methods->close(file);
}

Test(pager_crash, checkpoint__reports_an_image_in_the_file_that_cannot_be_older)
{
    enum { PAGES = 400 };
    struct faulty_layer *faulty = faulty_layer_create();
    struct qr_pager_options options = fixture_options(faulty_layer_files(faulty));
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    for (uint32_t page = 3; page < PAGES; page++) {
        cr_assert_eq(fixture_alloc(txn, page), page);
    }
    fixture_commit(txn);
    cr_assert_eq(qr_pager_checkpoint(pager, NULL), QUIRE_OK);
    struct qr_view *before = fixture_snapshot(pager);
    txn = fixture_begin(pager);
    fixture_write(txn, 3, 1);
    for (int round = 0; round < 3; round++) { /* the committed page 3 leaves the cache */
        for (uint32_t page = 4; page < PAGES; page++) {
            cr_assert_eq(fixture_read(before, page), page);
        }
    }
    fixture_commit(txn);
    forge_lsn(options.layer, 3);
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(qr_pager_checkpoint(pager, &err), QUIRE_CORRUPT);
    cr_assert_eq(err.page, 3);
    qr_snapshot_close(before);
    (void)qr_pager_close(pager, NULL);
    faulty_layer_destroy(faulty);
}

/* The machine crashes again while it recovers. */
Test(pager_crash, recovery__can_be_cut_off_anywhere)
{
    struct history history;
    history_init(&history, 1);
    struct qr_pager_options options = fixture_options(faulty_layer_files(history.faulty));
    options.cache_bytes = 1 << 20; /* no checkpoint of its own accord: the log keeps its frames */
    options.wal_segment_bytes = 1 << 18;
    options.wal_bytes_max = 1 << 22;
    struct qr_pager *pager = fixture_open(&options);
    cr_assert_eq(run_commits(&history, pager, 1, 20, 5), QUIRE_OK);
    struct faulty_cut cut = {.survival = FAULTY_KEEP_RANDOM, .tear = FAULTY_TEAR_RANDOM, .seed = 3};
    struct faulty_layer *crashed = faulty_layer_power_cut_again(history.faulty, &cut);
    fixture_close(pager);
    struct faulty_layer *before = history.faulty;
    history.faulty = crashed;
    options.layer = faulty_layer_files(crashed);
    faulty_layer_observe(crashed, FAULTY_CHANGES, take_image, &history);
    fixture_close(fixture_open(&options));
    faulty_layer_observe(crashed, 0, NULL, NULL);
    unsigned count = atomic_load(&history.image_count);
    cr_assert_gt(count, 5);
    for (unsigned i = 0; i < count; i++) {
        verify_layer(&history, history.images[i].layer, 20, 20, i);
        qr_file_layer_memory_destroy(history.images[i].layer);
    }
    faulty_layer_destroy(before);
    history_destroy(&history);
}

/* ---- Failing calls ---- */

static void fail_at(uint32_t kinds, uint64_t index, int os_errno, bool forever,
                    enum faulty_sync_failure sync, bool direct, bool *reached)
{
    struct history history;
    history_init(&history, 1);
    if (direct) {
        history_direct(&history);
    }
    struct qr_pager_options options = fixture_options(faulty_layer_files(history.faulty));
    options.wal_bytes_max = history.log_bytes;
    struct faulty_plan plan = {.kinds = kinds,
                               .index = index,
                               .forever = forever,
                               .os_errno = os_errno,
                               .path_part = "test.quire", /* not the spill file */
                               .sync = sync,
                               .seed = index};
    faulty_layer_fail(history.faulty, &plan);
    struct qr_pager *pager = NULL;
    quire_error err = QUIRE_ERROR_INIT;
    quire_status status = qr_pager_open(&options, &pager, &err);
    if (status == QUIRE_OK) {
        (void)run_commits(&history, pager, 1, 12, 9);
        (void)qr_pager_close(pager, &err);
    } else {
        cr_assert_null(pager);
        cr_assert_neq(err.message[0], '\0');
    }
    *reached = faulty_layer_failures(history.faulty) > 0;
    faulty_layer_heal(history.faulty);
    struct faulty_cut cut = {.survival = FAULTY_LOSE_ALL, .seed = index};
    struct qr_file_layer *after = faulty_layer_power_cut(history.faulty, &cut);
    verify_layer(&history, after, atomic_load(&history.acked), atomic_load(&history.attempted),
                 (unsigned)index);
    qr_file_layer_memory_destroy(after);
    history_destroy(&history);
}

Test(pager_crash, failing_write__loses_nothing_acknowledged)
{
    bool reached = true;
    for (uint64_t i = 0; reached && i < 400; i++) {
        fail_at(FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_TRUNCATE), i, ENOSPC, i % 2 == 0,
                FAULTY_SYNC_NOTHING, false, &reached);
    }
    cr_assert_not(reached);
}

Test(pager_crash, failing_sync__loses_nothing_acknowledged)
{
    bool reached = true;
    for (uint64_t i = 0; reached && i < 400; i++) {
        fail_at(FAULTY_SET(FAULTY_SYNC), i, EIO, false, (enum faulty_sync_failure)(i % 4), false,
                &reached);
    }
    cr_assert_not(reached);
}

Test(pager_crash, failing_call_of_any_kind__is_reported)
{
    bool reached = true;
    for (uint64_t i = 0; reached && i < 1500; i++) {
        fail_at(FAULTY_ANY & ~(FAULTY_SET(FAULTY_WRITE_BEHIND) | FAULTY_SET(FAULTY_READ)), i, EIO,
                false, FAULTY_SYNC_CLEAN, false, &reached);
    }
    cr_assert_not(reached);
}

Test(pager_crash, failing_call__loses_nothing_acknowledged_with_direct_writes)
{
    bool reached = true;
    for (uint64_t i = 0; reached && i < 1500; i++) {
        fail_at(FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_TRUNCATE), i, ENOSPC, i % 2 == 0,
                FAULTY_SYNC_NOTHING, true, &reached);
    }
    cr_assert_not(reached);
    reached = true;
    for (uint64_t i = 0; reached && i < 400; i++) {
        fail_at(FAULTY_SET(FAULTY_SYNC), i, EIO, false, (enum faulty_sync_failure)(i % 4), true,
                &reached);
    }
    cr_assert_not(reached);
}

static bool fails_log_sync_at(struct qr_pager *pager, struct faulty_layer *faulty)
{
    struct faulty_plan plan = {
        .kinds = FAULTY_SET(FAULTY_SYNC), .path_part = "-wal", .sync = FAULTY_SYNC_CLEAN};
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_txn *txn = fixture_begin(pager);
    fixture_write(txn, 3, 1);
    faulty_layer_fail(faulty, &plan);
    quire_status status = qr_txn_commit(txn, &err);
    faulty_layer_heal(faulty);
    return status == QUIRE_COMMIT_UNKNOWN;
}

Test(pager_crash, failed_log_sync__poisons_writing_and_spares_reading)
{
    struct faulty_layer *faulty = faulty_layer_create();
    struct qr_pager_options options = fixture_options(faulty_layer_files(faulty));
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    cr_assert_eq(fixture_alloc(txn, 50), 3);
    fixture_commit(txn);
    cr_assert(fails_log_sync_at(pager, faulty));
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(qr_txn_begin(pager, 10, &txn, &err), QUIRE_POISONED);
    struct qr_view *view = fixture_snapshot(pager);
    cr_assert_eq(fixture_read(view, 3), 50);
    qr_snapshot_close(view);
    cr_assert_neq(qr_pager_close(pager, NULL), QUIRE_OK);
    struct faulty_cut cut = {.survival = FAULTY_LOSE_ALL};
    struct qr_file_layer *after = faulty_layer_power_cut(faulty, &cut);
    options.layer = after;
    pager = fixture_open(&options);
    view = fixture_snapshot(pager);
    uint64_t value = fixture_read(view, 3);
    cr_assert(value == 50 || value == 1);
    qr_snapshot_close(view);
    fixture_close(pager);
    qr_file_layer_memory_destroy(after);
    faulty_layer_destroy(faulty);
}

Test(pager_crash, failed_sync_of_the_first_commit__makes_closing_report_it)
{
    struct faulty_layer *faulty = faulty_layer_create();
    struct qr_pager_options options = fixture_options(faulty_layer_files(faulty));
    struct faulty_plan plan = {
        .kinds = FAULTY_SET(FAULTY_SYNC), .path_part = "-wal", .sync = FAULTY_SYNC_CLEAN};
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    (void)fixture_alloc(txn, 1);
    faulty_layer_fail(faulty, &plan);
    cr_assert_eq(qr_txn_commit(txn, NULL), QUIRE_COMMIT_UNKNOWN);
    faulty_layer_heal(faulty);
    cr_assert_eq(qr_pager_close(pager, NULL), QUIRE_POISONED);
    faulty_layer_destroy(faulty);
}

Test(pager_crash, failed_database_sync__poisons_and_keeps_the_log)
{
    struct faulty_layer *faulty = faulty_layer_create();
    struct qr_pager_options options = fixture_options(faulty_layer_files(faulty));
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    cr_assert_eq(fixture_alloc(txn, 50), 3);
    fixture_commit(txn);
    struct faulty_plan plan = {
        .kinds = FAULTY_SET(FAULTY_SYNC), .path_part = "test.quire", .sync = FAULTY_SYNC_REVERT};
    /* The next syncs of the log come first in a checkpoint; fail the first of the database. */
    plan.path_part = "test.quire";
    plan.index = 1;
    faulty_layer_fail(faulty, &plan);
    cr_assert_neq(qr_pager_checkpoint(pager, NULL), QUIRE_OK);
    faulty_layer_heal(faulty);
    cr_assert_eq(qr_txn_begin(pager, 10, &txn, NULL), QUIRE_POISONED);
    (void)qr_pager_close(pager, NULL);
    struct faulty_cut cut = {.survival = FAULTY_KEEP_ALL};
    struct qr_file_layer *after = faulty_layer_power_cut(faulty, &cut);
    options.layer = after;
    pager = fixture_open(&options);
    struct qr_view *view = fixture_snapshot(pager);
    cr_assert_eq(fixture_read(view, 3), 50);
    qr_snapshot_close(view);
    fixture_close(pager);
    qr_file_layer_memory_destroy(after);
    faulty_layer_destroy(faulty);
}

/* ---- Failing allocations ---- */

Test(pager_crash, failing_allocation__loses_nothing_and_leaks_nothing)
{
    bool failed = true;
    for (uint64_t i = 0; failed && i < 3000; i++) {
        struct history history;
        struct failing_allocator failing;
        history_init(&history, 1);
        failing_allocator_init(&failing);
        struct qr_pager_options options = fixture_options(faulty_layer_files(history.faulty));
        options.allocator = &failing.allocator;
        options.wal_bytes_max = i % 2 == 0 ? options.wal_bytes_max : 32 << 10;
        failing_allocator_arm(&failing, i, false);
        struct qr_pager *pager = NULL;
        quire_error err = QUIRE_ERROR_INIT;
        quire_status status = qr_pager_open(&options, &pager, &err);
        if (status == QUIRE_OK) {
            struct qr_txn *txn = NULL;
            status = qr_txn_begin(pager, 100, &txn, &err);
            for (int n = 0; status == QUIRE_OK && n < 20; n++) {
                uint8_t *page = NULL;
                uint32_t page_number = 0;
                status =
                    qr_txn_page_alloc(txn, QR_PAGE_TYPE_ROW_LEAF, 1, 0, &page_number, &page, &err);
            }
            if (status == QUIRE_OK) {
                (void)qr_txn_page_free(txn, 5, NULL);
                (void)qr_txn_commit(txn, NULL);
            } else {
                qr_txn_rollback(txn);
            }
            (void)qr_pager_checkpoint(pager, NULL);
            (void)qr_pager_close(pager, NULL);
        } else {
            cr_assert_eq(status, QUIRE_NO_MEMORY, "%s", err.message);
        }
        failed = atomic_load(&failing.failures) > 0;
        cr_assert(failing_allocator_is_clean(&failing), "allocation %llu", (unsigned long long)i);
        history_destroy(&history);
    }
    cr_assert_not(failed);
}
