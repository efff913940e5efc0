/*
 * Scalars through requests: input, output, filters, orders, keys, references,
 * indexes, defaults, loading, and what of them a schema publishes.
 */
#include <stdio.h>
#include <string.h>

#include "mapping_fixture.h"

static const char sdl[] = "type Thing {\n"
                          "  id: UUID! @id\n"
                          "  price: Decimal @index\n"
                          "  at: DateTime @index\n"
                          "  day: Date @index\n"
                          "  time: Time\n"
                          "  span: Duration @index\n"
                          "  data: JSON\n"
                          "  raw: Bytes @unique\n"
                          "  days: [Date!]\n"
                          "}\n";

#define U(n) "00000000-0000-7000-8000-00000000000" n

static const char rows[] =
    "mutation {"
    " a: createThing(input: {id: \"" U(
        "1") "\", price: 12.50, at: \"2024-01-01T01:00:00+01:00\","
             "  day: \"2024-01-01\", time: \"10:00:00\", span: \"P1M\", data: {b: [1.50, {c: "
             "null}], a: \"x\"},"
             "  raw: \"AAE=\", days: [\"2024-01-01\", \"2024-02-01\"]}) { id }"
             " b: createThing(input: {id: \"" U(
                 "2") "\", price: \"-3\", at: \"2023-12-31T23:59:59.5Z\","
                      "  day: \"2023-12-31\", time: \"09:59:59.000001\", span: \"P31D\", data: [], "
                      "raw: \"\"}) { id }"
                      " c: createThing(input: {id: \"" U(
                          "3") "\", price: 12345678901234567890.000000000000000001,"
                               "  span: \"-PT1S\", data: 7}) { id }"
                               " d: createThing(input: {id: \"" U("4") "\"}) { id } }";

Test(scalars, values_are_written_in_their_normal_form)
{
    quire_db *db = mapping_open(sdl, rows);
    MAPPING_IS(
        db, "{ thing(id: \"" U("1") "\") { id price at day time span data raw days } }",
        "{\"data\":{\"thing\":{\"id\":\"" U(
            "1") "\",\"price\":\"12.5\","
                 "\"at\":\"2024-01-01T00:00:00Z\",\"day\":\"2024-01-01\",\"time\":\"10:00:00\","
                 "\"span\":\"P1M\",\"data\":{\"b\":[1.50,{\"c\":null}],\"a\":\"x\"},"
                 "\"raw\":\"AAE=\",\"days\":[\"2024-01-01\",\"2024-02-01\"]}}}");
    MAPPING_IS(db, "{ things(where: {price: {gt: 12.5}}) { items { price data } } }",
               "{\"data\":{\"things\":{\"items\":[{\"price\":"
               "\"12345678901234567890.000000000000000001\",\"data\":7}]}}}");
    MAPPING_IS_WITH(db,
                    "mutation($i: ThingUpdateInput!) { updateThing(id: \"" U(
                        "4") "\", input: $i) { price at data } }",
                    "{\"i\": {\"price\": 1e-3, \"at\": \"2000-01-01T00:00:00.000Z\", "
                    "\"data\": {\"big\": 123456789012345678901234567890.10}}}",
                    "{\"data\":{\"updateThing\":{\"price\":\"0.001\","
                    "\"at\":\"2000-01-01T00:00:00Z\","
                    "\"data\":{\"big\":123456789012345678901234567890.10}}}}");
    mapping_close(db);
}

