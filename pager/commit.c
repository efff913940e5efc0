/*
 * The commit pipeline: publish, group, flush, acknowledge.
 *
 * A commit publishes its pages under the group lock: they become the newest
 * versions, invisible to snapshots, and join the open group. Then it lets the
 * next writer in and waits. Whoever waits first takes the flush token, closes
 * the open group and writes it to the log while the next group gathers: one
 * frame a page and group, however many commits changed the page. When the log
 * is synced (FULL) or written (NORMAL, OFF) the end of the group becomes the
 * boundary that new snapshots take, and everybody in the group is
 * acknowledged. The writer lock does not appear after publishing, so no
 * acknowledgement waits for somebody's open transaction.
 *
 * A leader that expects company waits for it, at most half the time that a
 * flush takes. A lone writer never waits and never switches threads.
 *
 * Room in the log is reserved before publishing, so that a full disk is an
 * ordinary rollback. Any write or sync that fails later poisons: what was
 * published and not acknowledged is of unknown outcome, no more is accepted,
 * and snapshots go on at the last boundary.
 *
 * Concurrency: commit.lock (rank GROUP) guards the two groups, the numbers and
 * the token. The group in flight belongs to the holder of the token.
 */
#include "pager/pager_internal.h"

quire_status qr_commit_create(struct qr_pager *pager, quire_error *err)
{
    struct qr_commit *commit = &pager->commit;
    quire_status status = QUIRE_OK;
    QR_TRY(qr_mutex_init(&commit->lock, QR_RANK_GROUP, err));
    QR_TRY_GOTO(status, qr_async_create(pager, err), no_async);
    QR_TRY_GOTO(status, qr_cond_init(&commit->idle, err), no_idle);
    commit->staging =
        qr_alloc(pager->allocator, (size_t)QR_STAGING_PAGES << pager->page_shift, err);
    if (commit->staging == NULL) {
        status = QUIRE_NO_MEMORY;
        goto no_staging;
    }
    QR_TRY_GOTO(status, qr_delta_create(pager, err), no_delta);
    return QUIRE_OK;

no_delta:
    qr_free(pager->allocator, commit->staging, (size_t)QR_STAGING_PAGES << pager->page_shift);
    commit->staging = NULL;
no_staging:
    qr_cond_destroy(&commit->idle);
no_idle:
    qr_async_destroy(pager);
no_async:
    qr_mutex_destroy(&commit->lock);
    return status;
}

void qr_commit_destroy(struct qr_pager *pager)
{
    struct qr_commit *commit = &pager->commit;
    if (commit->staging == NULL) {
        return;
    }
    qr_free(pager->allocator, commit->open.items,
            commit->open.capacity * sizeof *commit->open.items);
    qr_free(pager->allocator, commit->flight.items,
            commit->flight.capacity * sizeof *commit->flight.items);
    qr_free(pager->allocator, commit->staging, (size_t)QR_STAGING_PAGES << pager->page_shift);
    qr_delta_destroy(pager);
    qr_cond_destroy(&commit->idle);
    qr_async_destroy(pager);
    qr_mutex_destroy(&commit->lock);
    commit->staging = NULL;
}

void qr_commit_start(struct qr_pager *pager, uint64_t sequence, uint32_t pages, uint32_t free_pages,
                     bool header_open)
{
    struct qr_commit *commit = &pager->commit;
    commit->sequence = sequence;
    commit->pages = pages;
    commit->free_pages = free_pages;
    commit->header_open = header_open;
    commit->open.start = sequence + 1;
    commit->open.end = sequence;
    commit->expect = 1;
    atomic_store_explicit(&commit->synced_seq, sequence, memory_order_relaxed);
    qr_boundary_publish(pager, sequence, pages);
}

/* ---- Poison ---- */

