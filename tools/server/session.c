/*
 * An operation tells the loop what to send, one message at a time: the next event of a
 * subscription is taken when all that waited for the client has been sent.
 *
 *     loop     makes it -> gate ->                  sends, wants more -> gate ->
 *     worker                      runs it, tells --^                            takes an event --^
 */
#include "session.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "documents.h"
#include "exchange.h"
#include "graphql_call.h"
#include "json.h"
#include "place.h"
#include "subscriber.h"

struct operation {
    struct exchange exchange; /* first: it is freed as one */
    struct session *session;
    struct operation *previous, *next;
    char id[SESSION_ID_MAX];
    size_t id_size;
    struct gate_pass pass;    /* of the request */
    struct exchange *waiting; /* for what becomes of it; or NULL */
    struct subscriber subscriber;

    /* Belongs to the worker until it is told, then to the loop until it wants more. */
    struct post told;
    struct buffer message; /* empty: the subscription has begun */
    bool error, last;

    struct post ended; /* the subscriber is gone */
    bool live;         /* the subscriber is open: set before the first `told` */

    /* The loop's. */
    bool replied;   /* it has told something */
    bool waits;     /* to be asked for the next event */
    bool cancelled; /* nothing of it is sent any more, and its id is free */
    bool closed;    /* the subscriber has been closed */
};

/* ---- Messages ---- */

static void begin_message(struct operation *operation, enum message_kind kind)
{
    operation->session->channel->begin(&operation->message, kind, operation->id,
                                       operation->id_size);
}

static void end_message(struct operation *operation, enum message_kind kind)
{
    operation->session->channel->end(&operation->message, kind);
}

static void put_message(struct operation *operation, enum message_kind kind, const char *payload,
                        size_t size)
{
    begin_message(operation, kind);
    buffer_put(&operation->message, payload, size);
    end_message(operation, kind);
}

/* Of a response: the array of its errors, where the channel tells that. */
static void put_errors(struct operation *operation, const char *response, size_t size)
{
    struct json_value body;
    const char *problem;
    size_t at;
    operation->last = true;
    if (operation->session->channel->errors_are_responses) {
        put_message(operation, MESSAGE_NEXT, response, size);
        return;
    }
    operation->error = true;
    if (!json_check(response, size, &body, &problem, &at)) {
        operation->message.failed = true;
        return;
    }
    struct json_value errors = json_member(&body, "errors");
    if (errors.text != NULL) {
        put_message(operation, MESSAGE_ERROR, errors.text, errors.size);
    }
}

/* ---- Operations, in the loop's thread ---- */

static void remove_operation(struct operation *operation)
{
    struct session *session = operation->session;
    if (operation->previous != NULL) {
        operation->previous->next = operation->next;
    } else {
        session->operations = operation->next;
    }
    if (operation->next != NULL) {
        operation->next->previous = operation->previous;
    }
    session->operation_count--;
    session->operation_bytes -= operation->exchange.body_bytes;
    session_sent(session, operation->message.size);
    buffer_free(&operation->message);
    exchange_count(&operation->exchange);
    exchange_free(&operation->exchange);
    session->channel->release(session);
}

/* Replies to the request that waits for what becomes of it. False when that was all: it did not
 * run, and who asked does not take that from the stream. */
static bool answer_waiting(struct operation *operation)
{
    struct exchange *waiting = operation->waiting;
    const struct exchange *exchange = &operation->exchange;
    const struct graphql_call *call = exchange->call;
    bool answered = exchange->text == NULL && call != NULL && call->response != NULL;
    bool busy = exchange->outcome == OUTCOME_BUSY || exchange->outcome == OUTCOME_TIMEOUT ||
                exchange->outcome == OUTCOME_CANCELLED;
    struct buffer body = {0};
    operation->waiting = NULL;
    if (waiting == NULL) {
        return true;
    }
    bool streams = waiting->subscribe != NULL && !busy;
    bool accepted = operation->live || (answered && (call->outcome.executed || streams));
    if (accepted) {
        exchange_respond(waiting, MHD_HTTP_ACCEPTED, OUTCOME_OK,
                         MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT), 0);
    } else {
        unsigned status = exchange->text != NULL ? exchange->status
                          : busy                 ? MHD_HTTP_SERVICE_UNAVAILABLE
                                                 : MHD_HTTP_BAD_REQUEST;
        buffer_put(&body, answered ? call->response : exchange->text,
                   answered ? call->response_size : exchange->text_size);
        body.failed |= body.size == 0;
        exchange_reply_buffer(waiting, status, media_type_text(waiting->media), &body);
        waiting->outcome = exchange->outcome;
        waiting->retry_s = exchange->retry_s > 0 ? exchange->retry_s : waiting->retry_s;
    }
    exchange_done(waiting);
    return accepted;
}

