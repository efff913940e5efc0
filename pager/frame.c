/*
 * The page cache: frames in one arena, the page tables, allocation and
 * eviction.
 *
 * The bound (frames_limit) holds for all frames but those that running
 * operations keep from being reused: address space is reserved for these too,
 * and memory beyond the bound is given back as soon as it is free.
 *
 * Eviction walks the frames like the hand of a clock. A clean page is first
 * marked as cooling in its page table word, which costs its next reader one
 * compare-and-swap, and goes when the hand finds it still cooling one round
 * later: hits write nothing. Pages that a scan brings in start as cooling and
 * wait in a ring of their own, which is emptied first; so a scan recycles its
 * own frames and leaves the others alone. What the database file does not hold
 * (dirty pages, old versions) leaves memory for the spill file, as a last
 * resort.
 *
 * An operation that runs long (or whose thread is preempted) keeps all frames
 * retired meanwhile from being reused. Threads that find much memory held this
 * way wait a moment at the start of their next operation, where they hold
 * nothing themselves; the wait is bounded, so nobody depends on it.
 *
 * Concurrency: cache.lock guards all of it; page table words change under it
 * but for the warming of a cooling page. Spill writes run without the lock.
 */
#include "pager/pager_internal.h"

/* Memory is committed in steps of this many bytes: whole huge pages. */
#define COMMIT_STEP QR_VM_ALIGNMENT

/* ---- Regions ---- */

static size_t round_up(size_t value, size_t to)
{
    return (value + to - 1) / to * to;
}

/* Commits the bytes [from, to) of a region, rounded to whole system pages. */
static quire_status commit_range(struct qr_vm_region *region, size_t from, size_t to,
                                 quire_error *err)
{
    size_t page = qr_vm_page_size();
    size_t begin = from / page * page;
    size_t end = round_up(to, page);
    end = end < region->size ? end : region->size;
    return begin < end ? qr_vm_commit(region, begin, end - begin, err) : QUIRE_OK;
}

static quire_status reserve_tables(struct qr_cache *cache, quire_error *err)
{
    /* As many page numbers as the address space gives: 2^32 where it is not limited. */
    quire_status status = QUIRE_OK;
    for (unsigned shift = 32; shift >= 20; shift -= 2) {
        size_t size = ((size_t)1 << shift) * sizeof(uint32_t);
        status = qr_vm_reserve(&cache->table_region, size, err);
        if (status == QUIRE_OK) {
            status = qr_vm_reserve(&cache->private_region, size, err);
        }
        if (status == QUIRE_OK) {
            cache->pages_limit = shift == 32 ? UINT32_C(0xFFFFFF00) : UINT32_C(1) << shift;
            cache->table = (_Atomic uint32_t *)(void *)cache->table_region.base;
            cache->private_table = (uint32_t *)(void *)cache->private_region.base;
            return QUIRE_OK;
        }
        qr_vm_release(&cache->table_region);
    }
    return status;
}

static quire_status reserve_arena(struct qr_pager *pager, quire_error *err)
{
    struct qr_cache *cache = &pager->cache;
    size_t size = ((size_t)cache->frames_reserved + 1) << pager->page_shift;
    if (pager->options.malloc_arena) {
        cache->arena = qr_alloc(pager->allocator, size, err);
        cache->arena_size = size;
        cache->frames_committed = cache->frames_reserved + 1;
        return cache->arena == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
    }
    QR_TRY(qr_vm_reserve(&cache->arena_region, size, err));
    cache->arena = cache->arena_region.base;
    size_t bound = (((size_t)cache->frames_limit + 1) << pager->page_shift) / QR_VM_ALIGNMENT *
                   QR_VM_ALIGNMENT;
    if (bound > 0) {
        qr_vm_advise_huge(&cache->arena_region, 0, bound);
    }
    return QUIRE_OK;
}