quire_status qr_commit_poisoned(struct qr_pager *pager, quire_error *err)
{
    struct qr_commit *commit = &pager->commit;
    if (!atomic_load_explicit(&commit->poisoned, memory_order_acquire)) {
        return QUIRE_OK;
    }
    return qr_fail(err, QUIRE_POISONED,
                   "%s refuses writes since an earlier failure (%s); close and reopen it.",
                   pager->path, commit->poison.message);
}

static void poison_locked(struct qr_commit *commit, const quire_error *why)
{
    if (!atomic_load_explicit(&commit->poisoned, memory_order_relaxed)) {
        commit->poison = *why;
        atomic_store_explicit(&commit->poisoned, true, memory_order_release);
    }
}

/* ---- Sleep ---- */

static _Atomic uint32_t *turn_of(struct qr_commit *commit, uint64_t group)
{
    return &commit->turn[group % QR_GROUP_WORDS];
}

/* Makes those who are about to sleep on the word look again; those who sleep are woken without the
 * lock, which they would wait for otherwise. Group lock held. */
static void change_turn(_Atomic uint32_t *turn)
{
    (void)atomic_fetch_add_explicit(turn, 1, memory_order_relaxed);
}

/* Whether somebody may sleep on a word as it was before its last change: they count themselves
 * under the lock before they do. Without, a commit saves the calls. Group lock held. */
static bool has_sleepers(const struct qr_commit *commit)
{
    return atomic_load_explicit(&commit->sleepers, memory_order_relaxed) > 0;
}

/* Group lock held. */
static void wake_all(struct qr_commit *commit)
{
    for (unsigned i = 0; i < QR_GROUP_WORDS; i++) {
        change_turn(&commit->turn[i]);
        qr_futex_wake(&commit->turn[i], UINT32_MAX);
    }
    qr_cond_broadcast(&commit->idle);
}

/* After what `moved` of the watch is for. No locks held. */
static void tell_moved(const struct qr_pager *pager)
{
    if (pager->options.watch.moved != NULL) {
        pager->options.watch.moved(pager->options.watch.context);
    }
}

void qr_commit_poison(struct qr_pager *pager, const quire_error *why)
{
    qr_mutex_lock(&pager->commit.lock);
    poison_locked(&pager->commit, why);
    wake_all(&pager->commit);
    qr_mutex_unlock(&pager->commit.lock);
    tell_moved(pager);
}

quire_status qr_pager_check(struct qr_pager *pager, quire_error *err)
{
    return qr_commit_poisoned(pager, err);
}

uint64_t qr_pager_visible(struct qr_pager *pager)
{
    return qr_visible_seq(pager);
}

/* ---- The flush token ---- */

void qr_token_take(struct qr_pager *pager)
{
    struct qr_commit *commit = &pager->commit;
    qr_mutex_lock(&commit->lock);
    commit->token_wanted++;
    while (commit->flushing) {
        qr_cond_wait(&commit->idle, &commit->lock);
    }
    commit->token_wanted--;
    commit->flushing = true;
    qr_mutex_unlock(&commit->lock);
}

void qr_token_release(struct qr_pager *pager)
{
    struct qr_commit *commit = &pager->commit;
    qr_mutex_lock(&commit->lock);
    commit->flushing = false;
    wake_all(commit);
    qr_mutex_unlock(&commit->lock);
}

/* ---- Flushing a group ---- */

/* Lets the group end with a page of its newest commit: when a checkpoint frees the segments that it
 * began in, the frames that remain still tell how far the log has come. */
static void put_newest_last(struct qr_pager *pager, struct qr_group *group)
{
    for (size_t i = group->count; i > 0; i--) {
        struct qr_group_item item = group->items[i - 1];
        if (qr_ref_is_frame(item.ref) &&
            qr_page_lsn(qr_frame_bytes(pager, item.ref)) == group->end) {
            group->items[i - 1] = group->items[group->count - 1];
            group->items[group->count - 1] = item;
            return;
        }
    }
}

/* Before the first commit of this opening is acknowledged, the header on disk must say that the log
 * belongs to the file's content. The log holds the header page already, so a torn write is repaired
 * from it. */
