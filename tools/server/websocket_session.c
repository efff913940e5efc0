/*
 * The protocol graphql-transport-ws: messages of a socket. Their requests are operations of its
 * session (session.h). A query or mutation is answered with `next` and `complete`, or with
 * `error` when it did not run; a subscription with `next` again and again.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "documents.h"
#include "exchange.h"
#include "graphql_call.h"
#include "json.h"
#include "place.h"
#include "subscriber.h"
#include "websocket.h"

static struct websocket *socket_of(struct session *session)
{
    return (struct websocket *)(void *)((char *)session - offsetof(struct websocket, session));
}

/* ---- Messages out ---- */

/* {"type": KIND, "id": ID, "payload": .. } */
static void begin_message(struct buffer *out, enum message_kind kind, const char *id,
                          size_t id_size)
{
    static const char *const types[] = {"next", "error", "complete"};
    buffer_printf(out, "{\"type\":\"%s\",\"id\":", types[kind]);
    buffer_put_json(out, id, id_size);
    if (kind != MESSAGE_COMPLETE) {
        buffer_puts(out, ",\"payload\":");
    }
}

static void end_message(struct buffer *out, enum message_kind kind)
{
    (void)kind;
    buffer_puts(out, "}");
}

static void send_message(struct session *session, const struct buffer *message)
{
    websocket_answer(socket_of(session), message);
}

static void pump(struct session *session)
{
    websocket_pump(socket_of(session));
}

static void drop(struct session *session)
{
    websocket_drop(socket_of(session));
}

static void release(struct session *session)
{
    websocket_release(socket_of(session));
}

static const struct channel channel = {.begin = begin_message,
                                       .end = end_message,
                                       .send = send_message,
                                       .pump = pump,
                                       .drop = drop,
                                       .release = release};

static void send_text(struct websocket *socket, const char *text)
{
    struct buffer message = {0};
    buffer_puts(&message, text);
    websocket_send(socket, &message);
    buffer_free(&message);
}

/* ---- Messages in ---- */

/* What a message says; texts borrowed from it. */
struct message {
    struct json_value type, id, payload; /* text NULL: absent */
};

static bool read_message(const char *text, size_t size, struct message *message)
{
    struct json_value whole;
    struct json_value name;
    struct json_value value;
    const char *problem;
    size_t at;
    *message = (struct message){.type = {.text = NULL}};
    if (!json_check(text, size, &whole, &problem, &at) || whole.kind != JSON_OBJECT) {
        return false;
    }
    at = 0;
    while (json_next(&whole, &at, &name, &value)) {
        struct json_value *member = json_key_is(&name, "type")      ? &message->type
                                    : json_key_is(&name, "id")      ? &message->id
                                    : json_key_is(&name, "payload") ? &message->payload
                                                                    : NULL;
        if (member != NULL && member->text != NULL) {
            return false;
        }
        if (member != NULL) {
            *member = value;
        }
    }
    return message->type.text != NULL && message->type.kind == JSON_STRING;
}

/* Reads the id, which has 1 to SESSION_ID_MAX bytes. */
static bool read_id(const struct message *message, char *id, size_t *size)
{
    char *decoded;
    if (message->id.text == NULL || message->id.kind != JSON_STRING ||
        (decoded = json_decode(&message->id, size)) == NULL) {
        return false;
    }
    bool fits = *size > 0 && *size <= SESSION_ID_MAX;
    if (fits) {
        memcpy(id, decoded, *size);
    }
    free(decoded);
    return fits;
}

/* The member "Authorization" of connection_init's payload, as a header has it; free it. */
static char *read_credentials(const struct json_value *payload)
{
    struct json_value name;
    struct json_value value;
    char *credentials = NULL;
    size_t at = 0;
    size_t size;
    while (credentials == NULL && payload->kind == JSON_OBJECT &&
           json_next(payload, &at, &name, &value)) {
        if ((json_key_is(&name, "Authorization") || json_key_is(&name, "authorization")) &&
            value.kind == JSON_STRING) {
            credentials = json_decode(&value, &size);
        }
    }
    return credentials;
}

/* Acknowledges, with the place of the newest commit: for subscriptions that are broken off before
 * their first event. */
