/*
 * The pages and their files, as they are sent; and what the status page asks for.
 * How they work in a browser: tests/web.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server_fixture.h"

#define JSON "Content-Type: application/json\r\n"

static struct test_server server;

static void start(void)
{
    test_server_start(&server, (const char *const[]){"--slow-ms", "1", NULL});
}

static void stop(void)
{
    test_server_stop(&server);
}

TestSuite(web, .init = start, .fini = stop, .timeout = 60);

static int status_of(const char *method, const char *path, const char *headers, const char *body)
{
    struct answer answer = send_request(&server, method, path, headers, body);
    int status = answer.status;
    answer_free(&answer);
    return status;
}

static void has_header(const struct answer *answer, const char *name, const char *text)
{
    char value[512];
    cr_expect(answer_header(answer, name, value, sizeof value), "no %s in: %s", name, answer->text);
    cr_expect(strstr(value, text) != NULL, "%s is %s, not %s", name, value, text);
}

static size_t count_files(const struct test_server *of)
{
    char path[64];
    size_t count = 0;
    snprintf(path, sizeof path, "/proc/%ld/fd", (long)of->pid);
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return 0; /* the server of an ordinary user shows its files to nobody */
    }
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

Test(web, page__is_sent_with_the_policy_that_shuts_it_in)
{
    struct answer answer = send_request(&server, "GET", "/admin", "Accept: text/html\r\n", "");
    has_header(&answer, "Content-Type", "text/html; charset=utf-8");
    has_header(&answer, "X-Content-Type-Options", "nosniff");
    has_header(&answer, "Content-Security-Policy", "default-src 'none'; script-src 'self'; ");
    has_header(&answer, "Content-Security-Policy", "require-trusted-types-for 'script'");
    has_header(&answer, "Content-Security-Policy", "frame-ancestors 'none'");
    has_header(&answer, "Cross-Origin-Resource-Policy", "same-origin");
    has_header(&answer, "Referrer-Policy", "no-referrer");
    has_header(&answer, "Cache-Control", "no-cache");
    cr_expect(strstr(answer.text, "unsafe") == NULL, "%s", answer.text);
    cr_expect(strstr(answer.body, "//") == NULL, "it names another server: %s", answer.body);
    ANSWERS(answer, 200, "<script type=\"module\" src=\"/web/admin.js\">");
    answer = send_request(&server, "GET", "/web/admin.js", "", "");
    has_header(&answer, "Content-Type", "text/javascript");
    has_header(&answer, "Content-Security-Policy", "default-src 'none'");
    ANSWERS(answer, 200, "/admin/status");
}

Test(web, file__that_is_known_is_not_sent_again)
{
    char tag[64];
    char headers[128];
    struct answer answer = send_request(&server, "GET", "/web/admin.css", "", "");
    cr_assert(answer_header(&answer, "ETag", tag, sizeof tag));
    answer_free(&answer);
    snprintf(headers, sizeof headers, "If-None-Match: \"x\", W/%s\r\n", tag);
    answer = send_request(&server, "GET", "/web/admin.css", headers, "");
    has_header(&answer, "ETag", tag);
    cr_expect_str_empty(answer.body);
    ANSWERS(answer, 304, "");
    cr_expect_eq(status_of("GET", "/web/admin.css", "If-None-Match: \"x\"\r\n", ""), 200);
}

Test(web, head__has_the_headers_alone)
{
    struct answer answer = send_request(&server, "HEAD", "/web/admin.css", "", "");
    char length[32];
    cr_expect(answer_header(&answer, "Content-Length", length, sizeof length));
    cr_expect_gt(strtol(length, NULL, 10), 1000);
    has_header(&answer, "Content-Type", "text/css");
    cr_expect_str_empty(answer.body);
    ANSWERS(answer, 200, "");
}

Test(web, paths_that_are_no_files__reach_nothing)
{
    static const char *const paths[] = {"/web",
                                        "/web/",
                                        "/web/.",
                                        "/web/..",
                                        "/web/../admin.js",
                                        "/web/../../../../etc/passwd",
                                        "/web/%2e%2e/%2e%2e/etc/passwd",
                                        "/web/..%2fadmin.js",
                                        "/web/%2fetc%2fpasswd",
                                        "/web//admin.js",
                                        "/web/admin.js/",
                                        "/web/admin.js%00.html",
                                        "/web/admin.js%00",
                                        "/web/ADMIN.JS",
                                        "/web/admin.js.gz",
                                        "/web/admin.html",
                                        "/web/build.mjs",
                                        "/admin/",
                                        "/admin%00",
                                        "/%00",
                                        "/index.html",
                                        "/graphiql.html",
                                        "pages",
                                        "other"};
    size_t before = count_files(&server);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        int status = status_of("GET", paths[i], "", "");
        cr_expect(status == 404 || status == 400, "%s: %d", paths[i], status);
    }
    cr_expect_leq(count_files(&server), before);
}

