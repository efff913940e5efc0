/*
 * quire-hot-paths: performs one operation of the public interface a fixed
 * number of times and says what that took, by counters alone.
 *
 * The operation runs within a function of its own, run_NAME, so that a profiler
 * can tell it from what surrounds it; bench/hot_paths.py counts instructions
 * that way. What is read is looked at in a few instructions there, and all rows
 * are verified afterwards. Everything is kept in the cache, and no checkpoint
 * runs beside an operation. One thread; the first failure ends the program.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "quire/quire.h"

/* Rows of each tree and of the table; also the largest count, as no row is written twice. */
#define ROWS  UINT64_C(100000)
#define BATCH 1000U /* rows of one write transaction */
#define MANY  16U   /* rows of one call of get-many */
#define LIST  100U  /* rows of one GraphQL list */

/* Bytes that a frame takes in the log beside its page: docs/wal-format.md, "Frame header". */
#define FRAME_HEADER 24U

#define TRY(call)                                                                                  \
    do {                                                                                           \
        quire_status try_status = (call);                                                          \
        if (try_status != QUIRE_OK) {                                                              \
            return try_status;                                                                     \
        }                                                                                          \
    } while (0)

struct allocations {
    _Atomic uint64_t count;
    _Atomic uint64_t bytes;
};

struct hot {
    const char *path;
    quire_options options;
    quire_db *db;
    quire_txn *txn;
    bool pages;                 /* transactions are asked for their counters before they end */
    quire_txn_stats seen;       /* sums of these */
    quire_stats before;         /* the database's, when the operations began */
    struct allocations *memory; /* all since the program began */
    quire_error err;
};

struct operation {
    const char *name;
    const char *description;
    quire_status (*run)(struct hot *h, uint64_t count);
    bool durable;     /* commits are synced */
    unsigned inserts; /* rows that one adds to the tree "rows" */
    unsigned changes; /* rows of it that one replaces */
};

/* ---- Memory ---- */

static void *counted_realloc(void *context, void *ptr, size_t old_size, size_t new_size)
{
    struct allocations *memory = context;
    atomic_fetch_add(&memory->count, 1);
    if (new_size > old_size) {
        atomic_fetch_add(&memory->bytes, new_size - old_size);
    }
    return realloc(ptr, new_size);
}

static void counted_free(void *context, void *ptr, size_t size)
{
    (void)context;
    (void)size;
    free(ptr);
}

/* ---- Helpers of the operations ---- */

/* The i-th of ROWS numbers in scattered order: the factor is a prime that does not divide ROWS. */
static int64_t scattered(uint64_t i)
{
    return (int64_t)(i * UINT64_C(2654435761) % ROWS);
}

/* Row k of the tree "rows" has the rowid 2k: what lies between is free for insertions. */
static int64_t rowid_of(int64_t k)
{
    return 2 * k;
}

static quire_status wrong(struct hot *h, const char *what)
{
    h->err.status = QUIRE_CORRUPT;
    snprintf(h->err.message, sizeof h->err.message, "%s is not as it was stored", what);
    return QUIRE_CORRUPT;
}

/* The part of verifying a row that costs next to nothing. */
static bool looks_right(const void *payload, size_t size, int64_t key)
{
    return size == BENCH_VALUE && memcmp(payload, &key, sizeof key) == 0;
}

static quire_status begin(struct hot *h, quire_txn_mode mode)
{
    return quire_begin(h->db, mode, &h->txn, &h->err);
}

static quire_status end(struct hot *h)
{
    if (h->pages) {
        quire_txn_stats stats = {.size = sizeof stats};
        TRY(quire_txn_get_stats(h->txn, &stats, &h->err));
        h->seen.page_visits += stats.page_visits;
        h->seen.page_reads += stats.page_reads;
        h->seen.page_copies += stats.page_copies;
    }
    return quire_commit(h->txn, &h->err);
}

static quire_status get(struct hot *h, quire_tree *tree, int64_t rowid)
{
    const void *payload;
    size_t size;
    bool found;
    TRY(quire_tree_find(tree, rowid, &payload, &size, &found, &h->err));
    return found && looks_right(payload, size, rowid) ? QUIRE_OK : wrong(h, "a row");
}

