/*
 * The write-ahead log: one file beside the database holding page frames in a
 * ring of recycled segments. docs/wal-format.md has the bytes and the recovery
 * rules; wal_format.h their offsets.
 *
 * The log knows pages as opaque images with a checksum in their first eight
 * bytes and a sequence number (lsn) in the next eight. It knows nothing of
 * transactions but the group: frames that become durable together, the last
 * of which carries the commit mark.
 *
 * Life: open or create, scan, and if the scan found anything harden, redo and
 * reset; then reserve, append, sync; seal, copy the sealed pages, release.
 *
 * Concurrency: appending, rewinding, sealing and syncing is done by one thread
 * at a time (the flush leader); listing and releasing sealed segments by another
 * (the checkpointer); reserving by any thread. Each of the three has its own
 * open file description, since a failed write-back is reported once a
 * description. The ring's state is guarded by the log's own mutex (rank
 * QR_RANK_SEGMENT). No lock is held across a write or sync.
 *
 * Failure: a failed sync of appended or released bytes poisons the log: every
 * later change is refused with POISONED. A failed write does not: it is undone
 * with qr_wal_rewind, or tried again in the case of a release.
 */
#ifndef QR_WAL_H
#define QR_WAL_H

#include "base/file.h"

struct qr_wal;

struct qr_wal_options {
    struct qr_file_layer *layer;
    const quire_allocator *allocator;
    const char *path;        /* of the log file; copied */
    uint32_t page_size;      /* bytes */
    uint8_t database_id[16]; /* must match the log's */
    uint32_t segment_bytes;  /* at creation; power of two; 0 = QR_WAL_SEGMENT_DEFAULT */
    uint32_t segments_min;   /* ring size at creation; 0 = 4; at least 3 */
    uint64_t bytes_max;      /* ring growth stops here, unless one group needs more; 0 = 64 MiB;
                                never below three segments */
    uint64_t database_lsn;   /* the database file is known to hold every frame up to this number */
};

/* 4 MiB: about a thousand frames of the default page size. */
#define QR_WAL_SEGMENT_DEFAULT (UINT32_C(4) << 20)

/* Whether a log can have segments of that size (0 = the default) for pages of that size: MISUSE if
 * not. */
quire_status qr_wal_check_sizes(uint32_t page_size, uint32_t segment_bytes, quire_error *err);

/* Creates the file with an empty, zero-filled ring and syncs it and its directory. The database
 * file must be durable before this is called. Fails with EXISTS if the file is there. */
quire_status qr_wal_create(const struct qr_wal_options *options, struct qr_wal **out,
                           quire_error *err);

/*
 * Opens an existing log: checks the header and every segment header. Errors:
 * NO_FILE; LOG_MISSING (the file is there but its creation was never finished:
 * it holds nothing, remove it and create it anew if the database was closed
 * cleanly or has never been written); LOG_MISMATCH (other database id or page
 * size); FORMAT_VERSION; CORRUPT (header or ring damaged); IO. With `read_only`
 * set nothing is ever written and a log that is being appended to by another
 * process is accepted; if its owner recycles segments faster than they can be
 * read the scan fails with SNAPSHOT_TOO_OLD.
 *
 * A log that holds live segments takes appends only after qr_wal_reset; an
 * empty one takes them at once.
 */
quire_status qr_wal_open(const struct qr_wal_options *options, bool read_only, struct qr_wal **out,
                         quire_error *err);

/* Reads a log's header without opening it: the database id and page size it belongs to, with which
 * the database's own header page can be checked or repaired. Errors as qr_wal_open. */
quire_status qr_wal_identify(struct qr_file_layer *layer, const char *path, uint8_t database_id[16],
                             uint32_t *page_size, quire_error *err);

/* Closes without writing. NULL is a no-op. */
void qr_wal_close(struct qr_wal *wal);

/* A frame of an accepted group, as the scan delivers it. `page` is borrowed for the call. */
struct qr_wal_frame {
    uint32_t page_number;  /* or QR_WAL_PACK: `page` is a pack, see wal_pack.h */
    uint32_t commit_pages; /* database size in pages when this frame ends its group, else 0 */
    uint64_t generation;   /* of its segment */
    uint32_t index;        /* in its segment */
    uint64_t offset;       /* of the frame header in the log file */
    const uint8_t *page;
};

typedef quire_status (*qr_wal_visit)(void *context, const struct qr_wal_frame *frame,
                                     quire_error *err);

/* In place of a page number: the frame holds a pack. */
#define QR_WAL_PACK UINT32_C(0xFFFFFF01)

struct qr_wal_scan_result {
    uint64_t groups, frames; /* accepted */
    uint64_t packs;          /* of the frames */
    uint64_t last_lsn;       /* largest lsn of an accepted frame; 0 when none */
    uint32_t pages;          /* from the last commit mark; 0 when none */
    uint32_t page_max;       /* no accepted frame holds a page of a larger number */
    bool torn;               /* bytes after the accepted prefix look like an unfinished group */
};

/*
 * Delivers exactly the frames of the committed prefix, in order of writing. Two passes inside: the
 * first finds the end of the prefix, the second visits. A bad frame that is followed by a valid one
 * saying "everything before me was synced" is damage: CORRUPT with the offset of the bad frame. A
 * torn tail is normal. So is a torn segment header whose segment holds no frame newer than the
 * prefix and database_lsn; otherwise it is damage. `visit` may be NULL: then the first pass alone
 * is made. Only before the first append.
 */
quire_status qr_wal_scan(struct qr_wal *wal, qr_wal_visit visit, void *context,
                         struct qr_wal_scan_result *result, quire_error *err);

/* Makes what the scan accepted durable in the log itself: rewrites the frames of the newest
 * generation and syncs. Recovery calls it before it redoes anything. */
