/*
 * Expressions: one table of texts with their canonical form and value, one of
 * texts that are refused with status and place, and what is read off them.
 */
#include <criterion/criterion.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/expression.h"
#include "support/failing_allocator.h"

static const quire_column columns[] = {{"id", QUIRE_INT, true},
                                       {"name", QUIRE_TEXT, false},
                                       {"amount", QUIRE_FLOAT, false},
                                       {"active", QUIRE_BOOL, false},
                                       {"data", QUIRE_BLOB, false},
                                       {"tags", QUIRE_LIST, false},
                                       {"first name", QUIRE_TEXT, false},
                                       {"and", QUIRE_INT, false},
                                       {"gone", QUIRE_INT, false},
                                       {"lost", QUIRE_TEXT, false},
                                       {"maybe", QUIRE_BOOL, false},
                                       {"big", QUIRE_INT, false},
                                       {"x", QUIRE_INT, false}};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

/* id 7, name 'Grüße', amount 2.5, active true, data x'00ff', tags [1, 2], "first name" 'Al "B"',
 * "and" 3, gone null, lost null, maybe null, big the largest, x -4. */
static size_t make_row(uint8_t *record, size_t room)
{
    static const uint8_t blob[] = {0, 255};
    static uint8_t list[16];
    quire_value elements[] = {quire_int(1), quire_int(2)};
    size_t list_size = quire_record_encode(elements, 2, list);
    quire_value values[] = {quire_int(7),
                            quire_text("Gr\xC3\xBC\xC3\x9F"
                                       "e"),
                            quire_float(2.5),
                            quire_bool(true),
                            quire_blob(blob, 2),
                            quire_blob(list, list_size),
                            quire_text("Al \"B\""),
                            quire_int(3),
                            quire_null(),
                            quire_null(),
                            quire_null(),
                            quire_int(INT64_MAX),
                            quire_int(-4)};
    values[5].type = QUIRE_LIST;
    cr_assert(quire_record_size(values, COLUMNS) <= room);
    return quire_record_encode(values, COLUMNS, record);
}

static quire_status compile(const char *text, struct qr_arena *arena, struct qr_expression **out,
                            quire_error *err)
{
    return qr_expression_compile(text, strlen(text), columns, COLUMNS, arena, out, err);
}

/* The value as text. */
static void show(const quire_value *value, char *out, size_t room)
{
    switch (value->type) {
    case QUIRE_NULL:
        snprintf(out, room, "null");
        break;
    case QUIRE_BOOL:
        snprintf(out, room, "%s", value->as.boolean ? "true" : "false");
        break;
    case QUIRE_INT:
        snprintf(out, room, "%lld", (long long)value->as.integer);
        break;
    case QUIRE_FLOAT:
        snprintf(out, room, "%.17gf", value->as.real);
        break;
    case QUIRE_TEXT:
        snprintf(out, room, "'%.*s'", (int)value->size, (const char *)value->as.bytes);
        break;
    case QUIRE_BLOB:
    case QUIRE_LIST:
        snprintf(out, room, "%u bytes", value->size);
        break;
    }
}

