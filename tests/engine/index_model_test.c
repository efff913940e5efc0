/*
 * Indexes against a model: random inserts, updates and deletes on a table with
 * many indexes of both kinds; then every index must yield, for whole scans,
 * ranges and equality, in both directions, what sorting the model's rows by the
 * public order of values yields.
 */
#include "engine/index.h"
#include "engine_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/prng.h"

enum { NUMBER, NAME, SCORE, FLAG, LONG, COLUMNS };

#define ROWS_MAX 4096U
#define TEXT_MAX 420U

struct row {
    int64_t rowid;
    quire_value values[COLUMNS];
    char name[8];
    char text[TEXT_MAX];
};

struct model {
    struct row *rows;
    uint32_t count;
};

struct plan {
    const char *name;
    quire_index_kind kind;
    bool unique;
    uint32_t count;
    uint32_t columns[3];
    bool descending[3];
};

static const struct plan plans[] = {
    {"number", QUIRE_INDEX_BTREE, false, 1, {NUMBER}, {false}},
    {"number_down", QUIRE_INDEX_BTREE, false, 1, {NUMBER}, {true}},
    {"name_number", QUIRE_INDEX_BTREE, false, 2, {NAME, NUMBER}, {true, false}},
    {"score_flag_name", QUIRE_INDEX_BTREE, false, 3, {SCORE, FLAG, NAME}, {false, true, false}},
    {"unique_all", QUIRE_INDEX_BTREE, true, 3, {NAME, NUMBER, SCORE}, {false, true, false}},
    {"long", QUIRE_INDEX_BTREE, false, 1, {LONG}, {false}},
    {"long_down", QUIRE_INDEX_BTREE, false, 2, {LONG, NUMBER}, {true, true}},
    {"unique_long", QUIRE_INDEX_BTREE, true, 2, {LONG, NAME}, {false, false}},
    {"hash_number", QUIRE_INDEX_HASH, false, 1, {NUMBER}, {false}},
    {"hash_flag", QUIRE_INDEX_HASH, false, 1, {FLAG}, {false}},
    {"hash_name_score", QUIRE_INDEX_HASH, false, 2, {NAME, SCORE}, {false, false}},
    {"hash_unique", QUIRE_INDEX_HASH, true, 3, {NUMBER, NAME, SCORE}, {false, false, false}},
    {"hash_long", QUIRE_INDEX_HASH, false, 1, {LONG}, {false}},
    {"hash_unique_long", QUIRE_INDEX_HASH, true, 2, {LONG, NAME}, {false, false}},
};
#define PLANS (sizeof plans / sizeof plans[0])

/* ---- Rows ---- */

static quire_value random_number(struct prng *prng)
{
    if (prng_one_in(prng, 12)) {
        return quire_null();
    }
    return quire_int(prng_one_in(prng, 3) ? (int64_t)prng_below(prng, 100000) - 50000
                                          : (int64_t)prng_below(prng, 7) - 3);
}

static quire_value random_score(struct prng *prng)
{
    static const double scores[] = {0.0, -0.0, 1.5, -2.25, 1e300};
    uint64_t pick = prng_below(prng, 9);
    if (pick == 8) {
        return quire_null();
    }
    if (pick >= 6) {
        return quire_float(pick == 6 ? (double)NAN : -INFINITY);
    }
    return quire_float(pick == 5 ? (double)prng_below(prng, 1000) : scores[pick]);
}

static quire_value random_name(struct prng *prng, char *bytes)
{
    static const char alphabet[] = {'\0', 'a', 'b'};
    size_t size = (size_t)prng_below(prng, 5);
    if (prng_one_in(prng, 15)) {
        return quire_null();
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] = alphabet[prng_below(prng, 3)];
    }
    return quire_text_n(bytes, size);
}

/* Lengths around the longest key that is stored whole with pages of 1,024 bytes, and beyond, with
 * beginnings that are mostly the same. */
