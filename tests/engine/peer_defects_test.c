/*
 * Defects of other engines, as they were found or follow from their code, each
 * a test that this one must pass. Where another test has the subject, it is
 * named here instead.
 *
 * Defects of a page-logging peer:
 *    1  later commits after a checkpoint  snapshot__outlives_checkpoints
 *    2  snapshot begins at new roots      snapshot__keeps_its_roots
 *    3  failing close deletes the log     close__that_fails_keeps_the_log
 *    4  log compacted in place            no frame is ever moved; wal_crash/power_cut*,
 *                                        commits__go_on_within_a_checkpoint
 *    5  pages written before the log      power_cut_without_syncs__is_a_past_state
 *    6  weak checksums, none on pages     wal_scan/swapped_words*, inspect_sweep/...
 *    7  bad log makes the file unusable   log_of_any_form__has_a_defined_outcome
 *    8  names that share a hash           names_that_collide_elsewhere__coexist
 *    9  two processes write               second_process__is_refused_until_the_first_dies
 *   10  readers wait for checkpoints      readers__open_within_a_checkpoint_and_look_at_no_page
 *   11  backup refuses readers            backup__goes_on_beside_readers_and_a_writer,
 *                                        compact/power_cut*, backup/power_cut*
 *
 * Acceptance: 1 to 3 and 5 to 9 as above; 4 (commits beside a checkpoint)
 * commits__go_on_within_a_checkpoint; 10 deletes__leave_no_orphan_and_give_space_back;
 * 11 btree_index/duplicates*, hash/duplicates*; 12 inspect_sweep/...; 13 as 11; 14 (fixtures)
 * tests/golden for the format's own.
 *
 * Classes of bugs that fault regimes have found:
 *   B1  failed sync is tried again        pager_crash/failed_*_sync*, group/failing_sync*
 *   B2  torn page                         pager_crash/every_call*, crash images
 *   B3  unsynced writes change places     wal_crash/..., crash images; model_protocol_EARLY_REUSE
 *   B4  log restarts under a checkpointer model_protocol_SEAL_WITHOUT_TOKEN, stress_wal
 *   B5  frames of an older use validate   wal_scan/recycled_segments*, model_protocol_REUSE_SALT
 *   B6  chain broken by going back        wal_append/rewind*, wal_crash/...rewound_groups
 *   B7  reader keeps the log from ending  long_reader/..., versions/...
 *   B8  no space within a commit          wal_crash/full_device*, full_device__costs_one_commit
 *   B9  mapped file fails under a store   files are not mapped; full_device__costs_one_commit
 *  B10  short read or write               base: posix file tests; pager_crash/failing_write*
 *  B11  locks lost by a close or fork     lock/...
 *  B12  log and database do not belong    pager_open/log_of_another_database*, *missing_log*,
 *                                        inspect_database/log__*, base: hard links refused
 *  B13  half-made database                wal_open/unfinished_creation*, crash images,
 *                                        log_of_any_form__has_a_defined_outcome
 *  B14  pages named beyond the end        pager_short/..., crash images of growth
 *  B15  crash within recovery             pager_crash/recovery*, wal_crash/...within_recovery
 *  B16  directory not synced              crash images; mutant NO_DIRECTORY_SYNC
 *  B17  bit rot                           wal_scan/flipped_bit*, inspect_sweep/...
 *  B18  failing call leaves stale state   fault/..., pager_crash/failing_call_of_any_kind*
 *  B19  boundary in a rare container      pager_cache/..., savepoint/many_pages*, checked fuzzers
 *  B20  walk goes on after a failed read  read_error__ends_a_walk_for_good
 */
#define _POSIX_C_SOURCE 200809L

#include "engine_fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "quire/quire.h"
#include "support/faulty_layer.h"
#include "support/prng.h"
#include "support/temp_dir.h"

enum { ROWS = 400, VALUE = 60 };

static struct faulty_layer *disk;

static quire_options options_of(quire_durability durability)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    options.durability = durability;
    options.page_size = 1024;
    options.cache_bytes = 64 * 1024;
    options.wal_segment_bytes = 32 * 1024;
    options.wal_bytes_max = 1024 * 1024;
    options.checkpoint = quire_checkpoint_manual();
    return options;
}

static quire_db *open_in(struct qr_file_layer *layer, const quire_options *options)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db;
    OK(qr_db_open_with("db", options, layer, false, &db, &err));
    return db;
}

