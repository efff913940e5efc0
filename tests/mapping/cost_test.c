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
