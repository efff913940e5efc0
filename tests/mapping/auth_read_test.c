/*
 * What rules let a caller read: every way to rows and fields.
 */
#include "auth_fixture.h"

#include <string.h>

static quire_db *open_db(void)
{
    return mapping_open(auth_schema, auth_rows);
}

Test(auth_read, program__is_held_to_no_rule)
{
    quire_db *db = open_db();
    AUTH_IS(db, NULL, "{ allNotes: notes { totalCount } secrets { items { text } } }",
            "{\"data\":{\"allNotes\":{\"totalCount\":4},"
            "\"secrets\":{\"items\":[{\"text\":\"hidden\"}]}}}");
    mapping_close(db);
}

Test(auth_read, rows__are_those_of_any_rule)
{
    quire_db *db = open_db();
    static const char document[] = "{ notes { totalCount items { id } } }";
    AUTH_IS(db, ANN, document,
            "{\"data\":{\"notes\":{\"totalCount\":3,"
            "\"items\":[{\"id\":\"n1\"},{\"id\":\"n2\"},{\"id\":\"n4\"}]}}}");
    AUTH_IS(db, BOB, document,
            "{\"data\":{\"notes\":{\"totalCount\":3,"
            "\"items\":[{\"id\":\"n2\"},{\"id\":\"n3\"},{\"id\":\"n4\"}]}}}");
    AUTH_IS(db, EDITOR, document,
            "{\"data\":{\"notes\":{\"totalCount\":4,\"items\":[{\"id\":\"n1\"},{\"id\":\"n2\"},"
            "{\"id\":\"n3\"},{\"id\":\"n4\"}]}}}");
    AUTH_FAILS(db, NOBODY, document, "UNAUTHENTICATED");
    AUTH_FAILS(db, ANN, "{ secrets { totalCount } }", "FORBIDDEN");
    mapping_close(db);
}

Test(auth_read, one__finds_no_hidden_row)
{
    quire_db *db = open_db();
    AUTH_IS(db, ANN, "{ note(id: \"n1\") { text } }", "{\"data\":{\"note\":{\"text\":\"a one\"}}}");
    AUTH_IS(db, ANN, "{ note(id: \"n3\") { text } }", "{\"data\":{\"note\":null}}");
    AUTH_IS(db, ANN, "{ note(id: \"none\") { text } }", "{\"data\":{\"note\":null}}");
    AUTH_FAILS(db, ANN, "{ user(mail: \"b@x\") { id } }", "FORBIDDEN");
    AUTH_HAS(db, EDITOR, "{ user(mail: \"b@x\") { id } }", "bob");
    mapping_close(db);
}

Test(auth_read, key__with_a_reference_to_a_hidden_row_finds_nothing)
{
    quire_db *db = mapping_open(
        "type A @auth(rules: [{where: {who: {equals: {claim: \"sub\"}}}}]) { id: ID! who: String "
        "}\n"
        "type B @unique(fields: [\"a\", \"n\"]) { id: ID! n: Int a: A }",
        "mutation { createAs(inputs: [{id: \"1\", who: \"ann\"}, {id: \"2\", who: \"bob\"}])"
        " { affectedRows } createBs(inputs: [{id: \"x\", n: 1, aId: \"1\"},"
        " {id: \"y\", n: 1, aId: \"2\"}]) { affectedRows } }");
    AUTH_IS(db, ANN,
            "{ a: b(aId_n: {aId: \"1\", n: 1}) { id } b: b(aId_n: {aId: \"2\", n: 1}) { id } }",
            "{\"data\":{\"a\":{\"id\":\"x\"},\"b\":null}}");
    AUTH_FAILS(db, ANN,
               "mutation { upsertB(where: {aId_n: {aId: \"2\", n: 1}}, create: {n: 1, aId: \"2\"},"
               " update: {n: 2}) { id } }",
               "FOREIGN_KEY");
    mapping_close(db);
}

