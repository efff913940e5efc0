/* Quire through its low-level surface: a named tree of rowids. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "quire/quire.h"

struct bench_db {
    quire_db *db;
};

struct bench_session {
    quire_db *db;
    quire_txn *txn;
    quire_tree *tree;
};

static int failed(const char *what, const quire_error *err)
{
    return bench_fail("quire", what, err->message);
}

static int db_open(const struct bench_config *config, struct bench_db **out)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    char path[512];
    struct bench_db *db = calloc(1, sizeof *db);
    quire_txn *txn;

    if (db == NULL) {
        return bench_fail("quire", "open", "out of memory");
    }
    snprintf(path, sizeof path, "%s/bench.quire", config->directory);
    options.durability = config->durable ? QUIRE_DURABILITY_FULL : QUIRE_DURABILITY_OFF;
    options.cache_bytes = config->cache_bytes;
    if (quire_open(path, &options, &db->db, &err) != QUIRE_OK) {
        free(db);
        return failed("open", &err);
    }
    if (quire_begin(db->db, QUIRE_WRITE, &txn, &err) != QUIRE_OK) {
        return failed("begin", &err);
    }
    quire_status status = quire_tree_create(txn, "rows", &err);
    if ((status != QUIRE_OK && status != QUIRE_EXISTS) || quire_commit(txn, &err) != QUIRE_OK) {
        return failed("create", &err);
    }
    *out = db;
    return 0;
}

static int db_close(struct bench_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    int status = quire_close(db->db, &err) == QUIRE_OK ? 0 : failed("close", &err);
    free(db);
    return status;
}

static int session_open(struct bench_db *db, struct bench_session **out)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        return bench_fail("quire", "session", "out of memory");
    }
    (*out)->db = db->db;
    return 0;
}

static void session_close(struct bench_session *session)
{
    free(session);
}

static int begin(struct bench_session *session, quire_txn_mode mode)
{
    quire_error err = QUIRE_ERROR_INIT;
    if (quire_begin(session->db, mode, &session->txn, &err) != QUIRE_OK ||
        quire_tree_open(session->txn, "rows", &session->tree, &err) != QUIRE_OK) {
        return failed("begin", &err);
    }
    return 0;
}

static int end(struct bench_session *session)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree_close(session->tree);
    if (quire_commit(session->txn, &err) != QUIRE_OK) {
        return failed("commit", &err);
    }
    return 0;
}

static int write_begin(struct bench_session *session)
{
    return begin(session, QUIRE_WRITE);
}

static int read_begin(struct bench_session *session)
{
    return begin(session, QUIRE_READ);
}

static int put(struct bench_session *session, int64_t key, const void *value, bool append)
{
    quire_error err = QUIRE_ERROR_INIT;
    (void)append;
    if (quire_tree_put(session->tree, key, value, BENCH_VALUE, NULL, &err) != QUIRE_OK) {
        return failed("put", &err);
    }
    return 0;
}

static int get(struct bench_session *session, int64_t key, void *value, bool *found)
{
    quire_error err = QUIRE_ERROR_INIT;
    const void *payload;
    size_t size;
    if (quire_tree_find(session->tree, key, &payload, &size, found, &err) != QUIRE_OK) {
        return failed("get", &err);
    }
    if (*found && size == BENCH_VALUE) {
        memcpy(value, payload, size);
    }
    return 0;
}

static int scan(struct bench_session *session, int64_t from, uint64_t limit, bench_visit visit,
                void *context)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_cursor *cursor;
    bool valid;
    quire_status status = quire_cursor_open(session->tree, &cursor, &err);

    if (status != QUIRE_OK) {
        return failed("scan", &err);
    }
    status = quire_cursor_seek(cursor, from, &valid, &err);
    while (status == QUIRE_OK && valid && limit-- > 0) {
        int64_t key;
        const void *payload;
        size_t size;
        status = quire_cursor_row(cursor, &key, &payload, &size, &err);
        if (status == QUIRE_OK) {
            visit(context, key, payload, size);
            status = quire_cursor_next(cursor, &valid, &err);
        }
    }
    quire_cursor_close(cursor);
    return status == QUIRE_OK ? 0 : failed("scan", &err);
}

const struct bench_engine bench_quire = {
    .name = "quire",
    .settings = "page 4096; durable: FULL, else OFF; checkpoint every 1000 frames",
    .open = db_open,
    .close = db_close,
    .session_open = session_open,
    .session_close = session_close,
    .write_begin = write_begin,
    .put = put,
    .write_commit = end,
    .read_begin = read_begin,
    .get = get,
    .scan = scan,
    .read_end = end,
};
