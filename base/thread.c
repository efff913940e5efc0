/*
 * Threads and locks over POSIX threads.
 *
 * In checked builds each thread keeps the set of ranks that it holds as a bit
 * mask, stored as the value of one thread-specific key: no memory to allocate
 * or free. Calls of the threads library that can only fail on misuse are
 * asserted; those that can fail for want of resources report.
 */
#define _GNU_SOURCE

#include "base/thread.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* ---- Ranks ---- */

#if QR_CHECKED

static pthread_key_t held_key;
static bool held_key_valid;
static pthread_once_t held_key_once = PTHREAD_ONCE_INIT;

static void create_held_key(void)
{
    held_key_valid = pthread_key_create(&held_key, NULL) == 0;
}

static uintptr_t held_ranks(void)
{
    pthread_once(&held_key_once, create_held_key);
    return held_key_valid ? (uintptr_t)pthread_getspecific(held_key) : 0;
}

static void set_held_ranks(uintptr_t held)
{
    if (held_key_valid) {
        int result = pthread_setspecific(held_key, (void *)held);
        QR_ASSERT(result == 0);
    }
}

static uintptr_t rank_bit(enum qr_lock_rank rank)
{
    QR_ASSERT(rank > 0 && rank < QR_RANK_END);
    return (uintptr_t)1 << rank;
}

/* No lock of this rank or a higher one may be held. */
static void check_order(enum qr_lock_rank rank)
{
    QR_ASSERT(held_ranks() < rank_bit(rank));
}

static void note_locked(enum qr_lock_rank rank)
{
    set_held_ranks(held_ranks() | rank_bit(rank));
}

static void note_unlocked(enum qr_lock_rank rank)
{
    if (held_key_valid) {
        QR_ASSERT((held_ranks() & rank_bit(rank)) != 0);
        set_held_ranks(held_ranks() & ~rank_bit(rank));
    }
}

/* Waiting takes the mutex again at the end, so it must be the innermost lock. */
static void check_wait(enum qr_lock_rank rank)
{
    if (held_key_valid) {
        QR_ASSERT((held_ranks() & rank_bit(rank)) != 0);
        QR_ASSERT(held_ranks() < 2 * rank_bit(rank));
    }
}

void qr_mutex_assert_held(const struct qr_mutex *mutex)
{
    uintptr_t held = held_ranks();
    QR_ASSERT(!held_key_valid || (held & rank_bit(mutex->rank)) != 0);
}

#else

static inline void check_order(enum qr_lock_rank rank)
{
    (void)rank;
}

static inline void note_locked(enum qr_lock_rank rank)
{
    (void)rank;
}

static inline void note_unlocked(enum qr_lock_rank rank)
{
    (void)rank;
}

static inline void check_wait(enum qr_lock_rank rank)
{
    (void)rank;
}

void qr_mutex_assert_held(const struct qr_mutex *mutex)
{
    (void)mutex;
}

#endif

/* For results that are not 0 only when a caller broke a rule. */
static inline void must_be_zero(int result)
{
    QR_ASSERT(result == 0);
    (void)result;
}

/* ---- Mutex ---- */

quire_status qr_mutex_init(struct qr_mutex *mutex, enum qr_lock_rank rank, quire_error *err)
{
    int result = pthread_mutex_init(&mutex->native, NULL);
    if (result != 0) {
        return qr_fail_os(err, result, NULL, 0, "Cannot create a mutex");
    }
    mutex->rank = rank;
    return QUIRE_OK;
}

void qr_mutex_destroy(struct qr_mutex *mutex)
{
    must_be_zero(pthread_mutex_destroy(&mutex->native));
}

void qr_mutex_lock(struct qr_mutex *mutex)
{
    check_order(mutex->rank);
    must_be_zero(pthread_mutex_lock(&mutex->native));
    note_locked(mutex->rank);
}

bool qr_mutex_try_lock(struct qr_mutex *mutex)
{
    /* Trying cannot deadlock, yet a lock taken out of order hides one: same rule. */
    check_order(mutex->rank);
    if (pthread_mutex_trylock(&mutex->native) != 0) {
        return false;
    }
    note_locked(mutex->rank);
    return true;
}

void qr_mutex_unlock(struct qr_mutex *mutex)
{
    note_unlocked(mutex->rank);
    must_be_zero(pthread_mutex_unlock(&mutex->native));
}

/* ---- Condition variable ---- */

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / QR_NS_PER_SECOND),
                             .tv_nsec = (long)(ns % QR_NS_PER_SECOND)};
}

/* A condition variable whose deadlines are monotonic; returns an errno. */
static int init_native_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    int result = pthread_condattr_init(&attributes);
    if (result != 0) {
        return result;
    }
    result = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (result == 0) {
        result = pthread_cond_init(cond, &attributes);
    }
    pthread_condattr_destroy(&attributes);
    return result;
}

quire_status qr_cond_init(struct qr_cond *cond, quire_error *err)
{
    int result = init_native_cond(&cond->native);
    if (result != 0) {
        return qr_fail_os(err, result, NULL, 0, "Cannot create a condition variable");
    }
    return QUIRE_OK;
}

void qr_cond_destroy(struct qr_cond *cond)
{
    must_be_zero(pthread_cond_destroy(&cond->native));
}

void qr_cond_wait(struct qr_cond *cond, struct qr_mutex *mutex)
{
    check_wait(mutex->rank);
    must_be_zero(pthread_cond_wait(&cond->native, &mutex->native));
}

