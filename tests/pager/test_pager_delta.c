/*
 * Small changes of pages in the log: what is packed and when an image is
 * logged, by counters; and what recovery, readers without recovery and damage
 * make of it.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/hash.h"
#include "pager_fixture.h"

enum { FIRST = 3, PAGES = 10, END = FIRST + PAGES };

static struct faulty_layer *faulty;
static struct qr_pager_options options;
static struct qr_pager *pager;
static quire_stats before;

/* Counts from here on. */
static void mark(void)
{
    before = fixture_stats(pager);
}

static void expect(uint64_t images, uint64_t changes, uint64_t packs)
{
    quire_stats now = fixture_stats(pager);
    cr_assert_eq(now.log_images - before.log_images, images, "%llu images, not %llu",
                 (unsigned long long)(now.log_images - before.log_images),
                 (unsigned long long)images);
    cr_assert_eq(now.log_changes - before.log_changes, changes, "%llu changes, not %llu",
                 (unsigned long long)(now.log_changes - before.log_changes),
                 (unsigned long long)changes);
    cr_assert_eq(now.log_frames - before.log_frames, images + packs);
    before = now;
}

/* One commit that gives the pages [from, to) the value. */
static void change(uint32_t from, uint32_t to, uint64_t value)
{
    struct qr_txn *txn = fixture_begin(pager);
    for (uint32_t page = from; page < to; page++) {
        fixture_write(txn, page, value);
    }
    fixture_commit(txn);
}

/* One commit that changes all of a page. */
static void overwrite(uint32_t page_number, uint64_t value)
{
    struct qr_txn *txn = fixture_begin(pager);
    struct qr_view *view = qr_txn_view(txn);
    uint8_t *page = NULL;
    qr_view_enter(view);
    cr_assert_eq(qr_txn_page_write(txn, page_number, &page, NULL), QUIRE_OK);
    memset(page + QR_PAGE_HEADER_SIZE, (int)value, 1024 - QR_PAGE_HEADER_SIZE);
    fixture_fill(page, 1024, value);
    qr_view_leave(view);
    fixture_commit(txn);
}

static void checkpoint(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(qr_pager_checkpoint(pager, &err), QUIRE_OK, "%s", err.message);
}

static void setup(void)
{
    faulty = faulty_layer_create();
    options = fixture_options(faulty_layer_files(faulty));
    pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    for (uint32_t page = FIRST; page < END; page++) {
        cr_assert_eq(fixture_alloc(txn, 1), page);
    }
    fixture_commit(txn);
    mark();
}

static void teardown(void)
{
    fixture_close(pager);
    faulty_layer_destroy(faulty);
}

TestSuite(pager_delta, .init = setup, .fini = teardown);

/* ---- What is logged ---- */

Test(pager_delta, small_changes__share_a_frame)
{
    change(FIRST, END, 2);
    expect(0, PAGES, 1);
}

Test(pager_delta, few_changes__are_logged_as_images)
{
    change(FIRST, FIRST + 3, 2);
    expect(3, 0, 0);
    change(FIRST, FIRST + 4, 3);
    expect(0, 4, 1);
}

Test(pager_delta, large_change__is_logged_as_an_image)
{
    overwrite(FIRST, 200);
    expect(1, 0, 0);
}

/* The first changes make images due, which the checkpoint logs: once, however many changes. */
Test(pager_delta, checkpoint__logs_one_image_of_each_page_that_has_none)
{
    checkpoint();
    mark();
    for (uint64_t value = 2; value < 8; value++) {
        change(FIRST, END, value);
    }
    expect(1, UINT64_C(6) * PAGES, 6); /* page 0 begins what follows a checkpoint */
    checkpoint();
    expect(PAGES + 1, 0, 0);
    cr_assert_eq(fixture_stats(pager).pages_dirty, 0);
    cr_assert_eq(fixture_stats(pager).log_frames_live, 0);
}

Test(pager_delta, image_since_the_checkpoint__serves_the_next)
{
    checkpoint();
    overwrite(FIRST, 200);
    mark();
    change(FIRST, END, 2);
    expect(0, PAGES, 1);
    checkpoint();
    expect(PAGES - 1 + 1, 0, 0);
    change(FIRST, END, 3);
    checkpoint();
    expect(PAGES + 2, PAGES, 1); /* that image is gone with its segment */
}

