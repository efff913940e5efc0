/*
 * A file layer that records, fails on command and can lose its power.
 *
 * It models a disk behind a cache. Reads see the cache. A write or truncate
 * changes the cache at once and the disk at the next sync of its file; until
 * then it is an "unsynced change". Creating, renaming and removing a name
 * change the directory in the cache at once and on disk at sync_directory. A
 * power cut turns the state into a new memory layer: what the disk holds, plus
 * any chosen subset of the unsynced changes, each write possibly torn.
 *
 * Any thread. It ends the program when it runs out of memory.
 */
#ifndef QUIRE_TESTS_FAULTY_LAYER_H
#define QUIRE_TESTS_FAULTY_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file.h"

struct faulty_layer;

struct faulty_layer *faulty_layer_create(void);
/* All files must be closed. NULL is a no-op. */
void faulty_layer_destroy(struct faulty_layer *layer);
/* The layer to hand to the code under test; borrowed until destroy. */
struct qr_file_layer *faulty_layer_files(struct faulty_layer *layer);

/* ---- The record of calls ---- */

enum faulty_call {
    FAULTY_OPEN,
    FAULTY_OPEN_TEMPORARY,
    FAULTY_EXISTS,
    FAULTY_REMOVE,
    FAULTY_RENAME,
    FAULTY_SYNC_DIRECTORY,
    FAULTY_RANDOM,
    FAULTY_READ,
    FAULTY_WRITE,
    FAULTY_SYNC,
    FAULTY_WRITE_BEHIND,
    FAULTY_SIZE,
    FAULTY_TRUNCATE,
    FAULTY_LOCK,
    FAULTY_CALL_COUNT
};

/* The path that records have of a temporary file. */
#define FAULTY_TEMPORARY "(temporary)"

/* Sets of kinds of calls. */
#define FAULTY_SET(kind) (1U << (kind))
#define FAULTY_ANY       ((1U << FAULTY_CALL_COUNT) - 1U)
/* Those that change what a crash leaves. */
#define FAULTY_CHANGES                                                                             \
    (FAULTY_SET(FAULTY_OPEN) | FAULTY_SET(FAULTY_REMOVE) | FAULTY_SET(FAULTY_RENAME) |             \
     FAULTY_SET(FAULTY_SYNC_DIRECTORY) | FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_SYNC) |      \
     FAULTY_SET(FAULTY_TRUNCATE))

struct faulty_record {
    enum faulty_call kind;
    uint32_t file;   /* identity of the file, from 1; 0 for calls on no file */
    uint64_t offset; /* of reads, writes, write-behind; new size of a truncate */
    uint64_t size;
    bool failed; /* by plan */
    char path
        [112]; /* name by which the file was opened, or the call's argument; its end when long */
};

/* All calls since creation or the last clear, in order. Borrowed until the next call. */
const struct faulty_record *faulty_layer_record(struct faulty_layer *layer, size_t *count);
void faulty_layer_clear_record(struct faulty_layer *layer);
/* How many recorded calls are of the kinds. */
uint64_t faulty_layer_count(struct faulty_layer *layer, uint32_t kinds);

/* Called before each call of the kinds takes effect, without a lock held; it may take crash images.
 * NULL ends it. */
void faulty_layer_observe(struct faulty_layer *layer, uint32_t kinds,
                          void (*observer)(void *context, const struct faulty_record *record),
                          void *context);

/* ---- Failing ---- */

/* What a failed sync has done. */
enum faulty_sync_failure {
    FAULTY_SYNC_NOTHING, /* the changes are still unsynced: the power is about to go */
    FAULTY_SYNC_CLEAN,   /* lost on disk, yet the cache shows them and later syncs succeed */
    FAULTY_SYNC_REVERT,  /* lost on disk and the cache shows the old content again */
    FAULTY_SYNC_SUBSET   /* each by chance on disk or lost; the cache shows all */
};

