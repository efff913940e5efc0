/*
 * Aggregates of connections: see summary.h.
 */
#include "graphql/summary.h"

#include "graphql/column.h"
#include "graphql/explain.h"
#include "graphql/fold.h"

/* ---- selections ---- */

bool qr_summary_has(const struct qr_select_field *field)
{
    return field->api != NULL && field->api->kind >= QR_API_COUNT && field->api->kind <= QR_API_MAX;
}

/* The columns that `distinct` names, each once, by their numbers. */
static quire_status read_distinct(struct qr_reader *reader, const struct qr_select_field *field,
                                  struct qr_measure *measure)
{
    const struct qr_gql_value *names = qr_select_argument(field, "distinct");
    if (names == NULL || names->kind == QR_GQL_VALUE_NULL || names->count == 0) {
        return QUIRE_OK;
    }
    measure->kind = QR_MEASURE_DISTINCT;
    return qr_measure_fields(reader, field->api->type, names, measure);
}

quire_status qr_summary_measure(struct qr_reader *reader, const struct qr_select_field *field,
                                const struct qr_model_field *column, struct qr_measures *measures,
                                uint32_t *number)
{
    static const enum qr_measure_kind kinds[] = {
        [0] = QR_MEASURE_COUNT,
        [QR_API_SUM - QR_API_COUNT] = QR_MEASURE_SUM,
        [QR_API_AVG - QR_API_COUNT] = QR_MEASURE_AVG,
        [QR_API_MIN - QR_API_COUNT] = QR_MEASURE_MIN,
        [QR_API_MAX - QR_API_COUNT] = QR_MEASURE_MAX,
    };
    struct qr_measure measure = {.kind = kinds[field->api->kind - QR_API_COUNT], .field = column};
    if (field->api->kind == QR_API_COUNT) {
        QR_TRY(read_distinct(reader, field, &measure));
    }
    return qr_measures_add(reader, measures, &measure, number);
}

quire_status qr_summary_select(struct qr_reader *reader, const struct qr_select *set,
                               struct qr_measures *measures, uint32_t **numbers)
{
    uint32_t leaves = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        leaves += 1 + (set->fields[i].set != NULL ? set->fields[i].set->count : 0);
    }
    uint32_t *next = qr_arena_alloc(reader->arena, sizeof *next * (leaves + 1), reader->err);
    *numbers = next;
    if (next == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        const struct qr_select_field *field = &set->fields[i];
        if (!qr_summary_has(field)) {
            continue;
        }
        if (field->set == NULL) {
            QR_TRY(qr_summary_measure(reader, field, NULL, measures, next++));
        }
        for (uint32_t f = 0; field->set != NULL && f < field->set->count; f++) {
            if (field->set->fields[f].api != NULL) {
                QR_TRY(qr_summary_measure(reader, field, field->set->fields[f].api->field, measures,
                                          next++));
            }
        }
    }
    return QUIRE_OK;
}

quire_status qr_summary_write(struct qr_reader *reader, const struct qr_select_field *field,
                              const struct qr_measures *measures, const quire_value *values,
                              const uint32_t **numbers, struct qr_json_writer *writer)
{
    if (field->set == NULL) {
        uint32_t number = *(*numbers)++;
        return qr_column_to_json(qr_measure_field(&measures->items[number]), &values[number],
                                 writer, reader->err);
    }
    qr_json_begin_object(writer);
    for (uint32_t f = 0; f < field->set->count; f++) {
        const struct qr_select_field *leaf = &field->set->fields[f];
        qr_json_put_key(writer, leaf->selected->name.data, leaf->selected->name.size);
        if (leaf->api == NULL) {
            qr_json_put_string(writer, field->set->type->name.data, field->set->type->name.size);
            continue;
        }
        uint32_t number = *(*numbers)++;
        QR_TRY(qr_column_to_json(qr_measure_field(&measures->items[number]), &values[number],
                                 writer, reader->err));
    }
    qr_json_end_object(writer);
    return QUIRE_OK;
}

/* ---- without a pass over the rows ---- */

/* A plan for the least or greatest value of a column: the first entry of an index in its order,
 * nulls left out. *found false when no index gives it. */
static quire_status plan_extreme(struct qr_reader *reader, const struct qr_query *query,
                                 const struct qr_measure *measure, struct qr_query *out,
                                 bool *found)
{
    struct qr_filter *present;
    struct qr_order_term *term = qr_arena_alloc_zero(reader->arena, sizeof *term, reader->err);
    bool *columns = qr_arena_alloc_zero(
        reader->arena, sizeof *columns * (query->type->slot_count + 1), reader->err);

    if (term == NULL || columns == NULL) {
        return QUIRE_NO_MEMORY;
    }
    columns[measure->field->column] = true;
    *out = qr_fold_query(query, columns);
    QR_TRY(qr_filter_present(reader, measure->field, &present));
    QR_TRY(qr_filter_and(reader, query->filter, present, &out->filter));
    term->field = measure->field;
    term->descending = measure->kind == QR_MEASURE_MAX;
    out->order = (struct qr_order){.terms = term, .count = 1};
    out->limit = 1;
    out->ties_any = true;
    QR_TRY(qr_plan_choose(reader, out));
    *found = out->path.ordered && out->path.exact && out->path.kind != QR_PATH_SCAN;
    return QUIRE_OK;
}

