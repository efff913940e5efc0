/* The hash index by itself: growth, duplicates, long keys, damage. */
#include "base/hash.h"
#include "engine/index_hash.h"

#include <stdlib.h>
#include <string.h>

#include "engine_fixture.h"
#include "support/prng.h"

#define HASH_ID 900U

struct fixture {
    quire_db *db;
    quire_txn *txn;
    struct qr_hash hash;
};

static void open_hash(struct fixture *fixture, uint32_t page_size)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_object object = {.id = HASH_ID};
    fixture->db = memory_db(page_size);
    fixture->txn = begin_write(fixture->db);
    memcpy(object.hash_key, "sixteen byte key", 16);
    OK(qr_hash_make(fixture->txn->txn, HASH_ID, &object.root, &err));
    fixture->hash = qr_hash_of(fixture->txn, &object);
}

static void close_hash(struct fixture *fixture)
{
    quire_rollback(fixture->txn);
    close_db(fixture->db);
}

/* A key that spells a number, padded to a size. */
struct spelled {
    uint8_t bytes[256];
    struct qr_hash_key key;
};

static struct qr_hash_key *spell(struct spelled *spelled, uint64_t number, uint32_t size)
{
    memset(spelled->bytes, '.', sizeof spelled->bytes);
    memcpy(spelled->bytes, &number, sizeof number);
    spelled->key = (struct qr_hash_key){.bytes = spelled->bytes, .size = size};
    return &spelled->key;
}

struct shape {
    uint32_t directories, buckets, cells, postings;
    uint32_t longest_chain, chain;
    uint32_t last_bucket;
    bool misplaced;
};

static bool shape_page(void *context, uint32_t page_number, uint8_t type)
{
    struct shape *shape = context;
    (void)page_number;
    if (type == QR_PAGE_TYPE_HASH_DIRECTORY) {
        shape->directories++;
    } else {
        shape->buckets++;
    }
    return true;
}

static quire_status shape_cell(void *context, const struct qr_hash_cell *cell, quire_error *err)
{
    struct shape *shape = context;
    (void)err;
    shape->cells++;
    shape->postings += cell->is_posting;
    return QUIRE_OK;
}

static struct shape shape_of(const struct qr_hash *hash)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct shape shape = {.directories = 0};
    OK(qr_hash_walk(hash, shape_page, shape_cell, &shape, &err));
    return shape;
}

static size_t rowids_of(const struct qr_hash *hash, const struct qr_hash_key *key, bool reverse,
                        int64_t *out, size_t room)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_hash_match match;
    struct qr_hash_rowids rowids;
    size_t count = 0;
    bool valid = true;
    OK(qr_hash_find(hash, key, &match, &err));
    OK(qr_hash_rowids_open(&rowids, hash, &match, reverse, &err));
    while (true) {
        int64_t rowid;
        OK(qr_hash_rowids_next(&rowids, &rowid, &valid, &err));
        if (!valid) {
            break;
        }
        if (count < room) {
            out[count] = rowid;
        }
        count++;
    }
    qr_hash_rowids_close(&rowids);
    return count;
}

static uint64_t entries_of(const struct qr_hash *hash)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t entries;
    OK(qr_hash_count(hash, &entries, &err));
    return entries;
}

Test(hash, growth__splits_one_bucket_at_a_time_through_every_depth)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct fixture fixture;
    struct spelled spelled;
    const struct qr_hash *hash = &fixture.hash;
    uint64_t count = 30000; /* over 128 * 40 entries: the directory gains a level */
    open_hash(&fixture, 1024);
    uint64_t changes_max = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t before = qr_view_changes(hash->view);
        OK(qr_hash_insert(hash, spell(&spelled, i, 12), (int64_t)i, &err));
        uint64_t changes = qr_view_changes(hash->view) - before;
        changes_max = changes > changes_max ? changes : changes_max;
    }
    cr_assert_leq(changes_max, 600, "one insertion changed pages %llu times",
                  (unsigned long long)changes_max);
    cr_assert_eq(entries_of(hash), count);
    struct shape shape = shape_of(hash);
    cr_assert_eq(shape.cells, count);
    cr_assert_gt(shape.directories, 5);
    cr_assert_leq(shape.buckets, count / 20);
    for (uint64_t i = 0; i < count; i++) {
        int64_t rowid = -1;
        cr_assert_eq(rowids_of(hash, spell(&spelled, i, 12), false, &rowid, 1), 1);
        cr_assert_eq(rowid, (int64_t)i);
    }
    cr_assert_eq(rowids_of(hash, spell(&spelled, count, 12), false, NULL, 0), 0);
    cr_assert_eq(rowids_of(hash, spell(&spelled, 1, 13), false, NULL, 0), 0);
    for (uint64_t i = 0; i < count; i++) {
        OK(qr_hash_delete(hash, spell(&spelled, i, 12), (int64_t)i, &err));
    }
    cr_assert_eq(entries_of(hash), 0);
    cr_assert_eq(shape_of(hash).cells, 0);
    OK(qr_hash_insert(hash, spell(&spelled, 5, 12), 5, &err));
    cr_assert_eq(rowids_of(hash, spell(&spelled, 5, 12), false, NULL, 0), 1);
    OK(qr_hash_discard(hash, &err));
    close_hash(&fixture);
}

