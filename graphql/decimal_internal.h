/*
 * A decimal number taken apart: what decimal.c reads and writes, and
 * decimal_math.c computes with.
 */
#ifndef QR_GRAPHQL_DECIMAL_INTERNAL_H
#define QR_GRAPHQL_DECIMAL_INTERNAL_H

#include "graphql/scalar.h"

/* Digits before the point, and behind it. */
#define SIDE_DIGITS_MAX 1000
#define DIGITS_MAX      (2 * SIDE_DIGITS_MAX)

/* +-0.d1 d2 .. dn * 10^exponent, d1 and dn not 0; zero has no digits. */
struct decimal {
    bool negative;
    long exponent;
    int count;
    uint8_t digits[DIGITS_MAX];
};

/* False when the value is no stored Decimal. */
bool qr_decimal_decode(const quire_value *value, struct decimal *number);
quire_status qr_decimal_encode(const struct decimal *number, struct qr_arena *arena,
                               quire_value *out, quire_error *err);

#endif
