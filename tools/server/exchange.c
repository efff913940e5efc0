/*
 * Exchanges: bodies, replies, and the way from I/O thread to worker and back.
 */
#include "exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth.h"
#include "connections.h"
#include "graphql_call.h"
#include "log.h"

/* A body that is too large is read and dropped up to so many times its limit, so that the client
 * gets to read why; beyond that the connection is closed. */
#define DROP_TIMES 4U
/* A spooled body is in memory up to so many bytes. */
#define SPOOL_FROM ((size_t)256 * 1024)
/* Slowest rate at which bodies and replies may pass, in bytes a millisecond. */
#define RATE_MIN 8U

/* ---- Life ---- */

void exchange_init(struct server *server, struct exchange *exchange, const char *method)
{
    exchange->server = server;
    exchange->spool = -1;
    exchange->identity.name = "";
    exchange->started_us = clock_us();
    snprintf(exchange->method, sizeof exchange->method, "%s", method);
    atomic_fetch_add(&server->metrics.exchanges_open, 1);
}

struct exchange *exchange_create(struct server *server, struct MHD_Connection *http,
                                 const char *path, const char *method)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        return NULL;
    }
    exchange_init(server, exchange, method);
    exchange->http = http;
    exchange->connection = info != NULL ? info->socket_context : NULL;
    exchange->path = path;
    return exchange;
}

void exchange_count(struct exchange *exchange)
{
    uint64_t took_us = clock_us() - exchange->started_us;
    metrics_count(&exchange->server->metrics, exchange, took_us);
    log_request(exchange->server->log, exchange, took_us);
}

void exchange_free(struct exchange *exchange)
{
    struct server *server = exchange->server;
    if (exchange->response != NULL) {
        MHD_destroy_response(exchange->response);
    }
    if (exchange->spool >= 0) {
        close(exchange->spool);
    }
    free(exchange->text);
    identity_free(&exchange->identity);
    graphql_call_free(exchange->call);
    buffer_free(&exchange->body);
    free(exchange);
    atomic_fetch_sub(&server->metrics.exchanges_open, 1);
}

const char *exchange_get(const struct exchange *exchange, const char *header)
{
    return exchange->http != NULL
               ? MHD_lookup_connection_value(exchange->http, MHD_HEADER_KIND, header)
               : NULL;
}

/* ---- Bodies ---- */

static bool write_all(int file, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t wrote = write(file, bytes, size);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return false;
        }
        bytes += wrote;
        size -= (size_t)wrote;
    }
    return true;
}

/* Opens a file that has no name and goes away with the exchange. */
static int open_spool(const char *directory)
{
    return open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
}

static bool keep(struct exchange *exchange, const char *bytes, size_t size)
{
    struct buffer *body = &exchange->body;
    if (exchange->spool < 0 && exchange->route->spools && body->size + size > SPOOL_FROM) {
        exchange->spool = open_spool(exchange->server->options->scratch);
        if (exchange->spool < 0 || !write_all(exchange->spool, body->bytes, body->size)) {
            return false;
        }
        buffer_free(body);
    }
    if (exchange->spool >= 0) {
        return write_all(exchange->spool, bytes, size);
    }
    buffer_put(body, bytes, size);
    return !body->failed;
}

/* Replies that the body could not be kept; the rest of it is dropped. */
static void lose_body(struct exchange *exchange, int why)
{
    quire_error err = QUIRE_ERROR_INIT;
    bool full = why == ENOSPC || why == EDQUOT;
    err.status = exchange->body.failed ? QUIRE_NO_MEMORY : full ? QUIRE_NO_SPACE : QUIRE_IO;
    err.os_errno = why;
    snprintf(err.message, sizeof err.message, "keeping the body of a request in %s: %s",
             exchange->server->options->scratch, strerror(why));
    exchange->body_lost = true;
    buffer_free(&exchange->body);
    exchange_fail(exchange, &err);
}

/* How much of a refused body is read. */
static uint64_t drop_max(const struct exchange *exchange)
{
    return (uint64_t)exchange->server->options->body_bytes_max * DROP_TIMES;
}

