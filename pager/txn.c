/*
 * The write transaction: private copies of the pages that it changes.
 *
 * A second table beside the page table, seen by the writer alone, leads from
 * the page number to the private copy; it is empty between transactions. The
 * first change of a page copies the newest committed version but for the
 * checksum, which the flush leader may be computing in place. When the
 * transaction has more private pages than its share of the cache, some go to
 * the spill file at the start of its next operation, when nothing but pins can
 * point to them. savepoint.c keeps what going back to a savepoint needs.
 *
 * Concurrency: all of it is done by the thread that holds the writer lock, but
 * frames and records are taken and given back under cache.lock.
 */
#include "pager/pager_internal.h"

/* ---- Private pages ---- */

/* Private frames that a transaction may keep at the start of an operation. */
static uint32_t private_limit(const struct qr_pager *pager)
{
    return pager->cache.frames_limit / 8 * 3;
}

/* A private frame more: the next operation may have to begin with writing some. */
static void note_frames(struct qr_txn *txn)
{
    if (txn->frames > private_limit(txn->pager) || txn->fresh_pages >= txn->direct_next) {
        txn->view.attention = true;
    }
    qr_cache_note_pressure(&txn->view);
}

static quire_status own_frame(struct qr_txn *txn, uint32_t page_number, uint32_t frame, bool fresh,
                              quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    struct qr_version *version = &pager->cache.frame[frame];
    QR_TRY(qr_grow(pager->allocator, &txn->own, &txn->own_capacity, txn->own_count + 1,
                   sizeof *txn->own, err));
    QR_TRY(qr_undo_reserve(txn, 1, err));
    qr_undo_note(txn, page_number, pager->cache.private_table[page_number]);
    txn->own[txn->own_count++] = page_number;
    version->page_number = page_number;
    version->fresh = fresh;
    version->item = txn->mark;
    pager->cache.private_table[page_number] = frame;
    txn->frames++;
    txn->fresh_pages += fresh;
    txn->view.counts.copies++;
    note_frames(txn);
    return QUIRE_OK;
}

static void free_frame(struct qr_pager *pager, uint32_t frame)
{
    qr_mutex_lock(&pager->cache.lock);
    qr_frame_free(pager, frame);
    qr_mutex_unlock(&pager->cache.lock);
}

/* The transaction cannot spill and has more than its share: say why. */
static quire_status check_spill(struct qr_txn *txn, quire_error *err)
{
    struct qr_cache *cache = &txn->pager->cache;
    if (!txn->spill_failed) {
        return QUIRE_OK;
    }
    qr_mutex_lock(&cache->lock);
    quire_error error = cache->spill_error;
    qr_mutex_unlock(&cache->lock);
    if (err != NULL) {
        *err = error;
    }
    return error.status == QUIRE_OK ? QUIRE_IO : error.status;
}

quire_status qr_txn_create_page(struct qr_txn *txn, uint32_t page_number, uint8_t type,
                                uint32_t tree_id, uint8_t **page, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    uint32_t frame = 0;
    QR_TRY(check_spill(txn, err));
    QR_TRY(qr_frame_alloc(pager, &frame, err));
    uint8_t *bytes = qr_frame_bytes(pager, frame);
    qr_page_init(bytes, pager->page_size, page_number, type, tree_id);
    quire_status status = own_frame(txn, page_number, frame, true, err);
    if (status != QUIRE_OK) {
        free_frame(pager, frame);
        return status;
    }
    *page = bytes;
    return QUIRE_OK;
}

quire_status qr_txn_materialise(struct qr_txn *txn, uint32_t page_number, quire_error *err)
{
    uint8_t *page = NULL;
    for (size_t i = txn->run_count; i > 0; i--) {
        const struct qr_fresh_run *run = &txn->runs[i - 1];
        if (page_number - run->first < run->count) {
            return qr_txn_create_page(txn, page_number, run->type, run->tree_id, &page, err);
        }
    }
    return qr_fail(err, QUIRE_INTERNAL, "Page %lu of %s is allocated in no run of pages.",
                   (unsigned long)page_number, txn->pager->path);
}

