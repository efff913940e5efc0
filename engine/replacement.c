/*
 * Putting a finished database file in the place of another (maintenance.h has
 * the crash argument). The name is taken by a rename; the lock on what stood
 * there is kept until after it.
 */
#include <string.h>

#include "engine/maintenance.h"
#include "pager/page_format.h"

/* Openings in search of a database that nobody else writes to meanwhile. */
#define HOLD_TRIES 3

#define MAINTENANCE_CACHE (UINT64_C(8) << 20)

/* Of the log of a database that is made here, which does not live long. */
#define MAINTENANCE_SEGMENT (UINT32_C(256) << 10)

/* ---- Paths and databases ---- */

char *qr_path_join(const struct qr_maintenance_place *place, const char *path, const char *suffix,
                   quire_error *err)
{
    size_t size = strlen(path);
    size_t more = strlen(suffix) + 1;
    char *joined = qr_alloc(place->allocator, size + more, err);
    if (joined != NULL) {
        memcpy(joined, path, size);
        memcpy(joined + size, suffix, more);
    }
    return joined;
}

void qr_path_free(const struct qr_maintenance_place *place, char *path)
{
    if (path != NULL) {
        qr_free(place->allocator, path, strlen(path) + 1);
    }
}

static quire_status open_with_cache(const struct qr_maintenance_place *place, const char *path,
                                    quire_options *options, quire_db **out, quire_error *err)
{
    options->durability = QUIRE_DURABILITY_NORMAL;
    options->allocator = place->allocator;
    return qr_db_open_with(path, options, place->layer, place->malloc_arena, out, err);
}

quire_status qr_maintenance_open(const struct qr_maintenance_place *place, const char *path,
                                 quire_open_mode mode, uint32_t page_size, quire_db **out,
                                 quire_error *err)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    options.mode = mode;
    options.page_size = page_size;
    options.cache_bytes = MAINTENANCE_CACHE;
    options.wal_segment_bytes = mode == QUIRE_OPEN_NEW ? MAINTENANCE_SEGMENT : 0;
    return open_with_cache(place, path, &options, out, err);
}

quire_status qr_maintenance_open_source(const struct qr_maintenance_place *place, const char *path,
                                        quire_db **out, quire_error *err)
{
    quire_options options = QUIRE_OPTIONS_INIT;
    options.mode = QUIRE_OPEN_READ_ONLY;
    return open_with_cache(place, path, &options, out, err);
}

static quire_status exists(const struct qr_replacement *r, const char *path, bool *there,
                           quire_error *err)
{
    return r->place->layer->methods->exists(r->place->layer, path, there, err);
}

static quire_status remove_durably(const struct qr_replacement *r, const char *path,
                                   quire_error *err)
{
    struct qr_file_layer *layer = r->place->layer;
    QR_TRY(layer->methods->remove(layer, path, err));
    return layer->methods->sync_directory(layer, path, err);
}

/* ---- Taking hold of what is there ---- */

/* Whether the header page in the file says that it is complete without its log. */
static quire_status is_clean(const struct qr_replacement *r, bool *clean, quire_error *err)
{
    struct qr_file_layer *layer = r->place->layer;
    struct qr_file *file;
    uint8_t start[QR_HEADER_END];
    size_t got = 0;
    QR_TRY(layer->methods->open(layer, r->path, QR_OPEN_READ, &file, err));
    quire_status status = file->methods->read(file, start, sizeof start, 0, &got, err);
    file->methods->close(file);
    *clean =
        got == sizeof start && (qr_load32(start + QR_HEADER_FLAGS) & QR_HEADER_FLAG_CLEAN) != 0;
    return status;
}

/* Opens the old database so that its file is complete and its log empty: one that was not closed
 * cleanly is recovered, closed and opened again. */
static quire_status hold_sound(struct qr_replacement *r, quire_error *err)
{
    for (int i = 0; i < HOLD_TRIES; i++) {
        bool clean = false;
        QR_TRY(qr_maintenance_open(r->place, r->path, QUIRE_OPEN_READ_WRITE, 0, &r->old, err));
        QR_TRY(is_clean(r, &clean, err));
        if (clean) {
            return QUIRE_OK;
        }
        quire_db *old = r->old;
        r->old = NULL;
        QR_TRY(quire_close(old, err));
    }
    return qr_fail_at(err, QUIRE_LOCKED, r->path, QUIRE_NO_PAGE, 0,
                      "%s is being written to by another process; close it there.", r->path);
}

static quire_status hold_damaged(struct qr_replacement *r, quire_error *err)
{
    struct qr_file_layer *layer = r->place->layer;
    bool taken = false;
    QR_TRY(layer->methods->open(layer, r->path, QR_OPEN_WRITE, &r->lock, err));
    QR_TRY(r->lock->methods->lock(r->lock, QR_LOCK_EXCLUSIVE, &taken, err));
    if (taken) {
        QR_TRY(r->lock->methods->is_named(r->lock, &taken, err));
    }
    return taken ? QUIRE_OK
                 : qr_fail_at(err, QUIRE_LOCKED, r->path, QUIRE_NO_PAGE, 0,
                              "%s is open elsewhere; close it there.", r->path);
}