static quire_status begin_rows(struct hot *h, quire_txn_mode mode, quire_tree **tree)
{
    TRY(begin(h, mode));
    return quire_tree_open(h->txn, "rows", tree, &h->err);
}

static quire_status end_rows(struct hot *h, quire_tree *tree)
{
    quire_tree_close(tree);
    return end(h);
}

/* ---- Operations that read ---- */

static quire_status run_snapshot(struct hot *h, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        TRY(begin(h, QUIRE_READ));
        TRY(end(h));
    }
    return QUIRE_OK;
}

static quire_status run_begin_get(struct hot *h, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        quire_tree *tree;
        TRY(begin_rows(h, QUIRE_READ, &tree));
        TRY(get(h, tree, rowid_of(scattered(i))));
        TRY(end_rows(h, tree));
    }
    return QUIRE_OK;
}

static quire_status run_get(struct hot *h, uint64_t count)
{
    quire_tree *tree;
    TRY(begin_rows(h, QUIRE_READ, &tree));
    for (uint64_t i = 0; i < count; i++) {
        TRY(get(h, tree, rowid_of(scattered(i))));
    }
    return end_rows(h, tree);
}

struct many {
    int64_t rowids[MANY];
    unsigned right;
};

static quire_status see_one(void *context, size_t index, const void *payload, size_t size)
{
    struct many *many = context;
    many->right += looks_right(payload, size, many->rowids[index]);
    return QUIRE_OK;
}

static quire_status run_get_many(struct hot *h, uint64_t count)
{
    quire_tree *tree;
    TRY(begin_rows(h, QUIRE_READ, &tree));
    for (uint64_t i = 0; i < count; i++) {
        struct many many = {.right = 0};
        for (unsigned n = 0; n < MANY; n++) {
            many.rowids[n] = rowid_of(scattered(i * MANY + n));
        }
        TRY(quire_tree_find_many(tree, many.rowids, MANY, see_one, &many, &h->err));
        if (many.right != MANY) {
            return wrong(h, "a row");
        }
    }
    return end_rows(h, tree);
}

static quire_status run_scan(struct hot *h, uint64_t count)
{
    quire_tree *tree;
    quire_cursor *cursor;
    bool valid;
    TRY(begin_rows(h, QUIRE_READ, &tree));
    TRY(quire_cursor_open(tree, &cursor, &h->err));
    TRY(quire_cursor_first(cursor, &valid, &h->err));
    for (uint64_t i = 0; i < count; i++) {
        int64_t rowid;
        const void *payload;
        size_t size;
        TRY(quire_cursor_row(cursor, &rowid, &payload, &size, &h->err));
        if (rowid != rowid_of((int64_t)i) || !looks_right(payload, size, rowid)) {
            return wrong(h, "a row");
        }
        TRY(quire_cursor_next(cursor, &valid, &h->err));
    }
    quire_cursor_close(cursor);
    return end_rows(h, tree);
}

static quire_status run_key_get(struct hot *h, uint64_t count)
{
    quire_keytree *tree;
    TRY(begin(h, QUIRE_READ));
    TRY(quire_keytree_open(h->txn, "keys", &tree, &h->err));
    for (uint64_t i = 0; i < count; i++) {
        char key[BENCH_TEXT];
        const void *value;
        size_t size;
        bool found;
        bench_text(key, scattered(i));
        TRY(quire_keytree_get(tree, key, sizeof key, &value, &size, &found, &h->err));
        if (!found || !looks_right(value, size, scattered(i))) {
            return wrong(h, "an entry");
        }
    }
    quire_keytree_close(tree);
    return end(h);
}

