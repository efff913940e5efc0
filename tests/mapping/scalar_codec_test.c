/*
 * The stored forms of scalars: every value comes back, malformed texts are
 * refused, the order of bytes (as values and in index keys) is that of the
 * values, and damaged forms are told.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "catalog/key.h"
#include "graphql/scalar.h"
#include "support/prng.h"

struct bench {
    struct qr_arena arena;
    struct qr_json_writer writer;
};

static void bench_open(struct bench *b)
{
    qr_arena_init(&b->arena, qr_allocator_default(), 0);
    qr_json_writer_init(&b->writer, qr_allocator_default(), 0, NULL);
}

static void bench_close(struct bench *b)
{
    qr_json_writer_free(&b->writer);
    qr_arena_free(&b->arena);
}

static bool store(struct bench *b, const char *scalar, const char *text, quire_value *out)
{
    quire_error err = QUIRE_ERROR_INIT;
    bool fits = false;
    const struct qr_scalar *s = qr_scalar_find(qr_gql_str_of(scalar));
    cr_assert_eq(s->read(qr_gql_str_of(text), &b->arena, out, &fits, &err), QUIRE_OK);
    cr_assert(!fits || out->type == s->stored);
    return fits;
}

/* The JSON of a stored value; borrowed until the next call. "" when it is damaged. */
static const char *json_of(struct bench *b, const char *scalar, const quire_value *value)
{
    qr_json_writer_rewind(&b->writer, (struct qr_json_mark){0});
    if (!qr_scalar_find(qr_gql_str_of(scalar))->write(value, &b->writer)) {
        return "";
    }
    char *copy = qr_arena_alloc(&b->arena, b->writer.size + 1, NULL);
    memcpy(copy, b->writer.bytes, b->writer.size);
    copy[b->writer.size] = '\0';
    return copy;
}

struct pair {
    const char *scalar, *in, *out;
};

static const struct pair pairs[] = {
    {"BigInt", "-9223372036854775808", "\"-9223372036854775808\""},
    {"BigInt", "007", "\"7\""},
    {"Decimal", "0", "\"0\""},
    {"Decimal", "-0.000", "\"0\""},
    {"Decimal", "0e99999999999999999999", "\"0\""},
    {"Decimal", "1.50", "\"1.5\""},
    {"Decimal", "-1200e-2", "\"-12\""},
    {"Decimal", "12e3", "\"12000\""},
    {"Decimal", "0.000123E2", "\"0.0123\""},
    {"Decimal", "79228162514264337593543950335.0000000000000000000000000001",
     "\"79228162514264337593543950335.0000000000000000000000000001\""},
    {"Decimal", "100000000000000000000.5e-20", "\"1.000000000000000000005\""},
    {"DateTime", "2024-02-29T23:59:59Z", "\"2024-02-29T23:59:59Z\""},
    {"DateTime", "2024-01-01T00:30:00+01:00", "\"2023-12-31T23:30:00Z\""},
    {"DateTime", "2024-01-01t00:30:00.5-23:59", "\"2024-01-02T00:29:00.500Z\""},
    {"DateTime", "1969-12-31T23:59:59.999999z", "\"1969-12-31T23:59:59.999999Z\""},
    {"DateTime", "1969-12-31T23:59:59.1230000000000-00:00", "\"1969-12-31T23:59:59.123Z\""},
    {"DateTime", "0000-01-01T00:00:00Z", "\"0000-01-01T00:00:00Z\""},
    {"DateTime", "9999-12-31T23:59:59.999999Z", "\"9999-12-31T23:59:59.999999Z\""},
    {"Date", "2000-02-29", "\"2000-02-29\""},
    {"Date", "0000-02-29", "\"0000-02-29\""},
    {"Time", "00:00:00", "\"00:00:00\""},
    {"Time", "23:59:59.000001", "\"23:59:59.000001\""},
    {"Time", "23:59:59.120", "\"23:59:59.120\""},
    {"Duration", "P1Y2M3W4DT5H6M7.250S", "\"P1Y2M25DT5H6M7.250S\""},
    {"Duration", "PT0S", "\"PT0S\""},
    {"Duration", "-P0D", "\"PT0S\""},
    {"Duration", "PT90M", "\"PT1H30M\""},
    {"Duration", "P14M", "\"P1Y2M\""},
    {"Duration", "-PT36H0.000001S", "\"-PT36H0.000001S\""},
    {"Duration", "P10000Y3660000DT87840000H", "\"P10000Y3660000DT87840000H\""},
    {"UUID", "0190F3C8-4BE2-7D31-A9C4-5B1F0A2D3E4F", "\"0190f3c8-4be2-7d31-a9c4-5b1f0a2d3e4f\""},
    {"Bytes", "", "\"\""},
    {"Bytes", "AA==", "\"AA==\""},
    {"Bytes", "/+8=", "\"/+8=\""},
    {"Bytes",
     "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0=",
     "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0=\""},
};