static quire_db *open_db(void)
{
    quire_options options = options_of(QUIRE_DURABILITY_FULL);
    return open_in(faulty_layer_files(disk), &options);
}

static void begin_test(void)
{
    disk = faulty_layer_create();
}

static void end_test(void)
{
    faulty_layer_destroy(disk);
}

TestSuite(peer, .init = begin_test, .fini = end_test);

static void fill(uint8_t *value, int64_t key, uint64_t version)
{
    memset(value, (int)(version & 0x7F), VALUE);
    memcpy(value, &key, sizeof key);
    memcpy(value + 8, &version, sizeof version);
}

static quire_status try_put_all(quire_db *db, int64_t rows, uint64_t version, quire_error *why)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint8_t value[VALUE];
    quire_txn *txn = begin_write(db);
    quire_tree *tree;
    quire_status status = quire_tree_create(txn, "rows", &err);
    cr_assert(status == QUIRE_OK || status == QUIRE_EXISTS);
    OK(quire_tree_open(txn, "rows", &tree, &err));
    for (int64_t key = 0; key < rows && (status == QUIRE_OK || status == QUIRE_EXISTS); key++) {
        fill(value, key, version);
        status = quire_tree_put(tree, key, value, VALUE, NULL, why);
    }
    quire_tree_close(tree);
    if (status != QUIRE_OK) {
        quire_rollback(txn);
        return status;
    }
    return quire_commit(txn, why);
}

static void put_all(quire_db *db, int64_t rows, uint64_t version)
{
    quire_error err = QUIRE_ERROR_INIT;
    OK(try_put_all(db, rows, version, &err));
}

/* The version that all rows have; 0 when there is no tree. */
static uint64_t version_of(quire_txn *txn, int64_t rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t version = 0;
    uint8_t expected[VALUE];
    quire_tree *tree;
    quire_status status = quire_tree_open(txn, "rows", &tree, &err);
    if (status == QUIRE_UNKNOWN_NAME) {
        return 0;
    }
    cr_assert_eq(status, QUIRE_OK, "%s", err.message);
    for (int64_t key = 0; key < rows; key++) {
        const void *payload;
        size_t size;
        bool found;
        OK(quire_tree_find(tree, key, &payload, &size, &found, &err));
        cr_assert(found && size == VALUE, "row %lld is missing", (long long)key);
        if (key == 0) {
            memcpy(&version, (const uint8_t *)payload + 8, sizeof version);
        }
        fill(expected, key, version);
        cr_assert_arr_eq(payload, expected, VALUE, "row %lld is of another state", (long long)key);
    }
    quire_tree_close(tree);
    return version;
}

static uint64_t version_now(quire_db *db, int64_t rows)
{
    quire_txn *txn = begin_read(db);
    uint64_t version = version_of(txn, rows);
    quire_rollback(txn);
    return version;
}

/* 1. Rounds of commits and checkpoints under a reader that began on an empty log, with pages that
 * it has never touched. */
Test(peer, snapshot__outlives_checkpoints)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db();
    put_all(db, ROWS, 1);
    close_db(db);
    db = open_db();
    quire_txn *old = begin_read(db);
    for (uint64_t version = 2; version < 6; version++) {
        put_all(db, ROWS, version);
        OK(quire_checkpoint(db, &err));
    }
    cr_assert_eq(version_of(old, ROWS), 1);
    cr_assert_eq(version_now(db, ROWS), 5);
    quire_rollback(old);
    close_db(db);
}

/* 2. Roots of rows, catalog and index split, objects are dropped and their pages used again. */
Test(peer, snapshot__keeps_its_roots)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db();
    quire_table *table;
    put_all(db, 3, 1);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    OK(add_index(txn, "users", "by_name", QUIRE_INDEX_BTREE, false, "name", NULL, &err));
    OK(quire_table_open(txn, "users", &table, &err));
    (void)add_user(table, "first", 1);
    quire_table_close(table);
    commit(txn);

    quire_txn *old = begin_read(db);
    txn = begin_write(db);
    OK(quire_table_open(txn, "users", &table, &err));
    for (int i = 0; i < 600; i++) {
        char name[32];
        snprintf(name, sizeof name, "somebody %d", i * 7919 % 600);
        (void)add_user(table, name, i);
    }
    quire_table_close(table);
    for (int i = 0; i < 60; i++) {
        char name[32];
        snprintf(name, sizeof name, "tree %d", i);
        OK(quire_tree_create(txn, name, &err));
    }
    commit(txn);
    put_all(db, ROWS, 2);
    txn = begin_write(db);
    OK(quire_table_drop(txn, "users", &err));
    commit(txn);
    OK(quire_checkpoint(db, &err));
    put_all(db, 2 * ROWS, 3);
    OK(quire_checkpoint(db, &err));

    cr_assert_eq(version_of(old, 3), 1);
    uint64_t rows;
    OK(quire_table_open(old, "users", &table, &err));
    OK(quire_table_row_count(table, &rows, &err));
    cr_assert_eq(rows, 1);
    int64_t rowids[4];
    quire_index_range range = {0};
    cr_assert_eq(scan(table, index_number(table, "by_name"), &range, rowids, 4), 1);
    quire_table_close(table);
    quire_rollback(old);
    close_db(db);
}

