/*
 * The ring: room, growth, sealing, release, shrinking.
 */
#include <stdlib.h>

#include "tests/support/faulty_layer.h"
#include "wal_fixture.h"

static struct qr_wal *create(struct qr_file_layer *layer, uint32_t segments_max)
{
    struct qr_wal_options options = log_options(layer);
    options.bytes_max = SEGMENT_AT(segments_max);
    struct qr_wal *wal = NULL;
    must(qr_wal_create(&options, &wal, err));
    return wal;
}

static enum qr_wal_room ask(struct qr_wal *wal, uint64_t frames)
{
    enum qr_wal_room room;
    must(qr_wal_reserve(wal, frames, &room, err));
    return room;
}

static uint64_t sealed_generation(struct qr_wal *wal)
{
    uint32_t *numbers;
    size_t count;
    uint64_t generation;
    must(qr_wal_sealed_pages(wal, &numbers, &count, &generation, err));
    qr_free(qr_allocator_default(), numbers, count * sizeof *numbers);
    return generation;
}

Test(wal_ring, reserve__grows_to_the_bound_then_waits_until_a_release)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal *wal = create(layer, 6);
    /* Six segments, one of them the witness. */
    for (uint64_t i = 1; i <= 5 * LOG_FRAMES; i++) {
        must(append_group_of(wal, i, 1, true, err));
    }
    must(qr_wal_sync(wal, err));
    struct qr_wal_stats stats;
    qr_wal_get_stats(wal, &stats);
    cr_assert_eq(stats.segments, 6);
    cr_assert_eq(stats.segments_free, 1);
    cr_assert_eq(stats.segments_sealed, 5);
    cr_assert_eq(ask(wal, 1), QR_WAL_ROOM_WAIT);
    cr_assert_eq(ask(wal, 4 * LOG_FRAMES), QR_WAL_ROOM_WAIT);
    must(qr_wal_release(wal, 2, err));
    cr_assert_eq(ask(wal, 2 * LOG_FRAMES), QR_WAL_ROOM_READY);
    cr_assert_eq(ask(wal, 1), QR_WAL_ROOM_WAIT, "what is reserved is taken");
    qr_wal_unreserve(wal, 2 * LOG_FRAMES);
    cr_assert_eq(ask(wal, 1), QR_WAL_ROOM_READY);
    qr_wal_close(wal);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_ring, reserve__stretches_the_ring_for_a_group_that_never_fits)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal *wal = create(layer, 4);
    must(append_group_of(wal, 1, 5, true, err));
    cr_assert_eq(ask(wal, 2 * LOG_FRAMES), QR_WAL_ROOM_READY);
    qr_wal_unreserve(wal, 2 * LOG_FRAMES);
    must(append_group_of(wal, 2, 50, true, err));
    must(qr_wal_sync(wal, err));
    struct qr_wal_stats stats;
    qr_wal_get_stats(wal, &stats);
    cr_assert_gt(stats.segments, 4);
    qr_wal_seal(wal);
    must(qr_wal_release(wal, sealed_generation(wal), err));
    qr_wal_get_stats(wal, &stats);
    cr_assert_leq(stats.segments, 5, "cut off again but for what names the newest generation");
    cr_assert_eq(stats.segments_free, stats.segments);
    uint64_t size = stats.file_bytes;
    qr_wal_close(wal);
    size_t real;
    free(read_log(layer, &real));
    cr_assert_eq(real, size);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_ring, reserve__beyond_reason_is_a_limit)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal *wal = create(layer, 4);
    enum qr_wal_room room;
    quire_error error = QUIRE_ERROR_INIT;
    cr_assert_eq(qr_wal_reserve(wal, UINT64_MAX, &room, &error), QUIRE_LIMIT);
    qr_wal_close(wal);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_ring, sealed_pages__are_sorted_once_each_and_synced)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal *wal = create(layer, 8);
    uint32_t *numbers;
    size_t count;
    uint64_t generation;
    for (uint64_t i = 1; i <= 4; i++) {
        must(append_group_of(wal, i, 4, true, err));
    }
    /* 16 frames. Moving on from the second segment has synced group 3, not 4, which began in it. */
    must(qr_wal_sealed_pages(wal, &numbers, &count, &generation, err));
    cr_assert_eq(generation, 1);
    qr_free(qr_allocator_default(), numbers, count * sizeof *numbers);
    must(qr_wal_sync(wal, err));
    must(qr_wal_sealed_pages(wal, &numbers, &count, &generation, err));
    cr_assert_eq(generation, 2);
    cr_assert_gt(count, 0);
    for (size_t i = 1; i < count; i++) {
        cr_assert_lt(numbers[i - 1], numbers[i]);
    }
    cr_assert_eq(numbers[0], 0);
    qr_free(qr_allocator_default(), numbers, count * sizeof *numbers);

    qr_wal_seal(wal);
    must(qr_wal_sealed_pages(wal, &numbers, &count, &generation, err));
    cr_assert_eq(generation, 3);
    qr_free(qr_allocator_default(), numbers, count * sizeof *numbers);
    qr_wal_seal(wal);
    must(qr_wal_release(wal, generation, err));
    must(qr_wal_sealed_pages(wal, &numbers, &count, &generation, err));
    cr_assert_eq(generation, 0);
    cr_assert_eq(count, 0);
    qr_wal_close(wal);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_ring, segment_of_an_unfinished_group__is_never_released)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal *wal = create(layer, 8);
    must(append_group_of(wal, 1, 2, true, err));
    must(qr_wal_sync(wal, err));
    cr_assert_eq(ask(wal, 20), QR_WAL_ROOM_READY);
    for (uint32_t i = 0; i < 20; i++) {
        uint8_t page[LOG_PAGE];
        struct qr_wal_page frame = {group_page_number(2, i), page};
        build_page(page, frame.page_number, 2);
        must(qr_wal_append(wal, &frame, 1, i == 19 ? 102 : 0, true, err));
        cr_assert_eq(sealed_generation(wal), 0);
        must(qr_wal_release(wal, UINT64_MAX, err));
    }
    must(qr_wal_sync(wal, err));
    cr_assert_eq(sealed_generation(wal), 3);
    must(qr_wal_release(wal, 2, err));
    cr_assert_eq(sealed_generation(wal), 3);
    qr_wal_close(wal);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_ring, seal__keeps_what_was_reserved)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal *wal = create(layer, 4);
    must(append_group_of(wal, 1, 1, true, err));
    must(qr_wal_sync(wal, err));
    cr_assert_eq(ask(wal, 6 + 2 * LOG_FRAMES), QR_WAL_ROOM_READY);
    qr_wal_seal(wal);
    uint8_t page[LOG_PAGE];
    struct qr_wal_page frames[6 + 2 * LOG_FRAMES];
    build_page(page, 0, 2);
    for (size_t i = 0; i < 6 + 2 * LOG_FRAMES; i++) {
        frames[i] = (struct qr_wal_page){0, page};
    }
    must(qr_wal_append(wal, frames, 6 + 2 * LOG_FRAMES, 102, true, err));
    must(qr_wal_sync(wal, err));
    struct qr_wal_stats stats;
    qr_wal_get_stats(wal, &stats);
    cr_assert_eq(stats.segments_free, 1, "the witness stays");
    struct qr_wal_scan_result result;
    qr_wal_close(wal);
    struct qr_wal_options options = log_options(layer);
    must(qr_wal_open(&options, false, &wal, err));
    must(qr_wal_scan(wal, NULL, NULL, &result, err));
    cr_assert_eq(result.groups, 2);
    cr_assert_eq(result.pages, 102);
    qr_wal_close(wal);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_ring, release__that_fails_may_be_tried_again)
{
    struct faulty_layer *faulty = faulty_layer_create();
    struct qr_wal *wal = create(faulty_layer_files(faulty), 8);
    must(append_group_of(wal, 1, 9, true, err));
    must(qr_wal_sync(wal, err));
    qr_wal_seal(wal);
    struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_WRITE), .index = 1};
    faulty_layer_fail(faulty, &plan);
    quire_error error = QUIRE_ERROR_INIT;
    cr_assert_eq(qr_wal_release(wal, 2, &error), QUIRE_IO);
    faulty_layer_heal(faulty);
    struct qr_wal_stats stats;
    qr_wal_get_stats(wal, &stats);
    cr_assert_eq(stats.segments_sealed, 2);
    must(append_group_of(wal, 2, 9, true, err));
    must(qr_wal_release(wal, 2, err));
    qr_wal_get_stats(wal, &stats);
    cr_assert_eq(stats.segments_free, stats.segments - 2);
    qr_wal_close(wal);
    struct story story = {.length = 9};
    struct qr_wal_scan_result result;
    must(scan_file(faulty_layer_files(faulty), &story, &result, err));
    cr_assert_eq(story.first, 2);
    cr_assert_eq(story.last, 2);
    faulty_layer_destroy(faulty);
}

