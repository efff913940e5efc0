/*
 * Update operators: a column's new value made from its old one.
 *
 * An operator on null leaves null, as arithmetic in SQL does; only `append` and
 * `prepend` take null for an empty list. See store.h.
 */
#include <math.h>
#include <stdlib.h>

#include "catalog/record.h"
#include "graphql/auth.h"
#include "graphql/column.h"
#include "graphql/scalar.h"
#include "graphql/store.h"

/* ---- compiling ---- */

static const struct {
    const char *name;
    enum qr_operator_kind kind;
} operators[] = {
    {"set", QR_OPERATOR_NONE},
    {"increment", QR_OPERATOR_INCREMENT},
    {"decrement", QR_OPERATOR_DECREMENT},
    {"multiply", QR_OPERATOR_MULTIPLY},
    {"append", QR_OPERATOR_APPEND},
    {"prepend", QR_OPERATOR_PREPEND},
    {"remove", QR_OPERATOR_REMOVE},
};

static enum qr_operator_kind kind_of(struct qr_gql_str name)
{
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (qr_gql_str_is(name, operators[i].name)) {
            return operators[i].kind;
        }
    }
    return QR_OPERATOR_NONE;
}

/* One field of `apply`: {operator: operand}, or {} where a variable was absent. */
static quire_status compile_operator(struct qr_store *store, const struct qr_model_field *field,
                                     const struct qr_gql_value *object, struct qr_draft *draft)
{
    struct qr_reader *reader = store->reader;
    const struct qr_gql_value_member *member = object->members;
    quire_value *value = &draft->values[field->column];

    if (object->kind == QR_GQL_VALUE_NULL || object->count > 1) {
        return qr_store_fail(store, QUIRE_QUERY, "BAD_INPUT", field,
                             "\"apply\" takes one operator for %s.%.*s.", field->owner->table,
                             QR_GQL_FMT(field->name));
    }
    if (object->count == 0) {
        return QUIRE_OK;
    }
    if (draft->given[field->column]) {
        return qr_store_fail(store, QUIRE_QUERY, "BAD_INPUT", field,
                             "%s.%.*s has a value and an operator; give one of them.",
                             field->owner->table, QR_GQL_FMT(field->name));
    }
    enum qr_operator_kind kind = kind_of(member->name);
    if (kind == QR_OPERATOR_NONE) {
        draft->given[field->column] = true;
    } else { /* what comes of it, or that it fails, tells the value that was there */
        QR_TRY(qr_auth_check_field(reader->auth, field, QR_AUTH_READ, reader->err));
        value = &draft->operators[field->column].operand;
        draft->operators[field->column].kind = kind;
        if (member->value.kind == QR_GQL_VALUE_NULL) {
            return qr_store_fail(store, QUIRE_QUERY, "BAD_INPUT", field,
                                 "The operator \"%.*s\" of %s.%.*s does not take null.",
                                 QR_GQL_FMT(member->name), field->owner->table,
                                 QR_GQL_FMT(field->name));
        }
    }
    return qr_column_from_value(field, false, &member->value, reader->arena, value, reader->err);
}

quire_status qr_operators_compile(struct qr_store *store, const struct qr_gql_value *apply,
                                  struct qr_draft *draft)
{
    const struct qr_gql_path *place = store->place;
    const struct qr_model_type *type = draft->type;

    if (apply == NULL || apply->kind == QR_GQL_VALUE_NULL) {
        return QUIRE_OK;
    }
    draft->operators = qr_arena_alloc_zero(store->reader->arena,
                                           sizeof *draft->operators * (type->column_count + 1),
                                           store->reader->err);
    if (draft->operators == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(qr_store_enter(store, qr_gql_str_of("apply"), 0));
    draft->operators_place = store->place;
    for (uint32_t i = 0; i < apply->count; i++) {
        const struct qr_model_field *field = qr_model_find_field(type, apply->members[i].name);
        QR_TRY(qr_store_enter(store, field->name, 0));
        QR_TRY(qr_auth_check_field(store->reader->auth, field, QR_AUTH_UPDATE, store->reader->err));
        QR_TRY(compile_operator(store, field, &apply->members[i].value, draft));
        store->place = draft->operators_place;
    }
    store->place = place;
    return QUIRE_OK;
}

/* ---- numbers ---- */

static bool add(int64_t a, int64_t b, int64_t *out)
{
    if (b > 0 ? a > INT64_MAX - b : a < INT64_MIN - b) {
        return false;
    }
    *out = a + b;
    return true;
}

static bool subtract(int64_t a, int64_t b, int64_t *out)
{
    if (b > 0 ? a < INT64_MIN + b : a > INT64_MAX + b) {
        return false;
    }
    *out = a - b;
    return true;
}

static bool multiply(int64_t a, int64_t b, int64_t *out)
{
    bool negative = (a < 0) != (b < 0);
    uint64_t x = a < 0 ? 0 - (uint64_t)a : (uint64_t)a;
    uint64_t y = b < 0 ? 0 - (uint64_t)b : (uint64_t)b;
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);

    if (y != 0 && x > limit / y) {
        return false;
    }
    *out = negative ? (int64_t)(0 - x * y) : (int64_t)(x * y);
    return true;
}

