/*
 * What became of a GraphQL request, for programs that act on it without
 * reading the response: servers, retry loops, logs.
 */
#ifndef QUIRE_OUTCOME_H
#define QUIRE_OUTCOME_H

#include <stdbool.h>

#include "quire/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The kinds of operation. */
typedef enum quire_operation {
    QUIRE_OPERATION_NONE = 0, /* it could not be told: the document was refused before */
    QUIRE_OPERATION_QUERY = 1,
    QUIRE_OPERATION_MUTATION = 2,
    QUIRE_OPERATION_SUBSCRIPTION = 3
} quire_operation;

/*
 * Filled in by the calls that run requests, when quire_graphql_request.outcome
 * points to one; after a status other than OK only `plan` is meant.
 *
 * A mutation that quire_graphql_in is given on a read transaction, or that comes
 * with queries_only, is checked and refused with `operation` MUTATION and
 * `status` READ_ONLY: nothing of it has run. So a program learns what a document
 * is before it takes the writer lock, from the same parser that will run it.
 */
typedef struct quire_graphql_outcome {
    quire_operation operation;
    bool executed;       /* it began to run: the response has "data", which may be null */
    quire_status status; /* OK when the response has no errors, else what the first came from;
                            QUERY for a document that is not valid, and for a resolver's error */
    char *plan;          /* when the request took longer than plan_after_ms: what extensions.explain
                            says, as JSON; owned by the caller, quire_free. Else NULL */
    size_t plan_size;
} quire_graphql_outcome;

#ifdef __cplusplus
}
#endif

#endif
