/*
 * Indexes against their tables: each way in which they can disagree.
 */
#include "inspect_fixture.h"

#include <string.h>

#include "base/hash.h"
#include "engine/hash_internal.h"

static struct world world;

static void setup(void)
{
    world = world_make();
}

static void teardown(void)
{
    world_free(&world);
}

TestSuite(inspect_index, .init = setup, .fini = teardown);

/* ---- Damage ---- */

static size_t person(uint8_t *record, const char *name, int64_t age, const char *town)
{
    quire_value values[] = {quire_text(name), quire_int(age), quire_text(town)};
    return quire_record_encode(values, 3, record);
}

static void put_row(quire_txn *txn, int64_t rowid, const char *name, int64_t age, const char *town)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_tree people = world_tree(txn, QR_OBJECT_TABLE, "people");
    struct qr_tree_key key = {.rowid = rowid};
    uint8_t record[64];
    bool existed;
    OK(qr_tree_put(&people, &key, record, person(record, name, age, town), QR_PUT_UPSERT, &existed,
                   &err));
}

static void delete_row(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_tree people = world_tree(txn, QR_OBJECT_TABLE, "people");
    struct qr_tree_key key = {.rowid = 3};
    bool existed;
    OK(qr_tree_delete(&people, &key, &existed, &err));
}

static void change_row(quire_txn *txn)
{
    put_row(txn, 3, "somebody else", 700, "elsewhere");
}

static void add_row(quire_txn *txn)
{
    put_row(txn, 900, "nobody", 701, "nowhere");
}

static void add_double(quire_txn *txn)
{
    put_row(txn, 900, "person 7", 702, "nowhere");
}

static void garble_row(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_tree people = world_tree(txn, QR_OBJECT_TABLE, "people");
    struct qr_tree_key key = {.rowid = 3};
    bool existed;
    OK(qr_tree_put(&people, &key, "\x7F", 1, QR_PUT_REPLACE, &existed, &err));
}

/* Does something to an index as the engine does, but to it alone. */
static void with_index(quire_txn *txn, const char *name,
                       void (*act)(struct qr_index *index, struct qr_index_key *key))
{
    quire_error err = QUIRE_ERROR_INIT;
    const struct qr_table_def *table;
    struct qr_index_key key;
    struct qr_index index;
    OK(qr_schema_find(txn, "people", &table, &err));
    for (uint32_t i = 0; i < table->index_count; i++) {
        if (strcmp(table->indexes[i].object->name, name) == 0) {
            OK(qr_index_open(&index, txn, table, &table->indexes[i], &err));
            qr_index_key_init(&key, qr_allocator_default());
            act(&index, &key);
            qr_index_key_free(&key);
            qr_index_close(&index);
        }
    }
}

static void add_stray_age(struct qr_index *index, struct qr_index_key *key)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_value age = quire_int(3);
    OK(qr_index_key_from_values(index, &age, key, &err));
    OK(qr_index_insert(index, key, 5000, &err));
}

static void stray_entry(quire_txn *txn)
{
    with_index(txn, "by_age", add_stray_age);
}

static void add_malformed(struct qr_index *index, struct qr_index_key *key)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_tree tree = qr_index_tree(index);
    struct qr_tree_key where = {.bytes = "\xF0", .size = 1};
    bool existed;
    (void)key;
    OK(qr_tree_put(&tree, &where, "", 0, QR_PUT_INSERT, &existed, &err));
}

static void malformed_entry(quire_txn *txn)
{
    with_index(txn, "by_age", add_malformed);
}

/* The same entry again, as a second cell of the hash index, with counters to match. */
static void repeat_town(struct qr_index *index, struct qr_index_key *key)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_hash hash = qr_hash_of(index->txn, index->def->object);
    quire_value town = quire_text("town 4");
    struct qr_directory directory;
    uint32_t page;
    OK(qr_index_key_from_values(index, &town, key, &err));
    struct qr_hash_key stored = qr_hash_key_of(key);
    uint64_t code = qr_siphash13(hash.secret, stored.bytes, stored.size);
    struct qr_cell cell = {.tag = qr_hash_tag(code), .key = stored, .rowid = 5};
    qr_view_enter(hash.view);
    OK(qr_directory_read(&hash, &directory, &err));
    OK(qr_directory_find(&hash, &directory, qr_hash_bucket(code, directory.buckets), &page, &err));
    OK(qr_chain_add(&hash, &directory, page, &cell, &err));
    directory.entries++;
    OK(qr_directory_write(&hash, &directory, &err));
    qr_view_leave(hash.view);
}

static void repeated_entry(quire_txn *txn)
{
    with_index(txn, "by_town", repeat_town);
}

/* An index that includes towns; one of its entries is made to include another. */
static void change_included(struct qr_index *index, struct qr_index_key *key)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_value row[] = {quire_text("person 3"), quire_int(3), quire_text("Atlantis")};
    OK(qr_index_key_from_row(index, row, 3, key, &err));
    OK(qr_index_btree_replace(index, key, 4, &err));
}

