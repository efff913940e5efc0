/*
 * Mappings: what is wrong with them, and what data does to the rules of a good
 * one.
 */
#include "load_fixture.h"

#include <stdio.h>

static const char sdl[] = "enum Kind { A B }\n"
                          "type Item { id: ID! @id kind: Kind! name: String parent: Item }\n"
                          "type Pair { id: ID! item: Item! tags: [String!] }\n";

/* A mapping with one rule for Item whose name has this source, fed with one element. */
#define NAME_MAPPING(source)                                                                       \
    "{\"rules\": [{\"list\": \"l\", \"type\": \"Item\", \"fields\": {\"id\": \"id\",\n"            \
    "\"kind\": {\"constant\": \"A\"}, \"name\":\n" source "}}]}"

/* The mapping is refused at this place of its third line. */
#define REFUSED_SOURCE(source, column_, says_)                                                     \
    REFUSED(.sdl = sdl, .mapping = NAME_MAPPING(source), .inputs = INPUTS({"d", "{}"}),            \
            .status = QUIRE_DATA, .file = "", .line = 3, .column = (column_), .says = (says_))

#define REFUSED_MAPPING(text, wanted, line_, column_, says_)                                       \
    REFUSED(.sdl = sdl, .mapping = text, .inputs = INPUTS({"d", "{}"}), .status = QUIRE_##wanted,  \
            .file = "", .line = (line_), .column = (column_), .says = (says_))

Test(load_mapping, shapes_that_are_no_mapping)
{
    REFUSED_MAPPING("{", SYNTAX, 1, 2, "JSON");
    REFUSED_MAPPING("[]", DATA, 1, 1, "This is a list, but an object with the member \"rules\"");
    REFUSED_MAPPING("{\"rule\": []}", DATA, 1, 2, "A mapping has no member \"rule\"");
    REFUSED_MAPPING("{}", DATA, 1, 1, "no \"rules\"");
    REFUSED_MAPPING("{\"rules\": {}}", DATA, 1, 11, "a list of rules");
    REFUSED_MAPPING("{\"rules\": []}", DATA, 1, 11, "no rule");
    REFUSED_MAPPING("{\"rules\": [7]}", DATA, 1, 12, "This is a number");
    REFUSED_MAPPING("{\"rules\": [\n{\"typ\": \"Item\"}]}", DATA, 2, 2, "no member \"typ\"");
    REFUSED_MAPPING("{\"rules\": [\n{\"type\": \"Item\"}]}", DATA, 2, 1,
                    "needs \"type\" and \"fields\"");
    REFUSED_MAPPING("{\"rules\": [\n{\"type\": 7, \"fields\": {}}]}", DATA, 2, 10, "a type's name");
    REFUSED_MAPPING("{\"rules\": [\n{\"type\": \"Item\", \"fields\": []}]}", DATA, 2, 28,
                    "an object of fields");
    REFUSED_MAPPING("{\"rules\": [\n{\"file\": 7, \"type\": \"Item\", \"fields\": {}}]}", DATA, 2,
                    10, "a file's name");
    REFUSED_MAPPING("{\"rules\": [\n{\"list\": 7, \"type\": \"Item\", \"fields\": {}}]}", DATA, 2,
                    10, "a path");
    REFUSED_MAPPING("{\"rules\": [\n{\"list\": \"a..b\", \"type\": \"Item\", \"fields\": {}}]}",
                    DATA, 2, 10, "an empty name");
    REFUSED_MAPPING("{\"rules\": 1, \"rules\": 2}", DATA, 1, 14, "\"rules\" twice");
}

