/*
 * What users of other GraphQL databases complain of, where it is about reading:
 * each complaint is a test that it does not hold here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping_fixture.h"
#include "world.h"

static void has_with(quire_db *db, const char *document, const char *variables, const char *text)
{
    char *response = mapping_run(db, document, variables, false);
    cr_expect_not_null(strstr(response, text), "%s\nwith %s\ngives %s", document, variables,
                       response);
    quire_free(response);
}

/* 1. "A null or missing filter value matches every row." */
Test(products, null_filters__are_errors_and_absent_ones_drop_only_their_operator)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    static const char *const nulls[] = {"{title: {like: null}}", "{title: {regex: null}}",
                                        "{year: {gt: null}}", "{year: null}",
                                        "{author: {is: {books: {count: {gt: null}}}}}"};
    for (size_t i = 0; i < sizeof nulls / sizeof nulls[0]; i++) {
        char document[200];
        snprintf(document, sizeof document, "{ books(where: %s) { totalCount } }", nulls[i]);
        MAPPING_HAS(db, document, "must not be null");
    }
    MAPPING_IS_WITH(db,
                    "query ($a: String, $b: String) { books(where: {title: {like: $a, startsWith: "
                    "$b}}) { totalCount } }",
                    "{\"b\": \"Al\"}", "{\"data\":{\"books\":{\"totalCount\":2}}}");
    mapping_close(db);
}

/* The same when the null comes in a variable: the value, its list, or the whole condition. */
Test(products, null_in_variables__is_an_error_for_every_operator)
{
    static const struct {
        const char *field, *operator, * type;
    } cases[] = {
        {"title", "gt", "String"},       {"title", "gte", "String"},
        {"title", "lt", "String"},       {"title", "lte", "String"},
        {"title", "contains", "String"}, {"title", "startsWith", "String"},
        {"title", "endsWith", "String"}, {"title", "like", "String"},
        {"title", "regex", "String"},    {"title", "in", "[String!]"},
        {"title", "notIn", "[String!]"}, {"year", "gt", "Int"},
        {"year", "in", "[Int!]"},        {"pages", "lte", "BigInt"},
        {"kind", "notIn", "[Kind!]"},    {"id", "in", "[ID!]"},
        {"authorId", "notIn", "[ID!]"},
    };
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char document[300];
        char variables[200];
        snprintf(document, sizeof document,
                 "query ($v: %s) { books(where: {%s: {%s: $v}}) { totalCount } }", cases[i].type,
                 cases[i].field, cases[i].operator);
        MAPPING_IS_WITH(db, document, "{}", "{\"data\":{\"books\":{\"totalCount\":6}}}");
        has_with(db, document, "{\"v\": null}", "must not be null");
        snprintf(variables, sizeof variables, "{\"w\": {\"%s\": {\"%s\": null}}}", cases[i].field,
                 cases[i].operator);
        has_with(db, "query ($w: BookWhereInput) { books(where: $w) { totalCount } }", variables,
                 "must not be null");
    }
    mapping_close(db);
}

/* 2. "No GROUP BY, and aggregates that cannot be ordered or filtered by." */
Test(products, group_by__has_keys_of_references_having_order_and_pages)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(db,
               "{ books { groupBy(by: [{author: {name: VALUE}}], having: {count: {gt: 1}}, "
               "orderBy: [{max: {year: DESC}}], take: 1) { keys { author { name } } count avg { "
               "year } } } }",
               "{\"data\":{\"books\":{\"groupBy\":[{\"keys\":{\"author\":{\"name\":\"Bo\"}},"
               "\"count\":2,\"avg\":{\"year\":1985}}]}}}");
    MAPPING_IS(
        db,
        "{ authors(where: {books: {count: {gt: 1}}}, orderBy: {books: {sum: {year: ASC}}}) { "
        "items { id books { aggregate { count sum { year } } } } } }",
        "{\"data\":{\"authors\":{\"items\":["
        "{\"id\":\"a2\",\"books\":{\"aggregate\":{\"count\":2,\"sum\":{\"year\":\"3970\"}}}}"
        ",{\"id\":\"a1\",\"books\":{\"aggregate\":{\"count\":3,\"sum\":{\"year\":\"5780\"}}"
        "}}]}}}");
    mapping_close(db);
}

