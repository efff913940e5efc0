/*
 * Each event has an id: the place behind it in the feed, which a client that
 * comes back sends as Last-Event-ID.
 *
 *     I/O thread    sends what is in `out`; suspends its connection, and wants more
 *     source        puts text into `out`, resumes the connection
 *     loop          sees the client leave; asks the source when nothing is sent for a
 *                   while, and writes a comment when nothing is for long
 *
 * A stream is held by its exchange, by the loop and by its source, and freed by
 * the last. What they share is under its mutex, and so is each call for the
 * connection, which is gone with the exchange.
 */
#include "sse.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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
    struct watch watch; /* of the loop; first */
    struct sse_source *source;
    struct server *server;
    pthread_mutex_t mutex; /* guards what follows */
    unsigned holders;
    struct exchange *exchange; /* NULL: gone */
    struct buffer out;
    size_t sent;       /* of out */
    size_t held;       /* bytes that wait behind the source's gate */
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

void sse_let_go(struct sse *sse)
{
    pthread_mutex_lock(&sse->mutex);
    bool last = --sse->holders == 0;
    pthread_mutex_unlock(&sse->mutex);
    if (last) {
        pthread_mutex_destroy(&sse->mutex);
        buffer_free(&sse->out);
        free(sse);
    }
}

static void on_left(struct watch *watch)
{
    sse_let_go((struct sse *)watch);
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
    sse->source->over(sse->source);
    sse_let_go(sse);
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

/* All has been sent. With the lock. */
static void release(struct sse *sse)
{
    buffer_free(&sse->out);
    sse->sent = 0;
    if (sse->source->gate != NULL) {
        gate_sent(sse->source->gate, sse->held);
        sse->held = 0;
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
        release(sse);
        sse->suspended = wants = true;
    } else {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    }
    pthread_mutex_unlock(&sse->mutex);
    if (wants) {
        sse->source->want(sse->source);
    }
    return result;
}

void sse_put(struct sse *sse, const struct buffer *text)
{
    pthread_mutex_lock(&sse->mutex);
    if (sse->exchange != NULL && !sse->ended) {
        /* All of it may never have been sent, where the source does not wait for that. */
        if (sse->sent > sse->out.size / 2) {
            buffer_drop(&sse->out, sse->sent);
            sse->sent = 0;
        }
        buffer_put(&sse->out, text->bytes, text->size);
        sse->out.failed |= text->failed;
        if (sse->source->gate != NULL) {
            sse->held += text->size;
            gate_hold(sse->source->gate, text->size);
        }
        if (!sse->suspended) {
            connection_allow(sse->exchange->connection,
                             exchange_send_ms(sse->exchange, sse->out.size - sse->sent));
        }
        resume(sse);
    }
    pthread_mutex_unlock(&sse->mutex);
}

void sse_finish(struct sse *sse, enum outcome outcome)
{
    pthread_mutex_lock(&sse->mutex);
    if (sse->exchange != NULL && !sse->ended) {
        sse->exchange->outcome = outcome;
        sse->ended = true;
        resume(sse);
    }
    pthread_mutex_unlock(&sse->mutex);
}

void sse_cut(struct sse *sse)
{
    pthread_mutex_lock(&sse->mutex);
    if (sse->exchange != NULL && !sse->left) {
        sse->exchange->outcome = OUTCOME_LIMIT;
        sse->left = true;
        shutdown(sse->watch.socket, SHUT_RDWR); /* it may wait for the client to read */
        resume(sse);
    }
    pthread_mutex_unlock(&sse->mutex);
}

size_t sse_unsent(struct sse *sse)
{
    pthread_mutex_lock(&sse->mutex);
    size_t size = sse->exchange != NULL ? sse->out.size - sse->sent : 0;
    pthread_mutex_unlock(&sse->mutex);
    return size;
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
    } else if (sse->suspended) {
        uint64_t quiet_ms = now_ms > sse->quiet_ms ? now_ms - sse->quiet_ms : 0;
        sse->source->idle(sse->source, &sse->out, quiet_ms);
        if (sse->out.size == 0 && quiet_ms >= KEEP_ALIVE_MS) {
            buffer_puts(&sse->out, ":\n\n");
        }
        if (sse->out.size > 0 || sse->out.failed) {
            resume(sse);
        }
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

struct sse *sse_open(struct exchange *exchange, struct sse_source *source)
{
    struct sse *sse = exchange->connection != NULL ? calloc(1, sizeof *sse) : NULL;
    struct MHD_Response *response =
        sse != NULL
            ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, on_read, sse, NULL)
            : NULL;
    if (response != NULL) {
        pthread_mutex_init(&sse->mutex, NULL);
        sse->server = exchange->server;
        sse->source = source;
        sse->holders = 3;
        sse->exchange = exchange;
        sse->quiet_ms = clock_ms();
        sse->watch = (struct watch){.socket = exchange->connection->socket,
                                    .events = EPOLLRDHUP | EPOLLET,
                                    .ready = on_ready,
                                    .tick = on_tick,
                                    .left = on_left};
    }
    if (response == NULL || !loop_watch(exchange->server->loop, &sse->watch)) {
        if (response != NULL) {
            pthread_mutex_destroy(&sse->mutex);
            MHD_destroy_response(response);
        }
        free(sse);
        exchange_respond(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, OUTCOME_FAILED, NULL, 0);
        return NULL;
    }
    exchange->stream = sse;
    reply_with(exchange, OUTCOME_OK, response, 0);
    return sse;
}

/* ---- A stream of one subscription ---- */

struct single {
    struct sse_source source; /* first */
    struct subscriber subscriber;
    struct server *server;
    struct sse *sse;
    struct gate gate; /* of its event */
    struct post gone;
    bool extended; /* responses may have extensions of their own */
};

static void single_want(struct sse_source *source)
{
    subscriber_want(&((struct single *)source)->subscriber);
}

static void put_id(struct buffer *out, const quire_subscription_position *place)
{
    buffer_puts(out, "id: ");
    place_put(out, place);
    buffer_puts(out, "\n");
}

/* The subscriber's lock is taken within the stream's, never the other way round. */
static void single_idle(struct sse_source *source, struct buffer *out, uint64_t quiet_ms)
{
    quire_subscription_position place;
    if (quiet_ms >= PLACE_MS &&
        subscriber_has_moved(&((struct single *)source)->subscriber, &place)) {
        put_id(out, &place);
        buffer_puts(out, "\n");
    }
}

static void single_over(struct sse_source *source)
{
    subscriber_close(&((struct single *)source)->subscriber);
}

static struct single *single_of(struct subscriber *subscriber)
{
    return (struct single *)(void *)((char *)subscriber - offsetof(struct single, subscriber));
}

static void on_told(struct subscriber *subscriber, const quire_subscription_event *event,
                    const quire_error *end)
{
    struct single *single = single_of(subscriber);
    struct buffer text = {0};
    if (event != NULL) {
        put_id(&text, &event->position);
        buffer_puts(&text, "event: next\ndata: ");
        place_put_event(&text, event, single->extended);
        buffer_puts(&text, "\n\n");
    } else {
        put_failure(&text, end);
    }
    sse_put(single->sse, &text);
    if (end != NULL) {
        sse_finish(single->sse, OUTCOME_ERRORS);
    }
    buffer_free(&text);
}

/* In the loop's thread, as its gate asks for. */
static void free_single(struct post *post)
{
    struct single *single = (struct single *)(void *)((char *)post - offsetof(struct single, gone));
    struct server *server = single->server;
    if (single->sse != NULL) {
        sse_let_go(single->sse);
    }
    gate_destroy(&single->gate);
    free(single);
    atomic_fetch_sub(&server->metrics.subscriptions_open, 1);
}

static void on_gone(struct subscriber *subscriber)
{
    struct single *single = single_of(subscriber);
    single->gone.run = free_single;
    loop_post(single->server->loop, &single->gone);
}

static void drop_single(struct gate *gate)
{
    sse_cut(((struct single *)(void *)((char *)gate - offsetof(struct single, gate)))->sse);
}

/* Opens the subscription; else replies why not. */
static bool open_subscriber(struct exchange *exchange, struct single *single)
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
    single->subscriber.told = on_told;
    single->subscriber.gone = on_gone;
    quire_status status = subscriber_open(
        &single->subscriber, exchange->server->workers[PLACE_STREAM], exchange->server->db,
        &request, call->from.epoch != 0 ? &call->from : NULL, &response, &size, &err);
    if (response != NULL) {
        sse_reply(exchange, OUTCOME_REFUSED, response, size);
        quire_free(response);
    } else if (status == QUIRE_RESUME_TOO_OLD) {
        struct buffer out = {0};
        put_failure(&out, &err);
        reply_with(exchange, OUTCOME_ERRORS,
                   MHD_create_response_from_buffer(out.size, out.bytes, MHD_RESPMEM_MUST_COPY),
                   out.size);
        buffer_free(&out);
    } else if (status != QUIRE_OK) {
        exchange_fail(exchange, &err);
    }
    return status == QUIRE_OK && response == NULL;
}

