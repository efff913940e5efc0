/*
 * The named workloads. Each opens a fresh database in a directory of its own,
 * does the work, verifies every value that it reads, and closes.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"

#define RANGE_ROWS  100U
#define COMMIT_ROWS 100000U /* table size of the commit workloads at most */
#define SAMPLES_MAX 200000U
#define THREADS_MAX SCRATCH_THREADS
#define MANY_KEYS   16U
#define LOG_COMMITS 100000U /* one-row commits that make a log long */
#define OLD_COMMITS 10000U  /* ... and a snapshot old: SQLite's then take ever longer */

/* ---- Loads ---- */

static int load(const struct bench_engine *engine, const struct bench_options *options,
                struct bench_result *result, bool random_order,
                int (*fill)(struct scratch *s, uint64_t rows, bool random_order))
{
    struct scratch s;
    struct bench_session *session;
    double start;

    if (scratch_open(&s, engine, options, false) != 0) {
        return -1;
    }
    start = bench_now();
    if (fill(&s, options->rows, random_order) != 0) {
        return -1;
    }
    result->rate = (double)options->rows / (bench_now() - start);
    result->operations = options->rows;
    if (engine->session_open(s.db, &session) != 0 || engine->read_begin(session) != 0 ||
        scratch_check_scan(engine, session, 0, UINT64_MAX, options->rows, NULL) != 0 ||
        engine->read_end(session) != 0) {
        return -1;
    }
    engine->session_close(session);
    return scratch_close(&s, result);
}

static int load_sequential(const struct bench_engine *engine, const struct bench_options *options,
                           struct bench_result *result)
{
    return load(engine, options, result, false, scratch_fill);
}

static int load_random(const struct bench_engine *engine, const struct bench_options *options,
                       struct bench_result *result)
{
    return load(engine, options, result, true, scratch_fill);
}

static int load_bulk(const struct bench_engine *engine, const struct bench_options *options,
                     struct bench_result *result)
{
    return load(engine, options, result, false, scratch_fill_at_once);
}

static int load_shuffled(const struct bench_engine *engine, const struct bench_options *options,
                         struct bench_result *result)
{
    return load(engine, options, result, true, scratch_fill_at_once);
}

/* ---- Timed roles ---- */

/* The held ones work in one snapshot for as long as they run, the others in one for each step. */
enum role { ROLE_COMMIT, ROLE_GET, ROLE_SCAN, ROLE_SNAPSHOT, ROLE_GET_HELD, ROLE_MANY_HELD };

struct worker {
    const struct bench_engine *engine;
    struct bench_db *db;
    enum role role;
    uint64_t rows;
    uint64_t seed;
    atomic_bool *stop;
    uint64_t operations;
    double seconds;
    bool cpu_time;
    int status;
    float *samples_us;
    size_t sample_count;
};

static int work_commit(struct worker *w, struct bench_session *session)
{
    char value[BENCH_VALUE];
    int64_t key = (int64_t)(bench_random(&w->seed) % w->rows);
    bench_fill(value, key, bench_random(&w->seed) >> 32);
    if (w->engine->write_begin(session) != 0 || w->engine->put(session, key, value, false) != 0) {
        return -1;
    }
    return w->engine->write_commit(session);
}

static int get_one(const struct bench_engine *engine, struct bench_session *session, int64_t key)
{
    char value[BENCH_VALUE];
    uint64_t version;
    bool found;
    if (engine->get(session, key, value, &found) != 0) {
        return -1;
    }
    if (!found || !bench_verify(value, sizeof value, key, &version)) {
        return bench_fail(engine->name, "get", "a row is wrong or missing");
    }
    return 0;
}

static int work_get_held(struct worker *w, struct bench_session *session)
{
    return get_one(w->engine, session, (int64_t)(bench_random(&w->seed) % w->rows));
}

static int work_get(struct worker *w, struct bench_session *session)
{
    if (w->engine->read_begin(session) != 0 || work_get_held(w, session) != 0) {
        return -1;
    }
    return w->engine->read_end(session);
}

static void check_one_of_many(void *context, int64_t key, const void *value, size_t size)
{
    uint64_t version;
    *(size_t *)context += bench_verify(value, size, key, &version);
}

