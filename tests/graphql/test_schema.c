/*
 * Schemas: building, looking up, checking, printing, comparing.
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

TestSuite(schema, .init = begin, .fini = end);

static struct qr_gql_str str(const char *text)
{
    return qr_gql_str_of(text);
}

static struct qr_gql_schema *build(const char *sdl)
{
    language_forget(&l);
    struct qr_gql_schema *schema = language_schema(&l, sdl);
    cr_assert_not_null(schema, "%s: %s", sdl, language_message(&l));
    cr_assert_eq(l.report.count, 0);
    return schema;
}

static void expect_problem(const char *sdl, const char *message, const char *places)
{
    language_forget(&l);
    struct qr_gql_schema *schema = language_schema(&l, sdl);
    cr_expect_null(schema, "%s", sdl);
    cr_expect_str_eq(language_message(&l), message);
    cr_expect_str_eq(language_places(&l), places);
    cr_expect_eq(l.err.status, QUIRE_SCHEMA);
    qr_gql_schema_free(schema);
}

static const char *printed(const struct qr_gql_schema *schema, bool sorted)
{
    struct qr_gql_str out;
    cr_assert(qr_gql_schema_print(&l.arena, schema, sorted, &out, &l.err) == QUIRE_OK);
    return out.data;
}

/* ---- building ---- */

Test(schema, build__resolves_types_and_merges_extensions)
{
    struct qr_gql_schema *schema = build("type Query { a(x: Int! = 3, y: [I!]): [T!]! }\n"
                                         "interface N { id: ID! }\n"
                                         "type T implements N { id: ID! }\n"
                                         "extend type T { more: E @deprecated(reason: \"old\") }\n"
                                         "union U = T\n"
                                         "enum E { A B }\n"
                                         "extend enum E { C }\n"
                                         "input I { s: String = \"d\" }\n"
                                         "scalar D @specifiedBy(url: \"u\")\n");
    const struct qr_gql_type *query = schema->roots[QR_GQL_QUERY];
    cr_assert(qr_gql_str_is(query->name, "Query"));
    cr_assert_null(schema->roots[QR_GQL_MUTATION]);
    const struct qr_gql_field *a = qr_gql_type_field(query, str("a"));
    cr_assert_str_eq(qr_gql_type_text(&l.arena, a->type), "[T!]!");
    const struct qr_gql_input *x = qr_gql_field_argument(a, str("x"));
    cr_assert(x->has_default && x->default_value.integer == 3);
    cr_assert_not(qr_gql_input_is_required(x));
    const struct qr_gql_type *t = qr_gql_schema_type(schema, str("T"));
    const struct qr_gql_field *more = qr_gql_type_field(t, str("more"));
    cr_assert(qr_gql_str_is(more->deprecation_reason, "old"));
    cr_assert_eq(more->index, 1);
    const struct qr_gql_type *e = qr_gql_schema_type(schema, str("E"));
    cr_assert_not_null(qr_gql_type_enum_value(e, str("C")));
    cr_assert_null(qr_gql_type_enum_value(e, str("D")));
    const struct qr_gql_type *n = qr_gql_schema_type(schema, str("N"));
    const struct qr_gql_type *u = qr_gql_schema_type(schema, str("U"));
    cr_assert_eq(n->possible_count, 1);
    cr_assert(qr_gql_type_is_possible(n, t) && qr_gql_type_is_possible(u, t));
    cr_assert(qr_gql_types_overlap(n, u) && qr_gql_types_overlap(t, n));
    cr_assert_not(qr_gql_types_overlap(query, n));
    cr_assert(qr_gql_str_is(qr_gql_schema_type(schema, str("D"))->specified_by_url, "u"));
    qr_gql_schema_free(schema);
}

