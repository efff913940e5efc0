/*
 * Threads that run jobs in the order in which they came.
 */
#ifndef QUIRE_SERVER_WORKERS_H
#define QUIRE_SERVER_WORKERS_H

#include <stdbool.h>
#include <stddef.h>

/* Embedded in what a job is about; whoever gave the job owns it again when `run` is called. */
struct job {
    struct job *next;
    void (*run)(struct job *job);
};

struct workers;

/* NULL when threads or memory lack. At most `waiting_max` jobs wait. */
struct workers *workers_start(unsigned count, size_t waiting_max);

/* False when too many jobs wait already, or the end has begun: the job is still the caller's. Any
 * thread. */
bool workers_give(struct workers *workers, struct job *job);

/* Jobs that wait, now. */
size_t workers_waiting(struct workers *workers);

/* Takes no more jobs, runs what still waits, and ends the threads. NULL is a no-op. */
void workers_stop(struct workers *workers);

/* Frees what has been stopped. Nobody may use it any more. NULL is a no-op. */
void workers_free(struct workers *workers);

#endif
