/*
 * The checkpointer: copies committed pages into the database file, so that the
 * log's segments can be used again.
 *
 * A run logs images of the pages that the log has only changes of (delta.c),
 * flushes and syncs the open group, ends the active segment with a group
 * that frames page 0, and takes a snapshot: its boundary is synced, so nothing
 * reaches the database file before it is durable in the log (I1). Then it
 * writes, sorted and coalesced, the version visible at the boundary of every
 * page framed in the sealed segments, syncs the database file, and only then
 * releases the segments (I2). Readers are never waited for: they keep their
 * versions in memory or in the spill file. When a snapshot needs the image that
 * is about to be overwritten and only the database file has it, that image is
 * loaded into the chain first.
 *
 * Concurrency: one run at a time (checkpoint.running); checkpoint.lock is not
 * held while it runs. The flush token is held while segments are sealed, not
 * while pages are written.
 */
#include "pager/pager_internal.h"

/* Pages written under one operation. */
#define BATCH         256U
#define GATHER_VECTOR 256U

/* Longest wait for the writer lock before the file is cut. */
#define CUT_WAIT_MS 10U

struct copy {
    uint32_t page_number;
    uint32_t ref; /* NONE: nothing to write */
    uint64_t seq;
};

struct run {
    struct qr_pager *pager;
    struct qr_view *view;
    uint32_t *pages; /* framed in sealed segments, sorted */
    size_t count;
    uint64_t *seqs; /* of the versions written; 0 = none */
    uint64_t generation;
    uint8_t *staging; /* QR_STAGING_PAGES images of spilled versions */
};

/* ---- Which version to write ---- */

/* Whether an open snapshot lies below `seq`. */
static bool snapshot_below(struct qr_pager *pager, uint64_t seq)
{
    return qr_oldest_boundary(pager) < seq;
}

/* Older versions than the one about to be written stop being on disk. Returns the version whose
 * link names the database file, NONE when none does. Locked. */
static uint32_t detach_older(struct qr_pager *pager, uint32_t ref)
{
    for (;;) {
        uint32_t below =
            atomic_load_explicit(&qr_version_of(pager, ref)->prev, memory_order_relaxed);
        if (below == QR_REF_DISK) {
            return ref;
        }
        if (below == QR_REF_NONE) {
            return QR_REF_NONE;
        }
        qr_version_of(pager, below)->on_disk = false;
        ref = below;
    }
}

/* Decides about one page. Returns false when an image must first be saved from the database file.
 * Locked. */
static bool plan_page(struct run *run, uint32_t page_number, struct copy *copy)
{
    struct qr_pager *pager = run->pager;
    uint32_t ref = qr_chain_at(pager, qr_chain_head(pager, page_number), run->view->sequence);
    *copy = (struct copy){page_number, QR_REF_NONE, 0};
    struct qr_version *version = qr_version_of(pager, ref);
    if (version == NULL || version->on_disk) {
        return true;
    }
    uint32_t holder = detach_older(pager, ref);
    if (holder != QR_REF_NONE) {
        struct qr_version *lowest = qr_version_of(pager, holder);
        if (snapshot_below(pager, lowest->seq)) {
            return false;
        }
        atomic_store_explicit(&lowest->prev, QR_REF_NONE, memory_order_release);
    }
    copy->ref = ref;
    copy->seq = version->seq;
    if (qr_ref_is_spill(ref)) {
        qr_record_hold(pager, ref);
    }
    return true;
}

static quire_status fail_mixed(struct qr_pager *pager, uint32_t page_number, uint64_t lsn,
                               quire_error *err)
{
    return qr_fail_at(err, QUIRE_CORRUPT, pager->path, page_number,
                      (uint64_t)page_number << pager->page_shift,
                      "Page %lu of %s carries commit %llu, which was never written there; the "
                      "file mixes two states, restore it from a backup.",
                      (unsigned long)page_number, pager->path, (unsigned long long)lsn);
}

/* Loads the image that the database file holds into the page's chain, for the snapshots that need
 * it. */
