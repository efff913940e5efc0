/*
 * @auth in the SDL: what is refused, what views take over, what a changed rule
 * is told as.
 */
#include "auth_fixture.h"

#include <stdio.h>
#include <string.h>

/* Asserts that the SDL is refused at a place, with a text. */
static void refused(const char *sdl, unsigned line, unsigned column, const char *text, int at)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db;
    cr_assert_eq(quire_open(":memory:", NULL, &db, &err), QUIRE_OK);
    cr_assert_eq(mapping_apply(db, sdl, &err), QUIRE_SCHEMA, "line %d: %s", at, sdl);
    cr_assert(err.line == line && err.column == column, "line %d: %u:%u %s", at, err.line,
              err.column, err.message);
    cr_assert_not_null(strstr(err.message, text), "line %d: %s", at, err.message);
    cr_assert_eq(quire_close(db, &err), QUIRE_OK);
}

#define REFUSED(sdl, line, column, text) refused(sdl, line, column, text, __LINE__)
#define RULES(rules)                                                                               \
    "type T\n@auth(rules: " rules ")\n{ id: ID! a: Int s: String j: JSON f: Float @computed(expr:" \
    " \"a * 1.5\") us: [U!]! }\ntype U { id: ID! b: Int t: T }"

Test(auth_schema, rules__that_say_nothing_are_refused)
{
    REFUSED(RULES("[]"), 2, 1, "\"rules\" is empty");
    REFUSED(RULES("[{operations: []}]"), 2, 15, "names no operation");
    REFUSED(RULES("[{roles: []}]"), 2, 23, "names no role");
    REFUSED(RULES("[{roles: null}]"), 2, 23, "null says nothing");
    REFUSED(RULES("[{allow: PUBLIC, roles: [\"x\"]}]"), 2, 38, "does not go with PUBLIC");
    REFUSED(RULES("[{allow: ALL}]"), 2, 23, "ALL");
    REFUSED(RULES("[{operations: [WRITE]}]"), 2, 29, "WRITE");
    REFUSED(RULES("[{role: \"x\"}]"), 2, 16, "role");
    REFUSED(RULES("[{roles: [1]}]"), 2, 24, "String");
    REFUSED("type T @auth { id: ID! }", 1, 8, "rules");
}

Test(auth_schema, conditions__are_held_against_the_filters_of_the_table)
{
    REFUSED(RULES("[{where: {b: {equals: 1}}}]"), 2, 24, "b");
    REFUSED(RULES("[{where: {a: {equals: \"x\"}}}]"), 2, 36, "Int cannot represent");
    REFUSED(RULES("[{where: {a: {like: \"x\"}}}]"), 2, 28, "like");
    REFUSED(RULES("[{where: {a: {in: null}}}]"), 2, 32, "null is no condition");
    REFUSED(RULES("[{where: {a: null}}]"), 2, 27, "null is no condition");
    REFUSED(RULES("[{where: {us: {some: {c: {equals: 1}}}}}]"), 2, 36, "c");
    REFUSED(RULES("[{where: \"x\"}]"), 2, 23, "a condition is an object");
    REFUSED(RULES("[{where: {claim: \"x\"}}]"), 2, 24, "claim");
    REFUSED(RULES("[{where: {a: {claim: \"x\"}}}]"), 2, 28, "claim");
    REFUSED(RULES("[{where: {s: {equals: {claim: 1}}}}]"), 2, 36, "String cannot represent");
    REFUSED(RULES("[{where: {s: {equals: {claim: \"x\", or: \"y\"}}}}]"), 2, 36,
            "String cannot represent");
    REFUSED(RULES("[{where: {us: {some: {claim: \"x\"}}}}]"), 2, 36, "claim");
}

