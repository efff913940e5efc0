/*
 * What waits for clients that ask for much and read nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stream_fixture.h"

/* An answer has more than 2 MB; as much is on the way in the system's buffers, or more. */
enum { ROWS = 100, NAME_SIZE = 20000, ASKED = 90 };
#define ANSWER_BYTES ((long)ROWS * (NAME_SIZE + 100))
/* What one client may have waiting: see gate.h. */
#define BOUND (256L * 1024 + 4 * ANSWER_BYTES)
#define LARGE "authors{items{name}}"
/* What waits for a client that reads nothing does not wait for the time of its requests. */
#define PATIENT "--time-ms", "100000"

static void fill(const struct test_server *server)
{
    static char body[NAME_SIZE + 200];
    static char name[NAME_SIZE + 1];
    memset(name, 'x', NAME_SIZE);
    for (int i = 0; i < ROWS; i++) {
        snprintf(body, sizeof body,
                 "{\"query\":\"mutation{createAuthor(input:{id:\\\"m%d\\\",name:\\\"%s\\\"})"
                 "{id}}\"}",
                 i, name);
        ANSWERS(send_graphql(server, body), 200, "createAuthor");
    }
}

static int ask_much(const struct test_server *server, const char *document)
{
    int client = ws_open(server);
    for (int i = 0; i < ASKED; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        ws_subscribe(client, id, document);
    }
    return client;
}

/* Waits until the bytes that wait have not changed for a while: the client's gate is shut. */
static long await_shut(const struct test_server *server)
{
    long before = -1;
    long now = metric(server, "quire_waiting_bytes");
    for (int same = 0; same < 10; same = now == before && now > 0 ? same + 1 : 0) {
        usleep(20000);
        before = now;
        now = metric(server, "quire_waiting_bytes");
    }
    return now;
}

/* Reads messages until so many have a text; of each only the beginning is kept. */
static void read_messages(int client, int count, const char *text)
{
    static char bytes[1 << 16];
    while (count > 0) {
        unsigned char header[10];
        uint64_t size;
        cr_assert(read_bytes(client, header, 2));
        cr_assert(header[0] == (FIN | TEXT) || header[0] == (FIN | PING), "%x", header[0]);
        size = header[1];
        unsigned more = size == 126 ? 2 : size == 127 ? 8 : 0;
        cr_assert(read_bytes(client, header + 2, more));
        for (unsigned i = 0, start = more > 0; i < more; i++) {
            size = (start && i == 0 ? 0 : size << 8U) | header[2 + i];
        }
        bool first = true;
        while (size > 0) {
            size_t piece = size < sizeof bytes - 1 ? (size_t)size : sizeof bytes - 1;
            cr_assert(read_bytes(client, bytes, piece));
            bytes[piece] = '\0';
            cr_assert(!first || strncmp(bytes, "{\"type\":\"error\"", 15) != 0, "%s", bytes);
            count -= first && strstr(bytes, text) != NULL;
            first = false;
            size -= piece;
        }
    }
}

Test(session, large_answers_at_once__wait_bounded_and_all_come, .timeout = 100)
{
    struct test_server server;
    test_server_start(&server, (const char *const[]){PATIENT, NULL});
    fill(&server);
    int client = ask_much(&server, "{" LARGE "}");
    cr_expect_leq(await_shut(&server), BOUND);
    /* Others are served meanwhile. */
    int other = ws_open(&server);
    ws_subscribe(other, "1", "{author(id:\\\"a1\\\"){name}}");
    EXPECT_TEXT(other, "Austen");
    read_messages(client, ASKED, "\"type\":\"next\"");
    await_metric(&server, "quire_waiting_bytes", 0);
    long most = metric(&server, "quire_waiting_bytes_max");
    cr_expect(most > 256 * 1024 && most <= BOUND, "%ld of %ld", most, BOUND);
    cr_expect_eq(metric(&server, "quire_sessions_shed_total"), 0);
    close(client);
    close(other);
    test_server_stop(&server);
}

