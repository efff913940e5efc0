/*
 * Four writers that commit in all three ways, roll back, and go back to
 * savepoints, while listeners follow: one that pulls, one with a callback, one
 * that stops after some commits and resumes, one that takes nothing until the
 * end, and one that comes and goes in a database where nobody else listens.
 * Plain, so that it can run under ThreadSanitizer. Exits with 0 when every
 * listener could make the table from what it was told: the row before each
 * change was the row after the last one, and nothing was missed at the end.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "quire/quire.h"

#define WRITERS 4
#define OWN     50 /* rows of each writer */
#define ROWS    (WRITERS * OWN)
#define ROUNDS  250

static _Atomic uint32_t writing;

/* The table as a listener knows it: by rowid - 1, 0 where there is no row. */
struct model {
    int64_t value[ROWS];
    uint64_t commit;
    uint64_t changes;
};

struct pulled {
    struct model model;
    _Atomic uint64_t commit;
    _Atomic bool ended;
};

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

/* ---- writers ---- */

struct writer {
    quire_db *db;
    uint32_t state;
    int64_t first; /* rowid of its first row */
    int64_t next;  /* value */
};

static uint32_t draw(struct writer *writer, uint32_t bound)
{
    writer->state = writer->state * 1664525U + 1013904223U;
    return (writer->state >> 8) % bound;
}

/* Changes one row of the writer's: what there is decides how. */
static void change_row(struct writer *writer, quire_table *table)
{
    quire_error err = QUIRE_ERROR_INIT;
    int64_t rowid = writer->first + draw(writer, OWN);
    quire_value value = quire_int(writer->next);
    bool found;
    writer->next += WRITERS;
    if (draw(writer, 3) == 0) {
        must(quire_table_delete(table, rowid, &found, &err), &err, "delete");
        return;
    }
    must(quire_table_update(table, rowid, &value, 1, &found, &err), &err, "update");
    if (!found) {
        must(quire_table_insert(table, &rowid, &value, 1, &err), &err, "insert");
    }
}

static void fill(struct writer *writer, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    uint64_t savepoint;
    must(quire_table_open(txn, "t", &table, &err), &err, "open table");
    change_row(writer, table);
    must(quire_savepoint(txn, &savepoint, &err), &err, "savepoint");
    for (uint32_t i = draw(writer, 3); i > 0; i--) {
        change_row(writer, table);
    }
    if (draw(writer, 3) == 0) {
        must(quire_rollback_to(txn, savepoint, &err), &err, "rollback to");
    }
    for (uint32_t i = draw(writer, 3); i > 0; i--) {
        change_row(writer, table);
    }
    quire_table_close(table);
}

static void acknowledge(void *context, uint64_t sequence, quire_status status,
                        const quire_error *error)
{
    (void)context;
    (void)sequence;
    must(status, error, "asynchronous commit");
}

static void write_rows(void *context)
{
    struct writer *writer = context;
    quire_error err = QUIRE_ERROR_INIT;
    for (int i = 0; i < ROUNDS; i++) {
        quire_txn *txn;
        quire_ticket *ticket;
        must(quire_begin(writer->db, QUIRE_WRITE, &txn, &err), &err, "begin");
        fill(writer, txn);
        switch (draw(writer, 4)) {
        case 0:
            must(quire_commit(txn, &err), &err, "commit");
            break;
        case 1:
            must(quire_commit_async(txn, acknowledge, NULL, &err), &err, "commit");
            break;
        case 2:
            must(quire_commit_ticket(txn, &ticket, &err), &err, "commit");
            must(quire_ticket_wait(ticket, &err), &err, "wait");
            break;
        default:
            quire_rollback(txn);
        }
    }
    (void)atomic_fetch_sub(&writing, 1);
}

/* ---- models ---- */

static int64_t value_in(const void *record, size_t size)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_value value;
    if (record == NULL) {
        return 0;
    }
    must(quire_record_column(record, size, 0, &value, &err), &err, "column");
    return value.as.integer;
}

/* Applies the commit that the feed stands at. */
static void apply(struct model *model, quire_feed *feed, const quire_feed_commit *commit)
{
    quire_row_change change;
    uint32_t count = 0;
    require(commit->position.commit > model->commit, "commits out of order");
    model->commit = commit->position.commit;
    while (quire_feed_change(feed, &change)) {
        int64_t *value = &model->value[change.rowid - 1];
        require(*value == value_in(change.before, change.before_size),
                "a row was not what the feed has told of it");
        *value = value_in(change.after, change.after_size);
        count++;
    }
    require(count == commit->change_count, "another number of changes");
    model->changes += count;
}

