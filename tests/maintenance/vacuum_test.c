/*
 * Incremental vacuum: every kind of page moves, nothing is lost, snapshots and
 * writers go on, and the file gets as small as what is in it.
 */
#include "maintenance_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/hash_internal.h"
#include "support/prng.h"

#define PAGE 1024

static struct faulty_layer *files;
static struct qr_file_layer *layer;

static void set_up(void)
{
    files = faulty_layer_create();
    layer = faulty_layer_files(files);
}

static void tear_down(void)
{
    faulty_layer_destroy(files);
}

TestSuite(vacuum, .init = set_up, .fini = tear_down);

/* ---- Shorthands ---- */

static quire_stats stats_of(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_stats stats = {.size = sizeof stats};
    OK(quire_get_stats(db, &stats, &err));
    return stats;
}

static quire_vacuum_result vacuum(quire_db *db, uint32_t step_pages)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_vacuum_options options = QUIRE_VACUUM_OPTIONS_INIT;
    quire_vacuum_result result = {.size = sizeof result};
    options.step_pages = step_pages;
    OK(quire_vacuum(db, &options, &result, &err));
    return result;
}

/* A tree whose rows take about so many pages. */
static void add_filler(quire_db *db, const char *name, int pages)
{
    static const uint8_t bytes[100 * PAGE] = {7};
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(db);
    quire_tree *tree;
    OK(quire_tree_create(txn, name, &err));
    OK(quire_tree_open(txn, name, &tree, &err));
    for (int i = 0; i * 100 < pages; i++) {
        OK(quire_tree_insert(tree, i, bytes, sizeof bytes, &err));
    }
    quire_tree_close(tree);
    commit(txn);
}

static void drop_tree(quire_db *db, const char *name)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(db);
    OK(quire_tree_drop(txn, name, &err));
    commit(txn);
}

/* A commit that needs no page more. */
static void touch(quire_db *db, int64_t rowid)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(db);
    quire_tree *blobs;
    OK(quire_tree_open(txn, "blobs", &blobs, &err));
    OK(quire_tree_put(blobs, rowid, "x", 1, NULL, &err));
    quire_tree_close(blobs);
    commit(txn);
}

/* A value in many runs: put while the free pages lie scattered. */
static void add_scattered(quire_db *db, size_t size)
{
    static const uint8_t one[2 * PAGE];
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(db);
    quire_tree *holes;
    quire_tree *blobs;
    uint8_t *bytes = malloc(size);
    struct prng prng;
    prng_init(&prng, size);
    prng_fill(&prng, bytes, size);
    OK(quire_tree_create(txn, "holes", &err));
    OK(quire_tree_open(txn, "holes", &holes, &err));
    for (int i = 0; i < 2000; i++) {
        OK(quire_tree_insert(holes, i, one, sizeof one - 200, &err));
    }
    for (int i = 0; i < 2000; i += 2) {
        OK(quire_tree_delete(holes, i, NULL, &err));
    }
    quire_tree_close(holes);
    commit(txn);
    txn = begin_write(db);
    OK(quire_tree_open(txn, "blobs", &blobs, &err));
    OK(quire_tree_insert(blobs, 77, bytes, size, &err));
    quire_tree_close(blobs);
    commit(txn);
    free(bytes);
}

static void expect_tight(quire_db *db)
{
    quire_stats stats = stats_of(db);
    cr_assert_leq(stats.pages_free, 2, "%u of %u pages free", stats.pages_free, stats.pages);
    cr_assert_eq(file_size(layer, "/d/db"), (uint64_t)stats.pages * PAGE);
}

/* ---- What moves ---- */

/* Everything there is, behind a tree that goes away. */
static quire_db *open_shifted(int rows)
{
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_NEW);
    add_filler(db, "filler", 6000);
    fill_sample(db, rows);
    add_scattered(db, 300 * PAGE);
    drop_tree(db, "holes");
    drop_tree(db, "filler");
    return db;
}