/* 3. */
Test(peer, close__that_fails_keeps_the_log)
{
    quire_error err = QUIRE_ERROR_INIT;
    const int errors[] = {ENOSPC, EIO};
    for (size_t i = 0; i < 2; i++) {
        for (uint64_t index = 0; index < 6; index++) {
            quire_db *db = open_db();
            put_all(db, ROWS, 10 * (index + 1) + i);
            struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_SYNC) |
                                                FAULTY_SET(FAULTY_TRUNCATE),
                                       .index = index,
                                       .forever = true,
                                       .os_errno = errors[i]};
            faulty_layer_fail(disk, &plan);
            cr_assert_neq(quire_close(db, &err), QUIRE_OK);
            faulty_layer_heal(disk);
            db = open_db();
            cr_assert_eq(version_now(db, ROWS), 10 * (index + 1) + i);
            close_db(db);
        }
    }
}

/* ---- Within a checkpoint ---- */

struct within {
    quire_db *db;
    unsigned readers, commits;
    uint64_t visits;
};

/* By the checkpointer, which holds no lock then. */
static void commit_within(void *context, const struct faulty_record *record)
{
    struct within *within = context;
    if (strcmp(record->path, "db") != 0 || within->commits > 0) {
        return;
    }
    within->commits++;
    put_all(within->db, 20, 77);
}

/* 4, and acceptance 4: a commit is acknowledged while a checkpoint copies pages. Were it to wait
 * for that, this would not end. */
Test(peer, commits__go_on_within_a_checkpoint)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db();
    put_all(db, 20, 1);
    struct within within = {.db = db};
    faulty_layer_observe(disk, FAULTY_SET(FAULTY_WRITE), commit_within, &within);
    OK(quire_checkpoint(db, &err));
    faulty_layer_observe(disk, 0, NULL, NULL);
    cr_assert_eq(within.commits, 1);
    struct faulty_cut cut = {.survival = FAULTY_LOSE_ALL};
    struct qr_file_layer *image = faulty_layer_power_cut(disk, &cut);
    quire_options options = options_of(QUIRE_DURABILITY_FULL);
    quire_db *after = open_in(image, &options);
    cr_assert_eq(version_now(after, 20), 77);
    close_db(after);
    qr_file_layer_memory_destroy(image);
    close_db(db);
}

/* 5. Power cuts at every change of a checkpoint, without syncs by commits. */
struct cuts {
    struct qr_file_layer *images[600];
    size_t count;
};

static void take_image(void *context, const struct faulty_record *record)
{
    struct cuts *cuts = context;
    (void)record;
    if (cuts->count < sizeof cuts->images / sizeof cuts->images[0]) {
        struct faulty_cut cut = {
            .survival = FAULTY_KEEP_RANDOM, .tear = FAULTY_TEAR_RANDOM, .seed = cuts->count + 1};
        cuts->images[cuts->count++] = faulty_layer_power_cut(disk, &cut);
    }
}