quire_status qr_txn_unspill(struct qr_txn *txn, uint32_t page_number, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    struct qr_cache *cache = &pager->cache;
    uint32_t ref = cache->private_table[page_number];
    uint32_t frame = 0;
    QR_TRY(check_spill(txn, err));
    QR_TRY(qr_frame_alloc(pager, &frame, err));
    uint8_t *bytes = qr_frame_bytes(pager, frame);
    quire_status status = ref == QR_REF_HOME ? qr_page_read(pager, page_number, bytes, err)
                                             : qr_spill_read(pager, ref, bytes, err);
    txn->view.counts.reads++;
    if (status != QUIRE_OK) {
        free_frame(pager, frame);
        return status;
    }
    qr_mutex_lock(&cache->lock);
    struct qr_version *version = &cache->frame[frame];
    version->page_number = page_number;
    if (ref == QR_REF_HOME) {
        version->fresh = version->at_home = true;
    } else {
        version->fresh = qr_version_of(pager, ref)->fresh;
        version->item = qr_version_of(pager, ref)->item;
        qr_record_retire(pager, ref);
    }
    qr_mutex_unlock(&cache->lock);
    cache->private_table[page_number] = frame;
    txn->frames++;
    note_frames(txn);
    return QUIRE_OK;
}

static bool is_pinned(struct qr_txn *txn, uint32_t frame)
{
    struct qr_slots *slots = &txn->pager->slots;
    bool pinned = false;
    qr_mutex_lock(&slots->lock);
    for (struct qr_pin *pin = slots->pins; pin != NULL && !pinned; pin = pin->next) {
        pinned = pin->view == &txn->view &&
                 atomic_load_explicit(&pin->frame, memory_order_relaxed) == frame;
    }
    qr_mutex_unlock(&slots->lock);
    return pinned;
}

/* Moves a private copy, named by the word, from its frame to the spill file. */
static quire_status spill_private(struct qr_txn *txn, uint32_t page_number, uint32_t *word,
                                  quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    struct qr_cache *cache = &pager->cache;
    uint32_t frame = *word;
    uint32_t ref = QR_REF_NONE;
    QR_TRY(qr_spill_write(pager, qr_frame_bytes(pager, frame), &ref, err));
    qr_mutex_lock(&cache->lock);
    struct qr_version *version = qr_version_of(pager, ref);
    version->page_number = page_number;
    version->fresh = cache->frame[frame].fresh;
    version->item = cache->frame[frame].item;
    qr_frame_free(pager, frame);
    qr_mutex_unlock(&cache->lock);
    *word = ref;
    txn->frames--;
    return QUIRE_OK;
}

static bool may_spill(struct qr_txn *txn, uint32_t page_number, uint32_t ref)
{
    return qr_ref_is_frame(ref) && page_number != QR_PAGE_NUMBER_HEADER && !is_pinned(txn, ref);
}

bool qr_txn_make_room(struct qr_txn *txn)
{
    struct qr_cache *cache = &txn->pager->cache;
    uint32_t limit = private_limit(txn->pager);
    uint32_t enough = limit - limit / 8; /* the rest may be wanted again soon */
    quire_error error = QUIRE_ERROR_INIT;
    quire_status status = QUIRE_OK;
    qr_direct_write_ahead(txn);
    txn->spill_failed = false;
    for (size_t steps = txn->own_count; steps > 0 && status == QUIRE_OK && txn->frames > enough;
         steps--) {
        txn->spill_hand = txn->spill_hand + 1 < txn->own_count ? txn->spill_hand + 1 : 0;
        uint32_t page_number = txn->own[txn->spill_hand];
        if (may_spill(txn, page_number, cache->private_table[page_number]) &&
            !qr_direct_leave(txn, page_number)) {
            status = spill_private(txn, page_number, &cache->private_table[page_number], &error);
        }
    }
    for (size_t i = 0; i < txn->undo_count && status == QUIRE_OK && txn->frames > enough; i++) {
        struct qr_undo *note = &txn->undo[i];
        if (note->image == NULL && may_spill(txn, note->page_number, note->ref)) {
            status = spill_private(txn, note->page_number, &note->ref, &error);
        }
    }
    if (status != QUIRE_OK) {
        txn->spill_failed = true;
        qr_mutex_lock(&cache->lock);
        cache->spill_status = status;
        cache->spill_error = error;
        qr_mutex_unlock(&cache->lock);
    }
    return txn->frames > limit;
}

