/*
 * The engine when memory or the disk fails: at every allocation and at every
 * write of a scenario the call reports it, nothing leaks, and what is committed
 * stays whole.
 */
#include "engine_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/failing_allocator.h"
#include "support/faulty_layer.h"

#define TRY(call)                                                                                  \
    do {                                                                                           \
        status = (call);                                                                           \
        if (status != QUIRE_OK) {                                                                  \
            goto done;                                                                             \
        }                                                                                          \
    } while (0)

static quire_status fill(quire_txn *txn, int rows, quire_error *err)
{
    quire_table *users = NULL;
    quire_index_cursor *walk = NULL;
    quire_status status;
    bool valid = true;
    TRY(quire_table_open(txn, "users", &users, err));
    for (int i = 0; i < rows; i++) {
        char name[400];
        memset(name, 'a', sizeof name);
        (void)snprintf(name + (i % 3 == 0 ? 300 : 0), 90, "%d", i);
        quire_value row[] = {quire_text(name), quire_int(i % 2)};
        TRY(quire_table_insert(users, NULL, row, 2, err));
    }
    quire_value row[] = {quire_text("changed"), quire_int(9)};
    TRY(quire_table_update(users, 1, row, 2, NULL, err));
    TRY(quire_table_delete(users, 2, NULL, err));
    TRY(quire_index_cursor_open(users, 0, NULL, &walk, err));
    while (valid) {
        int64_t rowid;
        TRY(quire_index_cursor_next(walk, &rowid, &valid, err));
    }
done:
    quire_index_cursor_close(walk);
    quire_table_close(users);
    return status;
}

static quire_status define(quire_txn *txn, quire_error *err)
{
    static const quire_column columns[] = {{"name", QUIRE_TEXT, true}, {"age", QUIRE_INT, false}};
    static const quire_column city = {"city", QUIRE_TEXT, false};
    quire_status status;
    TRY(quire_table_create(txn, "users", columns, 2, err));
    TRY(add_index(txn, "users", "name", QUIRE_INDEX_BTREE, true, "name", NULL, err));
    TRY(add_index(txn, "users", "age", QUIRE_INDEX_HASH, false, "age", NULL, err));
    TRY(fill(txn, 60, err));
    TRY(quire_table_add_columns(txn, "users", &city, 1, err));
    TRY(add_index(txn, "users", "later", QUIRE_INDEX_HASH, true, "name", NULL, err));
    TRY(qr_text_put(txn, "schema", "type User", 9, err));
    TRY(quire_index_drop(txn, "age", err));
done:
    return status;
}

static quire_status scenario(quire_db *db, quire_error *err)
{
    quire_txn *txn = NULL;
    quire_status status;
    TRY(quire_begin(db, QUIRE_WRITE, &txn, err));
    TRY(define(txn, err));
    status = quire_commit(txn, err);
    txn = NULL;
    if (status != QUIRE_OK) {
        goto done;
    }
    TRY(quire_begin(db, QUIRE_WRITE, &txn, err));
    TRY(quire_table_drop(txn, "users", err));
done:
    quire_rollback(txn);
    return status;
}

static quire_options small_options(void)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = 1024;
    options.cache_bytes = UINT64_C(256) << 10;
    options.wal_segment_bytes = 64 << 10;
    options.checkpoint = quire_checkpoint_manual();
    return options;
}

Test(fault, memory__fails_cleanly_at_every_allocation)
{
    struct failing_allocator failing;
    quire_options options = small_options();
    failing_allocator_init(&failing);
    options.allocator = &failing.allocator;
    uint64_t at = 0;
    for (bool done = false; !done; at++) {
        struct qr_file_layer *layer;
        quire_error err = QUIRE_ERROR_INIT;
        quire_db *db;
        OK(qr_file_layer_memory_create(qr_allocator_default(), &layer, &err));
        failing_allocator_arm(&failing, at, false);
        quire_status status = qr_db_open_with("db", &options, layer, true, &db, &err);
        if (status == QUIRE_OK) {
            status = scenario(db, &err);
            done = failing.failures == 0;
            failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
            quire_status closed = quire_close(db, NULL);
            cr_assert(closed == QUIRE_OK || status != QUIRE_OK);
        }
        /* Background work may meet the failure and shrug it off; callers may not. */
        cr_assert(status == QUIRE_OK || status == QUIRE_NO_MEMORY || status == QUIRE_TXN_DOOMED,
                  "allocation %llu gave %s: %s", (unsigned long long)at, quire_status_name(status),
                  err.message);
        cr_assert(!done || status == QUIRE_OK);
        cr_assert(failing_allocator_is_clean(&failing), "allocation %llu leaks",
                  (unsigned long long)at);
        qr_file_layer_memory_destroy(layer);
        cr_assert_lt(at, 1000000);
    }
    cr_assert_gt(at, 50);
}

/* Opens the files as they are now and checks that the committed rows are whole. */
static void assert_recovers(struct qr_file_layer *layer)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = small_options();
    quire_db *db;
    OK(qr_db_open_with("db", &options, layer, true, &db, &err));
    quire_txn *txn = begin_write(db);
    quire_table *table;
    if (quire_table_open(txn, "users", &table, NULL) == QUIRE_OK) {
        uint64_t rows;
        OK(quire_table_row_count(table, &rows, &err));
        cr_assert_eq(rows, 59);
        for (uint32_t i = 0; i < quire_table_index_count(table); i++) {
            uint64_t entries;
            OK(qr_table_index_entries(table, i, &entries, &err));
            cr_assert_eq(entries, rows);
        }
        cr_assert_eq(scan(table, index_number(table, "name"), NULL, NULL, 0), 59);
        quire_table_close(table);
        OK(quire_table_drop(txn, "users", &err));
    }
    commit(txn);
    close_db(db);
}

Test(fault, disk__fails_cleanly_at_every_write)
{
    static const int codes[] = {28, 5}; /* ENOSPC, EIO */
    quire_options options = small_options();
    for (int c = 0; c < 2; c++) {
        uint64_t at = 0;
        for (bool done = false; !done; at++) {
            quire_error err = QUIRE_ERROR_INIT;
            struct faulty_layer *faulty = faulty_layer_create();
            struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_SYNC),
                                       .index = at,
                                       .os_errno = codes[c],
                                       .sync = FAULTY_SYNC_CLEAN};
            quire_db *db;
            faulty_layer_fail(faulty, &plan);
            quire_status status =
                qr_db_open_with("db", &options, faulty_layer_files(faulty), true, &db, &err);
            bool opened = status == QUIRE_OK;
            if (opened) {
                status = scenario(db, &err);
                if (quire_close(db, NULL) != QUIRE_OK && status == QUIRE_OK) {
                    status = QUIRE_IO; /* the final checkpoint failed */
                }
            }
            done = faulty_layer_failures(faulty) == 0;
            cr_assert(!done || status == QUIRE_OK, "%s", err.message);
            faulty_layer_heal(faulty);
            if (opened) {
                assert_recovers(faulty_layer_files(faulty));
            }
            faulty_layer_destroy(faulty);
            cr_assert_lt(at, 100000);
        }
        cr_assert_gt(at, 5);
    }
}
