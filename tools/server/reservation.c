/*
 * Everything of a reservation happens in the thread of the loop, where requests are
 * handed over: its session (session.h), whose messages wait in `out` until the stream is
 * there, and in the stream from then on. It ends with its stream, or when that does not
 * come in time; it is freed when the loop has forgotten it, the stream is over and no
 * request of it runs. There are so many at most: the oldest whose stream has not come
 * makes room.
 */
#include "reservation.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "auth.h"
#include "exchange.h"
#include "graphql_call.h"
#include "json.h"
#include "loop.h"
#include "place.h"
#include "session.h"
#include "sse.h"

#define TOKEN_BYTES      16U
#define TOKEN_SIZE       (2 * TOKEN_BYTES)
#define RESERVATIONS_MAX 1024U
#define ADDRESS_SIZE     16U

struct reservation {
    struct watch watch; /* first; without a socket */
    struct sse_source source;
    struct session session;
    struct server *server;
    struct reservation *previous, *next; /* the newest first */
    char token[TOKEN_SIZE + 1];
    struct identity identity;
    struct sse *stream;   /* NULL: it has not come, or is over */
    struct buffer out;    /* what the stream has not been given */
    size_t answer_bytes;  /* of the session's, not sent yet */
    uint64_t deadline_ms; /* for the stream to come */
    _Atomic bool drained; /* the post is on its way */
    struct post drained_post, over_post;
    bool gone, forgotten;
};

/* A request, on its way to the loop. */
struct ask {
    struct post post; /* first */
    struct exchange *exchange;
    char token[TOKEN_SIZE + 1]; /* "": none, or none that can be */
    char id[SESSION_ID_MAX];
    size_t id_size; /* 0: none, or none that can be */
    unsigned char address[ADDRESS_SIZE];
    struct rate_caller caller; /* for who has no other name */
};

/* ---- Life ---- */

static void release_if_done(struct reservation *reservation)
{
    if (!reservation->forgotten || reservation->stream != NULL ||
        reservation->session.operation_count > 0) {
        return;
    }
    struct server *server = reservation->server;
    session_close(&reservation->session);
    identity_free(&reservation->identity);
    buffer_free(&reservation->out);
    free(reservation);
    atomic_fetch_sub(&server->metrics.reservations_open, 1);
}

static void on_left(struct watch *watch)
{
    struct reservation *reservation = (struct reservation *)watch;
    reservation->forgotten = true;
    release_if_done(reservation);
}

/* Ends it: its token means nothing from now on. */
static void end(struct reservation *reservation)
{
    struct server *server = reservation->server;
    if (reservation->gone) {
        return;
    }
    reservation->gone = true;
    if (reservation->previous != NULL) {
        reservation->previous->next = reservation->next;
    } else {
        server->reservations = reservation->next;
    }
    if (reservation->next != NULL) {
        reservation->next->previous = reservation->previous;
    }
    server->reservation_count--;
    if (reservation->stream != NULL) {
        sse_finish(reservation->stream, OUTCOME_OK);
    }
    loop_forget(&reservation->watch);
    session_end(&reservation->session);
}

static void on_tick(struct watch *watch, uint64_t now_ms)
{
    struct reservation *reservation = (struct reservation *)watch;
    bool late = reservation->stream == NULL && now_ms > reservation->deadline_ms;
    if (late || atomic_load(&reservation->server->draining) ||
        identity_has_expired(&reservation->identity, now_ms) ||
        session_has_expired(&reservation->session, now_ms)) {
        end(reservation);
    }
}

/* ---- The stream ---- */

static struct reservation *reservation_of(struct sse_source *source)
{
    return (struct reservation *)(void *)((char *)source - offsetof(struct reservation, source));
}

static void on_want(struct sse_source *source)
{
    struct reservation *reservation = reservation_of(source);
    if (!atomic_exchange(&reservation->drained, true)) {
        loop_post(reservation->server->loop, &reservation->drained_post);
    }
}

static void on_over(struct sse_source *source)
{
    struct reservation *reservation = reservation_of(source);
    loop_post(reservation->server->loop, &reservation->over_post);
}

static void on_idle(struct sse_source *source, struct buffer *out, uint64_t quiet_ms)
{
    struct buffer places = {0};
    if (quiet_ms >= PLACE_MS && session_put_places(&reservation_of(source)->session, &places)) {
        buffer_puts(out, ":");
        buffer_put(out, places.bytes, places.size);
        buffer_puts(out, "\n\n");
        out->failed |= places.failed;
    }
    buffer_free(&places);
}

