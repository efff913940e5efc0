/*
 * Evaluating expressions: one pass over the operations with a stack of values.
 *
 * No operation fails for the values of its operands: what has no result -
 * overflow, division by zero - is null. Values come from records that may be
 * damaged, so each is checked to have its column's type, and texts are walked
 * without trust in their UTF-8. Memory is the caller's scratch arena.
 */
#include <math.h>
#include <string.h>

#include "catalog/record.h"
#include "engine/expression_internal.h"

struct run {
    const struct qr_expression *expression;
    struct qr_arena *scratch;
    quire_error *err;
};

/* ---- Logic ---- */

static bool is_true(const quire_value *value)
{
    return value->type == QUIRE_BOOL && value->as.boolean;
}

static bool is_false(const quire_value *value)
{
    return value->type == QUIRE_BOOL && !value->as.boolean;
}

/* "and" is false when an operand is, "or" true when one is; else null when one is. */
static quire_value combine(const quire_value *operands, uint32_t count, bool deciding)
{
    bool unknown = false;
    for (uint32_t i = 0; i < count; i++) {
        if (deciding ? is_true(&operands[i]) : is_false(&operands[i])) {
            return quire_bool(deciding);
        }
        unknown = unknown || operands[i].type == QUIRE_NULL;
    }
    return unknown ? quire_null() : quire_bool(!deciding);
}

static bool any_null(const quire_value *operands, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (operands[i].type == QUIRE_NULL) {
            return true;
        }
    }
    return false;
}

static quire_value compare(unsigned op, const quire_value *left, const quire_value *right)
{
    if (left->type == QUIRE_NULL || right->type == QUIRE_NULL) {
        return quire_null();
    }
    int order = quire_value_compare(left, right);
    switch (op) {
    case QR_OP_EQ:
        return quire_bool(order == 0);
    case QR_OP_NE:
        return quire_bool(order != 0);
    case QR_OP_LT:
        return quire_bool(order < 0);
    case QR_OP_LE:
        return quire_bool(order <= 0);
    case QR_OP_GT:
        return quire_bool(order > 0);
    default:
        return quire_bool(order >= 0);
    }
}

static quire_value is_between(const quire_value *operands)
{
    quire_value parts[2] = {compare(QR_OP_GE, &operands[0], &operands[1]),
                            compare(QR_OP_LE, &operands[0], &operands[2])};
    return combine(parts, 2, false);
}

static quire_value is_in(const quire_value *operands, uint32_t count)
{
    bool unknown = false;
    for (uint32_t i = 1; i < count; i++) {
        quire_value same = compare(QR_OP_EQ, &operands[0], &operands[i]);
        if (is_true(&same)) {
            return same;
        }
        unknown = unknown || same.type == QUIRE_NULL;
    }
    return unknown ? quire_null() : quire_bool(false);
}

/* ---- Numbers ---- */

static double to_real(const quire_value *value)
{
    return value->type == QUIRE_INT ? (double)value->as.integer : value->as.real;
}

static bool product_fits(int64_t a, int64_t b)
{
    if (a == 0 || b == 0) {
        return true;
    }
    if (a > 0) {
        return b > 0 ? a <= INT64_MAX / b : b >= INT64_MIN / a;
    }
    return b > 0 ? a >= INT64_MIN / b : b >= INT64_MAX / a;
}

static quire_value integer_result(unsigned op, int64_t a, int64_t b)
{
    switch (op) {
    case QR_OP_ADD:
        return (b > 0 ? a > INT64_MAX - b : a < INT64_MIN - b) ? quire_null() : quire_int(a + b);
    case QR_OP_SUBTRACT:
        return (b < 0 ? a > INT64_MAX + b : a < INT64_MIN + b) ? quire_null() : quire_int(a - b);
    case QR_OP_MULTIPLY:
        return product_fits(a, b) ? quire_int(a * b) : quire_null();
    case QR_OP_DIVIDE:
        return b == 0 || (a == INT64_MIN && b == -1) ? quire_null() : quire_int(a / b);
    default: /* remainder */
        return b == 0 ? quire_null() : quire_int(b == -1 ? 0 : a % b);
    }
}