Test(auth_schema, fields__have_rules_of_their_own)
{
    REFUSED("type T { id: ID!\n  a: Int @auth(rules: [{where: {}}]) }", 2, 32,
            "belongs to the rules of the type");
    REFUSED("type T { id: ID!\n  a: Int @auth(rules: [{operations: [DELETE]}]) }", 2, 24,
            "DELETE is for the type");
    REFUSED("type T {\n  id: ID! @auth(rules: [{}]) }", 2, 3, "found by their key");
    REFUSED("type T { id: ID! u: U\n  uId: ID @auth(rules: [{}]) }\ntype U { id: ID! }", 2, 11,
            "key of the relation");
}

Test(auth_schema, rules__stand_where_they_are_looked_at)
{
    REFUSED("type T { id: ID! }\ntype Query @auth(rules: [{}]) { ts: [T] }", 2, 12,
            "@auth is for tables");
    REFUSED("type T { id: ID! }\ntype Query { ts: [T] @auth(rules: [{}]) }", 2, 22,
            "@auth is for tables");
    REFUSED("interface I { id: ID! @auth(rules: [{}]) }\ntype T implements I { id: ID! }", 1, 23,
            "@auth is for tables");
    REFUSED("type T { id: ID! a: Int }\ntype V @view(table: \"T\") {\n id: ID!"
            " a: Int @auth(rules: [{}]) }",
            3, 17, "for fields of tables");
    REFUSED("extend schema @authRoles(claim: [])\ntype T { id: ID! }", 1, 15, "names no claim");
}

Test(auth_schema, extension__adds_rules)
{
    quire_db *db = mapping_open("type T @auth(rules: [{roles: [\"a\"]}]) { id: ID! }\n"
                                "extend type T @auth(rules: {roles: [\"b\"]}) @auth(rules: [{roles:"
                                " [\"c\"], operations: [CREATE]}])",
                                NULL);
    AUTH_HAS(db, "{\"role\":\"a\"}", "{ ts { totalCount } }", "{\"data\":");
    AUTH_HAS(db, "{\"role\":\"b\"}", "{ ts { totalCount } }", "{\"data\":");
    AUTH_FAILS(db, "{\"role\":\"c\"}", "{ ts { totalCount } }", "FORBIDDEN");
    AUTH_HAS(db, "{\"roles\":[\"x\",\"c\"]}",
             "mutation { createTs(inputs: [{}]) { affectedRows } }", "{\"data\":");
    mapping_close(db);
}

Test(auth_schema, roles__are_in_the_claim_that_the_schema_names)
{
    quire_db *db = mapping_open("extend schema @authRoles(claim: [\"realm_access\", \"roles\"])\n"
                                "type T @auth(rules: [{roles: [\"a\"]}]) { id: ID! }",
                                NULL);
    static const char document[] = "{ ts { totalCount } }";
    AUTH_HAS(db, "{\"realm_access\":{\"roles\":[\"b\",\"a\"]}}", document, "{\"data\":");
    AUTH_HAS(db, "{\"realm_access\":{\"roles\":\"a\"}}", document, "{\"data\":");
    AUTH_FAILS(db, "{\"role\":\"a\",\"roles\":[\"a\"]}", document, "FORBIDDEN");
    AUTH_FAILS(db, "{\"realm_access\":[\"a\"]}", document, "FORBIDDEN");
    AUTH_FAILS(db, "{\"realm_access\":{\"roles\":{\"a\":\"a\"}}}", document, "FORBIDDEN");
    AUTH_FAILS(db, "{\"realm_access\":{\"roles\":[[\"a\"],null,1]}}", document, "FORBIDDEN");
    mapping_close(db);
}

