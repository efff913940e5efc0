/*
 * The types of operations and the list of functions. Types are checked once,
 * when an expression is compiled; what is stored in a column is of its type or
 * null. Pure functions.
 */
#include "engine/expression_internal.h"

const struct qr_function qr_functions[QR_FN_COUNT] = {
    [QR_FN_ABS] = {"abs", 1, 1},           [QR_FN_COALESCE] = {"coalesce", 2, 0},
    [QR_FN_CONTAINS] = {"contains", 2, 2}, [QR_FN_ENDS_WITH] = {"ends_with", 2, 2},
    [QR_FN_FLOAT] = {"float", 1, 1},       [QR_FN_INT] = {"int", 1, 1},
    [QR_FN_LENGTH] = {"length", 1, 1},     [QR_FN_LOWER] = {"lower", 1, 1},
    [QR_FN_NULLIF] = {"nullif", 2, 2},     [QR_FN_STARTS_WITH] = {"starts_with", 2, 2},
    [QR_FN_SUBSTR] = {"substr", 2, 3},     [QR_FN_TRIM] = {"trim", 1, 1},
    [QR_FN_UPPER] = {"upper", 1, 1},
};

/* What an operand may be. */
enum wanted { BOOLS, INTEGERS, NUMBERS, TEXTS, SIZED };

/* One check of the operands of an operation. */
struct check {
    struct qr_operation *operations;
    uint32_t index; /* of the operation */
    uint32_t wrong;
    const char *expected;
};

static bool is_number(unsigned type)
{
    return type == QUIRE_INT || type == QUIRE_FLOAT;
}

static bool is_wanted(unsigned type, enum wanted wanted)
{
    switch (wanted) {
    case BOOLS:
        return type == QUIRE_BOOL;
    case INTEGERS:
        return type == QUIRE_INT;
    case NUMBERS:
        return is_number(type);
    case TEXTS:
        return type == QUIRE_TEXT;
    case SIZED:
        return type == QUIRE_TEXT || type == QUIRE_BLOB || type == QUIRE_LIST;
    }
    return false;
}

static bool refuse(struct check *check, uint32_t operand, const char *expected)
{
    check->wrong = operand;
    check->expected = expected;
    return false;
}

/* Checks the operands from `first` on. */
static bool all(struct check *check, uint32_t first, enum wanted wanted)
{
    static const char *const names[] = {"a condition", "an INT", "a number", "a TEXT",
                                        "a TEXT, BLOB or LIST"};
    const struct qr_operation *operations = check->operations;
    uint32_t at = check->index - 1;
    for (uint32_t left = operations[check->index].count; left > first; left--) {
        if (!is_wanted(operations[at].type, wanted)) {
            return refuse(check, at, names[wanted]);
        }
        at = qr_operand_before(operations, at);
    }
    return true;
}

/* All operands can be compared with the first: numbers with numbers, others with their own type. */
static bool comparable(struct check *check)
{
    const struct qr_operation *operations = check->operations;
    uint32_t first = qr_operand(operations, check->index, 0);
    unsigned type = operations[first].type;
    if (type == QUIRE_LIST) {
        return refuse(check, first, "something else than a LIST, which has no order,");
    }
    for (uint32_t at = check->index - 1; at != first; at = qr_operand_before(operations, at)) {
        unsigned other = operations[at].type;
        if (other != type && !(is_number(other) && is_number(type))) {
            return refuse(check, at, "a value that can be compared with the first");
        }
    }
    return true;
}

static bool same_type(struct check *check)
{
    const struct qr_operation *operations = check->operations;
    uint32_t first = qr_operand(operations, check->index, 0);
    for (uint32_t at = check->index - 1; at != first; at = qr_operand_before(operations, at)) {
        if (operations[at].type != operations[first].type) {
            return refuse(check, at, "a value of the first one's type");
        }
    }
    return true;
}

static bool is_call(struct check *check, quire_type *type)
{
    switch ((enum qr_function_id)check->operations[check->index].function) {
    case QR_FN_ABS:
        *type = (quire_type)check->operations[check->index - 1].type;
        return all(check, 0, NUMBERS);
    case QR_FN_COALESCE:
        *type = (quire_type)check->operations[check->index - 1].type;
        return same_type(check);
    case QR_FN_NULLIF:
        *type = (quire_type)check->operations[qr_operand(check->operations, check->index, 0)].type;
        return comparable(check);
    case QR_FN_CONTAINS:
    case QR_FN_ENDS_WITH:
    case QR_FN_STARTS_WITH:
        *type = QUIRE_BOOL;
        return all(check, 0, TEXTS);
    case QR_FN_FLOAT:
        *type = QUIRE_FLOAT;
        return all(check, 0, NUMBERS);
    case QR_FN_INT:
        *type = QUIRE_INT;
        return all(check, 0, NUMBERS);
    case QR_FN_LENGTH:
        *type = QUIRE_INT;
        return all(check, 0, SIZED);
    case QR_FN_LOWER:
    case QR_FN_TRIM:
    case QR_FN_UPPER:
        *type = QUIRE_TEXT;
        return all(check, 0, TEXTS);
    case QR_FN_SUBSTR: {
        uint32_t first = qr_operand(check->operations, check->index, 0);
        *type = QUIRE_TEXT;
        return check->operations[first].type != QUIRE_TEXT ? refuse(check, first, "a TEXT")
                                                           : all(check, 1, INTEGERS);
    }
    case QR_FN_COUNT:
        break;
    }
    return refuse(check, check->index, "a function");
}

static bool is_arithmetic(struct check *check, quire_type *type)
{
    const struct qr_operation *operations = check->operations;
    *type = QUIRE_INT;
    for (uint32_t i = 0; i < operations[check->index].count; i++) {
        if (operations[qr_operand(operations, check->index, i)].type == QUIRE_FLOAT) {
            *type = QUIRE_FLOAT;
        }
    }
    return all(check, 0, NUMBERS);
}

static bool infer(struct check *check, quire_type *type)
{
    *type = QUIRE_BOOL;
    switch ((enum qr_op)check->operations[check->index].op) {
    case QR_OP_CONSTANT:
    case QR_OP_COLUMN:
        *type = (quire_type)check->operations[check->index].type;
        return true;
    case QR_OP_OR:
    case QR_OP_AND:
    case QR_OP_NOT:
        return all(check, 0, BOOLS);
    case QR_OP_IS_NULL:
        return true;
    case QR_OP_EQ:
    case QR_OP_NE:
    case QR_OP_LT:
    case QR_OP_LE:
    case QR_OP_GT:
    case QR_OP_GE:
    case QR_OP_BETWEEN:
    case QR_OP_IN:
        return comparable(check);
    case QR_OP_CONCAT:
        *type = QUIRE_TEXT;
        return all(check, 0, TEXTS);
    case QR_OP_ADD:
    case QR_OP_SUBTRACT:
    case QR_OP_MULTIPLY:
    case QR_OP_DIVIDE:
    case QR_OP_NEGATE:
        return is_arithmetic(check, type);
    case QR_OP_REMAINDER:
        *type = QUIRE_INT;
        return all(check, 0, INTEGERS);
    case QR_OP_CALL:
        return is_call(check, type);
    }
    return refuse(check, check->index, "an operation");
}

bool qr_expression_infer(struct qr_operation *operations, uint32_t index, uint32_t *wrong,
                         const char **expected)
{
    struct check check = {.operations = operations, .index = index};
    quire_type type;
    if (!infer(&check, &type)) {
        *wrong = check.wrong;
        *expected = check.expected;
        return false;
    }
    operations[index].type = (uint8_t)type;
    return true;
}
