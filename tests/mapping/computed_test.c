/*
 * Computed fields: read, filtered, ordered, paged, indexed; added to a schema and
 * taken out of it; refused where they cannot be.
 */
#include <stdio.h>
#include <string.h>

#include "mapping_fixture.h"

static const char sdl[] =
    "type P { id: ID! first: String! last: String! price: Float! @map(name: \"net\") count: Int! "
    "full: String @computed(expr: \"first || ' ' || last\") "
    "total: Float @computed(expr: \"net * float(count)\") @index "
    "size: Int @computed(expr: \"length(first) + count\") @index "
    "big: BigInt @computed(expr: \"count * 1000000000000\") "
    "cheap: Boolean @computed(expr: \"net < 2.0\") boss: P "
    "staff: [P!]! @relation(inverse: \"boss\") }";

static const char rows[] = "mutation { a: createP(input: {id: 1, first: \"Ada\", last: \"L\", "
                           "price: 1.5, count: 4}) { id }"
                           " b: createP(input: {id: 2, first: \"Bo\", last: \"M\", price: 2.5, "
                           "count: 2, bossId: 1}) { id }"
                           " c: createP(input: {id: 3, first: \"Cyd\", last: \"N\", price: 0, "
                           "count: 7, bossId: 1}) { id } }";

Test(computed, fields_are_found_out_of_their_row)
{
    quire_db *db = mapping_open(sdl, rows);
    MAPPING_IS(
        db, "{ p(id: 2) { full total size big cheap boss { full } } }",
        "{\"data\":{\"p\":{\"full\":\"Bo M\",\"total\":5,\"size\":4,\"big\":\"2000000000000\","
        "\"cheap\":false,\"boss\":{\"full\":\"Ada L\"}}}}");
    MAPPING_IS(db, "mutation { updateP(id: 2, input: {count: 3}) { total } }",
               "{\"data\":{\"updateP\":{\"total\":7.5}}}");
    /* What does not fit the type is null. */
    MAPPING_IS(db, "mutation { updateP(id: 2, input: {count: 2147483647}) { size big } }",
               "{\"data\":{\"updateP\":{\"size\":null,\"big\":null}}}");
    MAPPING_IS(db, "{ ps(where: {size: {gt: 10}}) { totalCount } }",
               "{\"data\":{\"ps\":{\"totalCount\":0}}}");
    MAPPING_HAS(db, "mutation { updateP(id: 2, input: {full: \"x\"}) { id } }", "unknown field");
    mapping_close(db);
}

Test(computed, fields_are_filtered_and_ordered)
{
    quire_db *db = mapping_open(sdl, rows);
    MAPPING_IS(db, "{ ps(where: {full: {startsWith: \"C\"}}) { items { id } } }",
               "{\"data\":{\"ps\":{\"items\":[{\"id\":\"3\"}]}}}");
    MAPPING_IS(db, "{ ps(where: {cheap: {equals: true}}, orderBy: {full: DESC}) { items { id } } }",
               "{\"data\":{\"ps\":{\"items\":[{\"id\":\"3\"},{\"id\":\"1\"}]}}}");
    MAPPING_IS(db,
               "{ ps(where: {boss: {is: {total: {equals: 6}}}}, orderBy: {boss: {full: ASC}}) { "
               "items { id } } }",
               "{\"data\":{\"ps\":{\"items\":[{\"id\":\"2\"},{\"id\":\"3\"}]}}}");
    MAPPING_IS(
        db,
        "{ ps(where: {staff: {some: {size: {gte: 10}}}}) { items { id staff { aggregate { "
        "count } } } } }",
        "{\"data\":{\"ps\":{\"items\":[{\"id\":\"1\",\"staff\":{\"aggregate\":{\"count\":2}}}]}}}");
    MAPPING_IS(db, "{ ps(where: {size: {gte: 7}}) { aggregate { count sum { count } } } }",
               "{\"data\":{\"ps\":{\"aggregate\":{\"count\":2,\"sum\":{\"count\":\"11\"}}}}}");
    mapping_close(db);
}

