/*
 * Data that does not fit: the status, the exact place, words that help, and
 * nothing stored.
 */
#include "load_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/temp_dir.h"

static const char sdl[] = "enum Color { RED GREEN }\n"
                          "type Thing {\n"
                          "  id: ID! @id\n"
                          "  name: String!\n"
                          "  number: Int\n"
                          "  big: BigInt\n"
                          "  real: Float\n"
                          "  flag: Boolean\n"
                          "  color: Color\n"
                          "  colors: [Color!]\n"
                          "  code: String @unique\n"
                          "  parent: Thing\n"
                          "  twin: Thing @unique\n"
                          "  boxes: [Box!]!\n"
                          "  notes: [Note!]!\n"
                          "}\n"
                          "type Box { key: Int! @id things: [Thing!]! }\n"
                          "type Note { id: ID! thing: Thing! }\n";

/* A row whose second line is `text`. */
#define REFUSED_MEMBER(text, wanted, column_, says_)                                               \
    REFUSED(.sdl = sdl,                                                                            \
            .inputs = INPUTS(                                                                      \
                {"in/data.json", "{\"Thing\": [{\"id\": \"1\", \"name\": \"n\",\n" text "}]}"}),   \
            .status = QUIRE_##wanted, .file = "in/data.json", .line = 2, .column = (column_),      \
            .says = (says_))

#define REFUSED_TEXT(text, wanted, line_, column_, says_)                                          \
    REFUSED(.sdl = sdl, .inputs = INPUTS({"data.json", text}), .status = QUIRE_##wanted,           \
            .file = "data.json", .line = (line_), .column = (column_), .says = (says_))

Test(load_errors, wrong_kinds_of_values)
{
    REFUSED_MEMBER("\"number\": \"7\"", DATA, 11, "Thing.number: Int cannot represent");
    REFUSED_MEMBER("\"number\": 1.5", DATA, 11, "non-integer value: 1.5");
    REFUSED_MEMBER("\"number\": 2147483648", DATA, 11, "32-bit");
    REFUSED_MEMBER("\"number\": -2147483649", DATA, 11, "32-bit");
    REFUSED_MEMBER("\"number\": [1]", DATA, 11, "Thing.number");
    REFUSED_MEMBER("\"big\": 9223372036854775808", DATA, 8, "64 bits");
    REFUSED_MEMBER("\"big\": 1.0", DATA, 8, "64 bits");
    REFUSED_MEMBER("\"big\": true", DATA, 8, "64 bits");
    REFUSED_MEMBER("\"real\": \"1\"", DATA, 9, "Float cannot represent");
    REFUSED_MEMBER("\"real\": 1e999", DATA, 9, "Float cannot represent");
    REFUSED_MEMBER("\"flag\": 1", DATA, 9, "Boolean cannot represent");
    REFUSED_MEMBER("\"code\": 1", DATA, 9, "String cannot represent a non string value: 1");
    REFUSED_MEMBER("\"code\": {\"a\": 1}", DATA, 9, "String cannot represent");
    REFUSED_TEXT("{\"Thing\": [{\"id\": true, \"name\": \"n\"}]}", DATA, 1, 19, "ID cannot");
}

Test(load_errors, wrong_enum_values_and_lists)
{
    REFUSED_MEMBER("\"color\": \"GRENE\"", DATA, 10, "Did you mean the enum value \"GREEN\"");
    REFUSED_MEMBER("\"color\": 1", DATA, 10, "Color");
    REFUSED_MEMBER("\"colors\": \"RED\"", DATA, 11, "Thing.colors is a list, but this is a string");
}

Test(load_errors, an_element_of_a_list_has_its_own_place)
{
    REFUSED_TEXT("{\"Thing\": [{\"id\": \"1\", \"name\": \"n\", \"colors\": [\"RED\",\n  null]}]}",
                 NOT_NULL, 2, 3, "An element of Thing.colors");
    REFUSED_TEXT("{\"Thing\": [{\"id\": \"1\", \"name\": \"n\", \"colors\": [\"RED\",\n  7]}]}",
                 DATA, 2, 3, "Color");
}

Test(load_errors, columns_count_code_points)
{
    REFUSED_MEMBER("\"code\": \"\xC3\xA4\xF0\x9F\x87\xA6\", \"flag\": 0", DATA, 23, "Boolean");
}

