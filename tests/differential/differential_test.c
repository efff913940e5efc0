/*
 * Random programs of operations in Quire, SQLite and a model at once: see
 * differential.h. A seed chooses page size, cache, durability, checkpoint
 * policy, memory or file, the kinds of the indexes, and some ten thousand
 * operations.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/harness.h"
#include "differential.h"
#include "support/temp_dir.h"

#define OPERATIONS 10000U /* of a seed */
#define SNAPSHOTS  4U
#define SAVEPOINTS 4U

enum { INDEX_A, INDEX_U, INDEX_BA, INDEX_H, INDEX_P, INDEXES };
static const char *const index_names[INDEXES] = {"t_a", "t_u", "t_ba", "t_h", "t_p"};
#define PARTIAL_ABOVE 20 /* index t_p has the rows with a greater */

/* A transaction and what it is to see. */
struct view {
    quire_txn *txn;
    quire_table *table;
    quire_keytree *tree;
    struct state *state;
    struct peer *peer; /* NULL: it is elsewhere in time */
    int index[INDEXES];
};

struct run {
    struct prng prng;
    quire_db *db;
    quire_options options;
    const char *path;
    struct temp_dir dir;
    struct peer *peer;
    struct keys keys;
    struct view writer;
    struct state committed, current;
    struct state saved[SAVEPOINTS];
    uint64_t savepoint[SAVEPOINTS];
    uint32_t savepoints;
    struct view snapshot[SNAPSHOTS]; /* txn NULL: none */
    struct state seen[SNAPSHOTS];
    uint32_t page_size;
    uint8_t bytes[BYTES];
    uint64_t operations, snapshots, reopened;
};

static uint32_t below(struct run *run, uint32_t bound)
{
    return (uint32_t)prng_below(&run->prng, bound);
}

/* ---- Views ---- */

static void open_view(struct view *view)
{
    quire_error err = QUIRE_ERROR_INIT;
    MUST(quire_table_open(view->txn, "t", &view->table, &err));
    MUST(quire_keytree_open(view->txn, "k", &view->tree, &err));
    for (unsigned i = 0; i < INDEXES; i++) {
        view->index[i] = -1;
    }
    for (uint32_t i = 0; i < quire_table_index_count(view->table); i++) {
        for (unsigned j = 0; j < INDEXES; j++) {
            if (strcmp(quire_table_index(view->table, i)->name, index_names[j]) == 0) {
                view->index[j] = (int)i;
            }
        }
    }
}

static void close_view(struct view *view)
{
    quire_table_close(view->table);
    quire_keytree_close(view->tree);
}

/* ---- Reading ---- */

static void check_record(struct run *run, const struct row *row, const void *record, size_t size)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_value value[5];
    char text[64];
    for (uint32_t i = 0; i < 5; i++) {
        MUST(quire_record_column(record, size, i, &value[i], &err));
    }
    size_t length = text_of(row->b, text);
    REQUIRE(row->has_a ? value[0].type == QUIRE_INT && value[0].as.integer == row->a
                       : value[0].type == QUIRE_NULL,
            "column a");
    REQUIRE(row->has_u ? value[1].type == QUIRE_INT && value[1].as.integer == row->u
                       : value[1].type == QUIRE_NULL,
            "column u");
    REQUIRE(row->has_b ? value[2].type == QUIRE_TEXT && value[2].size == length &&
                             memcmp(value[2].as.bytes, text, length) == 0
                       : value[2].type == QUIRE_NULL,
            "column b");
    REQUIRE(value[3].type == QUIRE_FLOAT && value[3].as.real == real_of(row), "column c");
    fill(row->d, run->bytes, row->d_size);
    REQUIRE(value[4].type == QUIRE_BLOB && value[4].size == row->d_size &&
                memcmp(value[4].as.bytes, run->bytes, row->d_size) == 0,
            "column d");
}

static void check_row(struct run *run, const struct view *view, uint32_t id)
{
    quire_error err = QUIRE_ERROR_INIT;
    const struct row *row = &view->state->rows[id - 1];
    const void *record;
    size_t size;
    bool found;
    MUST(quire_table_get(view->table, id, &record, &size, &found, &err));
    REQUIRE(found == row->present, "row %u is %s", id, found ? "there" : "missing");
    if (found) {
        check_record(run, row, record, size);
    }
    if (view->peer != NULL) {
        peer_check_row(view->peer, id, row);
    }
}

