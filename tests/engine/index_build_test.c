/*
 * Building an index beside writers: the commits that are made between its
 * batches are in it, whatever cuts the building short leaves a sound database,
 * and the building can go on.
 */
#include "engine_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quire/inspect.h"
#include "quire/maintenance.h"
#include "support/failing_allocator.h"
#include "support/faulty_layer.h"
#include "support/prng.h"

#define ROWS  400
#define BATCH 37U

/* An index with a bit of everything: an expression, a folded text, a condition, a column within. */
static const quire_index_column parts[] = {{.expression = "age % 50"},
                                           {.name = "name", .collation = "nocase"}};
static const char *const included[] = {"age"};
static const quire_index_def ordered = {.name = "built",
                                        .columns = parts,
                                        .column_count = 2,
                                        .included = included,
                                        .included_count = 1,
                                        .where = "age is not null and age <> 13"};
static const quire_index_def hashed = {
    .name = "built", .kind = QUIRE_INDEX_HASH, .columns = parts, .column_count = 1};
static const quire_index_column by_name = {.name = "name"};
static const quire_index_def unique = {
    .name = "built", .unique = true, .columns = &by_name, .column_count = 1};

static quire_db *open_on(struct qr_file_layer *layer)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = {.size = sizeof options, .page_size = 1024, .cache_bytes = 1 << 20};
    quire_db *db;
    OK(qr_db_open_with("db", &options, layer, true, &db, &err));
    return db;
}

static quire_table *open_users(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *users;
    OK(quire_table_open(txn, "users", &users, &err));
    return users;
}

static void make_name(char *name, size_t size, int64_t i)
{
    (void)snprintf(name, size, "User %lld", (long long)i);
}

static void fill(quire_db *db)
{
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_table *users = open_users(txn);
    for (int64_t i = 0; i < ROWS; i++) {
        char name[32];
        make_name(name, sizeof name, i);
        (void)add_user(users, name, i * 7 % 90);
    }
    quire_table_close(users);
    commit(txn);
}

static quire_db *filled_db(void)
{
    quire_db *db = memory_db(1024);
    fill(db);
    return db;
}

/* The index agrees with its table; says whether it is being built. */
static bool inspect(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    OK(quire_inspect_database_open(db, &report, &err));
    cr_assert_eq(quire_report_issue_count(report), 0, "%s", quire_report_text(report));
    quire_report_free(report);
    OK(quire_inspect_indexes_open(db, NULL, &report, &err));
    cr_assert_eq(quire_report_issue_count(report), 0, "%s", quire_report_text(report));
    bool building = strstr(quire_report_json(report), "\"building\":true") != NULL;
    quire_report_free(report);
    return building;
}

static uint32_t ready_indexes(quire_db *db)
{
    quire_txn *txn = begin_read(db);
    quire_table *users = open_users(txn);
    uint32_t count = quire_table_index_count(users);
    quire_table_close(users);
    commit(txn);
    return count;
}

static void assert_complete(quire_db *db)
{
    cr_assert_not(inspect(db));
    cr_assert_eq(ready_indexes(db), 1);
}

static quire_status build(quire_db *db, const quire_index_def *def,
                          quire_progress_callback progress, void *context, quire_error *err)
{
    quire_index_build_options options = QUIRE_INDEX_BUILD_OPTIONS_INIT;
    options.batch_rows = BATCH;
    options.progress = progress;
    options.context = context;
    return quire_index_build(db, "users", def, &options, err);
}

/* ---- Alone ---- */

struct steps {
    uint64_t last;
    unsigned calls;
};

static bool count_steps(void *context, const quire_progress *progress)
{
    struct steps *steps = context;
    cr_assert_eq(progress->total, ROWS);
    cr_assert_leq(progress->done - steps->last, BATCH); /* what one write transaction read */
    steps->last = progress->done;
    steps->calls++;
    return true;
}

Test(index_build, index__is_complete_after_batches_of_bounded_size)
{
    const quire_index_def *const defs[] = {&ordered, &hashed, &unique};
    for (size_t i = 0; i < 3; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        struct steps steps = {.last = 0};
        quire_db *db = filled_db();
        OK(build(db, defs[i], count_steps, &steps, &err));
        cr_assert_eq(steps.calls, ROWS / BATCH);
        assert_complete(db);
        FAILS(EXISTS, build(db, defs[i], NULL, NULL, &err));
        close_db(db);
    }
}

