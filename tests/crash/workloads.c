/*
 * The workloads that are crashed at every call. Each opens with image_open and
 * commits with image_commit and its like; none may depend on time. They are kept
 * small, some hundred rows at most: each image is read as a whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "engine/maintenance.h"
#include "workloads.h"

static unsigned next_number(const struct image_run *run)
{
    return atomic_load(&run->started) + 1;
}

/* ---- Items: a table and its indexes ---- */

static void insert_rows(quire_txn *txn, int from, int to, size_t size)
{
    static const char filler[2000];
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    MUST(quire_table_open(txn, "items", &table, &err));
    for (int i = from; i < to; i++) {
        char name[24];
        int64_t rowid = i + 1;
        (void)snprintf(name, sizeof name, "item %d", i * 7919 % 1000);
        quire_value row[] = {quire_text(name), quire_blob(filler, size)};
        MUST(quire_table_insert(table, &rowid, row, 2, &err));
    }
    quire_table_close(table);
}

static void create_items(struct image_run *run, quire_txn *txn)
{
    static const quire_column columns[] = {{"name", QUIRE_TEXT, true}, {"data", QUIRE_BLOB, false}};
    quire_error err = QUIRE_ERROR_INIT;
    (void)run;
    MUST(quire_table_create(txn, "items", columns, 2, &err));
}

static void add_index(quire_txn *txn, const char *name, quire_index_kind kind)
{
    static const quire_index_column column = {.name = "name"};
    quire_error err = QUIRE_ERROR_INIT;
    quire_index_def def = {
        .name = name, .kind = kind, .unique = true, .columns = &column, .column_count = 1};
    MUST(quire_index_create(txn, "items", &def, &err));
}

static void add_hash_index(struct image_run *run, quire_txn *txn)
{
    (void)run;
    add_index(txn, "by_hash", QUIRE_INDEX_HASH);
}

static void swap_indexes(struct image_run *run, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    (void)run;
    MUST(quire_index_drop(txn, "by_hash", &err));
    add_index(txn, "by_tree", QUIRE_INDEX_BTREE);
}

static void insert_small(struct image_run *run, quire_txn *txn)
{
    int from = (int)atomic_load(&run->started) * 25;
    insert_rows(txn, from, from + 25, 4);
}

/* One transaction over several segments of the log. */
static void insert_large(struct image_run *run, quire_txn *txn)
{
    int from = (int)atomic_load(&run->started) * 25;
    insert_rows(txn, from, from + 20, 1500);
}

static void delete_most(struct image_run *run, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    int rows = (int)atomic_load(&run->started) * 25;
    MUST(quire_table_open(txn, "items", &table, &err));
    for (int64_t i = 1; i <= rows; i++) {
        if (i % 9 != 0) {
            MUST(quire_table_delete(table, i, NULL, &err));
        }
    }
    quire_table_close(table);
}

static void drop_items(struct image_run *run, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    (void)run;
    MUST(quire_table_drop(txn, "items", &err));
}

/* Hash growth, index creation and dropping, page reuse, groups over several segments. */
static void run_items(struct image_run *run)
{
    image_open(run);
    image_commit(run, create_items);
    image_commit(run, insert_small);
    image_commit(run, add_hash_index);
    image_commit(run, insert_small);
    image_commit(run, insert_small);
    image_commit(run, swap_indexes);
    image_commit(run, insert_large);
    image_commit(run, delete_most);
    image_commit(run, insert_large);
    image_commit(run, drop_items);
    image_commit(run, create_items);
    image_commit(run, insert_small);
    image_close(run);
}

/* ---- Changes that are logged in packs ---- */

/* Rows of which a page holds some five, so that changing every sixth changes as many pages a
 * little. */
#define SPREAD_ROWS  120
#define SPREAD_BYTES 150