Test(auth_schema, claim__is_a_value_and_nothing_else)
{
    quire_db *db = mapping_open(
        "type T @auth(rules: [{where: {OR: [{s: {equals: {claim: \"s\"}}},"
        " {a: {in: {claim: [\"x\", \"as\"]}}}]}}]) { id: ID! s: String a: Int }\n"
        "type L @auth(rules: [{where: {s: {equals: \"{claim: \\\"s\\\"}\"}}}]) "
        "{ id: ID! s: String }\n"
        "type N @auth(rules: [{where: {NOT: {s: {equals: {claim: \"s\"}}}}}]) "
        "{ id: ID! s: String }",
        "mutation { createTs(inputs: [{id: \"1\", s: \"x\", a: 1}, {id: \"2\", s: \"{}\", a: 2},"
        " {id: \"3\", a: 3}]) { affectedRows }"
        " createLs(inputs: [{s: \"s\"}]) { affectedRows } createN(input: {s: \"y\"}) { id } }");
    static const char document[] = "{ ts { items { id } } }";
#define TS(claims, ids) AUTH_IS(db, claims, document, "{\"data\":{\"ts\":{\"items\":[" ids "]}}}")
    TS("{\"s\":\"x\",\"x\":{\"as\":[3]}}", "{\"id\":\"1\"},{\"id\":\"3\"}");
    TS("{\"s\":\"none\",\"x\":{\"as\":2}}", "{\"id\":\"2\"}");
    TS("{\"s\":\"{}\",\"x\":{\"as\":[]}}", "{\"id\":\"2\"}");
    /* What is missing, null or of another type lets nothing through. */
    AUTH_FAILS(db, "{\"s\":\"x\"}", document, "FORBIDDEN");
    AUTH_FAILS(db, "{\"s\":null,\"x\":{\"as\":[1]}}", document, "FORBIDDEN");
    AUTH_FAILS(db, "{\"s\":{\"not\":\"x\"},\"x\":{\"as\":[1]}}", document, "FORBIDDEN");
    AUTH_FAILS(db, "{\"s\":[\"x\"],\"x\":{\"as\":[1]}}", document, "FORBIDDEN");
    AUTH_FAILS(db, "{\"s\":\"x\",\"x\":{\"as\":[\"1\"]}}", document, "FORBIDDEN");
    AUTH_FAILS(db, "{\"s\":\"x\",\"x\":{\"as\":[1.5]}}", document, "FORBIDDEN");
    AUTH_FAILS(db, "{\"s\":\"x\",\"x\":[{\"as\":[1]}]}", document, "FORBIDDEN");
    AUTH_FAILS(db, "{\"t\":1}", "{ ns { totalCount } }", "FORBIDDEN");
    AUTH_HAS(db, "{\"s\":\"x\"}", "{ ns { totalCount } }", "\"totalCount\":1");
    AUTH_HAS(db, "{\"s\":\"s\"}", "{ ls { totalCount } }", "\"totalCount\":0");
    mapping_close(db);
}

Test(auth_schema, view__has_the_rules_of_its_table_or_its_own)
{
    quire_db *db = mapping_open(
        "type T @auth(rules: [{where: {owner: {equals: {claim: \"sub\"}}}}]) {"
        " id: ID! owner: String a: Int pay: Int @auth(rules: [{roles: [\"boss\"]}]) }\n"
        "type Mine @view(table: \"T\", where: {pay: {gt: 1}}) { id: ID! a: Int pay: Int }\n"
        "type Open @view(table: \"T\") @auth(rules: [{allow: PUBLIC, where: {a: {gte: 2}}}])"
        " { id: ID! a: Int pay: Int }\n"
        "type Sorted @view(table: \"T\", orderBy: {pay: DESC}) { id: ID! pay: Int }",
        "mutation { createTs(inputs: [{id: \"1\", owner: \"ann\", a: 1, pay: 5},"
        " {id: \"2\", owner: \"bob\", a: 2, pay: 6}, {id: \"3\", owner: \"ann\", a: 3, pay: 1}])"
        " { affectedRows } }");
    AUTH_IS(db, ANN, "{ mines { items { id } totalCount } mine(id: \"2\") { id } }",
            "{\"data\":{\"mines\":{\"items\":[{\"id\":\"1\"}],\"totalCount\":1},\"mine\":null}}");
    AUTH_IS(db, NOBODY, "{ opens { items { id } } open(id: \"1\") { id } }",
            "{\"data\":{\"opens\":{\"items\":[{\"id\":\"2\"},{\"id\":\"3\"}]},\"open\":null}}");
    AUTH_FAILS(db, NOBODY, "{ mines { totalCount } }", "UNAUTHENTICATED");
    AUTH_FAILS(db, ANN, "{ opens { items { pay } } }", "FORBIDDEN");
    AUTH_FAILS(db, ANN, "{ mines(where: {pay: {gt: 1}}) { totalCount } }", "FORBIDDEN");
    AUTH_FAILS(db, ANN, "{ sorteds { items { id } } }", "FORBIDDEN");
    AUTH_HAS(db, "{\"sub\":\"ann\",\"role\":\"boss\"}", "{ sorteds { items { id } } }",
             "[{\"id\":\"1\"},{\"id\":\"3\"}]");
    mapping_close(db);
}

