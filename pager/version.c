/*
 * Version chains: publishing, finding, and dropping what no snapshot needs.
 *
 * A superseded version [seq, by) is needed while a snapshot lies in that
 * interval. Until the group that superseded it is visible, the newest boundary
 * itself is such a snapshot; afterwards only open ones are. Each superseded
 * version is looked at once when its successor has become visible, against the
 * snapshots open then: it is dropped, or kept for one of them and looked at
 * again when that one ends. So the work is one look a version and snapshot, and
 * a chain has at most two nodes more than there are distinct snapshots.
 *
 * A version superseded within the group that it belongs to was never a
 * boundary and is dropped at once.
 *
 * Concurrency: links change under cache.lock; readers follow them without it,
 * inside an operation, so what is unlinked is retired, not freed.
 */
#include "pager/pager_internal.h"

struct qr_version *qr_version_of(struct qr_pager *pager, uint32_t ref)
{
    if (qr_ref_is_frame(ref)) {
        return &pager->cache.frame[ref];
    }
    if (qr_ref_is_spill(ref)) {
        return &pager->cache.record[ref & ~QR_REF_SPILL].version;
    }
    return NULL;
}

uint32_t qr_chain_head(struct qr_pager *pager, uint32_t page_number)
{
    uint32_t word = atomic_load_explicit(&pager->cache.table[page_number], memory_order_acquire);
    if (qr_ref_is_cooling(word)) {
        return word & QR_FRAME_LIMIT;
    }
    return qr_ref_is_loading(word) ? QR_REF_NONE : word;
}

bool qr_chain_find(struct qr_pager *pager, uint32_t page_number, uint64_t seq, uint32_t *ref,
                   uint32_t *holder)
{
    *holder = QR_REF_NONE;
    *ref = qr_chain_head(pager, page_number);
    for (;;) {
        struct qr_version *version = qr_version_of(pager, *ref);
        if (version == NULL || version->seq < seq) {
            return false;
        }
        if (version->seq == seq) {
            return true;
        }
        *holder = *ref;
        *ref = atomic_load_explicit(&version->prev, memory_order_relaxed);
    }
}

void qr_chain_relink(struct qr_pager *pager, uint32_t page_number, uint32_t holder, uint32_t ref)
{
    /* Release: what the ref names is complete before a reader can follow it. */
    if (holder == QR_REF_NONE) {
        atomic_store_explicit(&pager->cache.table[page_number], ref, memory_order_release);
    } else {
        atomic_store_explicit(&qr_version_of(pager, holder)->prev, ref, memory_order_release);
    }
}

uint32_t qr_chain_at(struct qr_pager *pager, uint32_t head, uint64_t ceiling)
{
    uint32_t ref = head;
    for (;;) {
        struct qr_version *version = qr_version_of(pager, ref);
        if (version == NULL || version->seq <= ceiling) {
            return ref;
        }
        ref = atomic_load_explicit(&version->prev, memory_order_acquire);
    }
}

/* ---- Supersede entries ---- */

quire_status qr_supersede_reserve(struct qr_pager *pager, size_t count, quire_error *err)
{
    struct qr_cache *cache = &pager->cache;
    size_t held = (size_t)qr_counted(&cache->versions_held);
    return qr_grow(pager->allocator, &cache->supersede, &cache->supersede_capacity, held + count,
                   sizeof *cache->supersede, err);
}

static void list_append(struct qr_cache *cache, struct qr_supersede_list *list, uint32_t entry)
{
    cache->supersede[entry - 1].next = 0;
    if (list->tail == 0) {
        list->head = entry;
    } else {
        cache->supersede[list->tail - 1].next = entry;
    }
    list->tail = entry;
}

static uint32_t list_pop(struct qr_cache *cache, struct qr_supersede_list *list)
{
    uint32_t entry = list->head;
    if (entry != 0) {
        list->head = cache->supersede[entry - 1].next;
        list->tail = list->head == 0 ? 0 : list->tail;
    }
    return entry;
}

void qr_supersede_add(struct qr_pager *pager, uint32_t page_number, uint64_t seq, uint64_t by,
                      bool late)
{
    struct qr_cache *cache = &pager->cache;
    uint32_t entry = cache->supersede_free;
    if (entry != 0) {
        cache->supersede_free = cache->supersede[entry - 1].next;
    } else {
        QR_ASSERT(cache->supersede_used < cache->supersede_capacity);
        entry = ++cache->supersede_used;
    }
    cache->supersede[entry - 1] =
        (struct qr_supersede){.seq = seq, .by = by, .page_number = page_number};
    list_append(cache, late ? &cache->recheck : &cache->superseded, entry);
    qr_count(&cache->versions_held, 1);
}

