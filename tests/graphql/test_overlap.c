/*
 * Fields that overlap: the rule agrees with its definition on documents made at
 * random, and takes few steps for those that multiply what meets.
 */
#include <stdlib.h>

#include "graphql/overlap_model.h"
#include "graphql/request_fixture.h"
#include "support/failing_allocator.h"

static const char rule[] = "OverlappingFieldsCanBeMergedRule";

/* The most steps that a document may take. */
static uint64_t bound(const struct bench *bench)
{
    return 10000 + 40 * (uint64_t)bench->document->token_count;
}

Test(overlap, rule__agrees_with_its_definition, .timeout = 120)
{
    struct bench bench;
    struct prng prng;
    unsigned valid = 0, invalid = 0;
    bench_open(&bench, overlap_sdl);
    (void)prng_init_printed(&prng, "overlap");
    for (int i = 0; i < 6000; i++) {
        struct qr_arena text;
        qr_arena_init(&text, qr_allocator_default(), 0);
        const char *query = overlap_document(&prng, bench.schema, &text, false);
        uint64_t steps = 0;
        bool is_valid = bench_validate(&bench, query, rule, &steps) == QUIRE_OK;
        cr_assert_eq(is_valid, overlap_agrees(bench.schema, bench.document), "%s\n%s", query,
                     bench_problems(&bench));
        valid += is_valid;
        invalid += !is_valid;
        qr_arena_reset(&bench.arena);
        qr_arena_free(&text);
    }
    cr_expect_gt(valid, 600);
    cr_expect_gt(invalid, 600);
    bench_close(&bench);
}

Test(overlap, fields_of_interfaces__meet_those_of_each_object)
{
    static const struct {
        const char *query;
        bool agrees;
    } cases[] = {
        {"{ i { j { x: n } j { x: f } ... on A { j } ... on B { j } } }", false},
        {"{ i { j { x: n } ... on A { j { x: f } } ... on B { j { n } } } }", false},
        {"{ i { ... on A { j { x: n } } ... on B { j { x: f } } } }", true},
        {"{ i { ... on A { j { x: n } } ... on B { j { x: s } } } }", false},
        {"{ i { ... on A { j { j { x: n } } } ... on B { j { j { x: f } } } } }", true},
        {"{ i { j { j { x: n } } ... on A { j { j { y: n } } } ... on B { j { j { x: f } } } } }",
         false},
    };
    struct bench bench;
    bench_open(&bench, overlap_sdl);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool is_valid = bench_validate(&bench, cases[i].query, rule, NULL) == QUIRE_OK;
        cr_expect_eq(is_valid, cases[i].agrees, "%s", cases[i].query);
        cr_expect_eq(overlap_agrees(bench.schema, bench.document), cases[i].agrees, "%s",
                     cases[i].query);
    }
    bench_close(&bench);
}

Test(overlap, rings_of_fragments__end, .timeout = 120)
{
    struct bench bench;
    struct prng prng;
    bench_open(&bench, overlap_sdl);
    (void)prng_init_printed(&prng, "overlap");
    for (int i = 0; i < 6000; i++) {
        struct qr_arena text;
        uint64_t steps = 0;
        qr_arena_init(&text, qr_allocator_default(), 0);
        const char *query = overlap_document(&prng, bench.schema, &text, true);
        (void)bench_validate(&bench, query, rule, &steps);
        cr_assert_leq(steps, bound(&bench), "%s", query);
        qr_arena_reset(&bench.arena);
        qr_arena_free(&text);
    }
    bench_close(&bench);
}

/* Fragments of an interface and its objects; the last two differ when asked to. */
static const char *many_fragments(struct qr_arena *arena, bool differ)
{
    static const char *const types[] = {"I", "A", "B"};
    struct qr_gql_buffer text;
    struct qr_gql_str out;
    qr_gql_buffer_init(&text, arena, NULL);
    qr_gql_buffer_text(&text, "{ i {");
    for (int i = 0; i < 400; i++) {
        qr_gql_buffer_format(&text, "...F%d ", i);
    }
    qr_gql_buffer_text(&text, "} }");
    for (int i = 0; i < 400; i++) {
        qr_gql_buffer_format(&text, " fragment F%d on %s { i { x%d: n %s } }", i, types[i % 3], i,
                             differ && i == 399 ? "n: s" : "n");
    }
    cr_assert_eq(qr_gql_buffer_finish(&text, &out), QUIRE_OK);
    return out.data;
}

Test(overlap, missing_memory__is_no_verdict, .timeout = 60)
{
    struct bench bench;
    bench_open(&bench, overlap_sdl);
    for (int differ = 0; differ < 2; differ++) {
        struct failing_allocator failing;
        quire_status status = QUIRE_NO_MEMORY;
        cr_assert_eq(bench_parse(&bench, many_fragments(&bench.arena, differ)), QUIRE_OK);
        failing_allocator_init(&failing);
        for (uint64_t at = 0; status == QUIRE_NO_MEMORY; at++) {
            struct qr_gql_str name = qr_gql_str_of(rule);
            struct qr_gql_validate_options options = {.rules = &name, .rule_count = 1};
            struct qr_arena arena;
            struct qr_gql_report report;
            qr_arena_init(&arena, &failing.allocator, 0);
            qr_gql_report_init(&report, &arena, 0, &bench.err);
            failing_allocator_arm(&failing, at, false);
            status = qr_gql_validate(bench.schema, bench.document, &options, &arena, &report,
                                     &bench.err);
            cr_assert_eq(status == QUIRE_NO_MEMORY, failing.failures > 0, "at %d: %s", (int)at,
                         quire_status_name(status));
            qr_arena_free(&arena);
        }
        cr_expect_eq(status, differ ? QUIRE_QUERY : QUIRE_OK);
        cr_expect(failing_allocator_is_clean(&failing));
    }
    bench_close(&bench);
}