Test(index_build, index__of_an_empty_table_is_complete_at_once)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    commit(txn);
    OK(quire_index_build(db, "users", &ordered, NULL, &err));
    assert_complete(db);
    close_db(db);
}

Test(index_build, call__refuses_what_create_refuses)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = filled_db();
    quire_index_build_options options = {.size = 1};
    FAILS(MISUSE, quire_index_build(NULL, "users", &ordered, NULL, &err));
    FAILS(MISUSE, quire_index_build(db, "users", NULL, NULL, &err));
    FAILS(MISUSE, quire_index_build(db, "users", &ordered, &options, &err));
    FAILS(UNKNOWN_NAME, quire_index_build(db, "nobody", &ordered, NULL, &err));
    quire_index_def wrong = ordered;
    wrong.where = "age";
    FAILS(TYPE, quire_index_build(db, "users", &wrong, NULL, &err));
    wrong.where = NULL;
    wrong.name = "users";
    FAILS(EXISTS, quire_index_build(db, "users", &wrong, NULL, &err));
    cr_assert_eq(ready_indexes(db), 0);
    close_db(db);
}

/* ---- Beside a writer ---- */

struct writer {
    quire_db *db;
    struct prng prng;
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    uint64_t acknowledged; /* commits */
    bool stop;
    unsigned batches;
};

/* One row changed somewhere: below, within and above what has entries already. */
static void write_once(struct writer *writer)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(writer->db);
    quire_table *users = open_users(txn);
    int64_t rowid = 1 + (int64_t)prng_below(&writer->prng, 2 * ROWS);
    char name[40];
    (void)snprintf(name, sizeof name, "Writer %llu", (unsigned long long)writer->acknowledged);
    quire_value values[] = {quire_text(name), quire_int((int64_t)prng_below(&writer->prng, 30))};
    bool found;
    if (prng_one_in(&writer->prng, 3)) {
        OK(quire_table_delete(users, rowid, &found, &err));
    } else {
        OK(quire_table_update(users, rowid, values, 2, &found, &err));
    }
    if (!found) {
        OK(quire_table_insert(users, &rowid, values, 2, &err));
    }
    quire_table_close(users);
    commit(txn);
}

static void *write_freely(void *context)
{
    struct writer *writer = context;
    bool stop = false;
    while (!stop) {
        write_once(writer);
        (void)pthread_mutex_lock(&writer->mutex);
        writer->acknowledged++;
        stop = writer->stop;
        (void)pthread_cond_signal(&writer->moved);
        (void)pthread_mutex_unlock(&writer->mutex);
    }
    return NULL;
}

/* Goes on when the writer, which nothing holds up, was acknowledged another commit. */
static bool await_commit(void *context, const quire_progress *progress)
{
    struct writer *writer = context;
    (void)progress;
    (void)pthread_mutex_lock(&writer->mutex);
    uint64_t before = writer->acknowledged;
    while (writer->acknowledged == before) {
        (void)pthread_cond_wait(&writer->moved, &writer->mutex);
    }
    writer->batches++;
    (void)pthread_mutex_unlock(&writer->mutex);
    return true;
}

static uint64_t build_beside_writer(quire_db *db, const quire_index_def *def, unsigned *batches)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct writer writer = {.db = db};
    pthread_t thread;
    prng_init(&writer.prng, 5);
    (void)pthread_mutex_init(&writer.mutex, NULL);
    (void)pthread_cond_init(&writer.moved, NULL);
    cr_assert_eq(pthread_create(&thread, NULL, write_freely, &writer), 0);
    quire_status status = build(db, def, await_commit, &writer, &err);
    (void)pthread_mutex_lock(&writer.mutex);
    uint64_t during = writer.acknowledged;
    writer.stop = true;
    (void)pthread_mutex_unlock(&writer.mutex);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    OK(status);
    (void)pthread_cond_destroy(&writer.moved);
    (void)pthread_mutex_destroy(&writer.mutex);
    *batches = writer.batches;
    return during;
}

Test(index_build, commits__go_on_and_are_in_the_index)
{
    const quire_index_def *const defs[] = {&ordered, &hashed};
    for (size_t i = 0; i < 2; i++) {
        quire_db *db = filled_db();
        unsigned batches;
        uint64_t commits = build_beside_writer(db, defs[i], &batches);
        cr_assert_geq(batches, (ROWS / 2) / BATCH);
        cr_assert_geq(commits, batches); /* between the first batch and the last */
        assert_complete(db);
        close_db(db);
    }
}

