/*
 * The direct route: pages that a large transaction has allocated go straight to
 * their places in the database file, and not through the log.
 *
 * A transaction takes it once it has allocated more pages than a small part of
 * the log would hold, whatever filled them: rows in order, an index, a large
 * value. It begins with a group of its own that frames page 0 alone, synced:
 * then all earlier commits are durable, so that no recovery wants what the
 * pages held before, and the number of that group, given to nothing else, is
 * the lsn of the pages. They are written in long runs as they get full, again
 * if they change, and leave memory without a copy in the spill file. Behind the
 * last operation, page 0 being among what it changed, and before the commit is
 * published the database file is synced; the commit's frames are those of the
 * pages that existed before, and of page 0.
 *
 * A page goes this way only when nothing in memory has an image of it that the
 * database file lacks: then no checkpoint writes over it, and what the log
 * still frames of it is older than its lsn. A clean image in the cache is
 * dropped first. Nobody else can reach the page: every snapshot has seen it
 * freed, or does not have it. All other pages are committed as usual.
 *
 * A transaction that ends otherwise leaves bytes in free pages and behind the
 * end. With a hook that wants to see every change in sealed segments nothing
 * goes this way.
 *
 * Concurrency: the writer's alone; the page table and versions under
 * cache.lock, the file's length under file_lock, since a checkpoint may change
 * it too. A write that fails leaves its pages to the next attempt, the last of
 * which is the commit's; a sync that fails poisons.
 */
#include <stdlib.h>

#include "pager/pager_internal.h"

/* Pages allocated from which a transaction goes this way: so many, or a quarter of the log. */
#define DIRECT_FROM       1024U
#define DIRECT_FROM_LEAST 8U

/* Pages of one write, and the newest ones, which are likely to change once more. */
#define BATCH 256U
#define KEEP  64U

void qr_direct_init(struct qr_txn *txn)
{
    struct qr_pager *pager = txn->pager;
    uint64_t quarter = pager->options.wal_bytes_max / 4 >> pager->page_shift;
    uint32_t from = quarter < DIRECT_FROM ? (uint32_t)quarter : DIRECT_FROM;
    bool logged = pager->options.hooks.segment_sealed != NULL;
    from = from < DIRECT_FROM_LEAST ? DIRECT_FROM_LEAST : from;
    txn->direct_next = logged ? UINT64_MAX : from;
}

/* The group of page 0. Without room in the log there is another attempt later. */
static void begin(struct qr_txn *txn)
{
    struct qr_pager *pager = txn->pager;
    bool room = false;
    if (QR_MUTANT(NO_BULK_FENCE)) {
        txn->direct_lsn = qr_visible_seq(pager);
        return;
    }
    if (qr_commit_poisoned(pager, NULL) != QUIRE_OK) {
        return;
    }
    qr_token_take(pager);
    quire_status status = qr_group_flush_header(pager, false, &room, NULL);
    if (status == QUIRE_OK && room) {
        txn->direct_lsn = qr_visible_seq(pager);
        txn->direct_hand = 0;
    }
    qr_token_release(pager);
    if (status == QUIRE_OK && !room) {
        qr_checkpoint_ask(pager);
    }
}

/* ---- Writing ---- */

static bool is_unwritten(const struct qr_cache *cache, uint32_t ref)
{
    return qr_ref_is_frame(ref) && cache->frame[ref].fresh && !cache->frame[ref].at_home;
}

/* Whether the page's place in the file may be written: see the top. Locked. */
static bool is_ready(struct qr_pager *pager, uint32_t page_number)
{
    struct qr_cache *cache = &pager->cache;
    uint32_t head = qr_chain_head(pager, page_number);
    if (head != QR_REF_NONE && !qr_ref_is_frame(head)) {
        return false;
    }
    if (head == QR_REF_NONE) {
        return atomic_load_explicit(&cache->table[page_number], memory_order_relaxed) ==
               QR_REF_NONE;
    }
    const struct qr_version *version = &cache->frame[head];
    if (!version->on_disk || version->spilling ||
        atomic_load_explicit(&version->prev, memory_order_relaxed) != QR_REF_NONE) {
        return false;
    }
    atomic_store_explicit(&cache->table[page_number], QR_REF_NONE, memory_order_relaxed);
    qr_version_retire(pager, head);
    return true;
}