static quire_status open_header(struct qr_pager *pager, const struct qr_group *group,
                                quire_error *err)
{
    for (size_t i = 0; i < group->count; i++) {
        if (group->items[i].page_number != QR_PAGE_NUMBER_HEADER) {
            continue;
        }
        const uint8_t *page = qr_frame_bytes(pager, group->items[i].ref);
        QR_TRY(qr_file_write_one(pager->file, page, pager->page_size, 0, err));
        QR_TRY(qr_database_sync(pager, err));
        if (qr_load64(page + QR_HEADER_BOOT) != 0) {
            qr_pager_relax(pager);
        }
        return QUIRE_OK;
    }
    return QUIRE_OK;
}

/* Closes the open group. False when it is empty. Group lock held. */
static bool swap_groups(struct qr_commit *commit)
{
    struct qr_group *open = &commit->open;
    if (open->end < open->start) {
        return false;
    }
    struct qr_group flight = *open;
    *open = commit->flight;
    commit->flight = flight;
    open->count = 0;
    open->commits = 0;
    open->start = flight.end + 1;
    open->end = flight.end;
    open->pages = flight.pages;
    open->free_pages = flight.free_pages;
    open->number = flight.number + 1;
    atomic_store_explicit(&commit->joined, 0, memory_order_relaxed);
    return true;
}

static quire_status flush_flight(struct qr_pager *pager, bool sync, quire_error *err)
{
    struct qr_commit *commit = &pager->commit;
    const struct qr_group *group = &commit->flight;
    put_newest_last(pager, &commit->flight);
    if (QR_MUTANT(ACKNOWLEDGE_BEFORE_SYNC) && commit->header_open) {
        QR_TRY(qr_wal_sync(pager->wal, err));
        return qr_delta_write_group(pager, group, err);
    }
    QR_TRY(qr_delta_write_group(pager, group, err));
    if (sync || !commit->header_open) {
        QR_TRY(qr_wal_sync(pager->wal, err));
        atomic_store_explicit(&commit->synced_seq, group->end, memory_order_release);
    }
    if (!commit->header_open) {
        QR_TRY(open_header(pager, group, err));
    }
    return QUIRE_OK;
}

/* Writes the group in flight, if there is `any`. */
static quire_status write_closed(struct qr_pager *pager, bool any, bool sync, quire_error *err)
{
    struct qr_commit *commit = &pager->commit;
    uint64_t visible = qr_visible_seq(pager);
    if (any) {
        return flush_flight(pager, sync, err);
    }
    if (sync && atomic_load_explicit(&commit->synced_seq, memory_order_relaxed) < visible) {
        QR_TRY(qr_wal_sync(pager->wal, err));
        atomic_store_explicit(&commit->synced_seq, visible, memory_order_release);
    }
    return QUIRE_OK;
}

/* The outcome of that: the group becomes visible, or the pager is poisoned. Group lock held. */
static void conclude(struct qr_pager *pager, bool any, quire_status status,
                     const quire_error *error)
{
    struct qr_commit *commit = &pager->commit;
    if (status != QUIRE_OK) {
        poison_locked(commit, error);
        wake_all(commit);
    } else if (any) {
        commit->header_open = true;
        qr_boundary_publish(pager, commit->flight.end, commit->flight.pages);
        change_turn(turn_of(commit, commit->flight.number));
        qr_count(&pager->counters.groups, 1);
    }
}

static quire_status flush_closed(struct qr_pager *pager, bool any, bool sync, quire_error *err)
{
    struct qr_commit *commit = &pager->commit;
    quire_error error = QUIRE_ERROR_INIT;
    quire_status status = write_closed(pager, any, sync, &error);
    qr_mutex_lock(&commit->lock);
    conclude(pager, any, status, &error);
    bool wakes = has_sleepers(commit);
    qr_mutex_unlock(&commit->lock);
    tell_moved(pager);
    if (status != QUIRE_OK) {
        if (err != NULL) {
            *err = error;
        }
        return status;
    }
    if (any) {
        if (wakes) {
            qr_futex_wake(turn_of(commit, commit->flight.number), UINT32_MAX);
        }
        qr_version_collect(pager);
    }
    return QUIRE_OK;
}