/* ---- Begin and end ---- */

static quire_status fail_busy(struct qr_pager *pager, uint64_t since_ns, uint32_t timeout_ms,
                              quire_error *err)
{
    char owner[QR_OWNER_SIZE];
    uint64_t now = qr_clock_monotonic_ns();
    uint64_t held_ms = since_ns == 0 || now < since_ns ? 0 : (now - since_ns) / QR_NS_PER_MS;
    qr_mutex_lock(&pager->commit.lock);
    memcpy(owner, pager->writer_owner, sizeof owner);
    qr_mutex_unlock(&pager->commit.lock);
    return qr_fail(err, QUIRE_BUSY,
                   "The writer lock of %s was not free within %u ms; %s has held it for %llu ms. "
                   "Commit or roll it back, or wait longer.",
                   pager->path, timeout_ms, owner[0] == '\0' ? "another write transaction" : owner,
                   (unsigned long long)held_ms);
}

quire_status qr_txn_begin(struct qr_pager *pager, uint32_t timeout_ms, struct qr_txn **out,
                          quire_error *err)
{
    return qr_txn_begin_as(pager, NULL, timeout_ms, out, err);
}

quire_status qr_txn_begin_as(struct qr_pager *pager, const char *owner, uint32_t timeout_ms,
                             struct qr_txn **out, quire_error *err)
{
    uint64_t since_ns = 0;
    *out = NULL;
    if (pager->read_only) {
        return qr_fail(err, QUIRE_READ_ONLY,
                       "%s is open for reading only; open it for writing to change it.",
                       pager->path);
    }
    QR_TRY(qr_commit_poisoned(pager, err));
    if (!qr_gate_enter(&pager->writer, timeout_ms, &since_ns)) {
        return fail_busy(pager, since_ns, timeout_ms, err);
    }
    quire_status status = qr_commit_poisoned(pager, err);
    struct qr_txn *txn = NULL;
    if (status == QUIRE_OK) {
        txn = qr_alloc_zero(pager->allocator, sizeof *txn, err);
        status = txn == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
    }
    if (status != QUIRE_OK) {
        qr_gate_leave(&pager->writer);
        return status;
    }
    txn->pager = pager;
    qr_view_init(pager, &txn->view, &pager->slots.slot[QR_SLOT_WRITER]);
    txn->view.private_table = pager->cache.private_table;
    txn->view.ceiling = QR_MUTANT(STALE_WRITER) ? qr_visible_seq(pager) : UINT64_MAX;
    txn->view.txn = txn;
    qr_direct_init(txn);
    qr_cache_note_pressure(&txn->view);
    qr_mutex_lock(&pager->commit.lock);
    txn->pages = txn->pages_at_begin = txn->view.pages = pager->commit.pages;
    txn->free_pages = pager->commit.free_pages;
    txn->view.sequence = pager->commit.sequence;
    qr_owner_copy(pager->writer_owner, owner);
    qr_mutex_unlock(&pager->commit.lock);
    *out = txn;
    return QUIRE_OK;
}

struct qr_view *qr_txn_view(struct qr_txn *txn)
{
    return &txn->view;
}

void qr_txn_doom(struct qr_txn *txn)
{
    txn->doomed = true;
}

bool qr_txn_doomed(const struct qr_txn *txn)
{
    return txn->doomed;
}