static void send_ack(struct websocket *socket)
{
    const struct server *server = socket->server;
    struct buffer message = {0};
    quire_feed *feed = NULL;
    buffer_puts(&message, "{\"type\":\"connection_ack\"");
    /* Without a window the first listener waits for writers. */
    if (server->options->feed_bytes > 0 &&
        quire_feed_open(server->db, NULL, &feed, NULL) == QUIRE_OK) {
        quire_feed_position where = quire_feed_where(feed);
        quire_subscription_position place = {where.epoch, where.commit, 0};
        buffer_puts(&message, ",\"payload\":{\"place\":\"");
        place_put(&message, &place);
        buffer_puts(&message, "\"}");
    }
    quire_feed_close(feed);
    buffer_puts(&message, "}");
    websocket_send(socket, &message);
    buffer_free(&message);
}

static void take_init(struct websocket *socket, const struct message *message)
{
    bool object = message->payload.text != NULL && message->payload.kind == JSON_OBJECT;
    if (socket->ready) {
        websocket_close(socket, WEBSOCKET_INIT_TWICE, "Too many initialisation requests");
        return;
    }
    if (message->payload.text != NULL && !object && message->payload.kind != JSON_NULL) {
        websocket_close(socket, WEBSOCKET_BAD_REQUEST, "The payload must be an object");
        return;
    }
    if (socket->identity.role < ROLE_QUERY) {
        char *credentials = object ? read_credentials(&message->payload) : NULL;
        enum auth_verdict verdict = auth_present(socket->server, credentials, &socket->identity);
        free(credentials);
        if (verdict != AUTH_GOOD) {
            bool later = verdict == AUTH_LATER;
            websocket_close(socket, later ? WEBSOCKET_LATER : WEBSOCKET_FORBIDDEN,
                            later ? "Try again later" : "Forbidden");
            return;
        }
    }
    socket->ready = true;
    session_open(&socket->session, socket->server, &channel, socket->handshake);
    websocket_trust(socket);
    send_ack(socket);
}

static void take_subscribe(struct websocket *socket, const struct message *message)
{
    char id[SESSION_ID_MAX];
    size_t size;
    if (!socket->ready) {
        websocket_close(socket, WEBSOCKET_UNAUTHORIZED, "Unauthorized");
    } else if (identity_has_expired(&socket->identity, clock_ms())) {
        websocket_close(socket, WEBSOCKET_FORBIDDEN, "Token expired");
    } else if (!read_id(message, id, &size) || message->payload.text == NULL ||
               message->payload.kind != JSON_OBJECT) {
        websocket_close(socket, WEBSOCKET_BAD_REQUEST, "A subscribe needs an id and a payload");
    } else if (session_has(&socket->session, id, size)) {
        char reason[100];
        bool plain = size <= 40 && memchr(id, '\0', size) == NULL;
        snprintf(reason, sizeof reason, "Subscriber for %.*s already exists", plain ? (int)size : 7,
                 plain ? id : "this id");
        websocket_close(socket, WEBSOCKET_ID_IN_USE, reason);
    } else if (!session_run(&socket->session, id, size, &message->payload,
                            identity_of(&socket->identity), NULL)) {
        websocket_close(socket, WEBSOCKET_FAILED, "Out of memory");
    }
}

static void take_complete(struct websocket *socket, const struct message *message)
{
    char id[SESSION_ID_MAX];
    size_t size;
    if (!read_id(message, id, &size)) {
        websocket_close(socket, WEBSOCKET_BAD_REQUEST, "A complete needs an id");
        return;
    }
    session_cancel(&socket->session, id, size);
}

void websocket_tell_places(struct websocket *socket)
{
    struct buffer places = {0};
    struct buffer message = {0};
    if (session_put_places(&socket->session, &places)) {
        buffer_puts(&message, "{\"type\":\"ping\",\"payload\":");
        buffer_put(&message, places.bytes, places.size);
        buffer_puts(&message, "}");
        message.failed |= places.failed;
        websocket_send(socket, &message);
    }
    buffer_free(&places);
    buffer_free(&message);
}

void websocket_take(struct websocket *socket, const char *text, size_t size)
{
    struct message message;
    if (!read_message(text, size, &message)) {
        websocket_close(socket, WEBSOCKET_BAD_REQUEST, "Not a message of the protocol");
    } else if (json_key_is(&message.type, "connection_init")) {
        take_init(socket, &message);
    } else if (json_key_is(&message.type, "subscribe")) {
        take_subscribe(socket, &message);
    } else if (json_key_is(&message.type, "complete")) {
        take_complete(socket, &message);
    } else if (json_key_is(&message.type, "ping")) {
        send_text(socket, "{\"type\":\"pong\"}");
    } else if (!json_key_is(&message.type, "pong")) {
        websocket_close(socket, WEBSOCKET_BAD_REQUEST, "Not a message of the protocol");
    }
}
