/*
 * Shorthands for tests of maintenance: a small database with everything in it,
 * and a digest of all that a database says.
 */
#ifndef QUIRE_TESTS_MAINTENANCE_FIXTURE_H
#define QUIRE_TESTS_MAINTENANCE_FIXTURE_H

#include "engine/engine_fixture.h"
#include "engine/maintenance.h"
#include "support/faulty_layer.h"

struct qr_maintenance_place place_of(struct qr_file_layer *layer);

quire_db *open_at(struct qr_file_layer *layer, const char *path, quire_open_mode mode);

/*
 * Creates a database of 1 KiB pages: table "people" (name, age, note) with a
 * unique B-tree index "by_name", one "by_age" that descends, folds an
 * expression, includes notes and has a condition, and a hash index "age_hash";
 * tree "blobs" and key tree "words", both with large payloads; a text; a table
 * dropped again, and rows deleted, so that pages are free and ids have gaps.
 */
void create_sample(struct qr_file_layer *layer, const char *path, int rows);
/* The same in an open database, which has none of it. */
void fill_sample(quire_db *db, int rows);
/* Adds a person with a name that no other has; commits. */
void add_person(quire_db *db, int number);

/* A number made from every object, row and index entry that the newest commit shows. */
uint64_t digest_db(quire_db *db);
uint64_t digest_txn(quire_txn *txn);
/* The same of a closed database. */
uint64_t digest_at(struct qr_file_layer *layer, const char *path);

/* Every index agrees with its table's rows, and every tree is sound. */
void expect_sound(struct qr_file_layer *layer, const char *path);

/* Makes a database of 400 names, whose indexes "by_own" and "own_hash" are under a collation that
 * is registered for that time alone. */
void create_collated(struct qr_file_layer *layer, const char *path);

bool file_exists(struct qr_file_layer *layer, const char *path);
/* Bytes of a file. */
uint64_t file_size(struct qr_file_layer *layer, const char *path);

#endif
