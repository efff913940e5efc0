/*
 * The contents of the golden files: every kind of value, cell, key and page
 * that the format has, in few pages. Changing anything here changes what the
 * committed listings say; the files are then made anew (README.md).
 */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden/golden.h"

#define COLUMNS 7

static quire_txn *begin(quire_db *db)
{
    quire_error err;
    quire_txn *txn;
    golden_need(quire_begin(db, QUIRE_WRITE, &txn, &err), &err, "begin");
    return txn;
}

static void commit(quire_txn *txn)
{
    quire_error err;
    golden_need(quire_commit(txn, &err), &err, "commit");
}

/* Bytes that look random and are the same everywhere. */
static void fill(uint8_t *bytes, size_t size, uint32_t seed)
{
    uint32_t state = seed * 2654435761U + 1;
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525U + 1013904223U;
        bytes[i] = (uint8_t)(state >> 24);
    }
}

/* ---- A tree of plain payloads ---- */

static void put(quire_tree *tree, int64_t rowid, size_t size)
{
    quire_error err;
    uint8_t *bytes = golden_memory(size + 1);
    fill(bytes, size, (uint32_t)size);
    golden_need(quire_tree_put(tree, rowid, bytes, size, NULL, &err), &err, "put");
    free(bytes);
}

/* Rows with empty, small, and large payloads: the largest in several runs of pages, since it takes
 * the places of those deleted before it. */
static void write_tree(quire_txn *txn, uint32_t page_size)
{
    quire_error err;
    quire_tree *tree;
    golden_need(quire_tree_create(txn, "notes", &err), &err, "create tree");
    golden_need(quire_tree_open(txn, "notes", &tree, &err), &err, "open tree");
    put(tree, INT64_MIN, 0);
    put(tree, INT64_MAX, 1);
    put(tree, 0, (page_size - 48) / 4 - 12);
    put(tree, 1, (page_size - 48) / 4 - 11);
    put(tree, 2, page_size - 32);
    put(tree, 3, page_size - 31);
    for (int64_t rowid = 10; rowid < 18; rowid++) {
        put(tree, rowid, page_size / 2);
    }
    for (int64_t rowid = 10; rowid < 18; rowid += 2) {
        golden_need(quire_tree_delete(tree, rowid, NULL, &err), &err, "delete");
    }
    quire_tree_close(tree);
}

static void rewrite_tree(quire_txn *txn, uint32_t page_size)
{
    quire_error err;
    quire_tree *tree;
    golden_need(quire_tree_open(txn, "notes", &tree, &err), &err, "open tree");
    put(tree, -7, (size_t)page_size * 6);
    put(tree, 2, 3);
    quire_tree_close(tree);
}

/* ---- A tree of byte keys ---- */

/* Keys that begin alike, the empty one, and the longest; values inside and outside of the page. */
static void write_key_tree(quire_txn *txn, uint32_t page_size)
{
    quire_error err;
    quire_keytree *tree;
    golden_need(quire_keytree_create(txn, "bytes", &err), &err, "create key tree");
    golden_need(quire_keytree_open(txn, "bytes", &tree, &err), &err, "open key tree");
    size_t key_max = quire_keytree_key_max(tree);
    uint8_t *bytes = golden_memory(page_size * 2);
    fill(bytes, page_size * 2, page_size);
    for (uint32_t i = 0; i < 24; i++) {
        size_t key_size = i % 8 == 7 ? key_max - i / 8 : i;
        size_t size = i % 6 == 5 ? page_size / 4 + i * page_size / 16 : i;
        memset(bytes, 'k', key_max / 2);
        golden_need(quire_keytree_put(tree, bytes, key_size, bytes + i, size, NULL, &err), &err,
                    "put entry");
    }
    free(bytes);
    quire_keytree_close(tree);
}

/* ---- A table with every type and kind of index ---- */

