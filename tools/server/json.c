/*
 * The checker is a machine of one loop: a stack of bits says of each level
 * whether it is an object, so depth costs a bit and no call.
 */
#include "json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct scan {
    const char *text;
    size_t size, at;
    const char *problem;
};

size_t json_utf8_length(const char *text, size_t size)
{
    const unsigned char *p = (const unsigned char *)text;
    if (size == 0) {
        return 0;
    }
    if (p[0] < 0x80) {
        return 1;
    }
    size_t length = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || size < length) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xC0U) != 0x80U) {
            return 0;
        }
    }
    /* Overlong forms, surrogates, beyond U+10FFFF. */
    bool bad = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
               (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F);
    return bad ? 0 : length;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->size && is_space(scan->text[scan->at])) {
        scan->at++;
    }
}

static char peek(const struct scan *scan)
{
    return scan->at < scan->size ? scan->text[scan->at] : '\0';
}

static bool refuse(struct scan *scan, const char *problem)
{
    scan->problem = problem;
    return false;
}

static int hex_digit(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* The four digits behind "\u"; -1 when they are none. */
static int32_t code_unit(const char *text, size_t size)
{
    int32_t unit = 0;
    if (size < 4) {
        return -1;
    }
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_digit(text[i]);
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

/* Bytes of the escape at `text`, which begins with a backslash; 0 when it is none. A surrogate pair
 * is one escape. The code point goes to *point. */
static size_t escape_length(const char *text, size_t size, uint32_t *point)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (size < 2) {
        return 0;
    }
    const char *letter = text[1] != '\0' ? strchr(letters, text[1]) : NULL;
    if (letter != NULL) {
        *point = (unsigned char)meanings[letter - letters];
        return 2;
    }
    int32_t high = text[1] == 'u' ? code_unit(text + 2, size - 2) : -1;
    if (high < 0 || (high >= 0xDC00 && high <= 0xDFFF)) {
        return 0;
    }
    *point = (uint32_t)high;
    if (high < 0xD800 || high > 0xDBFF) {
        return 6;
    }
    int32_t low =
        size >= 12 && text[6] == '\\' && text[7] == 'u' ? code_unit(text + 8, size - 8) : -1;
    if (low < 0xDC00 || low > 0xDFFF) {
        return 0;
    }
    *point = 0x10000U + ((uint32_t)(high - 0xD800) << 10U) + (uint32_t)(low - 0xDC00);
    return 12;
}

/* Whether one of eight bytes ends a string, escapes, is no ASCII or not allowed in one; it may also
 * say so where none does. */
static bool has_special(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t high = ones * 0x80;
    uint64_t quotes = word ^ (ones * '"');
    uint64_t escapes = word ^ (ones * '\\');
    return (((word - ones * 0x20) | word | ((quotes - ones) & ~quotes) |
             ((escapes - ones) & ~escapes)) &
            high) != 0;
}

static bool is_special(unsigned char c)
{
    return c == '"' || c == '\\' || c < 0x20 || c >= 0x80;
}

/* How many bytes of a string, up to its end, are nothing special. */
static size_t plain_bytes(const char *text, size_t size)
{
    size_t count = 0;
    uint64_t word;
    while (size - count >= sizeof word) {
        memcpy(&word, text + count, sizeof word);
        if (has_special(word)) {
            break;
        }
        count += sizeof word;
    }
    while (count < size && !is_special((unsigned char)text[count])) {
        count++;
    }
    return count;
}

static bool scan_string(struct scan *scan)
{
    scan->at++;
    for (;;) {
        scan->at += plain_bytes(scan->text + scan->at, scan->size - scan->at);
        if (scan->at == scan->size) {
            break;
        }
        unsigned char c = (unsigned char)scan->text[scan->at];
        const char *rest = scan->text + scan->at;
        size_t left = scan->size - scan->at;
        uint32_t point;
        size_t length = 1;
        if (c == '"') {
            scan->at++;
            return true;
        }
        if (c == '\\') {
            length = escape_length(rest, left, &point);
        } else if (c >= 0x80) {
            length = json_utf8_length(rest, left);
        }
        if (length == 0 || c < 0x20) {
            return refuse(scan, c >= 0x80 ? "It is not UTF-8."
                                          : "A string holds what JSON does not allow in it.");
        }
        scan->at += length;
    }
    return refuse(scan, "A string has no end.");
}

static bool scan_digits(struct scan *scan)
{
    size_t from = scan->at;
    while (is_digit(peek(scan))) {
        scan->at++;
    }
    return scan->at > from;
}

static bool scan_number(struct scan *scan)
{
    bool good = true;
    scan->at += peek(scan) == '-';
    if (peek(scan) == '0') {
        scan->at++;
    } else {
        good = scan_digits(scan);
    }
    if (good && peek(scan) == '.') {
        scan->at++;
        good = scan_digits(scan);
    }
    if (good && (peek(scan) == 'e' || peek(scan) == 'E')) {
        scan->at++;
        scan->at += peek(scan) == '+' || peek(scan) == '-';
        good = scan_digits(scan);
    }
    return good || refuse(scan, "A number is not written as JSON demands.");
}

static bool scan_word(struct scan *scan, const char *word)
{
    size_t size = strlen(word);
    if (scan->size - scan->at < size || memcmp(scan->text + scan->at, word, size) != 0) {
        return refuse(scan, "A value is expected here.");
    }
    scan->at += size;
    return true;
}

/* A value that is neither array nor object. */
static bool scan_scalar(struct scan *scan)
{
    switch (peek(scan)) {
    case '"':
        return scan_string(scan);
    case 'n':
        return scan_word(scan, "null");
    case 't':
        return scan_word(scan, "true");
    case 'f':
        return scan_word(scan, "false");
    default:
        return scan_number(scan);
    }
}

static bool scan_key(struct scan *scan)
{
    skip_space(scan);
    if (peek(scan) != '"') {
        return refuse(scan, "The name of a member is expected here.");
    }
    if (!scan_string(scan)) {
        return false;
    }
    skip_space(scan);
    if (peek(scan) != ':') {
        return refuse(scan, "A colon is expected here.");
    }
    scan->at++;
    return true;
}

/* What is open around the place that the scan has reached. */
struct levels {
    unsigned depth;
    uint8_t objects[JSON_DEPTH_MAX / 8 + 1]; /* a bit a level: it is an object */
};

static bool in_object(const struct levels *levels)
{
    return (levels->objects[levels->depth / 8] >> (levels->depth % 8) & 1U) != 0;
}

static bool enter(struct scan *scan, struct levels *levels, bool object)
{
    if (levels->depth == JSON_DEPTH_MAX) {
        return refuse(scan, "It nests deeper than 200 levels.");
    }
    scan->at++;
    levels->depth++;
    uint8_t bit = (uint8_t)(1U << (levels->depth % 8));
    uint8_t *byte = &levels->objects[levels->depth / 8];
    *byte = (uint8_t)(object ? *byte | bit : *byte & ~bit);
    return true;
}

/* Goes on behind a value that has ended: to the next one of its level, *more, or out of all. */
static bool after_value(struct scan *scan, struct levels *levels, bool *more)
{
    for (;;) {
        skip_space(scan);
        *more = levels->depth > 0;
        if (!*more) {
            return true;
        }
        bool object = in_object(levels);
        char c = peek(scan);
        if (c == ',') {
            scan->at++;
            return !object || scan_key(scan);
        }
        if (c != (object ? '}' : ']')) {
            return refuse(scan, "A comma or the end of the list or object is expected here.");
        }
        scan->at++;
        levels->depth--;
    }
}

/* One value, with all that is in it. */
static bool scan_value(struct scan *scan)
{
    struct levels levels = {0};
    bool more = true;
    while (more) {
        skip_space(scan);
        char c = peek(scan);
        bool object = c == '{';
        if (object || c == '[') {
            if (!enter(scan, &levels, object)) {
                return false;
            }
            skip_space(scan);
            if (peek(scan) != (object ? '}' : ']')) {
                if (object && !scan_key(scan)) {
                    return false;
                }
                continue;
            }
        } else if (!scan_scalar(scan)) {
            return false;
        }
        if (!after_value(scan, &levels, &more)) {
            return false;
        }
    }
    return true;
}

static enum json_kind kind_of(char first)
{
    switch (first) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 'n':
        return JSON_NULL;
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    default:
        return JSON_NUMBER;
    }
}

