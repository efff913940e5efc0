/*
 * Choosing the access path of a query.
 *
 * From the conditions that must all hold, those on single columns against
 * constants are collected. Each index of the table makes a path of them, by how
 * many of its leading columns are fixed, whether the next one is bounded, and
 * whether its order is the query's. Below a relation, where the parents decide
 * how many rows there are, and in small tables these points are counted; else
 * the paths' costs are estimated (plan_cost.c). A path only has to be wide
 * enough: the filter is tested on its candidates, unless the path says that all
 * of them pass.
 */
#include <math.h>

#include "graphql/computed.h"
#include "graphql/plan_internal.h"

/* In tables of so few rows nothing is estimated. */
#define SMALL_TABLE 64.0

/* The conditions found for one column. */
struct bounds {
    const struct qr_filter *equals, *in;
    const struct qr_filter *folded; /* without regard to case: equal to a text, or beginning with */
    const quire_value *lower, *upper;
    bool lower_exclusive, upper_exclusive;
    bool is_parent;              /* equal to the parent's rowid */
    uint32_t conditions, ranges; /* all that were found; those that lower and upper say */
};

struct planner {
    struct qr_reader *reader;
    struct qr_query *query;
    struct bounds *bounds;                          /* by column */
    bool *tested;                                   /* by column: the filter looks at it */
    uint32_t conditions;                            /* that must all hold */
    bool nothing;                                   /* one of them never does */
    const struct qr_filter *ways[QR_PLAN_WAYS_MAX]; /* conditions that may lead to a set of rows */
    uint32_t way_count;
    quire_table *table;
};

static void raise_lower(struct bounds *b, const quire_value *value, bool exclusive)
{
    int order = b->lower == NULL ? 1 : quire_value_compare(value, b->lower);
    if (order > 0 || (order == 0 && exclusive)) {
        b->lower = value;
        b->lower_exclusive = exclusive;
    }
}

static void reduce_upper(struct bounds *b, const quire_value *value, bool exclusive)
{
    int order = b->upper == NULL ? -1 : quire_value_compare(value, b->upper);
    if (order < 0 || (order == 0 && exclusive)) {
        b->upper = value;
        b->upper_exclusive = exclusive;
    }
}

static void tighten(struct bounds *b, const struct qr_filter *filter)
{
    const quire_value *value = &filter->values[0];
    switch (filter->op) {
    case QR_FILTER_EQUALS:
        b->equals = filter;
        break;
    case QR_FILTER_IN:
        b->in = filter;
        break;
    case QR_FILTER_GT:
    case QR_FILTER_GTE:
    case QR_FILTER_STARTS_WITH:
        raise_lower(b, value, filter->op == QR_FILTER_GT);
        b->ranges++;
        break;
    case QR_FILTER_LT:
    case QR_FILTER_LTE:
        reduce_upper(b, value, filter->op == QR_FILTER_LT);
        b->ranges++;
        break;
    case QR_FILTER_NOT:
    case QR_FILTER_NOT_IN:
    case QR_FILTER_CONTAINS:
    case QR_FILTER_ENDS_WITH:
    case QR_FILTER_LIKE:
    case QR_FILTER_REGEX:
    case QR_FILTER_HAS:
    case QR_FILTER_HAS_SOME:
    case QR_FILTER_HAS_EVERY:
    case QR_FILTER_IS_EMPTY:
        break;
    }
}

/* A prefix bounds from above as well: by the least text greater than all that begin with it. */
static quire_status bound_prefix(struct planner *p, struct bounds *b, const quire_value *value)
{
    quire_value *upper = qr_arena_alloc(p->reader->arena, sizeof *upper, p->reader->err);
    uint8_t *bytes =
        (uint8_t *)qr_arena_copy(p->reader->arena, value->as.bytes, value->size, p->reader->err);
    uint32_t size = value->size;

    if (upper == NULL || bytes == NULL) {
        return QUIRE_NO_MEMORY;
    }
    while (size > 0 && bytes[size - 1] == 0xFF) {
        size--;
    }
    if (size == 0) {
        return QUIRE_OK;
    }
    bytes[size - 1]++;
    *upper = quire_text_n((const char *)bytes, size);
    reduce_upper(b, upper, true);
    return QUIRE_OK;
}

