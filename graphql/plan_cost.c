/*
 * What access paths cost: see plan_internal.h.
 *
 * The unit is reading a row in a scan. Nothing is kept about the distribution
 * of values: how many entries a range has is read off the index itself, from
 * the ways to its two ends, for the very constants of the request. That takes
 * a few pages, is never out of date, and knows values that stand out.
 */
#include <math.h>

#include "graphql/plan_internal.h"

/* An index entry, and the row that it leads to: rows are fetched in batches, in their order. */
#define ENTRY_COST 0.5
#define FETCH_COST 2.0
/* A row that is sorted, times the logarithm of their number; one that a page's heap refuses. */
#define SORT_COST 0.25
#define HEAP_COST 0.3
/* Beginning a scan reads some pages of rows whatever is wanted of them. */
#define SCAN_BASE 64.0
/* Of the values of an `in` so many are looked at. */
#define POINTS_LOOKED_AT 4u

quire_status qr_plan_costs_init(struct qr_plan_costs *costs, struct qr_reader *reader,
                                const struct qr_query *query, quire_table *table)
{
    uint64_t rows;
    *costs = (struct qr_plan_costs){.reader = reader, .query = query, .table = table};
    QR_TRY(quire_table_row_count(table, &rows, reader->err));
    costs->rows = costs->matches = (double)rows;
    return QUIRE_OK;
}

static quire_status estimate_range(const struct qr_plan_costs *costs, const struct qr_path *path,
                                   const quire_value *prefix, uint32_t prefix_count,
                                   double *entries)
{
    uint64_t estimate;
    quire_index_range range = {.prefix = prefix,
                               .prefix_count = prefix_count,
                               .lower = path->has_lower ? &path->lower : NULL,
                               .upper = path->has_upper ? &path->upper : NULL,
                               .lower_exclusive = path->lower_exclusive,
                               .upper_exclusive = path->upper_exclusive,
                               .starts_with = path->starts_with};
    QR_TRY(
        qr_table_index_estimate(costs->table, path->index, &range, &estimate, costs->reader->err));
    *entries = (double)estimate;
    return QUIRE_OK;
}

/* A few of an `in`'s values, spread over all of them, stand for the others. */
static quire_status estimate_points(const struct qr_plan_costs *costs, const struct qr_path *path,
                                    double *entries)
{
    uint32_t count = path->points->value_count;
    uint32_t looked_at = count < POINTS_LOOKED_AT ? count : POINTS_LOOKED_AT;
    quire_value prefix[17];

    *entries = 0;
    memcpy(prefix, path->prefix, sizeof *prefix * path->prefix_count);
    for (uint32_t i = 0; i < looked_at; i++) {
        double some;
        prefix[path->prefix_count] = path->points->values[(uint64_t)i * count / looked_at];
        QR_TRY(estimate_range(costs, path, prefix, path->prefix_count + 1, &some));
        *entries += some;
    }
    if (looked_at > 0) {
        *entries *= (double)count / looked_at;
    }
    return QUIRE_OK;
}

quire_status qr_plan_estimate(struct qr_plan_costs *costs, struct qr_path *path)
{
    bool whole = path->kind == QR_PATH_RANGE && path->prefix_count == 0 && !path->has_lower &&
                 !path->has_upper && path->starts_with == NULL;
    if (path->unique || whole) {
        path->estimate = path->unique ? 1 : costs->rows;
        return QUIRE_OK;
    }
    QR_TRY(path->kind == QR_PATH_POINTS
               ? estimate_points(costs, path, &path->estimate)
               : estimate_range(costs, path, path->prefix, path->prefix_count, &path->estimate));
    if (path->estimate < costs->matches) {
        costs->matches = path->estimate;
    }
    return QUIRE_OK;
}

static double sort_cost(const struct qr_query *query, double rows)
{
    double kept = query->limit == UINT64_MAX ? rows : (double)(query->skip + query->limit + 1);
    kept = kept < rows ? kept : rows;
    return rows * HEAP_COST + (kept < 2 ? 0 : kept * log2(kept) * SORT_COST);
}

/* How many candidates are looked at before the page is full. */
static double candidates(const struct qr_plan_costs *costs, const struct qr_path *path)
{
    const struct qr_query *query = costs->query;
    double matches = costs->matches < 1 ? 1 : costs->matches;
    if (!path->ordered || query->limit == UINT64_MAX) {
        return path->estimate;
    }
    /* Those that match are taken to be spread evenly over the path. */
    double wanted = (double)query->skip + (double)query->limit + 1;
    double all = wanted * path->estimate / matches;
    return all < path->estimate ? all : path->estimate;
}

double qr_plan_cost(const struct qr_plan_costs *costs, const struct qr_path *path)
{
    double rows = candidates(costs, path);
    double matches = costs->matches < path->estimate ? costs->matches : path->estimate;
    bool any_order = costs->query->folds && costs->query->order.count == 0;
    double order = path->ordered || any_order ? 0 : sort_cost(costs->query, matches);
    if (path->kind == QR_PATH_SCAN) {
        return SCAN_BASE + rows + order;
    }
    return rows * (path->covering ? ENTRY_COST : ENTRY_COST + FETCH_COST) + order;
}
