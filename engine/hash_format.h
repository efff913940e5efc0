/*
 * The pages of a hash index (docs/file-format.md, "Hash index"). Integers are
 * little-endian.
 *
 * Linear hashing over `buckets` buckets: with 2^L <= buckets < 2^(L+1), a hash
 * h belongs to bucket h mod 2^(L+1), or h mod 2^L if there is no such bucket
 * yet. Hashes are SipHash-1-3 of the stored key under the index's secret.
 *
 * Directory (page type 9). The root, whose number is the index's,
 * holds the counters and the top of a radix tree of page numbers with `depth`
 * levels below it; its leaves are the buckets' first pages. Other directory
 * pages hold page numbers only, from the same offset.
 *
 *   32  u64 entries      rowids in the index
 *   40  u64 cells        in all buckets
 *   48  u64 cell_bytes   their sizes
 *   56  u32 buckets
 *   60  u8 depth         0: the root's numbers are buckets
 *   64  u32 number[fanout], fanout = largest power of two that fits
 *
 * Bucket (page type 10). Pages of one bucket are chained by `link`; flag 1 marks
 * those behind the first.
 *
 *   22  u16 cells (QR_PAGE_COUNT)
 *   24  u16 low: lowest byte used by a cell (QR_PAGE_A)
 *   26  u16 dead: bytes of deleted cells above it (QR_PAGE_B)
 *   32  u32 link, 0 = none
 *   36  u32 bucket
 *   40  u32 slot[page size / 16]: tag << 16 | offset of the cell; 0 = empty
 *       ... free ...
 *   low cells up to the end of the page
 *
 * The tag is bits 48..63 of the hash; a cell's slot is searched from
 * tag mod slots on, wrapping around, until an empty one.
 *
 * Cell: u16 key size | flags, varint, key bytes. Flag 0x8000: the varint is the
 * root of a tree of rowids (a row tree with empty payloads); else it is the
 * zigzag rowid. Flag 0x4000: the key is cut.
 */
#ifndef QR_HASH_FORMAT_H
#define QR_HASH_FORMAT_H

#include "base/bits.h"
#include "btree/btree.h"
#include "pager/page_format.h"

#define QR_HASH_ENTRIES    32
#define QR_HASH_CELLS      40
#define QR_HASH_CELL_BYTES 48
#define QR_HASH_BUCKETS    56
#define QR_HASH_DEPTH      60
#define QR_HASH_NUMBERS    64
#define QR_HASH_DEPTH_MAX  3U

#define QR_BUCKET_LINK      32
#define QR_BUCKET_NUMBER    36
#define QR_BUCKET_SLOTS     40
#define QR_BUCKET_OVERFLOW  1U /* page flag */
#define QR_CELL_POSTING     0x8000U
#define QR_CELL_CUT         0x4000U
#define QR_CELL_SIZE_MASK   0x3FFFU
#define QR_CELL_HEADER_SIZE 2U

/* More rowids than this of one key move to a tree of their own. */
#define QR_HASH_INLINE_MAX 16U

/* log2 of the numbers in a directory page: 7 at 1,024 bytes, 12 at 32,768. */
static inline unsigned qr_hash_fanout_log2(uint32_t page_size)
{
    return qr_highest_bit((page_size - QR_HASH_NUMBERS) / 4);
}

static inline uint32_t qr_bucket_slots(uint32_t page_size)
{
    return page_size / 16;
}

/* Where the cells may begin. */
static inline uint32_t qr_bucket_heap(uint32_t page_size)
{
    return QR_BUCKET_SLOTS + 4 * qr_bucket_slots(page_size);
}

/* A full slot array makes searches long: one eighth stays empty. */
static inline uint32_t qr_bucket_cells_max(uint32_t page_size)
{
    return qr_bucket_slots(page_size) / 8 * 7;
}

static_assert(QR_KEY_MAX(QR_PAGE_SIZE_MAX) <= QR_CELL_SIZE_MASK, "a key's size fits its field");
static_assert(QR_CELL_HEADER_SIZE + QR_VARINT_MAX + QR_KEY_MAX(QR_PAGE_SIZE_MIN) <
                  QR_PAGE_SIZE_MIN - QR_BUCKET_SLOTS - QR_PAGE_SIZE_MIN / 4,
              "an empty bucket holds the longest cell");

#endif