static int work_many(struct worker *w, struct bench_session *session)
{
    int64_t keys[MANY_KEYS];
    size_t good = 0;
    for (size_t i = 0; i < MANY_KEYS; i++) {
        keys[i] = (int64_t)(bench_random(&w->seed) % w->rows);
    }
    if (w->engine->get_many == NULL) {
        for (size_t i = 0; i < MANY_KEYS; i++) {
            if (get_one(w->engine, session, keys[i]) != 0) {
                return -1;
            }
        }
        return 0;
    }
    if (w->engine->get_many(session, keys, MANY_KEYS, check_one_of_many, &good) != 0) {
        return -1;
    }
    return good == MANY_KEYS ? 0
                             : bench_fail(w->engine->name, "get many", "a row is wrong or missing");
}

static int work_scan(struct worker *w, struct bench_session *session)
{
    int64_t from = (int64_t)(bench_random(&w->seed) % (w->rows - RANGE_ROWS));
    if (w->engine->read_begin(session) != 0 ||
        scratch_check_scan(w->engine, session, from, RANGE_ROWS, RANGE_ROWS, NULL) != 0) {
        return -1;
    }
    return w->engine->read_end(session);
}

static int work_snapshot(struct worker *w, struct bench_session *session)
{
    return w->engine->read_begin(session) == 0 ? w->engine->read_end(session) : -1;
}

static void *work(void *context)
{
    struct worker *w = context;
    struct bench_session *session;
    int (*const roles[])(struct worker *, struct bench_session *) = {
        work_commit, work_get, work_scan, work_snapshot, work_get_held, work_many};
    bool held = w->role == ROLE_GET_HELD || w->role == ROLE_MANY_HELD;
    double start;

    w->status = w->engine->session_open(w->db, &session);
    if (w->status == 0 && held) {
        w->status = w->engine->read_begin(session);
    }
    if (w->status != 0) {
        return NULL;
    }
    start = bench_clock(w->cpu_time);
    /* Reads are too short to time one by one: one in 64 is sampled. */
    while (!atomic_load_explicit(w->stop, memory_order_relaxed)) {
        bool sampled = w->role == ROLE_COMMIT || (w->operations & 63) == 0;
        double before = sampled ? bench_now() : 0;
        w->status = roles[w->role](w, session);
        if (w->status != 0) {
            break;
        }
        if (sampled && w->sample_count < SAMPLES_MAX) {
            w->samples_us[w->sample_count++] = (float)((bench_now() - before) * 1e6);
        }
        w->operations++;
    }
    w->seconds = bench_clock(w->cpu_time) - start;
    if (held && w->status == 0) {
        w->status = w->engine->read_end(session);
    }
    w->engine->session_close(session);
    return NULL;
}

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

static double percentile99(struct worker *workers, size_t count, enum role role)
{
    size_t total = 0;
    double value = 0;
    float *all = malloc(sizeof *all * SAMPLES_MAX * count);
    if (all == NULL) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (workers[i].role == role) {
            memcpy(all + total, workers[i].samples_us, sizeof *all * workers[i].sample_count);
            total += workers[i].sample_count;
        }
    }
    if (total > 0) {
        qsort(all, total, sizeof *all, compare_floats);
        value = (double)all[(total - 1) * 99 / 100];
    }
    free(all);
    return value;
}

/* Runs the roles side by side for the configured time. The first role's rate is the result's rate,
 * that of a different role its second rate. */
static int run_roles(struct scratch *s, const struct bench_options *options, uint64_t rows,
                     const enum role *roles, size_t count, struct bench_result *result)
{
    struct worker workers[THREADS_MAX + 1];
    pthread_t threads[THREADS_MAX + 1];
    atomic_bool stop = false;
    int status = 0;

    for (size_t i = 0; i < count; i++) {
        workers[i] = (struct worker){.engine = s->engine,
                                     .db = s->db,
                                     .role = roles[i],
                                     .rows = rows,
                                     .seed = (uint64_t)(bench_now() * 1e6) + i * 7919,
                                     .stop = &stop,
                                     .cpu_time = options->cpu_time,
                                     .samples_us = malloc(sizeof(float) * SAMPLES_MAX)};
        if (workers[i].samples_us == NULL ||
            pthread_create(&threads[i], NULL, work, &workers[i]) != 0) {
            return bench_fail(s->engine->name, "threads", "cannot start");
        }
    }
    usleep((useconds_t)(options->seconds * 1e6));
    atomic_store(&stop, true);
    result->rate = 0;
    result->second_rate = 0;
    result->operations = 0;
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        double rate = (double)workers[i].operations / workers[i].seconds;
        status |= workers[i].status;
        result->operations += workers[i].operations;
        *(roles[i] == roles[0] ? &result->rate : &result->second_rate) += rate;
    }
    result->p99_us = percentile99(workers, count, roles[0]);
    for (size_t i = 0; i < count; i++) {
        free(workers[i].samples_us);
    }
    return status;
}

