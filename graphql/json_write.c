/*
 * The response buffer. Doubles are found by trying 15, 16 and 17 significant
 * digits: the first that reads back is the shortest. Digits are picked out of
 * printf's exponent form one by one, because the host program may have set a
 * locale whose decimal point is not '.'.
 */
#include "graphql/json_write.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "quire/memory.h"

void qr_json_writer_init(struct qr_json_writer *writer, const quire_allocator *allocator,
                         size_t bytes_max, quire_error *err)
{
    *writer = (struct qr_json_writer){.allocator = allocator, .bytes_max = bytes_max, .err = err};
}

void qr_json_writer_free(struct qr_json_writer *writer)
{
    quire_free(writer->bytes);
    writer->bytes = NULL;
    writer->size = 0;
    writer->capacity = 0;
}

void qr_json_writer_flush(struct qr_json_writer *writer, size_t least)
{
    if (writer->write == NULL || writer->status != QUIRE_OK || writer->size == 0 ||
        writer->size < least) {
        return;
    }
    writer->flushed = true;
    if (!writer->write(writer->write_context, writer->bytes, writer->size)) {
        writer->status =
            qr_fail(writer->err, QUIRE_INTERRUPTED, "The receiver of the response stopped it.");
        writer->capacity = 0;
    }
    writer->size = 0;
}

static char *fail(struct qr_json_writer *writer, quire_status status)
{
    writer->status = status;
    writer->capacity = writer->size; /* so that `reserve` sees no room any more */
    return NULL;
}

/* What `reserve` does when the buffer is full, or writing has failed. */
static char *grow(struct qr_json_writer *writer, size_t more)
{
    if (writer->status != QUIRE_OK) {
        return NULL;
    }
    size_t limit = writer->bytes_max ? writer->bytes_max : SIZE_MAX / 2;
    if (more > limit || writer->size > limit - more) {
        return fail(writer, qr_fail(writer->err, QUIRE_LIMIT,
                                    "the response is larger than its limit of %zu bytes", limit));
    }
    size_t needed = writer->size + more + 1;
    size_t capacity = writer->capacity + writer->capacity / 2;
    /* What closes a large text is to find room behind it. */
    capacity = capacity < needed + 256 ? needed + 256 : capacity;
    capacity = capacity > limit ? limit + 1 : capacity;
    char *bytes = qr_host_realloc(writer->allocator, writer->bytes, capacity, writer->err);
    if (!bytes) {
        return fail(writer, QUIRE_NO_MEMORY);
    }
    writer->bytes = bytes;
    writer->capacity = capacity;
    return writer->bytes + writer->size;
}

/* Makes room for `more` bytes and a NUL; NULL after the first failure. The capacity is never more
 * than the limit allows, so that one comparison says that there is room. */
static inline char *reserve(struct qr_json_writer *writer, size_t more)
{
    return more < writer->capacity - writer->size ? writer->bytes + writer->size
                                                  : grow(writer, more);
}

static void append(struct qr_json_writer *writer, const char *bytes, size_t size)
{
    char *to = reserve(writer, size);
    if (to) {
        memcpy(to, bytes, size);
        writer->size += size;
    }
}

/* Copies a text that is mostly short, without a call. */
static inline void copy_short(char *to, const char *from, size_t size)
{
    if (size > 16) {
        memcpy(to, from, size);
    } else if (size >= 8) {
        uint64_t words[2];
        memcpy(&words[0], from, 8);
        memcpy(&words[1], from + size - 8, 8);
        memcpy(to, &words[0], 8);
        memcpy(to + size - 8, &words[1], 8);
    } else if (size >= 4) {
        uint32_t words[2];
        memcpy(&words[0], from, 4);
        memcpy(&words[1], from + size - 4, 4);
        memcpy(to, &words[0], 4);
        memcpy(to + size - 4, &words[1], 4);
    } else {
        for (size_t i = 0; i < size; i++) {
            to[i] = from[i];
        }
    }
}

/* Appends text that is one whole value. */
static inline void append_value(struct qr_json_writer *writer, const char *bytes, size_t size)
{
    size_t comma = writer->comma ? 1 : 0;
    char *to = reserve(writer, comma + size);
    if (to) {
        *to = ',';
        copy_short(to + comma, bytes, size);
        writer->size += comma + size;
        writer->comma = true;
    }
}

quire_status qr_json_writer_finish(struct qr_json_writer *writer, char **bytes, size_t *size)
{
    *bytes = NULL;
    *size = 0;
    char *end = reserve(writer, 0);
    if (!end) {
        qr_json_writer_free(writer);
        return writer->status;
    }
    *end = '\0';
    *bytes = writer->bytes;
    *size = writer->size;
    writer->bytes = NULL;
    writer->size = 0;
    writer->capacity = 0;
    return QUIRE_OK;
}