/* Gives the stream what waits; asks for more when nothing does. */
static void pump(struct reservation *reservation)
{
    if (reservation->stream == NULL || reservation->gone) {
        return;
    }
    if (reservation->out.size > 0 || reservation->out.failed) {
        sse_put(reservation->stream, &reservation->out);
        buffer_free(&reservation->out);
    }
    size_t unsent = sse_unsent(reservation->stream);
    size_t sent = reservation->answer_bytes > unsent ? reservation->answer_bytes - unsent : 0;
    reservation->answer_bytes -= sent;
    if (sent > 0) {
        session_sent(&reservation->session, sent);
    }
    if (unsent == 0) {
        session_continue(&reservation->session);
    }
}

static void on_drained(struct post *post)
{
    struct reservation *reservation =
        (struct reservation *)(void *)((char *)post - offsetof(struct reservation, drained_post));
    atomic_store(&reservation->drained, false);
    pump(reservation);
}

static void on_stream_over(struct post *post)
{
    struct reservation *reservation =
        (struct reservation *)(void *)((char *)post - offsetof(struct reservation, over_post));
    struct sse *stream = reservation->stream;
    end(reservation);
    reservation->stream = NULL;
    sse_let_go(stream);
    release_if_done(reservation);
}

/* ---- The session's channel ---- */

static struct reservation *carrier_of(struct session *session)
{
    return (struct reservation *)(void *)((char *)session - offsetof(struct reservation, session));
}

/* event: next, data: {"id": ID, "payload": .. } */
static void begin_message(struct buffer *out, enum message_kind kind, const char *id,
                          size_t id_size)
{
    bool completes = kind == MESSAGE_COMPLETE;
    buffer_puts(out, completes ? "event: complete\ndata: {\"id\":" : "event: next\ndata: {\"id\":");
    buffer_put_json(out, id, id_size);
    buffer_puts(out, completes ? "" : ",\"payload\":");
}

static void end_message(struct buffer *out, enum message_kind kind)
{
    (void)kind;
    buffer_puts(out, "}\n\n");
}

static void send_message(struct session *session, const struct buffer *message)
{
    struct reservation *reservation = carrier_of(session);
    buffer_put(&reservation->out, message->bytes, message->size);
    reservation->answer_bytes += message->size;
    if (message->failed || reservation->out.failed) {
        end(reservation);
    }
}

static void pump_session(struct session *session)
{
    pump(carrier_of(session));
}

static void drop_session(struct session *session)
{
    struct reservation *reservation = carrier_of(session);
    if (reservation->stream != NULL) {
        sse_cut(reservation->stream);
    }
    end(reservation);
}

static void release_session(struct session *session)
{
    release_if_done(carrier_of(session));
}

static const struct channel channel = {.errors_are_responses = true,
                                       .begin = begin_message,
                                       .end = end_message,
                                       .send = send_message,
                                       .pump = pump_session,
                                       .drop = drop_session,
                                       .release = release_session};

/* ---- Requests, in the loop's thread ---- */

static void refuse(struct exchange *exchange, unsigned status, const char *why)
{
    exchange_refuse(exchange, status, OUTCOME_REFUSED, status == 404 ? "NOT_FOUND" : "BAD_INPUT",
                    "%s", why);
}

static bool make_token(char *token)
{
    unsigned char bytes[TOKEN_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        return false;
    }
    for (size_t i = 0; i < TOKEN_BYTES; i++) {
        snprintf(token + 2 * i, 3, "%02x", bytes[i]);
    }
    return true;
}

/* The oldest whose stream has not come makes room for another one; false when there is none. */
static bool make_room(struct server *server)
{
    struct reservation *oldest = NULL;
    if (server->reservation_count < RESERVATIONS_MAX) {
        return true;
    }
    for (struct reservation *r = server->reservations; r != NULL; r = r->next) {
        oldest = r->stream == NULL ? r : oldest;
    }
    if (oldest != NULL) {
        end(oldest);
    }
    return oldest != NULL;
}

static struct reservation *create(struct exchange *exchange)
{
    struct server *server = exchange->server;
    struct reservation *reservation = calloc(1, sizeof *reservation);
    if (reservation == NULL || !make_token(reservation->token) ||
        !identity_copy(&reservation->identity, &exchange->identity)) {
        free(reservation);
        return NULL;
    }
    reservation->server = server;
    reservation->source = (struct sse_source){.want = on_want, .idle = on_idle, .over = on_over};
    reservation->drained_post.run = on_drained;
    reservation->over_post.run = on_stream_over;
    reservation->deadline_ms = clock_ms() + (uint64_t)server->options->header_ms;
    reservation->watch = (struct watch){.socket = -1, .tick = on_tick, .left = on_left};
    session_open(&reservation->session, server, &channel, exchange);
    reservation->session.connection = NULL; /* the request's own, which ends before */
    reservation->next = server->reservations;
    if (reservation->next != NULL) {
        reservation->next->previous = reservation;
    }
    server->reservations = reservation;
    server->reservation_count++;
    atomic_fetch_add(&server->metrics.reservations_open, 1);
    (void)loop_watch(server->loop, &reservation->watch); /* nothing can fail without a socket */
    return reservation;
}

