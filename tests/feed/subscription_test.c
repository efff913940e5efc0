/*
 * GraphQL subscriptions: which events there are, what they say, where they go
 * on, and how they end.
 */
#include "subscription_fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/thread.h"
#include "support/failing_allocator.h"

/* ---- changes ---- */

Test(subscription, changes__tell_the_row_before_and_behind_the_commit)
{
    quire_db *db = open_db(0);
    quire_subscription *s = subscribe(
        db, "subscription { authorChanged { operation node { id name } previous { name } } }");
    expect_none(s);
    run(db, "mutation { createAuthor(input: {id: \"a\", name: \"Ada\"}) { id } }");
    expect(s, "{\"data\":{\"authorChanged\":{\"operation\":\"CREATE\",\"node\":{\"id\":\"a\","
              "\"name\":\"Ada\"},\"previous\":null}}}");
    run(db, "mutation { updateAuthor(id: \"a\", input: {name: \"Bob\"}) { id } }");
    run(db, "mutation { deleteAuthor(id: \"a\") { id } }");
    expect(s, "{\"data\":{\"authorChanged\":{\"operation\":\"UPDATE\",\"node\":{\"id\":\"a\","
              "\"name\":\"Bob\"},\"previous\":{\"name\":\"Ada\"}}}}");
    expect(s, "{\"data\":{\"authorChanged\":{\"operation\":\"DELETE\",\"node\":null,"
              "\"previous\":{\"name\":\"Bob\"}}}}");
    expect_none(s);
    run(db, "mutation { createOther(input: {id: \"o\"}) { id } }");
    expect_none(s);
    quire_subscription_close(s);
    mapping_close(db);
}

Test(subscription, changes__tell_each_row_of_a_commit_once)
{
    quire_db *db = open_db(0);
    quire_subscription *s =
        subscribe(db, "subscription { c: authorChanged { operation node { name } } }");
    run(db, "mutation { a: createAuthor(input: {id: \"a\", name: \"A\"}) { id }"
            " b: createAuthor(input: {id: \"b\", name: \"B\"}) { id }"
            " c: updateAuthor(id: \"a\", input: {name: \"AA\"}) { id }"
            " d: createAuthor(input: {id: \"x\", name: \"X\"}) { id }"
            " e: deleteAuthor(id: \"x\") { id } }");
    expect(s, "{\"data\":{\"c\":{\"operation\":\"CREATE\",\"node\":{\"name\":\"AA\"}}}}");
    expect(s, "{\"data\":{\"c\":{\"operation\":\"CREATE\",\"node\":{\"name\":\"B\"}}}}");
    expect_none(s);
    run(db, "mutation { a: updateAuthor(id: \"a\", input: {name: \"Z\"}) { id }"
            " b: updateAuthor(id: \"a\", input: {name: \"AA\"}) { id } }");
    expect_none(s); /* the commit has left the row as it was */
    quire_subscription_close(s);
    mapping_close(db);
}

Test(subscription, changes__filter_by_the_row_before_and_behind)
{
    quire_db *db = open_db(0);
    quire_subscription *s = subscribe(
        db, "subscription { c: authorChanged(where: {born: {gte: 1900}}) { operation node { id } "
            "previous { born } } }");
    run(db, "mutation { createAuthor(input: {id: \"a\", name: \"A\", born: 1850}) { id } }");
    expect_none(s);
    run(db, "mutation { updateAuthor(id: \"a\", input: {born: 1950}) { id } }");
    expect(s, "{\"data\":{\"c\":{\"operation\":\"UPDATE\",\"node\":{\"id\":\"a\"},"
              "\"previous\":null}}}");
    run(db, "mutation { updateAuthor(id: \"a\", input: {born: 1960}) { id } }");
    expect(s, "{\"data\":{\"c\":{\"operation\":\"UPDATE\",\"node\":{\"id\":\"a\"},"
              "\"previous\":{\"born\":1950}}}}");
    run(db, "mutation { updateAuthor(id: \"a\", input: {born: 1800}) { id } }");
    expect(s, "{\"data\":{\"c\":{\"operation\":\"UPDATE\",\"node\":null,"
              "\"previous\":{\"born\":1960}}}}");
    run(db, "mutation { deleteAuthor(id: \"a\") { id } }");
    expect_none(s);
    quire_subscription_close(s);
    mapping_close(db);
}

