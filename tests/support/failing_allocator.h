/*
 * An allocator that fails when told to, counts what is live, and checks that
 * every block is given back with the size that it was taken with.
 *
 * Loop of a test over all failures: arm the n-th allocation for n = 0, 1, ...
 * until the operation succeeds; after each round nothing may be live.
 * Any thread.
 */
#ifndef QUIRE_TESTS_FAILING_ALLOCATOR_H
#define QUIRE_TESTS_FAILING_ALLOCATOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "quire/memory.h"

#define FAILING_ALLOCATOR_NEVER UINT64_MAX

struct failing_allocator {
    quire_allocator allocator; /* hand out its address; do not move the struct */
    _Atomic uint64_t calls;    /* allocations and reallocations asked for, since armed */
    _Atomic uint64_t fail_at;  /* index of the call that fails */
    atomic_bool forever;       /* and all after it */
    _Atomic uint64_t failures; /* calls that were made to fail, since armed */
    _Atomic int64_t live_bytes;
    _Atomic int64_t live_blocks;
    _Atomic uint64_t mistakes; /* wrong size, foreign or doubly freed block */
};

void failing_allocator_init(struct failing_allocator *failing);

/* Makes call `index` from now (0 = the next) fail, and with `forever` all later ones. Disarm with
 * FAILING_ALLOCATOR_NEVER. Resets `calls` and `failures`. */
void failing_allocator_arm(struct failing_allocator *failing, uint64_t index, bool forever);

/* Whether everything was given back, and correctly. */
bool failing_allocator_is_clean(const struct failing_allocator *failing);

#endif
