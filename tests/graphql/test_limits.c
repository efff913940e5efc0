/*
 * Limits on requests: met exactly, exceeded by one, and counted through
 * fragments however these multiply.
 */
#include "tests/graphql/request_fixture.h"

#include "graphql/limits.h"

static const char sdl[] = "type Query { a: Query n: Int f(x: Int): Int }";

static void assert_limits(const char *query, struct qr_gql_limits limits, const char *expected)
{
    struct bench bench;
    bench_open(&bench, sdl);
    cr_assert_eq(bench_parse(&bench, query), QUIRE_OK);
    quire_status status =
        qr_gql_limits_check(bench.document, &limits, &bench.arena, &bench.report, &bench.err);
    cr_expect_eq(status, *expected ? QUIRE_QUERY : QUIRE_OK);
    cr_expect_str_eq(bench_problems(&bench), expected, "%s\n%s", query, bench_problems(&bench));
    bench_close(&bench);
}

#define LIMITS(...) ((struct qr_gql_limits){__VA_ARGS__})

Test(limits, depth__counts_fields_through_fragments)
{
    const char *plain = "{ a { a { n } } }";
    const char *spread = "{ ... { ...F } } fragment F on Query { a { ...G } } "
                         "fragment G on Query { a { n } }";
    const char *over = "The operation has more levels of fields than the limit of 2, its fragments "
                       "put in place. @1:1";
    assert_limits(plain, LIMITS(.depth_max = 3), "");
    assert_limits(plain, LIMITS(.depth_max = 2), over);
    assert_limits(spread, LIMITS(.depth_max = 3), "");
    assert_limits(spread, LIMITS(.depth_max = 2), over);
    assert_limits("{ __schema { types { name } } }", LIMITS(.depth_max = 2), over);
}

Test(limits, counts__are_refused_from_one_above)
{
    const char *query = "query ($p: Int, $q: Int) @x { b: n ...F ...F } "
                        "fragment F on Query @x { c: f(x: $p) @x d: f(x: $q) }";
    assert_limits(
        query,
        LIMITS(.aliases_max = 5, .root_fields_max = 5, .directives_max = 5, .variables_max = 2),
        "");
    assert_limits(query, LIMITS(.aliases_max = 4),
                  "The operation has more aliases than the limit of 4, its fragments put in place. "
                  "@1:1");
    assert_limits(query, LIMITS(.root_fields_max = 4),
                  "The operation has more root fields than the limit of 4, its fragments put in "
                  "place. @1:1");
    assert_limits(query, LIMITS(.directives_max = 4),
                  "The operation has more directives than the limit of 4, its fragments put in "
                  "place. @1:1");
    assert_limits(query, LIMITS(.variables_max = 1),
                  "The operation has more variables than the limit of 1, its fragments put in "
                  "place. @1:1");
}

/* 2 to the 40th aliases if expanded: the count saturates, the work does not grow. */
Test(limits, doubling_fragments__are_measured_once_each)
{
    struct bench bench;
    struct qr_gql_buffer text;
    struct qr_gql_str query;
    bench_open(&bench, sdl);
    qr_gql_buffer_init(&text, &bench.arena, NULL);
    qr_gql_buffer_text(&text, "{ ...F0 }");
    for (int i = 0; i < 40; i++) {
        qr_gql_buffer_format(&text, "fragment F%d on Query { x: a { ...F%d } y: a { ...F%d } }", i,
                             i + 1, i + 1);
    }
    qr_gql_buffer_text(&text, "fragment F40 on Query { n }");
    cr_assert_eq(qr_gql_buffer_finish(&text, &query), QUIRE_OK);
    assert_limits(query.data, LIMITS(.aliases_max = 1000000),
                  "The operation has more aliases than the limit of 1000000, its fragments put in "
                  "place. @1:1");
    assert_limits(query.data, LIMITS(.depth_max = 41), "");
    bench_close(&bench);
}

Test(limits, endless_chains_and_cycles__end)
{
    struct bench bench;
    struct qr_gql_buffer text;
    struct qr_gql_str query;
    bench_open(&bench, sdl);
    qr_gql_buffer_init(&text, &bench.arena, NULL);
    qr_gql_buffer_text(&text, "{ ...F0 }");
    for (int i = 0; i < 5000; i++) {
        qr_gql_buffer_format(&text, "fragment F%d on Query { ...F%d }", i, i + 1);
    }
    qr_gql_buffer_text(&text, "fragment F5000 on Query { n }");
    cr_assert_eq(qr_gql_buffer_finish(&text, &query), QUIRE_OK);
    assert_limits(query.data, LIMITS(.depth_max = 1000),
                  "The operation has more levels of fields than the limit of 1000, its fragments "
                  "put in place. @1:1");
    assert_limits("{ ...F } fragment F on Query { a { ...F } }", LIMITS(.depth_max = 1), "");
    bench_close(&bench);
}