void qr_txn_release(struct qr_txn *txn)
{
    struct qr_pager *pager = txn->pager;
    uint32_t *private_table = pager->cache.private_table;
    QR_ASSERT(txn->view.depth == 0);
    qr_view_drop_buffers(&txn->view);
    for (size_t i = 0; i < txn->own_count; i++) {
        private_table[txn->own[i]] = QR_REF_NONE;
    }
    for (size_t i = 0; i < txn->freed_count; i++) {
        private_table[txn->freed[i]] = QR_REF_NONE;
    }
    for (size_t i = 0; i < txn->run_count; i++) {
        const struct qr_fresh_run *run = &txn->runs[i];
        for (uint32_t p = run->first; p < run->first + run->count; p++) {
            private_table[p] = QR_REF_NONE;
        }
    }
    qr_txn_free_savepoints(txn);
    qr_free(pager->allocator, txn->own, txn->own_capacity * sizeof *txn->own);
    qr_free(pager->allocator, txn->runs, txn->run_capacity * sizeof *txn->runs);
    qr_free(pager->allocator, txn->allocated, txn->allocated_capacity * sizeof *txn->allocated);
    qr_free(pager->allocator, txn->freed, txn->freed_capacity * sizeof *txn->freed);
    qr_free(pager->allocator, txn, sizeof *txn);
    qr_gate_leave(&pager->writer);
}

/* Takes the private copy of a page away; an operation of this view may still look at it. Locked. */
static void drop_private(struct qr_txn *txn, uint32_t page_number)
{
    struct qr_pager *pager = txn->pager;
    uint32_t own = pager->cache.private_table[page_number];
    pager->cache.private_table[page_number] = QR_REF_FREED;
    if (qr_ref_is_frame(own)) {
        txn->frames--;
        qr_version_retire(pager, own);
    } else if (qr_ref_is_spill(own)) {
        qr_record_retire(pager, own);
    }
}

void qr_txn_drop_page(struct qr_txn *txn, uint32_t page_number)
{
    struct qr_cache *cache = &txn->pager->cache;
    uint32_t own = cache->private_table[page_number];
    if (qr_ref_is_frame(own) || qr_ref_is_spill(own)) {
        qr_mutex_lock(&cache->lock);
        drop_private(txn, page_number);
        qr_mutex_unlock(&cache->lock);
    }
}

/* Takes all private copies away. No operation runs and no other thread has seen them, so they are
 * free at once but for what a pin still holds. */
static void drop_all_private(struct qr_txn *txn)
{
    struct qr_pager *pager = txn->pager;
    struct qr_cache *cache = &pager->cache;
    qr_mutex_lock(&cache->lock);
    qr_reclaim_mark_pins(pager);
    for (size_t i = 0; i < txn->own_count; i++) {
        uint32_t own = cache->private_table[txn->own[i]];
        if (qr_ref_is_frame(own) && cache->frame[own].pin_mark != cache->pin_scan) {
            qr_frame_free(pager, own);
            cache->private_table[txn->own[i]] = QR_REF_NONE;
        } else {
            drop_private(txn, txn->own[i]);
        }
    }
    qr_mutex_unlock(&cache->lock);
}

void qr_txn_rollback(struct qr_txn *txn)
{
    if (txn == NULL) {
        return;
    }
    struct qr_pager *pager = txn->pager;
    qr_txn_drop_savepoints(txn);
    drop_all_private(txn);
    qr_free_map_undo(txn);
    qr_count(&pager->counters.rollbacks, 1);
    qr_txn_release(txn);
}

/* Nothing that a commit would have to write. */
static bool is_unchanged(const struct qr_txn *txn)
{
    return txn->own_count == 0 && txn->freed_count == 0 && txn->pages == txn->pages_at_begin;
}

/* What comes before publishing. *empty: there was nothing to publish, and the transaction is
 * over; `seen` tells what it saw. */
