/* Raw trees with many rows at a time, and with rows in pieces. */
#include "engine_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quire/keytree.h"

static quire_tree *new_tree(quire_txn *txn, const char *name)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree;
    OK(quire_tree_create(txn, name, &err));
    OK(quire_tree_open(txn, name, &tree, &err));
    return tree;
}

/* Appends rows first, first + 1, ... whose payloads are their rowids. */
static quire_status append(quire_tree *tree, int64_t first, size_t count, quire_error *err)
{
    int64_t *payloads = malloc(count * sizeof *payloads);
    quire_tree_row *rows = malloc(count * sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        payloads[i] = first + (int64_t)i;
        rows[i] = (quire_tree_row){payloads[i], &payloads[i], sizeof payloads[i]};
    }
    quire_status status = quire_tree_append_many(tree, rows, count, err);
    free(rows);
    free(payloads);
    return status;
}

static uint64_t count_rows(quire_tree *tree)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t rows;
    OK(quire_tree_count(tree, &rows, &err));
    return rows;
}

Test(tree_many, append__adds_rows_above_the_largest)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_tree *tree = new_tree(txn, "t");
    OK(append(tree, -500, 1000, &err));
    OK(append(tree, 500, 1, &err));
    FAILS(UNIQUE, append(tree, 500, 1, &err));
    FAILS(UNIQUE, append(tree, 100, 1000, &err));
    quire_tree_row rows[] = {{600, "a", 1}, {602, "b", 1}, {601, "c", 1}};
    FAILS(MISUSE, quire_tree_append_many(tree, rows, 3, &err));
    rows[2].rowid = 602;
    FAILS(MISUSE, quire_tree_append_many(tree, rows, 3, &err));
    FAILS(MISUSE, quire_tree_append_many(tree, NULL, 3, &err));
    rows[2] = (quire_tree_row){603, NULL, 1};
    FAILS(MISUSE, quire_tree_append_many(tree, rows, 3, &err));
    rows[2] = (quire_tree_row){603, "", QUIRE_PAYLOAD_MAX + 1};
    FAILS(LIMIT, quire_tree_append_many(tree, rows, 3, &err));
    cr_assert_eq(count_rows(tree), 1001);
    OK(quire_tree_append_many(tree, rows, 2, &err));
    OK(quire_tree_append_many(tree, NULL, 0, &err));
    cr_assert_eq(count_rows(tree), 1003);
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
}

/* What an append remembers of the tree's end must not outlive the rows that a rollback takes
 * away. */
Test(tree_many, append__goes_on_after_a_rollback_to_a_savepoint)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_tree *tree = new_tree(txn, "t");
    const void *payload;
    size_t size;
    bool found;
    int64_t next = 0;
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < round; i++) {
            OK(quire_tree_put(tree, next++, "a row that stays", 16, NULL, &err));
        }
        uint64_t savepoint;
        OK(quire_savepoint(txn, &savepoint, &err));
        for (int64_t i = 0; i < 3 * round; i++) {
            OK(quire_tree_put(tree, next + i, "a row that goes", 15, NULL, &err));
        }
        OK(quire_rollback_to(txn, savepoint, &err));
        OK(quire_release(txn, savepoint, &err));
    }
    cr_assert_eq(count_rows(tree), (uint64_t)next);
    for (int64_t i = 0; i < next + 200; i++) {
        OK(quire_tree_find(tree, i, &payload, &size, &found, &err));
        cr_assert_eq(found, i < next);
        cr_assert(!found || size == 16);
    }
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
}

/* Rowids visited, and whether each came with its own payload. */
struct seen {
    const int64_t *rowids;
    uint8_t *times;
    size_t visits;
    size_t end_after;
};

static quire_status see(void *context, size_t index, const void *payload, size_t size)
{
    struct seen *seen = context;
    int64_t value;
    cr_assert_eq(size, sizeof value);
    memcpy(&value, payload, sizeof value);
    cr_assert_eq(value, seen->rowids[index]);
    seen->times[index]++;
    return ++seen->visits == seen->end_after ? QUIRE_LIMIT : QUIRE_OK;
}

