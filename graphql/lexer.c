/*
 * The lexer.
 *
 * One pass over the bytes. A column is the distance from the line's first byte
 * less the UTF-8 continuation bytes in between (line_extra), so that names and
 * punctuation in plain ASCII cost nothing extra. Text outside strings and
 * comments must be ASCII (and BOM); inside them each sequence is checked.
 */
#include "graphql/lexer.h"

enum { DESCRIBED_BYTES_MAX = 200 };

/* Classes of bytes, for names and numbers. */
static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_continue(char c)
{
    return is_name_start(c) || is_digit(c);
}

quire_status qr_gql_lexer_init(struct qr_gql_lexer *lexer, struct qr_arena *arena, const char *text,
                               size_t size, struct qr_gql_report *report, quire_error *err)
{
    if (size > QR_GQL_SOURCE_BYTES_MAX) {
        return qr_fail(err, QUIRE_LIMIT, "A GraphQL text must be smaller than 4 GiB.");
    }
    *lexer = (struct qr_gql_lexer){
        .text = text,
        .size = (uint32_t)size,
        .line = 1,
        .arena = arena,
        .report = report,
        .err = err,
    };
    return QUIRE_OK;
}

/* The byte at an offset, or NUL behind the end (NUL itself starts no token). */
static char byte_at(const struct qr_gql_lexer *lexer, uint32_t offset)
{
    return offset < lexer->size ? lexer->text[offset] : '\0';
}

static bool text_at(const struct qr_gql_lexer *lexer, uint32_t offset, const char *text)
{
    for (; *text != '\0'; text++, offset++) {
        if (byte_at(lexer, offset) != *text) {
            return false;
        }
    }
    return true;
}

static struct qr_gql_pos pos_here(const struct qr_gql_lexer *lexer)
{
    return (struct qr_gql_pos){lexer->offset, lexer->line,
                               lexer->offset - lexer->line_start - lexer->line_extra + 1};
}

static void begin_line(struct qr_gql_lexer *lexer)
{
    lexer->line++;
    lexer->line_start = lexer->offset;
    lexer->line_extra = 0;
}

/* Steps over a line end at the current offset. */
static void skip_line_end(struct qr_gql_lexer *lexer)
{
    lexer->offset += text_at(lexer, lexer->offset, "\r\n") ? 2 : 1;
    begin_line(lexer);
}

quire_status qr_gql_syntax_error(struct qr_gql_lexer *lexer, struct qr_gql_pos pos,
                                 struct qr_gql_str message)
{
    struct qr_gql_buffer buffer;
    struct qr_gql_str text;
    qr_gql_buffer_init(&buffer, lexer->report->arena, lexer->err); /* outlives the lexer's */
    qr_gql_buffer_text(&buffer, "Syntax Error: ");
    qr_gql_buffer_str(&buffer, message);
    QR_TRY(qr_gql_buffer_finish(&buffer, &text));
    (void)qr_gql_report_message(lexer->report, &pos, 1, text);
    if (lexer->report->status != QUIRE_OK) {
        return lexer->report->status;
    }
    return qr_fail_text(lexer->err, QUIRE_SYNTAX, "", pos.line, pos.column,
                        "Syntax error at line %u, column %u: %.*s", pos.line, pos.column,
                        QR_GQL_FMT(message));
}

static quire_status syntax_error_here(struct qr_gql_lexer *lexer, const char *message)
{
    return qr_gql_syntax_error(lexer, pos_here(lexer), qr_gql_str_of(message));
}

