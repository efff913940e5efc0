/*
 * Random schemas changed at random: what is stored afterwards is compared, as
 * an export, with what a plain model of the change says.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "mapping_fixture.h"
#include "support/prng.h"

enum { TYPES_MAX = 4, FIELDS_MAX = 7, NEW_MAX = 2, ROWS_MAX = 12, VALUE_SIZE = 40 };

enum kind { STRING, INT, BOOLEAN, INTS, REFERENCE, KINDS };

/* What becomes of a field. */
enum fate { KEPT, RENAMED, DROPPED, CONVERTED };

struct field {
    enum kind kind;
    enum fate fate;
    const char *to; /* CONVERTED: the new type */
    bool required, now_required;
    unsigned target;                   /* REFERENCE */
    char values[ROWS_MAX][VALUE_SIZE]; /* as an export writes them */
};

struct type {
    struct field fields[FIELDS_MAX];
    unsigned field_count, new_count, rows;
    bool dropped, renamed, indexed;
    unsigned first; /* field that is declared first in the new schema */
};

struct text {
    char bytes[40000];
    size_t size;
};

struct world {
    struct prng prng;
    struct type types[TYPES_MAX];
    unsigned type_count;
    struct text old_sdl, new_sdl, before, after;
};

static void QR_PRINTF(2, 3) append(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size =
        vsnprintf(text->bytes + text->size, sizeof text->bytes - text->size, format, arguments);
    va_end(arguments);
    text->size += (size_t)size;
    cr_assert_lt(text->size, sizeof text->bytes);
}

static unsigned below(struct world *w, unsigned bound)
{
    return (unsigned)prng_below(&w->prng, bound);
}

static bool one_in(struct world *w, unsigned n)
{
    return prng_one_in(&w->prng, n);
}

/* ---- what there is, and what becomes of it ---- */

static void make_value(struct world *w, const struct field *field, char value[VALUE_SIZE])
{
    int number = (int)below(w, 2000) - 1000;
    if (!field->required && one_in(w, 3)) {
        snprintf(value, VALUE_SIZE, "null");
        return;
    }
    switch (field->kind) {
    case STRING:
        snprintf(value, VALUE_SIZE, "\"s%d\"", number);
        break;
    case INT:
        snprintf(value, VALUE_SIZE, "%d", number);
        break;
    case BOOLEAN:
        snprintf(value, VALUE_SIZE, number % 2 == 0 ? "true" : "false");
        break;
    case INTS:
        snprintf(value, VALUE_SIZE, number % 3 == 0 ? "[]" : "[%d,null]", number);
        break;
    case REFERENCE:
    case KINDS:
        snprintf(value, VALUE_SIZE, "%u", below(w, w->types[field->target].rows));
        break;
    }
}

static void make_fate(struct world *w, struct field *field)
{
    field->fate = (enum fate)below(w, 4);
    if (field->kind == REFERENCE && w->types[field->target].dropped) {
        field->fate = DROPPED;
    } else if (field->fate == CONVERTED) {
        static const char *const numbers[] = {"String", "Float", "BigInt", "ID"};
        field->to = field->kind == INT ? numbers[below(w, 4)] : field->kind == STRING ? "ID" : NULL;
        field->fate = field->to == NULL ? KEPT : CONVERTED;
    }
}

static void make_field(struct world *w, struct type *type, struct field *field)
{
    field->kind = (enum kind)below(w, KINDS);
    field->target = below(w, w->type_count);
    field->required = one_in(w, 3);
    if (field->kind == REFERENCE && w->types[field->target].rows == 0) {
        field->kind = STRING;
    }
    make_fate(w, field);
    bool has_null = false;
    for (unsigned r = 0; r < type->rows; r++) {
        make_value(w, field, field->values[r]);
        has_null = has_null || strcmp(field->values[r], "null") == 0;
    }
    field->now_required = !has_null && one_in(w, 2);
}

static void make_world(struct world *w)
{
    w->type_count = 1 + below(w, TYPES_MAX);
    for (unsigned t = 0; t < w->type_count; t++) {
        struct type *type = &w->types[t];
        type->rows = below(w, ROWS_MAX + 1);
        type->dropped = t > 0 && one_in(w, 5);
        type->renamed = one_in(w, 3);
        type->new_count = below(w, NEW_MAX + 1);
        type->field_count = below(w, FIELDS_MAX + 1);
        type->first = type->field_count > 0 ? below(w, type->field_count) : 0;
        type->indexed = one_in(w, 2);
    }
    for (unsigned t = 0; t < w->type_count; t++) {
        for (unsigned f = 0; f < w->types[t].field_count; f++) {
            make_field(w, &w->types[t], &w->types[t].fields[f]);
        }
    }
}