static quire_value random_long(struct prng *prng, char *bytes)
{
    size_t size = (size_t)prng_below(prng, prng_one_in(prng, 2) ? 40 : TEXT_MAX);
    if (prng_one_in(prng, 3)) {
        size = 190 + (size_t)prng_below(prng, 30);
    }
    memset(bytes, 'x', size);
    for (int i = 0; size > 0 && i < 2; i++) {
        size_t at = prng_one_in(prng, 4) ? (size_t)prng_below(prng, size) : size - 1;
        bytes[at] = (char)('w' + prng_below(prng, 3));
    }
    return quire_text_n(bytes, size);
}

static void random_row(struct prng *prng, struct row *row)
{
    row->values[NUMBER] = random_number(prng);
    row->values[NAME] = random_name(prng, row->name);
    row->values[SCORE] = random_score(prng);
    row->values[FLAG] = prng_one_in(prng, 9) ? quire_null() : quire_bool(prng_one_in(prng, 2));
    row->values[LONG] = random_long(prng, row->text);
}

static void copy_row(struct row *to, const struct row *from)
{
    *to = *from;
    if (from->values[NAME].type == QUIRE_TEXT) {
        to->values[NAME].as.bytes = to->name;
    }
    to->values[LONG].as.bytes = to->text;
}

/* ---- The model's answers ---- */

static int compare_column(const struct plan *plan, uint32_t i, const quire_value *a,
                          const quire_value *b)
{
    int order = quire_value_compare(a, b);
    return plan->descending[i] ? -order : order;
}

static const struct plan *sort_plan;

static int compare_rows(const void *a, const void *b)
{
    const struct row *const *left = a;
    const struct row *const *right = b;
    for (uint32_t i = 0; i < sort_plan->count; i++) {
        uint32_t column = sort_plan->columns[i];
        int order =
            compare_column(sort_plan, i, &(*left)->values[column], &(*right)->values[column]);
        if (order != 0) {
            return order;
        }
    }
    return ((*left)->rowid > (*right)->rowid) - ((*left)->rowid < (*right)->rowid);
}

static bool in_range(const struct plan *plan, const quire_index_range *range, const struct row *row)
{
    for (uint32_t i = 0; i < range->prefix_count; i++) {
        if (quire_value_compare(&row->values[plan->columns[i]], &range->prefix[i]) != 0) {
            return false;
        }
    }
    if (range->prefix_count == plan->count) {
        return true;
    }
    const quire_value *value = &row->values[plan->columns[range->prefix_count]];
    if (range->lower != NULL) {
        int order = quire_value_compare(value, range->lower);
        if (order < 0 || (order == 0 && range->lower_exclusive)) {
            return false;
        }
    }
    if (range->upper != NULL) {
        int order = quire_value_compare(value, range->upper);
        if (order > 0 || (order == 0 && range->upper_exclusive)) {
            return false;
        }
    }
    return true;
}

static size_t expected(const struct model *model, const struct plan *plan,
                       const quire_index_range *range, int64_t *rowids)
{
    static const struct row *sorted[ROWS_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < model->count; i++) {
        if (in_range(plan, range, &model->rows[i])) {
            sorted[count++] = &model->rows[i];
        }
    }
    sort_plan = plan;
    qsort(sorted, count, sizeof sorted[0], compare_rows);
    for (size_t i = 0; i < count; i++) {
        rowids[range->reverse ? count - 1 - i : i] = sorted[i]->rowid;
    }
    return count;
}

static bool equal_keys(const struct plan *plan, const struct row *a, const struct row *b)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        uint32_t column = plan->columns[i];
        if (a->values[column].type == QUIRE_NULL ||
            quire_value_compare(&a->values[column], &b->values[column]) != 0) {
            return false;
        }
    }
    return true;
}

/* Whether some unique index forbids the row beside all but row `self`. */
static bool breaks_unique(const struct model *model, const struct row *row, uint32_t self)
{
    for (size_t p = 0; p < PLANS; p++) {
        for (uint32_t i = 0; plans[p].unique && i < model->count; i++) {
            if (i != self && equal_keys(&plans[p], row, &model->rows[i])) {
                return true;
            }
        }
    }
    return false;
}

