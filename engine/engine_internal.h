/*
 * The engine's own structures: database, transaction, handles, schema cache.
 *
 * Ownership: the database owns the pager and the cached schemas; a transaction
 * owns its view and knows every handle opened in it; handles borrow definitions
 * from the transaction's schema.
 *
 * Locking: quire_db.mutex (rank QR_RANK_LEAF) guards the list of schemas, their
 * references and additions, the attachment, additions to the collations and the
 * functions of the program; nothing is read from pages under it. A definition, once
 * in a schema, is found without it. Everything else is used by one thread at a
 * time.
 */
#ifndef QR_ENGINE_INTERNAL_H
#define QR_ENGINE_INTERNAL_H

#include <stdatomic.h>

#include "base/memory.h"
#include "base/thread.h"
#include "btree/ingest.h"
#include "engine/engine.h"
#include "engine/feed.h"

struct qr_collation;
struct qr_expression;
struct qr_schema;
struct qr_function;

struct quire_db {
    quire_allocator allocator;
    struct qr_file_layer *layer;
    struct qr_file_layer *memory_layer; /* the same if it is owned: ":memory:"; else NULL */
    struct qr_pager *pager;
    uint32_t lock_timeout_ms;
    size_t ingest_bytes; /* of a transaction's ingest buffer; 0 = none */
    quire_hooks hooks;
    struct qr_mutex mutex;
    _Atomic uint32_t writers;         /* write transactions, open or waiting to begin */
    _Atomic uint32_t tickets;         /* of asynchronous commits, not waited for yet */
    struct qr_schema *schemas;        /* in use, and the newest */
    struct qr_attachment *attachment; /* NULL or one reference */
    struct qr_collation *_Atomic collations;
    struct qr_function *trigger_functions;
    struct qr_function *resolvers;
    uint32_t trigger_depth_max;
    struct qr_feed_hub feed;
};

/* ---- What is asked before a database is used (open_rules.c) ---- */

quire_status qr_open_rules_check(uint32_t rules, quire_error *err);
/* Looks at the path; *resolved is where it leads to, freed with qr_file_path_free, or NULL where
 * it is to be taken as it is. */
quire_status qr_open_rules_resolve(const char *path, uint32_t rules, char **resolved,
                                   quire_error *err);
/* Checks what is in the database, which has just been opened. */
quire_status qr_open_rules_inspect(quire_db *db, uint32_t rules, quire_error *err);

/* ---- Schema cache (schema.c) ---- */

/* What a part of a key is made from. */
struct qr_part_source {
    struct qr_expression *expression; /* NULL: the part's column */
    quire_type type;
};

/* An index as read from the catalog. */
struct qr_index_def {
    const struct qr_object *object;
    quire_index_def names; /* the same for the user */
    const struct qr_part_source *sources;
    struct qr_expression *where; /* NULL: every row has an entry */
};

/* A table or raw tree with its indexes and triggers. Immutable; lives as long as its schema. */
struct qr_table_def {
    struct qr_table_def *next;
    struct qr_arena arena; /* holds the definition itself */
    const struct qr_object *object;
    struct qr_index_def *indexes; /* those that are being built come last */
    uint32_t index_count;         /* all: they are kept up */
    uint32_t ready_count;         /* those that may be read */
    quire_trigger_def *triggers;  /* in the order of their names */
    uint32_t trigger_count;
    uint32_t trigger_events; /* that enabled triggers run on */
};

#define QR_SCHEMA_BUCKETS 64U

/* The definitions read so far from the catalog of one cookie. Buckets only gain definitions, at
 * their heads: a release store that pairs with the acquire load of who searches. */
struct qr_schema {
    struct qr_schema *next;
    uint64_t cookie;
    uint32_t references; /* transactions */
    struct qr_table_def *_Atomic buckets[QR_SCHEMA_BUCKETS];
};

/* The definition of a table or tree as the transaction sees it; *def NULL when there is none. */
quire_status qr_schema_find(quire_txn *txn, const char *name, const struct qr_table_def **def,
                            quire_error *err);
/* After the transaction has changed the catalog: what it knew before is stale. On failure the
 * transaction is doomed. */
quire_status qr_schema_changed(quire_txn *txn, quire_error *err);
/* At the end of a transaction: frees its own schemas. */
void qr_schema_end(quire_txn *txn);
/* Lets go of the shared schema too, and of all of a database's. */
void qr_schema_release(quire_txn *txn);
void qr_schema_free_all(quire_db *db);

/* ---- Transactions (transaction.c) ---- */

/* Largest rowid of a tree, remembered for the transaction. */
struct qr_rowid_counter {
    struct qr_rowid_counter *next;
    uint32_t tree_id;
    bool stale; /* to be read again */
    int64_t largest;
};

/* An open savepoint. */
struct qr_saved {
    uint32_t id; /* the pager's */
    uint32_t schema_epoch;
    struct qr_changes_mark mark;
};

struct qr_handle;

