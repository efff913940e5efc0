/* New names for tables, columns and indexes. */
#include "engine_fixture.h"

#include <string.h>

static void expect_row(quire_txn *txn, const char *table, const char *column, int64_t age)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *open;
    const void *record;
    size_t size;
    bool found;
    quire_value value;
    OK(quire_table_open(txn, table, &open, &err));
    int number = quire_table_find_column(open, column);
    cr_assert_geq(number, 0, "%s.%s", table, column);
    OK(quire_table_get(open, 1, &record, &size, &found, &err));
    cr_assert(found);
    OK(quire_record_column(record, size, (uint32_t)number, &value, &err));
    cr_assert_eq(value.as.integer, age);
    quire_table_close(open);
}

static quire_db *make(quire_table **users, quire_txn **txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    *txn = begin_write(db);
    create_users(*txn);
    OK(add_index(*txn, "users", "by_age", QUIRE_INDEX_BTREE, false, "age", NULL, &err));
    OK(quire_table_open(*txn, "users", users, &err));
    (void)add_user(*users, "ada", 36);
    return db;
}

Test(rename, what_is_stored_stays)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *users;
    quire_txn *txn;
    quire_db *db = make(&users, &txn);
    char long_name[200];
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    OK(quire_table_rename_column(txn, "users", "age", "years", &err));
    OK(quire_index_rename(txn, "by_age", "by_years", &err));
    (void)add_user(users, "bob", 40);
    cr_assert_eq(quire_table_find_column(users, "age"), -1);
    OK(quire_table_rename(txn, "users", long_name, &err));
    OK(quire_table_rename(txn, long_name, "people", &err));
    quire_value age = quire_int(36);
    FAILS(MISUSE, quire_table_insert(users, &(int64_t){0}, &age, 1, &err));
    quire_table_close(users);
    commit(txn);
    txn = begin_read(db);
    expect_row(txn, "people", "years", 36);
    FAILS(UNKNOWN_NAME, quire_table_open(txn, "users", &users, &err));
    OK(quire_table_open(txn, "people", &users, &err));
    quire_index_range range = {.prefix = &age, .prefix_count = 1};
    int64_t rowids[4];
    cr_assert_eq(scan(users, index_number(users, "by_years"), &range, rowids, 4), 1);
    cr_assert_eq(rowids[0], 1);
    quire_table_close(users);
    quire_rollback(txn);
    /* The names are free again, and belong to others. */
    txn = begin_write(db);
    create_users(txn);
    OK(add_index(txn, "users", "by_age", QUIRE_INDEX_BTREE, false, "age", NULL, &err));
    commit(txn);
    close_db(db);
}

Test(rename, a_rollback_brings_the_old_names_back)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *users;
    quire_txn *txn;
    quire_db *db = make(&users, &txn);
    uint64_t savepoint;
    quire_table_close(users);
    OK(quire_savepoint(txn, &savepoint, &err));
    OK(quire_table_rename(txn, "users", "people", &err));
    OK(quire_rollback_to(txn, savepoint, &err));
    expect_row(txn, "users", "age", 36);
    commit(txn);
    txn = begin_write(db);
    OK(quire_table_rename_column(txn, "users", "age", "years", &err));
    OK(quire_table_rename(txn, "users", "people", &err));
    quire_rollback(txn);
    txn = begin_read(db);
    expect_row(txn, "users", "age", 36);
    quire_rollback(txn);
    close_db(db);
}

Test(rename, what_cannot_be_is_refused)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *users;
    quire_txn *txn;
    quire_db *db = make(&users, &txn);
    quire_index_column part = {.expression = "age + 1"};
    quire_index_def def = {.name = "by_next", .columns = &part, .column_count = 1};
    quire_table_close(users);
    FAILS(UNKNOWN_NAME, quire_table_rename(txn, "nobody", "x", &err));
    FAILS(UNKNOWN_NAME, quire_table_rename_column(txn, "users", "nothing", "x", &err));
    FAILS(UNKNOWN_NAME, quire_index_rename(txn, "users", "x", &err));
    FAILS(EXISTS, quire_table_rename(txn, "users", "by_age", &err));
    FAILS(EXISTS, quire_table_rename(txn, "users", "users", &err));
    FAILS(EXISTS, quire_table_rename_column(txn, "users", "age", "name", &err));
    FAILS(EXISTS, quire_index_rename(txn, "by_age", "users", &err));
    FAILS(MISUSE, quire_table_rename(txn, "users", "", &err));
    FAILS(MISUSE, quire_table_rename_column(txn, "users", "age", "", &err));
    OK(quire_index_create(txn, "users", &def, &err));
    FAILS(MISUSE, quire_table_rename_column(txn, "users", "age", "years", &err));
    OK(quire_table_rename_column(txn, "users", "score", "points", &err));
    OK(quire_index_drop(txn, "by_next", &err));
    def = (quire_index_def){.name = "old",
                            .columns = &(quire_index_column){.name = "name"},
                            .column_count = 1,
                            .where = "age > 60"};
    OK(quire_index_create(txn, "users", &def, &err));
    FAILS(MISUSE, quire_table_rename_column(txn, "users", "age", "years", &err));
    OK(quire_index_drop(txn, "old", &err));
    OK(quire_view_create(txn, &(quire_view_def){.name = "v", .table = "users"}, &err));
    FAILS(MISUSE, quire_table_rename_column(txn, "users", "age", "years", &err));
    OK(quire_table_rename(txn, "users", "people", &err));
    expect_row(txn, "people", "age", 36);
    commit(txn);
    txn = begin_read(db);
    FAILS(MISUSE, quire_table_rename(txn, "people", "users", &err));
    quire_rollback(txn);
    close_db(db);
}

Test(allow_null, a_column_that_could_not_hold_nulls_does)
{
    static const quire_column columns[] = {{"a", QUIRE_INT, true}, {"b", QUIRE_INT, true}};
    quire_error err = QUIRE_ERROR_INIT;
    const quire_value values[] = {quire_null(), quire_int(1)};
    int64_t rowid = 0;
    quire_table *table;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    OK(quire_table_create(txn, "t", columns, 2, &err));
    OK(quire_table_open(txn, "t", &table, &err));
    FAILS(NOT_NULL, quire_table_insert(table, &rowid, values, 2, &err));
    FAILS(UNKNOWN_NAME, quire_table_allow_null(txn, "t", "c", &err));
    FAILS(UNKNOWN_NAME, quire_table_allow_null(txn, "u", "a", &err));
    OK(quire_table_allow_null(txn, "t", "a", &err));
    OK(quire_table_insert(table, &rowid, values, 2, &err));
    cr_assert_not(quire_table_column(table, 0)->not_null);
    cr_assert(quire_table_column(table, 1)->not_null);
    quire_table_close(table);
    commit(txn);
    close_db(db);
}
