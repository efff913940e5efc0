/*
 * Bit scanning over 64-bit words, and rounding to powers of two.
 */
#ifndef QR_BASE_BITS_H
#define QR_BASE_BITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

/* Index of the lowest set bit; value must not be 0. */
static inline unsigned qr_lowest_bit(uint64_t value)
{
    QR_ASSERT(value != 0);
#if defined(__GNUC__)
    return (unsigned)__builtin_ctzll(value);
#else
    unsigned index = 0;
    while (((value >> index) & 1) == 0) {
        index++;
    }
    return index;
#endif
}

/* Index of the highest set bit; value must not be 0. */
static inline unsigned qr_highest_bit(uint64_t value)
{
    QR_ASSERT(value != 0);
#if defined(__GNUC__)
    return 63U - (unsigned)__builtin_clzll(value);
#else
    unsigned index = 0;
    while (value >>= 1) {
        index++;
    }
    return index;
#endif
}

/* Number of set bits. */
static inline unsigned qr_bit_count(uint64_t value)
{
#if defined(__GNUC__)
    return (unsigned)__builtin_popcountll(value);
#else
    unsigned count = 0;
    for (; value != 0; value &= value - 1) {
        count++;
    }
    return count;
#endif
}

static inline bool qr_is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* The next multiple of alignment, a power of two; the caller knows that it does not overflow. */
static inline uint64_t qr_round_up(uint64_t value, uint64_t alignment)
{
    QR_ASSERT(qr_is_power_of_two(alignment));
    return (value + alignment - 1) & ~(alignment - 1);
}

#endif