static void fill_spread(struct image_run *run, quire_txn *txn)
{
    create_items(run, txn);
    insert_rows(txn, 0, SPREAD_ROWS, SPREAD_BYTES);
}

/* Changes a few bytes each of most pages; every fifth time all rows of one as well. */
static void change_spread(struct image_run *run, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    char data[SPREAD_BYTES] = {0};
    char name[24];
    int number = (int)atomic_load(&run->started);
    int whole = number % 5 == 0 ? 6 * (number % 20) : SPREAD_ROWS;
    MUST(quire_table_open(txn, "items", &table, &err));
    for (int i = 0; i < SPREAD_ROWS; i++) {
        bool in_whole = i >= whole && i < whole + 6;
        if (!in_whole && i % (6 + 6 * (number % 2)) != number % 6) {
            continue;
        }
        memset(data, in_whole ? number + i : 0, sizeof data);
        data[100] = (char)number;
        (void)snprintf(name, sizeof name, "item %04d", number);
        quire_value row[] = {quire_text(name), quire_blob(data, sizeof data)};
        MUST(quire_table_update(table, i + 1, row, 2, NULL, &err));
    }
    quire_table_close(table);
}

/* Over checkpoints and openings. */
static void run_changes(struct image_run *run)
{
    quire_stats stats = {.size = sizeof stats};
    quire_error err = QUIRE_ERROR_INIT;
    for (unsigned opening = 0; opening < 2; opening++) {
        image_open(run);
        if (opening == 0) {
            image_commit(run, fill_spread);
        }
        for (int i = 0; i < 8; i++) {
            image_commit(run, change_spread);
            if (i % 4 == 2) {
                image_checkpoint(run);
            }
        }
        MUST(quire_get_stats(run->db, &stats, &err));
        REQUIRE(stats.log_changes >= 30, "only %llu changes were packed, %llu images",
                (unsigned long long)stats.log_changes, (unsigned long long)stats.log_images);
        image_close(run);
    }
}

/* A log of few frames, of which the changes of a page and its images take all. */
static void run_crowded(struct image_run *run)
{
    run->options.wal_segment_bytes = 8 << 10;
    run->options.wal_bytes_max = 1;
    run->options.checkpoint = quire_checkpoint_frame_count(10);
    run_changes(run);
}

/* ---- A GraphQL schema ---- */

static void apply_schema(struct image_run *run, quire_txn *txn)
{
    static const char *const schemas[] = {
        "type Author { id: ID!  name: String! }",
        "type Author { id: ID!  name: String!  born: Int }"
        " type Book { id: ID!  title: String!  author: Author! }",
        "type Author { id: ID!  name: String!  born: Int  died: Int }"
        " type Book { id: ID!  title: String!  author: Author!  kind: Kind } enum Kind { A B }",
    };
    quire_error err = QUIRE_ERROR_INIT;
    const char *sdl = schemas[atomic_load(&run->started) / 2 % 3];
    MUST(quire_schema_apply(txn, sdl, strlen(sdl), &err));
}

static void mutate(struct image_run *run, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    char text[256];
    char *response = NULL;
    size_t size;
    bool failed = false;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    (void)snprintf(text, sizeof text,
                   "mutation { createAuthor(input: {id: \"a%u\", name: \"Name %u\"}) { id } }",
                   atomic_load(&run->started), atomic_load(&run->started));
    request.document = text;
    MUST(quire_graphql_in(txn, &request, &response, &size, &failed, &err));
    REQUIRE(!failed, "%s", response);
    quire_free(response);
}

static void run_schema(struct image_run *run)
{
    image_open(run);
    for (int i = 0; i < 3; i++) {
        image_commit(run, apply_schema);
        image_commit(run, mutate);
    }
    image_close(run);
}

