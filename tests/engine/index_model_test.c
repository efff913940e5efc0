/*
 * Indexes against a model: random inserts, updates and deletes on a table with
 * many indexes of both kinds, some of them drawn at random; then every index
 * must yield, for whole scans, ranges, beginnings and equality, in both
 * directions, what sorting the model's rows by the public order of values (or by
 * the test's own idea of a collation) yields, and its entries must tell the
 * values that they include.
 */
#include "engine/index.h"
#include "engine_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/prng.h"

/* Columns of the table; then what expressions make of them, in the model's rows alone. */
enum { NUMBER, NAME, SCORE, FLAG, LONG, COLUMNS, REST = COLUMNS, LOWER, SIZE, VALUES };
static const char *const column_names[VALUES] = {
    "number", "name", "score", "flag", "long", "number % 5 - 1", "lower(long)", "length(name)"};

#define ROWS_MAX 4096U
#define TEXT_MAX 420U

struct row {
    int64_t rowid;
    quire_value values[VALUES];
    char name[8];
    char text[TEXT_MAX];
    char lower[TEXT_MAX];
};

struct model {
    struct row *rows;
    uint32_t count;
};

/* How text compares in a column of an index. LENGTH, registered by the test, by length alone. */
enum collation { BYTES, NOCASE, LENGTH };
static const char *const collation_names[] = {NULL, "nocase", "length"};

/* Which rows have an entry. */
enum condition { ALL, FLAGGED, POSITIVE, NAMED, CONDITIONS };
static const char *const condition_texts[CONDITIONS] = {NULL, "flag", "number > 0 or score is null",
                                                        "name is not null and length(long) > 30"};

struct plan {
    const char *name;
    quire_index_kind kind;
    bool unique;
    uint32_t count;
    uint32_t columns[3];
    bool descending[3];
    enum collation collations[3];
    uint32_t included_count;
    uint32_t included[COLUMNS];
    enum condition where;
};

#define H QUIRE_INDEX_HASH
static const struct plan fixed_plans[] = {
    {.name = "number", .count = 1, .columns = {NUMBER}},
    {.name = "number_down", .count = 1, .columns = {NUMBER}, .descending = {true}},
    {.name = "name_number", .count = 2, .columns = {NAME, NUMBER}, .descending = {true, false}},
    {.name = "score_flag_name",
     .count = 3,
     .columns = {SCORE, FLAG, NAME},
     .descending = {false, true, false}},
    {.name = "unique_all",
     .unique = true,
     .count = 3,
     .columns = {NAME, NUMBER, SCORE},
     .descending = {false, true, false}},
    {.name = "long", .count = 1, .columns = {LONG}},
    {.name = "long_down", .count = 2, .columns = {LONG, NUMBER}, .descending = {true, true}},
    {.name = "unique_long", .unique = true, .count = 2, .columns = {LONG, NAME}},
    {.name = "nocase_covering",
     .count = 2,
     .columns = {LONG, NAME},
     .descending = {false, true},
     .collations = {NOCASE, NOCASE},
     .included_count = 3,
     .included = {SCORE, LONG, NUMBER}},
    {.name = "unique_covering",
     .unique = true,
     .count = 3,
     .columns = {NUMBER, LONG, NAME},
     .included_count = 2,
     .included = {FLAG, NAME}},
    {.name = "length_down",
     .count = 2,
     .columns = {LONG, NAME},
     .descending = {true, false},
     .collations = {LENGTH, LENGTH}},
    {.name = "hash_number", .kind = H, .count = 1, .columns = {NUMBER}},
    {.name = "hash_flag", .kind = H, .count = 1, .columns = {FLAG}},
    {.name = "hash_name_score", .kind = H, .count = 2, .columns = {NAME, SCORE}},
    {.name = "hash_unique",
     .kind = H,
     .unique = true,
     .count = 3,
     .columns = {NUMBER, NAME, SCORE}},
    {.name = "hash_long", .kind = H, .count = 1, .columns = {LONG}},
    {.name = "hash_unique_long", .kind = H, .unique = true, .count = 2, .columns = {LONG, NAME}},
    {.name = "hash_nocase", .kind = H, .count = 1, .columns = {LONG}, .collations = {NOCASE}},
    {.name = "unique_flagged",
     .unique = true,
     .count = 2,
     .columns = {NUMBER, NAME},
     .where = FLAGGED},
    {.name = "hash_unique_named",
     .kind = H,
     .unique = true,
     .count = 2,
     .columns = {LOWER, NUMBER},
     .where = NAMED},
    {.name = "computed",
     .count = 3,
     .columns = {REST, LOWER, SIZE},
     .descending = {true, false, true},
     .included_count = 2,
     .included = {LONG, SCORE},
     .where = POSITIVE},
};
#undef H
#define FIXED_PLANS  (sizeof fixed_plans / sizeof fixed_plans[0])
#define RANDOM_PLANS 6U
#define PLANS        (FIXED_PLANS + RANDOM_PLANS)
static struct plan plans[PLANS];

