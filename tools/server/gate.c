/*
 * Those that are let in are called without the lock: they may leave at once.
 */
#include "gate.h"

void gates_init(struct gates *gates)
{
    pthread_mutex_init(&gates->mutex, NULL);
}

void gates_destroy(struct gates *gates)
{
    pthread_mutex_destroy(&gates->mutex);
}

/* The gate that is to be dropped, NULL when what waits is within the limit. What those that have
 * ended had is on its way out. */
static struct gate *find_most(struct gates *gates)
{
    struct gate *most = NULL;
    size_t bytes = 0;
    uint64_t sum = 0;
    pthread_mutex_lock(&gates->mutex);
    for (struct gate *gate = gates->first; gate != NULL; gate = gate->next) {
        size_t its = gate->ended ? 0 : gate_bytes(gate);
        sum += its;
        if (its > bytes) {
            most = gate;
            bytes = its;
        }
    }
    pthread_mutex_unlock(&gates->mutex);
    return sum > gates->limit ? most : NULL;
}

unsigned gates_shed(struct gates *gates)
{
    unsigned count = 0;
    struct gate *most;
    while (atomic_load(&gates->bytes) > gates->limit && (most = find_most(gates)) != NULL) {
        most->ended = true;
        most->drop(most);
        count++;
    }
    return count;
}

void gate_init(struct gate *gate, struct gates *all, void (*drop)(struct gate *gate))
{
    *gate = (struct gate){.all = all, .drop = drop};
    gate->last = &gate->first;
    pthread_mutex_init(&gate->mutex, NULL);
    pthread_mutex_lock(&all->mutex);
    gate->next = all->first;
    if (gate->next != NULL) {
        gate->next->previous = gate;
    }
    all->first = gate;
    pthread_mutex_unlock(&all->mutex);
}

void gate_destroy(struct gate *gate)
{
    struct gates *all = gate->all;
    pthread_mutex_lock(&all->mutex);
    *(gate->previous != NULL ? &gate->previous->next : &all->first) = gate->next;
    if (gate->next != NULL) {
        gate->next->previous = gate->previous;
    }
    pthread_mutex_unlock(&all->mutex);
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

void gate_hold(struct gate *gate, size_t size)
{
    struct gates *all = gate->all;
    uint64_t now = atomic_fetch_add(&all->bytes, size) + size;
    uint64_t most = atomic_load(&all->bytes_max);
    while (now > most && !atomic_compare_exchange_weak(&all->bytes_max, &most, now)) {
    }
    pthread_mutex_lock(&gate->mutex);
    gate->bytes += size;
    pthread_mutex_unlock(&gate->mutex);
    if (now > all->limit && all->full != NULL) {
        all->full(all);
    }
}

void gate_leave(struct gate *gate, struct gate_pass *pass, size_t size)
{
    gate_hold(gate, size);
    pthread_mutex_lock(&gate->mutex);
    gate->makers -= pass->inside ? 1 : 0;
    pass->inside = false;
    admit(gate);
    pthread_mutex_unlock(&gate->mutex);
}

void gate_sent(struct gate *gate, size_t size)
{
    atomic_fetch_sub(&gate->all->bytes, size);
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
