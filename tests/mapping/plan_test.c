/*
 * Which access path a query takes, by operator, type and form of paging; and
 * that whatever path it takes, it gives what a scan gives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapping_fixture.h"
#include "support/prng.h"

/* Every kind of column with an index, and the same without any (the names of the types differ not,
 * so that documents fit both). */
#define PLAN_SCHEMA(index, hash, pair)                                                             \
    "type Thing " pair " {"                                                                        \
    "  id: ID! text: String " index " code: ID " index " number: Int " index " big: BigInt " index \
    "  real: Float " index " flag: Boolean " index " kind: Kind " index " hashed: String " hash    \
    "  plain: Int left: Int right: Int owner: Owner tags: [Tag!]!"                                 \
    "}"                                                                                            \
    "enum Kind { A B C D E F G H }"                                                                \
    "type Owner { id: ID! name: String " index " rank: Int things: [Thing!]! }"                    \
    "type Tag { name: String! @id weight: Int " index " things: [Thing!]! }"

static const char with_indexes[] =
    PLAN_SCHEMA("@index", "@index(type: HASH)", "@index(fields: [\"left\", \"right\"])");
static const char without_indexes[] = PLAN_SCHEMA("", "", "");

#define THINGS 2000

static void append(char *text, size_t size, const char *piece)
{
    size_t used = strlen(text);
    cr_assert_lt(used + strlen(piece), size);
    memcpy(text + used, piece, strlen(piece) + 1);
}

/* 2,000 things: text t0000.., number 0..1999, left number % 40, right number / 40, every 50th of
 * kind H, others A to G; 100 owners of twenty things each; ten tags, the last of few things. */
static quire_db *open_things(const char *schema)
{
    static char json[THINGS * 400];
    char piece[400];
    quire_db *db = mapping_open(schema, NULL);

    snprintf(json, sizeof json, "{\"Owner\":[");
    for (int i = 0; i < 100; i++) {
        snprintf(piece, sizeof piece, "%s{\"id\":\"o%d\",\"name\":\"owner%03d\",\"rank\":%d}",
                 i == 0 ? "" : ",", i, i, i % 7);
        append(json, sizeof json, piece);
    }
    append(json, sizeof json, "],\"Tag\":[");
    for (int i = 0; i < 10; i++) {
        snprintf(piece, sizeof piece, "%s{\"name\":\"tag%d\",\"weight\":%d}", i == 0 ? "" : ",", i,
                 i);
        append(json, sizeof json, piece);
    }
    append(json, sizeof json, "],\"Thing\":[");
    size_t used = strlen(json);
    for (int i = 0; i < THINGS; i++) {
        char numbers[64] = "";
        if (i % 9 != 0) {
            snprintf(numbers, sizeof numbers, "\"number\":%d,\"big\":\"%d\",\"real\":%d.5,", i,
                     i * 1000, i);
        }
        used += (size_t)snprintf(
            json + used, sizeof json - used,
            "%s{\"id\":\"i%d\",\"text\":\"t%04d\",\"code\":\"c%d\",%s\"flag\":%s,\"kind\":\"%c\","
            "\"hashed\":\"h%d\",\"plain\":%d,\"left\":%d,\"right\":%d,\"owner\":\"o%d\","
            "\"tags\":[\"tag%d\"]}",
            i == 0 ? "" : ",", i, i, i, numbers, i % 100 == 0 ? "true" : "false",
            i % 50 == 0 ? 'H' : 'A' + i % 7, i / 4, i % 10, i % 40, i / 40, i / 20,
            i % 100 == 3 ? 9 : i % 9);
    }
    append(json, sizeof json, "]}");
    mapping_load(db, json);
    return db;
}

/* ---- what path ---- */

struct expectation {
    const char *arguments; /* of `things` */
    const char *path;      /* in the explanation */
    unsigned rows_max;     /* read */
};

static unsigned rows_read(const char *response)
{
    unsigned rows = 0;
    const char *at = response;
    while ((at = strstr(at, "\"rowsRead\":")) != NULL) {
        at += strlen("\"rowsRead\":");
        rows += (unsigned)strtoul(at, NULL, 10);
    }
    return rows;
}