/* ---- schemas ---- */

static const char *const names[] = {"String", "Int", "Boolean", "[Int]"};

static const char *type_prefix(const struct world *w, unsigned type)
{
    return w->types[type].renamed ? "N" : "T";
}

static void print_old(struct world *w)
{
    for (unsigned t = 0; t < w->type_count; t++) {
        const struct type *type = &w->types[t];
        append(&w->old_sdl, "type T%u { key: Int! @id\n", t);
        for (unsigned f = 0; f < type->field_count; f++) {
            const struct field *field = &type->fields[f];
            append(&w->old_sdl, "  f%u: ", f);
            if (field->kind == REFERENCE) {
                append(&w->old_sdl, "T%u", field->target);
            } else {
                append(&w->old_sdl, "%s", names[field->kind]);
            }
            append(&w->old_sdl, "%s%s\n", field->required ? "!" : "",
                   type->indexed && field->kind != INTS ? " @index" : "");
        }
        append(&w->old_sdl, "}\n");
    }
}

static void print_new_field(struct world *w, const struct type *type, unsigned f)
{
    const struct field *field = &type->fields[f];
    append(&w->new_sdl, "  %c%u: ", field->fate == RENAMED ? 'n' : 'f', f);
    if (field->kind == REFERENCE) {
        append(&w->new_sdl, "%s%u", type_prefix(w, field->target), field->target);
    } else {
        append(&w->new_sdl, "%s", field->fate == CONVERTED ? field->to : names[field->kind]);
    }
    append(&w->new_sdl, "%s", field->now_required ? "!" : "");
    if (field->fate == RENAMED) {
        append(&w->new_sdl, " @renamedFrom(name: \"f%u\")", f);
    }
    append(&w->new_sdl, "%s\n", !type->indexed && field->kind != INTS ? " @index" : "");
}

/* The fields of the new schema in their order there. */
static unsigned nth(const struct type *type, unsigned n)
{
    return (type->first + n) % type->field_count;
}

static void print_new(struct world *w)
{
    for (unsigned t = 0; t < w->type_count; t++) {
        const struct type *type = &w->types[t];
        if (type->dropped) {
            continue;
        }
        append(&w->new_sdl, "type %s%u ", type_prefix(w, t), t);
        if (type->renamed) {
            append(&w->new_sdl, "@renamedFrom(name: \"T%u\") ", t);
        }
        append(&w->new_sdl, "{\n");
        for (unsigned i = 0; i < type->new_count; i++) {
            append(&w->new_sdl, i == 0 ? "  a0: Int! @default(value: 7)\n" : "  a1: String\n");
        }
        for (unsigned n = 0; n < type->field_count; n++) {
            if (type->fields[nth(type, n)].fate != DROPPED) {
                print_new_field(w, type, nth(type, n));
            }
        }
        append(&w->new_sdl, "  key: Int! @id\n}\n");
    }
}

/* ---- rows ---- */

static void print_before(struct world *w)
{
    append(&w->before, "{");
    for (unsigned t = 0; t < w->type_count; t++) {
        const struct type *type = &w->types[t];
        append(&w->before, "%s\"T%u\":[", t == 0 ? "" : ",", t);
        for (unsigned r = 0; r < type->rows; r++) {
            append(&w->before, "%s{\"key\":%u", r == 0 ? "" : ",", r);
            for (unsigned f = 0; f < type->field_count; f++) {
                append(&w->before, ",\"f%u\":%s", f, type->fields[f].values[r]);
            }
            append(&w->before, "}");
        }
        append(&w->before, "]");
    }
    append(&w->before, "}");
}

static void print_value(struct world *w, const struct field *field, unsigned row)
{
    const char *value = field->values[row];
    bool as_text = field->fate == CONVERTED && strcmp(field->to, "Float") != 0;
    const char *quotes = as_text && field->kind == INT && strcmp(value, "null") != 0 ? "\"" : "";
    append(&w->after, "%s%s%s", quotes, value, quotes);
}

static void print_row(struct world *w, const struct type *type, unsigned row)
{
    append(&w->after, "    {");
    for (unsigned i = 0; i < type->new_count; i++) {
        append(&w->after, i == 0 ? "\"a0\":7," : "\"a1\":null,");
    }
    for (unsigned n = 0; n < type->field_count; n++) {
        const struct field *field = &type->fields[nth(type, n)];
        if (field->fate != DROPPED) {
            append(&w->after, "\"%c%u\":", field->fate == RENAMED ? 'n' : 'f', nth(type, n));
            print_value(w, field, row);
            append(&w->after, ",");
        }
    }
    append(&w->after, "\"key\":%u}", row);
}