static const struct {
    const char *text, *canonical, *value;
} cases[] = {
    {"1", "1", "1"},
    {" ( ( id ) ) ", "id", "7"},
    {"-9223372036854775808", "-9223372036854775808", "-9223372036854775808"},
    {"9223372036854775807", "9223372036854775807", "9223372036854775807"},
    {"1.50", "1.5", "1.5f"},
    {"1e3", "1000.0", "1000f"},
    {"1e300", "1e300", "1.0000000000000001e+300f"},
    {"0.1", "1e-1", "0.10000000000000001f"},
    {"-0.0", "-0.0", "-0f"},
    {"TRUE", "true", "true"},
    {"'it''s'", "'it''s'", "'it's'"},
    {"X'00FF'", "x'00ff'", "2 bytes"},
    {"x", "x", "-4"},
    {"\"x\"", "x", "-4"},
    {"\"first name\"", "\"first name\"", "'Al \"B\"'"},
    {"\"and\"", "\"and\"", "3"},
    /* arithmetic */
    {"1+2*3", "1 + 2 * 3", "7"},
    {"(1+2)*3", "(1 + 2) * 3", "9"},
    {"1-(2-3)", "1 - (2 - 3)", "2"},
    {"1-2-3", "1 - 2 - 3", "-4"},
    {"7/2", "7 / 2", "3"},
    {"-7/2", "-7 / 2", "-3"},
    {"-7%3", "-7 % 3", "-1"},
    {"7/2.0", "7 / 2.0", "3.5f"},
    {"id/0", "id / 0", "null"},
    {"id%0", "id % 0", "null"},
    {"amount/0", "amount / 0", "null"},
    {"big+1", "big + 1", "null"},
    {"big+-1", "big + -1", "9223372036854775806"},
    {"-big-2", "-big - 2", "null"},
    {"-big-1", "-big - 1", "-9223372036854775808"},
    {"-(-big-1)", "-(-big - 1)", "null"},
    {"big*2", "big * 2", "null"},
    {"big*-1", "big * -1", "-9223372036854775807"},
    {"(-big-1)/-1", "(-big - 1) / -1", "null"},
    {"(-big-1)%-1", "(-big - 1) % -1", "0"},
    {"(-big-1)*-1", "(-big - 1) * -1", "null"},
    {"x*x", "x * x", "16"},
    {"--x", "--x", "-4"},
    {"--0", "0", "0"},
    {"2 * -(0)", "2 * 0", "0"},
    {"id+amount", "id + amount", "9.5f"},
    {"gone+1", "gone + 1", "null"},
    /* comparison */
    {"id=7", "id = 7", "true"},
    {"id!=7", "id <> 7", "false"},
    {"7.0=id", "7.0 = id", "true"},
    {"big<9223372036854775808.0", "big < 9.223372036854776e18", "true"},
    {"id<7", "id < 7", "false"},
    {"id<=7", "id <= 7", "true"},
    {"id>6.5", "id > 6.5", "true"},
    {"id>=8", "id >= 8", "false"},
    {"name>'G'", "name > 'G'", "true"},
    {"data=x'00ff'", "data = x'00ff'", "true"},
    {"active=true", "active = true", "true"},
    {"gone=gone", "gone = gone", "null"},
    {"gone is null", "gone is null", "true"},
    {"id IS NOT NULL", "id is not null", "true"},
    {"not id is null", "id is not null", "true"},
    {"tags is null", "tags is null", "false"},
    {"id between 1 and 7", "id between 1 and 7", "true"},
    {"id not between 1 and 7", "id not between 1 and 7", "false"},
    {"not (id between 8 and 9)", "id not between 8 and 9", "true"},
    {"id between 8 and gone", "id between 8 and gone", "false"},
    {"id between 1 and gone", "id between 1 and gone", "null"},
    {"id in (1,7)", "id in (1, 7)", "true"},
    {"id in (1,gone)", "id in (1, gone)", "null"},
    {"id in (7,gone)", "id in (7, gone)", "true"},
    {"id not in (1,2)", "id not in (1, 2)", "true"},
    {"gone in (1)", "gone in (1)", "null"},
    {"(id=7)=active", "(id = 7) = active", "true"},
    /* logic */
    {"true and maybe", "true and maybe", "null"},
    {"false and maybe", "false and maybe", "false"},
    {"true or maybe", "true or maybe", "true"},
    {"false or maybe", "false or maybe", "null"},
    {"not maybe", "not maybe", "null"},
    {"not not active", "not not active", "true"},
    {"active or maybe and false", "active or maybe and false", "true"},
    {"(active or maybe) and false", "(active or maybe) and false", "false"},
    {"active and (true and true)", "active and true and true", "true"},
    {"not (active and maybe)", "not (active and maybe)", "null"},
    {"not id = 8", "not id = 8", "true"},
    /* text */
    {"name||'!'||lower('A')", "name || '!' || lower('A')",
     "'Gr\xC3\xBC\xC3\x9F"
     "e!a'"},
    {"name||lost", "name || lost", "null"},
    {"''||''", "'' || ''", "''"},
    {"lower(name)", "lower(name)",
     "'gr\xC3\xBC\xC3\x9F"
     "e'"},
    {"UPPER(name)", "upper(name)",
     "'GR\xC3\xBC\xC3\x9F"
     "E'"},
    {"upper('az{`@[')", "upper('az{`@[')", "'AZ{`@['"},
    {"lower('AZ[@`{')", "lower('AZ[@`{')", "'az[@`{'"},
    {"length(name)", "length(name)", "5"},
    {"length(data)", "length(data)", "2"},
    {"length(tags)", "length(tags)", "2"},
    {"length(lost)", "length(lost)", "null"},
    {"trim(' \ta b\n')", "trim(' \ta b\n')", "'a b'"},
    {"trim('  ')", "trim('  ')", "''"},
    {"substr(name,3)", "substr(name, 3)",
     "'\xC3\xBC\xC3\x9F"
     "e'"},
    {"substr(name,3,2)", "substr(name, 3, 2)", "'\xC3\xBC\xC3\x9F'"},
    {"substr(name,0,3)", "substr(name, 0, 3)", "'Gr'"},
    {"substr(name,6)", "substr(name, 6)", "''"},
    {"substr(name,2,-1)", "substr(name, 2, -1)", "''"},
    {"substr(name,2,big)", "substr(name, 2, big)",
     "'r\xC3\xBC\xC3\x9F"
     "e'"},
    {"substr(name,-big-1,big)", "substr(name, -big - 1, big)", "''"},
    {"starts_with(name,'Gr')", "starts_with(name, 'Gr')", "true"},
    {"starts_with(name,'')", "starts_with(name, '')", "true"},
    {"ends_with(name,'e')", "ends_with(name, 'e')", "true"},
    {"ends_with('e',name)", "ends_with('e', name)", "false"},
    {"contains(name,'r\xC3\xBC')", "contains(name, 'r\xC3\xBC')", "true"},
    {"contains('aab','ab')", "contains('aab', 'ab')", "true"},
    {"contains('aab','ac')", "contains('aab', 'ac')", "false"},
    {"contains('','')", "contains('', '')", "true"},
    {"contains(name,lost)", "contains(name, lost)", "null"},
    /* other functions */
    {"abs(x)", "abs(x)", "4"},
    {"abs(-2.5)", "abs(-2.5)", "2.5f"},
    {"abs(-big-1)", "abs(-big - 1)", "null"},
    {"coalesce(gone,id)", "coalesce(gone, id)", "7"},
    {"coalesce(gone,gone)", "coalesce(gone, gone)", "null"},
    {"nullif(id,7)", "nullif(id, 7)", "null"},
    {"nullif(id,gone)", "nullif(id, gone)", "7"},
    {"int(-2.9)", "int(-2.9)", "-2"},
    {"int(1e19)", "int(1e19)", "null"},
    {"float(id)", "float(id)", "7f"},
    {"abs (x)", "abs(x)", "4"},
};

