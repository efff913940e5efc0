/* LMDB with integer keys; a session keeps one reset read transaction to renew. */
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

struct bench_db {
    MDB_env *env;
    MDB_dbi dbi;
    bool text_keys;
};

struct bench_session {
    struct bench_db *db;
    MDB_txn *write;
    MDB_txn *read;
};

/* Makes `key` the stored form of *number, in `text` if it is text. */
static MDB_val encode(const struct bench_session *session, int64_t *number, char *text)
{
    if (!session->db->text_keys) {
        return (MDB_val){sizeof *number, number};
    }
    bench_text(text, *number);
    return (MDB_val){BENCH_TEXT, text};
}

static int check(const char *what, int code)
{
    return code == 0 ? 0 : bench_fail("lmdb", what, mdb_strerror(code));
}

/* The key order of MDB_INTEGERKEY is unsigned; rows of the workloads are not negative. */
static int db_open(const struct bench_config *config, struct bench_db **out)
{
    struct bench_db *db = calloc(1, sizeof *db);
    MDB_txn *txn;
    unsigned flags = MDB_NOTLS | (config->durable ? 0U : (unsigned)MDB_NOSYNC);
    unsigned keys = config->text_keys ? 0U : (unsigned)MDB_INTEGERKEY;
    if (db == NULL) {
        return bench_fail("lmdb", "open", "out of memory");
    }
    db->text_keys = config->text_keys;
    if (check("create", mdb_env_create(&db->env)) != 0 ||
        check("mapsize", mdb_env_set_mapsize(db->env, (size_t)64 << 30)) != 0 ||
        check("readers", mdb_env_set_maxreaders(db->env, 256)) != 0 ||
        check("open", mdb_env_open(db->env, config->directory, flags, 0600)) != 0 ||
        check("begin", mdb_txn_begin(db->env, NULL, 0, &txn)) != 0 ||
        check("dbi", mdb_dbi_open(txn, NULL, keys | MDB_CREATE, &db->dbi)) != 0 ||
        check("commit", mdb_txn_commit(txn)) != 0) {
        return -1;
    }
    *out = db;
    return 0;
}

static int db_close(struct bench_db *db)
{
    int status = check("sync", mdb_env_sync(db->env, 1));
    mdb_env_close(db->env);
    free(db);
    return status;
}

static int session_open(struct bench_db *db, struct bench_session **out)
{
    struct bench_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        return bench_fail("lmdb", "session", "out of memory");
    }
    session->db = db;
    if (check("read", mdb_txn_begin(db->env, NULL, MDB_RDONLY, &session->read)) != 0) {
        return -1;
    }
    mdb_txn_reset(session->read);
    *out = session;
    return 0;
}

static void session_close(struct bench_session *session)
{
    mdb_txn_abort(session->read);
    free(session);
}

static int write_begin(struct bench_session *session)
{
    return check("begin", mdb_txn_begin(session->db->env, NULL, 0, &session->write));
}

static int put(struct bench_session *session, int64_t key, const void *value, bool append)
{
    char text[BENCH_TEXT];
    MDB_val k = encode(session, &key, text);
    MDB_val v = {BENCH_VALUE, (void *)(uintptr_t)value};
    return check("put", mdb_put(session->write, session->db->dbi, &k, &v,
                                append ? (unsigned)MDB_APPEND : 0U));
}

static int write_commit(struct bench_session *session)
{
    return check("commit", mdb_txn_commit(session->write));
}

static int read_begin(struct bench_session *session)
{
    return check("renew", mdb_txn_renew(session->read));
}

static int get(struct bench_session *session, int64_t key, void *value, bool *found)
{
    char text[BENCH_TEXT];
    MDB_val k = encode(session, &key, text);
    MDB_val v;
    int code = mdb_get(session->read, session->db->dbi, &k, &v);
    *found = code == 0;
    if (code == 0 && v.mv_size == BENCH_VALUE) {
        memcpy(value, v.mv_data, BENCH_VALUE);
    }
    return code == MDB_NOTFOUND ? 0 : check("get", code);
}

static int scan(struct bench_session *session, int64_t from, uint64_t limit, bench_visit visit,
                void *context)
{
    MDB_cursor *cursor;
    char text[BENCH_TEXT];
    MDB_val k = encode(session, &from, text);
    MDB_val v;
    int code = mdb_cursor_open(session->read, session->db->dbi, &cursor);
    if (code != 0) {
        return check("cursor", code);
    }
    for (code = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE); code == 0 && limit-- > 0;
         code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
        int64_t key;
        if (session->db->text_keys) {
            key = bench_number(k.mv_data);
        } else {
            memcpy(&key, k.mv_data, sizeof key);
        }
        visit(context, key, v.mv_data, v.mv_size);
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : check("scan", code);
}

static int read_end(struct bench_session *session)
{
    mdb_txn_reset(session->read);
    return 0;
}

const struct bench_engine bench_lmdb = {
    .name = "lmdb",
    .settings = "integer keys, NOTLS, 64 GiB map; durable: default sync, else NOSYNC",
    .open = db_open,
    .close = db_close,
    .session_open = session_open,
    .session_close = session_close,
    .write_begin = write_begin,
    .put = put,
    .write_commit = write_commit,
    .read_begin = read_begin,
    .get = get,
    .scan = scan,
    .read_end = read_end,
};