/* ... nor filtered: each has a condition of its own, and the rows of a relation have theirs. */
Test(products, aggregates__are_filtered)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(db,
               "{ novels: books(where: {kind: {equals: NOVEL}}) { aggregate { count min { year } "
               "max { year } } groupBy(by: [{kind: VALUE}], where: {year: {gt: 1950}}) { keys { "
               "kind } count } } }",
               "{\"data\":{\"novels\":{\"aggregate\":{\"count\":3,\"min\":{\"year\":1930},\"max\":{"
               "\"year\":1990}},\"groupBy\":[{\"keys\":{\"kind\":\"NOVEL\"},\"count\":2}]}}}");
    MAPPING_IS(
        db,
        "{ authors(orderBy: {books: {max: {year: DESC_NULLS_LAST}}}, take: 2) { items { id "
        "books(where: {kind: {equals: NOVEL}}) { aggregate { count } } } } }",
        "{\"data\":{\"authors\":{\"items\":[{\"id\":\"a2\",\"books\":{\"aggregate\":{\"count\":2}"
        "}},{\"id\":\"a1\",\"books\":{\"aggregate\":{\"count\":1}}}]}}}");
    mapping_close(db);
}

/* 6. "Filtering or ordering across relations missing or wrong with paging." */
Test(products, filters_across_relations__come_before_order_and_page)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(db,
               "{ books(where: {author: {is: {country: {equals: \"PT\"}}}}, orderBy: [{author: "
               "{name: ASC}}, {title: ASC}], first: 2) { totalCount items { id } pageInfo { "
               "hasNextPage } } }",
               "{\"data\":{\"books\":{\"totalCount\":3,\"items\":[{\"id\":\"b1\"},{\"id\":\"b2\"}],"
               "\"pageInfo\":{\"hasNextPage\":true}}}}");
    mapping_close(db);
}

/* The rows of each parent are filtered, ordered and paged by themselves, and a connection's pages
 * visit each row once, in an order across a relation. */
Test(products, filters_of_relations__page_each_parent_by_itself)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(
        db,
        "{ authors(where: {books: {some: {genres: {none: {name: {equals: \"war\"}}}}}}, "
        "orderBy: [{mentor: {name: ASC_NULLS_LAST}}, {name: ASC}]) { items { id "
        "books(where: {author: {is: {books: {some: {year: {lt: 1990}}}}}}, orderBy: {title: "
        "DESC}, first: 1) { totalCount items { id } pageInfo { hasNextPage } } } } }",
        "{\"data\":{\"authors\":{\"items\":["
        "{\"id\":\"a2\",\"books\":{\"totalCount\":2,\"items\":[{\"id\":\"b3\"}],\"pageInfo\":{"
        "\"hasNextPage\":true}}},"
        "{\"id\":\"a1\",\"books\":{\"totalCount\":3,\"items\":[{\"id\":\"b4\"}],\"pageInfo\":{"
        "\"hasNextPage\":true}}}]}}}");
    char after[200] = "";
    static const char *const expected[] = {"b3", "b6", "b4", "b2", "b1", "b5"};
    for (int i = 0; i < 6; i++) {
        char document[500];
        char id[20];
        snprintf(document, sizeof document,
                 "{ books(orderBy: [{author: {name: ASC}}, {title: DESC}], where: {author: {is: "
                 "{name: {not: \"\"}}}}, first: 1%s) { items { id } pageInfo { endCursor "
                 "hasNextPage } } }",
                 after);
        char *response = mapping_run(db, document, NULL, false);
        char *cursor = strstr(response, "\"endCursor\":\"");
        cr_assert_not_null(cursor, "%s", response);
        snprintf(id, sizeof id, "\"id\":\"%s\"", expected[i]);
        cr_expect_not_null(strstr(response, id), "%d: %s", i, response);
        cr_expect_not_null(
            strstr(response, i < 5 ? "\"hasNextPage\":true" : "\"hasNextPage\":false"), "%s",
            response);
        cursor += strlen("\"endCursor\":\"");
        snprintf(after, sizeof after, ", after: \"%.*s\"", (int)strcspn(cursor, "\""), cursor);
        quire_free(response);
    }
    mapping_close(db);
}

/* 7. "`limit` counts scanned rows, not results": pages are full, and hasNextPage is true only if
 * rows follow. */
