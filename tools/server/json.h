/*
 * JSON as it comes in over HTTP: checked as a whole, once, without recursion;
 * then its members are looked at where they stand. Nothing is copied but the
 * strings that are decoded. RFC 8259, UTF-8 alone.
 */
#ifndef QUIRE_SERVER_JSON_H
#define QUIRE_SERVER_JSON_H

#include <stdbool.h>
#include <stddef.h>

#define JSON_DEPTH_MAX   200U
#define JSON_MEMBERS_MAX 256U

enum json_kind {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/* A value where it stands in a text, without the white space around it. */
struct json_value {
    const char *text;
    size_t size;
    enum json_kind kind;
};

/*
 * Checks that a text is one JSON value of at most JSON_DEPTH_MAX levels, with
 * sound escapes and sound UTF-8. `out` then borrows from the text. On failure
 * *problem is a sentence and *at the offset it is about.
 */
bool json_check(const char *text, size_t size, struct json_value *out, const char **problem,
                size_t *at);

/*
 * Steps through the members of an object, or the elements of an array, that
 * json_check has accepted. `*at` is 0 at first. False at the end. `name` is the
 * member's key as written, with its quotes; NULL text in arrays.
 */
bool json_next(const struct json_value *whole, size_t *at, struct json_value *name,
               struct json_value *value);

/* Whether a key as written says `name`, which has no character that could be escaped otherwise. */
bool json_key_is(const struct json_value *key, const char *name);

/* The first member of that name of a checked value; NULL text when there is none, or the value is
 * no object. */
struct json_value json_member(const struct json_value *object, const char *name);

/* Whether a checked value has at most `levels` levels, and no object in it two members of one name,
 * or more than JSON_MEMBERS_MAX of them: nobody reads it otherwise than we do. */
bool json_is_plain(const struct json_value *value, unsigned levels);

/* The decoded string, NUL-terminated, released with free; NULL when there is no memory. It may hold
 * NUL, so its size counts. */
char *json_decode(const struct json_value *string, size_t *size);

/* Bytes of the UTF-8 character that the text begins with; 0 when it is none. */
size_t json_utf8_length(const char *text, size_t size);

#endif
