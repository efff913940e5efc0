/*
 * Unique keys as clients give them: the value of a field, the key of the row
 * that a reference points to, or an object of several of these.
 */
#ifndef QR_GRAPHQL_ROW_KEY_H
#define QR_GRAPHQL_ROW_KEY_H

#include "graphql/reader.h"
#include "graphql/select.h"

/* The type's key of that name; NULL when there is none. */
const struct qr_model_index *qr_row_key_find(const struct qr_model_type *type,
                                             struct qr_gql_str name);

/* Whether the fields of Mutation have an argument of that name which is no key; a key of the same
 * name cannot be given to them. */
bool qr_row_key_is_taken(struct qr_gql_str name);

/* The one key that the arguments of a field name a row of its type by. QUERY when it is none, or
 * more than one. */
quire_status qr_row_key_given(struct qr_reader *reader, const struct qr_select_field *field,
                              const struct qr_model_index **key, const struct qr_gql_value **given);

/* The row that has the coerced key. */
quire_status qr_row_key_seek(struct qr_reader *reader, const struct qr_model_type *type,
                             const struct qr_model_index *key, const struct qr_gql_value *given,
                             int64_t *rowid, bool *found);

#endif
