/*
 * What the inspection of a database finds: each kind of damage is made and
 * must be named, at its page.
 */
#include "inspect_fixture.h"

#include <string.h>

#include "catalog/catalog_format.h"
#include "catalog/object.h"

static struct world world;

static void setup(void)
{
    world = world_make();
}

static void teardown(void)
{
    world_free(&world);
}

TestSuite(inspect_database, .init = setup, .fini = teardown);

static void store_page(uint32_t page, size_t offset, uint64_t value, size_t size)
{
    uint8_t bytes[WORLD_PAGE];
    uint8_t number[8];
    world_page(&world, page, bytes);
    qr_store64(number, value);
    memcpy(bytes + offset, number, size);
    world_seal(&world, page, bytes);
}

static uint32_t page_count(void)
{
    return (uint32_t)(world_size(&world, WORLD_PATH) / WORLD_PAGE);
}

static bool is_free(uint32_t page)
{
    uint8_t map[WORLD_PAGE];
    world_page(&world, QR_PAGE_NUMBER_FREE_MAP, map);
    return (map[QR_PAGE_HEADER_SIZE + page / 8] >> (page % 8) & 1) != 0;
}

/* A page that the free map marks; they were written once. */
static uint32_t free_page(void)
{
    uint32_t page = 3;
    while (!is_free(page)) {
        page++;
    }
    cr_assert_lt(page, page_count());
    return page;
}

static uint32_t last_used_page(void)
{
    uint32_t page = page_count() - 1;
    while (is_free(page)) {
        page--;
    }
    return page;
}

/* ---- Sound ---- */

Test(inspect_database, report__is_empty_for_a_sound_database)
{
    quire_report *report = world_inspect(&world);
    const char *json = quire_report_json(report);
    cr_assert(strstr(json, "\"schemaVersion\":\"1.0\"") != NULL);
    cr_assert(strstr(json, "\"name\":\"people\",\"kind\":\"table\"") != NULL, "%s", json);
    cr_assert(strstr(json, "\"kind\":\"hash index\"") != NULL);
    cr_assert(strstr(json, "\"entries\":60,\"depth\":") != NULL, "%s", json);
    cr_assert(strstr(quire_report_text(report), "sound") != NULL);
    report_sound(report);
}

Test(inspect_database, report__is_empty_for_a_new_database)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_inspect_place place = world.place;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    quire_report *report;
    place.path = "empty.quire";
    OK(qr_db_open_with(place.path, &options, world.layer, false, &db, &err));
    OK(quire_close(db, &err));
    OK(qr_inspect_database(&place, &report, &err));
    report_sound(report);
}

Test(inspect_database, report__lays_the_log_over_the_file_beside_a_writer)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    quire_db *db = world_open(&world, QUIRE_OPEN_READ_WRITE);
    OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
    OK(quire_tree_create(txn, "later", &err));
    OK(quire_commit(txn, &err));
    OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
    OK(quire_tree_create(txn, "in flight", &err));
    quire_report *report = world_inspect(&world);
    cr_assert(strstr(quire_report_json(report), "\"later\"") != NULL);
    cr_assert(strstr(quire_report_json(report), "\"in flight\"") == NULL);
    report_sound(report);
    report_sound(world_inspect_indexes(&world));
    OK(quire_inspect_database_open(db, &report, &err));
    cr_assert(strstr(quire_report_json(report), "\"later\"") != NULL);
    report_sound(report);
    report = world_inspect_wal(&world);
    cr_assert_eq(quire_report_severity(report), QUIRE_SEVERITY_INFO);
    quire_report_free(report);
    OK(quire_commit(txn, &err));
    world_close(db);
}

