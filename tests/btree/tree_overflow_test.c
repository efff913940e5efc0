/* Payloads at and beyond the size that a node keeps. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "btree/btree_format.h"
#include "tree_fixture.h"

static void ok(quire_status status)
{
    cr_assert_eq(status, QUIRE_OK, "%s", quire_status_name(status));
}

/* Asserts that of the pages above the fixed ones exactly those that the tree owns are in use. */
static void assert_no_leak(const struct qr_tree *tree)
{
    struct issues issues;
    tree_check(tree, &issues);
    cr_assert_eq(issues.count, 0, "%s at page %lu", issues.issue[0].code,
                 (unsigned long)issues.issue[0].page);
    for (uint32_t page = QR_PAGE_NUMBER_FREE_MAP + 1; page < issues.page_count; page++) {
        bool is_free;
        ok(qr_view_page_is_free(tree->view, page, &is_free, NULL));
        cr_assert_eq(is_free, issues.owned[page] == 0, "page %lu", (unsigned long)page);
    }
    issues_free(&issues);
}

/* Sizes around every limit of the format, each put, replaced by the next, found again. */
static void run_boundaries(enum qr_tree_kind kind, uint32_t page_size, size_t key_size)
{
    const size_t data = QR_OVERFLOW_DATA(page_size);
    const size_t inline_max =
        kind == QR_TREE_ROWS
            ? QR_ROW_INLINE_MAX(page_size)
            : QR_KEY_CELL_MAX(page_size) - QR_KEY_LEAF_HEADER - (key_size - QR_KEY_HEAD);
    const size_t limits[] = {1, inline_max, data, 2 * data, 3 * data, 20 * data};
    static uint8_t bytes[MODEL_KEY_MAX];
    struct tree_db db;
    struct model model;
    model_init(&model, kind);
    tree_db_open(&db, kind, page_size, UINT64_C(512) * page_size);
    memset(bytes, 'k', sizeof bytes);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 18; i++) {
            size_t size = limits[i / 3] + i % 3 - 1;
            uint8_t last = (uint8_t)(round == 0 ? i : 0); /* second round: one key, replaced */
            bytes[key_size - 1] = last;
            struct qr_tree_key key = {last, bytes, key_size};
            both_put(&db.tree, &model, &key, i + 100 * round, size);
        }
        assert_tree_equals(&db.tree, &model);
        assert_no_leak(&db.tree);
    }
    for (uint8_t last = 0; last < 18; last++) {
        bytes[key_size - 1] = last;
        struct qr_tree_key key = {last, bytes, key_size};
        both_delete(&db.tree, &model, &key);
    }
    assert_no_leak(&db.tree);
    model_free(&model);
    tree_db_close(&db);
}

Test(tree_overflow, rows__keep_payloads_around_each_limit)
{
    run_boundaries(QR_TREE_ROWS, 1024, 8);
    run_boundaries(QR_TREE_ROWS, 4096, 8);
    run_boundaries(QR_TREE_ROWS, 32768, 8);
}

Test(tree_overflow, keys__keep_payloads_around_each_limit)
{
    run_boundaries(QR_TREE_KEYS, 1024, 8);
    run_boundaries(QR_TREE_KEYS, 1024, QR_KEY_MAX(1024));
    run_boundaries(QR_TREE_KEYS, 4096, QR_KEY_MAX(4096));
    run_boundaries(QR_TREE_KEYS, 32768, QR_KEY_MAX(32768));
}