/* ---- Comparing ---- */

/* The same walk with a cursor that served another range before. */
static void assert_restarts(quire_table *table, uint32_t index, const quire_index_range *first,
                            const quire_index_range *second, const int64_t *wanted, size_t count)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_index_cursor *cursor;
    int64_t rowid;
    bool valid;
    OK(quire_index_cursor_open(table, index, first, &cursor, &err));
    for (int i = 0; i < 3; i++) {
        OK(quire_index_cursor_next(cursor, &rowid, &valid, &err));
    }
    OK(qr_index_cursor_restart(cursor, second, &err));
    for (size_t i = 0; i < count; i++) {
        OK(quire_index_cursor_next(cursor, &rowid, &valid, &err));
        cr_assert(valid && rowid == wanted[i]);
    }
    OK(quire_index_cursor_next(cursor, &rowid, &valid, &err));
    cr_assert_not(valid);
    quire_index_range too_long = {.prefix = second->prefix, .prefix_count = 17};
    FAILS(MISUSE, qr_index_cursor_restart(cursor, &too_long, &err));
    OK(quire_index_cursor_next(cursor, &rowid, &valid, &err));
    cr_assert_not(valid);
    quire_index_cursor_close(cursor);
}

static void compare_range(quire_table *table, const struct model *model, size_t p,
                          const quire_index_range *range)
{
    static int64_t wanted[ROWS_MAX];
    static int64_t got[ROWS_MAX];
    uint32_t index = index_number(table, plans[p].name);
    size_t wanted_count = expected(model, &plans[p], range, wanted);
    size_t count = scan(table, index, range, got, ROWS_MAX);
    cr_assert_eq(count, wanted_count, "%s: %zu rows, not %zu", plans[p].name, count, wanted_count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(got[i], wanted[i], "%s: entry %zu of %zu", plans[p].name, i, count);
    }
    quire_index_range all = {.reverse = !range->reverse};
    bool hash = plans[p].kind == QUIRE_INDEX_HASH;
    assert_restarts(table, index, hash ? range : &all, range, wanted, count);
}

static void compare_random_range(struct prng *prng, quire_table *table, const struct model *model,
                                 size_t p)
{
    const struct plan *plan = &plans[p];
    quire_index_range range = {.prefix = NULL};
    quire_value prefix[3];
    struct row sources[2];
    bool hash = plan->kind == QUIRE_INDEX_HASH;
    for (int i = 0; i < 2; i++) {
        if (prng_one_in(prng, 3)) {
            random_row(prng, &sources[i]);
        } else {
            copy_row(&sources[i], &model->rows[prng_below(prng, model->count)]);
        }
    }
    range.prefix = prefix;
    range.prefix_count = hash ? plan->count : (uint32_t)prng_below(prng, plan->count + 1);
    for (uint32_t i = 0; i < range.prefix_count; i++) {
        prefix[i] = sources[0].values[plan->columns[i]];
    }
    range.reverse = prng_one_in(prng, 2);
    if (range.prefix_count < plan->count) {
        uint32_t column = plan->columns[range.prefix_count];
        range.lower = prng_one_in(prng, 3) ? NULL : &sources[0].values[column];
        range.upper = prng_one_in(prng, 3) ? NULL : &sources[1].values[column];
        range.lower_exclusive = prng_one_in(prng, 2);
        range.upper_exclusive = prng_one_in(prng, 2);
    }
    compare_range(table, model, p, &range);
}

