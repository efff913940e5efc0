/*
 * What users of SharpGraph type, over the world that its first pages are about:
 * what they get there they get here, and what never worked there works. With
 * `compat` where it is not in the published schema.
 */
#include <stdio.h>
#include <string.h>

#include "mapping_fixture.h"

static const char schema[] =
    "enum Episode { NEWHOPE EMPIRE JEDI }\n"
    "enum CharacterType { Human Droid }\n"
    "type Character { id: ID! name: String! characterType: CharacterType appearsIn: [Episode]\n"
    "  friends: [Character] height: Int mass: Float hairColor: String birthYear: String\n"
    "  homePlanet: Planet @relation(from: \"homePlanetId\", to: \"id\") species: [Species] }\n"
    "type Planet { id: ID! name: String! residents: [Character] }\n"
    "type Film { id: ID! title: String! episodeId: Int! releaseDate: String\n"
    "  characters: [Character] planets: [Planet] starships: [Starship] species: [Species] }\n"
    "type Starship { id: ID! name: String! }\n"
    "type Species { id: ID! name: String! }\n"
    "type Category { id: ID! name: String }\n"
    "type ChargeDetailRecord { id: ID! totalCost: Float }\n"
    "input CharacterInput { name: String! characterType: CharacterType appearsIn: [Episode]\n"
    "  height: Int mass: Float hairColor: String homePlanetId: ID friendIds: [ID] }\n"
    "type Query { characters: [Character] character(id: ID!): Character }\n"
    "type Mutation { createCharacter(input: CharacterInput!): Character\n"
    "  updateCharacter(id: ID!, input: CharacterInput!): Character\n"
    "  deleteCharacter(id: ID!): Character }\n";

/* By each of the names that a relation's keys go by there: friendIds, speciesIds, homePlanetId. */
static const char rows[] =
    "{\"Planet\": [{\"id\": \"tatooine\", \"name\": \"Tatooine\"}, {\"id\": \"alderaan\", "
    "\"name\": \"Alderaan\"}, {\"id\": \"yavin\", \"name\": \"Yavin IV\"}, {\"id\": \"hoth\", "
    "\"name\": \"Hoth\"}],"
    "\"Starship\": [{\"id\": \"xwing\", \"name\": \"X-wing\"}, {\"id\": \"falcon\", \"name\": "
    "\"Falcon\"}, {\"id\": \"deathstar\", \"name\": \"Death Star\"}],"
    "\"Species\": [{\"id\": \"human\", \"name\": \"Human\"}, {\"id\": \"droid\", \"name\": "
    "\"Droid\"}],"
    "\"ChargeDetailRecord\": [{\"id\": \"r\", \"totalCost\": 50}, {\"id\": \"s\", \"totalCost\": "
    "49.5}],"
    "\"Character\": ["
    "{\"id\": \"luke\", \"name\": \"Luke Skywalker\", \"characterType\": \"Human\", \"height\": "
    "172, \"mass\": 77, \"hairColor\": \"blond\", \"birthYear\": \"19BBY\", \"homePlanetId\": "
    "\"tatooine\", \"friendIds\": [\"leia\", \"han\", \"c3po\", \"r2d2\"], \"appearsIn\": "
    "[\"NEWHOPE\", \"JEDI\"], \"speciesIds\": [\"human\"]},"
    "{\"id\": \"leia\", \"name\": \"Leia Organa\", \"characterType\": \"Human\", \"height\": 150, "
    "\"mass\": 49, \"hairColor\": \"brown\", \"homePlanetId\": \"alderaan\"},"
    "{\"id\": \"han\", \"name\": \"Han Solo\", \"characterType\": \"Human\", \"height\": 180, "
    "\"mass\": 80, \"hairColor\": \"brown\", \"birthYear\": \"29BBY\"},"
    "{\"id\": \"vader\", \"name\": \"Darth Vader\", \"characterType\": \"Human\", \"height\": 202, "
    "\"mass\": 136, \"homePlanetId\": \"tatooine\"},"
    "{\"id\": \"c3po\", \"name\": \"C-3PO\", \"characterType\": \"Droid\", \"height\": 167, "
    "\"mass\": 75},"
    "{\"id\": \"r2d2\", \"name\": \"R2-D2\", \"characterType\": \"Droid\", \"height\": 96, "
    "\"mass\": 32},"
    "{\"id\": \"yoda\", \"name\": \"Yoda\", \"height\": 66, \"mass\": 17, \"hairColor\": "
    "\"white\", \"appearsIn\": [\"EMPIRE\"]},"
    "{\"id\": \"chewbacca\", \"name\": \"Chewbacca\", \"characterType\": \"Human\", \"height\": "
    "228, \"mass\": 112, \"hairColor\": \"brown\"}],"
    "\"Film\": ["
    "{\"id\": \"jedi\", \"title\": \"Jedi\", \"episodeId\": 6, \"releaseDate\": \"1983-05-25\"},"
    "{\"id\": \"newhope\", \"title\": \"A New Hope\", \"episodeId\": 4, \"releaseDate\": "
    "\"1977-05-25\", \"characterIds\": [\"luke\", \"leia\", \"han\", \"vader\", \"c3po\", "
    "\"r2d2\"], \"planetIds\": [\"tatooine\", \"alderaan\"], \"starshipIds\": [\"xwing\", "
    "\"falcon\", \"deathstar\"]},"
    "{\"id\": \"empire\", \"title\": \"Empire\", \"episodeId\": 5, \"releaseDate\": "
    "\"1980-05-17\"}]}";

