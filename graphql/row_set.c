/*
 * Sets of rows: see row_set.h and plan_internal.h.
 */
#include "graphql/row_set.h"

#include <math.h>
#include <stdlib.h>

#include "graphql/fold.h"
#include "graphql/plan_internal.h"

/* Sets within sets are not looked for: planning stays linear in the filter. */
#define NESTING_MAX 1u
#define FOLLOW_COST 3.0

/* One way to rows of the set. */
struct way {
    struct way *next;
    struct qr_query query; /* finds rows of the type, or at the relation's other end */
    const struct qr_model_field *relation; /* from the type; NULL: the type's own rows are found */
};

struct qr_row_set {
    struct qr_reader *reader;
    const struct qr_model_type *type;
    struct way *first;
    bool found;
    int64_t *rowids;
    size_t count, capacity;
};

static quire_status add_rowid(struct qr_row_set *set, int64_t rowid)
{
    struct qr_reader *reader = set->reader;
    if (set->count == set->capacity) {
        size_t capacity = set->capacity == 0 ? 64 : set->capacity * 2;
        int64_t *grown = qr_arena_alloc(reader->arena, sizeof *grown * capacity, reader->err);
        if (grown == NULL) {
            return QUIRE_NO_MEMORY;
        }
        if (set->count > 0) {
            memcpy(grown, set->rowids, sizeof *grown * set->count);
        }
        set->rowids = grown;
        set->capacity = capacity;
    }
    set->rowids[set->count++] = rowid;
    return QUIRE_OK;
}

/* ---- planning ---- */

