#include "memory.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/thread.h"
#include "engine/inspect.h"
#include "engine/maintenance.h"
#include "harness.h"

typedef struct memory_run run_t;

static void tell(struct memory_run *run, const void *bytes, size_t size)
{
    run->answer = qr_hash64(bytes, size, run->answer);
}

/* ---- The database ---- */

static const char sdl[] =
    "type A { id: ID! n: Int @index s: String @default(value: \"d\") up: A ups: [A] "
    "@relation(inverse: \"up\") bs: [B] } type B { id: ID! k: K as: [A] } enum K { X Y }";
static const char wider_sdl[] =
    "type A { id: ID! n: Int @index s: String @default(value: \"d\") up: A ups: [A] "
    "@relation(inverse: \"up\") bs: [B] more: Float } type B { id: ID! k: K as: [A] } "
    "enum K { X Y } type C { id: ID! t: String @unique }";

quire_options memory_options(const struct memory_setting *setting, const quire_allocator *allocator)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = setting->page_size;
    options.cache_bytes = (uint64_t)setting->cache_pages * setting->page_size;
    options.wal_segment_bytes = setting->page_size * 32;
    options.durability = setting->durability;
    options.readers_max = 4;
    options.checkpoint = quire_checkpoint_manual();
    options.allocator = allocator;
    return options;
}

static quire_status insert_item(quire_table *table, int number, quire_error *err)
{
    char name[24];
    int64_t rowid = 0;
    (void)snprintf(name, sizeof name, "item %d", number);
    quire_value row[] = {quire_text(name), quire_int(number % 7)};
    return quire_table_insert(table, &rowid, row, 2, err);
}

static quire_status add_index(quire_txn *txn, const char *name, quire_index_kind kind, bool unique,
                              const char *column, quire_error *err)
{
    quire_index_column key = {.name = column};
    quire_index_def def = {
        .name = name, .kind = kind, .unique = unique, .columns = &key, .column_count = 1};
    return quire_index_create(txn, "items", &def, err);
}

static void fill_trees(quire_txn *txn)
{
    static const uint8_t bytes[6000] = {1, 2, 3};
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *tree;
    quire_keytree *keys;
    MUST(quire_tree_create(txn, "rows", &err));
    MUST(quire_tree_open(txn, "rows", &tree, &err));
    for (int64_t i = 1; i <= 60; i++) {
        MUST(quire_tree_put(tree, i, bytes, i % 25 == 0 ? sizeof bytes : 50, NULL, &err));
    }
    quire_tree_close(tree);
    MUST(quire_keytree_create(txn, "keys", &err));
    MUST(quire_keytree_open(txn, "keys", &keys, &err));
    for (unsigned i = 0; i < 40; i++) {
        char key[60];
        int size = snprintf(key, sizeof key, "key %0*u", (int)(2 + i % 40), i);
        MUST(
            quire_keytree_put(keys, key, (size_t)size, bytes, i % 20 == 0 ? 3000 : 30, NULL, &err));
    }
    quire_keytree_close(keys);
}

static void fill_table(quire_txn *txn)
{
    static const quire_column columns[] = {{"name", QUIRE_TEXT, true}, {"age", QUIRE_INT, false}};
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    MUST(quire_table_create(txn, "items", columns, 2, &err));
    MUST(add_index(txn, "by_name", QUIRE_INDEX_BTREE, true, "name", &err));
    MUST(add_index(txn, "by_hash", QUIRE_INDEX_HASH, true, "name", &err));
    MUST(add_index(txn, "by_age", QUIRE_INDEX_BTREE, false, "age", &err));
    MUST(quire_table_open(txn, "items", &table, &err));
    for (int i = 0; i < 40; i++) {
        MUST(insert_item(table, i, &err));
    }
    quire_table_close(table);
}

void memory_prepare(quire_db *db)
{
    static const char mutation[] =
        "mutation { b: createB(input: {id: \"b\", k: X}) { id } c: createB(input: {id: \"c\"}) { "
        "id } "
        "x: createA(input: {id: \"1\", n: 1, bsIds: [\"b\", \"c\"]}) { id } "
        "y: createA(input: {id: \"2\", n: 2, upId: \"1\"}) { id } "
        "z: createA(input: {id: \"3\", n: 2, upId: \"1\", bsIds: [\"c\"]}) { id } }";
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;
    bool failed = true;
    quire_txn *txn;
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    fill_trees(txn);
    fill_table(txn);
    memory_prepare_features(txn);
    MUST(quire_schema_apply(txn, sdl, sizeof sdl - 1, &err));
    request.document = mutation;
    MUST(quire_graphql_in(txn, &request, &response, &size, &failed, &err));
    REQUIRE(!failed, "%s", response);
    quire_free(response);
    MUST(quire_commit(txn, &err));
}