Test(tree_many, find__visits_present_rows_in_any_order_of_asking)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_tree *tree = new_tree(txn, "t");
    int64_t rowids[700];
    uint8_t times[700] = {0};
    OK(append(tree, 0, 10000, &err));
    quire_tree_close(tree);
    commit(txn);
    txn = begin_read(db);
    OK(quire_tree_open(txn, "t", &tree, &err));
    for (size_t i = 0; i < 700; i++) {
        rowids[i] = (int64_t)(i < 350 ? i * 40 - 200 : (i * 7919) % 13000);
    }
    struct seen seen = {.rowids = rowids, .times = times};
    OK(quire_tree_find_many(tree, rowids, 700, see, &seen, &err));
    for (size_t i = 0; i < 700; i++) {
        cr_assert_eq(times[i], rowids[i] >= 0 && rowids[i] < 10000, "%zu", i);
    }
    seen.visits = 0;
    seen.end_after = 10;
    FAILS(LIMIT, quire_tree_find_many(tree, rowids, 700, see, &seen, &err));
    cr_assert_eq(seen.visits, 10);
    OK(quire_tree_find_many(tree, NULL, 0, see, &seen, &err));
    FAILS(MISUSE, quire_tree_find_many(tree, NULL, 1, see, &seen, &err));
    FAILS(MISUSE, quire_tree_find_many(tree, rowids, 1, NULL, &seen, &err));
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
}

/* Values seen, by the place of their key in the array. */
static quire_status see_value(void *context, size_t index, const void *value, size_t size)
{
    unsigned *values = context;
    cr_assert_eq(size, sizeof *values);
    memcpy(&values[index], value, size);
    return values[index] == 7 ? QUIRE_LIMIT : QUIRE_OK;
}

Test(tree_many, get_many__finds_keys_in_any_order_and_twice)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_keytree *tree;
    char texts[300][16];
    quire_key keys[300];
    unsigned values[300];
    OK(quire_keytree_create(txn, "k", &err));
    OK(quire_keytree_open(txn, "k", &tree, &err));
    for (unsigned i = 1; i < 10000; i += 2) {
        int size = snprintf(texts[0], sizeof texts[0], "key %u", i);
        OK(quire_keytree_insert(tree, texts[0], (size_t)size, &i, sizeof i, &err));
    }
    for (unsigned i = 0; i < 300; i++) {
        int size = snprintf(texts[i], sizeof texts[i], "key %u", 100 + i * 7919 % 9001);
        keys[i] = (quire_key){texts[i], (size_t)size};
    }
    keys[17] = (quire_key){NULL, 0};
    keys[18] = keys[250];
    memset(values, 0, sizeof values);
    OK(quire_keytree_get_many(tree, keys, 300, see_value, values, &err));
    for (unsigned i = 0; i < 300; i++) {
        unsigned expected = 100 + (i == 18 ? 250 : i) * 7919 % 9001;
        expected = i == 17 || expected % 2 == 0 || expected >= 10000 ? 0 : expected;
        cr_assert_eq(values[i], expected, "%u", i);
    }
    keys[150] = (quire_key){"key 7", 5};
    FAILS(LIMIT, quire_keytree_get_many(tree, keys, 300, see_value, values, &err));
    keys[299] = (quire_key){NULL, 3};
    values[0] = 0;
    FAILS(MISUSE, quire_keytree_get_many(tree, keys, 300, see_value, values, &err));
    cr_assert_eq(values[0], 0, "nothing is visited when a key is wrong");
    OK(quire_keytree_get_many(tree, NULL, 0, see_value, values, &err));
    FAILS(MISUSE, quire_keytree_get_many(tree, NULL, 1, see_value, values, &err));
    FAILS(MISUSE, quire_keytree_get_many(tree, keys, 1, NULL, values, &err));
    FAILS(MISUSE, quire_keytree_get_many(NULL, keys, 1, see_value, values, &err));
    commit(txn);
    FAILS(MISUSE, quire_keytree_get_many(tree, keys, 1, see_value, values, &err));
    quire_keytree_close(tree);
    close_db(db);
}

Test(tree_many, delete_range__takes_both_ends)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_tree *tree = new_tree(txn, "t");
    const void *payload;
    uint64_t deleted;
    size_t size;
    bool found;
    OK(append(tree, 0, 10000, &err));
    OK(quire_tree_delete_range(tree, 100, 9899, &deleted, &err));
    cr_assert_eq(deleted, 9800);
    OK(quire_tree_find(tree, 99, &payload, &size, &found, &err));
    cr_assert(found);
    OK(quire_tree_find(tree, 9900, &payload, &size, &found, &err));
    cr_assert(found);
    OK(quire_tree_delete_range(tree, 9, 8, &deleted, &err));
    cr_assert_eq(deleted, 0);
    OK(quire_tree_put(tree, INT64_MAX, "max", 3, NULL, &err));
    OK(quire_tree_delete_range(tree, 9950, INT64_MAX, &deleted, &err));
    cr_assert_eq(deleted, 51);
    OK(quire_tree_delete_range(tree, INT64_MIN, 49, NULL, &err));
    cr_assert_eq(count_rows(tree), 100);
    OK(quire_tree_delete_range(tree, INT64_MIN, INT64_MAX, &deleted, &err));
    cr_assert_eq(deleted, 100);
    create_users(txn);
    quire_tree *users;
    OK(quire_tree_open(txn, "users", &users, &err));
    FAILS(MISUSE, quire_tree_delete_range(users, 0, 9, &deleted, &err));
    FAILS(MISUSE, quire_tree_append_many(users, NULL, 0, &err));
    quire_tree_close(users);
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
}

