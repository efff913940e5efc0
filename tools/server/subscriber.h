/*
 * A subscription whose events go to a client as fast as the client takes them.
 *
 * No thread waits for it: a commit wakes it, a worker takes one event and tells
 * it. The next one is taken when the client has the last: what it does not take
 * stays in the window of the feed, not in the memory of the server.
 */
#ifndef QUIRE_SERVER_SUBSCRIBER_H
#define QUIRE_SERVER_SUBSCRIBER_H

#include <pthread.h>

#include "gate.h"
#include "quire/quire.h"
#include "workers.h"

struct subscriber {
    struct job job; /* first */
    struct workers *workers;
    quire_subscription *subscription;
    struct gate *gate; /* that an event passes before it is made, set by the caller; or NULL */
    struct gate_pass pass;
    pthread_mutex_t mutex; /* guards what follows */
    bool wanted;           /* the client takes an event */
    bool again;            /* there may be one that the worker has not seen */
    bool busy;             /* a worker has it, or will */
    bool ended;            /* the subscription has */
    bool closing;
    quire_subscription_position where; /* after the last take */
    bool moved;                        /* without an event, since it was asked for */

    /* Called on a worker: the event, or, last, why there are no more (`end`). Leaves the gate. */
    void (*told)(struct subscriber *subscriber, const quire_subscription_event *event,
                 const quire_error *end);
    /* Called once after the close, on a worker: nothing uses the subscriber any more. */
    void (*gone)(struct subscriber *subscriber);
};

/*
 * Begins, behind `from` unless it is NULL. `workers` take its jobs without limit
 * of their number. `told` and `gone` are set by the caller. It may wait for the
 * writer's lock. On failure, or with a *response (quire_subscribe), nothing is to
 * be closed.
 */
quire_status subscriber_open(struct subscriber *subscriber, struct workers *workers, quire_db *db,
                             const quire_graphql_request *request,
                             const quire_subscription_position *from, char **response,
                             size_t *response_size, quire_error *err);

/* The client takes one event. Any thread, until the close. */
void subscriber_want(struct subscriber *subscriber);

/* Whether its place has moved without an event since this was asked last; it is behind all that was
 * told. Any thread, until the close. */
bool subscriber_has_moved(struct subscriber *subscriber, quire_subscription_position *where);

/* Ends it; `told` may be running, and `gone` follows, perhaps before this returns: where there is a
 * gate the memory stays until then. Any thread, once. */
void subscriber_close(struct subscriber *subscriber);

#endif
