/*
 * WebSockets frame by frame: what clients of the protocol send, and what others do.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "stream_fixture.h"

/* ---- Handshake ---- */

Test(websocket, handshake_that_is_wrong__is_refused, .timeout = 60)
{
    static const struct {
        const char *headers;
        int status;
    } cases[] = {
        {UPGRADE KEY PROTOCOL, 426},
        {UPGRADE KEY PROTOCOL "Sec-WebSocket-Version: 8\r\n", 426},
        {UPGRADE KEY VERSION, 400},
        {UPGRADE KEY VERSION "Sec-WebSocket-Protocol: graphql-ws\r\n", 400},
        {UPGRADE VERSION PROTOCOL, 400},
        {UPGRADE VERSION PROTOCOL "Sec-WebSocket-Key: dGhl\r\n", 400},
        {"Upgrade: websocket\r\n" KEY VERSION PROTOCOL, 400},
        {UPGRADE KEY VERSION PROTOCOL "Origin: http://other.example\r\n", 403},
        {UPGRADE KEY VERSION PROTOCOL "Host: other.example\r\n", 421},
    };
    struct test_server server;
    test_server_start(&server, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        /* send_request would say that the connection closes. */
        char text[1024];
        bool host = strstr(cases[i].headers, "Host: ") != NULL;
        int size = snprintf(text, sizeof text, "GET /graphql HTTP/1.1\r\n%s%s\r\n",
                            host ? "" : "Host: localhost\r\n", cases[i].headers);
        int client = client_connect(&server);
        client_send(client, text, (size_t)size);
        ANSWERS(client_receive(client), cases[i].status, "\"code\":");
        close(client);
    }
    cr_expect_eq(metric(&server, "quire_websockets_open"), 0);
    test_server_stop(&server);
}

Test(websocket, tokens__come_with_the_handshake_or_the_first_message, .timeout = 60)
{
    static const char token[] = "0123456789abcdef0123";
    struct test_server server;
    char path[600];
    char text[256];
    test_server_start(&server, NULL);
    cr_assert_eq(test_server_end(&server), 0);
    temp_dir_file(&server.dir, "tokens", path, sizeof path);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fprintf(file, "%s query me\n", token);
    fclose(file);
    cr_assert_eq(chmod(path, 0600), 0);
    test_server_start_in(&server, (const char *const[]){"--token-file", path, NULL});

    int client = ws_open_with(&server, "");
    ws_send(client, INIT);
    EXPECT_CLOSE(client, 4403);
    client = ws_open_with(&server, "");
    ws_send(client, "{\"type\":\"connection_init\",\"payload\":{\"Authorization\":\"Bearer x\"}}");
    EXPECT_CLOSE(client, 4403);
    client = ws_open_with(&server, "");
    ws_subscribe(client, "1", "{authors{totalCount}}");
    EXPECT_CLOSE(client, 4401);
    client = ws_open_with(&server, "");
    snprintf(text, sizeof text,
             "{\"type\":\"connection_init\",\"payload\":{\"authorization\":\"Bearer %s\"}}", token);
    ws_send(client, text);
    EXPECT_TEXT(client, ACK);
    ws_subscribe(client, "1", "{authors{totalCount}}");
    EXPECT_TEXT(client, "\"totalCount\":1");
    close(client);
    snprintf(text, sizeof text, "Authorization: Bearer %s\r\n", token);
    client = ws_open_with(&server, text);
    ws_send(client, INIT);
    EXPECT_TEXT(client, ACK);
    close(client);
    ANSWERS(send_request(&server, "GET", "/graphql?sdl", UPGRADE, ""), 400, "WebSocket");
    ANSWERS(send_request(&server, "GET", "/graphql?sdl", "", ""), 401, "token");
    ANSWERS(send_request(&server, "GET", "/schema", UPGRADE, ""), 401, "token");
    test_server_stop(&server);
}

/* ---- Frames ---- */

