/*
 * Each file has one inode in this process, shared by its handles: the content
 * as the program sees it, and the list of changes that the real file has not
 * got yet. A sync replays the list on the real file and clears it. The real
 * file is not synced: only the process dies in these tests.
 */
#include "support/delayed_layer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support/disk_model.h"

struct change {
    struct change *next;
    bool truncates; /* to `offset` bytes */
    uint64_t offset;
    size_t size;
    uint8_t bytes[];
};

struct inode {
    struct inode *next;
    char *path; /* NULL once removed */
    unsigned handles;
    uint8_t *bytes;
    size_t size, capacity;
    struct change *first, **last;
};

struct delayed_layer {
    struct qr_file_layer layer;
    struct qr_file_layer *real;
    pthread_mutex_t mutex;
    struct inode *inodes;
};

struct delayed_file {
    struct qr_file file;
    struct delayed_layer *owner;
    struct inode *inode;
    struct qr_file *real;
    bool writable;
};

/* ---- Inodes; the mutex is held ---- */

static struct inode *find_inode(struct delayed_layer *layer, const char *path)
{
    struct inode *inode = layer->inodes;
    while (inode != NULL && (inode->path == NULL || strcmp(inode->path, path) != 0)) {
        inode = inode->next;
    }
    return inode;
}

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(disk_allocate(NULL, size), text, size);
}

static void drop_changes(struct inode *inode)
{
    while (inode->first != NULL) {
        struct change *change = inode->first;
        inode->first = change->next;
        free(change);
    }
    inode->last = &inode->first;
}

/* Frees an inode that nobody can reach. A named one stays, with its unsynced changes, as a file
 * stays in the system's cache. */
static void release_inode(struct delayed_layer *layer, struct inode *inode)
{
    if (inode->handles > 0 || inode->path != NULL) {
        return;
    }
    struct inode **link = &layer->inodes;
    while (*link != inode) {
        link = &(*link)->next;
    }
    *link = inode->next;
    drop_changes(inode);
    free(inode->bytes);
    free(inode);
}

static void drop_name(struct delayed_layer *layer, struct inode *inode)
{
    free(inode->path);
    inode->path = NULL;
    release_inode(layer, inode);
}

static void resize(struct inode *inode, uint64_t size)
{
    if (size > inode->capacity) {
        size_t capacity = inode->capacity + inode->capacity / 2;
        inode->capacity = capacity < size ? (size_t)size : capacity;
        inode->bytes = disk_allocate(inode->bytes, inode->capacity);
    }
    if (size > inode->size) {
        memset(inode->bytes + inode->size, 0, (size_t)size - inode->size);
    }
    inode->size = (size_t)size;
}

static struct change *add_change(struct inode *inode, uint64_t offset, size_t size)
{
    struct change *change = disk_allocate(NULL, sizeof *change + size);
    *change = (struct change){.offset = offset, .size = size};
    *inode->last = change;
    inode->last = &change->next;
    return change;
}

/* The inode of an opened real file, with its content. */
static quire_status load_inode(struct delayed_layer *layer, const char *path, struct qr_file *real,
                               struct inode **out, quire_error *err)
{
    struct inode *inode = find_inode(layer, path);
    if (inode == NULL) {
        uint64_t size;
        QR_TRY(real->methods->size(real, &size, err));
        inode = disk_allocate(NULL, sizeof *inode);
        *inode = (struct inode){.next = layer->inodes, .path = copy_text(path)};
        inode->last = &inode->first;
        layer->inodes = inode;
        resize(inode, size);
        quire_status status = qr_file_read_all(real, inode->bytes, (size_t)size, 0, path, err);
        if (status != QUIRE_OK) {
            drop_name(layer, inode);
            return status;
        }
    }
    inode->handles++;
    *out = inode;
    return QUIRE_OK;
}

/* ---- Files ---- */

static void delayed_close(struct qr_file *base)
{
    struct delayed_file *file = (struct delayed_file *)base;
    pthread_mutex_lock(&file->owner->mutex);
    file->inode->handles--;
    release_inode(file->owner, file->inode);
    pthread_mutex_unlock(&file->owner->mutex);
    file->real->methods->close(file->real);
    free(file);
}