static struct json_value value_between(const struct scan *scan, size_t from, size_t to)
{
    while (to > from && is_space(scan->text[to - 1])) {
        to--;
    }
    return (struct json_value){scan->text + from, to - from, kind_of(scan->text[from])};
}

bool json_check(const char *text, size_t size, struct json_value *out, const char **problem,
                size_t *at)
{
    struct scan scan = {.text = text, .size = size};
    *out = (struct json_value){.text = text};
    skip_space(&scan);
    size_t from = scan.at;
    bool good = scan_value(&scan);
    if (good && scan.at != size) {
        good = refuse(&scan, "There is more behind its end.");
    }
    *problem = scan.problem;
    *at = scan.at;
    if (good) {
        *out = value_between(&scan, from, size);
    }
    return good;
}

/* Behind a value of checked text. Brackets are counted; strings are stepped over. */
static size_t end_of_value(const char *text, size_t size, size_t at)
{
    size_t depth = 0;
    do {
        char c = text[at];
        if (c == '"') {
            at++;
            for (at += plain_bytes(text + at, size - at); text[at] != '"'; at++) {
                at += text[at] == '\\';
            }
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (depth == 0) {
            while (text[at + 1] != ',' && text[at + 1] != '}' && text[at + 1] != ']' &&
                   !is_space(text[at + 1])) {
                at++;
            }
        }
        at++;
    } while (depth > 0);
    return at;
}

bool json_next(const struct json_value *whole, size_t *at, struct json_value *name,
               struct json_value *value)
{
    struct scan scan = {.text = whole->text, .size = whole->size, .at = *at == 0 ? 1 : *at};
    skip_space(&scan);
    if (peek(&scan) == ',') {
        scan.at++;
        skip_space(&scan);
    }
    *name = (struct json_value){NULL, 0, JSON_NULL};
    if (scan.at + 1 >= whole->size) {
        return false;
    }
    if (whole->kind == JSON_OBJECT) {
        size_t end = end_of_value(scan.text, scan.size, scan.at);
        *name = value_between(&scan, scan.at, end);
        scan.at = end;
        skip_space(&scan);
        scan.at++;
        skip_space(&scan);
    }
    size_t end = end_of_value(scan.text, scan.size, scan.at);
    *value = value_between(&scan, scan.at, end);
    *at = end;
    return true;
}

bool json_key_is(const struct json_value *key, const char *name)
{
    size_t size = strlen(name);
    if (memchr(key->text, '\\', key->size) == NULL) {
        return key->size == size + 2 && memcmp(key->text + 1, name, size) == 0;
    }
    size_t decoded_size;
    char *decoded = json_decode(key, &decoded_size);
    bool same = decoded != NULL && decoded_size == size && memcmp(decoded, name, size) == 0;
    free(decoded);
    return same;
}

struct json_value json_member(const struct json_value *object, const char *name)
{
    struct json_value key;
    struct json_value value;
    size_t at = 0;
    while (object->kind == JSON_OBJECT && json_next(object, &at, &key, &value)) {
        if (json_key_is(&key, name)) {
            return value;
        }
    }
    return (struct json_value){NULL, 0, JSON_NULL};
}

static size_t put_point(char *out, uint32_t point)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t count = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = count - 1; i > 0; i--) {
        out[i] = (char)(0x80U | (point & 0x3FU));
        point >>= 6U;
    }
    static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    out[0] = (char)(leads[count] | point);
    return count;
}

