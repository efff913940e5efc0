/*
 * Definitions of indexes: what they may be named, which columns they include,
 * how they compare text. What they answer is in index_model_test.c.
 */
#include "engine_fixture.h"

#include <stdio.h>
#include <string.h>

#include "quire/inspect.h"
#include "quire/keytree.h"

static void create_index(quire_txn *txn, const quire_index_def *def)
{
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_index_create(txn, "users", def, &err));
}

static quire_table *open_users(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *users;
    OK(quire_table_open(txn, "users", &users, &err));
    return users;
}

static struct qr_file_layer *memory_layer(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file_layer *layer;
    OK(qr_file_layer_memory_create(qr_allocator_default(), &layer, &err));
    return layer;
}

static quire_db *open_on(struct qr_file_layer *layer, const char *path)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    OK(qr_db_open_with(path, &options, layer, true, &db, &err));
    return db;
}

static uint64_t visits_of(const quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn_stats stats = {.size = sizeof stats};
    OK(quire_txn_get_stats(txn, &stats, &err));
    return stats.page_visits;
}

/* ---- Names ---- */

static quire_status make(quire_txn *txn, const char *kind, const char *name, quire_error *err)
{
    static const quire_column column = {"name", QUIRE_TEXT, false};
    if (strcmp(kind, "tree") == 0) {
        return quire_tree_create(txn, name, err);
    }
    if (strcmp(kind, "key tree") == 0) {
        return quire_keytree_create(txn, name, err);
    }
    if (strcmp(kind, "table") == 0) {
        return quire_table_create(txn, name, &column, 1, err);
    }
    if (strcmp(kind, "view") == 0) {
        return quire_view_create(txn, &(quire_view_def){.name = name, .table = "users"}, err);
    }
    return add_index(txn, "users", name, QUIRE_INDEX_BTREE, false, "age", NULL, err);
}

Test(index_names, relations_and_indexes__share_one_space_of_exact_names)
{
    static const char *const kinds[] = {"tree", "key tree", "table", "view", "index"};
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    for (size_t i = 0; i < 5; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "the %s", kinds[i]);
        OK(make(txn, kinds[i], name, &err));
        for (size_t j = 0; j < 5; j++) {
            FAILS(EXISTS, make(txn, kinds[j], name, &err));
            cr_assert_not_null(strstr(err.message, kinds[i]), "%s", err.message);
        }
        name[0] = 'T';
        OK(make(txn, kinds[(i + 1) % 5], name, &err)); /* another name */
    }
    FAILS(UNKNOWN_NAME, quire_index_drop(txn, "the table", &err));
    FAILS(UNKNOWN_NAME, quire_table_drop(txn, "the index", &err));
    OK(quire_index_drop(txn, "the index", &err));
    OK(make(txn, "table", "the index", &err));
    commit(txn);
    close_db(db);
}

Test(index_names, long_names__do_not_collide_in_their_beginnings)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    char name[256];
    create_users(txn);
    memset(name, 'n', sizeof name);
    name[255] = '\0';
    OK(make(txn, "table", name, &err));
    FAILS(EXISTS, make(txn, "index", name, &err));
    name[254] = 'm';
    OK(make(txn, "index", name, &err));
    FAILS(EXISTS, make(txn, "tree", name, &err));
    FAILS(UNKNOWN_NAME, quire_table_drop(txn, name, &err));
    commit(txn);
    close_db(db);
}

/* ---- Included columns ---- */

static const char *const score_and_tags[] = {"tags", "score"};