/* Whether a condition holds for no row, whatever is in it. */
static bool never_holds(const struct qr_filter *filter)
{
    if (filter->kind == QR_FILTER_ANY) {
        for (const struct qr_filter *child = filter->first; child != NULL; child = child->next) {
            if (!never_holds(child)) {
                return false;
            }
        }
        return true;
    }
    if (filter->kind == QR_FILTER_ALL) {
        for (const struct qr_filter *child = filter->first; child != NULL; child = child->next) {
            if (never_holds(child)) {
                return true;
            }
        }
        return false;
    }
    return filter->kind == QR_FILTER_COMPARE && filter->value_count == 0 &&
           (filter->op == QR_FILTER_IN || filter->op == QR_FILTER_HAS_SOME);
}

/* The folded text that an insensitive comparison asks for at the beginning of a column's text, or
 * as the whole of it; NULL when there is none. */
static const quire_value *folds_to(const struct qr_filter *filter)
{
    bool begins = filter->op == QR_FILTER_EQUALS || filter->op == QR_FILTER_STARTS_WITH;
    const quire_value *text =
        begins && filter->value_count > 0 ? &filter->values[0] : &filter->prefix;
    return filter->insensitive && text->type == QUIRE_TEXT ? text : NULL;
}

static quire_status collect(struct planner *p, const struct qr_filter *filter)
{
    if (filter == NULL) {
        return QUIRE_OK;
    }
    if (filter->kind == QR_FILTER_ALL) {
        for (const struct qr_filter *child = filter->first; child != NULL; child = child->next) {
            QR_TRY(collect(p, child));
        }
        return QUIRE_OK;
    }
    p->conditions++;
    p->nothing = p->nothing || never_holds(filter);
    if (filter->kind != QR_FILTER_COMPARE && p->way_count < QR_PLAN_WAYS_MAX) {
        p->ways[p->way_count++] = filter;
    }
    if (filter->kind != QR_FILTER_COMPARE || filter->field->list) {
        return QUIRE_OK;
    }
    struct bounds *b = &p->bounds[filter->field->column];
    b->conditions++;
    if (filter->insensitive || filter->value_count == 0) {
        b->folded = folds_to(filter) != NULL ? filter : b->folded;
        return QUIRE_OK;
    }
    if (filter->op == QR_FILTER_NOT && filter->values[0].type == QUIRE_NULL) {
        raise_lower(b, &filter->values[0], true);
        b->ranges++;
        return QUIRE_OK;
    }
    if (filter->values[0].type == QUIRE_NULL && filter->op != QR_FILTER_EQUALS) {
        return QUIRE_OK;
    }
    tighten(b, filter);
    if (filter->prefix.type == QUIRE_TEXT) {
        raise_lower(b, &filter->prefix, false);
        return bound_prefix(p, b, &filter->prefix);
    }
    return filter->op == QR_FILTER_STARTS_WITH ? bound_prefix(p, b, &filter->values[0]) : QUIRE_OK;
}

/* ---- order ---- */

/* Whether entries of the index, behind its fixed leading columns, come in the query's order or in
 * the reverse of it. */
static bool gives_order(const struct planner *p, const quire_index_def *def, uint32_t fixed,
                        const uint32_t *columns)
{
    const struct qr_order *order = &p->query->order;
    uint32_t rest = def->column_count - fixed;

    if (def->kind == QUIRE_INDEX_HASH) {
        return order->count == 0;
    }
    if (order->count > rest || (order->count < rest && !p->query->ties_any)) {
        return false;
    }
    for (uint32_t i = 0; i < order->count; i++) {
        const struct qr_order_term *term = &order->terms[i];
        if (term->step_count > 0 || term->relation != NULL ||
            term->nulls != QR_ORDER_NULLS_SMALLEST || term->field->column != columns[fixed + i] ||
            def->columns[fixed + i].descending || term->descending != order->terms[0].descending) {
            return false;
        }
    }
    return true;
}

static bool reads_backwards(const struct qr_query *query)
{
    return qr_order_descends(&query->order) != query->backward;
}

/* ---- one index ---- */

/* How many conditions on a column the path guarantees. */
static uint32_t conditions_met(const struct qr_path *path, const struct bounds *b, bool fixed)
{
    bool by_value =
        fixed ? b->equals != NULL && !b->is_parent : path->kind == QR_PATH_POINTS && b->in != NULL;
    if (by_value) {
        return b->conditions == 1 ? 1 : 0;
    }
    return !fixed && (path->has_lower || path->has_upper) && b->ranges == b->conditions
               ? b->conditions
               : 0;
}

