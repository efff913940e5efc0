/*
 * The 32-byte header that every page of the database file begins with, and the
 * layout of page 0. All integers little-endian. docs/file-format.md is the
 * specification; this header is its transcription.
 */
#ifndef QR_PAGE_FORMAT_H
#define QR_PAGE_FORMAT_H

#include <assert.h>

#include "base/bytes.h"

/* Offsets in every page. */
#define QR_PAGE_CHECKSUM    0  /* u64 XXH3-64 of bytes 8.., seed = id low word ^ page number */
#define QR_PAGE_LSN         8  /* u64 sequence number of the commit that wrote it */
#define QR_PAGE_NUMBER      16 /* u32 own page number */
#define QR_PAGE_TYPE        20 /* u8 enum qr_page_type */
#define QR_PAGE_FLAGS       21 /* u8 meaning by type */
#define QR_PAGE_COUNT       22 /* u16 meaning by type: entries */
#define QR_PAGE_A           24 /* u16 meaning by type */
#define QR_PAGE_B           26 /* u16 meaning by type */
#define QR_PAGE_TREE        28 /* u32 id of the owning tree; 0 = none */
#define QR_PAGE_HEADER_SIZE 32 /* what the types own begins here */

#define QR_PAGE_SIZE_MIN     1024U
#define QR_PAGE_SIZE_MAX     32768U
#define QR_PAGE_SIZE_DEFAULT 4096U

enum qr_page_type {
    QR_PAGE_TYPE_NONE = 0,
    QR_PAGE_TYPE_HEADER = 1,
    QR_PAGE_TYPE_FREE_MAP = 2,
    QR_PAGE_TYPE_ROW_LEAF = 3,
    QR_PAGE_TYPE_ROW_INNER = 4,
    QR_PAGE_TYPE_KEY_LEAF = 5,
    QR_PAGE_TYPE_KEY_INNER = 6,
    QR_PAGE_TYPE_OVERFLOW_INDEX = 7,
    QR_PAGE_TYPE_OVERFLOW_DATA = 8,
    QR_PAGE_TYPE_HASH_DIRECTORY = 9,
    QR_PAGE_TYPE_HASH_BUCKET = 10
};

/* Offsets in page 0. Everything lies in its first 512 bytes; the rest is zero. */
#define QR_HEADER_MAGIC          32  /* 16 bytes QR_HEADER_MAGIC_BYTES */
#define QR_HEADER_FORMAT         48  /* u32 format the file is written in */
#define QR_HEADER_READER_FORMAT  52  /* u32 oldest format whose readers understand the file */
#define QR_HEADER_PAGE_SIZE      56  /* u32 bytes */
#define QR_HEADER_FLAGS          60  /* u32 QR_HEADER_FLAG_... */
#define QR_HEADER_ID             64  /* 16 random bytes; the low word seeds all checksums */
#define QR_HEADER_SEQUENCE       80  /* u64 newest sequence number when the page was written */
#define QR_HEADER_PAGES          88  /* u32 pages of the database */
#define QR_HEADER_FREE_PAGES     92  /* u32 of these, marked free */
#define QR_HEADER_CATALOG_ROOT   96  /* u32 always 1 */
#define QR_HEADER_FREE_MAP_FIRST 100 /* u32 always 2 */
#define QR_HEADER_WORD           104 /* 3 x u64 for the layers above */
#define QR_HEADER_CREATED        128 /* u64 nanoseconds since 1970 UTC */
#define QR_HEADER_BOOT           136 /* u64 start of the machine that goes unsynced, or 0 */
#define QR_HEADER_END            144

#define QR_HEADER_MAGIC_BYTES "Quire database\r\n"
#define QR_HEADER_MAGIC_SIZE  16U
#define QR_HEADER_FORMAT_NOW  1U

/* The file is complete without its log. Cleared on disk before the first commit is acknowledged. */
#define QR_HEADER_FLAG_CLEAN 1U

static_assert(sizeof QR_HEADER_MAGIC_BYTES == QR_HEADER_MAGIC_SIZE + 1, "magic is 16 bytes");
static_assert(QR_HEADER_END <= 512, "the header fits one sector");

/*
 * The free map: one bit a page, 1 = free. Map page k lies at page
 * 2 + k * bits and covers the pages k * bits to (k + 1) * bits - 1.
 */
static inline uint32_t qr_free_map_bits(uint32_t page_size)
{
    return (page_size - QR_PAGE_HEADER_SIZE) * 8;
}

static inline uint32_t qr_free_map_page(uint32_t page_size, uint32_t region)
{
    return 2 + region * qr_free_map_bits(page_size);
}

static inline enum qr_page_type qr_page_type(const uint8_t *page)
{
    return (enum qr_page_type)page[QR_PAGE_TYPE];
}

static inline uint32_t qr_page_number(const uint8_t *page)
{
    return qr_load32(page + QR_PAGE_NUMBER);
}

static inline uint64_t qr_page_lsn(const uint8_t *page)
{
    return qr_load64(page + QR_PAGE_LSN);
}

static inline uint32_t qr_page_tree(const uint8_t *page)
{
    return qr_load32(page + QR_PAGE_TREE);
}

static inline uint16_t qr_page_count(const uint8_t *page)
{
    return qr_load16(page + QR_PAGE_COUNT);
}

#endif
