/*
 * The steps of making a model. Each takes the builder, reports what is wrong in
 * the SDL to its report and fails only for memory.
 */
#ifndef QR_GRAPHQL_MODEL_INTERNAL_H
#define QR_GRAPHQL_MODEL_INTERNAL_H

#include "graphql/model.h"

struct qr_model_builder {
    struct qr_model *model;
    struct qr_arena *arena; /* the model's */
    struct qr_gql_report *report;
    quire_error *err;
};

/* Checks the arguments of all directives (model_check.c). */
quire_status qr_model_check_directives(struct qr_model_builder *builder);
/* Stored names, defaults, access and roots of all types and fields, from their directives
 * (model_directives.c). Fields have their types, but relations no roles yet. */
quire_status qr_model_read_directives(struct qr_model_builder *builder);
/* What access and stored names must keep to, once there are keys and columns
 * (model_directives.c). */
quire_status qr_model_check_access(struct qr_model_builder *builder);
/* The constraint of a field, from its directive (constraint.c). */
quire_status qr_model_read_constraint(struct qr_model_builder *builder,
                                      struct qr_model_field *field);
/* Checks declared names against generated ones, once roles and columns are known
 * (model_check.c). */
quire_status qr_model_check_names(struct qr_model_builder *builder);
/* The role, target and inverse of every relation field (model_relations.c). */
quire_status qr_model_resolve_relations(struct qr_model_builder *builder);
/* The fields whose values the program gives (model_resolvers.c). */
quire_status qr_model_read_resolvers(struct qr_model_builder *builder);
/* The keys and indexes of every type (model_indexes.c). */
quire_status qr_model_build_indexes(struct qr_model_builder *builder);
/* The names of the generated Query and Subscription fields (model_indexes.c). */
quire_status qr_model_choose_names(struct qr_model_builder *builder);
/* The names of the generated Mutation fields, and what a declared Mutation says of them
 * (model_mutations.c). */
quire_status qr_model_choose_verbs(struct qr_model_builder *builder);

/* Whether a type is marked as a view; the views, once the tables are complete (model_views.c). */
bool qr_model_is_view(const struct qr_gql_type *type);
quire_status qr_model_build_views(struct qr_model_builder *builder);

/* What @generate (NULL: none) says of a root (model_directives.c). */
bool qr_model_is_generated(const struct qr_gql_ast_directive *generate, const char *what);

/* The relation whose key a field named `name` would be: `f` of `fId`, the list `f` of `fIds`; or
 * NULL. */
const struct qr_model_field *qr_model_relation_of_key(const struct qr_model_type *type,
                                                      struct qr_gql_str name);

/* ---- reading directives ---- */

/* The applied directive of a field, or NULL. */
const struct qr_gql_ast_directive *qr_model_directive(const struct qr_model_field *field,
                                                      const char *name);
/* The same of a type, its extensions included. */
const struct qr_gql_ast_directive *qr_model_type_directive(const struct qr_model_type *type,
                                                           const char *name);
/* The value of an argument; NULL when it is absent or null. */
const struct qr_gql_ast_value *qr_model_value_argument(const struct qr_gql_ast_directive *directive,
                                                       const char *name);
/* The text of a string or enum argument; data NULL when it is absent or null. */
struct qr_gql_str qr_model_argument(const struct qr_gql_ast_directive *directive, const char *name);
/* The list argument's first item, or NULL; a lone value counts as a list of one. */
const struct qr_gql_ast_value *qr_model_list_argument(const struct qr_gql_ast_directive *directive,
                                                      const char *name);

/* Adds a problem at a place of the SDL. */
void qr_model_problem(struct qr_model_builder *builder, struct qr_gql_pos pos, const char *format,
                      ...) QR_PRINTF(3, 4);
/* Where a field is declared. */
struct qr_gql_pos qr_model_field_pos(const struct qr_model_field *field);

/* Texts joined, NUL-terminated, in the arena; NULL after reporting. */
const char *qr_model_join(struct qr_model_builder *builder, struct qr_gql_str a, const char *b,
                          struct qr_gql_str c);

#endif
