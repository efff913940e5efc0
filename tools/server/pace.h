/*
 * How long documents took when they ran last, so that those that take less time
 * than handing them to a worker run where they were read.
 *
 * A table of a fixed size by a hash of the document and its operation: a
 * collision makes a document be taken for quick, or slow, that is not, which
 * costs time and nothing else. Any thread.
 */
#ifndef QUIRE_SERVER_PACE_H
#define QUIRE_SERVER_PACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACE_SLOTS 4096U

struct pace {
    _Atomic uint64_t slots[PACE_SLOTS]; /* high half: of the hash; low half: microseconds + 1 */
};

/* The key of a document. */
uint64_t pace_key(const char *document, size_t size, const char *operation);

/* Whether it is known to be quick. */
bool pace_is_quick(struct pace *pace, uint64_t key);

/* Tells how long it took. One slow run makes it slow, and quick ones quick again by and by. */
void pace_note(struct pace *pace, uint64_t key, uint64_t took_us);

#endif
