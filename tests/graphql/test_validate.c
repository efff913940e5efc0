/*
 * Validation: each rule finds its fault and says where, and hostile documents
 * cost no more steps than documents of their size may.
 */
#include "tests/graphql/request_fixture.h"

#include <stdio.h>
#include <stdlib.h>

static const char sdl[] =
    "type Query { a: Query n: Int s: String l: [Query!] f(x: Int, y: [Int!], z: In): Int "
    "  need(x: Int!): Int pet: Pet node: Node dogs: [Dog] one(v: One): Int e(c: Color): Int } "
    "type Mutation { m: Int } "
    "type Subscription { x: Int y: Int } "
    "interface Node { id: ID! } "
    "union Pet = Cat | Dog "
    "type Cat implements Node { id: ID! name: String meow: Int v: Int } "
    "type Dog implements Node { id: ID! name: String bark: Int v: String } "
    "input In { i: In v: Int } "
    "input One @oneOf { a: Int b: String } "
    "enum Color { RED GREEN } "
    "directive @tag(k: Int!) on FIELD "
    "directive @many repeatable on FIELD";

static void assert_problems(const char *rule, const char *query, const char *expected)
{
    struct bench bench;
    bench_open(&bench, sdl);
    quire_status status = bench_validate(&bench, query, rule, NULL);
    cr_expect_str_eq(bench_problems(&bench), expected, "%s\n%s", query, bench_problems(&bench));
    cr_expect_eq(status, *expected ? QUIRE_QUERY : QUIRE_OK);
    bench_close(&bench);
}

/* ---- each rule ---- */

Test(validate, definitions__must_be_executable)
{
    assert_problems("ExecutableDefinitionsRule", "{ n } type T { a: Int } extend schema @x",
                    "The \"T\" definition is not executable. @1:7\n"
                    "The schema definition is not executable. @1:25");
}

Test(validate, operations__are_unique_known_and_alone_when_anonymous)
{
    assert_problems("UniqueOperationNamesRule", "query A { n } query A { n }",
                    "There can be only one operation named \"A\". @1:7 @1:21");
    assert_problems("LoneAnonymousOperationRule", "{ n } query A { n }",
                    "This anonymous operation must be the only defined operation. @1:1");
    struct bench bench;
    bench_open(&bench, "type Query { a: Int }");
    cr_assert_eq(bench_validate(&bench, "mutation { a }", "KnownOperationTypesRule", NULL),
                 QUIRE_QUERY);
    cr_assert_str_eq(bench_problems(&bench),
                     "The mutation operation is not supported by the schema. @1:1");
    bench_close(&bench);
}

Test(validate, fields__exist_with_fitting_selections)
{
    assert_problems("FieldsOnCorrectTypeRule", "{ nn pet { name } }",
                    "Cannot query field \"nn\" on type \"Query\". Did you mean \"n\"? @1:3\n"
                    "Cannot query field \"name\" on type \"Pet\". Did you mean to use an inline "
                    "fragment on \"Cat\" or \"Dog\"? @1:12");
    assert_problems("ScalarLeafsRule", "{ n { x } a }",
                    "Field \"n\" must not have a selection since type \"Int\" has no subfields. "
                    "@1:5\nField \"a\" of type \"Query\" must have a selection of subfields. Did "
                    "you mean \"a { ... }\"? @1:11");
}

Test(validate, arguments__are_known_given_and_unique)
{
    assert_problems("KnownArgumentNamesRule", "{ f(xx: 1) @tag(q: 1) }",
                    "Unknown argument \"xx\" on field \"Query.f\". Did you mean \"x\"? @1:5\n"
                    "Unknown argument \"q\" on directive \"@tag\". Did you mean \"k\"? @1:17");
    assert_problems("ProvidedRequiredArgumentsRule", "{ need n @tag }",
                    "Argument \"Query.need(x:)\" of type \"Int!\" is required, but it was not "
                    "provided. @1:3\nArgument \"@tag(k:)\" of type \"Int!\" is required, but it "
                    "was not provided. @1:10");
    assert_problems("UniqueArgumentNamesRule", "{ f(x: 1, x: 2, x: 3) }",
                    "There can be only one argument named \"x\". @1:5 @1:11 @1:17");
    assert_problems("UniqueInputFieldNamesRule", "{ f(z: {v: 1, v: 2}) }",
                    "There can be only one input field named \"v\". @1:9 @1:15");
}