static quire_status begin_commit(struct qr_txn *txn, bool *empty, struct qr_published *seen,
                                 quire_error *err)
{
    *empty = false;
    if (txn->doomed) {
        qr_txn_rollback(txn);
        return qr_fail(err, QUIRE_TXN_DOOMED,
                       "An earlier failure doomed the transaction; it was rolled back and can be "
                       "tried again.");
    }
    qr_txn_drop_savepoints(txn);
    if (is_unchanged(txn)) {
        *empty = true;
        qr_commit_newest(txn->pager, seen);
        qr_txn_release(txn);
    }
    return QUIRE_OK;
}

void qr_txn_set_note(struct qr_txn *txn, void *note)
{
    txn->note = note;
}

quire_status qr_txn_commit(struct qr_txn *txn, quire_error *err)
{
    uint64_t sequence;
    return qr_txn_commit_numbered(txn, &sequence, err);
}

quire_status qr_txn_commit_numbered(struct qr_txn *txn, uint64_t *sequence, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    struct qr_published published = {0};
    bool empty;
    *sequence = 0;
    QR_TRY(begin_commit(txn, &empty, &published, err));
    if (!empty) {
        QR_TRY(qr_commit_publish(txn, &published, err));
        *sequence = published.seq;
    }
    QR_TRY(qr_commit_wait(pager, published.seq, published.group, err));
    qr_count(&pager->counters.commits, 1);
    return QUIRE_OK;
}

quire_status qr_txn_commit_async(struct qr_txn *txn, struct qr_ticket *ticket, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    struct qr_published published = {0};
    bool empty;
    quire_status status = qr_async_start(pager, err);
    if (status != QUIRE_OK) {
        qr_txn_rollback(txn);
        return status;
    }
    QR_TRY(begin_commit(txn, &empty, &published, err));
    if (!empty) {
        QR_TRY(qr_commit_publish(txn, &published, err));
    }
    ticket->seq = published.seq;
    ticket->group = published.group;
    ticket->commit = empty ? 0 : published.seq;
    qr_async_add(pager, ticket);
    return QUIRE_OK;
}

/* ---- Pages ---- */

static quire_status copy_page(struct qr_txn *txn, uint32_t page_number, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    const uint8_t *source = NULL;
    uint32_t frame = 0;
    QR_TRY(check_spill(txn, err));
    QR_TRY(qr_view_page(&txn->view, page_number, &source, err));
    if (pager->cache.private_table[page_number] != QR_REF_NONE) {
        return QUIRE_OK; /* it was fresh or spilled: reading it has brought it back */
    }
    QR_TRY(qr_frame_alloc(pager, &frame, err));
    uint8_t *bytes = qr_frame_bytes(pager, frame);
    qr_store64(bytes + QR_PAGE_CHECKSUM, 0);
    memcpy(bytes + QR_PAGE_LSN, source + QR_PAGE_LSN, pager->page_size - QR_PAGE_LSN);
    quire_status status = own_frame(txn, page_number, frame, false, err);
    if (status != QUIRE_OK) {
        free_frame(pager, frame);
    }
    return status;
}

/* The page as a private copy, saved first if it was last saved before the savepoint `since`. */
static quire_status write_page(struct qr_txn *txn, uint32_t page_number, uint32_t since,
                               uint8_t **page, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    quire_status status = QUIRE_OK;
    *page = NULL;
    txn->view.changes++;
    if (page_number >= txn->pages || !qr_ref_is_frame(pager->cache.private_table[page_number])) {
        qr_view_enter(&txn->view);
        status = copy_page(txn, page_number, err);
        qr_view_leave(&txn->view);
    }
    if (status == QUIRE_OK && since != 0) {
        status = qr_undo_save(txn, page_number, since, err);
    }
    if (status == QUIRE_OK) {
        uint32_t frame = pager->cache.private_table[page_number];
        if (txn->direct_lsn != 0 && pager->cache.frame[frame].at_home) {
            pager->cache.frame[frame].at_home = false;
            txn->direct_changed++;
        }
        *page = qr_frame_bytes(pager, frame);
    }
    return status;
}