/* Deletes what remains of `count` keys but every `keep`-th, at random. */
static void thin_out(const struct qr_hash *hash, uint64_t count, uint64_t keep)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct spelled spelled;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key = i * 7919 % count;
        if (key % keep != 0) {
            OK(qr_hash_delete(hash, spell(&spelled, key, 12), (int64_t)key, &err));
        }
    }
}

Test(hash, deletions__merge_one_bucket_at_a_time_through_every_depth)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct fixture fixture;
    struct spelled spelled;
    const struct qr_hash *hash = &fixture.hash;
    uint64_t count = 30000;
    open_hash(&fixture, 1024);
    for (uint64_t i = 0; i < count / 10; i++) {
        OK(qr_hash_insert(hash, spell(&spelled, i * 10, 12), (int64_t)i * 10, &err));
    }
    struct shape compact = shape_of(hash);
    for (uint64_t i = 0; i < count; i++) {
        if (i % 10 != 0) {
            OK(qr_hash_insert(hash, spell(&spelled, i, 12), (int64_t)i, &err));
        }
    }
    struct shape full = shape_of(hash);
    thin_out(hash, count, 10);
    struct shape thin = shape_of(hash);
    cr_assert_gt(full.directories, compact.directories);
    cr_assert_leq(thin.buckets, 2 * compact.buckets, "%u bucket pages, compact %u", thin.buckets,
                  compact.buckets);
    cr_assert_lt(thin.directories, full.directories);
    cr_assert_eq(thin.cells, count / 10);
    for (uint64_t i = 0; i < count; i++) {
        cr_assert_eq(rowids_of(hash, spell(&spelled, i, 12), false, NULL, 0), i % 10 == 0);
    }
    uint32_t pages = qr_view_page_count(hash->view);
    for (uint64_t i = 0; i < count; i += 10) {
        OK(qr_hash_delete(hash, spell(&spelled, i, 12), (int64_t)i, &err));
    }
    thin = shape_of(hash);
    cr_assert_eq(thin.directories + thin.buckets, 2);
    /* Every page that it had is free again, so that it grows without new ones. */
    for (uint64_t i = 0; i < count; i++) {
        OK(qr_hash_insert(hash, spell(&spelled, i, 12), (int64_t)i, &err));
    }
    cr_assert_eq(qr_view_page_count(hash->view), pages);
    close_hash(&fixture);
}

Test(hash, load_between_growth_and_merging__changes_no_bucket)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct fixture fixture;
    struct spelled spelled;
    const struct qr_hash *hash = &fixture.hash;
    open_hash(&fixture, 1024);
    for (uint64_t i = 0; i < 2000; i++) {
        OK(qr_hash_insert(hash, spell(&spelled, i, 12), (int64_t)i, &err));
    }
    uint32_t directories = shape_of(hash).directories;
    uint32_t pages = qr_view_page_count(hash->view);
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < 800; i++) {
            OK(qr_hash_delete(hash, spell(&spelled, i, 12), (int64_t)i, &err));
        }
        for (uint64_t i = 0; i < 800; i++) {
            OK(qr_hash_insert(hash, spell(&spelled, i, 12), (int64_t)i, &err));
        }
    }
    cr_assert_eq(shape_of(hash).directories, directories);
    cr_assert_leq(qr_view_page_count(hash->view), pages + 2);
    close_hash(&fixture);
}

Test(hash, key_that_has_become_rare__gives_its_tree_back)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct fixture fixture;
    struct spelled spelled;
    const struct qr_hash *hash = &fixture.hash;
    int64_t rowids[QR_HASH_INLINE_MAX];
    open_hash(&fixture, 1024);
    const struct qr_hash_key *key = spell(&spelled, 7, 12);
    for (int64_t i = 0; i < 500; i++) {
        OK(qr_hash_insert(hash, key, i, &err));
    }
    cr_assert_eq(shape_of(hash).postings, 1);
    for (int64_t i = 0; i < 488; i++) {
        cr_assert_eq(shape_of(hash).postings, 1);
        OK(qr_hash_delete(hash, key, i, &err));
    }
    struct shape shape = shape_of(hash);
    cr_assert_eq(shape.postings, 0);
    cr_assert_eq(shape.cells, 12);
    cr_assert_eq(entries_of(hash), 12);
    cr_assert_eq(rowids_of(hash, key, false, rowids, QR_HASH_INLINE_MAX), 12);
    for (int64_t i = 0; i < 12; i++) {
        cr_assert_eq(rowids[i], 488 + i);
        OK(qr_hash_delete(hash, key, 488 + i, &err));
    }
    cr_assert_eq(entries_of(hash), 0);
    close_hash(&fixture);
}

