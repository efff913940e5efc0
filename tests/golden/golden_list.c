/* The contents of a database as JSON: see golden.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden/golden.h"

#define NAMES_MAX 64

/* Names of the tables or trees of a database, in their order. */
typedef struct names {
    char text[NAMES_MAX][256];
    uint32_t count;
    const char *kind;
} names;

static void print_text(const char *text, size_t size)
{
    putchar('"');
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x20) {
            printf("\\u%04x", byte);
        } else {
            if (byte == '"' || byte == '\\') {
                putchar('\\');
            }
            putchar(byte);
        }
    }
    putchar('"');
}

static void print_hex(const uint8_t *bytes, size_t size)
{
    putchar('"');
    for (size_t i = 0; i < size; i++) {
        printf("%02x", bytes[i]);
    }
    putchar('"');
}

static void print_record(const void *record, size_t size, uint32_t count);

static void print_value(const quire_value *value)
{
    quire_error err;
    uint32_t count;
    uint64_t bits;
    switch (value->type) {
    case QUIRE_NULL:
        fputs("null", stdout);
        break;
    case QUIRE_BOOL:
        fputs(value->as.boolean ? "true" : "false", stdout);
        break;
    case QUIRE_INT:
        printf("%" PRId64, value->as.integer);
        break;
    case QUIRE_FLOAT:
        memcpy(&bits, &value->as.real, sizeof bits);
        printf("{\"float\": \"%016" PRIx64 "\"}", bits);
        break;
    case QUIRE_TEXT:
        print_text(value->as.bytes, value->size);
        break;
    case QUIRE_BLOB:
        fputs("{\"blob\": ", stdout);
        print_hex(value->as.bytes, value->size);
        putchar('}');
        break;
    case QUIRE_LIST:
        golden_need(quire_record_check(value->as.bytes, value->size, &count, &err), &err, "list");
        print_record(value->as.bytes, value->size, count);
        break;
    }
}

static void print_record(const void *record, size_t size, uint32_t count)
{
    quire_error err;
    putchar('[');
    for (uint32_t i = 0; i < count; i++) {
        quire_value value;
        golden_need(quire_record_column(record, size, i, &value, &err), &err, "column");
        fputs(i ? ", " : "", stdout);
        print_value(&value);
    }
    putchar(']');
}

static void print_tree(quire_txn *txn, const char *name)
{
    quire_error err;
    quire_tree *tree;
    quire_cursor *cursor;
    bool valid;
    golden_need(quire_tree_open(txn, name, &tree, &err), &err, name);
    golden_need(quire_cursor_open(tree, &cursor, &err), &err, name);
    putchar('[');
    golden_need(quire_cursor_first(cursor, &valid, &err), &err, name);
    for (bool first = true; valid; first = false) {
        int64_t rowid;
        const void *payload;
        size_t size;
        golden_need(quire_cursor_row(cursor, &rowid, &payload, &size, &err), &err, name);
        printf("%s\n [%" PRId64 ", ", first ? "" : ",", rowid);
        print_hex(payload, size);
        putchar(']');
        golden_need(quire_cursor_next(cursor, &valid, &err), &err, name);
    }
    putchar(']');
    quire_cursor_close(cursor);
    quire_tree_close(tree);
}

static void print_key_tree(quire_txn *txn, const char *name)
{
    quire_error err;
    quire_keytree *tree;
    quire_keycursor *cursor;
    bool valid;
    golden_need(quire_keytree_open(txn, name, &tree, &err), &err, name);
    golden_need(quire_keycursor_open(tree, &cursor, &err), &err, name);
    putchar('[');
    golden_need(quire_keycursor_first(cursor, &valid, &err), &err, name);
    for (bool first = true; valid; first = false) {
        const void *key;
        const void *value;
        size_t key_size;
        size_t value_size;
        golden_need(quire_keycursor_entry(cursor, &key, &key_size, &value, &value_size, &err), &err,
                    name);
        fputs(first ? "\n [" : ",\n [", stdout);
        print_hex(key, key_size);
        fputs(", ", stdout);
        print_hex(value, value_size);
        putchar(']');
        golden_need(quire_keycursor_next(cursor, &valid, &err), &err, name);
    }
    putchar(']');
    quire_keycursor_close(cursor);
    quire_keytree_close(tree);
}

