/*
 * The read path of a view, inline: a page that is in the cache in a version
 * that the view may see costs one load from the page table, one compare with
 * the number in the page itself, and no write to shared memory. Everything else
 * (a miss, an older version, a page that cools down) is out of line.
 *
 * Included by pager/pager.h. The fields belong to the pager.
 */
#ifndef QR_PAGER_VIEW_H
#define QR_PAGER_VIEW_H

#include <stdatomic.h>

#include "base/check.h"
#include "base/simd.h"
#include "pager/page_format.h"
#include "pager/pager.h"

struct qr_view_buffer;
struct qr_ingest;

/* What a view has done with pages since it was opened. Its own thread's: plain additions. */
struct qr_view_counts {
    uint64_t visits; /* pages looked at, each time one was */
    uint64_t reads;  /* of these, those that had to come from a file */
    uint64_t copies; /* private pages made: copied or new; 0 for a snapshot */
    uint64_t passed; /* newer versions passed over in frames */
};

struct qr_view {
    const uint8_t *arena;           /* frame f lies at arena + (f << page_shift) */
    _Atomic uint32_t *table;        /* page number -> newest committed version */
    const uint32_t *private_table;  /* page number -> private copy; NULL for a snapshot */
    uint64_t ceiling;               /* versions up to this number are visible */
    _Atomic uint64_t *operation;    /* of the slot; odd inside an operation */
    uint32_t pages;                 /* page numbers below it are valid */
    uint32_t depth;                 /* nesting of operations */
    uint8_t page_shift;             /* log2 of the page size */
    bool fence;                     /* enter needs a full barrier of its own */
    bool scanning;                  /* pages are read once: first to be evicted */
    bool attention;                 /* enter or leave has out-of-line work */
    struct qr_view_buffer *buffers; /* pages read for this view alone */
    struct qr_pager *pager;
    struct qr_txn *txn; /* NULL for a snapshot */
    uint64_t sequence;
    uint64_t changes;
    struct qr_view_counts counts;
    struct qr_ingest *ingest; /* of the trees above: entries that no page has yet; NULL: none */
    size_t ingest_bytes;      /* how much of them there may be; 0: none */
};

/* Out-of-line parts; call the functions below. */
void qr_view_enter_slow(struct qr_view *view);
void qr_view_leave_slow(struct qr_view *view);
quire_status qr_view_page_slow(struct qr_view *view, uint32_t page_number, const uint8_t **page,
                               quire_error *err);

/* Stores the odd number of an operation so that the reclaimer sees it, or the loads that follow see
 * what the reclaimer has unlinked. Only a fence on both sides promises that: a sequentially
 * consistent store or exchange alone does not hold back later loads of another order. */
static inline void qr_view_announce(struct qr_view *view, uint64_t operation)
{
    atomic_store_explicit(view->operation, operation, memory_order_relaxed);
    if (view->fence) {
        atomic_thread_fence(memory_order_seq_cst);
    } else {
        atomic_signal_fence(memory_order_seq_cst); /* the reclaimer's call is the fence */
    }
}

/* Brackets of an operation. They nest: the outermost pair counts. */
static inline void qr_view_enter(struct qr_view *view)
{
    if (view->depth++ != 0) {
        return;
    }
    qr_view_announce(view, atomic_load_explicit(view->operation, memory_order_relaxed) + 1);
    if (view->attention) {
        qr_view_enter_slow(view);
    }
}

static inline void qr_view_leave(struct qr_view *view)
{
    QR_ASSERT(view->depth > 0);
    if (--view->depth != 0) {
        return;
    }
    if (view->buffers != NULL) {
        qr_view_leave_slow(view);
    }
    /* Release: every read of a page precedes the reclaimer's sight of the even number. */
    uint64_t now = atomic_load_explicit(view->operation, memory_order_relaxed);
    atomic_store_explicit(view->operation, now + 1, memory_order_release);
}

/*
 * The page as of the view, its checksum, number and lsn verified when it came
 * from disk. Between enter and leave only. CORRUPT names the page; IO;
 * NO_MEMORY; SNAPSHOT_TOO_OLD (read-only open beside another process's writer).
 * The type is not checked: the caller knows which one it expects.
 */
static inline quire_status qr_view_page(struct qr_view *view, uint32_t page_number,
                                        const uint8_t **page, quire_error *err)
{
    QR_ASSERT(view->depth > 0);
    view->counts.visits++;
    if (page_number < view->pages) {
        uint32_t own = view->private_table != NULL ? view->private_table[page_number] : 0;
        uint32_t entry =
            own != 0 ? own : atomic_load_explicit(&view->table[page_number], memory_order_acquire);
        /* Values of 1 to 2^31 - 1 are frames; all else is for the slow path. */
        if (entry - 1 < UINT32_C(0x7FFFFFFF)) {
            const uint8_t *bytes = view->arena + ((size_t)entry << view->page_shift);
            if (own != 0 || qr_page_lsn(bytes) <= view->ceiling) {
                *page = bytes;
                return QUIRE_OK;
            }
        }
    }
    return qr_view_page_slow(view, page_number, page, err);
}

/* Where the newest committed version of a page lies if it is in the cache, else NULL: for touching
 * and prefetching what the view will probably read. Inside an operation. */
static inline const uint8_t *qr_view_peek(struct qr_view *view, uint32_t page_number)
{
    if (page_number < view->pages) {
        uint32_t entry = atomic_load_explicit(&view->table[page_number], memory_order_acquire);
        if (entry - 1 < UINT32_C(0x7FFFFFFF)) {
            return view->arena + ((size_t)entry << view->page_shift);
        }
    }
    return NULL;
}

/* Whether the database file alone has the page, at this moment. */
static inline bool qr_view_absent(struct qr_view *view, uint32_t page_number)
{
    return page_number < view->pages &&
           atomic_load_explicit(&view->table[page_number], memory_order_relaxed) == 0;
}

/* Hint that a page will be wanted soon: brings it towards the cache lines, never reads a disk. */
static inline void qr_view_prefetch(struct qr_view *view, uint32_t page_number)
{
    const uint8_t *page = qr_view_peek(view, page_number);
    if (page != NULL) {
        qr_prefetch(page);
    }
}

/* Hint that `count` pages from `first` on, to which pages of this view lead, will be wanted soon:
 * brings those into the cache that are in the database file alone, up to the first that is not, by
 * one read. Does nothing in a write transaction. A page that cannot be read so is left for whoever
 * wants it. Inside an operation. */
void qr_view_read_ahead(struct qr_view *view, uint32_t first, uint32_t count);
#define QR_READ_AHEAD_MAX 16U /* pages that one call brings at most */

/* Marks the pages read until the matching call with false as part of a scan: they enter the cache
 * as first candidates for eviction. */
static inline void qr_view_scanning(struct qr_view *view, bool on)
{
    view->scanning = on;
}

#endif
