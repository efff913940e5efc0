/*
 * Runtime values: numbers from text, and printing.
 */
#include "graphql/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "graphql/printer.h"

struct qr_gql_value *qr_gql_value_get(const struct qr_gql_value *object, struct qr_gql_str name)
{
    for (uint32_t i = 0; object->kind == QR_GQL_VALUE_OBJECT && i < object->count; i++) {
        if (qr_gql_str_equal(object->members[i].name, name)) {
            return &object->members[i].value;
        }
    }
    return NULL;
}

/* ---- numbers ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The exponent behind "e", held within what can matter. */
static long read_exponent(const char *at, const char *end)
{
    enum { EXPONENT_MAX = 1000000000 };
    long exponent = 0;
    bool negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    for (; at < end && is_digit(*at); at++) {
        exponent = exponent < EXPONENT_MAX ? exponent * 10 + (*at - '0') : exponent;
    }
    return negative ? -exponent : exponent;
}

/*
 * The nearest double of a decimal text. It is rewritten as whole digits with
 * an exponent, since strtod reads a point only as the locale writes it. A
 * double's rounding never depends on more than 767 digits and whether
 * something follows them.
 */
static double read_double(struct qr_gql_str text)
{
    enum { DIGITS_MAX = 780 };
    char digits[DIGITS_MAX + 32];
    size_t count = 0;
    long shift = 0;
    bool fraction = false, rest = false;
    const char *at = text.data, *end = text.data + text.size;
    if (at < end && *at == '-') {
        digits[count++] = '-';
        at++;
    }
    size_t sign = count;
    for (; at < end && (is_digit(*at) || *at == '.'); at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        if (count == sign && *at == '0') {
            shift -= fraction; /* leading zeros only move the point */
        } else if (count < DIGITS_MAX) {
            digits[count++] = *at;
            shift -= fraction;
        } else {
            rest = rest || *at != '0';
            shift += !fraction;
        }
    }
    if (count == sign) {
        return sign == 0 ? 0.0 : -0.0;
    }
    if (rest) {
        digits[count - 1] = digits[count - 1] == '0' ? '1' : digits[count - 1];
    }
    shift += at < end ? read_exponent(at + 1, end) : 0;
    (void)snprintf(digits + count, sizeof(digits) - count, "e%ld", shift);
    return strtod(digits, NULL);
}

