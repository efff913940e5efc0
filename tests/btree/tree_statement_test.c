/*
 * Statements: entries that one inserts without copies of their pages are taken
 * out again, among changes that did keep copies, under savepoints, and within
 * other statements.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "tree_fixture.h"

#define LEVELS 4U

/* What is open, outermost first, and what the tree held then. */
struct level {
    uint32_t id;
    bool statement;
    struct model before;
};

struct run {
    struct tree_db db;
    struct model model;
    struct prng prng;
    struct level levels[LEVELS];
    unsigned depth;
    int64_t next; /* rising keys */
};

static void copy_model(struct model *to, const struct model *from)
{
    model_init(to, from->kind);
    for (size_t i = 0; i < from->count; i++) {
        struct qr_tree_key key = model_key(from, i);
        model_put(to, &key, from->entries[i].seed, from->entries[i].size);
    }
}

static struct qr_tree_key key_of(const struct run *run, uint64_t n, uint8_t *buffer)
{
    if (run->model.kind == QR_TREE_ROWS) {
        return row_key((int64_t)n);
    }
    qr_store64_be(buffer, n);
    memset(buffer + 8, 'k', 40);
    return (struct qr_tree_key){0, buffer, 8 + n % 40};
}

static void change(struct run *run)
{
    uint8_t buffer[64];
    bool rising = prng_one_in(&run->prng, 3);
    uint64_t n = rising ? (uint64_t)run->next++ : prng_below(&run->prng, 600);
    struct qr_tree_key key = key_of(run, n, buffer);
    if (!rising && prng_one_in(&run->prng, 4)) {
        both_delete(&run->db.tree, &run->model, &key);
    } else {
        size_t size = (size_t)prng_below(&run->prng, prng_one_in(&run->prng, 12) ? 3000 : 50);
        both_put(&run->db.tree, &run->model, &key, prng_next(&run->prng), size);
    }
}

static void open_level(struct run *run)
{
    struct level *level = &run->levels[run->depth];
    bool inside = run->depth > 0 && level[-1].statement;
    level->statement = inside || prng_one_in(&run->prng, 2);
    copy_model(&level->before, &run->model);
    cr_assert_eq(level->statement ? qr_txn_statement(run->db.txn, &level->id, NULL)
                                  : qr_txn_savepoint(run->db.txn, &level->id, NULL),
                 QUIRE_OK);
    run->depth++;
}

/* Ends the levels from `at` on. */
static void forget(struct run *run, unsigned at)
{
    while (run->depth > at) {
        model_free(&run->levels[--run->depth].before);
    }
}

static void go_back(struct run *run, unsigned at)
{
    quire_error err = QUIRE_ERROR_INIT;
    const struct level *level = &run->levels[at];
    cr_assert_eq(qr_txn_rollback_to(run->db.txn, level->id, &err), QUIRE_OK, "%s", err.message);
    model_free(&run->model);
    copy_model(&run->model, &level->before);
    forget(run, at + 1);
    assert_tree_equals(&run->db.tree, &run->model);
    (void)assert_tree_clean(&run->db.tree);
}

static void step(struct run *run)
{
    uint64_t what = prng_below(&run->prng, 20);
    unsigned at = run->depth > 0 ? (unsigned)prng_below(&run->prng, run->depth) : 0;
    if (what < 3 && run->depth < LEVELS) {
        open_level(run);
    } else if (what == 3 && run->depth > 0) {
        go_back(run, at);
    } else if (what == 4 && run->depth > 0) {
        cr_assert_eq(qr_txn_release_savepoint(run->db.txn, run->levels[at].id, NULL), QUIRE_OK);
        forget(run, at);
    } else {
        change(run);
    }
}

static void run_statements(enum qr_tree_kind kind, uint64_t seed, uint64_t cache_bytes)
{
    struct run *run = calloc(1, sizeof *run);
    cr_assert_not_null(run);
    tree_db_open(&run->db, kind, 1024, cache_bytes);
    model_init(&run->model, kind);
    prng_init(&run->prng, seed);
    run->next = 1000;
    for (unsigned round = 0; round < 12; round++) {
        for (unsigned i = 0; i < 150; i++) {
            step(run);
        }
        forget(run, 0);
        assert_tree_equals(&run->db.tree, &run->model);
        tree_db_commit(&run->db);
        tree_db_begin(&run->db);
        (void)assert_tree_clean(&run->db.tree);
    }
    model_free(&run->model);
    tree_db_commit(&run->db);
    tree_db_close(&run->db);
    free(run);
}

Test(tree_statement, going_back__restores_rows)
{
    for (uint64_t seed = 1; seed <= 25; seed++) {
        run_statements(QR_TREE_ROWS, seed, seed % 2 == 0 ? 64 << 10 : 1 << 20);
    }
}

Test(tree_statement, going_back__restores_keys)
{
    for (uint64_t seed = 1; seed <= 25; seed++) {
        run_statements(QR_TREE_KEYS, seed, seed % 2 == 0 ? 64 << 10 : 1 << 20);
    }
}

/* More entries than notes have room for: the rest goes back by copies of pages. */
Test(tree_statement, many_inserts__go_back_too)
{
    struct tree_db db;
    struct model model;
    uint32_t id;
    tree_db_open(&db, QR_TREE_ROWS, 1024, 1 << 20);
    model_init(&model, QR_TREE_ROWS);
    struct qr_tree_key key = row_key(5);
    both_put(&db.tree, &model, &key, 1, 20);
    cr_assert_eq(qr_txn_statement(db.txn, &id, NULL), QUIRE_OK);
    for (int64_t i = 10; i < 5000; i++) {
        uint8_t bytes[8] = {0};
        bool existed;
        key = row_key(i * 7919 % 5003 + 6);
        cr_assert_eq(
            qr_tree_put(&db.tree, &key, bytes, sizeof bytes, QR_PUT_INSERT, &existed, NULL),
            QUIRE_OK);
    }
    cr_assert_eq(qr_txn_rollback_to(db.txn, id, NULL), QUIRE_OK);
    cr_assert_eq(qr_txn_release_savepoint(db.txn, id, NULL), QUIRE_OK);
    assert_tree_equals(&db.tree, &model);
    (void)assert_tree_clean(&db.tree);
    model_free(&model);
    tree_db_commit(&db);
    tree_db_close(&db);
}
