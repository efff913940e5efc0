/*
 * Triggers declared in SDL: stored mutations that run with changes of rows.
 */
#include "mapping/mapping_fixture.h"

#include <stdio.h>
#include <string.h>

#include "support/failing_allocator.h"

static const char schema[] =
    "type User @trigger(on: [CREATE, UPDATE], mutation: \"\"\"\n"
    "  mutation($new_id: ID!, $new_name: String!, $old_name: String, $new_teamId: ID) {\n"
    "    createAudit(input: {user: $new_id, now: $new_name, was: $old_name, team: $new_teamId}) "
    "{ id }\n"
    "  }\"\"\")\n"
    "@trigger(on: DELETE, when: BEFORE, mutation: \"\"\"\n"
    "  mutation Gone($old_id: ID!, $old_karma: BigInt, $old_tags: [String!]) {\n"
    "    createAudit(input: {user: $old_id, karma: $old_karma, tags: $old_tags}) { id }\n"
    "  }\"\"\")\n"
    "{ id: ID! name: String! @unique karma: BigInt tags: [String!] team: Team }\n"
    "type Team { id: ID! members: [User!]! }\n"
    "type Audit { id: ID! @default(expr: \"uuid()\") user: ID! now: String was: String team: ID "
    "karma: BigInt tags: [String!] }\n";

static const char audits[] = "{ audits { items { user now was team karma tags } } }";

Test(stored_trigger, mutation__runs_with_the_values_of_the_row)
{
    quire_db *db = mapping_open(schema, "mutation { createTeam(input: {id: \"t\"}) { id } }");
    MAPPING_IS(db,
               "mutation { createUser(input: {id: \"u\", name: \"Ada\", teamId: \"t\"}) { id } }",
               "{\"data\":{\"createUser\":{\"id\":\"u\"}}}");
    MAPPING_IS(
        db,
        "mutation { updateUser(id: \"u\", input: {name: \"Bob\", karma: \"9007199254740993\", "
        "tags: [\"a\", \"b\"]}) { name } }",
        "{\"data\":{\"updateUser\":{\"name\":\"Bob\"}}}");
    MAPPING_IS(db, "mutation { deleteUser(id: \"u\") { name } }",
               "{\"data\":{\"deleteUser\":{\"name\":\"Bob\"}}}");
    MAPPING_IS(db, audits,
               "{\"data\":{\"audits\":{\"items\":["
               "{\"user\":\"u\",\"now\":\"Ada\",\"was\":null,\"team\":\"t\",\"karma\":null,"
               "\"tags\":null},"
               "{\"user\":\"u\",\"now\":\"Bob\",\"was\":\"Ada\",\"team\":\"t\",\"karma\":null,"
               "\"tags\":null},"
               "{\"user\":\"u\",\"now\":null,\"was\":null,\"team\":null,\"karma\":"
               "\"9007199254740993\",\"tags\":[\"a\",\"b\"]}]}}}");
    mapping_close(db);
}

Test(stored_trigger, transaction__takes_back_what_triggers_did)
{
    quire_db *db = mapping_open(schema, NULL);
    MAPPING_HAS(db,
                "mutation { a: createUser(input: {id: \"u\", name: \"Ada\"}) { id } b: "
                "createUser(input: {id: \"v\", name: \"Ada\"}) { id } }",
                "\"code\":\"UNIQUE\"");
    MAPPING_IS(db, "{ audits { totalCount } users { totalCount } }",
               "{\"data\":{\"audits\":{\"totalCount\":0},\"users\":{\"totalCount\":0}}}");
    mapping_close(db);
}

Test(stored_trigger, bulk_writes_and_references__fire_for_each_row)
{
    quire_db *db = mapping_open(
        schema, "mutation { t: createTeam(input: {id: \"t\"}) { id } createUsers(inputs: [{id: "
                "\"a\", name: \"A\", teamId: \"t\"}, {id: \"b\", name: \"B\", teamId: \"t\"}]) { "
                "affectedRows } }");
    MAPPING_IS(db, "{ audits { totalCount } }", "{\"data\":{\"audits\":{\"totalCount\":2}}}");
    /* The references become null: an update of each row. */
    MAPPING_IS(db, "mutation { deleteTeam(id: \"t\") { id } }",
               "{\"data\":{\"deleteTeam\":{\"id\":\"t\"}}}");
    MAPPING_IS(db, "{ audits(where: {team: {equals: null}}) { items { user was } } }",
               "{\"data\":{\"audits\":{\"items\":[{\"user\":\"a\",\"was\":\"A\"},{\"user\":\"b\","
               "\"was\":\"B\"}]}}}");
    MAPPING_IS(db, "mutation { deleteUsers(allRows: true) { affectedRows } }",
               "{\"data\":{\"deleteUsers\":{\"affectedRows\":2}}}");
    MAPPING_IS(db, "{ audits { totalCount } }", "{\"data\":{\"audits\":{\"totalCount\":6}}}");
    mapping_close(db);
}