Test(products, pages__are_full_and_say_truly_whether_rows_follow)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    for (int take = 1; take <= 4; take++) {
        char document[200];
        char expected[100];
        snprintf(document, sizeof document,
                 "{ books(where: {kind: {equals: NOVEL}}, first: %d) { items { id } pageInfo { "
                 "hasNextPage } } }",
                 take);
        snprintf(expected, sizeof expected, "\"hasNextPage\":%s", take < 3 ? "true" : "false");
        char *response = mapping_run(db, document, NULL, false);
        int rows = 0;
        for (const char *at = response; (at = strstr(at, "\"id\"")) != NULL; at++) {
            rows++;
        }
        cr_expect_eq(rows, take < 3 ? take : 3, "%s", response);
        cr_expect_not_null(strstr(response, expected), "%s", response);
        quire_free(response);
    }
    mapping_close(db);
}

/* 10. "Deep filters generate queries that kill the database": each level is one lookup by index. */
Test(products, deep_filters__read_by_index_at_each_level)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    char document[4000] = "{ books(where: ";
    char *end = document + strlen(document);
    char *limit = document + sizeof document;
    for (int i = 0; i < 20; i++) {
        end += snprintf(end, (size_t)(limit - end), "{author: {is: {books: {some: ");
    }
    end += snprintf(end, (size_t)(limit - end), "{title: {equals: \"Alpha\"}}");
    for (int i = 0; i < 20; i++) {
        end += snprintf(end, (size_t)(limit - end), "}}}}");
    }
    snprintf(end, (size_t)(limit - end), ") { totalCount } }");
    MAPPING_HAS(db, document, "\"totalCount\":3");
    mapping_close(db);
}

/* What a filter reads grows with its depth and the rows that it meets there, not with the table or
 * by a power: and what it would read can be limited. */
Test(products, deep_filters__cost_by_their_depth)
{
    uint64_t rows_read[3];
    for (int size = 0; size < 3; size++) {
        quire_db *db = mapping_open(mapping_schema, NULL);
        mapping_load_crowd(db, 100 << size);
        char document[4000] = "{ books(where: {title: {equals: \"title000004\"}, AND: ";
        char *end = document + strlen(document);
        char *limit = document + sizeof document;
        for (int i = 0; i < 10; i++) {
            end += snprintf(end, (size_t)(limit - end), "{author: {is: {books: {some: ");
        }
        end += snprintf(end, (size_t)(limit - end), "{year: {gte: 0}}");
        for (int i = 0; i < 10; i++) {
            end += snprintf(end, (size_t)(limit - end), "}}}}");
        }
        snprintf(end, (size_t)(limit - end), "}) { totalCount items { id } } }");
        char *response = mapping_run(db, document, NULL, true);
        cr_expect_not_null(strstr(response, "\"totalCount\":1"), "%s", response);
        const char *read = strstr(response, "\"rowsRead\":");
        cr_assert_not_null(read, "%s", response);
        rows_read[size] = strtoull(read + strlen("\"rowsRead\":"), NULL, 10);
        quire_free(response);
        mapping_close(db);
    }
    cr_expect_eq(rows_read[0], rows_read[1], "%d", (int)rows_read[1]);
    cr_expect_eq(rows_read[0], rows_read[2]);
    cr_expect_leq(rows_read[0], 100, "%d rows", (int)rows_read[0]);
}

/* 12. "totalCount makes every page slow; counts ignore the filter." */
Test(products, total_count__is_asked_for_or_not_computed_and_obeys_the_filter)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_EXPLAINS(db, "{ books(first: 1) { items { id } } }", "\"rowsRead\":1,");
    MAPPING_EXPLAINS(db, "{ books(first: 1) { totalCount items { id } } }", "\"rowsRead\":1,");
    MAPPING_HAS(db, "{ books(where: {year: {gt: 1930}}, first: 1) { totalCount } }",
                "\"totalCount\":2");
    MAPPING_EXPLAINS(db, "{ books(where: {year: {gt: 1930}}) { totalCount } }", "\"rowsRead\":0");
    mapping_close(db);
}

/* ---- distinct ---- */