/* An error that names the character at the current offset. */
static quire_status character_error(struct qr_gql_lexer *lexer, const char *before)
{
    struct qr_gql_buffer buffer;
    qr_gql_buffer_init(&buffer, lexer->arena, lexer->err);
    qr_gql_buffer_text(&buffer, before);
    uint32_t code_point;
    const char *at = lexer->text + lexer->offset;
    if (lexer->offset >= lexer->size) {
        qr_gql_buffer_text(&buffer, "<EOF>");
    } else if (qr_gql_utf8_decode(at, lexer->size - lexer->offset, &code_point) == 0) {
        qr_gql_buffer_format(&buffer, "byte 0x%02X, which is not UTF-8", (unsigned char)*at);
    } else if (code_point == '"') {
        qr_gql_buffer_text(&buffer, "'\"'");
    } else if (code_point >= 0x20 && code_point <= 0x7E) {
        qr_gql_buffer_format(&buffer, "\"%c\"", (char)code_point);
    } else {
        qr_gql_buffer_format(&buffer, "U+%04X", code_point);
    }
    qr_gql_buffer_char(&buffer, '.');
    struct qr_gql_str message;
    QR_TRY(qr_gql_buffer_finish(&buffer, &message));
    return qr_gql_syntax_error(lexer, pos_here(lexer), message);
}

/* Steps over one character of a string or comment (not a line end). Only bytes that are not UTF-8
 * fail. */
static quire_status skip_character(struct qr_gql_lexer *lexer, const char *error)
{
    if ((unsigned char)lexer->text[lexer->offset] < 0x80) {
        lexer->offset++;
        return QUIRE_OK;
    }
    uint32_t code_point;
    size_t length =
        qr_gql_utf8_decode(lexer->text + lexer->offset, lexer->size - lexer->offset, &code_point);
    if (length == 0) {
        return character_error(lexer, error);
    }
    lexer->offset += (uint32_t)length;
    lexer->line_extra += (uint32_t)length - 1;
    return QUIRE_OK;
}

/* Moves to the next token's first byte. */
static quire_status skip_ignored(struct qr_gql_lexer *lexer)
{
    while (lexer->offset < lexer->size) {
        switch (lexer->text[lexer->offset]) {
        case '\t':
        case ' ':
        case ',':
            lexer->offset++;
            break;
        case '\n':
        case '\r':
            skip_line_end(lexer);
            break;
        case '#':
            while (lexer->offset < lexer->size && lexer->text[lexer->offset] != '\n' &&
                   lexer->text[lexer->offset] != '\r') {
                QR_TRY(skip_character(lexer, "Invalid character within comment: "));
            }
            break;
        case '\xEF': /* the byte order mark */
            if (!text_at(lexer, lexer->offset, "\xEF\xBB\xBF")) {
                return QUIRE_OK;
            }
            lexer->offset += 3;
            lexer->line_extra += 2;
            break;
        default:
            return QUIRE_OK;
        }
    }
    return QUIRE_OK;
}

static quire_status read_digits(struct qr_gql_lexer *lexer)
{
    if (!is_digit(byte_at(lexer, lexer->offset))) {
        return character_error(lexer, "Invalid number, expected digit but got: ");
    }
    while (is_digit(byte_at(lexer, lexer->offset))) {
        lexer->offset++;
    }
    return QUIRE_OK;
}

static quire_status read_number(struct qr_gql_lexer *lexer, struct qr_gql_token *token)
{
    token->kind = QR_GQL_TOKEN_INT;
    lexer->offset += byte_at(lexer, lexer->offset) == '-';
    if (byte_at(lexer, lexer->offset) == '0') {
        lexer->offset++;
        if (is_digit(byte_at(lexer, lexer->offset))) {
            return character_error(lexer, "Invalid number, unexpected digit after 0: ");
        }
    } else {
        QR_TRY(read_digits(lexer));
    }
    if (byte_at(lexer, lexer->offset) == '.') {
        token->kind = QR_GQL_TOKEN_FLOAT;
        lexer->offset++;
        QR_TRY(read_digits(lexer));
    }
    char next = byte_at(lexer, lexer->offset);
    if (next == 'e' || next == 'E') {
        token->kind = QR_GQL_TOKEN_FLOAT;
        lexer->offset++;
        char sign = byte_at(lexer, lexer->offset);
        lexer->offset += sign == '+' || sign == '-';
        QR_TRY(read_digits(lexer));
        next = byte_at(lexer, lexer->offset);
    }
    if (next == '.' || is_name_start(next)) {
        return character_error(lexer, "Invalid number, expected digit but got: ");
    }
    return QUIRE_OK;
}

