/*
 * Estimates of how many entries a range of an index has: against the true
 * number, and what they cost in pages.
 */
#include "engine_fixture.h"

#include <stdio.h>

#include "support/prng.h"

#define ROWS 20000

static uint64_t visits_of(const quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn_stats stats = {.size = sizeof stats};
    OK(quire_txn_get_stats(txn, &stats, &err));
    return stats.page_visits;
}

/* ROWS users of ages 0, 0, 1, 1, ..., every tenth without one; `skewed`: half of them of age 7. */
static quire_table *make_users(quire_txn *txn, bool skewed)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *users;
    create_users(txn);
    OK(add_index(txn, "users", "age", QUIRE_INDEX_BTREE, false, "age", NULL, &err));
    OK(add_index(txn, "users", "age_hash", QUIRE_INDEX_HASH, false, "age", NULL, &err));
    OK(add_index(txn, "users", "name", QUIRE_INDEX_BTREE, false, "name", NULL, &err));
    OK(quire_table_open(txn, "users", &users, &err));
    for (int i = 0; i < ROWS; i++) {
        char name[600];
        int width = i % 3 == 0 ? 500 : 8; /* some keys are longer than entries hold */
        snprintf(name, sizeof name, "%0*d", width, i);
        quire_value values[4] = {quire_text(name), quire_int(i / 2), quire_null(), quire_null()};
        if (i % 10 == 0) {
            values[1] = quire_null();
        } else if (skewed && i % 2 == 0) {
            values[1] = quire_int(7);
        }
        OK(quire_table_insert(users, NULL, values, 4, &err));
    }
    return users;
}

static uint64_t count(quire_table *users, uint32_t index, const quire_index_range *range)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_index_cursor *cursor;
    uint64_t entries = 0;
    int64_t rowid;
    bool valid;
    OK(quire_index_cursor_open(users, index, range, &cursor, &err));
    for (;;) {
        OK(quire_index_cursor_next(cursor, &rowid, &valid, &err));
        if (!valid) {
            break;
        }
        entries++;
    }
    quire_index_cursor_close(cursor);
    return entries;
}

static void expect_near(quire_table *users, const char *index, const quire_index_range *range)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint32_t number = index_number(users, index);
    uint64_t entries = count(users, number, range);
    uint64_t before = visits_of(qr_table_txn(users));
    uint64_t estimate;
    OK(qr_table_index_estimate(users, number, range, &estimate, &err));
    cr_expect_leq(visits_of(qr_table_txn(users)) - before, 16, "%llu pages",
                  (unsigned long long)(visits_of(qr_table_txn(users)) - before));
    cr_expect(estimate <= 2 * entries + 8 && 2 * estimate + 8 >= entries,
              "%s: %llu entries, estimated %llu", index, (unsigned long long)entries,
              (unsigned long long)estimate);
    if (entries < 8) {
        cr_expect_eq(estimate, entries, "%s: %llu entries, estimated %llu", index,
                     (unsigned long long)entries, (unsigned long long)estimate);
    }
}

static void check_random_ranges(quire_table *users, uint64_t seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    for (int i = 0; i < 300; i++) {
        quire_value lower = quire_int((int64_t)prng_below(&prng, ROWS / 2));
        quire_value upper =
            quire_int(lower.as.integer + (int64_t)prng_below(&prng, 1u << (i % 14)));
        quire_index_range range = {.lower = i % 5 == 0 ? NULL : &lower,
                                   .upper = i % 7 == 0 ? NULL : &upper,
                                   .lower_exclusive = i % 2 == 0,
                                   .upper_exclusive = i % 3 == 0};
        expect_near(users, "age", &range);
        range = (quire_index_range){.prefix = &lower, .prefix_count = 1};
        expect_near(users, "age", &range);
        expect_near(users, "age_hash", &range);
    }
}

Test(estimate, of_a_range__is_near_the_number_of_its_entries)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(4096);
    quire_txn *txn = begin_write(db);
    quire_table *users = make_users(txn, false);
    quire_value null = quire_null();
    quire_index_range nulls = {.prefix = &null, .prefix_count = 1};
    uint64_t estimate;

    check_random_ranges(users, 1);
    expect_near(users, "age", &nulls);
    OK(qr_table_index_estimate(users, index_number(users, "age"), NULL, &estimate, &err));
    cr_expect_eq(estimate, ROWS);
    quire_table_close(users);
    quire_rollback(txn);
    close_db(db);
}

Test(estimate, of_skewed_values__is_near_them_all_the_same)
{
    quire_db *db = memory_db(4096);
    quire_txn *txn = begin_write(db);
    quire_table *users = make_users(txn, true);
    quire_value seven = quire_int(7);
    quire_index_range range = {.prefix = &seven, .prefix_count = 1};

    check_random_ranges(users, 2);
    expect_near(users, "age", &range);
    expect_near(users, "age_hash", &range);
    quire_table_close(users);
    quire_rollback(txn);
    close_db(db);
}

Test(estimate, of_long_keys__counts_those_that_begin_alike)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_table *users = make_users(txn, false);
    quire_value text = quire_text("00000001");
    quire_index_range range = {.prefix = &text, .prefix_count = 1};
    uint64_t estimate;

    expect_near(users, "name", &range);
    text = quire_text("no such name");
    expect_near(users, "name", &range);
    range = (quire_index_range){.lower = &text};
    OK(qr_table_index_estimate(users, index_number(users, "name"), &range, &estimate, &err));
    cr_expect_eq(estimate, 0);
    quire_table_close(users);
    quire_rollback(txn);
    close_db(db);
}

Test(estimate, of_an_empty_table__is_nothing)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(4096);
    quire_txn *txn = begin_write(db);
    quire_table *users;
    uint64_t estimate;

    create_users(txn);
    OK(add_index(txn, "users", "age", QUIRE_INDEX_BTREE, false, "age", NULL, &err));
    OK(quire_table_open(txn, "users", &users, &err));
    OK(qr_table_index_estimate(users, 0, NULL, &estimate, &err));
    cr_expect_eq(estimate, 0);
    FAILS(MISUSE, qr_table_index_estimate(users, 7, NULL, &estimate, &err));
    quire_table_close(users);
    quire_rollback(txn);
    close_db(db);
}