Test(scalar_codec, values_come_back_in_their_normal_form)
{
    struct bench b;
    bench_open(&b);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        quire_value value;
        cr_assert(store(&b, pairs[i].scalar, pairs[i].in, &value), "%s %s", pairs[i].scalar,
                  pairs[i].in);
        cr_expect_str_eq(json_of(&b, pairs[i].scalar, &value), pairs[i].out, "%s %s gives %s",
                         pairs[i].scalar, pairs[i].in, json_of(&b, pairs[i].scalar, &value));
    }
    bench_close(&b);
}

static const struct pair malformed[] = {
    {"BigInt", "9223372036854775808", NULL},
    {"BigInt", "", NULL},
    {"BigInt", "-", NULL},
    {"BigInt", "1.0", NULL},
    {"Decimal", "", NULL},
    {"Decimal", "-", NULL},
    {"Decimal", "+1", NULL},
    {"Decimal", "01", NULL},
    {"Decimal", ".5", NULL},
    {"Decimal", "5.", NULL},
    {"Decimal", "1e", NULL},
    {"Decimal", "1e+", NULL},
    {"Decimal", "1 ", NULL},
    {"Decimal", "1,5", NULL},
    {"Decimal", "NaN", NULL},
    {"Decimal", "1e1000", NULL},
    {"Decimal", "1e-1001", NULL},
    {"Decimal", "1e999999999999999999999999", NULL},
    {"Decimal", "-1e-999999999999999999999999", NULL},
    {"DateTime", "2024-02-30T00:00:00Z", NULL},
    {"DateTime", "1900-02-29T00:00:00Z", NULL},
    {"DateTime", "2024-01-01", NULL},
    {"DateTime", "2024-01-01T00:00:00", NULL},
    {"DateTime", "2024-01-01 00:00:00Z", NULL},
    {"DateTime", "2024-01-01T24:00:00Z", NULL},
    {"DateTime", "2024-01-01T23:59:60Z", NULL},
    {"DateTime", "2024-01-01T00:00:00.Z", NULL},
    {"DateTime", "2024-01-01T00:00:00.0000001Z", NULL},
    {"DateTime", "2024-01-01T00:00:00+24:00", NULL},
    {"DateTime", "2024-01-01T00:00:00+0100", NULL},
    {"DateTime", "0000-01-01T00:00:00+00:01", NULL},
    {"DateTime", "9999-12-31T23:59:59-00:01", NULL},
    {"DateTime", "2024-01-01T00:00:00ZZ", NULL},
    {"DateTime", "24-01-01T00:00:00Z", NULL},
    {"Date", "2024-13-01", NULL},
    {"Date", "2024-00-01", NULL},
    {"Date", "2024-1-01", NULL},
    {"Date", "2024-01-01Z", NULL},
    {"Date", "10000-01-01", NULL},
    {"Time", "12:00", NULL},
    {"Time", "12:00:00Z", NULL},
    {"Time", "24:00:00", NULL},
    {"Time", "12:60:00", NULL},
    {"Duration", "", NULL},
    {"Duration", "P", NULL},
    {"Duration", "PT", NULL},
    {"Duration", "P1DT", NULL},
    {"Duration", "1D", NULL},
    {"Duration", "P1", NULL},
    {"Duration", "P1S", NULL},
    {"Duration", "P1M1Y", NULL},
    {"Duration", "P1Y1Y", NULL},
    {"Duration", "PT1S1S", NULL},
    {"Duration", "P1.5D", NULL},
    {"Duration", "PT1.5H", NULL},
    {"Duration", "PT1.0000001S", NULL},
    {"Duration", "PT.5S", NULL},
    {"Duration", "P-1D", NULL},
    {"Duration", "p1d", NULL},
    {"Duration", "P10000Y1M", NULL},
    {"Duration", "P3660001D", NULL},
    {"Duration", "PT87840000H1S", NULL},
    {"Duration", "PT99999999999999999999999999999999H", NULL},
    {"Duration", "P99999999999999999999999999999999Y", NULL},
    {"UUID", "0190f3c8-4be2-7d31-a9c4-5b1f0a2d3e4", NULL},
    {"UUID", "0190f3c84be27d31a9c45b1f0a2d3e4f", NULL},
    {"UUID", "0190f3c8-4be2-7d31-a9c4-5b1f0a2d3e4g", NULL},
    {"UUID", "{190f3c8-4be2-7d31-a9c4-5b1f0a2d3e4}", NULL},
    {"UUID", "0190f3c8_4be2_7d31_a9c4_5b1f0a2d3e4f", NULL},
    {"Bytes", "A", NULL},
    {"Bytes", "AA", NULL},
    {"Bytes", "AA=", NULL},
    {"Bytes", "A===", NULL},
    {"Bytes", "AB==", NULL},
    {"Bytes", "AAB=", NULL},
    {"Bytes", "AA==AA==", NULL},
    {"Bytes", "-_8=", NULL},
    {"Bytes", "AA A", NULL},
    {"Bytes", "====", NULL},
};

