/*
 * The parser's state and the functions that its two files share.
 */
#ifndef QR_GRAPHQL_PARSER_INTERNAL_H
#define QR_GRAPHQL_PARSER_INTERNAL_H

#include "graphql/lexer.h"
#include "graphql/parser.h"

struct qr_gql_parser {
    struct qr_gql_lexer lexer;
    struct qr_gql_token token; /* the next one, not yet consumed */
    uint32_t depth, depth_max;
};

/* Consumes the token. */
quire_status qr_gql_parser_advance(struct qr_gql_parser *p);
/* Consumes a token of that kind or reports that it was expected. */
quire_status qr_gql_parser_expect(struct qr_gql_parser *p, enum qr_gql_token_kind kind);
quire_status qr_gql_parser_expect_word(struct qr_gql_parser *p, const char *word);
/* Consumes a token of that kind if there is one. */
quire_status qr_gql_parser_skip(struct qr_gql_parser *p, enum qr_gql_token_kind kind,
                                bool *skipped);
bool qr_gql_parser_at_word(const struct qr_gql_parser *p, const char *word);
/* Whether the token is one of "query", "mutation", "subscription"; does not consume it. */
bool qr_gql_parser_operation_word(const struct qr_gql_parser *p, enum qr_gql_operation *out);

/* Reports `<before><a>[, found <b>].` (b.data NULL: without it); always a failure. */
quire_status qr_gql_parser_error(struct qr_gql_parser *p, struct qr_gql_pos pos, const char *before,
                                 struct qr_gql_str a, struct qr_gql_str b);
/* Reports `<message>.`; NULL is a message that memory lacked for. */
quire_status qr_gql_parser_error_text(struct qr_gql_parser *p, struct qr_gql_pos pos,
                                      const char *message);
quire_status qr_gql_parser_unexpected(struct qr_gql_parser *p, const struct qr_gql_token *token);

/* A zeroed node; NULL after reporting. */
void *qr_gql_parser_node(struct qr_gql_parser *p, size_t size);

quire_status qr_gql_parser_name(struct qr_gql_parser *p, struct qr_gql_name *out);
/* Leaves *out alone when there is none. */
quire_status qr_gql_parser_description(struct qr_gql_parser *p, struct qr_gql_str *out,
                                       bool *block);
quire_status qr_gql_parser_value(struct qr_gql_parser *p, bool constant,
                                 struct qr_gql_ast_value **out);
quire_status qr_gql_parser_type(struct qr_gql_parser *p, struct qr_gql_ast_type **out);
quire_status qr_gql_parser_arguments(struct qr_gql_parser *p, bool constant,
                                     struct qr_gql_ast_argument **out);
quire_status qr_gql_parser_directives(struct qr_gql_parser *p, bool constant,
                                      struct qr_gql_ast_directive **out);

/* Parses a definition or extension of the type system from its keyword on; *found false, with
 * nothing consumed, when the token begins none. */
quire_status qr_gql_parser_type_system(struct qr_gql_parser *p,
                                       struct qr_gql_ast_definition *definition, bool *found);

#endif