/* The value at the beginning of a parent's part of the path; null when there is none. */
static quire_status read_extreme(struct qr_reader *reader, struct qr_walk *walk,
                                 const struct qr_model_field *field, int64_t parent,
                                 quire_value *value)
{
    struct qr_row row;
    bool valid;

    *value = quire_null();
    QR_TRY(qr_walk_start(walk, parent));
    QR_TRY(qr_walk_next(walk, &row, &valid));
    if (!valid) {
        return QUIRE_OK;
    }
    if (!walk->path->covering) {
        QR_TRY(qr_reader_row(reader, walk->query->type, row.rowid, &row, &valid));
        if (!valid) {
            return qr_walk_missing_row(reader, walk->query, row.rowid);
        }
    }
    QR_TRY(qr_reader_column(reader, &row, field, value));
    if (row.record == NULL && value->size > 0) {
        value->as.bytes = qr_arena_copy(reader->arena, value->as.bytes, value->size, reader->err);
        qr_arena_reset(&reader->scratch);
        return value->as.bytes == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
    }
    return QUIRE_OK;
}

static quire_status run_extreme(struct qr_reader *reader, const struct qr_query *query,
                                const struct qr_measure *measure, const struct qr_row *parents,
                                size_t parent_count, quire_value *values, size_t stride)
{
    uint64_t before = reader->rows_read;
    struct qr_walk walk;
    quire_status status = qr_walk_open(reader, query, &query->path, &walk);

    for (size_t p = 0; status == QUIRE_OK && p < parent_count; p++) {
        status = read_extreme(reader, &walk, measure->field, parents == NULL ? 0 : parents[p].rowid,
                              &values[p * stride]);
    }
    qr_walk_close(&walk);
    QR_TRY(status);
    return qr_explain_query(reader, query, reader->rows_read - before, parent_count);
}

static quire_status count_rows(struct qr_reader *reader, const struct qr_model_type *type,
                               quire_value *value)
{
    quire_table *table;
    uint64_t count;
    QR_TRY(qr_reader_table(reader, type, &table));
    QR_TRY(quire_table_row_count(table, &count, reader->err));
    *value = quire_int((int64_t)count);
    return qr_explain_lookup(reader, "row count", NULL, 0, 1);
}

static bool is_extreme(const struct qr_measure *measure)
{
    return measure->kind == QR_MEASURE_MIN || measure->kind == QR_MEASURE_MAX;
}

/* *done false: a pass over the rows is needed. */
static quire_status run_quick(struct qr_reader *reader, const struct qr_query *query,
                              const struct qr_measures *measures, const struct qr_row *parents,
                              size_t parent_count, quire_value *values, bool *done)
{
    struct qr_query *plans =
        qr_arena_alloc(reader->arena, sizeof *plans * (measures->count + 1), reader->err);

    *done = false;
    if (plans == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < measures->count; i++) {
        const struct qr_measure *measure = &measures->items[i];
        bool found =
            measure->kind == QR_MEASURE_COUNT && query->filter == NULL && query->relation == NULL;
        if (is_extreme(measure)) {
            QR_TRY(plan_extreme(reader, query, measure, &plans[i], &found));
        }
        if (!found) {
            return QUIRE_OK;
        }
    }
    for (uint32_t i = 0; i < measures->count; i++) {
        const struct qr_measure *measure = &measures->items[i];
        QR_TRY(is_extreme(measure) ? run_extreme(reader, &plans[i], measure, parents, parent_count,
                                                 &values[i], measures->count)
                                   : count_rows(reader, query->type, &values[i]));
    }
    *done = true;
    return QUIRE_OK;
}

/* ---- one pass ---- */

struct pass {
    struct qr_reader *reader;
    const struct qr_measures *measures;
    struct qr_tally *tallies; /* by parent and measure */
    uint64_t rows;
};

static quire_status take_row(void *context, size_t parent, const struct qr_row *row,
                             const quire_value *values, bool *done)
{
    struct pass *pass = context;
    (void)row;
    (void)done;
    pass->rows++;
    return qr_measures_take(pass->reader, pass->reader->arena, pass->measures, values,
                            &pass->tallies[parent * pass->measures->count]);
}

static quire_status run_pass(struct qr_reader *reader, const struct qr_query *query,
                             const struct qr_measures *measures, const struct qr_row *parents,
                             size_t parent_count, quire_value *values)
{
    uint64_t before = reader->rows_read;
    size_t count = measures->count * parent_count;
    struct qr_query *plan = qr_arena_alloc(reader->arena, sizeof *plan, reader->err);
    bool *columns = qr_arena_alloc_zero(
        reader->arena, sizeof *columns * (query->type->slot_count + 1), reader->err);
    struct pass pass = {.reader = reader, .measures = measures};
    struct qr_fold *fold;

    pass.tallies =
        qr_arena_alloc_zero(reader->arena, sizeof *pass.tallies * (count + 1), reader->err);
    if (plan == NULL || columns == NULL || pass.tallies == NULL) {
        return QUIRE_NO_MEMORY;
    }
    qr_measures_columns(measures, columns);
    *plan = qr_fold_query(query, columns);
    QR_TRY(qr_plan_choose(reader, plan));
    QR_TRY(qr_fold_open(reader, plan, &fold));
    QR_TRY(qr_fold_run(fold, parents, parent_count, take_row, &pass));
    for (size_t i = 0; i < count; i++) {
        QR_TRY(qr_measure_result(reader, reader->arena, &measures->items[i % measures->count],
                                 &pass.tallies[i], &values[i]));
    }
    return qr_explain_query(reader, plan, reader->rows_read - before, pass.rows);
}

quire_status qr_summary_run(struct qr_reader *reader, const struct qr_query *query,
                            const struct qr_measures *measures, const struct qr_row *parents,
                            size_t parent_count, quire_value **values)
{
    bool done;
    *values = qr_arena_alloc_zero(
        reader->arena, sizeof **values * (measures->count * parent_count + 1), reader->err);
    if (*values == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(run_quick(reader, query, measures, parents, parent_count, *values, &done));
    return done ? QUIRE_OK : run_pass(reader, query, measures, parents, parent_count, *values);
}
