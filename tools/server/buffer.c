/*
 * Growing text, and its escapes.
 */
#include "buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

#define CAPACITY_FIRST 256U
#define PRINTF_MAX     1024

void buffer_free(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

bool buffer_reserve(struct buffer *buffer, size_t size)
{
    if (buffer->failed || size > SIZE_MAX / 2 - buffer->size) {
        buffer->failed = true;
        return false;
    }
    size_t needed = buffer->size + size;
    if (needed <= buffer->capacity) {
        return true;
    }
    size_t capacity = buffer->capacity < CAPACITY_FIRST ? CAPACITY_FIRST : buffer->capacity;
    while (capacity < needed) {
        capacity *= 2;
    }
    char *grown = realloc(buffer->bytes, capacity);
    if (grown == NULL) {
        buffer->failed = true;
        return false;
    }
    buffer->bytes = grown;
    buffer->capacity = capacity;
    return true;
}

void buffer_put(struct buffer *buffer, const void *bytes, size_t size)
{
    if (size > 0 && buffer_reserve(buffer, size)) {
        memcpy(buffer->bytes + buffer->size, bytes, size);
        buffer->size += size;
    }
}

void buffer_puts(struct buffer *buffer, const char *text)
{
    buffer_put(buffer, text, strlen(text));
}

void buffer_drop(struct buffer *buffer, size_t size)
{
    if (size > 0) {
        buffer->size -= size;
        memmove(buffer->bytes, buffer->bytes + size, buffer->size);
    }
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    char text[PRINTF_MAX];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size > 0) {
        buffer_put(buffer, text, (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
    }
}

static void put_escape(struct buffer *buffer, unsigned char c)
{
    switch (c) {
    case '"':
        buffer_put(buffer, "\\\"", 2);
        break;
    case '\\':
        buffer_put(buffer, "\\\\", 2);
        break;
    case '\n':
        buffer_put(buffer, "\\n", 2);
        break;
    case '\r':
        buffer_put(buffer, "\\r", 2);
        break;
    case '\t':
        buffer_put(buffer, "\\t", 2);
        break;
    default:
        buffer_printf(buffer, "\\u%04x", c);
    }
}

void buffer_put_json(struct buffer *buffer, const char *text, size_t size)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    size_t plain = 0; /* beginning of what needs no escape */
    size_t at = 0;
    buffer_put(buffer, "\"", 1);
    while (at < size) {
        unsigned char c = (unsigned char)text[at];
        if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\') {
            at++;
            continue;
        }
        size_t length = c < 0x80 ? 0 : json_utf8_length(text + at, size - at);
        /* U+0080 to U+009F are control characters as well. */
        if (length > 0 && !(c == 0xC2 && (unsigned char)text[at + 1] < 0xA0)) {
            at += length;
            continue;
        }
        buffer_put(buffer, text + plain, at - plain);
        if (c < 0x80) {
            put_escape(buffer, c);
            at++;
        } else if (length > 0) {
            put_escape(buffer, (unsigned char)text[at + 1]);
            at += length;
        } else {
            buffer_put(buffer, replacement, sizeof replacement - 1);
            at++;
        }
        plain = at;
    }
    buffer_put(buffer, text + plain, size - plain);
    buffer_put(buffer, "\"", 1);
}

void buffer_put_json_cut(struct buffer *buffer, const char *text, size_t size, size_t max)
{
    if (size > max) {
        size = max;
        /* Not within a character. */
        while (size > 0 && ((unsigned char)text[size] & 0xC0U) == 0x80U) {
            size--;
        }
    }
    buffer_put_json(buffer, text, size);
}
