/*
 * The life of an exchange, for the callbacks of the HTTP library.
 */
#ifndef QUIRE_SERVER_EXCHANGE_H
#define QUIRE_SERVER_EXCHANGE_H

#include "server.h"

/* NULL without memory. */
struct exchange *exchange_create(struct server *server, struct MHD_Connection *http,
                                 const char *path, const char *method);
/* The same for a request that comes otherwise: within what the caller has zeroed and allocated, of
 * which it is the first member. */
void exchange_init(struct server *server, struct exchange *exchange, const char *method);
/* Counts and logs an exchange that has ended. */
void exchange_count(struct exchange *exchange);
void exchange_free(struct exchange *exchange);

/* Whether the body of an exchange that has got its reply already may be read and dropped. */
bool exchange_may_drop(const struct exchange *exchange);

/* Takes the next bytes of the body: keeps them, or drops them when they are too many, cannot be
 * kept, or the request is refused. False when they are too many to be dropped: the connection is to
 * be closed. */
bool exchange_take(struct exchange *exchange, const char *bytes, size_t size);

/* Suspends the connection, on its I/O thread; false when the server is about to end, which must
 * find none suspended. */
bool exchange_suspend(struct exchange *exchange);
/* Lets the I/O thread have it again. From then on the exchange is its. */
void exchange_resume(struct exchange *exchange);

/* Hands the reply to the HTTP library, with the headers that every reply has. */
enum MHD_Result exchange_send(struct exchange *exchange);

#endif
