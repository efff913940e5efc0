/*
 * Power cuts and failing calls. A workload runs on the faulty layer; before
 * each change of the file, crash images of many kinds are taken and recovered.
 * What must hold: a scan delivers a run of whole groups that begins right after
 * what was released and ends between the newest synced and the newest begun.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/failing_allocator.h"
#include "tests/support/faulty_layer.h"
#include "tests/support/prng.h"
#include "wal_fixture.h"

/* Where the workload is: bounds of what a crash may leave. */
struct progress {
    struct faulty_layer *faulty;
    uint64_t synced, begun;           /* newest group */
    uint64_t released, release_begun; /* newest group whose segment is free */
    uint64_t images;
    uint64_t seed;
    bool created; /* the creation has returned */
};

static void check_image(struct progress *p, const struct faulty_cut *cut)
{
    struct qr_file_layer *image = faulty_layer_power_cut(p->faulty, cut);
    p->images++;
    struct story story = {.length = 3};
    struct qr_wal_scan_result result;
    quire_error error = QUIRE_ERROR_INIT;
    quire_status status = scan_file(image, &story, &result, &error);
    if (!p->created && (status == QUIRE_NO_FILE || status == QUIRE_LOG_MISSING)) {
        qr_file_layer_memory_destroy(image);
        return;
    }
    if (!p->created) {
        struct qr_wal_options options = log_options(image);
        struct qr_wal *wal = NULL;
        struct qr_wal_stats stats;
        must(qr_wal_open(&options, true, &wal, err));
        qr_wal_get_stats(wal, &stats);
        cr_assert_eq(stats.segments_free, 4, "the header comes last");
        qr_wal_close(wal);
    }
    cr_assert_eq(status, QUIRE_OK, "groups %llu..%llu, survival %d, seed %llu: %s",
                 (unsigned long long)p->synced, (unsigned long long)p->begun, cut->survival,
                 (unsigned long long)cut->seed, error.message);
    uint64_t last = story.frames > 0 ? story.last : p->release_begun;
    cr_assert_leq(last, p->begun);
    cr_assert_geq(last, p->synced, "group %llu was synced", (unsigned long long)p->synced);
    if (story.frames > 0) {
        cr_assert_geq(story.first, p->released + 1);
        cr_assert_leq(story.first, p->release_begun + 1);
    }
    qr_file_layer_memory_destroy(image);
}

static void cut_power(void *context, const struct faulty_record *record)
{
    (void)record;
    struct progress *p = context;
    struct faulty_cut cut = {.survival = FAULTY_LOSE_ALL};
    check_image(p, &cut);
    cut.survival = FAULTY_KEEP_ALL;
    check_image(p, &cut);
    /* Every subset of few changes, some subsets of many. */
    size_t changes = faulty_layer_changes(p->faulty, NULL, 0);
    for (uint64_t mask = 0; changes <= 5 && mask < UINT64_C(1) << changes; mask++) {
        cut = (struct faulty_cut){.survival = FAULTY_KEEP_MASK, .mask = mask};
        check_image(p, &cut);
    }
    for (int i = 0; i < 12; i++) {
        cut = (struct faulty_cut){.survival = FAULTY_KEEP_RANDOM,
                                  .tear = i % 2 == 0 ? FAULTY_TEAR_RANDOM : FAULTY_TEAR_NONE,
                                  .garbage = i % 3 == 0,
                                  .seed = p->seed++};
        check_image(p, &cut);
    }
    for (uint64_t sectors = 1; sectors < 8; sectors += 2) {
        cut =
            (struct faulty_cut){.survival = FAULTY_KEEP_ALL,
                                .tear = sectors % 4 == 1 ? FAULTY_TEAR_PREFIX : FAULTY_TEAR_SUFFIX,
                                .tear_sectors = sectors};
        check_image(p, &cut);
    }
}

