/*
 * Writes of a row by any of its keys, and of those connected rows that a
 * condition selects.
 */
#include <stdio.h>
#include <string.h>

#include "mapping_fixture.h"

static const char schema[] =
    "type U @unique(fields: [\"team\", \"place\"]) { id: ID! mail: String @unique code: Int "
    "@unique "
    "  input: Int @unique place: Int team: Team name: String bs: [B!]! ts: [Tag!]! } "
    "type Team { id: ID! } type B { id: ID! n: Int u: U } type Tag { id: ID! n: Int us: [U!]! } "
    "type Mutation { renameUser(mail: String!, input: Rename): U dropUser(code: Int!): U } "
    "input Rename { name: String }";
static const char rows[] =
    "mutation { createTeam(input: {id: \"t\"}) { id } createUs(inputs: [{id: \"1\", mail: \"a\", "
    "code: 7, place: 1, teamId: \"t\"}, {id: \"2\", mail: \"b\", code: 8, place: 2, teamId: "
    "\"t\"}]) { affectedRows } "
    "createBs(inputs: [{id: \"x\", n: 1, uId: \"1\"}, {id: \"y\", n: 2, uId: \"1\"}, {id: \"z\", "
    "n: "
    "3, uId: \"2\"}]) { affectedRows } "
    "createTags(inputs: [{id: \"p\", n: 1, usIds: [\"1\"]}, {id: \"q\", n: 2, usIds: [\"1\", "
    "\"2\"]}, {id: \"r\", n: 3}]) { affectedRows } }";

Test(keyed_write, update_and_delete__take_any_key)
{
    quire_db *db = mapping_open(schema, rows);
    MAPPING_IS(db, "mutation { renameUser(mail: \"b\", input: {name: \"B\"}) { id name } }",
               "{\"data\":{\"renameUser\":{\"id\":\"2\",\"name\":\"B\"}}}");
    MAPPING_IS(db, "mutation { renameUser(code: 7, input: {name: \"A\", code: 9}) { id name } }",
               "{\"data\":{\"renameUser\":{\"id\":\"1\",\"name\":\"A\"}}}");
    MAPPING_IS(db,
               "mutation { renameUser(teamId_place: {teamId: \"t\", place: 1}, input: {name: "
               "\"C\"}) { id } }",
               "{\"data\":{\"renameUser\":{\"id\":\"1\"}}}");
    MAPPING_HAS(db, "mutation { renameUser(mail: \"b\", id: \"2\", input: {}) { id } }",
                "The field \\\"renameUser\\\" takes exactly one of its keys.");
    MAPPING_HAS(db, "mutation { renameUser(input: {name: \"x\"}) { id } }",
                "takes exactly one of its keys");
    MAPPING_HAS(db, "mutation { renameUser(mail: null, input: {name: \"x\"}) { id } }",
                "takes exactly one of its keys");
    MAPPING_HAS(db, "mutation { renameUser(code: 70, input: {name: \"x\"}) { id } }",
                "\"There is no row of U with code \\\"70\\\".\",\"locations\":[{\"line\":1,"
                "\"column\":12}],\"path\":[\"renameUser\"],\"extensions\":{\"code\":\"NOT_FOUND\","
                "\"coordinate\":\"U.code\"}");
    MAPPING_HAS(db,
                "mutation { renameUser(teamId_place: {teamId: \"t\", place: 5}, input: {name: "
                "\"x\"}) { id } }",
                "There is no row of U with teamId_place { teamId: \\\"t\\\", place: 5 }.");
    MAPPING_IS(db, "mutation { dropUser(mail: \"b\") { id } }",
               "{\"data\":{\"dropUser\":{\"id\":\"2\"}}}");
    /* what is declared as nullable gives null for a row that is not there */
    MAPPING_IS(db, "mutation { dropUser(mail: \"b\") { id } }", "{\"data\":{\"dropUser\":null}}");
    mapping_close(db);
}

Test(keyed_write, single_key__stays_required)
{
    quire_db *db = mapping_open(schema, rows);
    MAPPING_HAS(db, "mutation { updateB(input: {n: 1}) { id } }",
                "\\\"Mutation.updateB(id:)\\\" of type \\\"ID!\\\" is required");
    mapping_close(db);
}

