/*
 * A database: one file, its write-ahead log beside it, and the options it is
 * opened with.
 */
#ifndef QUIRE_DATABASE_H
#define QUIRE_DATABASE_H

#include <stdbool.h>

#include "quire/memory.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An open database. Any thread may use it; close it when no other call runs. */
typedef struct quire_db quire_db;

/*
 * What an acknowledged commit has survived.
 *   FULL    the log is synced before commit returns: survives power loss.
 *   NORMAL  the log is written at commit and synced at checkpoints and every
 *           sync_interval_ms: survives a crash of the process; a power loss
 *           takes back the newest commits, never breaks the order or the file.
 *   OFF     nothing is synced from the first commit until quire_close: survives
 *           a crash of the process. Should the machine stop in between, the
 *           next opening refuses the file with CORRUPT: for data that can be
 *           had again. (Where the system cannot tell its starts apart,
 *           checkpoints sync as with NORMAL, and the file stays sound.)
 */
typedef enum quire_durability {
    QUIRE_DURABILITY_FULL = 0,
    QUIRE_DURABILITY_NORMAL = 1,
    QUIRE_DURABILITY_OFF = 2
} quire_durability;

/* What a checkpoint policy looks at. All counts are since the last checkpoint began. */
typedef struct quire_checkpoint_state {
    uint64_t frames;     /* frames in the log whose pages are not in the database file yet */
    uint64_t wal_bytes;  /* bytes of log they occupy */
    uint64_t elapsed_ms; /* time since the last checkpoint began */
    uint64_t commits;    /* commits since then */
} quire_checkpoint_state;

typedef enum quire_checkpoint_wish {
    QUIRE_CHECKPOINT_NONE = 0,    /* not now */
    QUIRE_CHECKPOINT_PASSIVE = 1, /* start one in the background */
    QUIRE_CHECKPOINT_URGENT = 2   /* start one, and let commits wait for it */
} quire_checkpoint_wish;

/*
 * When to copy logged pages into the database file. `wish` is asked after each
 * flushed group and, if poll_ms is not 0, at least that often; it must not
 * call the library. `context` is passed back to it. The struct is copied by
 * quire_open; what `context` points to is borrowed until close.
 */
typedef struct quire_checkpoint_policy {
    quire_checkpoint_wish (*wish)(void *context, const quire_checkpoint_state *state);
    void *context;
    uint32_t poll_ms;
} quire_checkpoint_policy;

/*
 * Ready-made policies. A frame holds a page, or many small changes of pages: a
 * transaction that changes a thousand pages a little takes some forty frames.
 * The pages it changes take a frame each once more before they are copied,
 * however often they have changed. So the further checkpoints are apart, the
 * less is written for small changes in random places; the log must have room
 * for all pages changed in between.
 *   frame_count  when so many frames wait; the default is frame_count(1000)
 *   log_bytes    when the frames that wait take so many bytes of log
 *   interval     so long after the last one began, if a frame waits
 *   any          the strongest wish of several policies, which are borrowed
 *                until close; it is polled as often as the most frequent of them
 *   manual       never: only quire_checkpoint and the log's own bound start one
 */
QUIRE_API quire_checkpoint_policy quire_checkpoint_frame_count(uint32_t frames);
QUIRE_API quire_checkpoint_policy quire_checkpoint_log_bytes(size_t bytes);
QUIRE_API quire_checkpoint_policy quire_checkpoint_interval(uint32_t interval_ms);
QUIRE_API quire_checkpoint_policy quire_checkpoint_manual(void);

typedef struct quire_checkpoint_policies {
    const quire_checkpoint_policy *policies; /* each with a `wish` */
    size_t count;
} quire_checkpoint_policies;
QUIRE_API quire_checkpoint_policy quire_checkpoint_any(const quire_checkpoint_policies *policies);

/* In whose time the checkpoints are made that a policy wishes for. */
typedef enum quire_checkpoint_place {
    /* By a thread of the database's own, which is started when it is first needed. */
    QUIRE_CHECKPOINT_BACKGROUND = 0,
    /* By the threads that commit, after their commit is confirmed, a slice of pages each; no thread
     * is started but for QUIRE_DURABILITY_NORMAL. Policies are asked by commits only. */
    QUIRE_CHECKPOINT_IN_COMMIT = 1
} quire_checkpoint_place;

struct quire_txn;

