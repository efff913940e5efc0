/*
 * Backup and restore: what the copy holds, that others go on meanwhile, what is
 * refused, and that whatever moment the power goes a whole database stands at
 * the path.
 */
#include "maintenance_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pager/page_format.h"
#include "support/temp_dir.h"

#define ROWS 300

static struct faulty_layer *files;
static struct qr_file_layer *layer;
static struct qr_maintenance_place place;

static void set_up(void)
{
    files = faulty_layer_create();
    layer = faulty_layer_files(files);
    place = place_of(layer);
    create_sample(layer, "/d/db", ROWS);
}

static void tear_down(void)
{
    faulty_layer_destroy(files);
}

TestSuite(backup, .init = set_up, .fini = tear_down);

static quire_status back_up(quire_db *db, const char *path, quire_error *err)
{
    return qr_backup(db, &place, path, NULL, err);
}

static void read_header(const char *path, uint8_t header[QR_HEADER_END])
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file *file;
    OK(layer->methods->open(layer, path, QR_OPEN_READ, &file, &err));
    OK(qr_file_read_all(file, header, QR_HEADER_END, 0, path, &err));
    file->methods->close(file);
}

Test(backup, copy__equals_the_database_and_is_another_one)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint8_t original[QR_HEADER_END];
    uint8_t copy[QR_HEADER_END];
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_READ_WRITE);
    OK(back_up(db, "/d/copy", &err));
    uint64_t digest = digest_db(db);
    close_db(db);
    cr_assert_eq(digest_at(layer, "/d/copy"), digest);
    cr_assert(!file_exists(layer, "/d/copy-new") && !file_exists(layer, "/d/copy-wal"));
    read_header("/d/db", original);
    read_header("/d/copy", copy);
    cr_assert_neq(memcmp(original + QR_HEADER_ID, copy + QR_HEADER_ID, 16), 0);
    cr_assert(qr_load32(copy + QR_HEADER_FLAGS) & QR_HEADER_FLAG_CLEAN);
    cr_assert_eq(qr_load32(copy + QR_HEADER_FREE_PAGES),
                 qr_load32(original + QR_HEADER_FREE_PAGES));
    cr_assert_gt(qr_load32(copy + QR_HEADER_FREE_PAGES), 0);
    expect_sound(layer, "/d/copy");
}

Test(backup, copy__takes_new_rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_READ_WRITE);
    OK(back_up(db, "/d/copy", &err));
    close_db(db);
    db = open_at(layer, "/d/copy", QUIRE_OPEN_READ_WRITE);
    for (int i = 0; i < 100; i++) {
        add_person(db, 20000 + i);
    }
    close_db(db);
    expect_sound(layer, "/d/copy");
}

Test(backup, free_pages__are_blank_in_the_copy)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_READ_WRITE);
    OK(back_up(db, "/d/copy", &err));
    close_db(db);
    db = open_at(layer, "/d/copy", QUIRE_OPEN_READ_ONLY);
    quire_txn *txn = begin_read(db);
    struct qr_view *view = qr_txn_pages(txn);
    unsigned blank = 0;
    for (uint32_t i = 0; i < qr_view_page_count(view); i++) {
        uint8_t page[1024];
        bool is_free;
        OK(qr_view_page_is_free(view, i, &is_free, &err));
        OK(qr_view_page_raw(view, i, page, &err));
        for (size_t at = QR_PAGE_HEADER_SIZE; is_free && at < sizeof page; at++) {
            cr_assert_eq(page[at], 0);
        }
        blank += is_free;
    }
    cr_assert_gt(blank, 0);
    quire_rollback(txn);
    OK(quire_close(db, &err));
}

Test(backup, empty_database__is_copied)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, "/d/empty", QUIRE_OPEN_NEW);
    OK(back_up(db, "/d/copy", &err));
    close_db(db);
    db = open_at(layer, "/d/copy", QUIRE_OPEN_READ_WRITE);
    quire_txn *txn = begin_write(db);
    OK(quire_tree_create(txn, "first", &err));
    commit(txn);
    close_db(db);
}

