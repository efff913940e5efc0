/*
 * Round trips: databases of random schemas and rows are exported in every
 * format and loaded again, into empty databases and over other rows, and come
 * out the same. Where the rows were written as an export writes them, the
 * first export is compared with that text too.
 */
#include "base/error.h"
#include "load/load_fixture.h"
#include "support/prng.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPES_MAX = 4, FIELDS_MAX = 8, ROWS_MAX = 40 };

/* ---- texts ---- */

struct text {
    char *bytes;
    size_t size, capacity;
};

static void append_bytes(struct text *text, const char *bytes, size_t size)
{
    if (text->size + size + 1 > text->capacity) {
        text->capacity = 2 * (text->size + size + 1);
        text->bytes = realloc(text->bytes, text->capacity);
        cr_assert_not_null(text->bytes);
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
}

static void QR_PRINTF(2, 3) append(struct text *text, const char *format, ...)
{
    char piece[512];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    cr_assert(size >= 0 && (size_t)size < sizeof piece);
    append_bytes(text, piece, (size_t)size);
}

/* ---- schemas ---- */

enum kind { STRING, INT, FLOAT, BOOLEAN, BIGINT, ENUM, ANY, REFERENCE, LINKS, KINDS };

struct field {
    enum kind kind;
    bool list, element_required, required, unique;
    unsigned target; /* REFERENCE, LINKS: a type */
};

struct type {
    enum kind key; /* STRING, INT, BIGINT */
    struct field fields[FIELDS_MAX];
    unsigned field_count;
    unsigned rows;
};

struct world {
    struct prng prng;
    struct type types[TYPES_MAX];
    unsigned type_count;
    bool has_links;
    struct text sdl, data;
};

static unsigned below(struct world *w, unsigned bound)
{
    return (unsigned)prng_below(&w->prng, bound);
}

static bool one_in(struct world *w, unsigned n)
{
    return prng_one_in(&w->prng, n);
}

static void make_field(struct world *w, struct field *field)
{
    field->kind = (enum kind)below(w, KINDS);
    field->required = one_in(w, 3);
    field->list = field->kind < REFERENCE && one_in(w, 3);
    field->element_required = one_in(w, 2);
    field->target = below(w, w->type_count);
    field->unique = field->kind == REFERENCE && !field->required && one_in(w, 4);
    w->has_links = w->has_links || field->kind == LINKS;
}

static void print_field(struct world *w, unsigned type, unsigned number)
{
    static const char *const names[] = {"String", "Int",   "Float", "Boolean",
                                        "BigInt", "Shade", "Any"};
    const struct field *field = &w->types[type].fields[number];
    const char *required = field->required ? "!" : "";
    append(&w->sdl, "  f%u: ", number);
    if (field->kind == REFERENCE) {
        append(&w->sdl, "T%u%s%s\n", field->target, required, field->unique ? " @unique" : "");
    } else if (field->kind == LINKS) {
        append(&w->sdl, "[T%u!]!\n", field->target);
    } else if (field->list) {
        append(&w->sdl, "[%s%s]%s\n", names[field->kind], field->element_required ? "!" : "",
               required);
    } else {
        append(&w->sdl, "%s%s\n", names[field->kind], required);
    }
}

/* A list of a type that refers back is the other side of that reference, and two lists that refer
 * to each other are one relation: so a pair of types has one relation at most that is a list. */
static bool is_ambiguous(const struct world *w, unsigned type, unsigned number)
{
    const struct field *field = &w->types[type].fields[number];
    for (unsigned t = 0; t < w->type_count; t++) {
        for (unsigned f = 0; f < w->types[t].field_count; f++) {
            const struct field *other = &w->types[t].fields[f];
            bool same = t == type && f == number;
            bool pair = (t == type && other->target == field->target) ||
                        (t == field->target && other->target == type);
            if (!same && pair && other->kind >= REFERENCE &&
                (field->kind == LINKS || other->kind == LINKS)) {
                return true;
            }
        }
    }
    return field->kind == LINKS && field->target == type;
}

static void make_schema(struct world *w)
{
    w->type_count = 1 + below(w, TYPES_MAX);
    append(&w->sdl, "enum Shade { RED BLUE DARK_GREEN }\nscalar Any\n");
    for (unsigned t = 0; t < w->type_count; t++) {
        static const enum kind keys[] = {STRING, INT, BIGINT};
        struct type *type = &w->types[t];
        type->key = keys[below(w, 3)];
        type->rows = one_in(w, 6) ? 0 : 1 + below(w, ROWS_MAX);
        type->field_count = below(w, FIELDS_MAX + 1);
        for (unsigned f = 0; f < type->field_count; f++) {
            make_field(w, &type->fields[f]);
        }
    }
    for (unsigned t = 0; t < w->type_count; t++) {
        struct type *type = &w->types[t];
        append(&w->sdl, "type T%u {\n  key: %s! @id\n", t,
               type->key == STRING ? "String"
               : type->key == INT  ? "Int"
                                   : "BigInt");
        for (unsigned f = 0; f < type->field_count; f++) {
            struct field *field = &type->fields[f];
            bool empty = field->kind == REFERENCE && w->types[field->target].rows == 0;
            if (is_ambiguous(w, t, f)) {
                *field = (struct field){.kind = STRING};
            } else if (empty || (field->kind == REFERENCE && field->unique)) {
                field->required = false;
            }
            print_field(w, t, f);
        }
        append(&w->sdl, "}\n");
    }
}

/* ---- rows ---- */

static void put_string(struct world *w)
{
    static const char *const parts[] = {"a",   "B c",    ",",        "\\\"", "\\\\",
                                        "\\n", "\\r\\n", "\xC3\xA9", ";",    "\xF0\x9F\x98\x80",
                                        " ",   "null"};
    unsigned count = below(w, 5);
    append(&w->data, "\"");
    for (unsigned i = 0; i < count; i++) {
        append(&w->data, "%s", parts[below(w, sizeof parts / sizeof parts[0])]);
    }
    append(&w->data, "\"");
}

static void put_any(struct world *w)
{
    static const char *const values[] = {
        "12345678901234567890.1234567890123456789",    "\"\"", "{}", "[null,true]",
        "{\"a\":{\"b\":[1,{\"c\":\"x,\\\"y\\\"\"}]}}", "false"};
    unsigned depth = one_in(w, 4) ? 1 + below(w, 100) : 0;
    for (unsigned i = 0; i < depth; i++) {
        append(&w->data, "[");
    }
    append(&w->data, "%s", values[below(w, sizeof values / sizeof values[0])]);
    for (unsigned i = 0; i < depth; i++) {
        append(&w->data, "]");
    }
}

static void put_scalar(struct world *w, enum kind kind)
{
    static const char *const ints[] = {"0", "-1", "2147483647", "-2147483648"};
    static const char *const bigs[] = {"0", "9007199254740993", "9223372036854775807",
                                       "-9223372036854775808"};
    static const char *const reals[] = {"0", "-2.5", "0.30000000000000004", "1234567.875"};
    static const char *const shades[] = {"RED", "BLUE", "DARK_GREEN"};
    switch (kind) {
    case INT:
        append(&w->data, "%s", ints[below(w, 4)]);
        break;
    case FLOAT:
        append(&w->data, "%s", reals[below(w, 4)]);
        break;
    case BOOLEAN:
        append(&w->data, one_in(w, 2) ? "true" : "false");
        break;
    case BIGINT:
        append(&w->data, "\"%s\"", bigs[below(w, 4)]);
        break;
    case ENUM:
        append(&w->data, "\"%s\"", shades[below(w, 3)]);
        break;
    case ANY:
        put_any(w);
        break;
    case STRING:
    case REFERENCE:
    case LINKS:
    case KINDS:
        put_string(w);
        break;
    }
}

static void put_key(struct world *w, unsigned type, unsigned row)
{
    enum kind key = w->types[type].key;
    if (key == INT) {
        append(&w->data, "%d", 7 - 3 * (int)row);
    } else if (key == BIGINT) {
        append(&w->data, "\"%s%u\"", row % 2 == 0 ? "90071992547409" : "-", row + 1);
    } else {
        append(&w->data, "\"%u, \\\"%u\\\"\"", type, row);
    }
}

static void put_list(struct world *w, const struct field *field)
{
    unsigned count = below(w, 4);
    append(&w->data, "[");
    for (unsigned i = 0; i < count; i++) {
        append(&w->data, i == 0 ? "" : ",");
        if (!field->element_required && one_in(w, 3)) {
            append(&w->data, "null");
        } else {
            put_scalar(w, field->kind);
        }
    }
    append(&w->data, "]");
}

static void put_links(struct world *w, const struct field *field)
{
    unsigned rows = w->types[field->target].rows;
    unsigned step = 1 + below(w, 5);
    unsigned first = below(w, 5);
    append(&w->data, "[");
    for (unsigned i = first; i < rows; i += step) {
        append(&w->data, i == first ? "" : ",");
        put_key(w, field->target, i);
    }
    append(&w->data, "]");
}

static void put_field(struct world *w, const struct field *field, unsigned row)
{
    if (field->kind == LINKS) {
        put_links(w, field);
    } else if (!field->required && one_in(w, 3)) {
        append(&w->data, "null");
    } else if (field->kind == REFERENCE) {
        unsigned rows = w->types[field->target].rows;
        if (rows == 0 || (field->unique && row >= rows)) {
            append(&w->data, "null");
        } else {
            put_key(w, field->target, field->unique ? rows - 1 - row : below(w, rows));
        }
    } else if (field->list) {
        put_list(w, field);
    } else {
        put_scalar(w, field->kind);
    }
}

/* The rows, as an export writes them. */
static void make_rows(struct world *w)
{
    append(&w->data, "{");
    for (unsigned t = 0; t < w->type_count; t++) {
        const struct type *type = &w->types[t];
        append(&w->data, "%s\n  \"T%u\": [", t == 0 ? "" : ",", t);
        for (unsigned r = 0; r < type->rows; r++) {
            append(&w->data, "%s\n    {\"key\":", r == 0 ? "" : ",");
            put_key(w, t, r);
            for (unsigned f = 0; f < type->field_count; f++) {
                append(&w->data, ",\"f%u\":", f);
                put_field(w, &type->fields[f], r);
            }
            append(&w->data, "}");
        }
        append(&w->data, type->rows == 0 ? "]" : "\n  ]");
    }
    append(&w->data, "\n}\n");
}

/* ---- exports ---- */

/* The texts of an export, by type or one alone. */
struct texts {
    struct text text[TYPES_MAX];
    char names[TYPES_MAX][32];
    unsigned count;
};

static quire_status take(void *context, const char *type, const char *bytes, size_t size,
                         quire_error *err)
{
    struct texts *texts = context;
    const char *name = type == NULL ? "all" : type;
    (void)err;
    if (texts->count == 0 || strcmp(texts->names[texts->count - 1], name) != 0) {
        cr_assert_lt(texts->count, (unsigned)TYPES_MAX);
        snprintf(texts->names[texts->count++], sizeof texts->names[0], "%s", name);
    }
    append_bytes(&texts->text[texts->count - 1], bytes, size);
    return QUIRE_OK;
}

static void export_as(quire_db *db, quire_export_format format, bool split, struct texts *texts)
{
    static const char *const ends[] = {".json", ".jsonl", ".csv"};
    quire_error err = QUIRE_ERROR_INIT;
    quire_export_options options = QUIRE_EXPORT_OPTIONS_INIT;
    quire_txn *txn;
    memset(texts, 0, sizeof *texts);
    options.format = format;
    options.split = split;
    OK(quire_begin(db, QUIRE_READ, &txn, &err));
    OK(quire_export(txn, &options, take, texts, NULL, &err));
    quire_rollback(txn);
    for (unsigned i = 0; i < texts->count; i++) {
        size_t size = strlen(texts->names[i]);
        snprintf(texts->names[i] + size, sizeof texts->names[i] - size, "%s", ends[format]);
    }
}

static void free_texts(struct texts *texts)
{
    for (unsigned i = 0; i < texts->count; i++) {
        free(texts->text[i].bytes);
    }
}

static void load_texts(quire_db *db, const struct texts *texts, quire_load_mode mode)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_load_options options = QUIRE_LOAD_OPTIONS_INIT;
    struct input inputs[TYPES_MAX + 1] = {{NULL, NULL}};
    options.mode = mode;
    for (unsigned i = 0; i < texts->count; i++) {
        /* The last first, so that more references wait. */
        inputs[i] = (struct input){texts->names[texts->count - 1 - i],
                                   texts->text[texts->count - 1 - i].bytes};
    }
    OK(load_with(db, &options, inputs, 0, NULL, &err));
}