Test(expression, text__has_this_form_and_value)
{
    uint8_t record[512];
    size_t size = make_row(record, sizeof record);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        struct qr_arena arena, scratch;
        struct qr_expression *expression, *again;
        qr_arena_init(&arena, qr_allocator_default(), 0);
        qr_arena_init(&scratch, qr_allocator_default(), 0);
        cr_assert_eq(compile(cases[i].text, &arena, &expression, &err), QUIRE_OK, "%s: %s",
                     cases[i].text, err.message);
        const char *canonical = qr_expression_text(expression, NULL);
        char shown[128];
        quire_value value;
        cr_assert_str_eq(canonical, cases[i].canonical);
        cr_assert_eq(qr_expression_evaluate(expression, record, size, &scratch, &value, &err),
                     QUIRE_OK);
        show(&value, shown, sizeof shown);
        cr_assert_str_eq(shown, cases[i].value, "%s is %s, not %s", cases[i].text, shown,
                         cases[i].value);
        cr_assert(value.type == QUIRE_NULL || value.type == qr_expression_type(expression));
        cr_assert_eq(compile(canonical, &arena, &again, &err), QUIRE_OK, "%s: %s", canonical,
                     err.message);
        cr_assert_str_eq(qr_expression_text(again, NULL), canonical);
        qr_arena_free(&scratch);
        qr_arena_free(&arena);
    }
}