bool exchange_may_drop(const struct exchange *exchange)
{
    const char *length = exchange_get(exchange, MHD_HTTP_HEADER_CONTENT_LENGTH);
    const char *encoding = exchange_get(exchange, MHD_HTTP_HEADER_TRANSFER_ENCODING);
    return !exchange->close && exchange_get(exchange, MHD_HTTP_HEADER_EXPECT) == NULL &&
           (length != NULL ? strtoull(length, NULL, 10) <= drop_max(exchange) : encoding != NULL);
}

bool exchange_take(struct exchange *exchange, const char *bytes, size_t size)
{
    uint64_t max = exchange_body_max(exchange);
    uint64_t took_ms = (clock_us() - exchange->started_us) / 1000;
    exchange->body_bytes += size;
    uint64_t may_take_ms =
        (uint64_t)exchange->server->options->header_ms + exchange->body_bytes / RATE_MIN;
    connection_allow(exchange->connection, may_take_ms > took_ms ? may_take_ms - took_ms : 1);
    if (exchange->refused) {
        return exchange->body_bytes <= drop_max(exchange);
    }
    if (exchange->body_bytes > max) {
        exchange->body_too_large = true;
        buffer_free(&exchange->body);
        return exchange->body_bytes <= (max + 4096) * DROP_TIMES;
    }
    if (!exchange->body_lost && !keep(exchange, bytes, size)) {
        lose_body(exchange, exchange->body.failed ? ENOMEM : errno);
    }
    return true;
}

long exchange_read_body(const struct exchange *exchange, uint64_t offset, void *out, size_t size)
{
    if (exchange->spool >= 0) {
        ssize_t got;
        do {
            got = pread(exchange->spool, out, size, (off_t)offset);
        } while (got < 0 && errno == EINTR);
        return got;
    }
    if (offset >= exchange->body.size) {
        return 0;
    }
    size_t left = exchange->body.size - (size_t)offset;
    size_t count = size < left ? size : left;
    memcpy(out, exchange->body.bytes + offset, count);
    return (long)count;
}

/* ---- Replies ---- */

void exchange_header(struct exchange *exchange, const char *name, const char *value)
{
    if (exchange->response != NULL) {
        (void)MHD_add_response_header(exchange->response, name, value);
    }
}

void exchange_respond(struct exchange *exchange, unsigned status, enum outcome outcome,
                      struct MHD_Response *response, uint64_t size)
{
    if (exchange->response != NULL) {
        MHD_destroy_response(exchange->response);
    }
    free(exchange->text);
    exchange->text = NULL;
    exchange->response = response;
    exchange->status = status;
    exchange->outcome = outcome;
    exchange->reply_bytes = size;
    exchange->retry_s = status == MHD_HTTP_SERVICE_UNAVAILABLE ? 1 : 0; /* unless it is known */
}

void exchange_reply(struct exchange *exchange, unsigned status, enum outcome outcome,
                    const char *content_type, char *body, size_t size)
{
    if (exchange->replied != NULL) {
        exchange_respond(exchange, status, outcome, NULL, size);
        exchange->text = body;
        exchange->text_size = size;
        return;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, body, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(body);
    }
    exchange_respond(exchange, status, outcome, response, size);
    exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
}

void exchange_reply_buffer(struct exchange *exchange, unsigned status, const char *content_type,
                           struct buffer *body)
{
    if (body->failed) {
        buffer_free(body);
        exchange_respond(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, OUTCOME_FAILED, NULL, 0);
        return;
    }
    enum outcome outcome = status < 400   ? OUTCOME_OK
                           : status < 500 ? OUTCOME_REFUSED
                                          : OUTCOME_FAILED;
    exchange_reply(exchange, status, outcome, content_type, body->bytes, body->size);
    *body = (struct buffer){0};
}

void exchange_refuse(struct exchange *exchange, unsigned status, enum outcome outcome,
                     const char *code, const char *format, ...)
{
    char text[512];
    struct buffer body = {0};
    bool graphql = exchange->route != NULL && exchange->route->graphql;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_puts(&body, graphql ? "{\"errors\":[{\"message\":" : "{\"success\":false,\"error\":");
    buffer_put_json(&body, text, strlen(text));
    if (graphql) {
        buffer_printf(&body, ",\"extensions\":{\"code\":\"%s\"}}]}", code);
    } else {
        buffer_printf(&body, ",\"code\":\"%s\"}", code);
    }
    exchange_reply_buffer(exchange, status,
                          graphql ? media_type_text(exchange->media) : media_type_text(MEDIA_JSON),
                          &body);
    exchange->outcome = outcome;
}

