/* Opening, closing, options, statistics, on real files and in memory. */
#include "engine_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/temp_dir.h"

struct place {
    struct temp_dir dir;
    char path[600];
};

static void make_place(struct place *place)
{
    temp_dir_create(&place->dir);
    temp_dir_file(&place->dir, "app.quire", place->path, sizeof place->path);
}

static quire_db *open_file(const struct place *place, uint32_t page_size)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    options.page_size = page_size;
    options.cache_bytes = UINT64_C(8) << 20;
    OK(quire_open(place->path, &options, &db, &err));
    return db;
}

Test(database, file__holds_tables_and_indexes_over_reopening)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct place place;
    make_place(&place);
    quire_db *db = open_file(&place, 1024);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    OK(add_index(txn, "users", "b", QUIRE_INDEX_BTREE, true, "name", NULL, &err));
    OK(add_index(txn, "users", "h", QUIRE_INDEX_HASH, false, "age", NULL, &err));
    quire_table *users;
    OK(quire_table_open(txn, "users", &users, &err));
    for (int i = 0; i < 2000; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "user %d", i);
        (void)add_user(users, name, i % 50);
    }
    quire_table_close(users);
    commit(txn);
    close_db(db);

    for (int round = 0; round < 2; round++) {
        db = open_file(&place, 0);
        quire_stats stats = {.size = sizeof stats};
        OK(quire_get_stats(db, &stats, &err));
        cr_assert_eq(stats.page_size, 1024);
        txn = begin_write(db);
        OK(quire_table_open(txn, "users", &users, &err));
        cr_assert_eq(quire_table_index_count(users), 2);
        cr_assert_str_eq(quire_table_index(users, 0)->name, "b");
        cr_assert(quire_table_index(users, 0)->unique);
        cr_assert_str_eq(quire_table_index(users, 0)->columns[0].name, "name");
        cr_assert_eq(quire_table_index(users, 1)->kind, QUIRE_INDEX_HASH);
        cr_assert_null(quire_table_index(users, 2));
        quire_value age = quire_int(49);
        quire_index_range range = {.prefix = &age, .prefix_count = 1};
        cr_assert_eq(scan(users, 1, &range, NULL, 0), (size_t)(40 + round));
        quire_value twice = quire_text("user 77");
        FAILS(UNIQUE, quire_table_insert(users, NULL, &twice, 1, &err));
        cr_assert_eq(add_user(users, round == 0 ? "new" : "newer", 49), 2001 + round);
        quire_table_close(users);
        commit(txn);
        close_db(db);
    }
    temp_dir_remove(&place.dir);
}

Test(database, open__obeys_the_mode)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    struct place place;
    quire_db *db;
    make_place(&place);
    options.cache_bytes = UINT64_C(8) << 20;
    options.mode = QUIRE_OPEN_READ_WRITE;
    FAILS(NO_FILE, quire_open(place.path, &options, &db, &err));
    cr_assert_null(db);
    options.mode = QUIRE_OPEN_READ_ONLY;
    FAILS(NO_FILE, quire_open(place.path, &options, &db, &err));
    options.mode = QUIRE_OPEN_NEW;
    OK(quire_open(place.path, &options, &db, &err));
    quire_db *second;
    options.mode = QUIRE_OPEN_CREATE;
    FAILS(LOCKED, quire_open(place.path, &options, &second, &err));
    cr_assert_null(second);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    commit(txn);
    close_db(db);
    options.mode = QUIRE_OPEN_NEW;
    FAILS(EXISTS, quire_open(place.path, &options, &db, &err));
    temp_dir_remove(&place.dir);
}

