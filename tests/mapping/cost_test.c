/*
 * Costs of operations: what counts, the limit, and lists whose length must be said.
 */
#include <stdio.h>
#include <string.h>

#include "mapping_fixture.h"

static const char sdl[] =
    "type A @cost(weight: \"5\") { id: ID! n: Int @cost(weight: \"2\") "
    "bs: [B!]! @listSize(assumedSize: 10) cs: [C!]! @listSize(slicingArguments: [\"first\"]) } "
    "type B { id: ID! a: A! } type C { id: ID! a: A! }";

static void expect_cost(quire_db *db, const char *document, unsigned cost)
{
    for (int over = 0; over < 2; over++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
        char *response, wanted[60];
        size_t size;
        request.document = document;
        request.cost = true;
        request.limits.cost_max = cost - (unsigned)over;
        cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK, "%s",
                     err.message);
        snprintf(wanted, sizeof wanted, "\"cost\":%u}", cost);
        cr_expect_not_null(strstr(response, wanted), "%s\n  gives %s", document, response);
        snprintf(wanted, sizeof wanted, "The operation costs %u, more than the limit cost_max",
                 cost);
        cr_expect((strstr(response, wanted) != NULL) == (over == 1), "%s", response);
        cr_expect((strstr(response, "\"code\":\"LIMIT\"") != NULL) == (over == 1), "%s", response);
        quire_free(response);
    }
}

Test(cost, is_weights_times_the_lengths_of_lists)
{
    quire_db *db = mapping_open(sdl, NULL);
    expect_cost(db, "{ a(id: 1) { id } }", 5);
    expect_cost(db, "{ a(id: 1) { id n x: n } }", 9);
    /* The connection, 3 rows of 5 + 2. */
    expect_cost(db, "{ as(first: 3) { items { id n } } }", 5 + 3 * 7);
    expect_cost(db, "{ as { items(take: 4) { id } } }", 5 + 4 * 5);
    expect_cost(db, "{ as { items { id } } }", 5 + 100 * 5);
    expect_cost(db, "{ as(last: 2) { edges { cursor node { id } } pageInfo { endCursor } } }",
                5 + 2 * 5 + 5);
    /* Lists in lists multiply. */
    expect_cost(db, "{ as(first: 2) { items { bs { items { id } } } } }", 5 + 2 * (5 + 1 + 10));
    expect_cost(db, "query($n: Int = 7) { bs(first: $n) { items { a { n } } } }", 1 + 7 * (1 + 7));
    mapping_close(db);
}

Test(cost, lists_may_ask_for_their_length)
{
    quire_db *db = mapping_open(sdl, "mutation { createA(input: {id: 1}) { id } }");
    MAPPING_HAS(db, "{ a(id: 1) { cs { totalCount } } }",
                "The field \\\"cs\\\" takes exactly one of its slicing arguments.");
    MAPPING_HAS(db, "{ a(id: 1) { cs(last: 1) { totalCount } } }", "exactly one");
    MAPPING_HAS(db, "{ a(id: 1) { cs(first: 1) { totalCount } } }", "{\"data\"");
    mapping_close(db);
}

Test(cost, wrong_directives_are_refused)
{
    static const char *const wrong[] = {
        "type T { id: ID! n: Int @cost(weight: \"-1\") }",
        "type T { id: ID! n: Int @cost(weight: \"many\") }",
        "type T { id: ID! n: Int @listSize(assumedSize: 1) }",
        "type T { id: ID! t: T ts: [T!]! @relation(inverse: \"t\") @listSize(assumedSize: -1) }",
        ("type T { id: ID! t: T ts: [T!]! @relation(inverse: \"t\") "
         "@listSize(slicingArguments: [\"skip\"]) }"),
    };
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open("type T { id: ID! }", NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_expect_eq(mapping_apply(db, wrong[i], &err), QUIRE_SCHEMA, "%s", wrong[i]);
    }
    mapping_close(db);
}

/* ---- who may have it ---- */

struct quota {
    uint64_t left;
    unsigned asked;
};

static bool take(void *context, uint64_t cost)
{
    struct quota *quota = context;
    quota->asked++;
    if (cost > quota->left) {
        return false;
    }
    quota->left -= cost;
    return true;
}

/* Runs a document, whose response must have a text; free it not. */
static void run_with(quire_db *db, struct quota *quota, const char *document, const char *text)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;
    request.document = document;
    request.limits.cost_max = 1000;
    request.admit = take;
    request.admit_context = quota;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK, "%s",
                 err.message);
    cr_expect_not_null(strstr(response, text), "%s\n  gives %s", document, response);
    quire_free(response);
}

Test(cost, is_asked_for_once_before_anything_runs)
{
    quire_db *db = mapping_open(sdl, NULL);
    struct quota quota = {.left = 20};
    run_with(db, &quota, "{ a(id: 1) { id } }", "{\"data\":{\"a\":null}}");
    cr_expect_eq(quota.left, 15);
    run_with(db, &quota, "mutation { createA(input: {id: 1}) { id } }", "\"createA\"");
    cr_expect_eq(quota.left, 10);
    cr_expect_eq(quota.asked, 2);
    run_with(db, &quota,
             "mutation { a: createA(input: {id: 2}) {id} b: createA(input: {id: 3}) {id} "
             "c: createA(input: {id: 4}) {id} }",
             "The operation costs 15, more than the caller may have now.");
    cr_expect_eq(quota.asked, 3);
    run_with(db, &quota, "{ as { totalCount } }", "\"totalCount\":1}");
    /* What is over the limit, or does not fit at all, is not asked for. */
    run_with(db, &quota, "{ as(first: 1000) { items { id } } }", "the limit cost_max of 1000");
    run_with(db, &quota, "{ nothing }", "Cannot query field");
    cr_expect_eq(quota.asked, 4);
    quota.left = 0;
    run_with(db, &quota, "{ a(id: 1) { id } }", "\"code\":\"LIMIT\"");
    run_with(db, &quota, "{ __typename }", "{\"data\":{\"__typename\":\"Query\"}}");
    mapping_close(db);
}