/* ---- Trees ---- */

#define WITH_TREE(call)                                                                            \
    quire_tree *tree;                                                                              \
    QR_TRY(quire_tree_open(txn, "rows", &tree, err));                                              \
    quire_status status = (call);                                                                  \
    quire_tree_close(tree);                                                                        \
    return status

#define TREE_STEP(name, call)                                                                      \
    static quire_status name(run_t *run, quire_txn *txn, quire_error *err)                         \
    {                                                                                              \
        (void)run;                                                                                 \
        WITH_TREE(call);                                                                           \
    }

static const uint8_t large[20000] = {7};

static quire_status find_row(run_t *run, quire_tree *tree, int64_t row, quire_error *err)
{
    const void *payload = NULL;
    size_t size = 0;
    bool found = false;
    QR_TRY(quire_tree_find(tree, row, &payload, &size, &found, err));
    tell(run, payload, found ? size : 0);
    return QUIRE_OK;
}

static quire_status count_rows(run_t *run, quire_tree *tree, quire_error *err)
{
    uint64_t rows = 0;
    QR_TRY(quire_tree_count(tree, &rows, err));
    tell(run, &rows, sizeof rows);
    return QUIRE_OK;
}

static quire_status read_part(run_t *run, quire_tree *tree, quire_error *err)
{
    uint8_t buffer[3000];
    size_t got = 0;
    bool found = false;
    QR_TRY(quire_tree_read_part(tree, 25, 1000, buffer, sizeof buffer, &got, &found, err));
    tell(run, buffer, got);
    return QUIRE_OK;
}

static quire_status append_rows(quire_tree *tree, quire_error *err)
{
    quire_tree_row rows[40];
    for (size_t i = 0; i < 40; i++) {
        rows[i] = (quire_tree_row){1000 + (int64_t)i, large, i == 7 ? 5000 : 80};
    }
    return quire_tree_append_many(tree, rows, 40, err);
}

static quire_status visit_row(void *context, size_t index, const void *payload, size_t size)
{
    (void)index;
    tell(context, payload, size);
    return QUIRE_OK;
}

static quire_status find_rows(run_t *run, quire_tree *tree, quire_error *err)
{
    static const int64_t rowids[] = {1, 25, 26, 50, 60, 61};
    return quire_tree_find_many(tree, rowids, 6, visit_row, run, err);
}

/* Forwards and backwards over the rows, then to one of them. */
static quire_status walk_rows(run_t *run, quire_tree *tree, quire_error *err)
{
    quire_cursor *cursor;
    bool valid = true;
    QR_TRY(quire_cursor_open(tree, &cursor, err));
    quire_status status = QUIRE_OK;
    while (status == QUIRE_OK && valid) {
        int64_t rowid;
        const void *payload;
        size_t size;
        status = quire_cursor_next(cursor, &valid, err);
        if (status == QUIRE_OK && valid) {
            status = quire_cursor_row(cursor, &rowid, &payload, &size, err);
        }
        if (status == QUIRE_OK && valid) {
            tell(run, payload, size);
        }
    }
    for (valid = true; status == QUIRE_OK && valid;) {
        status = quire_cursor_previous(cursor, &valid, err);
    }
    if (status == QUIRE_OK) {
        status = quire_cursor_seek(cursor, 25, &valid, err);
    }
    quire_cursor_close(cursor);
    return status;
}

TREE_STEP(tree_find, find_row(run, tree, 7, err))
TREE_STEP(tree_find_large, find_row(run, tree, 25, err))
TREE_STEP(tree_find_none, find_row(run, tree, 700, err))
TREE_STEP(tree_count, count_rows(run, tree, err))
TREE_STEP(tree_read_part, read_part(run, tree, err))
TREE_STEP(tree_find_many, find_rows(run, tree, err))
TREE_STEP(tree_walk, walk_rows(run, tree, err))
TREE_STEP(tree_insert, quire_tree_insert(tree, 70, large, 90, err))
TREE_STEP(tree_insert_twice, quire_tree_insert(tree, 7, large, 90, err))
TREE_STEP(tree_put, quire_tree_put(tree, 7, large, 120, NULL, err))
TREE_STEP(tree_put_large, quire_tree_put(tree, 8, large, sizeof large, NULL, err))
TREE_STEP(tree_replace, quire_tree_replace(tree, 25, large, 40, NULL, err))
TREE_STEP(tree_delete, quire_tree_delete(tree, 9, NULL, err))
TREE_STEP(tree_delete_large, quire_tree_delete(tree, 50, NULL, err))
TREE_STEP(tree_write_part, quire_tree_write_part(tree, 25, 2000, large, 1500, NULL, err))
TREE_STEP(tree_reserve, quire_tree_reserve(tree, 90, 9000, NULL, err))
TREE_STEP(tree_delete_range, quire_tree_delete_range(tree, 3, 55, NULL, err))
TREE_STEP(tree_append_many, append_rows(tree, err))