/* A snapshot held while pages are freed, reused and checkpointed under it. */
static void run_snapshot(struct image_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *snapshot;
    run->options.cache_bytes = 64 << 10;
    image_open(run);
    image_commit(run, image_create_world);
    for (int i = 0; i < 8; i++) {
        image_commit(run, image_world);
    }
    MUST(quire_begin(run->db, QUIRE_READ, &snapshot, &err));
    unsigned number = atomic_load(&run->acknowledged);
    for (int i = 0; i < 10; i++) {
        image_commit(run, image_world);
        if (i % 5 == 4) {
            image_checkpoint(run);
            REQUIRE(audit_digest(snapshot) == run->digests[number], "the snapshot has changed");
        }
    }
    MUST(quire_commit(snapshot, &err));
    image_close(run);
}

/* ---- New pages that are not logged ---- */

static void replace_items(struct image_run *run, quire_txn *txn)
{
    drop_items(run, txn);
    create_items(run, txn);
}

/* Transactions whose new pages go straight to the database file: behind its end, and to pages that
 * the commit before has freed, which a power cut may take back. */
static void run_bulk(struct image_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_stats stats = {.size = sizeof stats};
    quire_txn *txn;
    run->options.wal_bytes_max = 64 << 10;
    run->options.checkpoint = quire_checkpoint_manual();
    image_open(run);
    image_commit(run, create_items);
    image_commit(run, insert_large);
    image_checkpoint(run);
    MUST(quire_begin(run->db, QUIRE_WRITE, &txn, &err));
    insert_rows(txn, 500, 520, 1500);
    quire_rollback(txn);
    image_commit(run, replace_items);
    image_commit(run, insert_large);
    MUST(quire_get_stats(run->db, &stats, &err));
    REQUIRE(stats.pages_direct >= 60, "only %llu pages went directly",
            (unsigned long long)stats.pages_direct);
    image_close(run);
}

static void run_bulk_normal(struct image_run *run)
{
    run->options.durability = QUIRE_DURABILITY_NORMAL;
    run->options.sync_interval_ms = 10000;
    run->unsynced = true;
    run_bulk(run);
}

/* ---- Trees of rows ---- */

static quire_tree *tree_of(quire_txn *txn, const char *name)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree;
    if (quire_tree_open(txn, name, &tree, NULL) != QUIRE_OK) {
        MUST(quire_tree_create(txn, name, &err));
        MUST(quire_tree_open(txn, name, &tree, &err));
    }
    return tree;
}

/* Rows from, from + step ... below `to`, whose bytes tell the commit. */
static void put_rows(struct image_run *run, quire_txn *txn, const char *name, int64_t from,
                     int64_t to, int64_t step, size_t size)
{
    static uint8_t bytes[20000];
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree = tree_of(txn, name);
    for (int64_t row = from; row < to; row += step) {
        memset(bytes, (int)(next_number(run) * 31 + (unsigned)row), size);
        MUST(quire_tree_put(tree, row, bytes, size, NULL, &err));
    }
    quire_tree_close(tree);
}

static void delete_rows(quire_txn *txn, const char *name, int64_t from, int64_t to, int64_t step)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree = tree_of(txn, name);
    for (int64_t row = from; row < to; row += step) {
        MUST(quire_tree_delete(tree, row, NULL, &err));
    }
    quire_tree_close(tree);
}

static void insert_next(struct image_run *run, quire_txn *txn)
{
    int64_t row = (int64_t)next_number(run) * 3;
    put_rows(run, txn, "rows", row, row + 3, 1, 100);
}

static void nothing(struct image_run *run, quire_txn *txn)
{
    (void)run;
    (void)txn;
}

static void commit_often(struct image_run *run, int count, image_change change)
{
    for (int i = 0; i < count; i++) {
        image_commit(run, change);
    }
}

/* A file that is made and closed, three times, and hardly holds anything. */
static void run_create(struct image_run *run)
{
    for (int i = 0; i < 3; i++) {
        image_open(run);
        image_close(run);
    }
    image_open(run);
    image_commit(run, nothing);
    image_close(run);
}