static void read_table(quire_txn *txn, struct model *model)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    memset(model, 0, sizeof *model);
    model->commit = quire_txn_sequence(txn);
    must(quire_table_open(txn, "t", &table, &err), &err, "open table");
    for (int64_t rowid = 1; rowid <= ROWS; rowid++) {
        const void *record;
        size_t size;
        bool found;
        must(quire_table_get(table, rowid, &record, &size, &found, &err), &err, "get");
        model->value[rowid - 1] = found ? value_in(record, size) : 0;
    }
    quire_table_close(table);
}

static void read_newest(quire_db *db, struct model *model)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    must(quire_begin(db, QUIRE_READ, &txn, &err), &err, "begin");
    read_table(txn, model);
    quire_rollback(txn);
}

static void compare(const struct model *a, const struct model *b, const char *what)
{
    require(memcmp(a->value, b->value, sizeof a->value) == 0, what);
}

/* ---- listeners ---- */

static quire_feed *listen(quire_db *db, const quire_feed_position *from)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_feed_options options = QUIRE_FEED_OPTIONS_INIT;
    quire_feed *feed;
    options.from = from;
    must(quire_feed_open(db, &options, &feed, &err), &err, "open feed");
    return feed;
}

/* Takes everything that is there. */
static void take_all(quire_feed *feed, struct model *model)
{
    quire_error err = QUIRE_ERROR_INIT;
    const quire_feed_commit *commit;
    do {
        must(quire_feed_next(feed, 0, &commit, &err), &err, "next");
        if (commit != NULL) {
            apply(model, feed, commit);
        }
    } while (commit != NULL);
}

struct follower {
    quire_feed *feed;
    struct model model;
};

/* Pulls until it is stopped. */
static void follow(void *context)
{
    struct follower *follower = context;
    for (;;) {
        quire_error err = QUIRE_ERROR_INIT;
        const quire_feed_commit *commit;
        quire_status status = quire_feed_next(follower->feed, QUIRE_FEED_FOREVER, &commit, &err);
        if (status == QUIRE_INTERRUPTED) {
            return;
        }
        must(status, &err, "next");
        require(commit != NULL, "an endless wait has ended without a commit");
        apply(&follower->model, follower->feed, commit);
    }
}

static void take_pulled(void *context, quire_feed *feed, const quire_feed_commit *commit,
                        quire_status status, const quire_error *error)
{
    struct pulled *pulled = context;
    if (commit == NULL) {
        require(status == QUIRE_INTERRUPTED && error != NULL, "the callback's end");
        atomic_store(&pulled->ended, true);
        return;
    }
    apply(&pulled->model, feed, commit);
    atomic_store(&pulled->commit, commit->position.commit);
}

/* Takes a few commits, closes, and goes on where it was. */
static void resume_often(quire_db *db, quire_feed_position *position, struct model *model)
{
    quire_error err = QUIRE_ERROR_INIT;
    const quire_feed_commit *commit;
    quire_feed *feed = listen(db, position);
    for (int i = 0; i < 7; i++) {
        must(quire_feed_next(feed, 1, &commit, &err), &err, "next");
        if (commit != NULL) {
            apply(model, feed, commit);
        }
    }
    *position = quire_feed_where(feed);
    quire_feed_close(feed);
}

static void start_writers(quire_db *db, struct writer *writers, struct qr_thread *threads)
{
    quire_error err = QUIRE_ERROR_INIT;
    atomic_store(&writing, WRITERS);
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){db, i * 7919 + 1, 1 + (int64_t)i * OWN, 1 + (int64_t)i};
        must(qr_thread_start(&threads[i], write_rows, &writers[i], &err), &err, "thread");
    }
}

