/*
 * Stopping requests from outside, and watching them on their way.
 */
#ifndef QUIRE_INTERRUPT_H
#define QUIRE_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

#include "quire/database.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A switch that stops the requests it was given to (quire_graphql_request):
 * they end soon after with the error INTERRUPTED and have changed nothing.
 * Requests look at it every few hundred rows, and while they wait for the
 * writer lock. A commit that has begun is not stopped any more.
 */
typedef struct quire_interrupt quire_interrupt;

/* Makes a switch, not raised. One may serve several requests at a time, of any database. Owned by
 * the caller; it may outlive the database whose allocator it takes. Errors: MISUSE, NO_MEMORY. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_interrupt_create(quire_db *db, quire_interrupt **out,
                                                               quire_error *err);

/* Stops the requests that have the switch, and those that will begin with it. Any thread, and in
 * signal handlers. */
QUIRE_API void quire_interrupt_raise(quire_interrupt *interrupt);

/* Makes the switch fit for new requests. Any thread. */
QUIRE_API void quire_interrupt_clear(quire_interrupt *interrupt);

/* Frees it, when no request has it any more. NULL is a no-op. */
QUIRE_API void quire_interrupt_free(quire_interrupt *interrupt);

/*
 * Is told every few hundred rows how many the request has read so far; false
 * stops the request like a raised switch. Called on the thread of the request,
 * which it must not use the transaction of.
 */
typedef bool (*quire_progress_fn)(void *context, uint64_t rows_read);

#ifdef __cplusplus
}
#endif

#endif
