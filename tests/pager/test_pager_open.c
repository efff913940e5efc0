/*
 * What opening makes of files that are foreign, damaged, incomplete or in use.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/hash.h"
#include "pager_fixture.h"
#include "support/temp_dir.h"

static struct faulty_layer *faulty;
static struct qr_pager_options options;

static void setup(void)
{
    faulty = faulty_layer_create();
    options = fixture_options(faulty_layer_files(faulty));
}

static void teardown(void)
{
    faulty_layer_destroy(faulty);
}

TestSuite(pager_open, .init = setup, .fini = teardown);

static quire_status try_open(quire_error *err)
{
    struct qr_pager *pager = NULL;
    *err = (quire_error)QUIRE_ERROR_INIT;
    quire_status status = qr_pager_open(&options, &pager, err);
    if (status == QUIRE_OK) {
        (void)qr_pager_close(pager, NULL);
    } else {
        cr_assert_null(pager);
        cr_assert_neq(err->message[0], '\0');
    }
    return status;
}

/* A database of a few pages; when not closed, what a crash leaves becomes the layer. */
static void make_database(bool closed)
{
    struct qr_pager *pager = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(pager);
    for (uint64_t i = 0; i < 5; i++) {
        (void)fixture_alloc(txn, 100 + i);
    }
    fixture_commit(txn);
    if (closed) {
        fixture_close(pager);
        return;
    }
    struct faulty_cut cut = {.survival = FAULTY_KEEP_ALL};
    struct faulty_layer *crashed = faulty_layer_power_cut_again(faulty, &cut);
    fixture_close(pager);
    faulty_layer_destroy(faulty);
    faulty = crashed;
    options.layer = faulty_layer_files(faulty);
}

static struct qr_file *open_raw(const char *path)
{
    struct qr_file *file = NULL;
    cr_assert_eq(options.layer->methods->open(options.layer, path, QR_OPEN_WRITE, &file, NULL),
                 QUIRE_OK);
    return file;
}

static void damage(const char *path, uint64_t offset, const void *bytes, size_t size)
{
    struct qr_file *file = open_raw(path);
    cr_assert_eq(qr_file_write_one(file, bytes, size, offset, NULL), QUIRE_OK);
    file->methods->close(file);
}

static void cut_to(const char *path, uint64_t size)
{
    struct qr_file *file = open_raw(path);
    cr_assert_eq(file->methods->truncate(file, size, NULL), QUIRE_OK);
    file->methods->close(file);
}

static void remove_file(const char *path)
{
    cr_assert_eq(options.layer->methods->remove(options.layer, path, NULL), QUIRE_OK);
}

Test(pager_open, modes__decide_about_missing_and_present_files)
{
    quire_error err;
    options.mode = QUIRE_OPEN_READ_WRITE;
    cr_assert_eq(try_open(&err), QUIRE_NO_FILE);
    options.mode = QUIRE_OPEN_READ_ONLY;
    cr_assert_eq(try_open(&err), QUIRE_NO_FILE);
    options.mode = QUIRE_OPEN_NEW;
    cr_assert_eq(try_open(&err), QUIRE_OK);
    cr_assert_eq(try_open(&err), QUIRE_EXISTS);
    options.mode = QUIRE_OPEN_READ_WRITE;
    cr_assert_eq(try_open(&err), QUIRE_OK);
    options.page_size = 1000;
    cr_assert_eq(try_open(&err), QUIRE_MISUSE);
}

Test(pager_open, second_writer__is_locked_out)
{
    quire_error err;
    struct qr_pager *pager = fixture_open(&options);
    cr_assert_eq(try_open(&err), QUIRE_LOCKED);
    fixture_close(pager);
    cr_assert_eq(try_open(&err), QUIRE_OK);
}

Test(pager_open, foreign_file__is_not_a_database)
{
    quire_error err;
    char text[5000];
    memset(text, 'x', sizeof text);
    faulty_layer_install(faulty, FIXTURE_PATH, text, sizeof text);
    cr_assert_eq(try_open(&err), QUIRE_NOT_A_DATABASE);
    faulty_layer_install(faulty, FIXTURE_PATH, text, 3);
    cr_assert_eq(try_open(&err), QUIRE_NOT_A_DATABASE);
}

Test(pager_open, creation_that_a_failing_write_cut_off_anywhere__is_begun_again)
{
    quire_error err;
    char rest[2999] = {0}; /* the header's place is empty, what was written ends within a sector */
    memset(rest + 1024, 'x', sizeof rest - 1024);
    faulty_layer_install(faulty, FIXTURE_PATH, rest, sizeof rest);
    cr_assert_eq(try_open(&err), QUIRE_OK);
    cr_assert_eq(try_open(&err), QUIRE_OK);
}

Test(pager_open, empty_file__is_made_a_database)
{
    quire_error err;
    faulty_layer_install(faulty, FIXTURE_PATH, "", 0);
    cr_assert_eq(try_open(&err), QUIRE_OK);
    cr_assert_eq(try_open(&err), QUIRE_OK);
}

