/*
 * A layer over another one whose files can do without syncs: while it is lax,
 * a sync does nothing and write-back is not hurried. Everything else is passed
 * on. What was written while it was lax becomes durable with the first sync
 * afterwards, since a sync is of a whole file.
 *
 * Concurrency: as the layer below; the switch may be thrown at any time.
 */
#include <stdatomic.h>

#include "base/file.h"

struct lax_layer {
    struct qr_file_layer layer; /* first */
    struct qr_file_layer *below;
    const quire_allocator *allocator;
    _Atomic bool lax;
};

struct lax_file {
    struct qr_file file; /* first */
    struct lax_layer *layer;
    struct qr_file *below;
};

static struct lax_file *lax_file(struct qr_file *file)
{
    return (struct lax_file *)file;
}

static struct qr_file *file_below(struct qr_file *file)
{
    return lax_file(file)->below;
}

static struct qr_file_layer *layer_below(struct qr_file_layer *layer)
{
    return ((struct lax_layer *)layer)->below;
}

static bool is_lax(const struct lax_file *file)
{
    return atomic_load_explicit(&file->layer->lax, memory_order_acquire);
}

/* ---- Files ---- */

static void lax_close(struct qr_file *file)
{
    struct qr_file *below = file_below(file);
    below->methods->close(below);
    qr_free(lax_file(file)->layer->allocator, file, sizeof(struct lax_file));
}

static quire_status lax_read(struct qr_file *file, void *buffer, size_t size, uint64_t offset,
                             size_t *got, quire_error *err)
{
    struct qr_file *below = file_below(file);
    return below->methods->read(below, buffer, size, offset, got, err);
}

static quire_status lax_write(struct qr_file *file, const struct qr_iovec *buffers, size_t count,
                              uint64_t offset, quire_error *err)
{
    struct qr_file *below = file_below(file);
    return below->methods->write(below, buffers, count, offset, err);
}

static quire_status lax_sync(struct qr_file *file, quire_error *err)
{
    struct qr_file *below = file_below(file);
    return is_lax(lax_file(file)) ? QUIRE_OK : below->methods->sync(below, err);
}

static void lax_write_behind(struct qr_file *file, uint64_t offset, uint64_t size)
{
    struct qr_file *below = file_below(file);
    if (!is_lax(lax_file(file))) {
        below->methods->write_behind(below, offset, size);
    }
}

static quire_status lax_size(struct qr_file *file, uint64_t *size, quire_error *err)
{
    struct qr_file *below = file_below(file);
    return below->methods->size(below, size, err);
}

static quire_status lax_truncate(struct qr_file *file, uint64_t size, quire_error *err)
{
    struct qr_file *below = file_below(file);
    return below->methods->truncate(below, size, err);
}

static quire_status lax_is_named(struct qr_file *file, bool *named, quire_error *err)
{
    struct qr_file *below = file_below(file);
    return below->methods->is_named(below, named, err);
}

static quire_status lax_lock(struct qr_file *file, enum qr_lock_mode mode, bool *taken,
                             quire_error *err)
{
    struct qr_file *below = file_below(file);
    return below->methods->lock(below, mode, taken, err);
}

static void lax_unlock(struct qr_file *file)
{
    struct qr_file *below = file_below(file);
    below->methods->unlock(below);
}

/* ---- The layer ---- */

/* Takes the file below over, also on failure. */
static quire_status wrap(struct qr_file_layer *layer, struct qr_file *below, struct qr_file **out,
                         quire_error *err)
{
    static const struct qr_file_methods methods = {
        .close = lax_close,
        .read = lax_read,
        .write = lax_write,
        .sync = lax_sync,
        .write_behind = lax_write_behind,
        .size = lax_size,
        .truncate = lax_truncate,
        .is_named = lax_is_named,
        .lock = lax_lock,
        .unlock = lax_unlock,
    };
    struct lax_layer *lax = (struct lax_layer *)layer;
    struct lax_file *file = qr_alloc_zero(lax->allocator, sizeof *file, err);
    if (file == NULL) {
        below->methods->close(below);
        return QUIRE_NO_MEMORY;
    }
    *file = (struct lax_file){{&methods}, lax, below};
    *out = &file->file;
    return QUIRE_OK;
}

static quire_status lax_open(struct qr_file_layer *layer, const char *path, unsigned flags,
                             struct qr_file **out, quire_error *err)
{
    struct qr_file_layer *below = layer_below(layer);
    struct qr_file *file = NULL;
    *out = NULL;
    QR_TRY(below->methods->open(below, path, flags, &file, err));
    return wrap(layer, file, out, err);
}

static quire_status lax_open_temporary(struct qr_file_layer *layer, const char *beside,
                                       struct qr_file **out, quire_error *err)
{
    struct qr_file_layer *below = layer_below(layer);
    struct qr_file *file = NULL;
    *out = NULL;
    QR_TRY(below->methods->open_temporary(below, beside, &file, err));
    return wrap(layer, file, out, err);
}

static quire_status lax_exists(struct qr_file_layer *layer, const char *path, bool *exists,
                               quire_error *err)
{
    struct qr_file_layer *below = layer_below(layer);
    return below->methods->exists(below, path, exists, err);
}

static quire_status lax_remove(struct qr_file_layer *layer, const char *path, quire_error *err)
{
    struct qr_file_layer *below = layer_below(layer);
    return below->methods->remove(below, path, err);
}

static quire_status lax_rename(struct qr_file_layer *layer, const char *from, const char *to,
                               quire_error *err)
{
    struct qr_file_layer *below = layer_below(layer);
    return below->methods->rename(below, from, to, err);
}

static quire_status lax_sync_directory(struct qr_file_layer *layer, const char *path,
                                       quire_error *err)
{
    struct qr_file_layer *below = layer_below(layer);
    return below->methods->sync_directory(below, path, err);
}

static quire_status lax_random(struct qr_file_layer *layer, void *bytes, size_t size,
                               quire_error *err)
{
    struct qr_file_layer *below = layer_below(layer);
    return below->methods->random(below, bytes, size, err);
}

static uint64_t lax_boot(struct qr_file_layer *layer)
{
    struct qr_file_layer *below = layer_below(layer);
    return below->methods->boot(below);
}

quire_status qr_file_layer_lax_create(const quire_allocator *allocator, struct qr_file_layer *below,
                                      struct qr_file_layer **out, quire_error *err)
{
    static const struct qr_file_layer_methods methods = {
        .open = lax_open,
        .open_temporary = lax_open_temporary,
        .exists = lax_exists,
        .remove = lax_remove,
        .rename = lax_rename,
        .sync_directory = lax_sync_directory,
        .random = lax_random,
        .boot = lax_boot,
    };
    *out = NULL;
    struct lax_layer *layer = qr_alloc_zero(allocator, sizeof *layer, err);
    if (layer == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *layer = (struct lax_layer){{&methods}, below, allocator, false};
    *out = &layer->layer;
    return QUIRE_OK;
}

void qr_file_layer_lax_set(struct qr_file_layer *layer, bool lax)
{
    atomic_store_explicit(&((struct lax_layer *)layer)->lax, lax, memory_order_release);
}

void qr_file_layer_lax_destroy(struct qr_file_layer *layer)
{
    if (layer != NULL) {
        qr_free(((struct lax_layer *)layer)->allocator, layer, sizeof(struct lax_layer));
    }
}