quire_status qr_group_flush(struct qr_pager *pager, bool sync, quire_error *err)
{
    struct qr_commit *commit = &pager->commit;
    QR_TRY(qr_commit_poisoned(pager, err));
    qr_mutex_lock(&commit->lock);
    bool any = swap_groups(commit);
    qr_mutex_unlock(&commit->lock);
    return flush_closed(pager, any, sync, err);
}

quire_status qr_pager_settle(struct qr_pager *pager, quire_error *err)
{
    qr_token_take(pager);
    quire_status status =
        qr_group_flush(pager, pager->options.durability == QUIRE_DURABILITY_FULL, err);
    qr_token_release(pager);
    return status;
}

/* ---- Publishing ---- */

/* Room for `count` more pages in group and version chains. Group lock held. */
static quire_status reserve_publish(struct qr_pager *pager, size_t count, quire_error *err)
{
    struct qr_group *group = &pager->commit.open;
    QR_TRY(qr_grow(pager->allocator, &group->items, &group->capacity, group->count + count,
                   sizeof *group->items, err));
    qr_mutex_lock(&pager->cache.lock);
    quire_status status = qr_supersede_reserve(pager, count, err);
    qr_mutex_unlock(&pager->cache.lock);
    return status;
}

/* The open group takes the numbers of the newest commit. Group lock held. */
static void extend_group(struct qr_commit *commit, uint64_t seq)
{
    commit->sequence = seq;
    commit->open.end = seq;
    commit->open.pages = commit->pages;
    commit->open.free_pages = commit->free_pages;
}

#define PUBLISH_BATCH 512U

static void publish_pages(struct qr_txn *txn, uint64_t seq)
{
    struct qr_pager *pager = txn->pager;
    struct qr_cache *cache = &pager->cache;
    for (size_t at = 0; at < txn->own_count;) {
        size_t end = txn->own_count - at > PUBLISH_BATCH ? at + PUBLISH_BATCH : txn->own_count;
        qr_mutex_lock(&cache->lock);
        for (; at < end; at++) {
            uint32_t page_number = txn->own[at];
            uint32_t ref = cache->private_table[page_number];
            if (qr_direct_publish(txn, page_number, ref)) {
                cache->private_table[page_number] = QR_REF_NONE;
                continue;
            }
            if (!qr_ref_is_frame(ref) && !qr_ref_is_spill(ref)) {
                continue;
            }
            if (page_number == QR_PAGE_NUMBER_HEADER) {
                qr_header_stamp(qr_frame_bytes(pager, ref),
                                &(struct qr_header_numbers){.sequence = seq,
                                                            .boot = pager->boot,
                                                            .pages = txn->pages,
                                                            .free_pages = txn->free_pages});
                pager->commit.header_framed = true;
            }
            qr_version_publish(pager, page_number, ref, seq, qr_version_of(pager, ref)->fresh);
            cache->private_table[page_number] = QR_REF_NONE;
        }
        qr_mutex_unlock(&cache->lock);
    }
}

/* Whether the group must frame page 0 and the transaction does not bring it: after the direct route
 * there may be nothing else to frame. Group lock held. */
static bool lacks_header(const struct qr_txn *txn)
{
    const struct qr_commit *commit = &txn->pager->commit;
    return (!commit->header_open || !commit->header_framed || txn->direct_lsn != 0) &&
           txn->pager->cache.private_table[QR_PAGE_NUMBER_HEADER] == QR_REF_NONE;
}

/* The commit may leave fewer pages than there were. Group lock held. */
static void note_cut(struct qr_commit *commit, uint32_t pages, uint64_t seq)
{
    if (pages < commit->pages) {
        commit->cut_seq = seq;
        commit->cut_from = commit->pages > commit->cut_from ? commit->pages : commit->cut_from;
    }
}