Test(auth_read, relations__lead_to_no_hidden_row)
{
    quire_db *db = open_db();
    AUTH_IS(db, ANN, "{ replies { items { id note { id } noteId } } }",
            "{\"data\":{\"replies\":{\"items\":["
            "{\"id\":\"r1\",\"note\":{\"id\":\"n1\"},\"noteId\":\"n1\"},"
            "{\"id\":\"r2\",\"note\":null,\"noteId\":null},"
            "{\"id\":\"r3\",\"note\":null,\"noteId\":null}]}}}");
    AUTH_IS(
        db, ANN,
        "{ users { items { id notes { totalCount items { id } edges { node { id } } "
        "aggregate { count sum { stars } } } } } }",
        "{\"data\":{\"users\":{\"items\":["
        "{\"id\":\"eve\",\"notes\":{\"totalCount\":0,\"items\":[],\"edges\":[],"
        "\"aggregate\":{\"count\":0,\"sum\":{\"stars\":null}}}},"
        "{\"id\":\"ann\",\"notes\":{\"totalCount\":2,\"items\":[{\"id\":\"n1\"},{\"id\":\"n2\"}],"
        "\"edges\":[{\"node\":{\"id\":\"n1\"}},{\"node\":{\"id\":\"n2\"}}],"
        "\"aggregate\":{\"count\":2,\"sum\":{\"stars\":\"3\"}}}},"
        "{\"id\":\"bob\",\"notes\":{\"totalCount\":1,\"items\":[{\"id\":\"n4\"}],"
        "\"edges\":[{\"node\":{\"id\":\"n4\"}}],"
        "\"aggregate\":{\"count\":1,\"sum\":{\"stars\":\"8\"}}}}]}}}");
    AUTH_IS(db, ANN, "{ tags { items { id notes { totalCount items { id } } } } }",
            "{\"data\":{\"tags\":{\"items\":["
            "{\"id\":\"t1\",\"notes\":{\"totalCount\":1,\"items\":[{\"id\":\"n1\"}]}},"
            "{\"id\":\"t2\",\"notes\":{\"totalCount\":0,\"items\":[]}}]}}}");
    mapping_close(db);
}

Test(auth_read, filters__see_no_hidden_row)
{
    quire_db *db = open_db();
#define REPLIES(where, ids)                                                                        \
    AUTH_IS(db, ANN, "{ replies(where: " where ") { items { id } } }",                             \
            "{\"data\":{\"replies\":{\"items\":[" ids "]}}}")
#define TAGS(where, ids)                                                                           \
    AUTH_IS(db, ANN, "{ tags(where: " where ") { items { id } } }",                                \
            "{\"data\":{\"tags\":{\"items\":[" ids "]}}}")
#define ID(id) "{\"id\":\"" id "\"}"
    REPLIES("{note: {is: {stars: {gte: 0}}}}", ID("r1"));
    REPLIES("{note: {is: null}}", ID("r2") "," ID("r3"));
    REPLIES("{note: {isNot: null}}", ID("r1"));
    REPLIES("{note: {isNot: {id: {equals: \"n3\"}}}}", ID("r1") "," ID("r2") "," ID("r3"));
    REPLIES("{noteId: {equals: \"n3\"}}", "");
    REPLIES("{noteId: {equals: \"n1\"}}", ID("r1"));
    REPLIES("{noteId: {in: [\"n1\", \"n3\"]}}", ID("r1"));
    REPLIES("{noteId: {equals: null}}", ID("r2") "," ID("r3"));
    REPLIES("{noteId: {not: null}}", ID("r1"));
    REPLIES("{noteId: {not: \"n1\"}}", "");
    REPLIES("{noteId: {notIn: [\"n2\"]}}", ID("r1"));
    REPLIES("{NOT: {noteId: {equals: null}}}", ID("r1"));
    TAGS("{notes: {some: {}}}", ID("t1"));
    TAGS("{notes: {none: {}}}", ID("t2"));
    TAGS("{notes: {every: {stars: {equals: 1}}}}", ID("t1") "," ID("t2"));
    TAGS("{notes: {every: {stars: {equals: 4}}}}", ID("t2"));
    TAGS("{notes: {count: {equals: 1}}}", ID("t1"));
    TAGS("{notes: {max: {stars: {gt: 1}}}}", "");
    AUTH_FAILS(db, ANN, "{ replies(where: {author: {is: {pay: {gt: 1}}}}) { totalCount } }",
               "FORBIDDEN");
    mapping_close(db);
}

