/*
 * A compiled expression: its operations in postfix order, each behind its
 * operands, so that one pass with a stack evaluates it. The subtree of an
 * operation is the `size` operations that end with it.
 */
#ifndef QR_EXPRESSION_INTERNAL_H
#define QR_EXPRESSION_INTERNAL_H

#include "engine/expression.h"

enum qr_op {
    QR_OP_CONSTANT,
    QR_OP_COLUMN,
    QR_OP_OR,  /* 2 or more operands */
    QR_OP_AND, /* 2 or more */
    QR_OP_NOT,
    QR_OP_EQ,
    QR_OP_NE,
    QR_OP_LT,
    QR_OP_LE,
    QR_OP_GT,
    QR_OP_GE,
    QR_OP_IS_NULL,
    QR_OP_BETWEEN, /* value, least, greatest */
    QR_OP_IN,      /* value, then 1 or more */
    QR_OP_CONCAT,  /* 2 or more */
    QR_OP_ADD,
    QR_OP_SUBTRACT,
    QR_OP_MULTIPLY,
    QR_OP_DIVIDE,
    QR_OP_REMAINDER,
    QR_OP_NEGATE,
    QR_OP_CALL
};

/* The functions, in the order of qr_functions. */
enum qr_function_id {
    QR_FN_ABS,
    QR_FN_COALESCE,
    QR_FN_CONTAINS,
    QR_FN_ENDS_WITH,
    QR_FN_FLOAT,
    QR_FN_INT,
    QR_FN_LENGTH,
    QR_FN_LOWER,
    QR_FN_NULLIF,
    QR_FN_STARTS_WITH,
    QR_FN_SUBSTR,
    QR_FN_TRIM,
    QR_FN_UPPER,
    QR_FN_COUNT
};

struct qr_function {
    const char *name;
    uint8_t operands_min;
    uint8_t operands_max; /* 0 = any number */
};
extern const struct qr_function qr_functions[QR_FN_COUNT];

struct qr_operation {
    uint8_t op;       /* enum qr_op */
    uint8_t function; /* of QR_OP_CALL */
    uint8_t type;     /* quire_type of its values */
    uint8_t depth;    /* operations within operations, itself among them */
    uint32_t count;   /* operands */
    uint32_t size;    /* operations of the subtree */
    uint32_t at;      /* byte in the text, for messages while compiling */
    uint32_t column;  /* QR_OP_COLUMN: its number while compiling, then its place in `columns` */
    quire_value constant;
};

struct qr_expression {
    struct qr_operation *operations;
    uint32_t operation_count;
    uint32_t stack_size; /* values that evaluation keeps at most */
    uint32_t *columns;   /* ascending */
    quire_type *column_types;
    const char **column_names; /* in the arena */
    uint32_t column_count;
    char *text;
    size_t text_size;
};

/* The operand before the one that ends at `index`. */
static inline uint32_t qr_operand_before(const struct qr_operation *operations, uint32_t index)
{
    return index - operations[index].size;
}

/* The index of operand `number` of the operation at `index`; walks over those behind it. */
static inline uint32_t qr_operand(const struct qr_operation *operations, uint32_t index,
                                  uint32_t number)
{
    uint32_t at = index - 1;
    for (uint32_t left = operations[index].count - 1; left > number; left--) {
        at = qr_operand_before(operations, at);
    }
    return at;
}

/* Finds the type of the values of the last operation from those of its operands. On a mismatch
 * *wrong is the operation at fault, and *expected says what it should be. */
bool qr_expression_infer(struct qr_operation *operations, uint32_t index, uint32_t *wrong,
                         const char **expected);

/* Makes the parser's operations an expression: the last step of compiling. */
quire_status qr_expression_build(const struct qr_operation *operations, uint32_t count,
                                 const quire_column *columns, struct qr_arena *arena,
                                 struct qr_expression **out, quire_error *err);

/* Writes the canonical text, of at most `room` bytes; returns its size, or 0 when it is longer. */
size_t qr_expression_print(const struct qr_expression *expression, char *text, size_t room);

/* Whether a word is a keyword of the language, in any letter case. */
bool qr_expression_is_keyword(const char *word, size_t size);

#endif
