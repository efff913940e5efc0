/*
 * What the planner's files share: plan.c finds the paths, plan_cost.c says what
 * each costs, row_set.c finds rows by several ways at once.
 */
#ifndef QR_GRAPHQL_PLAN_INTERNAL_H
#define QR_GRAPHQL_PLAN_INTERNAL_H

#include "graphql/query.h"

/* Alternatives of one conjunction that are looked at. */
#define QR_PLAN_WAYS_MAX 8u

/* What is known of the rows that a query is for. */
struct qr_plan_costs {
    struct qr_reader *reader;
    const struct qr_query *query;
    quire_table *table;
    double rows;    /* of the table */
    double matches; /* of them, as far as is known: the fewest that any index range has */
};

quire_status qr_plan_costs_init(struct qr_plan_costs *costs, struct qr_reader *reader,
                                const struct qr_query *query, quire_table *table);

/* Estimates path->estimate, the candidates of a path over an index, by looking at the ways to its
 * ends; costs->matches takes it into account. */
quire_status qr_plan_estimate(struct qr_plan_costs *costs, struct qr_path *path);

/* What walking a path and making the page of it costs, in rows of a scan. */
double qr_plan_cost(const struct qr_plan_costs *costs, const struct qr_path *path);

/*
 * Tries to find the rows through a condition that no single index range says:
 * alternatives of which each has an index, or a relation from the rows at its
 * other end. *cost is what finding and reading them costs, infinite when there
 * is no such way, or none that costs less than `best` (row_set.c).
 */
quire_status qr_plan_row_set(struct qr_plan_costs *costs, const struct qr_filter *condition,
                             double best, struct qr_path *path, double *cost);

#endif
