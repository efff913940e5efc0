/*
 * Resolvers in the model: fields whose values the program gives, and the object
 * types that are no tables because such values are all they consist of
 * (docs/graphql.md, "Resolvers"). Neither is stored: they stand beside the
 * fields and types of tables, not among them.
 */
#ifndef QR_GRAPHQL_RESOLVER_H
#define QR_GRAPHQL_RESOLVER_H

#include "graphql/api_internal.h"
#include "graphql/api_print.h"
#include "graphql/model_internal.h"

/* A field marked with @resolver. */
struct qr_model_resolver {
    struct qr_model_resolver *next; /* of the same type or root, in the order of the SDL */
    const struct qr_gql_field *definition;
    const char *coordinate;     /* what it is registered by: "User.avatarUrl", "Query.weather" */
    const char *owner;          /* the first part of it */
    struct qr_auth_rule *rules; /* auth.h; NULL: none of its own */
    struct qr_model_type *rows; /* the table whose keys it gives; NULL: other values */
    const struct qr_model_field **required; /* of its table: COLUMN, COMPUTED, REFERENCE */
    uint32_t required_count;
    int64_t weight; /* @cost; -1: none */
};

/* Whether a field is the program's; whether a type is made of values alone. */
bool qr_model_is_resolved(const struct qr_gql_field *field);
bool qr_model_is_value_type(const struct qr_gql_type *type);

/* ---- the API (api_resolvers.c) ---- */

/* Finds out model->argument_types. */
quire_status qr_model_mark_arguments(struct qr_model_builder *builder);

/* Prints the fields of a type or root. */
void qr_api_print_resolvers(struct qr_api_printer *p, const struct qr_model_resolver *first);
/* Prints the types of values, and those input types that the fields' arguments have. */
void qr_api_print_value_types(struct qr_api_printer *p);
/* Says what the fields of values, and those of types and roots, are. */
quire_status qr_api_annotate_resolvers(struct qr_api_annotator *a);

#endif
