/*
 * The ingest buffer against a model: bursts of blind puts into a tree of rows, a
 * tree of keys and a table whose triggers write, read, fail and go back to
 * savepoints, mixed with every kind of read and change, savepoints, failing rows
 * and rollbacks; tiny pages, cache and buffer. The same program runs with the
 * buffer and without, and all it reads must be what the model says.
 */
#include "engine_fixture.h"

#include <string.h>

#include "base/error.h"
#include "support/prng.h"

enum { IDS = 6000, BURST = 500, DEPTH = 4 };

/* What there is; 0 is nothing. Values of rows and keys are made from their numbers. */
struct state {
    uint32_t rows[IDS], keys[IDS];
    int64_t a[IDS]; /* of the table's rows */
    uint32_t count; /* of them */
    uint32_t logged;
    int64_t largest;
};

struct world {
    struct prng prng;
    quire_db *db;
    quire_txn *txn;
    quire_tree *rows;
    quire_keytree *keys;
    quire_table *table, *log;
    struct state now, committed;
    struct state saved[DEPTH];
    uint64_t savepoints[DEPTH];
    unsigned depth;
    uint32_t next; /* value */
    uint64_t buffered, runs;
};

/* ---- Values ---- */

static size_t value_of(uint32_t number, uint8_t *value)
{
    size_t size = number % 211 == 0 ? 700 : number % 43;
    for (size_t i = 0; i < size; i++) {
        value[i] = (uint8_t)(number >> 8 * (i % 4));
    }
    return size;
}

/* Keys order as their numbers do, and begin alike. */
static size_t key_of(uint32_t number, uint8_t *key)
{
    memcpy(key, "a common beginning", 18);
    for (unsigned i = 0; i < 4; i++) {
        key[18 + i] = (uint8_t)(number >> (24 - 8 * i));
    }
    memset(key + 22, 'x', number % 5);
    return 22 + number % 5;
}

static void check_value(const void *bytes, size_t size, uint32_t number)
{
    uint8_t value[700];
    size_t expected = value_of(number, value);
    cr_assert_eq(size, expected);
    cr_assert(size == 0 || memcmp(bytes, value, size) == 0);
}

static uint32_t any(struct world *w)
{
    return (uint32_t)prng_below(&w->prng, IDS - 1) + 1;
}

/* ---- The trigger ---- */

static quire_status on_insert(void *context, const quire_trigger_call *call, quire_error *err)
{
    struct world *w = context;
    int64_t a = call->new_values[0].as.integer;
    quire_value noted = quire_int(a * 7919 % 1000003);
    uint64_t savepoint;
    uint64_t entries;
    if (a % 5 == 0) {
        quire_status status = quire_table_insert(w->log, NULL, &noted, 1, err);
        cr_assert_eq(status, QUIRE_OK, "%s", err->message);
    }
    if (a % 7 == 0) {
        cr_assert_eq(quire_savepoint(call->txn, &savepoint, err), QUIRE_OK);
        cr_assert_eq(quire_table_insert(w->log, NULL, &noted, 1, err), QUIRE_OK);
        cr_assert_eq(quire_rollback_to(call->txn, savepoint, err), QUIRE_OK);
        cr_assert_eq(quire_release(call->txn, savepoint, err), QUIRE_OK);
    }
    if (a % 701 == 0) { /* has all put in the middle of a statement */
        cr_assert_eq(qr_table_index_entries(w->table, 0, &entries, err), QUIRE_OK);
    }
    return a % 11 == 0 ? qr_fail(err, QUIRE_CHECK, "refused") : QUIRE_OK;
}

/* ---- Setting up ---- */

static void open_handles(struct world *w)
{
    quire_error err = QUIRE_ERROR_INIT;
    w->txn = begin_write(w->db);
    OK(quire_tree_open(w->txn, "rows", &w->rows, &err));
    OK(quire_keytree_open(w->txn, "keys", &w->keys, &err));
    OK(quire_table_open(w->txn, "table", &w->table, &err));
    OK(quire_table_open(w->txn, "log", &w->log, &err));
}

