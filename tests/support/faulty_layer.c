/*
 * Calls: each is shown to the observer, recorded, held against the plan of
 * failures and then done on the disk model, under one mutex.
 */
#include "support/faulty_layer.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/disk_model.h"

struct faulty_layer {
    struct qr_file_layer layer;
    uint64_t boot;
    pthread_mutex_t mutex; /* has no rank: building a crash image locks another layer's */
    struct disk disk;

    struct faulty_record *records;
    size_t record_count, record_capacity;

    void (*observer)(void *context, const struct faulty_record *record);
    void *observer_context;
    uint32_t observed_kinds;

    struct faulty_plan plan; /* kinds 0: none */
    uint64_t plan_calls, plan_failures;
};

struct faulty_file {
    struct qr_file file;
    struct faulty_layer *owner;
    struct disk_inode *inode;
    bool writable, temporary;
    bool shared, exclusive;
    char path[sizeof((struct faulty_record *)0)->path];
};

/* ---- Recording and failing ---- */

/* A long path keeps its end. */
static void copy_path_end(char *out, size_t size, const char *path)
{
    size_t length = strlen(path);
    const char *end = length < size ? path : path + length - (size - 1);
    memcpy(out, end, strlen(end) + 1);
}

/* Whether the plan lets this call fail. */
static bool is_due(struct faulty_layer *layer, const struct faulty_record *record)
{
    const struct faulty_plan *plan = &layer->plan;
    if ((plan->kinds & FAULTY_SET(record->kind)) == 0 ||
        (plan->path_part != NULL && strstr(record->path, plan->path_part) == NULL)) {
        return false;
    }
    uint64_t call = layer->plan_calls++;
    bool due = call == plan->index || (call > plan->index && plan->forever);
    layer->plan_failures += due ? 1 : 0;
    return due;
}

/* Begins a call: leaves the mutex locked and returns whether the call must fail. */
static bool begin(struct faulty_layer *layer, enum faulty_call kind, const char *path,
                  const struct faulty_file *file, uint64_t offset, uint64_t size)
{
    struct faulty_record record = {
        .kind = kind, .file = file != NULL ? file->inode->id : 0, .offset = offset, .size = size};
    copy_path_end(record.path, sizeof record.path, path);
    pthread_mutex_lock(&layer->mutex);
    if (layer->observer != NULL && (layer->observed_kinds & FAULTY_SET(kind)) != 0) {
        void (*observer)(void *, const struct faulty_record *) = layer->observer;
        void *context = layer->observer_context;
        pthread_mutex_unlock(&layer->mutex);
        observer(context, &record);
        pthread_mutex_lock(&layer->mutex);
    }
    record.failed = is_due(layer, &record);
    if (layer->record_count == layer->record_capacity) {
        layer->record_capacity = layer->record_capacity * 2 + 64;
        layer->records =
            disk_allocate(layer->records, layer->record_capacity * sizeof layer->records[0]);
    }
    layer->records[layer->record_count++] = record;
    return record.failed;
}

static quire_status end(struct faulty_layer *layer, quire_status status)
{
    pthread_mutex_unlock(&layer->mutex);
    return status;
}

static quire_status end_failed(struct faulty_layer *layer, const char *what, const char *path,
                               uint64_t offset, quire_error *err)
{
    int os_errno = layer->plan.os_errno != 0 ? layer->plan.os_errno : EIO;
    pthread_mutex_unlock(&layer->mutex);
    return qr_fail_os(err, os_errno, path, offset, "Injected failure: cannot %s %s", what, path);
}

/* ---- Files ---- */

static void drop_lock(struct faulty_file *file)
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

static void faulty_close(struct qr_file *base)
{
    struct faulty_file *file = (struct faulty_file *)base;
    pthread_mutex_lock(&file->owner->mutex);
    drop_lock(file);
    file->inode->handles--;
    pthread_mutex_unlock(&file->owner->mutex);
    free(file);
}