static void print_columns(const quire_table *table)
{
    static const char *const types[] = {"null", "bool", "int", "float", "text", "blob", "list"};
    fputs("\"columns\": [", stdout);
    for (uint32_t i = 0; i < quire_table_column_count(table); i++) {
        const quire_column *column = quire_table_column(table, i);
        fputs(i ? ", [" : "[", stdout);
        print_text(column->name, strlen(column->name));
        printf(", \"%s\", %s]", types[column->type], column->not_null ? "true" : "false");
    }
    fputs("]", stdout);
}

/* Tells of every row: its rowid and record. */
static void each_row(quire_table *table,
                     void (*each)(quire_table *, uint32_t, int64_t, const void *, size_t, bool),
                     uint32_t argument)
{
    quire_error err;
    quire_cursor *cursor;
    bool valid;
    golden_need(quire_table_cursor(table, &cursor, &err), &err, "cursor");
    golden_need(quire_cursor_first(cursor, &valid, &err), &err, "first");
    for (bool first = true; valid; first = false) {
        int64_t rowid;
        const void *record;
        size_t size;
        golden_need(quire_cursor_row(cursor, &rowid, &record, &size, &err), &err, "row");
        each(table, argument, rowid, record, size, first);
        golden_need(quire_cursor_next(cursor, &valid, &err), &err, "next");
    }
    quire_cursor_close(cursor);
}

static void print_row(quire_table *table, uint32_t argument, int64_t rowid, const void *record,
                      size_t size, bool first)
{
    (void)argument;
    printf("%s\n  [%" PRId64 ", ", first ? "" : ",", rowid);
    print_record(record, size, quire_table_column_count(table));
    putchar(']');
}

/* The columns of an index's key, read from the row. */
static uint32_t key_of(quire_table *table, uint32_t index, const void *record, size_t size,
                       quire_value *key)
{
    quire_error err;
    const quire_index_def *def = quire_table_index(table, index);
    for (uint32_t i = 0; i < def->column_count; i++) {
        if (def->columns[i].name == NULL) {
            key[i] = quire_null(); /* not what the entry has: that is for the order to tell */
            continue;
        }
        uint32_t column = (uint32_t)quire_table_find_column(table, def->columns[i].name);
        golden_need(quire_record_column(record, size, column, &key[i], &err), &err, def->name);
    }
    return def->column_count;
}

/* A row's key, and what the entry includes: read from the entry, which the cursor stands on. */
static void print_entry(quire_table *table, uint32_t index, quire_index_cursor *cursor,
                        int64_t rowid, const void *record, size_t size, bool first)
{
    quire_error err;
    const quire_index_def *def = quire_table_index(table, index);
    quire_value key[16];
    uint32_t count = key_of(table, index, record, size, key);
    printf("%s\n   [%" PRId64 ", [", first ? "" : ",", rowid);
    for (uint32_t i = 0; i < count; i++) {
        fputs(i ? ", " : "", stdout);
        print_value(&key[i]);
    }
    fputs("]", stdout);
    for (uint32_t i = 0; i < def->included_count; i++) {
        quire_value value;
        uint32_t column = (uint32_t)quire_table_find_column(table, def->included[i]);
        golden_need(quire_index_cursor_column(cursor, column, &value, &err), &err, def->name);
        fputs(", ", stdout);
        print_value(&value);
    }
    fputs("]", stdout);
}