/* Writes private pages, whose numbers ascend, in runs. */
static quire_status write_runs(struct qr_txn *txn, const uint32_t *pages, uint32_t count,
                               quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    struct qr_iovec vector[BATCH];
    for (uint32_t at = 0; at < count;) {
        uint32_t n = 0;
        while (at + n < count && pages[at + n] == pages[at] + n) {
            uint8_t *bytes = qr_frame_bytes(pager, pager->cache.private_table[pages[at + n]]);
            qr_store64(bytes + QR_PAGE_LSN, txn->direct_lsn);
            qr_page_seal(pager, pages[at + n], bytes);
            vector[n++] = (struct qr_iovec){bytes, pager->page_size};
        }
        uint64_t offset = (uint64_t)pages[at] << pager->page_shift;
        QR_TRY(pager->file->methods->write(pager->file, vector, n, offset, err));
        qr_count(&pager->counters.pages_written, n);
        qr_count(&pager->counters.pages_direct, n);
        at += n;
    }
    return QUIRE_OK;
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* One hint a batch. A page that leaves memory alone gets none: where keys come in no order it is
 * back soon and changes, and a write that the device has under way would be waited for. */
static void start_writing(struct qr_pager *pager, uint32_t first, uint32_t last)
{
    pager->file->methods->write_behind(pager->file, (uint64_t)first << pager->page_shift,
                                       (uint64_t)(last - first + 1) << pager->page_shift);
}

/* Writes those of up to BATCH pages, in any order, that may and must be written. */
static quire_status write_some(struct qr_txn *txn, uint32_t *pages, uint32_t count,
                               quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    struct qr_cache *cache = &pager->cache;
    uint32_t kept = 0;
    if (count > 1) {
        qsort(pages, count, sizeof *pages, compare_numbers);
    }
    qr_mutex_lock(&cache->lock);
    for (uint32_t i = 0; i < count; i++) {
        bool again = kept > 0 && pages[i] == pages[kept - 1];
        if (!again && is_unwritten(cache, cache->private_table[pages[i]]) &&
            is_ready(pager, pages[i])) {
            pages[kept++] = pages[i];
        }
    }
    qr_mutex_unlock(&cache->lock);
    if (kept == 0) {
        return QUIRE_OK;
    }
    /* A checkpoint that lengthens a short file would cut what is written meanwhile. */
    QR_TRY(qr_file_resize(pager, txn->pages, false, err));
    txn->direct_unsynced = true;
    QR_TRY(write_runs(txn, pages, kept, err));
    if (count > 1) {
        start_writing(pager, pages[0], pages[kept - 1]);
    }
    for (uint32_t i = 0; i < kept; i++) {
        cache->frame[cache->private_table[pages[i]]].at_home = true;
    }
    txn->direct_written += kept;
    return QUIRE_OK;
}

/* Pages that changed after they were written, by chance or because keys come in no order, are
 * better left alone until the commit. */
static bool is_wasteful(const struct qr_txn *txn)
{
    return txn->direct_changed > txn->direct_written / 8 + KEEP;
}

void qr_direct_write_ahead(struct qr_txn *txn)
{
    uint32_t pages[BATCH];
    if (txn->fresh_pages < txn->direct_next) {
        return;
    }
    txn->direct_next = txn->fresh_pages + BATCH;
    if (txn->direct_lsn == 0) {
        begin(txn);
    }
    if (txn->direct_lsn == 0 || is_wasteful(txn)) {
        return;
    }
    while (txn->own_count - txn->direct_hand >= BATCH + KEEP) {
        memcpy(pages, txn->own + txn->direct_hand, sizeof pages);
        if (write_some(txn, pages, BATCH, NULL) != QUIRE_OK) {
            txn->direct_next = UINT64_MAX; /* the commit will say why */
            return;
        }
        txn->direct_hand += BATCH;
    }
}

bool qr_direct_leave(struct qr_txn *txn, uint32_t page_number)
{
    struct qr_cache *cache = &txn->pager->cache;
    uint32_t frame = cache->private_table[page_number];
    if (txn->direct_lsn == 0) {
        return false;
    }
    if (is_unwritten(cache, frame)) {
        uint32_t one = page_number;
        if (write_some(txn, &one, 1, NULL) != QUIRE_OK) {
            return false;
        }
    }
    if (!cache->frame[frame].at_home) {
        return false;
    }
    qr_mutex_lock(&cache->lock);
    qr_frame_free(txn->pager, frame);
    qr_mutex_unlock(&cache->lock);
    cache->private_table[page_number] = QR_REF_HOME;
    txn->frames--;
    return true;
}

/* ---- The commit ---- */

quire_status qr_direct_finish(struct qr_txn *txn, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    uint32_t pages[BATCH];
    if (txn->direct_lsn == 0) {
        return QUIRE_OK;
    }
    qsort(txn->own, txn->own_count, sizeof *txn->own, compare_numbers);
    for (size_t at = 0; at < txn->own_count;) {
        uint32_t count = 0;
        for (; at < txn->own_count && count < BATCH; at++) {
            if (is_unwritten(&pager->cache, pager->cache.private_table[txn->own[at]])) {
                pages[count++] = txn->own[at];
            }
        }
        QR_TRY(write_some(txn, pages, count, err));
    }
    if (txn->direct_unsynced && !QR_MUTANT(NO_BULK_SYNC)) {
        QR_TRY(qr_database_sync_shared(pager, err));
    }
    txn->direct_unsynced = false;
    return QUIRE_OK;
}

size_t qr_direct_count_logged(const struct qr_txn *txn)
{
    const struct qr_cache *cache = &txn->pager->cache;
    size_t count = 0;
    for (size_t i = 0; i < txn->own_count; i++) {
        uint32_t ref = cache->private_table[txn->own[i]];
        count += qr_ref_is_spill(ref) || (qr_ref_is_frame(ref) && !cache->frame[ref].at_home);
    }
    return count;
}

bool qr_direct_publish(struct qr_txn *txn, uint32_t page_number, uint32_t ref)
{
    struct qr_pager *pager = txn->pager;
    struct qr_cache *cache = &pager->cache;
    if (ref == QR_REF_HOME) {
        ref = QR_REF_NONE;
    } else if (qr_ref_is_frame(ref) && cache->frame[ref].at_home) {
        struct qr_version *version = &cache->frame[ref];
        version->seq = txn->direct_lsn;
        version->on_disk = true;
        version->state = QR_VERSION_NEWEST;
        atomic_store_explicit(&version->prev, QR_REF_NONE, memory_order_relaxed);
    } else {
        return false;
    }
    /* An inspector may have looked at the free page since: what it read, or is reading, goes. */
    uint32_t before = qr_chain_head(pager, page_number);
    atomic_store_explicit(&cache->table[page_number], ref, memory_order_release);
    if (before != QR_REF_NONE) {
        qr_version_retire(pager, before);
    }
    return true;
}
