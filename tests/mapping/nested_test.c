/*
 * Nested writes, verb by verb, over every kind of relation; update operators.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping_fixture.h"

/* A reference and its lists (nullable B, required R), a single one (One), links with two sides (T)
 * and with one (likes). */
static const char schema[] =
    "type A { id: ID! n: Int @unique bs: [B!]! rs: [R!]! one: One @relation(inverse: \"a\") "
    "ts: [T!]! likes: [A!]! @relation(inverse: \"likes\") }"
    "type B { id: ID! s: String a: A }"
    "type R { id: ID! a: A! }"
    "type One { id: ID! s: String a: A @unique }"
    "type T { id: ID! as: [A!]! }";

static const char rows[] =
    "mutation { createAs(inputs: [{id: \"a1\", n: 1}, {id: \"a2\", n: 2}]) { affectedRows } "
    "createBs(inputs: [{id: \"b1\", aId: \"a1\"}, {id: \"b2\", aId: \"a1\"}, {id: \"b3\", aId: "
    "\"a2\"}, {id: \"b4\"}]) { affectedRows } "
    "createRs(inputs: [{id: \"r1\", aId: \"a1\"}, {id: \"r2\", aId: \"a2\"}]) { affectedRows } "
    "createOnes(inputs: [{id: \"o1\", aId: \"a1\"}, {id: \"o2\", aId: \"a2\"}, {id: \"o3\"}]) { "
    "affectedRows } "
    "createTs(inputs: [{id: \"t1\", asIds: [\"a1\"]}, {id: \"t2\", asIds: [\"a1\", \"a2\"]}, {id: "
    "\"t3\"}]) { affectedRows } }";

static quire_db *open_rows(void)
{
    return mapping_open(schema, rows);
}

/* Runs `updateA(id: "a1", input: {<input>})` and compares what `selection` then gives for a1. */
static void change(quire_db *db, const char *input, const char *selection, const char *expected,
                   int line)
{
    char document[1000];
    char response[1000];
    snprintf(document, sizeof document, "mutation { updateA(id: \"a1\", input: {%s}) { %s } }",
             input, selection);
    snprintf(response, sizeof response, "{\"data\":{\"updateA\":{%s}}}", expected);
    mapping_is(db, document, NULL, response, line);
}
#define CHANGE(db, input, selection, expected) change(db, input, selection, expected, __LINE__)

#define IDS(field)        field " { items { id } }"
#define ITEMS(field, ids) "\"" field "\":{\"items\":[" ids "]}"
#define ID(id)            "{\"id\":\"" id "\"}"