Test(websocket, fragments_and_pings_between__are_one_message, .timeout = 60)
{
    static const char text[] = "{\"id\":\"\\u0061\",\"type\":\"subscribe\",\"payload\":{\"query\":"
                               "\"{authors{totalCount}}\"}}";
    struct test_server server;
    test_server_start(&server, NULL);
    int client = ws_open(&server);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        unsigned fin = i + 2 == sizeof text ? FIN : 0;
        ws_send_frame(client, fin | (i == 0 ? TEXT : CONTINUED), text + i, 1);
        if (i % 16 == 0) {
            char pong[200];
            size_t size;
            ws_send_frame(client, FIN | PING, "hi", 2);
            cr_assert_eq(ws_read_frame(client, pong, &size), FIN | PONG);
            cr_assert_str_eq(pong, "hi");
        }
    }
    EXPECT_TEXT(client, "{\"type\":\"next\",\"id\":\"a\",\"payload\":{\"data\":{\"authors\":");
    EXPECT_TEXT(client, "{\"type\":\"complete\",\"id\":\"a\"}");
    ws_send(client, "{\"type\":\"ping\",\"payload\":{\"x\":1}}");
    EXPECT_TEXT(client, "{\"type\":\"pong\"}");
    ws_send(client, "{\"type\":\"pong\"}");
    ws_send_frame(client, FIN | CLOSE, "\x03\xE8", 2);
    EXPECT_CLOSE(client, 1000);
    await_metric(&server, "quire_websockets_open", 0);
    test_server_stop(&server);
}

Test(websocket, handshake_and_first_messages_in_one_packet__are_taken, .timeout = 60)
{
    static const char head[] =
        "GET /graphql HTTP/1.1\r\nHost: localhost\r\n" UPGRADE KEY VERSION PROTOCOL "\r\n";
    struct test_server server;
    uint8_t text[2048];
    char got[2048] = "";
    size_t size = 0;
    test_server_start(&server, NULL);
    int client = client_connect(&server);
    memcpy(text, head, sizeof head - 1);
    size = sizeof head - 1;
    size += ws_make_frame(text + size, FIN | TEXT, true, INIT, strlen(INIT));
    client_send(client, (const char *)text, size);
    size = 0;
    while (size < sizeof got - 1 && strstr(got, ACK) == NULL) {
        cr_assert(read_bytes(client, got + size, 1), "%s", got);
        size += got[size] != '\0';
    }
    close(client);
    test_server_stop(&server);
}

Test(websocket, frames_that_are_wrong__end_the_socket_with_a_code, .timeout = 100)
{
    static const struct {
        unsigned first;
        bool masked;
        const char *text;
        size_t size;
        unsigned code;
    } cases[] = {
        {FIN | TEXT, false, "{}", 2, 1002},          /* not masked */
        {FIN | 0x40 | TEXT, true, "{}", 2, 1002},    /* a bit of an extension */
        {FIN | 3, true, "{}", 2, 1002},              /* a kind of frame that there is not */
        {FIN | CONTINUED, true, "{}", 2, 1002},      /* it continues nothing */
        {PING, true, "x", 1, 0},                     /* a piece of a ping */
        {FIN | CLOSE, true, "x", 1, 0},              /* half a code */
        {FIN | CLOSE, true, "\x03\xED", 2, 1002},    /* a code that is never sent */
        {FIN | TEXT, true, "\"\xFF\"", 3, 1007},     /* not UTF-8 */
        {FIN | TEXT, true, "\"\xC0\x80\"", 4, 1007}, /* longer than it must be */
        {FIN | BINARY, true, "{}", 2, 1003},
        {FIN | TEXT, true, "", 0, 4400},
        {FIN | TEXT, true, "{", 1, 4400},
        {FIN | TEXT, true, "[]", 2, 4400},
        {FIN | TEXT, true, "{\"type\":1}", 10, 4400},
        {FIN | TEXT, true, "{\"type\":\"next\"}", 15, 4400},
        {FIN | TEXT, true, "{\"type\":\"ping\",\"type\":\"ping\"}", 29, 4400},
        {FIN | TEXT, true, "{\"type\":\"complete\"}", 19, 4400},
        {FIN | TEXT, true, "{\"type\":\"subscribe\",\"id\":\"1\"}", 29, 4400},
        {FIN | TEXT, true, "{\"type\":\"subscribe\",\"id\":\"\",\"payload\":{}}", 41, 4400},
        {FIN | TEXT, true, "{\"type\":\"subscribe\",\"id\":1,\"payload\":{}}", 40, 4400},
        {FIN | TEXT, true, INIT, sizeof INIT - 1, 4429},
    };
    struct test_server server;
    uint8_t frame[256];
    test_server_start(&server, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int client = ws_open(&server);
        size_t size =
            ws_make_frame(frame, cases[i].first, cases[i].masked, cases[i].text, cases[i].size);
        client_send(client, (const char *)frame, size);
        ws_expect_close(client, cases[i].code, (int)i);
    }
    await_metric(&server, "quire_websockets_open", 0);
    test_server_stop(&server);
}

