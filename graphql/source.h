/*
 * A GraphQL source text and places in it.
 */
#ifndef QR_GRAPHQL_SOURCE_H
#define QR_GRAPHQL_SOURCE_H

#include "graphql/text.h"

/*
 * A place in a source text: byte offset from 0, line from 1 (LF, CR and CR LF
 * end lines), column from 1 in code points. line 0 means "no place": a node
 * that no source text has.
 */
struct qr_gql_pos {
    uint32_t offset;
    uint32_t line;
    uint32_t column;
};

/* Source texts are limited to this many bytes so that offsets fit. */
#define QR_GQL_SOURCE_BYTES_MAX (UINT32_MAX - 1)

#endif
