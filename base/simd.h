/*
 * Counting kernels for searching in sorted arrays, a kernel that compares
 * pages, and ways to ask for memory before it is needed.
 *
 * A sorted array is searched by counting the elements below the wanted one:
 * no branches, so the loads of neighbouring lines overlap. Arrays are on-disk
 * bytes at any alignment. Each kernel has a scalar form; the vector form of
 * the processor at hand is chosen at the first call. All forms give the same
 * result for any input, sorted or not. Any thread.
 */
#ifndef QR_BASE_SIMD_H
#define QR_BASE_SIMD_H

#include <stddef.h>
#include <stdint.h>

struct qr_simd {
    const char *name; /* "scalar", "avx2" */
    /* How many of `count` little-endian int64 are < x, and <= x. */
    size_t (*count_less_i64)(const void *keys, size_t count, int64_t x);
    size_t (*count_less_equal_i64)(const void *keys, size_t count, int64_t x);
    /* How many of `count` big-endian uint32 are < x, and <= x. */
    size_t (*count_less_u32be)(const void *heads, size_t count, uint32_t x);
    size_t (*count_less_equal_u32be)(const void *heads, size_t count, uint32_t x);
    /* Which of `count` eight-byte words of a and b differ: bit i % 64 of bits[i / 64] tells of
     * word i. `count` is a multiple of 64. */
    void (*differing_words)(const void *a, const void *b, size_t count, uint64_t *bits);
};

/* The kernels of this processor, and the portable ones that it is tested against. Never NULL,
 * constant for the life of the process: a handle may keep the pointer. */
const struct qr_simd *qr_simd(void);
const struct qr_simd *qr_simd_scalar(void);

/* Asks for the cache line at p. Never faults. */
static inline void qr_prefetch(const void *p)
{
#if defined(__GNUC__)
    __builtin_prefetch(p);
#else
    (void)p;
#endif
}

/* The same as a load whose result nobody waits for. Processors may drop a prefetch that misses the
 * translation buffers, a load never; so p must be readable, and not be written by another thread
 * meanwhile. For lines that are needed at once. */
static inline void qr_touch(const void *p)
{
    (void)*(const volatile unsigned char *)p;
}

#endif
