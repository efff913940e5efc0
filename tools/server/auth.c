/*
 * Every token is compared with every one that is known, byte by byte to the
 * end: how long it takes tells the number and sizes of the tokens, nothing of
 * their bytes.
 */
#include "auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "files.h"
#include "keys.h"
#include "websocket.h"

#define FILE_SIZE_MAX ((size_t)1 << 20)

struct token {
    const char *text;
    size_t size;
    const char *name;
    char *claims; /* owned; NULL of role admin */
    enum role role;
};

struct access {
    char *text; /* of the file; the tokens point into it */
    size_t text_size;
    struct token *tokens;
    size_t count;
    struct keys *keys; /* of JWTs, or NULL */
    struct jwt_rules rules;
    const char *admin, *role_claim;
    bool anonymous;
};

_Static_assert(AUTH_VERDICTS <= METRICS_REASONS_MAX, "every verdict is counted");

const char *auth_verdict_word(unsigned verdict)
{
    static const char *const words[AUTH_JWT] = {[AUTH_GOOD] = "good",
                                                [AUTH_MISSING] = "missing",
                                                [AUTH_UNKNOWN] = "unknown",
                                                [AUTH_FORBIDDEN] = "forbidden",
                                                [AUTH_LATER] = "later"};
    return verdict < AUTH_JWT ? words[verdict]
                              : jwt_verdict_word((enum jwt_verdict)(verdict - AUTH_JWT));
}

/* ---- Identities ---- */

struct identity identity_of(const struct identity *owner)
{
    struct identity copy = *owner;
    copy.own_name = copy.own_claims = NULL;
    return copy;
}

void identity_free(struct identity *identity)
{
    free(identity->own_name);
    free(identity->own_claims);
    *identity = (struct identity){.name = ""};
}

bool identity_copy(struct identity *copy, const struct identity *identity)
{
    size_t name_size = strlen(identity->name) + 1;
    size_t who_size = identity->who.size;
    char *name = malloc(name_size + who_size);
    char *claims = identity->claims != NULL ? malloc(identity->claims_size + 1) : NULL;
    *copy = (struct identity){.name = ""};
    if (name == NULL || (identity->claims != NULL && claims == NULL)) {
        free(name);
        free(claims);
        return false;
    }
    memcpy(name, identity->name, name_size);
    if (who_size > 0) {
        memcpy(name + name_size, identity->who.bytes, who_size);
    }
    if (claims != NULL) {
        memcpy(claims, identity->claims, identity->claims_size);
        claims[identity->claims_size] = '\0';
    }
    *copy = *identity;
    copy->name = copy->own_name = name;
    copy->claims = copy->own_claims = claims;
    copy->who.bytes = name + name_size;
    return true;
}

bool identity_is(const struct identity *identity, const struct identity *other)
{
    const struct rate_caller *a = &identity->who;
    const struct rate_caller *b = &other->who;
    bool same_claims = identity->claims_size == other->claims_size &&
                       (identity->claims == NULL) == (other->claims == NULL) &&
                       (identity->claims == NULL ||
                        memcmp(identity->claims, other->claims, identity->claims_size) == 0);
    /* Who has no token, or no subject, is told by the claims. */
    return identity->role == other->role && a->size == b->size &&
           (a->size > 0 ? a->kind == b->kind && memcmp(a->bytes, b->bytes, a->size) == 0
                        : same_claims);
}

bool identity_has_expired(const struct identity *identity, uint64_t now_ms)
{
    return identity->until_ms != 0 && now_ms >= identity->until_ms;
}

/* ---- Tokens ---- */

static bool same(const char *presented, size_t presented_size, const struct token *token)
{
    volatile unsigned difference = presented_size != token->size;
    for (size_t i = 0; i < token->size; i++) {
        char c = presented_size > 0 ? presented[i % presented_size] : '\0';
        difference |= (unsigned)(unsigned char)(c ^ token->text[i]);
    }
    return difference == 0;
}

static const struct token *find(const struct access *access, const char *text, size_t size)
{
    const struct token *found = NULL;
    for (size_t i = 0; i < access->count; i++) {
        if (same(text, size, &access->tokens[i])) {
            found = &access->tokens[i];
        }
    }
    return found;
}

static struct identity identity_of_token(const struct token *token)
{
    return (struct identity){.role = token->role,
                             .name = token->name,
                             .who = {'t', token->text, token->size},
                             .claims = token->claims,
                             .claims_size = token->claims != NULL ? strlen(token->claims) : 0};
}

