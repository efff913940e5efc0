/*
 * Values at and beyond their bounds, and texts that are none: what fits is kept
 * exactly, what does not is refused by name, and answers to nonsense are small.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping_fixture.h"
#include "world.h"

static const char schema[] = "type T { id: ID! n: Int x: Float s: String b: BigInt }";

/* A request of these bytes, which may hold zeros. Released with quire_free. */
static char *ask(quire_db *db, const char *document, size_t size, const char *variables,
                 size_t variables_size, uint64_t cost_max)
{
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_error err = QUIRE_ERROR_INIT;
    char *response;
    size_t response_size;
    request.document = document;
    request.document_size = size;
    request.variables = variables;
    request.variables_size = variables_size;
    request.limits.cost_max = cost_max;
    cr_assert_eq(quire_graphql(db, &request, &response, &response_size, NULL, &err), QUIRE_OK, "%s",
                 err.message);
    cr_assert_eq(strlen(response), response_size);
    return response;
}

static void has(quire_db *db, const char *document, const char *variables, const char *text)
{
    char *response = ask(db, document, 0, variables, 0, 0);
    cr_expect_not_null(strstr(response, text), "%s\n%s\n  gives %s\n  without %s", document,
                       variables == NULL ? "" : variables, response, text);
    quire_free(response);
}

Test(boundary, sizes_of_pages__are_from_0_to_2_to_the_31st)
{
    static const struct {
        const char *value, *expected;
    } cases[] = {
        {"0", "\"items\":[]"},
        {"2147483647", "\"id\":\"b6\""},
        {"99999999", "\"id\":\"b6\""},
        {"-1", "must not be negative"},
        {"-2147483648", "must not be negative"},
        {"2147483648", "Int cannot represent non 32-bit signed integer value: 2147483648"},
        {"-2147483649", "Int cannot represent non 32-bit signed integer value"},
        {"9223372036854775808", "Int cannot represent non 32-bit signed integer value"},
        {"1e400", "Int cannot represent non"},
        {"1.5", "Int cannot represent non-integer value: 1.5"},
        {"\"1\"", "Int cannot represent non-integer value: \\\"1\\\""},
    };
    static const char *const arguments[] = {"first", "last", "take"};
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t a = 0; a < sizeof arguments / sizeof arguments[0]; a++) {
            char document[200];
            char variables[60];
            snprintf(document, sizeof document, "{ books(%s: %s) { items { id } } }", arguments[a],
                     cases[i].value);
            has(db, document, NULL, cases[i].expected);
            snprintf(document, sizeof document,
                     "query ($n: Int) { books(%s: $n) { items { id } } }", arguments[a]);
            snprintf(variables, sizeof variables, "{\"n\": %s}", cases[i].value);
            has(db, document, variables, cases[i].expected);
        }
    }
    mapping_close(db);
}

/* The cost of a huge page is refused before a row is read. */
Test(boundary, costs__are_limited_before_anything_runs)
{
    static const char *const documents[] = {
        "{ books(first: 99999999) { items { title } } }",
        "{ books(first: 1000) { items { genres(first: 1000) { items { name } } } } }",
        "{ a: books { items { author { books { items { author { name } } } } } } }",
    };
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        char *response = ask(db, documents[i], 0, NULL, 0, 10000);
        cr_expect_not_null(strstr(response, "cost_max"), "%s: %s", documents[i], response);
        cr_expect_not_null(strstr(response, "\"code\":\"LIMIT\""), "%s", response);
        quire_free(response);
    }
    char *response = ask(db, "{ books(first: 10) { items { title } } }", 0, NULL, 0, 10000);
    cr_expect_null(strstr(response, "\"errors\""), "%s", response);
    quire_free(response);
    mapping_close(db);
}

Test(boundary, numbers__are_kept_up_to_their_bounds)
{
    static const struct {
        const char *field, *value, *expected;
    } cases[] = {
        {"n", "2147483647", "\"n\":2147483647"},
        {"n", "-2147483648", "\"n\":-2147483648"},
        {"n", "2147483648", "Int cannot represent non 32-bit"},
        {"x", "1.7976931348623157e308", "\"x\":1.7976931348623157e+308"},
        {"x", "1e309", "Float cannot represent non numeric value"},
        {"x", "5e-324", "\"x\":5e-324"},
        {"x", "1e-400", "\"x\":0"},
        {"b", "9223372036854775807", "\"b\":\"9223372036854775807\""},
        {"b", "-9223372036854775808", "\"b\":\"-9223372036854775808\""},
        {"b", "9223372036854775808", "\"errors\""},
    };
    quire_db *db = mapping_open(schema, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char document[200];
        char variables[80];
        snprintf(document, sizeof document, "mutation { createT(input: {%s: %s}) { %s } }",
                 cases[i].field, cases[i].value, cases[i].field);
        has(db, document, NULL, cases[i].expected);
        snprintf(document, sizeof document, "mutation ($t: TInput!) { createT(input: $t) { %s } }",
                 cases[i].field);
        snprintf(variables, sizeof variables, "{\"t\": {\"%s\": %s}}", cases[i].field,
                 cases[i].value);
        has(db, document, variables, cases[i].expected);
    }
    mapping_close(db);
}

