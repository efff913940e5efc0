/*
 * Live queries against the model that they are to be like: the query run anew
 * after every commit. A live query tells its response when that is another one,
 * and says nothing when it is not. Changes of rows are followed by a model of the
 * rows that a filter selects.
 */
#include "subscription_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/prng.h"

#define AUTHORS 6
#define BOOKS   10
#define GENRES  4
#define STEPS   400

/* Root fields, of queries and subscriptions alike. */
static const char *const fields[] = {
    "author(id: \"a1\") { name books { totalCount } mentor { name } }",
    "books(where: {author: {is: {living: {equals: true}}}}) { totalCount items { title } }",
    "genres { items { name books(where: {year: {lt: 1950}}) { items { id } } } }",
    "books(where: {genres: {some: {name: {equals: \"g1\"}}}}) { items { id author { name } } }",
    "authors { edges { node { pupils { items { id } } } cursor } }",
    "book(id: \"b3\") { title genres { items { name } } }",
    "authors(where: {books: {every: {year: {gt: 1920}}}}) { totalCount }",
    /* Other rows of their own table come into them. */
    "authors(where: {mentorId: {equals: \"a1\"}}) { totalCount items { id } }",
    "authors(where: {born: {gte: 1900}}, orderBy: {mentor: {born: ASC}}) { items { id } }",
    "authors(where: {born: {gte: 1920}}) { items { id mentor { born } } }",
    "authors(where: {born: {gte: 1920}}) { items { id pupils { totalCount } } }",
    "authors(where: {born: {gte: 1920}, mentor: {is: {born: {lt: 1920}}}}) { items { id } }",
    "author(id: \"a2\") { name mentor { name } }",
    "authors { items { id name } }",
    /* What they depend on are some rows of a table. */
    "authors(where: {born: {gte: 1900}}, orderBy: {born: DESC}, first: 3) { items { id born } }",
    "a: author(id: \"a2\") { name } authors(where: {born: {gte: 1920}}) { totalCount }",
    "author(id: \"a2\") { id name born living }",
    "a: author(id: \"a1\") { name } b: author(id: \"a4\") { born } __typename",
    "authors(where: {born: {lt: 1880}}, orderBy: {born: ASC}, first: 2) { items { id } }",
    "authors(where: {born: {lt: 1880}}) { pageInfo { endCursor hasNextPage } edges { cursor } }",
    "authors(where: {name: {startsWith: \"N18\"}}) { aggregate { count max { born } } }",
    "books(where: {OR: [{year: {lt: 1880}}, {title: {equals: \"B1950\"}}]}) { items { id year } }",
    "books(where: {NOT: {year: {gt: 1860}}}, orderBy: [{year: DESC}], last: 3) { items { year } }",
    "b: books(where: {year: {lt: 1880}}) { totalCount } book(id: \"b2\") { year }",
};
#define FIELDS (sizeof fields / sizeof fields[0])
#define SINGLE 7  /* the first of them: one is all that a subscription may have */
#define SOME   10 /* the last of them */

static void step(struct prng *prng, char *document, size_t size)
{
    unsigned a = (unsigned)prng_below(prng, AUTHORS);
    unsigned b = (unsigned)prng_below(prng, BOOKS);
    unsigned year = 1850 + (unsigned)prng_below(prng, 150);
    switch (prng_below(prng, 8)) {
    case 0:
        (void)snprintf(document, size,
                       "mutation { createAuthor(input: {id: \"a%u\", name: \"A%u\", born: %u, "
                       "living: %s}) { id } }",
                       a, year, year, year % 2 == 0 ? "true" : "false");
        break;
    case 1:
        (void)snprintf(document, size,
                       "mutation { updateAuthor(id: \"a%u\", input: {born: %u, mentorId: "
                       "\"a%u\"}) { id } }",
                       a, year, (unsigned)prng_below(prng, AUTHORS));
        break;
    case 2:
        (void)snprintf(document, size, "mutation { deleteAuthor(id: \"a%u\") { id } }", a);
        break;
    case 3:
        (void)snprintf(document, size,
                       "mutation { createBook(input: {id: \"b%u\", title: \"B%u\", year: %u, "
                       "authorId: \"a%u\", genresIds: [\"g%u\"]}) { id } }",
                       b, year, year, a, b % GENRES);
        break;
    case 4:
        (void)snprintf(document, size,
                       "mutation { updateBook(id: \"b%u\", input: {year: %u, genresIds: [\"g%u\", "
                       "\"g%u\"]}) { id } }",
                       b, year, a % GENRES, (a + 1) % GENRES);
        break;
    case 5:
        (void)snprintf(document, size,
                       "mutation { a: deleteBook(id: \"b%u\") { id } b: updateAuthor(id: "
                       "\"a%u\", input: {name: \"N%u\"}) { id } }",
                       b, a, year);
        break;
    case 6:
        (void)snprintf(document, size, "mutation { createGenre(input: {name: \"g%u\"}) { name } }",
                       a % GENRES);
        break;
    default:
        (void)snprintf(document, size, "mutation { createShop(input: {city: \"C%u\"}) { id } }",
                       year);
    }
}

