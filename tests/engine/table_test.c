/* Tables: definition, constraints, schema per snapshot, texts. */
#include "engine_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static quire_table *open_table(quire_txn *txn, const char *name)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    OK(quire_table_open(txn, name, &table, &err));
    return table;
}

static uint64_t row_count(quire_table *table)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t rows;
    OK(quire_table_row_count(table, &rows, &err));
    return rows;
}

/* The value of a column of a row that exists. */
static quire_value column_of(quire_table *table, int64_t rowid, uint32_t column)
{
    quire_error err = QUIRE_ERROR_INIT;
    const void *record;
    size_t size;
    bool found;
    quire_value value;
    OK(quire_table_get(table, rowid, &record, &size, &found, &err));
    cr_assert(found);
    OK(quire_record_column(record, size, column, &value, &err));
    return value;
}

static bool is_text(quire_value value, const char *text)
{
    return value.type == QUIRE_TEXT && value.size == strlen(text) &&
           memcmp(value.as.bytes, text, value.size) == 0;
}

Test(table, rows__are_written_read_changed_and_deleted)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_table *users = open_table(txn, "users");
    int64_t ada = add_user(users, "ada", 36);
    int64_t bob = add_user(users, "bob", 40);
    cr_assert_eq(ada, 1);
    cr_assert_eq(bob, 2);
    cr_assert(is_text(column_of(users, ada, 0), "ada"));
    cr_assert_eq(column_of(users, bob, 1).as.integer, 40);
    cr_assert_eq(column_of(users, bob, 2).type, QUIRE_NULL);
    quire_value changed[] = {quire_text("robert"), quire_null(), quire_float(1.5)};
    bool found;
    OK(quire_table_update(users, bob, changed, 3, &found, &err));
    cr_assert(found);
    cr_assert(is_text(column_of(users, bob, 0), "robert"));
    cr_assert_eq(column_of(users, bob, 1).type, QUIRE_NULL);
    OK(quire_table_update(users, 99, changed, 3, &found, &err));
    cr_assert_not(found);
    OK(quire_table_delete(users, ada, &found, &err));
    cr_assert(found);
    OK(quire_table_delete(users, ada, &found, &err));
    cr_assert_not(found);
    cr_assert_eq(row_count(users), 1);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

Test(table, rowid__is_one_above_the_largest)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_table *users = open_table(txn, "users");
    quire_value name = quire_text("x");
    int64_t rowid = 41;
    OK(quire_table_insert(users, &rowid, &name, 1, &err));
    cr_assert_eq(rowid, 41);
    cr_assert_eq(add_user(users, "y", 1), 42);
    rowid = 42;
    FAILS(UNIQUE, quire_table_insert(users, &rowid, &name, 1, &err));
    rowid = -7;
    OK(quire_table_insert(users, &rowid, &name, 1, &err));
    quire_table *again = open_table(txn, "users");
    cr_assert_eq(add_user(again, "z", 1), 43);
    cr_assert_eq(add_user(users, "w", 1), 44);
    rowid = INT64_MAX;
    OK(quire_table_insert(users, &rowid, &name, 1, &err));
    rowid = 0;
    FAILS(LIMIT, quire_table_insert(users, &rowid, &name, 1, &err));
    cr_assert_eq(row_count(users), 6);
    quire_table_close(again);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