quire_status qr_cache_create(struct qr_pager *pager, quire_error *err)
{
    struct qr_cache *cache = &pager->cache;
    QR_TRY(qr_mutex_init(&cache->lock, QR_RANK_FRAME, err));
    quire_status status;
    QR_TRY_GOTO(status, qr_cond_init(&cache->loaded, err), no_cond);
    uint64_t frames = pager->options.cache_bytes >> pager->page_shift;
    frames = frames < 64 ? 64 : frames;
    frames = frames > QR_FRAME_LIMIT / 4 ? QR_FRAME_LIMIT / 4 : frames;
    cache->frames_limit = (uint32_t)frames;
    cache->frames_reserved =
        cache->frames_limit + (pager->options.malloc_arena ? 4096U : UINT32_C(1) << 20);
    cache->fence = !qr_membarrier_supported();
    cache->scan_capacity = cache->frames_limit < 65536 ? cache->frames_limit : 65536;
    QR_TRY_GOTO(status, reserve_arena(pager, err), failed);
    QR_TRY_GOTO(status, reserve_tables(cache, err), failed);
    QR_TRY_GOTO(status,
                qr_vm_reserve(&cache->meta_region,
                              ((size_t)cache->frames_reserved + 1) * sizeof(struct qr_version),
                              err),
                failed);
    QR_TRY_GOTO(
        status,
        qr_vm_reserve(&cache->record_region, ((size_t)1 << 26) * sizeof(struct qr_record), err),
        failed);
    cache->frame = (struct qr_version *)(void *)cache->meta_region.base;
    cache->record = (struct qr_record *)(void *)cache->record_region.base;
    cache->scan_ring =
        qr_alloc(pager->allocator, (size_t)cache->scan_capacity * sizeof(uint32_t), err);
    if (cache->scan_ring == NULL) {
        status = QUIRE_NO_MEMORY;
        goto failed;
    }
    QR_TRY_GOTO(status, qr_reclaim_create(pager, err), failed);
    return QUIRE_OK;

failed:
    qr_cache_destroy(pager);
    return status;
no_cond:
    qr_mutex_destroy(&cache->lock);
    return status;
}

void qr_cache_destroy(struct qr_pager *pager)
{
    struct qr_cache *cache = &pager->cache;
    if (cache->frames_limit == 0) {
        return;
    }
    qr_spill_destroy(pager);
    qr_reclaim_destroy(pager);
    qr_free(pager->allocator, cache->resident, cache->resident_capacity * sizeof(uint32_t));
    qr_free(pager->allocator, cache->supersede,
            cache->supersede_capacity * sizeof *cache->supersede);
    qr_free(pager->allocator, cache->scan_ring, (size_t)cache->scan_capacity * sizeof(uint32_t));
    if (pager->options.malloc_arena) {
        qr_free(pager->allocator, cache->arena, cache->arena_size);
    }
    qr_vm_release(&cache->arena_region);
    qr_vm_release(&cache->meta_region);
    qr_vm_release(&cache->record_region);
    qr_vm_release(&cache->table_region);
    qr_vm_release(&cache->private_region);
    qr_cond_destroy(&cache->loaded);
    qr_mutex_destroy(&cache->lock);
    cache->frames_limit = 0;
}

quire_status qr_cache_cover(struct qr_pager *pager, uint32_t pages, quire_error *err)
{
    struct qr_cache *cache = &pager->cache;
    if (pages <= cache->tables_committed) {
        return QUIRE_OK;
    }
    if (pages > cache->pages_limit) {
        return qr_fail(err, QUIRE_LIMIT,
                       "%s has reached the largest number of pages, %lu; delete data, or use a "
                       "larger page size.",
                       pager->path, (unsigned long)cache->pages_limit);
    }
    size_t from = (size_t)cache->tables_committed * sizeof(uint32_t);
    size_t to = round_up((size_t)pages * sizeof(uint32_t), COMMIT_STEP);
    to = to < cache->table_region.size ? to : cache->table_region.size;
    QR_TRY(commit_range(&cache->table_region, from, to, err));
    QR_TRY(commit_range(&cache->private_region, from, to, err));
    size_t covered = to / sizeof(uint32_t);
    cache->tables_committed = covered > UINT32_MAX ? UINT32_MAX : (uint32_t)covered;
    return QUIRE_OK;
}

/* ---- Allocation ---- */

