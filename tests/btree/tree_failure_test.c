/* Memory and files that fail: a change that fails dooms its transaction, and the old state
 * stays. */
#include <criterion/criterion.h>
#include <errno.h>

#include "base/bytes.h"
#include "support/failing_allocator.h"
#include "support/faulty_layer.h"
#include "tree_fixture.h"

#define P 1024U

static void ok(quire_status status)
{
    cr_assert_eq(status, QUIRE_OK, "%s", quire_status_name(status));
}

static struct qr_tree_key numbered(enum qr_tree_kind kind, uint64_t n, uint8_t *buffer)
{
    struct qr_tree_key key = {(int64_t)n, buffer, 0};
    if (kind == QR_TREE_KEYS) {
        memset(buffer, 'x', 20);
        qr_store64_be(buffer + 20, n);
        key.size = 28 + n % 100;
        memset(buffer + 28, 'y', n % 100);
    }
    return key;
}

static size_t payload_size(uint64_t n)
{
    return n % 10 == 0 ? 3000 : n % 7 == 0 ? 500 : 60;
}

/* The committed state: every second entry. */
static void fill(struct tree_db *db, struct model *model, enum qr_tree_kind kind, uint64_t entries)
{
    uint8_t buffer[256];
    model_init(model, kind);
    tree_db_begin(db);
    ok(qr_tree_create(db->txn, kind, TREE_ID, 0, &db->tree, NULL));
    for (uint64_t n = 0; n < entries; n += 2) {
        struct qr_tree_key key = numbered(kind, n, buffer);
        both_put(&db->tree, model, &key, n, payload_size(n));
    }
    tree_db_commit(db);
}

/* Appends above everything, then deletes ranges, and fills and rewrites a reserved payload. */
static quire_status change_many(struct tree_db *db, uint64_t entries, quire_error *err)
{
    static uint8_t payload[3000];
    struct qr_tree_entry batch[100];
    uint8_t keys[100][256];
    uint8_t buffer[256];
    uint64_t deleted;
    bool found;
    for (uint64_t n = 0; n < 100; n++) {
        batch[n] = (struct qr_tree_entry){.key = numbered(db->tree.kind, entries + n, keys[n]),
                                          .payload = payload,
                                          .size = payload_size(n)};
    }
    QR_TRY(qr_tree_append(&db->tree, batch, 100, err));
    struct qr_tree_key key = numbered(db->tree.kind, entries + 100, buffer);
    QR_TRY(qr_tree_reserve(&db->tree, &key, 5 * sizeof payload, &found, err));
    QR_TRY(qr_tree_value_write(&db->tree, &key, 2 * sizeof payload, payload, sizeof payload, &found,
                               err));
    return qr_tree_delete_range(&db->tree, &batch[10].key, &key, &deleted, err);
}

/* A change of every sort, until one fails. */
static quire_status change(struct tree_db *db, uint64_t entries, quire_error *err)
{
    static uint8_t payload[3000];
    uint8_t buffer[256];
    bool existed;
    for (uint64_t n = 1; n < entries; n += 2) {
        struct qr_tree_key key = numbered(db->tree.kind, n, buffer);
        QR_TRY(
            qr_tree_put(&db->tree, &key, payload, payload_size(n), QR_PUT_INSERT, &existed, err));
    }
    for (uint64_t n = 0; n < entries; n += 4) {
        struct qr_tree_key key = numbered(db->tree.kind, n, buffer);
        QR_TRY(qr_tree_put(&db->tree, &key, payload, payload_size(n + 1), QR_PUT_REPLACE, &existed,
                           err));
    }
    QR_TRY(change_many(db, entries, err));
    for (uint64_t n = 0; n < entries; n++) {
        struct qr_tree_key key = numbered(db->tree.kind, n, buffer);
        QR_TRY(qr_tree_delete(&db->tree, &key, &existed, err));
    }
    return qr_tree_clear(&db->tree, err);
}

static void assert_old_state(struct tree_db *db, const struct model *model)
{
    tree_db_begin(db);
    assert_tree_clean(&db->tree);
    assert_tree_equals(&db->tree, model);
    qr_txn_rollback(db->txn);
    db->txn = NULL;
}

static void run_without_memory(enum qr_tree_kind kind)
{
    struct failing_allocator memory;
    struct faulty_layer *layer = faulty_layer_create();
    struct tree_db db;
    struct model model;
    const uint64_t entries = 120;
    failing_allocator_init(&memory);
    ok(tree_db_try_open(&db, kind, P, faulty_layer_files(layer), &memory.allocator, NULL));
    fill(&db, &model, kind, entries);
    quire_status status = QUIRE_NO_MEMORY;
    unsigned rounds = 0;
    for (uint64_t n = 0; status != QUIRE_OK; n++) {
        quire_error err = QUIRE_ERROR_INIT;
        tree_db_begin(&db);
        failing_allocator_arm(&memory, n, false);
        status = change(&db, entries, &err);
        failing_allocator_arm(&memory, FAILING_ALLOCATOR_NEVER, false);
        if (status != QUIRE_OK) {
            cr_assert_eq(status, QUIRE_NO_MEMORY);
            cr_assert_eq(err.status, QUIRE_NO_MEMORY);
            cr_assert(qr_txn_doomed(db.txn));
            cr_assert_eq(qr_txn_commit(db.txn, &err), QUIRE_TXN_DOOMED);
            rounds++;
        } else {
            qr_txn_rollback(db.txn);
        }
        db.txn = NULL;
        if (n < 20 || n % 10 == 0) {
            assert_old_state(&db, &model);
        }
    }
    cr_assert_gt(rounds, 10);
    assert_old_state(&db, &model);
    model_free(&model);
    tree_db_close(&db);
    cr_assert(failing_allocator_is_clean(&memory));
    faulty_layer_destroy(layer);
}