Test(pager_open, newer_format__is_refused)
{
    quire_error err;
    uint8_t version[4];
    make_database(true);
    qr_store32(version, 99);
    damage(FIXTURE_PATH, QR_HEADER_READER_FORMAT, version, sizeof version);
    cr_assert_eq(try_open(&err), QUIRE_FORMAT_VERSION);
}

Test(pager_open, damaged_header__is_corrupt_and_repaired_only_from_a_log)
{
    quire_error err;
    uint8_t byte = 0x55;
    make_database(true);
    damage(FIXTURE_PATH, 1000, &byte, 1);
    cr_assert_eq(try_open(&err), QUIRE_CORRUPT);
    cr_assert_eq(err.page, 0);
}

Test(pager_open, damaged_header__is_repaired_from_the_log)
{
    uint8_t byte = 0x55;
    make_database(false);
    damage(FIXTURE_PATH, 1000, &byte, 1);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_view *view = fixture_snapshot(pager);
    cr_assert_eq(fixture_read(view, 7), 104);
    qr_snapshot_close(view);
    fixture_close(pager);
}

Test(pager_open, header_that_counts_pages_absurdly__is_corrupt_and_the_file_stays_as_it_is)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t before = 0, after = 0;
    uint8_t page[1024];
    make_database(true);
    struct qr_file *file = open_raw(FIXTURE_PATH);
    cr_assert_eq(qr_file_read_all(file, page, sizeof page, 0, FIXTURE_PATH, &err), QUIRE_OK);
    qr_store32(page + QR_HEADER_PAGES, 0xF0000000U);
    qr_store64(page + QR_PAGE_CHECKSUM,
               qr_hash64(page + QR_PAGE_LSN, sizeof page - QR_PAGE_LSN, 0));
    cr_assert_eq(qr_file_write_one(file, page, sizeof page, 0, &err), QUIRE_OK);
    cr_assert_eq(file->methods->size(file, &before, &err), QUIRE_OK);
    cr_assert_eq(try_open(&err), QUIRE_CORRUPT);
    cr_assert_eq(err.page, 8);
    options.mode = QUIRE_OPEN_READ_ONLY;
    cr_assert_eq(try_open(&err), QUIRE_CORRUPT);
    cr_assert_eq(err.offset, QR_HEADER_PAGES);
    cr_assert_eq(file->methods->size(file, &after, &err), QUIRE_OK);
    cr_assert_eq(after, before);
    file->methods->close(file);
}

Test(pager_open, damaged_page__fails_alone_and_names_itself)
{
    uint8_t byte = 0x55;
    make_database(true);
    damage(FIXTURE_PATH, 4 * 1024 + 500, &byte, 1);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_view *view = fixture_snapshot(pager);
    const uint8_t *page = NULL;
    quire_error err = QUIRE_ERROR_INIT;
    uint8_t raw[1024];
    qr_view_enter(view);
    cr_assert_eq(qr_view_page(view, 4, &page, &err), QUIRE_CORRUPT);
    qr_view_leave(view);
    cr_assert_eq(err.page, 4);
    cr_assert_eq(err.offset, 4 * 1024);
    cr_assert_str_eq(err.file, FIXTURE_PATH);
    cr_assert_eq(qr_view_page_raw(view, 4, raw, NULL), QUIRE_OK);
    cr_assert_eq(raw[500], 0x55);
    cr_assert_eq(fixture_read(view, 5), 102);
    qr_view_enter(view);
    cr_assert_eq(qr_view_page(view, 4000000, &page, &err), QUIRE_CORRUPT);
    qr_view_leave(view);
    qr_snapshot_close(view);
    fixture_close(pager);
}

Test(pager_open, misplaced_page__is_corrupt)
{
    uint8_t image[1024];
    make_database(true);
    struct qr_file *file = open_raw(FIXTURE_PATH);
    cr_assert_eq(qr_file_read_all(file, image, sizeof image, 5 * 1024, "db", NULL), QUIRE_OK);
    file->methods->close(file);
    damage(FIXTURE_PATH, 6 * 1024, image, sizeof image);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_view *view = fixture_snapshot(pager);
    const uint8_t *page = NULL;
    qr_view_enter(view);
    cr_assert_eq(qr_view_page(view, 6, &page, NULL), QUIRE_CORRUPT);
    qr_view_leave(view);
    qr_snapshot_close(view);
    fixture_close(pager);
}

Test(pager_open, missing_log__matters_only_after_an_unclean_end)
{
    quire_error err;
    make_database(true);
    remove_file(FIXTURE_WAL_PATH);
    cr_assert_eq(try_open(&err), QUIRE_OK);
    make_database(false);
    remove_file(FIXTURE_WAL_PATH);
    cr_assert_eq(try_open(&err), QUIRE_LOG_MISSING);
    options.mode = QUIRE_OPEN_READ_ONLY;
    cr_assert_eq(try_open(&err), QUIRE_LOG_MISSING);
}

