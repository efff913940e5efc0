/*
 * Server-sent events: responses of /graphql for clients that accept
 * text/event-stream, as the protocol GraphQL over Server-Sent Events has them in
 * its mode of distinct connections.
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

/* The exchange is about to be freed: nothing touches it, or its connection, when this returns. */
void sse_end(struct sse *sse);

#endif