Test(index_included, definition__says_what_it_includes_in_the_order_of_the_table)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_index_column key = {.name = "age"};
    quire_index_def def = {.name = "i",
                           .columns = &key,
                           .column_count = 1,
                           .included = score_and_tags,
                           .included_count = 2};
    create_index(txn, &def);
    quire_table *users = open_users(txn);
    const quire_index_def *read = quire_table_index(users, 0);
    cr_assert_eq(read->included_count, 2);
    cr_assert_str_eq(read->included[0], "score");
    cr_assert_str_eq(read->included[1], "tags");
    cr_assert(quire_table_index_covers(users, 0, 1) && quire_table_index_covers(users, 0, 2));
    cr_assert(quire_table_index_covers(users, 0, 3) && !quire_table_index_covers(users, 0, 0));
    cr_assert_not(quire_table_index_covers(users, 0, 99));
    cr_assert_not(quire_table_index_covers(users, 1, 1));
    quire_table_close(users);

    static const char *const twice[] = {"score", "score"};
    static const char *const unknown[] = {"score", "none"};
    const char *many[65];
    for (size_t i = 0; i < 65; i++) {
        many[i] = "score";
    }
    def.name = "j";
    def.included = twice;
    FAILS(MISUSE, quire_index_create(txn, "users", &def, &err));
    def.included = unknown;
    FAILS(UNKNOWN_NAME, quire_index_create(txn, "users", &def, &err));
    def.included = NULL;
    FAILS(MISUSE, quire_index_create(txn, "users", &def, &err));
    def.included = many;
    def.included_count = 65;
    FAILS(MISUSE, quire_index_create(txn, "users", &def, &err));
    def.included_count = 1;
    def.kind = QUIRE_INDEX_HASH;
    FAILS(MISUSE, quire_index_create(txn, "users", &def, &err));
    commit(txn);
    close_db(db);
}