Test(subscription, changes__filter_by_operation_and_relation)
{
    quire_db *db = open_db(0);
    run(db, "mutation { a: createAuthor(input: {id: \"a\", name: \"Ada\"}) { id }"
            " b: createAuthor(input: {id: \"b\", name: \"Bob\"}) { id } }");
    quire_subscription *s = subscribe(
        db, "subscription { c: bookChanged(operations: [CREATE, DELETE], where: {author: {is: "
            "{name: {equals: \"Ada\"}}}}) { operation node { title author { name } } } }");
    run(db, "mutation { createBook(input: {id: \"1\", title: \"T\", authorId: \"a\"}) { id } }");
    run(db, "mutation { createBook(input: {id: \"2\", title: \"U\", authorId: \"b\"}) { id } }");
    run(db, "mutation { updateBook(id: \"1\", input: {title: \"V\"}) { id } }");
    run(db, "mutation { deleteBook(id: \"1\") { id } }");
    expect(s, "{\"data\":{\"c\":{\"operation\":\"CREATE\",\"node\":{\"title\":\"T\",\"author\":"
              "{\"name\":\"Ada\"}}}}}");
    expect(s, "{\"data\":{\"c\":{\"operation\":\"DELETE\",\"node\":null}}}");
    expect_none(s);
    quire_subscription_close(s);
    mapping_close(db);
}

Test(subscription, changes__read_what_hangs_below_as_it_is_now)
{
    quire_db *db = open_db(0);
    run(db, "mutation { createAuthor(input: {id: \"a\", name: \"Ada\"}) { id } }");
    quire_subscription *s = subscribe(
        db, "subscription { c: bookChanged { node { title author { name } tags { totalCount } } } "
            "}");
    run(db, "mutation { createTag(input: {name: \"t\"}) { name } }");
    run(db, "mutation { createBook(input: {id: \"1\", title: \"T\", authorId: \"a\", tagsIds: "
            "[\"t\"]}) { id } }");
    run(db, "mutation { updateAuthor(id: \"a\", input: {name: \"Ada L.\"}) { id } }");
    expect(s, "{\"data\":{\"c\":{\"node\":{\"title\":\"T\",\"author\":{\"name\":\"Ada L.\"},"
              "\"tags\":{\"totalCount\":1}}}}}");
    run(db, "mutation { createBook(input: {id: \"2\", title: \"U\", authorId: \"a\"}) { id } }");
    run(db, "mutation { a: deleteBook(id: \"1\") { id } b: deleteBook(id: \"2\") { id } c: "
            "deleteAuthor(id: \"a\") { id } }");
    expect(s, "{\"errors\":[{\"message\":\"The row that Book.author referred to is deleted by "
              "now.\",\"locations\":[{\"line\":1,\"column\":16}],\"path\":[\"c\"],\"extensions\":{"
              "\"code\":\"FOREIGN_KEY\"}}],\"data\":null}");
    expect(s, "{\"data\":{\"c\":{\"node\":null}}}");
    expect(s, "{\"data\":{\"c\":{\"node\":null}}}");
    expect_none(s);
    quire_subscription_close(s);
    mapping_close(db);
}

Test(subscription, changes__come_from_every_way_of_writing)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(0);
    quire_subscription *s = subscribe(db, "subscription { c: tagChanged { node { name } } }");
    quire_loader *loader;
    quire_txn *txn;
    static const char json[] = "{\"Tag\": [{\"name\": \"loaded\"}]}";
    uint64_t rows;
    OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
    OK(quire_loader_open(txn, NULL, &loader, &err));
    OK(quire_loader_begin(loader, "tags.json", &err));
    OK(quire_loader_feed(loader, json, sizeof json - 1, &err));
    OK(quire_loader_end(loader, &err));
    OK(quire_loader_finish(loader, &rows, &err));
    quire_loader_close(loader);
    OK(quire_commit(txn, &err));
    expect(s, "{\"data\":{\"c\":{\"node\":{\"name\":\"loaded\"}}}}");
    quire_table *table;
    quire_value value = quire_text("put");
    OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
    OK(quire_table_open(txn, "Tag", &table, &err));
    OK(quire_table_insert(table, NULL, &value, 1, &err));
    quire_table_close(table);
    OK(quire_commit(txn, &err));
    expect(s, "{\"data\":{\"c\":{\"node\":{\"name\":\"put\"}}}}");
    quire_subscription_close(s);
    mapping_close(db);
}