static void run_insert(struct image_run *run)
{
    image_open(run);
    commit_often(run, 20, insert_next);
    image_close(run);
}

static void update_some(struct image_run *run, quire_txn *txn)
{
    put_rows(run, txn, "rows", next_number(run) % 5, 30, 7, 60);
}

static void run_update(struct image_run *run)
{
    image_open(run);
    commit_often(run, 20, update_some);
    image_close(run);
}

/* Values that grow over many pages and shrink again, and parts of them overwritten. */
static void change_overflow(struct image_run *run, quire_txn *txn)
{
    static const size_t sizes[] = {5000, 200, 12000, 1100, 3000};
    quire_error err = QUIRE_ERROR_INIT;
    unsigned number = next_number(run);
    put_rows(run, txn, "large", number % 3, number % 3 + 1, 1, sizes[number % 5]);
    quire_tree *tree = tree_of(txn, "large");
    MUST(quire_tree_write_part(tree, number % 3, sizes[number % 5] / 2, &number, sizeof number,
                               NULL, &err));
    quire_tree_close(tree);
}

static void run_overflow(struct image_run *run)
{
    image_open(run);
    commit_often(run, 15, change_overflow);
    image_close(run);
}

/* Pages are freed by one commit and used again by the next. */
static void free_and_reuse(struct image_run *run, quire_txn *txn)
{
    unsigned number = next_number(run);
    if (number % 2 == 1) {
        put_rows(run, txn, "reused", 0, 24, 1, 300);
    } else {
        delete_rows(txn, "reused", number % 3, 24, 1 + number % 2);
    }
}

static void run_reuse(struct image_run *run)
{
    run->options.checkpoint = quire_checkpoint_frame_count(15);
    image_open(run);
    commit_often(run, 14, free_and_reuse);
    image_close(run);
}

/* Grows to three levels and collapses to a root. */
static void grow_or_collapse(struct image_run *run, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    unsigned number = next_number(run);
    switch (number % 4) {
    case 1:
        put_rows(run, txn, "tall", 0, 40, 1, 400);
        break;
    case 2:
        delete_rows(txn, "tall", 0, 40, 2);
        break;
    case 3: {
        quire_tree *tree = tree_of(txn, "tall");
        MUST(quire_tree_delete_range(tree, 5, 36, NULL, &err));
        quire_tree_close(tree);
        break;
    }
    default:
        MUST(quire_tree_drop(txn, "tall", &err));
    }
}

static void run_collapse(struct image_run *run)
{
    image_open(run);
    commit_often(run, 9, grow_or_collapse);
    image_close(run);
}

static void append_rows(struct image_run *run, quire_txn *txn)
{
    static const uint8_t bytes[300];
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree_row rows[20];
    quire_tree *tree = tree_of(txn, "appended");
    for (size_t i = 0; i < 20; i++) {
        rows[i] = (quire_tree_row){(int64_t)next_number(run) * 20 + (int64_t)i, bytes, 40 + i * 9};
    }
    MUST(quire_tree_append_many(tree, rows, 20, &err));
    quire_tree_close(tree);
}

static void run_append(struct image_run *run)
{
    image_open(run);
    commit_often(run, 7, append_rows);
    image_close(run);
}

static void change_keys(struct image_run *run, quire_txn *txn)
{
    static const char value[1100];
    quire_error err = QUIRE_ERROR_INIT;
    quire_keytree *tree;
    unsigned number = next_number(run);
    if (quire_keytree_open(txn, "keys", &tree, NULL) != QUIRE_OK) {
        MUST(quire_keytree_create(txn, "keys", &err));
        MUST(quire_keytree_open(txn, "keys", &tree, &err));
    }
    for (unsigned i = 0; i < 12; i++) {
        char key[120];
        int size = snprintf(key, sizeof key, "key %0*u", (int)(i * 7 + 4), (number * 5 + i) % 60);
        if (i % 4 == 3) {
            MUST(quire_keytree_delete(tree, key, (size_t)size, NULL, &err));
        } else {
            MUST(quire_keytree_put(tree, key, (size_t)size, value, i * 100, NULL, &err));
        }
    }
    quire_keytree_close(tree);
}