static uint64_t commit_rows(const struct bench_options *options)
{
    return options->rows < COMMIT_ROWS ? options->rows : COMMIT_ROWS;
}

static int timed(const struct bench_engine *engine, const struct bench_options *options,
                 struct bench_result *result, bool durable, uint64_t rows, const enum role *roles,
                 size_t count)
{
    struct scratch s;
    if (scratch_open(&s, engine, options, durable) != 0 || scratch_fill(&s, rows, false) != 0 ||
        run_roles(&s, options, rows, roles, count, result) != 0) {
        return -1;
    }
    return scratch_close(&s, result);
}

static int commit_1(const struct bench_engine *engine, const struct bench_options *options,
                    struct bench_result *result)
{
    const enum role roles[] = {ROLE_COMMIT};
    return timed(engine, options, result, true, commit_rows(options), roles, 1);
}

static int commit_8(const struct bench_engine *engine, const struct bench_options *options,
                    struct bench_result *result)
{
    const enum role roles[8] = {ROLE_COMMIT};
    return timed(engine, options, result, true, commit_rows(options), roles, 8);
}

static int commit_32(const struct bench_engine *engine, const struct bench_options *options,
                     struct bench_result *result)
{
    const enum role roles[32] = {ROLE_COMMIT};
    return timed(engine, options, result, true, commit_rows(options), roles, 32);
}

static int update_1(const struct bench_engine *engine, const struct bench_options *options,
                    struct bench_result *result)
{
    const enum role roles[] = {ROLE_COMMIT};
    return timed(engine, options, result, false, options->rows, roles, 1);
}

static int snapshot(const struct bench_engine *engine, const struct bench_options *options,
                    struct bench_result *result)
{
    const enum role roles[] = {ROLE_SNAPSHOT};
    return timed(engine, options, result, false, options->rows, roles, 1);
}

static int get_1(const struct bench_engine *engine, const struct bench_options *options,
                 struct bench_result *result)
{
    const enum role roles[] = {ROLE_GET};
    return timed(engine, options, result, false, options->rows, roles, 1);
}

static int get_2(const struct bench_engine *engine, const struct bench_options *options,
                 struct bench_result *result)
{
    const enum role roles[] = {ROLE_GET, ROLE_GET};
    return timed(engine, options, result, false, options->rows, roles, 2);
}

static int scan_range(const struct bench_engine *engine, const struct bench_options *options,
                      struct bench_result *result)
{
    const enum role roles[] = {ROLE_SCAN};
    return timed(engine, options, result, false, options->rows, roles, 1);
}

static int get_held(const struct bench_engine *engine, const struct bench_options *options,
                    struct bench_result *result)
{
    const enum role roles[] = {ROLE_GET_HELD};
    return timed(engine, options, result, false, options->rows, roles, 1);
}

static int get_many(const struct bench_engine *engine, const struct bench_options *options,
                    struct bench_result *result)
{
    const enum role roles[] = {ROLE_MANY_HELD};
    if (timed(engine, options, result, false, options->rows, roles, 1) != 0) {
        return -1;
    }
    result->rate *= MANY_KEYS;
    return 0;
}

static int timed_text(const struct bench_engine *engine, const struct bench_options *options,
                      struct bench_result *result, enum role role)
{
    struct scratch s;
    const enum role roles[] = {role};
    if (scratch_open_with(&s, engine, options, (struct bench_config){.text_keys = true}) != 0 ||
        scratch_fill(&s, options->rows, false) != 0 ||
        run_roles(&s, options, options->rows, roles, 1, result) != 0) {
        return -1;
    }
    return scratch_close(&s, result);
}

