/*
 * Fields whose values the program gives.
 */
#include <stdio.h>
#include <string.h>

#include "mapping_fixture.h"

static const char schema[] =
    "type User { id: ID! first: String! last: String born: Date boss: User @relation(inverse: "
    "\"team\") team: [User] "
    "  initials: String @computed(expr: \"upper(substr(first, 1, 1))\") "
    "  full(glue: String = \" \"): String! @resolver(requires: [\"first\", \"last\"]) "
    "  next: User @resolver(requires: \"id\") "
    "  friends: [User!] @resolver "
    "  place: Place @resolver(requires: [\"id\", \"boss\", \"born\", \"initials\"]) "
    "  risky: Int @resolver(requires: \"first\") "
    "  strict: Int! @resolver(requires: \"first\") } "
    "type Place @resolver { city: String! at: [Float] when: DateTime mayor: User tags: [Tag] } "
    "type Tag @resolver { name: String! of: [User!]! kind: Kind } "
    "enum Kind { WARM COLD } "
    "input Near { lat: Float! lon: Float = 1.5 kinds: [Kind!] } "
    "type Query { allUsers: [User] weather(near: Near!, days: Int! = 2): [Place!]! @resolver "
    "  best: User @resolver answer: BigInt @resolver } "
    "type Mutation { rename(id: ID!, to: String!): User! @resolver }";
static const char rows[] =
    "mutation { createUsers(inputs: ["
    "{id: \"1\", first: \"Ada\", last: \"Lovelace\", born: \"1815-12-10\"}, "
    "{id: \"2\", first: \"Alan\", bossId: \"1\"}, {id: \"3\", first: \"Grace\", bossId: \"1\"}]) { "
    "affectedRows } }";

/* Counts calls and parents. */
struct counter {
    unsigned calls;
    size_t parents;
};

static quire_status full(void *context, quire_resolver_call *call, quire_error *err)
{
    struct counter *counter = context;
    quire_value glue;
    cr_assert_str_eq(call->coordinate, "User.full");
    cr_assert_eq(call->value_count, 2);
    counter->calls++;
    counter->parents += call->count;
    cr_assert(quire_resolver_argument(call, "glue", &glue));
    cr_assert_not(quire_resolver_argument(call, "other", &glue));
    for (size_t i = 0; i < call->count; i++) {
        const quire_value *values = &call->values[i * call->value_count];
        char text[64];
        int size = snprintf(text, sizeof text, "%.*s%.*s%.*s", (int)values[0].size,
                            (const char *)values[0].as.bytes, (int)glue.size,
                            (const char *)glue.as.bytes, (int)values[1].size,
                            values[1].type == QUIRE_NULL ? "" : (const char *)values[1].as.bytes);
        quire_value value = quire_text_n(text, (size_t)size);
        cr_assert_eq(quire_resolver_give(call, i, &value, err), QUIRE_OK);
    }
    return QUIRE_OK;
}

static void set(quire_db *db, const char *coordinate, quire_resolver_callback callback,
                void *context)
{
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(quire_resolver_function(db, coordinate, callback, context, &err), QUIRE_OK);
}

/* Gives every parent the JSON that is the context. */
static quire_status give_text(void *context, quire_resolver_call *call, quire_error *err)
{
    for (size_t i = 0; i < call->count; i++) {
        (void)quire_resolver_give_json(call, i, context, strlen(context), err);
    }
    return QUIRE_OK;
}

Test(resolver, field__is_called_once_for_all_rows_of_a_level)
{
    quire_db *db = mapping_open(schema, rows);
    struct counter counter = {0};
    set(db, "User.full", full, &counter);
    MAPPING_IS(db, "{ allUsers { items { full boss { full(glue: \"-\") } } } }",
               "{\"data\":{\"allUsers\":{\"items\":[{\"full\":\"Ada Lovelace\",\"boss\":null},"
               "{\"full\":\"Alan \",\"boss\":{\"full\":\"Ada-Lovelace\"}},"
               "{\"full\":\"Grace \",\"boss\":{\"full\":\"Ada-Lovelace\"}}]}}}");
    cr_assert_eq(counter.calls, 2);
    cr_assert_eq(counter.parents, 4); /* the boss of two is one row */
    MAPPING_IS(db, "{ user(id: \"1\") { a: full b: full(glue: null) } }",
               "{\"data\":{\"user\":{\"a\":\"Ada Lovelace\",\"b\":\"AdaLovelace\"}}}");
    mapping_close(db);
}

