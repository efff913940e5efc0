/*
 * Histories of transactions that append to lists, and the check that they could
 * have happened one after another, each when it was acknowledged or before.
 *
 * Every append has a value of its own, so that a list that is read tells which
 * transactions it shows and in which order they came. Two checks look at a
 * history, each on its own: one follows the commit numbers that the database
 * gave, the other believes none of them and looks for cycles of dependencies
 * (A. Adya, "Weak Consistency", 1999; K. Kingsbury and P. Alvaro, "Elle", 2020).
 *
 * A history is filled by one thread; the checks run when all threads are done.
 */
#ifndef QUIRE_TESTS_HISTORY_H
#define QUIRE_TESTS_HISTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTORY_NEVER UINT64_MAX

/* One list read, or one value appended. */
struct history_step {
    uint32_t key;
    uint32_t value; /* appended, unique in all histories that are merged; 0: a read */
    bool undone;    /* an append that a savepoint took back */
    uint32_t count; /* of the elements read, */
    size_t at;      /* which begin here in history.values */
};

struct history_txn {
    uint32_t session;
    bool write, committed;
    uint64_t began;                /* moments, of one clock that no two events share */
    _Atomic uint64_t acknowledged; /* or HISTORY_NEVER */
    uint64_t view;                 /* the commit number that it saw */
    _Atomic uint64_t sequence;     /* its own commit number, 0: not told */
    size_t first;                  /* of its steps */
    uint32_t steps;
};

/* Arrays of fixed capacity: nothing moves while a commit is outstanding. */
struct history {
    struct history_txn *txns;
    struct history_step *steps;
    uint32_t *values;
    size_t txn_count, txn_capacity;
    size_t step_count, step_capacity;
    size_t value_count, value_capacity;
};

/* False when there is no memory. */
bool history_create(struct history *history, size_t txns, size_t steps, size_t values);
void history_destroy(struct history *history);
bool history_has_room(const struct history *history, size_t steps, size_t values);
struct history_txn *history_begin(struct history *history, uint32_t session, bool write,
                                  uint64_t now);
void history_read(struct history *history, uint32_t key, const uint32_t *elements, uint32_t count);
/* The step stays in its place until the history is destroyed. */
struct history_step *history_append(struct history *history, uint32_t key, uint32_t value);
/* Adds all of another history. */
void history_merge(struct history *into, const struct history *from);

struct history_verdict {
    const char *anomaly; /* its name, or NULL */
    char text[512];      /* what was seen */
};

/* By the commit numbers: every transaction saw the lists as one commit left them, which is the one
 * its number says, and none older than what had been acknowledged when it began; numbers rise in
 * each session. Anomalies: "aborted read", "wrong version", "stale read", "numbers fall",
 * "lost update" (from the transaction `last`, which has read all lists at the end). */
void history_check_numbers(const struct history *history, struct history_verdict *verdict);

/* By the lists alone: "aborted read" (G1a), "intermediate read" (G1b), "incompatible order",
 * "duplicate", "garbage", "lost update", and cycles: "G0", "G1c", "G-single", "G2", each with
 * "-realtime" when it needs the order of acknowledgements. */
void history_check_cycles(const struct history *history, struct history_verdict *verdict);

#endif
