/*
 * Many at once, clients that leave, and the end of the server.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server_fixture.h"

#define JSON "Content-Type: application/json\r\n"

static long metric(const struct test_server *server, const char *name)
{
    char line[128];
    struct answer answer = send_request(server, "GET", "/metrics", "", "");
    snprintf(line, sizeof line, "\n%s ", name);
    const char *found = strstr(answer.body, line);
    long value = found != NULL ? strtol(found + strlen(line), NULL, 10) : -1;
    answer_free(&answer);
    return value;
}

static void send_post(int client, const char *body)
{
    char text[4096];
    int size = snprintf(text, sizeof text,
                        "POST /graphql HTTP/1.1\r\nHost: localhost\r\n" JSON
                        "Content-Length: %zu\r\n\r\n%s",
                        strlen(body), body);
    client_send(client, text, (size_t)size);
}

/* ---- Commits ---- */

Test(lifetime, mutations_at_once__share_syncs, .timeout = 60)
{
    enum { CLIENTS = 32, ROUNDS = 10 };
    struct test_server server;
    int clients[CLIENTS];
    test_server_start(&server, NULL);
    long commits = metric(&server, "quire_commits_total");
    long groups = metric(&server, "quire_commit_groups_total");
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_connect(&server);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            char body[256];
            snprintf(body, sizeof body,
                     "{\"query\":\"mutation{createAuthor(input:{id:\\\"n%d-%d\\\",name:\\\"n\\\"})"
                     "{id}}\"}",
                     round, i);
            send_post(clients[i], body);
        }
        for (int i = 0; i < CLIENTS; i++) {
            ANSWERS(client_receive(clients[i]), 200, "{\"data\":{\"createAuthor\":{\"id\":\"n");
        }
    }
    commits = metric(&server, "quire_commits_total") - commits;
    groups = metric(&server, "quire_commit_groups_total") - groups;
    cr_expect_eq(commits, CLIENTS * ROUNDS);
    /* One thread runs them all: were it to wait for each sync, there would be a group a commit. */
    cr_expect_lt(groups, commits, "%ld groups for %ld commits", groups, commits);
    for (int i = 0; i < CLIENTS; i++) {
        close(clients[i]);
    }
    ANSWERS(send_graphql(&server, "{\"query\":\"{authors(where:{name:{equals:\\\"n\\\"}})"
                                  "{totalCount}}\"}"),
            200, "320");
    test_server_stop(&server);
}

/* ---- Long requests ---- */

/* Rows for a query that takes long: each author is compared with all books of all authors. */
static void fill(const struct test_server *server, int books)
{
    size_t room = 4U << 20;
    char *body = malloc(room);
    cr_assert_not_null(body);
    size_t at = (size_t)snprintf(body, room, "{\"Author\":[");
    for (int i = 0; i < books / 10; i++) {
        at += (size_t)snprintf(body + at, room - at, "%s{\"id\":\"x%d\",\"name\":\"name %d\"}",
                               i > 0 ? "," : "", i, i);
    }
    at += (size_t)snprintf(body + at, room - at, "],\"Book\":[");
    for (int i = 0; i < books; i++) {
        at += (size_t)snprintf(body + at, room - at,
                               "%s{\"id\":\"y%d\",\"title\":\"title %d\",\"author\":\"x%d\"}",
                               i > 0 ? "," : "", i, i, i % (books / 10));
    }
    snprintf(body + at, room - at, "]}");
    ANSWERS(send_request(server, "POST", "/schema/data", JSON, body), 200, "records loaded");
    free(body);
}

/* Twenty searches of all books for what none of them has. */
static const char *slow_body(void)
{
    static char body[4096];
    size_t at = (size_t)snprintf(body, sizeof body, "{\"query\":\"{");
    for (int i = 0; i < 20; i++) {
        at += (size_t)snprintf(body + at, sizeof body - at,
                               "f%d:books(where:{author:{is:{books:{some:{title:{contains:"
                               "\\\"none%d\\\"}}}}}}){totalCount}",
                               i, i);
    }
    snprintf(body + at, sizeof body - at, "}\"}");
    return body;
}

