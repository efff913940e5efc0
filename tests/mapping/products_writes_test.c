/*
 * What users of other GraphQL databases complain of most, as far as it is about
 * writing: each complaint is a test that it is not so here.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "mapping_fixture.h"
#include "world.h"

/* "A null or missing filter value matches every row, and a bulk delete empties the table." */
Test(mapping, products__a_missing_filter_value_never_writes_all_rows)
{
    static const char *const conditions[] = {
        "",
        "where: {}",
        "where: null",
        "where: {AND: []}",
        "where: {AND: [{}, {AND: [{}]}]}",
        "where: {OR: [{}]}",
        "where: {OR: [{name: {equals: \"Bo\"}}, {}]}",
        "where: {NOT: {OR: []}}",
        "where: {NOT: {NOT: {}}}",
        "where: {name: {}}",
        "where: {name: {equals: $absent}}",
        "where: $where",
        "where: {id: {notIn: []}}",
        "where: {name: {contains: \"\"}}",
        "where: {name: {not: null}}",
        "where: {NOT: {name: {equals: null}}}",
        "where: {NOT: {name: {in: []}}}",
        "where: {books: {every: {}}}",
        "where: {tags: {hasEvery: []}}",
        "where: {name: {gte: \"\"}}",
        "where: {NOT: {name: {lt: \"\"}}}",
        "where: {books: {count: {gte: 0}}}",
        "where: {books: {count: {not: null}}}",
        "where: {NOT: {books: {count: {lt: 0}}}}",
    };
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++) {
        const char *condition = conditions[i];
        const char *variables = strstr(condition, "$absent") != NULL  ? "($absent: String)"
                                : strstr(condition, "$where") != NULL ? "($where: AuthorWhereInput)"
                                                                      : "";
        for (int update = 0; update < 2; update++) {
            char document[300];
            snprintf(document, sizeof document, "mutation %s { %s(%s%s) { affectedRows } }",
                     variables, update == 1 ? "updateAuthors" : "deleteAuthors", condition,
                     update == 1            ? " input: {born: 1}"
                     : condition[0] == '\0' ? "allRows: false"
                                            : "");
            char *response = mapping_run(db, document, NULL, false);
            cr_expect_not_null(strstr(response, "\"code\":\"BAD_INPUT\""), "%s gives %s", document,
                               response);
            cr_expect_not_null(strstr(response, "allRows: true"), "%s", response);
            quire_free(response);
        }
    }
    /* An explicit null is not "no condition" either. */
    MAPPING_HAS(db,
                "mutation { deleteAuthors(where: {name: {startsWith: null}}) { affectedRows } }",
                "must not be null");
    MAPPING_HAS(db, "mutation { deleteAuthors(where: {name: null}) { affectedRows } }",
                "must not be null");
    MAPPING_IS(db, "{ authors { totalCount } }", "{\"data\":{\"authors\":{\"totalCount\":4}}}");
    /* Said in so many words it is done. */
    MAPPING_IS(db, "mutation { updateAuthors(allRows: true, input: {born: 1}) { affectedRows } }",
               "{\"data\":{\"updateAuthors\":{\"affectedRows\":4}}}");
    MAPPING_IS(db, "mutation { deleteShops(where: {}, allRows: true) { affectedRows } }",
               "{\"data\":{\"deleteShops\":{\"affectedRows\":2}}}");
    /* Conditions that some row can fail need no such word. */
    MAPPING_IS(db,
               "mutation { deleteBooks(where: {year: {not: null}, OR: [{}]}) { affectedRows } }",
               "{\"data\":{\"deleteBooks\":{\"affectedRows\":5}}}");
    MAPPING_IS(db, "mutation { deleteBooks(where: {OR: []}) { affectedRows } }",
               "{\"data\":{\"deleteBooks\":{\"affectedRows\":0}}}");
    mapping_close(db);
}

