/*
 * The ingest buffer: what it saves, by counters; who has none; that what waits is
 * as good as put - for reads, savepoints, failing statements and limits - and
 * what comes of failures while it is put.
 */
#include "engine_fixture.h"

#include <string.h>

#include "support/failing_allocator.h"
#include "support/faulty_layer.h"
#include "support/prng.h"

static quire_stats stats_of(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_stats stats = {.size = sizeof stats};
    OK(quire_get_stats(db, &stats, &err));
    return stats;
}

static quire_txn_stats txn_stats_of(const quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn_stats stats = {.size = sizeof stats};
    OK(quire_txn_get_stats(txn, &stats, &err));
    return stats;
}

static void check_reports(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    OK(quire_inspect_database_open(db, &report, &err));
    cr_assert_eq(quire_report_issue_count(report), 0, "%s", quire_report_summary(report));
    quire_report_free(report);
    OK(quire_inspect_indexes_open(db, NULL, &report, &err));
    cr_assert_eq(quire_report_issue_count(report), 0, "%s", quire_report_summary(report));
    quire_report_free(report);
}

/* ---- Costs ---- */

struct cost {
    uint64_t reads, writes, buffered;
};

/* Loads rows with a random number, indexed, through a cache of a fifth of the index. */
static struct cost load_indexed(uint64_t buffer)
{
    enum { LOADED = 80000 };
    static const quire_column columns[] = {{"n", QUIRE_INT, true}};
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    struct prng prng;
    quire_db *db;
    quire_table *table;
    prng_init(&prng, 1);
    options.cache_bytes = 512 << 10;
    options.ingest_buffer_bytes = buffer;
    options.checkpoint = quire_checkpoint_manual();
    OK(quire_open(":memory:", &options, &db, &err));
    quire_txn *txn = begin_write(db);
    OK(quire_table_create(txn, "t", columns, 1, &err));
    OK(add_index(txn, "t", "n", QUIRE_INDEX_BTREE, false, "n", NULL, &err));
    OK(quire_table_open(txn, "t", &table, &err));
    for (int i = 0; i < LOADED; i++) {
        quire_value value = quire_int((int64_t)(prng_next(&prng) >> 1));
        OK(quire_table_insert(table, NULL, &value, 1, &err));
    }
    uint64_t entries;
    OK(qr_table_index_entries(table, 0, &entries, &err));
    cr_assert_eq(entries, LOADED);
    quire_txn_stats seen = txn_stats_of(txn);
    quire_table_close(table);
    commit(txn);
    quire_stats stats = stats_of(db);
    check_reports(db);
    close_db(db);
    return (struct cost){.reads = seen.page_reads,
                         .writes = stats.spills + stats.pages_direct + stats.log_frames,
                         .buffered = seen.puts_buffered};
}

Test(ingest, random_index_larger_than_the_cache__costs_a_third_of_the_pages_at_most)
{
    struct cost without = load_indexed(QUIRE_INGEST_OFF);
    struct cost with = load_indexed(512 << 10);
    cr_assert_eq(without.buffered, 0);
    cr_assert_gt(with.buffered, 50000);
    cr_assert_gt(without.reads, 20000);
    cr_assert(3 * with.reads <= without.reads, "%llu reads, not %llu",
              (unsigned long long)with.reads, (unsigned long long)without.reads);
    cr_assert(3 * with.writes <= without.writes, "%llu writes, not %llu",
              (unsigned long long)with.writes, (unsigned long long)without.writes);
}

/* Puts random keys into a tree in one transaction; returns how often memory was asked for. */
static uint64_t count_allocations(uint64_t buffer, uint64_t cache, int puts, uint64_t *buffered)
{
    struct failing_allocator failing;
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    struct prng prng;
    quire_db *db;
    quire_tree *tree;
    char value[50] = {0};
    prng_init(&prng, 2);
    failing_allocator_init(&failing);
    failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
    options.allocator = &failing.allocator;
    options.cache_bytes = cache;
    options.ingest_buffer_bytes = buffer;
    options.checkpoint = quire_checkpoint_manual();
    OK(quire_open(":memory:", &options, &db, &err));
    quire_txn *txn = begin_write(db);
    OK(quire_tree_create(txn, "t", &err));
    OK(quire_tree_open(txn, "t", &tree, &err));
    uint64_t calls = failing.calls;
    for (int i = 0; i < puts; i++) {
        int64_t rowid = (int64_t)prng_next(&prng);
        OK(quire_tree_put(tree, rowid, value, sizeof value, NULL, &err));
    }
    calls = failing.calls - calls;
    *buffered = txn_stats_of(txn).puts_buffered;
    quire_tree_close(tree);
    commit(txn);
    OK(quire_close(db, &err));
    cr_assert(failing_allocator_is_clean(&failing));
    return calls;
}

