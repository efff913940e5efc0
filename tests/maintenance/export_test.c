/*
 * Export: what it writes is read back by the loader into an equal database.
 */
#include "load/load_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char *bytes;
    size_t size, capacity;
    size_t pieces;
    size_t fail_at; /* piece that is refused; 0: none */
};

static quire_status take(void *context, const char *type, const char *bytes, size_t size,
                         quire_error *err)
{
    struct text *text = context;
    (void)type;
    if (++text->pieces == text->fail_at) {
        err->status = QUIRE_IO;
        (void)snprintf(err->message, sizeof err->message, "The disk of the test is full.");
        return QUIRE_IO;
    }
    if (text->size + size + 1 > text->capacity) {
        text->capacity = 2 * (text->size + size + 1);
        text->bytes = realloc(text->bytes, text->capacity);
        cr_assert_not_null(text->bytes);
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
    return QUIRE_OK;
}

static struct text export_db(quire_db *db, uint64_t *rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct text text = {.bytes = NULL};
    quire_txn *txn;
    OK(quire_begin(db, QUIRE_READ, &txn, &err));
    OK(quire_export(txn, NULL, take, &text, rows, &err));
    quire_rollback(txn);
    return text;
}

static char *schema_of(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    char *sdl;
    size_t size;
    OK(quire_begin(db, QUIRE_READ, &txn, &err));
    OK(quire_schema_text(txn, QUIRE_SCHEMA_SOURCE, &sdl, &size, &err));
    quire_rollback(txn);
    return sdl;
}

/* Loads an export into a new database with the same schema. */
static quire_db *load_again(quire_db *db, const struct text *text)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *again = open_db(":memory:", NULL);
    char *sdl = schema_of(db);
    apply_schema(again, sdl);
    quire_free(sdl);
    OK(load_pieces(again, NULL, INPUTS({"export", text->bytes}), 0, NULL, &err));
    return again;
}

/* Exporting, loading and exporting again gives the same text; returns the second database. */
static quire_db *expect_round_trip(quire_db *db, uint64_t expected_rows)
{
    uint64_t rows = 0;
    uint64_t rows_again = 0;
    struct text text = export_db(db, &rows);
    cr_assert_eq(rows, expected_rows, "%llu rows", (unsigned long long)rows);
    quire_db *again = load_again(db, &text);
    struct text second = export_db(again, &rows_again);
    cr_assert_eq(rows_again, rows);
    cr_assert_str_eq(second.bytes, text.bytes);
    free(text.bytes);
    free(second.bytes);
    return again;
}

static quire_db *load_example(const char *schema, const char *mapping, const struct input *inputs,
                              uint64_t *rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(":memory:", NULL);
    char *sdl = read_file(schema);
    char *map = read_file(mapping);
    cr_assert(sdl != NULL && map != NULL);
    apply_schema(db, sdl);
    OK(load_pieces(db, map, inputs, 0, rows, &err));
    free(sdl);
    free(map);
    return db;
}

static void expect_same_answer(quire_db *a, quire_db *b, const char *query)
{
    char *first = ask(a, query);
    char *second = ask(b, query);
    cr_assert_str_eq(first, second);
    cr_assert(strstr(first, "\"errors\"") == NULL, "%.300s", first);
    quire_free(first);
    quire_free(second);
}

Test(export, library__comes_back_whole)
{
    static const struct input inputs[] = {{EXAMPLES "/library/catalogue.json", NULL},
                                          {EXAMPLES "/library/copies.json", NULL},
                                          {NULL, NULL}};
    uint64_t rows;
    quire_db *db = load_example(EXAMPLES "/library/schema.graphql",
                                EXAMPLES "/library/mapping.json", inputs, &rows);
    quire_db *again = expect_round_trip(db, rows);
    expect_same_answer(
        db, again,
        "{ books { items { isbn title pages price genre tags shelf { code } "
        "authors { items { id name } } } } copies { items { barcode lost next { barcode } } } }");
    close_db(db);
    close_db(again);
}

