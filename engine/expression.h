/*
 * Expressions over the columns of one row (docs/expressions.md): what views,
 * partial indexes and computed columns store as text.
 *
 * An expression is compiled once against a list of columns and is then
 * immutable: any thread may evaluate it. Its value depends on the record alone.
 * Evaluation of a sound record fails only for want of memory or when a text
 * grows over the size limit; an operation without a result is null.
 *
 * The catalog stores the canonical text (qr_expression_text). Columns are found
 * by name when it is compiled, so columns may be added to a table freely.
 */
#ifndef QR_EXPRESSION_H
#define QR_EXPRESSION_H

#include "base/memory.h"
#include "quire/table.h"

#define QR_EXPRESSION_TEXT_MAX  4096U /* bytes, as given and in canonical form */
#define QR_EXPRESSION_DEPTH_MAX 64U   /* operations within operations */

struct qr_expression;

/*
 * Compiles a text. Everything is allocated in `arena`, which must outlive the
 * expression; `columns` is borrowed for the call. Takes time and memory linear
 * in the text, but for the search of columns by name.
 * Errors: SYNTAX, UNKNOWN_NAME (column or function), TYPE, LIMIT, NO_MEMORY; the
 * message says where, and err->offset is the byte in the text.
 */
quire_status qr_expression_compile(const char *text, size_t size, const quire_column *columns,
                                   uint32_t column_count, struct qr_arena *arena,
                                   struct qr_expression **out, quire_error *err);

/* The type of all values but null. */
quire_type qr_expression_type(const struct qr_expression *expression);

/* The canonical text, NUL-terminated: two texts that differ in spaces, letter case of keywords,
 * spare parentheses or quotes have the same. It compiles to the same expression. */
const char *qr_expression_text(const struct qr_expression *expression, size_t *size);

/* The numbers of the columns used, ascending; returns how many. Borrowed from the expression. */
uint32_t qr_expression_columns(const struct qr_expression *expression, const uint32_t **columns);
bool qr_expression_uses(const struct qr_expression *expression, uint32_t column);

/* The number of the column that the whole expression is, or -1. */
int64_t qr_expression_column(const struct qr_expression *expression);

/*
 * The value for an encoded record; only the columns used are decoded. TEXT,
 * BLOB and LIST values borrow from the record, the expression or `scratch`. What
 * scratch takes is bounded by the expression and the record; reset it between
 * rows, and a walk over many rows allocates nothing anew.
 * Errors: CORRUPT (no record, or a value that is not of its column's type),
 * LIMIT, NO_MEMORY.
 */
quire_status qr_expression_evaluate(const struct qr_expression *expression, const void *record,
                                    size_t size, struct qr_arena *scratch, quire_value *value,
                                    quire_error *err);

/* The same for a row given as values, one a column; those missing are null. */
quire_status qr_expression_evaluate_row(const struct qr_expression *expression,
                                        const quire_value *values, uint32_t count,
                                        struct qr_arena *scratch, quire_value *value,
                                        quire_error *err);

/* Whether a condition holds for a record: its value is true, not false or null. The expression is
 * of type BOOL. */
quire_status qr_expression_holds(const struct qr_expression *expression, const void *record,
                                 size_t size, struct qr_arena *scratch, bool *holds,
                                 quire_error *err);

/* ---- What an index can answer ---- */

enum qr_comparison { QR_EQUAL, QR_LESS, QR_LESS_EQUAL, QR_GREATER, QR_GREATER_EQUAL, QR_PREFIX };

/* A condition that every row must meet for which a whole expression of type BOOL holds: column
 * compared with a constant of the column's own type. QR_PREFIX is starts_with. */
struct qr_bound {
    uint32_t column;
    enum qr_comparison comparison;
    quire_value value; /* borrowed from the expression */
};

/* Lists at most `room` such conditions; returns how many. They need not be the whole expression. */
uint32_t qr_expression_bounds(const struct qr_expression *expression, struct qr_bound *bounds,
                              uint32_t room);

/* Whether every row for which `strong` holds also meets `weak`, as far as can be seen from the
 * parts that they join with "and": false does not say that there is a counterexample. Both are
 * conditions over the same columns. */
bool qr_expression_implies(const struct qr_expression *strong, const struct qr_expression *weak);

#endif
