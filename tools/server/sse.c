/*
 * Each event has an id: the place behind it in the feed, which a client that
 * comes back sends as Last-Event-ID.
 *
 *     I/O thread    sends what is in `out`; suspends its connection, and wants an event
 *     worker        writes the event to `out`, resumes the connection
 *     loop          sees the client leave; writes a comment when nothing is sent for long
 *
 * A stream is held by its exchange, by the loop and by its subscriber, and freed by
 * the last. What they share is under its mutex, and so is each call for the
 * connection, which is gone with the exchange.
 */
#include "sse.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "connections.h"
#include "exchange.h"
#include "graphql_call.h"
#include "loop.h"
#include "place.h"
#include "subscriber.h"

#define KEEP_ALIVE_MS 12000U
#define BLOCK_SIZE    ((size_t)32 * 1024)

struct sse {
    struct watch watch;           /* of the loop; first */
    struct subscriber subscriber; /* of workers */
    struct server *server;
    pthread_mutex_t mutex; /* guards what follows */
    unsigned holders;
    struct exchange *exchange; /* NULL: gone */
    struct buffer out;
    size_t sent;       /* of out */
    bool suspended;    /* the connection waits for more */
    bool ended;        /* nothing comes behind out */
    bool left;         /* the client has */
    uint64_t quiet_ms; /* since when nothing was sent */
};

/* ---- Text ---- */

static void put_event(struct buffer *out, const char *data, size_t size)
{
    buffer_puts(out, "event: next\ndata: ");
    buffer_put(out, data, size);
    buffer_puts(out, "\n\n");
}

static void put_end(struct buffer *out)
{
    buffer_puts(out, "event: complete\ndata:\n\n");
}

/* An error that ends a stream. */
static void put_failure(struct buffer *out, const quire_error *err)
{
    struct buffer body = {0};
    const char *message =
        err->status == QUIRE_RESUME_TOO_OLD && err->message[0] != '\0'
            ? err->message
            : quire_status_message(err->status); /* the rest is the server's business */
    buffer_puts(&body, "{\"errors\":[{\"message\":");
    buffer_put_json(&body, message, strlen(message));
    buffer_printf(&body, ",\"extensions\":{\"code\":\"%s\"}}]}",
                  quire_status_name(err->status) + sizeof "QUIRE_" - 1);
    out->failed |= body.failed;
    put_event(out, body.bytes, body.size);
    put_end(out);
    buffer_free(&body);
}

bool sse_read_position(struct exchange *exchange)
{
    const char *text = exchange_get(exchange, "Last-Event-ID");
    if (text == NULL || text[0] == '\0' || place_read(text, strlen(text), &exchange->call->from)) {
        return true;
    }
    exchange_refuse(exchange, MHD_HTTP_BAD_REQUEST, OUTCOME_REFUSED, "BAD_INPUT",
                    "Last-Event-ID is not the id of an event.");
    return false;
}

/* ---- Life ---- */

static void let_go(struct sse *sse)
{
    pthread_mutex_lock(&sse->mutex);
    bool last = --sse->holders == 0;
    pthread_mutex_unlock(&sse->mutex);
    if (last) {
        struct server *server = sse->server;
        pthread_mutex_destroy(&sse->mutex);
        buffer_free(&sse->out);
        free(sse);
        atomic_fetch_sub(&server->metrics.subscriptions_open, 1);
    }
}

static void on_gone(struct subscriber *subscriber)
{
    let_go((struct sse *)(void *)((char *)subscriber - offsetof(struct sse, subscriber)));
}

static void on_left(struct watch *watch)
{
    let_go((struct sse *)watch);
}

void sse_end(struct sse *sse)
{
    if (sse == NULL) {
        return;
    }
    pthread_mutex_lock(&sse->mutex);
    sse->exchange = NULL;
    sse->suspended = false;
    pthread_mutex_unlock(&sse->mutex);
    loop_forget(&sse->watch);
    subscriber_close(&sse->subscriber);
    let_go(sse);
}

