/*
 * Printing of documents and stripping of texts.
 */
#include <criterion/criterion.h>

#include "graphql/language_fixture.h"

static struct language l;

static void begin(void)
{
    language_begin(&l);
}

static void end(void)
{
    language_end(&l);
}

TestSuite(printer, .init = begin, .fini = end);

static const char *print(const char *text)
{
    struct qr_gql_str out;
    const struct qr_gql_document *document = language_parse(&l, text);
    cr_assert_not_null(document, "%s: %s", text, language_message(&l));
    cr_assert(qr_gql_print_document(&l.arena, document, &out, &l.err) == QUIRE_OK);
    return out.data;
}

static const char *strip(const char *text)
{
    struct qr_gql_str out;
    cr_assert(qr_gql_strip(&l.arena, text, strlen(text), &l.report, &out, &l.err) == QUIRE_OK);
    return out.data;
}

Test(printer, operations__are_indented)
{
    cr_assert_str_eq(print("query{a(b:1){c,d}}"), "{\n  a(b: 1) {\n    c\n    d\n  }\n}");
    cr_assert_str_eq(print("query Q($a:Int=1@d,$b:[T!]!)@s{x:y ...F@d ...on T{a} ...@d{b}}"),
                     "query Q($a: Int = 1 @d, $b: [T!]!) @s {\n"
                     "  x: y\n"
                     "  ...F @d\n"
                     "  ... on T {\n    a\n  }\n"
                     "  ... @d {\n    b\n  }\n"
                     "}");
    cr_assert_str_eq(print("mutation{a} subscription S{b} fragment F on T@d{c}"),
                     "mutation {\n  a\n}\n\nsubscription S {\n  b\n}\n\n"
                     "fragment F on T @d {\n  c\n}");
}

Test(printer, long_arguments__take_a_line_each)
{
    const char *name = "aRatherLongArgumentNameThatTakesMuchRoom";
    const char *text = qr_gql_format(&l.arena, &l.err, "{ f(%s: 1, %s: [1, 2]) }", name, name);
    const char *wanted =
        qr_gql_format(&l.arena, &l.err, "{\n  f(\n    %s: 1\n    %s: [1, 2]\n  )\n}", name, name);
    cr_assert_str_eq(print(text), wanted);
}

Test(printer, definitions__keep_descriptions)
{
    cr_assert_str_eq(
        print("\"d\" type T implements A&B @x { \"\"\"f\"\"\" f(\"a\" a:Int b:Int=1):T }"),
        "\"d\"\n"
        "type T implements A & B @x {\n"
        "  \"\"\"f\"\"\"\n"
        "  f(\n"
        "    \"a\"\n"
        "    a: Int\n"
        "    b: Int = 1\n"
        "  ): T\n"
        "}");
    cr_assert_str_eq(print("directive@d(a:Int)repeatable on|FIELD|QUERY union U=|A|B"),
                     "directive @d(a: Int) repeatable on FIELD | QUERY\n\nunion U = A | B");
    cr_assert_str_eq(print("extend schema@a{query:Q} extend scalar S@b enum E{A B@c}"),
                     "extend schema @a {\n  query: Q\n}\n\nextend scalar S @b\n\n"
                     "enum E {\n  A\n  B @c\n}");
}

Test(printer, strings__are_escaped)
{
    cr_assert_str_eq(print("{a(b:\"\\u0001\\n\\\"\\\\\\u0085\xC3\xA9\")}"),
                     "{\n  a(b: \"\\u0001\\n\\\"\\\\\\u0085\xC3\xA9\")\n}");
    cr_assert_str_eq(print("{a(b:\"\"\"x\n  y\"\"\")}"),
                     "{\n  a(b: \"\"\"\n  x\n  y\n  \"\"\")\n}");
}

Test(printer, output__parses_to_the_same_output)
{
    static const char *const cases[] = {
        "query Q(\"d\" $a: Int = 1) { a(x: {b: [1, $v, \"\"\"t\n\"\"\"]}) }",
        "\"\"\"\n  two\n  lines\n\"\"\" input I { \"x\" a: [Int!]! = [1] @d(a: \"b\") }",
        "interface A implements B & C @d { a(b: Int): Int @e }",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *once = print(cases[i]);
        cr_expect_str_eq(print(once), once);
    }
}

Test(printer, strip__keeps_tokens_only)
{
    cr_assert_str_eq(strip("query Q($a: Int) { b(c: $a) { d e ...F } # x\n }"),
                     "query Q($a:Int){b(c:$a){d e ...F}}");
    cr_assert_str_eq(strip("\"\"\"\n  a\n    b\n\"\"\" type T{a:Int}"),
                     "\"\"\"\na\n  b\"\"\" type T{a:Int}");
    cr_assert_str_eq(strip("1 2 \"a\" \"b\" ... a"), "1 2 \"a\" \"b\" ...a");
    struct qr_gql_str out;
    cr_assert(qr_gql_strip(&l.arena, "a ?", 3, &l.report, &out, &l.err) == QUIRE_SYNTAX);
    cr_assert_str_eq(language_places(&l), "1:3");
}
