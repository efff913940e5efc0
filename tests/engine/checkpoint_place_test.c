/* Checkpoints in the time of the commits: who makes them, how much of one a commit copies. */
#include "engine_fixture.h"

#include <pthread.h>
#include <stdio.h>

#include "support/temp_dir.h"

#define SLICE 4U

struct place {
    struct temp_dir dir;
    char path[600];
};

/* What the hooks saw. */
struct seen {
    pthread_t thread; /* that is expected */
    unsigned begun, ended, foreign;
};

static void before_checkpoint(void *context)
{
    struct seen *seen = context;
    seen->begun++;
    seen->foreign += pthread_equal(pthread_self(), seen->thread) == 0;
}

static void after_checkpoint(void *context, quire_status status, const quire_error *error)
{
    struct seen *seen = context;
    cr_assert_eq(status, QUIRE_OK, "%s", error == NULL ? "" : error->message);
    seen->ended++;
    seen->foreign += pthread_equal(pthread_self(), seen->thread) == 0;
}

static void set_up(struct place *place, struct seen *seen, quire_options *options)
{
    temp_dir_create(&place->dir);
    temp_dir_file(&place->dir, "app.quire", place->path, sizeof place->path);
    *seen = (struct seen){.thread = pthread_self()};
    *options = (quire_options)QUIRE_OPTIONS_INIT;
    options->page_size = 1024;
    options->cache_bytes = UINT64_C(8) << 20;
    options->checkpoint_place = QUIRE_CHECKPOINT_IN_COMMIT;
    options->checkpoint_slice_pages = SLICE;
    options->hooks = (quire_hooks){.context = seen,
                                   .before_checkpoint = before_checkpoint,
                                   .after_checkpoint = after_checkpoint};
}

static void create_rows(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(db);
    OK(quire_tree_create(txn, "rows", &err));
    commit(txn);
}

/* Writes the rows round * 10 to round * 10 + 9, each a good part of a page. */
static void write_rows(quire_db *db, int64_t round)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(db);
    quire_tree *tree;
    char payload[300] = {0};
    OK(quire_tree_open(txn, "rows", &tree, &err));
    for (int64_t row = round * 10; row < round * 10 + 10; row++) {
        (void)snprintf(payload, sizeof payload, "row %lld", (long long)row);
        OK(quire_tree_put(tree, row * 7919 % 4096, payload, sizeof payload, NULL, &err));
    }
    quire_tree_close(tree);
    commit(txn);
}

static uint64_t count_rows(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_read(db);
    quire_tree *tree;
    uint64_t rows = 0;
    OK(quire_tree_open(txn, "rows", &tree, &err));
    OK(quire_tree_count(tree, &rows, &err));
    quire_tree_close(tree);
    commit(txn);
    return rows;
}

static quire_stats stats_of(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_stats stats = {.size = sizeof stats};
    OK(quire_get_stats(db, &stats, &err));
    return stats;
}

Test(checkpoint_place, in_commit__each_commit_copies_one_slice_of_pages)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options;
    struct place place;
    struct seen seen;
    set_up(&place, &seen, &options);
    options.checkpoint = quire_checkpoint_frame_count(20);
    quire_db *db;
    OK(quire_open(place.path, &options, &db, &err));
    create_rows(db);
    unsigned slices = 0;
    for (int64_t round = 0; round < 100; round++) {
        uint64_t before = stats_of(db).pages_written;
        write_rows(db, round);
        uint64_t written = stats_of(db).pages_written - before;
        cr_assert_leq(written, SLICE, "%llu pages in round %lld", (unsigned long long)written,
                      (long long)round);
        slices += written > 0;
    }
    quire_stats stats = stats_of(db);
    cr_assert_geq(stats.checkpoints, 3);
    cr_assert_gt(slices, 2 * stats.checkpoints, "a checkpoint took one slice");
    cr_assert_eq(seen.foreign, 0, "another thread made a checkpoint");
    OK(quire_close(db, &err));
    cr_assert_eq(seen.begun, seen.ended);
    cr_assert_geq(seen.ended, 3);

    OK(quire_open(place.path, NULL, &db, &err));
    cr_assert_eq(count_rows(db), 1000);
    OK(quire_close(db, &err));
    temp_dir_remove(&place.dir);
}

Test(checkpoint_place, in_commit__the_commit_that_needs_room_in_the_log_makes_it)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options;
    struct place place;
    struct seen seen;
    set_up(&place, &seen, &options);
    options.checkpoint = quire_checkpoint_manual();
    options.wal_segment_bytes = 16 << 10;
    options.wal_bytes_max = 64 << 10;
    quire_db *db;
    OK(quire_open(place.path, &options, &db, &err));
    create_rows(db);
    for (int64_t round = 0; round < 100; round++) {
        write_rows(db, round);
    }
    cr_assert_gt(stats_of(db).checkpoints, 0);
    cr_assert_eq(seen.foreign, 0);
    cr_assert_eq(count_rows(db), 1000);
    OK(quire_close(db, &err));
    temp_dir_remove(&place.dir);
}

Test(checkpoint_place, in_commit__an_explicit_checkpoint_finishes_what_was_begun)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options;
    struct place place;
    struct seen seen;
    set_up(&place, &seen, &options);
    options.checkpoint = quire_checkpoint_frame_count(20);
    quire_db *db;
    OK(quire_open(place.path, &options, &db, &err));
    create_rows(db);
    for (int64_t round = 0; seen.begun == seen.ended && round < 100; round++) {
        write_rows(db, round);
    }
    cr_assert_gt(seen.begun, seen.ended, "no checkpoint is under way");
    OK(quire_checkpoint(db, &err));
    cr_assert_eq(seen.begun, seen.ended);
    cr_assert_eq(stats_of(db).pages_dirty, 0);
    cr_assert_eq(seen.foreign, 0);
    OK(quire_close(db, &err));
    temp_dir_remove(&place.dir);
}

#define WRITERS 4

struct writer {
    quire_db *db;
    int64_t first;
};

static void *write_many(void *context)
{
    struct writer *writer = context;
    for (int64_t round = 0; round < 25; round++) {
        write_rows(writer->db, writer->first + round);
    }
    return NULL;
}

Test(checkpoint_place, in_commit__serves_several_threads)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options;
    struct place place;
    struct seen seen;
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    set_up(&place, &seen, &options);
    options.hooks = (quire_hooks){0};
    options.checkpoint = quire_checkpoint_frame_count(20);
    options.wal_segment_bytes = 16 << 10;
    options.wal_bytes_max = 64 << 10;
    quire_db *db;
    OK(quire_open(place.path, &options, &db, &err));
    create_rows(db);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){db, (int64_t)i * 25};
        cr_assert_eq(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    cr_assert_gt(stats_of(db).checkpoints, 0);
    cr_assert_eq(count_rows(db), 1000);
    OK(quire_close(db, &err));
    temp_dir_remove(&place.dir);
}

Test(checkpoint_place, open__refuses_places_that_there_are_not)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    options.checkpoint_place = (quire_checkpoint_place)2;
    FAILS(MISUSE, quire_open(":memory:", &options, &db, &err));
}
