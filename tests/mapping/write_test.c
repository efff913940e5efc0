#include <stdio.h>
#include <string.h>

#include "mapping_fixture.h"
#include "world.h"

Test(mapping, write__creates_with_defaults_and_generated_keys)
{
    quire_db *db = mapping_open("type T { id: ID! n: Int! @default(value: 3) s: [String!] "
                                "@default(value: [\"a\"]) o: String }",
                                NULL);
    char *response = mapping_run(db, "mutation { createT(input: {}) { id n s o } }", NULL, false);
    /* A UUID of version 7: 8-4-4-4-12 hex digits with 7 and 8..b in their places. */
    char *id = strstr(response, "\"id\":\"");
    cr_assert_not_null(id, "%s", response);
    id += 6;
    cr_expect_eq(strcspn(id, "\""), 36);
    cr_expect(id[8] == '-' && id[13] == '-' && id[14] == '7' && id[18] == '-' && id[23] == '-');
    cr_expect_not_null(strchr("89ab", id[19]));
    cr_expect_not_null(strstr(response, "\"n\":3,\"s\":[\"a\"],\"o\":null"), "%s", response);
    quire_free(response);
    MAPPING_IS(
        db,
        "mutation { createT(input: {id: \"mine\", n: 4, s: null, o: \"\\\"q\\\\\\n\"}) { id n s o "
        "} }",
        "{\"data\":{\"createT\":{\"id\":\"mine\",\"n\":4,\"s\":null,\"o\":\"\\\"q\\\\\\n\"}}}");
    mapping_close(db);
}

Test(mapping, write__updates_only_what_is_given)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(db,
               "mutation { updateAuthor(id: \"a1\", input: {rating: null, born: 1902}) { name born "
               "rating country } }",
               "{\"data\":{\"updateAuthor\":{\"name\":\"Ines\",\"born\":1902,\"rating\":null,"
               "\"country\":\"PT\"}}}");
    MAPPING_IS(db,
               "mutation { updateBook(id: \"b1\", input: {authorId: \"a2\", genresIds: [\"war\"]}) "
               "{ author { id } genres { items { name } } } }",
               "{\"data\":{\"updateBook\":{\"author\":{\"id\":\"a2\"},\"genres\":{\"items\":[{"
               "\"name\":\"war\"}]}}}}");
    MAPPING_IS(db,
               "{ author(id: \"a1\") { books { items { id } } } genre(name: \"love\") { books { "
               "items { id } } } "
               "genre2: genre(name: \"war\") { books { items { id } } } authors(where: {born: "
               "{equals: 1902}}) { items { id } } }",
               "{\"data\":{\"author\":{\"books\":{\"items\":[{\"id\":\"b2\"},{\"id\":\"b4\"}]}},"
               "\"genre\":{\"books\":{\"items\":[{\"id\":\"b2\"}]}},"
               "\"genre2\":{\"books\":{\"items\":[{\"id\":\"b5\"},{\"id\":\"b1\"}]}},"
               "\"authors\":{\"items\":[{\"id\":\"a1\"}]}}}");
    mapping_close(db);
}

Test(mapping, write__deletes_and_gives_the_row_as_it_was)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(
        db,
        "mutation { deleteBook(id: \"b2\") { title author { name } genres { items { name } } } }",
        "{\"data\":{\"deleteBook\":{\"title\":\"Beta\",\"author\":{\"name\":\"Ines\"},"
        "\"genres\":{\"items\":[{\"name\":\"love\"}]}}}}");
    MAPPING_IS(db,
               "{ book(id: \"b2\") { id } genre(name: \"love\") { books { totalCount } } books { "
               "totalCount } }",
               "{\"data\":{\"book\":null,\"genre\":{\"books\":{\"totalCount\":1}},\"books\":{"
               "\"totalCount\":5}}}");
    mapping_close(db);
}