Test(scalar_codec, malformed_texts_are_refused)
{
    struct bench b;
    bench_open(&b);
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        quire_value value;
        cr_expect_not(store(&b, malformed[i].scalar, malformed[i].in, &value), "%s %s",
                      malformed[i].scalar, malformed[i].in);
    }
    bench_close(&b);
}

/* A text of `count` times a character, between two others. */
static const char *repeat(struct bench *b, const char *before, char c, size_t count,
                          const char *after)
{
    size_t size = strlen(before);
    char *text = qr_arena_alloc(&b->arena, size + count + strlen(after) + 1, NULL);
    memcpy(text, before, size);
    memset(text + size, c, count);
    memcpy(text + size + count, after, strlen(after) + 1);
    return text;
}

Test(scalar_codec, decimals_keep_a_thousand_digits_on_either_side)
{
    struct bench b;
    quire_value value;
    bench_open(&b);
    const char *whole = repeat(&b, "-", '9', 1000, "");
    cr_assert(store(&b, "Decimal", whole, &value));
    cr_expect_eq(strncmp(json_of(&b, "Decimal", &value) + 1, whole, 1001), 0);
    const char *fraction = repeat(&b, "0.", '0', 999, "7");
    cr_assert(store(&b, "Decimal", fraction, &value));
    cr_expect_eq(strncmp(json_of(&b, "Decimal", &value) + 1, fraction, 1002), 0);
    const char *both = repeat(&b, whole, '9', 0, repeat(&b, ".", '8', 1000, ""));
    cr_assert(store(&b, "Decimal", both, &value));
    cr_expect_eq(strncmp(json_of(&b, "Decimal", &value) + 1, both, 2002), 0);
    cr_expect(store(&b, "Decimal", repeat(&b, "1.", '0', 100000, ""), &value));
    cr_expect(store(&b, "Decimal", repeat(&b, "0.", '0', 5000, "1e4900"), &value));
    cr_expect_str_eq(json_of(&b, "Decimal", &value) + 102, "01\"");
    cr_expect_not(store(&b, "Decimal", repeat(&b, "", '9', 1001, ""), &value));
    cr_expect_not(store(&b, "Decimal", repeat(&b, "0.", '0', 1000, "7"), &value));
    cr_expect_not(store(&b, "Decimal", repeat(&b, "", '7', 1000000, ""), &value));
    bench_close(&b);
}

/* ---- order ---- */

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

/* Stored values and their index keys compare as `wanted` says. */
static void expect_order(const quire_value *x, const quire_value *y, int wanted, const char *a,
                         const char *b)
{
    struct qr_key keys[2] = {{.allocator = qr_allocator_default()},
                             {.allocator = qr_allocator_default()}};
    cr_assert_eq(sign(quire_value_compare(x, y)), wanted, "%s %s", a, b);
    for (int descending = 0; descending < 2; descending++) {
        qr_key_clear(&keys[0]);
        qr_key_clear(&keys[1]);
        cr_assert_eq(qr_key_append(&keys[0], x, descending == 1, NULL), QUIRE_OK);
        cr_assert_eq(qr_key_append(&keys[1], y, descending == 1, NULL), QUIRE_OK);
        size_t size = keys[0].size < keys[1].size ? keys[0].size : keys[1].size;
        int order = memcmp(keys[0].bytes, keys[1].bytes, size);
        order = order != 0 ? order : (keys[0].size > keys[1].size) - (keys[0].size < keys[1].size);
        cr_assert_eq(sign(order), descending == 1 ? -wanted : wanted, "%s %s", a, b);
    }
    qr_key_free(&keys[0]);
    qr_key_free(&keys[1]);
}

