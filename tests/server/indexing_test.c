/*
 * Indexes that the server builds by itself, and the switch that keeps it from it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server_fixture.h"

#define ROWS  1500
#define BY_N  "{\"query\":\"{rows(where:{n:{equals:7}}){items{id}}}\""
#define TELL  ",\"extensions\":{\"explain\":true}}"
#define PLAIN "Content-Type: text/plain\r\n"

static void fill(const struct test_server *server)
{
    static char body[ROWS * 40 + 256];
    size_t used;
    struct answer answer =
        send_request(server, "POST", "/schema/load", PLAIN,
                     "type Author { id: ID! @id name: String! @index books: [Book!]! } "
                     "type Book { id: ID! @id title: String! @index author: Author! } "
                     "type Row { id: ID! n: Int }");
    cr_assert_eq(answer.status, 200, "%s", answer.text);
    answer_free(&answer);
    used = (size_t)snprintf(body, sizeof body,
                            "{\"query\":\"mutation($i:[RowInput!]!){createRows(inputs:$i){"
                            "affectedRows}}\",\"variables\":{\"i\":[");
    for (int i = 0; i < ROWS; i++) {
        used += (size_t)snprintf(body + used, sizeof body - used, "%s{\"id\":\"%d\",\"n\":%d}",
                                 i == 0 ? "" : ",", i, i);
    }
    snprintf(body + used, sizeof body - used, "]}}");
    ANSWERS(send_graphql(server, body), 200, "{\"affectedRows\":1500}");
}

/* Asks until the index is used, at most so often; how often. The job that builds it is on its way
 * when the sixteenth request has ended. */
static int ask_until_used(const struct test_server *server, int most)
{
    for (int i = 0; i < most; i++) {
        struct answer answer = send_graphql(server, BY_N TELL);
        bool used = strstr(answer.body, "\"index\":\"auto.Row.n\"") != NULL;
        cr_assert_not_null(strstr(answer.body, "{\"id\":\"7\"}"), "%s", answer.body);
        answer_free(&answer);
        if (used) {
            return i;
        }
    }
    return most;
}

Test(indexing, column__that_requests_scan_for_gets_an_index, .timeout = 60)
{
    struct test_server server;
    const char *const off[] = {"--no-auto-index", NULL};

    test_server_start(&server, NULL);
    fill(&server);
    cr_expect_lt(ask_until_used(&server, 5000), 5000);
    cr_expect_eq(test_server_end(&server), 0);
    /* It is there to stay. */
    test_server_start_in(&server, off);
    cr_expect_eq(ask_until_used(&server, 1), 0);
    test_server_stop(&server);
}

Test(indexing, switch__turns_it_off, .timeout = 60)
{
    struct test_server server;
    const char *const off[] = {"--no-auto-index", NULL};
    test_server_start(&server, off);
    fill(&server);
    cr_expect_eq(ask_until_used(&server, 100), 100);
    test_server_stop(&server);
}
