/*
 * Every allocation of prepared documents, streams, typed rows, sets of rows and
 * advisors is made to fail once: the call says so or succeeds, and nothing leaks.
 */
#include <stdio.h>

#include "mapping_fixture.h"
#include "support/failing_allocator.h"

struct bench {
    struct failing_allocator failing;
    quire_db *db;
    char document[512]; /* new each time, so that no cache spares the work */
};

static quire_graphql_request request_of(struct bench *bench, const char *document, uint64_t round)
{
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    snprintf(bench->document, sizeof bench->document, "%s # %llu", document,
             (unsigned long long)round);
    request.document = bench->document;
    return request;
}

static bool is_failure(quire_status status)
{
    return status == QUIRE_NO_MEMORY || status == QUIRE_LIMIT;
}

/* ---- what is tried; each returns whether all went well ---- */

static bool prepare_and_run(struct bench *bench, uint64_t round)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = request_of(
        bench, "query ($id: ID!) { author(id: $id) { name books { items { id } } } }", round);
    quire_value ids[1] = {quire_text("a1")};
    quire_variable bound = {.name = "id", .value = ids[0]};
    quire_graphql_errors *errors = NULL;
    quire_prepared *prepared;
    char *response = NULL;
    size_t size;
    bool has_errors = true;

    quire_status status = quire_prepare(bench->db, &request, &prepared, &err);
    if (status != QUIRE_OK) {
        cr_expect(is_failure(status), "%s", err.message);
        return false;
    }
    request.document = NULL;
    request.prepared = prepared;
    request.bound = &bound;
    request.bound_count = 1;
    request.errors = &errors;
    status = quire_graphql(bench->db, &request, &response, &size, &has_errors, &err);
    cr_expect(status == QUIRE_OK || is_failure(status), "%s", err.message);
    quire_free(response);
    quire_free(errors);
    quire_prepared_free(prepared);
    return status == QUIRE_OK && !has_errors;
}

static bool count_bytes(void *context, const char *bytes, size_t size)
{
    (void)bytes;
    *(size_t *)context += size;
    return true;
}

static bool stream(struct bench *bench, uint64_t round)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = request_of(
        bench, "{ authors(orderBy: {name: ASC}) { edges { cursor node { id mentor { id } } } } }",
        round);
    size_t bytes = 0;
    bool has_errors = true;
    request.explain = true;
    quire_status status =
        quire_graphql_stream(bench->db, &request, count_bytes, &bytes, &has_errors, &err);
    cr_expect(status == QUIRE_OK || is_failure(status), "%s", err.message);
    return status == QUIRE_OK && !has_errors;
}

static bool read_rows(struct bench *bench, uint64_t round)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = request_of(
        bench,
        "{ books(where: {year: {lt: 3}}, orderBy: {year: DESC}) { items { title author { name } } "
        "} }",
        round);
    quire_graphql_errors *errors = NULL;
    quire_rows *rows;
    bool valid = true;
    unsigned count = 0;

    request.errors = &errors;
    quire_status status = quire_rows_open(bench->db, &request, &rows, &err);
    while (status == QUIRE_OK && valid) {
        quire_value value;
        status = quire_rows_next(rows, &valid, &err);
        if (status == QUIRE_OK && valid) {
            count++;
            status = quire_rows_value(rows, 1, &value, &err);
        }
    }
    quire_rows_close(rows);
    quire_free(errors);
    cr_expect(status == QUIRE_OK || is_failure(status), "%s", err.message);
    cr_expect(status != QUIRE_OK || count == 18, "%u rows", count);
    return status == QUIRE_OK;
}

static bool find_sets(struct bench *bench, uint64_t round)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = request_of(
        bench,
        "{ books(where: {OR: [{title: {equals: \"title000007\"}}, {year: {equals: 3}}]}) { items { "
        "id } } b: books(where: {author: {is: {name: {equals: \"name000007\"}}}}) { items { id } } "
        "c: authors(where: {books: {some: {title: {equals: \"title000007\"}}}}) { totalCount } }",
        round);
    char *response = NULL;
    size_t size;
    bool has_errors = true;
    request.explain = true;
    quire_status status = quire_graphql(bench->db, &request, &response, &size, &has_errors, &err);
    cr_expect(status == QUIRE_OK || is_failure(status), "%s", err.message);
    bool well = status == QUIRE_OK && !has_errors;
    if (well) {
        cr_expect_not_null(strstr(response, "rows of several ways"), "%s", response);
    }
    quire_free(response);
    return well;
}

static bool advise(struct bench *bench, uint64_t round)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request =
        request_of(bench, "{ authors(where: {rating: {equals: 7}}) { items { id } } }", round);
    quire_advisor_options options = {
        .size = sizeof options, .rows_min = 1, .scans_min = 1, .idle_rounds = 1};
    quire_advisor *advisor;
    quire_status status = quire_advisor_create(bench->db, &options, &advisor, &err);

    if (status != QUIRE_OK) {
        cr_expect(is_failure(status));
        return false;
    }
    bool well = true;
    for (int i = 0; i < 3 && well; i++) {
        char *response = NULL;
        size_t size;
        bool has_errors = true;
        request.advisor = i == 0 ? advisor : NULL;
        status = quire_graphql(bench->db, &request, &response, &size, &has_errors, &err);
        quire_free(response);
        well = status == QUIRE_OK && !has_errors;
        status = well ? quire_advisor_work(advisor, &err) : status;
        well = well && status == QUIRE_OK;
    }
    cr_expect(well || status == QUIRE_OK || is_failure(status), "%s", err.message);
    quire_advisor_free(advisor);
    return well;
}

Test(plan_fault, allocation__that_fails_does_no_harm, .timeout = 120)
{
    static bool (*const tries[])(struct bench * bench, uint64_t round) = {
        prepare_and_run, stream, read_rows, find_sets, advise};
    static struct bench bench;

    for (size_t t = 0; t < sizeof tries / sizeof tries[0]; t++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_options options = QUIRE_OPTIONS_INIT;
        bool failed = true;

        failing_allocator_init(&bench.failing);
        options.allocator = &bench.failing.allocator;
        options.wal_segment_bytes = 64 << 10;
        cr_assert_eq(quire_open(":memory:", &options, &bench.db, &err), QUIRE_OK);
        cr_assert_eq(mapping_apply(bench.db, mapping_schema, &err), QUIRE_OK);
        mapping_load_crowd(bench.db, 300);
        for (uint64_t i = 0; failed; i++) {
            failing_allocator_arm(&bench.failing, i, false);
            bool well = tries[t](&bench, i);
            failed = bench.failing.failures > 0;
            failing_allocator_arm(&bench.failing, FAILING_ALLOCATOR_NEVER, false);
            cr_assert(well || failed, "try %zu, allocation %llu", t, (unsigned long long)i);
        }
        mapping_close(bench.db);
        cr_assert(failing_allocator_is_clean(&bench.failing), "try %zu", t);
    }
}
