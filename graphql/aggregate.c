/*
 * Measures and tallies: see aggregate.h.
 */
#include "graphql/aggregate.h"

#include <math.h>

#include "catalog/key.h"
#include "graphql/auth.h"
#include "graphql/scalar.h"

/* ---- measures ---- */

static const struct qr_model_field int_field = {
    .scalar = QR_MODEL_INT, .column_name = "count", .required = true};
static const struct qr_model_field bigint_field = {.scalar = QR_MODEL_BIGINT, .column_name = "sum"};
static const struct qr_model_field float_field = {.scalar = QR_MODEL_FLOAT, .column_name = "avg"};

bool qr_measure_sums(const struct qr_model_field *field)
{
    return qr_model_is_value(field) && !field->list && qr_model_can_read(field) &&
           (field->scalar == QR_MODEL_INT || field->scalar == QR_MODEL_BIGINT ||
            field->scalar == QR_MODEL_FLOAT || field->scalar == QR_MODEL_DECIMAL);
}

bool qr_measure_orders(const struct qr_model_field *field)
{
    const struct qr_scalar *own = qr_scalar_of_kind(field->scalar);
    return qr_measure_sums(field) ||
           (qr_model_is_value(field) && !field->list && qr_model_can_read(field) &&
            (field->scalar == QR_MODEL_ID || field->scalar == QR_MODEL_STRING ||
             (own != NULL && own->ordered)));
}

const struct qr_model_field *qr_measure_field(const struct qr_measure *measure)
{
    switch (measure->kind) {
    case QR_MEASURE_COUNT:
    case QR_MEASURE_DISTINCT:
        return &int_field;
    case QR_MEASURE_SUM:
    case QR_MEASURE_AVG:
        if (measure->field->scalar == QR_MODEL_DECIMAL) {
            break;
        }
        return measure->kind == QR_MEASURE_AVG || measure->field->scalar == QR_MODEL_FLOAT
                   ? &float_field
                   : &bigint_field;
    case QR_MEASURE_MIN:
    case QR_MEASURE_MAX:
        break;
    }
    return measure->field;
}

static bool same_measure(const struct qr_measure *a, const struct qr_measure *b)
{
    if (a->kind != b->kind || a->field != b->field || a->field_count != b->field_count ||
        a->with_nulls != b->with_nulls) {
        return false;
    }
    for (uint32_t i = 0; i < a->field_count; i++) {
        if (a->fields[i] != b->fields[i]) {
            return false;
        }
    }
    return true;
}

quire_status qr_measures_add(struct qr_reader *reader, struct qr_measures *measures,
                             const struct qr_measure *measure, uint32_t *number)
{
    for (*number = 0; *number < measures->count; (*number)++) {
        if (same_measure(&measures->items[*number], measure)) {
            return QUIRE_OK;
        }
    }
    if (measure->field != NULL) {
        QR_TRY(qr_auth_check_field(reader->auth, measure->field, QR_AUTH_READ, reader->err));
    }
    if (measures->count == measures->capacity) {
        uint32_t capacity = measures->capacity == 0 ? 4 : measures->capacity * 2;
        struct qr_measure *grown =
            qr_arena_alloc(reader->arena, sizeof *grown * capacity, reader->err);
        if (grown == NULL) {
            return QUIRE_NO_MEMORY;
        }
        if (measures->count > 0) {
            memcpy(grown, measures->items, sizeof *grown * measures->count);
        }
        measures->items = grown;
        measures->capacity = capacity;
    }
    measures->items[measures->count++] = *measure;
    return QUIRE_OK;
}

quire_status qr_measure_fields(struct qr_reader *reader, const struct qr_model_type *type,
                               const struct qr_gql_value *names, struct qr_measure *measure)
{
    measure->fields = qr_arena_alloc(
        reader->arena, sizeof(struct qr_model_field *) * (type->slot_count + 1), reader->err);
    if (measure->fields == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t c = 0; c < type->slot_count; c++) {
        bool named = false;
        for (uint32_t i = 0; i < names->count && !named; i++) {
            named = qr_gql_str_is(names->items[i].text, type->columns[c]->key_name);
        }
        if (named) {
            QR_TRY(qr_auth_check_key(reader, type->columns[c]));
            measure->fields[measure->field_count++] = type->columns[c];
        }
    }
    return QUIRE_OK;
}