static const struct {
    const char *text;
    quire_status status;
    uint64_t offset;
} refused[] = {
    {"", QUIRE_SYNTAX, 0},
    {"id =", QUIRE_SYNTAX, 4},
    {"id = = 1", QUIRE_SYNTAX, 5},
    {"id 1", QUIRE_SYNTAX, 3},
    {"id = 1 = 2", QUIRE_SYNTAX, 7},
    {"(id", QUIRE_SYNTAX, 3},
    {"id)", QUIRE_SYNTAX, 2},
    {"'open", QUIRE_SYNTAX, 0},
    {"\"open", QUIRE_SYNTAX, 0},
    {"id # 1", QUIRE_SYNTAX, 3},
    {"id = null", QUIRE_SYNTAX, 5},
    {"id is 1", QUIRE_SYNTAX, 6},
    {"id not 1", QUIRE_SYNTAX, 7},
    {"id between 1 or 2", QUIRE_SYNTAX, 13},
    {"id in ()", QUIRE_SYNTAX, 7},
    {"id in 1", QUIRE_SYNTAX, 6},
    {"and", QUIRE_SYNTAX, 0},
    {"9223372036854775808", QUIRE_SYNTAX, 0},
    {"1e999", QUIRE_SYNTAX, 0},
    {"1e99999999999999999999", QUIRE_SYNTAX, 0},
    {"1x", QUIRE_SYNTAX, 1},
    {"x'0'", QUIRE_SYNTAX, 0},
    {"x'0g'", QUIRE_SYNTAX, 0},
    {"lower()", QUIRE_SYNTAX, 6},
    {"lower('a', 'b')", QUIRE_SYNTAX, 0},
    {"coalesce(id)", QUIRE_SYNTAX, 0},
    {"id; drop", QUIRE_SYNTAX, 2},
    {"nothing = 1", QUIRE_UNKNOWN_NAME, 0},
    {"id = \"Id\"", QUIRE_UNKNOWN_NAME, 5},
    {"now() > 1", QUIRE_UNKNOWN_NAME, 0},
    {"id = 'a'", QUIRE_TYPE, 5},
    {"id in (1, 'a')", QUIRE_TYPE, 10},
    {"tags = tags", QUIRE_TYPE, 0},
    {"not id", QUIRE_TYPE, 4},
    {"active and id", QUIRE_TYPE, 11},
    {"name + 1", QUIRE_TYPE, 0},
    {"1.5 % 2", QUIRE_TYPE, 0},
    {"name || id", QUIRE_TYPE, 8},
    {"lower(id)", QUIRE_TYPE, 6},
    {"length(id)", QUIRE_TYPE, 7},
    {"coalesce(id, name)", QUIRE_TYPE, 13},
    {"substr(name, 1.0)", QUIRE_TYPE, 13},
    {"nullif(id, name)", QUIRE_TYPE, 11},
};

Test(expression, bad_text__is_refused_with_its_place)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        struct qr_arena arena;
        struct qr_expression *expression;
        qr_arena_init(&arena, qr_allocator_default(), 0);
        quire_status status = compile(refused[i].text, &arena, &expression, &err);
        cr_assert_eq(status, refused[i].status, "%s: %s %s", refused[i].text,
                     quire_status_name(status), err.message);
        cr_assert_eq(err.offset, refused[i].offset, "%s: %s", refused[i].text, err.message);
        cr_assert_null(expression);
        qr_arena_free(&arena);
    }
}

struct long_text {
    char bytes[4 * QR_EXPRESSION_TEXT_MAX];
    size_t size;
};