static quire_status tree_create(run_t *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return quire_tree_create(txn, "another", err);
}

static quire_status tree_drop(run_t *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return quire_tree_drop(txn, "rows", err);
}

/* More than the cache holds: pages are spilled. */
static quire_status tree_spill(run_t *run, quire_txn *txn, quire_error *err)
{
    quire_tree *tree;
    quire_status status = QUIRE_OK;
    (void)run;
    QR_TRY(quire_tree_open(txn, "rows", &tree, err));
    for (int64_t i = 0; i < 150 && status == QUIRE_OK; i++) {
        status = quire_tree_put(tree, i, large, 800, NULL, err);
    }
    quire_tree_close(tree);
    return status;
}

/* ---- Key trees ---- */

#define KEYS_STEP(name, call)                                                                      \
    static quire_status name(run_t *run, quire_txn *txn, quire_error *err)                         \
    {                                                                                              \
        quire_keytree *keys;                                                                       \
        (void)run;                                                                                 \
        QR_TRY(quire_keytree_open(txn, "keys", &keys, err));                                       \
        quire_status status = (call);                                                              \
        quire_keytree_close(keys);                                                                 \
        return status;                                                                             \
    }

static quire_status get_key(run_t *run, quire_keytree *keys, const char *key, quire_error *err)
{
    const void *value = NULL;
    size_t size = 0;
    bool found = false;
    QR_TRY(quire_keytree_get(keys, key, strlen(key), &value, &size, &found, err));
    tell(run, value, found ? size : 0);
    return QUIRE_OK;
}

static quire_status walk_keys(run_t *run, quire_keytree *keys, quire_error *err)
{
    quire_keycursor *cursor;
    bool valid = true;
    QR_TRY(quire_keycursor_open(keys, &cursor, err));
    quire_status status = quire_keycursor_seek(cursor, "key 1", 5, &valid, err);
    while (status == QUIRE_OK && valid) {
        const void *key;
        const void *value;
        size_t key_size;
        size_t value_size;
        status = quire_keycursor_entry(cursor, &key, &key_size, &value, &value_size, err);
        if (status == QUIRE_OK) {
            tell(run, key, key_size);
            status = quire_keycursor_next(cursor, &valid, err);
        }
    }
    quire_keycursor_close(cursor);
    return status;
}

KEYS_STEP(keys_get, get_key(run, keys, "key 01", err))
KEYS_STEP(keys_get_large, get_key(run, keys, "key 00", err))
KEYS_STEP(keys_walk, walk_keys(run, keys, err))
KEYS_STEP(keys_insert, quire_keytree_insert(keys, "new", 3, large, 50, err))
KEYS_STEP(keys_put, quire_keytree_put(keys, "key 01", 6, large, 70, NULL, err))
KEYS_STEP(keys_put_large, quire_keytree_put(keys, "key 01", 6, large, 9000, NULL, err))
KEYS_STEP(keys_delete, quire_keytree_delete(keys, "key 00", 6, NULL, err))
KEYS_STEP(keys_delete_range, quire_keytree_delete_range(keys, "key 0", 5, NULL, 0, NULL, err))

static quire_status keys_create(run_t *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return quire_keytree_create(txn, "more keys", err);
}

static quire_status keys_drop(run_t *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return quire_keytree_drop(txn, "keys", err);
}

/* ---- Tables and indexes ---- */

#define TABLE_STEP(name, call)                                                                     \
    static quire_status name(run_t *run, quire_txn *txn, quire_error *err)                         \
    {                                                                                              \
        quire_table *table;                                                                        \
        (void)run;                                                                                 \
        QR_TRY(quire_table_open(txn, "items", &table, err));                                       \
        quire_status status = (call);                                                              \
        quire_table_close(table);                                                                  \
        return status;                                                                             \
    }

static quire_status update_item(quire_table *table, quire_error *err)
{
    quire_value row[] = {quire_text("renamed"), quire_null()};
    return quire_table_update(table, 5, row, 2, NULL, err);
}

static quire_status get_item(run_t *run, quire_table *table, quire_error *err)
{
    const void *record = NULL;
    size_t size = 0;
    bool found = false;
    QR_TRY(quire_table_get(table, 6, &record, &size, &found, err));
    tell(run, record, size);
    return QUIRE_OK;
}

static quire_status each_item(void *context, size_t index, const void *record, size_t size,
                              quire_error *err)
{
    (void)index;
    (void)err;
    tell(context, record, size);
    return QUIRE_OK;
}

