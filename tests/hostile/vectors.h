/*
 * Texts that have brought other parsers, validators and servers down, each made
 * in any size.
 */
#ifndef QUIRE_TESTS_HOSTILE_VECTORS_H
#define QUIRE_TESTS_HOSTILE_VECTORS_H

#include "hostile/measure.h"

/*
 * head, `piece` so many times, middle, `close` as many times in the other order,
 * tail. In a piece and its close $ is the piece's number and ^ the next one, in
 * middle and tail the number of pieces; but $ before a letter is what it is.
 */
struct vector {
    const char *name;
    enum subject subject;
    unsigned count;
    const char *head, *piece, *middle, *close, *tail;
};

extern const struct vector hostile_vectors[];
extern const size_t hostile_vector_count;

/* What people write, of each subject: the measure of the others. */
extern const struct vector ordinary_vectors[];

/* The text with `count` pieces, from malloc, NUL-terminated. */
char *vector_text(const struct vector *vector, unsigned count);

#endif