static void expect_path(quire_db *db, const struct expectation *e, const char *selection)
{
    char document[512];
    snprintf(document, sizeof document, "{ things(%s) { %s } }", e->arguments, selection);
    char *response = mapping_run(db, document, NULL, true);
    cr_expect_not_null(strstr(response, e->path), "%s\n  gives %s\n  without %s", document,
                       strstr(response, "\"extensions\""), e->path);
    cr_expect_leq(rows_read(response), e->rows_max, "%s reads %u rows, not at most %u: %s",
                  document, rows_read(response), e->rows_max, strstr(response, "\"extensions\""));
    quire_free(response);
}

#define INDEX(name) "\"index\":\"Thing." name "\""

static const struct expectation operators[] = {
    {"where: {text: {equals: \"t0100\"}}", INDEX("text"), 1},
    {"where: {text: {in: [\"t0100\", \"t0200\", \"none\"]}}", INDEX("text"), 2},
    {"where: {text: {lt: \"t0010\"}}", INDEX("text"), 10},
    {"where: {text: {lte: \"t0010\"}}", INDEX("text"), 11},
    {"where: {text: {gt: \"t1989\"}}", INDEX("text"), 10},
    {"where: {text: {gte: \"t1990\"}}", INDEX("text"), 10},
    {"where: {text: {startsWith: \"t010\"}}", INDEX("text"), 10},
    {"where: {text: {gte: \"t0100\", lt: \"t0110\"}}", INDEX("text"), 10},
    {"where: {code: {equals: \"c7\"}}", INDEX("code"), 1},
    {"where: {code: {in: [\"c7\", \"c8\"]}}", INDEX("code"), 2},
    {"where: {number: {equals: 100}}", INDEX("number"), 1},
    {"where: {number: {in: [100, 101]}}", INDEX("number"), 2},
    {"where: {number: {lt: 10}}", INDEX("number"), 10},
    {"where: {number: {lte: 10}}", INDEX("number"), 11},
    {"where: {number: {gt: 1989}}", INDEX("number"), 10},
    {"where: {number: {gte: 1990}}", INDEX("number"), 10},
    {"where: {big: {equals: \"100000\"}}", INDEX("big"), 1},
    {"where: {big: {in: [100000, \"101000\"]}}", INDEX("big"), 2},
    {"where: {big: {lt: 10000}}", INDEX("big"), 10},
    {"where: {big: {gte: \"1990000\"}}", INDEX("big"), 10},
    {"where: {real: {equals: 100.5}}", INDEX("real"), 1},
    {"where: {real: {in: [100.5, 101.5]}}", INDEX("real"), 2},
    {"where: {real: {lte: 9.5}}", INDEX("real"), 10},
    {"where: {real: {gt: 1989.5}}", INDEX("real"), 10},
    {"where: {flag: {equals: true}}", INDEX("flag"), 20},
    {"where: {kind: {equals: H}}", INDEX("kind"), 40},
    {"where: {kind: {in: [H]}}", INDEX("kind"), 40},
    {"where: {hashed: {equals: \"h7\"}}", INDEX("hashed"), 4},
    {"where: {hashed: {in: [\"h7\", \"h8\"]}}", INDEX("hashed"), 8},
    {"where: {id: {equals: \"i7\"}}", INDEX("id"), 1},
    {"where: {id: {in: [\"i7\", \"i8\"]}}", INDEX("id"), 2},
    {"where: {left: {equals: 3}, right: {equals: 4}}", INDEX("left.right"), 1},
    {"where: {left: {equals: 3}, right: {gte: 45}}", INDEX("left.right"), 5},
    {"where: {left: {equals: 3}, right: {in: [4, 5]}}", INDEX("left.right"), 2},
    {"where: {ownerId: {equals: \"o7\"}}", INDEX("ownerId"), 21},
    {"where: {ownerId: {in: [\"o7\", \"o8\"]}}", INDEX("ownerId"), 42},
    /* A condition that most rows meet is no reason to go through an index. */
    {"where: {number: {gte: 5}}", "\"access\":\"scan\"", THINGS},
    {"where: {flag: {equals: false}}", "\"access\":\"scan\"", THINGS},
    {"where: {kind: {notIn: [H]}}", "\"access\":\"scan\"", THINGS},
    /* Of several conditions the one that fewest rows meet. */
    {"where: {flag: {equals: false}, number: {lt: 10}}", INDEX("number"), 10},
    {"where: {number: {gte: 5}, text: {startsWith: \"t010\"}}", INDEX("text"), 10},
    {"where: {kind: {equals: H}, ownerId: {equals: \"o5\"}}", INDEX("ownerId"), 21},
    {"where: {AND: [{kind: {equals: H}}, {text: {lt: \"t0010\"}}]}", INDEX("text"), 10},
    {"where: {kind: {in: [H, A, B]}, hashed: {equals: \"h9\"}}", INDEX("hashed"), 4},
};

