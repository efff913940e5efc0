/*
 * Live queries of callers against what they are to be like: the query run anew
 * after every commit, under rules that look at other rows, those of the same table
 * among them.
 */
#include "auth_fixture.h"

#include <stdio.h>
#include <string.h>

#include "support/prng.h"

#define PEOPLE 6
#define TEAMS  3
#define STEPS  1000

static const char schema[] =
    "type Person @auth(rules: [{where: {boss: {is: {rank: {gte: {claim: \"rank\"}}}}}},"
    "  {where: {bossId: {equals: {claim: \"sub\"}}}}]) {\n"
    "  id: ID! rank: Int nick: String @unique open: Boolean boss: Person @relation(onDelete: "
    "SET_NULL)\n"
    "  team: Team @relation(onDelete: SET_NULL, inverse: \"members\")\n"
    "  secret: Int @auth(rules: [{roles: [\"editor\"]}]) }\n"
    "type Team @auth(rules: [{where: {open: {equals: true}}}, {where: {id: {equals:"
    "  {claim: \"team\"}}}}, {where: {members: {some: {rank: {equals: {claim: \"rank\"}}}}}}]) {\n"
    "  id: ID! open: Boolean name: String\n"
    "  members: [Person!]! }\n"
    "type Door @auth(rules: [{where: {rank: {lte: {claim: \"rank\"}}}}]) {\n"
    "  id: ID! rank: Int label: String @unique }\n";

#define CALLER "{\"sub\":\"p1\",\"rank\":2,\"team\":\"t1\"}"

static const char *const fields[] = {
    "person(id: \"p0\") { id rank }",
    "a: person(id: \"p0\") { rank } b: person(id: \"p2\") { open }",
    "person(nick: \"n1\") { id rank }",
    "people(where: {rank: {gte: 2}}) { totalCount items { id rank } }",
    "team(id: \"t0\") { name }",
    "a: team(id: \"t0\") { name } doors(where: {rank: {gte: 1}}) { items { id label } }",
    "teams(where: {name: {startsWith: \"x\"}}) { totalCount }",
    "door(id: \"d0\") { label rank }",
    "door(label: \"l1\") { id rank }",
    "doors { totalCount items { id label } }",
    "doors(orderBy: {rank: DESC}, first: 2) { items { id } pageInfo { hasNextPage endCursor } }",
    "doors(distinct: [rank]) { items { rank } aggregate { count max { rank } } }",
    "a: door(id: \"d0\") { label } people(where: {open: {equals: true}}) { items { id } }",
    "people(where: {bossId: {equals: \"p1\"}}) { items { id } }",
};
#define FIELDS (sizeof fields / sizeof fields[0])
#define SOME   7  /* the first that depend on some rows of their tables alone, */
#define ALL    12 /* and the first behind them */

