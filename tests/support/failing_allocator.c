/*
 * Each block is preceded by a header with its size and a mark.
 */
#include "support/failing_allocator.h"

#include <stdlib.h>
#include <string.h>

#define MARK_LIVE  UINT64_C(0x4c4956454c495645)
#define MARK_FREED UINT64_C(0x4445414444454144)

union header {
    struct {
        uint64_t mark;
        size_t size;
    } is;
    max_align_t align;
};

static bool is_due(struct failing_allocator *failing)
{
    uint64_t call = atomic_fetch_add(&failing->calls, 1);
    uint64_t fail_at = atomic_load(&failing->fail_at);
    bool due = call == fail_at || (call > fail_at && atomic_load(&failing->forever));
    if (due) {
        atomic_fetch_add(&failing->failures, 1);
    }
    return due;
}

/* The header of a live block of `size` bytes, or NULL after counting a mistake. */
static union header *header_of(struct failing_allocator *failing, void *ptr, size_t size)
{
    union header *header = (union header *)ptr - 1;
    if (header->is.mark != MARK_LIVE || header->is.size != size) {
        atomic_fetch_add(&failing->mistakes, 1);
        return NULL;
    }
    return header;
}

static void failing_free(void *context, void *ptr, size_t size)
{
    struct failing_allocator *failing = context;
    union header *header = header_of(failing, ptr, size);
    if (header == NULL) {
        return;
    }
    atomic_fetch_sub(&failing->live_bytes, (int64_t)size);
    atomic_fetch_sub(&failing->live_blocks, 1);
    memset(ptr, 0xDD, size);
    header->is.mark = MARK_FREED;
    free(header);
}

static void *failing_realloc(void *context, void *ptr, size_t old_size, size_t new_size)
{
    struct failing_allocator *failing = context;
    if (new_size == 0) {
        atomic_fetch_add(&failing->mistakes, 1);
    }
    if (ptr != NULL && header_of(failing, ptr, old_size) == NULL) {
        return NULL;
    }
    if (is_due(failing)) {
        return NULL;
    }
    /* Always moves, so that a pointer kept from before is caught. */
    union header *header = malloc(sizeof *header + new_size);
    if (header == NULL) {
        return NULL;
    }
    header->is.mark = MARK_LIVE;
    header->is.size = new_size;
    memset(header + 1, 0xCD, new_size);
    if (ptr != NULL) {
        memcpy(header + 1, ptr, old_size < new_size ? old_size : new_size);
        failing_free(context, ptr, old_size);
    }
    atomic_fetch_add(&failing->live_bytes, (int64_t)new_size);
    atomic_fetch_add(&failing->live_blocks, 1);
    return header + 1;
}

void failing_allocator_init(struct failing_allocator *failing)
{
    failing->allocator =
        (quire_allocator){.context = failing, .realloc = failing_realloc, .free = failing_free};
    atomic_init(&failing->calls, 0);
    atomic_init(&failing->fail_at, FAILING_ALLOCATOR_NEVER);
    atomic_init(&failing->forever, false);
    atomic_init(&failing->failures, 0);
    atomic_init(&failing->live_bytes, 0);
    atomic_init(&failing->live_blocks, 0);
    atomic_init(&failing->mistakes, 0);
}

void failing_allocator_arm(struct failing_allocator *failing, uint64_t index, bool forever)
{
    atomic_store(&failing->calls, 0);
    atomic_store(&failing->failures, 0);
    atomic_store(&failing->forever, forever);
    atomic_store(&failing->fail_at, index);
}

bool failing_allocator_is_clean(const struct failing_allocator *failing)
{
    return atomic_load(&failing->live_bytes) == 0 && atomic_load(&failing->live_blocks) == 0 &&
           atomic_load(&failing->mistakes) == 0;
}
