/*
 * The free map: which pages may be allocated.
 *
 * On disk one bit a page, in map pages that are versioned like any other. In
 * memory, for each map page that has been needed so far, the set of pages that
 * are free and that no snapshot can see. The difference are the deferred pages:
 * freed by a commit that some snapshot precedes. They wait in a queue in order
 * of their commits, in memory alone, since no snapshot outlives the process.
 *
 * The database grows at its end. A map page is created when the database grows
 * to its place; pages before it that belong to it count as allocated until
 * then.
 *
 * Concurrency: the writer's alone. A failure leaves map and sets in step: the
 * bit on the private map page changes last.
 */
#include "base/bits.h"
#include "pager/pager_internal.h"

static uint32_t bits_of(const struct qr_pager *pager)
{
    return qr_free_map_bits(pager->page_size);
}

static bool is_map_page(const struct qr_pager *pager, uint32_t page_number)
{
    return page_number % bits_of(pager) == 2;
}

static size_t words_bytes(const struct qr_pager *pager)
{
    return pager->page_size - QR_PAGE_HEADER_SIZE;
}

void qr_free_map_destroy(struct qr_pager *pager)
{
    struct qr_free_map *map = &pager->free_map;
    for (size_t i = 0; i < map->region_count; i++) {
        qr_free(pager->allocator, map->regions[i].available, words_bytes(pager));
    }
    qr_free(pager->allocator, map->regions, map->region_capacity * sizeof *map->regions);
    qr_free(pager->allocator, map->deferred, map->deferred_capacity * sizeof *map->deferred);
    *map = (struct qr_free_map){0};
}

/* ---- Sets in memory ---- */

static bool is_available(const struct qr_pager *pager, uint32_t page_number)
{
    const struct qr_free_map *map = &pager->free_map;
    uint32_t bit = page_number % bits_of(pager);
    size_t region = page_number / bits_of(pager);
    return region < map->region_count && map->regions[region].available != NULL &&
           (map->regions[region].available[bit / 64] >> (bit % 64) & 1) != 0;
}

static void set_available(struct qr_pager *pager, uint32_t page_number, bool available)
{
    struct qr_free_map *map = &pager->free_map;
    if (is_available(pager, page_number) == available) {
        return;
    }
    uint32_t bit = page_number % bits_of(pager);
    struct qr_region *region = &map->regions[page_number / bits_of(pager)];
    QR_ASSERT(region->available != NULL);
    region->available[bit / 64] ^= UINT64_C(1) << (bit % 64);
    if (available) {
        region->count++;
        map->available++;
        region->hint = bit / 64 < region->hint ? bit / 64 : region->hint;
    } else {
        region->count--;
        map->available--;
    }
}

/* A step of the transaction, which a savepoint may take back. */
static void change_available(struct qr_txn *txn, uint32_t page_number, bool available)
{
    if (is_available(txn->pager, page_number) != available) {
        qr_undo_note_map(txn, page_number, available);
        set_available(txn->pager, page_number, available);
    }
}

void qr_free_map_revert(struct qr_txn *txn, uint32_t page_number, bool available)
{
    set_available(txn->pager, page_number, !available);
}

static quire_status read_map(struct qr_txn *txn, uint32_t index, const uint8_t **page,
                             quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    uint32_t page_number = qr_free_map_page(pager->page_size, index);
    QR_TRY(qr_view_page(&txn->view, page_number, page, err));
    if (qr_page_type(*page) != QR_PAGE_TYPE_FREE_MAP) {
        return qr_fail_at(err, QUIRE_CORRUPT, pager->path, page_number,
                          (uint64_t)page_number << pager->page_shift,
                          "Page %lu of %s should be part of the free map and is not; run the "
                          "check and restore from a backup.",
                          (unsigned long)page_number, pager->path);
    }
    return QUIRE_OK;
}

