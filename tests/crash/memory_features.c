/*
 * Scenarios over views, triggers, pins, indexes built beside writers, vacuum,
 * and old versions of pages.
 */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "harness.h"
#include "memory.h"

static void tell(struct memory_run *run, const void *bytes, size_t size)
{
    run->answer = qr_hash64(bytes, size, run->answer);
}

/* ---- The database ---- */

static const quire_view_field fields[] = {{"name", NULL}, {"twice", "age * 2"}};
static const quire_view_order by_name = {"name", false};
static const quire_view_order by_both[] = {{"age", true}, {"name", false}};

static quire_status create_trigger(quire_txn *txn, const char *name, quire_trigger_time time,
                                   uint32_t events, quire_error *err)
{
    quire_trigger_def def = {
        .name = name, .table = "watched", .function = name, .time = time, .events = events};
    return quire_trigger_create(txn, &def, err);
}

static void fill_watched(quire_txn *txn)
{
    static const quire_column columns[] = {{"name", QUIRE_TEXT, true}, {"age", QUIRE_INT, false}};
    static const quire_index_column key = {.name = "name"};
    static const quire_index_def by_key = {
        .name = "watched by name", .unique = true, .columns = &key, .column_count = 1};
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    MUST(quire_table_create(txn, "watched", columns, 2, &err));
    MUST(quire_index_create(txn, "watched", &by_key, &err));
    MUST(quire_table_open(txn, "watched", &table, &err));
    for (int i = 0; i < 30; i++) {
        char name[24];
        int64_t rowid = 0;
        (void)snprintf(name, sizeof name, "row %d", i);
        quire_value row[] = {quire_text(name), quire_int(i % 7)};
        MUST(quire_table_insert(table, &rowid, row, 2, &err));
    }
    quire_table_close(table);
}

/* A table with triggers and two views, one in the order of an index and one that is sorted; free
 * pages. */
void memory_prepare_features(quire_txn *txn)
{
    static const uint8_t bytes[700] = {3};
    static const quire_view_def young = {.name = "young",
                                         .table = "watched",
                                         .filter = "age < 3",
                                         .columns = fields,
                                         .column_count = 2,
                                         .order = &by_name,
                                         .order_count = 1};
    static const quire_view_def sorted = {
        .name = "sorted", .table = "watched", .order = by_both, .order_count = 2};
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree;
    MUST(quire_tree_open(txn, "rows", &tree, &err));
    for (int64_t i = 500; i < 530; i++) {
        MUST(quire_tree_put(tree, i, bytes, sizeof bytes, NULL, &err));
    }
    quire_tree_close(tree);
    fill_watched(txn);
    MUST(quire_view_create(txn, &young, &err));
    MUST(quire_view_create(txn, &sorted, &err));
    MUST(create_trigger(txn, "before", QUIRE_BEFORE, QUIRE_ON_INSERT | QUIRE_ON_UPDATE, &err));
    MUST(create_trigger(txn, "after", QUIRE_AFTER, QUIRE_ON_INSERT | QUIRE_ON_DELETE, &err));
    MUST(quire_tree_open(txn, "rows", &tree, &err));
    MUST(quire_tree_delete_range(tree, 500, 530, NULL, &err));
    quire_tree_close(tree);
}

/* ---- Views ---- */

static quire_status walk_view(struct memory_run *run, quire_view *view, quire_error *err)
{
    quire_view_cursor *cursor;
    bool valid = false;
    QR_TRY(quire_view_cursor_open(view, &cursor, err));
    quire_status status = quire_view_cursor_first(cursor, &valid, err);
    while (status == QUIRE_OK && valid) {
        int64_t rowid;
        const quire_value *values;
        status = quire_view_cursor_row(cursor, &rowid, &values, err);
        if (status == QUIRE_OK) {
            tell(run, &rowid, sizeof rowid);
            tell(run, values[0].as.bytes, values[0].type == QUIRE_TEXT ? values[0].size : 0);
            status = quire_view_cursor_next(cursor, &valid, err);
        }
    }
    quire_view_cursor_close(cursor);
    return status;
}

