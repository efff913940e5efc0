/*
 * What the example programs share: ending with a message when a call fails.
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <stdio.h>
#include <stdlib.h>

#include "quire/quire.h"

/* Runs a call that takes `err` last; on failure prints where and why, and ends the program. */
#define MUST(call)                                                                                 \
    do {                                                                                           \
        quire_error err = QUIRE_ERROR_INIT;                                                        \
        if ((call) != QUIRE_OK) {                                                                  \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, err.message);                       \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* Ends the program when something is not as the example says. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#endif