/* "Nested writes stop at insert." */
Test(mapping, products__nested_writes_have_every_verb_in_both_directions)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    /* From the row that holds the reference, four levels deep. */
    MAPPING_IS(
        db,
        "mutation { createShop(input: {id: \"s3\", city: \"Rome\", main: {create: {id: \"b7\", "
        "title: \"Eta\", author: {create: {id: \"a5\", name: \"New\", mentor: {connect: {id: "
        "\"a1\"}}, books: {create: [{id: \"b8\", title: \"Theta\", genres: {create: [{name: "
        "\"myth\"}], connect: [{name: \"war\"}]}}]}}}}}}) { main { author { mentor { name } books "
        "(orderBy: {title: ASC}) { items { title genres { items { name } } } } } } } }",
        "{\"data\":{\"createShop\":{\"main\":{\"author\":{\"mentor\":{\"name\":\"Ines\"},"
        "\"books\":{\"items\":[{\"title\":\"Eta\",\"genres\":{\"items\":[]}},{\"title\":\"Theta\","
        "\"genres\":{\"items\":[{\"name\":\"war\"},{\"name\":\"myth\"}]}}]}}}}}}");
    /* From the other side, changing what is there. */
    MAPPING_IS(
        db,
        "mutation { updateAuthor(id: \"a1\", input: {books: {"
        " delete: [{id: \"b4\"}]"
        " update: [{where: {id: \"b2\"}, input: {title: \"Beta 2\", genres: {set: [{name: "
        "\"war\"}]}}, apply: {year: {increment: 5}}}]"
        " upsert: [{where: {id: \"b1\"}, create: {title: \"no\"}, update: {title: \"Alpha 2\"}},"
        "          {where: {id: \"b9\"}, create: {id: \"b9\", title: \"Iota\"}, update: {}}]"
        " connect: [{id: \"b3\"}]"
        " connectOrCreate: [{where: {id: \"b3\"}, create: {title: \"no\"}},"
        "                   {where: {id: \"b10\"}, create: {id: \"b10\", title: \"Kappa\"}}]"
        " create: [{id: \"b11\", title: \"Lambda\"}] } })"
        " { books(orderBy: {title: ASC}) { items { id title year } } } }",
        "{\"data\":{\"updateAuthor\":{\"books\":{\"items\":["
        "{\"id\":\"b1\",\"title\":\"Alpha 2\",\"year\":1930},"
        "{\"id\":\"b2\",\"title\":\"Beta 2\",\"year\":1925},"
        "{\"id\":\"b3\",\"title\":\"Gamma\",\"year\":1980},"
        "{\"id\":\"b9\",\"title\":\"Iota\",\"year\":null},"
        "{\"id\":\"b10\",\"title\":\"Kappa\",\"year\":null},"
        "{\"id\":\"b11\",\"title\":\"Lambda\",\"year\":null}]}}}}");
    MAPPING_IS(db, "{ book(id: \"b4\") { id } genre(name: \"war\") { books { items { id } } } }",
               "{\"data\":{\"book\":null,\"genre\":{\"books\":{\"items\":[{\"id\":\"b5\"},{\"id\":"
               "\"b8\"},{\"id\":\"b2\"}]}}}}");
    mapping_close(db);
}

