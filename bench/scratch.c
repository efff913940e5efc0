/*
 * Scratch databases, their contents and their checks.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"

static void remove_files(const char *directory)
{
    char path[800];
    DIR *dir = opendir(directory);
    if (dir == NULL) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        struct stat info;
        if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
            remove_files(path);
        } else {
            unlink(path);
        }
    }
    closedir(dir);
    rmdir(directory);
}

uint64_t scratch_bytes(const char *directory)
{
    char path[800];
    uint64_t total = 0;
    DIR *dir = opendir(directory);
    if (dir == NULL) {
        return 0;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (entry->d_name[0] == '.' || lstat(path, &info) != 0) {
            continue;
        }
        total += S_ISDIR(info.st_mode) ? scratch_bytes(path) : (uint64_t)info.st_size;
    }
    closedir(dir);
    return total;
}

int scratch_open_with(struct scratch *s, const struct bench_engine *engine,
                      const struct bench_options *options, struct bench_config config)
{
    s->config = config;
    s->config.directory = s->directory;
    s->config.cache_bytes = options->cache_bytes;
    s->config.threads_max = SCRATCH_THREADS + 2;
    snprintf(s->directory, sizeof s->directory, "%s/%s-XXXXXX", options->directory, engine->name);
    if (mkdtemp(s->directory) == NULL) {
        return bench_fail(engine->name, "scratch directory", s->directory);
    }
    s->engine = engine;
    sync(); /* what others left to the kernel is not written in this engine's time */
    return engine->open(&s->config, &s->db);
}

int scratch_open(struct scratch *s, const struct bench_engine *engine,
                 const struct bench_options *options, bool durable)
{
    return scratch_open_with(s, engine, options, (struct bench_config){.durable = durable});
}

int scratch_reopen(struct scratch *s)
{
    return s->engine->close(s->db) == 0 && s->engine->open(&s->config, &s->db) == 0 ? 0 : -1;
}

int scratch_close(struct scratch *s, struct bench_result *result)
{
    int status = s->engine->close(s->db);
    if (result != NULL) {
        result->bytes = scratch_bytes(s->directory);
    }
    remove_files(s->directory);
    return status;
}

/* A permutation of 0..n-1. The generator is a bijection of the next power of two; applying it again
 * to values outside 0..n-1 keeps it one of 0..n-1. */
static uint64_t permuted(uint64_t i, uint64_t n)
{
    uint64_t mask = 1;
    while (mask < n) {
        mask <<= 1;
    }
    do {
        i = (i * UINT64_C(2862933555777941757) + UINT64_C(3037000493)) & (mask - 1);
    } while (i >= n);
    return i;
}

static int fill(struct scratch *s, uint64_t rows, bool random_order, uint64_t batch)
{
    const struct bench_engine *engine = s->engine;
    struct bench_session *session;
    char value[BENCH_VALUE];

    if (engine->session_open(s->db, &session) != 0) {
        return -1;
    }
    for (uint64_t i = 0; i < rows; i += batch) {
        if (engine->write_begin(session) != 0) {
            return -1;
        }
        for (uint64_t j = i; j < i + batch && j < rows; j++) {
            int64_t key = (int64_t)(random_order ? permuted(j, rows) : j);
            bench_fill(value, key, 0);
            if (engine->put(session, key, value, !random_order) != 0) {
                return -1;
            }
        }
        if (engine->write_commit(session) != 0) {
            return -1;
        }
    }
    engine->session_close(session);
    return 0;
}

int scratch_fill(struct scratch *s, uint64_t rows, bool random_order)
{
    return fill(s, rows, random_order, LOAD_BATCH);
}

int scratch_fill_at_once(struct scratch *s, uint64_t rows, bool random_order)
{
    struct bench_session *session;
    if (random_order || s->engine->bulk_load == NULL) {
        return fill(s, rows, random_order, rows);
    }
    if (s->engine->session_open(s->db, &session) != 0 || s->engine->bulk_load(session, rows) != 0) {
        return -1;
    }
    s->engine->session_close(session);
    return 0;
}

struct checker {
    const char *engine;
    int64_t next; /* expected key */
    uint64_t rows;
    uint64_t bad;
    uint64_t versions; /* sum, to compare two scans of one snapshot */
};

static void check_row(void *context, int64_t key, const void *value, size_t size)
{
    struct checker *c = context;
    uint64_t version;
    if (key != c->next || !bench_verify(value, size, key, &version)) {
        c->bad++;
    } else {
        c->versions += version;
    }
    c->next = key + 1;
    c->rows++;
}

int scratch_check_scan(const struct bench_engine *engine, struct bench_session *session,
                       int64_t from, uint64_t limit, uint64_t expected, uint64_t *versions)
{
    struct checker c = {.engine = engine->name, .next = from};
    if (engine->scan(session, from, limit, check_row, &c) != 0) {
        return -1;
    }
    if (c.bad != 0 || c.rows != expected) {
        return bench_fail(engine->name, "scan", "rows are wrong or missing");
    }
    if (versions != NULL) {
        *versions = c.versions;
    }
    return 0;
}