/* Makes the transaction's pages the newest. On failure nothing has happened. */
static quire_status publish(struct qr_txn *txn, struct qr_published *out, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    struct qr_commit *commit = &pager->commit;
    qr_mutex_lock(&commit->lock);
    quire_status status = qr_commit_poisoned(pager, err);
    if (status == QUIRE_OK) {
        status = reserve_publish(pager, txn->own_count, err);
    }
    out->done = status == QUIRE_OK && !lacks_header(txn);
    if (out->done) {
        size_t before = commit->open.count;
        QR_ASSERT(!txn->direct_unsynced);
        out->seq = commit->sequence + 1;
        publish_pages(txn, out->seq);
        note_cut(commit, txn->pages, out->seq);
        commit->pages = txn->pages;
        commit->free_pages = txn->free_pages;
        extend_group(commit, out->seq);
        commit->open.commits++;
        (void)atomic_fetch_add_explicit(&commit->joined, 1, memory_order_relaxed);
        out->group = commit->open.number;
        out->frames = commit->open.count - before;
        if (txn->note != NULL) {
            pager->options.watch.published(pager->options.watch.context, txn->note, out->seq);
        }
    }
    qr_mutex_unlock(&commit->lock);
    return status;
}

quire_status qr_group_flush_header(struct qr_pager *pager, bool clean, bool *room, quire_error *err)
{
    struct qr_commit *commit = &pager->commit;
    struct qr_cache *cache = &pager->cache;
    enum qr_wal_room state = QR_WAL_ROOM_WAIT;
    uint32_t frame = 0;
    *room = false;
    QR_TRY(qr_wal_reserve(pager->wal, 1, &state, err));
    if (state == QR_WAL_ROOM_WAIT && !commit->delta.packed) {
        return QUIRE_OK;
    }
    if (state == QR_WAL_ROOM_WAIT) {
        QR_TRY(qr_wal_reserve_beyond(pager->wal, 1, err));
    }
    *room = true;
    quire_status status = qr_frame_alloc(pager, &frame, err);
    if (status != QUIRE_OK) {
        qr_wal_unreserve(pager->wal, 1);
        return status;
    }
    uint8_t *bytes = qr_frame_bytes(pager, frame);
    qr_mutex_lock(&commit->lock);
    status = reserve_publish(pager, 1, err);
    size_t before = commit->open.count;
    qr_mutex_lock(&cache->lock);
    if (status == QUIRE_OK) {
        uint64_t seq = commit->sequence + 1;
        const uint8_t *source = qr_frame_bytes(pager, qr_chain_head(pager, QR_PAGE_NUMBER_HEADER));
        memcpy(bytes + QR_PAGE_LSN, source + QR_PAGE_LSN, pager->page_size - QR_PAGE_LSN);
        qr_header_stamp(bytes, &(struct qr_header_numbers){.sequence = seq,
                                                           .boot = clean ? 0 : pager->boot,
                                                           .pages = commit->pages,
                                                           .free_pages = commit->free_pages,
                                                           .clean = clean});
        qr_version_publish(pager, QR_PAGE_NUMBER_HEADER, frame, seq, false);
        extend_group(commit, seq);
        commit->header_framed = false; /* this one ends its segment */
    } else {
        qr_frame_free(pager, frame);
    }
    qr_mutex_unlock(&cache->lock);
    size_t added = commit->open.count - before;
    /* Closed at once: a commit that joined now would go into the segment behind its header. */
    bool any = status == QUIRE_OK && swap_groups(commit);
    qr_mutex_unlock(&commit->lock);
    if (added == 0) {
        qr_wal_unreserve(pager->wal, 1);
    }
    QR_TRY(status);
    return flush_closed(pager, any, true, err);
}

/* ---- Waiting ---- */

