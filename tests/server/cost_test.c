/*
 * What requests cost: the limit of one, and what a caller may have a second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jwt_tokens.h"
#include "server_fixture.h"
#include "stream_fixture.h"

#define ACCEPT JSON "Accept: application/graphql-response+json\r\n"

static void prepare(struct test_server *server)
{
    test_server_start(server, NULL);
    cr_assert_eq(test_server_end(server), 0);
}

static void write_private(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    cr_assert_eq(chmod(path, 0600), 0);
}

/* Asks as somebody; `query` stands in JSON already. */
static struct answer ask(const struct test_server *server, const char *token, const char *query)
{
    char headers[700];
    char body[4096];
    snprintf(headers, sizeof headers, ACCEPT "%s%s%s",
             token[0] != '\0' ? "Authorization: Bearer " : "", token,
             token[0] != '\0' ? "\r\n" : "");
    snprintf(body, sizeof body, "{\"query\":\"%s\"}", query);
    return send_request(server, "POST", "/graphql", headers, body);
}

static int status_of(const struct test_server *server, const char *token, const char *query)
{
    struct answer answer = ask(server, token, query);
    int status = answer.status;
    answer_free(&answer);
    return status;
}

/* ---- One operation ---- */

Test(cost, operations__are_refused_by_what_they_cost_before_they_run, .timeout = 60)
{
    static const char *const fits[] = {
        "{authors{items{id books{items{title}}}}}", /* a hundred times a hundred */
        "{authors(first:1000){items{id books(first:50){items{title}}}}}",
        "{authors(take:499999){items{name}}}",
        "{__schema{types{name fields{name type{name ofType{name}}}}}}",
    };
    static const char *const beyond[] = {
        "{authors{items{books{items{author{books{items{title}}}}}}}}",
        "{authors(first:99999999){items{id}}}",
        "{authors(first:2147483647){items{id}}}",
        "{authors(first:1000){items{books(first:1000){items{title}}}}}",
        "mutation{createAuthor(input:{id:9,name:\\\"n\\\"}){books(first:500000){items{id}}}}",
    };
    static const char *const wrong[] = {
        "{authors(first:2147483648){items{id}}}",
        "{authors(first:9223372036854775808){items{id}}}",
        "{authors(first:-1){items{id}}}",
    };
    struct test_server server;
    test_server_start(&server, NULL);
    for (size_t i = 0; i < sizeof fits / sizeof fits[0]; i++) {
        cr_expect_eq(status_of(&server, "", fits[i]), 200, "%s", fits[i]);
    }
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        ANSWERS(ask(&server, "", beyond[i]), 400, "\"LIMIT\"");
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct answer answer = ask(&server, "", wrong[i]);
        cr_expect(strstr(answer.body, "\"errors\"") != NULL, "%s", answer.body);
        answer_free(&answer);
    }
    ANSWERS(ask(&server, "", "{authors{totalCount}}"), 200, "\"totalCount\":1");
    cr_assert_eq(test_server_end(&server), 0);
    test_server_start_in(&server, (const char *const[]){"--cost-max", "5", NULL});
    ANSWERS(ask(&server, "", "{authors(first:4){items{id}}}"), 200, "a1");
    ANSWERS(ask(&server, "", "{authors(first:5){items{id}}}"), 400, "costs 6");
    cr_assert_eq(test_server_end(&server), 0);
    test_server_start_in(&server, (const char *const[]){"--cost-max", "0", NULL});
    cr_expect_eq(status_of(&server, "", "{authors(first:99999999){items{id}}}"), 200);
    test_server_stop(&server);
}

Test(cost, lists__are_bounded_where_that_is_asked_for, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server, (const char *const[]){"--list-max", "1", NULL});
    ANSWERS(ask(&server, "", "mutation{createAuthor(input:{id:\\\"z\\\",name:\\\"n\\\"}){id}}"),
            200, "\"z\"");
    ANSWERS(ask(&server, "", "{authors{items{id} pageInfo{hasNextPage}}}"), 200,
            "{\"items\":[{\"id\":\"a1\"}],\"pageInfo\":{\"hasNextPage\":true}}");
    ANSWERS(ask(&server, "", "{authors(first:2){items{id}}}"), 200, "\"LIMIT\"");
    ANSWERS(ask(&server, "", "{authors(first:1){items{books(take:2147483647){totalCount}}}}"), 200,
            "\"LIMIT\"");
    test_server_stop(&server);
}

/* ---- A caller ---- */