Test(plan, operator__of_every_type_uses_its_index)
{
    quire_db *db = open_things(with_indexes);
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        expect_path(db, &operators[i], "items { id }");
        expect_path(db, &operators[i], "edges { cursor node { id } }");
        if (strstr(operators[i].path, "scan") == NULL) {
            expect_path(db, &operators[i], "totalCount");
        }
    }
    mapping_close(db);
}

static const struct expectation pages[] = {
    {"orderBy: {text: ASC}, first: 5", INDEX("text"), 6},
    {"orderBy: {text: DESC}, first: 5", INDEX("text"), 6},
    {"orderBy: {text: ASC}, last: 5", INDEX("text"), 6},
    {"orderBy: {text: ASC}, take: 5", INDEX("text"), 6},
    {"orderBy: {text: ASC}, skip: 7, take: 5", INDEX("text"), 13},
    {"orderBy: {number: DESC}, take: 5", INDEX("number"), 6},
    {"orderBy: {big: ASC}, last: 5", INDEX("big"), 6},
    {"orderBy: {real: ASC}, first: 5", INDEX("real"), 6},
    {"orderBy: [{left: ASC}, {right: ASC}], take: 5", INDEX("left.right"), 6},
    {"where: {left: {equals: 3}}, orderBy: {right: DESC}, take: 5", INDEX("left.right"), 6},
    {"where: {number: {gte: 1000}}, orderBy: {number: ASC}, take: 5", INDEX("number"), 6},
    {"take: 5", "\"access\":\"scan\"", 6},
    {"last: 5", "\"access\":\"scan\"", 6},
    /* A filter that most rows pass, with a limit: in order through the index, without sorting. */
    {"where: {flag: {equals: false}}, orderBy: {text: ASC}, take: 5", INDEX("text"), 40},
    {"where: {plain: {equals: 3}}, orderBy: {text: ASC}, take: 5", INDEX("text"), 2000},
    /* One that few rows pass: those few are found and sorted. */
    {"where: {number: {lt: 10}}, orderBy: {text: DESC}, take: 5", INDEX("number"), 10},
    {"where: {ownerId: {equals: \"o7\"}}, orderBy: {text: DESC}, take: 5", INDEX("ownerId"), 21},
    /* Without a limit the whole order comes from the index too. */
    {"orderBy: {text: ASC}", INDEX("text"), THINGS},
};

Test(plan, page__of_every_form_uses_an_index)
{
    quire_db *db = open_things(with_indexes);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        expect_path(db, &pages[i], "items { id }");
        expect_path(db, &pages[i], "edges { cursor node { id } }");
        expect_path(db, &pages[i], "pageInfo { hasNextPage } items { id }");
    }
    mapping_close(db);
}

#define WAYS "\"access\":\"rows of several ways\""