enum { WHOLE = 12, FRACTION = 12 };

/* Makes a decimal of few digits, many of them zeros, as a text and as an aligned text to compare:
 * negative ones are complemented. */
static void make_decimal(struct prng *prng, char text[40], char aligned[40])
{
    char digits[WHOLE + FRACTION + 1] = {0};
    bool negative = prng_one_in(prng, 2);
    bool zero = true;
    size_t first = prng_below(prng, WHOLE + FRACTION), count = prng_below(prng, 6);
    memset(digits, '0', WHOLE + FRACTION);
    for (size_t i = first; i < first + count && i < WHOLE + FRACTION; i++) {
        digits[i] = (char)('0' + (prng_one_in(prng, 3) ? 0 : prng_below(prng, 10)));
        zero = zero && digits[i] == '0';
    }
    size_t skip = 0;
    while (skip < WHOLE - 1 && digits[skip] == '0') {
        skip++;
    }
    snprintf(text, 40, "%s%.*s.%s", negative ? "-" : "", (int)(WHOLE - skip), digits + skip,
             digits + WHOLE);
    for (size_t i = 0; negative && !zero && i < WHOLE + FRACTION; i++) {
        digits[i] = (char)('9' - (digits[i] - '0'));
    }
    snprintf(aligned, 40, "%c%s", negative && !zero ? '-' : '0', digits);
}

Test(scalar_codec, decimals_order_as_numbers)
{
    struct prng prng;
    struct bench b;
    (void)prng_init_printed(&prng, "decimals");
    bench_open(&b);
    for (int i = 0; i < 20000; i++) {
        char text[2][40], aligned[2][40];
        quire_value values[2];
        for (int j = 0; j < 2; j++) {
            make_decimal(&prng, text[j], aligned[j]);
            cr_assert(store(&b, "Decimal", text[j], &values[j]), "%s", text[j]);
        }
        expect_order(&values[0], &values[1], sign(strcmp(aligned[0], aligned[1])), text[0],
                     text[1]);
        quire_value again;
        const char *json = json_of(&b, "Decimal", &values[0]);
        char plain[64];
        snprintf(plain, sizeof plain, "%.*s", (int)strlen(json) - 2, json + 1);
        cr_assert(store(&b, "Decimal", plain, &again));
        cr_assert_eq(quire_value_compare(&again, &values[0]), 0, "%s %s", text[0], plain);
        qr_arena_reset(&b.arena);
    }
    bench_close(&b);
}

struct parts {
    int64_t months, days, time;
};

static int compare_parts(const struct parts *a, const struct parts *b)
{
    const int64_t day = INT64_C(86400000000);
    int64_t x = (a->months * 30 + a->days) * day + a->time;
    int64_t y = (b->months * 30 + b->days) * day + b->time;
    if (x != y) {
        return x > y ? 1 : -1;
    }
    if (a->months != b->months) {
        return a->months > b->months ? 1 : -1;
    }
    return (a->days > b->days) - (a->days < b->days);
}

Test(scalar_codec, durations_have_one_order)
{
    struct prng prng;
    struct bench b;
    (void)prng_init_printed(&prng, "durations");
    bench_open(&b);
    for (int i = 0; i < 20000; i++) {
        char text[2][80];
        struct parts parts[2];
        quire_value values[2];
        for (int j = 0; j < 2; j++) {
            int64_t flip = prng_one_in(&prng, 2) ? -1 : 1;
            struct parts p = {(int64_t)prng_below(&prng, 4), (int64_t)prng_below(&prng, 62),
                              (int64_t)(prng_below(&prng, 3) * 86400000000)};
            snprintf(text[j], sizeof text[j], "%sP%lldM%lldDT%lldS", flip < 0 ? "-" : "",
                     (long long)p.months, (long long)p.days, (long long)(p.time / 1000000));
            parts[j] = (struct parts){flip * p.months, flip * p.days, flip * p.time};
            cr_assert(store(&b, "Duration", text[j], &values[j]), "%s", text[j]);
        }
        expect_order(&values[0], &values[1], compare_parts(&parts[0], &parts[1]), text[0], text[1]);
        quire_value again;
        const char *json = json_of(&b, "Duration", &values[0]);
        char plain[80];
        snprintf(plain, sizeof plain, "%.*s", (int)strlen(json) - 2, json + 1);
        cr_assert(store(&b, "Duration", plain, &again), "%s", plain);
        cr_assert_eq(quire_value_compare(&again, &values[0]), 0, "%s %s", text[0], plain);
        qr_arena_reset(&b.arena);
    }
    bench_close(&b);
}

