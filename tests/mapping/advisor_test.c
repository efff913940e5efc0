#include <stdio.h>

#include "mapping_fixture.h"

static quire_advisor *new_advisor(quire_db *db, const quire_advisor_options *options)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_advisor *advisor;
    cr_assert_eq(quire_advisor_create(db, options, &advisor, &err), QUIRE_OK, "%s", err.message);
    return advisor;
}

static void work(quire_advisor *advisor)
{
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(quire_advisor_work(advisor, &err), QUIRE_OK, "%s", err.message);
}

/* Runs a request so many times; returns the last response's explanation. */
static char *ask(quire_db *db, quire_advisor *advisor, const char *document, int times)
{
    char *response = NULL;
    for (int i = 0; i < times; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
        size_t size;
        quire_free(response);
        request.document = document;
        request.advisor = advisor;
        request.explain = true;
        cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK);
        cr_assert_null(strstr(response, "\"errors\""), "%s", response);
    }
    return response;
}

static void expect_path(quire_db *db, quire_advisor *advisor, const char *document, int times,
                        const char *text)
{
    char *response = ask(db, advisor, document, times);
    cr_expect_not_null(strstr(response, text), "%s\n gives %s\n without %s", document, response,
                       text);
    quire_free(response);
}

#define PLAIN   "type Row { id: ID! a: Int b: String c: Int }"
#define BY_A    "{ rows(where: {a: {equals: 7}}) { items { id } } }"
#define AUTO_A  "\"index\":\"auto.Row.a\""
#define IS_SCAN "\"access\":\"scan\""
#define ROWS    2000

static quire_db *open_rows_of(const char *sdl)
{
    static char json[ROWS * 64];
    quire_db *db = mapping_open(sdl, NULL);
    size_t used = (size_t)snprintf(json, sizeof json, "{\"Row\":[");
    for (int i = 0; i < ROWS; i++) {
        used += (size_t)snprintf(json + used, sizeof json - used,
                                 "%s{\"id\":\"%d\",\"a\":%d,\"b\":\"b%d\",\"c\":%d}",
                                 i == 0 ? "" : ",", i, i % 500, i, i % 2);
    }
    snprintf(json + used, sizeof json - used, "]}");
    mapping_load(db, json);
    return db;
}

static quire_db *open_rows(void)
{
    return open_rows_of(PLAIN);
}

Test(advisor, index__is_built_where_requests_scan_in_vain)
{
    quire_db *db = open_rows();
    quire_advisor *advisor = new_advisor(db, NULL);

    expect_path(db, advisor, BY_A, 9, IS_SCAN);
    cr_expect_not(quire_advisor_is_due(advisor));
    work(advisor);
    expect_path(db, advisor, BY_A, 1, IS_SCAN);
    cr_expect(quire_advisor_is_due(advisor));
    expect_path(db, advisor, BY_A, 1, IS_SCAN); /* it is not built by itself */
    work(advisor);
    cr_expect_not(quire_advisor_is_due(advisor));
    expect_path(db, advisor, BY_A, 1, AUTO_A);
    /* Equality before ranges. */
    expect_path(db, advisor, "{ rows(where: {c: {gte: 5}, b: {equals: \"b7\"}}) { items { id } } }",
                10, IS_SCAN);
    work(advisor);
    expect_path(db, advisor, "{ rows(where: {c: {gte: 5}, b: {equals: \"b7\"}}) { items { id } } }",
                1, "\"index\":\"auto.Row.b\"");
    quire_advisor_free(advisor);
    mapping_close(db);
}

Test(advisor, index__is_built_on_the_table_of_a_type_that_is_called_otherwise)
{
    quire_db *db = open_rows_of("type Row @map(name: \"Line\")"
                                " { id: ID! a: Int @map(name: \"x\") b: String c: Int }");
    quire_advisor *advisor = new_advisor(db, NULL);
    quire_free(ask(db, advisor, BY_A, 10));
    work(advisor);
    expect_path(db, advisor, BY_A, 1, "\"index\":\"auto.Line.x\"");
    quire_advisor_free(advisor);
    mapping_close(db);
}

