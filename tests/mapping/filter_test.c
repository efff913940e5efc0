#include <stdio.h>

#include "mapping_fixture.h"
#include "world.h"

/* Asserts the ids that `where` selects, in order, as "a1,a2". */
static void selects(quire_db *db, const char *many, const char *where, const char *ids)
{
    char document[600];
    char got[200] = "";
    snprintf(document, sizeof document, "{ %s(where: %s) { totalCount items { id } } }", many,
             where);
    char *response = mapping_run(db, document, NULL, false);
    cr_assert_null(strstr(response, "\"errors\""), "%s: %s", where, response);
    for (char *at = response; (at = strstr(at, "\"id\":\"")) != NULL;) {
        at += 6;
        size_t n = strlen(got);
        snprintf(got + n, sizeof got - n, "%s%.*s", n > 0 ? "," : "", (int)strcspn(at, "\""), at);
    }
    cr_expect_str_eq(got, ids, "%s(where: %s) selects %s, not %s", many, where, got, ids);
    quire_free(response);
}

Test(mapping, filter__compares_strings)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    selects(db, "authors", "{name: {equals: \"Ines\"}}", "a1");
    selects(db, "authors", "{name: {equals: \"INES\", mode: insensitive}}", "a1,a3");
    selects(db, "authors", "{name: {startsWith: \"\\u00e9M\", mode: insensitive}}", "a4");
    selects(db, "authors", "{name: {not: \"Bo\"}}", "a1,a3,a4");
    selects(db, "authors", "{name: {in: [\"Bo\", \"ines\", \"Bo\"]}}", "a2,a3");
    selects(db, "authors", "{name: {in: []}}", "");
    selects(db, "authors", "{name: {notIn: [\"Bo\"]}}", "a1,a3,a4");
    selects(db, "authors", "{name: {lt: \"I\"}}", "a2");
    selects(db, "authors", "{name: {gte: \"Ines\", lt: \"ines\"}}", "a1");
    selects(db, "authors", "{name: {contains: \"ne\"}}", "a1,a3");
    selects(db, "authors", "{name: {contains: \"\"}}", "a1,a2,a3,a4");
    selects(db, "authors", "{name: {endsWith: \"o\"}}", "a2");
    selects(db, "books", "{title: {startsWith: \"Al\"}}", "b1,b6");
    selects(db, "books", "{title: {startsWith: \"Alphabetically\"}}", "");
    mapping_close(db);
}

Test(mapping, filter__compares_numbers_booleans_enums_and_ids)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    selects(db, "authors", "{born: {gt: 1901}}", "a2");
    selects(db, "authors", "{born: {lte: 1901}}", "a1,a3");
    selects(db, "authors", "{rating: {gte: 3}}", "a1,a2");
    selects(db, "authors", "{rating: {equals: 3.0}}", "a2");
    selects(db, "authors", "{living: {equals: true}}", "a2,a4");
    selects(db, "authors", "{living: {not: true}}", "a1");
    selects(db, "authors", "{id: {notIn: [\"a1\", \"a4\"]}}", "a2,a3");
    selects(db, "books", "{kind: {in: [PLAY, POEM]}}", "b2,b5");
    selects(db, "books", "{pages: {gt: \"9007199254740992\"}}", "b1");
    selects(db, "books", "{pages: {equals: 9007199254740993}}", "b1");
    mapping_close(db);
}

Test(mapping, filter__treats_null_as_documented)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    selects(db, "authors", "{country: {equals: null}}", "a2,a3");
    selects(db, "authors", "{country: {not: null}}", "a1,a4");
    selects(db, "authors", "{country: {not: \"PT\"}}", "a4");
    selects(db, "authors", "{country: {notIn: [\"PT\"]}}", "a4");
    selects(db, "authors", "{NOT: {country: {equals: \"PT\"}}}", "a2,a3,a4");
    selects(db, "authors", "{born: {lt: 3000}}", "a1,a2,a3");
    MAPPING_HAS(db, "{ authors(where: {country: null}) { totalCount } }", "must not be null");
    MAPPING_HAS(db, "{ authors(where: {born: {gt: null}}) { totalCount } }", "must not be null");
    MAPPING_HAS(db, "{ authors(where: {country: {in: null}}) { totalCount } }", "must not be null");
    mapping_close(db);
}

Test(mapping, filter__drops_an_operator_whose_variable_is_absent)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS_WITH(
        db, "query ($a: Int, $b: Int) { authors(where: {born: {gt: $a, lt: $b}}) { totalCount } }",
        "{\"b\": 1940}", "{\"data\":{\"authors\":{\"totalCount\":2}}}");
    MAPPING_IS_WITH(db, "query ($w: AuthorWhereInput) { authors(where: $w) { totalCount } }", "{}",
                    "{\"data\":{\"authors\":{\"totalCount\":4}}}");
    MAPPING_IS_WITH(
        db, "query ($w: AuthorWhereInput) { authors(where: $w) { totalCount } }",
        "{\"w\": {\"OR\": [{\"name\": {\"equals\": \"Bo\"}}, {\"born\": {\"equals\": 1901}}]}}",
        "{\"data\":{\"authors\":{\"totalCount\":3}}}");
    mapping_close(db);
}

