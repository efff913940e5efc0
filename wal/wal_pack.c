/*
 * Packs as bytes. Two images are compared word by word; the words that differ
 * become ranges, runs of them one range.
 */
#include "wal/wal_pack.h"

#include <string.h>

#include "base/bits.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/simd.h"
#include "wal/wal_format.h"

/* What is not compared: checksum and lsn, which every change changes. */
#define COMPARED_FROM 16U

#define WORD      8U
#define WORDS_MAX ((UINT32_C(1) << QR_LOG_PAGE_SHIFT_MAX) / WORD)

/* A larger change is better logged as an image, which costs no base to redo. */
static uint32_t record_size_max(uint32_t page_size)
{
    return page_size / 4;
}

void qr_pack_begin(struct qr_pack_writer *writer, uint8_t *pack, uint32_t page_size)
{
    *writer =
        (struct qr_pack_writer){.pack = pack, .page_size = page_size, .used = QR_PACK_HEADER_SIZE};
}

/* The next run of set bits at or after *from: [*from, *end). */
static bool next_run(const uint64_t *bits, uint32_t count, uint32_t *from, uint32_t *end)
{
    uint32_t i = *from;
    while (i < count) {
        uint64_t word = bits[i / 64] >> (i % 64);
        if (word != 0) {
            i += qr_lowest_bit(word);
            break;
        }
        i = (i / 64 + 1) * 64;
    }
    if (i >= count) {
        return false;
    }
    *from = i;
    while (i < count) {
        uint64_t word = ~bits[i / 64] >> (i % 64);
        if (word != 0) {
            i += qr_lowest_bit(word);
            break;
        }
        i = (i / 64 + 1) * 64;
    }
    *end = i < count ? i : count;
    return true;
}

/* Writes the ranges of the words in `bits` to `out`. Returns their bytes, 0 when they are more than
 * `room`. */
static uint32_t put_ranges(const uint64_t *bits, uint32_t words, const uint8_t *page, uint8_t *out,
                           uint32_t room, uint32_t *ranges)
{
    uint32_t used = 0;
    uint32_t end = 0;
    *ranges = 0;
    for (uint32_t from = 0; next_run(bits, words, &from, &end); from = end) {
        uint32_t size = (end - from) * WORD;
        if (used + QR_RANGE_HEADER_SIZE + size > room) {
            return 0;
        }
        qr_store16(out + used + QR_RANGE_OFFSET, (uint16_t)(from * WORD));
        qr_store16(out + used + QR_RANGE_SIZE, (uint16_t)size);
        memcpy(out + used + QR_RANGE_HEADER_SIZE, page + (size_t)from * WORD, size);
        used += QR_RANGE_HEADER_SIZE + size;
        ++*ranges;
    }
    return used;
}

enum qr_pack_added qr_pack_add(struct qr_pack_writer *writer, uint32_t page_number,
                               const uint8_t *base, const uint8_t *page)
{
    uint64_t bits[WORDS_MAX / 64];
    uint32_t words = writer->page_size / WORD;
    uint32_t most = record_size_max(writer->page_size);
    uint32_t left = writer->page_size - writer->used;
    uint32_t room = left < most ? left : most;
    uint32_t ranges = 0;
    uint64_t lsn = qr_load64(page + QR_WAL_PAGE_LSN);
    QR_ASSERT(lsn > qr_load64(base + QR_WAL_PAGE_LSN));
    if (room <= QR_RECORD_HEADER_SIZE) {
        return QR_PACK_FULL;
    }
    qr_simd()->differing_words(base, page, words, bits);
    bits[0] &= ~UINT64_C(0) << (COMPARED_FROM / WORD);
    bits[0] |= UINT64_C(1) << (COMPARED_FROM / WORD); /* a record changes something */
    uint8_t *record = writer->pack + writer->used;
    uint32_t size = put_ranges(bits, words, page, record + QR_RECORD_HEADER_SIZE,
                               room - QR_RECORD_HEADER_SIZE, &ranges);
    if (size == 0) {
        return room < most ? QR_PACK_FULL : QR_PACK_LARGE;
    }
    size += QR_RECORD_HEADER_SIZE;
    qr_store32(record + QR_RECORD_PAGE_NUMBER, page_number);
    qr_store16(record + QR_RECORD_SIZE, (uint16_t)size);
    qr_store16(record + QR_RECORD_RANGES, (uint16_t)ranges);
    qr_store64(record + QR_RECORD_BASE_LSN, qr_load64(base + QR_WAL_PAGE_LSN));
    qr_store64(record + QR_RECORD_LSN, lsn);
    writer->used += size;
    writer->records++;
    writer->lsn = lsn > writer->lsn ? lsn : writer->lsn;
    return QR_PACK_ADDED;
}