static quire_status save_from_disk(struct run *run, uint32_t page_number, quire_error *err)
{
    struct qr_pager *pager = run->pager;
    struct qr_cache *cache = &pager->cache;
    uint32_t frame = 0;
    QR_TRY(qr_frame_alloc(pager, &frame, err));
    uint8_t *bytes = qr_frame_bytes(pager, frame);
    quire_status status = qr_page_read(pager, page_number, bytes, err);
    qr_mutex_lock(&cache->lock);
    if (status == QUIRE_OK) {
        status = qr_supersede_reserve(pager, 1, err);
    }
    uint32_t head = qr_chain_head(pager, page_number);
    uint32_t ref = qr_chain_at(pager, head, run->view->sequence);
    uint32_t holder = qr_version_of(pager, ref) == NULL ? QR_REF_NONE : detach_older(pager, ref);
    if (status == QUIRE_OK && holder != QR_REF_NONE &&
        qr_page_lsn(bytes) >= qr_version_of(pager, holder)->seq) {
        status = fail_mixed(pager, page_number, qr_page_lsn(bytes), err);
    }
    if (status == QUIRE_OK && holder != QR_REF_NONE) {
        struct qr_version *lowest = qr_version_of(pager, holder);
        struct qr_version *version = &cache->frame[frame];
        version->seq = qr_page_lsn(bytes);
        version->page_number = page_number;
        version->state = QR_VERSION_OLD;
        atomic_store_explicit(&lowest->prev, frame, memory_order_release);
        qr_supersede_add(pager, page_number, version->seq, lowest->seq, true);
    } else {
        qr_frame_free(pager, frame);
    }
    qr_mutex_unlock(&cache->lock);
    return status;
}

static quire_status plan(struct run *run, size_t at, size_t count, struct copy *copies,
                         quire_error *err)
{
    struct qr_cache *cache = &run->pager->cache;
    size_t done = 0;
    while (done < count) {
        bool planned = true;
        qr_mutex_lock(&cache->lock);
        while (done < count && planned) {
            planned = plan_page(run, run->pages[at + done], &copies[done]);
            done += planned ? 1 : 0;
        }
        qr_mutex_unlock(&cache->lock);
        if (!planned) {
            quire_status status = save_from_disk(run, run->pages[at + done], err);
            if (status != QUIRE_OK) {
                memset(&copies[done], 0, sizeof *copies * (count - done));
                return status;
            }
        }
    }
    return QUIRE_OK;
}

/* ---- Writing ---- */

/* Writes the copies [at, *end) that follow one another in the file. */
static quire_status write_run(struct run *run, struct copy *copies, size_t count, size_t at,
                              size_t *end, quire_error *err)
{
    struct qr_pager *pager = run->pager;
    struct qr_iovec vector[GATHER_VECTOR];
    size_t n = 0;
    size_t staged = 0;
    while (at + n < count && n < GATHER_VECTOR && copies[at + n].ref != QR_REF_NONE &&
           copies[at + n].page_number == copies[at].page_number + n) {
        const uint8_t *bytes;
        uint32_t ref = copies[at + n].ref;
        if (qr_ref_is_frame(ref)) {
            bytes = qr_frame_bytes(pager, ref);
        } else {
            if (staged == QR_STAGING_PAGES) {
                break;
            }
            uint8_t *image = run->staging + (staged++ << pager->page_shift);
            QR_TRY(qr_spill_read(pager, ref, image, err));
            bytes = image;
        }
        QR_ASSERT(qr_page_lsn(bytes) == copies[at + n].seq);
        vector[n++] = (struct qr_iovec){bytes, pager->page_size};
    }
    uint64_t offset = (uint64_t)copies[at].page_number << pager->page_shift;
    QR_TRY(pager->file->methods->write(pager->file, vector, n, offset, err));
    qr_count(&pager->counters.pages_written, n);
    *end = at + n;
    return QUIRE_OK;
}

static quire_status write_copies(struct run *run, struct copy *copies, size_t count,
                                 quire_error *err)
{
    for (size_t i = 0; i < count;) {
        if (copies[i].ref == QR_REF_NONE) {
            i++;
        } else {
            QR_TRY(write_run(run, copies, count, i, &i, err));
        }
    }
    /* One hint a batch: the device works on it while the next is prepared. */
    struct qr_file *file = run->pager->file;
    uint64_t first = (uint64_t)copies[0].page_number << run->pager->page_shift;
    uint64_t last = (uint64_t)copies[count - 1].page_number << run->pager->page_shift;
    file->methods->write_behind(file, first, last - first + run->pager->page_size);
    return QUIRE_OK;
}

