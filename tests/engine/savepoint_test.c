/*
 * Savepoints and statements through the public API: rows, indexes of both
 * kinds, schema changes, cursors, and failures in the middle of a row.
 */
#include "engine_fixture.h"

#include <stdio.h>
#include <string.h>

#include "support/failing_allocator.h"

static void create_indexed(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(db);
    create_users(txn);
    OK(add_index(txn, "users", "by_name", QUIRE_INDEX_BTREE, true, "name", NULL, &err));
    OK(add_index(txn, "users", "by_age", QUIRE_INDEX_HASH, false, "age", NULL, &err));
    OK(add_index(txn, "users", "by_both", QUIRE_INDEX_BTREE, false, "age", "name", &err));
    commit(txn);
}

static quire_table *open_users(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    OK(quire_table_open(txn, "users", &table, &err));
    return table;
}

static void add_many(quire_table *table, int from, int count)
{
    for (int i = from; i < from + count; i++) {
        char name[40];
        (void)snprintf(name, sizeof name, "user %d", i);
        (void)add_user(table, name, i % 17);
    }
}

/* Rows and entries of all indexes agree. */
static void check_rows(quire_table *table, uint64_t rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t count;
    OK(quire_table_row_count(table, &count, &err));
    cr_assert_eq(count, rows);
    for (uint32_t i = 0; i < quire_table_index_count(table); i++) {
        OK(qr_table_index_entries(table, i, &count, &err));
        cr_assert_eq(count, rows, "index %u", i);
    }
    cr_assert_eq(scan(table, index_number(table, "by_name"), NULL, NULL, 0), rows);
}

Test(savepoint, rollback_to__restores_rows_and_indexes)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    create_indexed(db);
    quire_txn *txn = begin_write(db);
    quire_table *table = open_users(txn);
    add_many(table, 0, 100);
    uint64_t outer, inner;
    OK(quire_savepoint(txn, &outer, &err));
    add_many(table, 100, 500);
    OK(quire_savepoint(txn, &inner, &err));
    for (int64_t rowid = 1; rowid <= 300; rowid++) {
        OK(quire_table_delete(table, rowid, NULL, &err));
    }
    check_rows(table, 300);
    OK(quire_rollback_to(txn, inner, &err));
    check_rows(table, 600);
    OK(quire_release(txn, inner, &err));
    FAILS(MISUSE, quire_rollback_to(txn, inner, &err));
    OK(quire_rollback_to(txn, outer, &err));
    check_rows(table, 100);
    cr_assert_eq(add_user(table, "next", 1), 101, "rowids go on from the largest that is left");
    OK(quire_rollback_to(txn, outer, &err));
    commit(txn);
    quire_table_close(table);

    txn = begin_read(db);
    table = open_users(txn);
    check_rows(table, 100);
    quire_table_close(table);
    FAILS(MISUSE, quire_savepoint(txn, &outer, &err));
    FAILS(MISUSE, quire_rollback_to(txn, 1, &err));
    quire_rollback(txn);
    close_db(db);
}

Test(savepoint, rollback_to__takes_schema_changes_back)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    create_indexed(db);
    quire_txn *txn = begin_write(db);
    quire_table *table = open_users(txn);
    add_many(table, 0, 50);
    uint64_t before;
    OK(quire_savepoint(txn, &before, &err));
    static const quire_column column = {"x", QUIRE_INT, false};
    OK(quire_table_create(txn, "more", &column, 1, &err));
    quire_table *more;
    OK(quire_table_open(txn, "more", &more, &err));
    quire_value one = quire_int(1);
    OK(quire_table_insert(more, NULL, &one, 1, &err));
    OK(quire_index_drop(txn, "by_age", &err));
    OK(quire_table_add_columns(txn, "users", &column, 1, &err));
    OK(quire_rollback_to(txn, before, &err));
    FAILS(MISUSE, quire_table_insert(more, NULL, &one, 1, &err));
    quire_table_close(more);
    FAILS(UNKNOWN_NAME, quire_table_open(txn, "more", &more, &err));
    check_rows(table, 50);
    cr_assert_eq(quire_table_index_count(table), 3);
    cr_assert_eq(quire_table_column_count(table), 4);

    /* A dropped table comes back, too. */
    OK(quire_table_drop(txn, "users", &err));
    OK(quire_rollback_to(txn, before, &err));
    check_rows(table, 50);
    add_many(table, 50, 10);
    check_rows(table, 60);
    quire_table_close(table);
    commit(txn);
    close_db(db);
}

/* The second table has the number of the first, but is another one at another place. */
Test(savepoint, handle__does_not_live_on_in_a_table_made_after_rollback_to)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    static const quire_column column = {"x", QUIRE_INT, false};
    quire_value one = quire_int(1);
    uint64_t before;
    create_users(txn);
    quire_table *users = open_users(txn);
    OK(quire_savepoint(txn, &before, &err));
    OK(quire_table_create(txn, "more", &column, 1, &err));
    OK(add_index(txn, "more", "i", QUIRE_INDEX_BTREE, false, "x", NULL, &err));
    quire_table *more;
    quire_index_cursor *walk;
    int64_t rowid;
    bool valid;
    OK(quire_table_open(txn, "more", &more, &err));
    OK(quire_table_insert(more, NULL, &one, 1, &err));
    OK(quire_index_cursor_open(more, 0, NULL, &walk, &err));
    OK(quire_rollback_to(txn, before, &err));
    add_many(users, 0, 200); /* takes the pages */
    OK(quire_table_create(txn, "more", &column, 1, &err));
    OK(add_index(txn, "more", "i", QUIRE_INDEX_BTREE, false, "x", NULL, &err));
    FAILS(MISUSE, quire_table_insert(more, NULL, &one, 1, &err));
    FAILS(MISUSE, quire_index_cursor_next(walk, &rowid, &valid, &err));
    quire_index_cursor_close(walk);
    quire_table_close(more);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