Test(resolver, values__are_coerced_to_the_declared_type_and_lead_back_into_tables)
{
    quire_db *db = mapping_open(schema, rows);
    char place[] = "{\"city\":7,\"at\":[1,\"2.5\",null],\"when\":\"1815-12-10T01:00:00+01:00\","
                   "\"mayor\":3,\"tags\":[{\"name\":\"x\",\"of\":[\"2\",1],\"kind\":\"WARM\"},"
                   "{\"name\":\"y\",\"of\":[]},null],\"more\":0}";
    struct counter counter = {0};
    set(db, "User.place", give_text, place);
    set(db, "User.full", full, &counter);
    MAPPING_IS(
        db,
        "{ user(id: \"1\") { place { __typename city at when mayor { first boss { id } } "
        "tags { name kind of { full team(where: {id: {equals: \"2\"}}) { totalCount } } } } } }",
        "{\"data\":{\"user\":{\"place\":{\"__typename\":\"Place\",\"city\":\"7\","
        "\"at\":[1,2.5,null],\"when\":\"1815-12-10T00:00:00Z\","
        "\"mayor\":{\"first\":\"Grace\",\"boss\":{\"id\":\"1\"}},"
        "\"tags\":[{\"name\":\"x\",\"kind\":\"WARM\",\"of\":[{\"full\":\"Alan \",\"team\":"
        "{\"totalCount\":0}},{\"full\":\"Ada Lovelace\",\"team\":{\"totalCount\":1}}]},"
        "{\"name\":\"y\",\"kind\":null,\"of\":[]},null]}}}}");
    cr_assert_eq(counter.calls, 1); /* the rows of both lists at once */
    mapping_close(db);
}

/* The next id, as a number where it is even; refuses the last. */
static quire_status next_one(void *context, quire_resolver_call *call, size_t index,
                             quire_error *err)
{
    int id = ((const char *)call->values[index].as.bytes)[0] - '0';
    quire_value text = quire_text_n("3", 1);
    quire_value number = quire_int(id + 1);
    (void)context;
    cr_assert_eq(call->rowids[index], id);
    if (id == 3) {
        err->status = QUIRE_CHECK;
        memcpy(err->message, "There is none after Grace.", 27);
        return QUIRE_CHECK;
    }
    return quire_resolver_give(call, index, id == 2 ? &text : &number, err);
}

static quire_status next(void *context, quire_resolver_call *call, quire_error *err)
{
    return quire_resolver_each(call, next_one, context, err);
}

Test(resolver, error__makes_null_what_may_be_null_and_leaves_the_rest)
{
    quire_db *db = mapping_open(schema, rows);
    set(db, "User.next", next, NULL);
    MAPPING_IS(db, "{ allUsers { edges { node { id next { id next { id } } } } } }",
               "{\"data\":{\"allUsers\":{\"edges\":[{\"node\":{\"id\":\"1\",\"next\":{\"id\":\"2\","
               "\"next\":{\"id\":\"3\"}}}},{\"node\":{\"id\":\"2\",\"next\":{\"id\":\"3\",\"next\":"
               "null}}},{\"node\":{\"id\":\"3\",\"next\":null}}]}},\"errors\":[{\"message\":"
               "\"There is none after Grace.\",\"locations\":[{\"line\":1,\"column\":42}],\"path\":"
               "[\"allUsers\",\"edges\",1,\"node\",\"next\",\"next\"],\"extensions\":{\"code\":"
               "\"CHECK\",\"coordinate\":\"User.next\"}},{\"message\":"
               "\"There is none after Grace.\",\"locations\":[{\"line\":1,\"column\":32}],\"path\":"
               "[\"allUsers\",\"edges\",2,\"node\",\"next\"],\"extensions\":{\"code\":\"CHECK\","
               "\"coordinate\":\"User.next\"}}]}");
    mapping_close(db);
}

/* One more than the letters of the name; Alan has a code of his own, Grace nothing. */
static quire_status measure(void *context, quire_resolver_call *call, quire_error *err)
{
    (void)context;
    for (size_t i = 0; i < call->count; i++) {
        if (call->values[i].size == 4) {
            cr_assert_eq(quire_resolver_refuse(call, i, "TOO_SHY", "Alan would not say.", err),
                         QUIRE_OK);
        } else if (call->values[i].size == 3) {
            quire_value value = quire_int(call->values[i].size + 1);
            cr_assert_eq(quire_resolver_give(call, i, &value, err), QUIRE_OK);
        }
    }
    return QUIRE_OK;
}

