/*
 * How much space a database takes after most of it is deleted, counted in
 * pages: what trees and hash indexes keep by themselves, that every page they
 * give up is marked free, and what vacuum makes of the file.
 */
#include "maintenance_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/prng.h"

#define PAGE 1024
#define ROWS 24000
#define KEPT (ROWS / 10)

static struct faulty_layer *files;
static struct qr_file_layer *layer;

static void set_up(void)
{
    files = faulty_layer_create();
    layer = faulty_layer_files(files);
}

static void tear_down(void)
{
    faulty_layer_destroy(files);
}

TestSuite(space, .init = set_up, .fini = tear_down);

static quire_stats stats_of(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_stats stats = {.size = sizeof stats};
    OK(quire_get_stats(db, &stats, &err));
    return stats;
}

/* ---- A table with an index of every kind, and a key tree ---- */

static void define(quire_txn *txn, bool hash)
{
    static const quire_column columns[] = {
        {"name", QUIRE_TEXT, true}, {"group", QUIRE_INT, false}, {"note", QUIRE_BLOB, false}};
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_table_create(txn, "items", columns, 3, &err));
    OK(add_index(txn, "items", "name_tree", QUIRE_INDEX_BTREE, true, "name", NULL, &err));
    OK(add_index(txn, "items", "group_tree", QUIRE_INDEX_BTREE, false, "group", NULL, &err));
    if (hash) {
        OK(add_index(txn, "items", "name_hash", QUIRE_INDEX_HASH, true, "name", NULL, &err));
        OK(add_index(txn, "items", "group_hash", QUIRE_INDEX_HASH, false, "group", NULL, &err));
    }
    OK(quire_keytree_create(txn, "words", &err));
}

static int name_of(uint64_t row, char *name, size_t size)
{
    return snprintf(name, size, "customer/%05u", (unsigned)(row * 7919 % 99991));
}

static void insert(quire_db *db, const uint64_t *rows, uint64_t count)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(db);
    quire_table *items;
    quire_keytree *words;
    static const uint8_t note[1500];
    OK(quire_table_open(txn, "items", &items, &err));
    OK(quire_keytree_open(txn, "words", &words, &err));
    for (uint64_t i = 0; i < count; i++) {
        char name[40];
        int64_t rowid = (int64_t)rows[i];
        int size = name_of(rows[i], name, sizeof name);
        quire_value row[] = {quire_text(name), quire_int(rowid % (ROWS / 100)),
                             quire_blob(note, rowid % 200 == 3 ? sizeof note : 30)};
        OK(quire_table_insert(items, &rowid, row, 3, &err));
        OK(quire_keytree_insert(words, name, (size_t)size, note, 20, &err));
    }
    quire_keytree_close(words);
    quire_table_close(items);
    commit(txn);
}

static void erase(quire_db *db, const uint64_t *rows, uint64_t count)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(db);
    quire_table *items;
    quire_keytree *words;
    OK(quire_table_open(txn, "items", &items, &err));
    OK(quire_keytree_open(txn, "words", &words, &err));
    for (uint64_t i = 0; i < count; i++) {
        char name[40];
        int size = name_of(rows[i], name, sizeof name);
        OK(quire_table_delete(items, (int64_t)rows[i], NULL, &err));
        OK(quire_keytree_delete(words, name, (size_t)size, NULL, &err));
    }
    quire_keytree_close(words);
    quire_table_close(items);
    commit(txn);
}

static void shuffle(uint64_t *rows, uint64_t count, uint64_t seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t j = prng_below(&prng, i + 1);
        uint64_t row = rows[i];
        rows[i] = rows[j];
        rows[j] = row;
    }
}

static int compare_rows(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Exactly these rows are there, and their keys in the tree. */
static void expect_rows(quire_db *db, const uint64_t *rows, uint64_t count)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_read(db);
    quire_table *items;
    quire_keytree *words;
    uint64_t total;
    OK(quire_table_open(txn, "items", &items, &err));
    OK(quire_keytree_open(txn, "words", &words, &err));
    OK(quire_table_row_count(items, &total, &err));
    cr_assert_eq(total, count);
    OK(quire_keytree_count(words, &total, &err));
    cr_assert_eq(total, count);
    for (uint64_t i = 0; i < count; i++) {
        char name[40];
        bool found;
        const void *record;
        size_t record_size;
        quire_value value;
        int size = name_of(rows[i], name, sizeof name);
        OK(quire_table_get(items, (int64_t)rows[i], &record, &record_size, &found, &err));
        cr_assert(found);
        OK(quire_record_column(record, record_size, 0, &value, &err));
        cr_assert_eq(value.size, (uint32_t)size);
        cr_assert_eq(memcmp(value.as.bytes, name, value.size), 0);
        OK(quire_record_column(record, record_size, 2, &value, &err));
        cr_assert_eq(value.size, rows[i] % 200 == 3 ? 1500 : 30);
        const void *payload;
        size_t payload_size;
        OK(quire_keytree_get(words, name, (size_t)size, &payload, &payload_size, &found, &err));
        cr_assert(found && payload_size == 20);
    }
    quire_keytree_close(words);
    quire_table_close(items);
    quire_rollback(txn);
}

