/*
 * The inspectors' entrances: opening what is to be inspected, or, if that is
 * impossible, looking at its pages one by one.
 *
 * A path is opened for reading only, with the log's committed frames laid over
 * the file; nothing is locked or written. If another process writes to the
 * database meanwhile, the state that was opened may be overtaken: the
 * inspection begins again, a few times. A state that is overtaken again and
 * again though the database does not move is damage, and is looked at page by
 * page.
 */
#include "base/thread.h"
#include "engine/inspect_internal.h"

#define TRIES_MAX 8

/* What is done with an open database. */
typedef quire_status (*inspect_open)(struct qr_inspection *inspection, const void *argument,
                                     quire_error *err);

/* Statuses of an opening that mean "damaged". */
static bool is_damage(quire_status status)
{
    return status == QUIRE_CORRUPT || status == QUIRE_NOT_A_DATABASE ||
           status == QUIRE_LOG_MISMATCH || status == QUIRE_LOG_MISSING ||
           status == QUIRE_FORMAT_VERSION;
}

/* `source` is the file behind a database opened by path, or NULL. */
static quire_status inspect_db(quire_db *db, const struct qr_source *source, inspect_open work,
                               const void *argument, quire_report *report, uint64_t *sequence,
                               quire_error *err)
{
    struct qr_inspection inspection;
    quire_status status = qr_inspection_begin(&inspection, db, report, err);
    if (status == QUIRE_OK && source != NULL) {
        /* A writer may make the file longer at any moment: what lies behind the state inspected
         * must have been there before it was opened, what is missing be missing still. */
        inspection.file_bytes_before = source->file_bytes;
        inspection.file_pages = source->clean ? source->pages : 0;
        status = source->file->methods->size(source->file, &inspection.file_bytes, err);
    }
    if (status == QUIRE_OK) {
        *sequence = qr_view_sequence(inspection.view);
        status = work(&inspection, argument, err);
    }
    qr_inspection_end(&inspection);
    return status;
}

/* ---- By path ---- */

static quire_status open_once(const struct qr_source *source, inspect_open work,
                              const void *argument, quire_report *report, bool *opened,
                              uint64_t *sequence, quire_error *err)
{
    const struct qr_inspect_place *place = &source->place;
    quire_options options = QUIRE_OPTIONS_INIT;
    quire_db *db;
    options.mode = QUIRE_OPEN_READ_ONLY;
    options.allocator = place->allocator;
    *opened = false;
    QR_TRY(qr_db_open_with(place->path, &options, place->layer, place->malloc_arena, &db, err));
    *opened = true;
    quire_status status = inspect_db(db, source, work, argument, report, sequence, err);
    quire_status closed = quire_close(db, NULL);
    return status != QUIRE_OK ? status : closed;
}

/* A header that counts far more pages than the file has is not worth the memory to believe it. */
static bool is_plausible(const struct qr_source *source)
{
    uint64_t in_file = source->page_size == 0 ? 0 : source->file_bytes / source->page_size;
    return source->pages <= 2 * in_file + (UINT32_C(1) << 20);
}

/* The pages one by one; `why` the database could not be opened. */
static quire_status inspect_source(struct qr_source *source, const quire_error *why,
                                   bool every_page, quire_report *report, quire_error *err)
{
    qr_report_issue(report, QR_INSPECT_NOT_OPENED, QUIRE_NO_PAGE, 0, NULL,
                    "the database cannot be opened: %s", why->message);
    QR_TRY(qr_source_identify(source, every_page ? report : NULL, err));
    qr_fact_number(report, "fileBytes", source->file_bytes);
    qr_fact_number(report, "pageSize", source->page_size);
    qr_fact_number(report, "pages", source->pages);
    qr_fact_number(report, "loggedPages", source->logged_pages);
    return every_page ? qr_source_check_pages(source, report, err) : QUIRE_OK;
}

/* What the tries tell each other. */
struct tries {
    uint64_t sequence; /* of the last try that was overtaken */
    int still;         /* tries overtaken at the same sequence */
};