Test(wal_ring, shrinking__keeps_the_last_header_that_names_the_newest_retired_generation)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal *wal = create(layer, 4);
    /* Generations 1 to 8, the last of them in the last segment. */
    must(append_group_of(wal, 1, 7 * LOG_FRAMES + 1, true, err));
    must(qr_wal_sync(wal, err));
    qr_wal_seal(wal);
    must(qr_wal_release(wal, 7, err));
    must(append_group_of(wal, 2, 5, true, err));
    must(qr_wal_sync(wal, err));
    must(qr_wal_release(wal, 8, err));
    struct story story = {.length = 5};
    struct qr_wal_scan_result result;
    must(scan_file(layer, &story, &result, err));
    cr_assert_eq(story.first, 2);
    /* The next release writes such headers further in front. */
    qr_wal_seal(wal);
    must(qr_wal_release(wal, 9, err));
    struct qr_wal_stats stats;
    qr_wal_get_stats(wal, &stats);
    cr_assert_eq(stats.segments, 4);
    qr_wal_close(wal);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_ring, generations__rise_by_one_over_reopening)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal *wal = create(layer, 8);
    struct qr_wal_options options = log_options(layer);
    struct qr_wal_stats stats;
    for (uint64_t i = 1; i <= 12; i++) {
        must(append_group_of(wal, i, 3, true, err));
        must(qr_wal_sync(wal, err));
        qr_wal_get_stats(wal, &stats);
        cr_assert_eq(stats.generation, i);
        qr_wal_seal(wal);
        must(qr_wal_release(wal, i, err));
        qr_wal_close(wal);
        must(qr_wal_open(&options, false, &wal, err));
    }
    qr_wal_close(wal);
    qr_file_layer_memory_destroy(layer);
}

