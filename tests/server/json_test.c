/*
 * The checker of JSON bodies: what it takes and refuses, and that the library's
 * reader is of the same opinion about mutated texts.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graphql/json_read.h"
#include "support/prng.h"
#include "tools/server/json.h"

static bool takes(const char *text, size_t size)
{
    struct json_value value;
    const char *problem;
    size_t at;
    bool good = json_check(text, size, &value, &problem, &at);
    cr_assert_eq(good, problem == NULL);
    cr_assert_leq(at, size);
    return good;
}

Test(json, check__takes_what_is_json_and_nothing_else)
{
    static const char *const good[] = {"{}",
                                       "[]",
                                       " [ ] ",
                                       "null",
                                       "\t-0.5e+10\n",
                                       "\"\\u00e4\\ud83d\\ude00\"",
                                       "[[],{},[{}]]",
                                       "{\"a\":{\"b\":[1,true,false,null,\"\"]},\"c\":0}",
                                       "\"\xC3\xA4\xF0\x9F\x98\x80\"",
                                       "1E9"};
    static const char *const bad[] = {"",
                                      " ",
                                      "{",
                                      "[1,]",
                                      "{\"a\":1,}",
                                      "{\"a\"}",
                                      "{a:1}",
                                      "[1 2]",
                                      "01",
                                      "1.",
                                      ".5",
                                      "+1",
                                      "-",
                                      "1e",
                                      "nul",
                                      "nulll",
                                      "\"",
                                      "\"\\\"",
                                      "\"\\x\"",
                                      "\"\n\"",
                                      "\"\\u12\"",
                                      "\"\\ud800\"",
                                      "\"\\udc00\"",
                                      "\"\\ud800\\u0041\"",
                                      "\"\xC0\x80\"",
                                      "\"\xED\xA0\x80\"",
                                      "\"\xF5\x80\x80\x80\"",
                                      "\"\xC3\"",
                                      "[}",
                                      "{]",
                                      "[1}",
                                      "{\"a\":1]",
                                      "1 1",
                                      "\xEF\xBB\xBF{}",
                                      "'a'",
                                      "{,}",
                                      "[,]"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_expect(takes(good[i], strlen(good[i])), "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect(!takes(bad[i], strlen(bad[i])), "%s", bad[i]);
    }
    cr_expect(!takes("\0", 1));
    cr_expect(!takes("1\0", 2));
}

Test(json, check__counts_levels)
{
    char text[1024];
    for (size_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        cr_expect_eq(takes(text, 2 * depth), depth == JSON_DEPTH_MAX);
    }
}

Test(json, next__walks_members_where_they_stand)
{
    static const char text[] =
        " { \"a\" : [1,{\"x\":\"}]\\\"\"}] ,\"\\u0062\":-1.5e3,\"c\":\"d\" } ";
    static const char *const values[] = {"[1,{\"x\":\"}]\\\"\"}]", "-1.5e3", "\"d\""};
    static const char *const names[] = {"a", "b", "c"};
    struct json_value whole;
    struct json_value name;
    struct json_value value;
    const char *problem;
    size_t at;
    cr_assert(json_check(text, strlen(text), &whole, &problem, &at), "%s", problem);
    at = 0;
    for (size_t i = 0; i < 3; i++) {
        cr_assert(json_next(&whole, &at, &name, &value));
        cr_expect(json_key_is(&name, names[i]));
        cr_expect(!json_key_is(&name, "zz"));
        cr_expect_eq(value.size, strlen(values[i]));
        cr_expect_eq(memcmp(value.text, values[i], value.size), 0);
    }
    cr_expect(!json_next(&whole, &at, &name, &value));
    cr_assert(json_check(" [ ] ", 5, &whole, &problem, &at));
    at = 0;
    cr_expect(!json_next(&whole, &at, &name, &value));
    cr_assert(json_check("[null , 2]", 10, &whole, &problem, &at));
    at = 0;
    cr_expect(json_next(&whole, &at, &name, &value) && value.kind == JSON_NULL);
    cr_expect(json_next(&whole, &at, &name, &value) && value.kind == JSON_NUMBER);
    cr_expect_eq(value.size, 1);
    cr_expect(!json_next(&whole, &at, &name, &value));
}

Test(json, decode__gives_the_characters)
{
    static const char text[] = "\"a\\n\\u00e4\\ud83d\\ude00\\\"\\u0000z\\u20ac\"";
    static const char expected[] = "a\n\xC3\xA4\xF0\x9F\x98\x80\"\0z\xE2\x82\xAC";
    struct json_value value;
    const char *problem;
    size_t at;
    cr_assert(json_check(text, strlen(text), &value, &problem, &at));
    size_t size;
    char *decoded = json_decode(&value, &size);
    cr_assert_eq(size, sizeof expected - 1);
    cr_expect_eq(memcmp(decoded, expected, sizeof expected), 0);
    free(decoded);
}

static quire_status pass(void *context, enum qr_json_event event, const char *text, size_t size,
                         quire_error *err)
{
    (void)context, (void)event, (void)text, (void)size, (void)err;
    return QUIRE_OK;
}

static bool library_takes(const char *text, size_t size)
{
    struct qr_json_reader *reader;
    const struct qr_json_options options = {0};
    cr_assert_eq(qr_json_reader_create(qr_allocator_default(), &options, pass, NULL, &reader, NULL),
                 QUIRE_OK);
    bool good = qr_json_reader_feed(reader, text, size, NULL) == QUIRE_OK &&
                qr_json_reader_finish(reader, NULL) == QUIRE_OK;
    qr_json_reader_destroy(reader);
    return good;
}

/* Looks at everything in a text that was taken. */
static void walk(const char *text, size_t size)
{
    struct json_value whole;
    struct json_value name;
    struct json_value value;
    const char *problem;
    size_t at;
    cr_assert(json_check(text, size, &whole, &problem, &at));
    at = 0;
    while ((whole.kind == JSON_OBJECT || whole.kind == JSON_ARRAY) &&
           json_next(&whole, &at, &name, &value)) {
        size_t decoded;
        cr_assert(value.size > 0 && value.text + value.size <= text + size);
        if (value.kind == JSON_STRING) {
            free(json_decode(&value, &decoded));
        }
        cr_assert_eq(takes(value.text, value.size), true, "%.*s", (int)value.size, value.text);
    }
}