static void expect_same_export(quire_db *db, const struct texts *expected, uint64_t seed)
{
    struct texts got;
    export_as(db, QUIRE_EXPORT_JSON, false, &got);
    cr_assert_str_eq(got.text[0].bytes, expected->text[0].bytes, "seed %llu: %s\nis not %s",
                     (unsigned long long)seed, got.text[0].bytes, expected->text[0].bytes);
    free_texts(&got);
}

/* What an export of a world loads as, into nothing and over other rows. */
static void check_format(quire_db *db, const struct world *w, quire_export_format format,
                         bool split, const struct texts *expected, uint64_t seed)
{
    struct texts texts;
    export_as(db, format, split, &texts);
    for (int mode = QUIRE_LOAD_INSERT; mode <= QUIRE_LOAD_REPLACE; mode++) {
        quire_db *again = open_db(":memory:", NULL);
        apply_schema(again, w->sdl.bytes);
        load_texts(again, &texts, (quire_load_mode)mode);
        expect_same_export(again, expected, seed);
        if (mode != QUIRE_LOAD_INSERT) {
            load_texts(again, &texts, (quire_load_mode)mode);
            expect_same_export(again, expected, seed);
        }
        close_db(again);
    }
    free_texts(&texts);
}

static void check_world(uint64_t seed)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct world w = {0};
    struct texts expected;
    quire_db *db = open_db(":memory:", NULL);
    prng_init(&w.prng, seed);
    make_schema(&w);
    make_rows(&w);
    apply_schema(db, w.sdl.bytes);
    OK(load(db, NULL, INPUTS({"rows", w.data.bytes}), &err));
    export_as(db, QUIRE_EXPORT_JSON, false, &expected);
    if (!w.has_links) {
        cr_assert_str_eq(expected.text[0].bytes, w.data.bytes, "seed %llu: %s\nis not %s",
                         (unsigned long long)seed, expected.text[0].bytes, w.data.bytes);
    }
    check_format(db, &w, QUIRE_EXPORT_JSON, false, &expected, seed);
    check_format(db, &w, QUIRE_EXPORT_JSON, true, &expected, seed);
    check_format(db, &w, QUIRE_EXPORT_JSON_LINES, false, &expected, seed);
    check_format(db, &w, QUIRE_EXPORT_JSON_LINES, true, &expected, seed);
    check_format(db, &w, QUIRE_EXPORT_CSV, true, &expected, seed);
    free_texts(&expected);
    free(w.sdl.bytes);
    free(w.data.bytes);
    close_db(db);
}

Test(round_trip, random_schemas_and_rows__come_back_the_same)
{
    uint64_t first = 1;
    const char *seed = getenv("QUIRE_SEED");
    if (seed != NULL) {
        first = strtoull(seed, NULL, 10);
    }
    for (uint64_t i = 0; i < (seed != NULL ? 1U : 20U); i++) {
        check_world(first + i);
    }
}
