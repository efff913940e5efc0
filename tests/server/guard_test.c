/*
 * What is refused before a body is read: hosts, origins, tokens, content types,
 * sizes, and requests that could be read in two ways.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server_fixture.h"

#define JSON  "Content-Type: application/json\r\n"
#define QUERY "{\"query\":\"{ __typename }\"}"

static struct test_server server;

static void start(void)
{
    test_server_start(&server, NULL);
}

static void stop(void)
{
    test_server_stop(&server);
}

TestSuite(guard, .init = start, .fini = stop, .timeout = 60);

static int status_with(const struct test_server *to, const char *method, const char *path,
                       const char *headers, const char *body)
{
    struct answer answer = send_request(to, method, path, headers, body);
    int status = answer.status;
    answer_free(&answer);
    return status;
}

Test(guard, host__is_the_loopback_or_an_address)
{
    static const struct {
        const char *host;
        int status;
    } cases[] = {
        {"localhost", 200},
        {"LOCALHOST:8080", 200},
        {"127.0.0.1:1", 200},
        {"[::1]:8080", 200},
        {"192.0.2.7", 200},
        {"evil.example", 421},
        {"localhost.evil.com", 421},
        {"evil-localhost", 421},
        {"127.0.0.1.evil.com", 421},
        {"localhost:80:80", 421},
        {"", 421},
        {"[::1", 421},
        {"localhost:http", 421},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char headers[256];
        snprintf(headers, sizeof headers, JSON "Host: %s\r\n", cases[i].host);
        cr_expect_eq(status_with(&server, "POST", "/graphql", headers, QUERY), cases[i].status,
                     "%s", cases[i].host);
    }
}

Test(guard, origin__of_another_site_is_refused)
{
    static const struct {
        const char *header;
        int status;
    } cases[] = {
        {"Origin: http://localhost\r\n", 200},
        {"Origin: http://evil.example\r\n", 403},
        {"Origin: null\r\n", 403},
        {"Origin: http://localhost.evil.example\r\n", 403},
        {"Origin: http://evil.example/localhost\r\n", 403},
        {"Origin: localhost\r\n", 403},
        {"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n", 403},
        {"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n", 200},
        {"Sec-Fetch-Site: same-origin\r\n", 200},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char headers[256];
        snprintf(headers, sizeof headers, JSON "%s", cases[i].header);
        cr_expect_eq(status_with(&server, "POST", "/graphql", headers, QUERY), cases[i].status,
                     "%s", cases[i].header);
    }
    struct answer answer =
        send_request(&server, "OPTIONS", "/graphql",
                     "Origin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\n", "");
    char allowed[64];
    cr_expect(!answer_header(&answer, "Access-Control-Allow-Origin", allowed, sizeof allowed));
    ANSWERS(answer, 403, "");
}

Test(guard, content_type__must_be_json_in_utf8)
{
    static const struct {
        const char *header;
        int status;
    } cases[] = {
        {"Content-Type: application/json\r\n", 200},
        {"Content-Type: application/json;charset=utf-8\r\n", 200},
        {"Content-Type: application/json; charset=\"UTF-8\"\r\n", 200},
        {"Content-Type: application/json;charset=utf-7\r\n", 415},
        {"Content-Type: application/jsonx\r\n", 415},
        {"Content-Type: text/plain\r\n", 415},
        {"Content-Type: application/x-www-form-urlencoded\r\n", 415},
        {"Content-Type: multipart/form-data; boundary=x\r\n", 415},
        {"Content-Type: message/x\r\n", 415},
        {"", 400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(status_with(&server, "POST", "/graphql", cases[i].header, QUERY),
                     cases[i].status, "%s", cases[i].header);
    }
    cr_expect_eq(status_with(&server, "GET", "/graphql?query=%7B__typename%7D",
                             "Content-Type: message/x\r\n", ""),
                 415);
}

Test(guard, paths_and_methods__are_the_known_ones)
{
    static const char *const paths[] = {
        "/x",        "/graphql/",      "/../etc/passwd", "/%2e%2e/etc", "/schema/load/..",
        "//graphql", "/proc/self/fd/3"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        cr_expect_eq(status_with(&server, "GET", paths[i], "", ""), 404, "%s", paths[i]);
    }
    struct answer answer = send_request(&server, "DELETE", "/graphql", JSON, "");
    char allow[64];
    cr_expect(answer_header(&answer, "Allow", allow, sizeof allow));
    cr_expect_str_eq(allow, "GET, POST, OPTIONS");
    ANSWERS(answer, 405, "GET, POST, OPTIONS");
    cr_expect_eq(status_with(&server, "TRACE", "/graphql", "", ""), 405);
    cr_expect_eq(status_with(&server, "GET", "/schema/load", "", ""), 405);
}

Test(guard, answers__carry_the_headers_that_protect)
{
    struct answer answer = send_request(
        &server, "POST", "/graphql",
        JSON "X-Request-Id: my-id.1\r\n"
             "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
        QUERY);
    char value[128];
    cr_expect(answer_header(&answer, "X-Content-Type-Options", value, sizeof value));
    cr_expect_str_eq(value, "nosniff");
    cr_expect(answer_header(&answer, "Cache-Control", value, sizeof value));
    cr_expect_str_eq(value, "no-store");
    cr_expect(answer_header(&answer, "X-Request-Id", value, sizeof value));
    cr_expect_str_eq(value, "my-id.1");
    cr_expect(answer_header(&answer, "traceparent", value, sizeof value));
    cr_expect_str_eq(value, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    answer_free(&answer);
    answer = send_request(&server, "POST", "/graphql",
                          JSON "X-Request-Id: a b\"\r\ntraceparent: 00-0-0-0\r\n", QUERY);
    cr_expect(answer_header(&answer, "X-Request-Id", value, sizeof value));
    cr_expect_eq(strspn(value, "0123456789abcdef"), 16, "%s", value);
    cr_expect(!answer_header(&answer, "traceparent", value, sizeof value));
    answer_free(&answer);
}

Test(guard, traces__are_passed_on_by_the_rules_of_the_standard)
{
#define TRACE "-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    static const struct {
        const char *given;
        bool good;
    } cases[] = {
        {"00" TRACE, true},
        {"cc" TRACE, true}, /* a version to come: its beginning is understood */
        {"cc" TRACE "-more", true},
        {"cc" TRACE ".more", false},
        {"00" TRACE "-more", false}, /* this version has no more */
        {"00" TRACE "1", false},
        {"ff" TRACE, false}, /* no version */
        {"0" TRACE, false},
        {"0A" TRACE, false},
        {"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false},
        {"00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", false},
        {"00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char headers[256];
        char value[128] = "";
        snprintf(headers, sizeof headers, JSON "traceparent: %s\r\n", cases[i].given);
        struct answer answer = send_request(&server, "POST", "/graphql", headers, QUERY);
        cr_expect_eq(answer.status, 200);
        cr_expect_eq(answer_header(&answer, "traceparent", value, sizeof value), cases[i].good,
                     "%s", cases[i].given);
        cr_expect_str_eq(value, cases[i].good ? "00" TRACE : "");
        answer_free(&answer);
    }
#undef TRACE
}