Test(pager_open, log_of_another_database__is_a_mismatch)
{
    quire_error err;
    make_database(true);
    options.path = "/db/other.quire";
    make_database(false);
    options.path = FIXTURE_PATH;
    remove_file(FIXTURE_WAL_PATH);
    cr_assert_eq(options.layer->methods->rename(options.layer, "/db/other.quire-wal",
                                                FIXTURE_WAL_PATH, NULL),
                 QUIRE_OK);
    cr_assert_eq(try_open(&err), QUIRE_LOG_MISMATCH);
    remove_file(FIXTURE_PATH);
    cr_assert_eq(try_open(&err), QUIRE_LOG_MISMATCH, "a new database beside an old log");
}

Test(pager_open, short_log__is_named)
{
    quire_error err;
    make_database(false);
    cut_to(FIXTURE_WAL_PATH, 100);
    quire_status status = try_open(&err);
    cr_assert(status == QUIRE_CORRUPT || status == QUIRE_LOG_MISSING, "%s",
              quire_status_name(status));
}

/* ---- Read-only ---- */

Test(pager_open, read_only__shows_the_log_and_writes_nothing)
{
    make_database(false);
    options.mode = QUIRE_OPEN_READ_ONLY;
    faulty_layer_clear_record(faulty);
    struct qr_pager *pager = fixture_open(&options);
    struct qr_view *view = fixture_snapshot(pager);
    struct qr_txn *txn = NULL;
    for (uint32_t i = 0; i < 5; i++) {
        cr_assert_eq(fixture_read(view, 3 + i), 100 + i);
    }
    cr_assert_eq(qr_view_page_count(view), 8);
    cr_assert(qr_pager_read_only(pager));
    cr_assert_eq(qr_txn_begin(pager, 0, &txn, NULL), QUIRE_READ_ONLY);
    cr_assert_eq(qr_pager_checkpoint(pager, NULL), QUIRE_READ_ONLY);
    qr_snapshot_close(view);
    fixture_close(pager);
    cr_assert_eq(faulty_layer_count(faulty, FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_SYNC) |
                                                FAULTY_SET(FAULTY_TRUNCATE) |
                                                FAULTY_SET(FAULTY_REMOVE)),
                 0);
}

Test(pager_open, read_only__beside_a_writer_is_right_or_too_old)
{
    options.cache_bytes = 1 << 20;
    options.wal_segment_bytes = 1 << 20;
    options.wal_bytes_max = 8 << 20;
    struct qr_pager *writer = fixture_open(&options);
    struct qr_txn *txn = fixture_begin(writer);
    for (uint64_t i = 0; i < 100; i++) {
        (void)fixture_alloc(txn, 1000 + i);
    }
    fixture_commit(txn);
    struct qr_pager_options reading = options;
    reading.mode = QUIRE_OPEN_READ_ONLY;
    struct qr_pager *reader = fixture_open(&reading);
    struct qr_view *view = fixture_snapshot(reader);
    cr_assert_eq(fixture_read(view, 50), 1047);
    cr_assert_eq(qr_pager_checkpoint(writer, NULL), QUIRE_OK);
    struct qr_pager *second = fixture_open(&reading);
    txn = fixture_begin(writer);
    for (uint32_t p = 3; p < 103; p++) {
        fixture_write(txn, p, 1);
    }
    fixture_commit(txn);
    cr_assert_eq(qr_pager_checkpoint(writer, NULL), QUIRE_OK);
    struct qr_view *late = fixture_snapshot(second);
    const uint8_t *page = NULL;
    quire_error err = QUIRE_ERROR_INIT;
    qr_view_enter(late);
    cr_assert_eq(qr_view_page(late, 60, &page, &err), QUIRE_SNAPSHOT_TOO_OLD);
    qr_view_leave(late);
    qr_snapshot_close(late);
    for (uint32_t p = 3; p < 103; p++) {
        cr_assert_eq(fixture_read(view, p), 1000 + p - 3, "the overlay is in memory");
    }
    qr_snapshot_close(view);
    fixture_close(second);
    fixture_close(reader);
    fixture_close(writer);
}

Test(pager_open, real_files__work_the_same)
{
    struct temp_dir dir;
    char path[600];
    temp_dir_create(&dir);
    options.layer = qr_file_layer_posix();
    options.path = temp_dir_file(&dir, "a.quire", path, sizeof path);
    make_database(true);
    struct qr_pager *pager = fixture_open(&options);
    quire_error err;
    cr_assert_eq(try_open(&err), QUIRE_LOCKED);
    struct qr_view *view = fixture_snapshot(pager);
    cr_assert_eq(fixture_read(view, 7), 104);
    qr_snapshot_close(view);
    fixture_close(pager);
    temp_dir_remove(&dir);
}
