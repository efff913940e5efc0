#include <string.h>

#include "mapping_fixture.h"

static void refuses(quire_db *db, const char *sdl, const char *reason)
{
    quire_error err = QUIRE_ERROR_INIT;
    cr_expect_eq(mapping_apply(db, sdl, &err), QUIRE_SCHEMA, "%s", sdl);
    cr_expect_not_null(strstr(err.message, reason), "%s\n  says %s", sdl, err.message);
}

Test(mapping, schema__grows_without_touching_rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open("type A { id: ID! n: Int k: K } enum K { X }",
                                "mutation { createA(input: {id: \"1\", n: 5, k: X}) { id } }");
    cr_assert_eq(
        mapping_apply(
            db,
            "type A { id: ID! s: String n: Int @index k: K m: Int! @default(value: 7) bs: [B] }"
            "enum K { X Y } type B { id: ID! a: A }",
            &err),
        QUIRE_OK, "%s", err.message);
    MAPPING_IS(db, "{ as { items { id s n k m bs { totalCount } } } }",
               "{\"data\":{\"as\":{\"items\":[{\"id\":\"1\",\"s\":null,\"n\":5,\"k\":\"X\",\"m\":7,"
               "\"bs\":{\"totalCount\":0}}]}}}");
    MAPPING_IS(db,
               "mutation { createB(input: {id: \"b\", aId: \"1\"}) { a { n bs { items { id } } } } "
               "createA(input: {id: \"2\", k: Y}) { m s } }",
               "{\"data\":{\"createB\":{\"a\":{\"n\":5,\"bs\":{\"items\":[{\"id\":\"b\"}]}}},"
               "\"createA\":{\"m\":7,\"s\":null}}}");
    MAPPING_EXPLAINS(db, "{ as(where: {n: {equals: 5}}) { items { id } } }", "\"index\":\"A.n\"");
    mapping_close(db);
}

Test(mapping, schema__refuses_what_would_lose_data)
{
    quire_db *db = mapping_open(
        "type A { id: ID! n: Int k: K ls: [B] } enum K { X Y } type B { id: ID! }",
        "mutation { createA(input: {id: \"1\", n: 5, k: Y, ls: {create: [{id: \"b\"}]}}) "
        "{ id } createA2: createA(input: {id: \"2\"}) { id } }");
    refuses(db, "type A { id: ID! k: K ls: [B] } enum K { X Y } type B { id: ID! }", "A.n");
    refuses(db, "type A { id: ID! n: Boolean k: K ls: [B] } enum K { X Y } type B { id: ID! }",
            "A.n");
    refuses(db, "type A { id: ID! n: Int! k: K ls: [B] } enum K { X Y } type B { id: ID! }", "A.n");
    refuses(db, "type A { id: ID! n: Int k: K ls: [B] } enum K { X } type B { id: ID! }", "A.k");
    refuses(db, "type A { id: ID! n: Int k: K } enum K { X Y } type B { id: ID! }", "A.ls");
    refuses(db, "type A { id: ID! n: Int k: K ls: [String] } enum K { X Y }", "missing");
    refuses(db, "type A { id: ID! n: Int k: K ls: [B] m: Int! } enum K { X Y } type B { id: ID! }",
            "@default");
    MAPPING_IS(db, "{ as { items { n k } } }",
               "{\"data\":{\"as\":{\"items\":[{\"n\":5,\"k\":\"Y\"},"
               "{\"n\":null,\"k\":null}]}}}");
    mapping_close(db);
}

Test(mapping, schema__refuses_a_unique_index_that_rows_break)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open(
        "type A { id: ID! n: Int }",
        "mutation { a: createA(input: {n: 1}) { id } b: createA(input: {n: 1}) { id } }");
    cr_expect_eq(mapping_apply(db, "type A { id: ID! n: Int @unique }", &err), QUIRE_UNIQUE);
    MAPPING_IS(db, "{ as { totalCount } }", "{\"data\":{\"as\":{\"totalCount\":2}}}");
    mapping_close(db);
}

Test(mapping, schema__gives_its_text_in_both_forms)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open("type A { id: ID! }", NULL);
    quire_txn *txn;
    char *text;
    size_t size;
    cr_assert_eq(quire_begin(db, QUIRE_READ, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_schema_text(txn, QUIRE_SCHEMA_SOURCE, &text, &size, &err), QUIRE_OK);
    cr_expect_str_eq(text, "type A { id: ID! }");
    quire_free(text);
    cr_assert_eq(quire_schema_text(txn, QUIRE_SCHEMA_API, &text, &size, &err), QUIRE_OK);
    cr_expect_not_null(strstr(text, "createA(input: AInput!): A!"));
    cr_expect_not_null(strstr(text, "type AConnection"));
    quire_free(text);
    quire_rollback(txn);
    mapping_close(db);
}

Test(mapping, schema__of_a_snapshot_is_that_of_its_moment)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_db *db =
        mapping_open("type A { id: ID! }", "mutation { createA(input: {id: \"1\"}) { id } }");
    quire_txn *txn;
    char *response;
    size_t size;
    cr_assert_eq(quire_begin(db, QUIRE_READ, &txn, &err), QUIRE_OK);
    cr_assert_eq(mapping_apply(db, "type A { id: ID! n: Int @default(value: 3) }", &err), QUIRE_OK);
    request.document = "{ as { items { n } } }";
    cr_assert_eq(quire_graphql_in(txn, &request, &response, &size, NULL, &err), QUIRE_OK);
    cr_expect_not_null(strstr(response, "Cannot query field"), "%s", response);
    quire_free(response);
    quire_rollback(txn);
    MAPPING_IS(db, "{ as { items { n } } }", "{\"data\":{\"as\":{\"items\":[{\"n\":3}]}}}");
    mapping_close(db);
}

