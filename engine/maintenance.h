/*
 * Maintenance over any file layer: what quire/maintenance.h does for files of
 * the operating system, and what its parts share.
 *
 * One thread an operation. Nothing here is called while the database that it
 * replaces is open elsewhere: a lock on the file sees to that.
 */
#ifndef QR_MAINTENANCE_H
#define QR_MAINTENANCE_H

#include "base/file.h"
#include "engine/engine.h"

/* Where files are and whose memory is used. Everything is borrowed for the call. */
struct qr_maintenance_place {
    struct qr_file_layer *layer;
    const quire_allocator *allocator;
    bool malloc_arena; /* page cache from the allocator: tests */
};

quire_status qr_backup(quire_db *db, const struct qr_maintenance_place *place, const char *path,
                       const quire_backup_options *options, quire_error *err);
quire_status qr_restore(const struct qr_maintenance_place *place, const char *backup,
                        const char *path, const quire_backup_options *options, quire_error *err);
quire_status qr_compact(const struct qr_maintenance_place *place, const char *path,
                        quire_progress_callback progress, void *context, quire_error *err);
quire_status qr_salvage(const struct qr_maintenance_place *place, const char *damaged,
                        const char *fresh, quire_salvage_callback each, void *context,
                        quire_salvage_summary *summary, quire_error *err);

/* Opens a database with a small cache: one that was closed cleanly, or for writing. */
quire_status qr_maintenance_open(const struct qr_maintenance_place *place, const char *path,
                                 quire_open_mode mode, uint32_t page_size, quire_db **out,
                                 quire_error *err);

/* Opens a database for reading, with room in the cache for all that its log may hold. */
quire_status qr_maintenance_open_source(const struct qr_maintenance_place *place, const char *path,
                                        quire_db **out, quire_error *err);

/* `path` with `suffix` appended; release with qr_free and strlen + 1. NULL after reporting. */
char *qr_path_join(const struct qr_maintenance_place *place, const char *path, const char *suffix,
                   quire_error *err);
void qr_path_free(const struct qr_maintenance_place *place, char *path);

/* ---- Replacing a database (replacement.c) ---- */

/*
 * A file that is made beside `path` and then takes its name. What stands there
 * is held open, closed cleanly and locked meanwhile.
 *
 * Crash safety: while the old database is sound its log is empty, and is removed,
 * durably, before the rename; so the old file is complete at every moment until
 * the new one, complete without a log, has its name. When the old database
 * cannot be opened its log is removed after the rename: until then nothing of
 * the damaged files is lost.
 */
struct qr_replacement {
    const struct qr_maintenance_place *place;
    char *path, *log_path;
    char *new_path, *new_log_path;
    quire_db *old;        /* held; NULL when there is none, or a damaged one */
    struct qr_file *lock; /* on a damaged one */
    bool log_present;
    bool begun; /* the new names are this operation's */
};

/* Starts: refuses what is in the way unless `replace`, takes hold of it otherwise, and removes
 * leftovers of an earlier attempt. `r` needs qr_replacement_end in every case. */
quire_status qr_replacement_begin(struct qr_replacement *r,
                                  const struct qr_maintenance_place *place, const char *path,
                                  bool replace, quire_error *err);
/* The new file is complete, synced and closed: gives it the name. */
quire_status qr_replacement_finish(struct qr_replacement *r, quire_error *err);
/* Lets go; removes the new file if it has not become the old one. */
void qr_replacement_end(struct qr_replacement *r);

/* ---- Objects (object_list.c) ---- */

/* All objects of the catalog, by id. Start from zeroes; free in every case. */
struct qr_object_list {
    struct qr_arena arena;
    const quire_allocator *allocator;
    struct qr_object **objects;
    size_t count, capacity;
};

quire_status qr_object_list_read(struct qr_object_list *list, struct qr_view *view,
                                 quire_error *err);
void qr_object_list_free(struct qr_object_list *list);
/* NULL when there is none. */
const struct qr_object *qr_object_list_find(const struct qr_object_list *list, uint32_t id);

/* The tree of an object's rows, or of a B-tree index's entries. */
struct qr_tree qr_object_tree(const struct qr_object *object, struct qr_view *view);

/* ---- Checking a copy (copy_check.c) ---- */

/* Inspects a closed database; CORRUPT with the first error. `salvaged` allows rows that are not
 * what their table says. */
quire_status qr_copy_check(const struct qr_maintenance_place *place, const char *path,
                           bool salvaged, quire_error *err);

/* ---- Page images ---- */

/* Puts the checksum on a page; the seed of page 0 is 0. */
void qr_image_seal(uint8_t *page, uint32_t page_size, uint32_t page_number, uint64_t seed);
/* Makes a page that holds nothing. */
void qr_image_blank(uint8_t *page, uint32_t page_size, uint32_t page_number);

#endif
