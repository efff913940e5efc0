/*
 * Recovery of damaged and cut logs: every cut, every flipped bit, old frames in
 * the place of new ones. The rule under test: a scan delivers whole groups from
 * the first on; it may leave out at most the newest, else it reports damage.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/prng.h"
#include "wal_fixture.h"

struct log_image {
    struct qr_file_layer *layer;
    uint8_t *bytes;
    size_t size;
    uint64_t groups;
    uint64_t ends[64]; /* offset behind the last frame of each group, from 1 */
};

/* Writes groups 1..groups, each synced. */
static struct log_image build_log(uint64_t groups)
{
    struct log_image image = {.layer = memory_layer(), .groups = groups};
    struct qr_wal_options options = log_options(image.layer);
    options.bytes_max = SEGMENT_AT(32);
    struct qr_wal *wal = NULL;
    must(qr_wal_create(&options, &wal, err));
    uint64_t frames = 0;
    for (uint64_t i = 1; i <= groups; i++) {
        must(append_group(wal, i, true, err));
        must(qr_wal_sync(wal, err));
        frames += group_length(i);
        image.ends[i] = FRAME_AT((frames - 1) / LOG_FRAMES, (frames - 1) % LOG_FRAMES) + LOG_FRAME;
    }
    qr_wal_close(wal);
    image.bytes = read_log(image.layer, &image.size);
    return image;
}

static void free_log(struct log_image *image)
{
    free(image->bytes);
    qr_file_layer_memory_destroy(image->layer);
}

static uint64_t whole_groups(const struct log_image *image, uint64_t size)
{
    uint64_t whole = 0;
    while (whole < image->groups && image->ends[whole + 1] <= size) {
        whole++;
    }
    return whole;
}

Test(wal_scan, cut_file__yields_exactly_the_whole_groups)
{
    struct log_image image = build_log(24);
    for (size_t size = image.size; size-- > 0;) {
        cut_log(image.layer, size);
        struct story story = {0};
        struct qr_wal_scan_result result;
        quire_error error = QUIRE_ERROR_INIT;
        quire_status status = scan_file(image.layer, &story, &result, &error);
        if (size < QR_LOG_HEADER_SIZE) {
            cr_assert_eq(status, size == 0 ? QUIRE_LOG_MISSING : QUIRE_CORRUPT, "size %zu", size);
            continue;
        }
        cr_assert_eq(status, QUIRE_OK, "size %zu: %s", size, error.message);
        cr_assert_eq(story.last, whole_groups(&image, size), "size %zu", size);
    }
    free_log(&image);
}

Test(wal_scan, zeroed_tail__yields_exactly_the_whole_groups)
{
    struct log_image image = build_log(24);
    for (size_t size = image.size; size-- > 0;) {
        uint8_t zero = 0;
        patch_log(image.layer, size, &zero, 1);
        struct story story = {0};
        struct qr_wal_scan_result result;
        quire_error error = QUIRE_ERROR_INIT;
        quire_status status = scan_file(image.layer, &story, &result, &error);
        uint64_t in_segment = size < QR_LOG_SEGMENTS_BEGIN
                                  ? LOG_SEGMENT
                                  : (size - QR_LOG_SEGMENTS_BEGIN) % LOG_SEGMENT;
        if (size < QR_LOG_HEADER_SIZE) {
            cr_assert_eq(status, size == 0 ? QUIRE_LOG_MISSING : QUIRE_CORRUPT, "size %zu", size);
        } else if (in_segment > 0 && in_segment < QR_SEGMENT_HEADER_SIZE) {
            cr_assert(status == QUIRE_CORRUPT ||
                      (status == QUIRE_OK && story.last == whole_groups(&image, size)));
        } else {
            /* A group is whole, too, when only zeros were lost. */
            cr_assert_eq(status, QUIRE_OK, "size %zu: %s", size, error.message);
            cr_assert_geq(story.last, whole_groups(&image, size));
            cr_assert_leq(story.last, whole_groups(&image, size + 8));
        }
    }
    free_log(&image);
}