static void check_key(struct run *run, const struct view *view, uint32_t key)
{
    quire_error err = QUIRE_ERROR_INIT;
    const struct entry *entry = &view->state->keys[key];
    const void *value;
    size_t size;
    bool found;
    MUST(quire_keytree_get(view->tree, run->keys.bytes[key], run->keys.size[key], &value, &size,
                           &found, &err));
    REQUIRE(found == entry->present, "key %u is %s", key, found ? "there" : "missing");
    if (found) {
        fill(entry->value, run->bytes, entry->size);
        REQUIRE(size == entry->size && memcmp(value, run->bytes, size) == 0, "key %u", key);
    }
    if (view->peer != NULL) {
        peer_check_key(view->peer, &run->keys, key, entry);
    }
}

struct ranked {
    const struct state *state;
    enum order order;
    uint32_t id;
};

static int order_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return compare_rows(x->state, x->order, x->id, y->id);
}

/* Rows with low <= a <= high (all when low > high) in an order. */
static uint32_t expect_rows(const struct state *state, enum order order, bool reverse, int32_t low,
                            int32_t high, uint32_t *ids)
{
    struct ranked ranked[ROWS];
    uint32_t count = 0;
    for (uint32_t id = 1; id <= ROWS; id++) {
        const struct row *row = &state->rows[id - 1];
        if (row->present && (low > high || (row->has_a && row->a >= low && row->a <= high))) {
            ranked[count++] = (struct ranked){state, order, id};
        }
    }
    qsort(ranked, count, sizeof ranked[0], order_ranked);
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = ranked[reverse ? count - 1 - i : i].id;
    }
    return count;
}

static void walk_index(const struct view *view, unsigned which, const quire_index_range *range,
                       const uint32_t *ids, uint32_t count, uint32_t limit)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_index_cursor *cursor;
    int64_t rowid;
    bool valid = true;
    REQUIRE(view->index[which] >= 0, "index %s is missing", index_names[which]);
    MUST(quire_index_cursor_open(view->table, (uint32_t)view->index[which], range, &cursor, &err));
    for (uint32_t i = 0; i < limit && valid; i++) {
        MUST(quire_index_cursor_next(cursor, &rowid, &valid, &err));
        REQUIRE(valid == (i < count), "index %s ends after %u of %u rows", index_names[which], i,
                count);
        REQUIRE(!valid || rowid == ids[i], "index %s has row %lld for %u at %u", index_names[which],
                (long long)rowid, valid ? ids[i] : 0, i);
    }
    quire_index_cursor_close(cursor);
}

static void scan_index(struct run *run, const struct view *view, uint32_t limit)
{
    uint32_t ids[ROWS];
    bool reverse = prng_one_in(&run->prng, 2);
    int32_t low = (int32_t)below(run, 64), high = low + (int32_t)below(run, 16);
    quire_value lower = quire_int(low), upper = quire_int(high);
    quire_index_range range = {.lower = &lower, .upper = &upper, .reverse = reverse};
    unsigned which = INDEX_A;
    enum order order = ORDER_A;
    if (prng_one_in(&run->prng, 6)) {
        low = 1, high = 0;
        range.lower = range.upper = NULL;
        which = prng_one_in(&run->prng, 2) ? INDEX_BA : INDEX_A;
        order = which == INDEX_BA ? ORDER_B_DESC_A : ORDER_A;
    } else if (low > PARTIAL_ABOVE && prng_one_in(&run->prng, 2)) {
        which = INDEX_P;
    } else if (prng_one_in(&run->prng, 4)) {
        which = INDEX_H;
        high = low;
        range = (quire_index_range){.prefix = &lower, .prefix_count = 1, .reverse = reverse};
    }
    uint32_t count = expect_rows(view->state, order, reverse, low, high, ids);
    walk_index(view, which, &range, ids, count, limit);
    if (view->peer != NULL) {
        peer_check_scan(view->peer, order, reverse, low, high, ids, count < limit ? count : limit,
                        limit);
    }
}

