#include <stdio.h>
#include <string.h>

#include "mapping_fixture.h"
#include "world.h"

Test(mapping, error__of_a_constraint_has_code_and_coordinate)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_HAS(db, "mutation { createBook(input: {title: \"x\", authorId: \"nobody\"}) { id } }",
                "\"code\":\"FOREIGN_KEY\",\"coordinate\":\"Book.author\"");
    MAPPING_HAS(db, "mutation { updateBook(id: \"b1\", input: {title: null}) { id } }",
                "\"code\":\"NOT_NULL\",\"coordinate\":\"Book.title\"");
    MAPPING_HAS(db, "mutation { updateBook(id: \"zz\", input: {title: \"x\"}) { id } }",
                "\"code\":\"NOT_FOUND\",\"coordinate\":\"Book.id\"");
    MAPPING_HAS(db, "mutation { deleteBook(id: \"zz\") { id } }", "\"code\":\"NOT_FOUND\"");
    MAPPING_HAS(db, "mutation { updateShop(id: \"s2\", input: {mainId: \"b1\"}) { id } }",
                "\"code\":\"UNIQUE\",\"coordinate\":\"Shop.main\"");
    MAPPING_HAS(db, "mutation { deleteAuthor(id: \"a1\") { id } }",
                "\"code\":\"FOREIGN_KEY\",\"coordinate\":\"Book.author\"");
    mapping_close(db);
}

Test(mapping, error__of_the_request_leaves_out_data)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(db, "{ books {",
               "{\"errors\":[{\"message\":\"Syntax Error: Expected Name, found <EOF>.\","
               "\"locations\":[{\"line\":1,\"column\":10}]}]}");
    MAPPING_HAS(db, "{ books { nope } }", "Cannot query field");
    MAPPING_HAS(db, "mutation { createBook(input: {}) { id } }", "required");
    MAPPING_HAS(db, "query A { __typename } query B { __typename }", "Must provide operation name");
    MAPPING_HAS(db, "query ($x: Int!) { books(take: $x) { totalCount } }", "{\"errors\":[");
    char *response = mapping_run(db, "{ __typename }", "[1]", false);
    cr_expect_not_null(strstr(response, "must be a JSON object"), "%s", response);
    quire_free(response);
    response = mapping_run(db, "{ __typename }", "{\"a\": }", false);
    cr_expect_not_null(strstr(response, "\"errors\""), "%s", response);
    quire_free(response);
    mapping_close(db);
}

Test(mapping, error__of_a_limit_names_it)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    char *response;
    size_t size;
    bool has_errors;

    request.document = "{ books { items { author { books { items { id } } } } } }";
    request.limits.depth_max = 3;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, &has_errors, &err), QUIRE_OK);
    cr_expect(has_errors, "%s", response);
    quire_free(response);
    request.limits.depth_max = 0;
    request.limits.response_bytes_max = 300;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, &has_errors, &err), QUIRE_OK, "%s",
                 err.message);
    cr_expect_not_null(strstr(response, "\"data\":null"), "%s", response);
    cr_expect_not_null(strstr(response, "LIMIT"), "%s", response);
    quire_free(response);
    request.limits.response_bytes_max = 0;
    request.limits.tokens_max = 5;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, &has_errors, &err), QUIRE_OK);
    cr_expect_not_null(strstr(response, "token"), "%s", response);
    quire_free(response);
    mapping_close(db);
}

/* A response that does not fit by its very last byte: what was done must not stand. */
Test(mapping, error__of_a_response_too_long_for_its_end_commits_nothing)
{
    static const char expected[] =
        "{\"data\":{\"createGenre\":{\"name\":"
        "\"a genre with a name that outlasts the error, if the limit of "
        "the response is what it should be; it goes on and on and on and "
        "on and on and on and on and on and on and on and on and on\"}}}";
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_db *db = mapping_open(mapping_schema, NULL);
    char document[400];
    char *response;
    size_t size;
    bool has_errors;

    snprintf(document, sizeof document, "mutation { createGenre(input: {name: %.*s}) { name } }",
             (int)(strlen(expected) - 3 - strlen("{\"data\":{\"createGenre\":{\"name\":")),
             expected + strlen("{\"data\":{\"createGenre\":{\"name\":"));
    request.document = document;
    request.limits.response_bytes_max = strlen(expected) - 1;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, &has_errors, &err), QUIRE_OK, "%s",
                 err.message);
    cr_expect_not_null(strstr(response, "\"code\":\"LIMIT\""), "%s", response);
    quire_free(response);
    MAPPING_IS(db, "{ genres { totalCount } }", "{\"data\":{\"genres\":{\"totalCount\":0}}}");
    request.explain = true; /* no extension to a mutation that reads nothing by queries */
    request.limits.response_bytes_max = strlen(expected);
    cr_assert_eq(quire_graphql(db, &request, &response, &size, &has_errors, &err), QUIRE_OK, "%s",
                 err.message);
    cr_expect_str_eq(response, expected);
    quire_free(response);
    mapping_close(db);
}

