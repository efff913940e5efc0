/*
 * Commits of several threads through the public API: how many syncs they share,
 * what they never wait for, and the outcome of asynchronous ones.
 */
#define _POSIX_C_SOURCE 200809L

#include "engine_fixture.h"

#include <stdatomic.h>
#include <time.h>

#include "base/thread.h"
#include "support/faulty_layer.h"

#define THREADS 8
#define COMMITS 60

static quire_db *open_full_again(struct qr_file_layer *layer)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = 1024;
    options.cache_bytes = UINT64_C(4) << 20;
    options.checkpoint = quire_checkpoint_manual();
    quire_db *db;
    OK(qr_db_open_with("db", &options, layer, false, &db, &err));
    return db;
}

static quire_db *open_full(struct qr_file_layer *layer)
{
    quire_db *db = open_full_again(layer);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    commit(txn);
    return db;
}

static quire_stats stats_of(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_stats stats = {.size = sizeof stats};
    OK(quire_get_stats(db, &stats, &err));
    return stats;
}

static uint64_t rows_of(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_read(db);
    quire_table *table;
    uint64_t rows;
    OK(quire_table_open(txn, "users", &table, &err));
    OK(quire_table_row_count(table, &rows, &err));
    quire_table_close(table);
    quire_rollback(txn);
    return rows;
}

static quire_txn *begin_row(quire_db *db, int64_t age)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(db);
    quire_table *table;
    OK(quire_table_open(txn, "users", &table, &err));
    (void)add_user(table, "somebody", age);
    quire_table_close(table);
    return txn;
}

struct worker {
    struct qr_thread thread;
    quire_db *db;
    _Atomic uint32_t *acknowledged;
    uint64_t last;
};

static void start(struct worker *workers, quire_db *db, void (*run)(void *))
{
    quire_error err = QUIRE_ERROR_INIT;
    for (int i = 0; i < THREADS; i++) {
        workers[i].db = db;
        OK(qr_thread_start(&workers[i].thread, run, &workers[i], &err));
    }
}

static void join(struct worker *workers)
{
    for (int i = 0; i < THREADS; i++) {
        qr_thread_join(&workers[i].thread);
    }
}

static void commit_rows(void *context)
{
    struct worker *worker = context;
    for (int i = 0; i < COMMITS; i++) {
        commit(begin_row(worker->db, i));
    }
}

/* A disk whose syncs take a while, as real ones do, so that commits meet. */
static void linger(void *context, const struct faulty_record *record)
{
    (void)context;
    (void)record;
    struct timespec pause = {0, 2000000};
    (void)nanosleep(&pause, NULL);
}

Test(group, eight_threads__share_their_syncs)
{
    struct faulty_layer *disk = faulty_layer_create();
    quire_db *db = open_full(faulty_layer_files(disk));
    struct worker workers[THREADS] = {0};
    faulty_layer_observe(disk, FAULTY_SET(FAULTY_SYNC), linger, NULL);
    quire_stats before = stats_of(db);
    start(workers, db, commit_rows);
    join(workers);
    quire_stats after = stats_of(db);
    faulty_layer_observe(disk, 0, NULL, NULL);
    uint64_t commits = after.commits - before.commits;
    cr_assert_eq(commits, THREADS * COMMITS);
    cr_assert_leq((after.syncs - before.syncs) * 3, commits, "%llu syncs for %llu commits",
                  (unsigned long long)(after.syncs - before.syncs), (unsigned long long)commits);
    cr_assert_eq(rows_of(db), THREADS * COMMITS);
    close_db(db);
    faulty_layer_destroy(disk);
}

static void change_row(void *context)
{
    struct worker *worker = context;
    quire_error err = QUIRE_ERROR_INIT;
    for (int i = 0; i < COMMITS; i++) {
        quire_txn *txn = begin_write(worker->db);
        quire_tree *tree;
        OK(quire_tree_open(txn, "hot", &tree, &err));
        OK(quire_tree_put(tree, 1, &i, sizeof i, NULL, &err));
        quire_tree_close(tree);
        commit(txn);
    }
}

Test(group, page_that_all_commits_change__is_framed_once_a_group)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct faulty_layer *disk = faulty_layer_create();
    quire_db *db = open_full(faulty_layer_files(disk));
    struct worker workers[THREADS] = {0};
    quire_txn *txn = begin_write(db);
    OK(quire_tree_create(txn, "hot", &err));
    commit(txn);
    faulty_layer_observe(disk, FAULTY_SET(FAULTY_SYNC), linger, NULL);
    quire_stats before = stats_of(db);
    start(workers, db, change_row);
    join(workers);
    quire_stats after = stats_of(db);
    faulty_layer_observe(disk, 0, NULL, NULL);
    uint64_t groups = after.groups - before.groups;
    cr_assert_eq(after.commits - before.commits, THREADS * COMMITS);
    cr_assert_leq(groups * 3, THREADS * COMMITS);
    /* The page, and the header with the count of rows when that changes. */
    cr_assert_leq(after.log_frames - before.log_frames, groups + 2);
    close_db(db);
    faulty_layer_destroy(disk);
}

