/*
 * Who may ask, through the server: JWTs beside tokens from a file, their keys from
 * files and from an address, and those who have none.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "jwt_tokens.h"
#include "jwt_vectors.h"
#include "server_fixture.h"

#define JSON         "Content-Type: application/json\r\n"
#define QUERY        "{\"query\":\"{authors{totalCount}}\"}"
#define FOREVER      "{\"sub\":\"ann\",\"iss\":\"joe\",\"aud\":\"shop\",\"exp\":4000000000}"
#define OTHER_SECRET "another secret of thirty-two bytes and more"

static void write_file(const char *path, const char *text, mode_t mode)
{
    char other[700];
    snprintf(other, sizeof other, "%s.new", path);
    FILE *file = fopen(other, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    cr_assert_eq(chmod(other, mode), 0);
    cr_assert_eq(rename(other, path), 0);
}

/* A database that no server runs on yet. */
static void prepare(struct test_server *server)
{
    test_server_start(server, NULL);
    cr_assert_eq(test_server_end(server), 0);
}

/* Asks with a token: POST /graphql for a body, else GET of the path. */
static struct answer ask(const struct test_server *server, const char *path, const char *token)
{
    char *headers = malloc(strlen(token) + 200);
    bool post = strcmp(path, "/graphql") == 0;
    cr_assert_not_null(headers);
    snprintf(headers, strlen(token) + 200, "%s%s%s%s", post ? JSON : "",
             token[0] != '\0' ? "Authorization: Bearer " : "", token,
             token[0] != '\0' ? "\r\n" : "");
    struct answer answer =
        send_request(server, post ? "POST" : "GET", path, headers, post ? QUERY : "");
    free(headers);
    return answer;
}

static int status_of(const struct test_server *server, const char *path, const char *token)
{
    struct answer answer = ask(server, path, token);
    int status = answer.status;
    answer_free(&answer);
    return status;
}

/* Asks with a token that is made of these, and frees it. */
static int status_of_made(const struct test_server *server, const char *path, char *token)
{
    int status = status_of(server, path, token);
    free(token);
    return status;
}

static void expect_metric(const struct test_server *server, const char *token, const char *line)
{
    struct answer answer = ask(server, "/metrics", token);
    cr_expect(strstr(answer.body, line) != NULL, "no %s in: %s", line, answer.text);
    answer_free(&answer);
}

