/*
 * JSON in and out: events wherever the text is cut, positions, what is
 * refused, limits, doubles, and memory that runs out at any point.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graphql/json_read.h"
#include "graphql/json_write.h"
#include "tests/support/failing_allocator.h"

/* ---- events ---- */

struct log {
    char text[4096];
    size_t size;
    struct qr_json_reader *reader;
    const char *fail_at; /* a string on which the handler gives up */
};

static void note(struct log *log, const char *text, size_t size)
{
    cr_assert_lt(log->size + size, sizeof log->text);
    memcpy(log->text + log->size, text, size);
    log->size += size;
    log->text[log->size] = '\0';
}

static quire_status on_event(void *context, enum qr_json_event event, const char *text, size_t size,
                             quire_error *err)
{
    static const char *const names[] = {
        "null", "false", "true", "n:", "s:", "k:", "[", "]", "{", "}"};
    struct log *log = context;
    uint32_t line, column;
    char place[32];
    if (log->fail_at && text && size == strlen(log->fail_at) &&
        memcmp(text, log->fail_at, size) == 0) {
        return qr_fail(err, QUIRE_DATA, "not wanted");
    }
    qr_json_reader_position(log->reader, &line, &column);
    note(log, names[event], strlen(names[event]));
    note(log, text ? text : "", size);
    note(log, place, (size_t)snprintf(place, sizeof place, "@%u:%u ", line, column));
    return QUIRE_OK;
}

static quire_status read_in_pieces(struct log *log, const char *text, size_t size, size_t piece,
                                   const struct qr_json_options *options, quire_error *err)
{
    log->size = 0;
    log->text[0] = '\0';
    cr_assert_eq(
        qr_json_reader_create(qr_allocator_default(), options, on_event, log, &log->reader, err),
        QUIRE_OK);
    quire_status status = QUIRE_OK;
    for (size_t at = 0; at < size && status == QUIRE_OK; at += piece) {
        status =
            qr_json_reader_feed(log->reader, text + at, size - at < piece ? size - at : piece, err);
    }
    if (status == QUIRE_OK) {
        status = qr_json_reader_finish(log->reader, err);
    }
    qr_json_reader_destroy(log->reader);
    return status;
}

Test(json_read, events__are_the_same_wherever_the_text_is_cut)
{
    const char *text = "{\"a\": [1, -2.50e+3 ,true,\n null], \"\\u00e9\xc3\xa9\": \"x\\ny\", "
                       "\"big\": 123456789012345678901234567890,\n\"o\":{}, \"f\":false}";
    const char *expected =
        "{@1:1 k:a@1:2 [@1:7 n:1@1:8 n:-2.50e+3@1:11 true@1:21 null@2:2 ]@2:6 "
        "k:\xc3\xa9\xc3\xa9@2:9 s:x\ny@2:20 k:big@2:28 n:123456789012345678901234567890@2:35 "
        "k:o@3:1 {@3:5 }@3:6 k:f@3:9 false@3:13 }@3:18 ";
    for (size_t piece = 1; piece <= strlen(text); piece++) {
        struct log log = {.size = 0};
        quire_error err = QUIRE_ERROR_INIT;
        cr_assert_eq(read_in_pieces(&log, text, strlen(text), piece, NULL, &err), QUIRE_OK,
                     "piece %zu: %s", piece, err.message);
        cr_assert_str_eq(log.text, expected, "pieces of %zu", piece);
    }
}

Test(json_read, feed__reads_a_sequence_of_values_when_asked)
{
    struct log log = {.size = 0};
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_json_options many = {.many = true};
    const char *text = "{}\n[1]\n2\n";
    cr_assert_eq(read_in_pieces(&log, text, strlen(text), 3, &many, &err), QUIRE_OK);
    cr_assert_str_eq(log.text, "{@1:1 }@1:2 [@2:1 n:1@2:2 ]@2:3 n:2@3:1 ");
    cr_assert_eq(read_in_pieces(&log, text, strlen(text), 64, NULL, &err), QUIRE_SYNTAX);
}