/* Every row has its entry, and not under another rowid. */
static void assert_contains(quire_table *table, const struct model *model, size_t p)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn = qr_table_txn(table);
    const struct qr_table_def *def;
    struct qr_index index;
    struct qr_index_key key;
    OK(qr_schema_find(txn, "rows", &def, &err));
    qr_index_open(&index, txn, def, &def->indexes[index_number(table, plans[p].name)]);
    qr_index_key_init(&key, qr_allocator_default());
    for (uint32_t i = 0; i < model->count; i += 1 + model->count / 50) {
        bool found;
        OK(qr_index_key_from_row(&index, model->rows[i].values, COLUMNS, &key, &err));
        OK(qr_index_contains(&index, &key, model->rows[i].rowid, &found, &err));
        cr_assert(found, "%s", plans[p].name);
        OK(qr_index_contains(&index, &key, INT64_MIN, &found, &err));
        cr_assert_not(found, "%s", plans[p].name);
    }
    qr_index_key_free(&key);
    qr_index_close(&index);
}

static void compare_all(struct prng *prng, quire_table *table, const struct model *model)
{
    quire_error err = QUIRE_ERROR_INIT;
    for (size_t p = 0; p < PLANS; p++) {
        uint64_t entries;
        OK(qr_table_index_entries(table, index_number(table, plans[p].name), &entries, &err));
        cr_assert_eq(entries, model->count, "%s", plans[p].name);
        assert_contains(table, model, p);
        if (plans[p].kind == QUIRE_INDEX_BTREE) {
            quire_index_range range = {.prefix = NULL};
            compare_range(table, model, p, &range);
            range.reverse = true;
            compare_range(table, model, p, &range);
        }
        for (int i = 0; i < 60 && model->count > 0; i++) {
            compare_random_range(prng, table, model, p);
        }
    }
}

/* ---- Changing ---- */

static void insert_row(struct prng *prng, quire_table *table, struct model *model)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct row row;
    random_row(prng, &row);
    row.rowid = prng_one_in(prng, 5) ? (int64_t)prng_below(prng, 1000000) - 500000 : 0;
    bool taken = false;
    for (uint32_t i = 0; i < model->count; i++) {
        taken |= row.rowid != 0 && model->rows[i].rowid == row.rowid;
    }
    if (taken || breaks_unique(model, &row, UINT32_MAX)) {
        FAILS(UNIQUE, quire_table_insert(table, &row.rowid, row.values, COLUMNS, &err));
        return;
    }
    OK(quire_table_insert(table, &row.rowid, row.values, COLUMNS, &err));
    copy_row(&model->rows[model->count++], &row);
}

static void update_row(struct prng *prng, quire_table *table, struct model *model)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint32_t victim = (uint32_t)prng_below(prng, model->count);
    struct row row;
    struct row fresh;
    bool found;
    copy_row(&row, &model->rows[victim]);
    random_row(prng, &fresh);
    for (uint32_t i = 0; i < COLUMNS; i++) {
        if (prng_one_in(prng, 2)) {
            row.values[i] = fresh.values[i];
        }
    }
    struct row whole = row;
    if (row.values[NAME].type == QUIRE_TEXT) {
        memcpy(whole.name, row.values[NAME].as.bytes, row.values[NAME].size);
    }
    memcpy(whole.text, row.values[LONG].as.bytes, row.values[LONG].size);
    copy_row(&row, &whole);
    if (breaks_unique(model, &row, victim)) {
        FAILS(UNIQUE, quire_table_update(table, row.rowid, row.values, COLUMNS, &found, &err));
        return;
    }
    OK(quire_table_update(table, row.rowid, row.values, COLUMNS, &found, &err));
    cr_assert(found);
    copy_row(&model->rows[victim], &row);
}

static void delete_row(struct prng *prng, quire_table *table, struct model *model)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint32_t victim = (uint32_t)prng_below(prng, model->count);
    bool found;
    OK(quire_table_delete(table, model->rows[victim].rowid, &found, &err));
    cr_assert(found);
    if (victim != --model->count) {
        copy_row(&model->rows[victim], &model->rows[model->count]);
    }
}

static void change(struct prng *prng, quire_table *table, struct model *model, int steps,
                   uint64_t inserts_of_ten)
{
    for (int i = 0; i < steps; i++) {
        uint64_t pick = prng_below(prng, 10);
        if (model->count < 2 || (pick < inserts_of_ten && model->count < ROWS_MAX)) {
            insert_row(prng, table, model);
        } else if (pick % 2 == 0) {
            update_row(prng, table, model);
        } else {
            delete_row(prng, table, model);
        }
    }
}