/* So that clients see at once that it has begun, and where. */
static void put_beginning(struct single *single)
{
    quire_subscription_position place = quire_subscription_where(single->subscriber.subscription);
    struct buffer text = {0};
    buffer_puts(&text, ":\n");
    if (place.epoch != 0) {
        put_id(&text, &place);
    }
    buffer_puts(&text, "\n");
    sse_put(single->sse, &text);
    buffer_free(&text);
}

static void subscribe(struct exchange *exchange)
{
    struct single *single = calloc(1, sizeof *single);
    if (single == NULL) {
        exchange_respond(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, OUTCOME_FAILED, NULL, 0);
        return;
    }
    single->source = (struct sse_source){
        .gate = &single->gate, .want = single_want, .idle = single_idle, .over = single_over};
    single->server = exchange->server;
    single->extended = exchange->call->explain;
    if (!open_subscriber(exchange, single)) {
        free(single);
        return;
    }
    gate_init(&single->gate, &exchange->server->waiting, drop_single);
    atomic_fetch_add(&exchange->server->metrics.subscriptions_open, 1);
    single->sse = sse_open(exchange, &single->source);
    if (single->sse != NULL) {
        put_beginning(single);
    } else {
        subscriber_close(&single->subscriber);
    }
}

void sse_subscribe(struct exchange *exchange)
{
    subscribe(exchange);
    exchange_done(exchange);
}