static void create_table(quire_txn *txn)
{
    static const quire_column columns[COLUMNS] = {
        {"flag", QUIRE_BOOL, false}, {"number", QUIRE_INT, true},  {"real", QUIRE_FLOAT, false},
        {"name", QUIRE_TEXT, false}, {"bytes", QUIRE_BLOB, false}, {"list", QUIRE_LIST, false},
        {"group", QUIRE_TEXT, true}};
    static const quire_index_column number_down[] = {{.name = "flag"},
                                                     {.name = "number", .descending = true}};
    static const quire_index_column real[] = {{.name = "real"}};
    static const quire_index_column name[] = {{.name = "name"}};
    static const quire_index_column nocase[] = {
        {.name = "name", .descending = true, .collation = "nocase"}, {.name = "flag"}};
    static const quire_index_column computed[] = {{.expression = "number % 7", .descending = true},
                                                  {.name = "flag"}};
    static const char *const stored[] = {"real", "flag"};
    static const char *const mixed[] = {"list", "number", "name"};
    static const quire_index_column bytes_down[] = {{.name = "bytes", .descending = true}};
    static const quire_index_column group[] = {{.name = "group"}};
    static const quire_index_column pair[] = {{.name = "number"}, {.name = "name"}};
    static const quire_index_def indexes[] = {
        {.name = "by flag, number falling", .columns = number_down, .column_count = 2},
        {.name = "by real", .columns = real, .column_count = 1},
        {.name = "by name",
         .unique = true,
         .columns = name,
         .column_count = 1,
         .included = stored,
         .included_count = 2},
        {.name = "by name in any case, falling",
         .columns = nocase,
         .column_count = 2,
         .included = mixed,
         .included_count = 3},
        {.name = "some by remainder",
         .columns = computed,
         .column_count = 2,
         .included = mixed,
         .included_count = 3,
         .where = "number > 0 and length(name) < 60"},
        {.name = "by bytes falling", .columns = bytes_down, .column_count = 1},
        {.name = "of group", .kind = QUIRE_INDEX_HASH, .columns = group, .column_count = 1},
        {.name = "of number and name",
         .kind = QUIRE_INDEX_HASH,
         .unique = true,
         .columns = pair,
         .column_count = 2}};
    quire_error err;
    golden_need(quire_table_create(txn, "things", columns, COLUMNS, &err), &err, "create table");
    for (size_t i = 0; i < sizeof indexes / sizeof indexes[0]; i++) {
        golden_need(quire_index_create(txn, "things", &indexes[i], &err), &err, indexes[i].name);
    }
}

/* Views with and without filter, columns and order; triggers that no program needs to know, for
 * they are off or watch what does not happen. */
static void create_views_and_triggers(quire_txn *txn)
{
    static const quire_view_field fields[] = {
        {"number", NULL}, {"shout", "upper(name) || '!'"}, {"of \"group\"", "\"group\""}};
    static const quire_view_order order[] = {{"number", true}, {"name", false}};
    static const quire_view_def views[] = {{.name = "all things", .table = "things"},
                                           {.name = "some things",
                                            .table = "things",
                                            .filter = "number > 0 and not flag or name is null",
                                            .columns = fields,
                                            .column_count = 3,
                                            .order = order,
                                            .order_count = 2}};
    static const quire_trigger_def triggers[] = {
        {.name = "off",
         .table = "things",
         .function = "any",
         .time = QUIRE_AFTER,
         .events = QUIRE_ON_INSERT | QUIRE_ON_DELETE,
         .disabled = true},
        {.name = "on", .table = "watched", .function = "b\xc3\xa9", .events = QUIRE_ON_UPDATE}};
    static const quire_column column = {"only", QUIRE_INT, false};
    quire_error err;
    golden_need(quire_table_create(txn, "watched", &column, 1, &err), &err, "watched");
    for (size_t i = 0; i < 2; i++) {
        golden_need(quire_view_create(txn, &views[i], &err), &err, views[i].name);
        golden_need(quire_trigger_create(txn, &triggers[i], &err), &err, triggers[i].name);
    }
}

static double real_of(uint32_t i)
{
    static const double reals[] = {0.0,     -0.0,     1.5,       -1.5, DBL_MAX, -DBL_MAX,
                                   DBL_MIN, INFINITY, -INFINITY, NAN,  0.1};
    return reals[i % (sizeof reals / sizeof reals[0])];
}

