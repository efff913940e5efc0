/*
 * Views declared in SDL: types that show rows of another type's table.
 */
#include "mapping/mapping_fixture.h"

#include <stdio.h>
#include <string.h>

static const char schema[] =
    "type User @unique(fields: [\"name\", \"age\"]) { id: ID! name: String! @index active: Boolean "
    "age: Int @index secret: String "
    "email: String @unique teamId: ID team: Team posts: [Post!]! }\n"
    "type Team { id: ID! members: [User!]! }\n"
    "type Post { id: ID! author: User! tags: [Tag!]! }\n"
    "type Tag { name: String! @id posts: [Post!]! }\n"
    "\"Those who are.\"\n"
    "type ActiveUser @view(table: \"User\", where: {active: {equals: true}}, orderBy: [{age: "
    "DESC}, "
    "{name: ASC}]) { id: ID! name: String! age: Int @deprecated email: String posts: "
    "[Post!]! teamId: ID team: Team }\n"
    "type TaggedPost @view(table: \"Post\", where: {tags: {some: {}}}) { id: ID! author: User! "
    "tags: "
    "[Tag!]! }\n"
    "type PlainTag @view(table: \"Tag\") { name: String! }\n";

static const char rows[] =
    "mutation { createTeam(input: {id: \"t\"}) { id } createUsers(inputs: ["
    "{id: \"1\", name: \"A\", active: true, age: 30, email: \"a@x\", teamId: \"t\"},"
    "{id: \"2\", name: \"B\", active: false, age: 50, email: \"b@x\"},"
    "{id: \"3\", name: \"C\", active: true, age: 40},"
    "{id: \"4\", name: \"D\", age: 60},"
    "{id: \"5\", name: \"E\", active: true, age: 40}]) { affectedRows } "
    "x: createPost(input: {id: \"p\", authorId: \"1\"}) { id } "
    "y: createPost(input: {id: \"q\", authorId: \"1\", tags: {create: [{name: \"t\"}]}}) { id } }";

static quire_db *open_db(void)
{
    return mapping_open(schema, rows);
}

Test(sdl_view, rows__are_those_of_the_condition_in_the_order)
{
    quire_db *db = open_db();
    MAPPING_IS(db, "{ activeUsers { totalCount items { id name age team { id } } } }",
               "{\"data\":{\"activeUsers\":{\"totalCount\":3,\"items\":["
               "{\"id\":\"3\",\"name\":\"C\",\"age\":40,\"team\":null},"
               "{\"id\":\"5\",\"name\":\"E\",\"age\":40,\"team\":null},"
               "{\"id\":\"1\",\"name\":\"A\",\"age\":30,\"team\":{\"id\":\"t\"}}]}}}");
    MAPPING_IS(db, "{ plainTags { items { name } } }",
               "{\"data\":{\"plainTags\":{\"items\":[{\"name\":\"t\"}]}}}");
    MAPPING_IS(db, "{ taggedPosts { items { id author { name } tags { items { name } } } } }",
               "{\"data\":{\"taggedPosts\":{\"items\":[{\"id\":\"q\",\"author\":{\"name\":\"A\"},"
               "\"tags\":{\"items\":[{\"name\":\"t\"}]}}]}}}");
    mapping_close(db);
}

Test(sdl_view, arguments__narrow_sort_and_page_what_it_shows)
{
    quire_db *db = open_db();
    MAPPING_IS(db,
               "{ activeUsers(where: {age: {gte: 40}}, orderBy: {name: DESC}) { items { id } } }",
               "{\"data\":{\"activeUsers\":{\"items\":[{\"id\":\"5\"},{\"id\":\"3\"}]}}}");
    MAPPING_IS(db,
               "{ activeUsers(where: {OR: [{id: {equals: \"2\"}}, {id: {equals: \"1\"}}]}) { "
               "totalCount items { id posts { totalCount } } } }",
               "{\"data\":{\"activeUsers\":{\"totalCount\":1,\"items\":[{\"id\":\"1\",\"posts\":{"
               "\"totalCount\":2}}]}}}");
    MAPPING_IS(
        db, "{ activeUsers(first: 2) { pageInfo { hasNextPage } edges { node { id } } } }",
        "{\"data\":{\"activeUsers\":{\"pageInfo\":{\"hasNextPage\":true},\"edges\":[{\"node\":"
        "{\"id\":\"3\"}},{\"node\":{\"id\":\"5\"}}]}}}");
    MAPPING_IS(db,
               "{ activeUsers { aggregate { count max { age } } items(where: {name: {equals: "
               "\"C\"}}) { id } } }",
               "{\"data\":{\"activeUsers\":{\"aggregate\":{\"count\":3,\"max\":{\"age\":40}},"
               "\"items\":[{\"id\":\"3\"}]}}}");
    MAPPING_IS(db, "{ activeUsers { groupBy(by: {age: VALUE}) { keys { age } count } } }",
               "{\"data\":{\"activeUsers\":{\"groupBy\":[{\"keys\":{\"age\":30},\"count\":1},{"
               "\"keys\":{\"age\":40},\"count\":2}]}}}");
    mapping_close(db);
}

