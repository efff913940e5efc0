/*
 * Which type and field of an older schema live on in those of a newer one: the
 * ones that are stored under the same name, else those that @renamedFrom names.
 */
#ifndef QR_GRAPHQL_SCHEMA_MATCH_H
#define QR_GRAPHQL_SCHEMA_MATCH_H

#include "graphql/api.h"

/* What a type of the new schema was; by its index. */
struct qr_match {
    const struct qr_model_type *old;      /* NULL: it is new, and so is all below */
    const struct qr_model_field **fields; /* by index of the new field; NULL: new, or on the
                                            * other side of a relation */
    const struct qr_model_field *
        *becomes; /* by index of the old field; NULL: gone, or not stored */
    bool rebuilt; /* its table is written anew: without indexes */
};

/* A schema being made of another. */
struct qr_schema_change {
    quire_txn *txn;
    const struct qr_model *old; /* without types at first */
    struct qr_api *api;
    struct qr_model *model; /* the new one, api's */
    struct qr_arena *arena;
    quire_error *err;
    struct qr_match *matches;             /* by index of the new type */
    const struct qr_model_type **becomes; /* by index of the old type; NULL: gone */
};

/* Finds out what belongs together, which the functions below then tell. */
quire_status qr_match_schemas(struct qr_schema_change *c);

static inline bool qr_field_is_stored(const struct qr_model_field *field)
{
    return field->role == QR_MODEL_COLUMN || field->role == QR_MODEL_REFERENCE ||
           field->role == QR_MODEL_LINKS;
}

/* What a type or field was; NULL when it is new, or a field is not stored. */
const struct qr_model_type *qr_match_type(const struct qr_schema_change *c,
                                          const struct qr_model_type *type);
const struct qr_model_field *qr_match_field(const struct qr_schema_change *c,
                                            const struct qr_model_field *field);

/* What becomes of an old type or field; NULL when it is gone, or a field is not stored. */
const struct qr_model_type *qr_match_new_type(const struct qr_schema_change *c,
                                              const struct qr_model_type *old);
const struct qr_model_field *qr_match_new_field(const struct qr_schema_change *c,
                                                const struct qr_model_field *old);

/* The index of the new type that an old one becomes, perhaps under another name; NULL when it is to
 * be dropped. */
const struct qr_model_index *qr_match_index(const struct qr_schema_change *c,
                                            const struct qr_model_type *old,
                                            const struct qr_model_index *index);

/* Gives what lives on its new names (schema_rename.c): tables, columns, link tables, indexes. */
quire_status qr_schema_rename(const struct qr_schema_change *c);

/* Gives rows what new fields and new constraints ask of them (schema_fill.c). The new model is
 * bound to its tables. */
quire_status qr_schema_fill(const struct qr_schema_change *c);

#endif
