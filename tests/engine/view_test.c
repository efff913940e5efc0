/*
 * Views: what they show, the way they come to their rows, and how they follow
 * their table, their transaction and the schema.
 */
#include "engine_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/failing_allocator.h"
#include "support/prng.h"

/* "users" has name TEXT not null, age INT, score FLOAT, tags LIST. */

static void create_view(quire_txn *txn, const quire_view_def *def)
{
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_view_create(txn, def, &err));
}

static quire_view *open_view(quire_txn *txn, const char *name)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_view *view;
    OK(quire_view_open(txn, name, &view, &err));
    return view;
}

static quire_table *open_users(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *users;
    OK(quire_table_open(txn, "users", &users, &err));
    return users;
}

/* The rowids of a view's rows, in its order. */
static size_t walk(quire_view *view, int64_t *rowids, size_t room)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_view_cursor *cursor;
    const quire_value *values;
    size_t count = 0;
    bool valid;
    OK(quire_view_cursor_open(view, &cursor, &err));
    OK(quire_view_cursor_first(cursor, &valid, &err));
    while (valid) {
        int64_t rowid;
        OK(quire_view_cursor_row(cursor, &rowid, &values, &err));
        cr_assert_not_null(values);
        if (count < room) {
            rowids[count] = rowid;
        }
        count++;
        OK(quire_view_cursor_next(cursor, &valid, &err));
    }
    OK(quire_view_cursor_next(cursor, &valid, &err));
    cr_assert_not(valid);
    FAILS(MISUSE, quire_view_cursor_row(cursor, &(int64_t){0}, &values, &err));
    quire_view_cursor_close(cursor);
    uint64_t rows;
    OK(quire_view_count(view, &rows, &err));
    cr_assert_eq(rows, count);
    return count;
}

static void expect_rows(quire_txn *txn, const char *name, size_t count, const int64_t *expected)
{
    int64_t rowids[64];
    quire_view *view = open_view(txn, name);
    cr_assert_eq(walk(view, rowids, 64), count, "%s", name);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(rowids[i], expected[i], "%s: row %zu is %lld", name, i, (long long)rowids[i]);
    }
    quire_view_close(view);
}

#define EXPECT_ROWS(txn, name, ...)                                                                \
    expect_rows(txn, name, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t),                     \
                (int64_t[]){__VA_ARGS__})

static void expect_path(quire_txn *txn, const char *name, const char *index, bool sorts)
{
    quire_error err = QUIRE_ERROR_INIT;
    const quire_index_def *found;
    bool found_sorts;
    quire_view *view = open_view(txn, name);
    OK(quire_view_path(view, &found, &found_sorts, &err));
    cr_assert_str_eq(found == NULL ? "-" : found->name, index, "%s", name);
    cr_assert_eq(found_sorts, sorts, "%s", name);
    quire_view_close(view);
}

/* Five users: 1 cy 30, 2 ada 36, 3 bob 17, 4 Dan null, 5 abe 36. */
static quire_db *with_users(void)
{
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_error err = QUIRE_ERROR_INIT;
    create_users(txn);
    quire_table *users = open_users(txn);
    (void)add_user(users, "cy", 30);
    (void)add_user(users, "ada", 36);
    (void)add_user(users, "bob", 17);
    quire_value dan[] = {quire_text("Dan")};
    OK(quire_table_insert(users, NULL, dan, 1, &err));
    (void)add_user(users, "abe", 36);
    quire_table_close(users);
    commit(txn);
    return db;
}

/* ---- What they show ---- */

Test(view, rows__are_those_of_the_filter)
{
    quire_db *db = with_users();
    quire_txn *txn = begin_write(db);
    create_view(txn, &(quire_view_def){.name = "all", .table = "users"});
    create_view(txn, &(quire_view_def){.name = "adults", .table = "users", .filter = "age >= 18"});
    create_view(txn,
                &(quire_view_def){.name = "unknown", .table = "users", .filter = "age IS NULL"});
    create_view(txn, &(quire_view_def){.name = "none", .table = "users", .filter = "false"});
    EXPECT_ROWS(txn, "all", 1, 2, 3, 4, 5);
    EXPECT_ROWS(txn, "adults", 1, 2, 5);
    EXPECT_ROWS(txn, "unknown", 4);
    expect_rows(txn, "none", 0, NULL);
    quire_view *view = open_view(txn, "unknown");
    cr_assert_str_eq(quire_view_definition(view)->filter, "age is null");
    cr_assert_str_eq(quire_view_definition(view)->table, "users");
    quire_view_close(view);
    view = open_view(txn, "all");
    cr_assert_null(quire_view_definition(view)->filter);
    cr_assert_eq(quire_view_definition(view)->column_count, 0);
    cr_assert_eq(quire_view_column_count(view), 4);
    cr_assert_str_eq(quire_view_column(view, 3)->name, "tags");
    quire_view_close(view);
    commit(txn);
    close_db(db);
}

