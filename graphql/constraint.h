/*
 * What @constraint asks of the values of a field: lengths, bounds, a pattern
 * (docs/graphql.md, "Constraints"). Made with the model, and checked by every
 * write through the store.
 */
#ifndef QR_GRAPHQL_CONSTRAINT_H
#define QR_GRAPHQL_CONSTRAINT_H

#include "graphql/store.h"

struct qr_constraint {
    struct qr_constraint *next;     /* of the model */
    int64_t min_length, max_length; /* characters, of Bytes bytes; -1: none */
    quire_value min, max;           /* as stored; null: none */
    struct qr_gql_str pattern;      /* data NULL: none */
    struct qr_regex *regex;         /* of the pattern: for the one thread that writes */
};

/* Frees what a model's constraints own. */
void qr_constraints_free(struct qr_constraint *first);

/* Whether two constraints ask the same; NULL asks nothing. */
bool qr_constraint_equal(const struct qr_constraint *a, const struct qr_constraint *b);

/* CHECK, with code and coordinate, when a value that is not null breaks the field's constraint; of
 * a list, when one of its elements does. */
quire_status qr_constraint_check(struct qr_store *store, const struct qr_model_field *field,
                                 const quire_value *value);

#endif
