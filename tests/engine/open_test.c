/*
 * What opening costs and needs: few pages of a large database that was closed,
 * and nothing that writes when it is opened for reading.
 */
#define _POSIX_C_SOURCE 200809L

#include "engine_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/faulty_layer.h"
#include "support/temp_dir.h"

enum { LARGE = 1000, LARGE_BYTES = 100 * 1024 };

static quire_options small_options(void)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = 1024;
    options.durability = QUIRE_DURABILITY_OFF;
    return options;
}

static quire_stats stats_of(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_stats stats = {.size = sizeof stats};
    OK(quire_get_stats(db, &stats, &err));
    return stats;
}

/* `count` rows of `size` bytes, which all equal the key. */
static void put_rows(quire_db *db, int64_t count, size_t size)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint8_t *value = malloc(size);
    cr_assert_not_null(value);
    quire_txn *txn = begin_write(db);
    quire_tree *tree;
    quire_status status = quire_tree_create(txn, "rows", &err);
    cr_assert(status == QUIRE_OK || status == QUIRE_EXISTS);
    OK(quire_tree_open(txn, "rows", &tree, &err));
    for (int64_t key = 0; key < count; key++) {
        memset(value, (int)(key & 0xFF), size);
        OK(quire_tree_put(tree, key, value, size, NULL, &err));
    }
    quire_tree_close(tree);
    commit(txn);
    free(value);
}

static void expect_rows(quire_db *db, int64_t count, size_t expected_size)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_read(db);
    quire_tree *tree;
    OK(quire_tree_open(txn, "rows", &tree, &err));
    for (int64_t key = 0; key < count; key++) {
        const void *payload;
        size_t size;
        bool found;
        OK(quire_tree_find(tree, key, &payload, &size, &found, &err));
        cr_assert(found && size == expected_size);
        cr_assert_eq(*(const uint8_t *)payload, (uint8_t)(key & 0xFF));
    }
    quire_tree_close(tree);
    quire_rollback(txn);
}

Test(open, closed_database_of_a_hundred_thousand_pages__is_opened_by_a_few)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file_layer *files;
    quire_options options = small_options();
    quire_db *db;
    OK(qr_file_layer_memory_create(qr_allocator_default(), &files, &err));
    OK(qr_db_open_with("db", &options, files, false, &db, &err));
    put_rows(db, LARGE, LARGE_BYTES);
    cr_assert_gt(stats_of(db).pages, 100000);
    close_db(db);
    OK(qr_db_open_with("db", &options, files, false, &db, &err));
    quire_stats stats = stats_of(db);
    cr_assert_leq(stats.page_reads, 2);
    cr_assert_eq(stats.log_frames_live, 0, "closing leaves nothing to recover");
    cr_assert_eq(stats.pages_written, 0);
    quire_txn *txn = begin_read(db);
    quire_tree *tree;
    const void *payload;
    size_t size;
    bool found;
    OK(quire_tree_open(txn, "rows", &tree, &err));
    OK(quire_tree_find(tree, 5, &payload, &size, &found, &err));
    cr_assert(found && size == LARGE_BYTES);
    cr_assert_leq(stats_of(db).page_reads, 8 + LARGE_BYTES / 1000);
    quire_tree_close(tree);
    quire_rollback(txn);
    close_db(db);
    qr_file_layer_memory_destroy(files);
}

/* Every call that changes a file or a directory fails, as on a medium that cannot be written. */
static void make_immutable(struct faulty_layer *disk)
{
    static struct faulty_plan plan = {
        .kinds = FAULTY_SET(FAULTY_OPEN_TEMPORARY) | FAULTY_SET(FAULTY_REMOVE) |
                 FAULTY_SET(FAULTY_RENAME) | FAULTY_SET(FAULTY_SYNC_DIRECTORY) |
                 FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_SYNC) | FAULTY_SET(FAULTY_TRUNCATE) |
                 FAULTY_SET(FAULTY_LOCK),
        .forever = true,
        .os_errno = EROFS};
    faulty_layer_fail(disk, &plan);
}