/* What the query says now. */
static char *ask(quire_db *db, const char *field)
{
    char document[600];
    (void)snprintf(document, sizeof document, "{ %s }", field);
    return mapping_run(db, document, NULL, false);
}

struct watched {
    quire_subscription *subscription;
    char *last;
    unsigned told, silent;
    bool resumed; /* it may be told what it knows already */
};

/* Compares the subscription with the query. */
static void check(quire_db *db, const char *field, struct watched *watched)
{
    quire_error err = QUIRE_ERROR_INIT;
    const quire_subscription_event *event;
    char *now = ask(db, field);
    OK(quire_subscription_next(watched->subscription, 0, &event, &err));
    if (watched->last != NULL && strcmp(now, watched->last) == 0) {
        if (event != NULL && watched->resumed) {
            cr_assert_str_eq(event->response, now);
            watched->resumed = false;
            event = NULL;
        }
        cr_assert_null(event, "%s: %s was told again", field, event == NULL ? "" : event->response);
        quire_free(now);
        watched->silent++;
        return;
    }
    cr_assert_not_null(event, "%s: nothing was told of %s", field, now);
    cr_assert_str_eq(event->response, now);
    watched->resumed = false;
    watched->told++;
    quire_free(watched->last);
    watched->last = now;
    OK(quire_subscription_next(watched->subscription, 0, &event, &err));
    cr_assert_null(event);
}

static quire_subscription *follow(quire_db *db, size_t field,
                                  const quire_subscription_position *from)
{
    char document[600];
    (void)snprintf(document, sizeof document, "%s { %s }",
                   field < SINGLE ? "subscription" : "query @live", fields[field]);
    return subscribe_from(db, document, from);
}

/* Goes away, and comes back behind a commit that it has not seen. */
static void leave_and_come(quire_db *db, size_t field, struct prng *prng, struct watched *watched)
{
    char document[600];
    quire_subscription_position where = quire_subscription_where(watched->subscription);
    quire_subscription_close(watched->subscription);
    step(prng, document, sizeof document);
    quire_free(mapping_run(db, document, NULL, false));
    watched->subscription = follow(db, field, &where);
    watched->resumed = true;
}

Test(live, queries__are_like_the_query_run_after_every_commit_and_absence)
{
    struct watched watched[FIELDS] = {0};
    struct prng prng;
    quire_db *db = mapping_open(mapping_schema, NULL);
    quire_feed *feed; /* keeps the commits */
    quire_error err = QUIRE_ERROR_INIT;
    OK(quire_feed_open(db, NULL, &feed, &err));
    prng_init(&prng, 19);
    for (size_t i = 0; i < FIELDS; i++) {
        watched[i].subscription = follow(db, i, NULL);
        check(db, fields[i], &watched[i]);
    }
    for (int i = 0; i < STEPS; i++) {
        for (size_t f = 0; f < FIELDS; f++) {
            if (prng_below(&prng, 4) == 0) {
                leave_and_come(db, f, &prng, &watched[f]);
            }
            check(db, fields[f], &watched[f]);
        }
    }
    for (size_t i = 0; i < FIELDS; i++) {
        cr_assert_gt(watched[i].told, 3);
        quire_subscription_close(watched[i].subscription);
        quire_free(watched[i].last);
    }
    quire_feed_close(feed);
    mapping_close(db);
}

