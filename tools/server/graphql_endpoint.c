/*
 * /graphql: runs requests.
 *
 * A worker runs the request on a snapshot, or, while that takes no longer than
 * handing it over would, the I/O thread itself. The library says when it turns out
 * to be a mutation, before anything has run: then it goes on to the thread that
 * writes, unless it came by GET. Nothing here looks at the document itself.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "documents.h"
#include "graphql_call.h"
#include "indexing.h"
#include "log.h"
#include "reservation.h"
#include "schema_endpoint.h"
#include "slow.h"
#include "sse.h"
#include "websocket.h"

/* ---- The request for the library ---- */

/* How long a request may keep an I/O thread. */
#define HERE_MAX_US 2000U
/* How long one runs before the system is asked whether its client is still there. */
#define LOOK_FROM_US 1000U

static bool go_on(void *context, uint64_t rows_read)
{
    const struct exchange *exchange = context;
    uint64_t took_us = clock_us() - exchange->call->began_us;
    (void)rows_read;
    if (!exchange->suspended) {
        return took_us < HERE_MAX_US;
    }
    return took_us < LOOK_FROM_US ? !exchange_given_up(exchange) : !exchange_cancelled(exchange);
}

/* ---- What callers may have ---- */

struct rate_caller graphql_caller_at(const struct exchange *exchange, struct sockaddr_storage *room)
{
    struct rate_caller caller = {'a', room, 0};
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)room;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)room;
    socklen_t size = sizeof *room;
    if (exchange->connection == NULL ||
        getpeername(exchange->connection->socket, (struct sockaddr *)room, &size) != 0) {
        return caller;
    }
    if (room->ss_family == AF_INET) {
        caller.bytes = &four->sin_addr;
        caller.size = 4;
    } else if (room->ss_family == AF_INET6) {
        bool mapped = IN6_IS_ADDR_V4MAPPED(&six->sin6_addr);
        caller.bytes = six->sin6_addr.s6_addr + (mapped ? 12 : 0);
        caller.size = mapped ? 4 : 8;
    }
    return caller;
}

/* Takes so much of what the caller may have; false when there is too little. `paid`: what it has
 * taken of it already. */
static bool take_cost(struct exchange *exchange, uint64_t cost, uint64_t paid)
{
    struct sockaddr_storage room;
    struct rate *rate = exchange->server->rate;
    struct graphql_call *call = exchange->call;
    if (rate == NULL) {
        return true;
    }
    struct rate_caller caller = exchange->identity.who.size > 0
                                    ? exchange->identity.who
                                    : graphql_caller_at(exchange, &room);
    call->retry_ms = rate_take(rate, &caller, cost, paid, clock_ms());
    return call->retry_ms == 0;
}

/* The library asks before anything of the request runs; again where it is begun again. */
static bool admit(void *context, uint64_t cost)
{
    struct exchange *exchange = context;
    struct graphql_call *call = exchange->call;
    call->cost = cost;
    if (!call->admitted) {
        call->admitted = cost <= 1 || take_cost(exchange, cost - 1, 1);
        atomic_fetch_add_explicit(&exchange->server->metrics.cost, call->admitted ? cost : 0,
                                  memory_order_relaxed);
    }
    return call->admitted;
}

static void refuse_rate(struct exchange *exchange)
{
    uint64_t retry_s = (exchange->call->retry_ms + 999) / 1000;
    exchange_refuse(exchange, MHD_HTTP_TOO_MANY_REQUESTS, OUTCOME_LIMIT, "LIMIT",
                    "You have asked for too much at once; there is enough for this in %llu s.",
                    (unsigned long long)retry_s);
    exchange->retry_s = retry_s;
    atomic_fetch_add_explicit(&exchange->server->metrics.rate_refused, 1, memory_order_relaxed);
}

bool graphql_admit(struct exchange *exchange)
{
    if (take_cost(exchange, 1, 0)) {
        return true;
    }
    refuse_rate(exchange);
    return false;
}