/* Groups 1 and 2 in a segment each. The sync of the headers that retire the generations up to
 * `retired` fails: the cache shows them, the disk has the old ones. */
static struct faulty_layer *retire_in_the_cache_alone(uint64_t retired)
{
    struct faulty_layer *faulty = faulty_layer_create();
    struct qr_wal *wal = create(faulty_layer_files(faulty), 8);
    must(append_group_of(wal, 1, LOG_FRAMES, true, err));
    must(append_group_of(wal, 2, LOG_FRAMES, true, err));
    must(qr_wal_sync(wal, err));
    struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_SYNC), .sync = FAULTY_SYNC_CLEAN};
    faulty_layer_fail(faulty, &plan);
    quire_error error = QUIRE_ERROR_INIT;
    cr_assert_eq(qr_wal_release(wal, retired, &error), QUIRE_IO);
    cr_assert_eq(faulty_layer_failures(faulty), 1);
    faulty_layer_heal(faulty);
    qr_wal_close(wal);
    return faulty;
}

/* What a scan finds on the disk after a power cut. */
static struct story story_on_disk(struct faulty_layer *faulty)
{
    struct faulty_cut cut = {.survival = FAULTY_LOSE_ALL};
    struct qr_file_layer *disk = faulty_layer_power_cut(faulty, &cut);
    struct story story = {.length = LOG_FRAMES};
    struct qr_wal_scan_result result;
    must(scan_file(disk, &story, &result, err));
    qr_file_layer_memory_destroy(disk);
    return story;
}

Test(wal_ring, append__to_a_log_found_empty_first_makes_that_durable)
{
    struct faulty_layer *faulty = retire_in_the_cache_alone(2);
    struct qr_wal_options options = log_options(faulty_layer_files(faulty));
    struct qr_wal *wal = NULL;
    cr_assert_eq(story_on_disk(faulty).last, 2, "the disk has not heard of it");
    must(qr_wal_open(&options, false, &wal, err));
    struct story story = {.length = LOG_FRAMES};
    struct qr_wal_scan_result result;
    must(scan_story(wal, &story, &result, err));
    cr_assert_eq(result.groups, 0);
    must(append_group_of(wal, 3, LOG_FRAMES, true, err));
    story = story_on_disk(faulty);
    cr_assert_gt(story.first, story.last, "group %llu is back", (unsigned long long)story.first);
    must(qr_wal_sync(wal, err));
    story = story_on_disk(faulty);
    cr_assert_eq(story.first, 3);
    cr_assert_eq(story.last, 3);
    uint64_t syncs = faulty_layer_count(faulty, FAULTY_SET(FAULTY_SYNC));
    must(append_group_of(wal, 4, 1, true, err));
    must(qr_wal_sync(wal, err));
    cr_assert_leq(faulty_layer_count(faulty, FAULTY_SET(FAULTY_SYNC)), syncs + 2, "once only");
    qr_wal_close(wal);
    faulty_layer_destroy(faulty);
}

Test(wal_ring, append__to_a_resumed_log_first_makes_retired_generations_durable)
{
    struct faulty_layer *faulty = retire_in_the_cache_alone(1);
    struct qr_wal_options options = log_options(faulty_layer_files(faulty));
    struct qr_wal *wal = NULL;
    cr_assert_eq(story_on_disk(faulty).first, 1, "the disk has not heard of it");
    must(qr_wal_open(&options, false, &wal, err));
    struct story story = {.length = LOG_FRAMES};
    struct qr_wal_scan_result result;
    must(scan_story(wal, &story, &result, err));
    cr_assert_eq(story.first, 2);
    must(qr_wal_resume(wal, err));
    must(append_group_of(wal, 3, LOG_FRAMES, true, err));
    cr_assert_eq(story_on_disk(faulty).first, 2, "what was retired stays so");
    qr_wal_close(wal);
    faulty_layer_destroy(faulty);
}