Test(resolver, error_of_a_required_field__goes_up_to_what_may_be_null)
{
    quire_db *db = mapping_open(schema, rows);
    set(db, "User.strict", measure, NULL);
    MAPPING_IS(db,
               "{ a: user(id: \"1\") { strict } b: user(id: \"2\") { boss { strict } strict } }",
               "{\"data\":{\"a\":{\"strict\":4},\"b\":null},\"errors\":[{\"message\":"
               "\"Alan would not say.\",\"locations\":[{\"line\":1,\"column\":66}],\"path\":"
               "[\"b\",\"strict\"],\"extensions\":{\"code\":\"TOO_SHY\",\"coordinate\":"
               "\"User.strict\"}}]}");
    MAPPING_IS(db, "{ user(id: \"3\") { id boss { id } strict } }",
               "{\"data\":{\"user\":null},\"errors\":[{\"message\":\"Cannot return null for "
               "non-nullable field User.strict.\",\"locations\":[{\"line\":1,\"column\":34}],"
               "\"path\":[\"user\",\"strict\"],\"extensions\":{\"code\":\"RESOLVER\","
               "\"coordinate\":\"User.strict\"}}]}");
    /* items and their rows cannot be null, nor the connection */
    MAPPING_HAS(db, "{ user(id: \"1\") { id } allUsers { items { strict } } }", "\"data\":null");
    MAPPING_HAS(db, "{ allUsers { items { strict } } }", "\"path\":[\"allUsers\",\"items\",1,");
    mapping_close(db);
}

Test(resolver, lists__keep_their_places_where_an_element_becomes_null)
{
    quire_db *db =
        mapping_open("type A { id: ID! } type V @resolver { n: Int! } "
                     "type Query { grid: [[V!]] @resolver rows: [[A!]] @resolver }",
                     "mutation { createAs(inputs: [{id: \"1\"}, {id: \"2\"}]) { affectedRows } }");
    char grid[] = "[[{\"n\":1},{\"n\":\"x\"},{\"n\":3}],null,[{\"n\":4}],7,[5]]";
    char keys[] = "[[\"1\",\"9\",\"2\"],[2,1]]";
    set(db, "Query.grid", give_text, grid);
    set(db, "Query.rows", give_text, keys);
    MAPPING_IS(
        db, "{ grid { n } rows { id } }",
        "{\"data\":{\"grid\":[null,null,[{\"n\":4}],null,null],\"rows\":[null,[{\"id\":\"2\"},"
        "{\"id\":\"1\"}]]},\"errors\":[{\"message\":\"Int cannot represent non-integer value: "
        "\\\"x\\\"\",\"locations\":[{\"line\":1,\"column\":10}],\"path\":[\"grid\",0,1,\"n\"],"
        "\"extensions\":{\"code\":\"RESOLVER\",\"coordinate\":\"V.n\"}},{\"message\":\"Expected a "
        "list: 7\",\"locations\":[{\"line\":1,\"column\":3}],\"path\":[\"grid\",3],\"extensions\":"
        "{\"code\":\"RESOLVER\",\"coordinate\":\"Query.grid\"}},{\"message\":\"Expected an object: "
        "5\",\"locations\":[{\"line\":1,\"column\":3}],\"path\":[\"grid\",4,0],\"extensions\":"
        "{\"code\":\"RESOLVER\",\"coordinate\":\"Query.grid\"}},{\"message\":\"There is no row "
        "with "
        "the key: \\\"9\\\"\",\"locations\":[{\"line\":1,\"column\":14}],\"path\":[\"rows\",0,1],"
        "\"extensions\":{\"code\":\"RESOLVER\",\"coordinate\":\"Query.rows\"}}]}");
    mapping_close(db);
}