static void append(struct long_text *text, const char *part, int times)
{
    size_t size = strlen(part);
    cr_assert_leq(size * (size_t)times, sizeof text->bytes - text->size);
    for (int i = 0; i < times; i++) {
        memcpy(text->bytes + text->size, part, size);
        text->size += size;
    }
}

static quire_status compile_only(const char *text, size_t size)
{
    struct qr_arena arena;
    struct qr_expression *expression;
    qr_arena_init(&arena, qr_allocator_default(), 1U << 20);
    quire_status status =
        qr_expression_compile(text, size, columns, COLUMNS, &arena, &expression, NULL);
    qr_arena_free(&arena);
    return status;
}

/* `head` n times, `middle`, `tail` n times. */
static quire_status compile_repeated(const char *head, const char *middle, const char *tail,
                                     int times)
{
    struct long_text text = {.size = 0};
    append(&text, head, times);
    append(&text, middle, 1);
    append(&text, tail, times);
    return compile_only(text.bytes, text.size);
}

Test(expression, size_and_depth__have_limits)
{
    static const struct {
        const char *head, *middle, *tail;
        int fits;
    } nests[] = {{"(", "id", ")", 63},
                 {"-", "id", "", 63},
                 {"not ", "active", "", 63},
                 {"abs(", "id", ")", 63},
                 {"", "id", "+1", 63},
                 {"", "id", "*1", 63},
                 {"", "active", " and active", 300},
                 {"", "name", "||name", 400}};
    for (size_t i = 0; i < sizeof nests / sizeof nests[0]; i++) {
        const char *head = nests[i].head;
        const char *tail = nests[i].tail;
        cr_assert_eq(compile_repeated(head, nests[i].middle, tail, nests[i].fits), QUIRE_OK,
                     "%s...%s", head, tail);
        cr_assert_eq(compile_repeated(head, nests[i].middle, tail, 900), QUIRE_LIMIT, "%s...%s",
                     head, tail);
    }
    struct long_text text = {.size = 0};
    append(&text, "id", 1);
    append(&text, " ", QR_EXPRESSION_TEXT_MAX);
    cr_assert_eq(compile_only(text.bytes, QR_EXPRESSION_TEXT_MAX), QUIRE_OK);
    cr_assert_eq(compile_only(text.bytes, QR_EXPRESSION_TEXT_MAX + 1), QUIRE_LIMIT);
    cr_assert_eq(compile_only("id\0", 3), QUIRE_SYNTAX);
    cr_assert_eq(compile_only("'\xFF'", 3), QUIRE_SYNTAX);
}

Test(expression, canonical_text__has_the_same_limit)
{
    for (int times = 1000; times <= 1400; times += 400) {
        struct long_text text = {.size = 0};
        append(&text, "id in(1", 1);
        append(&text, ",1", times);
        append(&text, ")", 1);
        cr_assert_lt(text.size, QR_EXPRESSION_TEXT_MAX);
        cr_assert_eq(compile_only(text.bytes, text.size), times == 1000 ? QUIRE_OK : QUIRE_LIMIT);
    }
}

Test(expression, columns__are_listed_once_and_ascending)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_arena arena;
    struct qr_expression *expression;
    const uint32_t *used;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    cr_assert_eq(compile("x + id * x > amount or active", &arena, &expression, &err), QUIRE_OK);
    cr_assert_eq(qr_expression_columns(expression, &used), 4);
    cr_assert(used[0] == 0 && used[1] == 2 && used[2] == 3 && used[3] == 12);
    cr_assert(qr_expression_uses(expression, 3) && !qr_expression_uses(expression, 1));
    cr_assert_eq(qr_expression_column(expression), -1);
    cr_assert_eq(compile("amount", &arena, &expression, &err), QUIRE_OK);
    cr_assert_eq(qr_expression_column(expression), 2);
    qr_arena_free(&arena);
}

