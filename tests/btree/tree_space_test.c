/* How much space trees take, and what put, create, drop and clear promise. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "tree_fixture.h"

static void ok(quire_status status)
{
    cr_assert_eq(status, QUIRE_OK, "%s", quire_status_name(status));
}

static struct qr_tree_key numbered(enum qr_tree_kind kind, uint64_t n, char *buffer)
{
    if (kind == QR_TREE_ROWS) {
        return row_key((int64_t)n);
    }
    (void)snprintf(buffer, 32, "customer/%010lu", (unsigned long)n);
    return text_key(buffer);
}

static void put(const struct qr_tree *tree, uint64_t n, size_t size)
{
    static const uint8_t payload[512] = {1, 2, 3};
    char buffer[32];
    bool existed;
    struct qr_tree_key key = numbered(tree->kind, n, buffer);
    ok(qr_tree_put(tree, &key, payload, size, QR_PUT_INSERT, &existed, NULL));
    cr_assert_not(existed);
}

static void erase(const struct qr_tree *tree, uint64_t n)
{
    char buffer[32];
    bool existed;
    struct qr_tree_key key = numbered(tree->kind, n, buffer);
    ok(qr_tree_delete(tree, &key, &existed, NULL));
    cr_assert(existed);
}

/* Percent of the leaves' bytes in use. */
static unsigned leaf_fill(const struct qr_tree *tree)
{
    struct qr_tree_stats stats;
    ok(qr_tree_get_stats(tree, &stats, NULL));
    uint64_t bytes = stats.leaf_pages * qr_pager_page_size(qr_view_pager(tree->view));
    return (unsigned)(100 * stats.leaf_bytes / bytes);
}

static const uint32_t page_sizes[] = {1024, 4096, 32768};

/* Entries that make about 300 leaves. */
static uint64_t enough(uint32_t page_size)
{
    return 300 * (uint64_t)page_size / 56;
}

static void assert_sequential_fill(enum qr_tree_kind kind, bool descending)
{
    for (size_t p = 0; p < 3; p++) {
        struct tree_db db;
        uint64_t count = enough(page_sizes[p]);
        tree_db_open(&db, kind, page_sizes[p], UINT64_C(1024) * page_sizes[p]);
        for (uint64_t i = 0; i < count; i++) {
            put(&db.tree, descending ? count - i : i, 40);
        }
        unsigned fill = leaf_fill(&db.tree);
        cr_assert_gt(fill, 90, "%u %% at pages of %u", fill, page_sizes[p]);
        assert_tree_clean(&db.tree);
        tree_db_close(&db);
    }
}

Test(tree_space, ascending_rows__fill_their_pages)
{
    assert_sequential_fill(QR_TREE_ROWS, false);
}

Test(tree_space, descending_rows__fill_their_pages)
{
    assert_sequential_fill(QR_TREE_ROWS, true);
}

Test(tree_space, ascending_keys__fill_their_pages)
{
    assert_sequential_fill(QR_TREE_KEYS, false);
}

Test(tree_space, descending_keys__fill_their_pages)
{
    assert_sequential_fill(QR_TREE_KEYS, true);
}

static uint64_t *shuffled(uint64_t count, uint64_t seed)
{
    struct prng prng;
    uint64_t *numbers = malloc(count * sizeof *numbers);
    cr_assert_not_null(numbers);
    prng_init(&prng, seed);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t j = prng_below(&prng, i + 1);
        numbers[i] = numbers[j];
        numbers[j] = i;
    }
    return numbers;
}

/* Pages of a tree loaded in order with every tenth of `numbers`. */
static void compact_pages(enum qr_tree_kind kind, uint32_t page_size, uint64_t entries,
                          struct qr_tree_stats *stats)
{
    struct tree_db db;
    tree_db_open(&db, kind, page_size, UINT64_C(1024) * page_size);
    for (uint64_t i = 0; i < entries; i++) {
        put(&db.tree, i, 40);
    }
    ok(qr_tree_get_stats(&db.tree, stats, NULL));
    tree_db_close(&db);
}

static void assert_thinned_out_is_small(enum qr_tree_kind kind, uint32_t page_size)
{
    struct tree_db db;
    struct qr_tree_stats thin;
    struct qr_tree_stats compact;
    uint64_t count = 10 * enough(page_size) / 3;
    uint64_t *numbers = shuffled(count, page_size);
    tree_db_open(&db, kind, page_size, UINT64_C(2048) * page_size);
    for (uint64_t i = 0; i < count; i++) {
        put(&db.tree, numbers[i], 40);
    }
    for (uint64_t i = 0; i < count - count / 10; i++) {
        erase(&db.tree, numbers[count - 1 - i]);
    }
    assert_tree_clean(&db.tree);
    ok(qr_tree_get_stats(&db.tree, &thin, NULL));
    compact_pages(kind, page_size, count / 10, &compact);
    cr_assert_leq(thin.leaf_pages, 2 * compact.leaf_pages, "%lu leaves, compact %lu",
                  (unsigned long)thin.leaf_pages, (unsigned long)compact.leaf_pages);
    cr_assert_leq(thin.inner_pages, 2 * compact.inner_pages + 1, "%lu inner nodes, compact %lu",
                  (unsigned long)thin.inner_pages, (unsigned long)compact.inner_pages);
    free(numbers);
    tree_db_close(&db);
}