Test(subscription, changes__resume_between_the_rows_of_a_commit)
{
    static const char document[] = "subscription { c: tagChanged { node { name } } }";
    quire_db *db = open_db(1 << 20);
    quire_subscription *s = subscribe(db, document);
    quire_subscription_position places[9];
    char wanted[128];
    char mutation[256];
    for (int commit = 0; commit < 3; commit++) {
        (void)snprintf(mutation, sizeof mutation,
                       "mutation { a: createTag(input: {name: \"t%d\"}) { name } b: "
                       "createTag(input: {name: \"t%d\"}) { name } c: createTag(input: {name: "
                       "\"t%d\"}) { name } }",
                       3 * commit, 3 * commit + 1, 3 * commit + 2);
        run(db, mutation);
    }
    for (int i = 0; i < 9; i++) {
        (void)snprintf(wanted, sizeof wanted, "{\"data\":{\"c\":{\"node\":{\"name\":\"t%d\"}}}}",
                       i);
        places[i] = expect(s, wanted);
    }
    quire_subscription_close(s);
    for (int from = 0; from < 9; from++) {
        s = subscribe_from(db, document, &places[from]);
        for (int i = from + 1; i < 9; i++) {
            (void)snprintf(wanted, sizeof wanted,
                           "{\"data\":{\"c\":{\"node\":{\"name\":\"t%d\"}}}}", i);
            expect(s, wanted);
        }
        expect_none(s);
        quire_subscription_close(s);
    }
    mapping_close(db);
}

Test(subscription, changes__say_when_a_place_is_too_old)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_subscribe_options options = QUIRE_SUBSCRIBE_OPTIONS_INIT;
    quire_db *db = open_db(4096);
    quire_subscription *s = subscribe(db, "subscription { tagChanged { node { name } } }");
    const quire_subscription_event *event;
    char *response;
    size_t size;
    char mutation[100];
    run(db, "mutation { createTag(input: {name: \"t\"}) { name } }");
    quire_subscription_position place =
        expect(s, "{\"data\":{\"tagChanged\":{\"node\":{\"name\":\"t\"}}}}");
    for (int i = 0; i < 50; i++) {
        (void)snprintf(mutation, sizeof mutation,
                       "mutation { createTag(input: {name: \"t%d\"}) { name } }", i);
        run(db, mutation);
    }
    GIVES(RESUME_TOO_OLD, quire_subscription_next(s, 0, &event, &err));
    GIVES(RESUME_TOO_OLD, quire_subscription_next(s, QUIRE_FEED_FOREVER, &event, &err));
    quire_subscription_close(s);
    request.document = "subscription { tagChanged { node { name } } }";
    options.from = &place;
    GIVES(RESUME_TOO_OLD, quire_subscribe(db, &request, &options, &s, &response, &size, &err));
    cr_assert_null(s);
    place.epoch++;
    GIVES(RESUME_TOO_OLD, quire_subscribe(db, &request, &options, &s, &response, &size, &err));
    mapping_close(db);
}

Test(subscription, changes__follow_a_schema_that_grows)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db = open_db(0);
    char grown[600];
    quire_subscription *s = subscribe(db, "subscription { c: tagChanged { node { name } } }");
    (void)snprintf(grown, sizeof grown, "%sextend type Tag { color: String }", subscription_schema);
    OK(mapping_apply(db, grown, &err));
    run(db, "mutation { createTag(input: {name: \"t\", color: \"red\"}) { name } }");
    expect(s, "{\"data\":{\"c\":{\"node\":{\"name\":\"t\"}}}}");
    quire_subscription_close(s);
    mapping_close(db);
}

static void drop_column(quire_db *db, bool undo)
{
    static const char less[] = "type Author { id: ID! name: String! books: [Book!]! }\n"
                               "type Book { id: ID! title: String! author: Author!"
                               " tags: [Tag!]! }\n"
                               "type Tag { name: String! @id books: [Book!]! }\n";
    quire_error err = QUIRE_ERROR_INIT;
    quire_migration_options options = QUIRE_MIGRATION_OPTIONS_INIT;
    uint64_t savepoint;
    quire_txn *txn;
    options.drop_data = true;
    OK(quire_begin(db, QUIRE_WRITE, &txn, &err));
    OK(quire_savepoint(txn, &savepoint, &err));
    OK(quire_schema_migrate(txn, less, 0, &options, &err));
    if (undo) {
        OK(quire_rollback_to(txn, savepoint, &err));
    }
    OK(quire_commit(txn, &err));
}

