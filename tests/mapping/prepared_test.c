#include <pthread.h>
#include <stdio.h>

#include "mapping_fixture.h"
#include "world.h"

static quire_graphql_stats stats_of(quire_db *db)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_stats stats = QUIRE_GRAPHQL_STATS_INIT;
    cr_assert_eq(quire_graphql_get_stats(db, &stats, &err), QUIRE_OK, "%s", err.message);
    return stats;
}

static quire_prepared *prepare(quire_db *db, const char *document)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_prepared *prepared;
    request.document = document;
    cr_assert_eq(quire_prepare(db, &request, &prepared, &err), QUIRE_OK, "%s", err.message);
    return prepared;
}

static void expect_run(quire_db *db, quire_prepared *prepared, const char *json,
                       const quire_variable *bound, uint32_t count, const char *expected)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;

    request.prepared = prepared;
    request.variables = json;
    request.bound = bound;
    request.bound_count = count;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK, "%s",
                 err.message);
    cr_expect_str_eq(response, expected, "gives %s\nnot   %s", response, expected);
    quire_free(response);
}

#define BY_ID "query ($id: ID!) { author(id: $id) { id name } }"
#define INES  "{\"data\":{\"author\":{\"id\":\"a1\",\"name\":\"Ines\"}}}"
#define BO    "{\"data\":{\"author\":{\"id\":\"a2\",\"name\":\"Bo\"}}}"

Test(prepared, document__runs_many_times_with_other_variables)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    quire_prepared *prepared = prepare(db, BY_ID);
    quire_variable bound[] = {{.name = "id", .value = quire_text("a2")}};
    quire_graphql_stats before = stats_of(db);

    expect_run(db, prepared, "{\"id\":\"a1\"}", NULL, 0, INES);
    expect_run(db, prepared, NULL, bound, 1, BO);
    expect_run(db, prepared, "{\"id\":\"a1\"}", bound, 1, BO);
    bound[0] = (quire_variable){.name = "id", .json = "\"a1\""};
    expect_run(db, prepared, NULL, bound, 1, INES);
    expect_run(db, prepared, NULL, NULL, 0,
               "{\"errors\":[{\"message\":\"Variable \\\"$id\\\" has invalid value: Expected a "
               "value of non-null type \\\"ID!\\\" to be provided.\",\"locations\":[{\"line\":1,"
               "\"column\":8}]}]}");
    cr_expect_eq(stats_of(db).program_misses, before.program_misses);
    quire_prepared_free(prepared);
    quire_prepared_free(NULL);
    mapping_close(db);
}

Test(prepared, variables__are_bound_in_every_kind)
{
    quire_db *db = mapping_open(mapping_schema, NULL);
    quire_prepared *prepared = prepare(
        db, "mutation ($id: ID!, $born: Int, $rating: Float, $living: Boolean, $tags: [String!],"
            " $country: String) { createAuthor(input: {id: $id, name: \"x\", born: $born, rating:"
            " $rating, living: $living, tags: $tags, country: $country})"
            " { id born rating living tags country } }");
    quire_value tags[2] = {quire_text("a"), quire_text("b")};
    char list[64];
    size_t size = quire_record_encode(tags, 2, list);
    const quire_variable bound[] = {
        {.name = "id", .value = quire_int(7)},
        {.name = "born", .value = quire_int(-1901)},
        {.name = "rating", .value = quire_float(2.5)},
        {.name = "living", .value = quire_bool(true)},
        {.name = "tags", .value = {.type = QUIRE_LIST, .size = (uint32_t)size, .as.bytes = list}},
        {.name = "country", .value = quire_null()}};

    expect_run(db, prepared, NULL, bound, 6,
               "{\"data\":{\"createAuthor\":{\"id\":\"7\",\"born\":-1901,\"rating\":2.5,"
               "\"living\":true,\"tags\":[\"a\",\"b\"],\"country\":null}}}");
    quire_prepared_free(prepared);
    mapping_close(db);
}

Test(prepared, variables__that_no_json_could_say_are_refused)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    quire_prepared *prepared = prepare(db, BY_ID);
    const struct {
        quire_variable variable;
        const char *message;
    } cases[] = {
        {{.name = "id", .value = quire_blob("x", 1)},
         "A blob cannot be bound to a variable; bind "
         "the text that its scalar has."},
        {{.name = "id", .value = quire_text_n("\xFF", 1)},
         "A text that is bound to a variable is not UTF-8."},
        {{.name = "id", .value = quire_float(1e308 * 10)},
         "A number that is bound to a variable is not finite."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[256];
        snprintf(expected, sizeof expected,
                 "{\"errors\":[{\"message\":\"%s\",\"extensions\":{\"code\":\"BAD_INPUT\"}}]}",
                 cases[i].message);
        expect_run(db, prepared, NULL, &cases[i].variable, 1, expected);
    }
    quire_prepared_free(prepared);
    mapping_close(db);
}

