/*
 * What @resolver may say, what the API is made of it, and the ways in which
 * requests with resolved fields run: prepared, streamed, live, watched, and
 * with every allocation failing once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping_fixture.h"
#include "support/failing_allocator.h"

static void expect_refusal(const char *sdl, const char *why)
{
    quire_db *db = mapping_open("type Z { id: ID! }", NULL);
    quire_error err = QUIRE_ERROR_INIT;
    cr_expect_neq(mapping_apply(db, sdl, &err), QUIRE_OK, "%s", sdl);
    cr_expect_not_null(strstr(err.message, why), "%s: %s", sdl, err.message);
    mapping_close(db);
}

Test(resolver, schema__refuses_what_no_program_could_give)
{
    expect_refusal("type A { id: ID! f: Int @resolver(requires: \"g\") }", "requires g");
    expect_refusal("type A { id: ID! bs: [A] f: Int @resolver(requires: \"bs\") }", "requires bs");
    expect_refusal("type A { id: ID! f: Int @resolver g: Int @resolver(requires: \"f\") }",
                   "requires f");
    expect_refusal("type A { id: ID! } type Query { f: Int @resolver(requires: \"id\") }",
                   "requires id");
    expect_refusal("type A { id: ID! f: Int @resolver @index }", "@index cannot stand there");
    expect_refusal("interface I { f: Int @resolver } type A implements I { id: ID! f: Int }",
                   "@resolver is for fields of tables");
    expect_refusal("type A { id: ID! } type Subscription { f: A @resolver }",
                   "@resolver is for fields of tables");
    expect_refusal("type A { id: ID! } union U = A type Query { f: U @resolver }",
                   "has the type U");
    expect_refusal("type A { id: ID! } type V @view(table: \"A\") { id: ID! f: Int @resolver }",
                   "not of the view V");
    expect_refusal("type A { id: ID! v: V } type V @resolver { n: Int }", "which is no table");
    expect_refusal("type A { id: ID! } type V @resolver { n(x: Int): Int }", "takes arguments");
    expect_refusal("type A { id: ID! } type V @resolver { n: Int @unique }",
                   "@unique cannot stand there");
    expect_refusal("type A { id: ID! } type V @resolver @index(fields: [\"n\"]) { n: Int }",
                   "@index cannot stand there");
    expect_refusal("type A { id: ID! } type V @resolver(requires: \"n\") { n: Int }",
                   "@resolver(requires:) cannot stand there");
    expect_refusal("type A { id: ID! up: A upId: ID @resolver }", "every row of A has in the API");
    expect_refusal("type A { id: ID! _version: Int @resolver }", "every row of A has in the API");
    expect_refusal("type A { a: Int id: Int @resolver }", "every row of A has in the API");
    expect_refusal("type A { id: ID! } type AEdge @resolver { n: Int }", "generated type");
    expect_refusal("type A { id: ID! } type Query { a: Int @resolver }", "In the generated API");
}

static void expect_api(quire_db *db, const char *text, bool there)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_txn *txn;
    char *api;
    size_t size;
    cr_assert_eq(quire_begin(db, QUIRE_READ, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_schema_text(txn, QUIRE_SCHEMA_API, &api, &size, &err), QUIRE_OK);
    cr_expect_eq(strstr(api, text) != NULL, there, "%s\n%s", text, api);
    quire_free(api);
    quire_rollback(txn);
}

Test(resolver, api__has_the_fields_their_values_and_the_inputs_that_they_use)
{
    quire_db *db = mapping_open(
        "type A { id: ID! \"What it is.\" f(x: In = {n: 1}, \"Which.\" k: K @deprecated(reason: "
        "\"no\")): V @resolver @cost(weight: \"5\") @deprecated(reason: \"old\") } "
        "interface Named { name: String } "
        "\"Given.\" type V implements Named @resolver { name: String when: [DateTime!] } "
        "enum K { X Y } input In { n: Int! inner: Inner d: Decimal } input Inner @oneOf { a: Int "
        "b: "
        "In } input Unused { n: Int } "
        "type Query { _: Boolean } type Mutation { f(input: [Inner]): [V] @resolver }",
        NULL);
    expect_api(db,
               "  \"What it is.\"\n  f(\n    x: In = { n: 1 }\n    \"Which.\"\n    k: K "
               "@deprecated(reason: \"no\")\n  ): V @deprecated(reason: \"old\")\n",
               true);
    expect_api(db, "\"Given.\"\ntype V implements Named {\n", true);
    expect_api(db, "input In {\n  n: Int!\n  inner: Inner\n  d: Decimal\n}\n", true);
    expect_api(db, "input Inner @oneOf {\n", true);
    expect_api(db, "scalar Decimal", true);
    expect_api(db, "scalar DateTime", true);
    expect_api(db, "Unused", false);
    expect_api(db, "  f(\n    input: [Inner]\n  ): [V]\n", true);
    /* nothing filters, orders, groups or writes by it */
    expect_api(db, "  f: ", false);
    mapping_close(db);
}

