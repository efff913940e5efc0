/*
 * Files in memory: the same contract as the operating system's, for databases
 * that need no disk and for tests.
 *
 * A layer holds a list of inodes; a named one is found by its exact path. A
 * removed inode lives on until its last handle is closed. Locks follow the
 * rules of file_lock.c within one layer. One mutex (rank QR_RANK_FILE) guards
 * a layer and all its files. Sync has nothing to do.
 */
#include "base/file.h"

#include <string.h>

#include "base/check.h"
#include "base/thread.h"

struct inode {
    struct inode *next;
    char *path; /* NULL when removed or temporary */
    size_t path_size;
    uint8_t *bytes; /* beyond `size` all zero */
    size_t size, capacity;
    unsigned handles;
    unsigned shared_holders;
    bool exclusive_holder;
};

struct memory_layer {
    struct qr_file_layer layer;
    const quire_allocator *allocator;
    struct qr_mutex mutex;
    struct inode *inodes;
};

struct memory_file {
    struct qr_file file;
    struct memory_layer *layer;
    struct inode *inode;
    bool writable;
    bool shared, exclusive;
};

/* ---- Inodes; the mutex is held ---- */

static struct inode *find_inode(struct memory_layer *layer, const char *path)
{
    for (struct inode *inode = layer->inodes; inode != NULL; inode = inode->next) {
        if (inode->path != NULL && strcmp(inode->path, path) == 0) {
            return inode;
        }
    }
    return NULL;
}

static char *copy_path(struct memory_layer *layer, const char *path, size_t *size, quire_error *err)
{
    *size = strlen(path) + 1;
    char *copy = qr_alloc(layer->allocator, *size, err);
    if (copy != NULL) {
        memcpy(copy, path, *size);
    }
    return copy;
}

/* path NULL makes a temporary inode. */
static struct inode *create_inode(struct memory_layer *layer, const char *path, quire_error *err)
{
    struct inode *inode = qr_alloc_zero(layer->allocator, sizeof *inode, err);
    if (inode == NULL) {
        return NULL;
    }
    if (path != NULL) {
        inode->path = copy_path(layer, path, &inode->path_size, err);
        if (inode->path == NULL) {
            qr_free(layer->allocator, inode, sizeof *inode);
            return NULL;
        }
    }
    inode->next = layer->inodes;
    layer->inodes = inode;
    return inode;
}

static void drop_name(struct memory_layer *layer, struct inode *inode)
{
    qr_free(layer->allocator, inode->path, inode->path_size);
    inode->path = NULL;
    inode->path_size = 0;
}

/* Frees an inode that has neither a name nor a handle. */
static void release_inode(struct memory_layer *layer, struct inode *inode)
{
    if (inode->path != NULL || inode->handles > 0) {
        return;
    }
    struct inode **link = &layer->inodes;
    while (*link != inode) {
        link = &(*link)->next;
    }
    *link = inode->next;
    qr_free(layer->allocator, inode->bytes, inode->capacity);
    qr_free(layer->allocator, inode, sizeof *inode);
}

/* ---- Handles ---- */

static void drop_lock(struct memory_file *file)
{
    if (file->shared) {
        file->inode->shared_holders--;
    }
    if (file->exclusive) {
        file->inode->exclusive_holder = false;
    }
    file->shared = false;
    file->exclusive = false;
}

static void memory_close(struct qr_file *base)
{
    struct memory_file *file = (struct memory_file *)base;
    struct memory_layer *layer = file->layer;
    qr_mutex_lock(&layer->mutex);
    drop_lock(file);
    file->inode->handles--;
    release_inode(layer, file->inode);
    qr_mutex_unlock(&layer->mutex);
    qr_free(layer->allocator, file, sizeof *file);
}

static quire_status memory_read(struct qr_file *base, void *buffer, size_t size, uint64_t offset,
                                size_t *got, quire_error *err)
{
    (void)err;
    struct memory_file *file = (struct memory_file *)base;
    qr_mutex_lock(&file->layer->mutex);
    const struct inode *inode = file->inode;
    size_t available = offset < inode->size ? inode->size - (size_t)offset : 0;
    *got = size < available ? size : available;
    if (*got > 0) {
        memcpy(buffer, inode->bytes + offset, *got);
    }
    qr_mutex_unlock(&file->layer->mutex);
    return QUIRE_OK;
}