/* A walk over a covering index looks at the index's pages alone. */
Test(index_included, walk__reads_columns_without_the_rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_index_column key = {.name = "age"};
    static const char *const score[] = {"score"};
    quire_index_def def = {
        .name = "i", .columns = &key, .column_count = 1, .included = score, .included_count = 1};
    create_index(txn, &def);
    quire_table *users = open_users(txn);
    char long_name[500];
    memset(long_name, 'x', sizeof long_name);
    for (int64_t i = 0; i < 600; i++) {
        quire_value values[] = {quire_text_n(long_name, sizeof long_name), quire_int(i * 7 % 600),
                                quire_float((double)i)};
        OK(quire_table_insert(users, NULL, values, 3, &err));
    }
    quire_table_close(users);
    commit(txn);
    txn = begin_read(db);
    users = open_users(txn);
    quire_index_cursor *cursor;
    OK(quire_index_cursor_open(users, 0, NULL, &cursor, &err));
    uint64_t before = visits_of(txn);
    int64_t rowid;
    bool valid;
    for (int64_t i = 0; i < 600; i++) {
        quire_value age;
        quire_value value;
        OK(quire_index_cursor_next(cursor, &rowid, &valid, &err));
        cr_assert(valid);
        OK(quire_index_cursor_column(cursor, 1, &age, &err));
        OK(quire_index_cursor_column(cursor, 2, &value, &err));
        cr_assert(age.type == QUIRE_INT && age.as.integer == i);
        cr_assert(value.type == QUIRE_FLOAT && (int64_t)value.as.real * 7 % 600 == i);
        cr_assert_eq(rowid, (int64_t)value.as.real + 1);
    }
    OK(quire_index_cursor_next(cursor, &rowid, &valid, &err));
    cr_assert_not(valid);
    quire_value value;
    FAILS(MISUSE, quire_index_cursor_column(cursor, 2, &value, &err));
    /* The rows take three hundred leaves, the index about thirty. */
    cr_assert_leq(visits_of(txn) - before, 100);
    quire_index_cursor_close(cursor);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

Test(index_included, update__changes_what_an_entry_includes)
{
    for (int unique = 0; unique < 2; unique++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_db *db = memory_db(1024);
        quire_txn *txn = begin_write(db);
        create_users(txn);
        static const char *const age[] = {"age", "tags"};
        quire_index_column key = {.name = "name"};
        quire_index_def def = {.name = "i",
                               .unique = unique,
                               .columns = &key,
                               .column_count = 1,
                               .included = age,
                               .included_count = 2};
        create_index(txn, &def);
        quire_table *users = open_users(txn);
        int64_t rowid = add_user(users, "ada", 36);
        (void)add_user(users, "eve", 1);
        quire_value changed[] = {quire_text("ada"), quire_int(37)};
        OK(quire_table_update(users, rowid, changed, 2, NULL, &err));
        quire_index_cursor *cursor;
        quire_value value;
        bool valid;
        OK(quire_index_cursor_open(users, 0, NULL, &cursor, &err));
        OK(quire_index_cursor_next(cursor, &rowid, &valid, &err));
        OK(quire_index_cursor_column(cursor, 1, &value, &err));
        cr_assert_eq(value.as.integer, 37);
        OK(quire_index_cursor_column(cursor, 3, &value, &err));
        cr_assert_eq(value.type, QUIRE_NULL);
        /* The entry under the cursor is removed: it tells no more. */
        OK(quire_table_delete(users, rowid, NULL, &err));
        FAILS(MISUSE, quire_index_cursor_column(cursor, 1, &value, &err));
        OK(quire_index_cursor_next(cursor, &rowid, &valid, &err));
        cr_assert(valid);
        OK(quire_index_cursor_column(cursor, 1, &value, &err));
        cr_assert_eq(value.as.integer, 1);
        quire_index_cursor_close(cursor);
        quire_table_close(users);
        commit(txn);
        close_db(db);
    }
}

/* ---- Collations ---- */

static size_t reversed(void *context, const void *text, size_t size, void *key, size_t capacity)
{
    const uint8_t *from = text;
    uint8_t *to = key;
    size_t padding = 100; /* longer than the text: the call comes twice */
    ++*(int *)context;
    if (size > 0 && from[0] == '!') {
        return QUIRE_SORT_KEY_FAILED;
    }
    for (size_t i = 0; size + padding <= capacity && i < size; i++) {
        to[i] = from[size - 1 - i];
    }
    if (size + padding <= capacity) {
        memset(to + size, 0, padding);
    }
    return size + padding;
}

static quire_index_column by_name(const char *collation)
{
    return (quire_index_column){.name = "name", .collation = collation};
}

static size_t find(quire_table *users, const char *name, int64_t *rowids, size_t room)
{
    quire_value value = quire_text(name);
    quire_index_range range = {.prefix = &value, .prefix_count = 1};
    return scan(users, 0, &range, rowids, room);
}

Test(index_collation, nocase__folds_all_of_unicode)
{
    for (int hash = 0; hash < 2; hash++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_db *db = memory_db(0);
        quire_txn *txn = begin_write(db);
        int64_t rowids[4];
        create_users(txn);
        quire_index_column key = by_name("nocase");
        quire_index_def def = {.name = "i",
                               .kind = hash ? QUIRE_INDEX_HASH : QUIRE_INDEX_BTREE,
                               .unique = true,
                               .columns = &key,
                               .column_count = 1};
        create_index(txn, &def);
        quire_table *users = open_users(txn);
        cr_assert_str_eq(quire_table_index(users, 0)->columns[0].collation, "nocase");
        int64_t street = add_user(users,
                                  "Stra\xc3\x9f"
                                  "e",
                                  1);
        int64_t greek =
            add_user(users, "\xce\xa3\xce\x8a\xce\xa3\xce\xa5\xce\xa6\xce\x9f\xce\xa3", 2);
        quire_value again[] = {quire_text("STRASSE"), quire_int(3)};
        FAILS(UNIQUE, quire_table_insert(users, NULL, again, 2, &err));
        cr_assert_not_null(strstr(err.message, "\"strasse\""), "%s", err.message);
        cr_assert(find(users, "strasse", rowids, 4) == 1 && rowids[0] == street);
        /* Both small forms of the letter sigma. */
        cr_assert(find(users, "\xcf\x83\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x82", rowids,
                       4) == 1 &&
                  rowids[0] == greek);
        cr_assert_eq(find(users, "strase", rowids, 4), 0);
        quire_table_close(users);
        commit(txn);
        close_db(db);
    }
}

Test(index_collation, host_order__is_that_of_the_sort_keys)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    int calls = 0;
    OK(quire_collation_register(db, "reversed", reversed, &calls, &err));
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_index_column key = by_name("reversed");
    quire_index_def def = {.name = "i", .unique = true, .columns = &key, .column_count = 1};
    create_index(txn, &def);
    quire_table *users = open_users(txn);
    int64_t ab = add_user(users, "ab", 1);
    int64_t ba = add_user(users, "ba", 2);
    int64_t rowids[4];
    cr_assert_eq(scan(users, 0, NULL, rowids, 4), 2);
    cr_assert(rowids[0] == ba && rowids[1] == ab);
    cr_assert(find(users, "ab", rowids, 4) == 1 && rowids[0] == ab);
    cr_assert_gt(calls, 0);
    quire_value refused[] = {quire_text("!"), quire_int(3)};
    FAILS(DATA, quire_table_insert(users, NULL, refused, 2, &err));
    quire_index_cursor *cursor;
    quire_value start = quire_text("a");
    quire_index_range range = {.starts_with = &start};
    FAILS(MISUSE, quire_index_cursor_open(users, 0, &range, &cursor, &err));
    quire_value age;
    OK(quire_index_cursor_open(users, 0, NULL, &cursor, &err));
    OK(quire_index_cursor_next(cursor, rowids, &(bool){false}, &err));
    FAILS(MISUSE, quire_index_cursor_column(cursor, 0, &age, &err)); /* a sort key is no name */
    quire_index_cursor_close(cursor);
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

Test(index_collation, register__refuses_names_that_are_taken)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    int calls = 0;
    OK(quire_collation_register(db, "a", reversed, &calls, &err));
    OK(quire_collation_register(db, "A", reversed, &calls, &err));
    FAILS(EXISTS, quire_collation_register(db, "a", reversed, &calls, &err));
    FAILS(EXISTS, quire_collation_register(db, "nocase", reversed, &calls, &err));
    FAILS(MISUSE, quire_collation_register(db, "", reversed, &calls, &err));
    FAILS(MISUSE, quire_collation_register(db, "b", NULL, &calls, &err));
    FAILS(MISUSE, quire_collation_register(NULL, "b", reversed, &calls, &err));
    close_db(db);
}

