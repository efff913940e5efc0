/*
 * Damaged definitions of views and triggers: the inspection names them and the
 * page that they are on, and nothing else.
 */
#include <string.h>

#include "catalog/catalog_format.h"
#include "inspect_fixture.h"

static struct world world;

static void make_world(void)
{
    world = world_make();
}

static void free_world(void)
{
    world_free(&world);
}

TestSuite(inspect_definition, .init = make_world, .fini = free_world);

/* The page of the catalog that an object is on. */
static uint32_t page_of(enum qr_object_kind kind, const char *name)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_arena arena;
    struct qr_tree_cursor *cursor;
    quire_db *db = world_open(&world, QUIRE_OPEN_READ_ONLY);
    quire_txn *txn;
    bool valid;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    OK(quire_begin(db, QUIRE_READ, &txn, &err));
    uint8_t bytes[5] = {QR_CATALOG_KEY_OBJECT};
    qr_store32_be(bytes + 1, world_object(txn, &arena, kind, name)->id);
    struct qr_tree_key key = {.bytes = bytes, .size = sizeof bytes};
    struct qr_tree catalog = {.view = txn->view,
                              .root = QR_PAGE_NUMBER_CATALOG,
                              .id = QR_CATALOG_TREE_ID,
                              .kind = QR_TREE_KEYS};
    OK(qr_tree_cursor_open(&catalog, &cursor, &err));
    OK(qr_tree_cursor_seek(cursor, &key, &valid, &err));
    cr_assert(valid);
    uint32_t page = qr_tree_cursor_page(cursor);
    qr_tree_cursor_close(cursor);
    quire_rollback(txn);
    world_close(db);
    qr_arena_free(&arena);
    return page;
}

/* The body that the next change gives an object. */
static uint8_t body[256];
static size_t body_size;

static void set_body(const quire_value *values, uint32_t count)
{
    body_size = quire_record_size(values, count);
    cr_assert_leq(body_size, sizeof body);
    (void)quire_record_encode(values, count, body);
}

static void put_body(quire_txn *txn, enum qr_object_kind kind, const char *name)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_arena arena;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    struct qr_object *object = world_object(txn, &arena, kind, name);
    object->text = (const char *)body;
    object->text_size = body_size;
    OK(qr_catalog_update(txn->txn, object, &err));
    qr_arena_free(&arena);
}

/* ---- Views ---- */

static void create_view(quire_txn *txn)
{
    static const quire_view_field fields[] = {{"name", NULL}};
    static const quire_view_order order[] = {{"age", false}};
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_view_create(txn,
                         &(quire_view_def){.name = "adults",
                                           .table = "people",
                                           .filter = "age > 17",
                                           .columns = fields,
                                           .column_count = 1,
                                           .order = order,
                                           .order_count = 1},
                         &err));
}

static void damage_view(quire_txn *txn)
{
    put_body(txn, QR_OBJECT_VIEW, "adults");
}

static void drop_view(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_view *view;
    cr_assert_eq(quire_view_open(txn, "adults", &view, &err), QUIRE_CORRUPT);
    OK(quire_view_drop(txn, "adults", &err));
}

static quire_value list_of(const quire_value *values, uint32_t count, uint8_t *bytes)
{
    size_t size = quire_record_encode(values, count, bytes);
    quire_value list = quire_blob(bytes, size);
    list.type = QUIRE_LIST;
    return list;
}

static void expect_damaged_view(const quire_value *values, uint32_t count)
{
    set_body(values, count);
    world_change(&world, damage_view);
    quire_report *report = world_inspect(&world);
    cr_assert_str_eq(report_find(report, "CATALOG_VIEW")->object, "adults");
    report_is(report, "CATALOG_VIEW", page_of(QR_OBJECT_VIEW, "adults"));
}

