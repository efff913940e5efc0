/*
 * GraphQL: the schema, and requests.
 */
#ifndef QUIRE_GRAPHQL_H
#define QUIRE_GRAPHQL_H

#include <stdbool.h>

#include "quire/interrupt.h"
#include "quire/outcome.h"
#include "quire/transaction.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Makes `sdl` the schema of the database inside a write transaction: every
 * object type but the roots becomes a table, its relations and directives
 * become columns and indexes (docs/graphql.md). A database that has a schema
 * takes what loses no data; other changes are refused with SCHEMA, unless
 * quire_schema_migrate (quire/migration.h) is told to make them. Errors: SYNTAX
 * and SCHEMA with line and column, UNIQUE (a new unique index), MISUSE (read
 * transaction).
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_schema_apply(quire_txn *txn, const char *sdl,
                                                           size_t size, quire_error *err);

/* Which text quire_schema_text gives. */
typedef enum quire_schema_form {
    QUIRE_SCHEMA_SOURCE = 0, /* the SDL as applied */
    QUIRE_SCHEMA_API = 1     /* the whole generated schema that requests are checked against */
} quire_schema_form;

/* The schema's text, NUL-terminated; release with quire_free. An empty text when there is none. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_schema_text(quire_txn *txn, quire_schema_form form,
                                                          char **text, size_t *size,
                                                          quire_error *err);

/* Limits of one request; zero means the default, which is generous: servers set their own. */
typedef struct quire_graphql_limits {
    uint32_t tokens_max;         /* of the document; default 100,000 */
    uint32_t depth_max;          /* of selections after fragments, and of values; default 200 */
    uint64_t memory_bytes_max;   /* of the request's arena; default 1 GiB */
    uint64_t response_bytes_max; /* default 1 GiB */
    uint32_t time_ms_max;        /* from the call to the response; default: no limit */
    /* Of an operation, its fragments put in place; default: no limit. */
    uint32_t aliases_max;     /* fields under another name than their own */
    uint32_t root_fields_max; /* fields of the root */
    uint32_t directives_max;
    uint32_t variables_max;
    uint32_t list_max; /* rows of a list and groups of groupBy; default: no limit */
    uint64_t cost_max; /* as docs/graphql.md, "Costs", counts it before the operation runs */
} quire_graphql_limits;

/* What is taken besides the published schema, for clients that were written for other servers
 * (docs/graphql.md, "Clients of SharpGraph"). */
typedef enum quire_compat {
    QUIRE_COMPAT_SHARPGRAPH = 1 /* plain values in filters, its names of root fields */
} quire_compat;

/* A request. All texts are borrowed for the call. */
typedef struct quire_graphql_request {
    size_t size;                /* sizeof(quire_graphql_request) */
    const char *document;       /* GraphQL text, UTF-8; NULL with `prepared` */
    size_t document_size;       /* 0 = NUL-terminated */
    const char *operation_name; /* NULL when the document has one operation */
    const char *variables;      /* JSON object text, or NULL */
    size_t variables_size;      /* 0 = NUL-terminated */
    bool cost;                  /* add extensions.cost: what cost_max is compared with */
    bool explain;               /* add extensions.explain: access paths, rows read and returned */
    quire_graphql_limits limits;
    struct quire_prepared *prepared;    /* in place of the document (prepared.h); or NULL */
    const struct quire_variable *bound; /* further variables (prepared.h); or NULL */
    uint32_t bound_count;
    const quire_interrupt *interrupt; /* stops the request when it is raised; or NULL */
    quire_progress_fn progress;       /* or NULL */
    void *progress_context;
    bool queries_only; /* a mutation is checked, and refused with READ_ONLY */
    /* A query with @live is refused like a subscription, for quire_subscribe to take. */
    bool live_apart;
    bool no_introspection;          /* __schema and __type fail, and no message tells names */
    uint32_t plan_after_ms;         /* see quire_graphql_outcome.plan; 0 = never */
    quire_graphql_outcome *outcome; /* filled in; or NULL */
    struct quire_advisor *advisor;  /* is told which rows were read in vain (advisor.h); or NULL */
    struct quire_graphql_errors **errors; /* the response's errors as structures (rows.h), NULL
                                           * when there are none; or NULL */
    /*
     * What is known of the caller, a JSON object; the @auth rules of the schema are held against it
     * (docs/graphql.md, "Rules"). "{}": nobody is known. NULL: the program itself asks, and no rule
     * applies. A text that is no object, or names a claim twice, is MISUSE where there are rules.
     */
    const char *claims;
    size_t claims_size; /* 0 = NUL-terminated */
    unsigned compat;    /* bits of quire_compat */
    /*
     * Asked, once what the operation costs is known (docs/graphql.md, "Costs") and before any of
     * it runs, whether the caller may have that now; false refuses it with LIMIT. Of a subscription
     * it is asked when it begins, not for its events. On the thread of the call. NULL: nobody is.
     */
    bool (*admit)(void *context, uint64_t cost);
    void *admit_context;
} quire_graphql_request;

#define QUIRE_GRAPHQL_REQUEST_INIT                                                                 \
    {                                                                                              \
        .size = sizeof(quire_graphql_request)                                                      \
    }

/*
 * Runs a request: a query on a snapshot of its own, a mutation in a write
 * transaction of its own that commits if and only if no field failed.
 *   response  the GraphQL response, JSON, NUL-terminated; release with
 *             quire_free. Present whenever the status is QUIRE_OK: errors of
 *             the request (syntax, validation, constraints) are inside it.
 *   has_errors  whether the response has "errors"; may be NULL
 * A status other than OK means that no response could be made: NO_MEMORY, LIMIT
 * when response_bytes_max is too small even for the error, and COMMIT_UNKNOWN
 * for a mutation whose commit could not be confirmed.
 * Any thread; requests run side by side.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_graphql(quire_db *db,
                                                      const quire_graphql_request *request,
                                                      char **response, size_t *response_size,
                                                      bool *has_errors, quire_error *err);

/* The same inside the caller's transaction: a mutation whose fields fail leaves the transaction
 * doomed to roll back; subscriptions are refused. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_graphql_in(quire_txn *txn,
                                                         const quire_graphql_request *request,
                                                         char **response, size_t *response_size,
                                                         bool *has_errors, quire_error *err);

#ifdef __cplusplus
}
#endif

#endif
