/*
 * What the rooms above the engine, and the tests, use beyond the public API:
 * opening over any file layer, named texts, the schema cookie, a place to hang
 * compiled schemas, and fast reads by index and by rowid.
 *
 * Threads: as in the public API: a database any thread, a transaction and what
 * was opened in it one thread at a time.
 */
#ifndef QR_ENGINE_H
#define QR_ENGINE_H

#include "catalog/catalog.h"
#include "quire/quire.h"

/* ---- Opening ---- */

/* quire_open over a given file layer, which is borrowed until close. With malloc_arena the page
 * cache comes from the allocator, so that tests can make it fail. */
quire_status qr_db_open_with(const char *path, const quire_options *options,
                             struct qr_file_layer *layer, bool malloc_arena, quire_db **out,
                             quire_error *err);

const quire_allocator *qr_db_allocator(const quire_db *db);
struct qr_pager *qr_db_pager(const quire_db *db);
uint32_t qr_db_trigger_depth_max(const quire_db *db);
uint32_t qr_db_lock_timeout_ms(const quire_db *db);

/* Opens an unnamed file beside the database, gone at close. */
quire_status qr_db_open_temporary(quire_db *db, struct qr_file **out, quire_error *err);

quire_db *qr_txn_database(const quire_txn *txn);
struct qr_view *qr_txn_pages(const quire_txn *txn);
bool qr_txn_writes(const quire_txn *txn);
/* Marks a write transaction as impossible to commit. */
void qr_txn_give_up(quire_txn *txn);
bool qr_txn_given_up(const quire_txn *txn);

/* ---- The schema's version, and what is compiled from it ---- */

/* Two transactions of a database that report the same cookie with *committed true have the same
 * schema. While a transaction has changed the schema itself, *committed is false: nothing may be
 * kept under its cookie. */
quire_status qr_txn_schema_cookie(quire_txn *txn, uint64_t *cookie, bool *committed,
                                  quire_error *err);

/*
 * Something made from the schema of one cookie, shared by threads and freed
 * with its last reference. The fields belong to the database from
 * qr_attachment_publish on.
 */
struct qr_attachment {
    uint64_t cookie;
    uint32_t references;
    void (*destroy)(struct qr_attachment *attachment);
};

/* The attachment for a cookie, with a reference for the caller, or NULL. Any thread. */
struct qr_attachment *qr_attachment_acquire(quire_db *db, uint64_t cookie);
/* Hangs an attachment on the database, which takes one reference and gives one to the caller. The
 * one that hung there before is let go. Returns the attachment to use: another thread's, if that
 * was quicker with the same cookie (the given one is then destroyed). Any thread. */
struct qr_attachment *qr_attachment_publish(quire_db *db, struct qr_attachment *attachment);
/* Gives a reference back. NULL is a no-op. Any thread. */
void qr_attachment_release(quire_db *db, struct qr_attachment *attachment);

/* Whether an expression of an index, or its `where`, names a column of the table. */
bool qr_table_index_computes_with(const quire_table *table, uint32_t index, uint32_t column);

/* ---- Functions of the program ---- */

/* Any function: it is called as what it was registered as. */
typedef void (*qr_callback)(void);

/* Registers, replaces or (NULL) removes the resolver of a field; finds it, or NULL. Any thread. */
quire_status qr_db_set_resolver(quire_db *db, const char *coordinate, qr_callback callback,
                                void *context, quire_error *err);
qr_callback qr_db_find_resolver(quire_db *db, const char *coordinate, void **context);

/* A function that is being called with a transaction. */
struct qr_txn_call {
    size_t savepoint_floor; /* of the transaction, around the call */
    bool writes;
};

/* Around a call: meanwhile the transaction cannot end, nor its schema change, nor (without
 * `writes`) any of its data. LIMIT when such calls nest too deep. */
quire_status qr_txn_call_begin(quire_txn *txn, struct qr_txn_call *call, bool writes,
                               quire_error *err);
void qr_txn_call_end(quire_txn *txn, const struct qr_txn_call *call);

/* ---- The change feed ---- */

/* Lets a listener that was told RESUME_TOO_OLD go on, behind the newest visible commit. */
void qr_feed_skip(quire_feed *feed);
bool qr_feed_is_stopped(quire_feed *feed);
/* RESUME_TOO_OLD when the window was broken behind the listener's place, by a commit that is
 * visible or about to be. The rows of the commit it stands at may then not be read as those of
 * today. */
