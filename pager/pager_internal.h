/*
 * What the files of this room share. docs/concurrency.md explains the protocol
 * and names the invariants (I1..I12) that the comments cite.
 *
 * Terms:
 *   version   one committed (or private) image of one page
 *   ref       32 bits that say where a version is: a frame of the cache, a
 *             record of the spill file, or the database file
 *   chain     the versions of a page, newest first, from the page table word
 *             through qr_version.prev, in strictly falling order of seq
 *   boundary  the last sequence number of a group: all that a snapshot may see
 */
#ifndef QR_PAGER_INTERNAL_H
#define QR_PAGER_INTERNAL_H

#include "base/check.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/thread.h"
#include "base/vm.h"
#include "pager/pager.h"
#include "wal/wal.h"
#include "wal/wal_pack.h"

/* The page table and the arena reserve more address space than 32 bits have. */
static_assert(sizeof(size_t) >= 8, "Quire needs a 64-bit address space");

/* ---- Refs ---- */

/*
 * 0                         none: in the page table "only the database file has it"
 * 1 .. 2^29-1               frame
 * 100x... 0x80000000|frame  frame that cools down: next to be evicted (page table only)
 * 101x... 0xA0000000|frame  being loaded into that frame (page table only)
 * 11xx... 0xC0000000|record spill record
 * 0xFFFFFFFF                the image in the database file (links only, end of a chain)
 * The loader's frame is part of its mark so that a loader that was overtaken
 * cannot take a later loader's mark for its own.
 */
#define QR_REF_NONE     UINT32_C(0)
#define QR_REF_COOLING  UINT32_C(0x80000000)
#define QR_REF_LOADING  UINT32_C(0xA0000000)
#define QR_REF_SPILL    UINT32_C(0xC0000000)
#define QR_REF_DISK     UINT32_C(0xFFFFFFFF)
#define QR_REF_FRESH    UINT32_C(0xFFFFFFFE) /* private table: allocated, not written yet */
#define QR_REF_FREED    UINT32_C(0xFFFFFFFD) /* private table: freed by the transaction */
#define QR_REF_HOME     UINT32_C(0xFFFFFFFC) /* private table: the database file has it */
#define QR_FRAME_LIMIT  UINT32_C(0x1FFFFFFF)
#define QR_RECORD_LIMIT UINT32_C(0x3FFFFFF0)

static inline bool qr_ref_is_frame(uint32_t ref)
{
    return ref - 1 < QR_FRAME_LIMIT;
}

static inline bool qr_ref_is_cooling(uint32_t ref)
{
    return (ref & UINT32_C(0xE0000000)) == QR_REF_COOLING;
}

static inline bool qr_ref_is_loading(uint32_t ref)
{
    return (ref & UINT32_C(0xE0000000)) == QR_REF_LOADING;
}

static inline bool qr_ref_is_spill(uint32_t ref)
{
    return (ref & QR_REF_SPILL) == QR_REF_SPILL && (ref & ~QR_REF_SPILL) < QR_RECORD_LIMIT;
}

/* ---- Versions ---- */

enum qr_version_state {
    QR_VERSION_FREE = 0,
    QR_VERSION_OWNED,  /* by the thread that fills it, or by the write transaction */
    QR_VERSION_NEWEST, /* the page table word names it */
    QR_VERSION_OLD,    /* behind another version in its chain */
    QR_VERSION_RETIRED /* unlinked; readers may still look at it */
};

/* Guarded by cache.lock, but for prev, which readers follow. */
struct qr_version {
    uint64_t seq;
    _Atomic uint32_t prev;
    uint32_t page_number;
    uint32_t next;     /* frame or record: free and retired lists */
    uint32_t item;     /* place in its group, while seq is above the flushed groups; private: the
                          savepoint that it was last saved at, the writer's own */
    uint64_t image;    /* generation of the log that has the page's last image, as far as known: 0,
                          or QR_IMAGE_DUE; changes under the flush token once it is published */
    uint32_t pin_mark; /* number of the last pin scan that met it */
    uint8_t state;
    bool on_disk;  /* the database file durably holds exactly this image */
    bool spilling; /* being written to the spill file */
    bool fresh;    /* private: the page was allocated by the transaction */
    bool at_home;  /* private: the database file has exactly this image, not synced yet */
};

/* As qr_version.image: the log has changes of the page, and has room reserved for an image. */
#define QR_IMAGE_DUE UINT64_MAX

struct qr_record {
    struct qr_version version;
    uint64_t hash;  /* of the page's bytes from QR_PAGE_NUMBER on */
    uint32_t users; /* threads reading it */
    bool dead;      /* free when the last user leaves */
};

/* ---- Slots ---- */

#define QR_NO_SNAPSHOT UINT64_MAX

struct qr_pin {
    _Atomic uint32_t frame; /* 0 = none */
    struct qr_view *view;
    struct qr_view_buffer *buffer; /* instead of a frame */
    struct qr_pin *next, *previous;
};

