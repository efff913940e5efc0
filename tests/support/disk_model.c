/*
 * The model keeps all unsynced changes in one array in order of time. A sync
 * applies those of its file to the durable bytes, in that order, and drops
 * them; a power cut applies a chosen part of them to a copy. Nothing else ever
 * touches durable bytes, so a change that a failed sync dropped stays lost.
 */
#include "support/disk_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/prng.h"

void *disk_allocate(void *ptr, size_t size)
{
    void *result = realloc(ptr, size > 0 ? size : 1);
    if (result == NULL) {
        fprintf(stderr, "the disk model is out of memory\n");
        exit(EXIT_FAILURE);
    }
    return result;
}

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(disk_allocate(NULL, size), text, size);
}

/* ---- Bytes ---- */

static void bytes_resize(struct disk_bytes *bytes, uint64_t size)
{
    if (size > bytes->capacity) {
        size_t capacity = bytes->capacity + bytes->capacity / 2;
        capacity = capacity < size ? (size_t)size : capacity;
        bytes->bytes = disk_allocate(bytes->bytes, capacity);
        bytes->capacity = capacity;
    }
    if (size > bytes->size) {
        memset(bytes->bytes + bytes->size, 0, (size_t)size - bytes->size);
    }
    bytes->size = (size_t)size;
}

static void bytes_put(struct disk_bytes *bytes, const void *source, size_t size, uint64_t offset)
{
    if (size == 0) {
        return;
    }
    if (offset + size > bytes->size) {
        bytes_resize(bytes, offset + size);
    }
    memcpy(bytes->bytes + offset, source, size);
}

static void bytes_copy(struct disk_bytes *to, const struct disk_bytes *from)
{
    bytes_resize(to, from->size);
    if (from->size > 0) {
        memcpy(to->bytes, from->bytes, from->size);
    }
}

/* ---- Names ---- */

static size_t names_find(const struct disk_names *names, const char *path)
{
    size_t i = 0;
    while (i < names->count && strcmp(names->names[i].path, path) != 0) {
        i++;
    }
    return i;
}

static void names_remove(struct disk_names *names, const char *path)
{
    size_t i = names_find(names, path);
    if (i < names->count) {
        free(names->names[i].path);
        names->count--;
        memmove(names->names + i, names->names + i + 1,
                (names->count - i) * sizeof names->names[0]);
    }
}

static void names_set(struct disk_names *names, const char *path, struct disk_inode *inode)
{
    size_t i = names_find(names, path);
    if (i == names->count) {
        if (names->count == names->capacity) {
            names->capacity = names->capacity * 2 + 8;
            names->names = disk_allocate(names->names, names->capacity * sizeof names->names[0]);
        }
        names->names[i].path = copy_text(path);
        names->count++;
    }
    names->names[i].inode = inode;
}

static void names_free(struct disk_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->names[i].path);
    }
    free(names->names);
}

static void names_apply(struct disk_names *names, const struct disk_change *change)
{
    switch (change->kind) {
    case FAULTY_CHANGE_CREATE:
        names_set(names, change->path, change->inode);
        break;
    case FAULTY_CHANGE_REMOVE:
        names_remove(names, change->path);
        break;
    case FAULTY_CHANGE_RENAME:
        names_remove(names, change->old_path);
        names_set(names, change->path, change->inode);
        break;
    case FAULTY_CHANGE_WRITE:
    case FAULTY_CHANGE_TRUNCATE:
        break;
    }
}

/* ---- Changes ---- */

static bool is_of_directory(const struct disk_change *change)
{
    return change->path != NULL;
}

static struct disk_change *add_change(struct disk *disk, enum faulty_change_kind kind,
                                      struct disk_inode *inode)
{
    if (disk->change_count == disk->change_capacity) {
        disk->change_capacity = disk->change_capacity * 2 + 16;
        disk->changes =
            disk_allocate(disk->changes, disk->change_capacity * sizeof disk->changes[0]);
    }
    struct disk_change *change = &disk->changes[disk->change_count++];
    *change = (struct disk_change){.kind = kind, .inode = inode};
    return change;
}