Test(table, row__is_refused_when_it_breaks_a_rule)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    OK(add_index(txn, "users", "by_name", QUIRE_INDEX_BTREE, true, "name", NULL, &err));
    OK(add_index(txn, "users", "by_age", QUIRE_INDEX_HASH, true, "age", NULL, &err));
    quire_table *users = open_table(txn, "users");
    (void)add_user(users, "ada", 36);
    quire_value row[5] = {quire_null(), quire_int(1), quire_null(), quire_null(), quire_null()};
    FAILS(NOT_NULL, quire_table_insert(users, NULL, row, 4, &err));
    cr_assert(strstr(err.message, "users.name") != NULL);
    FAILS(NOT_NULL, quire_table_insert(users, NULL, row, 0, &err));
    row[0] = quire_int(3);
    FAILS(TYPE, quire_table_insert(users, NULL, row, 4, &err));
    row[0] = quire_text("\xC3");
    FAILS(TYPE, quire_table_insert(users, NULL, row, 4, &err));
    row[0] = quire_text("bob");
    row[2] = quire_int(1);
    FAILS(TYPE, quire_table_insert(users, NULL, row, 4, &err));
    row[2] = quire_null();
    row[3] = quire_blob("\x02\x01", 2);
    row[3].type = QUIRE_LIST;
    FAILS(TYPE, quire_table_insert(users, NULL, row, 4, &err));
    row[3] = quire_null();
    FAILS(MISUSE, quire_table_insert(users, NULL, row, 5, &err));
    row[0] = quire_text("ada");
    FAILS(UNIQUE, quire_table_insert(users, NULL, row, 4, &err));
    cr_assert(strstr(err.message, "by_name") != NULL && strstr(err.message, "\"ada\"") != NULL);
    row[0] = quire_text("bob");
    row[1] = quire_int(36);
    FAILS(UNIQUE, quire_table_insert(users, NULL, row, 4, &err));
    cr_assert(strstr(err.message, "by_age") != NULL && strstr(err.message, "36") != NULL);
    int64_t rowid = 1;
    row[1] = quire_int(37);
    FAILS(UNIQUE, quire_table_insert(users, &rowid, row, 4, &err));

    /* Nothing of all that is left, and the transaction goes on. */
    int64_t rowids[4];
    quire_index_range all = {.prefix = NULL};
    cr_assert_eq(row_count(users), 1);
    cr_assert_eq(scan(users, index_number(users, "by_name"), &all, rowids, 4), 1);
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t entries;
        OK(qr_table_index_entries(users, i, &entries, &err));
        cr_assert_eq(entries, 1);
    }
    cr_assert_eq(add_user(users, "bob", 37), 2);
    bool found;
    row[0] = quire_text("ada");
    FAILS(UNIQUE, quire_table_update(users, 2, row, 4, &found, &err));
    cr_assert(is_text(column_of(users, 2, 0), "bob"));
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

Test(table, unique__ignores_keys_with_a_null)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    OK(add_index(txn, "users", "b", QUIRE_INDEX_BTREE, true, "age", "score", &err));
    OK(add_index(txn, "users", "h", QUIRE_INDEX_HASH, true, "age", "score", &err));
    quire_table *users = open_table(txn, "users");
    for (int i = 0; i < 40; i++) {
        (void)add_user(users, "same", 7);
    }
    quire_value prefix[] = {quire_int(7), quire_null()};
    quire_index_range range = {.prefix = prefix, .prefix_count = 2};
    int64_t rowids[64];
    cr_assert_eq(scan(users, 0, &range, rowids, 64), 40);
    cr_assert_eq(scan(users, 1, &range, rowids, 64), 40);
    for (int i = 0; i < 40; i++) {
        cr_assert_eq(rowids[i], i + 1);
    }
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

Test(table, list__is_stored_and_given_back)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_table *users = open_table(txn, "users");
    quire_value elements[] = {quire_text("a"), quire_text("b"), quire_int(3)};
    uint8_t list[32];
    quire_value row[] = {quire_text("ada"), quire_null(), quire_null(), quire_null()};
    row[3] = quire_blob(list, quire_record_encode(elements, 3, list));
    row[3].type = QUIRE_LIST;
    int64_t rowid = 0;
    OK(quire_table_insert(users, &rowid, row, 4, &err));
    quire_value back = column_of(users, rowid, 3);
    cr_assert_eq(back.type, QUIRE_LIST);
    quire_value second;
    OK(quire_record_column(back.as.bytes, back.size, 1, &second, &err));
    cr_assert(is_text(second, "b"));
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

Test(table, row__may_be_large_and_have_large_keys)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    OK(add_index(txn, "users", "b", QUIRE_INDEX_BTREE, true, "name", NULL, &err));
    OK(add_index(txn, "users", "h", QUIRE_INDEX_HASH, true, "name", NULL, &err));
    quire_table *users = open_table(txn, "users");
    size_t size = 2 << 20;
    char *text = malloc(size);
    memset(text, 'm', size);
    int64_t rowids[3];
    for (int i = 0; i < 3; i++) {
        quire_value name = quire_text_n(text, size - (size_t)i);
        rowids[i] = 0;
        OK(quire_table_insert(users, &rowids[i], &name, 1, &err));
        FAILS(UNIQUE, quire_table_insert(users, NULL, &name, 1, &err));
    }
    int64_t got[3];
    cr_assert_eq(scan(users, 0, NULL, got, 3), 3);
    for (int i = 0; i < 3; i++) {
        quire_value name = quire_text_n(text, size - (size_t)i);
        cr_assert_eq(got[i], rowids[2 - i], "the shortest is first");
        cr_assert_eq(column_of(users, rowids[i], 0).size, size - (size_t)i);
        for (uint32_t index = 0; index < 2; index++) {
            bool found;
            int64_t rowid;
            OK(qr_table_find_unique(users, index, &name, 1, &rowid, &found, &err));
            cr_assert(found && rowid == rowids[i]);
        }
    }
    for (int i = 0; i < 3; i++) {
        OK(quire_table_delete(users, rowids[i], NULL, &err));
    }
    cr_assert_eq(scan(users, 0, NULL, got, 3), 0);
    quire_table_close(users);
    commit(txn);
    free(text);
    close_db(db);
}

