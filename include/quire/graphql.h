/*
 * GraphQL: the schema, requests, and loading of JSON data.
 */
#ifndef QUIRE_GRAPHQL_H
#define QUIRE_GRAPHQL_H

#include <stdbool.h>

#include "quire/transaction.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Makes `sdl` the schema of the database inside a write transaction: every
 * object type but the roots becomes a table, its relations and directives
 * become columns and indexes (docs/graphql.md). A database that has a schema
 * takes additions (types, nullable fields, enum values, indexes); a change
 * that would lose data is refused with SCHEMA. Errors: SYNTAX and SCHEMA with
 * line and column, MISUSE (read transaction).
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
} quire_graphql_limits;

/* A request. All texts are borrowed for the call. */
typedef struct quire_graphql_request {
    size_t size;                /* sizeof(quire_graphql_request) */
    const char *document;       /* GraphQL text, UTF-8 */
    size_t document_size;       /* 0 = NUL-terminated */
    const char *operation_name; /* NULL when the document has one operation */
    const char *variables;      /* JSON object text, or NULL */
    size_t variables_size;      /* 0 = NUL-terminated */
    bool explain;               /* add extensions.explain: access paths, rows read and returned */
    quire_graphql_limits limits;
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

/*
 * Loading JSON. A loader belongs to a write transaction; what it loads becomes
 * visible when that commits. Input is read in pieces of any size, checked
 * against the schema, and refused at the first value that does not fit, with
 * input, line and column in the error: SYNTAX (not JSON), DATA (wrong kind,
 * unknown type or field), NOT_NULL, UNIQUE, FOREIGN_KEY. After any failure the
 * transaction can only be rolled back. Until quire_loader_finish the rows of
 * the transaction are not to be read or changed in other ways. One thread, that
 * of the transaction.
 */
typedef struct quire_loader quire_loader;

/*
 * How JSON becomes rows (docs/graphql.md, "Loading"). `mapping` is the text of
 * a mapping file (mapping_size 0: NUL-terminated), or NULL for the plain form:
 * a JSON object whose members are named after types and hold lists of objects
 * named after fields. The text is copied.
 *   out   owned by the caller; close it before the transaction ends
 * Errors: SCHEMA (there is none), SYNTAX and DATA with line and column in the
 * mapping, MISUSE (read transaction). The transaction is as it was.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_loader_open(quire_txn *txn, const char *mapping,
                                                          size_t mapping_size, quire_loader **out,
                                                          quire_error *err);

/* Starts the next input; `name` (a file's name or path, copied) selects the rules of the mapping
 * and appears in errors. DATA when no rule takes it. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_loader_begin(quire_loader *loader, const char *name,
                                                           quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_loader_feed(quire_loader *loader, const void *bytes,
                                                          size_t size, quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_loader_end(quire_loader *loader, quire_error *err);

/* After the last input: resolves references between rows (they may point forward) and reports how
 * many rows were stored. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_loader_finish(quire_loader *loader, uint64_t *rows,
                                                            quire_error *err);
/* Frees the loader. A load that was begun and not finished can only be rolled back. NULL is a
 * no-op. */
QUIRE_API void quire_loader_close(quire_loader *loader);

/* Rows stored so far, for progress displays. */
QUIRE_API uint64_t quire_loader_rows(const quire_loader *loader);

#ifdef __cplusplus
}
#endif

#endif