Test(validate, directives__are_known_in_place_and_unique)
{
    assert_problems("KnownDirectivesRule", "query @tag(k: 1) { n @nope }",
                    "Directive \"@tag\" may not be used on QUERY. @1:7\n"
                    "Unknown directive \"@nope\". @1:22");
    assert_problems("UniqueDirectivesPerLocationRule", "{ n @tag(k: 1) @many @many @tag(k: 2) }",
                    "The directive \"@tag\" can only be used once at this location. @1:5 @1:28");
}

Test(validate, fragments__are_known_used_acyclic_and_possible)
{
    assert_problems("KnownFragmentNamesRule", "{ ...F }", "Unknown fragment \"F\". @1:6");
    assert_problems("UniqueFragmentNamesRule",
                    "{ ...F } fragment F on Query { n } fragment F on Query { n }",
                    "There can be only one fragment named \"F\". @1:19 @1:45");
    assert_problems("NoUnusedFragmentsRule", "{ n } fragment F on Query { n }",
                    "Fragment \"F\" is never used. @1:7");
    assert_problems("NoFragmentCyclesRule",
                    "fragment A on Query { ...B } fragment B on Query { a { ...A } }",
                    "Cannot spread fragment \"A\" within itself via \"B\". @1:23 @1:56");
    assert_problems("FragmentsOnCompositeTypesRule",
                    "{ ... on Color { x } } fragment F on In { v }",
                    "Fragment \"F\" cannot condition on non composite type \"In\". @1:38\n"
                    "Fragment cannot condition on non composite type \"Color\". @1:10");
    assert_problems(
        "PossibleFragmentSpreadsRule", "{ pet { ... on Query { n } ... on Node { id } } }",
        "Fragment cannot be spread here as objects of type \"Pet\" can never be of type "
        "\"Query\". @1:9");
    assert_problems("KnownTypeNamesRule", "query ($a: Itn) { ... on Dogg { v } }",
                    "Unknown type \"Itn\". Did you mean \"In\", \"Int\", or \"ID\"? @1:12\n"
                    "Unknown type \"Dogg\". Did you mean \"Dog\"? @1:26");
}

Test(validate, variables__are_unique_input_defined_and_used)
{
    assert_problems("UniqueVariableNamesRule", "query ($a: Int, $a: Int) { n }",
                    "There can be only one variable named \"$a\". @1:9 @1:18");
    assert_problems("VariablesAreInputTypesRule", "query ($a: [Query!]) { n }",
                    "Variable \"$a\" cannot be non-input type \"[Query!]\". @1:12");
    assert_problems("NoUndefinedVariablesRule", "query A { ...F } fragment F on Query { f(x: $v) }",
                    "Variable \"$v\" is not defined by operation \"A\". @1:45 @1:1");
    assert_problems("NoUnusedVariablesRule",
                    "query ($a: Int, $b: Int) { ...F } "
                    "fragment F on Query { f(y: [$b]) }",
                    "Variable \"$a\" is never used. @1:8");
}

Test(validate, variables__fit_where_they_stand)
{
    const char *rule = "VariablesInAllowedPositionRule";
    assert_problems(rule, "query ($v: String) { f(x: $v) }",
                    "Variable \"$v\" of type \"String\" used in position expecting type \"Int\". "
                    "@1:8 @1:27");
    assert_problems(rule, "query ($v: Int) { need(x: $v) }",
                    "Variable \"$v\" of type \"Int\" used in position expecting type \"Int!\". "
                    "@1:8 @1:27");
    assert_problems(rule, "query ($v: Int = 1) { need(x: $v) }", "");
    assert_problems(rule, "query ($v: Int) { f(y: [$v]) }",
                    "Variable \"$v\" of type \"Int\" used in position expecting type \"Int!\". "
                    "@1:8 @1:25");
    assert_problems(rule, "query ($v: Int) { one(v: {a: $v}) }",
                    "Variable \"$v\" is of type \"Int\" but must be non-nullable to be used for "
                    "OneOf Input Object \"One\". @1:8 @1:30");
    assert_problems(rule, "query ($v: Int!) { one(v: {a: $v}) }", "");
}