static void other_included(quire_txn *txn)
{
    static const quire_index_column name = {.name = "name"};
    static const char *const town[] = {"town"};
    static const quire_index_def def = {.name = "by_name_with_town",
                                        .columns = &name,
                                        .column_count = 1,
                                        .included = town,
                                        .included_count = 1};
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_index_create(txn, "people", &def, &err));
    with_index(txn, "by_name_with_town", change_included);
}

static void exclude_all(quire_txn *txn)
{
    static const quire_index_column age = {.name = "age"};
    static const quire_index_def def = {
        .name = "by_nothing", .columns = &age, .column_count = 1, .where = "age < 0"};
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_index_create(txn, "people", &def, &err));
}

static void add_excluded(struct qr_index *index, struct qr_index_key *key)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_value age = quire_int(3);
    OK(qr_index_key_from_values(index, &age, key, &err));
    OK(qr_index_insert(index, key, 4, &err));
}

static void excluded_entry(quire_txn *txn)
{
    exclude_all(txn);
    with_index(txn, "by_nothing", add_excluded);
}

/* A unique key in the form of another kind of index. */
static void misform_name(struct qr_index *index, struct qr_index_key *key)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_tree tree = qr_index_tree(index);
    quire_value name = quire_text("person 3");
    bool existed;
    OK(qr_index_key_from_values(index, &name, key, &err));
    OK(qr_key_append_rowid(&key->full, 4, &err));
    struct qr_tree_key where = {.bytes = key->full.bytes, .size = key->full.size};
    OK(qr_tree_put(&tree, &where, "", 0, QR_PUT_INSERT, &existed, &err));
}

static void misformed_entry(quire_txn *txn)
{
    with_index(txn, "by_name", misform_name);
}

/* ---- What is found ---- */

static quire_report *after(void (*change)(quire_txn *))
{
    world_change(&world, change);
    return world_inspect_indexes(&world);
}

/* Exactly these codes, once an index in the list of names. */
static void finds(void (*change)(quire_txn *), const char *code, size_t count)
{
    quire_report *report = after(change);
    cr_assert_eq(report_count(report, code), count, "%s: %s", code, quire_report_text(report));
    cr_assert_eq(quire_report_issue_count(report), count, "%s", quire_report_text(report));
    for (size_t i = 0; i < count; i++) {
        const quire_issue *issue = quire_report_issue(report, i);
        cr_assert_eq(issue->severity, QUIRE_SEVERITY_ERROR);
        cr_assert_neq(issue->page, QUIRE_NO_PAGE);
        cr_assert_eq(strncmp(issue->object, "by_", 3), 0);
    }
    quire_report_free(report);
}

Test(inspect_index, report__is_empty_for_sound_indexes)
{
    quire_report *report = world_inspect_indexes(&world);
    const char *json = quire_report_json(report);
    cr_assert(strstr(json, "\"name\":\"by_town\",\"table\":\"people\",\"kind\":\"hash\","
                           "\"unique\":false,\"entries\":60,\"rows\":60") != NULL,
              "%s", json);
    cr_assert(strstr(json, "\"by_name\"") != NULL && strstr(json, "\"by_age\"") != NULL);
    report_sound(report);
}

Test(inspect_index, report__is_of_one_index_when_asked)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    OK(qr_inspect_indexes(&world.place, "by_age", &report, &err));
    cr_assert(strstr(quire_report_json(report), "\"by_name\"") == NULL);
    report_sound(report);
    cr_assert_eq(qr_inspect_indexes(&world.place, "by_luck", &report, &err), QUIRE_UNKNOWN_NAME);
    cr_assert_null(report);
}

Test(inspect_index, report__comes_from_an_open_database)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_report *report;
    quire_db *db = world_open(&world, QUIRE_OPEN_READ_WRITE);
    OK(quire_inspect_indexes_open(db, NULL, &report, &err));
    report_sound(report);
    OK(quire_inspect_indexes_open(db, "by_town", &report, &err));
    report_sound(report);
    world_close(db);
}

Test(inspect_index, row__is_missing_behind_its_entries)
{
    finds(delete_row, "INDEX_ENTRY_WITHOUT_ROW", 3);
}

Test(inspect_index, entry__is_missing_for_a_row)
{
    finds(add_row, "INDEX_ROW_WITHOUT_ENTRY", 3);
}

Test(inspect_index, entry__has_the_key_of_its_row)
{
    quire_report *report = after(change_row);
    cr_assert_eq(report_count(report, "INDEX_KEY"), 3, "%s", quire_report_text(report));
    cr_assert_eq(report_count(report, "INDEX_ROW_WITHOUT_ENTRY"), 3);
    cr_assert_eq(quire_report_issue_count(report), 6);
    quire_report_free(report);
}

Test(inspect_index, entry__has_the_form_of_its_kind)
{
    finds(misformed_entry, "INDEX_KEY", 1);
}

Test(inspect_index, entry__includes_the_values_of_its_row)
{
    finds(other_included, "INDEX_INCLUDED", 1);
}

