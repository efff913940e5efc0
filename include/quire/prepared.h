/*
 * Documents prepared once and run many times, and variables without JSON.
 */
#ifndef QUIRE_PREPARED_H
#define QUIRE_PREPARED_H

#include "quire/graphql.h"
#include "quire/value.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A document that was read, checked and planned (quire_graphql_request). Any
 * number of threads may run it at a time. When the schema has changed, the next
 * run checks and plans it again by itself, and answers with the errors if it
 * does not fit any more.
 */
typedef struct quire_prepared quire_prepared;

/*
 * Prepares the document of a request with its operation_name, limits,
 * no_introspection and compat, which are copied and hold for every run; what
 * else the request has is left aside.
 *   out   owned by the caller; free it before the database is closed
 * Errors: SYNTAX and QUERY with line and column of the first problem, LIMIT,
 * MISUSE.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_prepare(quire_db *db,
                                                      const quire_graphql_request *request,
                                                      quire_prepared **out, quire_error *err);

/* Frees it, when no request runs it any more. NULL is a no-op. */
QUIRE_API void quire_prepared_free(quire_prepared *prepared);

/*
 * One variable of a request, by name and without "$": a value, or JSON text. A
 * value of QUIRE_INT goes for Int, ID, Float and BigInt, QUIRE_TEXT for String,
 * ID, enums and other scalars that are written as strings, QUIRE_LIST (a record
 * of values) for lists. Texts are borrowed for the call.
 */
typedef struct quire_variable {
    const char *name;
    quire_value value;
    const char *json; /* when not NULL, NUL-terminated JSON in place of the value */
} quire_variable;

/* What the programs cached for the current schema take and did. A schema change begins anew. */
typedef struct quire_graphql_stats {
    size_t size;             /* sizeof(quire_graphql_stats) */
    uint64_t programs;       /* documents that are kept ready */
    uint64_t program_bytes;  /* memory of theirs; at most 4 MiB */
    uint64_t program_hits;   /* requests whose document was ready */
    uint64_t program_misses; /* whose document was read, checked and planned */
    uint64_t program_evictions;
} quire_graphql_stats;

#define QUIRE_GRAPHQL_STATS_INIT                                                                   \
    {                                                                                              \
        .size = sizeof(quire_graphql_stats)                                                        \
    }

/* Fills `stats`, which begins as QUIRE_GRAPHQL_STATS_INIT. Any thread. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_graphql_get_stats(quire_db *db,
                                                                quire_graphql_stats *stats,
                                                                quire_error *err);

#ifdef __cplusplus
}
#endif

#endif