/* ---- While others work ---- */

struct writer {
    quire_db *db;
    int commits;
    uint64_t counted;
    uint64_t last_done;
};

static bool commit_one(void *context, const quire_progress *progress)
{
    struct writer *writer = context;
    cr_assert_geq(progress->done, writer->last_done);
    writer->last_done = progress->done;
    writer->counted = progress->commits;
    add_person(writer->db, 30000 + writer->commits++);
    return true;
}

Test(backup, commits__go_through_between_every_two_batches)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct writer writer = {.db = open_at(layer, "/d/db", QUIRE_OPEN_READ_WRITE)};
    quire_backup_options options = QUIRE_BACKUP_OPTIONS_INIT;
    options.batch_pages = 4;
    options.progress = commit_one;
    options.context = &writer;
    uint64_t before = digest_db(writer.db);
    OK(qr_backup(writer.db, &place, "/d/copy", &options, &err));
    cr_assert_gt(writer.commits, 20);
    cr_assert_eq(writer.counted, (uint64_t)writer.commits - 1, "each was counted by the next call");
    cr_assert_eq(digest_at(layer, "/d/copy"), before, "the copy is the state at the beginning");
    cr_assert_neq(digest_db(writer.db), before);
    close_db(writer.db);
    expect_sound(layer, "/d/copy");
    expect_sound(layer, "/d/db");
}

Test(backup, open_write_transaction__stays_out_of_the_copy)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_READ_WRITE);
    uint64_t before = digest_db(db);
    quire_txn *txn = begin_write(db);
    OK(quire_tree_create(txn, "later", &err));
    OK(back_up(db, "/d/copy", &err));
    commit(txn);
    cr_assert_eq(digest_at(layer, "/d/copy"), before);
    close_db(db);
}

static bool stop_half_way(void *context, const quire_progress *progress)
{
    (void)context;
    return progress->done * 2 < progress->total;
}

Test(backup, cancelling__leaves_nothing)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_READ_WRITE);
    quire_backup_options options = QUIRE_BACKUP_OPTIONS_INIT;
    options.batch_pages = 4;
    options.progress = stop_half_way;
    FAILS(INTERRUPTED, qr_backup(db, &place, "/d/copy", &options, &err));
    cr_assert(!file_exists(layer, "/d/copy") && !file_exists(layer, "/d/copy-new"));
    close_db(db);
}

Test(backup, rate__slows_a_copy_that_still_ends)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, "/d/empty", QUIRE_OPEN_NEW);
    quire_backup_options options = QUIRE_BACKUP_OPTIONS_INIT;
    options.pages_per_second_max = 100;
    options.batch_pages = 1;
    OK(qr_backup(db, &place, "/d/copy", &options, &err));
    close_db(db);
}

/* ---- Refusals ---- */

Test(backup, existing_target__is_refused_and_replaced_on_request)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_READ_WRITE);
    quire_backup_options options = QUIRE_BACKUP_OPTIONS_INIT;
    OK(back_up(db, "/d/copy", &err));
    uint64_t first = digest_db(db);
    add_person(db, 20000);
    FAILS(EXISTS, back_up(db, "/d/copy", &err));
    cr_assert_eq(digest_at(layer, "/d/copy"), first);
    options.replace = true;
    OK(qr_backup(db, &place, "/d/copy", &options, &err));
    cr_assert_eq(digest_at(layer, "/d/copy"), digest_db(db));
    FAILS(LOCKED, qr_backup(db, &place, "/d/db", &options, &err));
    close_db(db);
}

Test(backup, wrong_options__are_refused)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_READ_WRITE);
    quire_backup_options options = {.size = 4};
    FAILS(MISUSE, qr_backup(db, &place, "/d/copy", &options, &err));
    options = (quire_backup_options)QUIRE_BACKUP_OPTIONS_INIT;
    options.batch_pages = 100000;
    FAILS(MISUSE, qr_backup(db, &place, "/d/copy", &options, &err));
    FAILS(MISUSE, quire_backup(NULL, "/d/copy", NULL, &err));
    FAILS(MISUSE, quire_backup(db, "", NULL, &err));
    FAILS(MISUSE, quire_restore(NULL, "/d/copy", NULL, &err));
    close_db(db);
}

