/*
 * The functions that templates of a mapping may call on a text.
 */
#include "graphql/load.h"

#include <utf8proc.h>

/* Where `part`, which is not empty, first occurs in `text`; text.size when it does not. */
static size_t first_place(struct qr_gql_str text, struct qr_gql_str part)
{
    for (size_t i = 0; part.size <= text.size && i <= text.size - part.size; i++) {
        if (memcmp(text.data + i, part.data, part.size) == 0) {
            return i;
        }
    }
    return text.size;
}

static quire_status apply_before(struct qr_arena *arena, struct qr_gql_str argument,
                                 struct qr_gql_str *text, quire_error *err)
{
    size_t at = first_place(*text, argument);
    (void)arena;
    (void)err;
    *text = at == text->size ? (struct qr_gql_str){NULL, 0} : (struct qr_gql_str){text->data, at};
    return QUIRE_OK;
}

static quire_status apply_after(struct qr_arena *arena, struct qr_gql_str argument,
                                struct qr_gql_str *text, quire_error *err)
{
    size_t at = first_place(*text, argument);
    (void)arena;
    (void)err;
    if (at == text->size) {
        *text = (struct qr_gql_str){NULL, 0};
        return QUIRE_OK;
    }
    at += argument.size;
    *text = (struct qr_gql_str){text->data + at, text->size - at};
    return QUIRE_OK;
}

static quire_status apply_containing(struct qr_arena *arena, struct qr_gql_str argument,
                                     struct qr_gql_str *text, quire_error *err)
{
    (void)arena;
    (void)err;
    if (first_place(*text, argument) == text->size) {
        *text = (struct qr_gql_str){NULL, 0};
    }
    return QUIRE_OK;
}

static quire_status change_case(struct qr_arena *arena,
                                utf8proc_int32_t (*change)(utf8proc_int32_t),
                                struct qr_gql_str *text, quire_error *err)
{
    struct qr_gql_buffer buffer;
    size_t at = 0;
    qr_gql_buffer_init(&buffer, arena, err);
    while (at < text->size) {
        uint32_t point;
        size_t size = qr_gql_utf8_decode(text->data + at, text->size - at, &point);
        if (size == 0) {
            return qr_fail(err, QUIRE_INTERNAL, "A text that was read is not UTF-8.");
        }
        qr_gql_buffer_code_point(&buffer, (uint32_t)change((utf8proc_int32_t)point));
        at += size;
    }
    return qr_gql_buffer_finish(&buffer, text);
}

static quire_status apply_lower(struct qr_arena *arena, struct qr_gql_str argument,
                                struct qr_gql_str *text, quire_error *err)
{
    (void)argument;
    return change_case(arena, utf8proc_tolower, text, err);
}

static quire_status apply_upper(struct qr_arena *arena, struct qr_gql_str argument,
                                struct qr_gql_str *text, quire_error *err)
{
    (void)argument;
    return change_case(arena, utf8proc_toupper, text, err);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static quire_status apply_trim(struct qr_arena *arena, struct qr_gql_str argument,
                               struct qr_gql_str *text, quire_error *err)
{
    (void)arena;
    (void)argument;
    (void)err;
    while (text->size > 0 && is_blank(text->data[0])) {
        text->data++;
        text->size--;
    }
    while (text->size > 0 && is_blank(text->data[text->size - 1])) {
        text->size--;
    }
    return QUIRE_OK;
}

static const struct qr_load_function functions[] = {
    {"before", true, apply_before},         {"after", true, apply_after},
    {"containing", true, apply_containing}, {"lower", false, apply_lower},
    {"upper", false, apply_upper},          {"trim", false, apply_trim},
};

const struct qr_load_function *qr_load_function_find(struct qr_gql_str name)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (qr_gql_str_is(name, functions[i].name)) {
            return &functions[i];
        }
    }
    return NULL;
}
