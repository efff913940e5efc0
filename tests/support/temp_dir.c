/*
 * Scratch directories.
 */
#define _XOPEN_SOURCE 700

#include "support/temp_dir.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void temp_dir_create(struct temp_dir *dir)
{
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || parent[0] == '\0') {
        parent = "/tmp";
    }
    int length = snprintf(dir->path, sizeof dir->path, "%s/quire-test-XXXXXX", parent);
    if (length < 0 || (size_t)length >= sizeof dir->path || mkdtemp(dir->path) == NULL) {
        perror("cannot create a scratch directory");
        exit(EXIT_FAILURE);
    }
}

char *temp_dir_file(const struct temp_dir *dir, const char *name, char *out, size_t size)
{
    int length = snprintf(out, size, "%s/%s", dir->path, name);
    if (length < 0 || (size_t)length >= size) {
        fprintf(stderr, "the path of %s is too long\n", name);
        exit(EXIT_FAILURE);
    }
    return out;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

void temp_dir_remove(struct temp_dir *dir)
{
    if (dir->path[0] != '\0') {
        (void)nftw(dir->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        dir->path[0] = '\0';
    }
}