Test(index_collation, create__refuses_what_is_no_text_and_unknown_collations)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_index_column age = {.name = "age", .collation = "nocase"};
    quire_index_def def = {.name = "i", .columns = &age, .column_count = 1};
    FAILS(MISUSE, quire_index_create(txn, "users", &def, &err));
    quire_index_column unknown = by_name("NOCASE");
    def.columns = &unknown;
    FAILS(UNKNOWN_NAME, quire_index_create(txn, "users", &def, &err));
    cr_assert_not_null(strstr(err.message, "NOCASE"));
    quire_index_column twice[] = {by_name("nocase"), by_name("nocase")};
    def.columns = twice;
    def.column_count = 2;
    FAILS(MISUSE, quire_index_create(txn, "users", &def, &err));
    quire_index_column both[] = {by_name("nocase"), by_name(NULL)};
    def.columns = both;
    create_index(txn, &def);
    commit(txn);
    close_db(db);
}

/* Without its collation an index is neither used nor kept up, and nothing is guessed. */
Test(index_collation, unregistered__stops_writes_and_the_use_of_the_index)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file_layer *layer = memory_layer();
    quire_db *db = open_on(layer, "c.quire");
    int calls = 0;
    OK(quire_collation_register(db, "reversed", reversed, &calls, &err));
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_index_column key = by_name("reversed");
    quire_index_def def = {.name = "i", .columns = &key, .column_count = 1};
    create_index(txn, &def);
    quire_table *users = open_users(txn);
    int64_t ada = add_user(users, "ada", 1);
    quire_table_close(users);
    commit(txn);
    close_db(db);

    db = open_on(layer, "c.quire");
    txn = begin_write(db);
    users = open_users(txn);
    quire_value eve[] = {quire_text("eve"), quire_int(3)};
    quire_index_cursor *cursor;
    const void *record;
    size_t size;
    bool found;
    FAILS(UNKNOWN_NAME, quire_table_insert(users, NULL, eve, 2, &err));
    cr_assert_not_null(strstr(err.message, "\"reversed\""), "%s", err.message);
    FAILS(UNKNOWN_NAME, quire_table_update(users, ada, eve, 2, NULL, &err));
    FAILS(UNKNOWN_NAME, quire_table_delete(users, ada, NULL, &err));
    FAILS(UNKNOWN_NAME, quire_index_cursor_open(users, 0, NULL, &cursor, &err));
    OK(quire_table_get(users, ada, &record, &size, &found, &err));
    cr_assert(found);
    quire_report *report;
    OK(quire_inspect_indexes_open(db, NULL, &report, &err));
    cr_assert_not_null(strstr(quire_report_text(report), "INDEX_COLLATION"));
    cr_assert_eq(quire_report_severity(report), QUIRE_SEVERITY_INFO);
    quire_report_free(report);
    OK(quire_collation_register(db, "reversed", reversed, &calls, &err));
    OK(quire_table_insert(users, NULL, eve, 2, &err));
    OK(quire_table_delete(users, ada, NULL, &err));
    quire_table_close(users);
    commit(txn);
    OK(quire_inspect_indexes_open(db, NULL, &report, &err));
    cr_assert_null(strstr(quire_report_text(report), "INDEX_COLLATION"));
    cr_assert_eq(quire_report_issue_count(report), 0);
    quire_report_free(report);
    close_db(db);
    qr_file_layer_memory_destroy(layer);
}

