/*
 * What the inspectors share: the report under construction, the source of raw
 * pages, and the state of one inspection of an open database.
 */
#ifndef QR_INSPECT_INTERNAL_H
#define QR_INSPECT_INTERNAL_H

#include "engine/index_hash.h"
#include "engine/inspect.h"
#include "wal/wal_index.h"

/* Issues listed, and elements of a list of facts; the rest is only counted. */
#define QR_REPORT_LIST_MAX 1000U

/* ---- The report (inspect_report.c) ---- */

/* Starts a report of this kind ("database", "wal" ...). Failures while it is built are kept and
 * returned by qr_report_finish. */
quire_status qr_report_create(const quire_allocator *allocator, const char *kind, const char *path,
                              quire_report **out, quire_error *err);

/* Adds a finding. `object` may be NULL; without a format the message is the code's meaning. */
void qr_report_issue(quire_report *report, enum qr_inspect_code code, uint32_t page,
                     uint64_t offset, const char *object, const char *format, ...) QR_PRINTF(6, 7);
/* The same for a code of the rooms below, by its name. */
void qr_report_named(quire_report *report, const char *code, uint32_t page, uint64_t offset,
                     const char *object, const char *message);
/* Issues found so far, listed or not. */
uint64_t qr_report_total(const quire_report *report);

/* Facts form a tree: objects and lists are opened and closed. Inside a list names are NULL. */
void qr_fact_open(quire_report *report, const char *name);
void qr_fact_open_list(quire_report *report, const char *name);
void qr_fact_close(quire_report *report);
void qr_fact_number(quire_report *report, const char *name, uint64_t value);
void qr_fact_flag(quire_report *report, const char *name, bool value);
void qr_fact_text(quire_report *report, const char *name, const char *value);
/* A fraction in percent, with one decimal. */
void qr_fact_percent(quire_report *report, const char *name, uint64_t part, uint64_t whole);

/* Writes both renderings. On failure frees the report and leaves *out NULL. */
quire_status qr_report_finish(quire_report *report, quire_report **out, quire_error *err);

/* ---- Pages as they lie in the files (inspect_source.c) ---- */

struct qr_source {
    struct qr_inspect_place place;
    char *log_path;
    size_t log_path_size;
    struct qr_file *file;
    struct qr_file *log; /* NULL when nothing is taken from it */
    uint64_t file_bytes;
    uint32_t page_size; /* 0 when unknown: no page can be read */
    uint32_t pages;
    uint8_t id[16];
    uint64_t sequence;          /* newest commit known of */
    uint64_t header_sequence;   /* of the header page in the file, when it is sound; else 0 */
    bool clean;                 /* the header says that the file needs no log */
    struct qr_log_index logged; /* what the log has of pages */
    size_t logged_pages;
};

/* Opens the file. Free with close in every case. */
quire_status qr_source_open(struct qr_source *source, const struct qr_inspect_place *place,
                            quire_error *err);
void qr_source_close(struct qr_source *source);
/* Judges header and log, as far as they can be read, into the report (NULL: keeps silent). */
quire_status qr_source_identify(struct qr_source *source, quire_report *report, quire_error *err);
/* Whether the header page verifies: then id, page_size and clean are set, without a judgement. */
quire_status qr_source_peek(struct qr_source *source, bool *sound, quire_error *err);
/* Reads the newest image; *got < page_size when the file ends. */
quire_status qr_source_page(struct qr_source *source, uint32_t page_number, uint8_t *page,
                            size_t *got, quire_error *err);
/* Checks every page but the header and reports. */
quire_status qr_source_check_pages(struct qr_source *source, quire_report *report,
                                   quire_error *err);
char *qr_log_path(const quire_allocator *allocator, const char *path, size_t *size,
                  quire_error *err);

/* ---- Single pages (inspect_page.c) ---- */

#define QR_PAGE_TYPES 11U /* enum qr_page_type */
const char *qr_page_type_name(unsigned type);
bool qr_page_is_map(uint32_t page_size, uint32_t page_number);
bool qr_page_is_zero(const uint8_t *page, uint32_t page_size);
uint64_t qr_page_sum(const uint8_t *page, uint32_t page_size, uint32_t page_number,
                     const uint8_t id[16]);