static void assert_everything_moves(uint32_t step_pages, int rows)
{
    quire_db *db = open_shifted(rows);
    uint64_t digest = digest_db(db);
    quire_stats before = stats_of(db);
    quire_vacuum_result result = vacuum(db, step_pages);
    quire_stats after = stats_of(db);
    cr_assert_eq(digest_db(db), digest);
    cr_assert_eq(result.pages_freed, before.pages - after.pages);
    cr_assert_geq(result.pages_moved, after.pages / 2, "%lu of %u pages moved",
                  (unsigned long)result.pages_moved, after.pages);
    cr_assert_leq(result.transactions * step_pages, 2 * result.pages_moved + 8UL * step_pages + 8);
    expect_tight(db);
    add_person(db, 90001);
    digest = digest_db(db);
    close_db(db);
    cr_assert_eq(digest_at(layer, "/d/db"), digest);
    expect_sound(layer, "/d/db");
}

Test(vacuum, pages_of_every_kind__move_to_the_front)
{
    assert_everything_moves(64, 6000);
}

Test(vacuum, steps_of_one_page__lead_to_the_same)
{
    assert_everything_moves(1, 900);
}

Test(vacuum, large_steps__lead_to_the_same)
{
    assert_everything_moves(1024, 900);
}

Test(vacuum, database_without_free_pages__is_left_alone)
{
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_NEW);
    quire_vacuum_result result = vacuum(db, 0);
    cr_assert_eq(result.transactions + result.pages_moved + result.pages_freed, 0);
    fill_sample(db, 300);
    vacuum(db, 0);
    uint64_t sequence = stats_of(db).commit_sequence;
    result = vacuum(db, 0);
    cr_assert_eq(result.transactions + result.pages_moved + result.pages_freed, 0);
    cr_assert_eq(stats_of(db).commit_sequence, sequence, "nothing was committed");
    close_db(db);
}

Test(vacuum, pages_max__ends_it_early)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_vacuum_options options = QUIRE_VACUUM_OPTIONS_INIT;
    quire_vacuum_result result = {.size = sizeof result};
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_NEW);
    add_filler(db, "filler", 1000);
    fill_sample(db, 900);
    drop_tree(db, "filler");
    options.pages_max = 50;
    options.step_pages = 20;
    OK(quire_vacuum(db, &options, &result, &err));
    cr_assert_geq(result.pages_freed, 50);
    cr_assert_lt(result.pages_freed, 100);
    cr_assert_gt(stats_of(db).pages_free, 800);
    close_db(db);
}

/* ---- The free map ---- */

#define REGION ((PAGE - 32) * 8)

Test(vacuum, pages_of_the_free_map__go_and_come_again)
{
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_NEW);
    for (int round = 0; round < 2; round++) {
        add_filler(db, "filler", 2 * REGION + 500);
        if (round == 0) {
            fill_sample(db, 300);
        }
        cr_assert_gt(stats_of(db).pages, 2 * REGION + 2);
        uint64_t digest;
        drop_tree(db, "filler");
        digest = digest_db(db);
        vacuum(db, 0);
        cr_assert_eq(digest_db(db), digest);
        cr_assert_lt(stats_of(db).pages, 1500);
        expect_tight(db);
    }
    close_db(db);
    expect_sound(layer, "/d/db");
}

/* The last page is the map's, or one of the two before it: each length of the database around it is
 * reached once. */
Test(vacuum, ends_around_a_page_of_the_free_map__are_all_sound)
{
    for (int extra = -4; extra < 5; extra++) {
        quire_error err = QUIRE_ERROR_INIT;
        char path[32];
        (void)snprintf(path, sizeof path, "/d/db%d", extra + 4);
        quire_db *db = open_at(layer, path, QUIRE_OPEN_NEW);
        add_filler(db, "first", 400);
        quire_txn *txn = begin_write(db);
        quire_keytree *keys;
        uint8_t *bytes = calloc(REGION, PAGE);
        OK(quire_keytree_create(txn, "keys", &err));
        OK(quire_keytree_open(txn, "keys", &keys, &err));
        uint32_t pages = qr_view_page_count(qr_txn_pages(txn));
        size_t data = (size_t)((int)(REGION - pages) + extra) - 2;
        OK(quire_keytree_insert(keys, "k", 1, bytes, data * (PAGE - 32), &err));
        OK(quire_keytree_insert(keys, "l", 1, bytes, 3 * (PAGE - 32), &err));
        quire_keytree_close(keys);
        commit(txn);
        drop_tree(db, "first");
        uint64_t digest = digest_db(db);
        quire_vacuum_result result = vacuum(db, 16);
        cr_assert_gt(result.pages_freed, 300);
        cr_assert_eq(digest_db(db), digest);
        cr_assert_leq(stats_of(db).pages_free, 2);
        close_db(db);
        struct qr_maintenance_place place = place_of(layer);
        OK(qr_copy_check(&place, path, false, &err));
        free(bytes);
    }
}