static void run_keys(struct image_run *run)
{
    image_open(run);
    commit_often(run, 14, change_keys);
    image_close(run);
}

/* ---- Tables ---- */

static void insert_few(struct image_run *run, quire_txn *txn)
{
    int from = (int)next_number(run) * 12;
    insert_rows(txn, from, from + 12, 4);
}

/* A hash index that doubles with rows under it. */
static void run_hash(struct image_run *run)
{
    image_open(run);
    image_commit(run, create_items);
    image_commit(run, add_hash_index);
    commit_often(run, 10, insert_few);
    image_close(run);
}

static void churn_index(struct image_run *run, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    unsigned number = next_number(run);
    if (number % 2 == 1) {
        add_index(txn, "churned", number % 4 == 1 ? QUIRE_INDEX_HASH : QUIRE_INDEX_BTREE);
    } else {
        MUST(quire_index_drop(txn, "churned", &err));
    }
}

static void run_indexes(struct image_run *run)
{
    image_open(run);
    image_commit(run, create_items);
    image_commit(run, insert_small);
    commit_often(run, 9, churn_index);
    image_close(run);
}

/* Several tables, made, widened, filled and dropped in one transaction each. */
static void change_tables(struct image_run *run, quire_txn *txn)
{
    static const quire_column columns[] = {{"number", QUIRE_INT, true},
                                           {"text", QUIRE_TEXT, false}};
    static const quire_column more = {"more", QUIRE_FLOAT, false};
    quire_error err = QUIRE_ERROR_INIT;
    unsigned number = next_number(run);
    char name[24];
    for (unsigned i = 0; i < 3; i++) {
        quire_table *table;
        (void)snprintf(name, sizeof name, "table %u", (number + i) % 4);
        if (quire_table_open(txn, name, &table, NULL) != QUIRE_OK) {
            MUST(quire_table_create(txn, name, columns, 2, &err));
            MUST(quire_table_open(txn, name, &table, &err));
        }
        quire_value row[] = {quire_int(number), quire_text(name)};
        for (int64_t n = 0; n < 5; n++) {
            int64_t rowid = 0;
            MUST(quire_table_insert(table, &rowid, row, 2, &err));
        }
        bool narrow = quire_table_column_count(table) == 2;
        quire_table_close(table);
        if (i == 1 && narrow) {
            MUST(quire_table_add_columns(txn, name, &more, 1, &err));
        } else if (i == 2 && number % 3 == 0) {
            MUST(quire_table_drop(txn, name, &err));
        }
    }
}

static void run_tables(struct image_run *run)
{
    image_open(run);
    commit_often(run, 10, change_tables);
    image_close(run);
}

static void change_numbers(struct image_run *run, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    MUST(quire_set_number(txn, QUIRE_USER_VERSION, next_number(run), &err));
}

/* ---- The log and its checkpoints ---- */

static void run_checkpoints(struct image_run *run)
{
    run->options.checkpoint = quire_checkpoint_frame_count(5);
    image_open(run);
    commit_often(run, 15, insert_next);
    image_close(run);
}

/* Explicit ones, after each commit and with nothing new. */
static void run_explicit(struct image_run *run)
{
    run->options.checkpoint = quire_checkpoint_manual();
    image_open(run);
    for (int i = 0; i < 6; i++) {
        image_commit(run, i % 2 == 0 ? insert_next : change_numbers);
        image_checkpoint(run);
        if (i == 3) {
            image_checkpoint(run);
        }
    }
    image_close(run);
}

