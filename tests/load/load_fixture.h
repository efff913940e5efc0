/*
 * Shorthands for tests of the loader, all through the public API: databases
 * with a schema, inputs fed in pieces, answers compared as text.
 */
#ifndef QUIRE_TESTS_LOAD_FIXTURE_H
#define QUIRE_TESTS_LOAD_FIXTURE_H

#include <criterion/criterion.h>

#include "quire/quire.h"

/* The call, which reports to a local `err`, succeeds. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        quire_status ok_status = (call);                                                           \
        cr_assert_eq(ok_status, QUIRE_OK, "%s: %s:%u:%u: %s", quire_status_name(ok_status),        \
                     err.file, err.line, err.column, err.message);                                 \
    } while (0)

/* One input; a list of them ends with a name of NULL. */
struct input {
    const char *name;
    const char *text; /* NULL: the file of that name is read */
};

#define INPUTS(...) ((const struct input[]){__VA_ARGS__, {NULL, NULL}})

quire_db *open_db(const char *path, const quire_allocator *allocator);
void close_db(quire_db *db);
void apply_schema(quire_db *db, const char *sdl);

/* The whole of a file, NUL-terminated; the caller frees it. NULL when there is none. */
char *read_file(const char *path);

/* Loads all inputs in one transaction, in pieces of `piece` bytes (0: whole), and commits when
 * that went well. */
quire_status load_pieces(quire_db *db, const char *mapping, const struct input *inputs,
                         size_t piece, uint64_t *rows, quire_error *err);
quire_status load_with(quire_db *db, const quire_load_options *options, const struct input *inputs,
                       size_t piece, uint64_t *rows, quire_error *err);
quire_status load(quire_db *db, const char *mapping, const struct input *inputs, quire_error *err);

/* The response to a query; the caller gives it to quire_free. */
char *ask(quire_db *db, const char *query);

/* The response to a query is {"data":EXPECTED}. */
void expect_answer(quire_db *db, const char *query, const char *expected);

/* A load of these inputs into a fresh database with this schema fails with this status at this
 * place, its message contains `says`, and nothing is stored. */
struct refusal {
    const char *sdl;
    const char *mapping; /* NULL: plain */
    const struct input *inputs;
    quire_status status;
    const char *file;
    uint32_t line, column;
    const char *says;
};
void expect_refusal(const struct refusal *refusal, const char *at, int line);
#define REFUSED(...) expect_refusal(&(const struct refusal){__VA_ARGS__}, __FILE__, __LINE__)

#endif
