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

/* Tables are open to the native API too. */
Test(mapping, path__leaves_out_indexes_on_columns_outside_the_schema)
{
    static const quire_column extra = {"extra", QUIRE_INT, false};
    static const quire_index_column columns[] = {{.name = "year"}, {.name = "extra"}};
    static const quire_index_def defs[] = {
        {.name = "e1", .columns = &columns[1], .column_count = 1},
        {.name = "e2", .columns = columns, .column_count = 2}};
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    quire_txn *txn;
    quire_table *table;
    const void *record;
    size_t size;
    bool found;

    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_table_add_columns(txn, "Genre", &extra, 1, &err), QUIRE_OK);
    cr_assert_eq(quire_table_add_columns(txn, "Book", &extra, 1, &err), QUIRE_OK);
    cr_assert_eq(quire_index_create(txn, "Book", &defs[0], &err), QUIRE_OK);
    cr_assert_eq(quire_index_create(txn, "Book", &defs[1], &err), QUIRE_OK);
    cr_assert_eq(quire_table_open(txn, "Genre", &table, &err), QUIRE_OK);
    quire_value values[] = {quire_text("crime"), quire_int(7)};
    cr_assert_eq(quire_table_update(table, 1, values, 2, &found, &err), QUIRE_OK);
    quire_table_close(table);
    cr_assert_eq(quire_commit(txn, &err), QUIRE_OK, "%s", err.message);
    MAPPING_EXPLAINS(db, "{ books(where: {year: {equals: 1930}}) { items { id } } }",
                     "\"index\":\"Book.year\"");
    /* What the schema does not know, an update leaves alone. */
    MAPPING_HAS(db, "mutation { updateGenre(name: \"crime\", input: {booksIds: []}) { name } }",
                "crime");
    cr_assert_eq(quire_begin(db, QUIRE_READ, &txn, &err), QUIRE_OK);
    cr_assert_eq(quire_table_open(txn, "Genre", &table, &err), QUIRE_OK);
    cr_assert_eq(quire_table_get(table, 1, &record, &size, &found, &err), QUIRE_OK);
    cr_assert_eq(quire_record_column(record, size, 1, &values[1], &err), QUIRE_OK);
    cr_expect(values[1].type == QUIRE_INT && values[1].as.integer == 7);
    quire_table_close(table);
    quire_rollback(txn);
    mapping_close(db);
}
