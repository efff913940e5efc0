/*
 * A scratch directory of its own for a test on real files.
 */
#ifndef QUIRE_TESTS_TEMP_DIR_H
#define QUIRE_TESTS_TEMP_DIR_H

#include <stddef.h>

struct temp_dir {
    char path[512];
};

/* Creates an empty directory under TMPDIR or /tmp. Ends the program when it cannot. */
void temp_dir_create(struct temp_dir *dir);
/* Writes the path of a file in it to `out` and returns `out`. */
char *temp_dir_file(const struct temp_dir *dir, const char *name, char *out, size_t size);
/* Removes it with everything in it, without following links. */
void temp_dir_remove(struct temp_dir *dir);

#endif
