/*
 * The pager: the database file as numbered pages under snapshots.
 *
 * A view is a consistent state of all pages: a snapshot (read-only, any number
 * at once, never blocking) or the state inside the one write transaction. Pages
 * are reached through the page table, an array from page number to the cache
 * frame of the newest committed version; older versions that a snapshot still
 * needs hang behind it in a chain. The write transaction works on private
 * copies and publishes them at commit. docs/concurrency.md has the protocol,
 * its invariants and the lock ranks.
 *
 * Lifetime of page pointers: an operation on a view is bracketed by
 * qr_view_enter and qr_view_leave; pointers to pages of that view, from reading
 * or from writing, stay valid until the leave. A pin carries one page over it.
 * An operation must be short (one tree operation, one batch): while one is
 * open, memory retired meanwhile is not reused. When none is left, operations
 * fail with BUSY, which names the oldest reader that is stopped in one.
 */
#ifndef QR_PAGER_H
#define QR_PAGER_H

#include "base/file.h"
#include "quire/database.h"

/* Labels of transactions, with their end; longer ones are cut. */
#define QR_OWNER_SIZE 64U

struct qr_pager;
struct qr_view;
struct qr_txn;
struct qr_pin;

/* Fixed page numbers. */
#define QR_PAGE_NUMBER_HEADER   0U
#define QR_PAGE_NUMBER_CATALOG  1U /* root of the catalog tree */
#define QR_PAGE_NUMBER_FREE_MAP 2U /* first page of the free map */

/*
 * Who is told of commits. `published` is called for a transaction with a note
 * (qr_txn_set_note) when its commit has got its number, in the order of the
 * numbers, under the group lock: it takes leaf locks at most, and does not wait.
 * `moved` is called, without locks, when the visible boundary has moved or the
 * pager was poisoned: perhaps in several threads at once, and not in order.
 */
struct qr_pager_watch {
    void *context;
    void (*published)(void *context, void *note, uint64_t sequence);
    void (*moved)(void *context); /* NULL: nobody is told */
};

struct qr_pager_options {
    struct qr_file_layer *layer;
    const quire_allocator *allocator;
    const char *path; /* copied */
    quire_open_mode mode;
    quire_durability durability;
    uint32_t page_size;
    uint32_t readers_max;
    uint64_t cache_bytes;
    uint64_t wal_bytes_max;
    uint32_t wal_segment_bytes;
    uint32_t sync_interval_ms;
    quire_checkpoint_policy checkpoint;
    quire_checkpoint_place checkpoint_place;
    uint32_t checkpoint_slice_pages;
    uint32_t pages_max; /* 0 = none */
    quire_hooks hooks;  /* those of commits are the caller's business */
    quire_versions_policy versions_policy;
    uint64_t versions_bytes_max; /* 0 = a quarter of the cache */
    struct qr_pager_watch watch;
    /* Asked, when it is not NULL, before anything of a database that is there is changed, with the
     * file locked: a failure is that of the opening. Not by who only reads. */
    quire_status (*check)(void *context, quire_error *err);
    void *check_context;
    bool malloc_arena; /* frames from the allocator instead of reserved address space: tests */
};

/*
 * Opens or creates the file; recovers the log if it holds committed groups.
 * A new database has the header page, an empty catalog tree root (a zeroed page
 * of type QR_PAGE_TYPE_NONE, which the catalog turns into a tree in its first
 * transaction) and one free-map page.
 */
quire_status qr_pager_open(const struct qr_pager_options *options, struct qr_pager **out,
                           quire_error *err);

/* See quire_close: no view or transaction may be open. Frees the pager in every case. */
quire_status qr_pager_close(struct qr_pager *pager, quire_error *err);

quire_status qr_pager_checkpoint(struct qr_pager *pager, quire_error *err);
void qr_pager_get_stats(struct qr_pager *pager, quire_stats *stats);

uint32_t qr_pager_page_size(const struct qr_pager *pager);
const char *qr_pager_path(const struct qr_pager *pager);
const quire_allocator *qr_pager_allocator(const struct qr_pager *pager);
bool qr_pager_read_only(const struct qr_pager *pager);

/* ---- Resident trees ---- */

/* From now on newest pages of the tree stay in the cache once they are there. NO_MEMORY. */
quire_status qr_resident_add(struct qr_pager *pager, uint32_t tree_id, quire_error *err);
void qr_resident_remove(struct qr_pager *pager, uint32_t tree_id);
/* Pages of resident trees in the cache now, and how many there should be at most. */
uint32_t qr_resident_pages(struct qr_pager *pager);
uint32_t qr_resident_pages_max(const struct qr_pager *pager);

