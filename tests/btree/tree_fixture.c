#include "tree_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define DATABASE "trees.quire"

static void assert_ok(quire_status status, const quire_error *err)
{
    cr_assert_eq(status, QUIRE_OK, "%s: %s", quire_status_name(status), err->message);
}

/* ---- Databases ---- */

static quire_checkpoint_wish checkpoint_wish(void *context, const quire_checkpoint_state *state)
{
    (void)context;
    return state->frames >= 500 ? QUIRE_CHECKPOINT_PASSIVE : QUIRE_CHECKPOINT_NONE;
}

static quire_status open_pager(struct tree_db *db, quire_error *err)
{
    struct qr_pager_options options = {.layer = db->layer,
                                       .allocator = db->allocator,
                                       .path = DATABASE,
                                       .mode = QUIRE_OPEN_CREATE,
                                       .durability = QUIRE_DURABILITY_OFF,
                                       .page_size = db->page_size,
                                       .readers_max = 16,
                                       .cache_bytes = db->cache_bytes,
                                       .wal_bytes_max = UINT64_C(64) << 20,
                                       .wal_segment_bytes = 1U << 20,
                                       .sync_interval_ms = 1000,
                                       .checkpoint = {.wish = checkpoint_wish},
                                       .malloc_arena = true};
    return qr_pager_open(&options, &db->pager, err);
}

quire_status tree_db_try_open(struct tree_db *db, enum qr_tree_kind kind, uint32_t page_size,
                              struct qr_file_layer *layer, const quire_allocator *allocator,
                              quire_error *err)
{
    memset(db, 0, sizeof *db);
    db->layer = layer;
    db->allocator = allocator;
    db->page_size = page_size;
    db->cache_bytes = UINT64_C(64) * page_size;
    db->tree.kind = kind;
    db->tree.id = TREE_ID;
    return open_pager(db, err);
}

void tree_db_open(struct tree_db *db, enum qr_tree_kind kind, uint32_t page_size,
                  uint64_t cache_bytes)
{
    quire_error err = QUIRE_ERROR_INIT;
    memset(db, 0, sizeof *db);
    db->allocator = qr_allocator_default();
    db->page_size = page_size;
    db->cache_bytes = cache_bytes;
    db->own_layer = true;
    assert_ok(qr_file_layer_memory_create(db->allocator, &db->layer, &err), &err);
    assert_ok(open_pager(db, &err), &err);
    tree_db_begin(db);
    assert_ok(qr_tree_create(db->txn, kind, TREE_ID, 0, &db->tree, &err), &err);
}

void tree_db_begin(struct tree_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    assert_ok(qr_txn_begin(db->pager, 1000, &db->txn, &err), &err);
    db->tree.view = qr_txn_view(db->txn);
}

void tree_db_commit(struct tree_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    assert_ok(qr_txn_commit(db->txn, &err), &err);
    db->txn = NULL;
    db->tree.view = NULL;
}

void tree_db_close(struct tree_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    if (db->txn != NULL) {
        qr_txn_rollback(db->txn);
        db->txn = NULL;
    }
    if (db->pager != NULL) {
        assert_ok(qr_pager_close(db->pager, &err), &err);
        db->pager = NULL;
    }
    if (db->own_layer) {
        qr_file_layer_memory_destroy(db->layer);
    }
}

void tree_db_damage_file(struct tree_db *db, uint64_t offset)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file *file;
    uint8_t byte;
    assert_ok(qr_pager_close(db->pager, &err), &err);
    assert_ok(db->layer->methods->open(db->layer, DATABASE, QR_OPEN_WRITE, &file, &err), &err);
    assert_ok(qr_file_read_all(file, &byte, 1, offset, DATABASE, &err), &err);
    byte ^= 0x5A;
    assert_ok(qr_file_write_one(file, &byte, 1, offset, &err), &err);
    file->methods->close(file);
    assert_ok(open_pager(db, &err), &err);
}

struct qr_tree tree_db_snapshot(struct tree_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_tree tree = db->tree;
    assert_ok(qr_snapshot_open(db->pager, &tree.view, &err), &err);
    return tree;
}

/* ---- Model ---- */

void model_init(struct model *model, enum qr_tree_kind kind)
{
    memset(model, 0, sizeof *model);
    model->kind = kind;
}