#define BS "bs { items { id n } } "

Test(nested_many, list__changes_and_deletes_the_connected_rows_that_are_selected)
{
    quire_db *db = mapping_open(schema, rows);
    MAPPING_IS(db,
               "mutation { renameUser(id: \"1\", input: {bs: {updateMany: [{where: {n: {gte: 2}}, "
               "input: {n: 20}}, {allRows: true, apply: {n: {increment: 1}}}]}}) { " BS "} }",
               "{\"data\":{\"renameUser\":{\"bs\":{\"items\":[{\"id\":\"x\",\"n\":2},{\"id\":\"y\","
               "\"n\":21}]}}}}");
    MAPPING_IS(db, "{ b(id: \"z\") { n } }", "{\"data\":{\"b\":{\"n\":3}}}");
    MAPPING_IS(
        db,
        "mutation { renameUser(id: \"1\", input: {bs: {deleteMany: {where: {n: {lt: 5}}}, "
        "create: {id: \"w\", n: 0}}}) { " BS "} }",
        "{\"data\":{\"renameUser\":{\"bs\":{\"items\":[{\"id\":\"y\",\"n\":21},{\"id\":\"w\","
        "\"n\":0}]}}}}");
    MAPPING_IS(db,
               "mutation { renameUser(id: \"1\", input: {bs: {deleteMany: {allRows: true}}}) { " BS
               "} }",
               "{\"data\":{\"renameUser\":{\"bs\":{\"items\":[]}}}}");
    MAPPING_IS(db, "{ bs { totalCount } }", "{\"data\":{\"bs\":{\"totalCount\":1}}}");
    mapping_close(db);
}

Test(nested_many, links__lead_to_the_rows_and_go_with_them)
{
    quire_db *db = mapping_open(schema, rows);
    MAPPING_IS(db,
               "mutation { renameUser(id: \"1\", input: {ts: {updateMany: {allRows: true, input: "
               "{n: 5}}, deleteMany: {where: {id: {equals: \"q\"}}}}}) { ts { items { id n } } } }",
               "{\"data\":{\"renameUser\":{\"ts\":{\"items\":[{\"id\":\"p\",\"n\":5}]}}}}");
    MAPPING_IS(db, "{ tags { items { id n } } u(id: \"2\") { ts { totalCount } } }",
               "{\"data\":{\"tags\":{\"items\":[{\"id\":\"p\",\"n\":5},{\"id\":\"r\",\"n\":3}]},"
               "\"u\":{\"ts\":{\"totalCount\":0}}}}");
    mapping_close(db);
}

Test(nested_many, condition__is_required_unless_all_rows_are_meant)
{
    static const char *const inputs[] = {"deleteMany: {}", "deleteMany: {where: {}}",
                                         "updateMany: {input: {n: 1}}",
                                         "deleteMany: {where: {}, allRows: false}"};
    quire_db *db = mapping_open(schema, rows);
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        char document[200];
        (void)snprintf(document, sizeof document,
                       "mutation { renameUser(id: \"1\", input: {bs: {%s}}) { id } }", inputs[i]);
        MAPPING_HAS(db, document, "There is no condition that a row of U.bs could fail");
    }
    mapping_close(db);
}

Test(nested_many, rows__are_found_by_the_index_of_the_relation)
{
    quire_db *db = mapping_open(schema, rows);
    for (int i = 0; i < 40; i++) {
        MAPPING_HAS(db, "mutation { createBs(inputs: [{n: 9}, {n: 9}, {n: 9}]) { affectedRows } }",
                    "3");
    }
    char *response = mapping_run(db,
                                 "mutation { renameUser(id: \"1\", input: {bs: {deleteMany: "
                                 "{where: {n: {gt: 0}}}}}) { id } }",
                                 NULL, true);
    cr_assert_not_null(
        strstr(response, "{\"field\":\"U.bs\",\"access\":\"index equality\",\"index\":\"B.uId\""),
        "%s", response);
    cr_assert_not_null(strstr(response, "\"rowsRead\":2,\"rowsReturned\":2"), "%s", response);
    quire_free(response);
    mapping_close(db);
}