static quire_status read_whole(struct log *log, const char *text, size_t size, quire_error *err)
{
    cr_assert_eq(
        qr_json_reader_create(qr_allocator_default(), NULL, on_event, log, &log->reader, err),
        QUIRE_OK);
    quire_status status = qr_json_reader_whole(log->reader, text, size, err);
    qr_json_reader_destroy(log->reader);
    return status;
}

Test(json_read, whole__is_as_in_pieces)
{
    static const char *const texts[] = {"{\"a\": [1, {}]} \n",
                                        "[[],\n[2]]",
                                        "12",
                                        " 12\n",
                                        "\"x\"",
                                        "true",
                                        "{}x",
                                        "{} {}",
                                        "{} 12",
                                        "{} -",
                                        "{} tru",
                                        "[] \"open",
                                        "[]\xc3",
                                        "[] /",
                                        "{\n",
                                        "[1}",
                                        "1 2",
                                        "",
                                        " ",
                                        "{\"a\": tru",
                                        "\"\\ud800\"",
                                        "[\"x\", -]"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct log pieces = {.size = 0};
        struct log whole = {.size = 0};
        quire_error first = QUIRE_ERROR_INIT;
        quire_error second = QUIRE_ERROR_INIT;
        quire_status status =
            read_in_pieces(&pieces, texts[i], strlen(texts[i]), strlen(texts[i]) + 1, NULL, &first);
        cr_expect_eq(read_whole(&whole, texts[i], strlen(texts[i]), &second), status, "%s",
                     texts[i]);
        cr_expect_str_eq(whole.text, pieces.text, "%s", texts[i]);
        cr_expect_str_eq(second.message, first.message, "%s", texts[i]);
        cr_expect_eq(second.line, first.line, "%s", texts[i]);
        cr_expect_eq(second.column, first.column, "%s", texts[i]);
    }
}

static void assert_refused(const char *text, size_t size, quire_status expected, uint32_t line,
                           uint32_t column)
{
    for (size_t piece = 1; piece <= size; piece += piece < 4 ? 1 : size) {
        struct log log = {.size = 0};
        quire_error err = QUIRE_ERROR_INIT;
        quire_status status = read_in_pieces(&log, text, size, piece, NULL, &err);
        cr_assert_eq(status, expected, "%s: %s", text, err.message);
        cr_assert_eq(err.line, line, "%s: line %u", text, err.line);
        cr_assert_eq(err.column, column, "%s: column %u", text, err.column);
    }
}