Test(ingest, tree_in_memory_or_small_transaction__has_no_buffer)
{
    const uint64_t large = UINT64_C(64) << 20;
    uint64_t buffered;
    uint64_t off = count_allocations(QUIRE_INGEST_OFF, large, 30000, &buffered);
    cr_assert_eq(count_allocations(0, large, 30000, &buffered), off);
    cr_assert_eq(buffered, 0);
    off = count_allocations(QUIRE_INGEST_OFF, 256 << 10, 500, &buffered);
    cr_assert_eq(count_allocations(0, 256 << 10, 500, &buffered), off);
    cr_assert_eq(buffered, 0);
    (void)count_allocations(0, 256 << 10, 30000, &buffered);
    cr_assert_gt(buffered, 10000);
}

/* ---- A tree of which puts wait ---- */

enum { KEYS = 6000 };

struct filled {
    quire_db *db;
    quire_txn *txn;
    quire_keytree *tree;
    struct prng prng;
};

static quire_options small_options(void)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = 1024;
    options.cache_bytes = 80 << 10;
    options.checkpoint = quire_checkpoint_manual();
    options.ingest_buffer_bytes = 200000;
    return options;
}

static void put_key(quire_keytree *tree, uint32_t number, const char *value)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint8_t key[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                      (uint8_t)number};
    OK(quire_keytree_put(tree, key, sizeof key, value, strlen(value), NULL, &err));
}

static void expect_key(quire_keytree *tree, uint32_t number, const char *value)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint8_t key[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                      (uint8_t)number};
    const void *bytes;
    size_t size;
    bool found;
    OK(quire_keytree_get(tree, key, sizeof key, &bytes, &size, &found, &err));
    cr_assert_eq(found, value != NULL);
    if (found) {
        cr_assert(size == strlen(value) && memcmp(bytes, value, size) == 0);
    }
}

static void fill(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_keytree *tree;
    quire_txn *txn = begin_write(db);
    OK(quire_keytree_create(txn, "keys", &err));
    OK(quire_keytree_open(txn, "keys", &tree, &err));
    for (uint32_t i = 0; i < KEYS; i++) {
        put_key(tree, i, "a value that was there before");
    }
    quire_keytree_close(tree);
    commit(txn);
}

/* Rewrites random keys until puts wait. */
static void make_wait(struct filled *f)
{
    for (int i = 0; i < 4000 && txn_stats_of(f->txn).puts_buffered == 0; i++) {
        put_key(f->tree, (uint32_t)prng_below(&f->prng, KEYS), "a value that was there before");
    }
    cr_assert_gt(txn_stats_of(f->txn).puts_buffered, 0);
}

static void open_filled(struct filled *f)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = small_options();
    OK(quire_open(":memory:", &options, &f->db, &err));
    fill(f->db);
    prng_init(&f->prng, 3);
    f->txn = begin_write(f->db);
    OK(quire_keytree_open(f->txn, "keys", &f->tree, &err));
    make_wait(f);
}

static void close_filled(struct filled *f)
{
    quire_keytree_close(f->tree);
    commit(f->txn);
    check_reports(f->db);
    close_db(f->db);
}

Test(ingest, keys_put_again_while_they_wait__have_the_last_value)
{
    struct filled f;
    open_filled(&f);
    for (int i = 0; i < 3; i++) {
        put_key(f.tree, 7, i < 2 ? "first" : "last");
        put_key(f.tree, KEYS + 7, i < 2 ? "first" : "last");
    }
    uint64_t waited = txn_stats_of(f.txn).puts_buffered;
    cr_assert_geq(waited, 6);
    expect_key(f.tree, 7, "last");
    expect_key(f.tree, KEYS + 7, "last");
    close_filled(&f);
}

