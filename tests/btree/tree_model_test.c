/* Random operations on trees of both kinds, compared with a sorted array. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "tree_fixture.h"

/* How a key of number n looks. */
enum key_shape { SHAPE_SHORT, SHAPE_LONG_PREFIX, SHAPE_NESTED, SHAPE_LARGE, SHAPE_COUNT };

static struct qr_tree_key make_key(enum qr_tree_kind kind, enum key_shape shape, uint64_t n,
                                   uint32_t page_size, uint8_t *buffer)
{
    struct qr_tree_key key = {0, buffer, 0};
    if (kind == QR_TREE_ROWS) {
        /* Dense around zero, sparse beyond; the ends of the range too. */
        key.rowid = n == 0   ? INT64_MIN
                    : n == 1 ? INT64_MAX
                    : n % 2  ? (int64_t)(n * UINT64_C(0x9E3779B97F4A7C15))
                             : (int64_t)n - 1500;
        return key;
    }
    size_t size = 0;
    switch (shape) {
    case SHAPE_SHORT: /* 0 to 2 bytes, and zero bytes at the end */
        while (n > 0) {
            buffer[size++] = (uint8_t)(n % 5 == 0 ? 0 : n);
            n /= 41;
        }
        break;
    case SHAPE_LONG_PREFIX:
        size = (size_t)page_size / 4 - 32 - (n % 7);
        memset(buffer, 'p', size);
        qr_store64_be(buffer + size - 12, n);
        break;
    case SHAPE_NESTED: /* keys that are prefixes of each other, across several stems */
        size = (size_t)(n % 23);
        memset(buffer, 0, size + 2);
        buffer[0] = (uint8_t)(n / 23);
        buffer[1] = (uint8_t)(n / 23 / 256);
        size += 2;
        break;
    case SHAPE_LARGE: /* random sizes up to the limit */
    case SHAPE_COUNT:
        payload_fill(buffer, 16, n);
        size = 8 + (n * 37) % ((size_t)page_size / 4 - 39);
        memset(buffer + 8, (int)(n % 3), size - 8);
        break;
    }
    key.size = size;
    return key;
}

static size_t random_size(struct prng *prng, uint32_t page_size)
{
    switch (prng_below(prng, 20)) {
    case 0:
        return (size_t)prng_below(prng, 3 * (uint64_t)page_size);
    case 1:
        return (size_t)prng_below(prng, page_size / 2);
    case 2:
        return 0;
    default:
        return (size_t)prng_below(prng, 60);
    }
}

struct run {
    enum qr_tree_kind kind;
    enum key_shape shape;
    uint32_t page_size;
    unsigned operations;
    bool repacks; /* a step of repacking now and then */
};

static void random_step(struct tree_db *db, struct model *model, struct prng *prng,
                        const struct run *run, unsigned delete_percent)
{
    uint8_t buffer[MODEL_KEY_MAX];
    struct qr_tree_key key =
        make_key(run->kind, run->shape, prng_below(prng, 3000), run->page_size, buffer);
    if (prng_below(prng, 100) < delete_percent) {
        both_delete(&db->tree, model, &key);
    } else {
        both_put(&db->tree, model, &key, prng_next(prng), random_size(prng, run->page_size));
    }
}

/* Goes on with a repacking that began some operations ago. */
static void repack_some(const struct qr_tree *tree, struct qr_tree_repack *repack,
                        struct prng *prng)
{
    bool done;
    cr_assert_eq(qr_tree_repack(tree, 1 + (uint32_t)prng_below(prng, 8), repack, &done, NULL),
                 QUIRE_OK);
    if (done) {
        *repack = (struct qr_tree_repack){.looked = 0};
    }
}

