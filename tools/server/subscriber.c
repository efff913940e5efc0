/*
 * Whoever finds it not busy makes it so and gives the job; the job gives itself
 * again, or leaves it. The lock is never held in a call of the library; the gate's is taken
 * within it.
 */
#include "subscriber.h"

#include <stddef.h>

/* Gives the job where there is something to do. With the lock. */
static void give_if_due(struct subscriber *subscriber)
{
    bool due =
        subscriber->closing || (subscriber->wanted && subscriber->again && !subscriber->ended);
    if (due && !subscriber->busy) {
        /* These workers end after the last subscriber: they take every job. */
        subscriber->busy = workers_give(subscriber->workers, &subscriber->job);
    }
}

static void wake(void *context)
{
    struct subscriber *subscriber = context;
    pthread_mutex_lock(&subscriber->mutex);
    subscriber->again = true;
    give_if_due(subscriber);
    pthread_mutex_unlock(&subscriber->mutex);
}

static void finish(struct subscriber *subscriber)
{
    quire_subscription_close(subscriber->subscription);
    pthread_mutex_destroy(&subscriber->mutex);
    subscriber->gone(subscriber);
}

/* Takes one event, if there is one. */
static void take(struct subscriber *subscriber)
{
    quire_error err = QUIRE_ERROR_INIT;
    const quire_subscription_event *event = NULL;
    quire_status status = quire_subscription_next(subscriber->subscription, 0, &event, &err);
    quire_subscription_position where = quire_subscription_where(subscriber->subscription);
    pthread_mutex_lock(&subscriber->mutex);
    /* Before the event is told no place behind it is, nor an older one after it. */
    subscriber->moved = event == NULL && status == QUIRE_OK &&
                        (subscriber->moved || where.commit != subscriber->where.commit ||
                         where.seen != subscriber->where.seen);
    subscriber->where = where;
    subscriber->ended = status != QUIRE_OK;
    if (event != NULL) {
        subscriber->wanted = false;
        subscriber->again = true; /* another one may be there */
    }
    pthread_mutex_unlock(&subscriber->mutex);
    if (event != NULL || status != QUIRE_OK) {
        subscriber->told(subscriber, event, status != QUIRE_OK ? &err : NULL);
        quire_subscription_release(subscriber->subscription);
    } else if (subscriber->gate != NULL) {
        gate_leave(subscriber->gate, &subscriber->pass, 0);
    }
}

static bool is_closing(struct subscriber *subscriber)
{
    pthread_mutex_lock(&subscriber->mutex);
    bool closing = subscriber->closing;
    pthread_mutex_unlock(&subscriber->mutex);
    return closing;
}

/* The gate lets it in. */
static void pass_gate(struct gate_pass *pass)
{
    struct subscriber *subscriber =
        (struct subscriber *)(void *)((char *)pass - offsetof(struct subscriber, pass));
    (void)workers_give(subscriber->workers, &subscriber->job); /* they take every job */
}

/* Whether the job may go on. While it waits for the gate it stays busy, and whoever lets it in, or
 * the close, gives it again: it may be gone when the lock is given back. The pass is in the queue
 * before the close can look for it there. */
static bool enter(struct subscriber *subscriber)
{
    pthread_mutex_lock(&subscriber->mutex);
    bool enters = subscriber->closing || subscriber->gate == NULL || subscriber->pass.inside ||
                  gate_enter(subscriber->gate, &subscriber->pass);
    pthread_mutex_unlock(&subscriber->mutex);
    return enters;
}

static void run(struct job *job)
{
    struct subscriber *subscriber = (struct subscriber *)job;
    if (!enter(subscriber)) {
        return;
    }
    if (is_closing(subscriber)) {
        if (subscriber->gate != NULL) {
            gate_leave(subscriber->gate, &subscriber->pass, 0);
        }
        finish(subscriber);
        return;
    }
    pthread_mutex_lock(&subscriber->mutex);
    subscriber->again = false;
    pthread_mutex_unlock(&subscriber->mutex);
    take(subscriber);
    pthread_mutex_lock(&subscriber->mutex);
    subscriber->busy = false;
    give_if_due(subscriber);
    pthread_mutex_unlock(&subscriber->mutex);
}

quire_status subscriber_open(struct subscriber *subscriber, struct workers *workers, quire_db *db,
                             const quire_graphql_request *request,
                             const quire_subscription_position *from, char **response,
                             size_t *response_size, quire_error *err)
{
    quire_subscribe_options options = QUIRE_SUBSCRIBE_OPTIONS_INIT;
    options.from = from;
    options.wake = wake;
    options.context = subscriber;
    subscriber->job.run = run;
    subscriber->pass.go = pass_gate;
    subscriber->workers = workers;
    subscriber->again = true;
    pthread_mutex_init(&subscriber->mutex, NULL);
    quire_status status = quire_subscribe(db, request, &options, &subscriber->subscription,
                                          response, response_size, err);
    if (subscriber->subscription == NULL) {
        pthread_mutex_destroy(&subscriber->mutex);
    }
    return status;
}

void subscriber_want(struct subscriber *subscriber)
{
    pthread_mutex_lock(&subscriber->mutex);
    subscriber->wanted = true;
    give_if_due(subscriber);
    pthread_mutex_unlock(&subscriber->mutex);
}

bool subscriber_has_moved(struct subscriber *subscriber, quire_subscription_position *where)
{
    pthread_mutex_lock(&subscriber->mutex);
    bool moved = subscriber->moved;
    *where = subscriber->where;
    subscriber->moved = false;
    pthread_mutex_unlock(&subscriber->mutex);
    return moved;
}

void subscriber_close(struct subscriber *subscriber)
{
    struct gate *gate =
        subscriber->gate; /* without one it may be gone when the lock is given back */
    quire_subscription_stop(subscriber->subscription);
    pthread_mutex_lock(&subscriber->mutex);
    subscriber->closing = true;
    give_if_due(subscriber);
    pthread_mutex_unlock(&subscriber->mutex);
    if (gate != NULL && gate_recall(gate, &subscriber->pass)) {
        pass_gate(&subscriber->pass);
    }
}
