#include "mapping_fixture.h"
#include "world.h"

Test(mapping, path__uses_an_index_wherever_one_serves)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_EXPLAINS(db, "{ books { items { id } } }", "\"access\":\"scan\"");
    MAPPING_EXPLAINS(db, "{ books(where: {title: {equals: \"Beta\"}}) { items { id } } }",
                     "\"access\":\"index equality\",\"index\":\"Book.title\"");
    MAPPING_EXPLAINS(db, "{ books(where: {title: {equals: \"Beta\"}}) { items { id } } }",
                     "\"rowsRead\":1,\"rowsReturned\":1");
    MAPPING_EXPLAINS(db, "{ books(where: {title: {startsWith: \"Al\"}}) { items { id } } }",
                     "\"access\":\"index range\",\"index\":\"Book.title\"");
    MAPPING_EXPLAINS(db, "{ books(where: {title: {startsWith: \"Al\"}}) { items { id } } }",
                     "\"rowsRead\":2,\"rowsReturned\":2");
    MAPPING_EXPLAINS(db, "{ books(where: {year: {gt: 1930, lte: 1980}}) { items { id } } }",
                     "\"rowsRead\":1,\"rowsReturned\":1");
    MAPPING_EXPLAINS(db, "{ books(where: {kind: {equals: NOVEL}}) { items { id } } }",
                     "\"access\":\"index equality\",\"index\":\"Book.kind\"");
    MAPPING_EXPLAINS(db, "{ books(where: {title: {in: [\"Beta\", \"Al\"]}}) { items { id } } }",
                     "\"access\":\"index keys\",\"index\":\"Book.title\"");
    MAPPING_EXPLAINS(db, "{ books(where: {id: {equals: \"b2\"}}) { items { id } } }",
                     "\"index\":\"Book.id\"");
    MAPPING_EXPLAINS(
        db, "{ books(where: {authorId: {equals: \"a1\"}, year: {gte: 1930}}) { items { id } } }",
        "\"index\":\"Book.authorId.year\"");
    MAPPING_EXPLAINS(
        db, "{ books(where: {title: {equals: \"beta\", mode: insensitive}}) { items { id } } }",
        "\"access\":\"scan\"");
    mapping_close(db);
}

Test(mapping, path__takes_the_order_from_an_index_and_stops_early)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_EXPLAINS(db, "{ books(orderBy: {title: ASC}, take: 2) { items { id } } }",
                     "\"index\":\"Book.title\",\"order\":\"from the path\",\"filtered\":false,"
                     "\"rowsRead\":2,\"rowsReturned\":2");
    MAPPING_EXPLAINS(db, "{ books(orderBy: {title: DESC}, first: 2) { items { id } } }",
                     "\"order\":\"from the path\",\"filtered\":false,\"rowsRead\":2");
    MAPPING_EXPLAINS(db, "{ books(orderBy: {title: ASC}, last: 2) { items { id } } }",
                     "\"order\":\"from the path\",\"filtered\":false,\"rowsRead\":2");
    MAPPING_EXPLAINS(db, "{ books(take: 2) { items { id } } }", "\"access\":\"scan\"");
    MAPPING_EXPLAINS(db, "{ books(take: 2) { items { id } } }",
                     "\"rowsRead\":2,\"rowsReturned\":2");
    MAPPING_EXPLAINS(
        db, "{ books(where: {authorId: {equals: \"a1\"}}, orderBy: {year: ASC}) { items { id } } }",
        "\"index\":\"Book.authorId.year\",\"order\":\"from the path\"");
    MAPPING_EXPLAINS(db, "{ books(orderBy: {author: {name: ASC}}, take: 2) { items { id } } }",
                     "\"order\":\"sorted\"");
    mapping_close(db);
}

Test(mapping, path__counts_a_table_without_reading_it)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_EXPLAINS(db, "{ books(take: 0) { totalCount } }", "\"rowsRead\":0");
    MAPPING_EXPLAINS(db, "{ books(take: 1) { totalCount items { id } } }", "\"rowsRead\":1,");
    mapping_close(db);
}

Test(mapping, path__reads_children_through_their_index)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    char *response = mapping_run(
        db, "{ authors { items { books(orderBy: {year: ASC}, take: 1) { items { id } } } } }", NULL,
        true);
    cr_expect_not_null(strstr(response,
                              "\"field\":\"Author.books\",\"access\":\"index equality\","
                              "\"index\":\"Book.authorId.year\",\"order\":\"from the path\","
                              "\"filtered\":false,\"rowsRead\":3,\"rowsReturned\":3"),
                       "%s", response);
    quire_free(response);
    mapping_close(db);
}

Test(mapping, path__counts_no_row_where_a_reference_is_null)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    char *response = mapping_run(db, "{ shops { items { main { id } } } }", NULL, true);
    cr_expect_not_null(strstr(response, "\"field\":\"Shop.main\",\"access\":\"rows by reference\","
                                        "\"index\":null,\"order\":\"from the path\","
                                        "\"filtered\":false,\"rowsRead\":1,\"rowsReturned\":1"),
                       "%s", response);
    quire_free(response);
    mapping_close(db);
}
