/*
 * The file layer over the operating system.
 *
 * Every handle is an open file description of its own. Reads and writes are
 * positioned, so handles carry no state and any thread may use them. Calls
 * that are cut short or interrupted go on where they stopped; a call that
 * makes no progress is an error. A forked child may only close what it
 * inherited, so it cannot write beside its parent.
 *
 * Handles come from the C library's allocator: the layer is shared by all
 * databases of the process and belongs to none.
 */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64

#include "base/file_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/hash.h"

#if defined(__linux__) && !QR_PORTABLE
#include <sys/random.h>
#define HAVE_LINUX_CALLS 1
#else
#define HAVE_LINUX_CALLS 0
#endif

/* The most that one call is asked to move; systems cut off somewhat below 2 GiB. */
#define CALL_BYTES_MAX ((size_t)1 << 30)

/* ---- Handles ---- */

static quire_status check_offset(const struct qr_posix_file *file, uint64_t offset, size_t size,
                                 quire_error *err)
{
    if (offset <= INT64_MAX && size <= INT64_MAX - offset) {
        return QUIRE_OK;
    }
    return qr_fail_at(err, QUIRE_LIMIT, file->path, QUIRE_NO_PAGE, offset,
                      "%s cannot have a byte at offset %llu.", file->path,
                      (unsigned long long)offset);
}

static quire_status posix_read(struct qr_file *base, void *buffer, size_t size, uint64_t offset,
                               size_t *got, quire_error *err)
{
    struct qr_posix_file *file = (struct qr_posix_file *)base;
    size_t done = 0;
    *got = 0;
    QR_TRY(check_offset(file, offset, size, err));
    while (done < size) {
        size_t wanted = size - done < CALL_BYTES_MAX ? size - done : CALL_BYTES_MAX;
        ssize_t moved = pread(file->fd, (char *)buffer + done, wanted, (off_t)(offset + done));
        if (moved == 0) {
            break;
        }
        if (moved > 0) {
            done += (size_t)moved;
        } else if (errno != EINTR) {
            return qr_fail_os(err, errno, file->path, offset + done,
                              "Cannot read %zu bytes at offset %llu of %s", size - done,
                              (unsigned long long)(offset + done), file->path);
        }
    }
    *got = done;
    return QUIRE_OK;
}

/* What is left of a gathered write. */
struct write_rest {
    const struct qr_iovec *buffers;
    size_t count;
    size_t skip; /* bytes of buffers[0] that are written */
};

static void skip_written(struct write_rest *rest, size_t bytes)
{
    rest->skip += bytes;
    while (rest->count > 0 && rest->skip >= rest->buffers[0].size) {
        rest->skip -= rest->buffers[0].size;
        rest->buffers++;
        rest->count--;
    }
}

#if HAVE_LINUX_CALLS

enum { BATCH = IOV_MAX < 1024 ? IOV_MAX : 1024 };

static ssize_t write_some(int fd, const struct write_rest *rest, uint64_t offset)
{
    struct iovec batch[BATCH];
    size_t count = rest->count < BATCH ? rest->count : BATCH;
    for (size_t i = 0; i < count; i++) {
        size_t skip = i == 0 ? rest->skip : 0;
        /* The system's struct lacks the const. */
        batch[i].iov_base = (void *)((uintptr_t)rest->buffers[i].base + skip);
        batch[i].iov_len = rest->buffers[i].size - skip;
    }
    return pwritev(fd, batch, (int)count, (off_t)offset);
}

#else

static ssize_t write_some(int fd, const struct write_rest *rest, uint64_t offset)
{
    const char *bytes = (const char *)rest->buffers[0].base + rest->skip;
    size_t size = rest->buffers[0].size - rest->skip;
    return pwrite(fd, bytes, size < CALL_BYTES_MAX ? size : CALL_BYTES_MAX, (off_t)offset);
}

#endif

static quire_status check_writable(const struct qr_posix_file *file, quire_error *err)
{
    if (file->writable) {
        return qr_posix_check_process(file, err);
    }
    return qr_fail_at(err, QUIRE_MISUSE, file->path, QUIRE_NO_PAGE, 0,
                      "%s is open for reading only.", file->path);
}