/* Hands the claims of a checked token over. */
static struct identity identity_of_jwt(const struct access *access, struct jwt *jwt, double now_s)
{
    bool admin = access->admin != NULL && jwt_has_role(jwt, access->role_claim, access->admin);
    double left_ms = (jwt->expires_s - now_s) * 1000;
    struct identity identity = {
        .role = admin ? ROLE_ADMIN : ROLE_QUERY,
        .name = jwt->subject != NULL ? jwt->subject : "",
        .who = {'s', jwt->subject, jwt->subject != NULL ? strlen(jwt->subject) : 0},
        .claims = jwt->claims,
        .claims_size = jwt->size,
        /* Beyond some centuries it is as good as never. */
        .until_ms = left_ms < 1e13 ? clock_ms() + (uint64_t)left_ms : UINT64_MAX,
        .own_name = jwt->subject,
        .own_claims = jwt->claims};
    return identity;
}

static enum auth_verdict present_jwt(struct access *access, const char *text, size_t size,
                                     struct identity *identity)
{
    struct timespec now;
    struct jwt jwt;
    bool later;
    clock_gettime(CLOCK_REALTIME, &now);
    double now_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    enum jwt_verdict verdict =
        keys_check(access->keys, &access->rules, text, size, now_s, &jwt, &later);
    if (verdict != JWT_GOOD) {
        return later ? AUTH_LATER : (enum auth_verdict)(AUTH_JWT + (int)verdict);
    }
    *identity = identity_of_jwt(access, &jwt, now_s);
    return AUTH_GOOD;
}

static enum auth_verdict recognise(struct access *access, const char *credentials,
                                   struct identity *identity)
{
    static const char scheme[] = "Bearer ";
    if (access == NULL) {
        *identity = (struct identity){.role = ROLE_ADMIN, .name = ""};
        return AUTH_GOOD;
    }
    if (credentials == NULL) {
        if (access->anonymous) {
            *identity =
                (struct identity){.role = ROLE_QUERY, .name = "", .claims = "{}", .claims_size = 2};
        }
        return access->anonymous ? AUTH_GOOD : AUTH_MISSING;
    }
    if (strncasecmp(credentials, scheme, sizeof scheme - 1) != 0) {
        return AUTH_UNKNOWN;
    }
    const char *text = credentials + sizeof scheme - 1;
    size_t size = strlen(text);
    const struct token *token = find(access, text, size);
    if (token != NULL) {
        *identity = identity_of_token(token);
        return AUTH_GOOD;
    }
    return access->keys != NULL ? present_jwt(access, text, size, identity) : AUTH_UNKNOWN;
}

static enum auth_verdict count(struct server *server, enum auth_verdict verdict)
{
    if (verdict != AUTH_GOOD) {
        atomic_fetch_add_explicit(&server->metrics.auth_refused[verdict], 1, memory_order_relaxed);
    }
    return verdict;
}

enum auth_verdict auth_present(struct server *server, const char *credentials,
                               struct identity *identity)
{
    return count(server, recognise(server->access, credentials, identity));
}

/* ---- Exchanges ---- */

static bool refuse(struct exchange *exchange, enum auth_verdict verdict)
{
    bool expired = (int)verdict == (int)AUTH_JWT + (int)JWT_EXPIRED;
    if (verdict == AUTH_LATER) {
        exchange_refuse(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, OUTCOME_BUSY, "BUSY",
                        "The key of this token is not known yet; try again.");
        return false;
    }
    if (verdict == AUTH_FORBIDDEN) {
        exchange_refuse(exchange, MHD_HTTP_FORBIDDEN, OUTCOME_REFUSED, "FORBIDDEN",
                        "This token may not do that.");
        return false;
    }
    exchange_refuse(exchange, MHD_HTTP_UNAUTHORIZED, OUTCOME_REFUSED, "UNAUTHENTICATED", "%s",
                    expired ? "The token has expired."
                            : "A token is needed: Authorization: Bearer TOKEN.");
    exchange_header(exchange, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                    verdict == AUTH_MISSING ? "Bearer realm=\"quire\""
                                            : "Bearer realm=\"quire\", error=\"invalid_token\"");
    return false;
}