Test(inspect_database, inspection__fails_when_there_is_no_file)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    struct qr_inspect_place place = world.place;
    place.path = "absent.quire";
    cr_assert_eq(qr_inspect_database(&place, &report, &err), QUIRE_NO_FILE);
    cr_assert_null(report);
    cr_assert_eq(qr_inspect_wal(&place, &report, &err), QUIRE_NO_FILE);
    cr_assert_eq(qr_inspect_indexes(&place, NULL, &report, &err), QUIRE_NO_FILE);
    cr_assert_eq(qr_inspect_page(&place, 0, &report, &err), QUIRE_NO_FILE);
    cr_assert_eq(quire_inspect_database(NULL, &report, &err), QUIRE_MISUSE);
    cr_assert_eq(quire_inspect_database_open(NULL, &report, &err), QUIRE_MISUSE);
}

/* ---- Header ---- */

static void header_is(const char *code)
{
    quire_report *report = world_inspect(&world);
    report_has(report, code, 0);
    report_has(report, "NOT_OPENED", QUIRE_NO_PAGE);
    cr_assert_eq(quire_report_issue_count(report), 2, "%s", quire_report_text(report));
    quire_report_free(report);
}

Test(inspect_database, header__is_told_from_an_unborn_one)
{
    world_cut(&world, WORLD_PATH, 0);
    quire_error err = QUIRE_ERROR_INIT;
    OK(world.layer->methods->remove(world.layer, WORLD_LOG, &err));
    header_is("HEADER_UNBORN");
}

Test(inspect_database, header__is_short_when_the_file_ends_in_it)
{
    world_cut(&world, WORLD_PATH, 500);
    header_is("HEADER_SHORT");
}

Test(inspect_database, header__has_a_magic)
{
    world_flip(&world, WORLD_PATH, QR_HEADER_MAGIC + 3);
    header_is("HEADER_MAGIC");
}

Test(inspect_database, header__has_a_checksum)
{
    world_flip(&world, WORLD_PATH, QR_HEADER_CREATED);
    header_is("HEADER_CHECKSUM");
}

Test(inspect_database, header__names_the_format)
{
    store_page(0, QR_HEADER_READER_FORMAT, QR_HEADER_FORMAT_NOW + 1, 4);
    header_is("HEADER_FORMAT");
}

Test(inspect_database, header__has_a_possible_page_size)
{
    world_flip(&world, WORLD_PATH, QR_HEADER_PAGE_SIZE);
    header_is("HEADER_PAGE_SIZE");
}

Test(inspect_database, header__does_not_contradict_itself)
{
    store_page(0, QR_HEADER_CATALOG_ROOT, 7, 4);
    header_is("HEADER_FIELDS");
}

Test(inspect_database, header__tells_of_a_machine_that_stopped_between_syncs)
{
    store_page(0, QR_HEADER_BOOT, 7, 8);
    header_is("HEADER_UNSYNCED");
}

Test(inspect_database, header__counts_the_pages_of_the_file)
{
    uint32_t last = last_used_page();
    world_cut(&world, WORLD_PATH, (uint64_t)last * WORLD_PAGE + 100);
    quire_report *report = world_inspect(&world);
    report_has(report, "HEADER_PAGES", 0);
    report_has(report, "PAGE_MISSING", last);
    quire_report_free(report);
}

Test(inspect_database, header__is_not_believed_when_it_counts_absurdly)
{
    store_page(0, QR_HEADER_PAGES, 0xF0000000U, 4);
    quire_report *report = world_inspect(&world);
    report_has(report, "HEADER_PAGES", 0);
    report_has(report, "NOT_OPENED", QUIRE_NO_PAGE);
    quire_report_free(report);
}

Test(inspect_database, file__has_nothing_behind_the_last_page)
{
    static const uint8_t tail[100] = {1};
    world_poke(&world, WORLD_PATH, world_size(&world, WORLD_PATH), tail, sizeof tail);
    report_is(world_inspect(&world), "FILE_TRAILING", QUIRE_NO_PAGE);
}

/* ---- Log ---- */