static quire_status posix_write(struct qr_file *base, const struct qr_iovec *buffers, size_t count,
                                uint64_t offset, quire_error *err)
{
    struct qr_posix_file *file = (struct qr_posix_file *)base;
    struct write_rest rest = {.buffers = buffers, .count = count};
    QR_TRY(check_writable(file, err));
    for (size_t i = 0, total = 0; i < count; i++) {
        total += buffers[i].size;
        QR_TRY(check_offset(file, offset, total, err));
    }
    skip_written(&rest, 0);
    while (rest.count > 0) {
        ssize_t moved = write_some(file->fd, &rest, offset);
        if (moved > 0) {
            offset += (uint64_t)moved;
            skip_written(&rest, (size_t)moved);
        } else if (moved == 0) {
            return qr_fail_at(err, QUIRE_IO, file->path, QUIRE_NO_PAGE, offset,
                              "Cannot write at offset %llu of %s: the system took no bytes.",
                              (unsigned long long)offset, file->path);
        } else if (errno != EINTR) {
            return qr_fail_os(err, errno, file->path, offset, "Cannot write at offset %llu of %s",
                              (unsigned long long)offset, file->path);
        }
    }
    return QUIRE_OK;
}

/* Returns 0 or -1 with errno, as fsync does. Never repeated: after a failure the system may have
 * dropped the data and say success the second time. */
static int sync_descriptor(int fd)
{
#if defined(F_FULLFSYNC)
    return fcntl(fd, F_FULLFSYNC) == -1 ? -1 : 0;
#elif HAVE_LINUX_CALLS
    return fdatasync(fd);
#else
    return fsync(fd);
#endif
}

static quire_status posix_sync(struct qr_file *base, quire_error *err)
{
    struct qr_posix_file *file = (struct qr_posix_file *)base;
    QR_TRY(qr_posix_check_process(file, err));
    if (sync_descriptor(file->fd) != 0) {
        return qr_fail_os(err, errno, file->path, 0, "Cannot sync %s to disk", file->path);
    }
    return QUIRE_OK;
}

static void posix_write_behind(struct qr_file *base, uint64_t offset, uint64_t size)
{
#if HAVE_LINUX_CALLS
    /* Only starts the writing: this mode does not wait, so it takes no error from the next sync. */
    struct qr_posix_file *file = (struct qr_posix_file *)base;
    if (offset <= INT64_MAX && size <= INT64_MAX - offset && file->process == getpid()) {
        (void)sync_file_range(file->fd, (off_t)offset, (off_t)size, SYNC_FILE_RANGE_WRITE);
    }
#else
    (void)base;
    (void)offset;
    (void)size;
#endif
}

static quire_status posix_size(struct qr_file *base, uint64_t *size, quire_error *err)
{
    struct qr_posix_file *file = (struct qr_posix_file *)base;
    struct stat info;
    if (fstat(file->fd, &info) != 0) {
        return qr_fail_os(err, errno, file->path, 0, "Cannot get the size of %s", file->path);
    }
    *size = (uint64_t)info.st_size;
    return QUIRE_OK;
}

/* Looks in the directory that the file was opened in, wherever that and the process are by now. */
static quire_status posix_is_named(struct qr_file *base, bool *named, quire_error *err)
{
    struct qr_posix_file *file = (struct qr_posix_file *)base;
    const char *slash = strrchr(file->path, '/');
    struct stat open;
    struct stat found;
    *named = false;
    if (fstat(file->fd, &open) != 0) {
        return qr_fail_os(err, errno, file->path, 0, "Cannot look at the open file %s", file->path);
    }
    if (fstatat(file->directory, slash == NULL ? file->path : slash + 1, &found,
                AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == EACCES) {
            /* A program may have given up its rights since. One who takes the only name away, or
             * gives it to another file, takes the link. */
            *named = open.st_nlink > 0;
            return QUIRE_OK;
        }
        return errno == ENOENT || errno == ENOTDIR
                   ? QUIRE_OK
                   : qr_fail_os(err, errno, file->path, 0, "Cannot look up %s", file->path);
    }
    *named = open.st_dev == found.st_dev && open.st_ino == found.st_ino;
    return QUIRE_OK;
}

static quire_status posix_truncate(struct qr_file *base, uint64_t size, quire_error *err)
{
    struct qr_posix_file *file = (struct qr_posix_file *)base;
    QR_TRY(check_writable(file, err));
    QR_TRY(check_offset(file, size, 0, err));
    while (ftruncate(file->fd, (off_t)size) != 0) {
        if (errno != EINTR) {
            return qr_fail_os(err, errno, file->path, size, "Cannot set the size of %s to %llu",
                              file->path, (unsigned long long)size);
        }
    }
    return QUIRE_OK;
}

static const struct qr_file_methods file_methods = {
    .close = qr_posix_close,
    .read = posix_read,
    .write = posix_write,
    .sync = posix_sync,
    .write_behind = posix_write_behind,
    .size = posix_size,
    .truncate = posix_truncate,
    .is_named = posix_is_named,
    .lock = qr_posix_lock,
    .unlock = qr_posix_unlock,
};

