/*
 * Appending and reading back on a sound file.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/faulty_layer.h"
#include "wal/wal_internal.h"
#include "wal_fixture.h"

static struct qr_wal *create(struct qr_file_layer *layer)
{
    struct qr_wal_options options = log_options(layer);
    struct qr_wal *wal = NULL;
    must(qr_wal_create(&options, &wal, err));
    return wal;
}

Test(wal_append, scan__finds_nothing_in_a_new_log)
{
    struct qr_file_layer *layer = memory_layer();
    qr_wal_close(create(layer));
    struct story story = {0};
    struct qr_wal_scan_result result;
    must(scan_file(layer, &story, &result, err));
    cr_assert_eq(result.groups, 0);
    cr_assert_eq(result.frames, 0);
    cr_assert_not(result.torn);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_append, scan__returns_groups_that_span_segments)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal *wal = create(layer);
    for (uint64_t i = 1; i <= 12; i++) {
        must(append_group(wal, i, true, err));
        must(qr_wal_sync(wal, err));
    }
    struct qr_wal_stats stats;
    qr_wal_get_stats(wal, &stats);
    cr_assert_eq(stats.groups_written, 12);
    cr_assert_eq(stats.frames_live, stats.frames_written);
    cr_assert_eq(stats.generation, (stats.frames_written + LOG_FRAMES - 1) / LOG_FRAMES);
    qr_wal_close(wal);

    struct story story = {0};
    struct qr_wal_scan_result result;
    must(scan_file(layer, &story, &result, err));
    cr_assert_eq(story.first, 1);
    cr_assert_eq(story.last, 12);
    cr_assert_not(result.torn);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_append, scan__returns_a_group_larger_than_the_whole_ring)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal *wal = create(layer);
    must(append_group_of(wal, 1, GROUP_MAX, true, err));
    must(qr_wal_sync(wal, err));
    struct qr_wal_stats stats;
    qr_wal_get_stats(wal, &stats);
    cr_assert_gt(stats.segments, 8);
    cr_assert_eq(stats.file_bytes, SEGMENT_AT(stats.segments));
    qr_wal_close(wal);
    struct story story = {.length = GROUP_MAX};
    struct qr_wal_scan_result result;
    must(scan_file(layer, &story, &result, err));
    cr_assert_eq(result.groups, 1);
    cr_assert_eq(result.frames, GROUP_MAX);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_append, append__makes_one_write_a_segment)
{
    struct faulty_layer *faulty = faulty_layer_create();
    struct qr_file_layer *layer = faulty_layer_files(faulty);
    struct qr_wal *wal = create(layer);
    must(append_group_of(wal, 1, 5, true, err));
    must(qr_wal_sync(wal, err));
    faulty_layer_clear_record(faulty);
    /* 2 frames into the first segment, 7 and 1 into the next two. */
    must(append_group_of(wal, 2, 10, true, err));
    cr_assert_eq(faulty_layer_count(faulty, FAULTY_SET(FAULTY_WRITE)), 3);
    cr_assert_eq(faulty_layer_count(faulty, FAULTY_SET(FAULTY_SYNC)), 2, "one before each header");
    qr_wal_close(wal);
    faulty_layer_destroy(faulty);
}

Test(wal_append, scan__drops_a_group_without_commit_mark)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal *wal = create(layer);
    must(append_group(wal, 1, true, err));
    uint8_t page[LOG_PAGE];
    build_page(page, 0, 2);
    struct qr_wal_page frame = {0, page};
    enum qr_wal_room room;
    must(qr_wal_reserve(wal, 1, &room, err));
    must(qr_wal_append(wal, &frame, 1, 0, true, err));
    qr_wal_close(wal);
    struct story story = {0};
    struct qr_wal_scan_result result;
    must(scan_file(layer, &story, &result, err));
    cr_assert_eq(story.last, 1);
    cr_assert(result.torn);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_append, group__may_be_appended_in_several_calls)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal *wal = create(layer);
    uint32_t length = 20;
    enum qr_wal_room room;
    must(qr_wal_reserve(wal, length, &room, err));
    for (uint32_t i = 0; i < length; i++) {
        uint8_t page[LOG_PAGE];
        struct qr_wal_page frame = {group_page_number(1, i), page};
        build_page(page, frame.page_number, 1);
        must(qr_wal_append(wal, &frame, 1, i + 1 == length ? 101 : 0, true, err));
    }
    qr_wal_close(wal);
    struct story story = {.length = length};
    struct qr_wal_scan_result result;
    must(scan_file(layer, &story, &result, err));
    cr_assert_eq(result.frames, length);
    qr_file_layer_memory_destroy(layer);
}

