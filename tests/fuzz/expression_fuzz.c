/*
 * Any bytes as an expression and, behind a zero byte, as the row that it is
 * evaluated on. What compiles has a canonical text that compiles to the same;
 * both have the same value, of the type that was promised; and an expression
 * implies itself.
 */
#include <string.h>

#include "engine/expression.h"
#include "fuzz/fuzz.h"

static const quire_column columns[] = {
    {"id", QUIRE_INT, false},      {"name", QUIRE_TEXT, false}, {"amount", QUIRE_FLOAT, false},
    {"active", QUIRE_BOOL, false}, {"data", QUIRE_BLOB, false}, {"tags", QUIRE_LIST, false},
    {"a \"b\"", QUIRE_TEXT, false}};

enum { COLUMNS = sizeof columns / sizeof columns[0] };

/* The input's row, or one that is always there. */
static size_t make_row(const struct fuzz_parts *parts, uint8_t *record, size_t room)
{
    uint32_t count;
    if (parts->second_size > 0 && parts->second_size <= room) {
        memcpy(record, parts->second, parts->second_size);
        if (quire_record_check(record, parts->second_size, &count, NULL) == QUIRE_OK) {
            return parts->second_size;
        }
    }
    quire_value values[] = {quire_int(INT64_MAX), quire_text("a b"), quire_float(-0.5),
                            quire_bool(true), quire_blob("x", 1)};
    return quire_record_encode(values, 5, record);
}

static quire_status compile(const char *text, size_t size, struct qr_arena *arena,
                            struct qr_expression **out)
{
    quire_error err = QUIRE_ERROR_INIT;
    quire_status status = qr_expression_compile(text, size, columns, COLUMNS, arena, out, &err);
    FUZZ_REQUIRE(status == QUIRE_OK || (err.status == status && err.message[0] != '\0'));
    FUZZ_REQUIRE(status == QUIRE_OK || status == QUIRE_SYNTAX || status == QUIRE_TYPE ||
                 status == QUIRE_UNKNOWN_NAME || status == QUIRE_LIMIT);
    return status;
}

static void compare(const struct qr_expression *first, const struct qr_expression *second,
                    const uint8_t *record, size_t size, struct qr_arena *scratch)
{
    quire_value a, b;
    quire_status status = qr_expression_evaluate(first, record, size, scratch, &a, NULL);
    FUZZ_REQUIRE(status == QUIRE_OK || status == QUIRE_CORRUPT);
    FUZZ_REQUIRE(qr_expression_evaluate(second, record, size, scratch, &b, NULL) == status);
    FUZZ_REQUIRE(a.type == b.type && quire_value_compare(&a, &b) == 0);
    FUZZ_REQUIRE(a.type == QUIRE_NULL || a.type == qr_expression_type(first));
    FUZZ_REQUIRE(a.type != QUIRE_TEXT || status != QUIRE_OK || a.size <= QUIRE_PAYLOAD_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_parts parts = fuzz_split(data, size);
    struct qr_arena arena;
    struct qr_expression *expression;
    uint8_t record[4096];
    qr_arena_init(&arena, qr_allocator_default(), 0);
    if (compile(parts.first, parts.first_size, &arena, &expression) == QUIRE_OK) {
        struct qr_expression *again;
        struct qr_bound bounds[8];
        size_t text_size, again_size;
        const char *text = qr_expression_text(expression, &text_size);
        FUZZ_REQUIRE(compile(text, text_size, &arena, &again) == QUIRE_OK);
        const char *text_again = qr_expression_text(again, &again_size);
        FUZZ_REQUIRE(text_size == again_size && memcmp(text, text_again, text_size) == 0);
        FUZZ_REQUIRE(qr_expression_type(again) == qr_expression_type(expression));
        FUZZ_REQUIRE(qr_expression_bounds(expression, bounds, 8) <= 8);
        FUZZ_REQUIRE(qr_expression_implies(expression, again) ==
                     (qr_expression_type(expression) == QUIRE_BOOL));
        size_t record_size = make_row(&parts, record, sizeof record);
        compare(expression, again, record, record_size, &arena);
    }
    qr_arena_free(&arena);
    return 0;
}
