/*
 * SQLite, in memory, asked the same questions.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/harness.h"
#include "differential.h"

enum {
    INSERT,
    UPDATE,
    DELETE,
    SELECT,
    PUT_KEY,
    DELETE_KEYS,
    SELECT_KEY,
    COUNTS,
    SCANS /* and on: order * 4 + reverse * 2 + bounded */
};

static const char *const statements[] = {
    [INSERT] = "INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [UPDATE] = "UPDATE t SET a = ?2, u = ?3, b = ?4, c = ?5, d = ?6 WHERE id = ?1",
    [DELETE] = "DELETE FROM t WHERE id = ?1",
    [SELECT] = "SELECT a, u, b, c, d FROM t WHERE id = ?1",
    [PUT_KEY] = "INSERT OR REPLACE INTO k VALUES (?1, ?2)",
    [DELETE_KEYS] = "DELETE FROM k WHERE key >= ?1 AND key <= ?2",
    [SELECT_KEY] = "SELECT value FROM k WHERE key = ?1",
    [COUNTS] = "SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM k)",
    [SCANS + 0] = "SELECT id FROM t ORDER BY id LIMIT ?1",
    [SCANS + 1] = "SELECT id FROM t WHERE a BETWEEN ?2 AND ?3 ORDER BY id LIMIT ?1",
    [SCANS + 2] = "SELECT id FROM t ORDER BY id DESC LIMIT ?1",
    [SCANS + 3] = "SELECT id FROM t WHERE a BETWEEN ?2 AND ?3 ORDER BY id DESC LIMIT ?1",
    [SCANS + 4] = "SELECT id FROM t ORDER BY a, id LIMIT ?1",
    [SCANS + 5] = "SELECT id FROM t WHERE a BETWEEN ?2 AND ?3 ORDER BY a, id LIMIT ?1",
    [SCANS + 6] = "SELECT id FROM t ORDER BY a DESC, id DESC LIMIT ?1",
    [SCANS + 7] = "SELECT id FROM t WHERE a BETWEEN ?2 AND ?3 ORDER BY a DESC, id DESC LIMIT ?1",
    [SCANS + 8] = "SELECT id FROM t ORDER BY b DESC, a, id LIMIT ?1",
    [SCANS + 9] = "SELECT id FROM t WHERE a BETWEEN ?2 AND ?3 ORDER BY b DESC, a, id LIMIT ?1",
    [SCANS + 10] = "SELECT id FROM t ORDER BY b, a DESC, id DESC LIMIT ?1",
    [SCANS + 11] =
        "SELECT id FROM t WHERE a BETWEEN ?2 AND ?3 ORDER BY b, a DESC, id DESC LIMIT ?1",
};

#define STATEMENTS (sizeof statements / sizeof statements[0])

struct peer {
    sqlite3 *db;
    sqlite3_stmt *statement[STATEMENTS];
    uint8_t bytes[BYTES];
};

void peer_run(struct peer *peer, const char *sql)
{
    char *message = NULL;
    REQUIRE(sqlite3_exec(peer->db, sql, NULL, NULL, &message) == SQLITE_OK, "SQLite, %s: %s", sql,
            message);
}

struct peer *peer_open(void)
{
    struct peer *peer = calloc(1, sizeof *peer);
    REQUIRE(peer != NULL, "no memory");
    REQUIRE(sqlite3_open(":memory:", &peer->db) == SQLITE_OK, "SQLite does not open");
    peer_run(peer, "PRAGMA synchronous = OFF");
    peer_run(peer, "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, u INTEGER UNIQUE, b TEXT, "
                   "c REAL, d BLOB)");
    peer_run(peer, "CREATE INDEX t_a ON t (a)");
    peer_run(peer, "CREATE INDEX t_ba ON t (b DESC, a)");
    peer_run(peer, "CREATE TABLE k (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID");
    for (size_t i = 0; i < STATEMENTS; i++) {
        REQUIRE(sqlite3_prepare_v2(peer->db, statements[i], -1, &peer->statement[i], NULL) ==
                    SQLITE_OK,
                "SQLite, %s: %s", statements[i], sqlite3_errmsg(peer->db));
    }
    return peer;
}

void peer_close(struct peer *peer)
{
    for (size_t i = 0; i < STATEMENTS; i++) {
        (void)sqlite3_finalize(peer->statement[i]);
    }
    (void)sqlite3_close(peer->db);
    free(peer);
}

static void done(struct peer *peer, sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);
    REQUIRE(result == SQLITE_DONE, "SQLite: %s", sqlite3_errmsg(peer->db));
    (void)sqlite3_reset(statement);
}

static void bind_key(sqlite3_stmt *statement, int at, const struct keys *keys, uint32_t key)
{
    (void)sqlite3_bind_blob(statement, at, keys->bytes[key], (int)keys->size[key], SQLITE_STATIC);
}

