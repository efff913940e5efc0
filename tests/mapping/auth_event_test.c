/*
 * Rules beyond one response: subscriptions, prepared documents and those that
 * are kept ready, typed rows, streams, and which indexes conditions use.
 */
#include "auth_fixture.h"

#include <stdio.h>
#include <string.h>

#define OK(call)                                                                                   \
    do {                                                                                           \
        quire_status ok_status = (call);                                                           \
        cr_assert_eq(ok_status, QUIRE_OK, "%s: %s", quire_status_name(ok_status), err.message);    \
    } while (0)

static quire_db *open_db(void)
{
    return mapping_open(auth_schema, auth_rows);
}

/* ---- subscriptions ---- */

static quire_subscription *subscribe(quire_db *db, const char *claims, const char *document)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_subscribe_options options = QUIRE_SUBSCRIBE_OPTIONS_INIT;
    quire_subscription *subscription;
    char copy[64]; /* which the subscription must not borrow */
    char *response;
    size_t size;
    (void)snprintf(copy, sizeof copy, "%s", claims);
    request.document = document;
    request.claims = copy;
    OK(quire_subscribe(db, &request, &options, &subscription, &response, &size, &err));
    memset(copy, 'x', sizeof copy);
    cr_assert_null(response, "%s", response);
    return subscription;
}

#define EXPECT(subscription, response) expect(subscription, response, __LINE__)
static void expect(quire_subscription *subscription, const char *response, int line)
{
    quire_error err = QUIRE_ERROR_INIT;
    const quire_subscription_event *event;
    OK(quire_subscription_next(subscription, 0, &event, &err));
    if (response == NULL) {
        cr_assert_null(event, "line %d: %s", line, event == NULL ? "" : event->response);
        return;
    }
    cr_assert_not_null(event, "line %d: no event, wanted %s", line, response);
    cr_assert_str_eq(event->response, response, "line %d: %s", line, event->response);
}

static void run(quire_db *db, const char *document)
{
    AUTH_HAS(db, NULL, document, "{\"data\":");
}

#define CHANGE(operation, node, previous)                                                          \
    "{\"data\":{\"noteChanged\":{\"operation\":\"" operation "\",\"node\":" node                   \
    ",\"previous\":" previous "}}}"
#define TEXT(text) "{\"text\":\"" text "\"}"

Test(auth_event, changes__are_those_of_the_rows_that_are_seen)
{
    quire_db *db = open_db();
    static const char document[] =
        "subscription { noteChanged { operation node { text } previous { text } } }";
    quire_subscription *ann = subscribe(db, ANN, document);
    quire_subscription *eve = subscribe(db, EDITOR, document);
    run(db, "mutation { createNote(input: {id: \"x\", text: \"x\", ownerId: \"bob\"}) { id } }");
    EXPECT(ann, NULL);
    EXPECT(eve, CHANGE("CREATE", TEXT("x"), "null"));
    /* A row that comes into sight is created, one that goes out of it deleted. */
    run(db, "mutation { updateNote(id: \"x\", input: {shared: true}) { id } }");
    EXPECT(ann, CHANGE("CREATE", TEXT("x"), "null"));
    EXPECT(eve, CHANGE("UPDATE", TEXT("x"), TEXT("x")));
    run(db, "mutation { updateNote(id: \"x\", input: {text: \"y\"}) { id } }");
    EXPECT(ann, CHANGE("UPDATE", TEXT("y"), TEXT("x")));
    run(db, "mutation { updateNote(id: \"x\", input: {shared: false, text: \"z\"}) { id } }");
    EXPECT(ann, CHANGE("DELETE", "null", TEXT("y")));
    run(db, "mutation { deleteNote(id: \"x\") { id } }");
    EXPECT(ann, NULL);
    quire_subscription_close(ann);
    quire_subscription_close(eve);
    mapping_close(db);
}