static quire_status get_items(run_t *run, quire_table *table, quire_error *err)
{
    static const int64_t rowids[] = {2, 3, 5, 39, 400};
    return quire_table_get_many(table, rowids, 5, each_item, run, err);
}

static quire_status walk_range(run_t *run, quire_table *table, const char *name,
                               const quire_index_range *range, quire_error *err)
{
    quire_index_cursor *cursor;
    uint32_t index = 0;
    bool valid = true;
    while (index < quire_table_index_count(table) &&
           strcmp(quire_table_index(table, index)->name, name) != 0) {
        index++;
    }
    if (index == quire_table_index_count(table)) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME, "There is no index %s.", name);
    }
    QR_TRY(quire_index_cursor_open(table, index, range, &cursor, err));
    quire_status status = QUIRE_OK;
    while (status == QUIRE_OK && valid) {
        int64_t rowid = 0;
        status = quire_index_cursor_next(cursor, &rowid, &valid, err);
        tell(run, &rowid, sizeof rowid);
    }
    quire_index_cursor_close(cursor);
    return status;
}

static quire_status walk_prefix(run_t *run, quire_table *table, quire_error *err)
{
    quire_value key = quire_text("item 7");
    quire_index_range range = {.starts_with = &key};
    return walk_range(run, table, "by_name", &range, err);
}

static quire_status walk_bounds(run_t *run, quire_table *table, quire_error *err)
{
    quire_value low = quire_int(2);
    quire_value high = quire_int(5);
    quire_index_range range = {.lower = &low, .upper = &high, .reverse = true};
    return walk_range(run, table, "by_age", &range, err);
}

static quire_status walk_hash(run_t *run, quire_table *table, quire_error *err)
{
    quire_value key = quire_text("item 11");
    quire_index_range range = {.prefix = &key, .prefix_count = 1};
    return walk_range(run, table, "by_hash", &range, err);
}

static quire_status find_unique(run_t *run, quire_table *table, quire_error *err)
{
    quire_value key = quire_text("item 12");
    int64_t rowid = 0;
    bool found = false;
    if (quire_table_index_count(table) == 0) {
        return qr_fail(err, QUIRE_UNKNOWN_NAME, "There is no index.");
    }
    QR_TRY(qr_table_find_unique(table, 0, &key, 1, &rowid, &found, err));
    tell(run, &rowid, sizeof rowid);
    return QUIRE_OK;
}

TABLE_STEP(table_insert, insert_item(table, 100, err))
TABLE_STEP(table_insert_twice, insert_item(table, 11, err))
TABLE_STEP(table_update, update_item(table, err))
TABLE_STEP(table_delete, quire_table_delete(table, 8, NULL, err))
TABLE_STEP(table_get, get_item(run, table, err))
TABLE_STEP(table_get_many, get_items(run, table, err))
TABLE_STEP(index_walk, walk_range(run, table, "by_name", NULL, err))
TABLE_STEP(index_prefix, walk_prefix(run, table, err))
TABLE_STEP(index_bounds, walk_bounds(run, table, err))
TABLE_STEP(index_hash, walk_hash(run, table, err))
TABLE_STEP(index_unique, find_unique(run, table, err))

static quire_status insert_many(quire_table *table, quire_error *err)
{
    quire_status status = QUIRE_OK;
    for (int i = 200; i < 260 && status == QUIRE_OK; i++) {
        status = insert_item(table, i, err);
    }
    return status;
}

TABLE_STEP(table_insert_many, insert_many(table, err))

static quire_status table_create(run_t *run, quire_txn *txn, quire_error *err)
{
    static const quire_column columns[] = {{"a", QUIRE_INT, true}, {"b", QUIRE_LIST, false}};
    (void)run;
    return quire_table_create(txn, "others", columns, 2, err);
}

static quire_status table_widen(run_t *run, quire_txn *txn, quire_error *err)
{
    static const quire_column column = {"note", QUIRE_TEXT, false};
    (void)run;
    return quire_table_add_columns(txn, "items", &column, 1, err);
}

static quire_status table_drop(run_t *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return quire_table_drop(txn, "items", err);
}

static quire_status index_btree(run_t *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return add_index(txn, "new_btree", QUIRE_INDEX_BTREE, false, "name", err);
}

static quire_status index_build_hash(run_t *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return add_index(txn, "new_hash", QUIRE_INDEX_HASH, true, "name", err);
}

static quire_status index_not_unique(run_t *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return add_index(txn, "new_unique", QUIRE_INDEX_BTREE, true, "age", err);
}

static quire_status index_drop(run_t *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    QR_TRY(quire_index_drop(txn, "by_name", err));
    return quire_index_drop(txn, "by_hash", err);
}

