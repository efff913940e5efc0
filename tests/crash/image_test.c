/*
 * Every way a crash can leave a small database, through the public interface:
 * at each write, sync, truncation and creation all subsets of what is unsynced
 * (sampled when there are many), torn writes, lost directory entries, garbage
 * behind the end, and crashes inside recoveries and their recoveries. Mode: a
 * workload's name.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "image.h"

/* What is counted of the runs. */
enum { IMAGES, IMAGES_AGAIN, IMAGES_DEEPER, BOUNDARIES, COMPLETE };

static void count_run(const struct image_run *run, uint64_t *counts)
{
    counts[IMAGES] += run->images;
    counts[IMAGES_AGAIN] += run->images_again;
    counts[IMAGES_DEEPER] += run->images_deeper;
    counts[BOUNDARIES] += run->boundaries;
    counts[COMPLETE] += run->complete;
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

static void run_failed_syncs(const struct harness *harness, const struct image_depth *depth,
                             uint64_t seed, uint64_t *counts)
{
    uint64_t stride = HARNESS_BRIEF && !harness->longer ? 7 : 1;
    static const char *const parts[] = {"-wal", NULL};
    static const enum faulty_sync_failure models[] = {FAULTY_SYNC_CLEAN, FAULTY_SYNC_REVERT,
                                                      FAULTY_SYNC_SUBSET};
    static const struct image_depth few = {
        .exhaustive = 1, .sampled = 3, .torn = 1, .garbage = 1, .work = 8};
    for (unsigned i = 0; i < 3 * 2; i++) {
        bool failed = true;
        for (uint64_t index = 0; failed; index += stride) {
            struct image_run run;
            image_run_init(&run, "syncs", seed + i);
            run.depth = harness->longer ? *depth : few;
            run.world.slots = 8;
            failed = fail_sync(&run, index, parts[i % 2], models[i / 2]);
            if (failed) {
                reopen_and_cut(&run);
            }
            count_run(&run, counts);
            image_run_destroy(&run);
        }
    }
}

/* ---- Main ---- */

struct session {
    const struct harness *harness;
    struct image_depth depth;
    unsigned workloads; /* of them; and one unit of failed syncs */
};

static void run_workload(const struct session *session, const struct image_workload *workload,
                         uint64_t seed, uint64_t *counts)
{
    struct image_run run;
    double begun = harness_seconds();
    image_run_init(&run, workload->name, seed);
    run.depth = session->depth;
    /* The dropped rule that needs the snapshot shows in the running database. */
    image_watch(&run, !session->harness->mutant || strcmp(workload->name, "snapshot") != 0);
    workload->run(&run);
    image_watch(&run, false);
    count_run(&run, counts);
    if (session->harness->verbose) {
        double seconds = harness_seconds() - begun;
        (void)printf("  %-12s %7llu images at %llu boundaries, %llu in full, at most %llu unsynced "
                     "changes, %.1f s, %.0f/s\n",
                     run.name, (unsigned long long)run.images, (unsigned long long)run.boundaries,
                     (unsigned long long)run.complete, (unsigned long long)run.changes_max, seconds,
                     (double)run.images / (seconds > 0 ? seconds : 1));
    }
    image_run_destroy(&run);
}

static bool is_wanted(const struct harness *harness, const char *name)
{
    return harness->mode == NULL || strcmp(harness->mode, name) == 0;
}

/* All workloads with one seed, then with the next. */
static void run_unit(void *context, uint64_t unit, uint64_t *counts)
{
    const struct session *session = context;
    unsigned index = (unsigned)(unit % (session->workloads + 1));
    uint64_t seed = session->harness->seed + unit / (session->workloads + 1);
    if (index < session->workloads) {
        const struct image_workload *workload = &image_workloads[index];
        if (is_wanted(session->harness, workload->name)) {
            run_workload(session, workload, seed, counts);
        }
    } else if (is_wanted(session->harness, "syncs")) {
        run_failed_syncs(session->harness, &session->depth, seed, counts);
    }
}

static struct image_depth depth_of(const struct harness *harness)
{
    struct image_depth depth = {.exhaustive = 10,
                                .sampled = 64,
                                .torn = UINT_MAX,
                                .garbage = 3,
                                .again = 50,
                                .deeper = 50,
                                .work = 8};
    if (harness->longer) {
        depth.exhaustive = 12;
        depth.sampled = 256;
        depth.garbage = 12;
    }
    if (harness->mutant) {
        depth.exhaustive = 4;
        depth.sampled = 8;
        depth.torn = 8;
        depth.again = 20;
        depth.work = 4;
    } else if (HARNESS_BRIEF && !harness->longer) {
        depth.exhaustive = 2;
        depth.sampled = 3;
        depth.torn = 1;
        depth.garbage = 1;
        depth.stride = 5;
    }
    return depth;
}

int main(int argc, char **argv)
{
    struct harness harness;
    uint64_t counts[HARNESS_COUNTS] = {0};
    char extra[200];
    harness_begin(&harness, "crash-images", argc, argv);
    struct session session = {.harness = &harness, .depth = depth_of(&harness)};
    while (image_workloads[session.workloads].name != NULL) {
        session.workloads++;
    }
    uint64_t round = session.workloads + 1;
    uint64_t images = harness_cases(&harness, HARNESS_BRIEF ? 1 : 200000, 15000000);
    uint64_t units = harness.mutant ? round * 8 : round;
    units = harness_spread(&harness, units, harness.mutant || harness.mode != NULL ? 0 : images,
                           run_unit, &session, counts);
    (void)snprintf(extra, sizeof extra,
                   "workloads=%u boundaries=%llu in_full=%llu in_recoveries=%llu "
                   "in_recoveries_of_recoveries=%llu",
                   session.workloads + 1, (unsigned long long)counts[BOUNDARIES],
                   (unsigned long long)counts[COMPLETE], (unsigned long long)counts[IMAGES_AGAIN],
                   (unsigned long long)counts[IMAGES_DEEPER]);
    harness_end(&harness, counts[IMAGES], (units + round - 1) / round, extra);
    return 0;
}
