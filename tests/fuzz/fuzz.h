/*
 * What every fuzz target defines, and how it says that something is wrong.
 *
 * A target feeds one input to the public interface and undoes all effects, so
 * that inputs do not influence each other. It ends the process when a promise
 * of the interface does not hold.
 */
#ifndef QUIRE_TESTS_FUZZ_H
#define QUIRE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "quire/quire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_REQUIRE(condition)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);          \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A schema that has a bit of everything. */
extern const char fuzz_schema[];

/* A private database with that schema and a few rows; made once. */
quire_db *fuzz_database(void);

/* Splits an input at its first zero byte; without one the second part is empty. */
struct fuzz_parts {
    const char *first, *second;
    size_t first_size, second_size;
};
struct fuzz_parts fuzz_split(const uint8_t *data, size_t size);

#endif