/* ---- Views ---- */

/* Opens a snapshot of the newest visible commit: O(1), takes no lock that a commit or a
 * checkpoint holds. LIMIT when readers_max snapshots are open; the message says how old the
 * oldest one's state is. */
quire_status qr_snapshot_open(struct qr_pager *pager, struct qr_view **out, quire_error *err);
/* The same with a label for qr_pager_readers, copied. */
quire_status qr_snapshot_open_as(struct qr_pager *pager, const char *owner, struct qr_view **out,
                                 quire_error *err);
/* Tells of every open snapshot; what it tells is borrowed for the call. No lock is held meanwhile.
 * Stops at the first status that is not OK and returns it. Any thread. */
quire_status qr_pager_readers(struct qr_pager *pager, quire_reader_callback each, void *context,
                              quire_error *err);
void qr_snapshot_close(struct qr_view *view);

/* A place for an object of the view's user. It belongs to the user while the view is open; what is
 * left in it, the next view in the same place of the pager finds: so a user that keeps something
 * for its views needs neither memory nor an atomic operation of its own. NULL at first. */
void **qr_view_companion(const struct qr_view *view);
/* Hands over all companions, to be freed. No view is open. */
void qr_pager_drop_companions(struct qr_pager *pager, void (*drop)(void *companion));

struct qr_pager *qr_view_pager(const struct qr_view *view);
uint64_t qr_view_sequence(const struct qr_view *view);
/* Pages of the database in this view; page numbers below it are valid. */
uint32_t qr_view_page_count(struct qr_view *view);
/* The transaction behind the view, or NULL for a snapshot. */
struct qr_txn *qr_view_txn(const struct qr_view *view);
/* Moves whenever a page of the view is changed; constant for a snapshot. Cursors compare it. */
uint64_t qr_view_changes(const struct qr_view *view);

/*
 * In pager/view.h, included below because they are inline:
 *   qr_view_enter, qr_view_leave   brackets of an operation
 *   qr_view_page                   the page as of the view
 *   qr_view_prefetch               a hint
 *   qr_view_read_ahead             a hint, too
 *   qr_view_scanning               a mode of reading
 */

/* Copies a page's bytes as of the view without any check: for inspectors and dumps. */
quire_status qr_view_page_raw(struct qr_view *view, uint32_t page_number, uint8_t *buffer,
                              quire_error *err);

/*
 * Writes to `buffer` the page as a separate database file would hold it, with
 * the id `id` (16 random bytes, new: a copy with the same id would take the
 * original's log for its own). Page 0 carries the numbers of the view and says
 * that no log is needed; a free page comes out empty. All pages of a snapshot,
 * exported in any order, make a backup. Outside or inside an operation.
 */
quire_status qr_view_page_export(struct qr_view *view, uint32_t page_number, const uint8_t *id,
                                 uint8_t *buffer, quire_error *err);

/*
 * A pin holds at most one page of its view in place after the leave. Create
 * outside or inside an operation; set it inside one, before the leave, to a
 * pointer that qr_view_page gave in the same operation, or that it holds
 * already. A page held by one pin must not be handed to another pin without
 * reading it again: that is what lets reclamation look at each pin once.
 */
quire_status qr_pin_create(struct qr_view *view, struct qr_pin **out, quire_error *err);
void qr_pin_set(struct qr_pin *pin, const uint8_t *page); /* NULL clears */
void qr_pin_destroy(struct qr_pin *pin);

/* ---- The write transaction ---- */

/* Waits up to timeout_ms for the writer lock. BUSY says since when it is held; POISONED, READ_ONLY,
 * NO_MEMORY. */
quire_status qr_txn_begin(struct qr_pager *pager, uint32_t timeout_ms, struct qr_txn **out,
                          quire_error *err);
/* The same with a label, copied, that others are told when they wait in vain; NULL = none. */
quire_status qr_txn_begin_as(struct qr_pager *pager, const char *owner, uint32_t timeout_ms,
                             struct qr_txn **out, quire_error *err);

/* The transaction's own view: its changes over the newest committed state. */
struct qr_view *qr_txn_view(struct qr_txn *txn);