Test(cost, of_a_subscription_is_asked_for_when_it_begins)
{
    quire_db *db = mapping_open(sdl, NULL);
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_subscription *subscription;
    const quire_subscription_event *event;
    struct quota quota = {.left = 7};
    char *response;
    size_t size;
    request.document = "subscription { a(id: 1) { id } }";
    request.admit = take;
    request.admit_context = &quota;
    cr_assert_eq(quire_subscribe(db, &request, NULL, &subscription, &response, &size, &err),
                 QUIRE_OK);
    cr_assert_null(response);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(quire_subscription_next(subscription, 10000, &event, &err), QUIRE_OK);
        cr_assert_not_null(event);
        cr_expect_not_null(strstr(event->response, i == 0 ? "null" : "\"id\":\"1\""), "%s",
                           event->response);
        MAPPING_HAS(db,
                    i == 0 ? "mutation { createA(input: {id: 1}) { id } }"
                           : "mutation { createA(input: {id: 2}) { id } }",
                    "createA");
    }
    cr_expect_eq(quota.asked, 1);
    quire_subscription_close(subscription);
    cr_assert_eq(quire_subscribe(db, &request, NULL, &subscription, &response, &size, &err),
                 QUIRE_OK);
    cr_expect_not_null(strstr(response, "\"code\":\"LIMIT\""), "%s", response);
    quire_free(response);
    mapping_close(db);
}

/* Fragments that double at each of thirty levels: what is counted is the tree, which has an end. */
Test(cost, of_fragments_that_multiply_is_not_counted_without_end)
{
    char document[8000] = "{ as { items { ...f0 } } }";
    size_t size = strlen(document);
    struct quota quota = {.left = UINT64_MAX};
    quire_db *db = mapping_open(sdl, NULL);
    for (int i = 0; i < 30; i++) {
        size += (size_t)snprintf(document + size, sizeof document - size,
                                 " fragment f%d on A { x: bs { items { a { ...f%d } } } y: bs { "
                                 "items { a { ...f%d } } } }",
                                 i, i + 1, i + 1);
    }
    snprintf(document + size, sizeof document - size, " fragment f30 on A { id }");
    run_with(db, &quota, document, "The request selects more than");
    cr_expect_eq(quota.asked, 0);
    mapping_close(db);
}

/* ---- lists ---- */

/* Runs a document where lists have two rows at most; its response must have a text. */
static void expect_bounded(quire_db *db, const char *document, const char *text)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;
    request.document = document;
    request.limits.list_max = 2;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK, "%s",
                 err.message);
    cr_expect_not_null(strstr(response, text), "%s\n  gives %s", document, response);
    quire_free(response);
}

Test(cost, lists_have_no_more_rows_than_the_limit)
{
    static const char *const beyond[] = {
        "{ bs(first: 3) { items { id } } }",
        "{ bs(last: 99999999) { items { id } } }",
        "{ bs(take: 2147483647) { totalCount } }",
        "{ bs { items(take: 3) { id } } }",
        "{ as { items { bs(first: 3) { items { id } } } } }",
        "{ bs { groupBy(by: { id: VALUE }, take: 3) { count } } }",
        "query($n: Int = 3) { bs(first: $n) { items { id } } }",
    };
    quire_db *db = mapping_open(sdl, NULL);
    for (int i = 1; i <= 3; i++) {
        char text[200];
        snprintf(text, sizeof text,
                 "mutation { createA(input: {id: %d}) { id } b: createB(input: {id: %d, aId: 1}) "
                 "{ id } }",
                 i, i);
        MAPPING_HAS(db, text, "createA");
    }
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        expect_bounded(db, beyond[i], "\"code\":\"LIMIT\"");
    }
    /* What asks for no length gets that much, at every level, and is told that there is more. */
    expect_bounded(db, "{ bs { items { id } totalCount pageInfo { hasNextPage } } }",
                   "{\"items\":[{\"id\":\"1\"},{\"id\":\"2\"}],\"totalCount\":3,"
                   "\"pageInfo\":{\"hasNextPage\":true}}");
    expect_bounded(db, "{ bs { edges { node { id } } } }", "{\"id\":\"2\"}}]}}}");
    expect_bounded(db, "{ a(id: 1) { bs { items { id } } } }", "[{\"id\":\"1\"},{\"id\":\"2\"}]");
    expect_bounded(db, "{ bs(first: 2, skip: 1) { items { id } } }",
                   "[{\"id\":\"2\"},{\"id\":\"3\"}]");
    /* Arguments of items alone find their rows among all. */
    expect_bounded(db, "{ bs { items(skip: 2, take: 2) { id } } }", "[{\"id\":\"3\"}]");
    expect_bounded(db, "{ bs { items(skip: 1) { id } } }", "[{\"id\":\"2\"},{\"id\":\"3\"}]");
    expect_bounded(db, "{ bs { items(skip: 0) { id } totalCount } }",
                   "[{\"id\":\"1\"},{\"id\":\"2\"}],\"totalCount\":3");
    MAPPING_IS(db, "{ bs { items { id } } }",
               "{\"data\":{\"bs\":{\"items\":[{\"id\":\"1\"},{\"id\":\"2\"},{\"id\":\"3\"}]}}}");
    mapping_close(db);
}