void qr_pack_finish(struct qr_pack_writer *writer, uint64_t seed)
{
    uint8_t *pack = writer->pack;
    memset(pack, 0, QR_PACK_HEADER_SIZE);
    memset(pack + writer->used, 0, writer->page_size - writer->used);
    qr_store64(pack + QR_WAL_PAGE_LSN, writer->lsn);
    qr_store32(pack + QR_PACK_NUMBER, QR_FRAME_PACK);
    qr_store16(pack + QR_PACK_RECORDS, (uint16_t)writer->records);
    qr_store32(pack + QR_PACK_USED, writer->used);
    qr_store64(pack + QR_WAL_PAGE_CHECKSUM,
               qr_hash64(pack + QR_WAL_PAGE_LSN, writer->page_size - QR_WAL_PAGE_LSN,
                         seed ^ QR_FRAME_PACK));
}

bool qr_pack_record_decode(const uint8_t *bytes, size_t room, uint32_t page_size,
                           struct qr_pack_record *record)
{
    if (room < QR_RECORD_HEADER_SIZE) {
        return false;
    }
    *record = (struct qr_pack_record){
        .page_number = qr_load32(bytes + QR_RECORD_PAGE_NUMBER),
        .base_lsn = qr_load64(bytes + QR_RECORD_BASE_LSN),
        .lsn = qr_load64(bytes + QR_RECORD_LSN),
        .bytes = bytes,
        .size = qr_load16(bytes + QR_RECORD_SIZE),
    };
    if (record->size > room || record->page_number == 0 ||
        record->page_number >= QR_FRAME_PAGE_NUMBER_END || record->lsn <= record->base_lsn) {
        return false;
    }
    uint32_t at = QR_RECORD_HEADER_SIZE;
    uint32_t ranges = qr_load16(bytes + QR_RECORD_RANGES);
    for (uint32_t i = 0; i < ranges; i++) {
        if (record->size - at < QR_RANGE_HEADER_SIZE) {
            return false;
        }
        uint32_t offset = qr_load16(bytes + at + QR_RANGE_OFFSET);
        uint32_t size = qr_load16(bytes + at + QR_RANGE_SIZE);
        at += QR_RANGE_HEADER_SIZE;
        if (offset < COMPARED_FROM || size == 0 || offset + size > page_size ||
            size > record->size - at) {
            return false;
        }
        at += size;
    }
    return ranges > 0 && at == record->size;
}

bool qr_pack_next(const uint8_t *pack, uint32_t page_size, uint32_t *at,
                  struct qr_pack_record *record)
{
    uint32_t used = qr_load32(pack + QR_PACK_USED);
    *at = *at == 0 ? QR_PACK_HEADER_SIZE : *at;
    used = used < page_size ? used : page_size;
    if (*at >= used || !qr_pack_record_decode(pack + *at, used - *at, page_size, record)) {
        return false;
    }
    *at += record->size;
    return true;
}

bool qr_pack_is_sound(const uint8_t *pack, uint32_t page_size)
{
    struct qr_pack_record record;
    uint32_t at = 0;
    uint32_t records = 0;
    uint64_t lsn = 0;
    while (qr_pack_next(pack, page_size, &at, &record)) {
        lsn = record.lsn > lsn ? record.lsn : lsn;
        records++;
    }
    return records > 0 && at == qr_load32(pack + QR_PACK_USED) &&
           records == qr_load16(pack + QR_PACK_RECORDS) &&
           qr_load16(pack + QR_PACK_RESERVED) == 0 && qr_load32(pack + QR_PACK_RESERVED2) == 0 &&
           qr_load32(pack + QR_PACK_NUMBER) == QR_FRAME_PACK &&
           lsn == qr_load64(pack + QR_WAL_PAGE_LSN);
}

enum qr_pack_applied qr_pack_apply(const struct qr_pack_record *record, uint8_t *page)
{
    uint64_t lsn = qr_load64(page + QR_WAL_PAGE_LSN);
    if (lsn >= record->lsn) {
        return QR_PACK_NEWER;
    }
    if (lsn != record->base_lsn) {
        return QR_PACK_OTHER_BASE;
    }
    for (uint32_t at = QR_RECORD_HEADER_SIZE; at < record->size;) {
        const uint8_t *range = record->bytes + at;
        uint32_t size = qr_load16(range + QR_RANGE_SIZE);
        memcpy(page + qr_load16(range + QR_RANGE_OFFSET), range + QR_RANGE_HEADER_SIZE, size);
        at += QR_RANGE_HEADER_SIZE + size;
    }
    qr_store64(page + QR_WAL_PAGE_LSN, record->lsn);
    return QR_PACK_APPLIED;
}