bool auth_check(struct exchange *exchange)
{
    struct server *server = exchange->server;
    const char *credentials = exchange_get(exchange, MHD_HTTP_HEADER_AUTHORIZATION);
    enum role wanted = exchange->route->role;
    if (server->access != NULL && wanted == ROLE_NONE) {
        return true;
    }
    if (credentials == NULL && server->access != NULL && websocket_is_asked(exchange)) {
        return true; /* its first message has the token: pages cannot send the header */
    }
    enum auth_verdict verdict = auth_present(server, credentials, &exchange->identity);
    if (verdict == AUTH_GOOD && exchange->identity.role < wanted) {
        verdict = count(server, credentials == NULL ? AUTH_MISSING : AUTH_FORBIDDEN);
    }
    return verdict == AUTH_GOOD || refuse(exchange, verdict);
}

/* ---- The file ---- */

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

/* {"role": "query", "sub": NAME}, without "sub" for a token that has no name. */
static bool make_claims(struct token *token)
{
    struct buffer claims = {0};
    buffer_puts(&claims, "{\"role\":\"query\"");
    if (token->name[0] != '\0') {
        buffer_puts(&claims, ",\"sub\":");
        buffer_put_json(&claims, token->name, strlen(token->name));
    }
    buffer_put(&claims, "}", 2);
    token->claims = claims.bytes;
    return !claims.failed;
}

static bool add_line(struct access *access, char *line, const char **problem)
{
    char *text = take_word(&line);
    if (text == NULL || text[0] == '#') {
        return true;
    }
    const char *role = take_word(&line);
    const char *name = take_word(&line);
    struct token token = {text, strlen(text), name != NULL ? name : "", NULL, ROLE_ADMIN};
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
    struct token *grown = realloc(access->tokens, (access->count + 1) * sizeof *grown);
    *problem = "out of memory";
    if (grown == NULL) {
        return false;
    }
    access->tokens = grown;
    access->tokens[access->count] = token;
    return token.role == ROLE_ADMIN ? ++access->count > 0
                                    : make_claims(&access->tokens[access->count++]);
}

static bool read_lines(struct access *access, const char *path)
{
    unsigned number = 1;
    for (char *line = access->text; line != NULL; number++) {
        char *end = strchr(line, '\n');
        const char *problem = NULL;
        if (end != NULL) {
            *end = '\0';
        }
        if (!add_line(access, line, &problem)) {
            fprintf(stderr, "quire: %s:%u: %s\n", path, number, problem);
            return false;
        }
        line = end != NULL ? end + 1 : NULL;
    }
    if (access->count == 0) {
        fprintf(stderr, "quire: %s: it holds no token\n", path);
    }
    return access->count > 0;
}

static bool read_tokens(struct access *access, const char *path)
{
    struct stat about;
    const char *problem;
    access->text = file_read(path, FILE_SIZE_MAX, &access->text_size, &about, &problem);
    if (access->text != NULL && !file_is_private(&about)) {
        problem = "others may read it; chmod 600 it";
    } else if (access->text != NULL) {
        return read_lines(access, path);
    }
    fprintf(stderr, "quire: %s: %s\n", path, problem);
    return false;
}

/* ---- Life ---- */

static bool open_keys(struct access *access, const struct serve_options *options, struct log *log)
{
    access->rules = (struct jwt_rules){.issuer = options->jwt_issuer,
                                       .audience = options->jwt_audience,
                                       .leeway_s = options->jwt_leeway_s};
    access->admin = options->jwt_admin;
    access->role_claim = options->jwt_role_claim != NULL ? options->jwt_role_claim : "role";
    access->keys = keys_open(options, log);
    return access->keys != NULL;
}

bool auth_open(const struct serve_options *options, struct log *log, struct access **out)
{
    bool jwt = options->jwt_key != NULL || options->jwks != NULL || options->jwks_url != NULL;
    *out = NULL;
    if (options->token_file == NULL && !jwt) {
        return true;
    }
    struct access *access = calloc(1, sizeof *access);
    if (access == NULL) {
        fputs("quire: out of memory\n", stderr);
        return false;
    }
    access->anonymous = options->anonymous != 0;
    /* Keys first: the process that asks for them is to know no tokens. */
    if ((jwt && !open_keys(access, options, log)) ||
        (options->token_file != NULL && !read_tokens(access, options->token_file))) {
        auth_close(access);
        return false;
    }
    *out = access;
    return true;
}

bool auth_start(struct access *access)
{
    return access == NULL || access->keys == NULL || keys_start(access->keys);
}

void auth_close(struct access *access)
{
    if (access == NULL) {
        return;
    }
    keys_close(access->keys);
    for (size_t i = 0; i < access->count; i++) {
        free(access->tokens[i].claims);
    }
    free(access->tokens);
    file_forget(access->text, access->text_size);
    free(access);
}
