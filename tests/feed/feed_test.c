/*
 * The change feed: what is in it, in which order, from where on, and how it
 * ends.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "engine/engine_fixture.h"

#include "base/thread.h"
#include "support/temp_dir.h"

/* ---- helpers ---- */

/* The first text column of a record, NUL-terminated, or "-". */
static const char *name_in(const void *record, size_t size, char *buffer)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_value value;
    if (record == NULL) {
        return "-";
    }
    OK(quire_record_column(record, size, 0, &value, &err));
    memcpy(buffer, value.as.bytes, value.size);
    buffer[value.size] = '\0';
    return buffer;
}

/* Appends "users:+1 -/ada;" for each change of the commit. */
static void tell(quire_feed *feed, char *text, size_t size)
{
    static const char sign[] = {'?', '+', '*', '-'};
    quire_row_change change;
    while (quire_feed_change(feed, &change)) {
        char before[64];
        char after[64];
        size_t used = strlen(text);
        (void)snprintf(text + used, size - used, "%s:%c%lld %s/%s;", change.table,
                       sign[change.operation], (long long)change.rowid,
                       name_in(change.before, change.before_size, before),
                       name_in(change.after, change.after_size, after));
    }
}

/* Asserts that the next commit is there and has these changes. */
static quire_feed_position expect(quire_feed *feed, const char *changes)
{
    quire_error err = QUIRE_ERROR_INIT;
    const quire_feed_commit *commit;
    char text[2048] = "";
    OK(quire_feed_next(feed, 0, &commit, &err));
    cr_assert_not_null(commit, "no commit, wanted %s", changes);
    tell(feed, text, sizeof text);
    cr_assert_str_eq(text, changes);
    return commit->position;
}

static void expect_none(quire_feed *feed)
{
    quire_error err = QUIRE_ERROR_INIT;
    const quire_feed_commit *commit;
    OK(quire_feed_next(feed, 0, &commit, &err));
    cr_assert_null(commit);
}

static quire_feed *listen(quire_db *db, const quire_feed_position *from)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_feed_options options = QUIRE_FEED_OPTIONS_INIT;
    quire_feed *feed;
    options.from = from;
    OK(quire_feed_open(db, &options, &feed, &err));
    return feed;
}

/* A database with the table "users". */
static quire_db *open_users(uint64_t window_bytes)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    options.feed_window_bytes = window_bytes;
    OK(quire_open(":memory:", &options, &db, &err));
    quire_txn *txn = begin_write(db);
    create_users(txn);
    commit(txn);
    return db;
}

static int64_t insert(quire_txn *txn, const char *name)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    OK(quire_table_open(txn, "users", &table, &err));
    int64_t rowid = add_user(table, name, 1);
    quire_table_close(table);
    return rowid;
}

static void update(quire_txn *txn, int64_t rowid, const char *name)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    bool found;
    quire_value row[] = {quire_text(name), quire_int(2)};
    OK(quire_table_open(txn, "users", &table, &err));
    OK(quire_table_update(table, rowid, row, 2, &found, &err));
    quire_table_close(table);
}

static void delete (quire_txn *txn, int64_t rowid)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    bool found;
    OK(quire_table_open(txn, "users", &table, &err));
    OK(quire_table_delete(table, rowid, &found, &err));
    quire_table_close(table);
}

static void commit_insert(quire_db *db, const char *name)
{
    quire_txn *txn = begin_write(db);
    insert(txn, name);
    commit(txn);
}

/* ---- what is in it ---- */

Test(feed, tells_each_commit_once)
{
    quire_db *db = open_users(0);
    quire_feed *feed = listen(db, NULL);
    expect_none(feed);
    quire_txn *txn = begin_write(db);
    insert(txn, "ada");
    insert(txn, "bob");
    update(txn, 1, "ada lovelace");
    commit(txn);
    txn = begin_write(db);
    delete (txn, 2);
    commit(txn);
    quire_feed_position first =
        expect(feed, "users:+1 -/ada;users:+2 -/bob;users:*1 ada/ada lovelace;");
    quire_feed_position second = expect(feed, "users:-2 bob/-;");
    cr_assert_gt(second.commit, first.commit);
    cr_assert_eq(second.epoch, first.epoch);
    cr_assert_neq(first.epoch, 0);
    expect_none(feed);
    quire_feed_close(feed);
    close_db(db);
}