Test(resolver, missing_function__fails_at_the_field_alone)
{
    quire_db *db = mapping_open(schema, rows);
    MAPPING_IS(db, "{ user(id: \"1\") { first risky } }",
               "{\"data\":{\"user\":{\"first\":\"Ada\",\"risky\":null}},\"errors\":[{\"message\":"
               "\"The program has registered no resolver for this field.\",\"locations\":"
               "[{\"line\":1,\"column\":25}],\"path\":[\"user\",\"risky\"],\"extensions\":"
               "{\"code\":\"RESOLVER\",\"coordinate\":\"User.risky\"}}]}");
    set(db, "User.risky", measure, NULL);
    MAPPING_HAS(db, "{ user(id: \"1\") { first risky } }", "{\"first\":\"Ada\",\"risky\":4}}}");
    set(db, "User.risky", NULL, NULL);
    MAPPING_HAS(db, "{ user(id: \"1\") { first risky } }", "no resolver for this field");
    mapping_close(db);
}

/* ---- root fields ---- */

static quire_status weather(void *context, quire_resolver_call *call, quire_error *err)
{
    char json[200];
    quire_value near;
    quire_value days;
    (void)context;
    cr_assert_eq(call->count, 1);
    cr_assert_null(call->rowids);
    cr_assert(quire_resolver_argument(call, "near", &near));
    cr_assert(quire_resolver_argument(call, "days", &days));
    cr_assert_eq(days.as.integer, 2);
    cr_assert_eq(near.size, strlen("{\"lat\":2,\"lon\":1.5,\"kinds\":[\"COLD\"]}"));
    int size = snprintf(json, sizeof json, "[{\"city\":%zu,\"at\":[%.*s]}]", call->arguments_size,
                        1, (const char *)near.as.bytes + 7);
    return quire_resolver_give_json(call, 0, json, (size_t)size, err);
}

/* Asks the database in the request's snapshot. */
static quire_status best(void *context, quire_resolver_call *call, quire_error *err)
{
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_value key = quire_text("2");
    char *response;
    size_t size;
    (void)context;
    request.document = "{ allUsers { totalCount } }";
    cr_assert_eq(quire_graphql_in(call->txn, &request, &response, &size, NULL, err), QUIRE_OK);
    cr_assert_str_eq(response, "{\"data\":{\"allUsers\":{\"totalCount\":3}}}");
    quire_free(response);
    return quire_resolver_give(call, 0, &key, err);
}

static quire_status answer(void *context, quire_resolver_call *call, quire_error *err)
{
    (void)context;
    quire_value value = quire_int(INT64_MAX);
    return quire_resolver_give(call, 0, &value, err);
}

Test(resolver, query_field__takes_arguments_and_gives_values_or_rows)
{
    quire_db *db = mapping_open(schema, rows);
    set(db, "Query.weather", weather, NULL);
    set(db, "Query.best", best, NULL);
    set(db, "Query.answer", answer, NULL);
    MAPPING_IS(db, "{ weather(near: {lat: 2, kinds: COLD}) { city at } }",
               "{\"data\":{\"weather\":[{\"city\":\"54\",\"at\":[2]}]}}");
    MAPPING_IS_WITH(db, "query($n: Near!) { w: weather(near: $n) { city } }",
                    "{\"n\": {\"lat\": 2, \"kinds\": [\"COLD\"]}}",
                    "{\"data\":{\"w\":[{\"city\":\"54\"}]}}");
    MAPPING_IS(db, "{ best { first boss { first } } answer }",
               "{\"data\":{\"best\":{\"first\":\"Alan\",\"boss\":{\"first\":\"Ada\"}},"
               "\"answer\":\"9223372036854775807\"}}");
    MAPPING_HAS(db, "{ weather(near: {lon: 2}) { city } }",
                "to include required field \\\"lat\\\"");
    mapping_close(db);
}

/* Writes, by a request in the transaction of the mutation. */
static quire_status rename_user(void *context, quire_resolver_call *call, quire_error *err)
{
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_value id;
    char *response;
    size_t size;
    bool has_errors;
    unsigned *fails = context;
    request.document =
        "mutation($id: ID!, $to: String!) { updateUser(id: $id, input: {first: $to}) { id } }";
    request.variables = call->arguments;
    quire_status status = quire_graphql_in(call->txn, &request, &response, &size, &has_errors, err);
    if (status != QUIRE_OK) {
        return status;
    }
    quire_free(response);
    cr_assert(quire_resolver_argument(call, "id", &id));
    if (*fails > 0) {
        return quire_resolver_refuse(call, 0, "NO_MORE", "That was the last.", err);
    }
    return quire_resolver_give(call, 0, &id, err);
}

