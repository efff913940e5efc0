/*
 * GraphQL subscriptions: events of the change feed (feed.h) as GraphQL
 * responses. docs/graphql.md, "Subscriptions", says which root fields there are
 * and what they tell; there are two kinds.
 *
 *   changes       userChanged(where:, operations:): a response for each row that
 *                 a commit has changed, in the order of the commits, none missed
 *                 and none twice
 *   live queries  the fields of Query, or a query with @live: the response at once, and
 *                 again when a commit has made it another one
 */
#ifndef QUIRE_SUBSCRIPTION_H
#define QUIRE_SUBSCRIPTION_H

#include "quire/feed.h"
#include "quire/graphql.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A place between two events: for a client to keep, and to go on from. All zero: none. */
typedef struct quire_subscription_position {
    uint64_t epoch;
    uint64_t commit; /* all events of commits before this one are behind the place, */
    uint64_t seen;   /* and its rows up to the one with this mark, a secret; 0: all of them */
} quire_subscription_position;

/* One event. Borrowed until the next call for the subscription, or its close. */
typedef struct quire_subscription_event {
    const char *response; /* a GraphQL response, JSON, NUL-terminated */
    size_t response_size;
    bool has_errors;                      /* whether the response has "errors" */
    quire_subscription_position position; /* behind the event */
} quire_subscription_event;

/* A subscription that runs. One thread at a time, but for quire_subscription_stop. */
typedef struct quire_subscription quire_subscription;

/*
 * Called with each event, in a thread of the subscription's own. At its end
 * `event` is NULL and `status` says why: whatever quire_subscription_next fails with. It may
 * use the database and stop the subscription, but must not close it.
 */
typedef void (*quire_subscription_callback)(void *context, const quire_subscription_event *event,
                                            quire_status status, const quire_error *error);

/* Options of quire_subscribe; start from QUIRE_SUBSCRIBE_OPTIONS_INIT. */
typedef struct quire_subscribe_options {
    size_t size; /* sizeof(quire_subscribe_options) */
    /*
     * Copied; NULL: begin now. Changes go on behind it. A live query goes on
     * silent until a commit behind it touches what it reads; when such commits
     * are not kept any more it begins with its response, like a new one.
     */
    const quire_subscription_position *from;
    /* As in quire_feed_options: something may be there to be taken. Take until there is nothing. */
    void (*wake)(void *context);
    quire_subscription_callback each; /* as there: quire_subscription_next is MISUSE then */
    void *context;                    /* of both; borrowed until close */
} quire_subscribe_options;

#define QUIRE_SUBSCRIBE_OPTIONS_INIT                                                               \
    {                                                                                              \
        .size = sizeof(quire_subscribe_options)                                                    \
    }

/*
 * Starts a subscription. The request is copied with its texts, and its limits
 * hold for each event; a prepared document, bound variables, an interrupt, an
 * advisor and the progress callback's context are borrowed until close. Its
 * `errors` are those of `response`, and its `outcome` is not written.
 *   out       owned by the caller until quire_subscription_close; NULL when the
 *             request is wrong, or on failure
 *   response  a GraphQL response with the errors of a request that is wrong (not
 *             valid, not a subscription), released with quire_free; else NULL
 * Errors: those of quire_feed_open, RESUME_TOO_OLD among them; NO_MEMORY.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_subscribe(quire_db *db,
                                                        const quire_graphql_request *request,
                                                        const quire_subscribe_options *options,
                                                        quire_subscription **out, char **response,
                                                        size_t *response_size, quire_error *err);

/*
 * Gives the next event, waiting up to timeout_ms for it: 0 does not wait,
 * QUIRE_FEED_FOREVER has no limit. *event is NULL when there was none in that time.
 * A failure of one event, such as a limit of the request, is in its response,
 * and the subscription goes on.
 * Errors, which end the subscription: INTERRUPTED (stopped), RESUME_TOO_OLD
 * (changes: it fell behind the window, or behind a commit that changed the schema
 * and dropped a type or wrote a table anew), COMMIT_UNKNOWN, POISONED. NO_MEMORY, and
 * LIMIT when too many snapshots are open, do not: the event is still to come.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status
quire_subscription_next(quire_subscription *subscription, uint32_t timeout_ms,
                        const quire_subscription_event **event, quire_error *err);

/* Gives the memory of the event back before the next call; of what a live query told it keeps no
 * more than a hash of 128 bits. NULL is a no-op. */
QUIRE_API void quire_subscription_release(quire_subscription *subscription);

/*
 * Where it stands: behind the last event, or, before the first one, where it
 * began, and behind the commits that quire_subscription_next has passed since, which
 * had nothing to tell. A client that keeps it misses nothing, and does not
 * fall behind the window because there is nothing for it. All zero for a live
 * query that has not told its result.
 */
QUIRE_API quire_subscription_position
quire_subscription_where(const quire_subscription *subscription);

/* Of a live query: how many commits have touched tables that it reads, and none of the rows that it
 * depends on, so that it was not run again for them. */
QUIRE_API uint64_t quire_subscription_passed(const quire_subscription *subscription);

/* Ends it: a call that waits, and every later one, is INTERRUPTED. Any thread. */
QUIRE_API void quire_subscription_stop(quire_subscription *subscription);

/* Stops and frees it; waits for a callback that runs. NULL is a no-op. */
QUIRE_API void quire_subscription_close(quire_subscription *subscription);

#ifdef __cplusplus
}
#endif

#endif
