/*
 * Finished expressions: what the parser leaves becomes an immutable program in
 * the caller's arena; and what can be read off it without a row. No state.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/expression_internal.h"

/* ---- The finished expression ---- */

static int compare_columns(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static uint32_t place_of(const struct qr_expression *expression, uint32_t column)
{
    uint32_t low = 0;
    uint32_t high = expression->column_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (expression->columns[middle] < column) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Lists the columns used, once each, and turns their numbers in the operations into places there.
 */
static quire_status list_columns(const quire_column *columns, struct qr_arena *arena,
                                 struct qr_expression *expression, quire_error *err)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < expression->operation_count; i++) {
        count += expression->operations[i].op == QR_OP_COLUMN;
    }
    expression->columns = qr_arena_alloc(arena, count * sizeof(uint32_t), err);
    expression->column_types = qr_arena_alloc(arena, count * sizeof(quire_type), err);
    expression->column_names = qr_arena_alloc(arena, count * sizeof(const char *), err);
    if (expression->columns == NULL || expression->column_types == NULL ||
        expression->column_names == NULL) {
        return QUIRE_NO_MEMORY;
    }
    uint32_t used = 0;
    for (uint32_t i = 0; i < expression->operation_count; i++) {
        if (expression->operations[i].op == QR_OP_COLUMN) {
            expression->columns[used++] = expression->operations[i].column;
        }
    }
    qsort(expression->columns, used, sizeof(uint32_t), compare_columns);
    for (uint32_t i = 0; i < used; i++) {
        uint32_t column = expression->columns[i];
        if (expression->column_count > 0 &&
            expression->columns[expression->column_count - 1] == column) {
            continue;
        }
        const char *name = columns[column].name;
        uint32_t place = expression->column_count++;
        expression->columns[place] = column;
        expression->column_types[place] = columns[column].type;
        expression->column_names[place] = qr_arena_copy(arena, name, strlen(name) + 1, err);
        if (expression->column_names[place] == NULL) {
            return QUIRE_NO_MEMORY;
        }
    }
    for (uint32_t i = 0; i < expression->operation_count; i++) {
        struct qr_operation *operation = &expression->operations[i];
        if (operation->op == QR_OP_COLUMN) {
            operation->column = place_of(expression, operation->column);
        }
    }
    return QUIRE_OK;
}

static uint32_t measure_stack(const struct qr_expression *expression)
{
    uint32_t size = 0;
    uint32_t largest = 0;
    for (uint32_t i = 0; i < expression->operation_count; i++) {
        size = size - expression->operations[i].count + 1;
        largest = size > largest ? size : largest;
    }
    return largest;
}

quire_status qr_expression_build(const struct qr_operation *operations, uint32_t count,
                                 const quire_column *columns, struct qr_arena *arena,
                                 struct qr_expression **out, quire_error *err)
{
    char text[QR_EXPRESSION_TEXT_MAX];
    struct qr_expression *expression = qr_arena_alloc_zero(arena, sizeof *expression, err);
    if (expression == NULL) {
        return QUIRE_NO_MEMORY;
    }
    expression->operation_count = count;
    expression->operations = (struct qr_operation *)(void *)qr_arena_copy(
        arena, operations, count * sizeof *operations, err);
    if (expression->operations == NULL) {
        return QUIRE_NO_MEMORY;
    }
    expression->stack_size = measure_stack(expression);
    QR_TRY(list_columns(columns, arena, expression, err));
    expression->text_size = qr_expression_print(expression, text, sizeof text);
    if (expression->text_size == 0) {
        return qr_fail(err, QUIRE_LIMIT,
                       "The canonical text of an expression has at most %u bytes.",
                       QR_EXPRESSION_TEXT_MAX);
    }
    expression->text = qr_arena_alloc(arena, expression->text_size + 1, err);
    if (expression->text == NULL) {
        return QUIRE_NO_MEMORY;
    }
    memcpy(expression->text, text, expression->text_size);
    expression->text[expression->text_size] = '\0';
    *out = expression;
    return QUIRE_OK;
}

/* ---- What it is ---- */

quire_type qr_expression_type(const struct qr_expression *expression)
{
    return (quire_type)expression->operations[expression->operation_count - 1].type;
}

const char *qr_expression_text(const struct qr_expression *expression, size_t *size)
{
    if (size != NULL) {
        *size = expression->text_size;
    }
    return expression->text;
}

uint32_t qr_expression_columns(const struct qr_expression *expression, const uint32_t **columns)
{
    *columns = expression->columns;
    return expression->column_count;
}

bool qr_expression_uses(const struct qr_expression *expression, uint32_t column)
{
    uint32_t place = place_of(expression, column);
    return place < expression->column_count && expression->columns[place] == column;
}

int64_t qr_expression_column(const struct qr_expression *expression)
{
    return expression->operation_count == 1 && expression->operations[0].op == QR_OP_COLUMN
               ? (int64_t)expression->columns[0]
               : -1;
}