Test(prepared, document__that_is_wrong_is_refused_with_its_place)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_prepared *prepared = NULL;
    quire_db *db = mapping_open(mapping_schema, NULL);

    request.document = "{ authors { items {\n nope } } }";
    cr_expect_eq(quire_prepare(db, &request, &prepared, &err), QUIRE_QUERY);
    cr_expect_eq(err.line, 2);
    cr_expect_not_null(strstr(err.message, "Cannot query field"), "%s", err.message);
    request.document = "{ authors ";
    cr_expect_eq(quire_prepare(db, &request, &prepared, &err), QUIRE_SYNTAX);
    cr_expect_null(prepared);
    request.document = NULL;
    cr_expect_eq(quire_prepare(db, &request, &prepared, &err), QUIRE_MISUSE);
    cr_expect_eq(quire_prepare(NULL, NULL, &prepared, NULL), QUIRE_MISUSE);
    /* A request has a document or a prepared one, not both. */
    request = (quire_graphql_request)QUIRE_GRAPHQL_REQUEST_INIT;
    prepared = prepare(db, "{ authors { totalCount } }");
    request.document = "{ __typename }";
    request.prepared = prepared;
    char *response;
    size_t size;
    cr_expect_eq(quire_graphql(db, &request, &response, &size, NULL, NULL), QUIRE_MISUSE);
    quire_prepared_free(prepared);
    mapping_close(db);
}

Test(prepared, document__follows_the_schema)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open("type A { id: ID! n: Int }",
                                "mutation { createA(input: {id: \"1\", n: 5}) { id } }");
    quire_prepared *prepared = prepare(db, "{ a(id: 1) { n } }");
    quire_txn *old;

    expect_run(db, prepared, NULL, NULL, 0, "{\"data\":{\"a\":{\"n\":5}}}");
    cr_assert_eq(quire_begin(db, QUIRE_READ, &old, &err), QUIRE_OK);
    cr_assert_eq(mapping_apply(db, "type A { id: ID! m: String n: Int }", &err), QUIRE_OK, "%s",
                 err.message);
    expect_run(db, prepared, NULL, NULL, 0, "{\"data\":{\"a\":{\"n\":5}}}");
    cr_expect_eq(stats_of(db).program_misses, 1, "made once for the new schema");
    expect_run(db, prepared, NULL, NULL, 0, "{\"data\":{\"a\":{\"n\":5}}}");
    cr_expect_eq(stats_of(db).program_misses, 1);

    /* An older snapshot has the older schema. */
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    char *response;
    size_t size;
    request.prepared = prepared;
    cr_assert_eq(quire_graphql_in(old, &request, &response, &size, NULL, &err), QUIRE_OK);
    cr_expect_str_eq(response, "{\"data\":{\"a\":{\"n\":5}}}");
    quire_free(response);
    quire_rollback(old);
    expect_run(db, prepared, NULL, NULL, 0, "{\"data\":{\"a\":{\"n\":5}}}");
    quire_prepared_free(prepared);
    mapping_close(db);
}

/* What a variable decides is decided at each run. */
Test(prepared, cached_text__obeys_its_variables)
{
    static const char document[] =
        "query ($id: ID!, $skip: Boolean = false, $take: Int) { author(id: $id) { name "
        "born @skip(if: $skip) books(take: $take) { items { id } } } }";
    static const char plain[] =
        "query ($id: ID!, $take: Int = 1) { author(id: $id) { name books(take: $take) { items "
        "{ id } } } t: __type(name: \"Genre\") { name } __typename }";
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);

    for (int i = 0; i < 3; i++) {
        MAPPING_IS_WITH(db, document, "{\"id\": \"a1\", \"take\": 2}",
                        "{\"data\":{\"author\":{\"name\":\"Ines\",\"born\":1901,\"books\":{"
                        "\"items\":[{\"id\":\"b1\"},{\"id\":\"b2\"}]}}}}");
        MAPPING_IS_WITH(db, document, "{\"id\": \"a2\", \"skip\": true, \"take\": 1}",
                        "{\"data\":{\"author\":{\"name\":\"Bo\",\"books\":{\"items\":[{\"id\":"
                        "\"b3\"}]}}}}");
        MAPPING_IS_WITH(db, plain, "{\"id\": \"a2\"}",
                        "{\"data\":{\"author\":{\"name\":\"Bo\",\"books\":{\"items\":[{\"id\":"
                        "\"b3\"}]}},\"t\":{\"name\":\"Genre\"},\"__typename\":\"Query\"}}");
        MAPPING_IS_WITH(db, plain, "{\"id\": \"a1\", \"take\": 0}",
                        "{\"data\":{\"author\":{\"name\":\"Ines\",\"books\":{\"items\":[]}},"
                        "\"t\":{\"name\":\"Genre\"},\"__typename\":\"Query\"}}");
        MAPPING_HAS(db, plain, "to be provided");
    }
    mapping_close(db);
}

