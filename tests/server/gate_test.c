/*
 * The gate that answers pass before they are made, by itself.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tools/server/gate.h"

struct maker {
    struct gate_pass pass; /* first */
    struct gate *gate;
    size_t makes; /* so many bytes at once when it is called; SIZE_MAX: it is only noted */
    unsigned *calls;
    unsigned turn; /* the how manieth was called; 0: it has not been */
};

static void on_go(struct gate_pass *pass)
{
    struct maker *maker = (struct maker *)pass;
    maker->turn = ++*maker->calls;
    if (maker->makes != SIZE_MAX) {
        gate_leave(maker->gate, pass, maker->makes);
    }
}

static struct maker *make_all(struct gate *gate, size_t count, size_t makes, unsigned *calls)
{
    struct maker *makers = calloc(count, sizeof *makers);
    cr_assert_not_null(makers);
    for (size_t i = 0; i < count; i++) {
        makers[i] = (struct maker){.gate = gate, .makes = makes, .calls = calls};
        makers[i].pass.go = on_go;
    }
    return makers;
}

Test(gate, few_are_inside__and_the_others_follow_in_their_order)
{
    enum { MAKERS = 40 };
    struct gates total = {.limit = UINT64_MAX};
    gates_init(&total);
    struct gate gate;
    unsigned calls = 0;
    gate_init(&gate, &total, NULL);
    struct maker *makers = make_all(&gate, MAKERS, SIZE_MAX, &calls);
    for (unsigned i = 0; i < MAKERS; i++) {
        cr_expect_eq(gate_enter(&gate, &makers[i].pass), i < GATE_MAKERS);
    }
    for (unsigned i = 0; i < MAKERS; i++) {
        gate_leave(&gate, &makers[i].pass, 1);
        unsigned called = i + GATE_MAKERS < MAKERS ? i + 1 : MAKERS - GATE_MAKERS;
        cr_expect_eq(calls, called);
        cr_expect_eq(makers[called + GATE_MAKERS - 1].turn, called);
    }
    cr_expect_eq(gate_bytes(&gate), MAKERS);
    gate_sent(&gate, MAKERS);
    gate_destroy(&gate);
    free(makers);
}

Test(gate, what_waits__keeps_others_out_until_it_is_sent)
{
    struct gates total = {.limit = UINT64_MAX};
    gates_init(&total);
    struct gate gate;
    unsigned calls = 0;
    gate_init(&gate, &total, NULL);
    struct maker *makers = make_all(&gate, 3, SIZE_MAX, &calls);
    cr_expect(gate_enter(&gate, &makers[0].pass));
    gate_leave(&gate, &makers[0].pass, GATE_BYTES + 5);
    cr_expect(!gate_enter(&gate, &makers[1].pass));
    cr_expect(!gate_enter(&gate, &makers[2].pass));
    gate_sent(&gate, 5);
    cr_expect_eq(calls, 0);
    cr_expect(gate_recall(&gate, &makers[2].pass));
    cr_expect(!gate_recall(&gate, &makers[2].pass));
    gate_sent(&gate, 1);
    cr_expect_eq(makers[1].turn, 1);
    cr_expect(!gate_recall(&gate, &makers[1].pass), "it is inside");
    cr_expect(gate_enter(&gate, &makers[2].pass), "the queue is empty");
    gate_leave(&gate, &makers[1].pass, 0);
    gate_leave(&gate, &makers[2].pass, 0);
    cr_expect_eq(atomic_load(&total.bytes), GATE_BYTES - 1);
    cr_expect_eq(atomic_load(&total.bytes_max), GATE_BYTES + 5);
    gate_destroy(&gate); /* takes what was not sent off the total */
    cr_expect_eq(atomic_load(&total.bytes), 0);
    free(makers);
}

Test(gate, those_that_are_done_when_they_are_called__take_no_stack)
{
    enum { MAKERS = 1000000 };
    struct gates total = {.limit = UINT64_MAX};
    gates_init(&total);
    struct gate gate;
    unsigned calls = 0;
    gate_init(&gate, &total, NULL);
    struct maker *makers = make_all(&gate, MAKERS, 0, &calls);
    struct maker *first = make_all(&gate, 1, SIZE_MAX, &calls);
    cr_expect(gate_enter(&gate, &first->pass));
    gate_leave(&gate, &first->pass, GATE_BYTES);
    for (unsigned i = 0; i < MAKERS; i++) {
        cr_assert(!gate_enter(&gate, &makers[i].pass));
    }
    gate_sent(&gate, GATE_BYTES);
    cr_expect_eq(calls, MAKERS);
    cr_expect_eq(makers[MAKERS - 1].turn, MAKERS);
    gate_destroy(&gate);
    free(makers);
    free(first);
}

static struct gate *dropped[4];
static unsigned drops;

static void on_drop(struct gate *gate)
{
    dropped[drops++] = gate;
}

static unsigned fulls;

static void on_full(struct gates *gates)
{
    (void)gates;
    fulls++;
}

Test(gate, those_with_most__are_dropped_until_the_rest_is_within_the_limit)
{
    struct gates gates = {.limit = 100, .full = on_full};
    struct gate gate[4];
    static const size_t sizes[] = {40, 60, 10, 70};
    gates_init(&gates);
    for (size_t i = 0; i < 4; i++) {
        gate_init(&gate[i], &gates, on_drop);
        gate_hold(&gate[i], sizes[i]);
    }
    cr_expect_eq(fulls, 2);
    cr_expect_eq(gates_shed(&gates), 2);
    cr_expect(drops == 2 && dropped[0] == &gate[3] && dropped[1] == &gate[1]);
    cr_expect_eq(gates_shed(&gates), 0); /* what they had is on its way */
    gate_destroy(&gate[1]);
    gate_hold(&gate[2], 70);
    cr_expect_eq(fulls, 3);
    cr_expect_eq(gates_shed(&gates), 1);
    cr_expect(drops == 3 && dropped[2] == &gate[2]);
    for (size_t i = 0; i < 4; i++) {
        if (i != 1) {
            gate_destroy(&gate[i]);
        }
    }
    cr_expect_eq(atomic_load(&gates.bytes), 0);
    cr_expect_null(gates.first);
    gates_destroy(&gates);
}