/* ---- Conditions joined with "and" ---- */

/* Told of one of the conditions that a whole expression joins with "and"; false ends the walk. */
typedef bool (*each_conjunct)(void *context, const struct qr_expression *expression,
                              uint32_t index);

/* Recurses as deep as the operations are nested. */
static bool walk_conjuncts(const struct qr_expression *expression, uint32_t index,
                           each_conjunct each, void *context)
{
    const struct qr_operation *operation = &expression->operations[index];
    if (operation->op != QR_OP_AND) {
        return each(context, expression, index);
    }
    uint32_t at = index - 1;
    for (uint32_t left = operation->count; left > 0; left--) {
        if (!walk_conjuncts(expression, at, each, context)) {
            return false;
        }
        at = qr_operand_before(expression->operations, at);
    }
    return true;
}

struct bound_list {
    struct qr_bound *bounds;
    uint32_t count, room;
};

/* The constant as a value of the column's type, if it is one. */
static bool convert(const struct qr_operation *constant, quire_type type, quire_value *value)
{
    const int64_t exact = INT64_C(1) << 53;
    *value = constant->constant;
    if (value->type == QUIRE_INT && type == QUIRE_FLOAT && value->as.integer <= exact &&
        value->as.integer >= -exact) {
        *value = quire_float((double)value->as.integer);
    }
    return value->type == type;
}

static void add_bound(struct bound_list *list, const struct qr_expression *expression,
                      uint32_t column, enum qr_comparison comparison, uint32_t constant)
{
    const struct qr_operation *operations = expression->operations;
    struct qr_bound bound = {.comparison = comparison};
    if (operations[column].op == QR_OP_COLUMN && operations[constant].op == QR_OP_CONSTANT &&
        convert(&operations[constant], (quire_type)operations[column].type, &bound.value) &&
        list->count < list->room) {
        bound.column = expression->columns[operations[column].column];
        list->bounds[list->count++] = bound;
    }
}

static void add_truth(struct bound_list *list, const struct qr_expression *expression,
                      uint32_t column, bool truth)
{
    const struct qr_operation *operation = &expression->operations[column];
    if (operation->op == QR_OP_COLUMN && list->count < list->room) {
        list->bounds[list->count++] =
            (struct qr_bound){.column = expression->columns[operation->column],
                              .comparison = QR_EQUAL,
                              .value = quire_bool(truth)};
    }
}

static void add_comparison(struct bound_list *list, const struct qr_expression *expression,
                           uint32_t index, enum qr_comparison comparison,
                           enum qr_comparison mirrored)
{
    uint32_t right = index - 1;
    uint32_t left = qr_operand_before(expression->operations, right);
    add_bound(list, expression, left, comparison, right);
    add_bound(list, expression, right, mirrored, left);
}

static bool gather_bounds(void *context, const struct qr_expression *expression, uint32_t index)
{
    struct bound_list *list = context;
    const struct qr_operation *operation = &expression->operations[index];
    switch (operation->op) {
    case QR_OP_EQ:
        add_comparison(list, expression, index, QR_EQUAL, QR_EQUAL);
        break;
    case QR_OP_LT:
        add_comparison(list, expression, index, QR_LESS, QR_GREATER);
        break;
    case QR_OP_LE:
        add_comparison(list, expression, index, QR_LESS_EQUAL, QR_GREATER_EQUAL);
        break;
    case QR_OP_GT:
        add_comparison(list, expression, index, QR_GREATER, QR_LESS);
        break;
    case QR_OP_GE:
        add_comparison(list, expression, index, QR_GREATER_EQUAL, QR_LESS_EQUAL);
        break;
    case QR_OP_BETWEEN: {
        uint32_t value = qr_operand(expression->operations, index, 0);
        uint32_t least = qr_operand(expression->operations, index, 1);
        add_bound(list, expression, value, QR_GREATER_EQUAL, least);
        add_bound(list, expression, value, QR_LESS_EQUAL, index - 1);
        break;
    }
    case QR_OP_COLUMN:
        add_truth(list, expression, index, true);
        break;
    case QR_OP_NOT:
        add_truth(list, expression, index - 1, false);
        break;
    case QR_OP_CALL:
        if (operation->function == QR_FN_STARTS_WITH) {
            add_bound(list, expression, qr_operand(expression->operations, index, 0), QR_PREFIX,
                      index - 1);
        }
        break;
    default:
        break;
    }
    return true;
}

uint32_t qr_expression_bounds(const struct qr_expression *expression, struct qr_bound *bounds,
                              uint32_t room)
{
    struct bound_list list = {.bounds = bounds, .room = room};
    if (qr_expression_type(expression) == QUIRE_BOOL) {
        (void)walk_conjuncts(expression, expression->operation_count - 1, gather_bounds, &list);
    }
    return list.count;
}

/* ---- Implication ---- */

