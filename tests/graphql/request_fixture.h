/*
 * What tests of requests share: a schema and a document in one arena, and
 * answers as text.
 */
#ifndef QUIRE_TESTS_REQUEST_FIXTURE_H
#define QUIRE_TESTS_REQUEST_FIXTURE_H

#include <criterion/criterion.h>

#include "graphql/execute.h"
#include "graphql/validate.h"

struct bench {
    struct qr_arena arena;
    struct qr_gql_schema *schema;
    struct qr_gql_document *document;
    struct qr_gql_report report;
    quire_error err;
};

/* Builds the schema; the test fails when it is wrong. */
void bench_open(struct bench *bench, const char *sdl);
void bench_close(struct bench *bench);

/* Parses `query` into bench->document, with no limit on tokens; the status of parsing. */
quire_status bench_parse(struct bench *bench, const char *query);

/* Parses and validates. *steps (may be NULL) receives what validation took. */
quire_status bench_validate(struct bench *bench, const char *query, const char *rule,
                            uint64_t *steps);

/* The messages of the report, one a line, each with its places: "message @1:2 @3:4". */
const char *bench_problems(struct bench *bench);

/* Validates and executes over the JSON root; gives the response as text in the arena, or the
 * problems of a request that is refused. */
const char *bench_execute(struct bench *bench, const char *query, const char *variables,
                          const char *root);

/* `count` copies of `text`, allocated with malloc. */
char *repeated(const char *text, size_t count);

#endif
