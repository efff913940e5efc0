/*
 * What the work on a text costs, in steps: basic blocks of the GraphQL room
 * that ran (CMakeLists.txt). The same each time, on any machine.
 */
#ifndef QUIRE_TESTS_HOSTILE_MEASURE_H
#define QUIRE_TESTS_HOSTILE_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#include "quire/error.h"

/* What becomes of a text. */
enum subject {
    DOCUMENT,  /* lexed, parsed, measured by the limits, validated */
    SDL,       /* lexed, parsed, checked, built into a schema */
    TABLES,    /* the same, and into tables and their API */
    VARIABLES, /* read as JSON, coerced to the variables of an operation */
    REQUEST    /* given to a database */
};

struct cost {
    uint64_t steps;
    size_t bytes; /* of memory that the work took: in arenas, from which it is not given back */
    quire_status status;
};

struct cost measure(enum subject subject, const char *text);

/* The same on a thread of its own; *used receives how much of its stack was touched. */
struct cost measure_on_stack(enum subject subject, const char *text, size_t *used);

#endif