static quire_status delayed_read(struct qr_file *base, void *buffer, size_t size, uint64_t offset,
                                 size_t *got, quire_error *err)
{
    (void)err;
    struct delayed_file *file = (struct delayed_file *)base;
    pthread_mutex_lock(&file->owner->mutex);
    const struct inode *inode = file->inode;
    size_t available = offset < inode->size ? inode->size - (size_t)offset : 0;
    *got = size < available ? size : available;
    if (*got > 0) {
        memcpy(buffer, inode->bytes + offset, *got);
    }
    pthread_mutex_unlock(&file->owner->mutex);
    return QUIRE_OK;
}

static quire_status delayed_write(struct qr_file *base, const struct qr_iovec *buffers,
                                  size_t count, uint64_t offset, quire_error *err)
{
    struct delayed_file *file = (struct delayed_file *)base;
    if (!file->writable) {
        return qr_fail(err, QUIRE_MISUSE, "The file is open for reading only.");
    }
    pthread_mutex_lock(&file->owner->mutex);
    struct inode *inode = file->inode;
    for (size_t i = 0; i < count; i++) {
        size_t size = buffers[i].size;
        if (size > 0) {
            memcpy(add_change(inode, offset, size)->bytes, buffers[i].base, size);
            if (offset + size > inode->size) {
                resize(inode, offset + size);
            }
            memcpy(inode->bytes + offset, buffers[i].base, size);
            offset += size;
        }
    }
    pthread_mutex_unlock(&file->owner->mutex);
    return QUIRE_OK;
}

static quire_status delayed_truncate(struct qr_file *base, uint64_t size, quire_error *err)
{
    struct delayed_file *file = (struct delayed_file *)base;
    if (!file->writable) {
        return qr_fail(err, QUIRE_MISUSE, "The file is open for reading only.");
    }
    pthread_mutex_lock(&file->owner->mutex);
    add_change(file->inode, size, 0)->truncates = true;
    resize(file->inode, size);
    pthread_mutex_unlock(&file->owner->mutex);
    return QUIRE_OK;
}

static quire_status sync_locked(struct delayed_file *file, quire_error *err)
{
    if (!file->writable) {
        return QUIRE_OK;
    }
    for (struct change *change = file->inode->first; change != NULL; change = change->next) {
        if (change->truncates) {
            QR_TRY(file->real->methods->truncate(file->real, change->offset, err));
        } else {
            QR_TRY(qr_file_write_one(file->real, change->bytes, change->size, change->offset, err));
        }
    }
    drop_changes(file->inode);
    return QUIRE_OK;
}

static quire_status delayed_sync(struct qr_file *base, quire_error *err)
{
    struct delayed_file *file = (struct delayed_file *)base;
    pthread_mutex_lock(&file->owner->mutex);
    quire_status status = sync_locked(file, err);
    pthread_mutex_unlock(&file->owner->mutex);
    return status;
}

static void delayed_write_behind(struct qr_file *base, uint64_t offset, uint64_t size)
{
    (void)base;
    (void)offset;
    (void)size;
}

static quire_status delayed_size(struct qr_file *base, uint64_t *size, quire_error *err)
{
    (void)err;
    struct delayed_file *file = (struct delayed_file *)base;
    pthread_mutex_lock(&file->owner->mutex);
    *size = file->inode->size;
    pthread_mutex_unlock(&file->owner->mutex);
    return QUIRE_OK;
}

static quire_status delayed_lock(struct qr_file *base, enum qr_lock_mode mode, bool *taken,
                                 quire_error *err)
{
    struct delayed_file *file = (struct delayed_file *)base;
    return file->real->methods->lock(file->real, mode, taken, err);
}

static void delayed_unlock(struct qr_file *base)
{
    struct delayed_file *file = (struct delayed_file *)base;
    file->real->methods->unlock(file->real);
}

static quire_status delayed_is_named(struct qr_file *base, bool *named, quire_error *err)
{
    struct delayed_file *file = (struct delayed_file *)base;
    return file->real->methods->is_named(file->real, named, err);
}

static const struct qr_file_methods file_methods = {
    .close = delayed_close,
    .read = delayed_read,
    .write = delayed_write,
    .sync = delayed_sync,
    .write_behind = delayed_write_behind,
    .size = delayed_size,
    .truncate = delayed_truncate,
    .is_named = delayed_is_named,
    .lock = delayed_lock,
    .unlock = delayed_unlock,
};

/* ---- The layer ---- */

