/*
 * Compiling and testing filters: see filter.h.
 *
 * Recursion follows the nesting of the `where` value, which the parser and the
 * JSON reader bound.
 */
#include "graphql/filter.h"

#include <stdlib.h>

#include "catalog/fold.h"
#include "catalog/record.h"
#include "graphql/auth.h"
#include "graphql/column.h"
#include "graphql/like.h"
#include "graphql/regex.h"

/* ---- compiling ---- */

struct operator_name {
    const char *name;
    enum qr_filter_operator op;
};

static const struct operator_name operators[] = {
    {"equals", QR_FILTER_EQUALS},
    {"not", QR_FILTER_NOT},
    {"in", QR_FILTER_IN},
    {"notIn", QR_FILTER_NOT_IN},
    {"lt", QR_FILTER_LT},
    {"lte", QR_FILTER_LTE},
    {"gt", QR_FILTER_GT},
    {"gte", QR_FILTER_GTE},
    {"contains", QR_FILTER_CONTAINS},
    {"startsWith", QR_FILTER_STARTS_WITH},
    {"endsWith", QR_FILTER_ENDS_WITH},
    {"like", QR_FILTER_LIKE},
    {"regex", QR_FILTER_REGEX},
    {"has", QR_FILTER_HAS},
    {"hasSome", QR_FILTER_HAS_SOME},
    {"hasEvery", QR_FILTER_HAS_EVERY},
    {"isEmpty", QR_FILTER_IS_EMPTY},
};

struct qr_filter *qr_filter_new(struct qr_reader *reader, enum qr_filter_kind kind)
{
    struct qr_filter *filter = qr_arena_alloc_zero(reader->arena, sizeof *filter, reader->err);
    if (filter != NULL) {
        filter->kind = kind;
    }
    return filter;
}

void qr_filter_append(struct qr_filter *parent, struct qr_filter *child)
{
    if (parent->last == NULL) {
        parent->first = child;
    } else {
        parent->last->next = child;
    }
    parent->last = child;
}

quire_status qr_filter_refuse_null(struct qr_reader *reader, const struct qr_model_type *type,
                                   struct qr_gql_str name)
{
    return qr_fail(reader->err, QUIRE_QUERY,
                   "\"%.*s\" of %sWhereInput must not be null; use {equals: null} to select rows "
                   "without a value.",
                   QR_GQL_FMT(name), type->table);
}

/* Replaces a text by its case folding, in the arena. */
static quire_status fold_text(struct qr_arena *arena, quire_value *text, quire_error *err)
{
    size_t capacity = text->size;
    while (true) {
        char *folded = qr_arena_alloc(arena, capacity, err);
        if (folded == NULL) {
            return QUIRE_NO_MEMORY;
        }
        size_t size = qr_fold(text->as.bytes, text->size, folded, capacity);
        if (size <= capacity) {
            *text = quire_text_n(folded, size);
            return QUIRE_OK;
        }
        capacity = size;
    }
}

/* The constant of an operator, folded when the comparison ignores case. */
static quire_status compile_constant(struct qr_reader *reader, const struct qr_model_field *field,
                                     const struct qr_gql_value *value, bool insensitive,
                                     quire_value *out)
{
    QR_TRY(qr_column_from_value(field, true, value, reader->arena, out, reader->err));
    if (insensitive && out->type == QUIRE_TEXT) {
        QR_TRY(fold_text(reader->arena, out, reader->err));
    }
    return QUIRE_OK;
}

/* A reference's keys become rowids; 0, which no row has, for a key without a row. */
static quire_status compile_key(struct qr_reader *reader, const struct qr_model_field *field,
                                const struct qr_gql_value *value, quire_value *out)
{
    const struct qr_model_field *key = field->target->key;
    int64_t rowid = 0;
    bool found;
    quire_value constant;

    QR_TRY(qr_column_from_value(key, false, value, reader->arena, &constant, reader->err));
    if (constant.type == QUIRE_NULL) {
        *out = constant;
        return QUIRE_OK;
    }
    QR_TRY(qr_reader_find(reader, key, &constant, &rowid, &found));
    QR_TRY(qr_auth_see(reader, field->target, rowid, &found));
    *out = quire_int(found ? rowid : 0);
    return QUIRE_OK;
}