/* Puts memory behind a frame that is handed out for the first time. */
static quire_status commit_frame(struct qr_pager *pager, uint32_t frame, quire_error *err)
{
    struct qr_cache *cache = &pager->cache;
    if (frame >= cache->meta_committed) {
        size_t size = sizeof(struct qr_version);
        size_t from = cache->meta_committed * size;
        size_t to = round_up((frame + 1) * size, COMMIT_STEP);
        to = to < cache->meta_region.size ? to : cache->meta_region.size;
        QR_TRY(commit_range(&cache->meta_region, from, to, err));
        cache->meta_committed = (uint32_t)(to / size);
    }
    if (frame >= cache->frames_committed) {
        size_t from = (size_t)cache->frames_committed << pager->page_shift;
        size_t to = round_up(((size_t)frame + 1) << pager->page_shift, COMMIT_STEP);
        to = to < cache->arena_region.size ? to : cache->arena_region.size;
        QR_TRY(commit_range(&cache->arena_region, from, to, err));
        cache->frames_committed = (uint32_t)(to >> pager->page_shift);
    }
    return QUIRE_OK;
}

/* With the frames that are there for good. */
static uint32_t whole_bound(const struct qr_cache *cache)
{
    return cache->frames_limit + cache->frames_overlaid;
}

static uint32_t pop_free(struct qr_cache *cache)
{
    uint32_t *list = cache->free_list != 0 ? &cache->free_list : &cache->free_list_high;
    if (list == &cache->free_list_high && cache->frames_high < whole_bound(cache)) {
        return 0; /* a new frame within the bound is better than one beyond it */
    }
    uint32_t frame = *list;
    if (frame != 0) {
        *list = cache->frame[frame].next;
    }
    return frame;
}

/* The slot with the oldest snapshot of those inside an operation; NULL when no reader is. */
static struct qr_slot *oldest_operation(struct qr_slots *slots)
{
    struct qr_slot *oldest = NULL;
    uint64_t lowest = QR_NO_SNAPSHOT;
    for (uint32_t i = QR_SLOT_FIRST_READER; i < slots->count; i++) {
        struct qr_slot *slot = &slots->slot[i];
        uint64_t seq = atomic_load_explicit(&slot->snapshot, memory_order_acquire);
        if (seq < lowest &&
            (atomic_load_explicit(&slot->operation, memory_order_acquire) & 1) != 0) {
            oldest = slot;
            lowest = seq;
        }
    }
    return oldest;
}

static quire_status fail_exhausted(struct qr_pager *pager, quire_error *err)
{
    struct qr_cache *cache = &pager->cache;
    struct qr_slot *slot = cache->retired > 0 ? oldest_operation(&pager->slots) : NULL;
    if (slot == NULL) {
        return qr_fail(err, QUIRE_NO_MEMORY,
                       "The page cache of %s is exhausted: running operations hold all %lu "
                       "frames, and pinned tables; use shorter operations or a larger cache.",
                       pager->path, (unsigned long)cache->frames_reserved);
    }
    uint64_t since = atomic_load_explicit(&slot->since_ns, memory_order_relaxed);
    uint64_t now = qr_clock_monotonic_ns();
    return qr_fail(err, QUIRE_BUSY,
                   "A read transaction on commit %llu of %s, %llu ms ago, is stopped inside an "
                   "operation and keeps %lu pages from being used again; let it go on or end it, "
                   "then try again.",
                   (unsigned long long)atomic_load_explicit(&slot->snapshot, memory_order_relaxed),
                   pager->path,
                   (unsigned long long)((now > since ? now - since : 0) / QR_NS_PER_MS),
                   (unsigned long)cache->retired);
}

/* A frame without regard to the bound. Locked. */
static quire_status take_frame(struct qr_pager *pager, uint32_t *out, quire_error *err)
{
    struct qr_cache *cache = &pager->cache;
    uint32_t frame = pop_free(cache);
    if (frame == 0) {
        if (cache->frames_high >= cache->frames_reserved) {
            if (cache->spill_status != QUIRE_OK) {
                if (err != NULL) {
                    *err = cache->spill_error;
                }
                return cache->spill_status;
            }
            return fail_exhausted(pager, err);
        }
        QR_TRY(commit_frame(pager, cache->frames_high + 1, err));
        frame = ++cache->frames_high;
    }
    cache->frame[frame] = (struct qr_version){.state = QR_VERSION_OWNED};
    (void)atomic_fetch_add_explicit(&cache->in_use, 1, memory_order_relaxed);
    *out = frame;
    return QUIRE_OK;
}

