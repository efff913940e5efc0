/*
 * Every allocation of requests under rules, and of making a schema with them,
 * is made to fail: a request is answered as ever or fails, and shows and writes
 * nothing else.
 */
#include "auth_fixture.h"

#include <stdio.h>
#include <string.h>

#include "support/failing_allocator.h"

static quire_db *open_with(struct failing_allocator *failing)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    failing_allocator_init(failing);
    options.allocator = &failing->allocator;
    options.wal_segment_bytes = 64 << 10;
    cr_assert_eq(quire_open(":memory:", &options, &db, &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq(mapping_apply(db, auth_schema, &err), QUIRE_OK, "%s", err.message);
    char *response = auth_run(db, NULL, auth_rows, NULL, false);
    cr_assert_null(strstr(response, "\"errors\""), "%s", response);
    quire_free(response);
    return db;
}

/* Runs a document, which is another text each time, so that no program is kept. The response, or
 * NULL where there could be none. */
static char *try_run(quire_db *db, const char *claims, const char *document, unsigned round)
{
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_error err = QUIRE_ERROR_INIT;
    char text[1024];
    char *response = NULL;
    size_t size;
    (void)snprintf(text, sizeof text, "%s # %u", document, round);
    request.document = text;
    request.claims = claims;
    quire_status status = quire_graphql(db, &request, &response, &size, NULL, &err);
    cr_assert(status == QUIRE_OK || status == QUIRE_NO_MEMORY || status == QUIRE_LIMIT, "%s",
              err.message);
    return response;
}

/* Lets each allocation fail, alone and with all later ones, until a run meets none that does. */
static void try_all(const char *claims, const char *document, const char *expected)
{
    struct failing_allocator failing;
    quire_db *db = open_with(&failing);
    quire_error err = QUIRE_ERROR_INIT;
    unsigned round = 0;
    for (int forever = 0; forever < 2; forever++) {
        bool failed = true;
        for (uint64_t at = 0; failed; at++) {
            failing_allocator_arm(&failing, at, forever != 0);
            char *response = try_run(db, claims, document, round++);
            failed = failing.failures > 0;
            failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
            cr_assert(response == NULL || strcmp(response, expected) == 0 ||
                          strncmp(response, "{\"errors\":", 10) == 0,
                      "%llu: %s\n%s", (unsigned long long)at, document, response);
            cr_assert(failed || (response != NULL && strcmp(response, expected) == 0));
            quire_free(response);
        }
    }
    cr_assert_eq(quire_close(db, &err), QUIRE_OK);
    cr_assert(failing_allocator_is_clean(&failing));
}

Test(auth_fault, reads__never_show_more)
{
    try_all(ANN,
            "{ notes(where: {stars: {gt: 0}}) { totalCount items { id tags { items { name } } } }"
            " replies(orderBy: [{note: {text: ASC}}], where: {noteId: {not: \"n9\"}})"
            " { items { id note { id } } } tags(where: {notes: {every: {stars: {lt: 4}}}})"
            " { items { id } } }",
            "{\"data\":{\"notes\":{\"totalCount\":3,\"items\":["
            "{\"id\":\"n1\",\"tags\":{\"items\":[{\"name\":\"red\"}]}},"
            "{\"id\":\"n2\",\"tags\":{\"items\":[]}},{\"id\":\"n4\",\"tags\":{\"items\":[]}}]},"
            "\"replies\":{\"items\":[{\"id\":\"r1\",\"note\":{\"id\":\"n1\"}}]},"
            "\"tags\":{\"items\":[{\"id\":\"t1\"},{\"id\":\"t2\"}]}}}");
}

Test(auth_fault, denial__stays_one)
{
    static const char *const documents[] = {
        "{ users { items { id pay } } }", "{ users(where: {pay: {gt: 1}}) { totalCount } }",
        "{ secrets { totalCount } }",
        "mutation { updateNote(id: \"n4\", input: {stars: 9}) { id } }",
        "mutation { createNote(input: {text: \"x\", ownerId: \"bob\"}) { id } }"};
    struct failing_allocator failing;
    quire_db *db = open_with(&failing);
    quire_error err = QUIRE_ERROR_INIT;
    static const char look[] = "{ notes { items { id text stars ownerId } } }";
    char *before = auth_run(db, NULL, look, NULL, false);
    unsigned round = 0;
    for (size_t d = 0; d < sizeof documents / sizeof documents[0]; d++) {
        bool failed = true;
        for (uint64_t at = 0; failed; at++) {
            failing_allocator_arm(&failing, at, false);
            char *response = try_run(db, ANN, documents[d], round++);
            failed = failing.failures > 0;
            failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
            cr_assert(response == NULL || strncmp(response, "{\"errors\":", 10) == 0, "%s: %s",
                      documents[d], response);
            cr_assert(failed || strstr(response, "FORBIDDEN") != NULL);
            quire_free(response);
        }
    }
    char *after = auth_run(db, NULL, look, NULL, false);
    cr_assert_str_eq(after, before);
    quire_free(before);
    quire_free(after);
    cr_assert_eq(quire_close(db, &err), QUIRE_OK);
    cr_assert(failing_allocator_is_clean(&failing));
}

static quire_status apply(quire_db *db, quire_error *err)
{
    quire_txn *txn;
    quire_status status = quire_begin(db, QUIRE_WRITE, &txn, err);
    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_schema_apply(txn, auth_schema, strlen(auth_schema), err);
    if (status == QUIRE_OK) {
        return quire_commit(txn, err);
    }
    quire_rollback(txn);
    return status;
}

Test(auth_fault, schema__has_all_its_rules_or_is_not_made)
{
    struct failing_allocator failing;
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_status status = QUIRE_NO_MEMORY;
    quire_db *db;
    failing_allocator_init(&failing);
    options.allocator = &failing.allocator;
    cr_assert_eq(quire_open(":memory:", &options, &db, &err), QUIRE_OK);
    for (uint64_t at = 0; status != QUIRE_OK; at += 7) {
        failing_allocator_arm(&failing, at, false);
        status = apply(db, &err);
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        cr_assert(status == QUIRE_OK || status == QUIRE_NO_MEMORY || status == QUIRE_LIMIT, "%s",
                  err.message);
    }
    AUTH_FAILS(db, ANN, "{ secrets { totalCount } }", "FORBIDDEN");
    AUTH_FAILS(db, ANN, "{ users { items { pay } } }", "FORBIDDEN");
    AUTH_IS(db, ANN, "{ notes { totalCount } }", "{\"data\":{\"notes\":{\"totalCount\":0}}}");
    cr_assert_eq(quire_close(db, &err), QUIRE_OK);
    cr_assert(failing_allocator_is_clean(&failing));
}

/* Allocations of a request over so many rows of a caller, and as many of another one. */
static uint64_t count_allocations(const char *claims, int rows)
{
    struct failing_allocator failing;
    quire_error err = QUIRE_ERROR_INIT;
    static char json[1 << 20];
    quire_db *db = open_with(&failing);
    size_t size = (size_t)snprintf(json, sizeof json, "{\"Note\":[");
    for (int i = 0; i < rows; i++) {
        size +=
            (size_t)snprintf(json + size, sizeof json - size,
                             "%s{\"id\":\"m%d\",\"text\":\"t\",\"stars\":%d,\"ownerId\":\"%s\"}",
                             i == 0 ? "" : ",", i, i, i % 2 == 0 ? "ann" : "bob");
    }
    (void)snprintf(json + size, sizeof json - size, "]}");
    mapping_load(db, json);
    char *response = NULL;
    for (int again = 0; again < 2; again++) { /* the second time with all that is kept */
        quire_free(response);
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        response =
            auth_run(db, claims,
                     "{ notes(where: {stars: {gte: 0}}) { totalCount aggregate { sum { stars } } }"
                     " users { items { notes { totalCount } } } }",
                     NULL, false);
    }
    uint64_t calls = failing.calls;
    cr_assert_null(strstr(response, "\"errors\""), "%s", response);
    quire_free(response);
    cr_assert_eq(quire_close(db, &err), QUIRE_OK);
    return calls;
}

Test(auth_fault, rules__allocate_nothing_for_a_row)
{
    uint64_t program = count_allocations(NULL, 200);
    uint64_t few = count_allocations(ANN, 200);
    uint64_t many = count_allocations(ANN, 4000);
    cr_assert_lt(many, few + 100, "%llu and %llu allocations", (unsigned long long)few,
                 (unsigned long long)many);
    cr_assert_lt(few, program + 100, "%llu and %llu allocations", (unsigned long long)program,
                 (unsigned long long)few);
}