/* ---- Sending ---- */

/* Lets the I/O thread look again. With the lock. */
static void resume(struct sse *sse)
{
    if (sse->suspended && sse->exchange != NULL) {
        sse->suspended = false;
        connection_allow(sse->exchange->connection,
                         exchange_send_ms(sse->exchange, sse->out.size - sse->sent));
        exchange_resume(sse->exchange);
    }
}

/* What the HTTP library asks for more. */
static ssize_t on_read(void *context, uint64_t position, char *out, size_t room)
{
    struct sse *sse = context;
    ssize_t result = 0;
    bool wants = false;
    (void)position;
    pthread_mutex_lock(&sse->mutex);
    size_t size = sse->out.size - sse->sent;
    if (size > 0 && !sse->left) {
        size = size < room ? size : room;
        memcpy(out, sse->out.bytes + sse->sent, size);
        sse->sent += size;
        sse->exchange->reply_bytes += size;
        sse->quiet_ms = clock_ms();
        result = (ssize_t)size;
    } else if (sse->left || sse->out.failed) {
        result = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (sse->ended || atomic_load(&sse->server->draining)) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else if (exchange_suspend(sse->exchange)) {
        buffer_free(&sse->out);
        sse->sent = 0;
        sse->suspended = wants = true;
    } else {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    }
    pthread_mutex_unlock(&sse->mutex);
    if (wants) {
        subscriber_want(&sse->subscriber);
    }
    return result;
}

static void on_told(struct subscriber *subscriber, const quire_subscription_event *event,
                    const quire_error *end)
{
    struct sse *sse = (struct sse *)(void *)((char *)subscriber - offsetof(struct sse, subscriber));
    pthread_mutex_lock(&sse->mutex);
    if (sse->exchange != NULL && !sse->ended) {
        if (event != NULL) {
            buffer_puts(&sse->out, "id: ");
            place_put(&sse->out, &event->position);
            buffer_puts(&sse->out, "\nevent: next\ndata: ");
            place_put_event(&sse->out, event, sse->exchange->call->explain);
            buffer_puts(&sse->out, "\n\n");
        } else {
            put_failure(&sse->out, end);
            sse->exchange->outcome = OUTCOME_ERRORS;
            sse->ended = true;
        }
        resume(sse);
    }
    pthread_mutex_unlock(&sse->mutex);
}

/* The client has left, or has said that it will send nothing more, which is the same. */
static void on_ready(struct watch *watch, uint32_t events)
{
    struct sse *sse = (struct sse *)watch;
    (void)events;
    pthread_mutex_lock(&sse->mutex);
    if (sse->exchange != NULL) {     /* else its socket may be another's by now */
        loop_events(watch, EPOLLET); /* once is enough */
    }
    sse->left = true;
    resume(sse);
    pthread_mutex_unlock(&sse->mutex);
}

static void on_tick(struct watch *watch, uint64_t now_ms)
{
    struct sse *sse = (struct sse *)watch;
    pthread_mutex_lock(&sse->mutex);
    bool over = atomic_load(&sse->server->draining) ||
                (sse->exchange != NULL && identity_has_expired(&sse->exchange->identity, now_ms));
    if (over && !sse->ended) {
        sse->ended = true;
        resume(sse);
    } else if (sse->suspended && now_ms >= sse->quiet_ms + KEEP_ALIVE_MS) {
        buffer_puts(&sse->out, ":\n\n");
        resume(sse);
    }
    pthread_mutex_unlock(&sse->mutex);
}

/* ---- Replies ---- */

static void reply_with(struct exchange *exchange, enum outcome outcome,
                       struct MHD_Response *response, size_t size)
{
    exchange_respond(exchange, MHD_HTTP_OK, outcome, response, size);
    exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream; charset=utf-8");
    exchange_header(exchange, "X-Accel-Buffering", "no");
}

void sse_reply(struct exchange *exchange, enum outcome outcome, const char *body, size_t size)
{
    struct buffer out = {0};
    put_event(&out, body, size);
    put_end(&out);
    struct MHD_Response *response =
        out.failed ? NULL
                   : MHD_create_response_from_buffer(out.size, out.bytes, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        buffer_free(&out);
    }
    reply_with(exchange, outcome, response, out.size);
}

/* Opens the subscription; the stream is the caller's still. */
static bool open_subscriber(struct exchange *exchange, struct sse *sse)
{
    struct graphql_call *call = exchange->call;
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = graphql_make_request(exchange);
    request.progress = NULL; /* the exchange's; events have the limit of time alone */
    request.plan_after_ms = 0;
    request.advisor = NULL;
    request.limits.time_ms_max = (uint32_t)exchange->server->options->time_ms;
    char *response = NULL;
    size_t size;
    sse->subscriber.told = on_told;
    sse->subscriber.gone = on_gone;
    quire_status status = subscriber_open(
        &sse->subscriber, exchange->server->workers[PLACE_STREAM], exchange->server->db, &request,
        call->from.epoch != 0 ? &call->from : NULL, &response, &size, &err);
    if (response != NULL) {
        sse_reply(exchange, OUTCOME_REFUSED, response, size);
        quire_free(response);
    } else if (status == QUIRE_RESUME_TOO_OLD) {
        put_failure(&sse->out, &err);
        reply_with(
            exchange, OUTCOME_ERRORS,
            MHD_create_response_from_buffer(sse->out.size, sse->out.bytes, MHD_RESPMEM_MUST_COPY),
            sse->out.size);
        buffer_free(&sse->out);
    } else if (status != QUIRE_OK) {
        exchange_fail(exchange, &err);
    }
    return status == QUIRE_OK && response == NULL;
}

static struct sse *begin(struct exchange *exchange)
{
    struct sse *sse = calloc(1, sizeof *sse);
    if (sse == NULL) {
        exchange_respond(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, OUTCOME_FAILED, NULL, 0);
        return NULL;
    }
    sse->server = exchange->server;
    sse->holders = 3;
    if (!open_subscriber(exchange, sse)) {
        free(sse);
        return NULL;
    }
    pthread_mutex_init(&sse->mutex, NULL);
    atomic_fetch_add(&sse->server->metrics.subscriptions_open, 1);
    sse->exchange = exchange;
    sse->quiet_ms = clock_ms();
    quire_subscription_position place = quire_subscription_where(sse->subscriber.subscription);
    /* So that clients see at once that it has begun, and where. */
    buffer_puts(&sse->out, ":\n");
    if (place.epoch != 0) {
        buffer_puts(&sse->out, "id: ");
        place_put(&sse->out, &place);
        buffer_puts(&sse->out, "\n");
    }
    buffer_puts(&sse->out, "\n");
    return sse;
}

static void subscribe(struct exchange *exchange)
{
    struct sse *sse = exchange->connection != NULL ? begin(exchange) : NULL;
    if (sse == NULL) {
        return;
    }
    sse->watch = (struct watch){.socket = exchange->connection->socket,
                                .events = EPOLLRDHUP | EPOLLET,
                                .ready = on_ready,
                                .tick = on_tick,
                                .left = on_left};
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, on_read, sse, NULL);
    if (response == NULL || !loop_watch(exchange->server->loop, &sse->watch)) {
        if (response != NULL) {
            MHD_destroy_response(response);
        }
        sse->holders = 1;
        subscriber_close(&sse->subscriber);
        exchange_respond(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, OUTCOME_FAILED, NULL, 0);
        return;
    }
    exchange->stream = sse;
    reply_with(exchange, OUTCOME_OK, response, 0);
}

void sse_subscribe(struct exchange *exchange)
{
    subscribe(exchange);
    exchange_done(exchange);
}