/* One try: *again when another may do better. */
static quire_status try_path(struct qr_source *source, const char *kind, inspect_open work,
                             const void *argument, struct tries *tries, quire_report **out,
                             bool *again, quire_error *err)
{
    const struct qr_inspect_place *place = &source->place;
    quire_error why = QUIRE_ERROR_INIT;
    uint64_t sequence = 0;
    bool opened = false;
    bool sound = false;
    *again = false;
    QR_TRY(source->file->methods->size(source->file, &source->file_bytes, err));
    QR_TRY(qr_source_peek(source, &sound, err));
    QR_TRY(qr_report_create(place->allocator, kind, place->path, out, err));
    quire_status status = QUIRE_CORRUPT;
    if (sound && !is_plausible(source)) {
        (void)qr_fail(&why, QUIRE_CORRUPT, "its header counts %u pages, which it cannot have",
                      source->pages);
    } else {
        status = open_once(source, work, argument, *out, &opened, &sequence, &why);
    }
    bool overtaken = opened && status == QUIRE_SNAPSHOT_TOO_OLD;
    if (overtaken) {
        tries->still = sequence == tries->sequence ? tries->still + 1 : 0;
        tries->sequence = sequence;
    }
    bool damaged = (!opened && is_damage(status)) || (overtaken && tries->still >= TRIES_MAX / 2);
    *again = status == QUIRE_SNAPSHOT_TOO_OLD || damaged;
    if (status != QUIRE_OK && err != NULL) {
        *err = why;
    }
    return damaged ? QUIRE_CORRUPT : status;
}