/* ---- strings ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Four hexadecimal digits, or UINT32_MAX. */
static uint32_t read_hex4(const struct qr_gql_lexer *lexer, uint32_t offset)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < 4; i++) {
        int digit = hex_digit(byte_at(lexer, offset + i));
        if (digit < 0) {
            return UINT32_MAX;
        }
        value = value << 4 | (uint32_t)digit;
    }
    return value;
}

/* `size` bytes from the current offset, kept inside the text and whole characters. */
static quire_status escape_error(struct qr_gql_lexer *lexer, const char *what, uint32_t size)
{
    uint32_t left = lexer->size - lexer->offset;
    size = size < left ? size : left;
    while (size < left && (lexer->text[lexer->offset + size] & 0xC0) == 0x80) {
        size++;
    }
    char *message = qr_gql_format(lexer->arena, lexer->err, "Invalid %s escape sequence: \"%.*s\".",
                                  what, (int)size, lexer->text + lexer->offset);
    return message == NULL ? qr_gql_memory_status(lexer->err)
                           : qr_gql_syntax_error(lexer, pos_here(lexer), qr_gql_str_of(message));
}

/* `\u{...}`: any number of digits, the value a Unicode scalar value. */
static quire_status read_braced_escape(struct qr_gql_lexer *lexer, uint32_t *code_point)
{
    enum { SHOWN_MAX = 12 };
    uint32_t value = 0, size = 3;
    int digit;
    while ((digit = hex_digit(byte_at(lexer, lexer->offset + size))) >= 0) {
        value = value > 0x10FFFF ? value : value << 4 | (uint32_t)digit;
        size++;
    }
    bool closed = byte_at(lexer, lexer->offset + size) == '}';
    if (!closed || size == 3 || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        return escape_error(lexer, "Unicode", size < SHOWN_MAX ? size + 1 : SHOWN_MAX);
    }
    *code_point = value;
    lexer->offset += size + 1;
    return QUIRE_OK;
}

/* `\uXXXX`, or two of them as a surrogate pair. */
static quire_status read_fixed_escape(struct qr_gql_lexer *lexer, uint32_t *code_point)
{
    uint32_t value = read_hex4(lexer, lexer->offset + 2);
    uint32_t size = 6;
    if (value >= 0xD800 && value <= 0xDBFF && text_at(lexer, lexer->offset + 6, "\\u")) {
        uint32_t low = read_hex4(lexer, lexer->offset + 8);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
            size = 12;
        }
    }
    if (value == UINT32_MAX || (value >= 0xD800 && value <= 0xDFFF)) {
        return escape_error(lexer, "Unicode", 6);
    }
    *code_point = value;
    lexer->offset += size;
    return QUIRE_OK;
}

static quire_status read_escape(struct qr_gql_lexer *lexer, uint32_t *code_point)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    char letter = byte_at(lexer, lexer->offset + 1);
    if (letter == 'u') {
        return byte_at(lexer, lexer->offset + 2) == '{' ? read_braced_escape(lexer, code_point)
                                                        : read_fixed_escape(lexer, code_point);
    }
    const char *found = letter == '\0' ? NULL : strchr(letters, letter);
    if (found == NULL) {
        return escape_error(lexer, "character", 2);
    }
    *code_point = (uint32_t)meanings[found - letters];
    lexer->offset += 2;
    return QUIRE_OK;
}

