/*
 * Directives through requests: generated values, what clients may read and
 * write, stored names, which root fields there are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping_fixture.h"

/* Copies the text that follows `key` in a response up to the next quote or comma. */
static void take(quire_db *db, const char *document, const char *key, char *out, size_t size)
{
    char *response = mapping_run(db, document, NULL, false);
    char *at = strstr(response, key);
    cr_assert_not_null(at, "%s gives %s", document, response);
    at += strlen(key);
    snprintf(out, size, "%.*s", (int)strcspn(at, "\",}"), at);
    quire_free(response);
}

/* ---- generated values ---- */

Test(directives, defaults_make_uuids_moments_and_numbers)
{
    quire_db *db = mapping_open(
        "type T { id: ID! u: UUID! @default(expr: \"uuid()\") s: String @default(expr: \"uuid()\") "
        "at: DateTime! @default(expr: \"now()\") day: Date @default(expr: \"now()\") "
        "n: Int! @default(expr: \"autoincrement()\") }",
        NULL);
    char first[64], second[64], day[64];
    take(db, "mutation { createT(input: {id: 1}) { u } }", "\"u\":\"", first, sizeof first);
    take(db, "mutation { createT(input: {id: 2}) { s } }", "\"s\":\"", second, sizeof second);
    cr_expect_eq(strlen(first), 36);
    cr_expect_eq(strlen(second), 36);
    cr_expect_eq(first[14], '7');
    cr_expect_str_neq(first, second);
    /* All rows of a request have one moment. */
    take(db, "mutation { a: createT(input: {id: 3}) { at } b: createT(input: {id: 4}) { day } }",
         "\"at\":\"", first, sizeof first);
    take(db, "{ t(id: 4) { at } }", "\"at\":\"", second, sizeof second);
    cr_expect_str_eq(first, second);
    take(db, "{ t(id: 4) { day } }", "\"day\":\"", day, sizeof day);
    cr_expect_eq(strncmp(first, day, 10), 0);
    /* What is given stays; null is a value. */
    MAPPING_IS(db,
               "mutation { createT(input: {id: 5, s: null, n: 7, at: \"2000-01-01T00:00:00Z\"}) { "
               "s n at } }",
               "{\"data\":{\"createT\":{\"s\":null,\"n\":7,\"at\":\"2000-01-01T00:00:00Z\"}}}");
    mapping_close(db);
}

Test(directives, numbers_count_on_whatever_happens_to_rows)
{
    quire_db *db =
        mapping_open("type T { n: BigInt! @id @default(expr: \"autoincrement()\") s: Int "
                     "m: Int @default(expr: \"autoincrement()\") }",
                     NULL);
    MAPPING_IS(db, "mutation { a: createT(input: {}) { n m } b: createT(input: {}) { n m } }",
               "{\"data\":{\"a\":{\"n\":\"1\",\"m\":1},\"b\":{\"n\":\"2\",\"m\":2}}}");
    /* A number that was deleted does not come again. */
    MAPPING_IS(db, "mutation { deleteT(n: 2) { n } createT(input: {}) { n m } }",
               "{\"data\":{\"deleteT\":{\"n\":\"2\"},\"createT\":{\"n\":\"3\",\"m\":3}}}");
    /* One that is given is counted from, the lesser ones are not. */
    MAPPING_IS(db,
               "mutation { a: createT(input: {n: 10, m: 1}) { n } b: createT(input: {n: 5}) { m } "
               "c: createT(input: {}) { n m } }",
               "{\"data\":{\"a\":{\"n\":\"10\"},\"b\":{\"m\":4},\"c\":{\"n\":\"11\",\"m\":5}}}");
    MAPPING_IS(db, "mutation { updateT(n: 11, input: {m: 20}) { m } createT(input: {}) { n m } }",
               "{\"data\":{\"updateT\":{\"m\":20},\"createT\":{\"n\":\"12\",\"m\":21}}}");
    /* A request that fails gives its numbers back. */
    MAPPING_HAS(db, "mutation { a: createT(input: {}) { n } b: createT(input: {n: 1}) { n } }",
                "\"UNIQUE\"");
    MAPPING_IS(db, "mutation { createT(input: {}) { n } }",
               "{\"data\":{\"createT\":{\"n\":\"13\"}}}");
    /* The end of the type. */
    MAPPING_IS(db, "mutation { createT(input: {m: 2147483647}) { n } }",
               "{\"data\":{\"createT\":{\"n\":\"14\"}}}");
    MAPPING_HAS(db, "mutation { createT(input: {}) { n } }", "a BigInt goes further");
    MAPPING_HAS(db, "mutation { createT(input: {}) { n } }", "\"code\":\"LIMIT\"");
    mapping_close(db);
}

