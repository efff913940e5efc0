/*
 * What a request tells beside its response: operation, outcome, plan; the limits
 * of its shape; the list of tables.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mapping_fixture.h"

static quire_graphql_outcome outcome;

static char *run(quire_db *db, quire_graphql_request *request, const char *document)
{
    char *response;
    size_t size;
    quire_error err = QUIRE_ERROR_INIT;
    request->document = document;
    request->outcome = &outcome;
    cr_assert_eq(quire_graphql(db, request, &response, &size, NULL, &err), QUIRE_OK, "%s",
                 err.message);
    return response;
}

static void expect(quire_db *db, const char *document, quire_operation operation, bool executed,
                   quire_status status)
{
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response = run(db, &request, document);
    cr_expect_eq(outcome.operation, operation, "%s: operation %d", document, outcome.operation);
    cr_expect_eq(outcome.executed, executed, "%s", document);
    cr_expect_eq(outcome.status, status, "%s: %s", document, quire_status_name(outcome.status));
    cr_expect_eq(outcome.executed, strstr(response, "\"data\":") != NULL, "%s", response);
    cr_expect_null(outcome.plan);
    quire_free(response);
}

Test(outcome, outcome__tells_what_became_of_a_request)
{
    quire_db *db = mapping_open(mapping_schema, NULL);
    expect(db, "{ __typename }", QUIRE_OPERATION_QUERY, true, QUIRE_OK);
    expect(db, "{", QUIRE_OPERATION_NONE, false, QUIRE_SYNTAX);
    expect(db, "{ nothing }", QUIRE_OPERATION_NONE, false, QUIRE_QUERY);
    expect(db, "query($i: ID!) { author(id: $i) { id } }", QUIRE_OPERATION_QUERY, false,
           QUIRE_QUERY);
    expect(db, "mutation { deleteAuthor(id: \"none\") { id } }", QUIRE_OPERATION_MUTATION, true,
           QUIRE_QUERY);
    mapping_close(db);
}

Test(outcome, mutation__on_a_read_transaction_is_told_and_not_run)
{
    quire_db *db = mapping_open(mapping_schema, NULL);
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    char *response;
    size_t size;
    bool failed;
    request.document = "mutation { createAuthor(input: {id: \"z\", name: \"z\"}) { id } }";
    request.outcome = &outcome;
    cr_assert_eq(quire_begin(db, QUIRE_READ, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_graphql_in(txn, &request, &response, &size, &failed, &err), QUIRE_OK);
    quire_rollback(txn);
    quire_free(response);
    cr_expect(failed);
    cr_expect_eq(outcome.operation, QUIRE_OPERATION_MUTATION);
    cr_expect_eq(outcome.status, QUIRE_READ_ONLY);
    cr_expect(!outcome.executed);
    MAPPING_IS(db, "{ author(id: \"z\") { id } }", "{\"data\":{\"author\":null}}");
    request.queries_only = true;
    quire_free(run(db, &request, request.document));
    cr_expect_eq(outcome.operation, QUIRE_OPERATION_MUTATION);
    cr_expect_eq(outcome.status, QUIRE_READ_ONLY);
    cr_expect(!outcome.executed);
    MAPPING_IS(db, "{ author(id: \"z\") { id } }", "{\"data\":{\"author\":null}}");
    quire_free(run(db, &request, "{ __typename }"));
    cr_expect_eq(outcome.status, QUIRE_OK);
    mapping_close(db);
}

static quire_status refuse_commit(void *context, quire_txn *txn, quire_error *err)
{
    (void)txn;
    (void)err;
    return *(const quire_status *)context;
}

Test(outcome, commit__that_fails_is_told_of_a_document_that_no_cache_keeps)
{
    static char document[700000];
    quire_status status = QUIRE_OK;
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_db *db;
    options.hooks = (quire_hooks){.context = &status, .before_commit = refuse_commit};
    cr_assert_eq(quire_open(":memory:", &options, &db, &err), QUIRE_OK);
    cr_assert_eq(mapping_apply(db, "type A { id: ID! }", &err), QUIRE_OK);
    int used = snprintf(document, sizeof document, "mutation { createA(input: {}) { id } }");
    memset(document + used, ' ', sizeof document - (size_t)used - 1);
    status = QUIRE_BUSY;
    char *response = run(db, &request, document);
    cr_expect_not_null(strstr(response, "\"code\":\"BUSY\""), "%s", response);
    cr_expect_eq(outcome.operation, QUIRE_OPERATION_MUTATION);
    cr_expect_eq(outcome.status, QUIRE_BUSY);
    quire_free(response);
    MAPPING_IS(db, "{ as { totalCount } }", "{\"data\":{\"as\":{\"totalCount\":0}}}");
    mapping_close(db);
}

/* Makes a request last: the progress callback is called while it runs. */
static bool wait_long(void *context, uint64_t rows_read)
{
    (void)context;
    (void)rows_read;
    struct timespec pause = {.tv_nsec = 3000000};
    nanosleep(&pause, NULL);
    return true;
}

