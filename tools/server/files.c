/*
 * Small files: see files.h.
 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *file_read(const char *path, size_t max, size_t *size, struct stat *about,
                const char **problem)
{
    char *text = NULL;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *size = 0;
    *problem = NULL;
    *about = (struct stat){.st_size = 0};
    if (file < 0 || fstat(file, about) != 0) {
        *problem = strerror(errno);
    } else if (!S_ISREG(about->st_mode)) {
        *problem = "it is not a plain file";
    } else if ((size_t)about->st_size > max) {
        *problem = "it is too large";
    } else {
        text = calloc(1, (size_t)about->st_size + 1);
    }
    if (text != NULL && read(file, text, (size_t)about->st_size) != about->st_size) {
        free(text);
        text = NULL;
    }
    if (text == NULL && *problem == NULL) {
        *problem = "reading failed";
    }
    if (file >= 0) {
        close(file);
    }
    *size = text != NULL ? (size_t)about->st_size : 0;
    return text;
}

void file_forget(char *text, size_t size)
{
    if (text != NULL) {
        gnutls_memset(text, 0, size);
        free(text);
    }
}

bool file_is_private(const struct stat *about)
{
    return (about->st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

bool file_is_same(const char *path, const struct stat *about)
{
    struct stat now;
    if (stat(path, &now) != 0) {
        return about->st_ino == 0; /* it was not there before */
    }
    return now.st_dev == about->st_dev && now.st_ino == about->st_ino &&
           now.st_size == about->st_size && now.st_mtim.tv_sec == about->st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == about->st_mtim.tv_nsec &&
           now.st_ctim.tv_sec == about->st_ctim.tv_sec &&
           now.st_ctim.tv_nsec == about->st_ctim.tv_nsec;
}