static void free_change(struct disk_change *change)
{
    free(change->bytes);
    free(change->path);
    free(change->old_path);
}

static void apply_whole(struct disk_bytes *bytes, const struct disk_change *change)
{
    if (change->kind == FAULTY_CHANGE_WRITE) {
        bytes_put(bytes, change->bytes, (size_t)change->size, change->offset);
    } else if (change->kind == FAULTY_CHANGE_TRUNCATE) {
        bytes_resize(bytes, change->offset);
    }
}

void disk_init(struct disk *disk)
{
    *disk = (struct disk){0};
}

void disk_destroy(struct disk *disk)
{
    for (size_t i = 0; i < disk->change_count; i++) {
        free_change(&disk->changes[i]);
    }
    free(disk->changes);
    names_free(&disk->cached);
    names_free(&disk->durable);
    while (disk->inodes != NULL) {
        struct disk_inode *inode = disk->inodes;
        disk->inodes = inode->next;
        free(inode->cached.bytes);
        free(inode->durable.bytes);
        free(inode);
    }
}

/* ---- What the layer does ---- */

struct disk_inode *disk_find(const struct disk *disk, const char *path)
{
    size_t i = names_find(&disk->cached, path);
    return i < disk->cached.count ? disk->cached.names[i].inode : NULL;
}

struct disk_inode *disk_create(struct disk *disk, const char *path)
{
    struct disk_inode *inode = disk_allocate(NULL, sizeof *inode);
    *inode =
        (struct disk_inode){.id = ++disk->last_id, .next = disk->inodes, .temporary = path == NULL};
    disk->inodes = inode;
    if (path != NULL) {
        names_set(&disk->cached, path, inode);
        add_change(disk, FAULTY_CHANGE_CREATE, inode)->path = copy_text(path);
    }
    return inode;
}

void disk_remove(struct disk *disk, const char *path)
{
    struct disk_change *change = add_change(disk, FAULTY_CHANGE_REMOVE, disk_find(disk, path));
    change->path = copy_text(path);
    names_remove(&disk->cached, path);
}

void disk_rename(struct disk *disk, const char *from, const char *to)
{
    if (strcmp(from, to) == 0) {
        return;
    }
    struct disk_change *change = add_change(disk, FAULTY_CHANGE_RENAME, disk_find(disk, from));
    change->old_path = copy_text(from);
    change->path = copy_text(to);
    names_apply(&disk->cached, change);
}

static size_t directory_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path);
}

static bool same_directory(const char *a, const char *b)
{
    size_t length = directory_length(a);
    return length == directory_length(b) && strncmp(a, b, length) == 0;
}

void disk_sync_directory(struct disk *disk, const char *path)
{
    size_t kept = 0;
    for (size_t i = 0; i < disk->change_count; i++) {
        struct disk_change *change = &disk->changes[i];
        if (is_of_directory(change) && same_directory(change->path, path)) {
            names_apply(&disk->durable, change);
            free_change(change);
        } else {
            disk->changes[kept++] = *change;
        }
    }
    disk->change_count = kept;
}

void disk_write(struct disk *disk, struct disk_inode *inode, const void *bytes, size_t size,
                uint64_t offset)
{
    if (size == 0) {
        return;
    }
    if (inode->temporary) {
        bytes_put(&inode->cached, bytes, size, offset);
        return;
    }
    struct disk_change *change = add_change(disk, FAULTY_CHANGE_WRITE, inode);
    change->offset = offset;
    change->size = size;
    change->bytes = memcpy(disk_allocate(NULL, size), bytes, size);
    apply_whole(&inode->cached, change);
}

void disk_truncate(struct disk *disk, struct disk_inode *inode, uint64_t size)
{
    if (inode->temporary) {
        bytes_resize(&inode->cached, size);
        return;
    }
    struct disk_change *change = add_change(disk, FAULTY_CHANGE_TRUNCATE, inode);
    change->offset = size;
    apply_whole(&inode->cached, change);
}