/* The log wraps around under a reader that stays. */
static void run_reader(struct image_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *reader;
    run->options.wal_segment_bytes = 8 << 10;
    run->options.wal_bytes_max = 1;
    run->options.checkpoint = quire_checkpoint_frame_count(6);
    image_open(run);
    commit_often(run, 3, update_some);
    MUST(quire_begin(run->db, QUIRE_READ, &reader, &err));
    unsigned number = atomic_load(&run->acknowledged);
    commit_often(run, 15, update_some);
    REQUIRE(audit_digest(reader) == run->digests[number], "the snapshot has changed");
    quire_rollback(reader);
    commit_often(run, 2, update_some);
    image_close(run);
}

static void run_large_pages(struct image_run *run)
{
    run->options.page_size = 4096;
    run->options.cache_bytes = UINT64_C(512) << 10;
    run->options.wal_segment_bytes = 32 << 10;
    image_open(run);
    commit_often(run, 8, change_overflow);
    commit_often(run, 5, insert_next);
    image_close(run);
}

static void run_off(struct image_run *run)
{
    run->options.durability = QUIRE_DURABILITY_OFF;
    run->unsynced = true;
    image_open(run);
    for (int i = 0; i < 12; i++) {
        image_commit(run, insert_next);
        if (i % 5 == 4) {
            image_checkpoint(run);
        }
    }
    image_close(run);
}

/* A program that synced nothing ends with an empty log, on a machine that stops only once the next
 * one has opened the file and made it durable. */
static void run_settled(struct image_run *run)
{
    enum { BOOT = 77 };
    image_watch(run, false);
    faulty_layer_set_boot(run->files, BOOT);
    run->options.durability = QUIRE_DURABILITY_OFF;
    run->options.checkpoint = quire_checkpoint_manual();
    image_open(run);
    image_commit(run, create_items);
    commit_often(run, 3, insert_small);
    image_checkpoint(run);
    image_kill(run);
    run->options.durability = QUIRE_DURABILITY_FULL;
    image_open(run);
    image_watch(run, true);
    commit_often(run, 3, insert_small);
    image_close(run);
}

/* ---- Transactions that take back, spill, or do not wait ---- */

/* More pages than the cache holds, half of them taken back. */
static void spill_and_take_back(struct image_run *run, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t savepoint;
    uint64_t inner;
    unsigned number = next_number(run);
    put_rows(run, txn, "kept", 0, 8, 1, 100);
    MUST(quire_savepoint(txn, &savepoint, &err));
    put_rows(run, txn, "kept", 4, 90, 1, 900);
    MUST(quire_savepoint(txn, &inner, &err));
    delete_rows(txn, "kept", 0, 50, 1);
    MUST(quire_rollback_to(txn, inner, &err));
    if (number % 2 == 0) {
        MUST(quire_rollback_to(txn, savepoint, &err));
        put_rows(run, txn, "kept", 6, 12, 1, 50);
    } else {
        delete_rows(txn, "kept", 12, 90, 1);
    }
}

static void run_savepoints(struct image_run *run)
{
    run->options.cache_bytes = UINT64_C(64) << 10;
    image_open(run);
    commit_often(run, 6, spill_and_take_back);
    image_close(run);
}

static void run_rollbacks(struct image_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    image_open(run);
    for (int i = 0; i < 10; i++) {
        MUST(quire_begin(run->db, QUIRE_WRITE, &txn, &err));
        put_rows(run, txn, "rows", 0, 30, 1, 200);
        quire_rollback(txn);
        image_commit(run, insert_next);
    }
    image_close(run);
}

static void run_async(struct image_run *run)
{
    image_open(run);
    for (int i = 0; i < 4; i++) {
        for (int n = 0; n < 5; n++) {
            image_post(run, insert_next);
        }
        image_commit(run, update_some);
    }
    image_close(run);
}

static void *commit_beside(void *context)
{
    commit_often(context, 8, update_some);
    return NULL;
}

