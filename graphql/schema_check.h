/*
 * What the files that check a type system share.
 */
#ifndef QR_GRAPHQL_SCHEMA_CHECK_H
#define QR_GRAPHQL_SCHEMA_CHECK_H

#include "graphql/schema_internal.h"

struct qr_gql_checker {
    const struct qr_gql_schema *schema;
    struct qr_gql_report *report;
    struct qr_arena *arena; /* the report's */
    quire_error *err;
};

/* Places for problems; line 0 when the node has none. */
struct qr_gql_pos qr_gql_check_member_pos(const struct qr_gql_ast_member *node);
struct qr_gql_pos qr_gql_check_type_pos(const struct qr_gql_ast_member *node);
struct qr_gql_pos qr_gql_check_deprecated_pos(const struct qr_gql_ast_member *node);

/* `first`, then the places of all definitions in a chain. NULL and *count 0 without memory. */
const struct qr_gql_pos *qr_gql_check_origins(struct qr_gql_checker *c,
                                              const struct qr_gql_origin *origins,
                                              struct qr_gql_pos first, size_t *count);

/* Where `type` names `name` among its union members (`members`) or interfaces. */
const struct qr_gql_pos *qr_gql_check_named_places(struct qr_gql_checker *c,
                                                   const struct qr_gql_type *type,
                                                   struct qr_gql_str name, bool members,
                                                   size_t *count);

/* "Type.field" and "Type.field(argument:)" in the arena; never NULL. */
const char *qr_gql_check_field_text(struct qr_gql_checker *c, const struct qr_gql_type *type,
                                    struct qr_gql_str field);
const char *qr_gql_check_argument_text(struct qr_gql_checker *c, const struct qr_gql_type *type,
                                       struct qr_gql_str field, struct qr_gql_str argument);

/* Whether an object or interface keeps what the interfaces that it names promise. */
void qr_gql_check_interfaces(struct qr_gql_checker *c, const struct qr_gql_type *type);

/* Default values of input fields that need themselves. */
void qr_gql_check_default_cycles(struct qr_gql_checker *c);

/* Input objects for which no finite value exists. */
void qr_gql_check_endless_inputs(struct qr_gql_checker *c);

#endif