Test(auth_event, place__within_a_commit_counts_no_hidden_row)
{
    quire_db *db = open_db();
    static const char document[] = "subscription { noteChanged { node { text } } }";
    quire_error err = QUIRE_ERROR_INIT;
    quire_subscribe_options options = QUIRE_SUBSCRIBE_OPTIONS_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_subscription *other;
    char *response;
    size_t size;
    quire_subscription *ann = subscribe(db, ANN, document);
    run(db, "mutation { createNotes(inputs: ["
            " {id: \"5\", text: \"hidden\", ownerId: \"bob\"},"
            " {id: \"6\", text: \"a\", ownerId: \"ann\"},"
            " {id: \"7\", text: \"hidden\", ownerId: \"bob\"},"
            " {id: \"8\", text: \"b\", ownerId: \"ann\"},"
            " {id: \"9\", text: \"hidden\", ownerId: \"bob\"}]) { affectedRows } }");
    EXPECT(ann, "{\"data\":{\"noteChanged\":{\"node\":{\"text\":\"a\"}}}}");
    quire_subscription_position place = quire_subscription_where(ann);
    cr_assert_gt(place.seen, 1000);
    EXPECT(ann, "{\"data\":{\"noteChanged\":{\"node\":{\"text\":\"b\"}}}}");
    cr_assert_eq(quire_subscription_where(ann).seen, 0);
    request.document = document;
    request.claims = ANN;
    for (uint64_t strange = 0; strange < 2; strange++) {
        options.from = &place;
        OK(quire_subscribe(db, &request, &options, &other, &response, &size, &err));
        if (strange == 1) { /* a mark that is none of ours: nothing is missed */
            EXPECT(other, "{\"data\":{\"noteChanged\":{\"node\":{\"text\":\"a\"}}}}");
        }
        EXPECT(other, "{\"data\":{\"noteChanged\":{\"node\":{\"text\":\"b\"}}}}");
        EXPECT(other, NULL);
        quire_subscription_close(other);
        place.seen = 2;
    }
    quire_subscription_close(ann);
    mapping_close(db);
}

Test(auth_event, operations__are_those_that_the_caller_sees)
{
    quire_db *db = open_db();
    quire_subscription *ann =
        subscribe(db, ANN,
                  "subscription { noteChanged(operations: [DELETE],"
                  " where: {stars: {gt: 0}}) { operation previous { id owner { id } } } }");
    run(db, "mutation { updateNote(id: \"n4\", input: {text: \"four\"}) { id } }");
    EXPECT(ann, NULL);
    run(db, "mutation { updateNote(id: \"n4\", input: {shared: false}) { id } }");
    EXPECT(ann, "{\"data\":{\"noteChanged\":{\"operation\":\"DELETE\","
                "\"previous\":{\"id\":\"n4\",\"owner\":{\"id\":\"bob\"}}}}}");
    quire_subscription_close(ann);
    mapping_close(db);
}

Test(auth_event, live_query__tells_the_rows_that_are_seen)
{
    quire_db *db = open_db();
    quire_subscription *ann = subscribe(db, ANN, "subscription { notes { items { id } } }");
    EXPECT(ann, "{\"data\":{\"notes\":{\"items\":[{\"id\":\"n1\"},{\"id\":\"n2\"},"
                "{\"id\":\"n4\"}]}}}");
    run(db, "mutation { updateNote(id: \"n3\", input: {text: \"hidden\"}) { id } }");
    EXPECT(ann, NULL);
    run(db, "mutation { updateNote(id: \"n4\", input: {shared: false}) { id } }");
    EXPECT(ann, "{\"data\":{\"notes\":{\"items\":[{\"id\":\"n1\"},{\"id\":\"n2\"}]}}}");
    quire_subscription_close(ann);
    mapping_close(db);
}

Test(auth_event, subscription__that_is_not_allowed_does_not_begin)
{
    quire_db *db = open_db();
    static const char *const documents[] = {
        "subscription { secretChanged { operation } }",
        "subscription { secrets { totalCount } }",
        "subscription { userChanged { previous { pay } } }",
        "subscription { userChanged(where: {pay: {gt: 45}}) { operation } }",
        "subscription { userChanged(where: {staff: {some: {mail: {lt: \"x\"}}}}) { operation } }",
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
        quire_subscribe_options options = QUIRE_SUBSCRIBE_OPTIONS_INIT;
        quire_subscription *subscription;
        char *response;
        size_t size;
        request.document = documents[i];
        request.claims = ANN;
        OK(quire_subscribe(db, &request, &options, &subscription, &response, &size, &err));
        cr_assert_null(subscription);
        cr_assert_not_null(strstr(response, "\"code\":\"FORBIDDEN\""), "%s", response);
        cr_assert_null(strstr(response, "\"data\""), "%s", response);
        quire_free(response);
    }
    mapping_close(db);
}

Test(auth_event, condition_over_a_relation__is_judged_by_what_the_event_finds)
{
    quire_db *db = mapping_open(
        "type Team { id: ID! members: [Member!]! @relation(inverse: \"team\")"
        " jobs: [Job!]! @relation(inverse: \"team\") }\n"
        "type Member { id: ID! who: String team: Team }\n"
        "type Job @auth(rules: [{where: {team: {is: {members: {some: {who: {equals: {claim:"
        " \"sub\"}}}}}}}}]) { id: ID! text: String team: Team }",
        "mutation { createTeam(input: {id: \"t\"}) { id } }");
    quire_subscription *ann =
        subscribe(db, ANN, "subscription { jobChanged { operation node { id } } }");
    run(db, "mutation { createJob(input: {id: \"1\", teamId: \"t\"}) { id } }");
    EXPECT(ann, NULL);
    run(db, "mutation { createMember(input: {who: \"ann\", teamId: \"t\"}) { id } }");
    EXPECT(ann, NULL);
    run(db, "mutation { createJob(input: {id: \"2\", teamId: \"t\"}) { id } }");
    EXPECT(ann, "{\"data\":{\"jobChanged\":{\"operation\":\"CREATE\",\"node\":{\"id\":\"2\"}}}}");
    quire_subscription_close(ann);
    mapping_close(db);
}

