/* Raw named trees and their cursors. */
#include "engine_fixture.h"

#include <stdlib.h>
#include <string.h>

static quire_tree *open_tree(quire_txn *txn, const char *name)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree;
    OK(quire_tree_open(txn, name, &tree, &err));
    return tree;
}

static quire_tree *new_tree(quire_txn *txn, const char *name)
{
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_tree_create(txn, name, &err));
    return open_tree(txn, name);
}

static void put_text(quire_tree *tree, int64_t rowid, const char *text)
{
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_tree_put(tree, rowid, text, strlen(text), NULL, &err));
}

static void assert_row(quire_tree *tree, int64_t rowid, const char *text)
{
    quire_error err = QUIRE_ERROR_INIT;
    const void *payload;
    size_t size;
    bool found;
    OK(quire_tree_find(tree, rowid, &payload, &size, &found, &err));
    cr_assert_eq(found, text != NULL);
    if (text != NULL) {
        cr_assert_eq(size, strlen(text));
        cr_assert_eq(memcmp(payload, text, size), 0);
    }
}

Test(tree, rows__are_found_replaced_and_deleted)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    quire_tree *tree = new_tree(txn, "t");
    uint64_t rows;
    bool flag;
    OK(quire_tree_insert(tree, 5, "five", 4, &err));
    FAILS(UNIQUE, quire_tree_insert(tree, 5, "other", 5, &err));
    assert_row(tree, 5, "five");
    OK(quire_tree_put(tree, 5, "FIVE", 4, &flag, &err));
    cr_assert(flag);
    OK(quire_tree_put(tree, -6, "", 0, &flag, &err));
    cr_assert_not(flag);
    OK(quire_tree_replace(tree, 7, "x", 1, &flag, &err));
    cr_assert_not(flag);
    OK(quire_tree_replace(tree, -6, "six", 3, &flag, &err));
    cr_assert(flag);
    assert_row(tree, 5, "FIVE");
    assert_row(tree, -6, "six");
    assert_row(tree, 7, NULL);
    OK(quire_tree_delete(tree, 5, &flag, &err));
    cr_assert(flag);
    OK(quire_tree_delete(tree, 5, &flag, &err));
    cr_assert_not(flag);
    OK(quire_tree_count(tree, &rows, &err));
    cr_assert_eq(rows, 1);
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
}

Test(tree, rows__survive_the_transaction_when_large)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    size_t size = 3 << 20;
    uint8_t *bytes = malloc(size);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(i * 31 >> 3);
    }
    quire_txn *txn = begin_write(db);
    quire_tree *tree = new_tree(txn, "blobs");
    OK(quire_tree_put(tree, 1, bytes, size, NULL, &err));
    quire_tree_close(tree);
    commit(txn);

    txn = begin_read(db);
    tree = open_tree(txn, "blobs");
    const void *payload;
    size_t got;
    bool found;
    OK(quire_tree_find(tree, 1, &payload, &got, &found, &err));
    cr_assert(found);
    cr_assert_eq(got, size);
    cr_assert_eq(memcmp(payload, bytes, size), 0);
    quire_tree_close(tree);
    commit(txn);
    free(bytes);
    close_db(db);
}

Test(tree, names__are_exact_and_limited)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    char longest[256];
    char other[256];
    memset(longest, 'n', 255);
    memset(other, 'n', 255);
    longest[255] = other[255] = '\0';
    other[254] = 'm';
    OK(quire_tree_create(txn, longest, &err));
    OK(quire_tree_create(txn, other, &err));
    OK(quire_tree_create(txn, "a", &err));
    OK(quire_tree_create(txn, "A", &err));
    FAILS(EXISTS, quire_tree_create(txn, longest, &err));
    FAILS(EXISTS, quire_tree_create(txn, "a", &err));
    FAILS(MISUSE, quire_tree_create(txn, "", &err));
    FAILS(MISUSE, quire_tree_create(txn, NULL, &err));
    FAILS(MISUSE, quire_tree_create(txn, "\xFF", &err));
    char too_long[257];
    memset(too_long, 'x', 256);
    too_long[256] = '\0';
    FAILS(MISUSE, quire_tree_create(txn, too_long, &err));
    quire_tree *tree = open_tree(txn, other);
    put_text(tree, 1, "other");
    quire_tree_close(tree);
    tree = open_tree(txn, longest);
    assert_row(tree, 1, NULL);
    put_text(tree, 1, "longest");
    quire_tree_close(tree);
    OK(quire_tree_drop(txn, longest, &err));
    FAILS(UNKNOWN_NAME, quire_tree_open(txn, longest, &tree, &err));
    cr_assert_null(tree);
    tree = open_tree(txn, other);
    assert_row(tree, 1, "other");
    quire_tree_close(tree);
    quire_rollback(txn);
    close_db(db);
}

