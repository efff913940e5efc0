/*
 * The allocator through which the library takes all of its heap memory.
 */
#ifndef QUIRE_MEMORY_H
#define QUIRE_MEMORY_H

#include "quire/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A host program's allocator. The struct is borrowed until the database that
 * was opened with it is closed. The functions must be safe to call from any
 * thread. `realloc` with ptr NULL allocates. Sizes are exact, so an arena or a
 * counting allocator needs no headers of its own. Memory is aligned for any
 * object type. Returning NULL makes the operation fail with QUIRE_NO_MEMORY.
 */
typedef struct quire_allocator {
    void *context;
    void *(*realloc)(void *context, void *ptr, size_t old_size, size_t new_size);
    void (*free)(void *context, void *ptr, size_t size);
} quire_allocator;

/* Frees a buffer that the library handed over (documented as "release with quire_free"). NULL is
 * a no-op. Any thread. */
QUIRE_API void quire_free(void *ptr);

#ifdef __cplusplus
}
#endif

#endif