static quire_status check_writable(const struct memory_file *file, quire_error *err)
{
    if (file->writable) {
        return QUIRE_OK;
    }
    const char *path = file->inode->path != NULL ? file->inode->path : "a removed file";
    return qr_fail_at(err, QUIRE_MISUSE, path, QUIRE_NO_PAGE, 0, "%s is open for reading only.",
                      path);
}

/* Makes room for `size` bytes; new room is zero. */
static quire_status reserve(struct memory_file *file, uint64_t size, quire_error *err)
{
    struct inode *inode = file->inode;
    if (size > SIZE_MAX / 4) {
        return qr_fail(err, QUIRE_LIMIT, "A file in memory cannot have %llu bytes.",
                       (unsigned long long)size);
    }
    size_t before = inode->capacity;
    QR_TRY(qr_grow(file->layer->allocator, &inode->bytes, &inode->capacity, (size_t)size, 1, err));
    memset(inode->bytes + before, 0, inode->capacity - before);
    return QUIRE_OK;
}

static quire_status write_locked(struct memory_file *file, const struct qr_iovec *buffers,
                                 size_t count, uint64_t offset, quire_error *err)
{
    uint64_t end = offset;
    QR_TRY(check_writable(file, err));
    for (size_t i = 0; i < count; i++) {
        if (buffers[i].size > UINT64_MAX - end) {
            return qr_fail(err, QUIRE_LIMIT, "The write ends beyond every possible file.");
        }
        end += buffers[i].size;
    }
    if (end == offset) {
        return QUIRE_OK;
    }
    QR_TRY(reserve(file, end, err));
    struct inode *inode = file->inode;
    for (size_t i = 0; i < count; i++) {
        if (buffers[i].size > 0) {
            memcpy(inode->bytes + offset, buffers[i].base, buffers[i].size);
            offset += buffers[i].size;
        }
    }
    if (end > inode->size) {
        inode->size = (size_t)end;
    }
    return QUIRE_OK;
}

static quire_status memory_write(struct qr_file *base, const struct qr_iovec *buffers, size_t count,
                                 uint64_t offset, quire_error *err)
{
    struct memory_file *file = (struct memory_file *)base;
    qr_mutex_lock(&file->layer->mutex);
    quire_status status = write_locked(file, buffers, count, offset, err);
    qr_mutex_unlock(&file->layer->mutex);
    return status;
}

static quire_status memory_sync(struct qr_file *base, quire_error *err)
{
    (void)base;
    (void)err;
    return QUIRE_OK;
}

static void memory_write_behind(struct qr_file *base, uint64_t offset, uint64_t size)
{
    (void)base;
    (void)offset;
    (void)size;
}

static quire_status memory_size(struct qr_file *base, uint64_t *size, quire_error *err)
{
    (void)err;
    struct memory_file *file = (struct memory_file *)base;
    qr_mutex_lock(&file->layer->mutex);
    *size = file->inode->size;
    qr_mutex_unlock(&file->layer->mutex);
    return QUIRE_OK;
}

static quire_status truncate_locked(struct memory_file *file, uint64_t size, quire_error *err)
{
    struct inode *inode = file->inode;
    QR_TRY(check_writable(file, err));
    if (size > inode->size) {
        QR_TRY(reserve(file, size, err));
    } else if (size < inode->size) {
        memset(inode->bytes + size, 0, inode->size - (size_t)size);
    }
    inode->size = (size_t)size;
    return QUIRE_OK;
}

static quire_status memory_truncate(struct qr_file *base, uint64_t size, quire_error *err)
{
    struct memory_file *file = (struct memory_file *)base;
    qr_mutex_lock(&file->layer->mutex);
    quire_status status = truncate_locked(file, size, err);
    qr_mutex_unlock(&file->layer->mutex);
    return status;
}

