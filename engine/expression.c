/*
 * Compiling expressions: lexer, recursive descent with an explicit depth limit,
 * and the finished program in the caller's arena. The grammar is that of
 * docs/expressions.md.
 *
 * The text is not trusted: its size is limited, so are the depth of the parser's
 * recursion and that of the operations. What is allocated besides the result is
 * freed before the return. No state.
 */
#include "engine/expression.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/record.h"
#include "engine/expression_internal.h"

/* Largest exponent of ten of a number, either way. */
#define EXPONENT_MAX 9999

/* ---- Tokens ---- */

enum token_kind { END, WORD, QUOTED, INTEGER, REAL, TEXT, BLOB, SYMBOL };

struct token {
    enum token_kind kind;
    uint32_t at, size; /* in the text, with quotes */
};

struct parser {
    const char *text;
    uint32_t size;
    struct token token; /* the one to be looked at */
    const quire_column *columns;
    uint32_t column_count;
    struct qr_arena *arena; /* of the result */
    struct qr_operation *operations;
    size_t operation_count, operation_capacity;
    uint32_t nesting;
    quire_error *err;
};

QR_PRINTF(4, 5)
static quire_status fail_at(const struct parser *parser, quire_status status, uint32_t at,
                            const char *format, ...)
{
    if (parser->err == NULL) {
        return status;
    }
    char message[320];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(message, sizeof message, format, arguments) < 0) {
        message[0] = '\0';
    }
    va_end(arguments);
    (void)qr_fail(parser->err, status, "In the expression, at byte %u: %s", at, message);
    parser->err->offset = at;
    return status;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool starts_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Whether a word, in any letter case, is `lower`. */
static bool is_word(const char *word, size_t size, const char *lower)
{
    size_t i = 0;
    while (i < size && lower[i] != '\0' && to_lower(word[i]) == lower[i]) {
        i++;
    }
    return i == size && lower[i] == '\0';
}

bool qr_expression_is_keyword(const char *word, size_t size)
{
    static const char *const keywords[] = {"and", "between", "false", "in",  "is",
                                           "not", "null",    "or",    "true"};
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        if (is_word(word, size, keywords[i])) {
            return true;
        }
    }
    return false;
}

/* Scans a number from `at`; returns its end. */
static uint32_t scan_number(const struct parser *parser, uint32_t at, enum token_kind *kind)
{
    const char *text = parser->text;
    uint32_t end = parser->size;
    *kind = INTEGER;
    while (at < end && is_digit(text[at])) {
        at++;
    }
    if (end - at >= 2 && text[at] == '.' && is_digit(text[at + 1])) {
        *kind = REAL;
        for (at++; at < end && is_digit(text[at]);) {
            at++;
        }
    }
    if (at < end && (text[at] == 'e' || text[at] == 'E')) {
        uint32_t digits = at + 1;
        digits += digits < end && (text[digits] == '+' || text[digits] == '-');
        if (digits < end && is_digit(text[digits])) {
            *kind = REAL;
            for (at = digits; at < end && is_digit(text[at]);) {
                at++;
            }
        }
    }
    return at;
}

/* Finds the end of what opens with a quote at `at`; a doubled quote stands for one. */
static quire_status scan_quoted(const struct parser *parser, uint32_t at, uint32_t *end)
{
    const char *text = parser->text;
    char quote = text[at];
    uint32_t i = at + 1;
    while (i < parser->size) {
        if (text[i] == quote && (i + 1 == parser->size || text[i + 1] != quote)) {
            *end = i + 1;
            return QUIRE_OK;
        }
        i += text[i] == quote ? 2 : 1;
    }
    return fail_at(parser, QUIRE_SYNTAX, at, "the quote is not closed.");
}