/* ---- What it takes ---- */

#define OBJECTS_MAX 8

struct sizes {
    struct {
        char name[32];
        char kind[16];
        uint64_t pages;
        unsigned fill; /* percent of the leaves' bytes */
    } object[OBJECTS_MAX];
    unsigned count;
    uint64_t pages; /* of all */
    uint64_t hash_pages;
};

static quire_status add_size(void *context, const quire_object_stats *stats, quire_error *err)
{
    struct sizes *sizes = context;
    unsigned i = sizes->count++;
    (void)err;
    (void)snprintf(sizes->object[i].name, 32, "%s", stats->name);
    (void)snprintf(sizes->object[i].kind, 16, "%s", stats->kind);
    sizes->object[i].pages = stats->inner_pages + stats->leaf_pages + stats->overflow_pages;
    sizes->object[i].fill = (unsigned)(100 * stats->leaf_bytes / (stats->leaf_pages * PAGE));
    sizes->pages += sizes->object[i].pages;
    sizes->hash_pages += strcmp(stats->kind, "hash") == 0 ? sizes->object[i].pages : 0;
    return QUIRE_OK;
}

static struct sizes sizes_of(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct sizes sizes = {.count = 0};
    quire_txn *txn = begin_read(db);
    OK(quire_each_object(txn, add_size, &sizes, &err));
    quire_rollback(txn);
    return sizes;
}

/* Every page is the header, the map's, an object's or free. */
static void expect_no_page_lost(quire_db *db)
{
    struct sizes sizes = sizes_of(db);
    quire_stats stats = stats_of(db);
    uint32_t maps = (stats.pages - 3) / ((PAGE - 32) * 8) + 1;
    cr_assert_eq(stats.pages, 1 + maps + sizes.pages + stats.pages_free,
                 "%u pages: %lu of objects, %u free", stats.pages, (unsigned long)sizes.pages,
                 stats.pages_free);
}

/* The same rows loaded in order into a database of their own. */
static struct sizes compact_sizes(const uint64_t *rows, uint64_t count, bool hash)
{
    quire_db *db = open_at(layer, "/d/compact", QUIRE_OPEN_NEW);
    uint64_t *sorted = malloc(count * sizeof *sorted);
    memcpy(sorted, rows, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_rows);
    quire_txn *txn = begin_write(db);
    define(txn, hash);
    commit(txn);
    insert(db, sorted, count);
    close_db(db);
    free(sorted);
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_maintenance_place place = place_of(layer);
    OK(qr_compact(&place, "/d/compact", NULL, NULL, &err));
    db = open_at(layer, "/d/compact", QUIRE_OPEN_READ_ONLY);
    struct sizes sizes = sizes_of(db);
    close_db(db);
    return sizes;
}

