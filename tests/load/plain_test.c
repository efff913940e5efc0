/*
 * The plain form: members named after types and fields.
 */
#include "load_fixture.h"

#include <string.h>

static const char sdl[] = "enum Color { RED GREEN }\n"
                          "scalar Json\n"
                          "type Thing {\n"
                          "  id: ID! @id\n"
                          "  text: String\n"
                          "  number: Int\n"
                          "  big: BigInt\n"
                          "  real: Float\n"
                          "  flag: Boolean\n"
                          "  color: Color\n"
                          "  colors: [Color!]\n"
                          "  numbers: [Int]\n"
                          "  json: Json\n"
                          "  size: Int! @default(value: 7)\n"
                          "  parent: Thing\n"
                          "  twin: Thing @unique\n"
                          "  categories: [Category!]!\n"
                          "}\n"
                          "type Category { name: String! @id owner: Thing! things: [Thing!]! }\n"
                          "type Log { line: String! }\n";

static quire_db *db;

static void set_up(void)
{
    db = open_db(":memory:", NULL);
    apply_schema(db, sdl);
}

static void tear_down(void)
{
    close_db(db);
}

TestSuite(plain, .init = set_up, .fini = tear_down);

static void load_text(const char *text)
{
    quire_error err = QUIRE_ERROR_INIT;
    OK(load(db, NULL, INPUTS({"data.json", text}), &err));
}

Test(plain, every_kind_of_value_is_stored)
{
    load_text("{\"Thing\": [{\"id\": 12, \"text\": \"a\\u0000\\u00e9\", \"number\": -2147483648,"
              "\"big\": 9223372036854775807, \"real\": 1e-3, \"flag\": true, \"color\": \"GREEN\","
              "\"colors\": [\"RED\", \"GREEN\"], \"numbers\": [1, null, 3],"
              "\"json\": {\"a\": [1, 2.50, \"x\", null, true]}}]}");
    expect_answer(
        db,
        "{ thing(id: \"12\") { id text number big real flag color colors numbers json "
        "size } }",
        "{\"thing\":{\"id\":\"12\",\"text\":\"a\\u0000\xC3\xA9\",\"number\":-2147483648,"
        "\"big\":\"9223372036854775807\",\"real\":0.001,\"flag\":true,\"color\":\"GREEN\","
        "\"colors\":[\"RED\",\"GREEN\"],\"numbers\":[1,null,3],"
        "\"json\":{\"a\":[1,2.50,\"x\",null,true]},\"size\":7}}");
}

Test(plain, null_and_absent_differ_only_for_defaults)
{
    load_text("{\"Thing\": [{\"id\": \"a\", \"text\": null, \"colors\": null, \"parent\": null,"
              "\"categories\": null}, {\"id\": \"b\", \"colors\": [], \"size\": 1}]}");
    expect_answer(db, "{ things { items { id text colors size parent { id } } } }",
                  "{\"things\":{\"items\":["
                  "{\"id\":\"a\",\"text\":null,\"colors\":null,\"size\":7,\"parent\":null},"
                  "{\"id\":\"b\",\"text\":null,\"colors\":[],\"size\":1,\"parent\":null}]}}");
}

Test(plain, references_take_the_name_of_field_or_column)
{
    load_text("{\"Category\": [{\"name\": \"x\", \"owner\": \"a\"}, {\"name\": \"y\", "
              "\"ownerId\": \"b\"}], \"Thing\": [{\"id\": \"a\", \"parentId\": \"b\"},"
              "{\"id\": \"b\", \"parent\": \"a\", \"twin\": \"b\"}]}");
    expect_answer(
        db, "{ categories { items { name owner { id parent { id twin { id } } } } } }",
        "{\"categories\":{\"items\":["
        "{\"name\":\"x\",\"owner\":{\"id\":\"a\",\"parent\":{\"id\":\"b\",\"twin\":"
        "{\"id\":\"b\"}}}},"
        "{\"name\":\"y\",\"owner\":{\"id\":\"b\",\"parent\":{\"id\":\"a\",\"twin\":null}}}"
        "]}}");
}

Test(plain, links_take_three_names_and_keep_their_order)
{
    load_text("{\"Thing\": [{\"id\": \"a\", \"categories\": [\"y\", \"x\", \"y\"]},"
              "{\"id\": \"b\", \"categoriesIds\": [\"x\"]},"
              "{\"id\": \"c\", \"categoryIds\": [\"z\", \"x\"]}],"
              "\"Category\": [{\"name\": \"x\", \"owner\": \"a\"}, {\"name\": \"y\", \"owner\": "
              "\"a\"}, {\"name\": \"z\", \"owner\": \"a\", \"thingIds\": [\"a\"]}]}");
    expect_answer(db, "{ things { items { id categories { items { name } } } } }",
                  "{\"things\":{\"items\":["
                  "{\"id\":\"a\",\"categories\":{\"items\":[{\"name\":\"z\"},{\"name\":\"y\"},"
                  "{\"name\":\"x\"}]}},"
                  "{\"id\":\"b\",\"categories\":{\"items\":[{\"name\":\"x\"}]}},"
                  "{\"id\":\"c\",\"categories\":{\"items\":[{\"name\":\"z\"},{\"name\":\"x\"}]}}"
                  "]}}");
}

