/*
 * Execution over JSON roots and over a source of the test's own: collection,
 * coercion, null propagation, errors, introspection, subscriptions, limits,
 * and memory that runs out.
 */
#include "tests/graphql/request_fixture.h"

#include <stdlib.h>

#include "graphql/json_read.h"
#include "tests/support/failing_allocator.h"

static const char sdl[] =
    "type Query { a: A aN: A! l: [A] lN: [A!] n: Int s: String any: Any f(x: Int, y: Int! = 7): "
    "Int "
    "  pick(v: One): Int node: Node c: Color id: ID b: Boolean d: Float deep: [[Int!]] } "
    "type Mutation { one: Int two: Int! three: Int } "
    "type Subscription { tick(from: Int!): Int } "
    "interface Node { id: ID! } "
    "type A implements Node { id: ID! n: Int nN: Int! a: A aN: A! } "
    "type B implements Node { id: ID! s: String } "
    "scalar Any "
    "enum Color { RED GREEN } "
    "input One @oneOf { a: Int b: String }";

static void assert_response(const char *query, const char *variables, const char *root,
                            const char *expected)
{
    struct bench bench;
    bench_open(&bench, sdl);
    const char *response = bench_execute(&bench, query, variables, root);
    cr_expect_str_eq(response, expected, "%s\n%s", query, response);
    bench_close(&bench);
}

/* ---- fields ---- */

Test(execute, fields__come_merged_in_the_order_of_the_request)
{
    assert_response("{ s a { n } n x: n ...F a { id } } fragment F on Query { a { a { n } } s }",
                    "{}", "{\"s\":\"t\",\"n\":1,\"a\":{\"n\":2,\"id\":3,\"a\":{\"n\":4}}}",
                    "{\"data\":{\"s\":\"t\",\"a\":{\"n\":2,\"a\":{\"n\":4},\"id\":\"3\"},"
                    "\"n\":1,\"x\":1}}");
}

Test(execute, conditions__leave_fields_out)
{
    const char *query = "query ($t: Boolean!, $f: Boolean = false) { a: n @skip(if: $t) "
                        "b: n @include(if: $t) ... @include(if: $f) { c: n } "
                        "d: n @skip(if: $f) @include(if: $t) }";
    assert_response(query, "{\"t\":true}", "{\"n\":1}", "{\"data\":{\"b\":1,\"d\":1}}");
    assert_response(query, "{\"t\":false}", "{\"n\":1}", "{\"data\":{\"a\":1}}");
}

Test(execute, conditions__without_value_fail_the_request)
{
    assert_response("query ($f: Boolean = false) { n @skip(if: $f) }", "{\"f\":null}", "{\"n\":1}",
                    "{\"data\":null,\"errors\":[{\"message\":\"Argument \\\"@skip(if:)\\\" has "
                    "invalid value: Expected variable \\\"$f\\\" provided to non-null type "
                    "\\\"Boolean!\\\" not to be null.\",\"locations\":[{\"line\":1,\"column\":43}]"
                    "}]}");
}

Test(execute, abstract_types__are_resolved_by_name)
{
    const char *query = "{ node { __typename id ... on B { s } ... on A { n } } }";
    assert_response(query, "{}", "{\"node\":{\"__typename\":\"B\",\"id\":\"1\",\"s\":\"x\"}}",
                    "{\"data\":{\"node\":{\"__typename\":\"B\",\"id\":\"1\",\"s\":\"x\"}}}");
    assert_response(query, "{}", "{\"node\":{\"__typename\":\"Query\"}}",
                    "{\"data\":{\"node\":null},\"errors\":[{\"message\":\"Runtime Object type "
                    "\\\"Query\\\" is not a possible type for \\\"Node\\\".\",\"locations\":"
                    "[{\"line\":1,\"column\":3}],\"path\":[\"node\"]}]}");
}

/* ---- nulls ---- */