/* The leader's wait for others who are about to commit. */
static void gather_company(struct qr_pager *pager)
{
    struct qr_commit *commit = &pager->commit;
    uint32_t expect = commit->expect;
    if (expect <= 1 || pager->options.durability != QUIRE_DURABILITY_FULL) {
        return;
    }
    uint64_t deadline = qr_clock_monotonic_ns() + commit->flush_ns / 2;
    while (atomic_load_explicit(&commit->joined, memory_order_relaxed) < expect &&
           qr_clock_monotonic_ns() < deadline) {
        qr_yield();
    }
}

/* What the next leader may expect of its group and its flush. Group lock held. */
static void learn(struct qr_commit *commit, uint64_t took_ns)
{
    uint32_t company =
        commit->flight.commits + atomic_load_explicit(&commit->joined, memory_order_relaxed);
    uint32_t faded = commit->expect * 7 / 8;
    commit->expect = company > faded ? company : faded;
    commit->flush_ns = commit->flush_ns == 0 ? took_ns : (commit->flush_ns * 7 + took_ns) / 8;
}

/*
 * Closes the open group and flushes it. Token held, taken under the lock;
 * releases it in the same step that makes the group visible, so that whoever is
 * woken by that finds the token free, or taken by a commit that came meanwhile.
 */
static void lead(struct qr_pager *pager)
{
    struct qr_commit *commit = &pager->commit;
    quire_error error = QUIRE_ERROR_INIT;
    bool sync = pager->options.durability == QUIRE_DURABILITY_FULL && !QR_MUTANT(NO_COMMIT_SYNC);
    gather_company(pager);
    uint64_t begun_ns = qr_clock_monotonic_ns();
    qr_mutex_lock(&commit->lock);
    bool any = swap_groups(commit);
    uint64_t group = commit->flight.number;
    qr_mutex_unlock(&commit->lock);
    quire_status status = write_closed(pager, any, sync, &error);
    uint64_t took_ns = qr_clock_monotonic_ns() - begun_ns;

    qr_mutex_lock(&commit->lock);
    conclude(pager, any, status, &error);
    learn(commit, took_ns);
    commit->flushing = false;
    _Atomic uint32_t *next = turn_of(commit, commit->open.number);
    change_turn(next);
    if (commit->token_wanted > 0) {
        wake_all(commit);
    }
    bool wakes = has_sleepers(commit);
    qr_mutex_unlock(&commit->lock);
    if (wakes) {
        qr_futex_wake(turn_of(commit, group), UINT32_MAX);
        qr_futex_wake(next, 1); /* to lead, if nobody does yet */
    }
    tell_moved(pager);
    if (status == QUIRE_OK) {
        qr_version_collect(pager);
        (void)qr_checkpoint_wish(pager);
    }
}

quire_status qr_commit_wait(struct qr_pager *pager, uint64_t seq, uint64_t group, quire_error *err)
{
    struct qr_commit *commit = &pager->commit;
    _Atomic uint32_t *turn = turn_of(commit, group);
    while (qr_visible_seq(pager) < seq) {
        qr_mutex_lock(&commit->lock);
        bool known = qr_visible_seq(pager) >= seq;
        bool poisoned = atomic_load_explicit(&commit->poisoned, memory_order_relaxed);
        bool leads = !known && !poisoned && !commit->flushing && commit->token_wanted == 0;
        uint32_t value = atomic_load_explicit(turn, memory_order_relaxed);
        bool sleeps = !known && !poisoned && !leads;
        commit->flushing = commit->flushing || leads;
        if (sleeps) {
            (void)atomic_fetch_add_explicit(&commit->sleepers, 1, memory_order_relaxed);
        }
        qr_mutex_unlock(&commit->lock);
        if (leads) {
            lead(pager);
        } else if (sleeps) {
            (void)qr_futex_wait(turn, value, QR_NO_DEADLINE);
            (void)atomic_fetch_sub_explicit(&commit->sleepers, 1, memory_order_relaxed);
        } else if (!known) {
            return qr_fail(err, QUIRE_COMMIT_UNKNOWN,
                           "The commit to %s could not be confirmed (%s); close and reopen the "
                           "database to learn whether it survived.",
                           pager->path, commit->poison.message);
        }
    }
    return QUIRE_OK;
}

