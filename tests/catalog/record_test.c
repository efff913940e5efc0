/* Values and records through their public functions. */
#include "catalog/record.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "support/prng.h"

static bool same(const quire_value *a, const quire_value *b)
{
    return a->type == b->type && quire_value_compare(a, b) == 0;
}

static int64_t random_integer(struct prng *prng)
{
    return (int64_t)(prng_next(prng) >> prng_below(prng, 64)) * (prng_one_in(prng, 2) ? 1 : -1);
}

/* A random value whose bytes, if any, live in `bytes` (64 of them). */
static quire_value random_value(struct prng *prng, uint8_t *bytes)
{
    size_t size = (size_t)prng_below(prng, 64);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)prng_below(prng, 128);
    }
    switch (prng_below(prng, 6)) {
    case 0:
        return quire_null();
    case 1:
        return quire_bool(prng_one_in(prng, 2));
    case 2:
        return quire_int(random_integer(prng));
    case 3:
        return quire_float((double)random_integer(prng) / 7);
    case 4:
        return quire_text_n((const char *)bytes, size);
    default:
        return quire_blob(bytes, size);
    }
}

Test(record, encode__round_trips_when_values_are_random)
{
    struct prng prng;
    prng_init(&prng, 1);
    for (int round = 0; round < 3000; round++) {
        quire_value values[40];
        quire_value back[40];
        uint8_t bytes[40][64];
        uint8_t record[8192];
        uint32_t count = (uint32_t)prng_below(&prng, 41);
        uint32_t columns;
        for (uint32_t i = 0; i < count; i++) {
            values[i] = random_value(&prng, bytes[i]);
        }
        size_t size = quire_record_encode(values, count, record);
        cr_assert_eq(size, quire_record_size(values, count));
        cr_assert_eq(quire_record_check(record, size, &columns, NULL), QUIRE_OK);
        cr_assert_eq(columns, count);
        cr_assert_eq(qr_record_decode(record, size, back, count, NULL), QUIRE_OK);
        for (uint32_t i = 0; i < count; i++) {
            quire_value one;
            cr_assert(same(&values[i], &back[i]));
            cr_assert_eq(quire_record_column(record, size, i, &one, NULL), QUIRE_OK);
            cr_assert(same(&values[i], &one));
        }
    }
}

Test(record, encode__uses_no_body_for_small_values)
{
    quire_value values[] = {quire_null(), quire_bool(true), quire_int(0), quire_int(1)};
    uint8_t record[16];
    cr_assert_eq(quire_record_encode(values, 4, record), 5);
}

Test(record, encode__uses_the_least_width_for_integers)
{
    static const struct {
        int64_t value;
        size_t width;
    } cases[] = {{0, 0},         {1, 0},         {-1, 1},        {127, 1},       {128, 2},
                 {-128, 1},      {-129, 2},      {32767, 2},     {32768, 3},     {-32769, 3},
                 {1 << 23, 4},   {1LL << 31, 5}, {1LL << 39, 6}, {1LL << 47, 7}, {1LL << 55, 8},
                 {INT64_MAX, 8}, {INT64_MIN, 8}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        quire_value value = quire_int(cases[i].value);
        cr_assert_eq(quire_record_size(&value, 1), 2 + cases[i].width, "%lld",
                     (long long)cases[i].value);
    }
}

Test(record, column__is_null_when_past_the_stored_ones)
{
    quire_value value = quire_int(7);
    uint8_t record[8];
    size_t size = quire_record_encode(&value, 1, record);
    cr_assert_eq(quire_record_column(record, size, 5, &value, NULL), QUIRE_OK);
    cr_assert_eq(value.type, QUIRE_NULL);
    quire_value row[3];
    cr_assert_eq(qr_record_decode(record, size, row, 3, NULL), QUIRE_OK);
    cr_assert_eq(row[0].as.integer, 7);
    cr_assert_eq(row[2].type, QUIRE_NULL);
}

Test(record, pick__takes_columns_in_any_order)
{
    quire_value values[] = {quire_int(10), quire_text("eleven"), quire_float(12.5), quire_null(),
                            quire_int(14)};
    uint32_t wanted[] = {4, 1, 9, 1, 0};
    quire_value got[5];
    uint8_t record[64];
    size_t size = quire_record_encode(values, 5, record);
    cr_assert_eq(qr_record_pick(record, size, wanted, 5, got, NULL), QUIRE_OK);
    cr_assert_eq(got[0].as.integer, 14);
    cr_assert(same(&got[1], &values[1]));
    cr_assert_eq(got[2].type, QUIRE_NULL);
    cr_assert(same(&got[3], &values[1]));
    cr_assert_eq(got[4].as.integer, 10);
}