Test(sdl_view, pages__follow_one_another_by_cursors)
{
    quire_db *db = open_db();
    char *first =
        mapping_run(db, "{ activeUsers(first: 2) { pageInfo { endCursor } } }", NULL, false);
    char document[300];
    char *cursor = strstr(first, "\"endCursor\":") + strlen("\"endCursor\":");
    (void)snprintf(document, sizeof document,
                   "{ activeUsers(first: 2, after: %.*s) { items { id } } }",
                   (int)(strchr(cursor + 1, '"') + 1 - cursor), cursor);
    MAPPING_IS(db, document, "{\"data\":{\"activeUsers\":{\"items\":[{\"id\":\"1\"}]}}}");
    quire_free(first);
    mapping_close(db);
}

Test(sdl_view, key__finds_only_what_the_view_shows)
{
    quire_db *db = open_db();
    MAPPING_IS(db,
               "{ a: activeUser(id: \"1\") { name } b: activeUser(id: \"2\") { name } c: "
               "activeUser(email: \"a@x\") { id } d: activeUser(email: \"b@x\") { id } }",
               "{\"data\":{\"a\":{\"name\":\"A\"},\"b\":null,\"c\":{\"id\":\"1\"},\"d\":null}}");
    mapping_close(db);
}

Test(sdl_view, key__may_have_several_fields)
{
    quire_db *db = open_db();
    MAPPING_IS(db,
               "{ a: activeUser(name_age: {name: \"A\", age: 30}) { id } b: activeUser(name_age: "
               "{name: \"B\", age: 50}) { id } }",
               "{\"data\":{\"a\":{\"id\":\"1\"},\"b\":null}}");
    mapping_close(db);
}

Test(sdl_view, path__uses_the_indexes_of_the_table)
{
    quire_db *db = open_db();
    MAPPING_EXPLAINS(db, "{ activeUsers(where: {name: {equals: \"A\"}}) { items { id } } }",
                     "\"index\":\"User.name\"");
    mapping_close(db);
}

Test(sdl_view, api__shows_its_fields_alone_and_writes_nothing)
{
    quire_db *db = open_db();
    MAPPING_HAS(db, "{ activeUsers { items { secret } } }", "Cannot query field");
    MAPPING_HAS(db, "{ activeUsers(where: {secret: {equals: \"x\"}}) { totalCount } }",
                "not to include unknown field");
    MAPPING_HAS(db, "mutation { createActiveUser(input: {}) { id } }", "Cannot query field");
    mapping_close(db);
}

Test(sdl_view, subscription__sees_rows_come_and_go)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    const quire_subscription_event *event;
    quire_db *db = open_db();
    quire_subscription *s;
    char *response;
    size_t size;
    request.document = "subscription { activeUserChanged { node { id } previous { id } } }";
    cr_assert_eq(quire_subscribe(db, &request, NULL, &s, &response, &size, &err), QUIRE_OK);
    cr_assert_not_null(s, "%s", response);
    quire_free(mapping_run(db, "mutation { updateUser(id: \"2\", input: {active: true}) { id } }",
                           NULL, false));
    quire_free(
        mapping_run(db, "mutation { updateUser(id: \"4\", input: {age: 1}) { id } }", NULL, false));
    cr_assert_eq(quire_subscription_next(s, 0, &event, &err), QUIRE_OK);
    cr_assert_not_null(event);
    cr_assert_str_eq(event->response, "{\"data\":{\"activeUserChanged\":{\"node\":{\"id\":\"2\"},"
                                      "\"previous\":null}}}");
    cr_assert_eq(quire_subscription_next(s, 0, &event, &err), QUIRE_OK);
    cr_assert_null(event);
    quire_subscription_close(s);
    mapping_close(db);
}