static quire_status faulty_read(struct qr_file *base, void *buffer, size_t size, uint64_t offset,
                                size_t *got, quire_error *err)
{
    struct faulty_file *file = (struct faulty_file *)base;
    *got = 0;
    if (begin(file->owner, FAULTY_READ, file->path, file, offset, size)) {
        return end_failed(file->owner, "read", file->path, offset, err);
    }
    const struct disk_bytes *bytes = &file->inode->cached;
    size_t available = offset < bytes->size ? bytes->size - (size_t)offset : 0;
    *got = size < available ? size : available;
    if (*got > 0) {
        memcpy(buffer, bytes->bytes + offset, *got);
    }
    return end(file->owner, QUIRE_OK);
}

static quire_status fail_read_only(const struct faulty_file *file, quire_error *err)
{
    return qr_fail(err, QUIRE_MISUSE, "%s is open for reading only.", file->path);
}

/* What a failing write leaves. */
static size_t part_of(const struct faulty_plan *plan, size_t size, uint64_t offset)
{
    uint64_t end = offset + (plan->all_but_one && size > 0 ? size - 1 : size / 2);
    bool small = size == 0 || offset / FAULTY_SECTOR == (offset + size - 1) / FAULTY_SECTOR;
    if (plan->small_whole && small) {
        return 0;
    }
    if (plan->whole_sectors) {
        end -= end % FAULTY_SECTOR;
    }
    return (plan->half || plan->all_but_one) && end > offset ? (size_t)(end - offset) : 0;
}

static quire_status faulty_write(struct qr_file *base, const struct qr_iovec *buffers, size_t count,
                                 uint64_t offset, quire_error *err)
{
    struct faulty_file *file = (struct faulty_file *)base;
    size_t size = 0;
    if (!file->writable) {
        return fail_read_only(file, err);
    }
    for (size_t i = 0; i < count; i++) {
        size += buffers[i].size;
    }
    uint8_t *bytes = disk_allocate(NULL, size);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (buffers[i].size > 0) {
            memcpy(bytes + used, buffers[i].base, buffers[i].size);
            used += buffers[i].size;
        }
    }
    quire_status status = QUIRE_OK;
    bool fails = begin(file->owner, FAULTY_WRITE, file->path, file, offset, size);
    size_t arrives = fails ? part_of(&file->owner->plan, size, offset) : size;
    if (arrives > 0) {
        disk_write(&file->owner->disk, file->inode, bytes, arrives, offset);
    }
    free(bytes);
    if (fails) {
        status = end_failed(file->owner, "write", file->path, offset, err);
    } else {
        status = end(file->owner, QUIRE_OK);
    }
    return status;
}

static quire_status faulty_sync(struct qr_file *base, quire_error *err)
{
    struct faulty_file *file = (struct faulty_file *)base;
    struct faulty_layer *layer = file->owner;
    if (begin(layer, FAULTY_SYNC, file->path, file, 0, 0)) {
        disk_sync_failing(&layer->disk, file->inode, layer->plan.sync,
                          layer->plan.seed + layer->plan_failures);
        return end_failed(layer, "sync", file->path, 0, err);
    }
    disk_sync(&layer->disk, file->inode);
    return end(layer, QUIRE_OK);
}

static void faulty_write_behind(struct qr_file *base, uint64_t offset, uint64_t size)
{
    struct faulty_file *file = (struct faulty_file *)base;
    (void)begin(file->owner, FAULTY_WRITE_BEHIND, file->path, file, offset, size);
    (void)end(file->owner, QUIRE_OK);
}

static quire_status faulty_size(struct qr_file *base, uint64_t *size, quire_error *err)
{
    struct faulty_file *file = (struct faulty_file *)base;
    if (begin(file->owner, FAULTY_SIZE, file->path, file, 0, 0)) {
        return end_failed(file->owner, "get the size of", file->path, 0, err);
    }
    *size = file->inode->cached.size;
    return end(file->owner, QUIRE_OK);
}

static quire_status faulty_truncate(struct qr_file *base, uint64_t size, quire_error *err)
{
    struct faulty_file *file = (struct faulty_file *)base;
    if (!file->writable) {
        return fail_read_only(file, err);
    }
    if (begin(file->owner, FAULTY_TRUNCATE, file->path, file, size, 0)) {
        return end_failed(file->owner, "set the size of", file->path, size, err);
    }
    disk_truncate(&file->owner->disk, file->inode, size);
    return end(file->owner, QUIRE_OK);
}

