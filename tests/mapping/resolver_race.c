/*
 * Threads run queries and mutations with resolved fields while another
 * registers their functions anew. A plain program, so that it can run under
 * ThreadSanitizer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "quire/quire.h"

enum { RUNNERS = 3, ROUNDS = 120, CHANGES = 60 };

static quire_db *db;

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

/* How many rows the request sees, whatever others commit meanwhile. */
static quire_status count_rows(void *context, quire_resolver_call *call, quire_error *err)
{
    quire_table *table;
    quire_cursor *cursor;
    int64_t count = *(const int64_t *)context;
    bool valid;
    quire_status status = quire_table_open(call->txn, "A", &table, err);
    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_table_cursor(table, &cursor, err);
    if (status == QUIRE_OK) {
        status = quire_cursor_first(cursor, &valid, err);
        while (status == QUIRE_OK && valid) {
            count++;
            status = quire_cursor_next(cursor, &valid, err);
        }
        quire_cursor_close(cursor);
    }
    quire_table_close(table);
    for (size_t i = 0; status == QUIRE_OK && i < call->count; i++) {
        quire_value value = quire_int(count);
        status = quire_resolver_give(call, i, &value, err);
    }
    return status;
}

/* Creates a row, in the mutation's transaction. */
static quire_status add_row(void *context, quire_resolver_call *call, quire_error *err)
{
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_value value = quire_bool(true);
    char *response;
    size_t size;
    (void)context;
    request.document = "mutation { createA(input: {}) { n } }";
    quire_status status = quire_graphql_in(call->txn, &request, &response, &size, NULL, err);
    if (status != QUIRE_OK) {
        return status;
    }
    quire_free(response);
    return quire_resolver_give(call, 0, &value, err);
}

static char *ask(const char *document)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;
    request.document = document;
    must_succeed(quire_graphql(db, &request, &response, &size, NULL, &err), &err);
    return response;
}

static void run_requests(void *context)
{
    (void)context;
    for (int i = 0; i < ROUNDS; i++) {
        char *response = ask(i % 10 == 9 ? "mutation { add }"
                                         : "{ as { totalCount } rows a: as(first: 1) { items { "
                                           "rows } } }");
        long long counts[3] = {0, 0, 0};
        if (i % 10 == 9) {
            must(strcmp(response, "{\"data\":{\"add\":true}}") == 0, response);
        } else if (strstr(response, "no resolver") == NULL) {
            char *at = response;
            for (int c = 0; c < 3; c++) {
                at = strpbrk(at, "0123456789");
                must(at != NULL, response);
                counts[c] = strtoll(at, &at, 10);
            }
            must(counts[1] % 1000 == counts[0] && counts[2] % 1000 == counts[0], response);
        }
        quire_free(response);
    }
}

int main(void)
{
    static const char sdl[] = "type A { n: Int! @default(expr: \"autoincrement()\") rows: Int "
                              "@resolver } type Query { as: [A] rows: Int @resolver } "
                              "type Mutation { add: Boolean! @resolver }";
    static const int64_t starts[] = {0, 1000, 2000};
    struct qr_thread threads[RUNNERS];
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;

    must_succeed(quire_open(":memory:", NULL, &db, &err), &err);
    must_succeed(quire_begin(db, QUIRE_WRITE, &txn, &err), &err);
    must_succeed(quire_schema_apply(txn, sdl, sizeof sdl - 1, &err), &err);
    must_succeed(quire_commit(txn, &err), &err);
    must_succeed(quire_resolver_function(db, "Mutation.add", add_row, NULL, &err), &err);
    quire_free(ask("mutation { add }"));
    for (int i = 0; i < RUNNERS; i++) {
        must_succeed(qr_thread_start(&threads[i], run_requests, NULL, &err), &err);
    }
    for (int i = 0; i < CHANGES; i++) {
        void *context = (void *)(uintptr_t)&starts[i % 3]; /* only read */
        quire_resolver_callback callback = i % 5 == 4 ? NULL : count_rows;
        must_succeed(quire_resolver_function(db, "Query.rows", callback, context, &err), &err);
        must_succeed(quire_resolver_function(db, "A.rows", count_rows, context, &err), &err);
        quire_free(ask("{ rows }"));
    }
    for (int i = 0; i < RUNNERS; i++) {
        qr_thread_join(&threads[i]);
    }
    must_succeed(quire_close(db, &err), &err);
    return 0;
}
