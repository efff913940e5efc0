/*
 * The open connections, and their deadlines: headers that do not come, bodies
 * that trickle, replies that nobody reads.
 */
#ifndef QUIRE_SERVER_CONNECTIONS_H
#define QUIRE_SERVER_CONNECTIONS_H

#include "server.h"

struct sweeper;

/* Starts the thread that closes what is overdue; NULL without memory or thread. */
struct sweeper *sweeper_start(struct metrics *metrics);
/* Ends it. Every connection is gone by then. NULL is a no-op. */
void sweeper_stop(struct sweeper *sweeper);

/* A connection that began; NULL without memory. */
struct connection *connection_add(struct sweeper *sweeper, int socket);
/* It is about to be closed. */
void connection_remove(struct sweeper *sweeper, struct connection *connection);

/* What the connection does now must have ended in so long; 0 = as long as it takes. */
void connection_allow(struct connection *connection, uint64_t ms);

#endif
