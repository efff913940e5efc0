/*
 * Two looks at text that need no parser: indenting JSON, and telling whether
 * a GraphQL document defines a mutation. Neither judges its input.
 */
#include <string.h>

#include "command.h"

static void new_line(FILE *out, size_t depth)
{
    fputc('\n', out);
    for (size_t i = 0; i < depth; i++) {
        fputs("  ", out);
    }
}

/* Index after the string that begins at `start`. */
static size_t after_string(const char *text, size_t size, size_t start)
{
    size_t at = start + 1;
    while (at < size && text[at] != '"') {
        at += text[at] == '\\' && at + 1 < size ? 2 : 1;
    }
    return at < size ? at + 1 : size;
}

static size_t after_space(const char *text, size_t size, size_t at)
{
    while (at < size && strchr(" \t\r\n", text[at]) != NULL && text[at] != '\0') {
        at++;
    }
    return at;
}

void command_write_pretty(FILE *out, const char *json, size_t size)
{
    size_t depth = 0;
    for (size_t at = after_space(json, size, 0); at < size; at = after_space(json, size, at)) {
        char c = json[at];
        size_t next = at + 1;
        if (c == '"') {
            next = after_string(json, size, at);
            fwrite(json + at, 1, next - at, out);
        } else if (c == '{' || c == '[') {
            size_t inside = after_space(json, size, next);
            fputc(c, out);
            if (inside < size && (json[inside] == '}' || json[inside] == ']')) {
                fputc(json[inside], out);
                next = inside + 1;
            } else {
                new_line(out, ++depth);
            }
        } else if (c == '}' || c == ']') {
            depth -= depth > 0;
            new_line(out, depth);
            fputc(c, out);
        } else if (c == ',') {
            fputc(c, out);
            new_line(out, depth);
        } else if (c == ':') {
            fputs(": ", out);
        } else {
            fputc(c, out);
        }
        at = next;
    }
    fputc('\n', out);
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Index after the block string whose opening quotes begin at `start`. */
static size_t after_block_string(const char *text, size_t size, size_t start)
{
    size_t at = start + 3;
    while (at < size) {
        if (size - at >= 4 && memcmp(text + at, "\\\"\"\"", 4) == 0) {
            at += 4;
        } else if (size - at >= 3 && memcmp(text + at, "\"\"\"", 3) == 0) {
            return at + 3;
        } else {
            at++;
        }
    }
    return size;
}

bool command_has_mutation(const char *document, size_t size)
{
    static const char keyword[] = "mutation";
    size_t depth = 0;
    size_t at = 0;
    while (at < size) {
        char c = document[at];
        size_t next = at + 1;
        if (c == '#') {
            while (next < size && document[next] != '\n' && document[next] != '\r') {
                next++;
            }
        } else if (size - at >= 3 && memcmp(document + at, "\"\"\"", 3) == 0) {
            next = after_block_string(document, size, at);
        } else if (c == '"') {
            next = after_string(document, size, at);
        } else if (c == '{' || c == '(' || c == '[') {
            depth++;
        } else if (c == '}' || c == ')' || c == ']') {
            depth -= depth > 0;
        } else if (is_name_char(c)) {
            while (next < size && is_name_char(document[next])) {
                next++;
            }
            if (depth == 0 && next - at == sizeof keyword - 1 &&
                memcmp(document + at, keyword, sizeof keyword - 1) == 0) {
                return true;
            }
        }
        at = next;
    }
    return false;
}
