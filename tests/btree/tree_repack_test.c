/*
 * Repacking trees that deletes have thinned out: how small they get, that full
 * ones are only read, that snapshots and entries stay, and what failures leave.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/failing_allocator.h"
#include "support/faulty_layer.h"
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
    (void)snprintf(buffer, 32, "customer/%010lu", (unsigned long)(n * 7919 % 1000003));
    return text_key(buffer);
}

/* Some are on pages of their own. */
static size_t payload_size(uint64_t n)
{
    return n % 97 == 5 ? 5000 : 20 + n % 40;
}

static void put(const struct qr_tree *tree, struct model *model, uint64_t n)
{
    char buffer[32];
    struct qr_tree_key key = numbered(tree->kind, n, buffer);
    both_put(tree, model, &key, n, payload_size(n));
}

static struct qr_tree_stats stats_of(const struct qr_tree *tree)
{
    struct qr_tree_stats stats;
    ok(qr_tree_get_stats(tree, &stats, NULL));
    return stats;
}

static uint64_t nodes_of(const struct qr_tree *tree)
{
    struct qr_tree_stats stats = stats_of(tree);
    return stats.leaf_pages + stats.inner_pages;
}

/* Puts `count` entries in random order and deletes all but each `keep`th. */
static void thin_out(const struct qr_tree *tree, struct model *model, uint64_t count, uint64_t keep)
{
    struct prng prng;
    char buffer[32];
    uint64_t *numbers = malloc(count * sizeof *numbers);
    prng_init(&prng, count);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t j = prng_below(&prng, i + 1);
        numbers[i] = numbers[j];
        numbers[j] = i;
    }
    for (uint64_t i = 0; i < count; i++) {
        put(tree, model, numbers[i]);
    }
    for (uint64_t i = count / keep; i < count; i++) {
        struct qr_tree_key key =
            numbered(tree->kind, numbers[count - i + count / keep - 1], buffer);
        both_delete(tree, model, &key);
    }
    free(numbers);
}

static uint64_t repack_all(const struct qr_tree *tree, uint32_t pages)
{
    struct qr_tree_repack repack = {.looked = 0};
    bool done = false;
    while (!done) {
        ok(qr_tree_repack(tree, pages, &repack, &done, NULL));
    }
    return repack.emptied;
}

/* Nodes of a tree loaded in order with what the model holds. */
static uint64_t compact_nodes(const struct model *model, uint32_t page_size)
{
    struct tree_db db;
    struct model copy;
    tree_db_open(&db, model->kind, page_size, UINT64_C(2048) * page_size);
    model_init(&copy, model->kind);
    for (size_t i = 0; i < model->count; i++) {
        struct qr_tree_key key = model_key(model, i);
        both_put(&db.tree, &copy, &key, model->entries[i].seed, model->entries[i].size);
    }
    uint64_t nodes = nodes_of(&db.tree);
    model_free(&copy);
    tree_db_close(&db);
    return nodes;
}

static void assert_repacked_is_small(enum qr_tree_kind kind, uint32_t page_size, uint32_t pages)
{
    struct tree_db db;
    struct model model;
    tree_db_open(&db, kind, page_size, UINT64_C(8192) * page_size);
    model_init(&model, kind);
    thin_out(&db.tree, &model, 7 * (uint64_t)page_size, 10);
    uint64_t thin = nodes_of(&db.tree);
    uint64_t compact = compact_nodes(&model, page_size);
    uint64_t emptied = repack_all(&db.tree, pages);
    uint64_t packed = nodes_of(&db.tree);
    cr_log_info("kind %d, pages of %u: %lu nodes, repacked %lu, compact %lu\n", (int)kind,
                page_size, (unsigned long)thin, (unsigned long)packed, (unsigned long)compact);
    cr_assert_leq(thin, 2 * compact + 1);
    cr_assert_leq(10 * packed, 12 * compact);
    cr_assert_geq(emptied + 2, thin - packed, "and what the root takes in");
    assert_tree_clean(&db.tree);
    assert_tree_equals(&db.tree, &model);
    model_free(&model);
    tree_db_close(&db);
}

Test(tree_repack, thin_rows__come_near_the_compact_size)
{
    assert_repacked_is_small(QR_TREE_ROWS, 1024, 64);
    assert_repacked_is_small(QR_TREE_ROWS, 4096, 7);
}