/* Settles the changes of a file: each reaches the disk if `arrives` says so, and is dropped. */
static void settle(struct disk *disk, struct disk_inode *inode, enum faulty_sync_failure mode,
                   bool failed, struct prng *prng)
{
    size_t kept = 0;
    for (size_t i = 0; i < disk->change_count; i++) {
        struct disk_change *change = &disk->changes[i];
        if (is_of_directory(change) || change->inode != inode) {
            disk->changes[kept++] = *change;
            continue;
        }
        if (!failed || (mode == FAULTY_SYNC_SUBSET && prng_one_in(prng, 2))) {
            apply_whole(&inode->durable, change);
        }
        free_change(change);
    }
    disk->change_count = kept;
}

void disk_sync(struct disk *disk, struct disk_inode *inode)
{
    settle(disk, inode, FAULTY_SYNC_NOTHING, false, NULL);
}

void disk_sync_failing(struct disk *disk, struct disk_inode *inode, enum faulty_sync_failure mode,
                       uint64_t seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    if (mode == FAULTY_SYNC_NOTHING) {
        return;
    }
    settle(disk, inode, mode, true, &prng);
    if (mode == FAULTY_SYNC_REVERT) {
        bytes_copy(&inode->cached, &inode->durable);
    }
}

size_t disk_list_changes(const struct disk *disk, struct faulty_change *changes, size_t room)
{
    for (size_t i = 0; i < disk->change_count && i < room; i++) {
        const struct disk_change *change = &disk->changes[i];
        changes[i] = (struct faulty_change){.kind = change->kind,
                                            .file = change->inode->id,
                                            .offset = change->offset,
                                            .size = change->size};
    }
    return disk->change_count;
}

/* ---- Power cuts ---- */

static bool survives(const struct faulty_cut *cut, size_t index, struct prng *prng)
{
    switch (cut->survival) {
    case FAULTY_LOSE_ALL:
        return false;
    case FAULTY_KEEP_ALL:
        return true;
    case FAULTY_KEEP_MASK:
        return index < 64 && ((cut->mask >> index) & 1) != 0;
    case FAULTY_KEEP_FIRST:
        return index < cut->mask;
    case FAULTY_KEEP_RANDOM:
        return prng_one_in(prng, 2);
    }
    return false;
}

/* Decides for every change; the caller frees the array. */
static bool *choose_survivors(const struct disk *disk, const struct faulty_cut *cut,
                              struct prng *prng)
{
    bool *kept = disk_allocate(NULL, disk->change_count * sizeof *kept);
    bool names_lost = false;
    for (size_t i = 0; i < disk->change_count; i++) {
        kept[i] = survives(cut, i, prng);
        if (cut->names_ordered && is_of_directory(&disk->changes[i])) {
            kept[i] = kept[i] && !names_lost;
            names_lost = !kept[i];
        }
    }
    return kept;
}

/* Which sectors of one write arrive: those from `first` up to, not including, `end`; or, when
 * scattered, each by chance. */
struct tear {
    uint64_t first, end;
    bool scattered;
};

static struct tear choose_tear(const struct faulty_cut *cut, uint64_t sectors, struct prng *prng)
{
    struct tear whole = {.first = 0, .end = sectors};
    enum faulty_tear kind = cut->tear;
    uint64_t at = cut->tear_sectors < sectors ? cut->tear_sectors : sectors;
    if (kind == FAULTY_TEAR_RANDOM) {
        static const enum faulty_tear kinds[] = {FAULTY_TEAR_NONE, FAULTY_TEAR_PREFIX,
                                                 FAULTY_TEAR_SUFFIX, FAULTY_TEAR_RANDOM};
        kind = kinds[prng_below(prng, 4)];
        at = prng_below(prng, sectors + 1);
    }
    switch (kind) {
    case FAULTY_TEAR_NONE:
        break;
    case FAULTY_TEAR_PREFIX:
        whole.end = at;
        break;
    case FAULTY_TEAR_SUFFIX:
        whole.first = at;
        break;
    case FAULTY_TEAR_RANDOM:
        whole.scattered = true;
        break;
    }
    return whole;
}