Test(mapping, nested__verbs_of_a_list_behind_a_reference)
{
    quire_db *db = open_rows();
    CHANGE(db, "bs: {create: [{id: \"b5\"}, {id: \"b6\", s: \"x\"}]}", IDS("bs"),
           ITEMS("bs", ID("b1") "," ID("b2") "," ID("b5") "," ID("b6")));
    /* Connecting moves the row from where it was. */
    CHANGE(db, "bs: {connect: {id: \"b3\"}}", IDS("bs"),
           ITEMS("bs", ID("b1") "," ID("b2") "," ID("b3") "," ID("b5") "," ID("b6")));
    MAPPING_IS(db, "{ a(id: \"a2\") { bs { totalCount } } }",
               "{\"data\":{\"a\":{\"bs\":{\"totalCount\":0}}}}");
    CHANGE(db, "bs: {disconnect: [{id: \"b1\"}, {id: \"b4\"}, {id: \"none\"}]}", IDS("bs"),
           ITEMS("bs", ID("b2") "," ID("b3") "," ID("b5") "," ID("b6")));
    CHANGE(db, "bs: {delete: [{id: \"b5\"}]}", IDS("bs"),
           ITEMS("bs", ID("b2") "," ID("b3") "," ID("b6")));
    CHANGE(db, "bs: {set: [{id: \"b1\"}, {id: \"b6\"}, {id: \"b6\"}]}", IDS("bs"),
           ITEMS("bs", ID("b1") "," ID("b6")));
    CHANGE(db,
           "bs: {update: [{where: {id: \"b6\"}, input: {s: \"y\"}}], upsert: [{where: {id: "
           "\"b1\"}, create: {}, apply: {s: {set: \"z\"}}}, {where: {id: \"b7\"}, create: {id: "
           "\"b7\"}, update: {s: \"no\"}}]}",
           "bs { items { id s } }",
           "\"bs\":{\"items\":[{\"id\":\"b1\",\"s\":\"z\"},{\"id\":\"b6\",\"s\":\"y\"},{\"id\":"
           "\"b7\",\"s\":null}]}");
    CHANGE(db,
           "bs: {connectOrCreate: [{where: {id: \"b2\"}, create: {}}, {where: {id: \"b8\"}, "
           "create: {id: \"b8\"}}]}",
           IDS("bs"), ITEMS("bs", ID("b1") "," ID("b2") "," ID("b6") "," ID("b7") "," ID("b8")));
    CHANGE(db, "bs: {set: []}", IDS("bs"), ITEMS("bs", ""));
    MAPPING_HAS(db,
                "mutation { updateA(id: \"a1\", input: {bs: {delete: [{id: \"b3\"}]}}) { id } }",
                "\"code\":\"NOT_FOUND\",\"coordinate\":\"A.bs\",\"inputPath\":[\"input\",\"bs\","
                "\"delete\",0]");
    MAPPING_HAS(db,
                "mutation { updateA(id: \"a1\", input: {bs: {update: {where: {id: \"b3\"}, input: "
                "{s: \"\"}}}}) { id } }",
                "\"code\":\"NOT_FOUND\",\"coordinate\":\"A.bs\"");
    MAPPING_HAS(db, "mutation { updateA(id: \"a1\", input: {bs: {set: [{id: \"no\"}]}}) { id } }",
                "\"code\":\"NOT_FOUND\",\"coordinate\":\"A.bs\",\"inputPath\":[\"input\",\"bs\","
                "\"set\",0]");
    MAPPING_HAS(db,
                "mutation { updateA(id: \"a1\", input: {bs: {upsert: {where: {id: \"b3\"}, create: "
                "{id: \"b3\"}}}}) { id } }",
                "\"code\":\"UNIQUE\",\"coordinate\":\"B.id\",\"inputPath\":[\"input\",\"bs\","
                "\"upsert\",0]");
    mapping_close(db);
}

Test(mapping, nested__a_required_reference_cannot_be_let_go)
{
    quire_db *db = open_rows();
    CHANGE(db, "rs: {connect: {id: \"r2\"}, create: {id: \"r3\"}}", IDS("rs"),
           ITEMS("rs", ID("r1") "," ID("r2") "," ID("r3")));
    MAPPING_HAS(db,
                "mutation { updateA(id: \"a1\", input: {rs: {disconnect: {id: \"r1\"}}}) { id } }",
                "\"code\":\"NOT_NULL\",\"coordinate\":\"R.a\"");
    MAPPING_HAS(db, "mutation { updateA(id: \"a1\", input: {rs: {set: [{id: \"r1\"}]}}) { id } }",
                "\"code\":\"NOT_NULL\",\"coordinate\":\"R.a\"");
    MAPPING_HAS(db, "mutation { updateR(id: \"r1\", input: {a: {disconnect: true}}) { id } }",
                "\"code\":\"NOT_NULL\",\"coordinate\":\"R.a\"");
    MAPPING_HAS(db, "mutation { updateR(id: \"r1\", input: {a: {delete: true}}) { id } }",
                "\"code\":\"NOT_NULL\",\"coordinate\":\"R.a\"");
    CHANGE(db, "rs: {delete: [{id: \"r1\"}, {id: \"r3\"}]}", IDS("rs"), ITEMS("rs", ID("r2")));
    mapping_close(db);
}