static quire_status read_string(struct qr_gql_lexer *lexer, struct qr_gql_token *token)
{
    token->kind = QR_GQL_TOKEN_STRING;
    uint32_t piece = ++lexer->offset; /* begin of what is not yet in the buffer */
    bool escaped = false;
    struct qr_gql_buffer buffer;
    qr_gql_buffer_init(&buffer, lexer->arena, lexer->err);
    while (lexer->offset < lexer->size) {
        char c = lexer->text[lexer->offset];
        if (c == '"') {
            qr_gql_buffer_bytes(&buffer, lexer->text + piece, escaped ? lexer->offset - piece : 0);
            token->value = (struct qr_gql_str){lexer->text + piece, lexer->offset - piece};
            lexer->offset++;
            return escaped ? qr_gql_buffer_finish(&buffer, &token->value) : QUIRE_OK;
        }
        if (c == '\n' || c == '\r') {
            break;
        }
        if (c == '\\') {
            uint32_t code_point = 0;
            qr_gql_buffer_bytes(&buffer, lexer->text + piece, lexer->offset - piece);
            QR_TRY(read_escape(lexer, &code_point));
            qr_gql_buffer_code_point(&buffer, code_point);
            piece = lexer->offset;
            escaped = true;
        } else {
            QR_TRY(skip_character(lexer, "Invalid character within String: "));
        }
    }
    return syntax_error_here(lexer, "Unterminated string.");
}

/* The next line of a block string's raw text, without its end; *at moves behind it. */
static struct qr_gql_str next_line(struct qr_gql_str raw, size_t *at)
{
    size_t start = *at, end = start;
    while (end < raw.size && raw.data[end] != '\n' && raw.data[end] != '\r') {
        end++;
    }
    bool pair = end + 1 < raw.size && raw.data[end] == '\r' && raw.data[end + 1] == '\n';
    *at = end < raw.size ? end + (pair ? 2 : 1) : raw.size + 1;
    return (struct qr_gql_str){raw.data + start, end - start};
}

static size_t leading_white(struct qr_gql_str line)
{
    size_t size = 0;
    while (size < line.size && (line.data[size] == ' ' || line.data[size] == '\t')) {
        size++;
    }
    return size;
}

/* What a first pass over the lines of a block string finds. */
struct block_shape {
    size_t indent;      /* common to all lines but the first; SIZE_MAX when none counts */
    size_t first, last; /* numbers of the first and last line that are not blank */
    bool blank;         /* there is no such line */
};

static struct block_shape measure_block(struct qr_gql_str raw)
{
    struct block_shape shape = {SIZE_MAX, 0, 0, true};
    size_t number = 0;
    for (size_t at = 0; at <= raw.size; number++) {
        struct qr_gql_str line = next_line(raw, &at);
        size_t white = leading_white(line);
        if (white == line.size) {
            continue;
        }
        if (shape.blank) {
            shape.first = number;
            shape.blank = false;
        }
        shape.last = number;
        if (number > 0 && white < shape.indent) {
            shape.indent = white;
        }
    }
    return shape;
}

/* Appends a line with each \""" as """. */
static void append_block_line(struct qr_gql_buffer *buffer, struct qr_gql_str line)
{
    size_t piece = 0;
    for (size_t i = 0; i + 3 < line.size; i++) {
        if (line.data[i] == '\\' && memcmp(line.data + i + 1, "\"\"\"", 3) == 0) {
            qr_gql_buffer_bytes(buffer, line.data + piece, i - piece);
            piece = i + 1;
            i += 3;
        }
    }
    qr_gql_buffer_bytes(buffer, line.data + piece, line.size - piece);
}

quire_status qr_gql_block_string_value(struct qr_arena *arena, struct qr_gql_str raw,
                                       struct qr_gql_str *out, quire_error *err)
{
    struct block_shape shape = measure_block(raw);
    struct qr_gql_buffer buffer;
    qr_gql_buffer_init(&buffer, arena, err);
    size_t number = 0;
    for (size_t at = 0; !shape.blank && at <= raw.size && number <= shape.last; number++) {
        struct qr_gql_str line = next_line(raw, &at);
        if (number < shape.first) {
            continue;
        }
        if (number > shape.first) {
            qr_gql_buffer_char(&buffer, '\n');
        }
        size_t cut = number == 0 ? 0 : shape.indent < line.size ? shape.indent : line.size;
        append_block_line(&buffer, (struct qr_gql_str){line.data + cut, line.size - cut});
    }
    return qr_gql_buffer_finish(&buffer, out);
}