Test(tree_repack, thin_keys__come_near_the_compact_size)
{
    assert_repacked_is_small(QR_TREE_KEYS, 1024, 1);
    assert_repacked_is_small(QR_TREE_KEYS, 4096, 64);
}

/* ---- What is not rewritten ---- */

static void assert_full_is_only_read(enum qr_tree_kind kind)
{
    struct tree_db db;
    struct model model;
    tree_db_open(&db, kind, 1024, 4 << 20);
    model_init(&model, kind);
    thin_out(&db.tree, &model, 10000, 10);
    cr_assert_gt(repack_all(&db.tree, 64), 0);
    tree_db_commit(&db);
    tree_db_begin(&db);
    struct qr_view_counts before = db.tree.view->counts;
    cr_assert_eq(repack_all(&db.tree, 64), 0);
    uint64_t visits = db.tree.view->counts.visits - before.visits;
    cr_assert_eq(db.tree.view->counts.copies, before.copies, "no page is copied");
    cr_assert_leq(visits, 2 * nodes_of(&db.tree));
    model_free(&model);
    tree_db_close(&db);
}

Test(tree_repack, repacked_tree__is_only_read_once)
{
    assert_full_is_only_read(QR_TREE_ROWS);
    assert_full_is_only_read(QR_TREE_KEYS);
}

Test(tree_repack, tree_loaded_in_order__is_only_read)
{
    struct tree_db db;
    struct model model;
    tree_db_open(&db, QR_TREE_ROWS, 1024, 4 << 20);
    model_init(&model, QR_TREE_ROWS);
    for (uint64_t n = 0; n < 10000; n++) {
        put(&db.tree, &model, n);
    }
    tree_db_commit(&db);
    tree_db_begin(&db);
    struct qr_view_counts before = db.tree.view->counts;
    cr_assert_eq(repack_all(&db.tree, 16), 0);
    cr_assert_eq(db.tree.view->counts.copies, before.copies);
    model_free(&model);
    tree_db_close(&db);
}

Test(tree_repack, trees_of_one_page__are_left_alone)
{
    struct tree_db db;
    struct model model;
    tree_db_open(&db, QR_TREE_KEYS, 1024, 1 << 20);
    model_init(&model, QR_TREE_KEYS);
    cr_assert_eq(repack_all(&db.tree, 1), 0);
    put(&db.tree, &model, 1);
    cr_assert_eq(repack_all(&db.tree, 1), 0);
    assert_tree_equals(&db.tree, &model);
    model_free(&model);
    tree_db_close(&db);
}

Test(tree_repack, step__copies_no_more_pages_than_it_may)
{
    struct tree_db db;
    struct model model;
    struct qr_tree_repack repack = {.looked = 0};
    bool done = false;
    unsigned steps = 0;
    tree_db_open(&db, QR_TREE_ROWS, 1024, 8 << 20);
    model_init(&model, QR_TREE_ROWS);
    thin_out(&db.tree, &model, 15000, 10);
    while (!done) {
        tree_db_commit(&db);
        tree_db_begin(&db);
        uint64_t before = db.tree.view->counts.copies;
        ok(qr_tree_repack(&db.tree, 10, &repack, &done, NULL));
        /* A run of 36, with its last node, parents and the free map. */
        cr_assert_leq(db.tree.view->counts.copies - before, 10 + 36 + 6);
        steps++;
    }
    cr_assert_gt(steps, 3);
    assert_tree_clean(&db.tree);
    assert_tree_equals(&db.tree, &model);
    model_free(&model);
    tree_db_close(&db);
}

/* ---- Others ---- */

Test(tree_repack, snapshots__see_what_they_saw)
{
    struct tree_db db;
    struct model model;
    struct qr_tree snapshot[4];
    struct qr_tree_repack repack = {.looked = 0};
    bool done = false;
    unsigned open = 0;
    tree_db_open(&db, QR_TREE_KEYS, 1024, 16 << 20);
    model_init(&model, QR_TREE_KEYS);
    thin_out(&db.tree, &model, 10000, 10);
    while (!done) {
        tree_db_commit(&db);
        if (open < 4) {
            snapshot[open++] = tree_db_snapshot(&db);
        }
        tree_db_begin(&db);
        ok(qr_tree_repack(&db.tree, 8, &repack, &done, NULL));
    }
    tree_db_commit(&db);
    cr_assert_eq(open, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_tree_equals(&snapshot[i], &model);
        assert_tree_clean(&snapshot[i]);
        qr_snapshot_close(snapshot[i].view);
    }
    model_free(&model);
    tree_db_close(&db);
}