static void append_open(struct qr_wal *wal, uint64_t lsn, uint32_t length)
{
    enum qr_wal_room room;
    must(qr_wal_reserve(wal, length, &room, err));
    for (uint32_t i = 0; i < length; i++) {
        uint8_t page[LOG_PAGE];
        struct qr_wal_page frame = {group_page_number(lsn, i), page};
        build_page(page, frame.page_number, lsn);
        must(qr_wal_append(wal, &frame, 1, 0, true, err));
    }
}

/* Releases all that is sealed; the group that ends segment g of 7 frames and groups of 3 is known
 * only when segments are sealed at group ends, as here. */
static void release_sealed(struct qr_wal *wal, struct progress *p, uint64_t last_group)
{
    uint32_t *numbers;
    size_t count;
    uint64_t generation;
    must(qr_wal_sealed_pages(wal, &numbers, &count, &generation, err));
    cr_assert_gt(count, 0);
    qr_free(qr_allocator_default(), numbers, count * sizeof *numbers);
    p->release_begun = last_group;
    must(qr_wal_release(wal, generation, err));
    p->released = last_group;
}

static void run_workload(struct progress *p, uint64_t groups, uint64_t sync_every, bool rewinds)
{
    struct qr_wal_options options = log_options(faulty_layer_files(p->faulty));
    struct qr_wal *wal = NULL;
    must(qr_wal_create(&options, &wal, err));
    p->created = true;
    for (uint64_t i = 1; i <= groups; i++) {
        if (rewinds && i % 4 == 2) {
            append_open(wal, 1000, 1 + (uint32_t)(i % 11));
            qr_wal_rewind(wal);
            qr_wal_unreserve(wal, 1 + (uint32_t)(i % 11));
        }
        p->begun = i;
        must(append_group_of(wal, i, 3, true, err));
        if (i % sync_every == 0) {
            must(qr_wal_sync(wal, err));
            p->synced = i;
        }
        if (i % 8 == 0) {
            must(qr_wal_sync(wal, err));
            p->synced = i;
            qr_wal_seal(wal);
            release_sealed(wal, p, i);
        }
    }
    qr_wal_close(wal);
}

static void crash_everywhere(uint64_t groups, uint64_t sync_every, bool rewinds)
{
    struct progress p = {.faulty = faulty_layer_create(), .seed = groups * 1000 + sync_every};
    faulty_layer_observe(p.faulty, FAULTY_CHANGES, cut_power, &p);
    run_workload(&p, groups, sync_every, rewinds);
    faulty_layer_observe(p.faulty, 0, NULL, NULL);
    struct faulty_cut cut = {.survival = FAULTY_LOSE_ALL};
    check_image(&p, &cut);
    cr_assert_gt(p.images, groups * 20);
    faulty_layer_destroy(p.faulty);
}

Test(wal_crash, power_cut__keeps_every_synced_group)
{
    crash_everywhere(42, 1, false);
}

Test(wal_crash, power_cut__between_lazy_syncs_keeps_a_prefix)
{
    crash_everywhere(42, 5, false);
}

Test(wal_crash, power_cut__around_rewound_groups_keeps_every_synced_group)
{
    crash_everywhere(30, 1, true);
}

Test(wal_crash, power_cut__around_a_group_larger_than_the_ring)
{
    struct progress p = {.faulty = faulty_layer_create(), .begun = 2, .seed = 5};
    struct qr_wal_options options = log_options(faulty_layer_files(p.faulty));
    struct qr_wal *wal = NULL;
    must(qr_wal_create(&options, &wal, err));
    p.created = true;
    faulty_layer_observe(p.faulty, FAULTY_CHANGES, cut_power, &p);
    must(append_group_of(wal, 1, 3, true, err));
    must(qr_wal_sync(wal, err));
    append_open(wal, 1000, GROUP_MAX);
    qr_wal_rewind(wal);
    qr_wal_unreserve(wal, GROUP_MAX);
    must(append_group_of(wal, 2, 3, true, err));
    must(qr_wal_sync(wal, err));
    p.synced = 2;
    qr_wal_seal(wal);
    release_sealed(wal, &p, 2);
    struct qr_wal_stats stats;
    qr_wal_get_stats(wal, &stats);
    cr_assert_leq(stats.segments, 8, "what the large group added is cut off again");
    qr_wal_close(wal);
    faulty_layer_destroy(p.faulty);
}

