#include "inspect_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The database ---- */

static void add_people(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *people;
    OK(quire_table_open(txn, "people", &people, &err));
    for (int i = 0; i < WORLD_PEOPLE; i++) {
        char name[32];
        char town[32];
        (void)snprintf(name, sizeof name, "person %d", i);
        (void)snprintf(town, sizeof town, "town %d", i % 20);
        quire_value values[] = {quire_text(name), quire_int(i % 7), quire_text(town), quire_null()};
        int64_t rowid = 0;
        char life[3000];
        if (i == 5) {
            memset(life, 'x', sizeof life);
            values[3] = quire_text_n(life, sizeof life);
        }
        OK(quire_table_insert(people, &rowid, values, 4, &err));
    }
    quire_table_close(people);
}

static void add_index(quire_txn *txn, const char *name, const char *column, quire_index_kind kind,
                      bool unique)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_index_column columns[] = {{.name = column}};
    quire_index_def def = {
        .name = name, .kind = kind, .unique = unique, .columns = columns, .column_count = 1};
    OK(quire_index_create(txn, "people", &def, &err));
}

/* Frees pages, so that there are some: a second tree that is dropped. */
static void leave_free_pages(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    static uint8_t bytes[4000];
    quire_tree *tree;
    memset(bytes, 0x5A, sizeof bytes);
    OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
    OK(quire_tree_create(txn, "gone", &err));
    OK(quire_tree_open(txn, "gone", &tree, &err));
    OK(quire_tree_insert(tree, 1, bytes, sizeof bytes, &err));
    quire_tree_close(tree);
    OK(quire_commit(txn, &err));
    OK(quire_checkpoint(db, &err));
    OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
    OK(quire_tree_drop(txn, "gone", &err));
    OK(quire_commit(txn, &err));
}

void world_make_on(struct world *world, struct qr_file_layer *layer)
{
    static const quire_column columns[] = {{"name", QUIRE_TEXT, true},
                                           {"age", QUIRE_INT, false},
                                           {"town", QUIRE_TEXT, false},
                                           {"life", QUIRE_TEXT, false}};
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    world->layer = layer;
    world->place = (struct qr_inspect_place){
        .layer = layer, .allocator = qr_allocator_default(), .path = WORLD_PATH};
    quire_db *db = world_open(world, QUIRE_OPEN_NEW);
    OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
    OK(quire_table_create(txn, "people", columns, 4, &err));
    OK(quire_tree_create(txn, "notes", &err));
    add_index(txn, "by_name", "name", QUIRE_INDEX_BTREE, true);
    add_index(txn, "by_age", "age", QUIRE_INDEX_BTREE, false);
    add_index(txn, "by_town", "town", QUIRE_INDEX_HASH, false);
    add_people(txn);
    OK(quire_commit(txn, &err));
    leave_free_pages(db);
    world_close(db);
}

struct world world_make(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct world world;
    struct qr_file_layer *layer;
    OK(qr_file_layer_memory_create(qr_allocator_default(), &layer, &err));
    world_make_on(&world, layer);
    return world;
}

void world_free(struct world *world)
{
    qr_file_layer_memory_destroy(world->layer);
}

quire_db *world_open(const struct world *world, quire_open_mode mode)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    options.mode = mode;
    options.page_size = WORLD_PAGE;
    options.cache_bytes = UINT64_C(4) << 20;
    options.wal_segment_bytes = 8192;
    options.checkpoint = quire_checkpoint_manual();
    OK(qr_db_open_with(WORLD_PATH, &options, world->layer, false, &db, &err));
    return db;
}

void world_close(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_close(db, &err));
}

/* ---- Files ---- */

static struct qr_file *open_file(const struct world *world, const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file *file;
    OK(world->layer->methods->open(world->layer, path, QR_OPEN_WRITE, &file, &err));
    return file;
}

void world_poke(const struct world *world, const char *path, uint64_t offset, const void *bytes,
                size_t size)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file *file = open_file(world, path);
    OK(qr_file_write_one(file, bytes, size, offset, &err));
    file->methods->close(file);
}

void world_flip(const struct world *world, const char *path, uint64_t offset)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file *file = open_file(world, path);
    uint8_t byte;
    size_t got;
    OK(file->methods->read(file, &byte, 1, offset, &got, &err));
    byte = (uint8_t)(byte ^ 0x41);
    OK(qr_file_write_one(file, &byte, 1, offset, &err));
    file->methods->close(file);
}

void world_cut(const struct world *world, const char *path, uint64_t size)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file *file = open_file(world, path);
    OK(file->methods->truncate(file, size, &err));
    file->methods->close(file);
}

