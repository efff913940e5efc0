/*
 * Locks on files.
 *
 * Two mechanisms decide together. Between processes the system's locks do: on
 * Linux those of an open file description, which neither the close of another
 * descriptor nor a forked child can drop; in portable builds the classic ones
 * of a process. Within the process a table of open files does, since classic
 * locks do not exclude the threads of one process.
 *
 * Classic locks vanish when the process closes any descriptor of the file.
 * Therefore, in portable builds, a handle that is closed while another handle
 * of the file holds a lock keeps its descriptor until no lock is held.
 *
 * A lock of a description ends when the holder unlocks or closes, or when all
 * processes that inherited the description are gone: a forked child that
 * neither ends nor executes another program keeps the file locked if its parent
 * is killed.
 *
 * The table is guarded by one mutex. It is held over fork so that the child,
 * which starts with an empty table, can open files of its own.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64

#include "base/file_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/check.h"

#if defined(F_OFD_SETLK) && !QR_PORTABLE
#define SET_LOCK                F_OFD_SETLK
#define LOCKS_BELONG_TO_PROCESS false
#else
#define SET_LOCK                F_SETLK
#define LOCKS_BELONG_TO_PROCESS true
#endif

struct qr_open_inode {
    struct qr_open_inode *next;
    dev_t device;
    ino_t inode;
    unsigned handles;
    unsigned shared_holders;
    bool exclusive_holder;
    struct qr_posix_file *deferred; /* closed handles whose descriptor must stay open */
};

static pthread_mutex_t table_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t table_once = PTHREAD_ONCE_INIT;
static struct qr_open_inode *table;

static void before_fork(void)
{
    pthread_mutex_lock(&table_mutex);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&table_mutex);
}

static void after_fork_in_child(void)
{
    /* The entries stay with the parent's handles, which the child can only close. */
    table = NULL;
    pthread_mutex_unlock(&table_mutex);
}

static void follow_forks(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static void lock_table(void)
{
    pthread_once(&table_once, follow_forks);
    pthread_mutex_lock(&table_mutex);
}

static void unlock_table(void)
{
    pthread_mutex_unlock(&table_mutex);
}

quire_status qr_posix_check_process(const struct qr_posix_file *file, quire_error *err)
{
    if (file->process == getpid()) {
        return QUIRE_OK;
    }
    return qr_fail_at(err, QUIRE_MISUSE, file->path, QUIRE_NO_PAGE, 0,
                      "%s was opened by the parent of this process; open it again after fork.",
                      file->path);
}

quire_status qr_posix_register(struct qr_posix_file *file, dev_t device, ino_t inode,
                               quire_error *err)
{
    lock_table();
    struct qr_open_inode *entry = table;
    while (entry != NULL && (entry->device != device || entry->inode != inode)) {
        entry = entry->next;
    }
    if (entry == NULL) {
        entry = qr_alloc_zero(qr_allocator_default(), sizeof *entry, err);
        if (entry == NULL) {
            unlock_table();
            return QUIRE_NO_MEMORY;
        }
        entry->device = device;
        entry->inode = inode;
        entry->next = table;
        table = entry;
    }
    entry->handles++;
    file->inode = entry;
    unlock_table();
    return QUIRE_OK;
}

static void close_and_free(struct qr_posix_file *file)
{
    /* Never repeated: after EINTR the descriptor is closed, and its number may be in use again. */
    (void)close(file->fd);
    if (file->directory >= 0) {
        (void)close(file->directory);
    }
    qr_free(qr_allocator_default(), file, sizeof *file + file->path_size);
}

/* Applies a lock type to the whole file. Returns an errno. */
static int set_system_lock(const struct qr_posix_file *file, short type)
{
    struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0};
    while (fcntl(file->fd, SET_LOCK, &range) != 0) {
        if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

static bool has_holders(const struct qr_open_inode *inode)
{
    return inode->exclusive_holder || inode->shared_holders > 0;
}

/* Forgets the handle's lock in the table. */
static void drop_holder(struct qr_posix_file *file)
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

/* Releases the handle's lock, and what waited for that. The table is locked. */
static void release_lock(struct qr_posix_file *file)
{
    if (!file->shared && !file->exclusive) {
        return;
    }
    drop_holder(file);
    if (!LOCKS_BELONG_TO_PROCESS) {
        (void)set_system_lock(file, F_UNLCK);
    } else if (!has_holders(file->inode)) {
        (void)set_system_lock(file, F_UNLCK);
        while (file->inode->deferred != NULL) {
            struct qr_posix_file *closed = file->inode->deferred;
            file->inode->deferred = closed->next_deferred;
            close_and_free(closed);
        }
    }
}

static void forget_inode(struct qr_open_inode *inode)
{
    struct qr_open_inode **link = &table;
    while (*link != inode) {
        link = &(*link)->next;
    }
    *link = inode->next;
    QR_ASSERT(inode->deferred == NULL && !has_holders(inode));
    qr_free(qr_allocator_default(), inode, sizeof *inode);
}

void qr_posix_close(struct qr_file *base)
{
    struct qr_posix_file *file = (struct qr_posix_file *)base;
    if (file->inode == NULL || file->process != getpid()) {
        close_and_free(file);
        return;
    }
    lock_table();
    struct qr_open_inode *inode = file->inode;
    release_lock(file);
    inode->handles--;
    if (LOCKS_BELONG_TO_PROCESS && has_holders(inode)) {
        file->next_deferred = inode->deferred;
        inode->deferred = file;
    } else {
        close_and_free(file);
    }
    if (inode->handles == 0) {
        forget_inode(inode);
    }
    unlock_table();
}

quire_status qr_posix_lock(struct qr_file *base, enum qr_lock_mode mode, bool *taken,
                           quire_error *err)
{
    struct qr_posix_file *file = (struct qr_posix_file *)base;
    bool exclusive = mode == QR_LOCK_EXCLUSIVE;
    *taken = false;
    QR_TRY(qr_posix_check_process(file, err));
    if (file->inode == NULL || (exclusive && !file->writable)) {
        return qr_fail_at(err, QUIRE_MISUSE, file->path, QUIRE_NO_PAGE, 0,
                          "%s cannot be locked: it is a temporary file, or read-only and the "
                          "lock exclusive.",
                          file->path);
    }
    lock_table();
    struct qr_open_inode *inode = file->inode;
    unsigned other_shared = inode->shared_holders - (file->shared ? 1 : 0);
    bool other_exclusive = inode->exclusive_holder && !file->exclusive;
    int result = EAGAIN;
    if (!other_exclusive && (!exclusive || other_shared == 0)) {
        result = set_system_lock(file, exclusive ? F_WRLCK : F_RDLCK);
    }
    if (result == 0) {
        drop_holder(file);
        file->shared = !exclusive;
        file->exclusive = exclusive;
        inode->exclusive_holder = exclusive;
        inode->shared_holders += exclusive ? 0 : 1;
        *taken = true;
    }
    unlock_table();
    if (result != 0 && result != EAGAIN && result != EACCES) {
        return qr_fail_os(err, result, file->path, 0, "Cannot lock %s", file->path);
    }
    return QUIRE_OK;
}

void qr_posix_unlock(struct qr_file *base)
{
    struct qr_posix_file *file = (struct qr_posix_file *)base;
    if (file->inode == NULL || file->process != getpid()) {
        return;
    }
    lock_table();
    release_lock(file);
    unlock_table();
}
