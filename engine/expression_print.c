/*
 * The canonical text of an expression: one space around operators, keywords and
 * functions in lower case, parentheses and quotes only where they are needed.
 * What is printed compiles to the same expression. Pure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/expression_internal.h"

/* How tightly an operation binds: in a place for a tighter one it needs parentheses. */
enum strength { OR = 1, AND, NOT, COMPARISON, CONCAT, SUM, PRODUCT, NEGATION, PRIMARY };

/* Writes from the end of the buffer to its start, since postfix order gives the last operand first.
 */
struct printer {
    const struct qr_expression *expression;
    char *text;
    size_t start; /* what is written begins here */
    bool full;
};

static void put(struct printer *printer, const char *bytes, size_t size)
{
    if (printer->full || size > printer->start) {
        printer->full = true;
        return;
    }
    printer->start -= size;
    memcpy(printer->text + printer->start, bytes, size);
}

static void put_string(struct printer *printer, const char *text)
{
    put(printer, text, strlen(text));
}

static void put_quoted(struct printer *printer, char quote, const char *bytes, size_t size)
{
    put(printer, &quote, 1);
    for (size_t i = size; i > 0; i--) {
        put(printer, &bytes[i - 1], 1);
        if (bytes[i - 1] == quote) {
            put(printer, &quote, 1);
        }
    }
    put(printer, &quote, 1);
}

static bool is_plain_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    size_t size = strlen(name);
    return strspn(name, letters) > 0 && !qr_expression_is_keyword(name, size) &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")] ==
               '\0';
}

/* The fewest digits that stand for the number, with an exponent of ten; with a point or an exponent
 * in every case. The point is written here since snprintf uses the locale's. */
static void put_real(struct printer *printer, double value)
{
    char text[48];
    char digits[24];
    size_t count = 0;
    int precision = 0;
    do {
        (void)snprintf(text, sizeof text, "%.*e", precision, value);
    } while (precision++ < 16 && (strtod(text, NULL) < value || strtod(text, NULL) > value));
    const char *p = text;
    for (; *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9') {
            digits[count++] = *p;
        }
    }
    long exponent = strtol(p + 1, NULL, 10);
    bool plain = exponent >= 0 && exponent < 15;
    size_t whole = plain ? (size_t)exponent + 1 : 1;
    while (count < whole + plain) {
        digits[count++] = '0';
    }
    if (!plain) {
        char power[24];
        (void)snprintf(power, sizeof power, "e%ld", exponent);
        put_string(printer, power);
    }
    put(printer, digits + whole, count - whole);
    put(printer, ".", count > whole);
    put(printer, digits, whole);
    put(printer, "-", text[0] == '-');
}

static void put_blob(struct printer *printer, const quire_value *value)
{
    put_string(printer, "'");
    for (uint32_t i = value->size; i > 0; i--) {
        char digits[4];
        (void)snprintf(digits, sizeof digits, "%02x", ((const uint8_t *)value->as.bytes)[i - 1]);
        put_string(printer, digits);
    }
    put_string(printer, "x'");
}

static void put_constant(struct printer *printer, const quire_value *value)
{
    char number[24];
    switch ((int)value->type) {
    case QUIRE_BOOL:
        put_string(printer, value->as.boolean ? "true" : "false");
        break;
    case QUIRE_INT:
        (void)snprintf(number, sizeof number, "%lld", (long long)value->as.integer);
        put_string(printer, number);
        break;
    case QUIRE_FLOAT:
        put_real(printer, value->as.real);
        break;
    case QUIRE_BLOB:
        put_blob(printer, value);
        break;
    default:
        put_quoted(printer, '\'', value->as.bytes, value->size);
        break;
    }
}

/* ---- Operations ---- */

static enum strength strength_of(const struct qr_operation *operations, uint32_t index)
{
    switch (operations[index].op) {
    case QR_OP_OR:
        return OR;
    case QR_OP_AND:
        return AND;
    case QR_OP_NOT: {
        unsigned inner = operations[index - 1].op;
        return inner == QR_OP_IS_NULL || inner == QR_OP_BETWEEN || inner == QR_OP_IN ? COMPARISON
                                                                                     : NOT;
    }
    case QR_OP_EQ:
    case QR_OP_NE:
    case QR_OP_LT:
    case QR_OP_LE:
    case QR_OP_GT:
    case QR_OP_GE:
    case QR_OP_IS_NULL:
    case QR_OP_BETWEEN:
    case QR_OP_IN:
        return COMPARISON;
    case QR_OP_CONCAT:
        return CONCAT;
    case QR_OP_ADD:
    case QR_OP_SUBTRACT:
        return SUM;
    case QR_OP_MULTIPLY:
    case QR_OP_DIVIDE:
    case QR_OP_REMAINDER:
        return PRODUCT;
    case QR_OP_NEGATE:
        return NEGATION;
    default:
        return PRIMARY;
    }
}

static void print(struct printer *printer, uint32_t index, enum strength place);

