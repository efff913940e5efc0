/*
 * Buffers that grow in an arena, and UTF-8.
 *
 * The first failure sticks to the buffer, which then takes nothing more.
 */
#include "graphql/text.h"

#include <stdio.h>

struct qr_gql_str qr_gql_str_cut(struct qr_gql_str str, size_t size_max)
{
    if (str.size > size_max) {
        str.size = size_max;
        while (str.size > 0 && ((unsigned char)str.data[str.size] & 0xC0U) == 0x80U) {
            str.size--;
        }
    }
    return str;
}

int qr_gql_str_compare(struct qr_gql_str a, struct qr_gql_str b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0) {
        return order;
    }
    return (a.size > b.size) - (a.size < b.size);
}

void qr_gql_buffer_init(struct qr_gql_buffer *buffer, struct qr_arena *arena, quire_error *err)
{
    *buffer = (struct qr_gql_buffer){.arena = arena, .status = QUIRE_OK, .err = err};
}

/* Makes room for `more` bytes and a terminator. The arena cannot grow a block in place, so capacity
 * doubles: the waste is bounded by the size of the result. */
static bool buffer_reserve(struct qr_gql_buffer *buffer, size_t more)
{
    if (buffer->status != QUIRE_OK) {
        return false;
    }
    if (more < buffer->capacity - buffer->size) {
        return true;
    }
    if (more > SIZE_MAX / 4 - buffer->size) {
        buffer->status = qr_fail_memory(buffer->err, more);
        return false;
    }
    size_t capacity = buffer->capacity < 64 ? 128 : buffer->capacity * 2;
    while (capacity <= buffer->size + more) {
        capacity *= 2;
    }
    char *data = qr_arena_alloc(buffer->arena, capacity, buffer->err);
    if (data == NULL) {
        buffer->status = qr_gql_memory_status(buffer->err);
        return false;
    }
    if (buffer->size > 0) {
        memcpy(data, buffer->data, buffer->size);
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void qr_gql_buffer_bytes(struct qr_gql_buffer *buffer, const char *bytes, size_t size)
{
    if (buffer->size_max != 0 && size > buffer->size_max - buffer->size) {
        size = buffer->size_max - buffer->size;
        while (size > 0 && (bytes[size] & 0xC0) == 0x80) {
            size--; /* keeps the cut between characters */
        }
        buffer->size_max = buffer->size + size;
    }
    if (size == 0 || !buffer_reserve(buffer, size)) {
        return;
    }
    memcpy(buffer->data + buffer->size, bytes, size);
    buffer->size += size;
}

void qr_gql_buffer_char(struct qr_gql_buffer *buffer, char byte)
{
    qr_gql_buffer_bytes(buffer, &byte, 1);
}

void qr_gql_buffer_format_list(struct qr_gql_buffer *buffer, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    if (size > 0 && buffer_reserve(buffer, (size_t)size)) {
        (void)vsnprintf(buffer->data + buffer->size, (size_t)size + 1, format, again);
        buffer->size += (size_t)size;
    } else if (size < 0 && buffer->status == QUIRE_OK) {
        buffer->status = qr_fail(buffer->err, QUIRE_LIMIT, "A text is too long to be formatted.");
    }
    va_end(again);
}

void qr_gql_buffer_format(struct qr_gql_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    qr_gql_buffer_format_list(buffer, format, arguments);
    va_end(arguments);
}

void qr_gql_buffer_code_point(struct qr_gql_buffer *buffer, uint32_t code_point)
{
    char bytes[4];
    size_t size = qr_gql_utf8_encode(code_point, bytes);
    qr_gql_buffer_bytes(buffer, bytes, size);
}

quire_status qr_gql_buffer_finish(struct qr_gql_buffer *buffer, struct qr_gql_str *out)
{
    *out = (struct qr_gql_str){"", 0};
    if (!buffer_reserve(buffer, 0)) {
        return buffer->status;
    }
    buffer->data[buffer->size] = '\0';
    *out = (struct qr_gql_str){buffer->data, buffer->size};
    return QUIRE_OK;
}

char *qr_gql_format(struct qr_arena *arena, quire_error *err, const char *format, ...)
{
    struct qr_gql_buffer buffer;
    qr_gql_buffer_init(&buffer, arena, err);
    va_list arguments;
    va_start(arguments, format);
    qr_gql_buffer_format_list(&buffer, format, arguments);
    va_end(arguments);
    struct qr_gql_str text;
    return qr_gql_buffer_finish(&buffer, &text) == QUIRE_OK ? buffer.data : NULL;
}

size_t qr_gql_utf8_encode(uint32_t code_point, char bytes[4])
{
    if (code_point < 0x80) {
        bytes[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        bytes[0] = (char)(0xC0 | (code_point >> 6));
        bytes[1] = (char)(0x80 | (code_point & 0x3F));
        return 2;
    }
    if (code_point < 0x10000) {
        bytes[0] = (char)(0xE0 | (code_point >> 12));
        bytes[1] = (char)(0x80 | ((code_point >> 6) & 0x3F));
        bytes[2] = (char)(0x80 | (code_point & 0x3F));
        return 3;
    }
    bytes[0] = (char)(0xF0 | (code_point >> 18));
    bytes[1] = (char)(0x80 | ((code_point >> 12) & 0x3F));
    bytes[2] = (char)(0x80 | ((code_point >> 6) & 0x3F));
    bytes[3] = (char)(0x80 | (code_point & 0x3F));
    return 4;
}

size_t qr_gql_utf8_decode(const char *bytes, size_t size, uint32_t *code_point)
{
    if (size == 0) {
        return 0;
    }
    unsigned char lead = (unsigned char)bytes[0];
    if (lead < 0x80) {
        *code_point = lead;
        return 1;
    }
    size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (lead < 0xC2 || lead > 0xF4 || size < length) {
        return 0;
    }
    uint32_t value = lead & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if ((byte & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (byte & 0x3Fu);
    }
    if (value < smallest[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        return 0;
    }
    *code_point = value;
    return length;
}

bool qr_gql_utf8_valid(const char *bytes, size_t size)
{
    const unsigned char *s = (const unsigned char *)bytes;
    for (size_t i = 0; i < size;) {
        uint64_t word;
        if (size - i >= sizeof word) {
            memcpy(&word, s + i, sizeof word);
            if ((word & 0x8080808080808080U) == 0) {
                i += sizeof word;
                continue;
            }
        }
        if (s[i] < 0x80) {
            i++;
            continue;
        }
        unsigned extra = s[i] >= 0xF0 ? 3 : s[i] >= 0xE0 ? 2 : 1;
        if (s[i] < 0xC2 || s[i] > 0xF4 || size - i <= extra) {
            return false;
        }
        unsigned char second_min = s[i] == 0xE0 ? 0xA0 : s[i] == 0xF0 ? 0x90 : 0x80;
        unsigned char second_max = s[i] == 0xED ? 0x9F : s[i] == 0xF4 ? 0x8F : 0xBF;
        if (s[i + 1] < second_min || s[i + 1] > second_max) {
            return false;
        }
        for (unsigned k = 2; k <= extra; k++) {
            if ((s[i + k] & 0xC0U) != 0x80U) {
                return false;
            }
        }
        i += extra + 1;
    }
    return true;
}
