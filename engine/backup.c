/*
 * Online backup, and restoring.
 *
 * A backup is the pages of one snapshot written to a file in order of their
 * numbers: readers and the writer go on, later versions of a page stay out of
 * it. The copy has an identity of its own, so that no log of the original is
 * ever taken for its own; the pager seals every page anew for it, and writes
 * free ones blank: what was deleted is not in the copy.
 *
 * Page 0 comes last and says that the file is complete without a log. Until
 * the finished file has its name, nothing stands under that name that was not
 * there before (replacement.c).
 */
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "engine/engine_internal.h"
#include "engine/maintenance.h"

#define BATCH_DEFAULT 64U
#define BATCH_MAX     1024U

/* Longest sleep between two calls of the progress callback, so that it can end a slow backup. */
#define SLEEP_MS_MAX 100U

struct copy {
    quire_db *db;
    quire_txn *txn;
    struct qr_view *view;
    struct qr_file *file;
    const quire_allocator *allocator;
    quire_backup_options options;
    uint8_t *buffer; /* one batch */
    uint32_t page_size;
    uint32_t pages;
    uint8_t id[16];
    uint64_t started_ns;
    uint64_t commits_before;
};

/* ---- Options ---- */

static quire_status complete_options(const quire_backup_options *given,
                                     quire_backup_options *options, quire_error *err)
{
    *options = (quire_backup_options)QUIRE_BACKUP_OPTIONS_INIT;
    if (given != NULL) {
        if (given->size < sizeof given->size || given->size > sizeof *options) {
            return qr_fail(err, QUIRE_MISUSE,
                           "options.size is %zu; start from QUIRE_BACKUP_OPTIONS_INIT.",
                           given->size);
        }
        memcpy(options, given, given->size);
        options->size = sizeof *options;
    }
    if (options->batch_pages == 0) {
        options->batch_pages = BATCH_DEFAULT;
    }
    if (options->batch_pages > BATCH_MAX) {
        return qr_fail(err, QUIRE_MISUSE, "options.batch_pages is %u; at most %u.",
                       options->batch_pages, BATCH_MAX);
    }
    return QUIRE_OK;
}

/* ---- Progress ---- */

static uint64_t count_commits(quire_db *db)
{
    quire_stats stats = {.size = sizeof stats};
    return quire_get_stats(db, &stats, NULL) == QUIRE_OK ? stats.commits : 0;
}

static quire_status tell(const struct copy *copy, uint32_t done, quire_error *err)
{
    if (copy->options.progress == NULL) {
        return QUIRE_OK;
    }
    quire_progress progress = {.done = done,
                               .total = copy->pages,
                               .commits = count_commits(copy->db) - copy->commits_before};
    return copy->options.progress(copy->options.context, &progress)
               ? QUIRE_OK
               : qr_fail(err, QUIRE_INTERRUPTED, "The copy was cancelled at page %lu of %lu.",
                         (unsigned long)done, (unsigned long)copy->pages);
}

static void sleep_until(uint64_t deadline_ns)
{
    _Atomic uint32_t nobody_wakes = 0;
    while (qr_futex_wait(&nobody_wakes, 0, deadline_ns)) {
    }
}

/* Waits until `done` pages may have been copied at the rate that was asked for. */
static quire_status throttle(const struct copy *copy, uint32_t done, quire_error *err)
{
    if (copy->options.pages_per_second_max == 0) {
        return QUIRE_OK;
    }
    uint64_t allowed =
        copy->started_ns +
        (uint64_t)((double)done / copy->options.pages_per_second_max * (double)QR_NS_PER_SECOND);
    for (;;) {
        uint64_t now = qr_clock_monotonic_ns();
        if (now >= allowed) {
            return QUIRE_OK;
        }
        uint64_t step = now + SLEEP_MS_MAX * QR_NS_PER_MS;
        sleep_until(step < allowed ? step : allowed);
        QR_TRY(tell(copy, done, err));
    }
}

/* ---- Pages ---- */

/* Copies pages [from, from + count). */
static quire_status copy_batch(struct copy *copy, uint32_t from, uint32_t count, quire_error *err)
{
    quire_status status = QUIRE_OK;
    qr_view_enter(copy->view);
    for (uint32_t i = 0; i < count && status == QUIRE_OK; i++) {
        status = qr_view_page_export(copy->view, from + i, copy->id,
                                     copy->buffer + (size_t)i * copy->page_size, err);
    }
    qr_view_leave(copy->view);
    QR_TRY(status);
    return qr_file_write_one(copy->file, copy->buffer, (size_t)count * copy->page_size,
                             (uint64_t)from * copy->page_size, err);
}

static quire_status copy_pages(struct copy *copy, quire_error *err)
{
    QR_TRY(tell(copy, 0, err));
    for (uint32_t at = 1; at < copy->pages;) {
        uint32_t left = copy->pages - at;
        uint32_t count = left < copy->options.batch_pages ? left : copy->options.batch_pages;
        QR_TRY(copy_batch(copy, at, count, err));
        at += count;
        QR_TRY(tell(copy, at, err));
        QR_TRY(throttle(copy, at, err));
    }
    QR_TRY(copy_batch(copy, QR_PAGE_NUMBER_HEADER, 1, err));
    return copy->file->methods->sync(copy->file, err);
}

