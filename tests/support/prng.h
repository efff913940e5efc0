/*
 * A small random generator (splitmix64) whose whole state is its seed, so a
 * failed run is repeated by giving the seed again.
 */
#ifndef QUIRE_TESTS_PRNG_H
#define QUIRE_TESTS_PRNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prng {
    uint64_t state;
};

void prng_init(struct prng *prng, uint64_t seed);
/* Takes the seed from the environment variable QUIRE_SEED, else from the clock, and prints it to
 * the standard error stream with the name of what uses it. Returns the seed. */
uint64_t prng_init_printed(struct prng *prng, const char *name);

uint64_t prng_next(struct prng *prng);
/* Uniform in 0..bound-1; bound > 0. */
uint64_t prng_below(struct prng *prng, uint64_t bound);
/* True once in `n` calls on average. */
bool prng_one_in(struct prng *prng, uint64_t n);
void prng_fill(struct prng *prng, void *bytes, size_t size);

#endif
