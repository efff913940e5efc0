/*
 * Threads that walk over a tree in both directions and look rows up while a
 * writer changes it and checkpoints go on, with a cache far smaller than the
 * tree: pages are read ahead, evicted and superseded all the time. Plain, so
 * that it can run under ThreadSanitizer. Exits with 0 when every walk saw one
 * state: all rows in order, with the sum that each commit keeps.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "quire/quire.h"

#define ROWS    4000
#define READERS 3
#define WALKS   8

static atomic_bool done;

static void must(quire_status status, const quire_error *err, const char *what)
{
    if (status != QUIRE_OK) {
        (void)fprintf(stderr, "%s: %s: %s\n", what, quire_status_name(status), err->message);
        exit(1);
    }
}

static void require(bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

static int64_t value_of(const void *payload)
{
    int64_t value;
    memcpy(&value, payload, sizeof value);
    return value;
}

static void put(quire_tree *tree, int64_t rowid, int64_t value, quire_error *err)
{
    char payload[100] = {0};
    memcpy(payload, &value, sizeof value);
    must(quire_tree_put(tree, rowid, payload, sizeof payload, NULL, err), err, "put");
}

/* Moves an amount from one row to another, again and again. */
static void move_amounts(void *context)
{
    quire_db *db = context;
    quire_error err = QUIRE_ERROR_INIT;
    uint32_t state = 12345;
    while (!atomic_load(&done)) {
        quire_txn *txn;
        quire_tree *tree;
        must(quire_begin(db, QUIRE_WRITE, &txn, &err), &err, "begin");
        must(quire_tree_open(txn, "t", &tree, &err), &err, "open tree");
        for (int side = -1; side <= 1; side += 2) {
            const void *payload;
            size_t size;
            bool found;
            state = state * 1664525U + 1013904223U;
            int64_t rowid = (int64_t)(state >> 8) % ROWS;
            must(quire_tree_find(tree, rowid, &payload, &size, &found, &err), &err, "find");
            require(found, "a row is missing");
            put(tree, rowid, value_of(payload) + side, &err);
        }
        quire_tree_close(tree);
        must(quire_commit(txn, &err), &err, "commit");
    }
}

static void walk(quire_tree *tree, bool forward)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_cursor *cursor;
    bool valid;
    int64_t rows = 0;
    int64_t sum = 0;
    must(quire_cursor_open(tree, &cursor, &err), &err, "open cursor");
    must(forward ? quire_cursor_first(cursor, &valid, &err)
                 : quire_cursor_last(cursor, &valid, &err),
         &err, "first");
    while (valid) {
        int64_t rowid;
        const void *payload;
        size_t size;
        must(quire_cursor_row(cursor, &rowid, &payload, &size, &err), &err, "row");
        require(rowid == (forward ? rows : ROWS - 1 - rows), "a row is out of order");
        sum += value_of(payload);
        rows++;
        must(forward ? quire_cursor_next(cursor, &valid, &err)
                     : quire_cursor_previous(cursor, &valid, &err),
             &err, "next");
    }
    require(rows == ROWS && sum == 0, "a walk saw no one state");
    quire_cursor_close(cursor);
}

static quire_status add_value(void *context, size_t index, const void *payload, size_t size)
{
    (void)index;
    (void)size;
    *(int64_t *)context += value_of(payload);
    return QUIRE_OK;
}

static void read_rows(void *context)
{
    quire_db *db = context;
    quire_error err = QUIRE_ERROR_INIT;
    static const int64_t end = ROWS;
    int64_t rowids[100];
    for (int round = 0; round < WALKS; round++) {
        quire_txn *txn;
        quire_tree *tree;
        int64_t sum = 0;
        must(quire_begin(db, QUIRE_READ, &txn, &err), &err, "begin");
        must(quire_tree_open(txn, "t", &tree, &err), &err, "open tree");
        walk(tree, round % 2 == 0);
        for (int64_t first = 0; first < end; first += 100) {
            for (int64_t i = 0; i < 100; i++) {
                rowids[i] = (first + i * 37) % end;
            }
            must(quire_tree_find_many(tree, rowids, 100, add_value, &sum, &err), &err, "find many");
        }
        quire_tree_close(tree);
        quire_rollback(txn);
    }
}

int main(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    struct qr_thread readers[READERS];
    struct qr_thread writer;
    quire_db *db;
    quire_txn *txn;
    quire_tree *tree;
    options.page_size = 1024;
    options.cache_bytes = 256 * 1024;
    options.checkpoint = quire_checkpoint_frame_count(50);
    must(quire_open(":memory:", &options, &db, &err), &err, "open");
    must(quire_begin(db, QUIRE_WRITE, &txn, &err), &err, "begin");
    must(quire_tree_create(txn, "t", &err), &err, "create");
    must(quire_tree_open(txn, "t", &tree, &err), &err, "open tree");
    for (int64_t i = 0; i < ROWS; i++) {
        put(tree, i, 0, &err);
    }
    quire_tree_close(tree);
    must(quire_commit(txn, &err), &err, "commit");
    must(quire_checkpoint(db, &err), &err, "checkpoint");
    must(qr_thread_start(&writer, move_amounts, db, &err), &err, "thread");
    for (int i = 0; i < READERS; i++) {
        must(qr_thread_start(&readers[i], read_rows, db, &err), &err, "thread");
    }
    for (int i = 0; i < READERS; i++) {
        qr_thread_join(&readers[i]);
    }
    atomic_store(&done, true);
    qr_thread_join(&writer);
    quire_stats stats = {.size = sizeof stats};
    must(quire_get_stats(db, &stats, &err), &err, "stats");
    require(stats.read_calls < stats.page_reads, "no pages were read together");
    must(quire_close(db, &err), &err, "close");
    return 0;
}