/* Operators whose constant is a list of values; a custom scalar's one value may be a list too. */
static bool takes_many(enum qr_filter_operator op)
{
    return op == QR_FILTER_IN || op == QR_FILTER_NOT_IN || op == QR_FILTER_HAS_SOME ||
           op == QR_FILTER_HAS_EVERY;
}

static int compare_constants(const void *a, const void *b)
{
    return quire_value_compare(a, b);
}

/* Sorts constants and leaves out those that are there before. */
static void make_set(struct qr_filter *filter)
{
    uint32_t kept = 0;
    if (filter->value_count > 1) {
        qsort(filter->values, filter->value_count, sizeof *filter->values, compare_constants);
    }
    for (uint32_t i = 0; i < filter->value_count; i++) {
        if (kept == 0 || quire_value_compare(&filter->values[kept - 1], &filter->values[i]) != 0) {
            filter->values[kept++] = filter->values[i];
        }
    }
    filter->value_count = kept;
}

static quire_status compile_constants(struct qr_reader *reader, struct qr_filter *filter,
                                      const struct qr_gql_value *value)
{
    bool many = takes_many(filter->op);
    uint32_t count = many ? value->count : 1;

    filter->values =
        qr_arena_alloc(reader->arena, sizeof *filter->values * (count + 1), reader->err);
    if (filter->values == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct qr_gql_value *item = many ? &value->items[i] : value;
        if (filter->field->role == QR_MODEL_REFERENCE) {
            QR_TRY(compile_key(reader, filter->field, item, &filter->values[i]));
        } else if (filter->op == QR_FILTER_IS_EMPTY) {
            filter->values[i] = quire_bool(item->boolean);
        } else {
            bool fold = filter->insensitive && filter->op != QR_FILTER_REGEX;
            QR_TRY(compile_constant(reader, filter->field, item, fold, &filter->values[i]));
        }
    }
    filter->value_count = count;
    if (filter->op == QR_FILTER_IN || filter->op == QR_FILTER_NOT_IN) {
        make_set(filter);
    }
    return QUIRE_OK;
}

static void free_regex(void *regex)
{
    qr_regex_free(regex);
}

/* Compiles the pattern that is the filter's constant. */
static quire_status compile_pattern(struct qr_reader *reader, struct qr_filter *filter)
{
    const quire_value *constant = &filter->values[0];
    struct qr_gql_str pattern = {constant->as.bytes, constant->size};
    struct qr_gql_str prefix = {NULL, 0};

    if (filter->op == QR_FILTER_LIKE) {
        QR_TRY(qr_like_compile(reader->arena, pattern, &filter->like, reader->err));
        prefix = qr_like_prefix(filter->like);
    } else {
        char *text = qr_arena_alloc(reader->arena, pattern.size + 1, reader->err);
        if (text == NULL) {
            return QUIRE_NO_MEMORY;
        }
        QR_TRY(qr_regex_compile(reader->arena->allocator, pattern, filter->insensitive,
                                &filter->regex, reader->err));
        QR_TRY(qr_reader_keep(reader, free_regex, filter->regex));
        prefix = (struct qr_gql_str){text, qr_regex_prefix(pattern, text)};
    }
    if (prefix.size == 0) {
        return QUIRE_OK;
    }
    filter->prefix = quire_text_n(prefix.data, prefix.size);
    /* What an expression matches without regard to case is equal when folded, too. */
    return filter->insensitive && filter->op == QR_FILTER_REGEX
               ? fold_text(reader->arena, &filter->prefix, reader->err)
               : QUIRE_OK;
}

static bool takes_null(enum qr_filter_operator op)
{
    return op == QR_FILTER_EQUALS || op == QR_FILTER_NOT;
}