static int get_text(const struct bench_engine *engine, const struct bench_options *options,
                    struct bench_result *result)
{
    return timed_text(engine, options, result, ROLE_GET);
}

static int scan_text(const struct bench_engine *engine, const struct bench_options *options,
                     struct bench_result *result)
{
    return timed_text(engine, options, result, ROLE_SCAN);
}

/* Commits one-row updates of random rows. */
static int update_rows(struct scratch *s, uint64_t rows, uint64_t commits)
{
    struct bench_session *session;
    struct worker w = {.engine = s->engine, .rows = rows, .seed = 7};
    if (s->engine->session_open(s->db, &session) != 0) {
        return -1;
    }
    for (uint64_t i = 0; i < commits; i++) {
        if (work_commit(&w, session) != 0) {
            return -1;
        }
    }
    s->engine->session_close(session);
    return 0;
}

/* The rate of point reads after many commits that nothing has moved out of the log, and as the
 * second rate the one before them. */
static int get_long_log(const struct bench_engine *engine, const struct bench_options *options,
                        struct bench_result *result)
{
    const enum role roles[] = {ROLE_GET};
    struct bench_result before;
    struct scratch s;
    if (scratch_open_with(&s, engine, options, (struct bench_config){.long_log = true}) != 0 ||
        scratch_fill(&s, options->rows, false) != 0 ||
        run_roles(&s, options, options->rows, roles, 1, &before) != 0 ||
        update_rows(&s, options->rows, LOG_COMMITS) != 0 ||
        run_roles(&s, options, options->rows, roles, 1, result) != 0) {
        return -1;
    }
    result->second_rate = before.rate;
    return scratch_close(&s, result);
}

static int timed_gets(const struct bench_engine *engine, struct bench_session *session,
                      const struct bench_options *options, double *rate)
{
    uint64_t seed = 11;
    uint64_t gets = 0;
    double start = bench_clock(options->cpu_time);
    do {
        for (int i = 0; i < 1000; i++) {
            if (get_one(engine, session, (int64_t)(bench_random(&seed) % options->rows)) != 0) {
                return -1;
            }
        }
        gets += 1000;
    } while (bench_clock(options->cpu_time) - start < options->seconds);
    *rate = (double)gets / (bench_clock(options->cpu_time) - start);
    return 0;
}

/* The rate of point reads in a snapshot that many commits have left behind, and as the second rate
 * the one in it before them. */
static int get_old(const struct bench_engine *engine, const struct bench_options *options,
                   struct bench_result *result)
{
    struct scratch s;
    struct bench_session *session;
    if (scratch_open(&s, engine, options, false) != 0 ||
        scratch_fill(&s, options->rows, false) != 0 || engine->session_open(s.db, &session) != 0 ||
        engine->read_begin(session) != 0 ||
        timed_gets(engine, session, options, &result->second_rate) != 0 ||
        update_rows(&s, options->rows, OLD_COMMITS) != 0 ||
        timed_gets(engine, session, options, &result->rate) != 0 ||
        engine->read_end(session) != 0) {
        return -1;
    }
    engine->session_close(session);
    return scratch_close(&s, result);
}

static int mixed(const struct bench_engine *engine, const struct bench_options *options,
                 struct bench_result *result)
{
    const enum role roles[] = {ROLE_COMMIT, ROLE_GET};
    return timed(engine, options, result, true, options->rows, roles, 2);
}

static int scan_full(const struct bench_engine *engine, const struct bench_options *options,
                     struct bench_result *result)
{
    struct scratch s;
    struct bench_session *session;
    double start;
    uint64_t scans = 0;

    if (scratch_open(&s, engine, options, false) != 0 ||
        scratch_fill(&s, options->rows, false) != 0 || engine->session_open(s.db, &session) != 0) {
        return -1;
    }
    start = bench_clock(options->cpu_time);
    do {
        if (engine->read_begin(session) != 0 ||
            scratch_check_scan(engine, session, 0, UINT64_MAX, options->rows, NULL) != 0 ||
            engine->read_end(session) != 0) {
            return -1;
        }
        scans++;
    } while (bench_clock(options->cpu_time) - start < options->seconds);
    result->operations = scans * options->rows;
    result->rate = (double)result->operations / (bench_clock(options->cpu_time) - start);
    engine->session_close(session);
    return scratch_close(&s, result);
}

