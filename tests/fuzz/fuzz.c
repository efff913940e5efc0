/*
 * The database that fuzz targets share, and the splitting of inputs.
 */
#include "fuzz/fuzz.h"

#include <string.h>

const char fuzz_schema[] =
    "enum Kind { LIVING EXTINCT }\n"
    "scalar Any\n"
    "type Author { id: ID! @id  name: String! @index  born: Int @index(type: HASH)\n"
    "  books: [Book!]!  kind: Kind  weight: Float  tags: [String!]  extra: Any }\n"
    "type Book @unique(fields: [\"title\", \"author\"]) { isbn: String! @id\n"
    "  title: String! @index  pages: BigInt  inPrint: Boolean @default(value: true)\n"
    "  author: Author! @relation(onDelete: CASCADE)  sequel: Book @unique\n"
    "  prequel: Book @relation(inverse: \"sequel\")  topics: [Topic!]! }\n"
    "type Topic { name: String! @id  books: [Book!]! }\n";

static const char rows[] =
    "mutation {\n"
    "  a: createAuthor(input: {id: \"a1\", name: \"Ann\", born: 1900, kind: LIVING}) { id }\n"
    "  b: createAuthor(input: {id: \"a2\", name: \"Bob\", tags: [\"x\", \"y\"]}) { id }\n"
    "  c: createTopic(input: {name: \"sea\"}) { name }\n"
    "  d: createBook(input: {isbn: \"1\", title: \"One\", authorId: \"a1\"}) { isbn }\n"
    "  e: createBook(input: {isbn: \"2\", title: \"Two\", authorId: \"a1\", pages: \"7\"}) { isbn "
    "}\n"
    "}";

static quire_db *create(void)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    options.page_size = 1024;
    quire_db *db = NULL;
    quire_txn *txn = NULL;
    FUZZ_REQUIRE(quire_open(":memory:", &options, &db, &err) == QUIRE_OK);
    FUZZ_REQUIRE(quire_begin(db, QUIRE_WRITE, &txn, &err) == QUIRE_OK);
    if (quire_schema_apply(txn, fuzz_schema, strlen(fuzz_schema), &err) != QUIRE_OK) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
    FUZZ_REQUIRE(quire_commit(txn, &err) == QUIRE_OK);

    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    request.document = rows;
    char *response = NULL;
    size_t response_size = 0;
    bool has_errors = false;
    FUZZ_REQUIRE(quire_graphql(db, &request, &response, &response_size, &has_errors, &err) ==
                 QUIRE_OK);
    if (has_errors) {
        fprintf(stderr, "%s\n", response);
        abort();
    }
    quire_free(response);
    return db;
}

quire_db *fuzz_database(void)
{
    static quire_db *db;
    if (db == NULL) {
        db = create();
    }
    return db;
}

struct fuzz_parts fuzz_split(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
    struct fuzz_parts parts = {(const char *)data, "", size, 0};
    if (zero != NULL) {
        parts.first_size = (size_t)(zero - data);
        parts.second = (const char *)zero + 1;
        parts.second_size = size - parts.first_size - 1;
    }
    return parts;
}
