/* Appending: many entries at once, one after the other, and what is refused. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "tree_fixture.h"

static void ok(quire_status status)
{
    cr_assert_eq(status, QUIRE_OK, "%s", quire_status_name(status));
}

#define TEXT_SIZE 32U

/* Entries first, first + 1, ... with payloads of `size` bytes made from their numbers. */
struct batch {
    struct qr_tree_entry *entries;
    char *keys;
    uint8_t *payloads;
    size_t count;
};

static struct batch batch_make(enum qr_tree_kind kind, uint64_t first, size_t count, size_t size)
{
    struct batch batch = {.entries = calloc(count, sizeof *batch.entries),
                          .keys = calloc(count, TEXT_SIZE),
                          .payloads = calloc(count, size + 1),
                          .count = count};
    for (size_t i = 0; i < count; i++) {
        uint8_t *payload = batch.payloads + i * size;
        char *text = batch.keys + i * TEXT_SIZE;
        payload_fill(payload, size, first + i);
        (void)snprintf(text, TEXT_SIZE, "customer/%010lu", (unsigned long)(first + i));
        batch.entries[i].key =
            kind == QR_TREE_ROWS ? row_key((int64_t)(first + i)) : text_key(text);
        batch.entries[i].payload = payload;
        batch.entries[i].size = size;
    }
    return batch;
}

static void batch_free(struct batch *batch)
{
    free(batch->entries);
    free(batch->keys);
    free(batch->payloads);
}

static void append(const struct qr_tree *tree, struct model *model, uint64_t first, size_t count,
                   size_t size)
{
    struct batch batch = batch_make(tree->kind, first, count, size);
    ok(qr_tree_append(tree, batch.entries, count, NULL));
    for (size_t i = 0; i < count; i++) {
        model_put(model, &batch.entries[i].key, first + i, size);
    }
    batch_free(&batch);
}

static void assert_appends(enum qr_tree_kind kind, uint32_t page_size)
{
    struct tree_db db;
    struct model model;
    uint64_t next = 1000;
    struct prng prng;
    prng_init(&prng, page_size + (uint64_t)kind);
    tree_db_open(&db, kind, page_size, UINT64_C(1024) * page_size);
    model_init(&model, kind);
    for (int i = 0; i < 40; i++) {
        size_t count = i % 7 == 6 ? 3 : 1 + prng_below(&prng, 200);
        /* Now and then values that go to overflow pages. */
        size_t size = i % 7 == 6 ? page_size : prng_below(&prng, 80);
        append(&db.tree, &model, next, count, size);
        next += count;
    }
    assert_tree_equals(&db.tree, &model);
    assert_tree_clean(&db.tree);
    tree_db_commit(&db);
    tree_db_begin(&db);
    assert_tree_equals(&db.tree, &model);
    model_free(&model);
    tree_db_close(&db);
}

Test(tree_append, many__make_the_tree_of_the_model)
{
    static const uint32_t sizes[] = {1024, 4096, 32768};
    for (size_t i = 0; i < 3; i++) {
        assert_appends(QR_TREE_ROWS, sizes[i]);
        assert_appends(QR_TREE_KEYS, sizes[i]);
    }
}

Test(tree_append, many__fill_their_pages)
{
    for (int kind = 0; kind < 2; kind++) {
        struct tree_db db;
        struct qr_tree_stats stats;
        tree_db_open(&db, (enum qr_tree_kind)kind, 4096, UINT64_C(4096) * 1024);
        struct batch batch = batch_make((enum qr_tree_kind)kind, 0, 20000, 40);
        ok(qr_tree_append(&db.tree, batch.entries, batch.count, NULL));
        ok(qr_tree_get_stats(&db.tree, &stats, NULL));
        uint64_t fill = 100 * stats.leaf_bytes / (stats.leaf_pages * 4096);
        cr_assert_gt(fill, 95, "%u %%", (unsigned)fill);
        cr_assert_eq(stats.entries, 20000);
        batch_free(&batch);
        tree_db_close(&db);
    }
}

Test(tree_append, disorder__is_refused_and_changes_nothing)
{
    for (int kind = 0; kind < 2; kind++) {
        struct tree_db db;
        struct model model;
        struct qr_tree_key key;
        quire_error err = QUIRE_ERROR_INIT;
        tree_db_open(&db, (enum qr_tree_kind)kind, 1024, 1 << 20);
        model_init(&model, (enum qr_tree_kind)kind);
        append(&db.tree, &model, 0, 300, 20);

        struct batch batch = batch_make((enum qr_tree_kind)kind, 300, 10, 20);
        key = batch.entries[7].key;
        batch.entries[7].key = batch.entries[6].key;
        cr_assert_eq(qr_tree_append(&db.tree, batch.entries, 10, &err), QUIRE_MISUSE);
        cr_assert_neq(err.message[0], '\0');
        batch.entries[7].key = key;
        struct batch below = batch_make((enum qr_tree_kind)kind, 299, 2, 20);
        cr_assert_eq(qr_tree_append(&db.tree, below.entries, 2, &err), QUIRE_UNIQUE);
        ok(qr_tree_append(&db.tree, below.entries, 0, &err));
        batch.entries[9].size = QR_PAYLOAD_MAX + 1;
        cr_assert_eq(qr_tree_append(&db.tree, batch.entries, 10, &err), QUIRE_LIMIT);

        assert_tree_equals(&db.tree, &model);
        cr_assert_not(qr_txn_doomed(db.txn));
        batch_free(&batch);
        batch_free(&below);
        model_free(&model);
        tree_db_close(&db);
    }
}

/* Puts with an edge, with every kind of change between them that could make it stale. */
Test(tree_append, edge__is_not_trusted_after_other_changes)
{
    for (int kind = 0; kind < 2; kind++) {
        struct tree_db db;
        struct model model;
        struct qr_tree_edge edge = {0, 0};
        struct prng prng;
        uint64_t next = 100000;
        prng_init(&prng, 17);
        tree_db_open(&db, (enum qr_tree_kind)kind, 1024, 1 << 20);
        model_init(&model, (enum qr_tree_kind)kind);
        struct qr_tree plain = db.tree;
        struct qr_tree quick = db.tree;
        quick.edge = &edge;
        for (int i = 0; i < 6000; i++) {
            uint64_t n = next++;
            uint64_t choice = prng_below(&prng, 20);
            const struct qr_tree *tree = &quick;
            if (choice == 0) {
                n = 100000 + prng_below(&prng, next - 100000);
            } else if (choice == 1) {
                n = next += 5;
                tree = &plain;
            } else if (choice == 2) {
                n = 99999 - (uint64_t)i;
            }
            struct batch batch = batch_make((enum qr_tree_kind)kind, n, 1, 1);
            if (choice > 2 && choice < 5 && model.count > 0) {
                size_t at = model.count - 1 - prng_below(&prng, model.count < 9 ? 1 : 9);
                struct qr_tree_key key = model_key(&model, at);
                both_delete(&quick, &model, &key);
            }
            both_put(tree, &model, &batch.entries[0].key, n, prng_below(&prng, 60));
            batch_free(&batch);
        }
        assert_tree_equals(&db.tree, &model);
        assert_tree_clean(&db.tree);
        model_free(&model);
        tree_db_close(&db);
    }
}
