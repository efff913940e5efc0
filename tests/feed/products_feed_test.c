/*
 * What users of other GraphQL databases complain of, where it is about
 * subscriptions: "Memory grows, polling subscriptions burn CPU, streams live on
 * after the client left." Each is a test that it is not so here.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "subscription_fixture.h"
#include "support/failing_allocator.h"

#define SUBSCRIPTIONS 200

struct world {
    struct failing_allocator memory;
    quire_db *db;
    quire_subscription *subscriptions[SUBSCRIPTIONS];
    _Atomic unsigned wakes;
};

static void count_wake(void *context)
{
    struct world *world = context;
    atomic_fetch_add(&world->wakes, 1);
}

static void open_world(struct world *world, uint64_t window_bytes)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    failing_allocator_init(&world->memory);
    options.allocator = &world->memory.allocator;
    options.feed_window_bytes = window_bytes;
    options.cache_bytes = 1U << 20;
    atomic_init(&world->wakes, 0);
    OK(quire_open(":memory:", &options, &world->db, &err));
    OK(mapping_apply(world->db, subscription_schema, &err));
    run(world->db, "mutation { createAuthor(input: {id: \"a\", name: \"A\"}) { id } }");
}

static void subscribe_all(struct world *world, const char *document)
{
    quire_error err = QUIRE_ERROR_INIT;
    for (int i = 0; i < SUBSCRIPTIONS; i++) {
        quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
        quire_subscribe_options options = QUIRE_SUBSCRIBE_OPTIONS_INIT;
        char *response;
        size_t size;
        request.document = document;
        options.wake = count_wake;
        options.context = world;
        OK(quire_subscribe(world->db, &request, &options, &world->subscriptions[i], &response,
                           &size, &err));
        cr_assert_null(response, "%s", response);
    }
}

/* Takes what there is, of all; gives how many events. */
static unsigned take_all(struct world *world)
{
    quire_error err = QUIRE_ERROR_INIT;
    unsigned taken = 0;
    for (int i = 0; i < SUBSCRIPTIONS; i++) {
        const quire_subscription_event *event;
        do {
            OK(quire_subscription_next(world->subscriptions[i], 0, &event, &err));
            taken += event != NULL;
        } while (event != NULL);
    }
    return taken;
}

static void close_all(struct world *world)
{
    for (int i = 0; i < SUBSCRIPTIONS; i++) {
        quire_subscription_close(world->subscriptions[i]);
    }
}

static uint64_t reads(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_stats stats = {.size = sizeof stats};
    OK(quire_get_stats(db, &stats, &err));
    return stats.commits + stats.page_reads;
}

/* Two hundred live queries do nothing while nobody commits, nothing for commits that are about
 * something else, and one thing each for one that is theirs. */
Test(products_feed, live_queries__work_for_commits_of_theirs_alone)
{
    static struct world world;
    open_world(&world, 0);
    subscribe_all(&world, "subscription { author(id: \"a\") { name } }");
    cr_expect_eq(take_all(&world), SUBSCRIPTIONS);
    atomic_store(&world.wakes, 0);
    uint64_t before = reads(world.db);
    for (int i = 0; i < 10; i++) {
        cr_expect_eq(take_all(&world), 0);
    }
    cr_expect_eq(reads(world.db), before);
    cr_expect_eq(atomic_load(&world.wakes), 0);
    run(world.db, "mutation { createOther(input: {id: \"o\"}) { id } }");
    cr_expect_eq(take_all(&world), 0);
    run(world.db, "mutation { updateAuthor(id: \"a\", input: {name: \"B\"}) { id } }");
    cr_expect_eq(take_all(&world), SUBSCRIPTIONS);
    cr_expect_eq(take_all(&world), 0);
    close_all(&world);
    mapping_close(world.db);
    cr_expect(failing_allocator_is_clean(&world.memory));
}

/* Clients that do not take keep no more than the window, whatever is committed. */
Test(products_feed, memory__is_bounded_whatever_clients_leave_waiting)
{
    static struct world world;
    quire_error err = QUIRE_ERROR_INIT;
    quire_stats stats = {.size = sizeof stats};
    open_world(&world, 64U << 10);
    subscribe_all(&world, "subscription { authorChanged { operation node { name } } }");
    int64_t most[2] = {0, 0};
    for (int half = 0; half < 2; half++) {
        for (int i = 0; i < 1000; i++) {
            char document[200];
            snprintf(document, sizeof document,
                     "mutation { updateAuthor(id: \"a\", input: {name: \"name %d\"}) { id } }",
                     1000 * half + i);
            run(world.db, document);
            int64_t now = atomic_load(&world.memory.live_bytes);
            most[half] = now > most[half] ? now : most[half];
        }
    }
    OK(quire_get_stats(world.db, &stats, &err));
    cr_expect_leq(stats.feed_bytes, 64U << 10);
    cr_expect_leq(most[1], most[0] + (256 << 10), "%lld, then %lld bytes", (long long)most[0],
                  (long long)most[1]);
    const quire_subscription_event *event;
    GIVES(RESUME_TOO_OLD, quire_subscription_next(world.subscriptions[0], 0, &event, &err));
    close_all(&world);
    mapping_close(world.db);
    cr_expect(failing_allocator_is_clean(&world.memory));
}

/* A client that leaves is gone at once: its memory, its snapshot, and its place in the feed. */
Test(products_feed, streams__end_with_their_client)
{
    static struct world world;
    quire_error err = QUIRE_ERROR_INIT;
    quire_stats stats = {.size = sizeof stats};
    open_world(&world, 0);
    subscribe_all(&world, "subscription { authors { items { name } } }");
    cr_expect_eq(take_all(&world), SUBSCRIPTIONS);
    close_all(&world); /* what is made once, such as the window, stays */
    int64_t before = atomic_load(&world.memory.live_bytes);
    for (int round = 0; round < 3; round++) {
        subscribe_all(&world, "subscription { authors { items { name } } }");
        cr_expect_eq(take_all(&world), SUBSCRIPTIONS);
        close_all(&world);
        OK(quire_get_stats(world.db, &stats, &err));
        cr_expect_eq(stats.feed_listeners, 0);
        cr_expect_eq(stats.readers_open, 0);
        cr_expect_eq(stats.feed_bytes, 0);
        cr_expect_eq(atomic_load(&world.memory.live_bytes), before);
    }
    unsigned wakes = atomic_load(&world.wakes);
    run(world.db, "mutation { updateAuthor(id: \"a\", input: {name: \"B\"}) { id } }");
    cr_expect_eq(atomic_load(&world.wakes), wakes);
    mapping_close(world.db);
    cr_expect(failing_allocator_is_clean(&world.memory));
}