/* ---- Conditions and expressions ---- */

/* An index of the emails that are open, each once in any ASCII letter case. */
static void create_partial(quire_txn *txn, quire_index_kind kind)
{
    static const quire_index_column lower = {.expression = "LOWER( name )"};
    quire_index_def def = {.name = "i",
                           .kind = kind,
                           .unique = true,
                           .columns = &lower,
                           .column_count = 1,
                           .where = "age>=10 and not (score is not null)"};
    create_index(txn, &def);
}

static uint64_t entries_of(quire_table *users)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t entries;
    OK(qr_table_index_entries(users, 0, &entries, &err));
    return entries;
}

Test(index_partial, rows__move_in_and_out_with_their_values)
{
    for (int kind = 0; kind < 2; kind++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_db *db = memory_db(0);
        quire_txn *txn = begin_write(db);
        int64_t rowids[4];
        create_users(txn);
        create_partial(txn, (quire_index_kind)kind);
        quire_table *users = open_users(txn);
        const quire_index_def *def = quire_table_index(users, 0);
        cr_assert_null(def->columns[0].name);
        cr_assert_str_eq(def->columns[0].expression, "lower(name)");
        cr_assert_str_eq(def->where, "age >= 10 and not score is not null");
        int64_t young = add_user(users, "Ada", 9);
        int64_t old = add_user(users, "ADA", 10);
        cr_assert_eq(entries_of(users), 1);
        cr_assert(find(users, "ada", rowids, 4) == 1 && rowids[0] == old);
        /* In: refused while the other has the key. Out, then in. */
        quire_value grown[] = {quire_text("ada"), quire_int(11)};
        FAILS(UNIQUE, quire_table_update(users, young, grown, 2, NULL, &err));
        quire_value scored[] = {quire_text("ADA"), quire_int(10), quire_float(1)};
        OK(quire_table_update(users, old, scored, 3, NULL, &err));
        cr_assert_eq(entries_of(users), 0);
        OK(quire_table_update(users, young, grown, 2, NULL, &err));
        cr_assert(find(users, "ada", rowids, 4) == 1 && rowids[0] == young);
        quire_value back[] = {quire_text("ADA"), quire_int(10)};
        FAILS(UNIQUE, quire_table_update(users, old, back, 2, NULL, &err));
        /* Out to out, and out of the table. */
        quire_value ageless[] = {quire_text("ada"), quire_null()};
        OK(quire_table_update(users, old, ageless, 2, NULL, &err));
        OK(quire_table_delete(users, old, NULL, &err));
        OK(quire_table_delete(users, young, NULL, &err));
        cr_assert_eq(entries_of(users), 0);
        quire_table_close(users);
        commit(txn);
        close_db(db);
    }
}

