/* Payloads in pieces: reading and overwriting parts, and payloads reserved to be filled later. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tree_fixture.h"

static void ok(quire_status status)
{
    cr_assert_eq(status, QUIRE_OK, "%s", quire_status_name(status));
}

/* Sizes around every border between kinds of storage at pages of 1,024 bytes. */
static const size_t sizes[] = {0,   1,   100,  231,  232,  233,   500,    991,
                               992, 993, 1984, 1985, 5000, 63488, 123008, 500000};
#define SIZES (sizeof sizes / sizeof sizes[0])

static struct qr_tree_key key_of(enum qr_tree_kind kind, size_t i)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h",
                                        "i", "j", "k", "l", "m", "n", "o", "p"};
    return kind == QR_TREE_ROWS ? row_key((int64_t)i) : text_key(names[i]);
}

static void assert_part(const struct qr_tree *tree, const struct qr_tree_key *key,
                        const uint8_t *payload, size_t payload_size, uint64_t offset, size_t size)
{
    uint8_t *buffer = malloc(size + 1);
    size_t got;
    bool found;
    buffer[size] = 0xA5;
    ok(qr_tree_value_read(tree, key, offset, buffer, size, &got, &found, NULL));
    size_t rest = offset < payload_size ? payload_size - (size_t)offset : 0;
    cr_assert(found);
    cr_assert_eq(got, rest < size ? rest : size);
    cr_assert(got == 0 || memcmp(buffer, payload + offset, got) == 0);
    cr_assert_eq(buffer[size], 0xA5);
    free(buffer);
}

static void assert_pieces(enum qr_tree_kind kind)
{
    struct tree_db db;
    struct prng prng;
    uint8_t *payloads[SIZES];
    prng_init(&prng, 5);
    tree_db_open(&db, kind, 1024, 1 << 20);
    for (size_t i = 0; i < SIZES; i++) {
        struct qr_tree_key key = key_of(kind, i);
        bool existed;
        payloads[i] = calloc(1, sizes[i] + 1);
        ok(qr_tree_reserve(&db.tree, &key, sizes[i], &existed, NULL));
        cr_assert_not(existed);
        assert_part(&db.tree, &key, payloads[i], sizes[i], 0, sizes[i] + 10);
    }
    for (int round = 0; round < 400; round++) {
        size_t i = prng_below(&prng, SIZES);
        struct qr_tree_key key = key_of(kind, i);
        size_t offset = prng_below(&prng, sizes[i] + 1);
        size_t size = prng_below(&prng, sizes[i] - offset + 1);
        size = size > 3000 && prng_below(&prng, 4) != 0 ? size % 3000 : size;
        bool found;
        prng_fill(&prng, payloads[i] + offset, size);
        ok(qr_tree_value_write(&db.tree, &key, offset, payloads[i] + offset, size, &found, NULL));
        cr_assert(found);
        offset = prng_below(&prng, sizes[i] + 100);
        assert_part(&db.tree, &key, payloads[i], sizes[i], offset, prng_below(&prng, 5000));
        if (round % 100 == 99) {
            tree_db_commit(&db);
            tree_db_begin(&db);
        }
    }
    for (size_t i = 0; i < SIZES; i++) {
        struct qr_tree_key key = key_of(kind, i);
        uint64_t size;
        bool found;
        ok(qr_tree_value_size(&db.tree, &key, &size, &found, NULL));
        cr_assert(found);
        cr_assert_eq(size, sizes[i]);
        assert_part(&db.tree, &key, payloads[i], sizes[i], 0, sizes[i]);
        free(payloads[i]);
    }
    assert_tree_clean(&db.tree);
    tree_db_close(&db);
}

Test(tree_value, pieces__match_the_model)
{
    assert_pieces(QR_TREE_ROWS);
    assert_pieces(QR_TREE_KEYS);
}

/* Space in pieces, so that values are made of many short runs. */
Test(tree_value, pieces__are_found_in_scattered_values)
{
    struct tree_db db;
    uint8_t *payload = malloc(400000);
    bool existed;
    bool found;
    tree_db_open(&db, QR_TREE_ROWS, 1024, 1 << 22);
    for (int64_t i = 0; i < 2000; i++) {
        struct qr_tree_key key = row_key(i);
        ok(qr_tree_put(&db.tree, &key, payload, 900, QR_PUT_INSERT, &existed, NULL));
    }
    tree_db_commit(&db);
    tree_db_begin(&db);
    for (int64_t i = 0; i < 2000; i += 2) {
        struct qr_tree_key key = row_key(i);
        ok(qr_tree_delete(&db.tree, &key, &existed, NULL));
    }
    tree_db_commit(&db);
    tree_db_begin(&db);
    struct qr_tree_key key = row_key(5000);
    payload_fill(payload, 400000, 9);
    ok(qr_tree_reserve(&db.tree, &key, 400000, &existed, NULL));
    for (size_t at = 0; at < 400000; at += 7000) {
        size_t size = 400000 - at < 7000 ? 400000 - at : 7000;
        ok(qr_tree_value_write(&db.tree, &key, at, payload + at, size, &found, NULL));
    }
    for (size_t at = 0; at < 400000; at += 33333) {
        assert_part(&db.tree, &key, payload, 400000, at, 2500);
    }
    assert_part(&db.tree, &key, payload, 400000, 0, 400000);
    assert_tree_clean(&db.tree);
    free(payload);
    tree_db_close(&db);
}

Test(tree_value, calls__are_refused_outside_the_payload_and_in_snapshots)
{
    struct tree_db db;
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t size;
    size_t got;
    bool found;
    tree_db_open(&db, QR_TREE_ROWS, 1024, 1 << 20);
    struct qr_tree_key key = row_key(1);
    struct qr_tree_key missing = row_key(2);
    ok(qr_tree_reserve(&db.tree, &key, 5000, &found, NULL));
    cr_assert_eq(qr_tree_value_write(&db.tree, &key, 4999, "ab", 2, &found, &err), QUIRE_MISUSE);
    cr_assert_neq(err.message[0], '\0');
    cr_assert_eq(qr_tree_value_write(&db.tree, &key, UINT64_MAX, "ab", 2, &found, &err),
                 QUIRE_MISUSE);
    ok(qr_tree_value_write(&db.tree, &key, 5000, "", 0, &found, NULL));
    ok(qr_tree_value_write(&db.tree, &missing, 0, "ab", 2, &found, NULL));
    cr_assert_not(found);
    ok(qr_tree_value_size(&db.tree, &missing, &size, &found, NULL));
    cr_assert_not(found);
    ok(qr_tree_value_read(&db.tree, &missing, 0, &size, 8, &got, &found, NULL));
    cr_assert_not(found);
    cr_assert_eq(qr_tree_reserve(&db.tree, &key, QR_PAYLOAD_MAX + 1, &found, &err), QUIRE_LIMIT);
    cr_assert_not(qr_txn_doomed(db.txn));
    tree_db_commit(&db);
    struct qr_tree snapshot = tree_db_snapshot(&db);
    cr_assert_eq(qr_tree_value_write(&snapshot, &key, 0, "ab", 2, &found, &err), QUIRE_READ_ONLY);
    qr_snapshot_close(snapshot.view);
    tree_db_close(&db);
}
