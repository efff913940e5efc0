/*
 * Files that are shorter than their databases: those that were cut are refused
 * and left as they are, those that a crash left before they had grown are not.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "pager_fixture.h"

enum { FIRST = 3, PAGES = 20, END = FIRST + PAGES, SIZE = 1024 };

static struct faulty_layer *faulty;
static struct qr_pager_options options;

static void setup(void)
{
    faulty = faulty_layer_create();
    options = fixture_options(faulty_layer_files(faulty));
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    for (uint32_t page = FIRST; page < END; page++) {
        cr_assert_eq(fixture_alloc(txn, page), page);
    }
    fixture_commit(txn);
    fixture_close(pager);
}

static void teardown(void)
{
    faulty_layer_destroy(faulty);
}

TestSuite(pager_short, .init = setup, .fini = teardown);

/* One commit, then the end of the process. */
static void crash_behind(void (*change)(struct qr_txn *txn))
{
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    change(txn);
    fixture_commit(txn);
    struct faulty_cut cut = {.survival = FAULTY_KEEP_ALL};
    struct faulty_layer *crashed = faulty_layer_power_cut_again(faulty, &cut);
    fixture_close(pager);
    faulty_layer_destroy(faulty);
    faulty = crashed;
    options.layer = faulty_layer_files(faulty);
}

static void cut_to(uint64_t size)
{
    struct qr_file *file = NULL;
    cr_assert_eq(
        options.layer->methods->open(options.layer, FIXTURE_PATH, QR_OPEN_WRITE, &file, NULL),
        QUIRE_OK);
    cr_assert_eq(file->methods->truncate(file, size, NULL), QUIRE_OK);
    file->methods->close(file);
}

/* The file has been cut to `size` bytes: it is refused for the lack of page `lost`, and nothing is
 * written, neither by that nor by another attempt. */
static void expect_refused(uint64_t size, uint32_t lost)
{
    cut_to(size);
    for (int tries = 0; tries < 2; tries++) {
        struct qr_pager *pager = NULL;
        quire_error err = QUIRE_ERROR_INIT;
        faulty_layer_clear_record(faulty);
        cr_assert_eq(qr_pager_open(&options, &pager, &err), QUIRE_CORRUPT);
        cr_assert_eq(err.page, lost, "page %u: %s", err.page, err.message);
        cr_assert_eq(err.offset, (uint64_t)lost * SIZE);
        cr_assert_not_null(strstr(err.message, "cut short"), "%s", err.message);
        cr_assert_not_null(strstr(err.message, "backup"), "%s", err.message);
        cr_assert_eq(faulty_layer_count(faulty, FAULTY_SET(FAULTY_WRITE) |
                                                    FAULTY_SET(FAULTY_TRUNCATE) |
                                                    FAULTY_SET(FAULTY_REMOVE)),
                     0, "something was written");
    }
}

/* The file has been cut to `size` bytes and opens with all that it is to hold. */
static void expect_opened(uint64_t size, uint32_t from, uint32_t to)
{
    cut_to(size);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_view *view = fixture_snapshot(pager);
    for (uint32_t page = from; page < to; page++) {
        (void)fixture_read(view, page);
    }
    qr_snapshot_close(view);
    fixture_close(pager);
}

/* ---- Closed ---- */

Test(pager_short, closed_file__is_refused_where_it_ends)
{
    expect_refused((END - 1) * SIZE, END - 1);
    expect_refused(10 * SIZE + 700, 10);
    expect_refused(SIZE, 1);
}

Test(pager_short, closed_file_without_its_log__is_refused_and_gets_none)
{
    bool exists = true;
    cr_assert_eq(options.layer->methods->remove(options.layer, FIXTURE_WAL_PATH, NULL), QUIRE_OK);
    expect_refused((END - 1) * SIZE, END - 1);
    cr_assert_eq(options.layer->methods->exists(options.layer, FIXTURE_WAL_PATH, &exists, NULL),
                 QUIRE_OK);
    cr_assert_not(exists);
}

Test(pager_short, closed_file__opens_when_it_is_longer)
{
    expect_opened(END * SIZE + 700, FIRST, END);
}

Test(pager_short, who_only_reads__is_told_at_the_page)
{
    quire_error err = QUIRE_ERROR_INIT;
    const uint8_t *page = NULL;
    cut_to(10 * SIZE);
    options.mode = QUIRE_OPEN_READ_ONLY;
    struct qr_pager *pager = fixture_open(&options);
    struct qr_view *view = fixture_snapshot(pager);
    cr_assert_eq(fixture_read(view, 9), 9);
    qr_view_enter(view);
    cr_assert_eq(qr_view_page(view, 10, &page, &err), QUIRE_CORRUPT);
    qr_view_leave(view);
    cr_assert_eq(err.page, 10);
    qr_snapshot_close(view);
    fixture_close(pager);
}