Test(rate, callers__have_buckets_of_cost_not_of_requests, .timeout = 60)
{
    struct test_server server;
    char key[600];
    char tokens[600];
    char many[4096] = "{";
    struct answer answer;
    char retry[20];
    prepare(&server);
    temp_dir_file(&server.dir, "key", key, sizeof key);
    temp_dir_file(&server.dir, "tokens", tokens, sizeof tokens);
    write_private(key, TOKEN_SECRET);
    write_private(tokens, "0123456789abcdef\nfedcba9876543210 query\n");
    test_server_start_in(&server, (const char *const[]){"--jwt-key", key, "--token-file", tokens,
                                                        "--anonymous", "--rate-cost", "1",
                                                        "--rate-burst", "100", "--aliases", "1000",
                                                        "--root-fields", "1000", NULL});
    char *ann = token_make(TOKEN_HEADER, "{\"exp\":4000000000,\"sub\":\"ann\"}");
    char *again = token_make(TOKEN_HEADER, "{\"exp\":4000000001,\"sub\":\"ann\"}");
    char *bob = token_make(TOKEN_HEADER, "{\"exp\":4000000000,\"sub\":\"bob\"}");
    /* One request with 80 aliases is 80 units, whoever's token it comes with. */
    size_t size = 1;
    for (int i = 0; i < 80; i++) {
        size += (size_t)snprintf(many + size, sizeof many - size, "a%d:author(id:%d){id}", i, i);
    }
    snprintf(many + size, sizeof many - size, "}");
    cr_expect_eq(status_of(&server, ann, many), 200);
    answer = ask(&server, again, many);
    cr_expect(answer_header(&answer, "Retry-After", retry, sizeof retry));
    cr_expect(strtol(retry, NULL, 10) >= 1 && strtol(retry, NULL, 10) <= 80, "%s", retry);
    ANSWERS(answer, 429, "\"LIMIT\"");
    cr_expect_eq(status_of(&server, ann, "{author(id:1){id}}"), 200); /* of what is left */
    /* Others have buckets of their own: by name, by token, by address. */
    cr_expect_eq(status_of(&server, bob, many), 200);
    cr_expect_eq(status_of(&server, "fedcba9876543210", many), 200);
    cr_expect_eq(status_of(&server, "0123456789abcdef", many), 200);
    cr_expect_eq(status_of(&server, "", many), 200);
    cr_expect_eq(status_of(&server, "", many), 429);
    cr_expect_eq(status_of(&server, "0123456789abcdef", many), 429);
    /* What costs nothing counts as one, what is refused before it runs too. */
    int left = 100;
    while (left > 0 && status_of(&server, bob, "{__typename}") == 200) {
        left--;
    }
    cr_expect_gt(left, 0);
    cr_expect_eq(status_of(&server, bob, "{"), 429);
    /* Nothing of a mutation runs that is refused. */
    snprintf(many, sizeof many,
             "mutation{createAuthor(input:{id:7,name:\\\"n\\\"}){books(first:90)"
             "{items{id}}}}");
    cr_expect_eq(status_of(&server, ann, many), 429);
    free(ann);
    free(again);
    free(bob);
    struct answer metrics =
        send_request(&server, "GET", "/metrics", "Authorization: Bearer 0123456789abcdef\r\n", "");
    cr_expect(strstr(metrics.body, "\nquire_rate_refused_total ") != NULL &&
                  strstr(metrics.body, "\nquire_rate_refused_total 0\n") == NULL,
              "%s", metrics.body);
    answer_free(&metrics);
    cr_assert_eq(test_server_end(&server), 0);
    test_server_start_in(&server, NULL);
    ANSWERS(ask(&server, "", "{author(id:7){id}}"), 200, "\"author\":null");
    test_server_stop(&server);
}

Test(rate, cost_beyond_a_burst__empties_a_full_bucket, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server,
                      (const char *const[]){"--rate-cost", "1", "--rate-burst", "50", NULL});
    ANSWERS(ask(&server, "", "{authors(first:80){items{id}}}"), 200, "\"items\"");
    ANSWERS(ask(&server, "", "{authors(first:1){items{id}}}"), 429, "\"LIMIT\"");
    test_server_stop(&server);
}

Test(rate, options__are_checked, .timeout = 60)
{
    struct test_server server;
    prepare(&server);
#define REFUSES(...)                                                                               \
    cr_expect_eq(test_server_refuses(&server, (const char *const[]){__VA_ARGS__, NULL}), 64)
    REFUSES("--cost-max", "-1");
    REFUSES("--list-max", "-1");
    REFUSES("--rate-cost", "-1");
    REFUSES("--rate-cost", "2000000000");
    REFUSES("--rate-burst", "10");
    REFUSES("--rate-cost", "10", "--rate-burst", "9");
#undef REFUSES
    temp_dir_remove(&server.dir);
}

#ifdef HAS_WEBSOCKETS
Test(rate, requests_of_sockets_and_streams__count_too, .timeout = 60)
{
    struct test_server server;
    test_server_start(&server,
                      (const char *const[]){"--rate-cost", "1", "--rate-burst", "60", NULL});
    int client = ws_open(&server);
    ws_subscribe(client, "1", "{authors(first:40){items{id}}}");
    EXPECT_TEXT(client, "\"next\"");
    EXPECT_TEXT(client, "\"complete\"");
    ws_subscribe(client, "2", "{authors(first:40){items{id}}}");
    EXPECT_TEXT(client, "asked for too much");
    ws_subscribe(client, "3", "subscription{authors(first:40){items{id}}}");
    EXPECT_TEXT(client, "asked for too much");
    ws_subscribe(client, "4", "subscription{authors(first:2){totalCount}}");
    EXPECT_TEXT(client, "\"next\"");
    close(client);
    ANSWERS(send_request(&server, "POST", "/graphql", STREAM,
                         "{\"query\":\"subscription{authors(first:40){items{id}}}\"}"),
            429, "\"LIMIT\"");
    test_server_stop(&server);
}
#endif