/* A full segment of the log, as a hook sees it. */
typedef struct quire_segment {
    uint64_t generation; /* number of the segment in the order of writing, from 1 */
    uint64_t size;       /* bytes in use: its header and its frames, see docs/wal-format.md */
    uint32_t frames;
    /* Reads from the segment into `buffer`; during the hook's call only. */
    quire_status (*read)(const struct quire_segment *segment, uint64_t offset, void *buffer,
                         size_t size, quire_error *err);
    const void *reader;
} quire_segment;

/*
 * What a program can be told of. Any member may be NULL. Hooks are called from
 * several threads, at once too, with `context`, without a lock of the library but,
 * in before_commit, the writer lock. None may close the database, wait for
 * another write transaction, or ask for a checkpoint.
 */
typedef struct quire_hooks {
    void *context;
    /* Before a write transaction is committed. It may read and change through the transaction; a
     * status other than OK rolls it back and is returned by the commit. */
    quire_status (*before_commit)(void *context, struct quire_txn *txn, quire_error *err);
    /* After a commit that changed something was confirmed. Not in the order of commits. */
    void (*after_commit)(void *context, uint64_t sequence);
    /* Around each checkpoint, the one of quire_close included. `error` is NULL on OK. */
    void (*before_checkpoint)(void *context);
    void (*after_checkpoint)(void *context, quire_status status, const quire_error *error);
    /* Before a segment whose pages are in the database file is used again: oldest first, each at
     * least once, but for those that a crash leaves, which the next open recovers unseen. Frames
     * hold images of pages and changes of pages (docs/wal-format.md). A status other than OK fails
     * the checkpoint: the segment stays and is shown again. */
    quire_status (*segment_sealed)(void *context, const quire_segment *segment, quire_error *err);
} quire_hooks;

/*
 * What happens to page versions that only open read transactions need. The log
 * holds none for them, so its size does not depend on readers.
 *   SPILL   kept for as long as they are needed: in the cache, and what does
 *           not fit there in a temporary file, which has no bound
 *   REFUSE  a commit that could make them more than versions_bytes_max fails
 *           with BUSY, which names the oldest reader, and is rolled back
 *   EXPIRE  the oldest readers lose their snapshot instead: their next read of a
 *           page that has changed since fails with SNAPSHOT_TOO_OLD. Such a
 *           transaction must still be ended.
 */
typedef enum quire_versions_policy {
    QUIRE_VERSIONS_SPILL = 0,
    QUIRE_VERSIONS_REFUSE = 1,
    QUIRE_VERSIONS_EXPIRE = 2
} quire_versions_policy;

typedef enum quire_open_mode {
    QUIRE_OPEN_CREATE = 0,     /* read and write; create the file if it is missing */
    QUIRE_OPEN_READ_WRITE = 1, /* read and write; the file must exist */
    QUIRE_OPEN_NEW = 2,        /* read and write; fail with QUIRE_EXISTS if the file exists */
    QUIRE_OPEN_READ_ONLY = 3   /* read; the file must exist; nothing on disk is written */
} quire_open_mode;

/*
 * What is asked of a path or a file before it is used; bits of quire_options.rules. Without
 * them a path must not end in a symbolic link, its directory may be anybody's, and pages are
 * checked as they are read.
 *   FOLLOW_LINK        the path may be a symbolic link; the log is beside the file it leads to
 *   PRIVATE_DIRECTORY  PERMISSION where everybody may write in the directory, and so replace the
 *                      file, unless it has the sticky bit; with FOLLOW_LINK the directories of
 *                      the links are looked at, too
 *   CHECK_FIRST        the whole database is read and checked first, as quire_inspect_database
 *                      and quire_inspect_indexes do: CORRUPT, with the first thing found, when it
 *                      is damaged; file and log stay as they were. For files that come from
 *                      elsewhere
 */
typedef enum quire_open_rule {
    QUIRE_RULE_FOLLOW_LINK = 1,
    QUIRE_RULE_PRIVATE_DIRECTORY = 2,
    QUIRE_RULE_CHECK_FIRST = 4
} quire_open_rule;

/*
 * Options of quire_open. Start from QUIRE_OPTIONS_INIT; a zero field means its
 * default. page_size counts only when the file is created.
 */