/* One batch inside one operation, so that what it looks at stays in place. */
static quire_status copy_batch(struct run *run, size_t at, size_t count, quire_error *err)
{
    struct qr_pager *pager = run->pager;
    struct copy copies[BATCH];
    qr_view_enter(run->view);
    quire_status status = plan(run, at, count, copies, err);
    if (status == QUIRE_OK) {
        status = write_copies(run, copies, count, err);
    }
    qr_mutex_lock(&pager->cache.lock);
    for (size_t i = 0; i < count; i++) {
        run->seqs[at + i] = copies[i].ref == QR_REF_NONE ? 0 : copies[i].seq;
        if (qr_ref_is_spill(copies[i].ref)) {
            qr_record_drop(pager, copies[i].ref);
        }
    }
    qr_mutex_unlock(&pager->cache.lock);
    qr_view_leave(run->view);
    return status;
}

/* The database file holds the written versions for good. */
static void mark_on_disk(struct run *run)
{
    struct qr_pager *pager = run->pager;
    struct qr_cache *cache = &pager->cache;
    for (size_t at = 0; at < run->count;) {
        size_t end = run->count - at > BATCH ? at + BATCH : run->count;
        qr_mutex_lock(&cache->lock);
        for (; at < end; at++) {
            uint32_t ref, holder;
            if (run->seqs[at] == 0 ||
                !qr_chain_find(pager, run->pages[at], run->seqs[at], &ref, &holder)) {
                continue;
            }
            struct qr_version *version = qr_version_of(pager, ref);
            if (qr_ref_is_frame(ref) && version->state == QR_VERSION_NEWEST && !version->on_disk) {
                (void)atomic_fetch_sub_explicit(&cache->dirty, 1, memory_order_relaxed);
            }
            version->on_disk = true;
        }
        qr_mutex_unlock(&cache->lock);
    }
}

/* The commit that took pages off the end is one that this run has copied, and no snapshot is older:
 * nobody can ask for these pages any more, whatever happens. */
static bool may_cut(const struct run *run)
{
    struct qr_commit *commit = &run->pager->commit;
    qr_mutex_lock(&commit->lock);
    uint64_t seq = commit->cut_seq;
    qr_mutex_unlock(&commit->lock);
    return seq != 0 && seq <= run->view->sequence &&
           (qr_oldest_boundary(run->pager) >= seq || QR_MUTANT(CUT_UNDER_SNAPSHOTS));
}

/*
 * Cuts the file to the size of the database when commits have taken pages off
 * its end. Under the writer lock: no transaction grows the database meanwhile,
 * nor writes to the file itself. While a transaction holds that, a later run
 * does it: this one is perhaps what the transaction waits for.
 */
static quire_status cut_file(const struct run *run, quire_error *err)
{
    struct qr_pager *pager = run->pager;
    struct qr_commit *commit = &pager->commit;
    if (!may_cut(run) || !qr_gate_enter(&pager->writer, CUT_WAIT_MS, NULL)) {
        return QUIRE_OK;
    }
    quire_status status = QUIRE_OK;
    if (may_cut(run)) {
        qr_mutex_lock(&commit->lock);
        uint32_t pages = commit->pages;
        uint32_t before = commit->cut_from;
        commit->cut_seq = 0;
        commit->cut_from = 0;
        qr_mutex_unlock(&commit->lock);
        qr_version_drop_pages(pager, pages, before);
        status = qr_file_resize(pager, pages, true, err);
    }
    qr_gate_leave(&pager->writer);
    return status;
}

/* What has been written and not synced is left to syncs under the flush token, for which all others
 * wait: most of it is done before the token is taken. */
static quire_status sync_log_ahead(struct qr_pager *pager, quire_error *err)
{
    quire_error error = QUIRE_ERROR_INIT;
    quire_status status = qr_wal_sync_ahead(pager->wal, &error);
    if (status != QUIRE_OK) {
        qr_commit_poison(pager, &error);
        if (err != NULL) {
            *err = error;
        }
    }
    return status;
}

/* In FULL commits leave nothing unsynced. */
static quire_status sync_ahead(struct qr_pager *pager, quire_error *err)
{
    return pager->options.durability == QUIRE_DURABILITY_FULL ? QUIRE_OK
                                                              : sync_log_ahead(pager, err);
}

