/*
 * Filters by aggregates: compiling what `having` and a list relation's filter
 * say of count, sum, avg, min and max, and testing it.
 */
#include "graphql/auth.h"
#include "graphql/filter.h"
#include "graphql/related.h"

/* The operators on one measure's result. */
static quire_status compile_measure(struct qr_reader *reader, const struct qr_model_type *type,
                                    const struct qr_measure *measure,
                                    const struct qr_gql_value *operators,
                                    struct qr_measures *measures, uint32_t base,
                                    struct qr_filter *parent)
{
    uint32_t number;
    QR_TRY(qr_measures_add(reader, measures, measure, &number));
    return qr_filter_compile_operators(reader, type, qr_measure_field(measure), operators,
                                       base + number, parent);
}

quire_status qr_filter_compile_measures(struct qr_reader *reader, const struct qr_model_type *type,
                                        const struct qr_gql_value_member *member,
                                        struct qr_measures *measures, uint32_t base,
                                        struct qr_filter *parent, bool *taken)
{
    const struct qr_gql_value *value = &member->value;
    struct qr_measure measure = {0};

    qr_measure_named(member->name, &measure.kind, taken);
    if (!*taken) {
        return QUIRE_OK;
    }
    if (value->kind == QR_GQL_VALUE_NULL) {
        return qr_filter_refuse_null(reader, type, member->name);
    }
    if (measure.kind == QR_MEASURE_COUNT) {
        return compile_measure(reader, type, &measure, value, measures, base, parent);
    }
    for (uint32_t i = 0; i < value->count; i++) {
        if (value->members[i].value.kind == QR_GQL_VALUE_NULL) {
            return qr_filter_refuse_null(reader, type, value->members[i].name);
        }
        measure.field = qr_model_find_field(type, value->members[i].name);
        QR_TRY(compile_measure(reader, type, &measure, &value->members[i].value, measures, base,
                               parent));
    }
    return QUIRE_OK;
}

quire_status qr_filter_compile_related(struct qr_reader *reader, const struct qr_model_field *field,
                                       const struct qr_gql_value *object, struct qr_filter *parent)
{
    const struct qr_gql_value *where = qr_gql_value_get(object, qr_gql_str_of("where"));
    struct qr_filter *counted;
    struct qr_filter *seen;
    struct qr_measures measures = {0};
    struct qr_filter *filter = qr_filter_new(reader, QR_FILTER_AGGREGATE);
    struct qr_filter *conditions = qr_filter_new(reader, QR_FILTER_ALL);

    if (filter == NULL || conditions == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < object->count; i++) {
        bool taken;
        QR_TRY(qr_filter_compile_measures(reader, field->target, &object->members[i], &measures, 0,
                                          conditions, &taken));
    }
    if (where != NULL && where->kind == QR_GQL_VALUE_NULL) {
        return qr_filter_refuse_null(reader, field->target, qr_gql_str_of("where"));
    }
    if (measures.count == 0) {
        return where == NULL ? QUIRE_OK
                             : qr_fail(reader->err, QUIRE_QUERY,
                                       "\"where\" of %.*s says which rows count, sum, avg, min and "
                                       "max are about; none of them is there.",
                                       QR_GQL_FMT(field->name));
    }
    QR_TRY(qr_filter_compile(reader, field->target, where, &counted));
    QR_TRY(qr_auth_filter(reader, field->target, QR_AUTH_READ, &seen));
    QR_TRY(qr_filter_and(reader, seen, counted, &counted));
    QR_TRY(qr_related_open(reader, field, counted, &measures, &filter->related));
    filter->field = field;
    qr_filter_append(filter, conditions);
    qr_filter_append(parent, filter);
    return QUIRE_OK;
}

quire_status qr_filter_test_related(struct qr_reader *reader, const struct qr_filter *filter,
                                    const struct qr_row *row, bool *pass)
{
    const quire_value *values;
    QR_TRY(qr_related_run(filter->related, row->rowid, &values));
    return qr_filter_test_values(reader, filter->first, values, pass);
}

quire_status qr_filter_test_values(struct qr_reader *reader, const struct qr_filter *filter,
                                   const quire_value *values, bool *pass)
{
    bool stop = filter->kind == QR_FILTER_ANY; /* the child's outcome that decides */
    bool inverse = filter->kind == QR_FILTER_NONE;

    if (filter->kind == QR_FILTER_COMPARE) {
        return qr_filter_test_value(reader, filter, &values[filter->slot], pass);
    }
    for (const struct qr_filter *child = filter->first; child != NULL; child = child->next) {
        bool holds;
        QR_TRY(qr_filter_test_values(reader, child, values, &holds));
        if (holds == stop) {
            *pass = stop != inverse;
            return QUIRE_OK;
        }
    }
    *pass = stop == inverse;
    return QUIRE_OK;
}
