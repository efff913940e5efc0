#include "maintenance_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct qr_maintenance_place place_of(struct qr_file_layer *layer)
{
    return (struct qr_maintenance_place){.layer = layer, .allocator = qr_allocator_default()};
}

quire_db *open_at(struct qr_file_layer *layer, const char *path, quire_open_mode mode)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    options.mode = mode;
    options.page_size = 1024;
    options.cache_bytes = UINT64_C(512) << 10;
    options.wal_segment_bytes = 64 << 10;
    OK(qr_db_open_with(path, &options, layer, false, &db, &err));
    return db;
}

/* ---- The sample ---- */

static void insert_person(quire_table *people, int i)
{
    quire_error err = QUIRE_ERROR_INIT;
    char name[64];
    char note[600];
    (void)snprintf(name, sizeof name, "person %05d", i * 7919 % 100003);
    memset(note, 'a' + i % 26, sizeof note);
    quire_value row[] = {quire_text(name), quire_int(i % 30),
                         i % 5 == 0 ? quire_null()
                                    : quire_text_n(note, i % 40 == 1 ? sizeof note : 20)};
    OK(quire_table_insert(people, NULL, row, 3, &err));
}

void add_person(quire_db *db, int number)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = begin_write(db);
    quire_table *people;
    OK(quire_table_open(txn, "people", &people, &err));
    insert_person(people, number);
    quire_table_close(people);
    commit(txn);
}

static void define_sample(quire_txn *txn)
{
    static const quire_column columns[] = {
        {"name", QUIRE_TEXT, true}, {"age", QUIRE_INT, false}, {"note", QUIRE_TEXT, false}};
    static const quire_index_column age_down[] = {
        {.name = "age", .descending = true}, {.expression = "name || '.'", .collation = "nocase"}};
    static const char *const note[] = {"note"};
    static const quire_index_def by_age = {.name = "by_age",
                                           .columns = age_down,
                                           .column_count = 2,
                                           .included = note,
                                           .included_count = 1,
                                           .where = "name <> 'nobody'"};
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_table_create(txn, "dropped", columns, 3, &err));
    OK(quire_table_create(txn, "people", columns, 3, &err));
    OK(add_index(txn, "people", "by_name", QUIRE_INDEX_BTREE, true, "name", NULL, &err));
    OK(quire_index_create(txn, "people", &by_age, &err));
    OK(add_index(txn, "people", "age_hash", QUIRE_INDEX_HASH, false, "age", NULL, &err));
    OK(quire_tree_create(txn, "blobs", &err));
    OK(qr_text_put(txn, "motto", "festina lente", 13, &err));
    OK(quire_trigger_create(txn,
                            &(quire_trigger_def){.name = "watch",
                                                 .table = "people",
                                                 .function = "watch",
                                                 .time = QUIRE_AFTER,
                                                 .disabled = true,
                                                 .events = QUIRE_ON_INSERT},
                            &err));
    OK(quire_view_create(
        txn, &(quire_view_def){.name = "adults", .table = "people", .filter = "age >= 18"}, &err));
}

static void fill_blobs(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_tree *blobs;
    uint8_t *bytes = malloc(9000);
    OK(quire_tree_open(txn, "blobs", &blobs, &err));
    for (int i = 0; i < 6; i++) {
        size_t size = (size_t)i * 1800;
        memset(bytes, i, size);
        OK(quire_tree_insert(blobs, i * 1000 - 2000, bytes, size, &err));
    }
    quire_tree_close(blobs);
    free(bytes);
}

static void fill_words(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_keytree *words;
    OK(quire_keytree_create(txn, "words", &err));
    OK(quire_keytree_open(txn, "words", &words, &err));
    for (int i = 0; i < 90; i++) {
        char word[40];
        char value[1500];
        int size = snprintf(word, sizeof word, "word %d", i * 7919 % 1009);
        memset(value, 'w', sizeof value);
        OK(quire_keytree_insert(words, word, (size_t)size, value, i % 30 == 7 ? 1500 : 10, &err));
    }
    quire_keytree_close(words);
}