static quire_status count_and_get(struct memory_run *run, quire_view *view, quire_error *err)
{
    uint64_t rows = 0;
    const quire_value *values;
    bool found = false;
    QR_TRY(quire_view_count(view, &rows, err));
    QR_TRY(quire_view_get(view, 9, &values, &found, err));
    tell(run, &rows, sizeof rows);
    if (found && values[0].type == QUIRE_TEXT) {
        tell(run, values[0].as.bytes, values[0].size);
    }
    return QUIRE_OK;
}

static quire_status in_view(struct memory_run *run, quire_txn *txn, const char *name,
                            quire_status (*call)(struct memory_run *run, quire_view *view,
                                                 quire_error *err),
                            quire_error *err)
{
    quire_view *view;
    QR_TRY(quire_view_open(txn, name, &view, err));
    quire_status status = call(run, view, err);
    quire_view_close(view);
    return status;
}

static quire_status view_walk(struct memory_run *run, quire_txn *txn, quire_error *err)
{
    return in_view(run, txn, "young", walk_view, err);
}

static quire_status view_sort(struct memory_run *run, quire_txn *txn, quire_error *err)
{
    return in_view(run, txn, "sorted", walk_view, err);
}

static quire_status view_count(struct memory_run *run, quire_txn *txn, quire_error *err)
{
    return in_view(run, txn, "young", count_and_get, err);
}

static quire_status create_view(quire_txn *txn, const char *filter, quire_error *err)
{
    quire_view_def def = {.name = "new view", .table = "watched", .filter = filter};
    def.columns = fields;
    def.column_count = 2;
    return quire_view_create(txn, &def, err);
}

static quire_status view_create(struct memory_run *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return create_view(txn, "age > 1 and length(name) < 7", err);
}

static quire_status view_refused(struct memory_run *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return create_view(txn, "age > (1", err);
}

static quire_status view_drop(struct memory_run *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return quire_view_drop(txn, "young", err);
}

/* ---- Triggers ---- */

static quire_status replace_age(void *context, const quire_trigger_call *call, quire_error *err)
{
    quire_value row[] = {call->new_values[0], quire_int(77)};
    (void)context;
    return quire_trigger_replace(call, row, 2, err);
}

/* A row of another table for each, in which an index refuses the one named like it. */
static quire_status copy_row(void *context, const quire_trigger_call *call, quire_error *err)
{
    const quire_value *values =
        call->event == QUIRE_ON_DELETE ? call->old_values : call->new_values;
    quire_value row[] = {values[0], quire_int(call->event)};
    quire_table *items;
    int64_t rowid = 0;
    (void)context;
    QR_TRY(quire_table_open(call->txn, "items", &items, err));
    quire_status status = quire_table_insert(items, &rowid, row, 2, err);
    quire_table_close(items);
    return status;
}

static quire_status change_watched(quire_txn *txn, const char *name, quire_error *err)
{
    quire_value row[] = {quire_text(name), quire_int(1)};
    quire_value other[] = {quire_text("another"), quire_int(2)};
    quire_table *table;
    int64_t rowid = 0;
    QR_TRY(quire_table_open(txn, "watched", &table, err));
    quire_status status = quire_table_insert(table, &rowid, row, 2, err);
    if (status == QUIRE_OK) {
        status = quire_table_update(table, rowid, other, 2, NULL, err);
    }
    if (status == QUIRE_OK) {
        status = quire_table_delete(table, rowid, NULL, err);
    }
    quire_table_close(table);
    return status;
}

static quire_status change_with_triggers(quire_db *db, const char *name, quire_error *err)
{
    quire_txn *txn;
    QR_TRY(quire_trigger_function(db, "before", replace_age, NULL, err));
    QR_TRY(quire_trigger_function(db, "after", copy_row, NULL, err));
    QR_TRY(quire_begin(db, QUIRE_WRITE, &txn, err));
    quire_status status = change_watched(txn, name, err);
    if (status != QUIRE_OK) {
        quire_rollback(txn);
        return status;
    }
    return quire_commit(txn, err);
}

