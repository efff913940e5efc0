/*
 * The change feed when memory, a write or a sync fails: the writer is never
 * hindered by its listeners, and a listener is told of every commit or that it
 * was not.
 */
#include "engine/engine_fixture.h"

#include <errno.h>
#include <stdio.h>

#include "support/failing_allocator.h"
#include "support/faulty_layer.h"

static const quire_column column = {"value", QUIRE_INT, true};

static quire_status insert(quire_db *db, int64_t value, quire_error *err)
{
    quire_txn *txn;
    quire_table *table;
    quire_value row = quire_int(value);
    quire_status status = quire_begin(db, QUIRE_WRITE, &txn, err);
    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_table_open(txn, "t", &table, err);
    if (status == QUIRE_OK) {
        status = quire_table_insert(table, NULL, &row, 1, err);
        quire_table_close(table);
    }
    if (status != QUIRE_OK) {
        quire_rollback(txn);
        return status;
    }
    return quire_commit(txn, err);
}

static void create(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(db);
    OK(quire_table_create(txn, "t", &column, 1, &err));
    commit(txn);
}

/* The value of the only change of a commit. */
static int64_t value_of(quire_feed *feed)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_row_change change;
    quire_value value;
    cr_assert(quire_feed_change(feed, &change));
    OK(quire_record_column(change.after, change.after_size, 0, &value, &err));
    return value.as.integer;
}

/* Commits values while an allocation fails, and checks that the listener gets those whose commit
 * was acknowledged, in their order, until it is told that it has missed some. */
static void commit_and_listen(quire_db *db, quire_feed *feed)
{
    quire_error err = QUIRE_ERROR_INIT;
    int64_t acknowledged[20];
    size_t count = 0;
    const quire_feed_commit *seen;
    for (int64_t value = 1; value <= 20; value++) {
        if (insert(db, value, &err) == QUIRE_OK) {
            acknowledged[count++] = value;
        }
    }
    for (size_t i = 0; i < count; i++) {
        quire_status status = quire_feed_next(feed, 0, &seen, &err);
        if (status == QUIRE_RESUME_TOO_OLD) {
            return;
        }
        OK(status);
        cr_assert_not_null(seen, "commit %zu is missing", i);
        cr_assert_eq(value_of(feed), acknowledged[i]);
    }
    OK(quire_feed_next(feed, 0, &seen, &err));
    cr_assert_null(seen);
}

Test(feed_fault, memory__hinders_no_writer_and_hides_no_commit)
{
    uint64_t hindered = 0;
    bool done = false;
    for (uint64_t at = 0; !done; at++) {
        struct failing_allocator failing;
        quire_error err = QUIRE_ERROR_INIT;
        quire_options options = QUIRE_OPTIONS_INIT;
        quire_db *db;
        quire_feed *feed;
        failing_allocator_init(&failing);
        options.allocator = &failing.allocator;
        options.wal_segment_bytes = 64 << 10;
        options.cache_bytes = UINT64_C(1) << 20;
        OK(quire_open(":memory:", &options, &db, &err));
        create(db);
        failing_allocator_arm(&failing, at, false);
        if (quire_feed_open(db, NULL, &feed, &err) == QUIRE_OK) {
            commit_and_listen(db, feed);
            quire_feed_close(feed);
        } else {
            hindered++;
        }
        done = failing.failures == 0;
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        OK(quire_close(db, &err));
        cr_assert(failing_allocator_is_clean(&failing), "allocation %llu", (unsigned long long)at);
    }
    cr_assert_gt(hindered, 0);
}

/* Every write and sync of a commit fails in turn. */
static void fail_commit(uint32_t kinds, bool threaded)
{
    bool done = false;
    for (uint64_t at = 0; !done; at++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_options options = QUIRE_OPTIONS_INIT;
        struct faulty_layer *layer = faulty_layer_create();
        const quire_feed_commit *seen;
        quire_db *db;
        quire_feed *feed;
        options.cache_bytes = UINT64_C(1) << 20;
        options.checkpoint = quire_checkpoint_manual();
        OK(qr_db_open_with("db", &options, faulty_layer_files(layer), false, &db, &err));
        create(db);
        OK(quire_feed_open(db, NULL, &feed, &err));
        OK(insert(db, 1, &err));
        struct faulty_plan plan = {.kinds = kinds,
                                   .index = at,
                                   .forever = true,
                                   .os_errno = EIO,
                                   .path_part = threaded ? NULL : "-wal"};
        faulty_layer_fail(layer, &plan);
        quire_status status = insert(db, 2, &err);
        if (threaded && status == QUIRE_OK) {
            status = quire_checkpoint(db, &err);
        }
        done = faulty_layer_failures(layer) == 0;
        quire_error told = QUIRE_ERROR_INIT;
        quire_status next;
        int64_t value = 1;
        while ((next = quire_feed_next(feed, 0, &seen, &told)) == QUIRE_OK && seen != NULL) {
            cr_assert_eq(value_of(feed), value++);
        }
        if (status == QUIRE_COMMIT_UNKNOWN) {
            cr_assert_eq(next, QUIRE_COMMIT_UNKNOWN, "got %s", quire_status_name(next));
            cr_assert_eq(value, 2);
            cr_assert_eq(quire_feed_next(feed, QUIRE_FEED_FOREVER, &seen, &told),
                         QUIRE_COMMIT_UNKNOWN);
        } else if (insert(db, 3, &err) == QUIRE_POISONED) {
            cr_assert_eq(quire_feed_next(feed, QUIRE_FEED_FOREVER, &seen, &told), QUIRE_POISONED,
                         "failure %llu", (unsigned long long)at);
        } else {
            cr_assert_eq(next, QUIRE_OK);
        }
        faulty_layer_heal(layer);
        quire_feed_close(feed);
        (void)quire_close(db, &err);
        faulty_layer_destroy(layer);
    }
}

Test(feed_fault, log__ends_feeds_with_commit_unknown)
{
    fail_commit(FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_SYNC), false);
}

Test(feed_fault, checkpoint__ends_feeds_when_it_poisons)
{
    fail_commit(FAULTY_SET(FAULTY_SYNC), true);
}

Test(feed_fault, random__fails_the_opening)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    struct faulty_layer *layer = faulty_layer_create();
    struct faulty_plan plan = {.kinds = FAULTY_SET(FAULTY_RANDOM), .forever = true};
    quire_db *db;
    quire_feed *feed;
    options.cache_bytes = UINT64_C(1) << 20;
    OK(qr_db_open_with("db", &options, faulty_layer_files(layer), false, &db, &err));
    faulty_layer_fail(layer, &plan);
    FAILS(IO, quire_feed_open(db, NULL, &feed, &err));
    cr_assert_null(feed);
    faulty_layer_heal(layer);
    OK(quire_close(db, &err));
    faulty_layer_destroy(layer);
}