/* From a rowid on, either way. */
static void scan_rows(struct run *run, const struct view *view, uint32_t limit)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_cursor *cursor;
    bool valid, back = prng_one_in(&run->prng, 2);
    int64_t rowid;
    const void *record;
    size_t size;
    uint32_t id = 1 + below(run, ROWS);
    MUST(quire_table_cursor(view->table, &cursor, &err));
    MUST(quire_cursor_seek(cursor, id, &valid, &err));
    while (id <= ROWS && !view->state->rows[id - 1].present) {
        id++;
    }
    REQUIRE(valid == (id <= ROWS), "seek to row %u", id);
    while (valid && limit-- > 0) {
        MUST(quire_cursor_row(cursor, &rowid, &record, &size, &err));
        REQUIRE(rowid == id, "row %lld, not %u", (long long)rowid, id);
        check_record(run, &view->state->rows[id - 1], record, size);
        do {
            id = back ? id - 1 : id + 1;
        } while (id >= 1 && id <= ROWS && !view->state->rows[id - 1].present);
        if (back) {
            MUST(quire_cursor_previous(cursor, &valid, &err));
        } else {
            MUST(quire_cursor_next(cursor, &valid, &err));
        }
        REQUIRE(valid == (id >= 1 && id <= ROWS), "the scan of rows ends at %u", id);
    }
    quire_cursor_close(cursor);
}

static void scan_keys(struct run *run, const struct view *view, uint32_t limit)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_keycursor *cursor;
    bool valid, back = prng_one_in(&run->prng, 2);
    const void *key, *value;
    size_t key_size, size;
    uint32_t at = below(run, KEYS), step = back ? UINT32_MAX : 1;
    const struct entry *entries = view->state->keys;
    MUST(quire_keycursor_open(view->tree, &cursor, &err));
    if (back) {
        MUST(quire_keycursor_seek_last(cursor, run->keys.bytes[at], run->keys.size[at], &valid,
                                       &err));
    } else {
        MUST(quire_keycursor_seek(cursor, run->keys.bytes[at], run->keys.size[at], &valid, &err));
    }
    for (;;) {
        while (at < KEYS && !entries[at].present) {
            at += step;
        }
        REQUIRE(valid == (at < KEYS), "the scan of keys at %u", at);
        if (!valid || limit-- == 0) {
            break;
        }
        MUST(quire_keycursor_entry(cursor, &key, &key_size, &value, &size, &err));
        REQUIRE(key_size == run->keys.size[at] && memcmp(key, run->keys.bytes[at], key_size) == 0 &&
                    size == entries[at].size,
                "the scan of keys has another than %u", at);
        at += step;
        if (back) {
            MUST(quire_keycursor_previous(cursor, &valid, &err));
        } else {
            MUST(quire_keycursor_next(cursor, &valid, &err));
        }
    }
    quire_keycursor_close(cursor);
}

static void check_counts(const struct view *view)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t rows, entries;
    uint32_t r = 0, k = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        r += view->state->rows[i].present;
    }
    for (uint32_t i = 0; i < KEYS; i++) {
        k += view->state->keys[i].present;
    }
    MUST(quire_table_row_count(view->table, &rows, &err));
    MUST(quire_keytree_count(view->tree, &entries, &err));
    REQUIRE(rows == r && entries == k, "%llu rows for %u, %llu entries for %u",
            (unsigned long long)rows, r, (unsigned long long)entries, k);
    if (view->peer != NULL) {
        peer_check_counts(view->peer, r, k);
    }
}

static void read_something(struct run *run, const struct view *view)
{
    switch (below(run, 8)) {
    case 0:
        scan_index(run, view, 1 + below(run, 24));
        break;
    case 1:
        scan_rows(run, view, 1 + below(run, 12));
        break;
    case 2:
        scan_keys(run, view, 1 + below(run, 24));
        break;
    case 3:
        check_counts(view);
        break;
    case 4:
    case 5:
        check_key(run, view, below(run, KEYS));
        break;
    default:
        check_row(run, view, 1 + below(run, ROWS));
    }
}