Test(websocket, messages_that_are_too_large__are_not_kept, .timeout = 60)
{
    static const uint8_t huge[] = {FIN | TEXT, 0xFF, 0x3F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                   0xFF,       0xFF, 1,    2,    3,    4,    5,    6};
    static char spaces[60000];
    struct test_server server;
    memset(spaces, ' ', sizeof spaces);
    test_server_start(&server, (const char *const[]){"--body-bytes", "100000", NULL});
    int client = ws_open_with(&server, "");
    client_send(client, (const char *)huge, sizeof huge);
    EXPECT_CLOSE(client, 1009);
    client = ws_open_with(&server, ""); /* before connection_init only small ones */
    ws_send_frame(client, FIN | TEXT, spaces, 17000);
    EXPECT_CLOSE(client, 1009);
    client = ws_open(&server);
    ws_send_frame(client, TEXT, spaces, sizeof spaces);
    ws_send_frame(client, FIN | CONTINUED, spaces, sizeof spaces);
    EXPECT_CLOSE(client, 1009);
    client = ws_open(&server);
    memset(spaces, '[', sizeof spaces);
    ws_send_frame(client, FIN | TEXT, spaces, sizeof spaces);
    EXPECT_CLOSE(client, 4400);
    test_server_stop(&server);
}

/* ---- The protocol ---- */

Test(websocket, connection_init_that_does_not_come__is_not_waited_for, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, (const char *const[]){"--header-ms", "300", NULL});
    int silent = ws_open_with(&server, "");
    int talking = ws_open_with(&server, "");
    ws_send(talking, "{\"type\":\"ping\"}");
    EXPECT_TEXT(talking, "pong");
    EXPECT_CLOSE(silent, 4408);
    EXPECT_CLOSE(talking, 4408);
    test_server_stop(&server);
}

Test(websocket, silent_client__is_asked_whether_it_is_there, .timeout = 60)
{
    struct test_server server;
    char got[200];
    size_t size;
    test_server_start(&server, (const char *const[]){"--idle-ms", "2000", NULL});
    int client = ws_open(&server);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(ws_read_frame(client, got, &size), FIN | PING);
        ws_send_frame(client, FIN | PONG, got, size);
    }
    ws_subscribe(client, "1", "{authors{totalCount}}");
    EXPECT_TEXT(client, "totalCount");
    EXPECT_TEXT(client, "complete");
    cr_assert_eq(ws_read_frame(client, got, &size), FIN | PING);
    cr_expect_eq(ws_read_frame(client, got, &size), 0, "it is waited for without end");
    close(client);
    test_server_stop(&server);
}

Test(websocket, ids__are_for_one_request_at_a_time, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, NULL);
    int client = ws_open(&server);
    for (int i = 0; i < 3; i++) {
        ws_subscribe(client, "x", "subscription{authors{totalCount}}");
        EXPECT_TEXT(client, "{\"type\":\"next\",\"id\":\"x\",\"payload\":{\"data\":{\"authors\":");
        ws_send(client, "{\"type\":\"complete\",\"id\":\"x\"}");
        ws_subscribe(client, "x", "{authors{totalCount}}");
        EXPECT_TEXT(client, "totalCount");
        EXPECT_TEXT(client, "{\"type\":\"complete\",\"id\":\"x\"}");
    }
    ws_send(client, "{\"type\":\"complete\",\"id\":\"nobody\"}");
    await_metric(&server, "quire_subscriptions_open", 0);
    ws_subscribe(client, "x", "subscription{authors{totalCount}}");
    EXPECT_TEXT(client, "totalCount");
    ws_subscribe(client, "x", "subscription{authors{totalCount}}");
    EXPECT_CLOSE(client, 4409);
    await_metric(&server, "quire_subscriptions_open", 0);
    test_server_stop(&server);
}

Test(websocket, query_with_live__is_followed, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, NULL);
    int client = ws_open(&server);
    ws_subscribe(client, "1", "query @live{authors{totalCount}}");
    EXPECT_TEXT(client, "\"totalCount\":1");
    create_author(&server, "n1");
    EXPECT_TEXT(client, "\"totalCount\":2");
    ws_send(client, "{\"type\":\"complete\",\"id\":\"1\"}");
    await_metric(&server, "quire_subscriptions_open", 0);
    close(client);
    test_server_stop(&server);
}

