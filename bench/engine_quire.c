/*
 * Quire through its low-level surface: a named tree of rowids, or a key tree for
 * keys as text. A session keeps its error struct, as a program would.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "quire/quire.h"

struct bench_db {
    quire_db *db;
    bool text_keys;
};

struct bench_session {
    struct bench_db *db;
    quire_txn *txn;
    quire_tree *tree;
    quire_keytree *keytree; /* instead, for text keys */
    quire_error err;
};

static int failed(const char *what, const quire_error *err)
{
    return bench_fail("quire", what, err->message);
}

/* Unless it is there already. */
static quire_status create_tree(struct bench_db *db, quire_error *err)
{
    quire_txn *txn;
    quire_status status = quire_begin(db->db, QUIRE_WRITE, &txn, err);
    if (status == QUIRE_OK) {
        status = db->text_keys ? quire_keytree_create(txn, "rows", err)
                               : quire_tree_create(txn, "rows", err);
        quire_status committed = quire_commit(txn, err);
        status = status == QUIRE_OK || status == QUIRE_EXISTS ? committed : status;
    }
    return status;
}

static int open_with(const struct bench_config *config, size_t checkpoint_bytes,
                     struct bench_db **out)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    char path[512];
    struct bench_db *db = calloc(1, sizeof *db);

    if (db == NULL) {
        return bench_fail("quire", "open", "out of memory");
    }
    snprintf(path, sizeof path, "%s/bench.quire", config->directory);
    db->text_keys = config->text_keys;
    options.durability = config->durable ? QUIRE_DURABILITY_FULL : QUIRE_DURABILITY_OFF;
    options.cache_bytes = config->cache_bytes;
    if (checkpoint_bytes != 0) {
        options.checkpoint = quire_checkpoint_log_bytes(checkpoint_bytes);
        options.wal_bytes_max = 4 * (uint64_t)checkpoint_bytes;
    }
    if (config->long_log) {
        options.checkpoint = quire_checkpoint_manual();
        options.wal_bytes_max = UINT64_C(4) << 30;
    }
    if (quire_open(path, &options, &db->db, &err) != QUIRE_OK) {
        free(db);
        return failed("open", &err);
    }
    *out = db;
    return create_tree(db, &err) == QUIRE_OK ? 0 : failed("create", &err);
}

static int db_open(const struct bench_config *config, struct bench_db **out)
{
    return open_with(config, 0, out);
}

static int db_open_64m(const struct bench_config *config, struct bench_db **out)
{
    return open_with(config, (size_t)64 << 20, out);
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
    struct bench_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        return bench_fail("quire", "session", "out of memory");
    }
    session->db = db;
    session->err = (quire_error)QUIRE_ERROR_INIT;
    *out = session;
    return 0;
}

static void session_close(struct bench_session *session)
{
    free(session);
}

static int begin(struct bench_session *s, quire_txn_mode mode)
{
    quire_status status = quire_begin(s->db->db, mode, &s->txn, &s->err);
    if (status == QUIRE_OK) {
        status = s->db->text_keys ? quire_keytree_open(s->txn, "rows", &s->keytree, &s->err)
                                  : quire_tree_open(s->txn, "rows", &s->tree, &s->err);
    }
    return status == QUIRE_OK ? 0 : failed("begin", &s->err);
}

static int end(struct bench_session *s)
{
    if (s->db->text_keys) {
        quire_keytree_close(s->keytree);
    } else {
        quire_tree_close(s->tree);
    }
    return quire_commit(s->txn, &s->err) == QUIRE_OK ? 0 : failed("commit", &s->err);
}

static int write_begin(struct bench_session *session)
{
    return begin(session, QUIRE_WRITE);
}

/* Rows of one call. */
#define BULK_ROWS 1000

static int append_rows(struct bench_session *session, uint64_t rows, char (*values)[BENCH_VALUE])
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree_row batch[BULK_ROWS];
    for (uint64_t at = 0; at < rows;) {
        size_t n = 0;
        for (; n < BULK_ROWS && at < rows; n++, at++) {
            bench_fill(values[n], (int64_t)at, 0);
            batch[n] = (quire_tree_row){(int64_t)at, values[n], BENCH_VALUE};
        }
        if (quire_tree_append_many(session->tree, batch, n, &err) != QUIRE_OK) {
            return failed("append", &err);
        }
    }
    return 0;
}

static int bulk_load(struct bench_session *session, uint64_t rows)
{
    char(*values)[BENCH_VALUE] = malloc((size_t)BULK_ROWS * BENCH_VALUE);
    if (values == NULL) {
        return bench_fail("quire", "load", "out of memory");
    }
    int status = begin(session, QUIRE_WRITE);
    if (status == 0) {
        status = append_rows(session, rows, values);
    }
    free(values);
    return status == 0 ? end(session) : status;
}

static int read_begin(struct bench_session *session)
{
    return begin(session, QUIRE_READ);
}

