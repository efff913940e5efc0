/*
 * What the status page shows: tables and indexes, cache, log, requests,
 * connections, slow requests; for administrators.
 */
#ifndef QUIRE_SERVER_STATUS_H
#define QUIRE_SERVER_STATUS_H

#include "server.h"

struct status;

/* NULL without memory. */
struct status *status_create(struct server *server);
/* When no exchange is left. NULL is a no-op. */
void status_free(struct status *status);

/*
 * Appends the status as JSON, at most STATUS_MS old: however many ask, the
 * database is looked at no more often. Any thread of PLACE_READ.
 */
#define STATUS_MS 1000U
quire_status status_put(struct status *status, struct buffer *out, quire_error *err);

/* GET /admin/status: the status, or, for clients that accept text/event-stream, a stream of it. */
void status_start(struct exchange *exchange);

/* POST /admin/sizes: what tables and indexes take. Reads every page. */
void status_sizes_start(struct exchange *exchange);

/* The stream of /admin/status, on the worker that has the exchange: status_stream.c. */
void status_stream(struct exchange *exchange);

#endif