/* The export that is expected. */
static void print_after(struct world *w)
{
    bool first = true;
    append(&w->after, "{");
    for (unsigned t = 0; t < w->type_count; t++) {
        const struct type *type = &w->types[t];
        if (type->dropped) {
            continue;
        }
        append(&w->after, "%s\n  \"%s%u\": [", first ? "" : ",", type_prefix(w, t), t);
        for (unsigned r = 0; r < type->rows; r++) {
            append(&w->after, r == 0 ? "\n" : ",\n");
            print_row(w, type, r);
        }
        append(&w->after, type->rows == 0 ? "]" : "\n  ]");
        first = false;
    }
    append(&w->after, "\n}\n");
}

/* ---- the test ---- */

static void must(quire_status status, const quire_error *err, const char *what, uint64_t seed)
{
    cr_assert_eq(status, QUIRE_OK, "seed %llu, %s: %s", (unsigned long long)seed, what,
                 err->message);
}

static void load_rows(quire_txn *txn, const struct text *rows, uint64_t seed)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_loader *loader;
    must(quire_loader_open(txn, NULL, &loader, &err), &err, "open", seed);
    must(quire_loader_begin(loader, "rows", &err), &err, "begin", seed);
    must(quire_loader_feed(loader, rows->bytes, rows->size, &err), &err, "feed", seed);
    must(quire_loader_end(loader, &err), &err, "end", seed);
    must(quire_loader_finish(loader, NULL, &err), &err, "finish", seed);
    quire_loader_close(loader);
}

static quire_status take(void *context, const char *type, const char *bytes, size_t size,
                         quire_error *err)
{
    (void)type;
    (void)err;
    append(context, "%.*s", (int)size, bytes);
    return QUIRE_OK;
}

static void check(struct world *w, uint64_t seed)
{
    static struct text got;
    quire_error err = QUIRE_ERROR_INIT;
    quire_migration_options options = QUIRE_MIGRATION_OPTIONS_INIT;
    quire_report *report;
    quire_db *db;
    quire_txn *txn;

    got.size = 0;
    options.drop_data = true;
    must(quire_open(":memory:", NULL, &db, &err), &err, "open", seed);
    must(quire_begin(db, QUIRE_WRITE, &txn, &err), &err, "begin", seed);
    must(quire_schema_apply(txn, w->old_sdl.bytes, 0, &err), &err, w->old_sdl.bytes, seed);
    load_rows(txn, &w->before, seed);
    must(quire_commit(txn, &err), &err, "commit", seed);
    must(quire_begin(db, QUIRE_WRITE, &txn, &err), &err, "begin", seed);
    must(quire_schema_migrate(txn, w->new_sdl.bytes, 0, &options, &err), &err, w->new_sdl.bytes,
         seed);
    must(quire_commit(txn, &err), &err, "commit", seed);
    must(quire_begin(db, QUIRE_READ, &txn, &err), &err, "begin", seed);
    must(quire_export(txn, NULL, take, &got, NULL, &err), &err, "export", seed);
    quire_rollback(txn);
    cr_assert_str_eq(got.bytes, w->after.bytes, "seed %llu:\n%s\nto\n%s\ngives %s\nnot %s",
                     (unsigned long long)seed, w->old_sdl.bytes, w->new_sdl.bytes, got.bytes,
                     w->after.bytes);
    must(quire_inspect_indexes_open(db, NULL, &report, &err), &err, "inspect", seed);
    cr_assert_eq(quire_report_issue_count(report), 0, "seed %llu: %s", (unsigned long long)seed,
                 quire_report_text(report));
    quire_report_free(report);
    mapping_close(db);
}

Test(migration_model, random_changes__do_to_rows_what_the_model_says)
{
    static struct world w;
    const char *seed = getenv("QUIRE_SEED");
    uint64_t first = seed != NULL ? strtoull(seed, NULL, 10) : 1;
    for (uint64_t i = 0; i < (seed != NULL ? 1U : 150U); i++) {
        memset(&w, 0, sizeof w);
        prng_init(&w.prng, first + i);
        make_world(&w);
        print_old(&w);
        print_new(&w);
        print_before(&w);
        print_after(&w);
        check(&w, first + i);
    }
}