static quire_status memory_lock(struct qr_file *base, enum qr_lock_mode mode, bool *taken,
                                quire_error *err)
{
    struct memory_file *file = (struct memory_file *)base;
    bool exclusive = mode == QR_LOCK_EXCLUSIVE;
    *taken = false;
    if (exclusive && !file->writable) {
        return qr_fail(err, QUIRE_MISUSE, "A file open for reading only takes no exclusive lock.");
    }
    qr_mutex_lock(&file->layer->mutex);
    struct inode *inode = file->inode;
    unsigned other_shared = inode->shared_holders - (file->shared ? 1 : 0);
    bool other_exclusive = inode->exclusive_holder && !file->exclusive;
    if (!other_exclusive && (!exclusive || other_shared == 0)) {
        drop_lock(file);
        file->shared = !exclusive;
        file->exclusive = exclusive;
        inode->exclusive_holder = exclusive;
        inode->shared_holders += exclusive ? 0 : 1;
        *taken = true;
    }
    qr_mutex_unlock(&file->layer->mutex);
    return QUIRE_OK;
}

static void memory_unlock(struct qr_file *base)
{
    struct memory_file *file = (struct memory_file *)base;
    qr_mutex_lock(&file->layer->mutex);
    drop_lock(file);
    qr_mutex_unlock(&file->layer->mutex);
}

static quire_status memory_is_named(struct qr_file *base, bool *named, quire_error *err)
{
    struct memory_file *file = (struct memory_file *)base;
    (void)err;
    qr_mutex_lock(&file->layer->mutex);
    *named = file->inode->path != NULL;
    qr_mutex_unlock(&file->layer->mutex);
    return QUIRE_OK;
}

static const struct qr_file_methods file_methods = {
    .close = memory_close,
    .read = memory_read,
    .write = memory_write,
    .sync = memory_sync,
    .write_behind = memory_write_behind,
    .size = memory_size,
    .truncate = memory_truncate,
    .is_named = memory_is_named,
    .lock = memory_lock,
    .unlock = memory_unlock,
};

/* ---- The layer ---- */

static quire_status open_inode(struct memory_layer *layer, struct inode *inode, bool writable,
                               struct qr_file **out, quire_error *err)
{
    struct memory_file *file = qr_alloc_zero(layer->allocator, sizeof *file, err);
    if (file == NULL) {
        return QUIRE_NO_MEMORY;
    }
    file->file.methods = &file_methods;
    file->layer = layer;
    file->inode = inode;
    file->writable = writable;
    inode->handles++;
    *out = &file->file;
    return QUIRE_OK;
}