/* Appends `length` frames of group `number` without a commit mark. */
static void append_open(struct qr_wal *wal, uint64_t number, uint32_t length)
{
    enum qr_wal_room room;
    must(qr_wal_reserve(wal, length, &room, err));
    for (uint32_t i = 0; i < length; i++) {
        uint8_t page[LOG_PAGE];
        struct qr_wal_page frame = {group_page_number(number, i), page};
        build_page(page, frame.page_number, number);
        must(qr_wal_append(wal, &frame, 1, 0, true, err));
    }
}

Test(wal_append, rewind__leaves_no_frame_of_the_group_readable)
{
    /* Rewound groups that end in the same segment, at its end, in the next, in the one after. */
    for (uint32_t length = 1; length <= 18; length++) {
        struct qr_file_layer *layer = memory_layer();
        struct qr_wal *wal = create(layer);
        must(append_group_of(wal, 1, 2, true, err));
        must(qr_wal_sync(wal, err));
        append_open(wal, 99, length);
        qr_wal_rewind(wal);
        qr_wal_unreserve(wal, length);
        for (uint64_t i = 2; i <= 6; i++) {
            must(append_group_of(wal, i, 2, true, err));
            struct story story = {.length = 2};
            struct qr_wal_scan_result result;
            must(scan_file(layer, &story, &result, err));
            cr_assert_eq(story.last, i, "length %u", length);
            must(qr_wal_sync(wal, err));
        }
        struct qr_wal_stats stats;
        qr_wal_get_stats(wal, &stats);
        cr_assert_eq(stats.frames_written, 12);
        cr_assert_eq(stats.generation, 2);
        qr_wal_close(wal);
        qr_file_layer_memory_destroy(layer);
    }
}

Test(wal_append, rewind__of_the_first_group_ever)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal *wal = create(layer);
    append_open(wal, 99, 9);
    qr_wal_rewind(wal);
    qr_wal_unreserve(wal, 9);
    must(append_group(wal, 1, true, err));
    struct story story = {0};
    struct qr_wal_scan_result result;
    must(scan_file(layer, &story, &result, err));
    cr_assert_eq(story.last, 1);
    qr_wal_close(wal);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_append, append__refuses_what_it_cannot_frame)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal *wal = create(layer);
    uint8_t page[LOG_PAGE] = {0};
    struct qr_wal_page frame = {QR_FRAME_PAGE_NUMBER_END, page};
    quire_error error = QUIRE_ERROR_INIT;
    cr_assert_eq(qr_wal_append(wal, &frame, 1, 5, false, &error), QUIRE_LIMIT);
    cr_assert_eq(qr_wal_append(wal, NULL, 0, 5, false, &error), QUIRE_MISUSE);
    cr_assert_eq(qr_wal_append(wal, NULL, 0, 0, false, &error), QUIRE_OK);
    qr_wal_close(wal);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_append, append__after_a_failed_one_wants_a_rewind)
{
    struct faulty_layer *faulty = faulty_layer_create();
    struct qr_wal *wal = create(faulty_layer_files(faulty));
    must(append_group(wal, 1, true, err));
    must(qr_wal_sync(wal, err));
    struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_WRITE), .half = true};
    faulty_layer_fail(faulty, &plan);
    quire_error error = QUIRE_ERROR_INIT;
    cr_assert_eq(append_group(wal, 2, true, &error), QUIRE_IO);
    faulty_layer_heal(faulty);
    cr_assert_eq(append_group(wal, 2, true, &error), QUIRE_MISUSE);
    qr_wal_rewind(wal);
    must(append_group(wal, 2, true, err));
    must(qr_wal_sync(wal, err));
    qr_wal_close(wal);
    struct story story = {0};
    struct qr_wal_scan_result result;
    must(scan_file(faulty_layer_files(faulty), &story, &result, err));
    cr_assert_eq(story.last, 2);
    faulty_layer_destroy(faulty);
}

