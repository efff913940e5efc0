/*
 * Open addressing with linear probing, at most half full: see key_table.h.
 */
#include "graphql/key_table.h"

#include "base/hash.h"

#define SLOTS_MIN 16u
#define SLOTS_MAX (UINT32_C(1) << 31)

/* Clients choose the keys, and must not be able to choose ones that collide. */
static uint64_t hash_key(const struct qr_key_table *table, struct qr_gql_str key)
{
    uint8_t secret[16];
    memcpy(secret, &table->seed, 8);
    memcpy(secret + 8, &table->seed, 8);
    return qr_siphash13(secret, key.data, key.size);
}

/* The slot that holds the key, or the free one where it belongs. */
static uint32_t find_slot(const struct qr_key_table *table, struct qr_gql_str key, uint64_t hash)
{
    uint32_t mask = table->slot_count - 1;
    uint32_t at = (uint32_t)hash & mask;
    while (table->slots[at] != 0) {
        uint32_t number = table->slots[at] - 1;
        if (table->hashes[number] == hash && qr_gql_str_equal(table->keys[number], key)) {
            break;
        }
        at = (at + 1) & mask;
    }
    return at;
}

static quire_status grow(struct qr_key_table *table, struct qr_arena *arena, quire_error *err)
{
    uint32_t slot_count = table->slot_count == 0 ? SLOTS_MIN : table->slot_count * 2;
    struct qr_key_table grown = {
        .count = table->count, .slot_count = slot_count, .seed = table->seed};

    if (table->slot_count == SLOTS_MAX) {
        return qr_fail(err, QUIRE_LIMIT, "More than %u different keys.", SLOTS_MAX / 2);
    }
    grown.slots = qr_arena_alloc_zero(arena, sizeof *grown.slots * slot_count, err);
    grown.keys = qr_arena_alloc(arena, sizeof *grown.keys * (slot_count / 2), err);
    grown.hashes = qr_arena_alloc(arena, sizeof *grown.hashes * (slot_count / 2), err);
    if (grown.slots == NULL || grown.keys == NULL || grown.hashes == NULL) {
        return qr_gql_memory_status(err);
    }
    if (table->slot_count == 0) {
        grown.seed = (uint64_t)(uintptr_t)grown.slots * UINT64_C(0x9E3779B97F4A7C15);
    }
    if (table->count > 0) {
        memcpy(grown.keys, table->keys, sizeof *grown.keys * table->count);
        memcpy(grown.hashes, table->hashes, sizeof *grown.hashes * table->count);
    }
    for (uint32_t i = 0; i < table->count; i++) {
        uint32_t at = (uint32_t)grown.hashes[i] & (slot_count - 1);
        while (grown.slots[at] != 0) {
            at = (at + 1) & (slot_count - 1);
        }
        grown.slots[at] = i + 1;
    }
    *table = grown;
    return QUIRE_OK;
}

quire_status qr_key_table_put(struct qr_key_table *table, struct qr_arena *arena,
                              struct qr_gql_str key, uint32_t *number, bool *added,
                              quire_error *err)
{
    if (table->slot_count == 0) {
        QR_TRY(grow(table, arena, err));
    }
    uint64_t hash = hash_key(table, key);
    uint32_t at = find_slot(table, key, hash);

    *added = table->slots[at] == 0;
    if (!*added) {
        *number = table->slots[at] - 1;
        return QUIRE_OK;
    }
    if (table->count == table->slot_count / 2) {
        QR_TRY(grow(table, arena, err));
        at = find_slot(table, key, hash);
    }
    const char *copy = qr_arena_copy(arena, key.data, key.size, err);
    if (copy == NULL) {
        return qr_gql_memory_status(err);
    }
    *number = table->count++;
    table->keys[*number] = (struct qr_gql_str){copy, key.size};
    table->hashes[*number] = hash;
    table->slots[at] = *number + 1;
    return QUIRE_OK;
}
