#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping_fixture.h"
#include "world.h"

Test(mapping, page__orders_by_columns_and_relations)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(db, "{ authors(orderBy: {name: asc}) { items { name } } }",
               "{\"data\":{\"authors\":{\"items\":[{\"name\":\"Bo\"},{\"name\":\"Ines\"},"
               "{\"name\":\"ines\"},{\"name\":\"\xc3\x89mile\"}]}}}");
    MAPPING_IS(db, "{ books(orderBy: [{author: {name: DESC}}, {title: ASC}]) { items { id } } }",
               "{\"data\":{\"books\":{\"items\":[{\"id\":\"b5\"},{\"id\":\"b1\"},{\"id\":\"b2\"},"
               "{\"id\":\"b4\"},{\"id\":\"b6\"},{\"id\":\"b3\"}]}}}");
    MAPPING_IS(db, "{ books(orderBy: {year: ASC}) { items { id } } }",
               "{\"data\":{\"books\":{\"items\":[{\"id\":\"b5\"},{\"id\":\"b2\"},{\"id\":\"b1\"},"
               "{\"id\":\"b4\"},{\"id\":\"b3\"},{\"id\":\"b6\"}]}}}");
    MAPPING_IS(db, "{ books(orderBy: {year: ASC_NULLS_LAST}, take: 5) { items { id } } }",
               "{\"data\":{\"books\":{\"items\":[{\"id\":\"b2\"},{\"id\":\"b1\"},{\"id\":\"b4\"},"
               "{\"id\":\"b3\"},{\"id\":\"b6\"}]}}}");
    MAPPING_IS(db, "{ books(orderBy: {year: DESC_NULLS_FIRST}, take: 2) { items { id } } }",
               "{\"data\":{\"books\":{\"items\":[{\"id\":\"b5\"},{\"id\":\"b6\"}]}}}");
    MAPPING_HAS(db, "{ books(orderBy: {year: ASC, title: ASC}) { totalCount } }",
                "exactly one field");
    mapping_close(db);
}

Test(mapping, page__skips_and_takes)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(
        db, "{ books(skip: 4) { totalCount items { id } } }",
        "{\"data\":{\"books\":{\"totalCount\":6,\"items\":[{\"id\":\"b5\"},{\"id\":\"b6\"}]}}}");
    MAPPING_IS(db, "{ books(skip: 1, take: 2, orderBy: {title: desc}) { items { title } } }",
               "{\"data\":{\"books\":{\"items\":[{\"title\":\"Gamma\"},{\"title\":\"Delta\"}]}}}");
    MAPPING_IS(db,
               "{ books(take: 0) { totalCount items { id } pageInfo { hasNextPage endCursor } } }",
               "{\"data\":{\"books\":{\"totalCount\":6,\"items\":[],"
               "\"pageInfo\":{\"hasNextPage\":true,\"endCursor\":null}}}}");
    MAPPING_IS(db, "{ books(skip: 100) { items { id } } }",
               "{\"data\":{\"books\":{\"items\":[]}}}");
    MAPPING_HAS(db, "{ books(take: -1) { totalCount } }", "must not be negative");
    MAPPING_HAS(db, "{ books(take: 1, first: 1) { totalCount } }", "Only one of");
    MAPPING_HAS(db, "{ books(last: 1, skip: 1) { totalCount } }", "does not go with");
    mapping_close(db);
}

Test(mapping, page__counts_what_where_selects_before_paging)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(db,
               "{ books(where: {kind: {equals: NOVEL}}, first: 1) { totalCount items { id } } }",
               "{\"data\":{\"books\":{\"totalCount\":3,\"items\":[{\"id\":\"b1\"}]}}}");
    MAPPING_IS(db,
               "{ authors { items { id books(where: {year: {gte: 1930}}, take: 1) { totalCount "
               "items { id } } } } }",
               "{\"data\":{\"authors\":{\"items\":["
               "{\"id\":\"a1\",\"books\":{\"totalCount\":2,\"items\":[{\"id\":\"b1\"}]}},"
               "{\"id\":\"a2\",\"books\":{\"totalCount\":2,\"items\":[{\"id\":\"b3\"}]}},"
               "{\"id\":\"a3\",\"books\":{\"totalCount\":0,\"items\":[]}},"
               "{\"id\":\"a4\",\"books\":{\"totalCount\":0,\"items\":[]}}]}}}");
    mapping_close(db);
}