Test(peer, power_cut_without_syncs__is_a_past_state)
{
    static struct cuts cuts;
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = options_of(QUIRE_DURABILITY_NORMAL);
    options.sync_interval_ms = 1000000;
    quire_db *db = open_in(faulty_layer_files(disk), &options);
    put_all(db, ROWS, 1);
    OK(quire_checkpoint(db, &err));
    faulty_layer_observe(disk, FAULTY_CHANGES, take_image, &cuts);
    for (uint64_t version = 2; version < 5; version++) {
        put_all(db, ROWS, version);
        OK(quire_checkpoint(db, &err));
    }
    faulty_layer_observe(disk, 0, NULL, NULL);
    close_db(db);
    cr_assert_gt(cuts.count, 20);
    for (size_t i = 0; i < cuts.count; i++) {
        quire_report *report;
        db = open_in(cuts.images[i], &options);
        uint64_t version = version_now(db, ROWS);
        cr_assert(version >= 1 && version <= 4);
        OK(quire_inspect_database_open(db, &report, &err));
        cr_assert_eq(quire_report_issue_count(report), 0);
        quire_report_free(report);
        close_db(db);
        qr_file_layer_memory_destroy(cuts.images[i]);
    }
}

/* 7, B13. Each form is opened, or refused by a name; afterwards the right log still works. */
Test(peer, log_of_any_form__has_a_defined_outcome)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = options_of(QUIRE_DURABILITY_FULL);
    uint8_t forms[4096] = {0};
    quire_db *db = open_db();
    put_all(db, ROWS, 1);
    struct faulty_cut cut = {.survival = FAULTY_KEEP_ALL};
    struct faulty_layer *crashed = faulty_layer_power_cut_again(disk, &cut);
    close_db(db);
    struct qr_file_layer *layer = faulty_layer_files(crashed);
    OK(layer->methods->rename(layer, "db-wal", "right", &err));
    static const size_t sizes[] = {0, 1, 31, 32, 100, sizeof forms};
    for (size_t fill_byte = 0; fill_byte < 2; fill_byte++) {
        memset(forms, fill_byte == 0 ? 0 : 0xA5, sizeof forms);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            faulty_layer_install(crashed, "db-wal", forms, sizes[i]);
            quire_status status = qr_db_open_with("db", &options, layer, false, &db, &err);
            cr_assert(status == QUIRE_LOG_MISSING || status == QUIRE_CORRUPT,
                      "%zu bytes of %02x: %s", sizes[i], forms[0], quire_status_name(status));
            OK(layer->methods->remove(layer, "db-wal", &err));
        }
    }
    FAILS(LOG_MISSING, qr_db_open_with("db", &options, layer, false, &db, &err));
    OK(layer->methods->rename(layer, "right", "db-wal", &err));
    db = open_in(layer, &options);
    cr_assert_eq(version_now(db, ROWS), 1);
    close_db(db);
    faulty_layer_destroy(crashed);
}

/* 8. */
Test(peer, names_that_collide_elsewhere__coexist)
{
    static const char *const names[] = {"an", "c0", "t_an", "t_c0", "plan", "plc0",
                                        "az", "aa", "b8",   "b6",   "Az",   "AZ"};
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db();
    quire_txn *txn = begin_write(db);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        quire_tree *tree;
        OK(quire_tree_create(txn, names[i], &err));
        OK(quire_tree_open(txn, names[i], &tree, &err));
        OK(quire_tree_put(tree, (int64_t)i, names[i], strlen(names[i]), NULL, &err));
        quire_tree_close(tree);
    }
    commit(txn);
    txn = begin_read(db);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        quire_tree *tree;
        const void *payload;
        size_t size;
        bool found;
        OK(quire_tree_open(txn, names[i], &tree, &err));
        OK(quire_tree_find(tree, (int64_t)i, &payload, &size, &found, &err));
        cr_assert(found && size == strlen(names[i]) && memcmp(payload, names[i], size) == 0);
        quire_tree_close(tree);
    }
    quire_rollback(txn);
    close_db(db);
}

/* 9. The child owns the database until it is killed. */
Test(peer, second_process__is_refused_until_the_first_dies)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct temp_dir dir;
    char path[512];
    int ready[2];
    char byte = 0;
    quire_db *db;
    temp_dir_create(&dir);
    temp_dir_file(&dir, "shared", path, sizeof path);
    cr_assert_eq(pipe(ready), 0);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        if (quire_open(path, NULL, &db, NULL) == QUIRE_OK &&
            try_put_all(db, ROWS, 5, &err) == QUIRE_OK && write(ready[1], "r", 1) == 1) {
            for (;;) {
                (void)pause();
            }
        }
        _exit(1);
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    FAILS(LOCKED, quire_open(path, NULL, &db, &err));
    cr_assert_not_null(strstr(err.message, "open for writing elsewhere"), "%s", err.message);
    /* Reading and inspecting need no lock. */
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_report *report;
    options.mode = QUIRE_OPEN_READ_ONLY;
    OK(quire_open(path, &options, &db, &err));
    cr_assert_eq(version_now(db, ROWS), 5);
    close_db(db);
    OK(quire_inspect_database(path, &report, &err));
    cr_assert_eq(quire_report_issue_count(report), 0);
    quire_report_free(report);
    OK(quire_inspect_wal(path, &report, &err));
    quire_report_free(report);

    cr_assert_eq(kill(child, SIGKILL), 0);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    OK(quire_open(path, NULL, &db, &err));
    cr_assert_eq(version_now(db, ROWS), 5);
    close_db(db);
    (void)close(ready[0]);
    (void)close(ready[1]);
    temp_dir_remove(&dir);
}