/* Copies the files of a database that is open, as a crash would leave them. */
static void crash(struct world *copy, bool with_log)
{
    quire_error err = QUIRE_ERROR_INIT;
    static const char *const paths[] = {WORLD_PATH, WORLD_LOG};
    OK(qr_file_layer_memory_create(qr_allocator_default(), &copy->layer, &err));
    copy->place = world.place;
    copy->place.layer = copy->layer;
    for (int i = 0; i < (with_log ? 2 : 1); i++) {
        static uint8_t bytes[1 << 20];
        struct qr_file *from;
        struct qr_file *to;
        size_t got;
        OK(world.layer->methods->open(world.layer, paths[i], QR_OPEN_READ, &from, &err));
        OK(from->methods->read(from, bytes, sizeof bytes, 0, &got, &err));
        OK(copy->layer->methods->open(copy->layer, paths[i], QR_OPEN_WRITE | QR_OPEN_CREATE, &to,
                                      &err));
        OK(qr_file_write_one(to, bytes, got, 0, &err));
        from->methods->close(from);
        to->methods->close(to);
    }
}

/* Commits something, and copies the files before they are closed. */
static void crash_after_commit(struct world *copy, bool with_log)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    quire_db *db = world_open(&world, QUIRE_OPEN_READ_WRITE);
    for (int i = 0; i < 3; i++) {
        char name[2] = {(char)('a' + i), '\0'};
        OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
        OK(quire_tree_create(txn, name, &err));
        OK(quire_commit(txn, &err));
    }
    crash(copy, with_log);
    world_close(db);
}

Test(inspect_database, log__overlays_a_crashed_database)
{
    struct world copy;
    crash_after_commit(&copy, true);
    quire_report *report = world_inspect(&copy);
    cr_assert(strstr(quire_report_json(report), "\"name\":\"c\"") != NULL);
    report_sound(report);
    world_free(&copy);
}

Test(inspect_database, log__overlays_pages_when_the_header_is_damaged)
{
    struct world copy;
    crash_after_commit(&copy, true);
    world_flip(&copy, WORLD_PATH, QR_HEADER_ID);
    quire_report *report = world_inspect(&copy);
    report_has(report, "HEADER_CHECKSUM", 0);
    cr_assert_eq(quire_report_issue_count(report), 2, "%s", quire_report_text(report));
    quire_report_free(report);
    world_free(&copy);
}

Test(inspect_database, log__is_missing_when_the_database_was_not_closed)
{
    struct world copy;
    crash_after_commit(&copy, false);
    quire_report *report = world_inspect(&copy);
    report_has(report, "LOG_MISSING", QUIRE_NO_PAGE);
    quire_report_free(report);
    report_is(world_inspect_wal(&copy), "LOG_MISSING", QUIRE_NO_PAGE);
    world_free(&copy);
}

Test(inspect_database, log__may_be_absent_when_the_database_was_closed)
{
    quire_error err = QUIRE_ERROR_INIT;
    OK(world.layer->methods->remove(world.layer, WORLD_LOG, &err));
    report_sound(world_inspect(&world));
    report_is(world_inspect_wal(&world), "LOG_ABSENT", QUIRE_NO_PAGE);
}

Test(inspect_database, log__must_be_the_databases_own)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct world other = world_make();
    static uint8_t bytes[1 << 20];
    struct qr_file *from;
    size_t got;
    OK(other.layer->methods->open(other.layer, WORLD_LOG, QR_OPEN_READ, &from, &err));
    OK(from->methods->read(from, bytes, sizeof bytes, 0, &got, &err));
    from->methods->close(from);
    world_poke(&world, WORLD_LOG, 0, bytes, got);
    quire_report *report = world_inspect(&world);
    report_has(report, "LOG_FOREIGN", QUIRE_NO_PAGE);
    quire_report_free(report);
    report = world_inspect_wal(&world);
    report_has(report, "WAL_DATABASE_ID", QUIRE_NO_PAGE);
    quire_report_free(report);
    world_free(&other);
}

Test(inspect_database, log__is_damaged_when_its_header_is)
{
    world_flip(&world, WORLD_LOG, 9);
    quire_report *report = world_inspect(&world);
    report_has(report, "LOG_DAMAGED", QUIRE_NO_PAGE);
    quire_report_free(report);
    report_is(world_inspect_wal(&world), "WAL_HEADER_CHECKSUM", QUIRE_NO_PAGE);
}

/* ---- Pages ---- */

