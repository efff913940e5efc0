/*
 * GraphQL over HTTP: parameters, methods, media types, status codes, persisted
 * documents. The checks of the draft itself run in conformance.sh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server_fixture.h"

#define JSON "Content-Type: application/json\r\n"

static struct test_server server;

static void start(void)
{
    test_server_start(&server, NULL);
}

static void stop(void)
{
    test_server_stop(&server);
}

TestSuite(graphql_http, .init = start, .fini = stop, .timeout = 60);

Test(graphql_http, post__answers_with_data)
{
    struct answer answer =
        send_graphql(&server, "{\"query\":\"query($i: ID!) { author(id: $i) { name "
                              "books { items { title } } } }\",\"variables\":{\"i\":\"a1\"}}");
    char type[128];
    cr_expect(answer_header(&answer, "Content-Type", type, sizeof type));
    cr_expect_str_eq(type, "application/graphql-response+json; charset=utf-8");
    cr_expect_str_eq(answer.body, "{\"data\":{\"author\":{\"name\":\"Austen\",\"books\":{\"items\":"
                                  "[{\"title\":\"Emma\"}]}}}}");
    answer_free(&answer);
}

Test(graphql_http, get__runs_queries_alone)
{
    const char *accept = "Accept: application/graphql-response+json\r\n";
    ANSWERS(send_request(&server, "GET", "/graphql?query=%7B+authors+%7B+totalCount+%7D+%7D",
                         accept, ""),
            200, "{\"data\":{\"authors\":{\"totalCount\":1}}}");
    struct answer answer = send_request(
        &server, "GET", "/graphql?query=mutation%7BdeleteBook(id:%22b1%22)%7Bid%7D%7D", accept, "");
    char allow[64];
    cr_expect(answer_header(&answer, "Allow", allow, sizeof allow));
    cr_expect_str_eq(allow, "POST");
    ANSWERS(answer, 405, "A mutation needs POST.");
    ANSWERS(send_graphql(&server, "{\"query\":\"{ book(id: \\\"b1\\\") { id } }\"}"), 200,
            "{\"data\":{\"book\":{\"id\":\"b1\"}}}");
}

Test(graphql_http, get__never_runs_what_does_not_parse)
{
    ANSWERS(send_request(&server, "GET", "/graphql?query=mutation%7B", "", ""), 200,
            "Syntax Error");
    ANSWERS(send_request(&server, "GET", "/graphql?query=a&query=b", "", ""), 400, "twice");
    ANSWERS(send_request(&server, "GET", "/graphql?query=%00", "", ""), 400, "UTF-8");
    ANSWERS(send_request(&server, "GET", "/graphql?query=%FF", "", ""), 400, "UTF-8");
    ANSWERS(send_request(&server, "GET", "/graphql", "", ""), 400, "query is missing");
}

Test(graphql_http, mutation__is_stored_all_or_nothing)
{
    ANSWERS(send_graphql(&server, "{\"query\":\"mutation { createAuthor(input: {id: \\\"a2\\\", "
                                  "name: \\\"Woolf\\\"}) { name } }\"}"),
            200, "{\"data\":{\"createAuthor\":{\"name\":\"Woolf\"}}}");
    ANSWERS(send_graphql(&server,
                         "{\"query\":\"mutation { a: createAuthor(input: {id: \\\"a3\\\", "
                         "name: \\\"x\\\"}) { id } b: createAuthor(input: {id: \\\"a2\\\", "
                         "name: \\\"y\\\"}) { id } }\"}"),
            200, "\"code\":\"UNIQUE\"");
    ANSWERS(send_graphql(&server, "{\"query\":\"{ authors { totalCount } }\"}"), 200,
            "{\"data\":{\"authors\":{\"totalCount\":2}}}");
}

Test(graphql_http, acknowledged_mutation__survives_a_kill)
{
    ANSWERS(send_graphql(&server, "{\"query\":\"mutation { createAuthor(input: {id: \\\"a9\\\", "
                                  "name: \\\"kept\\\"}) { id } }\"}"),
            200, "a9");
    test_server_kill(&server);
    test_server_start_in(&server, NULL);
    ANSWERS(send_graphql(&server, "{\"query\":\"{ author(id: \\\"a9\\\") { name } }\"}"), 200,
            "kept");
}

Test(graphql_http, parameters__of_the_wrong_kind_are_refused)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "[{\"query\":\"{__typename}\"}]",
        "{\"query\":1}",
        "{\"query\":\"{__typename}\",\"variables\":[]}",
        "{\"query\":\"{__typename}\",\"operationName\":{}}",
        "{\"query\":\"{__typename}\",\"operationName\":\"\\u0000\"}",
        "{\"query\":\"{__typename}\",\"extensions\":7}",
        "{\"query\":\"a\",\"query\":\"b\"}",
        "{\"query\":null,\"query\":\"{__typename}\"}",
        "{\"query\":\"{__typename}\",\"variables\":null,\"variables\":{}}",
        "{\"query\":\"{__typename}\",\"extensions\":{},\"extensions\":{}}",
        "{\"extensions\":null,\"query\":\"{__typename}\",\"extensions\":null}",
        "{\"query\":\"\\ud800\"}",
        "{\"query\":\"\xC0\x80\"}",
        "{\"query\":\"{__typename}\"} x",
        "{\"query\":\"{__typename}\",}",
        "{\"query\":01}",
        "nul"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct answer answer = send_graphql(&server, bodies[i]);
        cr_expect_eq(answer.status, 400, "%s: %s", bodies[i], answer.text);
        cr_expect(strstr(answer.body, "{\"errors\":[{\"message\":") == answer.body, "%s",
                  answer.text);
        answer_free(&answer);
    }
}

Test(graphql_http, escaped_names_of_parameters__are_the_same_names)
{
    ANSWERS(
        send_graphql(&server, "{\"\\u0071uery\":\"{ __typename }\",\"unknown\":[1,{\"a\":[]}]}"),
        200, "{\"data\":{\"__typename\":\"Query\"}}");
}

/* The members of a request that name this hash. */
#define PERSISTED(hash)                                                                            \
    "\"extensions\":{\"persistedQuery\":{\"version\":1,\"sha256Hash\":\"" hash "\"}}}"