bool qr_cond_wait_until(struct qr_cond *cond, struct qr_mutex *mutex, uint64_t deadline_ns)
{
    if (deadline_ns == QR_NO_DEADLINE) {
        qr_cond_wait(cond, mutex);
        return true;
    }
    check_wait(mutex->rank);
    struct timespec deadline = timespec_of(deadline_ns);
    int result = pthread_cond_timedwait(&cond->native, &mutex->native, &deadline);
    QR_ASSERT(result == 0 || result == ETIMEDOUT);
    return result != ETIMEDOUT;
}

void qr_cond_signal(struct qr_cond *cond)
{
    must_be_zero(pthread_cond_signal(&cond->native));
}

void qr_cond_broadcast(struct qr_cond *cond)
{
    must_be_zero(pthread_cond_broadcast(&cond->native));
}

/* ---- Gate ---- */

enum { GATE_FREE, GATE_HELD, GATE_AWAITED /* held, and a thread may sleep until it is free */ };

/* Looks at a held gate before going to sleep: about as long as waking a thread takes. */
#define GATE_SPINS 200

void qr_gate_init(struct qr_gate *gate, enum qr_lock_rank rank)
{
    atomic_init(&gate->state, GATE_FREE);
    atomic_init(&gate->since_ns, 0);
    gate->rank = rank;
}

void qr_gate_destroy(struct qr_gate *gate)
{
    QR_ASSERT(atomic_load(&gate->state) == GATE_FREE);
    (void)gate;
}

static bool gate_try(struct qr_gate *gate)
{
    uint32_t state = GATE_FREE;
    return atomic_compare_exchange_strong_explicit(&gate->state, &state, GATE_HELD,
                                                   memory_order_acquire, memory_order_relaxed);
}

static bool gate_spin(struct qr_gate *gate)
{
    for (int i = 0; i < GATE_SPINS; i++) {
        if (atomic_load_explicit(&gate->state, memory_order_relaxed) == GATE_FREE &&
            gate_try(gate)) {
            return true;
        }
        qr_spin_pause();
    }
    return false;
}

/* Enters as "awaited", since others may sleep as well. */
static bool gate_sleep(struct qr_gate *gate, uint32_t timeout_ms)
{
    uint64_t deadline_ns = qr_clock_deadline_ns(timeout_ms);
    bool in_time = true;
    while (atomic_exchange_explicit(&gate->state, GATE_AWAITED, memory_order_acquire) !=
           GATE_FREE) {
        if (!in_time) {
            return false;
        }
        in_time = qr_futex_wait(&gate->state, GATE_AWAITED, deadline_ns);
    }
    return true;
}

bool qr_gate_enter(struct qr_gate *gate, uint32_t timeout_ms, uint64_t *since_ns)
{
    check_order(gate->rank);
    bool entered =
        gate_try(gate) || (timeout_ms > 0 && (gate_spin(gate) || gate_sleep(gate, timeout_ms)));
    if (entered) {
        atomic_store_explicit(&gate->since_ns, qr_clock_monotonic_ns(), memory_order_relaxed);
    }
    if (since_ns != NULL) {
        *since_ns = atomic_load_explicit(&gate->since_ns, memory_order_relaxed);
    }
    return entered;
}

void qr_gate_leave(struct qr_gate *gate)
{
    atomic_store_explicit(&gate->since_ns, 0, memory_order_relaxed);
    uint32_t state = atomic_exchange_explicit(&gate->state, GATE_FREE, memory_order_release);
    QR_ASSERT(state != GATE_FREE);
    if (state == GATE_AWAITED) {
        qr_futex_wake(&gate->state, 1); /* reads nothing: the next holder may be gone with it */
    }
}

/* ---- Thread ---- */

static void *thread_main(void *argument)
{
    struct qr_thread *thread = argument;
    thread->run(thread->context);
    return NULL;
}

quire_status qr_thread_start(struct qr_thread *thread, void (*run)(void *context), void *context,
                             quire_error *err)
{
    /* The host's handlers run on the host's threads. Signals that a fault of this very thread
     * raises stay open, or the system would end the process without asking a handler. */
    static const int own_faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};
    sigset_t blocked;
    sigset_t before;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof own_faults / sizeof own_faults[0]; i++) {
        sigdelset(&blocked, own_faults[i]);
    }
    thread->run = run;
    thread->context = context;
    must_be_zero(pthread_sigmask(SIG_SETMASK, &blocked, &before));
    int result = pthread_create(&thread->native, NULL, thread_main, thread);
    must_be_zero(pthread_sigmask(SIG_SETMASK, &before, NULL));
    if (result == EAGAIN) {
        return qr_fail(err, QUIRE_LIMIT,
                       "Cannot start a thread: a limit of the system on threads or memory is "
                       "reached; raise it or open fewer databases.");
    }
    if (result != 0) {
        return qr_fail_os(err, result, NULL, 0, "Cannot start a thread");
    }
    return QUIRE_OK;
}

void qr_thread_join(struct qr_thread *thread)
{
    must_be_zero(pthread_join(thread->native, NULL));
}

void qr_yield(void)
{
    sched_yield();
}

unsigned qr_processor_count(void)
{
#if defined(__linux__)
    cpu_set_t processors;
    if (sched_getaffinity(0, sizeof processors, &processors) == 0) {
        int count = CPU_COUNT(&processors);
        return count > 0 ? (unsigned)count : 1;
    }
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

/* ---- Once ---- */

void qr_once_run(struct qr_once *once, void (*init)(void))
{
    must_be_zero(pthread_once(&once->native, init));
}