Test(mapping, nested__verbs_of_links)
{
    quire_db *db = open_rows();
    CHANGE(db,
           "ts: {connect: [{id: \"t3\"}, {id: \"t1\"}], create: {id: \"t4\", as: {connect: {n: "
           "2}}}}",
           IDS("ts"), ITEMS("ts", ID("t1") "," ID("t2") "," ID("t3") "," ID("t4")));
    MAPPING_IS(db, "{ a(id: \"a2\") { " IDS("ts") " } t(id: \"t4\") { " IDS("as") " } }",
               "{\"data\":{\"a\":{" ITEMS("ts", ID("t2") "," ID("t4")) "},\"t\":{" ITEMS(
                   "as", ID("a2") "," ID("a1")) "}}}");
    CHANGE(db, "ts: {disconnect: [{id: \"t1\"}, {id: \"no\"}], delete: [{id: \"t2\"}]}", IDS("ts"),
           ITEMS("ts", ID("t3") "," ID("t4")));
    MAPPING_IS(db, "{ t(id: \"t2\") { id } a(id: \"a2\") { " IDS("ts") " } }",
               "{\"data\":{\"t\":null,\"a\":{" ITEMS("ts", ID("t4")) "}}}");
    CHANGE(db, "ts: {set: [{id: \"t4\"}, {id: \"t1\"}]}", IDS("ts"),
           ITEMS("ts", ID("t4") "," ID("t1")));
    CHANGE(db,
           "ts: {update: {where: {id: \"t4\"}, input: {as: {disconnect: {id: \"a2\"}}}}, upsert: "
           "{where: {id: \"t5\"}, create: {id: \"t5\"}, update: {}}, connectOrCreate: [{where: "
           "{id: \"t3\"}, create: {}}, {where: {id: \"t6\"}, create: {id: \"t6\"}}]}",
           IDS("ts"), ITEMS("ts", ID("t4") "," ID("t1") "," ID("t5") "," ID("t3") "," ID("t6")));
    MAPPING_HAS(db, "mutation { updateA(id: \"a2\", input: {ts: {delete: {id: \"t4\"}}}) { id } }",
                "NOT_FOUND");
    /* One side only, and to itself. */
    CHANGE(db, "likes: {connect: [{id: \"a1\"}, {n: 2}], create: {id: \"a3\"}}", IDS("likes"),
           ITEMS("likes", ID("a1") "," ID("a2") "," ID("a3")));
    CHANGE(db, "likes: {disconnect: {id: \"a1\"}, delete: {id: \"a3\"}}", IDS("likes"),
           ITEMS("likes", ID("a2")));
    mapping_close(db);
}

Test(mapping, nested__verbs_of_a_single_relation_at_the_other_side)
{
    quire_db *db = open_rows();
    CHANGE(db, "one: {create: {id: \"o4\"}}", "one { id }", "\"one\":" ID("o4"));
    MAPPING_IS(db, "{ one(id: \"o1\") { aId } }", "{\"data\":{\"one\":{\"aId\":null}}}");
    CHANGE(db, "one: {connect: {id: \"o2\"}}", "one { id }", "\"one\":" ID("o2"));
    MAPPING_IS(db, "{ a(id: \"a2\") { one { id } } one(id: \"o4\") { aId } }",
               "{\"data\":{\"a\":{\"one\":null},\"one\":{\"aId\":null}}}");
    CHANGE(db, "one: {connect: {aId: \"a1\"}}", "one { id }", "\"one\":" ID("o2"));
    CHANGE(db, "one: {update: {input: {s: \"x\"}}}", "one { id s }",
           "\"one\":{\"id\":\"o2\",\"s\":\"x\"}");
    CHANGE(db, "one: {upsert: {create: {}, update: {s: \"y\"}}}", "one { id s }",
           "\"one\":{\"id\":\"o2\",\"s\":\"y\"}");
    CHANGE(db, "one: {disconnect: false}", "one { id }", "\"one\":" ID("o2"));
    CHANGE(db, "one: {disconnect: true}", "one { id }", "\"one\":null");
    CHANGE(db, "one: {disconnect: true}", "one { id }", "\"one\":null");
    CHANGE(db, "one: {upsert: {create: {id: \"o5\"}}}", "one { id }", "\"one\":" ID("o5"));
    CHANGE(db, "one: {connectOrCreate: {where: {id: \"o5\"}, create: {}}}", "one { id }",
           "\"one\":" ID("o5"));
    CHANGE(db, "one: {connectOrCreate: {where: {id: \"o6\"}, create: {id: \"o6\"}}}", "one { id }",
           "\"one\":" ID("o6"));
    CHANGE(db, "one: {delete: true}", "one { id }", "\"one\":null");
    MAPPING_HAS(db, "mutation { updateA(id: \"a1\", input: {one: {delete: true}}) { id } }",
                "\"code\":\"NOT_FOUND\",\"coordinate\":\"A.one\"");
    MAPPING_HAS(db, "mutation { updateA(id: \"a1\", input: {one: {update: {}}}) { id } }",
                "\"code\":\"NOT_FOUND\",\"coordinate\":\"A.one\"");
    MAPPING_IS(db, "{ ones { items { id } } }",
               "{\"data\":{" ITEMS(
                   "ones", ID("o1") "," ID("o2") "," ID("o3") "," ID("o4") "," ID("o5")) "}}");
    mapping_close(db);
}

