/*
 * Clocks, in nanoseconds. Any thread.
 */
#ifndef QR_BASE_CLOCK_H
#define QR_BASE_CLOCK_H

#include <stdint.h>

#define QR_NS_PER_MS     UINT64_C(1000000)
#define QR_NS_PER_SECOND UINT64_C(1000000000)

/* Never goes back; for durations and deadlines. Its zero means nothing. */
uint64_t qr_clock_monotonic_ns(void);

/* Since 1970-01-01 UTC; may jump. For timestamps that people read. */
int64_t qr_clock_wall_ns(void);

/* The monotonic time timeout_ms from now; UINT32_MAX gives QR_NO_DEADLINE. */
uint64_t qr_clock_deadline_ns(uint32_t timeout_ms);

#endif