Test(validate, literals__fit_their_types)
{
    assert_problems("ValuesOfCorrectTypeRule",
                    "{ f(x: \"1\", y: [1, null]) e(c: BLUE) one(v: {}) }",
                    "Int cannot represent non-integer value: \"1\" @1:8\n"
                    "Expected value of non-null type \"Int!\" not to be null. @1:20\n"
                    "Value \"BLUE\" does not exist in \"Color\" enum. @1:32\n"
                    "Within OneOf Input Object type \"One\", exactly one field must be specified, "
                    "and the value for that field must be non-null. @1:45");
}

Test(validate, subscriptions__have_one_plain_root_field)
{
    const char *rule = "SingleFieldSubscriptionsRule";
    assert_problems(rule, "subscription S { x ...F } fragment F on Subscription { y }",
                    "Subscription \"S\" must select only one top level field. @1:56");
    assert_problems(rule, "subscription { __typename }",
                    "Anonymous Subscription must not select an introspection top level field. "
                    "@1:16");
    assert_problems(rule, "subscription { x @skip(if: true) }",
                    "Anonymous Subscription must not use `@skip` or `@include` directives in the "
                    "top level selection. @1:18");
    assert_problems(rule, "subscription { x x: x }", "");
}

Test(validate, introspection__is_bounded_and_may_be_refused)
{
    assert_problems("MaxIntrospectionDepthRule",
                    "{ __schema { types { fields { type { fields { type { fields { name } } } } } "
                    "} } }",
                    "Maximum introspection depth exceeded @1:3");
    assert_problems("MaxIntrospectionDepthRule",
                    "{ __schema { ...A } } fragment A on __Schema { types { ...B } } "
                    "fragment B on __Type { fields { type { ...B } } }",
                    "");
    assert_problems("NoSchemaIntrospectionCustomRule",
                    "{ __typename x: __type(name: \"T\") { name } }",
                    "GraphQL introspection has been disabled, but the requested query contained "
                    "the field \"__type\". @1:14");
}

Test(validate, deprecated__is_told_when_asked)
{
    struct bench bench;
    bench_open(&bench, "type Query { f(x: Int @deprecated(reason: \"y\"), i: In, c: [C]): Int "
                       "old: Int @deprecated } input In { k: Int @deprecated(reason: \"k2\") } "
                       "enum C { RED @deprecated(reason: \"BLUE\") BLUE }");
    const char *query = "{ f(x: 1, i: {k: 1}, c: [BLUE, RED]) old }";
    cr_assert_eq(bench_validate(&bench, query, NULL, NULL), QUIRE_OK);
    cr_assert_eq(bench_validate(&bench, query, "NoDeprecatedCustomRule", NULL), QUIRE_QUERY);
    cr_expect_str_eq(bench_problems(&bench),
                     "The argument \"Query.f(x:)\" is deprecated. y @1:5\n"
                     "The input field In.k is deprecated. k2 @1:15\n"
                     "The enum value \"C.RED\" is deprecated. BLUE @1:32\n"
                     "The field Query.old is deprecated. No longer supported @1:38");
    bench_close(&bench);
}

/* ---- overlapping fields ---- */

Test(validate, overlap__finds_conflicts_at_any_distance)
{
    const char *rule = "OverlappingFieldsCanBeMergedRule";
    assert_problems(rule, "{ x: n x: s }",
                    "Fields \"x\" conflict because \"n\" and \"s\" are different fields. Use "
                    "different aliases on the fields to fetch both if this was intentional. @1:3 "
                    "@1:8");
    assert_problems(rule, "{ f(x: 1) f(x: 2) }",
                    "Fields \"f\" conflict because they have differing arguments. Use different "
                    "aliases on the fields to fetch both if this was intentional. @1:3 @1:11");
    assert_problems(rule, "{ f(z: {v: 1, i: {v: 2}}) f(z: {i: {v: 2}, v: 1}) }", "");
    assert_problems(rule,
                    "{ a { x: n } ...F } fragment F on Query { a { ...G } } "
                    "fragment G on Query { x: s }",
                    "Fields \"a\" conflict because subfields \"x\" conflict because \"n\" and "
                    "\"s\" are different fields. Use different aliases on the fields to fetch "
                    "both if this was intentional. @1:3 @1:7 @1:43 @1:78");
    assert_problems(rule, "{ pet { ... on Cat { v } ... on Dog { v } } }",
                    "Fields \"v\" conflict because they return conflicting types \"Int\" and "
                    "\"String\". Use different aliases on the fields to fetch both if this was "
                    "intentional. @1:22 @1:39");
    assert_problems(rule, "{ pet { ... on Cat { x: name } ... on Dog { x: name } } }", "");
}