/* Written by its owner alone but for `taken` and `held`. */
struct qr_slot {
    _Alignas(128) _Atomic uint64_t snapshot; /* boundary in use or QR_NO_SNAPSHOT */
    _Atomic uint64_t operation;              /* odd inside an operation */
    _Atomic uint32_t taken;
    _Atomic uint32_t held; /* supersede list kept for this slot, + 1; changes under cache.lock */
    _Atomic uint64_t since_ns; /* when its boundary was published */
    struct qr_view view;
    struct qr_pin pin; /* for the first pin of a snapshot; in the list from its first use on */
    bool pin_used;
    void *companion;           /* the view's user's, whoever that is at the time */
    bool labelled;             /* seen by the slot's owner alone: it takes no lock without need */
    char owner[QR_OWNER_SIZE]; /* label, "" when none; under slots.lock */
};

/* The first slots are the pager's own. */
enum {
    QR_SLOT_WRITER = 0,
    QR_SLOT_CHECKPOINT = 1,
    QR_SLOT_FLUSH = 2, /* whoever holds the flush token */
    QR_SLOT_FIRST_READER = 3
};

/* A page that lives outside the cache, for one view: old versions from spill or disk. */
struct qr_view_buffer {
    struct qr_view_buffer *next;
    uint32_t page_number;
    uint32_t pins;
    uint8_t *bytes;
};

/* What a snapshot takes in one step. */
struct qr_boundary {
    _Atomic uint64_t seq;
    _Atomic uint32_t pages;
    _Atomic uint64_t since_ns;
};

#define QR_BOUNDARIES 8

struct qr_slots {
    struct qr_mutex lock; /* rank SLOT: the pin list */
    void *memory;
    size_t memory_size;
    struct qr_slot *slot; /* array */
    uint32_t count;
    struct qr_pin *pins;
    uint32_t *live; /* scratch for collecting: slots with a snapshot; under cache.lock */
    uint32_t live_count;
    uint8_t apart[128];     /* readers load what follows at each begin: keep writes away from it */
    _Atomic uint64_t moves; /* boundaries published; current one is moves % 8 */
    struct qr_boundary boundary[QR_BOUNDARIES];
    uint8_t apart_too[128];
};

/* ---- Cache ---- */

/* A version that was superseded and may be needed by a snapshot: [seq, by). */
struct qr_supersede {
    uint64_t seq, by;
    uint32_t page_number;
    uint32_t next; /* index + 1 */
};

struct qr_supersede_list {
    uint32_t head, tail; /* index + 1; 0 = empty */
};

/* Frames on their way from retired to free. Each passes two grace periods with a look at all pins
 * between them. */
struct qr_grace {
    uint64_t *operations; /* per slot: odd number to outlive, or 0 */
    uint32_t list;
    bool active;
};

struct qr_cache {
    struct qr_mutex lock;  /* rank FRAME: everything here but where noted */
    struct qr_cond loaded; /* a LOADING word changed */

    struct qr_vm_region arena_region, meta_region, record_region, table_region, private_region;
    uint8_t *arena;    /* frames; frame 0 is not used */
    size_t arena_size; /* when it came from the allocator */
    struct qr_version *frame;
    struct qr_record *record;
    _Atomic uint32_t *table;
    uint32_t *private_table;
    uint32_t tables_committed; /* page numbers that both tables can take; changes by the writer */
    uint32_t pages_limit;
    uint32_t frames_limit;     /* the bound */
    uint32_t frames_overlaid;  /* beside it: pages of the log, which who only reads cannot evict */
    uint32_t frames_reserved;  /* address space: bound plus what running operations may hold */
    uint32_t frames_committed; /* frames below it have memory behind them */
    uint32_t meta_committed;   /* and these have a qr_version */
    uint32_t frames_high;      /* frames handed out so far */
    uint32_t free_list, free_list_high;
    _Atomic uint32_t in_use; /* frames not free; changes under lock */
    uint32_t retired;        /* of these, retired */
    _Atomic uint32_t dirty;  /* newest committed versions not in the database file */
    uint32_t hand;

    uint32_t retired_list, retired_count; /* waiting for a grace period */
    struct qr_grace first, second;
    uint32_t pin_scan;
    bool fence; /* no membarrier here */

    uint32_t *scan_ring; /* frames that scans brought in, oldest first; hints */
    uint32_t scan_head, scan_count, scan_capacity;

    struct qr_supersede *supersede;
    size_t supersede_capacity;
    uint32_t supersede_used, supersede_free;
    struct qr_supersede_list superseded; /* in order of `by` */
    struct qr_supersede_list recheck;
    _Atomic uint64_t versions_held;
    _Atomic uint64_t versions_kept; /* of these, for an open snapshot; changes under lock */

    uint32_t *resident; /* ids of trees whose newest pages are not evicted */
    size_t resident_count, resident_capacity;