void qr_json_put_null(struct qr_json_writer *writer)
{
    append_value(writer, "null", 4);
}

void qr_json_put_bool(struct qr_json_writer *writer, bool value)
{
    append_value(writer, value ? "true" : "false", value ? 4 : 5);
}

static void put_integer(struct qr_json_writer *writer, bool negative, uint64_t magnitude)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    char text[24];
    size_t at = sizeof text;
    for (; magnitude >= 10; magnitude /= 100) {
        size_t pair = 2 * (size_t)(magnitude % 100);
        text[--at] = pairs[pair + 1];
        text[--at] = pairs[pair];
    }
    if (magnitude > 0 || at == sizeof text) {
        text[--at] = (char)('0' + magnitude);
    }
    if (negative) {
        text[--at] = '-';
    }
    append_value(writer, text + at, sizeof text - at);
}

void qr_json_put_int(struct qr_json_writer *writer, int64_t value)
{
    put_integer(writer, value < 0, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void qr_json_put_uint(struct qr_json_writer *writer, uint64_t value)
{
    put_integer(writer, false, value);
}

void qr_json_put_double(struct qr_json_writer *writer, double value)
{
    if (!isfinite(value)) {
        qr_json_put_null(writer);
        return;
    }
    char text[QR_JSON_DOUBLE_SIZE];
    append_value(writer, text, qr_json_format_double(value, text));
}

void qr_json_put_raw(struct qr_json_writer *writer, const char *text, size_t size)
{
    append_value(writer, text, size);
}

static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

size_t qr_json_escape(char byte, char out[8])
{
    static const char letters[] = "btnfr";
    static const char bytes[] = "\b\t\n\f\r";
    unsigned char c = (unsigned char)byte;
    if (!needs_escape(c)) {
        out[0] = byte;
        return 1;
    }
    out[0] = '\\';
    if (c == '"' || c == '\\') {
        out[1] = (char)c;
        return 2;
    }
    const char *letter = c ? strchr(bytes, c) : NULL;
    if (letter) {
        out[1] = letters[letter - bytes];
        return 2;
    }
    return (size_t)snprintf(out, 8, "\\u%04x", (unsigned)c);
}

#define EVERY_BYTE UINT64_C(0x0101010101010101)

/* Whether none of eight bytes needs an escape: is below a space, or a quote or backslash, which
 * become zero. Such a byte borrows from its highest bit without having had it. */
static inline bool is_plain(uint64_t word)
{
    uint64_t borrowed = (word - EVERY_BYTE * 0x20) | ((word ^ EVERY_BYTE * '"') - EVERY_BYTE) |
                        ((word ^ EVERY_BYTE * '\\') - EVERY_BYTE);
    return (borrowed & ~word & (EVERY_BYTE << 7)) == 0;
}

/* Copies a text up to the first byte that needs an escape, and says how many bytes that is. Words
 * of eight bytes; the last ones may overlap those before. */
static inline size_t copy_plain(char *to, const char *text, size_t size)
{
    size_t i = 0;
    uint64_t word;
    for (; i + 8 <= size; i += 8) {
        memcpy(&word, text + i, 8);
        if (!is_plain(word)) {
            break;
        }
        memcpy(to + i, &word, 8);
    }
    if (size >= 8 && i + 8 > size) {
        memcpy(&word, text + size - 8, 8);
        if (is_plain(word)) {
            memcpy(to + size - 8, &word, 8);
            return size;
        }
    } else if (size >= 4 && size < 8) {
        uint32_t halves[2];
        memcpy(&halves[0], text, 4);
        memcpy(&halves[1], text + size - 4, 4);
        memcpy(&word, halves, 8);
        if (is_plain(word)) {
            memcpy(to, &halves[0], 4);
            memcpy(to + size - 4, &halves[1], 4);
            return size;
        }
    }
    for (; i < size && !needs_escape((unsigned char)text[i]); i++) {
        to[i] = text[i];
    }
    return i;
}

/* Appends what is left of a text from the first byte on that needs an escape. */
static void append_escaped(struct qr_json_writer *writer, const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        char escaped[8];
        append(writer, escaped, qr_json_escape(text[at++], escaped));
        char *to = reserve(writer, size - at);
        if (to == NULL) {
            return;
        }
        size_t plain = copy_plain(to, text + at, size - at);
        writer->size += plain;
        at += plain;
    }
}

/* Appends a text in quotes, behind a comma if one is due; `end` is the closing quote and what comes
 * behind it. */
static inline void append_quoted(struct qr_json_writer *writer, const char *text, size_t size,
                                 const char *end, size_t end_size)
{
    size_t comma = writer->comma ? 1 : 0;
    char *to = reserve(writer, comma + 1 + size + end_size);
    if (to == NULL) {
        return;
    }
    *to = ',';
    to += comma;
    *to++ = '"';
    size_t plain = copy_plain(to, text, size);
    writer->size += comma + 1 + plain;
    if (plain == size) {
        memcpy(to + size, end, end_size);
        writer->size += end_size;
        return;
    }
    append_escaped(writer, text + plain, size - plain);
    append(writer, end, end_size);
}

void qr_json_put_string(struct qr_json_writer *writer, const char *text, size_t size)
{
    append_quoted(writer, text, size, "\"", 1);
    writer->comma = true;
}

void qr_json_put_key(struct qr_json_writer *writer, const char *key, size_t size)
{
    append_quoted(writer, key, size, "\":", 2);
    writer->comma = false;
}

void qr_json_put_name(struct qr_json_writer *writer, const char *name, size_t size)
{
    size_t comma = writer->comma ? 1 : 0;
    char *to = reserve(writer, comma + size + 3);
    if (to == NULL) {
        return;
    }
    *to = ',';
    to += comma;
    *to++ = '"';
    copy_short(to, name, size);
    memcpy(to + size, "\":", 2);
    writer->size += comma + size + 3;
    writer->comma = false;
}

static void begin(struct qr_json_writer *writer, const char *bracket)
{
    append_value(writer, bracket, 1);
    writer->comma = false;
}

static void end(struct qr_json_writer *writer, const char *bracket)
{
    append(writer, bracket, 1);
    writer->comma = true;
}

void qr_json_begin_object(struct qr_json_writer *writer)
{
    begin(writer, "{");
}

void qr_json_end_object(struct qr_json_writer *writer)
{
    end(writer, "}");
}

void qr_json_begin_array(struct qr_json_writer *writer)
{
    begin(writer, "[");
}

void qr_json_end_array(struct qr_json_writer *writer)
{
    end(writer, "]");
}

struct qr_json_mark qr_json_writer_mark(const struct qr_json_writer *writer)
{
    return (struct qr_json_mark){writer->size, writer->comma};
}

void qr_json_writer_rewind(struct qr_json_writer *writer, struct qr_json_mark mark)
{
    QR_ASSERT(mark.size <= writer->size || writer->status != QUIRE_OK);
    if (writer->status == QUIRE_OK) {
        writer->size = mark.size;
        writer->comma = mark.comma;
    }
}

/* Decimal digits without trailing zeros, and the exponent of the first one. */
struct decimal {
    char digits[20];
    int count;
    int exponent;
};

static struct decimal shortest_decimal(double value)
{
    char text[48];
    /* Below the normal numbers precision fades, and fewer digits may do. */
    for (int precision = value < DBL_MIN ? 0 : 14; precision <= 16; precision++) {
        (void)snprintf(text, sizeof text, "%.*e", precision, value);
        if (strtod(text, NULL) >= value && strtod(text, NULL) <= value) {
            break;
        }
    }
    struct decimal decimal = {.count = 0};
    const char *p = text;
    for (; *p && *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9') {
            decimal.digits[decimal.count++] = *p;
        }
    }
    while (decimal.count > 1 && decimal.digits[decimal.count - 1] == '0') {
        decimal.count--;
    }
    decimal.exponent = *p == 'e' ? (int)strtol(p + 1, NULL, 10) : 0;
    return decimal;
}

