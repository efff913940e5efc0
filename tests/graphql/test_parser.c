/*
 * The parser: trees, errors and bounds.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "graphql/language_fixture.h"
#include "support/failing_allocator.h"

static struct language l;

static void begin(void)
{
    language_begin(&l);
}

static void end(void)
{
    language_end(&l);
}

TestSuite(parser, .init = begin, .fini = end);

static void expect_error(const char *text, const char *message, const char *places)
{
    language_forget(&l);
    cr_expect_null(language_parse(&l, text), "%s", text);
    cr_expect_str_eq(language_message(&l), message);
    cr_expect_str_eq(language_places(&l), places);
    cr_expect_eq(l.report.count, 1);
    cr_expect_eq(l.err.status, QUIRE_SYNTAX);
}

Test(parser, operation__keeps_names_arguments_and_places)
{
    const struct qr_gql_document *document = language_parse(
        &l,
        "query Q($v: [Int!] = [1]) @d { al: f(x: $v) { g } ...F ... on T @skip(if: true) { h } }");
    cr_assert_not_null(document);
    const struct qr_gql_ast_definition *query = document->first;
    cr_assert_eq(query->kind, QR_GQL_AST_OPERATION);
    cr_assert_eq(query->operation, QR_GQL_QUERY);
    cr_assert(qr_gql_str_is(query->name.text, "Q"));
    cr_assert_not(query->shorthand);
    cr_assert(qr_gql_str_is(query->members->name.text, "v"));
    cr_assert_eq(query->members->type->kind, QR_GQL_AST_LIST_OF);
    cr_assert_eq(query->members->type->inner->kind, QR_GQL_AST_NON_NULL);
    cr_assert_eq(query->members->default_value->count, 1);
    cr_assert(qr_gql_str_is(query->directives->name.text, "d"));
    const struct qr_gql_ast_selection *field = query->selections.first;
    cr_assert(qr_gql_str_is(field->name.text, "f"));
    cr_assert(qr_gql_str_is(qr_gql_ast_response_name(field), "al"));
    cr_assert_eq(field->pos.column, 32);
    cr_assert_eq(field->arguments->value->kind, QR_GQL_AST_VARIABLE);
    cr_assert_eq(field->next->kind, QR_GQL_AST_SPREAD);
    cr_assert_eq(field->next->next->kind, QR_GQL_AST_INLINE);
    cr_assert(qr_gql_str_is(field->next->next->condition.text, "T"));
    cr_assert_null(field->next->next->next);
}

Test(parser, keywords__are_names_where_names_stand)
{
    cr_assert_not_null(language_parse(
        &l, "query query { fragment on: type(input: enum) { true null } ...on on { on } }"));
    cr_assert_not_null(language_parse(&l, "type type { type: type query(mutation: a): extend }"));
}

Test(parser, descriptions__stand_before_executable_definitions)
{
    const struct qr_gql_document *document = language_parse(
        &l, "\"q\" query Q(\"v\" $v: Int) { a } \"\"\"f\"\"\" fragment F on T { a }");
    cr_assert_not_null(document);
    cr_assert(qr_gql_str_is(document->first->description, "q"));
    cr_assert(qr_gql_str_is(document->first->members->description, "v"));
    cr_assert(qr_gql_str_is(document->first->next->description, "f"));
    expect_error("\"q\" { a }",
                 "Syntax Error: Unexpected description, descriptions are not supported on "
                 "shorthand queries.",
                 "1:1");
    expect_error("\"d\" extend type T { a: Int }",
                 "Syntax Error: Unexpected description, only GraphQL definitions support "
                 "descriptions.",
                 "1:1");
}

Test(parser, errors__say_what_was_expected_and_where)
{
    expect_error("{", "Syntax Error: Expected Name, found <EOF>.", "1:2");
    expect_error("", "Syntax Error: Unexpected <EOF>.", "1:1");
    expect_error("query", "Syntax Error: Expected \"{\", found <EOF>.", "1:6");
    expect_error("\n  { a(b:) }", "Syntax Error: Unexpected \")\".", "2:9");
    expect_error("{ ...on }", "Syntax Error: Expected Name, found \"}\".", "1:9");
    expect_error("fragment on on T { a }", "Syntax Error: Unexpected Name \"on\".", "1:10");
    expect_error("query ($a: Int = $b) { c }",
                 "Syntax Error: Unexpected variable \"$b\" in constant value.", "1:18");
    expect_error("notAnOperator", "Syntax Error: Unexpected Name \"notAnOperator\".", "1:1");
    expect_error("enum E { true }",
                 "Syntax Error: Name \"true\" is reserved and cannot be used for an enum value.",
                 "1:10");
    expect_error("extend type T", "Syntax Error: Unexpected <EOF>.", "1:14");
}

Test(parser, edition__refuses_drafts_and_old_forms)
{
    static const char *const cases[] = {
        "{ a { } }",
        "{ ...F(x: 1) }",
        "fragment F($x: Int) on T { a }",
        "directive @a @b on FIELD",
        "extend directive @a @b",
        "directive @a on DIRECTIVE_DEFINITION",
        "type T implements A, B { a: Int }",
        "type T implements A B { a: Int }",
        "type T { }",
        "enum E { }",
        "input I { }",
        "{ a() }",
        "query () { a }",
        "schema { }",
        "union U =",
        "subscribe { a }",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        language_forget(&l);
        cr_expect_null(language_parse(&l, cases[i]), "%s", cases[i]);
    }
}

Test(parser, type_system__is_read_whole)
{
    const struct qr_gql_document *document = language_parse(
        &l, "\"s\" schema @d { query: Q mutation: M }\n"
            "scalar S @specifiedBy(url: \"u\")\n"
            "type T implements & A & B @d { \"f\" f(\"a\" a: Int = 1 @d): [T!]! @d }\n"
            "interface A implements B { f: Int }\n"
            "union U @d = | A | B\n"
            "enum E { \"x\" X Y @deprecated }\n"
            "input I { a: Int! = 1 }\n"
            "directive @d(a: Int) repeatable on | FIELD | OBJECT\n"
            "extend schema { subscription: S }\n"
            "extend union U = C");
    cr_assert_not_null(document, "%s", language_message(&l));
    cr_assert_eq(document->definition_count, 10);
    const struct qr_gql_ast_definition *object = document->first->next->next;
    cr_assert_eq(object->kind, QR_GQL_AST_OBJECT_TYPE);
    cr_assert(qr_gql_str_is(object->interfaces->next->name.text, "B"));
    cr_assert(qr_gql_str_is(object->members->description, "f"));
    cr_assert(qr_gql_str_is(object->members->arguments->description, "a"));
    cr_assert_eq(object->members->type->kind, QR_GQL_AST_NON_NULL);
}

Test(parser, values__have_all_kinds)
{
    struct qr_gql_ast_value *value =
        language_value(&l, "{i: 1, f: 1.5, s: \"a\", b: true, n: null, e: E, v: $x, l: [1, 2]}");
    cr_assert_not_null(value);
    cr_assert_eq(value->kind, QR_GQL_AST_OBJECT);
    cr_assert_eq(value->count, 8);
    static const enum qr_gql_ast_value_kind kinds[] = {
        QR_GQL_AST_INT,  QR_GQL_AST_FLOAT, QR_GQL_AST_STRING,   QR_GQL_AST_BOOLEAN,
        QR_GQL_AST_NULL, QR_GQL_AST_ENUM,  QR_GQL_AST_VARIABLE, QR_GQL_AST_LIST};
    size_t i = 0;
    for (const struct qr_gql_ast_argument *field = value->fields; field; field = field->next) {
        cr_assert_eq(field->value->kind, kinds[i++]);
    }
    struct qr_gql_ast_value *constant;
    cr_assert(qr_gql_parse_value(&l.arena, "$x", 2, true, &l.report, &constant, &l.err) ==
              QUIRE_SYNTAX);
    cr_assert_null(constant);
}

Test(parser, coordinates__allow_nothing_between)
{
    static const char *const right[] = {"T", "T.f", "T.f(a:)", "@d", "@d(a:)"};
    static const char *const wrong[] = {"",       " T",       "T.",    "T .f",
                                        "T.f(a)", "@",        "@d.f",  "T(a:)",
                                        "T.f(a:", "T.f(a:)x", "T.f.g", "T.f(a: )"};
    struct qr_gql_coordinate coordinate;
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        cr_expect(qr_gql_parse_coordinate(&l.arena, right[i], strlen(right[i]), &l.report,
                                          &coordinate, &l.err) == QUIRE_OK,
                  "%s", right[i]);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        cr_expect(qr_gql_parse_coordinate(&l.arena, wrong[i], strlen(wrong[i]), &l.report,
                                          &coordinate, &l.err) == QUIRE_SYNTAX,
                  "%s", wrong[i]);
    }
}

/* ---- bounds ---- */