uint64_t world_size(const struct world *world, const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file *file = open_file(world, path);
    uint64_t size;
    OK(file->methods->size(file, &size, &err));
    file->methods->close(file);
    return size;
}

void world_page(const struct world *world, uint32_t page, uint8_t *bytes)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file *file = open_file(world, WORLD_PATH);
    OK(qr_file_read_all(file, bytes, WORLD_PAGE, (uint64_t)page * WORLD_PAGE, WORLD_PATH, &err));
    file->methods->close(file);
}

void world_seal(const struct world *world, uint32_t page, uint8_t *bytes)
{
    uint8_t header[WORLD_PAGE];
    world_page(world, 0, header);
    qr_store64(bytes + QR_PAGE_CHECKSUM,
               qr_page_sum(bytes, WORLD_PAGE, page, header + QR_HEADER_ID));
    world_poke(world, WORLD_PATH, (uint64_t)page * WORLD_PAGE, bytes, WORLD_PAGE);
}

/* ---- From inside ---- */

void world_change(const struct world *world, void (*change)(quire_txn *txn))
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    quire_db *db = world_open(world, QUIRE_OPEN_READ_WRITE);
    OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
    change(txn);
    OK(quire_commit(txn, &err));
    world_close(db);
}

struct qr_object *world_object(quire_txn *txn, struct qr_arena *arena, enum qr_object_kind kind,
                               const char *name)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_object *object;
    bool found;
    OK(qr_catalog_find(qr_txn_pages(txn), kind, name, strlen(name), arena, &object, &found, &err));
    cr_assert(found, "there is no %s", name);
    return object;
}

struct qr_tree world_tree(quire_txn *txn, enum qr_object_kind kind, const char *name)
{
    struct qr_arena arena;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    const struct qr_object *object = world_object(txn, &arena, kind, name);
    struct qr_tree tree = {.view = qr_txn_pages(txn),
                           .root = object->root,
                           .id = object->id,
                           .kind = kind == QR_OBJECT_INDEX ? QR_TREE_KEYS : QR_TREE_ROWS};
    qr_arena_free(&arena);
    return tree;
}

uint32_t world_root(const struct world *world, enum qr_object_kind kind, const char *name)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    quire_db *db = world_open(world, QUIRE_OPEN_READ_ONLY);
    OK(quire_begin(db, QUIRE_READ, &txn, &err));
    uint32_t root = world_tree(txn, kind, name).root;
    quire_rollback(txn);
    world_close(db);
    return root;
}

/* ---- Reports ---- */

quire_report *world_inspect(const struct world *world)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    OK(qr_inspect_database(&world->place, &report, &err));
    return report;
}

quire_report *world_inspect_indexes(const struct world *world)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    OK(qr_inspect_indexes(&world->place, NULL, &report, &err));
    return report;
}

quire_report *world_inspect_wal(const struct world *world)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    OK(qr_inspect_wal(&world->place, &report, &err));
    return report;
}

size_t report_count(const quire_report *report, const char *code)
{
    size_t count = 0;
    for (size_t i = 0; i < quire_report_issue_count(report); i++) {
        count += strcmp(quire_report_issue(report, i)->code, code) == 0;
    }
    return count;
}

const quire_issue *report_find(const quire_report *report, const char *code)
{
    for (size_t i = 0; i < quire_report_issue_count(report); i++) {
        const quire_issue *issue = quire_report_issue(report, i);
        if (strcmp(issue->code, code) == 0) {
            return issue;
        }
    }
    return NULL;
}

void report_has(const quire_report *report, const char *code, uint32_t page)
{
    for (size_t i = 0; i < quire_report_issue_count(report); i++) {
        const quire_issue *issue = quire_report_issue(report, i);
        if (strcmp(issue->code, code) == 0 && issue->page == page) {
            cr_assert(issue->message[0] != '\0' && issue->remedy[0] != '\0');
            return;
        }
    }
    cr_assert_fail("no %s at page %u:\n%s", code, page, quire_report_text(report));
}

void report_is(quire_report *report, const char *code, uint32_t page)
{
    report_has(report, code, page);
    cr_assert_eq(report_count(report, code), quire_report_issue_count(report), "%s",
                 quire_report_text(report));
    quire_report_free(report);
}

void report_sound(quire_report *report)
{
    cr_assert_eq(quire_report_issue_count(report), 0, "%s", quire_report_text(report));
    cr_assert_eq(quire_report_severity(report), QUIRE_SEVERITY_INFO);
    quire_report_free(report);
}