Test(outcome, plan__is_told_of_requests_that_take_long)
{
    quire_db *db = mapping_open(mapping_schema, NULL);
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    request.plan_after_ms = 60000;
    char *response = run(db, &request, "{ authors { totalCount } }");
    cr_expect_null(outcome.plan);
    quire_free(response);
    request.plan_after_ms = 1;
    request.progress = wait_long;
    response = run(db, &request, "{ authors { items { id } } }");
    cr_expect_null(strstr(response, "explain"), "%s", response);
    cr_assert_not_null(outcome.plan);
    cr_expect_not_null(strstr(outcome.plan, "\"field\":\"Query.authors\""), "%s", outcome.plan);
    cr_expect_eq(strlen(outcome.plan), outcome.plan_size);
    quire_free(outcome.plan);
    quire_free(response);
    mapping_close(db);
}

Test(outcome, shape_limits__belong_to_the_request_not_to_its_text)
{
    quire_db *db = mapping_open(mapping_schema, NULL);
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    const char *document = "query($a: ID, $b: ID) { x: __typename y: __typename @skip(if: false) }";
    const char *valid = "{ x: __typename y: __typename @skip(if: false) }";
    quire_free(run(db, &request, document));
    quire_free(run(db, &request, valid));
    cr_expect_eq(outcome.status, QUIRE_OK);
    request.limits.aliases_max = 1;
    char *response = run(db, &request, valid);
    cr_expect_not_null(strstr(response, "more aliases than the limit of 1"), "%s", response);
    quire_free(response);
    request.limits = (quire_graphql_limits){.root_fields_max = 1};
    response = run(db, &request, valid);
    cr_expect_not_null(strstr(response, "more root fields than the limit of 1"), "%s", response);
    quire_free(response);
    request.limits = (quire_graphql_limits){.directives_max = 1};
    quire_free(run(db, &request, valid));
    cr_expect_eq(outcome.status, QUIRE_OK);
    mapping_close(db);
}

Test(outcome, introspection__is_refused_where_it_is_switched_off)
{
    quire_db *db = mapping_open(mapping_schema, NULL);
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    const char *document = "{ a: __schema { queryType { name } } }";
    quire_free(run(db, &request, document));
    cr_expect_eq(outcome.status, QUIRE_OK);
    request.no_introspection = true;
    quire_free(run(db, &request, document));
    cr_expect_eq(outcome.status, QUIRE_QUERY);
    char *response = run(db, &request, "{ authrs { totalCount } }");
    cr_expect_null(strstr(response, "Did you mean"), "%s", response);
    quire_free(response);
    request.no_introspection = false;
    response = run(db, &request, "{ authrs { totalCount } }");
    cr_expect_not_null(strstr(response, "Did you mean"), "%s", response);
    quire_free(response);
    mapping_close(db);
}

/* ---- Tables ---- */

struct seen {
    char names[512];
    uint64_t rows;
    int left; /* calls until it ends the walk */
};

static quire_status see(void *context, const char *name, uint64_t rows, quire_error *err)
{
    struct seen *seen = context;
    size_t size = strlen(seen->names);
    (void)err;
    if (seen->left-- == 0) {
        return QUIRE_INTERRUPTED;
    }
    snprintf(seen->names + size, sizeof seen->names - size, "%s ", name);
    seen->rows += rows;
    return QUIRE_OK;
}

Test(outcome, each_table__tells_names_in_order_and_rows)
{
    quire_db *db = mapping_open("type B { id: ID! a: A }\ntype A { id: ID! b: [B!]! }",
                                "mutation { x: createA(input: {id: \"1\"}) { id } "
                                "y: createB(input: {id: \"1\", aId: \"1\"}) { id } "
                                "z: createB(input: {id: \"2\"}) { id } }");
    quire_error err = QUIRE_ERROR_INIT;
    struct seen seen = {.left = 100};
    quire_txn *txn;
    cr_assert_eq(quire_begin(db, QUIRE_READ, &txn, &err), QUIRE_OK);
    cr_expect_eq(quire_each_table(txn, see, &seen, &err), QUIRE_OK);
    cr_expect_str_eq(seen.names, "A B ");
    cr_expect_eq(seen.rows, 3);
    seen.left = 1;
    cr_expect_eq(quire_each_table(txn, see, &seen, &err), QUIRE_INTERRUPTED);
    cr_expect_eq(quire_each_table(NULL, see, &seen, &err), QUIRE_MISUSE);
    cr_expect_eq(quire_each_table(txn, NULL, &seen, &err), QUIRE_MISUSE);
    quire_rollback(txn);
    mapping_close(db);
}