Test(mapping, page__narrows_items_by_their_own_arguments)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(db,
               "{ books { totalCount items(where: {kind: {equals: NOVEL}}, orderBy: [{title: "
               "ASC}], skip: 1, take: 1) { title } "
               "rest: items(skip: 5) { id } } }",
               "{\"data\":{\"books\":{\"totalCount\":6,\"items\":[{\"title\":\"Alpha\"}],"
               "\"rest\":[{\"id\":\"b6\"}]}}}");
    MAPPING_IS(db,
               "{ author(id: \"a1\") { books(first: 2) { items(orderBy: {year: ASC}) { id } } } }",
               "{\"data\":{\"author\":{\"books\":{\"items\":[{\"id\":\"b2\"},{\"id\":\"b1\"}]}}}}");
    mapping_close(db);
}

/* Copies the text of a member of a response. */
static void member(const char *response, const char *name, char *out, size_t size)
{
    char pattern[64];
    snprintf(pattern, sizeof pattern, "\"%s\":\"", name);
    const char *at = strstr(response, pattern);
    cr_assert_not_null(at, "%s has no %s", response, name);
    at += strlen(pattern);
    snprintf(out, size, "%.*s", (int)strcspn(at, "\""), at);
}

/* Walks a connection page by page, forwards or backwards, collecting ids; every page but the last
 * must be full, and hasNextPage must say truly whether another follows. */
static void walk(quire_db *db, const char *order, bool forward, unsigned size, char *ids,
                 size_t ids_size)
{
    char cursor[200] = "";
    bool more = true;
    ids[0] = '\0';
    for (int pages = 0; more; pages++) {
        char document[600];
        char bound[240] = "";
        cr_assert_lt(pages, 20);
        if (cursor[0] != '\0') {
            snprintf(bound, sizeof bound, ", %s: \"%s\"", forward ? "after" : "before", cursor);
        }
        snprintf(document, sizeof document,
                 "{ books(%s, %s: %u%s) { edges { cursor node { id } } "
                 "pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }",
                 order, forward ? "first" : "last", size, bound);
        char *response = mapping_run(db, document, NULL, false);
        char page[100] = "";
        unsigned count = 0;
        for (char *at = response; (at = strstr(at, "\"id\":\"")) != NULL; count++) {
            at += 6;
            size_t n = strlen(page);
            snprintf(page + n, sizeof page - n, "%.2s,", at);
        }
        more =
            strstr(response, forward ? "\"hasNextPage\":true" : "\"hasPreviousPage\":true") != NULL;
        cr_expect(!more || count == size, "%s", response);
        cr_expect(count > 0, "%s gives an empty page after one that promised more", document);
        char joined[300];
        snprintf(joined, sizeof joined, "%s%s", forward ? ids : page, forward ? page : ids);
        snprintf(ids, ids_size, "%s", joined);
        if (more) {
            member(response, forward ? "endCursor" : "startCursor", cursor, sizeof cursor);
        }
        quire_free(response);
    }
}

Test(mapping, page__cursors_visit_every_row_once_in_both_directions)
{
    static const char *const orders[] = {
        "orderBy: []",
        "orderBy: {title: ASC}",
        "orderBy: {title: DESC}",
        "orderBy: {year: ASC}",
        "orderBy: {year: DESC}",
        "orderBy: {year: ASC_NULLS_LAST}",
        "orderBy: [{kind: ASC}, {year: DESC}]",
        "orderBy: [{author: {born: DESC}}]",
        "where: {kind: {equals: NOVEL}}, orderBy: {title: ASC}",
        "where: {year: {gt: 1920}}, orderBy: {year: DESC}",
    };
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        char whole[300];
        walk(db, orders[i], true, 50, whole, sizeof whole);
        for (unsigned size = 1; size <= 4; size++) {
            char pages[300];
            walk(db, orders[i], true, size, pages, sizeof pages);
            cr_expect_str_eq(pages, whole, "%s, pages of %u: %s, not %s", orders[i], size, pages,
                             whole);
            walk(db, orders[i], false, size, pages, sizeof pages);
            cr_expect_str_eq(pages, whole, "%s, back by %u: %s, not %s", orders[i], size, pages,
                             whole);
        }
    }
    mapping_close(db);
}

Test(mapping, page__cursors_are_stable_under_writes)
{
    char cursor[200];
    char document[400];
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    char *response = mapping_run(
        db, "{ books(orderBy: {title: ASC}, first: 2) { pageInfo { endCursor } items { title } } }",
        NULL, false);
    cr_assert_not_null(strstr(response, "\"Al\""));
    member(response, "endCursor", cursor, sizeof cursor);
    quire_free(response);
    /* A row before the cursor appears, the row of the cursor goes. */
    MAPPING_HAS(
        db,
        "mutation { createBook(input: {id: \"b0\", title: \"Aardvark\", authorId: \"a1\"}) { id } "
        "deleteShop(id: \"s1\") { id } deleteBook(id: \"b1\") { id } }",
        "\"data\":{");
    snprintf(document, sizeof document,
             "{ books(orderBy: {title: ASC}, first: 2, after: \"%s\") { items { title } } }",
             cursor);
    MAPPING_IS(db, document,
               "{\"data\":{\"books\":{\"items\":[{\"title\":\"Beta\"},{\"title\":\"Delta\"}]}}}");
    mapping_close(db);
}

