/*
 * Unique keys as clients give them: the value of a field, the key of the row
 * that a reference points to, or an object of several of these.
 */
#ifndef QR_GRAPHQL_ROW_KEY_H
#define QR_GRAPHQL_ROW_KEY_H

#include "graphql/reader.h"

/* The type's key of that name; NULL when there is none. */
const struct qr_model_index *qr_row_key_find(const struct qr_model_type *type,
                                             struct qr_gql_str name);

/* The row that has the coerced key. */
quire_status qr_row_key_seek(struct qr_reader *reader, const struct qr_model_type *type,
                             const struct qr_model_index *key, const struct qr_gql_value *given,
                             int64_t *rowid, bool *found);

#endif