static int64_t number_of(uint32_t i)
{
    static const int64_t numbers[] = {0,   1,      -1,     127,       128,       -128,      -129,
                                      255, -32768, 100000, INT32_MAX, INT64_MAX, INT64_MIN, 2};
    return i < 2 * sizeof numbers / sizeof numbers[0] ? numbers[i / 2] : (int64_t)i * 977 - 50000;
}

/* A list that holds a list. */
static quire_value list_of(uint32_t i, uint8_t *inner, uint8_t *outer)
{
    quire_value values[3] = {quire_int(i), quire_null(), quire_text("in")};
    quire_value list = {.type = QUIRE_LIST, .as.bytes = inner};
    list.size = (uint32_t)quire_record_encode(values, i % 4, inner);
    quire_value both[2] = {list, quire_float(i / 2.0)};
    quire_value result = {.type = QUIRE_LIST, .as.bytes = outer};
    result.size = (uint32_t)quire_record_encode(both, 2, outer);
    return result;
}

/* Every 13th name and 17th blob is longer than an index key may be; names of rows 26, 52 ... begin
 * alike. Every 29th group is large. */
static void insert(quire_table *table, uint32_t i, uint32_t page_size)
{
    quire_error err;
    uint8_t inner[64];
    uint8_t outer[128];
    uint8_t blob[32768 / 4 + 3];
    char *name = golden_memory(page_size + 64);
    size_t size =
        (size_t)snprintf(name, 64, "%s %u \xc3\x89\xc3\x9f\xf0\x9f\x90\xa6", i % 2 ? "B" : "a", i);
    if (i % 13 == 0) {
        memset(name, 'n', page_size / 3);
        size = page_size / 3 + (size_t)snprintf(name + page_size / 3, 64, "%u", i / 26);
    } else if (i % 7 == 0) {
        name[1] = '\0';
    }
    size_t blob_size = i % 17 == 0 ? page_size / 4 + i % 3 : i % 20;
    fill(blob, blob_size, i);
    memset(blob, 0, blob_size / 2);
    char group[32];
    snprintf(group, sizeof group, "group %u", i % 29 == 0 || i % 3 == 0 ? 0 : i);
    quire_value values[COLUMNS] = {i % 5 == 0 ? quire_null() : quire_bool(i % 2),
                                   quire_int(number_of(i)),
                                   i % 6 == 5 ? quire_null() : quire_float(real_of(i)),
                                   i % 13 == 0 && i % 2 == 1 ? quire_null()
                                                             : quire_text_n(name, size),
                                   i % 11 == 10 ? quire_null() : quire_blob(blob, blob_size),
                                   i % 3 == 0 ? quire_null() : list_of(i, inner, outer),
                                   quire_text(group)};
    int64_t rowid = i == 3 ? -5 : (int64_t)i * 3 + 1;
    golden_need(quire_table_insert(table, &rowid, values, COLUMNS, &err), &err, "insert");
    free(name);
}

static void insert_range(quire_txn *txn, uint32_t from, uint32_t to, uint32_t page_size)
{
    quire_error err;
    quire_table *table;
    golden_need(quire_table_open(txn, "things", &table, &err), &err, "open table");
    for (uint32_t i = from; i < to; i++) {
        insert(table, i, page_size);
    }
    quire_table_close(table);
}

/* Deletes every ninth row and changes the number and flag of every tenth. */
static void change_rows(quire_txn *txn, uint32_t rows)
{
    quire_error err;
    quire_table *table;
    golden_need(quire_table_open(txn, "things", &table, &err), &err, "open table");
    for (uint32_t i = 4; i < rows; i++) {
        bool found;
        int64_t rowid = (int64_t)i * 3 + 1;
        if (i % 9 == 0) {
            golden_need(quire_table_delete(table, rowid, &found, &err), &err, "delete");
        } else if (i % 10 == 0) {
            char group[32];
            snprintf(group, sizeof group, "moved %u", i);
            quire_value values[COLUMNS + 1] = {quire_bool(true),  quire_int(-(int64_t)i * 1000003),
                                               quire_null(),      quire_null(),
                                               quire_null(),      quire_null(),
                                               quire_text(group), quire_text("")};
            golden_need(quire_table_update(table, rowid, values, COLUMNS + 1, &found, &err), &err,
                        "update");
        }
    }
    quire_table_close(table);
}

