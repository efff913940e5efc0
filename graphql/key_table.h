/*
 * A set of byte strings in an arena, each with the number of its place among
 * them: 0, 1, ... in the order in which they were put in. One thread.
 */
#ifndef QR_GRAPHQL_KEY_TABLE_H
#define QR_GRAPHQL_KEY_TABLE_H

#include "graphql/text.h"

/* Zero-initialise. All memory belongs to the arena, which may be reset when the table is not used
 * any more. */
struct qr_key_table {
    struct qr_gql_str *keys; /* by number */
    uint64_t *hashes;        /* by number */
    uint32_t *slots;         /* number + 1; 0: free */
    uint32_t count;
    uint32_t slot_count; /* a power of two, or 0 */
    uint64_t seed;       /* of the keyed hash; taken from an address */
};

/* The number of `key`, which is copied unless it is there. LIMIT beyond 2^31 keys. */
quire_status qr_key_table_put(struct qr_key_table *table, struct qr_arena *arena,
                              struct qr_gql_str key, uint32_t *number, bool *added,
                              quire_error *err);

#endif