Test(tree_failure, rows_without_memory__doom_and_leave_the_old_state)
{
    run_without_memory(QR_TREE_ROWS);
}

Test(tree_failure, keys_without_memory__doom_and_leave_the_old_state)
{
    run_without_memory(QR_TREE_KEYS);
}

static quire_status read_some(const struct qr_tree *tree, quire_error *err)
{
    struct qr_tree_reader reader;
    struct qr_tree_cursor *cursor = NULL;
    struct qr_slice payload;
    uint8_t buffer[256];
    bool found;
    struct qr_tree_key key = numbered(tree->kind, 10, buffer);
    QR_TRY(qr_tree_reader_init(&reader, tree, err));
    quire_status status = qr_tree_find(&reader, &key, &payload, &found, err);
    qr_tree_reader_free(&reader);
    QR_TRY(status);
    QR_TRY(qr_tree_cursor_open(tree, &cursor, err));
    status = qr_tree_cursor_first(cursor, &found, err);
    while (status == QUIRE_OK && found) {
        QR_TRY_GOTO(status, qr_tree_cursor_payload(cursor, &payload, err), out);
        status = qr_tree_cursor_next(cursor, &found, err);
    }
out:
    qr_tree_cursor_close(cursor);
    return status;
}

Test(tree_failure, reading_without_memory__fails_and_leaks_nothing)
{
    struct failing_allocator memory;
    struct faulty_layer *layer = faulty_layer_create();
    struct tree_db db;
    struct model model;
    failing_allocator_init(&memory);
    ok(tree_db_try_open(&db, QR_TREE_KEYS, P, faulty_layer_files(layer), &memory.allocator, NULL));
    fill(&db, &model, QR_TREE_KEYS, 60);
    struct qr_tree snapshot = tree_db_snapshot(&db);
    quire_status status = QUIRE_NO_MEMORY;
    unsigned rounds = 0;
    for (uint64_t n = 0; status != QUIRE_OK; n++, rounds++) {
        failing_allocator_arm(&memory, n, false);
        status = read_some(&snapshot, NULL);
        failing_allocator_arm(&memory, FAILING_ALLOCATOR_NEVER, false);
        cr_assert(status == QUIRE_OK || status == QUIRE_NO_MEMORY);
    }
    cr_assert_gt(rounds, 3);
    assert_tree_equals(&snapshot, &model);
    qr_snapshot_close(snapshot.view);
    model_free(&model);
    tree_db_close(&db);
    cr_assert(failing_allocator_is_clean(&memory));
    faulty_layer_destroy(layer);
}

/* Reads fail one after the other, with a cache far smaller than the tree. */
static void run_failing_reads(enum qr_tree_kind kind)
{
    struct faulty_layer *layer = faulty_layer_create();
    struct tree_db db;
    struct model model;
    const uint64_t entries = 1200;
    unsigned failures = 0;
    ok(tree_db_try_open(&db, kind, P, faulty_layer_files(layer), qr_allocator_default(), NULL));
    fill(&db, &model, kind, entries);
    ok(qr_pager_checkpoint(db.pager, NULL));
    for (uint64_t n = 0; n < 40; n++) {
        quire_error err = QUIRE_ERROR_INIT;
        struct faulty_plan plan = {
            .kinds = FAULTY_SET(FAULTY_READ), .index = n * 7, .os_errno = EIO};
        tree_db_begin(&db);
        faulty_layer_fail(layer, &plan);
        quire_status status = change(&db, entries, &err);
        faulty_layer_heal(layer);
        if (status != QUIRE_OK) {
            cr_assert_eq(status, QUIRE_IO, "%s", err.message);
            cr_assert(qr_txn_doomed(db.txn));
            cr_assert_eq(qr_txn_commit(db.txn, &err), QUIRE_TXN_DOOMED);
            failures++;
        } else {
            qr_txn_rollback(db.txn);
        }
        db.txn = NULL;
        if (n % 8 == 0) {
            assert_old_state(&db, &model);
        }
    }
    cr_assert_gt(failures, 10);
    assert_old_state(&db, &model);
    model_free(&model);
    tree_db_close(&db);
    faulty_layer_destroy(layer);
}

Test(tree_failure, rows_over_failing_reads__doom_and_leave_the_old_state)
{
    run_failing_reads(QR_TREE_ROWS);
}

Test(tree_failure, keys_over_failing_reads__doom_and_leave_the_old_state)
{
    run_failing_reads(QR_TREE_KEYS);
}