static void run_random(const struct run *run)
{
    struct qr_tree_repack repack = {.looked = 0};
    uint64_t emptied = 0;
    struct tree_db db;
    struct model model;
    struct prng prng;
    prng_init(&prng, 1 + run->page_size + (uint64_t)run->shape * 7 + (uint64_t)run->kind);
    tree_db_open(&db, run->kind, run->page_size, UINT64_C(64) * run->page_size);
    model_init(&model, run->kind);
    for (unsigned i = 0; i < run->operations; i++) {
        /* Waves: growing, steady, shrinking. */
        unsigned delete_percent = (i / 2000) % 3 == 0 ? 10 : (i / 2000) % 3 == 1 ? 50 : 90;
        random_step(&db, &model, &prng, run, delete_percent);
        if (run->repacks && prng_one_in(&prng, 30)) {
            uint64_t before = repack.emptied;
            repack_some(&db.tree, &repack, &prng);
            emptied += repack.emptied > before ? repack.emptied - before : 0;
        }
        if (i % 500 == 499) {
            assert_tree_clean(&db.tree);
        }
        if (i % 2000 == 1999) {
            assert_tree_equals(&db.tree, &model);
            tree_db_commit(&db);
            struct qr_tree snapshot = tree_db_snapshot(&db);
            assert_tree_equals(&snapshot, &model);
            qr_snapshot_close(snapshot.view);
            tree_db_begin(&db);
        }
    }
    cr_assert_eq(emptied > 0, run->repacks);
    while (model.count > 0) {
        struct qr_tree_key key = model_key(&model, prng_below(&prng, model.count));
        uint8_t buffer[MODEL_KEY_MAX];
        if (key.size != 0) {
            memcpy(buffer, key.bytes, key.size);
        }
        key.bytes = buffer;
        both_delete(&db.tree, &model, &key);
    }
    cr_assert_eq(assert_tree_clean(&db.tree), 1, "an empty tree is its root alone");
    model_free(&model);
    tree_db_close(&db);
}

Test(tree_model, rows__equal_the_model_at_1024)
{
    run_random(&(struct run){QR_TREE_ROWS, SHAPE_SHORT, 1024, 12000, false});
}

Test(tree_model, rows__equal_the_model_at_4096)
{
    run_random(&(struct run){QR_TREE_ROWS, SHAPE_SHORT, 4096, 12000, false});
}

Test(tree_model, rows__equal_the_model_at_32768)
{
    run_random(&(struct run){QR_TREE_ROWS, SHAPE_SHORT, 32768, 6000, false});
}

Test(tree_model, keys__equal_the_model_at_1024)
{
    for (unsigned shape = 0; shape < SHAPE_COUNT; shape++) {
        run_random(&(struct run){QR_TREE_KEYS, (enum key_shape)shape, 1024, 6000, false});
    }
}

Test(tree_model, keys__equal_the_model_at_4096)
{
    for (unsigned shape = 0; shape < SHAPE_COUNT; shape++) {
        run_random(&(struct run){QR_TREE_KEYS, (enum key_shape)shape, 4096, 6000, false});
    }
}

Test(tree_model, keys__equal_the_model_at_32768)
{
    for (unsigned shape = 0; shape < SHAPE_COUNT; shape++) {
        run_random(&(struct run){QR_TREE_KEYS, (enum key_shape)shape, 32768, 4000, false});
    }
}

Test(tree_model, rows__equal_the_model_while_they_are_repacked)
{
    run_random(&(struct run){QR_TREE_ROWS, SHAPE_SHORT, 1024, 12000, true});
    run_random(&(struct run){QR_TREE_ROWS, SHAPE_SHORT, 4096, 12000, true});
}

Test(tree_model, keys__equal_the_model_while_they_are_repacked)
{
    for (unsigned shape = SHAPE_LONG_PREFIX; shape < SHAPE_COUNT; shape++) {
        run_random(&(struct run){QR_TREE_KEYS, (enum key_shape)shape, 1024, 6000, true});
    }
    run_random(&(struct run){QR_TREE_KEYS, SHAPE_LARGE, 4096, 6000, true});
}