Test(products, distinct__gives_the_first_row_of_each_combination)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    static const struct {
        const char *arguments, *expected;
    } cases[] = {
        {"distinct: [kind]", "b1 b2 b4 b5"},
        {"distinct: [kind], orderBy: {title: DESC}", "b5 b3 b4 b2"},
        {"distinct: [kind], orderBy: {year: DESC}", "b6 b4 b2 b5"},
        {"distinct: [kind], orderBy: {year: DESC}, last: 2", "b2 b5"},
        {"distinct: [kind], orderBy: {author: {name: ASC}}", "b3 b2 b4 b5"},
        {"distinct: [authorId], orderBy: {title: ASC}", "b6 b1 b5"},
        {"distinct: [authorId, kind], skip: 1, take: 3", "b2 b3 b4"},
        {"distinct: [year], where: {year: {lt: 1990}}", "b1 b2 b3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char document[200];
        char ids[100] = "";
        snprintf(document, sizeof document, "{ books(%s) { items { id } } }", cases[i].arguments);
        char *response = mapping_run(db, document, NULL, false);
        for (const char *at = response; (at = strstr(at, "\"id\":\"")) != NULL; at++) {
            size_t size = strlen(ids);
            snprintf(ids + size, sizeof ids - size, "%s%.2s", size > 0 ? " " : "", at + 6);
        }
        cr_expect_str_eq(ids, cases[i].expected, "%s: %s, not %s", document, ids,
                         cases[i].expected);
        quire_free(response);
    }
    MAPPING_IS(db,
               "{ books(distinct: [kind], first: 2) { totalCount aggregate { count } pageInfo { "
               "hasNextPage } items { kind } } }",
               "{\"data\":{\"books\":{\"totalCount\":4,\"aggregate\":{\"count\":6},\"pageInfo\":{"
               "\"hasNextPage\":true},\"items\":[{\"kind\":\"NOVEL\"},{\"kind\":\"PLAY\"}]}}}");
    MAPPING_IS(
        db,
        "{ authors(take: 2) { items { books(distinct: [kind], orderBy: {title: ASC}) { items "
        "{ id } } } } }",
        "{\"data\":{\"authors\":{\"items\":[{\"books\":{\"items\":[{\"id\":\"b1\"},{\"id\":"
        "\"b2\"},{\"id\":\"b4\"}]}},{\"books\":{\"items\":[{\"id\":\"b6\"}]}}]}}}");
    mapping_close(db);
}

/* A page of no rows has no room from the start: a walk for it must end all the same. */
Test(products, distinct__of_a_page_of_no_rows_ends, .timeout = 60)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    static const char *const sizes[] = {"first: 0", "take: 0", "last: 0"};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char document[200];
        snprintf(document, sizeof document,
                 "{ authors(take: 1) { items { books(distinct: [kind], %s) { items { id } } } } }",
                 sizes[i]);
        MAPPING_IS(db, document,
                   "{\"data\":{\"authors\":{\"items\":[{\"books\":{\"items\":[]}}]}}}");
    }
    mapping_close(db);
}

/* ---- paged relations ---- */

/* Asserts that a text is part of what a request answers, explain included. */
static void explains(quire_db *db, const char *document, const char *text)
{
    char *response = mapping_run(db, document, NULL, true);
    cr_expect_not_null(strstr(response, text), "%s\ngives %s\nwithout %s", document, response,
                       text);
    quire_free(response);
}

static const char paged_schema[] =
    "type Owner { id: ID! things: [Thing!]! friends: [Owner!]! @relation(inverse: \"friends\") "
    "tags: [Tag!]! }\n"
    "type Thing @index(fields: [\"owner\", \"n\"]) { id: ID! n: Int k: Int owner: Owner! }\n"
    "type Tag { id: ID! owners: [Owner!]! }\n";

/* An owner with 200 things and 200 tags. */
static quire_db *open_paged(void)
{
    size_t size = 64000;
    char *rows = malloc(size);
    char *end = rows;
    end += snprintf(end, size, "mutation {");
    for (int i = 0; i < 200; i++) {
        end += snprintf(end, size - (size_t)(end - rows),
                        " t%d: createTag(input: {id: \"t%d\"}) { id }", i, i);
    }
    end +=
        snprintf(end, size - (size_t)(end - rows), " o: createOwner(input: {id: \"o\", tagsIds: [");
    for (int i = 0; i < 200; i++) {
        end += snprintf(end, size - (size_t)(end - rows), "\"t%d\",", i);
    }
    end += snprintf(end, size - (size_t)(end - rows), "]}) { id }");
    for (int i = 0; i < 200; i++) {
        end +=
            snprintf(end, size - (size_t)(end - rows),
                     " x%d: createThing(input: {id: \"x%d\", n: %d, k: %d, ownerId: \"o\"}) { id }",
                     i, i, i / 4, i % 7);
    }
    snprintf(end, size - (size_t)(end - rows), " }");
    quire_db *db = mapping_open(paged_schema, rows);
    free(rows);
    return db;
}