Test(load_mapping, unknown_types_and_fields)
{
    REFUSED_MAPPING("{\"rules\": [{\"type\": \"Itm\", \"fields\": {}}]}", DATA, 1, 21,
                    "no type \"Itm\". Did you mean \"Item\"?");
    REFUSED_MAPPING("{\"rules\": [{\"type\": \"Item\", \"fields\": {\n\"nam\": \"n\"}}]}", DATA, 2,
                    1, "The type Item has no field \"nam\". Did you mean \"name\"?");
    REFUSED_MAPPING(
        "{\"rules\": [{\"type\": \"Item\", \"fields\": {\"id\": \"i\", \"parent\": \"p\",\n"
        "\"parentId\": \"p\"}}]}",
        DATA, 2, 1, "Item.parent two sources");
    REFUSED_MAPPING("{\"rules\": [{\"type\": \"Item\", \"fields\":\n{\"id\": \"i\"}}]}", DATA, 2, 1,
                    "Item.kind is required");
}

Test(load_mapping, missing_needs_a_reference_that_may_be_null)
{
    REFUSED_MAPPING("{\"rules\": [{\"type\": \"Pair\", \"fields\": {\"item\":\n"
                    "[{\"from\": \"i\", \"missing\": \"null\"}]}}]}",
                    DATA, 2, 1, "for Pair.item, which is required");
    REFUSED_SOURCE("{\"from\": \"a\", \"missing\": \"null\"}", 1,
                   "for Item.name, which is no reference");
}

Test(load_mapping, lists_inside_lists_of_other_rules)
{
    REFUSED_MAPPING(
        "{\"rules\": [{\"list\": \"a\", \"type\": \"Item\", \"fields\": {\"kind\": \"k\"}},\n"
        "{\"list\": \"a.b\", \"type\": \"Item\", \"fields\": {\"kind\": \"k\"}}]}",
        DATA, 2, 1, "\"a.b\" of this rule lies inside the list \"a\"");
}

Test(load_mapping, sources_that_are_none)
{
    REFUSED_SOURCE("7", 1, "a number; it is a path");
    REFUSED_SOURCE("null", 1, "A source of the mapping is null");
    REFUSED_SOURCE("\"\"", 1, "empty");
    REFUSED_SOURCE("\"a.\"", 1, "an empty name");
    REFUSED_SOURCE("[]", 1, "A list of sources of the mapping is empty");
    REFUSED_SOURCE("[\"a\", 7]", 7, "a number");
    REFUSED_SOURCE("{}", 1, "needs \"from\"");
    REFUSED_SOURCE("{\"values\": {}}", 1, "needs \"from\"");
    REFUSED_SOURCE("{\"from\": \"a\", \"valeus\": {}}", 15, "a member \"valeus\"");
    REFUSED_SOURCE("{\"from\": \"a\", \"values\": []}", 25, "\"values\" of the mapping is a list");
    REFUSED_SOURCE("{\"from\": \"a\", \"other\": \"x\"}", 24, "is \"keep\" or \"null\"");
    REFUSED_SOURCE("{\"from\": \"a\", \"missing\": true}", 26, "is \"null\" or \"error\"");
    REFUSED_SOURCE("{\"from\": \"a\", \"constant\": 1}", 15, "\"constant\"");
}

Test(load_mapping, templates_that_are_wrong)
{
    REFUSED_SOURCE("\"{a|befor(-)}\"", 1, "\"befor\" is no function; there are before(x)");
    REFUSED_SOURCE("\"{a|before}\"", 1, "need a text in parentheses");
    REFUSED_SOURCE("\"{a|after()}\"", 1, "need a text in parentheses");
    REFUSED_SOURCE("\"{a|upper(x)}\"", 1, "take nothing in parentheses");
    REFUSED_SOURCE("\"{a|before(x}\"", 1, "\"(\" is not closed");
    REFUSED_SOURCE("\"{a|trim\"", 1, "\"{\" is not closed");
    REFUSED_SOURCE("\"{a\"", 1, "\"{\" is not closed");
    REFUSED_SOURCE("\"a}\"", 1, "\"}\" closes nothing");
    REFUSED_SOURCE("\"{}\"", 1, "braces hold no name");
    REFUSED_SOURCE("\"{a..b}\"", 1, "braces hold no name");
    REFUSED_SOURCE("\"{a|}\"", 1, "is no function");
}

/* ---- what data does to rules ---- */