Test(directives, numbers_are_found_without_reading_rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db =
        mapping_open("type T { n: Int! @id @default(expr: \"autoincrement()\") s: Int }", NULL);
    static char text[200000];
    size_t size = (size_t)snprintf(text, sizeof text, "{\"T\": [{\"n\": 3}");
    for (int i = 0; i < 5000; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, ",{\"s\": %d}", i);
    }
    snprintf(text + size, sizeof text - size, "]}");
    cr_assert_eq(mapping_try_load(db, text, &err), QUIRE_OK, "%s", err.message);
    MAPPING_IS(db, "{ ts(orderBy: {n: DESC}, first: 1) { items { n s } } }",
               "{\"data\":{\"ts\":{\"items\":[{\"n\":5003,\"s\":4999}]}}}");
    quire_txn *txn;
    quire_txn_stats before = {.size = sizeof before}, after = {.size = sizeof after};
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_txn_get_stats(txn, &before, &err), QUIRE_OK);
    request.document = "mutation { createT(input: {}) { n } }";
    cr_assert_eq(quire_graphql_in(txn, &request, &response, &size, NULL, &err), QUIRE_OK);
    cr_assert_eq(quire_txn_get_stats(txn, &after, &err), QUIRE_OK);
    cr_expect_str_eq(response, "{\"data\":{\"createT\":{\"n\":5004}}}");
    cr_expect_lt(after.page_visits - before.page_visits, 60);
    quire_free(response);
    quire_rollback(txn);
    mapping_close(db);
}

Test(directives, numbers_go_on_from_those_of_an_older_schema)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open("type T { id: ID! n: Int }",
                                "mutation { a: createT(input: {id: 1, n: 41}) { id } "
                                "b: createT(input: {id: 2}) { id } }");
    cr_assert_eq(mapping_apply(db,
                               "type T { id: ID! n: Int @default(expr: \"autoincrement()\") "
                               "m: Int! @default(expr: \"autoincrement()\") "
                               "u: UUID! @default(expr: \"uuid()\") at: DateTime! @createdAt }",
                               &err),
                 QUIRE_OK, "%s", err.message);
    MAPPING_IS(db, "{ ts { items { n m } } }",
               "{\"data\":{\"ts\":{\"items\":[{\"n\":41,\"m\":1},{\"n\":null,\"m\":2}]}}}");
    MAPPING_IS(db, "mutation { createT(input: {}) { n m } }",
               "{\"data\":{\"createT\":{\"n\":42,\"m\":3}}}");
    char one[64], two[64];
    take(db, "{ t(id: 1) { u } }", "\"u\":\"", one, sizeof one);
    take(db, "{ t(id: 2) { u } }", "\"u\":\"", two, sizeof two);
    cr_expect_str_neq(one, two);
    mapping_close(db);
}

/* ---- stamps ---- */

static const char stamped[] =
    "type T { id: ID! made: DateTime! @createdAt changed: DateTime! @updatedAt n: Int t: T "
    "ts: [T!]! @relation(inverse: \"t\") }";

Test(directives, stamps_are_set_by_every_write_and_by_no_client)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open(stamped, "mutation { createT(input: {id: 1}) { id } "
                                         "b: createT(input: {id: 2, tId: 1}) { id } }");
    char made[64], changed[64], later[64];
    MAPPING_HAS(db, "mutation { createT(input: {made: \"2000-01-01T00:00:00Z\"}) { id } }",
                "unknown field \\\"made\\\"");
    MAPPING_HAS(db,
                "mutation { updateT(id: 1, input: {changed: \"2000-01-01T00:00:00Z\"}) { id } }",
                "unknown field \\\"changed\\\"");
    take(db, "{ t(id: 1) { made } }", "\"made\":\"", made, sizeof made);
    take(db, "{ t(id: 1) { changed } }", "\"changed\":\"", changed, sizeof changed);
    cr_expect_str_eq(made, changed);
    take(db, "mutation { updateT(id: 1, input: {n: 1}) { changed } }", "\"changed\":\"", later,
         sizeof later);
    cr_expect_gt(strcmp(later, changed), 0, "%s %s", later, changed);
    take(db, "{ t(id: 1) { made } }", "\"made\":\"", later, sizeof later);
    cr_expect_str_eq(made, later);
    /* A reference that is cleared is a change of its row. */
    take(db, "{ t(id: 2) { changed } }", "\"changed\":\"", changed, sizeof changed);
    MAPPING_HAS(db, "mutation { deleteT(id: 1) { id } }", "\"id\":\"1\"");
    take(db, "{ t(id: 2) { changed } }", "\"changed\":\"", later, sizeof later);
    cr_expect_gt(strcmp(later, changed), 0, "%s %s", later, changed);
    /* A load keeps what its data says, and says the rest itself. */
    cr_assert_eq(
        mapping_try_load(db,
                         "{\"T\": [{\"id\": 3, \"t\": 4, \"made\": \"2000-01-01T00:00:00Z\", "
                         "\"changed\": \"2001-01-01T00:00:00Z\"}, {\"id\": 4}]}",
                         &err),
        QUIRE_OK, "%s", err.message);
    MAPPING_IS(db, "{ t(id: 3) { made changed t { id } } }",
               "{\"data\":{\"t\":{\"made\":\"2000-01-01T00:00:00Z\","
               "\"changed\":\"2001-01-01T00:00:00Z\",\"t\":{\"id\":\"4\"}}}}");
    take(db, "{ t(id: 4) { changed } }", "\"changed\":\"", later, sizeof later);
    cr_expect_gt(strcmp(later, changed), 0);
    mapping_close(db);
}