Test(lifetime, time_limit__ends_a_query_and_tells, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, (const char *const[]){"--time-ms", "1", NULL});
    fill(&server, 30000);
    for (int i = 0; i < 5; i++) {
        struct answer answer = send_graphql(&server, slow_body());
        cr_expect(strstr(answer.body, "\"code\":\"TIMEOUT\"") != NULL, "%s", answer.text);
        answer_free(&answer);
    }
    cr_expect_eq(metric(&server, "quire_readers_open"), 0);
    test_server_stop(&server);
}

Test(lifetime, slow_query__is_logged_with_its_plan, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, (const char *const[]){"--slow-ms", "1", "--time-ms", "60000", NULL});
    fill(&server, 3000);
    ANSWERS(send_graphql(&server, slow_body()), 200, "\"f19\":{\"totalCount\":0}");
    cr_assert_eq(test_server_end(&server), 0);
    char *log = read_text(server.log);
    cr_expect(strstr(log, "\"event\":\"slow\"") != NULL, "%s", log);
    cr_expect(strstr(log, "\"document\":\"{f0:books") != NULL, "%s", log);
    cr_expect(strstr(log, "\"plan\":[{\"field\":\"") != NULL, "%s", log);
    free(log);
    temp_dir_remove(&server.dir);
}

Test(lifetime, queries_of_clients_that_left__are_given_up, .timeout = 60)
{
    enum { CLIENTS = 20 };
    struct test_server server;
    int clients[CLIENTS];
    test_server_start(&server, (const char *const[]){"--workers", "1", "--time-ms", "60000", NULL});
    fill(&server, 30000);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_connect(&server);
        send_post(clients[i], slow_body());
    }
    for (int i = 0; i < CLIENTS; i++) { /* the only worker has hardly begun */
        close(clients[i]);
    }
    ANSWERS(send_graphql(&server, "{\"query\":\"{__typename}\"}"), 200, "Query");
    struct answer metrics = send_request(&server, "GET", "/metrics", "", "");
    cr_expect(strstr(metrics.body, "{path=\"/graphql\",outcome=\"cancelled\"} ") != NULL, "%s",
              metrics.body);
    answer_free(&metrics);
    cr_expect_eq(metric(&server, "quire_readers_open"), 0);
    test_server_stop(&server);
}

Test(lifetime, quick_document_that_becomes_slow__leaves_its_io_thread, .timeout = 60)
{
    struct test_server server;
    static const char body[] = "{\"query\":\"query($t:String!){books(where:{author:{is:{books:{"
                               "some:{title:{contains:$t}}}}}})"
                               "{totalCount}}\",\"variables\":{\"t\":\"none\"}}";
    test_server_start(&server, (const char *const[]){"--io-threads", "1", NULL});
    for (int i = 0; i < 20; i++) { /* one book: this is quick, and known to be */
        ANSWERS(send_graphql(&server, body), 200, "{\"totalCount\":0}");
    }
    fill(&server, 30000);
    for (int i = 0; i < 3; i++) { /* the same text takes its time now */
        ANSWERS(send_graphql(&server, body), 200, "{\"totalCount\":0}");
    }
    ANSWERS(send_graphql(&server, "{\"query\":\"{books{totalCount}}\"}"), 200, "30001");
    test_server_stop(&server);
}

/* ---- The end ---- */