Test(feed, numbers_commits_as_snapshots_do)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_users(0);
    quire_feed *feed = listen(db, NULL);
    quire_txn *before = begin_read(db);
    cr_assert_eq(quire_feed_where(feed).commit, quire_txn_sequence(before));
    commit_insert(db, "ada");
    quire_txn *after = begin_read(db);
    cr_assert_eq(expect(feed, "users:+1 -/ada;").commit, quire_txn_sequence(after));
    cr_assert_eq(quire_feed_where(feed).commit, quire_txn_sequence(after));
    quire_rollback(before);
    quire_rollback(after);
    quire_feed_close(feed);
    OK(quire_close(db, &err));
}

Test(feed, has_nothing_of_what_was_rolled_back)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_users(0);
    quire_feed *feed = listen(db, NULL);
    uint64_t outer;
    uint64_t inner;
    quire_txn *txn = begin_write(db);
    insert(txn, "lost");
    quire_rollback(txn);
    txn = begin_write(db);
    insert(txn, "ada");
    OK(quire_savepoint(txn, &outer, &err));
    insert(txn, "lost");
    OK(quire_savepoint(txn, &inner, &err));
    update(txn, 1, "lost");
    OK(quire_rollback_to(txn, inner, &err));
    delete (txn, 1);
    OK(quire_rollback_to(txn, outer, &err));
    insert(txn, "bob");
    OK(quire_release(txn, outer, &err));
    commit(txn);
    expect(feed, "users:+1 -/ada;users:+2 -/bob;");
    expect_none(feed);
    quire_feed_close(feed);
    close_db(db);
}

Test(feed, has_nothing_of_a_statement_that_failed)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_users(0);
    quire_txn *txn = begin_write(db);
    OK(add_index(txn, "users", "by_name", QUIRE_INDEX_BTREE, true, "name", NULL, &err));
    commit(txn);
    quire_feed *feed = listen(db, NULL);
    quire_table *table;
    quire_value again = quire_text("ada");
    bool found;
    txn = begin_write(db);
    insert(txn, "ada");
    insert(txn, "bob");
    OK(quire_table_open(txn, "users", &table, &err));
    FAILS(UNIQUE, quire_table_insert(table, NULL, &again, 1, &err));
    FAILS(UNIQUE, quire_table_update(table, 2, &again, 1, &found, &err));
    int64_t taken = 2;
    quire_value fresh = quire_text("cid");
    FAILS(UNIQUE, quire_table_insert(table, &taken, &fresh, 1, &err)); /* found while writing */
    OK(quire_table_update(table, 77, &fresh, 1, &found, &err));
    OK(quire_table_delete(table, 77, &found, &err));
    quire_table_close(table);
    commit(txn);
    expect(feed, "users:+1 -/ada;users:+2 -/bob;");
    quire_feed_close(feed);
    close_db(db);
}

Test(feed, passes_over_commits_without_rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_users(0);
    quire_txn *txn = begin_write(db);
    OK(quire_tree_create(txn, "raw", &err));
    commit(txn);
    quire_feed *feed = listen(db, NULL);
    quire_tree *tree;
    txn = begin_write(db);
    OK(quire_tree_open(txn, "raw", &tree, &err));
    OK(quire_tree_put(tree, 1, "x", 1, NULL, &err));
    quire_tree_close(tree);
    commit(txn);
    commit(begin_write(db));
    expect_none(feed);
    OK(quire_checkpoint(db, &err));
    expect_none(feed);
    commit_insert(db, "ada");
    expect(feed, "users:+1 -/ada;");
    quire_feed_close(feed);
    close_db(db);
}

