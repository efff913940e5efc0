/* The catalog through its header: names, ids, order, damage. */
#include "catalog/catalog.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "catalog/catalog_format.h"
#include "catalog/object.h"
#include "engine/engine.h"
#include "support/prng.h"

struct fixture {
    quire_db *db;
    quire_txn *txn;
    struct qr_view *view;
    struct qr_txn *pages;
    struct qr_arena arena;
};

#define OK(call)                                                                                   \
    do {                                                                                           \
        quire_error err = QUIRE_ERROR_INIT;                                                        \
        quire_status ok_status = (call);                                                           \
        cr_assert_eq(ok_status, QUIRE_OK, "%s: %s", quire_status_name(ok_status), err.message);    \
    } while (0)

static void open_catalog(struct fixture *fixture, uint32_t page_size)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = page_size;
    options.cache_bytes = UINT64_C(16) << 20;
    OK(quire_open(":memory:", &options, &fixture->db, &err));
    OK(quire_begin(fixture->db, QUIRE_WRITE, &fixture->txn, &err));
    fixture->view = qr_txn_pages(fixture->txn);
    fixture->pages = qr_view_txn(fixture->view);
    qr_arena_init(&fixture->arena, qr_allocator_default(), 0);
}

static void close_catalog(struct fixture *fixture)
{
    qr_arena_free(&fixture->arena);
    quire_rollback(fixture->txn);
    OK(quire_close(fixture->db, &err));
}

static quire_status add(struct fixture *fixture, enum qr_object_kind kind, const char *name,
                        uint32_t owner, uint32_t *id)
{
    struct qr_object object = {
        .kind = kind, .name = name, .owner = owner, .text = "text", .text_size = 4};
    quire_status status = qr_catalog_add(fixture->pages, &object, NULL);
    *id = object.id;
    return status;
}

static uint32_t id_of(struct fixture *fixture, enum qr_object_kind kind, const char *name)
{
    struct qr_object *object;
    bool found;
    OK(qr_catalog_find(fixture->view, kind, name, strlen(name), &fixture->arena, &object, &found,
                       &err));
    cr_assert(!found || strcmp(object->name, name) == 0);
    return found ? object->id : 0;
}

Test(catalog, new_database__has_no_objects)
{
    struct fixture fixture;
    uint32_t id;
    bool found;
    struct qr_object *object;
    open_catalog(&fixture, 0);
    cr_assert_eq(id_of(&fixture, QR_OBJECT_TREE, "x"), 0);
    OK(qr_catalog_find_id(fixture.view, 2, &fixture.arena, &object, &found, &err));
    cr_assert_not(found);
    OK(qr_catalog_next_id(fixture.view, &id, &err));
    cr_assert_eq(id, 2);
    close_catalog(&fixture);
}

Test(catalog, ids__are_never_used_again)
{
    struct fixture fixture;
    uint32_t last = 0;
    open_catalog(&fixture, 0);
    for (int i = 0; i < 50; i++) {
        struct qr_object *object;
        uint32_t id;
        bool found;
        OK(add(&fixture, QR_OBJECT_TREE, "again", 0, &id));
        cr_assert_gt(id, last);
        last = id;
        OK(qr_catalog_find_id(fixture.view, id, &fixture.arena, &object, &found, &err));
        cr_assert(found);
        OK(qr_catalog_remove(fixture.pages, object, &err));
        cr_assert_eq(id_of(&fixture, QR_OBJECT_TREE, "again"), 0);
    }
    close_catalog(&fixture);
}

Test(catalog, names__never_collide_whatever_their_length)
{
    struct fixture fixture;
    char names[96][256];
    uint32_t ids[96];
    int count = 0;
    open_catalog(&fixture, 1024);
    /* All share their first 150 bytes; lengths around that of the longest name kept in a key. */
    for (int size = 156; size <= 165; size++) {
        for (int last = 0; last < 4; last++, count++) {
            memset(names[count], 'n', (size_t)size);
            names[count][size] = '\0';
            names[count][size - 1] = (char)('a' + last);
        }
    }
    for (int size = 252; size <= 255; size++, count++) {
        memset(names[count], 'n', (size_t)size);
        names[count][size] = '\0';
    }
    for (int i = 0; i < count; i++) {
        uint32_t twice;
        OK(add(&fixture, QR_OBJECT_TREE, names[i], 0, &ids[i]));
        cr_assert_eq(add(&fixture, QR_OBJECT_VIEW, names[i], 0, &twice), QUIRE_EXISTS);
    }
    for (int i = 0; i < count; i++) {
        cr_assert_eq(id_of(&fixture, QR_OBJECT_TREE, names[i]), ids[i]);
        cr_assert_eq(id_of(&fixture, QR_OBJECT_TEXT, names[i]), 0, "spaces are apart");
    }
    for (int i = 0; i < count; i += 2) {
        struct qr_object *object;
        bool found;
        OK(qr_catalog_find_id(fixture.view, ids[i], &fixture.arena, &object, &found, &err));
        OK(qr_catalog_remove(fixture.pages, object, &err));
    }
    for (int i = 0; i < count; i++) {
        cr_assert_eq(id_of(&fixture, QR_OBJECT_TREE, names[i]), i % 2 == 0 ? 0 : ids[i]);
    }
    close_catalog(&fixture);
}

struct names_seen {
    char names[16][32];
    int count;
};

static quire_status note_name(void *context, struct qr_object *object, quire_error *err)
{
    struct names_seen *seen = context;
    (void)err;
    cr_assert_lt(seen->count, 16);
    (void)snprintf(seen->names[seen->count++], 32, "%s", object->name);
    return QUIRE_OK;
}

