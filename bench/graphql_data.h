/*
 * What the GraphQL benchmarks ask: users, their posts, comments on these, and
 * the requests. Everything follows from the number of users, so that each side
 * can be given the same, and answers are known.
 */
#ifndef BENCH_GRAPHQL_DATA_H
#define BENCH_GRAPHQL_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ten posts and thirty comments a user. A quarter of the users have twenty posts each, with five
 * comments on every one. A multiple of 20, and not of CREATED_STEP. */
#define GRAPHQL_USERS       10000U
#define GRAPHQL_USERS_SMOKE 400U

/* Bytes that the variables of any request fit in. */
#define GRAPHQL_VARIABLES 512U

extern const char graphql_schema[];

/* Takes the next bytes; nonzero ends the writing. */
typedef int (*graphql_sink)(void *context, const char *text, size_t size);

/* Writes all rows as one JSON object of lists, {"User":[{...}],...}; returns what the sink did. */
int graphql_data_write(uint64_t users, graphql_sink sink, void *context);

struct graphql_query {
    const char *name;
    const char *description;
    const char *document;
    uint32_t rows;     /* read for an answer */
    uint32_t variants; /* sets of variables that take turns; 0: each request has its own */
    /* Writes the JSON text of a variant's variables; NULL: the document has none. */
    void (*variables)(char *out, size_t size, uint64_t users, uint64_t variant);
};

extern const struct graphql_query graphql_queries[];
extern const size_t graphql_query_count;

/* A mutation: it has no variants, since no row is created twice. */
static inline bool graphql_writes(const struct graphql_query *query)
{
    return query->variants == 0;
}

#endif