static void create_indexes(quire_txn *txn, size_t from, size_t to)
{
    static const char *const names[] = {"number", "name", "score", "flag", "long"};
    quire_error err = QUIRE_ERROR_INIT;
    for (size_t p = from; p < to; p++) {
        quire_index_column columns[3];
        for (uint32_t i = 0; i < plans[p].count; i++) {
            columns[i] = (quire_index_column){names[plans[p].columns[i]], plans[p].descending[i]};
        }
        quire_index_def def = {.name = plans[p].name,
                               .kind = plans[p].kind,
                               .unique = plans[p].unique,
                               .columns = columns,
                               .column_count = plans[p].count};
        OK(quire_index_create(txn, "rows", &def, &err));
    }
}

static void create_rows(quire_txn *txn)
{
    static const quire_column columns[] = {{"number", QUIRE_INT, false},
                                           {"name", QUIRE_TEXT, false},
                                           {"score", QUIRE_FLOAT, false},
                                           {"flag", QUIRE_BOOL, false},
                                           {"long", QUIRE_TEXT, false}};
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_table_create(txn, "rows", columns, COLUMNS, &err));
}

static quire_table *open_rows(quire_txn *txn)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    OK(quire_table_open(txn, "rows", &table, &err));
    return table;
}

Test(index_model, indexes__follow_random_changes)
{
    struct prng prng;
    quire_db *db = memory_db(1024);
    struct model model = {.rows = calloc(ROWS_MAX, sizeof(struct row))};
    prng_init(&prng, 11);
    quire_txn *txn = begin_write(db);
    create_rows(txn);
    create_indexes(txn, 0, PLANS);
    commit(txn);
    for (int round = 0; round < 8; round++) {
        txn = begin_write(db);
        quire_table *table = open_rows(txn);
        change(&prng, table, &model, 300, round < 5 ? 8 : 2);
        compare_all(&prng, table, &model);
        quire_table_close(table);
        commit(txn);
        txn = begin_read(db);
        table = open_rows(txn);
        compare_all(&prng, table, &model);
        quire_table_close(table);
        commit(txn);
    }
    txn = begin_write(db);
    quire_table *table = open_rows(txn);
    while (model.count > 0) {
        delete_row(&prng, table, &model);
    }
    compare_all(&prng, table, &model);
    change(&prng, table, &model, 200, 9);
    compare_all(&prng, table, &model);
    quire_table_close(table);
    commit(txn);
    free(model.rows);
    close_db(db);
}

Test(index_model, indexes__are_the_same_when_filled_later)
{
    struct prng prng;
    quire_db *db = memory_db(1024);
    struct model model = {.rows = calloc(ROWS_MAX, sizeof(struct row))};
    prng_init(&prng, 12);
    quire_txn *txn = begin_write(db);
    create_rows(txn);
    create_indexes(txn, 0, PLANS);
    quire_table *table = open_rows(txn);
    change(&prng, table, &model, 1200, 8);
    quire_table_close(table);
    quire_error err = QUIRE_ERROR_INIT;
    for (size_t p = 0; p < PLANS; p++) {
        OK(quire_index_drop(txn, plans[p].name, &err));
    }
    commit(txn);
    txn = begin_write(db);
    create_indexes(txn, 0, PLANS);
    table = open_rows(txn);
    compare_all(&prng, table, &model);
    change(&prng, table, &model, 300, 5);
    compare_all(&prng, table, &model);
    quire_table_close(table);
    commit(txn);
    free(model.rows);
    close_db(db);
}

