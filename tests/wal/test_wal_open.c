/*
 * Opening: every way in which a file is not the log that was asked for has a
 * name, and a log may be read beside the one who writes it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "wal_fixture.h"

static struct qr_file_layer *layer_with_log(void)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal_options options = log_options(layer);
    struct qr_wal *wal = NULL;
    must(qr_wal_create(&options, &wal, err));
    must(append_group(wal, 1, true, err));
    must(qr_wal_sync(wal, err));
    qr_wal_close(wal);
    return layer;
}

static quire_status open_with(const struct qr_wal_options *options, quire_error *err)
{
    struct qr_wal *wal = NULL;
    quire_status status = qr_wal_open(options, false, &wal, err);
    cr_assert_eq(wal == NULL, status != QUIRE_OK);
    qr_wal_close(wal);
    return status;
}

/* Changes a byte of the log header and makes its checksum good again. */
static void forge_header(struct qr_file_layer *layer, uint32_t at, uint8_t value)
{
    size_t size;
    uint8_t *bytes = read_log(layer, &size);
    bytes[at] = value;
    qr_store64(bytes + QR_LOG_CHECKSUM, qr_hash64(bytes, QR_LOG_CHECKSUM, 0));
    patch_log(layer, 0, bytes, QR_LOG_HEADER_SIZE);
    free(bytes);
}

Test(wal_open, create__refuses_an_existing_file)
{
    struct qr_file_layer *layer = layer_with_log();
    struct qr_wal_options options = log_options(layer);
    struct qr_wal *wal = NULL;
    quire_error error = QUIRE_ERROR_INIT;
    cr_assert_eq(qr_wal_create(&options, &wal, &error), QUIRE_EXISTS);
    cr_assert_null(wal);
    struct story story = {0};
    struct qr_wal_scan_result result;
    must(scan_file(layer, &story, &result, err));
    cr_assert_eq(story.last, 1, "the file that was there is untouched");
    qr_file_layer_memory_destroy(layer);
}

Test(wal_open, create__refuses_impossible_sizes)
{
    struct qr_file_layer *layer = memory_layer();
    uint32_t sizes[][2] = {{1000, 8192},
                           {1024, 1024},
                           {1024, 5000},
                           {32768, 32768},
                           {512, 8192},
                           {65536, 1 << 20},
                           {1024, UINT32_C(1) << 31}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct qr_wal_options options = log_options(layer);
        struct qr_wal *wal = NULL;
        quire_error error = QUIRE_ERROR_INIT;
        options.page_size = sizes[i][0];
        options.segment_bytes = sizes[i][1];
        cr_assert_eq(qr_wal_create(&options, &wal, &error), QUIRE_MISUSE, "case %zu", i);
    }
    bool exists = true;
    must(layer->methods->exists(layer, LOG_PATH, &exists, err));
    cr_assert_not(exists);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_open, geometry__follows_from_every_pair_of_sizes)
{
    for (uint32_t page = 1024; page <= 32768; page *= 2) {
        struct qr_file_layer *layer = memory_layer();
        struct qr_wal_options options = log_options(layer);
        options.page_size = page;
        options.segment_bytes = page * 4;
        struct qr_wal *wal = NULL;
        must(qr_wal_create(&options, &wal, err));
        struct qr_wal_stats stats;
        qr_wal_get_stats(wal, &stats);
        cr_assert_eq(stats.file_bytes, 4096 + 4 * (uint64_t)options.segment_bytes);
        cr_assert_eq(qr_log_geometry(page, page * 4).frames, 3);
        qr_wal_close(wal);
        uint8_t id[16];
        uint32_t found;
        must(qr_wal_identify(layer, LOG_PATH, id, &found, err));
        cr_assert_eq(found, page);
        cr_assert_eq(memcmp(id, log_id, 16), 0);
        qr_file_layer_memory_destroy(layer);
    }
}

Test(wal_open, missing_file__is_no_file)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal_options options = log_options(layer);
    quire_error error = QUIRE_ERROR_INIT;
    cr_assert_eq(open_with(&options, &error), QUIRE_NO_FILE);
    uint8_t id[16];
    uint32_t page;
    cr_assert_eq(qr_wal_identify(layer, LOG_PATH, id, &page, &error), QUIRE_NO_FILE);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_open, unfinished_creation__is_log_missing)
{
    struct qr_file_layer *layer = layer_with_log();
    struct qr_wal_options options = log_options(layer);
    quire_error error = QUIRE_ERROR_INIT;
    uint8_t zeros[QR_LOG_HEADER_SIZE] = {0};
    for (size_t size = 0; size <= sizeof zeros; size++) {
        write_log(layer, zeros, size);
        cr_assert_eq(open_with(&options, &error), QUIRE_LOG_MISSING, "%zu zeros", size);
        uint8_t id[16];
        uint32_t page;
        cr_assert_eq(qr_wal_identify(layer, LOG_PATH, id, &page, &error), QUIRE_LOG_MISSING);
    }
    qr_file_layer_memory_destroy(layer);
}

Test(wal_open, zeroed_header_over_live_segments__is_damage)
{
    struct qr_file_layer *layer = layer_with_log();
    struct qr_wal_options options = log_options(layer);
    quire_error error = QUIRE_ERROR_INIT;
    uint8_t zeros[QR_LOG_HEADER_SIZE] = {0};
    patch_log(layer, 0, zeros, sizeof zeros);
    cr_assert_eq(open_with(&options, &error), QUIRE_CORRUPT);
    cr_assert_eq(error.offset, SEGMENT_AT(0));
    qr_file_layer_memory_destroy(layer);
}