/* ---- access ---- */

Test(directives, access_is_what_the_api_has)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open(
        "type T { id: ID! secret: String @private score: Int @readonly @index "
        "password: String @writeonly @unique boss: T @private peer: T @readonly "
        "peers: [T!]! @relation(inverse: \"peer\") staff: [T!]! @relation(inverse: \"boss\") "
        "@private }",
        "mutation { createT(input: {id: 1, password: \"p\"}) { id } }");
    static const char *const refused[] = {
        "{ ts { items { secret } } }",
        "{ ts { items { password } } }",
        "{ ts { items { bossId } } }",
        "{ ts { items { staff { totalCount } } } }",
        "{ ts(where: {secret: {equals: \"x\"}}) { totalCount } }",
        "{ ts(where: {password: {startsWith: \"p\"}}) { totalCount } }",
        "{ ts(where: {staff: {some: {}}}) { totalCount } }",
        "{ ts(orderBy: {password: ASC}) { totalCount } }",
        "{ t(password: \"p\") { id } }",
        "mutation { createT(input: {secret: \"x\"}) { id } }",
        "mutation { createT(input: {score: 1}) { id } }",
        "mutation { createT(input: {peerId: 1}) { id } }",
        "mutation { updateT(id: 1, input: {score: 1}) { id } }",
        "mutation { updateT(id: 1, input: {bossId: 1}) { id } }",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        MAPPING_HAS(db, refused[i], "\"errors\"");
    }
    cr_assert_eq(
        mapping_try_load(db, "{\"T\": [{\"id\": 2, \"secret\": \"s\", \"score\": 9, \"peer\": 1}]}",
                         &err),
        QUIRE_OK, "%s", err.message);
    MAPPING_IS(db, "{ ts(where: {score: {gt: 5}}) { items { id score peerId peer { id } } } }",
               "{\"data\":{\"ts\":{\"items\":[{\"id\":\"2\",\"score\":9,\"peerId\":\"1\","
               "\"peer\":{\"id\":\"1\"}}]}}}");
    MAPPING_HAS(db, "mutation { createT(input: {password: \"p\"}) { id } }", "\"UNIQUE\"");
    mapping_close(db);
}

Test(directives, generate_chooses_the_roots)
{
    quire_db *db = mapping_open(
        "type A @generate(query: false) { id: ID! bs: [B!]! }"
        "type B @generate(mutation: false) { id: ID! a: A! n: Int! @readonly }"
        "type C @generate(query: false, mutation: false, subscription: false) { id: ID! }",
        "mutation { createA(input: {id: 1}) { id bs { totalCount } } }");
    MAPPING_IS(db, "{ bs { items { a { id } } } }", "{\"data\":{\"bs\":{\"items\":[]}}}");
    MAPPING_HAS(db, "{ as { totalCount } }", "Cannot query field");
    MAPPING_HAS(db, "{ a(id: 1) { id } }", "Cannot query field");
    MAPPING_HAS(db, "mutation { deleteB(id: 1) { id } }", "Cannot query field");
    MAPPING_HAS(db, "{ __type(name: \"BInput\") { name } }", "null");
    mapping_close(db);
    db = mapping_open("type C @generate(query: false, mutation: false) { id: ID! }", NULL);
    MAPPING_HAS(db, "mutation { __typename }", "mutation operation is not supported");
    MAPPING_IS(db, "{ __typename }", "{\"data\":{\"__typename\":\"Query\"}}");
    mapping_close(db);
}

/* ---- stored names ---- */