Test(auth, jwts__say_who_asks_and_for_how_long, .timeout = 60)
{
    struct test_server server;
    char key[600];
    char tokens[600];
    const char *const options[] = {"--jwt-key",
                                   key,
                                   "--jwt-issuer",
                                   "joe",
                                   "--jwt-audience",
                                   "shop",
                                   "--access-log",
                                   "-",
                                   "--token-file",
                                   tokens,
                                   NULL};
    prepare(&server);
    temp_dir_file(&server.dir, "key", key, sizeof key);
    temp_dir_file(&server.dir, "tokens", tokens, sizeof tokens);
    write_file(key, TOKEN_SECRET "\n", 0600);
    write_file(tokens, "0123456789abcdef0123\n", 0600);
    test_server_start_in(&server, options);
    char *good = token_make(TOKEN_HEADER, FOREVER);
    cr_expect_eq(status_of(&server, "/graphql", good), 200);
    cr_expect_eq(status_of(&server, "/graphql?sdl", good), 200);
    cr_expect_eq(status_of(&server, "/schema", good), 403); /* it tells how many rows there are */
    cr_expect_eq(status_of(&server, "/schema/tables", good), 403);
    cr_expect_eq(status_of(&server, "/metrics", good), 403); /* nobody is an administrator */
    cr_expect_eq(status_of(&server, "/graphql", "0123456789abcdef0123"), 200);
    cr_expect_eq(status_of(&server, "/metrics", "0123456789abcdef0123"), 200);
    cr_expect_eq(status_of(&server, "/graphql", ""), 401);
    static const struct {
        const char *header, *payload;
    } bad[] = {
        {TOKEN_HEADER, "{\"sub\":\"ann\",\"iss\":\"joe\",\"aud\":\"shop\"}"},
        {TOKEN_HEADER, "{\"sub\":\"ann\",\"iss\":\"eve\",\"aud\":\"shop\",\"exp\":4000000000}"},
        {TOKEN_HEADER, "{\"sub\":\"ann\",\"iss\":\"joe\",\"aud\":\"bank\",\"exp\":4000000000}"},
        {TOKEN_HEADER, "{\"iss\":\"joe\",\"aud\":\"shop\",\"exp\":4000000000,\"nbf\":3999999999}"},
        {"{\"alg\":\"none\"}", FOREVER},
        {"{\"alg\":\"RS256\"}", FOREVER},
        {"{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", FOREVER},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect_eq(status_of_made(&server, "/graphql", token_make(bad[i].header, bad[i].payload)),
                     401, "%s %s", bad[i].header, bad[i].payload);
    }
    cr_expect_eq(
        status_of_made(&server, "/graphql", token_make_with(OTHER_SECRET, TOKEN_HEADER, FOREVER)),
        401);
    char *old = token_make(TOKEN_HEADER, "{\"iss\":\"joe\",\"aud\":\"shop\",\"exp\":1700000000}");
    struct answer answer = ask(&server, "/graphql", old);
    char challenge[200];
    answer_header(&answer, "WWW-Authenticate", challenge, sizeof challenge);
    cr_expect(strstr(challenge, "error=\"invalid_token\"") != NULL, "%s", challenge);
    ANSWERS(answer, 401, "has expired");
    expect_metric(&server, "0123456789abcdef0123",
                  "quire_auth_refused_total{reason=\"expired\"} 1\n");
    expect_metric(&server, "0123456789abcdef0123", "{reason=\"missing\"} 1\n");
    expect_metric(&server, "0123456789abcdef0123", "{reason=\"signature\"} 1\n");
    expect_metric(&server, "0123456789abcdef0123", "{reason=\"algorithm\"} 2\n");
    expect_metric(&server, "0123456789abcdef0123", "{reason=\"forbidden\"} 3\n");
    cr_assert_eq(test_server_end(&server), 0);
    char *log = read_text(server.log);
    cr_expect(strstr(log, "\"caller\":\"ann\"") != NULL, "%s", log);
    cr_expect(strstr(log, strrchr(good, '.')) == NULL, "the log tells a token");
    cr_expect(strstr(log, strrchr(old, '.')) == NULL, "the log tells a token");
    free(log);
    free(good);
    free(old);
    temp_dir_remove(&server.dir);
}

Test(auth, tokens__come_in_one_header_alone, .timeout = 60)
{
    struct test_server server;
    char key[600];
    char text[1024];
    static char large[20000];
    const char *const options[] = {"--jwt-key", key, NULL};
    prepare(&server);
    temp_dir_file(&server.dir, "key", key, sizeof key);
    write_file(key, TOKEN_SECRET, 0600);
    test_server_start_in(&server, options);
    char *good = token_make(TOKEN_HEADER, "{\"exp\":4000000000}");
    snprintf(text, sizeof text, JSON "Authorization: Bearer %s\r\nauthorization: Bearer %s\r\n",
             good, good);
    ANSWERS(send_request(&server, "POST", "/graphql", text, QUERY), 400, "One Authorization");
    snprintf(text, sizeof text, JSON "Authorization: Basic %s\r\n", good);
    ANSWERS(send_request(&server, "POST", "/graphql", text, QUERY), 401, "UNAUTHENTICATED");
    snprintf(text, sizeof text, JSON "Cookie: token=%s\r\n", good);
    ANSWERS(send_request(&server, "POST", "/graphql", text, QUERY), 401, "UNAUTHENTICATED");
    snprintf(text, sizeof text, "/graphql?access_token=%s&token=%s", good, good);
    ANSWERS(send_request(&server, "POST", text, JSON, QUERY), 401, "UNAUTHENTICATED");
    snprintf(text, sizeof text, "%s,%s", good, good);
    cr_expect_eq(status_of(&server, "/graphql", text), 401);
    memset(large, 'A', sizeof large - 1);
    cr_expect_eq(status_of(&server, "/graphql", large), 401);
    free(good);
    test_server_stop(&server);
}