static quire_status give_five(void *context, quire_resolver_call *call, quire_error *err)
{
    quire_value five = quire_int(5);
    size_t *most = context;
    if (most != NULL && call->count > *most) {
        *most = call->count;
    }
    for (size_t i = 0; i < call->count; i++) {
        quire_status status = quire_resolver_give(call, i, &five, err);
        if (status != QUIRE_OK) {
            return status;
        }
    }
    return QUIRE_OK;
}

static void set(quire_db *db, const char *coordinate, quire_resolver_callback callback,
                void *context)
{
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(quire_resolver_function(db, coordinate, callback, context, &err), QUIRE_OK);
}

Test(resolver, schema__turns_columns_into_resolved_fields_and_back)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open("type A { id: ID! n: Int }",
                                "mutation { createA(input: {id: \"1\", n: 3}) { id } }");
    set(db, "A.n", give_five, NULL);
    set(db, "A.m", give_five, NULL);
    MAPPING_IS(db, "{ as { items { n } } }", "{\"data\":{\"as\":{\"items\":[{\"n\":3}]}}}");
    /* values would be lost */
    cr_assert_eq(mapping_apply(db, "type A { id: ID! n: Int @resolver }", &err), QUIRE_SCHEMA);
    cr_assert_eq(mapping_apply(db, "type A { id: ID! n: Int m: Int @resolver }", &err), QUIRE_OK,
                 "%s", err.message);
    MAPPING_IS(db, "{ as { items { n m } } }",
               "{\"data\":{\"as\":{\"items\":[{\"n\":3,\"m\":5}]}}}");
    cr_assert_eq(mapping_apply(db, "type A { id: ID! n: Int m: Int }", &err), QUIRE_OK);
    MAPPING_IS(db, "{ as { items { n m } } }",
               "{\"data\":{\"as\":{\"items\":[{\"n\":3,\"m\":null}]}}}");
    mapping_close(db);
}

Test(resolver, registration__wants_a_field)
{
    quire_db *db = mapping_open("type A { id: ID! }", NULL);
    quire_error err = QUIRE_ERROR_INIT;
    static const char *const wrong[] = {NULL, "", "A", "A.", ".f"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_expect_eq(quire_resolver_function(db, wrong[i], give_five, NULL, &err), QUIRE_MISUSE);
    }
    cr_expect_eq(quire_resolver_function(NULL, "A.f", give_five, NULL, &err), QUIRE_MISUSE);
    mapping_close(db);
}

/* ---- ways to run ---- */

static const char numbers[] =
    "type N { n: Int! @id v: Int @resolver(requires: \"n\") s: Int! @resolver w: Int @resolver "
    "@cost(weight: \"9\") } type Query { ns: [N] many: [N!] @resolver }";

