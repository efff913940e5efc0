/*
 * Reserved streams of server-sent events, request by request.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stream_fixture.h"

#define ACCEPT "Accept: text/event-stream\r\n"

enum { TOKEN_SIZE = 32, HEADERS_SIZE = 256 };

/* Reserves a stream, as whoever the headers say; the headers of requests for it. */
static void reserve(const struct test_server *server, const char *as, char *headers)
{
    struct answer answer = send_request(server, "PUT", "/graphql", as, "");
    cr_assert_eq(answer.status, 201, "%s", answer.text);
    cr_assert_eq(strlen(answer.body), TOKEN_SIZE, "%s", answer.body);
    snprintf(headers, HEADERS_SIZE, "%sX-GraphQL-Event-Stream-Token: %s\r\n", as, answer.body);
    answer_free(&answer);
}

/* Opens the stream. */
static int open_stream(const struct test_server *server, const char *headers)
{
    char text[1024];
    int client = client_connect(server);
    int size = snprintf(text, sizeof text,
                        "GET /graphql HTTP/1.1\r\nHost: localhost\r\n%s" ACCEPT "\r\n", headers);
    client_send(client, text, (size_t)size);
    sse_expect_until(client, ":\n\n", "text/event-stream");
    return client;
}

static struct answer post(const struct test_server *server, const char *headers, const char *id,
                          const char *document)
{
    char all[2048];
    char body[6000];
    snprintf(all, sizeof all, JSON "%s", headers);
    snprintf(body, sizeof body, "{\"query\":\"%s\",\"extensions\":{\"operationId\":\"%s\"}}",
             document, id);
    return send_request(server, "POST", "/graphql", all, body);
}

static struct answer cancel(const struct test_server *server, const char *headers, const char *id)
{
    char path[128];
    snprintf(path, sizeof path, "/graphql?operationId=%s", id);
    return send_request(server, "DELETE", path, headers, "");
}

Test(reservation, requests__are_accepted_and_answered_over_the_stream, .timeout = 60)
{
    struct test_server server;
    char headers[HEADERS_SIZE];
    test_server_start(&server, NULL);
    reserve(&server, "", headers);
    int stream = open_stream(&server, headers);
    ANSWERS(post(&server, headers, "q", "{authors{totalCount}}"), 202, "");
    sse_expect_until(stream, "event: complete\ndata: {\"id\":\"q\"}\n\n",
                     "event: next\ndata: {\"id\":\"q\",\"payload\":{\"data\":{\"authors\":"
                     "{\"totalCount\":1}}}}\n\n");
    ANSWERS(post(&server, headers, "m",
                 "mutation{createAuthor(input:{id:\\\"a2\\\",name:\\\"n\\\"})"
                 "{id}}"),
            202, "");
    sse_expect_until(stream, "event: complete\ndata: {\"id\":\"m\"}\n\n", "{\"id\":\"a2\"}");
    ANSWERS(post(&server, headers, "s", "subscription{authorChanged{node{id}}}"), 202, "");
    ANSWERS(post(&server, headers, "t", "subscription{authors{totalCount}}"), 202, "");
    sse_expect_until(stream, "\n\n", "{\"id\":\"t\",\"payload\":{\"data\":{\"authors\":");
    create_author(&server, "n1");
    char *both = sse_read_until(stream, "\n\n");
    char *other = sse_read_until(stream, "\n\n");
    const char *change = strstr(both, "\"n1\"") != NULL ? both : other;
    cr_expect(strstr(change, "data: {\"id\":\"s\",\"payload\":{\"data\":{\"authorChanged\"") !=
              NULL);
    cr_expect(strstr(change, "\"extensions\":{\"place\":\"") != NULL);
    free(both);
    free(other);
    ANSWERS(cancel(&server, headers, "s"), 200, "");
    ANSWERS(cancel(&server, headers, "t"), 200, "");
    ANSWERS(cancel(&server, headers, "nobody"), 200, "");
    await_metric(&server, "quire_subscriptions_open", 0);
    close(stream);
    await_metric(&server, "quire_reservations_open", 0);
    await_metric(&server, "quire_http_requests_open", 1);
    test_server_stop(&server);
}

Test(reservation, places_that_move_without_events__are_told_in_comments, .timeout = 60)
{
    struct test_server server;
    char headers[HEADERS_SIZE];
    test_server_start(&server, NULL);
    reserve(&server, "", headers);
    int stream = open_stream(&server, headers);
    ANSWERS(
        post(&server, headers, "s", "subscription{authorChanged(operations:[DELETE]){node{id}}}"),
        202, "");
    create_author(&server, "n1");
    sse_expect_until(stream, "\"}}\n\n", ":{\"places\":{\"s\":\"");
    close(stream);
    test_server_stop(&server);
}

/* A request of more than so many bytes, which stays: a subscription. */
static struct answer post_of(const struct test_server *server, const char *headers, const char *id,
                             int bytes)
{
    char document[5000];
    snprintf(document, sizeof document, "%-*ssubscription{authorChanged{node{id}}}", bytes, "");
    return post(server, headers, id, document);
}

