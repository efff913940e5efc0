/*
 * The change feed within the engine: recording in a write transaction
 * (changes.c), the window and its listeners (feed.c).
 *
 * A record is one block of memory that grows with the transaction and becomes,
 * as it is, the commit of the window. It holds entries, one behind the other:
 * the names of tables, each before its first change, and changes of rows.
 *
 * A transaction never fails for its record. What cannot be recorded, for want of
 * memory or beyond the bound, is counted all the same, so that undoing it makes
 * the record whole again; a record that is not whole at commit breaks the window,
 * and listeners are told. So is that of a commit behind which older rows cannot
 * be read any more.
 */
#ifndef QR_ENGINE_FEED_H
#define QR_ENGINE_FEED_H

#include <stdatomic.h>

#include "base/thread.h"
#include "quire/feed.h"

struct qr_object;

/* The window of a database that was given none, while somebody listens. */
#define QR_FEED_WINDOW_DEFAULT ((uint64_t)16 << 20)
#define QR_FEED_WINDOW_MAX     ((uint64_t)1 << 30)

/* ---- Recording ---- */

/* A commit of the window. Immutable once it is there, but for what the feed's mutex guards. */
struct qr_commit_record {
    struct qr_commit_record *next; /* in the window; mutex */
    uint32_t references;           /* the window's and those of listeners; mutex */
    bool in_window;                /* mutex */
    bool schema_changed;
    uint32_t change_count;
    uint64_t sequence;
    size_t capacity; /* of this allocation */
    size_t size;     /* of this header and the entries behind it */
};

/* How far a transaction's record had come. */
struct qr_changes_mark {
    uint64_t size;
    uint32_t count;
    uint32_t table;
    bool schema_changed, breaks;
};

/* The record of an open write transaction. All zero: nothing recorded, and nobody listens. */
struct qr_changes {
    bool on;
    bool schema_changed;
    bool breaks; /* the window: it is never whole */
    bool whole;  /* at commit */
    uint32_t count;
    uint32_t table;                  /* offset of the newest entry of a table's name; 0: none */
    uint32_t recent;                 /* offset of the one used last, or 0 ... */
    uint32_t recent_id;              /* ... and the number of that table */
    uint64_t size;                   /* of the record, had all of it been kept */
    uint64_t size_max;               /* what may be kept */
    struct qr_commit_record *record; /* holds the first `record->size` bytes of it, or NULL */
};

static inline struct qr_changes_mark qr_changes_mark(const struct qr_changes *changes)
{
    return (struct qr_changes_mark){changes->size, changes->count, changes->table,
                                    changes->schema_changed, changes->breaks};
}

/* Forgets what was recorded since the mark. */
void qr_changes_back(struct qr_changes *changes, const struct qr_changes_mark *mark);

/* Records a change of a row; records are copied, a missing one has data NULL. Only if `on`. */
struct qr_row_images {
    const void *before, *after;
    size_t before_size, after_size;
};
void qr_changes_note(struct qr_changes *changes, const quire_allocator *allocator,
                     const struct qr_object *table, int64_t rowid,
                     const struct qr_row_images *images);

/* At commit: completes the record, and notes whether it is whole. */
void qr_changes_finish(struct qr_changes *changes, const quire_allocator *allocator);
void qr_changes_free(struct qr_changes *changes, const quire_allocator *allocator);

/* The change at *offset, which moves behind it; false at the end. Begin with 0. */
bool qr_commit_record_next(const struct qr_commit_record *record, size_t *offset,
                           quire_row_change *change);

/* ---- The window ---- */

struct qr_feed_hub {
    quire_db *db;
    _Atomic bool recording; /* write transactions that begin now are to record */
    uint64_t window_bytes;  /* at most; constant */
    bool keeps;             /* a window is kept when no listener is left; constant */
    struct qr_mutex mutex;  /* guards what follows */
    uint64_t epoch;         /* 0: not drawn yet */
    uint8_t mark_key[16];   /* drawn with it, and told nobody */
    uint64_t floor;         /* all commits above it that are visible or published are kept */
    uint64_t visible;       /* newest commit handed over */
    uint64_t published;     /* newest commit that got its number, while recording */
    uint64_t broken;        /* newest commit whose record was not whole, or 0 */
    uint64_t floor_seen;    /* the floor that listeners were woken for last */
    struct qr_commit_record *first, *last;
    struct qr_commit_record *pending; /* the first that is not visible, or NULL */
    uint64_t bytes;                   /* of all records */
    quire_error end;                  /* why no more commits will come; status OK: they will */
    quire_feed *listeners;
    uint32_t listener_count;
};

/* window_bytes 0: none is kept when no listener is left. */
quire_status qr_feed_hub_create(quire_db *db, uint64_t window_bytes, quire_error *err);
/* Once the pager is open. */
void qr_feed_hub_start(quire_db *db);
/* Behind the pager's end. */
void qr_feed_hub_destroy(quire_db *db);
uint32_t qr_feed_hub_listeners(quire_db *db);
/* Fills feed_listeners and feed_bytes. */
void qr_feed_hub_get_stats(quire_db *db, quire_stats *stats);

/* At the beginning of a write transaction. */
static inline void qr_changes_begin(struct qr_changes *changes, struct qr_feed_hub *hub)
{
    if (atomic_load_explicit(&hub->recording, memory_order_relaxed)) {
        changes->on = true;
        changes->size = sizeof(struct qr_commit_record);
        changes->size_max = hub->window_bytes;
    }
}

/* What the pager calls, with the hub; see struct qr_pager_watch. `note` is a transaction's struct
 * qr_changes, whose record is taken over. */
void qr_feed_published(void *context, void *note, uint64_t sequence);
void qr_feed_moved(void *context);

#endif
