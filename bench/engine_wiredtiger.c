/* WiredTiger: row store with 64-bit keys, snapshot isolation, write-ahead log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wiredtiger.h>

#include "bench.h"

struct bench_db {
    WT_CONNECTION *connection;
    bool text_keys;
};

struct bench_session {
    WT_SESSION *session;
    WT_CURSOR *cursor;
    bool text_keys;
    char text[BENCH_TEXT];
};

static int check(const char *what, int code)
{
    return code == 0 ? 0 : bench_fail("wiredtiger", what, wiredtiger_strerror(code));
}

static int db_open(const struct bench_config *config, struct bench_db **out)
{
    char text[512];
    WT_SESSION *session;
    struct bench_db *db = calloc(1, sizeof *db);
    if (db == NULL) {
        return bench_fail("wiredtiger", "open", "out of memory");
    }
    snprintf(text, sizeof text,
             "create,cache_size=%lluMB,session_max=%u,log=(enabled,file_max=64MB),"
             "transaction_sync=(enabled=%s,method=fsync)%s",
             (unsigned long long)(config->cache_bytes >> 20), config->threads_max + 20,
             config->durable ? "true" : "false",
             config->long_log ? "" : ",checkpoint=(log_size=64MB)");
    db->text_keys = config->text_keys;
    if (check("open", wiredtiger_open(config->directory, NULL, text, &db->connection)) != 0 ||
        check("session", db->connection->open_session(db->connection, NULL, NULL, &session)) != 0 ||
        check("create", session->create(session, "table:rows",
                                        config->text_keys
                                            ? "key_format=u,value_format=u,leaf_page_max=16KB"
                                            : "key_format=q,value_format=u,leaf_page_max=16KB")) !=
            0 ||
        check("close", session->close(session, NULL)) != 0) {
        return -1;
    }
    *out = db;
    return 0;
}

static int db_close(struct bench_db *db)
{
    int status = check("close", db->connection->close(db->connection, NULL));
    free(db);
    return status;
}

static int session_open(struct bench_db *db, struct bench_session **out)
{
    struct bench_session *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return bench_fail("wiredtiger", "session", "out of memory");
    }
    *out = s;
    s->text_keys = db->text_keys;
    if (check("session", db->connection->open_session(db->connection, NULL, "isolation=snapshot",
                                                      &s->session)) != 0) {
        return -1;
    }
    return check("cursor", s->session->open_cursor(s->session, "table:rows", NULL, "overwrite=true",
                                                   &s->cursor));
}

static void session_close(struct bench_session *s)
{
    s->session->close(s->session, NULL);
    free(s);
}

static void set_key(struct bench_session *s, int64_t key)
{
    if (s->text_keys) {
        WT_ITEM item = {.data = s->text, .size = BENCH_TEXT};
        bench_text(s->text, key);
        s->cursor->set_key(s->cursor, &item);
    } else {
        s->cursor->set_key(s->cursor, key);
    }
}

static int get_key(struct bench_session *s, int64_t *key)
{
    if (!s->text_keys) {
        return s->cursor->get_key(s->cursor, key);
    }
    WT_ITEM item;
    int code = s->cursor->get_key(s->cursor, &item);
    *key = code == 0 ? bench_number(item.data) : 0;
    return code;
}

static int begin(struct bench_session *s)
{
    return check("begin", s->session->begin_transaction(s->session, NULL));
}

static int commit(struct bench_session *s)
{
    return check("commit", s->session->commit_transaction(s->session, NULL));
}

/* Two transactions that change one row conflict, and the later one must begin again. Only workloads
 * of one row a transaction have several writers, so beginning again here loses nothing. */
static int put(struct bench_session *s, int64_t key, const void *value, bool append)
{
    WT_ITEM item = {.data = value, .size = BENCH_VALUE};
    (void)append;
    for (;;) {
        set_key(s, key);
        s->cursor->set_value(s->cursor, &item);
        int code = s->cursor->insert(s->cursor);
        if (code != WT_ROLLBACK) {
            return check("insert", code);
        }
        if (check("rollback", s->session->rollback_transaction(s->session, NULL)) != 0 ||
            begin(s) != 0) {
            return -1;
        }
    }
}

/* A bulk cursor needs the table to itself. */
static int bulk_load(struct bench_session *s, uint64_t rows)
{
    WT_CURSOR *bulk;
    char value[BENCH_VALUE];
    if (check("close", s->cursor->close(s->cursor)) != 0 ||
        check("bulk", s->session->open_cursor(s->session, "table:rows", NULL, "bulk", &bulk)) !=
            0) {
        return -1;
    }
    for (uint64_t i = 0; i < rows; i++) {
        WT_ITEM item = {.data = value, .size = BENCH_VALUE};
        bench_fill(value, (int64_t)i, 0);
        bulk->set_key(bulk, (int64_t)i);
        bulk->set_value(bulk, &item);
        if (check("insert", bulk->insert(bulk)) != 0) {
            return -1;
        }
    }
    return check("close", bulk->close(bulk));
}

static int get(struct bench_session *s, int64_t key, void *value, bool *found)
{
    WT_ITEM item;
    set_key(s, key);
    int code = s->cursor->search(s->cursor);
    *found = code == 0;
    if (code == 0) {
        code = s->cursor->get_value(s->cursor, &item);
        if (code == 0 && item.size == BENCH_VALUE) {
            memcpy(value, item.data, BENCH_VALUE);
        }
        s->cursor->reset(s->cursor);
    }
    return code == WT_NOTFOUND ? 0 : check("search", code);
}

static int scan(struct bench_session *s, int64_t from, uint64_t limit, bench_visit visit,
                void *context)
{
    int order;
    set_key(s, from);
    int code = s->cursor->search_near(s->cursor, &order);
    if (code == 0 && order < 0) {
        code = s->cursor->next(s->cursor);
    }
    while (code == 0 && limit-- > 0) {
        int64_t key;
        WT_ITEM item;
        code = get_key(s, &key);
        if (code == 0) {
            code = s->cursor->get_value(s->cursor, &item);
        }
        if (code == 0) {
            visit(context, key, item.data, item.size);
            code = s->cursor->next(s->cursor);
        }
    }
    s->cursor->reset(s->cursor);
    return code == WT_NOTFOUND ? 0 : check("scan", code);
}

static int read_end(struct bench_session *s)
{
    return check("rollback", s->session->rollback_transaction(s->session, NULL));
}

const struct bench_engine bench_wiredtiger = {
    .name = "wiredtiger",
    .settings = "leaf 16 KB, log; durable: transaction_sync fsync, else none",
    .open = db_open,
    .close = db_close,
    .session_open = session_open,
    .session_close = session_close,
    .write_begin = begin,
    .put = put,
    .write_commit = commit,
    .bulk_load = bulk_load,
    .read_begin = begin,
    .get = get,
    .scan = scan,
    .read_end = read_end,
};