/* Damage of `size` bytes at `offset`: found, harmless, or it costs the newest group at most. */
static void check_damage(struct log_image *image, uint64_t offset, const uint8_t *bytes,
                         size_t size)
{
    patch_log(image->layer, offset, bytes, size);
    struct story story = {0};
    struct qr_wal_scan_result result;
    quire_error error = QUIRE_ERROR_INIT;
    quire_status status = scan_file(image->layer, &story, &result, &error);
    if (status == QUIRE_OK) {
        cr_assert_eq(story.first, 1);
        cr_assert_geq(story.last, image->groups - 1, "silent loss after damage at %llu",
                      (unsigned long long)offset);
        if (story.last < image->groups) {
            cr_assert_gt(offset + size, image->ends[image->groups - 1], "offset %llu",
                         (unsigned long long)offset);
            cr_assert(result.torn);
        }
    } else {
        cr_assert(status == QUIRE_CORRUPT || status == QUIRE_LOG_MISMATCH ||
                      status == QUIRE_FORMAT_VERSION,
                  "offset %llu: %s", (unsigned long long)offset, quire_status_name(status));
    }
    patch_log(image->layer, offset, image->bytes + offset, size);
}

Test(wal_scan, flipped_bit__is_damage_or_costs_the_newest_group_at_most)
{
    struct log_image image = build_log(17);
    struct prng prng;
    prng_init(&prng, 7);
    for (size_t at = 0; at < image.size; at++) {
        uint8_t byte = (uint8_t)(image.bytes[at] ^ (1U << prng_below(&prng, 8)));
        check_damage(&image, at, &byte, 1);
    }
    free_log(&image);
}

Test(wal_scan, bits_of_every_header__are_all_covered)
{
    struct log_image image = build_log(17);
    for (uint32_t frame = 0; frame < 3 * LOG_FRAMES; frame++) {
        uint64_t at = FRAME_AT(frame / LOG_FRAMES, frame % LOG_FRAMES);
        for (uint32_t bit = 0; bit < QR_FRAME_HEADER_SIZE * 8; bit++) {
            uint8_t byte = (uint8_t)(image.bytes[at + bit / 8] ^ (1U << bit % 8));
            check_damage(&image, at + bit / 8, &byte, 1);
        }
    }
    for (uint32_t bit = 0; bit < QR_SEGMENT_HEADER_SIZE * 8; bit++) {
        uint64_t at = SEGMENT_AT(1) + bit / 8;
        uint8_t byte = (uint8_t)(image.bytes[at] ^ (1U << bit % 8));
        check_damage(&image, at, &byte, 1);
    }
    free_log(&image);
}

Test(wal_scan, zeroed_block__is_damage_or_costs_the_newest_group_at_most)
{
    struct log_image image = build_log(17);
    uint8_t zeros[LOG_SEGMENT / 2] = {0};
    for (size_t size = 512; size <= sizeof zeros; size *= 2) {
        for (size_t at = 512; at + size <= image.size; at += 512) {
            /* A block that takes the newest group's first frame takes the proof with it. */
            bool takes_proof = at < image.ends[16] && at + size > image.ends[16];
            if (!takes_proof) {
                check_damage(&image, at, zeros, size);
            }
        }
    }
    free_log(&image);
}

Test(wal_scan, swapped_or_doubled_frames__are_damage)
{
    struct log_image image = build_log(17);
    uint32_t frames = (uint32_t)((image.ends[16] - FRAME_AT(0, 0)) / LOG_FRAME);
    frames = frames > 2 * LOG_FRAMES ? 2 * LOG_FRAMES : frames;
    for (uint32_t a = 0; a < frames; a++) {
        for (uint32_t b = 0; b < frames; b++) {
            uint64_t to = FRAME_AT(a / LOG_FRAMES, a % LOG_FRAMES);
            uint64_t from = FRAME_AT(b / LOG_FRAMES, b % LOG_FRAMES);
            if (a != b) {
                check_damage(&image, to, image.bytes + from, LOG_FRAME);
            }
        }
    }
    free_log(&image);
}

Test(wal_scan, swapped_words__are_damage)
{
    struct log_image image = build_log(9);
    for (uint64_t at = FRAME_AT(0, 1); at < FRAME_AT(0, 3); at += 4) {
        uint8_t swapped[8];
        memcpy(swapped, image.bytes + at + 4, 4);
        memcpy(swapped + 4, image.bytes + at, 4);
        check_damage(&image, at, swapped, sizeof swapped);
    }
    free_log(&image);
}