void qr_measures_columns(const struct qr_measures *measures, bool *columns)
{
    for (uint32_t i = 0; i < measures->count; i++) {
        const struct qr_measure *measure = &measures->items[i];
        if (measure->field != NULL) {
            columns[measure->field->column] = true;
        }
        for (uint32_t f = 0; f < measure->field_count; f++) {
            columns[measure->fields[f]->column] = true;
        }
    }
}

/* ---- taking rows ---- */

static void add_integer(struct qr_tally *tally, int64_t value)
{
    uint64_t low = tally->low + (uint64_t)value;
    tally->high += (value < 0 ? -1 : 0) + (low < tally->low ? 1 : 0);
    tally->low = low;
}

/* A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", 1974. */
static void add_float(struct qr_tally *tally, double value)
{
    double sum = tally->sum + value;
    tally->lost +=
        fabs(tally->sum) >= fabs(value) ? (tally->sum - sum) + value : (value - sum) + tally->sum;
    tally->sum = sum;
}

/* Keeps a value as the extreme; texts in a buffer that grows by doubling. */
static quire_status keep_extreme(struct qr_reader *reader, struct qr_arena *arena,
                                 struct qr_tally *tally, const quire_value *value)
{
    tally->extreme = *value;
    if (value->size == 0) {
        return QUIRE_OK;
    }
    if (value->size > tally->capacity) {
        uint32_t capacity = value->size < UINT32_MAX / 2 ? value->size * 2 : value->size;
        tally->buffer = qr_arena_alloc(arena, capacity, reader->err);
        if (tally->buffer == NULL) {
            return qr_gql_memory_status(reader->err);
        }
        tally->capacity = capacity;
    }
    memcpy(tally->buffer, value->as.bytes, value->size);
    tally->extreme.as.bytes = tally->buffer;
    return QUIRE_OK;
}

static quire_status too_large(struct qr_reader *reader, const struct qr_measure *measure)
{
    static const char *const types[] = {"BigInt", "Float", "Decimal"};
    enum qr_model_scalar scalar = measure->field->scalar;
    int type = scalar == QR_MODEL_FLOAT ? 1 : scalar == QR_MODEL_DECIMAL ? 2 : 0;
    return qr_fail(reader->err, QUIRE_LIMIT, "The sum of %s.%s is too large for a %s.",
                   measure->field->owner->table, measure->field->column_name, types[type]);
}

/* The sum so far is kept where extremes are. */
static quire_status add_decimal(struct qr_reader *reader, struct qr_arena *arena,
                                const struct qr_measure *measure, const quire_value *value,
                                struct qr_tally *tally)
{
    quire_value sum = *value;
    bool fits = true;
    if (tally->count > 1) {
        QR_TRY(qr_decimal_compute(QR_DECIMAL_ADD, &tally->extreme, value, &reader->scratch, &sum,
                                  &fits, reader->err));
    }
    return fits ? keep_extreme(reader, arena, tally, &sum) : too_large(reader, measure);
}

static quire_status take_distinct(struct qr_reader *reader, struct qr_arena *arena,
                                  const struct qr_measure *measure, const quire_value *values,
                                  struct qr_tally *tally)
{
    struct qr_key *key = &reader->key;
    uint32_t number;
    bool added;

    qr_key_clear(key);
    for (uint32_t i = 0; i < measure->field_count; i++) {
        const quire_value *value = &values[measure->fields[i]->column];
        if (value->type == QUIRE_NULL && !measure->with_nulls) {
            return QUIRE_OK;
        }
        QR_TRY(qr_key_append(key, value, false, reader->err));
    }
    struct qr_gql_str bytes = {(const char *)key->bytes, key->size};
    return qr_key_table_put(&tally->keys, arena, bytes, &number, &added, reader->err);
}

