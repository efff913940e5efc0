#include "audit.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "harness.h"

struct walk {
    quire_txn *txn;
    uint64_t digest;
};

static void mix(struct walk *walk, const void *bytes, size_t size)
{
    walk->digest = qr_hash64(bytes, size, walk->digest);
}

static void mix_number(struct walk *walk, uint64_t number)
{
    mix(walk, &number, sizeof number);
}

/* ---- Indexes ---- */

/* The row is found by its own key. */
static void find_by_key(quire_table *table, uint32_t index, int64_t rowid, const void *record,
                        size_t size)
{
    quire_error err = QUIRE_ERROR_INIT;
    const quire_index_def *def = quire_table_index(table, index);
    quire_value key[16];
    quire_index_cursor *cursor;
    unsigned found = 0;
    bool valid = true;
    for (uint32_t i = 0; i < def->column_count; i++) {
        int column = quire_table_find_column(table, def->columns[i].name);
        MUST(quire_record_column(record, size, (uint32_t)column, &key[i], &err));
    }
    quire_index_range range = {.prefix = key, .prefix_count = def->column_count};
    MUST(quire_index_cursor_open(table, index, &range, &cursor, &err));
    while (valid) {
        int64_t at = 0;
        MUST(quire_index_cursor_next(cursor, &at, &valid, &err));
        found += valid && at == rowid;
    }
    quire_index_cursor_close(cursor);
    REQUIRE(found == 1, "row %lld is found %u times by its key in index %s", (long long)rowid,
            found, def->name);
}

static void walk_index(struct walk *walk, quire_table *table, uint32_t index, uint64_t rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    const quire_index_def *def = quire_table_index(table, index);
    uint64_t entries = 0;
    uint64_t visited = 0;
    bool valid = true;
    mix(walk, def->name, strlen(def->name));
    MUST(qr_table_index_entries(table, index, &entries, &err));
    if (def->where != NULL) {
        rows = entries; /* those that belong in it are compared by the inspection */
    }
    REQUIRE(entries == rows, "index %s has %llu entries for %llu rows", def->name,
            (unsigned long long)entries, (unsigned long long)rows);
    if (def->kind != QUIRE_INDEX_BTREE) {
        return;
    }
    quire_index_cursor *cursor;
    MUST(quire_index_cursor_open(table, index, NULL, &cursor, &err));
    while (true) {
        int64_t rowid = 0;
        MUST(quire_index_cursor_next(cursor, &rowid, &valid, &err));
        if (!valid) {
            break;
        }
        mix_number(walk, (uint64_t)rowid);
        visited++;
    }
    quire_index_cursor_close(cursor);
    REQUIRE(visited == rows, "a walk over index %s sees %llu of %llu rows", def->name,
            (unsigned long long)visited, (unsigned long long)rows);
}

/* ---- Objects ---- */

static void walk_rows(struct walk *walk, quire_table *table)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_cursor *cursor;
    uint64_t rows = 0;
    uint64_t counted = 0;
    bool valid = true;
    MUST(quire_table_cursor(table, &cursor, &err));
    while (true) {
        int64_t rowid;
        const void *record;
        size_t size;
        uint32_t columns;
        MUST(quire_cursor_next(cursor, &valid, &err));
        if (!valid) {
            break;
        }
        MUST(quire_cursor_row(cursor, &rowid, &record, &size, &err));
        MUST(quire_record_check(record, size, &columns, &err));
        mix_number(walk, (uint64_t)rowid);
        mix(walk, record, size);
        for (uint32_t i = 0; i < quire_table_index_count(table); i++) {
            if (quire_table_index(table, i)->where == NULL) {
                find_by_key(table, i, rowid, record, size);
            }
        }
        rows++;
    }
    quire_cursor_close(cursor);
    MUST(quire_table_row_count(table, &counted, &err));
    REQUIRE(rows == counted, "a walk sees %llu rows, the count says %llu", (unsigned long long)rows,
            (unsigned long long)counted);
    for (uint32_t i = 0; i < quire_table_index_count(table); i++) {
        walk_index(walk, table, i, rows);
    }
}