void peer_put(struct peer *peer, bool insert, uint32_t id, const struct row *row, bool unique)
{
    sqlite3_stmt *statement = peer->statement[insert ? INSERT : UPDATE];
    char text[64];
    (void)sqlite3_clear_bindings(statement);
    (void)sqlite3_bind_int64(statement, 1, id);
    if (row->has_a) {
        (void)sqlite3_bind_int64(statement, 2, row->a);
    }
    if (row->has_u) {
        (void)sqlite3_bind_int64(statement, 3, row->u);
    }
    if (row->has_b) {
        (void)sqlite3_bind_text(statement, 4, text, (int)text_of(row->b, text), SQLITE_STATIC);
    }
    (void)sqlite3_bind_double(statement, 5, real_of(row));
    fill(row->d, peer->bytes, row->d_size);
    (void)sqlite3_bind_blob(statement, 6, peer->bytes, (int)row->d_size, SQLITE_STATIC);
    if (unique) {
        REQUIRE(sqlite3_step(statement) == SQLITE_CONSTRAINT, "SQLite takes row %u", id);
        (void)sqlite3_reset(statement);
    } else {
        done(peer, statement);
    }
}

void peer_delete(struct peer *peer, uint32_t id)
{
    (void)sqlite3_bind_int64(peer->statement[DELETE], 1, id);
    done(peer, peer->statement[DELETE]);
}

void peer_check_row(struct peer *peer, uint32_t id, const struct row *row)
{
    sqlite3_stmt *statement = peer->statement[SELECT];
    (void)sqlite3_bind_int64(statement, 1, id);
    bool found = sqlite3_step(statement) == SQLITE_ROW;
    REQUIRE(found == row->present, "SQLite and the model differ on row %u", id);
    if (found) {
        fill(row->d, peer->bytes, row->d_size);
        REQUIRE((sqlite3_column_type(statement, 0) != SQLITE_NULL) == row->has_a &&
                    (!row->has_a || sqlite3_column_int64(statement, 0) == row->a) &&
                    (sqlite3_column_type(statement, 1) != SQLITE_NULL) == row->has_u &&
                    (!row->has_u || sqlite3_column_int64(statement, 1) == row->u) &&
                    sqlite3_column_bytes(statement, 4) == (int)row->d_size,
                "SQLite and the model differ in row %u", id);
    }
    (void)sqlite3_reset(statement);
}

void peer_put_key(struct peer *peer, const struct keys *keys, uint32_t key,
                  const struct entry *entry)
{
    sqlite3_stmt *statement = peer->statement[PUT_KEY];
    bind_key(statement, 1, keys, key);
    fill(entry->value, peer->bytes, entry->size);
    (void)sqlite3_bind_blob(statement, 2, peer->bytes, (int)entry->size, SQLITE_STATIC);
    done(peer, statement);
}

void peer_delete_keys(struct peer *peer, const struct keys *keys, uint32_t from, uint32_t to)
{
    sqlite3_stmt *statement = peer->statement[DELETE_KEYS];
    bind_key(statement, 1, keys, from);
    bind_key(statement, 2, keys, to);
    done(peer, statement);
}

void peer_check_key(struct peer *peer, const struct keys *keys, uint32_t key,
                    const struct entry *entry)
{
    sqlite3_stmt *statement = peer->statement[SELECT_KEY];
    bind_key(statement, 1, keys, key);
    bool found = sqlite3_step(statement) == SQLITE_ROW;
    REQUIRE(found == entry->present, "SQLite and the model differ on key %u", key);
    REQUIRE(!found || sqlite3_column_bytes(statement, 0) == (int)entry->size,
            "SQLite and the model differ in the value of key %u", key);
    (void)sqlite3_reset(statement);
}

void peer_check_scan(struct peer *peer, enum order order, bool reverse, int32_t low, int32_t high,
                     const uint32_t *ids, uint32_t count, uint32_t limit)
{
    unsigned which = (unsigned)order * 4 + (reverse ? 2 : 0) + (low <= high ? 1 : 0);
    sqlite3_stmt *statement = peer->statement[SCANS + which];
    (void)sqlite3_bind_int64(statement, 1, limit);
    if (low <= high) {
        (void)sqlite3_bind_int64(statement, 2, low);
        (void)sqlite3_bind_int64(statement, 3, high);
    }
    uint32_t at = 0;
    while (sqlite3_step(statement) == SQLITE_ROW) {
        REQUIRE(at < count && sqlite3_column_int64(statement, 0) == ids[at],
                "SQLite and the model differ at row %u of scan %u", at, which);
        at++;
    }
    REQUIRE(at == count, "SQLite has %u rows in scan %u, not %u", at, which, count);
    (void)sqlite3_reset(statement);
}

void peer_check_counts(struct peer *peer, uint32_t rows, uint32_t keys)
{
    sqlite3_stmt *statement = peer->statement[COUNTS];
    REQUIRE(sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int64(statement, 0) == rows &&
                sqlite3_column_int64(statement, 1) == keys,
            "SQLite and the model differ in the number of rows");
    (void)sqlite3_reset(statement);
}
