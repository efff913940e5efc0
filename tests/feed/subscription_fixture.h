/*
 * Subscriptions to a small world of authors and books, and what they tell.
 */
#ifndef SUBSCRIPTION_FIXTURE_H
#define SUBSCRIPTION_FIXTURE_H

#include "mapping/mapping_fixture.h"

#define OK(call)                                                                                   \
    do {                                                                                           \
        quire_status ok_status = (call);                                                           \
        cr_assert_eq(ok_status, QUIRE_OK, "%s: %s", quire_status_name(ok_status), err.message);    \
    } while (0)

#define GIVES(expected, call)                                                                      \
    do {                                                                                           \
        quire_status gives_status = (call);                                                        \
        cr_assert_eq(gives_status, QUIRE_##expected, "got %s, not " #expected ": %s",              \
                     quire_status_name(gives_status), err.message);                                \
    } while (0)

/* Types Author, Book, Tag, Other. */
extern const char subscription_schema[];

/* A database in memory with them, and a window of so many bytes. */
quire_db *open_db(uint64_t window_bytes);
/* A mutation that must succeed. */
void run(quire_db *db, const char *document);

quire_subscription *subscribe(quire_db *db, const char *document);
quire_subscription *subscribe_from(quire_db *db, const char *document,
                                   const quire_subscription_position *from);
/* Asserts the next event, which must be there; gives its place. */
quire_subscription_position expect(quire_subscription *subscription, const char *response);
void expect_none(quire_subscription *subscription);
/* Asserts that a request is refused with exactly this response. */
void refuses(quire_db *db, const char *document, const char *expected);

#endif