Test(view, columns__are_chosen_renamed_and_computed)
{
    static const quire_view_field fields[] = {
        {"age", NULL}, {"who", "name"}, {"label", "upper(name) || '!'"}, {"next", "age + 1"}};
    static const quire_view_field plain[] = {{"n", "name"}, {"age", NULL}};
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = with_users();
    quire_txn *txn = begin_write(db);
    create_view(txn, &(quire_view_def){
                         .name = "v", .table = "users", .columns = fields, .column_count = 4});
    create_view(
        txn, &(quire_view_def){.name = "p", .table = "users", .columns = plain, .column_count = 2});
    quire_view *view = open_view(txn, "v");
    cr_assert_eq(quire_view_column_count(view), 4);
    cr_assert_eq(quire_view_column(view, 0)->type, QUIRE_INT);
    cr_assert(!quire_view_column(view, 0)->not_null && quire_view_column(view, 1)->not_null);
    cr_assert_str_eq(quire_view_column(view, 2)->name, "label");
    cr_assert_eq(quire_view_column(view, 2)->type, QUIRE_TEXT);
    cr_assert_null(quire_view_column(view, 4));
    cr_assert_str_eq(quire_view_definition(view)->columns[0].expression, "age");
    cr_assert_str_eq(quire_view_definition(view)->columns[2].expression, "upper(name) || '!'");
    const quire_value *values;
    bool found;
    OK(quire_view_get(view, 2, &values, &found, &err));
    cr_assert(found && values[0].as.integer == 36 && values[3].as.integer == 37);
    cr_assert(values[2].size == 4 && memcmp(values[2].as.bytes, "ADA!", 4) == 0);
    OK(quire_view_get(view, 4, &values, &found, &err));
    cr_assert(found && values[3].type == QUIRE_NULL);
    OK(quire_view_get(view, 99, &values, &found, &err));
    cr_assert(!found && values == NULL);
    quire_view_close(view);
    view = open_view(txn, "p");
    OK(quire_view_get(view, 3, &values, &found, &err));
    cr_assert(found && values[0].size == 3 && values[1].as.integer == 17);
    quire_view_close(view);
    commit(txn);
    close_db(db);
}

Test(view, get__asks_the_filter)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = with_users();
    quire_txn *txn = begin_write(db);
    create_view(txn, &(quire_view_def){.name = "adults", .table = "users", .filter = "age >= 18"});
    quire_view *view = open_view(txn, "adults");
    const quire_value *values;
    bool found;
    OK(quire_view_get(view, 1, &values, &found, &err));
    cr_assert(found);
    OK(quire_view_get(view, 3, &values, &found, &err));
    cr_assert(!found && values == NULL);
    quire_view_close(view);
    commit(txn);
    close_db(db);
}

/* ---- Order and paths ---- */

static const quire_view_order by_age_name[] = {{"age", false}, {"name", true}};
static const quire_view_order by_name[] = {{"name", false}};
static const quire_view_order by_name_down[] = {{"name", true}};

static void create_ordered(quire_txn *txn, const char *name, const char *filter,
                           const quire_view_order *order, uint32_t count)
{
    create_view(txn, &(quire_view_def){.name = name,
                                       .table = "users",
                                       .filter = filter,
                                       .order = order,
                                       .order_count = count});
}

