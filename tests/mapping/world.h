/*
 * Rows for mapping_schema: four authors, six books, three genres.
 */
#ifndef MAPPING_WORLD_H
#define MAPPING_WORLD_H

#define WORLD_ROWS                                                                                 \
    "mutation {"                                                                                   \
    " a1: createAuthor(input: {id: \"a1\", name: \"Ines\", born: 1901, rating: 4.5, living: "      \
    "false,"                                                                                       \
    "   country: \"PT\", tags: [\"slow\", \"long\"]}) { id }"                                      \
    " a2: createAuthor(input: {id: \"a2\", name: \"Bo\", born: 1950, rating: 3, living: true,"     \
    "   tags: [], mentorId: \"a1\"}) { id }"                                                       \
    " a3: createAuthor(input: {id: \"a3\", name: \"ines\", born: 1901, mentorId: \"a2\"}) { id }"  \
    " a4: createAuthor(input: {id: \"a4\", name: \"\\u00c9mile\", living: true, country: \"FR\","  \
    "   mentorId: \"a1\"}) { id }"                                                                 \
    " g1: createGenre(input: {name: \"crime\"}) { name }"                                          \
    " g2: createGenre(input: {name: \"love\"}) { name }"                                           \
    " g3: createGenre(input: {name: \"war\"}) { name }"                                            \
    " b1: createBook(input: {id: \"b1\", title: \"Alpha\", year: 1930, kind: NOVEL,"               \
    "   authorId: \"a1\", pages: \"9007199254740993\", genresIds: [\"love\", \"crime\"]}) { id }"  \
    " b2: createBook(input: {id: \"b2\", title: \"Beta\", year: 1920, kind: PLAY,"                 \
    "   authorId: \"a1\", genresIds: [\"love\"]}) { id }"                                          \
    " b3: createBook(input: {id: \"b3\", title: \"Gamma\", year: 1980, kind: NOVEL,"               \
    "   authorId: \"a2\", details: {a: [1, 2.50, \"x\"], b: null}}) { id }"                        \
    " b4: createBook(input: {id: \"b4\", title: \"Delta\", year: 1930, authorId: \"a1\"}) { id }"  \
    " b5: createBook(input: {id: \"b5\", title: \"alphabet\", kind: POEM, authorId: \"a3\","       \
    "   genresIds: [\"war\"]}) { id }"                                                             \
    " b6: createBook(input: {id: \"b6\", title: \"Al\", year: 1990, kind: NOVEL,"                  \
    "   authorId: \"a2\"}) { id }"                                                                 \
    " s1: createShop(input: {id: \"s1\", city: \"Porto\", mainId: \"b1\"}) { id }"                 \
    " s2: createShop(input: {id: \"s2\", city: \"Nantes\"}) { id }"                                \
    "}"

#endif