Test(hash, duplicates__move_to_a_tree_and_stay_cheap)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct fixture fixture;
    struct spelled spelled;
    const struct qr_hash *hash = &fixture.hash;
    int64_t count = 100000;
    open_hash(&fixture, 0);
    const struct qr_hash_key *key = spell(&spelled, 7, 12);
    uint64_t before = qr_view_changes(hash->view);
    for (int64_t i = 0; i < count; i++) {
        /* Scattered, so that the tree sees no append order. */
        OK(qr_hash_insert(hash, key, (i * 7919) % count, &err));
        if (i == QR_HASH_INLINE_MAX - 1) {
            cr_assert_eq(shape_of(hash).postings, 0);
        }
    }
    cr_assert_leq(qr_view_changes(hash->view) - before, (uint64_t)count * 12);
    struct shape shape = shape_of(hash);
    cr_assert_eq(shape.cells, 1);
    cr_assert_eq(shape.postings, 1);
    cr_assert_eq(shape.buckets, 1);
    cr_assert_eq(entries_of(hash), (uint64_t)count);
    int64_t *rowids = malloc((size_t)count * sizeof *rowids);
    for (int reverse = 0; reverse < 2; reverse++) {
        cr_assert_eq(rowids_of(hash, key, reverse, rowids, (size_t)count), (size_t)count);
        for (int64_t i = 0; i < count; i++) {
            cr_assert_eq(rowids[i], reverse ? count - 1 - i : i);
        }
    }
    free(rowids);
    for (int64_t i = 0; i < count; i++) {
        OK(qr_hash_delete(hash, key, (i * 104729) % count, &err));
    }
    cr_assert_eq(shape_of(hash).cells, 0);
    cr_assert_eq(entries_of(hash), 0);
    FAILS(CORRUPT, qr_hash_delete(hash, key, 5, &err));
    close_hash(&fixture);
}

static void churn(uint32_t page_size, uint64_t seed)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct fixture fixture;
    struct spelled spelled;
    struct prng prng;
    const struct qr_hash *hash = &fixture.hash;
    uint32_t longest = (uint32_t)qr_index_key_max(page_size);
    bool present[3000] = {false};
    uint64_t live = 0;
    open_hash(&fixture, page_size);
    prng_init(&prng, seed);
    longest = longest < sizeof spelled.bytes ? longest : sizeof spelled.bytes;
    for (int step = 0; step < 20000; step++) {
        uint64_t n = prng_below(&prng, 3000);
        uint32_t size = 8 + (uint32_t)(n * 2654435761U % (longest - 7));
        const struct qr_hash_key *key = spell(&spelled, n, size);
        if (present[n]) {
            OK(qr_hash_delete(hash, key, (int64_t)n, &err));
        } else {
            OK(qr_hash_insert(hash, key, (int64_t)n, &err));
        }
        present[n] = !present[n];
        live += present[n] ? 1 : UINT64_MAX;
        cr_assert_eq(rowids_of(hash, key, false, NULL, 0), present[n]);
    }
    cr_assert_eq(entries_of(hash), live);
    cr_assert_eq(shape_of(hash).cells, live);
    close_hash(&fixture);
}

Test(hash, keys__of_all_sizes_fill_and_empty_pages)
{
    for (uint32_t page_size = 1024; page_size <= 32768; page_size *= 2) {
        churn(page_size, page_size);
    }
}

Test(hash, cut_keys__are_other_keys_than_whole_ones)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct fixture fixture;
    struct spelled spelled;
    open_hash(&fixture, 1024);
    struct qr_hash_key whole = *spell(&spelled, 3, 20);
    struct qr_hash_key cut = whole;
    cut.is_cut = true;
    OK(qr_hash_insert(&fixture.hash, &whole, 1, &err));
    OK(qr_hash_insert(&fixture.hash, &cut, 2, &err));
    int64_t rowid;
    cr_assert_eq(rowids_of(&fixture.hash, &cut, false, &rowid, 1), 1);
    cr_assert_eq(rowid, 2);
    OK(qr_hash_delete(&fixture.hash, &whole, 1, &err));
    cr_assert_eq(rowids_of(&fixture.hash, &whole, false, &rowid, 1), 0);
    cr_assert_eq(rowids_of(&fixture.hash, &cut, false, &rowid, 1), 1);
    close_hash(&fixture);
}