Test(scalars, wrong_values_are_refused_by_value_and_form)
{
    static const char *const wrong[][3] = {
        {"price", "\"1,5\"", "a Decimal is a number"},
        {"price", "true", "a Decimal is a number"},
        {"at", "\"2024-01-01\"", "a DateTime is a string like 2024-05-31T18:30:00Z"},
        {"at", "1704067200", "a DateTime is a string like"},
        {"day", "\"2024-02-30\"", "a Date is a string like 2024-05-31"},
        {"time", "\"25:00:00\"", "a Time is a string like 18:30:00"},
        {"span", "\"1h\"", "a Duration is a string like"},
        {"id", "\"1\"", "a UUID is a string like"},
        {"data", "{a: [NAME]}", "names stand in quotes"},
        {"raw", "\"AB==\"", "Bytes are a string in base64"},
    };
    quire_db *db = mapping_open(sdl, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char document[200];
        snprintf(document, sizeof document, "mutation { createThing(input: {%s: %s}) { id } }",
                 wrong[i][0], wrong[i][1]);
        MAPPING_HAS(db, document, wrong[i][2]);
        MAPPING_HAS(db, document, "\"errors\"");
    }
    MAPPING_HAS(db, "mutation { createThing(input: {day: \"2024-2-30\"}) { id } }",
                "Expected value of type \\\"Date\\\", but encountered error \\\"a Date is a string "
                "like 2024-05-31\\\"; found: \\\"2024-2-30\\\".");
    MAPPING_IS(db, "{ things { totalCount } }", "{\"data\":{\"things\":{\"totalCount\":0}}}");
    mapping_close(db);
}

Test(scalars, orders_are_those_of_the_values)
{
    quire_db *db = mapping_open(sdl, rows);
    MAPPING_IS(db, "{ things(orderBy: {price: DESC}) { items { price } } }",
               "{\"data\":{\"things\":{\"items\":[{\"price\":"
               "\"12345678901234567890.000000000000000001\"},{\"price\":\"12.5\"},"
               "{\"price\":\"-3\"},{\"price\":null}]}}}");
    MAPPING_IS(db, "{ things(orderBy: {span: ASC_NULLS_LAST}) { items { span } } }",
               "{\"data\":{\"things\":{\"items\":[{\"span\":\"-PT1S\"},{\"span\":\"P1M\"},"
               "{\"span\":\"P31D\"},{\"span\":null}]}}}");
    MAPPING_IS(db, "{ things(where: {time: {lt: \"10:00:00\"}}) { items { time } } }",
               "{\"data\":{\"things\":{\"items\":[{\"time\":\"09:59:59.000001\"}]}}}");
    MAPPING_IS(db, "{ things(where: {days: {has: \"2024-02-01\"}}) { items { day } } }",
               "{\"data\":{\"things\":{\"items\":[{\"day\":\"2024-01-01\"}]}}}");
    MAPPING_IS(db, "{ things(where: {data: {equals: []}}) { items { raw } } }",
               "{\"data\":{\"things\":{\"items\":[{\"raw\":\"\"}]}}}");
    MAPPING_IS(db, "{ things(where: {id: {gte: \"" U("4") "\"}}) { items { id } } }",
               "{\"data\":{\"things\":{\"items\":[{\"id\":\"" U("4") "\"}]}}}");
    MAPPING_IS(db, "{ things(where: {price: {in: [12.500, \"-3.0\"]}}) { totalCount } }",
               "{\"data\":{\"things\":{\"totalCount\":2}}}");
    mapping_close(db);
}

Test(scalars, indexes_answer_equality_range_and_order)
{
    quire_db *db = mapping_open(sdl, rows);
    static const char *const wheres[][2] = {
        {"price: {equals: 12.5}", "Thing.price"},
        {"price: {gte: -3, lt: \"100\"}", "Thing.price"},
        {"price: {in: [1, -3]}", "Thing.price"},
        {"at: {gt: \"2024-01-01T00:00:00+02:00\"}", "Thing.at"},
        {"day: {lte: \"2023-12-31\"}", "Thing.day"},
        {"span: {gt: \"P1D\"}", "Thing.span"},
        {"raw: {equals: \"AAE=\"}", "Thing.raw"},
        {"id: {equals: \"" U("2") "\"}", "Thing.id"},
    };
    for (size_t i = 0; i < sizeof wheres / sizeof *wheres; i++) {
        char document[200], index[60];
        snprintf(document, sizeof document, "{ things(where: {%s}) { items { id } } }",
                 wheres[i][0]);
        snprintf(index, sizeof index, "\"index\":\"%s\"", wheres[i][1]);
        MAPPING_EXPLAINS(db, document, index);
    }
    MAPPING_EXPLAINS(db, "{ things(orderBy: {price: ASC}, first: 2) { items { id } } }",
                     "\"index\":\"Thing.price\"");
    MAPPING_EXPLAINS(db, "{ thing(id: \"" U("2") "\") { id } }", "\"index\":\"Thing.id\"");
    mapping_close(db);
}