static void read_everything(struct run *run, const struct view *view)
{
    for (uint32_t id = 1; id <= ROWS; id++) {
        check_row(run, view, id);
    }
    for (uint32_t key = 0; key < KEYS; key++) {
        check_key(run, view, key);
    }
    for (unsigned i = 0; i < 8; i++) {
        scan_index(run, view, ROWS + 1);
    }
    check_counts(view);
}

/* ---- Writing ---- */

static struct row make_row(struct run *run)
{
    struct row row = {.present = true};
    row.has_a = !prng_one_in(&run->prng, 8);
    row.has_u = !prng_one_in(&run->prng, 3);
    row.has_b = !prng_one_in(&run->prng, 8);
    row.a = (int32_t)below(run, 64);
    row.u = (int32_t)below(run, 2 * ROWS);
    row.b = below(run, 4096);
    row.d = below(run, 1U << 20);
    row.d_size = prng_one_in(&run->prng, 16) ? below(run, 3 * run->page_size) : below(run, 60);
    return row;
}

static bool clashes(const struct state *state, uint32_t id, const struct row *row)
{
    for (uint32_t i = 0; i < ROWS && row->has_u; i++) {
        const struct row *other = &state->rows[i];
        if (i + 1 != id && other->present && other->has_u && other->u == row->u) {
            return true;
        }
    }
    return false;
}

static void put_row(struct run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint32_t id = 1 + below(run, ROWS);
    struct row row = make_row(run), *old = &run->current.rows[id - 1];
    char text[64];
    size_t length = text_of(row.b, text);
    fill(row.d, run->bytes, row.d_size);
    quire_value values[] = {row.has_a ? quire_int(row.a) : quire_null(),
                            row.has_u ? quire_int(row.u) : quire_null(),
                            row.has_b ? quire_text_n(text, length) : quire_null(),
                            quire_float(real_of(&row)), quire_blob(run->bytes, row.d_size)};
    bool insert = !old->present || prng_one_in(&run->prng, 8), found = true;
    bool unique = clashes(&run->current, id, &row) || (insert && old->present);
    int64_t rowid = id;
    quire_status status = insert
                              ? quire_table_insert(run->writer.table, &rowid, values, 5, &err)
                              : quire_table_update(run->writer.table, id, values, 5, &found, &err);
    REQUIRE(status == (unique ? QUIRE_UNIQUE : QUIRE_OK) && found, "%s of row %u gave %s: %s",
            insert ? "insert" : "update", id, quire_status_name(status), err.message);
    peer_put(run->peer, insert, id, &row, unique);
    if (!unique) {
        *old = row;
    }
}

static void delete_row(struct run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint32_t id = 1 + below(run, ROWS);
    bool found;
    MUST(quire_table_delete(run->writer.table, id, &found, &err));
    REQUIRE(found == run->current.rows[id - 1].present, "delete of row %u", id);
    peer_delete(run->peer, id);
    run->current.rows[id - 1].present = false;
}

static void put_key(struct run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint32_t key = below(run, KEYS);
    struct entry *old = &run->current.keys[key];
    struct entry entry = {true, below(run, 1U << 20),
                          prng_one_in(&run->prng, 16) ? below(run, 3 * run->page_size)
                                                      : below(run, 80)};
    bool insert = prng_one_in(&run->prng, 3);
    fill(entry.value, run->bytes, entry.size);
    const uint8_t *bytes = run->keys.bytes[key];
    size_t size = run->keys.size[key];
    bool replaced = old->present;
    quire_status status =
        insert ? quire_keytree_insert(run->writer.tree, bytes, size, run->bytes, entry.size, &err)
               : quire_keytree_put(run->writer.tree, bytes, size, run->bytes, entry.size, &replaced,
                                   &err);
    bool refused = insert && old->present;
    REQUIRE(status == (refused ? QUIRE_UNIQUE : QUIRE_OK) && replaced == old->present,
            "key %u gave %s: %s", key, quire_status_name(status), err.message);
    if (!refused) {
        *old = entry;
        peer_put_key(run->peer, &run->keys, key, &entry);
    }
}

