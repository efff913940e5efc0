/*
 * Sleeping on a word, and the barrier of all threads.
 *
 * Linux has both as system calls. Elsewhere, and in portable builds, sleepers
 * wait on one of a fixed number of condition variables picked by the word's
 * address; a waker locks the same bucket, so a wake-up between the sleeper's
 * look at the word and its sleep cannot be lost. There the barrier is
 * reported as unsupported.
 */
#define _GNU_SOURCE

#include "base/thread.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#if defined(__linux__) && !(defined(QR_PORTABLE) && QR_PORTABLE)
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#define HAVE_LINUX_CALLS 1
#else
#define HAVE_LINUX_CALLS 0
#endif

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / QR_NS_PER_SECOND),
                             .tv_nsec = (long)(ns % QR_NS_PER_SECOND)};
}

#if HAVE_LINUX_CALLS

bool qr_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
    struct timespec deadline = timespec_of(deadline_ns);
    /* The bit set form takes an absolute monotonic deadline. */
    long result =
        syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected,
                deadline_ns == QR_NO_DEADLINE ? NULL : &deadline, NULL, FUTEX_BITSET_MATCH_ANY);
    return result == 0 || errno != ETIMEDOUT;
}

void qr_futex_wake(_Atomic uint32_t *word, uint32_t count)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count > INT_MAX ? INT_MAX : (int)count);
}

#else

enum { BUCKETS = 64 };

struct bucket {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    uint32_t sleepers;
};

static struct bucket buckets[BUCKETS];
static pthread_once_t buckets_once = PTHREAD_ONCE_INIT;

static void init_buckets(void)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        pthread_condattr_t attributes;
        pthread_mutex_init(&buckets[i].mutex, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&buckets[i].cond, &attributes);
        pthread_condattr_destroy(&attributes);
    }
}

static struct bucket *bucket_of(_Atomic uint32_t *word)
{
    pthread_once(&buckets_once, init_buckets);
    uint64_t mixed = (uint64_t)(uintptr_t)word * UINT64_C(0x9E3779B97F4A7C15);
    return &buckets[(mixed >> 32) % BUCKETS];
}

bool qr_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
    struct bucket *bucket = bucket_of(word);
    int result = 0;
    pthread_mutex_lock(&bucket->mutex);
    if (atomic_load(word) == expected) {
        bucket->sleepers++;
        if (deadline_ns == QR_NO_DEADLINE) {
            pthread_cond_wait(&bucket->cond, &bucket->mutex);
        } else {
            struct timespec deadline = timespec_of(deadline_ns);
            result = pthread_cond_timedwait(&bucket->cond, &bucket->mutex, &deadline);
        }
        bucket->sleepers--;
    }
    pthread_mutex_unlock(&bucket->mutex);
    return result != ETIMEDOUT;
}

void qr_futex_wake(_Atomic uint32_t *word, uint32_t count)
{
    /* Words share a bucket, so a single signal could wake the wrong sleeper. */
    struct bucket *bucket = bucket_of(word);
    if (count == 0) {
        return;
    }
    pthread_mutex_lock(&bucket->mutex);
    if (bucket->sleepers > 0) {
        pthread_cond_broadcast(&bucket->cond);
    }
    pthread_mutex_unlock(&bucket->mutex);
}

#endif

/* ---- Barrier of all threads ---- */

/* ThreadSanitizer does not see the barrier; there the readers' own exchange is used instead. */
#if defined(__SANITIZE_THREAD__)
#define UNDER_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_THREAD_SANITIZER 1
#endif
#endif

#if HAVE_LINUX_CALLS && !defined(UNDER_THREAD_SANITIZER)

static pthread_once_t membarrier_once = PTHREAD_ONCE_INIT;
static bool membarrier_works;

static void register_membarrier(void)
{
    membarrier_works =
        syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0 &&
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}

bool qr_membarrier_supported(void)
{
    pthread_once(&membarrier_once, register_membarrier);
    return membarrier_works;
}

void qr_membarrier(void)
{
    QR_ASSERT(qr_membarrier_supported());
    while (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0) {
        /* The kernel may be short of memory for a moment; the barrier may not be skipped. */
        sched_yield();
    }
}

#else

bool qr_membarrier_supported(void)
{
    return false;
}

void qr_membarrier(void)
{
    QR_ASSERT(false);
}

#endif