static struct answer post_large(const struct test_server *server, const char *headers,
                                const char *id)
{
    return post_of(server, headers, id, 800);
}

Test(reservation, requests_that_wait_for_streams__are_bounded_together, .timeout = 60)
{
    enum { RESERVED = 5 };
    struct test_server server;
    char headers[RESERVED][HEADERS_SIZE];
    test_server_start(&server, (const char *const[]){"--waiting-bytes", "4000", NULL});
    for (int i = 0; i < RESERVED; i++) {
        reserve(&server, "", headers[i]);
    }
    int stream = open_stream(&server, headers[0]);
    for (int i = 0; i < RESERVED; i++) { /* four fit, and one whose stream is there */
        ANSWERS(post_large(&server, headers[i], "1"), 202, "");
    }
    ANSWERS(post_large(&server, headers[4], "2"), 202, "");
    ANSWERS(cancel(&server, headers[1], "1"), 404, "NOT_FOUND");
    ANSWERS(cancel(&server, headers[2], "1"), 200, "");
    ANSWERS(cancel(&server, headers[0], "1"), 200, "");
    ANSWERS(post_large(&server, headers[4], "3"), 202, "");
    ANSWERS(post_large(&server, headers[4], "4"), 202, "");
    ANSWERS(post_large(&server, headers[4], "5"), 503, "Too much waits");
    ANSWERS(cancel(&server, headers[3], "1"), 404, "NOT_FOUND");
    char late[HEADERS_SIZE]; /* nobody makes room for what has none in any case */
    reserve(&server, "", late);
    ANSWERS(post_of(&server, late, "1", 4000), 503, "Too much waits");
    ANSWERS(cancel(&server, headers[4], "4"), 200, "");
    close(stream);
    test_server_stop(&server);
}

Test(reservation, results__wait_for_the_stream_to_be_opened, .timeout = 60)
{
    struct test_server server;
    char headers[HEADERS_SIZE];
    char text[256];
    test_server_start(&server, NULL);
    reserve(&server, "", headers);
    ANSWERS(post(&server, headers, "q", "{authors{totalCount}}"), 202, "");
    int stream = client_connect(&server); /* with the token in the URL, as EventSource has it */
    const char *token = strchr(headers, ' ') + 1;
    int size = snprintf(text, sizeof text,
                        "GET /graphql?token=%.*s HTTP/1.1\r\nHost: localhost\r\n" ACCEPT "\r\n",
                        TOKEN_SIZE, token);
    client_send(stream, text, (size_t)size);
    sse_expect_until(stream, "event: complete\ndata: {\"id\":\"q\"}\n\n", "{\"totalCount\":1}");
    close(stream);
    test_server_stop(&server);
}

Test(reservation, requests_that_are_wrong__are_told_at_once, .timeout = 60)
{
    struct test_server server;
    char headers[HEADERS_SIZE];
    test_server_start(&server, NULL);
    reserve(&server, "", headers);
    int stream = open_stream(&server, headers);
    ANSWERS(post(&server, headers, "1", "{"), 400, "Syntax Error");
    /* Who takes streams gets it there: some clients try again at every other status. */
    char streams[HEADERS_SIZE + 64];
    snprintf(streams, sizeof streams, "%s" ACCEPT, headers);
    ANSWERS(post(&server, streams, "s", "{nothing}"), 202, "");
    sse_expect_until(stream, "event: complete\ndata: {\"id\":\"s\"}\n\n",
                     "event: next\ndata: {\"id\":\"s\",\"payload\":{\"errors\":[{\"message\":");
    ANSWERS(send_request(&server, "POST", "/graphql", streams, "{"), 400, "");
    ANSWERS(post(&server, headers, "1", "subscription{nothing}"), 400, "Cannot query field");
    ANSWERS(post(&server, headers, "", "{__typename}"), 400, "operationId");
    ANSWERS(send_request(&server, "DELETE", "/graphql", headers, ""), 400, "operationId");
    ANSWERS(send_request(&server, "GET", "/graphql", headers, ""), 406, "text/event-stream");
    ANSWERS(send_request(&server, "GET", "/graphql", streams, ""), 409, "open already");
    ANSWERS(post(&server, headers, "1", "subscription{authorChanged{node{id}}}"), 202, "");
    ANSWERS(post(&server, headers, "1", "{__typename}"), 409, "in use");
    static const char unknown[] =
        "X-GraphQL-Event-Stream-Token: 00000000000000000000000000000000\r\n";
    ANSWERS(post(&server, unknown, "1", "{__typename}"), 404, "no such reservation");
    ANSWERS(post(&server, "X-GraphQL-Event-Stream-Token: x\r\n", "1", "{__typename}"), 404,
            "no such reservation");
    ANSWERS(cancel(&server, unknown, "1"), 404, "no such reservation");
    ANSWERS(cancel(&server, "", "1"), 405, "GET, POST, OPTIONS");
    ANSWERS(send_request(&server, "PUT", "/graphql", JSON, ""), 405, "GET, POST, OPTIONS");
    close(stream);
    await_metric(&server, "quire_reservations_open", 0);
    ANSWERS(post(&server, headers, "2", "{__typename}"), 404, "no such reservation");
    test_server_stop(&server);
}