Test(lifetime, end__answers_what_runs_and_refuses_what_is_new, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, (const char *const[]){"--time-ms", "60000", NULL});
    fill(&server, 30000);
    int running = client_connect(&server);
    int idle = client_connect(&server);
    const char *health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    client_send(idle, health, strlen(health));
    ANSWERS(client_receive(idle), 200, "\"ready\":true");
    send_post(running, "{\"query\":\"{a:books(where:{author:{is:{books:{some:{title:{contains:"
                       "\\\"none\\\"}}}}}}){totalCount}}\"}");
    struct timespec pause = {.tv_nsec = 10000000};
    nanosleep(&pause, NULL);
    kill(server.pid, SIGTERM);
    struct answer answer = client_receive(running);
    char connection[32];
    cr_expect(answer_header(&answer, "Connection", connection, sizeof connection) ||
              answer.status == 200);
    ANSWERS(answer, 200, "{\"data\":{\"a\":{\"totalCount\":0}}}");
    close(running);
    close(idle);
    cr_expect_eq(test_server_end(&server), 0);
    /* It closed the database: the log is empty, the file complete. */
    test_server_start_in(&server, NULL);
    ANSWERS(send_graphql(&server, "{\"query\":\"{books{totalCount}}\"}"), 200, "30001");
    test_server_stop(&server);
}

static int ask_health(int client, const char *path, const char *within)
{
    char text[128];
    int size = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    client_send(client, text, (size_t)size);
    struct answer answer = client_receive(client);
    int status = answer.status;
    cr_expect(strstr(answer.body, within) != NULL, "%s", answer.body);
    answer_free(&answer);
    return status;
}

Test(lifetime, end__is_told_as_live_and_not_ready, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, (const char *const[]){"--shutdown-ms", "30000", NULL});
    int late = client_connect(&server); /* the server waits for the rest of its request */
    static const char head[] = "POST /graphql HTTP/1.1\r\nHost: localhost\r\n"
                               "Content-Type: application/json\r\nContent-Length: 24\r\n\r\n";
    client_send(late, head, sizeof head - 1);
    int ready = client_connect(&server);
    int live = client_connect(&server);
    cr_assert_eq(ask_health(live, "/health/live", "\"live\":true"), 200);
    cr_assert_eq(ask_health(ready, "/health/ready", "\"ready\":true"), 200);
    kill(server.pid, SIGTERM);
    const struct timespec pause = {.tv_nsec = 5000000};
    while (ask_health(ready, "/health/ready", "\"ready\":") == 200) {
        nanosleep(&pause, NULL);
    }
    cr_expect_eq(ask_health(live, "/health/live", "{\"status\":\"stopping\",\"live\":true"), 200);
    client_send(late, "{\"query\":\"{__typename}\"}", 24);
    answers(client_receive(late), 200, "\"__typename\":\"Query\"", __LINE__);
    close(late);
    close(ready);
    close(live);
    cr_expect_eq(test_server_end(&server), 0);
    temp_dir_remove(&server.dir);
}

Test(lifetime, end__interrupts_what_takes_too_long, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, (const char *const[]){"--time-ms", "60000", "--shutdown-ms", "50",
                                                     "--body-bytes", "100000", NULL});
    fill(&server, 30000);
    int running = client_connect(&server);
    send_post(running, slow_body());
    int half = client_connect(&server);
    client_send(half, "POST /graphql HTTP/1.1\r\n", 24);
    struct timespec pause = {.tv_nsec = 20000000};
    nanosleep(&pause, NULL);
    cr_expect_eq(test_server_end(&server), 0);
    close(running);
    close(half);
    temp_dir_remove(&server.dir);
}

Test(lifetime, signals_in_a_storm__end_it_well, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, NULL);
    int clients[16];
    for (int i = 0; i < 16; i++) {
        char body[256];
        clients[i] = client_connect(&server);
        snprintf(
            body, sizeof body,
            "{\"query\":\"mutation{createAuthor(input:{id:\\\"s%d\\\",name:\\\"s\\\"}){id}}\"}", i);
        send_post(clients[i], body);
    }
    for (int i = 0; i < 5; i++) {
        kill(server.pid, i % 2 == 0 ? SIGTERM : SIGINT);
    }
    bool acknowledged[16];
    for (int i = 0; i < 16; i++) {
        struct answer answer = client_receive(clients[i]);
        acknowledged[i] = answer.status == 200 && strstr(answer.body, "\"id\":\"s") != NULL;
        answer_free(&answer);
        close(clients[i]);
    }
    cr_expect_eq(test_server_end(&server), 0);
    test_server_start_in(&server, NULL);
    for (int i = 0; i < 16; i++) { /* what was acknowledged is there */
        char body[128];
        snprintf(body, sizeof body, "{\"query\":\"{author(id:\\\"s%d\\\"){id}}\"}", i);
        struct answer answer = send_graphql(&server, body);
        cr_expect(!acknowledged[i] || strstr(answer.body, "\"id\":\"s") != NULL, "%d: %s", i,
                  answer.body);
        answer_free(&answer);
    }
    test_server_stop(&server);
}