Test(advisor, index__is_not_built_where_it_would_not_pay)
{
    static const char *const documents[] = {
        "{ rows { items { id } } }",
        "{ rows(where: {c: {equals: 1}}) { items { id } } }",         /* half of the rows */
        "{ rows(where: {b: {contains: \"b19\"}}) { items { id } } }", /* no index helps */
        "{ rows(where: {id: {equals: \"7\"}}) { items { id } } }",
    };
    quire_db *db = open_rows();
    quire_advisor *advisor = new_advisor(db, NULL);
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        quire_free(ask(db, advisor, documents[i], 20));
        cr_expect_not(quire_advisor_is_due(advisor), "%s", documents[i]);
    }
    quire_advisor_free(advisor);
    /* Nor in a small table. */
    quire_advisor_options options = QUIRE_ADVISOR_OPTIONS_INIT;
    options.rows_min = ROWS + 1;
    advisor = new_advisor(db, &options);
    quire_free(ask(db, advisor, BY_A, 20));
    cr_expect_not(quire_advisor_is_due(advisor));
    quire_advisor_free(advisor);
    mapping_close(db);
}

Test(advisor, index__that_serves_nobody_is_dropped)
{
    quire_db *db = open_rows();
    quire_advisor_options options = QUIRE_ADVISOR_OPTIONS_INIT;
    options.idle_rounds = 3;
    quire_advisor *advisor = new_advisor(db, &options);

    quire_free(ask(db, advisor, BY_A, 10));
    for (int i = 0; i < 3; i++) {
        work(advisor);
    }
    expect_path(db, advisor, BY_A, 1, AUTO_A); /* a use is a new beginning */
    for (int i = 0; i < 3; i++) {
        work(advisor);
    }
    expect_path(db, NULL, BY_A, 1, AUTO_A);
    work(advisor);
    expect_path(db, NULL, BY_A, 1, IS_SCAN);
    /* An advisor made later finds the indexes of the one before it. */
    quire_free(ask(db, advisor, BY_A, 10));
    work(advisor);
    quire_advisor_free(advisor);
    advisor = new_advisor(db, &options);
    for (int i = 0; i < 4; i++) {
        expect_path(db, NULL, BY_A, 1, AUTO_A);
        work(advisor);
    }
    expect_path(db, NULL, BY_A, 1, IS_SCAN);
    quire_advisor_free(advisor);
    mapping_close(db);
}

static bool count_advice(void *context, const quire_advice *advice)
{
    unsigned *seen = context;
    seen[0]++;
    seen[1] += advice->due ? 1 : 0;
    seen[2] += advice->built ? 1 : 0;
    cr_expect_str_eq(advice->type, "Row");
    cr_expect_gt(advice->requests, 0);
    return true;
}

Test(advisor, list__tells_what_was_seen_and_the_number_of_indexes_is_bounded)
{
    quire_db *db = open_rows();
    quire_advisor_options options = QUIRE_ADVISOR_OPTIONS_INIT;
    quire_advisor *advisor;
    unsigned seen[3] = {0};

    options.indexes_max = 1;
    advisor = new_advisor(db, &options);
    quire_free(ask(db, advisor, BY_A, 10));
    quire_free(ask(db, advisor, "{ rows(where: {b: {equals: \"b7\"}}) { items { id } } }", 20));
    quire_advisor_list(advisor, count_advice, seen);
    cr_expect(seen[0] == 2 && seen[1] == 1 && seen[2] == 0);
    work(advisor);
    memset(seen, 0, sizeof seen);
    quire_advisor_list(advisor, count_advice, seen);
    cr_expect(seen[0] == 2 && seen[1] == 0 && seen[2] == 1);
    cr_expect_eq(quire_advisor_create(NULL, NULL, NULL, NULL), QUIRE_MISUSE);
    cr_expect_eq(quire_advisor_work(NULL, NULL), QUIRE_MISUSE);
    quire_advisor_free(advisor);
    quire_advisor_free(NULL);
    mapping_close(db);
}
