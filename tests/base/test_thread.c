/* Mutexes and their ranks, conditions, gates, futexes, once and the barrier. */
#define _GNU_SOURCE

#include <criterion/criterion.h>

#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"

enum { THREADS = 4, ROUNDS = 2000 };

/* ---- Mutex ---- */

struct counter {
    struct qr_mutex mutex;
    uint64_t value;
};

static void count_up(void *context)
{
    struct counter *counter = context;
    for (int i = 0; i < ROUNDS; i++) {
        qr_mutex_lock(&counter->mutex);
        qr_mutex_assert_held(&counter->mutex);
        counter->value++;
        qr_mutex_unlock(&counter->mutex);
    }
}

static void run_threads(void (*run)(void *), void *context)
{
    struct qr_thread threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(qr_thread_start(&threads[i], run, context, NULL), QUIRE_OK);
    }
    for (int i = 0; i < THREADS; i++) {
        qr_thread_join(&threads[i]);
    }
}

Test(thread, mutex__excludes_other_threads)
{
    struct counter counter = {.value = 0};
    cr_assert_eq(qr_mutex_init(&counter.mutex, QR_RANK_GROUP, NULL), QUIRE_OK);
    run_threads(count_up, &counter);
    cr_assert_eq(counter.value, THREADS * ROUNDS);
    qr_mutex_destroy(&counter.mutex);
}

static void try_held(void *context)
{
    cr_assert_not(qr_mutex_try_lock(context));
}

Test(thread, try_lock__fails_while_another_thread_holds)
{
    struct qr_mutex mutex;
    struct qr_thread thread;
    cr_assert_eq(qr_mutex_init(&mutex, QR_RANK_LEAF, NULL), QUIRE_OK);
    cr_assert(qr_mutex_try_lock(&mutex));
    cr_assert_eq(qr_thread_start(&thread, try_held, &mutex, NULL), QUIRE_OK);
    qr_thread_join(&thread);
    qr_mutex_unlock(&mutex);
    cr_assert(qr_mutex_try_lock(&mutex));
    qr_mutex_unlock(&mutex);
    qr_mutex_destroy(&mutex);
}

Test(thread, ranks__may_rise)
{
    struct qr_mutex mutexes[QR_RANK_END];
    for (int rank = QR_RANK_SCHEMA; rank < QR_RANK_END; rank++) {
        cr_assert_eq(qr_mutex_init(&mutexes[rank], (enum qr_lock_rank)rank, NULL), QUIRE_OK);
        qr_mutex_lock(&mutexes[rank]);
    }
    /* Released in any order. */
    for (int rank = QR_RANK_SCHEMA; rank < QR_RANK_END; rank++) {
        qr_mutex_unlock(&mutexes[rank]);
        qr_mutex_destroy(&mutexes[rank]);
    }
}

#if QR_CHECKED
Test(thread, ranks__may_not_fall, .signal = SIGABRT)
{
    struct qr_mutex inner;
    struct qr_mutex outer;
    cr_assert_eq(qr_mutex_init(&inner, QR_RANK_SEGMENT, NULL), QUIRE_OK);
    cr_assert_eq(qr_mutex_init(&outer, QR_RANK_GROUP, NULL), QUIRE_OK);
    qr_mutex_lock(&inner);
    qr_mutex_lock(&outer);
}

Test(thread, ranks__may_not_repeat, .signal = SIGABRT)
{
    struct qr_mutex first;
    struct qr_mutex second;
    cr_assert_eq(qr_mutex_init(&first, QR_RANK_FRAME, NULL), QUIRE_OK);
    cr_assert_eq(qr_mutex_init(&second, QR_RANK_FRAME, NULL), QUIRE_OK);
    qr_mutex_lock(&first);
    (void)qr_mutex_try_lock(&second);
}

Test(thread, assert_held__fails_without_the_lock, .signal = SIGABRT)
{
    struct qr_mutex mutex;
    cr_assert_eq(qr_mutex_init(&mutex, QR_RANK_FRAME, NULL), QUIRE_OK);
    qr_mutex_assert_held(&mutex);
}
#endif

/* ---- Condition ---- */