void model_free(struct model *model)
{
    for (size_t i = 0; i < model->count; i++) {
        free(model->entries[i].key);
    }
    free(model->entries);
    model_init(model, model->kind);
}

static int order(enum qr_tree_kind kind, const struct model_entry *entry,
                 const struct qr_tree_key *key)
{
    if (kind == QR_TREE_ROWS) {
        return (entry->rowid > key->rowid) - (entry->rowid < key->rowid);
    }
    size_t both = entry->key_size < key->size ? entry->key_size : key->size;
    int result = both == 0 ? 0 : memcmp(entry->key, key->bytes, both);
    return result != 0 ? result : (entry->key_size > key->size) - (entry->key_size < key->size);
}

size_t model_search(const struct model *model, const struct qr_tree_key *key, bool *exact)
{
    size_t low = 0;
    size_t high = model->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (order(model->kind, &model->entries[middle], key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *exact = low < model->count && order(model->kind, &model->entries[low], key) == 0;
    return low;
}

void model_put(struct model *model, const struct qr_tree_key *key, uint64_t seed, size_t size)
{
    bool exact;
    size_t i = model_search(model, key, &exact);
    if (!exact) {
        if (model->count == model->capacity) {
            model->capacity = model->capacity == 0 ? 256 : 2 * model->capacity;
            model->entries = realloc(model->entries, model->capacity * sizeof *model->entries);
            cr_assert_not_null(model->entries);
        }
        memmove(&model->entries[i + 1], &model->entries[i],
                (model->count - i) * sizeof *model->entries);
        struct model_entry *entry = &model->entries[i];
        memset(entry, 0, sizeof *entry);
        entry->rowid = key->rowid;
        if (model->kind == QR_TREE_KEYS) {
            entry->key = malloc(key->size + 1);
            cr_assert_not_null(entry->key);
            entry->key_size = key->size;
            if (key->size != 0) {
                memcpy(entry->key, key->bytes, key->size);
            }
        }
        model->count++;
    }
    model->entries[i].seed = seed;
    model->entries[i].size = size;
}

void model_delete(struct model *model, const struct qr_tree_key *key)
{
    bool exact;
    size_t i = model_search(model, key, &exact);
    if (exact) {
        free(model->entries[i].key);
        memmove(&model->entries[i], &model->entries[i + 1],
                (model->count - i - 1) * sizeof *model->entries);
        model->count--;
    }
}

struct qr_tree_key model_key(const struct model *model, size_t index)
{
    const struct model_entry *entry = &model->entries[index];
    return (struct qr_tree_key){entry->rowid, entry->key, entry->key_size};
}

void payload_fill(uint8_t *payload, size_t size, uint64_t seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    prng_fill(&prng, payload, size);
}

bool payload_matches(struct qr_slice payload, size_t size, uint64_t seed)
{
    if (payload.size != size) {
        return false;
    }
    uint8_t *expected = malloc(size + 1);
    payload_fill(expected, size, seed);
    bool same = size == 0 || memcmp(expected, payload.data, size) == 0;
    free(expected);
    return same;
}

void both_put(const struct qr_tree *tree, struct model *model, const struct qr_tree_key *key,
              uint64_t seed, size_t size)
{
    quire_error err = QUIRE_ERROR_INIT;
    bool exact;
    bool existed;
    uint8_t *payload = malloc(size + 1);
    payload_fill(payload, size, seed);
    model_search(model, key, &exact);
    assert_ok(qr_tree_put(tree, key, payload, size, QR_PUT_UPSERT, &existed, &err), &err);
    cr_assert_eq(existed, exact);
    model_put(model, key, seed, size);
    free(payload);
}

void both_delete(const struct qr_tree *tree, struct model *model, const struct qr_tree_key *key)
{
    quire_error err = QUIRE_ERROR_INIT;
    bool exact;
    bool existed;
    model_search(model, key, &exact);
    assert_ok(qr_tree_delete(tree, key, &existed, &err), &err);
    cr_assert_eq(existed, exact);
    model_delete(model, key);
}

struct qr_tree_key row_key(int64_t rowid)
{
    return (struct qr_tree_key){rowid, NULL, 0};
}

struct qr_tree_key text_key(const char *text)
{
    return (struct qr_tree_key){0, text, strlen(text)};
}

/* ---- Comparing ---- */

static void assert_entry(struct qr_tree_cursor *cursor, const struct model *model, size_t index)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_tree_key key;
    struct qr_slice payload;
    assert_ok(qr_tree_cursor_key(cursor, &key, &err), &err);
    cr_assert_eq(order(model->kind, &model->entries[index], &key), 0, "key of entry %zu", index);
    assert_ok(qr_tree_cursor_payload(cursor, &payload, &err), &err);
    cr_assert(payload_matches(payload, model->entries[index].size, model->entries[index].seed),
              "payload of entry %zu", index);
}

void assert_tree_equals(const struct qr_tree *tree, const struct model *model)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_tree_cursor *cursor;
    struct qr_tree_reader reader;
    uint64_t entries;
    bool valid;
    assert_ok(qr_tree_count(tree, &entries, &err), &err);
    cr_assert_eq(entries, model->count);
    assert_ok(qr_tree_cursor_open(tree, &cursor, &err), &err);
    for (size_t i = 0; i < model->count; i++) {
        assert_ok(qr_tree_cursor_next(cursor, &valid, &err), &err);
        cr_assert(valid, "the tree ends at entry %zu of %zu", i, model->count);
        assert_entry(cursor, model, i);
    }
    assert_ok(qr_tree_cursor_next(cursor, &valid, &err), &err);
    cr_assert_not(valid);
    for (size_t i = model->count; i > 0; i--) {
        assert_ok(qr_tree_cursor_previous(cursor, &valid, &err), &err);
        cr_assert(valid);
        assert_entry(cursor, model, i - 1);
    }
    assert_ok(qr_tree_cursor_previous(cursor, &valid, &err), &err);
    cr_assert_not(valid);
    qr_tree_cursor_close(cursor);
    assert_ok(qr_tree_reader_init(&reader, tree, &err), &err);
    for (size_t i = 0; i < model->count; i++) {
        struct qr_slice payload;
        struct qr_tree_key key = model_key(model, i);
        bool found;
        assert_ok(qr_tree_find(&reader, &key, &payload, &found, &err), &err);
        cr_assert(found);
        cr_assert(payload_matches(payload, model->entries[i].size, model->entries[i].seed));
    }
    qr_tree_reader_free(&reader);
}