/* ... and of a single relation, and of many to many. */
Test(mapping, products__nested_writes_have_every_verb_of_single_relations_and_links)
{
    static const struct {
        const char *document, *expected;
    } steps[] = {
        {"updateBook(id: \"b1\", input: {author: {connectOrCreate: {where: {id: \"a9\"}, create: "
         "{id: \"a9\", name: \"Nina\"}}}}) { author { id name } }",
         "{\"author\":{\"id\":\"a9\",\"name\":\"Nina\"}}"},
        {"updateBook(id: \"b1\", input: {author: {update: {input: {name: \"Nino\"}, apply: {born: "
         "{set: 7}}}}}) { author { name born } }",
         "{\"author\":{\"name\":\"Nino\",\"born\":7}}"},
        {"updateBook(id: \"b1\", input: {author: {upsert: {create: {name: \"no\"}, update: {born: "
         "8}}}}) { author { name born } }",
         "{\"author\":{\"name\":\"Nino\",\"born\":8}}"},
        {"updateBook(id: \"b1\", input: {author: {create: {id: \"a10\", name: \"Ola\"}}}) { author "
         "{ "
         "id } }",
         "{\"author\":{\"id\":\"a10\"}}"},
        {"updateBook(id: \"b1\", input: {author: {connect: {id: \"a1\"}}}) { author { id } }",
         "{\"author\":{\"id\":\"a1\"}}"},
        {"updateAuthor(id: \"a2\", input: {mentor: {disconnect: true}}) { mentor { id } }",
         "{\"mentor\":null}"},
        {"updateShop(id: \"s2\", input: {main: {upsert: {create: {id: \"b20\", title: \"New\", "
         "authorId: \"a1\"}, update: {title: \"no\"}}}}) { main { title } }",
         "{\"main\":{\"title\":\"New\"}}"},
        {"updateShop(id: \"s2\", input: {main: {delete: true}}) { main { id } }",
         "{\"main\":null}"},
        {"updateGenre(name: \"love\", input: {books: {disconnect: [{id: \"b2\"}], connect: [{id: "
         "\"b4\"}], update: [{where: {id: \"b1\"}, input: {title: \"D\"}}], create: [{id: \"b30\", "
         "title: \"E\", authorId: \"a2\"}]}}) { books { items { id title } } }",
         "{\"books\":{\"items\":[{\"id\":\"b1\",\"title\":\"D\"},{\"id\":\"b4\",\"title\":"
         "\"Delta\"},"
         "{\"id\":\"b30\",\"title\":\"E\"}]}}"},
        {"updateBook(id: \"b30\", input: {genres: {set: [{name: \"war\"}, {name: \"crime\"}], "
         "delete: "
         "[{name: \"crime\"}]}}) { genres { items { name } } }",
         "{\"genres\":{\"items\":[{\"name\":\"war\"}]}}"},
    };
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        char document[700];
        char expected[500];
        snprintf(document, sizeof document, "mutation { x: %s }", steps[i].document);
        snprintf(expected, sizeof expected, "{\"data\":{\"x\":%s}}", steps[i].expected);
        MAPPING_IS(db, document, expected);
    }
    MAPPING_IS(db, "{ book(id: \"b20\") { id } genre(name: \"crime\") { name } }",
               "{\"data\":{\"book\":null,\"genre\":null}}");
    mapping_close(db);
}

/* "Several mutations are not one transaction; no rollback." */
Test(mapping, products__a_request_is_one_transaction_down_to_its_nested_writes)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    char *before = mapping_run(db,
                               "{ authors { items { _version books { items { _version genres { "
                               "items { name } } } } } } shops { items { _version } } }",
                               NULL, false);
    MAPPING_HAS(db,
                "mutation { deleteShop(id: \"s1\") { id } "
                "updateAuthors(where: {born: {equals: 1901}}, input: {born: 7}) { affectedRows } "
                "updateAuthor(id: \"a1\", input: {name: \"x\", books: {delete: [{id: \"b2\"}], "
                "create: [{id: \"b7\", title: \"new\", genres: {create: [{name: \"n\"}, {name: "
                "\"war\"}]}}]}}) { id } }",
                "\"path\":[\"updateAuthor\"],\"extensions\":{\"code\":\"UNIQUE\",\"coordinate\":"
                "\"Genre.name\",\"inputPath\":[\"input\",\"books\",\"create\",0,\"genres\","
                "\"create\",1]}}],\"data\":null}");
    char *after = mapping_run(db,
                              "{ authors { items { _version books { items { _version genres { "
                              "items { name } } } } } } shops { items { _version } } }",
                              NULL, false);
    cr_expect_str_eq(before, after);
    quire_free(before);
    quire_free(after);
    mapping_close(db);
}

/* Each field sees what those before it wrote, and the schema says that they are one transaction. */
Test(mapping, products__fields_see_those_before_and_the_schema_says_so)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(
        db,
        "mutation { a: updateAuthor(id: \"a2\", input: {born: 1}) { born } b: "
        "updateAuthors(where: {born: {equals: 1}}, input: {born: 2}) { returning { id born } "
        "} c: deleteAuthors(where: {born: {equals: 1}}) { affectedRows } }",
        "{\"data\":{\"a\":{\"born\":1},\"b\":{\"returning\":[{\"id\":\"a2\",\"born\":2}]},"
        "\"c\":{\"affectedRows\":0}}}");
    MAPPING_HAS(db, "{ __schema { mutationType { description } } }",
                "All fields of a request are one transaction");
    mapping_close(db);
}

