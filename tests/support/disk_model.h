/*
 * The disk behind the faulty layer: files and names as the cache shows them,
 * as the disk holds them, and the unsynced changes between the two.
 *
 * One thread at a time. Ends the program when it runs out of memory.
 */
#ifndef QUIRE_TESTS_DISK_MODEL_H
#define QUIRE_TESTS_DISK_MODEL_H

#include "support/faulty_layer.h"

struct disk_bytes {
    uint8_t *bytes; /* beyond `size` undefined */
    size_t size, capacity;
};

struct disk_inode {
    struct disk_inode *next;
    uint32_t id;
    struct disk_bytes cached, durable;
    unsigned handles;
    unsigned shared_holders;
    bool exclusive_holder;
    bool temporary; /* never had a name: a crash leaves nothing of it */
};

struct disk_name {
    char *path;
    struct disk_inode *inode;
};

struct disk_names {
    struct disk_name *names;
    size_t count, capacity;
};

struct disk_change {
    enum faulty_change_kind kind;
    struct disk_inode *inode;
    uint64_t offset;
    uint64_t size;
    uint8_t *bytes; /* of a write */
    char *path;     /* of a directory change: created, removed, or new name */
    char *old_path; /* of a rename */
};

struct disk {
    struct disk_inode *inodes;
    uint32_t last_id;
    struct disk_names cached, durable;
    struct disk_change *changes;
    size_t change_count, change_capacity;
};

void disk_init(struct disk *disk);
void disk_destroy(struct disk *disk);

/* NULL when the cache has no such name. */
struct disk_inode *disk_find(const struct disk *disk, const char *path);
/* path NULL makes a file without a name. */
struct disk_inode *disk_create(struct disk *disk, const char *path);
/* The name must exist. */
void disk_remove(struct disk *disk, const char *path);
void disk_rename(struct disk *disk, const char *from, const char *to);
void disk_sync_directory(struct disk *disk, const char *path);

void disk_write(struct disk *disk, struct disk_inode *inode, const void *bytes, size_t size,
                uint64_t offset);
void disk_truncate(struct disk *disk, struct disk_inode *inode, uint64_t size);
void disk_sync(struct disk *disk, struct disk_inode *inode);
void disk_sync_failing(struct disk *disk, struct disk_inode *inode, enum faulty_sync_failure mode,
                       uint64_t seed);

size_t disk_list_changes(const struct disk *disk, struct faulty_change *changes, size_t room);
/* Gives every file of the crash image to `add`. */
void disk_power_cut(const struct disk *disk, const struct faulty_cut *cut,
                    void (*add)(void *context, const char *path, const void *bytes, size_t size),
                    void *context);
/* Puts a file on the disk, synced and with a synced name; replaces one that is there. */
void disk_install(struct disk *disk, const char *path, const void *bytes, size_t size);

/* Memory or the end of the program. */
void *disk_allocate(void *ptr, size_t size);

#endif