static void note_issue(void *context, const char *code, uint32_t page, uint32_t offset,
                       const char *message)
{
    struct issues *issues = context;
    cr_assert_not_null(message);
    if (issues->count < 64) {
        struct issue *issue = &issues->issue[issues->count];
        snprintf(issue->code, sizeof issue->code, "%s", code);
        issue->page = page;
        issue->offset = offset;
    }
    issues->count++;
}

static bool note_owned(void *context, uint32_t page, uint32_t tree_id)
{
    struct issues *issues = context;
    cr_assert_eq(tree_id, TREE_ID);
    if (page >= issues->page_count || issues->owned[page] != 0) {
        return false;
    }
    issues->owned[page] = 1;
    issues->pages++;
    return true;
}

void tree_check(const struct qr_tree *tree, struct issues *issues)
{
    quire_error err = QUIRE_ERROR_INIT;
    memset(issues, 0, sizeof *issues);
    issues->page_count = qr_view_page_count(tree->view);
    issues->owned = calloc(issues->page_count, 1);
    cr_assert_not_null(issues->owned);
    assert_ok(qr_tree_check(tree, note_issue, note_owned, issues, &err), &err);
}

void issues_free(struct issues *issues)
{
    free(issues->owned);
    issues->owned = NULL;
}

bool issues_have(const struct issues *issues, const char *code, uint32_t page)
{
    for (size_t i = 0; i < issues->count && i < 64; i++) {
        if (strcmp(issues->issue[i].code, code) == 0 && issues->issue[i].page == page) {
            return true;
        }
    }
    return false;
}

uint32_t assert_tree_clean(const struct qr_tree *tree)
{
    struct issues issues;
    tree_check(tree, &issues);
    cr_assert_eq(issues.count, 0, "%s at page %lu", issues.issue[0].code,
                 (unsigned long)issues.issue[0].page);
    uint32_t pages = issues.pages;
    issues_free(&issues);
    return pages;
}
