/*
 * The inspector names every kind of damage and goes on behind it.
 */
#include "wal/wal_inspect.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "tests/support/failing_allocator.h"
#include "tests/support/faulty_layer.h"
#include "wal_fixture.h"

/* What a walk reported. */
struct findings {
    uint32_t count[QR_WAL_ISSUE_COUNT];
    uint64_t offset[QR_WAL_ISSUE_COUNT]; /* of the first of each */
    uint32_t page[QR_WAL_ISSUE_COUNT];
    uint32_t headers, segments, live, frames, accepted, sound, commits;
    struct qr_wal_inspect_result result;
};

static quire_status on_header(void *context, const struct qr_wal_inspect_header *header,
                              quire_error *err)
{
    (void)err;
    struct findings *found = context;
    found->headers++;
    cr_assert_eq(header->segment_frames, LOG_FRAMES);
    return QUIRE_OK;
}

static quire_status on_segment(void *context, const struct qr_wal_inspect_segment *segment,
                               quire_error *err)
{
    (void)err;
    struct findings *found = context;
    cr_assert_eq(segment->offset, SEGMENT_AT(segment->number));
    found->segments++;
    found->live += segment->state == QR_WAL_INSPECT_LIVE;
    return QUIRE_OK;
}

static quire_status on_frame(void *context, const struct qr_wal_inspect_frame *frame,
                             quire_error *err)
{
    (void)err;
    struct findings *found = context;
    cr_assert_eq(frame->offset, FRAME_AT(frame->segment, frame->index));
    found->frames++;
    found->sound += frame->sound;
    found->accepted += frame->accepted;
    found->commits += frame->sound && frame->commit_pages != 0;
    return QUIRE_OK;
}

static quire_status on_issue(void *context, const struct qr_wal_inspect_issue *issue,
                             quire_error *err)
{
    (void)err;
    struct findings *found = context;
    cr_assert_lt((unsigned)issue->code, QR_WAL_ISSUE_COUNT);
    cr_assert_eq(issue->severity, qr_wal_issue_severity(issue->code));
    cr_assert_str_not_empty(issue->message);
    if (found->count[issue->code]++ == 0) {
        found->offset[issue->code] = issue->offset;
        found->page[issue->code] = issue->page;
    }
    return QUIRE_OK;
}

static quire_status inspect_with(const struct qr_wal_inspect_options *options,
                                 struct findings *found, quire_error *err)
{
    *found = (struct findings){0};
    struct qr_wal_inspect_sink sink = {.context = found,
                                       .header = on_header,
                                       .segment = on_segment,
                                       .frame = on_frame,
                                       .issue = on_issue};
    return qr_wal_inspect(options, &sink, &found->result, err);
}

static struct qr_wal_inspect_options inspect_options(struct qr_file_layer *layer)
{
    return (struct qr_wal_inspect_options){.layer = layer,
                                           .allocator = qr_allocator_default(),
                                           .path = LOG_PATH,
                                           .database_id = log_id,
                                           .page_size = LOG_PAGE};
}

static void inspect(struct qr_file_layer *layer, struct findings *found)
{
    struct qr_wal_inspect_options options = inspect_options(layer);
    must(inspect_with(&options, found, err));
}

static void only(const struct findings *found, enum qr_wal_issue_code code)
{
    for (unsigned i = 0; i < QR_WAL_ISSUE_COUNT; i++) {
        cr_assert_eq(found->count[i] > 0, i == (unsigned)code, "%s", qr_wal_issue_name(i));
    }
}

static uint32_t total(const struct findings *found)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < QR_WAL_ISSUE_COUNT; i++) {
        sum += found->count[i];
    }
    return sum;
}

/* Ten groups of two frames, each synced: 20 frames in generations 1 to 3. */
static struct qr_file_layer *sound_log(void)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal_options options = log_options(layer);
    struct qr_wal *wal = NULL;
    must(qr_wal_create(&options, &wal, err));
    for (uint64_t i = 1; i <= 10; i++) {
        must(append_group_of(wal, i, 2, true, err));
        must(qr_wal_sync(wal, err));
    }
    qr_wal_close(wal);
    return layer;
}

static void flip(struct qr_file_layer *layer, uint64_t offset)
{
    size_t size;
    uint8_t *bytes = read_log(layer, &size);
    uint8_t byte = bytes[offset] ^ 0x10;
    patch_log(layer, offset, &byte, 1);
    free(bytes);
}