Test(stored_trigger, time__before_finds_the_row_as_it_was_and_after_all_that_the_field_did)
{
    static const char sdl[] =
        "type Item @trigger(on: CREATE, when: BEFORE, mutation: \"mutation($new_name: String!) { "
        "updateLogs(where: {}, allRows: true, apply: {text: {append: [$new_name]}}) { affectedRows "
        "} }\") @trigger(on: CREATE, mutation: \"mutation($new_id: ID!) { updateItem(id: "
        "$new_id, input: {seen: true}) { id } }\") { id: ID! name: String! seen: Boolean parts: "
        "[Part!]! } type Part { id: ID! item: Item! } type Log { id: ID! text: [String!] }";
    quire_db *db = mapping_open(sdl, "mutation { createLog(input: {id: \"l\", text: []}) { id } }");
    MAPPING_HAS(db,
                "mutation { createItem(input: {id: \"i\", name: \"N\", parts: {create: [{id: "
                "\"p\"}]}}) { id } }",
                "\"createItem\":{\"id\":\"i\"}");
    MAPPING_IS(db, "{ item(id: \"i\") { seen parts { totalCount } } }",
               "{\"data\":{\"item\":{\"seen\":true,\"parts\":{\"totalCount\":1}}}}");
    MAPPING_IS(db, "{ log(id: \"l\") { text } }", "{\"data\":{\"log\":{\"text\":[\"N\"]}}}");
    mapping_close(db);
}

Test(stored_trigger, failure__is_the_failure_of_the_change)
{
    static const char sdl[] =
        "type User @trigger(on: CREATE, mutation: \"mutation($new_name: String!) { "
        "createName(input: {name: $new_name}) { name } }\") { id: ID! name: String! } "
        "type Name { name: String! @id }";
    quire_db *db = mapping_open(sdl, "mutation { createName(input: {name: \"taken\"}) { name } }");
    MAPPING_IS(
        db, "mutation { createUser(input: {id: \"1\", name: \"taken\"}) { id } }",
        "{\"errors\":[{\"message\":\"A trigger of User failed: A row of Name with this name "
        "\\\"taken\\\" exists already.\",\"locations\":[{\"line\":1,\"column\":12}],\"path\":["
        "\"createUser\"],\"extensions\":{\"code\":\"UNIQUE\"}}],\"data\":null}");
    MAPPING_IS(db, "{ users { totalCount } }", "{\"data\":{\"users\":{\"totalCount\":0}}}");
    mapping_close(db);
}

Test(stored_trigger, depth__is_limited)
{
    static const char sdl[] =
        "type Loop @trigger(on: CREATE, mutation: \"mutation($new_n: Int!) { createLoop(input: "
        "{n: $new_n}) { id } }\") { id: ID! n: Int! }";
    quire_db *db = mapping_open(sdl, NULL);
    MAPPING_HAS(db, "mutation { createLoop(input: {n: 1}) { id } }", "\"code\":\"LIMIT\"");
    MAPPING_HAS(db, "mutation { createLoop(input: {n: 1}) { id } }", "16 deep");
    MAPPING_IS(db, "{ loops { totalCount } }", "{\"data\":{\"loops\":{\"totalCount\":0}}}");
    mapping_close(db);
}

Test(stored_trigger, load__runs_them_as_a_request_does)
{
    quire_db *db = mapping_open(schema, NULL);
    mapping_load(db, "{\"User\": [{\"id\": \"u\", \"name\": \"Ada\"}]}");
    MAPPING_IS(db, "{ audits { totalCount } users { totalCount } }",
               "{\"data\":{\"audits\":{\"totalCount\":1},\"users\":{\"totalCount\":1}}}");
    mapping_close(db);
}

