/*
 * Server-sent events: responses of /graphql for clients that accept
 * text/event-stream, as the protocol GraphQL over Server-Sent Events has them: one
 * of a request of its own here, those of a reserved stream in reservation.c.
 */
#ifndef QUIRE_SERVER_SSE_H
#define QUIRE_SERVER_SSE_H

#include "server.h"

/* Reads Last-Event-ID: where the client goes on, instead of extensions.resume, which a client that
 * comes back by itself sends as it was. False after refusing the request. */
bool sse_read_position(struct exchange *exchange);

/* Replies with the body as one event, and the end. Any thread that has the exchange. */
void sse_reply(struct exchange *exchange, enum outcome outcome, const char *body, size_t size);

/* The document is a subscription: replies with its events. On the worker that has the exchange. */
void sse_subscribe(struct exchange *exchange);

/* ---- Streams ---- */

/* What fills a stream; embedded. */
struct sse_source {
    struct gate
        *gate; /* what was put in and not sent waits behind it; NULL: it is not counted here */
    /* All that was put in has been sent. On the I/O thread; once after each time that something was
     * put in, and once at first. */
    void (*want)(struct sse_source *source);
    /* Nothing waits to be sent, and nothing was sent for so long: appends what is to be sent now. A
     * few times a second; in the loop's thread, with the stream's lock. */
    void (*idle)(struct sse_source *source, struct buffer *out, uint64_t quiet_ms);
    /* The stream is over. On any thread, once, the last call; sse_let_go follows. */
    void (*over)(struct sse_source *source);
};

/* Replies with a stream; NULL after replying that it cannot be. The thread that has the exchange,
 * which it still has to give back. */
struct sse *sse_open(struct exchange *exchange, struct sse_source *source);
/* Puts text in; what is put into a stream that is over is dropped. Any thread. */
void sse_put(struct sse *sse, const struct buffer *text);
/* Nothing follows. Any thread. */
void sse_finish(struct sse *sse, enum outcome outcome);
/* Ends the connection at once: too much waits. Any thread. */
void sse_cut(struct sse *sse);
/* Bytes that have been put in and not been sent. Any thread. */
size_t sse_unsent(struct sse *sse);
/* The source has no use for it any more. */
void sse_let_go(struct sse *sse);

/* The exchange is over: nothing touches it, or its connection, once this returns. NULL: no-op. */
void sse_end(struct sse *sse);

#endif
