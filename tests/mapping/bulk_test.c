/*
 * Writes of many rows, upserts, versions, and the names of mutation fields.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping_fixture.h"
#include "support/failing_allocator.h"
#include "world.h"

Test(mapping, bulk__creates_rows_and_returns_them_in_order)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS_WITH(
        db,
        "mutation ($in: [BookInput!]!) { createBooks(inputs: $in) { n: affectedRows returning { id "
        "author { name } genres { totalCount } } again: returning { id } __typename } }",
        "{\"in\": [{\"id\": \"z\", \"title\": \"Z\", \"authorId\": \"a1\"}, {\"id\": \"y\", "
        "\"title\": \"Y\", \"author\": {\"connect\": {\"id\": \"a2\"}}, \"genresIds\": "
        "[\"war\"]}]}",
        "{\"data\":{\"createBooks\":{\"n\":2,\"returning\":[{\"id\":\"z\",\"author\":{\"name\":"
        "\"Ines\"},\"genres\":{\"totalCount\":0}},{\"id\":\"y\",\"author\":{\"name\":\"Bo\"},"
        "\"genres\":{\"totalCount\":1}}],\"again\":[{\"id\":\"z\"},{\"id\":\"y\"}],"
        "\"__typename\":\"BookBulkResult\"}}}");
    MAPPING_IS(db, "mutation { createBooks(inputs: []) { affectedRows returning { id } } }",
               "{\"data\":{\"createBooks\":{\"affectedRows\":0,\"returning\":[]}}}");
    mapping_close(db);
}

/* Rows of nine fields, as the variable "in". */
static char *many_rows(int count)
{
    size_t room = (size_t)count * 200 + 100;
    char *text = malloc(room);
    size_t size = (size_t)snprintf(text, room, "{\"in\": [");
    for (int i = 0; i < count; i++) {
        size +=
            (size_t)snprintf(text + size, room - size,
                             "%s{\"id\": \"row-%06d\", \"a\": %d, \"b\": \"%d\", \"c\": 0.5, "
                             "\"d\": true, \"e\": [\"x\", \"y\"], \"f\": \"text\", \"g\": null, "
                             "\"h\": 1, \"up\": {\"connect\": {\"id\": \"%s\"}}}",
                             i == 0 ? "" : ", ", i, i, i, i % 2 == 0 ? "r" : "s");
    }
    snprintf(text + size, room - size, "]}");
    return text;
}