Test(auth_schema, node__finds_rows_that_the_caller_sees)
{
    quire_db *db = mapping_open(
        "interface Node { id: ID! }\n"
        "type A implements Node @auth(rules: [{where: {owner: {equals: {claim: \"sub\"}}}}])"
        " { id: ID! owner: String pay: Int @auth(rules: [{roles: [\"boss\"]}]) }\n"
        "type B implements Node @auth(rules: [{roles: [\"boss\"]}]) { id: ID! s: String }\n"
        "type C implements Node { id: ID! s: String }",
        "mutation { createAs(inputs: [{id: \"a1\", owner: \"ann\"}, {id: \"a2\", owner: \"bob\"},"
        " {id: \"x\", owner: \"bob\"}]) { affectedRows } createB(input: {id: \"b\"}) { id }"
        " createCs(inputs: [{id: \"c\"}, {id: \"x\"}]) { affectedRows } }");
    AUTH_IS(db, ANN,
            "{ a: node(id: \"a1\") { __typename id } b: node(id: \"a2\") { id }"
            " c: node(id: \"b\") { id ... on B { s } } d: node(id: \"x\") { __typename } }",
            "{\"data\":{\"a\":{\"__typename\":\"A\",\"id\":\"a1\"},\"b\":null,\"c\":null,"
            "\"d\":{\"__typename\":\"C\"}}}");
    AUTH_FAILS(db, ANN, "{ node(id: \"a1\") { ... on A { pay } } }", "FORBIDDEN");
    mapping_close(db);
}

Test(auth_schema, node__leaves_out_a_type_whose_id_is_denied)
{
    quire_db *db = mapping_open("interface Node { id: ID! }\n"
                                "type A implements Node { code: ID! @id id: ID! @unique"
                                " @auth(rules: [{roles: [\"boss\"]}]) s: String }\n"
                                "type C implements Node { id: ID! s: String }",
                                "mutation { createAs(inputs: [{code: \"1\", id: \"a\", s: \"A\"},"
                                " {code: \"2\", id: \"x\"}]) { affectedRows }"
                                " createCs(inputs: [{id: \"c\"}, {id: \"x\"}]) { affectedRows } }");
    AUTH_IS(db, ANN,
            "{ a: node(id: \"a\") { __typename id ... on A { s } } b: node(id: \"none\") { id }"
            " c: node(id: \"c\") { id } x: node(id: \"x\") { __typename } }",
            "{\"data\":{\"a\":null,\"b\":null,\"c\":{\"id\":\"c\"},"
            "\"x\":{\"__typename\":\"C\"}}}");
    AUTH_IS(db, "{\"role\":\"boss\"}", "{ node(id: \"a\") { id ... on A { s } } }",
            "{\"data\":{\"node\":{\"id\":\"a\",\"s\":\"A\"}}}");
    mapping_close(db);
}

/* ---- changes of schemas ---- */

struct list {
    char text[2048];
};