Test(wal_scan, damage__is_named_with_its_offset)
{
    struct log_image image = build_log(17);
    uint8_t byte = (uint8_t)(image.bytes[FRAME_AT(0, 3) + 100] ^ 1);
    patch_log(image.layer, FRAME_AT(0, 3) + 100, &byte, 1);
    struct story story = {0};
    struct qr_wal_scan_result result;
    quire_error error = QUIRE_ERROR_INIT;
    cr_assert_eq(scan_file(image.layer, &story, &result, &error), QUIRE_CORRUPT);
    cr_assert_eq(error.offset, FRAME_AT(0, 3));
    cr_assert_str_eq(error.file, LOG_PATH);
    cr_assert_eq(story.frames, 0, "nothing is delivered of a damaged log");
    free_log(&image);
}

Test(wal_scan, unsynced_groups__yield_the_longest_valid_prefix)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal_options options = log_options(layer);
    struct qr_wal *wal = NULL;
    must(qr_wal_create(&options, &wal, err));
    for (uint64_t i = 1; i <= 6; i++) {
        must(append_group_of(wal, i, 1, true, err)); /* asked for, but nothing is synced */
    }
    qr_wal_close(wal);
    uint8_t byte = 0xEE;
    patch_log(layer, FRAME_AT(0, 3) + 500, &byte, 1);
    struct story story = {.length = 1};
    struct qr_wal_scan_result result;
    must(scan_file(layer, &story, &result, err));
    cr_assert_eq(story.last, 3);
    cr_assert(result.torn);
    qr_file_layer_memory_destroy(layer);
}

/* Groups of one frame, numbered on from *next; every segment is released when it is full. */
static void fill_laps(struct qr_wal *wal, uint64_t *next, uint64_t groups)
{
    for (uint64_t i = 0; i < groups; i++, (*next)++) {
        must(append_group_of(wal, *next, 1, true, err));
        must(qr_wal_sync(wal, err));
        uint32_t *numbers;
        size_t count;
        uint64_t generation;
        must(qr_wal_sealed_pages(wal, &numbers, &count, &generation, err));
        qr_free(qr_allocator_default(), numbers, count * sizeof *numbers);
        must(qr_wal_release(wal, generation, err));
    }
}