static quire_status load_region(struct qr_txn *txn, uint32_t index, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    struct qr_free_map *map = &pager->free_map;
    if (index < map->region_count && map->regions[index].available != NULL) {
        return QUIRE_OK;
    }
    if (index >= map->region_count) {
        QR_TRY(qr_grow(pager->allocator, &map->regions, &map->region_capacity, (size_t)index + 1,
                       sizeof *map->regions, err));
        while (map->region_count <= index) {
            map->regions[map->region_count++] = (struct qr_region){0};
        }
    }
    uint64_t *available = qr_alloc_zero(pager->allocator, words_bytes(pager), err);
    if (available == NULL) {
        return QUIRE_NO_MEMORY;
    }
    struct qr_region *region = &map->regions[index];
    uint32_t count = 0;
    if (qr_free_map_page(pager->page_size, index) < txn->pages) {
        const uint8_t *page = NULL;
        quire_status status = read_map(txn, index, &page, err);
        if (status != QUIRE_OK) {
            qr_free(pager->allocator, available, words_bytes(pager));
            return status;
        }
        for (size_t w = 0; w < words_bytes(pager) / 8; w++) {
            available[w] = qr_load64(page + QR_PAGE_HEADER_SIZE + 8 * w);
            count += qr_bit_count(available[w]);
        }
    }
    *region = (struct qr_region){available, count, 0};
    map->available += count;
    return QUIRE_OK;
}

/* ---- Bits on the map pages ---- */

static quire_status write_bit(struct qr_txn *txn, uint32_t page_number, bool is_free,
                              quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    uint32_t bit = page_number % bits_of(pager);
    uint8_t *page = NULL;
    QR_TRY(qr_txn_page_write(txn, qr_free_map_page(pager->page_size, page_number / bits_of(pager)),
                             &page, err));
    uint8_t *byte = page + QR_PAGE_HEADER_SIZE + bit / 8;
    unsigned mask = 1U << (bit % 8);
    if (((*byte & mask) != 0) == is_free) {
        return qr_fail_at(err, QUIRE_CORRUPT, pager->path, page_number,
                          (uint64_t)page_number << pager->page_shift,
                          "Page %lu of %s is to be %s but the free map says it already is; run "
                          "the check and restore from a backup.",
                          (unsigned long)page_number, pager->path, is_free ? "freed" : "used");
    }
    *byte = (uint8_t)(*byte ^ mask);
    return QUIRE_OK;
}

/* ---- Growth ---- */

/* Pages that the quota leaves. */
static uint32_t quota_left(const struct qr_txn *txn)
{
    uint32_t pages_max = txn->pager->options.pages_max;
    if (pages_max == 0) {
        return UINT32_MAX;
    }
    return txn->pages < pages_max ? pages_max - txn->pages : 0;
}

static quire_status extend(struct qr_txn *txn, uint32_t count, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    if (txn->pages < txn->pages_at_begin) {
        return qr_fail(err, QUIRE_MISUSE,
                       "The transaction has taken pages off the end of %s; add more in the next.",
                       pager->path);
    }
    if (count > quota_left(txn)) {
        return qr_fail(err, QUIRE_NO_SPACE,
                       "%s may have %lu pages, and all are in use; delete something, or open the "
                       "database with a larger pages_max.",
                       pager->path, (unsigned long)pager->options.pages_max);
    }
    if (count > pager->cache.pages_limit - txn->pages) {
        return qr_cache_cover(pager, UINT32_MAX, err);
    }
    QR_TRY(qr_cache_cover(pager, txn->pages + count, err));
    txn->pages += count;
    txn->view.pages = txn->pages;
    return QUIRE_OK;
}

static quire_status create_map_page(struct qr_txn *txn, quire_error *err)
{
    uint8_t *page = NULL;
    uint32_t page_number = txn->pages;
    bool was_there = page_number < txn->pager->commit.cut_from;
    QR_ASSERT(is_map_page(txn->pager, page_number));
    QR_TRY(extend(txn, 1, err));
    /* One that was taken off the end is still there for the snapshots that saw it. */
    quire_status status =
        was_there ? qr_txn_page_write(txn, page_number, &page, err)
                  : qr_txn_create_page(txn, page_number, QR_PAGE_TYPE_FREE_MAP, 0, &page, err);
    if (status == QUIRE_OK && was_there) {
        memset(page + QR_PAGE_HEADER_SIZE, 0, words_bytes(txn->pager));
    }
    if (status != QUIRE_OK) {
        txn->pages--;
        txn->view.pages = txn->pages;
    }
    return status;
}

