/* Raw named trees of byte keys, and their cursors. */
#include "engine_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quire/keytree.h"

static quire_keytree *open_tree(quire_txn *txn, const char *name)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_keytree *tree;
    OK(quire_keytree_open(txn, name, &tree, &err));
    return tree;
}

static quire_keytree *new_tree(quire_txn *txn, const char *name)
{
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_keytree_create(txn, name, &err));
    return open_tree(txn, name);
}

static void put(quire_keytree *tree, const char *key, const char *value)
{
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_keytree_put(tree, key, strlen(key), value, strlen(value), NULL, &err));
}

static void assert_value(quire_keytree *tree, const char *key, const char *value)
{
    quire_error err = QUIRE_ERROR_INIT;
    const void *bytes;
    size_t size;
    bool found;
    OK(quire_keytree_get(tree, key, strlen(key), &bytes, &size, &found, &err));
    cr_assert_eq(found, value != NULL, "%s", key);
    if (value != NULL) {
        cr_assert_eq(size, strlen(value));
        cr_assert_eq(memcmp(bytes, value, size), 0);
    }
}

Test(key_tree, entries__are_found_replaced_deleted_and_counted)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    quire_keytree *tree = new_tree(txn, "names");
    uint64_t entries;
    bool flag;
    cr_assert_eq(quire_keytree_key_max(tree), 4096 / 4 - 32);
    OK(quire_keytree_insert(tree, "b", 1, "two", 3, &err));
    FAILS(UNIQUE, quire_keytree_insert(tree, "b", 1, "other", 5, &err));
    OK(quire_keytree_put(tree, "b", 1, "TWO", 3, &flag, &err));
    cr_assert(flag);
    OK(quire_keytree_put(tree, "", 0, "nothing", 7, &flag, &err));
    cr_assert_not(flag);
    OK(quire_keytree_put(tree, "a\0b", 3, NULL, 0, NULL, &err));
    OK(quire_keytree_count(tree, &entries, &err));
    cr_assert_eq(entries, 3);
    OK(quire_keytree_delete(tree, "a", 1, &flag, &err));
    cr_assert_not(flag);
    OK(quire_keytree_delete(tree, "a\0b", 3, &flag, &err));
    cr_assert(flag);
    quire_keytree_close(tree);
    commit(txn);

    txn = begin_read(db);
    tree = open_tree(txn, "names");
    assert_value(tree, "b", "TWO");
    assert_value(tree, "", "nothing");
    assert_value(tree, "a", NULL);
    FAILS(MISUSE, quire_keytree_put(tree, "c", 1, "x", 1, NULL, &err));
    FAILS(MISUSE, quire_keytree_delete(tree, "b", 1, NULL, &err));
    quire_keytree_close(tree);
    commit(txn);
    close_db(db);
}

Test(key_tree, names__are_shared_with_trees_and_tables)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_keytree *tree;
    quire_tree *rows;
    create_users(txn);
    OK(quire_tree_create(txn, "rows", &err));
    FAILS(EXISTS, quire_keytree_create(txn, "rows", &err));
    FAILS(EXISTS, quire_keytree_create(txn, "users", &err));
    OK(quire_keytree_create(txn, "keys", &err));
    FAILS(EXISTS, quire_tree_create(txn, "keys", &err));
    FAILS(UNKNOWN_NAME, quire_tree_open(txn, "keys", &rows, &err));
    FAILS(UNKNOWN_NAME, quire_tree_drop(txn, "keys", &err));
    FAILS(UNKNOWN_NAME, quire_keytree_open(txn, "rows", &tree, &err));
    FAILS(UNKNOWN_NAME, quire_keytree_open(txn, "users", &tree, &err));
    FAILS(UNKNOWN_NAME, quire_keytree_drop(txn, "rows", &err));
    FAILS(MISUSE, quire_keytree_create(txn, "", &err));
    FAILS(MISUSE, quire_keytree_create(NULL, "x", &err));
    OK(quire_keytree_drop(txn, "keys", &err));
    FAILS(UNKNOWN_NAME, quire_keytree_drop(txn, "keys", &err));
    commit(txn);
    close_db(db);
}

Test(key_tree, sizes__are_limited_and_a_refusal_leaves_the_transaction)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_keytree *tree = new_tree(txn, "t");
    char key[300] = {0};
    size_t max = quire_keytree_key_max(tree);
    char *large = calloc(1, 100000);
    const void *value;
    size_t size;
    bool found;
    memset(key, 'k', sizeof key);
    FAILS(LIMIT, quire_keytree_put(tree, key, max + 1, "x", 1, NULL, &err));
    FAILS(MISUSE, quire_keytree_put(tree, NULL, 1, "x", 1, NULL, &err));
    FAILS(MISUSE, quire_keytree_put(tree, "x", 1, NULL, 1, NULL, &err));
    OK(quire_keytree_put(tree, key, max, large, 100000, NULL, &err));
    OK(quire_keytree_get(tree, key, max, &value, &size, &found, &err));
    cr_assert(found);
    cr_assert_eq(size, 100000);
    quire_keytree_close(tree);
    commit(txn);
    free(large);
    close_db(db);
}

Test(key_tree, handle__is_dead_after_its_transaction_and_after_a_drop)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    quire_keytree *tree = new_tree(txn, "t");
    quire_keytree *other = new_tree(txn, "u");
    quire_keycursor *cursor;
    bool valid;
    put(tree, "a", "1");
    OK(quire_keycursor_open(tree, &cursor, &err));
    OK(quire_keytree_drop(txn, "t", &err));
    FAILS(MISUSE, quire_keytree_put(tree, "b", 1, "x", 1, NULL, &err));
    FAILS(MISUSE, quire_keycursor_next(cursor, &valid, &err));
    commit(txn);
    FAILS(MISUSE, quire_keytree_put(other, "b", 1, "x", 1, NULL, &err));
    FAILS(MISUSE, quire_keycursor_next(cursor, &valid, &err));
    cr_assert_eq(quire_keytree_key_max(other), 0);
    quire_keycursor_close(cursor);
    quire_keytree_close(tree);
    quire_keytree_close(other);
    quire_keytree_close(NULL);
    quire_keycursor_close(NULL);
    close_db(db);
}