Test(mapping, nested__verbs_of_a_reference)
{
    quire_db *db = open_rows();
#define B1(input, expected)                                                                        \
    MAPPING_IS(db, "mutation { updateB(id: \"b1\", input: {" input "}) { a { id n } } }",          \
               "{\"data\":{\"updateB\":{\"a\":" expected "}}}")
    B1("a: {create: {id: \"a3\", n: 3}}", "{\"id\":\"a3\",\"n\":3}");
    B1("a: {connect: {n: 2}}", "{\"id\":\"a2\",\"n\":2}");
    B1("a: {connectOrCreate: {where: {n: 4}, create: {id: \"a4\", n: 4}}}",
       "{\"id\":\"a4\",\"n\":4}");
    B1("a: {connectOrCreate: {where: {n: 2}, create: {}}}", "{\"id\":\"a2\",\"n\":2}");
    B1("a: {update: {apply: {n: {increment: 10}}}}", "{\"id\":\"a2\",\"n\":12}");
    B1("a: {upsert: {create: {}, update: {n: 2}}}", "{\"id\":\"a2\",\"n\":2}");
    B1("a: {disconnect: false}", "{\"id\":\"a2\",\"n\":2}");
    B1("a: {disconnect: true}", "null");
    B1("a: {delete: false}", "null");
    B1("a: {upsert: {create: {id: \"a5\"}}}", "{\"id\":\"a5\",\"n\":null}");
    B1("s: \"new\", a: {delete: true}", "null");
    B1("aId: null", "null");
#undef B1
    MAPPING_IS(db, "{ as { items { id } } b(id: \"b1\") { s } }",
               "{\"data\":{" ITEMS("as", ID("a1") "," ID("a2") "," ID("a3") "," ID(
                                             "a4")) ",\"b\":{\"s\":\"new\"}}}");
    MAPPING_HAS(db, "mutation { updateB(id: \"b1\", input: {a: {delete: true}}) { id } }",
                "\"code\":\"NOT_FOUND\",\"coordinate\":\"B.a\",\"inputPath\":[\"input\",\"a\","
                "\"delete\"]");
    MAPPING_HAS(db, "mutation { createB(input: {a: {connect: {n: 77}}}) { id } }",
                "B.a names { n: 77 }, which is no row of A.");
    /* A unique reference is not taken from the row that has it. */
    MAPPING_HAS(db, "mutation { updateOne(id: \"o3\", input: {a: {connect: {n: 1}}}) { id } }",
                "\"code\":\"UNIQUE\",\"coordinate\":\"One.a\"");
    mapping_close(db);
}

Test(mapping, nested__refuses_what_has_two_meanings_or_none)
{
    quire_db *db = open_rows();
    static const char *const inputs[][2] = {
        {"createB(input: {aId: \"a1\", a: {connect: {id: \"a2\"}}})", "given in two ways"},
        {"createA(input: {bs: {create: {aId: \"a2\"}}})", "given in two ways"},
        {"createA(input: {bs: {create: {a: {create: {}}}}})", "given in two ways"},
        {"createA(input: {ts: {}, tsIds: []})", "given in two ways"},
        {"createB(input: {a: null})", "must not be null"},
        {"createA(input: {bs: null})", "must not be null"},
        {"createA(input: {bs: {create: null}})", "must not be null"},
        {"createB(input: {a: {}})", "exactly one field"},
        {"createB(input: {a: {connect: null}})", "must be non-null"},
        {"createB(input: {a: {connect: {id: \"a1\"}, create: {}}})", "exactly one field"},
        {"createB(input: {a: {disconnect: true}})", "unknown field"},
        {"updateA(id: \"a1\", input: {bs: {connect: {id: \"b1\", s: \"x\"}}})", "unknown field"},
    };
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        char document[300];
        snprintf(document, sizeof document, "mutation { %s { id } }", inputs[i][0]);
        MAPPING_HAS(db, document, inputs[i][1]);
    }
    MAPPING_HAS(db,
                "mutation ($b: BCreateNestedMany) { createA(input: {id: \"x\", bs: $b}) { id } }",
                "\"id\":\"x\"");
    mapping_close(db);
}