Test(json, check__agrees_with_the_librarys_reader)
{
    static const char seed_text[] =
        "{\"a\":[1,-2.5e10,{\"b\":null}],\"c\":\"\\u00e4\\\\ \xC3\xA4\","
        "\"d\":{\"e\":true,\"f\":[[],{}]},\"g\":false}";
    static const char bytes[] = "{}[]:,\"\\0123456789.eE+-tfnul \n\xC3\xA4";
    struct prng prng;
    unsigned taken = 0;
    prng_init(&prng, 25);
    for (int i = 0; i < 60000; i++) {
        char text[2 * sizeof seed_text];
        size_t size = sizeof seed_text - 1;
        memcpy(text, seed_text, size);
        for (uint64_t n = 1 + prng_next(&prng) % 3; n > 0; n--) {
            size_t at = prng_next(&prng) % size;
            char byte = bytes[prng_next(&prng) % (sizeof bytes - 1)];
            if (prng_next(&prng) % 2 == 0) {
                text[at] = byte;
            } else if (prng_next(&prng) % 2 == 0) {
                memmove(text + at, text + at + 1, size-- - at - 1);
            } else {
                memmove(text + at + 1, text + at, size++ - at);
                text[at] = byte;
            }
        }
        bool mine = takes(text, size);
        taken += mine;
        if (mine) {
            walk(text, size);
        }
        cr_assert_eq(mine, library_takes(text, size), "%.*s: %s", (int)size, text,
                     mine ? "taken" : "refused");
    }
    cr_expect_gt(taken, 5000);
}

Test(json, members__are_those_of_objects_alone)
{
    static const struct {
        const char *text, *member; /* NULL: there is none */
    } cases[] = {{"{\"a\": 1, \"\\u0062\": [2], \"b\": 3}", "[2]"},
                 {"{\"a\": {\"b\": 1}}", NULL},
                 {"[\"b\", 1]", NULL},
                 {"\"b\"", NULL},
                 {"{}", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_value whole;
        const char *problem;
        size_t at;
        cr_assert(json_check(cases[i].text, strlen(cases[i].text), &whole, &problem, &at));
        struct json_value found = json_member(&whole, "b");
        if (cases[i].member == NULL || found.text == NULL) {
            cr_expect(cases[i].member == NULL && found.text == NULL, "%s", cases[i].text);
            continue;
        }
        cr_expect(found.size == strlen(cases[i].member) &&
                      memcmp(found.text, cases[i].member, found.size) == 0,
                  "%s", cases[i].text);
    }
}

Test(json, strings__end_where_they_do_whatever_stands_at_any_place)
{
    char text[64];
    struct json_value whole;
    struct json_value name;
    struct json_value value;
    const char *problem;
    for (size_t length = 0; length < 40; length++) {
        for (unsigned c = 0; c < 256; c++) {
            for (size_t place = 0; place < length; place++) {
                size_t at = 0;
                int size = snprintf(text, sizeof text, "[\"%*s\",7]", (int)length, "");
                text[2 + place] = (char)c;
                bool escapes = c == '\\' && place + 1 < length;
                bool good = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
                if (escapes) {
                    text[3 + place] = '"';
                }
                cr_assert_eq(json_check(text, (size_t)size, &whole, &problem, &at), good || escapes,
                             "%zu %u %zu", length, c, place);
                if (!good && !escapes) {
                    continue;
                }
                at = 0;
                cr_assert(json_next(&whole, &at, &name, &value));
                cr_assert_eq(value.size, length + 2);
                cr_assert(json_next(&whole, &at, &name, &value));
                cr_assert_eq(value.size, 1);
                cr_assert_eq(value.text[0], '7');
            }
        }
    }
}