static quire_db *open_numbers(int count)
{
    quire_db *db = mapping_open(numbers, NULL);
    size_t room = (size_t)count * 16 + 32;
    size_t used = 0;
    char *json = malloc(room);
    cr_assert_not_null(json);
    used += (size_t)snprintf(json, room, "{\"N\": [");
    for (int i = 0; i < count; i++) {
        used += (size_t)snprintf(json + used, room - used, "%s{\"n\": %d}", i > 0 ? "," : "", i);
    }
    (void)snprintf(json + used, room - used, "]}");
    mapping_load(db, json);
    free(json);
    return db;
}

/* The number times two; odd multiples of 500 are refused. */
static quire_status twice(void *context, quire_resolver_call *call, quire_error *err)
{
    size_t *most = context;
    *most = call->count > *most ? call->count : *most;
    for (size_t i = 0; i < call->count; i++) {
        int64_t n = call->values[i].as.integer;
        quire_value value = quire_int(2 * n);
        quire_status status = n % 1000 == 500
                                  ? quire_resolver_refuse(call, i, NULL, "Not that one.", err)
                                  : quire_resolver_give(call, i, &value, err);
        if (status != QUIRE_OK) {
            return status;
        }
    }
    return QUIRE_OK;
}

Test(resolver, batches__have_at_most_a_thousand_parents)
{
    quire_db *db = open_numbers(2300);
    size_t most = 0;
    set(db, "N.v", twice, &most);
    char *response = mapping_run(db, "{ ns(first: 2300) { items { n v } } }", NULL, true);
    cr_assert_not_null(strstr(response, "{\"n\":2299,\"v\":4598}"));
    cr_assert_not_null(strstr(response, "{\"n\":1500,\"v\":null}"));
    cr_assert_not_null(strstr(response, "\"path\":[\"ns\",\"items\",1500,\"v\"]"));
    cr_assert_not_null(strstr(response, "{\"field\":\"N.v\",\"access\":\"resolver\""));
    cr_assert_eq(most, QUIRE_RESOLVER_PARENTS_MAX);
    quire_free(response);
    mapping_close(db);
}

Test(resolver, errors__are_told_up_to_a_bound)
{
    quire_db *db = open_numbers(300);
    char *response = mapping_run(db, "{ ns(first: 300) { items { w } } }", NULL, false);
    unsigned count = 0;
    for (const char *at = response; (at = strstr(at, "\"message\"")) != NULL; at++) {
        count++;
    }
    cr_assert_gt(count, 90);
    cr_assert_lt(count, 110);
    cr_assert_not_null(strstr(response, "{\"data\":{\"ns\":{\"items\":[{\"w\":null}"));
    quire_free(response);
    mapping_close(db);
}

static bool append(void *context, const char *bytes, size_t size)
{
    char *all = context;
    size_t used = strlen(all);
    memcpy(all + used, bytes, size);
    all[used + size] = '\0';
    return true;
}

Test(resolver, stream__says_what_the_whole_response_says)
{
    static char all[1 << 16];
    quire_db *db = open_numbers(700);
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_error err = QUIRE_ERROR_INIT;
    bool has_errors;
    size_t most = 0;
    set(db, "N.v", twice, &most);
    set(db, "N.s", twice, &most); /* requires nothing: never called with a number */
    request.document = "{ ns { items { v } } }";
    all[0] = '\0';
    cr_assert_eq(quire_graphql_stream(db, &request, append, all, &has_errors, &err), QUIRE_OK);
    cr_assert(has_errors);
    char *whole = mapping_run(db, request.document, NULL, false);
    cr_assert_str_eq(all, whole);
    quire_free(whole);
    mapping_close(db);
}

