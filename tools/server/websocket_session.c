/*
 * The protocol graphql-transport-ws: messages of a socket, and the requests that
 * they carry. A query or mutation is answered with `next` and `complete`, or with
 * `error` when it did not run; a subscription with `next` again and again.
 *
 * An operation is an exchange. It is made in the loop's thread, runs on workers, and
 * tells the loop what to send, one message at a time: the next event of a subscription
 * is taken when all that waited for the socket has been sent.
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

#define ID_SIZE_MAX 256U

struct operation {
    struct exchange exchange; /* first: it is freed as one */
    struct websocket *socket;
    struct operation *previous, *next;
    char id[ID_SIZE_MAX];
    size_t id_size;
    struct subscriber subscriber;

    /* Belongs to the worker until it is told, then to the loop until it wants more. */
    struct post told;
    struct buffer message; /* `next` or `error`; empty: the subscription has begun */
    bool error, last;

    struct post ended; /* the subscriber is gone */
    bool live;         /* the subscriber is open: set before the first `told` */

    /* The loop's. */
    bool replied;   /* it has told something */
    bool waits;     /* to be asked for the next event */
    bool cancelled; /* nothing of it is sent any more, and its id is free */
    bool closed;    /* the subscriber has been closed */
};

/* ---- Messages out ---- */

static void begin_message(struct buffer *out, const char *type, const struct operation *operation)
{
    buffer_printf(out, "{\"type\":\"%s\",\"id\":", type);
    buffer_put_json(out, operation->id, operation->id_size);
}

/* {"type": TYPE, "id": ID, "payload": PAYLOAD}; NULL leaves the payload out. */
static void put_message(struct buffer *out, const char *type, const struct operation *operation,
                        const char *payload, size_t size)
{
    begin_message(out, type, operation);
    if (payload != NULL) {
        buffer_puts(out, ",\"payload\":");
        buffer_put(out, payload, size);
    }
    buffer_puts(out, "}");
}

static void send_text(struct websocket *socket, const char *text)
{
    struct buffer message = {0};
    buffer_puts(&message, text);
    websocket_send(socket, &message);
    buffer_free(&message);
}

/* `error` carries the array that the response has. */
static void put_errors(struct operation *operation, const char *response, size_t size)
{
    struct json_value body;
    struct json_value name;
    struct json_value value;
    const char *problem;
    size_t at;
    operation->error = operation->last = true;
    if (!json_check(response, size, &body, &problem, &at)) {
        operation->message.failed = true;
        return;
    }
    at = 0;
    while (json_next(&body, &at, &name, &value)) {
        if (json_key_is(&name, "errors")) {
            put_message(&operation->message, "error", operation, value.text, value.size);
            return;
        }
    }
}

/* ---- Operations, in the loop's thread ---- */

static void remove_operation(struct operation *operation)
{
    struct websocket *socket = operation->socket;
    if (operation->previous != NULL) {
        operation->previous->next = operation->next;
    } else {
        socket->operations = operation->next;
    }
    if (operation->next != NULL) {
        operation->next->previous = operation->previous;
    }
    socket->operation_count--;
    socket->operation_bytes -= operation->exchange.body_bytes;
    buffer_free(&operation->message);
    exchange_count(&operation->exchange);
    exchange_free(&operation->exchange);
    websocket_release(socket);
}

static void close_subscriber(struct operation *operation)
{
    if (!operation->closed) {
        operation->closed = true;
        subscriber_close(&operation->subscriber);
    }
}

static void cancel(struct operation *operation)
{
    operation->cancelled = true;
    if (operation->replied && operation->live) {
        close_subscriber(operation);
    }
}

void session_end(struct websocket *socket)
{
    for (struct operation *o = socket->operations; o != NULL; o = o->next) {
        cancel(o);
    }
}

void session_continue(struct websocket *socket)
{
    for (struct operation *o = socket->operations; o != NULL; o = o->next) {
        if (o->waits && !o->cancelled) {
            o->waits = false;
            subscriber_want(&o->subscriber);
        }
    }
}

static void send_told(struct operation *operation)
{
    struct websocket *socket = operation->socket;
    if (operation->message.size > 0 || operation->message.failed) {
        websocket_send(socket, &operation->message);
        operation->exchange.reply_bytes += operation->message.size;
        buffer_free(&operation->message);
    }
    if (operation->last && !operation->error) {
        struct buffer message = {0};
        put_message(&message, "complete", operation, NULL, 0);
        websocket_send(socket, &message);
        buffer_free(&message);
    }
    if (operation->last) {
        cancel(operation);
    }
}