static const struct expectation ways[] = {
    {"where: {OR: [{text: {equals: \"t0100\"}}, {number: {equals: 200}}]}", WAYS, 4},
    {"where: {OR: [{text: {startsWith: \"t010\"}}, {text: {startsWith: \"t011\"}}, {kind: "
     "{equals: H}}]}",
     WAYS, 130},
    {"where: {OR: [{ownerId: {equals: \"o1\"}}, {AND: [{flag: {equals: true}}, {number: {lt: "
     "300}}]}]}",
     WAYS, 90},
    {"where: {OR: [{text: {equals: \"t0100\"}}, {text: {equals: \"t0200\"}}]}, take: 1", WAYS, 4},
    {"where: {owner: {is: {name: {equals: \"owner007\"}}}}", WAYS, 45},
    {"where: {owner: {is: {name: {lt: \"owner002\"}}}}", WAYS, 90},
    {"where: {tags: {some: {weight: {equals: 9}}}}", WAYS, 90},
    /* An alternative without an index makes the index of the others useless. */
    {"where: {OR: [{text: {equals: \"t0100\"}}, {plain: {equals: 3}}]}", "\"access\":\"scan\"",
     THINGS},
    {"where: {OR: [{flag: {equals: false}}, {number: {lt: 300}}]}", "\"access\":\"scan\"", THINGS},
    /* A narrower condition beside it is the better way. */
    {"where: {OR: [{kind: {equals: H}}, {flag: {equals: true}}], text: {equals: \"t0100\"}}",
     INDEX("text"), 1},
};

Test(plan, alternatives_and_relations__are_gone_from_the_selective_side)
{
    quire_db *db = open_things(with_indexes);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        expect_path(db, &ways[i], "items { id }");
    }
    char *response = mapping_run(
        db, "{ owners(where: {things: {some: {text: {equals: \"t0100\"}}}}) { items { id } } }",
        NULL, true);
    cr_expect_not_null(strstr(response, WAYS), "%s", response);
    cr_expect_not_null(strstr(response, "\"items\":[{\"id\":\"o5\"}]"), "%s", response);
    cr_expect_leq(rows_read(response), 6, "%s", response);
    quire_free(response);
    mapping_close(db);
}

/* ---- what comes out ---- */

static const char *pick(struct prng *prng, const char *const *choices, size_t count)
{
    return choices[prng_below(prng, count)];
}

static void random_condition(struct prng *prng, char *out, size_t size)
{
    static const char *const kinds[] = {"A", "B", "G", "H"};
    static const char *const comparisons[] = {"lt", "lte", "gt", "gte", "equals", "not"};
    static const char *const numbers[] = {"number", "plain", "left", "right", "real"};
    int n = (int)prng_below(prng, THINGS);
    const char *op = pick(prng, comparisons, 6);

    switch (prng_below(prng, 12)) {
    case 0:
        snprintf(out, size, "{text: {%s: \"t%04d\"}}", op, n);
        break;
    case 1:
        snprintf(out, size, "{text: {startsWith: \"t%02d\"}}", n / 100);
        break;
    case 2:
        snprintf(out, size, "{kind: {in: [%s, %s]}}", pick(prng, kinds, 4), pick(prng, kinds, 4));
        break;
    case 3:
        snprintf(out, size, "{hashed: {equals: \"h%d\"}}", n / 4);
        break;
    case 4:
        snprintf(out, size, "{ownerId: {in: [\"o%d\", \"o%d\"]}}", n / 20, n % 100);
        break;
    case 5:
        snprintf(out, size, "{owner: {is: {name: {%s: \"owner%03d\"}}}}", op, n / 20);
        break;
    case 6:
        snprintf(out, size, "{tags: {%s: {weight: {%s: %d}}}}", n % 3 == 0 ? "none" : "some", op,
                 n % 10);
        break;
    case 7:
        snprintf(out, size, "{number: {%s: null}}", n % 2 == 0 ? "equals" : "not");
        break;
    case 8:
        snprintf(out, size, "{left: {equals: %d}, right: {%s: %d}}", n % 40, op, n / 40);
        break;
    case 9:
        snprintf(out, size, "{owner: {isNot: {rank: {%s: %d}}}}", op, n % 7);
        break;
    default:
        snprintf(out, size, "{%s: {%s: %d}}", pick(prng, numbers, 5), op, n % 50);
        break;
    }
}

