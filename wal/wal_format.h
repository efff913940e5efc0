/*
 * The bytes of the write-ahead log. All integers little-endian.
 * docs/wal-format.md is the specification; this header is its transcription.
 *
 *   0      log header, 32 bytes, then zeros up to 4096
 *   4096   segment 0: segment header, frame, frame, ...
 *   4096 + segment size * k: segment k
 */
#ifndef QR_WAL_FORMAT_H
#define QR_WAL_FORMAT_H

#include <assert.h>

#include "base/bytes.h"

/* Log header. */
#define QR_LOG_MAGIC         0  /* u32 QR_LOG_MAGIC_VALUE */
#define QR_LOG_VERSION       4  /* u8 */
#define QR_LOG_PAGE_SHIFT    5  /* u8 log2 of the page size */
#define QR_LOG_SEGMENT_SHIFT 6  /* u8 log2 of the segment size */
#define QR_LOG_FLAGS         7  /* u8 zero in version 1 */
#define QR_LOG_DATABASE_ID   8  /* 16 bytes */
#define QR_LOG_CHECKSUM      24 /* u64 XXH3-64 of bytes 0..23, seed 0 */
#define QR_LOG_HEADER_SIZE   32

#define QR_LOG_MAGIC_VALUE   UINT32_C(0x474F4C51) /* "QLOG" */
#define QR_LOG_VERSION_VALUE 1U
#define QR_DATABASE_ID_SIZE  16

/* The first segment starts one block after the log header, so that no write to a segment touches
 * the header's block. */
#define QR_LOG_SEGMENTS_BEGIN UINT64_C(4096)

/* Segment header. */
#define QR_SEGMENT_MAGIC       0  /* u32 QR_SEGMENT_MAGIC_VALUE */
#define QR_SEGMENT_VERSION     4  /* u16 */
#define QR_SEGMENT_STATE       6  /* u16 enum qr_segment_disk_state */
#define QR_SEGMENT_GENERATION  8  /* u64 LIVE: its own; FREE: newest retired one */
#define QR_SEGMENT_SALT        16 /* u32 LIVE: of its frames; FREE: of its next frames */
#define QR_SEGMENT_PREV_FRAMES 20 /* u32 LIVE: frames in the generation before; FREE: 0 */
#define QR_SEGMENT_CHECKSUM    24 /* u64 XXH3-64 of bytes 0..23, seed = id low word */
#define QR_SEGMENT_HEADER_SIZE 32

#define QR_SEGMENT_MAGIC_VALUE   UINT32_C(0x47455351) /* "QSEG" */
#define QR_SEGMENT_VERSION_VALUE 1U

enum qr_segment_disk_state { QR_SEGMENT_FREE = 0, QR_SEGMENT_LIVE = 1 };

/* Frame header; the page image follows it. */
#define QR_FRAME_PAGE_NUMBER 0  /* u32 */
#define QR_FRAME_COMMIT      4  /* u32 pages of the database after the group; 0 = not its last */
#define QR_FRAME_SALT        8  /* u32 of its segment */
#define QR_FRAME_INDEX       12 /* u32 position in the segment, and the flag in the top bit */
#define QR_FRAME_CHECKSUM    16 /* u64 XXH3-64 of bytes 0..15 and the page's checksum, chained */
#define QR_FRAME_HEADER_SIZE 24

/* In QR_FRAME_INDEX: everything before this frame was synced when it was written. Only the first
 * frame of a group carries it. */
#define QR_FRAME_SYNCED_BEFORE UINT32_C(0x80000000)

/* Page numbers from here on are kept for frames that are not pages. */
#define QR_FRAME_PAGE_NUMBER_END UINT32_C(0xFFFFFF00)
/* What such a frame holds in place of a page is a pack: changes of several pages. */
#define QR_FRAME_PACK UINT32_C(0xFFFFFF01) /* QR_WAL_PACK */