static void reserve(struct exchange *exchange)
{
    struct buffer token = {0};
    if (!make_room(exchange->server)) {
        exchange_refuse(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, OUTCOME_BUSY, "BUSY",
                        "Too many streams are reserved already; try again.");
        return;
    }
    const struct reservation *reservation = create(exchange);
    token.failed = reservation == NULL;
    if (reservation != NULL) {
        buffer_puts(&token, reservation->token);
    }
    exchange_reply_buffer(exchange, MHD_HTTP_CREATED, "text/plain; charset=utf-8", &token);
}

/* The reservation that a request names, if it is of the same caller. The time that it takes to
 * compare does not depend on how much of a token is right. */
static struct reservation *find(const struct ask *ask)
{
    struct reservation *found = NULL;
    for (struct reservation *r = ask->exchange->server->reservations; r != NULL; r = r->next) {
        volatile unsigned difference = 0;
        for (size_t i = 0; i < TOKEN_SIZE; i++) {
            difference |= (unsigned)(unsigned char)(r->token[i] ^ ask->token[i]);
        }
        found = difference == 0 ? r : found;
    }
    return found != NULL && identity_is(&found->identity, &ask->exchange->identity) ? found : NULL;
}

static void open_stream(struct reservation *reservation, struct exchange *exchange)
{
    struct buffer beginning = {0};
    if (exchange->subscribe == NULL) {
        refuse(exchange, MHD_HTTP_NOT_ACCEPTABLE, "A reserved stream is text/event-stream.");
    } else if (reservation->stream != NULL) {
        refuse(exchange, MHD_HTTP_CONFLICT, "The stream is open already.");
    } else {
        reservation->stream = sse_open(exchange, &reservation->source);
        if (reservation->stream != NULL) {
            buffer_puts(&beginning, ":\n\n");
            sse_put(reservation->stream, &beginning);
            buffer_free(&beginning);
            pump(reservation);
        }
    }
}

/* Whether so many bytes of a request may be kept until the stream comes: with those of others, and
 * with the answers that wait for clients. The oldest of the others make room. */
static bool make_room_for(const struct reservation *reservation, size_t size)
{
    struct server *server = reservation->server;
    size_t own = reservation->session.operation_bytes;
    for (;;) {
        struct reservation *oldest = NULL;
        uint64_t sum = atomic_load(&server->waiting.bytes) + size;
        if (sum + own > server->waiting.limit) { /* whoever makes room */
            return false;
        }
        for (struct reservation *r = server->reservations; r != NULL; r = r->next) {
            size_t its = r->stream == NULL ? r->session.operation_bytes : 0;
            oldest = its > 0 && r != reservation ? r : oldest;
            sum += its;
        }
        if (sum <= server->waiting.limit || oldest == NULL) {
            return true;
        }
        end(oldest);
    }
}

/* Runs a request; the exchange gets its reply from the session. False when it has one already. */
static bool run(struct reservation *reservation, const struct ask *ask)
{
    struct exchange *exchange = ask->exchange;
    struct graphql_call *call = exchange->call;
    struct json_value request = {
        .kind = JSON_OBJECT, .text = exchange->body.bytes, .size = exchange->body.size};
    struct identity asker = identity_of(&exchange->identity);
    struct identity identity;
    asker.who = asker.who.size > 0 ? asker.who : ask->caller;
    if (session_has(&reservation->session, call->operation_id, call->operation_id_size)) {
        refuse(exchange, MHD_HTTP_CONFLICT, "The operationId is in use.");
        return false;
    }
    if (reservation->stream == NULL && !make_room_for(reservation, request.size)) {
        exchange_refuse(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, OUTCOME_BUSY, "BUSY",
                        "Too much waits for clients already; open the stream, and try again.");
        return false;
    }
    if (!identity_copy(&identity, &asker)) {
        exchange_respond(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, OUTCOME_FAILED, NULL, 0);
        return false;
    }
    if (!session_run(&reservation->session, call->operation_id, call->operation_id_size, &request,
                     identity, exchange)) {
        exchange_respond(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, OUTCOME_FAILED, NULL, 0);
        return false;
    }
    return true;
}