Test(table, row__is_refused_when_it_is_too_large)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    OK(quire_tree_create(txn, "raw", &err));
    quire_table *users = open_table(txn, "users");
    quire_tree *raw;
    OK(quire_tree_open(txn, "raw", &raw, &err));
    /* Refused by its size alone: the bytes are never looked at. */
    quire_value huge = quire_text_n("", (size_t)QUIRE_PAYLOAD_MAX + 1);
    FAILS(LIMIT, quire_table_insert(users, NULL, &huge, 1, &err));
    huge = quire_text_n("", SIZE_MAX);
    FAILS(LIMIT, quire_table_insert(users, NULL, &huge, 1, &err));
    FAILS(LIMIT, quire_tree_put(raw, 1, "", QUIRE_PAYLOAD_MAX + 1, NULL, &err));
    cr_assert_eq(add_user(users, "small", 1), 1);
    quire_tree_close(raw);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

/* ---- Definition ---- */

Test(table, create__refuses_bad_definitions)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    quire_column good = {"a", QUIRE_INT, false};
    quire_column twice[] = {
        {"a", QUIRE_INT, false}, {"b", QUIRE_INT, false}, {"a", QUIRE_INT, true}};
    quire_column no_type = {"a", QUIRE_NULL, false};
    quire_column no_name = {"", QUIRE_INT, false};
    FAILS(MISUSE, quire_table_create(txn, "t", NULL, 0, &err));
    FAILS(MISUSE, quire_table_create(txn, "t", &good, 0, &err));
    FAILS(MISUSE, quire_table_create(txn, "t", &no_type, 1, &err));
    FAILS(MISUSE, quire_table_create(txn, "t", &no_name, 1, &err));
    FAILS(MISUSE, quire_table_create(txn, "", &good, 1, &err));
    FAILS(EXISTS, quire_table_create(txn, "t", twice, 3, &err));
    FAILS(MISUSE, quire_table_create(NULL, "t", &good, 1, &err));
    OK(quire_table_create(txn, "t", &good, 1, &err));
    FAILS(EXISTS, quire_table_create(txn, "t", &good, 1, &err));
    FAILS(EXISTS, quire_tree_create(txn, "t", &err));
    commit(txn);
    txn = begin_read(db);
    FAILS(MISUSE, quire_table_create(txn, "u", &good, 1, &err));
    commit(txn);
    close_db(db);
}

Test(table, create__takes_4096_columns)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    static quire_column columns[4097];
    static char names[4097][16];
    static quire_value row[4096];
    for (int i = 0; i < 4097; i++) {
        (void)snprintf(names[i], sizeof names[i], "c%d", i);
        columns[i] = (quire_column){names[i], QUIRE_INT, false};
    }
    for (int i = 0; i < 4096; i++) {
        row[i] = quire_int(i * 1000);
    }
    FAILS(MISUSE, quire_table_create(txn, "wide", columns, 4097, &err));
    OK(quire_table_create(txn, "wide", columns, 4096, &err));
    quire_table *wide = open_table(txn, "wide");
    cr_assert_eq(quire_table_column_count(wide), 4096);
    cr_assert_eq(quire_table_find_column(wide, "c4095"), 4095);
    cr_assert_eq(quire_table_find_column(wide, "c4096"), -1);
    cr_assert_str_eq(quire_table_column(wide, 17)->name, "c17");
    cr_assert_null(quire_table_column(wide, 4096));
    int64_t rowid = 0;
    OK(quire_table_insert(wide, &rowid, row, 4096, &err));
    cr_assert_eq(column_of(wide, rowid, 4095).as.integer, 4095000);
    quire_table_close(wide);
    commit(txn);
    close_db(db);
}