/* A nested deletion can reach rows that the same field writes elsewhere. */
Test(mapping, nested__never_leaves_a_reference_to_a_row_that_it_deleted)
{
    static const char *const documents[] = {
        /* The row itself goes with the row that is deleted. */
        "mutation { updateN(id: \"1\", input: {downs: {delete: {id: \"2\"}}, s: \"x\"}) { id } }",
        "mutation { updateN(id: \"1\", input: {downs: {delete: {id: \"2\"}}, peers: {create: "
        "{id: \"9\"}}}) { id } }",
        "mutation { updateN(id: \"1\", input: {downs: {delete: {id: \"2\"}}, links: {connect: "
        "{id: \"3\"}}}) { id } }",
        /* A row is connected by one relation and deleted through another. */
        "mutation { updateN(id: \"4\", input: {peer: {connect: {id: \"5\"}}, up: {update: {input: "
        "{downs: {delete: {id: \"5\"}}}}}}) { id } }",
    };
    quire_db *db = mapping_open(
        "type N { id: ID! s: String up: N downs: [N!]! @relation(inverse: \"up\") peer: N peers: "
        "[N!]! @relation(inverse: \"peer\") links: [N!]! @relation(inverse: \"links\") hold: N "
        "@relation(onDelete: CASCADE) }",
        "mutation { createNs(inputs: [{id: \"1\"}, {id: \"2\", upId: \"1\"}, {id: \"3\"}, {id: "
        "\"4\", upId: \"3\"}, {id: \"5\", upId: \"3\"}]) { affectedRows } updateN(id: \"1\", "
        "input: {holdId: \"2\"}) { id } }");
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        MAPPING_HAS(db, documents[i], "\"code\":\"NOT_FOUND\"");
    }
    MAPPING_IS(db, "{ ns { totalCount } }", "{\"data\":{\"ns\":{\"totalCount\":5}}}");
    mapping_close(db);
}

/* As deep as the limit of requests lets inputs be. */
Test(mapping, nested__goes_as_deep_as_inputs_do)
{
    enum { DEPTH = 60 };
    quire_db *db = mapping_open(schema, NULL);
    char *document = malloc(100 * DEPTH);
    size_t size = (size_t)snprintf(document, 100, "mutation { createA(input: {");
    for (int i = 0; i < DEPTH; i++) {
        size += (size_t)snprintf(document + size, 100, "likes: {create: [{");
    }
    for (int i = 0; i < DEPTH; i++) {
        size += (size_t)snprintf(document + size, 100, "}]}");
    }
    snprintf(document + size, 100, "}) { id } }");
    char *response = mapping_run(db, document, NULL, false);
    cr_expect_null(strstr(response, "errors"), "%s", response);
    quire_free(response);
    free(document);
    MAPPING_IS(db, "{ as { totalCount } }", "{\"data\":{\"as\":{\"totalCount\":61}}}");
    mapping_close(db);
}

/* ---- update operators ---- */

static const char numbers[] = "type N { id: ID! i: Int f: Float b: BigInt s: String! k: K on: "
                              "Boolean l: [Int!] t: [String!] }"
                              " enum K { X Y }";

