/*
 * Indexes that requests turn out to need, made and dropped by themselves.
 */
#ifndef QUIRE_ADVISOR_H
#define QUIRE_ADVISOR_H

#include <stdbool.h>

#include "quire/maintenance.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Watches the requests that name it (quire_graphql_request.advisor): how many
 * rows their filters read in vain for want of an index on a column. Where that
 * has come to more than an index costs, quire_advisor_work builds one, named
 * "auto.Table.column"; it drops those that no request uses any more. Nothing
 * happens on its own: the host calls it, when and on the thread that it likes.
 * What was seen is not kept when the advisor is freed; the indexes are.
 */
typedef struct quire_advisor quire_advisor;

/* Zero is the default. */
typedef struct quire_advisor_options {
    size_t size;          /* sizeof(quire_advisor_options) */
    uint64_t rows_min;    /* smaller tables get no index; default 1,000 */
    uint32_t scans_min;   /* rows read in vain, as scans of the whole table, before an index is
                            * built; default 10 */
    uint32_t percent_max; /* of the rows read, that may pass the filter; default 10 */
    uint32_t indexes_max; /* that are built; default 16 */
    uint32_t idle_rounds; /* an index that served no request in so many calls of
                            * quire_advisor_work is dropped; default 100 */
    quire_progress_callback progress; /* of the building of an index; may be NULL */
    void *context;                    /* passed to it */
} quire_advisor_options;

#define QUIRE_ADVISOR_OPTIONS_INIT                                                                 \
    {                                                                                              \
        .size = sizeof(quire_advisor_options)                                                      \
    }

/* Makes an advisor for a database. Owned by the caller; free it when no request names it any more,
 * and before the database is closed. Errors: MISUSE, NO_MEMORY. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_advisor_create(quire_db *db,
                                                             const quire_advisor_options *options,
                                                             quire_advisor **out, quire_error *err);
QUIRE_API void quire_advisor_free(quire_advisor *advisor);

/* Whether quire_advisor_work has an index to build. Cheap; any thread. */
QUIRE_API bool quire_advisor_is_due(quire_advisor *advisor);

/*
 * Builds the indexes that are due, as quire_index_build does while others read
 * and write, and drops idle ones. One thread at a time; it takes as long as
 * reading the tables. Errors: those of quire_index_build, INTERRUPTED among them
 * when `progress` says so; what was done stays, and the next call goes on.
 */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_advisor_work(quire_advisor *advisor,
                                                           quire_error *err);

/* What is known of a column. */
typedef struct quire_advice {
    const char *type; /* the table that it is stored in; borrowed for the call */
    const char *column;
    uint64_t requests;  /* that scanned for want of an index on it, or used the one built */
    uint64_t rows_read; /* in vain */
    bool due, built;    /* an index is to be built; there is one that the advisor built */
} quire_advice;

/* Tells of every column that was noted; false ends the list. Any thread; the callback must not use
 * the advisor. */
QUIRE_API void quire_advisor_list(quire_advisor *advisor,
                                  bool (*visit)(void *context, const quire_advice *advice),
                                  void *context);

#ifdef __cplusplus
}
#endif

#endif
