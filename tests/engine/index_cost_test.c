/*
 * What indexes cost, counted in pages that a transaction looks at and copies:
 * lookups in large hash indexes, their growth, keys chosen to collide, many rows
 * of one key, long keys that begin alike. With QUIRE_TEST_LONG in the
 * environment the indexes are as large as promised, else a part of it.
 */
#include "engine_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "engine/index.h"
#include "support/prng.h"

static bool is_long(void)
{
    return getenv("QUIRE_TEST_LONG") != NULL;
}

static quire_txn_stats stats_of(const quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn_stats stats = {.size = sizeof stats};
    OK(quire_txn_get_stats(txn, &stats, &err));
    return stats;
}

static quire_table *open_keys(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *keys;
    OK(quire_table_open(txn, "keys", &keys, &err));
    return keys;
}

/* A table with one column and one index on it. */
static void create_keys(quire_txn *txn, quire_type type, quire_index_kind kind)
{
    quire_error err = QUIRE_ERROR_INIT;
    const quire_column column = {"key", type, true};
    OK(quire_table_create(txn, "keys", &column, 1, &err));
    OK(add_index(txn, "keys", "i", kind, false, "key", NULL, &err));
}

/* Page visits of one insertion. */
static uint64_t insert(quire_table *keys, const quire_value *key)
{
    quire_error err = QUIRE_ERROR_INIT;
    const quire_txn *txn = qr_table_txn(keys);
    uint64_t before = stats_of(txn).page_visits;
    OK(quire_table_insert(keys, NULL, key, 1, &err));
    return stats_of(txn).page_visits - before;
}

/* Page visits of one lookup, which finds the row. */
static uint64_t find(quire_table *keys, const quire_value *key, int64_t *rowid)
{
    quire_error err = QUIRE_ERROR_INIT;
    const quire_txn *txn = qr_table_txn(keys);
    quire_index_range range = {.prefix = key, .prefix_count = 1};
    quire_index_cursor *cursor;
    bool valid;
    uint64_t before = stats_of(txn).page_visits;
    OK(quire_index_cursor_open(keys, 0, &range, &cursor, &err));
    OK(quire_index_cursor_next(cursor, rowid, &valid, &err));
    cr_assert(valid);
    quire_index_cursor_close(cursor);
    return stats_of(txn).page_visits - before;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ---- Large hash indexes ---- */

static int64_t key_of(uint64_t i)
{
    return (int64_t)(i * UINT64_C(0x9E3779B97F4A7C15) >> 20);
}

static void grow(quire_db *db, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to;) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_txn *txn = begin_write(db);
        quire_table *keys = open_keys(txn);
        for (uint64_t end = i + 50000 < to ? i + 50000 : to; i < end; i++) {
            quire_value key = quire_int(key_of(i));
            OK(quire_table_insert(keys, NULL, &key, 1, &err));
        }
        quire_table_close(keys);
        commit(txn);
    }
}

/* Nothing is rebuilt to grow: what one insertion writes does not depend on the index's size. */
static uint64_t copies_of_inserts(quire_db *db, uint64_t from, uint64_t count)
{
    uint64_t most = 0;
    for (uint64_t i = from; i < from + count; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_txn *txn = begin_write(db);
        quire_table *keys = open_keys(txn);
        quire_value key = quire_int(key_of(i));
        OK(quire_table_insert(keys, NULL, &key, 1, &err));
        quire_table_close(keys);
        most = larger(most, stats_of(txn).page_copies);
        commit(txn);
    }
    return most;
}

/* Directory root, which is looked at twice, directory leaf, bucket, and at most one page behind it:
 * four pages, five visits. */