Test(ingest, rollback_to_savepoint__takes_back_what_was_put_since_and_no_more)
{
    quire_error err = QUIRE_ERROR_INIT;
    for (int put_between = 0; put_between < 2; put_between++) {
        struct filled f;
        uint64_t outer;
        uint64_t inner;
        open_filled(&f);
        put_key(f.tree, KEYS + 1, "before");
        OK(quire_savepoint(f.txn, &outer, &err));
        put_key(f.tree, KEYS + 2, "between");
        OK(quire_savepoint(f.txn, &inner, &err));
        put_key(f.tree, KEYS + 3, "after");
        uint64_t waited = txn_stats_of(f.txn).puts_buffered;
        cr_assert_geq(waited, 3);
        if (put_between != 0) {
            expect_key(f.tree, KEYS + 3, "after");
            cr_assert_eq(txn_stats_of(f.txn).buffer_runs, 1);
        }
        OK(quire_rollback_to(f.txn, inner, &err));
        expect_key(f.tree, KEYS + 1, "before");
        expect_key(f.tree, KEYS + 2, "between");
        expect_key(f.tree, KEYS + 3, NULL);
        OK(quire_rollback_to(f.txn, outer, &err));
        put_key(f.tree, KEYS + 4, "again");
        expect_key(f.tree, KEYS + 1, "before");
        expect_key(f.tree, KEYS + 2, NULL);
        expect_key(f.tree, KEYS + 4, "again");
        close_filled(&f);
    }
}

static quire_status see_row(void *context, size_t index, const void *payload, size_t size)
{
    struct filled *f = context;
    (void)index;
    cr_assert(size == 3 && memcmp(payload, "row", 3) == 0);
    cr_assert_eq(txn_stats_of(f->txn).buffer_runs, 1, "put before the visits begin");
    expect_key(f->tree, KEYS, "seen by a visitor of another tree");
    return QUIRE_OK;
}

Test(ingest, visitor__sees_what_waited_for_another_tree)
{
    quire_error err = QUIRE_ERROR_INIT;
    int64_t rowid = 1;
    quire_tree *rows;
    struct filled f;
    open_filled(&f);
    OK(quire_tree_create(f.txn, "rows", &err));
    OK(quire_tree_open(f.txn, "rows", &rows, &err));
    OK(quire_tree_insert(rows, rowid, "row", 3, &err));
    put_key(f.tree, KEYS, "seen by a visitor of another tree");
    cr_assert_eq(txn_stats_of(f.txn).buffer_runs, 0);
    OK(quire_tree_find_many(rows, &rowid, 1, see_row, &f, &err));
    quire_tree_close(rows);
    close_filled(&f);
}

Test(ingest, full_buffer__is_put_and_collects_on)
{
    struct filled f;
    open_filled(&f);
    for (int i = 0; i < 20000; i++) {
        put_key(f.tree, (uint32_t)prng_below(&f.prng, KEYS), "changed");
    }
    quire_txn_stats stats = txn_stats_of(f.txn);
    cr_assert_gt(stats.buffer_runs, 3);
    cr_assert_gt(stats.puts_buffered, 15000);
    close_filled(&f);
}

Test(ingest, buffer_that_reads_cut_short__is_given_up)
{
    struct filled f;
    open_filled(&f);
    uint64_t before = txn_stats_of(f.txn).puts_buffered;
    for (int i = 0; i < 2000; i++) {
        put_key(f.tree, (uint32_t)prng_below(&f.prng, KEYS), "changed");
        expect_key(f.tree, KEYS, NULL);
    }
    cr_assert_leq(txn_stats_of(f.txn).puts_buffered - before, 20);
    close_filled(&f);
}

Test(ingest, key_that_is_too_long__is_refused_at_once)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint8_t key[1024] = {0};
    struct filled f;
    open_filled(&f);
    FAILS(LIMIT, quire_keytree_put(f.tree, key, sizeof key, "", 0, NULL, &err));
    put_key(f.tree, KEYS, "the transaction goes on");
    expect_key(f.tree, KEYS, "the transaction goes on");
    close_filled(&f);
}