    struct qr_file *spill_file;         /* opened at first need */
    uint32_t records_high, record_free; /* record_free: index + 1 */
    size_t records_bytes;               /* committed */
    quire_status spill_status; /* of the last spill that failed; QUIRE_OK after a success */
    quire_error spill_error;
};

/* ---- Commit ---- */

struct qr_group_item {
    uint32_t ref;
    uint32_t page_number;
};

struct qr_group {
    struct qr_group_item *items;
    size_t count, capacity;
    uint64_t start; /* first sequence number that belongs to it */
    uint64_t end;   /* last one published into it; start - 1 when empty */
    uint32_t commits;
    uint32_t pages, free_pages; /* of the database after it */
    uint64_t number;
};

/* How small changes of pages are logged; whoever holds the flush token. See delta.c. */
struct qr_delta {
    uint8_t *packs;  /* QR_DELTA_PACKS pages */
    uint32_t *items; /* of the pack being filled: places in the group */
    uint32_t *due;   /* pages that need an image before the next checkpoint; some twice */
    size_t due_count, due_capacity;
    uint64_t covered; /* images in generations up to this one may be gone any time */
    bool whole;       /* pack nothing: a checkpoint has logged the images and seals */
    bool packed;      /* packs are in segments that no checkpoint covers */
};

/* The thread that sees asynchronous commits through; guarded by the group lock. */
struct qr_async {
    struct qr_thread thread;
    struct qr_cond work;
    bool created, started, stop;
    uint64_t wanted_seq, wanted_group; /* the newest asynchronous commit */
    struct qr_ticket *first, *last;    /* whose `done` is to be called, in order of seq */
};

/* Where a transaction was published. */
struct qr_published {
    uint64_t seq, group;
    size_t frames; /* that it added to the group */
    bool done;     /* false: a segment was sealed meanwhile, prepare again */
};

#define QR_GROUP_WORDS 4

struct qr_commit {
    struct qr_mutex lock; /* rank GROUP */
    /* What the commits of a group sleep on, by the group's number: changes, under the lock, when
     * they are to look again. */
    _Atomic uint32_t turn[QR_GROUP_WORDS];
    _Atomic uint32_t sleepers; /* on any of them; more under the lock, fewer at any time */
    struct qr_cond idle;       /* the token is free */
    struct qr_group open, flight;
    uint64_t sequence; /* newest published */
    uint32_t pages, free_pages;
    /* The newest commit that took pages off the end, and how many pages there were before, until
     * the file is cut to size; 0 = none. Until then the pages beyond the end stay as they were,
     * for snapshots. Change under the writer lock too. */
    uint64_t cut_seq;
    uint32_t cut_from;
    bool flushing;         /* somebody holds the flush token */
    uint32_t token_wanted; /* exclusive takers waiting */
    _Atomic uint64_t synced_seq;
    _Atomic bool poisoned;
    quire_error poison;      /* why; written before `poisoned` */
    bool header_open;        /* the header on disk says "log in use" */
    bool header_framed;      /* the segments since the last seal hold a frame of page 0 */
    _Atomic uint32_t joined; /* commits in the open group */
    uint32_t expect;
    uint64_t flush_ns; /* moving average */
    uint8_t *staging;  /* QR_STAGING_PAGES images; whoever holds the token */
    struct qr_delta delta;
    struct qr_async async;
};

#define QR_STAGING_PAGES 16U

/* ---- Checkpoint ---- */

/* A checkpoint under way; of whoever has set checkpoint.running. */
struct qr_run {
    struct qr_pager *pager;
    bool closing;
    bool again;      /* another round is needed */
    unsigned rounds; /* begun */
    struct qr_view *view;
    uint32_t *pages; /* framed in sealed segments, sorted */
    size_t count;
    size_t at;           /* of these, copied */
    uint64_t *seqs;      /* of the versions written; 0 = none */
    uint64_t generation; /* newest one that is copied */
    uint8_t *staging;    /* QR_STAGING_PAGES images of spilled versions */
};

struct qr_checkpoint {
    struct qr_mutex lock; /* rank CHECKPOINT: the fields below; not held while one runs */
    struct qr_cond work, finished;
    struct qr_thread thread;
    bool created, started, stop;
    bool begun;   /* there is a run */
    bool running; /* and a thread goes on with it, without the lock */
    struct qr_run run;
    uint64_t asked, done; /* tickets: a run that begins serves all tickets given so far */
    uint64_t ticket;      /* newest that the run serves */
    uint64_t begun_ns;
    quire_status status; /* of the last run */
    quire_error error;
    uint64_t commits_at_begin;
    _Atomic bool urgent; /* commits wait for a run */
};

/* ---- Free map ---- */

/* What the writer knows of one map page. Guarded by the writer lock. */
struct qr_region {
    uint64_t *available; /* 1 = free and no snapshot needs it; NULL = not loaded */
    uint32_t count;      /* bits set */
    uint32_t hint;       /* word where a search starts */
};