Test(schema, build__has_what_the_language_has)
{
    struct qr_gql_schema *schema = build("schema { query: Q } type Q { a: Int }");
    const struct qr_gql_type *q = schema->roots[QR_GQL_QUERY];
    cr_assert_not_null(qr_gql_schema_directive(schema, str("skip")));
    cr_assert_not_null(qr_gql_schema_directive(schema, str("oneOf")));
    cr_assert_not_null(qr_gql_schema_field(schema, q, str("__schema")));
    cr_assert_not_null(qr_gql_schema_field(schema, q, str("__type")));
    cr_assert_not_null(qr_gql_schema_field(schema, q, str("__typename")));
    const struct qr_gql_type *type = qr_gql_schema_type(schema, str("__Type"));
    cr_assert_not_null(type);
    cr_assert_null(qr_gql_schema_field(schema, type, str("__schema")));
    cr_assert(qr_gql_schema_type(schema, str("Int"))->referenced);
    cr_assert(qr_gql_schema_type(schema, str("String"))->referenced);
    cr_assert_not(qr_gql_schema_type(schema, str("Float"))->referenced);
    cr_assert_null(qr_gql_schema_type(schema, str("__Meta")));
    qr_gql_schema_free(schema);
}

Test(schema, build__takes_several_texts)
{
    struct qr_gql_str texts[] = {str("directive @d on OBJECT"), str("type Query @d { a: T }"),
                                 str("\ntype T {\n b: X }")};
    struct qr_gql_schema *schema;
    cr_assert(qr_gql_schema_build(qr_allocator_default(), texts, 3, NULL, &l.report, &schema,
                                  &l.err) == QUIRE_SCHEMA);
    cr_assert_str_eq(language_message(&l), "Unknown type \"X\". Did you mean \"T\"?");
    cr_assert_str_eq(language_places(&l), "3:5");
}

Test(schema, wrappers__are_unique_and_compare)
{
    struct qr_gql_schema *schema =
        build("type Query { a: [Int!] b: [Int!] c: [Int] d: [Int!]! e: Int }");
    const struct qr_gql_field *fields = schema->roots[QR_GQL_QUERY]->fields;
    cr_assert_eq(fields[0].type, fields[1].type);
    cr_assert(qr_gql_type_is_subtype(fields[3].type, fields[2].type));
    cr_assert_not(qr_gql_type_is_subtype(fields[2].type, fields[3].type));
    cr_assert_not(qr_gql_type_is_subtype(fields[4].type, fields[2].type));
    struct qr_gql_ast_type *node;
    const struct qr_gql_type *type;
    cr_assert(qr_gql_parse_type(&l.arena, "[[Int!]]", 8, &l.report, &node, &l.err) == QUIRE_OK);
    cr_assert(qr_gql_type_from_ast(schema, &l.arena, node, &type, &l.err) == QUIRE_OK);
    cr_assert_eq(type->inner, fields[0].type);
    cr_assert(qr_gql_parse_type(&l.arena, "[No!]", 5, &l.report, &node, &l.err) == QUIRE_OK);
    cr_assert(qr_gql_type_from_ast(schema, &l.arena, node, &type, &l.err) == QUIRE_OK);
    cr_assert_null(type);
    qr_gql_schema_free(schema);
}

Test(schema, defaults__bring_in_the_defaults_they_need)
{
    struct qr_gql_schema *schema = build("type Query { f(a: A = {}): Int }\n"
                                         "input A { b: B = {y: null} n: Int }\n"
                                         "input B { x: Int = 7 y: A = {n: 1} }\n");
    const struct qr_gql_input *a =
        qr_gql_field_argument(&schema->roots[QR_GQL_QUERY]->fields[0], str("a"));
    struct qr_gql_buffer buffer;
    struct qr_gql_str out;
    cr_assert(a->has_default);
    qr_gql_buffer_init(&buffer, &l.arena, NULL);
    qr_gql_value_print(&buffer, &a->default_value);
    cr_assert(qr_gql_buffer_finish(&buffer, &out) == QUIRE_OK);
    cr_assert_str_eq(out.data, "{ b: { x: 7, y: null } }");
    qr_gql_schema_free(schema);
}