/* Frees the copied segments, under the flush token: should a header be left half written, no
 * commit's sync may make that durable. */
static quire_status release(struct run *run, quire_error *err)
{
    struct qr_pager *pager = run->pager;
    quire_error error = QUIRE_ERROR_INIT;
    QR_TRY(sync_ahead(pager, err));
    qr_token_take(pager);
    quire_status status = qr_wal_release(pager->wal, run->generation, &error);
    if (status != QUIRE_OK) {
        qr_commit_poison(pager, &error);
        if (err != NULL) {
            *err = error;
        }
    }
    qr_token_release(pager);
    return status;
}

/* ---- Hooks ---- */

static quire_status read_segment(const quire_segment *segment, uint64_t offset, void *buffer,
                                 size_t size, quire_error *err)
{
    const struct run *run = segment->reader;
    return qr_wal_read_sealed(run->pager->wal, segment->generation, offset, buffer, size, err);
}

/* Shows the segments that are about to be released. */
static quire_status show_segments(struct run *run, quire_error *err)
{
    const quire_hooks *hooks = &run->pager->options.hooks;
    quire_segment segment = {.read = read_segment, .reader = run};
    if (hooks->segment_sealed == NULL) {
        return QUIRE_OK;
    }
    while (
        qr_wal_next_sealed(run->pager->wal, &segment.generation, &segment.size, &segment.frames) &&
        segment.generation <= run->generation) {
        QR_TRY(hooks->segment_sealed(hooks->context, &segment, err));
    }
    return QUIRE_OK;
}

static quire_status sync_database(struct qr_pager *pager, quire_error *err)
{
    return QR_MUTANT(NO_DATABASE_SYNC) ? QUIRE_OK : qr_database_sync_shared(pager, err);
}

/* When closing, the header follows alone: it says that the file is complete without the log, which
 * must not be there before it is true. */
static quire_status copy_pages(struct run *run, bool closing, quire_error *err)
{
    struct qr_pager *pager = run->pager;
    size_t batch = pager->cache.frames_limit / 8;
    bool header_apart = closing && run->pages[0] == QR_PAGE_NUMBER_HEADER;
    batch = batch < BATCH ? batch : BATCH;
    for (size_t at = header_apart ? 1 : 0; at < run->count; at += batch) {
        size_t count = run->count - at < batch ? run->count - at : batch;
        QR_TRY(copy_batch(run, at, count, err));
    }
    QR_TRY(qr_file_resize(pager, run->view->pages, false, err));
    QR_TRY(sync_database(pager, err));
    if (header_apart) {
        QR_TRY(copy_batch(run, 0, 1, err));
        QR_TRY(sync_database(pager, err));
    }
    mark_on_disk(run);
    QR_TRY(show_segments(run, err));
    QR_TRY(release(run, err));
    return cut_file(run, err);
}

/* ---- A run ---- */

/* Pages that are given an image under one hold of the flush token. */
#define IMAGES_AT_ONCE 256U

/*
 * Logs images of the pages that the log has only changes of, a few at a time,
 * so that no commit waits for all of them. What commits add meanwhile is left
 * for seal.
 */
static quire_status log_images(struct qr_pager *pager, quire_error *err)
{
    bool sync = pager->options.durability == QUIRE_DURABILITY_FULL;
    quire_status status = QUIRE_OK;
    size_t turns = SIZE_MAX;
    size_t due = 0;
    for (size_t turn = 0; turn < turns && status == QUIRE_OK; turn++) {
        qr_token_take(pager);
        due = turn == 0 ? pager->commit.delta.due_count : due;
        turns = due / IMAGES_AT_ONCE;
        if (turn < turns) {
            status = qr_group_flush(pager, sync, err);
        }
        if (turn < turns && status == QUIRE_OK) {
            status = qr_delta_log_images(pager, IMAGES_AT_ONCE, err);
        }
        qr_token_release(pager);
    }
    return status == QUIRE_OK && turns > 0 ? sync_log_ahead(pager, err) : status;
}

/*
 * Ends the active segment, takes the snapshot to copy and the list of pages.
 * All of it under the flush token: a group that is flushed later may already
 * lie in a sealed segment, whose pages must not be taken for those of the
 * snapshot. *again: the log was too full for the header page; another run is
 * needed once this one has released segments, of which it leaves the newest.
 */
