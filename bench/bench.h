/*
 * What a benchmark workload needs from a storage engine, and what it reports.
 *
 * Every engine stores rows of a signed 64-bit key and a value of BENCH_VALUE
 * bytes. A value is computed from its key and a version, so that every read can
 * be verified. Adaptors return 0, or -1 after printing why.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_VALUE 100

/* Bytes of a key as text: "key-" and twelve digits, ordered as the numbers are. */
#define BENCH_TEXT 16

struct bench_config {
    const char *directory; /* empty and private to this database */
    bool durable;          /* commits are synced before they return */
    uint64_t cache_bytes;  /* the engine's own cache, where it has one */
    uint32_t threads_max;  /* sessions open at once */
    bool text_keys;        /* keys are stored as text; rows are in the order of their bytes */
    bool long_log;         /* nothing is moved out of the log while the workload runs */
};

struct bench_db;
struct bench_session; /* one thread's connection */

/* Called for each row of a scan; the value is borrowed. */
typedef void (*bench_visit)(void *context, int64_t key, const void *value, size_t size);

struct bench_engine {
    const char *name;
    const char *settings; /* in one line, as printed beside the figures */
    const char *only;     /* these workloads, comma-separated; NULL: all */
    int (*open)(const struct bench_config *config, struct bench_db **out);
    int (*close)(struct bench_db *db);
    int (*session_open)(struct bench_db *db, struct bench_session **out);
    void (*session_close)(struct bench_session *session);

    int (*write_begin)(struct bench_session *session);
    /* Inserts or replaces. `append` says that the key is above all others. */
    int (*put)(struct bench_session *session, int64_t key, const void *value, bool append);
    int (*write_commit)(struct bench_session *session);

    /* Loads the rows 0 .. rows-1 into the empty database in the fastest way that the engine has;
     * NULL: one write transaction of puts. */
    int (*bulk_load)(struct bench_session *session, uint64_t rows);

    /* A snapshot that stays as it is until read_end. NULL: the engine takes part only where nothing
     * is read. */
    int (*read_begin)(struct bench_session *session);
    /* Copies the value of `key` into `value`; *found says whether it exists. */
    int (*get)(struct bench_session *session, int64_t key, void *value, bool *found);
    /* Visits the rows of some keys, in any order; NULL where an engine has no call for that: then
     * `get` is called for each. */
    int (*get_many)(struct bench_session *session, const int64_t *keys, size_t count,
                    bench_visit visit, void *context);
    /* Visits up to `limit` rows from `from` on, in key order. */
    int (*scan)(struct bench_session *session, int64_t from, uint64_t limit, bench_visit visit,
                void *context);
    int (*read_end)(struct bench_session *session);
};

/* The engines compiled in, Quire first; NULL-terminated. */
extern const struct bench_engine *const bench_engines[];

extern const struct bench_engine bench_quire;
extern const struct bench_engine bench_quire_64m;
extern const struct bench_engine bench_raw;
extern const struct bench_engine bench_sqlite;
extern const struct bench_engine bench_lmdb;
extern const struct bench_engine bench_leveldb;
extern const struct bench_engine bench_rocksdb;
extern const struct bench_engine bench_wiredtiger;

struct bench_options {
    uint64_t rows;
    double seconds;   /* of each timed workload */
    uint32_t repeats; /* the median is reported */
    uint64_t cache_bytes;
    bool cpu_time; /* rates count the time that a thread runs, not that which passes */
    const char *directory;
};

/* One measured figure. */
struct bench_result {
    double rate;         /* operations per second */
    double second_rate;  /* of the other role in two-role workloads; 0 when none */
    double p99_us;       /* 99th percentile of one operation; 0 when not sampled */
    uint64_t operations; /* done and verified */
    uint64_t bytes;      /* size of the database's files at the end; 0 when not measured */
};

struct bench_workload {
    const char *name;
    const char *unit;
    const char *second_unit; /* NULL when there is one role */
    const char *description;
    int (*run)(const struct bench_engine *engine, const struct bench_options *options,
               struct bench_result *result);
    bool reads; /* an engine that cannot has no part in it */
};

extern const struct bench_workload bench_workloads[];
extern const size_t bench_workload_count;

/* Fills the value of a key at a version; bench_verify checks one of any version and returns it. */
void bench_fill(void *value, int64_t key, uint64_t version);
bool bench_verify(const void *value, size_t size, int64_t key, uint64_t *version);

/* A key as BENCH_TEXT bytes, and back. */
void bench_text(char *text, int64_t key);
int64_t bench_number(const void *text);

uint64_t bench_random(uint64_t *state);
double bench_now(void);
/* Seconds that the thread has run, if `cpu_time`, or that have passed. */
double bench_clock(bool cpu_time);

/* Prints "ENGINE: WHAT: DETAIL" to stderr and returns -1. */
int bench_fail(const char *engine, const char *what, const char *detail);

#endif
