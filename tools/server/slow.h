/*
 * The last requests that were slow, for the status page. A fixed number of them
 * is kept, and of each a bounded text. Any thread.
 */
#ifndef QUIRE_SERVER_SLOW_H
#define QUIRE_SERVER_SLOW_H

#include <stdint.h>

#include "buffer.h"

struct exchange;
struct slow;

/* NULL without memory: then nothing is kept. */
struct slow *slow_create(void);
/* NULL is a no-op, here and below. */
void slow_free(struct slow *slow);

/* Keeps the request of exchange->call, which has run. */
void slow_note(struct slow *slow, const struct exchange *exchange);

/* Writes a JSON array of what is kept, the newest first. */
void slow_put(struct slow *slow, struct buffer *out);

#endif