static quire_db *open_world(void)
{
    quire_db *db = mapping_open(schema, NULL);
    mapping_load(db, rows);
    return db;
}

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

/* The values of all fields `key` of a response, joined by blanks. */
static void collect(const char *response, const char *key, char *out, size_t size)
{
    char name[40];
    snprintf(name, sizeof name, "\"%s\":", key);
    out[0] = '\0';
    for (const char *at = response; (at = strstr(at, name)) != NULL;) {
        at += strlen(name);
        size_t quoted = *at == '"';
        size_t length = quoted != 0 ? strcspn(at + 1, "\"") : strcspn(at, ",}]");
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%.*s", used > 0 ? " " : "", (int)length, at + quoted);
    }
}

struct line {
    const char *document, *variables, *key, *expected;
    bool compat;
};

/* Each document gives these values of the key, in this order, and no errors. */
static void gives(const struct line *lines, size_t count)
{
    quire_db *db = open_world();
    for (size_t i = 0; i < count; i++) {
        char got[600];
        char *response = ask(db, lines[i].document, lines[i].variables, lines[i].compat);
        collect(response, lines[i].key, got, sizeof got);
        cr_expect_str_eq(got, lines[i].expected, "%s\n  gives    %s\n  expected %s\n  %s",
                         lines[i].document, got, lines[i].expected, response);
        cr_expect_null(strstr(response, "\"errors\":"), "%s: %s", lines[i].document, response);
        quire_free(response);
    }
    mapping_close(db);
}

#define GIVES(...)                                                                                 \
    do {                                                                                           \
        static const struct line lines[] = {__VA_ARGS__};                                          \
        gives(lines, sizeof lines / sizeof lines[0]);                                              \
    } while (0)

#define ITEMS(arguments) "{ characters { items(" arguments ") { id name } } }"

/* ---- 1.4: queries ---- */

