/* Loads, stores, bits and varints. */
#include <criterion/criterion.h>

#include "base/bits.h"
#include "base/bytes.h"
#include "support/prng.h"

Test(bytes, loads_and_stores__keep_the_documented_order)
{
    uint8_t bytes[16] = {0};
    qr_store16(bytes + 1, 0x1234);
    cr_assert(bytes[1] == 0x34 && bytes[2] == 0x12);
    cr_assert_eq(qr_load16(bytes + 1), 0x1234);
    qr_store32(bytes + 3, 0x89ABCDEFU);
    cr_assert(bytes[3] == 0xEF && bytes[6] == 0x89);
    cr_assert_eq(qr_load32(bytes + 3), 0x89ABCDEFU);
    qr_store64(bytes + 5, UINT64_C(0x0123456789ABCDEF));
    cr_assert(bytes[5] == 0xEF && bytes[12] == 0x01);
    cr_assert_eq(qr_load64(bytes + 5), UINT64_C(0x0123456789ABCDEF));
    cr_assert_eq(qr_load64_be(bytes + 5), UINT64_C(0xEFCDAB8967452301));
    qr_store32_be(bytes + 1, 0x01020304U);
    cr_assert(bytes[1] == 1 && bytes[4] == 4);
    cr_assert_eq(qr_load32_be(bytes + 1), 0x01020304U);
    qr_store64_be(bytes + 3, 0x0102030405060708U);
    cr_assert(bytes[3] == 1 && bytes[10] == 8);
}

static void round_trip(uint64_t value, size_t expected_size)
{
    uint8_t bytes[QR_VARINT_MAX + 1];
    memset(bytes, 0xEE, sizeof bytes);
    size_t size = qr_varint_put(bytes, value);
    uint64_t back = ~value;
    cr_assert_eq(size, expected_size);
    cr_assert_eq(qr_varint_size(value), size);
    cr_assert_eq(bytes[size], 0xEE, "the encoder wrote past the end");
    cr_assert_eq(qr_varint_get(bytes, sizeof bytes, &back), size);
    cr_assert_eq(back, value);
    for (size_t cut = 0; cut < size; cut++) {
        cr_assert_eq(qr_varint_get(bytes, cut, &back), 0, "cut to %zu bytes", cut);
    }
}

Test(bytes, varint__round_trips_at_every_width)
{
    round_trip(0, 1);
    for (unsigned bits = 1; bits <= 64; bits++) {
        uint64_t largest = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
        round_trip(largest, (bits + 6) / 7);
        if (bits < 64) {
            round_trip(largest + 1, bits / 7 + 1);
        }
    }
}

Test(bytes, varint__round_trips_at_random)
{
    struct prng prng;
    prng_init_printed(&prng, "varint");
    for (int i = 0; i < 20000; i++) {
        uint64_t value = prng_next(&prng) >> prng_below(&prng, 64);
        round_trip(value, qr_varint_size(value));
    }
}

Test(bytes, varint_get__refuses_longer_encodings_than_needed)
{
    uint64_t value;
    cr_assert_eq(qr_varint_get("\x80\x00", 2, &value), 0);
    cr_assert_eq(qr_varint_get("\xFF\x00", 2, &value), 0);
    cr_assert_eq(qr_varint_get("\x80\x80\x00", 3, &value), 0);
    cr_assert_eq(qr_varint_get("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00", 10, &value), 0);
    cr_assert_eq(qr_varint_get("\x80\x01", 2, &value), 2);
    cr_assert_eq(value, 128);
}

Test(bytes, varint_get__refuses_more_than_64_bits)
{
    uint64_t value;
    cr_assert_eq(qr_varint_get("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10, &value), 10);
    cr_assert_eq(value, UINT64_MAX);
    cr_assert_eq(qr_varint_get("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10, &value), 0);
    cr_assert_eq(qr_varint_get("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, &value), 0);
    cr_assert_eq(qr_varint_get("", 0, &value), 0);
}

Test(bytes, zigzag__keeps_small_magnitudes_small)
{
    cr_assert_eq(qr_zigzag(0), 0);
    cr_assert_eq(qr_zigzag(-1), 1);
    cr_assert_eq(qr_zigzag(1), 2);
    cr_assert_eq(qr_zigzag(INT64_MIN), UINT64_MAX);
    static const int64_t values[] = {0, 1, -1, 63, -64, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        cr_assert_eq(qr_unzigzag(qr_zigzag(values[i])), values[i]);
    }
}

Test(bits, scans__find_the_outermost_bits)
{
    for (unsigned i = 0; i < 64; i++) {
        cr_assert_eq(qr_lowest_bit(UINT64_MAX << i), i);
        cr_assert_eq(qr_highest_bit(UINT64_MAX >> i), 63 - i);
        cr_assert_eq(qr_bit_count(UINT64_MAX << i), 64 - i);
        cr_assert(qr_is_power_of_two(UINT64_C(1) << i));
    }
    cr_assert_not(qr_is_power_of_two(0));
    cr_assert_not(qr_is_power_of_two(6));
    cr_assert_eq(qr_bit_count(0), 0);
    cr_assert_eq(qr_round_up(0, 8), 0);
    cr_assert_eq(qr_round_up(1, 8), 8);
    cr_assert_eq(qr_round_up(4096, 4096), 4096);
}
