/* What reads cost, by counters: pages looked at, pages read from files, allocations. */
#include "engine_fixture.h"

#include <string.h>

#include "support/failing_allocator.h"
#include "support/temp_dir.h"

#define ROWS 20000

static quire_txn_stats stats_of(const quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn_stats stats = {.size = sizeof stats};
    OK(quire_txn_get_stats(txn, &stats, &err));
    return stats;
}

static uint64_t visits_of(const quire_txn *txn)
{
    return stats_of(txn).page_visits;
}

/* A database of small pages whose tree "t" has ROWS rows, every second rowid from 0 on. */
static quire_db *filled_db(struct failing_allocator *failing)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    quire_tree *tree;
    char payload[40];
    failing_allocator_init(failing);
    failing_allocator_arm(failing, FAILING_ALLOCATOR_NEVER, false);
    options.page_size = 1024;
    options.cache_bytes = UINT64_C(64) << 20;
    options.checkpoint = quire_checkpoint_manual(); /* no other thread allocates meanwhile */
    options.allocator = &failing->allocator;
    OK(quire_open(":memory:", &options, &db, &err));
    quire_txn *txn = begin_write(db);
    OK(quire_tree_create(txn, "t", &err));
    OK(quire_tree_open(txn, "t", &tree, &err));
    for (int64_t i = 0; i < ROWS; i++) {
        memset(payload, (int)i, sizeof payload);
        OK(quire_tree_put(tree, 2 * i, payload, sizeof payload, NULL, &err));
    }
    quire_tree_close(tree);
    commit(txn);
    return db;
}

static quire_status note_object(void *context, const quire_object_stats *object, quire_error *err)
{
    (void)err;
    if (strcmp(object->name, "t") == 0) {
        *(quire_object_stats *)context = *object;
    }
    return QUIRE_OK;
}

static quire_object_stats shape_of(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_object_stats shape = {0};
    OK(quire_each_object(txn, note_object, &shape, &err));
    return shape;
}

Test(read_cost, stats__refuse_what_is_no_transaction_or_too_large)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_read(db);
    quire_txn_stats stats = {.size = sizeof stats};
    FAILS(MISUSE, quire_txn_get_stats(NULL, &stats, &err));
    FAILS(MISUSE, quire_txn_get_stats(txn, NULL, &err));
    stats.size = 1;
    FAILS(MISUSE, quire_txn_get_stats(txn, &stats, &err));
    stats.size = sizeof stats + 1;
    FAILS(MISUSE, quire_txn_get_stats(txn, &stats, &err));
    stats.size = offsetof(quire_txn_stats, page_reads);
    stats.page_reads = 77;
    OK(quire_txn_get_stats(txn, &stats, &err));
    cr_assert_eq(stats.page_reads, 77, "written beyond the size");
    commit(txn);
    close_db(db);
}

Test(read_cost, stats__begin_anew_with_each_transaction_and_count_copies)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct failing_allocator failing;
    quire_db *db = filled_db(&failing);
    quire_txn *txn = begin_write(db);
    quire_tree *tree;
    OK(quire_tree_open(txn, "t", &tree, &err));
    quire_txn_stats before = stats_of(txn);
    cr_assert_eq(before.page_copies, 0);
    OK(quire_tree_put(tree, 2 * 777, "changed", 7, NULL, &err));
    cr_assert_eq(stats_of(txn).page_copies, 1, "a change within a leaf copies that leaf alone");
    OK(quire_tree_put(tree, 2 * 777, "CHANGED", 7, NULL, &err));
    cr_assert_eq(stats_of(txn).page_copies, 1);
    cr_assert_eq(stats_of(txn).page_reads, 0);
    commit(txn);
    quire_tree_close(tree);
    txn = begin_read(db);
    cr_assert_eq(visits_of(txn), 0);
    commit(txn);
    close_db(db);
    cr_assert(failing_allocator_is_clean(&failing));
}