static void read_within(void *context, const struct faulty_record *record)
{
    struct within *within = context;
    if (strcmp(record->path, "db") != 0 || within->readers > 3) {
        return;
    }
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn_stats stats = {.size = sizeof stats};
    quire_txn *txn = begin_read(within->db);
    OK(quire_txn_get_stats(txn, &stats, &err));
    within->visits += stats.page_visits;
    cr_assert_eq(version_of(txn, ROWS), 9);
    quire_rollback(txn);
    within->readers++;
}

/* 10, and acceptance 3: beginning to read looks at no page, whatever the log holds. */
Test(peer, readers__open_within_a_checkpoint_and_look_at_no_page)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = options_of(QUIRE_DURABILITY_OFF);
    options.wal_bytes_max = 64 << 20;
    options.cache_bytes = 32 << 20;
    quire_db *db = open_in(faulty_layer_files(disk), &options);
    uint64_t frames[2] = {1, 10000};
    for (int i = 0; i < 2; i++) {
        quire_stats stats = {.size = sizeof stats};
        do {
            put_all(db, ROWS, 9);
            OK(quire_get_stats(db, &stats, &err));
        } while (stats.log_frames_live < frames[i]);
        quire_txn_stats seen = {.size = sizeof seen};
        quire_txn *txn = begin_read(db);
        OK(quire_txn_get_stats(txn, &seen, &err));
        cr_assert_eq(seen.page_visits, 0);
        quire_rollback(txn);
    }
    struct within within = {.db = db};
    faulty_layer_observe(disk, FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_SYNC), read_within,
                         &within);
    OK(quire_checkpoint(db, &err));
    faulty_layer_observe(disk, 0, NULL, NULL);
    cr_assert_gt(within.readers, 1);
    cr_assert_eq(within.visits, 0);
    close_db(db);
}

/* ---- Backup, deletes, full device, failing reads ---- */

struct busy {
    quire_db *db;
    uint64_t version;
    unsigned calls;
};

static bool commit_meanwhile(void *context, const quire_progress *progress)
{
    struct busy *busy = context;
    (void)progress;
    put_all(busy->db, ROWS, ++busy->version);
    busy->calls++;
    return true;
}

/* 11, and acceptance 13. */
Test(peer, backup__goes_on_beside_readers_and_a_writer)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct temp_dir dir;
    char path[512];
    char copy[512];
    quire_db *db;
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = 1024;
    temp_dir_create(&dir);
    temp_dir_file(&dir, "source", path, sizeof path);
    temp_dir_file(&dir, "copy", copy, sizeof copy);
    OK(quire_open(path, &options, &db, &err));
    put_all(db, ROWS, 1);
    quire_txn *reader = begin_read(db);
    put_all(db, ROWS, 2);
    struct busy busy = {.db = db, .version = 2};
    quire_backup_options backup = QUIRE_BACKUP_OPTIONS_INIT;
    backup.progress = commit_meanwhile;
    backup.context = &busy;
    OK(quire_backup(db, copy, &backup, &err));
    cr_assert_gt(busy.calls, 0);
    cr_assert_eq(version_of(reader, ROWS), 1);
    quire_rollback(reader);
    close_db(db);
    OK(quire_open(copy, NULL, &db, &err));
    cr_assert_eq(version_now(db, ROWS), 2);
    close_db(db);
    temp_dir_remove(&dir);
}

