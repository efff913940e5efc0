/*
 * Clients that go and come back while rows are written: over either transport each row
 * is told once, in its order, or the client is told that it cannot be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stream_fixture.h"
#include "support/prng.h"

#define DOCUMENT "subscription{authorChanged(operations:[CREATE]){node{id}}}"

enum { ROUNDS = 60, PLACE_SIZE = 64 };

/* A client of one subscription, as it remembers itself while it is away. */
struct follower {
    const char *transport; /* "sse", "body" (SSE without the header) or "ws" */
    int client;            /* -1: it is away */
    int next;              /* number of the row that it waits for */
    char place[PLACE_SIZE];
};

/* What stands behind `before`, up to the next quote or line end. */
static void take_place(char *place, const char *text, const char *before)
{
    const char *found = strstr(text, before);
    cr_assert_not_null(found, "no %s in: %s", before, text);
    found += strlen(before);
    snprintf(place, PLACE_SIZE, "%.*s", (int)strcspn(found, "\"\r\n"), found);
}

static void come_by_sse(const struct test_server *server, struct follower *follower)
{
    char body[512];
    char headers[256];
    bool by_body = strcmp(follower->transport, "body") == 0;
    bool resumes = follower->place[0] != '\0';
    snprintf(headers, sizeof headers, STREAM "%s%s%s", resumes && !by_body ? "Last-Event-ID: " : "",
             by_body ? "" : follower->place, resumes && !by_body ? "\r\n" : "");
    snprintf(body, sizeof body, "{\"query\":\"" DOCUMENT "\"%s%s%s}",
             resumes && by_body ? ",\"extensions\":{\"resume\":\"" : "",
             by_body ? follower->place : "", resumes && by_body ? "\"}" : "");
    follower->client = sse_post(server, headers, body);
    char *head = sse_read_until(follower->client, "\r\n\r\n");
    cr_assert_not_null(strstr(head, "text/event-stream"), "%s", head);
    free(head);
    char *first = sse_read_until(follower->client, "\n\n");
    if (strstr(first, "event: ") == NULL) { /* else the stream is an error */
        take_place(follower->place, first, "id: ");
    }
    free(first);
}

static void come_by_websocket(const struct test_server *server, struct follower *follower)
{
    char text[512];
    size_t size;
    bool resumes = follower->place[0] != '\0';
    follower->client = ws_open_with(server, "");
    ws_send(follower->client, INIT);
    cr_assert_eq(ws_read_frame(follower->client, text, &size), FIN | TEXT);
    if (!resumes) {
        take_place(follower->place, text, "\"place\":\"");
    }
    snprintf(text, sizeof text,
             "{\"id\":\"1\",\"type\":\"subscribe\",\"payload\":{\"query\":\"" DOCUMENT
             "\",\"extensions\":{\"resume\":\"%s\"}}}",
             follower->place);
    ws_send(follower->client, text);
}

static void come(const struct test_server *server, struct follower *follower)
{
    if (strcmp(follower->transport, "ws") == 0) {
        come_by_websocket(server, follower);
    } else {
        come_by_sse(server, follower);
    }
}

static void go(struct follower *follower)
{
    close(follower->client);
    follower->client = -1;
}

/* The next event, as text. */
static char *read_event(const struct follower *follower)
{
    if (strcmp(follower->transport, "ws") == 0) {
        char *text = malloc(65536);
        size_t size;
        cr_assert_not_null(text);
        cr_assert_eq(ws_read_frame(follower->client, text, &size), FIN | TEXT);
        return text;
    }
    char *text = sse_read_until(follower->client, "\n\n");
    while (strstr(text, "data: ") == NULL &&
           strstr(text, "event: ") == NULL) { /* it is kept alive */
        free(text);
        text = sse_read_until(follower->client, "\n\n");
    }
    return text;
}

/* Takes `count` events: each must be of the row that follows the last. */
static void follow(struct follower *follower, int count)
{
    char wanted[64];
    for (int i = 0; i < count; i++) {
        char *event = read_event(follower);
        snprintf(wanted, sizeof wanted, "{\"node\":{\"id\":\"r%d\"}}", follower->next++);
        cr_assert_not_null(strstr(event, wanted), "%s: no %s in: %s", follower->transport, wanted,
                           event);
        take_place(follower->place, event, "\"place\":\"");
        free(event);
    }
}