Test(database, read_only__reads_and_refuses_to_write)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    struct place place;
    quire_txn *txn;
    quire_table *users;
    make_place(&place);
    quire_db *db = open_file(&place, 0);
    txn = begin_write(db);
    create_users(txn);
    OK(quire_table_open(txn, "users", &users, &err));
    (void)add_user(users, "ada", 36);
    quire_table_close(users);
    commit(txn);
    close_db(db);
    options.mode = QUIRE_OPEN_READ_ONLY;
    options.cache_bytes = UINT64_C(8) << 20;
    OK(quire_open(place.path, &options, &db, &err));
    FAILS(READ_ONLY, quire_begin(db, QUIRE_WRITE, &txn, &err));
    cr_assert_null(txn);
    FAILS(READ_ONLY, quire_checkpoint(db, &err));
    txn = begin_read(db);
    OK(quire_table_open(txn, "users", &users, &err));
    uint64_t rows;
    OK(quire_table_row_count(users, &rows, &err));
    cr_assert_eq(rows, 1);
    FAILS(MISUSE, quire_table_delete(users, 1, NULL, &err));
    quire_table_close(users);
    commit(txn);
    close_db(db);
    temp_dir_remove(&place.dir);
}

Test(database, options__are_checked)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db;
    static const uint32_t bad_page_sizes[] = {512, 1000, 3000, 65536};
    for (size_t i = 0; i < 4; i++) {
        quire_options options = QUIRE_OPTIONS_INIT;
        options.page_size = bad_page_sizes[i];
        FAILS(MISUSE, quire_open(":memory:", &options, &db, &err));
        cr_assert_null(db);
    }
    quire_allocator no_free = *qr_allocator_default();
    no_free.free = NULL;
    quire_options options = QUIRE_OPTIONS_INIT;
    options.size = sizeof options + 8;
    FAILS(MISUSE, quire_open(":memory:", &options, &db, &err));
    options = (quire_options)QUIRE_OPTIONS_INIT;
    options.size = 0;
    FAILS(MISUSE, quire_open(":memory:", &options, &db, &err));
    options = (quire_options)QUIRE_OPTIONS_INIT;
    options.cache_bytes = 4096;
    FAILS(MISUSE, quire_open(":memory:", &options, &db, &err));
    options = (quire_options)QUIRE_OPTIONS_INIT;
    options.readers_max = 5000;
    FAILS(MISUSE, quire_open(":memory:", &options, &db, &err));
    options = (quire_options)QUIRE_OPTIONS_INIT;
    options.durability = (quire_durability)7;
    FAILS(MISUSE, quire_open(":memory:", &options, &db, &err));
    options = (quire_options)QUIRE_OPTIONS_INIT;
    options.mode = (quire_open_mode)9;
    FAILS(MISUSE, quire_open("x", &options, &db, &err));
    options = (quire_options)QUIRE_OPTIONS_INIT;
    options.mode = QUIRE_OPEN_READ_ONLY;
    FAILS(MISUSE, quire_open(":memory:", &options, &db, &err));
    options = (quire_options)QUIRE_OPTIONS_INIT;
    options.wal_segment_bytes = 100000;
    FAILS(MISUSE, quire_open(":memory:", &options, &db, &err));
    options = (quire_options)QUIRE_OPTIONS_INIT;
    options.allocator = &no_free;
    FAILS(MISUSE, quire_open(":memory:", &options, &db, &err));
    FAILS(MISUSE, quire_open(NULL, NULL, &db, &err));
    FAILS(MISUSE, quire_open("", NULL, &db, &err));
    FAILS(MISUSE, quire_open("x", NULL, NULL, &err));
    OK(quire_open(":memory:", NULL, &db, &err));
    close_db(db);
}

Test(database, options__of_an_older_program_are_taken)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    options.size = offsetof(quire_options, lock_timeout_ms);
    options.page_size = 2048;
    options.readers_max = 1000000; /* beyond what that program knows: not looked at */
    OK(quire_open(":memory:", &options, &db, &err));
    quire_stats stats = {.size = sizeof stats};
    OK(quire_get_stats(db, &stats, &err));
    cr_assert_eq(stats.page_size, 2048);
    close_db(db);
}

Test(database, close__is_refused_while_a_transaction_is_open)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *reader = begin_read(db);
    quire_txn *writer = begin_write(db);
    FAILS(MISUSE, quire_close(db, &err));
    quire_rollback(writer);
    FAILS(MISUSE, quire_close(db, &err));
    commit(reader);
    close_db(db);
    OK(quire_close(NULL, &err));
    quire_rollback(NULL);
}

