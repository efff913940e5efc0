/* The operating system's files. */
#define _GNU_SOURCE

#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "support/prng.h"
#include "support/temp_dir.h"

#define READ_WRITE_NEW (QR_OPEN_WRITE | QR_OPEN_CREATE | QR_OPEN_EXCLUSIVE)

static struct temp_dir dir;
static struct qr_file_layer *layer;
static char path[600];
static quire_error err;

static void set_up(void)
{
    temp_dir_create(&dir);
    layer = qr_file_layer_posix();
    temp_dir_file(&dir, "data.quire", path, sizeof path);
    err = (quire_error)QUIRE_ERROR_INIT;
}

static void tear_down(void)
{
    temp_dir_remove(&dir);
}

TestSuite(file, .init = set_up, .fini = tear_down);

static struct qr_file *open_file(unsigned flags)
{
    struct qr_file *file;
    cr_assert_eq(layer->methods->open(layer, path, flags, &file, &err), QUIRE_OK, "%s",
                 err.message);
    return file;
}

static quire_status open_status(const char *name, unsigned flags)
{
    struct qr_file *file;
    quire_status status = layer->methods->open(layer, name, flags, &file, &err);
    if (status == QUIRE_OK) {
        file->methods->close(file);
    } else {
        cr_assert_null(file);
        cr_assert_eq(err.status, status);
    }
    return status;
}

Test(file, open__obeys_its_flags)
{
    cr_assert_eq(open_status(path, QR_OPEN_READ), QUIRE_NO_FILE);
    cr_assert_eq(open_status(path, QR_OPEN_WRITE), QUIRE_NO_FILE);
    cr_assert_eq(open_status(path, READ_WRITE_NEW), QUIRE_OK);
    cr_assert_eq(open_status(path, READ_WRITE_NEW), QUIRE_EXISTS);
    cr_assert_eq(open_status(path, QR_OPEN_WRITE | QR_OPEN_CREATE), QUIRE_OK);
    cr_assert_eq(open_status(path, QR_OPEN_READ), QUIRE_OK);
    struct qr_file *file = open_file(QR_OPEN_READ);
    cr_assert_eq(qr_file_write_one(file, "x", 1, 0, &err), QUIRE_MISUSE);
    cr_assert_eq(file->methods->truncate(file, 5, &err), QUIRE_MISUSE);
    cr_assert_eq(file->methods->sync(file, &err), QUIRE_OK);
    file->methods->close(file);
}

Test(file, open__creates_for_the_owner_alone_whatever_the_umask)
{
    struct stat info;
    umask(0277);
    cr_assert_eq(open_status(path, READ_WRITE_NEW), QUIRE_OK);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 07777, 0600);
    cr_assert_eq(unlink(path), 0);
    umask(0);
    cr_assert_eq(open_status(path, READ_WRITE_NEW), QUIRE_OK);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 07777, 0600);
}

Test(file, open__refuses_what_is_not_a_regular_file)
{
    char other[600];
    cr_assert_eq(open_status(path, READ_WRITE_NEW), QUIRE_OK);
    temp_dir_file(&dir, "link", other, sizeof other);
    cr_assert_eq(symlink(path, other), 0);
    cr_assert_eq(open_status(other, QR_OPEN_WRITE), QUIRE_PERMISSION);
    cr_assert_not_null(strstr(err.message, "symbolic link"));
    cr_assert_eq(open_status(other, QR_OPEN_WRITE | QR_OPEN_CREATE), QUIRE_PERMISSION);
    temp_dir_file(&dir, "fifo", other, sizeof other);
    cr_assert_eq(mkfifo(other, 0600), 0);
    cr_assert_eq(open_status(other, QR_OPEN_READ), QUIRE_PERMISSION);
    cr_assert_eq(open_status(other, QR_OPEN_WRITE), QUIRE_PERMISSION);
    cr_assert_eq(open_status("/dev/null", QR_OPEN_WRITE), QUIRE_PERMISSION);
    cr_assert_eq(open_status(dir.path, QR_OPEN_READ), QUIRE_PERMISSION);
    cr_assert_eq(open_status(dir.path, QR_OPEN_WRITE), QUIRE_PERMISSION);
    temp_dir_file(&dir, "missing/data", other, sizeof other);
    cr_assert_eq(open_status(other, QR_OPEN_WRITE | QR_OPEN_CREATE), QUIRE_NO_FILE);
}