Test(websocket, requests_that_do_not_run__are_errors_of_theirs, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, NULL);
    int client = ws_open(&server);
    ws_subscribe(client, "1", "{");
    EXPECT_TEXT(client, "{\"type\":\"error\",\"id\":\"1\",\"payload\":[{\"message\":\"Syntax");
    ws_subscribe(client, "1", "subscription{nothing}");
    EXPECT_TEXT(client,
                "{\"type\":\"error\",\"id\":\"1\",\"payload\":[{\"message\":\"Cannot query");
    ws_send(client, "{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":3}}");
    EXPECT_TEXT(client,
                "{\"type\":\"error\",\"id\":\"1\",\"payload\":[{\"message\":\"The parameter");
    ws_send(client, "{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"documentId\":\"z\"}}");
    EXPECT_TEXT(client, "PERSISTED_DOCUMENT_NOT_FOUND");
    ws_subscribe(client, "1", "mutation{createAuthor(input:{id:\\\"a1\\\",name:\\\"x\\\"}){id}}");
    EXPECT_TEXT(client, "{\"type\":\"next\",\"id\":\"1\",\"payload\":{\"errors\":");
    EXPECT_TEXT(client, "complete");
    ws_subscribe(client, "1", "mutation{createAuthor(input:{id:\\\"a2\\\",name:\\\"x\\\"}){id}}");
    EXPECT_TEXT(client, "{\"createAuthor\":{\"id\":\"a2\"}}");
    EXPECT_TEXT(client, "complete");
    close(client);
    test_server_stop(&server);
}

Test(websocket, flood_of_subscribes__is_bounded_and_leaves_nothing, .timeout = 100)
{
    enum { ALL = 2000, MAX = 20 };
    struct test_server server;
    static char got[65536];
    size_t size;
    int errors = 0;
    int results = 0;
    test_server_start(&server, (const char *const[]){"--subscriptions", "20", NULL});
    int client = ws_open(&server);
    for (int i = 0; i < ALL; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        ws_subscribe(client, id, "subscription{authorChanged{operation}}");
    }
    await_metric(&server, "quire_subscriptions_open", MAX);
    create_author(&server, "n1");
    while (errors + results < ALL) {
        cr_assert_eq(ws_read_frame(client, got, &size), FIN | TEXT);
        errors += strstr(got, "\"code\":\"LIMIT\"") != NULL;
        results += strstr(got, "\"operation\":\"CREATE\"") != NULL;
    }
    cr_expect_eq(results, MAX);
    close(client);
    await_metric(&server, "quire_subscriptions_open", 0);
    await_metric(&server, "quire_websockets_open", 0);
    await_metric(&server, "quire_http_requests_open", 1);
    test_server_stop(&server);
}

Test(websocket, requests_of_a_connection__have_a_size_together, .timeout = 60)
{
    struct test_server server;
    static char document[30000];
    test_server_start(&server, (const char *const[]){"--body-bytes", "100000", NULL});
    int client = ws_open(&server);
    for (int id = 'a'; id < 'd'; id++) {
        int size = snprintf(document, sizeof document,
                            "{\"id\":\"%c\",\"type\":\"subscribe\",\"payload\":{\"query\":"
                            "\"subscription{authors{totalCount}}\"",
                            id);
        memset(document + size, ' ', sizeof document - (size_t)size);
        memcpy(document + sizeof document - 2, "}}", 2);
        ws_send_frame(client, FIN | TEXT, document, sizeof document);
        EXPECT_TEXT(client, "totalCount");
    }
    document[7] = 'd';
    ws_send_frame(client, FIN | TEXT, document, sizeof document);
    EXPECT_TEXT(client,
                "{\"type\":\"error\",\"id\":\"d\",\"payload\":[{\"message\":\"The requests");
    ws_send(client, "{\"type\":\"complete\",\"id\":\"a\"}");
    await_metric(&server, "quire_subscriptions_open", 2);
    ws_send_frame(client, FIN | TEXT, document, sizeof document);
    EXPECT_TEXT(client, "totalCount");
    close(client);
    test_server_stop(&server);
}