/* Calls of the allocator that creating `count` rows takes. */
static uint64_t calls_for(int count)
{
    static struct failing_allocator failing;
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    char *variables = many_rows(count);
    char expected[100];
    quire_db *db;

    failing_allocator_init(&failing);
    options.allocator = &failing.allocator;
    cr_assert_eq(quire_open(":memory:", &options, &db, &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq(mapping_apply(db,
                               "type R { id: ID! a: Int b: BigInt c: Float d: Boolean e: [String!] "
                               "f: String g: Int h: Int up: R }",
                               &err),
                 QUIRE_OK);
    MAPPING_HAS(db, "mutation { createRs(inputs: [{id: \"r\"}, {id: \"s\"}]) { affectedRows } }",
                "data");
    snprintf(expected, sizeof expected, "{\"data\":{\"createRs\":{\"affectedRows\":%d}}}", count);
    failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
    MAPPING_IS_WITH(db, "mutation ($in: [RInput!]!) { createRs(inputs: $in) { affectedRows } }",
                    variables, expected);
    uint64_t calls = failing.calls;
    mapping_close(db);
    free(variables);
    return calls;
}

Test(mapping, bulk__asks_for_no_memory_row_by_row)
{
    uint64_t few = calls_for(1000);
    uint64_t many = calls_for(3000);
    cr_expect_lt(many - few, 300, "%llu, then %llu", (unsigned long long)few,
                 (unsigned long long)many);
}

Test(mapping, bulk__create_is_all_or_nothing_and_tells_the_row)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_HAS(db,
                "mutation { createGenres(inputs: [{name: \"a\"}, {name: \"b\"}, {name: \"a\"}]) { "
                "affectedRows } }",
                "\"path\":[\"createGenres\"],\"extensions\":{\"code\":\"UNIQUE\",\"coordinate\":"
                "\"Genre.name\",\"inputPath\":[\"inputs\",2]}");
    MAPPING_HAS(db,
                "mutation { createBooks(inputs: [{title: \"a\", authorId: \"a1\"}, {title: \"b\", "
                "authorId: \"no\"}]) { affectedRows } }",
                "\"code\":\"FOREIGN_KEY\",\"coordinate\":\"Book.author\",\"inputPath\":[\"inputs\","
                "1,\"authorId\"]");
    MAPPING_HAS(
        db, "mutation { createBooks(inputs: [{title: \"a\"}]) { affectedRows } }",
        "\"code\":\"NOT_NULL\",\"coordinate\":\"Book.author\",\"inputPath\":[\"inputs\",0]");
    MAPPING_IS(db, "{ genres { totalCount } books { totalCount } }",
               "{\"data\":{\"genres\":{\"totalCount\":3},\"books\":{\"totalCount\":6}}}");
    mapping_close(db);
}

Test(mapping, bulk__updates_what_the_filter_selects)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(db,
               "mutation { updateBooks(where: {author: {is: {name: {equals: \"Ines\"}}}}, input: "
               "{kind: POEM}, apply: {year: {increment: 1}}) { affectedRows returning { id kind "
               "year } } }",
               "{\"data\":{\"updateBooks\":{\"affectedRows\":3,\"returning\":["
               "{\"id\":\"b1\",\"kind\":\"POEM\",\"year\":1931},"
               "{\"id\":\"b2\",\"kind\":\"POEM\",\"year\":1921},"
               "{\"id\":\"b4\",\"kind\":\"POEM\",\"year\":1931}]}}}");
    /* Nested writes are done for each row. */
    MAPPING_IS(db,
               "mutation { updateBooks(where: {kind: {equals: NOVEL}}, input: {genres: {connect: "
               "[{name: \"war\"}]}, author: {connect: {id: \"a4\"}}}) { affectedRows } }",
               "{\"data\":{\"updateBooks\":{\"affectedRows\":2}}}");
    MAPPING_IS(db, "{ genre(name: \"war\") { books { items { id author { id } } } } }",
               "{\"data\":{\"genre\":{\"books\":{\"items\":[{\"id\":\"b5\",\"author\":{\"id\":"
               "\"a3\"}},{\"id\":\"b3\",\"author\":{\"id\":\"a4\"}},{\"id\":\"b6\",\"author\":{"
               "\"id\":\"a4\"}}]}}}}");
    MAPPING_HAS(db, "mutation { updateBooks(where: {year: {gt: 1}}) { affectedRows } }",
                "needs \\\"input\\\" or \\\"apply\\\"");
    MAPPING_HAS(db, "mutation { updateBook(id: \"b1\") { id } }", "\"code\":\"BAD_INPUT\"");
    mapping_close(db);
}

/* A walk along the index on `year` would meet the rows again that it moves ahead. */
Test(mapping, bulk__meets_each_row_once_whatever_it_does_to_it)
{
    quire_db *db = mapping_open("type N { id: ID! n: Int! @index }", NULL);
    char inputs[4000];
    size_t size = (size_t)snprintf(inputs, sizeof inputs, "{\"in\": [");
    for (int i = 0; i < 100; i++) {
        size += (size_t)snprintf(inputs + size, sizeof inputs - size, "%s{\"n\": %d}",
                                 i == 0 ? "" : ", ", i);
    }
    snprintf(inputs + size, sizeof inputs - size, "]}");
    MAPPING_IS_WITH(db, "mutation ($in: [NInput!]!) { createNs(inputs: $in) { affectedRows } }",
                    inputs, "{\"data\":{\"createNs\":{\"affectedRows\":100}}}");
    MAPPING_IS(db,
               "mutation { updateNs(where: {n: {gte: 50}}, apply: {n: {increment: 1000}}) { "
               "affectedRows } }",
               "{\"data\":{\"updateNs\":{\"affectedRows\":50}}}");
    MAPPING_IS(db,
               "{ ns(where: {n: {gte: 1050}}) { totalCount } rest: ns(where: {n: {lt: 50}}) { "
               "totalCount } }",
               "{\"data\":{\"ns\":{\"totalCount\":50},\"rest\":{\"totalCount\":50}}}");
    mapping_close(db);
}