Test(feed, says_when_the_schema_has_changed)
{
    quire_error err = QUIRE_ERROR_INIT;
    static const quire_column column = {"email", QUIRE_TEXT, false};
    quire_db *db = open_users(0);
    quire_feed *feed = listen(db, NULL);
    const quire_feed_commit *commit_seen;
    uint64_t savepoint;
    quire_txn *txn = begin_write(db);
    OK(quire_table_add_columns(txn, "users", &column, 1, &err));
    commit(txn);
    OK(quire_feed_next(feed, 0, &commit_seen, &err));
    cr_assert(commit_seen != NULL && commit_seen->schema_changed);
    cr_assert_eq(commit_seen->change_count, 0);
    txn = begin_write(db);
    OK(quire_savepoint(txn, &savepoint, &err));
    OK(add_index(txn, "users", "by_age", QUIRE_INDEX_BTREE, false, "age", NULL, &err));
    OK(quire_rollback_to(txn, savepoint, &err));
    insert(txn, "ada");
    commit(txn);
    OK(quire_feed_next(feed, 0, &commit_seen, &err));
    cr_assert(commit_seen != NULL && !commit_seen->schema_changed);
    cr_assert_eq(commit_seen->change_count, 1);
    quire_feed_close(feed);
    close_db(db);
}

static quire_status add_audit(void *context, const quire_trigger_call *call, quire_error *err)
{
    quire_table *audit;
    quire_value row = quire_text("seen");
    (void)context;
    quire_status status = quire_table_open(call->txn, "audit", &audit, err);
    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_table_insert(audit, NULL, &row, 1, err);
    quire_table_close(audit);
    return status;
}

static quire_status refuse_bob(void *context, const quire_trigger_call *call, quire_error *err)
{
    (void)context;
    if (memcmp(call->new_values[0].as.bytes, "bob", 3) == 0) {
        return add_audit(context, call, err) == QUIRE_OK ? QUIRE_CHECK : QUIRE_INTERNAL;
    }
    return QUIRE_OK;
}

Test(feed, has_what_triggers_did_and_nothing_of_what_they_refused)
{
    quire_error err = QUIRE_ERROR_INIT;
    static const quire_column column = {"what", QUIRE_TEXT, true};
    quire_trigger_def audit = {.name = "a",
                               .table = "users",
                               .function = "audit",
                               .time = QUIRE_AFTER,
                               .events = QUIRE_ON_INSERT};
    quire_trigger_def refuse = {.name = "b",
                                .table = "users",
                                .function = "refuse",
                                .time = QUIRE_AFTER,
                                .events = QUIRE_ON_INSERT};
    quire_db *db = open_users(0);
    quire_txn *txn = begin_write(db);
    OK(quire_table_create(txn, "audit", &column, 1, &err));
    OK(quire_trigger_create(txn, &audit, &err));
    OK(quire_trigger_create(txn, &refuse, &err));
    commit(txn);
    OK(quire_trigger_function(db, "audit", add_audit, NULL, &err));
    OK(quire_trigger_function(db, "refuse", refuse_bob, NULL, &err));
    quire_feed *feed = listen(db, NULL);
    quire_table *table;
    quire_value bob = quire_text("bob");
    txn = begin_write(db);
    insert(txn, "ada");
    OK(quire_table_open(txn, "users", &table, &err));
    FAILS(CHECK, quire_table_insert(table, NULL, &bob, 1, &err));
    quire_table_close(table);
    insert(txn, "cid");
    commit(txn);
    expect(feed, "users:+1 -/ada;audit:+1 -/seen;users:+2 -/cid;audit:+2 -/seen;");
    quire_feed_close(feed);
    close_db(db);
}

