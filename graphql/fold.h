/*
 * Unicode default case folding, through libutf8proc.
 */
#ifndef QR_GRAPHQL_FOLD_H
#define QR_GRAPHQL_FOLD_H

#include "graphql/text.h"

/* The folded text, in the arena. Text that is not UTF-8 is kept as it is. */
quire_status qr_fold(struct qr_arena *arena, struct qr_gql_str text, struct qr_gql_str *out,
                     quire_error *err);

/* Whether folding leaves every byte below 0x80 with ASCII rules alone and the text has no others:
 * lets callers compare without memory. */
bool qr_fold_is_ascii(struct qr_gql_str text);

#endif
