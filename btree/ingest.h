/*
 * The ingest buffer: entries of a write transaction that wait to be put into
 * their trees sorted.
 *
 * Where a tree is much larger than the cache, an entry with a random key costs
 * the reading of a leaf, and later its writing. Whoever puts an entry without
 * asking what was there before (qr_tree_put_blind) leaves it to this buffer when
 * that would be so; many entries then go to a leaf together. What waits is part
 * of its tree for everyone else: every function of btree.h that reads or changes
 * a tree first has the entries put that wait for it, which is called settling.
 *
 * Savepoints and statements need not settle: going back to one takes entries out
 * of the buffer that are younger, and takes those into it again that have been
 * put since, as the pages no longer have them.
 *
 * A buffer belongs to the view of a write transaction and is its thread's. The
 * memory comes from the pager's allocator when the first entry waits; where
 * there is none, entries go to their trees at once. Settling fails as
 * qr_tree_put does, and dooms the transaction.
 */
#ifndef QR_BTREE_INGEST_H
#define QR_BTREE_INGEST_H

#include "btree/btree.h"

/* The bytes that entries may take from now on; 0: they all go to their trees at once, which is so
 * at first. None waits. */
void qr_ingest_limit(struct qr_view *view, size_t bytes);

/* Pages that a transaction has read from files before any of its entries wait. */
#define QR_INGEST_READS_MIN 256U

/* As qr_tree_put; but with INSERT the caller knows that the key is not there, with UPSERT nobody
 * wants to know. *existed is true only where an entry was found at once. An INSERT over an entry
 * that is found later is CORRUPT when that happens. */
quire_status qr_ingest_put(const struct qr_tree *tree, const struct qr_tree_key *key,
                           const void *payload, size_t size, enum qr_put_mode mode, bool *existed,
                           quire_error *err);
static inline quire_status qr_tree_put_blind(const struct qr_tree *tree,
                                             const struct qr_tree_key *key, const void *payload,
                                             size_t size, enum qr_put_mode mode, bool *existed,
                                             quire_error *err)
{
    return tree->view->counts.reads < QR_INGEST_READS_MIN
               ? qr_tree_put(tree, key, payload, size, mode, existed, err)
               : qr_ingest_put(tree, key, payload, size, mode, existed, err);
}

/* Puts all entries that wait. Outside any operation. */
quire_status qr_ingest_settle(struct qr_view *view, quire_error *err);

/* Settles if the buffer is nearly full: before a savepoint or a statement, while nothing has to be
 * kept for going back to it. */
quire_status qr_ingest_relieve(struct qr_view *view, quire_error *err);
static inline quire_status qr_ingest_make_room(struct qr_view *view, quire_error *err)
{
    return view->ingest == NULL ? QUIRE_OK : qr_ingest_relieve(view, err);
}

/* After the pages have gone back to the savepoint. */
void qr_ingest_rollback(struct qr_view *view, uint32_t savepoint);

/* At the end of the transaction: forgets what waits. */
void qr_ingest_free(struct qr_view *view);

struct qr_ingest_counts {
    uint64_t entries; /* that have waited */
    uint64_t runs;    /* times that some were put together */
};
struct qr_ingest_counts qr_ingest_counts(const struct qr_view *view);

/* Puts the entries that wait for the tree. Outside any operation unless none does. */
quire_status qr_ingest_settle_tree(const struct qr_tree *tree, quire_error *err);
static inline quire_status qr_tree_settle(const struct qr_tree *tree, quire_error *err)
{
    return tree->view->ingest == NULL ? QUIRE_OK : qr_ingest_settle_tree(tree, err);
}

/* Puts entries in ascending order of their keys, of equal ones the last: as many at a time as
 * belong to one leaf. *leaves is raised by the number of descents. CORRUPT where INSERT finds an
 * entry. A failure dooms the transaction. */
quire_status qr_tree_put_run(const struct qr_tree *tree, const struct qr_tree_entry *entries,
                             size_t count, enum qr_put_mode mode, uint64_t *leaves,
                             quire_error *err);

#endif