/* The last cursor of the first `count` rows. */
static void cursor_at(quire_db *db, const char *relation, const char *arguments, int count,
                      char *cursor, size_t size)
{
    char document[300];
    snprintf(document, sizeof document,
             "{ owner(id: \"o\") { %s(%s first: %d) { pageInfo { endCursor } } } }", relation,
             arguments, count);
    char *response = mapping_run(db, document, NULL, false);
    char *at = strstr(response, "\"endCursor\":\"");
    cr_assert_not_null(at, "%s", response);
    at += strlen("\"endCursor\":\"");
    snprintf(cursor, size, "%.*s", (int)strcspn(at, "\""), at);
    quire_free(response);
}

/* A page of a relation reads from its cursor on, and no more than it gives: in both directions, by
 * the index, whatever the relation is kept in. */
Test(products, paged_relations__read_from_the_cursor_on)
{
    quire_db *db = open_paged();
    static const struct {
        const char *relation, *arguments, *first, *last;
    } cases[] = {
        {"things", "", "x150", "x148"},
        {"things", "orderBy: {n: ASC},", "x150", "x148"},
        {"things", "orderBy: {n: DESC},", "x49", "x51"},
        {"things", "where: {n: {gte: 0}}, orderBy: {n: ASC},", "x150", "x148"},
        {"tags", "", "t150", "t148"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char cursor[200];
        char document[500];
        char expected[200];
        cursor_at(db, cases[i].relation, cases[i].arguments, 150, cursor, sizeof cursor);
        snprintf(document, sizeof document,
                 "{ owner(id: \"o\") { %s(%s first: 1, after: \"%s\") { items { id } } } }",
                 cases[i].relation, cases[i].arguments, cursor);
        snprintf(expected, sizeof expected, "[{\"id\":\"%s\"}]", cases[i].first);
        explains(db, document, expected);
        explains(db, document, "\"rowsRead\":2,\"rowsReturned\":1");
        snprintf(document, sizeof document,
                 "{ owner(id: \"o\") { %s(%s last: 1, before: \"%s\") { items { id } pageInfo { "
                 "hasNextPage hasPreviousPage } } } }",
                 cases[i].relation, cases[i].arguments, cursor);
        snprintf(expected, sizeof expected,
                 "{\"items\":[{\"id\":\"%s\"}],\"pageInfo\":{\"hasNextPage\":true,"
                 "\"hasPreviousPage\":true}}",
                 cases[i].last);
        explains(db, document, expected);
        explains(db, document, "\"rowsRead\":3,\"rowsReturned\":1");
        snprintf(document, sizeof document,
                 "{ owner(id: \"o\") { %s(%s skip: 150, take: 1) { items { id } } } }",
                 cases[i].relation, cases[i].arguments);
        snprintf(expected, sizeof expected, "[{\"id\":\"%s\"}]", cases[i].first);
        explains(db, document, expected);
        snprintf(document, sizeof document,
                 "{ owner(id: \"o\") { %s { items(%s skip: 150, take: 1) { id } } } }",
                 cases[i].relation, cases[i].arguments);
        explains(db, document, expected);
        snprintf(document, sizeof document,
                 "{ owner(id: \"o\") { %s(%s last: 1) { items { id } } } }", cases[i].relation,
                 cases[i].arguments);
        explains(db, document, "\"rowsRead\":1,\"rowsReturned\":1");
    }
    mapping_close(db);
}

/* A page with a filter that no index says fully stops when it is full. */
Test(products, paged_relations__stop_when_the_page_is_full)
{
    quire_db *db = open_paged();
    explains(db,
             "{ owner(id: \"o\") { things(where: {k: {equals: 3}}, first: 2) { items { id } } } }",
             "[{\"id\":\"x3\"},{\"id\":\"x10\"}]");
    explains(db,
             "{ owner(id: \"o\") { things(where: {k: {equals: 3}}, first: 2) { items { id } } } }",
             "\"rowsRead\":32,\"rowsReturned\":2");
    explains(db,
             "{ owner(id: \"o\") { things { items(where: {k: {equals: 3}}, take: 2) { id } } } }",
             "\"rowsRead\":32,\"rowsReturned\":2");
    mapping_close(db);
}

/* Walks over all pages of a listing of T; the ids joined. */
static void walk_pages(quire_db *db, const char *arguments, bool forward, unsigned size, char *ids,
                       size_t ids_size)
{
    static char document[9000];
    static char cursor[8000];
    bool more = true;
    ids[0] = cursor[0] = '\0';
    for (int pages = 0; more && pages < 100; pages++) {
        char page[200] = "";
        snprintf(document, sizeof document,
                 "{ ts(%s, %s: %u%s%s%s) { items { id } pageInfo { startCursor endCursor "
                 "hasNextPage hasPreviousPage } } }",
                 arguments, forward ? "first" : "last", size,
                 cursor[0] == '\0' ? ""
                 : forward         ? ", after: \""
                                   : ", before: \"",
                 cursor, cursor[0] == '\0' ? "" : "\"");
        char *response = mapping_run(db, document, NULL, false);
        cr_assert_null(strstr(response, "\"errors\""), "%.300s", response);
        for (const char *at = response; (at = strstr(at, "\"id\":\"")) != NULL; at++) {
            size_t used = strlen(page);
            snprintf(page + used, sizeof page - used, "%.2s ", at + 6);
        }
        char joined[700];
        snprintf(joined, sizeof joined, "%s%s", forward ? ids : page, forward ? page : ids);
        snprintf(ids, ids_size, "%s", joined);
        more =
            strstr(response, forward ? "\"hasNextPage\":true" : "\"hasPreviousPage\":true") != NULL;
        const char *end = strstr(response, forward ? "\"endCursor\":\"" : "\"startCursor\":\"");
        if (end != NULL) {
            end = strchr(end, ':') + 2;
            snprintf(cursor, sizeof cursor, "%.*s", (int)strcspn(end, "\""), end);
        }
        quire_free(response);
    }
}

/* Keys that an index cannot hold whole, keys that only nulls repeat, and keys that many share. */
Test(products, pages__begin_at_their_cursor_whatever_the_keys_are)
{
    static const char *const orders[] = {
        "orderBy: {s: ASC}",
        "orderBy: {s: DESC}",
        "orderBy: {u: ASC}",
        "orderBy: {u: DESC}",
        "orderBy: [{g: ASC}, {s: ASC}]",
        "orderBy: [{g: DESC}, {s: DESC}]",
        "where: {g: {equals: 1}}, orderBy: {s: ASC}",
        "where: {g: {equals: 1}}, orderBy: {s: DESC}",
    };
    char *rows = malloc(200000);
    char *long_text = malloc(3001);
    char *end = rows;
    memset(long_text, 'x', 3000);
    long_text[3000] = '\0';
    end += snprintf(end, 200000, "mutation {");
    for (int i = 0; i < 30; i++) {
        const char *s = i % 3 == 0 ? long_text : i % 3 == 1 ? "short" : "";
        end += snprintf(end, (size_t)(rows + 200000 - end),
                        " m%02d: createT(input: {id: \"%02d\", g: %d", i, i, i % 2);
        if (i % 7 != 0) {
            end += snprintf(end, (size_t)(rows + 200000 - end), ", s: \"%s%c\"", s, 'a' + i % 4);
        }
        if (i % 4 != 0) {
            end += snprintf(end, (size_t)(rows + 200000 - end), ", u: \"%s%02d\"", s, 50 - i);
        }
        end += snprintf(end, (size_t)(rows + 200000 - end), "}) { id }");
    }
    snprintf(end, (size_t)(rows + 200000 - end), " }");
    quire_db *indexed = mapping_open("type T @index(fields: [\"g\", \"s\"]) { id: ID! g: Int s: "
                                     "String @index u: String @unique @index }",
                                     rows);
    quire_db *plain = mapping_open("type T { id: ID! g: Int s: String u: String }", rows);
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        char whole[700];
        walk_pages(plain, orders[i], true, 100, whole, sizeof whole);
        for (unsigned size = 1; size <= 7; size += 2) {
            char pages[700];
            walk_pages(indexed, orders[i], true, size, pages, sizeof pages);
            cr_expect_str_eq(pages, whole, "%s by %u: %s, not %s", orders[i], size, pages, whole);
            walk_pages(indexed, orders[i], false, size, pages, sizeof pages);
            cr_expect_str_eq(pages, whole, "%s back by %u: %s, not %s", orders[i], size, pages,
                             whole);
        }
    }
    mapping_close(indexed);
    mapping_close(plain);
    free(rows);
    free(long_text);
}