Test(tree_many, delete_range__of_keys_leaves_the_end_out)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_keytree *tree;
    uint64_t number;
    uint8_t key[2];
    OK(quire_keytree_create(txn, "k", &err));
    OK(quire_keytree_open(txn, "k", &tree, &err));
    for (unsigned i = 0; i < 5000; i++) {
        key[0] = (uint8_t)(i >> 8);
        key[1] = (uint8_t)i;
        OK(quire_keytree_insert(tree, key, 2, "some value", 10, &err));
    }
    OK(quire_keytree_delete_range(tree, "\x01", 1, "\x10", 1, &number, &err));
    cr_assert_eq(number, 15 * 256);
    OK(quire_keytree_delete_range(tree, NULL, 0, "\x00\x10", 2, &number, &err));
    cr_assert_eq(number, 16);
    OK(quire_keytree_delete_range(tree, "\x10", 1, NULL, 0, NULL, &err));
    OK(quire_keytree_count(tree, &number, &err));
    cr_assert_eq(number, 240);
    quire_keytree_close(tree);
    commit(txn);
    txn = begin_read(db);
    OK(quire_keytree_open(txn, "k", &tree, &err));
    FAILS(MISUSE, quire_keytree_delete_range(tree, NULL, 0, NULL, 0, &number, &err));
    quire_keytree_close(tree);
    commit(txn);
    close_db(db);
}

Test(tree_part, value__is_written_and_read_in_pieces)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_tree *tree = new_tree(txn, "t");
    uint8_t piece[1000];
    uint64_t total;
    size_t got;
    bool flag;
    OK(quire_tree_reserve(tree, 1, 100000, &flag, &err));
    cr_assert_not(flag);
    for (size_t i = 0; i < 100; i++) {
        memset(piece, (int)i, sizeof piece);
        OK(quire_tree_write_part(tree, 1, i * sizeof piece, piece, sizeof piece, &flag, &err));
        cr_assert(flag);
    }
    OK(quire_tree_reserve(tree, 2, 10, NULL, &err));
    OK(quire_tree_write_part(tree, 2, 3, "abc", 3, NULL, &err));
    FAILS(MISUSE, quire_tree_write_part(tree, 2, 8, "abc", 3, NULL, &err));
    FAILS(MISUSE, quire_tree_write_part(tree, 2, 0, NULL, 3, NULL, &err));
    FAILS(LIMIT, quire_tree_reserve(tree, 3, QUIRE_PAYLOAD_MAX + 1, NULL, &err));
    quire_tree_close(tree);
    commit(txn);

    txn = begin_read(db);
    OK(quire_tree_open(txn, "t", &tree, &err));
    OK(quire_tree_size(tree, 1, &total, &flag, &err));
    cr_assert_eq(total, 100000);
    OK(quire_tree_read_part(tree, 1, 49500, piece, sizeof piece, &got, &flag, &err));
    cr_assert_eq(got, sizeof piece);
    cr_assert_eq(piece[499], 49);
    cr_assert_eq(piece[500], 50);
    OK(quire_tree_read_part(tree, 2, 2, piece, sizeof piece, &got, &flag, &err));
    cr_assert_eq(got, 8);
    cr_assert_eq(memcmp(piece, "\0abc\0\0\0\0", 8), 0);
    OK(quire_tree_read_part(tree, 2, 10, piece, sizeof piece, &got, &flag, &err));
    cr_assert_eq(got, 0);
    cr_assert(flag);
    OK(quire_tree_read_part(tree, 3, 0, piece, sizeof piece, &got, &flag, &err));
    cr_assert_not(flag);
    FAILS(MISUSE, quire_tree_write_part(tree, 1, 0, "a", 1, NULL, &err));
    FAILS(MISUSE, quire_tree_reserve(tree, 1, 1, NULL, &err));
    FAILS(MISUSE, quire_tree_read_part(tree, 1, 0, NULL, 1, &got, &flag, &err));
    FAILS(MISUSE, quire_tree_size(NULL, 1, &total, &flag, &err));
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
}