void qr_frame_free(struct qr_pager *pager, uint32_t frame)
{
    struct qr_cache *cache = &pager->cache;
    struct qr_version *version = &cache->frame[frame];
    QR_ASSERT(version->state != QR_VERSION_FREE);
    version->state = QR_VERSION_FREE;
    (void)atomic_fetch_sub_explicit(&cache->in_use, 1, memory_order_relaxed);
    if (frame <= whole_bound(cache)) {
        version->next = cache->free_list;
        cache->free_list = frame;
        return;
    }
    if (cache->arena_region.base != NULL && pager->page_size % qr_vm_page_size() == 0) {
        qr_vm_discard(&cache->arena_region, (size_t)frame << pager->page_shift, pager->page_size);
    }
    version->next = cache->free_list_high;
    cache->free_list_high = frame;
}

void qr_version_retire(struct qr_pager *pager, uint32_t ref)
{
    struct qr_cache *cache = &pager->cache;
    if (qr_ref_is_spill(ref)) {
        qr_record_retire(pager, ref);
        return;
    }
    struct qr_version *version = &cache->frame[ref];
    QR_ASSERT(version->state != QR_VERSION_RETIRED && version->state != QR_VERSION_FREE);
    version->state = QR_VERSION_RETIRED;
    version->next = cache->retired_list;
    cache->retired_list = ref;
    cache->retired_count++;
    cache->retired++;
}

void qr_scan_remember(struct qr_pager *pager, uint32_t frame)
{
    struct qr_cache *cache = &pager->cache;
    if (cache->scan_count == cache->scan_capacity) {
        cache->scan_head = (cache->scan_head + 1) % cache->scan_capacity;
        cache->scan_count--;
    }
    cache->scan_ring[(cache->scan_head + cache->scan_count) % cache->scan_capacity] = frame;
    cache->scan_count++;
}

/* ---- Eviction ---- */

static bool is_clean_alone(const struct qr_version *version)
{
    return version->on_disk &&
           atomic_load_explicit(&version->prev, memory_order_relaxed) == QR_REF_NONE;
}

/* Takes a cooling page out of the page table. Locked; false when a reader warmed it. */
static bool evict_cooling(struct qr_pager *pager, uint32_t frame)
{
    struct qr_cache *cache = &pager->cache;
    struct qr_version *version = &cache->frame[frame];
    uint32_t expected = QR_REF_COOLING | frame;
    if (!atomic_compare_exchange_strong_explicit(&cache->table[version->page_number], &expected,
                                                 QR_REF_NONE, memory_order_acq_rel,
                                                 memory_order_relaxed)) {
        return false;
    }
    qr_version_retire(pager, frame);
    qr_count(&pager->counters.evictions, 1);
    return true;
}

static bool evict_newest(struct qr_pager *pager, uint32_t frame)
{
    struct qr_cache *cache = &pager->cache;
    struct qr_version *version = &cache->frame[frame];
    uint32_t page_number = version->page_number;
    if (page_number == QR_PAGE_NUMBER_HEADER || !is_clean_alone(version) ||
        qr_frame_is_resident(pager, frame)) {
        return false;
    }
    uint32_t expected = frame;
    if (atomic_compare_exchange_strong_explicit(&cache->table[page_number], &expected,
                                                QR_REF_COOLING | frame, memory_order_acq_rel,
                                                memory_order_relaxed)) {
        return false;
    }
    return evict_cooling(pager, frame);
}

/* An old version that the database file still holds becomes a link to it. Not the header: its place
 * in the file is written by the first commit too, whatever snapshots are open. */
static bool evict_old(struct qr_pager *pager, uint32_t frame)
{
    struct qr_version *version = &pager->cache.frame[frame];
    uint32_t ref, holder;
    if (version->page_number == QR_PAGE_NUMBER_HEADER || !is_clean_alone(version) ||
        !qr_chain_find(pager, version->page_number, version->seq, &ref, &holder)) {
        return false;
    }
    QR_ASSERT(ref == frame && holder != QR_REF_NONE);
    qr_chain_relink(pager, version->page_number, holder, QR_REF_DISK);
    qr_version_retire(pager, frame);
    qr_count(&pager->counters.evictions, 1);
    return true;
}

