/*
 * Exact arithmetic with Decimals.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "graphql/scalar.h"
#include "mapping_fixture.h"
#include "support/prng.h"

static quire_value read_decimal(struct qr_arena *arena, const char *text)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_value value;
    bool fits;
    cr_assert_eq(qr_decimal_read(qr_gql_str_of(text), arena, &value, &fits, &err), QUIRE_OK);
    cr_assert(fits, "%s", text);
    return value;
}

/* What is computed; NULL when it does not fit. */
static const quire_value *compute(struct qr_arena *arena, enum qr_decimal_operation operation,
                                  const char *a, const char *b)
{
    static quire_value result;
    quire_error err = QUIRE_ERROR_INIT;
    quire_value x = read_decimal(arena, a);
    quire_value y = read_decimal(arena, b);
    bool fits;
    cr_assert_eq(qr_decimal_compute(operation, &x, &y, arena, &result, &fits, &err), QUIRE_OK);
    return fits ? &result : NULL;
}

static void expect(struct qr_arena *arena, enum qr_decimal_operation operation, const char *a,
                   const char *b, const char *expected)
{
    const quire_value *result = compute(arena, operation, a, b);
    cr_assert_not_null(result, "%s %d %s", a, (int)operation, b);
    quire_value wanted = read_decimal(arena, expected);
    cr_expect_eq(quire_value_compare(result, &wanted), 0, "%s %d %s is not %s", a, (int)operation,
                 b, expected);
}

/* `scaled` / 10^places as text. */
static const char *text_of(int64_t scaled, int places, char *text)
{
    int64_t unit = 1;
    for (int i = 0; i < places; i++) {
        unit *= 10;
    }
    uint64_t magnitude = scaled < 0 ? 0 - (uint64_t)scaled : (uint64_t)scaled;
    snprintf(text, 48, "%s%" PRIu64 ".%0*" PRIu64, scaled < 0 ? "-" : "",
             magnitude / (uint64_t)unit, places, magnitude % (uint64_t)unit);
    return text;
}

Test(decimal_math, agrees_with_integers_of_a_fixed_scale)
{
    struct qr_arena arena;
    struct prng prng;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    prng_init_printed(&prng, "decimal arithmetic");
    for (int i = 0; i < 20000; i++) {
        int64_t range = prng_one_in(&prng, 2) ? 2000 : 2000000000;
        int64_t a = (int64_t)prng_below(&prng, (uint64_t)range) - range / 2;
        int64_t b = (int64_t)prng_below(&prng, (uint64_t)range) - range / 2;
        char x[48];
        char y[48];
        char z[48];
        text_of(a, 4, x);
        text_of(b, 4, y);
        expect(&arena, QR_DECIMAL_ADD, x, y, text_of(a + b, 4, z));
        expect(&arena, QR_DECIMAL_SUBTRACT, x, y, text_of(a - b, 4, z));
        expect(&arena, QR_DECIMAL_MULTIPLY, x, y, text_of(a * b, 8, z));
        qr_arena_reset(&arena);
    }
    qr_arena_free(&arena);
}

Test(decimal_math, keeps_all_digits_and_refuses_more)
{
    struct qr_arena arena;
    char nines[1001];
    static const char tiny[] = "1e-1000";
    qr_arena_init(&arena, qr_allocator_default(), 0);
    memset(nines, '9', 1000);
    nines[1000] = '\0';
    expect(&arena, QR_DECIMAL_SUBTRACT, nines, nines, "0");
    expect(&arena, QR_DECIMAL_SUBTRACT, "0", "1.5", "-1.5");
    expect(&arena, QR_DECIMAL_ADD, "-1.5", "1.5", "0");
    cr_expect_null(compute(&arena, QR_DECIMAL_ADD, nines, "1"));
    cr_expect_null(compute(&arena, QR_DECIMAL_SUBTRACT, "-1", nines));
    cr_expect_null(compute(&arena, QR_DECIMAL_MULTIPLY, nines, "2"));
    cr_expect_null(compute(&arena, QR_DECIMAL_MULTIPLY, nines, nines));
    cr_expect_null(compute(&arena, QR_DECIMAL_MULTIPLY, tiny, "0.5"));
    expect(&arena, QR_DECIMAL_MULTIPLY, tiny, "10", "1e-999");
    expect(&arena, QR_DECIMAL_MULTIPLY, tiny, "0", "0");
    expect(&arena, QR_DECIMAL_MULTIPLY, "1e999", "1e-1000", "0.1");
    /* 2,000 digits, from the first place to the last. */
    const quire_value *sum = compute(&arena, QR_DECIMAL_ADD, nines, tiny);
    cr_assert_not_null(sum);
    quire_value all = *sum;
    quire_value last = read_decimal(&arena, tiny);
    quire_error err = QUIRE_ERROR_INIT;
    quire_value back;
    bool fits;
    cr_assert_eq(qr_decimal_compute(QR_DECIMAL_SUBTRACT, &all, &last, &arena, &back, &fits, &err),
                 QUIRE_OK);
    quire_value wanted = read_decimal(&arena, nines);
    cr_expect(fits && quire_value_compare(&back, &wanted) == 0);
    quire_value wrong = quire_blob("", 0);
    cr_expect_eq(qr_decimal_compute(QR_DECIMAL_ADD, &wrong, &last, &arena, &back, &fits, &err),
                 QUIRE_CORRUPT);
    qr_arena_free(&arena);
}

