/* Allocation that reports, host buffers and arenas. */
#include <criterion/criterion.h>

#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "support/failing_allocator.h"
#include "support/prng.h"

static struct failing_allocator failing;

static const quire_allocator *fresh(void)
{
    failing_allocator_init(&failing);
    return &failing.allocator;
}

Test(memory, alloc__of_nothing_gives_a_pointer)
{
    const quire_allocator *allocator = fresh();
    void *ptr = qr_alloc(allocator, 0, NULL);
    cr_assert_not_null(ptr);
    ptr = qr_realloc(allocator, ptr, 0, 10, NULL);
    cr_assert_not_null(ptr);
    ptr = qr_realloc(allocator, ptr, 10, 0, NULL);
    cr_assert_not_null(ptr);
    qr_free(allocator, ptr, 0);
    qr_free(allocator, NULL, 5);
    cr_assert(failing_allocator_is_clean(&failing));
}

Test(memory, alloc_zero__zeroes)
{
    const quire_allocator *allocator = fresh();
    static const uint8_t zeros[100];
    uint8_t *ptr = qr_alloc_zero(allocator, 100, NULL);
    cr_assert_eq(memcmp(ptr, zeros, 100), 0);
    qr_free(allocator, ptr, 100);
    cr_assert(failing_allocator_is_clean(&failing));
}

Test(memory, alloc__reports_when_the_allocator_refuses)
{
    const quire_allocator *allocator = fresh();
    quire_error err = QUIRE_ERROR_INIT;
    failing_allocator_arm(&failing, 0, true);
    cr_assert_null(qr_alloc(allocator, 10, &err));
    cr_assert_eq(err.status, QUIRE_NO_MEMORY);
    cr_assert_null(qr_alloc_zero(allocator, 10, NULL));
    cr_assert_null(qr_host_alloc(allocator, 10, NULL));
    cr_assert_eq(failing.failures, 3);
    cr_assert_null(qr_alloc(qr_allocator_default(), SIZE_MAX, &err));
    cr_assert_null(qr_host_alloc(qr_allocator_default(), SIZE_MAX - 4, &err));
}

Test(memory, realloc__keeps_the_block_when_it_fails)
{
    const quire_allocator *allocator = fresh();
    char *ptr = qr_alloc(allocator, 4, NULL);
    memcpy(ptr, "abc", 4);
    failing_allocator_arm(&failing, 0, false);
    cr_assert_null(qr_realloc(allocator, ptr, 4, 4000, NULL));
    cr_assert_str_eq(ptr, "abc");
    qr_free(allocator, ptr, 4);
    cr_assert(failing_allocator_is_clean(&failing));
}

Test(memory, grow__grows_by_half_and_keeps_the_content)
{
    const quire_allocator *allocator = fresh();
    uint32_t *array = NULL;
    size_t capacity = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        cr_assert_eq(qr_grow(allocator, &array, &capacity, i + 1, sizeof *array, NULL), QUIRE_OK);
        array[i] = i;
    }
    cr_assert_lt(failing.calls, 25);
    for (uint32_t i = 0; i < 10000; i++) {
        cr_assert_eq(array[i], i);
    }
    size_t before = capacity;
    cr_assert_eq(qr_grow(allocator, &array, &capacity, SIZE_MAX / 2, sizeof *array, NULL),
                 QUIRE_NO_MEMORY);
    failing_allocator_arm(&failing, 0, false);
    cr_assert_eq(qr_grow(allocator, &array, &capacity, capacity + 1, sizeof *array, NULL),
                 QUIRE_NO_MEMORY);
    cr_assert_eq(capacity, before);
    cr_assert_eq(array[9999], 9999);
    qr_free(allocator, array, capacity * sizeof *array);
    cr_assert(failing_allocator_is_clean(&failing));
}