/* ---- Transactions ---- */

static quire_status nothing(run_t *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    (void)txn;
    (void)err;
    return QUIRE_OK;
}

static quire_status set_number(run_t *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return quire_set_number(txn, QUIRE_USER_VERSION, 3, err);
}

static quire_status savepoints(run_t *run, quire_txn *txn, quire_error *err)
{
    uint64_t outer;
    uint64_t inner;
    QR_TRY(quire_savepoint(txn, &outer, err));
    QR_TRY(tree_put(run, txn, err));
    QR_TRY(quire_savepoint(txn, &inner, err));
    QR_TRY(tree_delete_range(run, txn, err));
    QR_TRY(table_drop(run, txn, err));
    QR_TRY(quire_rollback_to(txn, inner, err));
    return quire_release(txn, outer, err);
}

static quire_status begin_labelled(run_t *run, quire_db *db, quire_error *err)
{
    quire_begin_options options = QUIRE_BEGIN_OPTIONS_INIT;
    quire_txn *txn;
    options.owner = "a label";
    (void)run;
    QR_TRY(quire_begin_with(db, QUIRE_WRITE, &options, &txn, err));
    quire_rollback(txn);
    return QUIRE_OK;
}

struct outcome {
    atomic_bool known;
    quire_status status;
};

static void know(void *context, uint64_t sequence, quire_status status, const quire_error *error)
{
    struct outcome *outcome = context;
    (void)sequence;
    (void)error;
    outcome->status = status;
    atomic_store(&outcome->known, true);
}

static quire_status commit_async(run_t *run, quire_db *db, quire_error *err)
{
    struct outcome outcome = {.status = QUIRE_OK};
    quire_txn *txn;
    QR_TRY(quire_begin(db, QUIRE_WRITE, &txn, err));
    quire_status status = tree_put(run, txn, err);
    if (status != QUIRE_OK) {
        quire_rollback(txn);
        return status;
    }
    QR_TRY(quire_commit_async(txn, know, &outcome, err));
    while (!atomic_load(&outcome.known)) {
        qr_yield();
    }
    return outcome.status;
}

static quire_status commit_ticket(run_t *run, quire_db *db, quire_error *err)
{
    quire_txn *txn;
    quire_ticket *ticket;
    QR_TRY(quire_begin(db, QUIRE_WRITE, &txn, err));
    quire_status status = keys_put(run, txn, err);
    if (status != QUIRE_OK) {
        quire_rollback(txn);
        return status;
    }
    QR_TRY(quire_commit_ticket(txn, &ticket, err));
    return quire_ticket_wait(ticket, err);
}

/* ---- The database as a whole ---- */

static quire_status checkpoint(run_t *run, quire_db *db, quire_error *err)
{
    (void)run;
    return quire_checkpoint(db, err);
}

static quire_status serialize(run_t *run, quire_db *db, quire_error *err)
{
    void *image;
    size_t size;
    (void)run;
    QR_TRY(quire_serialize(db, &image, &size, err));
    quire_options options = memory_options(run->setting, run->allocator);
    quire_db *copy;
    quire_status status = quire_open_image(image, size, &options, &copy, err);
    quire_free(image);
    return status == QUIRE_OK ? quire_close(copy, err) : status;
}

static quire_status tell_reader(void *context, const quire_reader *reader, quire_error *err)
{
    (void)err;
    tell(context, &reader->sequence, sizeof reader->sequence);
    return QUIRE_OK;
}

static quire_status readers(run_t *run, quire_db *db, quire_error *err)
{
    quire_txn *txn;
    QR_TRY(quire_begin(db, QUIRE_READ, &txn, err));
    quire_status status = quire_readers(db, tell_reader, run, err);
    quire_rollback(txn);
    return status;
}

static quire_status tell_object(void *context, const quire_object_stats *stats, quire_error *err)
{
    (void)err;
    tell(context, &stats->entries, sizeof stats->entries);
    return QUIRE_OK;
}

static quire_status each_object(run_t *run, quire_txn *txn, quire_error *err)
{
    return quire_each_object(txn, tell_object, run, err);
}

static quire_status tell_text(void *context, const char *type, const char *bytes, size_t size,
                              quire_error *err)
{
    (void)type;
    (void)err;
    tell(context, bytes, size);
    return QUIRE_OK;
}

static quire_status export(run_t *run, quire_txn *txn, quire_error *err)
{
    quire_export_options options = QUIRE_EXPORT_OPTIONS_INIT;
    options.split = true;
    options.format = QUIRE_EXPORT_CSV;
    QR_TRY(quire_export(txn, NULL, tell_text, run, NULL, err));
    return quire_export(txn, &options, tell_text, run, NULL, err);
}

