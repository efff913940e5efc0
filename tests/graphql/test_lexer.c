/*
 * The lexer: tokens, their values and places, and what it refuses.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "graphql/language_fixture.h"

static struct language l;

static void begin(void)
{
    language_begin(&l);
}

static void end(void)
{
    language_end(&l);
}

TestSuite(lexer, .init = begin, .fini = end);

/* All tokens as "kind@line:column=value", apart by blanks; "error" at the end for wrong text. */
static const char *tokens_of(const char *text, size_t size)
{
    struct qr_gql_lexer lexer;
    struct qr_gql_token token;
    struct qr_gql_buffer buffer;
    struct qr_gql_str out;
    language_forget(&l);
    qr_gql_buffer_init(&buffer, &l.arena, NULL);
    cr_assert(qr_gql_lexer_init(&lexer, &l.arena, text, size, &l.report, &l.err) == QUIRE_OK);
    for (;;) {
        quire_status status = qr_gql_lexer_next(&lexer, &token);
        if (status != QUIRE_OK) {
            qr_gql_buffer_text(&buffer, "error");
            break;
        }
        if (token.kind == QR_GQL_TOKEN_EOF) {
            break;
        }
        qr_gql_buffer_format(&buffer, "%s@%u:%u", qr_gql_token_kind_name(token.kind),
                             token.pos.line, token.pos.column);
        if (token.value.data != NULL) {
            qr_gql_buffer_format(&buffer, "=%.*s", QR_GQL_FMT(token.value));
        }
        qr_gql_buffer_char(&buffer, ' ');
    }
    (void)qr_gql_buffer_finish(&buffer, &out);
    return out.data;
}

static const char *tokens(const char *text)
{
    return tokens_of(text, strlen(text));
}

/* The value of the one string token in the text. */
static const char *string(const char *text)
{
    const char *all = tokens(text);
    const char *equals = strchr(all, '=');
    return equals == NULL ? all : equals + 1;
}

Test(lexer, tokens__are_named_and_placed)
{
    cr_assert_str_eq(tokens("{a(b:1)}"),
                     "{@1:1 Name@1:2=a (@1:3 Name@1:4=b :@1:5 Int@1:6=1 )@1:7 }@1:8 ");
    cr_assert_str_eq(tokens("! $ & ... = @ [ ] |"),
                     "!@1:1 $@1:3 &@1:5 ...@1:7 =@1:11 @@1:13 [@1:15 ]@1:17 |@1:19 ");
}

Test(lexer, lines__end_with_lf_cr_and_both)
{
    cr_assert_str_eq(tokens("a\nb\rc\r\nd\n\re"),
                     "Name@1:1=a Name@2:1=b Name@3:1=c Name@4:1=d Name@6:1=e ");
}

Test(lexer, columns__count_code_points)
{
    cr_assert_str_eq(tokens("\"\xC3\xA9\xF0\x9F\x98\x80\" a"),
                     "String@1:1=\xC3\xA9\xF0\x9F\x98\x80 Name@1:6=a ");
    cr_assert_str_eq(tokens("\xEF\xBB\xBF a"), "Name@1:3=a ");
}

Test(lexer, ignored__are_blanks_commas_comments_and_bom)
{
    cr_assert_str_eq(tokens(",\t ,a # b \xC3\xA9\n,\xEF\xBB\xBF,c"), "Name@1:5=a Name@2:4=c ");
    cr_assert_str_eq(tokens("#"), "");
    cr_assert_str_eq(tokens(""), "");
}

Test(lexer, numbers__are_int_or_float)
{
    cr_assert_str_eq(tokens("0 -0 12 -1.50 1e3 1E+3 1.0e-3"),
                     "Int@1:1=0 Int@1:3=-0 Int@1:6=12 Float@1:9=-1.50 Float@1:15=1e3 "
                     "Float@1:19=1E+3 Float@1:24=1.0e-3 ");
}

