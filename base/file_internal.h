/*
 * The operating system's files: what file_posix.c and file_lock.c share.
 */
#ifndef QR_BASE_FILE_INTERNAL_H
#define QR_BASE_FILE_INTERNAL_H

#include <sys/types.h>

#include "base/file.h"

#ifndef QR_PORTABLE
#define QR_PORTABLE 0
#endif

/* A file that this process has open at least once: one entry for all its handles. */
struct qr_open_inode;

struct qr_posix_file {
    struct qr_file file;
    int fd;
    int directory; /* in which it was opened, to look its name up in; -1 of temporary files */
    bool writable;
    bool shared, exclusive;      /* locks that this handle holds */
    pid_t process;               /* that opened it; a forked child may only close */
    struct qr_open_inode *inode; /* NULL for temporary files */
    struct qr_posix_file *next_deferred;
    size_t path_size; /* of path, with its NUL */
    char path[];
};

/* Fails with MISUSE in a child that inherited the handle by fork. */
quire_status qr_posix_check_process(const struct qr_posix_file *file, quire_error *err);

/* Enters an open handle into the process-wide table by the device and inode of its descriptor. */
quire_status qr_posix_register(struct qr_posix_file *file, dev_t device, ino_t inode,
                               quire_error *err);
/* Releases the handle's lock, closes its descriptors, now or when no lock can be lost by it, and
 * frees the handle. */
void qr_posix_close(struct qr_file *file);

quire_status qr_posix_lock(struct qr_file *file, enum qr_lock_mode mode, bool *taken,
                           quire_error *err);
void qr_posix_unlock(struct qr_file *file);

#endif
