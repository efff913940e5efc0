/*
 * LevelDB and RocksDB have the same C interface but for its prefix. The file
 * that includes this defines LSM(name), LSM_NAME, LSM_SETTINGS, LSM_ENGINE and
 * lsm_configure().
 *
 * Keys are big-endian so that their byte order is their numeric order (rows of
 * the workloads are not negative). A write transaction is a write batch, a read
 * transaction a snapshot.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

struct bench_db {
    LSM(t) * db;
    LSM(options_t) * options;
    LSM(writeoptions_t) * write;
    bool text_keys;
    char path[512];
};

struct bench_session {
    struct bench_db *db;
    LSM(writebatch_t) * batch;
    LSM(readoptions_t) * read;
    const LSM(snapshot_t) * snapshot;
};

static int check(const char *what, char *error)
{
    if (error != NULL) {
        int status = bench_fail(LSM_NAME, what, error);
        LSM(free)(error);
        return status;
    }
    return 0;
}

/* The stored form of a key, in `out`; returns its size. */
static size_t encode(const struct bench_session *session, char out[BENCH_TEXT], int64_t key)
{
    if (session->db->text_keys) {
        bench_text(out, key);
        return BENCH_TEXT;
    }
    uint64_t bits = (uint64_t)key;
    for (int i = 7; i >= 0; i--) {
        out[i] = (char)(unsigned char)(bits & 0xFF);
        bits >>= 8;
    }
    return 8;
}

static int64_t decode(const struct bench_session *session, const char *in)
{
    if (session->db->text_keys) {
        return bench_number(in);
    }
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) {
        bits = (bits << 8) | (unsigned char)in[i];
    }
    return (int64_t)bits;
}

static int db_open(const struct bench_config *config, struct bench_db **out)
{
    char *error = NULL;
    struct bench_db *db = calloc(1, sizeof *db);
    if (db == NULL) {
        return bench_fail(LSM_NAME, "open", "out of memory");
    }
    snprintf(db->path, sizeof db->path, "%s/data", config->directory);
    db->text_keys = config->text_keys;
    db->options = LSM(options_create)();
    LSM(options_set_create_if_missing)(db->options, 1);
    lsm_configure(db->options, config);
    db->write = LSM(writeoptions_create)();
    LSM(writeoptions_set_sync)(db->write, config->durable);
    db->db = LSM(open)(db->options, db->path, &error);
    *out = db;
    return check("open", error);
}

static int db_close(struct bench_db *db)
{
    LSM(close)(db->db);
    LSM(writeoptions_destroy)(db->write);
    LSM(options_destroy)(db->options);
    free(db);
    return 0;
}

static int session_open(struct bench_db *db, struct bench_session **out)
{
    struct bench_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        return bench_fail(LSM_NAME, "session", "out of memory");
    }
    session->db = db;
    session->batch = LSM(writebatch_create)();
    session->read = LSM(readoptions_create)();
    *out = session;
    return 0;
}

static void session_close(struct bench_session *session)
{
    LSM(writebatch_destroy)(session->batch);
    LSM(readoptions_destroy)(session->read);
    free(session);
}

static int write_begin(struct bench_session *session)
{
    LSM(writebatch_clear)(session->batch);
    return 0;
}

static int put(struct bench_session *session, int64_t key, const void *value, bool append)
{
    char k[BENCH_TEXT];
    (void)append;
    size_t size = encode(session, k, key);
    LSM(writebatch_put)(session->batch, k, size, value, BENCH_VALUE);
    return 0;
}

static int write_commit(struct bench_session *session)
{
    char *error = NULL;
    LSM(write)(session->db->db, session->db->write, session->batch, &error);
    return check("write", error);
}

#ifndef LSM_BULK_LOAD
#define LSM_BULK_LOAD bulk_load

/* One write of all rows would be one record of the log. */
static int bulk_load(struct bench_session *session, uint64_t rows)
{
    char value[BENCH_VALUE];
    for (uint64_t i = 0; i < rows;) {
        (void)write_begin(session);
        for (int n = 0; n < 1000 && i < rows; n++, i++) {
            bench_fill(value, (int64_t)i, 0);
            (void)put(session, (int64_t)i, value, true);
        }
        if (write_commit(session) != 0) {
            return -1;
        }
    }
    return 0;
}
#else
static int LSM_BULK_LOAD(struct bench_session *session, uint64_t rows);
#endif

static int read_begin(struct bench_session *session)
{
    session->snapshot = LSM(create_snapshot)(session->db->db);
    LSM(readoptions_set_snapshot)(session->read, session->snapshot);
    return 0;
}

static int get(struct bench_session *session, int64_t key, void *value, bool *found)
{
    char *error = NULL;
    char k[BENCH_TEXT];
    size_t size;
    size_t k_size = encode(session, k, key);
    char *data = LSM(get)(session->db->db, session->read, k, k_size, &size, &error);
    *found = data != NULL;
    if (data != NULL && size == BENCH_VALUE) {
        memcpy(value, data, size);
    }
    LSM(free)(data);
    return check("get", error);
}

static int scan(struct bench_session *session, int64_t from, uint64_t limit, bench_visit visit,
                void *context)
{
    char *error = NULL;
    char k[BENCH_TEXT];
    LSM(iterator_t) *iterator = LSM(create_iterator)(session->db->db, session->read);
    size_t size = encode(session, k, from);
    for (LSM(iter_seek)(iterator, k, size); LSM(iter_valid)(iterator) && limit-- > 0;
         LSM(iter_next)(iterator)) {
        size_t key_size;
        size_t value_size;
        const char *key = LSM(iter_key)(iterator, &key_size);
        const char *value = LSM(iter_value)(iterator, &value_size);
        visit(context, decode(session, key), value, value_size);
    }
    LSM(iter_get_error)(iterator, &error);
    LSM(iter_destroy)(iterator);
    return check("scan", error);
}

static int read_end(struct bench_session *session)
{
    LSM(readoptions_set_snapshot)(session->read, NULL);
    LSM(release_snapshot)(session->db->db, session->snapshot);
    return 0;
}

const struct bench_engine LSM_ENGINE = {
    .name = LSM_NAME,
    .settings = LSM_SETTINGS,
    .open = db_open,
    .close = db_close,
    .session_open = session_open,
    .session_close = session_close,
    .write_begin = write_begin,
    .put = put,
    .write_commit = write_commit,
    .bulk_load = LSM_BULK_LOAD,
    .read_begin = read_begin,
    .get = get,
    .scan = scan,
    .read_end = read_end,
};