/* What meets here depends on the object chosen at each level: two choices at each of many. */
Test(overlap, choices_that_multiply__end_with_a_problem)
{
    struct bench bench;
    struct qr_arena arena;
    struct qr_gql_buffer text;
    struct qr_gql_str query;
    uint64_t steps = 0;
    bench_open(&bench, overlap_sdl);
    qr_arena_init(&arena, qr_allocator_default(), 0);
    qr_gql_buffer_init(&text, &arena, NULL);
    qr_gql_buffer_text(&text, "{ i { ...F0 } } fragment F40 on I { n }");
    for (int i = 0; i < 40; i++) {
        qr_gql_buffer_format(&text,
                             " fragment F%d on I { i { ...F%d } ... on A { i { ...G%d } } "
                             "... on B { i { ...H%d } } }"
                             " fragment G%d on I { i { x%d: n ...G%d } }"
                             " fragment H%d on I { i { y%d: n ...H%d } }",
                             i, i + 1, i, i, i, i, i, i, i, i);
    }
    cr_assert_eq(qr_gql_buffer_finish(&text, &query), QUIRE_OK);
    cr_assert_eq(bench_validate(&bench, query.data, rule, &steps), QUIRE_QUERY);
    cr_expect_leq(steps, bound(&bench));
    cr_expect(strstr(bench_problems(&bench), "steps to validate. Validation aborted."));
    qr_arena_free(&arena);
    bench_close(&bench);
}

/* Operations as generators of clients write them: each with something of its own, and one tree of
 * fragments that spread fragments. */
Test(overlap, operations_that_share_a_tree_of_fragments__are_valid)
{
    enum { OPERATIONS = 300, BRANCHES = 8 };
    struct bench bench;
    struct qr_gql_buffer text;
    struct qr_gql_str query;
    bench_open(&bench, overlap_sdl);
    qr_gql_buffer_init(&text, &bench.arena, NULL);
    qr_gql_buffer_text(&text, "fragment Tree on I { n");
    for (int i = 0; i < BRANCHES; i++) {
        qr_gql_buffer_format(&text, " ...Branch%d", i);
    }
    qr_gql_buffer_text(&text, " }");
    for (int i = 0; i < BRANCHES * BRANCHES; i++) {
        if (i % BRANCHES == 0) {
            qr_gql_buffer_format(&text, " fragment Branch%d on I { n s", i / BRANCHES);
            for (int k = 0; k < BRANCHES; k++) {
                qr_gql_buffer_format(&text, " ...Leaf%d", i + k);
            }
            qr_gql_buffer_text(&text, " }");
        }
        qr_gql_buffer_format(&text,
                             " fragment Leaf%d on I { n s f x%d: f(x: %d) i { n p%d: s } "
                             "l { n j { n } } ... on A { v o { n } } }",
                             i, i % 7, i % 7, i);
    }
    for (int i = 0; i < OPERATIONS; i++) {
        qr_gql_buffer_format(&text, " query Q%d { i { n ...Tree } j { n s } }", i);
    }
    cr_assert_eq(qr_gql_buffer_finish(&text, &query), QUIRE_OK);
    cr_expect_eq(bench_validate(&bench, query.data, NULL, NULL), QUIRE_OK, "%s",
                 bench_problems(&bench));
    bench_close(&bench);
}

static const char *repeat_in(struct bench *bench, const char *text, size_t count)
{
    char *copies = repeated(text, count);
    const char *kept = qr_arena_copy(&bench->arena, copies, strlen(copies) + 1, NULL);
    free(copies);
    cr_assert_not_null(kept);
    return kept;
}

/* Many fields that differ, pair by pair, far below the two that conflict because of them. */
Test(overlap, many_conflicts_deep_below_one__take_little_memory)
{
    enum { DEPTH = 150, COPIES = 10, FIELDS = 100 };
    struct bench bench;
    struct qr_gql_buffer text;
    struct qr_gql_str query;
    bench_open(&bench, overlap_sdl);
    qr_gql_buffer_init(&text, &bench.arena, NULL);
    qr_gql_buffer_text(&text, "{ ");
    for (int side = 0; side < 2; side++) {
        qr_gql_buffer_text(&text, repeat_in(&bench, "i { ", DEPTH));
        for (int i = 0; i < COPIES * FIELDS; i++) {
            qr_gql_buffer_format(&text, "%sx%d: %s%s", i % FIELDS == 0 ? "i { " : " ", i % FIELDS,
                                 side == 0 ? "n" : "f", i % FIELDS == FIELDS - 1 ? " } " : "");
        }
        qr_gql_buffer_text(&text, repeat_in(&bench, "} ", DEPTH));
    }
    qr_gql_buffer_text(&text, "}");
    cr_assert_eq(qr_gql_buffer_finish(&text, &query), QUIRE_OK);
    cr_assert_eq(bench_validate(&bench, query.data, rule, NULL), QUIRE_QUERY);
    cr_expect_leq(bench.arena.bytes_taken, (size_t)16 << 20);
    const struct qr_gql_problem *problem = bench.report.first;
    cr_expect_eq(bench.report.count, 1);
    cr_expect_eq(problem->location_count, QR_GQL_PLACES_MAX);
    cr_expect_eq(problem->message.size, QR_GQL_MESSAGE_BYTES_MAX);
    bench_close(&bench);
}
