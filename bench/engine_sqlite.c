/* SQLite in WAL mode, prepared statements, one connection a session. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

struct bench_db {
    char path[512];
    struct bench_config config;
};

enum statement { BEGIN_READ, BEGIN_WRITE, COMMIT, PUT, GET, SCAN, STATEMENTS };

static const char *const texts[STATEMENTS] = {
    "BEGIN",
    "BEGIN IMMEDIATE",
    "COMMIT",
    "INSERT OR REPLACE INTO rows(id, value) VALUES(?1, ?2)",
    "SELECT value FROM rows WHERE id = ?1",
    "SELECT id, value FROM rows WHERE id >= ?1 ORDER BY id LIMIT ?2",
};

struct bench_session {
    sqlite3 *db;
    bool text_keys;
    char text[BENCH_TEXT];
    sqlite3_stmt *statements[STATEMENTS];
};

static int run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        int status = bench_fail("sqlite", sql, message != NULL ? message : "?");
        sqlite3_free(message);
        return status;
    }
    return 0;
}

static int connect_to(struct bench_db *db, sqlite3 **out)
{
    char pragma[128];
    if (sqlite3_open_v2(db->path, out,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK) {
        return bench_fail("sqlite", "open", sqlite3_errmsg(*out));
    }
    sqlite3_busy_timeout(*out, 60000);
    snprintf(pragma, sizeof pragma, "PRAGMA cache_size=-%llu",
             (unsigned long long)(db->config.cache_bytes / 1024));
    if (run(*out, "PRAGMA journal_mode=WAL") != 0 || run(*out, pragma) != 0 ||
        run(*out, "PRAGMA mmap_size=17179869184") != 0 ||
        (db->config.long_log && run(*out, "PRAGMA wal_autocheckpoint=0") != 0)) {
        return -1;
    }
    return run(*out, db->config.durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF");
}

static int db_open(const struct bench_config *config, struct bench_db **out)
{
    struct bench_db *db = calloc(1, sizeof *db);
    sqlite3 *connection;
    int status;
    if (db == NULL) {
        return bench_fail("sqlite", "open", "out of memory");
    }
    db->config = *config;
    snprintf(db->path, sizeof db->path, "%s/bench.sqlite", config->directory);
    status = connect_to(db, &connection);
    if (status == 0) {
        status = run(connection,
                     config->text_keys
                         ? "CREATE TABLE IF NOT EXISTS rows(id TEXT PRIMARY KEY, value BLOB) "
                           "WITHOUT ROWID"
                         : "CREATE TABLE IF NOT EXISTS rows(id INTEGER PRIMARY KEY, value BLOB)");
    }
    sqlite3_close(connection);
    *out = db;
    return status;
}

static int db_close(struct bench_db *db)
{
    free(db);
    return 0;
}

static int session_open(struct bench_db *db, struct bench_session **out)
{
    struct bench_session *session = calloc(1, sizeof *session);
    if (session == NULL || connect_to(db, &session->db) != 0) {
        free(session);
        return -1;
    }
    session->text_keys = db->config.text_keys;
    for (int i = 0; i < STATEMENTS; i++) {
        if (sqlite3_prepare_v3(session->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &session->statements[i], NULL) != SQLITE_OK) {
            return bench_fail("sqlite", texts[i], sqlite3_errmsg(session->db));
        }
    }
    *out = session;
    return 0;
}

static void session_close(struct bench_session *session)
{
    for (int i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(session->statements[i]);
    }
    sqlite3_close(session->db);
    free(session);
}

static int step(struct bench_session *session, enum statement which)
{
    int result = sqlite3_step(session->statements[which]);
    sqlite3_reset(session->statements[which]);
    if (result != SQLITE_DONE && result != SQLITE_ROW) {
        return bench_fail("sqlite", texts[which], sqlite3_errmsg(session->db));
    }
    return 0;
}

static int write_begin(struct bench_session *session)
{
    return step(session, BEGIN_WRITE);
}

static int read_begin(struct bench_session *session)
{
    return step(session, BEGIN_READ);
}

static int commit(struct bench_session *session)
{
    return step(session, COMMIT);
}

static void bind_key(struct bench_session *session, enum statement which, int64_t key)
{
    if (session->text_keys) {
        bench_text(session->text, key);
        sqlite3_bind_text(session->statements[which], 1, session->text, BENCH_TEXT, SQLITE_STATIC);
    } else {
        sqlite3_bind_int64(session->statements[which], 1, key);
    }
}

static int put(struct bench_session *session, int64_t key, const void *value, bool append)
{
    (void)append;
    bind_key(session, PUT, key);
    sqlite3_bind_blob(session->statements[PUT], 2, value, BENCH_VALUE, SQLITE_STATIC);
    return step(session, PUT);
}

static int get(struct bench_session *session, int64_t key, void *value, bool *found)
{
    sqlite3_stmt *statement = session->statements[GET];
    bind_key(session, GET, key);
    int result = sqlite3_step(statement);
    *found = result == SQLITE_ROW;
    if (*found && sqlite3_column_bytes(statement, 0) == BENCH_VALUE) {
        memcpy(value, sqlite3_column_blob(statement, 0), BENCH_VALUE);
    }
    sqlite3_reset(statement);
    return result == SQLITE_ROW || result == SQLITE_DONE
               ? 0
               : bench_fail("sqlite", "get", sqlite3_errmsg(session->db));
}

static int scan(struct bench_session *session, int64_t from, uint64_t limit, bench_visit visit,
                void *context)
{
    sqlite3_stmt *statement = session->statements[SCAN];
    int result;
    bind_key(session, SCAN, from);
    sqlite3_bind_int64(statement, 2, limit > INT64_MAX ? -1 : (int64_t)limit);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        int64_t key = session->text_keys ? bench_number(sqlite3_column_text(statement, 0))
                                         : sqlite3_column_int64(statement, 0);
        visit(context, key, sqlite3_column_blob(statement, 1),
              (size_t)sqlite3_column_bytes(statement, 1));
    }
    sqlite3_reset(statement);
    return result == SQLITE_DONE ? 0 : bench_fail("sqlite", "scan", sqlite3_errmsg(session->db));
}

const struct bench_engine bench_sqlite = {
    .name = "sqlite",
    .settings = "WAL, prepared, mmap; durable: synchronous=FULL, else OFF",
    .open = db_open,
    .close = db_close,
    .session_open = session_open,
    .session_close = session_close,
    .write_begin = write_begin,
    .put = put,
    .write_commit = commit,
    .read_begin = read_begin,
    .get = get,
    .scan = scan,
    .read_end = commit,
};