Test(backup, damaged_source__is_reported_with_its_page)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file *file;
    uint8_t byte = 0xA5;
    uint64_t pages = file_size(layer, "/d/db") / 1024;
    OK(layer->methods->open(layer, "/d/db", QR_OPEN_WRITE, &file, &err));
    OK(qr_file_write_one(file, &byte, 1, (pages - 1) * 1024 + 500, &err));
    file->methods->close(file);
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_READ_WRITE);
    FAILS(CORRUPT, back_up(db, "/d/copy", &err));
    cr_assert_eq(err.page, pages - 1);
    cr_assert(!file_exists(layer, "/d/copy"));
    close_db(db);
}

Test(backup, failing_calls__leave_no_copy_and_a_whole_database)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t before = digest_at(layer, "/d/db");
    bool done = false;
    for (uint64_t index = 0; !done; index += index < 40 ? 1 : 7) {
        quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_READ_WRITE);
        struct faulty_plan plan = {.kinds = FAULTY_CHANGES | FAULTY_SET(FAULTY_READ),
                                   .index = index,
                                   .forever = true,
                                   .path_part = "copy"};
        faulty_layer_fail(files, &plan);
        quire_status status = back_up(db, "/d/copy", &err);
        done = faulty_layer_failures(files) == 0;
        faulty_layer_heal(files);
        cr_assert(done == (status == QUIRE_OK), "%s", err.message);
        close_db(db);
        if (!done && file_exists(layer, "/d/copy")) {
            /* Only the sync of the directory failed: the file is whole. */
            cr_assert_eq(digest_at(layer, "/d/copy"), before);
            OK(layer->methods->remove(layer, "/d/copy", &err));
        }
    }
    cr_assert_eq(digest_at(layer, "/d/copy"), before);
    cr_assert_eq(digest_at(layer, "/d/db"), before);
}

/* ---- Restore ---- */

static void make_copy(const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_READ_WRITE);
    OK(back_up(db, path, &err));
    close_db(db);
}

Test(backup, restore__makes_the_database_again)
{
    quire_error err = QUIRE_ERROR_INIT;
    make_copy("/d/copy");
    OK(qr_restore(&place, "/d/copy", "/d/again", NULL, &err));
    cr_assert_eq(digest_at(layer, "/d/again"), digest_at(layer, "/d/db"));
    cr_assert(file_exists(layer, "/d/copy"));
    FAILS(EXISTS, qr_restore(&place, "/d/copy", "/d/again", NULL, &err));
    FAILS(NO_FILE, qr_restore(&place, "/d/none", "/d/other", NULL, &err));
}

Test(backup, restore__refuses_a_damaged_backup)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file *file;
    make_copy("/d/copy");
    OK(layer->methods->open(layer, "/d/copy", QR_OPEN_WRITE, &file, &err));
    OK(qr_file_write_one(file, "x", 1, 5 * 1024 + 77, &err));
    file->methods->close(file);
    FAILS(CORRUPT, qr_restore(&place, "/d/copy", "/d/again", NULL, &err));
    cr_assert(!file_exists(layer, "/d/again"));
}

Test(backup, restore__refuses_an_open_database)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_backup_options options = QUIRE_BACKUP_OPTIONS_INIT;
    make_copy("/d/copy");
    options.replace = true;
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_READ_WRITE);
    FAILS(LOCKED, qr_restore(&place, "/d/copy", "/d/db", &options, &err));
    close_db(db);
}

