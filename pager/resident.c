/*
 * Trees whose pages stay in the cache: a set of tree ids that making room asks
 * about each newest version it would take. Old versions are not spared.
 *
 * Concurrency: the set is guarded by cache.lock.
 */
#include "pager/pager_internal.h"

quire_status qr_resident_add(struct qr_pager *pager, uint32_t tree_id, quire_error *err)
{
    struct qr_cache *cache = &pager->cache;
    qr_mutex_lock(&cache->lock);
    quire_status status = qr_grow(pager->allocator, &cache->resident, &cache->resident_capacity,
                                  cache->resident_count + 1, sizeof *cache->resident, err);
    if (status == QUIRE_OK) {
        cache->resident[cache->resident_count++] = tree_id;
    }
    qr_mutex_unlock(&cache->lock);
    return status;
}

void qr_resident_remove(struct qr_pager *pager, uint32_t tree_id)
{
    struct qr_cache *cache = &pager->cache;
    qr_mutex_lock(&cache->lock);
    for (size_t i = 0; i < cache->resident_count; i++) {
        if (cache->resident[i] == tree_id) {
            cache->resident[i] = cache->resident[--cache->resident_count];
            break;
        }
    }
    qr_mutex_unlock(&cache->lock);
}

bool qr_frame_is_resident(struct qr_pager *pager, uint32_t frame)
{
    const struct qr_cache *cache = &pager->cache;
    bool resident = false;
    if (cache->resident_count == 0) {
        return false;
    }
    uint32_t tree_id = qr_page_tree(qr_frame_bytes(pager, frame));
    for (size_t i = 0; i < cache->resident_count && !resident; i++) {
        resident = cache->resident[i] == tree_id;
    }
    return resident;
}

uint32_t qr_resident_pages(struct qr_pager *pager)
{
    struct qr_cache *cache = &pager->cache;
    uint32_t count = 0;
    qr_mutex_lock(&cache->lock);
    for (uint32_t frame = 1; cache->resident_count > 0 && frame <= cache->frames_high; frame++) {
        count +=
            cache->frame[frame].state == QR_VERSION_NEWEST && qr_frame_is_resident(pager, frame);
    }
    qr_mutex_unlock(&cache->lock);
    return count;
}

uint32_t qr_resident_pages_max(const struct qr_pager *pager)
{
    return pager->cache.frames_limit / 2;
}