Test(index_partial, fill__takes_the_rows_that_fulfil_the_condition)
{
    for (int kind = 0; kind < 2; kind++) {
        quire_db *db = memory_db(1024);
        quire_txn *txn = begin_write(db);
        create_users(txn);
        quire_table *users = open_users(txn);
        for (int64_t i = 0; i < 500; i++) {
            char name[32];
            (void)snprintf(name, sizeof name, "User %lld", (long long)(i < 100 ? 0 : i));
            (void)add_user(users, name, i % 20 == 5 && i >= 100 ? 10 + i : 1);
        }
        create_partial(txn, (quire_index_kind)kind);
        cr_assert_eq(entries_of(users), 20);
        int64_t rowids[4];
        cr_assert(find(users, "user 105", rowids, 4) == 1 && rowids[0] == 106);
        quire_table_close(users);
        commit(txn);
        quire_error err = QUIRE_ERROR_INIT;
        quire_report *report;
        OK(quire_inspect_indexes_open(db, NULL, &report, &err));
        cr_assert_eq(quire_report_issue_count(report), 0, "%s", quire_report_text(report));
        quire_report_free(report);
        close_db(db);
    }
}

Test(index_partial, create__refuses_what_cannot_be_indexed)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    quire_index_column part = {.expression = "age +"};
    quire_index_def def = {.name = "i", .columns = &part, .column_count = 1};
    FAILS(SYNTAX, quire_index_create(txn, "users", &def, &err));
    part.expression = "height";
    FAILS(UNKNOWN_NAME, quire_index_create(txn, "users", &def, &err));
    part.expression = "tags";
    FAILS(MISUSE, quire_index_create(txn, "users", &def, &err));
    part.expression = "age || name";
    FAILS(TYPE, quire_index_create(txn, "users", &def, &err));
    part.expression = "age + 1";
    part.collation = "nocase";
    FAILS(MISUSE, quire_index_create(txn, "users", &def, &err));
    part.collation = NULL;
    part.name = "age";
    FAILS(MISUSE, quire_index_create(txn, "users", &def, &err));
    part.name = NULL;
    part.expression = NULL;
    FAILS(MISUSE, quire_index_create(txn, "users", &def, &err));
    part.expression = "age + 1";
    def.where = "age + 1";
    FAILS(TYPE, quire_index_create(txn, "users", &def, &err));
    def.where = "";
    FAILS(SYNTAX, quire_index_create(txn, "users", &def, &err));
    def.where = NULL;
    quire_index_column twice[] = {{.name = "age"}, {.expression = "(age)"}};
    def.columns = twice;
    def.column_count = 2;
    FAILS(MISUSE, quire_index_create(txn, "users", &def, &err));
    commit(txn);
    close_db(db);
}