Test(wal_open, wrong_header__has_a_name)
{
    struct {
        uint32_t at;
        uint8_t value;
        bool forged;
        quire_status status;
    } cases[] = {
        {QR_LOG_MAGIC, 'X', true, QUIRE_CORRUPT},
        {QR_LOG_VERSION, 2, true, QUIRE_FORMAT_VERSION},
        {QR_LOG_FLAGS, 1, true, QUIRE_FORMAT_VERSION},
        {QR_LOG_PAGE_SHIFT, 12, true, QUIRE_LOG_MISMATCH},
        {QR_LOG_PAGE_SHIFT, 60, true, QUIRE_CORRUPT},
        {QR_LOG_SEGMENT_SHIFT, 200, true, QUIRE_CORRUPT},
        {QR_LOG_SEGMENT_SHIFT, 4, true, QUIRE_CORRUPT},
        {QR_LOG_DATABASE_ID, 0x55, true, QUIRE_LOG_MISMATCH},
        {QR_LOG_DATABASE_ID + 15, 0x55, true, QUIRE_LOG_MISMATCH},
        {QR_LOG_VERSION, 2, false, QUIRE_CORRUPT},
        {QR_LOG_CHECKSUM, 0, false, QUIRE_CORRUPT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qr_file_layer *layer = layer_with_log();
        struct qr_wal_options options = log_options(layer);
        quire_error error = QUIRE_ERROR_INIT;
        if (cases[i].forged) {
            forge_header(layer, cases[i].at, cases[i].value);
        } else {
            size_t size;
            uint8_t *bytes = read_log(layer, &size);
            uint8_t value = (uint8_t)(bytes[cases[i].at] ^ 0x81);
            patch_log(layer, cases[i].at, &value, 1);
            free(bytes);
        }
        cr_assert_eq(open_with(&options, &error), cases[i].status, "case %zu: %s", i,
                     error.message);
        cr_assert_str_not_empty(error.message);
        cr_assert_str_eq(error.file, LOG_PATH);
        qr_file_layer_memory_destroy(layer);
    }
}

Test(wal_open, any_32_bytes__never_crash)
{
    struct qr_file_layer *layer = layer_with_log();
    struct qr_wal_options options = log_options(layer);
    uint64_t state = 1;
    for (int i = 0; i < 2000; i++) {
        uint8_t bytes[QR_LOG_HEADER_SIZE];
        for (size_t k = 0; k < sizeof bytes; k += 8) {
            state = state * UINT64_C(6364136223846793005) + 1442695040888963407U;
            qr_store64(bytes + k, state);
        }
        qr_store32(bytes, QR_LOG_MAGIC_VALUE);
        bytes[QR_LOG_VERSION] = 1;
        bytes[QR_LOG_FLAGS] = 0;
        qr_store64(bytes + QR_LOG_CHECKSUM, qr_hash64(bytes, QR_LOG_CHECKSUM, 0));
        patch_log(layer, 0, bytes, sizeof bytes);
        quire_error error = QUIRE_ERROR_INIT;
        cr_assert_neq(open_with(&options, &error), QUIRE_OK);
    }
    qr_file_layer_memory_destroy(layer);
}

Test(wal_open, read_only__writes_nothing_and_refuses_changes)
{
    struct qr_file_layer *layer = layer_with_log();
    struct qr_wal_options options = log_options(layer);
    size_t size;
    uint8_t *before = read_log(layer, &size);
    struct qr_wal *wal = NULL;
    struct story story = {0};
    struct qr_wal_scan_result result;
    quire_error error = QUIRE_ERROR_INIT;
    enum qr_wal_room room;
    must(qr_wal_open(&options, true, &wal, err));
    must(scan_story(wal, &story, &result, err));
    cr_assert_eq(story.last, 1);
    cr_assert_eq(qr_wal_harden(wal, &error), QUIRE_READ_ONLY);
    cr_assert_eq(qr_wal_reset(wal, &error), QUIRE_READ_ONLY);
    cr_assert_eq(qr_wal_reserve(wal, 1, &room, &error), QUIRE_READ_ONLY);
    cr_assert_eq(qr_wal_sync(wal, &error), QUIRE_READ_ONLY);
    cr_assert_eq(qr_wal_release(wal, 9, &error), QUIRE_READ_ONLY);
    cr_assert_eq(append_group(wal, 2, true, &error), QUIRE_READ_ONLY);
    qr_wal_close(wal);
    size_t after_size;
    uint8_t *after = read_log(layer, &after_size);
    cr_assert_eq(size, after_size);
    cr_assert_eq(memcmp(before, after, size), 0);
    free(before);
    free(after);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_open, read_only__follows_an_appender_through_growth_and_release)
{
    struct qr_file_layer *layer = memory_layer();
    struct qr_wal_options options = log_options(layer);
    struct qr_wal *writer = NULL;
    struct qr_wal *reader = NULL;
    must(qr_wal_create(&options, &writer, err));
    must(qr_wal_open(&options, true, &reader, err));
    uint64_t released = 0;
    for (uint64_t i = 1; i <= 60; i++) {
        must(append_group(writer, i, true, err));
        must(qr_wal_sync(writer, err));
        struct story story = {0};
        struct qr_wal_scan_result result;
        must(scan_story(reader, &story, &result, err));
        cr_assert_eq(story.last, i);
        cr_assert_eq(story.first, released + 1);
        if (i % 9 == 0) {
            qr_wal_seal(writer);
            must(qr_wal_release(writer, UINT64_MAX, err));
            released = i;
        }
    }
    qr_wal_close(reader);
    qr_wal_close(writer);
    qr_file_layer_memory_destroy(layer);
}
