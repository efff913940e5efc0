/*
 * Maintenance when memory fails: at every allocation the call reports it, gives
 * everything back, and leaves the databases as they were.
 */
#include "maintenance_fixture.h"

#include <stdlib.h>

#include "support/failing_allocator.h"

#define ROWS 60

static struct faulty_layer *files;
static struct qr_file_layer *layer;
static struct failing_allocator failing;
static struct qr_maintenance_place place;
static uint64_t digest;

static void set_up(void)
{
    files = faulty_layer_create();
    layer = faulty_layer_files(files);
    failing_allocator_init(&failing);
    place = (struct qr_maintenance_place){.layer = layer, .allocator = &failing.allocator};
    create_sample(layer, "/d/db", ROWS);
    digest = digest_at(layer, "/d/db");
}

static void tear_down(void)
{
    faulty_layer_destroy(files);
}

TestSuite(maintenance_fault, .init = set_up, .fini = tear_down);

/* Runs an operation, whose result is at `result`, with each allocation failing in turn. */
static void fail_each(quire_status (*operation)(quire_error *err), const char *result)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t at = 0;
    for (bool done = false; !done; at += at < 200 ? 1 : 13) {
        failing_allocator_arm(&failing, at, false);
        quire_status status = operation(&err);
        done = failing.failures == 0;
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        cr_assert(status == QUIRE_OK || status == QUIRE_NO_MEMORY || status == QUIRE_TXN_DOOMED,
                  "allocation %llu gave %s: %s", (unsigned long long)at, quire_status_name(status),
                  err.message);
        cr_assert(!done || status == QUIRE_OK);
        cr_assert(failing_allocator_is_clean(&failing), "allocation %llu leaks",
                  (unsigned long long)at);
        cr_assert(!file_exists(layer, "/d/copy-new") && !file_exists(layer, "/d/db-new"));
        cr_assert(status == QUIRE_OK || result[3] == 'd' || !file_exists(layer, result));
        if (status == QUIRE_OK || at % 16 == 0) {
            cr_assert_eq(digest_at(layer, "/d/db"), digest);
        }
        if (status == QUIRE_OK) {
            cr_assert_eq(digest_at(layer, result), digest);
        }
        if (status == QUIRE_OK && result[3] != 'd') {
            OK(layer->methods->remove(layer, result, &err));
        }
    }
    cr_assert_gt(at, 60);
}

static quire_status restore(quire_error *err)
{
    return qr_restore(&place, "/d/db", "/d/copy", NULL, err);
}

static quire_status compact(quire_error *err)
{
    return qr_compact(&place, "/d/db", NULL, NULL, err);
}

static quire_status salvage(quire_error *err)
{
    return qr_salvage(&place, "/d/db", "/d/copy", NULL, NULL, NULL, err);
}

Test(maintenance_fault, copying__fails_cleanly_at_every_allocation)
{
    fail_each(restore, "/d/copy");
}

Test(maintenance_fault, compaction__fails_cleanly_at_every_allocation)
{
    fail_each(compact, "/d/db");
}

Test(maintenance_fault, salvage__fails_cleanly_at_every_allocation)
{
    fail_each(salvage, "/d/copy");
}

Test(maintenance_fault, salvage_of_a_headless_file__fails_cleanly_at_every_allocation)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file *file;
    OK(layer->methods->rename(layer, "/d/db", "/d/whole", &err));
    size_t size = (size_t)file_size(layer, "/d/whole");
    uint8_t *bytes = malloc(size);
    OK(layer->methods->open(layer, "/d/whole", QR_OPEN_READ, &file, &err));
    OK(qr_file_read_all(file, bytes, size, 0, "whole", &err));
    file->methods->close(file);
    bytes[9] ^= 0xFF;
    faulty_layer_install(files, "/d/db", bytes, size);
    free(bytes);
    uint64_t at = 0;
    for (bool done = false; !done; at += at < 100 ? 1 : 29) {
        failing_allocator_arm(&failing, at, false);
        quire_status status = salvage(&err);
        done = failing.failures == 0;
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        cr_assert(!done || status == QUIRE_OK, "%s", err.message);
        cr_assert(failing_allocator_is_clean(&failing), "allocation %llu leaks",
                  (unsigned long long)at);
        cr_assert(!file_exists(layer, "/d/copy-work"));
        if (status == QUIRE_OK) {
            OK(layer->methods->remove(layer, "/d/copy", &err));
        }
    }
}

/* ---- Vacuum ---- */

static void put_values(quire_txn *txn, const char *name, int count, size_t size)
{
    static const uint8_t bytes[8000] = {1};
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree;
    OK(quire_tree_create(txn, name, &err));
    OK(quire_tree_open(txn, name, &tree, &err));
    for (int i = 0; i < count; i++) {
        OK(quire_tree_insert(tree, i, bytes, i % 8 == 3 ? size : 40, &err));
    }
    quire_tree_close(tree);
}

/* Leaves about half of each page. */
static void thin_out(quire_txn *txn, const char *name, int count)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree;
    OK(quire_tree_open(txn, name, &tree, &err));
    for (int i = 0; i < count; i++) {
        if (i % 9 < 4 && i % 8 != 3) {
            OK(quire_tree_delete(tree, i, NULL, &err));
        }
    }
    quire_tree_close(tree);
}

/* Pages at the front are free, and those behind them are of several kinds, some half empty. */
static quire_db *open_with_gap(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    options.page_size = 1024;
    options.cache_bytes = UINT64_C(512) << 10;
    options.wal_segment_bytes = 64 << 10;
    options.allocator = &failing.allocator;
    OK(qr_db_open_with("/d/db", &options, layer, true, &db, &err));
    quire_txn *txn = begin_write(db);
    put_values(txn, "gap", 20, 8000);
    commit(txn);
    txn = begin_write(db);
    put_values(txn, "behind", 100, 3000);
    put_values(txn, "thin", 300, 40);
    thin_out(txn, "thin", 300);
    OK(quire_tree_drop(txn, "gap", &err));
    commit(txn);
    return db;
}

Test(maintenance_fault, vacuum__reports_each_allocation_that_fails_and_changes_nothing)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_vacuum_options options = QUIRE_VACUUM_OPTIONS_INIT;
    bool done = false;
    options.step_pages = 7;
    for (uint64_t at = 0; !done; at += at < 150 ? 1 : 1 + at / 20) {
        quire_db *db = open_with_gap();
        uint64_t before = digest_db(db);
        failing_allocator_arm(&failing, at, false);
        quire_vacuum_result result = {.size = sizeof result};
        quire_status status = quire_vacuum(db, &options, &result, &err);
        cr_assert(status != QUIRE_OK || result.pages_repacked > 3);
        done = failing.failures == 0;
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        cr_assert(done ? status == QUIRE_OK : status == QUIRE_OK || status == QUIRE_NO_MEMORY,
                  "allocation %llu gave %s: %s", (unsigned long long)at, quire_status_name(status),
                  err.message);
        cr_assert_eq(digest_db(db), before);
        quire_txn *txn = begin_write(db);
        OK(quire_tree_drop(txn, "behind", &err));
        OK(quire_tree_drop(txn, "thin", &err));
        commit(txn);
        OK(quire_vacuum(db, NULL, NULL, &err));
        OK(quire_close(db, &err));
        cr_assert(failing_allocator_is_clean(&failing), "allocation %llu leaks",
                  (unsigned long long)at);
        if (at % 16 == 0 || done) {
            expect_sound(layer, "/d/db");
        }
    }
}