static quire_status seal(struct run *run, bool closing, bool *again, quire_error *err)
{
    struct qr_pager *pager = run->pager;
    bool room = false;
    bool sync = pager->options.durability == QUIRE_DURABILITY_FULL;
    QR_TRY(sync_ahead(pager, err));
    qr_token_take(pager);
    quire_status status = qr_group_flush(pager, sync, err);
    if (status == QUIRE_OK) {
        status = qr_delta_log_images(pager, SIZE_MAX, err);
    }
    pager->commit.delta.whole = !QR_MUTANT(PACK_BEHIND_IMAGES); /* commits may join the header */
    if (status == QUIRE_OK) {
        status = qr_group_flush_header(pager, closing, &room, err); /* syncs what is before it */
    }
    if (status == QUIRE_OK && !room) {
        status = qr_group_flush(pager, true, err);
    }
    if (status == QUIRE_OK) {
        if (room) {
            qr_wal_seal(pager->wal);
        }
        *again = !room;
        status = qr_wal_sealed_pages(pager->wal, &run->pages, &run->count, &run->generation, err);
        if (!room && run->generation > 0) {
            run->generation--; /* an empty log beside an old header would lose its numbers */
        }
    }
    if (status == QUIRE_OK) {
        pager->commit.delta.covered = run->generation;
        pager->commit.delta.packed = pager->commit.delta.packed && !room;
        run->view = qr_snapshot_take(pager, &pager->slots.slot[QR_SLOT_CHECKPOINT]);
    }
    pager->commit.delta.whole = false;
    qr_token_release(pager);
    return status;
}

