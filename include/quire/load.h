/*
 * Loading data: JSON, JSON lines and CSV become rows (docs/graphql.md, "Loading").
 */
#ifndef QUIRE_LOAD_H
#define QUIRE_LOAD_H

#include "quire/transaction.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A loader belongs to a write transaction; what it loads becomes visible when
 * that commits. Input is read in pieces of any size, checked against the schema,
 * and refused at the first value that does not fit, with input, line and column
 * in the error: SYNTAX (not JSON, not CSV), DATA (wrong kind, unknown type or
 * field), NOT_NULL, UNIQUE, FOREIGN_KEY. After any failure the transaction can
 * only be rolled back. Until quire_loader_finish the rows of the transaction are
 * not to be read or changed in other ways. One thread, that of the transaction.
 *
 * Memory is bounded whatever the size of the input: one row of it, and 1 MiB
 * for references to rows that have not come yet, beyond which they go to a
 * temporary file beside the database; the same for the changes that triggers run
 * with. REPLACE needs two bits in memory besides for each row that a replaced
 * type had, and of a type with triggers the rows whose unique values others get.
 */
typedef struct quire_loader quire_loader;

typedef enum quire_load_format {
    QUIRE_LOAD_BY_NAME = 0, /* by the end of the input's name: .csv; .jsonl, .ndjson; else JSON */
    QUIRE_LOAD_JSON = 1,
    QUIRE_LOAD_JSON_LINES = 2, /* JSON values, white space between */
    QUIRE_LOAD_CSV = 3         /* RFC 4180; the first record names the fields */
} quire_load_format;

/* What becomes of a row that the database has already. A row is found by its key or, where that is
 * not given, by the first unique field that is. */
typedef enum quire_load_mode {
    QUIRE_LOAD_INSERT = 0, /* it is an error, UNIQUE */
    QUIRE_LOAD_UPSERT = 1, /* its fields that are given are updated */
    QUIRE_LOAD_REPLACE = 2 /* it becomes the given one; rows of the types in the input that the
                            * input does not have are deleted at the end. A row that has a unique
                            * value of another until it is given itself is updated twice: triggers
                            * and feeds of the program see it with null or a made-up value */
} quire_load_mode;

typedef struct quire_load_options {
    size_t size;         /* sizeof(quire_load_options) */
    const char *mapping; /* the text of a mapping file, copied; NULL: the plain form */
    size_t mapping_size; /* 0: NUL-terminated */
    /* Without a mapping: every input holds rows of this type. NULL: JSON names its types, and so do
     * JSON lines; a CSV file, and one of JSON lines, that is named after a type ("Country.csv")
     * holds rows of that. Copied. */
    const char *type;
    quire_load_format format;
    quire_load_mode mode;
    /* The triggers of the schema do not run: for rows that were in a database before, and have what
     * triggers made of them in the input. */
    bool no_triggers;
} quire_load_options;

#define QUIRE_LOAD_OPTIONS_INIT                                                                    \
    {                                                                                              \
        .size = sizeof(quire_load_options)                                                         \
    }

/*
 *   options  NULL: the plain form, QUIRE_LOAD_BY_NAME, QUIRE_LOAD_INSERT
 *   out      owned by the caller; close it before the transaction ends
 * Errors: SCHEMA (there is none), SYNTAX and DATA with line and column in the
 * mapping, DATA (no such type), MISUSE (read transaction). The transaction is
 * as it was.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_loader_open(quire_txn *txn,
                                                          const quire_load_options *options,
                                                          quire_loader **out, quire_error *err);

/* Starts the next input; `name` (a file's name or path, copied) selects the rules of the mapping,
 * or format and type, and appears in errors. DATA when no rule takes it, or a CSV input has no
 * type. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_loader_begin(quire_loader *loader, const char *name,
                                                           quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_loader_feed(quire_loader *loader, const void *bytes,
                                                          size_t size, quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_loader_end(quire_loader *loader, quire_error *err);

/* After the last input: deletes what REPLACE leaves out, resolves references between rows (they may
 * point forward), runs the triggers that are to run AFTER changes, and reports how many rows were
 * stored. CHECK when a trigger fails, FOREIGN_KEY when a row that is to be
 * deleted is still referred to, or a reference leads to none. */
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