Test(mapping, page__refuses_cursors_that_are_not_its_own)
{
    char cursor[200];
    char document[400];
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    char *response = mapping_run(
        db, "{ books(orderBy: {title: ASC}, first: 2) { pageInfo { endCursor } } }", NULL, false);
    member(response, "endCursor", cursor, sizeof cursor);
    quire_free(response);
    snprintf(document, sizeof document,
             "{ books(orderBy: {year: ASC}, after: \"%s\") { totalCount } }", cursor);
    MAPPING_HAS(db, document, "does not come from this field");
    MAPPING_HAS(db, "{ books(after: \"\") { totalCount } }", "does not come from this field");
    MAPPING_HAS(db, "{ books(after: \"????\") { totalCount } }", "does not come from this field");
    MAPPING_HAS(db, "{ books(after: \"AAAAAAAAAAAAAAAAAAAAAAAA\") { totalCount } }",
                "does not come from this field");
    for (size_t i = 0; cursor[i] != '\0'; i++) {
        char kept = cursor[i];
        cursor[i] = kept == 'A' ? 'B' : 'A';
        snprintf(document, sizeof document,
                 "{ books(orderBy: {title: ASC}, first: 1, after: \"%s\") { items { id } } }",
                 cursor);
        char *answer =
            mapping_run(db, document, NULL, false); /* an answer or an error, never worse */
        cr_expect_null(strstr(answer, "CORRUPT"), "%s", answer);
        quire_free(answer);
        cursor[i] = kept;
    }
    mapping_close(db);
}

/* Asserts what pageInfo says of the page of books that `arguments` and a cursor select. */
static void info_is(quire_db *db, const char *arguments, const char *bound, const char *cursor,
                    bool next, bool previous)
{
    char document[700];
    char expected[100];
    snprintf(document, sizeof document,
             "{ books(%s, %s: \"%s\") { pageInfo { hasNextPage hasPreviousPage } } }", arguments,
             bound, cursor);
    snprintf(expected, sizeof expected, "{\"hasNextPage\":%s,\"hasPreviousPage\":%s}",
             next ? "true" : "false", previous ? "true" : "false");
    char *response = mapping_run(db, document, NULL, false);
    cr_expect_not_null(strstr(response, expected), "%s gives %s, not %s", document, response,
                       expected);
    quire_free(response);
}

/* The cursor of the only row that a filter leaves of an ordered list. */
static void cursor_of(quire_db *db, const char *arguments, char *cursor, size_t size)
{
    char document[400];
    snprintf(document, sizeof document, "{ books(%s) { edges { cursor } } }", arguments);
    char *response = mapping_run(db, document, NULL, false);
    member(response, "cursor", cursor, size);
    quire_free(response);
}

Test(mapping, page__tells_exactly_whether_rows_lie_beyond_a_cursor)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    char first[200];
    char last[200];
    char id[200];
    cursor_of(db, "orderBy: {title: ASC}, first: 1", first, sizeof first);
    cursor_of(db, "orderBy: {title: ASC}, last: 1", last, sizeof last);
    cursor_of(db, "first: 1", id, sizeof id);
    info_is(db, "orderBy: {title: ASC}, first: 2", "after", first, true, true);
    info_is(db, "orderBy: {title: ASC}, last: 2", "before", last, true, true);
    info_is(db, "first: 9", "after", id, false, true);
    /* Rows that `where` leaves out do not count. */
    info_is(db, "where: {title: {not: \"Al\"}}, orderBy: {title: ASC}, first: 2", "after", first,
            true, false);
    info_is(db, "where: {title: {not: \"alphabet\"}}, orderBy: {title: ASC}, last: 2", "before",
            last, false, true);
    info_is(db, "where: {title: {not: \"Alpha\"}}, first: 9", "after", id, false, false);
    /* Nor does the cursor's own row when it is gone. */
    MAPPING_HAS(db,
                "mutation { deleteBook(id: \"b5\") { id } x: deleteBook(id: \"b6\") { id } "
                "deleteShop(id: \"s1\") { id } y: deleteBook(id: \"b1\") { id } }",
                "\"data\":{");
    info_is(db, "orderBy: {title: ASC}, first: 1", "after", first, true, false);
    info_is(db, "orderBy: {title: ASC}, last: 9", "before", last, false, false);
    info_is(db, "first: 9", "after", id, false, false);
    info_is(db, "first: 0", "before", id, true, false);
    mapping_close(db);
}