/* ---- Paths ---- */

/* The path of the directory that holds `path`, followed by `suffix`; freed with
 * qr_file_path_free. */
static char *directory_of(const char *path, const char *suffix, quire_error *err)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path);
    const char *directory = path;
    if (slash == NULL) {
        directory = ".";
        length = 1;
    } else if (length == 0) {
        length = 1; /* the root */
    }
    size_t suffix_size = strlen(suffix) + 1;
    char *result = qr_alloc(qr_allocator_default(), length + suffix_size, err);
    if (result != NULL) {
        memcpy(result, directory, length);
        memcpy(result + length, suffix, suffix_size);
    }
    return result;
}

void qr_file_path_free(char *path)
{
    if (path != NULL) {
        qr_free(qr_allocator_default(), path, strlen(path) + 1);
    }
}

/* ---- Opening ---- */

/* Moves a descriptor above those of the standard streams: a host that closed one of them would
 * print into the database. Returns the descriptor, or -1 with errno. */
static int above_standard_streams(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO) {
        return fd;
    }
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int error = errno;
    (void)close(fd);
    errno = error;
    return moved;
}

static int open_once(const char *path, int flags)
{
    /* Not blocking, so that a FIFO is refused and not waited for. It means nothing to files. */
    int fd;
    do {
        fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
    } while (fd < 0 && errno == EINTR);
    return above_standard_streams(fd);
}

/* Returns a descriptor, or -1 with errno. */
static int open_path(const char *path, unsigned flags)
{
    int access = (flags & QR_OPEN_WRITE) != 0 ? O_RDWR : O_RDONLY;
    if ((flags & QR_OPEN_CREATE) == 0) {
        return open_once(path, access);
    }
    /* Creation is told apart from opening, for the mode. Losing the race against a creator and a
     * remover over and over is no reason to go on for ever. */
    enum { ATTEMPTS = 16 };
    int fd = -1;
    for (int i = 0; i < ATTEMPTS; i++) {
        fd = open_once(path, access | O_CREAT | O_EXCL);
        if (fd >= 0) {
            /* Whatever the umask says, the owner can read and write. */
            (void)fchmod(fd, 0600);
            return fd;
        }
        if (errno != EEXIST || (flags & QR_OPEN_EXCLUSIVE) != 0) {
            return -1;
        }
        fd = open_once(path, access);
        if (fd >= 0 || errno != ENOENT) {
            return fd;
        }
    }
    return fd;
}

static struct qr_posix_file *create_handle(const char *path, bool writable, quire_error *err)
{
    size_t path_size = strlen(path) + 1;
    struct qr_posix_file *file =
        qr_alloc_zero(qr_allocator_default(), sizeof *file + path_size, err);
    if (file != NULL) {
        file->file.methods = &file_methods;
        file->fd = -1;
        file->directory = -1;
        file->writable = writable;
        file->process = getpid();
        file->path_size = path_size;
        memcpy(file->path, path, path_size);
    }
    return file;
}

static void destroy_handle(struct qr_posix_file *file)
{
    if (file->fd >= 0) {
        (void)close(file->fd);
    }
    if (file->directory >= 0) {
        (void)close(file->directory);
    }
    qr_free(qr_allocator_default(), file, sizeof *file + file->path_size);
}

static quire_status fail_open(const char *path, int os_errno, quire_error *err)
{
    if (os_errno == ELOOP) {
        return qr_fail_at(err, QUIRE_PERMISSION, path, QUIRE_NO_PAGE, 0,
                          "%s is a symbolic link; give the path that it points to.", path);
    }
    return qr_fail_os(err, os_errno, path, 0, "Cannot open %s", path);
}

/* Returns a descriptor that names are looked up by, or -1 with errno. */
static int open_directory(const char *path)
{
#if defined(O_PATH)
    int access = O_PATH;
#elif defined(O_SEARCH)
    int access = O_SEARCH;
#else
    int access = O_RDONLY;
#endif
    return above_standard_streams(open(path, access | O_DIRECTORY | O_CLOEXEC));
}

static quire_status keep_directory(struct qr_posix_file *file, quire_error *err)
{
    char *directory = directory_of(file->path, "", err);
    if (directory == NULL) {
        return QUIRE_NO_MEMORY;
    }
    file->directory = open_directory(directory);
    quire_status status = file->directory >= 0 ? QUIRE_OK : fail_open(directory, errno, err);
    qr_file_path_free(directory);
    return status;
}