Test(reservation, requests__are_those_of_the_caller_who_reserved, .timeout = 60)
{
    struct test_server server;
    char path[600];
    char headers[HEADERS_SIZE];
    char stolen[HEADERS_SIZE];
    static const char me[] = "Authorization: Bearer 0123456789abcdef-me\r\n";
    static const char you[] = "Authorization: Bearer 0123456789abcdef-you\r\n";
    test_server_start(&server, NULL);
    cr_assert_eq(test_server_end(&server), 0);
    temp_dir_file(&server.dir, "tokens", path, sizeof path);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs("0123456789abcdef-me query me\n0123456789abcdef-you query you\n", file);
    fclose(file);
    cr_assert_eq(chmod(path, 0600), 0);
    test_server_start_in(&server, (const char *const[]){"--token-file", path, NULL});
    ANSWERS(send_request(&server, "PUT", "/graphql", "", ""), 401, "token");
    reserve(&server, me, headers);
    const char *token = strstr(headers, "X-GraphQL");
    snprintf(stolen, sizeof stolen, "%s%s", you, token);
    ANSWERS(post(&server, stolen, "1", "{__typename}"), 404, "no such reservation");
    ANSWERS(cancel(&server, stolen, "1"), 404, "no such reservation");
    char open[HEADERS_SIZE + 64];
    snprintf(open, sizeof open, "%s" ACCEPT, stolen);
    ANSWERS(send_request(&server, "GET", "/graphql", open, ""), 404, "no such reservation");
    ANSWERS(post(&server, token, "1", "{__typename}"), 401, "token");
    ANSWERS(post(&server, headers, "1", "{__typename}"), 202, "");
    test_server_stop(&server);
}

Test(reservation, streams_that_do_not_come__are_not_waited_for, .timeout = 60)
{
    struct test_server server;
    char headers[HEADERS_SIZE];
    test_server_start(&server, (const char *const[]){"--header-ms", "300", NULL});
    for (int i = 0; i < 50; i++) {
        reserve(&server, "", headers);
        ANSWERS(post(&server, headers, "s", "subscription{authorChanged{node{id}}}"), 202, "");
    }
    await_metric(&server, "quire_reservations_open", 0);
    await_metric(&server, "quire_subscriptions_open", 0);
    test_server_stop(&server);
}

Test(reservation, too_many__make_room_by_their_age, .timeout = 100)
{
    enum { MAX = 1024 };
    struct test_server server;
    char first[HEADERS_SIZE];
    char second[HEADERS_SIZE];
    char headers[HEADERS_SIZE];
    test_server_start(&server, (const char *const[]){"--header-ms", "90000", NULL});
    reserve(&server, "", first);
    int stream = open_stream(&server, first);
    reserve(&server, "", second);
    for (int i = 2; i < MAX + 5; i++) {
        reserve(&server, "", headers);
    }
    await_metric(&server, "quire_reservations_open", MAX);
    ANSWERS(post(&server, second, "1", "{__typename}"), 404, "no such reservation");
    ANSWERS(post(&server, first, "1", "{__typename}"), 202, "");
    sse_expect_until(stream, "event: complete\ndata: {\"id\":\"1\"}\n\n", "Query");
    ANSWERS(post(&server, headers, "1", "{__typename}"), 202, "");
    close(stream);
    test_server_stop(&server);
}

Test(reservation, end_of_the_server__ends_streams_and_reservations, .timeout = 60)
{
    struct test_server server;
    char headers[HEADERS_SIZE];
    test_server_start(&server, (const char *const[]){"--shutdown-ms", "60000", NULL});
    reserve(&server, "", headers);
    int stream = open_stream(&server, headers);
    ANSWERS(post(&server, headers, "s", "subscription{authorChanged{node{id}}}"), 202, "");
    reserve(&server, "", headers);
    cr_expect_eq(test_server_end(&server), 0);
    close(stream);
    temp_dir_remove(&server.dir);
}

Test(reservation, requests_beyond_the_rate__are_told_when_to_come_back, .timeout = 60)
{
    struct test_server server;
    char headers[HEADERS_SIZE];
    char retry[20];
    test_server_start(&server,
                      (const char *const[]){"--rate-cost", "1", "--rate-burst", "50", NULL});
    reserve(&server, "", headers);
    ANSWERS(post(&server, headers, "a", "{authors(first:40){items{id}}}"), 202, "");
    struct answer answer = post(&server, headers, "b", "{authors(first:40){items{id}}}");
    cr_expect(answer_header(&answer, "Retry-After", retry, sizeof retry));
    cr_expect_gt(strtol(retry, NULL, 10), 1, "%s", retry);
    ANSWERS(answer, 429, "\"LIMIT\"");
    test_server_stop(&server);
}