Test(view, order__comes_from_sorting_or_an_index_alike)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = with_users();
    quire_txn *txn = begin_write(db);
    create_ordered(txn, "two", NULL, by_age_name, 2);
    create_ordered(txn, "up", "age > 0", by_name, 1);
    create_ordered(txn, "down", NULL, by_name_down, 1);
    create_ordered(txn, "fixed", "age = 36", by_age_name, 2);
    for (int indexed = 0; indexed < 2; indexed++) {
        EXPECT_ROWS(txn, "two", 4, 3, 1, 2, 5);
        EXPECT_ROWS(txn, "up", 5, 2, 3, 1);
        EXPECT_ROWS(txn, "down", 1, 3, 2, 5, 4);
        EXPECT_ROWS(txn, "fixed", 2, 5);
        expect_path(txn, "two", indexed ? "age_name" : "-", !indexed);
        expect_path(txn, "up", indexed ? "name" : "-", !indexed);
        expect_path(txn, "down", indexed ? "name" : "-", !indexed);
        expect_path(txn, "fixed", indexed ? "age_name" : "-", !indexed);
        if (indexed == 0) {
            OK(add_index(txn, "users", "name", QUIRE_INDEX_BTREE, false, "name", NULL, &err));
            quire_index_column columns[] = {{.name = "age"}, {.name = "name", .descending = true}};
            OK(quire_index_create(
                txn, "users",
                &(quire_index_def){.name = "age_name", .columns = columns, .column_count = 2},
                &err));
        }
    }
    commit(txn);
    close_db(db);
}

Test(view, index__is_chosen_for_the_filter)
{
    static const struct {
        const char *filter;
        const char *index;
        int64_t rows[4];
        size_t count;
    } cases[] = {
        {"age = 36", "age", {2, 5}, 2},
        {"age = 36 and name = 'abe'", "hash", {5}, 1},
        {"name = 'abe'", "name", {5}, 1},
        {"age > 30", "age", {2, 5}, 2},
        {"age >= 30 and age < 36", "age", {1}, 1},
        {"age < 30", "age", {3}, 1},
        {"30 <= age", "age", {1, 2, 5}, 3},
        {"age between 17 and 30", "age", {3, 1}, 2},
        {"starts_with(name, 'a')", "name", {5, 2}, 2},
        {"age + 0 = 36", "-", {2, 5}, 2},
        {"age = 36 or name = 'cy'", "-", {1, 2, 5}, 3},
        {"score = 1", "-", {0}, 0},
        {"lower(name) = 'dan'", "-", {4}, 1},
        {"age > 16 and length(name) = 2", "age", {1}, 1},
    };
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = with_users();
    quire_txn *txn = begin_write(db);
    OK(add_index(txn, "users", "age", QUIRE_INDEX_BTREE, false, "age", NULL, &err));
    OK(add_index(txn, "users", "name", QUIRE_INDEX_BTREE, true, "name", NULL, &err));
    OK(add_index(txn, "users", "hash", QUIRE_INDEX_HASH, false, "age", "name", &err));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "v%zu", i);
        create_view(txn,
                    &(quire_view_def){.name = name, .table = "users", .filter = cases[i].filter});
        expect_path(txn, name, cases[i].index, false);
        expect_rows(txn, name, cases[i].count, cases[i].rows);
    }
    commit(txn);
    close_db(db);
}

Test(view, partial_index__serves_a_filter_that_implies_its_condition)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = with_users();
    quire_txn *txn = begin_write(db);
    quire_index_column columns[] = {{.name = "name"}};
    OK(quire_index_create(
        txn, "users",
        &(quire_index_def){
            .name = "adults", .columns = columns, .column_count = 1, .where = "age >= 18"},
        &err));
    create_ordered(txn, "old", "age > 30", by_name, 1);
    create_ordered(txn, "all", NULL, by_name, 1);
    create_ordered(txn, "young", "age > 10", by_name, 1);
    expect_path(txn, "old", "adults", false);
    expect_path(txn, "all", "-", true);
    expect_path(txn, "young", "-", true);
    EXPECT_ROWS(txn, "old", 5, 2);
    EXPECT_ROWS(txn, "young", 5, 2, 3, 1);
    commit(txn);
    close_db(db);
}