struct mailbox {
    struct qr_mutex mutex;
    struct qr_cond changed;
    int letters;
    int taken;
};

static void take_letters(void *context)
{
    struct mailbox *box = context;
    for (int i = 0; i < 100; i++) {
        qr_mutex_lock(&box->mutex);
        while (box->letters == 0) {
            qr_cond_wait(&box->changed, &box->mutex);
        }
        box->letters--;
        box->taken++;
        qr_mutex_unlock(&box->mutex);
    }
}

Test(thread, cond__wakes_waiters)
{
    struct mailbox box = {.letters = 0};
    struct qr_thread threads[2];
    cr_assert_eq(qr_mutex_init(&box.mutex, QR_RANK_SLOT, NULL), QUIRE_OK);
    cr_assert_eq(qr_cond_init(&box.changed, NULL), QUIRE_OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(qr_thread_start(&threads[i], take_letters, &box, NULL), QUIRE_OK);
    }
    for (int i = 0; i < 200; i++) {
        qr_mutex_lock(&box.mutex);
        box.letters++;
        if (i % 2 == 0) {
            qr_cond_signal(&box.changed);
        } else {
            qr_cond_broadcast(&box.changed);
        }
        qr_mutex_unlock(&box.mutex);
    }
    for (int i = 0; i < 2; i++) {
        qr_thread_join(&threads[i]);
    }
    cr_assert_eq(box.taken, 200);
    qr_cond_destroy(&box.changed);
    qr_mutex_destroy(&box.mutex);
}

Test(thread, cond__ends_the_wait_at_its_deadline)
{
    struct mailbox box = {.letters = 0};
    cr_assert_eq(qr_mutex_init(&box.mutex, QR_RANK_SLOT, NULL), QUIRE_OK);
    cr_assert_eq(qr_cond_init(&box.changed, NULL), QUIRE_OK);
    qr_mutex_lock(&box.mutex);
    uint64_t deadline_ns = qr_clock_monotonic_ns() + 20 * QR_NS_PER_MS;
    while (qr_cond_wait_until(&box.changed, &box.mutex, deadline_ns)) {
    }
    cr_assert_geq(qr_clock_monotonic_ns(), deadline_ns);
    cr_assert_not(qr_cond_wait_until(&box.changed, &box.mutex, 0), "a deadline in the past");
    qr_mutex_unlock(&box.mutex);
    qr_cond_destroy(&box.changed);
    qr_mutex_destroy(&box.mutex);
}

/* ---- Gate ---- */

struct gated {
    struct qr_gate gate;
    uint64_t value;
};

static void count_in_gate(void *context)
{
    struct gated *gated = context;
    for (int i = 0; i < ROUNDS; i++) {
        cr_assert(qr_gate_enter(&gated->gate, UINT32_MAX, NULL));
        gated->value++;
        qr_gate_leave(&gated->gate);
    }
}

Test(thread, gate__admits_one_at_a_time)
{
    struct gated gated = {.value = 0};
    qr_gate_init(&gated.gate, QR_RANK_WRITER);
    run_threads(count_in_gate, &gated);
    cr_assert_eq(gated.value, THREADS * ROUNDS);
    qr_gate_destroy(&gated.gate);
}

Test(thread, gate__times_out_and_says_since_when_it_is_held)
{
    struct qr_gate gate;
    uint64_t since_ns = 0;
    qr_gate_init(&gate, QR_RANK_WRITER);
    uint64_t before_ns = qr_clock_monotonic_ns();
    cr_assert(qr_gate_enter(&gate, 0, NULL));
    uint64_t after_ns = qr_clock_monotonic_ns();
    cr_assert_not(qr_gate_enter(&gate, 0, &since_ns));
    cr_assert(since_ns >= before_ns && since_ns <= after_ns);
    cr_assert_not(qr_gate_enter(&gate, 15, NULL));
    cr_assert_geq(qr_clock_monotonic_ns(), after_ns + 15 * QR_NS_PER_MS);
    qr_gate_leave(&gate);
    cr_assert(qr_gate_enter(&gate, 0, NULL));
    qr_gate_leave(&gate);
    qr_gate_destroy(&gate);
}

