/*
 * The operators like and regex: what they match, that their time is bounded,
 * and that an index serves their fixed beginnings.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graphql/like.h"
#include "graphql/regex.h"
#include "mapping_fixture.h"
#include "world.h"

Test(mapping, like__matches_whole_texts)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    static const struct {
        const char *operators, *ids;
    } cases[] = {
        {"like: \"Al%\"", "[{\"id\":\"b1\"},{\"id\":\"b6\"}]"},
        {"like: \"%a\"", "[{\"id\":\"b1\"},{\"id\":\"b2\"},{\"id\":\"b3\"},{\"id\":\"b4\"}]"},
        {"like: \"_eta\"", "[{\"id\":\"b2\"}]"},
        {"like: \"%lph%\", mode: insensitive", "[{\"id\":\"b1\"},{\"id\":\"b5\"}]"},
        {"like: \"AL%\", mode: insensitive", "[{\"id\":\"b1\"},{\"id\":\"b5\"},{\"id\":\"b6\"}]"},
        {"like: \"\"", "[]"},
        {"like: \"A_\"", "[{\"id\":\"b6\"}]"},
        {"like: \"A\\\\_\"", "[]"},
        {"regex: \"^Al(pha)?$\"", "[{\"id\":\"b1\"},{\"id\":\"b6\"}]"},
        {"regex: \"lp.a\"", "[{\"id\":\"b1\"},{\"id\":\"b5\"}]"},
        {"regex: \"^AL\", mode: insensitive", "[{\"id\":\"b1\"},{\"id\":\"b5\"},{\"id\":\"b6\"}]"},
        {"regex: \"t{2}|amm\"", "[{\"id\":\"b3\"}]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char document[200];
        char expected[200];
        snprintf(document, sizeof document, "{ books(where: {title: {%s}}) { items { id } } }",
                 cases[i].operators);
        snprintf(expected, sizeof expected, "{\"data\":{\"books\":{\"items\":%s}}}", cases[i].ids);
        MAPPING_IS(db, document, expected);
    }
    /* Null has no text; characters are code points. */
    MAPPING_HAS(db, "{ authors(where: {country: {like: \"%\"}}) { totalCount } }",
                "\"totalCount\":2");
    MAPPING_HAS(db, "{ authors(where: {name: {like: \"_mile\"}}) { totalCount } }",
                "\"totalCount\":1");
    MAPPING_HAS(db, "{ authors(where: {name: {regex: \"^\\\\wmile$\"}}) { totalCount } }",
                "\"totalCount\":1");
    mapping_close(db);
}

Test(mapping, pattern__refuses_what_is_none_or_has_no_bound)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    static const struct {
        const char *operators, *message, *code;
    } cases[] = {
        {"like: \"a\\\\\"", "ends in", "BAD_INPUT"},
        {"regex: \"a(\"", "is no regular expression", "BAD_INPUT"},
        {"regex: \"a)(b\"", "is no regular expression", "BAD_INPUT"},
        {"regex: \"(a)\\\\1\"", "not supported", "BAD_INPUT"},
        {"regex: \"(?:a\\\\Kb)\"", "not supported", "BAD_INPUT"},
        {"regex: \"\\\\C\"", "is no regular expression", "BAD_INPUT"},
        {"regex: null", "must not be null", "BAD_INPUT"},
        {"like: null", "must not be null", "BAD_INPUT"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char document[200];
        snprintf(document, sizeof document, "{ books(where: {title: {%s}}) { items { id } } }",
                 cases[i].operators);
        MAPPING_HAS(db, document, cases[i].message);
        MAPPING_HAS(db, document, cases[i].code);
    }
    static const char *const operators[] = {"regex", "like"};
    char *letters = calloc(1, 10002);
    char *document = malloc(10100);
    memset(letters, 'a', 10001);
    for (size_t i = 0; i < 2; i++) {
        snprintf(document, 10100, "{ books(where: {title: {%s: \"%s\"}}) { totalCount } }",
                 operators[i], letters);
        MAPPING_HAS(db, document, "\"code\":\"LIMIT\"");
    }
    free(document);
    free(letters);
    mapping_close(db);
}

Test(mapping, pattern__begins_in_an_index_where_its_beginning_is_fixed)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    static const char *const operators[] = {
        "like: \"Al%\"",      "like: \"Al%h_\"",     "like: \"Al\"",
        "regex: \"^Al\"",     "regex: \"^Alx?\"",    "regex: \"^Al.*a$\"",
        "startsWith: \"Al\"", "regex: \"^Al[p-z]\"", "regex: \"^A\\\\x6c\", gt: \"Ak\", lt: \"Am\"",
    };
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        char document[200];
        snprintf(document, sizeof document, "{ books(where: {title: {%s}}) { items { id } } }",
                 operators[i]);
        MAPPING_EXPLAINS(db, document,
                         "\"access\":\"index range\",\"index\":\"Book.title\",\"order\":\"sorted\","
                         "\"filtered\":true,\"rowsRead\":2");
    }
    MAPPING_EXPLAINS(db, "{ books(where: {title: {regex: \"^Al|^B\"}}) { items { id } } }",
                     "\"access\":\"scan\"");
    MAPPING_EXPLAINS(db, "{ books(where: {title: {like: \"%a\"}}) { items { id } } }",
                     "\"access\":\"scan\"");
    /* The index's own entries are matched: no row is read to count. */
    MAPPING_EXPLAINS(db, "{ books(where: {title: {like: \"A%a\"}}) { totalCount } }",
                     "\"index\":\"Book.title\",\"order\":\"sorted\",\"filtered\":true,"
                     "\"rowsRead\":0,\"rowsReturned\":1");
    mapping_close(db);
}

