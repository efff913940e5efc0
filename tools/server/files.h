/*
 * Small files that the server is configured by: tokens and keys.
 */
#ifndef QUIRE_SERVER_FILES_H
#define QUIRE_SERVER_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* The whole of a plain file of at most `max` bytes, NUL-terminated; release with file_forget.
 * *about is what it was then, zeroed when it could not be opened. NULL with a sentence in *problem.
 */
char *file_read(const char *path, size_t max, size_t *size, struct stat *about,
                const char **problem);
/* Releases it, and leaves nothing of it in memory. NULL is a no-op. */
void file_forget(char *text, size_t size);

/* Whether its owner alone may read it. */
bool file_is_private(const struct stat *about);

/* Whether the file at the path is what it was: neither written nor replaced since. */
bool file_is_same(const char *path, const struct stat *about);

#endif