Test(execute, nulls__rise_to_the_nearest_nullable_place)
{
    assert_response("{ n l { a { nN } n } s }", "{}",
                    "{\"n\":1,\"s\":\"t\",\"l\":[{\"n\":1,\"a\":{\"nN\":null}},{\"n\":2,\"a\":"
                    "{\"nN\":5}}]}",
                    "{\"data\":{\"n\":1,\"l\":[{\"a\":null,\"n\":1},{\"a\":{\"nN\":5},\"n\":2}],"
                    "\"s\":\"t\"},\"errors\":[{\"message\":\"Cannot return null for non-nullable "
                    "field A.nN.\",\"locations\":[{\"line\":1,\"column\":13}],\"path\":[\"l\",0,"
                    "\"a\",\"nN\"]}]}");
    assert_response("{ lN { aN { nN } } n }", "{}",
                    "{\"n\":1,\"lN\":[{\"aN\":{\"nN\":1}},{\"aN\":{}}]}",
                    "{\"data\":{\"lN\":null,\"n\":1},\"errors\":[{\"message\":\"Cannot return null "
                    "for non-nullable field A.nN.\",\"locations\":[{\"line\":1,\"column\":13}],"
                    "\"path\":[\"lN\",1,\"aN\",\"nN\"]}]}");
}

Test(execute, nulls__that_reach_the_root_leave_no_data)
{
    assert_response("{ n aN { nN } }", "{}", "{\"n\":1,\"aN\":{}}",
                    "{\"data\":null,\"errors\":[{\"message\":\"Cannot return null for non-nullable "
                    "field A.nN.\",\"locations\":[{\"line\":1,\"column\":10}],\"path\":[\"aN\","
                    "\"nN\"]}]}");
}

Test(execute, lists__nest_and_complain_about_what_is_none)
{
    assert_response("{ deep }", "{}", "{\"deep\":[[1,2],null,[],[3,null]]}",
                    "{\"data\":{\"deep\":[[1,2],null,[],null]},\"errors\":[{\"message\":\"Cannot "
                    "return null for non-nullable field Query.deep.\",\"locations\":[{\"line\":1,"
                    "\"column\":3}],\"path\":[\"deep\",3,1]}]}");
    assert_response("{ deep }", "{}", "{\"deep\":5}",
                    "{\"data\":{\"deep\":null},\"errors\":[{\"message\":\"Expected Iterable, but "
                    "did not find one for field \\\"Query.deep\\\".\",\"locations\":[{\"line\":1,"
                    "\"column\":3}],\"path\":[\"deep\"]}]}");
}

/* ---- values ---- */

Test(execute, leaves__are_coerced_to_their_types)
{
    assert_response("{ n s any c id b d }", "{}",
                    "{\"n\":2147483647,\"s\":true,\"any\":{\"k\":[1.50,\"x\",null]},\"c\":\"RED\","
                    "\"id\":12345678901234567890,\"b\":0,\"d\":1}",
                    "{\"data\":{\"n\":2147483647,\"s\":\"true\",\"any\":{\"k\":[1.50,\"x\",null]},"
                    "\"c\":\"RED\",\"id\":\"12345678901234567890\",\"b\":false,\"d\":1}}");
    assert_response("{ n }", "{}", "{\"n\":2147483648}",
                    "{\"data\":{\"n\":null},\"errors\":[{\"message\":\"Int cannot represent non "
                    "32-bit signed integer value: 2147483648\",\"locations\":[{\"line\":1,"
                    "\"column\":3}],\"path\":[\"n\"]}]}");
    assert_response("{ c }", "{}", "{\"c\":\"BLUE\"}",
                    "{\"data\":{\"c\":null},\"errors\":[{\"message\":\"Enum \\\"Color\\\" cannot "
                    "represent value: \\\"BLUE\\\"\",\"locations\":[{\"line\":1,\"column\":3}],"
                    "\"path\":[\"c\"]}]}");
}

