/*
 * Writing rows as inputs describe them, nested writes included: what createT,
 * updateT and the verbs of nested writes have in common.
 *
 * References are written before the row that holds them, everything else that
 * the row's relations lead to after it; docs/graphql.md, "Nested writes", has
 * the verbs and their order. Recursion follows the nesting of the input, which
 * the parser and the JSON reader bound. On failure the store tells code,
 * coordinate and place, and the transaction is fit for rollback only.
 */
#ifndef QR_GRAPHQL_ROW_WRITE_H
#define QR_GRAPHQL_ROW_WRITE_H

#include "graphql/store.h"

/* The row that a new row belongs to: its `reference` points there. */
struct qr_row_parent {
    const struct qr_model_field *reference;
    int64_t rowid;
};

/* Stores a new row from a coerced TInput; parent may be NULL. */
quire_status qr_row_create(struct qr_store *store, const struct qr_model_type *type,
                           const struct qr_gql_value *input, const struct qr_row_parent *parent,
                           int64_t *rowid);

/* What to change in rows, made once and done to any number of them. */
struct qr_row_change {
    struct qr_draft draft;
    const struct qr_gql_value *input; /* its nested writes */
    const struct qr_gql_path *place;  /* of the input in the arguments */
    bool has_columns, has_nested;
};

/* Takes what `changes` has under `name` (a coerced TUpdateInput) and under `apply` (a coerced
 * TUpdateOperators); either may be absent. */
quire_status qr_row_change_compile(struct qr_store *store, const struct qr_model_type *type,
                                   const struct qr_gql_value *changes, const char *name,
                                   struct qr_row_change *out);
quire_status qr_row_change_run(struct qr_store *store, struct qr_row_change *change, int64_t rowid);

/* Compiles and runs for one row, which rules must let the caller update. */
quire_status qr_row_update(struct qr_store *store, const struct qr_model_type *type, int64_t rowid,
                           const struct qr_gql_value *changes, const char *name);

/* The row that a coerced TWhereKey names. */
quire_status qr_row_find(struct qr_store *store, const struct qr_model_type *type,
                         const struct qr_gql_value *key, int64_t *rowid, bool *found);
/* The same; NOT_FOUND with the coordinate of `relation` when there is none. */
quire_status qr_row_get(struct qr_store *store, const struct qr_model_field *relation,
                        const struct qr_gql_value *key, int64_t *rowid);

/* The row of the field's target that has this key; FOREIGN_KEY when there is none. */
quire_status qr_row_find_target(struct qr_store *store, const struct qr_model_field *field,
                                const struct qr_gql_value *key, int64_t *rowid);

/* ---- nested writes (nested.c) ---- */

/* Does what a nested input says of a REFERENCE of a row (rowid 0: one that is not there yet). *set
 * says that the reference is to become *target, 0 for none. */
quire_status qr_nested_reference(struct qr_store *store, const struct qr_model_field *field,
                                 int64_t rowid, const struct qr_gql_value *nested, int64_t *target,
                                 bool *set);
/* The same for a relation that the row does not hold itself. */
quire_status qr_nested_others(struct qr_store *store, const struct qr_model_field *field,
                              int64_t rowid, const struct qr_gql_value *nested);

/* `updateMany` and `deleteMany`, one element each: of the rows that the relation of a row leads to,
 * those that the element's `where` selects (nested_many.c). */
quire_status qr_nested_update_many(struct qr_store *store, const struct qr_model_field *field,
                                   int64_t rowid, const struct qr_gql_value *value);
quire_status qr_nested_delete_many(struct qr_store *store, const struct qr_model_field *field,
                                   int64_t rowid, const struct qr_gql_value *value);

/* Links a row, which the caller is writing, to another one over a LINKS field; lets go of all that
 * it is linked to and that the caller sees. */
quire_status qr_nested_attach(struct qr_store *store, const struct qr_model_field *field,
                              int64_t rowid, int64_t target);
quire_status qr_nested_clear(struct qr_store *store, const struct qr_model_field *field,
                             int64_t rowid);

#endif