void create_sample(struct qr_file_layer *layer, const char *path, int rows)
{
    quire_db *db = open_at(layer, path, QUIRE_OPEN_NEW);
    fill_sample(db, rows);
    close_db(db);
}

void fill_sample(quire_db *db, int rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *people;
    quire_txn *txn = begin_write(db);
    define_sample(txn);
    fill_blobs(txn);
    fill_words(txn);
    OK(quire_table_open(txn, "people", &people, &err));
    for (int i = 1; i <= rows; i++) {
        insert_person(people, i);
    }
    quire_table_close(people);
    commit(txn);
    txn = begin_write(db);
    OK(quire_table_drop(txn, "dropped", &err));
    OK(quire_table_open(txn, "people", &people, &err));
    for (int i = 2; i <= rows; i += 3) {
        OK(quire_table_delete(people, i, NULL, &err));
    }
    quire_table_close(people);
    commit(txn);
}

/* ---- Digest ---- */

static uint64_t mix(uint64_t digest, const void *bytes, size_t size)
{
    return qr_hash64(bytes, size, digest);
}

static uint64_t mix_number(uint64_t digest, uint64_t number)
{
    return mix(digest, &number, sizeof number);
}

static uint64_t digest_tree(uint64_t digest, const struct qr_tree *tree)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_tree_cursor *cursor;
    bool valid;
    OK(qr_tree_cursor_open(tree, &cursor, &err));
    OK(qr_tree_cursor_first(cursor, &valid, &err));
    while (valid) {
        struct qr_tree_key key;
        struct qr_slice payload;
        OK(qr_tree_cursor_key(cursor, &key, &err));
        OK(qr_tree_cursor_payload(cursor, &payload, &err));
        digest = tree->kind == QR_TREE_ROWS ? mix_number(digest, (uint64_t)key.rowid)
                                            : mix(digest, key.bytes, key.size);
        digest = mix(digest, payload.data, payload.size);
        OK(qr_tree_cursor_next(cursor, &valid, &err));
    }
    qr_tree_cursor_close(cursor);
    return digest;
}

static uint64_t mix_text(uint64_t digest, const char *text)
{
    return text == NULL ? mix_number(digest, 0) : mix(digest, text, strlen(text) + 1);
}

static uint64_t digest_object(uint64_t digest, const struct qr_object *object)
{
    digest = mix_number(digest, object->kind);
    digest = mix_number(digest, object->id);
    digest = mix_number(digest, object->owner);
    digest = mix(digest, object->name, strlen(object->name));
    for (uint32_t i = 0; i < object->column_count; i++) {
        digest = mix(digest, object->columns[i].name, strlen(object->columns[i].name));
        digest = mix_number(digest, object->columns[i].type * 2U + object->columns[i].not_null);
    }
    for (uint32_t i = 0; i < object->key_count; i++) {
        const struct qr_index_part *part = &object->parts[i];
        digest = mix_number(digest, part->column * 2U + part->descending);
        digest = mix_text(digest, part->collation);
        digest = mix_text(digest, part->expression);
    }
    for (uint32_t i = 0; i < object->included_count; i++) {
        digest = mix_number(digest, object->included[i]);
    }
    digest = mix_text(digest, object->where);
    digest = mix_number(digest, object->index_kind * 2U + object->unique);
    return mix(digest, object->text, object->text_size);
}

uint64_t digest_txn(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_object_list list;
    uint64_t digest = 0;
    uint32_t next_id;
    OK(qr_object_list_read(&list, qr_txn_pages(txn), &err));
    for (size_t i = 0; i < list.count; i++) {
        digest = digest_object(digest, list.objects[i]);
        if (qr_object_is_tree(list.objects[i])) {
            struct qr_tree tree = qr_object_tree(list.objects[i], qr_txn_pages(txn));
            digest = digest_tree(digest, &tree);
        }
    }
    OK(qr_catalog_next_id(qr_txn_pages(txn), &next_id, &err));
    qr_object_list_free(&list);
    return mix_number(digest, next_id);
}

