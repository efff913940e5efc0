/*
 * Filters that hold for every row, or for none, whatever the rows are: what is
 * left of a condition that lost its parts. See filter.h.
 */
#include "graphql/filter.h"

/* Whether every (some) child is constantly `value`. */
static bool all_are(const struct qr_filter *filter, bool value)
{
    for (const struct qr_filter *child = filter->first; child != NULL; child = child->next) {
        if (!qr_filter_is_constant(child, value)) {
            return false;
        }
    }
    return true;
}

static bool some_is(const struct qr_filter *filter, bool value)
{
    for (const struct qr_filter *child = filter->first; child != NULL; child = child->next) {
        if (qr_filter_is_constant(child, value)) {
            return true;
        }
    }
    return false;
}

static bool is_empty_text(const struct qr_filter *filter)
{
    return filter->value_count == 1 && filter->values[0].type == QUIRE_TEXT &&
           filter->values[0].size == 0;
}

/* Whether no value of the field comes before the one to compare with: the empty text, or 0 where
 * rows are counted. */
static bool is_least(const struct qr_filter *filter)
{
    if (filter->field->owner == NULL && filter->field->required) {
        return filter->value_count == 1 && filter->values[0].type == QUIRE_INT &&
               filter->values[0].as.integer <= 0;
    }
    return is_empty_text(filter);
}

/* `%`, or a regular expression that takes everything in its plainest forms. */
static bool takes_any_text(const struct qr_filter *filter)
{
    struct qr_gql_str pattern = {filter->values[0].as.bytes, filter->values[0].size};
    if (filter->op == QR_FILTER_REGEX) {
        return pattern.size == 0 || qr_gql_str_is(pattern, ".*");
    }
    for (size_t i = 0; i < pattern.size; i++) {
        if (pattern.data[i] != '%') {
            return false;
        }
    }
    return pattern.size > 0;
}

/* An operator with nothing to look for says no more than that there is a value. */
static bool compare_is_constant(const struct qr_filter *filter, bool value)
{
    enum qr_filter_operator op = filter->op;
    bool is_null = filter->value_count == 1 && filter->values[0].type == QUIRE_NULL;

    if (op == QR_FILTER_EQUALS || op == QR_FILTER_NOT) {
        return is_null && filter->field->required && value == (op == QR_FILTER_NOT);
    }
    if (op == QR_FILTER_IN || op == QR_FILTER_HAS_SOME) {
        return filter->value_count == 0 && !value;
    }
    if (op == QR_FILTER_NOT_IN || op == QR_FILTER_HAS_EVERY) {
        return filter->value_count == 0 && value;
    }
    if (op == QR_FILTER_LIKE || op == QR_FILTER_REGEX) {
        return value && takes_any_text(filter);
    }
    if (op == QR_FILTER_GTE || op == QR_FILTER_LT) {
        return value == (op == QR_FILTER_GTE) && is_least(filter);
    }
    bool searches =
        op == QR_FILTER_CONTAINS || op == QR_FILTER_STARTS_WITH || op == QR_FILTER_ENDS_WITH;
    return searches && is_empty_text(filter) && value;
}

static bool relation_is_constant(const struct qr_filter *filter, bool value)
{
    bool always = filter->first == NULL || qr_filter_is_constant(filter->first, true);
    bool never = filter->first != NULL && qr_filter_is_constant(filter->first, false);
    switch (filter->quantifier) {
    case QR_FILTER_IS:
        return value
                   ? always && filter->field->role == QR_MODEL_REFERENCE && filter->field->required
                   : never;
    case QR_FILTER_IS_NOT:
        return value
                   ? never
                   : always && filter->field->role == QR_MODEL_REFERENCE && filter->field->required;
    case QR_FILTER_SOME:
        return never && !value;
    case QR_FILTER_EVERY:
        return always && value;
    case QR_FILTER_NO_ROW:
        return never && value;
    }
    return false;
}

bool qr_filter_is_constant(const struct qr_filter *filter, bool value)
{
    if (filter == NULL) {
        return value;
    }
    switch (filter->kind) {
    case QR_FILTER_ALL:
        return value ? all_are(filter, true) : some_is(filter, false);
    case QR_FILTER_ANY:
        return value ? some_is(filter, true) : all_are(filter, false);
    case QR_FILTER_NONE:
        return value ? some_is(filter, false) : all_are(filter, true);
    case QR_FILTER_COMPARE:
        return compare_is_constant(filter, value);
    case QR_FILTER_RELATION:
        return relation_is_constant(filter, value);
    case QR_FILTER_AGGREGATE:
        return qr_filter_is_constant(filter->first, value);
    }
    return false;
}