Test(wal_inspect, sound_log__has_no_issue)
{
    struct qr_file_layer *layer = sound_log();
    struct findings found;
    inspect(layer, &found);
    cr_assert_eq(total(&found), 0);
    cr_assert_eq(found.headers, 1);
    cr_assert_eq(found.segments, 4);
    cr_assert_eq(found.live, 3);
    cr_assert_eq(found.frames, 20);
    cr_assert_eq(found.accepted, 20);
    cr_assert_eq(found.commits, 10);
    cr_assert_eq(found.result.groups, 10);
    cr_assert_eq(found.result.last_lsn, 10);
    cr_assert_eq(found.result.pages, 110);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_inspect, header__damage_has_a_code_each)
{
    struct {
        uint32_t at;
        uint8_t value;
        enum qr_wal_issue_code code;
    } cases[] = {
        {QR_LOG_MAGIC, 'X', QR_WAL_ISSUE_HEADER_MAGIC},
        {QR_LOG_VERSION, 9, QR_WAL_ISSUE_HEADER_VERSION},
        {QR_LOG_FLAGS, 1, QR_WAL_ISSUE_HEADER_VERSION},
        {QR_LOG_PAGE_SHIFT, 99, QR_WAL_ISSUE_HEADER_SIZES},
    };
    struct findings found;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qr_file_layer *layer = sound_log();
        size_t size;
        uint8_t *bytes = read_log(layer, &size);
        bytes[cases[i].at] = cases[i].value;
        qr_store64(bytes + QR_LOG_CHECKSUM, qr_hash64(bytes, QR_LOG_CHECKSUM, 0));
        patch_log(layer, 0, bytes, QR_LOG_HEADER_SIZE);
        inspect(layer, &found);
        only(&found, cases[i].code);
        free(bytes);
        qr_file_layer_memory_destroy(layer);
    }
    struct qr_file_layer *layer = sound_log();
    flip(layer, QR_LOG_DATABASE_ID + 3);
    inspect(layer, &found);
    only(&found, QR_WAL_ISSUE_HEADER_CHECKSUM);
    uint8_t zeros[QR_LOG_HEADER_SIZE] = {0};
    patch_log(layer, 0, zeros, sizeof zeros);
    inspect(layer, &found);
    only(&found, QR_WAL_ISSUE_HEADER_MISSING);
    cut_log(layer, QR_LOG_SEGMENTS_BEGIN);
    inspect(layer, &found);
    only(&found, QR_WAL_ISSUE_EMPTY);
    cut_log(layer, 0);
    inspect(layer, &found);
    only(&found, QR_WAL_ISSUE_EMPTY);
    qr_file_layer_memory_destroy(layer);

    layer = sound_log();
    cut_log(layer, 31);
    inspect(layer, &found);
    only(&found, QR_WAL_ISSUE_HEADER_SHORT);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_inspect, foreign_log__is_told_and_walked_all_the_same)
{
    struct qr_file_layer *layer = sound_log();
    struct qr_wal_inspect_options options = inspect_options(layer);
    uint8_t other[16] = {1};
    struct findings found;
    options.database_id = other;
    must(inspect_with(&options, &found, err));
    only(&found, QR_WAL_ISSUE_DATABASE_ID);
    cr_assert_eq(found.accepted, 20);
    options = inspect_options(layer);
    options.page_size = 4096;
    must(inspect_with(&options, &found, err));
    only(&found, QR_WAL_ISSUE_PAGE_SIZE);
    options.database_id = NULL;
    options.page_size = 0;
    must(inspect_with(&options, &found, err));
    cr_assert_eq(total(&found), 0);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_inspect, segment_header__damage_and_gaps_are_named)
{
    struct qr_file_layer *layer = sound_log();
    struct findings found;
    flip(layer, SEGMENT_AT(1) + QR_SEGMENT_SALT);
    inspect(layer, &found);
    cr_assert_eq(found.count[QR_WAL_ISSUE_SEGMENT_HEADER], 1);
    cr_assert_eq(found.offset[QR_WAL_ISSUE_SEGMENT_HEADER], SEGMENT_AT(1));
    cr_assert_eq(found.count[QR_WAL_ISSUE_GENERATION_GAP], 1);
    cr_assert_eq(found.offset[QR_WAL_ISSUE_GENERATION_GAP], SEGMENT_AT(2));
    cr_assert_gt(found.count[QR_WAL_ISSUE_GROUP_UNREACHABLE], 0);
    cr_assert_eq(found.accepted, 6, "three whole groups in the first segment");
    qr_file_layer_memory_destroy(layer);

    layer = sound_log();
    size_t size;
    uint8_t *bytes = read_log(layer, &size);
    patch_log(layer, SEGMENT_AT(3), bytes + SEGMENT_AT(1), LOG_SEGMENT);
    inspect(layer, &found);
    cr_assert_eq(found.count[QR_WAL_ISSUE_GENERATION_DUPLICATE], 1);
    free(bytes);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_inspect, frame__damage_has_a_code_each_and_the_walk_goes_on)
{
    struct {
        uint64_t at;
        enum qr_wal_issue_code code;
    } cases[] = {
        {QR_FRAME_PAGE_NUMBER, QR_WAL_ISSUE_PAGE_CHECKSUM},
        {QR_FRAME_PAGE_NUMBER + 3, QR_WAL_ISSUE_PAGE_CHECKSUM},
        {QR_FRAME_COMMIT, QR_WAL_ISSUE_FRAME_CHECKSUM},
        {QR_FRAME_SALT, QR_WAL_ISSUE_FRAME_SALT},
        {QR_FRAME_INDEX, QR_WAL_ISSUE_FRAME_INDEX},
        {QR_FRAME_CHECKSUM, QR_WAL_ISSUE_FRAME_CHECKSUM},
        {QR_FRAME_HEADER_SIZE + 700, QR_WAL_ISSUE_PAGE_CHECKSUM},
    };
    /* In a generation that has a successor, and in the newest, where a later group proves it. */
    uint64_t frames[] = {FRAME_AT(0, 2), FRAME_AT(2, 1)};
    uint32_t accepted[] = {2, 14};
    for (size_t f = 0; f < 2; f++) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct qr_file_layer *layer = sound_log();
            struct findings found;
            flip(layer, frames[f] + cases[i].at);
            inspect(layer, &found);
            cr_assert_eq(found.count[cases[i].code], 1, "case %zu", i);
            cr_assert_eq(found.offset[cases[i].code], frames[f]);
            cr_assert_eq(found.result.issues[QUIRE_SEVERITY_ERROR],
                         1 + found.result.groups_unreachable);
            cr_assert_gt(found.result.groups_unreachable, 0);
            cr_assert_eq(found.frames, 20);
            cr_assert_eq(found.sound, 19);
            cr_assert_eq(found.accepted, accepted[f]);
            qr_file_layer_memory_destroy(layer);
        }
    }
}

