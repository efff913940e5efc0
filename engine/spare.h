/*
 * Memory that ended transactions leave for the next ones, so
 * that a short read transaction allocates nothing and takes no lock.
 *
 * A few places, a cache line apart, each with one object or none. Threads begin at
 * places that depend on their stacks, so they seldom meet. Any thread.
 */
#ifndef QR_ENGINE_SPARE_H
#define QR_ENGINE_SPARE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define QR_SPARE_PLACES 8U

struct qr_spare_place {
    void *_Atomic object;
    uint8_t apart[64 - sizeof(void *)];
};

struct qr_spares {
    struct qr_spare_place place[QR_SPARE_PLACES];
};

static inline unsigned qr_spare_hint(void)
{
    unsigned char here = 0;
    uint32_t mixed = (uint32_t)((uintptr_t)&here >> 16) * UINT32_C(2654435761);
    return mixed >> 16;
}

/* Takes an object, which is then the caller's; NULL when the places it tries are empty. Acquire:
 * pairs with the release of qr_spare_give. */
static inline void *qr_spare_take(struct qr_spares *spares)
{
    unsigned hint = qr_spare_hint();
    for (unsigned i = 0; i < QR_SPARE_PLACES; i++) {
        struct qr_spare_place *place = &spares->place[(hint + i) % QR_SPARE_PLACES];
        if (atomic_load_explicit(&place->object, memory_order_relaxed) != NULL) {
            void *object = atomic_exchange_explicit(&place->object, NULL, memory_order_acquire);
            if (object != NULL) {
                return object;
            }
        }
    }
    return NULL;
}

/* Leaves an object; returns NULL, or the object when there is no place for it. */
static inline void *qr_spare_give(struct qr_spares *spares, void *object)
{
    unsigned hint = qr_spare_hint();
    for (unsigned i = 0; i < QR_SPARE_PLACES; i++) {
        struct qr_spare_place *place = &spares->place[(hint + i) % QR_SPARE_PLACES];
        void *none = NULL;
        if (atomic_load_explicit(&place->object, memory_order_relaxed) == NULL &&
            atomic_compare_exchange_strong_explicit(&place->object, &none, object,
                                                    memory_order_release, memory_order_relaxed)) {
            return NULL;
        }
    }
    return object;
}

#endif