/* Up to `count` pages behind the end, as far as the next map page. */
static quire_status grow(struct qr_txn *txn, uint32_t count, uint32_t *first, uint32_t *got,
                         quire_error *err)
{
    uint32_t bits = bits_of(txn->pager);
    if (is_map_page(txn->pager, txn->pages)) {
        QR_TRY(create_map_page(txn, err));
    }
    uint32_t behind = (txn->pages % bits + bits - 2) % bits; /* since the last map page */
    uint32_t room = bits - behind;
    uint32_t take = count < room ? count : room;
    uint32_t left = quota_left(txn);
    take = left > 0 && left < take ? left : take;
    *first = txn->pages;
    QR_TRY(extend(txn, take, err));
    *got = take;
    return QUIRE_OK;
}

/* Makes sure that the map page of a region exists. */
static quire_status ensure_map_page(struct qr_txn *txn, uint32_t index, quire_error *err)
{
    uint32_t place = qr_free_map_page(txn->pager->page_size, index);
    uint32_t skipped = txn->pages;
    if (txn->pages > place) {
        return QUIRE_OK;
    }
    QR_TRY(extend(txn, place - txn->pages, err));
    QR_TRY(create_map_page(txn, err));
    for (; skipped < place; skipped++) {
        QR_TRY(qr_undo_reserve(txn, 1, err));
        QR_TRY(write_bit(txn, skipped, true, err));
        change_available(txn, skipped, true);
        txn->free_pages++;
    }
    return QUIRE_OK;
}

/* ---- Search ---- */

/* Lets pages go whose freeing every snapshot has seen. */
static void drain_deferred(struct qr_txn *txn)
{
    struct qr_pager *pager = txn->pager;
    struct qr_free_map *map = &pager->free_map;
    if (map->deferred_count == 0) {
        return;
    }
    uint64_t oldest = qr_oldest_boundary(pager);
    while (map->deferred_count > 0) {
        const struct qr_deferred *page = &map->deferred[map->deferred_head];
        if (page->seq > oldest) {
            return;
        }
        set_available(pager, page->page_number, true);
        map->deferred_head = (map->deferred_head + 1) % map->deferred_capacity;
        map->deferred_count--;
    }
}

/* The first available page of a region at or after bit `from`; false when there is none. */
static bool find_one(const struct qr_pager *pager, const struct qr_region *region, uint32_t from,
                     uint32_t *bit)
{
    uint32_t words = (uint32_t)(words_bytes(pager) / 8);
    if (region->count == 0 || from / 64 >= words) {
        return false;
    }
    uint64_t word = region->available[from / 64] & (UINT64_MAX << (from % 64));
    for (uint32_t w = from / 64;;) {
        if (word != 0) {
            *bit = w * 64 + qr_lowest_bit(word);
            return true;
        }
        if (++w == words) {
            return false;
        }
        word = region->available[w];
    }
}

static bool find_near(struct qr_pager *pager, uint32_t near, uint32_t *page_number)
{
    struct qr_free_map *map = &pager->free_map;
    uint32_t bits = bits_of(pager);
    uint32_t index = (near + 1) / bits;
    uint32_t bit = 0;
    if (index >= map->region_count || map->regions[index].available == NULL) {
        return false;
    }
    if (!find_one(pager, &map->regions[index], (near + 1) % bits, &bit) &&
        !find_one(pager, &map->regions[index], 0, &bit)) {
        return false;
    }
    *page_number = index * bits + bit;
    return true;
}

static bool find_any(struct qr_pager *pager, uint32_t *page_number)
{
    struct qr_free_map *map = &pager->free_map;
    for (size_t i = 0; i < map->region_count; i++) {
        uint32_t index = (uint32_t)((map->cursor + i) % map->region_count);
        struct qr_region *region = &map->regions[index];
        uint32_t bit = 0;
        if (region->available != NULL && find_one(pager, region, region->hint * 64, &bit)) {
            region->hint = bit / 64;
            map->cursor = index;
            *page_number = index * bits_of(pager) + bit;
            return true;
        }
    }
    return false;
}

/* The longest run of up to `count` pages in one region, starting the search in it at bit 0. */
static uint32_t longest_run(const struct qr_pager *pager, const struct qr_region *region,
                            uint32_t count, uint32_t *first)
{
    uint32_t best = 0;
    uint32_t bit = 0;
    uint32_t bits = bits_of(pager);
    while (best < count && find_one(pager, region, bit, &bit)) {
        uint32_t end = bit + 1;
        while (end < bits && end - bit < count &&
               (region->available[end / 64] >> (end % 64) & 1) != 0) {
            end++;
        }
        if (end - bit > best) {
            best = end - bit;
            *first = bit;
        }
        bit = end;
    }
    return best;
}

