/*
 * Salvage: each page of a small database damaged in turn, headers and logs
 * damaged or missing, files cut off. Nothing readable is lost, nothing is
 * invented, and what comes out is a sound database.
 */
#include "maintenance_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pager/page_format.h"
#include "support/prng.h"

#define ROWS      120
#define PAGE_SIZE 1024U

/* The sample as bytes, and opened, to compare with. */
static struct faulty_layer *files;
static struct qr_file_layer *layer;
static struct qr_maintenance_place place;
static uint8_t *bytes;
static size_t size;
static quire_db *original;
static quire_txn *original_txn;
static struct qr_object_list original_objects;

static void set_up(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file *file;
    files = faulty_layer_create();
    layer = faulty_layer_files(files);
    place = place_of(layer);
    create_sample(layer, "/d/original", ROWS);
    size = (size_t)file_size(layer, "/d/original");
    bytes = malloc(size);
    OK(layer->methods->open(layer, "/d/original", QR_OPEN_READ, &file, &err));
    OK(qr_file_read_all(file, bytes, size, 0, "original", &err));
    file->methods->close(file);
    original = open_at(layer, "/d/original", QUIRE_OPEN_READ_ONLY);
    original_txn = begin_read(original);
    OK(qr_object_list_read(&original_objects, qr_txn_pages(original_txn), &err));
}

static void tear_down(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    qr_object_list_free(&original_objects);
    quire_rollback(original_txn);
    OK(quire_close(original, &err));
    free(bytes);
    faulty_layer_destroy(files);
}

TestSuite(salvage, .init = set_up, .fini = tear_down);

/* ---- What came out ---- */

struct told {
    uint64_t rows, lost;
    unsigned objects, notes;
    char last_note[300];
};

static void note_object(void *context, const quire_salvaged *object)
{
    struct told *told = context;
    told->objects++;
    told->rows += object->rows;
    told->lost += object->rows_lost;
    if (object->note[0] != '\0') {
        told->notes++;
        (void)snprintf(told->last_note, sizeof told->last_note, "%s", object->note);
    }
}

static quire_status salvage(struct told *told, quire_salvage_summary *summary, quire_error *err)
{
    memset(told, 0, sizeof *told);
    *summary = (quire_salvage_summary){.size = sizeof *summary};
    return qr_salvage(&place, "/d/damaged", "/d/new", note_object, told, summary, err);
}

static void remove_new(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    static const char *const paths[] = {"/d/new", "/d/new-wal", "/d/new-work", "/d/new-new"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (file_exists(layer, paths[i])) {
            cr_assert_lt(i, 2, "%s was left", paths[i]);
            OK(layer->methods->remove(layer, paths[i], &err));
        }
    }
}

/* Every row of the new database is the original's row of that tree and rowid; returns how many. */
static uint64_t compare_rows(const struct qr_object *object, struct qr_view *view)
{
    quire_error err = QUIRE_ERROR_INIT;
    const struct qr_object *known = qr_object_list_find(&original_objects, object->id);
    struct qr_tree tree = qr_object_tree(object, view);
    struct qr_tree_cursor *cursor;
    struct qr_tree_reader reader;
    uint64_t rows = 0;
    bool valid;
    cr_assert_not_null(known, "object %u was invented", object->id);
    struct qr_tree known_tree = qr_object_tree(known, qr_txn_pages(original_txn));
    OK(qr_tree_reader_init(&reader, &known_tree, &err));
    OK(qr_tree_cursor_open(&tree, &cursor, &err));
    OK(qr_tree_cursor_first(cursor, &valid, &err));
    for (; valid; rows++) {
        struct qr_tree_key key;
        struct qr_slice payload;
        struct qr_slice wanted;
        bool found;
        OK(qr_tree_cursor_key(cursor, &key, &err));
        OK(qr_tree_cursor_payload(cursor, &payload, &err));
        OK(qr_tree_find(&reader, &key, &wanted, &found, &err));
        cr_assert(found && wanted.size == payload.size, "row %lld of %s was invented",
                  (long long)key.rowid, object->name);
        cr_assert(wanted.size == 0 || memcmp(wanted.data, payload.data, wanted.size) == 0);
        OK(qr_tree_cursor_next(cursor, &valid, &err));
    }
    qr_tree_cursor_close(cursor);
    qr_tree_reader_free(&reader);
    return rows;
}