Test(graphql_http, automatic_persisted_query__is_kept_by_its_hash)
{
    /* SHA-256 of "{ __typename }". */
#define HASH "7f56e67dd21ab3f30d1ff8b7bed08893f0a0db86449836189b361dd1e56ddb4b"
    const char *hash_alone = "{\"extensions\":{\"persistedQuery\":{\"version\":1,\"sha256Hash\":"
                             "\"" HASH "\"}}}";
    ANSWERS(send_graphql(&server, hash_alone), 400, "PERSISTED_QUERY_NOT_FOUND");
    ANSWERS(send_request(&server, "POST", "/graphql", JSON, hash_alone), 200,
            "PersistedQueryNotFound");
    ANSWERS(send_graphql(&server, "{\"query\":\"{__typename}\",\"extensions\":{\"persistedQuery\":"
                                  "{\"version\":1,\"sha256Hash\":\"" HASH "\"}}}"),
            400, "not that of the query");
    struct answer answer =
        send_graphql(&server, "{\"query\":\"{ __typename }\",\"extensions\":{\"persistedQuery\":"
                              "{\"version\":1,\"sha256Hash\":\"" HASH "\"}}}");
    ANSWERS(answer, 200, "{\"data\":{\"__typename\":\"Query\"}}");
    ANSWERS(send_graphql(&server, hash_alone), 200, "{\"data\":{\"__typename\":\"Query\"}}");
    ANSWERS(send_request(&server, "GET",
                         "/graphql?extensions=%7B%22persistedQuery%22:%7B%22version%22:1,"
                         "%22sha256Hash%22:%22" HASH "%22%7D%7D",
                         "", ""),
            200, "{\"data\":{\"__typename\":\"Query\"}}");
    ANSWERS(send_graphql(&server, "{\"extensions\":{\"persistedQuery\":{\"version\":1,"
                                  "\"sha256Hash\":\"../../etc/passwd\"}}}"),
            400, "sha256Hash");
#undef HASH
    /* SHA-256 of "{", which does not parse, and of "{ nothing }", which is not valid: neither is
     * kept. */
#define BROKEN  "021fb596db81e6d02bf3d2586ee3981fe519f275c0ac9ca76bbcf2ebb4097d96"
#define INVALID "919c0b7aa452b0b2fb42688461501bb8b0c3ef3b9d05ce7b9afd4f28bbe96ceb"
    ANSWERS(send_graphql(&server, "{\"query\":\"{\"," PERSISTED(BROKEN)), 400, "Syntax Error");
    ANSWERS(send_graphql(&server, "{" PERSISTED(BROKEN)), 400, "PERSISTED_QUERY_NOT_FOUND");
    ANSWERS(send_graphql(&server, "{\"query\":\"{ nothing }\"," PERSISTED(INVALID)), 400,
            "nothing");
    ANSWERS(send_graphql(&server, "{" PERSISTED(INVALID)), 400, "PERSISTED_QUERY_NOT_FOUND");
#undef BROKEN
#undef INVALID
}