Test(resolver, prepared__runs_with_variables_and_after_the_schema_has_changed)
{
    quire_db *db = mapping_open("type A { id: ID! v(n: Int): Int @resolver }",
                                "mutation { createA(input: {id: \"1\"}) { id } }");
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_prepared *prepared;
    set(db, "A.v", give_five, NULL);
    request.document = "query($n: Int) { as { items { v(n: $n) } } }";
    cr_assert_eq(quire_prepare(db, &request, &prepared, &err), QUIRE_OK);
    for (int i = 0; i < 3; i++) {
        quire_graphql_request run = QUIRE_GRAPHQL_REQUEST_INIT;
        quire_variable n = {.name = "n", .value = quire_int(i)};
        char *response;
        size_t size;
        run.prepared = prepared;
        run.bound = &n;
        run.bound_count = 1;
        cr_assert_eq(quire_graphql(db, &run, &response, &size, NULL, &err), QUIRE_OK);
        cr_assert_str_eq(response, "{\"data\":{\"as\":{\"items\":[{\"v\":5}]}}}");
        quire_free(response);
        if (i == 1) {
            cr_assert_eq(
                mapping_apply(db, "type A { id: ID! v(n: Int): Int @resolver x: Int }", &err),
                QUIRE_OK);
        }
    }
    quire_prepared_free(prepared);
    mapping_close(db);
}

Test(resolver, typed_rows__do_not_hold_resolved_fields)
{
    quire_db *db = open_numbers(2);
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_error err = QUIRE_ERROR_INIT;
    quire_rows *rows = NULL;
    request.document = "{ ns { items { n v } } }";
    cr_assert_eq(quire_rows_open(db, &request, &rows, &err), QUIRE_NOT_SUPPORTED);
    mapping_close(db);
}

Test(resolver, cost__counts_calls)
{
    quire_db *db = open_numbers(1);
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_error err = QUIRE_ERROR_INIT;
    char *response;
    size_t size;
    request.cost = true;
    request.document = "{ ns(first: 3) { items { n v w } } many { n } }";
    set(db, "N.v", give_five, NULL);
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK);
    /* the connection, three rows with 1 + 9 each, and the call */
    cr_assert_not_null(strstr(response, "\"cost\":35"), "%s", response);
    quire_free(response);
    mapping_close(db);
}

Test(resolver, subscription__shows_resolved_fields_of_rows_and_tells_errors)
{
    quire_db *db = open_numbers(1);
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_subscribe_options options = QUIRE_SUBSCRIBE_OPTIONS_INIT;
    const quire_subscription_event *event;
    quire_subscription *changes;
    quire_subscription *live;
    char *response;
    size_t size;
    size_t most = 0;
    set(db, "N.v", twice, &most);
    request.document = "subscription { nChanged { operation node { v } previous { v s } } }";
    cr_assert_eq(quire_subscribe(db, &request, &options, &changes, &response, &size, &err),
                 QUIRE_OK);
    request.document = "subscription { ns { items { v } } }";
    cr_assert_eq(quire_subscribe(db, &request, &options, &live, &response, &size, &err), QUIRE_OK);
    cr_assert_eq(quire_subscription_next(live, 1000, &event, &err), QUIRE_OK);
    cr_assert_str_eq(event->response, "{\"data\":{\"ns\":{\"items\":[{\"v\":0}]}}}");
    MAPPING_HAS(db, "mutation { createN(input: {n: 7}) { n } deleteN(n: 0) { n } }", "data");
    cr_assert_eq(quire_subscription_next(live, 1000, &event, &err), QUIRE_OK);
    cr_assert_str_eq(event->response, "{\"data\":{\"ns\":{\"items\":[{\"v\":14}]}}}");
    bool told[2] = {false, false};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(quire_subscription_next(changes, 1000, &event, &err), QUIRE_OK);
        cr_assert_not_null(event);
        told[0] |= strstr(event->response, "{\"data\":{\"nChanged\":{\"operation\":\"CREATE\","
                                           "\"node\":{\"v\":14},\"previous\":null}}}") != NULL;
        /* what may be null takes up the error of what may not */
        told[1] |= event->has_errors &&
                   strstr(event->response, "{\"data\":{\"nChanged\":{\"operation\":\"DELETE\","
                                           "\"node\":null,\"previous\":null}},\"errors\":[{") &&
                   strstr(event->response, "\"path\":[\"nChanged\",\"previous\",\"s\"]");
    }
    cr_assert(told[0] && told[1]);
    quire_subscription_close(changes);
    quire_subscription_close(live);
    mapping_close(db);
}