Test(json_read, feed__refuses_what_is_not_json_and_says_where)
{
    static const struct {
        const char *text;
        uint32_t line, column;
    } cases[] = {
        {"{\"a\":1,\n  nope}", 2, 3}, {"[1,2", 1, 5},       {"", 1, 1},      {"[1,\n]", 2, 1},
        {"{\"a\" 1}", 1, 6},          {"[01]", 1, 3},       {"[1.]", 1, 2},  {"'x'", 1, 1},
        {"[\"\t\"]", 1, 2},           {"{\"a\":1}x", 1, 8}, {"[tru]", 1, 2}, {"\"abc", 1, 1},
        {"{} \"abc", 1, 4},           {"1\n \"", 2, 2},     {"{} 1", 1, 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct log log = {.size = 0};
        quire_error err = QUIRE_ERROR_INIT;
        size_t size = strlen(cases[i].text);
        quire_status status = read_in_pieces(&log, cases[i].text, size, size + 1, NULL, &err);
        cr_expect_eq(status, QUIRE_SYNTAX, "%s", cases[i].text);
        cr_expect_eq(err.line, cases[i].line, "%s: line %u", cases[i].text, err.line);
        cr_expect_eq(err.column, cases[i].column, "%s: column %u (%s)", cases[i].text, err.column,
                     err.message);
    }
}

Test(json_read, feed__refuses_bytes_that_are_not_utf8)
{
    assert_refused("[\"\xff\"]", 5, QUIRE_SYNTAX, 1, 2);
    assert_refused("[\"\xc0\x80\"]", 6, QUIRE_SYNTAX, 1, 2);         /* overlong NUL */
    assert_refused("[\"\xe0\x80\xaf\"]", 7, QUIRE_SYNTAX, 1, 2);     /* overlong slash */
    assert_refused("[\"\xed\xa0\x80\"]", 7, QUIRE_SYNTAX, 1, 2);     /* a surrogate */
    assert_refused("[\"\xf4\x90\x80\x80\"]", 8, QUIRE_SYNTAX, 1, 2); /* beyond U+10FFFF */
    assert_refused("{\"\xed\xa0\x80\":1}", 9, QUIRE_SYNTAX, 1, 2);
}

Test(json_read, feed__refuses_halves_of_surrogate_pairs)
{
    assert_refused("[\"\\ud800\"]", 10, QUIRE_SYNTAX, 1, 2);
    assert_refused("[\"\\udc00\"]", 10, QUIRE_SYNTAX, 1, 2);
    assert_refused("[\"\\ud800x\"]", 11, QUIRE_SYNTAX, 1, 2);
    assert_refused("[\"\\ud800\\n\"]", 12, QUIRE_SYNTAX, 1, 2);
    assert_refused("[\"\\ud800\\ud800\"]", 16, QUIRE_SYNTAX, 1, 2);
    assert_refused("[\"\\ud800\\u0041\"]", 16, QUIRE_SYNTAX, 1, 2);
}

Test(json_read, feed__decodes_surrogate_pairs_and_nul)
{
    struct qr_arena arena;
    struct qr_gql_value value;
    quire_error err = QUIRE_ERROR_INIT;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    const char *text = "\"\\ud83d\\ude00\\u0000z\"";
    cr_assert_eq(qr_json_read(&arena, text, strlen(text), 0, &value, &err), QUIRE_OK);
    cr_assert_eq(value.text.size, 6);
    cr_assert_eq(memcmp(value.text.data, "\xf0\x9f\x98\x80\0z", 6), 0);
    qr_arena_free(&arena);
}

Test(json_read, feed__stops_at_the_depth_limit)
{
    static const char opening[] = "[{\"a\":";
    char text[6 * 101 + 1];
    for (size_t i = 0; i < 101; i++) {
        memcpy(text + 6 * i, opening, 6);
    }
    struct log log = {.size = 0};
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_json_options options = {.depth_max = 200};
    cr_assert_eq(read_in_pieces(&log, text, sizeof opening * 0 + 6 * 100, 7, &options, &err),
                 QUIRE_SYNTAX, "200 levels are allowed, the text is just not complete");
    cr_assert_eq(read_in_pieces(&log, text, 6 * 101, 7, &options, &err), QUIRE_LIMIT);
    cr_assert_eq(err.column, 601);
}

Test(json_read, feed__survives_a_million_brackets)
{
    size_t size = 1000000;
    char *text = malloc(size);
    cr_assert_not_null(text);
    struct log log = {.size = 0};
    quire_error err = QUIRE_ERROR_INIT;
    memset(text, '[', size);
    cr_assert_eq(read_in_pieces(&log, text, size, size, NULL, &err), QUIRE_LIMIT);
    free(text);
}

Test(json_read, feed__returns_the_handlers_failure_with_its_place)
{
    struct log log = {.fail_at = "b"};
    quire_error err = QUIRE_ERROR_INIT;
    const char *text = "[\"a\",\n \"b\", \"c\"]";
    cr_assert_eq(read_in_pieces(&log, text, strlen(text), 100, NULL, &err), QUIRE_DATA);
    cr_assert_str_eq(err.message, "not wanted");
    cr_assert_eq(err.line, 2);
    cr_assert_eq(err.column, 2);
}

Test(json_read, feed__refuses_to_go_on_after_a_failure)
{
    struct log log = {.size = 0};
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(
        qr_json_reader_create(qr_allocator_default(), NULL, on_event, &log, &log.reader, &err),
        QUIRE_OK);
    cr_assert_eq(qr_json_reader_feed(log.reader, "}", 1, &err), QUIRE_SYNTAX);
    cr_assert_eq(qr_json_reader_feed(log.reader, "{", 1, &err), QUIRE_MISUSE);
    cr_assert_eq(qr_json_reader_finish(log.reader, &err), QUIRE_MISUSE);
    qr_json_reader_destroy(log.reader);
}

/* ---- trees ---- */

Test(json_tree, read__keeps_order_digits_and_kinds)
{
    struct qr_arena arena;
    struct qr_gql_value value;
    quire_error err = QUIRE_ERROR_INIT;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    const char *text = "{\"z\":12345678901234567890, \"a\":[1.0,\"s\",null,{}], \"m\":true}";
    cr_assert_eq(qr_json_read(&arena, text, strlen(text), 0, &value, &err), QUIRE_OK);
    cr_assert_eq(value.kind, QR_GQL_VALUE_OBJECT);
    cr_assert_eq(value.count, 3);
    cr_assert(qr_gql_str_is(value.members[0].name, "z"));
    cr_assert_eq(value.members[0].value.kind, QR_GQL_VALUE_INT);
    cr_assert(qr_gql_str_is(value.members[0].value.text, "12345678901234567890"));
    const struct qr_gql_value *list = &value.members[1].value;
    cr_assert_eq(list->count, 4);
    cr_assert_eq(list->items[0].kind, QR_GQL_VALUE_FLOAT);
    cr_assert_eq(list->items[1].kind, QR_GQL_VALUE_STRING);
    cr_assert_eq(list->items[2].kind, QR_GQL_VALUE_NULL);
    cr_assert_eq(list->items[3].kind, QR_GQL_VALUE_OBJECT);
    cr_assert(value.members[2].value.boolean);
    qr_arena_free(&arena);
}

static quire_status read_object(size_t keys, size_t repeated_key, quire_error *err)
{
    struct qr_arena arena;
    struct qr_gql_value value;
    size_t capacity = keys * 16 + 64;
    char *text = malloc(capacity);
    cr_assert_not_null(text);
    size_t size = 0;
    text[size++] = '{';
    for (size_t i = 0; i < keys; i++) {
        size += (size_t)snprintf(text + size, capacity - size, "\"k%zu\":1,", i);
    }
    size += (size_t)snprintf(text + size, capacity - size, "\"k%zu\":2}", repeated_key);
    qr_arena_init(&arena, qr_allocator_default(), 0);
    quire_status status = qr_json_read(&arena, text, size, 0, &value, err);
    qr_arena_free(&arena);
    free(text);
    return status;
}

Test(json_tree, read__refuses_a_key_named_twice)
{
    static const size_t sizes[] = {1, 5, 8, 9, 100, 20000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        cr_assert_eq(read_object(sizes[i], sizes[i] / 2, &err), QUIRE_DATA, "%zu keys", sizes[i]);
        cr_assert_neq(err.line, 0);
        cr_assert_eq(read_object(sizes[i], sizes[i], &err), QUIRE_OK);
    }
}

Test(json_tree, read__fails_cleanly_when_memory_runs_out_anywhere)
{
    const char *text = "{\"a\":[1,2,{\"b\":\"text with an \\u0065scape that grows\"}],\"c\":"
                       "[[[[[[[[[[[[\"deep\"]]]]]]]]]]]],\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,"
                       "\"i\":1,\"j\":1}";
    struct failing_allocator failing;
    failing_allocator_init(&failing);
    quire_status status = QUIRE_NO_MEMORY;
    for (uint64_t i = 0; status != QUIRE_OK; i++) {
        struct qr_arena arena;
        struct qr_gql_value value;
        quire_error err = QUIRE_ERROR_INIT;
        failing_allocator_arm(&failing, i, false);
        qr_arena_init(&arena, &failing.allocator, 0);
        status = qr_json_read(&arena, text, strlen(text), 0, &value, &err);
        qr_arena_free(&arena);
        cr_assert(status == QUIRE_OK || status == QUIRE_NO_MEMORY);
        cr_assert_eq(err.status, status);
        cr_assert(failing_allocator_is_clean(&failing), "allocation %llu", (unsigned long long)i);
        cr_assert_lt(i, 1000);
    }
}

/* A token cut between chunks makes the parser keep it: its buffer grows while it runs. */
Test(json_read, feed__fails_cleanly_when_memory_runs_out_in_a_cut_token)
{
    struct failing_allocator failing;
    failing_allocator_init(&failing);
    quire_status status = QUIRE_NO_MEMORY;
    for (uint64_t i = 0; status != QUIRE_OK; i++) {
        struct log log = {.size = 0};
        quire_error err = QUIRE_ERROR_INIT;
        failing_allocator_arm(&failing, i, false);
        status = qr_json_reader_create(&failing.allocator, NULL, on_event, &log, &log.reader, &err);
        for (int k = 0; k < 40 && status == QUIRE_OK; k++) {
            status = qr_json_reader_feed(log.reader, k == 0 ? "[\"" : "abc\\nabcdefghijklmnop",
                                         k == 0 ? 2 : 21, &err);
        }
        if (status == QUIRE_OK) {
            status = qr_json_reader_feed(log.reader, "\"]", 2, &err);
        }
        qr_json_reader_destroy(log.reader);
        cr_assert(status == QUIRE_OK || status == QUIRE_NO_MEMORY);
        cr_assert(failing_allocator_is_clean(&failing));
        cr_assert_lt(i, 1000);
    }
}

/* ---- writing ---- */

static void assert_double(double value, const char *expected)
{
    char text[QR_JSON_DOUBLE_SIZE];
    size_t size = qr_json_format_double(value, text);
    cr_assert_str_eq(text, expected);
    cr_assert_eq(size, strlen(expected));
    double back = strtod(text, NULL);
    cr_assert_eq(memcmp(&back, &value, sizeof value), 0);
}

Test(json_write, format_double__gives_the_shortest_text)
{
    assert_double(0, "0");
    assert_double(-0.0, "-0");
    assert_double(1, "1");
    assert_double(-1.5, "-1.5");
    assert_double(0.1, "0.1");
    assert_double(0.1 + 0.2, "0.30000000000000004");
    assert_double(1e20, "100000000000000000000");
    assert_double(1e21, "1e+21");
    assert_double(123456789.125, "123456789.125");
    assert_double(0.000001, "0.000001");
    assert_double(1e-7, "1e-7");
    assert_double(5e-324, "5e-324");
    assert_double(DBL_MAX, "1.7976931348623157e+308");
    assert_double(9007199254740993.0, "9007199254740992");
}

static char *write_sample(const quire_allocator *allocator, size_t limit, quire_status *status,
                          quire_error *err)
{
    struct qr_json_writer writer;
    qr_json_writer_init(&writer, allocator, limit, err);
    qr_json_begin_object(&writer);
    qr_json_put_key(&writer, "a\"\\\n\x01", 5);
    qr_json_begin_array(&writer);
    qr_json_put_int(&writer, INT64_MIN);
    qr_json_put_uint(&writer, UINT64_MAX);
    qr_json_put_double(&writer, NAN);
    qr_json_put_bool(&writer, false);
    qr_json_begin_object(&writer);
    qr_json_end_object(&writer);
    struct qr_json_mark mark = qr_json_writer_mark(&writer);
    qr_json_put_string(&writer, "taken back", 10);
    qr_json_begin_array(&writer);
    qr_json_writer_rewind(&writer, mark);
    qr_json_put_null(&writer);
    qr_json_end_array(&writer);
    qr_json_put_key(&writer, "b", 1);
    qr_json_put_raw(&writer, "12.50", 5);
    qr_json_end_object(&writer);
    char *text;
    size_t size;
    *status = qr_json_writer_finish(&writer, &text, &size);
    cr_assert(*status != QUIRE_OK || size == strlen(text));
    return text;
}

static const char sample[] = "{\"a\\\"\\\\\\n\\u0001\":[-9223372036854775808,18446744073709551615,"
                             "null,false,{},null],\"b\":12.50}";

Test(json_write, writer__puts_commas_and_escapes_and_takes_back)
{
    quire_status status;
    char *text = write_sample(qr_allocator_default(), 0, &status, NULL);
    cr_assert_eq(status, QUIRE_OK);
    cr_assert_str_eq(text, sample);
    quire_free(text);
}

Test(json_write, writer__stops_at_its_limit)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_status status;
    for (size_t limit = 1; limit < sizeof sample - 1; limit++) {
        cr_assert_null(write_sample(qr_allocator_default(), limit, &status, &err));
        cr_assert_eq(status, QUIRE_LIMIT);
    }
    cr_assert_not_null(strstr(err.message, "limit of"));
    char *text = write_sample(qr_allocator_default(), 2 * sizeof sample, &status, &err);
    cr_assert_eq(status, QUIRE_OK);
    quire_free(text);
}

