/*
 * SharpGraph's endpoints, health, metrics, and the care of the database.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "quire/quire.h"
#include "server_fixture.h"

#define JSON "Content-Type: application/json\r\n"
#define TEXT "Content-Type: text/plain\r\n"

static struct test_server server;

static void start(void)
{
    test_server_start(&server, NULL);
}

static void stop(void)
{
    test_server_stop(&server);
}

TestSuite(schema_http, .init = start, .fini = stop, .timeout = 60);

Test(schema_http, load__takes_sdl_and_wrapped_sdl)
{
    ANSWERS(send_request(&server, "POST", "/schema/load", TEXT,
                         "type Author { id: ID! @id  name: String! @index  books: [Book!]! }\n"
                         "type Book { id: ID! @id  title: String! @index  author: Author! }\n"
                         "type Shop { id: ID! @id  name: String }\n"),
            200,
            "{\"success\":true,\"message\":\"Schema loaded successfully\",\"tables\":"
            "[\"Author\",\"Book\",\"Shop\"]}");
    ANSWERS(send_request(&server, "POST", "/schema/load", JSON,
                         "{\"schema\": \"type Author { id: ID! @id  name: String! @index  books: "
                         "[Book!]! }\\ntype Book { id: ID! @id  title: String! @index  author: "
                         "Author! }\\ntype Shop { id: ID! @id  name: String  city: String }\"}"),
            200, "\"success\":true");
    ANSWERS(send_graphql(&server, "{\"query\":\"mutation{createShop(input:{id:\\\"s\\\",city:"
                                  "\\\"Bath\\\"}){city}}\"}"),
            200, "Bath");
    ANSWERS(send_request(&server, "GET", "/graphql?sdl", "", ""), 200, "type Shop {");
    ANSWERS(send_request(&server, "GET", "/graphql?sdl=api", "", ""), 200, "ShopConnection");
}

Test(schema_http, load__refuses_what_is_wrong_and_changes_nothing)
{
    ANSWERS(send_request(&server, "POST", "/schema/load", TEXT, "type Author {"), 400,
            "{\"success\":false,\"error\":\"");
    ANSWERS(send_request(&server, "POST", "/schema/load", TEXT, "  "), 400, "empty");
    ANSWERS(send_request(&server, "POST", "/schema/load", JSON, "{\"sdl\":\"\"}"), 400, "schema");
    ANSWERS(send_request(&server, "POST", "/schema/load", TEXT, "type Author { id: ID! }"), 400,
            "line");
    ANSWERS(send_request(&server, "POST", "/schema/load",
                         "Content-Type: application/x-www-form-urlencoded\r\n", "type A {id: ID!}"),
            415, "text/plain");
    ANSWERS(send_request(&server, "GET", "/schema", "", ""), 200,
            "{\"tables\":[{\"tableName\":\"Author\",\"recordCount\":1},"
            "{\"tableName\":\"Book\",\"recordCount\":1}]}");
}

Test(schema_http, data__is_stored_all_or_nothing)
{
    ANSWERS(send_request(&server, "POST", "/schema/data", JSON,
                         "{\"Author\":[{\"id\":\"a5\",\"name\":\"Eliot\"},{\"id\":\"a6\",\"name\":"
                         "\"Dickens\"}],\"Book\":[{\"id\":\"b5\",\"title\":\"Bleak House\","
                         "\"authorId\":\"a6\"}]}"),
            200, "\"recordCounts\":{\"Author\":2,\"Book\":1}}");
    ANSWERS(send_request(&server, "POST", "/schema/data", JSON,
                         "{\"Author\":[{\"id\":\"a7\",\"name\":\"x\"}],\"Book\":[{\"id\":\"b7\","
                         "\"title\":\"y\",\"author\":\"nobody\"}]}"),
            400, "{\"success\":false,\"error\":\"");
    ANSWERS(send_request(&server, "POST", "/schema/data", JSON, "{\"Author\":[{\"id\":\"a8\""), 400,
            "line 1");
    ANSWERS(send_request(&server, "GET", "/schema/tables", "", ""), 200,
            "{\"tables\":[{\"name\":\"Author\",\"recordCount\":3,\"filePath\":\"served.quire\"},");
}

Test(schema_http, data__that_is_large_waits_in_a_file)
{
    size_t room = 3U << 20;
    char *body = malloc(room);
    cr_assert_not_null(body);
    size_t at = (size_t)snprintf(body, room, "{\"Author\":[");
    for (int i = 0; i < 40000; i++) {
        at += (size_t)snprintf(body + at, room - at, "%s{\"id\":\"n%d\",\"name\":\"name of %d\"}",
                               i > 0 ? "," : "", i, i);
    }
    snprintf(body + at, room - at, "]}");
    ANSWERS(send_request(&server, "POST", "/schema/data", JSON, body), 200,
            "{\"success\":true,\"message\":\"40000 records loaded\",\"recordCounts\":{\"Author\":"
            "40000}}");
    free(body);
}

Test(schema_options, data__that_cannot_wait_in_a_file__is_answered, .timeout = 60)
{
    struct test_server own;
    struct temp_dir scratch;
    size_t size = 1U << 20;
    char *body = malloc(size + 1);
    cr_assert_not_null(body);
    memset(body, ' ', size);
    memcpy(body + size - 2, "{}", 3);
    temp_dir_create(&scratch);
    test_server_start(&own, (const char *const[]){"--scratch", scratch.path, NULL});
    temp_dir_remove(&scratch);
    ANSWERS(send_request(&own, "POST", "/schema/data", JSON, body), 500,
            "failed inside the server");
    ANSWERS(send_request(&own, "POST", "/schema/data", JSON, "{}"), 200, "0 records");
    free(body);
    test_server_stop(&own);
}

Test(schema_http, health_and_metrics__tell_how_it_is)
{
    ANSWERS(send_request(&server, "GET", "/health", "", ""), 200,
            "{\"status\":\"ok\",\"live\":true,\"ready\":true}");
    ANSWERS(send_request(&server, "GET", "/health/live", "", ""), 200, "\"live\":true");
    ANSWERS(send_request(&server, "GET", "/health/ready", "", ""), 200, "\"ready\":true");
    ANSWERS(send_graphql(&server, "{\"query\":\"{\"}"), 400, "errors");
    ANSWERS(send_graphql(&server, "{\"query\":\"{__typename}\"}"), 200, "data");
    struct answer answer = send_request(&server, "GET", "/metrics", "", "");
    char type[64];
    cr_expect(answer_header(&answer, "Content-Type", type, sizeof type));
    cr_expect_str_eq(type, "text/plain; version=0.0.4; charset=utf-8");
    static const char *const lines[] = {
        "quire_http_requests_total{path=\"/graphql\",outcome=\"ok\"} 1\n",
        "quire_http_requests_total{path=\"/graphql\",outcome=\"refused\"} 1\n",
        "quire_http_request_seconds_count 5\n",
        "\nquire_http_connections_open ",
        "\nquire_commits_total ",
        "\nquire_syncs_total ",
        "\nquire_checkpoints_total ",
        "\nquire_page_reads_total ",
        "\nquire_log_bytes ",
        "\nquire_readers_open 0\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        cr_expect(strstr(answer.body, lines[i]) != NULL, "no %s in %s", lines[i], answer.body);
    }
    answer_free(&answer);
}

Test(schema_http, checkpoint_and_backup__work_beside_requests)
{
    ANSWERS(send_request(&server, "POST", "/admin/checkpoint", JSON, ""), 200,
            "{\"success\":true}");
    struct answer answer = send_request(&server, "POST", "/admin/backup", JSON, "");
    char length[32];
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *copy;
    cr_assert_eq(answer.status, 200, "%s", answer.text);
    cr_assert(answer_header(&answer, "Content-Length", length, sizeof length));
    cr_assert_eq(quire_open_image(answer.body, strtoul(length, NULL, 10), NULL, &copy, &err),
                 QUIRE_OK, "%s", err.message);
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    request.document = "{ author(id: \"a1\") { name } }";
    char *response;
    size_t size;
    cr_assert_eq(quire_graphql(copy, &request, &response, &size, NULL, &err), QUIRE_OK);
    cr_expect_str_eq(response, "{\"data\":{\"author\":{\"name\":\"Austen\"}}}");
    quire_free(response);
    cr_expect_eq(quire_close(copy, &err), QUIRE_OK);
    answer_free(&answer);
}

Test(schema_options, no_schema_changes__refuses_them, .timeout = 60)
{
    struct test_server fixed;
    test_server_start(&fixed, (const char *const[]){"--no-schema-changes", NULL});
    ANSWERS(send_request(&fixed, "POST", "/schema/load", TEXT, "type X { id: ID! }"), 403,
            "FORBIDDEN");
    ANSWERS(send_request(&fixed, "POST", "/schema/data", JSON, "{}"), 403, "FORBIDDEN");
    ANSWERS(send_request(&fixed, "GET", "/schema", "", ""), 200, "Author");
    test_server_stop(&fixed);
}

Test(schema_options, empty_database__is_created_and_waits_for_a_schema, .timeout = 60)
{
    struct test_server fresh;
    test_server_start(&fresh, NULL);
    cr_assert_eq(test_server_end(&fresh), 0);
    temp_dir_file(&fresh.dir, "fresh.quire", fresh.database, sizeof fresh.database);
    test_server_start_in(&fresh, NULL);
    ANSWERS(send_request(&fresh, "GET", "/metrics", "", ""), 200, "quire_commits_total 0");
    ANSWERS(send_request(&fresh, "GET", "/schema", "", ""), 200, "{\"tables\":[]}");
    ANSWERS(send_request(&fresh, "POST", "/schema/data", JSON, "{}"), 400, "schema");
    ANSWERS(send_graphql(&fresh, "{\"query\":\"{things{totalCount}}\"}"), 400, "errors");
    ANSWERS(send_request(&fresh, "POST", "/schema/load", TEXT, "type Thing { id: ID! }"), 200,
            "[\"Thing\"]");
    ANSWERS(send_graphql(&fresh, "{\"query\":\"{things{totalCount}}\"}"), 200,
            "{\"data\":{\"things\":{\"totalCount\":0}}}");
    test_server_stop(&fresh);
}

Test(schema_http, loads_and_mutations_at_once__are_all_stored)
{
    int clients[8];
    for (int i = 0; i < 8; i++) {
        char body[256];
        char text[1024];
        bool loads = i % 2 == 0;
        snprintf(body, sizeof body,
                 loads ? "{\"Author\":[{\"id\":\"m%d\",\"name\":\"many\"}]}"
                       : "{\"query\":\"mutation{createAuthor(input:{id:\\\"m%d\\\",name:"
                         "\\\"many\\\"}){id}}\"}",
                 i);
        snprintf(text, sizeof text,
                 "POST %s HTTP/1.1\r\nHost: localhost\r\n" JSON "Content-Length: %zu\r\n\r\n%s",
                 loads ? "/schema/data" : "/graphql", strlen(body), body);
        clients[i] = client_connect(&server);
        client_send(clients[i], text, strlen(text));
    }
    for (int i = 0; i < 8; i++) {
        struct answer answer = client_receive(clients[i]);
        cr_expect_eq(answer.status, 200, "%s", answer.text);
        answer_free(&answer);
        close(clients[i]);
    }
    ANSWERS(send_graphql(&server, "{\"query\":\"{authors(where:{name:{equals:\\\"many\\\"}})"
                                  "{totalCount}}\"}"),
            200, "{\"totalCount\":8}");
}