Test(feed, tells_of_large_rows_and_many_tables)
{
    quire_error err = QUIRE_ERROR_INIT;
    enum { TABLES = 40, SIZE = 100000 };
    static const quire_column column = {"text", QUIRE_TEXT, false};
    static char large[SIZE];
    quire_db *db = open_users(0);
    quire_feed *feed = listen(db, NULL);
    quire_row_change change;
    const quire_feed_commit *commit_seen;
    char name[32];
    memset(large, 'x', SIZE);
    quire_txn *txn = begin_write(db);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < TABLES; i++) {
            quire_table *table;
            quire_value value = quire_text_n(large, (uint32_t)(SIZE - i));
            (void)snprintf(name, sizeof name, "table %d", i);
            if (round == 0) {
                OK(quire_table_create(txn, name, &column, 1, &err));
            }
            OK(quire_table_open(txn, name, &table, &err));
            OK(quire_table_insert(table, NULL, &value, 1, &err));
            quire_table_close(table);
        }
    }
    commit(txn);
    OK(quire_feed_next(feed, 0, &commit_seen, &err));
    cr_assert_not_null(commit_seen);
    cr_assert_eq(commit_seen->change_count, 2 * TABLES);
    for (int again = 0; again < 2; again++) {
        const char *first = NULL;
        for (int i = 0; i < 2 * TABLES; i++) {
            quire_value value;
            cr_assert(quire_feed_change(feed, &change));
            (void)snprintf(name, sizeof name, "table %d", i % TABLES);
            cr_assert_str_eq(change.table, name);
            first = i == 0 ? change.table : first;
            cr_assert(i != TABLES || change.table == first, "one table, two names");
            OK(quire_record_column(change.after, change.after_size, 0, &value, &err));
            cr_assert_eq((int)value.size, SIZE - i % TABLES);
        }
        cr_assert_not(quire_feed_change(feed, &change));
        quire_feed_rewind(feed);
    }
    quire_feed_close(feed);
    close_db(db);
}

/* ---- from where on ---- */

Test(feed, begins_behind_the_newest_commit)
{
    quire_db *db = open_users(0);
    commit_insert(db, "before");
    quire_feed *feed = listen(db, NULL);
    commit_insert(db, "ada");
    quire_feed *later = listen(db, NULL);
    commit_insert(db, "bob");
    expect(feed, "users:+2 -/ada;");
    expect(feed, "users:+3 -/bob;");
    expect(later, "users:+3 -/bob;");
    quire_feed_close(later);
    quire_feed_close(feed);
    close_db(db);
}

Test(feed, resumes_behind_any_commit_of_the_window)
{
    enum { COMMITS = 30 };
    quire_db *db = open_users(1 << 20);
    quire_feed_position positions[COMMITS + 1];
    quire_feed *feed = listen(db, NULL);
    char name[16];
    char wanted[64];
    positions[0] = quire_feed_where(feed);
    for (int i = 1; i <= COMMITS; i++) {
        (void)snprintf(name, sizeof name, "n%d", i);
        (void)snprintf(wanted, sizeof wanted, "users:+%d -/n%d;", i, i);
        commit_insert(db, name);
        positions[i] = expect(feed, wanted);
    }
    quire_feed_close(feed); /* the window is kept without anybody listening */
    for (int from = 0; from <= COMMITS; from++) {
        feed = listen(db, &positions[from]);
        for (int i = from + 1; i <= COMMITS; i++) {
            (void)snprintf(wanted, sizeof wanted, "users:+%d -/n%d;", i, i);
            cr_assert_eq(expect(feed, wanted).commit, positions[i].commit);
        }
        expect_none(feed);
        quire_feed_close(feed);
    }
    close_db(db);
}

Test(feed, refuses_to_resume_where_something_would_be_missed)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_feed_options options = QUIRE_FEED_OPTIONS_INIT;
    quire_db *db = open_users(0);
    quire_feed *feed = listen(db, NULL);
    quire_feed *other;
    quire_feed_position here = quire_feed_where(feed);
    quire_feed_position later = {here.epoch, here.commit + 1000};
    quire_feed_position elsewhere = {here.epoch + 2, here.commit};
    options.from = &later;
    FAILS(RESUME_TOO_OLD, quire_feed_open(db, &options, &other, &err));
    cr_assert_null(other);
    options.from = &elsewhere;
    FAILS(RESUME_TOO_OLD, quire_feed_open(db, &options, &other, &err));
    options.from = &here;
    OK(quire_feed_open(db, &options, &other, &err));
    quire_feed_close(other);
    quire_feed_close(feed);
    commit_insert(db, "unheard"); /* no window is kept */
    FAILS(RESUME_TOO_OLD, quire_feed_open(db, &options, &other, &err));
    close_db(db);
}

