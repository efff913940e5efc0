/* Counting kernels: the scalar ones against the definition, all others against the scalar ones. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/simd.h"
#include "support/prng.h"

enum { COUNT_MAX = 600 };

static const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};

static int64_t any_i64(struct prng *prng)
{
    if (prng_one_in(prng, 3)) {
        return edges[prng_below(prng, sizeof edges / sizeof edges[0])];
    }
    return qr_unzigzag(prng_next(prng) >> prng_below(prng, 64));
}

static uint32_t any_u32(struct prng *prng)
{
    static const uint32_t ends[] = {0, 1, INT32_MAX, UINT32_C(1) << 31, UINT32_MAX - 1, UINT32_MAX};
    if (prng_one_in(prng, 3)) {
        return ends[prng_below(prng, sizeof ends / sizeof ends[0])];
    }
    return (uint32_t)(prng_next(prng) >> (32 + prng_below(prng, 32)));
}

static void check_i64(struct prng *prng, size_t count)
{
    /* Exactly as many bytes as the array needs, so that reading past its end is caught; the odd
     * start makes every element unaligned. */
    uint8_t *bytes = malloc(8 * count + 1);
    int64_t values[COUNT_MAX];
    for (size_t i = 0; i < count; i++) {
        uint64_t bits;
        values[i] = any_i64(prng);
        memcpy(&bits, &values[i], sizeof bits);
        qr_store64(bytes + 1 + 8 * i, bits);
    }
    for (int k = 0; k < 4; k++) {
        int64_t x = count > 0 && k < 2 ? values[prng_below(prng, count)] : any_i64(prng);
        size_t less = 0;
        size_t less_equal = 0;
        for (size_t i = 0; i < count; i++) {
            less += values[i] < x;
            less_equal += values[i] <= x;
        }
        cr_assert_eq(qr_simd_scalar()->count_less_i64(bytes + 1, count, x), less);
        cr_assert_eq(qr_simd_scalar()->count_less_equal_i64(bytes + 1, count, x), less_equal);
        cr_assert_eq(qr_simd()->count_less_i64(bytes + 1, count, x), less);
        cr_assert_eq(qr_simd()->count_less_equal_i64(bytes + 1, count, x), less_equal);
    }
    free(bytes);
}

static void check_u32be(struct prng *prng, size_t count)
{
    uint8_t *bytes = malloc(4 * count + 1);
    uint32_t values[COUNT_MAX];
    for (size_t i = 0; i < count; i++) {
        values[i] = any_u32(prng);
        qr_store32_be(bytes + 1 + 4 * i, values[i]);
    }
    for (int k = 0; k < 4; k++) {
        uint32_t x = count > 0 && k < 2 ? values[prng_below(prng, count)] : any_u32(prng);
        size_t less = 0;
        size_t less_equal = 0;
        for (size_t i = 0; i < count; i++) {
            less += values[i] < x;
            less_equal += values[i] <= x;
        }
        cr_assert_eq(qr_simd_scalar()->count_less_u32be(bytes + 1, count, x), less);
        cr_assert_eq(qr_simd_scalar()->count_less_equal_u32be(bytes + 1, count, x), less_equal);
        cr_assert_eq(qr_simd()->count_less_u32be(bytes + 1, count, x), less);
        cr_assert_eq(qr_simd()->count_less_equal_u32be(bytes + 1, count, x), less_equal);
    }
    free(bytes);
}

Test(simd, kernels__agree_at_every_small_count)
{
    struct prng prng;
    prng_init_printed(&prng, "simd");
    for (int round = 0; round < 8; round++) {
        for (size_t count = 0; count <= 130; count++) {
            check_i64(&prng, count);
            check_u32be(&prng, count);
        }
    }
}

Test(simd, kernels__agree_at_page_sized_counts)
{
    struct prng prng;
    prng_init_printed(&prng, "simd");
    for (int round = 0; round < 200; round++) {
        size_t count = prng_below(&prng, COUNT_MAX + 1);
        check_i64(&prng, count);
        check_u32be(&prng, count);
    }
}

Test(simd, choice__is_constant_and_named)
{
    cr_assert_eq(qr_simd(), qr_simd());
    cr_assert_str_eq(qr_simd_scalar()->name, "scalar");
    cr_assert_gt(strlen(qr_simd()->name), 0);
#if QR_PORTABLE
    cr_assert_eq(qr_simd(), qr_simd_scalar());
#endif
    qr_prefetch(NULL);
}
