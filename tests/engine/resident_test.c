/* Tables that are pinned in the cache, beside others that do not fit in it. */
#include "engine_fixture.h"

#include <stdio.h>
#include <stdlib.h>

enum { USERS = 300, OTHERS = 12000, FRAMES = 400 };

static struct qr_file_layer *files;

static quire_db *open_db(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    options.page_size = 1024;
    options.cache_bytes = (uint64_t)FRAMES * 1024;
    OK(qr_db_open_with("db", &options, files, false, &db, &err));
    return db;
}

static void make_db(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    OK(qr_file_layer_memory_create(qr_allocator_default(), &files, &err));
    quire_db *db = open_db();
    quire_txn *txn = begin_write(db);
    quire_table *table;
    quire_tree *tree;
    uint8_t large[3000] = {1};
    create_users(txn);
    OK(add_index(txn, "users", "by_name", QUIRE_INDEX_BTREE, false, "name", NULL, &err));
    OK(add_index(txn, "users", "by_age", QUIRE_INDEX_HASH, false, "age", NULL, &err));
    OK(quire_table_open(txn, "users", &table, &err));
    for (int i = 0; i < USERS; i++) {
        char name[32];
        snprintf(name, sizeof name, "user %d", i);
        (void)add_user(table, name, i < 200 ? 7 : i); /* many rows of one key: a posting tree */
    }
    quire_table_close(table);
    OK(quire_tree_create(txn, "blobs", &err));
    OK(quire_tree_open(txn, "blobs", &tree, &err));
    for (int i = 0; i < 10; i++) {
        OK(quire_tree_put(tree, i, large, sizeof large, NULL, &err));
    }
    quire_tree_close(tree);
    OK(quire_tree_create(txn, "others", &err));
    OK(quire_tree_open(txn, "others", &tree, &err));
    for (int i = 0; i < OTHERS; i++) {
        OK(quire_tree_put(tree, i, large, 100, NULL, &err));
    }
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
}

static void drop_db(void)
{
    qr_file_layer_memory_destroy(files);
}

TestSuite(resident, .init = make_db, .fini = drop_db);

static uint64_t reads_of(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn_stats stats = {.size = sizeof stats};
    OK(quire_txn_get_stats(txn, &stats, &err));
    return stats.page_reads;
}

static void read_others(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_read(db);
    quire_tree *tree;
    OK(quire_tree_open(txn, "others", &tree, &err));
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < OTHERS; i++) {
            const void *payload;
            size_t size;
            bool found;
            OK(quire_tree_find(tree, i, &payload, &size, &found, &err));
            cr_assert(found);
        }
    }
    cr_assert_gt(reads_of(txn), FRAMES, "they do not fit");
    quire_tree_close(tree);
    quire_rollback(txn);
}

/* Pages read from the file while all of the table and its indexes is looked at. */
static uint64_t reads_of_users(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_read(db);
    quire_table *table;
    int64_t rowids[USERS];
    uint64_t rows;
    OK(quire_table_open(txn, "users", &table, &err));
    uint64_t before = reads_of(txn); /* the catalog's are not meant */
    OK(quire_table_row_count(table, &rows, &err));
    quire_index_range all = {0};
    cr_assert_eq(scan(table, index_number(table, "by_name"), &all, rowids, USERS), rows);
    quire_value seven = quire_int(7);
    quire_index_range range = {.prefix = &seven, .prefix_count = 1};
    cr_assert_eq(scan(table, index_number(table, "by_age"), &range, rowids, USERS), 200);
    for (size_t i = 0; i < 200; i++) {
        bool found;
        const void *record;
        size_t size;
        OK(quire_table_get(table, rowids[i], &record, &size, &found, &err));
        cr_assert(found);
    }
    uint64_t reads = reads_of(txn) - before;
    quire_table_close(table);
    quire_rollback(txn);
    return reads;
}

Test(resident, pinned_table__is_never_read_again)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db();
    read_others(db);
    cr_assert_gt(reads_of_users(db), 0);
    OK(quire_pin(db, "users", &err));
    for (int round = 0; round < 3; round++) {
        read_others(db);
        cr_assert_eq(reads_of_users(db), 0);
    }
    OK(quire_unpin(db, "users", &err));
    read_others(db);
    cr_assert_gt(reads_of_users(db), 0);
    close_db(db);
}

Test(resident, pinned_table__is_changed_and_checkpointed_like_any_other)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db();
    OK(quire_pin(db, "users", &err));
    for (int round = 0; round < 5; round++) {
        quire_txn *txn = begin_write(db);
        quire_table *table;
        OK(quire_table_open(txn, "users", &table, &err));
        for (int i = 0; i < 20; i++) {
            char name[32];
            snprintf(name, sizeof name, "new %d", round * 20 + i);
            (void)add_user(table, name, 1000 + i);
        }
        quire_table_close(table);
        commit(txn);
        OK(quire_checkpoint(db, &err));
        read_others(db);
        quire_txn *reader = begin_read(db);
        uint64_t rows;
        OK(quire_table_open(reader, "users", &table, &err));
        OK(quire_table_row_count(table, &rows, &err));
        cr_assert_eq(rows, (uint64_t)(USERS + 20 * (round + 1)));
        quire_table_close(table);
        quire_rollback(reader);
    }
    close_db(db);
    db = open_db();
    quire_txn *reader = begin_read(db);
    quire_table *table;
    uint64_t rows;
    OK(quire_table_open(reader, "users", &table, &err));
    OK(quire_table_row_count(table, &rows, &err));
    cr_assert_eq(rows, USERS + 100);
    quire_table_close(table);
    quire_rollback(reader);
    close_db(db);
}

Test(resident, payloads_over_pages__stay_too)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db();
    OK(quire_pin(db, "blobs", &err));
    read_others(db);
    quire_txn *txn = begin_read(db);
    quire_tree *tree;
    OK(quire_tree_open(txn, "blobs", &tree, &err));
    uint64_t before = reads_of(txn);
    for (int i = 0; i < 10; i++) {
        const void *payload;
        size_t size;
        bool found;
        OK(quire_tree_find(tree, i, &payload, &size, &found, &err));
        cr_assert(found && size == 3000);
    }
    cr_assert_eq(reads_of(txn), before);
    quire_tree_close(tree);
    quire_rollback(txn);
    close_db(db);
}

Test(resident, table_that_does_not_fit__is_refused_and_not_pinned)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db();
    FAILS(LIMIT, quire_pin(db, "others", &err));
    cr_assert_not_null(strstr(err.message, "cache_bytes"), "%s", err.message);
    FAILS(UNKNOWN_NAME, quire_pin(db, "nobody", &err));
    FAILS(UNKNOWN_NAME, quire_pin(db, "by_name", &err));
    FAILS(MISUSE, quire_pin(db, NULL, &err));
    FAILS(MISUSE, quire_unpin(NULL, "users", &err));
    OK(quire_pin(db, "users", &err));
    OK(quire_pin(db, "users", &err));
    read_others(db);
    cr_assert_eq(reads_of_users(db), 0);
    close_db(db);
}
