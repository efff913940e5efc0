/* What loading costs, by counters: frames of the log, pages written, full leaves, allocations. */
#include "engine_fixture.h"

#include <string.h>

#include "support/failing_allocator.h"

#define ROWS  100000
#define BYTES 100

struct loading {
    struct failing_allocator failing;
    quire_db *db;
    quire_txn *txn;
    quire_tree *tree;
    quire_stats before;
};

static quire_stats stats_of(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_stats stats = {.size = sizeof stats};
    OK(quire_get_stats(db, &stats, &err));
    return stats;
}

static void begin_loading(struct loading *l)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    failing_allocator_init(&l->failing);
    failing_allocator_arm(&l->failing, FAILING_ALLOCATOR_NEVER, false);
    options.allocator = &l->failing.allocator;
    options.checkpoint = quire_checkpoint_manual();
    OK(quire_open(":memory:", &options, &l->db, &err));
    l->txn = begin_write(l->db);
    OK(quire_tree_create(l->txn, "t", &err));
    commit(l->txn);
    l->before = stats_of(l->db);
    l->txn = begin_write(l->db);
    OK(quire_tree_open(l->txn, "t", &l->tree, &err));
}

static quire_status note_object(void *context, const quire_object_stats *object, quire_error *err)
{
    (void)err;
    if (strcmp(object->name, "t") == 0) {
        *(quire_object_stats *)context = *object;
    }
    return QUIRE_OK;
}

/* Every page is written once, the log gets next to nothing, and leaves are full. */
static void end_loading(struct loading *l)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_object_stats shape = {0};
    quire_tree_close(l->tree);
    commit(l->txn);
    quire_stats after = stats_of(l->db);
    uint64_t pages = after.pages - l->before.pages;
    uint64_t written = after.pages_direct - l->before.pages_direct;
    uint64_t frames = after.log_frames - l->before.log_frames;
    cr_assert_geq(pages, (uint64_t)ROWS * BYTES / 4096);
    cr_assert(written >= pages - 1 && written <= pages + pages / 100, "%llu of %llu pages",
              (unsigned long long)written, (unsigned long long)pages);
    cr_assert_leq(frames, 8); /* of over 2,500 pages */
    l->txn = begin_read(l->db);
    OK(quire_each_object(l->txn, note_object, &shape, &err));
    commit(l->txn);
    cr_assert_eq(shape.entries, ROWS);
    /* What is left of a full leaf is less than a row; the last one may have any number. */
    uint64_t room = shape.leaf_pages * 4096 - shape.leaf_bytes;
    cr_assert_leq(room, (shape.leaf_pages - 1) * (BYTES + 16) + 4096);
    OK(quire_close(l->db, &err));
    cr_assert(failing_allocator_is_clean(&l->failing));
}

Test(load_cost, rows_appended_together__are_written_once_and_not_logged)
{
    static char values[100][BYTES];
    quire_tree_row rows[100];
    struct loading l;
    quire_error err = QUIRE_ERROR_INIT;
    begin_loading(&l);
    for (int64_t at = 0; at < ROWS; at += 100) {
        for (int i = 0; i < 100; i++) {
            rows[i] = (quire_tree_row){at + i, values[i], BYTES};
        }
        OK(quire_tree_append_many(l.tree, rows, 100, &err));
    }
    end_loading(&l);
}

Test(load_cost, rising_rows_put_one_by_one__cost_no_more)
{
    char value[BYTES] = {0};
    struct loading l;
    quire_error err = QUIRE_ERROR_INIT;
    begin_loading(&l);
    uint64_t calls = l.failing.calls;
    for (int64_t i = 0; i < ROWS; i++) {
        OK(quire_tree_put(l.tree, i, value, BYTES, NULL, &err));
    }
    /* One for each full leaf, and lists that grow by doubling. */
    cr_assert_leq(l.failing.calls - calls, ROWS / 30);
    end_loading(&l);
}

/* A hook that is to see every change in sealed segments keeps all of it in the log. */
static quire_status see_segment(void *context, const quire_segment *segment, quire_error *err)
{
    (void)context;
    (void)segment;
    (void)err;
    return QUIRE_OK;
}

Test(load_cost, hook_for_segments__has_everything_logged)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    quire_tree *tree;
    static char value[3000];
    options.hooks.segment_sealed = see_segment;
    OK(quire_open(":memory:", &options, &db, &err));
    quire_txn *txn = begin_write(db);
    OK(quire_tree_create(txn, "t", &err));
    OK(quire_tree_open(txn, "t", &tree, &err));
    for (int64_t i = 0; i < 2000; i++) {
        OK(quire_tree_put(tree, i, value, sizeof value, NULL, &err));
    }
    quire_tree_close(tree);
    commit(txn);
    quire_stats stats = stats_of(db);
    cr_assert_eq(stats.pages_direct, 0);
    cr_assert_geq(stats.log_frames, 2000);
    OK(quire_close(db, &err));
}

/* Rows of a table are statements; within one an entry that a leaf has room for needs no copy. */
Test(load_cost, row_of_a_table__allocates_nothing)
{
    enum { TABLE_ROWS = 20000 };
    static const quire_column columns[] = {{"n", QUIRE_INT, true}};
    struct loading l;
    quire_table *table;
    quire_error err = QUIRE_ERROR_INIT;
    begin_loading(&l);
    OK(quire_table_create(l.txn, "rows", columns, 1, &err));
    OK(quire_table_open(l.txn, "rows", &table, &err));
    uint64_t calls = 0;
    for (int64_t i = 0; i < TABLE_ROWS; i++) {
        quire_value value = quire_int(i);
        OK(quire_table_insert(table, NULL, &value, 1, &err));
        calls = i == 1000 ? l.failing.calls : calls;
    }
    cr_assert_leq(l.failing.calls - calls, TABLE_ROWS / 100);
    quire_table_close(table);
    quire_tree_close(l.tree);
    quire_rollback(l.txn);
    OK(quire_close(l.db, &err));
}