Test(guard, body__may_have_two_mebibytes)
{
    size_t size = (2U << 20) + 1;
    char *body = malloc(size + 1);
    cr_assert_not_null(body);
    memset(body, ' ', size);
    body[size] = '\0';
    memcpy(body, QUERY, strlen(QUERY));
    cr_expect_eq(status_with(&server, "POST", "/graphql", JSON, body), 413);
    body[size - 1] = '\0';
    cr_expect_eq(status_with(&server, "POST", "/graphql", JSON, body), 200);
    free(body);
    const char *huge =
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\n" JSON "Content-Length: 10737418240\r\n\r\n";
    ANSWERS(send_raw(&server, huge, strlen(huge)), 413, "at most 2097152 bytes");
}

Test(guard, headers__are_bounded)
{
    char headers[4096] = "";
    size_t at = 0;
    for (int i = 0; i < 58; i++) { /* five more come with every request */
        at += (size_t)snprintf(headers + at, sizeof headers - at, "X-A%d: b\r\n", i);
    }
    snprintf(headers + at, sizeof headers - at, JSON);
    cr_expect_eq(status_with(&server, "POST", "/graphql", headers, QUERY), 200);
    at += (size_t)snprintf(headers + at, sizeof headers - at, "X-B: c\r\nX-C: c\r\nX-D: d\r\n");
    snprintf(headers + at, sizeof headers - at, JSON);
    cr_expect_eq(status_with(&server, "POST", "/graphql", headers, QUERY), 431);

    char *big = malloc(70000);
    cr_assert_not_null(big);
    memset(big, 'a', 69999);
    memcpy(big, "X-Big: ", 7);
    memcpy(big + 40000, "\r\n", 3);
    int status = status_with(&server, "GET", "/health", big, "");
    cr_expect(status == 431 || status == 413, "status %d", status);
    memset(big, 'a', 69999);
    big[0] = '/';
    big[40000] = '\0';
    status = status_with(&server, "GET", big, "", "");
    cr_expect(status == 414 || status == 431, "status %d", status);
    free(big);
}