static quire_status note(void *context, const quire_schema_change *change, quire_error *err)
{
    struct list *list = context;
    size_t size = strlen(list->text);
    (void)err;
    if (strncmp(change->kind, "AUTH", 4) == 0) {
        (void)snprintf(list->text + size, sizeof list->text - size, "%c %s: %s\n",
                       "sdb"[change->level], change -> kind, change -> text);
    }
    return QUIRE_OK;
}

static void tells(const char *old, const char *sdl, const char *expected, int line)
{
    quire_db *db = mapping_open(old, NULL);
    quire_error err = QUIRE_ERROR_INIT;
    struct list list = {""};
    quire_txn *txn;
    cr_assert_eq(quire_begin(db, QUIRE_READ, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_schema_diff(txn, sdl, 0, QUIRE_SCHEMA_SOURCE, note, &list, &err), QUIRE_OK,
                 "%s", err.message);
    quire_rollback(txn);
    cr_assert_str_eq(list.text, expected, "line %d: %s", line, list.text);
    mapping_close(db);
}

#define TELLS(old, sdl, expected) tells(old, sdl, expected, __LINE__)
#define T(rules)                  "type T " rules " { id: ID! a: Int }"
#define ONE                       "@auth(rules: [{roles: [\"a\"], where: {a: {gt: 1, lt: 9}}}])"
#define SAME                      "@auth(rules: {where: {a: {lt: 9, gt: 1}}, roles: [\"a\"]})"
#define TWO                       "@auth(rules: [{where: {a: {equals: 1}}}])"

Test(auth_schema, changes_of_rules__are_told_by_what_they_let_callers_do)
{
    TELLS(T(ONE), T(SAME), "");
    TELLS(T(""), T(ONE), "b AUTH_RULES_ADDED: T had no rules and has some.\n");
    TELLS(T(ONE), T(""),
          "d AUTH_RULES_REMOVED: T had rules and has none: nothing of it is denied.\n");
    TELLS(T(ONE), T(TWO SAME), "d AUTH_RULES_LOOSENED: T has more rules, which allow more.\n");
    TELLS(T(TWO ONE), T(SAME), "b AUTH_RULES_TIGHTENED: T has fewer rules, which allow less.\n");
    TELLS(T(ONE), T(TWO), "b AUTH_RULES_CHANGED: T has other rules.\n");
    TELLS(T("@auth(rules: [{where: {a: {equals: {claim: \"x\"}}}}])"),
          T("@auth(rules: [{where: {a: {equals: {claim: \"y\"}}}}])"),
          "b AUTH_RULES_CHANGED: T has other rules.\n");
    TELLS("type T { id: ID! a: Int @auth(rules: [{}]) }", "type T { id: ID! a: Int }",
          "d AUTH_RULES_REMOVED: T.a had rules and has none: nothing of it is denied.\n");
    TELLS("extend schema @authRoles(claim: \"r\") " T(ONE),
          "extend schema @authRoles(claim: \"s\") " T(ONE),
          "b AUTH_ROLES_CHANGED: @authRoles names another claim for the roles of callers.\n");
}

Test(auth_schema, text__keeps_the_rules_and_the_api_shows_none)
{
    quire_db *db = mapping_open(auth_schema, NULL);
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    char *text;
    size_t size;
    cr_assert_eq(quire_begin(db, QUIRE_READ, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_schema_text(txn, QUIRE_SCHEMA_SOURCE, &text, &size, &err), QUIRE_OK);
    cr_assert_str_eq(text, auth_schema);
    quire_free(text);
    cr_assert_eq(quire_schema_text(txn, QUIRE_SCHEMA_API, &text, &size, &err), QUIRE_OK);
    cr_assert_null(strstr(text, "uireAuth"), "%s", text);
    quire_free(text);
    quire_rollback(txn);
    /* Introspection shows the whole schema to whom it is shown at all. */
    AUTH_HAS(db, NOBODY, "{ __type(name: \"Secret\") { fields { name } } }", "\"text\"");
    mapping_close(db);
}
