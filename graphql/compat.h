/*
 * What other databases' clients write: documents and variables are brought
 * into the language of the API before they are checked, so that nothing behind
 * this knows of it, and the published schema does not tell it.
 *
 * SharpGraph (QUIRE_COMPAT_SHARPGRAPH): in filters a plain value stands for
 * `{equals: value}`; fields of Query are found whatever the case of their
 * letters and with an `s` for the plural, and whether one row or many are meant
 * follows from the argument `id`; `first` of a list's items is `take`; a row
 * without a selection has all its columns.
 */
#ifndef QR_GRAPHQL_COMPAT_H
#define QR_GRAPHQL_COMPAT_H

#include "graphql/ast.h"
#include "graphql/schema.h"

/* Rewrites a document that was parsed; new nodes go into the arena. What it does not understand
 * stays, for the validation to refuse. Recursion is bounded by the parser. */
quire_status qr_compat_document(const struct qr_gql_schema *schema,
                                struct qr_gql_document *document, struct qr_arena *arena,
                                quire_error *err);

/* The variables of an operation, rewritten in the arena; `given` may be NULL and is not changed. */
quire_status qr_compat_variables(const struct qr_gql_schema *schema,
                                 const struct qr_gql_ast_definition *operation,
                                 const struct qr_gql_value *given, struct qr_arena *arena,
                                 const struct qr_gql_value **out, quire_error *err);

#endif
