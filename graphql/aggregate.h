/*
 * Aggregates: what is computed of many rows without keeping them. A measure is
 * what is asked for, such as the sum of a column; a tally is what is known of
 * it so far.
 *
 *   count     rows; of `distinct` columns the combinations of values, rows with
 *             a null among them left out
 *   sum, avg  of integers (in 128 bits) and Decimals exact, but for the digits
 *             of a quotient (qr_decimal_divide); of floats by
 *             Neumaier's compensated summation, in the order in which the rows
 *             come
 *   min, max  in the order of quire_value_compare
 *
 * Nulls are left out, and without a value sum, avg, min and max are null.
 */
#ifndef QR_GRAPHQL_AGGREGATE_H
#define QR_GRAPHQL_AGGREGATE_H

#include "graphql/key_table.h"
#include "graphql/reader.h"

enum qr_measure_kind {
    QR_MEASURE_COUNT,
    QR_MEASURE_DISTINCT, /* combinations of several columns */
    QR_MEASURE_SUM,
    QR_MEASURE_AVG,
    QR_MEASURE_MIN,
    QR_MEASURE_MAX
};

struct qr_measure {
    enum qr_measure_kind kind;
    const struct qr_model_field *field;   /* SUM .. MAX */
    const struct qr_model_field **fields; /* DISTINCT */
    uint32_t field_count;
    bool with_nulls; /* DISTINCT: null counts as a value */
};

/* What is measured of the same rows, each thing once. Zero-initialise. */
struct qr_measures {
    struct qr_measure *items;
    uint32_t count, capacity;
};

struct qr_tally {
    uint64_t count; /* values so far */
    int64_t high;   /* integers: high * 2^64 + low */
    uint64_t low;
    double sum, lost;    /* floats, and what rounding took from them */
    quire_value extreme; /* its text is in the buffer */
    char *buffer;
    uint32_t capacity;
    struct qr_key_table keys; /* DISTINCT */
};

/* The number of a measure, which is added unless it is there. The measure is copied. */
quire_status qr_measures_add(struct qr_reader *reader, struct qr_measures *measures,
                             const struct qr_measure *measure, uint32_t *number);

/* Sets the fields of a DISTINCT measure to those that a list of the type's DistinctField values
 * names, each once, in the order of their columns. */
quire_status qr_measure_fields(struct qr_reader *reader, const struct qr_model_type *type,
                               const struct qr_gql_value *names, struct qr_measure *measure);

/* Marks the columns that the measures read. */
void qr_measures_columns(const struct qr_measures *measures, bool *columns);

/* Adds a row, given by its values by column number, to one tally a measure. Memory from `arena`. */
quire_status qr_measures_take(struct qr_reader *reader, struct qr_arena *arena,
                              const struct qr_measures *measures, const quire_value *values,
                              struct qr_tally *tallies);

/* What a tally comes to. Text is borrowed from the tally, or in `arena`. LIMIT: the sum is too
 * large. */
quire_status qr_measure_result(struct qr_reader *reader, struct qr_arena *arena,
                               const struct qr_measure *measure, const struct qr_tally *tally,
                               quire_value *result);

/* A field with the type of the results. */
const struct qr_model_field *qr_measure_field(const struct qr_measure *measure);

/* Whether sums and averages are made of a column; whether it has extremes. */
bool qr_measure_sums(const struct qr_model_field *field);
bool qr_measure_orders(const struct qr_model_field *field);

#endif