/* Rows appended for ever do not keep the builder from its end. */
static bool append_many(void *context, const quire_progress *progress)
{
    quire_db *db = context;
    quire_txn *txn = begin_write(db);
    quire_table *users = open_users(txn);
    for (uint32_t i = 0; i < 3 * BATCH; i++) {
        (void)add_user(users, "late", i);
    }
    quire_table_close(users);
    commit(txn);
    return progress->done <= ROWS;
}

Test(index_build, rows__that_are_appended_do_not_hold_up_the_end)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = filled_db();
    OK(build(db, &ordered, append_many, db, &err));
    assert_complete(db);
    close_db(db);
}

/* ---- Unique keys ---- */

struct clash {
    quire_db *db;
    int64_t at; /* row that gets the name of row 300 */
    quire_status status;
};

static bool make_clash(void *context, const quire_progress *progress)
{
    struct clash *clash = context;
    quire_error err = QUIRE_ERROR_INIT;
    if (progress->done < 200 || clash->at == 0) {
        return true;
    }
    quire_txn *txn = begin_write(clash->db);
    quire_table *users = open_users(txn);
    quire_value values[] = {quire_text(clash->at > 100 ? "User 10" : "User 300"), quire_int(1)};
    clash->status = quire_table_update(users, clash->at, values, 2, NULL, &err);
    clash->at = 0;
    quire_table_close(users);
    commit(txn);
    return true;
}

Test(index_build, clash__is_refused_to_the_writer_where_the_index_knows_it)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = filled_db();
    struct clash clash = {.db = db, .at = 150};
    OK(build(db, &unique, make_clash, &clash, &err));
    cr_assert_eq(clash.status, QUIRE_UNIQUE);
    assert_complete(db);
    close_db(db);
}

Test(index_build, clash__that_is_found_late_names_the_rows_and_drops_the_index)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = filled_db();
    struct clash clash = {.db = db, .at = 20};
    FAILS(UNIQUE, build(db, &unique, make_clash, &clash, &err));
    cr_assert_eq(clash.status, QUIRE_OK);
    cr_assert_not_null(strstr(err.message, "20"), "%s", err.message);
    cr_assert_not_null(strstr(err.message, "301"), "%s", err.message);
    cr_assert_not(inspect(db));
    cr_assert_eq(ready_indexes(db), 0);
    OK(build(db, &ordered, NULL, NULL, &err)); /* the name is free */
    assert_complete(db);
    close_db(db);
}

/* ---- Cut short ---- */

static bool stop_half_way(void *context, const quire_progress *progress)
{
    (void)context;
    return progress->done < ROWS / 2;
}

static void interrupt(quire_db *db, const quire_index_def *def)
{
    quire_error err = QUIRE_ERROR_INIT;
    FAILS(INTERRUPTED, build(db, def, stop_half_way, NULL, &err));
    cr_assert(inspect(db));
    cr_assert_eq(ready_indexes(db), 0);
}

/* Changes on all sides of the gap, kept and undone. */
static void change_rows(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(db);
    quire_table *users = open_users(txn);
    for (int64_t rowid = 5; rowid <= ROWS; rowid += 11) {
        char name[32];
        make_name(name, sizeof name, 1000 + rowid);
        quire_value values[] = {quire_text(name), quire_int(13 - rowid % 2)};
        OK(quire_table_update(users, rowid, values, 2, NULL, &err));
        OK(quire_table_delete(users, rowid + 1, NULL, &err));
        (void)add_user(users, "added", rowid);
    }
    uint64_t savepoint;
    OK(quire_savepoint(txn, &savepoint, &err));
    for (int64_t rowid = 1; rowid <= ROWS; rowid += 3) {
        OK(quire_table_delete(users, rowid, NULL, &err));
    }
    OK(quire_rollback_to(txn, savepoint, &err));
    quire_table_close(users);
    commit(txn);
}

Test(index_build, building__goes_on_where_it_stood)
{
    const quire_index_def *const defs[] = {&ordered, &hashed};
    for (size_t i = 0; i < 2; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        struct qr_file_layer *layer;
        OK(qr_file_layer_memory_create(qr_allocator_default(), &layer, &err));
        quire_db *db = open_on(layer);
        fill(db);
        interrupt(db, defs[i]);
        change_rows(db);
        cr_assert(inspect(db));
        FAILS(EXISTS, build(db, &unique, NULL, NULL, &err)); /* another index of that name */
        close_db(db);
        db = open_on(layer);
        cr_assert(inspect(db));
        struct steps steps = {.last = 0};
        OK(build(db, defs[i], NULL, &steps, &err));
        assert_complete(db);
        close_db(db);
        qr_file_layer_memory_destroy(layer);
    }
}