/* Groups: commits of two threads share their syncs. */
static void run_groups(struct image_run *run)
{
    pthread_t thread;
    image_open(run);
    REQUIRE(pthread_create(&thread, NULL, commit_beside, run) == 0, "no thread");
    commit_often(run, 8, update_some);
    (void)pthread_join(thread, NULL);
    image_close(run);
}

/* ---- Copies ---- */

/* A copy that has its name is whole. */
static void verify_copy(struct image_run *run, struct qr_file_layer *files)
{
    quire_error err = QUIRE_ERROR_INIT;
    bool exists = false;
    quire_db *db;
    quire_options options = run->options;
    MUST(files->methods->exists(files, "copy", &exists, &err));
    if (exists) {
        MUST(qr_db_open_with("copy", &options, files, true, &db, &err));
        (void)image_verify_state(run, db, run->copied, atomic_load(&run->started));
        audit_structure(db);
        MUST(quire_close(db, &err));
    }
}

static struct qr_maintenance_place place_of(const struct image_run *run)
{
    return (struct qr_maintenance_place){.layer = faulty_layer_files(run->files),
                                         .allocator = qr_allocator_default(),
                                         .malloc_arena = true};
}

static void run_backup(struct image_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_maintenance_place place = place_of(run);
    run->verify_more = verify_copy;
    image_open(run);
    commit_often(run, 4, insert_next);
    run->copied = atomic_load(&run->acknowledged);
    MUST(qr_backup(run->db, &place, "copy", NULL, &err));
    commit_often(run, 3, insert_next);
    image_close(run);
}

/* The backup is put in the database's place: either is there, whole. */
static void run_restore(struct image_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_backup_options options = QUIRE_BACKUP_OPTIONS_INIT;
    struct qr_maintenance_place place = place_of(run);
    options.replace = true;
    image_open(run);
    commit_often(run, 3, insert_next);
    unsigned number = atomic_load(&run->acknowledged);
    MUST(qr_backup(run->db, &place, "backup", NULL, &err));
    image_commit(run, insert_next);
    image_close(run);
    atomic_store(&run->acknowledged, number);
    MUST(qr_restore(&place, "backup", "db", &options, &err));
    atomic_store(&run->started, number);
    image_open(run);
    commit_often(run, 3, update_some);
    image_close(run);
}

static void run_compact(struct image_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_maintenance_place place = place_of(run);
    image_open(run);
    commit_often(run, 5, free_and_reuse);
    commit_often(run, 3, change_overflow);
    image_close(run);
    MUST(qr_compact(&place, "db", NULL, NULL, &err));
    image_open(run);
    commit_often(run, 3, free_and_reuse);
    image_close(run);
    MUST(qr_compact(&place, "db", NULL, NULL, &err));
}

/* ---- Vacuum ---- */

static void create_ballast(struct image_run *run, quire_txn *txn)
{
    static const uint8_t bytes[60 << 10];
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree;
    (void)run;
    MUST(quire_tree_create(txn, "ballast", &err));
    MUST(quire_tree_open(txn, "ballast", &tree, &err));
    MUST(quire_tree_put(tree, 1, bytes, sizeof bytes, NULL, &err));
    quire_tree_close(tree);
}

static void drop_ballast(struct image_run *run, quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    (void)run;
    MUST(quire_tree_drop(txn, "ballast", &err));
}

/* Rows for delete_most to leave half empty pages of. */
static void add_items(struct image_run *run, quire_txn *txn)
{
    create_items(run, txn);
    insert_rows(txn, 0, (int)atomic_load(&run->started) * 25 + 100, 40);
}

/* What a vacuum commits changes nothing that a digest sees: an image holds the state before it. */
static void vacuum(struct image_run *run, quire_vacuum_result *total)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_vacuum_options options = QUIRE_VACUUM_OPTIONS_INIT;
    quire_vacuum_result result = {.size = sizeof result};
    options.step_pages = 12;
    MUST(quire_vacuum(run->db, &options, &result, &err));
    total->pages_moved += result.pages_moved;
    total->pages_freed += result.pages_freed;
    total->pages_repacked += result.pages_repacked;
}