static quire_value arithmetic(unsigned op, const quire_value *left, const quire_value *right)
{
    if (left->type == QUIRE_NULL || right->type == QUIRE_NULL) {
        return quire_null();
    }
    if (left->type == QUIRE_INT && right->type == QUIRE_INT) {
        return integer_result(op, left->as.integer, right->as.integer);
    }
    double a = to_real(left);
    double b = to_real(right);
    switch (op) {
    case QR_OP_ADD:
        return quire_float(a + b);
    case QR_OP_SUBTRACT:
        return quire_float(a - b);
    case QR_OP_MULTIPLY:
        return quire_float(a * b);
    default:
        return fpclassify(b) == FP_ZERO ? quire_null() : quire_float(a / b);
    }
}

static quire_value negate(const quire_value *value)
{
    if (value->type == QUIRE_INT) {
        return value->as.integer == INT64_MIN ? quire_null() : quire_int(-value->as.integer);
    }
    return value->type == QUIRE_FLOAT ? quire_float(-value->as.real) : quire_null();
}

static quire_value absolute(const quire_value *value)
{
    if (value->type == QUIRE_INT) {
        return value->as.integer < 0 ? negate(value) : *value;
    }
    return quire_float(fabs(value->as.real));
}

/* Towards zero; null for what 64 bits do not hold. */
static quire_value to_integer(const quire_value *value)
{
    if (value->type == QUIRE_INT) {
        return *value;
    }
    double real = value->as.real;
    return real >= -9223372036854775808.0 && real < 9223372036854775808.0 ? quire_int((int64_t)real)
                                                                          : quire_null();
}

/* ---- Texts ---- */

/* Room for a text; NULL with a status when there is none. */
static char *new_text(const struct run *run, uint64_t size, quire_status *status)
{
    if (size > QUIRE_PAYLOAD_MAX) {
        *status =
            qr_fail(run->err, QUIRE_LIMIT, "The expression %.80s makes a text over %zu bytes.",
                    run->expression->text, QUIRE_PAYLOAD_MAX);
        return NULL;
    }
    char *bytes = qr_arena_alloc(run->scratch, (size_t)size, run->err);
    *status = bytes == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
    return bytes;
}

static quire_status concatenate(const struct run *run, const quire_value *operands, uint32_t count,
                                quire_value *result)
{
    uint64_t size = 0;
    quire_status status;
    *result = quire_null();
    if (any_null(operands, count)) {
        return QUIRE_OK;
    }
    for (uint32_t i = 0; i < count; i++) {
        size += operands[i].size;
    }
    char *bytes = new_text(run, size, &status);
    if (bytes == NULL) {
        return status;
    }
    *result = quire_text_n(bytes, (size_t)size);
    for (uint32_t i = 0; i < count; i++) {
        if (operands[i].size > 0) {
            memcpy(bytes, operands[i].as.bytes, operands[i].size);
            bytes += operands[i].size;
        }
    }
    return QUIRE_OK;
}