/* ---- With a log ---- */

static void grow(struct qr_txn *txn)
{
    for (uint32_t i = 0; i < 8; i++) {
        (void)fixture_alloc(txn, 1);
    }
}

Test(pager_short, file_that_a_crash_found_growing__opens)
{
    crash_behind(grow);
    expect_opened(END * SIZE, FIRST, END + 8);
}

Test(pager_short, file_that_lacks_what_the_log_lacks__is_refused)
{
    crash_behind(grow);
    expect_refused((END - 1) * SIZE, END - 1);
}

static void grow_beyond_the_cache(struct qr_txn *txn)
{
    for (uint32_t i = 0; i < 200; i++) {
        (void)fixture_alloc(txn, 1);
    }
}

static uint64_t page_reads(struct qr_pager *pager)
{
    quire_stats stats = {.size = sizeof stats};
    qr_pager_get_stats(pager, &stats);
    return stats.page_reads;
}

/* Who only reads keeps the log's pages in memory: else each page of the file would be looked for
 * among them for room that is not there, and be gone with the next. */
Test(pager_short, log_larger_than_the_cache__leaves_a_reader_its_cache)
{
    options.cache_bytes = (uint64_t)64 * SIZE;
    crash_behind(grow_beyond_the_cache);
    options.mode = QUIRE_OPEN_READ_ONLY;
    struct qr_pager *pager = fixture_open(&options);
    struct qr_view *view = fixture_snapshot(pager);
    uint64_t before = page_reads(pager);
    for (uint32_t page = FIRST; page < END; page++) {
        cr_assert_eq(fixture_read(view, page), page);
    }
    cr_assert_eq(page_reads(pager), before + PAGES);
    for (uint32_t page = FIRST; page < END; page++) {
        cr_assert_eq(fixture_read(view, page), page);
    }
    cr_assert_eq(page_reads(pager), before + PAGES);
    qr_snapshot_close(view);
    fixture_close(pager);
}

/* Changes of a few bytes, which the log has without the pages that they belong to. */
static void change_all(struct qr_txn *txn)
{
    for (uint32_t page = FIRST; page < END; page++) {
        fixture_write(txn, page, 1000 + page);
    }
}

Test(pager_short, changes_of_lost_pages__do_not_make_up_for_them)
{
    crash_behind(change_all);
    expect_refused((END - 2) * SIZE, END - 2);
}

static void free_last_three(struct qr_txn *txn)
{
    for (uint32_t page = END - 3; page < END; page++) {
        cr_assert_eq(qr_txn_page_free(txn, page, NULL), QUIRE_OK);
    }
}

static void change_and_free(struct qr_txn *txn)
{
    for (uint32_t page = FIRST; page < END - 3; page++) {
        fixture_write(txn, page, 1000 + page);
    }
    free_last_three(txn);
}

Test(pager_short, free_pages__need_not_be_anywhere)
{
    crash_behind(free_last_three);
    expect_opened((END - 3) * SIZE, FIRST, END - 3);
}

Test(pager_short, free_pages__are_those_that_packs_make_free)
{
    crash_behind(change_and_free);
    expect_opened((END - 3) * SIZE, FIRST, END - 3);
}

Test(pager_short, used_pages_before_free_ones__are_missed)
{
    crash_behind(free_last_three);
    expect_refused((END - 4) * SIZE, END - 4);
}

/* As many pages as a page of the free map covers, and some: the last ones behind the second. */
static void grow_far(struct qr_txn *txn)
{
    uint32_t bits = (SIZE - QR_PAGE_HEADER_SIZE) * 8;
    uint32_t got = 0;
    for (uint32_t at = END; at < bits + 10; at += got) {
        uint32_t first;
        cr_assert_eq(qr_txn_page_alloc_run(txn, QR_PAGE_TYPE_OVERFLOW_DATA, 9, bits + 10 - at,
                                           &first, &got, NULL),
                     QUIRE_OK);
        for (uint32_t i = 0; i < got; i++) {
            fixture_write(txn, first + i, 1);
        }
    }
}

Test(pager_short, pages_of_the_free_map__are_missed_like_others)
{
    uint32_t bits = (SIZE - QR_PAGE_HEADER_SIZE) * 8;
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    grow_far(txn);
    fixture_commit(txn);
    fixture_close(pager);
    crash_behind(change_all);
    expect_refused(((uint64_t)bits + 3) * SIZE, bits + 3);
    expect_refused(((uint64_t)bits + 2) * SIZE, bits + 2);
    expect_refused((uint64_t)bits * SIZE, bits);
}