static bool holds_data(const struct qr_object *object)
{
    return object->kind != QR_OBJECT_INDEX && qr_object_is_tree(object);
}

/* Compares all rows; *whole says whether every object came out with its definition. */
static uint64_t compare_with_original(bool *whole)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_object_list list;
    uint64_t rows = 0;
    quire_db *db = open_at(layer, "/d/new", QUIRE_OPEN_READ_ONLY);
    quire_txn *txn = begin_read(db);
    OK(qr_object_list_read(&list, qr_txn_pages(txn), &err));
    *whole = list.count == original_objects.count;
    for (size_t i = 0; i < list.count; i++) {
        const struct qr_object *object = list.objects[i];
        *whole = *whole && strncmp(object->name, "recovered_", 10) != 0;
        if (holds_data(object)) {
            rows += compare_rows(object, qr_txn_pages(txn));
        }
    }
    qr_object_list_free(&list);
    quire_rollback(txn);
    OK(quire_close(db, &err));
    return rows;
}

/* Entries of the key tree: without its definition nobody knows it from an index. */
static uint64_t count_keys(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t entries = 0;
    quire_keytree *words;
    OK(quire_keytree_open(original_txn, "words", &words, &err));
    OK(quire_keytree_count(words, &entries, &err));
    quire_keytree_close(words);
    return entries;
}

static uint64_t count_original(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t rows = 0;
    for (size_t i = 0; i < original_objects.count; i++) {
        const struct qr_object *object = original_objects.objects[i];
        uint64_t count = 0;
        if (holds_data(object)) {
            struct qr_tree tree = qr_object_tree(object, qr_txn_pages(original_txn));
            OK(qr_tree_count(&tree, &count, &err));
        }
        rows += count;
    }
    return rows;
}

/* How many rows the loss of a page costs. */
static uint64_t rows_on(uint32_t page)
{
    quire_error err = QUIRE_ERROR_INIT;
    const uint8_t *image = bytes + (size_t)page * PAGE_SIZE;
    const struct qr_object *owner = qr_object_list_find(&original_objects, qr_page_tree(image));
    bool is_free;
    OK(qr_view_page_is_free(qr_txn_pages(original_txn), page, &is_free, &err));
    if (is_free || owner == NULL || owner->kind == QR_OBJECT_INDEX) {
        return 0;
    }
    enum qr_page_type type = qr_page_type(image);
    if (type == QR_PAGE_TYPE_OVERFLOW_INDEX || type == QR_PAGE_TYPE_OVERFLOW_DATA) {
        return 1;
    }
    bool leaf = type == QR_PAGE_TYPE_ROW_LEAF || type == QR_PAGE_TYPE_KEY_LEAF;
    return leaf ? qr_page_count(image) : 0;
}

static void expect_usable(void)
{
    quire_db *db = open_at(layer, "/d/new", QUIRE_OPEN_READ_WRITE);
    add_person(db, 50000);
    close_db(db);
    expect_sound(layer, "/d/new");
}

/* ---- Single pages ---- */

/* Damages a page in a copy of the sample and salvages it. */
static void damage_page(uint32_t page, size_t offset, size_t count, uint8_t pattern)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct told told;
    quire_salvage_summary summary;
    bool whole;
    uint8_t *copy = malloc(size);
    memcpy(copy, bytes, size);
    for (size_t i = 0; i < count; i++) {
        copy[(size_t)page * PAGE_SIZE + offset + i] ^= pattern;
    }
    faulty_layer_install(files, "/d/damaged", copy, size);
    uint64_t expected = count_original() - rows_on(page);
    OK(salvage(&told, &summary, &err));
    uint64_t found = compare_with_original(&whole);
    cr_assert(found == expected || (summary.catalog_lost && found == expected - count_keys()),
              "page %u", page);
    cr_assert_eq(summary.rows, found);
    cr_assert_eq(summary.pages, size / PAGE_SIZE);
    cr_assert_leq(summary.pages_lost, 1);
    cr_assert(whole || summary.catalog_lost, "page %u", page);
    bool unknown = strstr(told.last_note, "not known") != NULL; /* the count went with the root */
    cr_assert(summary.catalog_lost || unknown || told.lost == rows_on(page), "page %u", page);
    if (whole) {
        expect_usable();
    }
    free(copy);
    remove_new();
}