Test(inspect_database, page__has_a_checksum)
{
    uint32_t root = world_root(&world, QR_OBJECT_INDEX, "by_age");
    world_flip(&world, WORLD_PATH, (uint64_t)root * WORLD_PAGE + 700);
    quire_report *report = world_inspect(&world);
    report_has(report, "PAGE_CHECKSUM", root);
    const quire_issue *issue = report_find(report, "PAGE_CHECKSUM");
    cr_assert_eq(issue->offset, (uint64_t)root * WORLD_PAGE);
    cr_assert_eq(issue->severity, QUIRE_SEVERITY_ERROR);
    report_has(report, "TREE_PAGE_UNREADABLE", root);
    cr_assert_str_eq(report_find(report, "TREE_PAGE_UNREADABLE")->object, "by_age");
    quire_report_free(report);
}

Test(inspect_database, page__bears_its_number)
{
    uint32_t root = world_root(&world, QR_OBJECT_TABLE, "people");
    store_page(root, QR_PAGE_NUMBER, root + 1, 4);
    quire_report *report = world_inspect(&world);
    report_has(report, "PAGE_NUMBER", root);
    report_has(report, "PAGE_UNREACHED", report_find(report, "PAGE_UNREACHED")->page);
    cr_assert_eq(report_count(report, "PAGE_ORPHAN"), 0);
    quire_report_free(report);
}

Test(inspect_database, page__has_a_known_type)
{
    uint32_t root = world_root(&world, QR_OBJECT_TREE, "notes");
    store_page(root, QR_PAGE_TYPE, 77, 1);
    quire_report *report = world_inspect(&world);
    report_has(report, "PAGE_TYPE", root);
    report_has(report, "TREE_PAGE_TYPE", root);
    quire_report_free(report);
}

Test(inspect_database, page__carries_a_commit_that_happened)
{
    uint32_t root = world_root(&world, QR_OBJECT_TREE, "notes");
    store_page(root, QR_PAGE_LSN, UINT64_C(1) << 50, 8);
    quire_report *report = world_inspect(&world);
    report_has(report, "PAGE_LSN", root);
    quire_report_free(report);
}

Test(inspect_database, page__is_damaged_though_free)
{
    uint32_t page = free_page();
    world_flip(&world, WORLD_PATH, (uint64_t)page * WORLD_PAGE + 100);
    quire_report *report = world_inspect(&world);
    cr_assert_eq(quire_report_severity(report), QUIRE_SEVERITY_WARNING);
    report_is(report, "PAGE_FREE_DAMAGED", page);
}

static void mark_free(uint32_t page, bool is_free)
{
    uint8_t map[WORLD_PAGE];
    uint8_t header[WORLD_PAGE];
    world_page(&world, QR_PAGE_NUMBER_FREE_MAP, map);
    world_page(&world, 0, header);
    map[QR_PAGE_HEADER_SIZE + page / 8] ^= (uint8_t)(1U << (page % 8));
    uint32_t count = qr_load32(header + QR_HEADER_FREE_PAGES);
    qr_store32(header + QR_HEADER_FREE_PAGES, is_free ? count + 1 : count - 1);
    world_seal(&world, QR_PAGE_NUMBER_FREE_MAP, map);
    world_seal(&world, 0, header);
}

Test(inspect_database, page__is_not_free_when_used)
{
    uint32_t root = world_root(&world, QR_OBJECT_TREE, "notes");
    mark_free(root, true);
    quire_report *report = world_inspect(&world);
    cr_assert_str_eq(report_find(report, "PAGE_FREE_BUT_USED")->object, "notes");
    report_is(report, "PAGE_FREE_BUT_USED", root);
}

Test(inspect_database, page__of_the_map_is_not_free)
{
    mark_free(QR_PAGE_NUMBER_FREE_MAP, true);
    report_is(world_inspect(&world), "PAGE_FREE_BUT_USED", QR_PAGE_NUMBER_FREE_MAP);
}

