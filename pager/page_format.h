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
#define QR_PAGE_CHECKSUM 0     /* u64 XXH3-64 of the bytes from 8, seed = id low word ^ page number */
#define QR_PAGE_LSN 8          /* u64 sequence number of the commit that wrote it */
#define QR_PAGE_NUMBER 16      /* u32 own page number */
#define QR_PAGE_TYPE 20        /* u8 enum qr_page_type */
#define QR_PAGE_FLAGS 21       /* u8 meaning by type */
#define QR_PAGE_COUNT 22       /* u16 meaning by type: entries */
#define QR_PAGE_A 24           /* u16 meaning by type */
#define QR_PAGE_B 26           /* u16 meaning by type */
#define QR_PAGE_TREE 28        /* u32 id of the owning tree; 0 = none */
#define QR_PAGE_HEADER_SIZE 32 /* what the types own begins here */

#define QR_PAGE_SIZE_MIN 1024U
#define QR_PAGE_SIZE_MAX 32768U
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
