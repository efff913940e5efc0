/*
 * Values and the coercion of literals.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "graphql/language_fixture.h"

static struct language l;
static struct qr_gql_schema *schema;

static void begin(void)
{
    language_begin(&l);
    schema = language_schema(
        &l, "type Query { a(i: Int f: Float s: String b: Boolean id: ID e: E c: C o: O one: One "
            "l: [Int] ll: [[Int!]] r: Int!): Int }"
            "enum E { RED GREEN } scalar C "
            "input O { x: Int! y: Int = 5 z: [O!] } input One @oneOf { p: Int q: String }");
    cr_assert_not_null(schema);
}

static void end(void)
{
    qr_gql_schema_free(schema);
    language_end(&l);
}

TestSuite(coerce, .init = begin, .fini = end);

static const struct qr_gql_type *argument_type(const char *name)
{
    return qr_gql_field_argument(&schema->roots[QR_GQL_QUERY]->fields[0], qr_gql_str_of(name))
        ->type;
}

/* The coerced literal printed, or "invalid". */
static const char *coerced(const char *argument, const char *literal,
                           const struct qr_gql_variables *variables)
{
    struct qr_gql_value value;
    struct qr_gql_buffer buffer;
    struct qr_gql_str out;
    bool valid = false;
    const struct qr_gql_ast_value *node = language_value(&l, literal);
    cr_assert_not_null(node);
    cr_assert(qr_gql_literal_coerce(&l.arena, argument_type(argument), node, variables, &value,
                                    &valid, &l.err) == QUIRE_OK);
    if (!valid) {
        return "invalid";
    }
    qr_gql_buffer_init(&buffer, &l.arena, NULL);
    qr_gql_value_print(&buffer, &value);
    (void)qr_gql_buffer_finish(&buffer, &out);
    return out.data;
}