/* The page as a private copy that may be changed (bytes from QR_PAGE_HEADER_SIZE on, and type,
 * flags, count and tree id in the header). Repeated calls give the same copy. Pointers obtained
 * earlier by qr_view_page for the same page no longer show the newest state. */
quire_status qr_txn_page_write(struct qr_txn *txn, uint32_t page_number, uint8_t **page,
                               quire_error *err);

/*
 * A change that its opposite takes back: for changes so small that copying the
 * page first, so that a statement can be undone, would be most of the work.
 * Where qr_txn_may_note says so, take the pages by qr_txn_page_touch, note the
 * opposite, then change them, or unnote it. Going back to the statement calls
 * `undo` with a copy of the parts `what` and `more`, the latest first, with the
 * pages as they were after the change, outside any operation; it takes them by
 * qr_txn_page_touch too. Noting fails, false, when there is no room.
 */
struct qr_undo_parts {
    const void *what, *more;
    size_t what_size, more_size;
};
typedef quire_status (*qr_txn_undo)(struct qr_txn *txn, const struct qr_undo_parts *parts,
                                    quire_error *err);
bool qr_txn_may_note(const struct qr_txn *txn);
bool qr_txn_note_undo(struct qr_txn *txn, qr_txn_undo undo, const struct qr_undo_parts *parts);
void qr_txn_unnote_undo(struct qr_txn *txn);
quire_status qr_txn_page_touch(struct qr_txn *txn, uint32_t page_number, uint8_t **page,
                               quire_error *err);

/* A new page, zeroed beyond its header, of the given type and tree. Prefers the page number after
 * `near` (0 = anywhere) so that trees stay clustered. LIMIT at the largest page number. */
quire_status qr_txn_page_alloc(struct qr_txn *txn, uint8_t type, uint32_t tree_id, uint32_t near,
                               uint32_t *page_number, uint8_t **page, quire_error *err);

/* `count` consecutive new page numbers whose pages the caller obtains with qr_txn_page_write; if no
 * such run is free, the longest that is: *got >= 1. For overflow values and bulk loads. */
quire_status qr_txn_page_alloc_run(struct qr_txn *txn, uint8_t type, uint32_t tree_id,
                                   uint32_t count, uint32_t *first, uint32_t *got,
                                   quire_error *err);

/* The same with the lowest free page below `limit`, and those that follow it; *got 0, and nothing
 * done, when there is none. */
quire_status qr_txn_page_alloc_below(struct qr_txn *txn, uint8_t type, uint32_t tree_id,
                                     uint32_t limit, uint32_t count, uint32_t *first, uint32_t *got,
                                     quire_error *err);

/* Moves the content of a page to the lowest free number below its own, and frees it; *to 0, and
 * nothing done, when there is none. Whoever names the page is the caller's business. Inside an
 * operation. */
quire_status qr_txn_page_move(struct qr_txn *txn, uint32_t page_number, uint32_t *to,
                              quire_error *err);

/* Takes free pages off the end of the database, as long as the last page is one that no snapshot
 * can see in use: *cut of them. *waiting tells of free pages, anywhere, that a snapshot still sees
 * in use, perhaps that of a checkpoint. The file is cut by a later checkpoint. The last change of
 * its transaction: nothing can be allocated that makes the database longer again (MISUSE), and no
 * savepoint is open. */
quire_status qr_txn_trim(struct qr_txn *txn, uint32_t *cut, bool *waiting, quire_error *err);

/* The highest page below `below` that is in use and can be moved: neither free nor part of the free
 * map; 0 when there is none above the first page of that. */
quire_status qr_view_last_used(struct qr_view *view, uint32_t below, uint32_t *page_number,
                               quire_error *err);

/* Frees a page: not readable through this view any more (CORRUPT), though pointers obtained before
 * stay valid until the leave; reusable once no snapshot needs it. */
quire_status qr_txn_page_free(struct qr_txn *txn, uint32_t page_number, quire_error *err);

/* Whether a page number is marked free in the view; for inspectors. */
quire_status qr_view_page_is_free(struct qr_view *view, uint32_t page_number, bool *is_free,
                                  quire_error *err);

/* The 64-bit words of the header page that upper layers may use. */
enum qr_header_word {
    QR_HEADER_SCHEMA_COOKIE = 0, /* moves with every schema change */
    QR_HEADER_APPLICATION_ID = 1,
    QR_HEADER_USER_VERSION = 2,
    QR_HEADER_WORDS = 3
};
quire_status qr_view_header_word(struct qr_view *view, enum qr_header_word word, uint64_t *value,
                                 quire_error *err);