static void random_plan(struct prng *prng, struct plan *plan, const char *name)
{
    bool hash = prng_one_in(prng, 4);
    *plan = (struct plan){.name = name, .kind = hash ? QUIRE_INDEX_HASH : QUIRE_INDEX_BTREE};
    plan->count = 1 + (uint32_t)prng_below(prng, 3);
    uint32_t first = (uint32_t)prng_below(prng, VALUES);
    for (uint32_t i = 0; i < plan->count; i++) {
        plan->columns[i] = (first + i * (1 + first % 2)) % VALUES;
        plan->descending[i] = !hash && prng_one_in(prng, 2);
        if (plan->columns[i] == NAME || plan->columns[i] == LONG || plan->columns[i] == LOWER) {
            plan->collations[i] = (enum collation)prng_below(prng, 3);
        }
    }
    plan->where = prng_one_in(prng, 2) ? (enum condition)prng_below(prng, CONDITIONS) : ALL;
    plan->unique = plan->count == 3 && prng_one_in(prng, 3);
    for (uint32_t i = 0; !hash && i < COLUMNS; i++) {
        if (prng_one_in(prng, 3)) {
            plan->included[plan->included_count++] = i;
        }
    }
}

/* The fixed plans and some others. */
static void draw_plans(struct prng *prng)
{
    static const char *const names[RANDOM_PLANS] = {"r0", "r1", "r2", "r3", "r4", "r5"};
    memcpy(plans, fixed_plans, sizeof fixed_plans);
    for (uint32_t i = 0; i < RANDOM_PLANS; i++) {
        random_plan(prng, &plans[FIXED_PLANS + i], names[i]);
    }
}

/* Of the texts here only ASCII letters change their case. */
static quire_value lower_case(const quire_value *text, char *out)
{
    const char *from = text->as.bytes;
    for (uint32_t i = 0; i < text->size; i++) {
        out[i] = (char)(from[i] >= 'A' && from[i] <= 'Z' ? from[i] + 32 : from[i]);
    }
    return quire_text_n(out, text->size);
}

/* The test's own idea of the expressions. */
static void compute(struct row *row)
{
    const quire_value *number = &row->values[NUMBER];
    const quire_value *name = &row->values[NAME];
    const quire_value *text = &row->values[LONG];
    row->values[REST] =
        number->type == QUIRE_NULL ? quire_null() : quire_int(number->as.integer % 5 - 1);
    row->values[SIZE] = name->type == QUIRE_NULL ? quire_null() : quire_int(name->size);
    row->values[LOWER] = lower_case(text, row->lower);
}

static bool is_in(const struct plan *plan, const struct row *row)
{
    const quire_value *values = row->values;
    switch (plan->where) {
    case FLAGGED:
        return values[FLAG].type == QUIRE_BOOL && values[FLAG].as.boolean;
    case POSITIVE:
        return (values[NUMBER].type == QUIRE_INT && values[NUMBER].as.integer > 0) ||
               values[SCORE].type == QUIRE_NULL;
    case NAMED:
        return values[NAME].type != QUIRE_NULL && values[LONG].size > 30;
    case ALL:
    case CONDITIONS:
        break;
    }
    return true;
}

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
    static const char alphabet[] = {'\0', 'a', 'b', 'B'};
    size_t size = (size_t)prng_below(prng, 5);
    if (prng_one_in(prng, 15)) {
        return quire_null();
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] = alphabet[prng_below(prng, 4)];
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
        bytes[at] = (char)((prng_one_in(prng, 3) ? 'W' : 'w') + prng_below(prng, 3));
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
    compute(row);
}