Test(index, create__refuses_bad_definitions)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_index_column descending = {.name = "age", .descending = true};
    quire_index_def def = {
        .name = "i", .kind = QUIRE_INDEX_HASH, .columns = &descending, .column_count = 1};
    FAILS(MISUSE, quire_index_create(txn, "users", &def, &err));
    def.column_count = 0;
    FAILS(MISUSE, quire_index_create(txn, "users", &def, &err));
    def.column_count = 17;
    FAILS(MISUSE, quire_index_create(txn, "users", &def, &err));
    FAILS(MISUSE, quire_index_create(txn, "users", NULL, &err));
    FAILS(MISUSE, add_index(txn, "users", "i", QUIRE_INDEX_BTREE, false, "tags", NULL, &err));
    FAILS(MISUSE, add_index(txn, "users", "i", QUIRE_INDEX_BTREE, false, "age", "age", &err));
    FAILS(MISUSE, add_index(txn, "users", "", QUIRE_INDEX_BTREE, false, "age", NULL, &err));
    FAILS(UNKNOWN_NAME, add_index(txn, "users", "i", QUIRE_INDEX_BTREE, false, "no", NULL, &err));
    FAILS(UNKNOWN_NAME, add_index(txn, "no", "i", QUIRE_INDEX_BTREE, false, "age", NULL, &err));
    OK(add_index(txn, "users", "i", QUIRE_INDEX_BTREE, false, "age", NULL, &err));
    FAILS(EXISTS, add_index(txn, "users", "i", QUIRE_INDEX_HASH, false, "age", NULL, &err));
    FAILS(UNKNOWN_NAME, quire_index_drop(txn, "j", &err));
    OK(quire_index_drop(txn, "i", &err));
    FAILS(UNKNOWN_NAME, quire_index_drop(txn, "i", &err));
    commit(txn);
    close_db(db);
}

Test(index, create__fills_from_rows_and_refuses_double_keys)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_table *users = open_table(txn, "users");
    for (int i = 0; i < 3000; i++) {
        (void)add_user(users, i % 2 ? "odd" : "even", (i * 7919) % 3001);
    }
    OK(add_index(txn, "users", "b", QUIRE_INDEX_BTREE, true, "age", NULL, &err));
    OK(add_index(txn, "users", "h", QUIRE_INDEX_HASH, true, "age", NULL, &err));
    FAILS(UNIQUE, add_index(txn, "users", "n", QUIRE_INDEX_BTREE, true, "name", NULL, &err));
    FAILS(UNIQUE, add_index(txn, "users", "n", QUIRE_INDEX_HASH, true, "name", NULL, &err));
    cr_assert(strstr(err.message, "\"odd\"") || strstr(err.message, "\"even\""));
    OK(add_index(txn, "users", "n", QUIRE_INDEX_HASH, false, "name", NULL, &err));
    cr_assert_eq(quire_table_index_count(users), 0, "the handle is from before");
    (void)add_user(users, "odd", 5000);
    cr_assert_eq(quire_table_index_count(users), 3);
    uint64_t entries;
    for (uint32_t i = 0; i < 3; i++) {
        OK(qr_table_index_entries(users, i, &entries, &err));
        cr_assert_eq(entries, 3001);
    }
    quire_value key = quire_int(5000);
    int64_t rowid = 0;
    bool found;
    for (uint32_t i = 0; i < 2; i++) {
        OK(qr_table_find_unique(users, i, &key, 1, &rowid, &found, &err));
        cr_assert(found && rowid == 3001);
    }
    FAILS(MISUSE, qr_table_find_unique(users, 2, &key, 1, &rowid, &found, &err));
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

