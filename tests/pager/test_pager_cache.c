/*
 * Bounds: frames, log and reads, told by counters.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "pager_fixture.h"
#include "support/temp_dir.h"

static uint64_t resident_max_bytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024;
}

static uint32_t make_pages(struct qr_pager *pager, uint32_t count, uint32_t per_commit)
{
    uint32_t first = 0;
    for (uint32_t done = 0; done < count;) {
        struct qr_txn *txn = fixture_begin(pager);
        for (uint32_t i = 0; i < per_commit && done < count; i++, done++) {
            uint32_t page_number = fixture_alloc(txn, done + 1);
            first = first == 0 ? page_number : first;
        }
        fixture_commit(txn);
    }
    return first;
}

Test(pager_cache, sixty_four_frames__serve_a_hundred_megabytes)
{
    struct temp_dir dir;
    char path[600];
    temp_dir_create(&dir);
    struct qr_pager_options options = fixture_options(qr_file_layer_posix());
    options.path = temp_dir_file(&dir, "big.quire", path, sizeof path);
    options.page_size = 4096;
    options.cache_bytes = 64 * 4096;
    options.wal_segment_bytes = 1 << 20;
    options.wal_bytes_max = 8 << 20;
    options.durability = QUIRE_DURABILITY_OFF;
    options.malloc_arena = false;
    uint64_t before = resident_max_bytes();
    struct qr_pager *pager = fixture_open(&options);
    enum { PAGES = 25600 };
    uint32_t first = make_pages(pager, PAGES, 5000);
    uint32_t *value = calloc(PAGES, sizeof *value);
    struct prng prng;
    prng_init(&prng, 99);
    for (uint32_t i = 0; i < PAGES; i++) {
        value[i] = i + 1;
    }
    for (int c = 0; c < 60; c++) {
        struct qr_txn *txn = fixture_begin(pager);
        for (int i = 0; i < 100; i++) {
            uint32_t at = (uint32_t)prng_below(&prng, PAGES);
            value[at] = (uint32_t)prng_next(&prng);
            fixture_write(txn, first + at + (at >= 32509 ? 1 : 0), value[at]);
        }
        fixture_commit(txn);
        quire_stats stats = fixture_stats(pager);
        cr_assert_leq(stats.cache_frames, 64 + 32, "%llu frames",
                      (unsigned long long)stats.cache_frames);
    }
    struct qr_view *view = fixture_snapshot(pager);
    for (uint32_t i = 0; i < PAGES; i++) {
        cr_assert_eq(fixture_read(view, first + i), value[i]);
    }
    qr_snapshot_close(view);
    quire_stats stats = fixture_stats(pager);
    cr_assert_eq(stats.cache_frames_max, 64);
    cr_assert_leq(stats.cache_frames, 64);
    cr_assert_gt(stats.spills, 0);
    cr_assert_gt(stats.evictions, PAGES);
    fixture_close(pager);
#if !defined(__SANITIZE_ADDRESS__)
    cr_assert_lt(resident_max_bytes() - before, 24U << 20);
#else
    (void)before;
#endif
    free(value);
    temp_dir_remove(&dir);
}

Test(pager_cache, hot_pages__survive_a_scan)
{
    struct qr_file_layer *layer = NULL;
    cr_assert_eq(qr_file_layer_memory_create(qr_allocator_default(), &layer, NULL), QUIRE_OK);
    struct qr_pager_options options = fixture_options(layer);
    options.cache_bytes = 1024 * 1024;
    options.wal_bytes_max = 16 << 20;
    options.wal_segment_bytes = 1 << 20;
    struct qr_pager *pager = fixture_open(&options);
    uint32_t first = make_pages(pager, 20000, 2000);
    fixture_close(pager);
    pager = fixture_open(&options);
    struct qr_view *view = fixture_snapshot(pager);
    enum { HOT = 700 };
    uint32_t bits = qr_free_map_bits(1024);
    for (uint32_t i = 0; i < HOT; i++) {
        (void)fixture_read(view, first + i * 7);
    }
    qr_view_scanning(view, true);
    for (uint32_t p = first; p < 20003; p++) {
        if (p % bits != 2) {
            (void)fixture_read(view, p);
        }
    }
    qr_view_scanning(view, false);
    uint64_t before = fixture_stats(pager).page_reads;
    for (uint32_t i = 0; i < HOT; i++) {
        (void)fixture_read(view, first + i * 7);
    }
    uint64_t missed = fixture_stats(pager).page_reads - before;
    cr_assert_lt(missed, HOT / 4, "%llu of %d hot pages were lost", (unsigned long long)missed,
                 HOT);
    qr_snapshot_close(view);
    fixture_close(pager);
    qr_file_layer_memory_destroy(layer);
}

Test(pager_cache, held_snapshot__does_not_hold_the_log)
{
    struct qr_file_layer *layer = NULL;
    cr_assert_eq(qr_file_layer_memory_create(qr_allocator_default(), &layer, NULL), QUIRE_OK);
    struct qr_pager_options options = fixture_options(layer);
    options.wal_bytes_max = 128 * 1024;
    struct qr_pager *pager = fixture_open(&options);
    uint32_t first = make_pages(pager, 300, 50);
    struct qr_view *old = fixture_snapshot(pager);
    for (uint64_t round = 0; round < 400; round++) {
        struct qr_txn *txn = fixture_begin(pager);
        for (uint32_t i = 0; i < 20; i++) {
            fixture_write(txn, first + (uint32_t)((round * 20 + i) % 300), round);
        }
        fixture_commit(txn);
        quire_stats stats = fixture_stats(pager);
        cr_assert_leq(stats.log_bytes, 4096 + 128 * 1024 + 16 * 1024);
        cr_assert_leq(stats.versions_held, 2 * 302);
    }
    quire_stats stats = fixture_stats(pager);
    cr_assert_gt(stats.log_frames, 8000);
    cr_assert_gt(stats.checkpoints, 10);
    cr_assert_leq(stats.cache_frames, 64 + 16);
    for (uint32_t i = 0; i < 300; i++) {
        cr_assert_eq(fixture_read(old, first + i), i + 1);
    }
    qr_snapshot_close(old);
    cr_assert_eq(fixture_stats(pager).versions_held, 0);
    fixture_close(pager);
    qr_file_layer_memory_destroy(layer);
}

Test(pager_cache, full_spill_file__is_a_clean_error)
{
    struct faulty_layer *faulty = faulty_layer_create();
    struct qr_pager_options options = fixture_options(faulty_layer_files(faulty));
    options.wal_bytes_max = 16 << 20;
    struct qr_pager *pager = fixture_open(&options);
    struct faulty_plan plan = {
        .kinds = FAULTY_SET(FAULTY_OPEN_TEMPORARY), .forever = true, .os_errno = ENOSPC};
    faulty_layer_fail(faulty, &plan);
    struct qr_txn *txn = fixture_begin(pager);
    quire_status status = QUIRE_OK;
    quire_error err = QUIRE_ERROR_INIT;
    for (int i = 0; status == QUIRE_OK && i < 5000; i++) {
        uint8_t *page = NULL;
        uint32_t page_number = 0;
        status = qr_txn_page_alloc(txn, QR_PAGE_TYPE_ROW_LEAF, 1, 0, &page_number, &page, &err);
    }
    cr_assert_eq(status, QUIRE_NO_SPACE, "%s", quire_status_name(status));
    cr_assert_leq(fixture_stats(pager).cache_frames, 64);
    qr_txn_rollback(txn);
    faulty_layer_heal(faulty);
    (void)make_pages(pager, 200, 100);
    fixture_close(pager);
    faulty_layer_destroy(faulty);
}