Test(read_cost, find__looks_at_one_page_a_level_and_allocates_nothing)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct failing_allocator failing;
    quire_db *db = filled_db(&failing);
    quire_txn *txn = begin_read(db);
    quire_tree *tree;
    const void *payload;
    size_t size;
    bool found;
    unsigned depth = shape_of(txn).depth;
    OK(quire_tree_open(txn, "t", &tree, &err));
    cr_assert(depth >= 3);
    failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
    for (int64_t rowid = -3; rowid < 2 * ROWS + 3; rowid += 7) {
        uint64_t before = visits_of(txn);
        OK(quire_tree_find(tree, rowid, &payload, &size, &found, &err));
        cr_assert_eq(found, rowid >= 0 && rowid < 2 * ROWS && rowid % 2 == 0);
        cr_assert_eq(visits_of(txn) - before, depth);
    }
    cr_assert_eq(failing.calls, 0);
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
    cr_assert(failing_allocator_is_clean(&failing));
}

Test(read_cost, count__looks_at_one_page)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct failing_allocator failing;
    quire_db *db = filled_db(&failing);
    quire_txn *txn = begin_read(db);
    quire_tree *tree;
    uint64_t rows;
    OK(quire_tree_open(txn, "t", &tree, &err));
    uint64_t before = visits_of(txn);
    OK(quire_tree_count(tree, &rows, &err));
    cr_assert_eq(rows, ROWS);
    cr_assert_eq(visits_of(txn) - before, 1);
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
    cr_assert(failing_allocator_is_clean(&failing));
}

/* A walk looks at each leaf once, and before each but the first at the node above it. */
Test(read_cost, scan__looks_at_each_leaf_once_and_allocates_nothing_for_a_row)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct failing_allocator failing;
    quire_db *db = filled_db(&failing);
    quire_txn *txn = begin_read(db);
    quire_tree *tree;
    quire_cursor *cursor;
    bool valid;
    quire_object_stats shape = shape_of(txn);
    OK(quire_tree_open(txn, "t", &tree, &err));
    OK(quire_cursor_open(tree, &cursor, &err));
    failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
    for (int direction = 0; direction < 2; direction++) {
        uint64_t before = visits_of(txn);
        int64_t rows = 0;
        OK(direction == 0 ? quire_cursor_next(cursor, &valid, &err)
                          : quire_cursor_previous(cursor, &valid, &err));
        while (valid) {
            int64_t rowid;
            const void *payload;
            size_t size;
            OK(quire_cursor_row(cursor, &rowid, &payload, &size, &err));
            cr_assert_eq(rowid, 2 * (direction == 0 ? rows : ROWS - 1 - rows));
            cr_assert_eq(size, 40);
            cr_assert_eq(*(const char *)payload, (char)(rowid / 2));
            rows++;
            OK(direction == 0 ? quire_cursor_next(cursor, &valid, &err)
                              : quire_cursor_previous(cursor, &valid, &err));
        }
        cr_assert_eq(rows, ROWS);
        uint64_t visits = visits_of(txn) - before;
        cr_assert(visits <= 2 * (shape.leaf_pages + shape.inner_pages), "%llu visits",
                  (unsigned long long)visits);
    }
    cr_assert_eq(failing.calls, 0);
    quire_cursor_close(cursor);
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
    cr_assert(failing_allocator_is_clean(&failing));
}

struct rows_seen {
    const int64_t *rowids;
    size_t visits;
};

static quire_status see_row(void *context, size_t index, const void *payload, size_t size)
{
    struct rows_seen *seen = context;
    cr_assert_eq(size, 40);
    cr_assert_eq(*(const char *)payload, (char)(seen->rowids[index] / 2));
    seen->visits++;
    return QUIRE_OK;
}

