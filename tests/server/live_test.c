/*
 * Subscriptions as streams of server-sent events, byte by byte.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "stream_fixture.h"

#define CHANGES "{\"query\":\"subscription{authorChanged{operation node{id} previous{id}}}\"}"

Test(live, changes__come_in_order_with_their_places, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, NULL);
    int client = sse_subscribe(&server, STREAM, CHANGES);
    create_author(&server, "n1");
    create_author(&server, "n2");
    sse_expect_until(client, "\"}}\n\n",
                     "event: next\ndata: "
                     "{\"data\":{\"authorChanged\":{\"operation\":\"CREATE\",\"node\":{\"id\":"
                     "\"n1\"},\"previous\":null}},\"extensions\":{\"place\":\"");
    sse_expect_until(client, "\n\n", "id: ");
    close(client);
    await_metric(&server, "quire_subscriptions_open", 0);
    test_server_stop(&server);
}

Test(live, live_query__is_told_again_when_it_changes, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, NULL);
    int client =
        sse_subscribe(&server, STREAM, "{\"query\":\"subscription{authors{totalCount}}\"}");
    sse_expect_until(client, "}\n\n", "{\"totalCount\":1}");
    create_author(&server, "n1");
    sse_expect_until(client, "}\n\n", "{\"totalCount\":2}");
    close(client);
    test_server_stop(&server);
}

Test(live, query_with_live__is_a_stream_to_who_takes_streams, .timeout = 60)
{
    static const char query[] = "{\"query\":\"query @live{authors{totalCount}__typename}\"}";
    struct test_server server;
    test_server_start(&server, NULL);
    int client = sse_subscribe(&server, STREAM, query);
    sse_expect_until(client, "}\n\n", "{\"authors\":{\"totalCount\":1},\"__typename\":\"Query\"}");
    create_author(&server, "n1");
    sse_expect_until(client, "}\n\n", "{\"totalCount\":2}");
    close(client);
    ANSWERS(send_graphql(&server, query), 200,
            "{\"data\":{\"authors\":{\"totalCount\":2},\"__typename\":\"Query\"}}");
    await_metric(&server, "quire_subscriptions_open", 0);
    test_server_stop(&server);
}

Test(live, client_that_comes_back__misses_nothing, .timeout = 60)
{
    struct test_server server;
    char headers[256];
    test_server_start(&server, NULL);
    int client = sse_subscribe(&server, STREAM, CHANGES);
    create_author(&server, "n1");
    char *first = sse_read_until(client, "\"}}\n\n");
    close(client);
    create_author(&server, "n2");
    create_author(&server, "n3");
    const char *id = strstr(first, "id: ");
    cr_assert_not_null(id);
    snprintf(headers, sizeof headers, STREAM "Last-Event-ID: %.*s\r\n", (int)strcspn(id + 4, "\n"),
             id + 4);
    client = sse_post(&server, headers, CHANGES);
    char *second = sse_read_until(client, "\"n3\"");
    cr_expect(strstr(second, "\"n2\"") != NULL && strstr(second, "\"n1\"") == NULL, "%s", second);
    close(client);
    free(first);
    free(second);
    test_server_stop(&server);
}

Test(live, place_that_is_not_kept__is_an_error, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, NULL);
    int client = sse_post(&server, STREAM "Last-Event-ID: 0123456789abcdef:5:0\r\n", CHANGES);
    sse_expect_until(client, "event: complete\ndata:\n\n", "\"code\":\"RESUME_TOO_OLD\"");
    close(client);
    static const char *const wrong[] = {
        "x", "1:2", "0123456789abcdef:5:0 ", "0:1:1", "0123456789abcdef0:5:0", "1:1:-1", "1:1:1:1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char headers[256];
        snprintf(headers, sizeof headers, STREAM "Last-Event-ID: %s.\r\n", wrong[i]);
        ANSWERS(send_request(&server, "POST", "/graphql", headers, CHANGES), 400, "Last-Event-ID");
    }
    test_server_stop(&server);
}

Test(live, queries_and_errors__are_streams_of_one_event, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, NULL);
    ANSWERS(
        send_request(&server, "POST", "/graphql", STREAM, "{\"query\":\"{authors{totalCount}}\"}"),
        200,
        "event: next\ndata: {\"data\":{\"authors\":{\"totalCount\":1}}}\n\n"
        "event: complete\ndata:\n\n");
    ANSWERS(send_request(&server, "POST", "/graphql", STREAM,
                         "{\"query\":\"mutation{createAuthor(input:{id:\\\"n\\\",name:\\\"n\\\"})"
                         "{id}}\"}"),
            200, "{\"data\":{\"createAuthor\":{\"id\":\"n\"}}}\n\nevent: complete");
    ANSWERS(send_request(&server, "POST", "/graphql", STREAM,
                         "{\"query\":\"subscription{authorChangd{operation}}\"}"),
            200, "event: next\ndata: {\"errors\":");
    ANSWERS(send_request(&server, "GET", "/graphql?query=%7Bauthors%7BtotalCount%7D%7D",
                         "Accept: text/event-stream\r\n", ""),
            200, "\"totalCount\":2");
    ANSWERS(send_request(&server, "POST", "/graphql", STREAM, "{"), 400, "The body is not JSON");
    ANSWERS(send_request(&server, "POST", "/graphql", JSON, CHANGES), 200, "subscription call");
    test_server_stop(&server);
}

Test(live, subscription_by_get__is_one_for_event_sources, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, NULL);
    int client = client_connect(&server);
    static const char text[] =
        "GET /graphql?query=subscription%7Bauthors%7BtotalCount%7D%7D HTTP/1.1\r\n"
        "Host: localhost\r\nAccept: text/event-stream\r\n\r\n";
    client_send(client, text, sizeof text - 1);
    sse_expect_until(client, "}\n\n", "{\"totalCount\":1}");
    close(client);
    test_server_stop(&server);
}

Test(live, clients_that_leave__leave_nothing, .timeout = 60)
{
    enum { CLIENTS = 40 };
    struct test_server server;
    int clients[CLIENTS];
    test_server_start(&server, NULL);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = sse_subscribe(&server, STREAM, CHANGES);
    }
    await_metric(&server, "quire_subscriptions_open", CLIENTS);
    create_author(&server, "n1");
    for (int i = 0; i < CLIENTS; i++) {
        sse_expect_until(clients[i], "\n\n", "\"n1\"");
    }
    for (int i = 0; i < CLIENTS; i++) {
        if (i % 2 == 0) {
            shutdown(clients[i], SHUT_WR); /* says that it will send nothing more */
        } else {
            close(clients[i]);
        }
    }
    await_metric(&server, "quire_subscriptions_open", 0);
    await_metric(&server, "quire_http_requests_open", 1);
    for (int i = 0; i < CLIENTS; i += 2) {
        close(clients[i]);
    }
    test_server_stop(&server);
}