static void entry_free(struct qr_cache *cache, uint32_t entry)
{
    cache->supersede[entry - 1].next = cache->supersede_free;
    cache->supersede_free = entry;
    (void)atomic_fetch_sub_explicit(&cache->versions_held, 1, memory_order_relaxed);
}

/* ---- Publishing ---- */

/* The version of a ref that is a frame or a record. */
static struct qr_version *version_held(struct qr_pager *pager, uint32_t ref)
{
    QR_ASSERT(qr_ref_is_frame(ref) || qr_ref_is_spill(ref));
    return qr_ref_is_frame(ref) ? &pager->cache.frame[ref]
                                : &pager->cache.record[ref & ~QR_REF_SPILL].version;
}

/* The predecessor belongs to the open group: take its place. */
static void replace_in_group(struct qr_pager *pager, uint32_t before, uint32_t ref)
{
    struct qr_version *old = version_held(pager, before);
    struct qr_version *version = version_held(pager, ref);
    struct qr_group *group = &pager->commit.open;
    atomic_store_explicit(&version->prev, atomic_load_explicit(&old->prev, memory_order_relaxed),
                          memory_order_relaxed);
    version->item = old->item;
    version->fresh = version->fresh || old->fresh;
    QR_ASSERT(group->items[version->item].page_number == version->page_number);
    group->items[version->item].ref = ref;
}

void qr_version_publish(struct qr_pager *pager, uint32_t page_number, uint32_t ref, uint64_t seq,
                        bool fresh)
{
    struct qr_cache *cache = &pager->cache;
    struct qr_group *group = &pager->commit.open;
    struct qr_version *version = version_held(pager, ref);
    uint32_t before = qr_chain_head(pager, page_number);
    struct qr_version *old = qr_version_of(pager, before);
    bool replaces = old != NULL && old->seq >= group->start;

    version->seq = seq; /* NOLINT(clang-analyzer-core.NullDereference): the cache has frames */
    version->page_number = page_number;
    version->on_disk = false;
    version->state = QR_VERSION_NEWEST;
    if (qr_ref_is_frame(ref)) {
        uint8_t *bytes = qr_frame_bytes(pager, ref);
        qr_store64(bytes + QR_PAGE_LSN, seq);
        qr_store32(bytes + QR_PAGE_NUMBER, page_number);
        (void)atomic_fetch_add_explicit(&cache->dirty, 1, memory_order_relaxed);
    }
    if (old != NULL && qr_ref_is_frame(before) && !old->on_disk) {
        (void)atomic_fetch_sub_explicit(&cache->dirty, 1, memory_order_relaxed);
    }
    if (replaces) {
        replace_in_group(pager, before, ref);
    } else {
        uint32_t below = old != NULL ? before : fresh ? QR_REF_NONE : QR_REF_DISK;
        atomic_store_explicit(&version->prev, below, memory_order_relaxed);
        version->item = (uint32_t)group->count;
        QR_ASSERT(group->count < group->capacity);
        group->items[group->count++] = (struct qr_group_item){ref, page_number};
        if (old != NULL) {
            old->state = QR_VERSION_OLD;
            qr_supersede_add(pager, page_number, old->seq, seq, false);
        }
    }
    atomic_store_explicit(&cache->table[page_number], ref, memory_order_release);
    if (replaces) {
        qr_version_retire(pager, before);
    }
}

/* ---- Dropping ---- */

/* At most this many looks under one hold of the lock. */
#define COLLECT_MAX 1024

static void drop_version(struct qr_pager *pager, const struct qr_supersede *entry)
{
    uint32_t ref, holder;
    if (!qr_chain_find(pager, entry->page_number, entry->seq, &ref, &holder)) {
        return; /* it has become a link to the database file */
    }
    QR_ASSERT(holder != QR_REF_NONE);
    uint32_t below = atomic_load_explicit(&qr_version_of(pager, ref)->prev, memory_order_relaxed);
    qr_chain_relink(pager, entry->page_number, holder, below);
    qr_version_retire(pager, ref);
}

/* Notes the slots that hold a snapshot. The newest boundary has been read before. */
static void note_live(struct qr_slots *slots)
{
    atomic_thread_fence(memory_order_seq_cst);
    slots->live_count = 0;
    for (uint32_t i = 0; i < slots->count; i++) {
        if (atomic_load_explicit(&slots->slot[i].snapshot, memory_order_acquire) !=
            QR_NO_SNAPSHOT) {
            slots->live[slots->live_count++] = i;
        }
    }
}