#define REFUSED_DATA(source, text, wanted, line_, column_, says_)                                  \
    REFUSED(.sdl = sdl, .mapping = NAME_MAPPING(source), .inputs = INPUTS({"d.json", text}),       \
            .status = QUIRE_##wanted, .file = "d.json", .line = (line_), .column = (column_),      \
            .says = (says_))

Test(load_mapping, values_that_a_source_cannot_take)
{
    REFUSED_DATA("\"a.b\"", "{\"l\": [{\"id\": 1,\n\"a\": \"x\"}]}", DATA, 2, 6,
                 "This is a string, but the mapping's path \"a.b\" leads through it");
    REFUSED_DATA("\"{a}\"", "{\"l\": [{\"id\": 1,\n\"a\": {}}]}", DATA, 2, 6,
                 "an object, which a template");
    REFUSED_DATA("\"a\"", "{\"l\": [{\"id\": 1,\n\"a\": 7}]}", DATA, 2, 6, "Item.name: String");
    REFUSED_DATA("{\"from\": \"a\", \"values\": {\"x\": \"y\"}}",
                 "{\"l\": [{\"id\": 1,\n\"a\": \"z\"}]}", DATA, 2, 6, "does not list \"z\"");
    REFUSED_DATA("{\"from\": \"a\", \"values\": {}}", "{\"l\": [{\"id\": 1,\n\"a\": {}}]}", DATA, 2,
                 6, "This is an object");
    REFUSED_DATA("{\"from\": \"a\", \"values\": {\"x\": 7}}",
                 "{\"l\": [{\"id\": 1,\n\"a\": \"x\"}]}", DATA, 2, 6,
                 "Item.name: String cannot represent a non string value: 7");
    REFUSED_DATA("{\"constant\": 7}", "{\"l\": [\n {\"id\": 1}]}", DATA, 2, 2, "Item.name: String");
    REFUSED_DATA("\"b\"", "{\"l\": [{\"id\": 1,\n\"b\": \"\", \"b\": \"\"}]}", DATA, 2, 10,
                 "\"b\" twice");
}

static const char files[] =
    "{\"rules\": [{\"file\": \"items.json\", \"list\": \"data.items\", \"type\": \"Item\","
    "\"fields\": {\"id\": \"id\", \"kind\": \"kind\"}},"
    "{\"file\": \"sub/items.json\", \"type\": \"Item\", \"fields\": {\"id\": \"id\", \"kind\": "
    "\"kind\"}}]}";

Test(load_mapping, inputs_and_lists_that_are_not_there)
{
    REFUSED(.sdl = sdl, .mapping = files, .inputs = INPUTS({"other.json", "{}"}),
            .status = QUIRE_DATA, .file = "other.json",
            .says = "No rule of the mapping takes the input \"other.json\"; there are rules for "
                    "\"items.json\", \"sub/items.json\"");
    REFUSED(.sdl = sdl, .mapping = files, .inputs = INPUTS({"myitems.json", "{}"}),
            .status = QUIRE_DATA, .file = "myitems.json", .says = "No rule of the mapping takes");
    REFUSED(.sdl = sdl, .mapping = files,
            .inputs = INPUTS({"x/items.json", "{\"data\": {\"item\": []}, \"data.items\": []}"}),
            .status = QUIRE_DATA, .file = "x/items.json",
            .says =
                "The input has no list \"data.items\", from which the mapping reads rows of Item");
    REFUSED(.sdl = sdl, .mapping = NAME_MAPPING("\"n\""), .inputs = INPUTS({"d", "{\"m\": []}"}),
            .status = QUIRE_DATA, .file = "d",
            .says = "none of the lists that the mapping reads: \"l\"");
    REFUSED(.sdl = sdl, .mapping = NAME_MAPPING("\"n\""), .inputs = INPUTS({"d", "[]"}),
            .status = QUIRE_DATA, .file = "d", .says = "none of the lists");
    REFUSED(.sdl = sdl, .mapping = NAME_MAPPING("\"n\""), .inputs = INPUTS({"d", "{\"l\": 7}"}),
            .status = QUIRE_DATA, .file = "d", .line = 1, .column = 7, .says = "a list of objects");
    REFUSED(.sdl = sdl, .mapping = NAME_MAPPING("\"n\""), .inputs = INPUTS({"d", "{\"l\": [7]}"}),
            .status = QUIRE_DATA, .file = "d", .line = 1, .column = 8, .says = "must be an object");
}

