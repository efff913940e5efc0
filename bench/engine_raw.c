/*
 * No engine: what one thread gets from the device by writing a page and syncing
 * it, over and over, into a file whose space has been written before. A durable
 * commit of one engine's thread cannot be faster; those of several can, together.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define BLOCK  4120U /* a frame of a log of 4 KiB pages */
#define BLOCKS 4096U

struct bench_db {
    pthread_mutex_t turn;
    uint32_t next;
    int file;
    bool durable;
};

struct bench_session {
    struct bench_db *db;
    char block[BLOCK];
};

static int write_block(struct bench_db *db, const char *block, bool durable)
{
    off_t offset = (off_t)db->next * BLOCK;
    db->next = (db->next + 1) % BLOCKS;
    if (pwrite(db->file, block, BLOCK, offset) != (ssize_t)BLOCK ||
        (durable && fdatasync(db->file) != 0)) {
        return bench_fail("raw", "write", "failed");
    }
    return 0;
}

static int db_open(const struct bench_config *config, struct bench_db **out)
{
    static const char zeros[BLOCK];
    char path[512];
    struct bench_db *db = calloc(1, sizeof *db);
    if (db == NULL) {
        return bench_fail("raw", "open", "out of memory");
    }
    snprintf(path, sizeof path, "%s/raw", config->directory);
    db->durable = config->durable;
    db->file = open(path, O_RDWR | O_CREAT, 0644);
    if (db->file < 0 || pthread_mutex_init(&db->turn, NULL) != 0) {
        return bench_fail("raw", "open", path);
    }
    for (uint32_t i = 0; i < BLOCKS; i++) {
        if (write_block(db, zeros, i + 1 == BLOCKS) != 0) {
            return -1;
        }
    }
    *out = db;
    return 0;
}

static int db_close(struct bench_db *db)
{
    int status = close(db->file);
    pthread_mutex_destroy(&db->turn);
    free(db);
    return status;
}

static int session_open(struct bench_db *db, struct bench_session **out)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        return bench_fail("raw", "session", "out of memory");
    }
    (*out)->db = db;
    return 0;
}

static void session_close(struct bench_session *session)
{
    free(session);
}

static int write_begin(struct bench_session *session)
{
    return pthread_mutex_lock(&session->db->turn);
}

static int put(struct bench_session *session, int64_t key, const void *value, bool append)
{
    (void)key;
    (void)append;
    memcpy(session->block, value, BENCH_VALUE);
    return 0;
}

static int write_commit(struct bench_session *session)
{
    int status = write_block(session->db, session->block, session->db->durable);
    pthread_mutex_unlock(&session->db->turn);
    return status;
}

const struct bench_engine bench_raw = {
    .name = "raw",
    .settings = "no engine: pwrite of 4,120 bytes and fdatasync, one at a time",
    .open = db_open,
    .close = db_close,
    .session_open = session_open,
    .session_close = session_close,
    .write_begin = write_begin,
    .put = put,
    .write_commit = write_commit,
};