Test(subscription, changes__end_where_tables_are_written_anew)
{
    static const char ADA[] = "{\"data\":{\"a\":{\"node\":{\"name\":\"Ada\"}}}}";
    static const char document[] = "subscription { a: authorChanged { node { name } } }";
    quire_error err = QUIRE_ERROR_INIT;
    const quire_subscription_event *event;
    quire_db *db = open_db(1 << 20);
    quire_subscription *behind = subscribe(db, document);
    quire_subscription *within = subscribe(db, document);
    quire_subscription *live = subscribe(db, "subscription { authors { totalCount } }");
    run(db, "mutation { createAuthor(input: {name: \"Ada\", born: 1}) { id }"
            " b: createAuthor(input: {name: \"Ben\", born: 2}) { id } }");
    drop_column(db, true);
    expect(within, ADA);
    drop_column(db, false);
    GIVES(RESUME_TOO_OLD, quire_subscription_next(behind, 0, &event, &err));
    GIVES(RESUME_TOO_OLD, quire_subscription_next(within, 0, &event, &err));
    GIVES(RESUME_TOO_OLD, quire_subscription_next(within, 0, &event, &err));
    expect(live, "{\"data\":{\"authors\":{\"totalCount\":2}}}");
    quire_subscription *anew = subscribe(db, document);
    run(db, "mutation { createAuthor(input: {name: \"Ada\"}) { id } }");
    expect(anew, ADA);
    expect(live, "{\"data\":{\"authors\":{\"totalCount\":3}}}");
    quire_subscription_close(behind);
    quire_subscription_close(within);
    quire_subscription_close(live);
    quire_subscription_close(anew);
    mapping_close(db);
}

/* ---- live queries ---- */

Test(subscription, live__gives_the_result_at_once_and_when_it_is_another_one)
{
    quire_db *db = open_db(0);
    quire_subscription *s =
        subscribe(db, "subscription { authors(where: {born: {gte: 1900}}) { items { name books { "
                      "items { title } } } } }");
    expect(s, "{\"data\":{\"authors\":{\"items\":[]}}}");
    expect_none(s);
    run(db, "mutation { createAuthor(input: {id: \"a\", name: \"A\", born: 1850}) { id } }");
    expect_none(s);
    run(db, "mutation { createAuthor(input: {id: \"b\", name: \"B\", born: 1950}) { id } }");
    expect(s, "{\"data\":{\"authors\":{\"items\":[{\"name\":\"B\",\"books\":{\"items\":[]}}]}}}");
    run(db, "mutation { createBook(input: {id: \"1\", title: \"T\", authorId: \"b\"}) { id } }");
    expect(s, "{\"data\":{\"authors\":{\"items\":[{\"name\":\"B\",\"books\":{\"items\":"
              "[{\"title\":\"T\"}]}}]}}}");
    run(db, "mutation { createOther(input: {id: \"o\"}) { id } }");
    expect_none(s);
    /* Several commits between two looks are one result. */
    run(db, "mutation { updateBook(id: \"1\", input: {title: \"U\"}) { id } }");
    run(db, "mutation { updateBook(id: \"1\", input: {title: \"V\"}) { id } }");
    expect(s, "{\"data\":{\"authors\":{\"items\":[{\"name\":\"B\",\"books\":{\"items\":"
              "[{\"title\":\"V\"}]}}]}}}");
    expect_none(s);
    quire_subscription_close(s);
    mapping_close(db);
}

Test(subscription, live__takes_one_row_links_and_variables)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_db *db = open_db(0);
    quire_subscription *s;
    char *response;
    size_t size;
    char document[] = "subscription A { book(id: \"x\") { id } } subscription B($id: ID!) { b: "
                      "book(id: $id) { tags { items { name } } } }";
    char variables[] = "{\"id\": \"1\"}";
    char operation[] = "B";
    request.document = document;
    request.operation_name = operation;
    request.variables = variables;
    OK(quire_subscribe(db, &request, NULL, &s, &response, &size, &err));
    cr_assert_not_null(s, "%s", response);
    memset(document, 'x', sizeof document - 1); /* they were copied */
    memset(variables, 'x', sizeof variables - 1);
    memset(operation, 'x', sizeof operation - 1);
    expect(s, "{\"data\":{\"b\":null}}");
    run(db, "mutation { a: createAuthor(input: {id: \"a\", name: \"A\"}) { id } b: "
            "createTag(input: {name: \"t\"}) { name } c: createBook(input: {id: \"1\", title: "
            "\"T\", authorId: \"a\"}) { id } }");
    expect(s, "{\"data\":{\"b\":{\"tags\":{\"items\":[]}}}}");
    run(db, "mutation { updateBook(id: \"1\", input: {tagsIds: [\"t\"]}) { id } }");
    expect(s, "{\"data\":{\"b\":{\"tags\":{\"items\":[{\"name\":\"t\"}]}}}}");
    quire_subscription_close(s);
    mapping_close(db);
}