/* ---- Beside others ---- */

Test(vacuum, old_snapshot__keeps_what_it_sees)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_NEW);
    add_filler(db, "filler", REGION);
    fill_sample(db, 900);
    quire_txn *before = begin_read(db);
    uint64_t seen = digest_txn(before);
    drop_tree(db, "filler");
    quire_txn *after = begin_read(db);
    uint64_t seen_after = digest_txn(after);
    uint32_t pages = stats_of(db).pages;
    vacuum(db, 32);
    cr_assert_gt(stats_of(db).pages, pages - 200, "nearly all of it is seen in use");
    OK(quire_checkpoint(db, &err));
    cr_assert_eq(digest_txn(before), seen);
    quire_rollback(before);
    cr_assert_gt(vacuum(db, 32).pages_moved, 100);
    OK(quire_checkpoint(db, &err));
    cr_assert_eq(digest_txn(after), seen_after);
    quire_rollback(after);
    vacuum(db, 32);
    expect_tight(db);
    close_db(db);
    expect_sound(layer, "/d/db");
}

/* The end is taken off under a snapshot that sees it, free: the file waits, and what grows there
 * again changes nothing for the snapshot. */
Test(vacuum, end_taken_off_under_a_snapshot__grows_again)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_NEW);
    fill_sample(db, 300);
    add_filler(db, "filler", 2 * REGION + 100);
    drop_tree(db, "filler");
    touch(db, 0);
    OK(quire_checkpoint(db, &err));
    uint64_t size = file_size(layer, "/d/db");
    for (int round = 0; round < 3; round++) {
        quire_txn *snapshot = begin_read(db);
        uint64_t seen = digest_txn(snapshot);
        uint32_t pages = qr_view_page_count(qr_txn_pages(snapshot));
        cr_assert_gt(vacuum(db, 0).pages_freed, 0);
        cr_assert_eq(file_size(layer, "/d/db"), size);
        add_filler(db, "filler", 2 * REGION + 100);
        OK(quire_checkpoint(db, &err));
        touch(db, 1 + round);
        OK(quire_checkpoint(db, &err));
        cr_assert_eq(digest_txn(snapshot), seen);
        for (uint32_t page = 0; page < pages; page++) {
            bool is_free;
            OK(qr_view_page_is_free(qr_txn_pages(snapshot), page, &is_free, &err));
        }
        quire_rollback(snapshot);
        drop_tree(db, "filler");
        touch(db, 10 + round);
        OK(quire_checkpoint(db, &err));
        size = file_size(layer, "/d/db");
    }
    vacuum(db, 0);
    expect_tight(db);
    close_db(db);
    expect_sound(layer, "/d/db");
}

struct company {
    quire_db *db;
    int calls, added;
    uint64_t commits;
    int stop_after;
};

static bool write_between(void *context, const quire_progress *progress)
{
    struct company *company = context;
    cr_assert_leq(progress->done, progress->total);
    company->commits = progress->commits;
    if (company->added < 40) {
        add_person(company->db, 70000 + company->added++);
    }
    return company->stop_after == 0 || ++company->calls < company->stop_after;
}

Test(vacuum, writer__commits_between_the_steps)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_vacuum_options options = QUIRE_VACUUM_OPTIONS_INIT;
    quire_db *db = open_shifted(900);
    struct company company = {.db = db};
    options.step_pages = 16;
    options.progress = write_between;
    options.context = &company;
    OK(quire_vacuum(db, &options, NULL, &err));
    cr_assert_gt(company.added, 10);
    cr_assert_geq(company.commits + 1, (uint64_t)company.added);
    quire_txn *txn = begin_read(db);
    quire_table *people;
    uint64_t rows;
    OK(quire_table_open(txn, "people", &people, &err));
    OK(quire_table_row_count(people, &rows, &err));
    cr_assert_eq(rows, 600 + (uint64_t)company.added);
    quire_table_close(people);
    quire_rollback(txn);
    close_db(db);
    expect_sound(layer, "/d/db");
}