/* Indexes of the built-in collation are made by the native API. */
Test(mapping, pattern__without_regard_to_case_takes_a_folded_index)
{
    static const quire_index_column column = {.name = "title", .collation = "nocase"};
    static const quire_index_def def = {.name = "folded", .columns = &column, .column_count = 1};
    static const struct {
        const char *operators, *ids;
    } cases[] = {{"equals: \"bETA\"", "[{\"id\":\"b2\"}]"},
                 {"startsWith: \"AL\"", "[{\"id\":\"b1\"},{\"id\":\"b5\"},{\"id\":\"b6\"}]"},
                 {"like: \"aL%T\"", "[{\"id\":\"b5\"}]"},
                 {"regex: \"^ALPHA(?!b)\"", "[{\"id\":\"b1\"}]"},
                 {"startsWith: \"AL\", endsWith: \"ET\"", "[{\"id\":\"b5\"}]"}};
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    quire_txn *txn;
    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_index_create(txn, "Book", &def, &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq(quire_commit(txn, &err), QUIRE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char document[200];
        char expected[200];
        snprintf(document, sizeof document,
                 "{ books(where: {title: {%s, mode: insensitive}}) { items { id } } }",
                 cases[i].operators);
        snprintf(expected, sizeof expected, "{\"data\":{\"books\":{\"items\":%s}}}", cases[i].ids);
        MAPPING_IS(db, document, expected);
        MAPPING_EXPLAINS(db, document, "\"index\":\"folded\"");
    }
    MAPPING_EXPLAINS(
        db, "{ books(where: {title: {contains: \"x\", mode: insensitive}}) { items { id } } }",
        "\"access\":\"scan\"");
    MAPPING_EXPLAINS(db, "{ books(where: {title: {equals: \"x\"}}) { items { id } } }",
                     "\"index\":\"Book.title\"");
    mapping_close(db);
}

/* ---- the matchers by themselves ---- */

static const char *const pieces[] = {"a", "b", "\xC3\xA9", "\xE2\x82\xAC", "%", "_", "\\%", "\\\\"};

static size_t character(const char *text)
{
    unsigned char c = (unsigned char)text[0];
    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

/* The definition, with all its backtracking. */
static bool naive_like(const char *pattern, const char *text)
{
    if (*pattern == '\0') {
        return *text == '\0';
    }
    if (*pattern == '%') {
        for (const char *t = text;; t += character(t)) {
            if (naive_like(pattern + 1, t)) {
                return true;
            }
            if (*t == '\0') {
                return false;
            }
        }
    }
    if (*text == '\0') {
        return false;
    }
    if (*pattern == '_') {
        return naive_like(pattern + 1, text + character(text));
    }
    pattern += *pattern == '\\' ? 1 : 0;
    return *pattern == *text && naive_like(pattern + 1, text + 1);
}

static void append(char text[64], const char *piece)
{
    size_t size = strlen(text);
    snprintf(text + size, 64 - size, "%s", piece);
}

Test(mapping, like__agrees_with_its_definition)
{
    unsigned seed = 1;
    struct qr_arena arena;
    unsigned matches = 0;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    for (int i = 0; i < 20000; i++) {
        char pattern[64] = "";
        char text[64] = "";
        struct qr_like *like;
        unsigned parts = (seed = seed * 1103515245 + 12345) >> 16;
        for (unsigned p = 0; p < parts % 7; p++) {
            seed = seed * 1103515245 + 12345;
            append(pattern, pieces[(seed >> 16) % 8]);
        }
        for (unsigned p = 0; p < (parts >> 4) % 9; p++) {
            static const char *const letters[] = {"a", "b", "\xC3\xA9", "\xE2\x82\xAC", "%", "\\"};
            seed = seed * 1103515245 + 12345;
            append(text, letters[(seed >> 16) % 6]);
        }
        cr_assert_eq(
            qr_like_compile(&arena, (struct qr_gql_str){pattern, strlen(pattern)}, &like, NULL),
            QUIRE_OK);
        bool expected = naive_like(pattern, text);
        matches += expected;
        cr_assert_eq(qr_like_test(like, (struct qr_gql_str){text, strlen(text)}), expected,
                     "%s like %s", text, pattern);
        qr_arena_reset(&arena);
    }
    cr_assert_gt(matches, 1000);
    qr_arena_free(&arena);
}

/* Patterns of more than 64 elements carry from word to word. */
Test(mapping, like__takes_long_patterns)
{
    struct qr_arena arena;
    struct qr_like *like;
    char pattern[QR_LIKE_PATTERN_MAX];
    char text[2 * QR_LIKE_PATTERN_MAX];
    qr_arena_init(&arena, qr_allocator_default(), 0);
    for (size_t i = 0; i < sizeof pattern; i++) {
        pattern[i] = i % 2 == 0 ? 'a' : '_';
    }
    memset(text, 'a', sizeof text);
    cr_assert_eq(qr_like_compile(&arena, (struct qr_gql_str){pattern, sizeof pattern}, &like, NULL),
                 QUIRE_OK);
    cr_expect(qr_like_test(like, (struct qr_gql_str){text, sizeof pattern}));
    cr_expect_not(qr_like_test(like, (struct qr_gql_str){text, sizeof pattern - 1}));
    cr_expect_not(qr_like_test(like, (struct qr_gql_str){text, sizeof pattern + 1}));
    pattern[sizeof pattern - 1] = '%';
    cr_assert_eq(qr_like_compile(&arena, (struct qr_gql_str){pattern, sizeof pattern}, &like, NULL),
                 QUIRE_OK);
    cr_expect(qr_like_test(like, (struct qr_gql_str){text, sizeof text}));
    text[sizeof pattern - 2] = 'b';
    cr_expect_not(qr_like_test(like, (struct qr_gql_str){text, sizeof text}));
    qr_arena_free(&arena);
}

static quire_status match(const char *pattern, const char *text, size_t size, bool *matches)
{
    struct qr_regex *regex;
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(qr_regex_compile(qr_allocator_default(),
                                  (struct qr_gql_str){pattern, strlen(pattern)}, false, &regex,
                                  &err),
                 QUIRE_OK, "%s: %s", pattern, err.message);
    quire_status status = qr_regex_test(regex, (struct qr_gql_str){text, size}, matches, &err);
    qr_regex_free(regex);
    return status;
}

/* What takes exponential or quadratic time where a matcher goes back: here it ends, with the answer
 * or with LIMIT. */
Test(mapping, regex__takes_hostile_patterns_in_bounded_time, .timeout = 60)
{
    static const struct {
        const char *pattern;
        bool limit; /* allowed */
    } cases[] = {{"(a|a)+$", false},
                 {"(a|aa)+$", false},
                 {"(.*a){12}b", false},
                 {"a*a*a*a*a*b", false},
                 {"x*[yz]", false},
                 {"a.*b.*c", false},
                 {"^(([a-z])+.)+[A-Z]$", true},
                 {"(a+)+$", true},
                 {"[a-z]{0,60000}b", true},
                 {"(?=.*b)a+(?=.*c)", true},
                 {"(?!.*!b)(a(?=.*!))+c", true},
                 {"a+b", true}};
    static const size_t sizes[] = {100, 30000, 300000};
    char *text = malloc(300000);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        memset(text, 'a', sizes[s]);
        text[sizes[s] - 1] = '!';
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            bool matches = false;
            quire_status status = match(cases[i].pattern, text, sizes[s], &matches);
            cr_expect(status == QUIRE_OK || (cases[i].limit && status == QUIRE_LIMIT), "%s: %s",
                      cases[i].pattern, quire_status_name(status));
            cr_expect_not(matches, "%s", cases[i].pattern);
        }
    }
    free(text);
}