static quire_status delayed_open(struct qr_file_layer *base, const char *path, unsigned flags,
                                 struct qr_file **out, quire_error *err)
{
    struct delayed_layer *layer = (struct delayed_layer *)base;
    struct qr_file *real;
    struct inode *inode = NULL;
    *out = NULL;
    pthread_mutex_lock(&layer->mutex);
    quire_status status = layer->real->methods->open(layer->real, path, flags, &real, err);
    if (status == QUIRE_OK) {
        status = load_inode(layer, path, real, &inode, err);
        if (status != QUIRE_OK) {
            real->methods->close(real);
        }
    }
    pthread_mutex_unlock(&layer->mutex);
    if (status != QUIRE_OK) {
        return status;
    }
    struct delayed_file *file = disk_allocate(NULL, sizeof *file);
    *file = (struct delayed_file){.file = {&file_methods},
                                  .owner = layer,
                                  .inode = inode,
                                  .real = real,
                                  .writable = (flags & QR_OPEN_WRITE) != 0};
    *out = &file->file;
    return QUIRE_OK;
}

static quire_status delayed_open_temporary(struct qr_file_layer *base, const char *beside,
                                           struct qr_file **out, quire_error *err)
{
    struct delayed_layer *layer = (struct delayed_layer *)base;
    return layer->real->methods->open_temporary(layer->real, beside, out, err);
}

static quire_status delayed_exists(struct qr_file_layer *base, const char *path, bool *exists,
                                   quire_error *err)
{
    struct delayed_layer *layer = (struct delayed_layer *)base;
    return layer->real->methods->exists(layer->real, path, exists, err);
}

static void forget_name(struct delayed_layer *layer, const char *path)
{
    struct inode *inode = find_inode(layer, path);
    if (inode != NULL) {
        drop_name(layer, inode);
    }
}

static quire_status delayed_remove(struct qr_file_layer *base, const char *path, quire_error *err)
{
    struct delayed_layer *layer = (struct delayed_layer *)base;
    pthread_mutex_lock(&layer->mutex);
    quire_status status = layer->real->methods->remove(layer->real, path, err);
    if (status == QUIRE_OK) {
        forget_name(layer, path);
    }
    pthread_mutex_unlock(&layer->mutex);
    return status;
}

static quire_status delayed_rename(struct qr_file_layer *base, const char *from, const char *to,
                                   quire_error *err)
{
    struct delayed_layer *layer = (struct delayed_layer *)base;
    pthread_mutex_lock(&layer->mutex);
    quire_status status = layer->real->methods->rename(layer->real, from, to, err);
    if (status == QUIRE_OK && strcmp(from, to) != 0) {
        struct inode *inode = find_inode(layer, from);
        forget_name(layer, to);
        if (inode != NULL) {
            free(inode->path);
            inode->path = copy_text(to);
        }
    }
    pthread_mutex_unlock(&layer->mutex);
    return status;
}

static quire_status delayed_sync_directory(struct qr_file_layer *base, const char *path,
                                           quire_error *err)
{
    (void)base;
    (void)path;
    (void)err;
    return QUIRE_OK;
}

static quire_status delayed_random(struct qr_file_layer *base, void *bytes, size_t size,
                                   quire_error *err)
{
    struct delayed_layer *layer = (struct delayed_layer *)base;
    return layer->real->methods->random(layer->real, bytes, size, err);
}

static uint64_t delayed_boot(struct qr_file_layer *base)
{
    struct delayed_layer *layer = (struct delayed_layer *)base;
    return layer->real->methods->boot(layer->real);
}

struct qr_file_layer *delayed_layer_create(void)
{
    static const struct qr_file_layer_methods methods = {
        .open = delayed_open,
        .open_temporary = delayed_open_temporary,
        .exists = delayed_exists,
        .remove = delayed_remove,
        .rename = delayed_rename,
        .sync_directory = delayed_sync_directory,
        .random = delayed_random,
        .boot = delayed_boot,
    };
    struct delayed_layer *layer = disk_allocate(NULL, sizeof *layer);
    *layer = (struct delayed_layer){.layer = {&methods}, .real = qr_file_layer_posix()};
    pthread_mutex_init(&layer->mutex, NULL);
    return &layer->layer;
}

void delayed_layer_destroy(struct qr_file_layer *base)
{
    struct delayed_layer *layer = (struct delayed_layer *)base;
    if (layer != NULL) {
        while (layer->inodes != NULL) {
            layer->inodes->handles = 0;
            drop_name(layer, layer->inodes);
        }
        pthread_mutex_destroy(&layer->mutex);
        free(layer);
    }
}