Test(vacuum, progress__ends_it_and_what_was_done_stays)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_vacuum_options options = QUIRE_VACUUM_OPTIONS_INIT;
    quire_vacuum_result result = {.size = sizeof result};
    quire_db *db = open_shifted(900);
    struct company company = {.db = db, .added = 40, .stop_after = 5};
    options.no_repack = true;
    uint64_t digest = digest_db(db);
    options.step_pages = 8;
    options.progress = write_between;
    options.context = &company;
    FAILS(INTERRUPTED, quire_vacuum(db, &options, &result, &err));
    cr_assert_gt(result.pages_freed, 0);
    cr_assert_eq(digest_db(db), digest);
    close_db(db);
    expect_sound(layer, "/d/db");
}

/* ---- Repacking ---- */

static void expect_whole(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_maintenance_place place = place_of(layer);
    OK(qr_copy_check(&place, "/d/db", false, &err));
}

/* Rows, every tenth of which is left, in a tree and a key tree. */
static quire_db *open_thin(int64_t rows)
{
    static const uint8_t bytes[60] = {3};
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_NEW);
    quire_txn *txn = begin_write(db);
    quire_tree *tree;
    quire_keytree *keys;
    OK(quire_tree_create(txn, "blobs", &err));
    OK(quire_tree_create(txn, "thin", &err));
    OK(quire_keytree_create(txn, "thin keys", &err));
    OK(quire_tree_open(txn, "thin", &tree, &err));
    OK(quire_keytree_open(txn, "thin keys", &keys, &err));
    for (int64_t i = 0; i < rows; i++) {
        char key[24];
        int size = snprintf(key, sizeof key, "key %ld", (long)(i * 7919 % 99991));
        OK(quire_tree_insert(tree, i, bytes, sizeof bytes, &err));
        OK(quire_keytree_insert(keys, key, (size_t)size, bytes, sizeof bytes, &err));
    }
    for (int64_t i = 0; i < rows; i++) {
        int64_t row = i * 7717 % rows; /* coprime to it */
        char key[24];
        int size = snprintf(key, sizeof key, "key %ld", (long)(row * 7919 % 99991));
        if (row % 10 != 3) {
            OK(quire_tree_delete(tree, row, NULL, &err));
            OK(quire_keytree_delete(keys, key, (size_t)size, NULL, &err));
        }
    }
    quire_keytree_close(keys);
    quire_tree_close(tree);
    commit(txn);
    return db;
}

/* What is told during a vacuum, and a snapshot taken after the first steps. */
struct watch {
    quire_db *db;
    int calls;
    quire_txn *snapshot;
    uint64_t seen, commits;
};

static bool watch_steps(void *context, const quire_progress *progress)
{
    struct watch *watch = context;
    cr_assert_leq(progress->done, progress->total);
    watch->commits = progress->commits;
    watch->calls++;
    touch(watch->db, 500000);
    if (watch->calls == 3) {
        watch->snapshot = begin_read(watch->db);
        watch->seen = digest_txn(watch->snapshot);
    }
    return true;
}

Test(vacuum, repacking__lets_writers_in_and_keeps_what_snapshots_see)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_vacuum_options options = QUIRE_VACUUM_OPTIONS_INIT;
    quire_vacuum_result result = {.size = sizeof result};
    quire_db *db = open_thin(20000);
    touch(db, 500000);
    quire_txn *before = begin_read(db);
    uint64_t seen = digest_txn(before);
    struct watch watch = {.db = db};
    options.step_pages = 16;
    options.progress = watch_steps;
    options.context = &watch;
    OK(quire_vacuum(db, &options, &result, &err));
    cr_assert_gt(result.pages_repacked, 100);
    cr_assert_gt(watch.calls, 5);
    cr_assert_geq(watch.commits + 1, (uint64_t)watch.calls, "one came in before each step");
    OK(quire_checkpoint(db, &err));
    cr_assert_eq(digest_txn(before), seen);
    cr_assert_eq(digest_txn(watch.snapshot), watch.seen);
    quire_rollback(before);
    quire_rollback(watch.snapshot);
    cr_assert_eq(digest_db(db), seen);
    cr_assert_eq(vacuum(db, 16).pages_repacked, 0, "it is done");
    expect_tight(db);
    close_db(db);
    expect_whole();
}