Test(schema, lookup__is_by_table_in_wide_types)
{
    struct qr_gql_buffer sdl;
    struct qr_gql_str text;
    qr_gql_buffer_init(&sdl, &l.arena, NULL);
    qr_gql_buffer_text(&sdl, "type Query { f(");
    for (int i = 0; i < 300; i++) {
        qr_gql_buffer_format(&sdl, "a%d: Int ", i);
    }
    qr_gql_buffer_text(&sdl, "): Int }");
    cr_assert(qr_gql_buffer_finish(&sdl, &text) == QUIRE_OK);
    struct qr_gql_schema *schema = build(text.data);
    const struct qr_gql_field *f = &schema->roots[QR_GQL_QUERY]->fields[0];
    cr_assert_eq(f->argument_count, 300);
    cr_assert_eq(qr_gql_field_argument(f, str("a299"))->index, 299);
    cr_assert_null(qr_gql_field_argument(f, str("a300")));
    qr_gql_schema_free(schema);
}

/* ---- checking ---- */

Test(schema, sdl_rules__find_names_twice)
{
    expect_problem("type Query { a: Int } type Query { b: Int }",
                   "There can be only one type named \"Query\".", "1:6 1:28");
    expect_problem("type Query { a: Int a: Int }", "Field \"Query.a\" can only be defined once.",
                   "1:14 1:21");
    expect_problem("type Query { a(x: Int, x: Int, x: Int): Int }",
                   "Argument \"Query.a(x:)\" can only be defined once.", "1:16 1:24 1:32");
    expect_problem("schema { query: Query query: Query } type Query { a: Int }",
                   "There can be only one query type in schema.", "1:10 1:23");
    expect_problem("type Query { a: Int @deprecated @deprecated }",
                   "The directive \"@deprecated\" can only be used once at this location.",
                   "1:21 1:33");
}

Test(schema, sdl_rules__find_unknown_names)
{
    expect_problem("type Query { a: Strng }", "Unknown type \"Strng\". Did you mean \"String\"?",
                   "1:17");
    expect_problem("type Query { a: Int @nope }", "Unknown directive \"@nope\".", "1:21");
    expect_problem("type Query @skip(if: true) { a: Int }",
                   "Directive \"@skip\" may not be used on OBJECT.", "1:12");
    expect_problem("type Query { a: Int } extend type Qery { b: Int }",
                   "Cannot extend type \"Qery\" because it is not defined. Did you mean \"Query\"?",
                   "1:35");
    expect_problem("type Query { a: Int } scalar S @specifiedBy",
                   "Argument \"@specifiedBy(url:)\" of type \"String!\" is required, but it was "
                   "not provided.",
                   "1:32");
}

Test(schema, sdl_rules__run_alone_by_name)
{
    const struct qr_gql_document *document = language_parse(&l, "type A { a: X a: Y }");
    struct qr_gql_str rule = str("UniqueFieldDefinitionNamesRule");
    cr_assert(qr_gql_sdl_validate(document->first, NULL, &rule, 1, &l.report, &l.err) == QUIRE_OK);
    cr_assert_eq(l.report.count, 1);
    rule = str("NoSuchRule");
    cr_assert(qr_gql_sdl_validate(document->first, NULL, &rule, 1, &l.report, &l.err) ==
              QUIRE_UNKNOWN_NAME);
}

Test(schema, check__finds_what_cannot_be)
{
    expect_problem("type T { a: Int }", "Query root type must be provided.", "");
    expect_problem("schema { query: Q mutation: Q } type Q { a: Int }",
                   "All root types must be different, \"Q\" type is used as query and mutation "
                   "root types.",
                   "1:17 1:29");
    expect_problem("type Query { __a: Int }",
                   "Name \"__a\" must not begin with \"__\", which is reserved by GraphQL "
                   "introspection.",
                   "1:14");
    expect_problem("type Query { a: I } input I { b: Int }",
                   "The type of Query.a must be Output Type but got: I.", "1:17");
    expect_problem("type Query { a(x: Query): Int }",
                   "The type of Query.a(x:) must be Input Type but got: Query.", "1:19");
    expect_problem("type Query { a(x: Int! @deprecated): Int }",
                   "Required argument Query.a(x:) cannot be deprecated.", "1:24 1:19");
    expect_problem("type Query { a: Int } union U = Int",
                   "Union type U can only include Object types, it cannot include Int.", "1:33");
    expect_problem("type Query", "Type Query must define one or more fields.", "1:1");
    expect_problem("type Query { a: Int @deprecated(reason: 1) }",
                   "Argument \"@deprecated(reason:)\" has invalid value: String cannot represent "
                   "a non string value: 1",
                   "1:41");
}