static uint32_t symbol_size(const struct parser *parser, uint32_t at)
{
    static const char *const doubles[] = {"<=", ">=", "<>", "!=", "||"};
    for (size_t i = 0; parser->size - at >= 2 && i < sizeof doubles / sizeof doubles[0]; i++) {
        if (memcmp(parser->text + at, doubles[i], 2) == 0) {
            return 2;
        }
    }
    return strchr("()+-*/%<>=,", parser->text[at]) != NULL ? 1 : 0;
}

/* Reads the token after the present one. */
static quire_status advance(struct parser *parser)
{
    const char *text = parser->text;
    uint32_t at = parser->token.at + parser->token.size;
    while (at < parser->size && strchr(" \t\r\n", text[at]) != NULL) {
        at++;
    }
    struct token token = {.kind = END, .at = at};
    uint32_t end = at;
    if (at == parser->size) {
        parser->token = token;
        return QUIRE_OK;
    }
    bool blob =
        (text[at] == 'x' || text[at] == 'X') && parser->size - at > 1 && text[at + 1] == '\'';
    if (starts_word(text[at]) && !blob) {
        token.kind = WORD;
        while (end < parser->size && (starts_word(text[end]) || is_digit(text[end]))) {
            end++;
        }
    } else if (is_digit(text[at])) {
        end = scan_number(parser, at, &token.kind);
        if (end < parser->size && starts_word(text[end])) {
            return fail_at(parser, QUIRE_SYNTAX, end, "a letter follows a number.");
        }
    } else if (blob || text[at] == '\'' || text[at] == '"') {
        token.kind = blob ? BLOB : text[at] == '"' ? QUOTED : TEXT;
        QR_TRY(scan_quoted(parser, at + blob, &end));
    } else {
        token.kind = SYMBOL;
        end = at + symbol_size(parser, at);
        if (end == at) {
            return fail_at(parser, QUIRE_SYNTAX, at, "a character has no meaning here.");
        }
    }
    token.size = end - at;
    parser->token = token;
    return QUIRE_OK;
}

static bool at_symbol(const struct parser *parser, const char *symbol)
{
    const struct token *token = &parser->token;
    return token->kind == SYMBOL && token->size == strlen(symbol) &&
           memcmp(parser->text + token->at, symbol, token->size) == 0;
}

static bool at_keyword(const struct parser *parser, const char *keyword)
{
    return parser->token.kind == WORD &&
           is_word(parser->text + parser->token.at, parser->token.size, keyword);
}

/* Steps over a token if it is the one given. */
static quire_status accept_symbol(struct parser *parser, const char *symbol, bool *accepted)
{
    *accepted = at_symbol(parser, symbol);
    return *accepted ? advance(parser) : QUIRE_OK;
}

static quire_status accept_keyword(struct parser *parser, const char *keyword, bool *accepted)
{
    *accepted = at_keyword(parser, keyword);
    return *accepted ? advance(parser) : QUIRE_OK;
}

static quire_status unexpected(const struct parser *parser, const char *expected)
{
    const struct token *token = &parser->token;
    if (token->kind == END) {
        return fail_at(parser, QUIRE_SYNTAX, token->at, "the text ends where %s should be.",
                       expected);
    }
    int shown = token->size > 40 ? 40 : (int)token->size;
    return fail_at(parser, QUIRE_SYNTAX, token->at, "%s should be, not %.*s.", expected, shown,
                   parser->text + token->at);
}

static quire_status expect_symbol(struct parser *parser, const char *symbol)
{
    bool accepted;
    QR_TRY(accept_symbol(parser, symbol, &accepted));
    return accepted ? QUIRE_OK : unexpected(parser, symbol);
}

/* ---- Operations ---- */