Test(web, guards__stand_before_pages_too)
{
    cr_expect_eq(status_of("GET", "/admin", "Host: evil.example\r\n", ""), 421);
    cr_expect_eq(status_of("GET", "/web/admin.js", "Origin: http://evil.example\r\n", ""), 403);
    cr_expect_eq(status_of("GET", "/web/admin.js",
                           "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n", ""),
                 403);
    cr_expect_eq(status_of("GET", "/admin/status", "Origin: http://evil.example\r\n", ""), 403);
    cr_expect_eq(status_of("POST", "/web/admin.js", JSON, "{}"), 405);
    cr_expect_eq(status_of("DELETE", "/admin", "", ""), 405);
    cr_expect_eq(status_of("GET", "/admin", "Content-Length: 5\r\n", ""), 400);
    cr_expect_eq(status_of("POST", "/", JSON, "{\"query\":\"{__typename}\"}"), 200);
}

/* Runs a request that takes longer than a millisecond: it reads 3,000 rows twenty times. */
static void run_slowly(void)
{
    enum { ROWS = 3000 };
    static char body[ROWS * 64];
    size_t at = (size_t)snprintf(body, sizeof body, "{\"Book\":[");
    for (int i = 0; i < ROWS; i++) {
        at += (size_t)snprintf(body + at, sizeof body - at,
                               "%s{\"id\":\"y%d\",\"title\":\"title %d\",\"author\":\"a1\"}",
                               i > 0 ? "," : "", i, i);
    }
    snprintf(body + at, sizeof body - at, "]}");
    ANSWERS(send_request(&server, "POST", "/schema/data", JSON, body), 200, "records loaded");
    at = (size_t)snprintf(body, sizeof body, "{\"query\":\"query Slowly {");
    for (int i = 0; i < 20; i++) {
        at += (size_t)snprintf(body + at, sizeof body - at,
                               "f%d:books(where:{title:{contains:\\\"<b>%d\\\"}}){totalCount} ", i,
                               i);
    }
    snprintf(body + at, sizeof body - at, "}\",\"operationName\":\"Slowly\"}");
    ANSWERS(send_graphql(&server, body), 200, "\"f19\":{\"totalCount\":0}");
}

Test(web, status__tells_tables_indexes_and_slow_requests)
{
    run_slowly();
    struct answer answer = send_request(&server, "GET", "/admin/status", "", "");
    static const char *const texts[] = {
        "{\"name\":\"Author\",\"rows\":1,\"columns\":2,\"indexes\":[",
        "\"kind\":\"hash\",\"unique\":true,\"columns\":[\"id\"]",
        "\"automatic\":false",
        "\"framesLive\":",
        "\"framesMax\":",
        "\"oldestReaderMs\":",
        "\"slowMs\":1,",
        "\"operation\":\"Slowly\",\"document\":\"query Slowly {f0:books(",
        ",\"plan\":[{\"field\":\""};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cr_expect(strstr(answer.body, texts[i]) != NULL, "no %s in %s", texts[i], answer.body);
    }
    has_header(&answer, "Cache-Control", "no-store");
    cr_expect(strstr(answer.body, server.dir.path) == NULL, "a path is told: %s", answer.body);
    ANSWERS(answer, 200, "\"name\":\"served.quire\"");
    ANSWERS(send_request(&server, "POST", "/admin/sizes", JSON, ""), 200,
            "{\"name\":\"Author\",\"table\":\"\",\"kind\":\"table\",\"entries\":1,");
}

/* Reads from a stream until its text has come so many times. */
static void read_events(int client, unsigned wanted)
{
    static const char mark[] = "event: status\ndata: {\"time\":";
    char text[1U << 16];
    size_t size = 0;
    while (wanted > 0) {
        ssize_t got = read(client, text + size, sizeof text - size - 1);
        cr_assert_gt(got, 0, "the stream ended");
        size += (size_t)got;
        text[size] = '\0';
        char *found = strstr(text, mark);
        if (found != NULL) {
            wanted--;
            size = strlen(found + 1);
            memmove(text, found + 1, size + 1);
        } else if (size > sizeof text / 2) {
            memmove(text, text + size - sizeof mark, sizeof mark);
            size = sizeof mark;
        }
    }
}

Test(web, status__is_streamed_and_ends_with_the_server)
{
    static const char request[] = "GET /admin/status HTTP/1.1\r\nHost: localhost\r\n"
                                  "Accept: text/event-stream\r\n\r\n";
    enum { CLIENTS = 5 };
    int clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_connect(&server);
        client_send(clients[i], request, sizeof request - 1);
    }
    for (int i = 0; i < CLIENTS; i++) {
        read_events(clients[i], i == 0 ? 3 : 1);
    }
    close(clients[1]); /* one that leaves, in the middle */
    shutdown(clients[2], SHUT_WR);
    cr_expect_eq(status_of("GET", "/health", "", ""), 200);
    /* The server is stopped with streams open, and one of them unread. */
}

/* ---- Options ---- */

static char *write_token(struct test_server *to, char *path, size_t size)
{
    temp_dir_create(&to->dir);
    temp_dir_file(&to->dir, "tokens", path, size);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs("queries-queries-queries query reader\nadministrator-administrator admin root\n", file);
    fclose(file);
    cr_assert_eq(chmod(path, 0600), 0);
    return path;
}