static void on_told(struct post *post)
{
    struct operation *operation =
        (struct operation *)(void *)((char *)post - offsetof(struct operation, told));
    struct websocket *socket = operation->socket;
    operation->replied = true;
    operation->waits = operation->live && !operation->last;
    if (operation->cancelled) {
        cancel(operation);
    } else {
        send_told(operation);
    }
    websocket_pump(socket);
    if (!operation->live) {
        remove_operation(operation);
    }
}

static void on_ended(struct post *post)
{
    remove_operation(
        (struct operation *)(void *)((char *)post - offsetof(struct operation, ended)));
}

/* ---- Operations, on workers ---- */

static void on_event(struct subscriber *subscriber, const quire_subscription_event *event,
                     const quire_error *end)
{
    struct operation *operation =
        (struct operation *)(void *)((char *)subscriber - offsetof(struct operation, subscriber));
    if (event != NULL) {
        begin_message(&operation->message, "next", operation);
        buffer_puts(&operation->message, ",\"payload\":");
        place_put_event(&operation->message, event, operation->exchange.call->explain);
        buffer_puts(&operation->message, "}");
    } else {
        exchange_fail(&operation->exchange, end);
        put_errors(operation, operation->exchange.text, operation->exchange.text_size);
    }
    loop_post(operation->exchange.server->loop, &operation->told);
}

static void on_gone(struct subscriber *subscriber)
{
    struct operation *operation =
        (struct operation *)(void *)((char *)subscriber - offsetof(struct operation, subscriber));
    struct server *server = operation->exchange.server;
    loop_post(server->loop, &operation->ended);
    atomic_fetch_sub(&server->metrics.subscriptions_open, 1);
}

/* The request has its reply; it was no subscription, or none that could begin. */
static void on_replied(struct exchange *exchange)
{
    struct operation *operation = (struct operation *)exchange;
    const struct graphql_call *call = exchange->call;
    operation->last = true;
    if (exchange->text != NULL) {
        put_errors(operation, exchange->text, exchange->text_size);
    } else if (call == NULL || call->response == NULL) {
        operation->message.failed = true;
    } else if (call->outcome.executed) {
        put_message(&operation->message, "next", operation, call->response, call->response_size);
    } else {
        put_errors(operation, call->response, call->response_size);
    }
    exchange->reply_bytes = 0; /* counted when it is sent */
    loop_post(exchange->server->loop, &operation->told);
}

