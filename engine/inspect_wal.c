/*
 * Inspection of the log: the walk of wal_inspect.h as a report.
 *
 * The log's owner may be writing to it. A walk that found damage is made again
 * until two in a row agree; if none do, the log moves too fast to be judged.
 */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/thread.h"
#include "engine/inspect_internal.h"
#include "wal/wal.h"
#include "wal/wal_inspect.h"
#include "wal/wal_pack.h"

#define WALKS_MAX 8

/* A segment as the facts show it. */
struct segment {
    struct qr_wal_inspect_segment seen;
    uint32_t frames; /* sound */
};

struct log_report {
    quire_report *report;
    const quire_allocator *allocator;
    struct segment *segments; /* at most QR_REPORT_LIST_MAX */
    size_t count, capacity;
    uint32_t page_size;
    uint64_t packs, changes; /* accepted */
    uint64_t damage;         /* fingerprint of the errors */
};

static const char *state_name(enum qr_wal_inspect_state state)
{
    static const char *const names[] = {
        [QR_WAL_INSPECT_FREE] = "free",       [QR_WAL_INSPECT_LIVE] = "live",
        [QR_WAL_INSPECT_RETIRED] = "retired", [QR_WAL_INSPECT_UNUSED] = "unused",
        [QR_WAL_INSPECT_DAMAGED] = "damaged",
    };
    return names[state];
}

static quire_status on_header(void *context, const struct qr_wal_inspect_header *header,
                              quire_error *err)
{
    struct log_report *log = context;
    char id[33];
    (void)err;
    for (unsigned i = 0; i < 16; i++) {
        (void)snprintf(id + 2 * i, 3, "%02x", header->database_id[i]);
    }
    log->page_size = header->page_size;
    qr_fact_open(log->report, "header");
    qr_fact_number(log->report, "version", header->version);
    qr_fact_text(log->report, "databaseId", id);
    qr_fact_number(log->report, "pageSize", header->page_size);
    qr_fact_number(log->report, "segmentBytes", header->segment_bytes);
    qr_fact_number(log->report, "framesPerSegment", header->segment_frames);
    qr_fact_close(log->report);
    qr_fact_number(log->report, "fileBytes", header->file_bytes);
    qr_fact_number(log->report, "segmentCount", header->segments);
    return QUIRE_OK;
}

static quire_status on_segment(void *context, const struct qr_wal_inspect_segment *segment,
                               quire_error *err)
{
    struct log_report *log = context;
    if (log->count == QR_REPORT_LIST_MAX) {
        return QUIRE_OK;
    }
    QR_TRY(qr_grow(log->allocator, &log->segments, &log->capacity, log->count + 1,
                   sizeof *log->segments, err));
    log->segments[log->count++] = (struct segment){.seen = *segment};
    return QUIRE_OK;
}

static quire_status on_frame(void *context, const struct qr_wal_inspect_frame *frame,
                             quire_error *err)
{
    struct log_report *log = context;
    (void)err;
    if (frame->segment < log->count && frame->sound) {
        log->segments[frame->segment].frames++;
    }
    if (frame->accepted && frame->page_number == QR_WAL_PACK) {
        struct qr_pack_record record;
        uint32_t at = 0;
        log->packs++;
        while (qr_pack_next(frame->page, log->page_size, &at, &record)) {
            log->changes++;
        }
    }
    return QUIRE_OK;
}

static quire_status on_issue(void *context, const struct qr_wal_inspect_issue *issue,
                             quire_error *err)
{
    struct log_report *log = context;
    (void)err;
    qr_report_named(log->report, qr_wal_issue_name(issue->code), issue->page, issue->offset, NULL,
                    issue->message);
    if (issue->severity == QUIRE_SEVERITY_ERROR) {
        uint64_t place[3] = {issue->code, issue->page, issue->offset};
        log->damage = qr_hash64(place, sizeof place, log->damage) | 1;
    }
    return QUIRE_OK;
}

