/*
 * Rows of a request one after the other, and its errors, without JSON.
 */
#ifndef QUIRE_ROWS_H
#define QUIRE_ROWS_H

#include "quire/graphql.h"
#include "quire/value.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The rows that a query selects. The request has one root field, a connection,
 * which selects `items` without arguments; each scalar selected below is a
 * column, in order. What a single relation leads to is named by its path, such
 * as "author.name", and null where it leads to no row. One thread at a time.
 */
typedef struct quire_rows quire_rows;

/*
 * Begins on a snapshot of its own, or in a transaction, which must not end
 * before the rows are closed.
 *   out   owned by the caller; on failure NULL
 * Errors: those of the request (SYNTAX, QUERY, DATA ..., details in
 * request->errors), NOT_SUPPORTED when it selects anything else than such rows.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_rows_open(quire_db *db,
                                                        const quire_graphql_request *request,
                                                        quire_rows **out, quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_rows_open_in(quire_txn *txn,
                                                           const quire_graphql_request *request,
                                                           quire_rows **out, quire_error *err);

QUIRE_API uint32_t quire_rows_column_count(const quire_rows *rows);
/* By number from 0; borrowed until close. NULL and QUIRE_NULL beyond the last. */
QUIRE_API const char *quire_rows_column_name(const quire_rows *rows, uint32_t column);
/* What values that are not null have: BOOL, INT (Int, BigInt), FLOAT, TEXT or LIST. Scalars that
 * JSON writes as strings, and JSON itself, are TEXT. */
QUIRE_API quire_type quire_rows_column_type(const quire_rows *rows, uint32_t column);

/* Moves to the first row, to the next; *valid false behind the last. Errors: CORRUPT, IO,
 * INTERRUPTED, TIMEOUT, LIMIT; only close can follow then. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_rows_next(quire_rows *rows, bool *valid,
                                                        quire_error *err);

/* A value of the row. TEXT and LIST are borrowed until the next quire_rows_next. MISUSE without a
 * row or such a column. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_rows_value(quire_rows *rows, uint32_t column,
                                                         quire_value *value, quire_error *err);

/* NULL is a no-op. */
QUIRE_API void quire_rows_close(quire_rows *rows);

/* ---- Errors ---- */

/* One error of a response. Texts are NUL-terminated, empty where there is none. */
typedef struct quire_graphql_error {
    const char *message;
    const char *path;       /* in the response, such as "authors.items[0].name" */
    const char *code;       /* extensions.code */
    const char *coordinate; /* of the schema, such as "Author.name" */
    uint32_t line, column;  /* in the document; 0 when none */
} quire_graphql_error;

/* All of them (quire_graphql_request.errors); released as one with quire_free. */
typedef struct quire_graphql_errors {
    size_t count;
    const quire_graphql_error *items;
} quire_graphql_errors;

#ifdef __cplusplus
}
#endif

#endif
