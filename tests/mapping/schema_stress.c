/*
 * Eight threads send requests while the schema changes under them: readers
 * check that they see whole mutations and whole schemas. A plain program, so
 * that it can run under ThreadSanitizer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "quire/quire.h"

enum { READERS = 5, WRITERS = 2, ROUNDS = 120, CHANGES = 25 };

static struct shared {
    quire_db *db;
    _Atomic int changing; /* schema changes still to come */
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

/* The response; freed with quire_free. */
static char *ask(const char *document)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;
    bool has_errors;

    request.document = document;
    request.explain = true;
    must_succeed(quire_graphql(shared.db, &request, &response, &size, &has_errors, &err), &err);
    must(!has_errors, response);
    return response;
}

/* Version v of the schema has the fields f1..fv, alternately indexed, and a type per five. */
static void apply(int version)
{
    static char sdl[8000];
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    size_t n = (size_t)snprintf(sdl, sizeof sdl, "type A { id: ID! n: Int! @index ");
    for (int i = 1; i <= version; i++) {
        n += (size_t)snprintf(sdl + n, sizeof sdl - n, "f%d: Int @default(value: %d) %s ", i, i,
                              (i + version) % 2 == 0 ? "@index" : "");
    }
    n += (size_t)snprintf(sdl + n, sizeof sdl - n, "} ");
    for (int i = 0; i <= version / 5; i++) {
        n += (size_t)snprintf(sdl + n, sizeof sdl - n, "type T%d { id: ID! a: A } ", i);
    }
    must_succeed(quire_begin(shared.db, QUIRE_WRITE, &txn, &err), &err);
    must_succeed(quire_schema_apply(txn, sdl, n, &err), &err);
    must_succeed(quire_commit(txn, &err), &err);
}

static void *change_schema(void *argument)
{
    (void)argument;
    for (int version = 1; version <= CHANGES; version++) {
        apply(version);
        shared.changing--;
    }
    return NULL;
}

/* Sets two rows to values whose sum is zero. */
static void *write_pairs(void *argument)
{
    int number = *(const int *)argument;
    for (int i = 1; i <= ROUNDS || shared.changing > 0; i++) {
        char document[300];
        snprintf(document, sizeof document,
                 "mutation { a: updateA(id: \"a\", input: {n: %d}) { id } "
                 "b: updateA(id: \"b\", input: {n: -%d}) { id n } }",
                 i * 10 + number, i * 10 + number);
        quire_free(ask(document));
    }
    return NULL;
}

static long number_after(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    must(at != NULL, text);
    return strtol(at + strlen(key), NULL, 10);
}

static void *read_pairs(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS || shared.changing > 0; i++) {
        char *response = ask("{ a: a(id: \"a\") { n } b: a(id: \"b\") { m: n } "
                             "as(where: {n: {gte: 0}}, orderBy: {n: ASC}) { totalCount } "
                             "__type(name: \"A\") { fields { name } } }");
        must(number_after(response, "\"n\":") + number_after(response, "\"m\":") == 0, response);
        must(number_after(response, "\"totalCount\":") >= 1, response);
        quire_free(response);
    }
    return NULL;
}

int main(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    pthread_t threads[READERS + WRITERS + 1];
    int numbers[WRITERS];
    int count = 0;

    options.lock_timeout_ms = 600000;
    must_succeed(quire_open(":memory:", &options, &shared.db, &err), &err);
    apply(0);
    quire_free(ask("mutation { a: createA(input: {id: \"a\", n: 0}) { id } "
                   "b: createA(input: {id: \"b\", n: 0}) { id } }"));
    shared.changing = CHANGES;
    for (int i = 0; i < WRITERS; i++) {
        numbers[i] = i;
        must(pthread_create(&threads[count++], NULL, write_pairs, &numbers[i]) == 0, "thread");
    }
    for (int i = 0; i < READERS; i++) {
        must(pthread_create(&threads[count++], NULL, read_pairs, NULL) == 0, "thread");
    }
    must(pthread_create(&threads[count++], NULL, change_schema, NULL) == 0, "thread");
    for (int i = 0; i < count; i++) {
        must(pthread_join(threads[i], NULL) == 0, "join");
    }
    char *response = ask("{ a(id: \"a\") { n f25 } t5s { totalCount } }");
    must(number_after(response, "\"f25\":") == 25, response);
    quire_free(response);
    must_succeed(quire_close(shared.db, &err), &err);
    return 0;
}