Test(inspect_database, page__has_an_owner)
{
    uint32_t page = free_page();
    mark_free(page, false);
    quire_report *report = world_inspect(&world);
    cr_assert_eq(quire_report_severity(report), QUIRE_SEVERITY_WARNING);
    report_is(report, "PAGE_ORPHAN", page);
}

Test(inspect_database, free_map__agrees_with_the_header)
{
    uint8_t header[WORLD_PAGE];
    world_page(&world, 0, header);
    store_page(0, QR_HEADER_FREE_PAGES, qr_load32(header + QR_HEADER_FREE_PAGES) + 1, 4);
    report_is(world_inspect(&world), "FREE_MAP_COUNT", 0);
}

Test(inspect_database, free_map__ends_with_the_database)
{
    mark_free(page_count() + 5, true);
    report_is(world_inspect(&world), "FREE_MAP_RANGE", QR_PAGE_NUMBER_FREE_MAP);
}

static void leak_pages(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    qr_view_enter(txn->view);
    for (int i = 0; i < 1100; i++) {
        uint32_t number;
        uint8_t *page;
        OK(qr_txn_page_alloc(txn->txn, QR_PAGE_TYPE_ROW_LEAF, 99, 0, &number, &page, &err));
    }
    qr_view_leave(txn->view);
}

Test(inspect_database, report__is_bounded)
{
    world_change(&world, leak_pages);
    quire_report *report = world_inspect(&world);
    cr_assert_eq(quire_report_issue_count(report), QR_REPORT_LIST_MAX + 1);
    const quire_issue *last = quire_report_issue(report, QR_REPORT_LIST_MAX);
    cr_assert_str_eq(last->code, "REPORT_FULL");
    cr_assert_null(quire_report_issue(report, QR_REPORT_LIST_MAX + 1));
    quire_report_free(report);
}

/* ---- Catalog ---- */

static struct qr_tree catalog_of(quire_txn *txn)
{
    return (struct qr_tree){.view = txn->view,
                            .root = QR_PAGE_NUMBER_CATALOG,
                            .id = QR_CATALOG_TREE_ID,
                            .kind = QR_TREE_KEYS};
}

static void put_catalog(quire_txn *txn, const void *key, size_t key_size, const void *payload,
                        size_t size)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_tree tree = catalog_of(txn);
    struct qr_tree_key where = {.bytes = key, .size = key_size};
    bool existed;
    OK(qr_tree_put(&tree, &where, payload, size, QR_PUT_UPSERT, &existed, &err));
}

static void delete_catalog(quire_txn *txn, const void *key, size_t key_size)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_tree tree = catalog_of(txn);
    struct qr_tree_key where = {.bytes = key, .size = key_size};
    bool existed;
    OK(qr_tree_delete(&tree, &where, &existed, &err));
    cr_assert(existed);
}

static void malform_entry(quire_txn *txn)
{
    put_catalog(txn, "\x09", 1, "", 0);
}

static void malform_object(quire_txn *txn)
{
    put_catalog(txn, "\x01\0\0\0\x03", 5, "\xFF", 1);
}

static void lose_name(quire_txn *txn)
{
    delete_catalog(txn, "\x02\x01notes", 7);
}

static void add_name(quire_txn *txn)
{
    quire_value id = quire_int(2);
    uint8_t record[8];
    put_catalog(txn, "\x02\x01other", 7, record, quire_record_encode(&id, 1, record));
}

static void lose_owned(quire_txn *txn)
{
    struct qr_arena arena;
    uint8_t key[9] = {QR_CATALOG_KEY_OWNED};
    qr_arena_init(&arena, qr_allocator_default(), 0);
    const struct qr_object *index = world_object(txn, &arena, QR_OBJECT_INDEX, "by_age");
    qr_store32_be(key + 1, index->owner);
    qr_store32_be(key + 5, index->id);
    delete_catalog(txn, key, sizeof key);
    qr_arena_free(&arena);
}

static void update(quire_txn *txn, enum qr_object_kind kind, const char *name,
                   void (*edit)(struct qr_object *object))
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_arena arena;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    struct qr_object *object = world_object(txn, &arena, kind, name);
    edit(object);
    OK(qr_catalog_update(txn->txn, object, &err));
    qr_arena_free(&arena);
}