Test(database, begin__fails_when_the_writer_or_the_readers_are_too_many)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    quire_txn *txn;
    options.lock_timeout_ms = 1;
    options.readers_max = 3;
    options.cache_bytes = UINT64_C(8) << 20;
    OK(quire_open(":memory:", &options, &db, &err));
    quire_txn *writer = begin_write(db);
    FAILS(BUSY, quire_begin(db, QUIRE_WRITE, &txn, &err));
    quire_txn *readers[3] = {begin_read(db), begin_read(db), begin_read(db)};
    FAILS(LIMIT, quire_begin(db, QUIRE_READ, &txn, &err));
    cr_assert_null(txn);
    for (int i = 0; i < 3; i++) {
        commit(readers[i]);
    }
    quire_rollback(writer);
    FAILS(MISUSE, quire_begin(NULL, QUIRE_READ, &txn, &err));
    FAILS(MISUSE, quire_begin(db, (quire_txn_mode)2, &txn, &err));
    FAILS(MISUSE, quire_commit(NULL, &err));
    close_db(db);
}

Test(database, stats__count_what_happens)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_stats before = {.size = sizeof before};
    quire_stats after = {.size = sizeof after};
    OK(quire_get_stats(db, &before, &err));
    quire_txn *txn = begin_write(db);
    create_users(txn);
    commit(txn);
    quire_rollback(begin_write(db));
    txn = begin_read(db);
    OK(quire_get_stats(db, &after, &err));
    cr_assert_eq(after.readers_open, 1);
    cr_assert_eq(after.commits, before.commits + 1);
    cr_assert_eq(after.rollbacks, before.rollbacks + 1);
    cr_assert_gt(after.pages, before.pages);
    cr_assert_gt(after.commit_sequence, before.commit_sequence);
    cr_assert_eq(after.commit_sequence, quire_txn_sequence(txn));
    commit(txn);
    OK(quire_checkpoint(db, &err));
    OK(quire_get_stats(db, &after, &err));
    cr_assert_gt(after.checkpoints, before.checkpoints);
    after.size = sizeof after + 1;
    FAILS(MISUSE, quire_get_stats(db, &after, &err));
    FAILS(MISUSE, quire_get_stats(db, NULL, &err));
    close_db(db);
}

Test(policy, frame_count__wishes_from_its_threshold_on)
{
    quire_checkpoint_policy policy = quire_checkpoint_frame_count(10);
    quire_checkpoint_state state = {.frames = 9};
    cr_assert_eq(policy.wish(policy.context, &state), QUIRE_CHECKPOINT_NONE);
    state.frames = 10;
    cr_assert_eq(policy.wish(policy.context, &state), QUIRE_CHECKPOINT_PASSIVE);
    policy = quire_checkpoint_frame_count(0);
    state.frames = 0;
    cr_assert_eq(policy.wish(policy.context, &state), QUIRE_CHECKPOINT_NONE);
    state.frames = 1;
    cr_assert_eq(policy.wish(policy.context, &state), QUIRE_CHECKPOINT_PASSIVE);
    policy = quire_checkpoint_manual();
    state.frames = UINT64_MAX;
    cr_assert_eq(policy.wish(policy.context, &state), QUIRE_CHECKPOINT_NONE);
}

Test(policy, log_bytes_and_interval__wish_only_when_frames_wait)
{
    quire_checkpoint_policy bytes = quire_checkpoint_log_bytes(5000);
    quire_checkpoint_policy time = quire_checkpoint_interval(200);
    quire_checkpoint_state state = {.wal_bytes = 6000, .elapsed_ms = 300};
    cr_assert_eq(bytes.wish(bytes.context, &state), QUIRE_CHECKPOINT_NONE);
    cr_assert_eq(time.wish(time.context, &state), QUIRE_CHECKPOINT_NONE);
    state.frames = 1;
    cr_assert_eq(bytes.wish(bytes.context, &state), QUIRE_CHECKPOINT_PASSIVE);
    cr_assert_eq(time.wish(time.context, &state), QUIRE_CHECKPOINT_PASSIVE);
    state.wal_bytes = 4999;
    state.elapsed_ms = 199;
    cr_assert_eq(bytes.wish(bytes.context, &state), QUIRE_CHECKPOINT_NONE);
    cr_assert_eq(time.wish(time.context, &state), QUIRE_CHECKPOINT_NONE);
    cr_assert_eq(time.poll_ms, 200);
}

