/*
 * Query.node: rows of any type by their id.
 */
#include <stdio.h>

#include "mapping_fixture.h"

static const char schema[] =
    "interface Node { id: ID! } "
    "type User implements Node { id: ID! @id name: String! posts: [Post!]! } "
    "type Post implements Node { id: ID! @id title: String! user: User } "
    "type Tag implements Node @generate(query: false) { id: ID! @id label: String } "
    "type Note { id: ID! @id text: String }";

static const char rows[] =
    "mutation { u: createUser(input: {id: \"u1\", name: \"Ada\"}) { id } "
    "v: createUser(input: {id: \"both\", name: \"Bo\"}) { id } "
    "p: createPost(input: {id: \"p1\", title: \"One\", userId: \"u1\"}) { id } "
    "q: createPost(input: {id: \"p2\", title: \"Two\", userId: \"u1\"}) { id } "
    "r: createPost(input: {id: \"both\", title: \"Three\"}) { id } "
    "t: createTag(input: {id: \"t1\", label: \"x\"}) { id } "
    "n: createNote(input: {id: \"n1\", text: \"x\"}) { id } }";

#define SELECTION                                                                                  \
    "{ __typename id ... on User { name posts(take: $n) { items { title } } } "                    \
    "... on Post { title user { name } } }"

Test(node, row__is_found_by_its_id_whatever_its_type)
{
    quire_db *db = mapping_open(schema, rows);
    static const char document[] = "query ($id: ID!, $n: Int) { node(id: $id) " SELECTION " }";
    static const char user[] = "{\"data\":{\"node\":{\"__typename\":\"User\",\"id\":\"u1\","
                               "\"name\":\"Ada\",\"posts\":{\"items\":[{\"title\":\"One\"}%s]}}}}";
    char expected[256];

    /* A document that comes again takes its arguments anew, in the types behind the first too. */
    (void)snprintf(expected, sizeof expected, user, "");
    MAPPING_IS_WITH(db, document, "{\"id\": \"u1\", \"n\": 1}", expected);
    (void)snprintf(expected, sizeof expected, user, ",{\"title\":\"Two\"}");
    MAPPING_IS_WITH(db, document, "{\"id\": \"u1\", \"n\": 2}", expected);
    MAPPING_IS_WITH(db, document, "{\"id\": \"p2\"}",
                    "{\"data\":{\"node\":{\"__typename\":\"Post\",\"id\":\"p2\","
                    "\"title\":\"Two\",\"user\":{\"name\":\"Ada\"}}}}");
    MAPPING_IS_WITH(db, document, "{\"id\": \"none\"}", "{\"data\":{\"node\":null}}");
    MAPPING_IS(db, "{ a: node(id: \"p1\") { ... on User { name } } b: node(id: \"u1\") { id } }",
               "{\"data\":{\"a\":{},\"b\":{\"id\":\"u1\"}}}");
    mapping_close(db);
}

Test(node, rows__that_are_not_shown_or_no_nodes_are_not_found)
{
    quire_db *db = mapping_open(schema, rows);
    MAPPING_IS(db, "{ t: node(id: \"t1\") { id } n: node(id: \"n1\") { id } }",
               "{\"data\":{\"t\":null,\"n\":null}}");
    mapping_close(db);
}

Test(node, id__of_two_types_is_an_error)
{
    quire_db *db = mapping_open(schema, rows);
    MAPPING_HAS(db, "{ node(id: \"both\") { id } }",
                "Rows of both User and Post have this id; ask for one of them by its own field.");
    mapping_close(db);
}

Test(node, rows__are_found_by_index)
{
    quire_db *db = mapping_open(schema, rows);
    char *response = mapping_run(db, "{ node(id: \"p1\") { id } }", NULL, true);
    cr_expect_not_null(strstr(response, "\"access\":\"unique key\",\"index\":\"Post.id\""), "%s",
                       response);
    cr_expect_null(strstr(response, "scan"), "%s", response);
    quire_free(response);
    mapping_close(db);
}

Test(node, cost__is_that_of_the_dearest_type)
{
    quire_db *db = mapping_open(schema, rows);
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_error err = QUIRE_ERROR_INIT;
    char *response;
    size_t size;
    request.document = "{ node(id: \"u1\") { ... on Post { user { id } } "
                       "... on User { posts(first: 7) { items { user { id } } } } } }";
    request.cost = true;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK);
    cr_expect_not_null(strstr(response, "\"cost\":16"), "%s", response);
    quire_free(response);
    mapping_close(db);
}

Test(node, declared_field__is_the_generated_one)
{
    quire_db *db = mapping_open("type Query { node(id: ID!): Node people: [User] } "
                                "interface Node { id: ID! } "
                                "type User implements Node { id: ID! @id name: String }",
                                "mutation { createUser(input: {id: \"u\"}) { id } }");
    MAPPING_IS(db, "{ node(id: \"u\") { id } people { totalCount } }",
               "{\"data\":{\"node\":{\"id\":\"u\"},\"people\":{\"totalCount\":1}}}");
    mapping_close(db);
}

static void refused(const char *sdl, const char *text)
{
    quire_db *db = mapping_open("type A { id: ID! }", NULL);
    quire_error err = QUIRE_ERROR_INIT;
    cr_expect_eq(mapping_apply(db, sdl, &err), QUIRE_SCHEMA, "%s", sdl);
    cr_expect_not_null(strstr(err.message, text), "%s", err.message);
    mapping_close(db);
}

Test(node, schema__is_refused_where_an_id_finds_no_row)
{
    refused("interface Node { id: ID! } type A implements Node { id: ID! key: Int! @id }",
            "A implements Node, whose rows are found by their id");
    refused("type Query { node: A } interface Node { id: ID! } type A implements Node { id: ID! }",
            "The query field \"node\"");
}
