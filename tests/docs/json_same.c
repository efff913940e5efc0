/*
 * JSON texts compared token by token.
 */
#include <string.h>

#include "document.h"

static const char any[] = "\"<any>\"";

struct token {
    const char *start; /* at the end of the text: where its NUL is */
    size_t size;
};

static struct token next_token(const char **at)
{
    struct token token = {*at + strspn(*at, " \t\r\n"), 0};
    const char *end = token.start;
    if (*end == '"') {
        for (end++; *end != '"' && *end != '\0'; end++) {
            end += *end == '\\' && end[1] != '\0';
        }
        end += *end == '"';
    } else if (*end != '\0' && strchr("{}[],:", *end) != NULL) {
        end++;
    } else {
        end += strcspn(end, "{}[],:\" \t\r\n");
    }
    token.size = (size_t)(end - token.start);
    *at = end;
    return token;
}

static unsigned hex4(const char *digits)
{
    unsigned value = 0;
    for (size_t i = 0; i < 4; i++) {
        const char *at = strchr("0123456789abcdef", digits[i] | 0x20);
        value = value * 16 + (at == NULL ? 0 : (unsigned)(at - "0123456789abcdef"));
    }
    return value;
}

/* The next byte of a string token's value, which may be inside an escape. */
struct string {
    const char *at, *end;
    char bytes[4]; /* of the character that an escape stands for */
    size_t count, used;
};

static void encode(struct string *string, unsigned long c)
{
    string->used = 0;
    if (c < 0x80) {
        string->bytes[0] = (char)c;
        string->count = 1;
        return;
    }
    string->count = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = string->count - 1; i > 0; i--, c >>= 6) {
        string->bytes[i] = (char)(0x80 | (c & 0x3f));
    }
    string->bytes[0] = (char)((0xf00UL >> string->count & 0xff) | c);
}

static void read_escape(struct string *string)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    char letter = string->at[1];
    const char *known = strchr(letters, letter);
    if (letter != 'u' || string->end - string->at < 6) {
        encode(string,
               known == NULL ? (unsigned char)letter : (unsigned char)meant[known - letters]);
        string->at += 2;
        return;
    }
    unsigned long c = hex4(string->at + 2);
    string->at += 6;
    if (c >= 0xd800 && c < 0xdc00 && string->end - string->at >= 6 && string->at[1] == 'u') {
        c = 0x10000 + ((c - 0xd800) << 10) + (hex4(string->at + 2) - 0xdc00);
        string->at += 6;
    }
    encode(string, c);
}

static int next_byte(struct string *string)
{
    if (string->used == string->count && string->at < string->end) {
        if (*string->at == '\\' && string->end - string->at >= 2) {
            read_escape(string);
        } else {
            encode(string, 0);
            string->bytes[0] = *string->at++;
        }
    }
    return string->used < string->count ? (unsigned char)string->bytes[string->used++] : -1;
}

static bool same_string(struct token a, struct token b)
{
    struct string x = {.at = a.start + 1, .end = a.start + a.size - 1};
    struct string y = {.at = b.start + 1, .end = b.start + b.size - 1};
    int byte;
    do {
        byte = next_byte(&x);
        if (byte != next_byte(&y)) {
            return false;
        }
    } while (byte >= 0);
    return true;
}

static bool is_any(struct token token, const char *behind)
{
    return token.size == sizeof any - 1 && memcmp(token.start, any, token.size) == 0 &&
           behind[strspn(behind, " \t\r\n")] != ':';
}

bool json_same(const char *expected, const char *actual)
{
    struct token a;
    do {
        a = next_token(&expected);
        struct token b = next_token(&actual);
        bool same;
        if (is_any(a, expected)) {
            same = b.size > 0 && strchr("{}[],:", *b.start) == NULL;
        } else if (*a.start == '"' && *b.start == '"') {
            same = same_string(a, b);
        } else {
            same = a.size == b.size && memcmp(a.start, b.start, a.size) == 0;
        }
        if (!same) {
            return false;
        }
    } while (a.size > 0);
    return true;
}