/* ---- Crashes of the recovery ---- */

static struct qr_file_layer *crashed_log(uint64_t groups)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal_options options = log_options(layer);
    struct qr_wal *wal = NULL;
    must(qr_wal_create(&options, &wal, err));
    for (uint64_t i = 1; i <= groups; i++) {
        must(append_group_of(wal, i, 3, true, err));
    }
    append_open(wal, groups + 1, 2);
    qr_wal_close(wal);
    return layer;
}

Test(wal_crash, power_cut__within_recovery_changes_nothing)
{
    struct qr_file_layer *crashed = crashed_log(9);
    size_t size;
    uint8_t *bytes = read_log(crashed, &size);
    struct progress p = {
        .faulty = faulty_layer_create(), .created = true, .synced = 9, .begun = 9, .seed = 77};
    struct qr_file_layer *layer = faulty_layer_files(p.faulty);
    write_log(layer, bytes, size);
    faulty_layer_observe(p.faulty, FAULTY_CHANGES, cut_power, &p);

    struct qr_wal_options options = log_options(layer);
    struct qr_wal *wal = NULL;
    struct story story = {.length = 3};
    struct qr_wal_scan_result result;
    must(qr_wal_open(&options, false, &wal, err));
    must(scan_story(wal, &story, &result, err));
    cr_assert(result.torn);
    must(qr_wal_harden(wal, err));
    p.release_begun = 9; /* the database holds everything now */
    must(qr_wal_reset(wal, err));
    p.released = 9;
    for (uint64_t i = 10; i < 14; i++) {
        p.begun = i;
        must(append_group_of(wal, i, 3, true, err));
        must(qr_wal_sync(wal, err));
        p.synced = i;
    }
    cr_assert_gt(p.images, 100);
    qr_wal_close(wal);
    faulty_layer_destroy(p.faulty);
    qr_file_layer_memory_destroy(crashed);
    free(bytes);
}

/* ---- Failing calls ---- */

/* Runs until the first failure. Returns the newest group that was synced. */
static uint64_t run_until_failure(struct qr_wal_options *options, uint64_t groups,
                                  uint64_t *released)
{
    struct qr_wal *wal = NULL;
    quire_error error = QUIRE_ERROR_INIT;
    uint64_t synced = 0;
    *released = 0;
    if (qr_wal_create(options, &wal, &error) != QUIRE_OK) {
        cr_assert_null(wal);
        return 0;
    }
    for (uint64_t i = 1; i <= groups; i++) {
        if (append_group_of(wal, i, 3, true, &error) != QUIRE_OK) {
            qr_wal_rewind(wal);
            break;
        }
        if (qr_wal_sync(wal, &error) != QUIRE_OK) {
            break;
        }
        synced = i;
        if (i % 8 == 0) {
            uint32_t *numbers;
            size_t count;
            uint64_t generation;
            qr_wal_seal(wal);
            if (qr_wal_sealed_pages(wal, &numbers, &count, &generation, &error) != QUIRE_OK) {
                break;
            }
            qr_free(options->allocator, numbers, count * sizeof *numbers);
            *released = i;
            if (qr_wal_release(wal, generation, &error) != QUIRE_OK) {
                break;
            }
        }
    }
    if (synced < groups) {
        cr_assert_neq(error.status, QUIRE_OK, "a failure says what failed");
    }
    qr_wal_close(wal);
    return synced;
}