Test(json_write, large_text__is_not_moved_for_what_closes_it)
{
    static char text[100000];
    struct failing_allocator failing;
    struct qr_json_writer writer;
    char *json;
    size_t size;

    failing_allocator_init(&failing);
    failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
    memset(text, '1', sizeof text);
    qr_json_writer_init(&writer, &failing.allocator, 0, NULL);
    qr_json_begin_object(&writer);
    uint64_t before = atomic_load(&failing.calls);
    qr_json_put_name(&writer, "data", 4);
    qr_json_put_raw(&writer, text, sizeof text);
    for (int i = 0; i < 20; i++) {
        qr_json_put_name(&writer, "more", 4);
        qr_json_put_null(&writer);
    }
    qr_json_end_object(&writer);
    cr_assert_eq(atomic_load(&failing.calls) - before, 1);
    cr_assert_eq(qr_json_writer_finish(&writer, &json, &size), QUIRE_OK);
    cr_assert_eq(size, strlen(json));
    quire_free(json);
    cr_assert(failing_allocator_is_clean(&failing));
}

Test(json_write, writer__fails_cleanly_without_memory)
{
    struct failing_allocator failing;
    failing_allocator_init(&failing);
    quire_status status = QUIRE_NO_MEMORY;
    for (uint64_t i = 0; status != QUIRE_OK; i++) {
        failing_allocator_arm(&failing, i, false);
        quire_free(write_sample(&failing.allocator, 0, &status, NULL));
        cr_assert(status == QUIRE_OK || status == QUIRE_NO_MEMORY);
        cr_assert(failing_allocator_is_clean(&failing));
    }
}