struct faulty_plan {
    uint32_t kinds;     /* calls counted and failed; FAULTY_ANY for all */
    uint64_t index;     /* which of them from now on fails, from 0 */
    bool forever;       /* and all of them after it */
    int os_errno;       /* EIO, ENOSPC ...; 0 means EIO */
    bool half;          /* a failing write leaves the first half of its bytes */
    bool whole_sectors; /* of which the last, unfinished sector does not arrive */
    bool all_but_one;   /* a failing write leaves all of its bytes but the last */
    bool small_whole;   /* but nothing of a write that lies within one sector */
    enum faulty_sync_failure sync;
    uint64_t seed;         /* for FAULTY_SYNC_SUBSET */
    const char *path_part; /* only calls whose path contains it; NULL for all. Borrowed */
};

void faulty_layer_fail(struct faulty_layer *layer, const struct faulty_plan *plan);
void faulty_layer_heal(struct faulty_layer *layer);
/* How many calls the plan has failed. */
uint64_t faulty_layer_failures(struct faulty_layer *layer);

/* ---- Power cuts ---- */

enum faulty_change_kind {
    FAULTY_CHANGE_WRITE,
    FAULTY_CHANGE_TRUNCATE,
    FAULTY_CHANGE_CREATE,
    FAULTY_CHANGE_RENAME,
    FAULTY_CHANGE_REMOVE
};

struct faulty_change {
    enum faulty_change_kind kind;
    uint32_t file;
    uint64_t offset; /* new size of a truncate */
    uint64_t size;
};

/* The unsynced changes of files and directories in order of time: copies up to `room` of them and
 * returns how many there are. */
size_t faulty_layer_changes(struct faulty_layer *layer, struct faulty_change *changes, size_t room);

enum faulty_survival {
    FAULTY_LOSE_ALL,   /* only what was synced */
    FAULTY_KEEP_ALL,   /* everything, as after the end of a process */
    FAULTY_KEEP_MASK,  /* unsynced change i (see faulty_layer_changes) if bit i of mask is set; from
                         64 on lost */
    FAULTY_KEEP_FIRST, /* the first `mask` changes */
    FAULTY_KEEP_RANDOM /* each by chance */
};

enum faulty_tear {
    FAULTY_TEAR_NONE,
    FAULTY_TEAR_PREFIX, /* of each kept write only the first `tear_sectors` sectors arrive */
    FAULTY_TEAR_SUFFIX, /* only those after the first `tear_sectors` sectors */
    FAULTY_TEAR_RANDOM  /* none, prefix, suffix or any sectors, by chance */
};

/* Writes tear where the file offset is a multiple of this. */
#define FAULTY_SECTOR 512U

struct faulty_cut {
    enum faulty_survival survival;
    uint64_t mask;
    enum faulty_tear tear;
    uint64_t tear_sectors;
    size_t tear_change; /* 1 + the index of the only change that tears; 0: every kept write */
    bool garbage; /* where a lost (part of a) write would have grown the file, by chance the growth
                     is there, holding random bytes or zeros */
    bool names_ordered; /* directory changes survive as a prefix in time, as in a journal */
    uint64_t seed;
};

/* Builds the crash image as a new memory layer with no file open, freed with
 * qr_file_layer_memory_destroy. The faulty layer stays as it is. */
struct qr_file_layer *faulty_layer_power_cut(struct faulty_layer *layer,
                                             const struct faulty_cut *cut);

/* The same as a new faulty layer, so that what opens the image can fail and crash in turn. */
struct faulty_layer *faulty_layer_power_cut_again(struct faulty_layer *layer,
                                                  const struct faulty_cut *cut);

/* The machine's start that the layer tells of; 0, as at first and after a power cut: unknown. */
void faulty_layer_set_boot(struct faulty_layer *layer, uint64_t boot);

/* Puts a file on the disk as if written and synced long ago; replaces one that is there. */
void faulty_layer_install(struct faulty_layer *layer, const char *path, const void *bytes,
                          size_t size);

#endif
