/*
 * Those that are let in are called without the lock: they may leave at once.
 */
#include "gate.h"

void gate_init(struct gate *gate, struct gate_total *total)
{
    *gate = (struct gate){.total = total};
    gate->last = &gate->first;
    pthread_mutex_init(&gate->mutex, NULL);
}

void gate_destroy(struct gate *gate)
{
    gate_sent(gate, gate->bytes);
    pthread_mutex_destroy(&gate->mutex);
}

/* With the lock. */
static bool is_open(const struct gate *gate)
{
    return gate->bytes < GATE_BYTES && gate->makers < GATE_MAKERS;
}

/* Calls those that may pass now, in their order; what they do may let in others, which are called
 * here too, not by them. With the lock, which is released meanwhile. */
static void admit(struct gate *gate)
{
    if (gate->calling) {
        return;
    }
    gate->calling = true;
    while (gate->first != NULL && is_open(gate)) {
        struct gate_pass *pass = gate->first;
        gate->first = pass->next;
        gate->last = gate->first == NULL ? &gate->first : gate->last;
        gate->makers++;
        pass->waits = false;
        pass->inside = true;
        pthread_mutex_unlock(&gate->mutex);
        pass->go(pass);
        pthread_mutex_lock(&gate->mutex);
    }
    gate->calling = false;
}

bool gate_enter(struct gate *gate, struct gate_pass *pass)
{
    pthread_mutex_lock(&gate->mutex);
    pass->inside = gate->first == NULL && is_open(gate);
    pass->waits = !pass->inside;
    if (pass->inside) {
        gate->makers++;
    } else {
        pass->next = NULL;
        *gate->last = pass;
        gate->last = &pass->next;
    }
    bool inside = pass->inside;
    pthread_mutex_unlock(&gate->mutex);
    return inside;
}

bool gate_recall(struct gate *gate, struct gate_pass *pass)
{
    pthread_mutex_lock(&gate->mutex);
    bool waited = pass->waits;
    struct gate_pass **link = &gate->first;
    while (waited && *link != pass) {
        link = &(*link)->next;
    }
    if (waited) {
        *link = pass->next;
        gate->last = *link == NULL ? link : gate->last;
        pass->waits = false;
    }
    pthread_mutex_unlock(&gate->mutex);
    return waited;
}

static void add_to_total(struct gate_total *total, size_t size)
{
    uint64_t now = atomic_fetch_add(&total->bytes, size) + size;
    uint64_t most = atomic_load(&total->bytes_max);
    while (now > most && !atomic_compare_exchange_weak(&total->bytes_max, &most, now)) {
    }
}

void gate_leave(struct gate *gate, struct gate_pass *pass, size_t size)
{
    add_to_total(gate->total, size);
    pthread_mutex_lock(&gate->mutex);
    gate->bytes += size;
    gate->makers -= pass->inside ? 1 : 0;
    pass->inside = false;
    admit(gate);
    pthread_mutex_unlock(&gate->mutex);
}

void gate_sent(struct gate *gate, size_t size)
{
    atomic_fetch_sub(&gate->total->bytes, size);
    pthread_mutex_lock(&gate->mutex);
    gate->bytes -= size;
    admit(gate);
    pthread_mutex_unlock(&gate->mutex);
}

size_t gate_bytes(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    size_t bytes = gate->bytes;
    pthread_mutex_unlock(&gate->mutex);
    return bytes;
}