Test(auth_read, orders__see_no_hidden_row)
{
    quire_db *db = open_db();
    AUTH_IS(
        db, ANN, "{ replies(orderBy: [{note: {text: DESC}}]) { items { id } } }",
        "{\"data\":{\"replies\":{\"items\":[{\"id\":\"r1\"},{\"id\":\"r3\"},{\"id\":\"r2\"}]}}}");
    AUTH_IS(
        db, NULL, "{ replies(orderBy: [{note: {text: DESC}}]) { items { id } } }",
        "{\"data\":{\"replies\":{\"items\":[{\"id\":\"r2\"},{\"id\":\"r1\"},{\"id\":\"r3\"}]}}}");
    AUTH_IS(db, ANN, "{ tags(orderBy: [{notes: {count: ASC}}]) { items { id } } }",
            "{\"data\":{\"tags\":{\"items\":[{\"id\":\"t2\"},{\"id\":\"t1\"}]}}}");
    AUTH_IS(db, ANN, "{ tags(orderBy: [{notes: {sum: {stars: DESC}}}]) { items { id } } }",
            "{\"data\":{\"tags\":{\"items\":[{\"id\":\"t1\"},{\"id\":\"t2\"}]}}}");
    AUTH_FAILS(db, ANN, "{ users(orderBy: [{pay: ASC}]) { items { id } } }", "FORBIDDEN");
    AUTH_FAILS(db, ANN, "{ users(orderBy: [{boss: {pay: ASC}}]) { items { id } } }", "FORBIDDEN");
    mapping_close(db);
}

Test(auth_read, aggregates__are_of_the_rows_that_are_seen)
{
    quire_db *db = open_db();
    AUTH_IS(db, ANN,
            "{ notes { aggregate { count sum { stars } max { stars } } "
            "groupBy(by: [{shared: VALUE}]) { keys { shared } count } } }",
            "{\"data\":{\"notes\":{\"aggregate\":{\"count\":3,\"sum\":{\"stars\":\"11\"},"
            "\"max\":{\"stars\":8}},\"groupBy\":[{\"keys\":{\"shared\":false},\"count\":1},"
            "{\"keys\":{\"shared\":true},\"count\":2}]}}}");
    AUTH_IS(
        db, ANN, "{ notes(distinct: [shared]) { totalCount items { id } } }",
        "{\"data\":{\"notes\":{\"totalCount\":2,\"items\":[{\"id\":\"n1\"},{\"id\":\"n2\"}]}}}");
    AUTH_IS(db, ANN, "{ replies { groupBy(by: [{note: {text: VALUE}}]) { count } } }",
            "{\"data\":{\"replies\":{\"groupBy\":[{\"count\":2},{\"count\":1}]}}}");
    /* Groups by a reference to rows that are hidden would tell them apart. */
    AUTH_FAILS(db, ANN, "{ replies { groupBy(by: [{noteId: VALUE}]) { count } } }", "FORBIDDEN");
    AUTH_FAILS(db, ANN, "{ replies(distinct: [noteId]) { totalCount } }", "FORBIDDEN");
    AUTH_HAS(db, EDITOR, "{ replies { groupBy(by: [{noteId: VALUE}]) { count } } }", "\"data\"");
    mapping_close(db);
}