char *json_decode(const struct json_value *string, size_t *size)
{
    const char *text = string->text + 1;
    size_t left = string->size - 2;
    char *out = malloc(left + 1); /* decoding never makes it longer */
    size_t filled = 0;
    *size = 0;
    if (out == NULL) {
        return NULL;
    }
    while (left > 0) {
        const char *escape = memchr(text, '\\', left);
        size_t plain = escape == NULL ? left : (size_t)(escape - text);
        memcpy(out + filled, text, plain);
        filled += plain;
        text += plain;
        left -= plain;
        if (left > 0) {
            uint32_t point = 0;
            size_t length = escape_length(text, left, &point);
            filled += put_point(out + filled, point);
            text += length;
            left -= length;
        }
    }
    out[filled] = '\0';
    *size = filled;
    return out;
}

static bool is_same_key(const struct json_value *a, const struct json_value *b)
{
    if (memchr(a->text, '\\', a->size) == NULL && memchr(b->text, '\\', b->size) == NULL) {
        return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
    }
    size_t a_size;
    size_t b_size;
    char *a_text = json_decode(a, &a_size);
    char *b_text = json_decode(b, &b_size);
    /* Without memory they count as the same: what cannot be looked at is not let through. */
    bool same = a_text == NULL || b_text == NULL ||
                (a_size == b_size && memcmp(a_text, b_text, a_size) == 0);
    free(a_text);
    free(b_text);
    return same;
}

/* Whether one of the first `count` members has this name. */
static bool is_named_before(const struct json_value *object, size_t count,
                            const struct json_value *wanted)
{
    struct json_value name;
    struct json_value value;
    size_t at = 0;
    for (size_t i = 0; i < count && json_next(object, &at, &name, &value); i++) {
        if (is_same_key(&name, wanted)) {
            return true;
        }
    }
    return false;
}

/* Recursion follows the levels, which are counted. */
bool json_is_plain(const struct json_value *value, unsigned levels)
{
    struct json_value one;
    struct json_value name;
    size_t count = 0;
    size_t at = 0;
    if (value->kind != JSON_OBJECT && value->kind != JSON_ARRAY) {
        return true;
    }
    if (levels == 0) {
        return false;
    }
    for (; json_next(value, &at, &name, &one); count++) {
        if (name.text != NULL &&
            (count == JSON_MEMBERS_MAX || is_named_before(value, count, &name))) {
            return false;
        }
        if (!json_is_plain(&one, levels - 1)) {
            return false;
        }
    }
    return true;
}
