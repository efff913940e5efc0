/*
 * A database that a workload fills, checks and throws away.
 */
#ifndef BENCH_SCRATCH_H
#define BENCH_SCRATCH_H

#include "bench.h"

#define LOAD_BATCH      1000U /* rows of one transaction of scratch_fill */
#define SCRATCH_THREADS 32U

struct scratch {
    char directory[400];
    const struct bench_engine *engine;
    struct bench_config config;
    struct bench_db *db;
};

/* A new database in a directory of its own below the configured one. */
int scratch_open(struct scratch *s, const struct bench_engine *engine,
                 const struct bench_options *options, bool durable);

/* The same with what else the workload sets in `config`. */
int scratch_open_with(struct scratch *s, const struct bench_engine *engine,
                      const struct bench_options *options, struct bench_config config);

/* Closes the database and opens it again; no session may be open. */
int scratch_reopen(struct scratch *s);

/* Closes, tells the size of the files in result->bytes unless `result` is NULL, removes them. */
int scratch_close(struct scratch *s, struct bench_result *result);

/* Bytes of all files below a directory. */
uint64_t scratch_bytes(const char *directory);

/* Writes rows 0..rows-1 at version 0, LOAD_BATCH a transaction. */
int scratch_fill(struct scratch *s, uint64_t rows, bool random_order);

/* The same in one transaction; in order, by the fastest way that the engine has. */
int scratch_fill_at_once(struct scratch *s, uint64_t rows, bool random_order);

/* Scans from `from` on and fails unless there are `expected` rows of rising keys without a gap,
 * each with its own value; *versions, unless NULL, gets the sum of their versions. */
int scratch_check_scan(const struct bench_engine *engine, struct bench_session *session,
                       int64_t from, uint64_t limit, uint64_t expected, uint64_t *versions);

#endif