static quire_status open_locked(struct memory_layer *layer, const char *path, unsigned flags,
                                struct qr_file **out, quire_error *err)
{
    bool writable = (flags & QR_OPEN_WRITE) != 0;
    struct inode *inode = find_inode(layer, path);
    if (inode != NULL) {
        if ((flags & QR_OPEN_CREATE) != 0 && (flags & QR_OPEN_EXCLUSIVE) != 0) {
            return qr_fail_at(err, QUIRE_EXISTS, path, QUIRE_NO_PAGE, 0, "%s exists already.",
                              path);
        }
        return open_inode(layer, inode, writable, out, err);
    }
    if ((flags & QR_OPEN_CREATE) == 0) {
        return qr_fail_at(err, QUIRE_NO_FILE, path, QUIRE_NO_PAGE, 0, "%s does not exist.", path);
    }
    inode = create_inode(layer, path, err);
    if (inode == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status = open_inode(layer, inode, writable, out, err);
    if (status != QUIRE_OK) {
        drop_name(layer, inode);
        release_inode(layer, inode);
    }
    return status;
}

static quire_status memory_open(struct qr_file_layer *base, const char *path, unsigned flags,
                                struct qr_file **out, quire_error *err)
{
    struct memory_layer *layer = (struct memory_layer *)base;
    *out = NULL;
    qr_mutex_lock(&layer->mutex);
    quire_status status = open_locked(layer, path, flags, out, err);
    qr_mutex_unlock(&layer->mutex);
    return status;
}

static quire_status memory_open_temporary(struct qr_file_layer *base, const char *beside,
                                          struct qr_file **out, quire_error *err)
{
    (void)beside;
    struct memory_layer *layer = (struct memory_layer *)base;
    quire_status status = QUIRE_NO_MEMORY;
    *out = NULL;
    qr_mutex_lock(&layer->mutex);
    struct inode *inode = create_inode(layer, NULL, err);
    if (inode != NULL) {
        status = open_inode(layer, inode, true, out, err);
        release_inode(layer, inode);
    }
    qr_mutex_unlock(&layer->mutex);
    return status;
}

static quire_status memory_exists(struct qr_file_layer *base, const char *path, bool *exists,
                                  quire_error *err)
{
    (void)err;
    struct memory_layer *layer = (struct memory_layer *)base;
    qr_mutex_lock(&layer->mutex);
    *exists = find_inode(layer, path) != NULL;
    qr_mutex_unlock(&layer->mutex);
    return QUIRE_OK;
}

static quire_status fail_missing(const char *path, quire_error *err)
{
    return qr_fail_at(err, QUIRE_NO_FILE, path, QUIRE_NO_PAGE, 0, "%s does not exist.", path);
}

static quire_status memory_remove(struct qr_file_layer *base, const char *path, quire_error *err)
{
    struct memory_layer *layer = (struct memory_layer *)base;
    qr_mutex_lock(&layer->mutex);
    struct inode *inode = find_inode(layer, path);
    if (inode != NULL) {
        drop_name(layer, inode);
        release_inode(layer, inode);
    }
    qr_mutex_unlock(&layer->mutex);
    return inode != NULL ? QUIRE_OK : fail_missing(path, err);
}

static quire_status rename_locked(struct memory_layer *layer, const char *from, const char *to,
                                  quire_error *err)
{
    struct inode *inode = find_inode(layer, from);
    if (inode == NULL) {
        return fail_missing(from, err);
    }
    struct inode *replaced = find_inode(layer, to);
    if (replaced == inode) {
        return QUIRE_OK;
    }
    size_t path_size;
    char *path = copy_path(layer, to, &path_size, err);
    if (path == NULL) {
        return QUIRE_NO_MEMORY;
    }
    if (replaced != NULL) {
        drop_name(layer, replaced);
        release_inode(layer, replaced);
    }
    drop_name(layer, inode);
    inode->path = path;
    inode->path_size = path_size;
    return QUIRE_OK;
}

static quire_status memory_rename(struct qr_file_layer *base, const char *from, const char *to,
                                  quire_error *err)
{
    struct memory_layer *layer = (struct memory_layer *)base;
    qr_mutex_lock(&layer->mutex);
    quire_status status = rename_locked(layer, from, to, err);
    qr_mutex_unlock(&layer->mutex);
    return status;
}

static quire_status memory_sync_directory(struct qr_file_layer *base, const char *path,
                                          quire_error *err)
{
    (void)base;
    (void)path;
    (void)err;
    return QUIRE_OK;
}

static quire_status memory_random(struct qr_file_layer *base, void *bytes, size_t size,
                                  quire_error *err)
{
    (void)base;
    struct qr_file_layer *system = qr_file_layer_posix();
    return system->methods->random(system, bytes, size, err);
}

static uint64_t memory_boot(struct qr_file_layer *base)
{
    (void)base;
    return 0;
}

quire_status qr_file_layer_memory_create(const quire_allocator *allocator,
                                         struct qr_file_layer **out, quire_error *err)
{
    static const struct qr_file_layer_methods methods = {
        .open = memory_open,
        .open_temporary = memory_open_temporary,
        .exists = memory_exists,
        .remove = memory_remove,
        .rename = memory_rename,
        .sync_directory = memory_sync_directory,
        .random = memory_random,
        .boot = memory_boot,
    };
    *out = NULL;
    struct memory_layer *layer = qr_alloc_zero(allocator, sizeof *layer, err);
    if (layer == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status = qr_mutex_init(&layer->mutex, QR_RANK_FILE, err);
    if (status != QUIRE_OK) {
        qr_free(allocator, layer, sizeof *layer);
        return status;
    }
    layer->layer.methods = &methods;
    layer->allocator = allocator;
    *out = &layer->layer;
    return QUIRE_OK;
}

void qr_file_layer_memory_destroy(struct qr_file_layer *base)
{
    struct memory_layer *layer = (struct memory_layer *)base;
    if (layer == NULL) {
        return;
    }
    while (layer->inodes != NULL) {
        struct inode *inode = layer->inodes;
        QR_ASSERT(inode->handles == 0);
        inode->handles = 0;
        drop_name(layer, inode);
        release_inode(layer, inode);
    }
    qr_mutex_destroy(&layer->mutex);
    qr_free(layer->allocator, layer, sizeof *layer);
}