struct qr_deferred {
    uint64_t seq; /* commit that freed it */
    uint32_t page_number;
};

struct qr_free_map {
    struct qr_region *regions;
    size_t region_count, region_capacity;
    uint64_t available;           /* sum over loaded regions */
    uint32_t cursor;              /* region where a search starts */
    struct qr_deferred *deferred; /* ring in order of seq */
    size_t deferred_head, deferred_count, deferred_capacity;
};

/* ---- Transaction ---- */

struct qr_fresh_run {
    uint32_t first, count, tree_id;
    uint8_t type;
};

/* What the transaction had when a savepoint was opened. */
struct qr_savepoint {
    uint32_t id;
    uint32_t mark; /* its id, or that of the last call noted in it */
    uint32_t pages, free_pages;
    size_t own_count, run_count, allocated_count, freed_count, undo_count, map_step_count;
    size_t calls_used;
    bool doomed;
    bool statement;
};

/* One note of savepoint.c. */
struct qr_undo {
    uint32_t page_number;
    uint32_t ref;      /* what the private table had; QR_REF_DISK: a call, see below */
    uint32_t saved_at; /* with an image: the copy's mark before; of a call: where it is noted */
    uint8_t *image;    /* bytes to write back; NULL: the ref is put back */
};

struct qr_map_step {
    uint32_t page_number;
    bool available; /* what it became */
};

struct qr_txn {
    struct qr_pager *pager;
    struct qr_view view;
    uint32_t *own; /* page numbers that have, or had, a private copy */
    size_t own_count, own_capacity;
    struct qr_fresh_run *runs;
    size_t run_count, run_capacity;
    uint32_t *allocated; /* from the free map */
    size_t allocated_count, allocated_capacity;
    uint32_t *freed; /* committed pages */
    size_t freed_count, freed_capacity;
    uint32_t pages, pages_at_begin;
    uint32_t free_pages;
    uint32_t frames; /* private frames in memory */
    size_t spill_hand;
    void *note; /* for the watch; NULL: none */
    bool doomed;
    bool spill_failed; /* cache.spill_error says how */
    bool drained;      /* deferred pages have been looked at */

    uint64_t fresh_pages; /* private copies made of new pages, so far */
    uint64_t direct_next; /* number of them at which direct.c looks again */
    uint64_t direct_lsn;  /* of pages written to the database file; 0 = none may be */
    size_t direct_hand;   /* pages of `own` before it have had their turn */
    uint64_t direct_written, direct_changed; /* pages written, and changed again */
    bool direct_unsynced; /* something was written since the database file was synced */

    struct qr_savepoint *savepoints; /* open ones, outermost first */
    size_t savepoint_count, savepoint_capacity;
    uint32_t savepoint;      /* id of the innermost; 0 = none */
    uint32_t savepoint_last; /* ids are given out once */
    struct qr_undo *undo;    /* since the outermost was opened */
    size_t undo_count, undo_capacity;
    struct qr_map_step *map_steps;
    size_t map_step_count, map_step_capacity;
    uint32_t savepoint_kept; /* id of the innermost that is no statement; 0 = none */
    uint32_t mark;  /* what a page is marked with when it is saved: the innermost savepoint's id,
                         or that of a call noted since */
    bool simple;    /* the innermost is a statement, and not within another one */
    bool undoing;   /* a call takes a change back */
    uint8_t *calls; /* calls noted by statements, one behind the other */
    size_t calls_used, calls_capacity;
    uint8_t *images_free; /* each links to the next */
    uint32_t images;      /* in memory, free or not */
};

/* ---- Pager ---- */

struct qr_counters {
    _Atomic uint64_t commits, rollbacks, groups, checkpoints, pages_written, database_syncs;
    _Atomic uint64_t page_reads, read_calls, evictions, spills, pages_direct, readers_expired;
    _Atomic uint64_t log_images, log_changes;
};

struct qr_pager {
    struct qr_file_layer *layer;
    const quire_allocator *allocator;
    char *path, *wal_path;
    size_t path_size, wal_path_size;
    struct qr_pager_options options;
    uint32_t page_size;
    uint8_t page_shift;
    uint8_t id[16];
    uint64_t seed; /* low word of id */
    bool read_only;
    bool unclean;              /* the header said so at opening */
    struct qr_file_layer *lax; /* durability OFF, where it can be told that the machine stopped: */
    uint64_t boot;             /* since when it runs, which page 0 says from the first commit on */
    uint64_t bytes_at_open;    /* of the file; read-only */
    struct qr_file *file;
    struct qr_wal *wal;
    struct qr_gate writer;     /* rank WRITER */
    struct qr_mutex file_lock; /* rank DATABASE: length of the database file, and its syncs with
                                  what they tell, which the system says only once */
    char writer_owner[QR_OWNER_SIZE]; /* label of who holds it, or did last; under commit.lock */
    bool writer_created, file_lock_created;
    struct qr_cache cache;
    struct qr_slots slots;
    struct qr_commit commit;
    struct qr_checkpoint checkpoint;
    struct qr_free_map free_map;
    struct qr_counters counters;
};