/* Random filters and orders give the same rows with indexes and without. */
Test(view, indexes__change_no_answer)
{
    static const char *const filters[] = {"age between 3 and 9 and score > 0.5",
                                          "age = 4",
                                          "age > 3 and age <= 7 and name < 'm'",
                                          "starts_with(name, 'b') or age is null",
                                          "starts_with(name, 'c')",
                                          "score <= 0.25"};
    static const quire_view_order orders[][2] = {{{"age", false}, {"score", false}},
                                                 {{"age", true}, {"score", true}},
                                                 {{"name", false}, {"age", true}},
                                                 {{"score", true}, {"name", false}}};
    enum { FILTERS = 6, ORDERS = 4, ROWS = 400 };
    static int64_t before[FILTERS][ORDERS][ROWS];
    static size_t counts[FILTERS][ORDERS];
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    struct prng prng;
    prng_init(&prng, 7);
    create_users(txn);
    quire_table *users = open_users(txn);
    for (int i = 0; i < ROWS; i++) {
        char name[8];
        /* Names are unique, so that every order with them is total. */
        (void)snprintf(name, sizeof name, "%c%03d", 'a' + (int)prng_below(&prng, 5), i);
        quire_value row[] = {quire_text(name), quire_int((int64_t)prng_below(&prng, 12)),
                             quire_float((double)i / ROWS)};
        row[1] = prng_below(&prng, 8) == 0 ? quire_null() : row[1];
        OK(quire_table_insert(users, NULL, row, 3, &err));
    }
    quire_table_close(users);
    for (int indexed = 0; indexed < 2; indexed++) {
        for (int i = 0; i < FILTERS * ORDERS; i++) {
            char name[16];
            (void)snprintf(name, sizeof name, "v%d", i);
            int filter = i / ORDERS;
            int order = i % ORDERS;
            if (!indexed) {
                create_ordered(txn, name, filters[filter], orders[order], 2);
            }
            int64_t rowids[ROWS];
            quire_view *view = open_view(txn, name);
            size_t count = walk(view, indexed ? rowids : before[filter][order], ROWS);
            quire_view_close(view);
            if (indexed) {
                cr_assert_eq(count, counts[filter][order]);
                cr_assert_eq(memcmp(rowids, before[filter][order], count * sizeof *rowids), 0,
                             "%s, order %d", filters[filter], order);
            }
            counts[filter][order] = count;
        }
        if (!indexed) {
            OK(add_index(txn, "users", "a", QUIRE_INDEX_BTREE, false, "age", "score", &err));
            OK(add_index(txn, "users", "n", QUIRE_INDEX_BTREE, false, "name", NULL, &err));
            OK(add_index(txn, "users", "h", QUIRE_INDEX_HASH, false, "age", NULL, &err));
            OK(add_index(txn, "users", "s", QUIRE_INDEX_BTREE, true, "score", "name", &err));
        }
    }
    cr_assert_gt(counts[0][0], 10);
    commit(txn);
    close_db(db);
}

Test(view, sort__has_a_limit_that_an_index_lifts)
{
    enum { ROWS = 70, SIZE = 1000000 };
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    char *long_name = malloc(SIZE);
    cr_assert_not_null(long_name);
    memset(long_name, 'x', SIZE);
    create_users(txn);
    create_ordered(txn, "v", NULL, by_name, 1);
    quire_table *users = open_users(txn);
    for (int i = 0; i < ROWS; i++) {
        quire_value row[] = {quire_text_n(long_name, SIZE - (size_t)i)};
        OK(quire_table_insert(users, NULL, row, 1, &err));
    }
    quire_view *view = open_view(txn, "v");
    quire_view_cursor *cursor;
    bool valid;
    OK(quire_view_cursor_open(view, &cursor, &err));
    FAILS(LIMIT, quire_view_cursor_first(cursor, &valid, &err));
    cr_assert_not(valid);
    cr_assert_not_null(strstr(err.message, "index"));
    OK(quire_table_delete(users, 1, NULL, &err));
    for (int i = 2; i < 10; i++) {
        OK(quire_table_delete(users, i, NULL, &err));
    }
    OK(quire_view_cursor_first(cursor, &valid, &err));
    cr_assert(valid);
    int64_t rowid;
    const quire_value *values;
    OK(quire_view_cursor_row(cursor, &rowid, &values, &err));
    cr_assert_eq(rowid, ROWS);
    quire_view_cursor_close(cursor);
    quire_view_close(view);
    quire_table_close(users);
    quire_rollback(txn);
    free(long_name);
    close_db(db);
}

