/*
 * Every way a crash can leave a small database, through the public interface:
 * at each write, sync, truncation and creation all subsets of what is unsynced
 * (sampled when there are many), torn writes, lost directory entries, garbage
 * behind the end, and crashes inside recoveries. Mode: a workload's name.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "image.h"

/* ---- Workloads ---- */

static void run_world(struct image_run *run)
{
    image_open(run);
    image_commit(run, image_create_world);
    for (int i = 0; i < 14; i++) {
        image_commit(run, image_world);
    }
    image_close(run);
}

/* A log of the fewest segments, each a few frames long, that turns over all the time. */
static void run_turnover(struct image_run *run)
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

static void run_normal(struct image_run *run)
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

static void run_reopen(struct image_run *run)
{
    run->world.slots = 8;
    for (int i = 0; i < 5; i++) {
        image_open(run);
        image_commit(run, i == 0 ? image_create_world : image_world);
        image_commit(run, i == 0 ? image_world : image_world);
        if (i == 3) {
            image_checkpoint(run);
        }
        image_close(run);
    }
}

static void insert_rows(quire_txn *txn, int from, int to, size_t size)
{
    static const char filler[2000];
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    MUST(quire_table_open(txn, "items", &table, &err));
    for (int i = from; i < to; i++) {
        char name[24];
        int64_t rowid = i + 1;
        (void)snprintf(name, sizeof name, "item %d", i * 7919 % 1000);
        quire_value row[] = {quire_text(name), quire_blob(filler, size)};
        MUST(quire_table_insert(table, &rowid, row, 2, &err));
    }
    quire_table_close(table);
}

static void create_items(struct image_run *run, quire_txn *txn)
{
    static const quire_column columns[] = {{"name", QUIRE_TEXT, true}, {"data", QUIRE_BLOB, false}};
    quire_error err = QUIRE_ERROR_INIT;
    (void)run;
    MUST(quire_table_create(txn, "items", columns, 2, &err));
}

static void add_index(quire_txn *txn, const char *name, quire_index_kind kind)
{
    static const quire_index_column column = {.name = "name"};
    quire_error err = QUIRE_ERROR_INIT;
    quire_index_def def = {
        .name = name, .kind = kind, .unique = true, .columns = &column, .column_count = 1};
    MUST(quire_index_create(txn, "items", &def, &err));
}

static void add_hash_index(struct image_run *run, quire_txn *txn)
{
    (void)run;
    add_index(txn, "by_hash", QUIRE_INDEX_HASH);
}

static void swap_indexes(struct image_run *run, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    (void)run;
    MUST(quire_index_drop(txn, "by_hash", &err));
    add_index(txn, "by_tree", QUIRE_INDEX_BTREE);
}

static void insert_small(struct image_run *run, quire_txn *txn)
{
    int from = (int)atomic_load(&run->started) * 25;
    insert_rows(txn, from, from + 25, 4);
}

/* One transaction over several segments of the log. */
static void insert_large(struct image_run *run, quire_txn *txn)
{
    int from = (int)atomic_load(&run->started) * 25;
    insert_rows(txn, from, from + 20, 1500);
}

static void delete_most(struct image_run *run, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    int rows = (int)atomic_load(&run->started) * 25;
    MUST(quire_table_open(txn, "items", &table, &err));
    for (int64_t i = 1; i <= rows; i++) {
        if (i % 9 != 0) {
            MUST(quire_table_delete(table, i, NULL, &err));
        }
    }
    quire_table_close(table);
}

static void drop_items(struct image_run *run, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    (void)run;
    MUST(quire_table_drop(txn, "items", &err));
}

/* Hash growth, index creation and dropping, page reuse, groups over several segments. */
static void run_items(struct image_run *run)
{
    image_open(run);
    image_commit(run, create_items);
    image_commit(run, insert_small);
    image_commit(run, add_hash_index);
    image_commit(run, insert_small);
    image_commit(run, insert_small);
    image_commit(run, swap_indexes);
    image_commit(run, insert_large);
    image_commit(run, delete_most);
    image_commit(run, insert_large);
    image_commit(run, drop_items);
    image_commit(run, create_items);
    image_commit(run, insert_small);
    image_close(run);
}