/* ---- documents that are kept ---- */

static char *run_prepared(quire_db *db, quire_prepared *prepared, const char *claims)
{
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_error err = QUIRE_ERROR_INIT;
    char *response;
    size_t size;
    request.prepared = prepared;
    request.claims = claims;
    OK(quire_graphql(db, &request, &response, &size, NULL, &err));
    return response;
}

Test(auth_event, documents_that_are_kept__know_no_caller)
{
    static const char *const claims[] = {ANN, BOB, EDITOR, NOBODY, NULL};
    static const char document[] = "{ notes { items { id owner { id } } } }";
    quire_db *db = open_db();
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_stats stats = QUIRE_GRAPHQL_STATS_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_prepared *prepared;
    char *answers[5];

    for (size_t i = 0; i < 5; i++) {
        answers[i] = auth_run(db, claims[i], document, NULL, false);
        for (size_t other = 0; other < i; other++) {
            bool same = (i == 4 && other == 2); /* an editor sees what the program sees */
            cr_assert(same == (strcmp(answers[i], answers[other]) == 0), "%s", answers[i]);
        }
    }
    OK(quire_graphql_get_stats(db, &stats, &err));
    uint64_t programs = stats.programs;
    request.document = document;
    request.claims = EDITOR; /* left aside */
    OK(quire_prepare(db, &request, &prepared, &err));
    for (size_t round = 0; round < 20; round++) {
        size_t i = (round * 7 + round / 5) % 5;
        char *kept = auth_run(db, claims[i], document, NULL, false);
        char *ready = run_prepared(db, prepared, claims[i]);
        cr_assert_str_eq(kept, answers[i]);
        cr_assert_str_eq(ready, answers[i]);
        quire_free(kept);
        quire_free(ready);
    }
    OK(quire_graphql_get_stats(db, &stats, &err));
    cr_assert_eq(stats.programs, programs); /* one for all of them */
    quire_prepared_free(prepared);
    for (size_t i = 0; i < 5; i++) {
        quire_free(answers[i]);
    }
    mapping_close(db);
}

/* ---- other ways to rows ---- */

Test(auth_event, typed_rows__are_those_that_are_seen)
{
    quire_db *db = open_db();
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_rows *rows;
    char ids[64] = "";
    bool valid = true;
    request.document = "{ replies { items { id note { id } } } }";
    request.claims = ANN;
    OK(quire_rows_open(db, &request, &rows, &err));
    for (;;) {
        quire_value id;
        quire_value note;
        OK(quire_rows_next(rows, &valid, &err));
        if (!valid) {
            break;
        }
        OK(quire_rows_value(rows, 0, &id, &err));
        OK(quire_rows_value(rows, 1, &note, &err));
        size_t size = strlen(ids);
        (void)snprintf(ids + size, sizeof ids - size, "%.*s:%.*s ", (int)id.size,
                       (const char *)id.as.bytes, note.type == QUIRE_NULL ? 1 : (int)note.size,
                       note.type == QUIRE_NULL ? "-" : (const char *)note.as.bytes);
    }
    cr_assert_str_eq(ids, "r1:n1 r2:- r3:- ");
    quire_rows_close(rows);
    request.document = "{ secrets { items { id } } }";
    cr_assert_eq(quire_rows_open(db, &request, &rows, &err), QUIRE_FORBIDDEN);
    request.claims = NOBODY;
    cr_assert_eq(quire_rows_open(db, &request, &rows, &err), QUIRE_UNAUTHENTICATED);
    mapping_close(db);
}

struct text {
    char *bytes;
    size_t size, capacity;
};

static bool take(void *context, const char *bytes, size_t size)
{
    struct text *text = context;
    cr_assert_lt(text->size + size, text->capacity);
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
    return true;
}