/* Appends an operation over the last `operation.count` subtrees and gives it its type. */
static quire_status emit(struct parser *parser, struct qr_operation operation)
{
    QR_TRY(qr_grow(parser->arena->allocator, &parser->operations, &parser->operation_capacity,
                   parser->operation_count + 1, sizeof *parser->operations, parser->err));
    struct qr_operation *operations = parser->operations;
    uint32_t index = (uint32_t)parser->operation_count++;
    uint32_t depth = 0;
    operation.size = 1;
    for (uint32_t i = 0; i < operation.count; i++) {
        const struct qr_operation *operand = &operations[index - operation.size];
        depth = operand->depth > depth ? operand->depth : depth;
        operation.size += operand->size;
    }
    if (depth == QR_EXPRESSION_DEPTH_MAX) {
        return fail_at(parser, QUIRE_LIMIT, operation.at, "it is nested deeper than %u operations.",
                       QR_EXPRESSION_DEPTH_MAX);
    }
    operation.depth = (uint8_t)(depth + 1);
    operations[index] = operation;
    uint32_t wrong;
    const char *expected;
    if (!qr_expression_infer(operations, index, &wrong, &expected)) {
        return fail_at(parser, QUIRE_TYPE, operations[wrong].at,
                       "%s is needed here, and this is of type %s.", expected,
                       qr_type_name((quire_type)operations[wrong].type));
    }
    return QUIRE_OK;
}

static quire_status emit_op(struct parser *parser, enum qr_op op, uint32_t count, uint32_t at)
{
    return emit(parser, (struct qr_operation){.op = (uint8_t)op, .count = count, .at = at});
}

static quire_status emit_constant(struct parser *parser, quire_value value, uint32_t at)
{
    return emit(parser, (struct qr_operation){.op = QR_OP_CONSTANT,
                                              .type = (uint8_t)value.type,
                                              .at = at,
                                              .constant = value});
}

/* ---- Literals and names ---- */

/* The contents of a quoted token, its doubled quotes made single, in the arena. */
static quire_status unquote(struct parser *parser, char **bytes, size_t *size)
{
    const char *text = parser->text + parser->token.at;
    *size = 0;
    *bytes = qr_arena_alloc(parser->arena, parser->token.size, parser->err);
    if (*bytes == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 1; i < parser->token.size - 1; i++) {
        (*bytes)[(*size)++] = text[i];
        i += text[i] == text[0];
    }
    (*bytes)[*size] = '\0';
    return QUIRE_OK;
}

static quire_status parse_integer(struct parser *parser, bool negative, quire_value *value)
{
    const char *digits = parser->text + parser->token.at;
    uint64_t limit = (uint64_t)INT64_MAX + negative;
    uint64_t number = 0;
    for (uint32_t i = 0; i < parser->token.size; i++) {
        uint64_t digit = (uint64_t)(digits[i] - '0');
        if (number > (limit - digit) / 10) {
            return fail_at(parser, QUIRE_SYNTAX, parser->token.at,
                           "the integer does not fit 64 bits.");
        }
        number = number * 10 + digit;
    }
    *value = quire_int(!negative ? (int64_t)number : number == 0 ? 0 : -(int64_t)(number - 1) - 1);
    return QUIRE_OK;
}

/* The exponent in the bytes behind the "e", which may not end with a NUL; once it is over the limit
 * the rest does not matter. */
static long parse_exponent(const char *text, uint32_t size)
{
    bool negative = size > 0 && text[0] == '-';
    long exponent = 0;
    for (uint32_t i = 0; i < size && exponent <= EXPONENT_MAX; i++) {
        exponent = is_digit(text[i]) ? 10 * exponent + (text[i] - '0') : exponent;
    }
    return negative ? -exponent : exponent;
}

/* The digits are handed to strtod as a whole number with an exponent: it reads a point only as the
 * locale writes it. */