quire_status qr_wal_harden(struct qr_wal *wal, quire_error *err);

/* Lets the log take appends behind what the scan accepted and qr_wal_harden has hardened, in a
 * segment of their own. What was not accepted is made unreadable before the first frame is written.
 * The log is read back by closing and opening it. MISUSE unless something was accepted. */
quire_status qr_wal_resume(struct qr_wal *wal, quire_error *err);

/* Frees every segment (new salts, FREE headers, sync): the log is empty. Call only once the
 * database file durably holds every accepted frame, and never beside other calls. */
quire_status qr_wal_reset(struct qr_wal *wal, quire_error *err);

/* One page, or pack, of a group. Its checksum field must be final. */
struct qr_wal_page {
    uint32_t page_number; /* or QR_WAL_PACK */
    const uint8_t *page;
};

enum qr_wal_room {
    QR_WAL_ROOM_READY, /* the frames fit in what is reserved now */
    QR_WAL_ROOM_WAIT   /* the ring is full up to bytes_max, nothing is reserved: ask again after a
                          release (which needs the groups synced), or after frames that others
                          reserved have been appended */
};

/* Makes room for `frames` more frames beyond all earlier reservations that are not used yet, adding
 * zero-filled segments when the ring may grow, or must because one group is larger than bytes_max.
 * NO_SPACE leaves the log as it was. Called before a commit is published, so that running out of
 * space is an ordinary rollback. */
quire_status qr_wal_reserve(struct qr_wal *wal, uint64_t frames, enum qr_wal_room *room,
                            quire_error *err);
/* The same for frames that releases wait for: the ring grows beyond bytes_max if it has to. */
quire_status qr_wal_reserve_beyond(struct qr_wal *wal, uint64_t frames, quire_error *err);
/* Gives back a reservation whose frames will not be written. */
void qr_wal_unreserve(struct qr_wal *wal, uint64_t frames);

/*
 * Appends frames to the open group with one vectored write a segment. The last
 * call of a group passes commit_pages, the database size in pages; earlier ones
 * pass 0. Moves to a fresh segment when the active one is full (the full one
 * becomes sealed), syncing what the earlier ones hold before. `synced_before`
 * asks for the mark "everything before this group is synced" on the group's
 * first frame; the log sets it only if that is so. Uses up reserved room. On
 * failure the group has not been added: qr_wal_rewind, before anything else.
 */
quire_status qr_wal_append(struct qr_wal *wal, const struct qr_wal_page *pages, size_t count,
                           uint32_t commit_pages, bool synced_before, quire_error *err);

/* The generation that the next frame appended will be of. The appender's. */
uint64_t qr_wal_next_generation(struct qr_wal *wal);

/* Forgets the frames of the open group, whose last append failed or has not been made, and puts its
 * room back among the reserved. Does no I/O: the next append first makes the leftovers unreadable,
 * durably. Until then a crash may still find the group if all of it had reached the file. */
void qr_wal_rewind(struct qr_wal *wal);

/* Syncs the log file. A failure leaves the outcome of unsynced groups unknown; never retried. */
quire_status qr_wal_sync(struct qr_wal *wal, quire_error *err);

/* Syncs what has been appended so far through the checkpointer's own description, beside appends
 * and without the leader: the leader's next sync, which alone counts, finds less to do. A
 * failure poisons the log. By the checkpointer. */
quire_status qr_wal_sync_ahead(struct qr_wal *wal, quire_error *err);

/* Seals the active segment, if it holds a frame, so that a checkpoint can take it. Its last group
 * must frame page 0: the caller's duty. Not while a group is open. The rest of the segment is given
 * up; if outstanding reservations needed it, a later reserve or append adds a segment instead. */
void qr_wal_seal(struct qr_wal *wal);

/* What a checkpoint has to copy: the page numbers framed in all sealed segments, sorted, each once,
 * and the newest sealed generation. Pages in packs are not among them: the caller sees to it that
 * an image of each is framed, too. Segments that hold frames of unsynced groups are left out: sync
 * first. *page_numbers is released with qr_free(count * 4); NULL and 0 when none. */
quire_status qr_wal_sealed_pages(struct qr_wal *wal, uint32_t **page_numbers, size_t *count,
                                 uint64_t *generation, quire_error *err);

/* The sealed segment after *generation that may be released: its generation, the bytes of its
 * header and frames, its frames. False when there is none. The checkpointer's alone, as is
 * reading. */
bool qr_wal_next_sealed(struct qr_wal *wal, uint64_t *generation, uint64_t *size, uint32_t *frames);
/* Reads from such a segment. MISUSE beyond its size. */
quire_status qr_wal_read_sealed(struct qr_wal *wal, uint64_t generation, uint64_t offset,
                                void *buffer, size_t size, quire_error *err);

/* Frees the sealed segments up to `generation`, after the database file durably holds every page of
 * them: writes FREE headers with fresh salts, syncs, then marks them reusable. Segments beyond
 * bytes_max are cut off when they lie free at the end of the file. */
quire_status qr_wal_release(struct qr_wal *wal, uint64_t generation, quire_error *err);

struct qr_wal_stats {
    uint64_t file_bytes;
    uint64_t frames_written, groups_written, syncs;
    uint64_t frames_live; /* in active and sealed segments */
    uint64_t frames_reserved;
    uint64_t frames_max; /* that fit when the ring has grown to bytes_max */
    uint32_t segments, segments_free, segments_sealed;
    uint32_t segments_max; /* the ring's bound */
    uint64_t generation;   /* of the active segment */
};

void qr_wal_get_stats(struct qr_wal *wal, struct qr_wal_stats *stats);

#endif