static quire_status run_key_scan(struct hot *h, uint64_t count)
{
    quire_keytree *tree;
    quire_keycursor *cursor;
    bool valid;
    TRY(begin(h, QUIRE_READ));
    TRY(quire_keytree_open(h->txn, "keys", &tree, &h->err));
    TRY(quire_keycursor_open(tree, &cursor, &h->err));
    TRY(quire_keycursor_first(cursor, &valid, &h->err));
    for (uint64_t i = 0; i < count; i++) {
        const void *key;
        const void *value;
        size_t key_size;
        size_t size;
        TRY(quire_keycursor_entry(cursor, &key, &key_size, &value, &size, &h->err));
        if (key_size != BENCH_TEXT || !looks_right(value, size, (int64_t)i)) {
            return wrong(h, "an entry");
        }
        TRY(quire_keycursor_next(cursor, &valid, &h->err));
    }
    quire_keycursor_close(cursor);
    quire_keytree_close(tree);
    return end(h);
}

/* ---- The table: row k has the rowid k + 1, id and name as text, and its number ---- */

static const char schema[] = "type Word { id: ID! @id  name: String! @index  number: Int! }";

static quire_status find_index(struct hot *h, quire_table *table, const char *column,
                               uint32_t *index)
{
    for (*index = 0; *index < quire_table_index_count(table); ++*index) {
        if (strcmp(quire_table_index(table, *index)->columns[0].name, column) == 0) {
            return QUIRE_OK;
        }
    }
    return wrong(h, "an index");
}

/* Finds the one row whose column of that index has the text of `key`. */
static quire_status look_up(struct hot *h, quire_table *table, uint32_t index, int64_t key,
                            int64_t *rowid)
{
    char text[BENCH_TEXT];
    bench_text(text, key);
    quire_value value = quire_text_n(text, sizeof text);
    quire_index_range range = {.prefix = &value, .prefix_count = 1};
    quire_index_cursor *cursor;
    bool valid;
    TRY(quire_index_cursor_open(table, index, &range, &cursor, &h->err));
    TRY(quire_index_cursor_next(cursor, rowid, &valid, &h->err));
    quire_index_cursor_close(cursor);
    return valid ? QUIRE_OK : wrong(h, "an index");
}

static quire_status run_hash_lookup(struct hot *h, uint64_t count)
{
    quire_table *table;
    uint32_t index;
    TRY(begin(h, QUIRE_READ));
    TRY(quire_table_open(h->txn, "Word", &table, &h->err));
    TRY(find_index(h, table, "id", &index));
    for (uint64_t i = 0; i < count; i++) {
        int64_t rowid;
        TRY(look_up(h, table, index, scattered(i), &rowid));
        if (rowid != scattered(i) + 1) {
            return wrong(h, "an index");
        }
    }
    quire_table_close(table);
    return end(h);
}

static quire_status run_index_row(struct hot *h, uint64_t count)
{
    quire_table *table;
    uint32_t index;
    TRY(begin(h, QUIRE_READ));
    TRY(quire_table_open(h->txn, "Word", &table, &h->err));
    TRY(find_index(h, table, "name", &index));
    uint32_t column = (uint32_t)quire_table_find_column(table, "number");
    for (uint64_t i = 0; i < count; i++) {
        int64_t rowid;
        const void *record;
        size_t size;
        bool found;
        quire_value number;
        TRY(look_up(h, table, index, scattered(i), &rowid));
        TRY(quire_table_get(table, rowid, &record, &size, &found, &h->err));
        TRY(quire_record_column(record, size, column, &number, &h->err));
        if (!found || rowid != (int64_t)i + 1 || number.as.integer != (int64_t)i) {
            return wrong(h, "a row of the table");
        }
    }
    quire_table_close(table);
    return end(h);
}

/* ---- GraphQL ---- */

/* A request whose variables are one text, and how its response begins. */
struct asked {
    quire_graphql_request request;
    const char *prefix;
    char variables[64];
    size_t at; /* where in these the text stands */
};

static struct asked ask(const char *document, const char *variable, const char *prefix)
{
    struct asked asked = {.prefix = prefix};
    asked.request = (quire_graphql_request)QUIRE_GRAPHQL_REQUEST_INIT;
    asked.request.document = document;
    asked.at = (size_t)snprintf(asked.variables, sizeof asked.variables, "{\"%s\":\"", variable);
    memcpy(asked.variables + asked.at + BENCH_TEXT, "\"}", 3);
    return asked;
}