typedef struct quire_options {
    size_t size;                 /* sizeof(quire_options) */
    quire_open_mode mode;        /* default QUIRE_OPEN_CREATE */
    quire_durability durability; /* default QUIRE_DURABILITY_FULL */
    uint32_t page_size;          /* bytes, power of two, 1,024..32,768; default 4,096 */
    uint32_t lock_timeout_ms;    /* wait for the writer lock; 0 = 30,000; 1 hardly waits */
    uint32_t readers_max;        /* snapshots open at once; default 126, at most 4,096 */
    uint64_t cache_bytes;        /* page cache; default a quarter of the memory; >= 64 pages */
    uint64_t wal_bytes_max;      /* log size at which commits wait; default 64 MiB */
    uint32_t sync_interval_ms;   /* QUIRE_DURABILITY_NORMAL; default 100 */
    uint32_t wal_segment_bytes;  /* power of two; 0 = chosen; for tests of log turnover */
    quire_checkpoint_policy checkpoint;    /* wish NULL = frame_count(1000) */
    const quire_allocator *allocator;      /* NULL = the C library's; borrowed until close */
    uint32_t pages_max;                    /* quota: growth beyond it is NO_SPACE; 0 = none */
    quire_hooks hooks;                     /* copied; `context` is borrowed until close */
    uint32_t trigger_depth_max;            /* changes within triggers within changes; default 16 */
    quire_versions_policy versions_policy; /* default QUIRE_VERSIONS_SPILL */
    uint64_t versions_bytes_max;           /* REFUSE and EXPIRE; default a quarter of the cache */
    quire_checkpoint_place checkpoint_place; /* default QUIRE_CHECKPOINT_BACKGROUND */
    uint32_t checkpoint_slice_pages; /* IN_COMMIT: a commit copies at most so many; default 256 */
    uint64_t feed_window_bytes; /* memory for commits that listeners may go back to, at most 1 GiB,
                                 * kept from the first listener on; 0 = 16 MiB, and only while
                                 * somebody listens: see feed.h */
    uint64_t ingest_buffer_bytes; /* see quire_txn_set_ingest_buffer; default 16 MiB */
    uint32_t rules;               /* bits of quire_open_rule; default none */
} quire_options;

/* For ingest_buffer_bytes: no buffer. */
#define QUIRE_INGEST_OFF UINT64_MAX

#define QUIRE_OPTIONS_INIT                                                                         \
    {                                                                                              \
        .size = sizeof(quire_options)                                                              \
    }

/*
 * Opens or creates the database at `path` (the name ":memory:" gives a private
 * database that lives until close). The log is `path` with "-wal" appended; if
 * it holds committed work, that is recovered first. One process at a time may
 * hold a database open for writing: others get QUIRE_LOCKED. Once it is open, a
 * program may give up its rights to the directory; only what needs temporary
 * files, such as transactions larger than the cache, fails with PERMISSION then.
 *   options   NULL for the defaults
 *   out       the handle, owned by the caller; NULL on failure
 * Errors: NO_FILE, EXISTS, PERMISSION, LOCKED, NOT_A_DATABASE, CORRUPT,
 * LOG_MISMATCH, LOG_MISSING, FORMAT_VERSION, NO_SPACE, IO, NO_MEMORY, MISUSE.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_open(const char *path, const quire_options *options,
                                                   quire_db **out, quire_error *err);

/*
 * The newest committed state as the bytes of a database file, complete without a
 * log, under an identity of its own. *image is released with quire_free. Any
 * thread, beside readers and writers. Errors: NO_MEMORY, LIMIT (it does not fit
 * in memory), IO, CORRUPT.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_serialize(quire_db *db, void **image, size_t *size,
                                                        quire_error *err);

/*
 * Opens a private database in memory that begins as a copy of a database file's
 * bytes (quire_open_image; from quire_serialize, a backup or a cleanly closed
 * file) or of the database at `path` as last committed, which is only read and
 * may be open elsewhere (quire_open_copy). To save one, see quire_backup.
 *   options  as for quire_open; mode and durability do not count
 * Errors: as quire_open.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_open_image(const void *image, size_t size,
                                                         const quire_options *options,
                                                         quire_db **out, quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_open_copy(const char *path,
                                                        const quire_options *options,
                                                        quire_db **out, quire_error *err);

/*
 * Closes the database: refuses with QUIRE_MISUSE while a transaction is open,
 * else checkpoints, so that the file is complete on its own, and frees the
 * handle. If the final checkpoint fails the handle is freed all the same, the
 * log is kept and the failure returned: nothing acknowledged is lost, the next
 * open recovers it. NULL is a no-op.
 */
