/*
 * Requests of callers, for the tests of @auth.
 */
#ifndef AUTH_FIXTURE_H
#define AUTH_FIXTURE_H

#include "mapping_fixture.h"

/* People, what they write to one another, and what only some may see. */
extern const char auth_schema[];
extern const char auth_rows[];

#define ANN    "{\"sub\":\"ann\"}"
#define BOB    "{\"sub\":\"bob\"}"
#define EDITOR "{\"sub\":\"eve\",\"role\":\"editor\"}"
#define NOBODY "{}"

/* The response to a request of a caller (claims NULL: the program); freed with quire_free. */
char *auth_run(quire_db *db, const char *claims, const char *document, const char *variables,
               bool explain);

/* Asserts that a caller is answered exactly `expected`. */
#define AUTH_IS(db, claims, document, expected)                                                    \
    auth_is(db, claims, document, NULL, expected, __LINE__)
#define AUTH_IS_WITH(db, claims, document, variables, expected)                                    \
    auth_is(db, claims, document, variables, expected, __LINE__)
void auth_is(quire_db *db, const char *claims, const char *document, const char *variables,
             const char *expected, int line);

/* Asserts that the answer has a text; that it is an error of this code and has no data. */
#define AUTH_HAS(db, claims, document, text) auth_has(db, claims, document, text, __LINE__)
void auth_has(quire_db *db, const char *claims, const char *document, const char *text, int line);
#define AUTH_FAILS(db, claims, document, code) auth_fails(db, claims, document, code, __LINE__)
void auth_fails(quire_db *db, const char *claims, const char *document, const char *code, int line);

#endif