/* A part that is an expression is bounded like a column, by values of its type. */
Test(index_partial, expression__is_searched_by_its_values)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    int64_t rowids[8];
    create_users(txn);
    quire_index_column parts[] = {{.expression = "age % 3"}, {.expression = "name || '!'"}};
    quire_index_def def = {.name = "i", .columns = parts, .column_count = 2};
    create_index(txn, &def);
    quire_table *users = open_users(txn);
    for (int64_t i = 0; i < 9; i++) {
        (void)add_user(users, i % 2 ? "b" : "a", i);
    }
    quire_value rest = quire_int(1);
    quire_value start = quire_text("a!");
    quire_index_range range = {.prefix = &rest, .prefix_count = 1, .starts_with = &start};
    cr_assert_eq(scan(users, 0, &range, rowids, 8), 1);
    cr_assert_eq(rowids[0], 5);
    quire_index_cursor *cursor;
    rest = quire_text("1");
    FAILS(TYPE, quire_index_cursor_open(users, 0, &range, &cursor, &err));
    cr_assert_not_null(strstr(err.message, "age % 3"), "%s", err.message);
    cr_assert_not(quire_table_index_covers(users, 0, 1));
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

/* ---- Changes during a walk over a hash index ---- */

/* Deletes each row that the walk yields, and the one after it on every fifth. */
static size_t delete_walked(quire_table *users, const quire_value *key, bool reverse)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_index_range range = {.prefix = key, .prefix_count = 1, .reverse = reverse};
    quire_index_cursor *walk;
    int64_t rowid;
    size_t deleted = 0;
    bool valid;
    bool found;
    OK(quire_index_cursor_open(users, 0, &range, &walk, &err));
    OK(quire_index_cursor_next(walk, &rowid, &valid, &err));
    for (size_t i = 0; valid; i++) {
        OK(quire_table_delete(users, rowid, &found, &err));
        cr_assert(found, "row %lld is yielded again", (long long)rowid);
        deleted++;
        if (i % 5 == 0) {
            OK(quire_table_delete(users, reverse ? rowid - 1 : rowid + 1, &found, &err));
            deleted += found;
        }
        OK(quire_index_cursor_next(walk, &rowid, &valid, &err));
    }
    quire_index_cursor_close(walk);
    return deleted;
}

/* The rowids of a key are in a tree while there are many, in cells when there are few; a key that
 * is stored cut is compared with that of the row. */
Test(index_hash, rows__can_be_deleted_as_a_walk_meets_them)
{
    static const int64_t counts[] = {7, 200};
    for (unsigned variant = 0; variant < 8; variant++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_db *db = memory_db(1024);
        quire_txn *txn = begin_write(db);
        char name[2000];
        bool reverse = variant & 1;
        int64_t count = counts[variant >> 1 & 1];
        memset(name, 'n', sizeof name);
        name[variant & 4 ? sizeof name - 1 : 5] = '\0';
        create_users(txn);
        OK(add_index(txn, "users", "i", QUIRE_INDEX_HASH, false, "name", NULL, &err));
        quire_table *users = open_users(txn);
        for (int64_t i = 0; i < count; i++) {
            (void)add_user(users, name, i);
        }
        quire_value key = quire_text(name);
        cr_assert_eq(delete_walked(users, &key, reverse), (size_t)count);
        uint64_t rows;
        OK(quire_table_row_count(users, &rows, &err));
        cr_assert_eq(rows, 0);
        quire_table_close(users);
        commit(txn);
        close_db(db);
    }
}

/* Rows that are added move the rowids of a key from cells to a tree; the walk ends all the same. */
Test(index_hash, walk__goes_on_behind_its_row_when_the_key_becomes_frequent)
{
    for (int reverse = 0; reverse < 2; reverse++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_db *db = memory_db(1024);
        quire_txn *txn = begin_write(db);
        create_users(txn);
        OK(add_index(txn, "users", "i", QUIRE_INDEX_HASH, false, "name", NULL, &err));
        quire_table *users = open_users(txn);
        for (int64_t i = 0; i < 6; i++) {
            (void)add_user(users, "ada", i);
        }
        quire_value key = quire_text("ada");
        quire_index_range range = {.prefix = &key, .prefix_count = 1, .reverse = reverse};
        quire_index_cursor *walk;
        int64_t rowid;
        int64_t last = reverse ? INT64_MAX : 0;
        size_t met = 0;
        bool valid;
        OK(quire_index_cursor_open(users, 0, &range, &walk, &err));
        OK(quire_index_cursor_next(walk, &rowid, &valid, &err));
        for (; valid; met++) {
            cr_assert(reverse ? rowid < last : rowid > last);
            last = rowid;
            for (int64_t i = 0; met < 3 && i < 10; i++) {
                (void)add_user(users, "ada", i);
            }
            OK(quire_index_cursor_next(walk, &rowid, &valid, &err));
        }
        cr_assert_geq(met, 6);
        quire_index_cursor_close(walk);
        quire_table_close(users);
        commit(txn);
        close_db(db);
    }
}

