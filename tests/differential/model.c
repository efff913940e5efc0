/*
 * Contents, and the orders of rows.
 */
#include <string.h>

#include "differential.h"

void fill(uint32_t number, uint8_t *bytes, size_t size)
{
    struct prng prng;
    uint8_t block[64];
    prng_init(&prng, number);
    prng_fill(&prng, block, sizeof block);
    for (size_t at = 0; at < size; at += sizeof block) {
        memcpy(bytes + at, block, size - at < sizeof block ? size - at : sizeof block);
    }
}

/* Few letters and some length, so that texts have equals and prefixes. */
size_t text_of(uint32_t number, char text[64])
{
    size_t size = number % 7 == 0 ? 40 : number % 5;
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)('a' + (number >> (i % 8)) % 3);
    }
    return size;
}

double real_of(const struct row *row)
{
    return (double)row->d / 7.0 - 1e6;
}

/* Null first. */
static int compare_a(const struct row *one, const struct row *other)
{
    if (!one->has_a || !other->has_a) {
        return one->has_a - other->has_a;
    }
    return (one->a > other->a) - (one->a < other->a);
}

static int compare_b(const struct row *one, const struct row *other)
{
    char x[64], y[64];
    if (!one->has_b || !other->has_b) {
        return one->has_b - other->has_b;
    }
    size_t m = text_of(one->b, x), n = text_of(other->b, y);
    int result = memcmp(x, y, m < n ? m : n);
    return result != 0 ? result : (m > n) - (m < n);
}

int compare_rows(const struct state *state, enum order order, uint32_t one, uint32_t other)
{
    const struct row *x = &state->rows[one - 1], *y = &state->rows[other - 1];
    int result = 0;
    if (order == ORDER_B_DESC_A) {
        result = -compare_b(x, y);
    }
    if (order != ORDER_ID && result == 0) {
        result = compare_a(x, y);
    }
    return result != 0 ? result : (one > other) - (one < other);
}