static void cancel(struct reservation *reservation, const struct ask *ask)
{
    session_cancel(&reservation->session, ask->id, ask->id_size);
    exchange_respond(ask->exchange, MHD_HTTP_OK, OUTCOME_OK,
                     MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT), 0);
}

static void on_ask(struct post *post)
{
    struct ask *ask = (struct ask *)post;
    struct exchange *exchange = ask->exchange;
    bool makes = strcmp(exchange->method, MHD_HTTP_METHOD_PUT) == 0;
    struct reservation *reservation = makes ? NULL : find(ask);
    bool answered = true;
    if (makes) {
        reserve(exchange);
    } else if (reservation == NULL) {
        refuse(exchange, MHD_HTTP_NOT_FOUND, "There is no such reservation.");
    } else if (strcmp(exchange->method, MHD_HTTP_METHOD_GET) == 0) {
        open_stream(reservation, exchange);
    } else if (strcmp(exchange->method, MHD_HTTP_METHOD_DELETE) == 0) {
        cancel(reservation, ask);
    } else {
        answered = !run(reservation, ask);
    }
    if (answered) {
        exchange_done(exchange);
    }
    free(ask);
}

/* ---- Requests, on their I/O threads ---- */

/* A parameter of the URL, or NULL. */
static const char *url_parameter(const struct exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->http, MHD_GET_ARGUMENT_KIND, name);
}

static const char *token_of(const struct exchange *exchange)
{
    const char *token = exchange_get(exchange, "X-GraphQL-Event-Stream-Token");
    return token != NULL ? token : url_parameter(exchange, "token");
}

bool reservation_takes_method(const struct exchange *exchange)
{
    if (strcmp(exchange->method, MHD_HTTP_METHOD_PUT) == 0) {
        return exchange_get(exchange, MHD_HTTP_HEADER_CONTENT_TYPE) == NULL;
    }
    return strcmp(exchange->method, MHD_HTTP_METHOD_DELETE) != 0 || token_of(exchange) != NULL;
}

bool reservation_is_asked(const struct exchange *exchange)
{
    return strcmp(exchange->method, MHD_HTTP_METHOD_PUT) == 0 ||
           strcmp(exchange->method, MHD_HTTP_METHOD_DELETE) == 0 || token_of(exchange) != NULL;
}

/* Whether the request has what it needs, beside its reservation; else it is refused. */
static bool check(struct exchange *exchange, struct ask *ask)
{
    const char *token = token_of(exchange);
    const char *id = url_parameter(exchange, "operationId");
    bool post = strcmp(exchange->method, MHD_HTTP_METHOD_POST) == 0;
    ask->exchange = exchange;
    ask->post.run = on_ask;
    if (token != NULL && strlen(token) == TOKEN_SIZE) {
        memcpy(ask->token, token, TOKEN_SIZE + 1);
    }
    if (id != NULL && id[0] != '\0' && strlen(id) <= SESSION_ID_MAX) {
        ask->id_size = strlen(id);
        memcpy(ask->id, id, ask->id_size);
    }
    if (post && !graphql_read_parameters(exchange)) {
        return false;
    }
    const struct graphql_call *call = exchange->call;
    bool named = !post ? ask->id_size > 0
                       : call->operation_id != NULL && call->operation_id_size > 0 &&
                             call->operation_id_size <= SESSION_ID_MAX;
    if (!named && (post || strcmp(exchange->method, MHD_HTTP_METHOD_DELETE) == 0)) {
        refuse(exchange, MHD_HTTP_BAD_REQUEST, "An operationId of 1 to 256 bytes is needed.");
        return false;
    }
    struct sockaddr_storage room;
    struct rate_caller caller = graphql_caller_at(exchange, &room);
    if (caller.size <= ADDRESS_SIZE) {
        memcpy(ask->address, caller.bytes, caller.size);
        ask->caller = (struct rate_caller){caller.kind, ask->address, caller.size};
    }
    return true;
}

void reservation_start(struct exchange *exchange)
{
    struct ask *ask = calloc(1, sizeof *ask);
    if (ask == NULL) {
        exchange_respond(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, OUTCOME_FAILED, NULL, 0);
    } else if (!check(exchange, ask)) {
        free(ask);
    } else if (!exchange_suspend(exchange)) {
        exchange_refuse(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, OUTCOME_BUSY, "BUSY",
                        "The server is stopping.");
        free(ask);
    } else {
        exchange->suspended = true;
        loop_post(exchange->server->loop, &ask->post);
    }
}