Test(mapping, operators__compute_with_the_value_that_is_there)
{
    quire_db *db = mapping_open(
        numbers,
        "mutation { createN(input: {id: \"n\", i: 5, f: 1.5, b: \"6\", s: \"s\", l: [1, 2, "
        "1, 3], t: [\"a\"]}) { id } }");
    MAPPING_IS(
        db,
        "mutation { updateN(id: \"n\", apply: {i: {increment: 3}, f: {multiply: 2}, b: "
        "{decrement: 10}, s: {set: \"x\"}, k: {set: Y}, on: {set: true}, l: {remove: [1, 9]}, "
        "t: {prepend: [\"b\", \"c\"]}}) { i f b s k on l t } }",
        "{\"data\":{\"updateN\":{\"i\":8,\"f\":3,\"b\":\"-4\",\"s\":\"x\",\"k\":\"Y\",\"on\":"
        "true,\"l\":[2,3],\"t\":[\"b\",\"c\",\"a\"]}}}");
    MAPPING_IS(
        db,
        "mutation ($x: Int) { updateN(id: \"n\", input: {b: null, l: null, f: null}, apply: "
        "{i: {increment: $x}, k: {set: null}}) { i b k l } again: updateN(id: \"n\", apply: "
        "{b: {increment: 1}, f: {multiply: 2}, l: {append: [7]}, t: {append: []}}) { b f l t "
        "} }",
        "{\"data\":{\"updateN\":{\"i\":8,\"b\":null,\"k\":null,\"l\":null},\"again\":{\"b\":"
        "null,\"f\":null,\"l\":[7],\"t\":[\"b\",\"c\",\"a\"]}}}");
    MAPPING_IS(db,
               "mutation { updateN(id: \"n\", input: {l: null}) { l } again: updateN(id: \"n\", "
               "apply: {l: {remove: [1]}}) { l } }",
               "{\"data\":{\"updateN\":{\"l\":null},\"again\":{\"l\":null}}}");
    mapping_close(db);
}

/* A list of `count` numbers from `first` on between two texts; freed with free. */
static char *list_text(const char *before, int first, int step, int count, const char *after)
{
    size_t room = strlen(before) + (size_t)count * 12 + strlen(after) + 3;
    char *text = malloc(room);
    cr_assert_not_null(text);
    size_t size = (size_t)snprintf(text, room, "%s[", before);
    for (int i = 0; i < count; i++) {
        size +=
            (size_t)snprintf(text + size, room - size, "%s%d", i == 0 ? "" : ",", first + i * step);
    }
    snprintf(text + size, room - size, "]%s", after);
    return text;
}

/* A pass over a list is linear in it: whether it is stored, checked, searched, changed or shown. */
Test(mapping, operators__take_long_lists, .timeout = 120)
{
    enum { COUNT = 400000 };
    quire_db *db = mapping_open("type N { id: ID! l: [Int!] @constraint(min: 0) }",
                                "mutation { createN(input: {id: \"n\"}) { id } }");
    char *all = list_text("{\"l\":", 0, 1, COUNT, "}");
    char *odd = list_text("{\"l\":", COUNT - 1, -2, COUNT / 2, "}");
    char *even = list_text("{\"data\":{\"ns\":{\"items\":[{\"l\":", 0, 2, COUNT / 2, "}]}}}");
    MAPPING_IS_WITH(db, "mutation ($l: [Int!]) { updateN(id: \"n\", input: {l: $l}) { id } }", all,
                    "{\"data\":{\"updateN\":{\"id\":\"n\"}}}");
    MAPPING_IS_WITH(db,
                    "mutation ($l: [Int!]) { updateN(id: \"n\", apply: {l: {remove: $l}}) { id } }",
                    odd, "{\"data\":{\"updateN\":{\"id\":\"n\"}}}");
    MAPPING_IS(db, "{ ns(where: {l: {has: 399998}}) { items { l } } }", even);
    free(all);
    free(odd);
    free(even);
    mapping_close(db);
}