Test(sharpgraph, lists_and_single_rows__are_found_by_their_names)
{
    GIVES({"{ characters { items { id name } } }", NULL, "id",
           "luke leia han vader c3po r2d2 yoda chewbacca", false},
          {"{ character(id: \"luke\") { id name } }", NULL, "name", "Luke Skywalker", false},
          {"{ character(id: \"none\") { id } }", NULL, "character", "null", false},
          {"{ characters(id: \"luke\") { name } }", NULL, "name", "Luke Skywalker", true},
          {"{ character { items { id } } }", NULL, "id",
           "luke leia han vader c3po r2d2 yoda chewbacca", true},
          {"{ CHARACTERS { items(take: 1) { id } } }", NULL, "id", "luke", true},
          {"{ chargedetailrecords { items { id } } }", NULL, "id", "r s", true},
          {"{ chargeDetailRecords { items { id } } }", NULL, "id", "r s", false},
          {"{ speciess { items { id } } }", NULL, "id", "human droid", true},
          {"{ allSpecies { items { id } } }", NULL, "id", "human droid", false},
          {"{ species(id: \"droid\") { id } }", NULL, "id", "droid", false},
          {"{ categorys { totalCount } }", NULL, "totalCount", "0", true},
          {"{ categories { totalCount } }", NULL, "totalCount", "0", false});
}

/* Arguments on the list, what relay clients ask, counts: nothing of that is there. */
Test(sharpgraph, connections__have_what_it_lacks)
{
    GIVES(
        {"{ characters(where: {height: {gt: 200}}) { items { id } } }", NULL, "id",
         "vader chewbacca", false},
        {"{ characters(first: 2) { edges { cursor node { id } } } }", NULL, "id", "luke leia",
         false},
        {"{ characters(last: 1) { items { id } } }", NULL, "id", "chewbacca", false},
        {"{ characters(first: 1) { totalCount pageInfo { hasNextPage } } }", NULL, "hasNextPage",
         "true", false},
        {"{ characters { totalCount aggregate { count max { height } } } }", NULL, "height", "228",
         false},
        {"{ characters(distinct: [hairColor]) { items { id } } }", NULL, "id",
         "luke leia vader yoda", false},
        {"{ characters { groupBy(by: {characterType: VALUE}) { keys { characterType } count } } }",
         NULL, "count", "1 2 5", false},
        {"{ characters { items(first: 3) { id } } }", NULL, "id", "luke leia han", true});
    quire_db *db = open_world();
    /* An array in place of the connection is refused, not answered with nothing. */
    MAPPING_HAS(db, "{ characters { name } }",
                "Cannot query field \\\"name\\\" on type \\\"CharacterConnection\\\"");
    MAPPING_HAS(db, "{ characters(take: 1) { name } }", "Cannot query field \\\"name\\\"");
    MAPPING_HAS(db, "{ characters { items(nonsense: 3) { id } } }", "Unknown argument");
    mapping_close(db);
}

Test(sharpgraph, relations__are_seen_from_both_sides)
{
    GIVES(
        {"{ character(id: \"luke\") { friends { items { name characterType } } } }", NULL, "name",
         "Leia Organa Han Solo C-3PO R2-D2", false},
        {"{ character(id: \"luke\") { friends { items(where: {characterType: {equals: Human}}, "
         "orderBy: {name: asc}) { name } } } }",
         NULL, "name", "Han Solo Leia Organa", false},
        {"query ($w: CharacterWhereInput) { character(id: \"luke\") { friends { items(where: $w) { "
         "name } } } }",
         "{\"w\": {\"height\": {\"lt\": 100}}}", "name", "R2-D2", false},
        {"{ planet(id: \"tatooine\") { residents { items { id } } } }", NULL, "id", "luke vader",
         false},
        {"{ character(id: \"luke\") { homePlanetId } }", NULL, "homePlanetId", "tatooine", false},
        {"{ character(id: \"han\") { homePlanet { name } } }", NULL, "homePlanet", "null", false},
        {"{ character(id: \"luke\") { species { items { id } } } }", NULL, "id", "human", false},
        {"{ film(id: \"newhope\") { characters { totalCount } planets { totalCount } starships { "
         "totalCount } species { totalCount } } }",
         NULL, "totalCount", "6 2 3 0", false});
}

/* ---- 1.5: filters ---- */