/* {op: constant, ...} of one column: all must hold. */
quire_status qr_filter_compile_operators(struct qr_reader *reader, const struct qr_model_type *type,
                                         const struct qr_model_field *field,
                                         const struct qr_gql_value *object, uint32_t slot,
                                         struct qr_filter *parent)
{
    const struct qr_gql_value *mode = qr_gql_value_get(object, qr_gql_str_of("mode"));
    bool insensitive = mode != NULL && qr_gql_str_is(mode->text, "insensitive");

    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        const struct qr_gql_value *value =
            qr_gql_value_get(object, qr_gql_str_of(operators[i].name));
        if (value == NULL) {
            continue;
        }
        if (value->kind == QR_GQL_VALUE_NULL && !takes_null(operators[i].op)) {
            return qr_filter_refuse_null(reader, type, qr_gql_str_of(operators[i].name));
        }
        struct qr_filter *filter = qr_filter_new(reader, QR_FILTER_COMPARE);
        if (filter == NULL) {
            return QUIRE_NO_MEMORY;
        }
        filter->field = field;
        filter->op = operators[i].op;
        filter->insensitive = insensitive;
        filter->slot = slot;
        QR_TRY(compile_constants(reader, filter, value));
        if (filter->op == QR_FILTER_LIKE || filter->op == QR_FILTER_REGEX) {
            QR_TRY(compile_pattern(reader, filter));
        }
        qr_filter_append(parent, filter);
    }
    return QUIRE_OK;
}

static const char *const quantifiers[] = {
    [QR_FILTER_IS] = "is",       [QR_FILTER_IS_NOT] = "isNot", [QR_FILTER_SOME] = "some",
    [QR_FILTER_EVERY] = "every", [QR_FILTER_NO_ROW] = "none",
};

static quire_status compile_relation(struct qr_reader *reader, const struct qr_model_type *type,
                                     const struct qr_model_field *field,
                                     const struct qr_gql_value *object, struct qr_filter *parent)
{
    for (size_t i = 0; i < sizeof quantifiers / sizeof quantifiers[0]; i++) {
        const struct qr_gql_value *value = qr_gql_value_get(object, qr_gql_str_of(quantifiers[i]));
        bool single = i == QR_FILTER_IS || i == QR_FILTER_IS_NOT;
        if (value == NULL) {
            continue;
        }
        if (value->kind == QR_GQL_VALUE_NULL && !single) {
            return qr_filter_refuse_null(reader, type, qr_gql_str_of(quantifiers[i]));
        }
        struct qr_filter *filter = qr_filter_new(reader, QR_FILTER_RELATION);
        if (filter == NULL) {
            return QUIRE_NO_MEMORY;
        }
        filter->field = field;
        filter->quantifier = (enum qr_filter_quantifier)i;
        if (value->kind == QR_GQL_VALUE_NULL) {
            /* "is null" is "is not any row". */
            filter->quantifier = i == QR_FILTER_IS ? QR_FILTER_IS_NOT : QR_FILTER_IS;
        } else {
            QR_TRY(qr_filter_compile(reader, field->target, value, &filter->first));
        }
        QR_TRY(qr_filter_see_others(reader, filter));
        QR_TRY(qr_reader_own_table(reader, field->target, &filter->table));
        qr_filter_append(parent, filter);
    }
    return field->role == QR_MODEL_REVERSE || field->role == QR_MODEL_LINKS
               ? qr_filter_compile_related(reader, field, object, parent)
               : QUIRE_OK;
}

/* AND and OR take a list of objects, NOT one. */
static quire_status compile_logic(struct qr_reader *reader, const struct qr_model_type *type,
                                  enum qr_filter_kind kind, const struct qr_gql_value *value,
                                  struct qr_filter *parent)
{
    struct qr_filter *filter = qr_filter_new(reader, kind);
    bool many = value->kind == QR_GQL_VALUE_LIST;
    uint32_t count = many ? value->count : 1;

    if (filter == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct qr_filter *child;
        QR_TRY(qr_filter_compile(reader, type, many ? &value->items[i] : value, &child));
        qr_filter_append(filter, child);
    }
    qr_filter_append(parent, filter);
    return QUIRE_OK;
}

static const struct qr_model_field *find_reference(const struct qr_model_type *type,
                                                   struct qr_gql_str column)
{
    for (uint32_t i = 0; i < type->column_count; i++) {
        if (type->columns[i]->role == QR_MODEL_REFERENCE &&
            qr_gql_str_is(column, type->columns[i]->key_name)) {
            return type->columns[i];
        }
    }
    return NULL;
}

static quire_status compile_reference_key(struct qr_reader *reader,
                                          const struct qr_model_type *type,
                                          const struct qr_model_field *field,
                                          const struct qr_gql_value *value,
                                          struct qr_filter *parent)
{
    struct qr_filter *before = parent->last;
    QR_TRY(qr_auth_check_field(reader->auth, field, QR_AUTH_READ, reader->err));
    QR_TRY(qr_auth_check_type(reader->auth, field->target, QR_AUTH_READ, reader->err));
    QR_TRY(qr_filter_compile_operators(reader, type, field, value, 0, parent));
    struct qr_filter *added = before == NULL ? parent->first : before->next;
    for (; added != NULL && reader->auth != NULL; added = added->next) {
        QR_TRY(qr_filter_see_reference(reader, added));
    }
    return QUIRE_OK;
}