Test(mapping, bulk__deletes_and_returns_the_rows_as_they_were)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(db,
               "mutation { deleteBooks(where: {genres: {some: {name: {equals: \"love\"}}}}) { "
               "affectedRows returning { id author { id } genres { items { name } } } } }",
               "{\"data\":{\"deleteBooks\":{\"affectedRows\":2,\"returning\":["
               "{\"id\":\"b1\",\"author\":{\"id\":\"a1\"},\"genres\":{\"items\":[{\"name\":"
               "\"love\"},{\"name\":\"crime\"}]}},"
               "{\"id\":\"b2\",\"author\":{\"id\":\"a1\"},\"genres\":{\"items\":[{\"name\":"
               "\"love\"}]}}]}}}");
    MAPPING_IS(db, "{ genre(name: \"love\") { books { totalCount } } shop(id: \"s1\") { mainId } }",
               "{\"data\":{\"genre\":{\"books\":{\"totalCount\":0}},\"shop\":{\"mainId\":null}}}");
    MAPPING_HAS(db,
                "mutation { deleteAuthors(where: {id: {in: [\"a4\", \"a1\"]}}) { affectedRows } }",
                "\"code\":\"FOREIGN_KEY\",\"coordinate\":\"Book.author\"");
    MAPPING_IS(db, "{ authors { totalCount } }", "{\"data\":{\"authors\":{\"totalCount\":4}}}");
    mapping_close(db);
}

/* References between the rows that go hold none of them back. */
Test(mapping, bulk__deletes_rows_that_refer_to_one_another)
{
    quire_db *db = mapping_open(
        "type R { id: ID! up: R @relation(onDelete: RESTRICT) }"
        "type C { id: ID! up: C @relation(onDelete: CASCADE) }",
        "mutation { createRs(inputs: [{id: \"1\"}, {id: \"2\", upId: \"1\"}, {id: \"3\", upId: "
        "\"2\"}]) { affectedRows } createCs(inputs: [{id: \"1\"}, {id: \"2\", upId: \"1\"}, {id: "
        "\"3\", upId: \"2\"}, {id: \"4\"}]) { affectedRows } }");
    MAPPING_HAS(db, "mutation { deleteRs(where: {id: {in: [\"1\", \"2\"]}}) { affectedRows } }",
                "FOREIGN_KEY");
    MAPPING_IS(db, "mutation { deleteRs(allRows: true) { affectedRows } }",
               "{\"data\":{\"deleteRs\":{\"affectedRows\":3}}}");
    /* Rows that a cascade took before their turn. */
    MAPPING_IS(db, "mutation { deleteCs(where: {id: {in: [\"1\", \"3\"]}}) { affectedRows } }",
               "{\"data\":{\"deleteCs\":{\"affectedRows\":2}}}");
    MAPPING_IS(db, "{ rs { totalCount } cs { items { id } } }",
               "{\"data\":{\"rs\":{\"totalCount\":0},\"cs\":{\"items\":[{\"id\":\"4\"}]}}}");
    mapping_close(db);
}

/* The first reference is cleared while the second one waits. */
Test(mapping, bulk__clears_all_references_of_a_row_to_the_rows_that_go)
{
    quire_db *db = mapping_open(
        "type A { id: ID! bs: [B!]! @relation(inverse: \"a\") } type B { id: ID! a: A peer: A }",
        "mutation { createAs(inputs: [{id: \"1\"}, {id: \"2\"}, {id: \"3\"}]) { affectedRows } "
        "createBs(inputs: [{id: \"x\", aId: \"1\", peerId: \"2\"}, {id: \"y\", aId: \"2\", peerId: "
        "\"2\"}, {id: \"z\", aId: \"3\", peerId: \"1\"}]) { affectedRows } }");
    MAPPING_IS(db, "mutation { deleteAs(where: {id: {in: [\"1\", \"2\"]}}) { affectedRows } }",
               "{\"data\":{\"deleteAs\":{\"affectedRows\":2}}}");
    MAPPING_IS(
        db, "{ bs { items { id aId peerId } } }",
        "{\"data\":{\"bs\":{\"items\":[{\"id\":\"x\",\"aId\":null,\"peerId\":null},{\"id\":"
        "\"y\",\"aId\":null,\"peerId\":null},{\"id\":\"z\",\"aId\":\"3\",\"peerId\":null}]}}}");
    mapping_close(db);
}