static bool same_operation(const struct qr_expression *a, uint32_t i, const struct qr_expression *b,
                           uint32_t j)
{
    const struct qr_operation *left = &a->operations[i];
    const struct qr_operation *right = &b->operations[j];
    if (left->op != right->op || left->function != right->function || left->type != right->type ||
        left->count != right->count || left->size != right->size) {
        return false;
    }
    if (left->op == QR_OP_COLUMN) {
        return a->columns[left->column] == b->columns[right->column];
    }
    return left->op != QR_OP_CONSTANT ||
           quire_value_compare(&left->constant, &right->constant) == 0;
}

static bool same_subtree(const struct qr_expression *a, uint32_t i, const struct qr_expression *b,
                         uint32_t j)
{
    uint32_t size = a->operations[i].size;
    uint32_t same = 0;
    while (same < size && size == b->operations[j].size &&
           same_operation(a, i - same, b, j - same)) {
        same++;
    }
    return same == size;
}

static bool begins_with(const quire_value *text, const quire_value *prefix)
{
    return text->type == QUIRE_TEXT && text->size >= prefix->size &&
           memcmp(text->as.bytes, prefix->as.bytes, prefix->size) == 0;
}

/* Whether a value that meets `strong` meets `weak`, both of one column. */
static bool bound_implies(const struct qr_bound *strong, const struct qr_bound *weak)
{
    int order = quire_value_compare(&strong->value, &weak->value);
    bool equal = strong->comparison == QR_EQUAL;
    bool above = strong->comparison == QR_GREATER || strong->comparison == QR_GREATER_EQUAL;
    bool below = strong->comparison == QR_LESS || strong->comparison == QR_LESS_EQUAL;
    switch (weak->comparison) {
    case QR_EQUAL:
        return equal && order == 0;
    case QR_LESS:
        return (equal || below) && (order < 0 || (order == 0 && strong->comparison == QR_LESS));
    case QR_LESS_EQUAL:
        return (equal || below) && order <= 0;
    case QR_GREATER:
        return (equal || above) && (order > 0 || (order == 0 && strong->comparison == QR_GREATER));
    case QR_GREATER_EQUAL:
        return (equal || above) && order >= 0;
    case QR_PREFIX:
        return (equal || strong->comparison == QR_PREFIX) &&
               begins_with(&strong->value, &weak->value);
    }
    return false;
}

/* A condition of the weaker expression, looked for among those of the stronger. */
struct search {
    const struct qr_expression *weak;
    uint32_t index;
    int64_t not_null; /* the column that the condition says not to be null, or -1 */
    struct qr_bound bounds[2];
    uint32_t bound_count;
    bool met[2];
    bool found;
};

static bool compare_conjunct(void *context, const struct qr_expression *strong, uint32_t index)
{
    struct search *search = context;
    struct qr_bound bounds[2];
    struct bound_list list = {.bounds = bounds, .room = 2};
    search->found = same_subtree(strong, index, search->weak, search->index);
    (void)gather_bounds(&list, strong, index);
    for (uint32_t i = 0; i < list.count; i++) {
        search->found = search->found || (int64_t)bounds[i].column == search->not_null;
        for (uint32_t j = 0; j < search->bound_count; j++) {
            search->met[j] = search->met[j] || (bounds[i].column == search->bounds[j].column &&
                                                bound_implies(&bounds[i], &search->bounds[j]));
        }
    }
    search->found = search->found || (search->bound_count > 0 && search->met[0] &&
                                      (search->bound_count == 1 || search->met[1]));
    return !search->found;
}

static bool find_conjunct(void *context, const struct qr_expression *weak, uint32_t index)
{
    const struct qr_expression *strong = context;
    const struct qr_operation *operations = weak->operations;
    struct search search = {.weak = weak, .index = index, .not_null = -1};
    struct bound_list list = {.bounds = search.bounds, .room = 2};
    (void)gather_bounds(&list, weak, index);
    /* A comparison gives one bound that says all of it, "between" two. */
    uint32_t whole = operations[index].op == QR_OP_BETWEEN ? 2 : 1;
    search.bound_count = list.count == whole ? whole : 0;
    if (operations[index].op == QR_OP_NOT && operations[index - 1].op == QR_OP_IS_NULL &&
        operations[index - 2].op == QR_OP_COLUMN) {
        search.not_null = (int64_t)weak->columns[operations[index - 2].column];
    }
    (void)walk_conjuncts(strong, strong->operation_count - 1, compare_conjunct, &search);
    return search.found;
}

bool qr_expression_implies(const struct qr_expression *strong, const struct qr_expression *weak)
{
    void *context = (void *)(uintptr_t)strong; /* only read through */
    return qr_expression_type(strong) == QUIRE_BOOL && qr_expression_type(weak) == QUIRE_BOOL &&
           walk_conjuncts(weak, weak->operation_count - 1, find_conjunct, context);
}
