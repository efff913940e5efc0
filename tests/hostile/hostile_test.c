/*
 * Hostile texts do not make the lexer, the parser, the validator, the schema
 * checks, the JSON reader or a request slow or deep: they cost what ordinary
 * texts of their size cost, and twice the text costs twice as much.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "graphql/validate.h"
#include "hostile/vectors.h"

/* A hostile text may have so many times the steps of an ordinary one of its bytes: it can have ten
 * times as many tokens. */
#define FACTOR 8

/* Memory for each byte of a text. */
#define MEMORY_PER_BYTE 512

/* How many pieces a vector has here. Those of few pieces have what it takes to meet a bound. */
static unsigned count_of(const struct vector *vector)
{
    return vector->count > 3000 ? vector->count / HOSTILE_SCALE : vector->count;
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

static void expect_cheap(const struct vector *vector, double steps_per_byte)
{
    size_t size;
    struct cost base = cost_of(vector, 1, &size);
    struct cost half = cost_of(vector, count_of(vector) / 2, &size);
    struct cost full = cost_of(vector, count_of(vector), &size);
    double budget = FACTOR * steps_per_byte * (double)size + 20000;
    cr_expect((double)beyond(full, base) <= budget, "%s: %llu steps for %zu bytes, not %.0f",
              vector->name, (unsigned long long)full.steps, size, budget);
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

/* Fragments that one set spreads are compared with each other: work grows with their square until
 * the steps of the validation are used up, and that much no text exceeds, whatever its size. */
Test(hostile, fragments_side_by_side__have_a_bound_of_their_own, .timeout = 300)
{
    const uint64_t bound = (uint64_t)64 * QR_GQL_VALIDATE_STEPS_MAX;
    for (size_t i = 0; i < hostile_vector_count; i++) {
        if (strcmp(hostile_vectors[i].name, "spreads side by side") != 0) {
            continue;
        }
        for (unsigned count = 100; count <= 3000; count += count / 2) {
            size_t size;
            struct cost cost = cost_of(&hostile_vectors[i], count, &size);
            cr_expect_leq(cost.steps, bound, "%u: %llu steps", count,
                          (unsigned long long)cost.steps);
            cr_expect_leq(cost.bytes, bound, "%u: %zu bytes", count, cost.bytes);
        }
        return;
    }
    cr_assert_fail("there is no such vector");
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