void exchange_refuse_size(struct exchange *exchange)
{
    exchange_refuse(exchange, MHD_HTTP_CONTENT_TOO_LARGE, OUTCOME_LIMIT, "LIMIT",
                    "The body may have at most %llu bytes.",
                    (unsigned long long)exchange_body_max(exchange));
}

/* Whether a client may see what the message says: it is about what the client sent. */
static bool is_clients_business(quire_status status)
{
    int group = (int)status / 100;
    return group == 1 || group == 2 || group == 3 || group == 7 || status == QUIRE_LIMIT;
}

void exchange_fail(struct exchange *exchange, const quire_error *err)
{
    const char *code = quire_status_name(err->status) + sizeof "QUIRE_" - 1;
    const char *message =
        err->message[0] != '\0' ? err->message : quire_status_message(err->status);
    int group = (int)err->status / 100;
    /* Of a failure of input, the client's own name of it; of others, a path of this machine. */
    const char *file = group == 2 || group == 7 ? err->file : "";
    const char *colon = file[0] != '\0' ? ": " : "";
    if (!is_clients_business(err->status)) {
        log_failure(exchange->server->log, exchange, err);
        exchange_refuse(exchange,
                        err->status == QUIRE_NO_SPACE ? MHD_HTTP_INSUFFICIENT_STORAGE
                                                      : MHD_HTTP_INTERNAL_SERVER_ERROR,
                        OUTCOME_FAILED, code,
                        "The request failed inside the server; its log says more under %s.",
                        exchange->request_id);
    } else if (err->status == QUIRE_INTERRUPTED || err->status == QUIRE_TIMEOUT ||
               err->status == QUIRE_BUSY || err->status == QUIRE_SNAPSHOT_TOO_OLD) {
        exchange_refuse(exchange, MHD_HTTP_SERVICE_UNAVAILABLE,
                        err->status == QUIRE_TIMEOUT       ? OUTCOME_TIMEOUT
                        : err->status == QUIRE_INTERRUPTED ? OUTCOME_CANCELLED
                                                           : OUTCOME_BUSY,
                        code, "%s", message);
    } else if (err->line != 0 && strstr(message, "line ") == NULL) {
        exchange_refuse(exchange, MHD_HTTP_BAD_REQUEST, OUTCOME_REFUSED, code,
                        "%s%s%s (line %u, column %u)", file, colon, message, err->line,
                        err->column);
    } else {
        exchange_refuse(exchange, MHD_HTTP_BAD_REQUEST, OUTCOME_REFUSED, code, "%s%s%s", file,
                        colon, message);
    }
}

static void add_common_headers(struct exchange *exchange)
{
    char retry_s[24];
    if (exchange->retry_s > 0) {
        snprintf(retry_s, sizeof retry_s, "%llu", (unsigned long long)exchange->retry_s);
        exchange_header(exchange, MHD_HTTP_HEADER_RETRY_AFTER, retry_s);
    }
    exchange_header(exchange, MHD_HTTP_HEADER_CACHE_CONTROL,
                    exchange->caching != NULL ? exchange->caching : "no-store");
    exchange_header(exchange, "X-Content-Type-Options", "nosniff");
    exchange_header(exchange, "X-Request-Id", exchange->request_id);
    if (exchange->traceparent[0] != '\0') {
        exchange_header(exchange, "traceparent", exchange->traceparent);
    }
    if (exchange->server->options->allowed_origins != NULL) {
        exchange_header(exchange, MHD_HTTP_HEADER_VARY, "Origin");
    }
    if (exchange->origin != NULL) {
        exchange_header(exchange, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, exchange->origin);
        exchange_header(exchange, "Access-Control-Expose-Headers", "X-Request-Id, traceparent");
    }
    if (exchange->close || atomic_load(&exchange->server->draining)) {
        exchange_header(exchange, MHD_HTTP_HEADER_CONNECTION, "close");
    }
}

uint64_t exchange_send_ms(const struct exchange *exchange, uint64_t size)
{
    return (uint64_t)exchange->server->options->idle_ms + size / RATE_MIN;
}