/* Prints the entry of one row of a hash index if a search for its key finds it, once. */
static void print_hash_entry(quire_table *table, uint32_t index, int64_t rowid, const void *record,
                             size_t size, bool first)
{
    quire_error err;
    quire_value key[16];
    quire_index_range range = {.prefix = key};
    range.prefix_count = key_of(table, index, record, size, key);
    quire_index_cursor *cursor;
    golden_need(quire_index_cursor_open(table, index, &range, &cursor, &err), &err, "open index");
    uint32_t found = 0;
    for (bool valid = true; valid;) {
        int64_t other;
        golden_need(quire_index_cursor_next(cursor, &other, &valid, &err), &err, "next entry");
        found += valid && other == rowid;
    }
    if (found == 1) {
        print_entry(table, index, cursor, rowid, record, size, first);
    }
    quire_index_cursor_close(cursor);
}

static void print_ordered(quire_table *table, uint32_t index)
{
    quire_error err;
    quire_index_cursor *cursor;
    bool first = true;
    golden_need(quire_index_cursor_open(table, index, NULL, &cursor, &err), &err, "open index");
    for (bool valid = true; valid; first = false) {
        int64_t rowid;
        golden_need(quire_index_cursor_next(cursor, &rowid, &valid, &err), &err, "next entry");
        if (!valid) {
            break;
        }
        const void *record;
        size_t size;
        bool found;
        golden_need(quire_table_get(table, rowid, &record, &size, &found, &err), &err, "get");
        if (found) {
            print_entry(table, index, cursor, rowid, record, size, first);
        }
    }
    quire_index_cursor_close(cursor);
}

static void print_index(quire_table *table, uint32_t index)
{
    const quire_index_def *def = quire_table_index(table, index);
    print_text(def->name, strlen(def->name));
    printf(": {\"kind\": \"%s\", \"unique\": %s, \"columns\": [",
           def->kind == QUIRE_INDEX_HASH ? "hash" : "btree", def->unique ? "true" : "false");
    for (uint32_t i = 0; i < def->column_count; i++) {
        fputs(i ? ", [" : "[", stdout);
        const char *what =
            def->columns[i].name != NULL ? def->columns[i].name : def->columns[i].expression;
        print_text(what, strlen(what));
        printf(", %s", def->columns[i].descending ? "true" : "false");
        if (def->columns[i].collation != NULL) {
            fputs(", ", stdout);
            print_text(def->columns[i].collation, strlen(def->columns[i].collation));
        }
        fputs("]", stdout);
    }
    fputs("]", stdout);
    if (def->where != NULL) {
        fputs(", \"where\": ", stdout);
        print_text(def->where, strlen(def->where));
    }
    fputs(", \"included\": [", stdout);
    for (uint32_t i = 0; i < def->included_count; i++) {
        fputs(i ? ", " : "", stdout);
        print_text(def->included[i], strlen(def->included[i]));
    }
    fputs("], \"entries\": [", stdout);
    if (def->kind == QUIRE_INDEX_HASH) {
        each_row(table, print_hash_entry, index);
    } else {
        print_ordered(table, index);
    }
    fputs("]}", stdout);
}

static void print_trigger(const quire_trigger_def *def)
{
    static const char *const events[] = {"insert", "update", "delete"};
    const char *between = "";
    print_text(def->name, strlen(def->name));
    printf(": {\"time\": \"%s\", \"enabled\": %s, \"function\": ",
           def->time == QUIRE_BEFORE ? "before" : "after", def->disabled ? "false" : "true");
    print_text(def->function, strlen(def->function));
    fputs(", \"events\": [", stdout);
    for (unsigned i = 0; i < 3; i++) {
        if ((def->events & (1U << i)) != 0) {
            printf("%s\"%s\"", between, events[i]);
            between = ", ";
        }
    }
    fputs("]}", stdout);
}

static void print_pair(const char *name, const char *expression, bool first)
{
    fputs(first ? "[" : ", [", stdout);
    print_text(name, strlen(name));
    fputs(", ", stdout);
    print_text(expression, strlen(expression));
    putchar(']');
}