Test(salvage, each_page_in_turn__costs_what_it_holds_and_nothing_else)
{
    uint32_t pages = (uint32_t)(size / PAGE_SIZE);
    cr_assert_gt(pages, 40);
    for (uint32_t page = 0; page < pages; page++) {
        damage_page(page, page == 0 ? 33 : 100 + page % 700, 3, 0x41);
    }
}

Test(salvage, undamaged_database__comes_out_whole)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct told told;
    quire_salvage_summary summary;
    bool whole;
    faulty_layer_install(files, "/d/damaged", bytes, size);
    OK(salvage(&told, &summary, &err));
    cr_assert_eq(compare_with_original(&whole), count_original());
    cr_assert(whole && told.notes == 0 && summary.log_used && !summary.catalog_lost);
    cr_assert_eq(summary.pages_lost + summary.objects_lost, 0);
    cr_assert_eq(digest_at(layer, "/d/new"), digest_at(layer, "/d/original"));
    FAILS(EXISTS, salvage(&told, &summary, &err));
    remove_new();
}

/* ---- Headers ---- */

Test(salvage, header__damaged_anywhere_costs_nothing)
{
    static const size_t offsets[] = {0, 8, 16, 20, 32, 48, 52, 56, 60, 64, 70, 80, 88, 92, 96};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        damage_page(0, offsets[i], 1, 0x5A);
    }
    damage_page(0, 0, PAGE_SIZE, 0xFF);
}

Test(salvage, identity__is_taken_from_the_log)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct told told;
    quire_salvage_summary summary;
    bool whole;
    /* A database that was not closed: its newest commit is in the log alone. */
    create_sample(layer, "/d/damaged", ROWS);
    quire_options options = QUIRE_OPTIONS_INIT;
    options.checkpoint = quire_checkpoint_manual();
    quire_db *db;
    OK(qr_db_open_with("/d/damaged", &options, layer, false, &db, &err));
    quire_txn *txn = begin_write(db);
    quire_tree *blobs;
    OK(quire_tree_open(txn, "blobs", &blobs, &err));
    OK(quire_tree_insert(blobs, 77777, "in the log", 10, &err));
    quire_tree_close(blobs);
    commit(txn);
    struct faulty_cut cut = {.survival = FAULTY_KEEP_ALL};
    struct faulty_layer *crashed = faulty_layer_power_cut_again(files, &cut);
    close_db(db);
    struct qr_file_layer *crash_layer = faulty_layer_files(crashed);
    struct qr_maintenance_place crash_place = place_of(crash_layer);
    uint8_t zero[PAGE_SIZE] = {0};
    struct qr_file *file;
    OK(crash_layer->methods->open(crash_layer, "/d/damaged", QR_OPEN_WRITE, &file, &err));
    OK(qr_file_write_one(file, zero, sizeof zero, 0, &err));
    file->methods->close(file);
    summary = (quire_salvage_summary){.size = sizeof summary};
    memset(&told, 0, sizeof told);
    OK(qr_salvage(&crash_place, "/d/damaged", "/d/new", note_object, &told, &summary, &err));
    cr_assert(summary.log_used);
    cr_assert_eq(summary.rows, count_original() + 1);
    db = open_at(crash_layer, "/d/new", QUIRE_OPEN_READ_ONLY);
    txn = begin_read(db);
    const void *payload;
    size_t payload_size;
    OK(quire_tree_open(txn, "blobs", &blobs, &err));
    OK(quire_tree_find(blobs, 77777, &payload, &payload_size, &whole, &err));
    cr_assert(whole && payload_size == 10 && memcmp(payload, "in the log", 10) == 0);
    quire_tree_close(blobs);
    quire_rollback(txn);
    OK(quire_close(db, &err));
    faulty_layer_destroy(crashed);
}

