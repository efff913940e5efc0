/*
 * The parser: source text to syntax tree, to the letter of the September 2025
 * edition (no empty selection sets, no fragment arguments, no directives on
 * directive definitions).
 *
 * Recursive descent with an explicit depth bound; one token of lookahead; time
 * and memory linear in the text. A wrong text yields QUIRE_SYNTAX and exactly
 * one problem in the report; passing a limit of the options counts as a wrong
 * text. Other statuses (NO_MEMORY, LIMIT of the arena) leave the report alone.
 */
#ifndef QR_GRAPHQL_PARSER_H
#define QR_GRAPHQL_PARSER_H

#include "graphql/ast.h"
#include "graphql/report.h"

#define QR_GQL_DEPTH_MAX_DEFAULT 200u
/* Whoever asks for more gets this: recursion over a tree must fit any thread's stack. */
#define QR_GQL_DEPTH_MAX_CEILING 2000u

struct qr_gql_parse_options {
    uint32_t tokens_max; /* 0: no limit */
    uint32_t depth_max;  /* nesting of selections, values and types; 0: the default */
};

/* Parses a document. `options` may be NULL. The tree lives in `arena` and borrows `text`. */
quire_status qr_gql_parse(struct qr_arena *arena, const char *text, size_t size,
                          const struct qr_gql_parse_options *options, struct qr_gql_report *report,
                          struct qr_gql_document **out, quire_error *err);

/* Parses one value; `constant` refuses variables. */
quire_status qr_gql_parse_value(struct qr_arena *arena, const char *text, size_t size,
                                bool constant, struct qr_gql_report *report,
                                struct qr_gql_ast_value **out, quire_error *err);

/* Parses one type reference. */
quire_status qr_gql_parse_type(struct qr_arena *arena, const char *text, size_t size,
                               struct qr_gql_report *report, struct qr_gql_ast_type **out,
                               quire_error *err);

/* Parses a schema coordinate. */
quire_status qr_gql_parse_coordinate(struct qr_arena *arena, const char *text, size_t size,
                                     struct qr_gql_report *report, struct qr_gql_coordinate *out,
                                     quire_error *err);

#endif