Test(auth, administrators__are_those_of_the_named_role, .timeout = 60)
{
    struct test_server server;
    char key[600];
    const char *const options[] = {
        "--jwt-key", key, "--jwt-role-claim", "https://x/roles", "--jwt-admin", "root", NULL};
    prepare(&server);
    temp_dir_file(&server.dir, "key", key, sizeof key);
    write_file(key, TOKEN_SECRET, 0600);
    test_server_start_in(&server, options);
    static const struct {
        const char *payload;
        int status;
    } cases[] = {
        {"{\"exp\":4000000000,\"https://x/roles\":\"root\"}", 200},
        {"{\"exp\":4000000000,\"https://x/roles\":[\"a\",\"root\"]}", 200},
        {"{\"exp\":4000000000,\"https://x/roles\":\"roots\"}", 403},
        {"{\"exp\":4000000000,\"https://x/roles\":{\"root\":true}}", 403},
        {"{\"exp\":4000000000,\"role\":\"root\"}", 403},
        {"{\"exp\":4000000000,\"role\":\"admin\"}", 403},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *token = token_make(TOKEN_HEADER, cases[i].payload);
        cr_expect_eq(status_of(&server, "/graphql", token), 200, "%s", cases[i].payload);
        cr_expect_eq(status_of_made(&server, "/metrics", token), cases[i].status, "%s",
                     cases[i].payload);
    }
    test_server_stop(&server);
}

Test(auth, who_has_no_token__may_ask_where_that_is_allowed, .timeout = 60)
{
    struct test_server server;
    char key[600];
    const char *const options[] = {"--jwt-key", key, "--anonymous", NULL};
    prepare(&server);
    cr_expect_eq(test_server_refuses(&server, (const char *const[]){"--anonymous", NULL}), 64);
    temp_dir_file(&server.dir, "key", key, sizeof key);
    write_file(key, TOKEN_SECRET, 0600);
    test_server_start_in(&server, options);
    cr_expect_eq(status_of(&server, "/graphql", ""), 200);
    cr_expect_eq(status_of(&server, "/metrics", ""), 401);
    cr_expect_eq(status_of(&server, "/graphql", "abc"), 401); /* one that is no good is not none */
    cr_expect_eq(
        status_of_made(&server, "/graphql", token_make(TOKEN_HEADER, "{\"exp\":1700000000}")), 401);
    ANSWERS(send_request(&server, "POST", "/graphql", JSON "Authorization: \r\n", QUERY), 401, "");
    test_server_stop(&server);
}

/* ---- Rules of the schema ---- */

#define RULES                                                                                      \
    "type Author { id: ID! @id  name: String! @index  books: [Book!]! }\n"                         \
    "type Book { id: ID! @id  title: String! @index  author: Author! }\n"                          \
    "type Note @auth(rules: [{where: {owner: {equals: {claim: \"sub\"}}}},\n"                      \
    "  {roles: [\"editor\"]}]) { id: ID! @id  owner: String! }\n"                                  \
    "type Plain @auth(rules: [{roles: [\"query\"]}]) { id: ID! @id }\n"

static int count_notes(const struct test_server *server, const char *token)
{
    char headers[600];
    snprintf(headers, sizeof headers, JSON "%s%s%s",
             token[0] != '\0' ? "Authorization: Bearer " : "", token,
             token[0] != '\0' ? "\r\n" : "");
    struct answer answer =
        send_request(server, "POST", "/graphql", headers, "{\"query\":\"{notes{totalCount}}\"}");
    const char *found = strstr(answer.body, "\"totalCount\":");
    int count = found != NULL ? (int)strtol(found + 13, NULL, 10) : -1;
    answer_free(&answer);
    return count;
}