Test(salvage, missing_log__is_reported)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct told told;
    quire_salvage_summary summary;
    bool whole;
    uint8_t *copy = malloc(size);
    memcpy(copy, bytes, size);
    qr_store32(copy + QR_HEADER_FLAGS, 0); /* not closed cleanly */
    qr_image_seal(copy, PAGE_SIZE, 0, 0);
    faulty_layer_install(files, "/d/damaged", copy, size);
    OK(salvage(&told, &summary, &err));
    cr_assert(!summary.log_used);
    cr_assert_eq(compare_with_original(&whole), count_original());
    cr_assert(whole);
    remove_new();
    free(copy);
}

/* ---- Files ---- */

Test(salvage, cut_off_file__gives_what_is_left)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct told told;
    quire_salvage_summary summary;
    bool whole;
    for (size_t part = 1; part < 8; part++) {
        size_t kept = size * part / 8 + 100;
        uint64_t lost = 0;
        for (uint32_t page = (uint32_t)(kept / PAGE_SIZE); page < size / PAGE_SIZE; page++) {
            lost += rows_on(page);
        }
        faulty_layer_install(files, "/d/damaged", bytes, kept);
        OK(salvage(&told, &summary, &err));
        uint64_t found = compare_with_original(&whole);
        lost += summary.catalog_lost ? count_keys() : 0;
        cr_assert_leq(found, count_original());
        cr_assert_geq(found + lost, count_original(), "part %zu", part);
        cr_assert_gt(summary.pages_lost, 0);
        remove_new();
    }
}

Test(salvage, several_damaged_pages__never_invent_rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct told told;
    quire_salvage_summary summary;
    bool whole;
    for (unsigned round = 0; round < 20; round++) {
        uint8_t *copy = malloc(size);
        uint64_t lost = 0;
        memcpy(copy, bytes, size);
        for (uint32_t page = 3 + round; page < size / PAGE_SIZE; page += 7 + round) {
            memset(copy + (size_t)page * PAGE_SIZE + 40, (int)round, 200);
            lost += rows_on(page);
        }
        faulty_layer_install(files, "/d/damaged", copy, size);
        OK(salvage(&told, &summary, &err));
        lost += summary.catalog_lost ? count_keys() : 0;
        cr_assert_geq(compare_with_original(&whole) + lost, count_original());
        remove_new();
        free(copy);
    }
}

/* Damage whose checksums hold: what is written in pages cannot be believed. */
Test(salvage, sealed_garbage__ends_in_a_sound_database_or_a_refusal)
{
    struct prng prng;
    unsigned good = 0;
    prng_init(&prng, 20240);
    for (unsigned round = 0; round < 150; round++) {
        quire_error err = QUIRE_ERROR_INIT;
        struct told told;
        quire_salvage_summary summary;
        uint8_t *copy = malloc(size);
        memcpy(copy, bytes, size);
        for (unsigned i = 0; i <= round % 5; i++) {
            uint32_t page = (uint32_t)prng_below(&prng, size / PAGE_SIZE);
            uint8_t *image = copy + (size_t)page * PAGE_SIZE;
            for (unsigned j = 0; j <= round % 7; j++) {
                image[21 + prng_below(&prng, PAGE_SIZE - 21)] = (uint8_t)prng_next(&prng);
            }
            qr_image_seal(image, PAGE_SIZE, page, qr_load64(bytes + QR_HEADER_ID));
        }
        faulty_layer_install(files, "/d/damaged", copy, size);
        quire_status status = salvage(&told, &summary, &err);
        cr_assert(status == QUIRE_OK || err.message[0] != '\0');
        if (status == QUIRE_OK) {
            OK(qr_copy_check(&place, "/d/new", true, &err));
            good++;
        }
        remove_new();
        free(copy);
    }
    cr_assert_gt(good, 100, "%u", good);
}

Test(salvage, other_files__are_refused)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct told told;
    quire_salvage_summary summary;
    uint8_t *text = malloc(20000);
    memset(text, 'x', 20000);
    faulty_layer_install(files, "/d/damaged", text, 20000);
    FAILS(NOT_A_DATABASE, salvage(&told, &summary, &err));
    faulty_layer_install(files, "/d/damaged", text, 0);
    FAILS(NOT_A_DATABASE, salvage(&told, &summary, &err));
    FAILS(NO_FILE, qr_salvage(&place, "/d/none", "/d/new", NULL, NULL, NULL, &err));
    summary.size = 3;
    FAILS(MISUSE, qr_salvage(&place, "/d/damaged", "/d/new", NULL, NULL, &summary, &err));
    FAILS(MISUSE, quire_salvage("", "/d/new", NULL, NULL, NULL, &err));
    remove_new();
    free(text);
}