static void close_handles(struct world *w)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn_stats stats = {.size = sizeof stats};
    OK(quire_txn_get_stats(w->txn, &stats, &err));
    w->buffered += stats.puts_buffered;
    w->runs += stats.buffer_runs;
    quire_tree_close(w->rows);
    quire_keytree_close(w->keys);
    quire_table_close(w->table);
    quire_table_close(w->log);
    w->depth = 0;
}

static void create_world(struct world *w, uint64_t seed, uint64_t buffer)
{
    static const quire_column columns[] = {{"a", QUIRE_INT, true}, {"b", QUIRE_TEXT, true}};
    static const quire_column noted = {"n", QUIRE_INT, true};
    static const quire_trigger_def trigger = {.name = "t",
                                              .table = "table",
                                              .function = "f",
                                              .time = QUIRE_AFTER,
                                              .events = QUIRE_ON_INSERT};
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    memset(w, 0, sizeof *w);
    prng_init(&w->prng, seed);
    options.page_size = 1024;
    options.cache_bytes = 80 << 10;
    options.ingest_buffer_bytes = buffer;
    OK(quire_open(":memory:", &options, &w->db, &err));
    quire_txn *txn = begin_write(w->db);
    OK(quire_tree_create(txn, "rows", &err));
    OK(quire_keytree_create(txn, "keys", &err));
    OK(quire_table_create(txn, "table", columns, 2, &err));
    OK(add_index(txn, "table", "a", QUIRE_INDEX_BTREE, false, "a", NULL, &err));
    OK(add_index(txn, "table", "b", QUIRE_INDEX_BTREE, false, "b", "a", &err));
    OK(quire_table_create(txn, "log", &noted, 1, &err));
    OK(add_index(txn, "log", "n", QUIRE_INDEX_BTREE, false, "n", NULL, &err));
    OK(quire_trigger_create(txn, &trigger, &err));
    commit(txn);
    OK(quire_trigger_function(w->db, "f", on_insert, w, &err));
    open_handles(w);
}

static void check_reports(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    OK(quire_inspect_database_open(db, &report, &err));
    cr_assert_eq(quire_report_issue_count(report), 0, "%s", quire_report_summary(report));
    quire_report_free(report);
    OK(quire_inspect_indexes_open(db, NULL, &report, &err));
    cr_assert_eq(quire_report_issue_count(report), 0, "%s", quire_report_summary(report));
    quire_report_free(report);
}

/* ---- Changes ---- */

static void put_rows(struct world *w)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint8_t value[700];
    for (int i = 0; i < BURST; i++) {
        uint32_t id = any(w);
        size_t size = value_of(++w->next, value);
        OK(quire_tree_put(w->rows, id, value, size, NULL, &err));
        w->now.rows[id] = w->next;
    }
}

static void put_keys(struct world *w)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint8_t value[700];
    uint8_t key[32];
    for (int i = 0; i < BURST; i++) {
        uint32_t id = any(w);
        size_t size = value_of(++w->next, value);
        OK(quire_keytree_put(w->keys, key, key_of(id, key), value, size, NULL, &err));
        w->now.keys[id] = w->next;
    }
}

static quire_value text_of(int64_t a, char *text)
{
    size_t size = (size_t)(20 + a % 60);
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)('a' + a / (int64_t)(i % 5 + 1) % 26);
    }
    return quire_text_n(text, (uint32_t)size);
}

