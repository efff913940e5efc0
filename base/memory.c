/*
 * The default allocator, checked allocation, host buffers and arenas.
 *
 * Everything is taken from and returned to the allocator that the caller
 * names. Only the arena keeps state; it is used by one thread at a time.
 * Failure leaves the caller's objects as they were.
 */
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* ---- The C library's allocator ---- */

static void *default_realloc(void *context, void *ptr, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    return realloc(ptr, new_size);
}

static void default_free(void *context, void *ptr, size_t size)
{
    (void)context;
    (void)size;
    free(ptr);
}

const quire_allocator *qr_allocator_default(void)
{
    static const quire_allocator allocator = {NULL, default_realloc, default_free};
    return &allocator;
}

/* ---- Allocation that reports ---- */

/* An allocator is never asked for nothing, since what realloc(p, 0) means differs. */
static size_t at_least_one(size_t size)
{
    return size == 0 ? 1 : size;
}

void *qr_alloc(const quire_allocator *allocator, size_t size, quire_error *err)
{
    return qr_realloc(allocator, NULL, 0, size, err);
}

void *qr_alloc_zero(const quire_allocator *allocator, size_t size, quire_error *err)
{
    void *ptr = qr_alloc(allocator, size, err);
    if (ptr != NULL) {
        memset(ptr, 0, size);
    }
    return ptr;
}

void *qr_realloc(const quire_allocator *allocator, void *ptr, size_t old_size, size_t new_size,
                 quire_error *err)
{
    size_t old_bytes = ptr == NULL ? 0 : at_least_one(old_size);
    size_t new_bytes = at_least_one(new_size);
    void *result = NULL;
    if (new_bytes <= PTRDIFF_MAX) {
        result = allocator->realloc(allocator->context, ptr, old_bytes, new_bytes);
    }
    if (result == NULL) {
        qr_fail_memory(err, new_bytes);
    }
    return result;
}

void qr_free(const quire_allocator *allocator, void *ptr, size_t size)
{
    if (ptr != NULL) {
        allocator->free(allocator->context, ptr, at_least_one(size));
    }
}

quire_status qr_grow(const quire_allocator *allocator, void *array_address, size_t *capacity,
                     size_t needed, size_t element_size, quire_error *err)
{
    enum { FIRST_CAPACITY = 8, FIRST_BYTES = 256 };
    if (needed <= *capacity) {
        return QUIRE_OK;
    }
    size_t most = PTRDIFF_MAX / element_size;
    if (needed > most) {
        return qr_fail_memory(err, SIZE_MAX);
    }
    size_t first = FIRST_BYTES / element_size;
    first = first < FIRST_CAPACITY ? FIRST_CAPACITY : first;
    size_t wanted = needed < first ? first : needed;
    if (wanted < *capacity + *capacity / 2) {
        wanted = *capacity + *capacity / 2;
    }
    if (wanted > most) {
        wanted = most;
    }
    void *array;
    memcpy(&array, array_address, sizeof array);
    array = qr_realloc(allocator, array, *capacity * element_size, wanted * element_size, err);
    if (array == NULL) {
        return QUIRE_NO_MEMORY;
    }
    memcpy(array_address, &array, sizeof array);
    *capacity = wanted;
    return QUIRE_OK;
}

/* ---- Buffers that the host program frees ---- */

/* Precedes each host buffer. It holds the allocator by value: the host may free a buffer after it
 * has closed the database. */
union host_header {
    struct {
        quire_allocator allocator;
        size_t size; /* of the buffer, without this header */
    } is;
    max_align_t align;
};

void *qr_host_realloc(const quire_allocator *allocator, void *ptr, size_t new_size,
                      quire_error *err)
{
    union host_header *header = NULL;
    size_t old_bytes = 0;
    if (ptr != NULL) {
        header = (union host_header *)ptr - 1;
        old_bytes = sizeof *header + header->is.size;
    }
    if (new_size > PTRDIFF_MAX - sizeof *header) {
        qr_fail_memory(err, new_size);
        return NULL;
    }
    header = qr_realloc(allocator, header, old_bytes, sizeof *header + new_size, err);
    if (header == NULL) {
        return NULL;
    }
    header->is.allocator = *allocator;
    header->is.size = new_size;
    return header + 1;
}

void *qr_host_alloc(const quire_allocator *allocator, size_t size, quire_error *err)
{
    return qr_host_realloc(allocator, NULL, size, err);
}

void quire_free(void *ptr)
{
    if (ptr != NULL) {
        union host_header *header = (union host_header *)ptr - 1;
        quire_allocator allocator = header->is.allocator;
        qr_free(&allocator, header, sizeof *header + header->is.size);
    }
}

/* ---- Arena ---- */

/* Chunks double from the first to the largest size. A larger request gets a chunk of its own. */
#define ARENA_CHUNK_FIRST   ((size_t)4 << 10)
#define ARENA_CHUNK_LARGEST ((size_t)256 << 10)
#define ARENA_ALIGNMENT     ((size_t)16)

struct qr_arena_chunk {
    struct qr_arena_chunk *older;
    size_t size; /* with this header */
};

