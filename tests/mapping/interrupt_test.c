#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "mapping_fixture.h"

#define CROWD 3000

/* What a request is watched with, and what it saw. */
struct watcher {
    quire_interrupt *raise; /* raised at the first call; or NULL */
    uint64_t stop_at;       /* rows; UINT64_MAX: never */
    unsigned sleep_ms;      /* at each call */
    unsigned calls;
    uint64_t rows_seen;
};

static bool watch(void *context, uint64_t rows_read)
{
    struct watcher *watcher = context;
    watcher->calls++;
    cr_assert_geq(rows_read, watcher->rows_seen);
    watcher->rows_seen = rows_read;
    if (watcher->raise != NULL) {
        quire_interrupt_raise(watcher->raise);
    }
    if (watcher->sleep_ms > 0) {
        struct timespec pause = {0, (long)watcher->sleep_ms * 1000000};
        nanosleep(&pause, NULL);
    }
    return rows_read < watcher->stop_at;
}

static char *run(quire_db *db, const char *document, quire_interrupt *interrupt,
                 struct watcher *watcher, uint32_t time_ms_max)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;

    request.document = document;
    request.interrupt = interrupt;
    request.progress = watcher != NULL ? watch : NULL;
    request.progress_context = watcher;
    request.limits.time_ms_max = time_ms_max;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK, "%s",
                 err.message);
    return response;
}

static void expect_code(char *response, const char *code)
{
    cr_expect_not_null(strstr(response, code), "%.300s", response);
    quire_free(response);
}

static quire_interrupt *new_interrupt(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_interrupt *interrupt;
    cr_assert_eq(quire_interrupt_create(db, &interrupt, &err), QUIRE_OK);
    return interrupt;
}

Test(interrupt, raised__stops_requests_until_it_is_cleared)
{
    quire_db *db = mapping_open(mapping_schema, NULL);
    quire_interrupt *interrupt = new_interrupt(db);

    quire_interrupt_raise(interrupt);
    expect_code(run(db, "{ books { totalCount } }", interrupt, NULL, 0),
                "\"extensions\":{\"code\":\"INTERRUPTED\"}");
    expect_code(
        run(db, "mutation { createGenre(input: {name: \"x\"}) { name } }", interrupt, NULL, 0),
        "INTERRUPTED");
    MAPPING_IS(db, "{ genres { totalCount } }", "{\"data\":{\"genres\":{\"totalCount\":0}}}");
    quire_interrupt_clear(interrupt);
    expect_code(run(db, "{ genres { totalCount } }", interrupt, NULL, 0),
                "{\"data\":{\"genres\":{\"totalCount\":0}}}");
    quire_interrupt_free(interrupt);
    quire_interrupt_free(NULL);
    cr_expect_eq(quire_interrupt_create(NULL, &interrupt, NULL), QUIRE_MISUSE);
    mapping_close(db);
}

Test(interrupt, raised_on_the_way__ends_the_request_before_it_reads_on)
{
    quire_db *db = mapping_open(mapping_schema, NULL);
    quire_interrupt *interrupt = new_interrupt(db);
    struct watcher watcher = {.raise = interrupt, .stop_at = UINT64_MAX};

    mapping_load_crowd(db, CROWD);
    char *response = run(db, "{ authors { items { id name } } }", interrupt, &watcher, 0);
    cr_expect_not_null(
        strstr(response, "{\"errors\":[{\"message\":\"The request was interrupted.\""), "%s",
        response);
    cr_expect_eq(watcher.rows_seen, 0);
    quire_free(response);
    quire_interrupt_free(interrupt);
    mapping_close(db);
}

/* Whatever a request does with many rows looks up every few hundred of them. */
Test(interrupt, progress__is_told_of_rows_and_stops_whatever_is_running)
{
    static const char *const documents[] = {
        "{ authors { items { id name } } }",
        "{ authors(where: {name: {contains: \"zz\"}}) { items { id } } }",
        "{ authors(orderBy: {rating: DESC}, take: 3) { items { id } } }",
        "{ authors(orderBy: {name: ASC}) { items { id } } }",
        "{ books(where: {year: {in: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}}) { items { id } } }",
        "{ books(where: {author: {is: {name: {endsWith: \"zz\"}}}}) { totalCount } }",
        "{ authors(where: {books: {some: {title: {endsWith: \"zz\"}}}}) { totalCount } }",
        "{ genres { items { books { items { id } } } } }",
        "{ genre(name: \"g0\") { books(where: {title: {contains: \"zz\"}}) { totalCount } } }",
        "{ authors { items { books(take: 1) { edges { cursor node { id } } } } } }",
        "{ authors { items(where: {name: {contains: \"zz\"}}) { id } } }",
        "{ books { items { author { id } } } }",
    };
    quire_db *db = mapping_open(mapping_schema, NULL);

    mapping_load_crowd(db, CROWD);
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        struct watcher all = {.stop_at = UINT64_MAX};
        struct watcher some = {.stop_at = 257};
        char *response = run(db, documents[i], NULL, &all, 0);
        cr_assert_null(strstr(response, "\"errors\""), "%s: %.200s", documents[i], response);
        cr_expect_geq(all.calls, all.rows_seen / 512 + 2, "%s: %u calls for %llu rows",
                      documents[i], all.calls, (unsigned long long)all.rows_seen);
        quire_free(response);
        response = run(db, documents[i], NULL, &some, 0);
        cr_expect_not_null(strstr(response, "\"path\":["), "%s: %.200s", documents[i], response);
        cr_expect_not_null(strstr(response, "\"data\":null"), "%s: %.200s", documents[i], response);
        cr_expect_not_null(strstr(response, "\"INTERRUPTED\""), "%s", documents[i]);
        cr_expect_leq(some.rows_seen, 1100, "%s: %llu rows", documents[i],
                      (unsigned long long)some.rows_seen);
        quire_free(response);
    }
    mapping_close(db);
}