Test(inspect_index, entry__leads_to_a_row_that_fulfils_the_condition)
{
    finds(excluded_entry, "INDEX_EXCLUDED", 1);
}

Test(inspect_index, entry__leads_to_a_row)
{
    finds(stray_entry, "INDEX_ENTRY_WITHOUT_ROW", 1);
}

Test(inspect_index, entry__is_well_formed)
{
    finds(malformed_entry, "INDEX_ENTRY", 1);
}

Test(inspect_index, entry__is_there_once)
{
    quire_report *report = after(repeated_entry);
    report_is(report, "INDEX_COUNT", world_root(&world, QR_OBJECT_INDEX, "by_town"));
}

Test(inspect_index, key__is_unique)
{
    quire_report *report = after(add_double);
    const quire_issue *issue = report_find(report, "INDEX_DUPLICATE");
    cr_assert_not_null(issue);
    cr_assert_str_eq(issue->object, "by_name");
    cr_assert_eq(report_count(report, "INDEX_ROW_WITHOUT_ENTRY"), 2); /* the other two */
    quire_report_free(report);
}

Test(inspect_index, row__is_readable)
{
    quire_report *report = after(garble_row);
    cr_assert_gt(report_count(report, "ROW_DECODE"), 0);
    quire_report_free(report);
}

Test(inspect_index, index__is_not_compared_when_damaged)
{
    uint32_t root = world_root(&world, QR_OBJECT_INDEX, "by_age");
    world_flip(&world, WORLD_PATH, (uint64_t)root * WORLD_PAGE + 600);
    quire_report *report = world_inspect_indexes(&world);
    report_has(report, "TREE_PAGE_UNREADABLE", root);
    cr_assert_str_eq(report_find(report, "INDEX_NOT_CHECKED")->object, "by_age");
    cr_assert_eq(report_count(report, "INDEX_NOT_CHECKED"), 1);
    quire_report_free(report);
}

Test(inspect_index, index__is_not_compared_when_its_table_is_damaged)
{
    uint32_t root = world_root(&world, QR_OBJECT_TABLE, "people");
    world_flip(&world, WORLD_PATH, (uint64_t)root * WORLD_PAGE + 600);
    quire_report *report = world_inspect_indexes(&world);
    report_has(report, "TREE_PAGE_UNREADABLE", root);
    cr_assert_eq(report_count(report, "INDEX_NOT_CHECKED"), 3);
    quire_report_free(report);
}

/* ---- Long keys, many rows of a key, unique hash indexes ---- */

static const char *long_name(int i)
{
    static char name[600];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 2] = (char)('A' + i);
    return name;
}

static void add_index(quire_txn *txn, const char *name, const char *column, quire_index_kind kind,
                      bool unique)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_index_column columns[] = {{.name = column, .descending = kind == QUIRE_INDEX_BTREE}};
    quire_index_def def = {
        .name = name, .kind = kind, .unique = unique, .columns = columns, .column_count = 1};
    OK(quire_index_create(txn, "people", &def, &err));
}

static void grow(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *people;
    add_index(txn, "by_name_hashed", "name", QUIRE_INDEX_HASH, true);
    add_index(txn, "by_name_back", "name", QUIRE_INDEX_BTREE, true);
    OK(quire_table_open(txn, "people", &people, &err));
    for (int i = 0; i < 20; i++) {
        quire_value values[] = {quire_text(long_name(i)), quire_int(9), quire_text("big town")};
        int64_t rowid = 0;
        OK(quire_table_insert(people, &rowid, values, 3, &err));
    }
    quire_table_close(people);
}

static void repeat_long_name(struct qr_index *index, struct qr_index_key *key)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_value name = quire_text(long_name(2));
    OK(qr_index_key_from_values(index, &name, key, &err));
    cr_assert(key->is_cut);
    OK(qr_index_insert(index, key, 900, &err));
}

/* A second row with a long name; two of the three unique indexes over it have its entry. */
static void add_long_double(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_tree people = world_tree(txn, QR_OBJECT_TABLE, "people");
    struct qr_tree_key key = {.rowid = 900};
    static uint8_t record[1000];
    bool existed;
    OK(qr_tree_put(&people, &key, record, person(record, long_name(2), 9, "big town"),
                   QR_PUT_INSERT, &existed, &err));
    with_index(txn, "by_name_hashed", repeat_long_name);
    with_index(txn, "by_name_back", repeat_long_name);
}

Test(inspect_index, report__is_empty_for_long_keys_and_many_rows_of_a_key)
{
    world_change(&world, grow);
    report_sound(world_inspect_indexes(&world));
    report_sound(world_inspect(&world));
}

Test(inspect_index, key__is_unique_when_cut)
{
    world_change(&world, grow);
    quire_report *report = after(add_long_double);
    cr_assert_eq(report_count(report, "INDEX_DUPLICATE"), 3, "%s", quire_report_text(report));
    quire_report_free(report);
}
