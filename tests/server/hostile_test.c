/*
 * Clients that are slow, many, or send what nobody should: the server goes on
 * serving the others, and its memory does not grow with them.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server_fixture.h"

#define JSON "Content-Type: application/json\r\n"

static void rest(long ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* Whether the server has closed the connection; waits up to twenty seconds. */
static bool is_closed(int client)
{
    struct pollfd wait = {.fd = client, .events = POLLIN | POLLRDHUP};
    char byte[256];
    while (poll(&wait, 1, 20000) > 0) {
        if (recv(client, byte, sizeof byte, 0) <= 0) {
            return true;
        }
    }
    return false;
}

static void expect_alive(const struct test_server *server)
{
    ANSWERS(send_graphql(server, "{\"query\":\"{ author(id: \\\"a1\\\") { name } }\"}"), 200,
            "{\"data\":{\"author\":{\"name\":\"Austen\"}}}");
}

/* Bytes of memory that the server has in use. */
static unsigned long resident(const struct test_server *server)
{
    char path[64];
    unsigned long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)server->pid);
    FILE *file = fopen(path, "r");
    char line[256] = "";
    if (file != NULL && fgets(line, sizeof line, file) != NULL) {
        pages = strtoul(strchr(line, ' ') + 1, NULL, 10);
    }
    if (file != NULL) {
        fclose(file);
    }
    return pages * (unsigned long)sysconf(_SC_PAGESIZE);
}

Test(hostile, half_requests__are_ended_whatever_trickles_in, .timeout = 60)
{
    struct test_server server;
    enum { CLIENTS = 120 };
    int clients[CLIENTS];
    const char *half = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
    const char *body =
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\n" JSON "Content-Length: 100000\r\n\r\n{";
    test_server_start(&server, (const char *const[]){"--header-ms", "1500", NULL});
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_connect(&server);
        const char *text = i % 3 == 0 ? "" : i % 3 == 1 ? half : body;
        client_send(clients[i], text, strlen(text));
    }
    expect_alive(&server);
    for (int round = 0; round < 12; round++) { /* a byte now and then does not help them */
        rest(200);
        for (int i = 0; i < CLIENTS; i++) {
            if (i % 3 != 0) {
                client_send(clients[i], "a", 1);
            }
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        cr_expect(is_closed(clients[i]), "client %d is still let in", i);
        close(clients[i]);
    }
    expect_alive(&server);
    struct answer metrics = send_request(&server, "GET", "/metrics", "", "");
    const char *overdue = strstr(metrics.body, "\nquire_http_connections_overdue_total ");
    cr_assert_not_null(overdue);
    cr_expect_geq(strtol(overdue + 38, NULL, 10), CLIENTS);
    answer_free(&metrics);
    test_server_stop(&server);
}

/* A socket that comes from 127.0.0.`last`. */
static int connect_from(const struct test_server *server, unsigned last)
{
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + last)};
    struct sockaddr_in there = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)server->port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(client, 0);
    cr_assert_eq(bind(client, (struct sockaddr *)&here, sizeof here), 0);
    cr_assert_eq(connect(client, (struct sockaddr *)&there, sizeof there), 0);
    return client;
}

/* A number of /metrics. */
static long metric(const struct test_server *server, const char *name)
{
    char line[128];
    snprintf(line, sizeof line, "\n%s ", name);
    struct answer metrics = send_request(server, "GET", "/metrics", "", "");
    const char *found = metrics.status == 200 ? strstr(metrics.body, line) : NULL;
    cr_assert_not_null(found, "no %s", name);
    long value = strtol(found + strlen(line), NULL, 10);
    answer_free(&metrics);
    return value;
}

Test(hostile, five_hundred_half_requests__keep_nobody_else_waiting, .timeout = 60)
{
    struct test_server server;
    enum { CLIENTS = 500, REQUESTS = 100 };
    int clients[CLIENTS];
    const char *half = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
    /* The limits of connections are the defaults; none of these is to end while it is counted. */
    test_server_start(&server, (const char *const[]){"--header-ms", "600000", NULL});
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = connect_from(&server, 2 + (unsigned)i % 3);
        client_send(clients[i], half, i % 2 == 0 ? strlen(half) : 0);
    }
    for (int i = 0; i < REQUESTS; i++) {
        for (int j = i; j < CLIENTS; j += REQUESTS) {
            client_send(clients[j], "a", 1);
        }
        expect_alive(&server);
    }
    cr_expect_geq(metric(&server, "quire_http_connections_open"), CLIENTS);
    cr_expect_eq(metric(&server, "quire_http_connections_overdue_total"), 0);
    for (int i = 0; i < CLIENTS; i++) {
        close(clients[i]);
    }
    test_server_stop(&server);
}

