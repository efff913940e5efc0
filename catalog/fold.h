/*
 * Unicode default case folding, by libutf8proc's tables.
 */
#ifndef QR_FOLD_H
#define QR_FOLD_H

#include <stddef.h>

/* Writes the folded text to `out` and returns its size; when that is above `capacity`, what was
 * written is of no use. Text that is not UTF-8 is kept as it is. Any thread. */
size_t qr_fold(const void *text, size_t size, void *out, size_t capacity);

#endif