/* ---- Commit ---- */

/* Reserves room in the log, waiting for the checkpointer when the ring is full. */
static quire_status reserve_log(struct qr_pager *pager, size_t frames, quire_error *err)
{
    for (int rounds = 0; rounds < 64; rounds++) {
        enum qr_wal_room room = QR_WAL_ROOM_WAIT;
        QR_TRY(qr_commit_poisoned(pager, err));
        QR_TRY(qr_wal_reserve(pager->wal, frames, &room, err));
        if (room == QR_WAL_ROOM_READY) {
            return QUIRE_OK;
        }
        QR_TRY(qr_checkpoint_wait(pager, err));
    }
    return qr_fail(err, QUIRE_NO_SPACE,
                   "The log of %s has no room for a commit of %zu pages; raise wal_bytes_max or "
                   "commit in smaller steps.",
                   pager->path, frames);
}

/* Lets the checkpointer catch up when too many pages are dirty, or the policy is impatient. */
static void wait_for_checkpointer(struct qr_pager *pager)
{
    uint32_t limit = pager->cache.frames_limit / 2;
    for (int rounds = 0; rounds < 3; rounds++) {
        bool many = atomic_load_explicit(&pager->cache.dirty, memory_order_relaxed) > limit;
        if (!many && !atomic_load_explicit(&pager->checkpoint.urgent, memory_order_relaxed)) {
            return;
        }
        if (qr_checkpoint_wait(pager, NULL) != QUIRE_OK) {
            return;
        }
    }
}

/* The direct route ends behind the last operation: the beginning of one may write pages ahead, and
 * all that is written must be synced before the transaction is published. */
static quire_status prepare(struct qr_txn *txn, size_t *reserved, quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    uint8_t *page = NULL;
    wait_for_checkpointer(pager);
    QR_TRY(qr_versions_bound(txn, err));
    qr_mutex_lock(&pager->commit.lock);
    bool with_header = lacks_header(txn);
    qr_mutex_unlock(&pager->commit.lock);
    if (with_header) {
        QR_TRY(qr_txn_page_write(txn, QR_PAGE_NUMBER_HEADER, &page, err));
    }
    QR_TRY(qr_direct_finish(txn, err));
    *reserved = qr_direct_count_logged(txn);
    return reserve_log(pager, *reserved, err);
}

static quire_status prepare_and_publish(struct qr_txn *txn, struct qr_published *out,
                                        quire_error *err)
{
    struct qr_pager *pager = txn->pager;
    *out = (struct qr_published){0};
    while (!out->done) {
        size_t reserved = 0;
        QR_TRY(prepare(txn, &reserved, err));
        quire_status status = publish(txn, out, err);
        if (out->frames < reserved) {
            qr_wal_unreserve(pager->wal, reserved - out->frames);
        }
        QR_TRY(status);
    }
    return QUIRE_OK;
}

quire_status qr_commit_publish(struct qr_txn *txn, struct qr_published *out, quire_error *err)
{
    quire_status status = prepare_and_publish(txn, out, err);
    if (status != QUIRE_OK) {
        qr_txn_rollback(txn);
        return status;
    }
    qr_free_map_published(txn, out->seq);
    if (QR_MUTANT(TRUNCATE_EARLY)) {
        (void)qr_file_resize(txn->pager, txn->pages, true, NULL);
    }
    qr_txn_release(txn);
    return QUIRE_OK;
}

void qr_commit_newest(struct qr_pager *pager, struct qr_published *out)
{
    struct qr_commit *commit = &pager->commit;
    qr_mutex_lock(&commit->lock);
    bool in_flight = commit->open.end < commit->open.start;
    *out = (struct qr_published){.seq = commit->sequence,
                                 .group = commit->open.number - (in_flight ? 1 : 0)};
    qr_mutex_unlock(&commit->lock);
}
