/*
 * Keeping a database: backup and restore, compaction, vacuum, salvage, export,
 * building indexes beside other writers, and what each object takes.
 * docs/maintenance.md tells when to use which.
 *
 * Files that replace others are written beside them under the name with "-new"
 * appended, synced, and renamed: a crash leaves the old file or the new one,
 * and at worst a leftover that the next call removes.
 */
#ifndef QUIRE_MAINTENANCE_H
#define QUIRE_MAINTENANCE_H

#include <stdbool.h>

#include "quire/table.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How far an operation is. */
typedef struct quire_progress {
    uint64_t done;    /* pages or rows */
    uint64_t total;   /* of the same; an estimate while `done` is below it */
    uint64_t commits; /* backup and vacuum: commits of others since it began */
} quire_progress;

/* Called now and then; false ends the operation with QUIRE_INTERRUPTED, and what it had written is
 * removed. It may wait, and may use the database. */
typedef bool (*quire_progress_callback)(void *context, const quire_progress *progress);

/* Options of quire_index_build; start from QUIRE_INDEX_BUILD_OPTIONS_INIT, zero is the default. */
typedef struct quire_index_build_options {
    size_t size;                      /* sizeof(quire_index_build_options) */
    uint32_t batch_rows;              /* rows read in one write transaction; default 4,096 */
    quire_progress_callback progress; /* called between two batches; may be NULL */
    void *context;                    /* passed to it */
} quire_index_build_options;

#define QUIRE_INDEX_BUILD_OPTIONS_INIT                                                             \
    {                                                                                              \
        .size = sizeof(quire_index_build_options)                                                  \
    }

/*
 * Creates an index as quire_index_create does, while others read and write: in
 * many short write transactions, so that no writer waits for longer than a
 * batch takes. Until it is complete writers keep the index up, and no
 * transaction lists or uses it.
 *
 * When the building is cut short (INTERRUPTED by the callback, BUSY, a crash)
 * the index stays unfinished: the same call goes on with it, quire_index_drop
 * drops it. When two rows have one key of a unique index, UNIQUE names them and
 * the index is dropped; a writer whose row clashes with one that is in the
 * index already is refused with UNIQUE itself.
 *   options  NULL for the defaults
 * Errors: as quire_index_create; BUSY; INTERRUPTED; UNKNOWN_NAME also when the
 * index is dropped meanwhile. Any thread.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_index_build(quire_db *db, const char *table,
                                                          const quire_index_def *def,
                                                          const quire_index_build_options *options,
                                                          quire_error *err);

/* Options of quire_backup and quire_restore; start from QUIRE_BACKUP_OPTIONS_INIT, zero is the
 * default. */
typedef struct quire_backup_options {
    size_t size;                   /* sizeof(quire_backup_options) */
    bool replace;                  /* put the copy in the place of a file that exists */
    uint32_t pages_per_second_max; /* 0 = as fast as the disk */
    uint32_t batch_pages;          /* between two calls of `progress`; default 64, at most 1,024 */
    quire_progress_callback progress; /* may be NULL */
    void *context;                    /* passed to it */
} quire_backup_options;

#define QUIRE_BACKUP_OPTIONS_INIT                                                                  \
    {                                                                                              \
        .size = sizeof(quire_backup_options)                                                       \
    }

/*
 * Copies the newest committed state of an open database to a new file at
 * `path`, while others read and write. The copy is complete without a log and
 * closed cleanly; it is another database, with an identity of its own. Its
 * pages are read back and its trees checked before it gets its name. A database
 * in memory is backed up to a file of the operating system.
 *   options  NULL for the defaults
 * Errors: EXISTS, CORRUPT (names the page: the source is damaged), INTERRUPTED,
 * NO_SPACE, IO, NO_MEMORY. Any thread.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_backup(quire_db *db, const char *path,
                                                     const quire_backup_options *options,
                                                     quire_error *err);

/*
 * Puts a copy of the database file `backup` at `path`, after checking it. The
 * backup stays. EXISTS if there is a database or a log at `path`, unless
 * options->replace; a database that is open is refused with LOCKED.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_restore(const char *backup, const char *path,
                                                      const quire_backup_options *options,
                                                      quire_error *err);

/*
 * Rewrites the closed database at `path` into a file of full pages in key
 * order, and puts that in its place. Rowids, names and texts stay; the identity
 * changes: it is another database to an old log. Needs room for a second copy.
 * LOCKED while a process has the database open for writing; processes that read
 * it keep the old file.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_compact(const char *path,
                                                      quire_progress_callback progress,
                                                      void *context, quire_error *err);

/* ---- Vacuum ---- */

/* Options of quire_vacuum; start from QUIRE_VACUUM_OPTIONS_INIT, zero is the default. */
typedef struct quire_vacuum_options {
    size_t size;                      /* sizeof(quire_vacuum_options) */
    uint32_t pages_max;               /* give back about so many pages; 0 = all that are free */
    uint32_t step_pages;              /* moved in one transaction, or with up to 36 more filled;
                                       * default 64, at most 1,024 */
    quire_progress_callback progress; /* between two transactions; may be NULL */
    void *context;                    /* passed to it */
    bool no_repack;                   /* leave the pages of trees as full as they are */
} quire_vacuum_options;