Test(index_build, unfinished__is_dropped_with_its_table_or_alone)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = filled_db();
    interrupt(db, &ordered);
    quire_txn *txn = begin_write(db);
    OK(quire_index_drop(txn, "built", &err));
    commit(txn);
    cr_assert_not(inspect(db));
    interrupt(db, &hashed);
    txn = begin_write(db);
    OK(quire_table_drop(txn, "users", &err));
    commit(txn);
    cr_assert_not(inspect(db));
    close_db(db);
}

static bool drop_meanwhile(void *context, const quire_progress *progress)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(context);
    (void)progress;
    OK(quire_index_drop(txn, "built", &err));
    commit(txn);
    return true;
}

Test(index_build, builder__ends_when_the_index_is_dropped)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = filled_db();
    FAILS(UNKNOWN_NAME, build(db, &ordered, drop_meanwhile, db, &err));
    cr_assert_not(inspect(db));
    close_db(db);
}

static bool finish_meanwhile(void *context, const quire_progress *progress)
{
    quire_error err = QUIRE_ERROR_INIT;
    (void)progress;
    OK(build(context, &ordered, NULL, NULL, &err));
    return true;
}

Test(index_build, builder__ends_when_another_has_finished)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = filled_db();
    OK(build(db, &ordered, finish_meanwhile, db, &err));
    assert_complete(db);
    close_db(db);
}

/* ---- Crashes and failures ---- */

struct crashes {
    struct faulty_layer *files;
    const quire_index_def *def;
    unsigned images;
};

/* A power cut here: what is left is sound, and the building goes on in it. */
static bool crash_here(void *context, const quire_progress *progress)
{
    static const enum faulty_survival survivals[] = {FAULTY_LOSE_ALL, FAULTY_KEEP_ALL,
                                                     FAULTY_KEEP_RANDOM};
    struct crashes *crashes = context;
    for (size_t i = 0; i < 3; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        struct faulty_cut cut = {.survival = survivals[i], .seed = progress->done + i};
        struct qr_file_layer *image = faulty_layer_power_cut(crashes->files, &cut);
        quire_db *db = open_on(image);
        cr_assert(inspect(db));
        change_rows(db);
        OK(build(db, crashes->def, NULL, NULL, &err));
        assert_complete(db);
        close_db(db);
        qr_file_layer_memory_destroy(image);
        crashes->images++;
    }
    return true;
}

Test(index_build, crash__between_batches_leaves_an_index_that_can_be_built_on)
{
    const quire_index_def *const defs[] = {&ordered, &hashed};
    for (size_t i = 0; i < 2; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        struct crashes crashes = {.files = faulty_layer_create(), .def = defs[i]};
        quire_db *db = open_on(faulty_layer_files(crashes.files));
        fill(db);
        OK(build(db, defs[i], crash_here, &crashes, &err));
        cr_assert_eq(crashes.images, 3 * (ROWS / BATCH));
        close_db(db);
        faulty_layer_destroy(crashes.files);
    }
}

/* A power cut at every third write or sync of the building. */
static void cut_at_call(void *context, const struct faulty_record *record)
{
    struct crashes *crashes = context;
    quire_error err = QUIRE_ERROR_INIT;
    (void)record;
    if (crashes->images++ % 3 != 0) {
        return;
    }
    struct faulty_cut cut = {.survival = FAULTY_KEEP_RANDOM,
                             .tear = FAULTY_TEAR_PREFIX,
                             .tear_sectors = crashes->images % 5,
                             .seed = crashes->images};
    struct qr_file_layer *image = faulty_layer_power_cut(crashes->files, &cut);
    quire_db *db = open_on(image);
    (void)inspect(db);
    if (ready_indexes(db) == 0) {
        OK(build(db, crashes->def, NULL, NULL, &err));
    }
    assert_complete(db);
    close_db(db);
    qr_file_layer_memory_destroy(image);
}

Test(index_build, crash__within_a_batch_loses_that_batch_alone)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct crashes crashes = {.files = faulty_layer_create(), .def = &ordered};
    quire_db *db = open_on(faulty_layer_files(crashes.files));
    fill(db);
    faulty_layer_observe(crashes.files, FAULTY_SET(FAULTY_WRITE) | FAULTY_SET(FAULTY_SYNC),
                         cut_at_call, &crashes);
    OK(build(db, &ordered, NULL, NULL, &err));
    faulty_layer_observe(crashes.files, 0, NULL, NULL);
    cr_assert_geq(crashes.images, 2 * (ROWS / BATCH));
    close_db(db);
    faulty_layer_destroy(crashes.files);
}

