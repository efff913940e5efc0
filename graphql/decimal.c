/*
 * The scalar Decimal: exact decimal numbers, stored as bytes whose order is the
 * numbers' order (docs/file-format.md, "Decimal").
 *
 *   0                       80
 *   0.d1 d2 .. dn * 10^e    8800 + e, big-endian; then two digits a byte, as 1 + 10 a + b, the
 *                           last b a 0 where n is odd
 *   the negative of it      the complement of all these bytes, then FF
 *
 * d1 and dn are not 0, so that one number has one form. A shorter number is a
 * prefix of a longer one with the same beginning and comes first; the FF puts
 * it last where the numbers are negative.
 */
#include "graphql/decimal_internal.h"

enum { ZERO = 0x80, BIAS = 0x8800, HEADER_SIZE = 2, NEGATIVE_END = 0xFF };

/* ---- reading ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What is read of a text, from its beginning on. */
struct scan {
    const char *at, *end;
    struct decimal *number;
    long zeros; /* behind the last significant digit */
};

static bool take_digit(struct scan *scan, bool fraction)
{
    struct decimal *number = scan->number;
    uint8_t digit = (uint8_t)(*scan->at - '0');
    if (digit == 0 && number->count == 0) {
        number->exponent -= fraction;
        return true;
    }
    number->exponent += !fraction;
    if (digit == 0) {
        scan->zeros++;
        return true;
    }
    if (scan->zeros >= DIGITS_MAX - number->count) {
        return false;
    }
    for (; scan->zeros > 0; scan->zeros--) {
        number->digits[number->count++] = 0;
    }
    number->digits[number->count++] = digit;
    return true;
}

static bool take_digits(struct scan *scan, bool fraction)
{
    const char *start = scan->at;
    for (; scan->at < scan->end && is_digit(*scan->at); scan->at++) {
        if (!take_digit(scan, fraction)) {
            return false;
        }
    }
    return scan->at > start;
}

static bool take_exponent(struct scan *scan)
{
    enum { EXPONENT_MAX = 1000000 };
    long exponent = 0;
    bool negative = scan->at < scan->end && *scan->at == '-';
    scan->at += scan->at < scan->end && (*scan->at == '-' || *scan->at == '+');
    const char *start = scan->at;
    for (; scan->at < scan->end && is_digit(*scan->at); scan->at++) {
        exponent = exponent < EXPONENT_MAX ? exponent * 10 + (*scan->at - '0') : exponent;
    }
    scan->number->exponent += negative ? -exponent : exponent;
    return scan->at > start;
}

/* The grammar is that of numbers in JSON. */
static bool parse(struct qr_gql_str text, struct decimal *number)
{
    struct scan scan = {.at = text.data, .end = text.data + text.size, .number = number};
    number->exponent = 0;
    number->count = 0;
    number->negative = text.size > 0 && *scan.at == '-';
    scan.at += number->negative;
    const char *whole = scan.at;
    if (!take_digits(&scan, false) || (*whole == '0' && scan.at > whole + 1)) {
        return false;
    }
    if (scan.at < scan.end && *scan.at == '.') {
        scan.at++;
        if (!take_digits(&scan, true)) {
            return false;
        }
    }
    if (scan.at < scan.end && (*scan.at == 'e' || *scan.at == 'E')) {
        scan.at++;
        if (!take_exponent(&scan)) {
            return false;
        }
    }
    return scan.at == scan.end &&
           (number->count == 0 || (number->exponent <= SIDE_DIGITS_MAX &&
                                   number->count - number->exponent <= SIDE_DIGITS_MAX));
}

static size_t encode(const struct decimal *number, uint8_t *out)
{
    size_t size = HEADER_SIZE;
    if (number->count == 0) {
        out[0] = ZERO;
        return 1;
    }
    long header = BIAS + number->exponent;
    out[0] = (uint8_t)(header >> 8);
    out[1] = (uint8_t)(header & 0xFF);
    for (int i = 0; i < number->count; i += 2) {
        int second = i + 1 < number->count ? number->digits[i + 1] : 0;
        out[size++] = (uint8_t)(1 + 10 * number->digits[i] + second);
    }
    if (number->negative) {
        for (size_t i = 0; i < size; i++) {
            out[i] = (uint8_t)~out[i];
        }
        out[size++] = NEGATIVE_END;
    }
    return size;
}

quire_status qr_decimal_encode(const struct decimal *number, struct qr_arena *arena,
                               quire_value *out, quire_error *err)
{
    size_t room = HEADER_SIZE + (size_t)number->count / 2 + 2;
    uint8_t *bytes = qr_arena_alloc(arena, room, err);
    if (bytes == NULL) {
        return qr_gql_memory_status(err);
    }
    *out = quire_blob(bytes, encode(number, bytes));
    return QUIRE_OK;
}

quire_status qr_decimal_read(struct qr_gql_str text, struct qr_arena *arena, quire_value *out,
                             bool *fits, quire_error *err)
{
    struct decimal number;
    *fits = parse(text, &number);
    if (!*fits) {
        return QUIRE_OK;
    }
    return qr_decimal_encode(&number, arena, out, err);
}

/* ---- writing ---- */

bool qr_decimal_decode(const quire_value *value, struct decimal *number)
{
    const uint8_t *bytes = value->as.bytes;
    size_t size = value->size;
    number->count = 0;
    number->negative = false;
    if (size == 1 && bytes[0] == ZERO) {
        return true;
    }
    number->negative = size > 0 && bytes[0] < ZERO;
    if (number->negative && bytes[size - 1] != NEGATIVE_END) {
        return false;
    }
    size -= number->negative;
    if (size <= HEADER_SIZE || size > HEADER_SIZE + DIGITS_MAX / 2) {
        return false;
    }
    unsigned flip = number->negative ? 0xFF : 0;
    number->exponent = (long)(((bytes[0] ^ flip) << 8) | (bytes[1] ^ flip)) - BIAS;
    for (size_t i = HEADER_SIZE; i < size; i++) {
        unsigned pair = (bytes[i] ^ flip) - 1;
        if (pair > 99) {
            return false;
        }
        number->digits[number->count++] = (uint8_t)(pair / 10);
        number->digits[number->count++] = (uint8_t)(pair % 10);
    }
    number->count -= number->digits[number->count - 1] == 0;
    return number->digits[0] != 0 && number->digits[number->count - 1] != 0 &&
           number->exponent <= SIDE_DIGITS_MAX &&
           number->count - number->exponent <= SIDE_DIGITS_MAX;
}

bool qr_decimal_write(const quire_value *value, struct qr_json_writer *writer)
{
    struct decimal number;
    char text[DIGITS_MAX + 8];
    size_t size = 0;

    if (!qr_decimal_decode(value, &number)) {
        return false;
    }
    if (number.negative) {
        text[size++] = '-';
    }
    if (number.count == 0 || number.exponent <= 0) {
        text[size++] = '0';
    }
    for (long place = 0; number.count > 0 && place < number.exponent; place++) {
        text[size++] = (char)('0' + (place < number.count ? number.digits[place] : 0));
    }
    if (number.count > 0 && number.count > number.exponent) {
        text[size++] = '.';
        for (long place = number.exponent; place < number.count; place++) {
            text[size++] = (char)('0' + (place >= 0 ? number.digits[place] : 0));
        }
    }
    qr_json_put_string(writer, text, size);
    return true;
}