Test(sharpgraph, filters__compare_strings)
{
    GIVES(
        {ITEMS("where: {name: {contains: \"Skywalker\"}}"), NULL, "id", "luke", false},
        {ITEMS("where: {name: {contains: \"skywalker\"}}"), NULL, "id", "", false},
        {ITEMS("where: {name: {contains: \"skywalker\", mode: insensitive}}"), NULL, "id", "luke",
         false},
        {ITEMS("where: {name: {equals: \"YODA\", mode: insensitive}}"), NULL, "id", "yoda", false},
        {ITEMS("where: {name: {startsWith: \"L\"}}"), NULL, "id", "luke leia", false},
        {ITEMS("where: {name: {endsWith: \"o\"}}"), NULL, "id", "han", false},
        {ITEMS("where: {name: {gte: \"R\", lt: \"Z\"}}"), NULL, "id", "r2d2 yoda", false},
        {ITEMS("where: {hairColor: {in: [\"blond\", \"brown\", \"black\"]}}"), NULL, "id",
         "luke leia han chewbacca", false},
        {ITEMS("where: {hairColor: {notIn: [\"brown\"]}}"), NULL, "id", "luke yoda", false},
        {ITEMS("where: {hairColor: {not: \"brown\"}}"), NULL, "id", "luke yoda", false},
        {ITEMS("where: {id: {in: [\"yoda\", \"luke\"]}}"), NULL, "id", "luke yoda", false});
}

Test(sharpgraph, filters__compare_numbers_enums_and_null)
{
    GIVES({ITEMS("where: {height: {gt: 170}}, orderBy: {height: asc}"), NULL, "id",
           "luke han vader chewbacca", false},
          {ITEMS("where: {mass: {gte: 77.5}}"), NULL, "id", "han vader chewbacca", false},
          {ITEMS("where: {mass: {gte: 112}}"), NULL, "id", "vader chewbacca", false},
          {"{ chargeDetailRecords { items(where: {totalCost: {gte: 50.0}}) { id } } }", NULL, "id",
           "r", false},
          {ITEMS("where: {homePlanetId: {equals: null}}"), NULL, "id",
           "han c3po r2d2 yoda chewbacca", false},
          {ITEMS("where: {hairColor: {not: null}, height: {not: null}}"), NULL, "id",
           "luke leia han yoda chewbacca", false},
          {ITEMS("where: {height: {equals: null}}"), NULL, "id", "", false},
          {ITEMS("where: {characterType: {equals: Droid}}"), NULL, "id", "c3po r2d2", false},
          {ITEMS("where: {appearsIn: {has: EMPIRE}}"), NULL, "id", "yoda", false});
}

Test(sharpgraph, filters__take_plain_values_for_equality)
{
    GIVES({ITEMS("where: {name: \"Yoda\"}"), NULL, "id", "yoda", true},
          {ITEMS("where: {height: 172}"), NULL, "id", "luke", true},
          {ITEMS("where: {characterType: Droid, height: 96}"), NULL, "id", "r2d2", true},
          {"query ($n: String) { characters { items(where: {name: $n}) { id } } }",
           "{\"n\": \"Yoda\"}", "id", "yoda", true});
}

Test(sharpgraph, filters__combine_and_cross_relations)
{
    GIVES({ITEMS("where: {characterType: {equals: Human}, height: {gte: 170}}"), NULL, "id",
           "luke han vader chewbacca", false},
          {ITEMS("where: {AND: [{height: {gte: 180}}, {mass: {gte: 100}}]}"), NULL, "id",
           "vader chewbacca", false},
          {ITEMS("where: {AND: [{OR: [{characterType: {equals: Human}}, {characterType: {equals: "
                 "Droid}}]}, {height: {gte: 170}}]}"),
           NULL, "id", "luke han vader chewbacca", false},
          {ITEMS("where: {AND: {height: {gte: 200}}}"), NULL, "id", "vader chewbacca", false},
          {ITEMS("where: {OR: []}"), NULL, "id", "", false},
          {ITEMS("where: {NOT: {height: {gte: 100}}}"), NULL, "id", "r2d2 yoda", false},
          {ITEMS("where: {homePlanet: {is: {name: {equals: \"Tatooine\"}}}}"), NULL, "id",
           "luke vader", false},
          {ITEMS("where: {friends: {some: {characterType: {equals: Droid}}}}"), NULL, "id", "luke",
           false},
          {"{ planets { items(where: {residents: {none: {}}}) { id } } }", NULL, "id", "yavin hoth",
           false});
}