Test(mapping, bulk__finds_its_rows_by_the_paths_of_queries)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_EXPLAINS(db,
                     "mutation { updateBooks(where: {year: {gt: 1930, lte: 1980}}, input: {kind: "
                     "PLAY}) { affectedRows } }",
                     "\"field\":\"Mutation.updateBooks\",\"access\":\"index range\",\"index\":"
                     "\"Book.year\"");
    MAPPING_EXPLAINS(db,
                     "mutation { updateBooks(where: {year: {gt: 1930, lte: 1980}}, input: {kind: "
                     "PLAY}) { affectedRows } }",
                     "\"rowsRead\":0,\"rowsReturned\":1");
    MAPPING_EXPLAINS(db,
                     "mutation { updateBooks(where: {title: {in: [\"Beta\", \"Al\"]}}, input: "
                     "{kind: PLAY}) { affectedRows } }",
                     "\"access\":\"index keys\",\"index\":\"Book.title\"");
    MAPPING_EXPLAINS(db,
                     "mutation { deleteShops(where: {mainId: {equals: \"b1\"}}) { affectedRows } }",
                     "\"access\":\"index equality\",\"index\":\"Shop.mainId\",\"order\":\"from the "
                     "path\",\"filtered\":true,\"rowsRead\":0,\"rowsReturned\":1");
    MAPPING_EXPLAINS(db, "mutation { deleteBooks(where: {id: {equals: \"b5\"}}) { affectedRows } }",
                     "\"access\":\"index equality\",\"index\":\"Book.id\"");
    mapping_close(db);
}

Test(mapping, version__guards_updates_deletions_and_upserts)
{
    quire_db *db = mapping_open("type T { id: ID! n: Int }",
                                "mutation { createT(input: {id: \"a\", n: 1}) { id } }");
    char *response = mapping_run(db, "{ t(id: \"a\") { _version } }", NULL, false);
    char version[33] = {0};
    char variables[100];
    memcpy(version, strstr(response, "\"_version\":\"") + 12, 32);
    cr_expect_eq(strspn(version, "0123456789abcdef"), 32);
    quire_free(response);
    snprintf(variables, sizeof variables, "{\"v\": \"%s\"}", version);

    MAPPING_HAS(db, "mutation { updateT(id: \"a\", input: {n: 2}, ifMatch: \"old\") { n } }",
                "\"extensions\":{\"code\":\"CONFLICT\",\"coordinate\":\"T.id\"}");
    MAPPING_HAS(db, "mutation { updateT(id: \"a\", input: {n: 2}, ifMatch: null) { n } }",
                "\"code\":\"BAD_INPUT\"");
    MAPPING_IS_WITH(
        db, "mutation ($v: String!) { updateT(id: \"a\", input: {n: 2}, ifMatch: $v) { n } }",
        variables, "{\"data\":{\"updateT\":{\"n\":2}}}");
    response = mapping_run(
        db, "mutation ($v: String!) { updateT(id: \"a\", input: {n: 3}, ifMatch: $v) { n } }",
        variables, false);
    cr_expect_not_null(strstr(response, "\"code\":\"CONFLICT\""), "%s", response);
    quire_free(response);
    response = mapping_run(db, "mutation ($v: String!) { deleteT(id: \"a\", ifMatch: $v) { n } }",
                           variables, false);
    cr_expect_not_null(strstr(response, "\"code\":\"CONFLICT\""), "%s", response);
    quire_free(response);
    response = mapping_run(db,
                           "mutation ($v: String!) { upsertT(where: {id: \"a\"}, create: {n: 9}, "
                           "update: {n: 9}, ifMatch: $v) { n } }",
                           variables, false);
    cr_expect_not_null(strstr(response, "\"code\":\"CONFLICT\""), "%s", response);
    quire_free(response);
    /* A row that is gone matches nothing. */
    MAPPING_HAS(db,
                "mutation { upsertT(where: {id: \"b\"}, create: {n: 9}, update: {n: 9}, ifMatch: "
                "\"x\") { n } }",
                "\"code\":\"CONFLICT\"");
    /* The same values are the same version; of another row they are not. */
    MAPPING_HAS(db, "mutation { updateT(id: \"a\", input: {n: 1}) { n _version } }", version);
    MAPPING_IS_WITH(db, "mutation ($v: String!) { deleteT(id: \"a\", ifMatch: $v) { n } }",
                    variables, "{\"data\":{\"deleteT\":{\"n\":1}}}");
    mapping_close(db);
}