Test(mapping, operators__refuse_what_does_not_fit)
{
    quire_db *db =
        mapping_open(numbers, "mutation { createN(input: {id: \"n\", i: 2147483647, f: 1e308, b: "
                              "\"-9223372036854775808\", s: \"s\"}) { id } }");
    static const char *const applies[][2] = {
        {"{i: {increment: 1}}", "\"code\":\"BAD_INPUT\",\"coordinate\":\"N.i\",\"inputPath\":["
                                "\"apply\",\"i\"]"},
        {"{i: {multiply: 2}}", "leave the range"},
        {"{f: {multiply: -10}}", "leave the range"},
        {"{b: {decrement: 1}}", "leave the range"},
        {"{b: {multiply: -1}}", "leave the range"},
        {"{b: {increment: \"-1\"}}", "leave the range"},
        {"{i: {increment: 1, multiply: 2}}", "\"inputPath\":[\"apply\",\"i\"]"},
        {"{i: null}", "one operator"},
        {"{i: {increment: null}}", "does not take null"},
        {"{s: {set: null}}", "\"code\":\"NOT_NULL\",\"coordinate\":\"N.s\""},
    };
    for (size_t i = 0; i < sizeof applies / sizeof applies[0]; i++) {
        char document[200];
        snprintf(document, sizeof document, "mutation { updateN(id: \"n\", apply: %s) { id } }",
                 applies[i][0]);
        MAPPING_HAS(db, document, applies[i][1]);
    }
    MAPPING_HAS(db, "mutation { updateN(id: \"n\", input: {i: 1}, apply: {i: {set: 2}}) { id } }",
                "has a value and an operator");
    MAPPING_IS(
        db,
        "mutation { updateN(id: \"n\", apply: {i: {decrement: -0}, b: {multiply: 1}}) { i b } "
        "a: updateN(id: \"n\", apply: {b: {increment: \"9223372036854775807\"}}) { b } "
        "c: updateN(id: \"n\", apply: {b: {multiply: \"-9223372036854775808\"}}) { b } "
        "d: updateN(id: \"n\", apply: {b: {multiply: 0}}) { b } }",
        "{\"errors\":[{\"message\":\"The new value of N.b would leave the range of its "
        "type.\",\"locations\":[{\"line\":1,\"column\":158}],\"path\":[\"c\"],\"extensions\":"
        "{\"code\":\"BAD_INPUT\",\"coordinate\":\"N.b\",\"inputPath\":[\"apply\",\"b\"]}}],"
        "\"data\":null}");
    mapping_close(db);
}

/* ---- by counters ---- */

/* Pages that a request looks at in the transaction. */
static uint64_t visits_of(quire_txn *txn, const char *document)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_txn_stats before = {.size = sizeof before};
    quire_txn_stats after = {.size = sizeof after};
    char *response;
    size_t size;
    bool has_errors;

    request.document = document;
    cr_assert_eq(quire_txn_get_stats(txn, &before, &err), QUIRE_OK);
    cr_assert_eq(quire_graphql_in(txn, &request, &response, &size, &has_errors, &err), QUIRE_OK);
    cr_assert_not(has_errors, "%s", response);
    quire_free(response);
    cr_assert_eq(quire_txn_get_stats(txn, &after, &err), QUIRE_OK);
    return after.page_visits - before.page_visits;
}

/* Rows of B and of T with long texts, so that a table takes hundreds of pages. */
static quire_db *open_crowd(void)
{
    enum { COUNT = 8000, ROOM = COUNT * 260 + 100 };
    static char json[ROOM];
    size_t size = 0;
    quire_db *db = mapping_open(
        "type A { id: ID! bs: [B!]! ts: [T!]! one: B @relation(inverse: \"own\") }"
        "type B { id: ID! mail: String @unique pad: String n: Int @index a: A own: A @unique }"
        "type T { id: ID! pad: String as: [A!]! }",
        "mutation { createAs(inputs: [{id: \"0\"}, {id: \"1\"}]) { affectedRows } }");
    for (int type = 0; type < 2; type++) {
        size = (size_t)snprintf(json, ROOM, "{\"%s\": [", type == 0 ? "B" : "T");
        for (int i = 0; i < COUNT; i++) {
            size += (size_t)snprintf(json + size, ROOM - size, "%s{\"id\": \"%d\", ",
                                     i == 0 ? "" : ", ", i);
            if (type == 0) {
                size += (size_t)snprintf(json + size, ROOM - size, "\"mail\": \"m%d\", \"n\": %d, ",
                                         i, i);
            }
            size += (size_t)snprintf(json + size, ROOM - size, "\"pad\": \"%0150d\"}", i);
        }
        snprintf(json + size, ROOM - size, "]}");
        mapping_load(db, json);
    }
    return db;
}

