/*
 * Aggregates across a relation: see related.h.
 */
#include "graphql/related.h"

#include "graphql/fold.h"

struct qr_related {
    struct qr_reader *reader;
    struct qr_measures measures;
    struct qr_query query;
    struct qr_fold *fold;
    struct qr_tally *tallies;
    quire_value *values;
    struct qr_arena arena; /* of the tallies */
};

static void close_related(void *object)
{
    struct qr_related *related = object;
    qr_arena_free(&related->arena);
}

quire_status qr_related_open(struct qr_reader *reader, const struct qr_model_field *relation,
                             struct qr_filter *filter, const struct qr_measures *measures,
                             struct qr_related **out)
{
    struct qr_arena *arena = reader->arena;
    struct qr_related *related = qr_arena_alloc_zero(arena, sizeof *related, reader->err);
    bool *columns = qr_arena_alloc_zero(arena, sizeof *columns * (relation->target->slot_count + 1),
                                        reader->err);

    if (related == NULL || columns == NULL) {
        return QUIRE_NO_MEMORY;
    }
    related->reader = reader;
    related->measures = *measures;
    related->tallies =
        qr_arena_alloc(arena, sizeof *related->tallies * (measures->count + 1), reader->err);
    related->values =
        qr_arena_alloc_zero(arena, sizeof *related->values * (measures->count + 1), reader->err);
    if (related->tallies == NULL || related->values == NULL) {
        return QUIRE_NO_MEMORY;
    }
    qr_arena_init(&related->arena, arena->allocator, arena->bytes_max);
    QR_TRY(qr_reader_keep(reader, close_related, related));
    qr_measures_columns(measures, columns);
    struct qr_query rows = {.type = relation->target, .relation = relation, .filter = filter};
    related->query = qr_fold_query(&rows, columns);
    QR_TRY(qr_plan_choose(reader, &related->query));
    QR_TRY(qr_fold_open(reader, &related->query, &related->fold));
    *out = related;
    return QUIRE_OK;
}

static quire_status take_row(void *context, size_t parent, const struct qr_row *row,
                             const quire_value *values, bool *done)
{
    struct qr_related *related = context;
    (void)parent;
    (void)row;
    (void)done;
    return qr_measures_take(related->reader, &related->arena, &related->measures, values,
                            related->tallies);
}

quire_status qr_related_run(struct qr_related *related, int64_t rowid, const quire_value **values)
{
    struct qr_row parent = {.rowid = rowid};

    qr_arena_reset(&related->arena);
    memset(related->tallies, 0, sizeof *related->tallies * related->measures.count);
    QR_TRY(qr_fold_run(related->fold, &parent, 1, take_row, related));
    for (uint32_t i = 0; i < related->measures.count; i++) {
        QR_TRY(qr_measure_result(related->reader, &related->arena, &related->measures.items[i],
                                 &related->tallies[i], &related->values[i]));
    }
    *values = related->values;
    return QUIRE_OK;
}

void qr_measure_named(struct qr_gql_str name, enum qr_measure_kind *kind, bool *found)
{
    static const struct {
        const char *name;
        enum qr_measure_kind kind;
    } names[] = {{"count", QR_MEASURE_COUNT},
                 {"sum", QR_MEASURE_SUM},
                 {"avg", QR_MEASURE_AVG},
                 {"min", QR_MEASURE_MIN},
                 {"max", QR_MEASURE_MAX}};

    *found = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !*found; i++) {
        if (qr_gql_str_is(name, names[i].name)) {
            *kind = names[i].kind;
            *found = true;
        }
    }
}