static quire_status stop(void *context, struct qr_object *object, quire_error *err)
{
    (void)context;
    (void)object;
    (void)err;
    return QUIRE_INTERRUPTED;
}

Test(catalog, each__goes_by_kind_and_owner)
{
    struct fixture fixture;
    struct names_seen seen = {.count = 0};
    uint32_t id;
    open_catalog(&fixture, 0);
    OK(add(&fixture, QR_OBJECT_TRIGGER, "t2", 500, &id));
    OK(add(&fixture, QR_OBJECT_TRIGGER, "t1", 500, &id));
    OK(add(&fixture, QR_OBJECT_TRIGGER, "t0", 501, &id));
    OK(add(&fixture, QR_OBJECT_VIEW, "v", 0, &id));
    OK(add(&fixture, QR_OBJECT_TREE, "b", 0, &id));
    OK(add(&fixture, QR_OBJECT_TREE, "a", 0, &id));
    OK(qr_catalog_each(fixture.view, QR_OBJECT_TREE, 0, &fixture.arena, note_name, &seen, &err));
    cr_assert_eq(seen.count, 2);
    cr_assert_str_eq(seen.names[0], "a");
    cr_assert_str_eq(seen.names[1], "b");
    seen.count = 0;
    OK(qr_catalog_each(fixture.view, QR_OBJECT_TRIGGER, 500, &fixture.arena, note_name, &seen,
                       &err));
    cr_assert_eq(seen.count, 2);
    cr_assert_str_eq(seen.names[0], "t2");
    cr_assert_str_eq(seen.names[1], "t1");
    cr_assert_eq(
        qr_catalog_each(fixture.view, QR_OBJECT_TRIGGER, 0, &fixture.arena, stop, NULL, NULL),
        QUIRE_INTERRUPTED);
    close_catalog(&fixture);
}

/* An index object with every field set. */
static struct qr_object sample_index(void)
{
    static struct qr_index_part parts[] = {
        {.column = 3, .descending = true},
        {.column = 4095, .collation = "nocase"},
        {.expression = "a + 1"},
    };
    static uint32_t included[] = {1, 7};
    struct qr_object object = {.kind = QR_OBJECT_INDEX,
                               .id = 9,
                               .name = "i",
                               .root = 77,
                               .owner = 5,
                               .index_kind = QUIRE_INDEX_HASH,
                               .unique = true,
                               .parts = parts,
                               .key_count = 3,
                               .included = included,
                               .included_count = 2,
                               .where = "a > 1",
                               .building = true};
    memcpy(object.hash_key, "0123456789abcdef", 16);
    return object;
}

Test(object, index__round_trips)
{
    struct qr_arena arena;
    struct qr_slice record;
    struct qr_object *back;
    struct qr_object object = sample_index();
    qr_arena_init(&arena, qr_allocator_default(), 0);
    OK(qr_object_encode(&object, &arena, &record, &err));
    OK(qr_object_decode(record, 9, &arena, &back, &err));
    cr_assert_eq(back->kind, QR_OBJECT_INDEX);
    cr_assert_eq(back->root, 77);
    cr_assert_eq(back->owner, 5);
    cr_assert(back->unique && back->index_kind == QUIRE_INDEX_HASH);
    cr_assert_eq(back->key_count, 3);
    cr_assert(back->parts[0].column == 3 && back->parts[1].column == 4095);
    cr_assert(back->parts[0].descending && !back->parts[1].descending);
    cr_assert_null(back->parts[0].collation);
    cr_assert_str_eq(back->parts[1].collation, "nocase");
    cr_assert_null(back->parts[1].expression);
    cr_assert_str_eq(back->parts[2].expression, "a + 1");
    cr_assert(back->included_count == 2 && back->included[0] == 1 && back->included[1] == 7);
    cr_assert_str_eq(back->where, "a > 1");
    cr_assert(back->building);
    cr_assert_eq(memcmp(back->hash_key, object.hash_key, 16), 0);
    qr_arena_free(&arena);
}

Test(object, decode__takes_only_sound_objects_when_bytes_are_damaged)
{
    static quire_column columns[] = {{"a", QUIRE_INT, true}, {"b", QUIRE_TEXT, false}};
    struct qr_object table = {
        .kind = QR_OBJECT_TABLE, .name = "t", .columns = columns, .column_count = 2};
    struct qr_object samples[2] = {sample_index(), table};
    struct prng prng;
    prng_init(&prng, 5);
    for (int round = 0; round < 20000; round++) {
        struct qr_arena arena;
        struct qr_slice record;
        struct qr_object *back;
        uint8_t bytes[256];
        qr_arena_init(&arena, qr_allocator_default(), 0);
        OK(qr_object_encode(&samples[round % 2], &arena, &record, &err));
        cr_assert_leq(record.size, sizeof bytes);
        memcpy(bytes, record.data, record.size);
        for (uint64_t i = prng_below(&prng, 3); i < 3; i++) {
            bytes[prng_below(&prng, record.size)] = (uint8_t)prng_next(&prng);
        }
        record.data = bytes;
        record.size -= prng_one_in(&prng, 4) ? prng_below(&prng, record.size) : 0;
        if (qr_object_decode(record, 9, &arena, &back, NULL) == QUIRE_OK) {
            cr_assert(back->kind >= QR_OBJECT_TREE && back->kind <= QR_OBJECT_KEYS);
            cr_assert(strlen(back->name) > 0);
            cr_assert_leq(back->key_count, QR_INDEX_COLUMNS_MAX);
            for (uint32_t i = 0; i < back->column_count; i++) {
                cr_assert(back->columns[i].type >= QUIRE_BOOL &&
                          back->columns[i].type <= QUIRE_LIST);
            }
        }
        qr_arena_free(&arena);
    }
}