static void copy_row(struct row *to, const struct row *from)
{
    *to = *from;
    if (from->values[NAME].type == QUIRE_TEXT) {
        to->values[NAME].as.bytes = to->name;
    }
    to->values[LONG].as.bytes = to->text;
    compute(to);
}

/* ---- The model's answers ---- */

static int compare_values(const struct plan *plan, uint32_t i, const quire_value *a,
                          const quire_value *b)
{
    char left[TEXT_MAX];
    char right[TEXT_MAX];
    if (a->type != QUIRE_TEXT || b->type != QUIRE_TEXT || plan->collations[i] == BYTES) {
        return quire_value_compare(a, b);
    }
    if (plan->collations[i] == LENGTH) {
        return (a->size > b->size) - (a->size < b->size);
    }
    quire_value first = lower_case(a, left);
    quire_value second = lower_case(b, right);
    return quire_value_compare(&first, &second);
}

static int compare_column(const struct plan *plan, uint32_t i, const quire_value *a,
                          const quire_value *b)
{
    int order = compare_values(plan, i, a, b);
    return plan->descending[i] ? -order : order;
}

/* Sort keys by length alone. */
static size_t length_key(void *context, const void *text, size_t size, void *key, size_t capacity)
{
    uint8_t *out = key;
    (void)context;
    (void)text;
    if (capacity >= 2) {
        out[0] = (uint8_t)(size >> 8);
        out[1] = (uint8_t)size;
    }
    return 2;
}