static quire_status inspect_path(struct qr_source *source, const char *kind, inspect_open work,
                                 const void *argument, bool every_page, quire_report **out,
                                 quire_error *err)
{
    quire_error why = QUIRE_ERROR_INIT;
    struct tries tries = {.sequence = UINT64_MAX};
    quire_status status = QUIRE_OK;
    for (int i = 0; i < TRIES_MAX; i++) {
        bool again;
        status = try_path(source, kind, work, argument, &tries, out, &again, &why);
        if (status == QUIRE_OK) {
            return QUIRE_OK;
        }
        quire_report_free(*out);
        *out = NULL;
        /* A header may be read while its owner writes it: look at damage twice. */
        if (!again || (status == QUIRE_CORRUPT && i > 0)) {
            break;
        }
        qr_yield();
    }
    bool damaged = is_damage(status) || status == QUIRE_CORRUPT;
    if (!damaged) {
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    QR_TRY(qr_report_create(source->place.allocator, kind, source->place.path, out, err));
    status = inspect_source(source, &why, every_page, *out, err);
    if (status != QUIRE_OK) {
        quire_report_free(*out);
        *out = NULL;
    }
    return status;
}

static quire_status inspect_place(const struct qr_inspect_place *place, const char *kind,
                                  inspect_open work, const void *argument, bool every_page,
                                  quire_report **out, quire_error *err)
{
    struct qr_source source;
    quire_report *report = NULL;
    *out = NULL;
    quire_status status = qr_source_open(&source, place, err);
    if (status == QUIRE_OK) {
        status = inspect_path(&source, kind, work, argument, every_page, &report, err);
    }
    qr_source_close(&source);
    return status == QUIRE_OK ? qr_report_finish(report, out, err) : status;
}

/* ---- The inspections ---- */

static quire_status work_database(struct qr_inspection *inspection, const void *argument,
                                  quire_error *err)
{
    (void)argument;
    QR_TRY(qr_inspection_pages(inspection, err));
    QR_TRY(qr_inspection_catalog(inspection, err));
    return qr_inspection_owners(inspection, err);
}

static quire_status work_indexes(struct qr_inspection *inspection, const void *argument,
                                 quire_error *err)
{
    return qr_inspection_indexes(inspection, argument, err);
}

quire_status qr_inspect_database(const struct qr_inspect_place *place, quire_report **out,
                                 quire_error *err)
{
    return inspect_place(place, "database", work_database, NULL, true, out, err);
}

quire_status qr_inspect_indexes(const struct qr_inspect_place *place, const char *index,
                                quire_report **out, quire_error *err)
{
    return inspect_place(place, "indexes", work_indexes, index, false, out, err);
}

/* ---- One page ---- */

static quire_status describe_page(struct qr_source *source, uint32_t number, quire_report *report,
                                  uint8_t *page, quire_error *err)
{
    size_t got = 0;
    uint64_t offset = (uint64_t)number * source->page_size;
    QR_TRY(qr_source_page(source, number, page, &got, err));
    if (got == 0) {
        return qr_fail_at(err, QUIRE_MISUSE, source->place.path, number, offset,
                          "There is no page %u: %s has %u pages.", number, source->place.path,
                          source->pages);
    }
    if (qr_page_sum(page, source->page_size, number, source->id) !=
        qr_load64(page + QR_PAGE_CHECKSUM)) {
        qr_report_issue(report, QR_INSPECT_PAGE_CHECKSUM, number, offset, NULL, NULL);
    } else {
        (void)qr_page_check(report, page, source->page_size, number);
    }
    qr_page_describe(report, page, source->page_size, number);
    return QUIRE_OK;
}

static quire_status inspect_one(struct qr_source *source, uint32_t number, quire_report *report,
                                quire_error *err)
{
    QR_TRY(qr_source_identify(source, NULL, err));
    if (source->page_size == 0) {
        qr_report_issue(report, QR_INSPECT_NOT_OPENED, QUIRE_NO_PAGE, 0, NULL,
                        "neither the file nor its log says how large a page is");
        return QUIRE_OK;
    }
    uint8_t *page = qr_alloc(source->place.allocator, source->page_size, err);
    if (page == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_status status = describe_page(source, number, report, page, err);
    qr_free(source->place.allocator, page, source->page_size);
    return status;
}

quire_status qr_inspect_page(const struct qr_inspect_place *place, uint32_t page,
                             quire_report **out, quire_error *err)
{
    struct qr_source source;
    quire_report *report = NULL;
    *out = NULL;
    quire_status status = qr_source_open(&source, place, err);
    if (status == QUIRE_OK) {
        status = qr_report_create(place->allocator, "page", place->path, &report, err);
    }
    if (status == QUIRE_OK) {
        status = inspect_one(&source, page, report, err);
    }
    qr_source_close(&source);
    if (status != QUIRE_OK) {
        quire_report_free(report);
        return status;
    }
    return qr_report_finish(report, out, err);
}

/* ---- Public ---- */

static quire_status place_of(const char *path, quire_report **out, struct qr_inspect_place *place,
                             quire_error *err)
{
    if (out != NULL) {
        *out = NULL;
    }
    if (path == NULL || path[0] == '\0' || out == NULL) {
        return qr_fail(err, QUIRE_MISUSE, "An inspection needs a path and a place for the report.");
    }
    place->layer = qr_file_layer_posix();
    place->allocator = qr_allocator_default();
    return QUIRE_OK;
}

quire_status quire_inspect_database(const char *path, quire_report **out, quire_error *err)
{
    struct qr_inspect_place place = {.path = path};
    QR_TRY(place_of(path, out, &place, err));
    return qr_inspect_database(&place, out, err);
}

quire_status quire_inspect_wal(const char *path, quire_report **out, quire_error *err)
{
    struct qr_inspect_place place = {.path = path};
    QR_TRY(place_of(path, out, &place, err));
    return qr_inspect_wal(&place, out, err);
}

quire_status quire_inspect_indexes(const char *path, const char *index, quire_report **out,
                                   quire_error *err)
{
    struct qr_inspect_place place = {.path = path};
    QR_TRY(place_of(path, out, &place, err));
    return qr_inspect_indexes(&place, index, out, err);
}

quire_status quire_inspect_page(const char *path, uint32_t page, quire_report **out,
                                quire_error *err)
{
    struct qr_inspect_place place = {.path = path};
    QR_TRY(place_of(path, out, &place, err));
    return qr_inspect_page(&place, page, out, err);
}

static quire_status inspect_handle(quire_db *db, const char *kind, inspect_open work,
                                   const void *argument, quire_report **out, quire_error *err)
{
    if (out != NULL) {
        *out = NULL;
    }
    if (db == NULL || out == NULL) {
        return qr_fail(err, QUIRE_MISUSE,
                       "An inspection needs a database and a place for the report.");
    }
    quire_report *report;
    uint64_t sequence;
    *out = NULL;
    QR_TRY(
        qr_report_create(qr_db_allocator(db), kind, qr_pager_path(qr_db_pager(db)), &report, err));
    quire_status status = inspect_db(db, NULL, work, argument, report, &sequence, err);
    if (status != QUIRE_OK) {
        quire_report_free(report);
        return status;
    }
    return qr_report_finish(report, out, err);
}

quire_status quire_inspect_database_open(quire_db *db, quire_report **out, quire_error *err)
{
    return inspect_handle(db, "database", work_database, NULL, out, err);
}

quire_status quire_inspect_indexes_open(quire_db *db, const char *index, quire_report **out,
                                        quire_error *err)
{
    return inspect_handle(db, "indexes", work_indexes, index, out, err);
}