static void commit_one(void *context)
{
    struct worker *worker = context;
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_row(worker->db, 1);
    quire_ticket *ticket;
    OK(quire_commit_ticket(txn, &ticket, &err));
    (void)atomic_fetch_add(worker->acknowledged, 1); /* published: the next writer may begin */
    OK(quire_ticket_wait(ticket, &err));
    (void)atomic_fetch_add(worker->acknowledged, 1);
}

Test(group, acknowledgement__does_not_wait_for_an_open_transaction)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct faulty_layer *disk = faulty_layer_create();
    quire_db *db = open_full(faulty_layer_files(disk));
    _Atomic uint32_t steps = 0;
    struct worker worker = {.db = db, .acknowledged = &steps};
    OK(qr_thread_start(&worker.thread, commit_one, &worker, &err));
    while (atomic_load(&steps) == 0) {
        qr_yield();
    }
    /* This transaction stays open until the other commit is acknowledged: if that waited for it,
     * the test would never end. */
    quire_txn *txn = begin_row(db, 2);
    qr_thread_join(&worker.thread);
    cr_assert_eq(atomic_load(&steps), 2);
    cr_assert_eq(rows_of(db), 1);
    quire_rollback(txn);
    close_db(db);
    faulty_layer_destroy(disk);
}

/* ---- Asynchronous commits ---- */

static void note_commit(void *context, uint64_t sequence, quire_status status,
                        const quire_error *error)
{
    struct worker *worker = context;
    cr_assert_eq(status, QUIRE_OK);
    cr_assert_null(error);
    cr_assert_gt(sequence, worker->last, "not in the order of the commits");
    worker->last = sequence;
    (void)atomic_fetch_add(worker->acknowledged, 1);
}

static void commit_rows_async(void *context)
{
    struct worker *worker = context;
    quire_error err = QUIRE_ERROR_INIT;
    for (int i = 0; i < COMMITS; i++) {
        OK(quire_commit_async(begin_row(worker->db, i), note_commit, worker, &err));
    }
}

Test(group, asynchronous_commits__are_all_acknowledged_in_order)
{
    struct faulty_layer *disk = faulty_layer_create();
    quire_db *db = open_full(faulty_layer_files(disk));
    struct worker workers[THREADS] = {0};
    _Atomic uint32_t acknowledged = 0;
    faulty_layer_observe(disk, FAULTY_SET(FAULTY_SYNC), linger, NULL);
    for (int i = 0; i < THREADS; i++) {
        workers[i].acknowledged = &acknowledged;
    }
    quire_stats before = stats_of(db);
    start(workers, db, commit_rows_async);
    join(workers);
    while (atomic_load(&acknowledged) < THREADS * COMMITS) {
        qr_yield();
    }
    quire_stats after = stats_of(db);
    cr_assert_eq(after.commits - before.commits, THREADS * COMMITS);
    cr_assert_leq((after.syncs - before.syncs) * 3, after.commits - before.commits);
    cr_assert_eq(rows_of(db), THREADS * COMMITS);
    faulty_layer_observe(disk, 0, NULL, NULL);
    close_db(db);
    faulty_layer_destroy(disk);
}

Test(group, close__waits_for_the_calls_that_are_due)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct faulty_layer *disk = faulty_layer_create();
    quire_db *db = open_full(faulty_layer_files(disk));
    _Atomic uint32_t acknowledged = 0;
    struct worker worker = {.acknowledged = &acknowledged};
    for (int i = 0; i < 5; i++) {
        OK(quire_commit_async(begin_row(db, i), note_commit, &worker, &err));
    }
    close_db(db);
    cr_assert_eq(atomic_load(&acknowledged), 5);

    db = open_full_again(faulty_layer_files(disk));
    cr_assert_eq(rows_of(db), 5);
    quire_ticket *ticket;
    OK(quire_commit_ticket(begin_row(db, 9), &ticket, &err));
    FAILS(MISUSE, quire_close(db, &err));
    OK(quire_ticket_wait(ticket, &err));
    FAILS(MISUSE, quire_ticket_wait(NULL, &err));

    /* Nothing to write, and read transactions: known at once. */
    OK(quire_commit_ticket(begin_write(db), &ticket, &err));
    cr_assert(quire_ticket_known(ticket));
    OK(quire_ticket_wait(ticket, &err));
    OK(quire_commit_ticket(begin_read(db), &ticket, &err));
    OK(quire_ticket_wait(ticket, &err));
    close_db(db);
    faulty_layer_destroy(disk);
}