Test(ingest, set_ingest_buffer__switches_it_for_the_transaction)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct filled f;
    open_filled(&f);
    put_key(f.tree, KEYS, "waits");
    OK(quire_txn_set_ingest_buffer(f.txn, QUIRE_INGEST_OFF, &err));
    uint64_t waited = txn_stats_of(f.txn).puts_buffered;
    cr_assert_eq(txn_stats_of(f.txn).buffer_runs, 1);
    for (int i = 0; i < 2000; i++) {
        put_key(f.tree, (uint32_t)prng_below(&f.prng, KEYS), "straight");
    }
    cr_assert_eq(txn_stats_of(f.txn).puts_buffered, waited);
    OK(quire_txn_set_ingest_buffer(f.txn, 0, &err));
    for (int i = 0; i < 2000; i++) {
        put_key(f.tree, (uint32_t)prng_below(&f.prng, KEYS), "waits again");
    }
    cr_assert_gt(txn_stats_of(f.txn).puts_buffered, waited);
    expect_key(f.tree, KEYS, "waits");
    close_filled(&f);
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_read(db);
    FAILS(MISUSE, quire_txn_set_ingest_buffer(txn, 0, &err));
    FAILS(MISUSE, quire_txn_set_ingest_buffer(NULL, 0, &err));
    commit(txn);
    close_db(db);
}

Test(ingest, rollback__leaves_nothing_of_what_waits)
{
    struct filled f;
    open_filled(&f);
    put_key(f.tree, KEYS, "gone");
    quire_keytree_close(f.tree);
    quire_rollback(f.txn);
    quire_error err = QUIRE_ERROR_INIT;
    f.txn = begin_write(f.db);
    OK(quire_keytree_open(f.txn, "keys", &f.tree, &err));
    expect_key(f.tree, KEYS, NULL);
    close_filled(&f);
}

/* ---- Failures ---- */

Test(ingest, no_space_for_what_waits__fails_the_commit_whole)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = small_options();
    struct filled f;
    OK(quire_open(":memory:", &options, &f.db, &err));
    fill(f.db);
    void *image;
    size_t size;
    OK(quire_serialize(f.db, &image, &size, &err));
    close_db(f.db);
    options.pages_max = (uint32_t)(size / options.page_size) + 20;
    OK(quire_open_image(image, size, &options, &f.db, &err));
    quire_free(image);
    prng_init(&f.prng, 4);
    f.txn = begin_write(f.db);
    OK(quire_keytree_open(f.txn, "keys", &f.tree, &err));
    make_wait(&f);
    for (uint32_t i = 0; i < 2000; i++) {
        put_key(f.tree, KEYS + i, "for all of these there is no room");
    }
    cr_assert_geq(txn_stats_of(f.txn).puts_buffered, 2000);
    quire_keytree_close(f.tree);
    FAILS(NO_SPACE, quire_commit(f.txn, &err));
    f.txn = begin_write(f.db);
    OK(quire_keytree_open(f.txn, "keys", &f.tree, &err));
    uint64_t entries;
    OK(quire_keytree_count(f.tree, &entries, &err));
    cr_assert_eq(entries, KEYS);
    close_filled(&f);
}

#define TRY(call)                                                                                  \
    do {                                                                                           \
        status = (call);                                                                           \
        if (status != QUIRE_OK) {                                                                  \
            goto done;                                                                             \
        }                                                                                          \
    } while (0)

static quire_status put_some(quire_keytree *tree, struct prng *prng, int count, uint32_t from,
                             quire_error *err)
{
    for (int i = 0; i < count; i++) {
        uint32_t number = from + (uint32_t)prng_below(prng, KEYS - from);
        uint8_t key[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                          (uint8_t)number};
        quire_status status = quire_keytree_put(tree, key, sizeof key, "changed", 7, NULL, err);
        if (status != QUIRE_OK) {
            return status;
        }
    }
    return QUIRE_OK;
}

/* One transaction in which puts wait, are put within a savepoint, and by the commit. */
static quire_status scenario(quire_db *db, uint64_t *buffered, quire_error *err)
{
    struct prng prng;
    quire_keytree *tree = NULL;
    quire_txn *txn = NULL;
    quire_txn_stats stats = {.size = sizeof stats};
    uint64_t savepoint;
    uint64_t entries;
    quire_status status;
    prng_init(&prng, 5);
    TRY(quire_begin(db, QUIRE_WRITE, &txn, err));
    TRY(quire_keytree_open(txn, "keys", &tree, err));
    TRY(put_some(tree, &prng, 850, 0, err));
    TRY(quire_savepoint(txn, &savepoint, err));
    TRY(put_some(tree, &prng, 100, 0, err));
    TRY(quire_keytree_count(tree, &entries, err));
    TRY(quire_rollback_to(txn, savepoint, err));
    TRY(put_some(tree, &prng, 100, 0, err));
    TRY(quire_txn_get_stats(txn, &stats, err));
    *buffered = stats.puts_buffered;
done:
    quire_keytree_close(tree);
    if (status == QUIRE_OK) {
        return quire_commit(txn, err);
    }
    quire_rollback(txn);
    return status;
}