/* 64 rowids cost no more visits than the pages on their paths. */
Test(read_cost, find_many__looks_at_each_page_once_for_64_rowids)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct failing_allocator failing;
    quire_db *db = filled_db(&failing);
    quire_txn *txn = begin_read(db);
    quire_tree *tree;
    int64_t rowids[64];
    unsigned depth = shape_of(txn).depth;
    OK(quire_tree_open(txn, "t", &tree, &err));
    failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
    for (int spread = 1; spread <= 256; spread *= 2) {
        for (int i = 0; i < 64; i++) {
            rowids[(i * 37) % 64] = 2 * (1000 + i / 4 * spread + i % 4);
        }
        struct rows_seen seen = {.rowids = rowids};
        uint64_t before = visits_of(txn);
        OK(quire_tree_find_many(tree, rowids, 64, see_row, &seen, &err));
        cr_assert_eq(seen.visits, 64);
        uint64_t visits = visits_of(txn) - before;
        /* 16 places with 4 rows each, seldom on two leaves. */
        cr_assert(visits <= 1 + (depth - 1) * 20U, "%llu visits", (unsigned long long)visits);
    }
    for (int i = 0; i < 64; i++) {
        rowids[i] = 2 * (1000 + i % 4); /* the same four again and again */
    }
    struct rows_seen seen = {.rowids = rowids};
    uint64_t before = visits_of(txn);
    OK(quire_tree_find_many(tree, rowids, 64, see_row, &seen, &err));
    cr_assert_eq(seen.visits, 64);
    cr_assert(visits_of(txn) - before <= depth + 1);
    cr_assert_eq(failing.calls, 0);
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
    cr_assert(failing_allocator_is_clean(&failing));
}

static uint64_t read_calls_of(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_stats stats = {.size = sizeof stats};
    OK(quire_get_stats(db, &stats, &err));
    return stats.read_calls;
}

/* Opens a database on disk whose tree "t" has ROWS rows, none of its pages in the cache. */
static quire_db *cold_db(const struct temp_dir *dir)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    quire_tree *tree;
    char path[600];
    options.page_size = 1024;
    options.durability = QUIRE_DURABILITY_OFF;
    temp_dir_file(dir, "db", path, sizeof path);
    OK(quire_open(path, &options, &db, &err));
    quire_txn *txn = begin_write(db);
    OK(quire_tree_create(txn, "t", &err));
    OK(quire_tree_open(txn, "t", &tree, &err));
    for (int64_t i = 0; i < ROWS; i++) {
        OK(quire_tree_put(tree, 2 * i, "forty bytes of payload in each of them..", 40, NULL, &err));
    }
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
    OK(quire_open(path, &options, &db, &err));
    return db;
}

Test(read_cost, scan__reads_leaves_that_follow_each_other_together_when_cold)
{
    quire_error err = QUIRE_ERROR_INIT;
    for (int direction = 0; direction < 2; direction++) {
        struct temp_dir dir;
        temp_dir_create(&dir);
        quire_db *db = cold_db(&dir);
        quire_txn *txn = begin_read(db);
        quire_tree *tree;
        quire_cursor *cursor;
        bool valid;
        int64_t rows = 0;
        OK(quire_tree_open(txn, "t", &tree, &err));
        OK(quire_cursor_open(tree, &cursor, &err));
        uint64_t calls = read_calls_of(db);
        uint64_t pages = stats_of(txn).page_reads;
        OK(direction == 0 ? quire_cursor_first(cursor, &valid, &err)
                          : quire_cursor_last(cursor, &valid, &err));
        for (; valid; rows++) {
            OK(direction == 0 ? quire_cursor_next(cursor, &valid, &err)
                              : quire_cursor_previous(cursor, &valid, &err));
        }
        cr_assert_eq(rows, ROWS);
        pages = stats_of(txn).page_reads - pages;
        calls = read_calls_of(db) - calls;
        quire_object_stats shape = shape_of(txn);
        cr_assert_eq(pages, shape.leaf_pages + shape.inner_pages, "each page is read once");
        cr_assert(calls <= pages / 8, "%llu calls for %llu pages", (unsigned long long)calls,
                  (unsigned long long)pages);
        quire_cursor_close(cursor);
        quire_tree_close(tree);
        commit(txn);
        close_db(db);
        temp_dir_remove(&dir);
    }
}