static quire_status parse_real(struct parser *parser, bool negative, quire_value *value)
{
    enum { DIGITS_MAX = 64 };
    char digits[DIGITS_MAX + 24];
    const char *text = parser->text + parser->token.at;
    uint32_t size = parser->token.size;
    uint32_t i = 0;
    size_t count = 0;
    long shift = 0;
    bool fraction = false;
    for (; i < size && text[i] != 'e' && text[i] != 'E' && count < DIGITS_MAX; i++) {
        if (text[i] == '.') {
            fraction = true;
        } else {
            digits[count++] = text[i];
            shift -= fraction;
        }
    }
    long exponent = 0;
    if (i < size && count < DIGITS_MAX) {
        exponent = parse_exponent(text + i + 1, size - i - 1);
    }
    if (count == DIGITS_MAX || exponent > EXPONENT_MAX || exponent < -EXPONENT_MAX) {
        return fail_at(parser, QUIRE_SYNTAX, parser->token.at, "the number has too many digits.");
    }
    (void)snprintf(digits + count, sizeof digits - count, "e%ld", shift + exponent);
    double number = strtod(digits, NULL);
    if (number > 1.7976931348623157e308) {
        return fail_at(parser, QUIRE_SYNTAX, parser->token.at, "the number is too large.");
    }
    *value = quire_float(negative ? -number : number);
    return QUIRE_OK;
}

/* A number, with the minus that stood before it. */
static quire_status parse_number(struct parser *parser, bool negative, uint32_t at)
{
    quire_value value;
    QR_TRY(parser->token.kind == INTEGER ? parse_integer(parser, negative, &value)
                                         : parse_real(parser, negative, &value));
    QR_TRY(advance(parser));
    return emit_constant(parser, value, at);
}

static quire_status parse_text(struct parser *parser)
{
    uint32_t at = parser->token.at;
    char *bytes;
    size_t size;
    QR_TRY(unquote(parser, &bytes, &size));
    QR_TRY(advance(parser));
    return emit_constant(parser, quire_text_n(bytes, size), at);
}

static int hex_digit(char c)
{
    return is_digit(c)                                ? c - '0'
           : to_lower(c) >= 'a' && to_lower(c) <= 'f' ? to_lower(c) - 'a' + 10
                                                      : -1;
}

static quire_status parse_blob(struct parser *parser)
{
    uint32_t at = parser->token.at;
    const char *hex = parser->text + at + 2;
    uint32_t digits = parser->token.size - 3;
    uint8_t *bytes = qr_arena_alloc(parser->arena, digits / 2, parser->err);
    if (bytes == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < digits; i++) {
        int digit = hex_digit(hex[i]);
        if (digit < 0 || digits % 2 != 0) {
            return fail_at(parser, QUIRE_SYNTAX, at, "a blob is x'...' with pairs of hex digits.");
        }
        bytes[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : bytes[i / 2] | digit);
    }
    QR_TRY(advance(parser));
    return emit_constant(parser, quire_blob(bytes, digits / 2), at);
}

/* A column, whose name is not always NUL-terminated. */
static quire_status emit_column(struct parser *parser, const char *name, size_t size, uint32_t at)
{
    for (uint32_t i = 0; i < parser->column_count; i++) {
        const quire_column *column = &parser->columns[i];
        if (strlen(column->name) == size && memcmp(column->name, name, size) == 0) {
            return emit(parser, (struct qr_operation){.op = QR_OP_COLUMN,
                                                      .type = (uint8_t)column->type,
                                                      .at = at,
                                                      .column = i});
        }
    }
    int shown = size > 80 ? 80 : (int)size;
    return fail_at(parser, QUIRE_UNKNOWN_NAME, at, "there is no column \"%.*s\".", shown, name);
}

static quire_status parse_column(struct parser *parser)
{
    struct token token = parser->token;
    if (token.kind == QUOTED) {
        char *name;
        size_t size;
        QR_TRY(unquote(parser, &name, &size));
        QR_TRY(advance(parser));
        return emit_column(parser, name, size, token.at);
    }
    QR_TRY(advance(parser));
    return emit_column(parser, parser->text + token.at, token.size, token.at);
}

/* ---- Grammar ---- */