/* The log does not grow with the changes: what is reserved for images is given back. */
Test(pager_delta, many_rounds__leave_the_log_as_large_as_it_was)
{
    uint32_t segments = 0;
    for (uint64_t round = 0; round < 60; round++) {
        for (uint64_t value = 0; value < 5; value++) {
            change(FIRST, END, round * 10 + value);
        }
        overwrite(FIRST + (uint32_t)(round % PAGES), round);
        checkpoint();
        segments = round == 10 ? fixture_stats(pager).log_segments : segments;
    }
    cr_assert_eq(fixture_stats(pager).log_segments, segments);
}

/* What a commit of small changes costs in the log, and its images a checkpoint. */
Test(pager_delta, frames__are_few_for_many_small_changes)
{
    checkpoint();
    mark();
    for (uint64_t value = 0; value < 12; value++) {
        change(FIRST, END, 1000 + value);
    }
    expect(1, UINT64_C(12) * PAGES, 12);
}

/* ---- What becomes of it ---- */

/* Ends the process: what a crash leaves becomes the layer. */
static void crash(enum faulty_survival survival)
{
    struct faulty_cut cut = {.survival = survival};
    struct faulty_layer *crashed = faulty_layer_power_cut_again(faulty, &cut);
    fixture_close(pager);
    faulty_layer_destroy(faulty);
    faulty = crashed;
    options.layer = faulty_layer_files(faulty);
}

static void expect_values(const uint64_t values[PAGES])
{
    struct qr_view *view = fixture_snapshot(pager);
    for (uint32_t i = 0; i < PAGES; i++) {
        cr_assert_eq(fixture_read(view, FIRST + i), values[i], "page %u", FIRST + i);
    }
    qr_snapshot_close(view);
}

/* Changes over images in the log, and over what only the database file has. */
static void make_history(uint64_t values[PAGES])
{
    checkpoint();
    change(FIRST, END, 2);
    overwrite(FIRST + 1, 100);
    change(FIRST, FIRST + 6, 3);
    overwrite(FIRST + 2, 101);
    change(FIRST + 3, END, 4);
    static const uint64_t expected[PAGES] = {3, 3, 101, 4, 4, 4, 4, 4, 4, 4};
    memcpy(values, expected, sizeof expected);
}

Test(pager_delta, recovery__applies_changes_in_order)
{
    uint64_t values[PAGES];
    make_history(values);
    crash(FAULTY_LOSE_ALL);
    pager = fixture_open(&options);
    expect_values(values);
    change(FIRST, END, 9); /* goes on as usual */
    fixture_close(pager);
    pager = fixture_open(&options);
    static const uint64_t nines[PAGES] = {9, 9, 9, 9, 9, 9, 9, 9, 9, 9};
    expect_values(nines);
}

Test(pager_delta, reader_without_recovery__sees_the_changes)
{
    uint64_t values[PAGES];
    make_history(values);
    crash(FAULTY_LOSE_ALL);
    options.mode = QUIRE_OPEN_READ_ONLY;
    pager = fixture_open(&options);
    expect_values(values);
}

/* Writes over part of a page of the database file. */
static void damage(uint32_t page_number)
{
    static const uint8_t garbage[64] = {1, 2, 3};
    struct qr_file *file = NULL;
    cr_assert_eq(
        options.layer->methods->open(options.layer, FIXTURE_PATH, QR_OPEN_WRITE, &file, NULL),
        QUIRE_OK);
    cr_assert_eq(
        qr_file_write_one(file, garbage, sizeof garbage, (uint64_t)page_number * 1024 + 100, NULL),
        QUIRE_OK);
    file->methods->close(file);
}

static quire_status open_again(quire_open_mode mode, quire_error *err)
{
    struct qr_pager *other = NULL;
    struct qr_pager_options again = options;
    again.mode = mode;
    *err = (quire_error)QUIRE_ERROR_INIT;
    quire_status status = qr_pager_open(&again, &other, err);
    (void)qr_pager_close(other, NULL);
    return status;
}