static quire_status take(struct qr_reader *reader, struct qr_arena *arena,
                         const struct qr_measure *measure, const quire_value *value,
                         struct qr_tally *tally)
{
    if (value->type == QUIRE_NULL) {
        return QUIRE_OK;
    }
    tally->count++;
    if (measure->kind == QR_MEASURE_MIN || measure->kind == QR_MEASURE_MAX) {
        int order = tally->count == 1 ? 0 : quire_value_compare(value, &tally->extreme);
        bool better = measure->kind == QR_MEASURE_MIN ? order < 0 : order > 0;
        return tally->count == 1 || better ? keep_extreme(reader, arena, tally, value) : QUIRE_OK;
    }
    if (measure->field->scalar == QR_MODEL_DECIMAL) {
        return add_decimal(reader, arena, measure, value, tally);
    }
    if (value->type == QUIRE_INT) {
        add_integer(tally, value->as.integer);
    } else if (value->type == QUIRE_FLOAT) {
        add_float(tally, value->as.real);
    }
    return QUIRE_OK;
}

quire_status qr_measures_take(struct qr_reader *reader, struct qr_arena *arena,
                              const struct qr_measures *measures, const quire_value *values,
                              struct qr_tally *tallies)
{
    for (uint32_t i = 0; i < measures->count; i++) {
        const struct qr_measure *measure = &measures->items[i];
        if (measure->kind == QR_MEASURE_COUNT) {
            tallies[i].count++;
        } else if (measure->kind == QR_MEASURE_DISTINCT) {
            QR_TRY(take_distinct(reader, arena, measure, values, &tallies[i]));
        } else {
            QR_TRY(take(reader, arena, measure, &values[measure->field->column], &tallies[i]));
        }
    }
    return QUIRE_OK;
}

/* ---- results ---- */

/* The double nearest to the exact sum, but for one more rounding where it takes more than 64
 * bits. */
static double integer_sum(const struct qr_tally *tally)
{
    bool negative = tally->high < 0;
    uint64_t high = (uint64_t)tally->high;
    uint64_t low = tally->low;
    if (negative) {
        low = 0 - low;
        high = ~high + (low == 0 ? 1 : 0);
    }
    double magnitude = (double)high * 18446744073709551616.0 + (double)low;
    return negative ? -magnitude : magnitude;
}

static double float_sum(const struct qr_tally *tally)
{
    /* Beyond the range of a double what was lost is no number. */
    return isfinite(tally->sum) ? tally->sum + tally->lost : tally->sum;
}

/* Of at least one value. */
static quire_status result_of_numbers(struct qr_reader *reader, struct qr_arena *arena,
                                      const struct qr_measure *measure,
                                      const struct qr_tally *tally, quire_value *result)
{
    bool average = measure->kind == QR_MEASURE_AVG;
    double count = average ? (double)tally->count : 1;
    if (measure->field->scalar == QR_MODEL_DECIMAL) {
        *result = tally->extreme;
        return average
                   ? qr_decimal_divide(&tally->extreme, tally->count, arena, result, reader->err)
                   : QUIRE_OK;
    }
    if (measure->field->scalar == QR_MODEL_FLOAT) {
        *result = quire_float(float_sum(tally) / count);
        return isfinite(result->as.real) ? QUIRE_OK : too_large(reader, measure);
    }
    if (average) {
        *result = quire_float(integer_sum(tally) / count);
        return QUIRE_OK;
    }
    bool fits = tally->low <= INT64_MAX ? tally->high == 0 : tally->high == -1;
    *result = quire_int((int64_t)tally->low);
    return fits ? QUIRE_OK : too_large(reader, measure);
}

quire_status qr_measure_result(struct qr_reader *reader, struct qr_arena *arena,
                               const struct qr_measure *measure, const struct qr_tally *tally,
                               quire_value *result)
{
    *result = quire_null();
    switch (measure->kind) {
    case QR_MEASURE_COUNT:
        *result = quire_int((int64_t)tally->count);
        break;
    case QR_MEASURE_DISTINCT:
        *result = quire_int((int64_t)tally->keys.count);
        break;
    case QR_MEASURE_SUM:
    case QR_MEASURE_AVG:
        return tally->count == 0 ? QUIRE_OK
                                 : result_of_numbers(reader, arena, measure, tally, result);
    case QR_MEASURE_MIN:
    case QR_MEASURE_MAX:
        if (tally->count > 0) {
            *result = tally->extreme;
        }
        break;
    }
    return QUIRE_OK;
}