Test(load_mapping, of_rules_for_any_input_each_must_find_its_list_once)
{
    static const char mapping[] =
        "{\"rules\": [{\"list\": \"a\", \"type\": \"Item\", \"fields\": {\"id\": \"id\", \"kind\": "
        "\"kind\"}},"
        "{\"list\": \"b\", \"type\": \"Pair\", \"fields\": {\"item\": \"item\"}}]}";
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    apply_schema(db, sdl);
    OK(load(
        db, mapping,
        INPUTS({"1", "{\"b\": [{\"item\": 1}]}"}, {"2", "{\"a\": [{\"id\": 1, \"kind\": \"B\"}]}"}),
        &err));
    expect_answer(db, "{ pairs { items { item { kind } } } }",
                  "{\"pairs\":{\"items\":[{\"item\":{\"kind\":\"B\"}}]}}");
    close_db(db);
    REFUSED(.sdl = sdl, .mapping = mapping, .inputs = INPUTS({"1", "{\"a\": []}"}),
            .status = QUIRE_DATA, .file = "", .says = "No input has the list \"b\"");
}

/* ---- what sources give ---- */

/* The name of the Item that one element becomes, "null" for none. */
static void expect_name(const char *mapping, const char *element, const char *expected)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    char text[400];
    char answer[400];
    snprintf(text, sizeof text, "{\"x\": [{\"l\": 1}], \"l\": [%s], \"l2\": {\"l\": 2}}", element);
    snprintf(answer, sizeof answer, "{\"items\":{\"items\":[{\"name\":%s}]}}", expected);
    apply_schema(db, sdl);
    OK(load(db, mapping, INPUTS({"any/where.json", text}), &err));
    expect_answer(db, "{ items { items { name } } }", answer);
    close_db(db);
}

Test(load_mapping, functions_change_texts)
{
    expect_name(NAME_MAPPING("\"{a|before(--)}\""), "{\"a\": \"x-y--z--\"}", "\"x-y\"");
    expect_name(NAME_MAPPING("\"{a|before(-)}\""), "{\"a\": \"-\"}", "\"\"");
    expect_name(NAME_MAPPING("\"{a|before(-)}\""), "{\"a\": \"x\"}", "null");
    expect_name(NAME_MAPPING("\"{a|after(-)}\""), "{\"a\": \"x-y-z\"}", "\"y-z\"");
    expect_name(NAME_MAPPING("\"{a|after(-)}\""), "{\"a\": \"x\"}", "null");
    expect_name(NAME_MAPPING("\"{a|containing(|})}\""), "{\"a\": \"x|}\"}", "\"x|}\"");
    expect_name(NAME_MAPPING("\"{a|containing(xx)}\""), "{\"a\": \"x\"}", "null");
    expect_name(NAME_MAPPING("\"{a|lower}\""), "{\"a\": \"\xC3\x84\xE1\xBA\x9Eq\"}",
                "\"\xC3\xA4\xC3\x9Fq\"");
    expect_name(NAME_MAPPING("\"{a|upper}\""), "{\"a\": \"\xC3\xA9z\"}", "\"\xC3\x89Z\"");
    expect_name(NAME_MAPPING("\"{a|trim}\""), "{\"a\": \" \\t\\r\\nx y \"}", "\"x y\"");
    expect_name(NAME_MAPPING("\"{a|after(:)|trim|upper}!\""), "{\"a\": \"k: v\"}", "\"V!\"");
}