/* Prints the last `number` operands, of which the last one ends at `at`; returns the end of the one
 * before them. */
static uint32_t print_operands(struct printer *printer, uint32_t at, uint32_t number,
                               const char *between, enum strength place)
{
    for (uint32_t left = number; left > 0; left--) {
        print(printer, at, place);
        put_string(printer, left > 1 ? between : "");
        at = qr_operand_before(printer->expression->operations, at);
    }
    return at;
}

static void print_call(struct printer *printer, uint32_t index)
{
    const struct qr_operation *operation = &printer->expression->operations[index];
    put_string(printer, ")");
    (void)print_operands(printer, index - 1, operation->count, ", ", OR);
    put_string(printer, "(");
    put_string(printer, qr_functions[operation->function].name);
}

/* Tests that have a form with "not". */
static void print_test(struct printer *printer, uint32_t index, bool negated)
{
    const struct qr_operation *operation = &printer->expression->operations[index];
    uint32_t value = index - 1;
    if (operation->op == QR_OP_IS_NULL) {
        put_string(printer, negated ? " is not null" : " is null");
    } else if (operation->op == QR_OP_BETWEEN) {
        value = print_operands(printer, value, 2, " and ", CONCAT);
        put_string(printer, negated ? " not between " : " between ");
    } else {
        put_string(printer, ")");
        value = print_operands(printer, value, operation->count - 1, ", ", OR);
        put_string(printer, negated ? " not in (" : " in (");
    }
    print(printer, value, CONCAT);
}

static void print_infix(struct printer *printer, uint32_t index)
{
    static const char *const symbols[] = {
        [QR_OP_EQ] = " = ",     [QR_OP_NE] = " <> ",      [QR_OP_LT] = " < ",
        [QR_OP_LE] = " <= ",    [QR_OP_GT] = " > ",       [QR_OP_GE] = " >= ",
        [QR_OP_ADD] = " + ",    [QR_OP_SUBTRACT] = " - ", [QR_OP_MULTIPLY] = " * ",
        [QR_OP_DIVIDE] = " / ", [QR_OP_REMAINDER] = " % "};
    const struct qr_operation *operations = printer->expression->operations;
    enum strength own = strength_of(operations, index);
    print(printer, index - 1, own + 1);
    put_string(printer, symbols[operations[index].op]);
    /* A chain of sums or products groups from the left; comparisons do not chain. */
    print(printer, qr_operand_before(operations, index - 1), own == COMPARISON ? CONCAT : own);
}

static bool is_whole_zero(const struct qr_operation *operation)
{
    return operation->op == QR_OP_CONSTANT && operation->constant.type == QUIRE_INT &&
           operation->constant.as.integer == 0;
}

static void print_operation(struct printer *printer, uint32_t index)
{
    const struct qr_operation *operation = &printer->expression->operations[index];
    const char *name;
    switch (operation->op) {
    case QR_OP_CONSTANT:
        put_constant(printer, &operation->constant);
        break;
    case QR_OP_COLUMN:
        name = printer->expression->column_names[operation->column];
        if (is_plain_name(name)) {
            put_string(printer, name);
        } else {
            put_quoted(printer, '"', name, strlen(name));
        }
        break;
    case QR_OP_OR:
        (void)print_operands(printer, index - 1, operation->count, " or ", OR);
        break;
    case QR_OP_AND:
        (void)print_operands(printer, index - 1, operation->count, " and ", AND);
        break;
    case QR_OP_CONCAT:
        (void)print_operands(printer, index - 1, operation->count, " || ", CONCAT);
        break;
    case QR_OP_NOT:
        if (strength_of(printer->expression->operations, index) == COMPARISON) {
            print_test(printer, index - 1, true);
        } else {
            print(printer, index - 1, NOT);
            put_string(printer, "not ");
        }
        break;
    case QR_OP_IS_NULL:
    case QR_OP_BETWEEN:
    case QR_OP_IN:
        print_test(printer, index, false);
        break;
    case QR_OP_NEGATE:
        /* A whole zero has no sign: "-0" is read as 0. */
        print(printer, index - 1, NEGATION);
        put_string(printer, is_whole_zero(operation - 1) ? "" : "-");
        break;
    case QR_OP_CALL:
        print_call(printer, index);
        break;
    default:
        print_infix(printer, index);
        break;
    }
}

/* Recurses as deep as the operations are nested. */
static void print(struct printer *printer, uint32_t index, enum strength place)
{
    bool loose = strength_of(printer->expression->operations, index) < place;
    put_string(printer, loose ? ")" : "");
    print_operation(printer, index);
    put_string(printer, loose ? "(" : "");
}

size_t qr_expression_print(const struct qr_expression *expression, char *text, size_t room)
{
    struct printer printer = {.expression = expression, .text = text, .start = room};
    print(&printer, expression->operation_count - 1, OR);
    size_t size = printer.full ? 0 : room - printer.start;
    memmove(text, text + printer.start, size);
    return size;
}
