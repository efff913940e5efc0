/*
 * Shorthands for tests through the public API: a database in memory, statuses
 * that must be OK, small tables.
 */
#ifndef QUIRE_TESTS_ENGINE_FIXTURE_H
#define QUIRE_TESTS_ENGINE_FIXTURE_H

#include <criterion/criterion.h>

#include "engine/engine.h"

/* The call, which reports to a local `err`, succeeds; or fails with this status and a message. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        quire_status ok_status = (call);                                                           \
        cr_assert_eq(ok_status, QUIRE_OK, "%s: %s", quire_status_name(ok_status), err.message);    \
    } while (0)

#define FAILS(expected, call)                                                                      \
    do {                                                                                           \
        err.message[0] = '\0';                                                                     \
        quire_status fails_status = (call);                                                        \
        cr_assert_eq(fails_status, QUIRE_##expected, "got %s, not " #expected ": %s",              \
                     quire_status_name(fails_status), err.message);                                \
        cr_assert(err.message[0] != '\0', #expected " without a message");                         \
    } while (0)

/* A database in memory with this page size (0 = default). */
quire_db *memory_db(uint32_t page_size);
void close_db(quire_db *db);

quire_txn *begin_write(quire_db *db);
quire_txn *begin_read(quire_db *db);
void commit(quire_txn *txn);

/* Creates a table "users" (name TEXT not null, age INT, score FLOAT, tags LIST). */
void create_users(quire_txn *txn);
int64_t add_user(quire_table *table, const char *name, int64_t age);

/* Creates an index over one or two columns (second may be NULL). */
quire_status add_index(quire_txn *txn, const char *table, const char *name, quire_index_kind kind,
                       bool unique, const char *first, const char *second, quire_error *err);

/* The rowids of a range, at most `room`; returns how many there are. */
size_t scan(quire_table *table, uint32_t index, const quire_index_range *range, int64_t *rowids,
            size_t room);
/* Number of the index of this name. */
uint32_t index_number(const quire_table *table, const char *name);

#endif
