/*
 * A deadline belongs to what the connection is doing, not to its last byte: one
 * byte now and then does not extend it. The sweeper looks at all of them ten
 * times a second and shuts the sockets of those that are late down; their I/O
 * thread sees that as a client that left. A socket is closed only after it has
 * left the list, so the sweeper never meets the number of another one.
 */
#include "connections.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define SWEEP_MS 100

struct sweeper {
    pthread_mutex_t mutex; /* guards the list */
    pthread_cond_t end;
    bool ending;
    struct connection *first;
    struct metrics *metrics;
    pthread_t thread;
};

static void sweep(struct sweeper *sweeper)
{
    uint64_t now = clock_ms();
    for (struct connection *c = sweeper->first; c != NULL; c = c->next) {
        uint64_t deadline = atomic_load_explicit(&c->deadline_ms, memory_order_relaxed);
        if (deadline != 0 && now > deadline) {
            atomic_store_explicit(&c->deadline_ms, 0, memory_order_relaxed);
            atomic_fetch_add_explicit(&sweeper->metrics->connections_overdue, 1,
                                      memory_order_relaxed);
            shutdown(c->socket, SHUT_RDWR);
        }
    }
}

static void *run_sweeper(void *context)
{
    struct sweeper *sweeper = context;
    pthread_mutex_lock(&sweeper->mutex);
    while (!sweeper->ending) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += SWEEP_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&sweeper->end, &sweeper->mutex, &until);
        sweep(sweeper);
    }
    pthread_mutex_unlock(&sweeper->mutex);
    return NULL;
}

struct sweeper *sweeper_start(struct metrics *metrics)
{
    struct sweeper *sweeper = calloc(1, sizeof *sweeper);
    if (sweeper == NULL) {
        return NULL;
    }
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&sweeper->mutex, NULL);
    pthread_cond_init(&sweeper->end, &attributes);
    pthread_condattr_destroy(&attributes);
    sweeper->metrics = metrics;
    if (pthread_create(&sweeper->thread, NULL, run_sweeper, sweeper) != 0) {
        pthread_cond_destroy(&sweeper->end);
        pthread_mutex_destroy(&sweeper->mutex);
        free(sweeper);
        return NULL;
    }
    return sweeper;
}

void sweeper_stop(struct sweeper *sweeper)
{
    if (sweeper == NULL) {
        return;
    }
    pthread_mutex_lock(&sweeper->mutex);
    sweeper->ending = true;
    pthread_cond_signal(&sweeper->end);
    pthread_mutex_unlock(&sweeper->mutex);
    pthread_join(sweeper->thread, NULL);
    pthread_cond_destroy(&sweeper->end);
    pthread_mutex_destroy(&sweeper->mutex);
    free(sweeper);
}

struct connection *connection_add(struct sweeper *sweeper, int socket)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        return NULL;
    }
    connection->socket = socket;
    pthread_mutex_lock(&sweeper->mutex);
    connection->next = sweeper->first;
    if (sweeper->first != NULL) {
        sweeper->first->previous = connection;
    }
    sweeper->first = connection;
    pthread_mutex_unlock(&sweeper->mutex);
    return connection;
}

void connection_remove(struct sweeper *sweeper, struct connection *connection)
{
    pthread_mutex_lock(&sweeper->mutex);
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        sweeper->first = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    pthread_mutex_unlock(&sweeper->mutex);
    free(connection);
}

void connection_allow(struct connection *connection, uint64_t ms)
{
    if (connection != NULL) {
        /* The sweeper acts on the number alone. */
        atomic_store_explicit(&connection->deadline_ms, ms == 0 ? 0 : clock_ms() + ms,
                              memory_order_relaxed);
    }
}