Test(resolver, mutation_field__writes_in_its_turn_and_undoes_all_when_it_fails)
{
    quire_db *db = mapping_open(schema, rows);
    unsigned fails = 0;
    set(db, "Mutation.rename", rename_user, &fails);
    MAPPING_IS(db,
               "mutation { a: updateUser(id: \"1\", input: {last: \"King\"}) { last } "
               "rename(id: \"1\", to: \"Augusta\") { first last } "
               "b: updateUser(id: \"1\", input: {last: \"Byron\"}) { first last } }",
               "{\"data\":{\"a\":{\"last\":\"King\"},\"rename\":{\"first\":\"Augusta\",\"last\":"
               "\"King\"},\"b\":{\"first\":\"Augusta\",\"last\":\"Byron\"}}}");
    fails = 1;
    MAPPING_IS(db,
               "mutation { a: updateUser(id: \"1\", input: {last: \"X\"}) { last } "
               "rename(id: \"1\", to: \"Y\") { first } deleteUser(id: \"1\") { id } }",
               "{\"errors\":[{\"message\":\"That was the last.\",\"locations\":[{\"line\":1,"
               "\"column\":64}],\"path\":[\"rename\"],\"extensions\":{\"code\":\"NO_MORE\","
               "\"coordinate\":\"Mutation.rename\"}}],\"data\":null}");
    MAPPING_IS(db, "{ user(id: \"1\") { first last } }",
               "{\"data\":{\"user\":{\"first\":\"Augusta\",\"last\":\"Byron\"}}}");
    mapping_close(db);
}

Test(resolver, field_in_a_mutation__undoes_all_when_it_fails_though_it_may_be_null)
{
    quire_db *db = mapping_open(schema, rows);
    set(db, "User.risky", measure, NULL);
    MAPPING_HAS(db, "mutation { updateUser(id: \"1\", input: {last: \"K\"}) { risky } }",
                "{\"data\":{\"updateUser\":{\"risky\":4}}}");
    MAPPING_HAS(db,
                "mutation { createUser(input: {id: \"9\", first: \"Ada\"}) { id } "
                "updateUsers(where: {id: {equals: \"2\"}}, input: {last: \"K\"}) { returning { "
                "risky } } }",
                "\"path\":[\"updateUsers\",\"returning\",0,\"risky\"],\"extensions\":{\"code\":"
                "\"TOO_SHY\",\"coordinate\":\"User.risky\"}}],\"data\":null}");
    MAPPING_IS(db, "{ user(id: \"9\") { id } }", "{\"data\":{\"user\":null}}");
    /* a row that is deleted is shown as it was */
    MAPPING_IS(db, "mutation { deleteUser(id: \"1\") { first risky } }",
               "{\"data\":{\"deleteUser\":{\"first\":\"Ada\",\"risky\":4}}}");
    mapping_close(db);
}

/* ---- what a function may not do ---- */

static quire_status misbehave(void *context, quire_resolver_call *call, quire_error *err)
{
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    const char *what = context;
    char *response;
    size_t size;
    bool has_errors;
    if (strcmp(what, "commit") == 0) {
        cr_assert_eq(quire_commit(call->txn, err), QUIRE_MISUSE);
    } else if (strcmp(what, "rollback") == 0) {
        quire_rollback(call->txn);
    } else if (strcmp(what, "schema") == 0) {
        cr_assert_eq(quire_schema_apply(call->txn, "type B { id: ID! }", 18, err), QUIRE_MISUSE);
    } else if (strcmp(what, "write") == 0) {
        request.document = "mutation { createA(input: {id: \"2\"}) { id } }";
        cr_assert_eq(quire_graphql_in(call->txn, &request, &response, &size, &has_errors, err),
                     QUIRE_OK);
        cr_assert_eq(has_errors, strcmp(call->coordinate, "Mutation.m") != 0);
        quire_free(response);
    } else if (strcmp(what, "again") == 0) {
        request.document = "{ q }";
        cr_assert_eq(quire_graphql_in(call->txn, &request, &response, &size, &has_errors, err),
                     QUIRE_OK);
        quire_free(response);
    } else if (strcmp(what, "savepoint") == 0) {
        uint64_t savepoint;
        cr_assert_eq(quire_savepoint(call->txn, &savepoint, err), QUIRE_OK);
    }
    call->count = 1000;
    quire_value value = quire_int(1);
    cr_assert_eq(quire_resolver_give(call, 1, &value, NULL), QUIRE_MISUSE);
    cr_assert_eq(quire_resolver_give(call, SIZE_MAX, &value, NULL), QUIRE_MISUSE);
    cr_assert_eq(quire_resolver_give(NULL, 0, &value, NULL), QUIRE_MISUSE);
    cr_assert_eq(quire_resolver_give(call, 0, NULL, NULL), QUIRE_MISUSE);
    return quire_resolver_give(call, 0, &value, err);
}