static quire_status read_block_string(struct qr_gql_lexer *lexer, struct qr_gql_token *token)
{
    token->kind = QR_GQL_TOKEN_BLOCK_STRING;
    lexer->offset += 3;
    uint32_t start = lexer->offset;
    while (lexer->offset < lexer->size) {
        char c = lexer->text[lexer->offset];
        if (c == '"' && text_at(lexer, lexer->offset, "\"\"\"")) {
            struct qr_gql_str raw = {lexer->text + start, lexer->offset - start};
            lexer->offset += 3;
            return qr_gql_block_string_value(lexer->arena, raw, &token->value, lexer->err);
        }
        if (c == '\\' && text_at(lexer, lexer->offset, "\\\"\"\"")) {
            lexer->offset += 4;
        } else if (c == '\n' || c == '\r') {
            skip_line_end(lexer);
        } else {
            QR_TRY(skip_character(lexer, "Invalid character within String: "));
        }
    }
    return syntax_error_here(lexer, "Unterminated string.");
}

/* ---- tokens ---- */

static enum qr_gql_token_kind punctuator(char c)
{
    switch (c) {
    case '!':
        return QR_GQL_TOKEN_BANG;
    case '$':
        return QR_GQL_TOKEN_DOLLAR;
    case '&':
        return QR_GQL_TOKEN_AMP;
    case '(':
        return QR_GQL_TOKEN_PAREN_L;
    case ')':
        return QR_GQL_TOKEN_PAREN_R;
    case ':':
        return QR_GQL_TOKEN_COLON;
    case '=':
        return QR_GQL_TOKEN_EQUALS;
    case '@':
        return QR_GQL_TOKEN_AT;
    case '[':
        return QR_GQL_TOKEN_BRACKET_L;
    case ']':
        return QR_GQL_TOKEN_BRACKET_R;
    case '{':
        return QR_GQL_TOKEN_BRACE_L;
    case '|':
        return QR_GQL_TOKEN_PIPE;
    case '}':
        return QR_GQL_TOKEN_BRACE_R;
    default:
        return QR_GQL_TOKEN_EOF;
    }
}

static void read_name(struct qr_gql_lexer *lexer, struct qr_gql_token *token)
{
    token->kind = QR_GQL_TOKEN_NAME;
    while (lexer->offset < lexer->size && is_name_continue(lexer->text[lexer->offset])) {
        lexer->offset++;
    }
}

/* A dot that begins no "...". */
static quire_status dot_error(struct qr_gql_lexer *lexer)
{
    if (byte_at(lexer, lexer->offset + 1) == '.') {
        return syntax_error_here(lexer, "Unexpected \"..\", did you mean \"...\"?");
    }
    uint32_t digits = 0;
    while (digits < DESCRIBED_BYTES_MAX && is_digit(byte_at(lexer, lexer->offset + 1 + digits))) {
        digits++;
    }
    if (digits == 0) {
        return character_error(lexer, "Unexpected character: ");
    }
    char *message =
        qr_gql_format(lexer->arena, lexer->err,
                      "Invalid number, expected digit before \".\", did you mean \"0.%.*s\"?",
                      (int)digits, lexer->text + lexer->offset + 1);
    return message == NULL ? qr_gql_memory_status(lexer->err)
                           : qr_gql_syntax_error(lexer, pos_here(lexer), qr_gql_str_of(message));
}

static quire_status read_token(struct qr_gql_lexer *lexer, struct qr_gql_token *token)
{
    char c = lexer->text[lexer->offset];
    token->kind = punctuator(c);
    if (token->kind != QR_GQL_TOKEN_EOF) {
        lexer->offset++;
        return QUIRE_OK;
    }
    if (is_name_start(c)) {
        read_name(lexer, token);
        return QUIRE_OK;
    }
    if (is_digit(c) || c == '-') {
        return read_number(lexer, token);
    }
    if (c == '"') {
        return text_at(lexer, lexer->offset, "\"\"\"") ? read_block_string(lexer, token)
                                                       : read_string(lexer, token);
    }
    if (c == '.') {
        if (!text_at(lexer, lexer->offset, "...")) {
            return dot_error(lexer);
        }
        token->kind = QR_GQL_TOKEN_SPREAD;
        lexer->offset += 3;
        return QUIRE_OK;
    }
    if (c == '\'') {
        return syntax_error_here(
            lexer,
            "Unexpected single quote character ('), did you mean to use a double quote (\")?");
    }
    return character_error(lexer, "Unexpected character: ");
}