/* Whether the entries of an index tell whatever is read of a row. */
static bool covers(const struct planner *p, const struct qr_path *path)
{
    const struct qr_query *query = p->query;
    for (uint32_t i = 0; i < query->type->slot_count; i++) {
        bool read = query->columns[i] || (p->tested[i] && !path->exact);
        bool is_column = i < query->type->column_count;
        if (read && !(is_column && quire_table_index_covers(p->table, path->index, i))) {
            return false;
        }
    }
    return true;
}

/* What walking the path makes needless: testing the filter, reading rows. */
static void judge(const struct planner *p, struct qr_path *path, const uint32_t *columns,
                  uint32_t column_count)
{
    uint32_t met = 0;
    uint32_t used = path->prefix_count;
    bool next = path->kind == QR_PATH_POINTS || path->has_lower || path->has_upper;
    used += next && used < column_count ? 1 : 0;
    for (uint32_t i = 0; i < used; i++) {
        const struct qr_model_field *field = p->query->type->columns[columns[i]];
        /* A computed Int reads as null where the expression is out of its range. */
        met += field->role == QR_MODEL_COMPUTED && field->scalar == QR_MODEL_INT
                   ? 0
                   : conditions_met(path, &p->bounds[columns[i]], i < path->prefix_count);
    }
    path->exact = met == p->conditions;
    path->covering = p->query->columns != NULL && covers(p, path);
}

/* That there is a value at all leaves out too little to be a reason of its own. */
static int bounds_score(const struct bounds *b)
{
    bool lower = b->lower != NULL && b->lower->type != QUIRE_NULL;
    return (lower ? 5 : 0) + (b->upper != NULL ? 5 : 0);
}

/* The columns and computed fields that an index stands on, by their numbers in a row; false when
 * the schema does not know all of them, or the index compares otherwise than the API does. */
static bool find_slots(const struct planner *p, const quire_index_def *def, uint32_t slots[16])
{
    const struct qr_model_type *type = p->query->type;
    for (uint32_t i = 0; i < def->column_count; i++) {
        const quire_index_column *column = &def->columns[i];
        uint32_t known = type->column_count;
        if (column->expression != NULL) {
            const struct qr_model_field *field = qr_computed_find(type, column->expression);
            slots[i] = field == NULL ? UINT32_MAX : field->column;
            known = type->slot_count;
        } else {
            slots[i] = (uint32_t)quire_table_find_column(p->table, column->name);
        }
        if (slots[i] >= known || column->collation != NULL) {
            return false;
        }
    }
    return def->where == NULL;
}

/* Tries an index; *score 0 means that it is of no use. Fills `path` for it. */
static void try_index(struct planner *p, uint32_t index, struct qr_path *path, int *score)
{
    const quire_index_def *def = quire_table_index(p->table, index);
    uint32_t columns[16];
    uint32_t fixed = 0;
    bool hash = def->kind == QUIRE_INDEX_HASH;
    bool has_null = false; /* nulls are exempt from uniqueness */

    *score = 0;
    *path = (struct qr_path){
        .kind = QR_PATH_RANGE, .index = index, .name = def->name, .parent_column = -1};
    if (!find_slots(p, def, columns)) {
        return;
    }
    for (; fixed < def->column_count; fixed++) {
        const struct bounds *b = &p->bounds[columns[fixed]];
        if (b->is_parent) {
            path->parent_column = (int)fixed;
        } else if (b->equals != NULL) {
            path->prefix[fixed] = b->equals->values[0];
            has_null = has_null || b->equals->values[0].type == QUIRE_NULL;
        } else {
            break;
        }
    }
    path->prefix_count = fixed;
    path->unique = def->unique && fixed == def->column_count && !has_null;
    *score = (int)fixed * 20 + (path->unique ? 1000 : 0);
    if (fixed < def->column_count && (!hash || fixed + 1 == def->column_count)) {
        const struct bounds *b = &p->bounds[columns[fixed]];
        if (b->in != NULL) {
            path->kind = QR_PATH_POINTS;
            path->points = b->in;
            *score += 15;
        } else if (!hash && (b->lower != NULL || b->upper != NULL)) {
            path->has_lower = b->lower != NULL;
            path->has_upper = b->upper != NULL;
            path->lower = b->lower != NULL ? *b->lower : quire_null();
            path->upper = b->upper != NULL ? *b->upper : quire_null();
            path->lower_exclusive = b->lower_exclusive;
            path->upper_exclusive = b->upper_exclusive;
            if (b->lower == NULL) {
                /* No comparison holds for a row without a value. */
                path->has_lower = path->lower_exclusive = true;
            }
            *score += bounds_score(b);
        }
    }
    if (hash && fixed < def->column_count && path->kind != QR_PATH_POINTS) {
        *score = 0;
        return;
    }
    path->ordered =
        path->unique || (path->kind == QR_PATH_RANGE && gives_order(p, def, fixed, columns));
    path->reverse = path->ordered && reads_backwards(p->query);
    judge(p, path, columns, def->column_count);
    bool asked = p->query->order.count > 0 || !p->query->folds;
    if (path->ordered && asked && (p->query->limit != UINT64_MAX || *score > 0 || path->covering)) {
        *score += 4; /* saves the sort, and with a limit the rest of the walk */
    }
    if (path->covering && (*score > 0 || path->has_lower)) {
        *score += 8; /* saves the rows */
    }
}