Test(savepoint, cursor__goes_on_from_its_row_after_rollback_to)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    create_indexed(db);
    quire_txn *txn = begin_write(db);
    quire_table *table = open_users(txn);
    add_many(table, 0, 200);
    quire_cursor *cursor;
    OK(quire_table_cursor(table, &cursor, &err));
    bool valid;
    OK(quire_cursor_seek(cursor, 100, &valid, &err));
    uint64_t before;
    OK(quire_savepoint(txn, &before, &err));
    for (int64_t rowid = 50; rowid <= 150; rowid++) {
        OK(quire_table_delete(table, rowid, NULL, &err));
    }
    OK(quire_rollback_to(txn, before, &err));
    for (int64_t expected = 101; expected <= 200; expected++) {
        int64_t rowid;
        const void *payload;
        size_t size;
        OK(quire_cursor_next(cursor, &valid, &err));
        cr_assert(valid);
        OK(quire_cursor_row(cursor, &rowid, &payload, &size, &err));
        cr_assert_eq(rowid, expected);
    }
    quire_cursor_close(cursor);
    quire_table_close(table);
    commit(txn);
    close_db(db);
}

/* Every allocation of a row change fails once: the row leaves no trace, whichever index it had come
 * to, and the transaction goes on and commits. */
Test(statement, failing_row__leaves_no_trace_and_the_transaction_goes_on)
{
    struct failing_allocator failing;
    failing_allocator_init(&failing);
    struct qr_file_layer *layer;
    quire_error err = QUIRE_ERROR_INIT;
    OK(qr_file_layer_memory_create(qr_allocator_default(), &layer, &err));
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = 1024;
    options.cache_bytes = UINT64_C(1) << 20;
    options.checkpoint = quire_checkpoint_manual();
    options.allocator = &failing.allocator;
    quire_db *db;
    OK(qr_db_open_with("db", &options, layer, true, &db, &err));
    create_indexed(db);
    uint64_t rows = 0;
    unsigned refused = 0;
    quire_txn *txn = begin_write(db);
    quire_table *table = open_users(txn);
    for (int i = 0; i < 900; i++) {
        char name[300];
        memset(name, 'x', sizeof name);
        (void)snprintf(name + i % 250, 40, "%d", i);
        quire_value values[] = {quire_text(name), quire_int(i)};
        bool failed = true;
        for (uint64_t at = 0; failed; at++) {
            failing_allocator_arm(&failing, at, false);
            quire_status status = i % 5 == 4
                                      ? quire_table_update(table, i / 2 + 1, values, 2, NULL, &err)
                                      : quire_table_insert(table, NULL, values, 2, &err);
            failed = failing.failures != 0;
            failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
            cr_assert(status == QUIRE_OK || (failed && status == QUIRE_NO_MEMORY), "%s",
                      err.message);
            cr_assert_not(qr_txn_given_up(txn));
            refused += status != QUIRE_OK;
            if (status == QUIRE_OK) {
                rows += i % 5 != 4;
                break;
            }
        }
        if (i % 100 == 0) {
            check_rows(table, rows);
        }
    }
    cr_assert_gt(refused, 100);
    check_rows(table, rows);
    quire_table_close(table);
    commit(txn);
    close_db(db);
    OK(qr_db_open_with("db", &options, layer, true, &db, &err));
    txn = begin_read(db);
    table = open_users(txn);
    check_rows(table, rows);
    quire_table_close(table);
    quire_rollback(txn);
    close_db(db);
    cr_assert(failing_allocator_is_clean(&failing));
    qr_file_layer_memory_destroy(layer);
}

Test(statement, failing_schema_change__leaves_no_trace_and_the_transaction_goes_on)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = 1024;
    options.pages_max = 120;
    quire_db *db;
    OK(quire_open(":memory:", &options, &db, &err));
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_table *table = open_users(txn);
    add_many(table, 0, 900);
    quire_stats stats = {.size = sizeof stats};
    OK(quire_get_stats(db, &stats, &err));

    /* Some of these find room, each further one less. */
    unsigned made = 0;
    quire_status status = QUIRE_OK;
    while (status == QUIRE_OK) {
        char name[20];
        (void)snprintf(name, sizeof name, "index %u", made);
        status = add_index(txn, "users", name, made % 2 == 0 ? QUIRE_INDEX_BTREE : QUIRE_INDEX_HASH,
                           false, "name", NULL, &err);
        made += status == QUIRE_OK;
        cr_assert_lt(made, 20);
    }
    cr_assert_eq(status, QUIRE_NO_SPACE);
    cr_assert_not(qr_txn_given_up(txn));
    uint64_t rows;
    OK(quire_table_row_count(table, &rows, &err));
    cr_assert_eq(rows, 900);
    cr_assert_eq(quire_table_index_count(table), made);
    quire_status unique = add_index(txn, "users", "one", QUIRE_INDEX_HASH, true, "age", NULL, &err);
    cr_assert(unique == QUIRE_UNIQUE || unique == QUIRE_NO_SPACE);
    cr_assert_not(qr_txn_given_up(txn));
    for (int64_t rowid = 1; rowid <= 900; rowid++) {
        OK(quire_table_delete(table, rowid, NULL, &err));
    }
    quire_table_close(table);
    OK(quire_table_drop(txn, "users", &err));
    create_users(txn);
    commit(txn);
    close_db(db);
}