Test(lexer, numbers__are_refused_with_a_reason)
{
    static const char *const cases[][3] = {
        {"00", "Syntax Error: Invalid number, unexpected digit after 0: \"0\".", "1:2"},
        {"-", "Syntax Error: Invalid number, expected digit but got: <EOF>.", "1:2"},
        {"1.", "Syntax Error: Invalid number, expected digit but got: <EOF>.", "1:3"},
        {"1.2.3", "Syntax Error: Invalid number, expected digit but got: \".\".", "1:4"},
        {"1x", "Syntax Error: Invalid number, expected digit but got: \"x\".", "1:2"},
        {"+1", "Syntax Error: Unexpected character: \"+\".", "1:1"},
        {".5", "Syntax Error: Invalid number, expected digit before \".\", did you mean \"0.5\"?",
         "1:1"},
        {"..", "Syntax Error: Unexpected \"..\", did you mean \"...\"?", "1:1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)tokens(cases[i][0]);
        cr_expect_str_eq(language_message(&l), cases[i][1]);
        cr_expect_str_eq(language_places(&l), cases[i][2]);
    }
}

Test(lexer, strings__decode_escapes)
{
    cr_assert_str_eq(string("\"a\\n\\\"\\\\\\/b\""), "a\n\"\\/b ");
    cr_assert_str_eq(string("\"\\u00e9\\u{1F600}\\uD83D\\uDE00\""),
                     "\xC3\xA9\xF0\x9F\x98\x80\xF0\x9F\x98\x80 ");
    cr_assert_str_eq(string("\"\\u{00000000000041}\""), "A ");
    cr_assert_str_eq(string("\"\""), " ");
}

Test(lexer, strings__refuse_wrong_escapes)
{
    static const char *const cases[] = {
        "\"\\x\"",        "\"\\u00\"",       "\"\\uD83D\"",   "\"\\uDE00\\uD83D\"",
        "\"\\u{}\"",      "\"\\u{110000}\"", "\"\\u{D800}\"", "\"\\u{12\"",
        "\"unfinished",   "\"line\nend\"",   "\"\\",          "\"\\u{FFFFFFFFFFFFFFFFFFFF}\"",
        "\"\"\"no end\"", "'single'",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *got = tokens(cases[i]);
        cr_expect_str_eq(got, "error", "%s gave %s", cases[i], got);
        cr_expect(l.report.count == 1);
        cr_expect(l.err.status == QUIRE_SYNTAX);
    }
}

Test(lexer, block_strings__lose_common_indentation)
{
    cr_assert_str_eq(string("\"\"\"\n    a\n      b\r\n\n    c\n  \"\"\""), "a\n  b\n\nc ");
    cr_assert_str_eq(string("\"\"\"  first\n    second\"\"\""), "  first\nsecond ");
    cr_assert_str_eq(string("\"\"\"a \\\"\"\" b \\n\"\"\""), "a \"\"\" b \\n ");
    cr_assert_str_eq(string("\"\"\"\n\n\"\"\""), " ");
}

Test(lexer, block_strings__keep_count_of_lines)
{
    cr_assert_str_eq(tokens("\"\"\"\nx\n\"\"\" a"), "BlockString@1:1=x Name@3:5=a ");
}

Test(lexer, bytes__must_be_utf8)
{
    static const char *const cases[] = {
        "\"\xFF\"",             /* no such lead */
        "\"\xC0\x80\"",         /* overlong */
        "\"\xE0\x80\x80\"",     /* overlong */
        "\"\xED\xA0\x80\"",     /* surrogate */
        "\"\xF4\x90\x80\x80\"", /* beyond U+10FFFF */
        "\"\xE2\x82\"",         /* cut short */
        "# \x80",               /* inside a comment */
        "\"\"\"\xFF\"\"\"",
        "\xC3\xA9", /* a letter that begins no token */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *got = tokens(cases[i]);
        cr_expect(strstr(got, "error") != NULL, "case %zu gave %s", i, got);
    }
    cr_assert_str_eq(tokens_of("a\0b", 3), "Name@1:1=a error");
    cr_assert_str_eq(language_message(&l), "Syntax Error: Unexpected character: U+0000.");
}

Test(lexer, control_characters__may_stand_in_strings)
{
    cr_assert_str_eq(string("\"a\x01\x7F\""), "a\x01\x7F ");
}

Test(lexer, token_limit__stops_reading)
{
    struct qr_gql_lexer lexer;
    struct qr_gql_token token;
    quire_status status = QUIRE_OK;
    cr_assert(qr_gql_lexer_init(&lexer, &l.arena, "a b c d", 7, &l.report, &l.err) == QUIRE_OK);
    lexer.tokens_max = 3;
    for (int i = 0; i < 3; i++) {
        status = qr_gql_lexer_next(&lexer, &token);
        cr_assert(status == QUIRE_OK);
    }
    cr_assert(qr_gql_lexer_next(&lexer, &token) == QUIRE_SYNTAX);
    cr_assert_str_eq(language_message(&l),
                     "Syntax Error: Document contains more than 3 tokens. Parsing aborted.");
}

Test(lexer, end__may_be_read_again)
{
    struct qr_gql_lexer lexer;
    struct qr_gql_token token;
    cr_assert(qr_gql_lexer_init(&lexer, &l.arena, " ", 1, &l.report, &l.err) == QUIRE_OK);
    for (int i = 0; i < 3; i++) {
        cr_assert(qr_gql_lexer_next(&lexer, &token) == QUIRE_OK);
        cr_assert(token.kind == QR_GQL_TOKEN_EOF && token.pos.column == 2);
    }
}