/* ---- Requests that could be read in two ways ---- */

#define CANARY                                                                                     \
    "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"              \
    "Content-Length: 65\r\n\r\n"                                                                   \
    "{\"query\":\"mutation{createAuthor(input:{name:\\\"canary\\\"}){name}}\"}"

Test(guard_options, smuggled_requests__are_refused_and_never_run, .timeout = 60)
{
    struct test_server strict;
    test_server_start(&strict,
                      (const char *const[]){"--idle-ms", "300", "--header-ms", "300", NULL});
#define HEAD "POST /graphql HTTP/1.1\r\nHost: localhost\r\n" JSON
    static const char *const vectors[] = {
        HEAD "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        HEAD "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        HEAD "Transfer-Encoding: identity\r\n\r\n",
        HEAD "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
        HEAD "Content-Length: +0\r\n\r\n",
        HEAD "Content-Length: -1\r\n\r\n",
        HEAD "Content-Length: 0x10\r\n\r\n",
        HEAD "Content-Length: 1 0\r\n\r\n",
        HEAD "Content-Length: 99999999999999999999999\r\n\r\n",
        HEAD "Content-Length : 5\r\n\r\n",
        HEAD "Content-Length\t: 5\r\n\r\n",
        HEAD "X y: z\r\n\r\n",
        HEAD "Host: other\r\nContent-Length: 0\r\n\r\n",
        "POST /graphql HTTP/1.1\r\n" JSON "Content-Length: 0\r\n\r\n",
        "POST /graphql HTTP/1.0\r\nHost: localhost\r\n" JSON
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\n5 ;\n12345\r\n0\r\n\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\n0x5\r\n12345\r\n0\r\n\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
        HEAD "Transfer-Encoding:\x0b"
             "chunked\r\n\r\n0\r\n\r\n",
        HEAD "Transfer-Encoding\r\n : chunked\r\n\r\n0\r\n\r\n",
        HEAD "Transfer_Encoding: chunked\r\nContent-Length: 1, 2\r\n\r\n",
        HEAD "Content-Length: 5\r\nContent-Length: 5\r\n\r\n12345",
        HEAD "Content-Length: \r\n\r\n",
        HEAD "Content-Length: 5a\r\n\r\n",
        HEAD "Content-Length: 0\x0c\r\n\r\n",
        HEAD "\r\nX: y",
        "POST  /graphql HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST /graphql\r\nHost: localhost\r\n\r\n",
        "POST http://evil.example/graphql HTTP/1.1\r\nHost: localhost\r\n" JSON
        "Content-Length: 0\r\n\r\n",
        "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "\x16\x03\x01\x02\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char text[2048];
        int size = snprintf(text, sizeof text, "%s" CANARY, vectors[i]);
        struct answer answer = send_raw(&strict, text, (size_t)size);
        cr_expect(answer.status == 0 || answer.status >= 400, "vector %zu: %s", i, answer.text);
        cr_expect(strstr(answer.text, "canary") == NULL, "vector %zu: %s", i, answer.text);
        answer_free(&answer);
    }
#undef HEAD
    ANSWERS(send_graphql(&strict, "{\"query\":\"{authors(where:{name:{equals:\\\"canary\\\"}})"
                                  "{totalCount}}\"}"),
            200, "{\"totalCount\":0}");
    test_server_stop(&strict);
}

