/*
 * Subscriptions that are broken off and resumed while rows are written: each row is
 * told once, in its order, wherever they were broken off; and no clock has a part in it.
 */
#include "subscription_fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "support/prng.h"

static const char document[] = "subscription { authorChanged(operations: [CREATE]) { node { id } } "
                               "}";

/* A commit of some rows, numbered on. */
static void write_rows(quire_db *db, unsigned *written, unsigned count)
{
    char text[1024];
    int size = snprintf(text, sizeof text, "mutation {");
    for (unsigned i = 0; i < count; i++) {
        size += snprintf(text + size, sizeof text - (size_t)size,
                         " a%u: createAuthor(input: {id: \"r%u\", name: \"n\"}) { id }", i,
                         (*written)++);
    }
    (void)snprintf(text + size, sizeof text - (size_t)size, " }");
    run(db, text);
}

static quire_subscription_position expect_row(quire_subscription *subscription, unsigned number)
{
    char text[128];
    (void)snprintf(text, sizeof text, "{\"data\":{\"authorChanged\":{\"node\":{\"id\":\"r%u\"}}}}",
                   number);
    return expect(subscription, text);
}

static bool same_place(quire_subscription_position a, quire_subscription_position b)
{
    return a.epoch == b.epoch && a.commit == b.commit && a.seen == b.seen;
}

Test(resume, changes__of_a_random_schedule_are_told_once_and_in_order)
{
    enum { STEPS = 3000 };
    struct prng prng;
    unsigned written = 0;
    unsigned told = 0;
    unsigned resumed = 0;
    quire_db *db = open_db(1 << 24);
    prng_init_printed(&prng, "resume");
    quire_subscription *s = subscribe(db, document);
    for (int i = 0; i < STEPS; i++) {
        if (prng_one_in(&prng, 2)) {
            write_rows(db, &written, 1 + (unsigned)prng_below(&prng, 5));
        }
        for (uint64_t n = prng_below(&prng, 6); n > 0 && told < written; n--) {
            quire_subscription_position place = expect_row(s, told++);
            cr_assert(same_place(place, quire_subscription_where(s)));
        }
        if (prng_one_in(&prng, 3)) {
            quire_subscription_position place = quire_subscription_where(s);
            quire_subscription_close(s);
            s = subscribe_from(db, document, &place);
            cr_assert(same_place(place, quire_subscription_where(s)));
            resumed++;
        }
    }
    while (told < written) {
        (void)expect_row(s, told++);
    }
    expect_none(s);
    cr_assert_gt(resumed, STEPS / 10);
    quire_subscription_close(s);
    mapping_close(db);
}

Test(resume, place_of_a_live_query__is_known_when_it_has_told_its_result)
{
    quire_db *db = open_db(1 << 20);
    quire_subscription *s = subscribe(db, "subscription { authors { totalCount } }");
    cr_assert_eq(quire_subscription_where(s).epoch, 0);
    quire_subscription_position place = expect(s, "{\"data\":{\"authors\":{\"totalCount\":0}}}");
    cr_assert(same_place(place, quire_subscription_where(s)));
    quire_subscription_close(s);
    s = subscribe_from(db, "subscription { authors { totalCount } }", &place);
    cr_assert(same_place(place, quire_subscription_where(s)));
    expect_none(s);
    run(db, "mutation { createAuthor(input: {id: \"a\", name: \"A\"}) { id } }");
    (void)expect(s, "{\"data\":{\"authors\":{\"totalCount\":1}}}");
    quire_subscription_close(s);
    cr_assert_eq(quire_subscription_where(NULL).epoch, 0);
    mapping_close(db);
}

