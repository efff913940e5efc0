/*
 * Every allocation of a schema change, a mutation and a query is made to fail
 * once: nothing may leak or crash, and what was not confirmed has not happened.
 */
#include <string.h>

#include "engine/engine.h"
#include "mapping_fixture.h"
#include "support/failing_allocator.h"

static const char before[] = "type A { id: ID! n: Int }";
static const char after[] =
    "type A { id: ID! n: Int @index s: String @default(value: \"d\") up: A ups: [A] "
    "@relation(inverse: \"up\") bs: [B] } type B { id: ID! k: K as: [A] } enum K { X Y }";
static const char mutation[] =
    "mutation { createB(input: {id: \"b\", k: X}) { id } "
    "c: createA(input: {id: \"2\", n: 2, upId: \"1\", bsIds: [\"b\"]}) { id bs { items { k } } } "
    "updateA(id: \"1\", input: {n: 5, upId: \"2\"}) { up { id } } deleteA(id: \"2\") { id } "
    "d: createA(input: {id: \"3\", s: \"x\", upId: \"1\"}) { ups { totalCount } } }";
static const char nested[] =
    "mutation { updateA(id: \"1\", input: {ups: {create: {id: \"2\", bs: {create: {id: \"b\", k: "
    "Y}}}, connectOrCreate: {where: {id: \"3\"}, create: {id: \"3\"}}}, up: {create: {id: "
    "\"4\"}}}, apply: {n: {increment: 1}}) { ups { items { id bs { items { id } } } } } "
    "updateAs(where: {n: {gte: 0}}, input: {ups: {set: [{id: \"3\"}]}, up: {delete: true}}) { "
    "affectedRows returning { id _version } } "
    "many: updateA(id: \"1\", input: {ups: {updateMany: {where: {s: {not: \"q\"}}, input: {s: "
    "\"r\"}}, "
    "deleteMany: {where: {s: {equals: \"q\"}}}}}) { id } "
    "upsertA(where: {id: \"3\"}, create: {}, update: {up: {disconnect: true}}) { id } "
    "deleteAs(where: {id: {equals: \"2\"}}) { returning { id } } }";
static const char query[] =
    "{ as(where: {OR: [{n: {in: [1, 5]}}, {up: {is: {n: {gt: 2}}}}], s: {startsWith: \"\"}}, "
    "orderBy: [{up: {n: asc}}, {n: DESC}], first: 5) { totalCount edges { cursor node { id upId "
    "ups(first: 1) { items { id } pageInfo { hasNextPage endCursor } } bs { items { id } } } } } "
    "a(id: \"1\") { n } covered: as(where: {n: {gte: 0}}, orderBy: {n: asc}) { items { n } } }";
static const char aggregates[] =
    "{ as(where: {ups: {count: {lt: 9}, max: {s: {gte: \"\"}}}}, orderBy: {ups: {avg: {n: asc}}}) "
    "{ totalCount items { ups { aggregate { count(distinct: [n, s]) min { s } sum { n } } } "
    "bs { totalCount } } "
    "groupBy(by: [{s: VALUE}, {upId: VALUE}], having: {keys: {s: {startsWith: \"d\"}}, count: {gt: "
    "0}}, orderBy: {max: {n: DESC}}) { keys { s upId } count } "
    "g: groupBy(by: {n: VALUE}) { keys { n } min { s } } aggregate { min { n } max { n } } } }";

/* Runs a request; the status, and whether the response has errors. */
static quire_status ask(quire_db *db, const char *document, bool *has_errors)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response = NULL;
    size_t size;

    *has_errors = true;
    request.document = document;
    request.explain = true;
    quire_status status = quire_graphql(db, &request, &response, &size, has_errors, &err);
    cr_expect_eq(status == QUIRE_OK, response != NULL);
    quire_free(response);
    return status;
}

/* As mapping_apply, but begin may fail too. */
static quire_status apply(quire_db *db, const char *sdl, quire_error *err)
{
    quire_txn *txn;
    quire_status status = quire_begin(db, QUIRE_WRITE, &txn, err);
    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_schema_apply(txn, sdl, strlen(sdl), err);
    if (status == QUIRE_OK) {
        return quire_commit(txn, err);
    }
    quire_rollback(txn);
    return status;
}

static quire_db *open_over(struct failing_allocator *failing)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    bool has_errors;

    failing_allocator_init(failing);
    options.allocator = &failing->allocator;
    options.wal_segment_bytes = 64 << 10; /* a database for each allocation */
    cr_assert_eq(quire_open(":memory:", &options, &db, &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq(mapping_apply(db, before, &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq(ask(db, "mutation { createA(input: {id: \"1\", n: 1}) { id } }", &has_errors),
                 QUIRE_OK);
    cr_assert_not(has_errors);
    return db;
}

Test(mapping, fault__no_failed_allocation_of_a_schema_change_does_harm)
{
    static struct failing_allocator failing;
    bool failed = true;
    for (uint64_t i = 0; failed; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_db *db = open_over(&failing);
        failing_allocator_arm(&failing, i, false);
        quire_status status = apply(db, after, &err);
        failed = failing.failures > 0;
        cr_expect(status == QUIRE_OK || status == QUIRE_NO_MEMORY, "%s: %s",
                  quire_status_name(status), err.message);
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        if (status != QUIRE_OK) {
            MAPPING_IS(db, "{ as { items { id n } } }",
                       "{\"data\":{\"as\":{\"items\":[{\"id\":\"1\",\"n\":1}]}}}");
        }
        mapping_close(db);
        cr_assert(failing_allocator_is_clean(&failing), "failure %llu", (unsigned long long)i);
    }
}

Test(mapping, fault__no_failed_allocation_of_a_request_does_harm)
{
    static const char *const steps[] = {mutation, nested, query, aggregates};
    static struct failing_allocator failing;
    for (int step = 0; step < 4; step++) {
        bool failed = true;
        for (uint64_t i = 0; failed; i++) {
            bool has_errors;
            quire_error err = QUIRE_ERROR_INIT;
            quire_db *db = open_over(&failing);
            cr_assert_eq(mapping_apply(db, after, &err), QUIRE_OK, "%s", err.message);
            failing_allocator_arm(&failing, i, false);
            quire_status status = ask(db, steps[step], &has_errors);
            failed = failing.failures > 0;
            failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
            cr_expect(failed || (status == QUIRE_OK && !has_errors));
            if (step < 2) {
                MAPPING_HAS(db, "{ bs { totalCount } }",
                            has_errors ? "{\"totalCount\":0}" : "{\"totalCount\":1}");
            }
            if (has_errors) {
                MAPPING_IS(db, "{ as { items { id n up { id } } } }",
                           "{\"data\":{\"as\":{\"items\":[{\"id\":\"1\",\"n\":1,\"up\":null}]}}}");
            }
            mapping_close(db);
            cr_assert(failing_allocator_is_clean(&failing), "failure %llu", (unsigned long long)i);
        }
    }
}
