/*
 * A small log for tests: pages of 1 KiB, segments of 7 frames, and a story of
 * groups whose every byte follows from the group's number, so that what a scan
 * delivers can be checked without keeping it.
 */
#ifndef QUIRE_TESTS_WAL_FIXTURE_H
#define QUIRE_TESTS_WAL_FIXTURE_H

#include <criterion/criterion.h>

#include "wal/wal.h"
#include "wal/wal_format.h"

#define LOG_PATH    "test.db-wal"
#define LOG_PAGE    1024U
#define LOG_SEGMENT 8192U
#define LOG_FRAMES  7U /* in a segment */
#define LOG_FRAME   (QR_FRAME_HEADER_SIZE + LOG_PAGE)
#define GROUP_MAX   64U
#define FRAME_AT(s, i)                                                                             \
    (QR_LOG_SEGMENTS_BEGIN + (uint64_t)(s)*LOG_SEGMENT + QR_SEGMENT_HEADER_SIZE +                  \
     (uint64_t)(i)*LOG_FRAME)
#define SEGMENT_AT(s) (QR_LOG_SEGMENTS_BEGIN + (uint64_t)(s)*LOG_SEGMENT)

extern const uint8_t log_id[16];

/* Options over a layer; eight segments at most. */
struct qr_wal_options log_options(struct qr_file_layer *layer);

/* Group `number` has a length and pages that follow from its number, its lsn is the number, its
 * commit mark 100 + number. */
uint32_t group_length(uint64_t number);
uint32_t group_page_number(uint64_t number, uint32_t index);
void build_page(uint8_t *page, uint32_t page_number, uint64_t lsn);

/* Appends group `number` with one call; reserves first. */
quire_status append_group(struct qr_wal *wal, uint64_t number, bool synced_before,
                          quire_error *err);
/* The same with `length` frames instead of the number's own. */
quire_status append_group_of(struct qr_wal *wal, uint64_t number, uint32_t length,
                             bool synced_before, quire_error *err);

/* What a scan delivered: a run of whole groups first..last, or none (first > last). */
struct story {
    uint64_t first, last;
    uint64_t frames;
    uint32_t length; /* 0 = the groups' own lengths */
    uint32_t next;   /* index of the frame expected next in group last + 1 */
};

/* Scans and checks that the frames are whole groups of the story in order. Criterion fails when
 * they are not. */
quire_status scan_story(struct qr_wal *wal, struct story *story, struct qr_wal_scan_result *result,
                        quire_error *err);
/* Opens for writing, scans, closes. */
quire_status scan_file(struct qr_file_layer *layer, struct story *story,
                       struct qr_wal_scan_result *result, quire_error *err);

/* The whole file of a layer. */
uint8_t *read_log(struct qr_file_layer *layer, size_t *size);
void patch_log(struct qr_file_layer *layer, uint64_t offset, const void *bytes, size_t size);
void cut_log(struct qr_file_layer *layer, uint64_t size);
void write_log(struct qr_file_layer *layer, const uint8_t *bytes, size_t size);

struct qr_file_layer *memory_layer(void);

#define must(call)                                                                                 \
    do {                                                                                           \
        quire_error must_err = QUIRE_ERROR_INIT;                                                   \
        quire_error *err = &must_err;                                                              \
        quire_status must_status = (call);                                                         \
        cr_assert_eq(must_status, QUIRE_OK, "%s: %s", #call, must_err.message);                    \
    } while (0)

#endif