static bool evict_frame(struct qr_pager *pager, uint32_t frame)
{
    struct qr_version *version = &pager->cache.frame[frame];
    if (version->spilling) {
        return false;
    }
    if (version->state == QR_VERSION_NEWEST) {
        return evict_newest(pager, frame);
    }
    return version->state == QR_VERSION_OLD && evict_old(pager, frame);
}

static bool evict_scanned(struct qr_pager *pager)
{
    struct qr_cache *cache = &pager->cache;
    while (cache->scan_count > 0) {
        uint32_t frame = cache->scan_ring[cache->scan_head];
        cache->scan_head = (cache->scan_head + 1) % cache->scan_capacity;
        cache->scan_count--;
        struct qr_version *version = &cache->frame[frame];
        if (version->state == QR_VERSION_NEWEST && is_clean_alone(version) && !version->spilling &&
            !qr_frame_is_resident(pager, frame) && evict_cooling(pager, frame)) {
            return true;
        }
    }
    return false;
}

/* A part of the bound is left to retired frames, so that the bound holds while operations are
 * short. */
static uint32_t soft_limit(const struct qr_cache *cache)
{
    uint32_t spare = cache->frames_limit / 8;
    return whole_bound(cache) - (spare < 1024 ? spare : 1024);
}

/* Frames that will be free once running operations end count as free. */
static bool over_bound(const struct qr_cache *cache, uint32_t margin)
{
    uint32_t held = atomic_load_explicit(&cache->in_use, memory_order_relaxed) - cache->retired;
    return held + margin > soft_limit(cache);
}

static void evict_clean(struct qr_pager *pager, uint32_t margin)
{
    struct qr_cache *cache = &pager->cache;
    while (over_bound(cache, margin) && evict_scanned(pager)) {
    }
    /* Two rounds: one to cool, one to evict. */
    for (uint64_t steps = 2 * (uint64_t)cache->frames_high + 2;
         steps > 0 && over_bound(cache, margin); steps--) {
        cache->hand = cache->hand >= cache->frames_high ? 1 : cache->hand + 1;
        (void)evict_frame(pager, cache->hand);
    }
}

/* ---- Spilling committed versions ---- */

#define SPILL_BATCH 16

static bool may_spill(struct qr_pager *pager, uint32_t frame, enum qr_version_state state,
                      uint64_t visible)
{
    struct qr_version *version = &pager->cache.frame[frame];
    /* Versions above the boundary may be on their way to the log; they stay in place (I6). */
    return version->state == state && !version->spilling && version->seq <= visible &&
           version->page_number != QR_PAGE_NUMBER_HEADER &&
           (state != QR_VERSION_NEWEST || !qr_frame_is_resident(pager, frame));
}

static uint32_t pick_spills(struct qr_pager *pager, enum qr_version_state state, uint32_t *frames)
{
    struct qr_cache *cache = &pager->cache;
    uint64_t visible = qr_visible_seq(pager);
    uint32_t count = 0;
    for (uint32_t i = 0; i < cache->frames_high && count < SPILL_BATCH; i++) {
        cache->hand = cache->hand >= cache->frames_high ? 1 : cache->hand + 1;
        if (may_spill(pager, cache->hand, state, visible)) {
            cache->frame[cache->hand].spilling = true;
            frames[count++] = cache->hand;
        }
    }
    return count;
}

/* Puts the record in the frame's place if the frame is still linked. Locked. */
static bool replace_by_record(struct qr_pager *pager, uint32_t frame, uint32_t record_ref)
{
    struct qr_cache *cache = &pager->cache;
    struct qr_version *from = &cache->frame[frame];
    struct qr_version *to = &cache->record[record_ref & ~QR_REF_SPILL].version;
    uint32_t ref, holder;
    if ((from->state != QR_VERSION_NEWEST && from->state != QR_VERSION_OLD) ||
        !qr_chain_find(pager, from->page_number, from->seq, &ref, &holder) || ref != frame) {
        return false;
    }
    to->seq = from->seq;
    to->page_number = from->page_number;
    to->on_disk = from->on_disk;
    to->item = from->item;
    to->state = from->state;
    atomic_store_explicit(&to->prev, atomic_load_explicit(&from->prev, memory_order_relaxed),
                          memory_order_relaxed);
    if (from->state == QR_VERSION_NEWEST && !from->on_disk) {
        (void)atomic_fetch_sub_explicit(&cache->dirty, 1, memory_order_relaxed);
    }
    qr_chain_relink(pager, from->page_number, holder, record_ref);
    qr_version_retire(pager, frame);
    return true;
}

