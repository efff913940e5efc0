/*
 * Clients of streams: of server-sent events, and of WebSockets frame by frame.
 */
#ifndef STREAM_FIXTURE_H
#define STREAM_FIXTURE_H

#include <stdint.h>

#include "server_fixture.h"

/* ---- The server ---- */

/* A value of /metrics, or -1. */
long metric(const struct test_server *server, const char *name);
/* Waits until a metric has a value. */
void await_metric(const struct test_server *server, const char *name, long value);
/* Commits an author of that id. */
void create_author(const struct test_server *server, const char *id);

/* ---- Server-sent events ---- */

#define JSON   "Content-Type: application/json\r\n"
#define STREAM JSON "Accept: text/event-stream\r\n"

/* POSTs to /graphql, and leaves the answer to be read. */
int sse_post(const struct test_server *server, const char *headers, const char *body);
/* Reads until the text has come, and returns all that was read until then; free it. */
char *sse_read_until(int client, const char *text);
/* The same; asserts that a text is within it. */
void sse_expect_until(int client, const char *text, const char *within);
/* Subscribes, and waits until the stream has begun: what is committed from now on is told. */
int sse_subscribe(const struct test_server *server, const char *headers, const char *body);

/* ---- WebSockets ---- */

#define UPGRADE  "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
#define KEY      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION  "Sec-WebSocket-Version: 13\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: other, graphql-transport-ws\r\n"
#define INIT     "{\"type\":\"connection_init\"}"
#define ACK      "{\"type\":\"connection_ack\",\"payload\":{\"place\":\""

enum { CONTINUED = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10, FIN = 0x80 };

/* Connects and shakes hands; the headers end with the ones given. */
int ws_open_with(const struct test_server *server, const char *headers);
/* A client that may ask. */
int ws_open(const struct test_server *server);

/* A frame whose header says what is wanted, right or wrong. Returns its size. */
size_t ws_make_frame(uint8_t *out, unsigned first, bool masked, const char *text, size_t size);
void ws_send_frame(int client, unsigned first, const char *text, size_t size);
void ws_send(int client, const char *text);
/* Sends `subscribe` for a document, which stands in JSON already. */
void ws_subscribe(int client, const char *id, const char *document);

bool read_bytes(int client, void *out, size_t size);
/* Reads a frame, at most 65,535 bytes, and a NUL behind them; its first byte, or 0 at the end of
 * the connection. */
unsigned ws_read_any(int client, char *out, size_t *size);
/* The same, but for places that have moved, which may come at any time. */
unsigned ws_read_frame(int client, char *out, size_t *size);
/* Asserts that the next frame is a message that has a text. */
#define EXPECT_TEXT(client, text) ws_expect_text(client, text, __LINE__)
void ws_expect_text(int client, const char *text, int line);
/* Expects, perhaps behind messages, a close frame with a code, then the end; closes. */
#define EXPECT_CLOSE(client, code) ws_expect_close(client, code, __LINE__)
void ws_expect_close(int client, unsigned code, int line);

#endif
