/*
 * The scalar kernels, and the choice.
 */
#include "base/simd_internal.h"

#include <stdatomic.h>

#include "base/bytes.h"

static inline int64_t load_i64(const uint8_t *p)
{
    uint64_t bits = qr_load64(p);
    int64_t value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static size_t count_less_i64(const void *keys, size_t count, int64_t x)
{
    const uint8_t *p = keys;
    size_t less = 0;
    for (size_t i = 0; i < count; i++) {
        less += load_i64(p + 8 * i) < x;
    }
    return less;
}

static size_t count_less_equal_i64(const void *keys, size_t count, int64_t x)
{
    const uint8_t *p = keys;
    size_t less = 0;
    for (size_t i = 0; i < count; i++) {
        less += load_i64(p + 8 * i) <= x;
    }
    return less;
}

static size_t count_less_u32be(const void *heads, size_t count, uint32_t x)
{
    const uint8_t *p = heads;
    size_t less = 0;
    for (size_t i = 0; i < count; i++) {
        less += qr_load32_be(p + 4 * i) < x;
    }
    return less;
}

static size_t count_less_equal_u32be(const void *heads, size_t count, uint32_t x)
{
    const uint8_t *p = heads;
    size_t less = 0;
    for (size_t i = 0; i < count; i++) {
        less += qr_load32_be(p + 4 * i) <= x;
    }
    return less;
}

static void differing_words(const void *a, const void *b, size_t count, uint64_t *bits)
{
    const uint8_t *p = a;
    const uint8_t *q = b;
    for (size_t i = 0; i < count; i += 64) {
        uint64_t differ = 0;
        for (unsigned k = 0; k < 64; k++) {
            uint64_t x;
            uint64_t y;
            memcpy(&x, p + 8 * (i + k), sizeof x);
            memcpy(&y, q + 8 * (i + k), sizeof y);
            differ |= (uint64_t)(x != y) << k;
        }
        bits[i / 64] = differ;
    }
}

const struct qr_simd *qr_simd_scalar(void)
{
    static const struct qr_simd scalar = {
        .name = "scalar",
        .count_less_i64 = count_less_i64,
        .count_less_equal_i64 = count_less_equal_i64,
        .count_less_u32be = count_less_u32be,
        .count_less_equal_u32be = count_less_equal_u32be,
        .differing_words = differing_words,
    };
    return &scalar;
}

#if QR_HAVE_AVX2_UNIT

bool qr_processor_has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("popcnt") != 0;
}

const struct qr_simd *qr_simd(void)
{
    /* Both candidates are constants, so a thread that sees the pointer sees what it points to. */
    static _Atomic(const struct qr_simd *) chosen;
    const struct qr_simd *kernels = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (kernels == NULL) {
        kernels = qr_processor_has_avx2() ? &qr_simd_avx2_kernels : qr_simd_scalar();
        atomic_store_explicit(&chosen, kernels, memory_order_relaxed);
    }
    return kernels;
}

#else

const struct qr_simd *qr_simd(void)
{
    return qr_simd_scalar();
}

#endif
