/*
 * Memory that runs out: at whichever allocation, the load fails cleanly, stores
 * nothing and leaks nothing.
 */
#include "load_fixture.h"

#include <stdlib.h>

#include "support/failing_allocator.h"

static const char sdl[] =
    "enum Kind { A B }\n"
    "type Item { id: ID! @id kind: Kind! name: String @unique parent: Item! tags: [Tag!]! "
    "labels: [String!] }\n"
    "type Tag @trigger(on: CREATE, mutation: \"mutation ($new_name: String!)"
    " { createLog(input: {tag: $new_name}) { tag } }\") { name: String! @id items: [Item!]! }\n"
    "type Log { id: ID! tag: String }\n";

static const char mapping[] =
    "{\"rules\": [{\"file\": \"items\", \"list\": \"l.m\", \"type\": \"Item\", \"fields\": {"
    "\"id\": \"{id}\", \"kind\": {\"from\": \"kind\", \"values\": {\"a\": \"A\"}, \"other\": "
    "\"keep\"},"
    "\"name\": [\"{a.b|upper}\", {\"constant\": \"none\"}], \"parent\": \"up\", \"tagIds\": "
    "\"tags.name\", \"labels\": \"labels\"}},"
    "{\"file\": \"tags\", \"type\": \"Tag\", \"fields\": {\"name\": \"name\"}}]}";

static const struct input mapped[] = {
    {"items", "{\"l\": {\"m\": [{\"id\": 1, \"kind\": \"a\", \"a\": {\"b\": \"x\"}, \"up\": 2, "
              "\"tags\": [{\"name\": \"t\"}], \"labels\": [\"p\", \"q\"]},"
              "{\"id\": 2, \"kind\": \"B\", \"up\": 1}]}}"},
    {"tags", "[{\"name\": \"t\"}]"},
    {NULL, NULL}};

static const struct input plain[] = {
    {"d", "{\"Item\": [{\"id\": 1, \"kind\": \"A\", \"parentId\": 2, \"tagIds\": [\"t\"]},"
          "{\"id\": 2, \"kind\": \"B\", \"parent\": 1}], \"Tag\": [{\"name\": \"t\"}]}"},
    {NULL, NULL}};

static const char question[] = "{ items { items { id parent { id } tags { items { name } } } } }";

static const char answer[] = "{\"items\":{\"items\":["
                             "{\"id\":\"1\",\"parent\":{\"id\":\"2\"},\"tags\":{\"items\":["
                             "{\"name\":\"t\"}]}},"
                             "{\"id\":\"2\",\"parent\":{\"id\":\"1\"},\"tags\":{\"items\":[]}}]}}";

/* Fails the n-th allocation of a load for n = 0, 1, ... until it succeeds. */
static void fail_everywhere(const char *map, const struct input *inputs, bool forever)
{
    struct failing_allocator failing;
    failing_allocator_init(&failing);
    quire_db *db = open_db(":memory:", &failing.allocator);
    apply_schema(db, sdl);
    quire_status status;
    uint64_t index = 0;
    do {
        quire_error err = QUIRE_ERROR_INIT;
        uint64_t rows;
        failing_allocator_arm(&failing, index, forever);
        status = load_pieces(db, map, inputs, 16, &rows, &err);
        bool failed = failing.failures > 0;
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        if (status != QUIRE_OK) {
            cr_assert_eq(status, QUIRE_NO_MEMORY, "allocation %llu: %s: %s",
                         (unsigned long long)index, quire_status_name(status), err.message);
            cr_assert(failed);
            cr_assert_eq(err.status, QUIRE_NO_MEMORY);
            expect_answer(db, "{ items { totalCount } tags { totalCount } }",
                          "{\"items\":{\"totalCount\":0},\"tags\":{\"totalCount\":0}}");
        }
        index++;
    } while (status != QUIRE_OK && index < 5000);
    cr_assert_eq(status, QUIRE_OK);
    cr_assert_gt(index, 20);
    expect_answer(db, question, answer);
    close_db(db);
    cr_assert(failing_allocator_is_clean(&failing));
}

Test(load_fault, a_failing_allocation_stores_nothing_of_a_mapped_load)
{
    fail_everywhere(mapping, mapped, false);
}

Test(load_fault, a_failing_allocation_stores_nothing_of_a_plain_load)
{
    fail_everywhere(NULL, plain, false);
}

Test(load_fault, memory_that_stays_gone_stores_nothing)
{
    fail_everywhere(mapping, mapped, true);
}

static const char first_rows[] =
    "{\"Item\": [{\"id\": 1, \"kind\": \"B\", \"parent\": 1}, {\"id\": 3, \"kind\": \"A\","
    " \"parent\": 3}], \"Tag\": [{\"name\": \"t\"}, {\"name\": \"u\"}]}";

static const struct input cells[] = {
    {"Item.csv", "id,kind,parent,tags,labels\n1,A,2,\"[\"\"t\"\"]\",\"[\"\"p\"\",\"\"q\"\"]\"\n"
                 "2,B,1,[],\n"},
    {"Tag.jsonl", "{\"name\": \"t\"}\n"},
    {NULL, NULL}};

/* The same over rows that are there already. */
Test(load_fault, a_failing_allocation_leaves_the_rows_that_a_load_would_replace)
{
    static const char before[] = "{\"items\":{\"totalCount\":2},\"tags\":{\"totalCount\":2}}";
    quire_load_options options = QUIRE_LOAD_OPTIONS_INIT;
    struct failing_allocator failing;
    quire_error err = QUIRE_ERROR_INIT;
    failing_allocator_init(&failing);
    quire_db *db = open_db(":memory:", &failing.allocator);
    apply_schema(db, sdl);
    OK(load(db, NULL, INPUTS({"first", first_rows}), &err));
    options.mode = QUIRE_LOAD_REPLACE;
    quire_status status;
    uint64_t index = 0;
    do {
        uint64_t rows;
        failing_allocator_arm(&failing, index++, false);
        status = load_with(db, &options, cells, 16, &rows, &err);
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        if (status != QUIRE_OK) {
            cr_assert_eq(status, QUIRE_NO_MEMORY, "allocation %llu: %s: %s",
                         (unsigned long long)index, quire_status_name(status), err.message);
            expect_answer(db, "{ items { totalCount } tags { totalCount } }", before);
        }
    } while (status != QUIRE_OK && index < 5000);
    cr_assert_eq(status, QUIRE_OK);
    expect_answer(db, question, answer);
    close_db(db);
    cr_assert(failing_allocator_is_clean(&failing));
}
