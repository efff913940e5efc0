#include "mapping_fixture.h"
#include "world.h"

Test(mapping, read__finds_one_row_by_key)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(db, "{ author(id: \"a1\") { name born rating living country tags } }",
               "{\"data\":{\"author\":{\"name\":\"Ines\",\"born\":1901,\"rating\":4.5,"
               "\"living\":false,\"country\":\"PT\",\"tags\":[\"slow\",\"long\"]}}}");
    MAPPING_IS(db, "{ author(id: \"zz\") { name } }", "{\"data\":{\"author\":null}}");
    MAPPING_IS(db, "{ genre(name: \"war\") { name __typename } }",
               "{\"data\":{\"genre\":{\"name\":\"war\",\"__typename\":\"Genre\"}}}");
    mapping_close(db);
}

Test(mapping, read__writes_every_scalar_without_loss)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(
        db,
        "{ b1: book(id: \"b1\") { pages kind details } b3: book(id: \"b3\") { pages details } }",
        "{\"data\":{\"b1\":{\"pages\":\"9007199254740993\",\"kind\":\"NOVEL\","
        "\"details\":null},\"b3\":{\"pages\":null,"
        "\"details\":{\"a\":[1,2.50,\"x\"],\"b\":null}}}}");
    mapping_close(db);
}

Test(mapping, read__follows_relations_both_ways)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(
        db,
        "{ book(id: \"b1\") { author { name mentor { name } } authorId genres { items { name } } } "
        "}",
        "{\"data\":{\"book\":{\"author\":{\"name\":\"Ines\",\"mentor\":null},"
        "\"authorId\":\"a1\",\"genres\":{\"items\":[{\"name\":\"love\"},{\"name\":\"crime\"}]}}}}");
    MAPPING_IS(db,
               "{ author(id: \"a1\") { books { totalCount items { id } } pupils { items { id "
               "pupils { items { id } } } } } }",
               "{\"data\":{\"author\":{\"books\":{\"totalCount\":3,\"items\":[{\"id\":\"b1\"},"
               "{\"id\":\"b2\"},{\"id\":\"b4\"}]},\"pupils\":{\"items\":[{\"id\":\"a2\",\"pupils\":"
               "{\"items\":[{\"id\":\"a3\"}]}},{\"id\":\"a4\",\"pupils\":{\"items\":[]}}]}}}}");
    MAPPING_IS(db, "{ genre(name: \"love\") { books { items { id author { name } } } } }",
               "{\"data\":{\"genre\":{\"books\":{\"items\":[{\"id\":\"b1\",\"author\":{\"name\":"
               "\"Ines\"}},"
               "{\"id\":\"b2\",\"author\":{\"name\":\"Ines\"}}]}}}}");
    MAPPING_IS(
        db, "{ shops { items { city main { title } mainId } } }",
        "{\"data\":{\"shops\":{\"items\":[{\"city\":\"Porto\",\"main\":{\"title\":\"Alpha\"},"
        "\"mainId\":\"b1\"},{\"city\":\"Nantes\",\"main\":null,\"mainId\":null}]}}}");
    mapping_close(db);
}

Test(mapping, read__reads_a_level_of_relations_at_once)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    char *response = mapping_run(db, "{ books { items { author { name } } } }", NULL, true);
    /* Six books have three authors: each is read once. */
    cr_expect_not_null(strstr(response,
                              "\"field\":\"Book.author\",\"access\":\"rows by reference\","
                              "\"index\":null,\"order\":\"from the path\","
                              "\"filtered\":false,\"rowsRead\":3,\"rowsReturned\":3"),
                       "%s", response);
    quire_free(response);
    mapping_close(db);
}

Test(mapping, read__handles_aliases_fragments_variables_and_directives)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS_WITH(
        db,
        "query Q($id: ID!, $with: Boolean!) { x: author(id: $id) { ...F name @skip(if: $with) } "
        "y: author(id: $id) { ... @include(if: $with) { born } ... on Author { n: name } } }"
        "fragment F on Author { id name books(take: 1) { items { ...B } } }"
        "fragment B on Book { title }",
        "{\"id\": \"a2\", \"with\": true}",
        "{\"data\":{\"x\":{\"id\":\"a2\",\"name\":\"Bo\",\"books\":{\"items\":"
        "[{\"title\":\"Gamma\"}]}},\"y\":{\"born\":1950,\"n\":\"Bo\"}}}");
    mapping_close(db);
}