static void limit_files(rlim_t now, rlim_t most)
{
    struct rlimit limit = {now, most};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

Test(hostile, open_files__are_allowed_for_all_connections, .timeout = 60)
{
    struct test_server server;
    struct rlimit mine;
    enum { CLIENTS = 200 };
    int clients[CLIENTS];
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &mine), 0);
    limit_files(64, mine.rlim_max);
    test_server_start(&server, NULL);
    limit_files(mine.rlim_cur, mine.rlim_max);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_connect(&server);
        const char *request = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
        client_send(clients[i], request, strlen(request));
        ANSWERS(client_receive(clients[i]), 200, "ready");
    }
    for (int i = 0; i < CLIENTS; i++) {
        close(clients[i]);
    }
    test_server_stop(&server);
}

Test(hostile, open_files__that_are_too_few_make_connections_fewer, .timeout = 60)
{
    struct test_server server;
    enum { CLIENTS = 250 };
    int clients[CLIENTS];
    limit_files(300, 300);
    test_server_start(&server, (const char *const[]){"--header-ms", "600000", NULL});
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = connect_from(&server, 2 + (unsigned)i % 3);
        client_send(clients[i], "G", 1);
    }
    for (int i = 0; i < CLIENTS; i++) {
        close(clients[i]);
    }
    /* Room comes back as the server sees them leave. */
    int status = 0;
    for (int i = 0; i < 100 && status != 200; i++) {
        struct answer answer = send_request(&server, "GET", "/health", "", "");
        status = answer.status;
        answer_free(&answer);
        rest(status == 200 ? 0 : 50);
    }
    expect_alive(&server);
    char *log = read_text(server.log);
    cr_expect_not_null(strstr(log, "\"event\":\"fewer-connections\",\"connections\":150}"), "%s",
                       log);
    free(log);
    test_server_stop(&server);
}

Test(hostile, idle_connections__are_closed, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, (const char *const[]){"--idle-ms", "300", NULL});
    int client = client_connect(&server);
    const char *request = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    client_send(client, request, strlen(request));
    ANSWERS(client_receive(client), 200, "ready");
    client_send(client, request, strlen(request));
    ANSWERS(client_receive(client), 200, "ready");
    cr_expect(is_closed(client));
    close(client);
    test_server_stop(&server);
}

Test(hostile, connections__are_limited_per_address, .timeout = 60)
{
    struct test_server server;
    int clients[8];
    int closed = 0;
    test_server_start(&server, (const char *const[]){"--connections-per-address", "4", NULL});
    for (int i = 0; i < 8; i++) {
        clients[i] = client_connect(&server);
        client_send(clients[i], "GET /health HTTP/1.1\r\n", 22);
    }
    for (int i = 0; i < 8; i++) {
        struct pollfd wait = {.fd = clients[i], .events = POLLIN | POLLRDHUP};
        closed += poll(&wait, 1, 300) > 0;
    }
    cr_expect_geq(closed, 4);
    for (int i = 0; i < 8; i++) {
        close(clients[i]);
    }
    rest(300);
    expect_alive(&server);
    test_server_stop(&server);
}

Test(hostile, chunked_body_that_is_too_large__is_dropped_not_kept, .timeout = 60)
{
    struct test_server server;
    static char chunk[65536 + 16];
    test_server_start(&server, NULL);
    expect_alive(&server);
    unsigned long before = resident(&server);
    int head = snprintf(chunk, sizeof chunk, "10000\r\n");
    memset(chunk + head, 'x', 65536);
    memcpy(chunk + head + 65536, "\r\n", 2);
    const char *start = "POST /graphql HTTP/1.1\r\nHost: localhost\r\n" JSON
                        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    int client = client_connect(&server);
    client_send(client, start, strlen(start));
    for (int i = 0; i < 56; i++) { /* 3.5 MiB */
        client_send(client, chunk, (size_t)head + 65536 + 2);
    }
    client_send(client, "0\r\n\r\n", 5);
    ANSWERS(client_receive(client), 413, "at most 2097152 bytes");
    close(client);
    client = client_connect(&server);
    client_send(client, start, strlen(start));
    for (int i = 0; i < 512; i++) { /* 32 MiB: nobody listens that long */
        client_send(client, chunk, (size_t)head + 65536 + 2);
    }
    cr_expect(is_closed(client));
    close(client);
    unsigned long after = resident(&server);
    cr_expect_leq(after, before + (16UL << 20), "%lu bytes before, %lu after", before, after);
    expect_alive(&server);
    test_server_stop(&server);
}