Test(index_cost, hash_lookup__reads_four_pages_at_most, .timeout = 3600)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t count = is_long() ? 10000000 : 300000;
    struct qr_file_layer *layer;
    quire_options options = {.size = sizeof options, .durability = QUIRE_DURABILITY_OFF};
    quire_db *db;
    OK(qr_file_layer_memory_create(qr_allocator_default(), &layer, &err));
    OK(qr_db_open_with("db", &options, layer, true, &db, &err));
    quire_txn *txn = begin_write(db);
    create_keys(txn, QUIRE_INT, QUIRE_INDEX_HASH);
    commit(txn);
    uint64_t small = copies_of_inserts(db, 0, 500);
    grow(db, 500, count - 1000);
    uint64_t large = copies_of_inserts(db, count - 1000, 1000);
    OK(quire_close(db, &err));

    OK(qr_db_open_with("db", &options, layer, true, &db, &err));
    txn = begin_read(db);
    quire_table *keys = open_keys(txn);
    quire_txn_stats before = stats_of(txn);
    int64_t rowid;
    quire_value key = quire_int(key_of(count / 2));
    uint64_t first = find(keys, &key, &rowid);
    uint64_t read = stats_of(txn).page_reads - before.page_reads;
    uint64_t most = 0;
    for (uint64_t i = 0; i < 2000; i++) {
        key = quire_int(key_of(i * (count / 2000)));
        most = larger(most, find(keys, &key, &rowid));
    }
    (void)fprintf(stderr,
                  "%llu keys: first lookup %llu visits, %llu reads; most of 2,000: %llu; pages "
                  "written by one insert: at most %llu, with few keys %llu\n",
                  (unsigned long long)count, (unsigned long long)first, (unsigned long long)read,
                  (unsigned long long)most, (unsigned long long)large, (unsigned long long)small);
    cr_assert_leq(first, 5);
    cr_assert_leq(read, 4);
    cr_assert_leq(most, 5);
    /* A leaf of rows and a bucket, which has pages behind it, may split at once. */
    cr_assert_leq(large, 16);
    quire_table_close(keys);
    commit(txn);
    OK(quire_close(db, &err));
    qr_file_layer_memory_destroy(layer);
}

/* ---- Chosen collisions ---- */

#define CHOSEN 60U

/* Blobs of 29 bytes, encoded as keys of 32, that all have one XXH3: eight bytes equal to those of
 * XXH3's own secret make a factor of the product zero, whatever the other factor is. */
static void collide_xxh3(uint32_t i, uint8_t *blob)
{
    static const uint8_t secret[] = {0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb};
    memset(blob, 'k', 29);
    memcpy(blob + 15, secret, sizeof secret);
    for (uint32_t byte = 0; byte < 4; byte++) {
        blob[23 + byte] = (uint8_t)(1 + ((i >> (8 * byte)) & 0x7F));
    }
}

/* The next blob whose tag in the index is the given one, which takes its secret to find. */
static void collide_tag(const struct qr_object *index, uint64_t *at, uint8_t *blob)
{
    uint8_t key[32];
    key[0] = 0x31;
    key[30] = key[31] = 0;
    do {
        memset(blob, 't', 29);
        for (unsigned i = 0; i < 8; i++) {
            blob[i] = (uint8_t)('A' + ((*at >> (4 * i)) & 15));
        }
        ++*at;
        memcpy(key + 1, blob, 29);
    } while (qr_siphash13(index->hash_key, key, sizeof key) >> 48 != 0x7AB5);
}

static uint64_t cost_of(quire_table *keys, uint8_t blobs[CHOSEN][29])
{
    uint64_t visits = 0;
    for (uint32_t i = 0; i < CHOSEN; i++) {
        quire_value key = quire_blob(blobs[i], 29);
        visits += insert(keys, &key);
    }
    for (uint32_t i = 0; i < CHOSEN; i++) {
        int64_t rowid;
        quire_value key = quire_blob(blobs[i], 29);
        visits += find(keys, &key, &rowid);
    }
    return visits;
}