/* Asks for the row of a name or an id; the response begins with the prefix and that text. */
static quire_status answer(struct hot *h, struct asked *asked, int64_t key, size_t expected)
{
    char *response;
    size_t size;
    bool has_errors;
    size_t prefix = strlen(asked->prefix);
    bench_text(asked->variables + asked->at, key);
    asked->request.variables = asked->request.bound == NULL ? asked->variables : NULL;
    TRY(begin(h, QUIRE_READ));
    TRY(quire_graphql_in(h->txn, &asked->request, &response, &size, &has_errors, &h->err));
    bool right = !has_errors && size >= prefix + BENCH_TEXT &&
                 (expected == 0 || size == expected) &&
                 memcmp(response, asked->prefix, prefix) == 0 &&
                 memcmp(response + prefix, asked->variables + asked->at, BENCH_TEXT) == 0;
    quire_free(response);
    return right ? end(h) : wrong(h, "a response");
}

#define WORD_DOCUMENT "query ($id: ID!) { word(id: $id) { id name number } }"
#define WORD_PREFIX   "{\"data\":{\"word\":{\"id\":\""

static quire_status run_graphql_first(struct hot *h, uint64_t count)
{
    char document[sizeof WORD_DOCUMENT + 32] = WORD_DOCUMENT;
    struct asked asked = ask(document, "id", WORD_PREFIX);
    for (uint64_t i = 0; i < count; i++) {
        snprintf(document, sizeof document, WORD_DOCUMENT "# %llu", (unsigned long long)i);
        TRY(answer(h, &asked, scattered(i), 0));
    }
    return QUIRE_OK;
}

static quire_status run_graphql_id(struct hot *h, uint64_t count)
{
    struct asked asked = ask(WORD_DOCUMENT, "id", WORD_PREFIX);
    for (uint64_t i = 0; i < count; i++) {
        TRY(answer(h, &asked, scattered(i), 0));
    }
    return QUIRE_OK;
}

static quire_status run_graphql_prepared(struct hot *h, uint64_t count)
{
    struct asked asked = ask(WORD_DOCUMENT, "id", WORD_PREFIX);
    quire_prepared *prepared;
    TRY(quire_prepare(h->db, &asked.request, &prepared, &h->err));
    asked.request.document = NULL;
    asked.request.prepared = prepared;
    quire_status status = QUIRE_OK;
    for (uint64_t i = 0; i < count && status == QUIRE_OK; i++) {
        quire_variable id = {.name = "id",
                             .value = quire_text_n(asked.variables + asked.at, BENCH_TEXT)};
        asked.request.bound = &id;
        asked.request.bound_count = 1;
        status = answer(h, &asked, scattered(i), 0);
    }
    quire_prepared_free(prepared);
    return status;
}

static quire_status run_graphql_list(struct hot *h, uint64_t count)
{
    static const char prefix[] = "{\"data\":{\"words\":{\"items\":[{\"name\":\"";
    static const char item[] = "{\"name\":\"\",\"id\":\"\"},";
    struct asked asked = ask("query ($from: String!) { words(where: { name: { gte: $from } }, "
                             "orderBy: [{ name: ASC }], take: 100) { items { name id } } }",
                             "from", prefix);
    size_t expected = strlen(prefix) - strlen("{\"name\":\"") +
                      LIST * (strlen(item) + 2 * (size_t)BENCH_TEXT) - 1 + strlen("]}}}");
    for (uint64_t i = 0; i < count; i++) {
        TRY(answer(h, &asked, scattered(i) % (int64_t)(ROWS - LIST), expected));
    }
    return QUIRE_OK;
}

/* ---- Operations that write ---- */

static int64_t appended(uint64_t i)
{
    return rowid_of((int64_t)(ROWS + i));
}

static int64_t between(uint64_t i)
{
    return rowid_of(scattered(i)) + 1;
}

static int64_t existing(uint64_t i)
{
    return rowid_of(scattered(i));
}

