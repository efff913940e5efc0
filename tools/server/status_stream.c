/*
 * The status, sent again and again:
 *
 *     I/O thread    sends what is in `out`, then suspends its connection
 *     loop          gives the job when the next one is due; sees the client leave
 *     worker        writes the status to `out`, resumes the connection
 *
 * A client that reads slowly gets it less often. A stream is held by its exchange,
 * by the loop and by its job, and freed by the last. What they share is under its
 * mutex, and so is each call for the connection, which is gone with the exchange.
 */
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "connections.h"
#include "exchange.h"
#include "loop.h"
#include "status.h"

#define BLOCK_SIZE ((size_t)32 * 1024)

struct status_stream {
    struct watch watch; /* of the loop; first */
    struct job job;
    struct server *server;
    pthread_mutex_t mutex; /* guards what follows */
    unsigned holders;
    struct exchange *exchange; /* NULL: gone */
    struct buffer out;
    size_t sent;      /* of out */
    bool suspended;   /* the connection waits for more */
    bool busy;        /* the job is given */
    bool ended;       /* the client has left, its token has expired, the server stops, or the status
                       * could not be made */
    uint64_t made_ms; /* when it was made last */
};

/* ---- Life ---- */

static void let_go(struct status_stream *stream)
{
    pthread_mutex_lock(&stream->mutex);
    bool last = --stream->holders == 0;
    pthread_mutex_unlock(&stream->mutex);
    if (last) {
        pthread_mutex_destroy(&stream->mutex);
        buffer_free(&stream->out);
        free(stream);
    }
}

static void on_left(struct watch *watch)
{
    let_go((struct status_stream *)watch);
}

void status_stream_end(struct status_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    pthread_mutex_lock(&stream->mutex);
    stream->exchange = NULL;
    stream->suspended = false;
    pthread_mutex_unlock(&stream->mutex);
    loop_forget(&stream->watch);
    let_go(stream);
}

/* ---- Sending ---- */

/* Lets the I/O thread look again. With the lock. */
static void resume(struct status_stream *stream)
{
    if (stream->suspended && stream->exchange != NULL) {
        stream->suspended = false;
        connection_allow(stream->exchange->connection,
                         exchange_send_ms(stream->exchange, stream->out.size - stream->sent));
        exchange_resume(stream->exchange);
    }
}

/* What the HTTP library asks for more. */
static ssize_t on_read(void *context, uint64_t position, char *out, size_t room)
{
    struct status_stream *stream = context;
    ssize_t result = 0;
    (void)position;
    pthread_mutex_lock(&stream->mutex);
    size_t size = stream->out.size - stream->sent;
    if (stream->out.failed) {
        result = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (stream->ended) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else if (size > 0) {
        size = size < room ? size : room;
        memcpy(out, stream->out.bytes + stream->sent, size);
        stream->sent += size;
        stream->exchange->reply_bytes += size;
        result = (ssize_t)size;
    } else if (exchange_suspend(stream->exchange)) {
        buffer_free(&stream->out);
        stream->sent = 0;
        stream->suspended = true;
    } else {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    }
    pthread_mutex_unlock(&stream->mutex);
    return result;
}

/* Writes the status as an event. */
static bool put_event(struct status_stream *stream, struct buffer *out)
{
    quire_error err = QUIRE_ERROR_INIT;
    buffer_puts(out, "event: status\ndata: ");
    bool good = status_put(stream->server->status, out, &err) == QUIRE_OK;
    buffer_puts(out, "\n\n");
    return good && !out->failed;
}

static void run_job(struct job *job)
{
    struct status_stream *stream =
        (struct status_stream *)(void *)((char *)job - offsetof(struct status_stream, job));
    struct buffer out = {0};
    bool good = put_event(stream, &out);
    pthread_mutex_lock(&stream->mutex);
    stream->busy = false;
    if (stream->exchange != NULL && good && !stream->ended) {
        stream->out = out;
        out = (struct buffer){0};
    } else {
        stream->ended = true;
    }
    resume(stream);
    pthread_mutex_unlock(&stream->mutex);
    buffer_free(&out);
    let_go(stream);
}

/* The client has left, or has said that it will send nothing more, which is the same. */
static void on_ready(struct watch *watch, uint32_t events)
{
    struct status_stream *stream = (struct status_stream *)watch;
    (void)events;
    pthread_mutex_lock(&stream->mutex);
    if (stream->exchange != NULL) {  /* else its socket may be another's by now */
        loop_events(watch, EPOLLET); /* once is enough */
    }
    stream->ended = true;
    resume(stream);
    pthread_mutex_unlock(&stream->mutex);
}

static void on_tick(struct watch *watch, uint64_t now_ms)
{
    struct status_stream *stream = (struct status_stream *)watch;
    pthread_mutex_lock(&stream->mutex);
    bool over =
        atomic_load(&stream->server->draining) ||
        (stream->exchange != NULL && identity_has_expired(&stream->exchange->identity, now_ms));
    if (over) {
        stream->ended = true;
        resume(stream);
    } else if (stream->suspended && !stream->busy && now_ms >= stream->made_ms + STATUS_MS) {
        stream->made_ms = now_ms;
        stream->holders++;
        stream->busy = true;
        if (!workers_give(stream->server->workers[PLACE_READ], &stream->job)) {
            stream->holders--; /* requests come first; a later tick tries again */
            stream->busy = false;
        }
    }
    pthread_mutex_unlock(&stream->mutex);
}

/* ---- The reply ---- */

static struct status_stream *create(struct exchange *exchange)
{
    struct status_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return NULL;
    }
    pthread_mutex_init(&stream->mutex, NULL);
    stream->server = exchange->server;
    stream->exchange = exchange;
    stream->holders = 2;
    stream->job.run = run_job;
    stream->made_ms = clock_ms();
    stream->watch = (struct watch){.socket = exchange->connection->socket,
                                   .events = EPOLLRDHUP | EPOLLET,
                                   .ready = on_ready,
                                   .tick = on_tick,
                                   .left = on_left};
    if (!put_event(stream, &stream->out)) {
        stream->holders = 1;
        let_go(stream);
        return NULL;
    }
    return stream;
}

void status_stream(struct exchange *exchange)
{
    struct status_stream *stream = exchange->connection != NULL ? create(exchange) : NULL;
    struct MHD_Response *response =
        stream == NULL ? NULL
                       : MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, on_read,
                                                           stream, NULL);
    if (response == NULL || !loop_watch(exchange->server->loop, &stream->watch)) {
        if (response != NULL) {
            MHD_destroy_response(response);
        }
        if (stream != NULL) {
            stream->holders = 1;
            let_go(stream);
        }
        exchange_refuse(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, OUTCOME_FAILED, "IO",
                        "The status could not be read.");
    } else {
        exchange->status_stream = stream;
        exchange_respond(exchange, MHD_HTTP_OK, OUTCOME_OK, response, 0);
        exchange_header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream; charset=utf-8");
        exchange_header(exchange, "X-Accel-Buffering", "no");
    }
    exchange_done(exchange);
}