static void close_subscriber(struct operation *operation)
{
    if (!operation->closed) {
        operation->closed = true;
        subscriber_close(&operation->subscriber);
    }
}

/* Ends it; it may be freed by then. */
static void cancel(struct operation *operation)
{
    operation->cancelled = true;
    atomic_store(&operation->exchange.given_up, true);
    if (operation->replied && operation->live) {
        close_subscriber(operation);
    } else if (!operation->replied && gate_recall(&operation->session->gate, &operation->pass)) {
        exchange_refuse(&operation->exchange, MHD_HTTP_SERVICE_UNAVAILABLE, OUTCOME_CANCELLED,
                        "INTERRUPTED", "The request was given up before it began.");
        (void)answer_waiting(operation);
        remove_operation(operation);
    }
}

void session_end(struct session *session)
{
    session->gate.ended = true;
    for (struct operation *o = session->operations, *next; o != NULL; o = next) {
        next = o->next;
        cancel(o);
    }
}

bool session_has_expired(const struct session *session, uint64_t now_ms)
{
    const struct operation *o = session->operations;
    while (o != NULL && !identity_has_expired(&o->exchange.identity, now_ms)) {
        o = o->next;
    }
    return o != NULL;
}

bool session_put_places(struct session *session, struct buffer *out)
{
    quire_subscription_position place;
    bool any = false;
    for (struct operation *o = session->operations; o != NULL; o = o->next) {
        if (o->replied && o->live && !o->cancelled &&
            subscriber_has_moved(&o->subscriber, &place)) {
            buffer_puts(out, any ? "," : "{\"places\":{");
            buffer_put_json(out, o->id, o->id_size);
            buffer_puts(out, ":\"");
            place_put(out, &place);
            buffer_puts(out, "\"");
            any = true;
        }
    }
    buffer_puts(out, any ? "}}" : "");
    return any;
}

void session_continue(struct session *session)
{
    for (struct operation *o = session->operations; o != NULL; o = o->next) {
        if (o->waits && !o->cancelled) {
            o->waits = false;
            subscriber_want(&o->subscriber);
        }
    }
}

static void send_told(struct operation *operation)
{
    struct session *session = operation->session;
    struct buffer *message = &operation->message;
    bool completes = operation->last && !operation->error;
    if (message->size > 0 || message->failed) {
        session->channel->send(session, message);
        operation->exchange.reply_bytes += message->size;
        message->size = 0; /* it waits in the channel from now on */
    }
    if (completes) {
        begin_message(operation, MESSAGE_COMPLETE);
        end_message(operation, MESSAGE_COMPLETE);
        gate_leave(&session->gate, &operation->pass, message->size);
        session->channel->send(session, message);
        message->size = 0;
    }
    buffer_free(message);
}

static void on_told(struct post *post)
{
    struct operation *operation =
        (struct operation *)(void *)((char *)post - offsetof(struct operation, told));
    struct session *session = operation->session;
    operation->replied = true;
    operation->waits = operation->live && !operation->last;
    if (answer_waiting(operation) && !operation->cancelled) {
        send_told(operation);
    } else {
        session_sent(session, operation->message.size);
        buffer_free(&operation->message);
    }
    if (operation->cancelled || operation->last) {
        cancel(operation);
    }
    session->channel->pump(session);
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

/* The message is made: the loop sends it. */
static void tell(struct operation *operation, struct gate_pass *pass)
{
    gate_leave(&operation->session->gate, pass, operation->message.size);
    loop_post(operation->exchange.server->loop, &operation->told);
}

static void on_event(struct subscriber *subscriber, const quire_subscription_event *event,
                     const quire_error *end)
{
    struct operation *operation =
        (struct operation *)(void *)((char *)subscriber - offsetof(struct operation, subscriber));
    if (event != NULL) {
        begin_message(operation, MESSAGE_NEXT);
        place_put_event(&operation->message, event, operation->exchange.call->explain);
        end_message(operation, MESSAGE_NEXT);
    } else {
        exchange_fail(&operation->exchange, end);
        put_errors(operation, operation->exchange.text, operation->exchange.text_size);
    }
    tell(operation, &subscriber->pass);
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
        put_message(operation, MESSAGE_NEXT, call->response, call->response_size);
    } else {
        put_errors(operation, call->response, call->response_size);
    }
    exchange->reply_bytes = 0; /* counted when it is sent */
    tell(operation, &operation->pass);
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
    operation->subscriber.gate = &operation->session->gate;
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
    tell(operation, &operation->pass);
}