Test(mapping, nested__finds_every_row_by_an_index)
{
    static const char *const documents[] = {
        "updateA(id: \"0\", input: {bs: {connect: [{id: \"7\"}, {mail: \"m4000\"}]}}) { id }",
        "updateA(id: \"0\", input: {bs: {set: [{mail: \"m4001\"}]}}) { id }",
        ("updateA(id: \"0\", input: {bs: {connectOrCreate: [{where: {mail: \"m9\"}, create: {}}, "
         "{where: {mail: \"x\"}, create: {mail: \"x\"}}]}}) { id }"),
        "updateA(id: \"0\", input: {bs: {update: {where: {mail: \"m9\"}, input: {n: 1}}}}) { id }",
        "updateA(id: \"0\", input: {bs: {upsert: {where: {mail: \"m9\"}, create: {}}}}) { id }",
        "updateA(id: \"0\", input: {bs: {disconnect: {mail: \"m4001\"}}}) { id }",
        "updateA(id: \"0\", input: {bs: {delete: {mail: \"m9\"}}}) { id }",
        "updateA(id: \"0\", input: {ts: {connect: [{id: \"5\"}, {id: \"6\"}], create: {}}}) { id }",
        "updateA(id: \"0\", input: {ts: {set: [{id: \"6\"}], disconnect: {id: \"6\"}}}) { id }",
        "updateA(id: \"0\", input: {one: {connect: {mail: \"m77\"}}}) { id }",
        "updateA(id: \"0\", input: {one: {update: {input: {n: 5}}}}) { id }",
        "updateA(id: \"0\", input: {one: {delete: true}}) { id }",
        "updateB(id: \"50\", input: {a: {connect: {id: \"1\"}}}) { id }",
        "updateB(id: \"50\", input: {a: {delete: true}}) { id }",
        "upsertB(where: {mail: \"m60\"}, create: {}, apply: {n: {increment: 1}}) { id }",
        "createBs(inputs: [{aId: \"0\"}, {mail: \"y\"}]) { affectedRows }",
        "updateBs(where: {n: {gte: 100, lt: 103}}, input: {n: 0}) { affectedRows }",
        "updateBs(where: {mail: {equals: \"m70\"}}, apply: {n: {set: 0}}) { affectedRows }",
        "deleteBs(where: {n: {in: [200, 201]}}) { affectedRows returning { id } }",
        "deleteBs(where: {aId: {equals: \"0\"}}) { affectedRows }",
    };
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    quire_db *db = open_crowd();

    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &txn, &err), QUIRE_OK);
    uint64_t scan = visits_of(
        txn, "mutation { updateBs(where: {pad: {equals: \"\"}}, input: {n: 0}) { affectedRows } }");
    cr_assert_gt(scan, 400);
    (void)visits_of(txn, "{ ts(take: 1) { items { id as { totalCount } } } }");
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        char document[300];
        snprintf(document, sizeof document, "mutation { %s }", documents[i]);
        uint64_t visits = visits_of(txn, document);
        cr_expect_lt(visits, 200, "%s looks at %llu pages", documents[i],
                     (unsigned long long)visits);
    }
    quire_rollback(txn);
    mapping_close(db);
}

/* What a trigger deletes must not come back as a reference to nothing. */
Test(mapping, nested__leaves_no_reference_to_a_row_that_a_trigger_deletes)
{
    quire_db *db = mapping_open(
        "type A { id: ID! bs: [B!]! }"
        "type B @trigger(on: UPDATE, when: BEFORE, mutation: \"mutation ($old_aId: ID) { "
        "deleteAs(where: {id: {equals: $old_aId}}) { affectedRows } }\") { id: ID! n: Int a: A }",
        "mutation { createAs(inputs: [{id: \"a1\"}, {id: \"a2\"}]) { affectedRows } "
        "createBs(inputs: [{id: \"b\", aId: \"a1\"}]) { affectedRows } }");
    MAPPING_HAS(db, "mutation { updateB(id: \"b\", input: {n: 1}) { id } }",
                "\"code\":\"NOT_FOUND\"");
    MAPPING_HAS(db,
                "mutation { updateA(id: \"a1\", input: {bs: {update: {where: {id: \"b\"}, "
                "input: {n: 1}}}}) { id } }",
                "\"code\":\"NOT_FOUND\"");
    MAPPING_IS(db, "{ b(id: \"b\") { n a { id } } }",
               "{\"data\":{\"b\":{\"n\":null,\"a\":{\"id\":\"a1\"}}}}");
    MAPPING_IS(db, "mutation { updateB(id: \"b\", input: {aId: \"a2\"}) { a { id } } }",
               "{\"data\":{\"updateB\":{\"a\":{\"id\":\"a2\"}}}}");
    MAPPING_IS(db, "{ as { items { id } } }", "{\"data\":{\"as\":{\"items\":[{\"id\":\"a2\"}]}}}");
    mapping_close(db);
}