/* The number of descriptors below 64 that are open. */
static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 64; fd++) {
        count += fcntl(fd, F_GETFD) != -1 ? 1 : 0;
    }
    return count;
}

Test(file, open__leaks_no_descriptor_when_refused)
{
    int before = open_descriptors();
    cr_assert_eq(open_status("/dev/null", QR_OPEN_WRITE), QUIRE_PERMISSION);
    cr_assert_eq(open_status(dir.path, QR_OPEN_READ), QUIRE_PERMISSION);
    cr_assert_eq(open_status(path, READ_WRITE_NEW), QUIRE_OK);
    cr_assert_eq(open_descriptors(), before);
}

Test(file, open__keeps_clear_of_the_standard_streams)
{
    pid_t child = fork();
    if (child == 0) {
        /* A child, since the test's own streams are needed. Nothing may be at 0 to 2 afterwards,
         * and the descriptor must close on exec. */
        close(0);
        close(1);
        close(2);
        struct qr_file *file;
        struct qr_file *temporary;
        bool good = layer->methods->open(layer, path, READ_WRITE_NEW, &file, NULL) == QUIRE_OK &&
                    layer->methods->open_temporary(layer, path, &temporary, NULL) == QUIRE_OK;
        for (int fd = 0; fd <= 2; fd++) {
            good = good && fcntl(fd, F_GETFD) == -1;
        }
        good = good && qr_file_write_one(file, "abc", 3, 0, NULL) == QUIRE_OK;
        _exit(good ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Test(file, read__stops_only_at_the_end)
{
    struct qr_file *file = open_file(READ_WRITE_NEW);
    char buffer[16];
    size_t got = 99;
    cr_assert_eq(qr_file_write_one(file, "0123456789", 10, 5, &err), QUIRE_OK);
    cr_assert_eq(file->methods->read(file, buffer, 16, 0, &got, &err), QUIRE_OK);
    cr_assert_eq(got, 15);
    cr_assert_eq(memcmp(buffer, "\0\0\0\0\0000123456789", 15), 0);
    cr_assert_eq(file->methods->read(file, buffer, 4, 15, &got, &err), QUIRE_OK);
    cr_assert_eq(got, 0);
    cr_assert_eq(file->methods->read(file, buffer, 4, 1U << 30, &got, &err), QUIRE_OK);
    cr_assert_eq(got, 0);
    cr_assert_eq(file->methods->read(file, buffer, 4, UINT64_MAX - 1, &got, &err), QUIRE_LIMIT);
    cr_assert_eq(qr_file_read_all(file, buffer, 15, 0, path, &err), QUIRE_OK);
    cr_assert_eq(qr_file_read_all(file, buffer, 16, 0, path, &err), QUIRE_CORRUPT);
    cr_assert_eq(err.offset, 15);
    file->methods->close(file);
}

Test(file, write__gathers_any_number_of_buffers)
{
    enum { BUFFERS = 5000, BYTES = 200000 };
    static struct qr_iovec buffers[BUFFERS];
    static uint8_t bytes[BYTES];
    static uint8_t back[BYTES + 1];
    struct prng prng;
    prng_init_printed(&prng, "gather");
    prng_fill(&prng, bytes, BYTES);
    size_t used = 0;
    for (size_t i = 0; i < BUFFERS; i++) {
        size_t size = prng_one_in(&prng, 5) ? 0 : prng_below(&prng, 40);
        if (i == BUFFERS - 1) {
            size = BYTES - used;
        }
        buffers[i] = (struct qr_iovec){.base = bytes + used, .size = size};
        used += size;
    }
    struct qr_file *file = open_file(READ_WRITE_NEW);
    size_t got;
    uint64_t size;
    cr_assert_eq(file->methods->write(file, buffers, BUFFERS, 77, &err), QUIRE_OK);
    cr_assert_eq(file->methods->size(file, &size, &err), QUIRE_OK);
    cr_assert_eq(size, 77 + BYTES);
    cr_assert_eq(file->methods->read(file, back, BYTES + 1, 77, &got, &err), QUIRE_OK);
    cr_assert_eq(got, BYTES);
    cr_assert_eq(memcmp(back, bytes, BYTES), 0);
    cr_assert_eq(file->methods->write(file, NULL, 0, 0, &err), QUIRE_OK);
    cr_assert_eq(qr_file_write_one(file, bytes, 10, UINT64_MAX - 3, &err), QUIRE_LIMIT);
    file->methods->write_behind(file, 0, 100);
    cr_assert_eq(file->methods->sync(file, &err), QUIRE_OK);
    cr_assert_eq(layer->methods->sync_directory(layer, path, &err), QUIRE_OK);
    file->methods->close(file);
}

Test(file, write__continues_after_a_short_one_and_then_reports)
{
    /* The limit lets the first call write a part; the next one fails with EFBIG. */
    enum { LIMIT = 10000 };
    static uint8_t bytes[2 * LIMIT];
    static uint8_t back[LIMIT];
    struct prng prng;
    prng_init_printed(&prng, "limit");
    prng_fill(&prng, bytes, sizeof bytes);
    struct qr_file *file = open_file(READ_WRITE_NEW);
    struct rlimit before;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = {.rlim_cur = LIMIT, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct qr_iovec buffers[3] = {{bytes, 3}, {bytes + 3, LIMIT}, {bytes + 3 + LIMIT, 100}};
    quire_status status = file->methods->write(file, buffers, 3, 0, &err);
    quire_status truncated = file->methods->truncate(file, LIMIT + 1, NULL);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    cr_assert_eq(status, QUIRE_NO_SPACE);
    cr_assert_eq(truncated, QUIRE_NO_SPACE);
    cr_assert_eq(err.os_errno, EFBIG);
    cr_assert_eq(err.offset, LIMIT, "the whole part that fits was written first");
    cr_assert_eq(qr_file_read_all(file, back, LIMIT, 0, path, &err), QUIRE_OK);
    cr_assert_eq(memcmp(back, bytes, LIMIT), 0);
    file->methods->close(file);
}

static volatile sig_atomic_t ticks;

static void tick(int number)
{
    (void)number;
    ticks++;
}

Test(file, calls__survive_signals)
{
    enum { BYTES = 1 << 20 };
    static uint8_t bytes[BYTES];
    static uint8_t back[BYTES];
    struct prng prng;
    prng_init_printed(&prng, "signals");
    /* Without SA_RESTART, so that calls that can be interrupted are. */
    struct sigaction action = {.sa_handler = tick};
    struct itimerval often = {{0, 500}, {0, 500}};
    struct itimerval never = {{0, 0}, {0, 0}};
    cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
    cr_assert_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
    struct qr_file *file = open_file(READ_WRITE_NEW);
    for (int round = 0; round < 200 && (round < 20 || ticks < 20); round++) {
        prng_fill(&prng, bytes, BYTES);
        cr_assert_eq(qr_file_write_one(file, bytes, BYTES, 0, &err), QUIRE_OK);
        cr_assert_eq(qr_file_read_all(file, back, BYTES, 0, path, &err), QUIRE_OK);
        cr_assert_eq(memcmp(bytes, back, BYTES), 0);
        cr_assert_eq(file->methods->truncate(file, BYTES / 2, &err), QUIRE_OK);
        cr_assert_eq(open_status(path, QR_OPEN_WRITE), QUIRE_OK);
    }
    cr_assert_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
    file->methods->close(file);
}

Test(file, truncate__cuts_and_extends_with_zeros)
{
    struct qr_file *file = open_file(READ_WRITE_NEW);
    char buffer[8];
    uint64_t size;
    cr_assert_eq(qr_file_write_one(file, "abcdefgh", 8, 0, &err), QUIRE_OK);
    cr_assert_eq(file->methods->truncate(file, 3, &err), QUIRE_OK);
    cr_assert_eq(file->methods->truncate(file, 8, &err), QUIRE_OK);
    cr_assert_eq(file->methods->size(file, &size, &err), QUIRE_OK);
    cr_assert_eq(size, 8);
    cr_assert_eq(qr_file_read_all(file, buffer, 8, 0, path, &err), QUIRE_OK);
    cr_assert_eq(memcmp(buffer, "abc\0\0\0\0\0", 8), 0);
    cr_assert_eq(file->methods->truncate(file, UINT64_MAX, &err), QUIRE_LIMIT);
    file->methods->close(file);
}

static int directory_entries(void)
{
    int count = 0;
    DIR *stream = opendir(dir.path);
    cr_assert_not_null(stream);
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        count += entry->d_name[0] != '.' ? 1 : 0;
    }
    closedir(stream);
    return count;
}

Test(file, temporary__has_no_name)
{
    struct qr_file *file;
    char buffer[3];
    char missing[600];
    bool taken;
    cr_assert_eq(layer->methods->open_temporary(layer, path, &file, &err), QUIRE_OK, "%s",
                 err.message);
    cr_assert_eq(directory_entries(), 0);
    cr_assert_eq(qr_file_write_one(file, "abc", 3, 0, &err), QUIRE_OK);
    cr_assert_eq(qr_file_read_all(file, buffer, 3, 0, "temporary", &err), QUIRE_OK);
    cr_assert_eq(memcmp(buffer, "abc", 3), 0);
    cr_assert_eq(file->methods->lock(file, QR_LOCK_EXCLUSIVE, &taken, &err), QUIRE_MISUSE);
    file->methods->close(file);
    temp_dir_file(&dir, "missing/data", missing, sizeof missing);
    cr_assert_eq(layer->methods->open_temporary(layer, missing, &file, &err), QUIRE_NO_FILE);
    cr_assert_null(file);
}

Test(file, names__are_looked_up_renamed_and_removed)
{
    char other[600];
    bool exists;
    temp_dir_file(&dir, "other.quire", other, sizeof other);
    cr_assert_eq(layer->methods->exists(layer, path, &exists, &err), QUIRE_OK);
    cr_assert_not(exists);
    cr_assert_eq(open_status(path, READ_WRITE_NEW), QUIRE_OK);
    cr_assert_eq(layer->methods->exists(layer, path, &exists, &err), QUIRE_OK);
    cr_assert(exists);
    cr_assert_eq(layer->methods->rename(layer, path, other, &err), QUIRE_OK);
    cr_assert_eq(layer->methods->exists(layer, path, &exists, &err), QUIRE_OK);
    cr_assert_not(exists);
    cr_assert_eq(layer->methods->rename(layer, path, other, &err), QUIRE_NO_FILE);
    cr_assert_eq(layer->methods->remove(layer, path, &err), QUIRE_NO_FILE);
    cr_assert_eq(layer->methods->remove(layer, other, &err), QUIRE_OK);
    cr_assert_eq(directory_entries(), 0);
    cr_assert_eq(layer->methods->sync_directory(layer, path, &err), QUIRE_OK);
    temp_dir_file(&dir, "missing/data", other, sizeof other);
    cr_assert_eq(layer->methods->sync_directory(layer, other, &err), QUIRE_NO_FILE);
}

Test(file, paths__without_a_directory_mean_the_current_one)
{
    cr_assert_eq(chdir(dir.path), 0);
    struct qr_file *file;
    cr_assert_eq(open_status("here.quire", READ_WRITE_NEW), QUIRE_OK);
    cr_assert_eq(layer->methods->sync_directory(layer, "here.quire", &err), QUIRE_OK);
    cr_assert_eq(layer->methods->open_temporary(layer, "here.quire", &file, &err), QUIRE_OK);
    file->methods->close(file);
    cr_assert_eq(layer->methods->sync_directory(layer, "/here.quire", &err), QUIRE_OK);
}

Test(file, random__differs_each_time)
{
    uint8_t first[40] = {0};
    uint8_t second[40] = {0};
    cr_assert_eq(layer->methods->random(layer, first, sizeof first, &err), QUIRE_OK);
    cr_assert_eq(layer->methods->random(layer, second, sizeof second, &err), QUIRE_OK);
    cr_assert_neq(memcmp(first, second, sizeof first), 0);
}