static quire_checkpoint_wish wish_urgent(void *context, const quire_checkpoint_state *state)
{
    return state->commits >= *(uint64_t *)context ? QUIRE_CHECKPOINT_URGENT : QUIRE_CHECKPOINT_NONE;
}

Test(policy, any__takes_the_strongest_wish_and_the_shortest_poll)
{
    uint64_t commits = 5;
    quire_checkpoint_policy all[] = {quire_checkpoint_frame_count(10),
                                     quire_checkpoint_interval(500),
                                     {.wish = wish_urgent, .context = &commits, .poll_ms = 900}};
    quire_checkpoint_policies set = {all, 3};
    quire_checkpoint_policy any = quire_checkpoint_any(&set);
    quire_checkpoint_state state = {.frames = 1};
    cr_assert_eq(any.poll_ms, 500);
    cr_assert_eq(any.wish(any.context, &state), QUIRE_CHECKPOINT_NONE);
    state.frames = 10;
    cr_assert_eq(any.wish(any.context, &state), QUIRE_CHECKPOINT_PASSIVE);
    state.commits = 5;
    cr_assert_eq(any.wish(any.context, &state), QUIRE_CHECKPOINT_URGENT);
    set.count = 0;
    cr_assert_eq(any.wish(any.context, &state), QUIRE_CHECKPOINT_NONE);
}

Test(policy, interval__checkpoints_an_idle_database)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    options.checkpoint = quire_checkpoint_interval(5);
    quire_db *db;
    OK(quire_open(":memory:", &options, &db, &err));
    quire_txn *txn = begin_write(db);
    create_users(txn);
    commit(txn);
    quire_stats stats = {.size = sizeof stats};
    do {
        OK(quire_get_stats(db, &stats, &err));
    } while (stats.checkpoints == 0 || stats.log_frames_live > 0);
    cr_assert_eq(stats.pages_dirty, 0);
    close_db(db);
}

/* ---- Hooks ---- */

struct told {
    unsigned before_commits, after_commits, before_checkpoints, after_checkpoints, segments;
    uint64_t sequence, generation, frames;
    bool refuse_commit, refuse_segment;
};

static quire_status refuse(quire_error *err, const char *why)
{
    err->status = QUIRE_CHECK;
    snprintf(err->message, sizeof err->message, "%s", why);
    return QUIRE_CHECK;
}

static quire_status on_before_commit(void *context, struct quire_txn *txn, quire_error *err)
{
    struct told *told = context;
    told->before_commits++;
    cr_assert(qr_txn_writes(txn));
    return told->refuse_commit ? refuse(err, "not today") : QUIRE_OK;
}

static void on_after_commit(void *context, uint64_t sequence)
{
    struct told *told = context;
    told->after_commits++;
    cr_assert_gt(sequence, told->sequence);
    told->sequence = sequence;
}

static void on_before_checkpoint(void *context)
{
    ((struct told *)context)->before_checkpoints++;
}

static void on_after_checkpoint(void *context, quire_status status, const quire_error *error)
{
    struct told *told = context;
    told->after_checkpoints++;
    cr_assert_eq(status == QUIRE_OK, error == NULL);
}

static quire_status on_segment(void *context, const quire_segment *segment, quire_error *err)
{
    struct told *told = context;
    uint8_t header[32];
    cr_assert_eq(segment->read(segment, 0, header, sizeof header, err), QUIRE_OK);
    cr_assert_eq(memcmp(header, "QSEG", 4), 0);
    cr_assert_eq(segment->size, 32 + (uint64_t)segment->frames * (24 + 1024));
    cr_assert_eq(segment->read(segment, segment->size, header, 1, err), QUIRE_MISUSE);
    if (told->refuse_segment) {
        return refuse(err, "the archive is full");
    }
    cr_assert_eq(segment->generation, told->generation + 1, "a segment was left out");
    told->generation = segment->generation;
    told->frames += segment->frames;
    told->segments++;
    return QUIRE_OK;
}