/* A commit of some rows, numbered on. */
static void commit_rows(const struct test_server *server, int *written, int count)
{
    char body[2048];
    int size = snprintf(body, sizeof body, "{\"query\":\"mutation{");
    for (int i = 0; i < count; i++) {
        size += snprintf(body + size, sizeof body - (size_t)size,
                         "a%d:createAuthor(input:{id:\\\"r%d\\\",name:\\\"n\\\"}){id}", i,
                         (*written)++);
    }
    snprintf(body + size, sizeof body - (size_t)size, "}\"}");
    ANSWERS(send_graphql(server, body), 200, "\"data\"");
}

Test(resume, clients_that_come_and_go__miss_nothing_and_get_nothing_twice, .timeout = 100)
{
    struct follower followers[] = {{"sse", -1, 0, ""}, {"body", -1, 0, ""}, {"ws", -1, 0, ""}};
    enum { FOLLOWERS = sizeof followers / sizeof followers[0] };
    struct test_server server;
    struct prng prng;
    int written = 0;
    prng_init_printed(&prng, "resume");
    test_server_start(&server, NULL);
    for (int i = 0; i < FOLLOWERS; i++) {
        come(&server, &followers[i]);
        go(&followers[i]); /* it has a place before it has had an event */
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct follower *follower = &followers[prng_below(&prng, FOLLOWERS)];
        if (prng_one_in(&prng, 2)) {
            commit_rows(&server, &written, 1 + (int)prng_below(&prng, 5));
        }
        if (follower->client < 0) {
            come(&server, follower);
        }
        /* What it has not taken when it goes is told again. */
        follow(follower, (int)prng_below(&prng, (uint64_t)(written - follower->next) + 1));
        if (prng_one_in(&prng, 2)) {
            go(follower);
        }
    }
    for (int i = 0; i < FOLLOWERS; i++) {
        if (followers[i].client < 0) {
            come(&server, &followers[i]);
        }
        follow(&followers[i], written - followers[i].next);
        go(&followers[i]);
    }
    test_server_stop(&server);
}

Test(resume, server_that_was_killed__says_that_places_are_too_old, .timeout = 100)
{
    static const char *const transports[] = {"sse", "body", "ws"};
    struct test_server server;
    int written = 0;
    test_server_start(&server, NULL);
    for (size_t i = 0; i < sizeof transports / sizeof transports[0]; i++) {
        struct follower follower = {transports[i], -1, written, ""};
        come(&server, &follower);
        await_metric(&server, "quire_subscriptions_open", 1);
        commit_rows(&server, &written, 3);
        follow(&follower, 2);
        commit_rows(&server, &written, 2);
        test_server_kill(&server);
        go(&follower);
        test_server_start_in(&server, NULL);
        commit_rows(&server, &written, 1);
        if (strcmp(follower.transport, "ws") == 0) {
            come(&server, &follower);
            EXPECT_TEXT(follower.client,
                        "{\"type\":\"error\",\"id\":\"1\",\"payload\":[{\"message\":");
        } else {
            come_by_sse(&server, &follower);
            sse_expect_until(follower.client, "\n\n", "event: complete");
        }
        go(&follower);
        await_metric(&server, "quire_subscriptions_open", 0);
    }
    test_server_stop(&server);
}

Test(resume, client_that_falls_behind_the_window__is_told_so, .timeout = 100)
{
    static const char *const transports[] = {"sse", "ws"};
    struct test_server server;
    int written = 0;
    test_server_start(&server, (const char *const[]){"--feed-bytes", "4096", NULL});
    for (size_t i = 0; i < sizeof transports / sizeof transports[0]; i++) {
        struct follower follower = {transports[i], -1, written, ""};
        come(&server, &follower);
        go(&follower);
        for (int c = 0; c < 40; c++) {
            commit_rows(&server, &written, 5);
        }
        come(&server, &follower);
        char *event = read_event(&follower);
        cr_expect(strstr(event, strcmp(transports[i], "ws") == 0 ? "\"code\":\"RESUME_TOO_OLD\""
                                                                 : "event: complete") != NULL,
                  "%s: %s", transports[i], event);
        free(event);
        go(&follower);
    }
    test_server_stop(&server);
}

