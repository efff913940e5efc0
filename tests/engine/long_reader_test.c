/*
 * Read transactions that stay open while others commit: the log keeps its
 * bound, a read passes over few versions however old its state is, old versions
 * stay within the cache, and the policies for their number do what they say.
 *
 * The oldest state is a million commits old, in checked builds a hundred thousand
 * unless QUIRE_TEST_LONG=1.
 */
#include "engine_fixture.h"

#include <stdlib.h>

#include "base/check.h"
#include "support/prng.h"

enum { ROWS = 2000, VALUE = 80, LOG_MAX = 512 * 1024, SEGMENT = 32 * 1024 };

static struct qr_file_layer *files;

static void make_files(void)
{
    cr_assert_eq(qr_file_layer_memory_create(qr_allocator_default(), &files, NULL), QUIRE_OK);
}

static void destroy_files(void)
{
    qr_file_layer_memory_destroy(files);
}

static quire_options small_options(void)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    options.durability = QUIRE_DURABILITY_OFF;
    options.page_size = 1024;
    options.cache_bytes = 1024 * 1024;
    options.wal_bytes_max = LOG_MAX;
    options.wal_segment_bytes = SEGMENT;
    return options;
}

static quire_stats stats_of(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_stats stats = {.size = sizeof stats};
    OK(quire_get_stats(db, &stats, &err));
    return stats;
}

static void fill(uint8_t *value, int64_t key, uint64_t version)
{
    memset(value, 0, VALUE);
    memcpy(value, &key, sizeof key);
    memcpy(value + 8, &version, sizeof version);
}

static quire_status put(quire_db *db, int64_t key, uint64_t version, quire_error *why)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint8_t value[VALUE];
    quire_txn *txn = begin_write(db);
    quire_tree *tree;
    OK(quire_tree_open(txn, "rows", &tree, &err));
    fill(value, key, version);
    OK(quire_tree_put(tree, key, value, VALUE, NULL, &err));
    quire_tree_close(tree);
    return quire_commit(txn, why);
}

/* Every row at version 0. */
static quire_db *open_filled(const quire_options *options)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db;
    uint8_t value[VALUE];
    quire_tree *tree;
    OK(qr_db_open_with("db", options, files, false, &db, &err));
    quire_txn *txn = begin_write(db);
    OK(quire_tree_create(txn, "rows", &err));
    OK(quire_tree_open(txn, "rows", &tree, &err));
    for (int64_t key = 0; key < ROWS; key++) {
        fill(value, key, 0);
        OK(quire_tree_put(tree, key, value, VALUE, NULL, &err));
    }
    quire_tree_close(tree);
    commit(txn);
    OK(quire_checkpoint(db, &err));
    return db;
}

/* Commits `count` changes of random rows and watches the sizes meanwhile. */
static void commit_many(quire_db *db, uint64_t count, uint64_t pages, struct prng *prng)
{
    quire_error err = QUIRE_ERROR_INIT;
    for (uint64_t i = 1; i <= count; i++) {
        OK(put(db, (int64_t)prng_below(prng, ROWS), i, &err));
        if (i % 512 == 0) {
            quire_stats stats = stats_of(db);
            cr_assert_leq(stats.log_bytes, LOG_MAX, "the log has grown to %llu bytes",
                          (unsigned long long)stats.log_bytes);
            cr_assert_leq(stats.versions_held, 2 * pages);
            cr_assert_leq(stats.cache_frames, stats.cache_frames_max + 64);
        }
    }
}