static quire_status hold(struct qr_replacement *r, quire_error *err)
{
    quire_error error = QUIRE_ERROR_INIT;
    quire_status status = hold_sound(r, &error);
    if (status == QUIRE_CORRUPT || status == QUIRE_LOG_MISMATCH || status == QUIRE_LOG_MISSING) {
        return hold_damaged(r, err);
    }
    if (status != QUIRE_OK && err != NULL) {
        *err = error;
    }
    return status;
}

/* ---- Begin ---- */

/* Removes what an earlier attempt left, unless another process is at it. */
static quire_status remove_leftover(const struct qr_replacement *r, quire_error *err)
{
    struct qr_file_layer *layer = r->place->layer;
    struct qr_file *file;
    bool there = false;
    bool taken = false;
    QR_TRY(exists(r, r->new_path, &there, err));
    if (there) {
        QR_TRY(layer->methods->open(layer, r->new_path, QR_OPEN_WRITE, &file, err));
        quire_status status = file->methods->lock(file, QR_LOCK_EXCLUSIVE, &taken, err);
        if (status == QUIRE_OK && taken) {
            status = layer->methods->remove(layer, r->new_path, err);
        }
        file->methods->close(file);
        QR_TRY(status);
        if (!taken) {
            return qr_fail_at(err, QUIRE_LOCKED, r->new_path, QUIRE_NO_PAGE, 0,
                              "%s is being written by another process; let it finish.",
                              r->new_path);
        }
    }
    QR_TRY(exists(r, r->new_log_path, &there, err));
    return there ? layer->methods->remove(layer, r->new_log_path, err) : QUIRE_OK;
}

static quire_status refuse(const char *path, quire_error *err)
{
    return qr_fail_at(err, QUIRE_EXISTS, path, QUIRE_NO_PAGE, 0,
                      "%s exists; choose another name, or ask for its replacement.", path);
}

quire_status qr_replacement_begin(struct qr_replacement *r,
                                  const struct qr_maintenance_place *place, const char *path,
                                  bool replace, quire_error *err)
{
    bool there = false;
    *r = (struct qr_replacement){.place = place};
    if ((r->path = qr_path_join(place, path, "", err)) == NULL ||
        (r->log_path = qr_path_join(place, path, "-wal", err)) == NULL ||
        (r->new_path = qr_path_join(place, path, "-new", err)) == NULL ||
        (r->new_log_path = qr_path_join(place, path, "-new-wal", err)) == NULL) {
        return QUIRE_NO_MEMORY;
    }
    QR_TRY(exists(r, r->path, &there, err));
    if (there && !replace) {
        return refuse(r->path, err);
    }
    QR_TRY(exists(r, r->log_path, &r->log_present, err));
    if (r->log_present && !replace) {
        return refuse(r->log_path, err);
    }
    if (there) {
        QR_TRY(hold(r, err));
        QR_TRY(exists(r, r->log_path, &r->log_present, err)); /* holding may have made one */
    }
    QR_TRY(remove_leftover(r, err));
    r->begun = true;
    return QUIRE_OK;
}

/* ---- Finish ---- */

quire_status qr_replacement_finish(struct qr_replacement *r, quire_error *err)
{
    struct qr_file_layer *layer = r->place->layer;
    bool damaged = r->lock != NULL;
    bool there = false;
    if (r->log_present && !damaged) {
        QR_TRY(remove_durably(r, r->log_path, err));
    }
    if (r->old == NULL && !damaged) {
        QR_TRY(exists(r, r->path, &there, err));
    }
    if (there) {
        return refuse(r->path, err);
    }
    QR_TRY(layer->methods->rename(layer, r->new_path, r->path, err));
    QR_TRY(layer->methods->sync_directory(layer, r->path, err));
    return r->log_present && damaged ? remove_durably(r, r->log_path, err) : QUIRE_OK;
}

/* Best effort: whoever comes next removes what is left. */
static void discard(const struct qr_replacement *r, const char *path)
{
    bool there = false;
    if (exists(r, path, &there, NULL) == QUIRE_OK && there) {
        (void)r->place->layer->methods->remove(r->place->layer, path, NULL);
    }
}

void qr_replacement_end(struct qr_replacement *r)
{
    (void)quire_close(r->old, NULL); /* clean, nothing to write */
    if (r->lock != NULL) {
        r->lock->methods->close(r->lock);
    }
    /* After a rename there is no file of the new name, and no log beside it. */
    if (r->begun) {
        discard(r, r->new_path);
        discard(r, r->new_log_path);
    }
    qr_path_free(r->place, r->path);
    qr_path_free(r->place, r->log_path);
    qr_path_free(r->place, r->new_path);
    qr_path_free(r->place, r->new_log_path);
    *r = (struct qr_replacement){.place = r->place};
}
