/*
 * Connections whose rows are told by the entries of an index: the same answers
 * as from the rows, which are not read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping_fixture.h"
#include "support/prng.h"

static const char schema[] =
    "type U @index(fields: [\"city\", \"age\", \"boss\"]) { id: ID! city: String age: Int nick: "
    "String @unique day: Date big: BigInt @index boss: U @relation(inverse: \"staff\") staff: [U] "
    "score: Float @index note: String sum: Int @computed(expr: \"age + 1\") }";

static quire_db *open_users(unsigned count)
{
    struct prng prng = {.state = 7};
    quire_db *db = mapping_open(schema, NULL);
    char *json = malloc((size_t)count * 200 + 50);
    size_t used = 0;
    cr_assert_not_null(json);
    used += (size_t)snprintf(json, 50, "{\"U\": [");
    for (unsigned i = 0; i < count; i++) {
        char city[20];
        (void)snprintf(city, sizeof city, "\"c%u\"", (unsigned)prng_below(&prng, 6));
        used += (size_t)snprintf(json + used, 200,
                                 "%s{\"id\": \"%u\", \"city\": %s, \"age\": %d, \"nick\": \"n%u\", "
                                 "\"big\": %u, \"score\": "
                                 "%u.5, \"note\": \"x\", \"boss\": %s%u%s}",
                                 i > 0 ? "," : "", i, prng_below(&prng, 9) == 0 ? "null" : city,
                                 (int)prng_below(&prng, 40) - 5, i * 7 % count,
                                 (unsigned)prng_below(&prng, 1000), i % 50,
                                 i % 5 == 0 ? "null, \"x\": \"" : "\"", i / 2, "\"");
    }
    (void)snprintf(json + used, 50, "]}");
    /* a boss who is null has a number beside it, which is no field */
    for (char *x; (x = strstr(json, ", \"x\": \"")) != NULL;) {
        char *end = strchr(x + 8, '"');
        memmove(x, end + 1, strlen(end + 1) + 1);
    }
    mapping_load(db, json);
    free(json);
    return db;
}

/* Whether the first entry of extensions.explain has read rows. */
static bool reads_rows(const char *response)
{
    return strstr(response, "\"rowsRead\":0,") == NULL;
}

/* Cuts off the extensions. */
static char *ask(quire_db *db, const char *arguments, const char *selection, const char *more,
                 bool *reads)
{
    char document[400];
    (void)snprintf(document, sizeof document,
                   "{ us%s { items { %s%s } edges { cursor node { %s%s } } pageInfo { hasNextPage "
                   "hasPreviousPage } } }",
                   arguments, selection, more, selection, more);
    char *response = mapping_run(db, document, NULL, true);
    *reads = reads_rows(response);
    char *end = strstr(response, ",\"extensions\"");
    cr_assert_not_null(end, "%s", response);
    *end = '\0';
    return response;
}

/* Takes every "note" out. */
static void drop_notes(char *text)
{
    static const char note[] = ",\"note\":\"x\"";
    for (char *at; (at = strstr(text, note)) != NULL;) {
        memmove(at, at + sizeof note - 1, strlen(at + sizeof note - 1) + 1);
    }
}

static void compare(quire_db *db, const char *arguments, const char *selection, bool covered)
{
    bool reads;
    bool full_reads;
    char *from_entries = ask(db, arguments, selection, "", &reads);
    char *from_rows = ask(db, arguments, selection, " note", &full_reads);
    drop_notes(from_rows);
    cr_expect_str_eq(from_entries, from_rows, "%s { %s }", arguments, selection);
    cr_expect_eq(reads, !covered, "%s { %s }", arguments, selection);
    cr_expect(full_reads);
    quire_free(from_entries);
    quire_free(from_rows);
}

Test(cover, connection__reads_entries_alone_where_they_tell_all)
{
    quire_db *db = open_users(400);
    compare(db, "(where: {city: {equals: \"c1\"}})", "city age", true);
    compare(db, "(where: {city: {equals: \"c1\"}}, orderBy: {age: asc}, first: 7)", "age", true);
    compare(db, "(where: {city: {equals: \"c1\"}}, orderBy: {age: DESC}, last: 5)", "age city",
            true);
    compare(db, "(where: {city: {equals: \"c2\"}, age: {gt: 3, lt: 20}})", "age sum", true);
    compare(db, "(where: {city: {in: [\"c1\", \"c4\"]}, age: {not: 3}})", "city age", true);
    compare(db, "(where: {city: {equals: \"c1\"}, age: {notIn: [1, 2, 3]}})", "age __typename",
            true);
    compare(db, "(where: {city: {equals: \"c3\"}}, orderBy: {age: asc}, skip: 4, take: 4)",
            "age bossId boss { id }", true);
    compare(db, "(where: {nick: {equals: \"n5\"}})", "nick", false); /* a hash has no values */
    compare(db, "(where: {big: {gte: 900}}, orderBy: {big: DESC}, first: 9)", "big", true);
    compare(db, "(where: {city: {equals: \"c1\"}}, distinct: [age])", "age", true);
    compare(db, "(where: {city: {equals: \"c1\"}})", "staff(first: 1) { items { id } }", true);
    mapping_close(db);
}

