/*
 * Everything but the subscriptions themselves is mapping_fixture's.
 */
#include "subscription_fixture.h"

#include <string.h>

const char subscription_schema[] =
    "type Author { id: ID! name: String! born: Int books: [Book!]! }\n"
    "type Book { id: ID! title: String! author: Author! tags: [Tag!]! }\n"
    "type Tag { name: String! @id books: [Book!]! }\n"
    "type Other { id: ID! }\n";

quire_db *open_db(uint64_t window_bytes)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    options.feed_window_bytes = window_bytes;
    OK(quire_open(":memory:", &options, &db, &err));
    OK(mapping_apply(db, subscription_schema, &err));
    return db;
}

void run(quire_db *db, const char *document)
{
    char *response = mapping_run(db, document, NULL, false);
    cr_assert_null(strstr(response, "\"errors\""), "%s", response);
    quire_free(response);
}

quire_subscription *subscribe_from(quire_db *db, const char *document,
                                   const quire_subscription_position *from)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_subscribe_options options = QUIRE_SUBSCRIBE_OPTIONS_INIT;
    quire_subscription *subscription;
    char *response;
    size_t size;
    request.document = document;
    options.from = from;
    OK(quire_subscribe(db, &request, &options, &subscription, &response, &size, &err));
    cr_assert_null(response, "%s", response);
    cr_assert_not_null(subscription);
    return subscription;
}

quire_subscription *subscribe(quire_db *db, const char *document)
{
    return subscribe_from(db, document, NULL);
}

quire_subscription_position expect(quire_subscription *subscription, const char *response)
{
    quire_error err = QUIRE_ERROR_INIT;
    const quire_subscription_event *event;
    OK(quire_subscription_next(subscription, 0, &event, &err));
    cr_assert_not_null(event, "no event, wanted %s", response);
    cr_assert_str_eq(event->response, response);
    cr_assert_eq(event->response_size, strlen(response));
    cr_assert_eq(event->has_errors, strstr(response, "\"errors\"") != NULL);
    return event->position;
}

void expect_none(quire_subscription *subscription)
{
    quire_error err = QUIRE_ERROR_INIT;
    const quire_subscription_event *event;
    OK(quire_subscription_next(subscription, 0, &event, &err));
    cr_assert_null(event, "%s", event == NULL ? "" : event->response);
}

void refuses(quire_db *db, const char *document, const char *expected)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_graphql_request request = QUIRE_GRAPHQL_REQUEST_INIT;
    quire_subscription *subscription;
    char *response;
    size_t size;
    request.document = document;
    OK(quire_subscribe(db, &request, NULL, &subscription, &response, &size, &err));
    cr_assert_null(subscription);
    cr_assert_not_null(response);
    cr_assert_str_eq(response, expected);
    cr_assert_eq(size, strlen(expected));
    quire_free(response);
}
