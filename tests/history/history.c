/*
 * Keeping histories.
 */
#include "history.h"

#include <stdlib.h>
#include <string.h>

bool history_create(struct history *history, size_t txns, size_t steps, size_t values)
{
    *history = (struct history){
        .txns = calloc(txns, sizeof *history->txns),
        .steps = calloc(steps, sizeof *history->steps),
        .values = calloc(values, sizeof *history->values),
        .txn_capacity = txns,
        .step_capacity = steps,
        .value_capacity = values,
    };
    return history->txns != NULL && history->steps != NULL && history->values != NULL;
}

void history_destroy(struct history *history)
{
    free(history->txns);
    free(history->steps);
    free(history->values);
}

bool history_has_room(const struct history *history, size_t steps, size_t values)
{
    return history->txn_count < history->txn_capacity &&
           history->step_capacity - history->step_count >= steps &&
           history->value_capacity - history->value_count >= values;
}

struct history_txn *history_begin(struct history *history, uint32_t session, bool write,
                                  uint64_t now)
{
    struct history_txn *txn = &history->txns[history->txn_count++];
    txn->session = session;
    txn->write = write;
    txn->began = now;
    atomic_init(&txn->acknowledged, HISTORY_NEVER);
    atomic_init(&txn->sequence, 0);
    txn->first = history->step_count;
    return txn;
}

static struct history_step *add_step(struct history *history, uint32_t key)
{
    struct history_step *step = &history->steps[history->step_count++];
    history->txns[history->txn_count - 1].steps++;
    *step = (struct history_step){.key = key, .at = history->value_count};
    return step;
}

void history_read(struct history *history, uint32_t key, const uint32_t *elements, uint32_t count)
{
    struct history_step *step = add_step(history, key);
    step->count = count;
    if (count > 0) {
        memcpy(history->values + history->value_count, elements, count * sizeof *elements);
    }
    history->value_count += count;
}

struct history_step *history_append(struct history *history, uint32_t key, uint32_t value)
{
    struct history_step *step = add_step(history, key);
    step->value = value;
    return step;
}

void history_merge(struct history *into, const struct history *from)
{
    for (size_t i = 0; i < from->txn_count; i++) {
        struct history_txn *txn = &into->txns[into->txn_count + i];
        const struct history_txn *old = &from->txns[i];
        txn->session = old->session;
        txn->write = old->write;
        txn->committed = old->committed;
        txn->began = old->began;
        txn->view = old->view;
        atomic_init(&txn->acknowledged, atomic_load(&old->acknowledged));
        atomic_init(&txn->sequence, atomic_load(&old->sequence));
        txn->first = old->first + into->step_count;
        txn->steps = old->steps;
    }
    for (size_t i = 0; i < from->step_count; i++) {
        into->steps[into->step_count + i] = from->steps[i];
        into->steps[into->step_count + i].at += into->value_count;
    }
    if (from->value_count > 0) {
        memcpy(into->values + into->value_count, from->values,
               from->value_count * sizeof *from->values);
    }
    into->txn_count += from->txn_count;
    into->step_count += from->step_count;
    into->value_count += from->value_count;
}
