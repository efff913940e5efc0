/*
 * What users of other GraphQL databases complain of, where it is about numbers
 * and about schemas that change: each complaint is a test that it does not hold
 * here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping_fixture.h"

/* ---- 8. "Large integers and decimals lose digits in JSON." ---- */

static const char money[] = "type Account { id: ID! balance: BigInt! @index rate: Decimal @index "
                            "notes: JSON parts: [BigInt!] }";

#define BIG   "9007199254740993"                        /* no double is this number */
#define EXACT "12345678901234567890.123456789012345678" /* nor this */

Test(products, big_numbers__come_in_by_every_way_without_loss)
{
    static const struct {
        const char *document, *variables;
    } ways[] = {
        {"mutation { x: createAccount(input: {id: \"a\", balance: " BIG ", rate: " EXACT
         ", notes: {n: " EXACT "}, parts: [" BIG ", 1]}) { id } }",
         NULL},
        {"mutation { x: createAccount(input: {id: \"a\", balance: \"" BIG "\", rate: \"" EXACT
         "\", notes: {n: " EXACT "}, parts: [\"" BIG "\", \"1\"]}) { id } }",
         NULL},
        {"mutation ($b: BigInt!, $r: Decimal, $n: JSON, $p: [BigInt!]) { x: createAccount(input: "
         "{id: \"a\", balance: $b, rate: $r, notes: $n, parts: $p}) { id } }",
         "{\"b\": " BIG ", \"r\": " EXACT ", \"n\": {\"n\": " EXACT "}, \"p\": [" BIG ", 1]}"},
        {"mutation ($i: AccountInput!) { x: createAccount(input: $i) { id } }",
         "{\"i\": {\"id\": \"a\", \"balance\": " BIG ", \"rate\": \"" EXACT
         "\", \"notes\": {\"n\": " EXACT "}, \"parts\": [\"" BIG "\", 1]}}"},
        {NULL, "{\"Account\": [{\"id\": \"a\", \"balance\": " BIG ", \"rate\": " EXACT
               ", \"notes\": {\"n\": " EXACT "}, \"parts\": [" BIG ", \"1\"]}]}"},
    };
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        quire_db *db = mapping_open(money, NULL);
        if (ways[i].document == NULL) {
            mapping_load(db, ways[i].variables);
        } else {
            MAPPING_IS_WITH(db, ways[i].document, ways[i].variables,
                            "{\"data\":{\"x\":{\"id\":\"a\"}}}");
        }
        MAPPING_IS(db, "{ account(id: \"a\") { balance rate notes parts } }",
                   "{\"data\":{\"account\":{\"balance\":\"" BIG "\",\"rate\":\"" EXACT
                   "\",\"notes\":{\"n\":" EXACT "},\"parts\":[\"" BIG "\",\"1\"]}}}");
        mapping_close(db);
    }
}

Test(products, big_numbers__are_compared_ordered_paged_and_added_exactly)
{
    quire_db *db =
        mapping_open(money, "mutation { createAccounts(inputs: ["
                            "{id: \"a\", balance: 9007199254740993, rate: 0.1},"
                            "{id: \"b\", balance: 9007199254740992, rate: 0.2},"
                            "{id: \"c\", balance: 9007199254740994, rate: 0.30000000000000000001}])"
                            " { affectedRows } }");
    MAPPING_IS_WITH(
        db,
        "query ($b: BigInt) { a: accounts(where: {balance: {equals: $b}}) { items { id "
        "} } b: accounts(where: {balance: {gt: " BIG "}}) { items { id } } c: "
        "accounts(where: {rate: {lte: 0.3}}) { totalCount } d: accounts(where: {balance: "
        "{in: [9007199254740992, \"9007199254740994\"]}}) { totalCount } }",
        "{\"b\": " BIG "}",
        "{\"data\":{\"a\":{\"items\":[{\"id\":\"a\"}]},\"b\":{\"items\":[{\"id\":\"c\"}]},"
        "\"c\":{\"totalCount\":2},\"d\":{\"totalCount\":2}}}");
    MAPPING_IS(
        db, "{ accounts { aggregate { sum { balance rate } max { balance } } } }",
        "{\"data\":{\"accounts\":{\"aggregate\":{\"sum\":{\"balance\":\"27021597764222979\","
        "\"rate\":\"0.60000000000000000001\"},\"max\":{\"balance\":\"9007199254740994\"}}}}}");
    char after[200] = "";
    static const char *const ids[] = {"b", "a", "c"};
    for (int i = 0; i < 3; i++) {
        char document[400];
        char id[20];
        snprintf(document, sizeof document,
                 "{ accounts(orderBy: {balance: ASC}, first: 1%s) { items { id } pageInfo { "
                 "endCursor } } }",
                 after);
        char *response = mapping_run(db, document, NULL, false);
        snprintf(id, sizeof id, "\"id\":\"%s\"", ids[i]);
        cr_expect_not_null(strstr(response, id), "%s", response);
        char *cursor = strstr(response, "\"endCursor\":\"");
        cr_assert_not_null(cursor);
        cursor += strlen("\"endCursor\":\"");
        snprintf(after, sizeof after, ", after: \"%.*s\"", (int)strcspn(cursor, "\""), cursor);
        quire_free(response);
    }
    /* What does not fit is refused, not rounded. */
    MAPPING_HAS(
        db, "mutation { updateAccount(id: \"a\", input: {balance: 9223372036854775808}) { id } }",
        "\"errors\"");
    MAPPING_HAS(db, "mutation { updateAccount(id: \"a\", input: {balance: 1.5}) { id } }",
                "\"errors\"");
    mapping_close(db);
}