Test(auth_read, field__that_is_denied_is_of_no_use)
{
    quire_db *db = open_db();
    static const char *const documents[] = {
        "{ users { items { id pay } } }",
        "{ user(id: \"ann\") { mail } }",
        "{ users { edges { node { pay } } } }",
        "{ notes { items { owner { mail } } } }",
        "{ users { items { staff { items { pay } } } } }",
        "{ users(where: {pay: {gt: 45}}) { totalCount } }",
        "{ users(where: {OR: [{NOT: {mail: {equals: \"x\"}}}]}) { totalCount } }",
        "{ users { items(where: {pay: {gt: 45}}) { id } } }",
        "{ users { items(orderBy: [{pay: ASC}]) { id } } }",
        "{ users(distinct: [pay]) { totalCount } }",
        "{ users { aggregate { sum { pay } } } }",
        "{ users { aggregate { count(distinct: [pay]) } } }",
        "{ users { groupBy(by: [{pay: VALUE}]) { count } } }",
        "{ users { groupBy(by: [{name: VALUE}], having: {max: {pay: {gt: 1}}}) { count } } }",
        "{ users { groupBy(by: [{name: VALUE}], orderBy: [{sum: {pay: ASC}}]) { count } } }",
        "{ users { groupBy(by: [{name: VALUE}], where: {pay: {gt: 1}}) { count } } }",
        "{ users { groupBy(by: [{boss: {pay: VALUE}}]) { count } } }",
        "{ users(where: {staff: {avg: {pay: {gt: 1}}}}) { totalCount } }",
        "{ users(orderBy: [{staff: {max: {pay: ASC}}}]) { totalCount } }",
        "{ users(where: {staff: {some: {pay: {gt: 1}}}}) { totalCount } }",
        "{ users { items { payClass } } }",
        "{ users(where: {payClass: {gt: 1}}) { totalCount } }",
        "{ users(orderBy: [{payClass: ASC}]) { totalCount } }",
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        char *response;
        AUTH_FAILS(db, ANN, documents[i], "FORBIDDEN");
        AUTH_FAILS(db, NOBODY, documents[i], "UNAUTHENTICATED");
        response = auth_run(db, EDITOR, documents[i], NULL, false);
        cr_assert_null(strstr(response, "\"errors\""), "%s: %s", documents[i], response);
        quire_free(response);
    }
    mapping_close(db);
}

Test(auth_read, claims__are_an_object_that_names_each_claim_once)
{
    quire_db *db = open_db();
    static const char *const claims[] = {
        "",     "null", "[]", "\"ann\"", "{\"sub\":", "1", "{\"sub\":\"ann\",\"sub\":\"bob\"}",
        "{} {}"};
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        AUTH_FAILS(db, claims[i], "{ notes { totalCount } }", "MISUSE");
    }
    AUTH_FAILS(db, "{\"sub\":null}", "{ users { totalCount } }", "UNAUTHENTICATED");
    mapping_close(db);
}

Test(auth_read, relation__is_denied_with_its_other_side)
{
    quire_db *db = mapping_open(
        "type User { id: ID! name: String"
        " boss: User @relation(inverse: \"staff\") @auth(rules: [{roles: [\"editor\"]}])"
        " staff: [User!]! @relation(inverse: \"boss\")"
        " groups: [Group!]! @relation(inverse: \"users\") @auth(rules: [{roles: [\"editor\"]}])"
        " card: Card @relation(inverse: \"user\") notes: [Note!]! @relation(inverse: \"owner\")"
        " @auth(rules: [{roles: [\"editor\"]}]) }"
        "type Group { id: ID! users: [User!]! @relation(inverse: \"groups\") }"
        "type Card { id: ID! user: User @unique @auth(rules: [{roles: [\"editor\"]}]) }"
        "type Note { id: ID! owner: User }",
        "mutation { createUsers(inputs: [{id: \"a\"}, {id: \"b\", bossId: \"a\", groups: {create:"
        " [{id: \"g\"}]}, card: {create: {id: \"c\"}}}]) { affectedRows } }");
    static const char *const documents[] = {
        "{ users { items { staff { totalCount } } } }",
        "{ users(where: {staff: {some: {id: {equals: \"b\"}}}}) { items { id } } }",
        "{ users(where: {staff: {count: {gt: 0}}}) { items { id } } }",
        "{ users(orderBy: [{staff: {count: DESC}}]) { items { id } } }",
        "{ groups { items { users { items { id } } } } }",
        "{ users { items { card { id } } } }",
        "{ users(where: {card: {is: {id: {equals: \"c\"}}}}) { items { id } } }",
        "{ users(orderBy: [{card: {id: ASC}}]) { items { id } } }",
        "{ users { groupBy(by: [{card: {id: VALUE}}]) { count } } }",
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        AUTH_FAILS(db, ANN, documents[i], "FORBIDDEN");
        AUTH_HAS(db, EDITOR, documents[i], "{\"data\":{");
    }
    /* a reference is told by its own rules, whatever the lists made of it have */
    AUTH_HAS(db, ANN, "{ notes { items { ownerId owner { id } } } }", "{\"data\":{");
    mapping_close(db);
}
