/*
 * Parts of the server that need no server: Accept, escapes, the table of quick
 * documents, the queue of jobs.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/server/accept.h"
#include "tools/server/buffer.h"
#include "tools/server/pace.h"
#include "tools/server/workers.h"

Test(accept, choose__follows_weights_and_specific_ranges)
{
    static const struct {
        const char *accept;
        enum media_type type;
    } cases[] = {
        {NULL, MEDIA_JSON},
        {"", MEDIA_NONE},
        {"*/*", MEDIA_JSON},
        {"application/*", MEDIA_JSON},
        {"application/json", MEDIA_JSON},
        {"application/graphql-response+json", MEDIA_GRAPHQL_RESPONSE},
        {"application/graphql-response+json, application/json;q=0.9", MEDIA_GRAPHQL_RESPONSE},
        {"application/json;q=0.1, application/graphql-response+json;q=0.9", MEDIA_GRAPHQL_RESPONSE},
        {"application/graphql-response+json;q=0.1, application/json;q=0.9", MEDIA_JSON},
        {"application/json, application/graphql-response+json", MEDIA_GRAPHQL_RESPONSE},
        {"application/graphql-response+json;q=0, */*", MEDIA_JSON},
        {"*/*;q=0", MEDIA_NONE},
        {"*/*, application/json;q=0", MEDIA_GRAPHQL_RESPONSE},
        {"text/html,application/xhtml+xml,*/*;q=0.8", MEDIA_JSON},
        {"text/html", MEDIA_NONE},
        {"APPLICATION/JSON ; Q=1.000", MEDIA_JSON},
        {"application/json;charset=utf-16", MEDIA_NONE},
        {"application/json;charset=\"UTF-8\"", MEDIA_JSON},
        {"application/json;q=nonsense", MEDIA_NONE},
        {"application/json;a=\",\";q=0.5,application/graphql-response+json;q=0.6",
         MEDIA_GRAPHQL_RESPONSE},
        {",,;;\"", MEDIA_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool streams = true;
        cr_expect_eq(accept_choose(cases[i].accept, &streams), cases[i].type, "%s",
                     cases[i].accept);
        cr_expect(!streams, "%s", cases[i].accept);
    }
}

Test(accept, streams_are_for_those_who_name_them)
{
    static const struct {
        const char *accept;
        enum media_type type;
        bool streams;
    } cases[] = {
        {"text/event-stream", MEDIA_EVENT_STREAM, true},
        {"Text/Event-Stream;q=0.5", MEDIA_EVENT_STREAM, true},
        {"text/event-stream, application/json", MEDIA_JSON, true},
        {"application/graphql-response+json, text/event-stream", MEDIA_GRAPHQL_RESPONSE, true},
        {"text/event-stream, application/json;q=0.9", MEDIA_EVENT_STREAM, true},
        {"text/event-stream;q=0, */*", MEDIA_JSON, false},
        {"text/*", MEDIA_NONE, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool streams = !cases[i].streams;
        cr_expect_eq(accept_choose(cases[i].accept, &streams), cases[i].type, "%s",
                     cases[i].accept);
        cr_expect_eq(streams, cases[i].streams, "%s", cases[i].accept);
    }
}

static void expect_json(const char *text, size_t size, const char *expected)
{
    struct buffer buffer = {0};
    buffer_put_json(&buffer, text, size);
    buffer_put(&buffer, "", 1);
    cr_assert(!buffer.failed);
    cr_expect_str_eq(buffer.bytes, expected);
    buffer_free(&buffer);
}

Test(buffer, json__is_escaped_and_utf8)
{
    expect_json("a\"b\\c\n\r\t", 8, "\"a\\\"b\\\\c\\n\\r\\t\"");
    expect_json("\x1b[0m\0\x7f", 6, "\"\\u001b[0m\\u0000\\u007f\"");
    expect_json("\xC3\xA4\xC2\x85\xE2\x82\xAC", 7, "\"\xC3\xA4\\u0085\xE2\x82\xAC\"");
    expect_json("\xC3(\xFF", 3, "\"\xEF\xBF\xBD(\xEF\xBF\xBD\"");
    struct buffer buffer = {0};
    buffer_put_json_cut(&buffer, "ab\xE2\x82\xAC", 5, 4);
    buffer_put(&buffer, "", 1);
    cr_expect_str_eq(buffer.bytes, "\"ab\"");
    buffer_free(&buffer);
}

Test(buffer, drop__makes_room_for_what_follows)
{
    struct buffer buffer = {0};
    buffer_drop(&buffer, 0);
    for (unsigned i = 0; i < 100000; i++) {
        char text[32];
        char expected[32];
        int size = snprintf(text, sizeof text, "%06u", i);
        buffer_put(&buffer, text, (size_t)size);
        if (i > 0) {
            snprintf(expected, sizeof expected, "%06u%06u", i - 1, i);
            cr_assert_eq(buffer.size, 12);
            cr_assert_eq(memcmp(buffer.bytes, expected, 12), 0);
            buffer_drop(&buffer, 6);
        }
    }
    cr_expect_leq(buffer.capacity, 256);
    buffer_drop(&buffer, 6);
    cr_expect_eq(buffer.size, 0);
    buffer_free(&buffer);
}

Test(pace, note__makes_slow_at_once_and_quick_by_and_by)
{
    struct pace *pace = calloc(1, sizeof *pace);
    cr_assert_not_null(pace);
    uint64_t key = pace_key("{ a }", 5, NULL);
    cr_expect_neq(key, pace_key("{ a }", 5, "A"));
    cr_expect_neq(key, pace_key("{ b }", 5, NULL));
    cr_expect(!pace_is_quick(pace, key));
    pace_note(pace, key, 0);
    cr_expect(pace_is_quick(pace, key));
    pace_note(pace, key, 100000);
    cr_expect(!pace_is_quick(pace, key));
    pace_note(pace, key, 1);
    cr_expect(!pace_is_quick(pace, key));
    for (int i = 0; i < 40; i++) {
        pace_note(pace, key, 1);
    }
    cr_expect(pace_is_quick(pace, key));
    pace_note(pace, key, UINT64_MAX);
    cr_expect(!pace_is_quick(pace, key));
    free(pace);
}

struct counted {
    struct job job;
    pthread_mutex_t *gate;
    int *order;
    int *ran;
    int number;
};

static void count(struct job *job)
{
    struct counted *counted = (struct counted *)job;
    pthread_mutex_lock(counted->gate);
    counted->order[(*counted->ran)++] = counted->number;
    pthread_mutex_unlock(counted->gate);
}

Test(workers, jobs__run_in_their_order_up_to_the_last)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct counted jobs[8];
    int order[8];
    int ran = 0;
    int given = 0;
    struct workers *workers = workers_start(1, 5);
    cr_assert_not_null(workers);
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 8; i++) {
        jobs[i] = (struct counted){{NULL, count}, &gate, order, &ran, i};
        given += workers_give(workers, &jobs[i].job);
    }
    /* One may run, five may wait. */
    cr_expect(given == 5 || given == 6, "%d", given);
    pthread_mutex_unlock(&gate);
    workers_stop(workers);
    cr_expect_eq(ran, given);
    cr_expect_eq(workers_waiting(workers), 0);
    cr_expect(!workers_give(workers, &jobs[7].job));
    for (int i = 1; i < ran; i++) {
        cr_expect_lt(order[i - 1], order[i]);
    }
    workers_free(workers);
    workers_stop(NULL);
    workers_free(NULL);
}