Test(wal_inspect, impossible_page_number__is_named)
{
    struct qr_file_layer *layer = sound_log();
    struct findings found;
    uint8_t number[4];
    qr_store32(number, QR_FRAME_PAGE_NUMBER_END + 5);
    patch_log(layer, FRAME_AT(0, 1), number, sizeof number);
    inspect(layer, &found);
    cr_assert_eq(found.count[QR_WAL_ISSUE_FRAME_PAGE_NUMBER], 1);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_inspect, torn_end__is_no_damage)
{
    struct qr_file_layer *layer = sound_log();
    struct findings found;
    flip(layer, FRAME_AT(2, 5) + 200);
    inspect(layer, &found);
    only(&found, QR_WAL_ISSUE_GROUP_TORN);
    cr_assert_eq(found.offset[QR_WAL_ISSUE_GROUP_TORN], FRAME_AT(2, 5));
    cr_assert_eq(found.result.groups, 9);
    cr_assert_eq(found.accepted, 18);
    uint8_t zeros[LOG_FRAME] = {0};
    patch_log(layer, FRAME_AT(2, 5), zeros, sizeof zeros);
    inspect(layer, &found);
    only(&found, QR_WAL_ISSUE_GROUP_UNFINISHED);
    cr_assert_eq(found.accepted, 18);
    cr_assert_eq(found.sound, 19);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_inspect, short_file__is_told_where_it_matters)
{
    struct qr_file_layer *layer = sound_log();
    struct findings found;
    cut_log(layer, FRAME_AT(2, 3) + 10);
    inspect(layer, &found);
    cr_assert_eq(found.count[QR_WAL_ISSUE_TRAILING_BYTES], 1);
    cr_assert_eq(found.count[QR_WAL_ISSUE_GROUP_UNFINISHED], 1);
    cr_assert_eq(found.result.issues[QUIRE_SEVERITY_ERROR], 0);
    cr_assert_eq(found.result.groups, 8);
    qr_file_layer_memory_destroy(layer);

    /* The file ends within the first generation, which was copied behind the second. */
    layer = sound_log();
    size_t size;
    uint8_t *bytes = read_log(layer, &size);
    patch_log(layer, SEGMENT_AT(0), bytes + SEGMENT_AT(1), LOG_SEGMENT);
    patch_log(layer, SEGMENT_AT(1), bytes + SEGMENT_AT(0), LOG_SEGMENT);
    cut_log(layer, FRAME_AT(1, 4));
    inspect(layer, &found);
    cr_assert_eq(found.count[QR_WAL_ISSUE_FRAME_SHORT], 1);
    cr_assert_eq(found.offset[QR_WAL_ISSUE_FRAME_SHORT], FRAME_AT(1, 4));
    free(bytes);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_inspect, segment_without_its_header__is_named)
{
    struct qr_file_layer *layer = sound_log();
    struct findings found;
    uint8_t zeros[LOG_SEGMENT] = {0};
    patch_log(layer, SEGMENT_AT(3), zeros, sizeof zeros);
    inspect(layer, &found);
    cr_assert_eq(found.count[QR_WAL_ISSUE_SEGMENT_UNUSED], 1);
    cr_assert_eq(found.result.issues[QUIRE_SEVERITY_ERROR], 0);
    patch_log(layer, SEGMENT_AT(2), zeros, QR_SEGMENT_HEADER_SIZE);
    inspect(layer, &found);
    cr_assert_eq(found.count[QR_WAL_ISSUE_SEGMENT_HEADER], 1);
    qr_file_layer_memory_destroy(layer);

    /* The header as it was before the segment came into use. */
    layer = memory_layer();
    struct qr_wal_options options = log_options(layer);
    struct qr_wal *wal = NULL;
    must(qr_wal_create(&options, &wal, err));
    size_t size;
    uint8_t *before = read_log(layer, &size);
    for (uint64_t i = 1; i <= 3; i++) {
        must(append_group_of(wal, i, 1, true, err));
        must(qr_wal_sync(wal, err));
    }
    qr_wal_close(wal);
    patch_log(layer, SEGMENT_AT(0), before + SEGMENT_AT(0), QR_SEGMENT_HEADER_SIZE);
    inspect(layer, &found);
    only(&found, QR_WAL_ISSUE_HEADER_LOST);
    free(before);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_inspect, any_damage__agrees_with_the_scan)
{
    struct qr_file_layer *layer = sound_log();
    size_t size;
    uint8_t *bytes = read_log(layer, &size);
    for (size_t at = 0; at < size; at += 13) {
        uint8_t byte = bytes[at] ^ 0x40;
        patch_log(layer, at, &byte, 1);
        struct findings found;
        inspect(layer, &found);
        struct story story = {.length = 2};
        struct qr_wal_scan_result result;
        quire_error error = QUIRE_ERROR_INIT;
        quire_status status = scan_file(layer, &story, &result, &error);
        cr_assert_eq(status == QUIRE_OK, found.result.issues[QUIRE_SEVERITY_ERROR] == 0,
                     "offset %zu", at);
        if (status == QUIRE_OK) {
            cr_assert_eq(result.groups, found.result.groups, "offset %zu", at);
            cr_assert_eq(result.frames, found.accepted, "offset %zu", at);
        }
        patch_log(layer, at, bytes + at, 1);
    }
    free(bytes);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_inspect, failing_call_or_allocation__is_returned)
{
    struct qr_file_layer *memory = sound_log();
    size_t size;
    uint8_t *bytes = read_log(memory, &size);
    struct faulty_layer *faulty = faulty_layer_create();
    write_log(faulty_layer_files(faulty), bytes, size);
    struct failing_allocator failing;
    failing_allocator_init(&failing);
    struct qr_wal_inspect_options options = inspect_options(faulty_layer_files(faulty));
    options.allocator = &failing.allocator;
    struct findings found;
    quire_error error = QUIRE_ERROR_INIT;
    bool done = false;
    for (uint64_t i = 0; !done; i++) {
        struct faulty_plan plan = {.kinds = FAULTY_ANY, .index = i};
        faulty_layer_fail(faulty, &plan);
        quire_status status = inspect_with(&options, &found, &error);
        done = faulty_layer_failures(faulty) == 0;
        cr_assert_eq(status, done ? QUIRE_OK : QUIRE_IO, "call %u", (unsigned)i);
        faulty_layer_heal(faulty);
    }
    done = false;
    for (uint64_t i = 0; !done; i++) {
        failing_allocator_arm(&failing, i, false);
        quire_status status = inspect_with(&options, &found, &error);
        done = failing.failures == 0;
        cr_assert_eq(status, done ? QUIRE_OK : QUIRE_NO_MEMORY);
        cr_assert(failing_allocator_is_clean(&failing));
    }
    options.path = "none";
    cr_assert_eq(inspect_with(&options, &found, &error), QUIRE_NO_FILE);
    faulty_layer_destroy(faulty);
    qr_file_layer_memory_destroy(memory);
    free(bytes);
}