/* ---- Changes of rows and of the schema ---- */

Test(view, rows_changed_during_a_walk__are_shown_as_they_are)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = with_users();
    quire_txn *txn = begin_write(db);
    create_ordered(txn, "v", "age > 0", by_name, 1);
    quire_view *view = open_view(txn, "v");
    quire_table *users = open_users(txn);
    quire_view_cursor *cursor;
    const quire_value *values;
    int64_t rowid;
    bool valid;
    OK(quire_view_cursor_open(view, &cursor, &err));
    OK(quire_view_cursor_next(cursor, &valid, &err));
    OK(quire_view_cursor_row(cursor, &rowid, &values, &err));
    cr_assert_eq(rowid, 5);
    OK(quire_table_delete(users, 2, NULL, &err));
    quire_value changed[] = {quire_text("bob"), quire_null()};
    OK(quire_table_update(users, 3, changed, 2, NULL, &err));
    OK(quire_view_cursor_next(cursor, &valid, &err));
    OK(quire_view_cursor_row(cursor, &rowid, &values, &err));
    cr_assert_eq(rowid, 1, "one row is gone, one no longer belongs");
    quire_view_cursor_close(cursor);
    quire_table_close(users);
    quire_view_close(view);
    commit(txn);
    close_db(db);
}

Test(view, definition__follows_its_table)
{
    static const quire_column city = {"city", QUIRE_TEXT, false};
    static const quire_view_field fields[] = {{"name", NULL}};
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = with_users();
    quire_txn *txn = begin_write(db);
    create_view(txn, &(quire_view_def){.name = "all", .table = "users", .filter = "age > 20"});
    create_view(txn, &(quire_view_def){
                         .name = "names", .table = "users", .columns = fields, .column_count = 1});
    quire_view *all = open_view(txn, "all");
    quire_view *names = open_view(txn, "names");
    quire_view_cursor *cursor;
    const quire_value *values;
    bool found, valid;
    OK(quire_view_cursor_open(all, &cursor, &err));
    OK(quire_view_cursor_first(cursor, &valid, &err));
    cr_assert(valid);
    OK(quire_table_add_columns(txn, "users", &city, 1, &err));
    FAILS(MISUSE, quire_view_cursor_next(cursor, &valid, &err));
    OK(quire_view_cursor_first(cursor, &valid, &err));
    cr_assert(valid);
    OK(quire_view_get(all, 1, &values, &found, &err));
    cr_assert(found && values[4].type == QUIRE_NULL);
    cr_assert_eq(quire_view_column_count(all), 5);
    OK(quire_view_get(names, 1, &values, &found, &err));
    cr_assert_eq(quire_view_column_count(names), 1);
    OK(quire_view_drop(txn, "all", &err));
    FAILS(MISUSE, quire_view_get(all, 1, &values, &found, &err));
    cr_assert_not_null(strstr(err.message, "dropped"));
    FAILS(MISUSE, quire_view_cursor_next(cursor, &valid, &err));
    create_view(txn, &(quire_view_def){.name = "all", .table = "users"});
    FAILS(MISUSE, quire_view_get(all, 1, &values, &found, &err));
    commit(txn);
    FAILS(MISUSE, quire_view_get(names, 1, &values, &found, &err));
    quire_view_cursor_close(cursor);
    quire_view_close(names);
    quire_view_close(all);
    close_db(db);
}

Test(view, savepoint__takes_a_view_back)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = with_users();
    quire_txn *txn = begin_write(db);
    uint64_t savepoint;
    OK(quire_savepoint(txn, &savepoint, &err));
    create_view(txn, &(quire_view_def){.name = "v", .table = "users"});
    quire_view *view = open_view(txn, "v");
    OK(quire_rollback_to(txn, savepoint, &err));
    uint64_t rows;
    FAILS(MISUSE, quire_view_count(view, &rows, &err));
    quire_view_close(view);
    FAILS(UNKNOWN_NAME, quire_view_open(txn, "v", &view, &err));
    cr_assert_null(view);
    create_view(txn, &(quire_view_def){.name = "v", .table = "users"});
    commit(txn);
    close_db(db);
}