Test(execute, variables__are_refused_with_the_place_inside_them)
{
    assert_response("query ($v: [One!]! ) { n pick(v: {a: 1}) @include(if: true) x: n s any "
                    "... @skip(if: false) { y: n } l { n } f(x: 1) z: pick(v: null) }",
                    "{\"v\":[{\"a\":1},{\"a\":null},{\"a\":1,\"b\":\"x\"},{\"c\":1},null]}", "{}",
                    "Variable \"$v\" is never used. @1:8");
    struct bench bench;
    bench_open(&bench, "type Query { f(v: [In!]): Int } input In { k: Int! m: [Int!] = [1] }");
    const char *query = "query ($v: [In!]) { f(v: $v) }";
    cr_expect_str_eq(bench_execute(&bench, query,
                                   "{\"v\":[{\"k\":1},{\"k\":\"x\"},{},{\"k\":1,\"kk\":2},"
                                   "{\"k\":1,\"m\":[1,null]},null]}",
                                   "{}"),
                     "Variable \"$v\" has invalid value at [1].k: Int cannot represent non-integer "
                     "value: \"x\" @1:8\n"
                     "Variable \"$v\" has invalid value at [2]: Expected value of type \"In\" to "
                     "include required field \"k\", found: {}. @1:8\n"
                     "Variable \"$v\" has invalid value at [3]: Expected value of type \"In\" not "
                     "to include unknown field \"kk\". Did you mean \"k\"? Found: { k: 1, kk: 2 }. "
                     "@1:8\n"
                     "Variable \"$v\" has invalid value at [4].m[1]: Expected value of non-null "
                     "type \"Int!\" not to be null. @1:8\n"
                     "Variable \"$v\" has invalid value at [5]: Expected value of non-null type "
                     "\"In!\" not to be null. @1:8");
    bench_close(&bench);
}

Test(execute, variables__nested_beyond_the_limit_are_refused)
{
    struct bench bench;
    struct qr_gql_request request;
    struct qr_gql_value variables;
    bench_open(&bench, "type Query { f(v: In): Int } input In { i: In }");
    struct qr_gql_buffer text;
    struct qr_gql_str json;
    qr_gql_buffer_init(&text, &bench.arena, NULL);
    qr_gql_buffer_text(&text, "{\"v\":");
    for (int i = 0; i < 5000; i++) {
        qr_gql_buffer_text(&text, "{\"i\":");
    }
    qr_gql_buffer_text(&text, "null");
    for (int i = 0; i < 5001; i++) {
        qr_gql_buffer_text(&text, "}");
    }
    cr_assert_eq(qr_gql_buffer_finish(&text, &json), QUIRE_OK);
    cr_assert_eq(qr_json_read(&bench.arena, json.data, json.size, 0, &variables, &bench.err),
                 QUIRE_LIMIT);
    cr_assert_eq(qr_json_read(&bench.arena, json.data, json.size, 10000, &variables, &bench.err),
                 QUIRE_OK);
    cr_assert_eq(bench_parse(&bench, "query ($v: In) { f(v: $v) }"), QUIRE_OK);
    cr_assert_eq(qr_gql_request_prepare(bench.schema, bench.document, (struct qr_gql_str){NULL, 0},
                                        &variables, &bench.arena, &bench.report, &request,
                                        &bench.err),
                 QUIRE_QUERY);
    cr_assert_str_eq(bench_problems(&bench),
                     "Variable \"$v\" has invalid value: The value is nested too deeply. @1:8");
    bench_close(&bench);
}

/* ---- operations ---- */

static const char *prepared(struct bench *bench, const char *query, const char *name)
{
    struct qr_gql_request request;
    struct qr_gql_str chosen = {name, name ? strlen(name) : 0};
    cr_assert_eq(bench_parse(bench, query), QUIRE_OK);
    quire_status status =
        qr_gql_request_prepare(bench->schema, bench->document, chosen, NULL, &bench->arena,
                               &bench->report, &request, &bench->err);
    cr_assert_eq(status, bench->report.count ? QUIRE_QUERY : QUIRE_OK);
    return bench_problems(bench);
}

