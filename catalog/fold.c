/*
 * Case folding: ASCII at once, everything else code point by code point.
 */
#include "catalog/fold.h"

#include <stdint.h>
#include <string.h>

#include <utf8proc.h>

/* Code points that one folds to, at most. */
#define EXPANSION_MAX 4

static size_t keep(const void *text, size_t size, void *out, size_t capacity)
{
    if (size > 0 && size <= capacity) {
        memcpy(out, text, size);
    }
    return size;
}

/* Folds the ASCII that the text begins with; returns its size. */
static size_t fold_ascii(const uint8_t *from, size_t size, uint8_t *to, size_t capacity)
{
    size_t i = 0;
    for (; i < size && from[i] < 0x80; i++) {
        if (i < capacity) {
            uint8_t c = from[i];
            to[i] = (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        }
    }
    return i;
}

/* Adds the folding of one code point behind `used` bytes; returns the bytes used then. */
static size_t fold_point(utf8proc_int32_t point, uint8_t *to, size_t used, size_t capacity)
{
    utf8proc_int32_t folded[EXPANSION_MAX] = {point};
    utf8proc_ssize_t count =
        utf8proc_decompose_char(point, folded, EXPANSION_MAX, UTF8PROC_CASEFOLD, NULL);
    if (count < 0 || count > EXPANSION_MAX) {
        folded[0] = point;
        count = 1;
    }
    for (utf8proc_ssize_t i = 0; i < count; i++) {
        utf8proc_uint8_t bytes[4];
        size_t size = (size_t)utf8proc_encode_char(folded[i], bytes);
        if (used + size <= capacity) {
            memcpy(to + used, bytes, size);
        }
        used += size;
    }
    return used;
}

size_t qr_fold(const void *text, size_t size, void *out, size_t capacity)
{
    const uint8_t *from = text;
    uint8_t *to = out;
    size_t at = fold_ascii(from, size, to, capacity);
    size_t used = at;
    while (at < size) {
        utf8proc_int32_t point;
        utf8proc_ssize_t step = utf8proc_iterate(from + at, (utf8proc_ssize_t)(size - at), &point);
        if (step <= 0) {
            return keep(text, size, out, capacity);
        }
        at += (size_t)step;
        used = fold_point(point, to, used, capacity);
    }
    return used;
}
