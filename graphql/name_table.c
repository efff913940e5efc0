/*
 * The hash table of names: linear probing, at most three quarters full.
 */
#include "graphql/name_table.h"

#include "base/hash.h"

/* Up to LISTED_MAX slots all names probe from the first on, which takes less than a hash. */
enum { CAPACITY_MIN = 8, LISTED_MAX = 16 };

/* Names come from strangers: the keyed hash keeps them from choosing collisions. */
static uint64_t hash_name(const struct qr_gql_name_table *table, struct qr_gql_str key)
{
    uint8_t secret[16];
    if (table->capacity <= LISTED_MAX) {
        return 0;
    }
    memcpy(secret, &table->seed, 8);
    memcpy(secret + 8, &table->seed, 8);
    return qr_siphash13(secret, key.data, key.size);
}

/* The slot of the key, or the free slot where it would go. */
static struct qr_gql_name_slot *find_slot(const struct qr_gql_name_table *table, uint64_t hash,
                                          struct qr_gql_str key)
{
    uint32_t mask = table->capacity - 1;
    uint32_t at = (uint32_t)hash & mask;
    for (;;) {
        struct qr_gql_name_slot *slot = &table->slots[at];
        if (slot->key.data == NULL || (slot->hash == hash && qr_gql_str_equal(slot->key, key))) {
            return slot;
        }
        at = (at + 1) & mask;
    }
}

void *qr_gql_name_table_get(const struct qr_gql_name_table *table, struct qr_gql_str key)
{
    if (table->count == 0 || key.data == NULL) {
        return NULL;
    }
    return find_slot(table, hash_name(table, key), key)->value;
}

static quire_status grow(struct qr_gql_name_table *table, struct qr_arena *arena, quire_error *err)
{
    if (table->capacity > UINT32_MAX / 4) {
        return qr_fail(err, QUIRE_LIMIT, "A name table cannot hold more than %u names.",
                       table->count);
    }
    struct qr_gql_name_table bigger = *table;
    bigger.capacity = table->capacity == 0 ? CAPACITY_MIN : table->capacity * 2;
    bigger.slots = qr_arena_alloc_zero(arena, bigger.capacity * sizeof(*bigger.slots), err);
    if (bigger.slots == NULL) {
        return qr_gql_memory_status(err);
    }
    if (table->capacity == 0) {
        bigger.seed = (uint64_t)(uintptr_t)bigger.slots * UINT64_C(0x9E3779B97F4A7C15);
    }
    for (uint32_t i = 0; i < table->capacity; i++) {
        struct qr_gql_name_slot slot = table->slots[i];
        if (slot.key.data == NULL) {
            continue;
        }
        if (table->capacity == LISTED_MAX) {
            slot.hash = hash_name(&bigger, slot.key);
        }
        *find_slot(&bigger, slot.hash, slot.key) = slot;
    }
    *table = bigger;
    return QUIRE_OK;
}

/* Finds or makes the slot of a key; a new one has value NULL. */
static quire_status claim_slot(struct qr_gql_name_table *table, struct qr_arena *arena,
                               struct qr_gql_str key, struct qr_gql_name_slot **out,
                               quire_error *err)
{
    if (table->count >= table->capacity - table->capacity / 4) {
        QR_TRY(grow(table, arena, err));
    }
    uint64_t hash = hash_name(table, key);
    struct qr_gql_name_slot *slot = find_slot(table, hash, key);
    if (slot->key.data == NULL) {
        slot->key = key;
        slot->hash = hash;
        table->count++;
    }
    *out = slot;
    return QUIRE_OK;
}

quire_status qr_gql_name_table_add(struct qr_gql_name_table *table, struct qr_arena *arena,
                                   struct qr_gql_str key, void *value, void **previous,
                                   quire_error *err)
{
    struct qr_gql_name_slot *slot;
    QR_TRY(claim_slot(table, arena, key, &slot, err));
    if (previous != NULL) {
        *previous = slot->value;
    }
    if (slot->value == NULL) {
        slot->value = value;
    }
    return QUIRE_OK;
}

quire_status qr_gql_name_table_set(struct qr_gql_name_table *table, struct qr_arena *arena,
                                   struct qr_gql_str key, void *value, quire_error *err)
{
    struct qr_gql_name_slot *slot;
    QR_TRY(claim_slot(table, arena, key, &slot, err));
    slot->value = value;
    return QUIRE_OK;
}