Test(read_cost, find__reads_no_page_but_those_on_its_path_when_cold)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct temp_dir dir;
    temp_dir_create(&dir);
    quire_db *db = cold_db(&dir);
    quire_txn *txn = begin_read(db);
    quire_tree *tree;
    OK(quire_tree_open(txn, "t", &tree, &err));
    uint64_t inner = 0;
    for (int64_t i = 0; i < 20; i++) {
        const void *payload;
        size_t size;
        bool found;
        uint64_t calls = read_calls_of(db);
        uint64_t visits = visits_of(txn);
        OK(quire_tree_find(tree, 2 * (i * 997), &payload, &size, &found, &err));
        cr_assert(found);
        calls = read_calls_of(db) - calls;
        cr_assert(calls >= 1 && calls <= visits_of(txn) - visits);
        inner += calls - 1;
    }
    cr_assert(inner <= shape_of(txn).inner_pages);
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
    temp_dir_remove(&dir);
}

/* The buffer of the caller is all the memory that a large value takes, and its pages are looked at
 * once but for the ones that lead to them. */
Test(read_cost, read_part__looks_at_each_page_of_a_value_once_and_allocates_nothing)
{
    enum { PIECE = 64 * 1024, PIECES = 128 };
    quire_error err = QUIRE_ERROR_INIT;
    struct failing_allocator failing;
    quire_db *db = filled_db(&failing);
    quire_tree *tree;
    static uint8_t piece[PIECE];
    bool flag;
    quire_txn *txn = begin_write(db);
    OK(quire_tree_open(txn, "t", &tree, &err));
    OK(quire_tree_reserve(tree, -1, (size_t)PIECE * PIECES, &flag, &err));
    for (unsigned i = 0; i < PIECES; i++) {
        memset(piece, (int)i, PIECE);
        OK(quire_tree_write_part(tree, -1, (uint64_t)i * PIECE, piece, PIECE, &flag, &err));
    }
    quire_tree_close(tree);
    commit(txn);
    txn = begin_read(db);
    uint64_t overflow_pages = shape_of(txn).overflow_pages;
    unsigned depth = shape_of(txn).depth;
    OK(quire_tree_open(txn, "t", &tree, &err));
    failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
    uint64_t before = visits_of(txn);
    for (unsigned i = 0; i < PIECES; i++) {
        size_t got;
        OK(quire_tree_read_part(tree, -1, (uint64_t)i * PIECE, piece, PIECE, &got, &flag, &err));
        cr_assert_eq(got, PIECE);
        cr_assert(piece[0] == (uint8_t)i && piece[PIECE - 1] == (uint8_t)i);
    }
    uint64_t visits = visits_of(txn) - before;
    cr_assert_eq(failing.calls, 0);
    cr_assert(visits <= overflow_pages + PIECES * (depth + 4U), "%llu visits for %llu pages",
              (unsigned long long)visits, (unsigned long long)overflow_pages);
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
    cr_assert(failing_allocator_is_clean(&failing));
}