/* Lives in the companion's place of its view, and stays there for the next one. */
struct quire_txn {
    quire_db *db;
    struct qr_view *view;
    struct qr_txn *txn;       /* NULL in a read transaction */
    struct qr_schema *shared; /* referenced; NULL until first used; of the view's cookie ... */
    bool shared_checked;      /* ... if this is set: else left by an earlier transaction, ... */
    uint64_t shared_sequence; /* ... and of the cookie of this commit */
    const struct qr_table_def *recent; /* of the shared schema, found last; or NULL */
    struct qr_schema *own;     /* since each schema change of the transaction, newest first */
    uint32_t schema_epoch;     /* counts those changes */
    struct qr_changes changes; /* what the change feed is told */
    struct qr_rowid_counter *counters;
    struct qr_handle *handles;
    struct qr_saved *savepoints; /* open ones, outermost first */
    size_t savepoint_count, savepoint_capacity;
    uint32_t trigger_depth; /* changes of rows whose triggers are running, and other functions of
                             * the program */
    uint32_t read_calls;    /* of those the ones that may not write */
    size_t savepoint_floor; /* open savepoints from before the innermost of them */
    quire_tree *spare_tree; /* a closed handle, for the next one to be opened; or NULL */
    quire_index_cursor *spare_cursor; /* likewise */
};

/* Frees a transaction that has ended, when the database closes. */
void qr_txn_destroy(void *ended);

/* The size of an ingest buffer, 0 for none, as the public interface gives it. */
static inline size_t qr_ingest_bytes(uint64_t bytes)
{
    return bytes == QUIRE_INGEST_OFF ? 0 : bytes > SIZE_MAX ? SIZE_MAX : (size_t)bytes;
}

/* Refuses what a read transaction, a doomed one, or the callback of a read may not do. */
quire_status qr_txn_check_writable(const quire_txn *txn, quire_error *err);

/* Refuses what may not change the schema: the same, a trigger's function, and NULL. */
quire_status qr_txn_check_schema(const quire_txn *txn, quire_error *err);

/* After changes were undone: the largest rowids are to be read again. */
void qr_counters_forget(quire_txn *txn);

/* Frees the transaction's spare handle (tree.c). */
void qr_tree_free_spare(quire_txn *txn);
/* The same of its spare cursor (index_cursor.c), which has to leave the view before that ends. */
void qr_index_cursor_free_spare(quire_txn *txn);
void qr_index_cursor_leave_spare(quire_txn *txn);

/* Frees what the transaction keeps for its savepoints. */
void qr_savepoints_free(quire_txn *txn);

/*
 * A statement: a change that is made as a whole or not at all. `end` keeps what
 * was done since `begin` if `status` is OK and undoes it otherwise; it returns
 * `status`. The schema must not change in between. Where undoing fails the
 * transaction is doomed.
 */
struct qr_statement {
    uint32_t savepoint;          /* the pager's */
    struct qr_changes_mark mark; /* while changes are recorded */
};
quire_status qr_statement_begin(quire_txn *txn, struct qr_statement *statement, quire_error *err);
quire_status qr_statement_end(quire_txn *txn, const struct qr_statement *statement,
                              quire_status status);

/*
 * What tree, table and cursor handles have in common. A handle that outlives
 * its transaction is dead: it keeps its memory, nothing else, and every call on
 * it but close is MISUSE.
 */
struct qr_handle {
    quire_txn *txn; /* NULL when dead */
    struct qr_handle *next, **link;
    quire_allocator allocator;
    void (*release)(struct qr_handle *handle); /* gives back what belongs to the view */
    const struct qr_table_def *def;            /* NULL when dead */
    uint32_t epoch;
};

/* Whether an object found under a handle's name or number is the one that it was opened for. What
 * is made after a rollback to a savepoint may have a number again, but not its root with it. */
static inline bool qr_same_object(const struct qr_object *a, const struct qr_object *b)
{
    return a->id == b->id && a->root == b->root;
}

/* Ties a zeroed handle to a transaction. Cannot fail. */
void qr_handle_open(struct qr_handle *handle, quire_txn *txn, const struct qr_table_def *def,
                    void (*release)(struct qr_handle *));
/* Unties it, releasing what it holds. */
void qr_handle_close(struct qr_handle *handle);
/* To be called first by every operation: MISUSE when the transaction has ended or the object was
 * dropped. Finds the definition again after a schema change. */
quire_status qr_handle_renew(struct qr_handle *handle, quire_error *err);
static inline quire_status qr_handle_check(struct qr_handle *handle, quire_error *err)
{
    return handle->txn != NULL && handle->epoch == handle->txn->schema_epoch
               ? QUIRE_OK
               : qr_handle_renew(handle, err);
}

/* ---- Cursors (tree.c) ---- */

quire_status qr_cursor_make(quire_txn *txn, const struct qr_table_def *def, quire_cursor **out,
                            quire_error *err);

/* The tree of rows behind a definition. */
struct qr_tree qr_table_rows(const quire_txn *txn, const struct qr_table_def *def);

/* Creates and drops what raw trees and tables have in common (definition.c). The object's name and
 * columns are borrowed for the call; its root and id are set. */
quire_status qr_create_rows(quire_txn *txn, struct qr_object *object, quire_error *err);
quire_status qr_drop_rows(quire_txn *txn, const struct qr_table_def *def, quire_error *err);

/* EXISTS when the name is taken among objects of the kind. */
quire_status qr_check_name_free(quire_txn *txn, enum qr_object_kind kind, const char *name,
                                quire_error *err);

/* The definition of a table, or UNKNOWN_NAME. */
quire_status qr_find_table(quire_txn *txn, const char *name, const struct qr_table_def **def,
                           quire_error *err);

/* A valid object name: 1..QR_NAME_MAX bytes of UTF-8. */
quire_status qr_check_name(const char *name, const char *what, quire_error *err);

#endif