Test(index_cost, chosen_collisions__cost_at_most_twice_the_random_case)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    uint8_t random[CHOSEN][29];
    uint8_t chosen[CHOSEN][29];
    uint8_t tagged[CHOSEN][29];
    struct prng prng;
    prng_init(&prng, 3);
    create_keys(txn, QUIRE_BLOB, QUIRE_INDEX_HASH);
    quire_table *keys = open_keys(txn);
    for (uint32_t i = 0; i < 20000; i++) {
        uint8_t blob[29];
        prng_fill(&prng, blob, sizeof blob);
        quire_value key = quire_blob(blob, sizeof blob);
        (void)insert(keys, &key);
    }
    const struct qr_table_def *def;
    OK(qr_schema_find(txn, "keys", &def, &err));
    uint64_t at = 0;
    for (uint32_t i = 0; i < CHOSEN; i++) {
        prng_fill(&prng, random[i], 29);
        collide_xxh3(i, chosen[i]);
        collide_tag(def->indexes[0].object, &at, tagged[i]);
    }
    uint64_t usual = cost_of(keys, random);
    uint64_t same_xxh3 = cost_of(keys, chosen);
    uint64_t same_tag = cost_of(keys, tagged);
    uint8_t encoded[2][32] = {{0x31}, {0x31}};
    memcpy(encoded[0] + 1, chosen[0], 29);
    memcpy(encoded[1] + 1, chosen[CHOSEN - 1], 29);
    cr_assert_eq(qr_hash64(encoded[0], 32, 0), qr_hash64(encoded[1], 32, 0)); /* they do collide */
    cr_assert_leq(same_xxh3, 2 * usual, "%llu and %llu", (unsigned long long)same_xxh3,
                  (unsigned long long)usual);
    cr_assert_leq(same_tag, 2 * usual, "%llu and %llu", (unsigned long long)same_tag,
                  (unsigned long long)usual);
    quire_table_close(keys);
    commit(txn);
    close_db(db);
}

/* ---- Many rows of one key ---- */

static void duplicate(quire_index_kind kind, uint64_t count)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    quire_value key = quire_int(7);
    uint64_t inserting = 0;
    uint64_t deleting = 0;
    create_keys(txn, QUIRE_INT, kind);
    quire_table *keys = open_keys(txn);
    for (uint64_t i = 0; i < count; i++) {
        inserting = larger(inserting, insert(keys, &key));
    }
    for (uint64_t i = 0; i < count; i++) {
        int64_t rowid = (int64_t)(i * 7919 % count) + 1;
        uint64_t before = stats_of(txn).page_visits;
        bool found;
        OK(quire_table_delete(keys, rowid, &found, &err));
        cr_assert(found);
        deleting = larger(deleting, stats_of(txn).page_visits - before);
    }
    (void)fprintf(stderr,
                  "%llu rows of one key, kind %d: at most %llu visits to insert, %llu to "
                  "delete\n",
                  (unsigned long long)count, (int)kind, (unsigned long long)inserting,
                  (unsigned long long)deleting);
    /* Rows and entries are a few levels deep each; a merge of nodes looks at some more. */
    cr_assert_leq(inserting, 80);
    cr_assert_leq(deleting, 80);
    quire_table_close(keys);
    commit(txn);
    close_db(db);
}

Test(index_cost, duplicates__cost_a_logarithm_each_in_a_tree, .timeout = 3600)
{
    duplicate(QUIRE_INDEX_BTREE, is_long() ? 1000000 : 100000);
}

Test(index_cost, duplicates__cost_a_logarithm_each_in_a_hash_index, .timeout = 3600)
{
    duplicate(QUIRE_INDEX_HASH, is_long() ? 1000000 : 100000);
}

/* ---- Long keys that begin alike ---- */

/* Texts of `size` bytes that differ at their ends; beyond some 980 bytes they are stored cut. */
static void begin_alike(size_t size, uint32_t count)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    char text[2100];
    uint64_t inserting = 0;
    uint64_t finding = 0;
    create_keys(txn, QUIRE_TEXT, QUIRE_INDEX_BTREE);
    quire_table *keys = open_keys(txn);
    memset(text, 'x', sizeof text);
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(text + size - 8, 16, "%08u", i * 7919 % count);
        quire_value key = quire_text_n(text, size);
        inserting = larger(inserting, insert(keys, &key));
    }
    for (uint32_t i = 0; i < count; i += 7) {
        int64_t rowid;
        (void)snprintf(text + size - 8, 16, "%08u", i * 7919 % count);
        quire_value key = quire_text_n(text, size);
        finding = larger(finding, find(keys, &key, &rowid));
        cr_assert_eq(rowid, i + 1);
    }
    (void)fprintf(stderr, "%u texts of %zu bytes: at most %llu visits to insert, %llu to find\n",
                  count, size, (unsigned long long)inserting, (unsigned long long)finding);
    cr_assert_leq(inserting, 80);
    cr_assert_leq(finding, 40);
    OK(quire_table_delete(keys, 1, NULL, &err));
    quire_table_close(keys);
    commit(txn);
    close_db(db);
}

Test(index_cost, long_common_beginnings__cost_a_logarithm_each)
{
    begin_alike(600, 6000);
    begin_alike(2000, 6000);
}