static void insert_row(struct world *w, bool chosen)
{
    quire_error err = QUIRE_ERROR_INIT;
    char text[100];
    int64_t a = (int64_t)prng_below(&w->prng, 1000000) + 1;
    int64_t rowid = chosen ? any(w) / 2 + 1 : 0;
    quire_value values[] = {quire_int(a), text_of(a, text)};
    if (!chosen && w->now.largest == IDS - 1) {
        return;
    }
    if (rowid != 0 && w->now.a[rowid] != 0) {
        FAILS(UNIQUE, quire_table_insert(w->table, &rowid, values, 2, &err));
        return;
    }
    if (a % 11 == 0) {
        FAILS(CHECK, quire_table_insert(w->table, &rowid, values, 2, &err));
        return;
    }
    OK(quire_table_insert(w->table, &rowid, values, 2, &err));
    w->now.largest = rowid > w->now.largest ? rowid : w->now.largest;
    w->now.a[rowid] = a;
    w->now.count++;
    w->now.logged += a % 5 == 0;
}

static void insert_rows(struct world *w)
{
    bool chosen = prng_one_in(&w->prng, 2);
    for (int i = 0; i < BURST; i++) {
        insert_row(w, chosen);
    }
}

static void change_some(struct world *w)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint8_t key[32];
    bool found;
    for (int i = 0; i < 10; i++) {
        uint32_t id = any(w);
        uint32_t kid = any(w);
        uint32_t row = any(w);
        uint8_t value[700];
        OK(quire_tree_delete(w->rows, id, &found, &err));
        cr_assert_eq(found, w->now.rows[id] != 0);
        w->now.rows[id] = 0;
        size_t size = value_of(++w->next, value);
        OK(quire_keytree_put(w->keys, key, key_of(kid, key), value, size, &found, &err));
        cr_assert_eq(found, w->now.keys[kid] != 0);
        w->now.keys[kid] = w->next;
        if (i == 0) {
            OK(quire_table_delete(w->table, row, &found, &err));
            cr_assert_eq(found, w->now.a[row] != 0);
            w->now.count -= found;
            w->now.a[row] = 0;
        } else {
            char text[100];
            int64_t a = (int64_t)prng_below(&w->prng, 1000000) + 1;
            quire_value values[] = {quire_int(a), text_of(a, text)};
            OK(quire_table_update(w->table, row, values, 2, &found, &err));
            cr_assert_eq(found, w->now.a[row] != 0);
            w->now.a[row] = found ? a : 0;
        }
    }
}

static void delete_range(struct world *w)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint32_t from = any(w);
    uint32_t to = from + (uint32_t)prng_below(&w->prng, 50);
    uint8_t low[32];
    uint8_t high[32];
    uint64_t rows;
    uint64_t keys;
    uint64_t expected_rows = 0;
    uint64_t expected_keys = 0;
    OK(quire_tree_delete_range(w->rows, from, to, &rows, &err));
    OK(quire_keytree_delete_range(w->keys, low, key_of(from, low), high, key_of(to + 1, high),
                                  &keys, &err));
    for (uint32_t id = from; id <= to && id < IDS; id++) {
        expected_rows += w->now.rows[id] != 0;
        expected_keys += w->now.keys[id] != 0;
        w->now.rows[id] = w->now.keys[id] = 0;
    }
    cr_assert_eq(rows, expected_rows);
    cr_assert_eq(keys, expected_keys);
}

/* ---- Reads ---- */

static void get_some(struct world *w)
{
    quire_error err = QUIRE_ERROR_INIT;
    for (int i = 0; i < 20; i++) {
        uint32_t id = any(w);
        const void *bytes;
        size_t size;
        bool found;
        uint8_t key[32];
        OK(quire_tree_find(w->rows, id, &bytes, &size, &found, &err));
        cr_assert_eq(found, w->now.rows[id] != 0);
        if (found) {
            check_value(bytes, size, w->now.rows[id]);
        }
        OK(quire_keytree_get(w->keys, key, key_of(id, key), &bytes, &size, &found, &err));
        cr_assert_eq(found, w->now.keys[id] != 0);
        if (found) {
            check_value(bytes, size, w->now.keys[id]);
        }
    }
}