Test(table, add_columns__leaves_old_rows_null)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_table *users = open_table(txn, "users");
    int64_t old = add_user(users, "old", 1);
    quire_column more[] = {{"city", QUIRE_TEXT, false}, {"zip", QUIRE_INT, false}};
    quire_column required = {"must", QUIRE_TEXT, true};
    quire_column present = {"age", QUIRE_INT, false};
    FAILS(MISUSE, quire_table_add_columns(txn, "users", &required, 1, &err));
    FAILS(EXISTS, quire_table_add_columns(txn, "users", &present, 1, &err));
    FAILS(UNKNOWN_NAME, quire_table_add_columns(txn, "nobody", more, 2, &err));
    OK(quire_table_add_columns(txn, "users", more, 2, &err));
    OK(add_index(txn, "users", "by_city", QUIRE_INDEX_BTREE, false, "city", NULL, &err));
    quire_value row[] = {quire_text("new"), quire_null(),       quire_null(),
                         quire_null(),      quire_text("Bern"), quire_int(3000)};
    int64_t fresh = 0;
    OK(quire_table_insert(users, &fresh, row, 6, &err));
    cr_assert_eq(column_of(users, old, 4).type, QUIRE_NULL);
    cr_assert(is_text(column_of(users, fresh, 4), "Bern"));
    quire_value null = quire_null();
    quire_index_range range = {.prefix = &null, .prefix_count = 1};
    int64_t rowids[2];
    cr_assert_eq(scan(users, 0, &range, rowids, 2), 1);
    cr_assert_eq(rowids[0], old);
    bool found;
    OK(quire_table_update(users, old, row, 6, &found, &err));
    cr_assert_eq(scan(users, 0, &range, rowids, 2), 0);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

Test(table, drop__frees_everything_for_reuse)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    uint32_t pages_after_first = 0;
    for (int round = 0; round < 4; round++) {
        quire_txn *txn = begin_write(db);
        create_users(txn);
        OK(add_index(txn, "users", "b", QUIRE_INDEX_BTREE, false, "name", NULL, &err));
        OK(add_index(txn, "users", "h", QUIRE_INDEX_HASH, false, "name", "age", &err));
        OK(add_index(txn, "users", "d", QUIRE_INDEX_HASH, false, "name", NULL, &err));
        OK(quire_trigger_create(
            txn,
            &(quire_trigger_def){
                .name = "t", .table = "users", .function = "f", .events = QUIRE_ON_DELETE},
            &err));
        quire_table *users = open_table(txn, "users");
        for (int i = 0; i < 2000; i++) {
            (void)add_user(users, "the same name for all", i);
        }
        quire_table_close(users);
        commit(txn);
        txn = begin_write(db);
        OK(quire_table_drop(txn, "users", &err));
        FAILS(UNKNOWN_NAME, quire_table_open(txn, "users", &users, &err));
        FAILS(UNKNOWN_NAME, quire_index_drop(txn, "b", &err));
        commit(txn);
        quire_stats stats = {.size = sizeof stats};
        OK(quire_get_stats(db, &stats, &err));
        if (round == 0) {
            pages_after_first = stats.pages;
        } else {
            cr_assert_leq(stats.pages, pages_after_first + pages_after_first / 4);
        }
    }
    close_db(db);
}

/* ---- Schema and transactions ---- */

Test(schema, rollback__takes_definitions_back)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_table *users = open_table(txn, "users");
    (void)add_user(users, "ada", 1);
    quire_table_close(users);
    commit(txn);

    txn = begin_write(db);
    quire_column city = {"city", QUIRE_TEXT, false};
    OK(quire_table_add_columns(txn, "users", &city, 1, &err));
    OK(add_index(txn, "users", "i", QUIRE_INDEX_BTREE, false, "city", NULL, &err));
    OK(quire_tree_create(txn, "other", &err));
    users = open_table(txn, "users");
    cr_assert_eq(quire_table_column_count(users), 5);
    quire_table_close(users);
    quire_rollback(txn);

    /* Another change takes the cookie that was rolled back: nothing stale may show. */
    txn = begin_write(db);
    OK(quire_tree_create(txn, "third", &err));
    commit(txn);
    txn = begin_read(db);
    users = open_table(txn, "users");
    cr_assert_eq(quire_table_column_count(users), 4);
    cr_assert_eq(quire_table_index_count(users), 0);
    quire_tree *tree;
    FAILS(UNKNOWN_NAME, quire_tree_open(txn, "other", &tree, &err));
    OK(quire_tree_open(txn, "third", &tree, &err));
    quire_tree_close(tree);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