static quire_status trigger_run(struct memory_run *run, quire_db *db, quire_error *err)
{
    (void)run;
    return change_with_triggers(db, "one", err);
}

static quire_status trigger_refuses(struct memory_run *run, quire_db *db, quire_error *err)
{
    (void)run;
    return change_with_triggers(db, "item 3", err);
}

static quire_status trigger_create(struct memory_run *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return create_trigger(txn, "third", QUIRE_AFTER, QUIRE_ON_UPDATE, err);
}

static quire_status trigger_enable(struct memory_run *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return quire_trigger_enable(txn, "after", false, err);
}

static quire_status trigger_drop(struct memory_run *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return quire_trigger_drop(txn, "before", err);
}

static quire_status trigger_list(struct memory_run *run, quire_txn *txn, quire_error *err)
{
    quire_table *table;
    QR_TRY(quire_table_open(txn, "watched", &table, err));
    for (uint32_t i = 0; i < quire_table_trigger_count(table); i++) {
        const quire_trigger_def *def = quire_table_trigger(table, i);
        tell(run, def->name, strlen(def->name));
    }
    quire_table_close(table);
    return QUIRE_OK;
}

/* ---- The database as a whole ---- */

static quire_status pin(struct memory_run *run, quire_db *db, quire_error *err)
{
    (void)run;
    QR_TRY(quire_pin(db, "items", err));
    QR_TRY(quire_pin(db, "keys", err));
    return quire_unpin(db, "items", err);
}

static quire_status vacuum(struct memory_run *run, quire_db *db, quire_error *err)
{
    quire_vacuum_options options = QUIRE_VACUUM_OPTIONS_INIT;
    quire_vacuum_result result = {.size = sizeof result};
    (void)run;
    options.step_pages = 8;
    QR_TRY(quire_vacuum(db, &options, &result, err));
    REQUIRE(result.pages_moved > 0 && result.pages_freed > 0, "there was nothing to do");
    return QUIRE_OK;
}

/* What a building that is cut short leaves can be gone on with, or dropped. */
static quire_status build_index(quire_db *db, const char *column, quire_index_kind kind,
                                bool unique, quire_error *err)
{
    quire_index_column key = {.name = column};
    quire_index_def def = {
        .name = "built", .kind = kind, .unique = unique, .columns = &key, .column_count = 1};
    quire_index_build_options options = QUIRE_INDEX_BUILD_OPTIONS_INIT;
    options.batch_rows = 16;
    return quire_index_build(db, "items", &def, &options, err);
}

static quire_status index_build(struct memory_run *run, quire_db *db, quire_error *err)
{
    (void)run;
    return build_index(db, "name", QUIRE_INDEX_BTREE, true, err);
}

static quire_status index_build_hashed(struct memory_run *run, quire_db *db, quire_error *err)
{
    (void)run;
    return build_index(db, "age", QUIRE_INDEX_HASH, false, err);
}

static quire_status index_build_refused(struct memory_run *run, quire_db *db, quire_error *err)
{
    (void)run;
    return build_index(db, "age", QUIRE_INDEX_BTREE, true, err);
}

/* ---- Old versions of pages ---- */

/* Writes rows that a reader needs the old pages of. */
static quire_status put_rows(quire_db *db, int64_t last, const void *bytes, quire_error *err)
{
    quire_txn *txn;
    quire_tree *tree;
    QR_TRY(quire_begin(db, QUIRE_WRITE, &txn, err));
    quire_status status = quire_tree_open(txn, "rows", &tree, err);
    if (status == QUIRE_OK) {
        for (int64_t i = 1; i <= last && status == QUIRE_OK; i++) {
            status = quire_tree_put(tree, i, bytes, 50, NULL, err);
        }
        quire_tree_close(tree);
    }
    if (status != QUIRE_OK) {
        quire_rollback(txn);
        return status;
    }
    return quire_commit(txn, err);
}

