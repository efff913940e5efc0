/*
 * What quire-bench graphql found out, and how it is printed.
 */
#ifndef BENCH_GRAPHQL_REPORT_H
#define BENCH_GRAPHQL_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#define GRAPHQL_PEERS 2U
/* Quire, the same with documents prepared, and the peers: graphql-jit, graphql-js. */
#define GRAPHQL_SIDES       (2U + GRAPHQL_PEERS)
#define GRAPHQL_REPEATS_MAX 15U
#define GRAPHQL_QUERIES_MAX 8U

struct graphql_figure {
    double rate, p99_us;
};

struct graphql_side {
    struct graphql_figure runs[GRAPHQL_REPEATS_MAX];
    struct graphql_figure median;
};

struct graphql_counted {
    double allocations; /* of a request */
    uint64_t peak;      /* most bytes in use at a time, above what was before it; the largest */
    uint64_t response;  /* bytes; of the last one */
};

struct graphql_result {
    bool measured;
    struct graphql_side sides[GRAPHQL_SIDES];
    struct graphql_figure durable; /* of a mutation whose commit is synced */
    struct graphql_counted counted;
};

/* Prints the results of graphql_queries, in that order, as text or as Markdown. */
void graphql_report(const struct graphql_result results[GRAPHQL_QUERIES_MAX], bool markdown);

#endif