Test(view, snapshot__keeps_the_views_of_its_moment)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = with_users();
    quire_txn *txn = begin_write(db);
    create_view(txn, &(quire_view_def){.name = "v", .table = "users", .filter = "age = 36"});
    commit(txn);
    quire_txn *old = begin_read(db);
    txn = begin_write(db);
    OK(quire_view_drop(txn, "v", &err));
    create_view(txn, &(quire_view_def){.name = "v", .table = "users", .filter = "age = 17"});
    quire_table *users = open_users(txn);
    OK(quire_table_delete(users, 2, NULL, &err));
    quire_table_close(users);
    commit(txn);
    quire_txn *fresh = begin_read(db);
    EXPECT_ROWS(old, "v", 2, 5);
    EXPECT_ROWS(fresh, "v", 3);
    quire_rollback(old);
    quire_rollback(fresh);
    close_db(db);
}

Test(view, table_with_views__is_not_dropped)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = with_users();
    quire_txn *txn = begin_write(db);
    create_view(txn, &(quire_view_def){.name = "first", .table = "users"});
    create_view(txn, &(quire_view_def){.name = "second", .table = "users"});
    FAILS(MISUSE, quire_table_drop(txn, "users", &err));
    cr_assert_not_null(strstr(err.message, "first, second"), "%s", err.message);
    OK(quire_view_drop(txn, "first", &err));
    OK(quire_view_drop(txn, "second", &err));
    OK(quire_table_drop(txn, "users", &err));
    commit(txn);
    close_db(db);
}

/* ---- Definitions that are refused ---- */

Test(view, bad_definition__is_refused)
{
    static const quire_view_field twice[] = {{"a", "age"}, {"a", "name"}};
    static const quire_view_field unknown[] = {{"nothing", NULL}};
    static const quire_view_field nameless[] = {{"", "age"}};
    static const quire_view_order by_list[] = {{"tags", false}};
    static const quire_view_order by_nothing[] = {{"nothing", false}};
    static const struct {
        quire_view_def def;
        quire_status status;
    } cases[] = {
        {{.name = "", .table = "users"}, QUIRE_MISUSE},
        {{.name = "v", .table = NULL}, QUIRE_MISUSE},
        {{.name = "v", .table = "nobody"}, QUIRE_UNKNOWN_NAME},
        {{.name = "users", .table = "users"}, QUIRE_EXISTS},
        {{.name = "v", .table = "users", .filter = "age"}, QUIRE_TYPE},
        {{.name = "v", .table = "users", .filter = "age ="}, QUIRE_SYNTAX},
        {{.name = "v", .table = "users", .filter = "agee = 1"}, QUIRE_UNKNOWN_NAME},
        {{.name = "v", .table = "users", .columns = twice, .column_count = 2}, QUIRE_EXISTS},
        {{.name = "v", .table = "users", .columns = unknown, .column_count = 1},
         QUIRE_UNKNOWN_NAME},
        {{.name = "v", .table = "users", .columns = nameless, .column_count = 1}, QUIRE_MISUSE},
        {{.name = "v", .table = "users", .column_count = 1}, QUIRE_MISUSE},
        {{.name = "v", .table = "users", .order = by_list, .order_count = 1}, QUIRE_UNKNOWN_NAME},
        {{.name = "v", .table = "users", .order = by_nothing, .order_count = 1},
         QUIRE_UNKNOWN_NAME},
        {{.name = "v", .table = "users", .order = by_list, .order_count = 17}, QUIRE_MISUSE},
        {{.name = "w", .table = "other view"}, QUIRE_UNKNOWN_NAME},
    };
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = with_users();
    quire_txn *txn = begin_write(db);
    quire_view *view;
    quire_table *table;
    create_view(txn, &(quire_view_def){.name = "other view", .table = "users"});
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        quire_status status = quire_view_create(txn, &cases[i].def, &err);
        cr_assert_eq(status, cases[i].status, "%zu: %s %s", i, quire_status_name(status),
                     err.message);
    }
    FAILS(MISUSE, quire_view_create(txn, NULL, &err));
    FAILS(EXISTS, quire_tree_create(txn, "other view", &err));
    FAILS(UNKNOWN_NAME, quire_table_open(txn, "other view", &table, &err));
    FAILS(UNKNOWN_NAME, quire_table_drop(txn, "other view", &err));
    FAILS(UNKNOWN_NAME, quire_view_open(txn, "users", &view, &err));
    FAILS(UNKNOWN_NAME, quire_view_drop(txn, "users", &err));
    FAILS(UNKNOWN_NAME, quire_view_drop(txn, "nothing", &err));
    FAILS(MISUSE, quire_view_open(NULL, "v", &view, &err));
    commit(txn);
    txn = begin_read(db);
    FAILS(MISUSE, quire_view_create(txn, &cases[0].def, &err));
    FAILS(MISUSE, quire_view_drop(txn, "other view", &err));
    quire_rollback(txn);
    quire_view_close(NULL);
    quire_view_cursor_close(NULL);
    close_db(db);
}