Test(scalar_codec, moments_come_back_over_all_years)
{
    struct prng prng;
    struct bench b;
    (void)prng_init_printed(&prng, "moments");
    bench_open(&b);
    for (int64_t day = -719528; day <= 2932896; day += 1 + (int64_t)prng_below(&prng, 11)) {
        quire_value value = quire_int(day), again;
        const char *json = json_of(&b, "Date", &value);
        char plain[32];
        cr_assert_eq(strlen(json), 12, "%lld %s", (long long)day, json);
        snprintf(plain, sizeof plain, "%.10s", json + 1);
        cr_assert(store(&b, "Date", plain, &again), "%s", plain);
        cr_assert_eq(again.as.integer, day);
        qr_arena_reset(&b.arena);
    }
    for (int i = 0; i < 20000; i++) {
        int64_t least = -62167219200, seconds = 315569520000;
        quire_value value =
            quire_int((least + (int64_t)prng_below(&prng, (uint64_t)seconds)) * 1000000 +
                      (int64_t)prng_below(&prng, 1000000));
        quire_value again;
        const char *json = json_of(&b, "DateTime", &value);
        char plain[48];
        snprintf(plain, sizeof plain, "%.*s", (int)strlen(json) - 2, json + 1);
        cr_assert(store(&b, "DateTime", plain, &again), "%s", plain);
        cr_assert_eq(again.as.integer, value.as.integer);
        qr_arena_reset(&b.arena);
    }
    bench_close(&b);
}

/* ---- damage ---- */

static void expect_damaged(struct bench *b, const char *scalar, const char *bytes, size_t size)
{
    quire_value value = quire_blob(bytes, size);
    cr_expect_str_eq(json_of(b, scalar, &value), "", "%s of %zu bytes", scalar, size);
}

#define DAMAGED(scalar, bytes) expect_damaged(&b, scalar, bytes, sizeof(bytes) - 1)

Test(scalar_codec, damaged_values_are_told)
{
    struct bench b;
    bench_open(&b);
    DAMAGED("Decimal", "");
    DAMAGED("Decimal", "\x88");
    DAMAGED("Decimal", "\x88\x01");
    DAMAGED("Decimal", "\x80\x01\x0B");
    DAMAGED("Decimal", "\x88\x01\x00");
    DAMAGED("Decimal", "\x88\x01\x02");     /* begins with 0 */
    DAMAGED("Decimal", "\x88\x01\x0B\x01"); /* ends with 00 */
    DAMAGED("Decimal", "\x88\x01\x65");     /* 100 */
    DAMAGED("Decimal", "\x77\xFE\xF4");     /* without its end */
    DAMAGED("Decimal", "\x8B\xE9\x0B");     /* 1001 digits */
    DAMAGED("Decimal", "\x84\x17\x0B");     /* 1002 places */
    DAMAGED("Duration", "123");
    DAMAGED("Duration", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x80\x00\x00\x00\x80\x00\x00\x00");
    DAMAGED("Duration", "\x80\x00\x00\x00\x00\x00\x00\x01\x80\x00\x00\x01\x80\x00\x00\x00");
    DAMAGED("Duration", "\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00");
    DAMAGED("UUID", "123456789012345");
    static const int64_t wrong[] = {INT64_MIN, INT64_MAX};
    for (int i = 0; i < 2; i++) {
        quire_value value = quire_int(wrong[i]);
        cr_expect_str_eq(json_of(&b, "DateTime", &value), "");
        cr_expect_str_eq(json_of(&b, "Date", &value), "");
        cr_expect_str_eq(json_of(&b, "Time", &value), "");
    }
    bench_close(&b);
}

Test(scalar_codec, decoders_take_any_bytes)
{
    struct prng prng;
    struct bench b;
    (void)prng_init_printed(&prng, "any bytes");
    bench_open(&b);
    for (int i = 0; i < 50000; i++) {
        char bytes[24];
        prng_fill(&prng, bytes, sizeof bytes);
        size_t size = prng_one_in(&prng, 2) ? 16 : prng_below(&prng, sizeof bytes);
        if (prng_one_in(&prng, 2) && size > 1) {
            bytes[0] = prng_one_in(&prng, 2) ? '\x88' : '\x77';
            bytes[size - 1] = '\xFF';
        }
        quire_value value = quire_blob(bytes, size);
        (void)json_of(&b, "Decimal", &value);
        (void)json_of(&b, "Duration", &value);
        qr_arena_reset(&b.arena);
    }
    bench_close(&b);
}