quire_graphql_request graphql_make_request(struct exchange *exchange)
{
    const struct serve_options *options = exchange->server->options;
    struct graphql_call *call = exchange->call;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    uint64_t gone_ms = (clock_us() - exchange->started_us) / 1000;
    uint64_t time_ms = (uint64_t)options->time_ms;
    request.document = call->document;
    request.document_size = call->document_size;
    request.operation_name = call->operation_name;
    request.variables = call->variables;
    request.variables_size = call->variables_size;
    request.explain = call->explain && exchange->identity.role == ROLE_ADMIN;
    request.claims = exchange->identity.claims;
    request.claims_size = exchange->identity.claims_size;
    request.admit = admit;
    request.admit_context = exchange;
    request.limits.list_max = (uint32_t)options->list_max;
    request.limits.cost_max = (uint64_t)options->cost_max;
    request.limits.tokens_max = (uint32_t)options->tokens_max;
    request.limits.depth_max = (uint32_t)options->depth_max;
    request.limits.aliases_max = (uint32_t)options->aliases_max;
    request.limits.root_fields_max = (uint32_t)options->root_fields_max;
    request.limits.directives_max = (uint32_t)options->directives_max;
    request.limits.variables_max = (uint32_t)options->variables_max;
    request.limits.memory_bytes_max = (uint64_t)options->memory_bytes_max;
    request.limits.response_bytes_max = (uint64_t)options->response_bytes_max;
    request.limits.time_ms_max = (uint32_t)(time_ms > gone_ms ? time_ms - gone_ms : 1);
    request.live_apart = exchange->subscribe != NULL;
    request.no_introspection = options->no_introspection != 0;
    request.compat = options->compat == NULL ? 0 : QUIRE_COMPAT_SHARPGRAPH;
    request.progress = go_on;
    request.progress_context = exchange;
    request.advisor = indexing_advisor(exchange->server->indexing);
    request.plan_after_ms = (uint32_t)options->slow_ms;
    request.outcome = &call->outcome;
    return request;
}

/* ---- The response ---- */

static enum outcome outcome_of(const struct graphql_call *call)
{
    quire_status status = call->outcome.status;
    int group = (int)status / 100;
    if (status == QUIRE_TIMEOUT) {
        return OUTCOME_TIMEOUT;
    }
    if (status == QUIRE_INTERRUPTED) {
        return OUTCOME_CANCELLED;
    }
    if (status == QUIRE_LIMIT) {
        return OUTCOME_LIMIT;
    }
    if (status == QUIRE_BUSY || status == QUIRE_SNAPSHOT_TOO_OLD) {
        return OUTCOME_BUSY;
    }
    if (group >= 4 && group != 7) {
        return OUTCOME_FAILED;
    }
    return !call->has_errors         ? OUTCOME_OK
           : !call->outcome.executed ? OUTCOME_REFUSED
                                     : OUTCOME_ERRORS;
}

/* The status of a response: a request that ran is 200; one that was refused is the client's fault,
 * which application/json alone leaves to the body. */
static unsigned status_of(const struct exchange *exchange, enum outcome outcome)
{
    if (!exchange->call->has_errors || exchange->call->outcome.executed) {
        return MHD_HTTP_OK;
    }
    if (outcome == OUTCOME_BUSY || outcome == OUTCOME_TIMEOUT || outcome == OUTCOME_CANCELLED) {
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    }
    return exchange->media == MEDIA_GRAPHQL_RESPONSE ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_OK;
}

static void release(void *response)
{
    quire_free(response);
}

static void log_if_slow(struct exchange *exchange)
{
    const struct serve_options *options = exchange->server->options;
    const struct graphql_call *call = exchange->call;
    if (options->slow_ms > 0 && exchange->run_us >= (uint64_t)options->slow_ms * 1000) {
        atomic_fetch_add_explicit(&exchange->server->metrics.slow, 1, memory_order_relaxed);
        log_slow(exchange->server->log, exchange, call->document, call->document_size,
                 call->outcome.plan, call->outcome.plan_size);
        slow_note(exchange->server->slow, exchange);
    }
}

/* Replies with the response that the library made. */
static void reply(struct exchange *exchange)
{
    struct graphql_call *call = exchange->call;
    enum outcome outcome = outcome_of(call);
    if (outcome == OUTCOME_FAILED) {
        quire_error err = QUIRE_ERROR_INIT;
        err.status = call->outcome.status;
        const char *text = call->text.bytes != NULL ? call->text.bytes : call->response;
        size_t size = call->text.bytes != NULL ? call->text.size : call->response_size;
        snprintf(err.message, sizeof err.message, "%.*s",
                 (int)(size < sizeof err.message ? size : sizeof err.message - 1), text);
        exchange_fail(exchange, &err);
        return;
    }
    if (exchange->replied != NULL) { /* it is taken from the call */
        exchange_respond(exchange, MHD_HTTP_OK, outcome, NULL, call->response_size);
        return;
    }
    if (exchange->media == MEDIA_EVENT_STREAM) {
        sse_reply(exchange, outcome, call->response, call->response_size);
        return;
    }
    if (call->text.bytes != NULL) {
        exchange_reply(exchange, status_of(exchange, outcome), outcome,
                       media_type_text(exchange->media), call->text.bytes, call->text.size);
        call->text = (struct buffer){0};
    } else {
        struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback(
            call->response_size, call->response, release);
        if (response != NULL) {
            call->response = NULL;
        }
        exchange_respond(exchange, status_of(exchange, outcome), outcome, response,
                         call->response_size);
        exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE, media_type_text(exchange->media));
    }
}

