/*
 * Incremental vacuum: moves pages from the end of the file to free ones further
 * ahead, and takes the free end off, in write transactions of bounded size.
 *
 * Before that, unless it is told not to, it fills the pages of trees that are
 * thin (vacuum_repack.c), which makes more of them free.
 *
 * A page that is moved leaves its place free, but only when no snapshot sees
 * the state before: so what one transaction moves, the next takes off the end.
 * Between two of them other writers come in, and may use what is free; the next
 * step begins again with the last page in use. A crash loses at most one step.
 *
 * Some pages do not say whose they are. When the end of the file has one, its
 * tree is read, in a snapshot of its own: the writer lock is not held.
 */
#include <string.h>

#include "engine/vacuum_internal.h"
#include "quire/maintenance.h"

#define STEP_DEFAULT 64U
#define STEP_MAX     1024U

/* Surveys without a page moved, because writers keep changing what was found. */
#define SURVEYS_MAX 3

struct vacuum {
    quire_db *db;
    quire_vacuum_options options;
    quire_vacuum_result result;
    struct qr_page_owners owners;
    uint32_t unknown; /* tree to survey before the next step; 0 = none */
    unsigned surveys; /* since a page was moved */
    bool waiting;     /* free pages were seen in use by a snapshot at the last step ... */
    unsigned waits;   /* checkpoints that have run since a step had something to do */
    uint64_t pages_before, free_before, commits_before, goal;
    struct qr_repacking repacking;
};

static quire_status complete_options(const quire_vacuum_options *given,
                                     quire_vacuum_options *options, quire_error *err)
{
    *options = (quire_vacuum_options)QUIRE_VACUUM_OPTIONS_INIT;
    if (given != NULL) {
        if (given->size < sizeof given->size || given->size > sizeof *options) {
            return qr_fail(err, QUIRE_MISUSE,
                           "options.size is %zu; start from QUIRE_VACUUM_OPTIONS_INIT.",
                           given->size);
        }
        memcpy(options, given, given->size);
    }
    if (options->step_pages == 0) {
        options->step_pages = STEP_DEFAULT;
    }
    if (options->step_pages > STEP_MAX) {
        return qr_fail(err, QUIRE_MISUSE, "options.step_pages is %u; at most %u.",
                       options->step_pages, STEP_MAX);
    }
    return QUIRE_OK;
}

/* ---- Progress ---- */

static quire_status read_stats(const struct vacuum *vacuum, quire_stats *stats, quire_error *err)
{
    *stats = (quire_stats){.size = sizeof *stats};
    return quire_get_stats(vacuum->db, stats, err);
}

static quire_status tell(const struct vacuum *vacuum, quire_error *err)
{
    const quire_vacuum_result *result = &vacuum->result;
    quire_stats stats;
    if (vacuum->options.progress == NULL) {
        return QUIRE_OK;
    }
    QR_TRY(read_stats(vacuum, &stats, err));
    uint64_t total = result->pages_freed > vacuum->goal ? result->pages_freed : vacuum->goal;
    quire_progress progress = {.done = result->pages_freed,
                               .total = total,
                               .commits =
                                   stats.commits - vacuum->commits_before - result->transactions};
    return vacuum->options.progress(vacuum->options.context, &progress)
               ? QUIRE_OK
               : qr_fail(err, QUIRE_INTERRUPTED, "The vacuum was ended; %llu pages are given back.",
                         (unsigned long long)result->pages_freed);
}

/* ---- A step ---- */

/* Pages that one step may move: no more in all than are to be given back, however long a snapshot
 * keeps them from being cut off. */
static uint32_t step_budget(const struct vacuum *vacuum)
{
    uint64_t moved = vacuum->result.pages_moved;
    uint32_t pages_max = vacuum->options.pages_max;
    uint32_t step = vacuum->options.step_pages;
    if (pages_max == 0) {
        return step;
    }
    uint64_t left = pages_max > moved ? pages_max - moved : 0;
    return left < step ? (uint32_t)left : step;
}