Test(export, iso_codes__come_back_whole)
{
    static const struct input inputs[] = {{ISO_CODES "/iso_639-2.json", NULL},
                                          {ISO_CODES "/iso_639-3.json", NULL},
                                          {ISO_CODES "/iso_639-5.json", NULL},
                                          {ISO_CODES "/iso_3166-1.json", NULL},
                                          {ISO_CODES "/iso_3166-2.json", NULL},
                                          {ISO_CODES "/iso_3166-3.json", NULL},
                                          {ISO_CODES "/iso_4217.json", NULL},
                                          {ISO_CODES "/iso_15924.json", NULL},
                                          {NULL, NULL}};
    char *present = read_file(ISO_CODES "/iso_639-2.json");
    if (present == NULL) {
        cr_skip_test("the iso-codes package is not installed");
    }
    free(present);
    uint64_t rows;
    quire_db *db = load_example(EXAMPLES "/iso-codes/schema.graphql",
                                EXAMPLES "/iso-codes/mapping.json", inputs, &rows);
    quire_db *again = expect_round_trip(db, rows);
    expect_same_answer(db, again, "{ countries { totalCount items { alpha2 name } } }");
    close_db(db);
    close_db(again);
}

Test(export, every_kind_of_value__comes_back)
{
    quire_error err = QUIRE_ERROR_INIT;
    static const char sdl[] =
        "scalar Json  enum Color { RED GREEN }\n"
        "type Thing { id: ID! @id  text: String  number: Int @default(value: 7)  big: BigInt\n"
        "  real: Float  yes: Boolean  color: Color  any: Json  words: [String!]\n"
        "  numbers: [Int]  next: Thing  notes: [Note!]! }\n"
        "type Note { text: String! @id  things: [Thing!]! }";
    static const char data[] =
        "{\"Thing\":[{\"id\":\"a\",\"text\":\"\\u0000 \\\"q\\\" \\n\\u00e9\\ud83d\\ude00\","
        "\"number\":null,\"big\":\"-9223372036854775808\",\"real\":0.1,\"yes\":false,"
        "\"color\":\"GREEN\",\"any\":{\"x\":[1,null,\"y\"]},\"words\":[],\"numbers\":[1,null,-3],"
        "\"next\":\"c\",\"notes\":[\"second\",\"first\"]},"
        "{\"id\":\"b\",\"number\":-5,\"real\":1e300,\"words\":[\"one\",\"two\"]},"
        "{\"id\":\"c\",\"next\":\"a\",\"notes\":[\"first\"]}],"
        "\"Note\":[{\"text\":\"first\"},{\"text\":\"second\"}]}";
    quire_db *db = open_db(":memory:", NULL);
    apply_schema(db, sdl);
    OK(load(db, NULL, INPUTS({"data", data}), &err));
    quire_db *again = expect_round_trip(db, 5);
    expect_same_answer(db, again,
                       "{ things { items { id text number big real yes color any words numbers "
                       "next { id } notes { items { text things { items { id } } } } } } }");
    close_db(db);
    close_db(again);
}

Test(export, database_without_schema__is_an_empty_object)
{
    uint64_t rows = 99;
    quire_db *db = open_db(":memory:", NULL);
    struct text text = export_db(db, &rows);
    cr_assert_str_eq(text.bytes, "{\n}\n");
    cr_assert_eq(rows, 0);
    free(text.bytes);
    close_db(db);
}

Test(export, refusal_of_the_callback__ends_it)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct text text = {.fail_at = 1};
    quire_txn *txn;
    quire_db *db = open_db(":memory:", NULL);
    OK(quire_begin(db, QUIRE_READ, &txn, &err));
    cr_assert_eq(quire_export(txn, NULL, take, &text, NULL, &err), QUIRE_IO);
    cr_assert_str_eq(err.message, "The disk of the test is full.");
    cr_assert_eq(quire_export(txn, NULL, NULL, NULL, NULL, &err), QUIRE_MISUSE);
    quire_rollback(txn);
    close_db(db);
}