static quire_status compile_member(struct qr_reader *reader, const struct qr_model_type *type,
                                   const struct qr_gql_value_member *member,
                                   struct qr_filter *parent)
{
    const struct qr_gql_value *value = &member->value;
    const struct qr_model_field *field;

    if (value->kind == QR_GQL_VALUE_NULL) {
        return qr_filter_refuse_null(reader, type, member->name);
    }
    if (qr_gql_str_is(member->name, "AND")) {
        return compile_logic(reader, type, QR_FILTER_ALL, value, parent);
    }
    if (qr_gql_str_is(member->name, "OR")) {
        return compile_logic(reader, type, QR_FILTER_ANY, value, parent);
    }
    if (qr_gql_str_is(member->name, "NOT")) {
        return compile_logic(reader, type, QR_FILTER_NONE, value, parent);
    }
    field = qr_model_find_field(type, member->name);
    if (field == NULL) {
        return compile_reference_key(reader, type, find_reference(type, member->name), value,
                                     parent);
    }
    QR_TRY(qr_auth_check_field(reader->auth, field, QR_AUTH_READ, reader->err));
    return qr_model_is_value(field)
               ? qr_filter_compile_operators(reader, type, field, value, 0, parent)
               : compile_relation(reader, type, field, value, parent);
}

quire_status qr_filter_compile(struct qr_reader *reader, const struct qr_model_type *type,
                               const struct qr_gql_value *where, struct qr_filter **out)
{
    *out = NULL;
    if (where == NULL || where->kind == QR_GQL_VALUE_NULL) {
        return QUIRE_OK;
    }
    struct qr_filter *filter = qr_filter_new(reader, QR_FILTER_ALL);
    if (filter == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < where->count; i++) {
        QR_TRY(compile_member(reader, type, &where->members[i], filter));
    }
    *out = filter;
    return QUIRE_OK;
}

quire_status qr_filter_and(struct qr_reader *reader, struct qr_filter *a, struct qr_filter *b,
                           struct qr_filter **out)
{
    if (a == NULL || b == NULL) {
        *out = a == NULL ? b : a;
        return QUIRE_OK;
    }
    struct qr_filter *both = qr_filter_new(reader, QR_FILTER_ALL);
    if (both == NULL) {
        return QUIRE_NO_MEMORY;
    }
    qr_filter_append(both, a);
    qr_filter_append(both, b);
    *out = both;
    return QUIRE_OK;
}

quire_status qr_filter_present(struct qr_reader *reader, const struct qr_model_field *field,
                               struct qr_filter **out)
{
    struct qr_filter *filter = qr_filter_new(reader, QR_FILTER_COMPARE);
    if (filter == NULL) {
        return QUIRE_NO_MEMORY;
    }
    filter->field = field;
    filter->op = QR_FILTER_NOT;
    filter->values = qr_arena_alloc_zero(reader->arena, sizeof *filter->values, reader->err);
    if (filter->values == NULL) {
        return QUIRE_NO_MEMORY;
    }
    filter->values[0] = quire_null();
    filter->value_count = 1;
    *out = filter;
    return QUIRE_OK;
}

void qr_filter_columns(const struct qr_filter *filter, bool *columns)
{
    if (filter == NULL) {
        return;
    }
    switch (filter->kind) {
    case QR_FILTER_ALL:
    case QR_FILTER_ANY:
    case QR_FILTER_NONE:
        for (const struct qr_filter *child = filter->first; child != NULL; child = child->next) {
            qr_filter_columns(child, columns);
        }
        break;
    case QR_FILTER_COMPARE:
        columns[filter->field->column] = true;
        break;
    case QR_FILTER_RELATION:
        if (filter->field->role == QR_MODEL_REFERENCE) {
            columns[filter->field->column] = true;
        }
        break;
    case QR_FILTER_AGGREGATE:
        break;
    }
}

