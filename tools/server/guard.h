/*
 * What is checked of every request before its body is read.
 */
#ifndef QUIRE_SERVER_GUARD_H
#define QUIRE_SERVER_GUARD_H

#include "server.h"

/*
 * Looks at the request line and the headers, finds the route, names the
 * request. False when the exchange has got its reply: refused, or a CORS
 * preflight answered. In this order: what could be read in two ways (400), too
 * many headers (431), Host (421), Origin (403), path (404), method (405), token
 * (401, 403), Accept (406), Content-Type (415), size (413).
 */
bool guard_check(struct exchange *exchange, const char *version);

/* Whether a Host header names this server: the loopback, an address, or a name that is allowed. */
bool guard_host_allowed(const char *host, char *const *allowed);

#endif