/* A write that reached the file although it was reported as failed. */
static void write_all_the_same(struct qr_file_layer *layer, uint32_t index, uint64_t lsn)
{
    size_t size;
    uint8_t *bytes = read_log(layer, &size);
    uint8_t *previous = bytes + FRAME_AT(0, index - 1);
    uint8_t frame[LOG_FRAME];
    struct qr_frame header = {.page_number = 5,
                              .commit_pages = 50,
                              .salt = qr_load32(previous + QR_FRAME_SALT),
                              .index = index};
    build_page(frame + QR_FRAME_HEADER_SIZE, header.page_number, lsn);
    (void)qr_frame_encode(&header, frame + QR_FRAME_HEADER_SIZE,
                          qr_load64(previous + QR_FRAME_CHECKSUM), frame);
    patch_log(layer, FRAME_AT(0, index), frame, sizeof frame);
    free(bytes);
}

Test(wal_append, rewound_group__does_not_come_back_though_all_of_it_was_written)
{
    struct faulty_layer *faulty = faulty_layer_create();
    struct qr_file_layer *layer = faulty_layer_files(faulty);
    struct qr_wal *wal = create(layer);
    must(append_group_of(wal, 1, 1, true, err));
    must(qr_wal_sync(wal, err));
    append_open(wal, 99, 1);
    struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_WRITE)};
    faulty_layer_fail(faulty, &plan);
    quire_error error = QUIRE_ERROR_INIT;
    uint8_t page[LOG_PAGE];
    struct qr_wal_page last = {5, page};
    build_page(page, 5, 99);
    cr_assert_eq(qr_wal_append(wal, &last, 1, 50, true, &error), QUIRE_IO);
    faulty_layer_heal(faulty);
    write_all_the_same(layer, 2, 99);
    qr_wal_rewind(wal);

    /* Two frame headers are cleared; the write after that, of the next group, fails. */
    plan.index = 2;
    faulty_layer_fail(faulty, &plan);
    cr_assert_eq(append_group_of(wal, 2, 1, true, &error), QUIRE_IO);
    cr_assert_eq(faulty_layer_failures(faulty), 1);
    faulty_layer_heal(faulty);
    struct story story = {.length = 1};
    struct qr_wal_scan_result result;
    must(scan_file(layer, &story, &result, err));
    cr_assert_eq(story.last, 1);
    qr_wal_close(wal);
    faulty_layer_destroy(faulty);
}

Test(wal_append, sync__failure_poisons_every_later_change)
{
    struct faulty_layer *faulty = faulty_layer_create();
    struct qr_wal *wal = create(faulty_layer_files(faulty));
    must(append_group(wal, 1, true, err));
    struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_SYNC)};
    faulty_layer_fail(faulty, &plan);
    quire_error error = QUIRE_ERROR_INIT;
    cr_assert_eq(qr_wal_sync(wal, &error), QUIRE_IO);
    uint64_t syncs = faulty_layer_count(faulty, FAULTY_SET(FAULTY_SYNC));
    cr_assert_eq(qr_wal_sync(wal, &error), QUIRE_POISONED);
    enum qr_wal_room room;
    cr_assert_eq(qr_wal_reserve(wal, 1, &room, &error), QUIRE_POISONED);
    cr_assert_eq(qr_wal_release(wal, 1, &error), QUIRE_POISONED);
    cr_assert_eq(faulty_layer_count(faulty, FAULTY_SET(FAULTY_SYNC)), syncs, "never tried again");
    qr_wal_close(wal);
    faulty_layer_destroy(faulty);
}