/* ---- the schema ---- */

static void refuses(const char *directive, const char *message)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db;
    char sdl[600];
    cr_assert_eq(quire_open(":memory:", NULL, &db, &err), QUIRE_OK);
    (void)snprintf(sdl, sizeof sdl,
                   "type User\n  %s\n{ id: ID! name: String! age: Int boss: User }", directive);
    quire_status status = mapping_apply(db, sdl, &err);
    cr_assert_eq(status, QUIRE_SCHEMA, "%s: %s", quire_status_name(status), err.message);
    cr_assert_not_null(strstr(err.message, message), "%s", err.message);
    cr_assert_eq(err.line, 2);
    mapping_close(db);
}

Test(stored_trigger, schema__refuses_mutations_that_cannot_run)
{
    refuses("@trigger(on: CREATE, mutation: \"mutation {\")", "Syntax Error");
    refuses("@trigger(on: CREATE, mutation: \"mutation { createUsr(input: {}) { id } }\")",
            "Cannot query field");
    refuses("@trigger(on: CREATE, mutation: \"{ users { totalCount } }\")", "must be one mutation");
    refuses("@trigger(on: CREATE, mutation: \"mutation A { deleteUser(id: 1) { id } } mutation B { "
            "deleteUser(id: 1) { id } }\")",
            "must be one mutation");
    refuses("@trigger(on: CREATE, mutation: \"mutation($id: ID!) { deleteUser(id: $id) { id } }\")",
            "neither $new_ nor $old_");
    refuses(
        "@trigger(on: CREATE, mutation: \"mutation($new_x: ID!) { deleteUser(id: $new_x) { id } "
        "}\")",
        "neither $new_ nor $old_");
    refuses("@trigger(on: CREATE, mutation: \"mutation($new_boss: ID!) { deleteUser(id: $new_boss) "
            "{ id } }\")",
            "neither $new_ nor $old_");
    refuses(
        "@trigger(on: CREATE, mutation: \"mutation($old_id: ID!) { deleteUser(id: $old_id) { id "
        "} }\")",
        "must have the type");
    refuses("@trigger(on: DELETE, mutation: \"mutation($old_bossId: ID!) { deleteUser(id: "
            "$old_bossId) { id } }\")",
            "must have the type");
    refuses("@trigger(on: CREATE, mutation: \"mutation($new_name: ID!) { deleteUser(id: $new_name) "
            "{ id } }\")",
            "must have the type");
    refuses("@trigger(on: [], mutation: \"mutation { deleteUser(id: 1) { id } }\")",
            "names no operation");
}

/* ---- memory ---- */

Test(stored_trigger, memory__fails_cleanly_at_every_allocation)
{
    bool done = false;
    for (uint64_t at = 0; !done; at++) {
        struct failing_allocator failing;
        quire_error err = QUIRE_ERROR_INIT;
        quire_options options = QUIRE_OPTIONS_INIT;
        quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
        quire_db *db;
        char *response;
        size_t size;
        failing_allocator_init(&failing);
        options.allocator = &failing.allocator;
        options.wal_segment_bytes = 64 << 10;
        options.cache_bytes = UINT64_C(1) << 20;
        cr_assert_eq(quire_open(":memory:", &options, &db, &err), QUIRE_OK);
        cr_assert_eq(mapping_apply(db, schema, &err), QUIRE_OK, "%s", err.message);
        failing_allocator_arm(&failing, at, false);
        request.document = "mutation { a: createUser(input: {id: \"u\", name: \"Ada\"}) { id } b: "
                           "updateUser(id: \"u\", input: {name: \"B\"}) { id } c: deleteUser(id: "
                           "\"u\") { id } }";
        quire_status status = quire_graphql(db, &request, &response, &size, NULL, &err);
        done = failing.failures == 0;
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        cr_assert(status == QUIRE_OK || status == QUIRE_NO_MEMORY, "allocation %llu gave %s",
                  (unsigned long long)at, quire_status_name(status));
        if (status == QUIRE_OK) {
            quire_free(response);
        }
        cr_assert_eq(quire_close(db, &err), QUIRE_OK);
        cr_assert(failing_allocator_is_clean(&failing), "allocation %llu", (unsigned long long)at);
    }
}