static void expect_quotient(struct qr_arena *arena, const char *a, uint64_t count,
                            const char *expected)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_value x = read_decimal(arena, a);
    quire_value wanted = read_decimal(arena, expected);
    quire_value result;
    cr_assert_eq(qr_decimal_divide(&x, count, arena, &result, &err), QUIRE_OK, "%s", err.message);
    cr_expect(quire_value_compare(&result, &wanted) == 0, "%s / %llu", a,
              (unsigned long long)count);
}

Test(decimal_math, divides_with_sixteen_digits_more_half_to_even)
{
    char nines[1001];
    char thirds[1001];
    quire_error err = QUIRE_ERROR_INIT;
    quire_value wrong = quire_blob("", 0);
    quire_value result;
    struct qr_arena arena;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    expect_quotient(&arena, "0", 3, "0");
    expect_quotient(&arena, "1", 1, "1");
    expect_quotient(&arena, "1", 3, "0.3333333333333333");
    expect_quotient(&arena, "-2", 3, "-0.6666666666666667");
    expect_quotient(&arena, "100", 3, "33.3333333333333333");
    expect_quotient(&arena, "0.01", 3, "0.003333333333333333");
    expect_quotient(&arena, "29.97", 3, "9.99");
    expect_quotient(&arena, "1e-30", 7, "1.428571428571429e-31");
    expect_quotient(&arena, "1", 131072, "0.0000076293945312"); /* ..5 exactly: to the even 2 */
    expect_quotient(&arena, "3", 131072, "0.0000228881835938"); /* ..75 exactly: to the even 8 */
    expect_quotient(&arena, "1e999", 1, "1e999");
    expect_quotient(&arena, "1e-1000", 2, "0"); /* no room: half to the even 0 */
    expect_quotient(&arena, "-3e-1000", 2, "-2e-1000");
    expect_quotient(&arena, "1e-1000", 3, "0");
    memset(nines, '9', 1000);
    memset(thirds, '3', 1000);
    nines[1000] = thirds[1000] = '\0';
    expect_quotient(&arena, nines, 3, thirds);
    expect_quotient(&arena, "1", UINT64_MAX / 10, "0");
    cr_expect_eq(qr_decimal_divide(&wrong, 2, &arena, &result, &err), QUIRE_CORRUPT);
    qr_arena_free(&arena);
}

Test(decimal_math, serves_the_operators_of_updates)
{
    quire_db *db = mapping_open("type T { id: ID! d: Decimal! l: [Decimal!] }",
                                "mutation { createT(input: {id: \"t\", d: \"0.1\"}) { id } }");
    MAPPING_IS(db,
               "mutation { a: updateT(id: \"t\", apply: {d: {increment: \"0.2\"}}) { d } "
               "b: updateT(id: \"t\", apply: {d: {multiply: \"12345678901234567890.5\"}}) { d } "
               "c: updateT(id: \"t\", apply: {d: {decrement: 3703703670370370367}, l: {append: "
               "[1.50]}}) { d l } }",
               "{\"data\":{\"a\":{\"d\":\"0.3\"},\"b\":{\"d\":\"3703703670370370367.15\"},"
               "\"c\":{\"d\":\"0.15\",\"l\":[\"1.5\"]}}}");
    MAPPING_HAS(db, "mutation { updateT(id: \"t\", apply: {d: {multiply: \"1e-1000\"}}) { d } }",
                "leave the range");
    mapping_close(db);
}

/* What clients cannot read must not be guessed by the version of the row. */
Test(mapping, version__tells_nothing_of_fields_that_clients_cannot_read)
{
    quire_db *db = mapping_open("type U { id: ID! name: String pin: String @writeonly }",
                                "mutation { createU(input: {id: \"u\", pin: \"1\"}) { id } }");
    char *before = mapping_run(db, "{ u(id: \"u\") { _version } }", NULL, false);
    MAPPING_HAS(db, "mutation { updateU(id: \"u\", input: {pin: \"2\"}) { id } }", "data");
    char *same = mapping_run(db, "{ u(id: \"u\") { _version } }", NULL, false);
    cr_expect_str_eq(before, same);
    MAPPING_HAS(db, "mutation { updateU(id: \"u\", input: {name: \"n\"}) { id } }", "data");
    char *after = mapping_run(db, "{ u(id: \"u\") { _version } }", NULL, false);
    cr_expect_str_neq(before, after);
    quire_free(before);
    quire_free(same);
    quire_free(after);
    mapping_close(db);
}
