/*
 * Threads that commit in all three ways, read under labels, list the readers
 * and checkpoint, on one database. Plain, so that it can run under
 * ThreadSanitizer. Exits with 0 when every commit was acknowledged once and
 * every row is there.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/thread.h"
#include "quire/quire.h"

#define WRITERS 6
#define COMMITS 150

static _Atomic uint32_t acknowledged;
static _Atomic uint32_t writing = WRITERS;

static void must(quire_status status, const quire_error *err, const char *what)
{
    if (status != QUIRE_OK) {
        (void)fprintf(stderr, "%s: %s: %s\n", what, quire_status_name(status), err->message);
        exit(1);
    }
}

static void acknowledge(void *context, uint64_t sequence, quire_status status,
                        const quire_error *error)
{
    (void)context;
    (void)sequence;
    must(status, error, "asynchronous commit");
    (void)atomic_fetch_add(&acknowledged, 1);
}

static quire_txn *begin_row(quire_db *db, int64_t number)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_begin_options options = QUIRE_BEGIN_OPTIONS_INIT;
    quire_txn *txn;
    quire_table *table;
    uint64_t savepoint;
    quire_value value = quire_int(number);
    options.owner = "writer";
    must(quire_begin_with(db, QUIRE_WRITE, &options, &txn, &err), &err, "begin");
    must(quire_table_open(txn, "t", &table, &err), &err, "open table");
    must(quire_table_insert(table, NULL, &value, 1, &err), &err, "insert");
    must(quire_savepoint(txn, &savepoint, &err), &err, "savepoint");
    must(quire_table_insert(table, NULL, &value, 1, &err), &err, "insert");
    must(quire_rollback_to(txn, savepoint, &err), &err, "rollback to");
    quire_table_close(table);
    return txn;
}

static void write_rows(void *context)
{
    quire_db *db = context;
    quire_error err = QUIRE_ERROR_INIT;
    for (int i = 0; i < COMMITS; i++) {
        quire_txn *txn = begin_row(db, i);
        quire_ticket *ticket;
        switch (i % 3) {
        case 0:
            must(quire_commit(txn, &err), &err, "commit");
            (void)atomic_fetch_add(&acknowledged, 1);
            break;
        case 1:
            must(quire_commit_async(txn, acknowledge, NULL, &err), &err, "commit");
            break;
        default:
            must(quire_commit_ticket(txn, &ticket, &err), &err, "commit");
            must(quire_ticket_wait(ticket, &err), &err, "wait");
            (void)atomic_fetch_add(&acknowledged, 1);
        }
    }
    (void)atomic_fetch_sub(&writing, 1);
}

static quire_status count_reader(void *context, const quire_reader *reader, quire_error *err)
{
    (void)err;
    *(uint64_t *)context += reader->owner[0] == 'r';
    return QUIRE_OK;
}

static void read_rows(void *context)
{
    quire_db *db = context;
    quire_error err = QUIRE_ERROR_INIT;
    quire_begin_options options = QUIRE_BEGIN_OPTIONS_INIT;
    uint64_t before = 0;
    for (unsigned i = 0; atomic_load(&writing) > 0; i++) {
        quire_txn *txn;
        quire_table *table;
        uint64_t rows, seen = 0;
        options.owner = i % 2 == 0 ? "reader" : NULL;
        must(quire_begin_with(db, QUIRE_READ, &options, &txn, &err), &err, "begin");
        must(quire_table_open(txn, "t", &table, &err), &err, "open table");
        must(quire_table_row_count(table, &rows, &err), &err, "count");
        quire_table_close(table);
        must(quire_readers(db, count_reader, &seen, &err), &err, "readers");
        quire_rollback(txn);
        if (rows < before || (i % 2 == 0 && seen == 0)) {
            (void)fprintf(stderr, "%llu rows after %llu, %llu readers\n", (unsigned long long)rows,
                          (unsigned long long)before, (unsigned long long)seen);
            exit(1);
        }
        before = rows;
        if (i % 64 == 0) {
            must(quire_checkpoint(db, &err), &err, "checkpoint");
        }
    }
}

int main(void)
{
    static const quire_column column = {"number", QUIRE_INT, false};
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    struct qr_thread threads[WRITERS + 2];
    quire_db *db;
    quire_txn *txn;
    options.page_size = 1024;
    options.wal_segment_bytes = 65536;
    options.cache_bytes = UINT64_C(1) << 20;
    must(quire_open(":memory:", &options, &db, &err), &err, "open");
    must(quire_begin(db, QUIRE_WRITE, &txn, &err), &err, "begin");
    must(quire_table_create(txn, "t", &column, 1, &err), &err, "create");
    must(quire_commit(txn, &err), &err, "commit");
    for (unsigned i = 0; i < WRITERS + 2; i++) {
        must(qr_thread_start(&threads[i], i < WRITERS ? write_rows : read_rows, db, &err), &err,
             "thread");
    }
    for (unsigned i = 0; i < WRITERS + 2; i++) {
        qr_thread_join(&threads[i]);
    }
    must(quire_close(db, &err), &err, "close");
    if (atomic_load(&acknowledged) != WRITERS * COMMITS) {
        (void)fprintf(stderr, "%u acknowledged\n", atomic_load(&acknowledged));
        return 1;
    }
    return 0;
}