Test(live, client_that_reads_late__misses_nothing, .timeout = 100)
{
    enum { ROUNDS = 300 };
    static char name[20000];
    static char body[sizeof name + 200];
    struct test_server server;
    test_server_start(&server, NULL);
    int client = sse_subscribe(&server, STREAM,
                               "{\"query\":\"subscription{authorChanged{operation node{name}}}\"}");
    memset(name, 'x', sizeof name - 1);
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(body, sizeof body,
                 "{\"query\":\"mutation{createAuthor(input:{id:\\\"m%d\\\",name:\\\"%d%s\\\"})"
                 "{id}}\"}",
                 i, i, name);
        ANSWERS(send_graphql(&server, body), 200, "createAuthor");
    }
    for (int i = 0; i < ROUNDS; i++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "\"name\":\"%dx", i);
        sse_expect_until(client, "\"}}\n\n", wanted);
    }
    close(client);
    test_server_stop(&server);
}

Test(live, stream_that_is_silent__is_kept_alive, .timeout = 100)
{
    struct test_server server;
    test_server_start(&server, (const char *const[]){"--idle-ms", "300", NULL});
    int client = sse_subscribe(&server, STREAM, CHANGES);
    sse_expect_until(client, ":\n\n", "");
    create_author(&server, "n1");
    sse_expect_until(client, "\n\n", "\"n1\"");
    close(client);
    await_metric(&server, "quire_subscriptions_open", 0);
    test_server_stop(&server);
}

Test(live, end_of_the_server__ends_streams_without_completing_them, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, (const char *const[]){"--shutdown-ms", "60000", NULL});
    int client = sse_subscribe(&server, STREAM, CHANGES);
    cr_expect_eq(test_server_end(&server), 0);
    char rest[256] = "";
    ssize_t got = recv(client, rest, sizeof rest - 1, 0);
    cr_expect(got <= 0 || strstr(rest, "complete") == NULL, "%s", rest);
    close(client);
    temp_dir_remove(&server.dir);
}