Test(schema, snapshot__keeps_schema_and_rows_of_its_moment)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    OK(add_index(txn, "users", "b", QUIRE_INDEX_BTREE, false, "age", NULL, &err));
    OK(add_index(txn, "users", "h", QUIRE_INDEX_HASH, false, "age", NULL, &err));
    quire_table *users = open_table(txn, "users");
    for (int i = 0; i < 500; i++) {
        (void)add_user(users, "early", i);
    }
    quire_table_close(users);
    commit(txn);

    quire_txn *before = begin_read(db);
    quire_table *old = open_table(before, "users");
    txn = begin_write(db);
    OK(quire_table_drop(txn, "users", &err));
    commit(txn);
    txn = begin_write(db);
    quire_column column = {"other", QUIRE_INT, false};
    OK(quire_table_create(txn, "users", &column, 1, &err));
    users = open_table(txn, "users");
    for (int i = 0; i < 3000; i++) {
        quire_value value = quire_int(i);
        OK(quire_table_insert(users, NULL, &value, 1, &err));
    }
    quire_table_close(users);
    commit(txn);

    cr_assert_eq(quire_table_column_count(old), 4);
    cr_assert_eq(row_count(old), 500);
    static int64_t rowids[600];
    quire_index_range all = {.prefix = NULL};
    cr_assert_eq(scan(old, 0, &all, rowids, 600), 500);
    for (int i = 0; i < 500; i++) {
        quire_value age = quire_int(i);
        quire_index_range one = {.prefix = &age, .prefix_count = 1};
        int64_t rowid;
        cr_assert(is_text(column_of(old, i + 1, 0), "early"));
        cr_assert_eq(scan(old, 1, &one, &rowid, 1), 1);
        cr_assert_eq(rowid, i + 1);
    }
    quire_table *late = open_table(before, "users");
    cr_assert_eq(quire_table_column_count(late), 4);
    quire_table_close(late);
    quire_table_close(old);
    commit(before);
    txn = begin_read(db);
    users = open_table(txn, "users");
    cr_assert_eq(quire_table_column_count(users), 1);
    cr_assert_eq(row_count(users), 3000);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

Test(schema, cookie__moves_with_every_change_and_only_then)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    uint64_t cookies[4];
    bool committed;
    quire_txn *txn = begin_write(db);
    OK(qr_txn_schema_cookie(txn, &cookies[0], &committed, &err));
    cr_assert(committed);
    create_users(txn);
    OK(qr_txn_schema_cookie(txn, &cookies[1], &committed, &err));
    cr_assert_not(committed);
    commit(txn);
    txn = begin_write(db);
    quire_table *users = open_table(txn, "users");
    (void)add_user(users, "ada", 1);
    quire_table_close(users);
    OK(qr_txn_schema_cookie(txn, &cookies[2], &committed, &err));
    cr_assert(committed);
    OK(qr_text_put(txn, "schema", "type A", 6, &err));
    OK(qr_txn_schema_cookie(txn, &cookies[3], &committed, &err));
    commit(txn);
    cr_assert_neq(cookies[0], cookies[1]);
    cr_assert_eq(cookies[1], cookies[2]);
    cr_assert_neq(cookies[2], cookies[3]);
    close_db(db);
}

Test(schema, text__is_put_replaced_and_removed)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    size_t large_size = 300000;
    char *large = malloc(large_size);
    memset(large, 'x', large_size);
    struct qr_arena arena;
    const char *text;
    size_t size;
    bool found;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    quire_txn *txn = begin_write(db);
    OK(qr_text_get(txn, "schema", &arena, &text, &size, &found, &err));
    cr_assert_not(found);
    OK(qr_text_put(txn, "schema", "first", 5, &err));
    OK(qr_text_put(txn, "schema", large, large_size, &err));
    OK(quire_tree_create(txn, "schema", &err));
    commit(txn);
    txn = begin_write(db);
    OK(qr_text_get(txn, "schema", &arena, &text, &size, &found, &err));
    cr_assert(found);
    cr_assert_eq(size, large_size);
    cr_assert_eq(memcmp(text, large, size), 0);
    OK(qr_text_remove(txn, "schema", &found, &err));
    cr_assert(found);
    OK(qr_text_get(txn, "schema", &arena, &text, &size, &found, &err));
    cr_assert_not(found);
    commit(txn);
    qr_arena_free(&arena);
    free(large);
    close_db(db);
}

struct counted_attachment {
    struct qr_attachment attachment; /* first */
    int *destroyed;
};

static void destroy_counted(struct qr_attachment *attachment)
{
    struct counted_attachment *counted = (struct counted_attachment *)attachment;
    ++*counted->destroyed;
    free(counted);
}

static struct qr_attachment *new_attachment(uint64_t cookie, int *destroyed)
{
    struct counted_attachment *counted = calloc(1, sizeof *counted);
    counted->attachment.cookie = cookie;
    counted->attachment.destroy = destroy_counted;
    counted->destroyed = destroyed;
    return &counted->attachment;
}