/* Coordinates are names and a few signs, without anything between them. */
static quire_status read_coordinate_token(struct qr_gql_lexer *lexer, struct qr_gql_token *token)
{
    char c = lexer->text[lexer->offset];
    if (is_name_start(c)) {
        read_name(lexer, token);
        return QUIRE_OK;
    }
    token->kind = c == '.' ? QR_GQL_TOKEN_DOT : punctuator(c);
    switch (c) {
    case '.':
    case '(':
    case ')':
    case ':':
    case '@':
        lexer->offset++;
        return QUIRE_OK;
    default:
        return character_error(lexer, "Invalid character: ");
    }
}

quire_status qr_gql_lexer_next(struct qr_gql_lexer *lexer, struct qr_gql_token *token)
{
    if (!lexer->coordinate) {
        QR_TRY(skip_ignored(lexer));
    }
    *token = (struct qr_gql_token){.kind = QR_GQL_TOKEN_EOF, .pos = pos_here(lexer)};
    if (lexer->offset >= lexer->size) {
        token->end = lexer->size;
        return QUIRE_OK;
    }
    if (lexer->tokens_max != 0 && lexer->token_count == lexer->tokens_max) {
        char *message = qr_gql_format(lexer->arena, lexer->err,
                                      "Document contains more than %u tokens. Parsing aborted.",
                                      lexer->tokens_max);
        return message == NULL ? qr_gql_memory_status(lexer->err)
                               : qr_gql_syntax_error(lexer, token->pos, qr_gql_str_of(message));
    }
    lexer->token_count++;
    QR_TRY(lexer->coordinate ? read_coordinate_token(lexer, token) : read_token(lexer, token));
    token->end = lexer->offset;
    if (token->kind >= QR_GQL_TOKEN_NAME && token->kind <= QR_GQL_TOKEN_FLOAT) {
        token->value =
            (struct qr_gql_str){lexer->text + token->pos.offset, token->end - token->pos.offset};
    }
    return QUIRE_OK;
}

const char *qr_gql_token_kind_name(enum qr_gql_token_kind kind)
{
    static const char *const names[] = {
        "<EOF>", "!", "$", "&", "(", ")",    ".",   "...",   ":",      "=",          "@",
        "[",     "]", "{", "|", "}", "Name", "Int", "Float", "String", "BlockString"};
    return names[kind];
}

struct qr_gql_str qr_gql_token_describe(struct qr_arena *arena, const struct qr_gql_token *token)
{
    const char *name = qr_gql_token_kind_name(token->kind);
    bool punctuator = token->kind != QR_GQL_TOKEN_EOF && token->kind < QR_GQL_TOKEN_NAME;
    struct qr_gql_buffer buffer;
    struct qr_gql_str text, value = token->value;
    qr_gql_buffer_init(&buffer, arena, NULL);
    qr_gql_buffer_text(&buffer, punctuator ? "\"" : "");
    qr_gql_buffer_text(&buffer, name);
    qr_gql_buffer_text(&buffer, punctuator ? "\"" : "");
    if (value.data != NULL) {
        bool cut = value.size > DESCRIBED_BYTES_MAX;
        value.size = cut ? DESCRIBED_BYTES_MAX : value.size;
        while (cut && (value.data[value.size] & 0xC0) == 0x80) {
            value.size--;
        }
        qr_gql_buffer_text(&buffer, " \"");
        qr_gql_buffer_str(&buffer, value);
        qr_gql_buffer_text(&buffer, cut ? "...\"" : "\"");
    }
    return qr_gql_buffer_finish(&buffer, &text) == QUIRE_OK ? text : qr_gql_str_of(name);
}