static void delete_keys(struct run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    const struct keys *keys = &run->keys;
    uint32_t from = below(run, KEYS), to = from;
    uint32_t there = 0;
    if (prng_one_in(&run->prng, 6)) {
        to = from + below(run, 24);
        to = to < KEYS ? to : KEYS - 1;
    }
    for (uint32_t i = from; i <= to; i++) {
        there += run->current.keys[i].present;
        run->current.keys[i].present = false;
    }
    peer_delete_keys(run->peer, keys, from, to);
    uint64_t deleted = 0;
    if (from == to) {
        bool found;
        MUST(quire_keytree_delete(run->writer.tree, keys->bytes[from], keys->size[from], &found,
                                  &err));
        deleted = found;
    } else {
        bool open = to == KEYS - 1;
        MUST(quire_keytree_delete_range(run->writer.tree, keys->bytes[from], keys->size[from],
                                        open ? NULL : keys->bytes[to + 1],
                                        open ? 0 : keys->size[to + 1], &deleted, &err));
    }
    REQUIRE(deleted == there, "%llu keys deleted, not %u", (unsigned long long)deleted, there);
}

/* ---- Transactions ---- */

static void move_savepoint(struct run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    char sql[40];
    uint32_t at = run->savepoints == 0 ? 0 : below(run, run->savepoints);
    if (run->savepoints < SAVEPOINTS && (run->savepoints == 0 || prng_one_in(&run->prng, 2))) {
        at = run->savepoints++;
        MUST(quire_savepoint(run->writer.txn, &run->savepoint[at], &err));
        run->saved[at] = run->current;
        (void)snprintf(sql, sizeof sql, "SAVEPOINT s%u", at);
    } else if (prng_one_in(&run->prng, 2)) {
        MUST(quire_rollback_to(run->writer.txn, run->savepoint[at], &err));
        run->current = run->saved[at];
        run->savepoints = at + 1;
        (void)snprintf(sql, sizeof sql, "ROLLBACK TO s%u", at);
    } else {
        MUST(quire_release(run->writer.txn, run->savepoint[at], &err));
        run->savepoints = at;
        (void)snprintf(sql, sizeof sql, "RELEASE s%u", at);
    }
    peer_run(run->peer, sql);
}

static void begin(struct run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    MUST(quire_begin(run->db, QUIRE_WRITE, &run->writer.txn, &err));
    run->writer.state = &run->current;
    run->writer.peer = run->peer;
    run->savepoints = 0;
    open_view(&run->writer);
    peer_run(run->peer, "BEGIN");
}

static void end(struct run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_ticket *ticket;
    close_view(&run->writer);
    switch (below(run, 6)) {
    case 0:
        quire_rollback(run->writer.txn);
        run->current = run->committed;
        peer_run(run->peer, "ROLLBACK");
        break;
    case 1:
        MUST(quire_commit_ticket(run->writer.txn, &ticket, &err));
        MUST(quire_ticket_wait(ticket, &err));
        peer_run(run->peer, "COMMIT");
        break;
    default:
        MUST(quire_commit(run->writer.txn, &err));
        peer_run(run->peer, "COMMIT");
    }
    run->committed = run->current;
    run->writer.txn = NULL;
}

static void change_something(struct run *run)
{
    switch (below(run, 8)) {
    case 0:
        delete_row(run);
        break;
    case 1:
        delete_keys(run);
        break;
    case 2:
        move_savepoint(run);
        break;
    case 3:
    case 4:
        put_key(run);
        break;
    default:
        put_row(run);
    }
}

/* ---- Between transactions ---- */

static void end_snapshot(struct run *run, struct view *snapshot)
{
    if (snapshot->txn != NULL) {
        read_everything(run, snapshot);
        close_view(snapshot);
        quire_rollback(snapshot->txn);
        snapshot->txn = NULL;
    }
}

static void move_snapshot(struct run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint32_t at = below(run, SNAPSHOTS);
    struct view *snapshot = &run->snapshot[at];
    if (snapshot->txn != NULL) {
        end_snapshot(run, snapshot);
        return;
    }
    MUST(quire_begin(run->db, QUIRE_READ, &snapshot->txn, &err));
    run->seen[at] = run->committed;
    snapshot->state = &run->seen[at];
    open_view(snapshot);
    run->snapshots++;
}