Test(interrupt, stopped_mutation__commits_nothing)
{
    static const char head[] = "mutation {";
    static char document[sizeof head + 400 * 80];
    quire_db *db = mapping_open(mapping_schema, NULL);
    struct watcher watcher = {.stop_at = 200};
    size_t used = sizeof head - 1;

    memcpy(document, head, sizeof head);
    for (int i = 0; i < 400; i++) {
        used += (size_t)snprintf(document + used, sizeof document - used,
                                 " m%d: createGenre(input: {name: \"g%d\"}) { name }", i, i);
    }
    snprintf(document + used, sizeof document - used, "}");
    expect_code(run(db, document, NULL, &watcher, 0), "\"data\":null");
    cr_expect_geq(watcher.rows_seen, 200);
    MAPPING_IS(db, "{ genres { totalCount } }", "{\"data\":{\"genres\":{\"totalCount\":0}}}");
    watcher = (struct watcher){.stop_at = UINT64_MAX};
    quire_free(run(db, document, NULL, &watcher, 0));
    MAPPING_IS(db, "{ genres { totalCount } }", "{\"data\":{\"genres\":{\"totalCount\":400}}}");
    mapping_close(db);
}

Test(interrupt, deadline__ends_a_request_with_timeout)
{
    quire_db *db = mapping_open(mapping_schema, NULL);
    struct watcher slow = {.stop_at = UINT64_MAX, .sleep_ms = 5};

    mapping_load_crowd(db, CROWD);
    expect_code(run(db, "{ authors { items { id } } }", NULL, &slow, 1), "\"TIMEOUT\"");
    expect_code(run(db, "mutation { createGenre(input: {name: \"x\"}) { name } }", NULL, &slow, 1),
                "The request took longer than its limit of 1 ms.");
    expect_code(run(db, "{ genre(name: \"x\") { name } }", NULL, NULL, 3600000),
                "{\"data\":{\"genre\":null}}");
    mapping_close(db);
}

struct waiting {
    quire_db *db;
    quire_interrupt *interrupt;
    atomic_bool begun;
    char *response;
};

static bool note_begun(void *context, uint64_t rows_read)
{
    (void)rows_read;
    atomic_store((atomic_bool *)context, true);
    return true;
}

static void *wait_for_writer(void *context)
{
    struct waiting *waiting = context;
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    size_t size;

    request.document = "mutation { createGenre(input: {name: \"x\"}) { name } }";
    request.interrupt = waiting->interrupt;
    request.progress = note_begun;
    request.progress_context = &waiting->begun;
    if (quire_graphql(waiting->db, &request, &waiting->response, &size, NULL, &err) != QUIRE_OK) {
        waiting->response = NULL;
    }
    return NULL;
}

Test(interrupt, raised_by_another_thread__ends_the_wait_for_the_writer_lock)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open(mapping_schema, NULL);
    struct waiting waiting = {.db = db, .interrupt = new_interrupt(db)};
    pthread_t thread;
    quire_txn *txn;

    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &txn, &err), QUIRE_OK);
    cr_assert_eq(pthread_create(&thread, NULL, wait_for_writer, &waiting), 0);
    while (!atomic_load(&waiting.begun)) {
        struct timespec pause = {0, 1000000};
        nanosleep(&pause, NULL);
    }
    quire_interrupt_raise(waiting.interrupt);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_not_null(waiting.response);
    expect_code(waiting.response, "INTERRUPTED");
    /* A deadline ends the wait as well, and says so. */
    expect_code(run(db, "mutation { deleteGenre(name: \"x\") { name } }", NULL, NULL, 2),
                "TIMEOUT");
    quire_rollback(txn);
    quire_interrupt_free(waiting.interrupt);
    mapping_close(db);
}