static quire_status faulty_lock(struct qr_file *base, enum qr_lock_mode mode, bool *taken,
                                quire_error *err)
{
    struct faulty_file *file = (struct faulty_file *)base;
    bool exclusive = mode == QR_LOCK_EXCLUSIVE;
    *taken = false;
    if (exclusive && !file->writable) {
        return fail_read_only(file, err);
    }
    if (begin(file->owner, FAULTY_LOCK, file->path, file, 0, 0)) {
        return end_failed(file->owner, "lock", file->path, 0, err);
    }
    struct disk_inode *inode = file->inode;
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
    return end(file->owner, QUIRE_OK);
}

static void faulty_unlock(struct qr_file *base)
{
    struct faulty_file *file = (struct faulty_file *)base;
    pthread_mutex_lock(&file->owner->mutex);
    drop_lock(file);
    pthread_mutex_unlock(&file->owner->mutex);
}

static quire_status faulty_is_named(struct qr_file *base, bool *named, quire_error *err)
{
    struct faulty_file *file = (struct faulty_file *)base;
    if (begin(file->owner, FAULTY_EXISTS, file->path, file, 0, 0)) {
        return end_failed(file->owner, "look up", file->path, 0, err);
    }
    const struct disk_names *names = &file->owner->disk.cached;
    *named = false;
    for (size_t i = 0; i < names->count; i++) {
        *named = *named || names->names[i].inode == file->inode;
    }
    return end(file->owner, QUIRE_OK);
}

static const struct qr_file_methods file_methods = {
    .close = faulty_close,
    .read = faulty_read,
    .write = faulty_write,
    .sync = faulty_sync,
    .write_behind = faulty_write_behind,
    .size = faulty_size,
    .truncate = faulty_truncate,
    .is_named = faulty_is_named,
    .lock = faulty_lock,
    .unlock = faulty_unlock,
};

/* ---- The layer ---- */

static struct qr_file *create_handle(struct faulty_layer *layer, struct disk_inode *inode,
                                     const char *path, bool writable)
{
    struct faulty_file *file = disk_allocate(NULL, sizeof *file);
    *file = (struct faulty_file){
        .file = {&file_methods}, .owner = layer, .inode = inode, .writable = writable};
    copy_path_end(file->path, sizeof file->path, path);
    inode->handles++;
    return &file->file;
}

static quire_status faulty_open(struct qr_file_layer *base, const char *path, unsigned flags,
                                struct qr_file **out, quire_error *err)
{
    struct faulty_layer *layer = (struct faulty_layer *)base;
    *out = NULL;
    if (begin(layer, FAULTY_OPEN, path, NULL, 0, 0)) {
        return end_failed(layer, "open", path, 0, err);
    }
    struct disk_inode *inode = disk_find(&layer->disk, path);
    if (inode == NULL && (flags & QR_OPEN_CREATE) == 0) {
        end(layer, QUIRE_OK);
        return qr_fail_at(err, QUIRE_NO_FILE, path, QUIRE_NO_PAGE, 0, "%s does not exist.", path);
    }
    if (inode != NULL && (flags & QR_OPEN_CREATE) != 0 && (flags & QR_OPEN_EXCLUSIVE) != 0) {
        end(layer, QUIRE_OK);
        return qr_fail_at(err, QUIRE_EXISTS, path, QUIRE_NO_PAGE, 0, "%s exists already.", path);
    }
    if (inode == NULL) {
        inode = disk_create(&layer->disk, path);
    }
    *out = create_handle(layer, inode, path, (flags & QR_OPEN_WRITE) != 0);
    return end(layer, QUIRE_OK);
}

static quire_status faulty_open_temporary(struct qr_file_layer *base, const char *beside,
                                          struct qr_file **out, quire_error *err)
{
    struct faulty_layer *layer = (struct faulty_layer *)base;
    *out = NULL;
    if (begin(layer, FAULTY_OPEN_TEMPORARY, beside, NULL, 0, 0)) {
        return end_failed(layer, "create a temporary file beside", beside, 0, err);
    }
    *out = create_handle(layer, disk_create(&layer->disk, NULL), FAULTY_TEMPORARY, true);
    return end(layer, QUIRE_OK);
}

