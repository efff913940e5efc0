/*
 * The example of docs/wal-format.md, byte for byte: a reader that no longer
 * takes it has changed the format.
 */
#include <string.h>

#include "base/hash.h"
#include "wal_fixture.h"

struct row {
    uint32_t offset;
    uint8_t bytes[16];
};

static const struct row example[] = {
    {0x0000,
     {0x51, 0x4c, 0x4f, 0x47, 1, 0x0a, 0x0c, 0, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17}},
    {0x0010,
     {0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x97, 0x3e, 0x57, 0x7f, 0xe1, 0x36, 0xe9,
      0x25}},
    {0x1000, {0x51, 0x53, 0x45, 0x47, 1, 0, 1, 0, 1}},
    {0x1010, {0xd8, 0x16, 0xdc, 0x15, 0, 0, 0, 0, 0x30, 0xae, 0x0f, 0x4b, 0xf8, 0xca, 0x01, 0x94}},
    {0x1020, {0, 0, 0, 0, 0, 0, 0, 0, 0xd8, 0x16, 0xdc, 0x15, 0, 0, 0, 0x80}},
    {0x1030,
     {0x5f, 0xce, 0xee, 0x12, 0x2e, 0xd0, 0xef, 0x7e, 0x7b, 0xb6, 0xfb, 0x67, 0xe6, 0x37, 0x5a,
      0xfb}},
    {0x1040, {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
    {0x1430, {0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4}},
    {0x1440, {0xd8, 0x16, 0xdc, 0x15, 1, 0, 0, 0, 0xa0, 0x17, 0x57, 0xa7, 0xa6, 0x0d, 0x7a, 0x85}},
    {0x1450, {0xd0, 0x69, 0xb4, 0x9e, 0x59, 0x45, 0x5b, 0xf6, 1}},
    {0x1460, {3, 0, 0, 0, 3}},
    {0x2000, {0x51, 0x53, 0x45, 0x47, 1}},
    {0x2010, {0xf0, 0x40, 0x0e, 0x18, 0, 0, 0, 0, 0xcf, 0xe2, 0x4a, 0x6e, 0x05, 0x17, 0x6f, 0xb7}},
    {0x3000, {0x51, 0x53, 0x45, 0x47, 1}},
    {0x3010, {0x12, 0xf8, 0xd2, 0x2d, 0, 0, 0, 0, 0x1c, 0x34, 0x8c, 0x79, 0x38, 0x93, 0x2f, 0x5d}},
};

static void lay_out(uint8_t image[0x4000])
{
    memset(image, 0, 0x4000);
    for (size_t i = 0; i < sizeof example / sizeof example[0]; i++) {
        memcpy(image + example[i].offset, example[i].bytes, sizeof example[i].bytes);
    }
}

struct seen {
    uint32_t count;
    uint32_t page_numbers[4];
    uint64_t offsets[4];
};

static quire_status visit(void *context, const struct qr_wal_frame *frame, quire_error *err)
{
    (void)err;
    struct seen *seen = context;
    cr_assert_lt(seen->count, 4);
    cr_assert_eq(frame->generation, 1);
    cr_assert_eq(frame->index, seen->count);
    seen->page_numbers[seen->count] = frame->page_number;
    seen->offsets[seen->count++] = frame->offset;
    return QUIRE_OK;
}

Test(wal_format, documented_example__is_read_as_documented)
{
    uint8_t image[0x4000];
    lay_out(image);
    struct qr_file_layer *layer = memory_layer();
    write_log(layer, image, sizeof image);
    struct qr_wal_options options = log_options(layer);
    for (size_t i = 0; i < sizeof options.database_id; i++) {
        options.database_id[i] = (uint8_t)(0x10 + i);
    }
    struct qr_wal *wal = NULL;
    struct seen seen = {0};
    struct qr_wal_scan_result result;
    must(qr_wal_open(&options, true, &wal, err));
    must(qr_wal_scan(wal, visit, &seen, &result, err));
    cr_assert_eq(seen.count, 2);
    cr_assert_eq(seen.page_numbers[0], 0);
    cr_assert_eq(seen.page_numbers[1], 3);
    cr_assert_eq(seen.offsets[0], 0x1020);
    cr_assert_eq(seen.offsets[1], 0x1438);
    cr_assert_eq(result.groups, 1);
    cr_assert_eq(result.pages, 4);
    cr_assert_eq(result.last_lsn, 1);
    cr_assert_not(result.torn);
    qr_wal_close(wal);
    qr_file_layer_memory_destroy(layer);
}

Test(wal_format, documented_checksums__follow_from_the_documented_rules)
{
    uint8_t image[0x4000];
    lay_out(image);
    uint64_t idw = UINT64_C(0x1716151413121110);
    cr_assert_eq(qr_load64(image + 24), qr_hash64(image, 24, 0));
    cr_assert_eq(qr_load64(image + 0x1018), qr_hash64(image + 0x1000, 24, idw));
    cr_assert_eq(qr_load64(image + 0x1038), qr_hash64(image + 0x1040, 1016, 0));
    cr_assert_eq(qr_load64(image + 0x1450), qr_hash64(image + 0x1458, 1016, idw ^ 3));
    uint8_t hashed[24];
    memcpy(hashed, image + 0x1438, 16);
    memcpy(hashed + 16, image + 0x1450, 8);
    cr_assert_eq(qr_load64(image + 0x1448), qr_hash64(hashed, 24, UINT64_C(0x7EEFD02E12EECE5F)));
    cr_assert_eq(qr_load64(image + 0x1030), UINT64_C(0x7EEFD02E12EECE5F));
}

Test(wal_format, geometry__matches_the_formula)
{
    struct qr_log_geometry g = qr_log_geometry(4096, UINT32_C(4) << 20);
    cr_assert_eq(g.frame_bytes, 4120);
    cr_assert_eq(g.frames, 1018);
    cr_assert_eq(qr_segment_offset(&g, 0), 4096);
    cr_assert_eq(qr_frame_offset(&g, 2, 3), 4096 + 2 * (UINT64_C(4) << 20) + 32 + 3 * 4120);
    cr_assert_eq(qr_log_geometry(1024, 16).frames, 0);
}