/* ---- 1.6: orders and pages ---- */

Test(sharpgraph, orders_and_pages__are_those_of_the_whole_list)
{
    GIVES({"{ films { items(orderBy: [{episodeId: asc}]) { id } } }", NULL, "id",
           "newhope empire jedi", false},
          {ITEMS("orderBy: {height: desc}"), NULL, "id",
           "chewbacca vader han luke c3po leia r2d2 yoda", false},
          {ITEMS("orderBy: {height: DESC}, take: 2"), NULL, "id", "chewbacca vader", false},
          {ITEMS("orderBy: [{characterType: asc}, {height: desc}], take: 3"), NULL, "id",
           "yoda c3po r2d2", false},
          {ITEMS("orderBy: {name: asc}, take: 5"), NULL, "id", "c3po chewbacca vader han leia",
           false},
          {ITEMS("orderBy: {name: asc}, skip: 3, take: 2"), NULL, "id", "han leia", false},
          {ITEMS("where: {height: {gte: 180}}, orderBy: {height: desc}, take: 3"), NULL, "id",
           "chewbacca vader han", false},
          {ITEMS("orderBy: {hairColor: asc}, take: 3"), NULL, "id", "vader c3po r2d2", false},
          {ITEMS("orderBy: {homePlanet: {name: DESC_NULLS_LAST}}, take: 2"), NULL, "id",
           "vader luke", false});
    quire_db *db = open_world();
    MAPPING_HAS(db, "{ characters { items(orderBy: [{field: \"name\", order: \"asc\"}]) { id } } }",
                "unknown field");
    MAPPING_HAS(db, "{ characters { items(orderBy: {nothing: asc}) { id } } }", "unknown field");
    MAPPING_HAS(db, "{ characters { items(take: -1) { id } } }", "must not be negative");
    mapping_close(db);
}

/* ---- 1.7: mutations ---- */

Test(sharpgraph, rows__are_created_changed_and_deleted)
{
    quire_db *db = open_world();
    MAPPING_IS(db,
               "mutation { createCharacter(input: {id: \"rey\", name: \"Rey\", height: 170, "
               "appearsIn: [NEWHOPE]}) { name height appearsIn } }",
               "{\"data\":{\"createCharacter\":{\"name\":\"Rey\",\"height\":170,\"appearsIn\":["
               "\"NEWHOPE\"]}}}");
    MAPPING_IS(db, "{ characters { totalCount } character(id: \"rey\") { name } }",
               "{\"data\":{\"characters\":{\"totalCount\":9},\"character\":{\"name\":\"Rey\"}}}");
    MAPPING_HAS(db, "mutation { createCharacter(input: {id: \"rey\", name: \"x\"}) { id } }",
                "\"code\":\"UNIQUE\"");
    /* A part of the input is enough to change a row, which stays one. */
    MAPPING_IS(db,
               "mutation { updateCharacter(id: \"rey\", input: {height: 171}) { name height } }",
               "{\"data\":{\"updateCharacter\":{\"name\":\"Rey\",\"height\":171}}}");
    MAPPING_IS(db, "{ characters { totalCount } character(id: \"rey\") { height } }",
               "{\"data\":{\"characters\":{\"totalCount\":9},\"character\":{\"height\":171}}}");
    MAPPING_HAS(db, "mutation { updateCharacter(id: \"none\", input: {height: 1}) { id } }",
                "\"code\":\"NOT_FOUND\"");
    MAPPING_IS(db, "mutation { deleteCharacter(id: \"rey\") { id name } }",
               "{\"data\":{\"deleteCharacter\":{\"id\":\"rey\",\"name\":\"Rey\"}}}");
    MAPPING_IS(db, "mutation { deleteCharacter(id: \"rey\") { id } }",
               "{\"data\":{\"deleteCharacter\":null}}");
    char *response = ask(db, "mutation { deleteCharacter(id: \"yoda\") }", NULL, true);
    cr_expect_not_null(strstr(response, "\"name\":\"Yoda\""), "%s", response);
    cr_expect_not_null(strstr(response, "\"height\":66"), "%s", response);
    quire_free(response);
    MAPPING_IS(db, "{ characters { totalCount } character(id: \"yoda\") { id } }",
               "{\"data\":{\"characters\":{\"totalCount\":7},\"character\":null}}");
    mapping_close(db);
}