static void assert_deleted_gives_back(bool hash)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t *rows = malloc(ROWS * sizeof *rows);
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_NEW);
    for (uint64_t i = 0; i < ROWS; i++) {
        rows[i] = i + 1;
    }
    shuffle(rows, ROWS, 1);
    quire_txn *txn = begin_write(db);
    define(txn, hash);
    commit(txn);
    insert(db, rows, ROWS);
    expect_no_page_lost(db);
    uint32_t full = stats_of(db).pages;
    shuffle(rows, ROWS, 2);
    erase(db, rows + KEPT, ROWS - KEPT);
    expect_no_page_lost(db);
    struct sizes thin = sizes_of(db);
    struct sizes compact = compact_sizes(rows, KEPT, hash);
    cr_assert_eq(thin.count, compact.count);
    for (unsigned i = 0; i < thin.count; i++) {
        bool is_hash = strcmp(thin.object[i].kind, "hash") == 0;
        cr_log_info("%-12s %5lu pages, compact %5lu, leaves %u %% full\n", thin.object[i].name,
                    (unsigned long)thin.object[i].pages, (unsigned long)compact.object[i].pages,
                    thin.object[i].fill);
        cr_assert_leq(thin.object[i].pages, 2 * compact.object[i].pages, "%s: %lu and %lu pages",
                      thin.object[i].name, (unsigned long)thin.object[i].pages,
                      (unsigned long)compact.object[i].pages);
        cr_assert(is_hash || thin.object[i].pages == 1 || thin.object[i].fill >= 50,
                  "the leaves of %s are %u %% full", thin.object[i].name, thin.object[i].fill);
    }
    OK(quire_vacuum(db, NULL, NULL, &err));
    expect_no_page_lost(db);
    uint64_t bytes = file_size(layer, "/d/db");
    uint64_t compact_bytes = file_size(layer, "/d/compact");
    struct sizes packed = sizes_of(db);
    for (unsigned i = 0; i < packed.count; i++) {
        cr_log_info("%-12s %5lu pages after vacuum, leaves %u %% full\n", packed.object[i].name,
                    (unsigned long)packed.object[i].pages, packed.object[i].fill);
        cr_assert(strcmp(packed.object[i].kind, "hash") == 0 ||
                      10 * packed.object[i].pages <= 12 * compact.object[i].pages,
                  "%s: %lu and %lu pages", packed.object[i].name,
                  (unsigned long)packed.object[i].pages, (unsigned long)compact.object[i].pages);
    }
    /* Vacuum leaves hash indexes as full as they are. */
    cr_assert_leq(10 * (bytes - packed.hash_pages * PAGE),
                  12 * (compact_bytes - compact.hash_pages * PAGE));
    expect_rows(db, rows, KEPT);
    cr_log_info("file: %lu pages full, %lu after vacuum, %lu compact\n", (unsigned long)full,
                (unsigned long)bytes / PAGE, (unsigned long)compact.pages);
    cr_assert_lt(bytes, (uint64_t)full * PAGE / 4);
    close_db(db);
    struct qr_maintenance_place place = place_of(layer);
    OK(qr_copy_check(&place, "/d/db", false, &err));
    free(rows);
}

Test(space, nine_tenths_deleted__leave_twice_the_compact_size_and_vacuum_six_fifths_of_it)
{
    assert_deleted_gives_back(false);
}

Test(space, nine_tenths_deleted__leave_little_with_hash_indexes_too)
{
    assert_deleted_gives_back(true);
}

/* ---- Deleting a range ---- */

static void assert_range_delete_is_cheap(size_t payload, int64_t count)
{
    static const uint8_t bytes[4000];
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, "/d/db", QUIRE_OPEN_NEW);
    quire_txn *txn = begin_write(db);
    quire_tree *tree;
    uint64_t deleted;
    OK(quire_tree_create(txn, "tree", &err));
    OK(quire_tree_open(txn, "tree", &tree, &err));
    for (int64_t i = 0; i < count; i++) {
        OK(quire_tree_insert(tree, i, bytes, payload, &err));
    }
    quire_tree_close(tree);
    commit(txn);
    struct sizes sizes = sizes_of(db);
    uint64_t pages = sizes.object[1].pages;
    txn = begin_write(db);
    OK(quire_tree_open(txn, "tree", &tree, &err));
    struct qr_view *view = qr_txn_pages(txn);
    struct qr_view_counts before = view->counts;
    OK(quire_tree_delete_range(tree, count / 20, count - count / 20, &deleted, &err));
    cr_assert_eq(deleted, (uint64_t)(count - 2 * (count / 20) + 1));
    uint64_t visits = view->counts.visits - before.visits;
    uint64_t copies = view->counts.copies - before.copies;
    cr_log_info("%lu pages: %lu looked at, %lu copied\n", (unsigned long)pages,
                (unsigned long)visits, (unsigned long)copies);
    cr_assert_leq(copies, 40, "nothing is written but the way to both ends and the free map");
    cr_assert_leq(visits, 4 * pages);
    quire_tree_close(tree);
    commit(txn);
    expect_no_page_lost(db);
    close_db(db);
}

Test(space, deleting_a_range__copies_the_pages_at_its_ends_alone)
{
    assert_range_delete_is_cheap(60, 20000);
}

Test(space, deleting_a_range_of_large_values__reads_none_of_their_content)
{
    assert_range_delete_is_cheap(4000, 1000);
}