Test(session, large_events_of_one_commit__wait_bounded_and_all_come, .timeout = 100)
{
    struct test_server server;
    test_server_start(&server, (const char *const[]){PATIENT, NULL});
    fill(&server);
    int client = ask_much(&server, "subscription{" LARGE "}");
    await_metric(&server, "quire_subscriptions_open", ASKED);
    cr_expect_leq(await_shut(&server), BOUND);
    read_messages(client, ASKED, "\"type\":\"next\"");
    create_author(&server, "n1"); /* wakes them all */
    cr_expect_leq(await_shut(&server), BOUND);
    read_messages(client, ASKED, "\"type\":\"next\"");
    cr_expect_leq(metric(&server, "quire_waiting_bytes_max"), BOUND);
    close(client);
    await_metric(&server, "quire_subscriptions_open", 0);
    await_metric(&server, "quire_waiting_bytes", 0);
    test_server_stop(&server);
}

Test(session, requests_that_wait__are_given_up_at_once, .timeout = 100)
{
    struct test_server server;
    test_server_start(&server, (const char *const[]){PATIENT, NULL});
    fill(&server);
    int client = ask_much(&server, "{" LARGE "}");
    (void)await_shut(&server);
    long open = metric(&server, "quire_http_requests_open");
    cr_assert_gt(open, ASKED / 2);
    for (int i = ASKED / 2; i < ASKED; i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"type\":\"complete\",\"id\":\"%d\"}", i);
        ws_send(client, text);
    }
    read_messages(client, ASKED / 2, "\"type\":\"next\"");
    await_metric(&server, "quire_http_requests_open", 2); /* the socket's own, and this */
    close(client);
    client = ask_much(&server, "{" LARGE "}");
    (void)await_shut(&server);
    close(client);
    await_metric(&server, "quire_http_requests_open", 1);
    await_metric(&server, "quire_waiting_bytes", 0);
    test_server_stop(&server);
}

/* Large enough for the buffers of the system not to hold it. */
#define SIX(list) "a:" list " b:" list " c:" list " d:" list " e:" list " f:" list

Test(session, streams_of_one_subscription__are_bounded_together_too, .timeout = 100)
{
    enum { CLIENTS = 6 };
    struct test_server server;
    int clients[CLIENTS];
    char limit[32];
    snprintf(limit, sizeof limit, "%ld", 15 * ANSWER_BYTES);
    test_server_start(&server, (const char *const[]){PATIENT, "--waiting-bytes", limit, NULL});
    fill(&server);
    int modest =
        sse_subscribe(&server, STREAM, "{\"query\":\"subscription{authorChanged{node{id}}}\"}");
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = sse_post(&server, STREAM, "{\"query\":\"query @live{" SIX(LARGE) "}\"}");
    }
    /* Two fit into it. */
    for (int i = 0; i < 1000 && metric(&server, "quire_sessions_shed_total") < CLIENTS - 2; i++) {
        usleep(10000);
    }
    cr_expect_eq(metric(&server, "quire_sessions_shed_total"), CLIENTS - 2);
    for (int i = 0; i < 1000 && metric(&server, "quire_waiting_bytes") > 15 * ANSWER_BYTES; i++) {
        usleep(10000);
    }
    cr_expect_leq(metric(&server, "quire_waiting_bytes"), 15 * ANSWER_BYTES);
    create_author(&server, "n1");
    sse_expect_until(modest, "\"}}\n\n", "\"n1\""); /* who reads is not who has most */
    for (int i = 0; i < CLIENTS; i++) {
        close(clients[i]);
    }
    close(modest);
    await_metric(&server, "quire_subscriptions_open", 0);
    await_metric(&server, "quire_waiting_bytes", 0);
    test_server_stop(&server);
}

Test(session, all_together__are_bounded_by_ending_who_has_most, .timeout = 100)
{
    enum { CLIENTS = 6 };
    struct test_server server;
    int clients[CLIENTS];
    char limit[32];
    snprintf(limit, sizeof limit, "%ld", BOUND);
    test_server_start(&server, (const char *const[]){PATIENT, "--waiting-bytes", limit, NULL});
    fill(&server);
    int modest = ws_open(&server);
    ws_subscribe(modest, "1", "subscription{authorChanged{node{id}}}");
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = ask_much(&server, "{" LARGE "}");
        (void)await_shut(&server);
    }
    cr_expect_geq(metric(&server, "quire_sessions_shed_total"), 1);
    cr_expect_leq(metric(&server, "quire_waiting_bytes"), BOUND);
    create_author(&server, "n1");
    EXPECT_TEXT(modest, "\"n1\""); /* who reads is not who has most */
    for (int i = 0; i < CLIENTS; i++) {
        close(clients[i]);
    }
    close(modest);
    await_metric(&server, "quire_waiting_bytes", 0);
    test_server_stop(&server);
}