static struct qr_maintenance_place place_of(const run_t *run)
{
    return (struct qr_maintenance_place){.layer = run->files, .allocator = run->allocator};
}

static quire_status backup(run_t *run, quire_db *db, quire_error *err)
{
    struct qr_maintenance_place place = place_of(run);
    return qr_backup(db, &place, "copy", NULL, err);
}

static quire_status restore(run_t *run, quire_error *err)
{
    struct qr_maintenance_place place = place_of(run);
    return qr_restore(&place, "db", "copy", NULL, err);
}

static quire_status compact(run_t *run, quire_error *err)
{
    struct qr_maintenance_place place = place_of(run);
    return qr_compact(&place, "db", NULL, NULL, err);
}

static quire_status salvage(run_t *run, quire_error *err)
{
    struct qr_maintenance_place place = place_of(run);
    return qr_salvage(&place, "db", "copy", NULL, NULL, NULL, err);
}

static quire_status reopen(run_t *run, const char *path, quire_open_mode mode, uint64_t cache_pages,
                           quire_error *err)
{
    quire_options options = memory_options(run->setting, run->allocator);
    quire_db *db;
    options.mode = mode;
    options.cache_bytes = cache_pages * options.page_size;
    QR_TRY(qr_db_open_with(path, &options, run->files, true, &db, err));
    return quire_close(db, err);
}

static quire_status open_hot(run_t *run, quire_error *err)
{
    return reopen(run, "db", QUIRE_OPEN_CREATE, 96, err);
}

static quire_status open_small(run_t *run, quire_error *err)
{
    return reopen(run, "db", QUIRE_OPEN_READ_WRITE, 64, err);
}

static quire_status open_to_read(run_t *run, quire_error *err)
{
    return reopen(run, "db", QUIRE_OPEN_READ_ONLY, 96, err);
}

static quire_status open_new(run_t *run, quire_error *err)
{
    return reopen(run, "copy", QUIRE_OPEN_NEW, 96, err);
}

/* ---- Inspection ---- */

static struct qr_inspect_place inspected(const run_t *run)
{
    return (struct qr_inspect_place){
        .layer = run->files, .allocator = run->allocator, .path = "db"};
}

static quire_status demand_sound(quire_report *report)
{
    REQUIRE(quire_report_severity(report) != QUIRE_SEVERITY_ERROR, "%s", quire_report_text(report));
    quire_report_free(report);
    return QUIRE_OK;
}

static quire_status inspect_database(run_t *run, quire_error *err)
{
    struct qr_inspect_place place = inspected(run);
    quire_report *report;
    QR_TRY(qr_inspect_database(&place, &report, err));
    return demand_sound(report);
}

static quire_status inspect_wal(run_t *run, quire_error *err)
{
    struct qr_inspect_place place = inspected(run);
    quire_report *report;
    QR_TRY(qr_inspect_wal(&place, &report, err));
    return demand_sound(report);
}

static quire_status inspect_indexes(run_t *run, quire_error *err)
{
    struct qr_inspect_place place = inspected(run);
    quire_report *report;
    QR_TRY(qr_inspect_indexes(&place, NULL, &report, err));
    return demand_sound(report);
}

static quire_status inspect_page(run_t *run, quire_error *err)
{
    struct qr_inspect_place place = inspected(run);
    quire_report *report;
    QR_TRY(qr_inspect_page(&place, 1, &report, err));
    return demand_sound(report);
}

static quire_status inspect_open(run_t *run, quire_db *db, quire_error *err)
{
    quire_report *report;
    (void)run;
    QR_TRY(quire_inspect_database_open(db, &report, err));
    return demand_sound(report);
}

static quire_status inspect_open_indexes(run_t *run, quire_db *db, quire_error *err)
{
    quire_report *report;
    (void)run;
    QR_TRY(quire_inspect_indexes_open(db, NULL, &report, err));
    return demand_sound(report);
}

/* ---- GraphQL beside requests ---- */

static quire_status schema_apply(run_t *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return quire_schema_apply(txn, wider_sdl, sizeof wider_sdl - 1, err);
}

static quire_status schema_refused(run_t *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return quire_schema_apply(txn, "type A { id: ID! n: Nothing }", 29, err);
}

static quire_status schema_text(run_t *run, quire_txn *txn, quire_error *err)
{
    char *text;
    size_t size;
    for (int form = QUIRE_SCHEMA_SOURCE; form <= QUIRE_SCHEMA_API; form++) {
        QR_TRY(quire_schema_text(txn, (quire_schema_form)form, &text, &size, err));
        tell(run, text, size);
        quire_free(text);
    }
    return QUIRE_OK;
}