static inline void qr_count(_Atomic uint64_t *counter, uint64_t by)
{
    (void)atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static inline uint64_t qr_counted(_Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline uint8_t *qr_frame_bytes(const struct qr_pager *pager, uint32_t frame)
{
    return pager->cache.arena + ((size_t)frame << pager->page_shift);
}

/* ---- page.c: images and the database file ---- */

uint64_t qr_page_checksum(const struct qr_pager *pager, uint32_t page_number, const uint8_t *page);
void qr_page_seal(const struct qr_pager *pager, uint32_t page_number, uint8_t *page);
/* Checks checksum and number of an image that came from the database file. */
quire_status qr_page_verify(const struct qr_pager *pager, uint32_t page_number, const uint8_t *page,
                            quire_error *err);
/* Reads and verifies one page of the database file. */
quire_status qr_page_read(struct qr_pager *pager, uint32_t page_number, uint8_t *page,
                          quire_error *err);
void qr_page_init(uint8_t *page, uint32_t page_size, uint32_t page_number, uint8_t type,
                  uint32_t tree_id);
quire_status qr_database_sync(struct qr_pager *pager, quire_error *err);
/* The same while others may sync it: a failure, which the system tells once, poisons before the
 * next one can begin. */
quire_status qr_database_sync_shared(struct qr_pager *pager, quire_error *err);
/* The whole pages that the file has. */
quire_status qr_file_pages(struct qr_pager *pager, uint64_t *pages, quire_error *err);
/* Makes the file at least as long as so many pages, so that a short file is a damaged one; `cut`:
 * no longer than that, either. */
quire_status qr_file_resize(struct qr_pager *pager, uint32_t pages, bool cut, quire_error *err);

/* ---- frame.c: arena, allocation, eviction ---- */

quire_status qr_cache_create(struct qr_pager *pager, quire_error *err);
void qr_cache_destroy(struct qr_pager *pager);
/* Makes the page tables cover `pages` page numbers. Writer only. */
quire_status qr_cache_cover(struct qr_pager *pager, uint32_t pages, quire_error *err);
/* A frame of state LOADING, owned by the caller. Takes and releases cache.lock; may write to the
 * spill file. */
quire_status qr_frame_alloc(struct qr_pager *pager, uint32_t *frame, quire_error *err);
/* Frees a frame that no other thread has ever been able to see. Locked by the caller. */
void qr_frame_free(struct qr_pager *pager, uint32_t frame);
/* Gives an unlinked version back after the readers that may see it have left. Locked. */
void qr_version_retire(struct qr_pager *pager, uint32_t ref);
/* After allocating for an operation of the view, and when a transaction begins: when much memory
 * waits for operations to end, the view's next one begins with a wait. */
void qr_cache_note_pressure(struct qr_view *view);
/* That wait; bounded. The caller is outside any operation. */
void qr_cache_relax(struct qr_pager *pager);
/* Notes that a scan brought a frame in. Locked. */
void qr_scan_remember(struct qr_pager *pager, uint32_t frame);

/* ---- reclaim.c: grace periods ---- */

quire_status qr_reclaim_create(struct qr_pager *pager, quire_error *err);
void qr_reclaim_destroy(struct qr_pager *pager);
/* Frees what can be freed, without waiting. cache.lock held. */
void qr_reclaim_poll(struct qr_pager *pager);

/* Locked: gives every frame that a pin holds the mark cache.pin_scan, which is new. */
void qr_reclaim_mark_pins(struct qr_pager *pager);

/* ---- version.c: chains ---- */

/* What a ref describes; NULL for NONE and DISK. A record's only under cache.lock. */
struct qr_version *qr_version_of(struct qr_pager *pager, uint32_t ref);

/* The ref that links to the version of `page_number` with number `seq`; false when it is in no
 * frame or record. *holder is the newer version's, or NONE when it is the page table word.
 * Locked. */
bool qr_chain_find(struct qr_pager *pager, uint32_t page_number, uint64_t seq, uint32_t *ref,
                   uint32_t *holder);
/* Points the link that `holder` has (see qr_chain_find) to `ref`. Locked. */
void qr_chain_relink(struct qr_pager *pager, uint32_t page_number, uint32_t holder, uint32_t ref);
/* The page table word without its cooling mark; NONE while loading. Locked. */
uint32_t qr_chain_head(struct qr_pager *pager, uint32_t page_number);
/* The newest version with seq <= ceiling: ref, DISK, or NONE when nothing that old exists.
 * Locked. */
uint32_t qr_chain_at(struct qr_pager *pager, uint32_t head, uint64_t ceiling);

/* Makes room for `count` supersede entries, so that publishing cannot fail. Locked. */
quire_status qr_supersede_reserve(struct qr_pager *pager, size_t count, quire_error *err);
/* Notes that a version is to be dropped when no snapshot needs it; room is reserved. `late`: its
 * successor is visible already. Locked. */
void qr_supersede_add(struct qr_pager *pager, uint32_t page_number, uint64_t seq, uint64_t by,
                      bool late);
/* Drops all versions of pages [from, to), which no snapshot needs nor will. Takes cache.lock. */
void qr_version_drop_pages(struct qr_pager *pager, uint32_t from, uint32_t to);
/* Drops versions that no snapshot needs. Takes cache.lock. Any thread. */
void qr_version_collect(struct qr_pager *pager);
/* A slot has given its snapshot up. */
void qr_version_release_slot(struct qr_pager *pager, struct qr_slot *slot);
/* Makes `ref` the newest version of a page. Group lock and cache.lock held, room reserved. */
void qr_version_publish(struct qr_pager *pager, uint32_t page_number, uint32_t ref, uint64_t seq,
                        bool fresh);

/* ---- slot.c: snapshots ---- */

quire_status qr_slots_create(struct qr_pager *pager, uint32_t readers, quire_error *err);
void qr_slots_destroy(struct qr_pager *pager);
void qr_view_init(struct qr_pager *pager, struct qr_view *view, struct qr_slot *slot);
uint64_t qr_visible_seq(struct qr_pager *pager);
uint32_t qr_visible_pages(struct qr_pager *pager);
/* Moves the newest boundary. Flush token held. */
void qr_boundary_publish(struct qr_pager *pager, uint64_t seq, uint32_t pages);
/* The oldest boundary that a snapshot has or may still take. */
uint64_t qr_oldest_boundary(struct qr_pager *pager);
/* Whether the snapshot was taken away: versions that it needs may be gone. False for a transaction.
 * Under cache.lock the answer "no" holds until the lock is released. */
bool qr_snapshot_expired(const struct qr_view *view);
/* What options.versions_policy asks for before the transaction commits: BUSY, or the oldest
 * snapshots expire. */
quire_status qr_versions_bound(struct qr_txn *txn, quire_error *err);
/* Snapshot in one of the pager's own slots. */
struct qr_view *qr_snapshot_take(struct qr_pager *pager, struct qr_slot *slot);
void qr_view_drop_buffers(struct qr_view *view);
/* A buffer of one page attached to the view. */
quire_status qr_view_buffer_add(struct qr_view *view, uint32_t page_number, uint8_t **bytes,
                                quire_error *err);
void qr_view_buffer_remove(struct qr_view *view, const uint8_t *bytes);

/* Copies a label, cut to its size at the end of a character; NULL is "". */
void qr_owner_copy(char label[QR_OWNER_SIZE], const char *owner);

/* ---- delta.c: groups as frames of the log ---- */

quire_status qr_delta_create(struct qr_pager *pager, quire_error *err);
void qr_delta_destroy(struct qr_pager *pager);
/* Appends a group to the log, small changes of pages in packs. Flush token held. */
quire_status qr_delta_write_group(struct qr_pager *pager, const struct qr_group *group,
                                  quire_error *err);
/* Appends images of up to `most` of the pages that are due one, as they are at the newest boundary.
 * A failure poisons. Flush token held, the open group flushed. */
quire_status qr_delta_log_images(struct qr_pager *pager, size_t most, quire_error *err);

/* ---- complete.c: recovery of packs ---- */

/* Adds to the log, of which a scan has found something, an image of every page whose last change is
 * in a pack, and brings `found` up to date. CORRUPT, and nothing written, when the file has lost
 * pages. */
quire_status qr_log_complete(struct qr_pager *pager, const struct qr_wal_options *options,
                             struct qr_wal_scan_result *found, quire_error *err);
/* Applies a record to a page; CORRUPT if that is not the version it changes. The checksum is made
 * anew. */
quire_status qr_log_apply(struct qr_pager *pager, const struct qr_pack_record *record,
                          uint8_t *page, quire_error *err);

/* ---- spill.c ---- */

void qr_spill_destroy(struct qr_pager *pager);
/* Writes one page image to a new record. No lock held. The record has state LOADING. */
quire_status qr_spill_write(struct qr_pager *pager, const uint8_t *page, uint32_t *ref,
                            quire_error *err);
/* Reads a record into `page` and stamps number and lsn. The record must be held by the caller
 * through `users` or privately. No lock held. */
quire_status qr_spill_read(struct qr_pager *pager, uint32_t ref, uint8_t *page, quire_error *err);
/* Locked: begin and end the use of a record; frees a dead one at its last use. */
void qr_record_hold(struct qr_pager *pager, uint32_t ref);
void qr_record_drop(struct qr_pager *pager, uint32_t ref);
/* Locked: the record is not linked any more. */
void qr_record_retire(struct qr_pager *pager, uint32_t ref);

/* ---- free_map.c ---- */

void qr_free_map_destroy(struct qr_pager *pager);
quire_status qr_free_map_take(struct qr_txn *txn, uint32_t near, uint32_t count, uint32_t *first,
                              uint32_t *got, quire_error *err);
quire_status qr_free_map_give(struct qr_txn *txn, uint32_t page_number, bool fresh,
                              quire_error *err);
/* The lowest free page below `limit`, and up to count - 1 that follow it; *got 0 when there is
 * none. */
quire_status qr_free_map_take_below(struct qr_txn *txn, uint32_t limit, uint32_t count,
                                    uint32_t *first, uint32_t *got, quire_error *err);
/* Free pages of the view, counted on its map pages. */
quire_status qr_free_map_count(struct qr_view *view, uint32_t *free_pages, quire_error *err);
/* The transaction is published with number seq, or undone. Neither fails. */
void qr_free_map_published(struct qr_txn *txn, uint64_t seq);
void qr_free_map_undo(struct qr_txn *txn);

/* Undoes one step of the sets in memory. */
void qr_free_map_revert(struct qr_txn *txn, uint32_t page_number, bool available);

/* ---- savepoint.c ---- */

/* Room for notes about so many pages, so that noting cannot fail; nothing without a savepoint. */
quire_status qr_undo_reserve(struct qr_txn *txn, size_t more, quire_error *err);
/* Notes that the private table had `ref` for the page, and keeps what it names. Room reserved. */
void qr_undo_note(struct qr_txn *txn, uint32_t page_number, uint32_t ref);
/* Notes that a page became available, or not, in the sets in memory. Room reserved. */
void qr_undo_note_map(struct qr_txn *txn, uint32_t page_number, bool available);
/* Saves the private copy of a page, in a frame, before it is changed, unless that has been done
 * since the savepoint `since`, which is open. */
quire_status qr_undo_save(struct qr_txn *txn, uint32_t page_number, uint32_t since,
                          quire_error *err);
/* At the end of the transaction: forgets all savepoints, then frees their memory. */
void qr_txn_drop_savepoints(struct qr_txn *txn);
void qr_txn_free_savepoints(struct qr_txn *txn);

/* ---- txn.c ---- */

/* Materialises a page of a run that was allocated but not written. */
quire_status qr_txn_materialise(struct qr_txn *txn, uint32_t page_number, quire_error *err);
/* Brings a private page back that has left memory for the spill file or its place. */
quire_status qr_txn_unspill(struct qr_txn *txn, uint32_t page_number, quire_error *err);
/* Spills private pages when there are too many. At the start of an operation. Returns whether there
 * are still too many. */
bool qr_txn_make_room(struct qr_txn *txn);
/* A new private page, zeroed beyond its header. */
quire_status qr_txn_create_page(struct qr_txn *txn, uint32_t page_number, uint8_t type,
                                uint32_t tree_id, uint8_t **page, quire_error *err);
/* Forgets the private copy of a page, if there is one. */
void qr_txn_drop_page(struct qr_txn *txn, uint32_t page_number);
/* Frees the transaction's memory and lets the next writer in. */
void qr_txn_release(struct qr_txn *txn);

/* ---- direct.c: new pages straight to the database file ---- */

void qr_direct_init(struct qr_txn *txn);
/* At the start of an operation: begins the direct route when enough pages are new, and writes
 * some. */
void qr_direct_write_ahead(struct qr_txn *txn);
/* Takes a new page out of its frame if the database file has or may have its image. */
bool qr_direct_leave(struct qr_txn *txn, uint32_t page_number);
/* Before publishing, behind the last operation: writes what may still be written, syncs the
 * database file. */
quire_status qr_direct_finish(struct qr_txn *txn, quire_error *err);
/* Private pages that the commit has to log. */
size_t qr_direct_count_logged(const struct qr_txn *txn);
/* Publishes a page that the database file has; false when it has not. Group lock and cache.lock
 * held. */
bool qr_direct_publish(struct qr_txn *txn, uint32_t page_number, uint32_t ref);

/* ---- commit.c ---- */

quire_status qr_commit_create(struct qr_pager *pager, quire_error *err);
void qr_commit_destroy(struct qr_pager *pager);
void qr_commit_start(struct qr_pager *pager, uint64_t sequence, uint32_t pages, uint32_t free_pages,
                     bool header_open);
quire_status qr_commit_poisoned(struct qr_pager *pager, quire_error *err);
void qr_commit_poison(struct qr_pager *pager, const quire_error *why);
/* The flush token, for those who need the log to themselves. */
void qr_token_take(struct qr_pager *pager);
void qr_token_release(struct qr_pager *pager);
/* Token held: writes the open group, if any, to the log; syncs when told. */
quire_status qr_group_flush(struct qr_pager *pager, bool sync, quire_error *err);
/* Token held: publishes a new version of page 0 alone and flushes it, synced. *room false, and
 * nothing done, when the log is full. */
quire_status qr_group_flush_header(struct qr_pager *pager, bool clean, bool *room,
                                   quire_error *err);
/* Publishes the transaction's pages and waits until they are as durable as the mode says. Releases
 * the transaction in every case. */
/* The newest commit, acknowledged or not. */
void qr_commit_newest(struct qr_pager *pager, struct qr_published *out);

/* The first half of that: publishes, and releases the transaction in every case. */
quire_status qr_commit_publish(struct qr_txn *txn, struct qr_published *out, quire_error *err);
/* The second half: waits for the flush, leading it if nobody does. */
quire_status qr_commit_wait(struct qr_pager *pager, uint64_t seq, uint64_t group, quire_error *err);

/* ---- resident.c ---- */

/* Whether the frame, which holds a newest version, is to stay. Locked. */
bool qr_frame_is_resident(struct qr_pager *pager, uint32_t frame);

/* ---- async.c ---- */

quire_status qr_async_create(struct qr_pager *pager, quire_error *err);
void qr_async_destroy(struct qr_pager *pager);
/* Sees all asynchronous commits through and ends the thread. */
void qr_async_stop(struct qr_pager *pager);
/* Starts the thread if it does not run. Writer lock held. */
quire_status qr_async_start(struct qr_pager *pager, quire_error *err);
/* Takes a ticket over, if it has a `done`, and has its commit flushed. */
void qr_async_add(struct qr_pager *pager, struct qr_ticket *ticket);

/* ---- checkpoint.c: one run ---- */

/* Begins a run: what is to be copied is sealed. Whatever it returns, qr_run_end follows. */
quire_status qr_run_begin(struct qr_run *run, struct qr_pager *pager, bool closing,
                          quire_error *err);
/* Copies up to `pages` pages; *done when all are copied and their segments free. */
quire_status qr_run_continue(struct qr_run *run, size_t pages, bool *done, quire_error *err);
/* Releases what the run has; `status` and `error` are for the hook. */
void qr_run_end(struct qr_run *run, quire_status status, const quire_error *error);
/* Commits that do not sync leave that to syncs under the flush token, for which all others wait:
 * does most of it before the token is taken. A failure poisons. */
quire_status qr_log_sync_ahead(struct qr_pager *pager, quire_error *err);

/* ---- checkpointer.c: when ---- */

quire_status qr_checkpoint_create(struct qr_pager *pager, quire_error *err);
void qr_checkpoint_destroy(struct qr_pager *pager);
/* Starts the background thread if it has to look by time; else it starts when first asked. */
quire_status qr_checkpoint_start(struct qr_pager *pager, quire_error *err);
void qr_checkpoint_stop(struct qr_pager *pager);
/* The last checkpoint, by the calling thread, after qr_checkpoint_stop. */
quire_status qr_checkpoint_at_close(struct qr_pager *pager, quire_error *err);
/* Asks the background thread for one and waits until one that began after the call has ended. */
quire_status qr_checkpoint_wait(struct qr_pager *pager, quire_error *err);
/* Asks, without waiting. */
void qr_checkpoint_ask(struct qr_pager *pager);
/* After a flushed group: what the policy, the ring and the cache wish. */
quire_checkpoint_wish qr_checkpoint_wish(struct qr_pager *pager);

/* ---- recover.c ---- */

struct qr_file_header {
    uint8_t id[16];
    uint32_t page_size, pages, free_pages, flags;
    uint64_t sequence, boot;
};

/* Reads page 0 and takes page size and id from it, or from the log when it is damaged; then
 * header->pages is 0 until qr_recover. */
quire_status qr_recover_identify(struct qr_pager *pager, struct qr_file_header *header,
                                 quire_error *err);
/* Opens the log into pager->wal and recovers what it holds. Corrects the numbers in `header`. */
quire_status qr_recover(struct qr_pager *pager, struct qr_file_header *header, quire_error *err);
/* CORRUPT: the file, of `in_file` pages, was cut, and page `lost` is nowhere. */
quire_status qr_recover_fail_short(const struct qr_pager *pager, uint64_t in_file, uint32_t pages,
                                   uint32_t lost, quire_error *err);
/* Puts the log's pages over the database in memory; writes nothing. */
quire_status qr_recover_read_only(struct qr_pager *pager, struct qr_file_header *header,
                                  quire_error *err);
/* Reads page 0 of the database file. NOT_A_DATABASE, FORMAT_VERSION, CORRUPT. */
quire_status qr_header_read(struct qr_pager *pager, struct qr_file_header *header,
                            quire_error *err);
/* Writes a new database: pages 0 to 2, then its log. */
quire_status qr_database_create(struct qr_pager *pager, struct qr_file_header *header,
                                quire_error *err);
/* From here on nothing is synced, if that was asked for: page 0 on disk says so. */
void qr_pager_relax(struct qr_pager *pager);
/* Stores the numbers that page 0 carries; `boot` is 0 when what it tells of is synced. */
struct qr_header_numbers {
    uint64_t sequence, boot;
    uint32_t pages, free_pages;
    bool clean;
};
void qr_header_stamp(uint8_t *page, const struct qr_header_numbers *numbers);

#endif