Test(feed, gives_every_opening_an_epoch_of_its_own)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_feed_options resume = QUIRE_FEED_OPTIONS_INIT;
    quire_db *db;
    quire_feed *feed;
    struct temp_dir dir;
    char path[600];
    temp_dir_create(&dir);
    (void)temp_dir_file(&dir, "db", path, sizeof path);
    options.feed_window_bytes = 1 << 20;
    OK(quire_open(path, &options, &db, &err));
    quire_txn *txn = begin_write(db);
    create_users(txn);
    commit(txn);
    feed = listen(db, NULL);
    commit_insert(db, "ada");
    quire_feed_position position = expect(feed, "users:+1 -/ada;");
    quire_feed_close(feed);
    OK(quire_close(db, &err));
    OK(quire_open(path, &options, &db, &err));
    resume.from = &position;
    FAILS(RESUME_TOO_OLD, quire_feed_open(db, &resume, &feed, &err));
    feed = listen(db, NULL);
    cr_assert_neq(quire_feed_where(feed).epoch, position.epoch);
    quire_feed_close(feed);
    OK(quire_close(db, &err));
    temp_dir_remove(&dir);
}

Test(feed, tells_a_listener_that_fell_behind_the_window)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_feed_options options = QUIRE_FEED_OPTIONS_INIT;
    quire_db *db = open_users(8192);
    quire_feed *slow = listen(db, NULL);
    quire_feed *quick = listen(db, NULL);
    quire_feed_position start = quire_feed_where(slow);
    const quire_feed_commit *commit_seen;
    for (int i = 0; i < 100; i++) {
        commit_insert(db, "somebody with quite a name");
        OK(quire_feed_next(quick, 0, &commit_seen, &err));
        cr_assert_not_null(commit_seen, "commit %d is missing", i);
    }
    FAILS(RESUME_TOO_OLD, quire_feed_next(slow, 0, &commit_seen, &err));
    cr_assert_null(commit_seen);
    FAILS(RESUME_TOO_OLD, quire_feed_next(slow, QUIRE_FEED_FOREVER, &commit_seen, &err));
    options.from = &start;
    quire_feed *other;
    FAILS(RESUME_TOO_OLD, quire_feed_open(db, &options, &other, &err));
    quire_feed_close(slow);
    quire_feed_close(quick);
    close_db(db);
}

static quire_stats stats_of(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_stats stats = {.size = sizeof stats};
    OK(quire_get_stats(db, &stats, &err));
    return stats;
}

Test(feed, counts_its_listeners_and_what_it_keeps)
{
    quire_db *db = open_users(0); /* nothing is kept while nobody listens */
    commit_insert(db, "ada");
    cr_assert(stats_of(db).feed_listeners == 0 && stats_of(db).feed_bytes == 0);
    quire_feed *first = listen(db, NULL);
    quire_feed *second = listen(db, NULL);
    commit_insert(db, "bob");
    uint64_t bytes = stats_of(db).feed_bytes;
    cr_assert_eq(stats_of(db).feed_listeners, 2);
    cr_assert_gt(bytes, 0);
    commit_insert(db, "bob");
    cr_assert_eq(stats_of(db).feed_bytes, 2 * bytes);
    quire_feed_close(first);
    cr_assert_eq(stats_of(db).feed_listeners, 1);
    quire_feed_close(second);
    cr_assert(stats_of(db).feed_listeners == 0 && stats_of(db).feed_bytes == 0);
    close_db(db);
    db = open_users(8192);
    commit_insert(db, "nobody has a place to come back to");
    cr_assert_eq(stats_of(db).feed_bytes, 0);
    quire_feed_close(listen(db, NULL));
    for (int i = 0; i < 100; i++) {
        commit_insert(db, "somebody with quite a name");
    }
    cr_assert(stats_of(db).feed_bytes > 0 && stats_of(db).feed_bytes <= 8192);
    close_db(db);
}