/* Keys and texts may be longer than a page and hold every character, U+0000 too. */
Test(boundary, texts__may_be_long_and_hold_every_character)
{
    static const size_t sizes[] = {1, 1023, 1024, 1025, 4096, 70000};
    quire_db *db = mapping_open(schema, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t room = sizes[i] + 200;
        char *key = malloc(sizes[i] + 1);
        char *document = malloc(room);
        memset(key, 'k', sizes[i]);
        key[sizes[i]] = '\0';
        snprintf(document, room, "mutation { createT(input: {id: \"%s\", n: 7}) { n } }", key);
        has(db, document, NULL, "{\"data\":{\"createT\":{\"n\":7}}}");
        has(db, document, NULL, "\"code\":\"UNIQUE\"");
        snprintf(document, room, "{ t(id: \"%s\") { n } }", key);
        has(db, document, NULL, "{\"data\":{\"t\":{\"n\":7}}}");
        free(document);
        free(key);
    }
    has(db, "mutation { createT(input: {id: \"z\\u0000\", s: \"a\\u0000b\\u{10FFFF}\"}) { id s } }",
        NULL, "{\"id\":\"z\\u0000\",\"s\":\"a\\u0000b\xF4\x8F\xBF\xBF\"}");
    has(db, "query ($id: ID!) { t(id: $id) { s } }", "{\"id\": \"z\\u0000\"}", "\"s\":\"a\\u0000b");
    has(db, "{ t(id: \"z\") { s } }", NULL, "{\"data\":{\"t\":null}}");
    mapping_close(db);
}

/* Overlong forms, halves of pairs, bytes that begin nothing, zeros outside of strings. */
Test(boundary, bytes_that_are_not_text__are_refused_in_documents_and_variables)
{
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {{"\xC0\x80", 2},         {"\xE0\x80\x80", 3}, {"\xED\xA0\x80", 3},
                 {"\xF4\x90\x80\x80", 4}, {"\xFF", 1},         {"\xC3", 1},
                 {"\\uD800", 6},          {"\\uDC00x", 7},     {"\\uD800\\u0041", 12}};
    quire_db *db = mapping_open(schema, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[100];
        size_t size = 0;
        memcpy(text, "{ t(id: \"", 9);
        memcpy(text + 9, cases[i].bytes, cases[i].size);
        size = 9 + cases[i].size;
        memcpy(text + size, "\") { n } }", 11);
        char *response = ask(db, text, size + 10, NULL, 0, 0);
        cr_expect_not_null(strstr(response, "Syntax Error"), "%zu: %s", i, response);
        cr_expect_null(strstr(response, "\"data\""), "%s", response);
        quire_free(response);
        memcpy(text, "{\"id\": \"", 8);
        memcpy(text + 8, cases[i].bytes, cases[i].size);
        size = 8 + cases[i].size;
        memcpy(text + size, "\"}", 3);
        response = ask(db, "query ($id: ID!) { t(id: $id) { n } }", 0, text, size + 2, 0);
        cr_expect_not_null(strstr(response, "\"errors\""), "%zu: %s", i, response);
        cr_expect_null(strstr(response, "\"data\""), "%s", response);
        quire_free(response);
    }
    char *response = ask(db, "{ ts\0 { totalCount } }", 22, NULL, 0, 0);
    cr_expect_not_null(strstr(response, "Syntax Error"), "%s", response);
    quire_free(response);
    has(db, "query ($id: ID!) { t(id: $id) { n } }", "{\"id\": \"a\", \"id\": \"b\"}", "twice");
    has(db, "query ($id: ID!) { t(id: $id) { n } }", "[]", "\"errors\"");
    has(db, "query ($id: ID!) { t(id: $id) { n } }", "{\"id\": \"a\"} {}", "\"errors\"");
    mapping_close(db);
}

/* A hundred errors at most, each of a kilobyte at most, whatever they are about. */
Test(boundary, answers_to_nonsense__are_small)
{
    enum { COUNT = 10000 };
    static const struct {
        const char *before, *after;
    } pieces[] = {
        {" unknown", ""}, {" x", ": t(id: 1) { nothing }"}, {" ...F", ""},
        {" @d", ""},      {" t(x", ": 1) { id }"},
    };
    quire_db *db = mapping_open(schema, NULL);
    size_t room = 40 * COUNT + 100;
    char *document = malloc(room);
    char *limit = document + room;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        char *end = document + snprintf(document, room, "%s", i == 3 ? "query Q " : "{");
        for (int k = 0; k < COUNT; k++) {
            end += snprintf(end, (size_t)(limit - end), "%s%d%s", pieces[i].before, k,
                            pieces[i].after);
        }
        snprintf(end, (size_t)(limit - end), "%s", i == 3 ? " { ts { totalCount } }" : " }");
        char *response = ask(db, document, 0, NULL, 0, 0);
        size_t errors = 0;
        for (const char *at = response; (at = strstr(at, "\"message\":")) != NULL; at++) {
            errors++;
        }
        cr_expect(errors >= 1 && errors <= 101, "%s: %zu errors", pieces[i].before, errors);
        cr_expect_lt(strlen(response), 130000, "%s: %zu bytes", pieces[i].before, strlen(response));
        quire_free(response);
    }
    free(document);
    mapping_close(db);
}
