/*
 * Workloads over the world of world.h: with logs that turn over, checkpoints a
 * slice at a time, commits that are not synced, and openings in between. And
 * one over a tree that is larger than the cache.
 */
#include <stdio.h>
#include <string.h>

#include "workloads.h"

void workload_world(struct image_run *run)
{
    image_open(run);
    image_commit(run, image_create_world);
    for (int i = 0; i < 14; i++) {
        image_commit(run, image_world);
    }
    image_close(run);
}

/* A log of the fewest segments, each a few frames long, that turns over all the time. */
void workload_turnover(struct image_run *run)
{
    run->options.wal_segment_bytes = 8 << 10;
    run->options.wal_bytes_max = 1;
    run->options.checkpoint = quire_checkpoint_frame_count(10);
    run->world.slots = 10;
    run->world.body_bytes_max = 600;
    image_open(run);
    image_commit(run, image_create_world);
    for (int i = 0; i < 16; i++) {
        image_commit(run, image_world);
    }
    image_close(run);
}

/* Checkpoints are made by the commits, two pages each. */
void workload_slices(struct image_run *run)
{
    run->options.checkpoint_place = QUIRE_CHECKPOINT_IN_COMMIT;
    run->options.checkpoint_slice_pages = 2;
    workload_turnover(run);
}

void workload_normal(struct image_run *run)
{
    run->options.durability = QUIRE_DURABILITY_NORMAL;
    run->unsynced = true;
    image_open(run);
    image_commit(run, image_create_world);
    for (int i = 0; i < 14; i++) {
        image_commit(run, image_world);
        if (i % 6 == 5) {
            image_checkpoint(run);
        }
    }
    image_close(run);
}

void workload_reopen(struct image_run *run)
{
    run->world.slots = 8;
    for (int i = 0; i < 5; i++) {
        image_open(run);
        image_commit(run, i == 0 ? image_create_world : image_world);
        image_commit(run, image_world);
        if (i == 3) {
            image_checkpoint(run);
        }
        image_close(run);
    }
}

/* ---- Blind puts that wait ---- */

enum { WIDE_KEYS = 560, WIDE_BYTES = 200 }; /* some 150 pages for a cache of 64 */

/* Puts every step-th key from `from` on, in no order. */
static void put_wide(struct image_run *run, quire_txn *txn, unsigned from, unsigned step)
{
    quire_error err = QUIRE_ERROR_INIT;
    unsigned number = atomic_load(&run->started) + 1;
    quire_keytree *tree;
    MUST(quire_keytree_open(txn, "wide", &tree, &err));
    for (unsigned i = from; i < WIDE_KEYS; i += step) {
        char key[32];
        uint8_t value[WIDE_BYTES];
        int size = snprintf(key, sizeof key, "wide key %05u", i * 347 % WIDE_KEYS);
        memset(value, (int)(number * 31 + i), sizeof value);
        MUST(quire_keytree_put(tree, key, (size_t)size, value, sizeof value, NULL, &err));
    }
    quire_keytree_close(tree);
}

static void create_wide(struct image_run *run, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    MUST(quire_keytree_create(txn, "wide", &err));
    put_wide(run, txn, 0, 1);
}

/* Of the keys that it puts, the last ones wait for the commit. */
static void change_wide(struct image_run *run, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn_stats stats = {.size = sizeof stats};
    uint64_t savepoint;
    put_wide(run, txn, 0, 1);
    MUST(quire_savepoint(txn, &savepoint, &err));
    put_wide(run, txn, 1, 3);
    MUST(quire_rollback_to(txn, savepoint, &err));
    put_wide(run, txn, 0, 2);
    MUST(quire_txn_get_stats(txn, &stats, &err));
    REQUIRE(stats.puts_buffered > WIDE_KEYS / 2, "%llu puts have waited, %llu reads",
            (unsigned long long)stats.puts_buffered, (unsigned long long)stats.page_reads);
}

void workload_ingest(struct image_run *run)
{
    /* Images that are large, and take long to read: fewer of them. */
    run->depth = (struct image_depth){.exhaustive = run->depth.exhaustive / 3,
                                      .sampled = run->depth.sampled / 4,
                                      .torn = 6,
                                      .garbage = 1,
                                      .again = run->depth.again,
                                      .deeper = run->depth.deeper,
                                      .work = run->depth.work,
                                      .stride = run->depth.stride > 2 ? run->depth.stride : 2};
    run->options.cache_bytes = 64 << 10;
    run->options.checkpoint = quire_checkpoint_manual();
    image_watch(run, false);
    image_open(run);
    image_commit(run, create_wide);
    image_checkpoint(run);
    image_watch(run, true);
    image_commit_unread(run, change_wide);
    image_close(run);
}