/* What is read of one tree looks into another. */
static quire_status see_row(void *context, size_t index, const void *payload, size_t size)
{
    struct world *w = context;
    quire_error err = QUIRE_ERROR_INIT;
    uint32_t id = (uint32_t)index * 100 + 1;
    uint8_t key[32];
    const void *bytes;
    size_t value_size;
    bool found;
    check_value(payload, size, w->now.rows[id]);
    OK(quire_keytree_get(w->keys, key, key_of(id, key), &bytes, &value_size, &found, &err));
    cr_assert_eq(found, w->now.keys[id] != 0);
    return QUIRE_OK;
}

static void get_many(struct world *w)
{
    quire_error err = QUIRE_ERROR_INIT;
    int64_t rowids[IDS / 100];
    for (int64_t i = 0; i < IDS / 100; i++) {
        rowids[i] = i * 100 + 1;
    }
    OK(quire_tree_find_many(w->rows, rowids, IDS / 100, see_row, w, &err));
}

/* Cursors that are overtaken by puts into their own trees. */
static void walk(struct world *w)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_cursor *cursor;
    quire_keycursor *keycursor;
    uint32_t id = any(w);
    bool valid;
    bool back;
    OK(quire_cursor_open(w->rows, &cursor, &err));
    OK(quire_keycursor_open(w->keys, &keycursor, &err));
    uint8_t key[32];
    OK(quire_cursor_seek(cursor, id, &valid, &err));
    OK(quire_keycursor_seek_last(keycursor, key, key_of(id, key), &back, &err));
    uint32_t up = id;
    uint32_t down = id;
    for (int i = 0; i < 30; i++) {
        const void *bytes;
        const void *found_key;
        size_t size;
        size_t key_size;
        int64_t rowid;
        while (up < IDS && w->now.rows[up] == 0) {
            up++;
        }
        while (down > 0 && w->now.keys[down] == 0) {
            down--;
        }
        cr_assert_eq(valid, up < IDS);
        cr_assert_eq(back, down > 0);
        if (!valid || !back) {
            break;
        }
        OK(quire_cursor_row(cursor, &rowid, &bytes, &size, &err));
        cr_assert_eq(rowid, up);
        check_value(bytes, size, w->now.rows[up]);
        OK(quire_keycursor_entry(keycursor, &found_key, &key_size, &bytes, &size, &err));
        cr_assert(key_size == key_of(down, key) && memcmp(key, found_key, key_size) == 0);
        check_value(bytes, size, w->now.keys[down]);
        uint8_t value[700];
        uint32_t ahead = up + (uint32_t)prng_below(&w->prng, 3);
        if (ahead < IDS) {
            OK(quire_tree_put(w->rows, ahead, value, value_of(++w->next, value), NULL, &err));
            w->now.rows[ahead] = w->next;
        }
        OK(quire_keytree_put(w->keys, key, key_of(down / 2 + 1, key), value,
                             value_of(++w->next, value), NULL, &err));
        w->now.keys[down / 2 + 1] = w->next;
        up++;
        down--;
        OK(quire_cursor_next(cursor, &valid, &err));
        OK(quire_keycursor_previous(keycursor, &back, &err));
    }
    quire_cursor_close(cursor);
    quire_keycursor_close(keycursor);
}

static void check_counts(struct world *w)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t rows;
    uint64_t keys;
    uint64_t expected_rows = 0;
    uint64_t expected_keys = 0;
    OK(quire_tree_count(w->rows, &rows, &err));
    OK(quire_keytree_count(w->keys, &keys, &err));
    for (uint32_t id = 0; id < IDS; id++) {
        expected_rows += w->now.rows[id] != 0;
        expected_keys += w->now.keys[id] != 0;
    }
    cr_assert_eq(rows, expected_rows);
    cr_assert_eq(keys, expected_keys);
}

