/*
 * Clocks over clock_gettime, which cannot fail for the two clocks used.
 */
#define _POSIX_C_SOURCE 200809L

#include "base/clock.h"

#include <time.h>

#include "base/thread.h"

uint64_t qr_clock_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * QR_NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

int64_t qr_clock_wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * (int64_t)QR_NS_PER_SECOND + (int64_t)now.tv_nsec;
}

uint64_t qr_clock_deadline_ns(uint32_t timeout_ms)
{
    if (timeout_ms == UINT32_MAX) {
        return QR_NO_DEADLINE;
    }
    return qr_clock_monotonic_ns() + timeout_ms * QR_NS_PER_MS;
}
