/*
 * Computed fields: values of an expression over the columns of their row
 * (docs/expressions.md), found out whenever they are read, or kept in an index.
 */
#ifndef QR_GRAPHQL_COMPUTED_H
#define QR_GRAPHQL_COMPUTED_H

#include "engine/expression.h"
#include "graphql/model_internal.h"
#include "graphql/reader.h"

/* Reads the expression of a field that has @computed; problems go to the report. Once the columns
 * of its type are known. */
quire_status qr_model_read_computed(struct qr_model_builder *builder, struct qr_model_type *type);

/* Compiles the expressions of a type anew, for columns that have got other numbers. */
quire_status qr_computed_bind(struct qr_arena *arena, struct qr_model_type *type, quire_error *err);

/* The value for a row's record: null when the field's type cannot hold it. Memory from the reader's
 * scratch arena. */
quire_status qr_computed_value(struct qr_reader *reader, const struct qr_row *row,
                               const struct qr_model_field *field, quire_value *value);

/* The computed field of a type whose expression an index stands on; NULL when there is none. */
const struct qr_model_field *qr_computed_find(const struct qr_model_type *type,
                                              const char *expression);

#endif
