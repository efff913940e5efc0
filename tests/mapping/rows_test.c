#include <stdio.h>

#include "mapping_fixture.h"
#include "world.h"

static quire_rows *open_rows(quire_db *db, const char *document)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_rows *rows;
    request.document = document;
    cr_assert_eq(quire_rows_open(db, &request, &rows, &err), QUIRE_OK, "%s: %s", document,
                 err.message);
    return rows;
}

static bool next(quire_rows *rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    bool valid;
    cr_assert_eq(quire_rows_next(rows, &valid, &err), QUIRE_OK, "%s", err.message);
    return valid;
}

static quire_value value_of(quire_rows *rows, uint32_t column)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_value value;
    cr_assert_eq(quire_rows_value(rows, column, &value, &err), QUIRE_OK, "%s", err.message);
    return value;
}

static void expect_text(quire_rows *rows, uint32_t column, const char *text)
{
    quire_value value = value_of(rows, column);
    if (text == NULL) {
        cr_expect_eq(value.type, QUIRE_NULL, "column %u", column);
        return;
    }
    cr_expect_eq(value.type, QUIRE_TEXT, "column %u", column);
    cr_expect(value.size == strlen(text) && memcmp(value.as.bytes, text, value.size) == 0,
              "column %u is %.*s, not %s", column, (int)value.size, (const char *)value.as.bytes,
              text);
}

Test(rows, values__come_in_their_kinds)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    quire_rows *rows = open_rows(db, "{ authors { items { id name born rating living tags "
                                     "__typename } } }");
    static const quire_type types[] = {QUIRE_TEXT, QUIRE_TEXT, QUIRE_INT, QUIRE_FLOAT,
                                       QUIRE_BOOL, QUIRE_LIST, QUIRE_TEXT};
    quire_value value;
    quire_error err = QUIRE_ERROR_INIT;

    cr_expect_eq(quire_rows_column_count(rows), 7);
    for (uint32_t i = 0; i < 7; i++) {
        cr_expect_eq(quire_rows_column_type(rows, i), types[i], "column %u", i);
    }
    cr_expect_str_eq(quire_rows_column_name(rows, 3), "rating");
    cr_expect_null(quire_rows_column_name(rows, 7));
    cr_expect_eq(quire_rows_value(rows, 0, &value, &err), QUIRE_MISUSE);
    cr_assert(next(rows));
    expect_text(rows, 0, "a1");
    expect_text(rows, 1, "Ines");
    cr_expect_eq(value_of(rows, 2).as.integer, 1901);
    cr_expect(value_of(rows, 3).as.real >= 4.5 && value_of(rows, 3).as.real <= 4.5);
    cr_expect_not(value_of(rows, 4).as.boolean);
    value = value_of(rows, 5);
    quire_value tag;
    cr_assert_eq(quire_record_column(value.as.bytes, value.size, 1, &tag, &err), QUIRE_OK);
    cr_expect(tag.size == 4 && memcmp(tag.as.bytes, "long", 4) == 0);
    expect_text(rows, 6, "Author");
    cr_expect_eq(quire_rows_value(rows, 7, &value, &err), QUIRE_MISUSE);
    cr_assert(next(rows));
    cr_assert(next(rows));
    cr_expect_eq(value_of(rows, 3).type, QUIRE_NULL);
    cr_assert(next(rows));
    cr_expect_not(next(rows));
    cr_expect_not(next(rows));
    quire_rows_close(rows);
    quire_rows_close(NULL);
    mapping_close(db);
}

Test(rows, single_relations__are_columns_by_their_path)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    quire_rows *rows = open_rows(db, "{ shops(orderBy: {city: DESC}) { items { city main { title "
                                     "pages a: author { name mentor { id } } } mainId } } }");

    static const char *const names[] = {"city",        "main.title",       "main.pages",
                                        "main.a.name", "main.a.mentor.id", "mainId"};
    cr_assert_eq(quire_rows_column_count(rows), 6);
    for (uint32_t i = 0; i < 6; i++) {
        cr_expect_str_eq(quire_rows_column_name(rows, i), names[i]);
    }
    cr_assert(next(rows));
    expect_text(rows, 0, "Porto");
    expect_text(rows, 1, "Alpha");
    cr_expect_eq(value_of(rows, 2).as.integer, INT64_C(9007199254740993));
    expect_text(rows, 3, "Ines");
    expect_text(rows, 4, NULL);
    expect_text(rows, 5, "b1");
    cr_assert(next(rows));
    expect_text(rows, 0, "Nantes");
    for (uint32_t i = 1; i < 6; i++) {
        expect_text(rows, i, NULL);
    }
    cr_expect_not(next(rows));
    quire_rows_close(rows);
    mapping_close(db);
}