Test(load_errors, unknown_types_and_fields)
{
    REFUSED_TEXT("{\n  \"Thingy\": []}", DATA, 2, 3, "no type \"Thingy\". Did you mean \"Thing\"?");
    REFUSED_MEMBER("\"nmae\": \"x\"", DATA, 1, "no field \"nmae\". Did you mean \"name\"");
    REFUSED_MEMBER("\"boxId\": 1", DATA, 1, "no field \"boxId\"");
    REFUSED_MEMBER("\"notes\": []", DATA, 1, "is the other side of Note.thing");
    REFUSED_TEXT("{\"Query\": []}", DATA, 1, 2, "no type \"Query\"");
}

Test(load_errors, long_names_are_cut_between_characters)
{
    char name[200];
    char text[300];
    for (size_t i = 0; i < 198; i += 2) {
        memcpy(name + i, "\xC3\xA4", 3);
    }
    snprintf(text, sizeof text, "{\"Thing\": [{\"n%s\": 1}]}", name);
    REFUSED_TEXT(text, DATA, 1, 13, "\xC3\xA4\".");
}

Test(load_errors, names_given_twice)
{
    REFUSED_MEMBER("\"flag\": true, \"flag\": true", DATA, 15, "names \"flag\" twice");
    REFUSED_MEMBER("\"parent\": \"1\", \"parentId\": \"1\"", DATA, 16,
                   "Thing.parent is given twice");
    REFUSED_MEMBER("\"boxes\": [], \"boxIds\": []", DATA, 14, "Thing.boxes is given twice");
    REFUSED_TEXT("{\"Thing\": [], \n\"Box\": [], \"Thing\": []}", DATA, 2, 21,
                 "the list \"Thing\" twice");
    REFUSED_TEXT(
        "{\"Thing\": [{\"a0\":0,\"a1\":0,\"a2\":0,\"a3\":0,\"a4\":0,\"a5\":0,\"a6\":0,\"a7\":0,"
        "\"a8\":0,\"a9\":0,\"b0\":0,\"b1\":0,\"b2\":0,\"b3\":0,\"b4\":0,\"b5\":0,\"b6\":0,\n"
        "\"b7\":0,\"a3\":0}]}",
        DATA, 2, 8, "names \"a3\" twice");
}

Test(load_errors, required_fields)
{
    REFUSED_TEXT("{\"Thing\": [\n  {\"id\": \"1\"}]}", NOT_NULL, 2, 3,
                 "Thing.name is required and has no value");
    REFUSED_TEXT("{\"Thing\": [\n  {\"id\": \"1\", \"name\": null}]}", NOT_NULL, 2, 23,
                 "Thing.name is required and cannot be null");
    REFUSED_TEXT("{\"Note\": [\n  {\"id\": \"1\"}]}", NOT_NULL, 2, 3, "Note.thing");
    REFUSED_TEXT("{\"Box\": [{\"things\": []}]}", NOT_NULL, 1, 10, "Box.key");
}

Test(load_errors, keys_that_exist)
{
    REFUSED_TEXT(
        "{\"Thing\": [{\"id\": \"1\", \"name\": \"a\"},\n {\"name\": \"b\", \"id\": \"1\"}]}",
        UNIQUE, 2, 22, "Thing");
    REFUSED_TEXT("{\"Thing\": [{\"id\": \"1\", \"name\": \"a\", \"code\": \"c\"},\n"
                 " {\"id\": \"2\", \"code\": \"c\", \"name\": \"b\"}]}",
                 UNIQUE, 2, 22, "\"c\"");
    REFUSED_TEXT("{\"Box\": [{\"key\": 1},\n {\"key\": 1}]}", UNIQUE, 2, 10, "Box");
    REFUSED_TEXT("{\"Thing\": [{\"id\": \"1\", \"name\": \"a\"},\n"
                 "{\"id\": \"2\", \"name\": \"a\", \"twin\": \"1\"},\n"
                 "{\"id\": \"3\", \"name\": \"a\", \"twin\": \"1\"}]}",
                 UNIQUE, 3, 34, "twin");
    /* The same when both references wait. */
    REFUSED_TEXT("{\"Thing\": [{\"id\": \"1\", \"name\": \"a\", \"twin\": \"3\"},\n"
                 "{\"id\": \"2\", \"name\": \"a\", \"twin\": \"3\"},\n"
                 "{\"id\": \"3\", \"name\": \"a\"}]}",
                 UNIQUE, 2, 34, "twin");
}