Test(mapping, read__answers_introspection_beside_rows)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(
        db,
        "{ __type(name: \"Kind\") { kind enumValues { name } } genre(name: \"war\") { name } "
        "__schema { queryType { name } } __typename }",
        "{\"data\":{\"__type\":{\"kind\":\"ENUM\",\"enumValues\":[{\"name\":\"NOVEL\"},"
        "{\"name\":\"PLAY\"},{\"name\":\"POEM\"}]},\"genre\":{\"name\":\"war\"},"
        "\"__schema\":{\"queryType\":{\"name\":\"Query\"}},\"__typename\":\"Query\"}}");
    mapping_close(db);
}

Test(mapping, read__of_one_request_is_one_snapshot)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    quire_txn *txn;
    char *before;
    char *after;
    size_t size;
    cr_assert_eq(quire_begin(db, QUIRE_READ, &txn, &err), QUIRE_OK);
    request.document = "{ books { totalCount items { title } } }";
    cr_assert_eq(quire_graphql_in(txn, &request, &before, &size, NULL, &err), QUIRE_OK);
    MAPPING_HAS(db,
                "mutation { deleteBook(id: \"b3\") { id } updateBook(id: \"b2\", input: {title: "
                "\"New\"}) { id } }",
                "\"data\":{");
    cr_assert_eq(quire_graphql_in(txn, &request, &after, &size, NULL, &err), QUIRE_OK);
    cr_expect_str_eq(before, after);
    quire_free(before);
    quire_free(after);
    quire_rollback(txn);
    MAPPING_HAS(db, "{ books { totalCount items { title } } }", "\"totalCount\":5");
    mapping_close(db);
}

Test(mapping, read__finds_one_row_by_any_unique_key)
{
    quire_db *db = mapping_open(
        "type P @unique(fields: [\"owner\", \"slot\"]) { id: ID! slot: Int mail: String @unique "
        "owner: Q badge: Q @unique } type Q { id: ID! name: String } ",
        "mutation { createQs(inputs: [{id: \"q1\"}, {id: \"q2\"}]) { affectedRows } createPs("
        "inputs: [{id: \"p1\", slot: 1, mail: \"m\", ownerId: \"q1\", badgeId: \"q2\"}, {id: "
        "\"p2\", slot: 2, ownerId: \"q1\"}, {id: \"p3\"}]) { affectedRows } }");
    MAPPING_IS(db,
               "{ a: p(id: \"p3\") { id } b: p(mail: \"m\") { id } c: p(badgeId: \"q2\") { id } "
               "d: p(ownerId_slot: {ownerId: \"q1\", slot: 2}) { id } "
               "e: p(ownerId_slot: {ownerId: \"q2\", slot: 2}) { id } "
               "f: p(ownerId_slot: {ownerId: \"none\", slot: 2}) { id } g: p(badgeId: \"q1\") { id "
               "} q(id: \"q1\") { id } }",
               "{\"data\":{\"a\":{\"id\":\"p3\"},\"b\":{\"id\":\"p1\"},\"c\":{\"id\":\"p1\"},\"d\":"
               "{\"id\":\"p2\"},\"e\":null,\"f\":null,\"g\":null,\"q\":{\"id\":\"q1\"}}}");
    MAPPING_EXPLAINS(db, "{ p(ownerId_slot: {ownerId: \"q1\", slot: 2}) { id } }",
                     "\"access\":\"unique key\",\"index\":\"P.ownerId.slot\"");
    MAPPING_EXPLAINS(db, "{ p(ownerId_slot: {ownerId: \"q1\", slot: 2}) { id } }",
                     "\"rowsRead\":1");
    MAPPING_HAS(db, "{ p { id } }", "exactly one of its keys");
    MAPPING_HAS(db, "{ p(id: \"p1\", mail: \"m\") { id } }", "exactly one of its keys");
    MAPPING_HAS(db, "{ p(id: null) { id } }", "exactly one of its keys");
    MAPPING_HAS(db, "{ q { id } }", "is required");
    mapping_close(db);
}