quire_status qr_feed_check(quire_feed *feed, quire_error *err);
/* A number, not 0, that stands for a row of a commit and tells nothing of either; the same in all
 * feeds of one opening of the database. */
uint64_t qr_feed_mark(const quire_feed *feed, uint64_t commit, int64_t rowid);
/* Has the commit of a write transaction break the window: rows of older commits are stored
 * otherwise than those of the tables that now have their names. */
void qr_txn_break_feed(quire_txn *txn);

/* ---- Named texts ---- */

/* Stores a text under a name, replacing an older one. Moves the schema cookie. */
quire_status qr_text_put(quire_txn *txn, const char *name, const char *text, size_t size,
                         quire_error *err);
/* Reads a text into the arena, NUL-terminated. */
quire_status qr_text_get(quire_txn *txn, const char *name, struct qr_arena *arena,
                         const char **text, size_t *size, bool *found, quire_error *err);
quire_status qr_text_remove(quire_txn *txn, const char *name, bool *found, quire_error *err);

/* ---- Tables ---- */

uint32_t qr_table_id(const quire_table *table);
quire_txn *qr_table_txn(const quire_table *table);

/* Visits the records of many rows, whose rowids ascend, reading each leaf once. Rows that do not
 * exist are not visited. The payload is borrowed for the call. */
quire_status qr_table_fetch(quire_table *table, const int64_t *rowids, size_t count,
                            qr_tree_visit visit, void *context, quire_error *err);

/* The same, but told of many rows at a time and in the order of `rowids`, which may be any and
 * contain a rowid twice; payloads[i] is the record of rowids[first + i], its data NULL where there
 * is no such row. Up to 64 rows at a time are found together and handed out where they stand in
 * their pages, so that a row can be looked at without being copied. They are borrowed for the call,
 * which may read but not change the database, and is one operation: it keeps pages from being
 * evicted while it lasts. Reads each row once for each time that its rowid occurs. */
quire_status qr_table_fetch_runs(quire_table *table, const int64_t *rowids, size_t count,
                                 qr_tree_visit_run visit, void *context, quire_error *err);

/* Finds the row with this full key in a unique index, of either kind, without a cursor. Keys with a
 * null find nothing. */
quire_status qr_table_find_unique(quire_table *table, uint32_t index, const quire_value *values,
                                  uint32_t count, int64_t *rowid, bool *found, quire_error *err);

/* Points an open cursor before the first entry of another range of its index: cheaper than opening
 * one for each of many lookups. After a failure the cursor has no entries. */
quire_status qr_index_cursor_restart(quire_index_cursor *cursor, const quire_index_range *range,
                                     quire_error *err);

/* Walks on over up to `max` entries and gives their rowids, as calls of quire_index_cursor_next
 * would; *count below `max`: the range has ended. The cursor then tells no columns before the next
 * step. Entries of a leaf are taken together, and their keys not made. */
quire_status qr_index_cursor_rowids(quire_index_cursor *cursor, int64_t *rowids, size_t max,
                                    size_t *count, quire_error *err);

/* About how many entries a range of an index has: looks at the ways to its ends, not at the entries
 * between. Exact for hash indexes and short ranges. */
quire_status qr_table_index_estimate(quire_table *table, uint32_t index,
                                     const quire_index_range *range, uint64_t *entries,
                                     quire_error *err);

/* A place among the entries of a B-tree index: a value for each column of the key, and a rowid. */
struct qr_index_place {
    const quire_value *values;
    int64_t rowid;
};

/* Leaves out of a walk that was opened or restarted and not begun what lies before `from` and
 * behind `to`, in the order of the index; NULL: nothing. The places themselves stay in, and where
 * the key is unique or too long to be stored whole, so do other rows with their key. No-op for hash
 * indexes. */
quire_status qr_index_cursor_narrow(quire_index_cursor *cursor, const struct qr_index_place *from,
                                    const struct qr_index_place *to, quire_error *err);

/* Entries of an index; reads no entries. */
quire_status qr_table_index_entries(quire_table *table, uint32_t index, uint64_t *entries,
                                    quire_error *err);

#endif