/* Tries an index whose first column is case-folded, for a comparison without regard to case. */
static void try_folded(struct planner *p, uint32_t index, struct qr_path *path, int *score)
{
    const quire_index_def *def = quire_table_index(p->table, index);
    const quire_index_column *first = &def->columns[0];
    bool hash = def->kind == QUIRE_INDEX_HASH;
    int column = first->name == NULL ? -1 : quire_table_find_column(p->table, first->name);

    *score = 0;
    if (p->query->relation != NULL || def->where != NULL || first->collation == NULL ||
        strcmp(first->collation, "nocase") != 0 || column < 0 ||
        (uint32_t)column >= p->query->type->column_count || (hash && def->column_count > 1)) {
        return;
    }
    const struct qr_filter *folded = p->bounds[column].folded;
    if (folded == NULL || (hash && folded->op != QR_FILTER_EQUALS)) {
        return;
    }
    *path = (struct qr_path){
        .kind = QR_PATH_RANGE, .index = index, .name = def->name, .parent_column = -1};
    if (folded->op == QR_FILTER_EQUALS) {
        path->prefix[path->prefix_count++] = *folds_to(folded);
        *score = 19;
    } else {
        path->starts_with = folds_to(folded);
        *score = 9;
    }
}

/* Lets a scan begin or end at a rowid. */
static void cut_scan(struct qr_path *path, bool is_lower, int64_t rowid)
{
    if (is_lower) {
        path->lower = quire_int(rowid);
        path->has_lower = true;
    } else {
        path->upper = quire_int(rowid);
        path->has_upper = true;
    }
}

/* Cursors say where the walk begins and ends, if its order is the query's. Rows beyond them then go
 * uncounted. */
static quire_status cut_by_cursors(struct planner *p)
{
    struct qr_query *query = p->query;
    struct qr_path *path = &query->path;
    struct qr_gql_str keys[2] = {query->after, query->before};
    bool *done[2] = {&query->cut_by_after, &query->cut_by_before};
    bool descends = qr_order_descends(&query->order);

    query->uncut = *path;
    if (!path->ordered || path->unique || query->distinct_count > 0) {
        return QUIRE_OK;
    }
    for (int i = 0; i < 2; i++) {
        bool is_lower = (i == 0) != descends;
        struct qr_path_place *place;
        if (keys[i].data == NULL) {
            continue;
        }
        place = qr_arena_alloc_zero(p->reader->arena, sizeof *place, p->reader->err);
        if (place == NULL) {
            return QUIRE_NO_MEMORY;
        }
        QR_TRY(qr_order_decode(p->reader, &query->order, keys[i], place->values, &place->place));
        if (path->kind == QR_PATH_SCAN) {
            cut_scan(path, is_lower, place->place);
        } else if (is_lower) {
            path->from = place;
        } else {
            path->to = place;
        }
        *done[i] = true;
    }
    return QUIRE_OK;
}

/* ---- choosing ---- */

/* The paths of the indexes that are of some use. */
struct paths {
    struct qr_path *items;
    int *scores;
    uint32_t count;
};

static quire_status find_paths(struct planner *p, struct paths *paths)
{
    struct qr_reader *reader = p->reader;
    uint32_t count = quire_table_index_count(p->table);
    bool related = p->query->relation != NULL;

    *paths = (struct paths){.count = 0};
    paths->items = qr_arena_alloc(reader->arena, sizeof *paths->items * (count + 1), reader->err);
    paths->scores = qr_arena_alloc(reader->arena, sizeof *paths->scores * (count + 1), reader->err);
    if (paths->items == NULL || paths->scores == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct qr_path *path = &paths->items[paths->count];
        int *score = &paths->scores[paths->count];
        path->ordered = false;
        if (quire_table_index(p->table, i)->columns[0].collation == NULL) {
            try_index(p, i, path, score);
        } else {
            try_folded(p, i, path, score);
        }
        bool sorts = path->ordered && p->query->order.count > 0 && !related;
        if ((*score > 0 || sorts) && (!related || path->parent_column >= 0)) {
            paths->count++;
        }
    }
    return QUIRE_OK;
}