static quire_status move_pages(struct vacuum *vacuum, quire_txn *txn, uint32_t *moved,
                               quire_error *err)
{
    uint32_t below = qr_view_page_count(txn->view);
    uint32_t budget = step_budget(vacuum);
    *moved = 0;
    while (*moved < budget) {
        uint32_t page;
        uint32_t went = 0;
        QR_TRY(qr_view_last_used(txn->view, below, &page, err));
        if (page == 0) {
            break;
        }
        QR_TRY(qr_vacuum_page(txn, &vacuum->owners, page, budget - *moved, &went, &vacuum->unknown,
                              err));
        if (went == 0) {
            break;
        }
        *moved += went;
        below = page;
    }
    return QUIRE_OK;
}

/* One transaction. *idle: it found nothing to do. */
static quire_status run_step(struct vacuum *vacuum, bool *idle, quire_error *err)
{
    quire_begin_options begin = QUIRE_BEGIN_OPTIONS_INIT;
    uint32_t moved = 0;
    uint32_t cut = 0;
    quire_txn *txn;
    begin.owner = "vacuum";
    vacuum->unknown = 0;
    QR_TRY(quire_begin_with(vacuum->db, QUIRE_WRITE, &begin, &txn, err));
    quire_status status = move_pages(vacuum, txn, &moved, err);
    if (status == QUIRE_OK) {
        status = qr_txn_trim(txn->txn, &cut, &vacuum->waiting, err);
    }
    *idle = moved == 0 && cut == 0;
    if (status != QUIRE_OK || *idle) {
        quire_rollback(txn);
        return status;
    }
    QR_TRY(quire_commit(txn, err));
    vacuum->result.pages_moved += moved;
    vacuum->result.pages_freed += cut;
    vacuum->result.transactions++;
    vacuum->surveys = moved > 0 ? 0 : vacuum->surveys;
    vacuum->waits = 0;
    return QUIRE_OK;
}

/* ---- Repacking ---- */

/* One transaction. */
static quire_status repack_step(struct vacuum *vacuum, quire_error *err)
{
    struct qr_repacking *repacking = &vacuum->repacking;
    quire_begin_options begin = QUIRE_BEGIN_OPTIONS_INIT;
    uint64_t rewritten = repacking->rewritten;
    quire_txn *txn;
    begin.owner = "vacuum";
    QR_TRY(quire_begin_with(vacuum->db, QUIRE_WRITE, &begin, &txn, err));
    quire_status status = qr_repacking_step(repacking, txn, vacuum->options.step_pages, err);
    if (status != QUIRE_OK || repacking->rewritten == rewritten) {
        quire_rollback(txn);
        return status;
    }
    QR_TRY(quire_commit(txn, err));
    vacuum->result.pages_repacked = repacking->rewritten;
    vacuum->result.transactions++;
    return QUIRE_OK;
}

static void set_goal(struct vacuum *vacuum)
{
    uint32_t pages_max = vacuum->options.pages_max;
    uint64_t free = vacuum->free_before + vacuum->repacking.emptied;
    vacuum->goal = pages_max != 0 && pages_max < free ? pages_max : free;
}

/* Whether there would be less to give back than was asked for. */
static bool needs_more(const struct vacuum *vacuum)
{
    uint32_t pages_max = vacuum->options.pages_max;
    return pages_max == 0 || vacuum->goal < pages_max;
}

/* Fills the pages of trees, as long as that is needed. */
static quire_status repack(struct vacuum *vacuum, quire_error *err)
{
    struct qr_repacking *repacking = &vacuum->repacking;
    quire_txn *txn;
    if (vacuum->options.no_repack || !needs_more(vacuum)) {
        return QUIRE_OK;
    }
    QR_TRY(quire_begin(vacuum->db, QUIRE_READ, &txn, err));
    quire_status status = qr_repacking_list(repacking, txn, err);
    quire_rollback(txn);
    while (status == QUIRE_OK && repacking->next < repacking->trees.count && needs_more(vacuum)) {
        status = tell(vacuum, err);
        if (status == QUIRE_OK) {
            status = repack_step(vacuum, err);
        }
        set_goal(vacuum);
    }
    return status;
}