/* ---- Long responses ---- */

/* Reads until the server closes, and counts a word in what comes. */
static size_t drain(int client, const char *word, bool *whole)
{
    size_t room = 1U << 16;
    size_t size = 0;
    size_t count = 0;
    char *text = malloc(room + 1);
    ssize_t got;
    cr_assert_not_null(text);
    *whole = false;
    while ((got = recv(client, text + size, room - size, 0)) > 0) {
        size += (size_t)got;
        text[size] = '\0';
        char *at = text;
        for (char *next; (next = strstr(at, word)) != NULL; at = next + strlen(word)) {
            count++;
        }
        *whole = size >= 4 && memcmp(text + size - 4, "]}}}", 4) == 0;
        size_t keep = size < 64 ? size : 64; /* a word may be cut */
        keep = keep < size - (size_t)(at - text) ? keep : size - (size_t)(at - text);
        memmove(text, text + size - keep, keep);
        size = keep;
    }
    free(text);
    return count;
}

/* In HTTP/1.0, whose bodies have no chunks. */
static int ask_all(const struct test_server *server)
{
    static const char request[] =
        "POST /graphql HTTP/1.0\r\nHost: localhost\r\n" JSON "Content-Length: 39\r\n\r\n"
        "{\"query\":\"{books{items{id title}}}\"}   ";
    int client = client_connect(server);
    client_send(client, request, sizeof request - 1);
    return client;
}

Test(lifetime, long_response__is_sent_while_it_is_made, .timeout = 60)
{
    struct test_server server;
    bool whole;
    /* A tenth of the response's size is all that a request may take at a time. */
    test_server_start(&server,
                      (const char *const[]){"--memory-bytes", "2000000", "--response-bytes",
                                            "200000", "--time-ms", "60000", NULL});
    fill(&server, 60000);
    for (int i = 0; i < 3; i++) {
        int client = ask_all(&server);
        cr_expect_eq(drain(client, "\"title\":\"title ", &whole), 60000);
        cr_expect(whole);
        close(client);
    }
    ANSWERS(send_graphql(&server, "{\"query\":\"{books{totalCount}}\"}"), 200, "60001");
    test_server_stop(&server);
}

Test(lifetime, readers_of_long_responses__may_leave_or_sleep, .timeout = 60)
{
    enum { CLIENTS = 6 };
    struct test_server server;
    int clients[CLIENTS];
    bool whole;
    test_server_start(&server, (const char *const[]){"--workers", "2", "--time-ms", "1500", NULL});
    fill(&server, 60000);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = ask_all(&server);
    }
    for (int i = 0; i < CLIENTS; i += 2) {
        close(clients[i]);
    }
    /* Those that do not read cost their workers no more than the time of a request. */
    ANSWERS(send_request(&server, "GET", "/health", "", ""), 200, "ready");
    struct timespec pause = {.tv_sec = 2};
    nanosleep(&pause, NULL);
    int client = ask_all(&server);
    cr_expect_eq(drain(client, "\"title\":\"title ", &whole), 60000);
    cr_expect(whole);
    close(client);
    for (int i = 1; i < CLIENTS; i += 2) {
        (void)drain(clients[i], "\"title\"", &whole);
        close(clients[i]);
    }
    cr_expect_eq(metric(&server, "quire_readers_open"), 0);
    test_server_stop(&server);
}