/* A pack, as large as a page. Checksum and lsn are where a page has them; the lsn is the largest of
 * its records. */
#define QR_PACK_NUMBER      16 /* u32 QR_FRAME_PACK */
#define QR_PACK_RECORDS     20 /* u16 how many follow one another */
#define QR_PACK_RESERVED    22 /* u16 0 */
#define QR_PACK_USED        24 /* u32 bytes up to the end of the last record; zeros follow */
#define QR_PACK_RESERVED2   28 /* u32 0 */
#define QR_PACK_HEADER_SIZE 32

/* A record of a pack: how one page came from its version before. Ranges follow it. */
#define QR_RECORD_PAGE_NUMBER 0  /* u32 */
#define QR_RECORD_SIZE        4  /* u16 bytes, this header and the ranges */
#define QR_RECORD_RANGES      6  /* u16 how many, at least one */
#define QR_RECORD_BASE_LSN    8  /* u64 of the version that is changed */
#define QR_RECORD_LSN         16 /* u64 of the version that comes of it, above the other */
#define QR_RECORD_HEADER_SIZE 24

/* A range: where in the page, how long, and then the bytes that are there now. */
#define QR_RANGE_OFFSET      0 /* u16 at least 16: checksum and lsn are not in ranges */
#define QR_RANGE_SIZE        2 /* u16 at least 1 */
#define QR_RANGE_HEADER_SIZE 4

/* What the log reads of a page. */
#define QR_WAL_PAGE_CHECKSUM 0 /* u64 XXH3-64 of the bytes from 8 */
#define QR_WAL_PAGE_LSN      8 /* u64 */

#define QR_LOG_PAGE_SHIFT_MIN    10U
#define QR_LOG_PAGE_SHIFT_MAX    15U
#define QR_LOG_SEGMENT_SHIFT_MIN 12U
#define QR_LOG_SEGMENT_SHIFT_MAX 30U

static_assert(QR_LOG_DATABASE_ID + QR_DATABASE_ID_SIZE == QR_LOG_CHECKSUM, "log header is packed");
static_assert(QR_LOG_CHECKSUM + 8 == QR_LOG_HEADER_SIZE, "the checksum ends the log header");
static_assert(QR_SEGMENT_CHECKSUM + 8 == QR_SEGMENT_HEADER_SIZE,
              "the checksum ends the segment header");
static_assert(QR_FRAME_CHECKSUM + 8 == QR_FRAME_HEADER_SIZE, "the checksum ends the frame header");
static_assert((QR_LOG_SEGMENTS_BEGIN & 511) == 0, "a segment header lies within one sector");

/* The sizes that follow from page size and segment size. */
struct qr_log_geometry {
    uint32_t page_size;     /* bytes */
    uint32_t segment_bytes; /* bytes */
    uint32_t frame_bytes;   /* frame header and page */
    uint32_t frames;        /* in a segment */
};

static inline struct qr_log_geometry qr_log_geometry(uint32_t page_size, uint32_t segment_bytes)
{
    struct qr_log_geometry g = {page_size, segment_bytes, QR_FRAME_HEADER_SIZE + page_size, 0};
    g.frames = segment_bytes < QR_SEGMENT_HEADER_SIZE
                   ? 0
                   : (segment_bytes - QR_SEGMENT_HEADER_SIZE) / g.frame_bytes;
    return g;
}

/* Offsets in the log file. */
static inline uint64_t qr_segment_offset(const struct qr_log_geometry *g, uint32_t segment)
{
    return QR_LOG_SEGMENTS_BEGIN + (uint64_t)segment * g->segment_bytes;
}

static inline uint64_t qr_frame_offset(const struct qr_log_geometry *g, uint32_t segment,
                                       uint32_t index)
{
    return qr_segment_offset(g, segment) + QR_SEGMENT_HEADER_SIZE +
           (uint64_t)index * g->frame_bytes;
}

#endif