static void choose_by_score(struct planner *p, const struct paths *paths)
{
    int best = 0;
    for (uint32_t i = 0; i < paths->count; i++) {
        if (paths->scores[i] > best) {
            best = paths->scores[i];
            p->query->path = paths->items[i];
        }
    }
}

static void take_cheaper(struct planner *p, const struct qr_path *path, double cost, double *best)
{
    if (cost < *best) {
        *best = cost;
        p->query->path = *path;
    }
}

static quire_status choose_by_cost(struct planner *p, const struct paths *paths,
                                   struct qr_plan_costs *costs)
{
    double best;
    for (uint32_t i = 0; i < paths->count; i++) {
        QR_TRY(qr_plan_estimate(costs, &paths->items[i]));
    }
    p->query->path.estimate = costs->rows;
    best = qr_plan_cost(costs, &p->query->path);
    for (uint32_t i = 0; i < paths->count; i++) {
        take_cheaper(p, &paths->items[i], qr_plan_cost(costs, &paths->items[i]), &best);
    }
    for (uint32_t i = 0; i < p->way_count; i++) {
        struct qr_path path = {.parent_column = -1};
        double cost;
        QR_TRY(qr_plan_row_set(costs, p->ways[i], best, &path, &cost));
        path.reverse = path.ordered && reads_backwards(p->query);
        take_cheaper(p, &path, cost, &best);
    }
    return QUIRE_OK;
}

static quire_status choose_path(struct planner *p)
{
    struct paths paths;
    struct qr_plan_costs costs;

    QR_TRY(find_paths(p, &paths));
    for (uint32_t i = 0; i < paths.count; i++) {
        if (paths.items[i].unique) {
            p->query->path = paths.items[i];
            p->query->path.estimate = 1;
            return QUIRE_OK;
        }
    }
    if (p->query->relation != NULL || (paths.count == 0 && p->way_count == 0)) {
        choose_by_score(p, &paths);
        return QUIRE_OK;
    }
    QR_TRY(qr_plan_costs_init(&costs, p->reader, p->query, p->table));
    if (costs.rows <= SMALL_TABLE) {
        choose_by_score(p, &paths);
        return QUIRE_OK;
    }
    return choose_by_cost(p, &paths, &costs);
}

quire_status qr_plan_choose(struct qr_reader *reader, struct qr_query *query)
{
    struct planner p = {.reader = reader, .query = query};

    query->path = (struct qr_path){.kind = QR_PATH_SCAN, .parent_column = -1};
    query->path.exact = query->filter == NULL;
    if (query->relation != NULL && query->relation->role == QR_MODEL_LINKS) {
        query->path.kind = QR_PATH_LINKS;
        query->path.name = query->relation->link_table;
        query->path.ordered = query->order.count == 0;
        query->path.reverse = query->path.ordered && reads_backwards(query);
        return cut_by_cursors(&p);
    }
    QR_TRY(qr_reader_table(reader, query->type, &p.table));
    p.bounds = qr_arena_alloc_zero(reader->arena, sizeof *p.bounds * (query->type->slot_count + 1),
                                   reader->err);
    p.tested = qr_arena_alloc_zero(reader->arena, sizeof *p.tested * (query->type->slot_count + 1),
                                   reader->err);
    if (p.bounds == NULL || p.tested == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(collect(&p, query->filter));
    qr_filter_columns(query->filter, p.tested);
    query->path.exact = p.conditions == 0;
    query->path.ordered = query->order.count == 0;
    query->path.reverse = query->path.ordered && reads_backwards(query);
    if (p.nothing) {
        query->path.kind = QR_PATH_NOTHING;
        query->path.ordered = query->path.exact = true;
        return QUIRE_OK;
    }
    if (query->relation != NULL) {
        p.bounds[query->relation->inverse->column].is_parent = true;
    }
    QR_TRY(choose_path(&p));
    if (query->path.kind == QR_PATH_SCAN && query->relation != NULL) {
        return qr_fail(reader->err, QUIRE_SCHEMA, "The table %s has no index on %s.",
                       query->type->table, query->relation->inverse->column_name);
    }
    return cut_by_cursors(&p);
}
