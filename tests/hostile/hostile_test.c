/*
 * Hostile texts do not make the lexer, the parser, the validator, the schema
 * checks, the JSON reader or a request slow or deep: they cost what ordinary
 * texts of their size cost, and twice the text costs twice as much.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "hostile/vectors.h"

/* A hostile text may have so many times the steps of an ordinary one of its bytes: it can have ten
 * times as many tokens. */
#define FACTOR 8

/* Memory for each byte of a text. */
#define MEMORY_PER_BYTE 512

/* How many pieces a vector has here: in long runs four times as many. Those of few pieces have what
 * it takes to meet a bound. */
static unsigned count_of(const struct vector *vector)
{
    unsigned scale = getenv("QUIRE_TEST_LONG") != NULL ? HOSTILE_SCALE / 4 : HOSTILE_SCALE;
    return vector->count > 3000 ? vector->count / scale : vector->count;
}

static struct cost cost_of(const struct vector *vector, unsigned count, size_t *size)
{
    char *text = vector_text(vector, count);
    *size = strlen(text);
    struct cost cost = measure(vector->subject, text);
    free(text);
    return cost;
}

static uint64_t beyond(struct cost cost, struct cost base)
{
    return cost.steps > base.steps ? cost.steps - base.steps : 0;
}

static void expect_in_budget(const struct vector *vector, struct cost cost, struct cost base,
                             size_t size, double steps_per_byte)
{
    double budget = FACTOR * steps_per_byte * (double)size + 20000;
    cr_expect((double)beyond(cost, base) <= budget, "%s: %llu steps for %zu bytes, not %.0f",
              vector->name, (unsigned long long)cost.steps, size, budget);
}

static void expect_cheap(const struct vector *vector, double steps_per_byte)
{
    size_t size;
    struct cost base = cost_of(vector, 1, &size);
    /* Documents of any size: not only where a fixed bound ends what grows faster than they do. */
    unsigned part = vector->subject == DOCUMENT ? count_of(vector) : 0;
    for (unsigned count = part / 4; count >= 32; count /= 4) {
        struct cost cost = cost_of(vector, count, &size);
        expect_in_budget(vector, cost, base, size, steps_per_byte);
    }
    struct cost half = cost_of(vector, count_of(vector) / 2, &size);
    struct cost full = cost_of(vector, count_of(vector), &size);
    expect_in_budget(vector, full, base, size, steps_per_byte);
    cr_expect(beyond(full, base) <= beyond(half, base) * 5 / 2 + 400000,
              "%s: twice the text, %llu steps in place of %llu", vector->name,
              (unsigned long long)full.steps, (unsigned long long)half.steps);
    cr_expect(full.bytes <= MEMORY_PER_BYTE * size + (64U << 10), "%s: %zu bytes for %zu",
              vector->name, full.bytes, size);
}

static void expect_all_cheap(enum subject subject)
{
    const struct vector *ordinary = &ordinary_vectors[subject];
    size_t size;
    size_t one;
    struct cost base = cost_of(ordinary, 1, &one);
    struct cost cost = cost_of(ordinary, count_of(ordinary), &size);
    cr_assert_eq(ordinary->subject, subject);
    cr_assert_eq(cost.status, QUIRE_OK, "%s: %s", ordinary->name, quire_status_name(cost.status));
    cr_assert_gt(beyond(cost, base), size, "%s: steps are not counted", ordinary->name);
    for (size_t i = 0; i < hostile_vector_count; i++) {
        if (hostile_vectors[i].subject == subject) {
            expect_cheap(&hostile_vectors[i], (double)beyond(cost, base) / (double)(size - one));
        }
    }
}

Test(hostile, documents__cost_what_ordinary_ones_of_their_size_cost, .timeout = 300)
{
    expect_all_cheap(DOCUMENT);
}

Test(hostile, schemas__cost_what_ordinary_ones_of_their_size_cost, .timeout = 300)
{
    expect_all_cheap(SDL);
}

Test(hostile, tables__cost_what_ordinary_ones_of_their_size_cost, .timeout = 300)
{
    expect_all_cheap(TABLES);
}

Test(hostile, variables__cost_what_ordinary_ones_of_their_size_cost, .timeout = 300)
{
    expect_all_cheap(VARIABLES);
}

Test(hostile, requests__cost_what_ordinary_ones_of_their_size_cost, .timeout = 300)
{
    expect_all_cheap(REQUEST);
}

/* Brackets and the like of any depth: what recursion there is fits the smallest of stacks. */
Test(hostile, texts__run_on_a_small_stack, .timeout = 300)
{
    for (size_t i = 0; i < hostile_vector_count; i++) {
        const struct vector *vector = &hostile_vectors[i];
        if (vector->subject == TABLES || vector->subject == REQUEST) {
            continue; /* of which the engine's buffers have a part */
        }
        char *text = vector_text(vector, count_of(vector));
        size_t used;
        (void)measure_on_stack(vector->subject, text, &used);
        cr_expect_leq(used, HOSTILE_STACK_BYTES, "%s: %zu bytes of stack", vector->name, used);
        free(text);
    }
}
