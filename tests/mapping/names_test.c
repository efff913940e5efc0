#include "graphql/model.h"
#include "mapping_fixture.h"

static void check_names(const char *type, const char *one, const char *many)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_arena arena;
    qr_arena_init(&arena, qr_allocator_default(), 0);
    cr_expect_str_eq(qr_model_name_one(&arena, qr_gql_str_of(type), &err), one);
    cr_expect_str_eq(qr_model_name_plural(&arena, qr_gql_str_of(type), &err), many);
    qr_arena_free(&arena);
}

Test(mapping, names__follow_english)
{
    check_names("User", "user", "users");
    check_names("Country", "country", "countries");
    check_names("Day", "day", "days");
    check_names("Address", "address", "addresses");
    check_names("Box", "box", "boxes");
    check_names("Branch", "branch", "branches");
    check_names("Person", "person", "people");
    check_names("SalesPerson", "salesPerson", "salesPeople");
    check_names("Species", "species", "species");
    check_names("Analysis", "analysis", "analyses");
    check_names("FormerCountry", "formerCountry", "formerCountries");
    check_names("URLRecord", "urlRecord", "urlRecords");
    check_names("ID", "id", "ids");
    check_names("Leaf", "leaf", "leaves");
    check_names("Chief", "chief", "chiefs");
    check_names("Piano", "piano", "pianos");
    check_names("Hero", "hero", "heroes");
    check_names("Bus_stop", "bus_stop", "bus_stops");
}

Test(mapping, names__of_query_fields_can_be_declared)
{
    quire_db *db = mapping_open("type Species { id: ID! } type Planet { id: ID! }\n"
                                "type Query { worlds: [Planet!]! world: Planet }",
                                NULL);
    MAPPING_IS(db,
               "{ allSpecies { totalCount } species(id: \"x\") { id } "
               "worlds { totalCount } world(id: \"x\") { id } }",
               "{\"data\":{\"allSpecies\":{\"totalCount\":0},\"species\":null,"
               "\"worlds\":{\"totalCount\":0},\"world\":null}}");
    mapping_close(db);
}
