/*
 * The file layer: every system call that touches a file goes through these two
 * structs of methods, so that memory, faulty and crash-simulating layers can
 * stand in for the operating system.
 *
 * Contract of an implementation: reads and writes complete in full or fail;
 * short and interrupted calls are continued inside. A failed sync is reported
 * once and never retried by the layer. Methods may be called from any thread.
 * Each open handle is its own open file description (sync errors are reported
 * once a description).
 */
#ifndef QR_BASE_FILE_H
#define QR_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

struct qr_iovec {
    const void *base;
    size_t size;
};

enum qr_open_flags {
    QR_OPEN_READ = 0,     /* read only */
    QR_OPEN_WRITE = 1,    /* read and write */
    QR_OPEN_CREATE = 2,   /* create when missing (mode 0600, minus nothing) */
    QR_OPEN_EXCLUSIVE = 4 /* with CREATE: fail with QUIRE_EXISTS when present */
};

enum qr_lock_mode { QR_LOCK_SHARED, QR_LOCK_EXCLUSIVE };

struct qr_file {
    const struct qr_file_methods *methods;
};

struct qr_file_methods {
    /* Frees the handle, and its locks. Errors of close are not reported: sync first. */
    void (*close)(struct qr_file *file);
    /* Reads up to `size` bytes at offset; *got < size only at the end of the file. */
    quire_status (*read)(struct qr_file *file, void *buffer, size_t size, uint64_t offset,
                         size_t *got, quire_error *err);
    /* Writes all buffers one after the other at offset, in as few calls as the system allows.
     * On failure an unknown part may have been written. MISUSE on a read-only handle, and in a
     * child that inherited the handle by fork. */
    quire_status (*write)(struct qr_file *file, const struct qr_iovec *buffers, size_t count,
                          uint64_t offset, quire_error *err);
    /* Makes data and size durable (fdatasync). */
    quire_status (*sync)(struct qr_file *file, quire_error *err);
    /* Starts write-back of what was written without waiting; a hint, may do nothing. */
    void (*write_behind)(struct qr_file *file, uint64_t offset, uint64_t size);
    quire_status (*size)(struct qr_file *file, uint64_t *size, quire_error *err);
    quire_status (*truncate)(struct qr_file *file, uint64_t size, quire_error *err);
    /* Whether the path that the file was opened by still leads to it: not when it was removed, or
     * another took its place; after a rename to a free name a layer may say either. Works without
     * the right to search the directory, too. */
    quire_status (*is_named)(struct qr_file *file, bool *named, quire_error *err);
    /* Takes a lock on the whole file, without waiting; *taken says whether. Other handles of the
     * same process are excluded like other processes. The holder may call again to change the
     * mode. It is released by close or unlock alone: not by closing another handle of the file, nor
     * by a forked child. MISUSE for an exclusive lock on a read-only handle. */
    quire_status (*lock)(struct qr_file *file, enum qr_lock_mode mode, bool *taken,
                         quire_error *err);
    void (*unlock)(struct qr_file *file);
};

struct qr_file_layer {
    const struct qr_file_layer_methods *methods;
};

struct qr_file_layer_methods {
    /* Opens a regular file; refuses symbolic links in the last component, directories, devices and,
     * for writing, files with several names (hard links: the log beside another name would be
     * missed) with PERMISSION. Errors: NO_FILE, EXISTS, PERMISSION, IO. */
    quire_status (*open)(struct qr_file_layer *layer, const char *path, unsigned flags,
                         struct qr_file **out, quire_error *err);
    /* Opens an unnamed temporary file in the directory of `beside`, gone at close. */
    quire_status (*open_temporary)(struct qr_file_layer *layer, const char *beside,
                                   struct qr_file **out, quire_error *err);
    quire_status (*exists)(struct qr_file_layer *layer, const char *path, bool *exists,
                           quire_error *err);
    quire_status (*remove)(struct qr_file_layer *layer, const char *path, quire_error *err);
    quire_status (*rename)(struct qr_file_layer *layer, const char *from, const char *to,
                           quire_error *err);
    /* Makes creations, renames and removals in the directory of `path` durable. */
    quire_status (*sync_directory)(struct qr_file_layer *layer, const char *path, quire_error *err);
    /* Fills `bytes` from the system's random source. */
    quire_status (*random)(struct qr_file_layer *layer, void *bytes, size_t size, quire_error *err);
    /* A number for the time since the machine was started, which no other such time has: what was
     * written in it and read in it has not passed through a power loss. 0: none is known. */
    uint64_t (*boot)(struct qr_file_layer *layer);
};

/* The operating system's files. One shared instance; never NULL. */
struct qr_file_layer *qr_file_layer_posix(void);

/* Files in memory, private to the returned layer. Freed with qr_file_layer_memory_destroy once all
 * its files are closed. */
quire_status qr_file_layer_memory_create(const quire_allocator *allocator,
                                         struct qr_file_layer **out, quire_error *err);
void qr_file_layer_memory_destroy(struct qr_file_layer *layer);

/* The files of another layer, whose syncs do nothing while the layer is lax; it begins strict.
 * Freed once all its files are closed. */
quire_status qr_file_layer_lax_create(const quire_allocator *allocator, struct qr_file_layer *below,
                                      struct qr_file_layer **out, quire_error *err);
void qr_file_layer_lax_set(struct qr_file_layer *layer, bool lax);
void qr_file_layer_lax_destroy(struct qr_file_layer *layer);

/*
 * Paths of the operating system, whatever the layer.
 *   resolve          follows symbolic links, the last component's too; *out, freed with
 *                    qr_file_path_free, is `path` itself when nothing is there
 *   check_directory  PERMISSION when anybody may replace what the path names: everybody may
 *                    write in its directory, or that of a link which it leads to, and that has
 *                    no sticky bit
 */
quire_status qr_file_resolve(const char *path, char **out, quire_error *err);
quire_status qr_file_check_directory(const char *path, quire_error *err);
void qr_file_path_free(char *path); /* NULL is a no-op */

/* Shorthands over the methods. */
quire_status qr_file_read_all(struct qr_file *file, void *buffer, size_t size, uint64_t offset,
                              const char *name, quire_error *err); /* CORRUPT when cut short */
quire_status qr_file_write_one(struct qr_file *file, const void *buffer, size_t size,
                               uint64_t offset, quire_error *err);

#endif
