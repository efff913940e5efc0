/*
 * Mutation fields: createT, updateT, deleteT, upsertT, and those of many rows.
 */
#ifndef QR_GRAPHQL_MUTATE_H
#define QR_GRAPHQL_MUTATE_H

#include "graphql/read.h"
#include "graphql/store.h"

/* What a mutation field gives. */
struct qr_mutation {
    const struct qr_select_field *field;
    struct qr_node *node;       /* of one row; NULL: null, or a write of many rows */
    bool bulk;                  /* a write of many rows */
    uint64_t affected;          /* rows of it */
    struct qr_node **returning; /* by field of the bulk result's selection */
};

/*
 * Runs one mutation field and reads its selection: for deletions as the rows
 * were before, else as they are after. On failure the store says which code,
 * coordinate and place belong to the error; the transaction must then be rolled
 * back.
 */
quire_status qr_mutate(struct qr_store *store, const struct qr_select_field *field,
                       struct qr_mutation *out);

/* Writes the field's value. */
quire_status qr_mutation_write(struct qr_reader *reader, const struct qr_mutation *mutation,
                               struct qr_json_writer *writer);

#endif
