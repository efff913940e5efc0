/*
 * Threads run prepared documents and many cached texts, also as many callers, tell
 * an advisor and are interrupted, while another changes the schema and lets the
 * advisor build and drop indexes. A plain program, so that it can run under ThreadSanitizer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "quire/quire.h"

enum { RUNNERS = 4, ROUNDS = 150, ROWS = 200, CHANGES = 6, TEXTS = 20 };

static struct shared {
    quire_db *db;
    quire_prepared *prepared, *ruled;
    quire_advisor *advisor;
    quire_interrupt *interrupt;
} shared;

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "failed: %s\n", what);
        abort();
    }
}

static void must_succeed(quire_status status, const quire_error *err)
{
    must(status == QUIRE_OK, err->message);
}

static void ask(quire_graphql_request *request, const char *expected)
{
    quire_error err = QUIRE_ERROR_INIT;
    char *response;
    size_t size;
    must_succeed(quire_graphql(shared.db, request, &response, &size, NULL, &err), &err);
    must(strstr(response, expected) != NULL || strstr(response, "INTERRUPTED") != NULL, response);
    quire_free(response);
}

static void run_requests(void *context)
{
    (void)context;
    for (int i = 0; i < ROUNDS; i++) {
        quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
        quire_variable n = {.name = "n", .value = quire_int(i % ROWS)};
        char expected[64];
        char document[96];
        request.prepared = shared.prepared;
        request.bound = &n;
        request.bound_count = 1;
        request.advisor = shared.advisor;
        request.interrupt = i % 3 == 0 ? shared.interrupt : NULL;
        snprintf(expected, sizeof expected, "[{\"n\":%d}]", i % ROWS);
        ask(&request, expected);
        request = (quire_graphql_request)QUIRE_GRAPHQL_REQUEST_INIT;
        snprintf(document, sizeof document, "{ as(where: {n: {lt: %d}}) { totalCount } }",
                 i % TEXTS);
        request.document = document;
        snprintf(expected, sizeof expected, "{\"totalCount\":%d}", i % TEXTS);
        ask(&request, expected);
        request = (quire_graphql_request)QUIRE_GRAPHQL_REQUEST_INIT;
        snprintf(document, sizeof document, "{\"n\":%d}", i % ROWS);
        request.prepared = shared.ruled;
        request.claims = document;
        snprintf(expected, sizeof expected, "{\"totalCount\":%d}", i % ROWS);
        ask(&request, expected);
    }
}

static void apply(int version)
{
    char sdl[256];
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    size_t used = (size_t)snprintf(sdl, sizeof sdl,
                                   "type B @auth(rules: [{where: {n: {lt: {claim: \"n\"}}}}])"
                                   " { id: ID! n: Int! } type A { id: ID! n: Int!");
    for (int i = 0; i < version; i++) {
        used += (size_t)snprintf(sdl + used, sizeof sdl - used, " f%d: Int", i);
    }
    used += (size_t)snprintf(sdl + used, sizeof sdl - used, " }");
    must_succeed(quire_begin(shared.db, QUIRE_WRITE, &txn, &err), &err);
    must_succeed(quire_schema_apply(txn, sdl, used, &err), &err);
    must_succeed(quire_commit(txn, &err), &err);
}

static void fill(const char *name)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_table *table;
    quire_txn *txn;
    must_succeed(quire_begin(shared.db, QUIRE_WRITE, &txn, &err), &err);
    must_succeed(quire_table_open(txn, name, &table, &err), &err);
    for (int i = 0; i < ROWS; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        quire_value values[2] = {quire_text(id), quire_int(i)};
        must_succeed(quire_table_insert(table, NULL, values, 2, &err), &err);
    }
    quire_table_close(table);
    must_succeed(quire_commit(txn, &err), &err);
}

int main(void)
{
    struct qr_thread threads[RUNNERS];
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_advisor_options options = {
        .size = sizeof options, .rows_min = 1, .scans_min = 3, .idle_rounds = 1};

    must_succeed(quire_open(":memory:", NULL, &shared.db, &err), &err);
    apply(0);
    fill("A");
    fill("B");
    request.document = "query ($n: Int!) { as(where: {n: {equals: $n}}) { items { n } } }";
    must_succeed(quire_prepare(shared.db, &request, &shared.prepared, &err), &err);
    request.document = "{ bs { totalCount } }";
    must_succeed(quire_prepare(shared.db, &request, &shared.ruled, &err), &err);
    must_succeed(quire_advisor_create(shared.db, &options, &shared.advisor, &err), &err);
    must_succeed(quire_interrupt_create(shared.db, &shared.interrupt, &err), &err);
    for (int i = 0; i < RUNNERS; i++) {
        must_succeed(qr_thread_start(&threads[i], run_requests, NULL, &err), &err);
    }
    for (int i = 1; i <= CHANGES; i++) {
        apply(i);
        quire_interrupt_raise(shared.interrupt);
        must_succeed(quire_advisor_work(shared.advisor, &err), &err);
        quire_interrupt_clear(shared.interrupt);
    }
    for (int i = 0; i < RUNNERS; i++) {
        qr_thread_join(&threads[i]);
    }
    quire_interrupt_free(shared.interrupt);
    quire_advisor_free(shared.advisor);
    quire_prepared_free(shared.prepared);
    quire_prepared_free(shared.ruled);
    must_succeed(quire_close(shared.db, &err), &err);
    return 0;
}