/* Puts rows, so many in a transaction; their version is 1. */
static quire_status put_rows(struct hot *h, uint64_t count, uint64_t batch,
                             int64_t (*rowid)(uint64_t))
{
    for (uint64_t i = 0; i < count;) {
        quire_tree *tree;
        TRY(begin_rows(h, QUIRE_WRITE, &tree));
        for (uint64_t last = i + batch < count ? i + batch : count; i < last; i++) {
            char value[BENCH_VALUE];
            bench_fill(value, rowid(i), 1);
            TRY(quire_tree_put(tree, rowid(i), value, sizeof value, NULL, &h->err));
        }
        TRY(end_rows(h, tree));
    }
    return QUIRE_OK;
}

static quire_status run_insert_append(struct hot *h, uint64_t count)
{
    return put_rows(h, count, BATCH, appended);
}

static quire_status run_insert_random(struct hot *h, uint64_t count)
{
    return put_rows(h, count, BATCH, between);
}

static quire_status run_update_random(struct hot *h, uint64_t count)
{
    return put_rows(h, count, BATCH, existing);
}

static quire_status run_commit(struct hot *h, uint64_t count)
{
    return put_rows(h, count, 1, existing);
}

static quire_status note_database(struct hot *h, quire_stats *stats)
{
    *stats = (quire_stats){.size = sizeof *stats};
    return quire_get_stats(h->db, stats, &h->err);
}

/* Counters of a database begin anew with each opening; the reads of each are added up here. */
static quire_status run_open_close(struct hot *h, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        TRY(quire_close(h->db, &h->err));
        TRY(quire_open(h->path, &h->options, &h->db, &h->err));
        if (h->pages) {
            TRY(note_database(h, &h->before));
            h->seen.page_reads += h->before.page_reads;
        }
    }
    return QUIRE_OK;
}

static const struct operation operations[] = {
    {"snapshot", "begin and end a read transaction", run_snapshot, false, 0, 0},
    {"begin-get", "the same with one row of 100 bytes read in it", run_begin_get, false, 0, 0},
    {"get", "one row within a snapshot", run_get, false, 0, 0},
    {"get-many", "sixteen rows in one call", run_get_many, false, 0, 0},
    {"scan", "the next row of a walk over all", run_scan, false, 0, 0},
    {"key-get", "one entry of a key tree, by 16 bytes", run_key_get, false, 0, 0},
    {"key-scan", "the next entry of a walk over a key tree", run_key_scan, false, 0, 0},
    {"hash-lookup", "the rowid of a text in a hash index", run_hash_lookup, false, 0, 0},
    {"index-row", "a row by a text in a B-tree index", run_index_row, false, 0, 0},
    {"graphql-first", "request of one row by its id, its text never seen", run_graphql_first, false,
     0, 0},
    {"graphql-id", "request of one row by its id", run_graphql_id, false, 0, 0},
    {"graphql-prepared", "the same, prepared and its variable bound", run_graphql_prepared, false,
     0, 0},
    {"graphql-list", "request of 100 rows in order of an index", run_graphql_list, false, 0, 0},
    {"insert-append", "a row above all others, 1,000 a transaction", run_insert_append, false, 1,
     0},
    {"insert-random", "a row anywhere, 1,000 a transaction", run_insert_random, false, 1, 0},
    {"update-random", "a row replaced anywhere, 1,000 a transaction", run_update_random, false, 0,
     1},
    {"commit", "a durable transaction that replaces one row", run_commit, true, 0, 1},
    {"open-close", "close the database and open it", run_open_close, false, 0, 0},
};

#define OPERATIONS (sizeof operations / sizeof operations[0])

/* ---- The database ---- */