/* ---- Between steps ---- */

static quire_status survey(struct vacuum *vacuum, quire_error *err)
{
    quire_stats stats;
    quire_txn *txn;
    QR_TRY(read_stats(vacuum, &stats, err));
    QR_TRY(quire_begin(vacuum->db, QUIRE_READ, &txn, err));
    /* Only pages from there on will have to move. */
    uint32_t from = stats.pages - stats.pages_free;
    quire_status status = qr_page_owners_survey(&vacuum->owners, txn, vacuum->unknown, from, err);
    quire_rollback(txn);
    vacuum->surveys++;
    return status;
}

/* Another checkpoint may begin before the next step does. */
#define WAITS_MAX 4U

/* After a step with nothing to do: the snapshot that pages wait for may have been that of a
 * checkpoint, which is over when another has run. *more: then it is worth a try. */
static quire_status wait_for_checkpoint(struct vacuum *vacuum, bool *more, quire_error *err)
{
    *more = vacuum->waiting && vacuum->waits < WAITS_MAX;
    if (!*more) {
        return QUIRE_OK;
    }
    vacuum->waits++;
    return quire_checkpoint(vacuum->db, err);
}

/* Whether what was asked for has been done. Writers could keep it busy for ever otherwise. */
static bool is_done(const struct vacuum *vacuum)
{
    const quire_vacuum_result *result = &vacuum->result;
    uint32_t pages_max = vacuum->options.pages_max;
    return (pages_max != 0 && result->pages_freed >= pages_max) ||
           result->pages_moved > vacuum->pages_before;
}

static quire_status run_steps(struct vacuum *vacuum, quire_error *err)
{
    bool more = true;
    while (!is_done(vacuum) && more) {
        bool idle = false;
        QR_TRY(tell(vacuum, err));
        if (vacuum->unknown != 0 && vacuum->surveys < SURVEYS_MAX) {
            QR_TRY(survey(vacuum, err));
        }
        QR_TRY(run_step(vacuum, &idle, err));
        /* Pages that nobody owns up to stay; those that are free already may only have to wait. */
        if (idle && (vacuum->unknown == 0 || vacuum->surveys == SURVEYS_MAX)) {
            QR_TRY(wait_for_checkpoint(vacuum, &more, err));
        }
    }
    return tell(vacuum, err);
}

quire_status quire_vacuum(quire_db *db, const quire_vacuum_options *options,
                          quire_vacuum_result *result, quire_error *err)
{
    struct vacuum vacuum = {.db = db, .result = {.size = sizeof vacuum.result}};
    quire_stats stats;
    if (db == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "quire_vacuum needs a database.");
    }
    if (result != NULL && result->size != sizeof *result) {
        return qr_fail(err, QUIRE_MISUSE, "result.size is %zu; set it to its size.", result->size);
    }
    QR_TRY(complete_options(options, &vacuum.options, err));
    QR_TRY(read_stats(&vacuum, &stats, err));
    vacuum.pages_before = stats.pages;
    vacuum.free_before = stats.pages_free;
    vacuum.commits_before = stats.commits;
    qr_page_owners_init(&vacuum.owners, &db->allocator);
    qr_repacking_init(&vacuum.repacking, &db->allocator);
    set_goal(&vacuum);
    quire_status status = repack(&vacuum, err);
    if (status == QUIRE_OK) {
        status = run_steps(&vacuum, err);
    }
    qr_repacking_free(&vacuum.repacking);
    qr_page_owners_free(&vacuum.owners);
    if (result != NULL) {
        *result = vacuum.result;
    }
    return status == QUIRE_OK && vacuum.result.pages_freed > 0 ? quire_checkpoint(db, err) : status;
}