/* A value whose pages lie apart, in the gaps that others left. */
Test(read_cost, read_part__passes_over_many_runs_in_one_look)
{
    enum { GAPS = 1000, PAGE_DATA = 1024 - 32, PIECE = 10 * PAGE_DATA };
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_tree *tree;
    static uint8_t piece[PIECE];
    bool flag;
    quire_txn *txn = begin_write(db);
    OK(quire_tree_create(txn, "t", &err));
    OK(quire_tree_open(txn, "t", &tree, &err));
    for (int64_t i = 0; i < 2 * GAPS; i++) {
        OK(quire_tree_put(tree, i, piece, PAGE_DATA, NULL, &err)); /* one page each */
    }
    quire_tree_close(tree);
    commit(txn);
    txn = begin_write(db);
    OK(quire_tree_open(txn, "t", &tree, &err));
    for (int64_t i = 0; i < 2 * GAPS; i += 2) {
        OK(quire_tree_delete(tree, i, &flag, &err));
    }
    quire_tree_close(tree);
    commit(txn);
    txn = begin_write(db);
    OK(quire_tree_open(txn, "t", &tree, &err));
    OK(quire_tree_reserve(tree, -1, (size_t)GAPS * PAGE_DATA / 2, &flag, &err));
    for (unsigned i = 0; i < GAPS / 20; i++) {
        memset(piece, (int)i, PIECE);
        OK(quire_tree_write_part(tree, -1, (uint64_t)i * PIECE, piece, PIECE, &flag, &err));
    }
    uint64_t visits = visits_of(txn);
    for (unsigned i = 0; i < GAPS / 20; i++) {
        size_t got;
        OK(quire_tree_read_part(tree, -1, (uint64_t)i * PIECE, piece, PIECE, &got, &flag, &err));
        cr_assert(got == PIECE && piece[0] == (uint8_t)i && piece[PIECE - 1] == (uint8_t)i);
    }
    visits = visits_of(txn) - visits;
    /* Ten pages and as many runs, the path, and up to five index pages on the way. */
    cr_assert(visits <= GAPS / 20 * (2U * 10 + 20), "%llu visits", (unsigned long long)visits);
    quire_tree_close(tree);
    commit(txn);
    close_db(db);
}

/* Rows of all sizes at the end of a cache that is just large enough: what is asked for ahead stays
 * within the pages. */
Test(read_cost, find__guesses_within_the_page_whatever_the_rows_are_like)
{
    quire_error err = QUIRE_ERROR_INIT;
    static const size_t sizes[] = {0, 1, 7, 30, 100, 240};
    static const int64_t gaps[] = {1, 3, INT64_C(1) << 40};
    static const char payload[240];
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t g = 0; g < sizeof gaps / sizeof gaps[0]; g++) {
            quire_db *db = memory_db(1024);
            quire_txn *txn = begin_write(db);
            quire_tree *tree;
            OK(quire_tree_create(txn, "t", &err));
            OK(quire_tree_open(txn, "t", &tree, &err));
            for (int64_t i = -3000; i < 3000; i++) {
                OK(quire_tree_put(tree, i * gaps[g], payload, sizes[s], NULL, &err));
            }
            for (int64_t i = -3001; i <= 3000; i++) {
                const void *found_payload;
                size_t size;
                bool found;
                OK(quire_tree_find(tree, i * gaps[g], &found_payload, &size, &found, &err));
                cr_assert_eq(found, i >= -3000 && i < 3000);
                cr_assert_eq(size, found ? sizes[s] : 0);
            }
            quire_tree_close(tree);
            commit(txn);
            close_db(db);
        }
    }
}

/* After the first of its kind a read transaction, and a tree in it, reuse the memory of an earlier
 * one. */
Test(read_cost, reader__opens_without_allocating)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct failing_allocator failing;
    quire_db *db = filled_db(&failing);
    for (int round = 0; round < 10; round++) {
        quire_tree *tree;
        const void *payload;
        size_t size;
        bool found;
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        quire_txn *txn = begin_read(db);
        OK(quire_tree_open(txn, "t", &tree, &err));
        OK(quire_tree_find(tree, 2 * round, &payload, &size, &found, &err));
        cr_assert(found);
        quire_tree_close(tree);
        commit(txn);
        cr_assert(round == 0 || failing.calls == 0, "round %d: %llu allocations", round,
                  (unsigned long long)failing.calls);
    }
    close_db(db);
    cr_assert(failing_allocator_is_clean(&failing));
}

Test(read_cost, reader_of_keys__opens_without_allocating)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct failing_allocator failing;
    quire_db *db = filled_db(&failing);
    quire_keytree *tree;
    quire_txn *txn = begin_write(db);
    OK(quire_keytree_create(txn, "k", &err));
    OK(quire_keytree_open(txn, "k", &tree, &err));
    OK(quire_keytree_put(tree, "key", 3, "value", 5, NULL, &err));
    quire_keytree_close(tree);
    commit(txn);
    for (int round = 0; round < 10; round++) {
        const void *value;
        size_t size;
        bool found;
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        txn = begin_read(db);
        OK(quire_keytree_open(txn, "k", &tree, &err));
        OK(quire_keytree_get(tree, "key", 3, &value, &size, &found, &err));
        cr_assert(found && size == 5 && memcmp(value, "value", 5) == 0);
        quire_keytree_close(tree);
        commit(txn);
        cr_assert(round == 0 || failing.calls == 0, "round %d: %llu allocations", round,
                  (unsigned long long)failing.calls);
    }
    close_db(db);
    cr_assert(failing_allocator_is_clean(&failing));
}