/* One transaction of LOAD_BATCH updates of random rows. `versions` has what each row carries. */
static int update_batch(const struct bench_engine *engine, struct bench_session *session,
                        uint64_t *versions, uint64_t rows, uint64_t version, uint64_t *seed)
{
    char value[BENCH_VALUE];
    if (engine->write_begin(session) != 0) {
        return -1;
    }
    for (unsigned i = 0; i < LOAD_BATCH; i++) {
        uint64_t key = bench_random(seed) % rows;
        bench_fill(value, (int64_t)key, version);
        versions[key] = version;
        if (engine->put(session, (int64_t)key, value, false) != 0) {
            return -1;
        }
    }
    return engine->write_commit(session);
}

/* Commits batches for the configured time, then reads all rows back: each must carry the version
 * that was written last. */
static int run_batches(struct scratch *s, const struct bench_options *options, uint64_t *versions,
                       struct worker *timed_in, struct bench_result *result)
{
    const struct bench_engine *engine = s->engine;
    struct bench_session *session;
    uint64_t seed = 1;
    uint64_t batches = 0;
    uint64_t expected = 0;
    uint64_t found = 0;
    if (engine->session_open(s->db, &session) != 0) {
        return -1;
    }
    double start = bench_now();
    double now = start;
    while (now - start < options->seconds) {
        double before = now;
        if (update_batch(engine, session, versions, options->rows, ++batches, &seed) != 0) {
            return -1;
        }
        now = bench_now();
        if (timed_in->sample_count < SAMPLES_MAX) {
            timed_in->samples_us[timed_in->sample_count++] = (float)((now - before) * 1e6);
        }
    }
    result->operations = batches * LOAD_BATCH;
    result->rate = (double)result->operations / (now - start);
    result->p99_us = percentile99(timed_in, 1, ROLE_COMMIT);
    for (uint64_t i = 0; i < options->rows; i++) {
        expected += versions[i];
    }
    if (engine->read_begin(session) != 0 ||
        scratch_check_scan(engine, session, 0, UINT64_MAX, options->rows, &found) != 0 ||
        engine->read_end(session) != 0) {
        return -1;
    }
    if (found != expected) {
        return bench_fail(engine->name, "batches", "rows carry other versions than were written");
    }
    engine->session_close(session);
    return 0;
}

static int batch_random(const struct bench_engine *engine, const struct bench_options *options,
                        struct bench_result *result)
{
    struct scratch s;
    struct worker timed_in = {.role = ROLE_COMMIT,
                              .samples_us = malloc(sizeof(float) * SAMPLES_MAX)};
    uint64_t *versions = calloc(options->rows, sizeof *versions);
    int status = -1;
    if (versions == NULL || timed_in.samples_us == NULL) {
        (void)bench_fail(engine->name, "batches", "out of memory");
    } else if (scratch_open(&s, engine, options, true) == 0 &&
               scratch_fill(&s, options->rows, false) == 0 &&
               run_batches(&s, options, versions, &timed_in, result) == 0) {
        status = scratch_close(&s, result);
    }
    free(versions);
    free(timed_in.samples_us);
    return status;
}

/* Opens a database that was closed in order, and reads one row. */
static int open_close(const struct bench_engine *engine, const struct bench_options *options,
                      struct bench_result *result)
{
    struct scratch s;
    uint64_t seed = 1;
    double start;

    if (scratch_open(&s, engine, options, false) != 0 ||
        scratch_fill(&s, options->rows, false) != 0 || scratch_reopen(&s) != 0) {
        return -1;
    }
    start = bench_now();
    do {
        struct worker w = {.engine = engine, .rows = options->rows, .seed = seed++};
        struct bench_session *session;
        if (scratch_reopen(&s) != 0 || engine->session_open(s.db, &session) != 0 ||
            work_get(&w, session) != 0) {
            return -1;
        }
        engine->session_close(session);
        result->operations++;
    } while (bench_now() - start < options->seconds);
    result->rate = (double)result->operations / (bench_now() - start);
    return scratch_close(&s, result);
}