static quire_status add_way(struct qr_plan_costs *costs, struct qr_row_set *set,
                            const struct qr_model_type *type, struct qr_filter *filter,
                            const struct qr_model_field *relation, struct way **out)
{
    struct qr_reader *reader = costs->reader;
    struct way *way = qr_arena_alloc_zero(reader->arena, sizeof *way, reader->err);
    bool *columns =
        qr_arena_alloc_zero(reader->arena, sizeof *columns * (type->slot_count + 1), reader->err);

    if (way == NULL || columns == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (relation != NULL &&
        (relation->role == QR_MODEL_REVERSE || relation->role == QR_MODEL_REVERSE_ONE)) {
        columns[relation->inverse->column] = true;
    }
    way->query = (struct qr_query){.type = type,
                                   .filter = filter,
                                   .limit = UINT64_MAX,
                                   .columns = columns,
                                   .ties_any = true,
                                   .nesting = costs->query->nesting + 1};
    way->relation = relation;
    way->next = set->first;
    set->first = way;
    *out = way;
    return qr_plan_choose(reader, &way->query);
}

/* What finding the rows of a way costs, and how many they are. */
static quire_status way_cost(struct qr_plan_costs *costs, const struct way *way, double *cost,
                             double *rows)
{
    struct qr_plan_costs other;
    quire_table *table;

    QR_TRY(qr_reader_table(costs->reader, way->query.type, &table));
    QR_TRY(qr_plan_costs_init(&other, costs->reader, &way->query, table));
    if (way->query.path.kind == QR_PATH_NOTHING) {
        *cost = *rows = 0;
        return QUIRE_OK;
    }
    /* Where nothing is known, the filter leaves a quarter. */
    struct qr_path path = way->query.path;
    bool known = path.kind != QR_PATH_SCAN && path.estimate > 0;
    *rows = known ? path.estimate : other.rows / 4 + 1;
    path.estimate = path.kind == QR_PATH_SCAN ? other.rows : *rows;
    *cost = qr_plan_cost(&other, &path);
    if (way->relation != NULL) {
        double fan_out = way->relation->role == QR_MODEL_REVERSE ||
                                 way->relation->role == QR_MODEL_REVERSE_ONE || other.rows < 1
                             ? 1
                             : costs->rows / other.rows;
        *cost += *rows * FOLLOW_COST;
        *rows *= fan_out < 1 ? 1 : fan_out;
    }
    return QUIRE_OK;
}

/* Whether the rows at the other end that pass tell all rows that pass. */
static bool leads_back(const struct qr_filter *condition)
{
    return condition->kind == QR_FILTER_RELATION && condition->first != NULL &&
           (condition->quantifier == QR_FILTER_IS || condition->quantifier == QR_FILTER_SOME);
}

/* Ends with an infinite cost as soon as the ways cost `best` or more together. */
static quire_status plan_ways(struct qr_plan_costs *costs, const struct qr_filter *condition,
                              double best, struct qr_row_set *set, double *cost, double *rows)
{
    bool related = leads_back(condition);
    const struct qr_model_type *type = related ? condition->field->target : set->type;

    for (struct qr_filter *f = condition->first; f != NULL; f = f->next) {
        struct way *way;
        double some_cost;
        double some_rows;
        QR_TRY(qr_reader_step(costs->reader));
        QR_TRY(add_way(costs, set, type, related ? condition->first : f,
                       related ? condition->field : NULL, &way));
        QR_TRY(way_cost(costs, way, &some_cost, &some_rows));
        *cost += some_cost;
        *rows += some_rows;
        if (*cost >= best) {
            *cost = INFINITY;
            return QUIRE_OK;
        }
        if (related) {
            break;
        }
    }
    return QUIRE_OK;
}

quire_status qr_plan_row_set(struct qr_plan_costs *costs, const struct qr_filter *condition,
                             double best, struct qr_path *path, double *cost)
{
    struct qr_reader *reader = costs->reader;
    double rows = 0;

    *cost = INFINITY;
    if (costs->query->nesting >= NESTING_MAX ||
        (condition->kind != QR_FILTER_ANY && !leads_back(condition))) {
        return QUIRE_OK;
    }
    struct qr_row_set *set = qr_arena_alloc_zero(reader->arena, sizeof *set, reader->err);
    if (set == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *set = (struct qr_row_set){.reader = reader, .type = costs->query->type};
    *cost = 0;
    QR_TRY(plan_ways(costs, condition, best, set, cost, &rows));
    if (!isfinite(*cost)) {
        return QUIRE_OK;
    }
    *path = (struct qr_path){.kind = QR_PATH_SET,
                             .parent_column = -1,
                             .set = set,
                             .estimate = rows < costs->rows ? rows : costs->rows,
                             .ordered = costs->query->order.count == 0};
    path->name = set->first == NULL ? NULL : set->first->query.path.name;
    if (path->estimate < costs->matches) {
        costs->matches = path->estimate;
    }
    *cost += qr_plan_cost(costs, path);
    return QUIRE_OK;
}

/* ---- finding ---- */

/* A way that is being gone. */
struct going {
    struct qr_row_set *set;
    const struct way *way;
    quire_table *table; /* of the type */
    int index;          /* on the reference */
    quire_index_cursor *cursor;
    struct qr_link_walk links;
};

/* The rows whose reference leads to `target`. */
static quire_status add_referrers(struct going *going, int64_t target)
{
    quire_error *err = going->set->reader->err;
    quire_value value = quire_int(target);
    quire_index_range range = {.prefix = &value, .prefix_count = 1};
    bool valid = true;

    QR_TRY(going->cursor != NULL ? qr_index_cursor_restart(going->cursor, &range, err)
                                 : quire_index_cursor_open(going->table, (uint32_t)going->index,
                                                           &range, &going->cursor, err));
    for (;;) {
        int64_t rowid;
        QR_TRY(qr_reader_step(going->set->reader));
        QR_TRY(quire_index_cursor_next(going->cursor, &rowid, &valid, err));
        if (!valid) {
            return QUIRE_OK;
        }
        QR_TRY(add_rowid(going->set, rowid));
    }
}

static quire_status add_linked(struct going *going, int64_t target)
{
    bool valid = true;
    QR_TRY(qr_link_walk_start(&going->links, target));
    for (;;) {
        int64_t link;
        int64_t rowid;
        QR_TRY(qr_reader_step(going->set->reader));
        QR_TRY(qr_link_walk_next(&going->links, &link, &rowid, &valid));
        if (!valid) {
            return QUIRE_OK;
        }
        QR_TRY(add_rowid(going->set, rowid));
    }
}

static quire_status take_row(void *context, size_t parent, const struct qr_row *row,
                             const quire_value *values, bool *done)
{
    struct going *going = context;
    const struct qr_model_field *relation = going->way->relation;
    (void)parent;
    (void)done;
    if (relation == NULL) {
        return add_rowid(going->set, row->rowid);
    }
    switch (relation->role) {
    case QR_MODEL_REFERENCE:
        return add_referrers(going, row->rowid);
    case QR_MODEL_LINKS:
        return add_linked(going, row->rowid);
    case QR_MODEL_REVERSE:
    case QR_MODEL_REVERSE_ONE: {
        const quire_value *self = &values[relation->inverse->column];
        return self->type == QUIRE_INT ? add_rowid(going->set, self->as.integer) : QUIRE_OK;
    }
    case QR_MODEL_COLUMN:
    case QR_MODEL_COMPUTED:
        break;
    }
    return qr_fail(going->set->reader->err, QUIRE_INTERNAL, "A set of rows follows a column.");
}

static quire_status open_way(struct going *going)
{
    struct qr_row_set *set = going->set;
    const struct qr_model_field *relation = going->way->relation;
    struct qr_model_field other;

    if (relation == NULL) {
        return QUIRE_OK;
    }
    if (relation->role == QR_MODEL_REFERENCE) {
        QR_TRY(qr_reader_table(set->reader, set->type, &going->table));
        going->index = qr_reader_single_index(going->table, relation, false);
        return going->index >= 0
                   ? QUIRE_OK
                   : qr_fail(set->reader->err, QUIRE_SCHEMA, "The table %s has no index on %s.",
                             set->type->table, relation->column_name);
    }
    if (relation->role == QR_MODEL_LINKS) {
        other = *relation;
        other.link_owner = !relation->link_owner;
        return qr_link_walk_open(set->reader, &other, false, &going->links);
    }
    return QUIRE_OK;
}

static quire_status go(struct qr_row_set *set, const struct way *way)
{
    struct going going = {.set = set, .way = way};
    struct qr_fold *fold;
    quire_status status = open_way(&going);

    if (status == QUIRE_OK) {
        status = qr_fold_open(set->reader, &way->query, &fold);
    }
    if (status == QUIRE_OK) {
        status = qr_fold_run(fold, NULL, 1, take_row, &going);
    }
    quire_index_cursor_close(going.cursor);
    qr_link_walk_close(&going.links);
    return status;
}

static int compare_rowids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

quire_status qr_row_set_rowids(struct qr_row_set *set, const int64_t **rowids, size_t *count)
{
    size_t kept = 0;
    for (const struct way *way = set->first; way != NULL && !set->found; way = way->next) {
        QR_TRY(go(set, way));
    }
    if (!set->found && set->count > 1) {
        qsort(set->rowids, set->count, sizeof *set->rowids, compare_rowids);
    }
    for (size_t i = 0; i < set->count && !set->found; i++) {
        if (kept == 0 || set->rowids[kept - 1] != set->rowids[i]) {
            set->rowids[kept++] = set->rowids[i];
        }
    }
    if (!set->found) {
        set->count = kept;
    }
    set->found = true;
    *rowids = set->rowids;
    *count = set->count;
    return QUIRE_OK;
}
