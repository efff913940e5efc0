/*
 * A slot is one word, read and written whole: two threads that note at a time
 * lose one of two notes.
 */
#include "pace.h"

#include <string.h>

/* About ten times what it costs to hand a request to a worker and back. */
#define QUICK_US 200U

static uint64_t mix(uint64_t hash, const char *text, size_t size)
{
    /* FNV-1a, eight bytes at a time. */
    while (size > 0) {
        uint64_t word = 0;
        size_t count = size < sizeof word ? size : sizeof word;
        memcpy(&word, text, count);
        hash = (hash ^ word) * UINT64_C(0x100000001B3);
        hash ^= hash >> 32U;
        text += count;
        size -= count;
    }
    return hash;
}

uint64_t pace_key(const char *document, size_t size, const char *operation)
{
    uint64_t hash = mix(UINT64_C(0xCBF29CE484222325) ^ size, document, size);
    return operation != NULL ? mix(hash, operation, strlen(operation)) : hash;
}

static _Atomic uint64_t *slot_of(struct pace *pace, uint64_t key)
{
    return &pace->slots[key % PACE_SLOTS];
}

/* What a slot says of a key: microseconds + 1, or 0. */
static uint32_t look(struct pace *pace, uint64_t key)
{
    uint64_t word = atomic_load_explicit(slot_of(pace, key), memory_order_relaxed);
    return word >> 32U == key >> 32U ? (uint32_t)word : 0;
}

bool pace_is_quick(struct pace *pace, uint64_t key)
{
    uint32_t known = look(pace, key);
    return known > 0 && known <= QUICK_US;
}

void pace_note(struct pace *pace, uint64_t key, uint64_t took_us)
{
    uint32_t before = look(pace, key);
    uint64_t now = (took_us < UINT32_MAX ? took_us : UINT32_MAX - 1) + 1;
    if (now < before) {
        now = before - (before - now + 3) / 4;
    }
    if (now != before) {
        atomic_store_explicit(slot_of(pace, key), key >> 32U << 32U | now, memory_order_relaxed);
    }
}