/* Waits until the request is stopped. */
static quire_status wait_for_stop(void *context, quire_resolver_call *call, quire_error *err)
{
    (void)err;
    quire_interrupt_raise(context);
    while (!quire_resolver_is_stopped(call)) {
    }
    return QUIRE_OK;
}

Test(resolver, stopped_request__ends_as_such)
{
    quire_db *db = open_numbers(1);
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_interrupt *interrupt;
    char *response;
    size_t size;
    cr_assert_eq(quire_interrupt_create(db, &interrupt, &err), QUIRE_OK);
    set(db, "N.v", wait_for_stop, interrupt);
    request.document = "{ ns { items { v } } }";
    request.interrupt = interrupt;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK);
    cr_assert_not_null(strstr(response, "\"code\":\"INTERRUPTED\"}}],\"data\":null}"), "%s",
                       response);
    quire_free(response);
    quire_interrupt_clear(interrupt);
    request.interrupt = NULL;
    request.limits.time_ms_max = 20;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK);
    cr_assert_not_null(strstr(response, "\"code\":\"TIMEOUT\"}}],\"data\":null}"), "%s", response);
    quire_free(response);
    quire_interrupt_free(interrupt);
    mapping_close(db);
}

Test(resolver, limits__of_memory_and_of_the_response_hold)
{
    quire_db *db = open_numbers(900);
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;
    size_t most = 0;
    set(db, "N.v", twice, &most);
    request.document = "{ ns(first: 900) { items { v } } }";
    request.limits.response_bytes_max = 2000;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK);
    cr_assert_not_null(strstr(response, "\"code\":\"LIMIT\"}}],\"data\":null}"), "%s", response);
    quire_free(response);
    request.limits.response_bytes_max = 0;
    request.limits.memory_bytes_max = 100 * 1024;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK);
    cr_assert_not_null(strstr(response, "\"code\":\"LIMIT\""), "%s", response);
    quire_free(response);
    mapping_close(db);
}

Test(resolver, outcome__tells_of_errors)
{
    quire_db *db = open_numbers(1);
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_outcome outcome = {0};
    quire_graphql_errors *errors;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;
    request.document = "{ ns { items { n v } } }";
    request.outcome = &outcome;
    request.errors = &errors;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK);
    cr_assert_eq(outcome.status, QUIRE_QUERY);
    cr_assert(outcome.executed);
    cr_assert_not_null(errors);
    quire_free(errors);
    quire_free(response);
    set(db, "N.v", give_five, NULL);
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK);
    cr_assert_eq(outcome.status, QUIRE_OK);
    cr_assert_null(errors);
    quire_free(response);
    mapping_close(db);
}

/* ---- failing allocations ---- */

static quire_status give_place(void *context, quire_resolver_call *call, quire_error *err)
{
    static const char json[] =
        "{\"city\": \"x\", \"tags\": [\"a\", \"b\"], \"at\": [\"1\", \"2\"]}";
    quire_value many;
    (void)context;
    (void)quire_resolver_argument(call, "k", &many);
    for (size_t i = 0; i < call->count; i++) {
        if (call->values[i].size == 1 && ((const char *)call->values[i].as.bytes)[0] == '2') {
            (void)quire_resolver_refuse(call, i, "CODE", "Refused.", err);
        } else {
            /* what it says is remembered */
            (void)quire_resolver_give_json(call, i, json, sizeof json - 1, err);
        }
    }
    return QUIRE_OK;
}