Test(auth, rules_of_the_schema__are_held_against_the_claims, .timeout = 60)
{
    static const char admin[] = "0123456789abcdef0123";
    struct test_server server;
    char key[600];
    char tokens[600];
    const char *const options[] = {"--jwt-key",   key,    "--token-file", tokens,
                                   "--jwt-admin", "root", "--anonymous",  NULL};
    prepare(&server);
    temp_dir_file(&server.dir, "key", key, sizeof key);
    temp_dir_file(&server.dir, "tokens", tokens, sizeof tokens);
    write_file(key, TOKEN_SECRET, 0600);
    write_file(tokens, "0123456789abcdef0123\nfedcba9876543210 query ann\nfedcba987654321f query\n",
               0600);
    test_server_start_in(&server, options);
#define AS "Authorization: Bearer 0123456789abcdef0123\r\n"
    ANSWERS(send_request(&server, "POST", "/schema/load", AS "Content-Type: text/plain\r\n", RULES),
            200, "true");
    ANSWERS(send_request(&server, "POST", "/graphql", AS JSON,
                         "{\"query\":\"mutation{a:createNote(input:{id:1,owner:\\\"ann\\\"}){id}"
                         "b:createNote(input:{id:2,owner:\\\"bob\\\"}){id}"
                         "c:createNote(input:{id:3,owner:\\\"ann\\\"}){id}}\"}"),
            200, "\"c\"");
#undef AS
    static const struct {
        const char *payload;
        int notes;
    } cases[] = {
        {"{\"exp\":4000000000,\"sub\":\"ann\"}", 2},
        {"{\"exp\":4000000000,\"sub\":\"bob\"}", 1},
        {"{\"exp\":4000000000,\"sub\":\"eve\"}", 0},
        {"{\"exp\":4000000000,\"sub\":\"eve\",\"roles\":[\"editor\"]}", 3},
        {"{\"exp\":4000000000}", -1}, /* there is no claim to compare with */
        /* An administrator's JWT opens endpoints; the rules are for it as for others. */
        {"{\"exp\":4000000000,\"sub\":\"bob\",\"role\":\"root\"}", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *token = token_make(TOKEN_HEADER, cases[i].payload);
        cr_expect_eq(count_notes(&server, token), cases[i].notes, "%s", cases[i].payload);
        free(token);
    }
    cr_expect_eq(count_notes(&server, admin), 3);              /* the program itself */
    cr_expect_eq(count_notes(&server, "fedcba9876543210"), 2); /* {"role": "query", "sub": "ann"} */
    cr_expect_leq(count_notes(&server, "fedcba987654321f"), 0);
    cr_expect_leq(count_notes(&server, ""), 0);
    test_server_stop(&server);
}

/* ---- Keys ---- */

#define KEY_A                                                                                      \
    "{\"kty\":\"oct\",\"kid\":\"a\",\"k\":\"YSBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcyBhbmQgbW9yZQ\"}"
#define KEY_B                                                                                      \
    "{\"kty\":\"oct\",\"kid\":\"b\",\"k\":"                                                        \
    "\"YW5vdGhlciBzZWNyZXQgb2YgdGhpcnR5LXR3byBieXRlcyBhbmQgbW"                                     \
    "9yZQ\"}"

/* Waits until a token is answered so. */
static void await_status(const struct test_server *server, const char *token, int status)
{
    const struct timespec pause = {.tv_nsec = 50 * 1000000};
    int was = 0;
    for (int i = 0; i < 400 && (was = status_of(server, "/graphql", token)) != status; i++) {
        nanosleep(&pause, NULL);
    }
    cr_expect_eq(was, status);
}

Test(auth, file_of_keys__is_read_again_when_it_changes, .timeout = 60)
{
    struct test_server server;
    char set[600];
    const char *const options[] = {"--jwks", set, NULL};
    prepare(&server);
    temp_dir_file(&server.dir, "set", set, sizeof set);
    write_file(set, "{\"keys\":[" KEY_A "]}", 0600);
    test_server_start_in(&server, options);
    char *a = token_make("{\"alg\":\"HS256\",\"kid\":\"a\"}", "{\"exp\":4000000000}");
    char *b =
        token_make_with(OTHER_SECRET, "{\"alg\":\"HS256\",\"kid\":\"b\"}", "{\"exp\":4000000000}");
    cr_expect_eq(status_of(&server, "/graphql", a), 200);
    cr_expect_eq(status_of(&server, "/graphql", b), 401);
    write_file(set, "{\"keys\":[" KEY_A "," KEY_B "]}", 0600);
    await_status(&server, b, 200);
    cr_expect_eq(status_of(&server, "/graphql", a), 200);
    write_file(set, "{\"keys\":[" KEY_B "]}", 0600);
    await_status(&server, a, 401);
    /* What is broken, or gone, or told to others, changes nothing. */
    write_file(set, "{\"keys\":[" KEY_A, 0600);
    for (int i = 0; i < 3; i++) {
        sleep(1);
        cr_expect_eq(status_of(&server, "/graphql", b), 200);
        cr_expect_eq(status_of(&server, "/graphql", a), 401);
        if (i == 0) {
            write_file(set, "{\"keys\":[" KEY_A "]}", 0644);
        } else if (i == 1) {
            unlink(set);
        }
    }
    write_file(set, "{\"keys\":[" KEY_A "]}", 0600);
    await_status(&server, a, 200);
    cr_assert_eq(test_server_end(&server), 0);
    char *log = read_text(server.log);
    cr_expect(strstr(log, "\"event\":\"keys\"") != NULL, "%s", log);
    cr_expect(strstr(log, "chmod 600") != NULL, "%s", log);
    free(log);
    free(a);
    free(b);
    temp_dir_remove(&server.dir);
}

Test(auth, keys_of_every_kind__are_taken, .timeout = 60)
{
    struct test_server server;
    char set[600];
    const char *const options[] = {"--jwks", set, NULL};
    prepare(&server);
    temp_dir_file(&server.dir, "set", set, sizeof set);
    write_file(set, vector_keys, 0600);
    test_server_start_in(&server, options);
    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        char *token = strdup(vectors[i].token);
        cr_expect_eq(status_of(&server, "/graphql", token), 200, "%s", vectors[i].algorithm);
        char *signature = strrchr(token, '.') + 8;
        *signature = *signature == 'A' ? 'B' : 'A';
        cr_expect_eq(status_of_made(&server, "/graphql", token), 401, "%s", vectors[i].algorithm);
    }
    test_server_stop(&server);
}