Test(load_errors, rows_that_are_missing)
{
    REFUSED_MEMBER("\"parent\": \"x\"", FOREIGN_KEY, 11,
                   "Thing.parent refers to \"x\", but no row of Thing has that id");
    REFUSED_TEXT("{\"Note\": [{\"id\": \"1\",\n \"thing\": 5}]}", FOREIGN_KEY, 2, 11,
                 "Note.thing refers to \"5\"");
}

Test(load_errors, links_that_are_wrong)
{
    REFUSED_TEXT("{\"Thing\": [{\"id\": \"1\", \"name\": \"n\", \"boxes\": [\n4]}]}", FOREIGN_KEY,
                 2, 1, "Thing.boxes refers to \"4\", but no row of Box has that key");
    REFUSED_MEMBER("\"boxes\": 4", DATA, 10, "takes a list of keys, but this is a number");
    REFUSED_MEMBER("\"boxes\": [null]", NOT_NULL, 11, "Thing.boxes");
    REFUSED_MEMBER("\"boxes\": [\"4\"]", DATA, 11, "Thing.boxes: Int cannot");
    REFUSED_MEMBER("\"parent\": {\"id\": \"1\"}", DATA, 11, "Thing.parent: ID cannot");
}

Test(load_errors, a_missing_row_is_reported_with_the_input_that_wants_it)
{
    REFUSED(.sdl = sdl,
            .inputs = INPUTS({"a.json", "{\"Thing\": [{\"id\": \"1\", \"name\": \"n\"}]}"},
                             {"b.json", "{\"Note\": [\n{\"thing\": \"9\"}]}"}, {"c.json", "{}"}),
            .status = QUIRE_FOREIGN_KEY, .file = "b.json", .line = 2, .column = 11,
            .says = "\"9\"");
}

Test(load_errors, texts_that_are_not_json)
{
    REFUSED_TEXT("{\"Thing\": [{\"id\": \"1\",\n \"name\": \"n\"]}", SYNTAX, 2, 13, "JSON");
    REFUSED_TEXT("{\"Thing\": [{\"id\": \"1\"", SYNTAX, 1, 22, "JSON");
    REFUSED_TEXT("", SYNTAX, 1, 1, "JSON");
    REFUSED_TEXT("{} x", SYNTAX, 1, 4, "JSON");
}

Test(load_errors, shapes_that_are_not_lists_of_objects)
{
    REFUSED_TEXT("[]", DATA, 1, 1, "an object whose members are named after types");
    REFUSED_TEXT(" 7", DATA, 1, 2, "an object whose members are named after types");
    REFUSED_TEXT("{\"Thing\": 7}", DATA, 1, 11, "a list of objects is expected");
    REFUSED_TEXT("{\"Thing\": null}", DATA, 1, 11, "a list of objects is expected");
    REFUSED_TEXT("{\"Thing\": [\n  \"1\"]}", DATA, 2, 3, "must be an object");
    REFUSED_TEXT("{\"Thing\": [[]]}", DATA, 1, 12, "must be an object");
}

Test(load_errors, nesting_has_a_limit)
{
    char text[700];
    size_t size = (size_t)snprintf(text, sizeof text, "{\"Thing\":\n[{\"id\": ");
    memset(text + size, '[', 250);
    text[size + 250] = '\0';
    REFUSED_TEXT(text, LIMIT, 2, 206, "nested too deeply");
}

Test(load_errors, long_values_are_stored_or_refused_with_their_place)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    size_t size = 3 << 20;
    size_t room = size + 100;
    char *text = malloc(room);
    apply_schema(db, sdl);
    size_t used = (size_t)snprintf(text, room, "{\"Thing\": [{\"id\": \"1\", \"name\": \"");
    memset(text + used, 'v', size);
    snprintf(text + used + size, room - used - size, "\"}]}");
    OK(load(db, NULL, INPUTS({"d", text}), &err));
    expect_answer(db, "{ things(where: {name: {startsWith: \"vvv\"}}) { totalCount } }",
                  "{\"things\":{\"totalCount\":1}}");
    free(text);
    close_db(db);
}

Test(load_errors, a_database_without_types_takes_nothing)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    quire_txn *txn;
    quire_loader *loader;
    OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
    cr_assert_eq(quire_loader_open(txn, NULL, &loader, &err), QUIRE_SCHEMA);
    cr_assert_null(loader);
    OK(quire_commit(txn, &err));
    close_db(db);
}

