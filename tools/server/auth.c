/*
 * Every token is compared with every one that is known, byte by byte to the
 * end: how long it takes tells the number and sizes of the tokens, nothing of
 * their bytes.
 */
#include "auth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "websocket.h"

#define FILE_SIZE_MAX ((off_t)1 << 20)

struct token {
    const char *text;
    size_t size;
    enum role role;
    const char *name;
};

struct access_tokens {
    char *text; /* the file; the tokens point into it */
    struct token *tokens;
    size_t count;
};

void auth_free(struct access_tokens *tokens)
{
    if (tokens != NULL) {
        free(tokens->text);
        free(tokens->tokens);
        free(tokens);
    }
}

static bool same(const char *presented, size_t presented_size, const struct token *token)
{
    volatile unsigned difference = presented_size != token->size;
    for (size_t i = 0; i < token->size; i++) {
        char c = presented_size > 0 ? presented[i % presented_size] : '\0';
        difference |= (unsigned)(unsigned char)(c ^ token->text[i]);
    }
    return difference == 0;
}

static const struct token *find(const struct access_tokens *tokens, const char *text, size_t size)
{
    const struct token *found = NULL;
    for (size_t i = 0; i < tokens->count; i++) {
        if (same(text, size, &tokens->tokens[i])) {
            found = &tokens->tokens[i];
        }
    }
    return found;
}

bool auth_present(const struct access_tokens *tokens, const char *credentials, enum role *role,
                  const char **caller)
{
    static const char scheme[] = "Bearer ";
    const struct token *token = NULL;
    if (tokens == NULL) {
        *role = ROLE_ADMIN;
        return true;
    }
    if (credentials != NULL && strncasecmp(credentials, scheme, sizeof scheme - 1) == 0) {
        const char *text = credentials + sizeof scheme - 1;
        token = find(tokens, text, strlen(text));
    }
    if (token != NULL) {
        *role = token->role;
        *caller = token->name;
    }
    return token != NULL;
}

bool auth_check(struct exchange *exchange)
{
    const struct access_tokens *tokens = exchange->server->tokens;
    const char *credentials = exchange_get(exchange, MHD_HTTP_HEADER_AUTHORIZATION);
    enum role wanted = exchange->route->role;
    if (tokens != NULL && wanted == ROLE_NONE) {
        return true;
    }
    if (credentials == NULL && tokens != NULL && websocket_is_asked(exchange)) {
        return true; /* its first message has the token: pages cannot send the header */
    }
    if (!auth_present(tokens, credentials, &exchange->role, &exchange->caller)) {
        exchange_refuse(exchange, MHD_HTTP_UNAUTHORIZED, OUTCOME_REFUSED, "UNAUTHENTICATED",
                        "A token is needed: Authorization: Bearer TOKEN.");
        exchange_header(exchange, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"quire\"");
        return false;
    }
    if (exchange->role < wanted) {
        exchange_refuse(exchange, MHD_HTTP_FORBIDDEN, OUTCOME_REFUSED, "FORBIDDEN",
                        "This token may not do that.");
        return false;
    }
    return true;
}

/* Takes the next word of a line off its front, and ends it with NUL; NULL at the end. */
static char *take_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t\r");
    size_t size = strcspn(word, " \t\r");
    *rest = word + size;
    if (size == 0) {
        return NULL;
    }
    if (**rest != '\0') {
        **rest = '\0';
        ++*rest;
    }
    return word;
}

static bool add_line(struct access_tokens *tokens, char *line, const char **problem)
{
    char *text = take_word(&line);
    if (text == NULL || text[0] == '#') {
        return true;
    }
    const char *role = take_word(&line);
    const char *name = take_word(&line);
    struct token token = {text, strlen(text), ROLE_ADMIN, name != NULL ? name : ""};
    if (role != NULL && strcmp(role, "query") == 0) {
        token.role = ROLE_QUERY;
    } else if (role != NULL && strcmp(role, "admin") != 0) {
        *problem = "a role is query or admin";
        return false;
    }
    if (token.size < TOKEN_SIZE_MIN) {
        *problem = "a token has at least 16 characters";
        return false;
    }
    struct token *grown = realloc(tokens->tokens, (tokens->count + 1) * sizeof *grown);
    if (grown == NULL) {
        *problem = "out of memory";
        return false;
    }
    tokens->tokens = grown;
    tokens->tokens[tokens->count++] = token;
    return true;
}

static bool read_lines(struct access_tokens *tokens, const char *path)
{
    unsigned number = 1;
    for (char *line = tokens->text; line != NULL; number++) {
        char *end = strchr(line, '\n');
        const char *problem = NULL;
        if (end != NULL) {
            *end = '\0';
        }
        if (!add_line(tokens, line, &problem)) {
            fprintf(stderr, "quire: %s:%u: %s\n", path, number, problem);
            return false;
        }
        line = end != NULL ? end + 1 : NULL;
    }
    if (tokens->count == 0) {
        fprintf(stderr, "quire: %s: it holds no token\n", path);
    }
    return tokens->count > 0;
}

/* The whole file, NUL-terminated. NULL after saying why not. */
static char *read_private(const char *path)
{
    struct stat about;
    char *text = NULL;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 || fstat(file, &about) != 0) {
        fprintf(stderr, "quire: %s: %s\n", path, strerror(errno));
    } else if (!S_ISREG(about.st_mode) || about.st_size > FILE_SIZE_MAX) {
        fprintf(stderr, "quire: %s: not a file of tokens\n", path);
    } else if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        fprintf(stderr, "quire: %s: others may read it; chmod 600 it\n", path);
    } else {
        text = calloc(1, (size_t)about.st_size + 1);
        if (text == NULL || read(file, text, (size_t)about.st_size) != about.st_size) {
            fprintf(stderr, "quire: %s: reading failed\n", path);
            free(text);
            text = NULL;
        }
    }
    if (file >= 0) {
        close(file);
    }
    return text;
}

struct access_tokens *auth_read(const char *path)
{
    struct access_tokens *tokens = calloc(1, sizeof *tokens);
    if (tokens == NULL) {
        fputs("quire: out of memory\n", stderr);
        return NULL;
    }
    tokens->text = read_private(path);
    if (tokens->text == NULL || !read_lines(tokens, path)) {
        auth_free(tokens);
        return NULL;
    }
    return tokens;
}