static quire_status fill_trees(struct hot *h)
{
    quire_tree *rows;
    quire_keytree *keys;
    TRY(quire_tree_create(h->txn, "rows", &h->err));
    TRY(quire_keytree_create(h->txn, "keys", &h->err));
    TRY(quire_tree_open(h->txn, "rows", &rows, &h->err));
    TRY(quire_keytree_open(h->txn, "keys", &keys, &h->err));
    for (int64_t k = 0; k < (int64_t)ROWS; k++) {
        char key[BENCH_TEXT];
        char value[BENCH_VALUE];
        bench_fill(value, rowid_of(k), 0);
        TRY(quire_tree_insert(rows, rowid_of(k), value, sizeof value, &h->err));
        bench_text(key, k);
        bench_fill(value, k, 0);
        TRY(quire_keytree_insert(keys, key, sizeof key, value, sizeof value, &h->err));
    }
    quire_keytree_close(keys);
    quire_tree_close(rows);
    return QUIRE_OK;
}

static quire_status fill_table(struct hot *h)
{
    static const char start[] = "{\"Word\":[";
    quire_loader *loader;
    uint64_t rows;
    TRY(quire_schema_apply(h->txn, schema, sizeof schema - 1, &h->err));
    TRY(quire_loader_open(h->txn, NULL, &loader, &h->err));
    TRY(quire_loader_begin(loader, "words", &h->err));
    TRY(quire_loader_feed(loader, start, sizeof start - 1, &h->err));
    for (uint64_t k = 0; k < ROWS; k++) {
        char id[BENCH_TEXT];
        char name[BENCH_TEXT];
        char json[128];
        bench_text(id, (int64_t)k);
        bench_text(name, scattered(k));
        int size =
            snprintf(json, sizeof json, "%s{\"id\":\"%.16s\",\"name\":\"%.16s\",\"number\":%llu}",
                     k > 0 ? "," : "", id, name, (unsigned long long)k);
        TRY(quire_loader_feed(loader, json, (size_t)size, &h->err));
    }
    TRY(quire_loader_feed(loader, "]}", 2, &h->err));
    TRY(quire_loader_end(loader, &h->err));
    TRY(quire_loader_finish(loader, &rows, &h->err));
    quire_loader_close(loader);
    return rows == ROWS ? QUIRE_OK : wrong(h, "the table");
}

/* Opens the database, fills it if it is new, and brings all of it into the cache. */
static quire_status open_database(struct hot *h)
{
    h->options.mode = QUIRE_OPEN_READ_WRITE;
    quire_status status = quire_open(h->path, &h->options, &h->db, &h->err);
    if (status == QUIRE_NO_FILE) {
        h->options.mode = QUIRE_OPEN_NEW;
        TRY(quire_open(h->path, &h->options, &h->db, &h->err));
        TRY(begin(h, QUIRE_WRITE));
        TRY(fill_trees(h));
        TRY(fill_table(h));
        TRY(quire_commit(h->txn, &h->err));
        TRY(quire_close(h->db, &h->err));
        h->options.mode = QUIRE_OPEN_READ_WRITE;
        status = quire_open(h->path, &h->options, &h->db, &h->err);
    }
    TRY(status);
    TRY(quire_pin(h->db, "rows", &h->err));
    TRY(quire_pin(h->db, "keys", &h->err));
    return quire_pin(h->db, "Word", &h->err);
}

/* All rows of the tree that is written: as many as there should be, each whole, and as many
 * replaced or inserted as the operations were. */
static quire_status check_rows(struct hot *h, uint64_t inserted, uint64_t written)
{
    quire_tree *tree;
    quire_cursor *cursor;
    bool valid;
    uint64_t rows = 0;
    uint64_t versions = 0;
    TRY(begin_rows(h, QUIRE_READ, &tree));
    TRY(quire_cursor_open(tree, &cursor, &h->err));
    TRY(quire_cursor_first(cursor, &valid, &h->err));
    while (valid) {
        int64_t rowid;
        const void *payload;
        size_t size;
        uint64_t version;
        TRY(quire_cursor_row(cursor, &rowid, &payload, &size, &h->err));
        if (!bench_verify(payload, size, rowid, &version)) {
            return wrong(h, "a row");
        }
        rows++;
        versions += version;
        TRY(quire_cursor_next(cursor, &valid, &h->err));
    }
    quire_cursor_close(cursor);
    quire_tree_close(tree);
    TRY(quire_commit(h->txn, &h->err));
    if (rows != ROWS + inserted || versions != written) {
        return wrong(h, "another operation has written here, or the tree \"rows\"");
    }
    return QUIRE_OK;
}

