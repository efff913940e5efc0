/*
 * The parts of making the API schema.
 */
#ifndef QR_GRAPHQL_API_INTERNAL_H
#define QR_GRAPHQL_API_INTERNAL_H

#include "graphql/api.h"

struct qr_api_annotator {
    struct qr_api *api;
    quire_error *err;
};

/* Looks up a generated type by its row type's name and a suffix; NULL when it was not generated. */
quire_status qr_api_find(struct qr_api_annotator *a, const struct qr_model_type *type,
                         const char *suffix, struct qr_gql_type **out);

/* Says what a field of the API reads; no-op when the owner has no such field. */
quire_status qr_api_annotate(struct qr_api_annotator *a, struct qr_gql_type *owner,
                             const char *name, enum qr_api_kind kind, struct qr_model_type *type,
                             struct qr_model_field *field);

/* ---- aggregates (api_aggregate.c) ---- */

/* Prints the types of a type's aggregates, groups, and of what filters and orders by them. */
void qr_api_print_aggregates(const struct qr_model_type *type, struct qr_gql_buffer *out);
/* Whether a type has fields that `distinct` can name. */
bool qr_api_has_distinct(const struct qr_model_type *type);
/* Prints the members of a list relation's filter that are about the aggregates of its rows. */
void qr_api_print_relation_aggregates(const struct qr_model_type *type, struct qr_gql_buffer *out);
quire_status qr_api_annotate_aggregates(struct qr_api_annotator *a, struct qr_model_type *type);

/* The name of the type of a field's values: its scalar or enum, or that of the reference's key. */
struct qr_gql_str qr_api_value_type(const struct qr_model_field *field);

#endif