quire_status qr_txn_set_header_word(struct qr_txn *txn, enum qr_header_word word, uint64_t value,
                                    quire_error *err);

/* Marks the transaction as impossible to commit: called by whoever fails half way through a change.
 * Commit then rolls back and returns TXN_DOOMED. */
void qr_txn_doom(struct qr_txn *txn);
bool qr_txn_doomed(const struct qr_txn *txn);

/*
 * Savepoints, nested, outside any operation. Going back undoes what was done
 * since the savepoint, a doom too, and leaves it open; the ones opened later are
 * gone. Releasing keeps what was done and forgets it and the ones opened later.
 * Page pointers and pins of the view stay valid and show the older state, as
 * qr_view_changes says. Ids are never 0. MISUSE when the savepoint is not open;
 * LIMIT; NO_MEMORY or IO while going back doom the transaction.
 */
quire_status qr_txn_savepoint(struct qr_txn *txn, uint32_t *id, quire_error *err);
/* A savepoint around one statement. The changes that qr_txn_note_undo describes need no copies of
 * their pages for it. */
quire_status qr_txn_statement(struct qr_txn *txn, uint32_t *id, quire_error *err);
quire_status qr_txn_rollback_to(struct qr_txn *txn, uint32_t id, quire_error *err);
quire_status qr_txn_release_savepoint(struct qr_txn *txn, uint32_t id, quire_error *err);

/*
 * For whoever keeps something beside the pages that going back has to take back
 * too. Moments rise within a transaction, and the id of a savepoint is the
 * moment of its opening: what was noted with a moment below the id was there
 * before. qr_txn_opened_between says whether a savepoint is open that was opened
 * after the moment `after` was taken and no later than `until`.
 */
uint32_t qr_txn_moment(const struct qr_txn *txn);
bool qr_txn_opened_between(const struct qr_txn *txn, uint32_t after, uint32_t until);

/* Has `note`, which stays in place until the commit returns, told to the pager's watch. */
void qr_txn_set_note(struct qr_txn *txn, void *note);

/* Both free the transaction. See quire_commit for the outcomes. A commit without changes is
 * acknowledged no sooner than the newest commit that it could see. */
quire_status qr_txn_commit(struct qr_txn *txn, quire_error *err);
/* The same, giving the commit's number; 0 when nothing was to be written. */
quire_status qr_txn_commit_numbered(struct qr_txn *txn, uint64_t *sequence, quire_error *err);
void qr_txn_rollback(struct qr_txn *txn);

/*
 * An asynchronous commit. The caller sets `done` and keeps the ticket in place
 * until the commit's outcome is known: with `done`, until that is called, by the
 * pager's thread or, when there is nothing to wait for, before the commit
 * returns; without, until qr_ticket_wait.
 */
struct qr_ticket {
    struct qr_ticket *next;
    uint64_t seq, group; /* to wait for: the commit, or what a transaction without changes saw */
    uint64_t commit;     /* 0: nothing was to be committed */
    void (*done)(struct qr_ticket *ticket, quire_status status, const quire_error *error);
};

/* Publishes the commit and frees the transaction, as qr_txn_commit does. After OK the outcome is
 * that of the ticket; after a failure nothing remains and the ticket is not used. */
quire_status qr_txn_commit_async(struct qr_txn *txn, struct qr_ticket *ticket, quire_error *err);
/* Waits for the outcome of a ticket without `done`: OK or COMMIT_UNKNOWN. Once a ticket. */
quire_status qr_ticket_wait(struct qr_pager *pager, const struct qr_ticket *ticket,
                            quire_error *err);
/* Waits until all tickets with `done` are reported. Alone. */
void qr_pager_drain(struct qr_pager *pager);
/* Whether qr_ticket_wait would return at once. Any thread. */
bool qr_ticket_known(struct qr_pager *pager, const struct qr_ticket *ticket);

/* ---- What has become of commits. Any thread. ---- */

/* The newest commit that new snapshots see. */
uint64_t qr_pager_visible(struct qr_pager *pager);
/* POISONED when no further commit is accepted. */
quire_status qr_pager_check(struct qr_pager *pager, quire_error *err);
/* Makes all commits visible that have got their number; as durable as commits are. */
quire_status qr_pager_settle(struct qr_pager *pager, quire_error *err);

#include "pager/view.h"

#endif