static quire_status walk_table(void *context, struct qr_object *object, quire_error *unused)
{
    struct walk *walk = context;
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    (void)unused;
    mix(walk, object->name, strlen(object->name));
    for (uint32_t i = 0; i < object->column_count; i++) {
        mix(walk, object->columns[i].name, strlen(object->columns[i].name));
    }
    MUST(quire_table_open(walk->txn, object->name, &table, &err));
    walk_rows(walk, table);
    quire_table_close(table);
    return QUIRE_OK;
}

static quire_status walk_tree(void *context, struct qr_object *object, quire_error *unused)
{
    struct walk *walk = context;
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree;
    quire_cursor *cursor;
    bool valid = true;
    (void)unused;
    mix(walk, object->name, strlen(object->name));
    MUST(quire_tree_open(walk->txn, object->name, &tree, &err));
    MUST(quire_cursor_open(tree, &cursor, &err));
    while (true) {
        int64_t rowid;
        const void *payload;
        size_t size;
        MUST(quire_cursor_next(cursor, &valid, &err));
        if (!valid) {
            break;
        }
        MUST(quire_cursor_row(cursor, &rowid, &payload, &size, &err));
        mix_number(walk, (uint64_t)rowid);
        mix(walk, payload, size);
    }
    quire_cursor_close(cursor);
    quire_tree_close(tree);
    return QUIRE_OK;
}

static quire_status walk_keys(void *context, struct qr_object *object, quire_error *unused)
{
    struct walk *walk = context;
    quire_error err = QUIRE_ERROR_INIT;
    quire_keytree *tree;
    quire_keycursor *cursor;
    bool valid = true;
    (void)unused;
    mix(walk, object->name, strlen(object->name));
    MUST(quire_keytree_open(walk->txn, object->name, &tree, &err));
    MUST(quire_keycursor_open(tree, &cursor, &err));
    while (true) {
        const void *key;
        const void *value;
        size_t key_size;
        size_t value_size;
        MUST(quire_keycursor_next(cursor, &valid, &err));
        if (!valid) {
            break;
        }
        MUST(quire_keycursor_entry(cursor, &key, &key_size, &value, &value_size, &err));
        mix(walk, key, key_size);
        mix(walk, value, value_size);
    }
    quire_keycursor_close(cursor);
    quire_keytree_close(tree);
    return QUIRE_OK;
}

static quire_status walk_text(void *context, struct qr_object *object, quire_error *unused)
{
    struct walk *walk = context;
    (void)unused;
    mix(walk, object->name, strlen(object->name));
    mix(walk, object->text, object->text_size);
    return QUIRE_OK;
}

static void each(quire_txn *txn, enum qr_object_kind kind, qr_catalog_visit visit, void *context)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_arena arena;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    MUST(qr_catalog_each(qr_txn_pages(txn), kind, 0, &arena, visit, context, &err));
    qr_arena_free(&arena);
}

uint64_t audit_digest(quire_txn *txn)
{
    struct walk walk = {.txn = txn};
    each(txn, QR_OBJECT_TREE, walk_tree, &walk);
    each(txn, QR_OBJECT_TABLE, walk_table, &walk);
    each(txn, QR_OBJECT_KEYS, walk_keys, &walk);
    each(txn, QR_OBJECT_VIEW, walk_text, &walk);
    each(txn, QR_OBJECT_TRIGGER, walk_text, &walk);
    each(txn, QR_OBJECT_TEXT, walk_text, &walk);
    for (int i = QUIRE_APPLICATION_ID; i <= QUIRE_USER_VERSION; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        uint64_t number = 0;
        MUST(quire_get_number(txn, (quire_header_number)i, &number, &err));
        if (number != 0) {
            mix_number(&walk, number);
        }
    }
    return walk.digest;
}

/* ---- Structure ---- */

static void demand_clean(quire_report *report)
{
    REQUIRE(quire_report_severity(report) != QUIRE_SEVERITY_ERROR, "%s", quire_report_text(report));
    quire_report_free(report);
}

void audit_structure(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    MUST(quire_inspect_database_open(db, &report, &err));
    demand_clean(report);
    MUST(quire_inspect_indexes_open(db, NULL, &report, &err));
    demand_clean(report);
}
