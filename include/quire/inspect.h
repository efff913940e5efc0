/*
 * Integrity checks: the database file, the write-ahead log, the indexes. They
 * only read, take no lock, and may run beside a program that writes. A damaged
 * file is a report, not an error: a status other than OK means that the
 * inspection itself could not be done.
 *
 * Errors of all: MISUSE, NO_MEMORY; by path also NO_FILE, PERMISSION, IO, and
 * SNAPSHOT_TOO_OLD when a writer overtakes each of several tries. On failure
 * *out is NULL. Any thread.
 */
#ifndef QUIRE_INSPECT_H
#define QUIRE_INSPECT_H

#include "quire/database.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum quire_severity {
    QUIRE_SEVERITY_INFO = 0,
    QUIRE_SEVERITY_WARNING = 1, /* the data is sound; something deserves attention */
    QUIRE_SEVERITY_ERROR = 2    /* damage */
} quire_severity;

/* One finding. All texts are borrowed from the report. */
typedef struct quire_issue {
    const char *code; /* stable, such as "PAGE_CHECKSUM"; docs/inspection.md lists them all */
    quire_severity severity;
    uint32_t page;       /* or QUIRE_NO_PAGE */
    uint64_t offset;     /* in the file */
    const char *object;  /* table, tree or index concerned; "" when none */
    const char *message; /* what is wrong */
    const char *remedy;  /* what to do about it */
} quire_issue;

/* The result of an inspection; one thread at a time; freed with quire_report_free. */
typedef struct quire_report quire_report;

/* Header, every page, every tree, the catalog, the free map: each page accounted for exactly once;
 * rows against their table's columns. Committed frames of the log are laid over the file. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_inspect_database(const char *path, quire_report **out,
                                                               quire_error *err);
/* Header, segments, frames and groups of the log of the database at `path`. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_inspect_wal(const char *path, quire_report **out,
                                                          quire_error *err);
/* Every index entry has its row, every row its entries, uniqueness. `index` NULL = all;
 * UNKNOWN_NAME when there is none of that name. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_inspect_indexes(const char *path, const char *index,
                                                              quire_report **out, quire_error *err);
/* One page, decoded, with a hex dump. MISUSE when there is no such page. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_inspect_page(const char *path, uint32_t page,
                                                           quire_report **out, quire_error *err);

/* The same over an open database, on a snapshot of its newest commit. The report takes its memory
 * from the database's allocator. LIMIT when too many read transactions are open. */
QUIRE_API QUIRE_MUST_CHECK quire_status quire_inspect_database_open(quire_db *db,
                                                                    quire_report **out,
                                                                    quire_error *err);
QUIRE_API QUIRE_MUST_CHECK quire_status quire_inspect_indexes_open(quire_db *db, const char *index,
                                                                   quire_report **out,
                                                                   quire_error *err);

/* The worst severity found; INFO when nothing was. */
QUIRE_API quire_severity quire_report_severity(const quire_report *report);
QUIRE_API size_t quire_report_issue_count(const quire_report *report);
QUIRE_API const quire_issue *quire_report_issue(const quire_report *report, size_t index);

/* The report as text for people: the verdict and the findings, or those and everything that was
 * measured; or the whole as JSON (with "schemaVersion"). Borrowed from the report,
 * NUL-terminated. */
QUIRE_API const char *quire_report_summary(const quire_report *report);
QUIRE_API const char *quire_report_text(const quire_report *report);
QUIRE_API const char *quire_report_json(const quire_report *report);

QUIRE_API void quire_report_free(quire_report *report);

#ifdef __cplusplus
}
#endif

#endif
