/*
 * Threads, mutexes with ranks, condition variables, futexes and barriers.
 *
 * Lock order: a thread may take a lock only if every lock that it holds has a
 * lower rank. Checked builds assert it for each thread.
 *
 * Deadlines are qr_clock_monotonic_ns values; QR_NO_DEADLINE waits for ever.
 */
#ifndef QR_BASE_THREAD_H
#define QR_BASE_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/error.h"

#define QR_NO_DEADLINE UINT64_MAX

/* Outermost first. docs/concurrency.md says what each guards. */
enum qr_lock_rank {
    QR_RANK_SCHEMA = 1,
    QR_RANK_WRITER,
    QR_RANK_DATABASE,
    QR_RANK_GROUP,
    QR_RANK_SEGMENT,
    QR_RANK_CHECKPOINT,
    QR_RANK_FRAME,
    QR_RANK_SLOT,
    QR_RANK_FILE, /* inside the file layer */
    QR_RANK_LEAF, /* nothing is taken under it */
    QR_RANK_END
};

/* ---- Mutex ---- */

/* Not recursive; unlocked by the thread that locked it. Initialise in place, never copy. */
struct qr_mutex {
    pthread_mutex_t native;
    enum qr_lock_rank rank;
};

quire_status qr_mutex_init(struct qr_mutex *mutex, enum qr_lock_rank rank, quire_error *err);
void qr_mutex_destroy(struct qr_mutex *mutex);
void qr_mutex_lock(struct qr_mutex *mutex);
bool qr_mutex_try_lock(struct qr_mutex *mutex);
void qr_mutex_unlock(struct qr_mutex *mutex);
/* Asserts, in checked builds, that the calling thread holds a lock of the mutex's rank. */
void qr_mutex_assert_held(const struct qr_mutex *mutex);

/* ---- Condition variable ---- */

struct qr_cond {
    pthread_cond_t native;
};

quire_status qr_cond_init(struct qr_cond *cond, quire_error *err);
void qr_cond_destroy(struct qr_cond *cond);
/* Waits until signalled; may also return without a signal. The mutex must be held. */
void qr_cond_wait(struct qr_cond *cond, struct qr_mutex *mutex);
/* The same; false once the deadline has passed. */
bool qr_cond_wait_until(struct qr_cond *cond, struct qr_mutex *mutex, uint64_t deadline_ns);
void qr_cond_signal(struct qr_cond *cond);
void qr_cond_broadcast(struct qr_cond *cond);

/* ---- Gate ---- */

/*
 * Admits one holder at a time, with a time limit, and belongs to the holder's
 * work rather than to a thread: another thread may leave. The writer lock is
 * one. Entering obeys the lock order; a holder that moves between threads is
 * not followed. Who leaves hands the gate to nobody: a thread that runs may
 * enter before one that has to be woken, since most holders are gone sooner
 * than a sleeper is awake.
 */
struct qr_gate {
    _Atomic uint32_t state; /* enum in thread.c */
    enum qr_lock_rank rank;
    _Atomic uint64_t since_ns; /* when the holder entered; 0 while that is being noted */
};

void qr_gate_init(struct qr_gate *gate, enum qr_lock_rank rank);
void qr_gate_destroy(struct qr_gate *gate);
/* Waits up to timeout_ms (0 = try once, UINT32_MAX = for ever); false when it is still held then,
 * with *since_ns (may be NULL) the monotonic time at which its holder entered. */
bool qr_gate_enter(struct qr_gate *gate, uint32_t timeout_ms, uint64_t *since_ns);
void qr_gate_leave(struct qr_gate *gate);

/* ---- Thread ---- */

struct qr_thread {
    pthread_t native;
    void (*run)(void *context);
    void *context;
};

/* Starts run(context) with all signals blocked. `thread` stays in place until joined. */
quire_status qr_thread_start(struct qr_thread *thread, void (*run)(void *context), void *context,
                             quire_error *err);
void qr_thread_join(struct qr_thread *thread);
void qr_yield(void);
/* Processors that the process may use; at least 1. */
unsigned qr_processor_count(void);

/* Tells the processor that the caller spins. */
static inline void qr_spin_pause(void)
{
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
    __builtin_ia32_pause();
#elif defined(__GNUC__) && defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* ---- Once ---- */

struct qr_once {
    pthread_once_t native;
};

#define QR_ONCE_INIT                                                                               \
    {                                                                                              \
        PTHREAD_ONCE_INIT                                                                          \
    }

/* Runs `init` the first time; every caller returns after it has run. */
void qr_once_run(struct qr_once *once, void (*init)(void));

/* ---- Futex ---- */

/* Sleeps while *word == expected, until woken; may return without cause. False once the deadline
 * has passed. Within one process. */
bool qr_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns);
/* Wakes up to `count` sleepers of the word. The word may be freed by a sleeper at any time: it is
 * not read. */
void qr_futex_wake(_Atomic uint32_t *word, uint32_t count);

/* ---- Barrier of all threads ---- */

/* Whether qr_membarrier works here; when not, readers need a sequentially consistent exchange of
 * their own. Constant for the life of the process. */
bool qr_membarrier_supported(void);
/* Every running thread of the process executes a full memory barrier before this returns. Only if
 * supported. */
void qr_membarrier(void);

#endif