Test(subscription, live__goes_on_behind_a_window_that_it_fell_behind)
{
    quire_db *db = open_db(4096);
    quire_subscription *s = subscribe(db, "subscription { tags { totalCount } }");
    char mutation[100];
    expect(s, "{\"data\":{\"tags\":{\"totalCount\":0}}}");
    for (int i = 0; i < 100; i++) {
        (void)snprintf(mutation, sizeof mutation,
                       "mutation { createTag(input: {name: \"t%d\"}) { name } }", i);
        run(db, mutation);
    }
    expect(s, "{\"data\":{\"tags\":{\"totalCount\":100}}}");
    run(db, "mutation { deleteTag(name: \"t5\") { name } }");
    expect(s, "{\"data\":{\"tags\":{\"totalCount\":99}}}");
    expect_none(s);
    quire_subscription_close(s);
    mapping_close(db);
}

Test(subscription, live__resumes_silent_unless_something_has_changed)
{
    static const char document[] = "subscription { tags { totalCount } }";
    quire_db *db = open_db(1 << 20);
    quire_subscription *s = subscribe(db, document);
    quire_subscription_position place = expect(s, "{\"data\":{\"tags\":{\"totalCount\":0}}}");
    quire_subscription_close(s);
    run(db, "mutation { createOther(input: {id: \"o\"}) { id } }");
    s = subscribe_from(db, document, &place);
    expect_none(s);
    run(db, "mutation { createTag(input: {name: \"a\"}) { name } }");
    expect(s, "{\"data\":{\"tags\":{\"totalCount\":1}}}");
    quire_subscription_close(s);
    s = subscribe_from(db, document, &place);
    expect(s, "{\"data\":{\"tags\":{\"totalCount\":1}}}");
    quire_subscription_close(s);
    place.epoch += 2; /* of another opening: like a new subscription */
    s = subscribe_from(db, document, &place);
    expect(s, "{\"data\":{\"tags\":{\"totalCount\":1}}}");
    quire_subscription_close(s);
    mapping_close(db);
}

/* ---- what is refused ---- */

Test(subscription, request__is_refused_with_the_words_of_the_language)
{
    quire_db *db = open_db(0);
    refuses(db, "{ tags { totalCount } }",
            "{\"errors\":[{\"message\":\"The operation is not a subscription.\",\"extensions\":{"
            "\"code\":\"BAD_INPUT\"}}]}");
    refuses(db, "subscription { a: tags { totalCount } b: tags { totalCount } }",
            "{\"errors\":[{\"message\":\"Anonymous Subscription must select only one top level "
            "field.\",\"locations\":[{\"line\":1,\"column\":39}]}]}");
    refuses(db, "subscription { __typename }",
            "{\"errors\":[{\"message\":\"Anonymous Subscription must not select an introspection "
            "top level field.\",\"locations\":[{\"line\":1,\"column\":16}]}]}");
    refuses(db, "subscription { tagChanged { node { nam } } }",
            "{\"errors\":[{\"message\":\"Cannot query field \\\"nam\\\" on type \\\"Tag\\\". Did "
            "you mean \\\"name\\\"?\",\"locations\":[{\"line\":1,\"column\":36}]}]}");
    refuses(
        db, "subscription($n: Int!) { tags(first: $n) { totalCount } }",
        "{\"errors\":[{\"message\":\"Variable \\\"$n\\\" has invalid value: Expected a value of "
        "non-null type \\\"Int!\\\" to be "
        "provided.\",\"locations\":[{\"line\":1,\"column\":14}]}]}");
    mapping_close(db);
}

