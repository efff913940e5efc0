/*
 * The counting kernels with AVX2 (see CMakeLists.txt for the flag). Empty
 * elsewhere.
 *
 * Comparison results are all ones, that is -1, so subtracting them counts. The
 * two accumulators hide the latency of the subtraction.
 */
#include "base/simd_internal.h"

#if QR_HAVE_AVX2_UNIT

#include <immintrin.h>

#include "base/bytes.h"

static inline __m256i load_vector(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i_u *)p);
}

/* ---- Little-endian int64 ---- */

static inline size_t sum_i64(__m256i counts)
{
    __m128i half =
        _mm_add_epi64(_mm256_castsi256_si128(counts), _mm256_extracti128_si256(counts, 1));
    return (size_t)_mm_cvtsi128_si64(half) + (size_t)_mm_extract_epi64(half, 1);
}

/* Elements e with x > e, or with e > x when `above`. */
static inline size_t count_beside_i64(const void *keys, size_t count, int64_t x, bool above)
{
    const uint8_t *p = keys;
    __m256i wanted = _mm256_set1_epi64x((long long)x);
    __m256i first = _mm256_setzero_si256();
    __m256i second = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256i a = load_vector(p + 8 * i);
        __m256i b = load_vector(p + 8 * i + 32);
        first = _mm256_sub_epi64(first, above ? _mm256_cmpgt_epi64(a, wanted)
                                              : _mm256_cmpgt_epi64(wanted, a));
        second = _mm256_sub_epi64(second, above ? _mm256_cmpgt_epi64(b, wanted)
                                                : _mm256_cmpgt_epi64(wanted, b));
    }
    size_t result = sum_i64(_mm256_add_epi64(first, second));
    for (; i < count; i++) {
        int64_t key;
        memcpy(&key, p + 8 * i, sizeof key);
        result += above ? key > x : key < x;
    }
    return result;
}

static size_t count_less_i64(const void *keys, size_t count, int64_t x)
{
    return count_beside_i64(keys, count, x, false);
}

static size_t count_less_equal_i64(const void *keys, size_t count, int64_t x)
{
    return count - count_beside_i64(keys, count, x, true);
}

/* ---- Big-endian uint32 ---- */

static inline size_t sum_u32(__m256i counts)
{
    __m128i half =
        _mm_add_epi32(_mm256_castsi256_si128(counts), _mm256_extracti128_si256(counts, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(1, 0, 3, 2)));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(2, 3, 0, 1)));
    return (size_t)(unsigned)_mm_cvtsi128_si32(half);
}

/* Swaps the bytes and flips the top bit, so that the signed comparison orders unsigned numbers. */
static inline __m256i load_heads(const uint8_t *p)
{
    const __m256i swap = _mm256_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 3,
                                          2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
    __m256i heads = _mm256_shuffle_epi8(load_vector(p), swap);
    return _mm256_xor_si256(heads, _mm256_set1_epi32(INT32_MIN));
}

static inline size_t count_beside_u32be(const void *heads, size_t count, uint32_t x, bool above)
{
    const uint8_t *p = heads;
    __m256i wanted = _mm256_xor_si256(_mm256_set1_epi32((int)x), _mm256_set1_epi32(INT32_MIN));
    __m256i first = _mm256_setzero_si256();
    __m256i second = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m256i a = load_heads(p + 4 * i);
        __m256i b = load_heads(p + 4 * i + 32);
        first = _mm256_sub_epi32(first, above ? _mm256_cmpgt_epi32(a, wanted)
                                              : _mm256_cmpgt_epi32(wanted, a));
        second = _mm256_sub_epi32(second, above ? _mm256_cmpgt_epi32(b, wanted)
                                                : _mm256_cmpgt_epi32(wanted, b));
    }
    size_t result = sum_u32(_mm256_add_epi32(first, second));
    for (; i < count; i++) {
        uint32_t head = qr_load32_be(p + 4 * i);
        result += above ? head > x : head < x;
    }
    return result;
}

static size_t count_less_u32be(const void *heads, size_t count, uint32_t x)
{
    return count_beside_u32be(heads, count, x, false);
}

static size_t count_less_equal_u32be(const void *heads, size_t count, uint32_t x)
{
    return count - count_beside_u32be(heads, count, x, true);
}

const struct qr_simd qr_simd_avx2_kernels = {
    .name = "avx2",
    .count_less_i64 = count_less_i64,
    .count_less_equal_i64 = count_less_equal_i64,
    .count_less_u32be = count_less_u32be,
    .count_less_equal_u32be = count_less_equal_u32be,
};

#endif