static uint32_t find_run(struct qr_pager *pager, uint32_t count, uint32_t *first)
{
    struct qr_free_map *map = &pager->free_map;
    uint32_t best = 0;
    for (uint32_t i = 0; i < map->region_count && best < count; i++) {
        uint32_t bit = 0;
        if (map->regions[i].available == NULL || map->regions[i].count <= best) {
            continue;
        }
        uint32_t run = longest_run(pager, &map->regions[i], count, &bit);
        if (run > best) {
            best = run;
            *first = i * bits_of(pager) + bit;
        }
    }
    return best;
}

/* Reads map pages until one has something to give, when the header says that there is more than is
 * known. */
static quire_status load_more(struct qr_txn *txn, uint32_t near, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    struct qr_free_map *map = &pager->free_map;
    uint32_t bits = bits_of(pager);
    uint64_t known = map->available + map->deferred_count + txn->freed_count;
    if (known >= txn->free_pages) {
        return QUIRE_OK;
    }
    if (near != 0 && near < txn->pages) {
        QR_TRY(load_region(txn, near / bits, err));
    }
    uint32_t regions = (txn->pages - 1) / bits + 1;
    for (uint32_t i = 0; i < regions && map->available == 0; i++) {
        QR_TRY(load_region(txn, i, err));
    }
    return QUIRE_OK;
}

static quire_status take_from_map(struct qr_txn *txn, uint32_t first, uint32_t count,
                                  quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    QR_TRY(qr_grow(pager->allocator, &txn->allocated, &txn->allocated_capacity,
                   txn->allocated_count + count, sizeof *txn->allocated, err));
    for (uint32_t p = first; p < first + count; p++) {
        if (p >= txn->pages || is_map_page(pager, p)) {
            return qr_fail_at(err, QUIRE_CORRUPT, pager->path, p, (uint64_t)p << pager->page_shift,
                              "The free map of %s lists page %lu, which is not to be had; run the "
                              "check and restore from a backup.",
                              pager->path, (unsigned long)p);
        }
        QR_TRY(qr_undo_reserve(txn, 1, err));
        QR_TRY(write_bit(txn, p, false, err));
        change_available(txn, p, false);
        txn->allocated[txn->allocated_count++] = p;
        txn->free_pages--;
    }
    return QUIRE_OK;
}

quire_status qr_free_map_take(struct qr_txn *txn, uint32_t near, uint32_t count, uint32_t *first,
                              uint32_t *got, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    struct qr_free_map *map = &pager->free_map;
    if (!txn->drained || map->available == 0) {
        drain_deferred(txn);
        txn->drained = true;
    }
    QR_TRY(load_more(txn, near, err));
    uint32_t best = 0;
    if (map->available > 0 && count == 1) {
        best = (near != 0 && find_near(pager, near, first)) || find_any(pager, first) ? 1 : 0;
    } else if (map->available > 0) {
        best = find_run(pager, count, first);
        /* A short run is worth it only when much of the file lies free. */
        best = best == count || map->available > txn->pages / 4 ? best : 0;
    }
    if (best == 0) {
        return grow(txn, count, first, got, err);
    }
    *got = best;
    return take_from_map(txn, *first, best, err);
}

quire_status qr_free_map_take_below(struct qr_txn *txn, uint32_t limit, uint32_t count,
                                    uint32_t *first, uint32_t *got, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    uint32_t bits = bits_of(pager);
    *got = 0;
    drain_deferred(txn);
    for (uint32_t i = 0; i <= limit / bits; i++) {
        uint32_t bit = 0;
        QR_TRY(load_region(txn, i, err));
        struct qr_region *region = &pager->free_map.regions[i];
        if (!find_one(pager, region, region->hint * 64, &bit)) {
            continue;
        }
        region->hint = bit / 64;
        *first = i * bits + bit;
        while (*got < count && bit + *got < bits && *first + *got < limit &&
               is_available(pager, *first + *got)) {
            ++*got;
        }
        return take_from_map(txn, *first, *got, err);
    }
    return QUIRE_OK;
}