Test(schema, attachment__is_shared_replaced_and_freed_once)
{
    quire_db *db = memory_db(0);
    int destroyed = 0;
    struct qr_attachment *first = qr_attachment_publish(db, new_attachment(5, &destroyed));
    cr_assert_eq(qr_attachment_acquire(db, 5), first);
    qr_attachment_release(db, first);
    cr_assert_null(qr_attachment_acquire(db, 6));
    struct qr_attachment *loser = new_attachment(5, &destroyed);
    cr_assert_eq(qr_attachment_publish(db, loser), first);
    cr_assert_eq(destroyed, 1);
    qr_attachment_release(db, first);
    struct qr_attachment *newer = qr_attachment_publish(db, new_attachment(6, &destroyed));
    cr_assert_eq(destroyed, 1, "the caller still holds the first");
    qr_attachment_release(db, first);
    cr_assert_eq(destroyed, 2);
    struct qr_attachment *older = qr_attachment_publish(db, new_attachment(4, &destroyed));
    cr_assert_null(qr_attachment_acquire(db, 4));
    qr_attachment_release(db, older);
    cr_assert_eq(destroyed, 3);
    qr_attachment_release(db, newer);
    close_db(db);
    cr_assert_eq(destroyed, 4);
}

Test(table, handle__is_dead_after_its_transaction_and_after_a_drop)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    OK(add_index(txn, "users", "i", QUIRE_INDEX_BTREE, false, "age", NULL, &err));
    quire_table *users = open_table(txn, "users");
    quire_index_cursor *walk;
    bool valid;
    int64_t rowid;
    (void)add_user(users, "ada", 1);
    (void)add_user(users, "bob", 2);
    OK(quire_index_cursor_open(users, 0, NULL, &walk, &err));
    OK(quire_index_cursor_next(walk, &rowid, &valid, &err));
    OK(quire_tree_create(txn, "t", &err));
    OK(quire_index_cursor_next(walk, &rowid, &valid, &err));
    cr_assert(valid && rowid == 2);
    OK(quire_index_drop(txn, "i", &err));
    FAILS(MISUSE, quire_index_cursor_next(walk, &rowid, &valid, &err));
    (void)add_user(users, "cid", 3);
    OK(quire_table_drop(txn, "users", &err));
    FAILS(MISUSE, quire_table_delete(users, 1, &valid, &err));
    commit(txn);
    FAILS(MISUSE, quire_table_delete(users, 1, &valid, &err));
    cr_assert_eq(quire_table_column_count(users), 0);
    cr_assert_eq(quire_table_find_column(users, "age"), -1);
    quire_table_close(users);
    quire_index_cursor_close(walk);
    quire_table_close(NULL);
    quire_index_cursor_close(NULL);
    close_db(db);
}

/* ---- Many rows, beginnings, descending columns ---- */

struct many {
    size_t count;
    size_t index[8];
    int64_t age[8];
};

static quire_status note_row(void *context, size_t index, const void *record, size_t size,
                             quire_error *err)
{
    struct many *many = context;
    quire_value age;
    cr_assert_eq(quire_record_column(record, size, 1, &age, err), QUIRE_OK);
    many->index[many->count] = index;
    many->age[many->count++] = age.as.integer;
    return many->count == 3 ? QUIRE_INTERRUPTED : QUIRE_OK;
}

Test(table, get_many__visits_the_rows_that_exist_in_order)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_table *table;
    OK(quire_table_open(txn, "users", &table, &err));
    for (int i = 1; i <= 200; i++) {
        (void)add_user(table, "somebody", i * 10);
    }
    struct many many = {0};
    int64_t rowids[] = {-5, 7, 7, 150, 199, 200};
    OK(quire_table_get_many(table, rowids, 2, note_row, &many, &err));
    cr_assert_eq(many.count, 1);
    cr_assert_eq(many.index[0], 1);
    cr_assert_eq(many.age[0], 70);
    many.count = 0;
    cr_assert_eq(quire_table_get_many(table, rowids, 6, note_row, &many, &err), QUIRE_INTERRUPTED);
    cr_assert_eq(many.age[2], 1500);
    rowids[1] = 151;
    many.count = 0;
    cr_assert_eq(quire_table_get_many(table, rowids, 4, note_row, &many, &err), QUIRE_INTERRUPTED);
    cr_assert_eq(many.index[2], 1);
    cr_assert_eq(many.age[2], 1510);
    OK(quire_table_get_many(table, NULL, 0, note_row, &many, &err));
    quire_table_close(table);
    commit(txn);
    close_db(db);
}

