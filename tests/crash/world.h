/*
 * A small world whose state after any number of transactions is known without
 * having been recorded: each track (one writer thread) owns some rows, and its
 * n-th transaction follows from the world's seed, the track and n. The database
 * says how many transactions of each track it holds; everything else must agree.
 *
 *   tree "progress"   row 1 + track: transactions of the track; row 1000: of all
 *   table "rows"      name (unique, two indexes), age (two indexes), body
 */
#ifndef QUIRE_TESTS_CRASH_WORLD_H
#define QUIRE_TESTS_CRASH_WORLD_H

#include "engine/engine.h"

#define WORLD_TRACKS_MAX 4U
#define WORLD_SLOTS_MAX  64U

struct world {
    uint64_t seed;
    uint32_t tracks, slots;
    uint32_t body_bytes_max; /* of the few large ones */
};

/* Transactions done, and for each slot the one that wrote it last (0: no row). */
struct world_track {
    uint64_t done;
    uint64_t versions[WORLD_SLOTS_MAX];
};

/* Makes tree, table and indexes. */
quire_status world_create(quire_txn *txn, quire_error *err);
/* Whether they are there. */
bool world_exists(quire_txn *txn);

/* Takes the model one transaction on. */
void world_step(const struct world *world, uint32_t track, struct world_track *state);
/* Does the same transaction: `state` is the track before it, and stays. */
quire_status world_apply(const struct world *world, quire_txn *txn, uint32_t track,
                         const struct world_track *state, quire_error *err);
/* Both in a transaction of its own; `state` moves on before the commit is asked for. */
quire_status world_commit(const struct world *world, quire_db *db, uint32_t track,
                          struct world_track *state, quire_error *err);

/* Reads how far each track is into `done`. */
void world_progress(const struct world *world, quire_txn *txn, uint64_t *done);
/* Compares every row with the model after as many transactions as the database says. Ends the
 * program when they differ. Leaves the tracks in `states`, whose elements may lag behind. */
void world_verify(const struct world *world, quire_txn *txn, struct world_track *states);

#endif