static unsigned long long number(uint64_t value)
{
    return (unsigned long long)value;
}

static void print_figures(const struct hot *h, const struct operation *operation, uint64_t count,
                          const uint64_t memory[2], const quire_stats *after)
{
    const quire_stats *before = &h->before;
    uint64_t frames = after->log_frames - before->log_frames;
    printf("{\"operation\":\"%s\",\"count\":%llu,\"allocations\":%llu,\"bytesAllocated\":%llu,",
           operation->name, number(count), number(memory[0]), number(memory[1]));
    if (h->pages) {
        printf("\"pageVisits\":%llu,\"pageReads\":%llu,\"pageCopies\":%llu,",
               number(h->seen.page_visits), number(h->seen.page_reads),
               number(h->seen.page_copies));
    }
    printf("\"logFrames\":%llu,\"logImages\":%llu,\"logChanges\":%llu,\"logBytes\":%llu,"
           "\"syncs\":%llu}\n",
           number(frames), number(after->log_images - before->log_images),
           number(after->log_changes - before->log_changes),
           number(frames * (after->page_size + FRAME_HEADER)),
           number(after->syncs - before->syncs));
}

static quire_status measure(struct hot *h, const struct operation *operation, uint64_t count)
{
    quire_stats after;
    TRY(open_database(h));
    TRY(note_database(h, &h->before));
    uint64_t memory[2] = {h->memory->count, h->memory->bytes};
    TRY(operation->run(h, count));
    memory[0] = h->memory->count - memory[0];
    memory[1] = h->memory->bytes - memory[1];
    TRY(note_database(h, &after));
    TRY(check_rows(h, operation->inserts * count,
                   (operation->inserts + operation->changes) * count));
    TRY(quire_close(h->db, &h->err));
    print_figures(h, operation, count, memory, &after);
    return QUIRE_OK;
}

static int usage(void)
{
    fputs("usage: quire-hot-paths [--pages] DATABASE OPERATION COUNT\n"
          "\n"
          "Performs OPERATION COUNT times, up to 100000, and prints its counters as JSON, all\n"
          "together. DATABASE is made if it is not there; operations that write take a new one.\n"
          "With --pages transactions are asked for their page counters, a few instructions each.\n"
          "bench/hot_paths.py runs all of them.\n"
          "\n",
          stderr);
    for (size_t i = 0; i < OPERATIONS; i++) {
        fprintf(stderr, "  %-14s %s\n", operations[i].name, operations[i].description);
    }
    return 64;
}

int main(int argc, char **argv)
{
    struct allocations memory = {0};
    const quire_allocator allocator = {&memory, counted_realloc, counted_free};
    struct hot h = {.memory = &memory,
                    .options = QUIRE_OPTIONS_INIT,
                    .err = QUIRE_ERROR_INIT,
                    .pages = argc == 5 && strcmp(argv[1], "--pages") == 0};
    const struct operation *operation = NULL;

    argv += h.pages;
    if (argc - h.pages != 4) {
        return usage();
    }
    for (size_t i = 0; i < OPERATIONS; i++) {
        operation = strcmp(operations[i].name, argv[2]) == 0 ? &operations[i] : operation;
    }
    uint64_t count = strtoull(argv[3], NULL, 10);
    if (operation == NULL || count == 0 || count > ROWS) {
        return usage();
    }
    h.path = argv[1];
    h.options.allocator = &allocator;
    h.options.durability = operation->durable ? QUIRE_DURABILITY_FULL : QUIRE_DURABILITY_OFF;
    h.options.cache_bytes = UINT64_C(256) << 20;
    h.options.checkpoint = quire_checkpoint_manual();
    h.options.wal_bytes_max = UINT64_C(1) << 30;
    if (measure(&h, operation, count) != QUIRE_OK) {
        fprintf(stderr, "quire-hot-paths: %s: %s\n", operation->name, h.err.message);
        return 1;
    }
    return 0;
}
