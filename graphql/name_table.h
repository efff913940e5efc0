/*
 * A hash table from names to pointers, in an arena: open addressing, grows by
 * doubling, never shrinks, no removal. Few names are not hashed but compared one
 * by one. Keys are borrowed. Readers may share a table that nobody changes.
 */
#ifndef QR_GRAPHQL_NAME_TABLE_H
#define QR_GRAPHQL_NAME_TABLE_H

#include "graphql/text.h"

struct qr_gql_name_slot {
    struct qr_gql_str key; /* data NULL: free */
    uint64_t hash;         /* 0 where they are not hashed */
    void *value;
};

/* All zero is an empty table. */
struct qr_gql_name_table {
    struct qr_gql_name_slot *slots;
    uint32_t capacity; /* a power of two, or 0 */
    uint32_t count;
    uint64_t seed; /* of the keyed hash; taken from an address */
};

/* The value of `key`, or NULL. */
void *qr_gql_name_table_get(const struct qr_gql_name_table *table, struct qr_gql_str key);

/* Sets `key` to `value` (not NULL) unless it is there; *previous (may be NULL) receives what was
 * there before, or NULL. */
quire_status qr_gql_name_table_add(struct qr_gql_name_table *table, struct qr_arena *arena,
                                   struct qr_gql_str key, void *value, void **previous,
                                   quire_error *err);

/* Sets `key` to `value`, replacing what was there. */
quire_status qr_gql_name_table_set(struct qr_gql_name_table *table, struct qr_arena *arena,
                                   struct qr_gql_str key, void *value, quire_error *err);

#endif