/* Many rows, so that they go out in pieces; conditions are compiled for each of them. */
Test(auth_event, stream__is_the_response)
{
    quire_db *db = mapping_open(
        "type Owner @auth(rules: [{where: {name: {equals: {claim: \"sub\"}}}}])"
        " { id: ID! name: String items: [Item!]! @relation(inverse: \"owner\") }\n"
        "type Item @auth(rules: [{where: {owner: {is: {name: {equals: {claim: \"sub\"}}}}}},"
        " {where: {n: {lt: 3000}}}]) { id: ID! n: Int owner: Owner }",
        "mutation { createOwners(inputs: [{id: \"a\", name: \"ann\"}, {id: \"b\", name: \"bob\"}])"
        " { affectedRows } }");
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    static char bytes[2 << 20];
    struct text text = {bytes, 0, sizeof bytes};
    static char json[1 << 20];
    size_t size = (size_t)snprintf(json, sizeof json, "{\"Item\":[");
    for (int i = 0; i < 6000; i++) {
        size += (size_t)snprintf(json + size, sizeof json - size,
                                 "%s{\"id\":\"i%d\",\"n\":%d,\"ownerId\":\"%s\"}",
                                 i == 0 ? "" : ",", i, i, i % 2 == 0 ? "a" : "b");
    }
    (void)snprintf(json + size, sizeof json - size, "]}");
    mapping_load(db, json);
    request.document = "{ items { totalCount items { n owner { name items { totalCount } } } } }";
    request.claims = ANN;
    OK(quire_graphql_stream(db, &request, take, &text, NULL, &err));
    char *whole = auth_run(db, ANN, request.document, NULL, false);
    cr_assert_str_eq(text.bytes, whole);
    cr_assert_not_null(strstr(whole, "\"totalCount\":4500"));
    cr_assert_null(strstr(whole, "bob"));
    quire_free(whole);
    mapping_close(db);
}

/* ---- indexes ---- */

#define EXPLAINS(db, claims, document, text) explains(db, claims, document, text, __LINE__)
static void explains(quire_db *db, const char *claims, const char *document, const char *text,
                     int line)
{
    char *response = auth_run(db, claims, document, NULL, true);
    cr_assert_not_null(strstr(response, text), "line %d: %s", line, response);
    quire_free(response);
}

Test(auth_event, conditions__use_indexes)
{
    quire_db *db = mapping_open(
        "type Doc @auth(rules: [{where: {ownerId: {equals: {claim: \"sub\"}}}}]) {"
        " id: ID! n: Int @index owner: Owner }\n"
        "type Owner { id: ID! docs: [Doc!]! @relation(inverse: \"owner\") }\n"
        "type Shared @auth(rules: [{where: {who: {equals: {claim: \"sub\"}}}},"
        " {where: {level: {equals: 7}}}]) { id: ID! who: String @index level: Int @index }",
        NULL);
    static char json[1 << 20];
    size_t size = (size_t)snprintf(json, sizeof json, "{\"Owner\":[");
    for (int i = 0; i < 300; i++) {
        size += (size_t)snprintf(json + size, sizeof json - size, "%s{\"id\":\"o%d\"}",
                                 i == 0 ? "" : ",", i);
    }
    size += (size_t)snprintf(json + size, sizeof json - size, "],\"Doc\":[");
    for (int i = 0; i < 3000; i++) {
        size += (size_t)snprintf(json + size, sizeof json - size,
                                 "%s{\"id\":\"d%d\",\"n\":%d,\"ownerId\":\"o%d\"}",
                                 i == 0 ? "" : ",", i, i, i % 300);
    }
    size += (size_t)snprintf(json + size, sizeof json - size, "],\"Shared\":[");
    for (int i = 0; i < 3000; i++) {
        size += (size_t)snprintf(json + size, sizeof json - size,
                                 "%s{\"id\":\"s%d\",\"who\":\"o%d\",\"level\":%d}",
                                 i == 0 ? "" : ",", i, i % 300, i % 500);
    }
    (void)snprintf(json + size, sizeof json - size, "]}");
    mapping_load(db, json);
#define O7 "{\"sub\":\"o7\"}"
    EXPLAINS(db, O7, "{ docs { items { id } } }", "\"rowsRead\":10,\"rowsReturned\":10");
    EXPLAINS(db, O7, "{ docs { totalCount } }", "\"totalCount\":10");
    EXPLAINS(db, O7, "{ docs(where: {n: {gte: 0}}) { items { id } } }",
             "\"rowsRead\":10,\"rowsReturned\":10");
    EXPLAINS(db, O7, "{ docs(where: {n: {equals: 307}}) { items { id } } }",
             "\"rowsRead\":1,\"rowsReturned\":1");
    EXPLAINS(db, O7, "{ docs(where: {n: {equals: 308}}) { items { id } } }",
             "\"rowsRead\":1,\"rowsReturned\":0");
    /* Alternatives of which each has an index: ten rows and six, two of them both. */
    EXPLAINS(db, O7, "{ shareds { totalCount } }", "\"totalCount\":14");
    EXPLAINS(db, O7, "{ shareds { items { id } } }", "\"rowsReturned\":14");
    char *response = auth_run(db, O7, "{ shareds { items { id } } }", NULL, true);
    cr_assert_null(strstr(response, "\"path\":\"table scan\""), "%s", response);
    quire_free(response);
    mapping_close(db);
}