Test(wal_scan, recycled_segments__never_bring_back_old_frames)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal_options options = log_options(layer);
    struct qr_wal *wal = NULL;
    must(qr_wal_create(&options, &wal, err));
    uint64_t next = 1;
    for (uint32_t i = 0; i < 20 * LOG_FRAMES; i++) {
        fill_laps(wal, &next, 1);
        struct story story = {.length = 1};
        struct qr_wal_scan_result result;
        must(scan_file(layer, &story, &result, err));
        cr_assert_eq(result.groups, (i + 1) % LOG_FRAMES);
        cr_assert(result.groups == 0 || story.last == next - 1);
        cr_assert_not(result.torn);
    }
    struct qr_wal_stats stats;
    qr_wal_get_stats(wal, &stats);
    cr_assert_eq(stats.segments, 4, "the ring did not grow");
    qr_wal_close(wal);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_scan, old_frames_behind_the_end__are_not_taken)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal_options options = log_options(layer);
    struct qr_wal *wal = NULL;
    must(qr_wal_create(&options, &wal, err));
    uint64_t next = 1;
    fill_laps(wal, &next, 4 * LOG_FRAMES + 3);
    size_t old_size;
    uint8_t *old = read_log(layer, &old_size);
    fill_laps(wal, &next, 4 * LOG_FRAMES);
    qr_wal_close(wal);
    size_t size;
    uint8_t *now = read_log(layer, &size);
    /* From any point on, the frames are those of an earlier lap; headers are the new ones. */
    for (size_t at = SEGMENT_AT(0); at < size; at += 37) {
        size_t in_segment = (at - QR_LOG_SEGMENTS_BEGIN) % LOG_SEGMENT;
        size_t end = at + LOG_SEGMENT - in_segment;
        size_t from =
            in_segment < QR_SEGMENT_HEADER_SIZE ? at + QR_SEGMENT_HEADER_SIZE - in_segment : at;
        patch_log(layer, from, old + from, end - from);
        struct story story = {.length = 1};
        struct qr_wal_scan_result result;
        must(scan_file(layer, &story, &result, err));
        cr_assert_leq(result.groups, 3);
        cr_assert(result.groups == 0 || story.first == next - 3);
        patch_log(layer, from, now + from, end - from);
    }
    free(old);
    free(now);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_scan, missing_segments__are_damage_wherever_they_were)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal_options options = log_options(layer);
    struct qr_wal *wal = NULL;
    must(qr_wal_create(&options, &wal, err));
    uint64_t next = 1;
    fill_laps(wal, &next, 3 * LOG_FRAMES);
    for (uint32_t i = 0; i < 3 * LOG_FRAMES; i++, next++) {
        must(append_group_of(wal, next, 1, true, err));
        must(qr_wal_sync(wal, err));
    }
    struct qr_wal_stats stats;
    qr_wal_get_stats(wal, &stats);
    cr_assert_eq(stats.segments, 4);
    cr_assert_eq(stats.segments_free, 1);
    qr_wal_close(wal);
    size_t size;
    uint8_t *now = read_log(layer, &size);
    uint8_t zeros[LOG_SEGMENT] = {0};
    for (uint32_t s = 0; s < 4; s++) {
        struct story story = {.length = 1};
        struct qr_wal_scan_result result;
        quire_error error = QUIRE_ERROR_INIT;
        patch_log(layer, SEGMENT_AT(s), zeros, LOG_SEGMENT);
        quire_status status = scan_file(layer, &story, &result, &error);
        bool newest = qr_load64(now + SEGMENT_AT(s) + QR_SEGMENT_GENERATION) == 6;
        /* Zeros are all that a segment added and never used holds: losing the whole newest one to
         * zeros cannot be told from that. */
        cr_assert_eq(status, newest ? QUIRE_OK : QUIRE_CORRUPT, "segment %u", s);
        patch_log(layer, SEGMENT_AT(s), now + SEGMENT_AT(s), LOG_SEGMENT);
    }
    cut_log(layer, SEGMENT_AT(3));
    struct story story = {.length = 1};
    struct qr_wal_scan_result result;
    quire_error error = QUIRE_ERROR_INIT;
    cr_assert_eq(scan_file(layer, &story, &result, &error), QUIRE_CORRUPT);
    free(now);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_scan, lost_header_of_a_synced_segment__is_damage)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal_options options = log_options(layer);
    struct qr_wal *wal = NULL;
    must(qr_wal_create(&options, &wal, err));
    size_t size;
    uint8_t *before = read_log(layer, &size);
    must(append_group_of(wal, 1, 1, true, err));
    must(qr_wal_sync(wal, err));
    struct story story = {.length = 1};
    struct qr_wal_scan_result result;
    quire_error error = QUIRE_ERROR_INIT;

    /* In flight with its first group: legal. */
    uint8_t header[QR_SEGMENT_HEADER_SIZE];
    struct qr_file *file = NULL;
    must(layer->methods->open(layer, LOG_PATH, QR_OPEN_READ, &file, err));
    must(qr_file_read_all(file, header, sizeof header, SEGMENT_AT(0), LOG_PATH, err));
    file->methods->close(file);
    patch_log(layer, SEGMENT_AT(0), before + SEGMENT_AT(0), QR_SEGMENT_HEADER_SIZE);
    must(scan_file(layer, &story, &result, err));
    cr_assert_eq(result.groups, 0);

    /* A second group was begun after a sync: the header was on disk. */
    patch_log(layer, SEGMENT_AT(0), header, sizeof header);
    must(append_group_of(wal, 2, 1, true, err));
    must(qr_wal_sync(wal, err));
    patch_log(layer, SEGMENT_AT(0), before + SEGMENT_AT(0), QR_SEGMENT_HEADER_SIZE);
    cr_assert_eq(scan_file(layer, &story, &result, &error), QUIRE_CORRUPT);
    qr_wal_close(wal);
    free(before);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_scan, harden_and_reset__empty_the_log_and_may_be_repeated)
{
    struct log_image image = build_log(17);
    struct qr_wal_options options = log_options(image.layer);
    cut_log(image.layer, image.ends[15] + 100);
    for (int round = 0; round < 3; round++) {
        struct qr_wal *wal = NULL;
        struct story story = {0};
        struct qr_wal_scan_result result;
        must(qr_wal_open(&options, false, &wal, err));
        enum qr_wal_room room;
        quire_error error = QUIRE_ERROR_INIT;
        cr_assert_eq(qr_wal_reserve(wal, 1, &room, &error), QUIRE_MISUSE, "not before the reset");
        cr_assert_eq(qr_wal_harden(wal, &error), QUIRE_MISUSE, "not before the scan");
        must(scan_story(wal, &story, &result, err));
        cr_assert_eq(story.last, 15);
        must(qr_wal_harden(wal, err));
        qr_wal_close(wal);
    }
    struct qr_wal *wal = NULL;
    struct story story = {0};
    struct qr_wal_scan_result result;
    must(qr_wal_open(&options, false, &wal, err));
    must(scan_story(wal, &story, &result, err));
    must(qr_wal_reset(wal, err));
    must(qr_wal_reset(wal, err));
    must(scan_story(wal, &story, &result, err));
    cr_assert_eq(result.frames, 0);
    for (uint64_t i = 16; i < 40; i++) {
        must(append_group(wal, i, true, err));
    }
    must(scan_file(image.layer, &story, &result, err));
    cr_assert_eq(story.first, 16);
    cr_assert_eq(story.last, 39);
    qr_wal_close(wal);
    free_log(&image);
}