static bool compute_int(enum qr_operator_kind kind, int64_t a, int64_t b, int64_t *out)
{
    return kind == QR_OPERATOR_INCREMENT   ? add(a, b, out)
           : kind == QR_OPERATOR_DECREMENT ? subtract(a, b, out)
                                           : multiply(a, b, out);
}

static double compute_float(enum qr_operator_kind kind, double a, double b)
{
    return kind == QR_OPERATOR_INCREMENT ? a + b : kind == QR_OPERATOR_DECREMENT ? a - b : a * b;
}

static enum qr_decimal_operation decimal_operation(enum qr_operator_kind kind)
{
    return kind == QR_OPERATOR_INCREMENT   ? QR_DECIMAL_ADD
           : kind == QR_OPERATOR_DECREMENT ? QR_DECIMAL_SUBTRACT
                                           : QR_DECIMAL_MULTIPLY;
}

static quire_status apply_to_number(struct qr_store *store, const struct qr_model_field *field,
                                    const struct qr_operator *operator, const quire_value * old,
                                    quire_value *out)
{
    bool fits = true;
    if (field->scalar == QR_MODEL_DECIMAL) {
        QR_TRY(qr_decimal_compute(decimal_operation(operator->kind), old, &operator->operand,
                                  &store->reader->scratch, out, &fits, store->reader->err));
    } else if (old->type == QUIRE_INT) {
        int64_t result = 0;
        fits = compute_int(operator->kind, old->as.integer, operator->operand.as.integer, &result);
        fits =
            fits && (field->scalar != QR_MODEL_INT || (result >= INT32_MIN && result <= INT32_MAX));
        *out = quire_int(result);
    } else {
        double result = compute_float(operator->kind, old->as.real, operator->operand.as.real);
        fits = isfinite(result);
        *out = quire_float(result);
    }
    return fits ? QUIRE_OK
                : qr_store_fail(store, QUIRE_QUERY, "BAD_INPUT", field,
                                "The new value of %s.%.*s would leave the range of its type.",
                                field->owner->table, QR_GQL_FMT(field->name));
}

/* ---- lists ---- */

/* The elements of a list value; of null none. */
static quire_status open_list(struct qr_reader *reader, const quire_value *list,
                              quire_value **elements, uint32_t *count)
{
    *count = 0;
    if (list->type == QUIRE_LIST) {
        QR_TRY(quire_record_check(list->as.bytes, list->size, count, reader->err));
    }
    *elements =
        qr_arena_alloc(&reader->scratch, sizeof **elements * ((size_t)*count + 1), reader->err);
    if (*elements == NULL) {
        return QUIRE_NO_MEMORY;
    }
    return *count == 0
               ? QUIRE_OK
               : qr_record_decode(list->as.bytes, list->size, *elements, *count, reader->err);
}

static int compare_elements(const void *a, const void *b)
{
    return quire_value_compare(a, b);
}

/* Whether sorted elements have the value among them. */
static bool holds(const quire_value *sorted, uint32_t count, const quire_value *value)
{
    return count > 0 && bsearch(value, sorted, count, sizeof *value, compare_elements) != NULL;
}

static quire_status apply_to_list(struct qr_store *store, const struct qr_operator *operator,
                                  const quire_value * old, quire_value *out)
{
    struct qr_reader *reader = store->reader;
    bool removes = operator->kind == QR_OPERATOR_REMOVE;
    bool prepends = operator->kind == QR_OPERATOR_PREPEND;
    quire_value *parts[2];
    quire_value *result;
    uint32_t counts[2];
    uint32_t count = 0;

    QR_TRY(open_list(reader, prepends ? &operator->operand : old, &parts[0], &counts[0]));
    QR_TRY(open_list(reader, prepends ? old : &operator->operand, &parts[1], &counts[1]));
    if (counts[0] > UINT32_MAX - counts[1]) {
        return qr_fail(reader->err, QUIRE_LIMIT, "A list has at most %u elements.", UINT32_MAX);
    }
    result = qr_arena_alloc(&reader->scratch, sizeof *result * ((size_t)counts[0] + counts[1] + 1),
                            reader->err);
    if (result == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (removes && counts[1] > 1) {
        qsort(parts[1], counts[1], sizeof *parts[1], compare_elements);
    }
    for (uint32_t i = 0; i < counts[0]; i++) {
        QR_TRY(qr_reader_step(reader));
        if (!removes || !holds(parts[1], counts[1], &parts[0][i])) {
            result[count++] = parts[0][i];
        }
    }
    for (uint32_t i = 0; i < counts[1] && !removes; i++) {
        result[count++] = parts[1][i];
    }
    return qr_column_list(result, count, &reader->scratch, out, reader->err);
}

quire_status qr_operator_apply(struct qr_store *store, const struct qr_model_field *field,
                               const struct qr_operator *operator, const quire_value * old,
                               quire_value *out)
{
    bool fills = operator->kind == QR_OPERATOR_APPEND || operator->kind == QR_OPERATOR_PREPEND;
    if (old->type == QUIRE_NULL && !fills) {
        *out = *old;
        return QUIRE_OK;
    }
    return field->list ? apply_to_list(store, operator, old, out)
                       : apply_to_number(store, field, operator, old, out);
}