bool qr_filter_is_local(const struct qr_filter *filter)
{
    if (filter == NULL) {
        return true;
    }
    switch (filter->kind) {
    case QR_FILTER_ALL:
    case QR_FILTER_ANY:
    case QR_FILTER_NONE:
        for (const struct qr_filter *child = filter->first; child != NULL; child = child->next) {
            if (!qr_filter_is_local(child)) {
                return false;
            }
        }
        return true;
    case QR_FILTER_COMPARE:
        return filter->field->role != QR_MODEL_COMPUTED;
    case QR_FILTER_RELATION:
    case QR_FILTER_AGGREGATE:
        break;
    }
    return false;
}

/* ---- testing ---- */

/* Where `needle` begins in `text`; -1 when it does not. */
static ptrdiff_t find_text(struct qr_gql_str text, struct qr_gql_str needle)
{
    const char *at = text.data;
    size_t left = text.size;
    if (needle.size == 0) {
        return 0;
    }
    while (left >= needle.size) {
        const char *hit = memchr(at, needle.data[0], left - needle.size + 1);
        if (hit == NULL) {
            return -1;
        }
        if (memcmp(hit, needle.data, needle.size) == 0) {
            return hit - text.data;
        }
        left -= (size_t)(hit - at) + 1;
        at = hit + 1;
    }
    return -1;
}

static bool test_text(enum qr_filter_operator op, const quire_value *value,
                      const quire_value *constant)
{
    struct qr_gql_str text = {value->as.bytes, value->size};
    struct qr_gql_str needle = {constant->as.bytes, constant->size};
    if (op == QR_FILTER_CONTAINS) {
        return find_text(text, needle) >= 0;
    }
    if (needle.size > text.size) {
        return false;
    }
    size_t offset = op == QR_FILTER_ENDS_WITH ? text.size - needle.size : 0;
    return needle.size == 0 || memcmp(text.data + offset, needle.data, needle.size) == 0;
}

static bool is_among(const struct qr_filter *filter, const quire_value *value)
{
    return filter->value_count > 0 && bsearch(value, filter->values, filter->value_count,
                                              sizeof *value, compare_constants) != NULL;
}

static bool test_scalar(const struct qr_filter *filter, const quire_value *value)
{
    const quire_value *constant = &filter->values[0];

    if (takes_null(filter->op) && constant->type == QUIRE_NULL) {
        return (value->type == QUIRE_NULL) == (filter->op == QR_FILTER_EQUALS);
    }
    if (value->type == QUIRE_NULL) {
        return false;
    }
    switch (filter->op) {
    case QR_FILTER_EQUALS:
        return quire_value_compare(value, constant) == 0;
    case QR_FILTER_NOT:
        return quire_value_compare(value, constant) != 0;
    case QR_FILTER_IN:
        return is_among(filter, value);
    case QR_FILTER_NOT_IN:
        return !is_among(filter, value);
    case QR_FILTER_LT:
        return quire_value_compare(value, constant) < 0;
    case QR_FILTER_LTE:
        return quire_value_compare(value, constant) <= 0;
    case QR_FILTER_GT:
        return quire_value_compare(value, constant) > 0;
    case QR_FILTER_GTE:
        return quire_value_compare(value, constant) >= 0;
    case QR_FILTER_CONTAINS:
    case QR_FILTER_STARTS_WITH:
    case QR_FILTER_ENDS_WITH:
        return test_text(filter->op, value, constant);
    case QR_FILTER_LIKE:
        return qr_like_test(filter->like, (struct qr_gql_str){value->as.bytes, value->size});
    case QR_FILTER_REGEX: /* fails, so it is tested elsewhere */
    case QR_FILTER_HAS:
    case QR_FILTER_HAS_SOME:
    case QR_FILTER_HAS_EVERY:
    case QR_FILTER_IS_EMPTY:
        break;
    }
    return false;
}