Test(memory, host_buffer__is_freed_without_naming_its_allocator)
{
    const quire_allocator *allocator = fresh();
    char *buffer = qr_host_realloc(allocator, NULL, 3, NULL);
    memcpy(buffer, "ab", 3);
    buffer = qr_host_realloc(allocator, buffer, 5000, NULL);
    cr_assert_str_eq(buffer, "ab");
    cr_assert_eq((uintptr_t)buffer % _Alignof(max_align_t), 0);
    failing_allocator_arm(&failing, 0, true);
    cr_assert_null(qr_host_realloc(allocator, buffer, 50000, NULL));
    cr_assert_str_eq(buffer, "ab");
    quire_free(buffer);
    quire_free(NULL);
    cr_assert(failing_allocator_is_clean(&failing));
}

Test(arena, alloc__gives_aligned_disjoint_blocks)
{
    enum { BLOCKS = 3000 };
    static uint8_t *blocks[BLOCKS];
    static size_t sizes[BLOCKS];
    struct qr_arena arena;
    struct prng prng;
    prng_init_printed(&prng, "arena");
    qr_arena_init(&arena, fresh(), 0);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            sizes[i] = prng_below(&prng, prng_one_in(&prng, 100) ? 100000 : 100);
            blocks[i] = qr_arena_alloc(&arena, sizes[i], NULL);
            cr_assert_eq((uintptr_t)blocks[i] % 16, 0);
            memset(blocks[i], (int)(i & 0xFF), sizes[i]);
        }
        for (size_t i = 0; i < BLOCKS; i++) {
            for (size_t k = 0; k < sizes[i]; k++) {
                cr_assert_eq(blocks[i][k], i & 0xFF);
            }
        }
        qr_arena_reset(&arena);
        cr_assert_leq(failing.live_blocks, 1);
        cr_assert_eq((uint64_t)failing.live_bytes, arena.bytes_taken);
    }
    qr_arena_free(&arena);
    cr_assert(failing_allocator_is_clean(&failing));
    qr_arena_free(&arena);
}

Test(arena, reset__returns_oversized_chunks)
{
    struct qr_arena arena;
    qr_arena_init(&arena, fresh(), 0);
    cr_assert_not_null(qr_arena_alloc(&arena, 10U << 20, NULL));
    qr_arena_reset(&arena);
    cr_assert_eq(arena.bytes_taken, 0);
    cr_assert(failing_allocator_is_clean(&failing));
    cr_assert_not_null(qr_arena_alloc(&arena, 10, NULL));
    qr_arena_free(&arena);
    cr_assert(failing_allocator_is_clean(&failing));
}

Test(arena, alloc__stops_at_its_limit)
{
    struct qr_arena arena;
    quire_error err = QUIRE_ERROR_INIT;
    qr_arena_init(&arena, fresh(), 100000);
    size_t given = 0;
    while (qr_arena_alloc(&arena, 1000, &err) != NULL) {
        given += 1000;
        cr_assert_leq(arena.bytes_taken, 100000);
    }
    cr_assert_eq(err.status, QUIRE_LIMIT);
    cr_assert_gt(given, 60000, "most of the limit must be usable, not %zu", given);
    cr_assert_null(qr_arena_alloc(&arena, SIZE_MAX, &err));
    cr_assert_eq(err.status, QUIRE_NO_MEMORY);
    qr_arena_reset(&arena);
    cr_assert_not_null(qr_arena_alloc(&arena, 1000, &err));
    qr_arena_free(&arena);
    cr_assert(failing_allocator_is_clean(&failing));
}

Test(arena, alloc__survives_a_refusing_allocator)
{
    struct qr_arena arena;
    quire_error err = QUIRE_ERROR_INIT;
    qr_arena_init(&arena, fresh(), 0);
    char *kept = qr_arena_copy(&arena, "kept", 5, &err);
    failing_allocator_arm(&failing, 0, true);
    cr_assert_null(qr_arena_alloc_zero(&arena, 100000, &err));
    cr_assert_eq(err.status, QUIRE_NO_MEMORY);
    cr_assert_null(qr_arena_copy(&arena, kept, 100000, &err));
    cr_assert_str_eq(kept, "kept");
    cr_assert_not_null(qr_arena_alloc(&arena, 16, &err), "the open chunk still has room");
    qr_arena_free(&arena);
    cr_assert(failing_allocator_is_clean(&failing));
}