Test(tree_space, nine_tenths_of_rows_deleted__leave_at_most_twice_the_compact_size)
{
    assert_thinned_out_is_small(QR_TREE_ROWS, 1024);
    assert_thinned_out_is_small(QR_TREE_ROWS, 4096);
}

Test(tree_space, nine_tenths_of_keys_deleted__leave_at_most_twice_the_compact_size)
{
    assert_thinned_out_is_small(QR_TREE_KEYS, 1024);
    assert_thinned_out_is_small(QR_TREE_KEYS, 4096);
}

Test(tree_space, ordered_deletion__frees_pages_as_it_goes)
{
    struct tree_db db;
    struct qr_tree_stats stats;
    tree_db_open(&db, QR_TREE_ROWS, 1024, 1024 * 1024);
    for (uint64_t i = 0; i < 8000; i++) {
        put(&db.tree, i, 40);
    }
    for (uint64_t i = 0; i < 7900; i++) {
        erase(&db.tree, i);
    }
    ok(qr_tree_get_stats(&db.tree, &stats, NULL));
    cr_assert_leq(stats.leaf_pages, 8);
    cr_assert_leq(stats.depth, 2);
    for (uint64_t i = 7900; i < 8000; i++) {
        erase(&db.tree, i);
    }
    cr_assert_eq(assert_tree_clean(&db.tree), 1);
    tree_db_close(&db);
}

Test(tree_space, root__keeps_its_page_while_the_tree_grows_and_shrinks)
{
    struct tree_db db;
    struct qr_tree_stats stats;
    tree_db_open(&db, QR_TREE_KEYS, 1024, 1024 * 1024);
    uint32_t root = db.tree.root;
    for (uint64_t i = 0; i < 20000; i++) {
        put(&db.tree, i, 8);
    }
    ok(qr_tree_get_stats(&db.tree, &stats, NULL));
    cr_assert_geq(stats.depth, 3);
    cr_assert_eq(stats.entries, 20000);
    cr_assert_eq(db.tree.root, root);
    assert_tree_clean(&db.tree);
    ok(qr_tree_clear(&db.tree, NULL));
    cr_assert_eq(assert_tree_clean(&db.tree), 1);
    put(&db.tree, 1, 8);
    ok(qr_tree_get_stats(&db.tree, &stats, NULL));
    cr_assert_eq(stats.entries, 1);
    tree_db_close(&db);
}

Test(tree_space, drop__frees_every_page)
{
    struct tree_db db;
    static uint8_t large[9000];
    bool existed;
    bool is_free;
    tree_db_open(&db, QR_TREE_ROWS, 1024, 1024 * 1024);
    for (int64_t i = 0; i < 200; i++) {
        struct qr_tree_key key = row_key(i);
        ok(qr_tree_put(&db.tree, &key, large, (size_t)i * 45, QR_PUT_INSERT, &existed, NULL));
    }
    struct issues issues;
    tree_check(&db.tree, &issues);
    cr_assert_eq(issues.count, 0);
    ok(qr_tree_drop(&db.tree, NULL));
    for (uint32_t page = 0; page < issues.page_count; page++) {
        ok(qr_view_page_is_free(db.tree.view, page, &is_free, NULL));
        cr_assert_eq(is_free, issues.owned[page] != 0, "page %lu", (unsigned long)page);
    }
    issues_free(&issues);
    tree_db_close(&db);
}

Test(tree_space, create_at_a_page__makes_that_page_the_root)
{
    struct tree_db db;
    struct qr_tree catalog;
    bool existed;
    struct qr_tree_key key = text_key("name");
    tree_db_open(&db, QR_TREE_ROWS, 4096, 1024 * 1024);
    ok(qr_tree_create(db.txn, QR_TREE_KEYS, 1, QR_PAGE_NUMBER_CATALOG, &catalog, NULL));
    cr_assert_eq(catalog.root, QR_PAGE_NUMBER_CATALOG);
    ok(qr_tree_put(&catalog, &key, "value", 5, QR_PUT_INSERT, &existed, NULL));
    tree_db_commit(&db);
    struct qr_tree snapshot = tree_db_snapshot(&db);
    catalog.view = snapshot.view;
    struct qr_tree_reader reader;
    struct qr_slice payload;
    bool found;
    ok(qr_tree_reader_init(&reader, &catalog, NULL));
    ok(qr_tree_find(&reader, &key, &payload, &found, NULL));
    cr_assert(found);
    cr_assert_eq(payload.size, 5);
    cr_assert_eq(memcmp(payload.data, "value", 5), 0);
    key = text_key("nam");
    ok(qr_tree_find(&reader, &key, &payload, &found, NULL));
    cr_assert_not(found);
    cr_assert_null(payload.data);
    qr_tree_reader_free(&reader);
    qr_snapshot_close(snapshot.view);
    tree_db_close(&db);
}