static quire_status load(quire_txn *txn, const char *mapping, const char *name, const char *json,
                         quire_error *err)
{
    quire_load_options options = QUIRE_LOAD_OPTIONS_INIT;
    quire_loader *loader;
    uint64_t rows;
    options.mapping = mapping;
    QR_TRY(quire_loader_open(txn, &options, &loader, err));
    quire_status status = quire_loader_begin(loader, name, err);
    for (size_t at = 0; status == QUIRE_OK && at < strlen(json); at += 16) {
        size_t size = strlen(json) - at;
        status = quire_loader_feed(loader, json + at, size < 16 ? size : 16, err);
    }
    if (status == QUIRE_OK) {
        status = quire_loader_end(loader, err);
    }
    if (status == QUIRE_OK) {
        status = quire_loader_finish(loader, &rows, err);
    }
    quire_loader_close(loader);
    return status;
}

static quire_status load_plain(run_t *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return load(txn, NULL, "d",
                "{\"A\": [{\"id\": \"8\", \"n\": 4, \"upId\": \"9\"}, {\"id\": \"9\", \"up\": "
                "\"1\", \"bsIds\": [\"b\"]}], \"B\": [{\"id\": \"d\", \"k\": \"Y\"}]}",
                err);
}

static quire_status load_mapped(run_t *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return load(txn,
                "{\"rules\": [{\"file\": \"as\", \"list\": \"l.m\", \"type\": \"A\", \"fields\": "
                "{\"id\": \"{id}\", \"n\": \"n\", \"s\": [\"{a.b|upper}\", {\"constant\": "
                "\"none\"}], \"up\": \"up\"}}]}",
                "as",
                "{\"l\": {\"m\": [{\"id\": 20, \"n\": 3, \"a\": {\"b\": \"x\"}, \"up\": 21}, "
                "{\"id\": 21, \"up\": 1}]}}",
                err);
}

static quire_status load_refused(run_t *run, quire_txn *txn, quire_error *err)
{
    (void)run;
    return load(txn, NULL, "d", "{\"A\": [{\"id\": \"8\", \"n\": \"much\"}]}", err);
}

#define REQUEST(name, text)                                                                        \
    {                                                                                              \
        name, QUIRE_OK, .request = (text)                                                          \
    }
#define WITH_VARIABLES(name, text, values)                                                         \
    {                                                                                              \
        name, QUIRE_OK, .request = (text), .variables = (values)                                   \
    }