Test(inspect_definition, view__fits_its_table)
{
    static const char *const filters[] = {"nothing = 1", "age", "age >", ""};
    uint8_t bytes[64];
    const quire_value odd[] = {quire_text("name")};
    const quire_value nameless[] = {quire_text(""), quire_text("name")};
    const quire_value wrong[] = {quire_text("n"), quire_text("name + 1")};
    const quire_value unknown[] = {quire_text("nothing"), quire_bool(true)};
    const quire_value untold[] = {quire_text("age"), quire_int(1)};
    const quire_value sound[] = {quire_text("age"), quire_bool(true)};
    world_change(&world, create_view);
    report_sound(world_inspect(&world));
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        expect_damaged_view((quire_value[]){quire_text(filters[i]), quire_null(), quire_null()}, 3);
    }
    expect_damaged_view((quire_value[]){quire_int(1), quire_null(), quire_null()}, 3);
    expect_damaged_view((quire_value[]){quire_null(), quire_null()}, 2);
    expect_damaged_view((quire_value[]){quire_null(), quire_text("x"), quire_null()}, 3);
    const quire_value *const columns[] = {odd, nameless, wrong};
    for (uint32_t i = 0; i < 3; i++) {
        quire_value list = list_of(columns[i], i == 0 ? 1 : 2, bytes);
        expect_damaged_view((quire_value[]){quire_null(), list, quire_null()}, 3);
    }
    const quire_value *const orders[] = {odd, unknown, untold};
    for (uint32_t i = 0; i < 3; i++) {
        quire_value list = list_of(orders[i], i == 0 ? 1 : 2, bytes);
        expect_damaged_view((quire_value[]){quire_null(), quire_null(), list}, 3);
    }
    memcpy(body, "\x7F", 1);
    body_size = 1;
    world_change(&world, damage_view);
    report_is(world_inspect(&world), "CATALOG_VIEW", page_of(QR_OBJECT_VIEW, "adults"));
    world_change(&world, drop_view);
    world_change(&world, create_view);
    set_body((quire_value[]){quire_null(), quire_null(), list_of(sound, 2, bytes)}, 3);
    world_change(&world, damage_view);
    report_sound(world_inspect(&world));
}

/* ---- Triggers ---- */

static void create_trigger(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_trigger_def def = {
        .name = "watch", .table = "people", .function = "watch", .events = QUIRE_ON_INSERT};
    OK(quire_trigger_create(txn, &def, &err));
}

static void damage_trigger(quire_txn *txn)
{
    put_body(txn, QR_OBJECT_TRIGGER, "watch");
}

static void drop_trigger(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *people;
    cr_assert_eq(quire_table_open(txn, "people", &people, &err), QUIRE_CORRUPT);
    OK(quire_trigger_drop(txn, "watch", &err));
    OK(quire_table_open(txn, "people", &people, &err));
    quire_table_close(people);
}

Test(inspect_definition, trigger__is_a_record_of_four_sound_values)
{
    char long_name[300];
    memset(long_name, 'x', sizeof long_name);
    const quire_value wrong[] = {quire_int(2),          quire_int(0),
                                 quire_int(8),          quire_int(1),
                                 quire_text(""),        quire_text_n(long_name, 200),
                                 quire_text_n("\0", 1), quire_null()};
    static const unsigned places[] = {0, 1, 1, 2, 3, 3, 3, 3};
    world_change(&world, create_trigger);
    report_sound(world_inspect(&world));
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        quire_value values[] = {quire_int(0), quire_int(1), quire_bool(true), quire_text("watch")};
        values[places[i]] = wrong[i];
        bool sound = i == 5; /* a long name, but not too long */
        set_body(values, 4);
        world_change(&world, damage_trigger);
        quire_report *report = world_inspect(&world);
        if (sound) {
            report_sound(report);
        } else {
            cr_assert_str_eq(report_find(report, "CATALOG_TRIGGER")->object, "watch");
            report_is(report, "CATALOG_TRIGGER", page_of(QR_OBJECT_TRIGGER, "watch"));
        }
    }
    memcpy(body, "\x7F", 1);
    body_size = 1;
    world_change(&world, damage_trigger);
    report_is(world_inspect(&world), "CATALOG_TRIGGER", page_of(QR_OBJECT_TRIGGER, "watch"));
    world_change(&world, drop_trigger);
    report_sound(world_inspect(&world));
}