Test(plain, a_key_that_is_left_out_is_generated)
{
    load_text("{\"Log\": [{\"line\": \"one\"}, {\"line\": \"two\"}]}");
    expect_answer(db, "{ logs { items { line } } }",
                  "{\"logs\":{\"items\":[{\"line\":\"one\"},{\"line\":\"two\"}]}}");
    char *response = ask(db, "{ logs(take: 1) { items { id } } }");
    const char *key = strstr(response, "\"id\":\"");
    cr_assert_not_null(key);
    cr_assert_eq(strcspn(key + 6, "\""), 36);
    quire_free(response);
}

Test(plain, an_object_counts_as_a_list_of_one_and_nothing_as_nothing)
{
    load_text("{\"Log\": {\"id\": \"1\", \"line\": \"only\"}, \"Thing\": []}");
    expect_answer(db, "{ logs { items { id line } } things { totalCount } }",
                  "{\"logs\":{\"items\":[{\"id\":\"1\",\"line\":\"only\"}]},\"things\":"
                  "{\"totalCount\":0}}");
    load_text("{}");
}

Test(plain, a_load_adds_to_what_is_there_and_refers_to_it)
{
    load_text("{\"Thing\": [{\"id\": \"a\"}]}");
    load_text("{\"Thing\": [{\"id\": \"b\", \"parent\": \"a\"}]}");
    expect_answer(db, "{ thing(id: \"b\") { parent { id } } }",
                  "{\"thing\":{\"parent\":{\"id\":\"a\"}}}");
}

Test(plain, inputs_refer_to_one_another)
{
    quire_error err = QUIRE_ERROR_INIT;
    uint64_t rows;
    OK(load_pieces(db, NULL,
                   INPUTS({"1.json", "{\"Category\": [{\"name\": \"x\", \"owner\": \"late\"}]}"},
                          {"2.json", "{\"Thing\": [{\"id\": \"late\", \"parent\": \"later\"}]}"},
                          {"3.json", "{\"Thing\": [{\"id\": \"later\"}]}"}),
                   0, &rows, &err));
    cr_assert_eq(rows, 3);
    expect_answer(db, "{ category(name: \"x\") { owner { id parent { id } } } }",
                  "{\"category\":{\"owner\":{\"id\":\"late\",\"parent\":{\"id\":\"later\"}}}}");
}

Test(plain, many_required_references_wait_in_a_unique_index)
{
    quire_db *other = open_db(":memory:", NULL);
    quire_error err = QUIRE_ERROR_INIT;
    apply_schema(other, "type A { id: ID! @id next: A! @unique }");
    OK(load(other, NULL,
            INPUTS({"ring.json", "{\"A\": [{\"id\": \"1\", \"next\": \"2\"}, {\"id\": \"2\","
                                 "\"next\": \"3\"}, {\"id\": \"3\", \"next\": \"1\"}]}"}),
            &err));
    expect_answer(other, "{ a(id: \"1\") { next { next { id next { id } } } } }",
                  "{\"a\":{\"next\":{\"next\":{\"id\":\"3\",\"next\":{\"id\":\"1\"}}}}}");
    close_db(other);
}

Test(plain, rows_are_counted_as_they_are_stored)
{
    quire_error err = QUIRE_ERROR_INIT;
    static const char first[] = "{\"Log\": [{\"line\": \"1\"}, {\"li";
    static const char rest[] = "ne\": \"2\"}]}";
    quire_txn *txn;
    quire_loader *loader;
    uint64_t rows;
    OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
    OK(quire_loader_open(txn, NULL, &loader, &err));
    cr_assert_eq(quire_loader_rows(loader), 0);
    OK(quire_loader_begin(loader, "x", &err));
    OK(quire_loader_feed(loader, first, strlen(first), &err));
    cr_assert_eq(quire_loader_rows(loader), 1);
    OK(quire_loader_feed(loader, NULL, 0, &err));
    OK(quire_loader_feed(loader, rest, strlen(rest), &err));
    OK(quire_loader_end(loader, &err));
    OK(quire_loader_finish(loader, &rows, &err));
    cr_assert_eq(rows, 2);
    quire_loader_close(loader);
    OK(quire_commit(txn, &err));
}

Test(plain, a_schema_of_the_same_transaction_is_loaded_into)
{
    quire_db *other = open_db(":memory:", NULL);
    quire_error err = QUIRE_ERROR_INIT;
    static const char text[] = "{\"T\": [{\"id\": \"1\"}]}";
    quire_txn *txn;
    quire_loader *loader;
    uint64_t rows;
    OK(quire_begin(other, QUIRE_WRITE, &txn, &err));
    OK(quire_schema_apply(txn, "type T { id: ID! }", 0, &err));
    OK(quire_loader_open(txn, NULL, &loader, &err));
    OK(quire_loader_begin(loader, "x", &err));
    OK(quire_loader_feed(loader, text, strlen(text), &err));
    OK(quire_loader_end(loader, &err));
    OK(quire_loader_finish(loader, &rows, &err));
    quire_loader_close(loader);
    OK(quire_commit(txn, &err));
    expect_answer(other, "{ t(id: \"1\") { id } }", "{\"t\":{\"id\":\"1\"}}");
    close_db(other);
}