enum MHD_Result exchange_send(struct exchange *exchange)
{
    if (exchange->response == NULL) {
        return MHD_NO;
    }
    add_common_headers(exchange);
    connection_allow(exchange->connection, exchange_send_ms(exchange, exchange->reply_bytes));
    return MHD_queue_response(exchange->http, exchange->status, exchange->response);
}

/* ---- Jobs ---- */

bool exchange_suspend(struct exchange *exchange)
{
    struct server *server = exchange->server;
    /* Counted first: server_stop sees the count, or its order to stop is seen here. */
    atomic_fetch_add(&server->metrics.suspended, 1);
    if (atomic_load(&server->stopping)) {
        atomic_fetch_sub(&server->metrics.suspended, 1);
        return false;
    }
    connection_allow(exchange->connection, 0);
    MHD_suspend_connection(exchange->http);
    return true;
}

void exchange_resume(struct exchange *exchange)
{
    struct server *server = exchange->server;
    MHD_resume_connection(exchange->http);
    atomic_fetch_sub(&server->metrics.suspended, 1);
}

bool exchange_given_up(const struct exchange *exchange)
{
    return atomic_load_explicit(&exchange->server->stopping, memory_order_relaxed) ||
           atomic_load_explicit(&exchange->given_up, memory_order_relaxed);
}

bool exchange_cancelled(const struct exchange *exchange)
{
    if (exchange_given_up(exchange)) {
        return true;
    }
    if (exchange->connection == NULL) {
        return false;
    }
    struct pollfd client = {.fd = exchange->connection->socket, .events = POLLRDHUP};
    return poll(&client, 1, 0) > 0 &&
           (client.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

static void refuse_busy(struct exchange *exchange)
{
    exchange_refuse(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, OUTCOME_BUSY, "BUSY",
                    "Too many requests wait already; try again.");
}

void exchange_done(struct exchange *exchange)
{
    if (exchange->replied != NULL) {
        exchange->replied(exchange);
    } else if (exchange->suspended) {
        exchange_resume(exchange);
    }
}

/* What a worker calls: the exchange behind a job, unless nobody waits for its reply any more. */
static void run_job(struct job *job)
{
    struct exchange *exchange = (struct exchange *)job;
    uint64_t waited_ms = (clock_us() - exchange->started_us) / 1000;
    if (exchange_cancelled(exchange)) {
        exchange_refuse(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, OUTCOME_CANCELLED, "INTERRUPTED",
                        "The request was given up before it began.");
        exchange_done(exchange);
    } else if (!exchange->route->spools &&
               waited_ms > (uint64_t)exchange->server->options->time_ms) {
        exchange_refuse(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, OUTCOME_TIMEOUT, "TIMEOUT",
                        "The request's time was up before it began.");
        exchange_done(exchange);
    } else {
        exchange->run(exchange);
    }
}

void exchange_run(struct exchange *exchange, enum place place,
                  void (*run)(struct exchange *exchange))
{
    exchange->job.run = run_job;
    exchange->run = run;
    if (!exchange->suspended) { /* its I/O thread still looks at that when a worker gives it on */
        if (!exchange_suspend(exchange)) {
            refuse_busy(exchange);
            return;
        }
        exchange->suspended = true;
    }
    if (!workers_give(exchange->server->workers[place], &exchange->job)) {
        refuse_busy(exchange);
        exchange_done(exchange);
    }
}

/* ---- Commits ---- */

static void commit_known(void *context, uint64_t sequence, quire_status status,
                         const quire_error *error)
{
    struct exchange *exchange = context;
    struct server *server = exchange->server;
    (void)sequence;
    exchange->committed(exchange, status == QUIRE_OK ? NULL : error);
    /* Last: the server waits for it before the connections may go. */
    atomic_fetch_sub(&server->metrics.commits_waiting, 1);
}

void exchange_commit(struct exchange *exchange, quire_txn *txn,
                     void (*known)(struct exchange *exchange, const quire_error *failure))
{
    quire_error err = QUIRE_ERROR_INIT;
    struct server *server = exchange->server;
    exchange->committed = known;
    atomic_fetch_add(&server->metrics.commits_waiting, 1);
    if (quire_commit_async(txn, commit_known, exchange, &err) != QUIRE_OK) {
        known(exchange, &err);
        atomic_fetch_sub(&server->metrics.commits_waiting, 1);
    }
}