Test(tree, write__is_refused_on_a_snapshot_and_on_a_table)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_tree *users = open_tree(txn, "users");
    FAILS(MISUSE, quire_tree_put(users, 1, "x", 1, NULL, &err));
    FAILS(MISUSE, quire_tree_delete(users, 1, NULL, &err));
    FAILS(MISUSE, quire_tree_drop(txn, "users", &err));
    quire_tree_close(users);
    quire_tree_close(new_tree(txn, "t"));
    commit(txn);
    txn = begin_read(db);
    quire_tree *tree = open_tree(txn, "t");
    FAILS(MISUSE, quire_tree_put(tree, 1, "x", 1, NULL, &err));
    FAILS(MISUSE, quire_tree_create(txn, "u", &err));
    FAILS(MISUSE, quire_tree_drop(txn, "t", &err));
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
}

Test(tree, handle__is_dead_after_its_transaction_and_after_a_drop)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    quire_tree *tree = new_tree(txn, "t");
    quire_tree *second = open_tree(txn, "t");
    quire_cursor *cursor;
    bool valid;
    put_text(tree, 1, "one");
    OK(quire_cursor_open(tree, &cursor, &err));
    OK(quire_cursor_next(cursor, &valid, &err));
    OK(quire_tree_drop(txn, "t", &err));
    FAILS(MISUSE, quire_tree_put(tree, 2, "x", 1, NULL, &err));
    FAILS(MISUSE, quire_cursor_next(cursor, &valid, &err));
    OK(quire_tree_create(txn, "t", &err));
    FAILS(MISUSE, quire_tree_put(second, 2, "x", 1, NULL, &err));
    quire_tree *third = open_tree(txn, "t");
    put_text(third, 3, "three");
    commit(txn);
    FAILS(MISUSE, quire_tree_put(third, 4, "x", 1, NULL, &err));
    FAILS(MISUSE, quire_cursor_next(cursor, &valid, &err));
    quire_cursor_close(cursor);
    quire_tree_close(tree);
    quire_tree_close(second);
    quire_tree_close(third);
    quire_tree_close(NULL);
    quire_cursor_close(NULL);
    close_db(db);
}

/* ---- Cursors ---- */

static int64_t rowid_at(quire_cursor *cursor)
{
    quire_error err = QUIRE_ERROR_INIT;
    int64_t rowid;
    const void *payload;
    size_t size;
    OK(quire_cursor_row(cursor, &rowid, &payload, &size, &err));
    return rowid;
}

Test(tree_cursor, moves__cover_all_rows_and_stop_at_both_ends)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_tree *tree = new_tree(txn, "t");
    quire_cursor *cursor;
    bool valid;
    OK(quire_cursor_open(tree, &cursor, &err));
    OK(quire_cursor_next(cursor, &valid, &err));
    cr_assert_not(valid);
    FAILS(MISUSE, quire_cursor_row(cursor, &(int64_t){0}, NULL, NULL, &err));
    quire_cursor_close(cursor);
    for (int64_t i = -500; i < 500; i++) {
        put_text(tree, 3 * i, "some payload");
    }
    OK(quire_cursor_open(tree, &cursor, &err));
    OK(quire_cursor_previous(cursor, &valid, &err));
    cr_assert_not(valid);
    for (int64_t i = -500; i < 500; i++) {
        OK(quire_cursor_next(cursor, &valid, &err));
        cr_assert(valid);
        cr_assert_eq(rowid_at(cursor), 3 * i);
    }
    OK(quire_cursor_next(cursor, &valid, &err));
    cr_assert_not(valid);
    OK(quire_cursor_next(cursor, &valid, &err));
    cr_assert_not(valid);
    for (int64_t i = 499; i >= -500; i--) {
        OK(quire_cursor_previous(cursor, &valid, &err));
        cr_assert(valid);
        cr_assert_eq(rowid_at(cursor), 3 * i);
    }
    OK(quire_cursor_previous(cursor, &valid, &err));
    cr_assert_not(valid);
    OK(quire_cursor_next(cursor, &valid, &err));
    cr_assert_eq(rowid_at(cursor), -1500);
    OK(quire_cursor_seek(cursor, 100, &valid, &err));
    cr_assert_eq(rowid_at(cursor), 102);
    OK(quire_cursor_seek(cursor, 1498, &valid, &err));
    cr_assert_not(valid);
    OK(quire_cursor_last(cursor, &valid, &err));
    cr_assert_eq(rowid_at(cursor), 1497);
    quire_cursor_close(cursor);
    quire_tree_close(tree);
    quire_rollback(txn);
    close_db(db);
}

Test(tree_cursor, walk__goes_on_when_rows_are_deleted_under_it)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_tree *tree = new_tree(txn, "t");
    quire_cursor *cursor;
    bool valid;
    for (int64_t i = 1; i <= 2000; i++) {
        put_text(tree, i, "a payload that makes leaves split soon");
    }
    OK(quire_cursor_open(tree, &cursor, &err));
    int64_t seen = 0;
    OK(quire_cursor_first(cursor, &valid, &err));
    while (valid) {
        int64_t rowid = rowid_at(cursor);
        cr_assert_eq(rowid, ++seen);
        OK(quire_tree_delete(tree, rowid, NULL, &err));
        OK(quire_cursor_next(cursor, &valid, &err));
    }
    cr_assert_eq(seen, 2000);
    quire_cursor_close(cursor);
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
}
