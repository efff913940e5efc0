/*
 * Packs: what is packed and applied gives the page again, whatever changed;
 * what is not a sound pack is told, byte by byte.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "support/prng.h"
#include "wal/wal_pack.h"
#include "wal_fixture.h"

#define SEED UINT64_C(77)

static void stamp(uint8_t *page, uint32_t page_number, uint64_t lsn)
{
    qr_store64(page + QR_WAL_PAGE_LSN, lsn);
    qr_store32(page + 16, page_number);
    qr_store64(page, qr_hash64(page + 8, LOG_PAGE - 8, SEED ^ page_number));
}

/* A random page, and another that differs from it in `changes` places. */
static void make_pages(struct prng *prng, uint32_t page_number, unsigned changes, uint8_t *base,
                       uint8_t *page)
{
    prng_fill(prng, base, LOG_PAGE);
    stamp(base, page_number, 5);
    memcpy(page, base, LOG_PAGE);
    for (unsigned i = 0; i < changes; i++) {
        size_t at = 20 + (size_t)prng_below(prng, LOG_PAGE - 20);
        size_t size = 1 + (size_t)prng_below(prng, 20);
        prng_fill(prng, page + at, at + size < LOG_PAGE ? size : LOG_PAGE - at);
    }
    stamp(page, page_number, 9);
}

Test(wal_pack, change__applied_to_its_base_gives_the_page)
{
    struct prng prng;
    uint8_t pack[LOG_PAGE];
    uint8_t base[LOG_PAGE];
    uint8_t page[LOG_PAGE];
    (void)prng_init_printed(&prng, "wal_pack");
    for (unsigned round = 0; round < 2000; round++) {
        struct qr_pack_writer writer;
        struct qr_pack_record record;
        uint32_t at = 0;
        uint32_t number = 1 + (uint32_t)prng_below(&prng, 1000);
        make_pages(&prng, number, (unsigned)prng_below(&prng, 8), base, page);
        memset(pack, 0xEE, sizeof pack);
        qr_pack_begin(&writer, pack, LOG_PAGE);
        if (qr_pack_add(&writer, number, base, page) == QR_PACK_LARGE) {
            continue;
        }
        qr_pack_finish(&writer, SEED);
        cr_assert_eq(qr_load64(pack), qr_hash64(pack + 8, LOG_PAGE - 8, SEED ^ QR_WAL_PACK));
        cr_assert_eq(qr_load64(pack + 8), 9);
        cr_assert(qr_pack_is_sound(pack, LOG_PAGE));
        cr_assert(qr_pack_next(pack, LOG_PAGE, &at, &record));
        cr_assert_eq(record.page_number, number);
        cr_assert_eq(record.base_lsn, 5);
        cr_assert_eq(record.lsn, 9);
        cr_assert_eq(qr_pack_apply(&record, base), QR_PACK_APPLIED);
        cr_assert_arr_eq(base + 8, page + 8, LOG_PAGE - 8);
        cr_assert_eq(qr_pack_apply(&record, base), QR_PACK_NEWER);
        stamp(base, number, 6);
        cr_assert_eq(qr_pack_apply(&record, base), QR_PACK_OTHER_BASE);
        stamp(base, number, 4);
        cr_assert_eq(qr_pack_apply(&record, base), QR_PACK_OTHER_BASE);
        cr_assert_not(qr_pack_next(pack, LOG_PAGE, &at, &record));
    }
}

Test(wal_pack, equal_pages__make_a_record_all_the_same)
{
    struct prng prng = {1};
    uint8_t pack[LOG_PAGE];
    uint8_t base[LOG_PAGE];
    uint8_t page[LOG_PAGE];
    struct qr_pack_writer writer;
    make_pages(&prng, 3, 0, base, page);
    qr_pack_begin(&writer, pack, LOG_PAGE);
    cr_assert_eq(qr_pack_add(&writer, 3, base, page), QR_PACK_ADDED);
    qr_pack_finish(&writer, SEED);
    cr_assert(qr_pack_is_sound(pack, LOG_PAGE));
    cr_assert_eq(qr_load32(pack + QR_PACK_USED), 32 + 24 + 4 + 8);
}