/* ---- Cursors ---- */

static void assert_entry(quire_keycursor *cursor, const char *expected)
{
    quire_error err = QUIRE_ERROR_INIT;
    const void *key;
    const void *value;
    size_t key_size;
    size_t value_size;
    OK(quire_keycursor_entry(cursor, &key, &key_size, &value, &value_size, &err));
    cr_assert_eq(key_size, strlen(expected), "%s", expected);
    cr_assert_eq(memcmp(key, expected, key_size), 0, "%s", expected);
    cr_assert_eq(value_size, 1);
}

/* 26 groups "a/" to "z/" of 100 keys each, so that groups span leaves. */
static quire_keytree *groups(quire_txn *txn)
{
    quire_keytree *tree = new_tree(txn, "groups");
    char key[16];
    for (char group = 'a'; group <= 'z'; group++) {
        for (int i = 0; i < 100; i++) {
            (void)snprintf(key, sizeof key, "%c/%03d", group, i);
            put(tree, key, "v");
        }
    }
    return tree;
}

Test(key_tree_cursor, moves__cover_all_entries_both_ways)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_keytree *tree = groups(txn);
    quire_keycursor *cursor;
    char key[16];
    bool valid;
    OK(quire_keycursor_open(tree, &cursor, &err));
    OK(quire_keycursor_previous(cursor, &valid, &err));
    cr_assert_not(valid);
    FAILS(MISUSE, quire_keycursor_entry(cursor, NULL, NULL, NULL, NULL, &err));
    for (int i = 0; i < 2600; i++) {
        OK(quire_keycursor_next(cursor, &valid, &err));
        cr_assert(valid);
        (void)snprintf(key, sizeof key, "%c/%03d", (char)('a' + i / 100), i % 100);
        assert_entry(cursor, key);
    }
    OK(quire_keycursor_next(cursor, &valid, &err));
    cr_assert_not(valid);
    for (int i = 2599; i >= 0; i--) {
        OK(quire_keycursor_previous(cursor, &valid, &err));
        cr_assert(valid);
        (void)snprintf(key, sizeof key, "%c/%03d", (char)('a' + i / 100), i % 100);
        assert_entry(cursor, key);
    }
    OK(quire_keycursor_seek(cursor, "d", 1, &valid, &err));
    assert_entry(cursor, "d/000");
    OK(quire_keycursor_seek(cursor, "~", 1, &valid, &err));
    cr_assert_not(valid);
    OK(quire_keycursor_seek_last(cursor, "d", 1, &valid, &err));
    assert_entry(cursor, "c/099");
    OK(quire_keycursor_seek_last(cursor, "A", 1, &valid, &err));
    cr_assert_not(valid);
    quire_keycursor_close(cursor);
    quire_keytree_close(tree);
    commit(txn);
    close_db(db);
}

Test(key_tree_cursor, prefix__confines_every_move)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_keytree *tree = groups(txn);
    quire_keycursor *cursor;
    bool valid;
    int seen = 0;
    OK(quire_keycursor_open(tree, &cursor, &err));
    OK(quire_keycursor_prefix(cursor, "k/", 2, &err));
    OK(quire_keycursor_next(cursor, &valid, &err));
    for (; valid; seen++) {
        OK(quire_keycursor_next(cursor, &valid, &err));
    }
    cr_assert_eq(seen, 100);
    for (seen = 0; seen < 100; seen++) {
        OK(quire_keycursor_previous(cursor, &valid, &err));
        cr_assert(valid);
    }
    assert_entry(cursor, "k/000");
    OK(quire_keycursor_previous(cursor, &valid, &err));
    cr_assert_not(valid);
    OK(quire_keycursor_seek(cursor, "a", 1, &valid, &err));
    assert_entry(cursor, "k/000");
    OK(quire_keycursor_seek_last(cursor, "z", 1, &valid, &err));
    assert_entry(cursor, "k/099");
    OK(quire_keycursor_seek(cursor, "l", 1, &valid, &err));
    cr_assert_not(valid);
    OK(quire_keycursor_seek(cursor, "k/05", 4, &valid, &err));
    assert_entry(cursor, "k/050");
    OK(quire_keycursor_last(cursor, &valid, &err));
    assert_entry(cursor, "k/099");
    OK(quire_keycursor_prefix(cursor, "k/1", 3, &err));
    OK(quire_keycursor_first(cursor, &valid, &err));
    cr_assert_not(valid);
    OK(quire_keycursor_last(cursor, &valid, &err));
    cr_assert_not(valid);
    OK(quire_keycursor_prefix(cursor, "\xFF\xFF", 2, &err));
    OK(quire_keycursor_last(cursor, &valid, &err));
    cr_assert_not(valid);
    OK(quire_keytree_put(tree, "\xFF\xFF\xFF", 3, "v", 1, NULL, &err));
    OK(quire_keycursor_last(cursor, &valid, &err));
    assert_entry(cursor, "\xFF\xFF\xFF");
    OK(quire_keycursor_prefix(cursor, NULL, 0, &err));
    OK(quire_keycursor_first(cursor, &valid, &err));
    assert_entry(cursor, "a/000");
    quire_keycursor_close(cursor);
    quire_keytree_close(tree);
    commit(txn);
    close_db(db);
}