Test(mapping, write__follows_on_delete)
{
    quire_db *db = mapping_open(
        "type A { id: ID! }"
        "type R { id: ID! a: A @relation(onDelete: RESTRICT) }"
        "type N { id: ID! a: A }"
        "type C { id: ID! a: A! @relation(onDelete: CASCADE) self: C @relation(onDelete: CASCADE) "
        "ds: [D] }"
        "type D { id: ID! c: C @relation(onDelete: CASCADE) }",
        "mutation { a: createA(input: {id: \"a\"}) { id } b: createA(input: {id: \"b\"}) { id }"
        " createR(input: {id: \"r\", aId: \"b\"}) { id }"
        " s: createN(input: {id: \"s\", aId: \"a\"}) { id }"
        " c1: createC(input: {id: \"c1\", aId: \"a\"}) { id }"
        " c2: createC(input: {id: \"c2\", aId: \"b\", selfId: \"c1\"}) { id }"
        " u: updateC(id: \"c1\", input: {selfId: \"c2\"}) { id }"
        " d: createD(input: {id: \"d\", cId: \"c2\"}) { id } }");
    MAPPING_HAS(db, "mutation { deleteA(id: \"b\") { id } }", "\"coordinate\":\"R.a\"");
    MAPPING_IS(db, "mutation { deleteA(id: \"a\") { id } }",
               "{\"data\":{\"deleteA\":{\"id\":\"a\"}}}");
    MAPPING_IS(db,
               "{ as { items { id } } rs { totalCount } ns { items { id a { id } } } cs { "
               "totalCount } ds { totalCount } }",
               "{\"data\":{\"as\":{\"items\":[{\"id\":\"b\"}]},\"rs\":{\"totalCount\":1},"
               "\"ns\":{\"items\":[{\"id\":\"s\",\"a\":null}]},\"cs\":{\"totalCount\":0},\"ds\":{"
               "\"totalCount\":0}}}");
    mapping_close(db);
}

Test(mapping, write__of_one_request_is_all_or_nothing)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(
        db,
        "mutation { createGenre(input: {name: \"new\"}) { name } deleteShop(id: \"s1\") { id } "
        "b: createGenre(input: {name: \"war\"}) { name } }",
        "{\"errors\":[{\"message\":\"A row of Genre with this name \\\"war\\\" "
        "exists already.\","
        "\"locations\":[{\"line\":1,\"column\":83}],\"path\":[\"b\"],"
        "\"extensions\":{\"code\":\"UNIQUE\",\"coordinate\":\"Genre.name\",\"inputPath\":["
        "\"input\"]}}],"
        "\"data\":null}");
    MAPPING_IS(db, "{ genres { totalCount } shops { totalCount } }",
               "{\"data\":{\"genres\":{\"totalCount\":3},\"shops\":{\"totalCount\":2}}}");
    mapping_close(db);
}

Test(mapping, write__sees_what_earlier_fields_did)
{
    quire_db *db = mapping_open(mapping_schema, NULL);
    MAPPING_IS(db,
               "mutation { createAuthor(input: {id: \"x\", name: \"X\"}) { books { totalCount } } "
               "createBook(input: {id: \"y\", title: \"Y\", authorId: \"x\"}) { author { books { "
               "items { title } } } } "
               "updateAuthor(id: \"x\", input: {name: \"Z\"}) { name } deleteBook(id: \"y\") { "
               "author { name } } }",
               "{\"data\":{\"createAuthor\":{\"books\":{\"totalCount\":0}},"
               "\"createBook\":{\"author\":{\"books\":{\"items\":[{\"title\":\"Y\"}]}}},"
               "\"updateAuthor\":{\"name\":\"Z\"},\"deleteBook\":{\"author\":{\"name\":\"Z\"}}}}");
    mapping_close(db);
}

/* Creates `count` rows of C, each pointing to the one before it, or all to the first. */
static void make_chain(quire_db *db, unsigned count, bool flat)
{
    enum { BATCH = 400 };
    static char document[BATCH * 100];
    for (unsigned i = 0; i < count;) {
        size_t n = (size_t)snprintf(document, sizeof document, "mutation {");
        for (unsigned end = i + BATCH; i < end && i < count; i++) {
            n += (size_t)snprintf(document + n, sizeof document - n,
                                  i == 0 ? "m0: createC(input: {id: \"0\"}) { id }"
                                         : "m%u: createC(input: {id: \"%u\", upId: \"%u\"}) { id }",
                                  i, i, flat ? 0 : i - 1);
        }
        snprintf(document + n, sizeof document - n, "}");
        char *response = mapping_run(db, document, NULL, false);
        cr_assert_null(strstr(response, "\"errors\""), "%s", response);
        quire_free(response);
    }
}

