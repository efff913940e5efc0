/*
 * Reclamation: when a frame that was unlinked may be used again.
 *
 * A reader announces an operation with a plain store and then follows links.
 * The reclaimer unlinks first, then makes every thread execute a barrier, then
 * looks at the slots: a reader whose announcement it does not see has not yet
 * loaded a link when the barrier ran, so it cannot come upon the frame. For
 * each slot that is inside an operation the number is noted, and the grace
 * period ends when all of these have moved. Without a barrier system call
 * readers announce themselves with a fence of their own instead.
 *
 * After the grace period a frame can still be held by a pin. The pins are
 * looked at once; a frame that a pin holds goes back to the beginning. One that
 * no pin holds may have been let go of a moment ago by an operation that still
 * uses it, therefore every frame passes a second grace period. A pin never gets
 * its page from another pin, so a frame seen without a pin stays without.
 *
 * Nothing here waits: a reader that is stopped in an operation delays the reuse
 * of memory and nothing else. All state is guarded by cache.lock.
 */
#include "pager/pager_internal.h"

quire_status qr_reclaim_create(struct qr_pager *pager, quire_error *err)
{
    struct qr_cache *cache = &pager->cache;
    size_t size = (size_t)pager->slots.count * sizeof(uint64_t);
    cache->first.operations = qr_alloc_zero(pager->allocator, size, err);
    if (cache->first.operations == NULL) {
        return QUIRE_NO_MEMORY;
    }
    cache->second.operations = qr_alloc_zero(pager->allocator, size, err);
    return cache->second.operations == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
}

void qr_reclaim_destroy(struct qr_pager *pager)
{
    struct qr_cache *cache = &pager->cache;
    size_t size = (size_t)pager->slots.count * sizeof(uint64_t);
    qr_free(pager->allocator, cache->first.operations, size);
    qr_free(pager->allocator, cache->second.operations, size);
    cache->first.operations = cache->second.operations = NULL;
}

static void note_operations(struct qr_pager *pager, uint64_t *operations)
{
    if (pager->cache.fence) {
        atomic_thread_fence(memory_order_seq_cst);
    } else {
        qr_membarrier();
    }
    for (uint32_t i = 0; i < pager->slots.count; i++) {
        uint64_t now = atomic_load_explicit(&pager->slots.slot[i].operation, memory_order_seq_cst);
        operations[i] = (now & 1) != 0 ? now : 0;
    }
}

static bool grace_over(struct qr_pager *pager, struct qr_grace *grace)
{
    for (uint32_t i = 0; i < pager->slots.count; i++) {
        if (grace->operations[i] == 0) {
            continue;
        }
        if (atomic_load_explicit(&pager->slots.slot[i].operation, memory_order_acquire) ==
            grace->operations[i]) {
            return false;
        }
        grace->operations[i] = 0;
    }
    return true;
}

void qr_reclaim_mark_pins(struct qr_pager *pager)
{
    struct qr_cache *cache = &pager->cache;
    cache->pin_scan++;
    qr_mutex_lock(&pager->slots.lock);
    for (struct qr_pin *pin = pager->slots.pins; pin != NULL; pin = pin->next) {
        uint32_t frame = atomic_load_explicit(&pin->frame, memory_order_acquire);
        if (frame != 0) {
            cache->frame[frame].pin_mark = cache->pin_scan;
        }
    }
    qr_mutex_unlock(&pager->slots.lock);
}

static void retire_again(struct qr_cache *cache, uint32_t frame)
{
    cache->frame[frame].next = cache->retired_list;
    cache->retired_list = frame;
    cache->retired_count++;
}

static void pass_pins(struct qr_pager *pager)
{
    struct qr_cache *cache = &pager->cache;
    uint32_t list = cache->first.list;
    qr_reclaim_mark_pins(pager);
    cache->first.active = false;
    cache->first.list = 0;
    cache->second.list = 0;
    while (list != 0) {
        struct qr_version *version = &cache->frame[list];
        uint32_t next = version->next;
        if (version->pin_mark == cache->pin_scan || version->spilling) {
            retire_again(cache, list);
        } else {
            version->next = cache->second.list;
            cache->second.list = list;
        }
        list = next;
    }
    cache->second.active = cache->second.list != 0;
}

static void free_second(struct qr_pager *pager)
{
    struct qr_cache *cache = &pager->cache;
    uint32_t list = cache->second.list;
    cache->second.list = 0;
    cache->second.active = false;
    while (list != 0) {
        uint32_t next = cache->frame[list].next;
        cache->retired--;
        qr_frame_free(pager, list);
        list = next;
    }
}

void qr_reclaim_poll(struct qr_pager *pager)
{
    struct qr_cache *cache = &pager->cache;
    /* Four steps bring a frame all the way when no operation is running. */
    for (int step = 0; step < 2; step++) {
        if (cache->second.active && grace_over(pager, &cache->second)) {
            free_second(pager);
        }
        if (cache->first.active && !cache->second.active && grace_over(pager, &cache->first)) {
            pass_pins(pager);
            if (cache->second.active) {
                note_operations(pager, cache->second.operations);
            }
        }
        if (cache->second.active && grace_over(pager, &cache->second)) {
            free_second(pager);
        }
        if (!cache->first.active && cache->retired_list != 0 && step == 0) {
            cache->first.list = cache->retired_list;
            cache->first.active = true;
            cache->retired_list = 0;
            cache->retired_count = 0;
            note_operations(pager, cache->first.operations);
        }
    }
}
