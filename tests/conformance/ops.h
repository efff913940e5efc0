/*
 * The operations of the conformance program. A handler answers one request by
 * writing members of the reply object, which is already open; the main loop
 * writes "id" and closes it. Memory from the request's arena lives until the
 * reply is sent. A status other than OK replaces the reply by {"failure": text}.
 */
#ifndef QUIRE_TESTS_CONFORMANCE_OPS_H
#define QUIRE_TESTS_CONFORMANCE_OPS_H

#include "graphql/json_write.h"
#include "graphql/report.h"
#include "graphql/schema.h"
#include "graphql/value.h"

struct conformance_call {
    struct qr_arena *arena;
    const struct qr_gql_value *request; /* the whole request object */
    struct qr_json_writer *reply;
    quire_error *err;
};

typedef quire_status (*conformance_handler)(struct conformance_call *call);

struct conformance_op {
    const char *name;
    conformance_handler handle;
};

/* Tables that end with a NULL name. */
extern const struct conformance_op conformance_ops_language[]; /* ops_language.c */
extern const struct conformance_op conformance_ops_request[];  /* ops_request.c */

/* A text member of the request; data NULL when absent or null. */
struct qr_gql_str conformance_text(const struct conformance_call *call, const char *member);

/* A list of texts, such as "rules": NULL and *count 0 when absent or null. */
const struct qr_gql_str *conformance_texts(const struct conformance_call *call, const char *member,
                                           size_t *count);

/*
 * The schema that the request member's SDL builds (SDL rules and type checks
 * on unless `lax`); built schemas are kept for later requests. Borrowed until
 * the next request. A wrong SDL fails the call.
 */
quire_status conformance_schema(struct conformance_call *call, const char *member, bool lax,
                                const struct qr_gql_schema **out);

/* Writes the member "errors": [{message, locations, path}]. */
void conformance_put_errors(struct conformance_call *call, const struct qr_gql_report *report);

#endif