Test(live_directive, query__is_followed_like_a_subscription)
{
    quire_db *db = open_db(1 << 20);
    static const char query[] =
        "query($n: Int!) @live { authors { totalCount } a: author(id: \"a\") "
        "{ name } __typename tags(first: $n) { totalCount } }";
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_subscription *s;
    char *response;
    size_t size;
    request.document = query;
    request.variables = "{\"n\": 1}";
    OK(quire_subscribe(db, &request, NULL, &s, &response, &size, &err));
    cr_assert_null(response, "%s", response);
    (void)expect(s, "{\"data\":{\"authors\":{\"totalCount\":0},\"a\":null,\"__typename\":\"Query\","
                    "\"tags\":{\"totalCount\":0}}}");
    run(db, "mutation { createOther(input: {id: \"o\"}) { id } }");
    expect_none(s);
    run(db, "mutation { createAuthor(input: {id: \"a\", name: \"Ada\"}) { id } }");
    (void)expect(s, "{\"data\":{\"authors\":{\"totalCount\":1},\"a\":{\"name\":\"Ada\"},"
                    "\"__typename\":\"Query\",\"tags\":{\"totalCount\":0}}}");
    quire_subscription_position place = quire_subscription_where(s);
    quire_subscription_close(s);
    run(db, "mutation { createTag(input: {name: \"t\"}) { name } }");
    quire_subscribe_options options = QUIRE_SUBSCRIBE_OPTIONS_INIT;
    options.from = &place;
    OK(quire_subscribe(db, &request, &options, &s, &response, &size, &err));
    (void)expect(s, "{\"data\":{\"authors\":{\"totalCount\":1},\"a\":{\"name\":\"Ada\"},"
                    "\"__typename\":\"Query\",\"tags\":{\"totalCount\":1}}}");
    expect_none(s);
    quire_subscription_close(s);
    mapping_close(db);
}

Test(live_directive, query__runs_once_where_results_are_not_followed)
{
    quire_db *db = open_db(1 << 20);
    MAPPING_IS(db, "query @live { authors { totalCount } }",
               "{\"data\":{\"authors\":{\"totalCount\":0}}}");
    MAPPING_IS(db, "query @live { __typename }", "{\"data\":{\"__typename\":\"Query\"}}");
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_graphql_outcome outcome = {0};
    char *response;
    size_t size;
    bool failed;
    request.document = "query @live { authors { totalCount } }";
    request.live_apart = true;
    request.outcome = &outcome;
    OK(quire_graphql(db, &request, &response, &size, &failed, &err));
    cr_expect(failed);
    cr_expect_eq(outcome.status, QUIRE_NOT_SUPPORTED);
    cr_expect_eq(outcome.operation, QUIRE_OPERATION_SUBSCRIPTION);
    quire_free(response);
    mapping_close(db);
}

Test(live_directive, directive__is_published_and_of_queries_alone)
{
    quire_db *db = open_db(1 << 20);
    MAPPING_HAS(db, "{ __schema { directives { name locations args { name } } } }",
                "{\"name\":\"live\",\"locations\":[\"QUERY\"],\"args\":[]}");
    refuses(db, "subscription @live { authors { totalCount } }",
            "{\"errors\":[{\"message\":\"Directive \\\"@live\\\" may not be used on "
            "SUBSCRIPTION.\",\"locations\":[{\"line\":1,\"column\":14}]}]}");
    MAPPING_HAS(db, "mutation @live { deleteOther(id: \"o\") { id } }",
                "may not be used on MUTATION");
    MAPPING_HAS(db, "query @live @live { __typename }", "can only be used once");
    MAPPING_HAS(db, "query @live(if: true) { __typename }", "Unknown argument");
    refuses(db, "query { authors { totalCount } }",
            "{\"errors\":[{\"message\":\"The operation is not a subscription.\","
            "\"extensions\":{\"code\":\"BAD_INPUT\"}}]}");
    mapping_close(db);
}

Test(resume, event_that_is_given_back__is_known_still)
{
    quire_error err = QUIRE_ERROR_INIT;
    const quire_subscription_event *event;
    quire_db *db = open_db(1 << 20);
    quire_subscription *live = subscribe(db, "subscription { authors { totalCount } }");
    quire_subscription *changes = subscribe(db, document);
    unsigned written = 0;
    (void)expect(live, "{\"data\":{\"authors\":{\"totalCount\":0}}}");
    for (unsigned i = 0; i < 5; i++) {
        char text[64];
        write_rows(db, &written, 1);
        OK(quire_subscription_next(live, 0, &event, &err));
        cr_assert_not_null(event);
        (void)snprintf(text, sizeof text, "{\"data\":{\"authors\":{\"totalCount\":%u}}}", i + 1);
        cr_assert_str_eq(event->response, text);
        quire_subscription_release(live);
        quire_subscription_release(live);
        run(db, "mutation { updateAuthor(id: \"r0\", input: {name: \"x\"}) { id } }");
        expect_none(live); /* it ran again, and came to the same */
        (void)expect_row(changes, i);
        quire_subscription_release(changes);
    }
    quire_subscription_release(NULL);
    quire_subscription_close(live);
    quire_subscription_close(changes);
    mapping_close(db);
}