Test(vacuum, no_repack__moves_pages_alone)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_vacuum_options options = QUIRE_VACUUM_OPTIONS_INIT;
    quire_vacuum_result result = {.size = sizeof result};
    quire_db *db = open_thin(5000);
    options.no_repack = true;
    OK(quire_vacuum(db, &options, &result, &err));
    cr_assert_eq(result.pages_repacked, 0);
    cr_assert_gt(result.pages_freed, 0);
    uint32_t pages = stats_of(db).pages;
    result = vacuum(db, 64);
    cr_assert_gt(result.pages_repacked, 0);
    cr_assert_lt(stats_of(db).pages, pages - pages / 4);
    close_db(db);
    expect_whole();
}

Test(vacuum, pages_max__is_met_without_repacking_when_so_many_are_free)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_vacuum_options options = QUIRE_VACUUM_OPTIONS_INIT;
    quire_vacuum_result result = {.size = sizeof result};
    quire_db *db = open_thin(5000);
    options.pages_max = 20;
    cr_assert_gt(stats_of(db).pages_free, 20);
    OK(quire_vacuum(db, &options, &result, &err));
    cr_assert_eq(result.pages_repacked, 0);
    cr_assert_geq(result.pages_freed, 20);
    close_db(db);
}

/* A hash index with one key for all rows has a tree of rowids. */
Test(vacuum, rowids_of_a_frequent_key__are_repacked)
{
    static const quire_column columns[] = {{"kind", QUIRE_INT, false}};
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_NEW);
    quire_txn *txn = begin_write(db);
    quire_table *table;
    OK(quire_table_create(txn, "things", columns, 1, &err));
    OK(add_index(txn, "things", "by_kind", QUIRE_INDEX_HASH, false, "kind", NULL, &err));
    OK(quire_table_open(txn, "things", &table, &err));
    for (int64_t i = 1; i <= 9000; i++) {
        int64_t rowid = i * 7717 % 9001;
        quire_value row[] = {quire_int(1)};
        OK(quire_table_insert(table, &rowid, row, 1, &err));
    }
    for (int64_t i = 1; i <= 9000; i++) {
        int64_t rowid = i * 7919 % 9001;
        if (rowid % 10 != 0) {
            OK(quire_table_delete(table, rowid, NULL, &err));
        }
    }
    quire_table_close(table);
    commit(txn);
    uint64_t digest = digest_db(db);
    quire_vacuum_result result = vacuum(db, 64);
    /* The table has 25 full pages for its 900 rows, and the rowids 10. */
    cr_assert_gt(result.pages_repacked, 20);
    cr_assert_leq(stats_of(db).pages, 45);
    cr_assert_eq(digest_db(db), digest);
    close_db(db);
    expect_whole();
}

Test(vacuum, disk_that_fails_while_it_repacks__leaves_the_same_database)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_vacuum_options options = QUIRE_VACUUM_OPTIONS_INIT;
    bool failed = true;
    options.step_pages = 16;
    tear_down();
    for (uint64_t at = 0; failed; at += 1 + at / 8) {
        set_up();
        quire_db *db = open_thin(2500);
        uint64_t digest = digest_db(db);
        struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_SYNC) |
                                            FAULTY_SET(FAULTY_TRUNCATE),
                                   .index = at,
                                   .os_errno = EIO};
        faulty_layer_fail(files, &plan);
        quire_status status = quire_vacuum(db, &options, NULL, &err);
        failed = faulty_layer_failures(files) > 0;
        cr_assert(failed || status == QUIRE_OK);
        faulty_layer_heal(files);
        (void)quire_close(db, &err);
        cr_assert_eq(digest_at(layer, "/d/db"), digest);
        expect_whole();
        tear_down();
    }
    set_up();
}

/* ---- Refusals and failures ---- */

Test(vacuum, wrong_arguments__are_refused)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_vacuum_options options = QUIRE_VACUUM_OPTIONS_INIT;
    quire_vacuum_result result = {.size = 1};
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_NEW);
    FAILS(MISUSE, quire_vacuum(NULL, NULL, NULL, &err));
    FAILS(MISUSE, quire_vacuum(db, NULL, &result, &err));
    options.step_pages = 1025;
    FAILS(MISUSE, quire_vacuum(db, &options, NULL, &err));
    options.size = 1;
    FAILS(MISUSE, quire_vacuum(db, &options, NULL, &err));
    close_db(db);
    db = open_at(layer, "/d/db", QUIRE_OPEN_READ_ONLY);
    FAILS(READ_ONLY, quire_vacuum(db, NULL, NULL, &err));
    close_db(db);
}