/* Acceptance 10. */
Test(peer, deletes__leave_no_orphan_and_give_space_back)
{
    enum { MANY = 8000 };
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db();
    put_all(db, MANY, 1);
    quire_stats before = {.size = sizeof before};
    quire_stats after = {.size = sizeof after};
    OK(quire_get_stats(db, &before, &err));
    struct prng prng;
    prng_init(&prng, 3);
    quire_txn *txn = begin_write(db);
    quire_tree *tree;
    OK(quire_tree_open(txn, "rows", &tree, &err));
    for (int64_t key = 0; key < MANY; key++) {
        bool found;
        if (!prng_one_in(&prng, 10)) {
            OK(quire_tree_delete(tree, key, &found, &err));
            cr_assert(found);
        }
    }
    quire_tree_close(tree);
    commit(txn);
    OK(quire_get_stats(db, &after, &err));
    uint32_t used_before = before.pages - before.pages_free;
    uint32_t used_after = after.pages - after.pages_free;
    cr_assert_leq(used_after * 10, used_before * 4, "%u of %u pages are left", used_after,
                  used_before);
    quire_report *report;
    OK(quire_inspect_database_open(db, &report, &err));
    cr_assert_eq(quire_report_issue_count(report), 0);
    quire_report_free(report);
    close_db(db);
}

/* B8, B9. A commit for which there is no space is rolled back; the next one goes through when there
 * is, and nothing else was lost. */
Test(peer, full_device__costs_one_commit)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db();
    put_all(db, ROWS, 1);
    struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_TRUNCATE),
                               .forever = true,
                               .os_errno = ENOSPC,
                               .path_part = "db-wal"};
    quire_status status = QUIRE_OK;
    uint64_t version = 1;
    faulty_layer_fail(disk, &plan);
    status = try_put_all(db, 5 * ROWS, 2, &err);
    cr_assert(status == QUIRE_NO_SPACE || status == QUIRE_COMMIT_UNKNOWN, "%s",
              quire_status_name(status));
    cr_assert_eq(version_now(db, ROWS), 1);
    faulty_layer_heal(disk);
    if (status == QUIRE_NO_SPACE) {
        put_all(db, 5 * ROWS, 3);
        version = 3;
        close_db(db);
    } else {
        cr_assert_neq(quire_close(db, NULL), QUIRE_OK);
    }
    db = open_db();
    cr_assert_eq(version_now(db, ROWS), version);
    close_db(db);
}

/* Walks over all rows while one read fails, or all from it on. Returns the status; a walk that ends
 * without one has seen every row. */
static quire_status walk_failing(int64_t rows, uint64_t index, bool forever)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db();
    quire_txn *txn = begin_read(db);
    quire_tree *tree;
    quire_cursor *cursor;
    bool valid;
    int64_t key = 0;
    const void *payload;
    size_t size;
    int64_t expected = 0;
    OK(quire_tree_open(txn, "rows", &tree, &err));
    OK(quire_cursor_open(tree, &cursor, &err));
    OK(quire_cursor_first(cursor, &valid, &err));
    struct faulty_plan plan = {
        .kinds = FAULTY_SET(FAULTY_READ), .index = index, .forever = forever};
    faulty_layer_fail(disk, &plan);
    quire_status status = QUIRE_OK;
    while (status == QUIRE_OK && valid) {
        status = quire_cursor_row(cursor, &key, &payload, &size, &err);
        if (status == QUIRE_OK) {
            cr_assert_eq(key, expected++, "a row was left out");
            status = quire_cursor_next(cursor, &valid, &err);
        }
    }
    faulty_layer_heal(disk);
    cr_assert(status == QUIRE_IO || (status == QUIRE_OK && expected == rows), "%s after %lld rows",
              quire_status_name(status), (long long)expected);
    /* Going on after an error either fails or gives the row that comes next. */
    if (status == QUIRE_IO && quire_cursor_next(cursor, &valid, &err) == QUIRE_OK && valid) {
        OK(quire_cursor_row(cursor, &key, &payload, &size, &err));
        cr_assert_leq(key, expected, "rows were left out without a word");
    }
    quire_cursor_close(cursor);
    quire_tree_close(tree);
    quire_rollback(txn);
    close_db(db);
    return status;
}

/* B20. A walk that meets an error does not go on, or end, as if nothing were missing. */
Test(peer, read_error__ends_a_walk_for_good)
{
    quire_db *db = open_db();
    put_all(db, 2000, 1);
    close_db(db);
    unsigned failed = 0;
    for (uint64_t index = 0; index < 30; index++) {
        failed += walk_failing(2000, index, false) != QUIRE_OK;
        cr_assert_eq(walk_failing(2000, index, true), QUIRE_IO);
    }
    cr_assert_gt(failed, 0);
}