Test(scalars, pages_follow_cursors_of_every_ordered_scalar)
{
    static const char *const fields[] = {"price", "at", "day", "time", "span", "raw", "id"};
    quire_db *db = mapping_open(sdl, rows);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        char document[200], cursor[400];
        int pages = 0;
        cursor[0] = '\0';
        for (bool more = true; more; pages++) {
            snprintf(document, sizeof document,
                     "query($c: String) { things(orderBy: {%s: DESC}, first: 1, after: $c) { "
                     "pageInfo { hasNextPage endCursor } } }",
                     fields[i]);
            char variables[450];
            snprintf(variables, sizeof variables, "{\"c\": %s%s%s}", pages == 0 ? "null" : "\"",
                     cursor, pages == 0 ? "" : "\"");
            char *response = mapping_run(db, document, variables, false);
            char *found = strstr(response, "\"endCursor\":\"");
            cr_assert_not_null(found, "%s", response);
            snprintf(cursor, sizeof cursor, "%.*s", (int)strcspn(found + 13, "\""), found + 13);
            more = strstr(response, "\"hasNextPage\":true") != NULL;
            quire_free(response);
        }
        cr_expect_eq(pages, 4, "%s: %d", fields[i], pages);
    }
    mapping_close(db);
}

Test(scalars, extremes_and_groups_are_those_of_the_values)
{
    quire_db *db = mapping_open(sdl, rows);
    MAPPING_IS(
        db,
        "{ things { aggregate { min { price at span raw } max { price day id } "
        "count(distinct: [price]) } groupBy(by: [{day: VALUE}]) { keys { day } count } } }",
        "{\"data\":{\"things\":{\"aggregate\":{\"min\":{\"price\":\"-3\",\"at\":\"2023-12-31T2"
        "3:59:59.500Z\",\"span\":\"-PT1S\",\"raw\":\"\"},\"max\":{\"price\":\"123456789012345"
        "67890.000000000000000001\",\"day\":\"2024-01-01\",\"id\":\"00000000-0000-7000-"
        "8000-000000000004\"},\"count\":3},\"groupBy\":[{\"keys\":{\"day\":null},\"count\""
        ":2},{\"keys\":{\"day\":\"2023-12-31\"},\"count\":1},{\"keys\":{\"day\":\"2024-01-01"
        "\"},\"count\":1}]}}}");
    mapping_close(db);
}

