/*
 * Places between two events of a subscription, as clients keep them:
 * "EPOCH:COMMIT:SEEN", the numbers of a quire_subscription_position, the first of them
 * in hexadecimal digits. Ids of server-sent events, `extensions.place` of events,
 * `extensions.resume` of requests.
 */
#ifndef QUIRE_SERVER_PLACE_H
#define QUIRE_SERVER_PLACE_H

#include "buffer.h"
#include "quire/quire.h"

/* A place that has moved without an event is told when nothing else was told for so long. */
#define PLACE_MS 2000U

void place_put(struct buffer *out, const quire_subscription_position *place);

/* False when the text is none. */
bool place_read(const char *text, size_t size, quire_subscription_position *place);

/* Appends an event's response, with its place among the response's extensions; `extended`: it may
 * have some already. */
void place_put_event(struct buffer *out, const quire_subscription_event *event, bool extended);

#endif
