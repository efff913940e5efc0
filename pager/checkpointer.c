/*
 * The checkpointer: when checkpoints are made, and in whose time.
 *
 * The policy, a ring that fills up or many dirty pages wish for one; a commit
 * that finds no room in the log waits for one. The database's own thread makes
 * it, or the commits do, a slice each (quire_checkpoint_place).
 *
 * Requests are tickets: a run that begins serves all tickets given so far.
 *
 * Concurrency: checkpoint.lock guards the tickets and who has the run; it is not
 * held while pages are copied.
 */
#include "pager/pager_internal.h"

static bool in_commit(const struct qr_pager *pager)
{
    return pager->options.checkpoint_place == QUIRE_CHECKPOINT_IN_COMMIT;
}

/* ---- Serving ---- */

/* Begins a run, or goes on with the one begun, for up to `pages` pages. Locked; unlocks while it
 * runs. */
static void serve(struct qr_pager *pager, size_t pages)
{
    struct qr_checkpoint *checkpoint = &pager->checkpoint;
    quire_error error = QUIRE_ERROR_INIT;
    quire_status status = QUIRE_OK;
    bool begins = !checkpoint->begun;
    bool done = false;
    if (begins) {
        checkpoint->ticket = checkpoint->asked;
        checkpoint->begun_ns = qr_clock_monotonic_ns();
        checkpoint->commits_at_begin = qr_counted(&pager->counters.commits);
    }
    checkpoint->begun = true;
    checkpoint->running = true;
    qr_mutex_unlock(&checkpoint->lock);
    if (begins) {
        status = qr_run_begin(&checkpoint->run, pager, false, &error);
    }
    if (status == QUIRE_OK) {
        status = qr_run_continue(&checkpoint->run, pages, &done, &error);
    }
    done = done || status != QUIRE_OK;
    if (done) {
        qr_run_end(&checkpoint->run, status, &error);
        atomic_store_explicit(&checkpoint->urgent, false, memory_order_relaxed);
    }
    qr_mutex_lock(&checkpoint->lock);
    checkpoint->running = false;
    if (done) {
        checkpoint->begun = false;
        checkpoint->done = checkpoint->ticket;
        checkpoint->status = status;
        checkpoint->error = error;
    }
    qr_cond_broadcast(&checkpoint->finished);
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

/* Has a checkpoint made if one is `wanted`. The commits go on with one that was begun, wanted or
 * not. */
static void ask(struct qr_pager *pager, bool wanted)
{
    struct qr_checkpoint *checkpoint = &pager->checkpoint;
    qr_mutex_lock(&checkpoint->lock);
    if (checkpoint->running) {
        qr_mutex_unlock(&checkpoint->lock);
        return;
    }
    if (in_commit(pager)) {
        if (wanted && !checkpoint->begun) {
            checkpoint->asked++;
        }
        if (wanted || checkpoint->begun) {
            serve(pager, pager->options.checkpoint_slice_pages);
        }
    } else if (checkpoint->asked == checkpoint->done && start(pager, NULL) == QUIRE_OK) {
        checkpoint->asked++; /* where no thread can start, the next wish asks again */
        qr_cond_signal(&checkpoint->work);
    }
    qr_mutex_unlock(&checkpoint->lock);
}

void qr_checkpoint_ask(struct qr_pager *pager)
{
    ask(pager, true);
}

/* ---- Wishes ---- */

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
    if (wish != QUIRE_CHECKPOINT_NONE || in_commit(pager)) {
        ask(pager, wish != QUIRE_CHECKPOINT_NONE);
    }
    return wish;
}

quire_status qr_checkpoint_wait(struct qr_pager *pager, quire_error *err)
{
    struct qr_checkpoint *checkpoint = &pager->checkpoint;
    qr_mutex_lock(&checkpoint->lock);
    quire_error error = QUIRE_ERROR_INIT;
    quire_status status = in_commit(pager) ? QUIRE_OK : start(pager, &error);
    if (status == QUIRE_OK) {
        uint64_t ticket = ++checkpoint->asked;
        qr_cond_signal(&checkpoint->work);
        while (checkpoint->done < ticket) {
            if (in_commit(pager) && !checkpoint->running) {
                serve(pager, SIZE_MAX);
            } else {
                qr_cond_wait(&checkpoint->finished, &checkpoint->lock);
            }
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
    if (qr_log_sync_ahead(pager, NULL) != QUIRE_OK) {
        return;
    }
    qr_token_take(pager);
    (void)qr_group_flush(pager, true, NULL);
    qr_token_release(pager);
}

/* Whether the policy wants to be asked by time. Commits ask it, where checkpoints are theirs. */
static bool polls(const struct qr_pager *pager)
{
    return pager->options.checkpoint.poll_ms != 0 && !in_commit(pager);
}

static uint64_t next_deadline(const struct qr_pager *pager)
{
    uint32_t ms = polls(pager) ? pager->options.checkpoint.poll_ms : 0;
    uint32_t sync_ms =
        pager->options.durability == QUIRE_DURABILITY_NORMAL ? pager->options.sync_interval_ms : 0;
    if (sync_ms != 0 && (ms == 0 || sync_ms < ms)) {
        ms = sync_ms;
    }
    return ms == 0 ? QR_NO_DEADLINE : qr_clock_deadline_ns(ms);
}

static void background(void *context)
{
    struct qr_pager *pager = context;
    struct qr_checkpoint *checkpoint = &pager->checkpoint;
    qr_mutex_lock(&checkpoint->lock);
    while (!checkpoint->stop) {
        if (checkpoint->asked > checkpoint->done && !in_commit(pager)) {
            serve(pager, SIZE_MAX);
            continue;
        }
        if (!qr_cond_wait_until(&checkpoint->work, &checkpoint->lock, next_deadline(pager))) {
            qr_mutex_unlock(&checkpoint->lock);
            sync_by_time(pager);
            if (polls(pager)) {
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
    if (!checkpoint->created) {
        return;
    }
    qr_mutex_lock(&checkpoint->lock);
    checkpoint->stop = true;
    qr_cond_signal(&checkpoint->work);
    if (checkpoint->begun && in_commit(pager)) {
        serve(pager, SIZE_MAX);
    }
    qr_mutex_unlock(&checkpoint->lock);
    if (checkpoint->started) {
        qr_thread_join(&checkpoint->thread);
        checkpoint->started = false;
    }
}

quire_status qr_checkpoint_at_close(struct qr_pager *pager, quire_error *err)
{
    struct qr_run run;
    quire_error error = QUIRE_ERROR_INIT;
    bool done = false;
    quire_status status = qr_run_begin(&run, pager, true, &error);
    if (status == QUIRE_OK) {
        status = qr_run_continue(&run, SIZE_MAX, &done, &error);
    }
    qr_run_end(&run, status, &error);
    if (status != QUIRE_OK && err != NULL) {
        *err = error;
    }
    return status;
}
