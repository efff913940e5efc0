/*
 * What rules (auth.h) make of filters: rows that they hide from the caller are
 * not there, for whatever a filter says of them. See filter.h.
 */
#include "graphql/auth.h"
#include "graphql/filter.h"

/* ---- rows ---- */

quire_status qr_filter_compile_own(struct qr_reader *reader, const struct qr_model_type *type,
                                   const struct qr_gql_value *where, struct qr_filter **out)
{
    struct qr_auth *auth = reader->auth;
    reader->auth = NULL;
    quire_status status = qr_filter_compile(reader, type, where, out);
    reader->auth = auth;
    return status;
}

quire_status qr_filter_compile_shown(struct qr_reader *reader, const struct qr_model_type *type,
                                     const struct qr_gql_value *where, struct qr_filter **out)
{
    struct qr_filter *rules;
    struct qr_filter *own = NULL;
    struct qr_filter *given;
    QR_TRY(qr_auth_filter(reader, type, QR_AUTH_READ, &rules));
    QR_TRY(qr_filter_compile(reader, type, where, &given));
    if (type->view_where != NULL) {
        QR_TRY(qr_filter_compile_own(reader, type->view_of, &type->where, &own));
    }
    QR_TRY(qr_filter_and(reader, own, given, &given));
    return qr_filter_and(reader, rules, given, out);
}

/* ---- relations ---- */

quire_status qr_filter_see_others(struct qr_reader *reader, struct qr_filter *filter)
{
    struct qr_filter *seen;
    QR_TRY(qr_auth_filter(reader, filter->field->target, QR_AUTH_READ, &seen));
    if (seen == NULL) {
        return QUIRE_OK;
    }
    if (filter->quantifier != QR_FILTER_EVERY) {
        return qr_filter_and(reader, seen, filter->first, &filter->first);
    }
    struct qr_filter *any = qr_filter_new(reader, QR_FILTER_ANY);
    struct qr_filter *unseen = qr_filter_new(reader, QR_FILTER_NONE);
    if (any == NULL || unseen == NULL) {
        return QUIRE_NO_MEMORY;
    }
    qr_filter_append(unseen, seen);
    qr_filter_append(any, unseen);
    qr_filter_append(any, filter->first);
    filter->first = any;
    return QUIRE_OK;
}

/* ---- keys of references ---- */

/* The condition that a reference leads to a row that the caller sees, or (IS_NOT) that it does not;
 * *out NULL where rules hide none. */
static quire_status compile_seen(struct qr_reader *reader, const struct qr_model_field *field,
                                 enum qr_filter_quantifier quantifier, struct qr_filter **out)
{
    struct qr_filter *seen;
    *out = NULL;
    QR_TRY(qr_auth_filter(reader, field->target, QR_AUTH_READ, &seen));
    if (seen == NULL) {
        return QUIRE_OK;
    }
    *out = qr_filter_new(reader, QR_FILTER_RELATION);
    if (*out == NULL) {
        return QUIRE_NO_MEMORY;
    }
    (*out)->field = field;
    (*out)->quantifier = quantifier;
    (*out)->first = seen;
    return qr_reader_own_table(reader, field->target, &(*out)->table);
}

quire_status qr_filter_see_reference(struct qr_reader *reader, struct qr_filter *filter)
{
    bool is_null = filter->value_count == 1 && filter->values[0].type == QUIRE_NULL;
    bool negative = filter->op == QR_FILTER_NOT || filter->op == QR_FILTER_NOT_IN;
    struct qr_filter *seen;
    if (!negative && !(is_null && filter->op == QR_FILTER_EQUALS)) {
        return QUIRE_OK;
    }
    QR_TRY(compile_seen(reader, filter->field, negative ? QR_FILTER_IS : QR_FILTER_IS_NOT, &seen));
    if (seen == NULL) {
        return QUIRE_OK;
    }
    if (is_null) {
        seen->next = filter->next;
        *filter = *seen;
        return QUIRE_OK;
    }
    struct qr_filter *compare = qr_filter_new(reader, QR_FILTER_COMPARE);
    if (compare == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *compare = *filter;
    compare->next = NULL;
    *filter = (struct qr_filter){.kind = QR_FILTER_ALL, .next = filter->next};
    qr_filter_append(filter, seen);
    qr_filter_append(filter, compare);
    return QUIRE_OK;
}