Test(graphql_http, explain__is_for_those_who_may_do_everything)
{
    ANSWERS(send_graphql(&server, "{\"query\":\"{ author(id: \\\"a1\\\") { id } }\","
                                  "\"extensions\":{\"explain\":true}}"),
            200, "\"extensions\":{\"explain\":[{\"field\":\"Query.author\"");
}

/* ---- Options ---- */

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

Test(graphql_options, documents__run_by_id_and_alone_if_told, .timeout = 60)
{
    char path[600];
    struct test_server plain;
    test_server_start(&plain, NULL);
    cr_assert_eq(test_server_end(&plain), 0);
    temp_dir_file(&plain.dir, "documents.json", path, sizeof path);
    write_text(path,
               "{\"names\": \"{ authors { items { name } } }\","
               " \"bad\": \"{ authors\", \"make\": "
               "\"mutation { createAuthor(input: {id: \\\"m\\\", name: \\\"m\\\"}) { id } }\"}");
    test_server_start_in(&plain,
                         (const char *const[]){"--documents", path, "--documents-only", NULL});
    ANSWERS(send_graphql(&plain, "{\"documentId\":\"names\"}"), 200, "Austen");
    ANSWERS(send_graphql(&plain, "{\"query\":\"{ authors { items { name } } }\"}"), 200, "Austen");
    ANSWERS(send_graphql(&plain, "{\"documentId\":\"nameless\"}"), 400,
            "PERSISTED_DOCUMENT_NOT_FOUND");
    ANSWERS(send_graphql(&plain, "{\"documentId\":\"bad\"}"), 400, "Syntax Error");
    ANSWERS(send_graphql(&plain, "{\"query\":\"{ __typename }\"}"), 400,
            "PERSISTED_QUERY_NOT_SUPPORTED");
    ANSWERS(send_graphql(&plain, "{\"query\":\"{ __typename }\",\"documentId\":\"names\"}"), 400,
            "not both");
    ANSWERS(send_request(&plain, "GET", "/graphql?documentId=make", "", ""), 405, "needs POST");
    ANSWERS(send_request(&plain, "GET", "/graphql?documentId=names", "", ""), 200, "Austen");
    cr_assert_eq(test_server_end(&plain), 0);
    /* A hash beside an id is not that of the document: nothing is kept by it. */
    test_server_start_in(&plain, (const char *const[]){"--documents", path, NULL});
#define ZEROES "0000000000000000000000000000000000000000000000000000000000000000"
    ANSWERS(send_graphql(&plain, "{\"documentId\":\"names\"," PERSISTED(ZEROES)), 200, "Austen");
    ANSWERS(send_graphql(&plain, "{" PERSISTED(ZEROES)), 400, "PERSISTED_QUERY_NOT_FOUND");
#undef ZEROES
    test_server_stop(&plain);
}

Test(graphql_options, no_introspection__tells_no_names, .timeout = 60)
{
    struct test_server quiet;
    test_server_start(&quiet, (const char *const[]){"--no-introspection", NULL});
    ANSWERS(send_graphql(&quiet, "{\"query\":\"{ __schema { types { name } } }\"}"), 400,
            "introspection");
    ANSWERS(send_graphql(&quiet, "{\"query\":\"query { x: __type(name: \\\"Author\\\") { ...T } } "
                                 "fragment T on __Type { name }\"}"),
            400, "introspection");
    ANSWERS(send_request(&quiet, "GET", "/graphql?query=%7B__schema%7BqueryType%7Bname%7D%7D%7D",
                         "Accept: application/graphql-response+json\r\n", ""),
            400, "introspection");
    static const char *const hidden[] = {"/graphql?sdl", "/graphql?sdl=api", "/schema",
                                         "/schema/tables"};
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        ANSWERS(send_request(&quiet, "GET", hidden[i], "", ""), 403, "does not show its schema");
    }
    ANSWERS(send_graphql(&quiet, "{\"query\":\"{ __typename }\"}"), 200, "Query");
    struct answer near = send_graphql(&quiet, "{\"query\":\"{ authrs { totalCount } }\"}");
    cr_expect(strstr(near.body, "Did you mean") == NULL, "%s", near.body);
    ANSWERS(near, 400, "Cannot query field");
    struct answer input =
        send_graphql(&quiet, "{\"query\":\"mutation($i: AuthorInput!) { createAuthor(input: $i) "
                             "{ id } }\",\"variables\":{\"i\":{\"nme\":\"x\"}}}");
    cr_expect(strstr(input.body, "Did you mean") == NULL, "%s", input.body);
    ANSWERS(input, 400, "errors");
    test_server_stop(&quiet);
}