static quire_status faulty_exists(struct qr_file_layer *base, const char *path, bool *exists,
                                  quire_error *err)
{
    struct faulty_layer *layer = (struct faulty_layer *)base;
    if (begin(layer, FAULTY_EXISTS, path, NULL, 0, 0)) {
        return end_failed(layer, "look up", path, 0, err);
    }
    *exists = disk_find(&layer->disk, path) != NULL;
    return end(layer, QUIRE_OK);
}

static quire_status faulty_remove(struct qr_file_layer *base, const char *path, quire_error *err)
{
    struct faulty_layer *layer = (struct faulty_layer *)base;
    if (begin(layer, FAULTY_REMOVE, path, NULL, 0, 0)) {
        return end_failed(layer, "remove", path, 0, err);
    }
    bool found = disk_find(&layer->disk, path) != NULL;
    if (found) {
        disk_remove(&layer->disk, path);
    }
    end(layer, QUIRE_OK);
    return found
               ? QUIRE_OK
               : qr_fail_at(err, QUIRE_NO_FILE, path, QUIRE_NO_PAGE, 0, "%s does not exist.", path);
}

static quire_status faulty_rename(struct qr_file_layer *base, const char *from, const char *to,
                                  quire_error *err)
{
    struct faulty_layer *layer = (struct faulty_layer *)base;
    if (begin(layer, FAULTY_RENAME, from, NULL, 0, 0)) {
        return end_failed(layer, "rename", from, 0, err);
    }
    bool found = disk_find(&layer->disk, from) != NULL;
    if (found) {
        disk_rename(&layer->disk, from, to);
    }
    end(layer, QUIRE_OK);
    return found
               ? QUIRE_OK
               : qr_fail_at(err, QUIRE_NO_FILE, from, QUIRE_NO_PAGE, 0, "%s does not exist.", from);
}

static quire_status faulty_sync_directory(struct qr_file_layer *base, const char *path,
                                          quire_error *err)
{
    struct faulty_layer *layer = (struct faulty_layer *)base;
    if (begin(layer, FAULTY_SYNC_DIRECTORY, path, NULL, 0, 0)) {
        return end_failed(layer, "sync the directory of", path, 0, err);
    }
    disk_sync_directory(&layer->disk, path);
    return end(layer, QUIRE_OK);
}

static quire_status faulty_random(struct qr_file_layer *base, void *bytes, size_t size,
                                  quire_error *err)
{
    struct faulty_layer *layer = (struct faulty_layer *)base;
    if (begin(layer, FAULTY_RANDOM, "", NULL, 0, size)) {
        return end_failed(layer, "get random bytes from", "the system", 0, err);
    }
    end(layer, QUIRE_OK);
    struct qr_file_layer *system = qr_file_layer_posix();
    return system->methods->random(system, bytes, size, err);
}

static uint64_t faulty_boot(struct qr_file_layer *base)
{
    return ((struct faulty_layer *)base)->boot;
}

struct faulty_layer *faulty_layer_create(void)
{
    static const struct qr_file_layer_methods methods = {
        .open = faulty_open,
        .open_temporary = faulty_open_temporary,
        .exists = faulty_exists,
        .remove = faulty_remove,
        .rename = faulty_rename,
        .sync_directory = faulty_sync_directory,
        .random = faulty_random,
        .boot = faulty_boot,
    };
    struct faulty_layer *layer = disk_allocate(NULL, sizeof *layer);
    *layer = (struct faulty_layer){.layer = {&methods}};
    disk_init(&layer->disk);
    pthread_mutex_init(&layer->mutex, NULL);
    return layer;
}

void faulty_layer_destroy(struct faulty_layer *layer)
{
    if (layer != NULL) {
        pthread_mutex_destroy(&layer->mutex);
        disk_destroy(&layer->disk);
        free(layer->records);
        free(layer);
    }
}

struct qr_file_layer *faulty_layer_files(struct faulty_layer *layer)
{
    return &layer->layer;
}

/* ---- The test's side ---- */

const struct faulty_record *faulty_layer_record(struct faulty_layer *layer, size_t *count)
{
    *count = layer->record_count;
    return layer->records;
}