static bool starts_with(const struct plan *plan, uint32_t i, const quire_value *value,
                        const quire_value *start)
{
    if (value->type != QUIRE_TEXT || value->size < start->size) {
        return false;
    }
    quire_value beginning = quire_text_n(value->as.bytes, start->size);
    return compare_values(plan, i, &beginning, start) == 0;
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
        if (compare_values(plan, i, &row->values[plan->columns[i]], &range->prefix[i]) != 0) {
            return false;
        }
    }
    if (range->prefix_count == plan->count) {
        return true;
    }
    uint32_t next = range->prefix_count;
    const quire_value *value = &row->values[plan->columns[next]];
    if (range->starts_with != NULL) {
        return starts_with(plan, next, value, range->starts_with);
    }
    if (range->lower != NULL) {
        int order = compare_values(plan, next, value, range->lower);
        if (order < 0 || (order == 0 && range->lower_exclusive)) {
            return false;
        }
    }
    if (range->upper != NULL) {
        int order = compare_values(plan, next, value, range->upper);
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
        if (is_in(plan, &model->rows[i]) && in_range(plan, range, &model->rows[i])) {
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
    if (!is_in(plan, a) || !is_in(plan, b)) {
        return false;
    }
    for (uint32_t i = 0; i < plan->count; i++) {
        uint32_t column = plan->columns[i];
        if (a->values[column].type == QUIRE_NULL ||
            compare_values(plan, i, &a->values[column], &b->values[column]) != 0) {
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

/* The same walk many entries at a time, with single steps between. */
static void assert_batches(quire_index_cursor *cursor, const quire_index_range *range,
                           const int64_t *wanted, size_t count)
{
    quire_error err = QUIRE_ERROR_INIT;
    int64_t rowids[300];
    size_t got;
    bool valid = true;
    OK(qr_index_cursor_restart(cursor, range, &err));
    for (size_t at = 0, max = 64; valid; max = (max * 7 + 1) % 300) {
        OK(qr_index_cursor_rowids(cursor, rowids, max, &got, &err));
        cr_assert_eq(got, max < count - at ? max : count - at);
        cr_assert(got == 0 || memcmp(rowids, wanted + at, got * sizeof *rowids) == 0);
        at += got;
        OK(quire_index_cursor_next(cursor, rowids, &valid, &err));
        cr_assert(valid ? at < count && rowids[0] == wanted[at++] : at == count);
    }
}

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
    assert_batches(cursor, second, wanted, count);
    quire_index_range too_long = {.prefix = second->prefix, .prefix_count = 17};
    FAILS(MISUSE, qr_index_cursor_restart(cursor, &too_long, &err));
    OK(quire_index_cursor_next(cursor, &rowid, &valid, &err));
    cr_assert_not(valid);
    quire_index_cursor_close(cursor);
}

static const struct row *find_row(const struct model *model, int64_t rowid)
{
    uint32_t i = 0;
    while (model->rows[i].rowid != rowid) {
        cr_assert_lt(++i, model->count);
    }
    return &model->rows[i];
}

static bool same_value(const quire_value *a, const quire_value *b)
{
    if (a->type != b->type || a->size != b->size) {
        return false;
    }
    if (a->type == QUIRE_TEXT) {
        return a->size == 0 || memcmp(a->as.bytes, b->as.bytes, a->size) == 0;
    }
    return a->type == QUIRE_NULL || (a->type == QUIRE_BOOL && a->as.boolean == b->as.boolean) ||
           (a->type != QUIRE_BOOL && a->as.integer == b->as.integer); /* floats by their bits */
}

/* Some entries of a range tell the values of their rows, and no others. */
static void assert_covers(quire_table *table, const struct model *model, size_t p,
                          const quire_index_range *range)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint32_t index = index_number(table, plans[p].name);
    quire_index_cursor *cursor;
    quire_value value;
    int64_t rowid;
    bool valid;
    OK(quire_index_cursor_open(table, index, range, &cursor, &err));
    FAILS(MISUSE, quire_index_cursor_column(cursor, 0, &value, &err));
    for (int i = 0; i < 30; i++) {
        OK(quire_index_cursor_next(cursor, &rowid, &valid, &err));
        if (!valid) {
            break;
        }
        const struct row *row = find_row(model, rowid);
        for (uint32_t c = 0; c < COLUMNS; c++) {
            if (quire_table_index_covers(table, index, c)) {
                OK(quire_index_cursor_column(cursor, c, &value, &err));
                cr_assert(same_value(&value, &row->values[c]), "%s column %u", plans[p].name, c);
            } else {
                FAILS(MISUSE, quire_index_cursor_column(cursor, c, &value, &err));
            }
        }
    }
    for (uint32_t i = 0; i < plans[p].included_count; i++) {
        cr_assert(quire_table_index_covers(table, index, plans[p].included[i]));
    }
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
    assert_covers(table, model, p, range);
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
        quire_value start = sources[0].values[column];
        if (start.type == QUIRE_TEXT && prng_one_in(prng, 3) &&
            plan->collations[range.prefix_count] != LENGTH) {
            start.size = (uint32_t)prng_below(prng, start.size + 1);
            range.starts_with = &start;
            compare_range(table, model, p, &range);
            return;
        }
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
    OK(qr_index_open(&index, txn, def, &def->indexes[index_number(table, plans[p].name)], &err));
    qr_index_key_init(&key, qr_allocator_default());
    for (uint32_t i = 0; i < model->count; i += 1 + model->count / 50) {
        bool found;
        OK(qr_index_key_from_row(&index, model->rows[i].values, COLUMNS, &key, &err));
        OK(qr_index_contains(&index, &key, model->rows[i].rowid, &found, &err));
        cr_assert_eq(found, is_in(&plans[p], &model->rows[i]), "%s", plans[p].name);
        OK(qr_index_contains(&index, &key, INT64_MIN, &found, &err));
        cr_assert_not(found, "%s", plans[p].name);
    }
    qr_index_key_free(&key);
    qr_index_close(&index);
}

static uint64_t entries_of(const struct model *model, const struct plan *plan)
{
    uint64_t entries = 0;
    for (uint32_t i = 0; i < model->count; i++) {
        entries += is_in(plan, &model->rows[i]);
    }
    return entries;
}

static void compare_all(struct prng *prng, quire_table *table, const struct model *model)
{
    quire_error err = QUIRE_ERROR_INIT;
    for (size_t p = 0; p < PLANS; p++) {
        uint64_t entries;
        OK(qr_table_index_entries(table, index_number(table, plans[p].name), &entries, &err));
        cr_assert_eq(entries, entries_of(model, &plans[p]), "%s", plans[p].name);
        assert_contains(table, model, p);
        if (plans[p].kind == QUIRE_INDEX_BTREE) {
            quire_index_range range = {.prefix = NULL};
            compare_range(table, model, p, &range);
            range.reverse = true;
            compare_range(table, model, p, &range);
        }
        for (int i = 0; i < 20 && model->count > 0; i++) {
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
    quire_error err = QUIRE_ERROR_INIT;
    for (size_t p = from; p < to; p++) {
        quire_index_column columns[3];
        for (uint32_t i = 0; i < plans[p].count; i++) {
            uint32_t column = plans[p].columns[i];
            columns[i] =
                (quire_index_column){.name = column < COLUMNS ? column_names[column] : NULL,
                                     .expression = column < COLUMNS ? NULL : column_names[column],
                                     .descending = plans[p].descending[i],
                                     .collation = collation_names[plans[p].collations[i]]};
        }
        const char *included[COLUMNS];
        for (uint32_t i = 0; i < plans[p].included_count; i++) {
            included[i] = column_names[plans[p].included[i]];
        }
        quire_index_def def = {.name = plans[p].name,
                               .kind = plans[p].kind,
                               .unique = plans[p].unique,
                               .columns = columns,
                               .column_count = plans[p].count,
                               .included = included,
                               .included_count = plans[p].included_count,
                               .where = condition_texts[plans[p].where]};
        OK(quire_index_create(txn, "rows", &def, &err));
    }
}

static void begin_model(struct prng *prng, quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    draw_plans(prng);
    OK(quire_collation_register(db, "length", length_key, NULL, &err));
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
    begin_model(&prng, db);
    quire_txn *txn = begin_write(db);
    create_rows(txn);
    create_indexes(txn, 0, PLANS);
    commit(txn);
    for (int round = 0; round < 6; round++) {
        txn = begin_write(db);
        quire_table *table = open_rows(txn);
        change(&prng, table, &model, 200, round < 4 ? 8 : 2);
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
    begin_model(&prng, db);
    quire_txn *txn = begin_write(db);
    create_rows(txn);
    create_indexes(txn, 0, PLANS);
    quire_table *table = open_rows(txn);
    change(&prng, table, &model, 800, 8);
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
    begin_model(&prng, db);
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

static void copy_model(struct model *to, const struct model *from)
{
    to->count = from->count;
    for (uint32_t i = 0; i < from->count; i++) {
        copy_row(&to->rows[i], &from->rows[i]);
    }
}

/* Savepoints within savepoints, some undone; then everything is read again from the file. */
Test(index_model, savepoints__take_back_what_every_index_holds)
{
    struct prng prng;
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file_layer *layer;
    quire_options options = {.size = sizeof options, .page_size = 1024};
    struct model models[3];
    for (int i = 0; i < 3; i++) {
        models[i] = (struct model){.rows = calloc(ROWS_MAX, sizeof(struct row))};
    }
    OK(qr_file_layer_memory_create(qr_allocator_default(), &layer, &err));
    prng_init(&prng, 14);
    for (int round = 0; round < 5; round++) {
        quire_db *db;
        OK(qr_db_open_with("m", &options, layer, true, &db, &err));
        OK(quire_collation_register(db, "length", length_key, NULL, &err));
        quire_txn *txn = begin_write(db);
        if (round == 0) {
            draw_plans(&prng);
            create_rows(txn);
            create_indexes(txn, 0, PLANS);
        }
        quire_table *table = open_rows(txn);
        compare_all(&prng, table, &models[0]);
        uint64_t outer;
        uint64_t inner;
        OK(quire_savepoint(txn, &outer, &err));
        copy_model(&models[1], &models[0]);
        change(&prng, table, &models[1], 150, round < 3 ? 8 : 3);
        OK(quire_savepoint(txn, &inner, &err));
        copy_model(&models[2], &models[1]);
        change(&prng, table, &models[2], 150, 6);
        if (prng_one_in(&prng, 2)) {
            OK(quire_rollback_to(txn, inner, &err));
        } else {
            copy_model(&models[1], &models[2]);
        }
        compare_all(&prng, table, &models[1]);
        if (round == 2) {
            OK(quire_rollback_to(txn, outer, &err));
        } else {
            copy_model(&models[0], &models[1]);
        }
        compare_all(&prng, table, &models[0]);
        quire_table_close(table);
        commit(txn);
        close_db(db);
    }
    qr_file_layer_memory_destroy(layer);
    for (int i = 0; i < 3; i++) {
        free(models[i].rows);
    }
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