Test(computed, an_index_answers_equality_range_order_and_pages)
{
    quire_db *db = mapping_open(sdl, rows);
    MAPPING_EXPLAINS(db, "{ ps(where: {total: {equals: 5}}) { items { id } } }",
                     "\"index\":\"P.total\"");
    MAPPING_EXPLAINS(db, "{ ps(where: {size: {gt: 4, lt: 10}}) { items { id } } }",
                     "\"index\":\"P.size\"");
    MAPPING_EXPLAINS(db, "{ ps(orderBy: {total: DESC}, first: 1) { items { id } } }",
                     "\"index\":\"P.total\"");
    MAPPING_IS(db, "{ ps(where: {size: {gt: 4, lt: 10}}) { items { id size } } }",
               "{\"data\":{\"ps\":{\"items\":[{\"id\":\"1\",\"size\":7}]}}}");
    MAPPING_IS(db, "{ ps(orderBy: {total: DESC}) { items { id } } }",
               "{\"data\":{\"ps\":{\"items\":[{\"id\":\"1\"},{\"id\":\"2\"},{\"id\":\"3\"}]}}}");
    char *response = mapping_run(
        db, "{ ps(orderBy: {total: DESC}, first: 1) { pageInfo { endCursor } } }", NULL, false);
    char cursor[200], document[300];
    char *at = strstr(response, "\"endCursor\":\"");
    cr_assert_not_null(at, "%s", response);
    snprintf(cursor, sizeof cursor, "%.*s", (int)strcspn(at + 13, "\""), at + 13);
    quire_free(response);
    snprintf(document, sizeof document,
             "{ ps(orderBy: {total: DESC}, first: 1, after: \"%s\") { items { id } } }", cursor);
    MAPPING_IS(db, document, "{\"data\":{\"ps\":{\"items\":[{\"id\":\"2\"}]}}}");
    mapping_close(db);
}

Test(computed, fields_come_and_go_with_the_schema)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open("type T { id: ID! a: Int }",
                                "mutation { createT(input: {id: 1, a: 3}) { id } }");
    static const char *const schemas[] = {
        "type T { id: ID! d: Int @computed(expr: \"a * 2\") @index a: Int }",
        "type T { id: ID! x: Int d: Int @computed(expr: \"a * 2\") @index a: Int }",
        ("type T { id: ID! x: Int d: Int @computed(expr: \"b * 2\") @index "
         "b: Int @renamedFrom(name: \"a\") }")};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(mapping_apply(db, schemas[i], &err), QUIRE_OK, "%s: %s", schemas[i],
                     err.message);
        MAPPING_IS(db, "{ ts(where: {d: {equals: 6}}) { items { d } } }",
                   "{\"data\":{\"ts\":{\"items\":[{\"d\":6}]}}}");
        MAPPING_EXPLAINS(db, "{ ts(where: {d: {equals: 6}}) { items { d } } }",
                         "\"index\":\"T.d\"");
    }
    cr_assert_eq(mapping_apply(db, "type T { id: ID! x: Int b: Int }", &err), QUIRE_OK, "%s",
                 err.message);
    MAPPING_IS(db, "{ ts { items { b } } }", "{\"data\":{\"ts\":{\"items\":[{\"b\":3}]}}}");
    mapping_close(db);
}

Test(computed, what_cannot_be_is_refused)
{
    static const char *const wrong[][2] = {
        {"c: Int! @computed(expr: \"1\")", "may be null"},
        {"c: [Int] @computed(expr: \"1\")", "no list"},
        {"c: Int @computed(expr: \"nothing + 1\")", "nothing"},
        {"c: Int @computed(expr: \"1 +\")", "T.c: @computed: "},
        {"c: Int @computed(expr: \"'a'\")", "not of the field's type"},
        {"c: Decimal @computed(expr: \"1.0\")", "not of the field's type"},
        {"c: Int @computed(expr: \"1\") @unique", "cannot be unique"},
        {"c: Int @computed(expr: \"1\") @default(value: 1)", "@default is for"},
        {"c: Int @computed(expr: \"1\") @constraint(min: 1)", "@constraint is for"},
        {"c: Int @computed(expr: \"c + 1\")", "\"c\""},
        {"t: T c: Int @computed(expr: \"tId + 1\")", "uses a reference"},
        {"t: T @computed(expr: \"1\")", "@computed is for"},
    };
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open("type T { id: ID! }", NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[200];
        snprintf(text, sizeof text, "type T { id: ID! %s }", wrong[i][0]);
        cr_expect_eq(mapping_apply(db, text, &err), QUIRE_SCHEMA, "%s", text);
        cr_expect_not_null(strstr(err.message, wrong[i][1]), "%s says %s", text, err.message);
    }
    cr_assert_eq(mapping_apply(db, "type T { id: ID! c: Int @computed(expr: \"1\") }", &err),
                 QUIRE_OK);
    cr_expect_eq(mapping_try_load(db, "{\"T\": [{\"id\": 1, \"c\": 1}]}", &err), QUIRE_DATA);
    cr_expect_not_null(strstr(err.message, "T.c is computed"), "%s", err.message);
    mapping_close(db);
}