Test(scalars, keys_and_references_may_be_of_them)
{
    quire_db *db = mapping_open("type Day { day: Date! @id notes: [Note!]! tags: [Tag!]! }\n"
                                "type Note { id: UUID! day: Day! rate: Decimal @unique }\n"
                                "type Tag { price: Decimal! @id days: [Day!]! }\n",
                                NULL);
    MAPPING_IS(db,
               "mutation { createTag(input: {price: 1.0}) { price }"
               " createDay(input: {day: \"2024-05-31\", tagsIds: [\"1\"]}) { day tags { items { "
               "price } } }"
               " createNote(input: {id: \"" U("7") "\", dayId: \"2024-05-31\", rate: 0.10}) { id "
                                                   "dayId day { day } } }",
               "{\"data\":{\"createTag\":{\"price\":\"1\"},\"createDay\":{\"day\":\"2024-05-31\","
               "\"tags\":{\"items\":[{\"price\":\"1\"}]}},\"createNote\":{\"id\":\"" U(
                   "7") "\","
                        "\"dayId\":\"2024-05-31\",\"day\":{\"day\":\"2024-05-31\"}}}}");
    MAPPING_IS(db, "{ note(rate: 0.1) { id } }", "{\"data\":{\"note\":{\"id\":\"" U("7") "\"}}}");
    MAPPING_IS(db, "{ notes(where: {dayId: {equals: \"2024-05-31\"}}) { totalCount } }",
               "{\"data\":{\"notes\":{\"totalCount\":1}}}");
    MAPPING_HAS(db, "{ notes(where: {dayId: {gte: \"2024-05-31\"}}) { totalCount } }",
                "type \\\"DateKeyFilter\\\" not to include unknown field \\\"gte\\\"");
    MAPPING_HAS(db, "mutation { createNote(input: {dayId: \"2024-06-01\"}) { id } }",
                "refers to \\\"2024-06-01\\\", which is no row of Day");
    MAPPING_HAS(db,
                "mutation { createNote(input: {dayId: \"2024-05-31\", rate: \"1e-1\"}) { id } }",
                "with this rate \\\"0.1\\\" exists already");
    MAPPING_HAS(db, "mutation { updateDay(day: \"2024-06-01\", input: {tagsIds: []}) { day } }",
                "\"code\":\"NOT_FOUND\"");
    /* A UUID key that is left out is generated, in the newest version. */
    MAPPING_HAS(db, "mutation { createNote(input: {dayId: \"2024-05-31\"}) { id } }", "-7");
    mapping_close(db);
}

Test(scalars, defaults_are_coerced)
{
    quire_db *db = mapping_open("type T { id: ID! d: Decimal! @default(value: 0.10) "
                                "at: DateTime @default(value: \"2024-01-01T00:00:00+01:00\") "
                                "j: JSON @default(value: {a: [1]}) }",
                                NULL);
    quire_error err = QUIRE_ERROR_INIT;
    MAPPING_IS(db, "mutation { createT(input: {}) { d at j } }",
               "{\"data\":{\"createT\":{\"d\":\"0.1\",\"at\":\"2023-12-31T23:00:00Z\","
               "\"j\":{\"a\":[1]}}}}");
    cr_expect_eq(mapping_apply(db, "type T { id: ID! d: Date @default(value: \"1\") }", &err),
                 QUIRE_SCHEMA);
    cr_expect_not_null(strstr(err.message, "does not fit the type Date"), "%s", err.message);
    mapping_close(db);
}

/* ---- what a schema publishes ---- */