/* The file system may have grown the file for a part whose data it lost. */
static void grow_by_chance(struct disk_bytes *image, uint64_t start, uint64_t end,
                           struct prng *prng)
{
    uint64_t choice = prng_below(prng, 4);
    uint64_t before = image->size;
    if (end <= before || choice < 2) {
        return;
    }
    bytes_resize(image, end);
    if (choice == 2) {
        uint64_t from = start > before ? start : before;
        prng_fill(prng, image->bytes + from, (size_t)(end - from));
    }
}

/* Applies what arrives of a write: nothing unless `kept`, all of it unless `tears`. */
static void apply_write(struct disk_bytes *image, const struct disk_change *change, bool kept,
                        bool tears, const struct faulty_cut *cut, struct prng *prng)
{
    uint64_t change_end = change->offset + change->size;
    uint64_t first_sector = change->offset / FAULTY_SECTOR;
    uint64_t sectors = (change_end - 1) / FAULTY_SECTOR - first_sector + 1;
    struct tear tear = {.first = 0, .end = 0};
    if (kept && tears) {
        tear = choose_tear(cut, sectors, prng);
    } else if (kept) {
        tear.end = sectors;
    }
    uint64_t start = change->offset;
    for (uint64_t i = 0; i < sectors; i++) {
        uint64_t end = (first_sector + i + 1) * FAULTY_SECTOR;
        end = end < change_end ? end : change_end;
        bool arrives = tear.scattered ? prng_one_in(prng, 2) : (i >= tear.first && i < tear.end);
        if (arrives) {
            bytes_put(image, change->bytes + (start - change->offset), (size_t)(end - start),
                      start);
        } else if (cut->garbage) {
            grow_by_chance(image, start, end, prng);
        }
        start = end;
    }
}

void disk_power_cut(const struct disk *disk, const struct faulty_cut *cut,
                    void (*add)(void *context, const char *path, const void *bytes, size_t size),
                    void *context)
{
    struct prng prng;
    prng_init(&prng, cut->seed);
    bool *kept = choose_survivors(disk, cut, &prng);
    struct disk_names names = {0};
    for (size_t i = 0; i < disk->durable.count; i++) {
        names_set(&names, disk->durable.names[i].path, disk->durable.names[i].inode);
    }
    for (size_t i = 0; i < disk->change_count; i++) {
        if (kept[i]) {
            names_apply(&names, &disk->changes[i]);
        }
    }
    for (size_t n = 0; n < names.count; n++) {
        struct disk_bytes image = {0};
        bytes_copy(&image, &names.names[n].inode->durable);
        for (size_t i = 0; i < disk->change_count; i++) {
            const struct disk_change *change = &disk->changes[i];
            if (is_of_directory(change) || change->inode != names.names[n].inode) {
                continue;
            }
            if (change->kind == FAULTY_CHANGE_WRITE) {
                bool tears = cut->tear_change == 0 || cut->tear_change == i + 1;
                apply_write(&image, change, kept[i], tears, cut, &prng);
            } else if (kept[i]) {
                apply_whole(&image, change);
            }
        }
        add(context, names.names[n].path, image.bytes, image.size);
        free(image.bytes);
    }
    names_free(&names);
    free(kept);
}

void disk_install(struct disk *disk, const char *path, const void *bytes, size_t size)
{
    struct disk_inode *inode = disk_create(disk, NULL);
    inode->temporary = false;
    bytes_put(&inode->cached, bytes, size, 0);
    bytes_put(&inode->durable, bytes, size, 0);
    names_set(&disk->cached, path, inode);
    names_set(&disk->durable, path, inode);
}