/* The state as it was filled; returns the most versions that one page's reading passed over. */
static uint64_t read_all_old(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn_stats before = {.size = sizeof before};
    quire_txn_stats after = {.size = sizeof after};
    quire_tree *tree;
    uint64_t most = 0;
    OK(quire_tree_open(txn, "rows", &tree, &err));
    for (int64_t key = 0; key < ROWS; key++) {
        uint8_t expected[VALUE];
        const void *payload;
        size_t size;
        bool found;
        OK(quire_txn_get_stats(txn, &before, &err));
        OK(quire_tree_find(tree, key, &payload, &size, &found, &err));
        fill(expected, key, 0);
        cr_assert(found && size == VALUE && memcmp(payload, expected, VALUE) == 0);
        OK(quire_txn_get_stats(txn, &after, &err));
        uint64_t visits = after.page_visits - before.page_visits;
        uint64_t passed = after.versions_passed - before.versions_passed;
        cr_assert_gt(visits, 0);
        most = passed / visits > most ? passed / visits : most;
    }
    quire_tree_close(tree);
    return most;
}

static void live_through(uint64_t age)
{
    struct prng prng;
    quire_options options = small_options();
    make_files();
    quire_db *db = open_filled(&options);
    prng_init(&prng, 7);
    uint64_t pages = stats_of(db).pages;
    quire_txn *old = begin_read(db);
    commit_many(db, age, pages, &prng);
    cr_assert_leq(read_all_old(old), 3, "a chain is as long as there are states, not commits");
    quire_stats stats = stats_of(db);
    cr_assert_leq(stats.page_reads, 8 * ROWS + age);
    quire_rollback(old);
    cr_assert_leq(stats_of(db).versions_held, 1);
    close_db(db);
    destroy_files();
}

Test(long_reader, state_of_no_age__is_read_as_it_is)
{
    live_through(0);
}

Test(long_reader, state_ten_thousand_commits_old__costs_no_log_and_few_steps)
{
    live_through(10000);
}

Test(long_reader, state_of_great_age__costs_no_log_and_few_steps)
{
    live_through(!QR_CHECKED || getenv("QUIRE_TEST_LONG") != NULL ? 1000000 : 100000);
}

/* ---- Policies ---- */

enum { VERSIONS_MAX = 40 };

static quire_db *open_bounded(quire_versions_policy policy)
{
    quire_options options = small_options();
    options.versions_policy = policy;
    options.versions_bytes_max = (uint64_t)VERSIONS_MAX * options.page_size;
    make_files();
    return open_filled(&options);
}

static quire_txn *begin_labelled(quire_db *db, const char *owner)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_begin_options options = QUIRE_BEGIN_OPTIONS_INIT;
    quire_txn *txn;
    options.owner = owner;
    OK(quire_begin_with(db, QUIRE_READ, &options, &txn, &err));
    return txn;
}

Test(versions, spill__keeps_all_of_them_in_cache_and_temporary_file)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = small_options();
    options.cache_bytes = 64 * 1024;
    options.versions_bytes_max = 1024; /* not looked at by this policy */
    make_files();
    quire_db *db = open_filled(&options);
    quire_txn *old = begin_read(db);
    for (int64_t key = 0; key < ROWS; key++) {
        OK(put(db, key, 1, &err));
    }
    quire_stats stats = stats_of(db);
    cr_assert_gt(stats.versions_held, 64);
    cr_assert_gt(stats.spills, 0);
    cr_assert_leq(stats.cache_frames, 64 + 16);
    (void)read_all_old(old);
    quire_rollback(old);
    close_db(db);
    destroy_files();
}

Test(versions, refuse__fails_the_commit_and_names_the_oldest_reader)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_bounded(QUIRE_VERSIONS_REFUSE);
    quire_txn *old = begin_labelled(db, "nightly report");
    quire_status status = QUIRE_OK;
    int64_t key = 0;
    while (status == QUIRE_OK && key < ROWS) {
        status = put(db, key, 1, &err);
        cr_assert_leq(stats_of(db).versions_held, VERSIONS_MAX);
        key += status == QUIRE_OK;
    }
    cr_assert_eq(status, QUIRE_BUSY);
    cr_assert_not_null(strstr(err.message, "nightly report"), "%s", err.message);
    cr_assert_not_null(strstr(err.message, "versions_bytes_max"));
    (void)read_all_old(old);

    /* Refused and rolled back; the same commit goes through when the reader is gone. */
    quire_rollback(old);
    OK(put(db, key, 1, &err));
    cr_assert_eq(stats_of(db).readers_expired, 0);
    close_db(db);
    destroy_files();
}

