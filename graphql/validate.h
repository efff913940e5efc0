/*
 * Validation of requests: every rule of section 5 of the edition, and the
 * recommended bound on introspection.
 *
 * Rules are independent and can be run alone. Work is bounded: where a rule
 * compares things with one another it counts steps, and past the bound the
 * request is refused with a problem that says so. Recursion is bounded by the
 * syntax tree's depth or by a counter. Pure: any thread, on shared schemas and
 * documents.
 */
#ifndef QR_GRAPHQL_VALIDATE_H
#define QR_GRAPHQL_VALIDATE_H

#include "graphql/schema.h"

#define QR_GQL_VALIDATE_STEPS_MAX 500000u

struct qr_gql_validate_options {
    const struct qr_gql_str *rules; /* names such as "KnownTypeNamesRule"; NULL: the edition's */
    size_t rule_count;
    bool introspection_depth; /* adds MaxIntrospectionDepthRule to the edition's */
    bool no_introspection;    /* adds NoSchemaIntrospectionCustomRule: __schema and __type fail */
    bool no_suggestions;      /* leaves out "Did you mean", which tells names of the schema */
    uint64_t steps_max;       /* 0: QR_GQL_VALIDATE_STEPS_MAX */
    uint64_t *steps;          /* receives the steps taken; NULL ok */
};

/*
 * Checks a parsed document against a schema. Returns OK when it is valid,
 * QUERY with problems in the report when it is not, UNKNOWN_NAME for a rule
 * that does not exist, else NO_MEMORY or LIMIT. `arena` holds what the checks
 * need meanwhile and may be the report's. `options` may be NULL.
 */
quire_status qr_gql_validate(const struct qr_gql_schema *schema,
                             const struct qr_gql_document *document,
                             const struct qr_gql_validate_options *options, struct qr_arena *arena,
                             struct qr_gql_report *report, quire_error *err);

#endif
