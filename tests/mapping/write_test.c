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
        "\"extensions\":{\"code\":\"UNIQUE\",\"coordinate\":\"Genre.name\"}}],\"data\":null}");
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