/* Notes how long the request took. */
static void note_time(struct exchange *exchange)
{
    struct graphql_call *call = exchange->call;
    exchange->run_us = clock_us() - call->began_us;
    if (call->outcome.operation == QUIRE_OPERATION_QUERY) {
        pace_note(&exchange->server->pace, call->pace_key, exchange->run_us);
    }
    log_if_slow(exchange);
}

/* ---- Mutations ---- */

static void mutation_committed(struct exchange *exchange, const quire_error *failure)
{
    if (failure != NULL) {
        exchange_fail(exchange, failure);
    } else {
        reply(exchange);
    }
    exchange_done(exchange);
}

/* What is left of the request's time, for waiting for the lock. */
static quire_status begin_writing(struct exchange *exchange, quire_txn **txn, quire_error *err)
{
    quire_begin_options options = QUIRE_BEGIN_OPTIONS_INIT;
    uint64_t gone_ms = (clock_us() - exchange->started_us) / 1000;
    uint64_t time_ms = (uint64_t)exchange->server->options->time_ms;
    options.owner = exchange->request_id;
    options.timeout = true;
    options.timeout_ms = (uint32_t)(time_ms > gone_ms ? time_ms - gone_ms : 1);
    return quire_begin_with(exchange->server->db, QUIRE_WRITE, &options, txn, err);
}

static void run_mutation(struct exchange *exchange)
{
    struct graphql_call *call = exchange->call;
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    call->began_us = clock_us();
    quire_status status = begin_writing(exchange, &txn, &err);
    if (status != QUIRE_OK) {
        exchange_fail(exchange, &err);
        exchange_done(exchange);
        return;
    }
    quire_graphql_request request = graphql_make_request(exchange);
    status = quire_graphql_in(txn, &request, &call->response, &call->response_size,
                              &call->has_errors, &err);
    if (status == QUIRE_OK && !call->has_errors) {
        note_time(exchange);
        exchange_commit(exchange, txn, mutation_committed);
        return;
    }
    quire_rollback(txn);
    if (status == QUIRE_OK) {
        reply(exchange);
    } else {
        exchange_fail(exchange, &err);
    }
    note_time(exchange);
    exchange_done(exchange);
}

/* ---- Queries ---- */

static void refuse_by_get(struct exchange *exchange)
{
    exchange_refuse(exchange, MHD_HTTP_METHOD_NOT_ALLOWED, OUTCOME_REFUSED, "BAD_INPUT",
                    "A mutation needs POST.");
    exchange_header(exchange, MHD_HTTP_HEADER_ALLOW, MHD_HTTP_METHOD_POST);
}

/* Forgets what a run has left, for another. */
static void forget(struct graphql_call *call)
{
    buffer_free(&call->text);
    quire_free(call->response);
    quire_free(call->outcome.plan);
    call->response = NULL;
    call->outcome = (quire_graphql_outcome){0};
}

/* A request that is valid and turned out to be a mutation: nothing of it has run. */
static void continue_as_mutation(struct exchange *exchange)
{
    struct graphql_call *call = exchange->call;
    /* Finding that out is all that an I/O thread does for it. */
    pace_note(&exchange->server->pace, call->pace_key, clock_us() - call->began_us);
    forget(call);
    if (strcmp(exchange->method, MHD_HTTP_METHOD_POST) == 0) {
        exchange_run(exchange, PLACE_WRITE, run_mutation);
    } else {
        refuse_by_get(exchange);
        exchange_done(exchange);
    }
}

/* A request that is valid and turned out to be a subscription. */
static void continue_as_subscription(struct exchange *exchange)
{
    forget(exchange->call);
    exchange_run(exchange, PLACE_STREAM, exchange->subscribe);
}

/* ---- Long responses ---- */

/* Up to here a response waits for its end: its status follows from that. */
#define STREAM_FROM ((size_t)128 * 1024)

/* Begins to send a response that is still being made. It has data, else it would be shorter. */
static bool begin_stream(struct exchange *exchange, uint64_t until_ms)
{
    struct graphql_call *call = exchange->call;
    struct pipe *pipe = pipe_create(exchange->http);
    struct MHD_Response *response = pipe != NULL ? pipe_response(pipe) : NULL;
    if (response == NULL) {
        if (pipe != NULL) {
            pipe_end(pipe, false);
            pipe_close(pipe);
        }
        return false;
    }
    call->pipe = pipe;
    exchange_respond(exchange, MHD_HTTP_OK, OUTCOME_OK, response, 0);
    exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE, media_type_text(exchange->media));
    struct buffer text = call->text;
    call->text = (struct buffer){0};
    /* From here on the exchange is its I/O thread's, but for its call until the pipe's end. */
    exchange_done(exchange);
    bool good = pipe_put(pipe, text.bytes, text.size, until_ms);
    buffer_free(&text);
    return good;
}