static quire_status parse_condition(struct parser *parser);

/* The operands of a list in parentheses, whose opening one is the present token. */
static quire_status parse_operands(struct parser *parser, uint32_t *count)
{
    bool more;
    QR_TRY(expect_symbol(parser, "("));
    do {
        QR_TRY(parse_condition(parser));
        ++*count;
        QR_TRY(accept_symbol(parser, ",", &more));
    } while (more);
    return expect_symbol(parser, ")");
}

static quire_status parse_call(struct parser *parser, struct token name)
{
    const char *word = parser->text + name.at;
    uint32_t function = 0;
    uint32_t count = 0;
    while (function < QR_FN_COUNT && !is_word(word, name.size, qr_functions[function].name)) {
        function++;
    }
    if (function == QR_FN_COUNT) {
        return fail_at(parser, QUIRE_UNKNOWN_NAME, name.at, "there is no function %.*s.",
                       name.size > 80 ? 80 : (int)name.size, word);
    }
    QR_TRY(parse_operands(parser, &count));
    const struct qr_function *known = &qr_functions[function];
    if (count < known->operands_min || (known->operands_max > 0 && count > known->operands_max)) {
        return fail_at(parser, QUIRE_SYNTAX, name.at, "%s does not take %u operands.", known->name,
                       count);
    }
    return emit(parser, (struct qr_operation){.op = QR_OP_CALL,
                                              .function = (uint8_t)function,
                                              .count = count,
                                              .at = name.at});
}

/* A word: true, false, a function or a column. */
static quire_status parse_word(struct parser *parser)
{
    struct token token = parser->token;
    const char *word = parser->text + token.at;
    if (at_keyword(parser, "true") || at_keyword(parser, "false")) {
        bool value = at_keyword(parser, "true");
        QR_TRY(advance(parser));
        return emit_constant(parser, quire_bool(value), token.at);
    }
    if (at_keyword(parser, "null")) {
        return fail_at(parser, QUIRE_SYNTAX, token.at,
                       "null is no operand; write \"is null\" or \"is not null\".");
    }
    if (qr_expression_is_keyword(word, token.size)) {
        return unexpected(parser, "a value");
    }
    uint32_t next = token.at + token.size;
    while (next < parser->size && strchr(" \t\r\n", parser->text[next]) != NULL) {
        next++;
    }
    if (next < parser->size && parser->text[next] == '(') {
        QR_TRY(advance(parser));
        return parse_call(parser, token);
    }
    return parse_column(parser);
}

static quire_status parse_primary(struct parser *parser)
{
    switch (parser->token.kind) {
    case INTEGER:
    case REAL:
        return parse_number(parser, false, parser->token.at);
    case TEXT:
        return parse_text(parser);
    case BLOB:
        return parse_blob(parser);
    case QUOTED:
        return parse_column(parser);
    case WORD:
        return parse_word(parser);
    case SYMBOL:
    case END:
        break;
    }
    if (!at_symbol(parser, "(")) {
        return unexpected(parser, "a value");
    }
    QR_TRY(advance(parser));
    QR_TRY(parse_condition(parser));
    return expect_symbol(parser, ")");
}

/* Entered once a level of recursion; left by whoever raised the count. */
static quire_status enter(struct parser *parser)
{
    if (++parser->nesting > QR_EXPRESSION_DEPTH_MAX) {
        return fail_at(parser, QUIRE_LIMIT, parser->token.at,
                       "it is nested deeper than %u operations.", QR_EXPRESSION_DEPTH_MAX);
    }
    return QUIRE_OK;
}

static quire_status parse_unary(struct parser *parser)
{
    uint32_t at = parser->token.at;
    bool minus;
    QR_TRY(accept_symbol(parser, "-", &minus));
    if (!minus) {
        return parse_primary(parser);
    }
    if (parser->token.kind == INTEGER || parser->token.kind == REAL) {
        return parse_number(parser, true, at);
    }
    QR_TRY(enter(parser));
    QR_TRY(parse_unary(parser));
    parser->nesting--;
    return emit_op(parser, QR_OP_NEGATE, 1, at);
}

