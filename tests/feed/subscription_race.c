/*
 * Writers that run mutations while subscriptions follow them in threads of
 * their own: changes pulled, changes by callback, live queries that are resumed
 * now and then. Plain, so that it can run under ThreadSanitizer. Exits with 0 when
 * every subscription has come to what the query says at the end.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "quire/quire.h"

#define WRITERS  4
#define COUNTERS 5
#define ROUNDS   60

static const char schema[] = "type Counter { id: ID! value: Int! }";
static _Atomic uint32_t writing = WRITERS;

static void must(quire_status status, const quire_error *err, const char *what)
{
    if (status != QUIRE_OK) {
        (void)fprintf(stderr, "%s: %s: %s\n", what, quire_status_name(status), err->message);
        exit(1);
    }
}

static void require(bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

static char *ask(quire_db *db, const char *document)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;
    request.document = document;
    must(quire_graphql(db, &request, &response, &size, NULL, &err), &err, "request");
    require(strstr(response, "\"errors\"") == NULL, response);
    return response;
}

static void write_counters(void *context)
{
    quire_db *db = context;
    char document[200];
    for (int i = 0; i < ROUNDS; i++) {
        (void)snprintf(
            document, sizeof document,
            "mutation { a: updateCounter(id: \"c%d\", apply: {value: {increment: 1}}) { "
            "id } b: updateCounter(id: \"c%d\", apply: {value: {increment: 2}}) { id } }",
            i % COUNTERS, (i / COUNTERS) % COUNTERS);
        quire_free(ask(db, document));
    }
    (void)atomic_fetch_sub(&writing, 1);
}

static quire_subscription *subscribe(quire_db *db, const char *document,
                                     const quire_subscribe_options *options)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_subscription *subscription;
    char *response;
    size_t size;
    request.document = document;
    must(quire_subscribe(db, &request, options, &subscription, &response, &size, &err), &err,
         "subscribe");
    require(subscription != NULL, response);
    return subscription;
}

/* ---- changes ---- */

struct follower {
    quire_subscription *subscription;
    long values[COUNTERS];
    _Atomic long total;
    _Atomic bool ended;
};

static long number_behind(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    require(at != NULL, text);
    return strtol(at + strlen(name), NULL, 10);
}

static const char changes[] = "subscription { counterChanged { node { id value } previous { value "
                              "was: value } } }";

static void apply(struct follower *follower, const char *response)
{
    long counter = number_behind(response, "\"id\":\"c");
    long value = number_behind(response, "\"value\":");
    long was = number_behind(response, "\"was\":");
    require(follower->values[counter] == was, "a change was missed or told twice");
    follower->values[counter] = value;
    (void)atomic_fetch_add(&follower->total, value - was);
}

static void follow(void *context)
{
    struct follower *follower = context;
    for (;;) {
        quire_error err = QUIRE_ERROR_INIT;
        const quire_subscription_event *event;
        quire_status status =
            quire_subscription_next(follower->subscription, QUIRE_FEED_FOREVER, &event, &err);
        if (status == QUIRE_INTERRUPTED) {
            atomic_store(&follower->ended, true);
            return;
        }
        must(status, &err, "next");
        require(event != NULL, "an endless wait without an event");
        apply(follower, event->response);
    }
}

static void hear(void *context, const quire_subscription_event *event, quire_status status,
                 const quire_error *error)
{
    struct follower *follower = context;
    if (event == NULL) {
        require(status == QUIRE_INTERRUPTED && error != NULL, "the end of the callback");
        atomic_store(&follower->ended, true);
        return;
    }
    apply(follower, event->response);
}

/* ---- live queries ---- */

static const char live[] = "subscription { counters { items { id value } } }";

/* Takes what is there, and goes on in a new subscription. */
static void watch(quire_db *db, quire_subscription_position *position, char **last)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_subscribe_options options = QUIRE_SUBSCRIBE_OPTIONS_INIT;
    const quire_subscription_event *event;
    options.from = position;
    quire_subscription *subscription = subscribe(db, live, &options);
    for (int i = 0; i < 4; i++) {
        must(quire_subscription_next(subscription, i == 0 ? 1 : 0, &event, &err), &err, "next");
        if (event != NULL) {
            free(*last);
            *last = malloc(event->response_size + 1);
            require(*last != NULL, "no memory");
            memcpy(*last, event->response, event->response_size + 1);
            *position = event->position;
        }
    }
    quire_subscription_close(subscription);
}

/* ---- all of it ---- */

static void prepare(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    char document[100];
    must(quire_begin(db, QUIRE_WRITE, &txn, &err), &err, "begin");
    must(quire_schema_apply(txn, schema, 0, &err), &err, "schema");
    must(quire_commit(txn, &err), &err, "commit");
    for (int i = 0; i < COUNTERS; i++) {
        (void)snprintf(document, sizeof document,
                       "mutation { createCounter(input: {id: \"c%d\", value: 0}) { id } }", i);
        quire_free(ask(db, document));
    }
}

static void race(quire_db *db)
{
    static struct follower pulled, heard;
    quire_error err = QUIRE_ERROR_INIT;
    quire_subscribe_options options = QUIRE_SUBSCRIBE_OPTIONS_INIT;
    quire_subscription_position position = {0, 0, 0};
    struct qr_thread threads[WRITERS + 1];
    char *last = NULL;
    pulled.subscription = subscribe(db, changes, NULL);
    options.each = hear;
    options.context = &heard;
    heard.subscription = subscribe(db, changes, &options);
    must(qr_thread_start(&threads[WRITERS], follow, &pulled, &err), &err, "thread");
    for (int i = 0; i < WRITERS; i++) {
        must(qr_thread_start(&threads[i], write_counters, db, &err), &err, "thread");
    }
    while (atomic_load(&writing) > 0) {
        watch(db, &position, &last);
    }
    for (int i = 0; i < WRITERS; i++) {
        qr_thread_join(&threads[i]);
    }
    const long total = 3L * WRITERS * ROUNDS;
    while (atomic_load(&pulled.total) < total || atomic_load(&heard.total) < total) {
        qr_yield();
    }
    quire_subscription_stop(pulled.subscription);
    qr_thread_join(&threads[WRITERS]);
    quire_subscription_close(pulled.subscription);
    quire_subscription_close(heard.subscription);
    require(atomic_load(&pulled.ended) && atomic_load(&heard.ended), "an end was not told");
    require(memcmp(pulled.values, heard.values, sizeof pulled.values) == 0, "two different models");
    watch(db, &position, &last);
    char *now = ask(db, live + strlen("subscription "));
    require(last != NULL && strcmp(now, last) == 0, "the live query is behind");
    quire_free(now);
    free(last);
}

int main(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    options.cache_bytes = UINT64_C(16) << 20;
    must(quire_open(":memory:", &options, &db, &err), &err, "open");
    prepare(db);
    race(db);
    must(quire_close(db, &err), &err, "close");
    return 0;
}