Test(backup, restore__replaces_a_damaged_database_and_its_log)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_backup_options options = QUIRE_BACKUP_OPTIONS_INIT;
    struct qr_file *file;
    uint8_t garbage[400];
    memset(garbage, 0x5A, sizeof garbage);
    make_copy("/d/copy");
    uint64_t digest = digest_at(layer, "/d/copy");
    OK(layer->methods->open(layer, "/d/db", QR_OPEN_WRITE, &file, &err));
    OK(qr_file_write_one(file, garbage, sizeof garbage, 60, &err));
    file->methods->close(file);
    options.replace = true;
    OK(qr_restore(&place, "/d/copy", "/d/db", &options, &err));
    cr_assert(!file_exists(layer, "/d/db-wal"));
    cr_assert_eq(digest_at(layer, "/d/db"), digest);
    expect_sound(layer, "/d/db");
}

Test(backup, restore__handles_a_log_without_its_database)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_backup_options options = QUIRE_BACKUP_OPTIONS_INIT;
    make_copy("/d/copy");
    faulty_layer_install(files, "/d/again-wal", "not a log", 9);
    FAILS(EXISTS, qr_restore(&place, "/d/copy", "/d/again", &options, &err));
    options.replace = true;
    OK(qr_restore(&place, "/d/copy", "/d/again", &options, &err));
    expect_sound(layer, "/d/again");
}

/* ---- Power cuts ---- */

struct cuts {
    struct qr_file_layer *images[64];
    unsigned count;
    unsigned calls;
    uint64_t seed;
};

static void take_image(void *context, const struct faulty_record *record)
{
    struct cuts *cuts = context;
    struct faulty_cut cut = {.survival = FAULTY_KEEP_RANDOM,
                             .tear = FAULTY_TEAR_RANDOM,
                             .garbage = true,
                             .seed = ++cuts->seed};
    bool interesting = record->kind != FAULTY_WRITE || cuts->calls++ % 5 == 0;
    if (interesting && cuts->count < sizeof cuts->images / sizeof cuts->images[0]) {
        cuts->images[cuts->count++] = faulty_layer_power_cut(files, &cut);
    }
}

Test(backup, power_cut_during_restore__leaves_the_old_or_the_new_database)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_backup_options options = QUIRE_BACKUP_OPTIONS_INIT;
    unsigned old_ones = 0;
    unsigned new_ones = 0;
    options.replace = true;
    make_copy("/d/copy");
    OK(layer->methods->sync_directory(layer, "/d/db", &err));
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_READ_WRITE);
    add_person(db, 20000);
    close_db(db);
    uint64_t old_digest = digest_at(layer, "/d/db");
    uint64_t new_digest = digest_at(layer, "/d/copy");
    for (unsigned round = 0; round < 6; round++) {
        struct faulty_cut all = {.survival = FAULTY_KEEP_ALL};
        struct faulty_layer *before = files;
        struct cuts cuts = {.seed = round * 1000};
        files = faulty_layer_power_cut_again(before, &all);
        layer = faulty_layer_files(files);
        place = place_of(layer);
        faulty_layer_observe(files, FAULTY_CHANGES, take_image, &cuts);
        OK(qr_restore(&place, "/d/copy", "/d/db", &options, &err));
        faulty_layer_observe(files, 0, NULL, NULL);
        for (unsigned i = 0; i < cuts.count; i++) {
            uint64_t found = digest_at(cuts.images[i], "/d/db");
            cr_assert(found == old_digest || found == new_digest, "round %u image %u", round, i);
            old_ones += found == old_digest;
            new_ones += found == new_digest;
            qr_file_layer_memory_destroy(cuts.images[i]);
        }
        faulty_layer_destroy(files);
        files = before;
        layer = faulty_layer_files(files);
    }
    cr_assert_gt(old_ones, 0);
    cr_assert_gt(new_ones, 0);
}

Test(backup, memory_database__is_backed_up_to_a_real_file)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct temp_dir dir;
    char path[600];
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    commit(txn);
    temp_dir_create(&dir);
    temp_dir_file(&dir, "copy", path, sizeof path);
    OK(quire_backup(db, path, NULL, &err));
    uint64_t digest = digest_db(db);
    close_db(db);
    cr_assert_eq(digest_at(qr_file_layer_posix(), path), digest);
    temp_dir_remove(&dir);
}