/* The operators of one level, each with its operation. */
struct infix {
    const char *symbol;
    enum qr_op op;
};

static const struct infix *find_infix(const struct parser *parser, const struct infix *infixes)
{
    while (infixes->symbol != NULL && !at_symbol(parser, infixes->symbol)) {
        infixes++;
    }
    return infixes->symbol == NULL ? NULL : infixes;
}

static quire_status parse_product(struct parser *parser)
{
    static const struct infix infixes[] = {
        {"*", QR_OP_MULTIPLY}, {"/", QR_OP_DIVIDE}, {"%", QR_OP_REMAINDER}, {NULL, QR_OP_CALL}};
    const struct infix *infix;
    QR_TRY(parse_unary(parser));
    while ((infix = find_infix(parser, infixes)) != NULL) {
        uint32_t at = parser->token.at;
        QR_TRY(advance(parser));
        QR_TRY(parse_unary(parser));
        QR_TRY(emit_op(parser, infix->op, 2, at));
    }
    return QUIRE_OK;
}

static quire_status parse_sum(struct parser *parser)
{
    static const struct infix infixes[] = {
        {"+", QR_OP_ADD}, {"-", QR_OP_SUBTRACT}, {NULL, QR_OP_CALL}};
    const struct infix *infix;
    QR_TRY(parse_product(parser));
    while ((infix = find_infix(parser, infixes)) != NULL) {
        uint32_t at = parser->token.at;
        QR_TRY(advance(parser));
        QR_TRY(parse_product(parser));
        QR_TRY(emit_op(parser, infix->op, 2, at));
    }
    return QUIRE_OK;
}

/* One operation over all texts of a chain: its parts are copied once. */
static quire_status parse_concatenation(struct parser *parser)
{
    uint32_t at = parser->token.at;
    uint32_t count = 1;
    bool more;
    QR_TRY(parse_sum(parser));
    QR_TRY(accept_symbol(parser, "||", &more));
    while (more) {
        QR_TRY(parse_sum(parser));
        count++;
        QR_TRY(accept_symbol(parser, "||", &more));
    }
    return count == 1 ? QUIRE_OK : emit_op(parser, QR_OP_CONCAT, count, at);
}

/* What follows "is", "between" or "in", and the operation; *negated for "is not". */
static quire_status parse_test(struct parser *parser, bool *negated, uint32_t at)
{
    bool accepted;
    QR_TRY(accept_keyword(parser, "is", &accepted));
    if (accepted) {
        QR_TRY(accept_keyword(parser, "not", negated));
        QR_TRY(accept_keyword(parser, "null", &accepted));
        return accepted ? emit_op(parser, QR_OP_IS_NULL, 1, at) : unexpected(parser, "null");
    }
    QR_TRY(accept_keyword(parser, "not", negated));
    QR_TRY(accept_keyword(parser, "between", &accepted));
    if (accepted) {
        QR_TRY(parse_concatenation(parser));
        QR_TRY(accept_keyword(parser, "and", &accepted));
        if (!accepted) {
            return unexpected(parser, "and");
        }
        QR_TRY(parse_concatenation(parser));
        return emit_op(parser, QR_OP_BETWEEN, 3, at);
    }
    QR_TRY(accept_keyword(parser, "in", &accepted));
    if (accepted) {
        uint32_t count = 1;
        QR_TRY(parse_operands(parser, &count));
        return emit_op(parser, QR_OP_IN, count, at);
    }
    return unexpected(parser, "between or in");
}

