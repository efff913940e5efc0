/*
 * The ISO code lists of Debian's iso-codes package, by the mapping that users
 * are shown.
 */
#include "load_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/temp_dir.h"

/* Languages before registrations, which refer to them, and after; countries after their parts. */
static const struct input inputs[] = {{ISO_CODES "/iso_3166-2.json", NULL},
                                      {ISO_CODES "/iso_3166-1.json", NULL},
                                      {ISO_CODES "/iso_3166-3.json", NULL},
                                      {ISO_CODES "/iso_639-2.json", NULL},
                                      {ISO_CODES "/iso_639-3.json", NULL},
                                      {ISO_CODES "/iso_639-5.json", NULL},
                                      {ISO_CODES "/iso_4217.json", NULL},
                                      {ISO_CODES "/iso_15924.json", NULL},
                                      {NULL, NULL}};

static struct temp_dir dir;
static quire_db *db;
static uint64_t stored;

static void set_up(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    char path[600];
    char *probe = read_file(ISO_CODES "/iso_3166-1.json");
    if (probe == NULL) {
        cr_skip_test("skipped: the package iso-codes is not installed");
    }
    free(probe);
    char *sdl = read_file(EXAMPLES "/iso-codes/schema.graphql");
    char *mapping = read_file(EXAMPLES "/iso-codes/mapping.json");
    temp_dir_create(&dir);
    db = open_db(temp_dir_file(&dir, "iso.quire", path, sizeof path), NULL);
    apply_schema(db, sdl);
    OK(load_pieces(db, mapping, inputs, 65536, &stored, &err));
    free(sdl);
    free(mapping);
}

static void tear_down(void)
{
    if (db != NULL) {
        close_db(db);
        temp_dir_remove(&dir);
    }
}

TestSuite(iso_codes, .init = set_up, .fini = tear_down);

static size_t count_text(const char *path, const char *part)
{
    char *text = read_file(path);
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    free(text);
    return count;
}

Test(iso_codes, every_row_of_every_list_is_stored)
{
    static const char *const fields[] = {
        "subdivisions", "countries",      "formerCountries", "languageRegistrations",
        "languages",    "languageGroups", "currencies",      "scripts"};
    size_t total = 0;
    for (size_t i = 0; inputs[i].name != NULL; i++) {
        char query[100];
        char expected[100];
        size_t count = count_text(inputs[i].name, "{") - 1;
        snprintf(query, sizeof query, "{ list: %s { totalCount } }", fields[i]);
        snprintf(expected, sizeof expected, "{\"list\":{\"totalCount\":%zu}}", count);
        expect_answer(db, query, expected);
        total += count;
    }
    cr_assert_eq(stored, total);
    cr_assert_gt(total, 10000);
}

Test(iso_codes, a_subdivision_knows_its_country_and_parents)
{
    expect_answer(db,
                  "{ subdivision(code: \"GB-BAS\") { name country { name alpha3 } countryId "
                  "parent { code parentId parent { code } country { alpha2 } } } }",
                  "{\"subdivision\":{\"name\":\"Bath and North East Somerset\",\"country\":"
                  "{\"name\":\"United Kingdom\",\"alpha3\":\"GBR\"},\"countryId\":\"GB\","
                  "\"parent\":{\"code\":\"GB-ENG\",\"parentId\":null,\"parent\":null,\"country\":"
                  "{\"alpha2\":\"GB\"}}}}");
}

Test(iso_codes, children_and_subdivisions_are_the_other_sides)
{
    expect_answer(db,
                  "{ subdivision(code: \"GB-ENG\") { children(orderBy: [{ code: ASC }], take: 2) {"
                  " items { code } } } }",
                  "{\"subdivision\":{\"children\":{\"items\":"
                  "[{\"code\":\"GB-BAS\"},{\"code\":\"GB-BBD\"}]}}}");
    expect_answer(db, "{ country(alpha2: \"DE\") { subdivisions { totalCount } } }",
                  "{\"country\":{\"subdivisions\":{\"totalCount\":16}}}");
    char expected[100];
    snprintf(expected, sizeof expected, "{\"subdivisions\":{\"totalCount\":%zu}}",
             count_text(inputs[0].name, "\"parent\":"));
    expect_answer(db, "{ subdivisions(where: { parentId: { not: null } }) { totalCount } }",
                  expected);
}

Test(iso_codes, codes_are_translated_to_enum_values)
{
    expect_answer(
        db, "{ language(alpha3: \"deu\") { name scope kind alpha2 registration { alpha3 } } }",
        "{\"language\":{\"name\":\"German\",\"scope\":\"INDIVIDUAL\",\"kind\":\"LIVING\","
        "\"alpha2\":\"de\",\"registration\":{\"alpha3\":\"deu\"}}}");
}

Test(iso_codes, a_collection_has_no_language_of_its_code)
{
    expect_answer(db, "{ languageRegistration(alpha3: \"afa\") { name language { name } } }",
                  "{\"languageRegistration\":{\"name\":\"Afro-Asiatic languages\",\"language\":"
                  "null}}");
}

Test(iso_codes, rows_keep_the_order_of_the_file)
{
    expect_answer(db, "{ subdivisions(take: 3) { items { code } } }",
                  "{\"subdivisions\":{\"items\":[{\"code\":\"AD-02\"},{\"code\":\"AD-03\"},"
                  "{\"code\":\"AD-04\"}]}}");
}

Test(iso_codes, the_files_stay_after_closing)
{
    char path[600];
    close_db(db);
    db = open_db(temp_dir_file(&dir, "iso.quire", path, sizeof path), NULL);
    expect_answer(
        db, "{ country(alpha3: \"ABW\") { name flag } }",
        "{\"country\":{\"name\":\"Aruba\",\"flag\":\"\xF0\x9F\x87\xA6\xF0\x9F\x87\xBC\"}}");
}
