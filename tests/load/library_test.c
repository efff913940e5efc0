/*
 * Two exports of a library whose shape has little to do with the schema: nested
 * members, keys in lists of objects, references forward and in a circle.
 */
#include "load_fixture.h"

#include <stdlib.h>

static const struct input inputs[] = {{EXAMPLES "/library/catalogue.json", NULL},
                                      {EXAMPLES "/library/copies.json", NULL},
                                      {NULL, NULL}};

static quire_db *db;
static uint64_t stored;

static void set_up(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    char *sdl = read_file(EXAMPLES "/library/schema.graphql");
    char *mapping = read_file(EXAMPLES "/library/mapping.json");
    db = open_db(":memory:", NULL);
    apply_schema(db, sdl);
    OK(load_pieces(db, mapping, inputs, 5, &stored, &err));
    free(sdl);
    free(mapping);
}

static void tear_down(void)
{
    close_db(db);
}

TestSuite(library, .init = set_up, .fini = tear_down);

Test(library, all_lists_are_read)
{
    cr_assert_eq(stored, 3 + 3 + 2 + 3);
    expect_answer(db,
                  "{ books { totalCount } authors { totalCount } shelves { totalCount } "
                  "copies { totalCount } }",
                  "{\"books\":{\"totalCount\":3},\"authors\":{\"totalCount\":3},\"shelves\":"
                  "{\"totalCount\":2},\"copies\":{\"totalCount\":3}}");
}

Test(library, nested_members_and_alternatives_give_values)
{
    expect_answer(db, "{ books { items { isbn title pages price } } }",
                  "{\"books\":{\"items\":["
                  "{\"isbn\":\"978-0-14-143958-7\",\"title\":\"Emma\",\"pages\":474,\"price\":7.5},"
                  "{\"isbn\":\"978-0-575-07736-2\",\"title\":\"The Mirror of Numbers\","
                  "\"pages\":null,\"price\":null},"
                  "{\"isbn\":\"978-0-00-000000-1\",\"title\":\"Anonymous\",\"pages\":null,"
                  "\"price\":3}]}}");
}

Test(library, constants_and_translations_give_values)
{
    expect_answer(db, "{ books { items { genre language tags } } }",
                  "{\"books\":{\"items\":["
                  "{\"genre\":\"NOVEL\",\"language\":\"en\",\"tags\":[\"classic\",\"village\"]},"
                  "{\"genre\":\"SCIENCE\",\"language\":\"en\",\"tags\":[\"science fiction\"]},"
                  "{\"genre\":\"UNKNOWN\",\"language\":\"en\",\"tags\":null}]}}");
    expect_answer(db, "{ copies { items { lost } } }",
                  "{\"copies\":{\"items\":[{\"lost\":false},{\"lost\":true},{\"lost\":false}]}}");
}

Test(library, templates_build_keys)
{
    expect_answer(db, "{ books { items { shelf { code floor } } } }",
                  "{\"books\":{\"items\":[{\"shelf\":{\"code\":\"A/12\",\"floor\":2}},"
                  "{\"shelf\":{\"code\":\"B/1\",\"floor\":0}},"
                  "{\"shelf\":{\"code\":\"A/12\",\"floor\":2}}]}}");
    expect_answer(db, "{ authors { items { name } } }",
                  "{\"authors\":{\"items\":[{\"name\":\"Jane Austen\"},{\"name\":\"Fanny Burney\"},"
                  "{\"name\":\"Nobody\"}]}}");
}

Test(library, a_path_through_a_list_gathers_keys_of_many_rows)
{
    expect_answer(db, "{ books { items { authors { items { id } } } } }",
                  "{\"books\":{\"items\":[{\"authors\":{\"items\":[{\"id\":\"a1\"}]}},"
                  "{\"authors\":{\"items\":[{\"id\":\"3\"},{\"id\":\"a1\"}]}},"
                  "{\"authors\":{\"items\":[]}}]}}");
    expect_answer(db, "{ author(id: \"a1\") { books { items { title } } } }",
                  "{\"author\":{\"books\":{\"items\":[{\"title\":\"Emma\"},"
                  "{\"title\":\"The Mirror of Numbers\"}]}}}");
}

Test(library, the_example_query_answers)
{
    char *query = read_file(EXAMPLES "/library/books.graphql");
    expect_answer(db, query,
                  "{\"books\":{\"totalCount\":3,\"items\":["
                  "{\"title\":\"Anonymous\",\"genre\":\"UNKNOWN\",\"shelf\":{\"code\":\"A/12\","
                  "\"floor\":2},\"authors\":{\"items\":[]},\"copies\":{\"totalCount\":0,"
                  "\"items\":[]}},"
                  "{\"title\":\"Emma\",\"genre\":\"NOVEL\",\"shelf\":{\"code\":\"A/12\","
                  "\"floor\":2},\"authors\":{\"items\":[{\"name\":\"Jane Austen\",\"model\":"
                  "{\"name\":\"Fanny Burney\"}}]},\"copies\":{\"totalCount\":1,\"items\":"
                  "[{\"barcode\":\"9007199254740993\"}]}},"
                  "{\"title\":\"The Mirror of Numbers\",\"genre\":\"SCIENCE\",\"shelf\":"
                  "{\"code\":\"B/1\",\"floor\":0},\"authors\":{\"items\":[{\"name\":\"Nobody\","
                  "\"model\":{\"name\":\"Nobody\"}},{\"name\":\"Jane Austen\",\"model\":"
                  "{\"name\":\"Fanny Burney\"}}]},\"copies\":{\"totalCount\":1,\"items\":"
                  "[{\"barcode\":\"7\"}]}}]}}");
    free(query);
}

Test(library, references_point_forward_and_to_themselves)
{
    expect_answer(
        db, "{ authors { items { id model { id } followers { items { id } } } } }",
        "{\"authors\":{\"items\":["
        "{\"id\":\"a1\",\"model\":{\"id\":\"a2\"},\"followers\":{\"items\":[]}},"
        "{\"id\":\"a2\",\"model\":null,\"followers\":{\"items\":[{\"id\":\"a1\"}]}},"
        "{\"id\":\"3\",\"model\":{\"id\":\"3\"},\"followers\":{\"items\":[{\"id\":\"3\"}]}}"
        "]}}");
}

Test(library, big_keys_are_exact_as_number_or_text)
{
    expect_answer(db, "{ copies { items { barcode next { barcode } } } }",
                  "{\"copies\":{\"items\":["
                  "{\"barcode\":\"9007199254740993\",\"next\":{\"barcode\":\"9007199254740994\"}},"
                  "{\"barcode\":\"9007199254740994\",\"next\":null},"
                  "{\"barcode\":\"7\",\"next\":{\"barcode\":\"9007199254740993\"}}]}}");
}