Test(record, place__puts_ascending_columns_where_they_belong)
{
    /* Up to so many columns, of sizes whose serial types take one byte and two. */
    static char text[100];
    quire_value values[12];
    uint8_t record[1024];
    memset(text, 'x', sizeof text);
    for (uint32_t count = 0; count <= 12; count++) {
        for (uint32_t i = 0; i < count; i++) {
            values[i] = i % 3 == 0   ? quire_text_n(text, 30 + 2 * i)
                        : i % 3 == 1 ? quire_int(-1 - (int64_t)(UINT64_C(1) << (5 * i)))
                                     : quire_null();
        }
        size_t size = quire_record_encode(values, count, record);
        for (uint32_t first = 0; first <= count; first++) {
            const uint32_t wanted[] = {first, first + 2, 19};
            quire_value got[20];
            cr_assert_eq(qr_record_place(record, size, wanted, 3, got, NULL), QUIRE_OK);
            for (uint32_t i = first; i <= first + 2; i += 2) {
                quire_value expected = i < count ? values[i] : quire_null();
                quire_value alone;
                cr_assert(same(&got[i], &expected), "column %u of %u", i, count);
                cr_assert_eq(quire_record_column(record, size, i, &alone, NULL), QUIRE_OK);
                cr_assert(same(&alone, &expected), "column %u of %u", i, count);
            }
            cr_assert_eq(got[19].type, QUIRE_NULL);
        }
    }
}

Test(record, float__keeps_every_bit)
{
    static const double cases[] = {0.0, -0.0, 1.0, 0.1, 1e308, 5e-324, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        quire_value value = quire_float(cases[i]);
        quire_value back;
        uint8_t record[16];
        size_t size = quire_record_encode(&value, 1, record);
        cr_assert_eq(quire_record_column(record, size, 0, &back, NULL), QUIRE_OK);
        cr_assert_eq(memcmp(&back.as.real, &cases[i], sizeof(double)), 0);
    }
}

/* A record of one list that holds a list, and so on. */
static size_t nested(unsigned depth, uint8_t *out, size_t room)
{
    uint8_t *inner = malloc(room);
    size_t size = quire_record_encode(NULL, 0, inner);
    for (unsigned i = 0; i < depth; i++) {
        quire_value list = quire_blob(inner, size);
        list.type = QUIRE_LIST;
        size = quire_record_encode(&list, 1, out);
        memcpy(inner, out, size);
    }
    free(inner);
    return size;
}

Test(record, check__limits_the_depth_of_lists)
{
    uint8_t record[512];
    uint32_t columns;
    size_t size = nested(QR_LIST_DEPTH_MAX, record, sizeof record);
    cr_assert_eq(quire_record_check(record, size, &columns, NULL), QUIRE_OK);
    size = nested(QR_LIST_DEPTH_MAX + 1, record, sizeof record);
    cr_assert_eq(quire_record_check(record, size, &columns, NULL), QUIRE_CORRUPT);
    size = nested(QR_LIST_DEPTH_MAX + 100, record, sizeof record);
    cr_assert_eq(quire_record_check(record, size, &columns, NULL), QUIRE_CORRUPT);
}

Test(record, check__refuses_what_is_not_exactly_a_record)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *what;
    } cases[] = {
        {"", 0, "nothing"},
        {"\x01", 1, "no serial type"},
        {"\x01\x05", 2, "no body"},
        {"\x01\x05\x02\x03", 4, "bytes behind"},
        {"\x01\x05\x01", 3, "integer 1 with a body"},
        {"\x01\x06\x05\x00", 4, "integer wider than needed"},
        {"\x01\x0E", 2, "reserved serial type"},
        {"\x01\x80\x00", 3, "varint longer than needed"},
        {"\x01\x13", 2, "text of one byte that is not there"},
        {"\x01\x13\xFF", 3, "text that is not UTF-8"},
        {"\x01\x15\x01", 3, "list that is no record"},
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10, "2^64-1 columns"},
        {"\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11, "body of 2^62 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        uint32_t columns;
        cr_assert_eq(quire_record_check(cases[i].bytes, cases[i].size, &columns, &err),
                     QUIRE_CORRUPT, "%s", cases[i].what);
        cr_assert(err.message[0] != '\0');
    }
}