/* A bound longer than an entry stores says little about the entries of a leaf: walks with it look
 * at each, one or many at a time. */
Test(index_walk, bound_longer_than_entries__ends_walks_of_many_rowids)
{
    enum { NAMES = 60, PER_NAME = 2, LAST = 20 };
    quire_error err = QUIRE_ERROR_INIT;
    char longer[600];
    memset(longer, 'x', sizeof longer);
    memcpy(longer, "k20", 3);
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    OK(add_index(txn, "users", "i", QUIRE_INDEX_BTREE, false, "name", NULL, &err));
    quire_table *users = open_users(txn);
    for (int64_t i = 0; i < NAMES * PER_NAME; i++) {
        char name[8];
        snprintf(name, sizeof name, "k%02d", (int)(i / PER_NAME));
        (void)add_user(users, name, i);
    }
    quire_value bound = quire_text_n(longer, sizeof longer);
    for (int reverse = 0; reverse < 2; reverse++) {
        quire_index_range range = {.reverse = reverse != 0};
        *(reverse ? &range.lower : &range.upper) = &bound;
        size_t wanted = (reverse ? NAMES - LAST - 1 : LAST + 1) * PER_NAME;
        quire_index_cursor *walk;
        int64_t rowids[NAMES * PER_NAME];
        size_t got;
        cr_assert_eq(scan(users, 0, &range, rowids, NAMES * PER_NAME), wanted);
        OK(quire_index_cursor_open(users, 0, &range, &walk, &err));
        OK(qr_index_cursor_rowids(walk, rowids, NAMES * PER_NAME, &got, &err));
        cr_assert_eq(got, wanted, "%zu rowids, not %zu", got, wanted);
        quire_index_cursor_close(walk);
    }
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

/* A walk that has read a group stands on the entry behind it already. */
Test(index_walk, group__is_left_when_the_entry_behind_it_goes)
{
    quire_error err = QUIRE_ERROR_INIT;
    char longer[600];
    memset(longer, 'm', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    for (int reverse = 0; reverse < 2; reverse++) {
        quire_db *db = memory_db(1024);
        quire_txn *txn = begin_write(db);
        create_users(txn);
        OK(add_index(txn, "users", "i", QUIRE_INDEX_BTREE, false, "name", NULL, &err));
        quire_table *users = open_users(txn);
        const char *names[] = {"a", "b", longer, "n", "o"};
        for (int64_t i = 0; i < 5; i++) {
            (void)add_user(users, names[i], i);
        }
        quire_index_range range = {.reverse = reverse != 0};
        quire_index_cursor *walk;
        int64_t rowid;
        bool valid;
        OK(quire_index_cursor_open(users, 0, &range, &walk, &err));
        for (int i = 0; i < 3; i++) {
            OK(quire_index_cursor_next(walk, &rowid, &valid, &err));
        }
        cr_assert_eq(rowid, 3);
        OK(quire_table_delete(users, reverse ? 2 : 4, NULL, &err));
        OK(quire_index_cursor_next(walk, &rowid, &valid, &err));
        cr_assert(valid);
        cr_assert_eq(rowid, reverse ? 1 : 5);
        OK(quire_index_cursor_next(walk, &rowid, &valid, &err));
        cr_assert_not(valid);
        quire_index_cursor_close(walk);
        quire_table_close(users);
        commit(txn);
        close_db(db);
    }
}
