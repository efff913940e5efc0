/*
 * The kernels with AVX2 (see CMakeLists.txt for the flag). Empty
 * elsewhere.
 *
 * A comparison leaves all ones or all zeros in each lane; the sign bits are
 * gathered into a word and counted. On the short arrays of a search that beats
 * adding lanes up, which has to be reduced at the end.
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

/* How many elements are above x, or else below it. */
static inline size_t count_beside_i64(const void *keys, size_t count, int64_t x, bool above)
{
    const uint8_t *p = keys;
    __m256i wanted = _mm256_set1_epi64x((long long)x);
    size_t result = 0;
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        __m256i some = load_vector(p + 8 * i);
        __m256i beside =
            above ? _mm256_cmpgt_epi64(some, wanted) : _mm256_cmpgt_epi64(wanted, some);
        unsigned signs = (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(beside));
        result += (size_t)_mm_popcnt_u32(signs);
    }
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
    size_t result = 0;
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256i some = load_heads(p + 4 * i);
        __m256i beside =
            above ? _mm256_cmpgt_epi32(some, wanted) : _mm256_cmpgt_epi32(wanted, some);
        unsigned signs = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(beside));
        result += (size_t)_mm_popcnt_u32(signs);
    }
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

/* ---- Pages ---- */

static void differing_words(const void *a, const void *b, size_t count, uint64_t *bits)
{
    const uint8_t *p = a;
    const uint8_t *q = b;
    for (size_t i = 0; i < count; i += 64) {
        uint64_t same = 0;
        for (unsigned k = 0; k < 64; k += 4) {
            __m256i equal =
                _mm256_cmpeq_epi64(load_vector(p + 8 * (i + k)), load_vector(q + 8 * (i + k)));
            unsigned lanes = (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(equal));
            same |= (uint64_t)lanes << k;
        }
        bits[i / 64] = ~same;
    }
}

const struct qr_simd qr_simd_avx2_kernels = {
    .name = "avx2",
    .count_less_i64 = count_less_i64,
    .count_less_equal_i64 = count_less_equal_i64,
    .count_less_u32be = count_less_u32be,
    .count_less_equal_u32be = count_less_equal_u32be,
    .differing_words = differing_words,
};

#endif