Test(hooks, all__are_told_what_happens)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct told told = {0};
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = 1024;
    options.wal_segment_bytes = 16384;
    options.checkpoint = quire_checkpoint_manual();
    options.hooks = (quire_hooks){
        &told,     on_before_commit, on_after_commit, on_before_checkpoint, on_after_checkpoint,
        on_segment};
    quire_db *db;
    OK(quire_open(":memory:", &options, &db, &err));
    quire_txn *txn = begin_write(db);
    create_users(txn);
    commit(txn);
    cr_assert_eq(told.before_commits, 1);
    cr_assert_eq(told.after_commits, 1);
    commit(begin_write(db));
    commit(begin_read(db));
    cr_assert_eq(told.after_commits, 1, "nothing was written");

    told.refuse_commit = true;
    txn = begin_write(db);
    OK(quire_table_drop(txn, "users", &err));
    FAILS(CHECK, quire_commit(txn, &err));
    quire_ticket *ticket;
    txn = begin_write(db);
    OK(quire_table_drop(txn, "users", &err));
    FAILS(CHECK, quire_commit_ticket(txn, &ticket, &err));
    told.refuse_commit = false;
    txn = begin_write(db);
    quire_table *table;
    OK(quire_table_open(txn, "users", &table, &err));
    for (int i = 0; i < 500; i++) {
        (void)add_user(table, "somebody with quite a long name", i);
    }
    quire_table_close(table);
    OK(quire_commit_ticket(txn, &ticket, &err));
    OK(quire_ticket_wait(ticket, &err));
    cr_assert_eq(told.after_commits, 2);

    told.refuse_segment = true;
    FAILS(CHECK, quire_checkpoint(db, &err));
    cr_assert_eq(told.after_checkpoints, told.before_checkpoints);
    told.refuse_segment = false;
    OK(quire_checkpoint(db, &err));
    cr_assert_gt(told.segments, 1);
    quire_stats stats = {.size = sizeof stats};
    OK(quire_get_stats(db, &stats, &err));
    cr_assert_eq(told.frames, stats.log_frames);
    cr_assert_eq(stats.log_frames_live, 0);
    unsigned before = told.after_checkpoints;
    close_db(db);
    cr_assert_gt(told.after_checkpoints, before);
    cr_assert_eq(told.after_checkpoints, told.before_checkpoints);
}

Test(quota, pages_max__refuses_growth_and_leaves_the_transaction_usable)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = 1024;
    options.pages_max = 60;
    quire_db *db;
    OK(quire_open(":memory:", &options, &db, &err));
    quire_txn *txn = begin_write(db);
    create_users(txn);
    OK(add_index(txn, "users", "by_name", QUIRE_INDEX_BTREE, false, "name", NULL, &err));
    OK(add_index(txn, "users", "by_age", QUIRE_INDEX_HASH, false, "age", NULL, &err));
    quire_table *table;
    OK(quire_table_open(txn, "users", &table, &err));
    uint64_t rows = 0;
    quire_value values[] = {quire_text("somebody with quite a long name"), quire_int(1)};
    quire_status status = QUIRE_OK;
    while (status == QUIRE_OK) {
        values[1] = quire_int((int64_t)rows);
        status = quire_table_insert(table, NULL, values, 2, &err);
        rows += status == QUIRE_OK;
        cr_assert_lt(rows, 5000);
    }
    cr_assert_eq(status, QUIRE_NO_SPACE);
    cr_assert_not_null(strstr(err.message, "pages_max"));
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t entries;
        OK(qr_table_index_entries(table, i, &entries, &err));
        cr_assert_eq(entries, rows);
    }
    for (int64_t rowid = 1; rowid <= 100; rowid++) {
        OK(quire_table_delete(table, rowid, NULL, &err));
    }
    OK(quire_table_insert(table, NULL, values, 2, &err));
    quire_table_close(table);
    commit(txn);
    quire_stats stats = {.size = sizeof stats};
    OK(quire_get_stats(db, &stats, &err));
    cr_assert_leq(stats.pages, 60);
    cr_assert_eq(stats.pages_max, 60);
    close_db(db);
}

struct seen {
    unsigned count;
    char owners[4][70];
};

