/*
 * A subscriber whose gate is the test's: it lets others in at any moment.
 */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "tools/server/subscriber.h"

/* One subscriber, and what has become of it. */
static struct {
    struct subscriber subscriber; /* first */
    pthread_t other;
    atomic_bool told, gone, entered;
    bool early; /* gone before its own worker had left the gate's call */
} watched;

static void rest(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    nanosleep(&pause, NULL);
}

static void on_told(struct subscriber *subscriber, const quire_subscription_event *event,
                    const quire_error *end)
{
    (void)subscriber;
    cr_expect(event != NULL || end->status == QUIRE_INTERRUPTED);
    atomic_store(&watched.told, true);
}

static void on_gone(struct subscriber *subscriber)
{
    (void)subscriber;
    watched.early = !atomic_load(&watched.entered);
    atomic_store(&watched.gone, true);
}

/* ---- The gate ---- */

/* What others do while the pass is in the queue: one lets it in, another closes. */
static void *let_in_and_close(void *context)
{
    struct gate_pass *pass = context;
    pass->waits = false;
    pass->inside = true;
    pass->go(pass);
    while (!atomic_load(&watched.told)) {
        rest();
    }
    subscriber_close(&watched.subscriber);
    return NULL;
}

bool gate_enter(struct gate *gate, struct gate_pass *pass)
{
    (void)gate;
    pass->waits = true;
    cr_assert_eq(pthread_create(&watched.other, NULL, let_in_and_close, pass), 0);
    /* Long enough for all of that, where nothing holds it up. */
    for (int i = 0; i < 300 && !atomic_load(&watched.gone); i++) {
        rest();
    }
    atomic_store(&watched.entered, true);
    return false;
}

bool gate_recall(struct gate *gate, struct gate_pass *pass)
{
    (void)gate;
    (void)pass;
    return false;
}

void gate_leave(struct gate *gate, struct gate_pass *pass, size_t size)
{
    (void)gate;
    (void)size;
    pass->inside = false;
}

/* ---- Tests ---- */

static quire_db *open_db(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db;
    quire_txn *txn;
    cr_assert_eq(quire_open(":memory:", NULL, &db, &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &txn, &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq(quire_schema_apply(txn, "type Author { id: ID! }", 0, &err), QUIRE_OK);
    cr_assert_eq(quire_commit(txn, &err), QUIRE_OK, "%s", err.message);
    return db;
}

Test(subscriber, end_while_its_pass_is_queued__waits_for_who_queued_it, .timeout = 60)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    struct gate gate = {.all = NULL};
    struct workers *workers = workers_start(2, SIZE_MAX);
    quire_db *db = open_db();
    char *response;
    size_t size;
    cr_assert_not_null(workers);
    request.document = "subscription { authors { totalCount } }";
    watched.subscriber.gate = &gate;
    watched.subscriber.told = on_told;
    watched.subscriber.gone = on_gone;
    cr_assert_eq(
        subscriber_open(&watched.subscriber, workers, db, &request, NULL, &response, &size, &err),
        QUIRE_OK, "%s", err.message);
    cr_assert_null(response);
    subscriber_want(&watched.subscriber);
    while (!atomic_load(&watched.gone)) {
        rest();
    }
    cr_expect(!watched.early);
    cr_expect_eq(pthread_join(watched.other, NULL), 0);
    workers_stop(workers);
    workers_free(workers);
    cr_expect_eq(quire_close(db, &err), QUIRE_OK, "%s", err.message);
}
