/*
 * A checkpoint: copies committed pages into the database file, so that the
 * log's segments can be used again. checkpointer.c says when.
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
 * Concurrency: one run at a time, gone on with by one thread at a time
 * (checkpoint.running); checkpoint.lock is not held meanwhile. The flush token
 * is held while segments are sealed, not while pages are written.
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
static bool plan_page(struct qr_run *run, uint32_t page_number, struct copy *copy)
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
static quire_status save_from_disk(struct qr_run *run, uint32_t page_number, quire_error *err)
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

static quire_status plan(struct qr_run *run, size_t at, size_t count, struct copy *copies,
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
static quire_status write_run(struct qr_run *run, struct copy *copies, size_t count, size_t at,
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

/* Writes the copies of the pages from `at` on. */
static quire_status write_copies(struct qr_run *run, size_t at, struct copy *copies, size_t count,
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
    uint64_t first = (uint64_t)run->pages[at] << run->pager->page_shift;
    uint64_t last = (uint64_t)run->pages[at + count - 1] << run->pager->page_shift;
    file->methods->write_behind(file, first, last - first + run->pager->page_size);
    return QUIRE_OK;
}

/* One batch inside one operation, so that what it looks at stays in place. */
static quire_status copy_batch(struct qr_run *run, size_t at, size_t count, quire_error *err)
{
    struct qr_pager *pager = run->pager;
    struct copy copies[BATCH];
    qr_view_enter(run->view);
    quire_status status = plan(run, at, count, copies, err);
    if (status == QUIRE_OK) {
        status = write_copies(run, at, copies, count, err);
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
static void mark_on_disk(struct qr_run *run)
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
static bool may_cut(const struct qr_run *run)
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
static quire_status cut_file(const struct qr_run *run, quire_error *err)
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
quire_status qr_log_sync_ahead(struct qr_pager *pager, quire_error *err)
{
    return pager->options.durability == QUIRE_DURABILITY_FULL ? QUIRE_OK
                                                              : sync_log_ahead(pager, err);
}

/* Frees the copied segments, under the flush token: should a header be left half written, no
 * commit's sync may make that durable. */
static quire_status release(struct qr_run *run, quire_error *err)
{
    struct qr_pager *pager = run->pager;
    quire_error error = QUIRE_ERROR_INIT;
    QR_TRY(qr_log_sync_ahead(pager, err));
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
    const struct qr_run *run = segment->reader;
    return qr_wal_read_sealed(run->pager->wal, segment->generation, offset, buffer, size, err);
}

/* Shows the segments that are about to be released. */
static quire_status show_segments(struct qr_run *run, quire_error *err)
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

/* Whether the pages have gone to the file that the next opening finds: else the log has to stay. */
static quire_status check_name(struct qr_pager *pager, quire_error *err)
{
    bool named = false;
    QR_TRY(pager->file->methods->is_named(pager->file, &named, err));
    if (named) {
        return QUIRE_OK;
    }
    return qr_fail_at(err, QUIRE_IO, pager->path, QUIRE_NO_PAGE, 0,
                      "%s was removed or replaced while it was open; its log is kept.",
                      pager->path);
}

/* When closing, the header is not copied with the rest, but follows alone: it says that the file is
 * complete without the log, which must not be there before it is true. */
static bool header_apart(const struct qr_run *run)
{
    return run->closing && run->count > 0 && run->pages[0] == QR_PAGE_NUMBER_HEADER;
}

/* All pages are copied: the segments may go. */
static quire_status finish_round(struct qr_run *run, quire_error *err)
{
    QR_TRY(qr_file_resize(run->pager, run->view->pages, false, err));
    QR_TRY(sync_database(run->pager, err));
    if (header_apart(run)) {
        QR_TRY(copy_batch(run, 0, 1, err));
        QR_TRY(sync_database(run->pager, err));
    }
    QR_TRY(check_name(run->pager, err));
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
 * snapshot. run->again: the log was too full for the header page; another run is
 * needed once this one has released segments, of which it leaves the newest.
 */
static quire_status seal(struct qr_run *run, quire_error *err)
{
    struct qr_pager *pager = run->pager;
    bool room = false;
    bool sync = pager->options.durability == QUIRE_DURABILITY_FULL;
    QR_TRY(qr_log_sync_ahead(pager, err));
    qr_token_take(pager);
    quire_status status = qr_group_flush(pager, sync, err);
    if (status == QUIRE_OK) {
        status = qr_delta_log_images(pager, SIZE_MAX, err);
    }
    pager->commit.delta.whole = !QR_MUTANT(PACK_BEHIND_IMAGES); /* commits may join the header */
    if (status == QUIRE_OK) {
        status =
            qr_group_flush_header(pager, run->closing, &room, err); /* syncs what is before it */
    }
    if (status == QUIRE_OK && !room) {
        status = qr_group_flush(pager, true, err);
    }
    if (status == QUIRE_OK) {
        if (room) {
            qr_wal_seal(pager->wal);
        }
        run->again = !room;
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

/* A run whose log was too full for the header page has another round. */
#define ROUNDS_MAX 8U

static quire_status begin_round(struct qr_run *run, quire_error *err)
{
    run->rounds++;
    QR_TRY(log_images(run->pager, err));
    QR_TRY(seal(run, err));
    run->at = header_apart(run) ? 1 : 0;
    if (run->count > 0) {
        run->seqs = qr_alloc_zero(run->pager->allocator, run->count * sizeof *run->seqs, err);
    }
    return run->count > 0 && run->seqs == NULL ? QUIRE_NO_MEMORY : QUIRE_OK;
}

static void end_round(struct qr_run *run)
{
    const quire_allocator *allocator = run->pager->allocator;
    qr_snapshot_close(run->view);
    qr_free(allocator, run->seqs, run->count * sizeof *run->seqs);
    qr_free(allocator, run->pages, run->count * sizeof *run->pages);
    run->view = NULL;
    run->seqs = NULL;
    run->pages = NULL;
    run->count = 0;
}

quire_status qr_run_begin(struct qr_run *run, struct qr_pager *pager, bool closing,
                          quire_error *err)
{
    const quire_hooks *hooks = &pager->options.hooks;
    *run = (struct qr_run){.pager = pager, .closing = closing};
    if (hooks->before_checkpoint != NULL) {
        hooks->before_checkpoint(hooks->context);
    }
    run->staging = qr_alloc(pager->allocator, (size_t)QR_STAGING_PAGES << pager->page_shift, err);
    return run->staging == NULL ? QUIRE_NO_MEMORY : begin_round(run, err);
}

quire_status qr_run_continue(struct qr_run *run, size_t pages, bool *done, quire_error *err)
{
    size_t batch = run->pager->cache.frames_limit / 8;
    batch = batch < BATCH ? batch : BATCH;
    *done = false;
    for (;;) {
        while (run->at < run->count && pages > 0) {
            size_t count = run->count - run->at < batch ? run->count - run->at : batch;
            count = count < pages ? count : pages;
            QR_TRY(copy_batch(run, run->at, count, err));
            run->at += count;
            pages -= count;
        }
        if (run->at < run->count) {
            return QUIRE_OK;
        }
        if (run->count > 0) {
            QR_TRY(finish_round(run, err));
        }
        qr_count(&run->pager->counters.checkpoints, 1);
        end_round(run);
        if (!run->again || run->rounds == ROUNDS_MAX) {
            *done = true;
            return QUIRE_OK;
        }
        QR_TRY(begin_round(run, err));
    }
}

void qr_run_end(struct qr_run *run, quire_status status, const quire_error *error)
{
    struct qr_pager *pager = run->pager;
    const quire_hooks *hooks = &pager->options.hooks;
    end_round(run);
    qr_free(pager->allocator, run->staging, (size_t)QR_STAGING_PAGES << pager->page_shift);
    run->staging = NULL;
    if (hooks->after_checkpoint != NULL) {
        hooks->after_checkpoint(hooks->context, status, status == QUIRE_OK ? NULL : error);
    }
}
