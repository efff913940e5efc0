/*
 * Resolvers: fields of the API that the program gives the values of. One is
 * made of a row's columns, one looks into the database, one changes it.
 *
 *     resolver DATABASE
 */
#include <string.h>

#include "example.h"

static const char schema[] =
    "type Author {"
    "  id: ID!"
    "  first: String!"
    "  last: String!"
    "  books: [Book]"
    "  name(upper: Boolean = false): String! @resolver(requires: [\"first\", \"last\"])"
    "}"
    "type Book { id: ID! title: String! author: Author! pages: Int! }"
    "type Shelf @resolver { centimetres: Float! books: [Book!]! }"
    "type Query { shelf(take: Int! = 2): Shelf! @resolver }"
    "type Mutation { tear(book: ID!, pages: Int!): Book! @resolver }";

/* Author.name: called once for all authors of a list, with their names. */
static quire_status join_names(void *context, quire_resolver_call *call, quire_error *err)
{
    quire_value upper;
    (void)context;
    bool shout = quire_resolver_argument(call, "upper", &upper) && upper.type == QUIRE_BOOL &&
                 upper.as.boolean;
    for (size_t i = 0; i < call->count; i++) {
        const quire_value *parts = &call->values[i * call->value_count];
        char name[128];
        int size = snprintf(name, sizeof name, "%.*s %.*s", (int)parts[0].size,
                            (const char *)parts[0].as.bytes, (int)parts[1].size,
                            (const char *)parts[1].as.bytes);
        for (int c = 0; shout && c < size && c < (int)sizeof name; c++) {
            name[c] = name[c] >= 'a' && name[c] <= 'z' ? (char)(name[c] - 'a' + 'A') : name[c];
        }
        quire_value value = quire_text(name);
        quire_status status = quire_resolver_give(call, i, &value, err);
        if (status != QUIRE_OK) {
            return status;
        }
    }
    return QUIRE_OK;
}

/* Query.shelf: an object with keys of rows, whose fields the database goes on with. */
static quire_status fill_shelf(void *context, quire_resolver_call *call, quire_error *err)
{
    static const char *const shelves[] = {"[]", "[\"b3\"]", "[\"b3\", \"b1\"]",
                                          "[\"b3\", \"b1\", \"b2\"]"};
    char json[128];
    quire_value take;
    (void)context;
    if (!quire_resolver_argument(call, "take", &take) || take.as.integer < 0 ||
        take.as.integer > 3) {
        return quire_resolver_refuse(call, 0, "TOO_MANY", "The shelf holds three books.", err);
    }
    int size = snprintf(json, sizeof json, "{\"centimetres\": 7.5, \"books\": %s}",
                        shelves[take.as.integer]);
    return quire_resolver_give_json(call, 0, json, (size_t)size, err);
}

/* Mutation.tear: reads the book and writes it, inside the mutation's transaction. */
static quire_status tear_pages(void *context, quire_resolver_call *call, quire_error *err)
{
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_value book;
    char *response;
    size_t size;
    bool failed;
    (void)context;
    request.document = "mutation($book: ID!, $pages: Int!) {"
                       "  updateBook(id: $book, apply: {pages: {decrement: $pages}}) { pages } }";
    request.variables = call->arguments;
    quire_status status = quire_graphql_in(call->txn, &request, &response, &size, &failed, err);
    if (status != QUIRE_OK) {
        return status;
    }
    bool negative = strstr(response, "\"pages\":-") != NULL;
    quire_free(response);
    if (failed || negative) {
        return quire_resolver_refuse(call, 0, NULL, "The book has not so many pages.", err);
    }
    (void)quire_resolver_argument(call, "book", &book);
    return quire_resolver_give(call, 0, &book, err);
}

static void ask(quire_db *db, const char *document, const char *expected)
{
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;
    request.document = document;
    MUST(quire_graphql(db, &request, &response, &size, NULL, &err));
    printf("%s\n", response);
    EXPECT(strstr(response, expected) != NULL);
    quire_free(response);
}

int main(int argc, char **argv)
{
    quire_db *db;
    quire_txn *txn;
    EXPECT(argc >= 2);
    MUST(quire_open(argv[1], NULL, &db, &err));
    MUST(quire_begin(db, QUIRE_WRITE, &txn, &err));
    MUST(quire_schema_apply(txn, schema, strlen(schema), &err));
    MUST(quire_commit(txn, &err));

    /* Each time that the database is opened; it is the schema that says which fields those are. */
    MUST(quire_resolver_function(db, "Author.name", join_names, NULL, &err));
    MUST(quire_resolver_function(db, "Query.shelf", fill_shelf, NULL, &err));
    MUST(quire_resolver_function(db, "Mutation.tear", tear_pages, NULL, &err));

    ask(db,
        "mutation {"
        "  a: createAuthor(input: {id: \"a1\", first: \"Ada\", last: \"Byron\","
        "    books: {create: [{id: \"b1\", title: \"Notes\", pages: 66}]}}) { id }"
        "  b: createAuthor(input: {id: \"a2\", first: \"Mary\", last: \"Shelley\","
        "    books: {create: [{id: \"b2\", title: \"The Last Man\", pages: 358},"
        "                     {id: \"b3\", title: \"Frankenstein\", pages: 280}]}}) { id } }",
        "\"a2\"");
    ask(db, "{ authors { items { name books { items { author { name(upper: true) } } } } } }",
        "{\"name\":\"Ada Byron\",\"books\":{\"items\":[{\"author\":{\"name\":\"ADA BYRON\"}}]}}");
    ask(db, "{ shelf { centimetres books { title author { name } } } }",
        "{\"centimetres\":7.5,\"books\":[{\"title\":\"Frankenstein\",\"author\":{\"name\":"
        "\"Mary Shelley\"}},{\"title\":\"Notes\"");
    ask(db, "{ shelf(take: 9) { centimetres } }", "\"code\":\"TOO_MANY\"");
    ask(db, "mutation { tear(book: \"b1\", pages: 6) { pages } }", "{\"pages\":60}");
    ask(db,
        "mutation { tear(book: \"b1\", pages: 10) { pages } again: tear(book: \"b1\", pages: 99) "
        "{ pages } }",
        "The book has not so many pages.");
    ask(db, "{ book(id: \"b1\") { pages } }", "60"); /* what failed has undone all */
    MUST(quire_close(db, &err));
    return 0;
}
