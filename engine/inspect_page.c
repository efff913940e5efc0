/*
 * One page by itself: checksum, number, type, and what its bytes say. Pure
 * functions but for what they add to the report; nothing read is trusted.
 */
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/hash.h"
#include "btree/btree_format.h"
#include "engine/inspect_internal.h"

const char *qr_page_type_name(unsigned type)
{
    static const char *const names[QR_PAGE_TYPES] = {
        [QR_PAGE_TYPE_NONE] = "none",
        [QR_PAGE_TYPE_HEADER] = "header",
        [QR_PAGE_TYPE_FREE_MAP] = "freeMap",
        [QR_PAGE_TYPE_ROW_LEAF] = "rowLeaf",
        [QR_PAGE_TYPE_ROW_INNER] = "rowInner",
        [QR_PAGE_TYPE_KEY_LEAF] = "keyLeaf",
        [QR_PAGE_TYPE_KEY_INNER] = "keyInner",
        [QR_PAGE_TYPE_OVERFLOW_INDEX] = "overflowIndex",
        [QR_PAGE_TYPE_OVERFLOW_DATA] = "overflowData",
        [QR_PAGE_TYPE_HASH_DIRECTORY] = "hashDirectory",
        [QR_PAGE_TYPE_HASH_BUCKET] = "hashBucket",
    };
    return type < QR_PAGE_TYPES ? names[type] : "unknown";
}

bool qr_page_is_map(uint32_t page_size, uint32_t page_number)
{
    return page_number % qr_free_map_bits(page_size) == QR_PAGE_NUMBER_FREE_MAP;
}

bool qr_page_is_zero(const uint8_t *page, uint32_t page_size)
{
    for (uint32_t i = 0; i < page_size; i++) {
        if (page[i] != 0) {
            return false;
        }
    }
    return true;
}

uint64_t qr_page_sum(const uint8_t *page, uint32_t page_size, uint32_t page_number,
                     const uint8_t id[16])
{
    uint64_t seed = page_number == QR_PAGE_NUMBER_HEADER ? 0 : qr_load64(id) ^ page_number;
    return qr_hash64(page + QR_PAGE_LSN, page_size - QR_PAGE_LSN, seed);
}

bool qr_page_check(quire_report *report, const uint8_t *page, uint32_t page_size,
                   uint32_t page_number)
{
    uint64_t offset = (uint64_t)page_number * page_size;
    unsigned type = page[QR_PAGE_TYPE];
    if (qr_page_number(page) != page_number) {
        qr_report_issue(report, QR_INSPECT_PAGE_NUMBER, page_number, offset + QR_PAGE_NUMBER, NULL,
                        "page %u says that it is page %u", page_number, qr_page_number(page));
        return false;
    }
    bool misplaced = (type == QR_PAGE_TYPE_HEADER) != (page_number == QR_PAGE_NUMBER_HEADER) ||
                     (type == QR_PAGE_TYPE_FREE_MAP) != qr_page_is_map(page_size, page_number);
    if (type >= QR_PAGE_TYPES || misplaced) {
        qr_report_issue(report, QR_INSPECT_PAGE_TYPE, page_number, offset + QR_PAGE_TYPE, NULL,
                        "page %u has type %u (%s), which cannot be there", page_number, type,
                        qr_page_type_name(type));
        return false;
    }
    return true;
}

/* ---- Description ---- */

void qr_page_describe_header(quire_report *report, const uint8_t *page)
{
    char id[33];
    for (unsigned i = 0; i < 16; i++) {
        (void)snprintf(id + 2 * i, 3, "%02x", page[QR_HEADER_ID + i]);
    }
    qr_fact_number(report, "format", qr_load32(page + QR_HEADER_FORMAT));
    qr_fact_number(report, "readerFormat", qr_load32(page + QR_HEADER_READER_FORMAT));
    qr_fact_number(report, "pageSize", qr_load32(page + QR_HEADER_PAGE_SIZE));
    qr_fact_flag(report, "clean", (page[QR_HEADER_FLAGS] & QR_HEADER_FLAG_CLEAN) != 0);
    qr_fact_text(report, "databaseId", id);
    qr_fact_number(report, "sequence", qr_load64(page + QR_HEADER_SEQUENCE));
    qr_fact_number(report, "pages", qr_load32(page + QR_HEADER_PAGES));
    qr_fact_number(report, "freePages", qr_load32(page + QR_HEADER_FREE_PAGES));
    qr_fact_number(report, "schemaCookie", qr_load64(page + QR_HEADER_WORD));
    qr_fact_number(report, "createdNs", qr_load64(page + QR_HEADER_CREATED));
    qr_fact_flag(report, "unsynced", qr_load64(page + QR_HEADER_BOOT) != 0);
}

static void describe_map(quire_report *report, const uint8_t *page, uint32_t page_size,
                         uint32_t page_number)
{
    uint64_t free_pages = 0;
    for (uint32_t i = QR_PAGE_HEADER_SIZE; i < page_size; i += 8) {
        free_pages += qr_bit_count(qr_load64(page + i));
    }
    qr_fact_number(report, "firstPage", page_number - QR_PAGE_NUMBER_FREE_MAP);
    qr_fact_number(report, "coveredPages", qr_free_map_bits(page_size));
    qr_fact_number(report, "freePages", free_pages);
}