Test(graphql_options, limits__are_the_servers, .timeout = 60)
{
    struct test_server strict;
    test_server_start(&strict,
                      (const char *const[]){"--aliases", "2", "--root-fields", "3", "--tokens",
                                            "60", "--depth", "4", "--directives", "1",
                                            "--variables", "1", "--response-bytes", "200", NULL});
    ANSWERS(send_graphql(&strict, "{\"query\":\"{a:__typename b:__typename}\"}"), 200, "data");
    ANSWERS(send_graphql(&strict, "{\"query\":\"{a:__typename b:__typename c:__typename}\"}"), 400,
            "more aliases than the limit of 2");
    ANSWERS(send_graphql(&strict, "{\"query\":\"{__typename __typename __typename __typename}\"}"),
            400, "more root fields than the limit of 3");
    ANSWERS(send_graphql(&strict, "{\"query\":\"query($a:ID $b:ID){author(id:$a){id} "
                                  "book(id:$b){id}}\"}"),
            400, "LIMIT");
    ANSWERS(send_graphql(&strict, "{\"query\":\"{__typename @skip(if:false) @include(if:true)}\"}"),
            400, "more directives");
    ANSWERS(send_graphql(&strict, "{\"query\":\"{authors{items{books{items{title}}}}}\"}"), 400,
            "errors");
    ANSWERS(send_graphql(&strict, "{\"query\":\"{__schema{types{name}}}\"}"), 200,
            "\"code\":\"LIMIT\"");
    test_server_stop(&strict);
}

Test(graphql_options, memory__of_a_request_is_bounded, .timeout = 60)
{
    struct test_server small;
    static char body[65536];
    test_server_start(&small, (const char *const[]){"--memory-bytes", "65536", NULL});
    size_t at = (size_t)snprintf(body, sizeof body,
                                 "{\"query\":\"query($i:[ID!]){authors(where:{id:"
                                 "{in:$i}}){totalCount}}\",\"variables\":{\"i\":[");
    for (int i = 0; i < 4000; i++) {
        at += (size_t)snprintf(body + at, sizeof body - at, "%s\"%d\"", i > 0 ? "," : "", i);
    }
    snprintf(body + at, sizeof body - at, "]}}");
    ANSWERS(send_graphql(&small, body), 400, "\"code\":\"LIMIT\"");
    ANSWERS(send_graphql(&small, "{\"query\":\"{authors{totalCount}}\"}"), 200, "1");
    test_server_stop(&small);
}

Test(graphql_http, errors__are_few_and_short_however_many_there_are)
{
    size_t room = 200000;
    char *body = malloc(room);
    cr_assert_not_null(body);
    size_t at = (size_t)snprintf(body, room, "{\"query\":\"{");
    for (int i = 0; i < 7000; i++) {
        at += (size_t)snprintf(body + at, room - at, " unknown%d", i);
    }
    snprintf(body + at, room - at, "}\"}");
    struct answer answer = send_graphql(&server, body);
    size_t count = 0;
    for (const char *error = answer.body; (error = strstr(error, "{\"message\":")) != NULL;
         error++) {
        count++;
    }
    cr_expect_eq(answer.status, 400);
    cr_expect_leq(count, 101, "%zu errors", count);
    cr_expect_lt(strlen(answer.body), 30000);
    answer_free(&answer);
    memset(body, 'x', room - 1);
    memcpy(body, "{\"query\":\"{ ", 12);
    memcpy(body + room - 5, " }\"}", 5);
    answer = send_graphql(&server, body);
    cr_expect_eq(answer.status, 400);
    cr_expect_lt(strlen(answer.body), 2000, "%zu bytes", strlen(answer.body));
    answer_free(&answer);
    free(body);
}