Test(schema, check__holds_types_to_their_interfaces)
{
    expect_problem("type Query implements I { a: Int } interface I { a: Int! b: Int }",
                   "Interface field I.a expects type Int! but Query.a is type Int.", "1:53 1:30");
    expect_problem("type Query implements I { a: Int } interface I { a(x: Int): Int }",
                   "Interface field argument I.a(x:) expected but Query.a does not provide it.",
                   "1:52 1:27");
    expect_problem("type Query implements I { a(x: Int!): Int } interface I { a: Int }",
                   "Argument \"Query.a(x:)\" must not be required type \"Int!\" if not provided by "
                   "the Interface field \"I.a\".",
                   "1:29 1:59");
    expect_problem("type Query implements I { a: Int } interface I implements J { a: Int }\n"
                   "interface J { a: Int }",
                   "Type Query must implement J because it is implemented by I.", "1:59 1:23");
    expect_problem("type Query implements I { a: Int @deprecated } interface I { a: Int }",
                   "Interface field I.a is not deprecated, so implementation field Query.a must "
                   "not be deprecated.",
                   "1:34 1:30");
    expect_problem("interface Query implements Query { a: Int } schema { query: T }\n"
                   "type T { a: Int }",
                   "Type Query cannot implement itself because it would create a circular "
                   "reference.",
                   "1:28");
    qr_gql_schema_free(build("type Query implements I { a(x: Int, y: Int): [T!]! }\n"
                             "interface I { a(x: Int): [I] }\n"
                             "type T implements I { a(x: Int): [Query] }"));
}

Test(schema, check__holds_default_values_to_their_types)
{
    expect_problem("type Query { a(x: Int = \"s\"): Int }",
                   "Query.a(x:) has invalid default value: Int cannot represent non-integer "
                   "value: \"s\"",
                   "1:25");
    expect_problem("type Query { a(x: I = {l: [1, B]}): Int } input I { l: [Int] }",
                   "Query.a(x:) has invalid default value at .l[1]: Int cannot represent "
                   "non-integer value: B",
                   "1:31");
    expect_problem("type Query { a(x: A): Int } input A { b: A = {} }",
                   "Invalid circular reference. The default value of Input Object field A.b "
                   "references itself.",
                   "1:46");
}

Test(schema, check__finds_inputs_without_end)
{
    expect_problem("type Query { a(x: A): Int } input A { b: B! } input B { c: Int a: A! }",
                   "Input Object A cannot be provided a finite value because it references "
                   "itself through fields: A.b, B.a.",
                   "1:39 1:64");
    qr_gql_schema_free(build("type Query { a(x: A): Int } input A { b: [A!]! c: A }"));
}

Test(schema, check__knows_one_of)
{
    expect_problem("type Query { a(x: A): Int } input A @oneOf { b: Int! }",
                   "OneOf input field A.b must be nullable.", "1:49");
    expect_problem("type Query { a(x: A): Int } input A @oneOf { b: Int = 1 }",
                   "OneOf input field A.b cannot have a default value.", "1:46");
    struct qr_gql_schema *schema = build("type Query { a(x: A): Int } input A @oneOf { b: Int }");
    cr_assert(qr_gql_schema_type(schema, str("A"))->one_of);
    qr_gql_schema_free(schema);
}

/* ---- hostile schemas ---- */