#define QUIET "subscription{authorChanged(operations:[DELETE]){node{id}}}"

/* Where a subscription that begins now stands. */
static void take_newest(const struct test_server *server, char *place)
{
    int client = sse_post(server, STREAM, "{\"query\":\"" QUIET "\"}");
    free(sse_read_until(client, "\r\n\r\n"));
    char *first = sse_read_until(client, "\n\n");
    take_place(place, first, "id: ");
    free(first);
    close(client);
}

Test(resume, client_that_gets_nothing__does_not_fall_behind, .timeout = 100)
{
    struct test_server server;
    char place[PLACE_SIZE];
    char text[1024];
    size_t size;
    int written = 0;
    test_server_start(&server, (const char *const[]){"--feed-bytes", "4096", NULL});
    int sse = sse_subscribe(&server, STREAM, "{\"query\":\"" QUIET "\"}");
    int ws = ws_open(&server);
    ws_subscribe(ws, "quiet", QUIET);
    ws_subscribe(ws, "live", "subscription{author(id:\\\"a1\\\"){name}}");
    EXPECT_TEXT(ws, "Austen");
    await_metric(&server, "quire_subscriptions_open", 3);
    for (int c = 0; c < 40; c++) {
        commit_rows(&server, &written, 5);
    }
    take_newest(&server, place);
    snprintf(text, sizeof text, "id: %s\n\n", place);
    free(sse_read_until(sse, text));
    close(sse);
    snprintf(text, sizeof text, STREAM "Last-Event-ID: %s\r\n", place);
    sse = sse_post(&server, text, "{\"query\":\"" QUIET "\"}");
    free(sse_read_until(sse, "\r\n\r\n"));
    char *first = sse_read_until(sse, "\n\n");
    cr_expect(strstr(first, "RESUME_TOO_OLD") == NULL && strstr(first, place) != NULL, "%s", first);
    free(first);
    close(sse);
    char wanted[2][PLACE_SIZE + 16];
    snprintf(wanted[0], sizeof wanted[0], "\"quiet\":\"%s\"", place);
    snprintf(wanted[1], sizeof wanted[1], "\"live\":\"%s\"", place);
    for (bool told[2] = {false}; !told[0] || !told[1];) {
        cr_assert_eq(ws_read_any(ws, text, &size), FIN | TEXT);
        cr_assert(strstr(text, "{\"type\":\"ping\",\"payload\":{\"places\":{\"") == text, "%s",
                  text);
        told[0] |= strstr(text, wanted[0]) != NULL;
        told[1] |= strstr(text, wanted[1]) != NULL;
    }
    ws_send(ws, "{\"type\":\"pong\",\"payload\":{}}");
    create_author(&server, "n1");
    ws_subscribe(ws, "1", "{author(id:\\\"a1\\\"){name}}");
    EXPECT_TEXT(ws, "Austen");
    close(ws);
    test_server_stop(&server);
}

Test(resume, place_that_is_none__is_refused, .timeout = 60)
{
    static const char *const wrong[] = {
        "\"\"",       "\"x\"", "\"1:2\"", "\"0:1:1\"", "\"0123456789abcdef0:5:0\"",
        "\"1:1:1 \"", "7",     "{}",      "true",      "\"1:1:1\\u0000\"",
        "\"1:-1:1\""};
    struct test_server server;
    char body[256];
    test_server_start(&server, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(body, sizeof body, "{\"query\":\"" DOCUMENT "\",\"extensions\":{\"resume\":%s}}",
                 wrong[i]);
        ANSWERS(send_request(&server, "POST", "/graphql", STREAM, body), 400, "extensions.resume");
    }
    ANSWERS(send_graphql(&server, "{\"query\":\"{authors{totalCount}}\",\"extensions\":"
                                  "{\"resume\":null}}"),
            200, "{\"data\":{\"authors\":{\"totalCount\":1}}}");
    test_server_stop(&server);
}