/* Decoders may answer anything but must stay within the bytes: the sanitizer watches. */
Test(record, decode__stays_in_bounds_when_bytes_are_hostile)
{
    struct prng prng;
    prng_init(&prng, 2);
    for (int round = 0; round < 20000; round++) {
        size_t size = (size_t)prng_below(&prng, 48);
        uint8_t *record = malloc(size == 0 ? 1 : size);
        quire_value values[16];
        uint32_t columns;
        prng_fill(&prng, record, size);
        if (size > 0) {
            record[0] = (uint8_t)prng_below(&prng, 20);
        }
        quire_status checked = quire_record_check(record, size, &columns, NULL);
        cr_assert(checked == QUIRE_OK || checked == QUIRE_CORRUPT);
        if (qr_record_decode(record, size, values, 16, NULL) == QUIRE_OK) {
            for (int i = 0; i < 16; i++) {
                (void)quire_value_compare(&values[i], &values[(i + 1) % 16]);
                (void)qr_value_valid(&values[i]);
            }
        }
        checked = quire_record_column(record, size, (uint32_t)prng_below(&prng, 24), values, NULL);
        cr_assert(checked == QUIRE_OK || checked == QUIRE_CORRUPT);
        free(record);
    }
}

Test(record, check__accepts_what_was_encoded_and_nothing_else_when_a_bit_flips)
{
    quire_value values[] = {quire_int(300), quire_text("abc"), quire_float(1.5), quire_bool(false)};
    uint8_t record[64];
    size_t size = quire_record_encode(values, 4, record);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        uint8_t flipped[64];
        uint32_t columns;
        memcpy(flipped, record, size);
        flipped[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        if (quire_record_check(flipped, size, &columns, NULL) != QUIRE_OK) {
            continue;
        }
        /* Still a record: then re-encoding must give the same bytes. */
        quire_value back[16];
        uint8_t again[64];
        cr_assert_leq(columns, 16);
        cr_assert_eq(qr_record_decode(flipped, size, back, columns, NULL), QUIRE_OK);
        cr_assert_eq(quire_record_encode(back, columns, again), size);
        cr_assert_eq(memcmp(again, flipped, size), 0);
    }
}

/* ---- Values ---- */

Test(value, compare__orders_types_and_numbers)
{
    const quire_value ordered[] = {quire_null(),
                                   quire_bool(false),
                                   quire_bool(true),
                                   quire_float((double)NAN),
                                   quire_float(-INFINITY),
                                   quire_int(INT64_MIN),
                                   quire_float(-1.5),
                                   quire_int(-1),
                                   quire_float(-0.5),
                                   quire_int(0),
                                   quire_float(0.5),
                                   quire_int(1),
                                   quire_int(INT64_C(9007199254740992)),
                                   quire_int(INT64_C(9007199254740993)),
                                   quire_int(INT64_MAX),
                                   quire_float(9223372036854775808.0),
                                   quire_text(""),
                                   quire_text("a"),
                                   quire_text("ab"),
                                   quire_text("b"),
                                   quire_blob("", 0),
                                   quire_blob("\0", 1)};
    size_t count = sizeof ordered / sizeof ordered[0];
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int order = quire_value_compare(&ordered[i], &ordered[j]);
            cr_assert_eq((order > 0) - (order < 0), (i > j) - (i < j), "%zu %zu", i, j);
        }
    }
}

Test(value, compare__treats_equal_numbers_alike)
{
    quire_value a = quire_int(3);
    quire_value b = quire_float(3.0);
    quire_value zero = quire_float(0.0);
    quire_value minus = quire_float(-0.0);
    quire_value nan = quire_float((double)NAN);
    cr_assert_eq(quire_value_compare(&a, &b), 0);
    cr_assert_eq(quire_value_compare(&zero, &minus), 0);
    cr_assert_eq(quire_value_compare(&nan, &nan), 0);
}

Test(value, utf8__is_checked_to_the_letter)
{
    static const char *const good[] = {"",
                                       "plain ascii text",
                                       "\xC3\xA9",
                                       "\xE2\x82\xAC",
                                       "\xF0\x9F\x98\x80",
                                       "\xED\x9F\xBF",
                                       "\xF4\x8F\xBF\xBF"};
    static const char *const bad[] = {
        "\x80",         "\xC0\x80",         "\xC1\xBF",         "\xE0\x80\x80",
        "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
        "\xC3",         "\xE2\x82",         "12345678\xFF"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert(qr_utf8_valid(good[i], strlen(good[i])), "%zu", i);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(qr_utf8_valid(bad[i], strlen(bad[i])), "%zu", i);
    }
}