Test(resolver, fault__no_failed_allocation_does_harm)
{
    static struct failing_allocator failing;
    static const char sdl[] =
        "type A { id: ID! v(k: [In!]): V @resolver(requires: \"id\") } "
        "type V @resolver { city: String! tags: [String!]! at: [A] when: DateTime } "
        "input In { n: Int = 3 } type Query { as: [A] }";
    bool failed = true;
    for (uint64_t i = 0; failed; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_options options = QUIRE_OPTIONS_INIT;
        quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
        char *response = NULL;
        size_t size;
        quire_db *db;
        failing_allocator_init(&failing);
        options.allocator = &failing.allocator;
        options.wal_segment_bytes = 64 << 10;
        cr_assert_eq(quire_open(":memory:", &options, &db, &err), QUIRE_OK);
        cr_assert_eq(mapping_apply(db, sdl, &err), QUIRE_OK, "%s", err.message);
        MAPPING_HAS(
            db, "mutation { createAs(inputs: [{id: \"1\"}, {id: \"2\"}]) { affectedRows } }", "2");
        request.document = "{ as { items { v(k: [{}]) { city tags at { id v { city } } } } } }";
        failing_allocator_arm(&failing, i, false);
        quire_status status = quire_resolver_function(db, "A.v", give_place, NULL, &err);
        if (status == QUIRE_OK) {
            status = quire_graphql(db, &request, &response, &size, NULL, &err);
        }
        failed = failing.failures > 0;
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        cr_expect(status == QUIRE_OK || (failed && status == QUIRE_NO_MEMORY));
        cr_expect(failed ||
                  strstr(response, "{\"data\":{\"as\":{\"items\":[{\"v\":{\"city\":\"x\",\"tags\":"
                                   "[\"a\",\"b\"],\"at\":[{\"id\":\"1\",\"v\":{\"city\":\"x\"}},"
                                   "{\"id\":\"2\",\"v\":null}]}},{\"v\":null}]}},\"errors\":"));
        quire_free(response);
        mapping_close(db);
        cr_assert(failing_allocator_is_clean(&failing), "failure %llu", (unsigned long long)i);
    }
}

/* Writes a row by a request in the mutation's transaction. */
static quire_status add_row(void *context, quire_resolver_call *call, quire_error *err)
{
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_value key = quire_text("2");
    char *response;
    size_t size;
    bool has_errors;
    (void)context;
    request.document = "mutation { createA(input: {id: \"2\"}) { id } }";
    quire_status status = quire_graphql_in(call->txn, &request, &response, &size, &has_errors, err);
    if (status != QUIRE_OK) {
        return status;
    }
    quire_free(response);
    return has_errors ? quire_resolver_refuse(call, 0, NULL, "It failed.", err)
                      : quire_resolver_give(call, 0, &key, err);
}

Test(resolver, fault__mutation_that_fails_leaves_nothing)
{
    static struct failing_allocator failing;
    static const char sdl[] = "type A { id: ID! } type Query { as: [A] } "
                              "type Mutation { add: A! @resolver }";
    bool failed = true;
    for (uint64_t i = 0; failed; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_options options = QUIRE_OPTIONS_INIT;
        quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
        bool has_errors = true;
        char *response = NULL;
        size_t size;
        quire_db *db;
        failing_allocator_init(&failing);
        options.allocator = &failing.allocator;
        options.wal_segment_bytes = 64 << 10;
        cr_assert_eq(quire_open(":memory:", &options, &db, &err), QUIRE_OK);
        cr_assert_eq(mapping_apply(db, sdl, &err), QUIRE_OK, "%s", err.message);
        set(db, "Mutation.add", add_row, NULL);
        request.document = "mutation { createA(input: {id: \"1\"}) { id } add { id } }";
        failing_allocator_arm(&failing, i, false);
        quire_status status = quire_graphql(db, &request, &response, &size, &has_errors, &err);
        failed = failing.failures > 0;
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        cr_expect(status == QUIRE_OK || (failed && status == QUIRE_NO_MEMORY));
        has_errors = has_errors || status != QUIRE_OK;
        cr_expect(failed || !has_errors);
        MAPPING_HAS(db, "{ as { totalCount } }",
                    has_errors ? "{\"totalCount\":0}" : "{\"totalCount\":2}");
        quire_free(response);
        mapping_close(db);
        cr_assert(failing_allocator_is_clean(&failing), "failure %llu", (unsigned long long)i);
    }
}