static const struct memory_scenario scenarios[] = {
    MEMORY_READ(nothing),
    MEMORY_READ(tree_find),
    MEMORY_READ(tree_find_large),
    MEMORY_READ(tree_find_none),
    MEMORY_READ(tree_count),
    MEMORY_READ(tree_read_part),
    MEMORY_READ(tree_find_many),
    MEMORY_READ(tree_walk),
    MEMORY_READ(keys_get),
    MEMORY_READ(keys_get_large),
    MEMORY_READ(keys_walk),
    MEMORY_READ(table_get),
    MEMORY_READ(table_get_many),
    MEMORY_READ(index_walk),
    MEMORY_READ(index_prefix),
    MEMORY_READ(index_bounds),
    MEMORY_READ(index_hash),
    MEMORY_READ(index_unique),
    MEMORY_READ(each_object),
    MEMORY_READ(export),
    MEMORY_READ(schema_text),
    MEMORY_WRITE(nothing),
    MEMORY_WRITE(tree_create),
    MEMORY_WRITE(tree_drop),
    MEMORY_WRITE(tree_insert),
    MEMORY_REFUSED(tree_insert_twice, QUIRE_UNIQUE),
    MEMORY_WRITE(tree_put),
    MEMORY_WRITE(tree_put_large),
    MEMORY_WRITE(tree_replace),
    MEMORY_WRITE(tree_delete),
    MEMORY_WRITE(tree_delete_large),
    MEMORY_WRITE(tree_write_part),
    MEMORY_WRITE(tree_reserve),
    MEMORY_WRITE(tree_delete_range),
    MEMORY_WRITE(tree_append_many),
    MEMORY_WRITE(tree_spill),
    MEMORY_WRITE(keys_create),
    MEMORY_WRITE(keys_drop),
    MEMORY_WRITE(keys_insert),
    MEMORY_WRITE(keys_put),
    MEMORY_WRITE(keys_put_large),
    MEMORY_WRITE(keys_delete),
    MEMORY_WRITE(keys_delete_range),
    MEMORY_WRITE(table_create),
    MEMORY_WRITE(table_widen),
    MEMORY_WRITE(table_drop),
    MEMORY_WRITE(table_insert),
    MEMORY_WRITE(table_insert_many),
    MEMORY_REFUSED(table_insert_twice, QUIRE_UNIQUE),
    MEMORY_WRITE(table_update),
    MEMORY_WRITE(table_delete),
    MEMORY_WRITE(index_btree),
    MEMORY_WRITE(index_build_hash),
    MEMORY_REFUSED(index_not_unique, QUIRE_UNIQUE),
    MEMORY_WRITE(index_drop),
    MEMORY_WRITE(set_number),
    MEMORY_WRITE(savepoints),
    MEMORY_WRITE(schema_apply),
    MEMORY_REFUSED(schema_refused, QUIRE_SCHEMA),
    MEMORY_WRITE(load_plain),
    MEMORY_WRITE(load_mapped),
    MEMORY_REFUSED(load_refused, QUIRE_DATA),
    MEMORY_DATABASE(begin_labelled),
    MEMORY_DATABASE(commit_async),
    MEMORY_DATABASE(commit_ticket),
    MEMORY_DATABASE(checkpoint),
    MEMORY_DATABASE(serialize),
    MEMORY_DATABASE(readers),
    MEMORY_DATABASE(backup),
    MEMORY_DATABASE(inspect_open),
    MEMORY_DATABASE(inspect_open_indexes),
    MEMORY_FILES(restore),
    MEMORY_FILES(compact),
    MEMORY_FILES(salvage),
    MEMORY_FILES(open_hot),
    MEMORY_FILES(open_small),
    MEMORY_FILES(open_to_read),
    MEMORY_FILES(open_new),
    MEMORY_FILES(inspect_database),
    MEMORY_FILES(inspect_wal),
    MEMORY_FILES(inspect_indexes),
    MEMORY_FILES(inspect_page),
    REQUEST("query by id", "{ a(id: \"1\") { id n s up { id } } b(id: \"b\") { k } }"),
    REQUEST("query of none", "{ a(id: \"none\") { id } }"),
    REQUEST("query a list", "{ as { items { id n } totalCount } }"),
    REQUEST("query by an index", "{ as(where: {n: {eq: 2}}) { items { id } } }"),
    REQUEST("query by conditions",
            "{ as(where: {OR: [{n: {in: [1, 5]}}, {up: {is: {n: {gt: 0}}}}], s: {startsWith: "
            "\"d\"}}) { items { id } } }"),
    REQUEST("query in order",
            "{ as(orderBy: [{up: {n: ASC}}, {n: DESC}], first: 2) { edges { cursor node { id } } "
            "pageInfo { hasNextPage endCursor } } }"),
    REQUEST("query related",
            "{ as { items { ups(first: 1) { items { id } } bs { items { as { items { id } } } } } "
            "} }"),
    REQUEST("query with fragments",
            "query Q { as { items { ...F x: n ... on A { s } } } } fragment F on A { id up { id } "
            "}"),
    WITH_VARIABLES("query with variables",
                   "query Q($id: ID!, $more: Boolean = true) { a(id: $id) { id n @include(if: "
                   "$more) } }",
                   "{\"id\": \"2\", \"more\": false}"),
    WITH_VARIABLES("query with wrong variables", "query Q($id: ID!) { a(id: $id) { id } }",
                   "{\"id\": [1]}"),
    REQUEST("query the types",
            "{ __schema { types { name fields { name type { name ofType { name } } } } } }"),
    REQUEST("query one type", "{ __type(name: \"A\") { kind fields { name } } __typename }"),
    REQUEST("text that is no request", "{ as { items { id } "),
    REQUEST("request that is not valid", "{ as { items { nothing } } other }"),
    REQUEST("create", "mutation { createA(input: {id: \"7\", n: 7}) { id n s } }"),
    REQUEST("create with relations",
            "mutation { createA(input: {id: \"7\", upId: \"1\", bsIds: [\"b\", \"c\"]}) { up { "
            "id } bs { items { id k } } } }"),
    REQUEST("create twice", "mutation { createA(input: {id: \"1\"}) { id } }"),
    REQUEST("update",
            "mutation { updateA(id: \"2\", input: {n: 5, upId: \"3\"}) { n up { id } } }"),
    REQUEST("update none", "mutation { updateA(id: \"none\", input: {n: 5}) { n } }"),
    REQUEST("delete", "mutation { deleteA(id: \"3\") { id } }"),
    REQUEST("several changes",
            "mutation { createB(input: {id: \"d\", k: Y}) { id } updateA(id: \"1\", input: {bsIds: "
            "[\"d\"]}) { bs { items { id } } } deleteB(id: \"b\") { id } }"),
};

const struct memory_scenario *memory_scenario(size_t number)
{
    size_t here = sizeof scenarios / sizeof *scenarios;
    const struct memory_scenario *scenario =
        number < here ? &scenarios[number] : &memory_feature_scenarios[number - here];
    return scenario->name != NULL ? scenario : NULL;
}