Test(vacuum, failing_disk__leaves_the_same_database)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_vacuum_options options = QUIRE_VACUUM_OPTIONS_INIT;
    bool failed = true;
    options.step_pages = 30;
    tear_down();
    for (uint64_t at = 0; failed; at += 1 + at / 8) {
        set_up();
        quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_NEW);
        add_filler(db, "filler", 300);
        fill_sample(db, 150);
        drop_tree(db, "filler");
        uint64_t digest = digest_db(db);
        struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_SYNC) |
                                            FAULTY_SET(FAULTY_TRUNCATE),
                                   .index = at,
                                   .os_errno = EIO};
        faulty_layer_fail(files, &plan);
        quire_status status = quire_vacuum(db, &options, NULL, &err);
        failed = faulty_layer_failures(files) > 0;
        cr_assert(failed || status == QUIRE_OK);
        faulty_layer_heal(files);
        (void)quire_close(db, &err);
        cr_assert_eq(digest_at(layer, "/d/db"), digest);
        expect_sound(layer, "/d/db");
        tear_down();
    }
    set_up();
}

Test(vacuum, page_that_nothing_refers_to__is_named)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_NEW);
    fill_sample(db, 150);
    quire_txn *txn = begin_write(db);
    uint32_t page_number;
    uint8_t *page;
    OK(qr_txn_page_alloc(qr_view_txn(qr_txn_pages(txn)), QR_PAGE_TYPE_ROW_LEAF, 999, 0,
                         &page_number, &page, &err));
    commit(txn);
    uint32_t last = stats_of(db).pages - 1;
    txn = begin_write(db);
    while (page_number < last) {
        OK(qr_txn_page_alloc(qr_view_txn(qr_txn_pages(txn)), QR_PAGE_TYPE_ROW_LEAF, 999, 0,
                             &page_number, &page, &err));
    }
    commit(txn);
    FAILS(CORRUPT, quire_vacuum(db, NULL, NULL, &err));
    cr_assert_geq(err.page, last);
    close_db(db);
}

/* ---- By chance ---- */

static void change_by_chance(quire_db *db, struct prng *prng, int round)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(db);
    quire_table *people;
    quire_tree *blobs;
    OK(quire_table_open(txn, "people", &people, &err));
    OK(quire_tree_open(txn, "blobs", &blobs, &err));
    for (int i = 0; i < 40; i++) {
        bool found;
        OK(quire_table_delete(people, 1 + (int64_t)prng_below(prng, 1200), &found, &err));
    }
    for (int i = 0; i < 3; i++) {
        size_t size = prng_below(prng, 60000);
        uint8_t *bytes = malloc(size + 1);
        prng_fill(prng, bytes, size);
        int64_t row = (int64_t)prng_below(prng, 12);
        if (prng_one_in(prng, 3)) {
            OK(quire_tree_delete(blobs, row, NULL, &err));
        } else {
            OK(quire_tree_put(blobs, row, bytes, size, NULL, &err));
        }
        free(bytes);
    }
    quire_tree_close(blobs);
    quire_table_close(people);
    commit(txn);
    for (int i = 0; i < 20; i++) {
        add_person(db, 30000 + 20 * round + i);
    }
}

Test(vacuum, changes_and_vacuums_in_turn__keep_everything)
{
    struct prng prng;
    prng_init(&prng, 20);
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_NEW);
    fill_sample(db, 900);
    quire_txn *snapshot = begin_read(db);
    uint64_t seen = digest_txn(snapshot);
    for (int round = 0; round < 40; round++) {
        change_by_chance(db, &prng, round);
        uint64_t digest = digest_db(db);
        vacuum(db, 1 + (uint32_t)prng_below(&prng, 100));
        cr_assert_eq(digest_db(db), digest);
        if (prng_one_in(&prng, 4)) {
            cr_assert_eq(digest_txn(snapshot), seen);
            quire_rollback(snapshot);
            snapshot = begin_read(db);
            seen = digest;
        }
        if (prng_one_in(&prng, 8)) {
            quire_rollback(snapshot);
            close_db(db);
            expect_sound(layer, "/d/db");
            db = open_at(layer, "/d/db", QUIRE_OPEN_READ_WRITE);
            snapshot = begin_read(db);
            seen = digest;
        }
    }
    quire_rollback(snapshot);
    vacuum(db, 0);
    expect_tight(db);
    close_db(db);
    expect_sound(layer, "/d/db");
}