static void check_sound(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    MUST(quire_inspect_database_open(db, &report, &err));
    REQUIRE(quire_report_severity(report) < QUIRE_SEVERITY_ERROR, "%s",
            quire_report_summary(report));
    quire_report_free(report);
    MUST(quire_inspect_indexes_open(db, NULL, &report, &err));
    REQUIRE(quire_report_severity(report) < QUIRE_SEVERITY_ERROR, "%s",
            quire_report_summary(report));
    quire_report_free(report);
}

static void check_copy(struct run *run, quire_db *copy)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct view view = {.state = &run->committed};
    MUST(quire_begin(copy, QUIRE_READ, &view.txn, &err));
    open_view(&view);
    read_everything(run, &view);
    close_view(&view);
    quire_rollback(view.txn);
    check_sound(copy);
    MUST(quire_close(copy, &err));
}

static void copy_database(struct run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *copy;
    if (prng_one_in(&run->prng, 2)) {
        void *image;
        size_t size;
        MUST(quire_serialize(run->db, &image, &size, &err));
        MUST(quire_open_image(image, size, NULL, &copy, &err));
        quire_free(image);
        check_copy(run, copy);
        return;
    }
    char path[600];
    quire_backup_options options = QUIRE_BACKUP_OPTIONS_INIT;
    options.replace = true;
    (void)temp_dir_file(&run->dir, "copy.quire", path, sizeof path);
    MUST(quire_backup(run->db, path, &options, &err));
    MUST(quire_open(path, NULL, &copy, &err));
    check_copy(run, copy);
}

static void reopen(struct run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    for (unsigned i = 0; i < SNAPSHOTS; i++) {
        end_snapshot(run, &run->snapshot[i]);
    }
    check_sound(run->db);
    if (run->dir.path[0] == '\0' || strcmp(run->path, ":memory:") == 0) {
        return;
    }
    MUST(quire_close(run->db, &err));
    run->options.cache_bytes = (64 + below(run, 3) * 100) * (uint64_t)run->page_size;
    MUST(quire_open(run->path, &run->options, &run->db, &err));
    run->reopened++;
}

static void keep_house(struct run *run)
{
    quire_error err = QUIRE_ERROR_INIT;
    switch (below(run, 40)) {
    case 0:
        reopen(run);
        break;
    case 1:
        copy_database(run);
        break;
    case 2:
    case 3:
        MUST(quire_vacuum(run->db, NULL, NULL, &err));
        break;
    case 4:
    case 5:
    case 6:
        MUST(quire_checkpoint(run->db, &err));
        break;
    default:
        if (prng_one_in(&run->prng, 3)) {
            move_snapshot(run);
        }
    }
}

/* ---- A seed ---- */

static void create_index(struct run *run, unsigned which, quire_index_kind kind, bool unique,
                         const quire_index_column *columns, uint32_t count, const char *where)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_index_def def = {.name = index_names[which],
                           .kind = kind,
                           .unique = unique,
                           .columns = columns,
                           .column_count = count,
                           .where = where};
    MUST(quire_index_create(run->writer.txn, "t", &def, &err));
}

static void create_schema(struct run *run)
{
    static const quire_column columns[] = {{"a", QUIRE_INT, false},
                                           {"u", QUIRE_INT, false},
                                           {"b", QUIRE_TEXT, false},
                                           {"c", QUIRE_FLOAT, true},
                                           {"d", QUIRE_BLOB, true}};
    static const quire_index_column a = {.name = "a"}, u = {.name = "u"};
    static const quire_index_column ba[] = {{.name = "b", .descending = true}, {.name = "a"}};
    quire_error err = QUIRE_ERROR_INIT;
    MUST(quire_begin(run->db, QUIRE_WRITE, &run->writer.txn, &err));
    MUST(quire_table_create(run->writer.txn, "t", columns, 5, &err));
    MUST(quire_keytree_create(run->writer.txn, "k", &err));
    create_index(run, INDEX_A, QUIRE_INDEX_BTREE, false, &a, 1, NULL);
    create_index(run, INDEX_U, prng_one_in(&run->prng, 2) ? QUIRE_INDEX_HASH : QUIRE_INDEX_BTREE,
                 true, &u, 1, NULL);
    create_index(run, INDEX_BA, QUIRE_INDEX_BTREE, false, ba, 2, NULL);
    create_index(run, INDEX_H, QUIRE_INDEX_HASH, false, &a, 1, NULL);
    create_index(run, INDEX_P, QUIRE_INDEX_BTREE, false, &a, 1, "a > 20");
    MUST(quire_commit(run->writer.txn, &err));
    run->writer.txn = NULL;
}