/* Moves a batch of versions to the spill file. Locked on entry and return, unlocked in between.
 * Returns whether any frame was given up. */
static bool spill_some(struct qr_pager *pager)
{
    struct qr_cache *cache = &pager->cache;
    uint32_t frames[SPILL_BATCH];
    uint32_t refs[SPILL_BATCH];
    uint32_t count = pick_spills(pager, QR_VERSION_OLD, frames);
    if (count == 0) {
        count = pick_spills(pager, QR_VERSION_NEWEST, frames);
    }
    if (count == 0) {
        return false;
    }
    quire_error error = QUIRE_ERROR_INIT;
    quire_status status = QUIRE_OK;
    qr_mutex_unlock(&cache->lock);
    for (uint32_t i = 0; i < count; i++) {
        refs[i] = QR_REF_NONE;
        if (status == QUIRE_OK) {
            status = qr_spill_write(pager, qr_frame_bytes(pager, frames[i]), &refs[i], &error);
        }
    }
    qr_mutex_lock(&cache->lock);
    cache->spill_status = status;
    cache->spill_error = error;
    bool any = false;
    for (uint32_t i = 0; i < count; i++) {
        cache->frame[frames[i]].spilling = false;
        if (refs[i] == QR_REF_NONE) {
            continue;
        }
        if (replace_by_record(pager, frames[i], refs[i])) {
            any = true;
        } else {
            qr_record_retire(pager, refs[i]);
        }
    }
    return any;
}

/* Brings the frames down to the bound as far as running operations allow. Locked; unlocks while it
 * writes to the spill file. */
static void make_room(struct qr_pager *pager)
{
    struct qr_cache *cache = &pager->cache;
    uint32_t margin = cache->frames_limit / 16;
    margin = margin > 64 ? 64 : margin;
    qr_reclaim_poll(pager);
    if (!over_bound(cache, 1)) {
        return;
    }
    evict_clean(pager, margin);
    if (over_bound(cache, 1) && !pager->read_only) {
        for (int round = 0; round < 4 && over_bound(cache, margin); round++) {
            if (!spill_some(pager)) {
                break;
            }
        }
    }
    qr_reclaim_poll(pager);
}

/* So many retired frames are worth a barrier in all threads. */
#define REUSE_FROM 256U

quire_status qr_frame_alloc(struct qr_pager *pager, uint32_t *frame, quire_error *err)
{
    struct qr_cache *cache = &pager->cache;
    *frame = 0;
    qr_mutex_lock(&cache->lock);
    if (atomic_load_explicit(&cache->in_use, memory_order_relaxed) >= soft_limit(cache)) {
        make_room(pager);
    } else if (cache->free_list == 0 && cache->retired >= REUSE_FROM) {
        qr_reclaim_poll(pager); /* memory that has been used is better than more memory */
    }
    quire_status status = take_frame(pager, frame, err);
    qr_mutex_unlock(&cache->lock);
    return status;
}

/* ---- Back pressure ---- */

/* Long enough for a preempted thread to end its operation, short enough to bear when it does
 * not. */
#define RELAX_NS (UINT64_C(20) * QR_NS_PER_MS)

/* Much memory waits for operations to end. */
static bool is_pressed(const struct qr_cache *cache)
{
    uint32_t in_use = atomic_load_explicit(&cache->in_use, memory_order_relaxed);
    return in_use > whole_bound(cache) + cache->frames_limit / 4;
}

void qr_cache_note_pressure(struct qr_view *view)
{
    if (is_pressed(&view->pager->cache)) {
        view->attention = true;
    }
}

void qr_cache_relax(struct qr_pager *pager)
{
    struct qr_cache *cache = &pager->cache;
    uint64_t deadline = 0;
    for (;;) {
        qr_mutex_lock(&cache->lock);
        qr_reclaim_poll(pager);
        bool wait = cache->retired > 0 && is_pressed(cache);
        qr_mutex_unlock(&cache->lock);
        uint64_t now = wait ? qr_clock_monotonic_ns() : 0;
        deadline = deadline == 0 ? now + RELAX_NS : deadline;
        if (!wait || now >= deadline) {
            return;
        }
        qr_yield();
    }
}