Test(mapping, write__cascades_over_long_chains_and_wide_ones_in_little_memory)
{
    enum { ROWS = 20000 };
    for (int flat = 0; flat < 2; flat++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
        char *response;
        size_t size;
        bool has_errors;
        quire_db *db =
            mapping_open("type C { id: ID! up: C @relation(onDelete: CASCADE) peer: C }", NULL);
        make_chain(db, ROWS, flat == 1);
        /* A cycle, and a reference to clear at the end of it. */
        MAPPING_HAS(db,
                    "mutation { updateC(id: \"0\", input: {upId: \"19999\"}) { id } "
                    "createC(input: {id: \"x\", peerId: \"19999\"}) { id } }",
                    "\"data\":{");
        request.document = "mutation { deleteC(id: \"0\") { id } }";
        request.limits.memory_bytes_max = flat == 1 ? 100000 : 64 * ROWS;
        cr_assert_eq(quire_graphql(db, &request, &response, &size, &has_errors, &err), QUIRE_OK);
        cr_expect_not(has_errors, "%s", response);
        quire_free(response);
        MAPPING_IS(db, "{ cs { items { id peer { id } } } }",
                   "{\"data\":{\"cs\":{\"items\":[{\"id\":\"x\",\"peer\":null}]}}}");
        mapping_close(db);
    }
}

Test(mapping, write__clears_many_references_in_little_memory)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;
    bool has_errors;
    quire_db *db = mapping_open("type C { id: ID! up: C }", NULL);
    make_chain(db, 4000, true);
    request.document = "mutation { deleteC(id: \"0\") { id } }";
    request.limits.memory_bytes_max = 100000;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, &has_errors, &err), QUIRE_OK);
    cr_expect_not(has_errors, "%s", response);
    quire_free(response);
    MAPPING_IS(db, "{ cs(where: {upId: {not: null}}) { totalCount } }",
               "{\"data\":{\"cs\":{\"totalCount\":0}}}");
    mapping_close(db);
}

Test(mapping, write__deletes_rows_that_refer_to_themselves)
{
    quire_db *db = mapping_open("type R { id: ID! self: R @relation(onDelete: RESTRICT) rs: [R] "
                                "@relation(inverse: \"rs\") }",
                                "mutation { createR(input: {id: \"r\"}) { id } updateR(id: \"r\", "
                                "input: {selfId: \"r\", rsIds: [\"r\", \"r\"]}) { id } }");
    MAPPING_IS(db, "{ r(id: \"r\") { self { id } rs { totalCount items { id } } } }",
               "{\"data\":{\"r\":{\"self\":{\"id\":\"r\"},\"rs\":{\"totalCount\":1,\"items\":[{"
               "\"id\":\"r\"}]}}}}");
    MAPPING_IS(db, "mutation { deleteR(id: \"r\") { self { id } rs { totalCount } } }",
               "{\"data\":{\"deleteR\":{\"self\":{\"id\":\"r\"},\"rs\":{\"totalCount\":1}}}}");
    MAPPING_IS(db, "{ rs { totalCount } }", "{\"data\":{\"rs\":{\"totalCount\":0}}}");
    mapping_close(db);
}

Test(mapping, write__gives_unique_fields_their_own_values_again)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(db,
               "mutation { updateShop(id: \"s1\", input: {mainId: \"b1\"}) { main { id } } "
               "updateBook(id: \"b1\", input: {genresIds: [\"crime\", \"crime\", \"love\"]}) { "
               "genres { items { name } } } }",
               "{\"data\":{\"updateShop\":{\"main\":{\"id\":\"b1\"}},\"updateBook\":{\"genres\":{"
               "\"items\":[{\"name\":\"crime\"},{\"name\":\"love\"}]}}}}");
    mapping_close(db);
}