/* "Upsert: missing, or racy." */
Test(mapping, products__upsert_is_one_operation_on_any_unique_key)
{
    quire_db *db =
        mapping_open("type U @unique(fields: [\"team\", \"number\"]) { id: ID! mail: "
                     "String! @unique team: T number: Int hits: Int! @default(value: 1) }"
                     " type T { id: ID! us: [U!]! }",
                     "mutation { createT(input: {id: \"t\"}) { id } }");
    for (int i = 1; i <= 3; i++) {
        char expected[100];
        snprintf(expected, sizeof expected, "{\"data\":{\"upsertU\":{\"id\":\"u\",\"hits\":%d}}}",
                 i);
        MAPPING_IS(db,
                   "mutation { upsertU(where: {mail: \"m\"}, create: {id: \"u\", mail: \"m\", "
                   "teamId: \"t\", number: 7}, apply: {hits: {increment: 1}}) { id hits } }",
                   expected);
    }
    MAPPING_IS(db,
               "mutation { upsertU(where: {teamId_number: {teamId: \"t\", number: 7}}, create: "
               "{mail: \"n\"}, update: {mail: \"k\"}) { id mail } }",
               "{\"data\":{\"upsertU\":{\"id\":\"u\",\"mail\":\"k\"}}}");
    MAPPING_IS(db,
               "mutation { upsertU(where: {teamId_number: {teamId: \"t\", number: 8}}, create: "
               "{id: \"v\", mail: \"n\"}, update: {mail: \"x\"}) { id mail } }",
               "{\"data\":{\"upsertU\":{\"id\":\"v\",\"mail\":\"n\"}}}");
    MAPPING_IS(db,
               "mutation { upsertU(where: {id: \"v\"}, create: {mail: \"x\"}, update: {teamId: "
               "\"t\", number: 9}) { id mail number } }",
               "{\"data\":{\"upsertU\":{\"id\":\"v\",\"mail\":\"n\",\"number\":9}}}");
    MAPPING_HAS(db, "mutation { upsertU(where: {}, create: {mail: \"x\"}) { id } }",
                "exactly one field");
    MAPPING_HAS(
        db, "mutation { upsertU(where: {id: \"a\", mail: \"b\"}, create: {mail: \"x\"}) { id } }",
        "exactly one field");
    mapping_close(db);
}

struct upserts {
    quire_db *db;
    int failures;
};

static void *upsert_often(void *context)
{
    struct upserts *upserts = context;
    for (int i = 0; i < 50; i++) {
        quire_error err = QUIRE_ERROR_INIT;
        quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
        char document[200];
        char *response = NULL;
        size_t size;
        bool has_errors = true;
        snprintf(
            document, sizeof document,
            "mutation { upsertU(where: {mail: \"m%d\"}, create: {mail: \"m%d\"}, apply: {hits: "
            "{increment: 1}}) { id } }",
            i % 10, i % 10);
        request.document = document;
        quire_status status =
            quire_graphql(upserts->db, &request, &response, &size, &has_errors, &err);
        upserts->failures += status != QUIRE_OK || has_errors;
        quire_free(response);
    }
    return NULL;
}

/* ... under load: nobody fails because another was faster, and no increment is lost. */
Test(mapping, products__upserts_at_once_neither_fail_nor_double)
{
    quire_db *db = mapping_open(
        "type U { id: ID! mail: String! @unique hits: Int! @default(value: 1) }", NULL);
    pthread_t threads[4];
    struct upserts upserts[4];
    for (int i = 0; i < 4; i++) {
        upserts[i] = (struct upserts){db, 0};
        cr_assert_eq(pthread_create(&threads[i], NULL, upsert_often, &upserts[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
        cr_expect_eq(upserts[i].failures, 0);
    }
    MAPPING_IS(
        db, "{ us { totalCount aggregate { sum { hits } min { hits } max { hits } } } }",
        "{\"data\":{\"us\":{\"totalCount\":10,\"aggregate\":{\"sum\":{\"hits\":\"200\"},\"min\":{"
        "\"hits\":20},\"max\":{\"hits\":20}}}}}");
    mapping_close(db);
}

/* "Large integers and decimals lose digits in JSON": also not while they are computed with. */
Test(mapping, products__operators_keep_every_digit_of_64_bits)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    MAPPING_IS(
        db,
        "mutation { updateBook(id: \"b1\", apply: {pages: {increment: \"9007199254740993\"}})"
        " { pages } }",
        "{\"data\":{\"updateBook\":{\"pages\":\"18014398509481986\"}}}");
    MAPPING_IS(db,
               "mutation ($n: BigInt) { updateBook(id: \"b1\", apply: {pages: {set: $n}})"
               " { pages } }",
               "{\"data\":{\"updateBook\":{\"pages\":\"18014398509481986\"}}}");
    mapping_close(db);
}
