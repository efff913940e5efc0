/*
 * Bounds: frames, log and reads, told by counters.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* Ten thousand transactions that change, allocate and free pages, and how they end. Returns the
 * frames in use above those at the beginning, at most. */
static uint64_t frames_of_transactions(struct qr_pager *pager, uint32_t first, bool commit)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t before = fixture_stats(pager).cache_frames;
    uint64_t most = before;
    for (uint64_t round = 0; round < 10000; round++) {
        struct qr_txn *txn = fixture_begin(pager);
        for (uint32_t i = 0; i < 4; i++) {
            fixture_write(txn, first + i, round);
        }
        uint32_t page_number = fixture_alloc(txn, round);
        cr_assert_eq(qr_txn_page_free(txn, page_number, &err), QUIRE_OK, "%s", err.message);
        if (commit) {
            fixture_commit(txn);
        } else {
            qr_txn_rollback(txn);
        }
        uint64_t now = fixture_stats(pager).cache_frames;
        most = now > most ? now : most;
    }
    return most - before;
}

Test(pager_cache, ended_transactions__give_their_frames_back)
{
    struct qr_file_layer *layer = NULL;
    cr_assert_eq(qr_file_layer_memory_create(qr_allocator_default(), &layer, NULL), QUIRE_OK);
    struct qr_pager_options options = fixture_options(layer);
    options.cache_bytes = 32 << 20;
    options.wal_bytes_max = 1 << 20;
    options.durability = QUIRE_DURABILITY_OFF;
    struct qr_pager *pager = fixture_open(&options);
    uint32_t first = make_pages(pager, 16, 16);
    /* What only the transaction has seen is free at once; a page freed within the operation that
     * could still look at it waits in batches. Versions that readers may have met wait for the
     * checkpointer's operations too, during which the log takes no more than a thousand frames. */
    cr_assert_leq(frames_of_transactions(pager, first, false), 300);
    cr_assert_leq(frames_of_transactions(pager, first, true), 8000);
    fixture_close(pager);
    qr_file_layer_memory_destroy(layer);
}

/* A page that the device is writing when it changes again may have to wait for the device. */
Test(pager_cache, new_pages_that_come_and_go__are_not_sent_to_the_device_one_by_one)
{
    enum { PAGES = 300, CHANGES = 2000 };
    static uint64_t value[PAGES];
    struct faulty_layer *layer = faulty_layer_create();
    struct qr_pager_options options = fixture_options(faulty_layer_files(layer));
    struct qr_pager *pager = fixture_open(&options);
    struct prng prng;
    prng_init(&prng, 5);
    faulty_layer_clear_record(layer);
    struct qr_txn *txn = fixture_begin(pager);
    uint32_t first = fixture_alloc(txn, 1);
    value[0] = 1;
    for (uint32_t i = 1; i < PAGES; i++) {
        value[i] = i + 1;
        cr_assert_eq(fixture_alloc(txn, value[i]), first + i);
    }
    for (uint32_t i = 0; i < CHANGES; i++) {
        uint32_t at = (uint32_t)(prng_next(&prng) % PAGES);
        value[at] = PAGES + i;
        fixture_write(txn, first + at, value[at]);
    }
    fixture_commit(txn);
    cr_assert_geq(fixture_stats(pager).pages_direct, CHANGES / 2);
    cr_assert_geq(faulty_layer_count(layer, FAULTY_SET(FAULTY_WRITE)), CHANGES / 2);
    /* One for each 256 pages, of which the commit writes the last. */
    uint64_t hints = faulty_layer_count(layer, FAULTY_SET(FAULTY_WRITE_BEHIND));
    cr_assert(hints >= 1 && hints <= 4, "%llu hints", (unsigned long long)hints);
    struct qr_view *view = fixture_snapshot(pager);
    for (uint32_t i = 0; i < PAGES; i++) {
        cr_assert_eq(fixture_read(view, first + i), value[i]);
    }
    qr_snapshot_close(view);
    fixture_close(pager);
    faulty_layer_destroy(layer);
}