/* ---- Requests ---- */

static struct operation *find(const struct session *session, const char *id, size_t size)
{
    struct operation *o = session->operations;
    while (o != NULL && (o->cancelled || o->id_size != size || memcmp(o->id, id, size) != 0)) {
        o = o->next;
    }
    return o;
}

bool session_has(const struct session *session, const char *id, size_t id_size)
{
    return find(session, id, id_size) != NULL;
}

void session_cancel(struct session *session, const char *id, size_t id_size)
{
    struct operation *operation = find(session, id, id_size);
    if (operation != NULL) {
        cancel(operation);
    }
}

static void pass_gate(struct gate_pass *pass)
{
    struct operation *operation =
        (struct operation *)(void *)((char *)pass - offsetof(struct operation, pass));
    graphql_run(&operation->exchange);
}

static struct operation *add_operation(struct session *session, const char *id, size_t id_size,
                                       struct identity identity, struct exchange *waiting)
{
    struct operation *operation = calloc(1, sizeof *operation);
    if (operation == NULL) {
        identity_free(&identity);
        return NULL;
    }
    struct exchange *exchange = &operation->exchange;
    exchange_init(session->server, exchange, MHD_HTTP_METHOD_POST);
    exchange->connection = session->connection;
    exchange->route = session->route;
    exchange->media = MEDIA_GRAPHQL_RESPONSE;
    exchange->suspended = true;
    exchange->replied = on_replied;
    exchange->subscribe = subscribe;
    exchange->identity = identity;
    memcpy(exchange->request_id, waiting != NULL ? waiting->request_id : session->request_id,
           sizeof exchange->request_id);
    memcpy(exchange->traceparent, waiting != NULL ? waiting->traceparent : session->traceparent,
           sizeof exchange->traceparent);
    operation->waiting = waiting;
    operation->told.run = on_told;
    operation->ended.run = on_ended;
    operation->pass.go = pass_gate;
    memcpy(operation->id, id, id_size);
    operation->id_size = id_size;
    operation->session = session;
    operation->next = session->operations;
    if (operation->next != NULL) {
        operation->next->previous = operation;
    }
    session->operations = operation;
    session->operation_count++;
    return operation;
}

/* Refuses what there is no room for; false then. */
static bool check_room(struct session *session, struct exchange *exchange)
{
    const struct serve_options *options = session->server->options;
    if (session->operation_bytes > (size_t)options->body_bytes_max) {
        exchange_refuse(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, OUTCOME_LIMIT, "LIMIT",
                        "The requests of a connection may have %d bytes together.",
                        options->body_bytes_max);
        return false;
    }
    if (session->operation_count > (unsigned)options->subscriptions_max) {
        exchange_refuse(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, OUTCOME_LIMIT, "LIMIT",
                        "A connection may have %d requests at once.", options->subscriptions_max);
        return false;
    }
    return true;
}

bool session_run(struct session *session, const char *id, size_t id_size,
                 const struct json_value *request, struct identity identity,
                 struct exchange *waiting)
{
    struct operation *operation = add_operation(session, id, id_size, identity, waiting);
    if (operation == NULL) {
        return false;
    }
    struct exchange *exchange = &operation->exchange;
    exchange->body_bytes = request->size;
    session->operation_bytes += request->size;
    if (!check_room(session, exchange)) {
        exchange_done(exchange);
        return true;
    }
    buffer_put(&exchange->body, request->text, request->size);
    if (exchange->body.failed) {
        exchange_respond(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, OUTCOME_FAILED, NULL, 0);
        exchange_done(exchange);
    } else if (!graphql_read_parameters(exchange) || !graphql_admit(exchange) ||
               !documents_resolve(exchange)) {
        exchange_done(exchange);
    } else if (gate_enter(&session->gate, &operation->pass)) {
        graphql_run(exchange);
    }
    return true;
}

/* ---- Sessions ---- */

static void drop(struct gate *gate)
{
    struct session *session =
        (struct session *)(void *)((char *)gate - offsetof(struct session, gate));
    session->channel->drop(session);
}

void session_open(struct session *session, struct server *server, const struct channel *channel,
                  const struct exchange *opening)
{
    session->server = server;
    session->channel = channel;
    session->route = opening->route;
    session->connection = opening->connection;
    memcpy(session->request_id, opening->request_id, sizeof session->request_id);
    memcpy(session->traceparent, opening->traceparent, sizeof session->traceparent);
    gate_init(&session->gate, &server->waiting, drop);
}

void session_close(struct session *session)
{
    gate_destroy(&session->gate);
}
