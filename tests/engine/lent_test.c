/* Bytes lent by a tree or table that are handed back to it in the next call. */
#include "engine_fixture.h"

#include <string.h>

#include "support/prng.h"

enum { ROWS = 300, ROUNDS = 12000, LARGEST = 180 };

static size_t fill(uint8_t *bytes, struct prng *prng)
{
    size_t size = 20 + prng_below(prng, LARGEST - 20);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)prng_next(prng);
    }
    return size;
}

/* Takes a part of a lent payload, at times all of it; `wanted` keeps a copy. */
static const uint8_t *part_of(const void *payload, size_t *size, uint8_t *wanted, struct prng *prng)
{
    const uint8_t *part = payload;
    if (prng_one_in(prng, 2)) {
        size_t skip = prng_below(prng, *size / 2);
        part += skip;
        *size -= skip + prng_below(prng, *size / 4);
    }
    memcpy(wanted, part, *size);
    return part;
}

Test(lent, tree_put__takes_a_payload_that_the_tree_has_lent)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_tree *tree;
    struct prng prng;
    uint8_t bytes[LARGEST], wanted[LARGEST];
    prng_init(&prng, 71);
    OK(quire_tree_create(txn, "t", &err));
    OK(quire_tree_open(txn, "t", &tree, &err));
    for (int64_t i = 0; i < ROWS; i++) {
        OK(quire_tree_put(tree, i, bytes, fill(bytes, &prng), NULL, &err));
    }
    for (int round = 0; round < ROUNDS; round++) {
        int64_t from = (int64_t)prng_below(&prng, ROWS);
        int64_t to = prng_one_in(&prng, 4) ? from : (int64_t)prng_below(&prng, ROWS);
        const void *payload;
        size_t size;
        bool found;
        OK(quire_tree_find(tree, from, &payload, &size, &found, &err));
        const uint8_t *part = part_of(payload, &size, wanted, &prng);
        OK(quire_tree_put(tree, to, part, size, NULL, &err));
        size_t expected = size;
        OK(quire_tree_find(tree, to, &payload, &size, &found, &err));
        cr_assert(size == expected && memcmp(payload, wanted, size) == 0, "round %d", round);
        if (size < 40) {
            OK(quire_tree_put(tree, to, bytes, fill(bytes, &prng), NULL, &err));
        }
    }
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
}

Test(lent, tree_write_part__moves_a_part_of_the_row_itself)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_tree *tree;
    const void *payload;
    size_t size;
    bool found;
    OK(quire_tree_create(txn, "t", &err));
    OK(quire_tree_open(txn, "t", &tree, &err));
    OK(quire_tree_put(tree, 1, "abcdefgh", 8, NULL, &err));
    OK(quire_tree_find(tree, 1, &payload, &size, &found, &err));
    OK(quire_tree_write_part(tree, 1, 2, payload, 6, &found, &err));
    OK(quire_tree_find(tree, 1, &payload, &size, &found, &err));
    cr_assert(size == 8 && memcmp(payload, "ababcdef", 8) == 0);
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
}

Test(lent, keytree_put__takes_a_value_that_the_tree_has_lent)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_keytree *tree;
    struct prng prng;
    uint8_t bytes[LARGEST], wanted[LARGEST];
    prng_init(&prng, 72);
    OK(quire_keytree_create(txn, "k", &err));
    OK(quire_keytree_open(txn, "k", &tree, &err));
    for (uint16_t i = 0; i < ROWS; i++) {
        OK(quire_keytree_put(tree, &i, sizeof i, bytes, fill(bytes, &prng), NULL, &err));
    }
    for (int round = 0; round < ROUNDS; round++) {
        uint16_t from = (uint16_t)prng_below(&prng, ROWS);
        uint16_t to = prng_one_in(&prng, 4) ? from : (uint16_t)prng_below(&prng, ROWS);
        const void *value;
        size_t size;
        bool found;
        OK(quire_keytree_get(tree, &from, sizeof from, &value, &size, &found, &err));
        const uint8_t *part = part_of(value, &size, wanted, &prng);
        OK(quire_keytree_put(tree, &to, sizeof to, part, size, NULL, &err));
        size_t expected = size;
        OK(quire_keytree_get(tree, &to, sizeof to, &value, &size, &found, &err));
        cr_assert(size == expected && memcmp(value, wanted, size) == 0, "round %d", round);
        if (size < 40) {
            OK(quire_keytree_put(tree, &to, sizeof to, bytes, fill(bytes, &prng), NULL, &err));
        }
    }
    quire_keytree_close(tree);
    commit(txn);
    close_db(db);
}

/* Rows of several pages are lent from a buffer of the table that finding the next row fills
 * anew. */
Test(lent, table_update__takes_values_that_the_table_has_lent)
{
    enum { LONG_ROWS = 20, STEP = 400 };
    static const quire_column column = {.name = "x", .type = QUIRE_BLOB};
    static uint8_t bytes[LONG_ROWS * STEP], wanted[LONG_ROWS * STEP];
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    quire_table *table;
    struct prng prng;
    prng_init(&prng, 73);
    OK(quire_table_create(txn, "b", &column, 1, &err));
    OK(add_index(txn, "b", "by_x", QUIRE_INDEX_BTREE, false, "x", NULL, &err));
    OK(quire_table_open(txn, "b", &table, &err));
    for (int64_t i = 1; i <= LONG_ROWS; i++) {
        memset(bytes, (int)i, sizeof bytes);
        quire_value value = quire_blob(bytes, (size_t)i * STEP);
        OK(quire_table_insert(table, &i, &value, 1, &err));
    }
    for (int round = 0; round < 300; round++) {
        int64_t from = 1 + (int64_t)prng_below(&prng, LONG_ROWS);
        int64_t to = 1 + (int64_t)prng_below(&prng, LONG_ROWS);
        const void *record;
        size_t size;
        bool found;
        quire_value value;
        OK(quire_table_get(table, from, &record, &size, &found, &err));
        OK(quire_record_column(record, size, 0, &value, &err));
        uint32_t expected = value.size;
        memcpy(wanted, value.as.bytes, expected);
        OK(quire_table_update(table, to, &value, 1, &found, &err));
        OK(quire_table_get(table, to, &record, &size, &found, &err));
        OK(quire_record_column(record, size, 0, &value, &err));
        cr_assert(value.size == expected && memcmp(value.as.bytes, wanted, expected) == 0);
        quire_value key = quire_blob(wanted, expected);
        quire_index_range range = {.prefix = &key, .prefix_count = 1};
        int64_t rowids[LONG_ROWS];
        size_t count = scan(table, 0, &range, rowids, LONG_ROWS);
        cr_assert_geq(count, 1);
        OK(quire_table_delete(table, to, &found, &err));
        memset(bytes, (int)to, sizeof bytes);
        value = quire_blob(bytes, (size_t)to * STEP);
        OK(quire_table_insert(table, &to, &value, 1, &err));
    }
    quire_table_close(table);
    commit(txn);
    close_db(db);
}
