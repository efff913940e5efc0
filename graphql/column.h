/*
 * Between the values of GraphQL and those of columns, both ways, by the kind of
 * the model's field.
 */
#ifndef QR_GRAPHQL_COLUMN_H
#define QR_GRAPHQL_COLUMN_H

#include "graphql/json_write.h"
#include "graphql/model.h"

/*
 * The column value of a coerced input value that is not null (null is
 * QUIRE_NULL everywhere). Memory from the arena. `element` takes one element of
 * a list column. DATA when the value does not fit, which coercion rules out.
 */
quire_status qr_column_from_value(const struct qr_model_field *field, bool element,
                                  const struct qr_gql_value *value, struct qr_arena *arena,
                                  quire_value *out, quire_error *err);

/* A list column's value of these elements. Memory from the arena. */
quire_status qr_column_list(const quire_value *elements, uint32_t count, struct qr_arena *arena,
                            quire_value *out, quire_error *err);

/* Writes a column's value as JSON. CORRUPT when it is not what the field stores. */
quire_status qr_column_to_json(const struct qr_model_field *field, const quire_value *value,
                               struct qr_json_writer *writer, quire_error *err);

/* The same of a list column's value that is not null. */
quire_status qr_column_list_to_json(const struct qr_model_field *field, const quire_value *list,
                                    struct qr_json_writer *writer, quire_error *err);

/* A column's value for a message: as JSON without quotes, cut at 60 bytes; empty when it is not
 * what the field stores. In the arena; NO_MEMORY and LIMIT alone. */
quire_status qr_column_show(const struct qr_model_field *field, const quire_value *value,
                            struct qr_arena *arena, struct qr_gql_str *out, quire_error *err);

#endif