quire_status qr_txn_page_write(struct qr_txn *txn, uint32_t page_number, uint8_t **page,
                               quire_error *err)
{
    return write_page(txn, page_number, txn->mark, page, err);
}

quire_status qr_txn_page_touch(struct qr_txn *txn, uint32_t page_number, uint8_t **page,
                               quire_error *err)
{
    return write_page(txn, page_number, txn->undoing ? 0 : txn->savepoint_kept, page, err);
}

quire_status qr_txn_page_alloc(struct qr_txn *txn, uint8_t type, uint32_t tree_id, uint32_t near,
                               uint32_t *page_number, uint8_t **page, quire_error *err)
{
    uint32_t got = 0;
    *page = NULL;
    txn->view.changes++;
    qr_view_enter(&txn->view);
    quire_status status = qr_free_map_take(txn, near, 1, page_number, &got, err);
    if (status == QUIRE_OK) {
        status = qr_txn_create_page(txn, *page_number, type, tree_id, page, err);
        if (status != QUIRE_OK) {
            (void)qr_free_map_give(txn, *page_number, true, NULL);
        }
    }
    qr_view_leave(&txn->view);
    return status;
}

/* A run of pages below `limit`, or anywhere when that is 0. */
static quire_status alloc_run(struct qr_txn *txn, const struct qr_fresh_run *wanted, uint32_t limit,
                              uint32_t *first, uint32_t *got, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    *first = *got = 0;
    if (wanted->count == 0) {
        return qr_fail(err, QUIRE_MISUSE, "A run of pages has at least one page.");
    }
    QR_TRY(qr_grow(pager->allocator, &txn->runs, &txn->run_capacity, txn->run_count + 1,
                   sizeof *txn->runs, err));
    txn->view.changes++;
    qr_view_enter(&txn->view);
    quire_status status = limit == 0
                              ? qr_free_map_take(txn, 0, wanted->count, first, got, err)
                              : qr_free_map_take_below(txn, limit, wanted->count, first, got, err);
    qr_view_leave(&txn->view);
    if (status == QUIRE_OK) {
        status = qr_undo_reserve(txn, *got, err);
    }
    QR_TRY(status);
    txn->runs[txn->run_count++] =
        (struct qr_fresh_run){*first, *got, wanted->tree_id, wanted->type};
    for (uint32_t i = 0; i < *got; i++) {
        qr_undo_note(txn, *first + i, pager->cache.private_table[*first + i]);
        pager->cache.private_table[*first + i] = QR_REF_FRESH;
    }
    return QUIRE_OK;
}

quire_status qr_txn_page_alloc_run(struct qr_txn *txn, uint8_t type, uint32_t tree_id,
                                   uint32_t count, uint32_t *first, uint32_t *got, quire_error *err)
{
    struct qr_fresh_run wanted = {.count = count, .tree_id = tree_id, .type = type};
    return alloc_run(txn, &wanted, 0, first, got, err);
}

quire_status qr_txn_page_alloc_below(struct qr_txn *txn, uint8_t type, uint32_t tree_id,
                                     uint32_t limit, uint32_t count, uint32_t *first, uint32_t *got,
                                     quire_error *err)
{
    struct qr_fresh_run wanted = {.count = count, .tree_id = tree_id, .type = type};
    return alloc_run(txn, &wanted, limit, first, got, err);
}

/* Whether the transaction itself allocated the page. */
static bool is_fresh(struct qr_txn *txn, uint32_t page_number)
{
    struct qr_cache *cache = &txn->pager->cache;
    uint32_t own = cache->private_table[page_number];
    if (!qr_ref_is_frame(own) && !qr_ref_is_spill(own)) {
        return own == QR_REF_FRESH || own == QR_REF_HOME;
    }
    qr_mutex_lock(&cache->lock);
    bool fresh = qr_version_of(txn->pager, own)->fresh;
    qr_mutex_unlock(&cache->lock);
    return fresh;
}

/* The page is about to be freed and may come back at a savepoint; by then its place in the file may
 * hold something else. */