/* Pages at the end are moved, taken off and come again, after a thin tree is repacked; a snapshot
 * looks on. */
static void run_vacuum(struct image_run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_vacuum_result total = {.size = sizeof total};
    quire_txn *snapshot;
    run->world.slots = 40;
    run->world.body_bytes_max = 4000;
    image_open(run);
    for (int round = 0; round < 2; round++) {
        image_commit(run, create_ballast);
        image_commit(run, round == 0 ? image_create_world : image_world);
        for (int i = 0; i < 5; i++) {
            image_commit(run, image_world);
        }
        if (round == 1) {
            image_commit(run, add_items);
            image_commit(run, delete_most);
        }
        image_commit(run, drop_ballast);
        image_checkpoint(run);
        if (round == 1) {
            MUST(quire_begin(run->db, QUIRE_READ, &snapshot, &err));
            unsigned number = atomic_load(&run->acknowledged);
            vacuum(run, &total);
            image_checkpoint(run);
            REQUIRE(audit_digest(snapshot) == run->digests[number], "the snapshot has changed");
            MUST(quire_commit(snapshot, &err));
        }
        vacuum(run, &total);
        image_commit(run, image_world);
    }
    REQUIRE(total.pages_moved > 20 && total.pages_freed > 100, "%llu pages moved, %llu freed",
            (unsigned long long)total.pages_moved, (unsigned long long)total.pages_freed);
    REQUIRE(total.pages_repacked > 4, "%llu pages repacked",
            (unsigned long long)total.pages_repacked);
    image_close(run);
}

/* Commits are visible before they are durable: the file may be cut only after both. */
static void run_vacuum_normal(struct image_run *run)
{
    run->options.durability = QUIRE_DURABILITY_NORMAL;
    run->options.sync_interval_ms = 60000;
    run->unsynced = true;
    run_vacuum(run);
}

/* With a cache that forgets what is beyond the end of the file: what a snapshot sees, not what a
 * crash leaves. */
static void run_vacuum_small(struct image_run *run)
{
    run->options.cache_bytes = 64 << 10;
    image_watch(run, false);
    run_vacuum(run);
}

/* Large ones first, so that the processes that share them end together. */
const struct image_workload image_workloads[] = {
    {"snapshot", run_snapshot},
    {"turnover", workload_turnover},
    {"slices", workload_slices},
    {"ingest", workload_ingest},
    {"crowded", run_crowded},
    {"changes", run_changes},
    {"normal", workload_normal},
    {"world", workload_world},
    {"items", run_items},
    {"reopen", workload_reopen},
    {"schema", run_schema},
    {"create", run_create},
    {"insert", run_insert},
    {"update", run_update},
    {"overflow", run_overflow},
    {"reuse", run_reuse},
    {"collapse", run_collapse},
    {"append", run_append},
    {"keys", run_keys},
    {"hash", run_hash},
    {"indexes", run_indexes},
    {"tables", run_tables},
    {"checkpoints", run_checkpoints},
    {"explicit", run_explicit},
    {"reader", run_reader},
    {"large_pages", run_large_pages},
    {"off", run_off},
    {"settled", run_settled},
    {"savepoints", run_savepoints},
    {"rollbacks", run_rollbacks},
    {"async", run_async},
    {"groups", run_groups},
    {"backup", run_backup},
    {"restore", run_restore},
    {"compact", run_compact},
    {"bulk", run_bulk},
    {"bulk-normal", run_bulk_normal},
    {"vacuum", run_vacuum},
    {"vacuum_normal", run_vacuum_normal},
    {"vacuum_small", run_vacuum_small},
    {NULL, NULL},
};
