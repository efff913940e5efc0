/*
 * Values: construction, order, validity. Pure functions over their arguments:
 * any thread, no memory, no failure.
 */
#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "catalog/record.h"

static uint32_t clamp_size(size_t size)
{
    /* A value this long is refused by every function that stores it. */
    return size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
}

quire_value quire_null(void)
{
    return (quire_value){.type = QUIRE_NULL};
}

quire_value quire_bool(bool value)
{
    return (quire_value){.type = QUIRE_BOOL, .as.boolean = value};
}

quire_value quire_int(int64_t value)
{
    return (quire_value){.type = QUIRE_INT, .as.integer = value};
}

quire_value quire_float(double value)
{
    return (quire_value){.type = QUIRE_FLOAT, .as.real = value};
}

quire_value quire_text(const char *text)
{
    return quire_text_n(text, strlen(text));
}

quire_value quire_text_n(const char *text, size_t size)
{
    return (quire_value){.type = QUIRE_TEXT, .size = clamp_size(size), .as.bytes = text};
}

quire_value quire_blob(const void *bytes, size_t size)
{
    return (quire_value){.type = QUIRE_BLOB, .size = clamp_size(size), .as.bytes = bytes};
}

const char *qr_type_name(quire_type type)
{
    static const char *const names[] = {"NULL", "BOOL", "INT", "FLOAT", "TEXT", "BLOB", "LIST"};
    return (unsigned)type < sizeof names / sizeof names[0] ? names[type] : "?";
}

static int compare_floats(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return (isnan(b) ? 1 : 0) - (isnan(a) ? 1 : 0);
    }
    return (a > b) - (a < b);
}

/* Exact: converting the integer to double would merge neighbours above 2^53. */
static int compare_int_float(int64_t a, double b)
{
    if (isnan(b) || b < -9223372036854775808.0) {
        return 1;
    }
    if (b >= 9223372036854775808.0) {
        return -1;
    }
    int64_t whole = (int64_t)b;
    if (a != whole) {
        return a < whole ? -1 : 1;
    }
    double rest = b - (double)whole;
    return (rest < 0) - (rest > 0);
}

static int compare_numbers(const quire_value *a, const quire_value *b)
{
    if (a->type == QUIRE_INT && b->type == QUIRE_INT) {
        return (a->as.integer > b->as.integer) - (a->as.integer < b->as.integer);
    }
    if (a->type == QUIRE_INT) {
        return compare_int_float(a->as.integer, b->as.real);
    }
    if (b->type == QUIRE_INT) {
        return -compare_int_float(b->as.integer, a->as.real);
    }
    return compare_floats(a->as.real, b->as.real);
}

static int compare_bytes(const quire_value *a, const quire_value *b)
{
    uint32_t shared = a->size < b->size ? a->size : b->size;
    int order = shared == 0 ? 0 : memcmp(a->as.bytes, b->as.bytes, shared);
    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

/* INT and FLOAT are one class; the others are ordered by their type number. */
static int type_class(quire_type type)
{
    return type == QUIRE_FLOAT ? QUIRE_INT : (int)type;
}

int quire_value_compare(const quire_value *a, const quire_value *b)
{
    int classes = type_class(a->type) - type_class(b->type);
    if (classes != 0) {
        return classes;
    }
    switch (a->type) {
    case QUIRE_NULL:
        return 0;
    case QUIRE_BOOL:
        return (int)a->as.boolean - (int)b->as.boolean;
    case QUIRE_INT:
    case QUIRE_FLOAT:
        return compare_numbers(a, b);
    case QUIRE_TEXT:
    case QUIRE_BLOB:
    case QUIRE_LIST:
        return compare_bytes(a, b);
    }
    return 0;
}

/* Length of the well-formed sequence at p, 0 when there is none. */
static size_t utf8_sequence(const uint8_t *p, size_t size)
{
    uint8_t lead = p[0];
    size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (length == 0 || length > size || lead > 0xF4) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (lead == 0xE0 && p[1] < 0xA0) || (lead == 0xF0 && p[1] < 0x90);
    bool surrogate = lead == 0xED && p[1] >= 0xA0;
    bool beyond = lead == 0xF4 && p[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : length;
}

bool qr_utf8_valid(const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    size_t at = 0;
    while (at < size) {
        if (size - at >= 8 && (qr_load64(p + at) & UINT64_C(0x8080808080808080)) == 0) {
            at += 8;
            continue;
        }
        size_t length = utf8_sequence(p + at, size - at);
        if (length == 0) {
            return false;
        }
        at += length;
    }
    return true;
}