static void edit_column(struct qr_object *object)
{
    object->parts[0].column = 99;
}

static void wrong_column(quire_txn *txn)
{
    update(txn, QR_OBJECT_INDEX, "by_age", edit_column);
}

static void edit_owner(struct qr_object *object)
{
    object->owner = 77;
}

static void wrong_owner(quire_txn *txn)
{
    update(txn, QR_OBJECT_INDEX, "by_age", edit_owner);
}

static void edit_root(struct qr_object *object)
{
    object->root = 2;
}

static void wrong_root(quire_txn *txn)
{
    update(txn, QR_OBJECT_TREE, "notes", edit_root);
}

static void small_next_id(quire_txn *txn)
{
    quire_value id = quire_int(3);
    uint8_t record[8];
    put_catalog(txn, "\0", 1, record, quire_record_encode(&id, 1, record));
}

static void catalog_has(void (*change)(quire_txn *), const char *code)
{
    world_change(&world, change);
    quire_report *report = world_inspect(&world);
    cr_assert_gt(report_count(report, code), 0, "no %s:\n%s", code, quire_report_text(report));
    cr_assert_eq(quire_report_severity(report), QUIRE_SEVERITY_ERROR);
    quire_report_free(report);
}

Test(inspect_database, catalog__has_no_strange_entries)
{
    catalog_has(malform_entry, "CATALOG_ENTRY");
}

Test(inspect_database, catalog__has_readable_objects)
{
    catalog_has(malform_object, "CATALOG_OBJECT");
}

Test(inspect_database, catalog__has_a_name_for_each_object)
{
    catalog_has(lose_name, "CATALOG_NAME");
}

Test(inspect_database, catalog__has_an_object_for_each_name)
{
    catalog_has(add_name, "CATALOG_NAME");
}

Test(inspect_database, catalog__lists_indexes_with_their_table)
{
    catalog_has(lose_owned, "CATALOG_OWNER");
}

Test(inspect_database, catalog__has_a_table_for_each_index)
{
    catalog_has(wrong_owner, "CATALOG_OWNER");
}

Test(inspect_database, catalog__has_the_columns_of_indexes)
{
    catalog_has(wrong_column, "CATALOG_COLUMN");
    quire_report *report = world_inspect_indexes(&world);
    cr_assert_str_eq(report_find(report, "INDEX_NOT_CHECKED")->object, "by_age");
    quire_report_free(report);
}

Test(inspect_database, catalog__has_possible_roots)
{
    world_change(&world, wrong_root);
    quire_report *report = world_inspect(&world);
    report_has(report, "CATALOG_ROOT", 2);
    quire_report_free(report);
}

Test(inspect_database, catalog__does_not_give_ids_again)
{
    catalog_has(small_next_id, "CATALOG_NEXT_ID");
}

/* ---- Rows ---- */

static void put_row(quire_txn *txn, const void *record, size_t size)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_tree people = world_tree(txn, QR_OBJECT_TABLE, "people");
    struct qr_tree_key key = {.rowid = 1000};
    bool existed;
    OK(qr_tree_put(&people, &key, record, size, QR_PUT_INSERT, &existed, &err));
}

static void garbled_row(quire_txn *txn)
{
    put_row(txn, "\x7F\x01", 2);
}

static void long_row(quire_txn *txn)
{
    quire_value values[] = {quire_text("x"), quire_null(), quire_null(), quire_null(),
                            quire_int(7)};
    uint8_t record[32];
    put_row(txn, record, quire_record_encode(values, 5, record));
}

static void mistyped_row(quire_txn *txn)
{
    quire_value values[] = {quire_text("x"), quire_text("old")};
    uint8_t record[32];
    put_row(txn, record, quire_record_encode(values, 2, record));
}

static void incomplete_row(quire_txn *txn)
{
    quire_value values[] = {quire_null(), quire_int(3)};
    uint8_t record[32];
    put_row(txn, record, quire_record_encode(values, 2, record));
}

