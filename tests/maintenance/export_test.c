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
    }
    if (text->bytes == NULL) {
        return QUIRE_NO_MEMORY;
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

struct parts {
    struct text text;
    char names[4][32];
    char *bytes[4];
    size_t count;
};

static quire_status take_part(void *context, const char *type, const char *bytes, size_t size,
                              quire_error *err)
{
    struct parts *parts = context;
    if (parts->count == 0 || strcmp(parts->names[parts->count - 1], type) != 0) {
        cr_assert_lt(parts->count, 4);
        (void)snprintf(parts->names[parts->count], sizeof parts->names[0], "%s", type);
        parts->bytes[parts->count++] = NULL;
        parts->text = (struct text){.bytes = NULL};
    }
    quire_status status = take(&parts->text, type, bytes, size, err);
    parts->bytes[parts->count - 1] = parts->text.bytes;
    return status;
}

/* Exports in a format, loads it into a new database, and makes a row there. */
static void expect_next_number(quire_db *db, quire_export_format format, bool split)
{
    static const char *const suffixes[] = {"json", "jsonl", "csv"};
    quire_error err = QUIRE_ERROR_INIT;
    quire_export_options options = QUIRE_EXPORT_OPTIONS_INIT;
    struct parts parts = {.count = 0};
    struct input inputs[5] = {{NULL, NULL}};
    char names[4][40];
    uint64_t rows;
    quire_txn *txn;
    options.format = format;
    options.split = split;
    OK(quire_begin(db, QUIRE_READ, &txn, &err));
    if (split) {
        OK(quire_export(txn, &options, take_part, &parts, &rows, &err));
    } else {
        OK(quire_export(txn, &options, take, &parts.text, &rows, &err));
        parts.bytes[parts.count++] = parts.text.bytes;
    }
    quire_rollback(txn);
    cr_assert_eq(rows, 2);
    for (size_t i = 0; i < parts.count; i++) {
        (void)snprintf(names[i], sizeof names[i], "%s.%s", split ? parts.names[i] : "all",
                       suffixes[format]);
        inputs[i] = (struct input){names[i], parts.bytes[i]};
    }
    quire_db *again = open_db(":memory:", NULL);
    char *sdl = schema_of(db);
    apply_schema(again, sdl);
    quire_free(sdl);
    OK(load(again, NULL, inputs, &err));
    quire_free(ask(again, "mutation { createBill(input: {}) { number } }"));
    expect_answer(again, "{ bills { items { number } } }",
                  "{\"bills\":{\"items\":[{\"number\":1},{\"number\":2},{\"number\":6}]}}");
    close_db(again);
    for (size_t i = 0; i < parts.count; i++) {
        free(parts.bytes[i]);
    }
}

Test(export, numbers_that_were_deleted__are_not_given_again)
{
    quire_db *db = open_db(":memory:", NULL);
    apply_schema(db, "type Bill { number: Int! @id @default(expr: \"autoincrement()\") }\n"
                     "type Other { id: ID! n: BigInt! @default(expr: \"autoincrement()\") }");
    quire_free(ask(db, "mutation { createBills(inputs: [{}, {}, {}, {}, {}]) { affectedRows }"
                       " deleteBills(where: {number: {gt: 2}}) { affectedRows } }"));
    for (int format = 0; format < 3; format++) {
        expect_next_number(db, (quire_export_format)format, true);
    }
    expect_next_number(db, QUIRE_EXPORT_JSON, false);
    expect_next_number(db, QUIRE_EXPORT_JSON_LINES, false);
    close_db(expect_round_trip(db, 2));
    close_db(db);
}

Test(export, numbers_that_nothing_counts__are_refused)
{
    static const char *const wrong[] = {
        "{\"__numbers\": [{\"field\": \"Bill.name\", \"number\": \"1\"}]}",
        "{\"__numbers\": [{\"field\": \"Bill.number\", \"number\": \"-1\"}]}",
        "{\"__numbers\": [{\"field\": \"Bill.number\", \"number\": \"9223372036854775808\"}]}",
        "{\"__numbers\": [{\"field\": \"\", \"number\": 4}]}",
        "{\"__numbers\": [{\"field\": \"Bill.number\"}]}",
        "{\"__numbers\": [{\"field\": \"Bill.number\", \"number\": 4, \"x\": 1}]}",
    };
    quire_db *db = open_db(":memory:", NULL);
    apply_schema(db, "type Bill { number: Int! @id @default(expr: \"autoincrement()\")"
                     " name: String }");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        cr_assert_eq(load(db, NULL, INPUTS({"in", wrong[i]}), &err), QUIRE_DATA, "%s", wrong[i]);
        cr_assert_not_null(strstr(err.message, "__numbers"), "%s", err.message);
        cr_assert_eq(err.line, 1);
    }
    close_db(db);
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