/* Whether the digits of an integer fit 64 bits. */
static bool read_int64(struct qr_gql_str text, int64_t *out)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    uint64_t value = 0, limit = (uint64_t)INT64_MAX + negative;
    for (size_t i = negative; i < text.size; i++) {
        uint64_t digit = (uint64_t)(text.data[i] - '0');
        if (value > (limit - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = negative ? (value == 0 ? 0 : -(int64_t)(value - 1) - 1) : (int64_t)value;
    return true;
}

/* Whether a double holds the integer as it is; a text of 0 may be that of -0. */
static bool is_exact(int64_t integer)
{
    const int64_t all_exact = INT64_C(1) << 53;
    return integer != 0 && integer <= all_exact && integer >= -all_exact;
}

struct qr_gql_value qr_gql_value_number(struct qr_gql_str text, bool is_float)
{
    struct qr_gql_value value = {.kind = is_float ? QR_GQL_VALUE_FLOAT : QR_GQL_VALUE_INT,
                                 .text = text};
    value.in_int64 = !is_float && read_int64(text, &value.integer);
    value.number =
        value.in_int64 && is_exact(value.integer) ? (double)value.integer : read_double(text);
    return value;
}

quire_status qr_gql_value_int(struct qr_arena *arena, int64_t integer, struct qr_gql_value *out,
                              quire_error *err)
{
    char *text = qr_gql_format(arena, err, "%" PRId64, integer);
    if (text == NULL) {
        return qr_gql_memory_status(err);
    }
    *out = qr_gql_value_number(qr_gql_str_of(text), false);
    return QUIRE_OK;
}

/* ---- printing ---- */

void qr_gql_value_print(struct qr_gql_buffer *buffer, const struct qr_gql_value *value)
{
    switch (value->kind) {
    case QR_GQL_VALUE_NULL:
        qr_gql_buffer_text(buffer, "null");
        break;
    case QR_GQL_VALUE_BOOL:
        qr_gql_buffer_text(buffer, value->boolean ? "true" : "false");
        break;
    case QR_GQL_VALUE_INT:
    case QR_GQL_VALUE_FLOAT:
    case QR_GQL_VALUE_ENUM:
        qr_gql_buffer_str(buffer, value->text);
        break;
    case QR_GQL_VALUE_STRING:
        qr_gql_print_string(buffer, value->text);
        break;
    case QR_GQL_VALUE_LIST:
        qr_gql_buffer_char(buffer, '[');
        for (uint32_t i = 0; i < value->count && !qr_gql_buffer_full(buffer); i++) {
            qr_gql_buffer_text(buffer, i == 0 ? "" : ", ");
            qr_gql_value_print(buffer, &value->items[i]);
        }
        qr_gql_buffer_char(buffer, ']');
        break;
    case QR_GQL_VALUE_OBJECT:
        qr_gql_buffer_text(buffer, value->count == 0 ? "{" : "{ ");
        for (uint32_t i = 0; i < value->count && !qr_gql_buffer_full(buffer); i++) {
            qr_gql_buffer_text(buffer, i == 0 ? "" : ", ");
            qr_gql_buffer_str(buffer, value->members[i].name);
            qr_gql_buffer_text(buffer, ": ");
            qr_gql_value_print(buffer, &value->members[i].value);
        }
        qr_gql_buffer_text(buffer, value->count == 0 ? "}" : " }");
        break;
    }
}

static void inspect_items(struct qr_gql_buffer *buffer, const struct qr_gql_value *value,
                          unsigned depth);

/* As messages show values: two levels deep, ten items of a list. */
static void inspect(struct qr_gql_buffer *buffer, const struct qr_gql_value *value, unsigned depth)
{
    enum { DEPTH_MAX = 2 };
    bool nested = value->kind == QR_GQL_VALUE_LIST || value->kind == QR_GQL_VALUE_OBJECT;
    if (!nested) {
        qr_gql_value_print(buffer, value);
    } else if (value->count == 0) {
        qr_gql_buffer_text(buffer, value->kind == QR_GQL_VALUE_LIST ? "[]" : "{}");
    } else if (depth >= DEPTH_MAX) {
        qr_gql_buffer_text(buffer, value->kind == QR_GQL_VALUE_LIST ? "[Array]" : "[Object]");
    } else {
        inspect_items(buffer, value, depth);
    }
}

static void inspect_items(struct qr_gql_buffer *buffer, const struct qr_gql_value *value,
                          unsigned depth)
{
    enum { ITEMS_MAX = 10 };
    bool list = value->kind == QR_GQL_VALUE_LIST;
    uint32_t shown = list && value->count > ITEMS_MAX ? ITEMS_MAX : value->count;
    qr_gql_buffer_text(buffer, list ? "[" : "{ ");
    for (uint32_t i = 0; i < shown && !qr_gql_buffer_full(buffer); i++) {
        qr_gql_buffer_text(buffer, i == 0 ? "" : ", ");
        if (!list) {
            qr_gql_buffer_str(buffer, value->members[i].name);
            qr_gql_buffer_text(buffer, ": ");
        }
        inspect(buffer, list ? &value->items[i] : &value->members[i].value, depth + 1);
    }
    if (shown < value->count) {
        qr_gql_buffer_format(buffer, ", ... %u more item%s", value->count - shown,
                             value->count - shown == 1 ? "" : "s");
    }
    qr_gql_buffer_text(buffer, list ? "]" : " }");
}

const char *qr_gql_value_inspect(struct qr_arena *arena, const struct qr_gql_value *value)
{
    struct qr_gql_buffer buffer;
    struct qr_gql_str text;
    qr_gql_buffer_init(&buffer, arena, NULL);
    buffer.size_max = QR_GQL_SHOWN_BYTES_MAX;
    inspect(&buffer, value, 0);
    return qr_gql_buffer_finish(&buffer, &text) == QUIRE_OK ? text.data : "";
}