static char *api_of(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    char *text;
    size_t size;
    cr_assert_eq(quire_begin(db, QUIRE_READ, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_schema_text(txn, QUIRE_SCHEMA_API, &text, &size, &err), QUIRE_OK);
    quire_rollback(txn);
    return text;
}

Test(scalars, the_api_has_those_that_are_used)
{
    quire_db *db = mapping_open("type T { id: ID! at: DateTime n: BigInt } "
                                "interface I { day: Date }",
                                NULL);
    char *api = api_of(db);
    cr_expect_not_null(strstr(api, "scalar DateTime @specifiedBy(url: "
                                   "\"https://www.rfc-editor.org/rfc/rfc3339#section-5.6\")"));
    cr_expect_not_null(strstr(api, "input DateTimeFilter"));
    cr_expect_not_null(strstr(api, "scalar BigInt"));
    cr_expect_not_null(strstr(api, "scalar Date "));
    cr_expect_null(strstr(api, "scalar Time"));
    cr_expect_null(strstr(api, "scalar Decimal"));
    cr_expect_null(strstr(api, "scalar JSON"));
    quire_free(api);
    mapping_close(db);
    db = mapping_open("type T { id: ID! }", NULL);
    api = api_of(db);
    cr_expect_null(strstr(api, "BigInt"));
    quire_free(api);
    mapping_close(db);
}

Test(scalars, declaring_one_changes_nothing)
{
    quire_db *db = mapping_open(
        "\"Moments.\" scalar DateTime\n"
        "scalar Date @specifiedBy(url: \"https://www.rfc-editor.org/rfc/rfc3339#section-5.6\")\n"
        "type T { id: ID! at: DateTime day: Date }",
        NULL);
    char *api = api_of(db);
    cr_expect_not_null(strstr(api, "\"Moments.\"\nscalar DateTime @specifiedBy(url: "), "%s", api);
    quire_free(api);
    MAPPING_HAS(db, "mutation { createT(input: {at: \"now\"}) { id } }", "a DateTime is a string");
    MAPPING_HAS(db, "mutation { createT(input: {day: \"now\"}) { id } }", "a Date is a string");
    mapping_close(db);
}

Test(scalars, what_is_specified_elsewhere_is_kept_as_it_is)
{
    quire_db *db = mapping_open("scalar DateTime @specifiedBy(url: \"https://example.org/t\")\n"
                                "type T { id: ID! at: DateTime } type Date { id: ID! t: T }",
                                "mutation { createT(input: {id: 1, at: [12, \"soon\"]}) { id } "
                                "createDate(input: {id: 2, tId: 1}) { id } }");
    char *api = api_of(db);
    cr_expect_not_null(strstr(api, "scalar DateTime @specifiedBy(url: \"https://example.org/t\")"));
    quire_free(api);
    MAPPING_IS(db, "{ date(id: 2) { t { at } } }",
               "{\"data\":{\"date\":{\"t\":{\"at\":[12,\"soon\"]}}}}");
    mapping_close(db);
}

/* ---- loading ---- */

struct text {
    char bytes[4096];
    size_t size;
};

static quire_status append(void *context, const char *type, const char *bytes, size_t size,
                           quire_error *err)
{
    struct text *text = context;
    (void)type;
    (void)err;
    cr_assert_lt(text->size + size, sizeof text->bytes);
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
    return QUIRE_OK;
}

static void export(quire_db *db, struct text *text)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    text->size = 0;
    cr_assert_eq(quire_begin(db, QUIRE_READ, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_export(txn, NULL, append, text, NULL, &err), QUIRE_OK, "%s", err.message);
    quire_rollback(txn);
}

Test(scalars, export_and_load_give_the_same_rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    static struct text first, second;
    quire_db *db = mapping_open(sdl, rows);
    quire_db *copy = mapping_open(sdl, NULL);
    export(db, &first);
    cr_assert_eq(mapping_try_load(copy, first.bytes, &err), QUIRE_OK, "%s", err.message);
    export(copy, &second);
    cr_expect_str_eq(second.bytes, first.bytes);
    mapping_close(db);
    mapping_close(copy);
}

Test(scalars, loading_refuses_what_does_not_fit)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open(sdl, NULL);
    cr_expect_eq(
        mapping_try_load(db, "{\"Thing\": [{\"price\": 1.25},\n{\"at\": \"2024-01-01\"}]}", &err),
        QUIRE_DATA);
    cr_expect_not_null(strstr(err.message, "Thing.at: Expected value of type \"DateTime\""), "%s",
                       err.message);
    cr_expect_eq(err.line, 2);
    cr_expect_eq(err.column, 8);
    MAPPING_IS(db, "{ things { totalCount } }", "{\"data\":{\"things\":{\"totalCount\":0}}}");
    cr_expect_eq(mapping_try_load(db, "{\"Thing\": [{\"price\": 1.25, \"span\": \"P7D\"}]}", &err),
                 QUIRE_OK);
    MAPPING_IS(db, "{ things { items { price span } } }",
               "{\"data\":{\"things\":{\"items\":[{\"price\":\"1.25\",\"span\":\"P7D\"}]}}}");
    mapping_close(db);
}
