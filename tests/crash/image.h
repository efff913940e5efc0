/*
 * Crash images of a database under a scripted workload. Before every call that
 * changes the disk, the power goes in many ways at once: each image is opened
 * and must hold the state after some commit, none that was acknowledged missing.
 *
 * The workload runs in the caller's thread; images are opened by another, for
 * which it waits, so that an image is never opened inside the library. What a
 * workload does to files of other names beside "db" (backups, copies) it checks
 * itself, or through image_run.verify_more.
 */
#ifndef QUIRE_TESTS_CRASH_IMAGE_H
#define QUIRE_TESTS_CRASH_IMAGE_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "engine/engine.h"
#include "harness.h"
#include "support/faulty_layer.h"
#include "support/prng.h"
#include "world.h"

#define IMAGE_STATES_MAX 400

/* How thoroughly a boundary is searched. */
struct image_depth {
    unsigned exhaustive; /* up to so many unsynced changes, all subsets of them */
    unsigned sampled;    /* beyond, so many by chance besides the telling ones */
    unsigned torn;       /* images with one torn write; UINT_MAX: the newest one at every sector */
    unsigned garbage;    /* images with torn writes and garbage */
    unsigned again;      /* one image in so many crashes again inside its recovery; 0: none */
    unsigned deeper;     /* and one in so many of those inside the recovery from that */
    unsigned work;       /* one image in so many is worked on and reopened */
    unsigned stride;     /* one boundary in so many is searched; 0: each */
};

struct image_run {
    const char *name;
    quire_options options;
    struct image_depth depth;
    bool unsynced; /* acknowledged commits may be lost, those up to the floor excepted */
    struct faulty_layer *files;
    quire_db *db;
    uint64_t digests[IMAGE_STATES_MAX]; /* after each commit; [0] before the first */
    atomic_uint acknowledged, started, floor;
    /* Also demanded of every image; may be NULL. */
    void (*verify_more)(struct image_run *run, struct qr_file_layer *files);
    unsigned copied; /* the oldest commit that the workload's copy may hold */
    struct prng chance;
    struct world world;
    struct world_track track;
    pthread_mutex_t observing; /* one boundary at a time; guards `chance` and what follows */
    size_t last_changes;
    unsigned last_low;
    uint64_t boundaries, complete, changes_max;
    uint64_t images, images_again, images_deeper; /* of crashes, of recoveries, of theirs */
};

/* A workload: opens with image_open, commits with image_commit. */
void image_run_init(struct image_run *run, const char *name, uint64_t seed);
void image_run_destroy(struct image_run *run);
/* Begins or ends taking images. */
void image_watch(struct image_run *run, bool on);

void image_open(struct image_run *run);
void image_close(struct image_run *run);
/* Ends the process in its stead, on a machine that goes on. */
void image_kill(struct image_run *run);
/* An explicit checkpoint: everything acknowledged before it is durable in every mode. */
void image_checkpoint(struct image_run *run);

typedef void (*image_change)(struct image_run *run, quire_txn *txn);
/* One transaction with what `change` does and the number of the commit. Any thread. */
void image_commit(struct image_run *run, image_change change);
/* The same, yet the transaction that is committed has read nothing of what it wrote: blind puts may
 * wait in its buffer to the last. */
void image_commit_unread(struct image_run *run, image_change change);
/* The same, but the commit may fail: returns its status. */
quire_status image_try_commit(struct image_run *run, image_change change);

/* The same without waiting for the outcome. */
void image_post(struct image_run *run, image_change change);

/* A transaction of the world. */
void image_world(struct image_run *run, quire_txn *txn);
void image_create_world(struct image_run *run, quire_txn *txn);

/* Demands that the open database is as it was after a commit of low..high; returns which. */
unsigned image_verify_state(struct image_run *run, quire_db *db, unsigned low, unsigned high);
/* Opens a crash image and demands a commit of low..high, its structure, now and then that readers
 * find the same and that work can go on. The image is used up. */
void image_verify(struct image_run *run, struct qr_file_layer *files, unsigned low, unsigned high);

/* ---- workloads.c ---- */

struct image_workload {
    const char *name;
    void (*run)(struct image_run *run);
};

/* All workloads; the array ends with a NULL name. */
extern const struct image_workload image_workloads[];

#endif
