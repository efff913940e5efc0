/*
 * Writing out the rows of the GraphQL schema's types, in forms that a loader
 * reads back (docs/graphql.md, "Exporting").
 */
#ifndef QUIRE_EXPORT_H
#define QUIRE_EXPORT_H

#include <stdbool.h>

#include "quire/transaction.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum quire_export_format {
    QUIRE_EXPORT_JSON = 0,       /* an object with a list for each type */
    QUIRE_EXPORT_JSON_LINES = 1, /* a row a line: {"Type":{..}}, or {..} in a text of its type */
    QUIRE_EXPORT_CSV = 2         /* RFC 4180, a header first; a text has one type */
} quire_export_format;

typedef struct quire_export_options {
    size_t size; /* sizeof(quire_export_options) */
    quire_export_format format;
    bool split;               /* a text of its own for each type */
    const char *const *types; /* which to export, in any order; NULL: all */
    uint32_t type_count;
} quire_export_options;

#define QUIRE_EXPORT_OPTIONS_INIT                                                                  \
    {                                                                                              \
        .size = sizeof(quire_export_options)                                                       \
    }

/* Takes a piece of a text; a status other than OK ends the export and is returned by it. `type` is
 * NULL for the one text of all types, else the type whose text it belongs to, or "__numbers" (what
 * autoincrement() has counted up to): texts come one after the other, each with at least one
 * piece. */
typedef quire_status (*quire_export_callback)(void *context, const char *type, const char *bytes,
                                              size_t size, quire_error *err);

/*
 * Exports the rows that a transaction sees. Types come in the order of the
 * schema and rows in that of their insertion, nulls included; references and
 * many-to-many relations are written as the keys of the rows they lead to. With
 * the schema's text (quire_schema_text, QUIRE_SCHEMA_SOURCE) a loader makes an
 * equal database of it. Where types are left out, references to their rows are
 * written all the same, and many-to-many relations with them on the side that is
 * exported.
 *   options  NULL: all types as one JSON text
 *   rows     receives how many were written; may be NULL
 * Memory: one row. Errors: UNKNOWN_NAME (no such type), MISUSE (CSV of several
 * types without `split`), CORRUPT when a reference leads nowhere, IO, what the
 * callback returns. One thread, the transaction's.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_export(quire_txn *txn,
                                                     const quire_export_options *options,
                                                     quire_export_callback write, void *context,
                                                     uint64_t *rows, quire_error *err);

#ifdef __cplusplus
}
#endif

#endif