/* Scalars that are stored otherwise than they are written come as they are written. */
Test(rows, scalars__are_the_texts_of_json)
{
    quire_db *db = mapping_open("type A { id: ID! at: DateTime cost: Decimal data: JSON }",
                                "mutation { createA(input: {id: \"1\", at: "
                                "\"2026-01-02T03:04:05Z\", cost: \"1.50\", data: {a: [1]}}) { id } "
                                "b: createA(input: {id: \"2\"}) { id } }");
    quire_rows *rows = open_rows(db, "{ allA: as { items { at cost data } } }");
    char *json = mapping_run(db, "{ as { items { at cost } } }", NULL, false);
    quire_value at;

    cr_assert(next(rows));
    at = value_of(rows, 0);
    cr_expect_eq(at.type, QUIRE_TEXT);
    cr_expect_eq(quire_rows_column_type(rows, 1), QUIRE_TEXT);
    char member[128];
    snprintf(member, sizeof member, "\"at\":\"%.*s\"", (int)at.size, (const char *)at.as.bytes);
    cr_expect_not_null(strstr(json, member), "%s in %s", member, json);
    at = value_of(rows, 1);
    snprintf(member, sizeof member, "\"cost\":\"%.*s\"", (int)at.size, (const char *)at.as.bytes);
    cr_expect_not_null(strstr(json, member), "%s in %s", member, json);
    expect_text(rows, 2, "{\"a\":[1]}");
    cr_assert(next(rows));
    expect_text(rows, 0, NULL);
    quire_free(json);
    quire_rows_close(rows);
    mapping_close(db);
}

Test(rows, many__are_those_of_the_response)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_db *db = mapping_open(mapping_schema, NULL);
    quire_rows *rows;
    quire_txn *txn;
    int64_t count = 0;

    mapping_load_crowd(db, 3000);
    request.document = "query ($from: Int) { authors(where: {born: {gte: $from}}, orderBy: {name: "
                       "ASC}) { items { name born } } }";
    quire_prepared *prepared;
    cr_assert_eq(quire_prepare(db, &request, &prepared, &err), QUIRE_OK, "%s", err.message);
    quire_variable from = {.name = "from", .value = quire_int(1950)};
    request.document = NULL;
    request.prepared = prepared;
    request.bound = &from;
    request.bound_count = 1;
    cr_assert_eq(quire_begin(db, QUIRE_READ, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_rows_open_in(txn, &request, &rows, &err), QUIRE_OK, "%s", err.message);
    while (next(rows)) {
        char name[16];
        snprintf(name, sizeof name, "name%06d", (int)(count / 50 * 100 + 50 + count % 50));
        expect_text(rows, 0, name);
        cr_expect_geq(value_of(rows, 1).as.integer, 1950);
        count++;
    }
    cr_expect_eq(count, 1500);
    quire_rows_close(rows);
    quire_rollback(txn);
    quire_prepared_free(prepared);
    mapping_close(db);
}

Test(rows, requests__of_anything_else_are_refused_with_structured_errors)
{
    static const struct {
        const char *document;
        quire_status status;
        uint32_t line;
        const char *message;
    } cases[] = {
        {"{ authors { totalCount } }", QUIRE_NOT_SUPPORTED, 0, "Typed rows need"},
        {"{ author(id: 1) { name } }", QUIRE_NOT_SUPPORTED, 0, "Typed rows need"},
        {"{ authors { items { id } } books { items { id } } }", QUIRE_NOT_SUPPORTED, 0, "Typed"},
        {"{ authors { items { books { items { id } } } } }", QUIRE_NOT_SUPPORTED, 0,
         "\"books\" is no column"},
        {"mutation { deleteAuthor(id: 1) { id } }", QUIRE_NOT_SUPPORTED, 0, "Typed rows need"},
        {"{\n nope }", QUIRE_QUERY, 2, "Cannot query field"},
        {"{", QUIRE_SYNTAX, 1, "Syntax Error"},
        {"{ authors(first: -1) { items { id } } }", QUIRE_QUERY, 0, "must not be negative"},
    };
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
        quire_graphql_errors *errors;
        quire_rows *rows;
        request.document = cases[i].document;
        request.errors = &errors;
        cr_expect_eq(quire_rows_open(db, &request, &rows, &err), cases[i].status, "%s: %s",
                     cases[i].document, err.message);
        cr_expect_null(rows);
        cr_assert_not_null(errors);
        cr_expect_eq(errors->count, 1);
        cr_expect_not_null(strstr(errors->items[0].message, cases[i].message), "%s",
                           errors->items[0].message);
        cr_expect_eq(errors->items[0].line, cases[i].line);
        quire_free(errors);
    }
    cr_expect_eq(quire_rows_open(NULL, NULL, NULL, NULL), QUIRE_MISUSE);
    mapping_close(db);
}

Test(rows, errors__of_a_response_are_structures_too)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_graphql_errors *errors;
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    char *response;
    size_t size;

    request.document = "mutation {\n  x: createGenre(input: {name: \"war\"}) { name } }";
    request.errors = &errors;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK);
    cr_assert_not_null(errors);
    cr_expect_eq(errors->count, 1);
    cr_expect_str_eq(errors->items[0].path, "x");
    cr_expect_str_eq(errors->items[0].code, "UNIQUE");
    cr_expect_str_eq(errors->items[0].coordinate, "Genre.name");
    cr_expect_eq(errors->items[0].line, 2);
    cr_expect_eq(errors->items[0].column, 3);
    quire_free(errors);
    quire_free(response);
    request.document = "{ genres { totalCount } }";
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK);
    cr_expect_null(errors);
    quire_free(response);
    mapping_close(db);
}