/* Parses open x depth, middle, close x depth. */
static bool nested(const char *before, const char *open, unsigned depth, const char *middle,
                   const char *close, const char *after)
{
    char *opened = language_repeat(open, depth), *closed = language_repeat(close, depth);
    const char *text =
        qr_gql_format(&l.arena, &l.err, "%s%s%s%s%s", before, opened, middle, closed, after);
    language_forget(&l);
    bool parsed = language_parse(&l, text) != NULL;
    free(opened);
    free(closed);
    return parsed;
}

Test(parser, depth__is_bounded_for_each_construct)
{
    for (unsigned depth = 198; depth <= 202; depth++) {
        /* The operation's own selection set is one level, the outermost of its kind. */
        cr_expect_eq(nested("", "{a", depth, "", "}", ""), depth <= 200);
        cr_expect_eq(nested("{a", "{...", depth, "{a}", "}", "}"), depth + 2 <= 200);
        cr_expect_eq(nested("{a(x:", "[", depth, "", "]", ")}"), depth + 1 <= 200);
        cr_expect_eq(nested("{a(x:", "{a:", depth, "1", "}", ")}"), depth + 1 <= 200);
        cr_expect_eq(nested("query($a:", "[", depth, "T", "]", "){a}"), depth <= 200);
        cr_expect_eq(nested("type T{a:", "[", depth, "T", "]", "}"), depth <= 200);
    }
}