uint64_t digest_db(quire_db *db)
{
    quire_txn *txn = begin_read(db);
    uint64_t digest = digest_txn(txn);
    quire_rollback(txn);
    return digest;
}

uint64_t digest_at(struct qr_file_layer *layer, const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, path, QUIRE_OPEN_READ_ONLY);
    uint64_t digest = digest_db(db);
    OK(quire_close(db, &err));
    return digest;
}

/* ---- Soundness ---- */

/* The rows of one age, by either index, are those that a walk over the table finds. */
static void expect_ages(quire_table *people)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t rows;
    size_t by_tree = 0;
    size_t by_hash = 0;
    OK(quire_table_row_count(people, &rows, &err));
    for (int64_t age = 0; age < 30; age++) {
        quire_value key = quire_int(age);
        quire_index_range range = {.prefix = &key, .prefix_count = 1};
        by_tree += scan(people, index_number(people, "by_age"), &range, NULL, 0);
        by_hash += scan(people, index_number(people, "age_hash"), &range, NULL, 0);
    }
    cr_assert_eq(by_tree, rows);
    cr_assert_eq(by_hash, rows);
    cr_assert_eq(scan(people, index_number(people, "by_name"), NULL, NULL, 0), rows);
}

void expect_sound(struct qr_file_layer *layer, const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_maintenance_place place = place_of(layer);
    quire_table *people;
    OK(qr_copy_check(&place, path, false, &err));
    quire_db *db = open_at(layer, path, QUIRE_OPEN_READ_WRITE);
    quire_txn *txn = begin_read(db);
    OK(quire_table_open(txn, "people", &people, &err));
    expect_ages(people);
    quire_table_close(people);
    quire_rollback(txn);
    close_db(db);
}

/* ---- Files ---- */

bool file_exists(struct qr_file_layer *layer, const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    bool there = false;
    OK(layer->methods->exists(layer, path, &there, &err));
    return there;
}

uint64_t file_size(struct qr_file_layer *layer, const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file *file;
    uint64_t size = 0;
    OK(layer->methods->open(layer, path, QR_OPEN_READ, &file, &err));
    OK(file->methods->size(file, &size, &err));
    file->methods->close(file);
    return size;
}

static size_t same_bytes(void *context, const void *text, size_t size, void *key, size_t capacity)
{
    (void)context;
    if (size > 0 && size <= capacity) {
        memcpy(key, text, size);
    }
    return size;
}

void create_collated(struct qr_file_layer *layer, const char *path)
{
    static const quire_column column = {"name", QUIRE_TEXT, true};
    static const quire_index_column key = {.name = "name", .collation = "own"};
    static const quire_index_def defs[] = {
        {.name = "by_own", .unique = true, .columns = &key, .column_count = 1},
        {.name = "own_hash", .kind = QUIRE_INDEX_HASH, .columns = &key, .column_count = 1}};
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, path, QUIRE_OPEN_CREATE);
    OK(quire_collation_register(db, "own", same_bytes, NULL, &err));
    quire_txn *txn = begin_write(db);
    quire_table *names;
    OK(quire_table_create(txn, "names", &column, 1, &err));
    OK(quire_index_create(txn, "names", &defs[0], &err));
    OK(quire_index_create(txn, "names", &defs[1], &err));
    OK(quire_table_open(txn, "names", &names, &err));
    for (int i = 0; i < 400; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "name %d", i);
        quire_value value = quire_text(name);
        OK(quire_table_insert(names, NULL, &value, 1, &err));
    }
    quire_table_close(names);
    commit(txn);
    OK(quire_close(db, &err));
}