Test(resolver, function__can_neither_end_the_transaction_nor_write_from_a_query)
{
    static const char *const whats[] = {"commit", "rollback", "schema", "write", "again"};
    quire_db *db = mapping_open("type A { id: ID! f: Int @resolver } type Query { q: Int @resolver "
                                "as: [A] } type Mutation { m: Int @resolver }",
                                "mutation { createA(input: {id: \"1\"}) { id } }");
    for (size_t i = 0; i < sizeof whats / sizeof whats[0]; i++) {
        char what[16];
        snprintf(what, sizeof what, "%s", whats[i]);
        set(db, "Query.q", misbehave, what);
        MAPPING_IS(db, "{ q as { totalCount } }", "{\"data\":{\"q\":1,\"as\":{\"totalCount\":1}}}");
    }
    char writing[] = "write";
    set(db, "A.f", misbehave, writing);
    MAPPING_HAS(db, "mutation { createA(input: {id: \"3\"}) { f } }", "left the transaction half");
    char ending[] = "commit";
    set(db, "Mutation.m", misbehave, ending);
    MAPPING_HAS(db, "mutation { createA(input: {id: \"3\"}) { id } m }", "\"data\":null");
    char rolling[] = "rollback";
    set(db, "Mutation.m", misbehave, rolling);
    MAPPING_HAS(db, "mutation { createA(input: {id: \"3\"}) { id } m }", "\"data\":null");
    char saving[] = "savepoint";
    set(db, "Mutation.m", misbehave, saving);
    MAPPING_IS(db, "mutation { m createA(input: {id: \"3\"}) { id } }",
               "{\"data\":{\"m\":1,\"createA\":{\"id\":\"3\"}}}");
    set(db, "Mutation.m", misbehave, writing);
    MAPPING_IS(db, "mutation { m }", "{\"data\":{\"m\":1}}");
    MAPPING_IS(db, "{ as { totalCount } }", "{\"data\":{\"as\":{\"totalCount\":3}}}");
    mapping_close(db);
}

/* What the number in the context says. */
static quire_status give_nonsense(void *context, quire_resolver_call *call, quire_error *err)
{
    quire_value text = quire_text_n("\xff\xfe", 2);
    quire_value list = {.type = QUIRE_LIST, .size = 2, .as.bytes = "\x7f\x7f"};
    quire_value bytes = quire_blob("ab", 2);
    quire_value odd = {.type = (quire_type)77};
    quire_value many = quire_float(1.0e308 * 10);
    const quire_value *values[] = {&text, &list, &bytes, &odd, &many};
    int kind = *(const int *)context;
    if (kind < 5) {
        cr_assert_neq(quire_resolver_give(call, 0, values[kind], err), QUIRE_OK);
        return QUIRE_OK;
    }
    if (kind == 5) {
        cr_assert_eq(quire_resolver_refuse(call, 0, "\xff", "\xfe%s%n", err), QUIRE_OK);
        return QUIRE_OK;
    }
    const char *json[] = {"{", "[1,]", "\"\xff\"", "{\"a\":1,\"a\":2}", "", "nul"};
    cr_assert_neq(quire_resolver_give_json(call, 0, json[kind - 6], strlen(json[kind - 6]), err),
                  QUIRE_OK);
    return QUIRE_OK;
}

Test(resolver, nonsense__becomes_the_error_of_the_field)
{
    quire_db *db =
        mapping_open("type A { id: ID! } type Query { q: String @resolver as: [A] }", NULL);
    for (int kind = 0; kind < 12; kind++) {
        set(db, "Query.q", give_nonsense, &kind);
        MAPPING_HAS(db, "{ q as { totalCount } }",
                    "{\"data\":{\"q\":null,\"as\":{\"totalCount\":0}},\"errors\":[{\"message\":\"");
    }
    mapping_close(db);
}