Test(directives, map_names_what_is_stored)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open("type T @map(name: \"tbl t\") { id: ID! @map(name: \"pk\") "
                                "title: String @map(name: \"t_title\") @index "
                                "up: T @map(name: \"up_ref\") downs: [T!]! @relation(inverse: "
                                "\"up\") tags: [Tag!]! @map(name: \"labels\") }"
                                "type Tag { id: ID! ts: [T!]! }",
                                "mutation { createTag(input: {id: 7}) { id } "
                                "a: createT(input: {id: 1, title: \"one\", tagsIds: [7]}) { id } "
                                "b: createT(input: {id: 2, upId: 1}) { id } }");
    quire_txn *txn;
    quire_table *table;
    cr_assert_eq(quire_begin(db, QUIRE_READ, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_table_open(txn, "tbl t", &table, &err), QUIRE_OK, "%s", err.message);
    cr_expect_eq(quire_table_find_column(table, "pk"), 0);
    cr_expect_eq(quire_table_find_column(table, "t_title"), 1);
    cr_expect_eq(quire_table_find_column(table, "up_ref"), 2);
    quire_table_close(table);
    cr_assert_eq(quire_table_open(txn, "tbl t.labels", &table, &err), QUIRE_OK, "%s", err.message);
    quire_table_close(table);
    quire_rollback(txn);
    MAPPING_IS(db,
               "{ ts(where: {title: {equals: \"one\"}}) { items { title tags { items { id } } "
               "downs { items { id upId } } } } }",
               "{\"data\":{\"ts\":{\"items\":[{\"title\":\"one\",\"tags\":{\"items\":[{\"id\":"
               "\"7\"}]},\"downs\":{\"items\":[{\"id\":\"2\",\"upId\":\"1\"}]}}]}}}");
    MAPPING_EXPLAINS(db, "{ ts(where: {title: {equals: \"one\"}}) { items { id } } }",
                     "\"index\":\"T.t_title\"");
    cr_expect_eq(
        mapping_try_load(db, "{\"T\": [{\"id\": 3, \"title\": \"x\", \"upId\": 1, \"tags\": [7]}]}",
                         &err),
        QUIRE_OK, "%s", err.message);
    MAPPING_IS(db, "{ tag(id: 7) { ts { items { id } } } }",
               "{\"data\":{\"tag\":{\"ts\":{\"items\":[{\"id\":\"1\"},{\"id\":\"3\"}]}}}}");
    mapping_close(db);
}

/* ---- relations as other products write them ---- */

Test(directives, relation_takes_the_column_that_it_stands_on)
{
    static const char *const forms[] = {
        "type Film { id: ID! planet: Planet @relation(from: \"planetRef\", to: \"id\") }"
        "type Planet { id: ID! films: [Film!]! }",
        "type Film { id: ID! planet: Planet @relation(fields: [\"planetRef\"], references: "
        "[\"id\"]) } type Planet { id: ID! films: [Film!]! }",
        "type Film { id: ID! } type Planet { id: ID! } "
        "extend type Film { planet: Planet @relation(from: \"planetRef\") } "
        "extend type Planet { films: [Film!]! }",
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_db *db = mapping_open(forms[i], NULL);
        cr_assert_eq(mapping_try_load(db,
                                      "{\"Planet\": [{\"id\": \"p\"}], "
                                      "\"Film\": [{\"id\": 1, \"planetRef\": \"p\"}]}",
                                      &err),
                     QUIRE_OK, "%s", err.message);
        MAPPING_IS(db, "{ films { items { planetRef planet { id films { totalCount } } } } }",
                   "{\"data\":{\"films\":{\"items\":[{\"planetRef\":\"p\",\"planet\":{\"id\":\"p\","
                   "\"films\":{\"totalCount\":1}}}]}}}");
        mapping_close(db);
    }
}

Test(directives, extensions_count_as_the_type)
{
    quire_db *db = mapping_open("type T { id: ID! a: Int } "
                                "extend type T @index(fields: [\"a\", \"b\"]) "
                                "@generate(subscription: false) "
                                "{ b: Int @constraint(max: 5) } extend type T @map(name: \"tt\")",
                                NULL);
    MAPPING_HAS(db, "mutation { createT(input: {a: 1, b: 6}) { id } }", "T.b is at most 5, not 6.");
    MAPPING_EXPLAINS(db, "{ ts(where: {a: {equals: 1}, b: {equals: 2}}) { items { id } } }",
                     "\"index\":\"T.a.b\"");
    MAPPING_HAS(db, "{ __schema { subscriptionType { name } } }", "null");
    mapping_close(db);
}