/* Deterministic noise. */
static unsigned next_random(unsigned *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8U;
}

Test(hostile, mutilated_requests__never_stop_the_server, .timeout = 120)
{
    static const char good[] = "POST /graphql HTTP/1.1\r\nHost: localhost\r\n" JSON
                               "Accept: application/json;q=0.5, */*;q=0.1\r\nContent-Length: 84\r\n"
                               "Connection: close\r\n\r\n"
                               "{\"query\":\"query($i:ID!){author(id:$i){name}}\","
                               "\"variables\":{\"i\":\"a1\"},\"extensions\":{}}";
    struct test_server server;
    unsigned state = 7;
    test_server_start(&server, (const char *const[]){"--header-ms", "300", NULL});
    for (int i = 0; i < 400; i++) {
        char text[sizeof good];
        memcpy(text, good, sizeof good);
        size_t size = sizeof good - 1;
        for (unsigned n = 1 + next_random(&state) % 4; n > 0; n--) {
            size_t at = next_random(&state) % size;
            switch (next_random(&state) % 4) {
            case 0:
                text[at] = (char)next_random(&state);
                break;
            case 1:
                text[at] = "\r\n\0:{}\"\\"[next_random(&state) % 8];
                break;
            case 2:
                memmove(text + at, text + at + 1, size - at - 1);
                size--;
                break;
            default:
                size = at + 1;
            }
        }
        int client = client_connect(&server);
        client_send(client, text, size);
        if (i % 3 == 0) {
            shutdown(client, SHUT_WR);
        }
        if (i % 20 == 0) {
            struct answer answer = client_receive(client);
            answer_free(&answer);
        }
        close(client);
    }
    expect_alive(&server);
    test_server_stop(&server);
}

Test(hostile, documents__that_nest_or_repeat_are_refused_soon, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, NULL);
    size_t size = 1U << 20;
    char *body = malloc(size + 64);
    cr_assert_not_null(body);
    static const char fills[] = {'{', '[', '(', ',', '#', '"', '@', 'a'};
    for (size_t i = 0; i < sizeof fills; i++) {
        memset(body, fills[i] == '"' ? ' ' : fills[i], size);
        memcpy(body, "{\"query\":\"", 10);
        memcpy(body + size - 3, "\"}", 3);
        struct answer answer = send_graphql(&server, body);
        cr_expect_eq(answer.status, 400, "%c: %.300s", fills[i], answer.text);
        answer_free(&answer);
    }
    memset(body, '[', size);
    memcpy(body, "{\"query\":\"{__typename}\",\"variables\":{\"a\":", 41);
    body[size] = '\0';
    ANSWERS(send_graphql(&server, body), 400, "200 levels");
    free(body);
    expect_alive(&server);
    test_server_stop(&server);
}

Test(hostile, control_characters__stay_out_of_the_logs, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, (const char *const[]){"--access-log", "-", "--slow-ms", "1", NULL});
    ANSWERS(send_graphql(&server, "{\"query\":\"query a\\r\\n\\u001b[31m { __typename }\","
                                  "\"operationName\":\"x\\n{\\\"event\\\":\\\"fake\\\"}\\u001b\"}"),
            400, "errors");
    cr_assert_eq(test_server_end(&server), 0);
    char *log = read_text(server.log);
    cr_expect(strchr(log, '\x1b') == NULL && strchr(log, '\r') == NULL);
    cr_expect(strstr(log, "\n{\"event\"") == NULL, "%s", log);
    cr_expect(strstr(log, "x\\n{\\\"event\\\"") != NULL, "%s", log);
    free(log);
    temp_dir_remove(&server.dir);
}
