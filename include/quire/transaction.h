/*
 * Transactions. A read transaction is a snapshot: it sees the database as of
 * the newest commit when it began, for as long as it lives. A write transaction
 * sees its own changes; at most one is open at a time. Readers never wait for
 * the writer, nor the writer for readers.
 */
#ifndef QUIRE_TRANSACTION_H
#define QUIRE_TRANSACTION_H

#include "quire/database.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One transaction; one thread at a time. It may move between threads. */
typedef struct quire_txn quire_txn;

typedef enum quire_txn_mode { QUIRE_READ = 0, QUIRE_WRITE = 1 } quire_txn_mode;

/*
 * Begins a transaction. QUIRE_READ never blocks. QUIRE_WRITE waits up to the
 * database's lock_timeout_ms for the writer lock, then fails with QUIRE_BUSY;
 * the message says since when the lock is held.
 *   out   owned by the caller until commit or rollback, both of which free it
 * Errors: BUSY, LIMIT (too many readers), READ_ONLY, POISONED, NO_MEMORY.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_begin(quire_db *db, quire_txn_mode mode,
                                                    quire_txn **out, quire_error *err);

/* Options of quire_begin_with; start from QUIRE_BEGIN_OPTIONS_INIT. */
typedef struct quire_begin_options {
    size_t size;       /* sizeof(quire_begin_options) */
    const char *owner; /* a label for others to see, copied, at most 63 bytes of it; NULL = none */
    bool timeout;      /* the next field holds, instead of the database's lock_timeout_ms */
    uint32_t timeout_ms; /* 0 = try once */
} quire_begin_options;

#define QUIRE_BEGIN_OPTIONS_INIT                                                                   \
    {                                                                                              \
        .size = sizeof(quire_begin_options)                                                        \
    }

/* quire_begin with options; NULL for none. A BUSY error names the owner of the transaction that
 * holds the lock, a LIMIT error that of the oldest reader. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_begin_with(quire_db *db, quire_txn_mode mode,
                                                         const quire_begin_options *options,
                                                         quire_txn **out, quire_error *err);

/*
 * Commits and frees a transaction. On QUIRE_OK the changes have reached what
 * the database's durability promises and are visible to new readers. On
 * COMMIT_UNKNOWN the outcome is known only after reopening; on any other
 * failure nothing of the transaction remains. A write transaction that changed
 * nothing waits for the commits that it saw, so that nobody acts on what may
 * still be lost; a read transaction just ends.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_commit(quire_txn *txn, quire_error *err);

/*
 * Asynchronous commit: returns when the commit is in the group that is written
 * next, and the next writer can begin. New readers see the changes, and they
 * are as durable as quire_commit promises, once the outcome is known:
 *   quire_commit_async   calls `done` from a thread of the library, in order of
 *                        the commits; OK or COMMIT_UNKNOWN with `error`, which
 *                        is borrowed for the call and NULL on OK. `sequence` is
 *                        the commit number, 0 when nothing was to be written:
 *                        then `done` may be called before the commit returns. It
 *                        may use the database but must neither commit in it nor
 *                        close it. quire_close waits for calls that are due.
 *   quire_commit_ticket  gives a ticket, owned by the caller until
 *                        quire_ticket_wait, which waits, returns OK or
 *                        COMMIT_UNKNOWN, and frees it. Any thread. A database
 *                        with tickets out cannot be closed.
 * Both free the transaction in every case. A failure is final, as with
 * quire_commit: nothing remains, `done` is not called, there is no ticket.
 */
typedef void (*quire_commit_callback)(void *context, uint64_t sequence, quire_status status,
                                      const quire_error *error);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_commit_async(quire_txn *txn,
                                                           quire_commit_callback done,
                                                           void *context, quire_error *err);

typedef struct quire_ticket quire_ticket;
QUIRE_API QUIRE_MUST_CHECK quire_status quire_commit_ticket(quire_txn *txn, quire_ticket **ticket,
                                                            quire_error *err);
/* Whether quire_ticket_wait would return at once. Any thread. */
QUIRE_API bool quire_ticket_known(const quire_ticket *ticket);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_ticket_wait(quire_ticket *ticket, quire_error *err);