/* Damage may give CORRUPT or a wrong answer, never a read outside of pages (sanitizers watch). */
Test(hash, damage__is_noticed_or_harmless)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct prng prng;
    prng_init(&prng, 22);
    int corrupt = 0;
    for (int round = 0; round < 150; round++) {
        struct fixture fixture;
        struct spelled spelled;
        open_hash(&fixture, 1024);
        for (uint64_t i = 0; i < 60; i++) {
            OK(qr_hash_insert(&fixture.hash, spell(&spelled, i % 40, 20), (int64_t)i, &err));
        }
        struct qr_view *view = fixture.hash.view;
        qr_view_enter(view);
        uint32_t pages = qr_view_page_count(view);
        for (int i = 0; i < 3; i++) {
            uint32_t number = fixture.hash.root + (uint32_t)prng_below(&prng, 2);
            uint8_t *page;
            cr_assert_lt(number, pages);
            OK(qr_txn_page_write(fixture.txn->txn, number, &page, &err));
            uint64_t at = prng_one_in(&prng, 2) ? prng_below(&prng, 280) : prng_below(&prng, 1024);
            at = at < QR_PAGE_TYPE ? at + QR_PAGE_TYPE : at;
            page[at] = (uint8_t)prng_next(&prng);
        }
        qr_view_leave(view);
        for (uint64_t i = 0; i < 60; i++) {
            struct qr_hash_match match;
            corrupt += qr_hash_find(&fixture.hash, spell(&spelled, i % 40, 20), &match, NULL) ==
                       QUIRE_CORRUPT;
            corrupt += qr_hash_insert(&fixture.hash, &spelled.key, (int64_t)i + 100, NULL) ==
                       QUIRE_CORRUPT;
            corrupt +=
                qr_hash_delete(&fixture.hash, &spelled.key, (int64_t)i, NULL) == QUIRE_CORRUPT;
        }
        struct shape shape = {.directories = 0};
        corrupt +=
            qr_hash_walk(&fixture.hash, shape_page, shape_cell, &shape, NULL) == QUIRE_CORRUPT;
        close_hash(&fixture);
    }
    cr_assert_gt(corrupt, 0);
}

Test(btree_index, duplicates__stay_cheap)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    OK(add_index(txn, "users", "b", QUIRE_INDEX_BTREE, false, "name", NULL, &err));
    OK(add_index(txn, "users", "h", QUIRE_INDEX_HASH, false, "name", NULL, &err));
    quire_table *users;
    OK(quire_table_open(txn, "users", &users, &err));
    int64_t count = 100000;
    uint64_t before = qr_view_changes(qr_txn_pages(txn));
    for (int64_t i = 0; i < count; i++) {
        (void)add_user(users, "everybody", i);
    }
    cr_assert_leq(qr_view_changes(qr_txn_pages(txn)) - before, (uint64_t)count * 30);
    quire_value name = quire_text("everybody");
    quire_index_range range = {.prefix = &name, .prefix_count = 1};
    for (uint32_t index = 0; index < 2; index++) {
        cr_assert_eq(scan(users, index, &range, NULL, 0), (size_t)count);
    }
    before = qr_view_changes(qr_txn_pages(txn));
    for (int64_t i = 1; i <= count; i += 2) {
        OK(quire_table_delete(users, i, NULL, &err));
    }
    cr_assert_leq(qr_view_changes(qr_txn_pages(txn)) - before, (uint64_t)count * 15);
    for (uint32_t index = 0; index < 2; index++) {
        cr_assert_eq(scan(users, index, &range, NULL, 0), (size_t)count / 2);
    }
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

/* Inserts keys whose hashes under the zero secret all end in the same eight bits, if so chosen;
 * returns the pages that were touched for it. */
static uint64_t touches_of(const char *secret, bool chosen)
{
    static const uint8_t known[16];
    enum { KEYS = 10000 };
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn_stats stats = {.size = sizeof stats};
    struct fixture fixture;
    struct spelled spelled;
    uint64_t number = 0;
    open_hash(&fixture, 4096);
    memcpy(fixture.hash.secret, secret, 16);
    for (int64_t i = 0; i < KEYS; i++) {
        do {
            spell(&spelled, number++, 16);
        } while (chosen && (qr_siphash13(known, spelled.bytes, 16) & 0xFF) != 0);
        OK(qr_hash_insert(&fixture.hash, &spelled.key, i, &err));
    }
    OK(quire_txn_get_stats(fixture.txn, &stats, &err));
    close_hash(&fixture);
    return stats.page_visits;
}

Test(hash, keys_chosen_to_collide__need_the_secret)
{
    static const char zero[16];
    uint64_t usual = touches_of("sixteen byte key", false);
    cr_expect_gt(touches_of(zero, true), 4 * usual, "the keys do not collide");
    cr_expect_leq(touches_of("sixteen byte key", true), usual + usual / 10);
}