Test(prepared, cache__counts_and_keeps_within_its_bytes)
{
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    quire_graphql_stats before = stats_of(db);
    char document[128];

    for (int i = 0; i < 5; i++) {
        quire_free(mapping_run(db, "{ authors { totalCount } }", NULL, false));
    }
    cr_expect_eq(stats_of(db).program_misses - before.program_misses, 1);
    cr_expect_eq(stats_of(db).program_hits - before.program_hits, 4);
    /* Another operation name is another program; a wrong document is none. */
    cr_expect_eq(stats_of(db).programs - before.programs, 1);
    quire_free(mapping_run(db, "{ nope }", NULL, false));
    quire_free(mapping_run(db, "{ nope }", NULL, false));
    cr_expect_eq(stats_of(db).programs - before.programs, 1);
    for (int i = 0; i < 5000; i++) {
        snprintf(document, sizeof document, "{ a%d: authors { totalCount } }", i);
        quire_free(mapping_run(db, document, NULL, false));
    }
    quire_graphql_stats after = stats_of(db);
    cr_expect_leq(after.program_bytes, 4u << 20);
    cr_expect_gt(after.program_evictions, 0);
    cr_expect_gt(after.programs, 100);
    quire_graphql_stats wrong = {0};
    cr_expect_eq(quire_graphql_get_stats(db, &wrong, NULL), QUIRE_MISUSE);
    mapping_close(db);
}

/* Another's transaction, which ends while a request waits for the lock that it holds. */
struct rival {
    quire_txn *txn;
    unsigned calls;
};

static bool let_pass(void *context, uint64_t rows_read)
{
    struct rival *rival = context;
    (void)rows_read;
    if (++rival->calls == 2) { /* the first is on the snapshot */
        cr_assert_eq(quire_commit(rival->txn, NULL), QUIRE_OK);
    }
    return true;
}

/* Runs a mutation while a transaction is open that makes `sdl` the schema. */
static void expect_behind_schema(quire_db *db, const char *sdl, const char *expected)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    struct rival rival = {0};
    char *response;
    size_t size;

    cr_assert_eq(quire_begin(db, QUIRE_WRITE, &rival.txn, &err), QUIRE_OK, "%s", err.message);
    cr_assert_eq(quire_schema_apply(rival.txn, sdl, strlen(sdl), &err), QUIRE_OK, "%s",
                 err.message);
    request.document = "mutation { createNote(input: { id: 1, text: \"x\" }) { text } }";
    request.progress = let_pass;
    request.progress_context = &rival;
    cr_assert_eq(quire_graphql(db, &request, &response, &size, NULL, &err), QUIRE_OK, "%s",
                 err.message);
    cr_expect_geq(rival.calls, 2);
    cr_expect_str_eq(response, expected, "gives %s\nnot   %s", response, expected);
    quire_free(response);
}

Test(prepared, mutation__is_prepared_anew_when_the_schema_moves_before_it_has_the_lock)
{
    quire_db *db = mapping_open("type Note { id: ID! text: String }", NULL);

    expect_behind_schema(db, "type Note { id: ID! text: String added: Int }",
                         "{\"data\":{\"createNote\":{\"text\":\"x\"}}}");
    expect_behind_schema(
        db, "type Note { id: ID! text: String @readonly added: Int }",
        "{\"errors\":[{\"message\":\"Expected value of type \\\"NoteInput\\\" not to include "
        "unknown "
        "field \\\"text\\\", found: { id: 1, text: \\\"x\\\" }.\",\"locations\":[{\"line\":1,"
        "\"column\":39}]}]}");
    mapping_close(db);
}

Test(prepared, mutation__is_prepared_once_while_the_schema_stays)
{
    quire_db *db = mapping_open(mapping_schema, NULL);
    const char *document = "mutation ($name: String!) { createGenre(input: { name: $name }) "
                           "{ name } }";

    MAPPING_IS_WITH(db, document, "{\"name\": \"a\"}",
                    "{\"data\":{\"createGenre\":{\"name\":\"a\"}}}");
    quire_graphql_stats before = stats_of(db);
    MAPPING_IS_WITH(db, document, "{\"name\": \"b\"}",
                    "{\"data\":{\"createGenre\":{\"name\":\"b\"}}}");
    cr_expect_eq(stats_of(db).program_hits - before.program_hits, 1);
    cr_expect_eq(stats_of(db).program_misses, before.program_misses);
    mapping_close(db);
}