Test(validate, overlap__names_each_pair_once)
{
    assert_problems("OverlappingFieldsCanBeMergedRule",
                    "{ ... { ... on Query { x: n x: n x: s } } }",
                    "Fields \"x\" conflict because \"n\" and \"s\" are different fields. Use "
                    "different aliases on the fields to fetch both if this was intentional. @1:24 "
                    "@1:34\n"
                    "Fields \"x\" conflict because \"n\" and \"s\" are different fields. Use "
                    "different aliases on the fields to fetch both if this was intentional. @1:29 "
                    "@1:34");
}

/* ---- hostile documents ---- */

static void assert_cheap(const char *query, quire_status expected, uint64_t steps_max)
{
    struct bench bench;
    uint64_t steps = 0;
    bench_open(&bench, sdl);
    quire_status status = bench_validate(&bench, query, NULL, &steps);
    cr_assert_eq(status, expected, "%.200s", bench_problems(&bench));
    cr_assert_leq(steps, steps_max, "%llu steps", (unsigned long long)steps);
    bench_close(&bench);
}

static char *wrapped(const char *before, char *middle, const char *after)
{
    size_t size = strlen(before) + strlen(middle) + strlen(after) + 1;
    char *out = malloc(size);
    cr_assert_not_null(out);
    (void)snprintf(out, size, "%s%s%s", before, middle, after);
    free(middle);
    return out;
}

Test(validate_hostile, repeated_fields__cost_a_step_each)
{
    char *query = wrapped("{", repeated(" n", 10000), "}");
    assert_cheap(query, QUIRE_OK, 10100);
    free(query);
}

Test(validate_hostile, repeated_fields_with_selections__cost_linear_steps)
{
    char *query = wrapped("{", repeated(" a{n b:f(x: 1) ... on Query {s}}", 10000), "}");
    assert_cheap(query, QUIRE_OK, 100000);
    free(query);
}

Test(validate_hostile, differing_fields_with_selections__cost_linear_steps)
{
    struct qr_arena arena;
    struct qr_gql_buffer text;
    struct qr_gql_str query;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    qr_gql_buffer_init(&text, &arena, NULL);
    for (int i = 0; i < 10000; i++) {
        qr_gql_buffer_format(&text, "%s a{x%d:n}", i ? "" : "{", i);
    }
    qr_gql_buffer_text(&text, "}");
    cr_assert_eq(qr_gql_buffer_finish(&text, &query), QUIRE_OK);
    assert_cheap(query.data, QUIRE_OK, 50000);
    qr_arena_free(&arena);
}

/* 200 inline fragments of 100 fields each: 20,000 fields under 100 names. */
Test(validate_hostile, inline_fragments__are_compared_once_a_name)
{
    struct qr_arena arena;
    struct qr_gql_buffer text;
    struct qr_gql_str query;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    qr_gql_buffer_init(&text, &arena, NULL);
    qr_gql_buffer_text(&text, "{");
    for (int i = 0; i < 200; i++) {
        qr_gql_buffer_text(&text, "... on Query {");
        for (int k = 0; k < 100; k++) {
            qr_gql_buffer_format(&text, " f%d: n", k);
        }
        qr_gql_buffer_text(&text, "}");
    }
    qr_gql_buffer_text(&text, "}");
    cr_assert_eq(qr_gql_buffer_finish(&text, &query), QUIRE_OK);
    assert_cheap(query.data, QUIRE_OK, 20100);
    qr_arena_free(&arena);
}