Test(sharpgraph, keys__are_made_apart_in_one_request_and_mistakes_undo_it)
{
    quire_db *db = open_world();
    MAPPING_HAS(db,
                "mutation { a: createPlanet(input: {name: \"A\"}) { id } b: createPlanet(input: "
                "{name: \"B\"}) { id } }",
                "\"data\":{\"a\":{\"id\":");
    MAPPING_IS(db, "{ planets { totalCount } }", "{\"data\":{\"planets\":{\"totalCount\":6}}}");
    MAPPING_HAS(db,
                "mutation { a: createPlanet(input: {name: \"C\"}) { id } b: createPlanet(input: "
                "{id: \"hoth\", name: \"D\"}) { id } }",
                "\"data\":null");
    MAPPING_IS(db, "{ planets { totalCount } }", "{\"data\":{\"planets\":{\"totalCount\":6}}}");
    mapping_close(db);
}

/* ---- 1.8 and 2: the language ---- */

Test(sharpgraph, variables_aliases_and_fragments__stand_everywhere)
{
    GIVES(
        {"query ($w: CharacterWhereInput, $n: Int) { characters { items(where: $w, orderBy: {name: "
         "asc}, take: $n) { id } } }",
         "{\"w\": {\"height\": {\"gte\": 170}}, \"n\": 2}", "id", "chewbacca vader", false},
        {"query ($h: Int = 200, $d: SortOrder = desc) { characters { items(where: {height: {gte: "
         "$h}}, orderBy: [{height: $d}]) { id } } }",
         "{}", "id", "chewbacca vader", false},
        {"{ a: character(id: \"luke\") { n: name } b: character(id: \"leia\") { n: name } }", NULL,
         "n", "Luke Skywalker Leia Organa", false},
        {"{ characters { a: items(take: 1) { id } b: items(skip: 1, take: 1) { id } } }", NULL,
         "id", "luke leia", false},
        {"{ character(id: \"han\") { ... on Character { birthYear } ... { n: name } } }", NULL,
         "birthYear", "29BBY", false},
        {"{ ...Q } fragment Q on Query { characters { ...C } } fragment C on CharacterConnection { "
         "items(take: 1) { ...R } } fragment R on Character { id homePlanet { ...P } } fragment P "
         "on Planet { name }",
         NULL, "name", "Tatooine", false},
        {"{ character(id: \"luke\") { id @include(if: false) name @skip(if: false) } }", NULL,
         "name", "Luke Skywalker", false},
        {"{ __typename character(id: \"luke\") { __typename } }", NULL, "__typename",
         "Query Character", false},
        {"{ character(id: \"yoda\") }", NULL, "name", "Yoda", true});
}

Test(sharpgraph, texts__come_back_as_they_were_given)
{
    quire_db *db = open_world();
    static const char *const documents[] = {
        "mutation { createPlanet(input: {id: \"q\\\"\\\\\\n\", name: \"a \\\"quote\\\" \\\\ "
        "\\n\"}) "
        "{ id name } }",
        "mutation ($p: PlanetInput!) { createPlanet(input: $p) { id name } }",
    };
    for (int i = 0; i < 2; i++) {
        MAPPING_IS_WITH(db, documents[i],
                        i == 0 ? NULL
                               : "{\"p\": {\"id\": \"q\\\"\\\\\\n\", \"name\": \"a \\\"quote\\\" "
                                 "\\\\ \\n\"}}",
                        "{\"data\":{\"createPlanet\":{\"id\":\"q\\\"\\\\\\n\",\"name\":\"a "
                        "\\\"quote\\\" \\\\ \\n\"}}}");
        MAPPING_IS(db, "mutation { deletePlanet(id: \"q\\\"\\\\\\n\") { id } }",
                   "{\"data\":{\"deletePlanet\":{\"id\":\"q\\\"\\\\\\n\"}}}");
    }
    mapping_close(db);
}