/* Reports number and type; false when something was found. The checksum matches. */
bool qr_page_check(quire_report *report, const uint8_t *page, uint32_t page_size,
                   uint32_t page_number);
/* What page 0 says, as facts. */
void qr_page_describe_header(quire_report *report, const uint8_t *page);
/* The header fields, what its type holds, and the bytes, as facts. */
void qr_page_describe(quire_report *report, const uint8_t *page, uint32_t page_size,
                      uint32_t page_number);

/* ---- An open database (inspect_database.c and following) ---- */

struct qr_inspection {
    quire_report *report;
    const quire_allocator *allocator;
    quire_db *db;
    quire_txn *txn; /* a read transaction: the state that is inspected */
    struct qr_view *view;
    uint32_t page_size;
    uint32_t pages;
    uint64_t file_bytes;        /* UINT64_MAX when unknown */
    uint64_t file_bytes_before; /* the state was opened; 0 when unknown */
    uint32_t file_pages;        /* as the header in the file counts them; 0 when unknown */
    uint8_t id[16];
    uint8_t *owned; /* bitmaps of pages */
    uint8_t *free;
    size_t bitmap_size;
    bool hidden;        /* damage hides the owners of pages */
    const char *object; /* whose pages are being walked */
    uint64_t flaws;     /* of the object */
    uint32_t listed;    /* objects in the list of facts */
};

/* Begins a read transaction and makes the bitmaps. Free with end in every case. */
quire_status qr_inspection_begin(struct qr_inspection *inspection, quire_db *db,
                                 quire_report *report, quire_error *err);
void qr_inspection_end(struct qr_inspection *inspection);

quire_status qr_inspection_pages(struct qr_inspection *inspection, quire_error *err);
quire_status qr_inspection_owners(struct qr_inspection *inspection, quire_error *err);

/* Checks a tree's structure, taking its pages; *sound when nothing was found. */
quire_status qr_inspection_tree(struct qr_inspection *inspection, const struct qr_tree *tree,
                                const char *object, bool *sound, quire_error *err);
/* Takes a page for the object being walked; false when it is taken already. */
bool qr_inspection_take(void *context, uint32_t page_number, uint32_t tree_id);

/* The catalog tree and everything it names (inspect_catalog.c). */
quire_status qr_inspection_catalog(struct qr_inspection *inspection, quire_error *err);
/* The rows of a sound tree against the table's columns (inspect_rows.c). */
quire_status qr_inspection_rows(struct qr_inspection *inspection, const struct qr_object *table,
                                quire_error *err);
/* A hash index: pages, buckets, counters (inspect_hash.c). */
quire_status qr_inspection_hash(struct qr_inspection *inspection, const struct qr_object *index,
                                bool *sound, uint64_t *entries, quire_error *err);
/* Indexes against their tables (inspect_indexes.c). `name` NULL = all. */
quire_status qr_inspection_indexes(struct qr_inspection *inspection, const char *name,
                                   quire_error *err);

/* Whether an object's root can be the first page of something; reports if not. */
bool qr_inspection_root(struct qr_inspection *inspection, const struct qr_object *object);
/* Whether the table has every column that the index is over, and of a type that can be indexed. */
bool qr_inspection_fits(const struct qr_inspection *inspection, const struct qr_object *index,
                        const struct qr_object *table);
/* Walks the records of the catalog's objects that can be read; the object lives for the call. */
typedef quire_status (*qr_object_visit)(void *context, const struct qr_object *object,
                                        quire_error *err);
quire_status qr_inspection_each_object(struct qr_inspection *inspection, qr_object_visit visit,
                                       void *context, quire_error *err);
struct qr_tree qr_inspection_tree_of(const struct qr_inspection *inspection, uint32_t root,
                                     uint32_t id, enum qr_tree_kind kind);

static inline bool qr_bit_get(const uint8_t *bits, uint32_t at)
{
    return (bits[at / 8] >> (at % 8) & 1) != 0;
}

static inline void qr_bit_set(uint8_t *bits, uint32_t at)
{
    bits[at / 8] = (uint8_t)(bits[at / 8] | 1U << (at % 8));
}

#endif
