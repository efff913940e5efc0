/*
 * Printing of syntax trees and minimal texts. Output lives in the arena.
 */
#ifndef QR_GRAPHQL_PRINTER_H
#define QR_GRAPHQL_PRINTER_H

#include "graphql/ast.h"
#include "graphql/report.h"

/* A document in canonical form: two-space indents, definitions apart by a blank line. */
quire_status qr_gql_print_document(struct qr_arena *arena, const struct qr_gql_document *document,
                                   struct qr_gql_str *out, quire_error *err);

void qr_gql_print_value(struct qr_gql_buffer *buffer, const struct qr_gql_ast_value *value);
void qr_gql_print_type(struct qr_gql_buffer *buffer, const struct qr_gql_ast_type *type);
/* Applied directives, each behind a space. */
void qr_gql_print_directives(struct qr_gql_buffer *buffer,
                             const struct qr_gql_ast_directive *directives);
/* A quoted string literal with escapes. */
void qr_gql_print_string(struct qr_gql_buffer *buffer, struct qr_gql_str text);
/* A block string; `minimal` leaves out line breaks that are not needed. Lines are not indented:
 * the caller prints through an indenting buffer or at column 0. */
void qr_gql_print_block_string(struct qr_gql_buffer *buffer, struct qr_gql_str text, bool minimal);

/* The text without characters that carry no meaning; the same tokens, block strings by value.
 * SYNTAX with a problem in the report when it does not lex. */
quire_status qr_gql_strip(struct qr_arena *arena, const char *text, size_t size,
                          struct qr_gql_report *report, struct qr_gql_str *out, quire_error *err);

#endif