static const char *const starts[] = {"", "a", "ab", "ab\xC3\xA9", "abc", "b", "zz"};
static const char *const names[] = {
    "a", "ab",  "abc",   "abcd", "abd", "ab\xC3\xA9", "ab\x01", "b", "ba", "", "ab\xF4\x8F\xBF\xBF",
    "c", "abc", "zz top"};

static quire_status add_while_reading(void *context, size_t index, const void *record, size_t size,
                                      quire_error *err)
{
    quire_value name = quire_text("dan");
    (void)index;
    (void)record;
    (void)size;
    return quire_table_insert(context, NULL, &name, 1, err);
}

/* The pages under the callback would change. */
Test(table, get_many__refuses_a_callback_that_changes_the_table)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_table *users = open_table(txn, "users");
    int64_t rowid = add_user(users, "ada", 1);
    uint64_t rows;
    FAILS(MISUSE, quire_table_get_many(users, &rowid, 1, add_while_reading, users, &err));
    (void)add_user(users, "bob", 2);
    OK(quire_table_row_count(users, &rows, &err));
    cr_assert_eq(rows, 2);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

/* Every beginning, ascending and descending, forward and reverse, with long values in between
 * that are stored cut. */
Test(table, starts_with__takes_the_texts_that_begin_so)
{
    for (unsigned variant = 0; variant < 4; variant++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_db *db = memory_db(1024);
        quire_txn *txn = begin_write(db);
        create_users(txn);
        quire_index_column columns[] = {{.name = "age"},
                                        {.name = "name", .descending = (variant & 1) != 0}};
        quire_index_def def = {.name = "i", .columns = columns, .column_count = 2};
        OK(quire_index_create(txn, "users", &def, &err));
        quire_table *table;
        OK(quire_table_open(txn, "users", &table, &err));
        char text[40][700];
        size_t count = 0;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            snprintf(text[count], sizeof text[count], "%s", names[i]);
            count++;
            memset(text[count], 'x', 600);
            text[count][600] = '\0';
            memcpy(text[count++], names[i], strlen(names[i]));
        }
        for (size_t i = 0; i < count; i++) {
            (void)add_user(table, text[i], (int64_t)(i % 2));
        }
        for (size_t s = 0; s < sizeof starts / sizeof starts[0]; s++) {
            for (int64_t age = 0; age < 2; age++) {
                quire_value fixed = quire_int(age);
                quire_value start = quire_text(starts[s]);
                quire_index_range range = {.prefix = &fixed,
                                           .prefix_count = 1,
                                           .starts_with = &start,
                                           .reverse = (variant & 2) != 0};
                int64_t rowids[40];
                size_t expected = 0;
                for (size_t i = 0; i < count; i++) {
                    expected += (int64_t)(i % 2) == age &&
                                strncmp(text[i], starts[s], strlen(starts[s])) == 0;
                }
                size_t found = scan(table, 0, &range, rowids, 40);
                cr_assert_eq(found, expected, "\"%s\" in variant %u", starts[s], variant);
                bool up = ((variant & 1) != 0) == ((variant & 2) != 0);
                for (size_t i = 1; i < found; i++) {
                    int order = strcmp(text[rowids[i - 1] - 1], text[rowids[i] - 1]);
                    cr_assert(up ? order <= 0 : order >= 0, "order in variant %u", variant);
                }
            }
        }
        quire_value number = quire_int(1);
        quire_value text_value = quire_text("a");
        quire_index_cursor *cursor;
        quire_index_range wrong = {.starts_with = &number};
        FAILS(MISUSE, quire_index_cursor_open(table, 0, &wrong, &cursor, &err));
        wrong = (quire_index_range){.starts_with = &text_value};
        FAILS(TYPE, quire_index_cursor_open(table, 0, &wrong, &cursor, &err));
        wrong = (quire_index_range){
            .prefix = &number, .prefix_count = 1, .starts_with = &text_value, .lower = &text_value};
        FAILS(MISUSE, quire_index_cursor_open(table, 0, &wrong, &cursor, &err));
        quire_table_close(table);
        commit(txn);
        close_db(db);
    }
}