/* Changes the case of ASCII letters and of no others. */
static quire_status change_case(const struct run *run, const quire_value *text, char first,
                                quire_value *result)
{
    const char *from = text->as.bytes;
    quire_status status;
    char *bytes = new_text(run, text->size, &status);
    if (bytes == NULL) {
        return status;
    }
    for (uint32_t i = 0; i < text->size; i++) {
        bool letter = from[i] >= first && from[i] <= first + 25;
        bytes[i] = letter ? (char)(from[i] ^ 0x20) : from[i];
    }
    *result = quire_text_n(bytes, text->size);
    return QUIRE_OK;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static quire_value trim(const quire_value *text)
{
    const char *bytes = text->as.bytes;
    size_t size = text->size;
    while (size > 0 && is_blank(bytes[size - 1])) {
        size--;
    }
    while (size > 0 && is_blank(*bytes)) {
        bytes++;
        size--;
    }
    return quire_text_n(bytes, size);
}

static bool starts_point(char byte)
{
    return ((unsigned char)byte & 0xC0U) != 0x80U;
}

static quire_status length(const struct run *run, const quire_value *value, quire_value *result)
{
    const char *bytes = value->as.bytes;
    uint32_t count = 0;
    if (value->type == QUIRE_BLOB) {
        count = value->size;
    } else if (value->type == QUIRE_LIST) {
        QR_TRY(quire_record_check(bytes, value->size, &count, run->err));
    } else {
        for (uint32_t i = 0; i < value->size; i++) {
            count += starts_point(bytes[i]);
        }
    }
    *result = quire_int(count);
    return QUIRE_OK;
}

/* The code points from place `start` on, counted from 1, and before place `end`. */
static quire_value substring(const quire_value *text, int64_t start, int64_t end)
{
    const char *bytes = text->as.bytes;
    uint32_t from = text->size;
    uint32_t to = text->size;
    int64_t place = 0;
    for (uint32_t i = 0; i < text->size; i++) {
        place += starts_point(bytes[i]);
        from = from == text->size && place >= start ? i : from;
        to = to == text->size && place >= end ? i : to;
    }
    return quire_text_n(bytes + (from < to ? from : to), from < to ? to - from : 0);
}

static quire_value cut(const quire_value *operands, uint32_t count)
{
    int64_t start = operands[1].as.integer;
    int64_t end = INT64_MAX;
    if (count == 3) {
        int64_t wanted = operands[2].as.integer < 0 ? 0 : operands[2].as.integer;
        end = start > INT64_MAX - wanted ? INT64_MAX : start + wanted;
    }
    return substring(&operands[0], start, end);
}

static bool matches_at(const quire_value *text, uint32_t at, const quire_value *part)
{
    return part->size == 0 ||
           memcmp((const char *)text->as.bytes + at, part->as.bytes, part->size) == 0;
}

static bool contains(const quire_value *text, const quire_value *part)
{
    if (part->size == 0) {
        return true;
    }
    const char *bytes = text->as.bytes;
    uint32_t at = 0;
    while (text->size - at >= part->size) {
        const char *first =
            memchr(bytes + at, *(const char *)part->as.bytes, text->size - at - part->size + 1);
        if (first == NULL) {
            return false;
        }
        at = (uint32_t)(first - bytes);
        if (matches_at(text, at, part)) {
            return true;
        }
        at++;
    }
    return false;
}

static bool ends_with(const quire_value *text, const quire_value *part)
{
    return text->size >= part->size && matches_at(text, text->size - part->size, part);
}

/* ---- Operations ---- */

static quire_value coalesce(const quire_value *operands, uint32_t count)
{
    uint32_t i = 0;
    while (i + 1 < count && operands[i].type == QUIRE_NULL) {
        i++;
    }
    return operands[i];
}

static quire_value null_if(const quire_value *operands)
{
    quire_value same = compare(QR_OP_EQ, &operands[0], &operands[1]);
    return is_true(&same) ? quire_null() : operands[0];
}

static quire_status call(const struct run *run, const struct qr_operation *operation,
                         const quire_value *operands, quire_value *result)
{
    enum qr_function_id function = (enum qr_function_id)operation->function;
    bool takes_null = function == QR_FN_COALESCE || function == QR_FN_NULLIF;
    *result = quire_null();
    if (!takes_null && any_null(operands, operation->count)) {
        return QUIRE_OK;
    }
    switch (function) {
    case QR_FN_ABS:
        *result = absolute(operands);
        break;
    case QR_FN_COALESCE:
        *result = coalesce(operands, operation->count);
        break;
    case QR_FN_CONTAINS:
        *result = quire_bool(contains(&operands[0], &operands[1]));
        break;
    case QR_FN_ENDS_WITH:
        *result = quire_bool(ends_with(&operands[0], &operands[1]));
        break;
    case QR_FN_FLOAT:
        *result = quire_float(to_real(operands));
        break;
    case QR_FN_INT:
        *result = to_integer(operands);
        break;
    case QR_FN_LENGTH:
        return length(run, operands, result);
    case QR_FN_LOWER:
        return change_case(run, operands, 'A', result);
    case QR_FN_UPPER:
        return change_case(run, operands, 'a', result);
    case QR_FN_NULLIF:
        *result = null_if(operands);
        break;
    case QR_FN_STARTS_WITH:
        *result = quire_bool(operands[0].size >= operands[1].size &&
                             matches_at(&operands[0], 0, &operands[1]));
        break;
    case QR_FN_SUBSTR:
        *result = cut(operands, operation->count);
        break;
    case QR_FN_TRIM:
        *result = trim(operands);
        break;
    case QR_FN_COUNT:
        break;
    }
    return QUIRE_OK;
}

static quire_status apply(const struct run *run, const struct qr_operation *operation,
                          const quire_value *operands, quire_value *result)
{
    unsigned op = operation->op;
    switch (op) {
    case QR_OP_OR:
        *result = combine(operands, operation->count, true);
        break;
    case QR_OP_AND:
        *result = combine(operands, operation->count, false);
        break;
    case QR_OP_NOT:
        *result = operands->type == QUIRE_NULL ? *operands : quire_bool(!operands->as.boolean);
        break;
    case QR_OP_IS_NULL:
        *result = quire_bool(operands->type == QUIRE_NULL);
        break;
    case QR_OP_BETWEEN:
        *result = is_between(operands);
        break;
    case QR_OP_IN:
        *result = is_in(operands, operation->count);
        break;
    case QR_OP_CONCAT:
        return concatenate(run, operands, operation->count, result);
    case QR_OP_NEGATE:
        *result = negate(operands);
        break;
    case QR_OP_ADD:
    case QR_OP_SUBTRACT:
    case QR_OP_MULTIPLY:
    case QR_OP_DIVIDE:
    case QR_OP_REMAINDER:
        *result = arithmetic(op, &operands[0], &operands[1]);
        break;
    case QR_OP_CALL:
        return call(run, operation, operands, result);
    default:
        *result = compare(op, &operands[0], &operands[1]);
        break;
    }
    return QUIRE_OK;
}

/* ---- Rows ---- */

/* Evaluates over the values of the columns used. */
static quire_status evaluate(const struct run *run, const quire_value *columns, quire_value *stack,
                             quire_value *value)
{
    const struct qr_expression *expression = run->expression;
    uint32_t top = 0;
    for (uint32_t i = 0; i < expression->operation_count; i++) {
        const struct qr_operation *operation = &expression->operations[i];
        if (operation->op == QR_OP_COLUMN) {
            stack[top++] = columns[operation->column];
        } else if (operation->op == QR_OP_CONSTANT) {
            stack[top++] = operation->constant;
        } else {
            quire_value result;
            top -= operation->count;
            QR_TRY(apply(run, operation, &stack[top], &result));
            stack[top++] = result;
        }
    }
    *value = stack[0];
    return QUIRE_OK;
}

static quire_status check_types(const struct run *run, const quire_value *columns)
{
    const struct qr_expression *expression = run->expression;
    for (uint32_t i = 0; i < expression->column_count; i++) {
        if (columns[i].type != QUIRE_NULL && columns[i].type != expression->column_types[i]) {
            return qr_fail(run->err, QUIRE_CORRUPT,
                           "A row holds a value of type %s in column \"%s\", which is of type %s.",
                           qr_type_name(columns[i].type), expression->column_names[i],
                           qr_type_name(expression->column_types[i]));
        }
    }
    return QUIRE_OK;
}

static quire_value *new_values(const struct run *run)
{
    size_t count = (size_t)run->expression->column_count + run->expression->stack_size;
    return qr_arena_alloc(run->scratch, count * sizeof(quire_value), run->err);
}

quire_status qr_expression_evaluate(const struct qr_expression *expression, const void *record,
                                    size_t size, struct qr_arena *scratch, quire_value *value,
                                    quire_error *err)
{
    struct run run = {expression, scratch, err};
    quire_value *columns = new_values(&run);
    *value = quire_null();
    if (columns == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(
        qr_record_pick(record, size, expression->columns, expression->column_count, columns, err));
    QR_TRY(check_types(&run, columns));
    return evaluate(&run, columns, columns + expression->column_count, value);
}

quire_status qr_expression_evaluate_row(const struct qr_expression *expression,
                                        const quire_value *values, uint32_t count,
                                        struct qr_arena *scratch, quire_value *value,
                                        quire_error *err)
{
    struct run run = {expression, scratch, err};
    quire_value *columns = new_values(&run);
    *value = quire_null();
    if (columns == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < expression->column_count; i++) {
        uint32_t column = expression->columns[i];
        columns[i] = column < count ? values[column] : quire_null();
    }
    QR_TRY(check_types(&run, columns));
    return evaluate(&run, columns, columns + expression->column_count, value);
}

quire_status qr_expression_holds(const struct qr_expression *expression, const void *record,
                                 size_t size, struct qr_arena *scratch, bool *holds,
                                 quire_error *err)
{
    quire_value value;
    *holds = false;
    QR_TRY(qr_expression_evaluate(expression, record, size, scratch, &value, err));
    *holds = is_true(&value);
    return QUIRE_OK;
}