static quire_status reserve_deferred(struct qr_pager *pager, size_t more, quire_error *err)
{
    struct qr_free_map *map = &pager->free_map;
    size_t needed = map->deferred_count + more;
    if (needed <= map->deferred_capacity) {
        return QUIRE_OK;
    }
    struct qr_deferred *ring = NULL;
    size_t capacity = 0;
    QR_TRY(
        qr_grow(pager->allocator, &ring, &capacity, needed + needed / 2 + 16, sizeof *ring, err));
    for (size_t i = 0; i < map->deferred_count; i++) {
        ring[i] = map->deferred[(map->deferred_head + i) % map->deferred_capacity];
    }
    qr_free(pager->allocator, map->deferred, map->deferred_capacity * sizeof *ring);
    map->deferred = ring;
    map->deferred_capacity = capacity;
    map->deferred_head = 0;
    return QUIRE_OK;
}

quire_status qr_free_map_give(struct qr_txn *txn, uint32_t page_number, bool fresh,
                              quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    uint32_t region = page_number / bits_of(pager);
    QR_TRY(load_region(txn, region, err));
    QR_TRY(ensure_map_page(txn, region, err));
    if (!fresh) {
        QR_TRY(qr_grow(pager->allocator, &txn->freed, &txn->freed_capacity, txn->freed_count + 1,
                       sizeof *txn->freed, err));
        QR_TRY(reserve_deferred(pager, txn->freed_count + 1, err));
    }
    QR_TRY(qr_undo_reserve(txn, 1, err));
    QR_TRY(write_bit(txn, page_number, true, err));
    txn->free_pages++;
    if (fresh) {
        change_available(txn, page_number, true);
    } else {
        txn->freed[txn->freed_count++] = page_number;
    }
    return QUIRE_OK;
}

/* ---- End of the transaction ---- */

void qr_free_map_published(struct qr_txn *txn, uint64_t seq)
{
    struct qr_free_map *map = &txn->pager->free_map;
    for (size_t i = 0; i < txn->freed_count; i++) {
        QR_ASSERT(map->deferred_count < map->deferred_capacity);
        size_t at = (map->deferred_head + map->deferred_count++) % map->deferred_capacity;
        map->deferred[at] = (struct qr_deferred){seq, txn->freed[i]};
    }
}

void qr_free_map_undo(struct qr_txn *txn)
{
    struct qr_pager *pager = txn->pager;
    for (size_t i = 0; i < txn->allocated_count; i++) {
        set_available(pager, txn->allocated[i], true);
    }
    for (uint32_t p = txn->pages_at_begin; p < txn->pages; p++) {
        set_available(pager, p, false);
    }
}

quire_status qr_view_page_is_free(struct qr_view *view, uint32_t page_number, bool *is_free,
                                  quire_error *err)
{
    struct qr_pager *pager = view->pager;
    uint32_t bit = page_number % bits_of(pager);
    uint32_t map_page = qr_free_map_page(pager->page_size, page_number / bits_of(pager));
    const uint8_t *page = NULL;
    *is_free = false;
    if (map_page >= view->pages) {
        return QUIRE_OK;
    }
    qr_view_enter(view);
    quire_status status = qr_view_page(view, map_page, &page, err);
    if (status == QUIRE_OK) {
        *is_free = (page[QR_PAGE_HEADER_SIZE + bit / 8] >> (bit % 8) & 1) != 0;
    }
    qr_view_leave(view);
    return status;
}

/* ---- The end of the database ---- */

quire_status qr_view_last_used(struct qr_view *view, uint32_t below, uint32_t *page_number,
                               quire_error *err)
{
    struct qr_pager *pager = view->pager;
    uint32_t bits = bits_of(pager);
    quire_status status = QUIRE_OK;
    *page_number = 0;
    qr_view_enter(view);
    for (uint32_t p = below; p > QR_PAGE_NUMBER_FREE_MAP + 1 && status == QUIRE_OK;) {
        uint32_t region = --p / bits;
        const uint8_t *map = NULL;
        if (qr_free_map_page(pager->page_size, region) < view->pages) {
            status = qr_view_page(view, qr_free_map_page(pager->page_size, region), &map, err);
        }
        for (; status == QUIRE_OK && p / bits == region && p > QR_PAGE_NUMBER_FREE_MAP; p--) {
            uint8_t byte = map == NULL ? 0 : map[QR_PAGE_HEADER_SIZE + p % bits / 8];
            if (!is_map_page(pager, p) && (byte >> (p % 8) & 1) == 0) {
                *page_number = p;
                qr_view_leave(view);
                return QUIRE_OK;
            }
        }
        p++;
    }
    qr_view_leave(view);
    return status;
}

