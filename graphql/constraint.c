/*
 * Constraints: see constraint.h.
 */
#include "graphql/constraint.h"

#include "catalog/record.h"
#include "graphql/coerce.h"
#include "graphql/column.h"
#include "graphql/model_internal.h"
#include "graphql/regex.h"
#include "graphql/scalar.h"

/* ---- reading ---- */

static bool has_length(const struct qr_model_field *field)
{
    return field->scalar == QR_MODEL_STRING || field->scalar == QR_MODEL_ID ||
           field->scalar == QR_MODEL_BYTES;
}

static bool has_order(const struct qr_model_field *field)
{
    const struct qr_scalar *own = qr_scalar_of_kind(field->scalar);
    return field->scalar == QR_MODEL_INT || field->scalar == QR_MODEL_FLOAT ||
           (own != NULL && own->ordered);
}

static void refuse(struct qr_model_builder *builder, const struct qr_model_field *field,
                   const struct qr_gql_ast_value *at, const char *why)
{
    qr_model_problem(builder, at->pos, "%.*s.%.*s: @constraint %s.", QR_GQL_FMT(field->owner->name),
                     QR_GQL_FMT(field->name), why);
}

static void read_length(struct qr_model_builder *builder, const struct qr_model_field *field,
                        const struct qr_gql_ast_directive *directive, const char *name,
                        int64_t *length)
{
    const struct qr_gql_ast_value *value = qr_model_value_argument(directive, name);
    *length = -1;
    if (value == NULL) {
        return;
    }
    if (!has_length(field)) {
        refuse(builder, field, value, "asks for a length, which String, ID and Bytes have");
    } else if (!qr_scalar_parse_int64(value->text, length) || *length < 0) {
        refuse(builder, field, value, "needs a length that is not negative");
    }
}

static quire_status read_bound(struct qr_model_builder *builder, const struct qr_model_field *field,
                               const struct qr_gql_ast_directive *directive, const char *name,
                               quire_value *bound)
{
    const struct qr_gql_ast_value *literal = qr_model_value_argument(directive, name);
    struct qr_gql_value value;
    bool fits = true;

    *bound = quire_null();
    if (literal == NULL) {
        return QUIRE_OK;
    }
    if (!has_order(field)) {
        refuse(builder, field, literal, "has bounds, for numbers, moments and other ordered types");
        return QUIRE_OK;
    }
    QR_TRY(qr_gql_literal_coerce(builder->arena, field->named, literal, NULL, &value, &fits,
                                 builder->err));
    if (!fits) {
        refuse(builder, field, literal, "has a bound that does not fit the field's type");
        return QUIRE_OK;
    }
    return qr_column_from_value(field, true, &value, builder->arena, bound, builder->err);
}

static quire_status read_pattern(struct qr_model_builder *builder,
                                 const struct qr_model_field *field,
                                 const struct qr_gql_ast_directive *directive,
                                 struct qr_constraint *constraint)
{
    const struct qr_gql_ast_value *value = qr_model_value_argument(directive, "pattern");
    quire_error err = QUIRE_ERROR_INIT;

    if (value == NULL) {
        return QUIRE_OK;
    }
    if (field->scalar != QR_MODEL_STRING && field->scalar != QR_MODEL_ID) {
        refuse(builder, field, value, "has a pattern, for String and ID");
        return QUIRE_OK;
    }
    constraint->pattern = value->text;
    quire_status status =
        qr_regex_compile(builder->arena->allocator, value->text, false, &constraint->regex, &err);
    if (status == QUIRE_QUERY || status == QUIRE_LIMIT) {
        qr_model_problem(builder, value->pos, "%.*s.%.*s: @constraint: %s",
                         QR_GQL_FMT(field->owner->name), QR_GQL_FMT(field->name), err.message);
        return QUIRE_OK;
    }
    if (status != QUIRE_OK && builder->err != NULL) {
        *builder->err = err;
    }
    return status;
}

quire_status qr_model_read_constraint(struct qr_model_builder *builder,
                                      struct qr_model_field *field)
{
    const struct qr_gql_ast_directive *directive = qr_model_directive(field, "constraint");
    if (directive == NULL) {
        return QUIRE_OK;
    }
    if (field->role != QR_MODEL_COLUMN) {
        qr_model_problem(builder, directive->pos,
                         "%.*s.%.*s: @constraint is for a scalar, which this field is not.",
                         QR_GQL_FMT(field->owner->name), QR_GQL_FMT(field->name));
        return QUIRE_OK;
    }
    struct qr_constraint *constraint =
        qr_arena_alloc_zero(builder->arena, sizeof *constraint, builder->err);
    if (constraint == NULL) {
        return QUIRE_NO_MEMORY;
    }
    read_length(builder, field, directive, "minLength", &constraint->min_length);
    read_length(builder, field, directive, "maxLength", &constraint->max_length);
    QR_TRY(read_bound(builder, field, directive, "min", &constraint->min));
    QR_TRY(read_bound(builder, field, directive, "max", &constraint->max));
    constraint->next = builder->model->constraints;
    builder->model->constraints = constraint;
    field->constraint = constraint;
    return read_pattern(builder, field, directive, constraint);
}