static bool take_piece(void *context, const char *bytes, size_t size)
{
    struct exchange *exchange = context;
    struct graphql_call *call = exchange->call;
    uint64_t until_ms = exchange->started_us / 1000 + (uint64_t)exchange->server->options->time_ms;
    if (call->pipe == NULL && call->text.size + size <= STREAM_FROM) {
        buffer_put(&call->text, bytes, size);
        return !call->text.failed;
    }
    return (call->pipe != NULL || begin_stream(exchange, until_ms)) &&
           pipe_put(call->pipe, bytes, size, until_ms);
}

/* Ends a response that has been sent as it was made: what failed on the way cuts it off. */
static void end_stream(struct exchange *exchange, quire_status status)
{
    struct graphql_call *call = exchange->call;
    if (status != QUIRE_OK) {
        exchange->outcome = status == QUIRE_TIMEOUT       ? OUTCOME_TIMEOUT
                            : status == QUIRE_INTERRUPTED ? OUTCOME_CANCELLED
                                                          : OUTCOME_FAILED;
    }
    note_time(exchange);
    pipe_end(call->pipe, status == QUIRE_OK);
}

/* ---- Requests ---- */

static quire_status run_here(struct exchange *exchange, quire_error *err)
{
    struct graphql_call *call = exchange->call;
    quire_graphql_request request = graphql_make_request(exchange);
    request.queries_only = true;
    if (exchange->suspended && exchange->media != MEDIA_EVENT_STREAM && exchange->replied == NULL) {
        return quire_graphql_stream(exchange->server->db, &request, take_piece, exchange,
                                    &call->has_errors, err);
    }
    return quire_graphql(exchange->server->db, &request, &call->response, &call->response_size,
                         &call->has_errors, err);
}

static void run_request(struct exchange *exchange)
{
    struct graphql_call *call = exchange->call;
    quire_error err = QUIRE_ERROR_INIT;
    call->began_us = clock_us();
    quire_status status = run_here(exchange, &err);
    if (call->outcome.operation != QUIRE_OPERATION_NONE) {
        documents_keep(exchange);
    }
    if (call->pipe != NULL) {
        end_stream(exchange, status);
        return;
    }
    if (call->retry_ms > 0) {
        forget(call);
        refuse_rate(exchange);
        exchange_done(exchange);
        return;
    }
    if (status == QUIRE_OK && call->outcome.operation == QUIRE_OPERATION_MUTATION &&
        call->outcome.status == QUIRE_READ_ONLY) {
        continue_as_mutation(exchange);
        return;
    }
    if (status == QUIRE_OK && call->outcome.operation == QUIRE_OPERATION_SUBSCRIPTION &&
        call->outcome.status == QUIRE_NOT_SUPPORTED && exchange->subscribe != NULL) {
        continue_as_subscription(exchange);
        return;
    }
    if (!exchange->suspended && call->outcome.status == QUIRE_INTERRUPTED) {
        pace_note(&exchange->server->pace, call->pace_key, HERE_MAX_US);
        forget(call);
        exchange_run(exchange, PLACE_READ, run_request);
        return;
    }
    if (status == QUIRE_OK) {
        reply(exchange);
    } else {
        exchange_fail(exchange, &err);
    }
    note_time(exchange);
    exchange_done(exchange);
}

void graphql_run(struct exchange *exchange)
{
    exchange_run(exchange, PLACE_READ, run_request);
}

void graphql_start(struct exchange *exchange)
{
    bool get = strcmp(exchange->method, MHD_HTTP_METHOD_GET) == 0;
    if (websocket_is_asked(exchange)) { /* first: its token may come later */
        websocket_start(exchange);
        return;
    }
    if (get && MHD_lookup_connection_value_n(exchange->http, MHD_GET_ARGUMENT_KIND, "sdl", 3, NULL,
                                             NULL) == MHD_YES) {
        schema_sdl_start(exchange);
        return;
    }
    if (reservation_is_asked(exchange)) {
        reservation_start(exchange);
        return;
    }
    if (exchange->media == MEDIA_NONE) {
        exchange_refuse(exchange, MHD_HTTP_NOT_ACCEPTABLE, OUTCOME_REFUSED, "BAD_INPUT",
                        "Responses are application/graphql-response+json or application/json.");
        return;
    }
    if (!graphql_read_parameters(exchange) || !graphql_admit(exchange) ||
        !documents_resolve(exchange) || !sse_read_position(exchange)) {
        return;
    }
    struct graphql_call *call = exchange->call;
    call->pace_key = pace_key(call->document, call->document_size, call->operation_name);
    if (pace_is_quick(&exchange->server->pace, call->pace_key)) {
        run_request(exchange);
    } else {
        graphql_run(exchange);
    }
}
