/*
 * Interrupts, progress and deadlines: see watch.h.
 */
#include "graphql/watch.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/thread.h"
#include "engine/engine.h"

/* How long a wait for the writer lock goes on before a raised switch is seen. */
#define WAIT_SLICE_MS 20u

struct quire_interrupt {
    atomic_bool raised;
};

quire_status quire_interrupt_create(quire_db *db, quire_interrupt **out, quire_error *err)
{
    if (db == NULL || out == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_interrupt_create needs a database and an output.");
    }
    *out = qr_host_alloc(qr_db_allocator(db), sizeof **out, err);
    if (*out == NULL) {
        return QUIRE_NO_MEMORY;
    }
    atomic_init(&(*out)->raised, false);
    return QUIRE_OK;
}

void quire_interrupt_raise(quire_interrupt *interrupt)
{
    atomic_store(&interrupt->raised, true);
}

void quire_interrupt_clear(quire_interrupt *interrupt)
{
    atomic_store(&interrupt->raised, false);
}

void quire_interrupt_free(quire_interrupt *interrupt)
{
    quire_free(interrupt);
}

void qr_watch_init(struct qr_watch *watch, const quire_interrupt *interrupt,
                   quire_progress_fn progress, void *progress_context, uint32_t time_ms_max)
{
    *watch = (struct qr_watch){.interrupt = interrupt,
                               .progress = progress,
                               .progress_context = progress_context,
                               .deadline_ns = QR_NO_DEADLINE,
                               .time_ms_max = time_ms_max,
                               .steps_left = QR_WATCH_STEPS};
    if (time_ms_max > 0) {
        watch->deadline_ns = qr_clock_deadline_ns(time_ms_max);
    }
}

quire_status qr_watch_look(struct qr_watch *watch, uint64_t rows_read, quire_error *err)
{
    watch->steps_left = QR_WATCH_STEPS;
    if (watch->interrupt != NULL &&
        atomic_load_explicit(&watch->interrupt->raised, memory_order_relaxed)) {
        return qr_fail(err, QUIRE_INTERRUPTED, "The request was interrupted.");
    }
    if (watch->deadline_ns != QR_NO_DEADLINE && qr_clock_monotonic_ns() >= watch->deadline_ns) {
        return qr_fail(err, QUIRE_TIMEOUT, "The request took longer than its limit of %u ms.",
                       (unsigned)watch->time_ms_max);
    }
    if (watch->progress != NULL && !watch->progress(watch->progress_context, rows_read)) {
        return qr_fail(err, QUIRE_INTERRUPTED, "The request was stopped by its progress function.");
    }
    return QUIRE_OK;
}

/* Milliseconds up to a time, at least 1 as long as that has not come. */
static uint32_t left_ms(uint64_t deadline_ns, uint64_t now_ns)
{
    uint64_t left = deadline_ns <= now_ns ? 0 : (deadline_ns - now_ns - 1) / QR_NS_PER_MS + 1;
    return left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
}

quire_status qr_watch_begin_write(struct qr_watch *watch, quire_db *db, quire_txn **out,
                                  quire_error *err)
{
    bool stoppable = watch->interrupt != NULL || watch->progress != NULL;
    uint64_t busy_ns = qr_clock_deadline_ns(qr_db_lock_timeout_ms(db));
    quire_begin_options options = QUIRE_BEGIN_OPTIONS_INIT;

    if (!stoppable && watch->deadline_ns == QR_NO_DEADLINE) {
        return quire_begin(db, QUIRE_WRITE, out, err);
    }
    options.timeout = true;
    for (;;) {
        uint64_t now_ns = qr_clock_monotonic_ns();
        uint64_t end_ns = busy_ns < watch->deadline_ns ? busy_ns : watch->deadline_ns;
        options.timeout_ms = left_ms(end_ns, now_ns);
        bool last = !stoppable || options.timeout_ms <= WAIT_SLICE_MS;
        if (!last) {
            options.timeout_ms = WAIT_SLICE_MS;
        }
        quire_status status = quire_begin_with(db, QUIRE_WRITE, &options, out, err);
        if (status != QUIRE_BUSY) {
            return status;
        }
        QR_TRY(qr_watch_look(watch, 0, err));
        if (last) {
            return status;
        }
    }
}