Test(guard, pipelined_requests__are_answered_in_turn)
{
    char text[1024];
    int size = snprintf(text, sizeof text,
                        "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" CANARY
                        "GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    struct answer answer = send_raw(&server, text, (size_t)size);
    const char *first = strstr(answer.text, "\"ready\":true");
    const char *second = strstr(answer.text, "canary");
    const char *third = strstr(answer.text, "NOT_FOUND");
    cr_expect(first != NULL && second > first && third > second, "%s", answer.text);
    answer_free(&answer);
}

Test(guard, targets__may_be_absolute_and_of_this_host_alone)
{
    const char *good = "GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\n"
                       "Connection: close\r\n\r\n";
    const char *star = "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    const char *other = "GET http://localhost:1/health HTTP/1.1\r\nHost: localhost\r\n"
                        "Connection: close\r\n\r\n";
    ANSWERS(send_raw(&server, good, strlen(good)), 200, "ready");
    ANSWERS(send_raw(&server, star, strlen(star)), 404, "NOT_FOUND");
    ANSWERS(send_raw(&server, other, strlen(other)), 400, "different hosts");
    struct answer head = send_request(&server, "HEAD", "/health", "", "");
    cr_expect_str_eq(head.body, "");
    ANSWERS(head, 200, "");
}

Test(guard, refused_requests__leave_their_connection_open)
{
    char text[1024];
    int client = client_connect(&server);
    int size = snprintf(text, sizeof text,
                        "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        strlen(QUERY), QUERY);
    client_send(client, text, (size_t)size);
    ANSWERS(client_receive(client), 415, "application/json");
    size = snprintf(text, sizeof text,
                    "POST /nothing HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
                    "\r\n3\r\nabc\r\n0\r\n\r\n");
    client_send(client, text, (size_t)size);
    ANSWERS(client_receive(client), 404, "NOT_FOUND");
    size = snprintf(text, sizeof text, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client_send(client, text, (size_t)size);
    ANSWERS(client_receive(client), 200, "ready");
    close(client);
}

Test(guard, expect_continue__is_answered_before_the_body)
{
    const char *head = "POST /graphql HTTP/1.1\r\nHost: localhost\r\n" JSON
                       "Expect: 100-continue\r\nContent-Length: 26\r\n\r\n";
    char go[64] = "";
    int client = client_connect(&server);
    client_send(client, head, strlen(head));
    cr_assert_gt(recv(client, go, sizeof go - 1, 0), 0);
    cr_expect(strncmp(go, "HTTP/1.1 100 ", 13) == 0, "%s", go);
    client_send(client, QUERY, strlen(QUERY));
    ANSWERS(client_receive(client), 200, "Query");
    close(client);
}

/* ---- Options ---- */

static void write_private(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    cr_assert_eq(chmod(path, mode), 0);
}

Test(guard_options, hidden_schema__is_shown_to_administrators_with_a_token, .timeout = 60)
{
    static const char *const paths[] = {"/graphql?sdl", "/schema", "/schema/tables"};
    struct test_server closed;
    char path[600];
    test_server_start(&closed, NULL);
    cr_assert_eq(test_server_end(&closed), 0);
    temp_dir_file(&closed.dir, "tokens", path, sizeof path);
    write_private(path, "0123456789abcdef admin\nfedcba9876543210 query\n", 0600);
    test_server_start_in(&closed,
                         (const char *const[]){"--token-file", path, "--no-introspection", NULL});
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        ANSWERS(send_request(&closed, "GET", paths[i], "Authorization: Bearer 0123456789abcdef\r\n",
                             ""),
                200, "Author");
        ANSWERS(send_request(&closed, "GET", paths[i], "Authorization: Bearer fedcba9876543210\r\n",
                             ""),
                403, "FORBIDDEN");
    }
    test_server_stop(&closed);
}

Test(guard_options, tokens__say_who_may_do_what, .timeout = 60)
{
    struct test_server closed;
    char path[600];
    test_server_start(&closed, NULL);
    cr_assert_eq(test_server_end(&closed), 0);
    temp_dir_file(&closed.dir, "tokens", path, sizeof path);
    write_private(
        path, "# tokens\n\n0123456789abcdef0123 admin chief\nfedcba9876543210 query app\n", 0600);
    test_server_start_in(&closed,
                         (const char *const[]){"--token-file", path, "--access-log", "-", NULL});
#define AS(token) JSON "Authorization: Bearer " token "\r\n"
    struct answer answer = send_request(&closed, "POST", "/graphql", JSON, QUERY);
    char challenge[64];
    cr_expect(answer_header(&answer, "WWW-Authenticate", challenge, sizeof challenge));
    ANSWERS(answer, 401, "UNAUTHENTICATED");
    static const char *const wrong[] = {AS(""),
                                        AS("0123456789abcdef012"),
                                        AS("0123456789abcdef01234"),
                                        AS("0123456789abcdef0124"),
                                        JSON "Authorization: Basic eA==\r\n",
                                        JSON "Authorization: 0123456789abcdef0123\r\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_expect_eq(status_with(&closed, "POST", "/graphql", wrong[i], QUERY), 401, "%s",
                     wrong[i]);
    }
    cr_expect_eq(status_with(&closed, "POST", "/graphql?token=0123456789abcdef0123", JSON, QUERY),
                 401);
    cr_expect_eq(status_with(&closed, "POST", "/graphql", AS("fedcba9876543210"), QUERY), 200);
    cr_expect_eq(status_with(&closed, "GET", "/metrics", AS("fedcba9876543210"), ""), 403);
    cr_expect_eq(status_with(&closed, "POST", "/schema/load", AS("fedcba9876543210"), QUERY), 403);
    cr_expect_eq(status_with(&closed, "POST", "/admin/checkpoint", AS("fedcba9876543210"), ""),
                 403);
    cr_expect_eq(status_with(&closed, "GET", "/metrics", AS("0123456789abcdef0123"), ""), 200);
    cr_expect_eq(status_with(&closed, "POST", "/admin/checkpoint", AS("0123456789abcdef0123"), ""),
                 200);
    cr_expect_eq(status_with(&closed, "GET", "/health", "", ""), 200);
    answer =
        send_request(&closed, "POST", "/graphql", AS("fedcba9876543210"),
                     "{\"query\":\"{authors{totalCount}}\",\"extensions\":{\"explain\":true}}");
    cr_expect(strstr(answer.body, "explain") == NULL, "%s", answer.body);
    answer_free(&answer);
#undef AS
    cr_assert_eq(test_server_end(&closed), 0);
    char *log = read_text(closed.log);
    cr_expect(strstr(log, "\"caller\":\"app\"") != NULL, "%s", log);
    cr_expect(strstr(log, "fedcba9876543210") == NULL, "the log tells a token");
    cr_expect(strstr(log, "0123456789abcdef0123") == NULL, "the log tells a token");
    free(log);
    temp_dir_remove(&closed.dir);
}

Test(guard_options, other_machines__need_tokens, .timeout = 60)
{
    struct test_server closed;
    char path[600];
    const char *const options[] = {"--token-file", path, NULL};
    test_server_start(&closed, NULL);
    cr_assert_eq(test_server_end(&closed), 0);
    cr_expect_eq(test_server_refuses(&closed, (const char *const[]){"--host", "0.0.0.0", NULL}),
                 64);
    cr_expect_eq(test_server_refuses(&closed, (const char *const[]){"--host", "::", NULL}), 64);
    temp_dir_file(&closed.dir, "tokens", path, sizeof path);
    write_private(path, "0123456789abcdef0123\n", 0644);
    cr_expect_eq(test_server_refuses(&closed, options), 74);
    write_private(path, "short\n", 0600);
    cr_expect_eq(test_server_refuses(&closed, options), 74);
    write_private(path, "0123456789abcdef0123 king\n", 0600);
    cr_expect_eq(test_server_refuses(&closed, options), 74);
    write_private(path, "# nobody\n", 0600);
    cr_expect_eq(test_server_refuses(&closed, options), 74);
    cr_expect_eq(test_server_refuses(&closed, (const char *const[]){"--depth", "0", NULL}), 64);
    cr_expect_eq(test_server_refuses(&closed, (const char *const[]){"--port", "65536", NULL}), 64);
    cr_expect_eq(test_server_refuses(&closed, (const char *const[]){"--documents-only", NULL}), 64);
    temp_dir_remove(&closed.dir);
}

Test(guard_options, origins_and_hosts__are_let_in_by_name, .timeout = 60)
{
    struct test_server open;
    test_server_start(&open, (const char *const[]){"--allow-origin", "https://app.example",
                                                   "--allow-host", "db.example", NULL});
    char value[128];
    struct answer answer =
        send_request(&open, "OPTIONS", "/graphql",
                     "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n", "");
    cr_expect(answer_header(&answer, "Access-Control-Allow-Origin", value, sizeof value));
    cr_expect_str_eq(value, "https://app.example");
    cr_expect(answer_header(&answer, "Vary", value, sizeof value));
    cr_expect_str_eq(value, "Origin");
    cr_expect(!answer_header(&answer, "Access-Control-Allow-Credentials", value, sizeof value));
    ANSWERS(answer, 204, "");
    answer = send_request(&open, "POST", "/graphql",
                          JSON "Host: DB.example:80\r\nOrigin: https://app.example\r\n", QUERY);
    cr_expect(answer_header(&answer, "Access-Control-Allow-Origin", value, sizeof value));
    ANSWERS(answer, 200, "Query");
    static const char *const others[] = {"https://app.example.evil", "http://app.example",
                                         "https://x.app.example", "https://app.example:8443"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char headers[256];
        snprintf(headers, sizeof headers, JSON "Origin: %s\r\n", others[i]);
        cr_expect_eq(status_with(&open, "POST", "/graphql", headers, QUERY), 403, "%s", others[i]);
    }
    cr_expect_eq(status_with(&open, "POST", "/graphql", JSON "Host: x.db.example\r\n", QUERY), 421);
    test_server_stop(&open);
}