static quire_status parse_comparison(struct parser *parser)
{
    static const struct infix infixes[] = {{"=", QR_OP_EQ},  {"<>", QR_OP_NE},  {"!=", QR_OP_NE},
                                           {"<", QR_OP_LT},  {"<=", QR_OP_LE},  {">", QR_OP_GT},
                                           {">=", QR_OP_GE}, {NULL, QR_OP_CALL}};
    QR_TRY(parse_concatenation(parser));
    uint32_t at = parser->token.at;
    const struct infix *infix = find_infix(parser, infixes);
    if (infix != NULL) {
        QR_TRY(advance(parser));
        QR_TRY(parse_concatenation(parser));
        return emit_op(parser, infix->op, 2, at);
    }
    if (at_keyword(parser, "is") || at_keyword(parser, "not") || at_keyword(parser, "between") ||
        at_keyword(parser, "in")) {
        bool negated = false;
        QR_TRY(parse_test(parser, &negated, at));
        return negated ? emit_op(parser, QR_OP_NOT, 1, at) : QUIRE_OK;
    }
    return QUIRE_OK;
}

static quire_status parse_negation(struct parser *parser)
{
    uint32_t at = parser->token.at;
    bool negated;
    QR_TRY(accept_keyword(parser, "not", &negated));
    if (!negated) {
        return parse_comparison(parser);
    }
    QR_TRY(enter(parser));
    QR_TRY(parse_negation(parser));
    parser->nesting--;
    return emit_op(parser, QR_OP_NOT, 1, at);
}

static quire_status parse_conjunction(struct parser *parser)
{
    uint32_t at = parser->token.at;
    uint32_t count = 1;
    bool more;
    QR_TRY(parse_negation(parser));
    QR_TRY(accept_keyword(parser, "and", &more));
    while (more) {
        QR_TRY(parse_negation(parser));
        count++;
        QR_TRY(accept_keyword(parser, "and", &more));
    }
    return count == 1 ? QUIRE_OK : emit_op(parser, QR_OP_AND, count, at);
}

static quire_status parse_condition(struct parser *parser)
{
    uint32_t at = parser->token.at;
    uint32_t count = 1;
    bool more;
    QR_TRY(enter(parser));
    QR_TRY(parse_conjunction(parser));
    QR_TRY(accept_keyword(parser, "or", &more));
    while (more) {
        QR_TRY(parse_conjunction(parser));
        count++;
        QR_TRY(accept_keyword(parser, "or", &more));
    }
    parser->nesting--;
    return count == 1 ? QUIRE_OK : emit_op(parser, QR_OP_OR, count, at);
}

static quire_status parse(struct parser *parser, struct qr_expression **out)
{
    QR_TRY(advance(parser));
    QR_TRY(parse_condition(parser));
    if (parser->token.kind != END) {
        return unexpected(parser, "the end");
    }
    return qr_expression_build(parser->operations, (uint32_t)parser->operation_count,
                               parser->columns, parser->arena, out, parser->err);
}

quire_status qr_expression_compile(const char *text, size_t size, const quire_column *columns,
                                   uint32_t column_count, struct qr_arena *arena,
                                   struct qr_expression **out, quire_error *err)
{
    *out = NULL;
    if (size > QR_EXPRESSION_TEXT_MAX) {
        return qr_fail(err, QUIRE_LIMIT, "An expression has at most %u bytes, not %zu.",
                       QR_EXPRESSION_TEXT_MAX, size);
    }
    if (text == NULL || memchr(text, 0, size) != NULL || !qr_utf8_valid(text, size)) {
        return qr_fail(err, QUIRE_SYNTAX, "An expression is UTF-8 without zero bytes.");
    }
    struct parser parser = {.text = text,
                            .size = (uint32_t)size,
                            .columns = columns,
                            .column_count = column_count,
                            .arena = arena,
                            .err = err};
    quire_status status = parse(&parser, out);
    qr_free(arena->allocator, parser.operations,
            parser.operation_capacity * sizeof *parser.operations);
    return status;
}