static void add_facts(struct log_report *log, const struct qr_wal_inspect_result *result)
{
    quire_report *report = log->report;
    qr_fact_number(report, "groups", result->groups);
    qr_fact_number(report, "frames", result->frames);
    qr_fact_number(report, "packs", log->packs);
    qr_fact_number(report, "changes", log->changes);
    qr_fact_number(report, "lastSequence", result->last_lsn);
    qr_fact_number(report, "pages", result->pages);
    qr_fact_number(report, "groupsUnreachable", result->groups_unreachable);
    qr_fact_open_list(report, "segments");
    for (size_t i = 0; i < log->count; i++) {
        const struct segment *segment = &log->segments[i];
        qr_fact_open(report, NULL);
        qr_fact_number(report, "number", segment->seen.number);
        qr_fact_number(report, "offset", segment->seen.offset);
        qr_fact_text(report, "state", state_name(segment->seen.state));
        qr_fact_number(report, "generation", segment->seen.generation);
        qr_fact_number(report, "frames", segment->frames);
        qr_fact_close(report);
    }
    qr_fact_close(report);
}

/* One walk into a report of its own. *damage 0 when there is none. */
static quire_status walk_once(const struct qr_source *source, bool has_database, quire_report **out,
                              uint64_t *damage, quire_error *err)
{
    const struct qr_inspect_place *place = &source->place;
    struct log_report log = {.allocator = place->allocator};
    struct qr_wal_inspect_result result;
    struct qr_wal_inspect_options options = {.layer = place->layer,
                                             .allocator = place->allocator,
                                             .path = source->log_path,
                                             .database_id = has_database ? source->id : NULL,
                                             .page_size = has_database ? source->page_size : 0,
                                             .database_lsn =
                                                 has_database ? source->header_sequence : 0};
    struct qr_wal_inspect_sink sink = {.context = &log,
                                       .header = on_header,
                                       .segment = on_segment,
                                       .frame = on_frame,
                                       .issue = on_issue};
    QR_TRY(qr_report_create(place->allocator, "wal", place->path, &log.report, err));
    quire_status status = qr_wal_inspect(&options, &sink, &result, err);
    if (status == QUIRE_OK) {
        add_facts(&log, &result);
    }
    *damage = log.damage;
    qr_free(place->allocator, log.segments, log.capacity * sizeof *log.segments);
    if (status != QUIRE_OK) {
        quire_report_free(log.report);
        log.report = NULL;
    }
    *out = log.report;
    return status;
}

static quire_status walk_until_sure(const struct qr_source *source, bool has_database,
                                    quire_report **out, quire_error *err)
{
    uint64_t before = 0;
    for (int walks = 0; walks < WALKS_MAX; walks++) {
        uint64_t damage = 0;
        QR_TRY(walk_once(source, has_database, out, &damage, err));
        if (damage == 0 || damage == before) {
            return QUIRE_OK;
        }
        quire_report_free(*out);
        *out = NULL;
        before = damage;
        qr_yield();
    }
    return qr_fail_at(err, QUIRE_SNAPSHOT_TOO_OLD, source->log_path, QUIRE_NO_PAGE, 0,
                      "%s is written to faster than it can be read from another process; try "
                      "again.",
                      source->log_path);
}

/* There is no log: for a database that was closed that is as it should be. */
static quire_status report_absent(const struct qr_source *source, bool has_database,
                                  quire_report **out, quire_error *err)
{
    QR_TRY(qr_report_create(source->place.allocator, "wal", source->place.path, out, err));
    bool missing = has_database && !source->clean;
    qr_report_issue(*out, missing ? QR_INSPECT_LOG_MISSING : QR_INSPECT_LOG_ABSENT, QUIRE_NO_PAGE,
                    0, NULL, NULL);
    return QUIRE_OK;
}

quire_status qr_inspect_wal(const struct qr_inspect_place *place, quire_report **out,
                            quire_error *err)
{
    struct qr_source source;
    quire_report *report = NULL;
    bool exists = false;
    bool has_database = false;
    *out = NULL;
    quire_status status = qr_source_open(&source, place, err);
    if (status == QUIRE_OK) {
        status = qr_source_peek(&source, &has_database, err);
    }
    if (status == QUIRE_OK) {
        status = place->layer->methods->exists(place->layer, source.log_path, &exists, err);
    }
    if (status == QUIRE_OK) {
        status = exists ? walk_until_sure(&source, has_database, &report, err)
                        : report_absent(&source, has_database, &report, err);
    }
    qr_source_close(&source);
    return status == QUIRE_OK ? qr_report_finish(report, out, err) : status;
}