static void count_wake(void *context)
{
    atomic_fetch_add((_Atomic unsigned *)context, 1);
}

/* What wakes a listener is the commit itself, before it has returned to its caller. */
Test(resume, commit__wakes_its_subscriptions_itself_and_nothing_else_does)
{
    enum { COMMITS = 50 };
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_subscribe_options options = QUIRE_SUBSCRIBE_OPTIONS_INIT;
    quire_subscription *s;
    _Atomic unsigned wakes = 0;
    unsigned written = 0;
    char *response;
    size_t size;
    quire_db *db = open_db(1 << 20);
    request.document = document;
    options.wake = count_wake;
    options.context = &wakes;
    OK(quire_subscribe(db, &request, &options, &s, &response, &size, &err));
    for (unsigned i = 0; i < COMMITS; i++) {
        atomic_store(&wakes, 0);
        expect_none(s);
        cr_assert_eq(atomic_load(&wakes), 0);
        write_rows(db, &written, 1);
        cr_assert_geq(atomic_load(&wakes), 1);
        (void)expect_row(s, i);
    }
    quire_subscription_close(s);
    mapping_close(db);
}

/* Commits of rows that nobody follows, several windows of them. */
static void write_others(quire_db *db, unsigned commits)
{
    char text[512];
    static unsigned written;
    for (unsigned i = 0; i < commits; i++) {
        (void)snprintf(text, sizeof text,
                       "mutation { createTag(input: {name: \"%0200u\"}) { name } }", written++);
        run(db, text);
    }
}

Test(resume, place__passes_commits_that_have_nothing_to_tell)
{
    static const char *const documents[] = {
        document, "subscription { authorChanged(where: {born: {gte: 1900}}) { operation } }",
        "subscription { authors { totalCount } }"};
    enum { DOCUMENTS = sizeof documents / sizeof documents[0] };
    quire_subscription *s[DOCUMENTS];
    quire_db *db = open_db(8192);
    for (size_t i = 0; i < DOCUMENTS; i++) {
        s[i] = subscribe(db, documents[i]);
    }
    (void)expect(s[2], "{\"data\":{\"authors\":{\"totalCount\":0}}}");
    for (unsigned n = 0; n < 40; n++) {
        write_others(db, 5);
        for (size_t i = 0; i < DOCUMENTS; i++) {
            quire_subscription_position before = quire_subscription_where(s[i]);
            expect_none(s[i]);
            quire_subscription_position now = quire_subscription_where(s[i]);
            cr_assert_gt(now.commit, before.commit);
            cr_assert_eq(now.seen, 0);
            quire_subscription_close(s[i]);
            s[i] = subscribe_from(db, documents[i], &now);
            expect_none(s[i]);
            cr_assert(same_place(now, quire_subscription_where(s[i])));
        }
    }
    run(db, "mutation { createAuthor(input: {id: \"r0\", name: \"n\", born: 1950}) { id } }");
    (void)expect_row(s[0], 0);
    (void)expect(s[1], "{\"data\":{\"authorChanged\":{\"operation\":\"CREATE\"}}}");
    (void)expect(s[2], "{\"data\":{\"authors\":{\"totalCount\":1}}}");
    for (size_t i = 0; i < DOCUMENTS; i++) {
        quire_subscription_close(s[i]);
    }
    mapping_close(db);
}

Test(resume, place_within_a_commit__does_not_go_back)
{
    quire_db *db = open_db(1 << 20);
    unsigned written = 0;
    quire_subscription *s = subscribe(db, document);
    write_rows(db, &written, 3);
    quire_subscription_position place = expect_row(s, 0);
    cr_assert_neq(place.seen, 0);
    quire_subscription_close(s);
    s = subscribe_from(db, document, &place);
    cr_assert(same_place(place, quire_subscription_where(s)));
    (void)expect_row(s, 1);
    (void)expect_row(s, 2);
    write_others(db, 1);
    expect_none(s);
    cr_assert_gt(quire_subscription_where(s).commit, place.commit);
    quire_subscription_close(s);
    mapping_close(db);
}