/* A page that was being written when the power went is made from its image and the changes. */
Test(pager_delta, torn_page_with_an_image__is_made_again)
{
    uint64_t values[PAGES];
    quire_error err;
    make_history(values);
    crash(FAULTY_LOSE_ALL);
    damage(FIRST + 1);
    damage(FIRST + 2);
    cr_assert_eq(open_again(QUIRE_OPEN_READ_ONLY, &err), QUIRE_OK, "%s", err.message);
    pager = fixture_open(&options);
    expect_values(values);
}

/* Without an image nobody was writing it: that is damage, and the log is left alone. */
Test(pager_delta, damaged_page_without_an_image__is_reported_by_name)
{
    uint64_t values[PAGES];
    quire_error err;
    make_history(values);
    crash(FAULTY_LOSE_ALL);
    damage(FIRST + 5);
    for (int tries = 0; tries < 2; tries++) {
        cr_assert_eq(open_again(QUIRE_OPEN_READ_WRITE, &err), QUIRE_CORRUPT);
        cr_assert_eq(err.page, FIRST + 5);
        cr_assert_eq(open_again(QUIRE_OPEN_READ_ONLY, &err), QUIRE_CORRUPT);
        cr_assert_eq(err.page, FIRST + 5);
    }
    options.path = "/db/other.quire"; /* something to close */
    pager = fixture_open(&options);
}

/* Gives a page of the file another version's number, with a checksum that holds. */
static void set_lsn(uint32_t page_number, uint64_t lsn)
{
    uint8_t page[1024];
    uint8_t id[16];
    size_t got = 0;
    struct qr_file *file = NULL;
    uint64_t offset = (uint64_t)page_number * sizeof page;
    struct qr_file_layer *layer = options.layer;
    cr_assert_eq(layer->methods->open(layer, FIXTURE_PATH, QR_OPEN_WRITE, &file, NULL), QUIRE_OK);
    cr_assert_eq(file->methods->read(file, id, sizeof id, QR_HEADER_ID, &got, NULL), QUIRE_OK);
    cr_assert_eq(file->methods->read(file, page, sizeof page, offset, &got, NULL), QUIRE_OK);
    qr_store64(page + QR_PAGE_LSN, lsn);
    qr_store64(page + QR_PAGE_CHECKSUM, qr_hash64(page + QR_PAGE_LSN, sizeof page - QR_PAGE_LSN,
                                                  qr_load64(id) ^ page_number));
    cr_assert_eq(qr_file_write_one(file, page, sizeof page, offset, NULL), QUIRE_OK);
    file->methods->close(file);
}

Test(pager_delta, change_of_another_version__is_reported_by_name)
{
    uint64_t values[PAGES];
    quire_error err;
    make_history(values);
    crash(FAULTY_LOSE_ALL);
    set_lsn(FIRST + 7, 1);
    cr_assert_eq(open_again(QUIRE_OPEN_READ_WRITE, &err), QUIRE_CORRUPT);
    cr_assert_eq(err.page, FIRST + 7);
    cr_assert_not_null(strstr(err.message, "a change of page 10"), "%s", err.message);
    cr_assert_eq(open_again(QUIRE_OPEN_READ_ONLY, &err), QUIRE_CORRUPT);
    cr_assert_eq(err.page, FIRST + 7);
    options.path = "/db/other.quire";
    pager = fixture_open(&options);
}

/* Versions that had to leave memory cannot be told apart from their successors: images. */
Test(pager_delta, base_out_of_memory__is_logged_whole_and_nothing_is_lost)
{
    enum { MANY = 300 };
    struct qr_txn *txn = fixture_begin(pager);
    for (uint32_t page = END; page < MANY; page++) {
        (void)fixture_alloc(txn, 1);
    }
    fixture_commit(txn);
    struct qr_view *old = fixture_snapshot(pager);
    for (uint64_t value = 2; value < 6; value++) {
        for (uint32_t page = FIRST; page < MANY; page += 10) {
            change(page, page + 10 < MANY ? page + 10 : MANY, value);
        }
    }
    cr_assert_gt(fixture_stats(pager).spills, 0);
    qr_snapshot_close(old);
    crash(FAULTY_LOSE_ALL);
    options.cache_bytes = 4 << 20;
    pager = fixture_open(&options);
    struct qr_view *view = fixture_snapshot(pager);
    for (uint32_t page = FIRST; page < MANY; page++) {
        cr_assert_eq(fixture_read(view, page), 5, "page %u", page);
    }
    qr_snapshot_close(view);
}