Test(wal_crash, failing_call__at_any_place_loses_no_synced_group)
{
    bool done = false;
    for (uint64_t index = 0; !done; index++) {
        struct faulty_layer *faulty = faulty_layer_create();
        struct qr_file_layer *layer = faulty_layer_files(faulty);
        struct faulty_plan plan = {.kinds = FAULTY_ANY,
                                   .index = index,
                                   .half = index % 2 == 0,
                                   .sync = FAULTY_SYNC_SUBSET,
                                   .seed = index};
        faulty_layer_fail(faulty, &plan);
        struct qr_wal_options options = log_options(layer);
        uint64_t released;
        uint64_t synced = run_until_failure(&options, 26, &released);
        done = faulty_layer_failures(faulty) == 0;
        faulty_layer_heal(faulty);
        if (synced > released) {
            struct story story = {.length = 3};
            struct qr_wal_scan_result result;
            must(scan_file(layer, &story, &result, err));
            cr_assert_geq(story.last, synced, "call %llu", (unsigned long long)index);
        }
        faulty_layer_destroy(faulty);
    }
}

Test(wal_crash, full_device__leaves_the_log_as_it_was)
{
    struct faulty_layer *faulty = faulty_layer_create();
    struct qr_wal_options options = log_options(faulty_layer_files(faulty));
    struct qr_wal *wal = NULL;
    must(qr_wal_create(&options, &wal, err));
    must(append_group_of(wal, 1, 3, true, err));
    struct qr_wal_stats before;
    qr_wal_get_stats(wal, &before);
    for (uint64_t index = 0; index < 3; index++) {
        struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_SYNC),
                                   .index = index,
                                   .os_errno = 28 /* ENOSPC */,
                                   .half = true};
        faulty_layer_fail(faulty, &plan);
        enum qr_wal_room room;
        quire_error error = QUIRE_ERROR_INIT;
        cr_assert_eq(qr_wal_reserve(wal, GROUP_MAX, &room, &error), QUIRE_NO_SPACE);
        cr_assert_eq(faulty_layer_failures(faulty), 1);
        faulty_layer_heal(faulty);
        struct qr_wal_stats after;
        qr_wal_get_stats(wal, &after);
        cr_assert_eq(after.file_bytes, before.file_bytes);
        cr_assert_eq(after.segments, before.segments);
    }
    must(append_group_of(wal, 2, 3, true, err));
    must(qr_wal_sync(wal, err));
    qr_wal_close(wal);
    struct story story = {.length = 3};
    struct qr_wal_scan_result result;
    must(scan_file(faulty_layer_files(faulty), &story, &result, err));
    cr_assert_eq(story.last, 2);
    faulty_layer_destroy(faulty);
}

Test(wal_crash, failing_allocation__at_any_place_gives_everything_back)
{
    struct failing_allocator failing;
    failing_allocator_init(&failing);
    bool done = false;
    for (uint64_t index = 0; !done; index++) {
        struct qr_file_layer *layer = memory_layer();
        struct qr_wal_options options = log_options(layer);
        options.allocator = &failing.allocator;
        failing_allocator_arm(&failing, index, false);
        uint64_t released;
        uint64_t synced = run_until_failure(&options, 26, &released);
        bool exists = false;
        must(layer->methods->exists(layer, LOG_PATH, &exists, err));
        struct story story = {.length = 3};
        struct qr_wal_scan_result result;
        if (exists) {
            struct qr_wal *wal = NULL;
            quire_error error = QUIRE_ERROR_INIT;
            quire_status status = qr_wal_open(&options, index % 2 == 0, &wal, &error);
            if (status == QUIRE_OK) {
                status = scan_story(wal, &story, &result, &error);
            }
            cr_assert(status == QUIRE_OK || status == QUIRE_NO_MEMORY);
            qr_wal_close(wal);
        }
        done = failing.failures == 0;
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        cr_assert(failing_allocator_is_clean(&failing), "allocation %llu",
                  (unsigned long long)index);
        if (synced > released) {
            must(scan_file(layer, &story, &result, err));
            cr_assert_eq(story.last, synced);
        }
        qr_file_layer_memory_destroy(layer);
    }
}