Test(tree_overflow, inline_limit__is_where_pages_begin)
{
    struct tree_db db;
    struct qr_tree_stats stats;
    static uint8_t payload[4096];
    struct qr_tree_key key = row_key(1);
    bool existed;
    tree_db_open(&db, QR_TREE_ROWS, 4096, 1024 * 1024);
    ok(qr_tree_put(&db.tree, &key, payload, 1000, QR_PUT_UPSERT, &existed, NULL));
    ok(qr_tree_get_stats(&db.tree, &stats, NULL));
    cr_assert_eq(stats.overflow_pages, 0);
    ok(qr_tree_put(&db.tree, &key, payload, 1001, QR_PUT_UPSERT, &existed, NULL));
    ok(qr_tree_get_stats(&db.tree, &stats, NULL));
    cr_assert_eq(stats.overflow_pages, 1);
    cr_assert_eq(stats.overflow_bytes, 1001);
    ok(qr_tree_put(&db.tree, &key, payload, 4065, QR_PUT_UPSERT, &existed, NULL));
    ok(qr_tree_get_stats(&db.tree, &stats, NULL));
    cr_assert_eq(stats.overflow_pages, 3, "an index page and two data pages");
    tree_db_close(&db);
}

Test(tree_overflow, sixteen_megabytes__round_trip)
{
    const size_t size = (size_t)16 << 20;
    struct tree_db db;
    struct qr_tree_cursor *cursor;
    struct qr_tree_reader reader;
    struct qr_slice slice;
    struct qr_tree_key key = row_key(42);
    bool existed;
    bool found;
    uint8_t *payload = malloc(size);
    cr_assert_not_null(payload);
    payload_fill(payload, size, 16);
    tree_db_open(&db, QR_TREE_ROWS, 4096, 1024 * 1024);
    ok(qr_tree_put(&db.tree, &key, payload, size, QR_PUT_INSERT, &existed, NULL));
    tree_db_commit(&db);
    struct qr_tree snapshot = tree_db_snapshot(&db);
    ok(qr_tree_reader_init(&reader, &snapshot, NULL));
    ok(qr_tree_find(&reader, &key, &slice, &found, NULL));
    cr_assert(found);
    cr_assert_eq(slice.size, size);
    cr_assert_eq(memcmp(slice.data, payload, size), 0);
    qr_tree_reader_free(&reader);
    ok(qr_tree_cursor_open(&snapshot, &cursor, NULL));
    ok(qr_tree_cursor_first(cursor, &found, NULL));
    ok(qr_tree_cursor_payload(cursor, &slice, NULL));
    cr_assert_eq(slice.size, size);
    cr_assert_eq(memcmp(slice.data, payload, size), 0);
    qr_tree_cursor_close(cursor);
    assert_tree_clean(&snapshot);
    qr_snapshot_close(snapshot.view);
    tree_db_begin(&db);
    ok(qr_tree_delete(&db.tree, &key, &existed, NULL));
    cr_assert(existed);
    assert_no_leak(&db.tree);
    tree_db_commit(&db);
    free(payload);
    tree_db_close(&db);
}

/* With only single free pages, a value needs more runs than one index page lists. */
Test(tree_overflow, scattered_pages__take_further_index_pages)
{
    enum { VALUES = 600 };
    struct tree_db db;
    struct model model;
    model_init(&model, QR_TREE_ROWS);
    tree_db_open(&db, QR_TREE_ROWS, 1024, 2048 * 1024);
    for (int64_t i = 0; i < VALUES; i++) {
        struct qr_tree_key key = row_key(i);
        both_put(&db.tree, &model, &key, (uint64_t)i, 900);
    }
    tree_db_commit(&db);
    tree_db_begin(&db);
    for (int64_t i = 0; i < VALUES; i += 2) {
        struct qr_tree_key key = row_key(i);
        both_delete(&db.tree, &model, &key);
    }
    tree_db_commit(&db);
    tree_db_begin(&db);
    struct qr_tree_key key = row_key(1000);
    both_put(&db.tree, &model, &key, 7, 270 * 1024);
    assert_tree_equals(&db.tree, &model);
    assert_no_leak(&db.tree);
    both_put(&db.tree, &model, &key, 8, 10);
    assert_tree_equals(&db.tree, &model);
    assert_no_leak(&db.tree);
    model_free(&model);
    tree_db_close(&db);
}