Test(index_build, memory__runs_out_anywhere_and_the_building_goes_on)
{
    struct failing_allocator failing;
    failing_allocator_init(&failing);
    quire_options options = {.size = sizeof options,
                             .page_size = 1024,
                             .cache_bytes = 1 << 20,
                             .allocator = &failing.allocator};
    bool done = false;
    for (uint64_t at = 0; !done; at += 3) {
        quire_error err = QUIRE_ERROR_INIT;
        struct qr_file_layer *layer;
        quire_db *db;
        OK(qr_file_layer_memory_create(qr_allocator_default(), &layer, &err));
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        OK(qr_db_open_with("db", &options, layer, true, &db, &err));
        fill(db);
        failing_allocator_arm(&failing, at, false);
        quire_status status = build(db, &ordered, NULL, NULL, &err);
        done = failing.failures == 0;
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        cr_assert(status == QUIRE_OK || status == QUIRE_NO_MEMORY, "%s", err.message);
        (void)inspect(db);
        if (status != QUIRE_OK) {
            OK(build(db, &ordered, NULL, NULL, &err));
        }
        assert_complete(db);
        close_db(db);
        qr_file_layer_memory_destroy(layer);
        cr_assert(failing_allocator_is_clean(&failing));
    }
}

/* ---- Hooks ---- */

struct busy_hook {
    unsigned commits;
    int64_t added;
};

/* Changes the table in each transaction of the builder too. */
static quire_status add_before_commit(void *context, quire_txn *txn, quire_error *err)
{
    struct busy_hook *hook = context;
    quire_table *users;
    quire_value values[] = {quire_text("Late"), quire_int(41)};
    if (hook->commits == 0) {
        return QUIRE_OK;
    }
    hook->commits--;
    quire_status status = quire_table_open(txn, "users", &users, err);
    if (status == QUIRE_OK) {
        status = quire_table_insert(users, NULL, values, 2, err);
        hook->added += status == QUIRE_OK;
        quire_table_close(users);
    }
    return status;
}

/* Also in the transactions that make the index and complete it. */
Test(index_build, hook__may_change_rows_in_the_transactions_of_the_builder)
{
    const quire_index_def *const defs[] = {&ordered, &hashed};
    for (size_t i = 0; i < 2; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        struct busy_hook hook = {.commits = 0};
        struct qr_file_layer *layer;
        OK(qr_file_layer_memory_create(qr_allocator_default(), &layer, &err));
        quire_options options = {.size = sizeof options, .page_size = 1024};
        options.hooks = (quire_hooks){.context = &hook, .before_commit = add_before_commit};
        quire_db *db;
        OK(qr_db_open_with("db", &options, layer, true, &db, &err));
        fill(db);
        hook.commits = UINT32_MAX;
        OK(build(db, defs[i], NULL, NULL, &err));
        hook.commits = 0;
        cr_assert_gt(hook.added, ROWS / BATCH);
        assert_complete(db);
        close_db(db);
        qr_file_layer_memory_destroy(layer);
    }
}

static quire_status refuse_twice(void *context, quire_txn *txn, quire_error *err)
{
    struct busy_hook *hook = context;
    (void)txn;
    if (hook->commits == 0 || --hook->commits >= 2) {
        return QUIRE_OK;
    }
    return qr_fail(err, QUIRE_UNIQUE, "refused by the program");
}

/* The program's refusal is no clash, whatever its status. */
Test(index_build, hook__that_refuses_a_batch_leaves_an_index_that_can_be_built_on)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct busy_hook hook = {.commits = 0};
    struct qr_file_layer *layer;
    OK(qr_file_layer_memory_create(qr_allocator_default(), &layer, &err));
    quire_options options = {.size = sizeof options, .page_size = 1024};
    options.hooks = (quire_hooks){.context = &hook, .before_commit = refuse_twice};
    quire_db *db;
    OK(qr_db_open_with("db", &options, layer, true, &db, &err));
    fill(db);
    hook.commits = 4; /* making it, a batch, and then no more */
    FAILS(UNIQUE, build(db, &unique, NULL, NULL, &err));
    hook.commits = 0;
    cr_assert(inspect(db));
    OK(build(db, &unique, NULL, NULL, &err));
    assert_complete(db);
    close_db(db);
    qr_file_layer_memory_destroy(layer);
}