Test(validate_hostile, conflicting_fields__fill_the_report_and_stop)
{
    struct qr_arena arena;
    struct qr_gql_buffer text;
    struct qr_gql_str query;
    struct bench bench;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    qr_gql_buffer_init(&text, &arena, NULL);
    for (int i = 0; i < 3000; i++) {
        qr_gql_buffer_format(&text, "%s n: f(x: %d)", i ? "" : "{", i);
    }
    qr_gql_buffer_text(&text, "}");
    cr_assert_eq(qr_gql_buffer_finish(&text, &query), QUIRE_OK);
    bench_open(&bench, sdl);
    uint64_t steps = 0;
    cr_assert_eq(bench_validate(&bench, query.data, NULL, &steps), QUIRE_QUERY);
    cr_assert_leq(bench.report.count, QR_GQL_PROBLEMS_MAX_DEFAULT + 1);
    cr_assert_lt(steps, 20000);
    bench_close(&bench);
    qr_arena_free(&arena);
}

/* Fragments that each spread the next twice: 2 to the 30th fields if expanded. */
static struct qr_gql_str fan_out(struct qr_arena *arena, int depth, bool used)
{
    struct qr_gql_buffer text;
    struct qr_gql_str out;
    qr_gql_buffer_init(&text, arena, NULL);
    qr_gql_buffer_text(&text, used ? "{ ...F0 }\n" : "{ n }\n");
    for (int i = 0; i + 1 < depth; i++) {
        qr_gql_buffer_format(&text, "fragment F%d on Query { a { ...F%d } b: a { ...F%d } }\n", i,
                             i + 1, i + 1);
    }
    qr_gql_buffer_format(&text, "fragment F%d on Query { n }\n", depth - 1);
    cr_assert_eq(qr_gql_buffer_finish(&text, &out), QUIRE_OK);
    return out;
}

Test(validate_hostile, doubling_fragments__cost_linear_steps)
{
    struct qr_arena arena;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    assert_cheap(fan_out(&arena, 30, true).data, QUIRE_OK, 2000);
    assert_cheap(fan_out(&arena, 30, false).data, QUIRE_QUERY, 2000);
    qr_arena_free(&arena);
}

Test(validate_hostile, fragment_chains_and_cycles__cost_linear_steps)
{
    struct qr_arena arena;
    struct qr_gql_buffer text;
    struct qr_gql_str query;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    for (int cyclic = 0; cyclic < 2; cyclic++) {
        qr_gql_buffer_init(&text, &arena, NULL);
        qr_gql_buffer_text(&text, "{ ...F0 }\n");
        for (int i = 0; i < 3000; i++) {
            int next = cyclic ? (i + 1) % 3000 : i + 1;
            qr_gql_buffer_format(&text,
                                 next < 3000 ? "fragment F%d on Query { a { n ...F%d } }\n"
                                             : "fragment F%d on Query { n }\n",
                                 i, next);
        }
        cr_assert_eq(qr_gql_buffer_finish(&text, &query), QUIRE_OK);
        assert_cheap(query.data, cyclic ? QUIRE_QUERY : QUIRE_OK, 100000);
    }
    assert_cheap("{ ...F } fragment F on Query { ...F n }", QUIRE_QUERY, 1000);
    qr_arena_free(&arena);
}

/* The same response name at each level of two chains: what meets goes as deep as they do. */
Test(validate_hostile, deep_comparisons__cost_linear_steps)
{
    struct qr_arena arena;
    struct qr_gql_buffer text;
    struct qr_gql_str query;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    qr_gql_buffer_init(&text, &arena, NULL);
    qr_gql_buffer_text(&text, "{ ...F0 ...G0 }\n");
    for (int i = 0; i < 2000; i++) {
        for (const char *name = "FG"; *name; name++) {
            qr_gql_buffer_format(&text,
                                 i < 1999 ? "fragment %c%d on Query { a { n ...%c%d } }\n"
                                          : "fragment %c%d on Query { n }\n",
                                 *name, i, *name, i + 1);
        }
    }
    cr_assert_eq(qr_gql_buffer_finish(&text, &query), QUIRE_OK);
    assert_cheap(query.data, QUIRE_OK, 50000);
    qr_arena_free(&arena);
}

