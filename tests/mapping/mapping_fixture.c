#include "mapping_fixture.h"

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

quire_db *mapping_open(const char *sdl, const char *rows)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db;
    must(quire_open(":memory:", NULL, &db, &err), &err);
    must(mapping_apply(db, sdl, &err), &err);
    if (rows != NULL) {
        char *response = mapping_run(db, rows, NULL, false);
        cr_assert_null(strstr(response, "\"errors\""), "%s", response);
        quire_free(response);
    }
    return db;
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