/* ---- Reopening, failing allocations ---- */

Test(view, definitions__survive_reopening)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file_layer *layer;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    OK(qr_file_layer_memory_create(qr_allocator_default(), &layer, &err));
    for (int round = 0; round < 2; round++) {
        OK(qr_db_open_with("db", &options, layer, true, &db, &err));
        quire_txn *txn = begin_write(db);
        if (round == 0) {
            create_users(txn);
            quire_table *users = open_users(txn);
            (void)add_user(users, "b", 1);
            (void)add_user(users, "a", 2);
            quire_table_close(users);
            create_ordered(txn, "v", "age > 0", by_name, 1);
        }
        EXPECT_ROWS(txn, "v", 2, 1);
        commit(txn);
        close_db(db);
    }
    qr_file_layer_memory_destroy(layer);
}

static quire_status read_view(quire_txn *txn)
{
    quire_view *view = NULL;
    quire_view_cursor *cursor = NULL;
    uint64_t rows = 0;
    bool valid = true;
    quire_status status = quire_view_open(txn, "v", &view, NULL);
    if (status == QUIRE_OK) {
        status = quire_view_count(view, &rows, NULL);
    }
    if (status == QUIRE_OK) {
        status = quire_view_cursor_open(view, &cursor, NULL);
    }
    while (status == QUIRE_OK && valid) {
        status = quire_view_cursor_next(cursor, &valid, NULL);
    }
    cr_assert(status != QUIRE_OK || rows == 5);
    quire_view_cursor_close(cursor);
    quire_view_close(view);
    return status;
}

static quire_status make_and_read(const struct failing_allocator *failing)
{
    static const quire_column columns[] = {{"name", QUIRE_TEXT, true}, {"age", QUIRE_INT, false}};
    static const quire_view_field fields[] = {{"age", NULL}, {"n", "name || lower(name)"}};
    static const quire_view_def def = {.name = "v",
                                       .table = "users",
                                       .filter = "age >= 0",
                                       .columns = fields,
                                       .column_count = 2,
                                       .order = by_name_down,
                                       .order_count = 1};
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db = NULL;
    quire_txn *txn = NULL;
    quire_table *users = NULL;
    options.allocator = &failing->allocator;
    options.wal_segment_bytes = 64 << 10;
    options.cache_bytes = UINT64_C(1) << 20;
    quire_status status = quire_open(":memory:", &options, &db, NULL);
    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_begin(db, QUIRE_WRITE, &txn, NULL);
    if (status == QUIRE_OK) {
        status = quire_table_create(txn, "users", columns, 2, NULL);
    }
    if (status == QUIRE_OK) {
        status = quire_table_open(txn, "users", &users, NULL);
    }
    for (int i = 0; i < 5 && status == QUIRE_OK; i++) {
        quire_value row[] = {quire_text("Name"), quire_int(i)};
        status = quire_table_insert(users, NULL, row, 2, NULL);
    }
    if (status == QUIRE_OK) {
        status = quire_view_create(txn, &def, NULL);
    }
    if (status == QUIRE_OK) {
        status = read_view(txn);
    }
    if (status == QUIRE_OK) {
        status = quire_view_drop(txn, "v", NULL);
    }
    quire_table_close(users);
    quire_rollback(txn);
    quire_status closed = quire_close(db, NULL);
    return status == QUIRE_OK ? closed : status;
}

