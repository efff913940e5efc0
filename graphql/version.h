/*
 * The version of a row: a hash of its stored record, as text. It changes with
 * what the row stores and needs no column of its own (docs/decisions,
 * "0021-writing-in-graphql.md").
 */
#ifndef QR_GRAPHQL_VERSION_H
#define QR_GRAPHQL_VERSION_H

#include "base/hash.h"
#include "graphql/reader.h"

/* Characters of a version; there is no NUL. */
#define QR_VERSION_SIZE 32u

/* Writes the version of a row whose record is set. */
static inline void qr_version_write(const struct qr_row *row, char text[QR_VERSION_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    struct qr_hash128 hash = qr_hash128(row->record, row->size, (uint64_t)row->rowid);
    for (unsigned i = 0; i < QR_VERSION_SIZE; i++) {
        uint64_t half = i < QR_VERSION_SIZE / 2 ? hash.high : hash.low;
        text[i] = digits[half >> (60 - 4 * (i % (QR_VERSION_SIZE / 2))) & 15];
    }
}

#endif