Test(expression, value__is_the_same_for_record_and_values)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_arena arena;
    struct qr_expression *expression;
    quire_value values[] = {quire_int(5), quire_text("a")};
    quire_value value;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    cr_assert_eq(compile("id + coalesce(\"and\", 1)", &arena, &expression, &err), QUIRE_OK);
    cr_assert_eq(qr_expression_evaluate_row(expression, values, 2, &arena, &value, &err), QUIRE_OK);
    cr_assert(value.type == QUIRE_INT && value.as.integer == 6);
    /* A record shorter than the table: columns that were added since are null. */
    uint8_t record[64];
    size_t size = quire_record_encode(values, 2, record);
    cr_assert_eq(qr_expression_evaluate(expression, record, size, &arena, &value, &err), QUIRE_OK);
    cr_assert(value.type == QUIRE_INT && value.as.integer == 6);
    qr_arena_free(&arena);
}

Test(expression, damaged_row__is_corrupt)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_arena arena;
    struct qr_expression *expression;
    quire_value values[] = {quire_text("no number")};
    quire_value value;
    uint8_t record[64];
    size_t size = quire_record_encode(values, 1, record);
    qr_arena_init(&arena, qr_allocator_default(), 0);
    cr_assert_eq(compile("id + 1", &arena, &expression, &err), QUIRE_OK);
    cr_assert_eq(qr_expression_evaluate(expression, record, size, &arena, &value, &err),
                 QUIRE_CORRUPT);
    cr_assert_eq(qr_expression_evaluate(expression, record, 1, &arena, &value, &err),
                 QUIRE_CORRUPT);
    cr_assert_eq(value.type, QUIRE_NULL);
    qr_arena_free(&arena);
}

Test(expression, allocation__may_fail_anywhere)
{
    static const char text[] = "lower(name) || 'a' = upper(\"first name\") or id in (1, 2, x)";
    struct failing_allocator failing;
    uint8_t record[512];
    size_t size = make_row(record, sizeof record);
    failing_allocator_init(&failing);
    quire_status status = QUIRE_NO_MEMORY;
    for (uint64_t n = 0; status != QUIRE_OK; n++) {
        struct qr_arena arena, scratch;
        struct qr_expression *expression;
        quire_value value;
        failing_allocator_arm(&failing, n, false);
        qr_arena_init(&arena, &failing.allocator, 0);
        qr_arena_init(&scratch, &failing.allocator, 0);
        status = compile(text, &arena, &expression, NULL);
        if (status == QUIRE_OK) {
            status = qr_expression_evaluate(expression, record, size, &scratch, &value, NULL);
        }
        cr_assert(status == QUIRE_OK || status == QUIRE_NO_MEMORY);
        qr_arena_free(&scratch);
        qr_arena_free(&arena);
        cr_assert(failing_allocator_is_clean(&failing));
    }
    failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
}

Test(expression, rows__allocate_nothing_once_the_scratch_has_grown)
{
    struct failing_allocator failing;
    struct qr_arena arena, scratch;
    struct qr_expression *expression;
    uint8_t record[512];
    size_t size = make_row(record, sizeof record);
    failing_allocator_init(&failing);
    qr_arena_init(&arena, qr_allocator_default(), 0);
    qr_arena_init(&scratch, &failing.allocator, 0);
    cr_assert_eq(compile("lower(name) || upper(name) = 'a'", &arena, &expression, NULL), QUIRE_OK);
    for (int i = 0; i < 100; i++) {
        bool holds;
        cr_assert_eq(qr_expression_holds(expression, record, size, &scratch, &holds, NULL),
                     QUIRE_OK);
        cr_assert_not(holds);
        qr_arena_reset(&scratch);
        if (i == 0) {
            failing_allocator_arm(&failing, 0, true);
        }
    }
    qr_arena_free(&scratch);
    qr_arena_free(&arena);
    cr_assert(failing_allocator_is_clean(&failing));
}

/* ---- Bounds and implication ---- */