/* ---- 11. "Schema reload takes seconds to hours as the schema grows." ---- */

/* SDL of that many types in a chain; with `extra` behind it. From malloc. */
static char *many_types(int count, const char *extra)
{
    size_t room = (size_t)count * 120 + strlen(extra) + 1;
    char *sdl = malloc(room);
    char *end = sdl;
    cr_assert_not_null(sdl);
    for (int i = 0; i < count; i++) {
        end += snprintf(end, (size_t)(sdl + room - end),
                        "type T%d { id: ID! name: String! @index n: Int next: T%d }\n", i,
                        (i + 1) % count);
    }
    snprintf(end, (size_t)(sdl + room - end), "%s", extra);
    return sdl;
}

/* Applies SDL in a transaction of its own; the pages that it made or changed. */
static uint64_t pages_of_change(quire_db *db, const char *sdl)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn_stats stats = {.size = sizeof stats};
    quire_txn *txn;
    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_schema_apply(txn, sdl, strlen(sdl), &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq(quire_txn_get_stats(txn, &stats, &err), QUIRE_OK);
    cr_assert_eq(quire_commit(txn, &err), QUIRE_OK);
    return stats.page_copies;
}

/* What a change writes is what it adds and the schema's text: not the tables beside it, no rows. */
Test(products, schema_changes__cost_what_they_change)
{
    uint64_t pages[2];
    for (int step = 0; step < 2; step++) {
        int count = step == 0 ? 20 : 300;
        char *before = many_types(count, "");
        char *after = many_types(count, "type New { id: ID! name: String! @index first: T0 }");
        quire_db *db = mapping_open(before, NULL);
        for (int i = 0; i < 500 * (1 + step); i += 500) {
            char *rows = malloc(40000);
            char *end = rows + snprintf(rows, 40000, "{\"T0\": [");
            for (int row = 0; row < 500; row++) {
                end += snprintf(end, (size_t)(rows + 40000 - end),
                                "%s{\"id\": \"%d\", \"name\": \"name of %d\"}", row > 0 ? "," : "",
                                i + row, i + row);
            }
            snprintf(end, (size_t)(rows + 40000 - end), "]}");
            mapping_load(db, rows);
            free(rows);
        }
        pages[step] = pages_of_change(db, after);
        MAPPING_IS(
            db, "mutation { createNew(input: {name: \"n\", firstId: \"7\"}) { first { name } } }",
            "{\"data\":{\"createNew\":{\"first\":{\"name\":\"name of 7\"}}}}");
        mapping_close(db);
        free(before);
        free(after);
    }
    /* The text of 300 types is 6 pages or so; 2 tables for each type would be hundreds. */
    cr_expect_leq(pages[1], pages[0] + 12, "%llu and %llu pages", (unsigned long long)pages[0],
                  (unsigned long long)pages[1]);
    cr_expect_leq(pages[0], 30, "%llu pages", (unsigned long long)pages[0]);
}

/* "... metadata gets inconsistent": a change that is refused, or rolled back, leaves everything as
 * it was, and there is one schema, in the database. */
Test(products, schema_changes__are_whole_or_not_at_all)
{
    static const char base[] = "type A { id: ID! n: Int } type B { id: ID! a: A }";
    static const char *const refused[] = {
        "type A { id: ID! n: Int! more: Int } type B { id: ID! a: A } type C { id: ID! }",
        "type A { id: ID! n: Int @unique } type B { id: ID! a: A } type C { id: ID! }",
        "type A { id: ID! n: Int } type C { id: ID! b: B }",
        "type A { id: ID! n: Int } type B { id: ID! a: A } type C { id: ID! x: Unknown }",
        "type A { id: ID!",
    };
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open(
        base, "mutation { a: createA(input: {id: \"1\", n: 7}) { id } b: createA(input: {id: "
              "\"2\", n: 7}) { id } c: createA(input: {id: \"3\"}) { id } }");
    char *api = mapping_run(db, "{ __schema { types { name fields { name } } } }", NULL, false);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        cr_expect_neq(mapping_apply(db, refused[i], &err), QUIRE_OK, "%s", refused[i]);
        char *now = mapping_run(db, "{ __schema { types { name fields { name } } } }", NULL, false);
        cr_expect_str_eq(now, api, "%s", refused[i]);
        quire_free(now);
        MAPPING_IS(db, "{ as { totalCount } bs { totalCount } }",
                   "{\"data\":{\"as\":{\"totalCount\":3},\"bs\":{\"totalCount\":0}}}");
    }
    quire_report *report;
    cr_assert_eq(quire_inspect_database_open(db, &report, &err), QUIRE_OK);
    cr_expect_lt(quire_report_severity(report), QUIRE_SEVERITY_WARNING, "%s",
                 quire_report_text(report));
    quire_report_free(report);
    quire_free(api);
    mapping_close(db);
}