static void apply_schema(struct image_run *run, quire_txn *txn)
{
    static const char *const schemas[] = {
        "type Author { id: ID!  name: String! }",
        "type Author { id: ID!  name: String!  born: Int }"
        " type Book { id: ID!  title: String!  author: Author! }",
        "type Author { id: ID!  name: String!  born: Int  died: Int }"
        " type Book { id: ID!  title: String!  author: Author!  kind: Kind } enum Kind { A B }",
    };
    quire_error err = QUIRE_ERROR_INIT;
    const char *sdl = schemas[atomic_load(&run->started) / 2 % 3];
    MUST(quire_schema_apply(txn, sdl, strlen(sdl), &err));
}

static void mutate(struct image_run *run, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    char text[256];
    char *response = NULL;
    size_t size;
    bool failed = false;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    (void)snprintf(text, sizeof text,
                   "mutation { createAuthor(input: {id: \"a%u\", name: \"Name %u\"}) { id } }",
                   atomic_load(&run->started), atomic_load(&run->started));
    request.document = text;
    MUST(quire_graphql_in(txn, &request, &response, &size, &failed, &err));
    REQUIRE(!failed, "%s", response);
    quire_free(response);
}

static void run_schema(struct image_run *run)
{
    image_open(run);
    for (int i = 0; i < 3; i++) {
        image_commit(run, apply_schema);
        image_commit(run, mutate);
    }
    image_close(run);
}

/* A snapshot held while pages are freed, reused and checkpointed under it. */
static void run_snapshot(struct image_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *snapshot;
    run->options.cache_bytes = 64 << 10;
    image_open(run);
    image_commit(run, image_create_world);
    for (int i = 0; i < 8; i++) {
        image_commit(run, image_world);
    }
    MUST(quire_begin(run->db, QUIRE_READ, &snapshot, &err));
    unsigned number = atomic_load(&run->acknowledged);
    for (int i = 0; i < 15; i++) {
        image_commit(run, image_world);
        if (i % 5 == 4) {
            image_checkpoint(run);
            REQUIRE(audit_digest(snapshot) == run->digests[number], "the snapshot has changed");
        }
    }
    MUST(quire_commit(snapshot, &err));
    image_close(run);
}

/* ---- Failed syncs, then a recovery from what the cache shows ---- */

/* What opens after a failed sync is read from a cache that may show what the disk has lost. */
static void reopen_and_cut(struct image_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    faulty_layer_heal(run->files);
    unsigned low = atomic_load(&run->acknowledged);
    image_watch(run, true);
    image_open(run);
    image_watch(run, false);
    MUST(quire_begin(run->db, QUIRE_READ, &txn, &err));
    uint64_t digest = audit_digest(txn);
    MUST(quire_commit(txn, &err));
    unsigned number = low;
    unsigned started = atomic_load(&run->started);
    while (number < started && run->digests[number] != digest) {
        number++;
    }
    REQUIRE(run->digests[number] == digest, "%s: not the state after an acknowledged commit",
            run->name);
    struct faulty_cut cut = {.survival = FAULTY_LOSE_ALL};
    image_verify(run, faulty_layer_power_cut(run->files, &cut), number, number);
    image_close(run);
    image_verify(run, faulty_layer_power_cut(run->files, &cut), number, number);
}

/* Commits until a sync fails: the index-th of the file whose name holds `part`. False when none
 * does. */
static bool fail_sync(struct image_run *run, uint64_t index, const char *part,
                      enum faulty_sync_failure how)
{
    struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_SYNC),
                               .index = index,
                               .os_errno = EIO,
                               .sync = how,
                               .seed = index,
                               .path_part = part};
    quire_error err = QUIRE_ERROR_INIT;
    quire_status status = QUIRE_OK;
    run->options.checkpoint = quire_checkpoint_manual();
    image_open(run);
    image_commit(run, image_create_world);
    faulty_layer_fail(run->files, &plan);
    for (int i = 0; i < 8 && status == QUIRE_OK; i++) {
        status = image_try_commit(run, image_world);
        if (status == QUIRE_OK && i == 3) {
            status = quire_checkpoint(run->db, &err);
        }
    }
    bool failed = faulty_layer_failures(run->files) > 0;
    /* A background checkpoint may have met it after the last commit. */
    REQUIRE(failed || status == QUIRE_OK, "%s: no sync failed, but a commit: %s", run->name,
            quire_status_name(status));
    (void)quire_close(run->db, &err);
    return failed;
}