/* Which of two fields gave a link table its name must not matter later. */
Test(mapping, schema__keeps_links_when_declarations_change_places)
{
    static const char *const before[] = {"type A { id: ID! bs: [B] } type B { id: ID! as: [A] }",
                                         "type A { id: ID! bs: [B] } type B { id: ID! }"};
    for (int i = 0; i < 2; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_db *db =
            mapping_open(before[i], "mutation { createB(input: {id: \"b\"}) { id } "
                                    "createA(input: {id: \"a\", bsIds: [\"b\"]}) { id } }");
        for (int again = 0; again < 2; again++) {
            cr_assert_eq(mapping_apply(db,
                                       again == 0
                                           ? "type B { id: ID! as: [A] } type A { id: ID! bs: [B] }"
                                           : before[0],
                                       &err),
                         QUIRE_OK, "%s", err.message);
            MAPPING_IS(
                db, "{ as { items { bs { items { id } } } } bs { items { as { totalCount } } } }",
                "{\"data\":{\"as\":{\"items\":[{\"bs\":{\"items\":[{\"id\":\"b\"}]}}]},"
                "\"bs\":{\"items\":[{\"as\":{\"totalCount\":1}}]}}}");
        }
        MAPPING_IS(db, "mutation { updateB(id: \"b\", input: {asIds: []}) { id } }",
                   "{\"data\":{\"updateB\":{\"id\":\"b\"}}}");
        MAPPING_IS(db, "{ a(id: \"a\") { bs { totalCount } } }",
                   "{\"data\":{\"a\":{\"bs\":{\"totalCount\":0}}}}");
        mapping_close(db);
    }
}

Test(mapping, schema__refuses_another_column_for_a_reference)
{
    quire_db *db =
        mapping_open("type A { id: ID! a: A }",
                     "mutation { createA(input: {id: \"1\", a: {create: {id: \"2\"}}}) { id } }");
    refuses(db, "type A { id: ID! a: A @relation(from: \"other\") }", "A.a");
    mapping_close(db);
}

/* Runs a request inside a transaction; the response is freed with quire_free. */
static char *ask_in(quire_txn *txn, const char *document)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;
    request.document = document;
    request.explain = true;
    cr_assert_eq(quire_graphql_in(txn, &request, &response, &size, NULL, &err), QUIRE_OK, "%s",
                 err.message);
    return response;
}

Test(mapping, schema__serves_the_transaction_that_changes_it)
{
    static const char *const schemas[] = {
        "type A { id: ID! n: Int }", "type A { id: ID! n: Int @index m: Int @default(value: 4) "
                                     "bs: [B] } type B { id: ID! as: [A] }"};
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open("type A { id: ID! }", NULL);
    quire_txn *txn;
    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &txn, &err), QUIRE_OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(quire_schema_apply(txn, schemas[i], 0, &err), QUIRE_OK, "%s", err.message);
        char *response = ask_in(txn, i == 0 ? "mutation { createA(input: {id: \"1\", n: 2}) { n } }"
                                            : "{ as(where: {n: {equals: 2}}) { items { m } } }");
        cr_expect_not_null(strstr(response, i == 0 ? "{\"n\":2}" : "{\"m\":4}"), "%s", response);
        quire_free(response);
    }
    /* Others see none of it until it is committed. */
    MAPPING_HAS(db, "{ as { items { m } } }", "Cannot query field");
    cr_assert_eq(quire_commit(txn, &err), QUIRE_OK, "%s", err.message);
    MAPPING_IS(db, "{ as { items { m bs { totalCount } } } }",
               "{\"data\":{\"as\":{\"items\":[{\"m\":4,\"bs\":{\"totalCount\":0}}]}}}");
    mapping_close(db);
}

Test(mapping, schema__lets_interfaces_name_relations)
{
    quire_db *db = mapping_open(
        "interface N { id: ID! bs: [B!]! up: A e: E } enum E { X } "
        "type A implements N { id: ID! bs: [B!]! up: A e: E } type B { id: ID! a: A! }",
        "mutation { createA(input: {id: \"1\", e: X}) { id } "
        "createB(input: {id: \"b\", aId: \"1\"}) { id } }");
    MAPPING_IS(db,
               "{ as { items { ... on N { e up { id } ...F __typename } } } } fragment F on N { "
               "bs(first: 1) { items { id a { ... on N { id } } } } }",
               "{\"data\":{\"as\":{\"items\":[{\"e\":\"X\",\"up\":null,\"bs\":{\"items\":[{\"id\":"
               "\"b\",\"a\":{\"id\":\"1\"}}]},\"__typename\":\"A\"}]}}}");
    mapping_close(db);
}

Test(mapping, schema__moves_a_named_index_to_another_type)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open("type A { id: ID! n: Int @index(name: \"x\") } "
                                "type B { id: ID! n: Int }",
                                NULL);
    cr_assert_eq(mapping_apply(db,
                               "type A { id: ID! n: Int } "
                               "type B { id: ID! n: Int @index(name: \"x\") }",
                               &err),
                 QUIRE_OK, "%s", err.message);
    MAPPING_EXPLAINS(db, "{ bs(where: {n: {equals: 1}}) { items { id } } }", "\"index\":\"x\"");
    MAPPING_EXPLAINS(db, "{ as(where: {n: {equals: 1}}) { items { id } } }", "\"index\":null");
    mapping_close(db);
}