TestSuite(web_options, .timeout = 60);

Test(web_options, tokens__guard_the_status_not_the_pages)
{
    struct test_server keeper = {0};
    char path[600];
    write_token(&keeper, path, sizeof path);
    test_server_start(&server, (const char *const[]){"--token-file", path, NULL});
    ANSWERS(send_request(&server, "GET", "/admin", "", ""), 200, "Quire");
    ANSWERS(send_request(&server, "GET", "/admin/status", "", ""), 401, "");
    ANSWERS(send_request(&server, "GET", "/admin/status?token=administrator-administrator", "", ""),
            401, "");
    ANSWERS(send_request(&server, "GET", "/admin/status",
                         "Authorization: Bearer queries-queries-queries\r\n", ""),
            403, "");
    ANSWERS(send_request(&server, "POST", "/admin/sizes",
                         JSON "Authorization: Bearer queries-queries-queries\r\n", ""),
            403, "");
    ANSWERS(send_request(&server, "GET", "/admin/status",
                         "Authorization: Bearer administrator-administrator\r\n", ""),
            200, "\"tables\"");
    test_server_stop(&server);
    temp_dir_remove(&keeper.dir);
}

Test(web_options, pages__are_for_this_machine_unless_told)
{
    test_server_start(&server, (const char *const[]){"--no-web", NULL});
    ANSWERS(send_request(&server, "GET", "/admin", "", ""), 404, "");
    ANSWERS(send_request(&server, "GET", "/web/admin.js", "", ""), 404, "");
    ANSWERS(send_request(&server, "GET", "/", "", ""), 405, "");
    ANSWERS(send_request(&server, "GET", "/admin/status", "", ""), 200, "\"tables\"");
    test_server_stop(&server);
    test_server_start(&server, (const char *const[]){"--host", "0.0.0.0", "--insecure", NULL});
    ANSWERS(send_request(&server, "GET", "/admin", "", ""), 404, "");
    test_server_stop(&server);
    test_server_start(&server,
                      (const char *const[]){"--host", "0.0.0.0", "--insecure", "--web", NULL});
    ANSWERS(send_request(&server, "GET", "/admin", "", ""), 200, "Quire");
    test_server_stop(&server);
}

Test(web_options, status__is_hidden_with_the_schema)
{
    test_server_start(&server, (const char *const[]){"--no-introspection", NULL});
    ANSWERS(send_request(&server, "GET", "/admin/status", "", ""), 403, "");
    ANSWERS(send_request(&server, "GET", "/admin/status", "Accept: text/event-stream\r\n", ""), 403,
            "");
    ANSWERS(send_request(&server, "POST", "/admin/sizes", JSON, ""), 403, "");
    test_server_stop(&server);
}

static void write_file(const struct temp_dir *dir, const char *name, const char *text)
{
    char path[600];
    temp_dir_file(dir, name, path, sizeof path);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

Test(web_options, files__are_those_that_were_there_at_the_start)
{
    struct test_server keeper = {0};
    char value[64];
    temp_dir_create(&keeper.dir);
    write_file(&keeper.dir, "graphiql.html", "a page");
    write_file(&keeper.dir, "part-1A2B3C4D.js", "1");
    write_file(&keeper.dir, "large.css.gz", "not gzip, but who looks");
    write_file(&keeper.dir, ".hidden.js", "2");
    write_file(&keeper.dir, "notes.md", "3");
    write_file(&keeper.dir, "with space.js", "4");
    test_server_start(&server, (const char *const[]){"--web-files", keeper.dir.path, NULL});
    write_file(&keeper.dir, "later.js", "5");
    ANSWERS(send_request(&server, "GET", "/", "", ""), 200, "a page");
    struct answer answer = send_request(&server, "GET", "/web/part-1A2B3C4D.js", "", "");
    has_header(&answer, "Cache-Control", "immutable");
    ANSWERS(answer, 200, "1");
    answer = send_request(&server, "GET", "/web/large.css", "Accept-Encoding: br, gzip\r\n", "");
    has_header(&answer, "Content-Encoding", "gzip");
    has_header(&answer, "Content-Type", "text/css");
    has_header(&answer, "Vary", "Accept-Encoding");
    ANSWERS(answer, 200, "who looks");
    answer = send_request(&server, "GET", "/web/large.css", "Accept-Encoding: br\r\n", "");
    cr_expect(!answer_header(&answer, "Content-Encoding", value, sizeof value));
    ANSWERS(answer, 406, "gzip");
    static const char *const absent[] = {"/web/.hidden.js",      "/web/notes.md",
                                         "/web/with%20space.js", "/web/large.css.gz",
                                         "/web/later.js",        "/admin"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        int status = status_of("GET", absent[i], "", "");
        cr_expect(status == 404 || status == 400, "%s: %d", absent[i], status);
    }
    cr_expect_eq(test_server_end(&server), 0);
    const char *const wrong[] = {"--web-files", "/no/such/folder", NULL};
    cr_expect_eq(test_server_refuses(&server, wrong), 74);
    temp_dir_remove(&server.dir);
    temp_dir_remove(&keeper.dir);
}