/* ---- Backup ---- */

static quire_status copy_snapshot(struct copy *copy, quire_error *err)
{
    copy->commits_before = count_commits(copy->db);
    QR_TRY(quire_begin(copy->db, QUIRE_READ, &copy->txn, err));
    copy->view = qr_txn_pages(copy->txn);
    copy->pages = qr_view_page_count(copy->view);
    copy->started_ns = qr_clock_monotonic_ns();
    quire_status status = QUIRE_NO_MEMORY;
    size_t size = (size_t)copy->page_size * copy->options.batch_pages;
    copy->buffer = qr_alloc(copy->allocator, size, err);
    if (copy->buffer != NULL) {
        qr_view_scanning(copy->view, true);
        status = copy_pages(copy, err);
        qr_view_scanning(copy->view, false);
        qr_free(copy->allocator, copy->buffer, size);
    }
    quire_rollback(copy->txn);
    return status;
}

/* Opens the new file and keeps others from it while it is written. */
static quire_status open_new(struct qr_file_layer *layer, const char *path, struct qr_file **file,
                             quire_error *err)
{
    bool ours = false;
    QR_TRY(layer->methods->open(layer, path, QR_OPEN_WRITE | QR_OPEN_CREATE | QR_OPEN_EXCLUSIVE,
                                file, err));
    quire_status status = (*file)->methods->lock(*file, QR_LOCK_EXCLUSIVE, &ours, err);
    if (status == QUIRE_OK && ours) {
        /* Before it was locked another process may have taken it for a leftover. */
        status = (*file)->methods->is_named(*file, &ours, err);
    }
    if (status == QUIRE_OK && !ours) {
        status = qr_fail_at(err, QUIRE_LOCKED, path, QUIRE_NO_PAGE, 0,
                            "%s is in use by another process.", path);
    }
    if (status != QUIRE_OK) {
        (*file)->methods->close(*file);
    }
    return status;
}

static quire_status write_copy(struct copy *copy, const struct qr_replacement *r, quire_error *err)
{
    struct qr_file_layer *layer = r->place->layer;
    QR_TRY(layer->methods->random(layer, copy->id, sizeof copy->id, err));
    QR_TRY(open_new(layer, r->new_path, &copy->file, err));
    quire_status status = copy_snapshot(copy, err);
    copy->file->methods->close(copy->file);
    return status;
}

quire_status qr_backup(quire_db *db, const struct qr_maintenance_place *place, const char *path,
                       const quire_backup_options *options, quire_error *err)
{
    struct copy copy = {
        .db = db, .allocator = place->allocator, .page_size = qr_pager_page_size(qr_db_pager(db))};
    struct qr_replacement r;
    QR_TRY(complete_options(options, &copy.options, err));
    quire_status status = qr_replacement_begin(&r, place, path, copy.options.replace, err);
    if (status == QUIRE_OK) {
        status = write_copy(&copy, &r, err);
    }
    if (status == QUIRE_OK) {
        status = qr_copy_check(place, r.new_path, false, err);
    }
    if (status == QUIRE_OK) {
        status = qr_replacement_finish(&r, err);
    }
    qr_replacement_end(&r);
    return status;
}

quire_status quire_backup(quire_db *db, const char *path, const quire_backup_options *options,
                          quire_error *err)
{
    if (db == NULL || path == NULL || path[0] == '\0') {
        return qr_fail(err, QUIRE_MISUSE, "quire_backup needs a database and a path.");
    }
    struct qr_maintenance_place place = {
        .layer = db->memory_layer != NULL ? qr_file_layer_posix() : db->layer,
        .allocator = &db->allocator,
    };
    return qr_backup(db, &place, path, options, err);
}

/* ---- Restore ---- */

quire_status qr_restore(const struct qr_maintenance_place *place, const char *backup,
                        const char *path, const quire_backup_options *options, quire_error *err)
{
    quire_db *db;
    QR_TRY(qr_maintenance_open_source(place, backup, &db, err));
    quire_status status = qr_backup(db, place, path, options, err);
    quire_status closed = quire_close(db, status == QUIRE_OK ? err : NULL);
    return status != QUIRE_OK ? status : closed;
}

quire_status quire_restore(const char *backup, const char *path,
                           const quire_backup_options *options, quire_error *err)
{
    if (backup == NULL || path == NULL || backup[0] == '\0' || path[0] == '\0') {
        return qr_fail(err, QUIRE_MISUSE, "quire_restore needs two paths.");
    }
    struct qr_maintenance_place place = {.layer = qr_file_layer_posix(),
                                         .allocator = qr_allocator_default()};
    return qr_restore(&place, backup, path, options, err);
}