Test(schema, hostile__rings_chains_and_crowds_end)
{
    struct qr_gql_buffer sdl;
    struct qr_gql_str text;
    qr_gql_buffer_init(&sdl, &l.arena, NULL);
    qr_gql_buffer_text(&sdl, "type Query { a(x: I0): Int }");
    for (int i = 0; i < 20000; i++) {
        qr_gql_buffer_format(&sdl, " input I%d { n: I%d! d: I%d = {} }", i, (i + 1) % 20000,
                             (i + 1) % 20000);
    }
    cr_assert(qr_gql_buffer_finish(&sdl, &text) == QUIRE_OK);
    cr_assert_null(language_schema(&l, text.data));
    cr_assert(l.report.count > 0 && l.report.count <= 101);

    language_forget(&l);
    qr_gql_buffer_init(&sdl, &l.arena, NULL);
    qr_gql_buffer_text(&sdl, "directive @d repeatable on OBJECT type Query { a: Int }");
    for (int i = 0; i < 50000; i++) {
        qr_gql_buffer_text(&sdl, " extend type Query @d");
    }
    cr_assert(qr_gql_buffer_finish(&sdl, &text) == QUIRE_OK);
    qr_gql_schema_free(build(text.data));
}

Test(schema, hostile__problems_are_bounded)
{
    char *fields = language_repeat(" a: Nope", 10000);
    char *sdl = qr_gql_format(&l.arena, &l.err, "type Query {%s }", fields);
    cr_assert_null(language_schema(&l, sdl));
    cr_assert_eq(l.report.count, 101);
    cr_assert_str_eq(l.report.last->message.data,
                     "Too many validation errors, error limit reached. Validation aborted.");
    free(fields);
}

Test(schema, memory__may_end_anywhere)
{
    struct qr_gql_str sdl =
        str("type Query implements I { a(x: A = {}): [T!] } interface I { a: [T] }"
            "type T { u: U e: E } union U = T enum E { X Y } input A { b: Int = 1 c: A }"
            "directive @d(a: E = X) on FIELD extend type T { more: Int @deprecated }");
    struct failing_allocator failing;
    failing_allocator_init(&failing);
    quire_status status = QUIRE_NO_MEMORY;
    for (uint64_t n = 0; status != QUIRE_OK; n++) {
        quire_error err = QUIRE_ERROR_INIT;
        struct qr_gql_schema *schema;
        struct qr_gql_report report;
        struct qr_arena arena;
        qr_arena_init(&arena, &failing.allocator, 0);
        qr_gql_report_init(&report, &arena, 0, &err);
        failing_allocator_arm(&failing, n, true);
        status = qr_gql_schema_build(&failing.allocator, &sdl, 1, NULL, &report, &schema, &err);
        cr_assert((status == QUIRE_OK) == (schema != NULL));
        cr_assert(status == QUIRE_OK || status == QUIRE_NO_MEMORY, "%s", err.message);
        qr_gql_schema_free(schema);
        qr_arena_free(&arena);
        cr_assert(failing_allocator_is_clean(&failing));
        cr_assert_lt(n, 1000);
    }
}

/* ---- printing, extending, resolving, comparing ---- */

Test(schema, print__gives_sdl_that_builds_the_same)
{
    const char *sdl =
        "\"\"\"root\"\"\"\nschema {\n  query: Q\n}\n\n"
        "directive @d(a: Int = 1) repeatable on FIELD | OBJECT\n\n"
        "type Q implements N {\n  \"\"\"the id\"\"\"\n  id: ID!\n\n"
        "  \"\"\"\n  more\n  lines\n  \"\"\"\n"
        "  f(\n    \"\"\"arg\"\"\"\n    b: [E!] = [B, A]\n    a: Int\n  ): U @deprecated\n}\n\n"
        "interface N {\n  id: ID!\n}\n\n"
        "union U = Q\n\n"
        "enum E {\n  B\n  A @deprecated(reason: \"x\")\n}\n\n"
        "input I @oneOf {\n  a: Int\n}\n\n"
        "scalar S @specifiedBy(url: \"u\")";
    struct qr_gql_schema *schema = build(sdl);
    cr_assert_str_eq(printed(schema, false), sdl);
    qr_gql_schema_free(schema);
}

Test(schema, print__sorts_by_name)
{
    struct qr_gql_schema *schema =
        build("type Query { b10: Int b9(z: Int, a: Int): Int } enum E { B A } union U = T | Query "
              "type T { a: Int } directive @d on OBJECT | FIELD");
    cr_assert_str_eq(printed(schema, true),
                     "directive @d on FIELD | OBJECT\n\n"
                     "enum E {\n  A\n  B\n}\n\n"
                     "type Query {\n  b9(a: Int, z: Int): Int\n  b10: Int\n}\n\n"
                     "type T {\n  a: Int\n}\n\n"
                     "union U = Query | T");
    qr_gql_schema_free(schema);
}