Test(prepared, schema_answer__is_made_once_and_anew_for_a_new_schema)
{
    static const char document[] = "{ __type(name: \"Author\") { ...T } n: __typename } "
                                   "fragment T on __Type { fields { name } }";
    quire_db *db = mapping_open("type Author { id: ID! @id }", NULL);
    quire_error err = QUIRE_ERROR_INIT;

    char *first = mapping_run(db, document, NULL, false);
    uint64_t bytes = stats_of(db).program_bytes;
    for (int i = 0; i < 3; i++) {
        char *again = mapping_run(db, document, NULL, false);
        cr_expect_str_eq(again, first);
        quire_free(again);
    }
    cr_expect_eq(stats_of(db).program_bytes, bytes);
    cr_expect(strstr(first, "\"id\"") != NULL);
    cr_assert_eq(mapping_apply(db, "type Author { id: ID! @id  name: String }", &err), QUIRE_OK,
                 "%s", err.message);
    MAPPING_HAS(db, document, "\"name\":\"name\"");
    MAPPING_HAS(db, document, "\"name\":\"name\"");
    quire_free(first);
    mapping_close(db);
}

Test(prepared, schema_answer__counts_among_the_bytes_of_the_cache)
{
    char document[128];
    quire_db *db = mapping_open(mapping_schema, NULL);
    for (int i = 0; i < 300; i++) {
        snprintf(document, sizeof document,
                 "{ a%d: __schema { types { name fields { name type { name } } } } }", i);
        quire_free(mapping_run(db, document, NULL, false));
        cr_assert_leq(stats_of(db).program_bytes, 4u << 20);
    }
    cr_expect_gt(stats_of(db).program_evictions, 0);
    mapping_close(db);
}

Test(prepared, cache__keeps_no_giant)
{
    static char document[700000];
    quire_db *db = mapping_open(mapping_schema, NULL);
    size_t used = 0;
    uint64_t programs = stats_of(db).programs;

    used += (size_t)snprintf(document, sizeof document, "{ authors { totalCount } }");
    memset(document + used, ' ', sizeof document - used - 1);
    document[sizeof document - 1] = '\0';
    quire_free(mapping_run(db, document, NULL, false));
    cr_expect_eq(stats_of(db).programs, programs);
    mapping_close(db);
}

struct runner {
    quire_db *db;
    quire_prepared *prepared;
    int failures;
};

static void *run_often(void *context)
{
    struct runner *runner = context;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_variable bound = {.name = "id", .value = quire_text("a1")};

    request.bound = &bound;
    request.bound_count = 1;
    for (int i = 0; i < 300; i++) {
        char document[128];
        char *response;
        size_t size;
        snprintf(document, sizeof document, "%s # %d", BY_ID, i % 50);
        request.prepared = i % 2 == 0 ? runner->prepared : NULL;
        request.document = i % 2 == 0 ? NULL : document;
        if (quire_graphql(runner->db, &request, &response, &size, NULL, NULL) != QUIRE_OK) {
            runner->failures++;
            continue;
        }
        runner->failures += strcmp(response, INES) == 0 ? 0 : 1;
        quire_free(response);
    }
    return NULL;
}

Test(prepared, document__runs_on_many_threads_while_the_schema_moves)
{
    static const char *const extensions[] = {"type X1 { id: ID! }", "type X2 { id: ID! }",
                                             "type X3 { id: ID! }"};
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = mapping_open(mapping_schema, WORLD_ROWS);
    struct runner runners[4];
    pthread_t threads[4];
    quire_prepared *prepared = prepare(db, BY_ID);
    char sdl[4096];

    for (int i = 0; i < 4; i++) {
        runners[i] = (struct runner){.db = db, .prepared = prepared};
        cr_assert_eq(pthread_create(&threads[i], NULL, run_often, &runners[i]), 0);
    }
    snprintf(sdl, sizeof sdl, "%s", mapping_schema);
    for (int i = 0; i < 3; i++) {
        size_t used = strlen(sdl);
        snprintf(sdl + used, sizeof sdl - used, "%s", extensions[i]);
        cr_assert_eq(mapping_apply(db, sdl, &err), QUIRE_OK, "%s", err.message);
    }
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
        cr_expect_eq(runners[i].failures, 0);
    }
    quire_prepared_free(prepared);
    mapping_close(db);
}