static void row_is(void (*change)(quire_txn *), const char *code)
{
    world_change(&world, change);
    quire_report *report = world_inspect(&world);
    const quire_issue *issue = report_find(report, code);
    cr_assert_not_null(issue, "no %s:\n%s", code, quire_report_text(report));
    cr_assert_str_eq(issue->object, "people");
    cr_assert(strstr(issue->message, "row 1000") != NULL);
    uint8_t page[WORLD_PAGE];
    world_page(&world, issue->page, page);
    cr_assert_eq(qr_page_type(page), QR_PAGE_TYPE_ROW_LEAF);
    report_is(report, code, issue->page);
}

Test(inspect_database, row__is_a_record)
{
    row_is(garbled_row, "ROW_DECODE");
}

Test(inspect_database, row__has_no_more_columns_than_its_table)
{
    row_is(long_row, "ROW_DECODE");
}

Test(inspect_database, row__has_values_of_its_columns_types)
{
    row_is(mistyped_row, "ROW_TYPE");
}

Test(inspect_database, row__has_what_may_not_be_null)
{
    row_is(incomplete_row, "ROW_NOT_NULL");
}

/* ---- Hash indexes ---- */

static uint32_t bucket_page(uint32_t bucket)
{
    uint8_t directory[WORLD_PAGE];
    world_page(&world, world_root(&world, QR_OBJECT_INDEX, "by_town"), directory);
    cr_assert_gt(qr_load32(directory + QR_HASH_BUCKETS), bucket);
    cr_assert_eq(directory[QR_HASH_DEPTH], 0);
    return qr_load32(directory + QR_HASH_NUMBERS + 4 * bucket);
}

Test(inspect_database, hash__has_readable_buckets)
{
    uint32_t page = bucket_page(0);
    store_page(page, QR_PAGE_TYPE, QR_PAGE_TYPE_ROW_LEAF, 1);
    quire_report *report = world_inspect(&world);
    report_has(report, "HASH_DAMAGED", page);
    quire_report_free(report);
}

Test(inspect_database, hash__has_numbered_buckets)
{
    uint32_t page = bucket_page(0);
    store_page(page, QR_BUCKET_NUMBER, 5, 4);
    report_is(world_inspect(&world), "HASH_BUCKET", page);
}

Test(inspect_database, hash__counts_its_entries)
{
    uint32_t root = world_root(&world, QR_OBJECT_INDEX, "by_town");
    store_page(root, QR_HASH_ENTRIES, WORLD_PEOPLE + 1, 8);
    report_is(world_inspect(&world), "HASH_COUNT", root);
}

Test(inspect_database, hash__reaches_each_page_once)
{
    uint32_t root = world_root(&world, QR_OBJECT_INDEX, "by_town");
    uint32_t first = bucket_page(0);
    (void)bucket_page(1);
    store_page(root, QR_HASH_NUMBERS + 4, first, 4);
    quire_report *report = world_inspect(&world);
    report_has(report, "PAGE_OWNED_TWICE", first);
    quire_report_free(report);
}

/* ---- One page ---- */

Test(inspect_database, page__is_described)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    for (uint32_t page = 0; page < page_count(); page++) {
        OK(qr_inspect_page(&world.place, page, &report, &err));
        cr_assert(strstr(quire_report_json(report), "\"hexDump\":[\"00000000 ") != NULL);
        cr_assert_neq(report_count(report, "PAGE_TYPE"), 1);
        quire_report_free(report);
    }
    OK(qr_inspect_page(&world.place, 0, &report, &err));
    cr_assert(strstr(quire_report_json(report), "\"pageSize\":1024") != NULL);
    report_sound(report);
    cr_assert_eq(qr_inspect_page(&world.place, 100000, &report, &err), QUIRE_MISUSE);
    cr_assert_null(report);
}

Test(inspect_database, page__is_described_though_damaged)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    world_flip(&world, WORLD_PATH, 5 * WORLD_PAGE + 60);
    OK(qr_inspect_page(&world.place, 5, &report, &err));
    report_is(report, "PAGE_CHECKSUM", 5);
}