static quire_status see(void *context, const quire_reader *reader, quire_error *err)
{
    struct seen *seen = context;
    (void)err;
    cr_assert_gt(reader->sequence, 0);
    cr_assert_lt(seen->count, 4);
    snprintf(seen->owners[seen->count], sizeof seen->owners[0], "%s", reader->owner);
    seen->count++;
    return QUIRE_OK;
}

static bool saw(const struct seen *seen, const char *owner)
{
    for (unsigned i = 0; i < seen->count; i++) {
        if (strcmp(seen->owners[i], owner) == 0) {
            return true;
        }
    }
    return false;
}

Test(owner, readers__are_listed_with_their_labels)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_begin_options options = QUIRE_BEGIN_OPTIONS_INIT;
    quire_txn *named, *cut;
    options.owner = "report";
    OK(quire_begin_with(db, QUIRE_READ, &options, &named, &err));
    options.owner = "0123456789012345678901234567890123456789012345678901234567890\u00e9\u00e9";
    OK(quire_begin_with(db, QUIRE_READ, &options, &cut, &err));
    quire_txn *plain = begin_read(db);
    struct seen seen = {0};
    OK(quire_readers(db, see, &seen, &err));
    cr_assert_eq(seen.count, 3);
    cr_assert(saw(&seen, "report") && saw(&seen, ""));
    cr_assert(saw(&seen, "0123456789012345678901234567890123456789012345678901234567890\u00e9"));
    quire_rollback(named);
    quire_rollback(cut);
    quire_rollback(plain);

    /* A label does not outlive its transaction. */
    quire_txn *readers[3] = {begin_read(db), begin_read(db), begin_read(db)};
    seen = (struct seen){0};
    OK(quire_readers(db, see, &seen, &err));
    cr_assert_eq(seen.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_str_eq(seen.owners[i], "");
        quire_rollback(readers[i]);
    }
    FAILS(MISUSE, quire_readers(db, NULL, NULL, &err));
    close_db(db);
}

Test(owner, busy_writer_lock__names_who_holds_it_and_since_when)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_begin_options options = QUIRE_BEGIN_OPTIONS_INIT;
    quire_txn *txn, *other;
    options.owner = "nightly import";
    OK(quire_begin_with(db, QUIRE_WRITE, &options, &txn, &err));
    options.timeout = true;
    options.timeout_ms = 1;
    FAILS(BUSY, quire_begin_with(db, QUIRE_WRITE, &options, &other, &err));
    cr_assert_not_null(strstr(err.message, "nightly import has held it for "));
    quire_rollback(txn);
    txn = begin_write(db);
    FAILS(BUSY, quire_begin_with(db, QUIRE_WRITE, &options, &other, &err));
    cr_assert_not_null(strstr(err.message, "another write transaction has held it"));
    quire_rollback(txn);
    options.size = 1;
    FAILS(MISUSE, quire_begin_with(db, QUIRE_WRITE, &options, &other, &err));
    close_db(db);
}

Test(owner, too_many_readers__names_the_oldest)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    options.readers_max = 1;
    quire_db *db;
    OK(quire_open(":memory:", &options, &db, &err));
    quire_begin_options begin = QUIRE_BEGIN_OPTIONS_INIT;
    begin.owner = "backup";
    quire_txn *txn, *other;
    OK(quire_begin_with(db, QUIRE_READ, &begin, &txn, &err));
    FAILS(LIMIT, quire_begin(db, QUIRE_READ, &other, &err));
    cr_assert_not_null(strstr(err.message, "by backup"));
    quire_rollback(txn);
    close_db(db);
}

/* ---- Header numbers and images ---- */

Test(numbers, application_id_and_user_version__are_the_programs)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    uint64_t number = 1;
    quire_txn *txn = begin_write(db);
    OK(quire_get_number(txn, QUIRE_USER_VERSION, &number, &err));
    cr_assert_eq(number, 0);
    OK(quire_set_number(txn, QUIRE_USER_VERSION, UINT64_MAX, &err));
    uint64_t savepoint;
    OK(quire_savepoint(txn, &savepoint, &err));
    OK(quire_set_number(txn, QUIRE_APPLICATION_ID, 7, &err));
    OK(quire_rollback_to(txn, savepoint, &err));
    FAILS(MISUSE, quire_set_number(txn, (quire_header_number)0, 7, &err));
    commit(txn);
    txn = begin_read(db);
    OK(quire_get_number(txn, QUIRE_USER_VERSION, &number, &err));
    cr_assert_eq(number, UINT64_MAX);
    OK(quire_get_number(txn, QUIRE_APPLICATION_ID, &number, &err));
    cr_assert_eq(number, 0);
    FAILS(MISUSE, quire_set_number(txn, QUIRE_APPLICATION_ID, 7, &err));
    quire_rollback(txn);
    close_db(db);
}

