/*
 * splitmix64.
 */
#include "support/prng.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void prng_init(struct prng *prng, uint64_t seed)
{
    prng->state = seed;
}

uint64_t prng_init_printed(struct prng *prng, const char *name)
{
    const char *given = getenv("QUIRE_SEED");
    uint64_t seed;
    if (given != NULL) {
        seed = strtoull(given, NULL, 0);
    } else {
        struct timespec now;
        timespec_get(&now, TIME_UTC);
        seed = (uint64_t)now.tv_sec * 1000000007U + (uint64_t)now.tv_nsec;
    }
    fprintf(stderr, "%s: QUIRE_SEED=%" PRIu64 "\n", name, seed);
    prng_init(prng, seed);
    return seed;
}

uint64_t prng_next(struct prng *prng)
{
    uint64_t z = (prng->state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint64_t prng_below(struct prng *prng, uint64_t bound)
{
    /* Numbers from the incomplete last run of `bound` are drawn again. */
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t value;
    do {
        value = prng_next(prng);
    } while (value >= limit);
    return value % bound;
}

bool prng_one_in(struct prng *prng, uint64_t n)
{
    return prng_below(prng, n) == 0;
}

void prng_fill(struct prng *prng, void *bytes, size_t size)
{
    uint8_t *out = bytes;
    while (size > 0) {
        uint64_t value = prng_next(prng);
        size_t part = size < sizeof value ? size : sizeof value;
        memcpy(out, &value, part);
        out += part;
        size -= part;
    }
}