/* What a reader finds by name without searching is of its own snapshot, whoever had its memory. */
Test(read_cost, reader__opens_the_tree_that_has_the_name_in_its_snapshot)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *old = NULL;
    for (uint64_t round = 0; round < 5; round++) {
        quire_tree *tree;
        uint64_t rows;
        quire_txn *txn = begin_write(db);
        if (round > 0) {
            OK(quire_tree_drop(txn, "t", &err));
        }
        OK(quire_tree_create(txn, "t", &err));
        OK(quire_tree_open(txn, "t", &tree, &err));
        for (uint64_t i = 0; i <= round; i++) {
            OK(quire_tree_put(tree, (int64_t)i, "x", 1, NULL, &err));
        }
        commit(txn);
        quire_tree_close(tree);
        if (old == NULL) {
            old = begin_read(db);
        }
        for (int times = 0; times < 2; times++) {
            txn = begin_read(db);
            OK(quire_tree_open(txn, "t", &tree, &err));
            OK(quire_tree_count(tree, &rows, &err));
            cr_assert_eq(rows, round + 1);
            quire_tree_close(tree);
            commit(txn);
            OK(quire_tree_open(old, "t", &tree, &err));
            OK(quire_tree_count(tree, &rows, &err));
            cr_assert_eq(rows, 1);
            quire_tree_close(tree);
        }
        txn = begin_write(db);
        OK(quire_tree_drop(txn, "t", &err));
        FAILS(UNKNOWN_NAME, quire_tree_open(txn, "t", &tree, &err));
        quire_rollback(txn);
    }
    commit(old);
    close_db(db);
}

/* The rowid of the one row with this number. */
static int64_t look_up(quire_table *users, int64_t number)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_index_cursor *cursor;
    quire_value key = quire_int(number);
    quire_index_range range = {.prefix = &key, .prefix_count = 1};
    int64_t rowid;
    bool valid;
    OK(quire_index_cursor_open(users, 0, &range, &cursor, &err));
    OK(quire_index_cursor_next(cursor, &rowid, &valid, &err));
    cr_assert(valid);
    quire_index_cursor_close(cursor);
    return rowid;
}

/* After the first of a transaction, a cursor over an index of either kind reuses what the one
 * before it had. */
Test(read_cost, index_cursor__opens_without_allocating)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct failing_allocator failing;
    quire_db *db = filled_db(&failing);
    quire_txn *txn = begin_write(db);
    quire_table *users;
    create_users(txn);
    OK(add_index(txn, "users", "age", QUIRE_INDEX_BTREE, false, "age", NULL, &err));
    OK(quire_table_open(txn, "users", &users, &err));
    for (int64_t i = 0; i < 3000; i++) {
        (void)add_user(users, "x", i);
    }
    quire_table_close(users);
    commit(txn);
    for (int kind = 0; kind < 2; kind++) {
        txn = begin_read(db);
        OK(quire_table_open(txn, "users", &users, &err));
        cr_assert_eq(look_up(users, 0), 1);
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        for (int64_t i = 0; i < 3000; i += 7) {
            cr_assert_eq(look_up(users, i), i + 1);
        }
        cr_assert_eq(failing.calls, 0);
        quire_table_close(users);
        commit(txn);
        txn = begin_write(db);
        OK(quire_index_drop(txn, "age", &err));
        OK(add_index(txn, "users", "age", QUIRE_INDEX_HASH, false, "age", NULL, &err));
        commit(txn);
    }
    close_db(db);
    cr_assert(failing_allocator_is_clean(&failing));
}