Test(coerce, literals__fit_or_not)
{
    static const char *const cases[][3] = {
        {"i", "1", "1"},
        {"i", "2147483647", "2147483647"},
        {"i", "2147483648", "invalid"},
        {"i", "-2147483648", "-2147483648"},
        {"i", "1.0", "invalid"},
        {"i", "\"1\"", "invalid"},
        {"i", "null", "null"},
        {"r", "null", "invalid"},
        {"f", "1", "1"},
        {"f", "1.5e300", "1.5e300"},
        {"f", "1e400", "invalid"},
        {"f", "true", "invalid"},
        {"s", "\"a\"", "\"a\""},
        {"s", "1", "invalid"},
        {"s", "A", "invalid"},
        {"b", "true", "true"},
        {"b", "1", "invalid"},
        {"id", "\"a\"", "\"a\""},
        {"id", "12345678901234567890", "\"12345678901234567890\""},
        {"id", "1.5", "invalid"},
        {"e", "RED", "RED"},
        {"e", "BLUE", "invalid"},
        {"e", "\"RED\"", "invalid"},
        {"c", "{a: [1, X]}", "{ a: [1, X] }"},
        {"c", "123456789012345678901234567890.5", "123456789012345678901234567890.5"},
        {"l", "1", "[1]"},
        {"l", "[1, null]", "[1, null]"},
        {"l", "[1, \"a\"]", "invalid"},
        {"ll", "1", "[[1]]"},
        {"ll", "[1, [2]]", "[[1], [2]]"},
        {"ll", "[[null]]", "invalid"},
        {"o", "{x: 1}", "{ x: 1, y: 5 }"},
        {"o", "{y: null, x: 1}", "{ x: 1, y: null }"},
        {"o", "{}", "invalid"},
        {"o", "{x: 1, w: 2}", "invalid"},
        {"o", "{x: 1, z: {x: 2}}", "{ x: 1, y: 5, z: [{ x: 2, y: 5 }] }"},
        {"o", "1", "invalid"},
        {"one", "{p: 1}", "{ p: 1 }"},
        {"one", "{p: null}", "invalid"},
        {"one", "{p: 1, q: \"a\"}", "invalid"},
        {"one", "{}", "invalid"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_str_eq(coerced(cases[i][0], cases[i][1], NULL), cases[i][2], "%s: %s",
                         cases[i][0], cases[i][1]);
    }
}

Test(coerce, variables__may_be_missing)
{
    struct qr_gql_variables variables = {0};
    struct qr_gql_value one = qr_gql_value_number(qr_gql_str_of("1"), false);
    struct qr_gql_value null = {.kind = QR_GQL_VALUE_NULL};
    cr_assert(qr_gql_name_table_add(&variables.values, &l.arena, qr_gql_str_of("one"), &one, NULL,
                                    NULL) == QUIRE_OK);
    cr_assert(qr_gql_name_table_add(&variables.values, &l.arena, qr_gql_str_of("null"), &null, NULL,
                                    NULL) == QUIRE_OK);
    cr_expect_str_eq(coerced("i", "$one", &variables), "1");
    cr_expect_str_eq(coerced("i", "$none", &variables), "invalid");
    cr_expect_str_eq(coerced("r", "$null", &variables), "invalid");
    cr_expect_str_eq(coerced("l", "[$one, $none]", &variables), "[1, null]");
    cr_expect_str_eq(coerced("o", "{x: $one, y: $none}", &variables), "{ x: 1, y: 5 }");
    cr_expect_str_eq(coerced("o", "{x: $none}", &variables), "invalid");
    cr_expect_str_eq(coerced("one", "{p: $null}", &variables), "invalid");
    cr_expect_str_eq(coerced("one", "{p: $one, q: $none}", &variables), "invalid");
    cr_expect_str_eq(coerced("c", "{a: $one, b: $none}", &variables), "{ a: 1 }");
}

static bool note_problem(void *context, const struct qr_gql_ast_value *at,
                         const struct qr_gql_path *path, const char *message)
{
    (void)path;
    qr_gql_buffer_format(context, "%u:%s|", at->pos.column, message);
    return true;
}

Test(coerce, check__tells_each_problem)
{
    struct qr_gql_buffer buffer;
    struct qr_gql_str out;
    qr_gql_buffer_init(&buffer, &l.arena, NULL);
    cr_assert(qr_gql_literal_check(&l.arena, argument_type("o"),
                                   language_value(&l, "{xx: 1, z: [{x: A}, null]}"), true,
                                   note_problem, &buffer, &l.err) == QUIRE_OK);
    (void)qr_gql_buffer_finish(&buffer, &out);
    cr_assert_str_eq(
        out.data,
        "1:Expected value of type \"O\" to include required field \"x\", found: { xx: 1, z: [{ x: "
        "A }, null] }.|"
        "17:Int cannot represent non-integer value: A|"
        "21:Expected value of non-null type \"O!\" not to be null.|"
        "2:Expected value of type \"O\" not to include unknown field \"xx\". Did you mean \"x\"? "
        "Found: { xx: 1, z: [{ x: A }, null] }.|");
}

Test(coerce, leaves__from_json_differ_from_literals)
{
    const char *problem;
    struct qr_gql_value value = qr_gql_value_number(qr_gql_str_of("1e3"), true);
    cr_assert(qr_gql_leaf_coerce(&l.arena, argument_type("i"), false, true, &value, &problem,
                                 &l.err) == QUIRE_OK);
    cr_assert(problem == NULL && value.kind == QR_GQL_VALUE_INT && value.integer == 1000);
    value = (struct qr_gql_value){.kind = QR_GQL_VALUE_STRING, .text = qr_gql_str_of("RAD")};
    cr_assert(qr_gql_leaf_coerce(&l.arena, argument_type("e"), false, true, &value, &problem,
                                 &l.err) == QUIRE_OK);
    cr_assert_str_eq(problem, "Value \"RAD\" does not exist in \"E\" enum. Did you mean the enum "
                              "value \"RED\"?");
}

Test(coerce, numbers__keep_digits_and_round_right)
{
    static const struct {
        const char *text;
        double number;
    } cases[] = {
        {"0", 0.0},
        {"-0.0", -0.0},
        {"0.1", 0.1},
        {"123456789012345678901234567890", 123456789012345678901234567890.0},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"4.9e-324", 4.9e-324},
        {"1e-400", 0.0},
        {"1e999999999999", INFINITY},
        {"0.000000000000000000000000000001e30", 1.0},
        {"9007199254740993", 9007199254740992.0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct qr_gql_value value = qr_gql_value_number(qr_gql_str_of(cases[i].text), true);
        cr_expect_eq(memcmp(&value.number, &cases[i].number, sizeof(double)), 0, "%s gave %.17g",
                     cases[i].text, value.number);
    }
    char *digits = language_repeat("1", 100000);
    cr_expect(isinf(qr_gql_value_number(qr_gql_str_of(digits), false).number));
    free(digits);
    struct qr_gql_value big = qr_gql_value_number(qr_gql_str_of("9223372036854775808"), false);
    cr_expect_not(big.in_int64);
    big = qr_gql_value_number(qr_gql_str_of("-9223372036854775808"), false);
    cr_expect(big.in_int64 && big.integer == INT64_MIN);
}

Test(coerce, integers__of_any_size_become_the_nearest_number)
{
    static const struct {
        const char *text;
        double number;
        bool in_int64;
        int64_t integer;
    } cases[] = {
        {"0", 0.0, true, 0},
        {"7", 7.0, true, 7},
        {"-1901", -1901.0, true, -1901},
        {"9007199254740992", 9007199254740992.0, true, INT64_C(9007199254740992)},
        {"9007199254740993", 9007199254740992.0, true, INT64_C(9007199254740993)},
        {"-9007199254740995", -9007199254740996.0, true, INT64_C(-9007199254740995)},
        {"9223372036854775807", 9223372036854775808.0, true, INT64_MAX},
        {"-9223372036854775808", -9223372036854775808.0, true, INT64_MIN},
        {"9223372036854775808", 9223372036854775808.0, false, 0},
        {"123456789012345678901234567890", 123456789012345678901234567890.0, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qr_gql_value value = qr_gql_value_number(qr_gql_str_of(cases[i].text), false);
        cr_expect_eq(value.number, cases[i].number, "%s: %.17g", cases[i].text, value.number);
        cr_expect_eq(value.in_int64, cases[i].in_int64, "%s", cases[i].text);
        cr_expect(!value.in_int64 || value.integer == cases[i].integer, "%s", cases[i].text);
    }
    struct qr_gql_value minus = qr_gql_value_number(qr_gql_str_of("-0"), false);
    cr_expect(signbit(minus.number) && minus.number == 0.0);
}

Test(coerce, names__are_found_while_a_table_grows)
{
    enum { NAMES = 200 };
    struct qr_gql_name_table table = {0};
    static char names[NAMES][8];
    for (size_t i = 0; i < NAMES; i++) {
        void *previous;
        snprintf(names[i], sizeof names[i], "n%zu", i);
        cr_assert_eq(qr_gql_name_table_add(&table, &l.arena, qr_gql_str_of(names[i]), names[i],
                                           &previous, NULL),
                     QUIRE_OK);
        cr_expect_null(previous);
        for (size_t j = 0; j < NAMES; j++) {
            char asked[8];
            snprintf(asked, sizeof asked, "n%zu", j);
            cr_expect_eq(qr_gql_name_table_get(&table, qr_gql_str_of(asked)),
                         j <= i ? (void *)names[j] : NULL, "%zu of %zu", j, i);
        }
        cr_assert_eq(qr_gql_name_table_add(&table, &l.arena, qr_gql_str_of(names[i]), &table,
                                           &previous, NULL),
                     QUIRE_OK);
        cr_expect_eq(previous, (void *)names[i]);
    }
    cr_expect_eq(table.count, NAMES);
}
