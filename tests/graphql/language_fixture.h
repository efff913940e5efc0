/*
 * What the suites of the GraphQL language share: an arena with a report, and
 * shorthands that parse and build from C strings.
 */
#ifndef QUIRE_TESTS_LANGUAGE_FIXTURE_H
#define QUIRE_TESTS_LANGUAGE_FIXTURE_H

#include "graphql/coerce.h"
#include "graphql/lexer.h"
#include "graphql/parser.h"
#include "graphql/printer.h"
#include "graphql/schema_print.h"

struct language {
    struct qr_arena arena;
    struct qr_gql_report report;
    quire_error err;
};

void language_begin(struct language *l);
/* Frees the arena. */
void language_end(struct language *l);
/* Empties the report. */
void language_forget(struct language *l);

/* The document, or NULL with the problem in the report. */
struct qr_gql_document *language_parse(struct language *l, const char *text);
struct qr_gql_ast_value *language_value(struct language *l, const char *text);
/* The schema, or NULL with problems in the report; free with qr_gql_schema_free. */
struct qr_gql_schema *language_schema(struct language *l, const char *sdl);

/* The first problem's message, or "" when there is none. */
const char *language_message(const struct language *l);
/* The first problem's place as "line:column" (all of them, apart by a blank). */
const char *language_places(struct language *l);

/* `count` copies of `piece`, from malloc. */
char *language_repeat(const char *piece, size_t count);

#endif