/* Where one pass would follow too many ways, short texts have their answer all the same. */
Test(mapping, regex__goes_back_in_short_texts)
{
    char text[3000];
    bool matches = false;
    memset(text, 'a', sizeof text);
    cr_expect_eq(match("[a-z]+@", text, sizeof text, &matches), QUIRE_OK);
    cr_expect_not(matches);
    text[sizeof text - 1] = '@';
    cr_expect_eq(match("[a-z]+@$", text, sizeof text, &matches), QUIRE_OK);
    cr_expect(matches);
}

Test(mapping, regex__knows_what_matches_begin_with)
{
    static const struct {
        const char *pattern, *prefix;
    } cases[] = {
        {"^abc", "abc"}, {"^abc?d", "ab"}, {"^ab+", "ab"},       {"^ab*", "a"},
        {"^ab{2}", "a"}, {"abc", ""},      {"^a|b", ""},         {"^a\\.b", "a.b"},
        {"^a\\db", "a"}, {"^(ab)", ""},    {"^a\xC3\xA9?", "a"}, {"^\xC3\xA9\xC3\xA9*", "\xC3\xA9"},
        {"", ""},        {"^", ""},        {"^a$", "a"},         {"^a\\.?", "a"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char prefix[40];
        struct qr_gql_str pattern = {cases[i].pattern, strlen(cases[i].pattern)};
        size_t size = qr_regex_prefix(pattern, prefix);
        cr_expect_eq(size, strlen(cases[i].prefix), "%s: %.*s", cases[i].pattern, (int)size,
                     prefix);
        cr_expect_eq(memcmp(prefix, cases[i].prefix, size), 0, "%s", cases[i].pattern);
    }
}
