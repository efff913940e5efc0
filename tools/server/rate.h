/*
 * What callers may have a second, counted in the cost of their requests: a bucket
 * for each caller, which fills at a rate up to a burst and which requests empty.
 *
 * There are as many buckets as fit a table of fixed size. Callers share sets of eight
 * by a keyed hash; in a full set the bucket that was used longest ago goes: it is
 * most likely full by then, which is what a new one is. Any thread.
 */
#ifndef QUIRE_SERVER_RATE_H
#define QUIRE_SERVER_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rate;

/* Units a second, and at once; both from 1 to a thousand million. NULL without memory. */
struct rate *rate_create(uint64_t per_second, uint64_t burst);
/* NULL is a no-op. */
void rate_free(struct rate *rate);

/* Who is told apart by these bytes, among callers of one kind. */
struct rate_caller {
    char kind;
    const void *bytes;
    size_t size;
};

/*
 * Takes `cost` units from the bucket of a caller, at a time in milliseconds that does not go back
 * by much. Returns 0; or, when there are too few, takes none and returns after how many
 * milliseconds there will be enough. A cost beyond the burst is taken from a full bucket, which
 * then owes the rest.
 *   paid   units that the same request has taken just before, and takes again when it comes again:
 *          a bucket that lacks those alone counts as full
 */
uint64_t rate_take(struct rate *rate, const struct rate_caller *caller, uint64_t cost,
                   uint64_t paid, uint64_t now_ms);

#endif