static quire_status keep_from_home(struct qr_txn *txn, uint32_t page_number, quire_error *err)
{
    struct qr_cache *cache = &txn->pager->cache;
    if (cache->private_table[page_number] == QR_REF_HOME) {
        QR_TRY(qr_txn_unspill(txn, page_number, err));
    }
    uint32_t own = cache->private_table[page_number];
    if (qr_ref_is_frame(own)) {
        cache->frame[own].at_home = false;
    }
    return QUIRE_OK;
}

quire_status qr_txn_page_free(struct qr_txn *txn, uint32_t page_number, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    uint32_t bits = qr_free_map_bits(pager->page_size);
    if (page_number >= txn->pages || page_number <= QR_PAGE_NUMBER_CATALOG ||
        page_number % bits == 2) {
        return qr_fail_at(err, QUIRE_CORRUPT, pager->path, page_number,
                          (uint64_t)page_number << pager->page_shift,
                          "Page %lu of %s cannot be freed: it is outside the database or has a "
                          "fixed purpose; run the check and restore from a backup.",
                          (unsigned long)page_number, pager->path);
    }
    txn->view.changes++;
    qr_view_enter(&txn->view);
    quire_status status = QUIRE_OK;
    if (txn->savepoint != 0) {
        status = keep_from_home(txn, page_number, err);
    }
    if (status == QUIRE_OK) {
        status = qr_free_map_give(txn, page_number, is_fresh(txn, page_number), err);
    }
    if (status == QUIRE_OK) {
        status = qr_undo_reserve(txn, 1, err);
    }
    if (status == QUIRE_OK && txn->savepoint != 0) {
        qr_undo_note(txn, page_number, pager->cache.private_table[page_number]);
        pager->cache.private_table[page_number] = QR_REF_FREED;
    } else if (status == QUIRE_OK) {
        qr_mutex_lock(&pager->cache.lock);
        drop_private(txn, page_number);
        qr_mutex_unlock(&pager->cache.lock);
    }
    qr_view_leave(&txn->view);
    return status;
}

quire_status qr_txn_page_move(struct qr_txn *txn, uint32_t page_number, uint32_t *to,
                              quire_error *err)
{
    const uint8_t *page;
    uint8_t *copy;
    uint32_t got;
    QR_TRY(qr_view_page(&txn->view, page_number, &page, err));
    QR_TRY(qr_txn_page_alloc_below(txn, (uint8_t)qr_page_type(page), qr_page_tree(page),
                                   page_number, 1, to, &got, err));
    if (got == 0) {
        *to = 0;
        return QUIRE_OK;
    }
    QR_TRY(qr_txn_page_write(txn, *to, &copy, err));
    memcpy(copy + QR_PAGE_TYPE, page + QR_PAGE_TYPE, txn->pager->page_size - QR_PAGE_TYPE);
    return qr_txn_page_free(txn, page_number, err);
}

/* ---- Header words ---- */

quire_status qr_view_header_word(struct qr_view *view, enum qr_header_word word, uint64_t *value,
                                 quire_error *err)
{
    const uint8_t *page = NULL;
    qr_view_enter(view);
    quire_status status = qr_view_page(view, QR_PAGE_NUMBER_HEADER, &page, err);
    if (status == QUIRE_OK) {
        *value = qr_load64(page + QR_HEADER_WORD + 8U * (unsigned)word);
    }
    qr_view_leave(view);
    return status;
}

quire_status qr_txn_set_header_word(struct qr_txn *txn, enum qr_header_word word, uint64_t value,
                                    quire_error *err)
{
    uint8_t *page = NULL;
    qr_view_enter(&txn->view);
    quire_status status = qr_txn_page_write(txn, QR_PAGE_NUMBER_HEADER, &page, err);
    if (status == QUIRE_OK) {
        qr_store64(page + QR_HEADER_WORD + 8U * (unsigned)word, value);
    }
    qr_view_leave(&txn->view);
    return status;
}
