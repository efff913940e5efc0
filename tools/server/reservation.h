/*
 * Reserved streams: the single connection mode of GraphQL over Server-Sent Events. A
 * client reserves a stream (PUT, which gives it a token), opens it (GET), runs requests
 * whose results come over it (POST, with an operationId) and ends them (DELETE); all with
 * the token, and as the caller who made the reservation.
 */
#ifndef QUIRE_SERVER_RESERVATION_H
#define QUIRE_SERVER_RESERVATION_H

#include "server.h"

/* Whether a PUT or DELETE can be about one: the first has no content, the second a token. Other
 * methods can. */
bool reservation_takes_method(const struct exchange *exchange);
/* Whether the request is about a reservation. */
bool reservation_is_asked(const struct exchange *exchange);
/* Replies to it. On its I/O thread. */
void reservation_start(struct exchange *exchange);

#endif
