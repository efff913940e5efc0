/*
 * Case folding: ASCII at once, everything else by libutf8proc's tables.
 */
#include "graphql/fold.h"

#include <utf8proc.h>

bool qr_fold_is_ascii(struct qr_gql_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((unsigned char)text.data[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static quire_status fold_ascii(struct qr_arena *arena, struct qr_gql_str text,
                               struct qr_gql_str *out, quire_error *err)
{
    char *copy = qr_arena_alloc(arena, text.size + 1, err);
    if (copy == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        copy[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    copy[text.size] = '\0';
    *out = (struct qr_gql_str){copy, text.size};
    return QUIRE_OK;
}

quire_status qr_fold(struct qr_arena *arena, struct qr_gql_str text, struct qr_gql_str *out,
                     quire_error *err)
{
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)text.data;
    utf8proc_option_t options = UTF8PROC_CASEFOLD;
    utf8proc_ssize_t count;
    utf8proc_int32_t *points;

    if (qr_fold_is_ascii(text)) {
        return fold_ascii(arena, text, out, err);
    }
    count = utf8proc_decompose(bytes, (utf8proc_ssize_t)text.size, NULL, 0, options);
    if (count < 0) {
        *out = text;
        return QUIRE_OK;
    }
    points = qr_arena_alloc(arena, sizeof *points * ((size_t)count + 1), err);
    if (points == NULL) {
        return QUIRE_NO_MEMORY;
    }
    utf8proc_decompose(bytes, (utf8proc_ssize_t)text.size, points, count, options);
    /* Encodes in place: no code point takes more bytes than its own four. */
    utf8proc_uint8_t *folded = (utf8proc_uint8_t *)points;
    size_t size = 0;
    for (utf8proc_ssize_t i = 0; i < count; i++) {
        size += (size_t)utf8proc_encode_char(points[i], folded + size);
    }
    *out = (struct qr_gql_str){(const char *)folded, size};
    return QUIRE_OK;
}