static void print_view(quire_txn *txn, const char *name)
{
    quire_error err;
    quire_view *view;
    golden_need(quire_view_open(txn, name, &view, &err), &err, name);
    const quire_view_def *def = quire_view_definition(view);
    fputs("{\"table\": ", stdout);
    print_text(def->table, strlen(def->table));
    fputs(", \"filter\": ", stdout);
    if (def->filter == NULL) {
        fputs("null", stdout);
    } else {
        print_text(def->filter, strlen(def->filter));
    }
    fputs(", \"columns\": [", stdout);
    for (uint32_t i = 0; i < def->column_count; i++) {
        print_pair(def->columns[i].name, def->columns[i].expression, i == 0);
    }
    fputs("], \"order\": [", stdout);
    for (uint32_t i = 0; i < def->order_count; i++) {
        fputs(i ? ", [" : "[", stdout);
        print_text(def->order[i].column, strlen(def->order[i].column));
        printf(", %s]", def->order[i].descending ? "true" : "false");
    }
    fputs("]}", stdout);
    quire_view_close(view);
}

static void print_table(quire_txn *txn, const char *name)
{
    quire_error err;
    quire_table *table;
    golden_need(quire_table_open(txn, name, &table, &err), &err, name);
    putchar('{');
    print_columns(table);
    fputs(",\n \"rows\": [", stdout);
    each_row(table, print_row, 0);
    fputs("],\n \"indexes\": {", stdout);
    for (uint32_t i = 0; i < quire_table_index_count(table); i++) {
        fputs(i ? ",\n  " : "\n  ", stdout);
        print_index(table, i);
    }
    fputs("},\n \"triggers\": {", stdout);
    for (uint32_t i = 0; i < quire_table_trigger_count(table); i++) {
        fputs(i ? ",\n  " : "\n  ", stdout);
        print_trigger(quire_table_trigger(table, i));
    }
    fputs("}}", stdout);
    quire_table_close(table);
}

static quire_status take_name(void *context, const quire_object_stats *stats, quire_error *err)
{
    (void)err;
    names *into = context;
    if (strcmp(stats->kind, into->kind) == 0 && into->count < NAMES_MAX) {
        snprintf(into->text[into->count++], sizeof into->text[0], "%s", stats->name);
    }
    return QUIRE_OK;
}

static void print_objects(quire_txn *txn, const char *kind,
                          void (*print)(quire_txn *txn, const char *name))
{
    quire_error err;
    names *found = golden_memory(sizeof *found);
    found->kind = kind;
    golden_need(quire_each_object(txn, take_name, found, &err), &err, "objects");
    printf(",\n\"%ss\": {", kind);
    for (uint32_t i = 0; i < found->count; i++) {
        fputs(i ? ",\n" : "\n", stdout);
        print_text(found->text[i], strlen(found->text[i]));
        fputs(": ", stdout);
        print(txn, found->text[i]);
    }
    putchar('}');
    free(found);
}

void golden_list(const char *path, quire_open_mode mode)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_stats stats = {.size = sizeof stats};
    quire_error err;
    quire_db *db;
    quire_txn *txn;
    char *text;
    size_t size;
    options.mode = mode;
    golden_need(quire_open(path, &options, &db, &err), &err, path);
    golden_need(quire_get_stats(db, &stats, &err), &err, "statistics");
    golden_need(quire_begin(db, QUIRE_READ, &txn, &err), &err, "begin");
    printf("{\"page_size\": %" PRIu32 ",\n\"texts\": {", stats.page_size);
    golden_need(quire_schema_text(txn, QUIRE_SCHEMA_SOURCE, &text, &size, &err), &err, "schema");
    if (size != 0) {
        fputs("\"schema\": ", stdout);
        print_text(text, size);
    }
    quire_free(text);
    putchar('}');
    print_objects(txn, "tree", print_tree);
    print_objects(txn, "key tree", print_key_tree);
    print_objects(txn, "table", print_table);
    print_objects(txn, "view", print_view);
    fputs("}\n", stdout);
    golden_need(quire_commit(txn, &err), &err, "end of reading");
    golden_need(quire_close(db, &err), &err, "close");
}