Test(subscription, event__tells_a_failure_and_goes_on)
{
    quire_db *db = open_db(0);
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    const quire_subscription_event *event;
    quire_subscription *s;
    char *response;
    size_t size;
    request.document = "subscription { c: tagChanged { node { name } } }";
    request.limits.response_bytes_max = 200;
    OK(quire_subscribe(db, &request, NULL, &s, &response, &size, &err));
    for (int i = 0; i < 2; i++) {
        char mutation[400];
        (void)snprintf(mutation, sizeof mutation,
                       "mutation { createTag(input: {name: \"%0300d\"}) { name } }", i);
        run(db, mutation);
        OK(quire_subscription_next(s, 0, &event, &err));
        cr_assert(event != NULL && event->has_errors);
        expect_none(s);
    }
    quire_subscription_close(s);
    mapping_close(db);
}

Test(subscription, arguments__that_no_event_could_satisfy_are_refused_at_the_start)
{
    quire_db *db = open_db(0);
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_subscription *s;
    char *response;
    size_t size;
    request.document = "subscription { c: tagChanged(where: {name: {gt: null}}) { operation } }";
    OK(quire_subscribe(db, &request, NULL, &s, &response, &size, &err));
    cr_assert_null(s);
    cr_assert_not_null(strstr(response, "\"code\":\"BAD_INPUT\""), "%s", response);
    cr_assert_null(strstr(response, "\"data\""), "%s", response);
    quire_free(response);
    mapping_close(db);
}

Test(subscription, errors__of_the_request_are_those_of_the_call)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_errors mark = {0};
    quire_graphql_errors *errors = &mark;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_subscription *s;
    const quire_subscription_event *event;
    char *response;
    size_t size;
    quire_db *db = open_db(0);
    request.errors = &errors;
    request.document = "subscription { nothing }";
    OK(quire_subscribe(db, &request, NULL, &s, &response, &size, &err));
    cr_assert(errors != NULL && errors != &mark);
    cr_assert_eq(errors->count, 1);
    quire_free(errors);
    quire_free(response);
    request.document = "subscription { tags { items { name } } }";
    request.limits.response_bytes_max = 200;
    OK(quire_subscribe(db, &request, NULL, &s, &response, &size, &err));
    cr_assert_null(errors);
    errors = &mark;
    for (int i = 0; i < 20; i++) {
        char mutation[100];
        (void)snprintf(mutation, sizeof mutation,
                       "mutation { createTag(input: {name: \"tag%d\"}) { name } }", i);
        run(db, mutation);
    }
    OK(quire_subscription_next(s, 0, &event, &err));
    cr_assert(event != NULL && event->has_errors);
    cr_assert_eq(errors, &mark);
    quire_subscription_close(s);
    mapping_close(db);
}

Test(subscription, types__may_have_none_and_be_stored_under_another_name)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db;
    OK(quire_open(":memory:", NULL, &db, &err));
    OK(mapping_apply(db,
                     "type Log @generate(subscription: false) { id: ID! }\n"
                     "type Event @map(name: \"events\") @generate(query: false) { id: ID! }\n",
                     &err));
    refuses(db, "subscription { logChanged { operation } }",
            "{\"errors\":[{\"message\":\"Cannot query field \\\"logChanged\\\" on type "
            "\\\"Subscription\\\". Did you mean \\\"eventChanged\\\"?\",\"locations\":[{\"line\":1,"
            "\"column\":16}]}]}");
    quire_subscription *s = subscribe(db, "subscription { eventChanged { node { id } } }");
    run(db, "mutation { createEvent(input: {id: \"e\"}) { id } }");
    expect(s, "{\"data\":{\"eventChanged\":{\"node\":{\"id\":\"e\"}}}}");
    quire_subscription_close(s);
    mapping_close(db);
}

Test(subscription, names__are_refused_where_they_clash)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_db *db;
    OK(quire_open(":memory:", NULL, &db, &err));
    GIVES(SCHEMA, mapping_apply(db, "type User { id: ID! } type UserChanged { id: ID! }", &err));
    GIVES(SCHEMA, mapping_apply(db, "type User { id: ID! } type UserChange { id: ID! }", &err));
    GIVES(SCHEMA, mapping_apply(db, "type User { id: ID! } enum ChangeOperation { A }", &err));
    GIVES(SCHEMA,
          mapping_apply(db, "type Subscription { users: [User] } type User { id: ID! }", &err));
    OK(mapping_apply(db, "type Subscription { userEvents: User } type User { id: ID! }", &err));
    quire_subscription *s = subscribe(db, "subscription { userEvents { node { id } } }");
    run(db, "mutation { createUser(input: {id: \"u\"}) { id } }");
    expect(s, "{\"data\":{\"userEvents\":{\"node\":{\"id\":\"u\"}}}}");
    quire_subscription_close(s);
    mapping_close(db);
}

