/*
 * Power cuts under a table with indexes of both kinds: whatever moment the
 * power goes, what opens afterwards is the state after some commit, none that
 * was acknowledged is missing, and every index agrees with the rows.
 */
#include "engine_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/faulty_layer.h"
#include "support/prng.h"

#define COMMITS  70
#define ROWS_MAX 400

/* Row i of the model: its age, or -1 when there is no such row. Its name follows from both. */
struct state {
    int64_t ages[ROWS_MAX];
};

/* What a power cut left, and the commits that may be in it. */
struct image {
    struct image *next;
    struct qr_file_layer *files;
    int acknowledged; /* before the cut */
    int started;      /* at its end */
};

/* The calls that are observed come from the test and from the checkpointer: images are taken there,
 * and verified by the test between commits. */
struct run {
    struct faulty_layer *files;
    struct prng work;
    struct state states[COMMITS + 1]; /* after each commit */
    atomic_int acknowledged, started; /* commits */
    pthread_mutex_t mutex;            /* guards the rest */
    struct prng chance;
    struct image *images;
    int cuts;
    unsigned calls;
};

static quire_options small_options(void)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = 1024;
    options.cache_bytes = UINT64_C(256) << 10;
    options.wal_segment_bytes = 32 << 10;
    options.checkpoint = quire_checkpoint_frame_count(60);
    return options;
}

static void name_of(int row, int64_t age, char *name, size_t size)
{
    /* Every seventh is too long to be stored whole in an index. */
    int width = row % 7 == 0 ? 300 : 12;
    (void)snprintf(name, size, "%0*d-%lld", width, row, (long long)age);
}

/* ---- Verifying an image ---- */

static void verify_row(quire_table *table, int row, int64_t age)
{
    quire_error err = QUIRE_ERROR_INIT;
    char name[400];
    const void *record;
    size_t size;
    quire_value values[2];
    bool found;
    OK(quire_table_get(table, row + 1, &record, &size, &found, &err));
    cr_assert_eq(found, age >= 0);
    if (!found) {
        return;
    }
    name_of(row, age, name, sizeof name);
    OK(quire_record_column(record, size, 0, &values[0], &err));
    OK(quire_record_column(record, size, 1, &values[1], &err));
    quire_value wanted = quire_text(name);
    cr_assert_eq(quire_value_compare(&values[0], &wanted), 0);
    cr_assert_eq(values[1].as.integer, age);
    for (uint32_t index = 0; index < 2; index++) {
        int64_t rowid;
        OK(qr_table_find_unique(table, index, &wanted, 1, &rowid, &found, &err));
        cr_assert(found && rowid == row + 1);
    }
}

static void verify_state(quire_table *table, const struct state *state)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t rows;
    uint64_t wanted = 0;
    for (int row = 0; row < ROWS_MAX; row++) {
        verify_row(table, row, state->ages[row]);
        wanted += state->ages[row] >= 0;
    }
    OK(quire_table_row_count(table, &rows, &err));
    cr_assert_eq(rows, wanted);
    for (uint32_t index = 0; index < quire_table_index_count(table); index++) {
        uint64_t entries;
        OK(qr_table_index_entries(table, index, &entries, &err));
        cr_assert_eq(entries, wanted);
    }
    for (int64_t age = 0; age < 3; age++) {
        quire_value key = quire_int(age);
        quire_index_range range = {.prefix = &key, .prefix_count = 1};
        size_t count = 0;
        for (int row = 0; row < ROWS_MAX; row++) {
            count += state->ages[row] == age;
        }
        cr_assert_eq(scan(table, 2, &range, NULL, 0), count);
        cr_assert_eq(scan(table, 3, &range, NULL, 0), count);
    }
}

/* The number of the commit that a database stands at, from its one-row tree. */
static int commit_of(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree;
    const void *payload;
    size_t size;
    bool found;
    int commit = 0;
    if (quire_tree_open(txn, "commit", &tree, NULL) != QUIRE_OK) {
        return 0;
    }
    OK(quire_tree_find(tree, 1, &payload, &size, &found, &err));
    cr_assert(found && size == sizeof commit);
    memcpy(&commit, payload, sizeof commit);
    quire_tree_close(tree);
    return commit;
}

static void verify_image(struct run *run, const struct image *image)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = small_options();
    quire_db *db;
    OK(qr_db_open_with("db", &options, image->files, true, &db, &err));
    quire_txn *txn = begin_read(db);
    int number = commit_of(txn);
    cr_assert_geq(number, image->acknowledged);
    cr_assert_leq(number, image->started);
    if (number > 0) {
        quire_table *table;
        OK(quire_table_open(txn, "rows", &table, &err));
        verify_state(table, &run->states[number]);
        quire_table_close(table);
    }
    commit(txn);
    close_db(db);
}

static void verify_images(struct run *run)
{
    (void)pthread_mutex_lock(&run->mutex);
    struct image *images = run->images;
    run->images = NULL;
    (void)pthread_mutex_unlock(&run->mutex);
    while (images != NULL) {
        struct image *image = images;
        images = image->next;
        verify_image(run, image);
        qr_file_layer_memory_destroy(image->files);
        free(image);
    }
}