Test(mapping, filter__combines_with_and_or_not)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    selects(db, "authors", "{}", "a1,a2,a3,a4");
    selects(db, "authors", "{AND: []}", "a1,a2,a3,a4");
    selects(db, "authors", "{OR: []}", "");
    selects(db, "authors", "{NOT: {}}", "");
    selects(db, "authors", "{AND: [{born: {equals: 1901}}, {living: {equals: false}}]}", "a1");
    selects(db, "authors", "{OR: [{name: {equals: \"Bo\"}}, {country: {equals: \"FR\"}}]}",
            "a2,a4");
    selects(db, "authors", "{living: {equals: true}, NOT: {name: {equals: \"Bo\"}}}", "a4");
    selects(db, "authors", "{NOT: {OR: [{born: {equals: 1901}}, {name: {equals: \"Bo\"}}]}}", "a4");
    mapping_close(db);
}

Test(mapping, filter__looks_into_lists)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    selects(db, "authors", "{tags: {has: \"slow\"}}", "a1");
    selects(db, "authors", "{tags: {hasSome: [\"x\", \"long\"]}}", "a1");
    selects(db, "authors", "{tags: {hasEvery: [\"slow\", \"x\"]}}", "");
    selects(db, "authors", "{tags: {hasEvery: [\"slow\", \"long\"]}}", "a1");
    selects(db, "authors", "{tags: {isEmpty: true}}", "a2");
    selects(db, "authors", "{tags: {isEmpty: false}}", "a1");
    mapping_close(db);
}

Test(mapping, filter__crosses_relations)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    selects(db, "books", "{author: {is: {name: {equals: \"Bo\"}}}}", "b3,b6");
    selects(db, "books", "{author: {isNot: {born: {equals: 1901}}}}", "b3,b6");
    selects(db, "books", "{authorId: {equals: \"a1\"}}", "b1,b2,b4");
    selects(db, "books", "{authorId: {in: [\"a3\", \"nobody\"]}}", "b5");
    selects(db, "books", "{authorId: {notIn: [\"a1\", \"a2\"]}}", "b5");
    selects(db, "authors", "{mentor: {is: null}}", "a1");
    selects(db, "authors", "{mentor: {isNot: null}}", "a2,a3,a4");
    selects(db, "authors", "{mentorId: {equals: null}}", "a1");
    selects(db, "authors", "{mentor: {is: {mentor: {is: {name: {equals: \"Ines\"}}}}}}", "a3");
    selects(db, "authors", "{books: {some: {kind: {equals: NOVEL}}}}", "a1,a2");
    selects(db, "authors", "{books: {every: {kind: {equals: NOVEL}}}}", "a2,a4");
    selects(db, "authors", "{books: {none: {}}}", "a4");
    selects(db, "books", "{genres: {some: {name: {equals: \"love\"}}}}", "b1,b2");
    selects(db, "books", "{genres: {none: {}}}", "b3,b4,b6");
    selects(db, "shops", "{main: {is: {author: {is: {born: {lt: 1950}}}}}}", "s1");
    mapping_close(db);
}

Test(mapping, filter__takes_a_list_for_one_value_of_a_custom_scalar)
{
    quire_db *db =
        mapping_open("scalar J type A { id: ID! j: J l: [J] }",
                     "mutation { a: createA(input: {id: \"1\", j: [1, 2], l: [[1], 2]}) { id } "
                     "b: createA(input: {id: \"2\", j: 1, l: [1]}) { id } c: createA(input: {id: "
                     "\"3\"}) { id } }");
    MAPPING_IS(db,
               "{ e: as(where: {j: {equals: [1, 2]}}) { items { id } } "
               "n: as(where: {j: {not: [1, 2]}}) { items { id } } "
               "i: as(where: {j: {in: [[1, 2], 3]}}) { items { id } } "
               "h: as(where: {l: {has: [1]}}) { items { id } } "
               "s: as(where: {l: {hasSome: [1, 2]}}) { items { id } } }",
               "{\"data\":{\"e\":{\"items\":[{\"id\":\"1\"}]},\"n\":{\"items\":[{\"id\":\"2\"}]},"
               "\"i\":{\"items\":[{\"id\":\"1\"}]},\"h\":{\"items\":[{\"id\":\"1\"}]},"
               "\"s\":{\"items\":[{\"id\":\"1\"},{\"id\":\"2\"}]}}}");
    mapping_close(db);
}

Test(mapping, filter__takes_long_lists_of_keys)
{
    enum { KEYS = 60000 };
    static char variables[KEYS * 10 + 100];
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    size_t n = (size_t)snprintf(variables, sizeof variables, "{\"ids\": [\"b2\"");
    for (int i = 0; i < KEYS; i++) {
        n += (size_t)snprintf(variables + n, sizeof variables - n, ",\"b%d\"",
                              i % 1000 == 0 ? 1 : i + 7);
    }
    snprintf(variables + n, sizeof variables - n, "]}");
    /* By the keys of the index, and as a condition of every row. */
    MAPPING_IS_WITH(db,
                    "query ($ids: [ID!]) { k: books(where: {id: {in: $ids}}, orderBy: {id: asc}) { "
                    "items { id } } s: books(where: {NOT: {id: {in: $ids}}}) { totalCount } }",
                    variables,
                    "{\"data\":{\"k\":{\"items\":[{\"id\":\"b1\"},{\"id\":\"b2\"}]},"
                    "\"s\":{\"totalCount\":4}}}");
    mapping_close(db);
}