static void read_immutable(bool closed, bool with_log)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct faulty_layer *disk = faulty_layer_create();
    quire_options options = small_options();
    quire_db *db;
    options.checkpoint = quire_checkpoint_manual();
    OK(qr_db_open_with("db", &options, faulty_layer_files(disk), false, &db, &err));
    put_rows(db, 2000, 50);
    OK(quire_checkpoint(db, &err));
    put_rows(db, 2000, 60);
    struct faulty_cut cut = {.survival = FAULTY_KEEP_ALL};
    struct faulty_layer *crashed = faulty_layer_power_cut_again(disk, &cut);
    close_db(db);
    struct faulty_layer *medium = closed ? disk : crashed;
    struct qr_file_layer *files = faulty_layer_files(medium);
    if (!with_log) {
        OK(files->methods->remove(files, "db-wal", &err));
    }
    make_immutable(medium);
    options.mode = QUIRE_OPEN_READ_ONLY;
    OK(qr_db_open_with("db", &options, files, false, &db, &err));
    expect_rows(db, 2000, 60);
    quire_txn *txn;
    FAILS(READ_ONLY, quire_begin(db, QUIRE_WRITE, &txn, &err));
    close_db(db);
    cr_assert_eq(faulty_layer_failures(medium), 0, "nothing was tried that would write");
    faulty_layer_heal(medium);
    faulty_layer_destroy(crashed);
    faulty_layer_destroy(disk);
}

Test(open, read_only__needs_no_write_after_a_clean_close)
{
    read_immutable(true, true);
}

Test(open, read_only__needs_no_log_after_a_clean_close)
{
    read_immutable(true, false);
}

Test(open, read_only__needs_no_write_after_a_crash)
{
    read_immutable(false, true);
}

static unsigned count_files(const char *path)
{
    unsigned count = 0;
    DIR *directory = opendir(path);
    cr_assert_not_null(directory);
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

Test(open, read_only__takes_files_and_directories_without_permission_to_write)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct temp_dir dir;
    char path[512];
    char log[600];
    quire_options options = small_options();
    quire_db *db;
    temp_dir_create(&dir);
    temp_dir_file(&dir, "db", path, sizeof path);
    snprintf(log, sizeof log, "%s-wal", path);
    OK(quire_open(path, &options, &db, &err));
    put_rows(db, 500, 50);
    close_db(db);
    cr_assert_eq(chmod(path, 0444) | chmod(log, 0444) | chmod(dir.path, 0555), 0);
    unsigned before = count_files(dir.path);
    options.mode = QUIRE_OPEN_READ_ONLY;
    OK(quire_open(path, &options, &db, &err));
    expect_rows(db, 500, 50);
    cr_assert_eq(count_files(dir.path), before);
    close_db(db);
    cr_assert_eq(count_files(dir.path), before);
    if (geteuid() != 0) { /* who may do everything is not refused */
        options.mode = QUIRE_OPEN_READ_WRITE;
        FAILS(PERMISSION, quire_open(path, &options, &db, &err));
    }
    cr_assert_eq(chmod(dir.path, 0755), 0);
    temp_dir_remove(&dir);
}

/* The first commit after an opening writes the header's place in the file at once. What a snapshot
 * from before it sees of the header is in memory alone then, and stays there however little room
 * there is. */
Test(open, first_commit__keeps_the_header_of_older_snapshots)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = small_options();
    quire_db *db;
    struct temp_dir dir;
    char path[600];
    uint64_t number;
    temp_dir_create(&dir);
    (void)temp_dir_file(&dir, "header.quire", path, sizeof path);
    options.cache_bytes = UINT64_C(64) * 1024;
    options.checkpoint = quire_checkpoint_manual();
    OK(quire_open(path, &options, &db, &err));
    put_rows(db, 2000, 300);
    OK(quire_close(db, &err));

    OK(quire_open(path, &options, &db, &err));
    quire_txn *old = begin_read(db);
    quire_txn *txn = begin_write(db);
    OK(quire_set_number(txn, QUIRE_USER_VERSION, 7, &err));
    commit(txn);
    expect_rows(db, 2000, 300);
    expect_rows(db, 2000, 300);
    cr_assert_gt(stats_of(db).evictions, 100);
    OK(quire_get_number(old, QUIRE_USER_VERSION, &number, &err));
    cr_assert_eq(number, 0);
    txn = begin_write(db);
    OK(quire_set_number(txn, QUIRE_USER_VERSION, 8, &err));
    commit(txn);
    OK(quire_checkpoint(db, &err));
    OK(quire_get_number(old, QUIRE_USER_VERSION, &number, &err));
    cr_assert_eq(number, 0);
    quire_rollback(old);
    OK(quire_close(db, &err));
    temp_dir_remove(&dir);
}