Test(view, allocation__may_fail_anywhere)
{
    struct failing_allocator failing;
    failing_allocator_init(&failing);
    quire_status status;
    uint64_t n = 0;
    do {
        failing_allocator_arm(&failing, n++, false);
        status = make_and_read(&failing);
        cr_assert(status == QUIRE_OK || status == QUIRE_NO_MEMORY || status == QUIRE_TXN_DOOMED,
                  "allocation %llu: %s", (unsigned long long)n, quire_status_name(status));
        cr_assert(failing_allocator_is_clean(&failing), "allocation %llu", (unsigned long long)n);
    } while (failing.failures != 0);
    cr_assert_eq(status, QUIRE_OK);
}

/* What follows an expression in the catalog is not part of its last number. */
Test(view, number__ends_where_its_expression_ends)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = with_users();
    quire_txn *txn = begin_write(db);
    static const quire_view_field fields[] = {{"large", "1e200"}, {"5", "age"}, {"tiny", "2e-7"}};
    create_view(txn, &(quire_view_def){
                         .name = "v", .table = "users", .columns = fields, .column_count = 3});
    quire_view *view = open_view(txn, "v");
    const quire_value *values;
    bool found;
    OK(quire_view_get(view, 1, &values, &found, &err));
    cr_assert(found);
    cr_assert_float_eq(values[0].as.real / 1e200, 1, 1e-9);
    cr_assert_eq(values[1].as.integer, 30);
    cr_assert_float_eq(values[2].as.real / 2e-7, 1, 1e-9);
    quire_view_close(view);
    commit(txn);
    close_db(db);
}

/* A view has the values of one row at a time. */
Test(view_cursor, row__is_refused_when_the_view_has_read_another)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = with_users();
    quire_txn *txn = begin_write(db);
    create_view(txn, &(quire_view_def){.name = "v", .table = "users"});
    quire_view *view = open_view(txn, "v");
    quire_view_cursor *one;
    quire_view_cursor *other;
    const quire_value *values;
    static const quire_column column = {"x", QUIRE_INT, false};
    int64_t rowid;
    bool valid;
    OK(quire_view_cursor_open(view, &one, &err));
    OK(quire_view_cursor_open(view, &other, &err));
    OK(quire_view_cursor_next(one, &valid, &err));
    OK(quire_view_cursor_next(other, &valid, &err));
    FAILS(MISUSE, quire_view_cursor_row(one, &rowid, &values, &err));
    OK(quire_view_cursor_row(other, &rowid, &values, &err));
    cr_assert_eq(rowid, 1);
    OK(quire_view_get(view, 2, &values, &valid, &err));
    FAILS(MISUSE, quire_view_cursor_row(other, &rowid, &values, &err));
    OK(quire_view_cursor_next(other, &valid, &err));
    OK(quire_table_add_columns(txn, "users", &column, 1, &err));
    OK(quire_view_path(view, &(const quire_index_def *){NULL}, &valid, &err));
    FAILS(MISUSE, quire_view_cursor_row(other, &rowid, &values, &err));
    quire_view_cursor_close(one);
    quire_view_cursor_close(other);
    quire_view_close(view);
    commit(txn);
    close_db(db);
}

static quire_status note_view(void *context, const quire_view_def *def, quire_error *err)
{
    char *seen = context;
    (void)err;
    size_t size = strlen(seen);
    snprintf(seen + size, 100 - size, "%s of %s;", def->name, def->table);
    return strcmp(def->name, "stop") == 0 ? QUIRE_INTERRUPTED : QUIRE_OK;
}

Test(view, each_view__tells_definitions_in_the_order_of_names)
{
    quire_error err = QUIRE_ERROR_INIT;
    char seen[100] = "";
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    create_view(txn, &(quire_view_def){.name = "old", .table = "users", .filter = "age > 60"});
    create_view(txn, &(quire_view_def){.name = "all", .table = "users"});
    OK(quire_each_view(txn, note_view, seen, &err));
    cr_assert_str_eq(seen, "all of users;old of users;");
    create_view(txn, &(quire_view_def){.name = "stop", .table = "users"});
    cr_assert_eq(quire_each_view(txn, note_view, seen, &err), QUIRE_INTERRUPTED);
    FAILS(MISUSE, quire_each_view(txn, NULL, NULL, &err));
    quire_rollback(txn);
    close_db(db);
}