Test(expression, bounds__are_the_comparisons_with_constants)
{
    static const struct {
        const char *text;
        uint32_t count, column;
        enum qr_comparison comparison;
        const char *value;
    } bounds[] = {
        {"id = 4", 1, 0, QR_EQUAL, "4"},
        {"4 < id", 1, 0, QR_GREATER, "4"},
        {"amount <= 4", 1, 2, QR_LESS_EQUAL, "4f"},
        {"not active", 1, 3, QR_EQUAL, "false"},
        {"active", 1, 3, QR_EQUAL, "true"},
        {"id between 4 and 9", 2, 0, QR_GREATER_EQUAL, "4"},
        {"starts_with(name, 'a')", 1, 1, QR_PREFIX, "'a'"},
        {"id >= 4 and (x = 1 or x = 2)", 1, 0, QR_GREATER_EQUAL, "4"},
        {"id = 4.5", 0, 0, QR_EQUAL, ""},
        {"id <> 4", 0, 0, QR_EQUAL, ""},
        {"id = x", 0, 0, QR_EQUAL, ""},
        {"id = 4 or x = 1", 0, 0, QR_EQUAL, ""},
        {"not id = 4", 0, 0, QR_EQUAL, ""},
        {"id + 1", 0, 0, QR_EQUAL, ""},
    };
    struct qr_arena arena;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        struct qr_expression *expression;
        struct qr_bound found[4];
        cr_assert_eq(compile(bounds[i].text, &arena, &expression, NULL), QUIRE_OK);
        cr_assert_eq(qr_expression_bounds(expression, found, 4), bounds[i].count, "%s",
                     bounds[i].text);
        if (bounds[i].count > 0) {
            char shown[64];
            show(&found[0].value, shown, sizeof shown);
            cr_assert_str_eq(shown, bounds[i].value);
            cr_assert_eq(found[0].column, bounds[i].column);
            cr_assert_eq(found[0].comparison, bounds[i].comparison);
            cr_assert_leq(qr_expression_bounds(expression, found, 1), 1);
        }
    }
    qr_arena_free(&arena);
}

Test(expression, implication__is_seen_through_and)
{
    static const struct {
        const char *strong, *weak;
        bool implies;
    } pairs[] = {
        {"id = 4", "id = 4", true},
        {"id = 4 and active", "active", true},
        {"active", "id = 4 and active", false},
        {"x = 1 and lower(name) = 'a' and active", "active and lower(name) = 'a'", true},
        {"id = 4", "id > 3", true},
        {"id = 4", "id > 4", false},
        {"id > 4", "id > 4", true},
        {"id >= 4", "id > 4", false},
        {"id > 4", "id >= 4", true},
        {"id > 5", "id > 4", true},
        {"id < 4", "id <= 4", true},
        {"id <= 4", "id < 4", false},
        {"id < 3", "id < 4", true},
        {"id < 3", "id > 1", false},
        {"id between 2 and 3", "id between 1 and 5", true},
        {"id = 2", "id between 1 and 5", true},
        {"id >= 2 and id < 4", "id between 2 and 4", true},
        {"id between 0 and 3", "id between 1 and 5", false},
        {"starts_with(name, 'abc')", "starts_with(name, 'ab')", true},
        {"starts_with(name, 'a')", "starts_with(name, 'ab')", false},
        {"name = 'abc'", "starts_with(name, 'ab')", true},
        {"id > 3", "id is not null", true},
        {"x > 3", "id is not null", false},
        {"id = 4", "x = 4", false},
        {"active", "not active", false},
        {"id = 4 or active", "active", false},
        {"id in (1, 2)", "id in (1, 2)", true},
    };
    struct qr_arena arena;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct qr_expression *strong, *weak;
        cr_assert_eq(compile(pairs[i].strong, &arena, &strong, NULL), QUIRE_OK);
        cr_assert_eq(compile(pairs[i].weak, &arena, &weak, NULL), QUIRE_OK);
        cr_assert_eq(qr_expression_implies(strong, weak), pairs[i].implies, "%s -> %s",
                     pairs[i].strong, pairs[i].weak);
    }
    qr_arena_free(&arena);
}
