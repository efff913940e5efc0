/*
 * A small database in a memory layer, ways to damage it, and questions to a
 * report. The database is closed unless a test opens it.
 */
#ifndef QUIRE_TESTS_INSPECT_FIXTURE_H
#define QUIRE_TESTS_INSPECT_FIXTURE_H

#include <criterion/criterion.h>

#include "engine/engine_internal.h"
#include "engine/inspect.h"
#include "engine/inspect_internal.h"

#define OK(call)                                                                                   \
    do {                                                                                           \
        quire_status ok_status = (call);                                                           \
        cr_assert_eq(ok_status, QUIRE_OK, "%s: %s", quire_status_name(ok_status), err.message);    \
    } while (0)

#define WORLD_PATH "town.quire"
#define WORLD_LOG  WORLD_PATH "-wal"
#define WORLD_PAGE 1024U

/* The people have a name (unique B-tree index "by_name"), an age (B-tree index "by_age") and a town
 * (hash index "by_town"); there is a raw tree "notes". */
#define WORLD_PEOPLE 60

struct world {
    struct qr_file_layer *layer;
    struct qr_inspect_place place;
};

/* Makes the database and closes it: on a layer that the caller owns, or one of its own. */
void world_make_on(struct world *world, struct qr_file_layer *layer);
struct world world_make(void);
void world_free(struct world *world);

quire_db *world_open(const struct world *world, quire_open_mode mode);
void world_close(quire_db *db);

/* ---- Damage to the closed files ---- */

/* Changes bytes of a file in place. */
void world_poke(const struct world *world, const char *path, uint64_t offset, const void *bytes,
                size_t size);
void world_flip(const struct world *world, const char *path, uint64_t offset);
void world_cut(const struct world *world, const char *path, uint64_t size);
uint64_t world_size(const struct world *world, const char *path);
/* Reads a page, lets it be changed, and writes it back under a sound checksum. */
void world_page(const struct world *world, uint32_t page, uint8_t *bytes);
void world_seal(const struct world *world, uint32_t page, uint8_t *bytes);

/* ---- Damage from inside ---- */

/* A write transaction in which a test does what the engine would not; committed, then closed. */
void world_change(const struct world *world, void (*change)(quire_txn *txn));
/* The object of this name, allocated in `arena`. */
struct qr_object *world_object(quire_txn *txn, struct qr_arena *arena, enum qr_object_kind kind,
                               const char *name);
/* Root pages, read from the closed database. */
uint32_t world_root(const struct world *world, enum qr_object_kind kind, const char *name);
struct qr_tree world_tree(quire_txn *txn, enum qr_object_kind kind, const char *name);

/* ---- Reports ---- */

quire_report *world_inspect(const struct world *world);
quire_report *world_inspect_indexes(const struct world *world);
quire_report *world_inspect_wal(const struct world *world);

/* Issues of a code; the first of them. */
size_t report_count(const quire_report *report, const char *code);
const quire_issue *report_find(const quire_report *report, const char *code);
/* The report has an issue of this code at this page. */
void report_has(const quire_report *report, const char *code, uint32_t page);
/* The same, and it has no issue of another code; then frees it. */
void report_is(quire_report *report, const char *code, uint32_t page);
/* Nothing was found; then frees it. */
void report_sound(quire_report *report);

#endif
