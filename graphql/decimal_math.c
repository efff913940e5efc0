/*
 * Arithmetic with Decimals: see scalar.h. A result with more digits than a
 * Decimal has does not fit; nothing is rounded but what a division leaves.
 */
#include <string.h>

#include "base/check.h"
#include "graphql/decimal_internal.h"

/* Of a quotient, behind those of the dividend. */
#define QUOTIENT_DIGITS 16

/* A number laid out by place: digits[i] stands for 10^(i - SIDE_DIGITS_MAX). */
struct places {
    uint8_t digits[DIGITS_MAX];
};

static void lay_out(const struct decimal *number, struct places *places)
{
    memset(places, 0, sizeof *places);
    for (int k = 0; k < number->count; k++) {
        places->digits[number->exponent - 1 - k + SIDE_DIGITS_MAX] = number->digits[k];
    }
}

/* Takes a number's digits from digits[first] on, `step` apart; the first one stands for
 * 10^(exponent - 1). Zeros at either end are left out; false when there are more than fit. */
static bool collect(const uint8_t *digits, int first, int step, int count, long exponent,
                    struct decimal *out)
{
    while (count > 0 && digits[first] == 0) {
        first += step;
        exponent--;
        count--;
    }
    while (count > 0 && digits[first + (count - 1) * step] == 0) {
        count--;
    }
    if (count > 0 && (exponent > SIDE_DIGITS_MAX || count - exponent > SIDE_DIGITS_MAX)) {
        return false;
    }
    out->count = count;
    out->exponent = exponent;
    for (int k = 0; k < count; k++) {
        out->digits[k] = digits[first + k * step];
    }
    return true;
}

/* The magnitudes added; false when they need a place more. */
static bool add_places(struct places *a, const struct places *b)
{
    unsigned carry = 0;
    for (int i = 0; i < DIGITS_MAX; i++) {
        unsigned sum = a->digits[i] + b->digits[i] + carry;
        a->digits[i] = (uint8_t)(sum % 10);
        carry = sum / 10;
    }
    return carry == 0;
}

/* The smaller magnitude taken from the larger one. */
static void subtract_places(struct places *larger, const struct places *smaller)
{
    int borrow = 0;
    for (int i = 0; i < DIGITS_MAX; i++) {
        int difference = larger->digits[i] - smaller->digits[i] - borrow;
        borrow = difference < 0;
        larger->digits[i] = (uint8_t)(difference + 10 * borrow);
    }
}

static bool is_smaller(const struct places *a, const struct places *b)
{
    int i = DIGITS_MAX - 1;
    while (i > 0 && a->digits[i] == b->digits[i]) {
        i--;
    }
    return a->digits[i] < b->digits[i];
}

static bool add(const struct decimal *a, const struct decimal *b, bool b_negative,
                struct decimal *out)
{
    struct places x;
    struct places y;
    struct places *result = &x;

    lay_out(a, &x);
    lay_out(b, &y);
    out->negative = a->negative;
    if (a->negative == b_negative) {
        if (!add_places(&x, &y)) {
            return false;
        }
    } else if (is_smaller(&x, &y)) {
        out->negative = b_negative;
        subtract_places(&y, &x);
        result = &y;
    } else {
        subtract_places(&x, &y);
    }
    return collect(result->digits, DIGITS_MAX - 1, -1, DIGITS_MAX, SIDE_DIGITS_MAX, out);
}

static bool multiply(const struct decimal *a, const struct decimal *b, struct decimal *out)
{
    uint8_t digits[2 * DIGITS_MAX] = {0};

    for (int i = a->count - 1; i >= 0; i--) {
        unsigned carry = 0;
        for (int j = b->count - 1; j >= 0; j--) {
            unsigned sum = digits[i + j + 1] + (unsigned)a->digits[i] * b->digits[j] + carry;
            digits[i + j + 1] = (uint8_t)(sum % 10);
            carry = sum / 10;
        }
        digits[i] = (uint8_t)carry;
    }
    out->negative = a->negative != b->negative;
    return collect(digits, 0, 1, a->count + b->count, a->exponent + b->exponent, out);
}

/* Adds one to the last of some digits, the first of which is no 9. */
static void increment(uint8_t *digits, long count)
{
    while (digits[count - 1] == 9) {
        digits[--count] = 0;
    }
    digits[count - 1]++;
}

/* Long division, from the first digit of the dividend on. */
static bool divide(const struct decimal *a, uint64_t count, struct decimal *out)
{
    uint8_t digits[DIGITS_MAX];
    long scale = a->count > a->exponent ? a->count - a->exponent : 0;
    long places = a->exponent + (scale + QUOTIENT_DIGITS < SIDE_DIGITS_MAX ? scale + QUOTIENT_DIGITS
                                                                           : SIDE_DIGITS_MAX);
    uint64_t rest = 0;

    for (long k = 0; k < places; k++) {
        rest = rest * 10 + (k < a->count ? a->digits[k] : 0);
        digits[k] = (uint8_t)(rest / count);
        rest %= count;
    }
    uint64_t other = count - rest; /* to the next larger quotient */
    if (rest > other || (rest == other && digits[places - 1] % 2 == 1)) {
        increment(digits, places);
    }
    out->negative = a->negative;
    return collect(digits, 0, 1, (int)places, a->exponent, out);
}

static quire_status fail_corrupt(quire_error *err)
{
    return qr_fail(err, QUIRE_CORRUPT, "A row holds a Decimal that is none; run 'quire inspect'.");
}

quire_status qr_decimal_divide(const quire_value *a, uint64_t count, struct qr_arena *arena,
                               quire_value *out, quire_error *err)
{
    struct decimal x;
    struct decimal result = {.count = 0};

    QR_ASSERT(count > 0 && count <= UINT64_MAX / 10);
    if (!qr_decimal_decode(a, &x)) {
        return fail_corrupt(err);
    }
    if (x.count > 0 && !divide(&x, count, &result)) {
        return qr_fail(err, QUIRE_INTERNAL, "A quotient has more digits than its dividend.");
    }
    result.negative = result.negative && result.count > 0;
    return qr_decimal_encode(&result, arena, out, err);
}

quire_status qr_decimal_compute(enum qr_decimal_operation operation, const quire_value *a,
                                const quire_value *b, struct qr_arena *arena, quire_value *out,
                                bool *fits, quire_error *err)
{
    struct decimal x;
    struct decimal y;
    struct decimal result;

    if (!qr_decimal_decode(a, &x) || !qr_decimal_decode(b, &y)) {
        return fail_corrupt(err);
    }
    *fits = operation == QR_DECIMAL_MULTIPLY
                ? multiply(&x, &y, &result)
                : add(&x, &y, y.negative != (operation == QR_DECIMAL_SUBTRACT), &result);
    return *fits ? qr_decimal_encode(&result, arena, out, err) : QUIRE_OK;
}
