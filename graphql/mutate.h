/*
 * Mutation fields: createT, updateT, deleteT.
 */
#ifndef QR_GRAPHQL_MUTATE_H
#define QR_GRAPHQL_MUTATE_H

#include "graphql/read.h"
#include "graphql/store.h"

/*
 * Runs one mutation field and reads its selection: for a deletion as the row
 * was before, else as it is after. On failure the store says which code and
 * coordinate belong to the error; the transaction must then be rolled back.
 */
quire_status qr_mutate(struct qr_store *store, const struct qr_select_field *field,
                       struct qr_node **out);

#endif