Test(feed, lends_a_commit_while_the_window_moves_on)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_users(4096);
    quire_feed *feed = listen(db, NULL);
    const quire_feed_commit *commit_seen;
    char text[128] = "";
    commit_insert(db, "ada");
    OK(quire_feed_next(feed, 0, &commit_seen, &err));
    for (int i = 0; i < 50; i++) {
        commit_insert(db, "somebody else");
    }
    tell(feed, text, sizeof text);
    cr_assert_str_eq(text, "users:+1 -/ada;");
    FAILS(RESUME_TOO_OLD, quire_feed_next(feed, 0, &commit_seen, &err));
    quire_feed_close(feed);
    close_db(db);
}

Test(feed, breaks_at_a_commit_that_does_not_fit_the_window)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_users(4096);
    quire_feed *feed = listen(db, NULL);
    const quire_feed_commit *commit_seen;
    uint64_t savepoint;
    quire_txn *txn = begin_write(db);
    insert(txn, "ada");
    OK(quire_savepoint(txn, &savepoint, &err));
    for (int i = 0; i < 500; i++) {
        insert(txn, "too many");
    }
    OK(quire_rollback_to(txn, savepoint, &err)); /* what is left fits again */
    insert(txn, "bob");
    commit(txn);
    expect(feed, "users:+1 -/ada;users:+2 -/bob;");
    txn = begin_write(db);
    for (int i = 0; i < 500; i++) {
        insert(txn, "too many");
    }
    commit(txn);
    FAILS(RESUME_TOO_OLD, quire_feed_next(feed, 0, &commit_seen, &err));
    quire_feed_close(feed);
    feed = listen(db, NULL);
    commit_insert(db, "after");
    expect(feed, "users:+503 -/after;");
    quire_feed_close(feed);
    close_db(db);
}

/* ---- how it ends ---- */

Test(feed, is_interrupted_when_stopped)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_users(0);
    quire_feed *feed = listen(db, NULL);
    const quire_feed_commit *commit_seen;
    commit_insert(db, "ada");
    quire_feed_stop(feed);
    FAILS(INTERRUPTED, quire_feed_next(feed, QUIRE_FEED_FOREVER, &commit_seen, &err));
    quire_feed_close(feed);
    quire_feed_stop(NULL);
    quire_feed_close(NULL);
    close_db(db);
}

Test(feed, keeps_its_database_open)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_users(0);
    quire_feed *feed = listen(db, NULL);
    FAILS(MISUSE, quire_close(db, &err));
    quire_feed_close(feed);
    OK(quire_close(db, &err));
}

Test(feed, refuses_what_it_cannot_do)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_feed_options options = QUIRE_FEED_OPTIONS_INIT;
    quire_options open = QUIRE_OPTIONS_INIT;
    quire_begin_options begin = QUIRE_BEGIN_OPTIONS_INIT;
    quire_db *db;
    quire_feed *feed;
    const quire_feed_commit *commit_seen;
    open.lock_timeout_ms = 1;
    OK(quire_open(":memory:", &open, &db, &err));
    FAILS(MISUSE, quire_feed_open(NULL, NULL, &feed, &err));
    FAILS(MISUSE, quire_feed_open(db, NULL, NULL, &err));
    options.size = 3;
    FAILS(MISUSE, quire_feed_open(db, &options, &feed, &err));
    FAILS(MISUSE, quire_feed_next(NULL, 0, &commit_seen, &err));
    quire_txn *txn;
    OK(quire_begin_with(db, QUIRE_WRITE, &begin, &txn, &err));
    FAILS(BUSY, quire_feed_open(db, NULL, &feed, &err)); /* its changes are not recorded */
    quire_rollback(txn);
    OK(quire_feed_open(db, NULL, &feed, &err));
    quire_feed_close(feed);
    OK(quire_close(db, &err));
    open.feed_window_bytes = (UINT64_C(1) << 30) + 1;
    FAILS(MISUSE, quire_open(":memory:", &open, &db, &err));
}