/* What remains when the last page goes: a free one, or one of the free map with the free ones among
 * the two before it that it covers. *end stays the end when it has to stay. */
static quire_status find_end(struct qr_txn *txn, uint32_t *end, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    uint32_t last = txn->pages - 1;
    bool is_free[2]; /* the pages before it */
    *end = txn->pages;
    QR_TRY(load_region(txn, last / bits_of(pager), err));
    if (!is_map_page(pager, last)) {
        QR_TRY(qr_view_page_is_free(&txn->view, last, &is_free[0], err));
        bool goes = is_available(pager, last) || (is_free[0] && QR_MUTANT(CUT_UNDER_SNAPSHOTS));
        *end = goes ? last : *end;
        return QUIRE_OK;
    }
    if (last == QR_PAGE_NUMBER_FREE_MAP) {
        return QUIRE_OK;
    }
    for (uint32_t i = 0; i < 2; i++) {
        QR_TRY(qr_view_page_is_free(&txn->view, last - 2 + i, &is_free[i], err));
        if (is_free[i] && !is_available(pager, last - 2 + i)) {
            return QUIRE_OK;
        }
    }
    /* Without the map page a free one before a used one could not be marked. */
    if (is_free[1] || !is_free[0]) {
        *end = last - (is_free[1] ? 1 : 0) - (is_free[0] ? 1 : 0);
    }
    return QUIRE_OK;
}

static quire_status take_off(struct qr_txn *txn, uint32_t end, quire_error *err)
{
    for (uint32_t p = end; p < txn->pages; p++) {
        if (!is_map_page(txn->pager, p)) {
            QR_TRY(take_from_map(txn, p, 1, err));
        }
    }
    for (uint32_t p = end; p < txn->pages; p++) {
        qr_txn_drop_page(txn, p);
    }
    txn->pages = end;
    txn->view.pages = end;
    txn->view.changes++;
    return QUIRE_OK;
}

static quire_status trim(struct qr_txn *txn, uint32_t *cut, quire_error *err)
{
    uint8_t *header;
    uint32_t end;
    drain_deferred(txn);
    QR_TRY(find_end(txn, &end, err));
    if (end < txn->pages) {
        /* A commit has at least one page. */
        QR_TRY(qr_txn_page_write(txn, QR_PAGE_NUMBER_HEADER, &header, err));
    }
    while (end < txn->pages) {
        *cut += txn->pages - end;
        QR_TRY(take_off(txn, end, err));
        QR_TRY(find_end(txn, &end, err));
    }
    return QUIRE_OK;
}

quire_status qr_txn_trim(struct qr_txn *txn, uint32_t *cut, bool *waiting, quire_error *err)
{
    *cut = 0;
    *waiting = false;
    if (txn->savepoint != 0) {
        return qr_fail(err, QUIRE_MISUSE, "A savepoint is open.");
    }
    qr_view_enter(&txn->view);
    quire_status status = trim(txn, cut, err);
    *waiting = txn->pager->free_map.deferred_count > 0;
    qr_view_leave(&txn->view);
    if (status != QUIRE_OK) {
        txn->doomed = true;
    }
    return status;
}

quire_status qr_free_map_count(struct qr_view *view, uint32_t *free_pages, quire_error *err)
{
    struct qr_pager *pager = view->pager;
    quire_status status = QUIRE_OK;
    *free_pages = 0;
    for (uint64_t at = QR_PAGE_NUMBER_FREE_MAP; status == QUIRE_OK && at < view->pages;
         at += bits_of(pager)) {
        const uint8_t *page = NULL;
        qr_view_enter(view);
        status = qr_view_page(view, (uint32_t)at, &page, err);
        for (size_t w = 0; status == QUIRE_OK && w < words_bytes(pager) / 8; w++) {
            *free_pages += qr_bit_count(qr_load64(page + QR_PAGE_HEADER_SIZE + 8 * w));
        }
        qr_view_leave(view);
    }
    return status;
}
