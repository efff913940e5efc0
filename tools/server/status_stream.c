/*
 * The status, sent again and again:
 *
 *     loop          gives the job when the next one is due
 *     worker        puts the status into the stream
 *
 * A client that reads slowly gets it less often: what was sent last must be out. It is
 * held by its stream and by its job, and freed by the last.
 */
#include <stddef.h>
#include <stdlib.h>

#include "exchange.h"
#include "sse.h"
#include "status.h"

struct status_stream {
    struct sse_source source; /* first */
    struct job job;
    struct server *server;
    struct sse *sse;
    _Atomic unsigned holders;
    _Atomic bool busy; /* the job is given */
};

static void let_go(struct status_stream *stream)
{
    if (atomic_fetch_sub(&stream->holders, 1) == 1) {
        if (stream->sse != NULL) {
            sse_let_go(stream->sse);
        }
        free(stream);
    }
}

/* Writes the status as an event. */
static quire_status put_event(const struct server *server, struct buffer *out, quire_error *err)
{
    buffer_puts(out, "event: status\ndata: ");
    quire_status status = status_put(server->status, out, err);
    buffer_puts(out, "\n\n");
    return status;
}

static void run_job(struct job *job)
{
    struct status_stream *stream =
        (struct status_stream *)(void *)((char *)job - offsetof(struct status_stream, job));
    struct buffer out = {0};
    if (put_event(stream->server, &out, NULL) == QUIRE_OK) {
        sse_put(stream->sse, &out);
    } else {
        sse_finish(stream->sse, OUTCOME_FAILED);
    }
    buffer_free(&out);
    atomic_store(&stream->busy, false);
    let_go(stream);
}

/* ---- The stream's source ---- */

static void on_want(struct sse_source *source)
{
    (void)source; /* the next one waits for its time */
}

static void on_idle(struct sse_source *source, struct buffer *out, uint64_t quiet_ms)
{
    struct status_stream *stream = (struct status_stream *)source;
    (void)out;
    if (quiet_ms < STATUS_MS || atomic_exchange(&stream->busy, true)) {
        return;
    }
    atomic_fetch_add(&stream->holders, 1);
    if (!workers_give(stream->server->workers[PLACE_READ], &stream->job)) {
        atomic_fetch_sub(&stream->holders, 1); /* requests come first; a later tick tries again */
        atomic_store(&stream->busy, false);
    }
}

static void on_over(struct sse_source *source)
{
    let_go((struct status_stream *)source);
}

/* Replies with the stream, which begins with the status. */
static void open_stream(struct exchange *exchange, const struct buffer *first)
{
    struct status_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        exchange_respond(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, OUTCOME_FAILED, NULL, 0);
        return;
    }
    stream->source = (struct sse_source){.want = on_want, .idle = on_idle, .over = on_over};
    stream->job.run = run_job;
    stream->server = exchange->server;
    atomic_init(&stream->holders, 1);
    stream->sse = sse_open(exchange, &stream->source);
    if (stream->sse == NULL) {
        let_go(stream);
        return;
    }
    sse_put(stream->sse, first);
}

void status_stream(struct exchange *exchange)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct buffer first = {0};
    if (put_event(exchange->server, &first, &err) == QUIRE_OK) {
        open_stream(exchange, &first);
    } else {
        exchange_fail(exchange, &err);
    }
    buffer_free(&first);
    exchange_done(exchange);
}
