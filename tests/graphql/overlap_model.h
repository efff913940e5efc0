/*
 * What fields that overlap should be said to do: a reading of the edition's
 * FieldsInSetCanMerge that compares every pair, and documents to try it on.
 */
#ifndef QUIRE_TESTS_OVERLAP_MODEL_H
#define QUIRE_TESTS_OVERLAP_MODEL_H

#include "graphql/schema.h"
#include "support/prng.h"

/* The schema of the documents below. */
extern const char overlap_sdl[];

/* A document in which fields meet in many ways and agree as often as not, NUL-terminated, in the
 * arena. Its fragments contain no other that contains them, unless `rings`. */
const char *overlap_document(struct prng *prng, const struct qr_gql_schema *schema,
                             struct qr_arena *arena, bool rings);

/* Whether all fields of the document that meet can be merged. Takes time exponential in its depth.
 * Fragments must not contain themselves. */
bool overlap_agrees(const struct qr_gql_schema *schema, const struct qr_gql_document *document);

#endif