Test(execute, operation__is_chosen_by_name)
{
    struct bench bench;
    bench_open(&bench, sdl);
    const char *two = "query A { n } mutation B { one }";
    cr_expect_str_eq(prepared(&bench, two, "B"), "");
    cr_expect_str_eq(prepared(&bench, two, "C"), "Unknown operation named \"C\".");
    cr_expect_str_eq(prepared(&bench, two, ""), "Unknown operation named \"\".");
    cr_expect_str_eq(prepared(&bench, two, NULL),
                     "Must provide operation name if query contains multiple operations.");
    cr_expect_str_eq(prepared(&bench, "fragment F on Query { n }", NULL),
                     "Must provide an operation.");
    bench_close(&bench);
}

Test(execute, mutation__stops_when_a_null_reaches_its_root)
{
    assert_response("mutation { one two three }", "{}", "{\"one\":1,\"three\":3}",
                    "{\"data\":null,\"errors\":[{\"message\":\"Cannot return null for non-nullable "
                    "field Mutation.two.\",\"locations\":[{\"line\":1,\"column\":16}],\"path\":"
                    "[\"two\"]}]}");
}

/* ---- introspection ---- */

Test(execute, introspection__tells_about_types)
{
    assert_response("{ __type(name: \"One\") { kind name isOneOf inputFields { name type { kind "
                    "name } } fields { name } } none: __type(name: \"Nope\") { name } "
                    "e: __type(name: \"Color\") { enumValues { name isDeprecated } } n }",
                    "{}", "{\"n\":1}",
                    "{\"data\":{\"__type\":{\"kind\":\"INPUT_OBJECT\",\"name\":\"One\",\"isOneOf\":"
                    "true,\"inputFields\":[{\"name\":\"a\",\"type\":{\"kind\":\"SCALAR\",\"name\":"
                    "\"Int\"}},{\"name\":\"b\",\"type\":{\"kind\":\"SCALAR\",\"name\":\"String\"}}]"
                    ",\"fields\":null},\"none\":null,\"e\":{\"enumValues\":[{\"name\":\"RED\","
                    "\"isDeprecated\":false},{\"name\":\"GREEN\",\"isDeprecated\":false}]},"
                    "\"n\":1}}");
}

Test(execute, introspection__hides_deprecated_parts_unless_asked)
{
    struct bench bench;
    bench_open(&bench, "type Query { a(x: Int @deprecated, y: [Int!]! = [1, 2]): Int old: Int "
                       "@deprecated(reason: \"gone\") }");
    cr_expect_str_eq(
        bench_execute(&bench,
                      "{ __type(name: \"Query\") { fields { name args { name defaultValue } } "
                      "all: fields(includeDeprecated: true) { name deprecationReason "
                      "args(includeDeprecated: true) { name } } } }",
                      "{}", "{}"),
        "{\"data\":{\"__type\":{\"fields\":[{\"name\":\"a\",\"args\":[{\"name\":\"y\","
        "\"defaultValue\":\"[1, 2]\"}]}],\"all\":[{\"name\":\"a\",\"deprecationReason\":null,"
        "\"args\":[{\"name\":\"x\"},{\"name\":\"y\"}]},{\"name\":\"old\",\"deprecationReason\":"
        "\"gone\",\"args\":[]}]}}}");
    bench_close(&bench);
}

/* ---- a source of its own ---- */

/* Every object is an A that holds itself; lists have as many elements as asked. */
struct endless {
    uint64_t resolved;
    uint64_t elements;
    quire_status failure; /* of resolving, when not OK */
    bool null_leaves;
};

static quire_status endless_resolve(void *context, const struct qr_gql_call *call,
                                    struct qr_gql_item *out, quire_error *err)
{
    struct endless *endless = context;
    endless->resolved++;
    if (endless->failure != QUIRE_OK) {
        return qr_fail(err, endless->failure, "the source gave up");
    }
    const struct qr_gql_type *type = qr_gql_type_nullable(call->selected->field->type);
    if (type->kind == QR_GQL_LIST) {
        out->kind = QR_GQL_ITEM_LIST;
    } else if (type->kind == QR_GQL_OBJECT) {
        out->kind = QR_GQL_ITEM_OBJECT;
    } else if (!endless->null_leaves) {
        const struct qr_gql_value *x =
            qr_gql_value_get(&call->selected->arguments, qr_gql_str_of("from"));
        out->kind = QR_GQL_ITEM_VALUE;
        out->value = x ? *x : (struct qr_gql_value){.kind = QR_GQL_VALUE_BOOL, .boolean = true};
    }
    return QUIRE_OK;
}