/* Undoes everything the transaction did, and frees it. NULL is a no-op. Cursors and handles opened
 * in a transaction end with it and must be closed before. */
QUIRE_API void quire_rollback(quire_txn *txn);

/*
 * Savepoints of a write transaction, nested in the order of their opening.
 * quire_savepoint opens one and gives its number, never 0. quire_rollback_to
 * undoes everything done since, schema changes and a doom (TXN_DOOMED) among
 * it; the savepoint stays open, later ones are gone. quire_release forgets a
 * savepoint and the later ones, and keeps what was done. The transaction's end
 * releases all. Handles and cursors stay open: cursors keep their rowid or key;
 * handles of what no longer exists report MISUSE.
 * Errors: MISUSE (read transaction, savepoint not open), TXN_DOOMED (on
 * opening), LIMIT (2^32 in one transaction), NO_MEMORY. A failure of
 * quire_rollback_to, NO_MEMORY or IO, dooms the transaction.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_savepoint(quire_txn *txn, uint64_t *savepoint,
                                                        quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_rollback_to(quire_txn *txn, uint64_t savepoint,
                                                          quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_release(quire_txn *txn, uint64_t savepoint,
                                                      quire_error *err);

/*
 * The ingest buffer of a write transaction: memory beside the cache in which
 * entries wait that are put without a question - those of indexes that are B-trees
 * and not unique, and what quire_tree_put and quire_keytree_put store where the
 * caller does not ask whether something was replaced. When it is full they are
 * sorted and put together, many to a page, instead of one page read, and later
 * written, for each. What waits is seen by every read of the transaction: reading
 * or changing a tree in any other way puts it first, as does the commit.
 *
 * It is used only for trees that do not fit in the cache: in a transaction that
 * has read 256 pages from files, for a tree of whose last 256 puts one in eight
 * had to read a page; and no longer when hardly a page gets more than one entry.
 * Its memory is taken then, at once, and given back when the transaction ends.
 *
 * A failure (NO_SPACE, NO_MEMORY, IO, CORRUPT) of a put that waits comes from
 * the call that has it put: another put, a read, a savepoint, or the commit. It
 * dooms the transaction.
 *   bytes  from now on; 0 = as quire_options says, QUIRE_INGEST_OFF = none
 * Errors: MISUSE (read transaction), and as above.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_txn_set_ingest_buffer(quire_txn *txn, uint64_t bytes,
                                                                    quire_error *err);

/* Numbers in the database's header for programs: what the file is for, and which version of their
 * own layout it has. 0 in a new database. */
typedef enum quire_header_number {
    QUIRE_APPLICATION_ID = 1,
    QUIRE_USER_VERSION = 2
} quire_header_number;

QUIRE_API QUIRE_MUST_CHECK quire_status quire_get_number(quire_txn *txn, quire_header_number which,
                                                         uint64_t *number, quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_set_number(quire_txn *txn, quire_header_number which,
                                                         uint64_t number, quire_error *err);

/* The commit number that the transaction's view stands for. */
QUIRE_API uint64_t quire_txn_sequence(const quire_txn *txn);

/* What a transaction has done with pages since it began; what one call did is the difference of two
 * readings. The first use of a name in a transaction looks at the schema's pages too. */
typedef struct quire_txn_stats {
    size_t size;          /* in: sizeof(quire_txn_stats) */
    uint64_t page_visits; /* times that it looked at a page */
    uint64_t page_reads;  /* of these, times that the page had to be read from a file */
    uint64_t page_copies; /* private copies of pages, and new pages, that it made for its changes */
    uint64_t
        versions_passed;    /* newer versions of pages that it passed over on its way to its own */
    uint64_t puts_buffered; /* entries that have waited in its ingest buffer */
    uint64_t buffer_runs;   /* times that some of them were put together */
} quire_txn_stats;

/* Errors: MISUSE. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_txn_get_stats(const quire_txn *txn,
                                                            quire_txn_stats *stats,
                                                            quire_error *err);

#ifdef __cplusplus
}
#endif

#endif