/* The bytes of a header that was half written over `old`. */
static void tear_header(struct qr_file_layer *layer, uint32_t segment, size_t written)
{
    size_t size;
    uint8_t *bytes = read_log(layer, &size);
    uint8_t header[QR_SEGMENT_HEADER_SIZE];
    memcpy(header, bytes + SEGMENT_AT(segment), sizeof header);
    qr_store16(header + QR_SEGMENT_STATE, QR_SEGMENT_LIVE);
    qr_store64(header + QR_SEGMENT_GENERATION, 77);
    qr_store64(header + QR_SEGMENT_CHECKSUM, 0x1234567812345678);
    patch_log(layer, SEGMENT_AT(segment), header, written);
    free(bytes);
}

Test(wal_scan, half_written_header_of_a_new_segment__is_a_start_that_never_finished)
{
    size_t cuts[] = {7, 9, 12, 20, 28};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        struct log_image image = build_log(17);
        struct qr_wal_options options = log_options(image.layer);
        struct story story = {0};
        struct qr_wal_scan_result result;
        uint32_t fresh = (uint32_t)((image.size - QR_LOG_SEGMENTS_BEGIN) / LOG_SEGMENT) - 1;
        tear_header(image.layer, fresh, cuts[i]);
        must(scan_file(image.layer, &story, &result, err));
        cr_assert_eq(story.last, 17);
        cr_assert(result.torn);

        struct qr_wal *wal = NULL;
        quire_error error = QUIRE_ERROR_INIT;
        must(qr_wal_open(&options, false, &wal, err));
        cr_assert_eq(qr_wal_reset(wal, &error), QUIRE_MISUSE, "not before the scan");
        must(scan_story(wal, &story, &result, err));
        must(qr_wal_harden(wal, err));
        must(qr_wal_reset(wal, err));
        for (uint64_t group = 18; group < 40; group++) {
            must(append_group(wal, group, true, err));
        }
        must(qr_wal_sync(wal, err));
        qr_wal_close(wal);
        must(scan_file(image.layer, &story, &result, err));
        cr_assert_eq(story.first, 18);
        cr_assert_eq(story.last, 39);
        free_log(&image);
    }
}

Test(wal_scan, torn_header_over_needed_frames__is_damage)
{
    struct log_image image = build_log(17);
    struct story story = {0};
    struct qr_wal_scan_result result;
    quire_error error = QUIRE_ERROR_INIT;
    /* The newest segment holds what no other does. */
    uint32_t newest = (uint32_t)((image.ends[16] - QR_LOG_SEGMENTS_BEGIN) / LOG_SEGMENT);
    tear_header(image.layer, newest, 28);
    cr_assert_eq(scan_file(image.layer, &story, &result, &error), QUIRE_CORRUPT);
    cr_assert_eq(error.offset, SEGMENT_AT(newest));
    free_log(&image);
}