Test(versions, expire__takes_the_oldest_snapshot_and_spares_the_commit)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_bounded(QUIRE_VERSIONS_EXPIRE);
    quire_txn *old = begin_labelled(db, "old");
    quire_txn *young = NULL;
    for (int64_t key = 0; key < ROWS; key++) {
        OK(put(db, key, 1, &err));
        cr_assert_leq(stats_of(db).versions_held, VERSIONS_MAX);
        if (key == ROWS - 20) {
            young = begin_read(db);
        }
    }
    cr_assert_eq(stats_of(db).readers_expired, 1);
    cr_assert_eq(stats_of(db).readers_open, 2, "an expired reader is still to be ended");

    quire_tree *tree;
    quire_status status = quire_tree_open(old, "rows", &tree, &err);
    const void *payload;
    size_t size;
    bool found;
    if (status == QUIRE_OK) {
        status = quire_tree_find(tree, 5, &payload, &size, &found, &err);
        quire_tree_close(tree);
    }
    cr_assert_eq(status, QUIRE_SNAPSHOT_TOO_OLD);
    cr_assert_not_null(strstr(err.message, "open for too long"), "%s", err.message);

    OK(quire_tree_open(young, "rows", &tree, &err));
    for (int64_t key = 0; key < ROWS; key++) {
        uint8_t expected[VALUE];
        OK(quire_tree_find(tree, key, &payload, &size, &found, &err));
        fill(expected, key, key <= ROWS - 20 ? 1 : 0);
        cr_assert(found && memcmp(payload, expected, VALUE) == 0);
    }
    quire_tree_close(tree);
    quire_rollback(young);
    FAILS(MISUSE, quire_close(db, &err));
    quire_rollback(old);
    close_db(db);
    destroy_files();
}

/* Whatever an expired reader still gets is what its state says: rows of version 0. */
Test(versions, expire__never_shows_another_state)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_bounded(QUIRE_VERSIONS_EXPIRE);
    struct prng prng;
    prng_init(&prng, 11);
    unsigned too_old = 0;
    for (uint64_t round = 1; round <= 60; round++) {
        quire_txn *txn[3];
        uint64_t version[3];
        for (int i = 0; i < 3; i++) {
            version[i] = round * 100 + (uint64_t)i;
            OK(put(db, 0, version[i], &err));
            OK(put(db, ROWS - 1, version[i], &err));
            txn[i] = begin_read(db);
            for (int n = 0; n < 25; n++) {
                OK(put(db, 1 + (int64_t)prng_below(&prng, ROWS - 2), round, &err));
            }
        }
        if (round % 5 == 0) {
            OK(quire_checkpoint(db, &err));
        }
        OK(put(db, 0, round * 100 + 50, &err));
        OK(put(db, ROWS - 1, round * 100 + 50, &err));
        for (int i = 0; i < 3; i++) {
            quire_tree *tree;
            uint8_t expected[VALUE];
            for (int end = 0; end < 2; end++) {
                const void *payload;
                size_t size;
                bool found;
                int64_t key = end == 0 ? 0 : ROWS - 1;
                quire_status status = quire_tree_open(txn[i], "rows", &tree, &err);
                if (status == QUIRE_OK) {
                    status = quire_tree_find(tree, key, &payload, &size, &found, &err);
                    fill(expected, key, version[i]);
                    cr_assert(status != QUIRE_OK ||
                              (found && memcmp(payload, expected, VALUE) == 0));
                    quire_tree_close(tree);
                }
                cr_assert(status == QUIRE_OK || status == QUIRE_SNAPSHOT_TOO_OLD, "%s: %s",
                          quire_status_name(status), err.message);
                too_old += status != QUIRE_OK;
            }
            quire_rollback(txn[i]);
        }
    }
    cr_assert_gt(too_old, 0);
    close_db(db);
    destroy_files();
}