Test(cover, connection__reads_rows_for_what_entries_do_not_tell)
{
    quire_db *db = open_users(400);
    compare(db, "(where: {city: {equals: \"c1\"}})", "id city", false);
    compare(db, "(where: {city: {equals: \"c1\"}})", "_version", false);
    /* not every float comes back from a key */
    compare(db, "(where: {score: {gt: 40}}, orderBy: {score: asc}, first: 5)", "score", false);
    compare(db, "(where: {city: {equals: \"c1\"}, note: {equals: \"x\"}})", "age", false);
    compare(db, "(where: {city: {equals: \"c1\"}}, orderBy: {nick: asc})", "age", false);
    mapping_close(db);
}

Test(cover, pages__go_on_from_cursors_of_entries)
{
    quire_db *db = open_users(400);
    char after[200] = "";
    unsigned count = 0;
    for (bool more = true; more; count++) {
        char document[400];
        (void)snprintf(document, sizeof document,
                       "{ us(where: {city: {equals: \"c1\"}}, orderBy: {age: DESC}, first: 10%s) { "
                       "edges { node { age } } pageInfo { endCursor hasNextPage } } }",
                       after);
        char *response = mapping_run(db, document, NULL, true);
        cr_assert_not(reads_rows(response));
        more = strstr(response, "\"hasNextPage\":true") != NULL;
        const char *cursor = strstr(response, "\"endCursor\":\"") + strlen("\"endCursor\":\"");
        (void)snprintf(after, sizeof after, ", after: \"%.*s\"",
                       (int)(strchr(cursor, '"') - cursor), cursor);
        quire_free(response);
    }
    cr_assert_gt(count, 4);
    mapping_close(db);
}

Test(cover, rows_beyond_cursors__are_seen_by_their_entries)
{
    quire_db *db = open_users(400);
    char arguments[3][300];
    char *response =
        mapping_run(db,
                    "{ us(where: {city: {equals: \"c1\"}}, orderBy: {age: asc}, first: "
                    "9) { edges { node { age } } pageInfo { endCursor } } }",
                    NULL, false);
    const char *cursor = strstr(response, "\"endCursor\":\"") + strlen("\"endCursor\":\"");
    int size = (int)(strchr(cursor, '"') - cursor);
    static const char *const forms[] = {"", "", ", age: {not: 7}"};
    static const char *const pages[] = {"first: 5, after", "last: 5, before", "after"};
    for (int i = 0; i < 3; i++) {
        (void)snprintf(arguments[i], sizeof arguments[i],
                       "(where: {city: {equals: \"c1\"}%s}, orderBy: {age: asc}, %s: \"%.*s\")",
                       forms[i], pages[i], size, cursor);
        compare(db, arguments[i], "age", true);
        bool reads;
        char *page = ask(db, arguments[i], "age", "", &reads);
        cr_expect_not_null(
            strstr(page, i == 1 ? "\"hasNextPage\":true" : "\"hasPreviousPage\":true"), "%s", page);
        quire_free(page);
    }
    quire_free(response);
    mapping_close(db);
}

Test(cover, rows_written_in_the_same_request__are_told_as_they_are)
{
    quire_db *db = open_users(60);
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_txn *txn;
    char *response;
    size_t size;
    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &txn, &err), QUIRE_OK);
    request.document = "mutation { createU(input: {id: \"new\", city: \"here\", age: 1}) { id } "
                       "updateU(id: \"1\", input: {city: \"here\", age: 2}) { id } }";
    cr_assert_eq(quire_graphql_in(txn, &request, &response, &size, NULL, &err), QUIRE_OK);
    quire_free(response);
    request.document =
        "{ us(where: {city: {equals: \"here\"}}, orderBy: {age: asc}) { items { age } } }";
    cr_assert_eq(quire_graphql_in(txn, &request, &response, &size, NULL, &err), QUIRE_OK);
    cr_assert_str_eq(response, "{\"data\":{\"us\":{\"items\":[{\"age\":1},{\"age\":2}]}}}");
    quire_free(response);
    quire_rollback(txn);
    mapping_close(db);
}