static quire_status endless_next(void *context, struct qr_gql_item *list, struct qr_gql_item *out,
                                 bool *more, quire_error *err)
{
    (void)err;
    const struct endless *endless = context;
    *more = list->cursor++ < endless->elements;
    out->kind = QR_GQL_ITEM_OBJECT;
    return QUIRE_OK;
}

static struct qr_gql_source source_over(struct endless *endless)
{
    return (struct qr_gql_source){
        .context = endless, .resolve = endless_resolve, .next = endless_next};
}

static quire_status run_endless(struct bench *bench, struct endless *endless, const char *query,
                                size_t bytes_max, char **text)
{
    struct qr_gql_request request;
    struct qr_json_writer out;
    struct qr_gql_source source = source_over(endless);
    size_t size;
    *text = NULL;
    cr_assert_eq(bench_parse(bench, query), QUIRE_OK);
    cr_assert_eq(qr_gql_request_prepare(bench->schema, bench->document,
                                        (struct qr_gql_str){NULL, 0}, NULL, &bench->arena,
                                        &bench->report, &request, &bench->err),
                 QUIRE_OK);
    qr_json_writer_init(&out, qr_allocator_default(), bytes_max, &bench->err);
    struct qr_gql_execution execution = {
        .request = &request, .source = &source, .out = &out, .report = &bench->report};
    struct qr_gql_item root = {.kind = QR_GQL_ITEM_OBJECT};
    quire_status status = qr_gql_execute(&execution, &root, &bench->err);
    if (status != QUIRE_OK) {
        qr_json_writer_free(&out);
        return status;
    }
    return qr_json_writer_finish(&out, text, &size);
}

Test(execute, response__stops_at_its_byte_limit)
{
    struct bench bench;
    struct endless endless = {.elements = UINT64_MAX};
    char *text;
    bench_open(&bench, sdl);
    cr_assert_eq(run_endless(&bench, &endless, "{ l { n } }", 1000, &text), QUIRE_LIMIT);
    cr_assert_lt(endless.resolved, 200);
    cr_assert_not_null(strstr(bench.err.message, "1000 bytes"));
    bench_close(&bench);
}

Test(execute, source_failure__ends_the_execution_as_a_whole)
{
    struct bench bench;
    struct endless endless = {.failure = QUIRE_IO};
    char *text;
    bench_open(&bench, sdl);
    cr_assert_eq(run_endless(&bench, &endless, "{ n s }", 0, &text), QUIRE_IO);
    cr_assert_eq(endless.resolved, 1);
    cr_assert_eq(bench.report.count, 0);
    bench_close(&bench);
}

Test(execute, list_fields__are_collected_once)
{
    struct bench bench;
    struct endless endless = {.elements = 20000};
    char *text;
    bench_open(&bench, sdl);
    cr_assert_eq(
        run_endless(&bench, &endless, "{ l { n ...F } } fragment F on A { nN a { n } }", 0, &text),
        QUIRE_OK);
    quire_free(text);
    cr_assert_eq(endless.resolved, 1 + 4 * 20000);
    cr_assert_lt(bench.arena.bytes_taken, (size_t)1 << 20);
    bench_close(&bench);
}

Test(execute, errors__beyond_the_reports_bound_cost_no_memory)
{
    struct bench bench;
    struct endless endless = {.elements = 50000, .null_leaves = true};
    char *text;
    bench_open(&bench, sdl);
    cr_assert_eq(run_endless(&bench, &endless, "{ l { nN } }", 0, &text), QUIRE_OK);
    cr_assert_eq(strlen(text), strlen("{\"l\":[]}") + 50000 * strlen("null,") - 1);
    quire_free(text);
    cr_assert_eq(bench.report.count, QR_GQL_PROBLEMS_MAX_DEFAULT + 1);
    cr_assert_lt(bench.arena.bytes_taken, (size_t)1 << 20);
    bench_close(&bench);
}