Test(sharpgraph, mistakes__are_errors_with_places_and_without_data)
{
    static const char *const documents[] = {
        "{ characters { items { nothing } } }",
        "mutation { createCharacter(input: {height: 1}) { id } }",
        "mutation { createCharacter(input: {name: \"x\", appearsIn: [NOWHERE]}) { id } }",
        "mutation { createCharacter(input: {name: 7}) { id } }",
        "{ characters { items(where: {height: {gte: 172.5}}) { id } } }",
        "{ characters { items(where: {height: {AND: [{gte: 4}]}}) { id } } }",
        "{ characters { items(skip: $size * ($page - 1)) { id } } }",
        "{ character(id: \"luke\") { name { first } } }",
    };
    quire_db *db = open_world();
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        char *response = ask(db, documents[i], NULL, false);
        cr_expect_not_null(strstr(response, "\"locations\":[{\"line\":1,"), "%s: %s", documents[i],
                           response);
        cr_expect_null(strstr(response, "\"data\""), "%s: %s", documents[i], response);
        quire_free(response);
    }
    mapping_close(db);
}

Test(sharpgraph, introspection__names_the_types_that_its_clients_know)
{
    quire_db *db = open_world();
    MAPPING_HAS(
        db,
        "{ __type(name: \"CharacterConnection\") { fields { name args { name type { name "
        "kind ofType { ofType { name } } } } type { kind ofType { kind ofType { kind ofType "
        "{ name } } } } } } }",
        "{\"name\":\"items\",\"args\":[{\"name\":\"where\",\"type\":{\"name\":"
        "\"CharacterWhereInput\",\"kind\":\"INPUT_OBJECT\",\"ofType\":null}},{\"name\":"
        "\"orderBy\",\"type\":{\"name\":null,\"kind\":\"LIST\",\"ofType\":{\"ofType\":{"
        "\"name\":\"CharacterOrderBy\"}}}},{\"name\":\"skip\",\"type\":{\"name\":\"Int\","
        "\"kind\":\"SCALAR\",\"ofType\":null}},{\"name\":\"take\",\"type\":{\"name\":\"Int\","
        "\"kind\":\"SCALAR\",\"ofType\":null}}],\"type\":{\"kind\":\"NON_NULL\",\"ofType\":{"
        "\"kind\":\"LIST\",\"ofType\":{\"kind\":\"NON_NULL\",\"ofType\":{\"name\":"
        "\"Character\"}}}}}");
    static const char *const names[] = {"equals", "not",      "in",         "notIn",
                                        "lt",     "lte",      "gt",         "gte",
                                        "mode",   "contains", "startsWith", "endsWith"};
    char *response =
        ask(db, "{ __type(name: \"StringFilter\") { inputFields { name } } }", NULL, false);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[40];
        snprintf(name, sizeof name, "{\"name\":\"%s\"}", names[i]);
        cr_expect_not_null(strstr(response, name), "%s: %s", names[i], response);
    }
    quire_free(response);
    MAPPING_HAS(db, "{ __type(name: \"StringFilterMode\") { enumValues { name } } }",
                "[{\"name\":\"default\"},{\"name\":\"insensitive\"}]");
    MAPPING_HAS(db, "{ __type(name: \"Episode\") { kind enumValues { name } } }",
                "\"kind\":\"ENUM\",\"enumValues\":[{\"name\":\"NEWHOPE\"}");
    mapping_close(db);
}