/* ---- how they end ---- */

struct heard {
    _Atomic unsigned events, ends, wakes;
};

static void hear(void *context, const quire_subscription_event *event, quire_status status,
                 const quire_error *error)
{
    struct heard *heard = context;
    if (event != NULL) {
        cr_assert_not_null(strstr(event->response, "tags"));
        atomic_fetch_add(&heard->events, 1);
        return;
    }
    cr_assert(status == QUIRE_INTERRUPTED && error != NULL);
    atomic_fetch_add(&heard->ends, 1);
}

Test(subscription, callback__hears_events_until_it_is_closed)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_subscribe_options options = QUIRE_SUBSCRIBE_OPTIONS_INIT;
    struct heard heard = {0};
    quire_db *db = open_db(0);
    const quire_subscription_event *event;
    quire_subscription *s;
    char *response;
    size_t size;
    request.document = "subscription { tags { totalCount } }";
    options.each = hear;
    options.context = &heard;
    OK(quire_subscribe(db, &request, &options, &s, &response, &size, &err));
    GIVES(MISUSE, quire_subscription_next(s, 0, &event, &err));
    while (atomic_load(&heard.events) < 1) {
        qr_yield();
    }
    run(db, "mutation { createTag(input: {name: \"a\"}) { name } }");
    while (atomic_load(&heard.events) < 2) {
        qr_yield();
    }
    quire_subscription_close(s);
    cr_assert_eq(atomic_load(&heard.ends), 1);
    cr_assert_eq(atomic_load(&heard.events), 2);
    mapping_close(db);
}

static void count_wake(void *context)
{
    atomic_fetch_add(&((struct heard *)context)->wakes, 1);
}

Test(subscription, wake__is_called_when_a_commit_may_have_an_event)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_subscribe_options options = QUIRE_SUBSCRIBE_OPTIONS_INIT;
    struct heard heard = {0};
    quire_db *db = open_db(0);
    quire_subscription *s;
    char *response;
    size_t size;
    request.document = "subscription { tagChanged { operation } }";
    options.wake = count_wake;
    options.context = &heard;
    OK(quire_subscribe(db, &request, &options, &s, &response, &size, &err));
    run(db, "mutation { createTag(input: {name: \"a\"}) { name } }");
    cr_assert_eq(atomic_load(&heard.wakes), 1);
    expect(s, "{\"data\":{\"tagChanged\":{\"operation\":\"CREATE\"}}}");
    const quire_subscription_event *event;
    quire_subscription_stop(s);
    cr_assert_eq(atomic_load(&heard.wakes), 2);
    GIVES(INTERRUPTED, quire_subscription_next(s, QUIRE_FEED_FOREVER, &event, &err));
    quire_subscription_close(s);
    quire_subscription_stop(NULL);
    quire_subscription_close(NULL);
    mapping_close(db);
}

Test(subscription, call__refuses_misuse)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_subscribe_options options = QUIRE_SUBSCRIBE_OPTIONS_INIT;
    quire_db *db = open_db(0);
    quire_subscription *s;
    const quire_subscription_event *event;
    char *response;
    size_t size;
    GIVES(MISUSE, quire_subscribe(db, &request, NULL, &s, &response, &size, &err));
    request.document = "subscription { tags { totalCount } }";
    GIVES(MISUSE, quire_subscribe(NULL, &request, NULL, &s, &response, &size, &err));
    GIVES(MISUSE, quire_subscribe(db, &request, NULL, NULL, &response, &size, &err));
    GIVES(MISUSE, quire_subscribe(db, &request, NULL, &s, NULL, &size, &err));
    options.size = 1;
    GIVES(MISUSE, quire_subscribe(db, &request, &options, &s, &response, &size, &err));
    GIVES(MISUSE, quire_subscription_next(NULL, 0, &event, &err));
    mapping_close(db);
}

/* ---- memory ---- */

