/*
 * A socket is read as long as little waits to be sent, and written as long as
 * the system takes it. It ends with a close frame of either side; where that is
 * ours, what the client still sends is dropped until it closes, so that the frame is
 * not lost with it. It is freed when the loop has forgotten it and no request of it
 * runs.
 */
#include "websocket.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wslay/wslay.h>

#include "auth.h"
#include "connections.h"
#include "place.h"

#define PROTOCOL          "graphql-transport-ws"
#define KEY_SIZE          24U
#define READ_ROUND        ((size_t)64 * 1024)
#define QUEUED_MAX        ((size_t)256 * 1024) /* while more waits, nothing is read */
#define QUEUED_COUNT_MAX  1024U                /* the same: an empty pong has no size */
#define JOBS_MAX          512U                 /* the same: a socket cannot be told to try again */
#define FRAGMENTS_MAX     1024U /* of a message; each costs memory, even an empty one */
#define FIRST_MESSAGE_MAX ((uint64_t)16 * 1024)
#define LINGER_MS         1000U

/* ---- Handshake (RFC 6455, 4.2) ---- */

/* Whether a list of words, separated by commas, has one; NULL has none. */
static bool has_word(const char *list, const char *word)
{
    size_t size = strlen(word);
    while (list != NULL) {
        list += strspn(list, " \t,");
        size_t length = strcspn(list, " \t,");
        if (length == 0) {
            return false;
        }
        if (length == size && strncasecmp(list, word, size) == 0) {
            return true;
        }
        list += length;
    }
    return false;
}

bool websocket_is_asked(const struct exchange *exchange)
{
    return exchange->route->graphql && strcmp(exchange->method, MHD_HTTP_METHOD_GET) == 0 &&
           has_word(exchange_get(exchange, MHD_HTTP_HEADER_UPGRADE), "websocket");
}