static void check_table(struct world *w)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t entries;
    static int64_t rowids[IDS];
    cr_assert_eq(scan(w->table, 0, NULL, rowids, IDS), w->now.count);
    for (uint32_t i = 0; i < w->now.count; i++) {
        cr_assert_neq(w->now.a[rowids[i]], 0);
        cr_assert(i == 0 || w->now.a[rowids[i - 1]] <= w->now.a[rowids[i]]);
    }
    OK(qr_table_index_entries(w->table, 1, &entries, &err));
    cr_assert_eq(entries, w->now.count);
    OK(qr_table_index_entries(w->log, 0, &entries, &err));
    cr_assert_eq(entries, w->now.logged);
    OK(quire_table_row_count(w->log, &entries, &err));
    cr_assert_eq(entries, w->now.logged);
}

/* ---- Transactions ---- */

static void save(struct world *w)
{
    quire_error err = QUIRE_ERROR_INIT;
    if (w->depth < DEPTH) {
        OK(quire_savepoint(w->txn, &w->savepoints[w->depth], &err));
        w->saved[w->depth++] = w->now;
    }
}

static void go_back(struct world *w)
{
    quire_error err = QUIRE_ERROR_INIT;
    if (w->depth > 0) {
        unsigned at = (unsigned)prng_below(&w->prng, w->depth);
        OK(quire_rollback_to(w->txn, w->savepoints[at], &err));
        w->now = w->saved[at];
        w->depth = at + 1;
    }
}

static void release(struct world *w)
{
    quire_error err = QUIRE_ERROR_INIT;
    if (w->depth > 0) {
        w->depth = (unsigned)prng_below(&w->prng, w->depth);
        OK(quire_release(w->txn, w->savepoints[w->depth], &err));
    }
}

static void end(struct world *w)
{
    close_handles(w);
    if (prng_one_in(&w->prng, 4)) {
        quire_rollback(w->txn);
        w->now = w->committed;
    } else {
        commit(w->txn);
        w->committed = w->now;
        check_reports(w->db);
    }
    open_handles(w);
}

static void resize(struct world *w, bool buffer)
{
    static const uint64_t sizes[] = {0, QUIRE_INGEST_OFF, 3000, 20000, 100000};
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t size = sizes[prng_below(&w->prng, 5)];
    if (buffer) {
        OK(quire_txn_set_ingest_buffer(w->txn, size, &err));
    }
}

static void step(struct world *w, bool buffer)
{
    switch (prng_below(&w->prng, 24)) {
    case 0:
    case 1:
    case 2:
    case 3:
        put_rows(w);
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        put_keys(w);
        break;
    case 8:
    case 9:
    case 10:
    case 11:
        insert_rows(w);
        break;
    case 12:
        change_some(w);
        break;
    case 13:
        delete_range(w);
        break;
    case 14:
        get_some(w);
        break;
    case 15:
        get_many(w);
        break;
    case 16:
        walk(w);
        break;
    case 17:
        check_counts(w);
        break;
    case 18:
        check_table(w);
        break;
    case 19:
        save(w);
        break;
    case 20:
        go_back(w);
        break;
    case 21:
        release(w);
        break;
    case 22:
        end(w);
        break;
    default:
        resize(w, buffer);
    }
}

/* Runs the program of a seed; returns how many entries waited. */
static uint64_t run(uint64_t seed, bool buffer)
{
    static struct world w;
    create_world(&w, seed, buffer ? 30000 : QUIRE_INGEST_OFF);
    for (int i = 0; i < 200; i++) {
        step(&w, buffer);
    }
    check_counts(&w);
    check_table(&w);
    get_many(&w);
    close_handles(&w);
    commit(w.txn);
    check_reports(w.db);
    close_db(w.db);
    return w.buffered;
}

Test(ingest_model, program__reads_what_the_model_says_with_a_buffer_and_without)
{
    struct prng prng;
    uint64_t buffered = 0;
    prng_init_printed(&prng, "ingest_model");
    for (int i = 0; i < 8; i++) {
        uint64_t seed = prng_next(&prng);
        buffered += run(seed, true);
        if (i % 4 == 0) {
            cr_assert_eq(run(seed, false), 0);
        }
    }
    cr_assert_gt(buffered, 20000);
}