Test(mapping, names__of_mutation_fields_can_be_declared)
{
    quire_db *db = mapping_open("type Species { id: ID! n: Int } type Person { id: ID! }\n"
                                "input SpeciesInput { n: Int }\n"
                                "type Mutation { addSpecies(input: SpeciesInput!): Species!\n"
                                "  dropSpecies(id: ID!): Species\n"
                                "  addMany(inputs: [SpeciesInput!]!): [Species!]!\n"
                                "  purge(where: SpeciesInput): [Species!]!\n"
                                "  greet(name: String!): String }",
                                NULL);
    MAPPING_IS(db,
               "mutation { addSpecies(input: {id: \"1\"}) { id } addMany(inputs: [{id: \"2\"}]) { "
               "affectedRows } updateSpecies(id: \"1\", input: {n: 3}) { n } "
               "updateAllSpecies(where: {n: {equals: 3}}, input: {n: 4}) { affectedRows } "
               "gone: dropSpecies(id: \"9\") { id } dropSpecies(id: \"1\") { n } "
               "purge(allRows: true) { affectedRows } createPeople(inputs: [{id: \"p\"}]) { "
               "affectedRows } }",
               "{\"data\":{\"addSpecies\":{\"id\":\"1\"},\"addMany\":{\"affectedRows\":1},"
               "\"updateSpecies\":{\"n\":3},\"updateAllSpecies\":{\"affectedRows\":1},\"gone\":"
               "null,\"dropSpecies\":{\"n\":4},\"purge\":{\"affectedRows\":1},"
               "\"createPeople\":{\"affectedRows\":1}}}");
    MAPPING_HAS(db, "mutation { deletePerson(id: \"9\") { id } }", "\"code\":\"NOT_FOUND\"");
    MAPPING_HAS(db, "mutation { greet(name: \"x\") }", "Cannot query field");
    mapping_close(db);
}

static void refuses(const char *sdl, const char *text)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db;
    cr_assert_eq(quire_open(":memory:", NULL, &db, &err), QUIRE_OK);
    cr_expect_eq(mapping_apply(db, sdl, &err), QUIRE_SCHEMA, "%s", sdl);
    cr_expect_not_null(strstr(err.message, text), "%s", err.message);
    mapping_close(db);
}

Test(mapping, names__of_mutations_must_not_clash)
{
    refuses("type A { id: ID! _version: Int }", "_version");
    refuses("type A @unique(fields: [\"b\", \"c\"]) { id: ID! b: Int c: Int b_c: Int }", "A.b_c");
    refuses("type A { id: ID! } type AWhereKey { id: ID! }", "AWhereKey");
    refuses("type A { id: ID! } enum AWhereKey_x { Y }", "AWhereKey_x");
    refuses("type A { id: ID! } type ABulkResult { id: ID! }", "ABulkResult");
    refuses("type A { id: ID! } type Mutation { createA(id: ID!): A removeA(id: ID!): A }",
            "the same generated field");
    refuses("type A { id: ID! } type B { id: ID! } type Mutation { createB(id: ID!): A }",
            "createB");
    refuses("type Person { id: ID! } type People { id: ID! } type Query { one: People all: "
            "[People!]! }",
            "createAllPeople");
}