static void cut_power(struct run *run)
{
    struct image *image = calloc(1, sizeof *image);
    (void)pthread_mutex_lock(&run->mutex);
    struct faulty_cut cut = {
        .survival = prng_one_in(&run->chance, 3) ? FAULTY_LOSE_ALL : FAULTY_KEEP_RANDOM,
        .tear = prng_one_in(&run->chance, 2) ? FAULTY_TEAR_RANDOM : FAULTY_TEAR_NONE,
        .garbage = true,
        .seed = prng_next(&run->chance)};
    (void)pthread_mutex_unlock(&run->mutex);
    image->acknowledged = atomic_load(&run->acknowledged);
    image->files = faulty_layer_power_cut(run->files, &cut);
    image->started = atomic_load(&run->started);
    (void)pthread_mutex_lock(&run->mutex);
    image->next = run->images;
    run->images = image;
    run->cuts++;
    (void)pthread_mutex_unlock(&run->mutex);
}

static void observe(void *context, const struct faulty_record *record)
{
    struct run *run = context;
    (void)record;
    (void)pthread_mutex_lock(&run->mutex);
    bool now = run->calls++ % 2 == 0;
    (void)pthread_mutex_unlock(&run->mutex);
    if (now) {
        cut_power(run);
    }
}

/* ---- The work ---- */

static void create_all(quire_txn *txn)
{
    static const quire_column columns[] = {{"name", QUIRE_TEXT, true}, {"age", QUIRE_INT, false}};
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_tree_create(txn, "commit", &err));
    OK(quire_table_create(txn, "rows", columns, 2, &err));
    OK(add_index(txn, "rows", "name_btree", QUIRE_INDEX_BTREE, true, "name", NULL, &err));
    OK(add_index(txn, "rows", "name_hash", QUIRE_INDEX_HASH, true, "name", NULL, &err));
    OK(add_index(txn, "rows", "age_btree", QUIRE_INDEX_BTREE, false, "age", NULL, &err));
    OK(add_index(txn, "rows", "age_hash", QUIRE_INDEX_HASH, false, "age", NULL, &err));
}

static void change_row(quire_table *table, struct state *state, int row, int64_t age)
{
    quire_error err = QUIRE_ERROR_INIT;
    char name[400];
    int64_t rowid = row + 1;
    name_of(row, age, name, sizeof name);
    quire_value values[] = {quire_text(name), quire_int(age)};
    if (age < 0) {
        OK(quire_table_delete(table, rowid, NULL, &err));
    } else if (state->ages[row] < 0) {
        OK(quire_table_insert(table, &rowid, values, 2, &err));
    } else {
        OK(quire_table_update(table, rowid, values, 2, NULL, &err));
    }
    state->ages[row] = age;
}

static void do_commit(struct run *run, quire_db *db, int number)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct state *state = &run->states[number];
    quire_txn *txn = begin_write(db);
    quire_table *table;
    quire_tree *tree;
    *state = run->states[number - 1];
    if (number == 1) {
        create_all(txn);
    }
    OK(quire_table_open(txn, "rows", &table, &err));
    uint64_t changes = 1 + prng_below(&run->work, prng_one_in(&run->work, 8) ? 120 : 8);
    for (uint64_t i = 0; i < changes; i++) {
        change_row(table, state, (int)prng_below(&run->work, ROWS_MAX),
                   (int64_t)prng_below(&run->work, 5) - 1);
    }
    quire_table_close(table);
    OK(quire_tree_open(txn, "commit", &tree, &err));
    OK(quire_tree_put(tree, 1, &number, sizeof number, NULL, &err));
    quire_tree_close(tree);
    atomic_store(&run->started, number);
    commit(txn);
    atomic_store(&run->acknowledged, number);
}

Test(crash, power_cut__leaves_a_committed_state_with_its_indexes)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = small_options();
    struct run *run = calloc(1, sizeof *run);
    quire_db *db;
    prng_init(&run->work, 31);
    prng_init(&run->chance, 32);
    (void)pthread_mutex_init(&run->mutex, NULL);
    for (int row = 0; row < ROWS_MAX; row++) {
        run->states[0].ages[row] = -1;
    }
    run->files = faulty_layer_create();
    OK(qr_db_open_with("db", &options, faulty_layer_files(run->files), true, &db, &err));
    faulty_layer_observe(run->files, FAULTY_CHANGES, observe, run);
    for (int number = 1; number <= COMMITS; number++) {
        do_commit(run, db, number);
        cut_power(run);
        verify_images(run);
    }
    close_db(db);
    faulty_layer_observe(run->files, FAULTY_CHANGES, NULL, NULL);
    cut_power(run);
    verify_images(run);
    cr_assert_gt(run->cuts, 2 * COMMITS);
    (void)pthread_mutex_destroy(&run->mutex);
    faulty_layer_destroy(run->files);
    free(run);
}
