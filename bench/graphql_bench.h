/*
 * The command `quire-bench graphql`.
 */
#ifndef BENCH_GRAPHQL_BENCH_H
#define BENCH_GRAPHQL_BENCH_H

/* Arguments from "graphql" on; returns the exit code. */
int graphql_bench(int argc, char **argv);

#endif