void faulty_layer_clear_record(struct faulty_layer *layer)
{
    pthread_mutex_lock(&layer->mutex);
    layer->record_count = 0;
    pthread_mutex_unlock(&layer->mutex);
}

uint64_t faulty_layer_count(struct faulty_layer *layer, uint32_t kinds)
{
    uint64_t count = 0;
    pthread_mutex_lock(&layer->mutex);
    for (size_t i = 0; i < layer->record_count; i++) {
        count += (kinds & FAULTY_SET(layer->records[i].kind)) != 0 ? 1 : 0;
    }
    pthread_mutex_unlock(&layer->mutex);
    return count;
}

void faulty_layer_observe(struct faulty_layer *layer, uint32_t kinds,
                          void (*observer)(void *context, const struct faulty_record *record),
                          void *context)
{
    pthread_mutex_lock(&layer->mutex);
    layer->observer = observer;
    layer->observer_context = context;
    layer->observed_kinds = kinds;
    pthread_mutex_unlock(&layer->mutex);
}

void faulty_layer_fail(struct faulty_layer *layer, const struct faulty_plan *plan)
{
    pthread_mutex_lock(&layer->mutex);
    layer->plan = *plan;
    layer->plan_calls = 0;
    layer->plan_failures = 0;
    pthread_mutex_unlock(&layer->mutex);
}

void faulty_layer_heal(struct faulty_layer *layer)
{
    pthread_mutex_lock(&layer->mutex);
    layer->plan = (struct faulty_plan){0};
    pthread_mutex_unlock(&layer->mutex);
}

uint64_t faulty_layer_failures(struct faulty_layer *layer)
{
    pthread_mutex_lock(&layer->mutex);
    uint64_t failures = layer->plan_failures;
    pthread_mutex_unlock(&layer->mutex);
    return failures;
}

size_t faulty_layer_changes(struct faulty_layer *layer, struct faulty_change *changes, size_t room)
{
    pthread_mutex_lock(&layer->mutex);
    size_t count = disk_list_changes(&layer->disk, changes, room);
    pthread_mutex_unlock(&layer->mutex);
    return count;
}

/* ---- Crash images ---- */

static void check(quire_status status, const quire_error *err)
{
    if (status != QUIRE_OK) {
        fprintf(stderr, "cannot build a crash image: %s\n", err->message);
        exit(EXIT_FAILURE);
    }
}

static void add_to_memory(void *context, const char *path, const void *bytes, size_t size)
{
    struct qr_file_layer *image = context;
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file *file;
    check(image->methods->open(image, path, QR_OPEN_WRITE | QR_OPEN_CREATE, &file, &err), &err);
    check(qr_file_write_one(file, bytes, size, 0, &err), &err);
    file->methods->close(file);
}

struct qr_file_layer *faulty_layer_power_cut(struct faulty_layer *layer,
                                             const struct faulty_cut *cut)
{
    quire_error err = QUIRE_ERROR_INIT;
    struct qr_file_layer *image;
    check(qr_file_layer_memory_create(qr_allocator_default(), &image, &err), &err);
    pthread_mutex_lock(&layer->mutex);
    disk_power_cut(&layer->disk, cut, add_to_memory, image);
    pthread_mutex_unlock(&layer->mutex);
    return image;
}

static void add_to_disk(void *context, const char *path, const void *bytes, size_t size)
{
    disk_install(context, path, bytes, size);
}

struct faulty_layer *faulty_layer_power_cut_again(struct faulty_layer *layer,
                                                  const struct faulty_cut *cut)
{
    struct faulty_layer *image = faulty_layer_create();
    pthread_mutex_lock(&layer->mutex);
    disk_power_cut(&layer->disk, cut, add_to_disk, &image->disk);
    pthread_mutex_unlock(&layer->mutex);
    return image;
}

void faulty_layer_set_boot(struct faulty_layer *layer, uint64_t boot)
{
    layer->boot = boot;
}

void faulty_layer_install(struct faulty_layer *layer, const char *path, const void *bytes,
                          size_t size)
{
    pthread_mutex_lock(&layer->mutex);
    disk_install(&layer->disk, path, bytes, size);
    pthread_mutex_unlock(&layer->mutex);
}