Test(mapping, page__takes_cursors_where_a_unique_key_leaves_one_row)
{
    quire_db *db = mapping_open("type T { id: ID! n: Int! @unique s: String }",
                                "mutation { a: createT(input: {id: \"a\", n: 1, s: \"x\"}) { id } "
                                "b: createT(input: {id: \"b\", n: 2, s: \"y\"}) { id } }");
    char cursor[200];
    char document[300];
    char *response =
        mapping_run(db, "{ ts(orderBy: {s: ASC}, first: 1) { edges { cursor } } }", NULL, false);
    member(response, "cursor", cursor, sizeof cursor);
    quire_free(response);
    for (int i = 0; i < 2; i++) {
        snprintf(document, sizeof document,
                 "{ ts(where: {%s}, orderBy: {s: ASC}, after: \"%s\") { items { id } } }",
                 i == 0 ? "id: {equals: \"b\"}" : "n: {equals: 2}", cursor);
        MAPPING_IS(db, document, "{\"data\":{\"ts\":{\"items\":[{\"id\":\"b\"}]}}}");
    }
    mapping_close(db);
}

Test(mapping, page__begins_a_scan_at_its_cursor)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    char cursor[200];
    char document[300];
    cursor_of(db, "first: 1, skip: 3", cursor, sizeof cursor);
    snprintf(document, sizeof document, "{ books(first: 1, after: \"%s\") { items { id } } }",
             cursor);
    MAPPING_EXPLAINS(db, document, "\"rowsRead\":2,\"rowsReturned\":1");
    snprintf(document, sizeof document, "{ books(last: 1, before: \"%s\") { items { id } } }",
             cursor);
    MAPPING_EXPLAINS(db, document, "\"rowsRead\":2,\"rowsReturned\":1");
    mapping_close(db);
}

/* An allocator that knows the most that was live. */
struct peak {
    quire_allocator allocator;
    _Atomic size_t live, most;
};

static void *peak_realloc(void *context, void *ptr, size_t old_size, size_t new_size)
{
    struct peak *peak = context;
    void *grown = realloc(ptr, new_size);
    if (grown != NULL) {
        peak->live += new_size - (ptr == NULL ? 0 : old_size);
        peak->most = peak->live > peak->most ? peak->live : peak->most;
    }
    return grown;
}

static void peak_free(void *context, void *ptr, size_t size)
{
    struct peak *peak = context;
    peak->live -= ptr == NULL ? 0 : size;
    free(ptr);
}

/* 1000 rows of 2,500 bytes, a fifth of which an index finds and a filter looks at: half a megabyte
 * that no copy is made of, neither of what fails the filter nor of what comes too late for the
 * page. */
Test(mapping, page__copies_no_row_that_is_not_in_it)
{
    static char piece[3000];
    struct peak peak = {.allocator = {&peak, peak_realloc, peak_free}};
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    char body[2501];

    options.allocator = &peak.allocator;
    options.checkpoint = quire_checkpoint_manual(); /* takes no memory beside the requests */
    cr_assert_eq(quire_open(":memory:", &options, &db, &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq(mapping_apply(db, "type T { id: ID! n: Int! @index m: Int! body: String! }", &err),
                 QUIRE_OK, "%s", err.message);
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    for (int i = 0; i < 1000; i++) {
        snprintf(piece, sizeof piece,
                 "{\"T\":[{\"id\":\"t%d\",\"n\":%d,\"m\":%d,\"body\":\"%s%s\"}]}", i, i * 7 % 1000,
                 i * 11 % 1000, body, i % 100 == 0 ? " rare" : "");
        mapping_load(db, piece);
    }
    static const char *const requests[] = {
        "{ ts(where: {n: {gte: 800}, body: {contains: \"rare\"}}, orderBy: [{m: ASC}]) "
        "{ items { id } } }",
        "{ ts(where: {n: {gte: 800}, body: {contains: \"x\"}}, orderBy: [{m: ASC}], take: 2) "
        "{ items { id } } }",
        "{ ts(where: {n: {gte: 800}, body: {contains: \"rare\"}}, orderBy: [{n: DESC}], take: 2) "
        "{ items { id } } }",
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        mapping_explains(db, requests[i], "\"access\":\"index range\"", __LINE__);
        peak.most = peak.live;
        size_t before = peak.live;
        char *response = mapping_run(db, requests[i], NULL, false);
        cr_expect_not_null(strstr(response, "\"id\":\"t"), "%s", response);
        cr_expect_lt(peak.most - before, 120000, "%s\n takes %zu bytes", requests[i],
                     peak.most - before);
        quire_free(response);
    }
    mapping_close(db);
    cr_assert_eq(peak.live, 0);
}