static int put(struct bench_session *s, int64_t key, const void *value, bool append)
{
    quire_status status;
    (void)append;
    if (s->db->text_keys) {
        char text[BENCH_TEXT];
        bench_text(text, key);
        status =
            quire_keytree_put(s->keytree, text, sizeof text, value, BENCH_VALUE, NULL, &s->err);
    } else {
        status = quire_tree_put(s->tree, key, value, BENCH_VALUE, NULL, &s->err);
    }
    return status == QUIRE_OK ? 0 : failed("put", &s->err);
}

static int get(struct bench_session *s, int64_t key, void *value, bool *found)
{
    const void *payload;
    size_t size;
    quire_status status;
    if (s->db->text_keys) {
        char text[BENCH_TEXT];
        bench_text(text, key);
        status = quire_keytree_get(s->keytree, text, sizeof text, &payload, &size, found, &s->err);
    } else {
        status = quire_tree_find(s->tree, key, &payload, &size, found, &s->err);
    }
    if (status != QUIRE_OK) {
        return failed("get", &s->err);
    }
    if (*found && size == BENCH_VALUE) {
        memcpy(value, payload, size);
    }
    return 0;
}

struct many {
    const int64_t *keys;
    bench_visit visit;
    void *context;
};

static quire_status visit_row(void *context, size_t index, const void *payload, size_t size)
{
    const struct many *many = context;
    many->visit(many->context, many->keys[index], payload, size);
    return QUIRE_OK;
}

static int get_many(struct bench_session *s, const int64_t *keys, size_t count, bench_visit visit,
                    void *context)
{
    struct many many = {keys, visit, context};
    quire_status status = quire_tree_find_many(s->tree, keys, count, visit_row, &many, &s->err);
    return status == QUIRE_OK ? 0 : failed("get many", &s->err);
}

static int scan_rows(struct bench_session *s, int64_t from, uint64_t limit, bench_visit visit,
                     void *context)
{
    quire_cursor *cursor;
    bool valid;
    quire_status status = quire_cursor_open(s->tree, &cursor, &s->err);

    if (status != QUIRE_OK) {
        return failed("scan", &s->err);
    }
    status = quire_cursor_seek(cursor, from, &valid, &s->err);
    while (status == QUIRE_OK && valid && limit-- > 0) {
        int64_t key;
        const void *payload;
        size_t size;
        status = quire_cursor_row(cursor, &key, &payload, &size, &s->err);
        if (status == QUIRE_OK) {
            visit(context, key, payload, size);
            status = quire_cursor_next(cursor, &valid, &s->err);
        }
    }
    quire_cursor_close(cursor);
    return status == QUIRE_OK ? 0 : failed("scan", &s->err);
}

static int scan_text(struct bench_session *s, int64_t from, uint64_t limit, bench_visit visit,
                     void *context)
{
    quire_keycursor *cursor;
    char text[BENCH_TEXT];
    bool valid;
    quire_status status = quire_keycursor_open(s->keytree, &cursor, &s->err);

    if (status != QUIRE_OK) {
        return failed("scan", &s->err);
    }
    bench_text(text, from);
    status = quire_keycursor_seek(cursor, text, sizeof text, &valid, &s->err);
    while (status == QUIRE_OK && valid && limit-- > 0) {
        const void *key;
        const void *payload;
        size_t key_size;
        size_t size;
        status = quire_keycursor_entry(cursor, &key, &key_size, &payload, &size, &s->err);
        if (status == QUIRE_OK) {
            visit(context, bench_number(key), payload, size);
            status = quire_keycursor_next(cursor, &valid, &s->err);
        }
    }
    quire_keycursor_close(cursor);
    return status == QUIRE_OK ? 0 : failed("scan", &s->err);
}

static int scan(struct bench_session *s, int64_t from, uint64_t limit, bench_visit visit,
                void *context)
{
    return s->db->text_keys ? scan_text(s, from, limit, visit, context)
                            : scan_rows(s, from, limit, visit, context);
}

#define METHODS                                                                                    \
    .close = db_close, .session_open = session_open, .session_close = session_close,               \
    .write_begin = write_begin, .put = put, .write_commit = end, .bulk_load = bulk_load,           \
    .read_begin = read_begin, .get = get, .get_many = get_many, .scan = scan, .read_end = end

const struct bench_engine bench_quire = {
    .name = "quire",
    .settings = "page 4096; durable: FULL, else OFF; checkpoint every 1000 frames",
    .open = db_open,
    METHODS,
};

/* With as much log between checkpoints as the peers are given to write before they sort. */
const struct bench_engine bench_quire_64m = {
    .name = "quire-64m",
    .settings = "page 4096; durable: FULL, else OFF; checkpoint every 64 MiB of log",
    .only = "load-sequential,load-random,load-shuffled,commit-1,commit-8,commit-32,batch-random,"
            "update-1,held-snapshot,mixed",
    .open = db_open_64m,
    METHODS,
};