/* The pairs before the one that differs are more than are looked at. */
Test(validate_hostile, a_conflict_that_is_far_away__is_named)
{
    struct bench bench;
    char *query = wrapped("{", repeated(" a{n}", 20000), " x: n x: s}");
    bench_open(&bench, sdl);
    cr_assert_eq(bench_validate(&bench, query, NULL, NULL), QUIRE_QUERY);
    cr_expect_str_eq(bench_problems(&bench),
                     "Fields \"x\" conflict because \"n\" and \"s\" are different fields. Use "
                     "different aliases on the fields to fetch both if this was intentional. "
                     "@1:100003 @1:100008");
    bench_close(&bench);
    free(query);
}

Test(validate_hostile, unknown_fields__stop_at_the_problem_limit)
{
    struct bench bench;
    char *query = wrapped("{", repeated(" unknown", 10000), "}");
    bench_open(&bench, sdl);
    cr_assert_eq(bench_validate(&bench, query, NULL, NULL), QUIRE_QUERY);
    cr_assert_eq(bench.report.count, QR_GQL_PROBLEMS_MAX_DEFAULT + 1);
    cr_assert(qr_gql_str_is(bench.report.last->message,
                            "Too many validation errors, error limit reached. Validation "
                            "aborted."));
    bench_close(&bench);
    free(query);
}

Test(validate_hostile, many_operations_over_many_fragments__end_at_the_step_limit)
{
    struct qr_arena arena;
    struct qr_gql_buffer text;
    struct qr_gql_str query;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    qr_gql_buffer_init(&text, &arena, NULL);
    for (int i = 0; i < 2000; i++) {
        qr_gql_buffer_format(&text, "query Q%d { ...F0 }\nfragment F%d on Query { n %s%.0d }\n", i,
                             i, i + 1 < 2000 ? "...F" : "", i + 1 < 2000 ? i + 1 : 0);
    }
    cr_assert_eq(qr_gql_buffer_finish(&text, &query), QUIRE_OK);
    assert_cheap(query.data, QUIRE_QUERY, QR_GQL_VALIDATE_STEPS_MAX + 1000);
    qr_arena_free(&arena);
}

Test(validate_hostile, messages_and_places__are_cut)
{
    struct bench bench;
    bench_open(&bench, sdl);
    char *query = wrapped("{f(z:{", repeated("q:1 ", 20000), "})}");
    cr_assert_eq(bench_validate(&bench, query, NULL, NULL), QUIRE_QUERY);
    for (const struct qr_gql_problem *p = bench.report.first; p; p = p->next) {
        cr_assert_leq(p->message.size, QR_GQL_MESSAGE_BYTES_MAX);
        cr_assert_eq(p->message.size, strlen(p->message.data));
    }
    free(query);
    query = wrapped("{f(", repeated("q:1 ", 20000), ")}");
    cr_assert_eq(bench_validate(&bench, query, "UniqueArgumentNamesRule", NULL), QUIRE_QUERY);
    cr_assert_eq(bench.report.first->location_count, QR_GQL_PLACES_MAX);
    free(query);
    bench_close(&bench);
}

Test(validate, rules__unknown_ones_are_refused)
{
    struct bench bench;
    bench_open(&bench, sdl);
    cr_assert_eq(bench_validate(&bench, "{ n }", "NoSuchRule", NULL), QUIRE_UNKNOWN_NAME);
    bench_close(&bench);
}

Test(validate, suggestions__can_be_left_out)
{
    struct bench bench;
    bench_open(&bench, sdl);
    cr_assert_eq(bench_parse(&bench, "{ nn pet { name } f(xx: 1) ... on Dogg { v } }"), QUIRE_OK);
    struct qr_gql_validate_options options = {.no_suggestions = true};
    cr_assert_eq(qr_gql_validate(bench.schema, bench.document, &options, &bench.arena,
                                 &bench.report, &bench.err),
                 QUIRE_QUERY);
    cr_assert_eq(bench.report.count, 4);
    cr_assert_null(strstr(bench_problems(&bench), "Did you mean"));
    bench_close(&bench);
}
