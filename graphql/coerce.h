/*
 * Coercion of literals to values of input types.
 *
 * Checking and coercing are apart: qr_gql_literal_check reports every problem
 * of a literal (validation, default values); qr_gql_literal_coerce only says
 * whether it fits. Recursion is bounded by the syntax tree's depth.
 */
#ifndef QR_GRAPHQL_COERCE_H
#define QR_GRAPHQL_COERCE_H

#include "graphql/schema.h"

/* The coerced variables of an operation. A variable that was not given (and has no default) is
 * not in the table. */
struct qr_gql_variables {
    struct qr_gql_name_table values; /* name to struct qr_gql_value */
};

/*
 * Coerces `literal` to `type`. *valid tells whether it fits: variables count
 * as fitting when they have a value, as given. `variables` NULL: constants
 * only. A variable without value makes an object's field absent, a list's item
 * null, and the literal itself not valid. Memory from `arena`.
 */
quire_status qr_gql_literal_coerce(struct qr_arena *arena, const struct qr_gql_type *type,
                                   const struct qr_gql_ast_value *literal,
                                   const struct qr_gql_variables *variables,
                                   struct qr_gql_value *out, bool *valid, quire_error *err);

/* Whether an argument's value has a variable in it. */
bool qr_gql_ast_arguments_vary(const struct qr_gql_ast_argument *arguments);

/* The value of a literal without a type, as custom scalars see it: enum values as ENUM. */
quire_status qr_gql_literal_untyped(struct qr_arena *arena, const struct qr_gql_ast_value *literal,
                                    const struct qr_gql_variables *variables,
                                    struct qr_gql_value *out, quire_error *err);

/* Receives a problem of a literal: its place and text (in the arena) and the path inside the
 * value (NULL at its root). Gives whether there is room for more. */
typedef bool qr_gql_literal_problem(void *context, const struct qr_gql_ast_value *at,
                                    const struct qr_gql_path *path, const char *message);

/*
 * Calls `problem` for each place where `literal` does not fit `type`, for as
 * long as it wants more; variables are taken as fitting. `suggest` adds "Did you mean".
 */
quire_status qr_gql_literal_check(struct qr_arena *arena, const struct qr_gql_type *type,
                                  const struct qr_gql_ast_value *literal, bool suggest,
                                  qr_gql_literal_problem *problem, void *context, quire_error *err);

/*
 * Coerces a value to a leaf type (scalar or enum, not wrapped) in place:
 * literals and JSON values alike, told apart by `from_literal` (an enum takes
 * ENUM from literals and STRING from JSON; JSON has one kind of number).
 * *problem stays NULL when it fits, else is a message in the arena, such as
 * `Int cannot represent non-integer value: "x"`.
 */
quire_status qr_gql_leaf_coerce(struct qr_arena *arena, const struct qr_gql_type *type,
                                bool from_literal, bool suggest, struct qr_gql_value *value,
                                const char **problem, quire_error *err);

#endif