Test(schema, extend__leaves_the_base_alone)
{
    struct qr_gql_schema *base = build("type Query { a: Int }"), *bigger;
    cr_assert(qr_gql_schema_extend(qr_allocator_default(), base,
                                   str("extend type Query { b: T } type T { c: Int }"), NULL,
                                   &l.report, &bigger, &l.err) == QUIRE_OK);
    cr_assert_str_eq(printed(base, false), "type Query {\n  a: Int\n}");
    qr_gql_schema_free(base);
    cr_assert_str_eq(printed(bigger, false),
                     "type Query {\n  a: Int\n  b: T\n}\n\ntype T {\n  c: Int\n}");
    struct qr_gql_schema *wrong;
    cr_assert(qr_gql_schema_extend(qr_allocator_default(), bigger, str("type T { d: Int }"), NULL,
                                   &l.report, &wrong, &l.err) == QUIRE_SCHEMA);
    cr_assert_null(wrong);
    cr_assert_str_eq(language_message(&l), "Type \"T\" already exists in the schema. It cannot "
                                           "also be defined in this type definition.");
    qr_gql_schema_free(bigger);
}

Test(schema, resolve__finds_elements_by_coordinate)
{
    struct qr_gql_schema *schema = build("type Query { a(x: Int): Int } enum E { A } input I { f: "
                                         "Int } directive @d(y: Int) on FIELD");
    static const struct {
        const char *coordinate;
        quire_status status;
        enum qr_gql_element_kind kind;
    } cases[] = {
        {"Query", QUIRE_OK, QR_GQL_ELEMENT_TYPE},
        {"Nope", QUIRE_OK, QR_GQL_ELEMENT_NONE},
        {"Query.a", QUIRE_OK, QR_GQL_ELEMENT_FIELD},
        {"Query.b", QUIRE_OK, QR_GQL_ELEMENT_NONE},
        {"Query.a(x:)", QUIRE_OK, QR_GQL_ELEMENT_FIELD_ARGUMENT},
        {"Query.a(y:)", QUIRE_OK, QR_GQL_ELEMENT_NONE},
        {"Query.b(x:)", QUIRE_UNKNOWN_NAME, QR_GQL_ELEMENT_NONE},
        {"E.A", QUIRE_OK, QR_GQL_ELEMENT_ENUM_VALUE},
        {"I.f", QUIRE_OK, QR_GQL_ELEMENT_INPUT_FIELD},
        {"Int.f", QUIRE_UNKNOWN_NAME, QR_GQL_ELEMENT_NONE},
        {"@d", QUIRE_OK, QR_GQL_ELEMENT_DIRECTIVE},
        {"@d(y:)", QUIRE_OK, QR_GQL_ELEMENT_DIRECTIVE_ARGUMENT},
        {"@e(y:)", QUIRE_UNKNOWN_NAME, QR_GQL_ELEMENT_NONE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct qr_gql_coordinate coordinate;
        struct qr_gql_element element;
        cr_assert(qr_gql_parse_coordinate(&l.arena, cases[i].coordinate,
                                          strlen(cases[i].coordinate), &l.report, &coordinate,
                                          &l.err) == QUIRE_OK);
        cr_expect_eq(qr_gql_schema_resolve(schema, &coordinate, &element, &l.err), cases[i].status);
        cr_expect_eq(element.kind, cases[i].kind, "%s", cases[i].coordinate);
    }
    qr_gql_schema_free(schema);
}

/* All changes as "TYPE: description", a line each. */
static const char *changes(const char *old_sdl, const char *new_sdl)
{
    struct qr_gql_schema *old = build(old_sdl), *current = build(new_sdl);
    struct qr_gql_change *change;
    struct qr_gql_buffer buffer;
    struct qr_gql_str out;
    cr_assert(qr_gql_schema_changes(&l.arena, old, current, &change, &l.err) == QUIRE_OK);
    qr_gql_buffer_init(&buffer, &l.arena, NULL);
    for (; change; change = change->next) {
        qr_gql_buffer_format(&buffer, "%s: %s\n", change->type, change->description);
    }
    (void)qr_gql_buffer_finish(&buffer, &out);
    qr_gql_schema_free(old);
    qr_gql_schema_free(current);
    return out.data;
}

Test(schema, changes__are_classed)
{
    cr_assert_str_eq(
        changes("type Query { a: Int b: Int! }", "type Query { a: Int! b: Int! c: Int }"), "");
    cr_assert_str_eq(changes("type Query { a: Int b: Int! }", "type Query { b: Int }"),
                     "FIELD_REMOVED: Field Query.a was removed.\n"
                     "FIELD_CHANGED_KIND: Field Query.b changed type from Int! to Int.\n");
    cr_assert_str_eq(
        changes("type Query { a(x: Int, y: I = {b: 1, a: 2}): E } enum E { A B } "
                "input I { a: Int b: Int }",
                "type Query { a(y: I = {a: 2, b: 1}, z: Int, w: Int!): E } enum E { B C } "
                "input I { a: Int b: Int c: Int }"),
        "ARG_REMOVED: Argument Query.a(x:) was removed.\n"
        "OPTIONAL_ARG_ADDED: An optional argument Query.a(z:) was added.\n"
        "REQUIRED_ARG_ADDED: A required argument Query.a(w:) was added.\n"
        "VALUE_ADDED_TO_ENUM: Enum value E.C was added.\n"
        "VALUE_REMOVED_FROM_ENUM: Enum value E.A was removed.\n"
        "OPTIONAL_INPUT_FIELD_ADDED: An optional field I.c was added.\n");
    cr_assert_str_eq(changes("type Query { a: Int } type T { b: Int } directive @d on FIELD",
                             "type Query { a: Int } union T = Query"),
                     "TYPE_CHANGED_KIND: T changed from an Object type to a Union type.\n"
                     "DIRECTIVE_REMOVED: Directive @d was removed.\n");
}

Test(schema, hostile__defaults_inside_defaults_end)
{
    /* Each input's default is a literal 190 deep that leaves the innermost field to the next. */
    char *open = language_repeat("{i:", 190), *close = language_repeat("}", 190);
    struct qr_gql_buffer sdl;
    struct qr_gql_str text;
    qr_gql_buffer_init(&sdl, &l.arena, NULL);
    qr_gql_buffer_text(&sdl, "type Query { a(x: I0): Int }");
    for (int i = 0; i < 300; i++) {
        qr_gql_buffer_format(&sdl, " input I%d { i: I%d n: I%d = %s{}%s }", i, i, i + 1, open,
                             close);
    }
    qr_gql_buffer_text(&sdl, " input I300 { i: I300 }");
    cr_assert(qr_gql_buffer_finish(&sdl, &text) == QUIRE_OK);
    cr_assert_null(language_schema(&l, text.data));
    cr_assert_str_eq(language_message(&l), "Default values are nested deeper than 250 in others.");
    free(open);
    free(close);
}

Test(schema, problems__outlive_the_schema_that_failed)
{
    struct qr_gql_schema *base = build("type Query { a: Int }"), *schema;
    cr_assert(qr_gql_schema_extend(qr_allocator_default(), base, str("type T { a: \"x\" }"), NULL,
                                   &l.report, &schema, &l.err) == QUIRE_SYNTAX);
    cr_assert_null(schema);
    cr_assert_str_eq(language_message(&l), "Syntax Error: Expected Name, found String \"x\".");
    language_forget(&l);
    cr_assert_null(language_schema(&l, "type Query { a(x: Int = \"s\", y: [Int] = [A]): Nope }"));
    cr_assert_str_eq(language_message(&l), "Unknown type \"Nope\".");
    language_forget(&l);
    cr_assert_null(language_schema(&l, "type Query { a(x: [Int] = [A]): Int }"));
    cr_assert_str_eq(language_message(&l), "Query.a(x:) has invalid default value at [0]: Int "
                                           "cannot represent non-integer value: A");
    qr_gql_schema_free(base);
}