/* A chain of fragments that nests deeper than any one selection could. */
Test(execute, depth__is_bounded_below_fragments)
{
    struct bench bench;
    struct endless endless = {.elements = 1};
    struct qr_gql_buffer text;
    struct qr_gql_str query;
    char *response;
    bench_open(&bench, sdl);
    qr_gql_buffer_init(&text, &bench.arena, NULL);
    qr_gql_buffer_text(&text, "{ a { ...F0 } }\n");
    for (int i = 0; i < 3000; i++) {
        qr_gql_buffer_format(&text, "fragment F%d on A { a { n ...F%d } }\n", i, i + 1);
    }
    qr_gql_buffer_text(&text, "fragment F3000 on A { n }\n");
    cr_assert_eq(qr_gql_buffer_finish(&text, &query), QUIRE_OK);
    cr_assert_eq(run_endless(&bench, &endless, query.data, 0, &response), QUIRE_OK);
    quire_free(response);
    cr_assert_eq(bench.report.count, 1);
    cr_assert_not_null(strstr(bench.report.first->message.data, "nested deeper"));
    cr_assert_leq(endless.resolved, 2 * (uint64_t)QR_GQL_RESPONSE_DEPTH_MAX + 2);
    bench_close(&bench);
}

Test(execute, introspection__fails_when_turned_off)
{
    struct bench bench;
    struct qr_gql_request request;
    struct qr_json_writer out;
    struct endless endless = {.elements = 0};
    struct qr_gql_source source = source_over(&endless);
    char *text;
    size_t size;
    bench_open(&bench, sdl);
    cr_assert_eq(bench_parse(&bench, "{ __typename x: __schema { types { name } } }"), QUIRE_OK);
    cr_assert_eq(qr_gql_request_prepare(bench.schema, bench.document, (struct qr_gql_str){NULL, 0},
                                        NULL, &bench.arena, &bench.report, &request, &bench.err),
                 QUIRE_OK);
    qr_json_writer_init(&out, qr_allocator_default(), 0, &bench.err);
    struct qr_gql_execution execution = {.request = &request,
                                         .source = &source,
                                         .out = &out,
                                         .report = &bench.report,
                                         .no_introspection = true};
    struct qr_gql_item root = {.kind = QR_GQL_ITEM_OBJECT};
    cr_assert_eq(qr_gql_execute(&execution, &root, &bench.err), QUIRE_OK);
    cr_assert_eq(qr_json_writer_finish(&out, &text, &size), QUIRE_OK);
    cr_assert_str_eq(text, "null");
    cr_assert_eq(bench.report.count, 1);
    quire_free(text);
    bench_close(&bench);
}

/* ---- subscriptions ---- */

Test(execute, subscription__opens_a_stream_of_roots)
{
    struct bench bench;
    struct qr_gql_request request;
    struct qr_gql_value root;
    struct qr_gql_item stream;
    const char *events = "{\"tick\":[{\"tick\":1},{\"tick\":2}]}";
    bench_open(&bench, sdl);
    cr_assert_eq(bench_parse(&bench, "subscription { tick(from: 3) }"), QUIRE_OK);
    cr_assert_eq(qr_gql_request_prepare(bench.schema, bench.document, (struct qr_gql_str){NULL, 0},
                                        NULL, &bench.arena, &bench.report, &request, &bench.err),
                 QUIRE_OK);
    cr_assert_eq(qr_json_read(&bench.arena, events, strlen(events), 0, &root, &bench.err),
                 QUIRE_OK);
    struct qr_gql_execution execution = {
        .request = &request, .source = &qr_gql_json_source, .report = &bench.report};
    struct qr_gql_item item = qr_gql_json_item(&root);
    cr_assert_eq(qr_gql_subscribe(&execution, &item, &stream, &bench.err), QUIRE_OK);
    cr_assert_eq(stream.kind, QR_GQL_ITEM_LIST);
    struct qr_gql_item nothing = qr_gql_json_item(NULL);
    cr_assert_eq(qr_gql_subscribe(&execution, &nothing, &stream, &bench.err), QUIRE_QUERY);
    cr_assert_str_eq(bench_problems(&bench),
                     "Subscription field must return Async Iterable. Received: undefined.");
    bench_close(&bench);
}

