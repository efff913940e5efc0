/*
 * The lexer: a source text to tokens, one at a time, in linear time.
 *
 * Tokens borrow the source text; only strings with escapes and block strings
 * are written into the arena, decoded. The text must be UTF-8 without
 * surrogates; bytes that are not are refused where they stand. A lexer holds
 * the first error as text and place; it does not fail otherwise, except for
 * lack of memory. Not thread-safe.
 */
#ifndef QR_GRAPHQL_LEXER_H
#define QR_GRAPHQL_LEXER_H

#include "graphql/report.h"

enum qr_gql_token_kind {
    QR_GQL_TOKEN_EOF,
    QR_GQL_TOKEN_BANG,
    QR_GQL_TOKEN_DOLLAR,
    QR_GQL_TOKEN_AMP,
    QR_GQL_TOKEN_PAREN_L,
    QR_GQL_TOKEN_PAREN_R,
    QR_GQL_TOKEN_DOT, /* only in schema coordinates */
    QR_GQL_TOKEN_SPREAD,
    QR_GQL_TOKEN_COLON,
    QR_GQL_TOKEN_EQUALS,
    QR_GQL_TOKEN_AT,
    QR_GQL_TOKEN_BRACKET_L,
    QR_GQL_TOKEN_BRACKET_R,
    QR_GQL_TOKEN_BRACE_L,
    QR_GQL_TOKEN_PIPE,
    QR_GQL_TOKEN_BRACE_R,
    QR_GQL_TOKEN_NAME,
    QR_GQL_TOKEN_INT,
    QR_GQL_TOKEN_FLOAT,
    QR_GQL_TOKEN_STRING,
    QR_GQL_TOKEN_BLOCK_STRING
};

struct qr_gql_token {
    enum qr_gql_token_kind kind;
    struct qr_gql_pos pos;
    uint32_t end;            /* offset behind the token */
    struct qr_gql_str value; /* name, digits, or decoded string; data NULL for the others */
};

struct qr_gql_lexer {
    const char *text;
    uint32_t size;
    uint32_t offset;                  /* of the next byte to read */
    uint32_t line;                    /* of that byte */
    uint32_t line_start;              /* offset of its line's first byte */
    uint32_t line_extra;              /* UTF-8 continuation bytes between line_start and offset */
    uint32_t token_count, tokens_max; /* tokens_max 0: no limit */
    bool coordinate;                  /* lexes a schema coordinate: no white space, dots */
    struct qr_arena *arena;
    struct qr_gql_report *report; /* takes the one syntax error */
    quire_error *err;
};

/* Starts at the beginning of `text`, which is borrowed while tokens are used. LIMIT when it is
 * larger than QR_GQL_SOURCE_BYTES_MAX. */
quire_status qr_gql_lexer_init(struct qr_gql_lexer *lexer, struct qr_arena *arena, const char *text,
                               size_t size, struct qr_gql_report *report, quire_error *err);

/* Reads the next token; at the end gives EOF again and again. SYNTAX when the text is wrong there:
 * the error is added to the report and ends the lexer's use. */
quire_status qr_gql_lexer_next(struct qr_gql_lexer *lexer, struct qr_gql_token *token);

/* A kind as messages name it: "{", "Name", "<EOF>". */
const char *qr_gql_token_kind_name(enum qr_gql_token_kind kind);

/* A token as messages name it: a kind, with the value in quotes for names, numbers and strings.
 * Lives in the arena (a static text when memory lacks). Long values are cut. */
struct qr_gql_str qr_gql_token_describe(struct qr_arena *arena, const struct qr_gql_token *token);

/* Adds `Syntax Error: <message>` to the report and fills err. Returns SYNTAX, or the status of the
 * memory that lacks. */
quire_status qr_gql_syntax_error(struct qr_gql_lexer *lexer, struct qr_gql_pos pos,
                                 struct qr_gql_str message);

/* The value of a block string's raw inside (between the quotes): common indentation and blank
 * first and last lines removed, \""" unescaped. */
quire_status qr_gql_block_string_value(struct qr_arena *arena, struct qr_gql_str raw,
                                       struct qr_gql_str *out, quire_error *err);

#endif