Test(wal_scan, torn_header_over_retired_frames__is_judged_by_what_the_database_holds)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal_options options = log_options(layer);
    struct qr_wal *wal = NULL;
    struct story story = {0};
    struct qr_wal_scan_result result;
    quire_error error = QUIRE_ERROR_INIT;
    must(qr_wal_create(&options, &wal, err));
    must(append_group(wal, 1, true, err));
    must(qr_wal_sync(wal, err));
    qr_wal_seal(wal);
    must(qr_wal_release(wal, 1, err));
    qr_wal_close(wal);
    tear_header(layer, 0, 12);
    cr_assert_eq(scan_file(layer, &story, &result, &error), QUIRE_CORRUPT,
                 "nothing is known of it");
    options.database_lsn = 1;
    must(qr_wal_open(&options, false, &wal, err));
    must(scan_story(wal, &story, &result, err));
    cr_assert_eq(result.groups, 0);
    qr_wal_close(wal);
    qr_file_layer_memory_destroy(layer);
}

/* ---- Going on behind the accepted prefix ---- */

static struct qr_wal *open_scanned(struct qr_file_layer *layer, struct story *story)
{
    struct qr_wal_options options = log_options(layer);
    struct qr_wal_scan_result result;
    struct qr_wal *wal = NULL;
    options.bytes_max = SEGMENT_AT(32);
    must(qr_wal_open(&options, false, &wal, err));
    *story = (struct story){0};
    must(scan_story(wal, story, &result, err));
    return wal;
}

/* Whatever is left of the last groups, and wherever it lies: what is appended stands behind the
 * prefix, and nothing that was not accepted comes back. */
Test(wal_resume, any_torn_log__goes_on_behind_its_prefix)
{
    struct log_image image = build_log(12);
    uint8_t *bytes = malloc(image.size);
    cr_assert_not_null(bytes);
    for (size_t size = image.ends[1]; size <= image.ends[12]; size += 331) {
        struct story story;
        memcpy(bytes, image.bytes, size);
        memset(bytes + size, 0, image.size - size);
        write_log(image.layer, bytes, image.size);
        struct qr_wal *wal = open_scanned(image.layer, &story);
        uint64_t last = story.last;
        cr_assert_eq(last, whole_groups(&image, size));
        must(qr_wal_harden(wal, err));
        must(qr_wal_resume(wal, err));
        must(append_group(wal, last + 1, true, err));
        must(append_group(wal, last + 2, true, err));
        must(qr_wal_sync(wal, err));
        qr_wal_close(wal);
        wal = open_scanned(image.layer, &story);
        cr_assert_eq(story.first, 1);
        cr_assert_eq(story.last, last + 2, "damage at %zu", size);
        must(qr_wal_harden(wal, err));
        must(qr_wal_reset(wal, err));
        qr_wal_close(wal);
    }
    free(bytes);
    free_log(&image);
}

Test(wal_resume, log_without_an_accepted_group__is_refused)
{
    struct log_image image = build_log(2);
    struct qr_wal_options options = log_options(image.layer);
    struct qr_wal *wal = NULL;
    quire_error error = QUIRE_ERROR_INIT;
    must(qr_wal_open(&options, false, &wal, err));
    cr_assert_eq(qr_wal_resume(wal, &error), QUIRE_MISUSE); /* not scanned */
    qr_wal_close(wal);
    uint8_t zero[16] = {0};
    patch_log(image.layer, FRAME_AT(0, 0), zero, sizeof zero);
    struct story story = {0};
    struct qr_wal_scan_result result;
    must(qr_wal_open(&options, false, &wal, err));
    if (scan_story(wal, &story, &result, &error) == QUIRE_OK) {
        cr_assert_eq(result.frames, 0);
        cr_assert_eq(qr_wal_resume(wal, &error), QUIRE_MISUSE);
    }
    qr_wal_close(wal);
    free_log(&image);
}