/* The first commit always goes; it leaves the row as it is. */
static quire_status put_twice(quire_db *db, quire_error *err)
{
    static const uint8_t same[50] = {1, 2, 3};
    static const uint8_t bytes[50] = {8};
    QR_TRY(put_rows(db, 1, same, err));
    return put_rows(db, 60, bytes, err);
}

static quire_status read_rows(quire_txn *txn, quire_error *err)
{
    quire_tree *tree;
    uint64_t rows = 0;
    QR_TRY(quire_tree_open(txn, "rows", &tree, err));
    quire_status status = quire_tree_count(tree, &rows, err);
    quire_tree_close(tree);
    return status;
}

/* Commits beside a reader, in a database with room for a page of old versions. Returns what became
 * of them, and in *seen of the reader's next look. */
static quire_status commit_beside_reader(struct memory_run *run, quire_versions_policy policy,
                                         quire_status *seen, quire_error *err)
{
    quire_error aside = QUIRE_ERROR_INIT;
    quire_options options = memory_options(run->setting, run->allocator);
    quire_db *db;
    quire_txn *reader;
    options.versions_policy = policy;
    options.versions_bytes_max = options.page_size;
    QR_TRY(qr_db_open_with("db", &options, run->files, true, &db, err));
    quire_status status = quire_begin(db, QUIRE_READ, &reader, err);
    if (status == QUIRE_OK) {
        status = put_twice(db, err);
        *seen = read_rows(reader, &aside);
        quire_rollback(reader);
    }
    (void)quire_close(db, &aside);
    return status;
}

static quire_status versions_refused(struct memory_run *run, quire_error *err)
{
    quire_status seen = QUIRE_OK;
    quire_status status = commit_beside_reader(run, QUIRE_VERSIONS_REFUSE, &seen, err);
    REQUIRE(status != QUIRE_OK, "a commit was not refused");
    REQUIRE(seen == QUIRE_OK || seen == QUIRE_NO_MEMORY, "the reader sees %s",
            quire_status_name(seen));
    return status;
}

static quire_status versions_expire(struct memory_run *run, quire_error *err)
{
    quire_status seen = QUIRE_OK;
    quire_status status = commit_beside_reader(run, QUIRE_VERSIONS_EXPIRE, &seen, err);
    REQUIRE(status != QUIRE_OK || seen == QUIRE_SNAPSHOT_TOO_OLD || seen == QUIRE_NO_MEMORY,
            "the reader sees %s", quire_status_name(seen));
    return status;
}

static quire_status versions_spill(struct memory_run *run, quire_error *err)
{
    quire_status seen = QUIRE_OK;
    quire_status status = commit_beside_reader(run, QUIRE_VERSIONS_SPILL, &seen, err);
    REQUIRE(seen == QUIRE_OK || seen == QUIRE_NO_MEMORY, "the reader sees %s",
            quire_status_name(seen));
    return status;
}

const struct memory_scenario memory_feature_scenarios[] = {
    MEMORY_READ(view_walk),
    MEMORY_READ(view_sort),
    MEMORY_READ(view_count),
    MEMORY_READ(trigger_list),
    MEMORY_WRITE(view_create),
    MEMORY_REFUSED(view_refused, QUIRE_SYNTAX),
    MEMORY_WRITE(view_drop),
    MEMORY_WRITE(trigger_create),
    MEMORY_WRITE(trigger_enable),
    MEMORY_WRITE(trigger_drop),
    MEMORY_DATABASE(trigger_run),
    {"trigger_refuses", QUIRE_UNIQUE, .database = trigger_refuses},
    MEMORY_DATABASE(pin),
    MEMORY_DATABASE(vacuum),
    MEMORY_DATABASE(index_build),
    MEMORY_DATABASE(index_build_hashed),
    {"index_build_refused", QUIRE_UNIQUE, .database = index_build_refused},
    {"versions_refused", QUIRE_BUSY, .files = versions_refused},
    MEMORY_FILES(versions_expire),
    MEMORY_FILES(versions_spill),
    {NULL, QUIRE_OK, .read = NULL},
};
