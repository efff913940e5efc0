/*
 * What clients of SharpGraph write.
 */
#include <stdio.h>

#include "mapping_fixture.h"

static const char schema[] =
    "enum Side { LIGHT DARK } "
    "type Character { id: ID! name: String! height: Int side: Side human: Boolean "
    "home: Planet species: Species } "
    "type Planet { id: ID! name: String! residents: [Character!]! } "
    "type Species { id: ID! name: String! } "
    "type Category { id: ID! name: String! equals: Int } "
    "type ChargeDetailRecord { id: ID! cost: Float }";

static const char rows[] =
    "mutation { p: createPlanet(input: {id: \"tat\", name: \"Tatooine\"}) { id } "
    "s: createSpecies(input: {id: \"hum\", name: \"Human\"}) { id } "
    "a: createCharacter(input: {id: \"luke\", name: \"Luke\", height: 172, side: LIGHT, human: "
    "true, "
    "homeId: \"tat\"}) { id } "
    "b: createCharacter(input: {id: \"vader\", name: \"Vader\", height: 202, side: DARK, "
    "human: true}) { id } "
    "c: createCategory(input: {id: \"c\", name: \"C\", equals: 1}) { id } "
    "d: createChargeDetailRecord(input: {id: \"r\", cost: 1.5}) { id } }";

/* The response under compatibility, or without it. Released with quire_free. */
static char *ask(quire_db *db, const char *document, const char *variables, bool compat)
{
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_error err = QUIRE_ERROR_INIT;
    char *response;
    size_t size;
    request.document = document;
    request.variables = variables;
    request.compat = compat ? QUIRE_COMPAT_SHARPGRAPH : 0;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK, "%s",
                 err.message);
    return response;
}

static void answers(quire_db *db, const char *document, const char *variables, const char *expected)
{
    char *response = ask(db, document, variables, true);
    cr_expect_str_eq(response, expected, "%s: %s", document, response);
    quire_free(response);
}

#define LUKE "{\"data\":{\"characters\":{\"items\":[{\"id\":\"luke\"}]}}}"

Test(compat, plain_values__are_compared_for_equality)
{
    quire_db *db = mapping_open(schema, rows);
    static const char *const filters[] = {
        "{name: \"Luke\"}",
        "{height: 172}",
        "{side: LIGHT}",
        "{id: \"luke\", human: true}",
        "{AND: [{height: 172}, {NOT: {name: \"Vader\"}}]}",
        "{OR: [{height: 1}, {height: {lt: 180}}]}",
        "{home: {is: {name: \"Tatooine\"}}}",
        "{homeId: \"tat\"}",
    };
    char document[256];
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        (void)snprintf(document, sizeof document, "{ characters { items(where: %s) { id } } }",
                       filters[i]);
        answers(db, document, NULL, LUKE);
        (void)snprintf(document, sizeof document,
                       "query { ...F } fragment F on Query { characters(where: %s) "
                       "{ ... { items { id } } } }",
                       filters[i]);
        answers(db, document, NULL, LUKE);
    }
    mapping_close(db);
}

Test(compat, variables__stand_for_plain_values_and_whole_filters)
{
    quire_db *db = mapping_open(schema, rows);
    answers(db,
            "query ($n: String, $h: IntFilter) "
            "{ characters(where: {name: $n, height: $h}) { items { id } } }",
            "{\"n\": \"Luke\", \"h\": 172}", LUKE);
    answers(db, "query ($w: CharacterWhereInput) { characters(where: $w) { items { id } } }",
            "{\"w\": {\"AND\": [{\"name\": \"Luke\"}, {\"home\": {\"is\": {\"id\": \"tat\"}}}]}}",
            LUKE);
    answers(db,
            "query ($w: [CharacterWhereInput!]) { characters(where: {AND: $w}) { items { id } } }",
            "{\"w\": [{\"name\": \"Luke\"}, {\"height\": {\"gt\": 1}}]}", LUKE);
    /* One document with other variables each time. */
    answers(db, "query ($w: CharacterWhereInput) { characters(where: $w) { items { id } } }",
            "{\"w\": {\"name\": \"Vader\"}}",
            "{\"data\":{\"characters\":{\"items\":[{\"id\":\"vader\"}]}}}");
    mapping_close(db);
}

Test(compat, columns__that_are_called_like_an_operator_stay_columns)
{
    quire_db *db = mapping_open(schema, rows);
    answers(db, "{ categories(where: {equals: 1}) { totalCount } }", NULL,
            "{\"data\":{\"categories\":{\"totalCount\":1}}}");
    mapping_close(db);
}

Test(compat, roots__are_found_by_what_its_clients_call_them)
{
    quire_db *db = mapping_open(schema, rows);
    answers(
        db,
        "{ chargedetailrecords { totalCount } categorys { totalCount } "
        "speciess { items { name } } CHARACTERS { totalCount } }",
        NULL,
        "{\"data\":{\"chargedetailrecords\":{\"totalCount\":1},\"categorys\":{\"totalCount\":1},"
        "\"speciess\":{\"items\":[{\"name\":\"Human\"}]},\"CHARACTERS\":{\"totalCount\":2}}}");
    answers(db, "{ characters(id: \"luke\") { name } x: speciess(id: \"hum\") { name } }", NULL,
            "{\"data\":{\"characters\":{\"name\":\"Luke\"},\"x\":{\"name\":\"Human\"}}}");
    answers(db, "{ character { totalCount } }", NULL,
            "{\"data\":{\"character\":{\"totalCount\":2}}}");
    answers(db, "{ character(id: \"none\") { name } }", NULL, "{\"data\":{\"character\":null}}");
    mapping_close(db);
}

Test(compat, mistakes__are_told_as_ever)
{
    quire_db *db = mapping_open(schema, rows);
    static const char *const documents[][2] = {
        {"{ droids { name } }", "Cannot query field \\\"droids\\\""},
        {"{ characters(where: {height: \"x\"}) { totalCount } }", "Int cannot represent"},
        {"{ characters(where: {name: null}) { totalCount } }", "\"errors\""},
        {"{ characters(where: {nam: \"x\"}) { totalCount } }", "unknown field"},
        {"{ characters(where: \"x\") { totalCount } }", "\"errors\""},
        {"query ($v: Int) { characters(where: {name: $v}) { totalCount } }", "\"errors\""},
        {"{ s }", "Cannot query field"},
        {"{ ... on Nothing { a } }", "Unknown type"},
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        char *response = ask(db, documents[i][0], NULL, true);
        cr_expect_not_null(strstr(response, documents[i][1]), "%s: %s", documents[i][0], response);
        quire_free(response);
    }
    mapping_close(db);
}

Test(compat, schema__does_not_tell_and_others_are_refused)
{
    quire_db *db = mapping_open(schema, rows);
    static const char document[] = "{ characters(where: {name: \"Luke\"}) { items { id } } }";
    static const char types[] = "{ __type(name: \"Query\") { fields { name } } "
                                "f: __type(name: \"StringFilter\") { kind inputFields { name } } }";
    /* The same text with and without it, in both orders: neither takes the other's program. */
    for (int i = 0; i < 2; i++) {
        char *with = ask(db, document, NULL, true);
        char *without = ask(db, document, NULL, false);
        cr_expect_str_eq(with, LUKE);
        cr_expect_not_null(strstr(without, "Expected value of type"), "%s", without);
        quire_free(with);
        quire_free(without);
    }
    char *with = ask(db, types, NULL, true);
    char *without = ask(db, types, NULL, false);
    cr_expect_str_eq(with, without);
    quire_free(with);
    quire_free(without);
    mapping_close(db);
}
