/*
 * What the files that make and check schemas share.
 */
#ifndef QR_GRAPHQL_SCHEMA_INTERNAL_H
#define QR_GRAPHQL_SCHEMA_INTERNAL_H

#include "graphql/schema.h"

/* SDL of the scalars, introspection types and directives that every schema has (schema_builtin.c),
 * and of the two meta-fields' holder, a type named "__Meta". */
struct qr_gql_str qr_gql_builtin_sdl(void);

/* Whether the language itself defines a type or directive of that name. */
bool qr_gql_is_builtin_type(struct qr_gql_str name);
bool qr_gql_is_specified_directive(struct qr_gql_str name);

/* The one wrapper of `type`; NULL after reporting. */
struct qr_gql_type *qr_gql_type_wrap(struct qr_arena *arena, enum qr_gql_type_kind kind,
                                     struct qr_gql_type *type, quire_error *err);

/*
 * Coerces the default value of `input`, after those that it needs itself.
 * Circular or ill-typed defaults leave has_default false.
 */
quire_status qr_gql_default_settle(struct qr_arena *arena, struct qr_gql_input *input,
                                   quire_error *err);

/* The origin's definition of a schema's or type's chain that is not an extension, or NULL. */
const struct qr_gql_ast_definition *qr_gql_origin_definition(const struct qr_gql_origin *origins);

#endif
