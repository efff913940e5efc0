/*
 * The version of a row: a hash of its stored record, as text. It changes with
 * what the row stores and needs no column of its own (docs/decisions,
 * "0021-writing-in-graphql.md").
 */
#ifndef QR_GRAPHQL_VERSION_H
#define QR_GRAPHQL_VERSION_H

#include "graphql/reader.h"

/* Characters of a version; there is no NUL. */
#define QR_VERSION_SIZE 32u

/* Writes the version of a row of `type` whose record is set. Uses the reader's scratch arena. What
 * clients cannot read is no part of it, or it would tell whether a guess is right. */
quire_status qr_version_make(struct qr_reader *reader, const struct qr_model_type *type,
                             const struct qr_row *row, char text[QR_VERSION_SIZE]);

#endif