Test(sdl_view, schema__may_drop_change_and_add_views)
{
    static const char table[] = "type User { id: ID! name: String! age: Int }";
    static const char adults[] =
        "type User { id: ID! name: String! age: Int } type Adult @view(table: "
        "\"User\", where: {age: {gte: 18}}) { id: ID! name: String! }";
    static const char elders[] =
        "type User { email: String id: ID! name: String! age: Int } type Adult "
        "@view(table: \"User\", where: {age: {gte: 80}}) { id: ID! }";
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db =
        mapping_open(table, "mutation { createUser(input: {id: \"1\", name: \"A\", age: 20}) "
                            "{ id } }");
    cr_assert_eq(mapping_apply(db, adults, &err), QUIRE_OK, "%s", err.message);
    MAPPING_IS(db, "{ adults { items { name } } }",
               "{\"data\":{\"adults\":{\"items\":[{\"name\":\"A\"}]}}}");
    cr_assert_eq(mapping_apply(db, elders, &err), QUIRE_OK, "%s", err.message);
    MAPPING_IS(
        db, "{ adults { items { id } } users { items { name age email } } }",
        "{\"data\":{\"adults\":{\"items\":[]},\"users\":{\"items\":[{\"name\":\"A\",\"age\":20,"
        "\"email\":null}]}}}");
    mapping_close(db);
}

static void refuses(const char *view, const char *message)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db;
    char sdl[600];
    cr_assert_eq(quire_open(":memory:", NULL, &db, &err), QUIRE_OK);
    (void)snprintf(
        sdl, sizeof sdl,
        "type User { id: ID! name: String! hidden: Int @private team: Team } type Team { "
        "id: ID! }\n%s",
        view);
    quire_status status = mapping_apply(db, sdl, &err);
    cr_assert_eq(status, QUIRE_SCHEMA, "%s gives %s: %s", view, quire_status_name(status),
                 err.message);
    cr_assert_not_null(strstr(err.message, message), "%s", err.message);
    mapping_close(db);
}

Test(sdl_view, schema__refuses_views_that_cannot_be)
{
    refuses("type V @view(table: \"Usr\") { id: ID! }", "there is no table Usr");
    refuses("type V @view(table: \"User\") { id: ID! nam: String! }", "has no field nam to show");
    refuses("type V @view(table: \"User\") { id: ID! hidden: Int }", "has no field hidden to show");
    refuses("type V @view(table: \"User\") { id: ID! name: String }", "must have the type");
    refuses("type V @view(table: \"User\") { name: String! }", "must have id, the key");
    refuses("type V @view(table: \"User\") { id: ID! name: String! @index }",
            "is for fields of tables");
    refuses("type V @view(table: \"User\", where: {nam: {equals: \"x\"}}) { id: ID! }",
            "@view(where:) of V");
    refuses("type V @view(table: \"User\", where: 3) { id: ID! }", "@view(where:) of V");
    refuses("type V @view(table: \"User\", orderBy: {name: UP}) { id: ID! }",
            "@view(orderBy:) of V");
    refuses("type V @view(table: \"User\") { id: ID! } type W @view(table: \"V\") { id: ID! }",
            "there is no table V");
    refuses("type V @view(table: \"User\") { id: ID! } type X { id: ID! v: V }", "is no table");
}

Test(sdl_view, names__are_those_that_the_schema_declares)
{
    quire_db *db =
        mapping_open("type U { id: ID! n: Int } "
                     "type Big @view(table: \"U\", where: {n: {gt: 5}}) { id: ID! n: Int } "
                     "type Query { large: [Big] oneLarge: Big } "
                     "type Subscription { grew: Big }",
                     "mutation { createUs(inputs: [{id: \"1\", n: 3}, {id: \"2\", n: "
                     "7}]) { affectedRows } }");
    MAPPING_IS(db,
               "{ large { items { id } } a: oneLarge(id: \"2\") { n } b: oneLarge(id: \"1\") { n } "
               "}",
               "{\"data\":{\"large\":{\"items\":[{\"id\":\"2\"}]},\"a\":{\"n\":7},\"b\":null}}");
    MAPPING_HAS(db, "{ bigs { items { id } } }", "Cannot query field \\\"bigs\\\"");
    mapping_close(db);
}
