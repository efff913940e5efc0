/*
 * Memory: the database's allocator, and arenas over it.
 */
#ifndef QR_BASE_MEMORY_H
#define QR_BASE_MEMORY_H

#include <stdbool.h>

#include "base/error.h"
#include "quire/memory.h"

/* The C library's allocator; never NULL. */
const quire_allocator *qr_allocator_default(void);

/* Allocates; returns NULL after reporting NO_MEMORY. Size 0 gives a valid pointer too. */
void *qr_alloc(const quire_allocator *allocator, size_t size, quire_error *err);
void *qr_alloc_zero(const quire_allocator *allocator, size_t size, quire_error *err);

/* Grows or shrinks; on failure returns NULL and leaves ptr as it was. */
void *qr_realloc(const quire_allocator *allocator, void *ptr, size_t old_size, size_t new_size,
                 quire_error *err);

/* Frees; NULL is a no-op. `size` is what was allocated. */
void qr_free(const quire_allocator *allocator, void *ptr, size_t size);

/* Makes *array (elements of element_size, capacity *capacity) hold at least `needed`, growing by
 * half at least. Overflow reports NO_MEMORY. */
quire_status qr_grow(const quire_allocator *allocator, void *array_address, size_t *capacity,
                     size_t needed, size_t element_size, quire_error *err);

/* A buffer handed to the host program, which releases it with quire_free: it remembers its own
 * allocator and size in a header. */
void *qr_host_alloc(const quire_allocator *allocator, size_t size, quire_error *err);
void *qr_host_realloc(const quire_allocator *allocator, void *ptr, size_t new_size,
                      quire_error *err);

/*
 * An arena: allocations of one lifetime, freed together. Not thread-safe.
 * bytes_max bounds what it takes from the allocator (0 = unbounded); beyond it
 * allocation fails with QUIRE_LIMIT.
 */
struct qr_arena {
    const quire_allocator *allocator;
    struct qr_arena_chunk *chunk; /* newest first */
    char *next, *end;             /* free part of the newest chunk */
    size_t bytes_taken;
    size_t bytes_max;
};

void qr_arena_init(struct qr_arena *arena, const quire_allocator *allocator, size_t bytes_max);
/* 16-byte aligned; NULL after reporting. */
void *qr_arena_alloc(struct qr_arena *arena, size_t size, quire_error *err);
void *qr_arena_alloc_zero(struct qr_arena *arena, size_t size, quire_error *err);
char *qr_arena_copy(struct qr_arena *arena, const void *bytes, size_t size, quire_error *err);
/* Frees everything but one chunk for reuse. */
void qr_arena_reset(struct qr_arena *arena);
void qr_arena_free(struct qr_arena *arena);

#endif
