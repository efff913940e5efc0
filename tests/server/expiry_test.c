/*
 * Tokens that expire while a stream or a socket is open.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "jwt_tokens.h"
#include "stream_fixture.h"

#define ADMIN   "0123456789abcdef0123"
#define CHANGES "{\"query\":\"subscription{authorChanged{operation node{id}}}\"}"

/* A server that takes JWTs signed with the secret, and has the leeway of none. */
static void start(struct test_server *server)
{
    char key[600];
    char tokens[600];
    test_server_start(server, NULL);
    cr_assert_eq(test_server_end(server), 0);
    temp_dir_file(&server->dir, "key", key, sizeof key);
    temp_dir_file(&server->dir, "tokens", tokens, sizeof tokens);
    FILE *file = fopen(key, "w");
    cr_assert_not_null(file);
    fputs(TOKEN_SECRET, file);
    fclose(file);
    file = fopen(tokens, "w");
    cr_assert_not_null(file);
    fputs(ADMIN, file);
    fclose(file);
    cr_assert_eq(chmod(key, 0600), 0);
    cr_assert_eq(chmod(tokens, 0600), 0);
    test_server_start_in(server,
                         (const char *const[]){"--jwt-key", key, "--token-file", tokens,
                                               "--jwt-leeway", "0", "--jwt-admin", "boss", NULL});
}

/* A token of an administrator that expires so many seconds from now; free it. */
static char *make_token(long seconds)
{
    char payload[100];
    snprintf(payload, sizeof payload, "{\"sub\":\"ann\",\"role\":\"boss\",\"exp\":%ld}",
             (long)time(NULL) + seconds);
    return token_make(TOKEN_HEADER, payload);
}

/* Asserts that nothing of the server's is open any more. */
static void await_nothing(const struct test_server *server)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000000};
    bool gone = false;
    for (int i = 0; i < 1000 && !gone; i++) {
        struct answer answer =
            send_request(server, "GET", "/metrics", "Authorization: Bearer " ADMIN "\r\n", "");
        gone = strstr(answer.body, "\nquire_subscriptions_open 0\n") != NULL &&
               strstr(answer.body, "\nquire_websockets_open 0\n") != NULL;
        answer_free(&answer);
        nanosleep(&pause, NULL);
    }
    cr_expect(gone);
}

Test(expiry, socket__is_closed_when_its_token_expires, .timeout = 60)
{
    struct test_server server;
    char text[512];
    start(&server);
    char *token = make_token(5);
    /* One token comes with the handshake, one with the first message; nothing is ever sent. */
    snprintf(text, sizeof text, "Authorization: Bearer %s\r\n", token);
    int first = ws_open_with(&server, text);
    ws_send(first, INIT);
    EXPECT_TEXT(first, ACK);
    int second = ws_open_with(&server, "");
    snprintf(text, sizeof text,
             "{\"type\":\"connection_init\",\"payload\":{\"Authorization\":\"Bearer %s\"}}", token);
    ws_send(second, text);
    EXPECT_TEXT(second, ACK);
    ws_subscribe(second, "1", "subscription{authorChanged{operation}}");
    EXPECT_CLOSE(first, 4403);
    EXPECT_CLOSE(second, 4403);
    second = ws_open_with(&server, "");
    ws_send(second, text); /* the same again */
    EXPECT_CLOSE(second, 4403);
    free(token);
    await_nothing(&server);
    test_server_stop(&server);
}

Test(expiry, socket_of_a_token_that_lasts__stays, .timeout = 60)
{
    struct test_server server;
    char text[512];
    start(&server);
    char *token = make_token(1000000000000000L); /* beyond what any clock counts */
    snprintf(text, sizeof text, "Authorization: Bearer %s\r\n", token);
    int client = ws_open_with(&server, text);
    ws_send(client, INIT);
    EXPECT_TEXT(client, ACK);
    sleep(1); /* some ticks */
    ws_subscribe(client, "1", "{authors{totalCount}}");
    EXPECT_TEXT(client, "\"totalCount\":1");
    close(client);
    free(token);
    test_server_stop(&server);
}

Test(expiry, stream__ends_without_completing_when_its_token_expires, .timeout = 60)
{
    struct test_server server;
    char text[512];
    char rest[256] = "";
    size_t size = 0;
    ssize_t got;
    start(&server);
    char *token = make_token(5);
    snprintf(text, sizeof text, STREAM "Authorization: Bearer %s\r\n", token);
    int client = sse_subscribe(&server, text, CHANGES);
    while (size < sizeof rest - 1 &&
           (got = recv(client, rest + size, sizeof rest - 1 - size, 0)) > 0) {
        size += (size_t)got;
        if (strstr(rest, "0\r\n\r\n") != NULL) {
            break; /* the last chunk */
        }
    }
    cr_expect(strstr(rest, "complete") == NULL, "%s", rest);
    cr_expect(strstr(rest, "0\r\n\r\n") != NULL, "%s", rest);
    close(client);
    /* Who comes back is told why. */
    ANSWERS(send_request(&server, "POST", "/graphql", text, CHANGES), 401, "has expired");
    free(token);
    await_nothing(&server);
    test_server_stop(&server);
}

Test(expiry, reserved_stream__ends_when_the_token_of_a_request_expires, .timeout = 60)
{
    struct test_server server;
    char headers[700];
    char request[1024];
    start(&server);
    char *lasting = make_token(3600);
    char *token = make_token(5);
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", lasting);
    struct answer place = send_request(&server, "PUT", "/graphql", headers, "");
    cr_assert_eq(place.status, 201, "%s", place.text);
    int size = snprintf(request, sizeof request,
                        "GET /graphql?token=%s HTTP/1.1\r\nHost: localhost\r\n%s"
                        "Accept: text/event-stream\r\n\r\n",
                        place.body, headers);
    int client = client_connect(&server);
    client_send(client, request, (size_t)size);
    sse_expect_until(client, ":\n\n", "text/event-stream");
    snprintf(headers, sizeof headers,
             JSON "Authorization: Bearer %s\r\nX-GraphQL-Event-Stream-Token: %s\r\n", token,
             place.body);
    ANSWERS(send_request(&server, "POST", "/graphql", headers,
                         "{\"query\":\"subscription{authorChanged{operation}}\","
                         "\"extensions\":{\"operationId\":\"s\"}}"),
            202, "");
    sse_expect_until(client, "0\r\n\r\n", ""); /* the last chunk */
    close(client);
    answer_free(&place);
    free(lasting);
    free(token);
    await_nothing(&server);
    test_server_stop(&server);
}

Test(expiry, status__is_told_no_longer_when_its_token_expires, .timeout = 60)
{
    struct test_server server;
    char request[1024];
    start(&server);
    char *token = make_token(5);
    int size = snprintf(request, sizeof request,
                        "GET /admin/status HTTP/1.1\r\nHost: localhost\r\n"
                        "Accept: text/event-stream\r\nAuthorization: Bearer %s\r\n\r\n",
                        token);
    int client = client_connect(&server);
    client_send(client, request, (size_t)size);
    sse_expect_until(client, "data: ", "event: status");
    sse_expect_until(client, "\r\n0\r\n\r\n", "\"tables\":["); /* the last chunk */
    close(client);
    free(token);
    test_server_stop(&server);
}