/* All kinds of listeners at once, in a window that holds everything. */
static void listen_in_many_ways(quire_db *db)
{
    static struct follower follower;
    static struct pulled pulled;
    static struct model resumed, late, newest;
    struct writer writers[WRITERS];
    struct qr_thread threads[WRITERS + 1];
    quire_error err = QUIRE_ERROR_INIT;
    quire_feed_options options = QUIRE_FEED_OPTIONS_INIT;
    quire_feed *callback;
    follower.feed = listen(db, NULL);
    quire_feed *lazy = listen(db, NULL);
    quire_feed_position position = quire_feed_where(lazy);
    options.each = take_pulled;
    options.context = &pulled;
    must(quire_feed_open(db, &options, &callback, &err), &err, "open feed");
    must(qr_thread_start(&threads[WRITERS], follow, &follower, &err), &err, "thread");
    start_writers(db, writers, threads);
    while (atomic_load(&writing) > 0) {
        resume_often(db, &position, &resumed);
    }
    for (int i = 0; i < WRITERS; i++) {
        qr_thread_join(&threads[i]);
    }
    take_all(lazy, &late);
    while (atomic_load(&pulled.commit) < late.commit) {
        qr_yield();
    }
    while (resumed.commit < late.commit) {
        resume_often(db, &position, &resumed);
    }
    quire_feed_stop(callback);
    quire_feed_close(callback);
    read_newest(db, &newest);
    compare(&newest, &late, "the lazy listener has missed something");
    compare(&newest, &resumed, "the resuming listener has missed something");
    compare(&newest, &pulled.model, "the callback has missed something");
    require(atomic_load(&pulled.ended), "the callback was not told of its end");
    quire_feed_stop(follower.feed);
    qr_thread_join(&threads[WRITERS]);
    require(follower.model.commit <= late.commit, "a commit from nowhere");
    quire_feed_close(follower.feed);
    quire_feed_close(lazy);
}

/* A listener that is alone, and so switches the recording on and off. */
static void come_and_go(quire_db *db)
{
    static struct model model, newest;
    struct writer writers[WRITERS];
    struct qr_thread threads[WRITERS];
    quire_error err = QUIRE_ERROR_INIT;
    unsigned rounds = 0;
    start_writers(db, writers, threads);
    while (atomic_load(&writing) > 0 || rounds < 3) {
        quire_txn *txn;
        const quire_feed_commit *commit;
        quire_feed *feed = listen(db, NULL);
        must(quire_begin(db, QUIRE_READ, &txn, &err), &err, "begin");
        read_table(txn, &model);
        quire_rollback(txn);
        require(model.commit >= quire_feed_where(feed).commit, "a listener from the future");
        for (int i = 0; i < 5; i++) {
            must(quire_feed_next(feed, 1, &commit, &err), &err, "next");
            if (commit != NULL && commit->position.commit > model.commit) {
                apply(&model, feed, commit);
            }
        }
        must(quire_begin(db, QUIRE_READ, &txn, &err), &err, "begin");
        read_table(txn, &newest);
        quire_rollback(txn);
        for (commit = NULL; model.commit < newest.commit;) {
            must(quire_feed_next(feed, 0, &commit, &err), &err, "next");
            if (commit == NULL || commit->position.commit > newest.commit) {
                break;
            }
            if (commit->position.commit > model.commit) {
                apply(&model, feed, commit);
            }
        }
        compare(&newest, &model, "a listener has missed something between two snapshots");
        quire_feed_close(feed);
        rounds++;
    }
    for (int i = 0; i < WRITERS; i++) {
        qr_thread_join(&threads[i]);
    }
}

/* A window that is too small: what a listener gets until it is told so has no gap. */
static void fall_behind(quire_db *db)
{
    static struct model model;
    struct writer writers[WRITERS];
    struct qr_thread threads[WRITERS];
    unsigned behind = 0;
    quire_feed *feed = NULL;
    start_writers(db, writers, threads);
    while (atomic_load(&writing) > 0) {
        quire_error err = QUIRE_ERROR_INIT;
        const quire_feed_commit *commit;
        if (feed == NULL) {
            feed = listen(db, NULL);
            read_newest(db, &model);
        }
        quire_status status = quire_feed_next(feed, 1, &commit, &err);
        if (status == QUIRE_RESUME_TOO_OLD) {
            behind++;
            quire_feed_close(feed);
            feed = NULL;
            continue;
        }
        must(status, &err, "next");
        if (commit != NULL && commit->position.commit > model.commit) {
            apply(&model, feed, commit);
        }
        for (int i = 0; i < 50; i++) {
            qr_yield();
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        qr_thread_join(&threads[i]);
    }
    quire_feed_close(feed);
    (void)behind;
}

static void run(uint64_t window_bytes, void (*part)(quire_db *db))
{
    static const quire_column column = {"value", QUIRE_INT, true};
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    quire_txn *txn;
    options.feed_window_bytes = window_bytes;
    options.cache_bytes = UINT64_C(16) << 20;
    must(quire_open(":memory:", &options, &db, &err), &err, "open");
    must(quire_begin(db, QUIRE_WRITE, &txn, &err), &err, "begin");
    must(quire_table_create(txn, "t", &column, 1, &err), &err, "create");
    must(quire_commit(txn, &err), &err, "commit");
    part(db);
    must(quire_close(db, &err), &err, "close");
}

int main(void)
{
    run(UINT64_C(64) << 20, listen_in_many_ways);
    run(0, come_and_go);
    run(2048, fall_behind);
    return 0;
}