/* In ascending order, some the beginning of the next. */
static void make_keys(struct run *run)
{
    for (uint32_t i = 0; i < KEYS; i++) {
        uint8_t *bytes = run->keys.bytes[i];
        (void)snprintf((char *)bytes, 8, "%05u", i / 2 * 7);
        run->keys.size[i] = 5;
        if (i % 2 == 1) {
            size_t more = 1 + below(run, KEY_SIZE - 6);
            memset(bytes + 5, (int)below(run, 256), more);
            run->keys.size[i] += more;
        }
    }
}

static void choose_options(struct run *run)
{
    run->page_size = 1024U << below(run, 6);
    quire_options *options = &run->options;
    *options = (quire_options)QUIRE_OPTIONS_INIT;
    options->page_size = run->page_size;
    options->cache_bytes = (64 + below(run, 3) * 100) * (uint64_t)run->page_size;
    options->ingest_buffer_bytes = UINT64_C(1000) << below(run, 12);
    options->durability = prng_one_in(&run->prng, 8)   ? QUIRE_DURABILITY_FULL
                          : prng_one_in(&run->prng, 2) ? QUIRE_DURABILITY_NORMAL
                                                       : QUIRE_DURABILITY_OFF;
    options->checkpoint = prng_one_in(&run->prng, 3)
                              ? quire_checkpoint_manual()
                              : quire_checkpoint_frame_count(1 + below(run, 200));
}

static void operate(struct run *run)
{
    run->operations++;
    if (run->writer.txn == NULL) {
        keep_house(run);
        begin(run);
    } else if (prng_one_in(&run->prng, 40)) {
        end(run);
    } else if (prng_one_in(&run->prng, 2)) {
        change_something(run);
    } else {
        const struct view *snapshot = &run->snapshot[below(run, SNAPSHOTS)];
        bool old = snapshot->txn != NULL && prng_one_in(&run->prng, 2);
        read_something(run, old ? snapshot : &run->writer);
    }
}

static void run_seed(void *context, uint64_t unit, uint64_t *counts)
{
    uint64_t seed = *(const uint64_t *)context + unit;
    quire_error err = QUIRE_ERROR_INIT;
    char path[600];
    struct run *run = calloc(1, sizeof *run);
    REQUIRE(run != NULL, "no memory");
    prng_init(&run->prng, seed);
    choose_options(run);
    make_keys(run);
    temp_dir_create(&run->dir);
    run->path = prng_one_in(&run->prng, 2)
                    ? ":memory:"
                    : temp_dir_file(&run->dir, "run.quire", path, sizeof path);
    harness_case("seed %llu: pages of %u, cache of %llu, %s", (unsigned long long)seed,
                 run->page_size, (unsigned long long)run->options.cache_bytes, run->path);
    MUST(quire_open(run->path, &run->options, &run->db, &err));
    run->peer = peer_open();
    create_schema(run);
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        operate(run);
    }
    if (run->writer.txn != NULL) {
        end(run);
    }
    reopen(run);
    copy_database(run);
    MUST(quire_close(run->db, &err));
    peer_close(run->peer);
    temp_dir_remove(&run->dir);
    counts[0] += run->operations;
    counts[1] += run->snapshots;
    counts[2] += run->reopened;
    free(run);
}

int main(int argc, char **argv)
{
    struct harness harness;
    uint64_t counts[HARNESS_COUNTS] = {0};
    char extra[96];
    harness_begin(&harness, "differential", argc, argv);
    uint64_t cases = harness_cases(&harness, HARNESS_BRIEF ? 60000 : 1000000, 100000000);
    uint64_t seeds = harness_spread(&harness, 1, cases, run_seed, &harness.seed, counts);
    (void)snprintf(extra, sizeof extra, "snapshots=%llu reopened=%llu",
                   (unsigned long long)counts[1], (unsigned long long)counts[2]);
    harness_end(&harness, counts[0], seeds, extra);
    return 0;
}