void qr_constraints_free(struct qr_constraint *first)
{
    for (; first != NULL; first = first->next) {
        qr_regex_free(first->regex);
    }
}

bool qr_constraint_equal(const struct qr_constraint *a, const struct qr_constraint *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return a->min_length == b->min_length && a->max_length == b->max_length &&
           quire_value_compare(&a->min, &b->min) == 0 &&
           quire_value_compare(&a->max, &b->max) == 0 && qr_gql_str_equal(a->pattern, b->pattern);
}

/* ---- checking ---- */

static int64_t length_of(const quire_value *value)
{
    const char *bytes = value->as.bytes;
    int64_t length = 0;
    if (value->type == QUIRE_BLOB) {
        return value->size;
    }
    for (uint32_t i = 0; i < value->size; i++) {
        length += ((unsigned char)bytes[i] & 0xC0) != 0x80; /* the first byte of a character */
    }
    return length;
}

static quire_status check_length(struct qr_store *store, const struct qr_model_field *field,
                                 const quire_value *value)
{
    const struct qr_constraint *constraint = field->constraint;
    bool least = constraint->min_length >= 0;
    int64_t length = least || constraint->max_length >= 0 ? length_of(value) : 0;
    if (least && length < constraint->min_length) {
        return qr_store_fail(store, QUIRE_CHECK, "CHECK", field,
                             "%s.%.*s has at least %lld %s, not %lld.", field->owner->table,
                             QR_GQL_FMT(field->name), (long long)constraint->min_length,
                             value->type == QUIRE_BLOB ? "bytes" : "characters", (long long)length);
    }
    if (constraint->max_length >= 0 && length > constraint->max_length) {
        return qr_store_fail(store, QUIRE_CHECK, "CHECK", field,
                             "%s.%.*s has at most %lld %s, not %lld.", field->owner->table,
                             QR_GQL_FMT(field->name), (long long)constraint->max_length,
                             value->type == QUIRE_BLOB ? "bytes" : "characters", (long long)length);
    }
    return QUIRE_OK;
}

static quire_status fail_bound(struct qr_store *store, const struct qr_model_field *field,
                               const quire_value *value, const char *side, const quire_value *bound)
{
    struct qr_model_field element = *field;
    element.list = false;
    struct qr_gql_str given;
    struct qr_gql_str wanted;
    struct qr_arena *arena = store->reader->arena;
    QR_TRY(qr_column_show(&element, value, arena, &given, store->reader->err));
    QR_TRY(qr_column_show(&element, bound, arena, &wanted, store->reader->err));
    return qr_store_fail(store, QUIRE_CHECK, "CHECK", field, "%s.%.*s is at %s %.*s, not %.*s.",
                         field->owner->table, QR_GQL_FMT(field->name), side, QR_GQL_FMT(wanted),
                         QR_GQL_FMT(given));
}

static quire_status check_pattern(struct qr_store *store, const struct qr_model_field *field,
                                  const quire_value *value)
{
    const struct qr_constraint *constraint = field->constraint;
    struct qr_gql_str text = {value->as.bytes, value->size};
    bool matches = true;
    if (constraint->regex == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(qr_regex_test(constraint->regex, text, &matches, store->reader->err));
    struct qr_gql_str shown = qr_gql_str_cut(text, 60);
    struct qr_gql_str pattern = qr_gql_str_cut(constraint->pattern, 100);
    return matches ? QUIRE_OK
                   : qr_store_fail(store, QUIRE_CHECK, "CHECK", field,
                                   "%.*s.%.*s matches the pattern %.*s, and \"%.*s\" does not.",
                                   QR_GQL_FMT(field->owner->name), QR_GQL_FMT(field->name),
                                   QR_GQL_FMT(pattern), QR_GQL_FMT(shown));
}

static quire_status check_single(struct qr_store *store, const struct qr_model_field *field,
                                 const quire_value *value)
{
    const struct qr_constraint *constraint = field->constraint;
    if (value->type == QUIRE_NULL) {
        return QUIRE_OK;
    }
    QR_TRY(check_length(store, field, value));
    QR_TRY(check_pattern(store, field, value));
    if (constraint->min.type != QUIRE_NULL && quire_value_compare(value, &constraint->min) < 0) {
        return fail_bound(store, field, value, "least", &constraint->min);
    }
    if (constraint->max.type != QUIRE_NULL && quire_value_compare(value, &constraint->max) > 0) {
        return fail_bound(store, field, value, "most", &constraint->max);
    }
    return QUIRE_OK;
}

quire_status qr_constraint_check(struct qr_store *store, const struct qr_model_field *field,
                                 const quire_value *value)
{
    struct qr_record_walk walk;
    uint32_t count;
    if (field->constraint == NULL || value->type != QUIRE_LIST) {
        return field->constraint == NULL ? QUIRE_OK : check_single(store, field, value);
    }
    QR_TRY(quire_record_check(value->as.bytes, value->size, &count, store->reader->err));
    QR_TRY(qr_record_walk_open(&walk, value->as.bytes, value->size, store->reader->err));
    while (walk.next < walk.columns) {
        quire_value element;
        QR_TRY(qr_record_walk_next(&walk, &element, store->reader->err));
        QR_TRY(check_single(store, field, &element));
    }
    return QUIRE_OK;
}
