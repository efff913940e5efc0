/*
 * The change feed: what commits have done to the rows of tables, commit by
 * commit, in the order of the commits, each of them once.
 *
 * Changes are recorded inside the write transaction that makes them, and handed
 * over when its commit becomes visible to new readers. What was rolled back,
 * wholly or to a savepoint, is not in the feed. Rows are those of tables, link
 * tables of the GraphQL schema among them; raw trees and key trees have no
 * feed, and dropping a table reports no rows.
 *
 * Commits that listeners have not taken yet are kept in memory, up to a bound
 * in bytes, the window (quire_options.feed_window_bytes). No listener delays a
 * commit: one that falls behind the window is told so, RESUME_TOO_OLD, and ends.
 * A commit that does not fit into the window ends all listeners in that way.
 */
#ifndef QUIRE_FEED_H
#define QUIRE_FEED_H

#include "quire/table.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A place in the feed: behind a commit. The epoch names one opening of the
 * database: commits that a recovery takes back are never mistaken for those
 * that get their numbers later, because recovery happens between two openings.
 * It is random, never 0, and means nothing else.
 */
typedef struct quire_feed_position {
    uint64_t epoch;
    uint64_t commit; /* all commits up to this number are behind the place */
} quire_feed_position;

/* What was done to a row. */
typedef enum quire_row_operation {
    QUIRE_ROW_INSERT = 1,
    QUIRE_ROW_UPDATE = 2,
    QUIRE_ROW_DELETE = 3
} quire_row_operation;

/* One change of one row. All is borrowed until the feed's next commit is asked for. Records are as
 * quire_record_decode and quire_record_column read them. */
typedef struct quire_row_change {
    const char *table; /* the same pointer for all changes of a table in one commit */
    int64_t rowid;
    quire_row_operation operation;
    const void *before; /* record; NULL for an insert */
    size_t before_size;
    const void *after; /* record; NULL for a delete */
    size_t after_size;
} quire_row_change;

/* One commit. */
typedef struct quire_feed_commit {
    quire_feed_position position; /* behind it: where a later listener goes on */
    uint32_t change_count;        /* changes of rows; one row may occur several times */
    bool schema_changed;          /* tables, indexes, views, triggers or texts may be others */
} quire_feed_commit;

/* A listener. One thread at a time, but for quire_feed_stop. */
typedef struct quire_feed quire_feed;

/*
 * Called with each commit, in a thread of the listener's own; the changes are
 * read by quire_feed_change. At the end of the listener `commit` is NULL and
 * `status` says why: INTERRUPTED (quire_feed_stop or quire_feed_close),
 * RESUME_TOO_OLD, COMMIT_UNKNOWN, POISONED, NO_MEMORY. It may use the database and call
 * quire_feed_stop, but must not close the feed.
 */
typedef void (*quire_feed_callback)(void *context, quire_feed *feed,
                                    const quire_feed_commit *commit, quire_status status,
                                    const quire_error *error);

/* Options of quire_feed_open; start from QUIRE_FEED_OPTIONS_INIT. */
typedef struct quire_feed_options {
    size_t size;                     /* sizeof(quire_feed_options) */
    const quire_feed_position *from; /* copied; NULL: begin behind the newest visible commit */
    /*
     * For event loops: called, from threads that commit or stop the feed, when
     * quire_feed_next may have something new; perhaps more often. It must be
     * quick and must not call the library: it writes to an eventfd or a pipe.
     * It does not run any more when quire_feed_close has returned.
     */
    void (*wake)(void *context);
    /* Makes the library pull, in a thread of its own; quire_feed_next is then MISUSE. */
    quire_feed_callback each;
    void *context; /* of both; borrowed until close */
} quire_feed_options;

#define QUIRE_FEED_OPTIONS_INIT                                                                    \
    {                                                                                              \
        .size = sizeof(quire_feed_options)                                                         \
    }

/*
 * Opens a listener. The first one, in a database that keeps no window, waits
 * for the writer lock like quire_begin, so that no transaction is open whose
 * changes were not recorded; it must not be opened inside a write transaction.
 *   options  NULL for the defaults
 *   out      owned by the caller until quire_feed_close; NULL on failure
 * Errors: RESUME_TOO_OLD (commits behind `from` are not kept any more, or it is
 * of another opening of the database, or no commit of this one), BUSY, READ_ONLY,
 * POISONED, NO_MEMORY, IO, MISUSE. A database with open feeds cannot be closed.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_feed_open(quire_db *db,
                                                        const quire_feed_options *options,
                                                        quire_feed **out, quire_error *err);

/* Where the listener stands: behind the commit that it was given last, or where it began. */
QUIRE_API quire_feed_position quire_feed_where(const quire_feed *feed);

#define QUIRE_FEED_FOREVER UINT32_MAX

/*
 * Gives the next commit, waiting up to timeout_ms for it: 0 does not wait,
 * QUIRE_FEED_FOREVER has no limit. *commit is NULL when there was none in that
 * time; else it is borrowed, with its changes, until the next call or close.
 * Commits that changed neither rows nor schema are passed over.
 * Errors, which end the listener: INTERRUPTED (stopped), RESUME_TOO_OLD (it fell
 * behind the window), COMMIT_UNKNOWN (a commit could not be confirmed: what follows
 * is known only after reopening), POISONED (no commit will follow).
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_feed_next(quire_feed *feed, uint32_t timeout_ms,
                                                        const quire_feed_commit **commit,
                                                        quire_error *err);

/* The next change of the commit that the feed stands at, in the order in which they were made;
 * false behind the last. */
QUIRE_API bool quire_feed_change(quire_feed *feed, quire_row_change *change);
/* Goes back before the first change of the commit. */
QUIRE_API void quire_feed_rewind(quire_feed *feed);

/* Ends the listener: a call that waits, and every later one, is INTERRUPTED. Any thread. */
QUIRE_API void quire_feed_stop(quire_feed *feed);

/* Stops and frees it; waits for a callback that runs. NULL is a no-op. */
QUIRE_API void quire_feed_close(quire_feed *feed);

#ifdef __cplusplus
}
#endif

#endif