static void expect_unknown(void *context, uint64_t sequence, quire_status status,
                           const quire_error *error)
{
    cr_assert_gt(sequence, 0);
    cr_assert_eq(status, QUIRE_COMMIT_UNKNOWN);
    cr_assert_neq(error->message[0], 0);
    (void)atomic_fetch_add((_Atomic uint32_t *)context, 1);
}

Test(group, failing_sync__makes_asynchronous_commits_unknown_and_refuses_later_ones)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct faulty_layer *disk = faulty_layer_create();
    quire_db *db = open_full(faulty_layer_files(disk));
    _Atomic uint32_t calls = 0;
    struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_SYNC), .forever = true};
    faulty_layer_fail(disk, &plan);
    quire_ticket *ticket;
    OK(quire_commit_async(begin_row(db, 1), expect_unknown, &calls, &err));
    while (atomic_load(&calls) == 0) {
        qr_yield();
    }
    quire_txn *txn;
    FAILS(POISONED, quire_begin(db, QUIRE_WRITE, &txn, &err));
    faulty_layer_heal(disk);
    cr_assert_neq(quire_close(db, NULL), QUIRE_OK);

    db = open_full_again(faulty_layer_files(disk));
    faulty_layer_fail(disk, &plan);
    OK(quire_commit_ticket(begin_row(db, 1), &ticket, &err));
    FAILS(COMMIT_UNKNOWN, quire_ticket_wait(ticket, &err));
    faulty_layer_heal(disk);
    cr_assert_neq(quire_close(db, NULL), QUIRE_OK);
    faulty_layer_destroy(disk);
}

/* A disk whose syncs wait for a word. */
static void wait_for_word(void *context, const struct faulty_record *record)
{
    (void)record;
    while (atomic_load((_Atomic bool *)context)) {
        qr_yield();
    }
}

static void note_outcome(void *context, uint64_t sequence, quire_status status,
                         const quire_error *error)
{
    (void)error;
    cr_assert_eq(sequence, 0);
    atomic_store((_Atomic uint32_t *)context, 1000 + (uint32_t)status);
}

/* What a transaction saw and did not change is not told before it is certain. */
static void look_at_commit_in_flight(bool fails)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct faulty_layer *disk = faulty_layer_create();
    quire_db *db = open_full(faulty_layer_files(disk));
    _Atomic bool held = true;
    _Atomic uint32_t outcome = 0;
    quire_ticket *first, *second;
    struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_SYNC), .forever = true};
    faulty_layer_observe(disk, FAULTY_SET(FAULTY_SYNC), wait_for_word, &held);
    if (fails) {
        faulty_layer_fail(disk, &plan);
    }
    OK(quire_commit_ticket(begin_row(db, 1), &first, &err));
    quire_txn *txn = begin_write(db);
    quire_table *table;
    uint64_t rows;
    OK(quire_table_open(txn, "users", &table, &err));
    OK(quire_table_row_count(table, &rows, &err));
    cr_assert_eq(rows, 1);
    quire_table_close(table);
    OK(quire_commit_async(txn, note_outcome, &outcome, &err));
    OK(quire_commit_ticket(begin_write(db), &second, &err));
    cr_assert_eq(rows_of(db), 0);
    cr_assert_eq(atomic_load(&outcome), 0);
    cr_assert_not(quire_ticket_known(second));

    atomic_store(&held, false);
    quire_status expected = fails ? QUIRE_COMMIT_UNKNOWN : QUIRE_OK;
    cr_assert_eq(quire_ticket_wait(second, &err), expected);
    cr_assert_eq(quire_ticket_wait(first, &err), expected);
    while (atomic_load(&outcome) == 0) {
        qr_yield();
    }
    cr_assert_eq(atomic_load(&outcome), 1000 + (uint32_t)expected);
    cr_assert_eq(rows_of(db), fails ? 0 : 1);
    faulty_layer_heal(disk);
    cr_assert_eq(quire_close(db, NULL) == QUIRE_OK, !fails);
    faulty_layer_destroy(disk);
}

Test(group, commit_without_changes__waits_for_what_it_saw)
{
    look_at_commit_in_flight(false);
}

Test(group, commit_without_changes__is_unknown_when_what_it_saw_is)
{
    look_at_commit_in_flight(true);
}

Test(group, doomed_transaction__fails_at_once_without_a_ticket)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    qr_txn_give_up(txn);
    quire_ticket *ticket;
    FAILS(TXN_DOOMED, quire_commit_ticket(txn, &ticket, &err));
    cr_assert_null(ticket);
    FAILS(MISUSE, quire_commit_async(begin_write(db), NULL, NULL, &err));
    close_db(db);
}
