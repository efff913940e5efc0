/* Locks on files: within the process, between processes, over stray closes and forks. */
#define _GNU_SOURCE

#include <criterion/criterion.h>

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "support/temp_dir.h"

static struct temp_dir dir;
static struct qr_file_layer *layer;
static char path[600];

static void set_up(void)
{
    temp_dir_create(&dir);
    layer = qr_file_layer_posix();
    temp_dir_file(&dir, "data.quire", path, sizeof path);
}

static void tear_down(void)
{
    temp_dir_remove(&dir);
}

TestSuite(lock, .init = set_up, .fini = tear_down);

static struct qr_file *open_file(void)
{
    struct qr_file *file;
    cr_assert_eq(layer->methods->open(layer, path, QR_OPEN_WRITE | QR_OPEN_CREATE, &file, NULL),
                 QUIRE_OK);
    return file;
}

static bool take(struct qr_file *file, enum qr_lock_mode mode)
{
    bool taken = true;
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(file->methods->lock(file, mode, &taken, &err), QUIRE_OK, "%s", err.message);
    return taken;
}

/* Runs `body` in a child and returns what it returned. */
static int in_child(int (*body)(void *context), void *context)
{
    pid_t child = fork();
    if (child == 0) {
        _exit(body(context));
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Whether a handle of its own gets the lock: 0 no, 1 yes, 2 error. */
static int try_lock(void *context)
{
    enum qr_lock_mode mode = *(enum qr_lock_mode *)context;
    struct qr_file *file;
    bool taken;
    if (layer->methods->open(layer, path, QR_OPEN_WRITE, &file, NULL) != QUIRE_OK ||
        file->methods->lock(file, mode, &taken, NULL) != QUIRE_OK) {
        return 2;
    }
    file->methods->close(file);
    return taken ? 1 : 0;
}

static int other_process_gets(enum qr_lock_mode mode)
{
    return in_child(try_lock, &mode);
}

Test(lock, exclusive__excludes_all_others)
{
    struct qr_file *first = open_file();
    struct qr_file *second = open_file();
    cr_assert(take(first, QR_LOCK_EXCLUSIVE));
    cr_assert(take(first, QR_LOCK_EXCLUSIVE), "the holder may ask again");
    cr_assert_not(take(second, QR_LOCK_EXCLUSIVE), "not even the same process");
    cr_assert_not(take(second, QR_LOCK_SHARED));
    cr_assert_eq(other_process_gets(QR_LOCK_EXCLUSIVE), 0);
    cr_assert_eq(other_process_gets(QR_LOCK_SHARED), 0);
    first->methods->unlock(first);
    cr_assert_eq(other_process_gets(QR_LOCK_EXCLUSIVE), 1);
    cr_assert(take(second, QR_LOCK_EXCLUSIVE));
    first->methods->close(first);
    cr_assert_eq(other_process_gets(QR_LOCK_SHARED), 0);
    second->methods->close(second);
    cr_assert_eq(other_process_gets(QR_LOCK_EXCLUSIVE), 1);
}

Test(lock, shared__excludes_only_the_exclusive)
{
    struct qr_file *first = open_file();
    struct qr_file *second = open_file();
    cr_assert(take(first, QR_LOCK_SHARED));
    cr_assert(take(second, QR_LOCK_SHARED));
    cr_assert_eq(other_process_gets(QR_LOCK_SHARED), 1);
    cr_assert_eq(other_process_gets(QR_LOCK_EXCLUSIVE), 0);
    cr_assert_not(take(first, QR_LOCK_EXCLUSIVE));
    first->methods->unlock(first);
    cr_assert_eq(other_process_gets(QR_LOCK_EXCLUSIVE), 0, "the second still shares");
    cr_assert(take(second, QR_LOCK_EXCLUSIVE), "the last sharer may turn exclusive");
    cr_assert_eq(other_process_gets(QR_LOCK_SHARED), 0);
    cr_assert(take(second, QR_LOCK_SHARED), "and back");
    cr_assert_eq(other_process_gets(QR_LOCK_SHARED), 1);
    second->methods->close(second);
    cr_assert_eq(other_process_gets(QR_LOCK_EXCLUSIVE), 1);
    first->methods->close(first);
}

/* The number that the next descriptor will have. */
static int next_descriptor(void)
{
    int next = open(path, O_RDONLY | O_CREAT, 0600);
    cr_assert_geq(next, 0);
    close(next);
    return next;
}

Test(lock, close_of_another_handle__keeps_the_lock)
{
    int before = next_descriptor();
    struct qr_file *holder = open_file();
    cr_assert(take(holder, QR_LOCK_EXCLUSIVE));
    for (int i = 0; i < 3; i++) {
        struct qr_file *other = open_file();
        other->methods->close(other);
        cr_assert_eq(other_process_gets(QR_LOCK_SHARED), 0);
    }
    holder->methods->close(holder);
    cr_assert_eq(other_process_gets(QR_LOCK_EXCLUSIVE), 1);
    cr_assert_eq(next_descriptor(), before, "what had to stay open is closed now");
}

#if !QR_PORTABLE
Test(lock, close_by_the_host__keeps_the_lock)
{
    struct qr_file *holder = open_file();
    cr_assert(take(holder, QR_LOCK_EXCLUSIVE));
    int stray = open(path, O_RDWR);
    cr_assert_geq(stray, 0);
    close(stray);
    cr_assert_eq(other_process_gets(QR_LOCK_SHARED), 0);
    holder->methods->close(holder);
}
#endif

static int meddle(void *context)
{
    struct qr_file *inherited = context;
    bool taken;
    quire_error err = QUIRE_ERROR_INIT;
    if (qr_file_write_one(inherited, "child", 5, 0, &err) != QUIRE_MISUSE ||
        inherited->methods->truncate(inherited, 0, NULL) != QUIRE_MISUSE ||
        inherited->methods->sync(inherited, NULL) != QUIRE_MISUSE ||
        inherited->methods->lock(inherited, QR_LOCK_SHARED, &taken, NULL) != QUIRE_MISUSE) {
        return 1;
    }
    inherited->methods->unlock(inherited);
    inherited->methods->close(inherited);
    return strstr(err.message, "fork") != NULL ? 0 : 1;
}

Test(lock, forked_child__can_neither_write_nor_unlock)
{
    struct qr_file *holder = open_file();
    char buffer[6];
    cr_assert_eq(qr_file_write_one(holder, "parent", 6, 0, NULL), QUIRE_OK);
    cr_assert(take(holder, QR_LOCK_EXCLUSIVE));
    cr_assert_eq(in_child(meddle, holder), 0);
    cr_assert_eq(other_process_gets(QR_LOCK_SHARED), 0);
    cr_assert_eq(qr_file_read_all(holder, buffer, 6, 0, path, NULL), QUIRE_OK);
    cr_assert_eq(memcmp(buffer, "parent", 6), 0);
    holder->methods->close(holder);
    cr_assert_eq(other_process_gets(QR_LOCK_EXCLUSIVE), 1);
}

Test(lock, hard_link__is_the_same_file)
{
    char other[600];
    struct qr_file *second;
    bool taken;
    struct qr_file *first = open_file();
    temp_dir_file(&dir, "other.quire", other, sizeof other);
    cr_assert_eq(link(path, other), 0);
    cr_assert_eq(layer->methods->open(layer, other, QR_OPEN_WRITE, &second, NULL), QUIRE_PERMISSION,
                 "two names cannot share a log");
    cr_assert_eq(layer->methods->open(layer, other, QR_OPEN_READ, &second, NULL), QUIRE_OK);
    cr_assert(take(first, QR_LOCK_EXCLUSIVE));
    cr_assert_eq(second->methods->lock(second, QR_LOCK_SHARED, &taken, NULL), QUIRE_OK);
    cr_assert_not(taken);
    cr_assert_eq(other_process_gets(QR_LOCK_EXCLUSIVE), 2, "nor can another process write");
    first->methods->close(first);
    cr_assert(take(second, QR_LOCK_SHARED));
    second->methods->close(second);
}

Test(lock, exclusive__needs_a_writable_handle)
{
    struct qr_file *writer = open_file();
    struct qr_file *reader;
    bool taken;
    quire_error err = QUIRE_ERROR_INIT;
    cr_assert_eq(layer->methods->open(layer, path, QR_OPEN_READ, &reader, NULL), QUIRE_OK);
    cr_assert_eq(reader->methods->lock(reader, QR_LOCK_EXCLUSIVE, &taken, &err), QUIRE_MISUSE);
    cr_assert_not(taken);
    cr_assert(take(reader, QR_LOCK_SHARED));
    cr_assert_not(take(writer, QR_LOCK_EXCLUSIVE));
    reader->methods->close(reader);
    writer->methods->close(writer);
}
