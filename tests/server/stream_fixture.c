/*
 * Bytes in, bytes out: a client that waits asserts what it gets.
 */
#include "stream_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- The server ---- */

long metric(const struct test_server *server, const char *name)
{
    char line[128];
    struct answer answer = send_request(server, "GET", "/metrics", "", "");
    snprintf(line, sizeof line, "\n%s ", name);
    const char *found = strstr(answer.body, line);
    long value = found != NULL ? strtol(found + strlen(line), NULL, 10) : -1;
    answer_free(&answer);
    return value;
}

void await_metric(const struct test_server *server, const char *name, long value)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000000};
    for (int i = 0; i < 1000 && metric(server, name) != value; i++) {
        nanosleep(&pause, NULL);
    }
    long last = metric(server, name);
    cr_assert_eq(last, value, "%s is %ld, not %ld", name, last, value);
}

void create_author(const struct test_server *server, const char *id)
{
    char body[256];
    snprintf(body, sizeof body,
             "{\"query\":\"mutation{createAuthor(input:{id:\\\"%s\\\",name:\\\"n\\\"}){id}}\"}",
             id);
    ANSWERS(send_graphql(server, body), 200, id);
}

/* ---- Server-sent events ---- */

int sse_post(const struct test_server *server, const char *headers, const char *body)
{
    char text[4096];
    int client = client_connect(server);
    int size = snprintf(text, sizeof text,
                        "POST /graphql HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n"
                        "\r\n%s",
                        headers, strlen(body), body);
    client_send(client, text, (size_t)size);
    return client;
}

/* Reads until the text has come, and returns all that was read until then; free it. */
char *sse_read_until(int client, const char *text)
{
    enum { ROOM = 1 << 20 };
    char *all = calloc(1, ROOM);
    size_t size = 0;
    cr_assert_not_null(all);
    size_t length = strlen(text);
    while (size + 1 < ROOM && (size < length || memcmp(all + size - length, text, length) != 0)) {
        ssize_t got = recv(client, all + size, 1, 0);
        cr_assert_gt(got, 0, "no %s in: %s", text, all);
        size += (size_t)got;
    }
    return all;
}

void sse_expect_until(int client, const char *text, const char *within)
{
    char *all = sse_read_until(client, text);
    cr_expect(strstr(all, within) != NULL, "no %s in: %s", within, all);
    free(all);
}

/* Subscribes, and waits until the stream has begun: what is committed from now on is told. */
int sse_subscribe(const struct test_server *server, const char *headers, const char *body)
{
    int client = sse_post(server, headers, body);
    sse_expect_until(client, "\r\n\r\n", "text/event-stream");
    free(sse_read_until(client, "\n\n"));
    return client;
}

/* ---- WebSockets ---- */

/* Connects and shakes hands; the headers end with the ones given. */
int ws_open_with(const struct test_server *server, const char *headers)
{
    char text[1024];
    char byte;
    int client = client_connect(server);
    int size = snprintf(text, sizeof text,
                        "GET /graphql HTTP/1.1\r\nHost: localhost\r\n" UPGRADE KEY VERSION PROTOCOL
                        "%s\r\n",
                        headers);
    client_send(client, text, (size_t)size);
    size = 0;
    while (size < (int)sizeof text - 1 && recv(client, &byte, 1, 0) == 1) {
        text[size++] = byte;
        text[size] = '\0';
        if (size >= 4 && strcmp(text + size - 4, "\r\n\r\n") == 0) {
            break;
        }
    }
    cr_assert(strstr(text, "HTTP/1.1 101 ") == text, "%s", text);
    /* The example of RFC 6455, 1.3. */
    cr_assert(strstr(text, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "%s", text);
    return client;
}

/* A frame whose header says what is wanted, right or wrong. Returns its size. */
size_t ws_make_frame(uint8_t *out, unsigned first, bool masked, const char *text, size_t size)
{
    static const uint8_t mask[4] = {0x12, 0x00, 0xFE, 0x7F};
    size_t at = 2;
    out[0] = (uint8_t)first;
    out[1] = masked ? 0x80 : 0;
    if (size < 126) {
        out[1] |= (uint8_t)size;
    } else {
        out[1] |= 126;
        out[at++] = (uint8_t)(size >> 8U);
        out[at++] = (uint8_t)size;
    }
    if (masked) {
        memcpy(out + at, mask, 4);
        at += 4;
    }
    for (size_t i = 0; i < size; i++) {
        out[at++] = (uint8_t)text[i] ^ (masked ? mask[i % 4] : 0);
    }
    return at;
}

void ws_send_frame(int client, unsigned first, const char *text, size_t size)
{
    uint8_t frame[70000];
    cr_assert_lt(size, 65536);
    size = ws_make_frame(frame, first, true, text, size);
    client_send(client, (const char *)frame, size);
}

void ws_send(int client, const char *text)
{
    ws_send_frame(client, FIN | TEXT, text, strlen(text));
}

bool read_bytes(int client, void *out, size_t size)
{
    char *at = out;
    while (size > 0) {
        ssize_t got = recv(client, at, size, 0);
        if (got <= 0) {
            return false;
        }
        at += got;
        size -= (size_t)got;
    }
    return true;
}

unsigned ws_read_any(int client, char *out, size_t *size)
{
    uint8_t header[2];
    uint8_t longer[2];
    if (!read_bytes(client, header, 2)) {
        return 0;
    }
    *size = header[1];
    if (*size == 126) {
        cr_assert(read_bytes(client, longer, 2));
        *size = (size_t)longer[0] << 8U | longer[1];
    }
    cr_assert_lt(*size, 65536);
    cr_assert(read_bytes(client, out, *size));
    out[*size] = '\0';
    return header[0];
}

unsigned ws_read_frame(int client, char *out, size_t *size)
{
    unsigned first;
    do {
        first = ws_read_any(client, out, size);
    } while (first == (FIN | TEXT) && strstr(out, "{\"type\":\"ping\"") == out);
    return first;
}

void ws_expect_text(int client, const char *text, int line)
{
    static char got[65536];
    size_t size = 0;
    unsigned first = ws_read_frame(client, got, &size);
    cr_assert_eq(first, FIN | TEXT, "line %d: frame %x", line, first);
    cr_assert(strstr(got, text) != NULL, "line %d: no %s in: %s", line, text, got);
}

/* Expects, perhaps behind messages, a close frame with a code, then the end; closes. */
void ws_expect_close(int client, unsigned code, int line)
{
    static char got[65536];
    size_t size = 0;
    unsigned first;
    do {
        first = ws_read_frame(client, got, &size);
    } while (first == (FIN | TEXT) || first == (FIN | PONG));
    cr_assert_eq(first, FIN | CLOSE, "line %d: frame %x", line, first);
    unsigned came = size >= 2 ? (unsigned)(uint8_t)got[0] << 8U | (uint8_t)got[1] : 0;
    cr_expect_eq(came, code, "line %d: %u, not %u: %s", line, came, code, size > 2 ? got + 2 : "");
    cr_expect_eq(recv(client, got, 1, 0), 0, "line %d: not closed", line);
    close(client);
}

/* A client that may ask. */
int ws_open(const struct test_server *server)
{
    int client = ws_open_with(server, "");
    ws_send(client, INIT);
    EXPECT_TEXT(client, ACK);
    return client;
}

void ws_subscribe(int client, const char *id, const char *document)
{
    char text[1024];
    snprintf(text, sizeof text,
             "{\"id\":\"%s\",\"type\":\"subscribe\",\"payload\":{\"query\":\"%s\"}}", id, document);
    ws_send(client, text);
}