static uint64_t run_failed_syncs(const struct harness *harness, const struct image_depth *depth,
                                 uint64_t *boundaries)
{
    static const char *const parts[] = {"-wal", NULL};
    static const enum faulty_sync_failure models[] = {FAULTY_SYNC_CLEAN, FAULTY_SYNC_REVERT,
                                                      FAULTY_SYNC_SUBSET};
    uint64_t images = 0;
    for (unsigned i = 0; i < 3 * 2; i++) {
        bool failed = true;
        for (uint64_t index = 0; failed; index++) {
            struct image_run run;
            image_run_init(&run, "failed sync", harness->seed + i);
            run.depth = *depth;
            run.world.slots = 8;
            failed = fail_sync(&run, index, parts[i % 2], models[i / 2]);
            if (failed) {
                reopen_and_cut(&run);
            }
            images += atomic_load(&run.images);
            *boundaries += run.boundaries;
            image_run_destroy(&run);
        }
    }
    return images;
}

/* ---- Main ---- */

static const struct workload {
    const char *name;
    void (*run)(struct image_run *run);
} workloads[] = {
    {"world", run_world},       {"turnover", run_turnover}, {"normal", run_normal},
    {"reopen", run_reopen},     {"items", run_items},       {"schema", run_schema},
    {"snapshot", run_snapshot},
};

struct totals {
    uint64_t images, boundaries, complete, changes_max;
};

static void run_workload(const struct harness *harness, const struct workload *workload,
                         const struct image_depth *depth, uint64_t seed, struct totals *totals)
{
    struct image_run run;
    double begun = harness_seconds();
    image_run_init(&run, workload->name, seed);
    run.depth = *depth;
    /* The dropped rule that needs the snapshot shows in the running database. */
    image_watch(&run, !harness->mutant || workload->run != run_snapshot);
    workload->run(&run);
    image_watch(&run, false);
    totals->images += atomic_load(&run.images);
    totals->boundaries += run.boundaries;
    totals->complete += run.complete;
    totals->changes_max =
        run.changes_max > totals->changes_max ? run.changes_max : totals->changes_max;
    if (harness->verbose) {
        (void)printf("  %s: %lu images at %llu boundaries, %.1f s\n", run.name,
                     atomic_load(&run.images), (unsigned long long)run.boundaries,
                     harness_seconds() - begun);
    }
    image_run_destroy(&run);
}

int main(int argc, char **argv)
{
    struct harness harness;
    struct totals totals = {0};
    char extra[160];
    harness_begin(&harness, "crash images", argc, argv);
    struct image_depth depth = {
        .exhaustive = 5, .sampled = 24, .torn = 5, .garbage = 3, .again = 50};
    if (harness.longer) {
        depth = (struct image_depth){
            .exhaustive = 11, .sampled = 300, .torn = 40, .garbage = 40, .again = 10};
    }
    if (harness.mutant || (HARNESS_SANITIZED && !harness.longer)) {
        depth = (struct image_depth){
            .exhaustive = 4, .sampled = 8, .torn = 8, .garbage = 3, .again = 20};
    }
    uint64_t seeds = harness_cases(&harness, harness.mutant ? 8 : 1, 4);
    for (uint64_t i = 0; i < seeds; i++) {
        for (size_t w = 0; w < sizeof workloads / sizeof *workloads; w++) {
            if (harness.mode == NULL || strcmp(harness.mode, workloads[w].name) == 0) {
                run_workload(&harness, &workloads[w], &depth, harness.seed + i, &totals);
            }
        }
        if (harness.mode == NULL || strcmp(harness.mode, "syncs") == 0) {
            struct image_depth few = {.exhaustive = 1, .sampled = 3, .torn = 1, .garbage = 1};
            totals.images +=
                run_failed_syncs(&harness, harness.longer ? &depth : &few, &totals.boundaries);
        }
    }
    (void)snprintf(extra, sizeof extra,
                   "%llu boundaries, %llu enumerated in full, at most %llu unsynced changes",
                   (unsigned long long)totals.boundaries, (unsigned long long)totals.complete,
                   (unsigned long long)totals.changes_max);
    harness_end(&harness, totals.images, seeds, extra);
    return 0;
}
