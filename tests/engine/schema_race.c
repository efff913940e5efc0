/*
 * Readers against a writer that changes the schema: each commit adds a column
 * and writes the new number of columns into the one row, or drops the table and
 * begins again. Every snapshot must see a schema and a row of the same commit.
 *
 * A plain program, so that it runs under the thread sanitizer as well. Exits
 * with 0 when nothing was wrong.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/engine.h"

#define READERS     3
#define COMMITS     400
#define COLUMNS_MAX 12U

struct race {
    quire_db *db;
    atomic_bool done;
    atomic_ulong checks;
};

static void demand(bool truth, const char *what, const quire_error *err)
{
    if (!truth) {
        (void)fprintf(stderr, "schema_race: %s: %s\n", what, err->message);
        exit(1);
    }
}

static void must(quire_status status, const char *what, const quire_error *err)
{
    demand(status == QUIRE_OK, what, err);
}

/* ---- Readers ---- */

/* The view shows the row and all columns of the table, of the same commit. */
static void check_view(quire_txn *txn, const quire_value *columns)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_view *view;
    quire_view_cursor *cursor;
    const quire_value *values;
    int64_t rowid;
    bool valid;
    must(quire_view_open(txn, "v", &view, &err), "open view", &err);
    must(quire_view_cursor_open(view, &cursor, &err), "view cursor", &err);
    must(quire_view_cursor_first(cursor, &valid, &err), "first", &err);
    demand(valid, "row of the view", &err);
    must(quire_view_cursor_row(cursor, &rowid, &values, &err), "row", &err);
    demand(rowid == 1 && quire_value_compare(&values[0], columns) == 0, "value", &err);
    demand(columns->as.integer == (int64_t)quire_view_column_count(view),
           "the view is of another commit than the row", &err);
    quire_view_cursor_close(cursor);
    quire_view_close(view);
}

static void check_snapshot(struct race *race)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    quire_table *table;
    const void *record;
    size_t size;
    quire_value value;
    bool found;
    int64_t rowid;
    must(quire_begin(race->db, QUIRE_READ, &txn, &err), "begin", &err);
    must(quire_table_open(txn, "t", &table, &err), "open", &err);
    must(quire_table_get(table, 1, &record, &size, &found, &err), "get", &err);
    demand(found, "row", &err);
    must(quire_record_column(record, size, 0, &value, &err), "column", &err);
    demand(value.as.integer == (int64_t)quire_table_column_count(table),
           "the row is of another commit than the schema", &err);
    must(qr_table_find_unique(table, 0, &value, 1, &rowid, &found, &err), "find", &err);
    demand(found && rowid == 1, "index", &err);
    check_view(txn, &value);
    quire_table_close(table);
    must(quire_commit(txn, &err), "end", &err);
    atomic_fetch_add(&race->checks, 1);
}

static void *read_on(void *context)
{
    struct race *race = context;
    while (!atomic_load(&race->done)) {
        check_snapshot(race);
    }
    return NULL;
}

/* ---- The writer ---- */

static void write_row(quire_txn *txn, uint32_t columns)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    quire_value value = quire_int(columns);
    int64_t rowid = 1;
    bool found;
    must(quire_table_open(txn, "t", &table, &err), "open to write", &err);
    must(quire_table_update(table, 1, &value, 1, &found, &err), "update", &err);
    if (!found) {
        must(quire_table_insert(table, &rowid, &value, 1, &err), "insert", &err);
    }
    quire_table_close(table);
}

static void create(quire_txn *txn, quire_index_kind kind)
{
    static const quire_column first = {"c0", QUIRE_INT, false};
    quire_index_column key = {.name = "c0"};
    quire_index_def def = {
        .name = "i", .kind = kind, .unique = true, .columns = &key, .column_count = 1};
    quire_error err = QUIRE_ERROR_INIT;
    must(quire_table_create(txn, "t", &first, 1, &err), "create", &err);
    must(quire_index_create(txn, "t", &def, &err), "index", &err);
    quire_view_def view = {.name = "v", .table = "t", .filter = "c0 > 0"};
    must(quire_view_create(txn, &view, &err), "view", &err);
}

static void change(struct race *race, uint32_t *columns, unsigned round)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    uint32_t before = *columns;
    must(quire_begin(race->db, QUIRE_WRITE, &txn, &err), "begin to write", &err);
    if (*columns == 0 || *columns == COLUMNS_MAX) {
        if (*columns > 0) {
            must(quire_view_drop(txn, "v", &err), "drop view", &err);
            must(quire_table_drop(txn, "t", &err), "drop", &err);
        }
        create(txn, round % 2 == 0 ? QUIRE_INDEX_HASH : QUIRE_INDEX_BTREE);
        *columns = 1;
    } else {
        char name[16];
        (void)snprintf(name, sizeof name, "c%u", *columns);
        quire_column column = {name, QUIRE_TEXT, false};
        must(quire_table_add_columns(txn, "t", &column, 1, &err), "add", &err);
        ++*columns;
    }
    write_row(txn, *columns);
    if (before > 0 && round % 5 == 0) {
        quire_rollback(txn);
        *columns = before;
    } else {
        must(quire_commit(txn, &err), "commit", &err);
    }
}

int main(void)
{
    struct race race = {.db = NULL};
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    pthread_t readers[READERS];
    uint32_t columns = 0;
    options.page_size = 1024;
    options.cache_bytes = UINT64_C(4) << 20;
    must(quire_open(":memory:", &options, &race.db, &err), "open", &err);
    change(&race, &columns, 0);
    for (int i = 0; i < READERS; i++) {
        demand(pthread_create(&readers[i], NULL, read_on, &race) == 0, "thread", &err);
    }
    for (unsigned round = 1; round <= COMMITS; round++) {
        change(&race, &columns, round);
    }
    while (atomic_load(&race.checks) < 100) {
        check_snapshot(&race);
    }
    atomic_store(&race.done, true);
    for (int i = 0; i < READERS; i++) {
        (void)pthread_join(readers[i], NULL);
    }
    must(quire_close(race.db, &err), "close", &err);
    return 0;
}