Test(pager_cache, rollback__spares_what_a_pin_holds)
{
    struct qr_file_layer *layer = NULL;
    cr_assert_eq(qr_file_layer_memory_create(qr_allocator_default(), &layer, NULL), QUIRE_OK);
    struct qr_pager_options options = fixture_options(layer);
    struct qr_pager *pager = fixture_open(&options);
    uint32_t first = make_pages(pager, 4, 4);
    struct qr_txn *txn = fixture_begin(pager);
    struct qr_view *view = qr_txn_view(txn);
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_pin *pin = NULL;
    const uint8_t *page = NULL;
    fixture_write(txn, first, 77);
    cr_assert_eq(qr_pin_create(view, &pin, &err), QUIRE_OK);
    qr_view_enter(view);
    cr_assert_eq(qr_view_page(view, first, &page, &err), QUIRE_OK);
    qr_pin_set(pin, page);
    qr_view_leave(view);
    struct qr_view *reader = fixture_snapshot(pager);
    uint64_t before = fixture_stats(pager).cache_frames;
    fixture_write(txn, first + 1, 78);
    qr_pin_set(pin, NULL);
    qr_pin_destroy(pin);
    qr_txn_rollback(txn);
    cr_assert_leq(fixture_stats(pager).cache_frames, before - 1);
    cr_assert_eq(fixture_read(reader, first), 1);
    qr_snapshot_close(reader);
    fixture_close(pager);
    qr_file_layer_memory_destroy(layer);
}

/* Changes the pages again and again in one operation a transaction; the first failure. */
static quire_status change_until_failure(struct qr_pager *pager, uint32_t first, uint32_t count,
                                         int rounds, quire_error *err)
{
    quire_status status = QUIRE_OK;
    for (int round = 0; round < rounds && status == QUIRE_OK; round++) {
        struct qr_txn *txn = fixture_begin(pager);
        struct qr_view *view = qr_txn_view(txn);
        qr_view_enter(view);
        for (uint32_t i = 0; i < count && status == QUIRE_OK; i++) {
            uint8_t *page = NULL;
            status = qr_txn_page_write(txn, first + i, &page, err);
        }
        qr_view_leave(view);
        if (status == QUIRE_OK) {
            status = qr_txn_commit(txn, err);
        } else {
            qr_txn_rollback(txn);
        }
    }
    return status;
}

Test(pager_cache, reader_stopped_in_an_operation__makes_writers_busy_and_is_named)
{
    struct qr_file_layer *layer = NULL;
    cr_assert_eq(qr_file_layer_memory_create(qr_allocator_default(), &layer, NULL), QUIRE_OK);
    struct qr_pager_options options = fixture_options(layer);
    options.durability = QUIRE_DURABILITY_OFF;
    struct qr_pager *pager = fixture_open(&options);
    quire_error err = QUIRE_ERROR_INIT;
    char commit[64];
    uint32_t first = make_pages(pager, 200, 50);
    struct qr_view *reader = fixture_snapshot(pager);
    const uint8_t *page = NULL;
    qr_view_enter(reader);
    cr_assert_eq(qr_view_page(reader, first + 1, &page, &err), QUIRE_OK);
    quire_status status = change_until_failure(pager, first, 200, 1000, &err);
    cr_assert_eq(status, QUIRE_BUSY, "%s: %s", quire_status_name(status), err.message);
    snprintf(commit, sizeof commit, "commit %llu", (unsigned long long)qr_view_sequence(reader));
    cr_assert_not_null(strstr(err.message, commit), "%s", err.message);
    cr_assert_eq(fixture_value(page, 1024), 2);
    qr_view_leave(reader);
    status = change_until_failure(pager, first, 200, 3, &err);
    cr_assert_eq(status, QUIRE_OK, "%s: %s", quire_status_name(status), err.message);
    cr_assert_eq(fixture_read(reader, first + 1), 2);
    qr_snapshot_close(reader);
    fixture_close(pager);
    qr_file_layer_memory_destroy(layer);
}
