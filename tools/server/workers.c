/*
 * One queue under one lock. A lock that is held for a few instructions costs
 * less than the wake-up of the thread that takes the job.
 */
#include "workers.h"

#include <pthread.h>
#include <stdlib.h>

struct workers {
    pthread_mutex_t mutex;
    pthread_cond_t some; /* a job waits, or all is to end */
    struct job *first, **last;
    size_t waiting, waiting_max;
    bool ending;
    unsigned count; /* threads */
    pthread_t threads[];
};

static void *work(void *context)
{
    struct workers *workers = context;
    pthread_mutex_lock(&workers->mutex);
    for (;;) {
        struct job *job = workers->first;
        if (job != NULL) {
            workers->first = job->next;
            if (workers->first == NULL) {
                workers->last = &workers->first;
            }
            workers->waiting--;
            pthread_mutex_unlock(&workers->mutex);
            job->run(job);
            pthread_mutex_lock(&workers->mutex);
        } else if (workers->ending) {
            break;
        } else {
            pthread_cond_wait(&workers->some, &workers->mutex);
        }
    }
    pthread_mutex_unlock(&workers->mutex);
    return NULL;
}

struct workers *workers_start(unsigned count, size_t waiting_max)
{
    struct workers *workers = calloc(1, sizeof *workers + count * sizeof workers->threads[0]);
    if (workers == NULL) {
        return NULL;
    }
    workers->last = &workers->first;
    workers->waiting_max = waiting_max;
    pthread_mutex_init(&workers->mutex, NULL);
    pthread_cond_init(&workers->some, NULL);
    while (workers->count < count &&
           pthread_create(&workers->threads[workers->count], NULL, work, workers) == 0) {
        workers->count++;
    }
    if (workers->count < count) {
        workers_stop(workers);
        workers_free(workers);
        return NULL;
    }
    return workers;
}

bool workers_give(struct workers *workers, struct job *job)
{
    pthread_mutex_lock(&workers->mutex);
    bool room = workers->waiting < workers->waiting_max && !workers->ending;
    if (room) {
        job->next = NULL;
        *workers->last = job;
        workers->last = &job->next;
        workers->waiting++;
    }
    pthread_mutex_unlock(&workers->mutex);
    if (room) {
        /* Behind the lock, which the thread that wakes takes first. */
        pthread_cond_signal(&workers->some);
    }
    return room;
}

size_t workers_waiting(struct workers *workers)
{
    pthread_mutex_lock(&workers->mutex);
    size_t waiting = workers->waiting;
    pthread_mutex_unlock(&workers->mutex);
    return waiting;
}

void workers_stop(struct workers *workers)
{
    if (workers == NULL) {
        return;
    }
    pthread_mutex_lock(&workers->mutex);
    workers->ending = true;
    pthread_cond_broadcast(&workers->some);
    pthread_mutex_unlock(&workers->mutex);
    for (unsigned i = 0; i < workers->count; i++) {
        pthread_join(workers->threads[i], NULL);
    }
    workers->count = 0;
}

void workers_free(struct workers *workers)
{
    if (workers == NULL) {
        return;
    }
    pthread_cond_destroy(&workers->some);
    pthread_mutex_destroy(&workers->mutex);
    free(workers);
}