Test(load_errors, a_refused_load_leaves_the_one_before_as_it_was)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct temp_dir dir;
    char path[600];
    temp_dir_create(&dir);
    temp_dir_file(&dir, "x.quire", path, sizeof path);
    quire_db *db = open_db(path, NULL);
    apply_schema(db, sdl);
    OK(load(db, NULL, INPUTS({"1", "{\"Thing\": [{\"id\": \"1\", \"name\": \"a\"}]}"}), &err));
    quire_status status =
        load(db, NULL,
             INPUTS({"2", "{\"Thing\": [{\"id\": \"2\", \"name\": \"b\", \"parent\": \"1\"}],"
                          "\"Note\": [{\"thing\": \"2\"}], \"Box\": [{\"key\": 1, \"things\": "
                          "[\"1\", \"2\"]}]}"},
                    {"3", "{\"Thing\": [{\"id\": \"1\", \"name\": \"b\"}]}"}),
             &err);
    cr_assert_eq(status, QUIRE_UNIQUE);
    cr_assert_str_eq(err.file, "3");
    close_db(db);
    db = open_db(path, NULL);
    expect_answer(db,
                  "{ things { items { id boxes { totalCount } notes { totalCount } } } "
                  "notes { totalCount } boxes { totalCount } }",
                  "{\"things\":{\"items\":[{\"id\":\"1\",\"boxes\":{\"totalCount\":0},\"notes\":"
                  "{\"totalCount\":0}}]},\"notes\":{\"totalCount\":0},\"boxes\":"
                  "{\"totalCount\":0}}");
    OK(load(db, NULL, INPUTS({"4", "{\"Thing\": [{\"id\": \"2\", \"name\": \"a\"}]}"}), &err));
    close_db(db);
    temp_dir_remove(&dir);
}

Test(load_errors, calls_out_of_order_are_misuse)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    quire_txn *txn;
    quire_loader *loader;
    uint64_t rows;
    apply_schema(db, sdl);
    OK(quire_begin(db, QUIRE_READ, &txn, &err));
    cr_assert_eq(quire_loader_open(txn, NULL, &loader, &err), QUIRE_MISUSE);
    OK(quire_commit(txn, &err));
    OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
    OK(quire_loader_open(txn, NULL, &loader, &err));
    cr_assert_eq(quire_loader_feed(loader, "{}", 2, &err), QUIRE_MISUSE);
    cr_assert_eq(quire_loader_end(loader, &err), QUIRE_MISUSE);
    OK(quire_loader_begin(loader, "x", &err));
    cr_assert_eq(quire_loader_begin(loader, "y", &err), QUIRE_MISUSE);
    cr_assert_eq(quire_loader_feed(loader, NULL, 2, &err), QUIRE_MISUSE);
    cr_assert_eq(quire_loader_finish(loader, &rows, &err), QUIRE_MISUSE);
    OK(quire_loader_feed(loader, "{}", 2, &err));
    OK(quire_loader_end(loader, &err));
    OK(quire_loader_finish(loader, NULL, &err));
    cr_assert_eq(quire_loader_begin(loader, "z", &err), QUIRE_MISUSE);
    cr_assert_eq(quire_loader_finish(NULL, &rows, &err), QUIRE_MISUSE);
    quire_loader_close(loader);
    quire_loader_close(NULL);
    OK(quire_commit(txn, &err));
    close_db(db);
}

Test(load_errors, a_load_that_failed_or_was_left_cannot_be_committed)
{
    static const char row[] = "{\"Thing\": [{\"id\": \"1\", \"name\": \"n\"}], ";
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    apply_schema(db, sdl);
    for (int fails = 0; fails < 2; fails++) {
        quire_txn *txn;
        quire_loader *loader;
        OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
        OK(quire_loader_open(txn, NULL, &loader, &err));
        OK(quire_loader_begin(loader, "x", &err));
        OK(quire_loader_feed(loader, row, strlen(row), &err));
        if (fails == 1) {
            cr_assert_eq(quire_loader_feed(loader, "\"Nothing\"", 9, &err), QUIRE_DATA);
            cr_assert_eq(quire_loader_feed(loader, "}", 1, &err), QUIRE_TXN_DOOMED);
        }
        quire_loader_close(loader);
        cr_assert_eq(quire_commit(txn, &err), QUIRE_TXN_DOOMED);
        expect_answer(db, "{ things { totalCount } }", "{\"things\":{\"totalCount\":0}}");
    }
    close_db(db);
}