QUIRE_API quire_status quire_close(quire_db *db, quire_error *err);

/* Copies every page committed so far from the log into the database file and syncs it. Does not
 * wait for readers or an open write transaction. Any thread. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_checkpoint(quire_db *db, quire_error *err);

/*
 * Keeps a table with the indexes that it has now, or a tree, in the cache: reads
 * all its pages, and evicts none of them, nor pages that it gets later, until it
 * is unpinned or the database closed. Commits stay as durable as they are. What
 * is pinned may take half of the cache: beyond it pinning fails with LIMIT and
 * the table is not pinned; tables that grow so large later leave too little room
 * for others, whose operations then fail with NO_MEMORY. Pinning again takes
 * newer indexes in. Any thread, beside readers and a writer.
 * Errors: UNKNOWN_NAME, LIMIT, CORRUPT, IO, NO_MEMORY, MISUSE.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_pin(quire_db *db, const char *name, quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_unpin(quire_db *db, const char *name,
                                                    quire_error *err);

/* An open read transaction. */
typedef struct quire_reader {
    uint64_t sequence; /* the commit that it sees */
    uint64_t age_ms;   /* since that became visible, or since the database was opened */
    const char *owner; /* its label (quire_begin_with), or ""; borrowed for the call */
} quire_reader;

typedef quire_status (*quire_reader_callback)(void *context, const quire_reader *reader,
                                              quire_error *err);

/* Tells of the read transactions that are open: the old ones keep old page versions in memory.
 * The callback may use the database; a status other than OK ends the walk and is returned. Any
 * thread. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_readers(quire_db *db, quire_reader_callback each,
                                                      void *context, quire_error *err);

/* Counters since open, and sizes now. */
typedef struct quire_stats {
    size_t size;              /* in: sizeof(quire_stats) */
    uint32_t page_size;       /* bytes */
    uint32_t pages;           /* pages of the database as last committed */
    uint32_t pages_free;      /* of these, free */
    uint32_t readers_open;    /* read transactions open */
    uint64_t commit_sequence; /* newest visible commit */
    uint64_t commits;         /* write transactions committed */
    uint64_t rollbacks;
    uint64_t groups;        /* groups of commits written to the log */
    uint64_t log_frames;    /* frames written to the log, each of a page's size */
    uint64_t log_bytes;     /* size of the log file */
    uint64_t syncs;         /* syncs of log and database file */
    uint64_t checkpoints;   /* checkpoints completed */
    uint64_t pages_written; /* pages written to the database file */
    uint64_t page_reads;    /* pages read from disk into the cache (misses) */
    uint64_t evictions;     /* pages dropped from the cache */
    uint64_t spills;        /* pages written to the temporary spill file */
    uint64_t versions_held; /* old page versions kept for open snapshots, now */
    uint64_t cache_frames;  /* frames in use, now */
    uint64_t cache_frames_max;
    uint64_t log_frames_live;   /* frames in the log that no checkpoint has released, now */
    uint32_t log_segments;      /* of the log file, now */
    uint32_t log_segments_free; /* of these, free */
    uint64_t pages_dirty;       /* pages in the cache that the database file lacks, now */
    uint64_t oldest_reader_ms;  /* age of the oldest open read transaction's state; 0 = none open */
    uint32_t pages_max;         /* quota; 0 = none */
    uint32_t feed_listeners;    /* open, see feed.h */
    uint64_t read_calls;      /* reads of the database file, each of one page or several in a row */
    uint64_t pages_direct;    /* of pages_written, new ones that large transactions did not log */
    uint64_t readers_expired; /* read transactions that lost their snapshot */
    uint64_t log_images;      /* of log_frames, whole pages; the others hold changes of pages */
    uint64_t log_changes;     /* small changes of pages written to the log, several to a frame */
    uint64_t feed_bytes;      /* of commits kept for listeners, now; see feed_window_bytes */
} quire_stats;

/* Fills `stats`, whose `size` the caller has set. Any thread; values may be a moment apart. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_get_stats(quire_db *db, quire_stats *stats,
                                                        quire_error *err);

#ifdef __cplusplus
}
#endif

#endif