Test(auth, options__that_leave_a_door_open_are_refused, .timeout = 60)
{
    struct test_server server;
    char path[600];
    prepare(&server);
    temp_dir_file(&server.dir, "key", path, sizeof path);
#define REFUSES(code, ...)                                                                         \
    cr_expect_eq(test_server_refuses(&server, (const char *const[]){__VA_ARGS__, NULL}), code)
    REFUSES(74, "--jwt-key", path); /* there is none */
    write_file(path, TOKEN_SECRET, 0644);
    REFUSES(74, "--jwt-key", path);
    REFUSES(74, "--jwks", path);
    write_file(path, "short", 0600);
    REFUSES(74, "--jwt-key", path);
    write_file(path, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", 0600);
    REFUSES(74, "--jwt-key", path);
    write_file(path, "{\"keys\":[]}", 0600);
    REFUSES(74, "--jwks", path);
    write_file(path, TOKEN_SECRET, 0600);
    REFUSES(64, "--jwt-key", path, "--jwks", path);
    REFUSES(64, "--jwt-key", path, "--jwt-leeway", "-1");
    REFUSES(64, "--jwt-key", path, "--jwt-leeway", "86400");
    REFUSES(64, "--jwt-issuer", "joe");
    REFUSES(64, "--jwt-admin", "root");
    REFUSES(64, "--jwks-url", "http://keys.example/");
    REFUSES(64, "--jwks-url", "http://localhost.example/");
    REFUSES(64, "--jwks-url", "http://localhost:80@keys.example/");
    REFUSES(64, "--jwks-url", "file:///etc/passwd");
#undef REFUSES
    temp_dir_remove(&server.dir);
}

/* ---- Keys of an address ---- */

/* A server of one text. */
struct issuer {
    int socket, port;
    pthread_t thread;
    pthread_mutex_t mutex;
    const char *body; /* NULL: it closes without an answer */
    unsigned asked;
};

static void *issue(void *context)
{
    struct issuer *issuer = context;
    static char text[400000];
    int client;
    while ((client = accept(issuer->socket, NULL, NULL)) >= 0) {
        char request[4096];
        if (recv(client, request, sizeof request, 0) > 0) {
            pthread_mutex_lock(&issuer->mutex);
            issuer->asked++;
            if (issuer->body != NULL) {
                int size = snprintf(text, sizeof text,
                                    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n"
                                    "Connection: close\r\n\r\n%s",
                                    strlen(issuer->body), issuer->body);
                client_send(client, text, (size_t)size);
            }
            pthread_mutex_unlock(&issuer->mutex);
        }
        close(client);
    }
    return NULL;
}

static void issuer_start(struct issuer *issuer, const char *body)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *issuer =
        (struct issuer){.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .body = body};
    pthread_mutex_init(&issuer->mutex, NULL);
    cr_assert_eq(bind(issuer->socket, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(issuer->socket, 16), 0);
    cr_assert_eq(getsockname(issuer->socket, (struct sockaddr *)&address, &size), 0);
    issuer->port = ntohs(address.sin_port);
    cr_assert_eq(pthread_create(&issuer->thread, NULL, issue, issuer), 0);
}

static unsigned issuer_say(struct issuer *issuer, const char *body)
{
    pthread_mutex_lock(&issuer->mutex);
    issuer->body = body;
    unsigned asked = issuer->asked;
    pthread_mutex_unlock(&issuer->mutex);
    return asked;
}

static void issuer_stop(struct issuer *issuer)
{
    shutdown(issuer->socket, SHUT_RDWR);
    pthread_join(issuer->thread, NULL);
    close(issuer->socket);
}

/* Once at the start, and every five seconds. */
static unsigned asked_at_most(time_t began)
{
    return 2U + (unsigned)(time(NULL) - began) / 5U;
}

Test(auth, address_of_keys__is_asked_for_those_that_are_not_known, .timeout = 100)
{
    struct test_server server;
    struct issuer issuer;
    char url[100];
    const char *token = vectors[0].token; /* RS256, of the key "rsa" */
    const char *const options[] = {"--jwks-url", url, NULL};
    /* The public keys alone: a secret that is told is none. */
    char *all = strdup(vector_keys);
    *strstr(all, ",{\"kid\":\"secret\"") = '\0';
    char *keys = malloc(strlen(all) + 3);
    cr_assert_not_null(keys);
    snprintf(keys, strlen(all) + 3, "%s]}", all);
    prepare(&server);
    issuer_start(&issuer, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/keys", issuer.port);
    time_t began = time(NULL);
    cr_assert_eq(setenv("http_proxy", "http://127.0.0.1:1", 1), 0); /* is not for this machine */
    test_server_start_in(&server, options);                         /* though there is no answer */
    struct answer answer = ask(&server, "/graphql", token);
    char retry[20];
    cr_expect(answer_header(&answer, "Retry-After", retry, sizeof retry));
    ANSWERS(answer, 503, "not known yet");
    cr_expect_eq(status_of(&server, "/graphql", "no.good.token"), 503); /* nothing is known */
    issuer_say(&issuer, vector_keys);
    sleep(1);
    cr_expect_eq(status_of(&server, "/graphql", token), 503);
    /* However many come, the address is asked seldom. */
    for (int i = 0; i < 20; i++) {
        status_of(&server, "/graphql", token);
    }
    cr_expect_leq(issuer_say(&issuer, keys), asked_at_most(began));
    await_status(&server, token, 200);
    cr_expect_leq(issuer_say(&issuer, keys), asked_at_most(began));
    /* A kid that nobody has: it may be new, and then it is not. */
    char *unknown = token_make("{\"alg\":\"RS256\",\"kid\":\"x\"}", "{\"exp\":4000000000}");
    await_status(&server, unknown, 503);
    await_status(&server, unknown, 401);
    cr_expect_leq(issuer_say(&issuer, NULL), asked_at_most(began));
    cr_expect_eq(status_of(&server, "/graphql", token), 200);
    free(unknown);
    free(all);
    cr_assert_eq(test_server_end(&server), 0);
    char *log = read_text(server.log);
    cr_expect(strstr(log, "\"event\":\"keys\"") != NULL, "%s", log);
    free(log);
    issuer_stop(&issuer);
    free(keys);
    temp_dir_remove(&server.dir);
}

Test(auth, address_that_answers_without_end__is_given_up, .timeout = 60)
{
    struct test_server server;
    struct issuer issuer;
    char url[100];
    const char *const options[] = {"--jwks-url", url, NULL};
    char *huge = malloc(300001);
    memset(huge, ' ', 300000);
    huge[300000] = '\0';
    prepare(&server);
    issuer_start(&issuer, huge);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/keys", issuer.port);
    test_server_start_in(&server, options);
    cr_expect_eq(status_of(&server, "/graphql", vectors[0].token), 503);
    cr_assert_eq(test_server_end(&server), 0);
    char *log = read_text(server.log);
    cr_expect(strstr(log, "too large") != NULL, "%s", log);
    free(log);
    issuer_stop(&issuer);
    free(huge);
    temp_dir_remove(&server.dir);
}