/* A list column; null has no element and is not empty either. */
static quire_status test_list(struct qr_reader *reader, const struct qr_filter *filter,
                              const quire_value *value, bool *pass)
{
    uint32_t count;
    uint32_t found = 0;

    *pass = false;
    if (value->type != QUIRE_LIST) {
        return QUIRE_OK;
    }
    QR_TRY(quire_record_check(value->as.bytes, value->size, &count, reader->err));
    if (filter->op == QR_FILTER_IS_EMPTY) {
        *pass = (count == 0) == filter->values[0].as.boolean;
        return QUIRE_OK;
    }
    for (uint32_t c = 0; c < filter->value_count; c++) {
        struct qr_record_walk walk;
        bool has = false;
        QR_TRY(qr_reader_step(reader));
        QR_TRY(qr_record_walk_open(&walk, value->as.bytes, value->size, reader->err));
        while (walk.next < walk.columns && !has) {
            quire_value element;
            QR_TRY(qr_record_walk_next(&walk, &element, reader->err));
            has = quire_value_compare(&element, &filter->values[c]) == 0;
        }
        found += has ? 1 : 0;
    }
    *pass = filter->op == QR_FILTER_HAS_SOME ? found > 0 : found == filter->value_count;
    return QUIRE_OK;
}

quire_status qr_filter_test_value(struct qr_reader *reader, const struct qr_filter *filter,
                                  const quire_value *value, bool *pass)
{
    quire_value folded = *value;
    if (filter->op == QR_FILTER_REGEX && value->type == QUIRE_TEXT) {
        struct qr_gql_str text = {value->as.bytes, value->size};
        return qr_regex_test(filter->regex, text, pass, reader->err);
    }
    if (filter->insensitive && value->type == QUIRE_TEXT) {
        QR_TRY(fold_text(&reader->scratch, &folded, reader->err));
    }
    *pass = test_scalar(filter, &folded);
    return QUIRE_OK;
}

static quire_status test_compare(struct qr_reader *reader, const struct qr_filter *filter,
                                 const struct qr_row *row, bool *pass)
{
    quire_value value;
    QR_TRY(qr_reader_column(reader, row, filter->field, &value));
    if (filter->field->role == QR_MODEL_COLUMN && filter->field->list) {
        return test_list(reader, filter, &value, pass);
    }
    return qr_filter_test_value(reader, filter, &value, pass);
}

static quire_status test(struct qr_reader *reader, const struct qr_filter *filter,
                         const struct qr_row *row, bool *pass);

/* One row at the other end. */
static quire_status test_other(struct qr_reader *reader, const struct qr_filter *filter,
                               int64_t rowid, bool *exists, bool *pass)
{
    struct qr_row other = {.rowid = rowid, .place = rowid};
    const void *record;

    QR_TRY(qr_reader_step(reader));
    QR_TRY(quire_table_get(filter->table, rowid, &record, &other.size, exists, reader->err));
    reader->rows_read++;
    *pass = *exists;
    if (!*exists || filter->first == NULL) {
        return QUIRE_OK;
    }
    other.record = record;
    return test(reader, filter->first, &other, pass);
}

/* Whether a quantifier is decided by one more row at the other end. */
static bool decides(enum qr_filter_quantifier quantifier, bool row_passes, bool *pass)
{
    switch (quantifier) {
    case QR_FILTER_IS:
    case QR_FILTER_SOME:
        *pass = row_passes;
        return row_passes;
    case QR_FILTER_IS_NOT:
    case QR_FILTER_NO_ROW:
        *pass = !row_passes;
        return row_passes;
    case QR_FILTER_EVERY:
        *pass = row_passes;
        return !row_passes;
    }
    return true;
}

/* What a quantifier says about no rows at all. */
static bool without_rows(enum qr_filter_quantifier quantifier)
{
    return quantifier == QR_FILTER_IS_NOT || quantifier == QR_FILTER_NO_ROW ||
           quantifier == QR_FILTER_EVERY;
}

static quire_status test_reference(struct qr_reader *reader, const struct qr_filter *filter,
                                   const struct qr_row *row, bool *pass)
{
    quire_value value;
    bool exists;
    bool passes;

    QR_TRY(qr_reader_column(reader, row, filter->field, &value));
    *pass = without_rows(filter->quantifier);
    if (value.type == QUIRE_NULL) {
        return QUIRE_OK;
    }
    QR_TRY(test_other(reader, filter, value.as.integer, &exists, &passes));
    if (exists) {
        decides(filter->quantifier, passes, pass);
    }
    return QUIRE_OK;
}