Test(live, queries__are_like_the_query_run_after_every_commit)
{
    struct watched watched[FIELDS] = {0};
    struct prng prng;
    char document[600];
    quire_db *db = mapping_open(mapping_schema, NULL);
    prng_init(&prng, 7);
    for (size_t i = 0; i < FIELDS; i++) {
        watched[i].subscription = follow(db, i, NULL);
        check(db, fields[i], &watched[i]);
    }
    for (int i = 0; i < STEPS; i++) {
        step(&prng, document, sizeof document);
        quire_free(mapping_run(db, document, NULL, false)); /* many fail, and change nothing */
        for (size_t f = 0; f < FIELDS; f++) {
            if (prng_below(&prng, 4) > 0) { /* sometimes several commits are one look */
                check(db, fields[f], &watched[f]);
            }
        }
    }
    for (size_t i = 0; i < FIELDS; i++) {
        cr_assert(watched[i].told > 3 && watched[i].silent > 3, "%s: %u told, %u silent", fields[i],
                  watched[i].told, watched[i].silent);
        unsigned passed = (unsigned)quire_subscription_passed(watched[i].subscription);
        cr_expect(i < FIELDS - SOME ? passed == 0 : passed > 3, "%s: %u passed", fields[i], passed);
        quire_subscription_close(watched[i].subscription);
        quire_free(watched[i].last);
    }
    mapping_close(db);
}

/* ---- changes ---- */

/* The number behind a member's name within a text, or -1: enough of JSON for what is asked here. */
static long member(const char *text, const char *name)
{
    const char *at = text == NULL ? NULL : strstr(text, name);
    return at == NULL ? -1 : strtol(at + strlen(name), NULL, 10);
}

/* The authors born since 1900, by the number in their id: their years, or 0. */
static void read_model(quire_db *db, long *years)
{
    char *response = mapping_run(
        db, "{ authors(where: {born: {gte: 1900}}) { items { id born } } }", NULL, false);
    memset(years, 0, AUTHORS * sizeof *years);
    for (const char *at = strstr(response, "\"id\""); at != NULL; at = strstr(at + 1, "\"id\"")) {
        years[member(at, "\"id\":\"a")] = member(at, "\"born\":");
    }
    quire_free(response);
}

Test(live, changes__keep_a_filtered_model_up_to_date)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct prng prng;
    char document[600];
    long years[AUTHORS] = {0};
    long wanted[AUTHORS];
    unsigned events = 0;
    quire_db *db = mapping_open(mapping_schema, NULL);
    quire_subscription *s =
        subscribe(db, "subscription { authorChanged(where: {born: {gte: 1900}}) { node { id born } "
                      "previous { id born } } }");
    prng_init(&prng, 11);
    for (int i = 0; i < STEPS; i++) {
        const quire_subscription_event *event;
        step(&prng, document, sizeof document);
        quire_free(mapping_run(db, document, NULL, false));
        if (prng_below(&prng, 3) == 0) {
            continue;
        }
        for (;;) {
            OK(quire_subscription_next(s, 0, &event, &err));
            if (event == NULL) {
                break;
            }
            char node[200];
            const char *previous = strstr(event->response, "\"previous\"");
            (void)snprintf(node, sizeof node, "%.*s", (int)(previous - event->response),
                           event->response);
            long was = member(previous, "\"id\":\"a");
            long is = member(node, "\"id\":\"a");
            if (was >= 0) {
                cr_assert_eq(years[was], member(previous, "\"born\":"), "%s", event->response);
                years[was] = 0;
            }
            if (is >= 0) {
                cr_assert_eq(years[is], 0);
                years[is] = member(node, "\"born\":");
            }
            events++;
        }
        read_model(db, wanted);
        cr_assert_arr_eq(years, wanted, sizeof wanted);
    }
    cr_assert_gt(events, 50);
    quire_subscription_close(s);
    mapping_close(db);
}
