/*
 * Aggregates of a connection: what its `aggregate` and `totalCount` ask for,
 * computed for all parents in one pass, and written.
 */
#ifndef QR_GRAPHQL_SUMMARY_H
#define QR_GRAPHQL_SUMMARY_H

#include "graphql/aggregate.h"
#include "graphql/json_write.h"
#include "graphql/query.h"

/* The measure that a field of API kind COUNT, or below SUM .. MAX, stands for. */
quire_status qr_summary_measure(struct qr_reader *reader, const struct qr_select_field *field,
                                const struct qr_model_field *column, struct qr_measures *measures,
                                uint32_t *number);

/*
 * Adds what a set of the API's aggregate fields asks for to the measures.
 * *numbers gets the number of each leaf's measure, in the order of the text.
 * Fields of other kinds are passed over.
 */
quire_status qr_summary_select(struct qr_reader *reader, const struct qr_select *set,
                               struct qr_measures *measures, uint32_t **numbers);

/* Writes one field of such a set, of kind COUNT .. MAX; *numbers moves on. */
quire_status qr_summary_write(struct qr_reader *reader, const struct qr_select_field *field,
                              const struct qr_measures *measures, const quire_value *values,
                              const uint32_t **numbers, struct qr_json_writer *writer);

/* Whether a field is one of COUNT .. MAX. */
bool qr_summary_has(const struct qr_select_field *field);

/*
 * Computes the measures of the rows that type, relation and filter of `query`
 * select, for each parent: (*values)[parent * count + measure]. From the number
 * of rows or the ends of an index where that is enough.
 */
quire_status qr_summary_run(struct qr_reader *reader, const struct qr_query *query,
                            const struct qr_measures *measures, const struct qr_row *parents,
                            size_t parent_count, quire_value **values);

#endif