Test(parser, depth__million_brackets_fail_fast)
{
    static const char *const pieces[] = {"[", "{", "{a", "{a:", "{...", "("};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        char *text = language_repeat(pieces[i], 1000000);
        language_forget(&l);
        cr_expect_null(language_parse(&l, text));
        cr_expect_eq(l.report.count, 1);
        free(text);
    }
    char *list = language_repeat("[", 1000000);
    language_forget(&l);
    cr_expect_null(language_value(&l, list));
    cr_expect_str_eq(language_message(&l), "Syntax Error: Document is nested deeper than 200.");
    struct qr_gql_ast_type *type;
    cr_expect(qr_gql_parse_type(&l.arena, list, 1000000, &l.report, &type, &l.err) == QUIRE_SYNTAX);
    free(list);
}

Test(parser, token_limit__builds_no_tree_beyond_it)
{
    char *text = language_repeat("a ", 1000000);
    struct qr_gql_parse_options options = {.tokens_max = 15000};
    struct qr_gql_document *document;
    text[0] = '{';
    size_t before = l.arena.bytes_taken;
    cr_assert(qr_gql_parse(&l.arena, text, strlen(text), &options, &l.report, &document, &l.err) ==
              QUIRE_SYNTAX);
    cr_assert_null(document);
    cr_assert_lt(l.arena.bytes_taken - before, 8u << 20);
    free(text);
}

Test(parser, memory__may_end_anywhere)
{
    static const char text[] =
        "query Q($v: [Int!] = [1, {a: \"\\n\"}]) { a(x: \"\"\"b\"\"\") { ...F } }"
        "type T @d(a: 1) { f(a: Int = 1): [T] } extend union U = A | B ";
    char *padded = language_repeat(text, 20);
    struct failing_allocator failing;
    failing_allocator_init(&failing);
    quire_status status = QUIRE_NO_MEMORY;
    for (uint64_t n = 0; status != QUIRE_OK; n++) {
        struct qr_arena arena;
        struct qr_gql_report report;
        struct qr_gql_document *document;
        quire_error err = QUIRE_ERROR_INIT;
        qr_arena_init(&arena, &failing.allocator, 0);
        qr_gql_report_init(&report, &arena, 0, &err);
        failing_allocator_arm(&failing, n, true);
        status = qr_gql_parse(&arena, padded, strlen(padded), NULL, &report, &document, &err);
        cr_assert(status == QUIRE_OK || (status == QUIRE_NO_MEMORY && document == NULL));
        cr_assert(status == QUIRE_OK || err.status == QUIRE_NO_MEMORY);
        qr_arena_free(&arena);
        cr_assert(failing_allocator_is_clean(&failing));
        cr_assert_lt(n, 1000);
    }
    free(padded);
}

Test(parser, memory__limit_of_the_arena_is_told_apart)
{
    struct qr_arena arena;
    struct qr_gql_report report;
    struct qr_gql_document *document;
    quire_error err = QUIRE_ERROR_INIT;
    char *text = language_repeat("{a}", 100000);
    qr_arena_init(&arena, qr_allocator_default(), 1u << 20);
    qr_gql_report_init(&report, &arena, 0, &err);
    cr_assert(qr_gql_parse(&arena, text, 300000, NULL, &report, &document, &err) == QUIRE_LIMIT);
    cr_assert_eq(err.status, QUIRE_LIMIT);
    qr_arena_free(&arena);
    free(text);
}