/* A slot whose snapshot needs the version; NULL when none does. */
static struct qr_slot *slot_in_need(struct qr_slots *slots, const struct qr_supersede *entry)
{
    for (uint32_t i = 0; i < slots->live_count; i++) {
        struct qr_slot *slot = &slots->slot[slots->live[i]];
        uint64_t seq = atomic_load_explicit(&slot->snapshot, memory_order_seq_cst);
        if (seq >= entry->seq && seq < entry->by) {
            return slot;
        }
    }
    return NULL;
}

static void recheck_slot(struct qr_cache *cache, struct qr_slot *slot)
{
    uint32_t entry = atomic_exchange_explicit(&slot->held, 0, memory_order_seq_cst);
    while (entry != 0) {
        uint32_t next = cache->supersede[entry - 1].next;
        list_append(cache, &cache->recheck, entry);
        (void)atomic_fetch_sub_explicit(&cache->versions_kept, 1, memory_order_relaxed);
        entry = next;
    }
}

static void judge(struct qr_pager *pager, uint32_t entry)
{
    struct qr_cache *cache = &pager->cache;
    struct qr_supersede *what = &cache->supersede[entry - 1];
    struct qr_slot *slot = slot_in_need(&pager->slots, what);
    if (slot == NULL) {
        drop_version(pager, what);
        entry_free(cache, entry);
        return;
    }
    what->next = atomic_load_explicit(&slot->held, memory_order_relaxed);
    atomic_store_explicit(&slot->held, entry, memory_order_seq_cst);
    qr_count(&cache->versions_kept, 1);
    /* The snapshot may have ended before it could see the entry. */
    uint64_t seq = atomic_load_explicit(&slot->snapshot, memory_order_seq_cst);
    if (seq < what->seq || seq >= what->by) {
        recheck_slot(cache, slot);
    }
}

/* Locked. */
static void drop_chain(struct qr_pager *pager, uint32_t page_number)
{
    struct qr_cache *cache = &pager->cache;
    uint32_t ref = qr_chain_head(pager, page_number);
    struct qr_version *version = qr_version_of(pager, ref);
    if (version == NULL) {
        return;
    }
    if (qr_ref_is_frame(ref) && !version->on_disk) {
        (void)atomic_fetch_sub_explicit(&cache->dirty, 1, memory_order_relaxed);
    }
    atomic_store_explicit(&cache->table[page_number], QR_REF_NONE, memory_order_release);
    while (version != NULL) {
        uint32_t below = atomic_load_explicit(&version->prev, memory_order_relaxed);
        qr_version_retire(pager, ref);
        ref = below;
        version = qr_version_of(pager, ref);
    }
}

void qr_version_drop_pages(struct qr_pager *pager, uint32_t from, uint32_t to)
{
    struct qr_cache *cache = &pager->cache;
    while (from < to) {
        qr_mutex_lock(&cache->lock);
        for (int looks = 0; looks < COLLECT_MAX && from < to; looks++) {
            drop_chain(pager, from++);
        }
        qr_mutex_unlock(&cache->lock);
    }
}

/* Returns whether there is more to look at. Locked. */
static bool collect_some(struct qr_pager *pager)
{
    struct qr_cache *cache = &pager->cache;
    if (cache->recheck.head == 0 && cache->superseded.head == 0) {
        return false;
    }
    uint64_t visible = qr_visible_seq(pager);
    note_live(&pager->slots);
    for (int looks = 0; looks < COLLECT_MAX; looks++) {
        uint32_t entry = list_pop(cache, &cache->recheck);
        if (entry == 0) {
            uint32_t head = cache->superseded.head;
            if (head == 0 || cache->supersede[head - 1].by > visible) {
                return false;
            }
            entry = list_pop(cache, &cache->superseded);
        }
        judge(pager, entry);
    }
    return true;
}

void qr_version_collect(struct qr_pager *pager)
{
    struct qr_cache *cache = &pager->cache;
    bool more = true;
    while (more) {
        qr_mutex_lock(&cache->lock);
        more = collect_some(pager);
        if (cache->retired_count >= 256) {
            qr_reclaim_poll(pager);
        }
        qr_mutex_unlock(&cache->lock);
    }
}

void qr_version_release_slot(struct qr_pager *pager, struct qr_slot *slot)
{
    struct qr_cache *cache = &pager->cache;
    qr_mutex_lock(&cache->lock);
    recheck_slot(cache, slot);
    qr_mutex_unlock(&cache->lock);
    qr_version_collect(pager);
}