static char *put_zeros(char *to, int count)
{
    for (int i = 0; i < count; i++) {
        *to++ = '0';
    }
    return to;
}

static char *put_digits(char *to, const struct decimal *decimal, int from, int end)
{
    for (int i = from; i < end; i++) {
        *to++ = decimal->digits[i];
    }
    return to;
}

size_t qr_json_format_double(double value, char out[QR_JSON_DOUBLE_SIZE])
{
    QR_ASSERT(isfinite(value));
    char *to = out;
    if (signbit(value)) {
        *to++ = '-';
        value = -value;
    }
    struct decimal d = shortest_decimal(value);
    int point = d.exponent + 1; /* digits before the decimal point */
    if (point > 0 && point <= 21) {
        int whole = d.count < point ? d.count : point;
        to = put_digits(to, &d, 0, whole);
        to = put_zeros(to, point - whole);
        if (d.count > point) {
            *to++ = '.';
            to = put_digits(to, &d, point, d.count);
        }
    } else if (point <= 0 && point > -6) {
        *to++ = '0';
        *to++ = '.';
        to = put_zeros(to, -point);
        to = put_digits(to, &d, 0, d.count);
    } else {
        to = put_digits(to, &d, 0, 1);
        if (d.count > 1) {
            *to++ = '.';
            to = put_digits(to, &d, 1, d.count);
        }
        to += snprintf(to, 8, "e%+d", d.exponent);
    }
    *to = '\0';
    return (size_t)(to - out);
}