/* ---- memory ---- */

static quire_status run_with(const quire_allocator *allocator, const struct bench *bench)
{
    struct qr_arena arena;
    struct qr_gql_report report;
    struct qr_gql_request request;
    struct qr_gql_value root;
    struct qr_json_writer out;
    quire_error err = QUIRE_ERROR_INIT;
    const char *json = "{\"n\":\"x\",\"l\":[{\"n\":1},{\"nN\":null}],\"s\":\"t\"}";
    qr_arena_init(&arena, allocator, 0);
    qr_gql_report_init(&report, &arena, 0, &err);
    qr_json_writer_init(&out, allocator, 0, &err);
    quire_status status = qr_json_read(&arena, json, strlen(json), 0, &root, &err);
    if (status == QUIRE_OK) {
        status = qr_gql_validate(bench->schema, bench->document, NULL, &arena, &report, &err);
    }
    if (status == QUIRE_OK) {
        status =
            qr_gql_request_prepare(bench->schema, bench->document, (struct qr_gql_str){NULL, 0},
                                   NULL, &arena, &report, &request, &err);
    }
    if (status == QUIRE_OK) {
        struct qr_gql_execution execution = {
            .request = &request, .source = &qr_gql_json_source, .out = &out, .report = &report};
        struct qr_gql_item item = qr_gql_json_item(&root);
        status = qr_gql_execute(&execution, &item, &err);
    }
    cr_assert_eq(err.status, status);
    qr_json_writer_free(&out);
    qr_arena_free(&arena);
    return status;
}

Test(execute, memory__running_out_anywhere_is_reported_and_leaks_nothing)
{
    struct bench bench;
    struct failing_allocator failing;
    bench_open(&bench, sdl);
    cr_assert_eq(bench_parse(&bench, "query ($v: [Int!] = [1]) { n l { ...F nN } s @include(if: "
                                     "true) any ... on Query { f(x: 2) pick(v: {a: 1}) } "
                                     "__type(name: \"Query\") { fields { name args { "
                                     "defaultValue } } } deep @skip(if: true) } "
                                     "fragment F on A { n a { id } a { n } }"),
                 QUIRE_OK);
    failing_allocator_init(&failing);
    /* The variable is not used: validation refuses, after doing all of its work. */
    quire_status status = QUIRE_NO_MEMORY;
    uint64_t i = 0;
    for (; status == QUIRE_NO_MEMORY; i++) {
        failing_allocator_arm(&failing, i, false);
        status = run_with(&failing.allocator, &bench);
        cr_assert(failing_allocator_is_clean(&failing), "allocation %llu", (unsigned long long)i);
        cr_assert_lt(i, 10000);
    }
    cr_assert_eq(status, QUIRE_QUERY);
    cr_assert_eq(bench_parse(&bench, "{ n l { ...F nN } s @include(if: true) any "
                                     "... on Query { f(x: 2) pick(v: {a: 1}) } "
                                     "__type(name: \"Query\") { fields { name args { "
                                     "defaultValue } } } } fragment F on A { n a { id } a { n } }"),
                 QUIRE_OK);
    status = QUIRE_NO_MEMORY;
    for (i = 0; status == QUIRE_NO_MEMORY; i++) {
        failing_allocator_arm(&failing, i, false);
        status = run_with(&failing.allocator, &bench);
        cr_assert(failing_allocator_is_clean(&failing));
        cr_assert_lt(i, 10000);
    }
    cr_assert_eq(status, QUIRE_OK);
    bench_close(&bench);
}