/* Sec-WebSocket-Accept: the key and a text of the RFC's, hashed. False for a key that is none. */
static bool answer_key(const char *key, char *out, size_t room)
{
    static const char suffix[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[KEY_SIZE + sizeof suffix];
    unsigned char hash[20];
    gnutls_datum_t raw = {hash, sizeof hash};
    gnutls_datum_t encoded;
    if (key == NULL || strlen(key) != KEY_SIZE || strcmp(key + KEY_SIZE - 2, "==") != 0) {
        return false;
    }
    snprintf(text, sizeof text, "%s%s", key, suffix);
    if (gnutls_hash_fast(GNUTLS_DIG_SHA1, text, strlen(text), hash) != 0 ||
        gnutls_base64_encode2(&raw, &encoded) != 0) {
        return false;
    }
    snprintf(out, room, "%.*s", (int)encoded.size, (const char *)encoded.data);
    gnutls_free(encoded.data);
    return true;
}

static void refuse(struct exchange *exchange, unsigned status, const char *why)
{
    exchange_refuse(exchange, status, OUTCOME_REFUSED, "BAD_INPUT", "%s", why);
}

static void on_upgraded(void *context, struct MHD_Connection *http, void *slot, const char *early,
                        size_t early_size, MHD_socket s, struct MHD_UpgradeResponseHandle *handle);

void websocket_start(struct exchange *exchange)
{
    char accept[64];
    const char *version = exchange_get(exchange, "Sec-WebSocket-Version");
    if (!has_word(exchange_get(exchange, MHD_HTTP_HEADER_CONNECTION), "upgrade") ||
        !answer_key(exchange_get(exchange, "Sec-WebSocket-Key"), accept, sizeof accept)) {
        refuse(exchange, MHD_HTTP_BAD_REQUEST, "The headers of a WebSocket are incomplete.");
    } else if (version == NULL || strcmp(version, "13") != 0) {
        refuse(exchange, MHD_HTTP_UPGRADE_REQUIRED, "The version of WebSockets is 13.");
        exchange_header(exchange, "Sec-WebSocket-Version", "13");
    } else if (!has_word(exchange_get(exchange, "Sec-WebSocket-Protocol"), PROTOCOL)) {
        refuse(exchange, MHD_HTTP_BAD_REQUEST, "The protocol of WebSockets is " PROTOCOL ".");
    } else {
        exchange_respond(exchange, MHD_HTTP_SWITCHING_PROTOCOLS, OUTCOME_OK,
                         MHD_create_response_for_upgrade(on_upgraded, exchange), 0);
        exchange_header(exchange, MHD_HTTP_HEADER_UPGRADE, "websocket");
        exchange_header(exchange, "Sec-WebSocket-Accept", accept);
        exchange_header(exchange, "Sec-WebSocket-Protocol", PROTOCOL);
    }
}

/* ---- The end ---- */

void websocket_release(struct websocket *socket)
{
    if (!socket->forgotten || socket->session.operation_count > 0) {
        return;
    }
    struct server *server = socket->server;
    if (socket->ready) {
        session_close(&socket->session);
    }
    wslay_event_context_free(socket->frames);
    buffer_free(&socket->early);
    identity_free(&socket->identity);
    (void)MHD_upgrade_action(socket->handle, MHD_UPGRADE_ACTION_CLOSE);
    free(socket);
    atomic_fetch_sub(&server->metrics.websockets_open, 1);
}

static void on_left(struct watch *watch)
{
    struct websocket *socket = (struct websocket *)watch;
    socket->forgotten = true;
    websocket_release(socket);
}

/* The connection has ended, or is to. */
void websocket_drop(struct websocket *socket)
{
    if (!socket->gone) {
        socket->gone = socket->closing = true;
        shutdown(socket->watch.socket, SHUT_RDWR); /* requests that run see it */
        loop_forget(&socket->watch);
        session_end(&socket->session);
    }
}

void websocket_close(struct websocket *socket, enum websocket_code code, const char *reason)
{
    if (!socket->closing) {
        socket->closing = true;
        (void)wslay_event_queue_close(socket->frames, (uint16_t)code, (const uint8_t *)reason,
                                      strlen(reason));
        wslay_event_shutdown_read(socket->frames);
        session_end(&socket->session);
    }
}

/* ---- Frames ---- */

static ssize_t on_receive(wslay_event_context_ptr frames, uint8_t *out, size_t room, int flags,
                          void *context)
{
    struct websocket *socket = context;
    (void)flags;
    size_t size = socket->early.size - socket->early_taken;
    if (size > 0) {
        size = size < room ? size : room;
        memcpy(out, socket->early.bytes + socket->early_taken, size);
        socket->early_taken += size;
        return (ssize_t)size;
    }
    room = room < socket->budget ? room : socket->budget;
    ssize_t got = room > 0 ? recv(socket->watch.socket, out, room, MSG_DONTWAIT) : -1;
    if (got > 0) {
        socket->budget -= (size_t)got;
        return got;
    }
    bool later = room == 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
    socket->left = !later;
    wslay_event_set_error(frames, later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static ssize_t on_send(wslay_event_context_ptr frames, const uint8_t *bytes, size_t size, int flags,
                       void *context)
{
    struct websocket *socket = context;
    (void)flags;
    ssize_t sent = send(socket->watch.socket, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
        bool later = errno == EAGAIN || errno == EINTR;
        wslay_event_set_error(frames, later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
    }
    socket->handshake->reply_bytes += (uint64_t)sent;
    return sent;
}

static void on_frame(wslay_event_context_ptr frames,
                     const struct wslay_event_on_frame_recv_start_arg *frame, void *context)
{
    struct websocket *socket = context;
    (void)frames;
    if (frame->opcode == WSLAY_CONTINUATION_FRAME) {
        if (++socket->fragments > FRAGMENTS_MAX) {
            websocket_close(socket, WEBSOCKET_TOO_LARGE, "Too many fragments");
        }
    } else if (!wslay_is_ctrl_frame(frame->opcode)) {
        socket->fragments = 0;
    }
}

static void on_message(wslay_event_context_ptr frames,
                       const struct wslay_event_on_msg_recv_arg *message, void *context)
{
    struct websocket *socket = context;
    (void)frames;
    if (message->opcode == WSLAY_CONNECTION_CLOSE) {
        socket->closing = true; /* the answer is queued already */
        session_end(&socket->session);
    } else if (socket->closing) {
        return;
    } else if (message->opcode == WSLAY_TEXT_FRAME) {
        websocket_take(socket, (const char *)message->msg, message->msg_length);
    } else if (message->opcode == WSLAY_BINARY_FRAME) {
        websocket_close(socket, WEBSOCKET_UNSUPPORTED, "Messages are text");
    }
}

static bool queue(struct websocket *socket, uint8_t opcode, const char *bytes, size_t size)
{
    struct wslay_event_msg message = {opcode, (const uint8_t *)bytes, size};
    socket->grown = true;
    return wslay_event_queue_msg(socket->frames, &message) == 0;
}

void websocket_send(struct websocket *socket, const struct buffer *message)
{
    if (!socket->closing &&
        (message->failed || !queue(socket, WSLAY_TEXT_FRAME, message->bytes, message->size))) {
        websocket_close(socket, WEBSOCKET_FAILED, "Out of memory");
    }
}

/* Tells the session what of its messages has been sent: all but what waits. */
static void note_sent(struct websocket *socket, size_t waiting)
{
    size_t sent = socket->answer_bytes > waiting ? socket->answer_bytes - waiting : 0;
    if (sent > 0) {
        socket->answer_bytes -= sent;
        session_sent(&socket->session, sent);
    }
}

void websocket_answer(struct websocket *socket, const struct buffer *message)
{
    socket->answer_bytes += message->size;
    websocket_send(socket, message);
}

void websocket_trust(struct websocket *socket)
{
    wslay_event_config_set_max_recv_msg_length(socket->frames,
                                               (uint64_t)socket->server->options->body_bytes_max);
}

/* ---- The socket ---- */

/* The close frame is out. */
static void linger(struct websocket *socket)
{
    socket->closing = true; /* frames that are wrong end it without us */
    session_end(&socket->session);
    if (wslay_event_get_close_received(socket->frames)) {
        websocket_drop(socket);
    } else if (!socket->lingering) {
        socket->lingering = true;
        socket->deadline_ms = clock_ms() + LINGER_MS;
        shutdown(socket->watch.socket, SHUT_WR);
        loop_events(&socket->watch, EPOLLIN);
    }
}

static void drop_input(struct websocket *socket)
{
    static const size_t rounds = 16;
    char bytes[4096];
    ssize_t got = 1;
    for (size_t i = 0; i < rounds && got > 0; i++) {
        got = recv(socket->watch.socket, bytes, sizeof bytes, MSG_DONTWAIT);
    }
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        websocket_drop(socket);
    }
}

/* Whether there is room for what the client sends; else it is looked at again at the next tick. */
static bool may_read(const struct websocket *socket)
{
    return wslay_event_get_queued_msg_length(socket->frames) < QUEUED_MAX &&
           wslay_event_get_queued_msg_count(socket->frames) < QUEUED_COUNT_MAX &&
           workers_waiting(socket->server->workers[PLACE_READ]) < JOBS_MAX;
}

/* The events that tell when to read. */
static uint32_t reading(const struct websocket *socket)
{
    bool early = socket->early_taken < socket->early.size; /* of which no event tells */
    if (!wslay_event_get_read_enabled(socket->frames)) {
        return EPOLLRDHUP; /* a close frame waits: what comes would stay, and tell again */
    }
    return !may_read(socket) ? EPOLLRDHUP : EPOLLRDHUP | EPOLLIN | (early ? EPOLLOUT : 0U);
}

void websocket_pump(struct websocket *socket)
{
    if (socket->gone || socket->lingering) {
        return;
    }
    struct connection *connection = socket->handshake->connection;
    if (wslay_event_send(socket->frames) != 0) {
        websocket_drop(socket);
        return;
    }
    size_t queued = wslay_event_get_queued_msg_length(socket->frames);
    note_sent(socket, queued);
    if (wslay_event_want_write(socket->frames)) {
        /* Answers to pings and close frames start a deadline too, but do not move one. */
        if (socket->grown || atomic_load(&connection->deadline_ms) == 0) {
            connection_allow(connection, exchange_send_ms(socket->handshake, queued));
        }
        socket->grown = false;
        loop_events(&socket->watch, EPOLLOUT | reading(socket));
        return;
    }
    connection_allow(connection, 0);
    if (wslay_event_get_close_sent(socket->frames)) {
        linger(socket);
        return;
    }
    loop_events(&socket->watch, reading(socket));
    session_continue(&socket->session);
}

static void on_ready(struct watch *watch, uint32_t events)
{
    struct websocket *socket = (struct websocket *)watch;
    if (socket->gone) {
        return;
    }
    if (socket->lingering) {
        drop_input(socket);
        return;
    }
    socket->budget = READ_ROUND;
    socket->heard_ms = clock_ms();
    socket->pinged = false;
    bool left = (events & (EPOLLERR | EPOLLHUP)) != 0 ||
                ((events & EPOLLRDHUP) != 0 && (events & EPOLLIN) == 0);
    bool readable = (events & EPOLLIN) != 0 || socket->early_taken < socket->early.size;
    /* Other failures than of the connection are frames that are wrong: a close frame is queued. */
    if (left ||
        (readable && may_read(socket) && wslay_event_recv(socket->frames) != 0 && socket->left)) {
        websocket_drop(socket);
        return;
    }
    websocket_pump(socket);
}

static void on_tick(struct watch *watch, uint64_t now_ms)
{
    struct websocket *socket = (struct websocket *)watch;
    const struct server *server = socket->server;
    uint64_t idle_ms = (uint64_t)server->options->idle_ms;
    if (socket->gone) {
        return;
    }
    if (atomic_load(&server->stopping) || (socket->lingering && now_ms > socket->deadline_ms)) {
        websocket_drop(socket);
        return;
    }
    if (atomic_load(&server->draining)) {
        websocket_close(socket, WEBSOCKET_GOING_AWAY, "The server is stopping");
    } else if (!socket->ready && !socket->closing && now_ms > socket->deadline_ms) {
        websocket_close(socket, WEBSOCKET_NO_INIT, "Connection initialisation timeout");
    } else if (identity_has_expired(&socket->identity, now_ms)) {
        websocket_close(socket, WEBSOCKET_FORBIDDEN, "Token expired");
    } else if (now_ms > socket->heard_ms + idle_ms && !socket->closing) {
        websocket_drop(socket);
        return;
    } else if (socket->ready && !socket->closing && now_ms >= socket->placed_ms + PLACE_MS &&
               !wslay_event_want_write(socket->frames)) {
        socket->placed_ms = now_ms;
        websocket_tell_places(socket);
    } else if (now_ms > socket->heard_ms + idle_ms / 2 && !socket->pinged && !socket->closing) {
        socket->pinged = true;
        (void)queue(socket, WSLAY_PING, "", 0);
    }
    websocket_pump(socket);
}

/* ---- The beginning ---- */

static struct websocket *create(struct exchange *handshake, const char *early, size_t early_size)
{
    static const struct wslay_event_callbacks callbacks = {.recv_callback = on_receive,
                                                           .send_callback = on_send,
                                                           .on_frame_recv_start_callback = on_frame,
                                                           .on_msg_recv_callback = on_message};
    struct websocket *socket = calloc(1, sizeof *socket);
    if (socket == NULL || handshake->connection == NULL) {
        free(socket);
        return NULL;
    }
    buffer_put(&socket->early, early, early_size);
    if (socket->early.failed ||
        wslay_event_context_server_init(&socket->frames, &callbacks, socket) != 0) {
        buffer_free(&socket->early);
        free(socket);
        return NULL;
    }
    wslay_event_config_set_max_recv_msg_length(socket->frames, FIRST_MESSAGE_MAX);
    socket->server = handshake->server;
    socket->handshake = handshake;
    socket->identity = identity_of(&handshake->identity);
    socket->heard_ms = clock_ms();
    socket->deadline_ms = socket->heard_ms + (uint64_t)handshake->server->options->header_ms;
    return socket;
}

static void on_upgraded(void *context, struct MHD_Connection *http, void *slot, const char *early,
                        size_t early_size, MHD_socket s, struct MHD_UpgradeResponseHandle *handle)
{
    struct exchange *handshake = context;
    struct server *server = handshake->server;
    int on = 1;
    (void)http;
    (void)slot;
    struct websocket *socket = create(handshake, early, early_size);
    if (socket == NULL) {
        (void)MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
        return;
    }
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection_allow(handshake->connection, 0);
    socket->handle = handle;
    socket->watch = (struct watch){.socket = s,
                                   .events = EPOLLRDHUP | EPOLLIN | EPOLLOUT,
                                   .ready = on_ready,
                                   .tick = on_tick,
                                   .left = on_left};
    atomic_fetch_add(&server->metrics.websockets_open, 1);
    if (!loop_watch(server->loop, &socket->watch)) {
        socket->forgotten = true;
        websocket_release(socket);
    }
}
