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

static const char measured[] =
    "type Sale { id: ID! cents: Int! count: Int name: String shop: Shop "
    "  total: Int @computed(expr: \"cents * count\") "
    "  initial: String @computed(expr: \"upper(substr(name, 1, 1))\") @index "
    "  ratio: Float @computed(expr: \"cents / 2.0\") } "
    "type Shop { id: ID! sales: [Sale] } "
    "type Big @view(table: \"Sale\", where: {cents: {gt: 2}}) { id: ID! total: Int initial: String "
    "}";
static const char sales[] =
    "mutation { createShop(input: {id: \"s\"}) { id } createSales(inputs: ["
    "{cents: 5, count: 2, name: \"ann\", shopId: \"s\"}, {cents: 1, count: 3, name: \"Axel\", "
    "shopId: "
    "\"s\"}, {cents: 7, name: \"bob\"}, {cents: 2000000000, count: 4, name: \"bert\"}]) { "
    "affectedRows } }";

Test(computed, aggregates__measure_and_group_by_it)
{
    quire_db *db = mapping_open(measured, sales);
    MAPPING_IS(
        db,
        "{ sales { aggregate { count(distinct: [initial]) sum { total ratio } avg { total } "
        "min { total initial } max { total initial ratio } } } }",
        "{\"data\":{\"sales\":{\"aggregate\":{\"count\":2,\"sum\":{\"total\":\"13\",\"ratio\":"
        "1000000006.5},\"avg\":{\"total\":6.5},\"min\":{\"total\":3,\"initial\":\"A\"},"
        "\"max\":{\"total\":10,\"initial\":\"B\",\"ratio\":1000000000}}}}}");
    MAPPING_IS(
        db,
        "{ sales { groupBy(by: {initial: VALUE}, having: {sum: {total: {gte: \"1\"}}}) { keys { "
        "initial } count sum { cents total } } all: groupBy(by: [{total: VALUE}], orderBy: "
        "{keys: {total: DESC}}) { keys { total } count } } }",
        "{\"data\":{\"sales\":{\"groupBy\":[{\"keys\":{\"initial\":\"A\"},\"count\":2,\"sum\":{"
        "\"cents\":\"6\",\"total\":\"13\"}}],\"all\":[{\"keys\":{\"total\":10},\"count\":1},{"
        "\"keys\":"
        "{\"total\":3},\"count\":1},{\"keys\":{\"total\":null},\"count\":2}]}}}");
    MAPPING_IS(
        db,
        "{ shops(where: {sales: {sum: {total: {gt: \"12\"}}}}, orderBy: {sales: {max: {total: "
        "DESC}}}) { items { id sales { aggregate { max { initial } } } } } }",
        "{\"data\":{\"shops\":{\"items\":[{\"id\":\"s\",\"sales\":{\"aggregate\":{\"max\":{"
        "\"initial\":\"A\"}}}}]}}}");
    MAPPING_IS(db, "{ sales(distinct: [initial]) { totalCount items { initial } } }",
               "{\"data\":{\"sales\":{\"totalCount\":2,\"items\":[{\"initial\":\"A\"},{\"initial\":"
               "\"B\"}]}}}");
    MAPPING_IS(
        db,
        "{ bigs { aggregate { sum { total } } groupBy(by: {initial: VALUE}) { keys { initial } "
        "count } } }",
        "{\"data\":{\"bigs\":{\"aggregate\":{\"sum\":{\"total\":\"10\"}},\"groupBy\":[{\"keys\":{"
        "\"initial\":\"A\"},\"count\":1},{\"keys\":{\"initial\":\"B\"},\"count\":2}]}}}");
    mapping_close(db);
}

Test(computed, extremes__come_from_its_index)
{
    quire_db *db = mapping_open(measured, sales);
    for (int i = 0; i < 60; i++) {
        MAPPING_HAS(db, "mutation { createSale(input: {cents: 1, name: \"mia\"}) { id } }", "data");
    }
    MAPPING_EXPLAINS(db, "{ sales { aggregate { min { initial } } } }",
                     "\"index\":\"Sale.initial\"");
    MAPPING_EXPLAINS(db,
                     "{ sales { groupBy(by: {initial: VALUE}, take: 1) { keys { initial } } } }",
                     "\"index\":\"Sale.initial\"");
    mapping_close(db);
}

Test(computed, group_of_nulls__is_one_where_an_index_has_values_out_of_range)
{
    quire_db *db =
        mapping_open("type N { id: ID! a: Int b: Int @computed(expr: \"a * 4\") @index }",
                     "mutation { createNs(inputs: [{a: -2000000000}, {a: 1}, {a: 2000000000}, "
                     "{}]) { affectedRows } }");
    MAPPING_IS(
        db,
        "{ ns { groupBy(by: {b: VALUE}) { keys { b } count } aggregate { min { b } max { b } } "
        "} }",
        "{\"data\":{\"ns\":{\"groupBy\":[{\"keys\":{\"b\":null},\"count\":3},{\"keys\":{\"b\":4},"
        "\"count\":1}],\"aggregate\":{\"min\":{\"b\":4},\"max\":{\"b\":4}}}}}");
    mapping_close(db);
}