static quire_status test_reverse(struct qr_reader *reader, const struct qr_filter *filter,
                                 const struct qr_row *row, bool *pass)
{
    quire_value self = quire_int(row->rowid);
    quire_index_range range = {.prefix = &self, .prefix_count = 1};
    quire_index_cursor *cursor;
    quire_status status;
    bool valid = true;
    int index = qr_reader_single_index(filter->table, filter->field->inverse, false);

    *pass = without_rows(filter->quantifier);
    if (index < 0) {
        return qr_fail(reader->err, QUIRE_SCHEMA, "The table %s has no index on %s.",
                       filter->field->target->table, filter->field->inverse->column_name);
    }
    QR_TRY(quire_index_cursor_open(filter->table, (uint32_t)index, &range, &cursor, reader->err));
    for (;;) {
        int64_t rowid;
        bool exists;
        bool passes;
        status = quire_index_cursor_next(cursor, &rowid, &valid, reader->err);
        if (status != QUIRE_OK || !valid) {
            break;
        }
        status = test_other(reader, filter, rowid, &exists, &passes);
        if (status != QUIRE_OK || (exists && decides(filter->quantifier, passes, pass))) {
            break;
        }
    }
    quire_index_cursor_close(cursor);
    return status;
}

static quire_status test_links(struct qr_reader *reader, const struct qr_filter *filter,
                               const struct qr_row *row, bool *pass)
{
    struct qr_link_walk walk;
    quire_status status;
    bool valid = true;

    *pass = without_rows(filter->quantifier);
    QR_TRY(qr_link_walk_open(reader, filter->field, false, &walk));
    status = qr_link_walk_start(&walk, row->rowid);
    while (status == QUIRE_OK) {
        int64_t link;
        int64_t target;
        bool exists;
        bool passes;
        status = qr_link_walk_next(&walk, &link, &target, &valid);
        if (status != QUIRE_OK || !valid) {
            break;
        }
        status = test_other(reader, filter, target, &exists, &passes);
        if (status != QUIRE_OK || (exists && decides(filter->quantifier, passes, pass))) {
            break;
        }
    }
    qr_link_walk_close(&walk);
    return status;
}

static quire_status test_relation(struct qr_reader *reader, const struct qr_filter *filter,
                                  const struct qr_row *row, bool *pass)
{
    switch (filter->field->role) {
    case QR_MODEL_REFERENCE:
        return test_reference(reader, filter, row, pass);
    case QR_MODEL_REVERSE_ONE:
    case QR_MODEL_REVERSE:
        return test_reverse(reader, filter, row, pass);
    case QR_MODEL_LINKS:
        return test_links(reader, filter, row, pass);
    case QR_MODEL_COLUMN:
    case QR_MODEL_COMPUTED:
        break;
    }
    return qr_fail(reader->err, QUIRE_INTERNAL, "A relation filter stands on a column.");
}

static quire_status test_children(struct qr_reader *reader, const struct qr_filter *filter,
                                  const struct qr_row *row, bool *pass)
{
    bool stop = filter->kind == QR_FILTER_ANY; /* the child's outcome that decides */
    for (const struct qr_filter *child = filter->first; child != NULL; child = child->next) {
        bool holds = false;
        QR_TRY(test(reader, child, row, &holds));
        if (holds == stop) {
            *pass = stop != (filter->kind == QR_FILTER_NONE);
            return QUIRE_OK;
        }
    }
    *pass = stop == (filter->kind == QR_FILTER_NONE);
    return QUIRE_OK;
}

static quire_status test(struct qr_reader *reader, const struct qr_filter *filter,
                         const struct qr_row *row, bool *pass)
{
    switch (filter->kind) {
    case QR_FILTER_ALL:
    case QR_FILTER_ANY:
    case QR_FILTER_NONE:
        return test_children(reader, filter, row, pass);
    case QR_FILTER_COMPARE:
        return test_compare(reader, filter, row, pass);
    case QR_FILTER_RELATION:
        return test_relation(reader, filter, row, pass);
    case QR_FILTER_AGGREGATE:
        return qr_filter_test_related(reader, filter, row, pass);
    }
    return qr_fail(reader->err, QUIRE_INTERNAL, "A filter has an unknown kind.");
}

quire_status qr_filter_test(struct qr_reader *reader, const struct qr_filter *filter,
                            const struct qr_row *row, bool *pass)
{
    *pass = true;
    if (filter == NULL) {
        return QUIRE_OK;
    }
    while (filter->kind == QR_FILTER_ALL && filter->first != NULL && filter->first->next == NULL) {
        filter = filter->first;
    }
    return filter->kind == QR_FILTER_COMPARE ? test_compare(reader, filter, row, pass)
                                             : test(reader, filter, row, pass);
}