Test(wal_pack, large_change__is_refused_and_a_full_pack_told_from_it)
{
    struct prng prng = {2};
    uint8_t pack[LOG_PAGE];
    uint8_t base[LOG_PAGE];
    uint8_t page[LOG_PAGE];
    struct qr_pack_writer writer;
    make_pages(&prng, 3, 0, base, page);
    qr_pack_begin(&writer, pack, LOG_PAGE);
    memset(page + 100, 1, LOG_PAGE / 4);
    cr_assert_eq(qr_pack_add(&writer, 3, base, page), QR_PACK_LARGE);
    cr_assert_eq(writer.records, 0);
    memcpy(page, base, LOG_PAGE);
    memset(page + 104, 1, 104);
    stamp(page, 3, 9);
    unsigned added = 0;
    while (qr_pack_add(&writer, 3 + added, base, page) == QR_PACK_ADDED) {
        added++;
    }
    cr_assert_eq(added, (LOG_PAGE - 32) / (24 + 4 + 8 + 4 + 104));
    qr_pack_finish(&writer, SEED);
    cr_assert(qr_pack_is_sound(pack, LOG_PAGE));
    cr_assert_eq(qr_load16(pack + QR_PACK_RECORDS), added);
}

/* Nothing is read or written beyond the bytes given, and no page is harmed, whatever the bytes. */
Test(wal_pack, any_bytes__are_judged_within_their_bounds)
{
    struct prng prng;
    uint8_t *pack = malloc(LOG_PAGE);
    uint8_t *page = malloc(LOG_PAGE);
    uint8_t base[LOG_PAGE];
    (void)prng_init_printed(&prng, "wal_pack_bytes");
    for (unsigned round = 0; round < 20000; round++) {
        struct qr_pack_writer writer;
        struct qr_pack_record record;
        uint32_t at = 0;
        unsigned records = 0;
        make_pages(&prng, 7, 2, base, page);
        qr_pack_begin(&writer, pack, LOG_PAGE);
        (void)qr_pack_add(&writer, 7, base, page);
        (void)qr_pack_add(&writer, 8, base, page);
        qr_pack_finish(&writer, SEED);
        for (uint64_t flips = 1 + prng_below(&prng, 3); flips > 0; flips--) {
            pack[prng_below(&prng, 200)] ^= (uint8_t)(1U << prng_below(&prng, 8));
        }
        (void)qr_pack_is_sound(pack, LOG_PAGE);
        while (qr_pack_next(pack, LOG_PAGE, &at, &record)) {
            stamp(page, 7, record.base_lsn);
            cr_assert_eq(qr_pack_apply(&record, page), QR_PACK_APPLIED);
            records++;
        }
        cr_assert_leq(records, LOG_PAGE / 32);
    }
    free(pack);
    free(page);
}

Test(wal_pack, header__is_sound_only_if_every_field_is)
{
    struct prng prng = {3};
    uint8_t pack[LOG_PAGE];
    uint8_t base[LOG_PAGE];
    uint8_t page[LOG_PAGE];
    struct qr_pack_writer writer;
    make_pages(&prng, 7, 1, base, page);
    qr_pack_begin(&writer, pack, LOG_PAGE);
    cr_assert_eq(qr_pack_add(&writer, 7, base, page), QR_PACK_ADDED);
    qr_pack_finish(&writer, SEED);
    for (unsigned i = 8; i < QR_PACK_HEADER_SIZE; i++) {
        pack[i] ^= 1;
        cr_assert_not(qr_pack_is_sound(pack, LOG_PAGE), "byte %u", i);
        pack[i] ^= 1;
    }
    cr_assert(qr_pack_is_sound(pack, LOG_PAGE));
}
