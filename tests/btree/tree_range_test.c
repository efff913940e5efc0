/* Deleting ranges: against a model, in both kinds of tree, and what becomes of the pages. */
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

/* Puts entries 0, 3, 6, ... below `end`; every `large`-th has a payload on overflow pages. */
static void fill(const struct qr_tree *tree, struct model *model, uint64_t end, uint64_t large)
{
    char buffer[32];
    for (uint64_t n = 0; n < end; n += 3) {
        struct qr_tree_key key = numbered(tree->kind, n, buffer);
        size_t size = n % large == 0 ? 5000 : 10 + n % 50;
        both_put(tree, model, &key, n, size);
    }
}

static void model_delete_range(struct model *model, const struct qr_tree_key *from,
                               const struct qr_tree_key *to, uint64_t *deleted)
{
    bool exact;
    size_t begin = from == NULL ? 0 : model_search(model, from, &exact);
    size_t end = to == NULL ? model->count : model_search(model, to, &exact);
    *deleted = begin < end ? end - begin : 0;
    for (size_t i = 0; i < *deleted; i++) {
        struct model_entry *entry = &model->entries[begin + i];
        free(entry->key);
    }
    if (begin < end) {
        memmove(&model->entries[begin], &model->entries[end],
                (model->count - end) * sizeof *model->entries);
        model->count -= end - begin;
    }
}

static void both_delete_range(const struct qr_tree *tree, struct model *model,
                              const struct qr_tree_key *from, const struct qr_tree_key *to)
{
    uint64_t expected;
    uint64_t deleted;
    model_delete_range(model, from, to, &expected);
    ok(qr_tree_delete_range(tree, from, to, &deleted, NULL));
    cr_assert_eq(deleted, expected);
}

static void assert_ranges(enum qr_tree_kind kind, uint32_t page_size, uint64_t seed)
{
    const uint64_t end = 9000;
    struct tree_db db;
    struct model model;
    struct prng prng;
    prng_init(&prng, seed);
    tree_db_open(&db, kind, page_size, UINT64_C(4096) * page_size);
    model_init(&model, kind);
    for (int round = 0; round < 12; round++) {
        char first[32];
        char last[32];
        fill(&db.tree, &model, end, 301);
        for (int i = 0; i < 6; i++) {
            uint64_t length =
                prng_one_in(&prng, 3) ? prng_below(&prng, 30) : prng_below(&prng, end / 2);
            uint64_t begin = prng_below(&prng, end);
            struct qr_tree_key from = numbered(kind, begin, first);
            struct qr_tree_key to = numbered(kind, begin + length, last);
            both_delete_range(&db.tree, &model, prng_one_in(&prng, 8) ? NULL : &from,
                              prng_one_in(&prng, 8) ? NULL : &to);
            assert_tree_clean(&db.tree);
        }
        assert_tree_equals(&db.tree, &model);
        if (round % 4 == 3) {
            tree_db_commit(&db);
            tree_db_begin(&db);
        }
    }
    model_free(&model);
    tree_db_close(&db);
}

Test(tree_range, ranges__match_the_model)
{
    for (uint64_t seed = 1; seed <= 2; seed++) {
        assert_ranges(QR_TREE_ROWS, 1024, seed);
        assert_ranges(QR_TREE_KEYS, 1024, seed);
        assert_ranges(QR_TREE_KEYS, 4096, seed);
    }
}

Test(tree_range, pages__are_given_back)
{
    for (int kind = 0; kind < 2; kind++) {
        struct tree_db db;
        struct model model;
        char first[32];
        char last[32];
        tree_db_open(&db, (enum qr_tree_kind)kind, 1024, 1 << 24);
        model_init(&model, (enum qr_tree_kind)kind);
        fill(&db.tree, &model, 60000, 1001);
        uint32_t before = assert_tree_clean(&db.tree);
        struct qr_tree_key from = numbered(db.tree.kind, 300, first);
        struct qr_tree_key to = numbered(db.tree.kind, 59700, last);
        both_delete_range(&db.tree, &model, &from, &to);
        uint32_t after = assert_tree_clean(&db.tree);
        cr_assert_gt(before, 1000);
        cr_assert_lt(after, before / 50, "%u pages of %u", after, before);
        both_delete_range(&db.tree, &model, NULL, NULL);
        cr_assert_eq(assert_tree_clean(&db.tree), 1);
        fill(&db.tree, &model, 3000, 1001);
        assert_tree_equals(&db.tree, &model);
        model_free(&model);
        tree_db_close(&db);
    }
}

Test(tree_range, empty_ranges__change_nothing)
{
    struct tree_db db;
    struct model model;
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t deleted = 7;
    tree_db_open(&db, QR_TREE_ROWS, 1024, 1 << 20);
    model_init(&model, QR_TREE_ROWS);
    struct qr_tree_key low = row_key(10);
    struct qr_tree_key high = row_key(20);
    both_delete_range(&db.tree, &model, &low, &high);
    fill(&db.tree, &model, 300, 1001);
    both_delete_range(&db.tree, &model, &high, &low);
    both_delete_range(&db.tree, &model, &low, &low);
    struct qr_tree_key between = row_key(11);
    both_delete_range(&db.tree, &model, &low, &between);
    assert_tree_equals(&db.tree, &model);
    tree_db_commit(&db);
    struct qr_tree snapshot = tree_db_snapshot(&db);
    cr_assert_eq(qr_tree_delete_range(&snapshot, &low, &high, &deleted, &err), QUIRE_READ_ONLY);
    qr_snapshot_close(snapshot.view);
    model_free(&model);
    tree_db_close(&db);
}

/* A snapshot goes on seeing what was deleted. */
Test(tree_range, snapshot__keeps_the_range)
{
    struct tree_db db;
    struct model model;
    uint64_t deleted;
    tree_db_open(&db, QR_TREE_ROWS, 1024, 1 << 22);
    model_init(&model, QR_TREE_ROWS);
    fill(&db.tree, &model, 9000, 500);
    tree_db_commit(&db);
    struct qr_tree snapshot = tree_db_snapshot(&db);
    tree_db_begin(&db);
    struct qr_tree_key from = row_key(100);
    struct qr_tree_key to = row_key(8900);
    ok(qr_tree_delete_range(&db.tree, &from, &to, &deleted, NULL));
    tree_db_commit(&db);
    assert_tree_equals(&snapshot, &model);
    qr_snapshot_close(snapshot.view);
    model_free(&model);
    tree_db_close(&db);
}