/* Subscribes, changes, listens; gives the first failure. */
static quire_status use(quire_db *db, const char *document, quire_error *err)
{
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    const quire_subscription_event *event;
    quire_subscription *s;
    char *response;
    size_t size;
    request.document = document;
    quire_status status = quire_subscribe(db, &request, NULL, &s, &response, &size, err);
    if (status != QUIRE_OK) {
        return status;
    }
    cr_assert_null(response, "%s", response);
    for (int i = 0; i < 3 && status == QUIRE_OK; i++) {
        request.document = i == 0 ? "mutation { createTag(input: {name: \"a\"}) { name } }"
                           : i == 1
                               ? "mutation { createTag(input: {name: \"b\"}) { name } }"
                               : "mutation { a: deleteTag(name: \"a\") { name } b: deleteTag(name: "
                                 "\"b\") { name } }";
        status = quire_graphql(db, &request, &response, &size, NULL, err);
        if (status == QUIRE_OK) {
            quire_free(response);
            do {
                status = quire_subscription_next(s, 0, &event, err);
            } while (status == QUIRE_OK && event != NULL);
        }
    }
    quire_subscription_close(s);
    return status;
}

static void fail_everywhere(const char *document)
{
    bool done = false;
    for (uint64_t at = 0; !done; at++) {
        struct failing_allocator failing;
        quire_error err = QUIRE_ERROR_INIT;
        quire_options options = QUIRE_OPTIONS_INIT;
        quire_db *db;
        failing_allocator_init(&failing);
        options.allocator = &failing.allocator;
        options.wal_segment_bytes = 64 << 10;
        options.cache_bytes = UINT64_C(1) << 20;
        OK(quire_open(":memory:", &options, &db, &err));
        OK(mapping_apply(db, subscription_schema, &err));
        failing_allocator_arm(&failing, at, false);
        quire_status status = use(db, document, &err);
        done = failing.failures == 0;
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        cr_assert(status == QUIRE_OK || status == QUIRE_NO_MEMORY ||
                      status == QUIRE_RESUME_TOO_OLD || status == QUIRE_TXN_DOOMED,
                  "allocation %llu gave %s: %s", (unsigned long long)at, quire_status_name(status),
                  err.message);
        OK(quire_close(db, &err));
        cr_assert(failing_allocator_is_clean(&failing), "allocation %llu", (unsigned long long)at);
    }
}

Test(subscription, memory__changes_fail_cleanly_at_every_allocation)
{
    fail_everywhere("subscription { tagChanged(where: {name: {notIn: [\"x\"]}}) { operation node { "
                    "name books { items { title } } } } }");
}

Test(subscription, memory__live_queries_fail_cleanly_at_every_allocation)
{
    fail_everywhere("subscription { tags { items { name books { items { title } } } } }");
}

/* Every event is told once, however many calls fail for want of memory in between. */
Test(subscription, memory__a_call_that_failed_can_be_made_again)
{
    bool done = false;
    for (uint64_t at = 0; !done; at++) {
        struct failing_allocator failing;
        quire_error err = QUIRE_ERROR_INIT;
        quire_options options = QUIRE_OPTIONS_INIT;
        const quire_subscription_event *event;
        quire_db *db;
        char wanted[100];
        failing_allocator_init(&failing);
        options.allocator = &failing.allocator;
        options.wal_segment_bytes = 64 << 10;
        options.cache_bytes = UINT64_C(1) << 20;
        OK(quire_open(":memory:", &options, &db, &err));
        OK(mapping_apply(db, subscription_schema, &err));
        quire_subscription *s = subscribe(
            db, "subscription { c: tagChanged(where: {name: {gt: \"t\"}}) { node { name } } "
                "}");
        run(db,
            "mutation { a: createTag(input: {name: \"t0\"}) { name } x: createTag(input: {name: "
            "\"a\"}) { name } b: createTag(input: {name: \"t1\"}) { name } }");
        run(db, "mutation { createTag(input: {name: \"t2\"}) { name } }");
        failing_allocator_arm(&failing, at, false);
        for (int i = 0; i < 3; i++) {
            quire_status status = quire_subscription_next(s, 0, &event, &err);
            if (status != QUIRE_OK) {
                cr_assert_eq(status, QUIRE_NO_MEMORY);
                OK(quire_subscription_next(s, 0, &event, &err));
            }
            (void)snprintf(wanted, sizeof wanted,
                           "{\"data\":{\"c\":{\"node\":{\"name\":\"t%d\"}}}}", i);
            cr_assert_not_null(event, "allocation %llu: no event %d", (unsigned long long)at, i);
            cr_assert_str_eq(event->response, wanted);
        }
        done = failing.failures == 0;
        failing_allocator_arm(&failing, FAILING_ALLOCATOR_NEVER, false);
        expect_none(s);
        quire_subscription_close(s);
        OK(quire_close(db, &err));
    }
}
