#include "wal_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

const uint8_t log_id[16] = {0xA1, 0xB2, 0xC3, 0xD4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

struct qr_wal_options log_options(struct qr_file_layer *layer)
{
    struct qr_wal_options options = {
        .layer = layer,
        .allocator = qr_allocator_default(),
        .path = LOG_PATH,
        .page_size = LOG_PAGE,
        .segment_bytes = LOG_SEGMENT,
        .segments_min = 4,
        .bytes_max = SEGMENT_AT(8),
    };
    memcpy(options.database_id, log_id, sizeof log_id);
    return options;
}

uint32_t group_length(uint64_t number)
{
    return 1 + (uint32_t)(number * 7 % 3);
}

uint32_t group_page_number(uint64_t number, uint32_t index)
{
    return index == 0 ? 0 : (uint32_t)(number % 5) + index;
}

void build_page(uint8_t *page, uint32_t page_number, uint64_t lsn)
{
    uint64_t state = lsn * UINT64_C(0x9E3779B97F4A7C15) + page_number;
    for (size_t i = 16; i < LOG_PAGE; i += 8) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407U;
        qr_store64(page + i, state);
    }
    qr_store64(page + QR_WAL_PAGE_LSN, lsn);
    uint64_t seed = page_number == 0 ? 0 : qr_load64(log_id) ^ page_number;
    qr_store64(page + QR_WAL_PAGE_CHECKSUM, qr_hash64(page + 8, LOG_PAGE - 8, seed));
}

quire_status append_group_of(struct qr_wal *wal, uint64_t number, uint32_t length,
                             bool synced_before, quire_error *err)
{
    cr_assert_leq(length, GROUP_MAX);
    uint8_t *bytes = malloc((size_t)GROUP_MAX * LOG_PAGE);
    cr_assert_not_null(bytes);
    struct qr_wal_page pages[GROUP_MAX];
    for (uint32_t i = 0; i < length; i++) {
        pages[i].page_number = group_page_number(number, i);
        pages[i].page = bytes + (size_t)i * LOG_PAGE;
        build_page(bytes + (size_t)i * LOG_PAGE, pages[i].page_number, number);
    }
    enum qr_wal_room room;
    quire_status status = qr_wal_reserve(wal, length, &room, err);
    if (status == QUIRE_OK) {
        cr_assert_eq(room, QR_WAL_ROOM_READY);
        status = qr_wal_append(wal, pages, length, (uint32_t)(100 + number), synced_before, err);
    }
    free(bytes);
    return status;
}

quire_status append_group(struct qr_wal *wal, uint64_t number, bool synced_before, quire_error *err)
{
    return append_group_of(wal, number, group_length(number), synced_before, err);
}

static quire_status visit(void *context, const struct qr_wal_frame *frame, quire_error *err)
{
    (void)err;
    struct story *story = context;
    uint64_t lsn = qr_load64(frame->page + QR_WAL_PAGE_LSN);
    if (story->frames == 0) {
        story->first = lsn;
        story->last = lsn - 1;
    }
    uint64_t group = story->last + 1;
    uint32_t length = story->length != 0 ? story->length : group_length(group);
    cr_assert_eq(lsn, group, "group %llu where %llu is due", (unsigned long long)lsn,
                 (unsigned long long)group);
    cr_assert_eq(frame->page_number, group_page_number(group, story->next));
    uint8_t page[LOG_PAGE];
    build_page(page, frame->page_number, lsn);
    cr_assert_eq(memcmp(page, frame->page, LOG_PAGE), 0, "a page was altered");
    story->frames++;
    story->next++;
    cr_assert_eq(frame->commit_pages, story->next == length ? 100 + group : 0);
    if (story->next == length) {
        story->next = 0;
        story->last = group;
    }
    return QUIRE_OK;
}

quire_status scan_story(struct qr_wal *wal, struct story *story, struct qr_wal_scan_result *result,
                        quire_error *err)
{
    story->first = 1;
    story->last = 0;
    story->frames = 0;
    story->next = 0;
    quire_status status = qr_wal_scan(wal, visit, story, result, err);
    if (status == QUIRE_OK) {
        cr_assert_eq(story->next, 0, "a group was cut");
        cr_assert_eq(result->frames, story->frames);
        cr_assert_eq(result->groups, story->last + 1 - story->first);
        cr_assert_eq(result->last_lsn, story->frames > 0 ? story->last : 0);
        cr_assert_eq(result->pages, story->frames > 0 ? 100 + story->last : 0);
    }
    return status;
}

quire_status scan_file(struct qr_file_layer *layer, struct story *story,
                       struct qr_wal_scan_result *result, quire_error *err)
{
    struct qr_wal_options options = log_options(layer);
    struct qr_wal *wal = NULL;
    quire_status status = qr_wal_open(&options, false, &wal, err);
    if (status == QUIRE_OK) {
        status = scan_story(wal, story, result, err);
    } else {
        cr_assert_null(wal);
    }
    qr_wal_close(wal);
    return status;
}

static struct qr_file *open_log(struct qr_file_layer *layer, unsigned flags)
{
    struct qr_file *file = NULL;
    must(layer->methods->open(layer, LOG_PATH, flags, &file, err));
    return file;
}

uint8_t *read_log(struct qr_file_layer *layer, size_t *size)
{
    struct qr_file *file = open_log(layer, QR_OPEN_READ);
    uint64_t length = 0;
    must(file->methods->size(file, &length, err));
    uint8_t *bytes = malloc((size_t)length + 1);
    cr_assert_not_null(bytes);
    must(file->methods->read(file, bytes, (size_t)length, 0, size, err));
    file->methods->close(file);
    return bytes;
}

void patch_log(struct qr_file_layer *layer, uint64_t offset, const void *bytes, size_t size)
{
    struct qr_file *file = open_log(layer, QR_OPEN_WRITE);
    must(qr_file_write_one(file, bytes, size, offset, err));
    file->methods->close(file);
}

void cut_log(struct qr_file_layer *layer, uint64_t size)
{
    struct qr_file *file = open_log(layer, QR_OPEN_WRITE);
    must(file->methods->truncate(file, size, err));
    file->methods->close(file);
}

void write_log(struct qr_file_layer *layer, const uint8_t *bytes, size_t size)
{
    struct qr_file *file = open_log(layer, QR_OPEN_WRITE | QR_OPEN_CREATE);
    must(file->methods->truncate(file, 0, err));
    must(qr_file_write_one(file, bytes, size, 0, err));
    must(file->methods->sync(file, err));
    file->methods->close(file);
    must(layer->methods->sync_directory(layer, LOG_PATH, err));
}

struct qr_file_layer *memory_layer(void)
{
    struct qr_file_layer *layer = NULL;
    must(qr_file_layer_memory_create(qr_allocator_default(), &layer, err));
    return layer;
}
