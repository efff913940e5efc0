/*
 * A database with a schema, and requests to it whose answers are compared as
 * text. Every failure of the machinery itself fails the test.
 */
#ifndef MAPPING_FIXTURE_H
#define MAPPING_FIXTURE_H

#include <criterion/criterion.h>

#include "quire/quire.h"

/* A small world: authors, books, genres, shops. */
extern const char mapping_schema[];

/* A database in memory with `sdl`, and rows if `rows` is a mutation. */
quire_db *mapping_open(const char *sdl, const char *rows);
void mapping_close(quire_db *db);

/* Loads a piece of plain JSON (docs/graphql.md, "Loading"). */
void mapping_load(quire_db *db, const char *json);

/* Loads `count` authors a0, a1, .. (born 1900 + number % 100, rating number / 4) and as many books
 * b0, b1, .. of author number / 2 (year number % 50, kind by number % 3), and links every book to
 * genre number % 5. Schema: mapping_schema. */
void mapping_load_crowd(quire_db *db, int count);

/* The response; freed with quire_free. */
char *mapping_run(quire_db *db, const char *document, const char *variables, bool explain);

/* Loads JSON of the plain form in a transaction of its own; returns the status, detail in err. */
quire_status mapping_try_load(quire_db *db, const char *json, quire_error *err);

/* Asserts that a request answers exactly `expected`. */
#define MAPPING_IS(db, document, expected) mapping_is(db, document, NULL, expected, __LINE__)
#define MAPPING_IS_WITH(db, document, variables, expected)                                         \
    mapping_is(db, document, variables, expected, __LINE__)
void mapping_is(quire_db *db, const char *document, const char *variables, const char *expected,
                int line);

/* Asserts that the response contains a text. */
#define MAPPING_HAS(db, document, text) mapping_has(db, document, text, __LINE__)
void mapping_has(quire_db *db, const char *document, const char *text, int line);

/* Asserts what extensions.explain says of the first field that reads rows: contains `text`. */
#define MAPPING_EXPLAINS(db, document, text) mapping_explains(db, document, text, __LINE__)
void mapping_explains(quire_db *db, const char *document, const char *text, int line);

/* Applies SDL in a transaction of its own; returns the status, detail in err. */
quire_status mapping_apply(quire_db *db, const char *sdl, quire_error *err);

#endif
