/*
 * Limits on what a request may ask for, checked on the document before it runs.
 *
 * Counts are those of the operation with its fragments put in place, but each
 * fragment is measured once, so that the check is linear in the document
 * whatever the fragments multiply to. Any thread.
 */
#ifndef QR_GRAPHQL_LIMITS_H
#define QR_GRAPHQL_LIMITS_H

#include "graphql/ast.h"
#include "graphql/report.h"

/* 0 means no limit. */
struct qr_gql_limits {
    uint32_t depth_max;       /* levels of fields, introspection included */
    uint32_t aliases_max;     /* fields under another name than their own */
    uint32_t root_fields_max; /* fields of the operation's root, equal ones counted each */
    uint32_t directives_max;
    uint32_t variables_max;
};

/*
 * Checks every operation of a document that has passed validation. Returns OK,
 * or QUERY with a problem of code LIMIT for each limit that an operation
 * exceeds; NO_MEMORY or LIMIT (arena) when the check itself fails.
 */
quire_status qr_gql_limits_check(const struct qr_gql_document *document,
                                 const struct qr_gql_limits *limits, struct qr_arena *arena,
                                 struct qr_gql_report *report, quire_error *err);

#endif