Test(load_mapping, templates_take_texts_numbers_and_booleans)
{
    expect_name(NAME_MAPPING("\"{a}-{b.c}/{d}\""),
                "{\"a\": 1.50, \"b\": {\"c\": true}, \"d\": \"e\"}", "\"1.50-true/e\"");
    expect_name(NAME_MAPPING("\"{a}-{b.c}\""), "{\"a\": 1, \"b\": {\"c\": null}}", "null");
    expect_name(NAME_MAPPING("\"{a}-{b.c}\""), "{\"a\": 1, \"b\": null}", "null");
    expect_name(NAME_MAPPING("\"{a}-{b.c}\""), "{\"a\": 1}", "null");
}

Test(load_mapping, the_first_source_with_a_value_wins)
{
    expect_name(NAME_MAPPING("[\"a\", \"b\", {\"constant\": \"c\"}]"),
                "{\"a\": null, \"b\": \"x\"}", "\"x\"");
    expect_name(NAME_MAPPING("[\"a\", \"b\", {\"constant\": \"c\"}]"), "{\"a\": \"\"}", "\"\"");
    expect_name(NAME_MAPPING("[\"a\", \"b\", {\"constant\": \"c\"}]"), "{}", "\"c\"");
    expect_name(NAME_MAPPING("[[\"a\"], \"{b}\"]"), "{}", "null");
}

Test(load_mapping, values_translate_texts)
{
    expect_name(NAME_MAPPING("{\"from\": \"a\", \"values\": {\"x\": \"y\"}}"), "{\"a\": \"x\"}",
                "\"y\"");
    expect_name(NAME_MAPPING("{\"from\": \"a\", \"values\": {\"x\": \"y\"}}"), "{\"a\": null}",
                "null");
    expect_name(NAME_MAPPING("{\"from\": \"a\", \"values\": {\"7\": \"y\"}}"), "{\"a\": 7}",
                "\"y\"");
    expect_name(NAME_MAPPING("{\"from\": \"a\", \"values\": {\"x\": null}}"), "{\"a\": \"x\"}",
                "null");
    expect_name(NAME_MAPPING("{\"from\": \"a\", \"values\": {}, \"other\": \"keep\"}"),
                "{\"a\": \"z\"}", "\"z\"");
    expect_name(NAME_MAPPING("{\"from\": \"a\", \"values\": {}, \"other\": \"null\"}"),
                "{\"a\": \"z\"}", "null");
    expect_name(NAME_MAPPING("[{\"from\": \"a\", \"values\": {}, \"other\": \"null\"}, \"b\"]"),
                "{\"a\": \"z\", \"b\": \"w\"}", "\"w\"");
}

Test(load_mapping, one_list_feeds_two_types)
{
    static const char mapping[] =
        "{\"rules\": ["
        "{\"list\": \"l\", \"type\": \"Pair\", \"fields\": {\"item\": \"id\", \"tags\": "
        "\"all.tags.name\"}},"
        "{\"list\": \"l\", \"type\": \"Item\", \"fields\": {\"id\": \"id\", \"kind\": \"kind\","
        "\"parent\": {\"from\": \"up\", \"missing\": \"null\"}}}]}";
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    uint64_t rows;
    apply_schema(db, sdl);
    OK(load_pieces(db, mapping,
                   INPUTS({"d", "{\"l\": [{\"id\": 1, \"kind\": \"A\", \"up\": 2, \"all\": ["
                                "{\"tags\": [{\"name\": \"x\"}, {}, {\"name\": \"y\"}]}, null,"
                                "{\"tags\": {\"name\": [\"z\", null]}}]},"
                                "{\"id\": 2, \"kind\": \"B\", \"up\": 3}]}"}),
                   1, &rows, &err));
    cr_assert_eq(rows, 4);
    expect_answer(db, "{ pairs { items { tags item { kind parent { id parent { id } } } } } }",
                  "{\"pairs\":{\"items\":[{\"tags\":[\"x\",\"y\",\"z\"],\"item\":{\"kind\":\"A\","
                  "\"parent\":{\"id\":\"2\",\"parent\":null}}},"
                  "{\"tags\":null,\"item\":{\"kind\":\"B\",\"parent\":null}}]}}");
    close_db(db);
}