static void step(struct prng *prng, char *text, size_t size)
{
    unsigned p = (unsigned)prng_below(prng, PEOPLE);
    unsigned other = (unsigned)prng_below(prng, PEOPLE);
    unsigned rank = (unsigned)prng_below(prng, 4);
    unsigned t = (unsigned)prng_below(prng, TEAMS);
    const char *open = prng_below(prng, 2) == 0 ? "true" : "false";
    switch (prng_below(prng, 14)) {
    case 0:
    case 9:
    case 10:
        (void)snprintf(text, size,
                       "mutation { createPerson(input: {id: \"p%u\", rank: %u, nick: \"n%u\","
                       " open: %s}) { id } }",
                       p, rank, other, open);
        break;
    case 1:
        (void)snprintf(text, size, "mutation { deletePerson(id: \"p%u\") { id } }", p);
        break;
    case 2:
        (void)snprintf(text, size,
                       "mutation { updatePerson(id: \"p%u\", input: {rank: %u}) { id } }", p, rank);
        break;
    case 3:
        (void)snprintf(text, size,
                       "mutation { updatePerson(id: \"p%u\", input: {nick: \"n%u\"}) { id } }", p,
                       rank);
        break;
    case 11:
    case 12:
    case 13:
        (void)snprintf(text, size,
                       "mutation { updatePerson(id: \"p%u\", input: {bossId: \"p%u\"}) { id } }", p,
                       other);
        break;
    case 4:
        (void)snprintf(
            text, size,
            "mutation { upsertTeam(where: {id: \"t%u\"}, create: {id: \"t%u\", open: %s, name:"
            " \"x%u\"}, update: {open: %s}) { id } }",
            t, t, open, rank, open);
        break;
    case 5:
        (void)snprintf(text, size, "mutation { deleteTeam(id: \"t%u\") { id } }", t);
        break;
    case 6:
        (void)snprintf(text, size,
                       "mutation { updatePerson(id: \"p%u\", input: {teamId: \"t%u\"}) { id } }", p,
                       t);
        break;
    case 7:
        (void)snprintf(text, size, "mutation { deleteDoor(id: \"d%u\") { id } }", t);
        break;
    default:
        (void)snprintf(
            text, size,
            "mutation { upsertDoor(where: {id: \"d%u\"}, create: {id: \"d%u\", rank: %u, label:"
            " \"l%u\"}, update: {rank: %u, label: \"l%u\"}) { id } }",
            t, t, rank, other, rank, other);
    }
}

static quire_subscription *follow(quire_db *db, const char *field)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_subscription *subscription;
    char document[300];
    char *response;
    size_t size;
    (void)snprintf(document, sizeof document, "query @live { %s }", field);
    request.document = document;
    request.claims = CALLER;
    cr_assert_eq(quire_subscribe(db, &request, NULL, &subscription, &response, &size, &err),
                 QUIRE_OK, "%s", err.message);
    cr_assert_null(response, "%s", response);
    return subscription;
}

struct watched {
    quire_subscription *subscription;
    char *last;
    unsigned told;
};

static void check(quire_db *db, const char *field, struct watched *watched)
{
    quire_error err = QUIRE_ERROR_INIT;
    const quire_subscription_event *event;
    char document[300];
    (void)snprintf(document, sizeof document, "{ %s }", field);
    char *now = auth_run(db, CALLER, document, NULL, false);
    cr_assert_eq(quire_subscription_next(watched->subscription, 0, &event, &err), QUIRE_OK, "%s",
                 err.message);
    if (watched->last != NULL && strcmp(now, watched->last) == 0) {
        cr_assert_null(event, "%s: %s was told again", field, event == NULL ? "" : event->response);
        quire_free(now);
        return;
    }
    cr_assert_not_null(event, "%s: nothing was told of %s", field, now);
    cr_assert_str_eq(event->response, now);
    watched->told++;
    quire_free(watched->last);
    watched->last = now;
}

Test(auth_live, queries_of_callers__are_like_the_query_run_after_every_commit)
{
    struct watched watched[FIELDS] = {0};
    struct prng prng;
    char text[400];
    quire_db *db = mapping_open(schema, NULL);
    prng_init(&prng, 23);
    for (size_t f = 0; f < FIELDS; f++) {
        watched[f].subscription = follow(db, fields[f]);
        check(db, fields[f], &watched[f]);
    }
    for (int i = 0; i < STEPS; i++) {
        step(&prng, text, sizeof text);
        quire_free(auth_run(db, NULL, text, NULL, false)); /* some fail, and change nothing */
        for (size_t f = 0; f < FIELDS; f++) {
            check(db, fields[f], &watched[f]);
        }
    }
    for (size_t f = 0; f < FIELDS; f++) {
        cr_assert_gt(watched[f].told, 3, "%s: %u told", fields[f], watched[f].told);
        uint64_t passed = quire_subscription_passed(watched[f].subscription);
        cr_assert_eq(passed > 0, f >= SOME && f < ALL, "%s: %u passed", fields[f],
                     (unsigned)passed);
        quire_subscription_close(watched[f].subscription);
        quire_free(watched[f].last);
    }
    mapping_close(db);
}