static void fill_users(quire_db *db, int rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(db);
    create_users(txn);
    OK(add_index(txn, "users", "by_age", QUIRE_INDEX_HASH, false, "age", NULL, &err));
    quire_table *table;
    OK(quire_table_open(txn, "users", &table, &err));
    for (int i = 0; i < rows; i++) {
        (void)add_user(table, "somebody", i);
    }
    for (int64_t rowid = 1; rowid <= rows / 2; rowid++) {
        OK(quire_table_delete(table, rowid, NULL, &err));
    }
    quire_table_close(table);
    commit(txn);
}

static void check_users(quire_db *db, uint64_t rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_read(db);
    quire_table *table;
    OK(quire_table_open(txn, "users", &table, &err));
    uint64_t count;
    OK(quire_table_row_count(table, &count, &err));
    cr_assert_eq(count, rows);
    OK(qr_table_index_entries(table, 0, &count, &err));
    cr_assert_eq(count, rows);
    quire_table_close(table);
    quire_rollback(txn);
}

Test(image, serialize_and_open_image__give_an_independent_copy)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    fill_users(db, 1000);
    void *image;
    size_t size;
    OK(quire_serialize(db, &image, &size, &err));
    quire_db *copy;
    OK(quire_open_image(image, size, NULL, &copy, &err));
    quire_txn *txn = begin_write(copy);
    OK(quire_table_drop(txn, "users", &err));
    commit(txn);
    close_db(copy);
    check_users(db, 500);
    OK(quire_open_image(image, size, NULL, &copy, &err));
    check_users(copy, 500);
    close_db(copy);

    FAILS(NOT_A_DATABASE, quire_open_image("not a database at all", 22, NULL, &copy, &err));
    FAILS(NOT_A_DATABASE, quire_open_image(image, 0, NULL, &copy, &err));
    cr_assert_null(copy);
    ((uint8_t *)image)[100] ^= 1;
    cr_assert_neq(quire_open_image(image, size, NULL, &copy, &err), QUIRE_OK);
    cr_assert_null(copy);
    quire_free(image);
    close_db(db);
}

Test(image, open_copy__reads_a_file_with_its_log_and_leaves_it_alone)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct temp_dir dir;
    char path[256];
    temp_dir_create(&dir);
    (void)temp_dir_file(&dir, "copied.quire", path, sizeof path);
    quire_db *db, *copy;
    quire_options options = QUIRE_OPTIONS_INIT;
    options.checkpoint = quire_checkpoint_manual();
    OK(quire_open(path, &options, &db, &err));
    fill_users(db, 300); /* in the log alone */
    OK(quire_open_copy(path, NULL, &copy, &err));
    check_users(copy, 150);
    close_db(copy);
    close_db(db);
    FAILS(NO_FILE, quire_open_copy("/nowhere/at/all", NULL, &copy, &err));
    temp_dir_remove(&dir);
}

Test(database, open__refuses_log_segments_that_hold_no_page_and_leaves_nothing_behind)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    struct temp_dir dir;
    char path[512];
    quire_db *db;

    temp_dir_create(&dir);
    temp_dir_file(&dir, "small.quire", path, sizeof path);
    options.mode = QUIRE_OPEN_NEW;
    options.page_size = 32768;
    options.wal_segment_bytes = 4096;
    cr_expect_eq(quire_open(path, &options, &db, &err), QUIRE_MISUSE);
    options.wal_segment_bytes = 0;
    cr_assert_eq(quire_open(path, &options, &db, &err), QUIRE_OK, "%s", err.message);
    cr_expect_eq(quire_close(db, &err), QUIRE_OK);
    temp_dir_remove(&dir);
}