struct image {
    void *bytes;
    size_t size;
};

static struct image make_image(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = small_options();
    struct image image;
    quire_db *db;
    OK(quire_open(":memory:", &options, &db, &err));
    fill(db);
    OK(quire_serialize(db, &image.bytes, &image.size, &err));
    close_db(db);
    return image;
}

/* All of the transaction is there, or nothing: never some of its values. */
static void check_outcome(quire_db *db, quire_status status)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_keytree *tree;
    quire_keycursor *cursor;
    uint32_t changed = 0;
    uint32_t entries = 0;
    bool valid;
    quire_txn *txn = begin_read(db);
    OK(quire_keytree_open(txn, "keys", &tree, &err));
    OK(quire_keycursor_open(tree, &cursor, &err));
    OK(quire_keycursor_first(cursor, &valid, &err));
    while (valid) {
        const void *value;
        size_t size;
        OK(quire_keycursor_entry(cursor, NULL, NULL, &value, &size, &err));
        changed += size == 7;
        entries++;
        OK(quire_keycursor_next(cursor, &valid, &err));
    }
    quire_keycursor_close(cursor);
    quire_keytree_close(tree);
    commit(txn);
    cr_assert_eq(entries, KEYS);
    cr_assert(status == QUIRE_OK ? changed > 700 : changed == 0, "%u changed", changed);
}

Test(ingest, memory__fails_cleanly_at_every_allocation)
{
    struct image image = make_image();
    struct failing_allocator failing;
    quire_options options = small_options();
    uint64_t buffered = 0;
    uint64_t at = 0;
    failing_allocator_init(&failing);
    options.allocator = &failing.allocator;
    for (bool done = false; !done; at++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_db *db;
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        OK(quire_open_image(image.bytes, image.size, &options, &db, &err));
        failing_allocator_arm(&failing, at, false);
        quire_status status = scenario(db, &buffered, &err);
        done = failing.failures == 0;
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        cr_assert(status == QUIRE_OK || status == QUIRE_NO_MEMORY || status == QUIRE_TXN_DOOMED,
                  "allocation %llu gave %s: %s", (unsigned long long)at, quire_status_name(status),
                  err.message);
        check_outcome(db, status);
        if (at % 16 == 0 || done) {
            check_reports(db);
        }
        OK(quire_close(db, &err));
        cr_assert(failing_allocator_is_clean(&failing), "allocation %llu leaks",
                  (unsigned long long)at);
    }
    cr_assert_gt(at, 20);
    cr_assert_gt(buffered, 150);
    quire_free(image.bytes);
}

Test(ingest, disk__fails_cleanly_at_reads_and_writes)
{
    struct image image = make_image();
    quire_options options = small_options();
    uint64_t buffered = 0;
    uint64_t failed = 0;
    uint64_t at = 0;
    for (bool done = false; !done; at += 1 + at / 16) {
        quire_error err = QUIRE_ERROR_INIT;
        struct faulty_layer *faulty = faulty_layer_create();
        struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_READ) | FAULTY_SET(FAULTY_WRITE),
                                   .index = at};
        quire_db *db;
        faulty_layer_install(faulty, "db", image.bytes, image.size);
        OK(qr_db_open_with("db", &options, faulty_layer_files(faulty), true, &db, &err));
        faulty_layer_fail(faulty, &plan);
        quire_status status = scenario(db, &buffered, &err);
        done = faulty_layer_failures(faulty) == 0;
        failed += status != QUIRE_OK;
        faulty_layer_heal(faulty);
        (void)quire_close(db, NULL);
        OK(qr_db_open_with("db", &options, faulty_layer_files(faulty), true, &db, &err));
        if (status != QUIRE_COMMIT_UNKNOWN) {
            check_outcome(db, status);
        }
        check_reports(db);
        OK(quire_close(db, &err));
        faulty_layer_destroy(faulty);
    }
    cr_assert_gt(failed, 30);
    cr_assert_gt(buffered, 150);
    quire_free(image.bytes);
}