/* ---- The whole ---- */

static void copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    if (in == NULL || out == NULL) {
        fprintf(stderr, "golden: cannot copy %s to %s\n", from, to);
        exit(1);
    }
    char bytes[4096];
    size_t size;
    while ((size = fread(bytes, 1, sizeof bytes, in)) > 0) {
        if (fwrite(bytes, 1, size, out) != size) {
            fprintf(stderr, "golden: cannot write %s\n", to);
            exit(1);
        }
    }
    fclose(in);
    if (fclose(out) != 0) {
        fprintf(stderr, "golden: cannot write %s\n", to);
        exit(1);
    }
}

/* The log first: a checkpoint that runs meanwhile takes nothing from the log that the copy of the
 * database file does not get. */
static void copy_database(const char *from, const char *to)
{
    char log_from[4096];
    char log_to[4096];
    snprintf(log_from, sizeof log_from, "%s-wal", from);
    snprintf(log_to, sizeof log_to, "%s-wal", to);
    copy_file(log_from, log_to);
    copy_file(from, to);
}

static void write_schema(quire_db *db)
{
    static const char sdl[] = "type Bird {\n"
                              "  id: ID!\n"
                              "  name: String!\n"
                              "  wings: Int\n"
                              "  eats: [Bird!]\n"
                              "}\n";
    quire_error err;
    quire_txn *txn = begin(db);
    golden_need(quire_schema_apply(txn, sdl, sizeof sdl - 1, &err), &err, "schema");
    commit(txn);
}

static bool stop_after_one_batch(void *context, const quire_progress *progress)
{
    (void)context;
    (void)progress;
    return false;
}

/* An index whose building was interrupted after ten rows. */
static void leave_unfinished(quire_db *db)
{
    static const quire_index_column number = {.name = "number"};
    static const quire_index_def def = {
        .name = "unfinished", .columns = &number, .column_count = 1};
    quire_index_build_options options = QUIRE_INDEX_BUILD_OPTIONS_INIT;
    quire_error err = QUIRE_ERROR_INIT;
    options.batch_rows = 10;
    options.progress = stop_after_one_batch;
    if (quire_index_build(db, "things", &def, &options, &err) != QUIRE_INTERRUPTED) {
        golden_need(QUIRE_INTERNAL, &err, "leave an index unfinished");
    }
}

void golden_write(const char *path, const char *log, uint32_t page_size, uint32_t rows)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    options.mode = QUIRE_OPEN_NEW;
    options.page_size = page_size;
    options.wal_segment_bytes = page_size * 8;
    options.checkpoint = quire_checkpoint_manual();
    quire_error err;
    quire_db *db;
    golden_need(quire_open(path, &options, &db, &err), &err, path);
    quire_txn *txn = begin(db);
    write_tree(txn, page_size);
    write_key_tree(txn, page_size);
    create_table(txn);
    create_views_and_triggers(txn);
    insert_range(txn, 0, rows / 2, page_size);
    commit(txn);
    txn = begin(db);
    golden_need(quire_tree_create(txn, "dropped", &err), &err, "create tree");
    commit(txn);
    write_schema(db);
    golden_need(quire_checkpoint(db, &err), &err, "checkpoint");

    static const quire_column later[] = {{"later", QUIRE_TEXT, false}};
    txn = begin(db);
    golden_need(quire_table_add_columns(txn, "things", later, 1, &err), &err, "add columns");
    golden_need(quire_tree_drop(txn, "dropped", &err), &err, "drop tree");
    insert_range(txn, rows / 2, rows, page_size);
    commit(txn);
    golden_need(quire_checkpoint(db, &err), &err, "checkpoint");

    leave_unfinished(db);
    txn = begin(db);
    change_rows(txn, rows);
    commit(txn);
    txn = begin(db);
    rewrite_tree(txn, page_size);
    commit(txn);
    if (log != NULL) {
        copy_database(path, log);
    }
    golden_need(quire_close(db, &err), &err, "close");
}