Test(index_model, rollback__restores_every_index)
{
    struct prng prng;
    quire_db *db = memory_db(1024);
    struct model model = {.rows = calloc(ROWS_MAX, sizeof(struct row))};
    struct model after = {.rows = calloc(ROWS_MAX, sizeof(struct row))};
    prng_init(&prng, 13);
    quire_txn *txn = begin_write(db);
    create_rows(txn);
    create_indexes(txn, 0, PLANS);
    quire_table *table = open_rows(txn);
    change(&prng, table, &model, 600, 8);
    quire_table_close(table);
    commit(txn);
    for (int round = 0; round < 3; round++) {
        after.count = model.count;
        for (uint32_t i = 0; i < model.count; i++) {
            copy_row(&after.rows[i], &model.rows[i]);
        }
        txn = begin_write(db);
        table = open_rows(txn);
        change(&prng, table, &after, 300, round == 0 ? 9 : 2);
        compare_all(&prng, table, &after);
        quire_rollback(txn);
        quire_table_close(table);
        txn = begin_read(db);
        table = open_rows(txn);
        compare_all(&prng, table, &model);
        quire_table_close(table);
        commit(txn);
    }
    free(model.rows);
    free(after.rows);
    close_db(db);
}

Test(index_model, walk__goes_on_when_rows_change_under_it)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(1024);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    OK(add_index(txn, "users", "age", QUIRE_INDEX_BTREE, false, "age", NULL, &err));
    quire_table *users;
    OK(quire_table_open(txn, "users", &users, &err));
    for (int i = 0; i < 1500; i++) {
        (void)add_user(users, "x", i);
    }
    for (int reverse = 0; reverse < 2; reverse++) {
        quire_index_cursor *walk;
        quire_index_range range = {.reverse = reverse};
        bool valid;
        int64_t rowid;
        int64_t seen = 0;
        OK(quire_index_cursor_open(users, 0, &range, &walk, &err));
        OK(quire_index_cursor_next(walk, &rowid, &valid, &err));
        while (valid) {
            cr_assert_eq(rowid, reverse ? 1500 - seen : seen + 1);
            seen++;
            if (reverse) {
                OK(quire_table_delete(users, rowid, NULL, &err));
            } else {
                /* Moves the entry behind the walk. */
                quire_value row[] = {quire_text("x"), quire_int(-1)};
                OK(quire_table_update(users, rowid, row, 2, NULL, &err));
            }
            OK(quire_index_cursor_next(walk, &rowid, &valid, &err));
        }
        cr_assert_eq(seen, 1500);
        quire_index_cursor_close(walk);
    }
    quire_table_close(users);
    commit(txn);
    close_db(db);
}

Test(index_range, open__refuses_what_the_index_cannot_answer)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = memory_db(0);
    quire_txn *txn = begin_write(db);
    create_users(txn);
    OK(add_index(txn, "users", "b", QUIRE_INDEX_BTREE, false, "age", "name", &err));
    OK(add_index(txn, "users", "h", QUIRE_INDEX_HASH, false, "age", "name", &err));
    quire_table *users;
    quire_index_cursor *walk;
    OK(quire_table_open(txn, "users", &users, &err));
    quire_value values[] = {quire_int(1), quire_text("a"), quire_int(3)};
    quire_index_range range = {.prefix = values, .prefix_count = 3};
    FAILS(MISUSE, quire_index_cursor_open(users, 0, &range, &walk, &err));
    cr_assert_null(walk);
    range.prefix_count = 1;
    FAILS(MISUSE, quire_index_cursor_open(users, 1, &range, &walk, &err));
    FAILS(MISUSE, quire_index_cursor_open(users, 2, &range, &walk, &err));
    FAILS(MISUSE, quire_index_cursor_open(users, 1, NULL, &walk, &err));
    range.lower = &values[0];
    FAILS(TYPE, quire_index_cursor_open(users, 0, &range, &walk, &err));
    range.prefix_count = 2;
    FAILS(MISUSE, quire_index_cursor_open(users, 0, &range, &walk, &err));
    range.lower = NULL;
    values[1] = quire_int(1);
    FAILS(TYPE, quire_index_cursor_open(users, 0, &range, &walk, &err));
    range.prefix = NULL;
    FAILS(MISUSE, quire_index_cursor_open(users, 0, &range, &walk, &err));
    quire_table_close(users);
    commit(txn);
    close_db(db);
}