#define QUIRE_VACUUM_OPTIONS_INIT                                                                  \
    {                                                                                              \
        .size = sizeof(quire_vacuum_options)                                                       \
    }

/* What a vacuum did. */
typedef struct quire_vacuum_result {
    size_t size;             /* in: sizeof(quire_vacuum_result) */
    uint64_t pages_moved;    /* from the end of the file to free pages further ahead */
    uint64_t pages_freed;    /* that the database has fewer */
    uint64_t transactions;   /* that it took */
    uint64_t pages_repacked; /* filled from others, some of which became free by that */
} quire_vacuum_result;

/*
 * Makes the file smaller while others read and write: moves pages from its end
 * to free pages further ahead, and takes the free end off. Each transaction is
 * short: between two of them other writers go on, and nothing is lost when it
 * stops or crashes half way. It ends with a checkpoint, which cuts the file.
 *
 * First it repacks the B+trees, unless options->no_repack: neighbouring pages
 * that deletes have left half empty are filled from each other, and those that
 * become empty are free. Pages that are full enough are only read. Hash indexes
 * are read once, for the trees of rowids that frequent keys have.
 *
 * Pages that an open read transaction can see in use are neither filled nor
 * taken off: with old readers it gives back less, and the file is cut by the
 * first checkpoint after the last of them ended. Trees with large values, and
 * hash indexes with frequent keys, are read once to find whose their pages are.
 *   options  NULL for the defaults
 *   result   what was done, also after a failure; may be NULL
 * Errors: BUSY, READ_ONLY, INTERRUPTED (by `progress`), CORRUPT (names the page:
 * nothing refers to it), IO, NO_SPACE, NO_MEMORY. Any thread, with no write
 * transaction of its own open.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_vacuum(quire_db *db,
                                                     const quire_vacuum_options *options,
                                                     quire_vacuum_result *result, quire_error *err);

/* ---- Salvage ---- */

/* What became of one object. Texts are borrowed for the call. */
typedef struct quire_salvaged {
    const char *name;       /* in the new database */
    const char *kind;       /* "table", "tree", "key tree", "index"; when it is lost also "text",
                               "trigger", "view" */
    uint64_t rows;          /* recovered */
    uint64_t rows_expected; /* by the damaged file's count; UINT64_MAX when that is unreadable */
    uint64_t rows_lost;     /* known to be lost; those of unreadable pages are not known */
    const char *note;       /* what is to be said about it; "" when it is whole */
} quire_salvaged;

/* Counts of a salvage. */
typedef struct quire_salvage_summary {
    size_t size;           /* in: sizeof(quire_salvage_summary) */
    uint64_t pages;        /* in the damaged file */
    uint64_t pages_lost;   /* of these, in use or unknown, and unreadable */
    uint64_t rows;         /* recovered */
    uint64_t objects_lost; /* known to have been there and not recovered at all */
    bool log_used;         /* the damaged file was read with what its log holds */
    bool catalog_lost;     /* parts of it: tables whose definition was there came out as trees named
                              "recovered_<id>", texts and indexes not at all */
} quire_salvage_summary;

typedef void (*quire_salvage_callback)(void *context, const quire_salvaged *object);

/*
 * Copies what is readable of a damaged database into a new one at `fresh`,
 * which must not exist. The damaged files are only read. Rows come from pages
 * whose checksum holds; an index is built anew from the rows, without its
 * uniqueness if that no longer holds. A table whose definition is lost becomes a
 * tree of its records.
 *   each     told of every object; may be NULL
 *   summary  may be NULL
 * Errors: EXISTS, NOT_A_DATABASE (nothing to be found in it), IO, NO_SPACE.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_salvage(const char *damaged, const char *fresh,
                                                      quire_salvage_callback each, void *context,
                                                      quire_salvage_summary *summary,
                                                      quire_error *err);

/* ---- Sizes ---- */

/* What one object takes. `name` and `table` are borrowed for the call. */
typedef struct quire_object_stats {
    const char *name;
    const char *kind;        /* "catalog", "table", "tree", "key tree", "index" (B-tree), "hash",
                                "view", "trigger" */
    const char *table;       /* that it belongs to, or "" */
    uint64_t entries;        /* rows, or index entries */
    uint32_t depth;          /* levels, the root included */
    uint64_t inner_pages;    /* a hash index: directory pages */
    uint64_t leaf_pages;     /* a hash index: bucket pages */
    uint64_t overflow_pages; /* of large values */
    uint64_t leaf_bytes;     /* in use on the leaf pages */
} quire_object_stats;

typedef quire_status (*quire_object_callback)(void *context, const quire_object_stats *stats,
                                              quire_error *err);

/* Tells of the catalog, every tree and every table with its indexes, views and triggers, in the
 * order of names; views and triggers have no pages. Reads
 * every page but those of large values' content. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_each_object(quire_txn *txn,
                                                          quire_object_callback each, void *context,
                                                          quire_error *err);

#ifdef __cplusplus
}
#endif

#endif