static quire_status posix_open(struct qr_file_layer *layer, const char *path, unsigned flags,
                               struct qr_file **out, quire_error *err)
{
    (void)layer;
    *out = NULL;
    struct qr_posix_file *file = create_handle(path, (flags & QR_OPEN_WRITE) != 0, err);
    if (file == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status;
    struct stat info;
    file->fd = open_path(path, flags);
    if (file->fd < 0) {
        status = fail_open(path, errno, err);
        goto failed;
    }
    if (fstat(file->fd, &info) != 0) {
        status = fail_open(path, errno, err);
        goto failed;
    }
    if (!S_ISREG(info.st_mode)) {
        status = qr_fail_at(err, QUIRE_PERMISSION, path, QUIRE_NO_PAGE, 0,
                            "%s is not a regular file.", path);
        goto failed;
    }
    QR_TRY_GOTO(status, keep_directory(file, err), failed);
    QR_TRY_GOTO(status, qr_posix_register(file, info.st_dev, info.st_ino, err), failed);
    if (file->writable && info.st_nlink > 1) {
        /* Registered by now, and closed with care: another handle may hold a lock. */
        qr_posix_close(&file->file);
        return qr_fail_at(err, QUIRE_PERMISSION, path, QUIRE_NO_PAGE, 0,
                          "%s has several names (hard links), and a log is found beside one of "
                          "them only; remove the others or copy the file.",
                          path);
    }
    *out = &file->file;
    return QUIRE_OK;

failed:
    destroy_handle(file);
    return status;
}

/* ---- Trust in paths ---- */

static char *copy_path(const char *path, quire_error *err)
{
    size_t size = strlen(path) + 1;
    char *copy = qr_alloc(qr_allocator_default(), size, err);
    if (copy != NULL) {
        memcpy(copy, path, size);
    }
    return copy;
}

quire_status qr_file_resolve(const char *path, char **out, quire_error *err)
{
    *out = NULL;
    char real[PATH_MAX];
    bool exists = realpath(path, real) != NULL;
    if (!exists && errno != ENOENT) {
        return qr_fail_os(err, errno, path, 0, "Cannot find where %s leads to", path);
    }
    *out = copy_path(exists ? real : path, err);
    return *out != NULL ? QUIRE_OK : QUIRE_NO_MEMORY;
}

/* The path that a symbolic link holds, or NULL in *out when `path` is none. */
static quire_status read_link(const char *path, char **out, quire_error *err)
{
    char target[PATH_MAX + 1] = "/";
    ssize_t size = readlink(path, target + 1, PATH_MAX - 1);
    *out = NULL;
    if (size < 0) {
        return errno == EINVAL || errno == ENOENT
                   ? QUIRE_OK
                   : qr_fail_os(err, errno, path, 0, "Cannot look up %s", path);
    }
    target[size + 1] = '\0';
    *out = target[1] == '/' ? copy_path(target + 1, err) : directory_of(path, target, err);
    return *out != NULL ? QUIRE_OK : QUIRE_NO_MEMORY;
}

static quire_status check_one_directory(const char *path, quire_error *err)
{
    struct stat info;
    char *directory = directory_of(path, "", err);
    if (directory == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status = QUIRE_OK;
    if (stat(directory, &info) != 0) {
        status = qr_fail_os(err, errno, directory, 0, "Cannot look at the directory %s", directory);
    } else if ((info.st_mode & S_IWOTH) != 0 && (info.st_mode & S_ISVTX) == 0) {
        status = qr_fail_at(err, QUIRE_PERMISSION, path, QUIRE_NO_PAGE, 0,
                            "Everybody may write in the directory %s, and so replace %s; take that "
                            "right away (chmod o-w), or allow it.",
                            directory, path);
    }
    qr_file_path_free(directory);
    return status;
}

quire_status qr_file_check_directory(const char *path, quire_error *err)
{
    enum { LINKS_MAX = 40 }; /* as the system has it */
    char *link = NULL;
    quire_status status = check_one_directory(path, err);
    for (int links = 0; status == QUIRE_OK; links++) {
        char *next = NULL;
        status = read_link(link != NULL ? link : path, &next, err);
        qr_file_path_free(link);
        link = next;
        if (link == NULL) {
            break;
        }
        status = links < LINKS_MAX ? check_one_directory(link, err)
                                   : qr_fail_os(err, ELOOP, path, 0, "Cannot follow %s", path);
    }
    qr_file_path_free(link);
    return status;
}

/* ---- Other files of the layer ---- */

/* A descriptor of a file without a name in the directory, or -1 with errno. */
static int open_unnamed(const char *directory, char *name_template)
{
#if HAVE_LINUX_CALLS && defined(O_TMPFILE)
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) {
        return above_standard_streams(fd);
    }
#else
    int fd;
#endif
    (void)directory;
    fd = mkstemp(name_template);
    if (fd >= 0) {
        (void)unlink(name_template);
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    return above_standard_streams(fd);
}

static quire_status posix_open_temporary(struct qr_file_layer *layer, const char *beside,
                                         struct qr_file **out, quire_error *err)
{
    (void)layer;
    *out = NULL;
    char *directory = directory_of(beside, "", err);
    char *name = directory_of(beside, "/quire-XXXXXX", err);
    struct qr_posix_file *file = NULL;
    quire_status status = QUIRE_NO_MEMORY;
    if (directory == NULL || name == NULL) {
        goto done;
    }
    file = create_handle("a temporary file", true, err);
    if (file == NULL) {
        goto done;
    }
    file->fd = open_unnamed(directory, name);
    if (file->fd < 0) {
        status =
            qr_fail_os(err, errno, beside, 0, "Cannot create a temporary file beside %s", beside);
        destroy_handle(file);
        goto done;
    }
    *out = &file->file;
    status = QUIRE_OK;

done:
    qr_file_path_free(name);
    qr_file_path_free(directory);
    return status;
}

static quire_status posix_exists(struct qr_file_layer *layer, const char *path, bool *exists,
                                 quire_error *err)
{
    (void)layer;
    struct stat info;
    *exists = lstat(path, &info) == 0;
    if (!*exists && errno != ENOENT && errno != ENOTDIR) {
        return qr_fail_os(err, errno, path, 0, "Cannot look up %s", path);
    }
    return QUIRE_OK;
}

static quire_status posix_remove(struct qr_file_layer *layer, const char *path, quire_error *err)
{
    (void)layer;
    if (unlink(path) != 0) {
        return qr_fail_os(err, errno, path, 0, "Cannot remove %s", path);
    }
    return QUIRE_OK;
}

static quire_status posix_rename(struct qr_file_layer *layer, const char *from, const char *to,
                                 quire_error *err)
{
    (void)layer;
    if (rename(from, to) != 0) {
        return qr_fail_os(err, errno, from, 0, "Cannot rename %s to %s", from, to);
    }
    return QUIRE_OK;
}

static quire_status posix_sync_directory(struct qr_file_layer *layer, const char *path,
                                         quire_error *err)
{
    (void)layer;
    char *directory = directory_of(path, "", err);
    if (directory == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status = QUIRE_OK;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* Some file systems have no such call for directories; their entries need none. */
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP)) {
        status = qr_fail_os(err, errno, directory, 0, "Cannot sync the directory %s", directory);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    qr_file_path_free(directory);
    return status;
}

static quire_status posix_random(struct qr_file_layer *layer, void *bytes, size_t size,
                                 quire_error *err)
{
    (void)layer;
    size_t done = 0;
#if HAVE_LINUX_CALLS
    while (done < size) {
        ssize_t got = getrandom((char *)bytes + done, size - done, 0);
        if (got > 0) {
            done += (size_t)got;
        } else if (got < 0 && errno != EINTR) {
            return qr_fail_os(err, errno, NULL, 0, "Cannot get random bytes");
        }
    }
#else
    static const char source[] = "/dev/urandom";
    int fd = open(source, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return qr_fail_os(err, errno, source, 0, "Cannot open %s", source);
    }
    while (done < size) {
        ssize_t got = read(fd, (char *)bytes + done, size - done);
        if (got > 0) {
            done += (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            quire_status status = qr_fail_os(err, got == 0 ? EIO : errno, source, 0,
                                             "Cannot read random bytes from %s", source);
            (void)close(fd);
            return status;
        }
    }
    (void)close(fd);
#endif
    return QUIRE_OK;
}

static uint64_t posix_boot(struct qr_file_layer *layer)
{
    (void)layer;
    uint64_t boot = 0;
#if HAVE_LINUX_CALLS
    char text[36];
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, text, sizeof text) == (ssize_t)sizeof text) {
        boot = qr_hash64(text, sizeof text, 0);
        boot += boot == 0;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
#endif
    return boot;
}

struct qr_file_layer *qr_file_layer_posix(void)
{
    static const struct qr_file_layer_methods methods = {
        .open = posix_open,
        .open_temporary = posix_open_temporary,
        .exists = posix_exists,
        .remove = posix_remove,
        .rename = posix_rename,
        .sync_directory = posix_sync_directory,
        .random = posix_random,
        .boot = posix_boot,
    };
    static struct qr_file_layer layer = {.methods = &methods};
    return &layer;
}