static quire_status run_once(struct qr_pager *pager, bool closing, bool *again, quire_error *err)
{
    struct run run = {.pager = pager};
    size_t staging_size = (size_t)QR_STAGING_PAGES << pager->page_shift;
    quire_status status = QUIRE_OK;
    *again = false;
    run.staging = qr_alloc(pager->allocator, staging_size, err);
    if (run.staging == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY_GOTO(status, log_images(pager, err), out);
    QR_TRY_GOTO(status, seal(&run, closing, again, err), out);
    if (run.count > 0) {
        run.seqs = qr_alloc_zero(pager->allocator, run.count * sizeof *run.seqs, err);
        status = run.seqs == NULL ? QUIRE_NO_MEMORY : copy_pages(&run, closing, err);
    }
    if (status == QUIRE_OK) {
        qr_count(&pager->counters.checkpoints, 1);
    }
out:
    qr_snapshot_close(run.view);
    qr_free(pager->allocator, run.seqs, run.count * sizeof *run.seqs);
    qr_free(pager->allocator, run.pages, run.count * sizeof *run.pages);
    qr_free(pager->allocator, run.staging, staging_size);
    return status;
}

quire_status qr_checkpoint_run(struct qr_pager *pager, bool closing, quire_error *err)
{
    const quire_hooks *hooks = &pager->options.hooks;
    quire_error error = QUIRE_ERROR_INIT;
    quire_status status = QUIRE_OK;
    bool again = true;
    if (hooks->before_checkpoint != NULL) {
        hooks->before_checkpoint(hooks->context);
    }
    for (int rounds = 0; again && rounds < 8 && status == QUIRE_OK; rounds++) {
        status = run_once(pager, closing, &again, &error);
    }
    if (hooks->after_checkpoint != NULL) {
        hooks->after_checkpoint(hooks->context, status, status == QUIRE_OK ? NULL : &error);
    }
    if (status != QUIRE_OK && err != NULL) {
        *err = error;
    }
    return status;
}

/* ---- When ---- */

static void checkpoint_state(struct qr_pager *pager, const struct qr_wal_stats *stats,
                             quire_checkpoint_state *state)
{
    struct qr_checkpoint *checkpoint = &pager->checkpoint;
    qr_mutex_lock(&checkpoint->lock);
    uint64_t begun = checkpoint->begun_ns;
    uint64_t commits = checkpoint->commits_at_begin;
    qr_mutex_unlock(&checkpoint->lock);
    *state = (quire_checkpoint_state){
        .frames = stats->frames_live,
        .wal_bytes = stats->frames_live * ((uint64_t)pager->page_size + 24),
        .elapsed_ms = (qr_clock_monotonic_ns() - begun) / QR_NS_PER_MS,
        .commits = qr_counted(&pager->counters.commits) - commits,
    };
}

quire_checkpoint_wish qr_checkpoint_wish(struct qr_pager *pager)
{
    struct qr_wal_stats stats;
    quire_checkpoint_state state;
    const quire_checkpoint_policy *policy = &pager->options.checkpoint;
    quire_checkpoint_wish wish = QUIRE_CHECKPOINT_NONE;
    qr_wal_get_stats(pager->wal, &stats);
    if (policy->wish != NULL) {
        checkpoint_state(pager, &stats, &state);
        wish = policy->wish(policy->context, &state);
    }
    uint32_t segments_live = stats.segments - stats.segments_free;
    bool pressed = (stats.segments_sealed > 0 && segments_live * 2 >= stats.segments_max) ||
                   (stats.frames_live > 0 && stats.frames_live + stats.frames_reserved >
                                                 stats.frames_max - stats.frames_max / 4);
    bool dirty = atomic_load_explicit(&pager->cache.dirty, memory_order_relaxed) >
                 pager->cache.frames_limit / 2;
    if (wish == QUIRE_CHECKPOINT_NONE && (pressed || dirty)) {
        wish = QUIRE_CHECKPOINT_PASSIVE;
    }
    if (wish == QUIRE_CHECKPOINT_URGENT) {
        atomic_store_explicit(&pager->checkpoint.urgent, true, memory_order_relaxed);
    }
    if (wish != QUIRE_CHECKPOINT_NONE) {
        qr_checkpoint_ask(pager);
    }
    return wish;
}

static void background(void *context);

/* Locked. The background thread starts with the first work for it: a database that is read, or
 * written a little, costs none. */
static quire_status start(struct qr_pager *pager, quire_error *err)
{
    struct qr_checkpoint *checkpoint = &pager->checkpoint;
    if (checkpoint->started) {
        return QUIRE_OK;
    }
    QR_TRY(qr_thread_start(&checkpoint->thread, background, pager, err));
    checkpoint->started = true;
    return QUIRE_OK;
}

void qr_checkpoint_ask(struct qr_pager *pager)
{
    struct qr_checkpoint *checkpoint = &pager->checkpoint;
    qr_mutex_lock(&checkpoint->lock);
    /* Where no thread can start, the next wish asks again. */
    if (checkpoint->asked == checkpoint->done && !checkpoint->running &&
        start(pager, NULL) == QUIRE_OK) {
        checkpoint->asked++;
        qr_cond_signal(&checkpoint->work);
    }
    qr_mutex_unlock(&checkpoint->lock);
}

quire_status qr_checkpoint_wait(struct qr_pager *pager, quire_error *err)
{
    struct qr_checkpoint *checkpoint = &pager->checkpoint;
    qr_mutex_lock(&checkpoint->lock);
    quire_error error = QUIRE_ERROR_INIT;
    quire_status status = start(pager, &error);
    if (status == QUIRE_OK) {
        uint64_t ticket = ++checkpoint->asked;
        qr_cond_signal(&checkpoint->work);
        while (checkpoint->done < ticket) {
            qr_cond_wait(&checkpoint->finished, &checkpoint->lock);
        }
        status = checkpoint->status;
        error = checkpoint->error;
    }
    qr_mutex_unlock(&checkpoint->lock);
    if (status != QUIRE_OK && err != NULL) {
        *err = error;
    }
    return status;
}

/* ---- The background thread ---- */

/* Syncs the log in the mode that does so by time. */
static void sync_by_time(struct qr_pager *pager)
{
    struct qr_commit *commit = &pager->commit;
    if (pager->options.durability != QUIRE_DURABILITY_NORMAL ||
        atomic_load_explicit(&commit->poisoned, memory_order_relaxed) ||
        atomic_load_explicit(&commit->synced_seq, memory_order_relaxed) >= qr_visible_seq(pager)) {
        return;
    }
    if (sync_ahead(pager, NULL) != QUIRE_OK) {
        return;
    }
    qr_token_take(pager);
    (void)qr_group_flush(pager, true, NULL);
    qr_token_release(pager);
}

static uint64_t next_deadline(const struct qr_pager *pager)
{
    uint32_t ms = pager->options.checkpoint.poll_ms;
    uint32_t sync_ms =
        pager->options.durability == QUIRE_DURABILITY_NORMAL ? pager->options.sync_interval_ms : 0;
    if (sync_ms != 0 && (ms == 0 || sync_ms < ms)) {
        ms = sync_ms;
    }
    return ms == 0 ? QR_NO_DEADLINE : qr_clock_deadline_ns(ms);
}

/* Locked; unlocks while it runs. */
static void serve(struct qr_pager *pager)
{
    struct qr_checkpoint *checkpoint = &pager->checkpoint;
    quire_error error = QUIRE_ERROR_INIT;
    uint64_t ticket = checkpoint->asked;
    checkpoint->running = true;
    checkpoint->begun_ns = qr_clock_monotonic_ns();
    checkpoint->commits_at_begin = qr_counted(&pager->counters.commits);
    qr_mutex_unlock(&checkpoint->lock);
    quire_status status = qr_checkpoint_run(pager, false, &error);
    atomic_store_explicit(&checkpoint->urgent, false, memory_order_relaxed);
    qr_mutex_lock(&checkpoint->lock);
    checkpoint->running = false;
    checkpoint->done = ticket;
    checkpoint->status = status;
    checkpoint->error = error;
    qr_cond_broadcast(&checkpoint->finished);
}

static void background(void *context)
{
    struct qr_pager *pager = context;
    struct qr_checkpoint *checkpoint = &pager->checkpoint;
    qr_mutex_lock(&checkpoint->lock);
    while (!checkpoint->stop) {
        if (checkpoint->asked > checkpoint->done) {
            serve(pager);
            continue;
        }
        if (!qr_cond_wait_until(&checkpoint->work, &checkpoint->lock, next_deadline(pager))) {
            qr_mutex_unlock(&checkpoint->lock);
            sync_by_time(pager);
            if (pager->options.checkpoint.poll_ms != 0) {
                (void)qr_checkpoint_wish(pager);
            }
            qr_mutex_lock(&checkpoint->lock);
        }
    }
    qr_mutex_unlock(&checkpoint->lock);
}

quire_status qr_checkpoint_create(struct qr_pager *pager, quire_error *err)
{
    struct qr_checkpoint *checkpoint = &pager->checkpoint;
    quire_status status = QUIRE_OK;
    QR_TRY(qr_mutex_init(&checkpoint->lock, QR_RANK_CHECKPOINT, err));
    QR_TRY_GOTO(status, qr_cond_init(&checkpoint->work, err), no_work);
    QR_TRY_GOTO(status, qr_cond_init(&checkpoint->finished, err), no_finished);
    checkpoint->begun_ns = qr_clock_monotonic_ns();
    checkpoint->created = true;
    return QUIRE_OK;

no_finished:
    qr_cond_destroy(&checkpoint->work);
no_work:
    qr_mutex_destroy(&checkpoint->lock);
    return status;
}

void qr_checkpoint_destroy(struct qr_pager *pager)
{
    struct qr_checkpoint *checkpoint = &pager->checkpoint;
    if (checkpoint->created) {
        qr_cond_destroy(&checkpoint->finished);
        qr_cond_destroy(&checkpoint->work);
        qr_mutex_destroy(&checkpoint->lock);
        checkpoint->created = false;
    }
}

quire_status qr_checkpoint_start(struct qr_pager *pager, quire_error *err)
{
    struct qr_checkpoint *checkpoint = &pager->checkpoint;
    if (next_deadline(pager) == QR_NO_DEADLINE) {
        return QUIRE_OK;
    }
    qr_mutex_lock(&checkpoint->lock);
    quire_status status = start(pager, err);
    qr_mutex_unlock(&checkpoint->lock);
    return status;
}

void qr_checkpoint_stop(struct qr_pager *pager)
{
    struct qr_checkpoint *checkpoint = &pager->checkpoint;
    if (!checkpoint->started) {
        return;
    }
    qr_mutex_lock(&checkpoint->lock);
    checkpoint->stop = true;
    qr_cond_signal(&checkpoint->work);
    qr_mutex_unlock(&checkpoint->lock);
    qr_thread_join(&checkpoint->thread);
    checkpoint->started = false;
}