/* Texts are looked through eight bytes at a time: every byte at every place of short texts. */
Test(json_write, string__is_escaped_at_every_place)
{
    for (size_t size = 1; size <= 19; size++) {
        for (size_t at = 0; at < size; at++) {
            for (int byte = 0; byte < 256; byte++) {
                char text[20];
                char expected[64] = "[\"k\\n\",\"";
                size_t used = strlen(expected);
                struct qr_json_writer writer;
                char *bytes;
                size_t written;

                memset(text, 'x', sizeof text);
                text[at] = (char)byte;
                text[size - 1 - at / 2] = at % 3 == 0 ? '"' : text[size - 1 - at / 2];
                for (size_t i = 0; i < size; i++) {
                    used += qr_json_escape(text[i], expected + used);
                }
                memcpy(expected + used, "\",-7]", 6);
                qr_json_writer_init(&writer, qr_allocator_default(), 0, NULL);
                qr_json_begin_array(&writer);
                qr_json_put_string(&writer, "k\n", 2);
                qr_json_put_string(&writer, text, size);
                qr_json_put_int(&writer, -7);
                qr_json_end_array(&writer);
                cr_assert_eq(qr_json_writer_finish(&writer, &bytes, &written), QUIRE_OK);
                cr_assert(written == used + 5 && memcmp(bytes, expected, written) == 0,
                          "size %zu, byte %d at %zu", size, byte, at);
                quire_free(bytes);
            }
        }
    }
}

Test(json_write, integer__has_all_its_digits)
{
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {{0, "0"},
                 {-1, "-1"},
                 {1234567890, "1234567890"},
                 {INT64_MAX, "9223372036854775807"},
                 {INT64_MIN, "-9223372036854775808"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qr_json_writer writer;
        char *bytes;
        size_t size;
        qr_json_writer_init(&writer, qr_allocator_default(), 0, NULL);
        qr_json_put_int(&writer, cases[i].value);
        cr_assert_eq(qr_json_writer_finish(&writer, &bytes, &size), QUIRE_OK);
        cr_expect_str_eq(bytes, cases[i].text);
        quire_free(bytes);
    }
}