/* ---- callbacks ---- */

struct seen {
    _Atomic unsigned commits, changes, wakes;
    _Atomic int end; /* status of the end */
};

static void each(void *context, quire_feed *feed, const quire_feed_commit *commit,
                 quire_status status, const quire_error *error)
{
    struct seen *seen = context;
    quire_row_change change;
    if (commit == NULL) {
        cr_assert_eq(error->status, status);
        atomic_store(&seen->end, (int)status);
        return;
    }
    while (quire_feed_change(feed, &change)) {
        atomic_fetch_add(&seen->changes, 1);
    }
    if (atomic_fetch_add(&seen->commits, 1) + 1 == 10) {
        quire_feed_stop(feed);
    }
}

Test(feed, pulls_for_a_callback_until_it_is_stopped)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_feed_options options = QUIRE_FEED_OPTIONS_INIT;
    struct seen seen = {0};
    quire_db *db = open_users(0);
    quire_feed *feed;
    const quire_feed_commit *commit_seen;
    options.each = each;
    options.context = &seen;
    OK(quire_feed_open(db, &options, &feed, &err));
    FAILS(MISUSE, quire_feed_next(feed, 0, &commit_seen, &err));
    for (int i = 0; i < 10; i++) {
        commit_insert(db, "ada");
    }
    while (atomic_load(&seen.end) == 0) {
        qr_yield();
    }
    quire_feed_close(feed);
    cr_assert_eq(atomic_load(&seen.commits), 10);
    cr_assert_eq(atomic_load(&seen.changes), 10);
    cr_assert_eq(atomic_load(&seen.end), QUIRE_INTERRUPTED);
    close_db(db);
}

static void count_wake(void *context)
{
    struct seen *seen = context;
    atomic_fetch_add(&seen->wakes, 1);
}

Test(feed, wakes_event_loops_when_there_is_something_to_take)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_feed_options options = QUIRE_FEED_OPTIONS_INIT;
    struct seen seen = {0};
    quire_db *db = open_users(0);
    quire_feed *feed;
    options.wake = count_wake;
    options.context = &seen;
    OK(quire_feed_open(db, &options, &feed, &err));
    OK(quire_checkpoint(db, &err));
    commit(begin_write(db));
    cr_assert_eq(atomic_load(&seen.wakes), 0);
    for (unsigned i = 1; i <= 3; i++) {
        commit_insert(db, "ada");
        cr_assert_eq(atomic_load(&seen.wakes), i);
    }
    quire_feed_stop(feed);
    cr_assert_eq(atomic_load(&seen.wakes), 4);
    quire_feed_close(feed);
    cr_assert_eq(atomic_load(&seen.wakes), 4);
    close_db(db);
}

struct finished {
    _Atomic unsigned count;
};

static void finish(void *context, uint64_t sequence, quire_status status, const quire_error *error)
{
    (void)sequence;
    (void)error;
    cr_assert_eq(status, QUIRE_OK);
    atomic_fetch_add(&((struct finished *)context)->count, 1);
}

Test(feed, has_commits_of_all_three_kinds)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_users(0);
    quire_feed *feed = listen(db, NULL);
    struct finished finished = {0};
    quire_ticket *ticket;
    const quire_feed_commit *commit_seen;
    quire_txn *txn = begin_write(db);
    insert(txn, "ada");
    OK(quire_commit_async(txn, finish, &finished, &err));
    txn = begin_write(db);
    insert(txn, "bob");
    OK(quire_commit_ticket(txn, &ticket, &err));
    for (int i = 0; i < 2; i++) { /* nobody waits for the ticket yet */
        OK(quire_feed_next(feed, QUIRE_FEED_FOREVER, &commit_seen, &err));
        cr_assert_not_null(commit_seen);
    }
    OK(quire_ticket_wait(ticket, &err));
    commit_insert(db, "cid");
    expect(feed, "users:+3 -/cid;");
    quire_feed_close(feed);
    close_db(db);
    cr_assert_eq(atomic_load(&finished.count), 1);
}
