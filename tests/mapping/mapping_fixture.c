#include "mapping_fixture.h"

#include <stdio.h>
#include <string.h>

const char mapping_schema[] = "type Author {\n"
                              "  id: ID!\n"
                              "  name: String! @index\n"
                              "  born: Int @index\n"
                              "  rating: Float\n"
                              "  living: Boolean\n"
                              "  country: String\n"
                              "  tags: [String!]\n"
                              "  books: [Book!]!\n"
                              "  mentor: Author\n"
                              "  pupils: [Author!]! @relation(inverse: \"mentor\")\n"
                              "}\n"
                              "type Book @index(fields: [\"author\", \"year\"]) {\n"
                              "  id: ID!\n"
                              "  title: String! @index\n"
                              "  year: Int @index\n"
                              "  pages: BigInt\n"
                              "  kind: Kind @index(type: HASH)\n"
                              "  author: Author!\n"
                              "  genres: [Genre!]!\n"
                              "  details: Details\n"
                              "}\n"
                              "scalar Details\n"
                              "enum Kind { NOVEL PLAY POEM }\n"
                              "type Genre { name: String! @id books: [Book!]! }\n"
                              "type Shop { id: ID! city: String! main: Book @unique }\n";

static void must(quire_status status, const quire_error *err)
{
    cr_assert_eq(status, QUIRE_OK, "%s: %s", quire_status_name(status), err->message);
}

quire_status mapping_apply(quire_db *db, const char *sdl, quire_error *err)
{
    quire_txn *txn;
    must(quire_begin(db, QUIRE_WRITE, &txn, err), err);
    quire_status status = quire_schema_apply(txn, sdl, strlen(sdl), err);
    if (status != QUIRE_OK) {
        quire_rollback(txn);
        return status;
    }
    return quire_commit(txn, err);
}

quire_status mapping_try_load(quire_db *db, const char *json, quire_error *err)
{
    quire_txn *txn;
    quire_loader *loader;
    uint64_t count;
    must(quire_begin(db, QUIRE_WRITE, &txn, err), err);
    must(quire_loader_open(txn, NULL, &loader, err), err);
    quire_status status = quire_loader_begin(loader, "data.json", err);
    if (status == QUIRE_OK) {
        status = quire_loader_feed(loader, json, strlen(json), err);
    }
    if (status == QUIRE_OK) {
        status = quire_loader_end(loader, err);
    }
    if (status == QUIRE_OK) {
        status = quire_loader_finish(loader, &count, err);
    }
    quire_loader_close(loader);
    if (status != QUIRE_OK) {
        quire_rollback(txn);
        return status;
    }
    return quire_commit(txn, err);
}

quire_db *mapping_open(const char *sdl, const char *rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    options.wal_segment_bytes = 256 << 10; /* a database for each test */
    must(quire_open(":memory:", &options, &db, &err), &err);
    must(mapping_apply(db, sdl, &err), &err);
    if (rows != NULL) {
        char *response = mapping_run(db, rows, NULL, false);
        cr_assert_null(strstr(response, "\"errors\""), "%s", response);
        quire_free(response);
    }
    return db;
}

/* Feeds what `write` makes, one piece at a time until it gives none, in one transaction. */
static void load(quire_db *db, bool (*next)(char *piece, size_t size, int index, int count),
                 int count, const char *json)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_loader *loader;
    quire_txn *txn;
    uint64_t rows;
    char piece[512];

    must(quire_begin(db, QUIRE_WRITE, &txn, &err), &err);
    must(quire_loader_open(txn, NULL, &loader, &err), &err);
    must(quire_loader_begin(loader, "test", &err), &err);
    if (json != NULL) {
        must(quire_loader_feed(loader, json, strlen(json), &err), &err);
    }
    for (int i = 0; next != NULL && next(piece, sizeof piece, i, count); i++) {
        must(quire_loader_feed(loader, piece, strlen(piece), &err), &err);
    }
    must(quire_loader_end(loader, &err), &err);
    must(quire_loader_finish(loader, &rows, &err), &err);
    quire_loader_close(loader);
    must(quire_commit(txn, &err), &err);
}

void mapping_load(quire_db *db, const char *json)
{
    load(db, NULL, 0, json);
}

static bool next_of_crowd(char *piece, size_t size, int index, int count)
{
    static const char *const kinds[] = {"NOVEL", "PLAY", "POEM"};
    int n = index % count;
    const char *separator = n == 0 ? "" : ",";

    if (index < count) {
        snprintf(piece, size, "%s{\"id\":\"a%d\",\"name\":\"name%06d\",\"born\":%d,\"rating\":%g}",
                 index == 0 ? "{\"Author\":[" : separator, n, n, 1900 + n % 100, n / 4.0);
    } else if (index < 2 * count) {
        snprintf(piece, size,
                 "%s{\"id\":\"b%d\",\"title\":\"title%06d\",\"year\":%d,\"kind\":\"%s\","
                 "\"author\":\"a%d\",\"genres\":[\"g%d\"]}",
                 n == 0 ? "],\"Book\":[" : separator, n, n, n % 50, kinds[n % 3], n / 2, n % 5);
    } else {
        snprintf(piece, size,
                 "],\"Genre\":[{\"name\":\"g0\"},{\"name\":\"g1\"},{\"name\":\"g2\"},"
                 "{\"name\":\"g3\"},{\"name\":\"g4\"}]}");
    }
    return index <= 2 * count;
}

void mapping_load_crowd(quire_db *db, int count)
{
    load(db, next_of_crowd, count, NULL);
}

void mapping_close(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    must(quire_close(db, &err), &err);
}

char *mapping_run(quire_db *db, const char *document, const char *variables, bool explain)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;
    bool has_errors;

    request.document = document;
    request.variables = variables;
    request.explain = explain;
    must(quire_graphql(db, &request, &response, &size, &has_errors, &err), &err);
    cr_assert_eq(strlen(response), size);
    cr_assert_eq(has_errors, strstr(response, "\"errors\":[") != NULL);
    return response;
}

void mapping_is(quire_db *db, const char *document, const char *variables, const char *expected,
                int line)
{
    char *response = mapping_run(db, document, variables, false);
    cr_assert_str_eq(response, expected, "line %d: %s\n  gives    %s\n  expected %s", line,
                     document, response, expected);
    quire_free(response);
}

void mapping_has(quire_db *db, const char *document, const char *text, int line)
{
    char *response = mapping_run(db, document, NULL, false);
    cr_assert_not_null(strstr(response, text), "line %d: %s\n  gives %s\n  without %s", line,
                       document, response, text);
    quire_free(response);
}

void mapping_explains(quire_db *db, const char *document, const char *text, int line)
{
    char *response = mapping_run(db, document, NULL, true);
    char *explain = strstr(response, "\"explain\":[");
    cr_assert_not_null(explain, "line %d: %s\n  gives %s", line, document, response);
    char *end = strchr(explain, '}');
    cr_assert_not_null(end);
    *end = '\0';
    cr_assert_not_null(strstr(explain, text), "line %d: %s\n  explains %s\n  without %s", line,
                       document, explain, text);
    quire_free(response);
}
