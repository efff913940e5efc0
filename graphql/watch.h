/*
 * What may end a request before it is done: a switch that another thread
 * raises, the host's progress callback, a deadline.
 *
 * Whatever takes time in proportion to data or to the request takes a step for
 * each row or the like; every so many steps the watch looks up. One thread, but
 * for the switch.
 */
#ifndef QR_GRAPHQL_WATCH_H
#define QR_GRAPHQL_WATCH_H

#include "base/error.h"
#include "quire/interrupt.h"
#include "quire/transaction.h"

/* Steps between two looks: some tens of microseconds of work. */
#define QR_WATCH_STEPS 256u

struct qr_watch {
    const quire_interrupt *interrupt; /* NULL: none */
    quire_progress_fn progress;       /* NULL: none */
    void *progress_context;
    uint64_t deadline_ns; /* QR_NO_DEADLINE: none */
    uint32_t time_ms_max; /* what the deadline follows from, for its message */
    uint32_t steps_left;  /* to the next look */
};

/* Starts the clock. time_ms_max 0: no limit. */
void qr_watch_init(struct qr_watch *watch, const quire_interrupt *interrupt,
                   quire_progress_fn progress, void *progress_context, uint32_t time_ms_max);

/* Looks now. INTERRUPTED or TIMEOUT when the request is to end. */
quire_status qr_watch_look(struct qr_watch *watch, uint64_t rows_read, quire_error *err);

/* One step of work; looks when it is time. */
static inline quire_status qr_watch_step(struct qr_watch *watch, uint64_t rows_read,
                                         quire_error *err)
{
    return --watch->steps_left > 0 ? QUIRE_OK : qr_watch_look(watch, rows_read, err);
}

/* So many steps at once. */
static inline quire_status qr_watch_steps(struct qr_watch *watch, size_t steps, uint64_t rows_read,
                                          quire_error *err)
{
    if (steps < watch->steps_left) {
        watch->steps_left -= (uint32_t)steps;
        return QUIRE_OK;
    }
    return qr_watch_look(watch, rows_read, err);
}

/* Begins a write transaction; while it waits for the writer lock it looks up as well. */
quire_status qr_watch_begin_write(struct qr_watch *watch, quire_db *db, quire_txn **out,
                                  quire_error *err);

#endif