#define CHUNK_HEADER                                                                               \
    ((sizeof(struct qr_arena_chunk) + ARENA_ALIGNMENT - 1) & ~(ARENA_ALIGNMENT - 1))

void qr_arena_init(struct qr_arena *arena, const quire_allocator *allocator, size_t bytes_max)
{
    *arena = (struct qr_arena){.allocator = allocator, .bytes_max = bytes_max};
}

static void open_chunk(struct qr_arena *arena, struct qr_arena_chunk *chunk)
{
    arena->chunk = chunk;
    arena->next = (char *)chunk + CHUNK_HEADER;
    arena->end = (char *)chunk + chunk->size;
}

/* Takes a chunk with room for `size` bytes. Near bytes_max it takes no more than that room. */
static struct qr_arena_chunk *take_chunk(struct qr_arena *arena, size_t size, quire_error *err)
{
    size_t least = CHUNK_HEADER + size;
    size_t wanted = arena->chunk == NULL ? ARENA_CHUNK_FIRST : 2 * arena->chunk->size;
    if (wanted > ARENA_CHUNK_LARGEST) {
        wanted = ARENA_CHUNK_LARGEST;
    }
    if (wanted < least) {
        wanted = least;
    }
    if (arena->bytes_max != 0) {
        size_t room =
            arena->bytes_max > arena->bytes_taken ? arena->bytes_max - arena->bytes_taken : 0;
        if (least > room) {
            qr_fail(err, QUIRE_LIMIT, "The operation needs more than its %zu bytes of memory.",
                    arena->bytes_max);
            return NULL;
        }
        if (wanted > room) {
            wanted = least;
        }
    }
    struct qr_arena_chunk *chunk = qr_alloc(arena->allocator, wanted, err);
    if (chunk != NULL) {
        chunk->older = NULL;
        chunk->size = wanted;
        arena->bytes_taken += wanted;
    }
    return chunk;
}

void *qr_arena_alloc(struct qr_arena *arena, size_t size, quire_error *err)
{
    if (size > PTRDIFF_MAX - CHUNK_HEADER - ARENA_ALIGNMENT) {
        qr_fail_memory(err, size);
        return NULL;
    }
    size_t rounded = (at_least_one(size) + ARENA_ALIGNMENT - 1) & ~(ARENA_ALIGNMENT - 1);
    if (arena->chunk != NULL && rounded <= (size_t)(arena->end - arena->next)) {
        char *result = arena->next;
        arena->next += rounded;
        return result;
    }
    struct qr_arena_chunk *chunk = take_chunk(arena, rounded, err);
    if (chunk == NULL) {
        return NULL;
    }
    size_t left_in_new = chunk->size - CHUNK_HEADER - rounded;
    if (arena->chunk != NULL && left_in_new < (size_t)(arena->end - arena->next)) {
        /* The open chunk still has more room than this one will have: keep it open. */
        chunk->older = arena->chunk->older;
        arena->chunk->older = chunk;
        return (char *)chunk + CHUNK_HEADER;
    }
    chunk->older = arena->chunk;
    open_chunk(arena, chunk);
    char *result = arena->next;
    arena->next += rounded;
    return result;
}

void *qr_arena_alloc_zero(struct qr_arena *arena, size_t size, quire_error *err)
{
    void *ptr = qr_arena_alloc(arena, size, err);
    if (ptr != NULL) {
        memset(ptr, 0, size);
    }
    return ptr;
}

char *qr_arena_copy(struct qr_arena *arena, const void *bytes, size_t size, quire_error *err)
{
    char *copy = qr_arena_alloc(arena, size, err);
    if (copy != NULL && size > 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

void qr_arena_reset(struct qr_arena *arena)
{
    struct qr_arena_chunk *kept = NULL;
    struct qr_arena_chunk *chunk = arena->chunk;
    while (chunk != NULL) {
        struct qr_arena_chunk *older = chunk->older;
        struct qr_arena_chunk *loser = chunk;
        /* Keep the largest ordinary chunk; one oversized request must not pin its memory. */
        if (chunk->size <= ARENA_CHUNK_LARGEST && (kept == NULL || chunk->size > kept->size)) {
            loser = kept;
            kept = chunk;
        }
        if (loser != NULL) {
            arena->bytes_taken -= loser->size;
            qr_free(arena->allocator, loser, loser->size);
        }
        chunk = older;
    }
    arena->chunk = NULL;
    arena->next = NULL;
    arena->end = NULL;
    if (kept != NULL) {
        kept->older = NULL;
        open_chunk(arena, kept);
#if QR_CHECKED
        /* Make a use after the reset visible. */
        memset(arena->next, 0xDD, (size_t)(arena->end - arena->next));
#endif
    }
}

void qr_arena_free(struct qr_arena *arena)
{
    struct qr_arena_chunk *chunk = arena->chunk;
    while (chunk != NULL) {
        struct qr_arena_chunk *older = chunk->older;
        qr_free(arena->allocator, chunk, chunk->size);
        chunk = older;
    }
    qr_arena_init(arena, arena->allocator, arena->bytes_max);
}