static void describe_node(quire_report *report, const uint8_t *page)
{
    qr_fact_number(report, "entries", qr_page_count(page));
    qr_fact_number(report, "capacity", qr_load16(page + QR_PAGE_A));
    qr_fact_number(report, "heapBegin", qr_load16(page + QR_PAGE_B));
    qr_fact_number(report, "treeEntries", qr_load64(page + QR_NODE_ENTRIES));
    qr_fact_number(report, "deadBytes", qr_load16(page + QR_NODE_DEAD));
    qr_fact_number(report, "prefixBytes", qr_load16(page + QR_NODE_PREFIX));
}

static void describe_overflow(quire_report *report, const uint8_t *page)
{
    qr_fact_number(report, "runs", qr_page_count(page));
    qr_fact_number(report, "nextPage", qr_load32(page + QR_OVERFLOW_NEXT));
}

static void describe_directory(quire_report *report, const uint8_t *page)
{
    qr_fact_number(report, "entries", qr_load64(page + QR_HASH_ENTRIES));
    qr_fact_number(report, "cells", qr_load64(page + QR_HASH_CELLS));
    qr_fact_number(report, "cellBytes", qr_load64(page + QR_HASH_CELL_BYTES));
    qr_fact_number(report, "buckets", qr_load32(page + QR_HASH_BUCKETS));
    qr_fact_number(report, "depth", page[QR_HASH_DEPTH]);
}

static void describe_bucket(quire_report *report, const uint8_t *page)
{
    qr_fact_number(report, "cells", qr_page_count(page));
    qr_fact_number(report, "heapBegin", qr_load16(page + QR_PAGE_A));
    qr_fact_number(report, "deadBytes", qr_load16(page + QR_PAGE_B));
    qr_fact_number(report, "nextPage", qr_load32(page + QR_BUCKET_LINK));
    qr_fact_number(report, "bucket", qr_load32(page + QR_BUCKET_NUMBER));
    qr_fact_flag(report, "overflow", (page[QR_PAGE_FLAGS] & QR_BUCKET_OVERFLOW) != 0);
}

static void describe_content(quire_report *report, const uint8_t *page, uint32_t page_size,
                             uint32_t page_number)
{
    switch (page[QR_PAGE_TYPE]) {
    case QR_PAGE_TYPE_HEADER:
        qr_page_describe_header(report, page);
        break;
    case QR_PAGE_TYPE_FREE_MAP:
        describe_map(report, page, page_size, page_number);
        break;
    case QR_PAGE_TYPE_ROW_LEAF:
    case QR_PAGE_TYPE_ROW_INNER:
    case QR_PAGE_TYPE_KEY_LEAF:
    case QR_PAGE_TYPE_KEY_INNER:
        describe_node(report, page);
        break;
    case QR_PAGE_TYPE_OVERFLOW_INDEX:
        describe_overflow(report, page);
        break;
    case QR_PAGE_TYPE_HASH_DIRECTORY:
        describe_directory(report, page);
        break;
    case QR_PAGE_TYPE_HASH_BUCKET:
        describe_bucket(report, page);
        break;
    default:
        break;
    }
}

/* One line of sixteen bytes: offset, hex, printable characters. */
static void dump_line(char *line, size_t size, const uint8_t *bytes, uint32_t offset)
{
    size_t used = (size_t)snprintf(line, size, "%08x ", (unsigned)offset);
    for (unsigned i = 0; i < 16; i++) {
        used += (size_t)snprintf(line + used, size - used, i == 8 ? "  %02x" : " %02x", bytes[i]);
    }
    used += (size_t)snprintf(line + used, size - used, "  ");
    for (unsigned i = 0; i < 16; i++) {
        bool printable = bytes[i] >= 0x20 && bytes[i] < 0x7F;
        line[used++] = printable ? (char)bytes[i] : '.';
    }
    line[used] = '\0';
}

static void dump(quire_report *report, const uint8_t *page, uint32_t page_size)
{
    char line[96];
    bool skipped = false;
    qr_fact_open_list(report, "hexDump");
    for (uint32_t at = 0; at < page_size; at += 16) {
        /* Lines like the one before are left out, as hex dumps do. */
        bool same = at > 0 && at + 16 < page_size && memcmp(page + at, page + at - 16, 16) == 0;
        if (same && !skipped) {
            qr_fact_text(report, NULL, "*");
        } else if (!same) {
            dump_line(line, sizeof line, page + at, at);
            qr_fact_text(report, NULL, line);
        }
        skipped = same;
    }
    qr_fact_close(report);
}

void qr_page_describe(quire_report *report, const uint8_t *page, uint32_t page_size,
                      uint32_t page_number)
{
    char sum[17];
    (void)snprintf(sum, sizeof sum, "%016llx",
                   (unsigned long long)qr_load64(page + QR_PAGE_CHECKSUM));
    qr_fact_number(report, "page", page_number);
    qr_fact_number(report, "offset", (uint64_t)page_number * page_size);
    qr_fact_open(report, "header");
    qr_fact_text(report, "checksum", sum);
    qr_fact_number(report, "lsn", qr_page_lsn(page));
    qr_fact_number(report, "number", qr_page_number(page));
    qr_fact_text(report, "type", qr_page_type_name(page[QR_PAGE_TYPE]));
    qr_fact_number(report, "flags", page[QR_PAGE_FLAGS]);
    qr_fact_number(report, "tree", qr_page_tree(page));
    qr_fact_close(report);
    qr_fact_open(report, "content");
    describe_content(report, page, page_size, page_number);
    qr_fact_close(report);
    dump(report, page, page_size);
}