static void leave_gate(void *context)
{
    qr_gate_leave(context);
}

Test(thread, gate__may_be_left_by_another_thread)
{
    struct qr_gate gate;
    struct qr_thread thread;
    qr_gate_init(&gate, QR_RANK_WRITER);
    cr_assert(qr_gate_enter(&gate, 0, NULL));
    cr_assert_eq(qr_thread_start(&thread, leave_gate, &gate, NULL), QUIRE_OK);
    cr_assert(qr_gate_enter(&gate, UINT32_MAX, NULL));
    qr_thread_join(&thread);
    qr_gate_leave(&gate);
    qr_gate_destroy(&gate);
}

/* ---- Thread ---- */

static void read_signal_mask(void *context)
{
    sigset_t mask;
    cr_assert_eq(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    *(bool *)context = sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGTERM) == 1 &&
                       sigismember(&mask, SIGSEGV) == 0;
}

Test(thread, start__leaves_signals_to_the_host)
{
    struct qr_thread thread;
    bool as_wished = false;
    sigset_t mask;
    cr_assert_eq(qr_thread_start(&thread, read_signal_mask, &as_wished, NULL), QUIRE_OK);
    qr_thread_join(&thread);
    cr_assert(as_wished);
    cr_assert_eq(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    cr_assert_eq(sigismember(&mask, SIGINT), 0, "the caller's mask is as it was");
}

static _Atomic uint32_t once_runs;
static struct qr_once once = QR_ONCE_INIT;

static void run_once(void)
{
    atomic_fetch_add(&once_runs, 1);
}

static void call_once(void *context)
{
    (void)context;
    qr_once_run(&once, run_once);
    cr_assert_eq(atomic_load(&once_runs), 1);
}

Test(thread, once__runs_once)
{
    run_threads(call_once, NULL);
    cr_assert_eq(atomic_load(&once_runs), 1);
}

/* ---- Futex ---- */

struct relay {
    _Atomic uint32_t word;
};

enum { PASSES = 300 };

/* Passes the word from odd to even numbers. */
static void pass_back(void *context)
{
    struct relay *relay = context;
    for (uint32_t i = 0; i < PASSES; i++) {
        uint32_t now;
        while ((now = atomic_load(&relay->word)) != 2 * i + 1) {
            qr_futex_wait(&relay->word, now, QR_NO_DEADLINE);
        }
        atomic_store(&relay->word, 2 * i + 2);
        qr_futex_wake(&relay->word, 1);
    }
}

Test(thread, futex__loses_no_wake_up)
{
    struct relay relay = {.word = 0};
    struct qr_thread thread;
    cr_assert_eq(qr_thread_start(&thread, pass_back, &relay, NULL), QUIRE_OK);
    for (uint32_t i = 0; i < PASSES; i++) {
        atomic_store(&relay.word, 2 * i + 1);
        qr_futex_wake(&relay.word, UINT32_MAX);
        uint32_t now;
        while ((now = atomic_load(&relay.word)) != 2 * i + 2) {
            qr_futex_wait(&relay.word, now, QR_NO_DEADLINE);
        }
    }
    qr_thread_join(&thread);
}

Test(thread, futex__returns_at_once_when_the_word_differs)
{
    _Atomic uint32_t word = 7;
    cr_assert(qr_futex_wait(&word, 8, QR_NO_DEADLINE));
    qr_futex_wake(&word, 0);
    qr_futex_wake(&word, UINT32_MAX);
}

Test(thread, futex__ends_the_wait_at_its_deadline)
{
    _Atomic uint32_t word = 7;
    uint64_t deadline_ns = qr_clock_monotonic_ns() + 20 * QR_NS_PER_MS;
    while (qr_futex_wait(&word, 7, deadline_ns)) {
    }
    cr_assert_geq(qr_clock_monotonic_ns(), deadline_ns);
}

Test(thread, membarrier__runs_where_supported)
{
#if QR_PORTABLE
    cr_assert_not(qr_membarrier_supported());
#endif
    if (qr_membarrier_supported()) {
        qr_membarrier();
    }
    qr_yield();
    qr_spin_pause();
}
