/* Hash functions against published values and against each other. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "base/hash_internal.h"
#include "base/simd_internal.h"
#include "support/prng.h"

Test(hash, hash64__matches_the_published_values)
{
    cr_assert_eq(qr_hash64(NULL, 0, 0), UINT64_C(0x2D06800538D394C2));
    struct qr_hash128 empty = qr_hash128(NULL, 0, 0);
    cr_assert_eq(empty.low, UINT64_C(0x6001C324468D497F));
    cr_assert_eq(empty.high, UINT64_C(0x99AA06D3014798D8));
}

Test(hash, hash64__depends_on_seed_size_and_every_byte)
{
    enum { SIZE = 600 };
    uint8_t bytes[SIZE] = {0};
    uint64_t plain = qr_hash64(bytes, SIZE, 1);
    struct qr_hash128 wide = qr_hash128(bytes, SIZE, 1);
    cr_assert_neq(qr_hash64(bytes, SIZE, 2), plain);
    cr_assert_neq(qr_hash64(bytes, SIZE - 1, 1), plain);
    for (size_t i = 0; i < SIZE; i++) {
        bytes[i] ^= 0x10;
        struct qr_hash128 changed = qr_hash128(bytes, SIZE, 1);
        cr_assert_neq(qr_hash64(bytes, SIZE, 1), plain);
        cr_assert(changed.low != wide.low || changed.high != wide.high);
        bytes[i] ^= 0x10;
    }
    cr_assert_eq(qr_hash64(bytes, SIZE, 1), plain);
}

Test(hash, vector_builds__agree)
{
#if QR_HAVE_AVX2_UNIT
    if (!qr_processor_has_avx2()) {
        cr_skip_test("the processor has no AVX2");
    }
    enum { SIZE = 9000 };
    static uint8_t bytes[SIZE + 1];
    struct prng prng;
    prng_init_printed(&prng, "hash");
    prng_fill(&prng, bytes, sizeof bytes);
    for (size_t size = 0; size <= SIZE; size += size < 2100 ? 1 : 97) {
        uint64_t seed = prng_one_in(&prng, 4) ? 0 : prng_next(&prng);
        const uint8_t *start = bytes + size % 2;
        cr_assert_eq(qr_hash64_avx2(start, size, seed), qr_hash64_baseline(start, size, seed));
        struct qr_hash128 a = qr_hash128_avx2(start, size, seed);
        struct qr_hash128 b = qr_hash128_baseline(start, size, seed);
        cr_assert(a.low == b.low && a.high == b.high, "size %zu", size);
        cr_assert_eq(qr_hash64(start, size, seed), qr_hash64_baseline(start, size, seed));
    }
#endif
}

static const uint8_t key[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

Test(hash, siphash__matches_the_published_vectors)
{
    /* SipHash-2-4 of the bytes 0, 1, 2 ... under the key above, from the algorithm's paper. */
    static const uint64_t expected[] = {UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0x74f839c593dc67fd),
                                        UINT64_C(0x0d6c8009d9a94f5a), UINT64_C(0x85676696d7fb7e2d)};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        cr_assert_eq(qr_siphash(key, key, i, 2, 4), expected[i], "%zu bytes", i);
    }
    cr_assert_eq(qr_siphash(key, key, 15, 2, 4), UINT64_C(0xa129ca6149be45e5));
    cr_assert_eq(qr_siphash13(key, NULL, 0), UINT64_C(0xabac0158050fc4dc));
}

Test(hash, siphash13__depends_on_key_size_and_every_byte)
{
    enum { SIZE = 70 };
    uint8_t bytes[SIZE] = {0};
    uint8_t other[16];
    for (size_t size = 1; size <= SIZE; size++) {
        uint64_t plain = qr_siphash13(key, bytes, size);
        cr_assert_neq(qr_siphash13(key, bytes, size - 1), plain);
        bytes[size - 1] ^= 1;
        cr_assert_neq(qr_siphash13(key, bytes, size), plain);
        bytes[size - 1] ^= 1;
        for (size_t i = 0; i < 16; i++) {
            memcpy(other, key, sizeof other);
            other[i] ^= 0x80;
            cr_assert_neq(qr_siphash13(other, bytes, size), plain);
        }
    }
    /* The same bytes at another alignment. */
    static uint8_t shifted[SIZE + 1];
    for (size_t i = 0; i < SIZE; i++) {
        bytes[i] = shifted[i + 1] = (uint8_t)(i * 7);
    }
    cr_assert_eq(qr_siphash13(key, bytes, SIZE), qr_siphash13(key, shifted + 1, SIZE));
}