/* Sends a frame again and again until the server takes no more. */
static void flood(int client, unsigned first, const char *text)
{
    enum { BYTES_MAX = 64 << 20 };
    static uint8_t frames[64 * 1024];
    size_t size = 0;
    size_t sent = 0;
    int quiet = 0;
    while (size + 64 < sizeof frames) {
        size += ws_make_frame(frames + size, first, true, text, strlen(text));
    }
    while (sent < BYTES_MAX && quiet < 100) {
        ssize_t count = send(client, frames, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count > 0) {
            sent += (size_t)count;
            quiet = 0;
        } else {
            const struct timespec pause = {.tv_nsec = 10 * 1000000};
            nanosleep(&pause, NULL);
            quiet++;
        }
        if (count > 0 && (size_t)count < size) { /* the rest of it */
            while (sent % size != 0 && quiet < 100) {
                count = send(client, frames + sent % size, size - sent % size,
                             MSG_DONTWAIT | MSG_NOSIGNAL);
                sent += count > 0 ? (size_t)count : 0;
                quiet = count > 0 ? 0 : quiet + 1;
                const struct timespec pause = {.tv_nsec = 10 * 1000000};
                nanosleep(&pause, NULL);
            }
        }
    }
    cr_expect_lt(sent, BYTES_MAX, "the server takes without end");
}

Test(websocket, client_that_does_not_read__is_not_read_either, .timeout = 100)
{
    struct test_server server;
    test_server_start(&server, NULL);
    int client = ws_open(&server);
    flood(client, FIN | TEXT, "{\"type\":\"ping\"}");
    ANSWERS(send_graphql(&server, "{\"query\":\"{authors{totalCount}}\"}"), 200, "1");
    close(client);
    await_metric(&server, "quire_websockets_open", 0);
    test_server_stop(&server);
}

Test(websocket, empty_pings_before_the_first_message__are_not_taken_without_end, .timeout = 100)
{
    struct test_server server;
    test_server_start(&server,
                      (const char *const[]){"--header-ms", "15000", "--idle-ms", "2000", NULL});
    int client = ws_open_with(&server, "");
    flood(client, FIN | PING, "");
    /* It is told to close, does not read that, and is not waited for. */
    await_metric(&server, "quire_websockets_open", 0);
    close(client);
    test_server_stop(&server);
}

Test(websocket, message_of_countless_fragments__is_not_kept, .timeout = 60)
{
    enum { FRAGMENTS = 2000 };
    static uint8_t frames[FRAGMENTS * 8];
    struct test_server server;
    test_server_start(&server, NULL);
    int client = ws_open(&server);
    size_t size = ws_make_frame(frames, TEXT, true, "", 0);
    for (int i = 0; i < FRAGMENTS; i++) {
        size += ws_make_frame(frames + size, CONTINUED, true, "", 0);
    }
    client_send(client, (const char *)frames, size);
    EXPECT_CLOSE(client, 1009);
    test_server_stop(&server);
}

Test(websocket, clients_that_vanish__leave_nothing, .timeout = 100)
{
    enum { CLIENTS = 40 };
    struct test_server server;
    int clients[CLIENTS];
    test_server_start(&server, NULL);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = ws_open(&server);
        ws_subscribe(clients[i], "1", "subscription{authorChanged{node{id}}}");
        ws_subscribe(clients[i], "2", "subscription{authors{totalCount}}");
        EXPECT_TEXT(clients[i], "totalCount");
    }
    await_metric(&server, "quire_subscriptions_open", 2 * CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        close(clients[i]);
        create_author(&server, (char[]){(char)('A' + i / 10), (char)('0' + i % 10), '\0'});
    }
    await_metric(&server, "quire_subscriptions_open", 0);
    await_metric(&server, "quire_websockets_open", 0);
    await_metric(&server, "quire_http_requests_open", 1);
    test_server_stop(&server);
}

Test(websocket, end_of_the_server__tells_clients_to_come_back, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, (const char *const[]){"--shutdown-ms", "60000", NULL});
    int client = ws_open(&server);
    int silent = ws_open_with(&server, "");
    ws_subscribe(client, "1", "subscription{authors{totalCount}}");
    EXPECT_TEXT(client, "totalCount");
    cr_expect_eq(test_server_end(&server), 0);
    EXPECT_CLOSE(client, 1001);
    EXPECT_CLOSE(silent, 1001);
    temp_dir_remove(&server.dir);
}