static void subscribe(struct exchange *exchange)
{
    struct operation *operation = (struct operation *)exchange;
    struct graphql_call *call = exchange->call;
    struct server *server = exchange->server;
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = graphql_make_request(exchange);
    request.progress = NULL; /* events have the limit of time alone */
    request.plan_after_ms = 0;
    request.advisor = NULL;
    request.limits.time_ms_max = (uint32_t)server->options->time_ms;
    operation->subscriber.told = on_event;
    operation->subscriber.gone = on_gone;
    quire_status status = subscriber_open(
        &operation->subscriber, server->workers[PLACE_STREAM], server->db, &request,
        call->from.epoch != 0 ? &call->from : NULL, &call->response, &call->response_size, &err);
    if (status != QUIRE_OK) {
        exchange_fail(exchange, &err);
    }
    if (status != QUIRE_OK || call->response != NULL) {
        exchange_done(exchange);
        return;
    }
    atomic_fetch_add(&server->metrics.subscriptions_open, 1);
    exchange->outcome = OUTCOME_OK;
    exchange->status = MHD_HTTP_OK;
    operation->live = true;
    loop_post(server->loop, &operation->told);
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

/* Reads the id, which has 1 to ID_SIZE_MAX bytes. */
static bool read_id(const struct message *message, char *id, size_t *size)
{
    char *decoded;
    if (message->id.text == NULL || message->id.kind != JSON_STRING ||
        (decoded = json_decode(&message->id, size)) == NULL) {
        return false;
    }
    bool fits = *size > 0 && *size <= ID_SIZE_MAX;
    if (fits) {
        memcpy(id, decoded, *size);
    }
    free(decoded);
    return fits;
}

static struct operation *find(const struct websocket *socket, const char *id, size_t size)
{
    struct operation *o = socket->operations;
    while (o != NULL && (o->cancelled || o->id_size != size || memcmp(o->id, id, size) != 0)) {
        o = o->next;
    }
    return o;
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
    websocket_trust(socket);
    send_ack(socket);
}

static struct operation *add_operation(struct websocket *socket, const char *id, size_t id_size)
{
    const struct exchange *handshake = socket->handshake;
    struct operation *operation = calloc(1, sizeof *operation);
    if (operation == NULL) {
        websocket_close(socket, WEBSOCKET_FAILED, "Out of memory");
        return NULL;
    }
    struct exchange *exchange = &operation->exchange;
    exchange_init(socket->server, exchange, MHD_HTTP_METHOD_POST);
    exchange->connection = handshake->connection;
    exchange->route = handshake->route;
    exchange->media = MEDIA_GRAPHQL_RESPONSE;
    exchange->suspended = true;
    exchange->replied = on_replied;
    exchange->subscribe = subscribe;
    exchange->identity = identity_of(&socket->identity);
    memcpy(exchange->request_id, handshake->request_id, sizeof exchange->request_id);
    memcpy(exchange->traceparent, handshake->traceparent, sizeof exchange->traceparent);
    operation->told.run = on_told;
    operation->ended.run = on_ended;
    memcpy(operation->id, id, id_size);
    operation->id_size = id_size;
    operation->socket = socket;
    operation->next = socket->operations;
    if (operation->next != NULL) {
        operation->next->previous = operation;
    }
    socket->operations = operation;
    socket->operation_count++;
    return operation;
}

static void run_operation(struct operation *operation, const struct json_value *payload)
{
    struct exchange *exchange = &operation->exchange;
    struct websocket *socket = operation->socket;
    exchange->body_bytes = payload->size;
    socket->operation_bytes += payload->size;
    if (socket->operation_bytes > (size_t)exchange->server->options->body_bytes_max) {
        exchange_refuse(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, OUTCOME_LIMIT, "LIMIT",
                        "The requests of a connection may have %d bytes together.",
                        exchange->server->options->body_bytes_max);
        exchange_done(exchange);
        return;
    }
    buffer_put(&exchange->body, payload->text, payload->size);
    if (exchange->body.failed) {
        exchange_respond(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, OUTCOME_FAILED, NULL, 0);
        exchange_done(exchange);
    } else if (socket->operation_count > (unsigned)exchange->server->options->subscriptions_max) {
        exchange_refuse(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, OUTCOME_LIMIT, "LIMIT",
                        "A connection may have %d requests at once.",
                        exchange->server->options->subscriptions_max);
        exchange_done(exchange);
    } else if (!graphql_read_parameters(exchange) || !graphql_admit(exchange) ||
               !documents_resolve(exchange)) {
        exchange_done(exchange);
    } else {
        graphql_run(exchange);
    }
}

static void take_subscribe(struct websocket *socket, const struct message *message)
{
    char id[ID_SIZE_MAX];
    size_t size;
    if (!socket->ready) {
        websocket_close(socket, WEBSOCKET_UNAUTHORIZED, "Unauthorized");
    } else if (identity_has_expired(&socket->identity, clock_ms())) {
        websocket_close(socket, WEBSOCKET_FORBIDDEN, "Token expired");
    } else if (!read_id(message, id, &size) || message->payload.text == NULL ||
               message->payload.kind != JSON_OBJECT) {
        websocket_close(socket, WEBSOCKET_BAD_REQUEST, "A subscribe needs an id and a payload");
    } else if (find(socket, id, size) != NULL) {
        char reason[100];
        bool plain = size <= 40 && memchr(id, '\0', size) == NULL;
        snprintf(reason, sizeof reason, "Subscriber for %.*s already exists", plain ? (int)size : 7,
                 plain ? id : "this id");
        websocket_close(socket, WEBSOCKET_ID_IN_USE, reason);
    } else {
        struct operation *operation = add_operation(socket, id, size);
        if (operation != NULL) {
            run_operation(operation, &message->payload);
        }
    }
}

static void take_complete(struct websocket *socket, const struct message *message)
{
    char id[ID_SIZE_MAX];
    size_t size;
    if (!read_id(message, id, &size)) {
        websocket_close(socket, WEBSOCKET_BAD_REQUEST, "A complete needs an id");
        return;
    }
    struct operation *operation = find(socket, id, size);
    if (operation != NULL) {
        cancel(operation);
    }
}

void session_take(struct websocket *socket, const char *text, size_t size)
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