/* One snapshot is held while a writer commits without syncs: the writer's rate with it, and as the
 * second rate the writer's rate without. The snapshot must read the same before and after. */
static int held_snapshot(const struct bench_engine *engine, const struct bench_options *options,
                         struct bench_result *result)
{
    const enum role roles[] = {ROLE_COMMIT};
    uint64_t rows = commit_rows(options);
    struct bench_result alone;
    struct scratch s;
    struct bench_session *session;
    uint64_t before = 0;
    uint64_t after = 0;

    if (scratch_open(&s, engine, options, false) != 0 || scratch_fill(&s, rows, false) != 0 ||
        run_roles(&s, options, rows, roles, 1, &alone) != 0 ||
        engine->session_open(s.db, &session) != 0 || engine->read_begin(session) != 0 ||
        scratch_check_scan(engine, session, 0, UINT64_MAX, rows, &before) != 0 ||
        run_roles(&s, options, rows, roles, 1, result) != 0 ||
        scratch_check_scan(engine, session, 0, UINT64_MAX, rows, &after) != 0) {
        return -1;
    }
    if (before != after) {
        return bench_fail(engine->name, "held snapshot", "it changed under its reader");
    }
    result->second_rate = alone.rate;
    result->bytes = scratch_bytes(s.directory);
    if (engine->read_end(session) != 0) {
        return -1;
    }
    engine->session_close(session);
    return scratch_close(&s, NULL);
}

const struct bench_workload bench_workloads[] = {
    {"load-sequential", "rows/s", NULL, "rows in key order, 1,000 a commit, no syncs",
     load_sequential, true},
    {"load-random", "rows/s", NULL, "rows in random order, 1,000 a commit, no syncs", load_random,
     true},
    {"load-bulk", "rows/s", NULL, "rows in key order, each engine's fastest way", load_bulk, true},
    {"load-shuffled", "rows/s", NULL, "rows in random order, one commit, no syncs", load_shuffled,
     true},
    {"commit-1", "commits/s", NULL, "durable one-row updates, one thread", commit_1, false},
    {"commit-8", "commits/s", NULL, "durable one-row updates, eight threads", commit_8, false},
    {"commit-32", "commits/s", NULL, "durable one-row updates, 32 threads", commit_32, false},
    {"batch-random", "rows/s", NULL, "durable updates of 1,000 random rows a commit", batch_random,
     true},
    {"update-1", "commits/s", NULL, "one-row updates without syncs, one thread", update_1, true},
    {"open", "opens/s", NULL, "open, one point read, close", open_close, true},
    {"snapshot", "snapshots/s", NULL, "a snapshot begun and ended", snapshot, true},
    {"get-1", "reads/s", NULL, "random point reads, a snapshot each, one thread", get_1, true},
    {"get-2", "reads/s", NULL, "random point reads, a snapshot each, two threads", get_2, true},
    {"get-held", "reads/s", NULL, "random point reads in one snapshot, one thread", get_held, true},
    {"get-many", "reads/s", NULL, "random point reads in one snapshot, sixteen at a time", get_many,
     true},
    {"get-text", "reads/s", NULL, "random point reads by a key of text, a snapshot each", get_text,
     true},
    {"get-long-log", "reads/s", "without",
     "random point reads after 100,000 commits that are in the log alone", get_long_log, true},
    {"get-old", "reads/s", "without",
     "random point reads in one snapshot that 10,000 commits have left behind", get_old, true},
    {"scan-full", "rows/s", NULL, "every row in key order", scan_full, true},
    {"scan-range", "scans/s", NULL, "100 rows from a random key, a snapshot each", scan_range,
     true},
    {"scan-text", "scans/s", NULL, "100 rows from a random key of text, a snapshot each", scan_text,
     true},
    {"mixed", "commits/s", "reads/s", "a durable writer beside a point reader", mixed, true},
    {"held-snapshot", "commits/s", "without",
     "commits without syncs beside a snapshot that is held", held_snapshot, true},
};
const size_t bench_workload_count = sizeof bench_workloads / sizeof bench_workloads[0];