Test(mapping, error__of_the_memory_limit_is_told)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    unsigned told = 0;
    for (unsigned limit = 256; limit < 1u << 18; limit = limit * 3 / 2) {
        char *response;
        size_t size;
        bool has_errors;
        request.document = "mutation { createGenre(input: {name: \"x\"}) { name } "
                           "updateAuthor(id: \"a1\", input: {born: 1}) { id books { items { id "
                           "author { name } genres { items { name } } } } } "
                           "deleteGenre(name: \"x\") { name } }";
        request.limits.memory_bytes_max = limit;
        cr_assert_eq(quire_graphql(db, &request, &response, &size, &has_errors, &err), QUIRE_OK,
                     "%u: %s", limit, err.message);
        cr_expect_eq(has_errors, strstr(response, "\"code\":\"LIMIT\"") != NULL, "%s", response);
        told += has_errors ? 1 : 0;
        quire_free(response);
    }
    cr_expect_gt(told, 2);
    mapping_close(db);
}

Test(mapping, error__of_misuse_is_a_status)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_db *db = mapping_open(mapping_schema, NULL);
    char *response;
    size_t size;
    quire_txn *txn;
    cr_expect_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_MISUSE);
    request.document = "mutation { createGenre(input: {name: \"x\"}) { name } }";
    cr_assert_eq(quire_begin(db, QUIRE_READ, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_graphql_in(txn, &request, &response, &size, NULL, &err), QUIRE_OK);
    cr_expect_not_null(strstr(response, "READ_ONLY"), "%s", response);
    quire_free(response);
    cr_expect_eq(quire_schema_apply(txn, "type A { id: ID! }", 0, &err), QUIRE_MISUSE);
    quire_rollback(txn);
    mapping_close(db);
}

Test(mapping, error__in_a_callers_transaction_dooms_it)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    char *response;
    size_t size;
    quire_txn *txn;
    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &txn, &err), QUIRE_OK);
    request.document = "mutation { a: createGenre(input: {name: \"x\"}) { name } b: "
                       "createGenre(input: {name: \"x\"}) { name } }";
    cr_assert_eq(quire_graphql_in(txn, &request, &response, &size, NULL, &err), QUIRE_OK);
    cr_expect_not_null(strstr(response, "UNIQUE"), "%s", response);
    quire_free(response);
    cr_expect_eq(quire_commit(txn, &err), QUIRE_TXN_DOOMED);
    MAPPING_IS(db, "{ genres { totalCount } }", "{\"data\":{\"genres\":{\"totalCount\":3}}}");
    mapping_close(db);
}

Test(mapping, error__of_the_selection_undoes_the_mutation)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_db *db = mapping_open(mapping_schema, NULL);
    quire_txn *txn;
    char *response;
    size_t size;

    request.document = "mutation { createGenre(input: {name: \"x\"}) { books(first: -1) { "
                       "totalCount } } }";
    MAPPING_HAS(db, request.document, "must not be negative");
    MAPPING_IS(db, "{ genres { totalCount } }", "{\"data\":{\"genres\":{\"totalCount\":0}}}");
    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_graphql_in(txn, &request, &response, &size, NULL, &err), QUIRE_OK);
    quire_free(response);
    cr_expect_eq(quire_commit(txn, &err), QUIRE_TXN_DOOMED);
    /* A response that not even holds its error is a failure as well. */
    request.document = "mutation { createGenre(input: {name: \"y\"}) { name } }";
    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &txn, &err), QUIRE_OK);
    request.limits.response_bytes_max = 10;
    cr_expect_eq(quire_graphql_in(txn, &request, &response, &size, NULL, &err), QUIRE_LIMIT);
    cr_expect_null(response);
    cr_expect_eq(quire_commit(txn, &err), QUIRE_TXN_DOOMED);
    MAPPING_IS(db, "{ genres { totalCount } }", "{\"data\":{\"genres\":{\"totalCount\":0}}}");
    mapping_close(db);
}
