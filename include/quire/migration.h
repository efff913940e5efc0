/*
 * Changing the schema of a database that has one: what would change, and doing
 * it (docs/graphql.md, "Changing the schema").
 */
#ifndef QUIRE_MIGRATION_H
#define QUIRE_MIGRATION_H

#include <stdbool.h>

#include "quire/graphql.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a change means for the requests that clients send. */
typedef enum quire_change_level {
    QUIRE_CHANGE_SAFE = 0,
    QUIRE_CHANGE_DANGEROUS = 1, /* they stay valid, but may mean or give something else */
    QUIRE_CHANGE_BREAKING = 2   /* some are not valid any more */
} quire_change_level;

/* What a change means for the rows that are stored. */
typedef enum quire_change_effect {
    QUIRE_EFFECT_NONE = 0,    /* only for requests */
    QUIRE_EFFECT_APPLIED = 1, /* done, and nothing is lost */
    QUIRE_EFFECT_LOSES = 2,   /* values of `rows` rows are lost: done only when that is allowed */
    QUIRE_EFFECT_REFUSED = 3  /* `rows` rows, or an index, do not fit: never done */
} quire_change_effect;

typedef struct quire_schema_change {
    quire_change_level level;
    quire_change_effect effect;
    const char *kind; /* as GraphQL tools call it, such as "FIELD_REMOVED"; of what is stored:
                         TABLE_CREATED TABLE_DROPPED TABLE_RENAMED COLUMN_ADDED COLUMN_DROPPED
                         COLUMN_RENAMED COLUMN_CONVERTED COLUMN_REQUIRED COLUMN_NULLABLE
                         VALUES_REMOVED LINKS_CREATED LINKS_DROPPED LINKS_RENAMED INDEX_CREATED
                         INDEX_DROPPED INDEX_IN_USE; of rules: AUTH_RULES_ADDED AUTH_RULES_TIGHTENED
                         AUTH_RULES_CHANGED AUTH_ROLES_CHANGED AUTH_RULES_LOOSENED
                         AUTH_RULES_REMOVED */
    const char *text; /* a sentence */
    uint64_t rows;
} quire_schema_change;

/* All is borrowed for the call. A status other than OK ends the listing and is returned by it. */
typedef quire_status (*quire_change_callback)(void *context, const quire_schema_change *change,
                                              quire_error *err);

/*
 * Tells what changes when `sdl` (size 0: NUL-terminated) becomes the schema:
 * first what clients see, breaking changes before dangerous before safe ones,
 * then what becomes of the stored rows. Nothing is changed; a read transaction
 * will do. Reads the tables of which something would be lost.
 *   form  QUIRE_SCHEMA_SOURCE compares the declared schemas for the clients'
 *         part, QUIRE_SCHEMA_API the generated ones, input types and all
 * Errors: SYNTAX and SCHEMA with line and column.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_schema_diff(quire_txn *txn, const char *sdl,
                                                          size_t size, quire_schema_form form,
                                                          quire_change_callback each, void *context,
                                                          quire_error *err);

typedef struct quire_migration_options {
    size_t size;    /* sizeof(quire_migration_options) */
    bool drop_data; /* changes that lose values are done too */
} quire_migration_options;

#define QUIRE_MIGRATION_OPTIONS_INIT                                                               \
    {                                                                                              \
        .size = sizeof(quire_migration_options)                                                    \
    }

/*
 * quire_schema_apply with options (NULL: none). Types and fields are told by
 * their names, or by @renamedFrom where the old name is not declared any more.
 * Tables of which a column is dropped or stored otherwise are written anew, in
 * this transaction. Errors: SYNTAX, SCHEMA (also when rows would be lost or do
 * not fit; the message says which), UNIQUE (a new unique index), MISUSE (read
 * transaction; a table with views is to be dropped or written anew).
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_schema_migrate(quire_txn *txn, const char *sdl,
                                                             size_t size,
                                                             const quire_migration_options *options,
                                                             quire_error *err);

#ifdef __cplusplus
}
#endif

#endif
