/*
 * Aggregates of the rows at the other end of a list relation, for one row at a
 * time: what filters and orders across a relation ask for. The rows come from
 * one fold that is made once; where the relation's index tells what is asked
 * for, none of them is read.
 */
#ifndef QR_GRAPHQL_RELATED_H
#define QR_GRAPHQL_RELATED_H

#include "graphql/aggregate.h"

struct qr_filter;
struct qr_related;

/* `filter` says which rows count; NULL: all. The measures, complete by now, are copied. Closed with
 * the reader. */
quire_status qr_related_open(struct qr_reader *reader, const struct qr_model_field *relation,
                             struct qr_filter *filter, const struct qr_measures *measures,
                             struct qr_related **out);

/* The measures' results for a row, borrowed until the next call. */
quire_status qr_related_run(struct qr_related *related, int64_t rowid, const quire_value **values);

/* A measure's kind by the name that the API gives it: "count" .. "max". *found false for other
 * names. */
void qr_measure_named(struct qr_gql_str name, enum qr_measure_kind *kind, bool *found);

#endif