/* ---- Failures ---- */

static void assert_old_state(struct tree_db *db, const struct model *model)
{
    tree_db_begin(db);
    assert_tree_clean(&db->tree);
    assert_tree_equals(&db->tree, model);
    qr_txn_rollback(db->txn);
    db->txn = NULL;
}

/* One repacking in a transaction that is not committed. */
static quire_status try_repack(struct tree_db *db, quire_error *err)
{
    struct qr_tree_repack repack = {.looked = 0};
    bool done = false;
    quire_status status = QUIRE_OK;
    while (status == QUIRE_OK && !done) {
        status = qr_tree_repack(&db->tree, 16, &repack, &done, err);
    }
    cr_assert(status != QUIRE_OK || repack.emptied > 5);
    return status;
}

static void fail_each(enum qr_tree_kind kind, bool memory_fails)
{
    struct failing_allocator memory;
    struct faulty_layer *layer = faulty_layer_create();
    struct tree_db db;
    struct model model;
    quire_status status = QUIRE_IO;
    unsigned failures = 0;
    failing_allocator_init(&memory);
    ok(tree_db_try_open(&db, kind, 1024, faulty_layer_files(layer), &memory.allocator, NULL));
    model_init(&model, kind);
    tree_db_begin(&db);
    ok(qr_tree_create(db.txn, kind, TREE_ID, 0, &db.tree, NULL));
    thin_out(&db.tree, &model, 6000, 10);
    tree_db_commit(&db);
    ok(qr_pager_checkpoint(db.pager, NULL));
    for (uint64_t n = 0; status != QUIRE_OK; n++) {
        quire_error err = QUIRE_ERROR_INIT;
        struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_READ), .index = n, .os_errno = EIO};
        tree_db_begin(&db);
        if (memory_fails) {
            failing_allocator_arm(&memory, n, false);
        } else {
            faulty_layer_fail(layer, &plan);
        }
        status = try_repack(&db, &err);
        failing_allocator_arm(&memory, FAILING_ALLOCATOR_NEVER, false);
        faulty_layer_heal(layer);
        if (status != QUIRE_OK) {
            cr_assert_eq(status, memory_fails ? QUIRE_NO_MEMORY : QUIRE_IO, "%s", err.message);
            cr_assert_eq(err.status, status);
            failures++;
        }
        qr_txn_rollback(db.txn);
        db.txn = NULL;
        if (n < 10 || n % 8 == 0) {
            assert_old_state(&db, &model);
        }
    }
    cr_assert_gt(failures, 2);
    tree_db_begin(&db);
    ok(try_repack(&db, NULL));
    tree_db_commit(&db);
    assert_old_state(&db, &model);
    model_free(&model);
    tree_db_close(&db);
    cr_assert(failing_allocator_is_clean(&memory));
    faulty_layer_destroy(layer);
}

Test(tree_repack, allocations_that_fail__leave_the_old_state)
{
    fail_each(QR_TREE_ROWS, true);
    fail_each(QR_TREE_KEYS, true);
}

Test(tree_repack, reads_that_fail__leave_the_old_state)
{
    fail_each(QR_TREE_ROWS, false);
    fail_each(QR_TREE_KEYS, false);
}

Test(tree_repack, snapshot__cannot_be_repacked)
{
    struct tree_db db;
    struct qr_tree_repack repack = {.looked = 0};
    bool done;
    tree_db_open(&db, QR_TREE_ROWS, 1024, 1 << 20);
    tree_db_commit(&db);
    struct qr_tree snapshot = tree_db_snapshot(&db);
    cr_assert_eq(qr_tree_repack(&snapshot, 8, &repack, &done, NULL), QUIRE_READ_ONLY);
    qr_snapshot_close(snapshot.view);
    tree_db_close(&db);
}