static void random_arguments(struct prng *prng, char *out, size_t size)
{
    static const char *const orders[] = {"",
                                         ", orderBy: {text: DESC}",
                                         ", orderBy: {number: ASC}",
                                         ", orderBy: {real: DESC_NULLS_LAST}",
                                         ", orderBy: [{left: ASC}, {right: ASC}]",
                                         ", orderBy: {owner: {name: ASC}}",
                                         ", orderBy: {plain: ASC}"};
    static const char *const limits[] = {"", ", first: 7", ", last: 9", ", skip: 3, take: 5"};
    static const char *const logics[] = {"OR", "AND", "OR"};
    char conditions[3][128];
    for (int i = 0; i < 3; i++) {
        random_condition(prng, conditions[i], sizeof conditions[i]);
    }
    if (prng_one_in(prng, 3)) {
        snprintf(out, size, "where: %s", conditions[0]);
    } else {
        snprintf(out, size, "where: {%s: [%s, %s], %s: %s}", pick(prng, logics, 3), conditions[0],
                 conditions[1], prng_one_in(prng, 2) ? "AND" : "NOT", conditions[2]);
    }
    if (strncmp(out, "where: {AND", 11) == 0 && strstr(out, "], AND") != NULL) {
        snprintf(out, size, "where: {OR: [%s, %s]}", conditions[0], conditions[1]);
    }
    append(out, size, pick(prng, orders, 7));
    append(out, size, pick(prng, limits, 4));
}

Test(plan, path__never_changes_the_result, .timeout = 120)
{
    quire_db *indexed = open_things(with_indexes);
    quire_db *plain = open_things(without_indexes);
    struct prng prng;

    prng_init_printed(&prng, "plans");
    for (int i = 0; i < 400; i++) {
        char arguments[640];
        char document[1024];
        random_arguments(&prng, arguments, sizeof arguments);
        snprintf(document, sizeof document,
                 "{ things(%s) { totalCount items { id } pageInfo { hasNextPage hasPreviousPage "
                 "endCursor } } }",
                 arguments);
        char *expected = mapping_run(plain, document, NULL, false);
        char *response = mapping_run(indexed, document, NULL, false);
        cr_assert_null(strstr(expected, "\"errors\""), "%s: %s", document, expected);
        cr_assert_str_eq(response, expected, "%s\n gives %.600s\n not   %.600s", document, response,
                         expected);
        quire_free(expected);
        quire_free(response);
    }
    mapping_close(indexed);
    mapping_close(plain);
}

/* A set of ways is planned no further than to where it costs more than a scan: what its planning
 * takes of the request's memory does not grow with the alternatives behind that. */
Test(plan, alternatives__beyond_the_cost_of_a_scan_are_not_planned)
{
    enum { WAYS_COUNT = 4000, ROOM = WAYS_COUNT * 32 + 100 };
    quire_db *db = mapping_open(mapping_schema, NULL);
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *document = malloc(ROOM);
    char *response;
    size_t size;

    cr_assert_not_null(document);
    mapping_load_crowd(db, 200);
    size_t used = (size_t)snprintf(document, ROOM, "{ authors(where: {OR: [");
    for (int i = 0; i < WAYS_COUNT; i++) {
        used += (size_t)snprintf(document + used, ROOM - used, "{name: {equals: \"name%06d\"}}", i);
    }
    snprintf(document + used, ROOM - used, "]}) { items { id } } }");
    request.document = document;
    request.limits.memory_bytes_max = 12 << 20; /* 10.6 MiB are of the document and the filter */
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK, "%s",
                 err.message);
    cr_expect_null(strstr(response, "\"errors\""), "%.300s", response);
    cr_expect_not_null(strstr(response, "{\"id\":\""), "%.300s", response);
    quire_free(response);
    free(document);
    mapping_close(db);
}
