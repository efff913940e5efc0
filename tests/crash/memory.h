/*
 * Scenarios for failing memory: one call of the public interface each, or a few
 * that belong together, over a small database that holds something of everything.
 */
#ifndef QUIRE_TESTS_CRASH_MEMORY_H
#define QUIRE_TESTS_CRASH_MEMORY_H

#include "engine/engine.h"

/* What a database is like that scenarios run over. */
struct memory_setting {
    const char *name;
    uint32_t page_size;
    uint32_t cache_pages;
    quire_durability durability;
    bool clean; /* closed, with nothing in its log */
};

/* Where a scenario runs. */
struct memory_run {
    const struct memory_setting *setting;
    struct qr_file_layer *files; /* with a database "db" */
    const quire_allocator *allocator;
    uint64_t answer; /* digest of what the calls told: the same whenever they succeed */
};

/* One of the functions is set. */
struct memory_scenario {
    const char *name;
    quire_status expected; /* the failure that it ends with when nothing else fails */
    quire_status (*read)(struct memory_run *run, quire_txn *txn, quire_error *err);
    quire_status (*write)(struct memory_run *run, quire_txn *txn, quire_error *err);
    quire_status (*database)(struct memory_run *run, quire_db *db, quire_error *err);
    quire_status (*files)(struct memory_run *run, quire_error *err);
    const char *request; /* a GraphQL document */
    const char *variables;
};

/* Of all scenarios; NULL behind the last. */
const struct memory_scenario *memory_scenario(size_t number);
/* Some of them; the array ends with a NULL name. */
extern const struct memory_scenario memory_feature_scenarios[];

#define MEMORY_READ(name)                                                                          \
    {                                                                                              \
#name, QUIRE_OK, .read = (name)                                                            \
    }
#define MEMORY_WRITE(name)                                                                         \
    {                                                                                              \
#name, QUIRE_OK, .write = (name)                                                           \
    }
#define MEMORY_REFUSED(name, status)                                                               \
    {                                                                                              \
#name, status, .write = (name)                                                             \
    }
#define MEMORY_DATABASE(name)                                                                      \
    {                                                                                              \
#name, QUIRE_OK, .database = (name)                                                        \
    }
#define MEMORY_FILES(name)                                                                         \
    {                                                                                              \
#name, QUIRE_OK, .files = (name)                                                           \
    }

quire_options memory_options(const struct memory_setting *setting,
                             const quire_allocator *allocator);
/* Fills a new database. */
void memory_prepare(quire_db *db);
void memory_prepare_features(quire_txn *txn);

#endif