/* ---- Uniqueness ---- */

/* Two rows of one name, written past the indexes. */
static void write_twin(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_at(layer, "/d/damaged", QUIRE_OPEN_READ_WRITE);
    struct qr_arena arena;
    struct qr_object *people;
    struct qr_txn *txn;
    uint8_t record[100];
    bool existed;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    OK(qr_txn_begin(qr_db_pager(db), 1000, &txn, &err));
    OK(qr_catalog_find(qr_txn_view(txn), QR_OBJECT_TABLE, "people", 6, &arena, &people, &existed,
                       &err));
    quire_value values[] = {quire_text("twin"), quire_int(1), quire_null()};
    size_t record_size = quire_record_encode(values, 3, record);
    struct qr_tree tree = qr_object_tree(people, qr_txn_view(txn));
    for (int64_t rowid = 9001; rowid <= 9002; rowid++) {
        struct qr_tree_key key = {.rowid = rowid};
        OK(qr_tree_put(&tree, &key, record, record_size, QR_PUT_INSERT, &existed, &err));
    }
    OK(qr_txn_commit(txn, &err));
    qr_arena_free(&arena);
    close_db(db);
}

Test(salvage, unique_index__is_built_without_uniqueness_when_rows_break_it)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct told told;
    quire_salvage_summary summary;
    quire_table *people;
    faulty_layer_install(files, "/d/damaged", bytes, size);
    write_twin();
    OK(salvage(&told, &summary, &err));
    cr_assert_eq(told.notes, 1);
    cr_assert_not_null(strstr(told.last_note, "without uniqueness"), "%s", told.last_note);
    cr_assert_not_null(strstr(told.last_note, "twin"), "%s", told.last_note);
    cr_assert_eq(summary.rows, count_original() + 2);
    quire_db *db = open_at(layer, "/d/new", QUIRE_OPEN_READ_ONLY);
    quire_txn *txn = begin_read(db);
    OK(quire_table_open(txn, "people", &people, &err));
    cr_assert(!quire_table_index(people, index_number(people, "by_name"))->unique);
    quire_table_close(people);
    quire_rollback(txn);
    OK(quire_close(db, &err));
    expect_sound(layer, "/d/new");
}

/* Without its collation nobody can make the keys of an index; the rows are saved all the same. */
Test(salvage, index__is_left_out_when_its_collation_is_unknown)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct told told;
    quire_salvage_summary summary;
    create_collated(layer, "/d/damaged");
    OK(salvage(&told, &summary, &err));
    cr_assert_eq(told.notes, 2);
    cr_assert_not_null(strstr(told.last_note, "\"own\""), "%s", told.last_note);
    cr_assert(summary.rows == 400 && summary.objects_lost == 2);
    quire_db *db = open_at(layer, "/d/new", QUIRE_OPEN_READ_ONLY);
    quire_txn *txn = begin_read(db);
    quire_table *names;
    OK(quire_table_open(txn, "names", &names, &err));
    cr_assert_eq(quire_table_index_count(names), 0);
    quire_table_close(names);
    quire_rollback(txn);
    OK(quire_close(db, &err));
}

Test(salvage, failing_calls__leave_nothing_behind)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct told told;
    quire_salvage_summary summary;
    faulty_layer_install(files, "/d/damaged", bytes, size);
    for (uint64_t index = 0;; index += 5) {
        struct faulty_plan plan = {
            .kinds = FAULTY_CHANGES, .index = index, .forever = true, .path_part = "new"};
        faulty_layer_fail(files, &plan);
        quire_status status = salvage(&told, &summary, &err);
        bool failed = faulty_layer_failures(files) > 0;
        faulty_layer_heal(files);
        if (!failed) {
            cr_assert_eq(status, QUIRE_OK, "%s", err.message);
            break;
        }
        cr_assert(status != QUIRE_OK || file_exists(layer, "/d/new"));
        /* While calls fail leftovers cannot be removed; the next attempt does. */
        if (file_exists(layer, "/d/new")) {
            OK(layer->methods->remove(layer, "/d/new", &err));
        }
    }
    remove_new();
}