/* ---- Modes and refusals of put ---- */

static void assert_holds(const struct qr_tree *tree, int64_t rowid, const char *expected)
{
    struct qr_tree_reader reader;
    struct qr_slice payload;
    struct qr_tree_key key = row_key(rowid);
    bool found;
    ok(qr_tree_reader_init(&reader, tree, NULL));
    ok(qr_tree_find(&reader, &key, &payload, &found, NULL));
    cr_assert_eq(found, expected != NULL);
    if (expected != NULL) {
        cr_assert_eq(payload.size, strlen(expected));
        cr_assert_eq(memcmp(payload.data, expected, payload.size), 0);
    }
    qr_tree_reader_free(&reader);
}

Test(tree_put, modes__do_what_their_names_say)
{
    struct tree_db db;
    struct qr_tree_key key = row_key(-7);
    uint64_t entries;
    bool existed;
    tree_db_open(&db, QR_TREE_ROWS, 1024, 256 * 1024);
    ok(qr_tree_put(&db.tree, &key, "a", 1, QR_PUT_REPLACE, &existed, NULL));
    cr_assert_not(existed);
    assert_holds(&db.tree, -7, NULL);
    ok(qr_tree_put(&db.tree, &key, "b", 1, QR_PUT_INSERT, &existed, NULL));
    cr_assert_not(existed);
    ok(qr_tree_put(&db.tree, &key, "c", 1, QR_PUT_INSERT, &existed, NULL));
    cr_assert(existed);
    assert_holds(&db.tree, -7, "b");
    ok(qr_tree_put(&db.tree, &key, "d", 1, QR_PUT_REPLACE, &existed, NULL));
    cr_assert(existed);
    assert_holds(&db.tree, -7, "d");
    ok(qr_tree_put(&db.tree, &key, "longer", 6, QR_PUT_UPSERT, &existed, NULL));
    cr_assert(existed);
    assert_holds(&db.tree, -7, "longer");
    ok(qr_tree_put(&db.tree, &key, "", 0, QR_PUT_UPSERT, &existed, NULL));
    assert_holds(&db.tree, -7, "");
    ok(qr_tree_count(&db.tree, &entries, NULL));
    cr_assert_eq(entries, 1);
    tree_db_close(&db);
}

Test(tree_put, sizes_over_the_limit__are_refused_without_dooming)
{
    struct tree_db db;
    quire_error err = QUIRE_ERROR_INIT;
    static uint8_t bytes[4096];
    bool existed;
    struct qr_tree_key key = {0, bytes, QR_KEY_MAX(4096) + 1};
    tree_db_open(&db, QR_TREE_KEYS, 4096, 1024 * 1024);
    cr_assert_eq(qr_tree_put(&db.tree, &key, "", 0, QR_PUT_INSERT, &existed, &err), QUIRE_LIMIT);
    cr_assert(strlen(err.message) > 0);
    key.size = QR_KEY_MAX(4096);
    cr_assert_eq(
        qr_tree_put(&db.tree, &key, bytes, QR_PAYLOAD_MAX + 1, QR_PUT_INSERT, &existed, &err),
        QUIRE_LIMIT);
    cr_assert_not(qr_txn_doomed(db.txn));
    ok(qr_tree_put(&db.tree, &key, bytes, 4096, QR_PUT_INSERT, &existed, NULL));
    key.size++;
    ok(qr_tree_delete(&db.tree, &key, &existed, NULL));
    cr_assert_not(existed);
    assert_tree_clean(&db.tree);
    tree_db_close(&db);
}

Test(tree_put, snapshot__cannot_be_changed)
{
    struct tree_db db;
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_tree_key key = row_key(1);
    bool existed;
    tree_db_open(&db, QR_TREE_ROWS, 1024, 256 * 1024);
    tree_db_commit(&db);
    struct qr_tree snapshot = tree_db_snapshot(&db);
    cr_assert_eq(qr_tree_put(&snapshot, &key, "", 0, QR_PUT_INSERT, &existed, &err),
                 QUIRE_READ_ONLY);
    cr_assert_eq(qr_tree_delete(&snapshot, &key, &existed, &err), QUIRE_READ_ONLY);
    cr_assert_eq(qr_tree_clear(&snapshot, &err), QUIRE_READ_ONLY);
    cr_assert_eq(qr_tree_drop(&snapshot, &err), QUIRE_READ_ONLY);
    qr_snapshot_close(snapshot.view);
    tree_db_close(&db);
}

Test(tree_put, doomed_transaction__refuses_changes)
{
    struct tree_db db;
    struct qr_tree_key key = row_key(1);
    bool existed;
    tree_db_open(&db, QR_TREE_ROWS, 1024, 256 * 1024);
    qr_txn_doom(db.txn);
    cr_assert_eq(qr_tree_put(&db.tree, &key, "", 0, QR_PUT_INSERT, &existed, NULL),
                 QUIRE_TXN_DOOMED);
    tree_db_close(&db);
}
